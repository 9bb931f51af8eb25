// SPDX-License-Identifier: GPL-2.0-only
/* Memory for messages, and queues of messages. */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "msg.h"

/* Dropped messages and memory of all endpoints, to be freed by msg_dead_work. */
static struct vrpmsg_queue msg_dead = { .tail = &msg_dead.head };
static struct vrpmsg_pool msg_dead_pool;
static DEFINE_SPINLOCK(msg_dead_lock);

/* A Linux guest's longest message: kmalloc() would take twice as much. */
#define MSG_LINUX	VHOST_RPMSG_DEFAULT_MTU

static struct kmem_cache *msg_cache;

static unsigned int msg_class(size_t len)
{
	if (len <= 128 - VRPMSG_MSG_HEAD)
		return 0;
	if (len <= 256 - VRPMSG_MSG_HEAD)
		return 1;
	if (len <= MSG_LINUX)
		return 2;
	if (len <= 1024 - VRPMSG_MSG_HEAD)
		return 3;
	if (len <= VRPMSG_MSG_INLINE)
		return 4;
	return 5;
}

/* The payload that fits into the memory for a message of @len bytes. */
static size_t msg_room(size_t len)
{
	static const u16 room[] = {
		128 - VRPMSG_MSG_HEAD,  256 - VRPMSG_MSG_HEAD, MSG_LINUX,
		1024 - VRPMSG_MSG_HEAD, VRPMSG_MSG_INLINE,
	};

	/* Not to pages, which have 64 KiB on some machines. */
	return len > VRPMSG_MSG_INLINE ? round_up(len, SZ_4K) :
					 room[msg_class(len)];
}

/**
 * vrpmsg_msg_alloc - allocate a message
 * @len: length of the payload, in bytes
 * @gfp: flags; the memory is charged to the active memory cgroup
 *
 * Return: the message with uninitialised payload, or NULL.
 */
struct vrpmsg_msg *vrpmsg_msg_alloc(size_t len, gfp_t gfp)
{
	size_t room = msg_room(len);
	struct vrpmsg_msg *msg;

	gfp |= __GFP_ACCOUNT | __GFP_NOWARN;
	if (room == MSG_LINUX)
		msg = kmem_cache_alloc(msg_cache, gfp);
	else if (room > VRPMSG_MSG_INLINE)
		msg = kmalloc(sizeof(*msg), gfp);
	else
		msg = kmalloc(VRPMSG_MSG_HEAD + room, gfp);
	if (!msg)
		return NULL;
	msg->len = len;
	msg->room = room;
	if (room > VRPMSG_MSG_INLINE) {
		msg->large = kvmalloc(room, gfp);
		if (!msg->large) {
			kfree(msg);
			return NULL;
		}
	}
	return msg;
}

void vrpmsg_msg_free(struct vrpmsg_msg *msg)
{
	if (msg->room == MSG_LINUX) {
		kmem_cache_free(msg_cache, msg);
		return;
	}
	if (msg->room > VRPMSG_MSG_INLINE)
		kvfree(msg->large);
	kfree(msg);
}

/* The memory that a message takes, in bytes. */
size_t vrpmsg_msg_size(const struct vrpmsg_msg *msg)
{
	return VRPMSG_MSG_HEAD + msg->room;
}

/* Whether @msg is of the size class for @len bytes, and large enough. */
bool vrpmsg_msg_fits(const struct vrpmsg_msg *msg, size_t len)
{
	return msg_class(msg->room) == msg_class(len) && msg->room >= len;
}

/* Take memory for a message of @len bytes from the pool, or return NULL. */
struct vrpmsg_msg *vrpmsg_pool_get(struct vrpmsg_pool *pool, size_t len)
{
	unsigned int class = msg_class(len);
	struct vrpmsg_msg *msg = pool->class[class].first;

	if (!msg || msg->room < len)
		return NULL;
	pool->class[class].first = msg->next;
	pool->bytes -= vrpmsg_msg_size(msg);
	msg->len = len;
	return msg;
}

