/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_MSG_H
#define VRPMSG_MSG_H

#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/uio.h>

#include <uapi/linux/vhost_rpmsg.h>

/**
 * struct vrpmsg_msg - a message in a queue, or memory for a message
 * @next: next message of the queue or pool
 * @addr: address of the remote
 * @len: length of the payload in bytes, only set after a check against @room
 * @generation: generation of the guest that sent it or that it is for; 0: any
 * @room: bytes of payload for which memory is allocated
 * @large: payload of more than VRPMSG_MSG_INLINE bytes, allocated separately:
 *	with the header, sizes like 4 KiB and 32 KiB would take twice as much
 *	memory
 * @small: any other payload
 */
struct vrpmsg_msg {
	struct vrpmsg_msg *next;
	u32 addr;
	u32 len;
	u32 generation;
	u32 room;
	union {
		void *large;
		DECLARE_FLEX_ARRAY(u8, small);
	};
};

#define VRPMSG_MSG_HEAD		offsetof(struct vrpmsg_msg, small)
#define VRPMSG_MSG_INLINE	(2048 - VRPMSG_MSG_HEAD)
/* Number of size classes. */
#define VRPMSG_MSG_CLASSES	6

/**
 * struct vrpmsg_queue - a FIFO of messages
 * @head: first message; the code that pops may access it and its successors
 *	without the lock of the code that pushes
 * @tail: where the next message is linked
 * @num: number of messages
 * @used: bytes, overhead included, as counted against limits
 */
struct vrpmsg_queue {
	struct vrpmsg_msg *head;
	struct vrpmsg_msg **tail;
	u32 num;
	u32 used;
};

/* Bytes that a message counts against the limit of a queue. */
static inline u32 vrpmsg_msg_cost(const struct vrpmsg_msg *msg)
{
	return msg->len + VHOST_RPMSG_MSG_OVERHEAD;
}

static inline void *vrpmsg_msg_data(struct vrpmsg_msg *msg)
{
	return msg->len > VRPMSG_MSG_INLINE ? msg->large : msg->small;
}

/*
 * Copy the payload to or from a process. @len is at most @room, so these skip
 * the hardened usercopy check, which looks up the allocated object and costs as
 * much as copying 200 bytes.
 */
static inline bool vrpmsg_msg_copy_to(struct vrpmsg_msg *msg,
				      struct iov_iter *to)
{
	return _copy_to_iter(vrpmsg_msg_data(msg), msg->len, to) == msg->len;
}

static inline bool vrpmsg_msg_copy_from(struct vrpmsg_msg *msg,
					struct iov_iter *from)
{
	return _copy_from_iter(vrpmsg_msg_data(msg), msg->len, from) ==
	       msg->len;
}

static inline void vrpmsg_queue_init(struct vrpmsg_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->num = 0;
	queue->used = 0;
}

/* Return the first message; its contents are valid. */
static inline struct vrpmsg_msg *vrpmsg_queue_peek(struct vrpmsg_queue *queue)
{
	/* Pairs with the release in vrpmsg_queue_splice(). */
	return smp_load_acquire(&queue->head);
}

static inline bool vrpmsg_queue_empty(const struct vrpmsg_queue *queue)
{
	return !READ_ONCE(queue->head);
}

static inline void vrpmsg_queue_push(struct vrpmsg_queue *queue,
				     struct vrpmsg_msg *msg)
{
	msg->next = NULL;
	WRITE_ONCE(*queue->tail, msg);
	queue->tail = &msg->next;
	queue->num++;
	WRITE_ONCE(queue->used, queue->used + vrpmsg_msg_cost(msg));
}

static inline void vrpmsg_queue_push_front(struct vrpmsg_queue *queue,
					   struct vrpmsg_msg *msg)
{
	msg->next = queue->head;
	if (!queue->head)
		queue->tail = &msg->next;
	WRITE_ONCE(queue->head, msg);
	queue->num++;
	WRITE_ONCE(queue->used, queue->used + vrpmsg_msg_cost(msg));
}

static inline struct vrpmsg_msg *vrpmsg_queue_pop(struct vrpmsg_queue *queue)
{
	struct vrpmsg_msg *msg = queue->head;

	if (msg) {
		WRITE_ONCE(queue->head, msg->next);
		if (!msg->next)
			queue->tail = &queue->head;
		queue->num--;
		WRITE_ONCE(queue->used, queue->used - vrpmsg_msg_cost(msg));
	}
	return msg;
}

/* @part covers the front of another queue: extend it by the next, @msg. */
static inline void vrpmsg_queue_extend(struct vrpmsg_queue *part,
				       struct vrpmsg_msg *msg)
{
	part->tail = &msg->next;
	part->num++;
	part->used += vrpmsg_msg_cost(msg);
}

/* Remove @part, which covers the front of @queue, from it. */
static inline void vrpmsg_queue_cut(struct vrpmsg_queue *queue,
				    struct vrpmsg_queue *part)
{
	WRITE_ONCE(queue->head, *part->tail);
	if (!queue->head)
		queue->tail = &queue->head;
	*part->tail = NULL;
	queue->num -= part->num;
	WRITE_ONCE(queue->used, queue->used - part->used);
}

/* Move all of @from to the end of @to. */
static inline void vrpmsg_queue_splice(struct vrpmsg_queue *to,
				       struct vrpmsg_queue *from)
{
	if (!from->head)
		return;
	/* vrpmsg_queue_peek() must see the contents of the messages. */
	smp_store_release(to->tail, from->head);
	to->tail = from->tail;
	to->num += from->num;
	WRITE_ONCE(to->used, to->used + from->used);
	WRITE_ONCE(from->used, 0);
	from->num = 0;
	from->tail = &from->head;
	WRITE_ONCE(from->head, NULL);
}

/**
 * struct vrpmsg_pool - free messages
 * @class: a stack of messages for each size class
 * @bytes: total size
 */
struct vrpmsg_pool {
	struct {
		struct vrpmsg_msg *first;
		struct vrpmsg_msg *last;
	} class[VRPMSG_MSG_CLASSES];
	size_t bytes;
};

struct vrpmsg_msg *vrpmsg_msg_alloc(size_t len, gfp_t gfp);
void vrpmsg_msg_free(struct vrpmsg_msg *msg);
size_t vrpmsg_msg_size(const struct vrpmsg_msg *msg);
struct vrpmsg_msg *vrpmsg_pool_get(struct vrpmsg_pool *pool, size_t len);
void vrpmsg_pool_put(struct vrpmsg_pool *pool, struct vrpmsg_msg *msg);
bool vrpmsg_msg_fits(const struct vrpmsg_msg *msg, size_t len);
void vrpmsg_pool_splice(struct vrpmsg_pool *to, struct vrpmsg_pool *from);
void vrpmsg_pool_free(struct vrpmsg_pool *pool);
void vrpmsg_pool_free_later(struct vrpmsg_pool *pool);
void vrpmsg_queue_free(struct vrpmsg_queue *queue);
void vrpmsg_queue_free_later(struct vrpmsg_queue *queue);
int vrpmsg_msg_init(void);
void vrpmsg_msg_exit(void);

#endif /* VRPMSG_MSG_H */
