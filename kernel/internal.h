/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of vhost_rpmsg share.
 *
 * A file calls only files below it: kernel/layers has the order, and `make lint`
 * holds the objects to it. What goes up goes through a callback that the upper
 * file has registered: an endpoint's ops, or the listener for events.
 *
 * Lock order, outermost first:
 *
 *   clients_lock		client.c: drivers and the named devices they have
 *   vrpmsg_eptdevs_lock		eptdev.c: nodes of processes come and go
 *   eptdev->lock		the endpoint of one of them
 *   vrpmsg_chrdevs_lock		node.c: char devices come and go
 *   vhost_dev.mutex		vhost core: ioctls of one VMM
 *   vrpmsg_devs_lock		device.c: names and ids of devices
 *   vq[RESPONSE].mutex		vhost core: a virtqueue; the core itself takes
 *   vq[REQUEST].mutex		both in the order of their indices
 *   rdev->lock			addresses, remotes, announcements, channels
 *   rdev->ready_lock		endpoints that have something to send
 *   chrdev->lock		queues of one char device
 *   linger_lock		linger.c: endpoints that end; users_lock too
 *   spares_lock		spare.c: endpoints that keep memory; msg_dead_lock too
 *
 * The vhost worker copies from and to memory of the guest with the virtqueue
 * mutexes held, the vhost core copies arguments of the VMM with vhost_dev.mutex
 * held, and a VMM can make such a copy take for ever (userfaultfd). So only the
 * VMM's own file and the worker take these three mutexes, nobody takes them with
 * a lock held that others need, and nobody copies memory of a guest or VMM with
 * any of the locks below them: netlink and the char devices never wait for a VMM.
 */
#ifndef VRPMSG_INTERNAL_H
#define VRPMSG_INTERNAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <uapi/linux/vhost_rpmsg_netlink.h>
#include "compat.h"
#include "vhost_rpmsg.h"

/*
 * One burst: after so many messages, or bytes, the worker signals the guest,
 * wakes readers and writers, and lets other work have its turn.
 */
#define VRPMSG_PKT_WEIGHT	64
#define VRPMSG_BYTE_WEIGHT	0x80000
/* What an endpoint may send in each round, in bytes with overhead. */
#define VRPMSG_SEND_QUANTUM	4096
/* Bound of VHOST_SET_VRING_BUSYLOOP_TIMEOUT, in microseconds. */
#define VRPMSG_BUSY_POLL_MAX	10000
/* How often to look for buffers of a guest that does not kick, in ms. */
#define VRPMSG_LOOK_INTERVAL	20

/* Of a device's tables of names. */
#define VRPMSG_NAME_BUCKETS	64

/*
 * For memory that is allocated with a lock held that others want. Who asks may be any
 * user, in a memory cgroup at its limit: reclaim is tried once, and the OOM killer
 * does not run.
 */
#define VRPMSG_GFP_LOCKED (GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

#define VRPMSG_NUM_STATS	(VHOST_RPMSG_A_STATS_MAX + 1)

/* As on the wire, in the byte order that the vhost core negotiated. */
struct vrpmsg_hdr {
	__virtio32 src;
	__virtio32 dst;
	__virtio32 reserved;
	__virtio16 len;
	__virtio16 flags;
};

static_assert(sizeof(struct vrpmsg_hdr) == 16);

/* How many events may be told now; see event.c. */
struct vrpmsg_event_budget {
	unsigned int left;
	unsigned long since;
};

/**
 * struct vrpmsg_events - what listeners have not heard of a device
 * @known: they have heard of the device
 * @shown: or seen it, or what is on it, in a reply
 * @changed: the device itself has changed, or is not @known
 * @gone: channels whose end is to be told
 * @num_gone: how many
 * @missed: there were too many: listeners are to be told that they missed some
 * @chans: channels that are new or have changed
 * @epts: endpoints that have changed
 * @ept_turn: the next one is of an endpoint
 * @budget: what may be told at once
 * @work: tells what has to wait
 *
 * All of it under the device's @lock.
 */
struct vrpmsg_events {
	bool known;
	bool shown;
	bool changed;
	struct list_head gone;
	u32 num_gone;
	bool missed;
	struct list_head chans;
	struct list_head epts;
	bool ept_turn;
	struct vrpmsg_event_budget budget;
	struct delayed_work work;
};

