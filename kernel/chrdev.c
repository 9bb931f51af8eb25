// SPDX-License-Identifier: GPL-2.0-only
/*
 * Char devices: the endpoint of a process is a file that reads and writes
 * messages. The first client of the in-kernel API.
 *
 * Messages come and go in bursts. The worker collects what arrives in a list of
 * its own, and hands it over with one lock and one wake-up when the burst ends;
 * likewise it takes all that waits to be sent at once.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/rpmsg.h>
#include <linux/slab.h>

#include <uapi/linux/rpmsg.h>

#include "chrdev.h"
#include "trace.h"

#define CHRDEV_NUM	(MINORMASK + 1)

static dev_t chrdev_devt;
static struct cdev chrdev_cdev;
/*
 * A mutex: char devices are registered and unregistered under it, so that each
 * is deleted after it was made.
 */
static DEFINE_MUTEX(vrpmsg_chrdevs_lock);
/* Look-ups only take its own lock. */
static DEFINE_XARRAY_ALLOC(vrpmsg_chrdevs);
static u32 vrpmsg_chrdevs_next;

static struct vrpmsg_chrdev *chrdev_of(struct vhost_rpmsg_ept *ept)
{
	return container_of(ept, struct vrpmsg_chrdev, ept);
}

/* Count for the endpoint, and for its device, which survives it. */
static void chrdev_count(struct vrpmsg_chrdev *chrdev, unsigned int stat, u64 n)
{
	atomic64_add(n, &chrdev->stats[stat]);
	vrpmsg_count(chrdev->ept.rdev, stat, n);
}

/* A message is dropped; its bytes do not count. */
static void chrdev_drop(struct vrpmsg_chrdev *chrdev, unsigned int stat,
			size_t len)
{
	chrdev_count(chrdev, stat, 1);
	trace_vrpmsg_drop(chrdev->ept.rdev, stat, chrdev->ept.addr, len);
}

static u32 msg_cost(const struct vrpmsg_msg *msg)
{
	return msg->len + VHOST_RPMSG_MSG_OVERHEAD;
}

static void *msg_data(struct vrpmsg_msg *msg)
{
	return msg->len > VRPMSG_MSG_INLINE ? msg->large : msg->small;
}

static struct vrpmsg_msg *msg_alloc(size_t len, gfp_t gfp)
{
	size_t size = offsetof(struct vrpmsg_msg, small) + len;
	struct vrpmsg_msg *msg;

	gfp |= GFP_KERNEL_ACCOUNT;
	msg = kmalloc(len > VRPMSG_MSG_INLINE ? sizeof(*msg) : size, gfp);
	if (!msg)
		return NULL;
	msg->len = len;
	if (len > VRPMSG_MSG_INLINE) {
		msg->large = kvmalloc(len, gfp);
		if (!msg->large) {
			kfree(msg);
			return NULL;
		}
	}
	return msg;
}

static void msg_free(struct vrpmsg_msg *msg)
{
	if (msg && msg->len > VRPMSG_MSG_INLINE)
		kvfree(msg->large);
	kfree(msg);
}

