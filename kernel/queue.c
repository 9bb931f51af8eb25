// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of an endpoint with a char device, and the worker's side of them.
 *
 * The worker processes messages in bursts. It collects incoming messages in a
 * private list, and moves them to the receive queue with one lock and one
 * wake-up at the end of the burst. Likewise, it takes all waiting messages from
 * the send queue at once.
 */
#include <linux/sizes.h>

#include "chrdev.h"
#include "trace.h"

/* Delay before an allocation for a message that failed is retried, in ms. */
#define QUEUE_RETRY_INTERVAL	10

/* How much is allocated then: about what fits into the ring of a Linux guest. */
#define QUEUE_RETRY_BYTES	SZ_128K

/* Count for the endpoint and for its device, which outlives it. */
static void queue_count(struct vrpmsg_chrdev *chrdev, unsigned int stat, u64 n)
{
	atomic64_add(n, &chrdev->stats[stat]);
	vrpmsg_count(chrdev->ept.rdev, stat, n);
}

/* Count a dropped message; its bytes are not counted. */
static void queue_drop(struct vrpmsg_chrdev *chrdev, unsigned int stat,
		       size_t len)
{
	queue_count(chrdev, stat, 1);
	trace_vrpmsg_drop(chrdev->ept.rdev, stat, chrdev->ept.addr, len);
}

/**
 * vrpmsg_chrdev_drop_all - drop messages that have been taken out of a queue
 * @chrdev: endpoint
 * @queue: messages
 * @stat: counter to increase
 *
 * The messages are freed later, so the time does not depend on their number.
 *
 * Return: the bytes that they counted against limits.
 */
u32 vrpmsg_chrdev_drop_all(struct vrpmsg_chrdev *chrdev,
			   struct vrpmsg_queue *queue, unsigned int stat)
{
	struct vrpmsg_msg *msg;
	u32 used = queue->used;

	if (vrpmsg_queue_empty(queue))
		return 0;
	queue_count(chrdev, stat, queue->num);
	if (trace_vrpmsg_drop_enabled())
		for (msg = queue->head; msg; msg = msg->next)
			trace_vrpmsg_drop(chrdev->ept.rdev, stat,
					  chrdev->ept.addr, msg->len);
	vrpmsg_queue_free_later(queue);
	return used;
}

static void chrdev_free(struct kref *ref)
{
	struct vrpmsg_chrdev *chrdev =
		container_of(ref, struct vrpmsg_chrdev, ref);

	mem_cgroup_put(chrdev->memcg);
	if (chrdev->user)
		vrpmsg_user_uncharge(chrdev->ept.rdev, chrdev->user);
	vrpmsg_dev_put(chrdev->ept.rdev);
	kfree_rcu(chrdev, rcu);
}

void vrpmsg_chrdev_put(struct vrpmsg_chrdev *chrdev)
{
	kref_put(&chrdev->ref, chrdev_free);
}

void vrpmsg_chrdev_event(struct vrpmsg_chrdev *chrdev,
			 enum vhost_rpmsg_event event)
{
	guard(mutex)(&chrdev->ept.rdev->lock);
	vrpmsg_ept_event(&chrdev->ept, event);
}

/*
 * The worker's side. It runs with the mutex of a virtqueue held, and takes the
 * endpoint's lock only once or twice per burst.
 */

