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
 * @memcg: memory cgroup of who opened it, charged for messages
 * @generation: of the guest that the process knows of
 * @batch: a call reads and writes records, as many as there are
 * @read_lock: who has it reads, and nobody else takes messages out of the receive
 *	queue; a mutex, since it is held while a message is copied to the process
 * @retry: tries to get memory for the message that was refused for want of it
 * @retry_len: payload of that message; chrdev->lock
 */
struct vrpmsg_file {
	struct vrpmsg_chrdev *chrdev;
	struct mem_cgroup *memcg;
	u32 generation;
	bool batch;
	struct mutex read_lock;
	struct delayed_work retry;
	u32 retry_len;
};

/**
 * struct vrpmsg_rx_burst - messages that come from the guest in one go
 * @begun: the rest is set
 * @reader: a process had the file open for reading when it began
 * @accept: messages are taken: there was a reader, or they wait for one
 * @policy: of the endpoint when it began
 * @limit: likewise, of the receive queue
 * @closes: likewise, how often a reader had closed the file
 * @memcg: charged for messages, referenced
 * @queue: messages, not yet in the endpoint's queue
 * @spare: memory that the endpoint keeps for them
 */
struct vrpmsg_rx_burst {
	bool begun;
	bool reader;
	bool accept;
	u8 policy;
	u32 limit;
	u32 closes;
	struct mem_cgroup *memcg;
	struct vrpmsg_queue queue;
	struct vrpmsg_pool spare;
};

/**
 * struct vrpmsg_tx_burst - messages that go to the guest in one go
 * @queue: messages taken from the endpoint's queue
 * @last: the one that was sent last and may come back
 * @spare: memory of messages that were sent
 * @done: bytes, with overhead, that have left the send queue
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
 * @ref: held by the table, @ept, open files, and for a moment by netlink
 * @rcu: look-ups of the endpoint may still see it
 * @id: the N of /dev/vrpmsg-epN, if there is such a node
 * @lent: @id is the number of a struct vrpmsg_eptdev, which keeps it
 * @brief: it lives as long as a file is open, and what that takes to send the rest
 * @descriptor: it has no node
 * @owner: the user who made it, or INVALID_UID: an administrator
 * @user: the user for whom it counts, or NULL
 * @addressed: records start with struct vhost_rpmsg_addr
 * @name: of the service, empty when there is none
 * @dev: the char device; vrpmsg_chrdevs_lock
 * @memcg: memory cgroup of who made it, charged for messages that no process
 *	has the file open for
 * @lock: protects what is marked (l); a spinlock, each side takes it once or
 *	twice for a message or a burst
 * @reader: (l) the file that is open for reading, or NULL
 * @spare: (l) what is kept for the next messages, as long as a file is open
 * @closes: (l) how often a reader has closed the file, or a process has destroyed the
 *	endpoint; the worker looks without it
 * @fresh: (l) nobody has read since the endpoint was made or announced, or its
 *	guest reset: what comes waits for the first reader
 * @gone: (l) no file can use the endpoint any more
 * @deleted: the endpoint is off its device; vrpmsg_chrdevs_lock
 * @closing: (l) the last file is closed, or a process has destroyed the endpoint,
 *	and there is something to send still
 * @ended: (l) it is about to be deleted for that, and cannot be opened any more
 * @linger_node: see linger.c; its lock
 * @linger_until: in jiffies
 * @stalled: (l) a full receive queue holds the guest back
 * @dropping: (l) it has held the guest back for as long as it may, and drops
 * @policy: (l) what happens when the receive queue is full
 * @closed: (l) what happens to messages after a reader has closed the file
 * @reset: (l) what happens to unread messages when the guest is reset
 * @rx_limit: (l) bound of the receive queue, in bytes with overhead
 * @tx_limit: (l) bound of the send queue
 * @tx_used: (l) bytes in @tx and @tx_burst
 * @rx: (l) messages that wait for a reader
 * @rx_dead: (l) messages that are not to be read any more, but one that a reader
 *	copies right now may be among them
 * @tx: (l) messages that wait for the worker
 * @rx_wait: readers
 * @tx_wait: writers
 * @stats: counters, by netlink attribute
 * @rx_burst: of the worker alone, with vq[REQUEST].mutex held
 * @tx_burst: of the worker alone, with vq[RESPONSE].mutex held, or of the last
 *	user
 */