/**
 * struct vrpmsg_dev - a device: an address space with a name
 * @ref: held by the table of devices, the VMM and each endpoint
 * @id: number, 0 for one that an in-kernel client has to itself
 * @persistent: made over netlink, outlives its VMM
 * @name: vrpmsg_devs_lock and @lock to change, either to read
 * @lock: protects what is marked (l); a mutex, since events are allocated and
 *	sent under it
 * @told: who calls a callback of an endpoint with @lock held; @lock to change
 * @clients: drivers that have this device, see client.c
 * @dead: (l) deleted, takes no new endpoints
 * @attached: (l) a VMM has the device, until all that it left is cleaned up
 * @guest: there has been a guest that has not been forgotten; @lock to change
 * @used: buffers of that guest have been used; written by the worker
 * @stale: (l) that guest's VMM has closed its file, and may come back
 * @generation: which guest this is, or was; 0 before the first. @lock to change
 * @kept_used: (l) used indices of both rings at the last stop, if @guest
 * @kept_heads: (l) used entries of each ring that could not be written before that
 *	stop, as vq->heads has them; NULL: none
 * @kept_done: (l) how many
 * @running: (l) the rings run
 * @features: (l) what the guest's driver has acknowledged
 * @owner: (l) who may attach to a persistent device, INVALID_UID for everybody;
 *	root always may
 * @mtu_fixed: (l) the administrator's word, in the place of @mtu; 0: none
 * @hold_time: how long, in milliseconds, full endpoints may hold the guest back
 *	before they drop; 0: for ever; @lock to change
 * @vr: the rings, while they run; @lock to change, RCU to read. Whoever queues
 *	work on it is inside an RCU read section, and a stop waits for a grace
 *	period, so that no work is queued outside of start and stop.
 * @epts: address to struct vhost_rpmsg_ept; @lock to change, RCU to read
 * @next_addr: (l) where to look for the next free dynamic address
 * @num_epts: (l) endpoints that clients have added
 * @num_writers: (l) of these, endpoints that answer a request in one step
 * @anns: (l) announcements, in the order in which they were made
 * @ns_pending: (l) announcements with a message to be sent
 * @ns_sending: (l) the announcement in the message that was made last, until it
 *	is known to have reached the guest
 * @ns_destroying: (l) that message takes it back
 * @epts_gen: (l) endpoints that came or went
 * @ns_waits: no buffer was large enough for an announcement; vq[RESPONSE].mutex
 * @chans: (l) remote address to struct vrpmsg_chan
 * @num_chans: (l) number of @chans
 * @chans_gen: (l) channels that came or went
 * @named_chans: (l) the same by name
 * @named_epts: (l) endpoints by name
 * @ns_ept: the name service's endpoint, address 53
 * @names: what the name service wants to hear of endpoints
 * @users: who has made endpoints without being an administrator; users_lock
 * @num_owned: how many endpoints these have; likewise
 * @node: of a persistent device, what vrpmsg_dev_hooks have made for it
 * @ready_lock: protects what is marked (r); a spinlock, taken once or twice in
 *	a burst, with interrupts off, since a driver may send from one
 * @ready: (r) endpoints that have something to send and may, in this round
 * @waiting: (r) endpoints that have something to send, and have sent their share
 * @round: (r) counts the rounds in which each endpoint sends its share
 * @starved: something waits to be sent, and there is no buffer for it, or none that
 *	can be reached: written by the worker
 * @mtu: longest payload of a response, in bytes; @lock to change
 * @mtu_seen: @mtu is that of buffers of this guest; vq[RESPONSE].mutex
 * @hold_running: the clock of @hold_time runs; vq[REQUEST].mutex, as the next
 *	three; the times are in jiffies, and relative to now while the rings are
 *	stopped
 * @hold_since: when a message was first refused
 * @hold_seen: when one was refused last
 * @holding: the head of the ring is refused
 * @hold_over: @hold_time is over
 * @stalled: local address of the endpoint that holds the guest back, or
 *	VHOST_RPMSG_ADDR_ANY; written by the worker and at reset
 * @events: (l) what listeners have not heard
 * @stats: counters, by netlink attribute
 */
struct vrpmsg_dev {
	struct kref ref;
	u32 id;
	bool persistent;
	char name[VHOST_RPMSG_NAME_SIZE];

