/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_SPARE_H
#define VRPMSG_SPARE_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "msg.h"

/**
 * struct vrpmsg_spare - cache of messages of an open endpoint
 * @lock: the endpoint's, which protects what is marked (l)
 * @files: (l) open files of the endpoint
 * @rx: (l) for messages from the guest
 * @tx: (l) for messages to the guest
 * @tx_next: message for the next write(), which takes it without the lock;
 *	atomic
 * @used: (l) time of the last traffic, in jiffies
 * @kept: (l) on the list of caches that hold memory, with @age scheduled
 * @since: (l) when @kept was set, in jiffies
 * @node: on that list
 * @age: frees the memory when there is no traffic
 */
struct vrpmsg_spare {
	spinlock_t *lock;
	unsigned int files;
	struct vrpmsg_pool rx;
	struct vrpmsg_pool tx;
	struct vrpmsg_msg *tx_next;
	unsigned long used;
	bool kept;
	unsigned long since;
	struct list_head node;
	struct delayed_work age;
};

struct vrpmsg_spare *vrpmsg_spare_new(spinlock_t *lock);
void vrpmsg_spare_free(struct vrpmsg_spare *spare);
void vrpmsg_spare_put(struct vrpmsg_spare *spare, struct vrpmsg_pool *to,
		      struct vrpmsg_pool *from, size_t limit);
bool vrpmsg_spare_put_msg(struct vrpmsg_spare *spare, struct vrpmsg_pool *to,
			  struct vrpmsg_msg *msg, size_t limit);
struct vrpmsg_msg *vrpmsg_spare_next(struct vrpmsg_spare *spare, size_t len);
void vrpmsg_spare_set_next(struct vrpmsg_spare *spare, size_t len);
int vrpmsg_spare_register(void);
void vrpmsg_spare_unregister(void);

#endif /* VRPMSG_SPARE_H */