static void queue_init(struct vrpmsg_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

static bool queue_empty(const struct vrpmsg_queue *queue)
{
	return !READ_ONCE(queue->head);
}

static void queue_push(struct vrpmsg_queue *queue, struct vrpmsg_msg *msg)
{
	msg->next = NULL;
	WRITE_ONCE(*queue->tail, msg);
	queue->tail = &msg->next;
}

static void queue_push_front(struct vrpmsg_queue *queue, struct vrpmsg_msg *msg)
{
	msg->next = queue->head;
	if (!queue->head)
		queue->tail = &msg->next;
	WRITE_ONCE(queue->head, msg);
}

static struct vrpmsg_msg *queue_pop(struct vrpmsg_queue *queue)
{
	struct vrpmsg_msg *msg = queue->head;

	if (msg) {
		WRITE_ONCE(queue->head, msg->next);
		if (!msg->next)
			queue->tail = &queue->head;
	}
	return msg;
}

/* Move all of @from to the end of @to. */
static void queue_splice(struct vrpmsg_queue *to, struct vrpmsg_queue *from)
{
	if (!from->head)
		return;
	WRITE_ONCE(*to->tail, from->head);
	to->tail = from->tail;
	queue_init(from);
}

/* Free all of it, and count each as dropped for the cause @stat. */
static u32 queue_drop(struct vrpmsg_chrdev *chrdev, struct vrpmsg_queue *queue,
		      unsigned int stat)
{
	struct vrpmsg_msg *msg;
	u32 used = 0;

	while ((msg = queue_pop(queue))) {
		used += msg_cost(msg);
		chrdev_drop(chrdev, stat, msg->len);
		msg_free(msg);
	}
	return used;
}

static void chrdev_free(struct kref *ref)
{
	struct vrpmsg_chrdev *chrdev =
		container_of(ref, struct vrpmsg_chrdev, ref);

	vrpmsg_dev_put(chrdev->ept.rdev);
	kfree_rcu(chrdev, rcu);
}

void vrpmsg_chrdev_put(struct vrpmsg_chrdev *chrdev)
{
	kref_put(&chrdev->ref, chrdev_free);
}

struct vrpmsg_chrdev *vrpmsg_chrdev_get_by_id(u32 id)
{
	struct vrpmsg_chrdev *chrdev;

	xa_lock(&vrpmsg_chrdevs);
	chrdev = xa_load(&vrpmsg_chrdevs, id);
	if (chrdev)
		kref_get(&chrdev->ref);
	xa_unlock(&vrpmsg_chrdevs);
	return chrdev;
}

/* The first one with a number of @id or above. */
struct vrpmsg_chrdev *vrpmsg_chrdev_get_next(unsigned long id)
{
	struct vrpmsg_chrdev *chrdev;

	do {
		chrdev = xa_find(&vrpmsg_chrdevs, &id, UINT_MAX, XA_PRESENT);
		if (!chrdev)
			return NULL;
		chrdev = vrpmsg_chrdev_get_by_id(id++);
	} while (!chrdev);
	return chrdev;
}

/*
 * The worker's side. It runs with the virtqueue mutexes held, and looks at the
 * rest of the endpoint once a burst.
 */

static void chrdev_begin(struct vrpmsg_chrdev *chrdev)
{
	if (chrdev->in_burst)
		return;
	spin_lock(&chrdev->lock);
	chrdev->burst_open = chrdev->open;
	chrdev->burst_policy = chrdev->policy;
	chrdev->burst_limit = chrdev->rx_limit;
	if (chrdev->memcg && mem_cgroup_tryget(chrdev->memcg))
		chrdev->burst_memcg = chrdev->memcg;
	spin_unlock(&chrdev->lock);
	chrdev->in_burst = true;
}

/*
 * The receive queue is full, as far as the burst knows. Hold the guest back
 * until the reader has made room for a quarter of it, which is worth a wake-up.
 */
static bool chrdev_stall(struct vrpmsg_chrdev *chrdev)
{
	bool stalled;

	spin_lock(&chrdev->lock);
	stalled = chrdev->open &&
		  chrdev->policy == VHOST_RPMSG_FULL_POLICY_HOLD &&
		  chrdev->rx_used + chrdev->rx_burst_used >= chrdev->rx_limit;
	if (stalled && !chrdev->stalled) {
		chrdev->stalled = true;
		chrdev_count(chrdev, VHOST_RPMSG_A_STATS_STALLS, 1);
		trace_vrpmsg_stall(chrdev->ept.rdev, chrdev->ept.addr, true);
	}
	spin_unlock(&chrdev->lock);
	return stalled;
}

static ssize_t chrdev_ept_read(struct vhost_rpmsg *vr,
			       struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(iter->ept);
	size_t len = vhost_rpmsg_iter_len(iter);
	struct mem_cgroup *old_memcg;
	struct vrpmsg_msg *msg;
	unsigned int cause;

	if (READ_ONCE(chrdev->stalled))
		return -EAGAIN;

	chrdev_begin(chrdev);
	cause = VHOST_RPMSG_A_STATS_RX_DROP_CLOSED;
	if (!chrdev->burst_open)
		goto drop;

	if (READ_ONCE(chrdev->rx_used) + chrdev->rx_burst_used >=
	    chrdev->burst_limit) {
		cause = VHOST_RPMSG_A_STATS_RX_DROP_FULL;
		if (chrdev->burst_policy == VHOST_RPMSG_FULL_POLICY_DROP)
			goto drop;
		if (chrdev_stall(chrdev))
			return -EAGAIN;
		/* It was closed, changed or read this moment: take it. */
	}

	/*
	 * Payload of the guest must not run the host out of memory: charged to
	 * whoever reads it, and dropped rather than worth a hunt for victims.
	 */
	old_memcg = set_active_memcg(chrdev->burst_memcg);
	msg = msg_alloc(len, __GFP_NORETRY | __GFP_NOWARN);
	set_active_memcg(old_memcg);
	cause = VHOST_RPMSG_A_STATS_RX_DROP_NOMEM;
	if (!msg)
		goto drop;

	msg->addr = iter->src;
	cause = VHOST_RPMSG_A_STATS_RX_DROP_INVALID;
	if (vhost_rpmsg_copy(vr, iter, msg_data(msg), len) != len) {
		msg_free(msg);
		goto drop;
	}

	queue_push(&chrdev->rx_burst, msg);
	chrdev->rx_burst_used += msg_cost(msg);
	chrdev->rx_burst_len += len;
	chrdev->rx_burst_num++;
	return len;

drop:
	chrdev_drop(chrdev, cause, len);
	return -ENOBUFS;
}

/* The message before this one has reached the guest. */
static void chrdev_sent(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_msg *msg = chrdev->tx_last;

	if (!msg)
		return;
	chrdev->tx_last = NULL;
	chrdev->tx_done += msg_cost(msg);
	chrdev->tx_done_len += msg->len;
	chrdev->tx_done_num++;
	msg_free(msg);
}

static void chrdev_ept_unsend(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(ept);

	queue_push_front(&chrdev->tx_burst, chrdev->tx_last);
	chrdev->tx_last = NULL;
}

static int chrdev_ept_send(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(iter->ept);
	struct vrpmsg_msg *msg;

	chrdev_sent(chrdev);
	if (queue_empty(&chrdev->tx_burst)) {
		spin_lock(&chrdev->lock);
		queue_splice(&chrdev->tx_burst, &chrdev->tx);
		spin_unlock(&chrdev->lock);
	}

	msg = queue_pop(&chrdev->tx_burst);
	if (!msg)
		return -ENODATA;
	if (msg->len > vhost_rpmsg_iter_len(iter)) {
		/* It was written when the guest had larger buffers. */
		chrdev->tx_done += msg_cost(msg);
		chrdev_drop(chrdev, VHOST_RPMSG_A_STATS_TX_DROP_SIZE, msg->len);
		msg_free(msg);
		return -EAGAIN;
	}

	iter->dst = msg->addr;
	vhost_rpmsg_copy(vr, iter, msg_data(msg), msg->len);
	chrdev->tx_last = msg;
	return !queue_empty(&chrdev->tx_burst) || !queue_empty(&chrdev->tx);
}

/* The burst is over: hand over what came, and make room for writers. */
static void chrdev_ept_complete(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(ept);
	u32 rx_num = chrdev->rx_burst_num;
	bool readers, writers;

	chrdev_sent(chrdev);
	if (chrdev->tx_done_num) {
		chrdev_count(chrdev, VHOST_RPMSG_A_STATS_TX_MSGS,
			     chrdev->tx_done_num);
		chrdev_count(chrdev, VHOST_RPMSG_A_STATS_TX_BYTES,
			     chrdev->tx_done_len);
	}

	spin_lock(&chrdev->lock);
	/* A reader that has been told of the end must not find any more. */
	readers = rx_num && chrdev->open && !chrdev->gone;
	if (readers) {
		/* Before a reader can count one of them as discarded. */
		chrdev_count(chrdev, VHOST_RPMSG_A_STATS_RX_MSGS, rx_num);
		chrdev_count(chrdev, VHOST_RPMSG_A_STATS_RX_BYTES,
			     chrdev->rx_burst_len);
		queue_splice(&chrdev->rx, &chrdev->rx_burst);
		WRITE_ONCE(chrdev->rx_used,
			   chrdev->rx_used + chrdev->rx_burst_used);
	}
	writers = chrdev->tx_done;
	WRITE_ONCE(chrdev->tx_used, chrdev->tx_used - chrdev->tx_done);
	spin_unlock(&chrdev->lock);

	/* Closed or deleted since the burst began. */
	queue_drop(chrdev, &chrdev->rx_burst,
		   VHOST_RPMSG_A_STATS_RX_DROP_CLOSED);

	if (readers)
		wake_up_interruptible_poll(&chrdev->rx_wait,
					   EPOLLIN | EPOLLRDNORM);
	if (writers)
		wake_up_interruptible_poll(&chrdev->tx_wait,
					   EPOLLOUT | EPOLLWRNORM);

	chrdev->rx_burst_used = 0;
	chrdev->rx_burst_len = 0;
	chrdev->rx_burst_num = 0;
	chrdev->tx_done = 0;
	chrdev->tx_done_len = 0;
	chrdev->tx_done_num = 0;
	mem_cgroup_put(chrdev->burst_memcg);
	chrdev->burst_memcg = NULL;
	chrdev->in_burst = false;
}

/* Throw away what waits for a guest that will never come back. */
static void chrdev_drop_tx(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_queue queue;
	u32 used;

	queue_init(&queue);
	queue_splice(&queue, &chrdev->tx_burst);
	spin_lock(&chrdev->lock);
	queue_splice(&queue, &chrdev->tx);
	spin_unlock(&chrdev->lock);

	used = queue_drop(chrdev, &queue, VHOST_RPMSG_A_STATS_TX_DROP_RESET);

	spin_lock(&chrdev->lock);
	WRITE_ONCE(chrdev->tx_used, chrdev->tx_used - used);
	spin_unlock(&chrdev->lock);
}

/* Context: no burst goes on, so the worker's side is ours. */
static void chrdev_ept_reset(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(ept);

	chrdev_drop_tx(chrdev);
	wake_up_interruptible_poll(&chrdev->tx_wait, EPOLLOUT | EPOLLWRNORM);
}

/* Writers without a remote do not sleep, but pollers wait for one. */
static void chrdev_ept_remote_changed(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(ept);

	wake_up_interruptible_poll(&chrdev->tx_wait, EPOLLOUT | EPOLLWRNORM);
	vrpmsg_nl_ept_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
}

static void chrdev_set_gone(struct vrpmsg_chrdev *chrdev)
{
	spin_lock(&chrdev->lock);
	WRITE_ONCE(chrdev->gone, true);
	WRITE_ONCE(chrdev->stalled, false);
	spin_unlock(&chrdev->lock);
}

/* No event of the endpoint comes after this one, whose order is the lock's. */
static void chrdev_ept_deleted(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(ept);

	chrdev_set_gone(chrdev);
	xa_erase(&vrpmsg_chrdevs, chrdev->id);
	vrpmsg_nl_ept_event(chrdev, VHOST_RPMSG_EVENT_DEL);
}

/* The worker does not use the endpoint any more, and never will. */
static void chrdev_ept_release(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = chrdev_of(ept);

	/* First, so that no writer queues one more that nobody would free. */
	chrdev_set_gone(chrdev);
	chrdev_drop_tx(chrdev);
	vrpmsg_chrdev_put(chrdev);
}

static void chrdev_ept_orphan(struct vhost_rpmsg_ept *ept)
{
	vrpmsg_chrdev_del(chrdev_of(ept));
}

static const struct vhost_rpmsg_ept_ops chrdev_ept_ops = {
	.send = chrdev_ept_send,
	.unsend = chrdev_ept_unsend,
	.complete = chrdev_ept_complete,
	.remote_changed = chrdev_ept_remote_changed,
	.reset = chrdev_ept_reset,
	.deleted = chrdev_ept_deleted,
	.release = chrdev_ept_release,
	.orphan = chrdev_ept_orphan,
};

bool vrpmsg_chrdev_of_ept(struct vhost_rpmsg_ept *ept, u32 *id)
{
	if (ept->ops != &chrdev_ept_ops)
		return false;
	*id = chrdev_of(ept)->id;
	return true;
}

/* Whether listeners have heard of it. */
bool vrpmsg_chrdev_known(struct vhost_rpmsg_ept *ept)
{
	return ept->ops != &chrdev_ept_ops || chrdev_of(ept)->known;
}

/* The process's side. */

/* Whether the guest can go on: a quarter of the queue is free, or nobody cares. */
static bool chrdev_resumes(struct vrpmsg_chrdev *chrdev)
{
	u32 room = max(chrdev->rx_limit / 4, 1U);

	lockdep_assert_held(&chrdev->lock);
	if (!chrdev->stalled)
		return false;
	if (chrdev->open && chrdev->policy == VHOST_RPMSG_FULL_POLICY_HOLD &&
	    chrdev->rx_used > chrdev->rx_limit - room)
		return false;
	WRITE_ONCE(chrdev->stalled, false);
	return true;
}

static void chrdev_resume(struct vrpmsg_chrdev *chrdev)
{
	trace_vrpmsg_stall(chrdev->ept.rdev, chrdev->ept.addr, false);
	vhost_rpmsg_ept_resume(&chrdev->ept);
}

static void chrdev_event(struct vrpmsg_chrdev *chrdev,
			 enum vhost_rpmsg_event event)
{
	guard(mutex)(&chrdev->ept.rdev->lock);
	vrpmsg_nl_ept_event(chrdev, event);
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(current->mm);
	struct vrpmsg_chrdev *chrdev;
	int err = 0;

	chrdev = vrpmsg_chrdev_get_by_id(iminor(inode));
	if (!chrdev) {
		mem_cgroup_put(memcg);
		return -ENETRESET;
	}

	spin_lock(&chrdev->lock);
	if (chrdev->gone) {
		err = -ENETRESET;
	} else if (chrdev->open) {
		err = -EBUSY;
	} else {
		chrdev->open = true;
		swap(chrdev->memcg, memcg);
	}
	spin_unlock(&chrdev->lock);
	mem_cgroup_put(memcg);
	if (err) {
		vrpmsg_chrdev_put(chrdev);
		return err;
	}

	chrdev_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
	file->private_data = chrdev;
	/* io_uring needs no thread of its own for it. */
	file->f_mode |= FMODE_NOWAIT;
	return nonseekable_open(inode, file);
}

static int chrdev_release(struct inode *inode, struct file *file)
{
	struct vrpmsg_chrdev *chrdev = file->private_data;
	struct mem_cgroup *memcg = NULL;
	struct vrpmsg_queue unread;
	bool resume;

	queue_init(&unread);
	spin_lock(&chrdev->lock);
	chrdev->open = false;
	swap(chrdev->memcg, memcg);
	queue_splice(&unread, &chrdev->rx);
	WRITE_ONCE(chrdev->rx_used, 0);
	resume = chrdev_resumes(chrdev);
	spin_unlock(&chrdev->lock);

	queue_drop(chrdev, &unread, VHOST_RPMSG_A_STATS_RX_DISCARDS);
	mem_cgroup_put(memcg);
	if (resume)
		chrdev_resume(chrdev);
	chrdev_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
	vrpmsg_chrdev_put(chrdev);
	return 0;
}

static bool chrdev_nowait(struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) ||
	       (iocb->ki_filp->f_flags & O_NONBLOCK);
}

