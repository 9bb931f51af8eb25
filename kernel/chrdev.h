/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_CHRDEV_H
#define VRPMSG_CHRDEV_H

#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "msg.h"
#include "spare.h"

struct vrpmsg_chrdev;

/**
 * struct vrpmsg_file - an open file of an endpoint
 * @chrdev: the endpoint; the file holds a reference
 * @memcg: memory cgroup of the opener, charged for messages
 * @generation: generation of the guest that the process knows of
 * @batch: batch mode: a call reads or writes as many records as possible
 * @read_lock: serialises readers, and protects the messages in the receive
 *	queue against removal; a mutex, since it is held while a message is
 *	copied to the process
 * @retry: allocates memory for messages when there was none without reclaim
 * @retry_len: length of the message that found none; chrdev->lock
 * @poor: @retry has found too little; chrdev->lock
 * @resume: has the guest continue, if what was read is worth it only after a time
 */
struct vrpmsg_file {
	struct vrpmsg_chrdev *chrdev;
	struct mem_cgroup *memcg;
	u32 generation;
	bool batch;
	struct mutex read_lock;
	struct delayed_work retry;
	u32 retry_len;
	bool poor;
	struct delayed_work resume;
};

/**
 * struct vrpmsg_rx_burst - state of a burst of messages from the guest
 * @begun: the other members are set
 * @reader: the file was open for reading when the burst began
 * @accept: messages are accepted: there was a reader, or they wait for one
 * @policy: the endpoint's policy when the burst began
 * @limit: likewise its limit of the receive queue
 * @closes: likewise its @closes
 * @changes: likewise its @changes
 * @memcg: charged for messages, referenced
 * @queue: messages that are not in the endpoint's queue yet
 * @spare: cached memory for messages
 */
struct vrpmsg_rx_burst {
	bool begun;
	bool reader;
	bool accept;
	u8 policy;
	u32 limit;
	u32 closes;
	u32 changes;
	struct mem_cgroup *memcg;
	struct vrpmsg_queue queue;
	struct vrpmsg_pool spare;
};

/**
 * struct vrpmsg_tx_burst - state of a burst of messages to the guest
 * @queue: messages taken from the endpoint's queue
 * @last: the last message sent, which may have to be sent again
 * @spare: memory of messages that have been sent
 * @done: bytes, overhead included, that have left the send queue
 * @done_len: bytes of payload sent
 * @done_num: messages sent
 */
struct vrpmsg_tx_burst {
	struct vrpmsg_queue queue;
	struct vrpmsg_msg *last;
	struct vrpmsg_pool spare;
	u32 done;
	u32 done_len;
	u32 done_num;
};

