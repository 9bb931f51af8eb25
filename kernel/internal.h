/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations that the files of vhost_rpmsg share.
 *
 * A file calls only files below it in kernel/layers, which `make lint` checks
 * on the objects. Calls upwards go through callbacks that the upper file has
 * registered: an endpoint's ops, or the listener for events.
 *
 * Lock order, outermost first:
 *
 *   clients_lock		client.c: drivers and their named devices
 *   vhost_dev.mutex		vhost core: ioctls of one VMM
 *   vrpmsg_eptdevs_lock		eptdev.c: nodes that processes create
 *   eptdev->lock		the endpoint of such a node
 *   vrpmsg_chrdevs_lock		node.c: the table of char devices
 *   vrpmsg_devs_lock		device.c: names and ids of devices
 *   vq[RESPONSE].mutex		vhost core: a virtqueue; the core itself takes
 *   vq[REQUEST].mutex		both in the order of their indices
 *   rdev->lock			addresses, remotes, announcements, channels
 *   rdev->ready_lock		endpoints that have something to send
 *   chrdev->lock		queues of one char device
 *   linger_lock		linger.c: closing endpoints; also users_lock
 *   spares_lock		spare.c: message caches; also msg_dead_lock
 *
 * The vhost worker copies to and from guest memory with the virtqueue mutexes
 * held. The vhost core copies arguments of the VMM with vhost_dev.mutex held. A
 * VMM can make such a copy take for ever (userfaultfd). Therefore, only the
 * VMM's own file and the worker take these three mutexes, and never with a lock
 * held that other parties need. No code copies memory of a guest or VMM with
 * any of the locks below them. So netlink and the char devices never wait for a
 * VMM.
 */
#ifndef VRPMSG_INTERNAL_H
#define VRPMSG_INTERNAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/stringhash.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <uapi/linux/vhost_rpmsg_netlink.h>
#include "compat.h"
#include "vhost_rpmsg.h"

/*
 * Limits of one burst. After so many messages or bytes, the worker signals the
 * guest, wakes readers and writers, and lets other works run.
 */
#define VRPMSG_PKT_WEIGHT	64
#define VRPMSG_BYTE_WEIGHT	0x80000
/* Bytes that an endpoint may send in each round, overhead included. */
#define VRPMSG_SEND_QUANTUM	4096
/* Upper limit of VHOST_SET_VRING_BUSYLOOP_TIMEOUT, in microseconds. */
#define VRPMSG_BUSY_POLL_MAX	10000
/* Polling interval for buffers of a guest that does not kick, in ms. */
#define VRPMSG_LOOK_INTERVAL	20

/* Size of a device's hash tables of names. */
#define VRPMSG_NAME_BUCKETS	64

/*
 * Flags for allocations with a contended lock held. The caller may be any user,
 * in a memory cgroup at its limit: try reclaim once, and do not invoke the OOM
 * killer.
 */
#define VRPMSG_GFP_LOCKED (GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

#define VRPMSG_NUM_STATS	(VHOST_RPMSG_A_STATS_MAX + 1)

/*
 * The first numbers of endpoints that are made with a ctrl node, and of drivers'
 * endpoints; those below are of administrators' endpoints.
 */
#define VRPMSG_FIRST_USER_ID	0x80000U
#define VRPMSG_FIRST_DRIVER_ID	0x100000U

/* As on the wire, in the byte order that the vhost core negotiated. */
struct vrpmsg_hdr {
	__virtio32 src;
	__virtio32 dst;
	__virtio32 reserved;
	__virtio16 len;
	__virtio16 flags;
};

#define VRPMSG_HDR_SIZE	sizeof(struct vrpmsg_hdr)
static_assert(VRPMSG_HDR_SIZE == 16);

/* Rate limit of events; see event.c. */
struct vrpmsg_event_budget {
	unsigned int left;
	unsigned long since;
};