static void queue_begin_burst(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_rx_burst *burst = &chrdev->rx_burst;
	struct mem_cgroup *memcg;

	if (burst->begun) {
		if (READ_ONCE(chrdev->changes) == burst->changes)
			return;
		/* Messages from now on may be for another file, or for none. */
		vrpmsg_queue_rx_complete(&chrdev->ept);
	}
	spin_lock(&chrdev->lock);
	burst->reader = chrdev->reader;
	burst->accept = !chrdev->gone &&
			(chrdev->reader || chrdev->fresh ||
			 chrdev->closed == VHOST_RPMSG_CLOSED_POLICY_KEEP);
	burst->policy = chrdev->policy;
	burst->limit = chrdev->rx_limit;
	burst->closes = chrdev->closes;
	burst->changes = chrdev->changes;
	if (chrdev->spare)
		vrpmsg_pool_splice(&burst->spare, &chrdev->spare->rx);
	memcg = chrdev->reader ? chrdev->reader->memcg : chrdev->memcg;
	if (memcg && mem_cgroup_tryget(memcg))
		burst->memcg = memcg;
	spin_unlock(&chrdev->lock);
	burst->begun = true;
}

/*
 * There is no memory for a message of @len bytes, perhaps only because some must
 * be reclaimed: have queue_retry() do that, at once unless it has just found too
 * little. That takes as long as the reader's cgroup makes it take, so a guest
 * waits for it with the policy HOLD only, and no work of a processor waits.
 */
static void queue_want_memory(struct vrpmsg_file *reader, size_t len)
{
	unsigned int delay = reader->poor ? QUEUE_RETRY_INTERVAL : 0;

	lockdep_assert_held(&reader->chrdev->lock);
	reader->retry_len = len;
	queue_delayed_work(system_dfl_wq, &reader->retry,
			   msecs_to_jiffies(delay));
}

/*
 * The receive queue seems full, or there is no memory for a message of @len
 * bytes (@nomem). Hold the guest back until there is memory, or until the
 * reader has made enough room. Returns false if the guest need not wait.
 */
static bool queue_stall(struct vrpmsg_chrdev *chrdev, bool nomem, size_t len)
{
	struct vrpmsg_rx_burst *burst = &chrdev->rx_burst;
	bool theirs, stalled;

	spin_lock(&chrdev->lock);
	/* Only a reader for whom the messages are makes room. */
	theirs = chrdev->reader && chrdev->closes == burst->closes;
	stalled = theirs && chrdev->policy == VHOST_RPMSG_FULL_POLICY_HOLD &&
		  (nomem || vrpmsg_room_used(chrdev) + burst->queue.used >=
				    chrdev->rx_limit);
	if (stalled && !chrdev->stalled) {
		WRITE_ONCE(chrdev->stalled, true);
		chrdev->stalled_at = jiffies;
		queue_count(chrdev, VHOST_RPMSG_A_STATS_STALLS, 1);
		trace_vrpmsg_stall(chrdev->ept.rdev, chrdev->ept.addr, true);
	}
	/* Last: the work may run at once, and does nothing for nobody. */
	if (theirs && nomem)
		queue_want_memory(chrdev->reader, len);
	spin_unlock(&chrdev->lock);
	return stalled;
}

/*
 * Allocate memory for messages of @len bytes, as much as the guest soon sends.
 * Returns the first message, and at least @most bytes of them in @more if there is
 * so much; NULL without memory.
 */
static struct vrpmsg_msg *queue_reclaim(struct vrpmsg_file *reader, size_t len,
					struct vrpmsg_pool *more, size_t most)
{
	gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL;
	struct mem_cgroup *old_memcg = set_active_memcg(reader->memcg);
	struct vrpmsg_msg *msg, *first;

	first = vrpmsg_msg_alloc(len, gfp);
	for (msg = first; msg && more->bytes < most;) {
		msg = vrpmsg_msg_alloc(len, gfp);
		if (msg)
			vrpmsg_pool_put(more, msg);
	}
	set_active_memcg(old_memcg);
	return first;
}