/**
 * struct vrpmsg_chrdev - an endpoint with a char device
 * @ept: endpoint of the in-kernel API; it holds a reference
 * @ref: held by the table, @ept, open files, and temporarily by netlink
 * @rcu: look-ups of the endpoint may still see it
 * @id: the N of /dev/vrpmsg-epN, if there is such a node
 * @lent: @id belongs to a struct vrpmsg_eptdev, which keeps it
 * @temporary: it lives until the last file is closed and its messages are sent
 * @descriptor: it has no node
 * @owner: user that created it, or INVALID_UID for an administrator
 * @user: user for which it is counted, or NULL
 * @addressed: records start with struct vhost_rpmsg_addr
 * @name: name of the service; empty if there is none
 * @dev: the char device; vrpmsg_chrdevs_lock
 * @memcg: memory cgroup of the creator, charged for messages while no file is
 *	open for reading
 * @lock: protects members marked (l); a spinlock, which each side takes once or
 *	twice per message or burst
 * @reader: (l) the file that is open for reading, or NULL
 * @spare: (l) cache of messages, while a file is open
 * @closes: (l) counts how often a reader has closed the file, or a process has
 *	destroyed the endpoint
 * @changes: (l) counts changes of what the worker copies into @rx_burst; it
 *	reads this without the lock
 * @fresh: (l) there was no reader since the endpoint was created or announced,
 *	or its guest was reset: messages wait for the first reader
 * @gone: (l) no file can use the endpoint any more
 * @deleted: the endpoint has been removed from its device; vrpmsg_chrdevs_lock
 * @closing: (l) the last file has been closed or a process has destroyed the
 *	endpoint, and messages are still to be sent
 * @ended: (l) it is about to be deleted for that reason, and cannot be opened
 *	any more
 * @linger_node: in the list of linger.c; linger_lock
 * @linger_until: when @closing times out, in jiffies; linger_lock
 * @stalled: (l) a full receive queue holds the guest back
 * @stalled_at: (l) since when, in jiffies
 * @dropping: (l) the hold time that has expired, in milliseconds, so that
 *	messages are dropped; or 0
 * @policy: (l) what to do when the receive queue is full
 * @closed: (l) what to do with messages after a reader has closed the file
 * @reset: (l) what to do with unread messages when the guest is reset
 * @rx_limit: (l) limit of the receive queue, in bytes with overhead
 * @tx_limit: (l) limit of the send queue, in bytes with overhead
 * @tx_used: (l) bytes in @tx and @tx_burst
 * @rx: (l) messages that wait for a reader
 * @rx_dead: (l) messages to be freed by a reader, which may be copying one of
 *	them right now; they count against @rx_limit
 * @tx: (l) messages that wait for the worker
 * @rx_wait: waiting readers
 * @tx_wait: waiting writers
 * @stats: counters, indexed by netlink attribute
 * @rx_burst: used by the worker only, with vq[REQUEST].mutex held
 * @tx_burst: used by the worker with vq[RESPONSE].mutex held, or by the last
 *	user
 */
struct vrpmsg_chrdev {
	struct vhost_rpmsg_ept ept;
	struct kref ref;
	struct rcu_head rcu;
	u32 id;
	bool lent;
	bool temporary;
	bool descriptor;
	bool addressed;
	kuid_t owner;
	struct vrpmsg_user *user;
	char name[VHOST_RPMSG_NAME_SIZE];
	struct device *dev;
	struct mem_cgroup *memcg;

	spinlock_t lock;
	struct vrpmsg_file *reader;
	struct vrpmsg_spare *spare;
	u32 closes;
	u32 changes;
	bool fresh;
	bool gone;
	bool deleted;
	bool closing;
	bool ended;
	struct list_head linger_node;
	unsigned long linger_until;
	bool stalled;
	unsigned long stalled_at;
	u32 dropping;
	u8 policy;
	u8 closed;
	u8 reset;
	u32 rx_limit;
	u32 tx_limit;
	u32 tx_used;
	struct vrpmsg_queue rx;
	struct vrpmsg_queue rx_dead;
	struct vrpmsg_queue tx;
	wait_queue_head_t rx_wait;
	wait_queue_head_t tx_wait;
	atomic64_t stats[VRPMSG_NUM_STATS];

	struct vrpmsg_rx_burst rx_burst;
	struct vrpmsg_tx_burst tx_burst;
};

/*
 * What poll() reports when write() can queue a message. EPOLLMSG alone: it
 * would fail at once.
 */
#define VRPMSG_POLL_WRITE	(EPOLLOUT | EPOLLWRNORM | EPOLLMSG)

/* Choose any free number. */
#define VRPMSG_NUMBER_ANY	U32_MAX

/* Do not change the remote. */
#define VRPMSG_REMOTE_STAYS	0xff

/**
 * struct vrpmsg_chrdev_config - configuration of an endpoint
 * @name: name of the service, or NULL
 * @addr: local address, or VHOST_RPMSG_ADDR_ANY
 * @remote: fixed remote, or VHOST_RPMSG_ADDR_ANY
 * @remote_mode: enum vhost_rpmsg_remote_mode, or VRPMSG_REMOTE_STAYS
 * @addressed: as in struct vrpmsg_chrdev
 * @policy: enum vhost_rpmsg_full_policy
 * @closed: enum vhost_rpmsg_closed_policy
 * @reset: enum vhost_rpmsg_reset_policy
 * @rx_limit: limit of the receive queue, in bytes with overhead
 * @tx_limit: limit of the send queue, in bytes with overhead
 * @announce: announce the endpoint, which must have a name
 * @node: create a node
 * @number: number that the caller keeps, or VRPMSG_NUMBER_ANY
 * @temporary: as in struct vrpmsg_chrdev
 * @owner: user that creates it
 * @user: user for which it has been counted already
 */
