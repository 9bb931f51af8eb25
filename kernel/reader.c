// SPDX-License-Identifier: GPL-2.0-only
/*
 * read(): take messages from an endpoint's receive queue, one per call or, in
 * batch mode, as many as fit.
 */
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/uio.h>

#include "chrdev.h"

static bool reader_ready(struct vrpmsg_chrdev *chrdev)
{
	return !vrpmsg_queue_empty(&chrdev->rx) || READ_ONCE(chrdev->gone);
}

/* Serialise readers. With IOCB_NOWAIT, do not wait for the lock. */
static int reader_lock(struct vrpmsg_file *f, struct kiocb *iocb)
{
	if (iocb->ki_flags & IOCB_NOWAIT)
		return mutex_trylock(&f->read_lock) ? 0 : -EAGAIN;
	return mutex_lock_interruptible(&f->read_lock) ? -ERESTARTSYS : 0;
}

/*
 * Return the first message, or NULL with read_lock released. @gone: none will
 * arrive any more. A reset that finds read_lock taken moves all messages to
 * rx_dead. So release read_lock under chrdev->lock, with rx_dead empty: nobody
 * would free what is in it.
 */
static struct vrpmsg_msg *reader_peek(struct vrpmsg_file *f, bool *gone)
{
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	struct vrpmsg_msg *msg = vrpmsg_queue_peek(&chrdev->rx);
	struct vrpmsg_queue dead;
	bool resume;

	*gone = false;
	if (msg && vrpmsg_queue_empty(&chrdev->rx_dead))
		return msg;
	vrpmsg_queue_init(&dead);
	spin_lock(&chrdev->lock);
	/* Nothing is being copied yet. */
	vrpmsg_queue_splice(&dead, &chrdev->rx_dead);
	resume = !vrpmsg_queue_empty(&dead) && vrpmsg_room_made(f);
	msg = chrdev->rx.head;
	*gone = chrdev->gone;
	if (!msg)
		mutex_unlock(&f->read_lock);
	spin_unlock(&chrdev->lock);

	if (resume)
		vrpmsg_chrdev_resume(chrdev);
	vrpmsg_chrdev_drop_all(chrdev, &dead, VHOST_RPMSG_A_STATS_RX_DISCARDS);
	return msg;
}

/*
 * Wait for a message. Returns the first one, with read_lock held: this and the
 * following messages stay in the queue until reader_end().
 */
static struct vrpmsg_msg *reader_begin(struct vrpmsg_file *f,
				       struct kiocb *iocb, bool nowait)
{
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	struct vrpmsg_msg *msg;
	bool gone;
	int err;

	for (;;) {
		err = reader_lock(f, iocb);
		if (err)
			return ERR_PTR(err);
		msg = reader_peek(f, &gone);
		if (msg)
			return msg;
		if (gone)
			return ERR_PTR(-EPIPE);
		if (nowait)
			return ERR_PTR(-EAGAIN);
		err = wait_event_interruptible(chrdev->rx_wait,
					       reader_ready(chrdev));
		if (err)
			return ERR_PTR(err);
	}
}

/* Keep the memory of messages that have been read in the cache. */
static void reader_keep(struct vrpmsg_chrdev *chrdev, struct vrpmsg_queue *read)
{
	struct vrpmsg_pool pool = {};
	struct vrpmsg_msg *msg;

	while ((msg = vrpmsg_queue_pop(read)))
		vrpmsg_pool_put(&pool, msg);
	spin_lock(&chrdev->lock);
	vrpmsg_spare_put(chrdev->spare, &chrdev->spare->rx, &pool,
			 chrdev->rx_limit);
	spin_unlock(&chrdev->lock);
	vrpmsg_pool_free(&pool);
}

/*
 * Remove the messages that have been read: @read covers them. If the guest has
 * been reset meanwhile, they are in rx_dead instead of rx, together with
 * others, which are dropped here.
 */