static bool chrdev_readable(struct vrpmsg_chrdev *chrdev)
{
	return !queue_empty(&chrdev->rx) || READ_ONCE(chrdev->gone);
}

static ssize_t chrdev_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vrpmsg_chrdev *chrdev = iocb->ki_filp->private_data;
	size_t prefix = chrdev->addressed ? sizeof(struct vhost_rpmsg_addr) : 0;
	struct vrpmsg_msg *msg;
	bool resume, gone;
	size_t len;
	int err;

	for (;;) {
		spin_lock(&chrdev->lock);
		msg = chrdev->rx.head;
		if (msg)
			break;
		gone = chrdev->gone;
		spin_unlock(&chrdev->lock);
		if (gone)
			return -EPIPE;
		if (chrdev_nowait(iocb))
			return -EAGAIN;
		err = wait_event_interruptible(chrdev->rx_wait,
					       chrdev_readable(chrdev));
		if (err)
			return err;
	}

	len = prefix + msg->len;
	if (iov_iter_count(to) < len) {
		spin_unlock(&chrdev->lock);
		return -EMSGSIZE;
	}
	queue_pop(&chrdev->rx);
	WRITE_ONCE(chrdev->rx_used, chrdev->rx_used - msg_cost(msg));
	resume = chrdev_resumes(chrdev);
	spin_unlock(&chrdev->lock);
	if (resume)
		chrdev_resume(chrdev);

	if (prefix) {
		struct vhost_rpmsg_addr addr = { .addr = msg->addr };

		if (copy_to_iter(&addr, prefix, to) != prefix)
			goto fault;
	}
	if (copy_to_iter(msg_data(msg), msg->len, to) != msg->len)
		goto fault;
	msg_free(msg);
	return len;

