/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_CHRDEV_H
#define VRPMSG_CHRDEV_H

#include <linux/wait.h>

#include "internal.h"

/**
 * struct vrpmsg_msg - a message in a queue
 * @next: the one after it
 * @addr: remote: where it came from, or goes to
 * @len: bytes of payload
 * @large: payload of more than VRPMSG_MSG_INLINE bytes, in memory of its own:
 *	sizes like 4 KiB and 32 KiB would otherwise take, and have zeroed, twice
 *	as much
 * @small: any other payload
 *
 * Singly linked, so that a message of a Linux guest, 496 bytes, fits into 512.
 */
struct vrpmsg_msg {
	struct vrpmsg_msg *next;
	u32 addr;
	u32 len;
	union {
		void *large;
		DECLARE_FLEX_ARRAY(u8, small);
	};
};

#define VRPMSG_MSG_INLINE	(2048 - offsetof(struct vrpmsg_msg, small))

struct vrpmsg_queue {
	struct vrpmsg_msg *head;
	struct vrpmsg_msg **tail;
};

/**
 * struct vrpmsg_chrdev - an endpoint with a char device
 * @ept: endpoint of the in-kernel API; it holds a reference
 * @ref: held by the table, @ept, an open file, and for a moment by netlink
 * @rcu: look-ups of the endpoint may still see it
 * @id: the N of /dev/vrpmsg-epN
 * @addressed: records start with struct vhost_rpmsg_addr
 * @name: of the service, empty when there is none
 * @dev: the char device; vrpmsg_chrdevs_lock
 * @known: between the events of its creation and its end; ept.rdev->lock
 * @lock: protects what is marked (l); a spinlock, each side takes it once or
 *	twice for a message or a burst
 * @open: (l) somebody has the file open
 * @gone: (l) the endpoint is deleted
 * @stalled: (l) a full receive queue holds the guest back
 * @policy: (l) what happens when the receive queue is full
 * @rx_limit: (l) bound of the receive queue, in bytes with overhead
 * @tx_limit: (l) bound of the send queue
 * @rx_used: (l) bytes in @rx
 * @tx_used: (l) bytes in @tx and @tx_burst
 * @rx: (l) messages that wait for a reader
 * @tx: (l) messages that wait for the worker
 * @memcg: (l) memory cgroup of who has it open, charged for messages
 * @rx_wait: readers
 * @tx_wait: writers
 * @stats: counters, by netlink attribute
 *
 * Of the worker alone, with both virtqueue mutexes held, or of the last user:
 *
 * @in_burst: @burst_* are set
 * @burst_open: @open as it was when the burst began
 * @burst_policy: likewise @policy
 * @burst_limit: likewise @rx_limit
 * @burst_memcg: likewise @memcg, with a reference
 * @rx_burst: messages of the burst, not yet in @rx
 * @rx_burst_used: bytes in @rx_burst
 * @rx_burst_len: bytes of payload in @rx_burst
 * @rx_burst_num: messages in @rx_burst
 * @tx_burst: messages taken from @tx
 * @tx_last: the one that was sent last and may come back
 * @tx_done: bytes, with overhead, that have left the send queue in the burst
 * @tx_done_len: bytes of payload sent in the burst
 * @tx_done_num: messages sent in the burst
 */
struct vrpmsg_chrdev {
	struct vhost_rpmsg_ept ept;
	struct kref ref;
	struct rcu_head rcu;
	u32 id;
	bool addressed;
	char name[VHOST_RPMSG_NAME_SIZE];
	struct device *dev;
	bool known;

	spinlock_t lock;
	bool open;
	bool gone;
	bool stalled;
	u8 policy;
	u32 rx_limit;
	u32 tx_limit;
	u32 rx_used;
	u32 tx_used;
	struct vrpmsg_queue rx;
	struct vrpmsg_queue tx;
	struct mem_cgroup *memcg;
	wait_queue_head_t rx_wait;
	wait_queue_head_t tx_wait;
	atomic64_t stats[VRPMSG_NUM_STATS];

	bool in_burst;
	bool burst_open;
	u8 burst_policy;
	u32 burst_limit;
	struct mem_cgroup *burst_memcg;
	struct vrpmsg_queue rx_burst;
	u32 rx_burst_used;
	u32 rx_burst_len;
	u32 rx_burst_num;
	struct vrpmsg_queue tx_burst;
	struct vrpmsg_msg *tx_last;
	u32 tx_done;
	u32 tx_done_len;
	u32 tx_done_num;
};

/**
 * struct vrpmsg_chrdev_config - what an administrator can ask for
 * @name: of the service, or NULL
 * @addr: local address, or VHOST_RPMSG_ADDR_ANY
 * @remote: fixed remote, or VHOST_RPMSG_ADDR_ANY
 * @addressed: as in struct vrpmsg_chrdev
 * @policy: enum vhost_rpmsg_full_policy
 * @rx_limit: bytes
 * @tx_limit: bytes
 */
struct vrpmsg_chrdev_config {
	const char *name;
	u32 addr;
	u32 remote;
	bool addressed;
	u8 policy;
	u32 rx_limit;
	u32 tx_limit;
};

struct vrpmsg_chrdev *vrpmsg_chrdev_new(struct vrpmsg_dev *rdev,
					const struct vrpmsg_chrdev_config *cfg);
int vrpmsg_chrdev_set(struct vrpmsg_chrdev *chrdev,
		      const struct vrpmsg_chrdev_config *cfg);
int vrpmsg_chrdev_del(struct vrpmsg_chrdev *chrdev);
struct vrpmsg_chrdev *vrpmsg_chrdev_get_by_id(u32 id);
struct vrpmsg_chrdev *vrpmsg_chrdev_get_next(unsigned long id);
void vrpmsg_chrdev_put(struct vrpmsg_chrdev *chrdev);
bool vrpmsg_chrdev_of_ept(struct vhost_rpmsg_ept *ept, u32 *id);

void vrpmsg_nl_ept_event(struct vrpmsg_chrdev *chrdev,
			 enum vhost_rpmsg_event event);

#endif /* VRPMSG_CHRDEV_H */