static void reader_end(struct vrpmsg_file *f, struct vrpmsg_queue *read)
{
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	struct vrpmsg_queue dead;
	bool resume;

	vrpmsg_queue_init(&dead);
	if (!read->num)
		vrpmsg_queue_init(read);
	spin_lock(&chrdev->lock);
	if (read->num)
		vrpmsg_queue_cut(chrdev->rx.head == read->head ?
					 &chrdev->rx :
					 &chrdev->rx_dead,
				 read);
	/* A single message goes to the cache here, more without the lock. */
	if (read->num == 1 &&
	    vrpmsg_spare_put_msg(chrdev->spare, &chrdev->spare->rx, read->head,
				 chrdev->rx_limit))
		vrpmsg_queue_init(read);
	vrpmsg_queue_splice(&dead, &chrdev->rx_dead);
	resume = vrpmsg_room_made(f);
	/* As in reader_peek(). */
	mutex_unlock(&f->read_lock);
	spin_unlock(&chrdev->lock);

	if (resume)
		vrpmsg_chrdev_resume(chrdev);
	if (read->num > 1)
		reader_keep(chrdev, read);
	vrpmsg_queue_free(read);
	vrpmsg_chrdev_drop_all(chrdev, &dead, VHOST_RPMSG_A_STATS_RX_DISCARDS);
}

/* Copy a message as a single read() returns it. Returns its size. */
static ssize_t reader_copy_msg(struct vrpmsg_chrdev *chrdev,
			       struct vrpmsg_msg *msg, struct iov_iter *to)
{
	struct vhost_rpmsg_addr addr = {
		.addr = msg->addr,
		.generation = msg->generation,
	};
	size_t prefix = chrdev->addressed ? sizeof(addr) : 0;

	if (iov_iter_count(to) < prefix + msg->len)
		return -EMSGSIZE;
	if (prefix && copy_to_iter(&addr, prefix, to) != prefix)
		return -EFAULT;
	if (!vrpmsg_msg_copy_to(msg, to))
		return -EFAULT;
	return prefix + msg->len;
}

/* Copy a message as a record of a batch, with the padding that fits. */
static ssize_t reader_copy_rec(struct vrpmsg_msg *msg, struct iov_iter *to)
{
	struct vhost_rpmsg_rec rec = {
		.len = msg->len,
		.addr = msg->addr,
		.generation = msg->generation,
	};
	size_t len = sizeof(rec) + msg->len, pad;

	if (iov_iter_count(to) < len)
		return -EMSGSIZE;
	if (copy_to_iter(&rec, sizeof(rec), to) != sizeof(rec) ||
	    !vrpmsg_msg_copy_to(msg, to))
		return -EFAULT;
	pad = min(VHOST_RPMSG_REC_ALIGN(len) - len, iov_iter_count(to));
	if (pad && iov_iter_zero(pad, to) != pad)
		return -EFAULT;
	return len + pad;
}

/**
 * vrpmsg_file_read_iter - read messages
 * @iocb: the call
 * @to: destination
 *
 * Return: the number of bytes, or the error of the first message.
 */
ssize_t vrpmsg_file_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vrpmsg_file *f = iocb->ki_filp->private_data;
	/* Do not wait for an empty buffer. */
	bool nowait = vrpmsg_file_nowait(iocb) || !iov_iter_count(to);
	bool batch = READ_ONCE(f->batch);
	struct vrpmsg_msg *msg, *last = NULL;
	struct vrpmsg_queue read;
	ssize_t total = 0, ret;

	msg = reader_begin(f, iocb, nowait);
	if (IS_ERR(msg))
		return PTR_ERR(msg);

	vrpmsg_queue_init(&read);
	read.head = msg;
	do {
		ret = batch ? reader_copy_rec(msg, to) :
			      reader_copy_msg(f->chrdev, msg, to);
		if (ret < 0)
			break;
		total += ret;
		vrpmsg_queue_extend(&read, msg);
		last = msg;
		/* As in vrpmsg_queue_peek(). */
		msg = batch ? smp_load_acquire(&msg->next) : NULL;
		cond_resched();
	} while (msg);
	reader_end(f, &read);
	return last ? total : ret;
}