fault:
	/* A failed call has changed nothing; close() cannot come before this. */
	spin_lock(&chrdev->lock);
	queue_push_front(&chrdev->rx, msg);
	WRITE_ONCE(chrdev->rx_used, chrdev->rx_used + msg_cost(msg));
	spin_unlock(&chrdev->lock);
	/* Others may have found nothing meanwhile. */
	wake_up_interruptible_poll(&chrdev->rx_wait, EPOLLIN | EPOLLRDNORM);
	return -EFAULT;
}

/* Whether a message can be queued: 0, -EAGAIN for want of room, or an error. */
static int chrdev_may_write(struct vrpmsg_chrdev *chrdev)
{
	if (READ_ONCE(chrdev->gone))
		return -EPIPE;
	if (!chrdev->addressed &&
	    vhost_rpmsg_ept_remote(&chrdev->ept) == VHOST_RPMSG_ADDR_ANY)
		return -ENOTCONN;
	if (READ_ONCE(chrdev->tx_used) >= READ_ONCE(chrdev->tx_limit))
		return -EAGAIN;
	return 0;
}

/* Nothing to wait for: there is room, or an error to report. */
static bool chrdev_writable(struct vrpmsg_chrdev *chrdev)
{
	return chrdev_may_write(chrdev) != -EAGAIN;
}