/* Reclaim memory for messages that have found none, outside of the worker. */
static void queue_retry(struct work_struct *work)
{
	struct vrpmsg_file *reader =
		container_of(to_delayed_work(work), struct vrpmsg_file, retry);
	struct vrpmsg_chrdev *chrdev = reader->chrdev;
	struct vrpmsg_pool more = {};
	struct vrpmsg_msg *msg;
	/* What exceeds the limit is not kept. */
	size_t most = min(READ_ONCE(chrdev->rx_limit) / 2, QUEUE_RETRY_BYTES);
	bool resume;

	/* The guest has stopped waiting for it. */
	if (READ_ONCE(chrdev->policy) == VHOST_RPMSG_FULL_POLICY_HOLD &&
	    !READ_ONCE(chrdev->stalled))
		return;
	msg = queue_reclaim(reader, READ_ONCE(reader->retry_len), &more, most);

	spin_lock(&chrdev->lock);
	/* It is not worth the time if it gains less than a page. */
	reader->poor = !msg || more.bytes < min_t(size_t, PAGE_SIZE, most);
	resume = msg && chrdev->stalled;
	if (resume)
		WRITE_ONCE(chrdev->stalled, false);
	else if (chrdev->stalled)
		queue_want_memory(reader, reader->retry_len);
	/* Keep it for the waiting message, regardless of the limit. */
	if (msg && chrdev->spare &&
	    vrpmsg_spare_put_msg(chrdev->spare, &chrdev->spare->rx, msg,
				 SIZE_MAX))
		msg = NULL;
	if (chrdev->spare)
		vrpmsg_spare_put(chrdev->spare, &chrdev->spare->rx, &more,
				 chrdev->rx_limit);
	spin_unlock(&chrdev->lock);
	if (msg)
		vrpmsg_msg_free(msg);
	vrpmsg_pool_free(&more);
	if (resume)
		vrpmsg_chrdev_resume(chrdev);
}

void vrpmsg_queue_init_retry(struct vrpmsg_file *reader)
{
	INIT_DELAYED_WORK(&reader->retry, queue_retry);
}

/*
 * Decide about a message: 0 to accept it, -EAGAIN to hold the guest back, or
 * the counter of the reason to drop it.
 */
static int queue_admit(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_rx_burst *burst = &chrdev->rx_burst;
	bool over = vrpmsg_dev_hold_expired(chrdev->ept.rdev);

	if (READ_ONCE(chrdev->stalled)) {
		if (!over)
			return -EAGAIN;
		vrpmsg_room_stop_holding(chrdev);
	}
	for (;;) {
		queue_begin_burst(chrdev);
		if (!burst->accept)
			return VHOST_RPMSG_A_STATS_RX_DROP_CLOSED;
		if (vrpmsg_room_is_dropping(chrdev))
			return VHOST_RPMSG_A_STATS_RX_DROP_FULL;
		if (vrpmsg_room_used(chrdev) + burst->queue.used < burst->limit)
			return 0;
		/* Without a reader, the guest is not held back. */
		if (!burst->reader ||
		    burst->policy == VHOST_RPMSG_FULL_POLICY_DROP)
			return VHOST_RPMSG_A_STATS_RX_DROP_FULL;
		if (over) {
			vrpmsg_room_stop_holding(chrdev);
			return VHOST_RPMSG_A_STATS_RX_DROP_FULL;
		}
		if (queue_stall(chrdev, false, 0))
			return -EAGAIN;
		/* Closed, reconfigured or read meanwhile: check again. */
	}
}

/*
 * Messages of the guest must not exhaust the host's memory: they are charged to
 * the reader's memory cgroup. No memory is reclaimed here, where others wait
 * for the virtqueue.
 */
static struct vrpmsg_msg *queue_new_msg(struct vrpmsg_rx_burst *burst,
					size_t len)
{
	struct vrpmsg_msg *msg = vrpmsg_pool_get(&burst->spare, len);
	struct mem_cgroup *old_memcg;

	if (msg)
		return msg;
	old_memcg = set_active_memcg(burst->memcg);
	msg = vrpmsg_msg_alloc(len, GFP_NOWAIT);
	set_active_memcg(old_memcg);
	return msg;
}