/**
 * struct vrpmsg_events - pending events of a device
 * @known: listeners have been sent the device's NEW event
 * @shown: the device or an object on it has appeared in a reply
 * @changed: an event of the device itself is pending
 * @num_gone: number of channels in @chans whose DEL event is pending
 * @missed: too many events: listeners must be told that they missed some
 * @missed_next: when they may be told, in jiffies, although channels wait
 * @chans: channels with a pending event, in the order of their changes
 * @epts: endpoints with a pending NEW or CHANGE event
 * @ept_turn: endpoints had precedence when the last event was sent
 * @budget: rate limit
 * @work: sends the pending events
 *
 * All members are protected by the device's @lock.
 */
struct vrpmsg_events {
	bool known;
	bool shown;
	bool changed;
	u32 num_gone;
	bool missed;
	unsigned long missed_next;
	struct list_head chans;
	struct list_head epts;
	bool ept_turn;
	struct vrpmsg_event_budget budget;
	struct delayed_work work;
};

/**
 * struct vrpmsg_dev - a device: an address space with a name
 * @ref: held by the table of devices, the VMM and each endpoint
 * @rcu: for drivers that send in an RCU read-side critical section
 * @id: number; 0 for the private device of an in-kernel driver
 * @persistent: created over netlink, and outlives its VMM
 * @name: both vrpmsg_devs_lock and @lock to change, either to read
 * @lock: protects members marked (l); a mutex, since events are allocated and
 *	sent under it
 * @callback_task: task that runs a callback of an endpoint with @lock held;
 *	@lock to change
 * @clients: drivers that serve this device, see client.c
 * @dead: (l) being deleted, accepts no new endpoints
 * @attached: (l) a VMM uses the device; cleared when all cleanup after the VMM
 *	is done
 * @guest: there is a guest, or one that has not been forgotten yet; @lock to
 *	change
 * @used: buffers of that guest have been used; written by the worker
 * @stale: (l) that guest's VMM has closed its file, but may come back
 * @generation: number of the current or last guest; 0 before the first. @lock
 *	to change
 * @kept_used: (l) used indices of both rings at the last stop; valid if @guest
 * @kept_avail: (l) likewise the positions up to which the entries of the avail
 *	rings have been taken; further than the used indices by the entries in
 *	@kept_heads, and by all that were given up and could not be returned
 * @kept_heads: (l) copy of the entries in vq->heads of each ring that could not
 *	be written before that stop, or NULL
 * @kept_done: (l) number of entries in @kept_heads
 * @running: (l) the rings are running
 * @features: (l) features that the guest's driver has acknowledged
 * @owner: (l) user that may attach to a persistent device, INVALID_UID for any;
 *	root always may
 * @mtu_fixed: (l) MTU set by the administrator, which overrides @mtu; 0: none
 * @hold_time: how long full endpoints may hold the guest back before they drop
 *	messages, in milliseconds; 0: for ever; @lock to change
 * @vr: the rings, while they run; @lock to change, RCU to read. Code that
 *	queues work on them does so in an RCU read section, and a stop waits for
 *	a grace period, so that no work is queued while the rings are stopped.
 * @epts: address to struct vhost_rpmsg_ept; @lock to change, RCU to read
 * @next_addr: (l) where to start the search for a free dynamic address
 * @num_epts: (l) endpoints that clients have added
 * @num_writers: (l) how many of these have write(), which answers a request in
 *	one step
 * @anns: (l) announcements, in the order of their creation
 * @ns_pending: (l) announcements whose message is still to be sent
 * @ns_sending: (l) announcement in the last message built, until that is known
 *	to have reached the guest
 * @ns_destroying: (l) that message withdraws the announcement
 * @epts_gen: (l) counts endpoints added and deleted
 * @ns_waits: no buffer was large enough for an announcement; vq[RESPONSE].mutex
 * @chans: (l) remote address to struct vrpmsg_chan
 * @num_chans: (l) number of @chans
 * @chans_gen: (l) counts channels added and deleted
 * @named_chans: (l) hash table of @chans by name
 * @named_epts: (l) hash table of endpoints by name
 * @named_anns: (l) hash table of @anns by name
 * @ns_ept: the name service's endpoint, address 53
 * @names: callbacks of the name service for changes of endpoints
 * @users: unprivileged users that have created endpoints; users_lock
 * @num_owned: number of endpoints of all these users within the limits;
 *	users_lock
 * @node: what vrpmsg_dev_hooks created for a persistent device
 * @ready_lock: protects members marked (r); a spinlock that disables
 *	interrupts, since a driver may send from one; taken once or twice in a
 *	burst
 * @ready: (r) endpoints that have something to send and may have some of their
 *	share of this round left
 * @waiting: (r) endpoints that have something to send, but have used up their
 *	share
 * @round: (r) number of the current round
 * @starved: a message waits because there is no buffer, or none that is
 *	accessible; written by the worker
 * @mtu: longest payload that fits into the guest's buffers, in bytes; @lock to
 *	change
 * @mtu_seen: @mtu was taken from buffers of this guest; vq[RESPONSE].mutex
 * @hold_running: the hold timer runs. This and the next four are protected by
 *	vq[REQUEST].mutex. The times are in jiffies, and stored as elapsed times
 *	while the rings are stopped.
 * @hold_since: time of the first refusal
 * @hold_seen: time of the last refusal that was not brief
 * @hold_head: time when the message at the head was first refused
 * @holding: the message at the head of the ring has been refused
 * @hold_expired: the @hold_time that has expired, or 0
 * @stalled: local address of the endpoint that holds the guest back, or
 *	VHOST_RPMSG_ADDR_ANY; written by the worker and at reset
 * @events: (l) pending events
 * @stats: counters, indexed by netlink attribute
 */