/* Queue a message; as chrdev_may_write(). */
static int chrdev_queue(struct vrpmsg_chrdev *chrdev, struct vrpmsg_msg *msg,
			u32 dst)
{
	int err;

	spin_lock(&chrdev->lock);
	err = chrdev_may_write(chrdev);
	if (!err) {
		msg->addr = dst;
		if (!chrdev->addressed)
			msg->addr = vhost_rpmsg_ept_remote(&chrdev->ept);
		/* The remote may be forgotten at any time. */
		if (msg->addr == VHOST_RPMSG_ADDR_ANY)
			err = -ENOTCONN;
	}
	if (!err) {
		WRITE_ONCE(chrdev->tx_used, chrdev->tx_used + msg_cost(msg));
		queue_push(&chrdev->tx, msg);
	}
	spin_unlock(&chrdev->lock);
	return err;
}

static ssize_t chrdev_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vrpmsg_chrdev *chrdev = iocb->ki_filp->private_data;
	struct vhost_rpmsg_addr addr = { .addr = VHOST_RPMSG_ADDR_ANY };
	size_t total = iov_iter_count(from);
	struct vrpmsg_msg *msg = NULL;
	size_t len = total;
	int err;

	if (READ_ONCE(chrdev->gone))
		return -EPIPE;
	if (chrdev->addressed) {
		if (len < sizeof(addr))
			return -EINVAL;
		len -= sizeof(addr);
		if (!copy_from_iter_full(&addr, sizeof(addr), from))
			return -EFAULT;
		if (addr.addr == VHOST_RPMSG_ADDR_ANY || addr.reserved)
			return -EINVAL;
	}
	if (len > READ_ONCE(chrdev->ept.rdev->mtu))
		return -EMSGSIZE;

	for (;;) {
		err = chrdev_may_write(chrdev);
		if (!err && !msg) {
			msg = msg_alloc(len, 0);
			if (!msg)
				return -ENOMEM;
			if (!copy_from_iter_full(msg_data(msg), len, from)) {
				err = -EFAULT;
				goto err_free;
			}
		}
		if (!err)
			err = chrdev_queue(chrdev, msg, addr.addr);
		if (!err)
			break;
		if (err != -EAGAIN || chrdev_nowait(iocb))
			goto err_free;
		err = wait_event_interruptible(chrdev->tx_wait,
					       chrdev_writable(chrdev));
		if (err)
			goto err_free;
	}
	vhost_rpmsg_ept_send(&chrdev->ept);
	return total;