ssize_t vrpmsg_queue_read(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(iter->ept);
	struct vrpmsg_rx_burst *burst = &chrdev->rx_burst;
	size_t len = vhost_rpmsg_iter_len(iter);
	struct vrpmsg_msg *msg;
	int cause;

	cause = queue_admit(chrdev);
	if (cause < 0)
		return cause;
	if (cause)
		goto drop;

	msg = queue_new_msg(burst, len);
	if (!msg) {
		if (!vrpmsg_dev_hold_expired(chrdev->ept.rdev) &&
		    queue_stall(chrdev, true, len))
			return -EAGAIN;
		cause = VHOST_RPMSG_A_STATS_RX_DROP_NOMEM;
		goto drop;
	}

	msg->addr = iter->src;
	msg->generation = chrdev->ept.rdev->generation;
	if (vrpmsg_ring_copy(vr, iter, vrpmsg_msg_data(msg), len) != len) {
		/* The ring retries it, or counts it as dropped. */
		vrpmsg_msg_free(msg);
		return -EFAULT;
	}
	vrpmsg_queue_push(&burst->queue, msg);
	return len;

drop:
	queue_drop(chrdev, cause, len);
	return -ENOBUFS;
}

/* The last message that was sent has reached the guest. */
static void queue_sent(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_tx_burst *burst = &chrdev->tx_burst;
	struct vrpmsg_msg *msg = burst->last;

	if (!msg)
		return;
	burst->last = NULL;
	burst->done += vrpmsg_msg_cost(msg);
	burst->done_len += msg->len;
	burst->done_num++;
	if (burst->spare.bytes + vrpmsg_msg_size(msg) <=
	    READ_ONCE(chrdev->tx_limit))
		vrpmsg_pool_put(&burst->spare, msg);
	else
		vrpmsg_msg_free(msg);
}

void vrpmsg_queue_unsend(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_tx_burst *burst = &vrpmsg_chrdev_of(ept)->tx_burst;

	vrpmsg_queue_push_front(&burst->queue, burst->last);
	burst->last = NULL;
}

/* The guest had larger buffers when the message was written. */
void vrpmsg_queue_drop(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);
	struct vrpmsg_msg *msg = vrpmsg_queue_pop(&chrdev->tx_burst.queue);

	chrdev->tx_burst.done += vrpmsg_msg_cost(msg);
	queue_drop(chrdev, VHOST_RPMSG_A_STATS_TX_DROP_SIZE, msg->len);
	vrpmsg_msg_free(msg);
}

static bool queue_is_stale(struct vrpmsg_chrdev *chrdev,
			   const struct vrpmsg_msg *msg)
{
	return msg && vrpmsg_chrdev_is_stale(chrdev, msg->generation);
}

/*
 * Drop messages at the front that are for an earlier guest. There may be many,
 * which are not freed while others wait for the virtqueue.
 */
static void queue_drop_stale(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_tx_burst *burst = &chrdev->tx_burst;
	struct vrpmsg_queue stale;

	vrpmsg_queue_init(&stale);
	while (queue_is_stale(chrdev, burst->queue.head))
		vrpmsg_queue_push(&stale, vrpmsg_queue_pop(&burst->queue));
	burst->done += vrpmsg_chrdev_drop_all(chrdev, &stale,
					      VHOST_RPMSG_A_STATS_TX_DROP_RESET);
}

/* Return the first message that is not for an earlier guest. */
static struct vrpmsg_msg *queue_first(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_tx_burst *burst = &chrdev->tx_burst;

	for (;;) {
		if (vrpmsg_queue_empty(&burst->queue)) {
			spin_lock(&chrdev->lock);
			vrpmsg_queue_splice(&burst->queue, &chrdev->tx);
			spin_unlock(&chrdev->lock);
		}
		if (!queue_is_stale(chrdev, burst->queue.head))
			return burst->queue.head;
		queue_drop_stale(chrdev);
	}
}