struct vrpmsg_dev {
	struct kref ref;
	struct rcu_head rcu;
	u32 id;
	bool persistent;
	char name[VHOST_RPMSG_NAME_SIZE];

	struct mutex lock;
	struct task_struct *callback_task;
	struct list_head clients;
	bool dead;
	bool attached;
	bool guest;
	bool used;
	bool stale;
	bool running;
	u16 kept_used[VIRTIO_RPMSG_NUM_OF_VQS];
	u16 kept_avail[VIRTIO_RPMSG_NUM_OF_VQS];
	struct vring_used_elem *kept_heads[VIRTIO_RPMSG_NUM_OF_VQS];
	u16 kept_done[VIRTIO_RPMSG_NUM_OF_VQS];
	u32 generation;
	u64 features;
	kuid_t owner;
	u32 mtu_fixed;
	u32 hold_time;
	struct vhost_rpmsg __rcu *vr;
	struct xarray epts;
	u32 next_addr;
	u32 num_epts;
	u32 epts_gen;
	u32 num_writers;
	struct list_head anns;
	struct list_head ns_pending;
	struct vrpmsg_ann *ns_sending;
	bool ns_destroying;
	bool ns_waits;
	struct xarray chans;
	u32 num_chans;
	u32 chans_gen;
	struct hlist_head named_chans[VRPMSG_NAME_BUCKETS];
	struct hlist_head named_epts[VRPMSG_NAME_BUCKETS];
	struct hlist_head named_anns[VRPMSG_NAME_BUCKETS];
	struct vhost_rpmsg_ept ns_ept;
	const struct vrpmsg_names *names;
	struct list_head users;
	u32 num_owned;
	struct device *node;

	spinlock_t ready_lock;
	struct list_head ready;
	struct list_head waiting;
	u32 round;
	bool starved;

	u32 mtu;
	bool mtu_seen;
	unsigned long hold_since;
	unsigned long hold_seen;
	unsigned long hold_head;
	bool hold_running;
	bool holding;
	u32 hold_expired;
	u32 stalled;
	struct vrpmsg_events events;
	atomic64_t stats[VRPMSG_NUM_STATS];
};