	struct mutex lock;
	struct task_struct *told;
	struct list_head clients;
	bool dead;
	bool attached;
	bool guest;
	bool used;
	bool stale;
	bool running;
	u16 kept_used[VIRTIO_RPMSG_NUM_OF_VQS];
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
	bool hold_running;
	bool holding;
	bool hold_over;
	u32 stalled;
	struct vrpmsg_events events;
	atomic64_t stats[VRPMSG_NUM_STATS];
};

/**
 * struct vrpmsg_chan - a channel: a service that the guest announced
 * @addr: remote address
 * @ept: the endpoint that is bound to it, or NULL
 * @known: listeners have heard of it
 * @shown: or seen it in a reply
 * @event_node: in a list of rdev->events, while they are to hear of it
 * @name_node: in rdev->named_chans
 * @name: as announced, any bytes; the wire has 32 with or without a NUL
 */
struct vrpmsg_chan {
	u32 addr;
	struct vhost_rpmsg_ept *ept;
	bool known;
	bool shown;
	struct list_head event_node;
	struct hlist_node name_node;
	char name[VHOST_RPMSG_NAME_SIZE + 1];
};

/**
 * struct vrpmsg_names - what the name service hears of a device's endpoints
 * @added: an endpoint has got its address
 * @removed: an endpoint has lost it
 * @moved: give an endpoint another remote, or none, and see to the channels
 *	that this frees or takes
 *
 * All are called with the device's mutex held.
 */
struct vrpmsg_names {
	void (*added)(struct vhost_rpmsg_ept *ept);
	void (*removed)(struct vhost_rpmsg_ept *ept);
	void (*moved)(struct vhost_rpmsg_ept *ept, u32 remote,
		      enum vhost_rpmsg_remote_kind kind);
};

/*
 * Whether this is a callback that is called with the device's mutex held, which is
 * not to be had then.
 */
static inline bool vrpmsg_dev_told(const struct vrpmsg_dev *rdev)
{
	return READ_ONCE(rdev->told) == current;
}

/* Before a driver's call takes that mutex: 0, or why it must not. */
static inline int vrpmsg_dev_may_lock(const struct vrpmsg_dev *rdev)
{
	might_sleep();
	if (!rdev)
		return -ENODEV;
	return WARN_ON_ONCE(vrpmsg_dev_told(rdev)) ? -EDEADLK : 0;
}

/*
 * Whether the guest has been held back for as long as it may be: a full queue
 * drops from here on, until a quarter of it is free, or hold_time is 0. Context:
 * read().
 */
static inline bool vrpmsg_dev_hold_over(const struct vrpmsg_dev *rdev)
{
	return READ_ONCE(rdev->hold_over) && READ_ONCE(rdev->hold_time);
}

static inline void vrpmsg_count(struct vrpmsg_dev *rdev, unsigned int stat,
				u64 n)
{
	atomic64_add(n, &rdev->stats[stat]);
}

void vrpmsg_drop(struct vrpmsg_dev *rdev, unsigned int stat, u32 addr,
		 size_t len);

/**
 * struct vrpmsg_dev_config - what an administrator can ask of a device
 * @name: of a new one
 * @mtu: longest payload, 0 for what the guest's buffers can take
 * @hold_time: milliseconds, 0 for ever
 * @owner: who may attach, INVALID_UID for everybody
 */
struct vrpmsg_dev_config {
	const char *name;
	u32 mtu;
	u32 hold_time;
	kuid_t owner;
};

/**
 * struct vrpmsg_listener - who hears of objects that come, change and go
 * @wanted: whether anybody listens
 * @dev: a device of the table
 * @ept: an endpoint, after it has been announced with VHOST_RPMSG_EVENT_NEW
 * @chan: a channel
 * @missed: there is more than can be told: look at everything anew
 *
 * All are called with the device's mutex held, so that events come in the order
 * in which things happened. They must not change anything.
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
 * struct vrpmsg_dev_hooks - what a front end has for each persistent device
 * @add: the device has its number and name, and nobody can find it before this
 *	returns 0; called with vrpmsg_devs_lock held
 * @remove: the device is dead, and has its endpoints still; called without locks
 */
struct vrpmsg_dev_hooks {
	int (*add)(struct vrpmsg_dev *rdev);
	void (*remove)(struct vrpmsg_dev *rdev);
};