int vrpmsg_queue_send(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(iter->ept);
	struct vrpmsg_tx_burst *burst = &chrdev->tx_burst;
	struct vrpmsg_msg *msg;

	queue_sent(chrdev);
	msg = queue_first(chrdev);
	if (!msg)
		return -ENODATA;
	if (msg->len > vhost_rpmsg_iter_room(iter))
		return -EMSGSIZE;

	vrpmsg_queue_pop(&burst->queue);
	iter->dst = msg->addr;
	vrpmsg_ring_copy(vr, iter, vrpmsg_msg_data(msg), msg->len);
	burst->last = msg;
	return !vrpmsg_queue_empty(&burst->queue) ||
	       !vrpmsg_queue_empty(&chrdev->tx);
}

/* The rx burst is over: move its messages to the receive queue. */
void vrpmsg_queue_rx_complete(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);
	struct vrpmsg_rx_burst *burst = &chrdev->rx_burst;
	u32 num = burst->queue.num;
	bool readable;

	if (!burst->begun)
		return;
	spin_lock(&chrdev->lock);
	/*
	 * A reader that has seen EPIPE must not find more messages. The next
	 * reader must not find those for a file that has been closed since.
	 */
	readable = num && !chrdev->gone &&
		   (chrdev->closes == burst->closes ||
		    chrdev->closed == VHOST_RPMSG_CLOSED_POLICY_KEEP);
	if (readable) {
		/* Before the reader can count any of them as discarded. */
		queue_count(chrdev, VHOST_RPMSG_A_STATS_RX_MSGS, num);
		queue_count(chrdev, VHOST_RPMSG_A_STATS_RX_BYTES,
			    burst->queue.used - num * VHOST_RPMSG_MSG_OVERHEAD);
		vrpmsg_queue_splice(&chrdev->rx, &burst->queue);
	}
	if (chrdev->spare)
		vrpmsg_spare_put(chrdev->spare, &chrdev->spare->rx,
				 &burst->spare, chrdev->rx_limit);
	spin_unlock(&chrdev->lock);

	if (readable)
		wake_up_interruptible_poll(&chrdev->rx_wait,
					   EPOLLIN | EPOLLRDNORM);
	else
		vrpmsg_chrdev_drop_all(chrdev, &burst->queue,
				       VHOST_RPMSG_A_STATS_RX_DROP_CLOSED);
	/* If the cache is gone or full, that may be all that was in it. */
	vrpmsg_pool_free_later(&burst->spare);
	mem_cgroup_put(burst->memcg);
	burst->memcg = NULL;
	burst->begun = false;
}

/* The tx burst is over: wake up writers. */
void vrpmsg_queue_tx_complete(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);
	struct vrpmsg_tx_burst *burst = &chrdev->tx_burst;

	queue_sent(chrdev);
	if (!burst->done)
		return;
	if (burst->done_num) {
		queue_count(chrdev, VHOST_RPMSG_A_STATS_TX_MSGS,
			    burst->done_num);
		queue_count(chrdev, VHOST_RPMSG_A_STATS_TX_BYTES,
			    burst->done_len);
	}
	spin_lock(&chrdev->lock);
	WRITE_ONCE(chrdev->tx_used, chrdev->tx_used - burst->done);
	vrpmsg_linger_sent(chrdev);
	if (chrdev->spare)
		vrpmsg_spare_put(chrdev->spare, &chrdev->spare->tx,
				 &burst->spare, chrdev->tx_limit);
	spin_unlock(&chrdev->lock);
	wake_up_interruptible_poll(&chrdev->tx_wait, VRPMSG_POLL_WRITE);
	vrpmsg_pool_free(&burst->spare);
	burst->done = 0;
	burst->done_len = 0;
	burst->done_num = 0;
}