err_free:
	msg_free(msg);
	return err;
}

static __poll_t chrdev_poll(struct file *file, poll_table *wait)
{
	struct vrpmsg_chrdev *chrdev = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &chrdev->rx_wait, wait);
	poll_wait(file, &chrdev->tx_wait, wait);

	spin_lock(&chrdev->lock);
	if (!queue_empty(&chrdev->rx))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (chrdev->gone)
		mask |= EPOLLHUP | EPOLLERR;
	else if (!chrdev_may_write(chrdev))
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock(&chrdev->lock);
	return mask;
}

static int chrdev_get_info(struct vrpmsg_chrdev *chrdev, void __user *argp)
{
	struct vrpmsg_dev *rdev = chrdev->ept.rdev;
	struct vhost_rpmsg_ept_info info = {
		.dev_id = rdev->id,
		.id = chrdev->id,
		.src = chrdev->ept.addr,
	};

	strscpy(info.name, chrdev->name, sizeof(info.name));
	mutex_lock(&rdev->lock);
	strscpy(info.dev_name, rdev->name, sizeof(info.dev_name));
	info.dst = chrdev->ept.remote;
	info.mtu = rdev->mtu;
	if (chrdev->addressed)
		info.flags |= VHOST_RPMSG_EPT_ADDRESSED;
	if (chrdev->ept.ann)
		info.flags |= VHOST_RPMSG_EPT_ANNOUNCED;
	if (READ_ONCE(chrdev->gone))
		info.flags |= VHOST_RPMSG_EPT_GONE;
	mutex_unlock(&rdev->lock);

	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}

static long chrdev_ioctl(struct file *file, unsigned int ioctl,
			 unsigned long arg)
{
	struct vrpmsg_chrdev *chrdev = file->private_data;

	switch (ioctl) {
	case RPMSG_DESTROY_EPT_IOCTL:
		return vrpmsg_chrdev_del(chrdev) ? -EPIPE : 0;
	case VHOST_RPMSG_EPT_GET_INFO:
		return chrdev_get_info(chrdev, (void __user *)arg);
	}
	return -ENOTTY;
}