/* event.c */
void vrpmsg_listen(const struct vrpmsg_listener *listener);
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
void vrpmsg_devs_settle(void);
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
void vrpmsg_ring_put_null(struct vhost_rpmsg *vr,
			  struct vhost_rpmsg_iter *iter);
void vrpmsg_ring_give_up(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
bool vrpmsg_ring_flush(struct vhost_rpmsg *vr, unsigned int qid);
size_t vrpmsg_ring_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size);
int vrpmsg_ring_peek_mtu(struct vhost_rpmsg *vr);
bool vrpmsg_ring_used_blank(struct vhost_virtqueue *vq);

/* ept.c */
int vrpmsg_ept_add(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept,
		   bool complete);
void vrpmsg_ept_put(struct vhost_rpmsg_ept *ept);
struct vhost_rpmsg_ept *vrpmsg_ept_get_first(struct vrpmsg_dev *rdev);
struct vhost_rpmsg_ept *vrpmsg_ept_touch(struct vhost_rpmsg *vr, u32 addr);
struct vhost_rpmsg_ept *vrpmsg_ept_touch_sender(struct vhost_rpmsg *vr,
						u32 addr);
bool vrpmsg_ept_any_ready(struct vrpmsg_dev *rdev);
struct vhost_rpmsg_ept *vrpmsg_ept_next_ready(struct vhost_rpmsg *vr);
void vrpmsg_ept_requeue(struct vhost_rpmsg_ept *ept, bool first);
bool vrpmsg_ept_charge(struct vhost_rpmsg_ept *ept, u32 cost);
void vrpmsg_ept_complete(struct vhost_rpmsg *vr, unsigned int qid);
void vrpmsg_ept_learn(struct vhost_rpmsg_ept *ept, u32 src);
void vrpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			   enum vhost_rpmsg_remote_kind kind);
void vrpmsg_ept_fix_remote(struct vhost_rpmsg_ept *ept, u32 remote);
void vrpmsg_ept_unfix_remote(struct vhost_rpmsg_ept *ept, bool follow);
void vrpmsg_ept_reset_all(struct vrpmsg_dev *rdev);
void vrpmsg_ept_new_guest(struct vrpmsg_dev *rdev);
void vrpmsg_ept_running_all(struct vrpmsg_dev *rdev, bool running);
void vrpmsg_ept_del_all(struct vrpmsg_dev *rdev);

/* ns.c */
int vrpmsg_ns_init(struct vrpmsg_dev *rdev);
void vrpmsg_ns_exit(struct vrpmsg_dev *rdev);
void vrpmsg_ns_reset(struct vrpmsg_dev *rdev);
bool vrpmsg_ns_fits(struct vrpmsg_dev *rdev, size_t room);
int vrpmsg_ns_announce(struct vhost_rpmsg_ept *ept, const char *name);
void vrpmsg_ns_withdraw(struct vhost_rpmsg_ept *ept);

/* guest.c */
void vrpmsg_hold_clear(struct vrpmsg_dev *rdev);
void vrpmsg_hold_begin(struct vrpmsg_dev *rdev);
void vrpmsg_hold_refused(struct vhost_rpmsg *vr);
bool vrpmsg_hold_gives_up(struct vhost_rpmsg_ept *ept);
void vrpmsg_hold_accepted(struct vrpmsg_dev *rdev);
void vrpmsg_hold_pause(struct vrpmsg_dev *rdev);
void vrpmsg_guest_keep_used(struct vhost_rpmsg *vr, unsigned int qid);
void vrpmsg_guest_restore_used(struct vhost_rpmsg *vr);
void vrpmsg_guest_forget(struct vrpmsg_dev *rdev);
void vrpmsg_guest_new(struct vrpmsg_dev *rdev);
void vrpmsg_guest_look_again(struct vhost_rpmsg *vr);
void vrpmsg_guest_begin_anew(struct vhost_rpmsg *vr);
bool vrpmsg_guest_same(struct vhost_rpmsg *vr);

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
int vrpmsg_server_forget(struct vrpmsg_dev *rdev);
void vrpmsg_server_del_all(void);
void vrpmsg_server_close(struct vhost_rpmsg *vr);

#endif /* VRPMSG_INTERNAL_H */