struct vrpmsg_chrdev_config {
	const char *name;
	u32 addr;
	u32 remote;
	u8 remote_mode;
	bool addressed;
	u8 policy;
	u8 closed;
	u8 reset;
	u32 rx_limit;
	u32 tx_limit;
	bool announce;
	bool node;
	u32 number;
	bool temporary;
	kuid_t owner;
	struct vrpmsg_user *user;
};

/* Default configuration of an administrator's endpoint. */
static inline struct vrpmsg_chrdev_config vrpmsg_chrdev_defaults(void)
{
	return (struct vrpmsg_chrdev_config){
		.addr = VHOST_RPMSG_ADDR_ANY,
		.remote = VHOST_RPMSG_ADDR_ANY,
		.remote_mode = VHOST_RPMSG_REMOTE_MODE_LEARN,
		.policy = VHOST_RPMSG_FULL_POLICY_HOLD,
		.closed = VHOST_RPMSG_CLOSED_POLICY_DROP,
		.reset = VHOST_RPMSG_RESET_POLICY_KEEP,
		.rx_limit = VHOST_RPMSG_DEFAULT_LIMIT,
		.tx_limit = VHOST_RPMSG_DEFAULT_LIMIT,
		.node = true,
		.number = VRPMSG_NUMBER_ANY,
		.owner = INVALID_UID,
	};
}

/* The same for a user's endpoint. Addresses may be VHOST_RPMSG_ADDR_ANY. */
static inline struct vrpmsg_chrdev_config
vrpmsg_chrdev_user_defaults(kuid_t owner, const char *name, u32 addr,
			    u32 remote)
{
	struct vrpmsg_chrdev_config cfg = vrpmsg_chrdev_defaults();

	cfg.name = name;
	cfg.addr = addr;
	cfg.remote = remote;
	if (remote != VHOST_RPMSG_ADDR_ANY)
		cfg.remote_mode = VHOST_RPMSG_REMOTE_MODE_FIXED;
	/* An unprivileged user must not hold the guest back. */
	cfg.policy = VHOST_RPMSG_FULL_POLICY_DROP;
	cfg.node = false;
	cfg.owner = owner;
	return cfg;
}

static inline struct vrpmsg_chrdev *
vrpmsg_chrdev_of(struct vhost_rpmsg_ept *ept)
{
	return container_of(ept, struct vrpmsg_chrdev, ept);
}

/*
 * The reader, @fresh or a setting has changed: it applies to all messages that
 * the guest sends from now on, also in the current burst.
 */
static inline void vrpmsg_chrdev_changed(struct vrpmsg_chrdev *chrdev)
{
	lockdep_assert_held(&chrdev->lock);
	WRITE_ONCE(chrdev->changes, chrdev->changes + 1);
}

/* room.c: when a guest is held back */
u32 vrpmsg_room_used(const struct vrpmsg_chrdev *chrdev);
bool vrpmsg_chrdev_can_resume(struct vrpmsg_chrdev *chrdev);
void vrpmsg_chrdev_resume(struct vrpmsg_chrdev *chrdev);
void vrpmsg_room_init(struct vrpmsg_file *reader);
bool vrpmsg_room_made(struct vrpmsg_file *reader);
void vrpmsg_room_stop_holding(struct vrpmsg_chrdev *chrdev);
bool vrpmsg_room_is_dropping(struct vrpmsg_chrdev *chrdev);

/* queue.c: messages of an endpoint, and the worker's side of it */
void vrpmsg_chrdev_put(struct vrpmsg_chrdev *chrdev);
u32 vrpmsg_chrdev_drop_all(struct vrpmsg_chrdev *chrdev,
			   struct vrpmsg_queue *queue, unsigned int stat);