void vrpmsg_pool_put(struct vrpmsg_pool *pool, struct vrpmsg_msg *msg)
{
	unsigned int class = msg_class(msg->room);

	msg->next = pool->class[class].first;
	if (!msg->next)
		pool->class[class].last = msg;
	pool->class[class].first = msg;
	pool->bytes += vrpmsg_msg_size(msg);
}

/* Move all of @from to @to. */
void vrpmsg_pool_splice(struct vrpmsg_pool *to, struct vrpmsg_pool *from)
{
	unsigned int i;

	if (!from->bytes)
		return;
	for (i = 0; i < VRPMSG_MSG_CLASSES; i++) {
		if (!from->class[i].first)
			continue;
		from->class[i].last->next = to->class[i].first;
		if (!to->class[i].first)
			to->class[i].last = from->class[i].last;
		to->class[i].first = from->class[i].first;
		from->class[i].first = NULL;
	}
	to->bytes += from->bytes;
	from->bytes = 0;
}

/* Context: Process context, without spinlocks. */
void vrpmsg_pool_free(struct vrpmsg_pool *pool)
{
	struct vrpmsg_msg *msg;
	unsigned int i;

	if (!pool->bytes)
		return;
	for (i = 0; i < VRPMSG_MSG_CLASSES; i++) {
		while ((msg = pool->class[i].first)) {
			pool->class[i].first = msg->next;
			vrpmsg_msg_free(msg);
			cond_resched();
		}
	}
	pool->bytes = 0;
}

/* Free up to a million messages. Context: Process context, without locks. */
void vrpmsg_queue_free(struct vrpmsg_queue *queue)
{
	struct vrpmsg_msg *msg;

	while ((msg = vrpmsg_queue_pop(queue))) {
		vrpmsg_msg_free(msg);
		cond_resched();
	}
}

static void msg_free_dead(struct work_struct *work)
{
	struct vrpmsg_pool pool = {};
	struct vrpmsg_queue dead;

	vrpmsg_queue_init(&dead);
	spin_lock(&msg_dead_lock);
	vrpmsg_queue_splice(&dead, &msg_dead);
	vrpmsg_pool_splice(&pool, &msg_dead_pool);
	spin_unlock(&msg_dead_lock);
	vrpmsg_queue_free(&dead);
	vrpmsg_pool_free(&pool);
}

static DECLARE_WORK(msg_dead_work, msg_free_dead);

/* The same, but deferred, for callers that hold contended locks. */
void vrpmsg_queue_free_later(struct vrpmsg_queue *queue)
{
	if (vrpmsg_queue_empty(queue))
		return;
	spin_lock(&msg_dead_lock);
	vrpmsg_queue_splice(&msg_dead, queue);
	spin_unlock(&msg_dead_lock);
	/* A million messages may take more time than a per-CPU work should. */
	queue_work(system_dfl_wq, &msg_dead_work);
}

/* Likewise for vrpmsg_pool_free(). */
void vrpmsg_pool_free_later(struct vrpmsg_pool *pool)
{
	if (!pool->bytes)
		return;
	spin_lock(&msg_dead_lock);
	vrpmsg_pool_splice(&msg_dead_pool, pool);
	spin_unlock(&msg_dead_lock);
	queue_work(system_dfl_wq, &msg_dead_work);
}

int vrpmsg_msg_init(void)
{
	size_t head = VRPMSG_MSG_HEAD;

	/* Usercopy may access all but the header. */
	msg_cache = kmem_cache_create_usercopy("vrpmsg_msg", head + MSG_LINUX,
					       0, SLAB_ACCOUNT, head, MSG_LINUX,
					       NULL);
	return msg_cache ? 0 : -ENOMEM;
}

/* Module exit: there are no queues any more. */
void vrpmsg_msg_exit(void)
{
	flush_work(&msg_dead_work);
	kmem_cache_destroy(msg_cache);
}