struct vrpmsg_chrdev {
	struct vhost_rpmsg_ept ept;
	struct kref ref;
	struct rcu_head rcu;
	u32 id;
	bool lent;
	bool brief;
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
	bool fresh;
	bool gone;
	bool deleted;
	bool closing;
	bool ended;
	struct list_head linger_node;
	unsigned long linger_until;
	bool stalled;
	bool dropping;
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

/* Any number. */
#define VRPMSG_NUMBER_ANY	U32_MAX

/* Not to be changed. */
#define VRPMSG_REMOTE_STAYS	0xff

/**
 * struct vrpmsg_chrdev_config - what can be asked for
 * @name: of the service, or NULL
 * @addr: local address, or VHOST_RPMSG_ADDR_ANY
 * @remote: fixed remote, or VHOST_RPMSG_ADDR_ANY
 * @remote_mode: enum vhost_rpmsg_remote_mode, or VRPMSG_REMOTE_STAYS
 * @addressed: as in struct vrpmsg_chrdev
 * @policy: enum vhost_rpmsg_full_policy
 * @closed: enum vhost_rpmsg_closed_policy
 * @reset: enum vhost_rpmsg_reset_policy
 * @rx_limit: bytes
 * @tx_limit: bytes
 * @announce: announce it, if it has a name
 * @node: make a node for it
 * @number: its number, which is lent, or VRPMSG_NUMBER_ANY
 * @brief: as in struct vrpmsg_chrdev, as the next two
 * @owner: who makes it
 * @user: whose count it takes over, if it can be made
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
	bool brief;
	kuid_t owner;
	struct vrpmsg_user *user;
};

/* What an administrator's endpoint is like if nothing else is asked for. */
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

/* Likewise that of a user, with these addresses or VHOST_RPMSG_ADDR_ANY. */
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
	/* A guest is not to be held back by anybody. */
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

/* queue.c: messages of an endpoint, and the worker's side of it */
void vrpmsg_chrdev_put(struct vrpmsg_chrdev *chrdev);
u32 vrpmsg_chrdev_drop_all(struct vrpmsg_chrdev *chrdev,
			   struct vrpmsg_queue *queue, unsigned int stat);
bool vrpmsg_chrdev_resumes(struct vrpmsg_chrdev *chrdev);
void vrpmsg_chrdev_resume(struct vrpmsg_chrdev *chrdev);
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

/* linger.c: endpoints that end */
bool vrpmsg_linger_begin(struct vrpmsg_chrdev *chrdev);
void vrpmsg_linger_stop(struct vrpmsg_chrdev *chrdev);
void vrpmsg_linger_sent(struct vrpmsg_chrdev *chrdev);
bool vrpmsg_linger_cut(struct vrpmsg_chrdev *chrdev);
void vrpmsg_linger_exit(void);

/* node.c: nodes, and what an administrator does */
int vrpmsg_node_register(const struct file_operations *fops);
void vrpmsg_node_unregister(void);
struct device *vrpmsg_node_add(dev_t devt, const struct device_type *type,
			       struct device *parent, void *data,
			       const char *name);
int vrpmsg_node_uevent_name(struct kobj_uevent_env *env, const char *name);
int vrpmsg_number_get(u32 *number);
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

/* reader.c, writer.c: what a process reads and writes */
static inline bool vrpmsg_file_nowait(struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

ssize_t vrpmsg_file_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t vrpmsg_file_write_iter(struct kiocb *iocb, struct iov_iter *from);
int vrpmsg_file_may_write(struct vrpmsg_chrdev *chrdev);

/* chrdev.c: what a process does with the file */
int vrpmsg_file_open(struct vrpmsg_chrdev *chrdev, struct inode *inode,
		     struct file *file);
int vrpmsg_file_release(struct inode *inode, struct file *file);
__poll_t vrpmsg_file_poll(struct file *file, poll_table *wait);
long vrpmsg_file_ioctl(struct file *file, unsigned int ioctl,
		       unsigned long arg);
int vrpmsg_chrdev_register(void);
void vrpmsg_chrdev_unregister(void);

#endif /* VRPMSG_CHRDEV_H */