static const struct file_operations chrdev_fops = {
	.owner = THIS_MODULE,
	.open = chrdev_open,
	.release = chrdev_release,
	.read_iter = chrdev_read_iter,
	.write_iter = chrdev_write_iter,
	.poll = chrdev_poll,
	.unlocked_ioctl = chrdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* The administrator's side. */

/* What udev's rule makes names of. */
static int chrdev_uevent(vrpmsg_const_device *dev, struct kobj_uevent_env *env)
{
	struct vrpmsg_chrdev *chrdev = dev_get_drvdata(dev);
	struct vrpmsg_dev *rdev = chrdev->ept.rdev;
	int err;

	guard(mutex)(&rdev->lock);
	err = add_uevent_var(env, "VRPMSG_DEVICE=%s", rdev->name);
	if (!err)
		err = add_uevent_var(env, "VRPMSG_ADDR=%u", chrdev->ept.addr);
	if (!err && chrdev->name[0])
		err = add_uevent_var(env, "VRPMSG_ENDPOINT=%s", chrdev->name);
	return err;
}

static struct class chrdev_class = {
	.name = "vrpmsg",
	.dev_uevent = chrdev_uevent,
};

/**
 * vrpmsg_chrdev_new - make an endpoint and its char device
 * @rdev: device
 * @cfg: valid configuration
 *
 * Return: the char device, with a reference for the caller, or an ERR_PTR(): as
 * vhost_rpmsg_ept_add().
 */
struct vrpmsg_chrdev *vrpmsg_chrdev_new(struct vrpmsg_dev *rdev,
					const struct vrpmsg_chrdev_config *cfg)
{
	struct vrpmsg_chrdev *chrdev;
	int err;

	chrdev = kzalloc(sizeof(*chrdev), GFP_KERNEL_ACCOUNT);
	if (!chrdev)
		return ERR_PTR(-ENOMEM);

	/* References: the caller's, the table's and the endpoint's. */
	kref_init(&chrdev->ref);
	spin_lock_init(&chrdev->lock);
	queue_init(&chrdev->rx);
	queue_init(&chrdev->tx);
	queue_init(&chrdev->rx_burst);
	queue_init(&chrdev->tx_burst);
	init_waitqueue_head(&chrdev->rx_wait);
	init_waitqueue_head(&chrdev->tx_wait);
	chrdev->addressed = cfg->addressed;
	chrdev->policy = cfg->policy;
	chrdev->rx_limit = cfg->rx_limit;
	chrdev->tx_limit = cfg->tx_limit;
	if (cfg->name)
		strscpy(chrdev->name, cfg->name, sizeof(chrdev->name));
	chrdev->ept.read = chrdev_ept_read;
	chrdev->ept.addr = cfg->addr;
	chrdev->ept.learn = !cfg->addressed &&
			    cfg->remote == VHOST_RPMSG_ADDR_ANY;
	chrdev->ept.name = chrdev->name[0] ? chrdev->name : NULL;
	chrdev->ept.ops = &chrdev_ept_ops;
	chrdev->ept.rdev = vrpmsg_dev_get(rdev);

	mutex_lock(&vrpmsg_chrdevs_lock);
	err = xa_alloc_cyclic(&vrpmsg_chrdevs, &chrdev->id, NULL,
			      XA_LIMIT(0, CHRDEV_NUM - 1), &vrpmsg_chrdevs_next,
			      GFP_KERNEL_ACCOUNT);
	if (err < 0) {
		err = err == -EBUSY ? -ENOSPC : err;
		goto err_put;
	}

	/* Not by way of a VMM's rings: the device may have none yet. */
	kref_get(&chrdev->ref);
	err = vrpmsg_ept_add(rdev, &chrdev->ept);
	if (err)
		goto err_ept;
	if (cfg->remote != VHOST_RPMSG_ADDR_ANY)
		vhost_rpmsg_ept_set_remote(&chrdev->ept, cfg->remote);

	/* As soon as there is a node, it can be opened. */
	kref_get(&chrdev->ref);
	xa_store(&vrpmsg_chrdevs, chrdev->id, chrdev, GFP_KERNEL);
	chrdev->dev = device_create(&chrdev_class, NULL,
				    MKDEV(MAJOR(chrdev_devt), chrdev->id),
				    chrdev, "vrpmsg-ep%u", chrdev->id);
	if (IS_ERR(chrdev->dev)) {
		err = PTR_ERR(chrdev->dev);
		chrdev->dev = NULL;
		goto err_device;
	}
	chrdev_event(chrdev, VHOST_RPMSG_EVENT_NEW);
	mutex_unlock(&vrpmsg_chrdevs_lock);
	return chrdev;

err_device:
	/* Unless the device has been deleted under us, and it with it. */
	mutex_unlock(&vrpmsg_chrdevs_lock);
	vrpmsg_chrdev_del(chrdev);
	vrpmsg_chrdev_put(chrdev);
	return ERR_PTR(err);

err_ept:
	vrpmsg_chrdev_put(chrdev);
	xa_erase(&vrpmsg_chrdevs, chrdev->id);
err_put:
	mutex_unlock(&vrpmsg_chrdevs_lock);
	vrpmsg_chrdev_put(chrdev);
	return ERR_PTR(err);
}

/**
 * vrpmsg_chrdev_set - change settings
 * @chrdev: endpoint
 * @cfg: its policy and limits, and its remote unless VHOST_RPMSG_ADDR_ANY
 *
 * Return: 0, or -ENOENT: the endpoint is deleted.
 */
int vrpmsg_chrdev_set(struct vrpmsg_chrdev *chrdev,
		      const struct vrpmsg_chrdev_config *cfg)
{
	struct vhost_rpmsg_ept *ept = &chrdev->ept;
	struct vrpmsg_dev *rdev = ept->rdev;
	bool resume, changed;

	guard(mutex)(&rdev->lock);
	if (xa_load(&rdev->epts, ept->addr) != ept)
		return -ENOENT;

	spin_lock(&chrdev->lock);
	changed = chrdev->policy != cfg->policy ||
		  chrdev->rx_limit != cfg->rx_limit ||
		  chrdev->tx_limit != cfg->tx_limit;
	chrdev->policy = cfg->policy;
	chrdev->rx_limit = cfg->rx_limit;
	WRITE_ONCE(chrdev->tx_limit, cfg->tx_limit);
	resume = chrdev_resumes(chrdev);
	spin_unlock(&chrdev->lock);
	if (resume)
		chrdev_resume(chrdev);
	wake_up_interruptible_poll(&chrdev->tx_wait, EPOLLOUT | EPOLLWRNORM);

	/* One event for all of it: a new remote comes with its own. */
	if (cfg->remote != VHOST_RPMSG_ADDR_ANY &&
	    (cfg->remote != ept->remote ||
	     ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_FIXED))
		vrpmsg_ept_fix_remote(ept, cfg->remote);
	else if (changed)
		vrpmsg_nl_ept_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
	return 0;
}

/**
 * vrpmsg_chrdev_del - delete an endpoint and its char device
 * @chrdev: endpoint; the caller has a reference
 *
 * Whoever has it open reads what is queued, and then learns that it is gone.
 *
 * Return: 0, or -ENOENT: it is deleted already.
 */
int vrpmsg_chrdev_del(struct vrpmsg_chrdev *chrdev)
{
	/* Not before its maker is done with it, and by one only. */
	guard(mutex)(&vrpmsg_chrdevs_lock);
	if (READ_ONCE(chrdev->gone))
		return -ENOENT;

	if (chrdev->dev)
		device_unregister(chrdev->dev);
	vhost_rpmsg_ept_del(&chrdev->ept);
	wake_up_poll(&chrdev->rx_wait, EPOLLHUP | EPOLLERR | EPOLLIN);
	wake_up_poll(&chrdev->tx_wait, EPOLLHUP | EPOLLERR | EPOLLOUT);
	vrpmsg_chrdev_put(chrdev);
	return 0;
}

int vrpmsg_chrdev_register(void)
{
	int err;

	err = class_register(&chrdev_class);
	if (err)
		return err;
	err = alloc_chrdev_region(&chrdev_devt, 0, CHRDEV_NUM, "vrpmsg");
	if (err)
		goto err_region;
	cdev_init(&chrdev_cdev, &chrdev_fops);
	chrdev_cdev.owner = THIS_MODULE;
	err = cdev_add(&chrdev_cdev, chrdev_devt, CHRDEV_NUM);
	if (err)
		goto err_cdev;
	return 0;

err_cdev:
	unregister_chrdev_region(chrdev_devt, CHRDEV_NUM);
err_region:
	class_unregister(&chrdev_class);
	return err;
}

void vrpmsg_chrdev_unregister(void)
{
	cdev_del(&chrdev_cdev);
	unregister_chrdev_region(chrdev_devt, CHRDEV_NUM);
	class_unregister(&chrdev_class);
	xa_destroy(&vrpmsg_chrdevs);
}