/**
 * struct vrpmsg_chan - a channel: a service that the guest announced
 * @addr: remote address
 * @ept: endpoint that is bound to the channel, or NULL
 * @known: listeners have been sent its NEW event
 * @shown: it has appeared in a reply
 * @gone: no longer in the table; freed when its DEL event is sent
 * @event_node: in rdev->events.chans, while an event is pending
 * @name_node: in rdev->named_chans
 * @name: as announced; may hold any bytes. On the wire it has 32 bytes, with or
 *	without a NUL.
 */
struct vrpmsg_chan {
	u32 addr;
	struct vhost_rpmsg_ept *ept;
	bool known;
	bool shown;
	bool gone;
	struct list_head event_node;
	struct hlist_node name_node;
	char name[VHOST_RPMSG_NAME_SIZE + 1];
};

/**
 * struct vrpmsg_ann - an announcement to the guest
 * @node: in rdev->anns
 * @name_node: in rdev->named_anns, as long as @node is in that list
 * @pending_node: in rdev->ns_pending while its message is still to be sent
 * @addr: local address
 * @withdrawn: removed from both, and freed once the guest has been told
 * @name: name of the service
 *
 * All members are protected by rdev->lock.
 */
struct vrpmsg_ann {
	struct list_head node;
	struct hlist_node name_node;
	struct list_head pending_node;
	u32 addr;
	bool withdrawn;
	char name[VHOST_RPMSG_NAME_SIZE];
};

/**
 * struct vrpmsg_names - callbacks of the name service for a device's endpoints
 * @added: an endpoint has been given its address
 * @removed: an endpoint has lost its address
 * @set_remote: set or clear the remote of an endpoint, and update the channels
 *	that this releases or binds
 *
 * All are called with the device's mutex held.
 */
struct vrpmsg_names {
	void (*added)(struct vhost_rpmsg_ept *ept);
	void (*removed)(struct vhost_rpmsg_ept *ept);
	void (*set_remote)(struct vhost_rpmsg_ept *ept, u32 remote,
			   enum vhost_rpmsg_remote_kind kind);
};

/* Return the bucket of a name in a hash table of a device. */
static inline struct hlist_head *vrpmsg_name_bucket(struct hlist_head *table,
						    const char *name)
{
	/* The salt keeps a guest from filling one bucket. */
	return &table[full_name_hash(table, name, strlen(name)) %
		      VRPMSG_NAME_BUCKETS];
}

/*
 * Whether the current thread is in a callback that is called with the device's
 * mutex held, and so must not take it.
 */
static inline bool vrpmsg_dev_in_callback(const struct vrpmsg_dev *rdev)
{
	return READ_ONCE(rdev->callback_task) == current;
}

/* Check that a driver's call may take that mutex. Returns 0 or an error. */
static inline int vrpmsg_dev_may_lock(const struct vrpmsg_dev *rdev)
{
	might_sleep();
	if (!rdev)
		return -ENODEV;
	return WARN_ON_ONCE(vrpmsg_dev_in_callback(rdev)) ? -EDEADLK : 0;
}

/*
 * Whether to drop messages since the hold time of @expired milliseconds is over:
 * not if @expired is 0, or if an administrator has set a longer one or 0 since.
 */
static inline bool vrpmsg_dev_drops_after(const struct vrpmsg_dev *rdev,
					  u32 expired)
{
	u32 limit = READ_ONCE(rdev->hold_time);

	return limit && limit <= expired;
}

/*
 * Whether hold_time has expired. Then a full queue drops messages until a
 * quarter of it is free, or a longer hold_time is set. Context: read().
 */
static inline bool vrpmsg_dev_hold_expired(const struct vrpmsg_dev *rdev)
{
	return vrpmsg_dev_drops_after(rdev, READ_ONCE(rdev->hold_expired));
}

static inline void vrpmsg_count(struct vrpmsg_dev *rdev, unsigned int stat,
				u64 n)
{
	atomic64_add(n, &rdev->stats[stat]);
}