/* Drop messages for a guest that will not come back. */
static void queue_drop_tx(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_queue queue;
	u32 used;

	vrpmsg_queue_init(&queue);
	vrpmsg_queue_splice(&queue, &chrdev->tx_burst.queue);
	spin_lock(&chrdev->lock);
	vrpmsg_queue_splice(&queue, &chrdev->tx);
	spin_unlock(&chrdev->lock);

	used = vrpmsg_chrdev_drop_all(chrdev, &queue,
				      VHOST_RPMSG_A_STATS_TX_DROP_RESET);

	spin_lock(&chrdev->lock);
	WRITE_ONCE(chrdev->tx_used, chrdev->tx_used - used);
	vrpmsg_linger_sent(chrdev);
	spin_unlock(&chrdev->lock);
}

/*
 * Take out unread messages. If a process is copying one right now, it frees
 * that and the others itself, so that nothing waits for its memory here.
 */
static void queue_take_unread(struct vrpmsg_chrdev *chrdev,
			      struct vrpmsg_queue *unread)
{
	struct vrpmsg_file *reader = chrdev->reader;

	lockdep_assert_held(&chrdev->lock);
	if (!reader || mutex_trylock(&reader->read_lock)) {
		vrpmsg_queue_splice(unread, &chrdev->rx);
		if (reader)
			mutex_unlock(&reader->read_lock);
	} else {
		vrpmsg_queue_splice(&chrdev->rx_dead, &chrdev->rx);
	}
}

/* Context: no burst is running, so the burst data may be accessed. */
void vrpmsg_queue_reset(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);
	struct vrpmsg_queue unread;
	bool resume = false;

	queue_drop_tx(chrdev);
	vrpmsg_queue_init(&unread);
	spin_lock(&chrdev->lock);
	if (chrdev->reset == VHOST_RPMSG_RESET_POLICY_DROP) {
		queue_take_unread(chrdev, &unread);
		resume = vrpmsg_chrdev_can_resume(chrdev);
	}
	spin_unlock(&chrdev->lock);
	vrpmsg_chrdev_drop_all(chrdev, &unread,
			       VHOST_RPMSG_A_STATS_RX_DISCARDS);
	if (resume)
		vrpmsg_chrdev_resume(chrdev);
	wake_up_interruptible_poll(&chrdev->tx_wait, VRPMSG_POLL_WRITE);
}

/* The new guest's messages, too, wait for the first reader. */
void vrpmsg_queue_new_guest(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);

	spin_lock(&chrdev->lock);
	chrdev->fresh = true;
	/* Nor are they dropped before this guest has been held back. */
	WRITE_ONCE(chrdev->dropping, 0);
	spin_unlock(&chrdev->lock);
	/* Wake up all pollers: unlike a message, POLLPRI is for all. */
	wake_up_all(&chrdev->rx_wait);
	wake_up_all(&chrdev->tx_wait);
}

/* Writers do not wait for a remote, but pollers do. */
void vrpmsg_queue_remote_changed(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);

	wake_up_interruptible_poll(&chrdev->tx_wait, VRPMSG_POLL_WRITE);
}

void vrpmsg_chrdev_set_gone(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_queue unread;

	vrpmsg_queue_init(&unread);
	spin_lock(&chrdev->lock);
	WRITE_ONCE(chrdev->gone, true);
	WRITE_ONCE(chrdev->stalled, false);
	vrpmsg_linger_stop(chrdev);
	/* It can no longer be opened, so no reader will come. */
	if (!chrdev->reader)
		vrpmsg_queue_splice(&unread, &chrdev->rx);
	spin_unlock(&chrdev->lock);
	vrpmsg_chrdev_drop_all(chrdev, &unread,
			       VHOST_RPMSG_A_STATS_RX_DISCARDS);
}

/* The worker has stopped using the endpoint for good. */
void vrpmsg_queue_release(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);

	/* First, so that no writer queues a message that would leak. */
	vrpmsg_chrdev_set_gone(chrdev);
	queue_drop_tx(chrdev);
	vrpmsg_chrdev_put(chrdev);
}