void vrpmsg_chrdev_event(struct vrpmsg_chrdev *chrdev,
			 enum vhost_rpmsg_event event);
void vrpmsg_chrdev_set_gone(struct vrpmsg_chrdev *chrdev);
void vrpmsg_queue_init_retry(struct vrpmsg_file *reader);
ssize_t vrpmsg_queue_read(struct vhost_rpmsg *vr,
			  struct vhost_rpmsg_iter *iter);
int vrpmsg_queue_send(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
void vrpmsg_queue_unsend(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_drop(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_rx_complete(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_tx_complete(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_remote_changed(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_reset(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_new_guest(struct vhost_rpmsg_ept *ept);
void vrpmsg_queue_release(struct vhost_rpmsg_ept *ept);

/* linger.c: closing of endpoints */
bool vrpmsg_linger_begin(struct vrpmsg_chrdev *chrdev);
void vrpmsg_linger_stop(struct vrpmsg_chrdev *chrdev);
void vrpmsg_linger_sent(struct vrpmsg_chrdev *chrdev);
bool vrpmsg_linger_cut_short(struct vrpmsg_chrdev *chrdev);
void vrpmsg_linger_exit(void);

/* node.c: creation, changes and deletion of endpoints and their nodes */
int vrpmsg_node_register(const struct file_operations *fops);
void vrpmsg_node_unregister(void);
struct device *vrpmsg_node_add(dev_t devt, const struct device_type *type,
			       struct device *parent, void *data,
			       const char *name);
int vrpmsg_node_uevent_name(struct kobj_uevent_env *env, const char *name);
bool vrpmsg_node_evict(struct vrpmsg_dev *rdev, u32 addr);
int vrpmsg_number_get(u32 *number, bool users);
void vrpmsg_number_put(u32 number);
struct vrpmsg_chrdev *vrpmsg_chrdev_new(struct vrpmsg_dev *rdev,
					const struct vrpmsg_chrdev_config *cfg);
int vrpmsg_chrdev_set(struct vrpmsg_chrdev *chrdev,
		      const struct vrpmsg_chrdev_config *cfg);
void vrpmsg_chrdev_announced(struct vrpmsg_chrdev *chrdev);
int vrpmsg_chrdev_del(struct vrpmsg_chrdev *chrdev);
int vrpmsg_chrdev_destroy(struct vrpmsg_chrdev *chrdev);
bool vrpmsg_chrdev_take_number(struct vrpmsg_chrdev *chrdev,
			       struct vrpmsg_user *user);
struct vrpmsg_chrdev *vrpmsg_chrdev_get_by_id(u32 id);
struct vrpmsg_chrdev *vrpmsg_chrdev_of_ept(struct vhost_rpmsg_ept *ept);

/* reader.c, writer.c: read() and write() */
/* Whether a message of this generation, or 0 for any, is for an earlier guest. */
static inline bool vrpmsg_chrdev_is_stale(const struct vrpmsg_chrdev *chrdev,
					  u32 generation)
{
	return generation &&
	       generation != READ_ONCE(chrdev->ept.rdev->generation);
}

static inline bool vrpmsg_file_nowait(struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

ssize_t vrpmsg_file_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t vrpmsg_file_write_iter(struct kiocb *iocb, struct iov_iter *from);
int vrpmsg_file_may_write(struct vrpmsg_chrdev *chrdev);

/* chrdev.c: the other file operations */
int vrpmsg_file_open(struct vrpmsg_chrdev *chrdev, struct inode *inode,
		     struct file *file);
int vrpmsg_file_release(struct inode *inode, struct file *file);
__poll_t vrpmsg_file_poll(struct file *file, poll_table *wait);
long vrpmsg_file_ioctl(struct file *file, unsigned int ioctl,
		       unsigned long arg);
int vrpmsg_chrdev_register(void);
void vrpmsg_chrdev_unregister(void);

#endif /* VRPMSG_CHRDEV_H */