void vrpmsg_drop(struct vrpmsg_dev *rdev, unsigned int stat, u32 addr,
		 size_t len);

/**
 * struct vrpmsg_dev_config - settings of a device by an administrator
 * @name: name of a new device
 * @mtu: longest payload, 0 to derive it from the guest's buffers
 * @hold_time: milliseconds, 0 for ever
 * @owner: user that may attach, INVALID_UID for any
 */
struct vrpmsg_dev_config {
	const char *name;
	u32 mtu;
	u32 hold_time;
	kuid_t owner;
};

/**
 * struct vrpmsg_listener - receiver of events
 * @wanted: return whether there is any recipient
 * @dev: event of a device of the table
 * @ept: event of an endpoint; VHOST_RPMSG_EVENT_NEW comes first
 * @chan: event of a channel
 * @missed: events were lost, so listeners must request all objects again
 *
 * All are called with the device's mutex held, so that events come in the order
 * of the changes. They must not change anything.
 */
struct vrpmsg_listener {
	bool (*wanted)(void);
	void (*dev)(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event);
	void (*ept)(struct vhost_rpmsg_ept *ept, enum vhost_rpmsg_event event);
	void (*chan)(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
		     enum vhost_rpmsg_event event);
	void (*missed)(void);
};

/**
 * struct vrpmsg_dev_hooks - callbacks of a front end for persistent devices
 * @add: the device has its number and name, but cannot be found before this
 *	returns 0; called with vrpmsg_devs_lock held
 * @remove: the device is dead, but still has its endpoints; called without
 *	locks
 * @evict: an endpoint needs the address. If the one that has it only has its
 *	last messages left to send, delete that one. Returns true if the address
 *	is free now. Called without locks, or with a driver's
 */
struct vrpmsg_dev_hooks {
	int (*add)(struct vrpmsg_dev *rdev);
	void (*remove)(struct vrpmsg_dev *rdev);
	bool (*evict)(struct vrpmsg_dev *rdev, u32 addr);
};

/* event.c */
void vrpmsg_set_listener(const struct vrpmsg_listener *listener);
void vrpmsg_events_init(struct vrpmsg_dev *rdev);
void vrpmsg_events_stop(struct vrpmsg_dev *rdev);
void vrpmsg_dev_event(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event);
void vrpmsg_chan_event(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
		       enum vhost_rpmsg_event event);
void vrpmsg_chan_gone(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan);
void vrpmsg_ept_event(struct vhost_rpmsg_ept *ept,
		      enum vhost_rpmsg_event event);

/* device.c */
extern struct mutex vrpmsg_devs_lock;
void vrpmsg_devs_hook(const struct vrpmsg_dev_hooks *hooks);
void vrpmsg_dev_unhook(struct vrpmsg_dev *rdev);
bool vrpmsg_dev_evict(struct vrpmsg_dev *rdev, u32 addr);
struct vrpmsg_dev *vrpmsg_dev_alloc(void);
int vrpmsg_dev_register(struct vrpmsg_dev *rdev,
			const struct vrpmsg_dev_config *cfg);
void vrpmsg_dev_set(struct vrpmsg_dev *rdev,
		    const struct vrpmsg_dev_config *cfg);
void vrpmsg_dev_unregister(struct vrpmsg_dev *rdev);
int vrpmsg_dev_kill(struct vrpmsg_dev *rdev);
struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_dev *rdev);
struct vrpmsg_dev *vrpmsg_dev_get_by_id(u32 id);
struct vrpmsg_dev *vrpmsg_dev_get_by_name(const char *name);
struct vrpmsg_dev *vrpmsg_dev_get_next(u32 id);
void vrpmsg_dev_put(struct vrpmsg_dev *rdev);
int vrpmsg_dev_attach_named(struct vhost_rpmsg *vr, const char *name,
			    bool existing);
void vrpmsg_dev_set_features(struct vrpmsg_dev *rdev, u64 features);
void vrpmsg_dev_set_mtu(struct vrpmsg_dev *rdev, u32 mtu);
void vrpmsg_dev_changed(struct vrpmsg_dev *rdev);
enum vhost_rpmsg_dev_state vrpmsg_dev_state(const struct vrpmsg_dev *rdev);
void vrpmsg_dev_kick(struct vrpmsg_dev *rdev, unsigned int qid);
u32 vrpmsg_devs_gen(void);
u32 vrpmsg_dev_new_ept_id(const struct vrpmsg_dev *rdev);
void vrpmsg_devs_stop_events(void);
bool vrpmsg_name_valid(const char *name);
bool vrpmsg_dev_name_valid(const char *name);

/* The longest payload that can be written now. */
static inline u32 vrpmsg_dev_mtu(const struct vrpmsg_dev *rdev)
{
	return READ_ONCE(rdev->mtu_fixed) ?: READ_ONCE(rdev->mtu);
}

/* user.c */
struct vrpmsg_user;
struct vrpmsg_user *vrpmsg_user_charge(struct vrpmsg_dev *rdev);
void vrpmsg_user_uncharge(struct vrpmsg_dev *rdev, struct vrpmsg_user *user);
u32 vrpmsg_user_count(struct vrpmsg_dev *rdev);

/* ring.c */
int vrpmsg_ring_get(struct vhost_rpmsg *vr, unsigned int qid,
		    struct vhost_rpmsg_iter *iter);
void vrpmsg_ring_unget(struct vhost_rpmsg_iter *iter);
bool vrpmsg_ring_retry(struct vrpmsg_ring *ring);
void vrpmsg_ring_put_request(struct vhost_rpmsg *vr,
			     struct vhost_rpmsg_iter *iter);
int vrpmsg_ring_put_response(struct vhost_rpmsg *vr,
			     struct vhost_rpmsg_iter *iter);
int vrpmsg_ring_put_null(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
bool vrpmsg_ring_defer(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
int vrpmsg_ring_probe(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
bool vrpmsg_ring_flush(struct vhost_rpmsg *vr, unsigned int qid);
size_t vrpmsg_ring_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size);
bool vrpmsg_ring_is_away(struct vhost_virtqueue *vq, int err);
bool vrpmsg_ring_is_armed(struct vhost_virtqueue *vq);
bool vrpmsg_ring_used_blank(struct vhost_virtqueue *vq);
int vrpmsg_ring_check_pos(struct vhost_virtqueue *vq, u16 pos);

/* peek.c */
int vrpmsg_peek_mtu(struct vhost_rpmsg *vr);

/* ept.c */
int vrpmsg_ept_add(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept,
		   bool complete);
void vrpmsg_ept_put(struct vhost_rpmsg_ept *ept);
void vrpmsg_ept_wait_releases(void);
struct vhost_rpmsg_ept *vrpmsg_ept_get_first(struct vrpmsg_dev *rdev);
void vrpmsg_ept_learn(struct vhost_rpmsg_ept *ept, u32 src);
void vrpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			   enum vhost_rpmsg_remote_kind kind);
void vrpmsg_ept_fix_remote(struct vhost_rpmsg_ept *ept, u32 remote);
void vrpmsg_ept_unfix_remote(struct vhost_rpmsg_ept *ept, bool follow);
void vrpmsg_ept_reset_all(struct vrpmsg_dev *rdev);
void vrpmsg_ept_new_guest(struct vrpmsg_dev *rdev);
void vrpmsg_ept_running_all(struct vrpmsg_dev *rdev, bool running);
void vrpmsg_ept_del_all(struct vrpmsg_dev *rdev);

/* turn.c */
struct vhost_rpmsg_ept *vrpmsg_ept_touch(struct vhost_rpmsg *vr, u32 addr);
struct vhost_rpmsg_ept *vrpmsg_ept_touch_sender(struct vhost_rpmsg *vr,
						u32 addr);
bool vrpmsg_ept_any_ready(struct vrpmsg_dev *rdev);
struct vhost_rpmsg_ept *vrpmsg_ept_next_ready(struct vhost_rpmsg *vr);
void vrpmsg_ept_requeue(struct vhost_rpmsg_ept *ept, bool first);
bool vrpmsg_ept_charge(struct vhost_rpmsg_ept *ept, u32 cost);
void vrpmsg_ept_complete(struct vhost_rpmsg *vr, unsigned int qid);

/* chan.c */
void vrpmsg_chan_ept_added(struct vhost_rpmsg_ept *ept);
void vrpmsg_chan_ept_removed(struct vhost_rpmsg_ept *ept);
void vrpmsg_chan_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			    enum vhost_rpmsg_remote_kind kind);
struct vrpmsg_chan *vrpmsg_chan_alloc(struct vrpmsg_dev *rdev, const char *name,
				      u32 addr);
bool vrpmsg_chan_create(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan);
void vrpmsg_chan_destroy(struct vrpmsg_dev *rdev, const char *name, u32 addr);
void vrpmsg_chans_reset(struct vrpmsg_dev *rdev);

/* ns.c */
int vrpmsg_ns_init(struct vrpmsg_dev *rdev);
void vrpmsg_ns_exit(struct vrpmsg_dev *rdev);
void vrpmsg_ns_reset(struct vrpmsg_dev *rdev);
bool vrpmsg_ns_check_room(struct vrpmsg_dev *rdev, size_t room);
int vrpmsg_ns_announce(struct vhost_rpmsg_ept *ept, const char *name);
void vrpmsg_ns_withdraw(struct vhost_rpmsg_ept *ept);
const char *vrpmsg_ns_name(struct vhost_rpmsg_ept *ept);

/* guest.c */
void vrpmsg_hold_clear(struct vrpmsg_dev *rdev);
void vrpmsg_hold_begin(struct vrpmsg_dev *rdev);
void vrpmsg_hold_refused(struct vhost_rpmsg *vr);
bool vrpmsg_hold_should_drop(struct vhost_rpmsg_ept *ept);
void vrpmsg_hold_accepted(struct vrpmsg_dev *rdev);
void vrpmsg_hold_pause(struct vrpmsg_dev *rdev);
void vrpmsg_guest_keep_used(struct vhost_rpmsg *vr, unsigned int qid);
void vrpmsg_guest_restore(struct vhost_rpmsg *vr);
void vrpmsg_guest_forget(struct vrpmsg_dev *rdev);
void vrpmsg_guest_new(struct vrpmsg_dev *rdev);
void vrpmsg_guest_reset_state(struct vhost_rpmsg *vr);
void vrpmsg_guest_restart(struct vhost_rpmsg *vr);
int vrpmsg_guest_check_same(struct vhost_rpmsg *vr);

/* burst.c */
void vrpmsg_burst_rx(struct vhost_work *work);
void vrpmsg_burst_tx(struct vhost_work *work);
void vrpmsg_burst_timer(struct timer_list *timer);

/* rings.c */
void vrpmsg_rings_init(struct vhost_rpmsg *vr);
void vrpmsg_rings_exit(struct vhost_rpmsg *vr);

/* client.c */
int vrpmsg_clients_register_dev(struct vrpmsg_dev *rdev,
				const struct vrpmsg_dev_config *cfg);
void vrpmsg_clients_remove_dev(struct vrpmsg_dev *rdev);

/* server.c */
struct vrpmsg_dev *vrpmsg_server_new(const struct vrpmsg_dev_config *cfg);
int vrpmsg_server_del(struct vrpmsg_dev *rdev);
int vrpmsg_server_forget_guest(struct vrpmsg_dev *rdev);
void vrpmsg_server_del_all(void);
void vrpmsg_server_close(struct vhost_rpmsg *vr);

#endif /* VRPMSG_INTERNAL_H */
