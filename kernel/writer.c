// SPDX-License-Identifier: GPL-2.0-only
/*
 * write(): put messages into an endpoint's send queue, one per call or, in
 * batch mode, as many as there is room for.
 */
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/uio.h>

#include "chrdev.h"

/* Maximum number of records to copy before the first of them is queued. */
#define WRITER_CHUNK	64

/**
 * struct writer - state of a write() call
 * @f: the file
 * @iocb: the call
 * @from: data that is not copied yet
 * @msgs: messages that have been copied, but are not queued yet
 * @pool: in batch mode, memory from the endpoint's message cache
 */
struct writer {
	struct vrpmsg_file *f;
	struct kiocb *iocb;
	struct iov_iter *from;
	struct vrpmsg_queue msgs;
	struct vrpmsg_pool *pool;
};

/* Whether a message can be sent to this address: 0 or an error. */
static int writer_check_addr(struct vrpmsg_chrdev *chrdev, u32 addr)
{
	if (!chrdev->addressed && addr == VHOST_RPMSG_ADDR_ANY)
		return -ENOTCONN;
	/*
	 * A user must not send announcements, even if an administrator chose this
	 * remote, or it is that of a channel.
	 */
	if (addr == VHOST_RPMSG_NS_ADDR && uid_valid(chrdev->owner))
		return -EINVAL;
	return 0;
}

/**
 * vrpmsg_file_may_write - check whether a message can be queued
 * @chrdev: endpoint
 *
 * Return: 0; -EAGAIN: no room; or another error.
 */
int vrpmsg_file_may_write(struct vrpmsg_chrdev *chrdev)
{
	int err = 0;

	if (READ_ONCE(chrdev->gone))
		return -EPIPE;
	if (!chrdev->addressed)
		err = writer_check_addr(chrdev,
					vhost_rpmsg_ept_remote(&chrdev->ept));
	if (err)
		return err;
	if (READ_ONCE(chrdev->tx_used) >= READ_ONCE(chrdev->tx_limit))
		return -EAGAIN;
	return 0;
}

/* Whether a writer can stop waiting: there is room, or an error. */
static bool writer_ready(struct vrpmsg_chrdev *chrdev)
{
	return vrpmsg_file_may_write(chrdev) != -EAGAIN;
}

/* Queue one message, for its address if the endpoint is addressed. */
static int writer_queue_msg(struct vrpmsg_chrdev *chrdev,
			    struct vrpmsg_queue *msgs)
{
	struct vrpmsg_msg *msg = msgs->head;
	int err;

	lockdep_assert_held(&chrdev->lock);
	err = vrpmsg_file_may_write(chrdev);
	if (err)
		return err;
	if (vrpmsg_chrdev_is_stale(chrdev, msg->generation))
		return -ESTALE;
	if (!chrdev->addressed)
		msg->addr = vhost_rpmsg_ept_remote(&chrdev->ept);
	/* Again, since the remote may change or be forgotten at any time. */
	err = writer_check_addr(chrdev, msg->addr);
	if (err)
		return err;
	WRITE_ONCE(chrdev->tx_used, chrdev->tx_used + vrpmsg_msg_cost(msg));
	vrpmsg_queue_push(&chrdev->tx, vrpmsg_queue_pop(msgs));
	return 0;
}

/*
 * Queue as many messages as there is room for, and set @bytes to their size as
 * records. Returns 0, or why the next message could not be queued.
 */
static int writer_queue(struct writer *w, size_t *bytes)
{
	struct vrpmsg_chrdev *chrdev = w->f->chrdev;
	size_t len = 0, size;
	int err = 0;

	*bytes = 0;
	spin_lock(&chrdev->lock);
	while (w->msgs.head && !err) {
		len = w->msgs.head->len;
		size = sizeof(struct vhost_rpmsg_rec) + len;
		err = writer_queue_msg(chrdev, &w->msgs);
		if (!err)
			*bytes += VHOST_RPMSG_REC_ALIGN(size);
	}
	if (w->pool)
		vrpmsg_spare_put(chrdev->spare, &chrdev->spare->tx, w->pool,
				 chrdev->tx_limit);
	else
		vrpmsg_spare_set_next(chrdev->spare, len);
	spin_unlock(&chrdev->lock);
	return err;
}

/*
 * Get memory for a message, from the cache or newly allocated. At the limit of
 * its memory cgroup, a process gets -ENOMEM; the OOM killer is not invoked.
 */
static struct vrpmsg_msg *writer_alloc(struct writer *w, size_t len,
				       bool nowait)
{
	gfp_t gfp = nowait ? GFP_NOWAIT : GFP_KERNEL | __GFP_RETRY_MAYFAIL;
	struct mem_cgroup *old_memcg;
	struct vrpmsg_msg *msg;

	msg = w->pool ? vrpmsg_pool_get(w->pool, len) :
			vrpmsg_spare_next(w->f->chrdev->spare, len);
	if (msg)
		return msg;
	old_memcg = set_active_memcg(w->f->memcg);
	msg = vrpmsg_msg_alloc(len, gfp);
	set_active_memcg(old_memcg);
	return msg;
}

/* Copy a message from the process. Returns 0 or an error. */
static int writer_copy_msg(struct writer *w, size_t len, u32 addr,
			   u32 generation)
{
	bool nowait = w->iocb->ki_flags & IOCB_NOWAIT;
	struct vrpmsg_msg *msg;

	if (len > vrpmsg_dev_mtu(w->f->chrdev->ept.rdev))
		return -EMSGSIZE;
	msg = writer_alloc(w, len, nowait);
	if (!msg)
		return nowait ? -EAGAIN : -ENOMEM;
	if (!vrpmsg_msg_copy_from(msg, w->from)) {
		vrpmsg_msg_free(msg);
		return -EFAULT;
	}
	msg->addr = addr;
	msg->generation = generation;
	vrpmsg_queue_push(&w->msgs, msg);
	return 0;
}

/* Check the address and generation of a message. */
static int writer_check(struct vrpmsg_chrdev *chrdev, u32 addr, u32 generation)
{
	int err = 0;

	if (chrdev->addressed)
		err = addr == VHOST_RPMSG_ADDR_ANY ?
			      -EINVAL :
			      writer_check_addr(chrdev, addr);
	if (!err && vrpmsg_chrdev_is_stale(chrdev, generation))
		err = -ESTALE;
	return err;
}

/* Copy the prefix of a message of an addressed endpoint. */
static int writer_copy_addr(struct vrpmsg_chrdev *chrdev, struct iov_iter *from,
			    struct vhost_rpmsg_addr *addr)
{
	if (!chrdev->addressed)
		return 0;
	if (iov_iter_count(from) < sizeof(*addr))
		return -EINVAL;
	if (!copy_from_iter_full(addr, sizeof(*addr), from))
		return -EFAULT;
	return writer_check(chrdev, addr->addr, addr->generation);
}

/* Copy the next record of a batch. */
static int writer_copy_rec(struct writer *w)
{
	struct vhost_rpmsg_rec rec;
	size_t pad;
	int err;

	if (iov_iter_count(w->from) < sizeof(rec))
		return -EINVAL;
	if (!copy_from_iter_full(&rec, sizeof(rec), w->from))
		return -EFAULT;
	if (rec.flags || rec.len > iov_iter_count(w->from))
		return -EINVAL;
	err = writer_check(w->f->chrdev, rec.addr, rec.generation);
	if (!err)
		err = writer_copy_msg(w, rec.len, rec.addr, rec.generation);
	if (err)
		return err;
	pad = VHOST_RPMSG_REC_ALIGN(sizeof(rec) + rec.len) - sizeof(rec) -
	      rec.len;
	iov_iter_advance(w->from, min(pad, iov_iter_count(w->from)));
	return 0;
}

/*
 * Copy the next records of a batch, roughly as many as there is room for. An
 * error of a later record is returned by the next call, which starts with that
 * record.
 */
static int writer_copy_chunk(struct writer *w, bool *more)
{
	struct vrpmsg_chrdev *chrdev = w->f->chrdev;
	u32 limit, used;
	int err;

	spin_lock(&chrdev->lock);
	vrpmsg_pool_splice(w->pool, &chrdev->spare->tx);
	limit = chrdev->tx_limit;
	used = chrdev->tx_used;
	spin_unlock(&chrdev->lock);
	do {
		err = writer_copy_rec(w);
		*more = !err && iov_iter_count(w->from);
	} while (*more && w->msgs.num < WRITER_CHUNK &&
		 (u64)used + w->msgs.used < limit);
	return w->msgs.num ? 0 : err;
}

/* Wait for room. Returns 0 or an error. */
static int writer_wait(struct writer *w)
{
	struct vrpmsg_chrdev *chrdev = w->f->chrdev;

	if (vrpmsg_file_nowait(w->iocb))
		return -EAGAIN;
	return wait_event_interruptible(chrdev->tx_wait, writer_ready(chrdev));
}

/* Write a single message, all or nothing. */
static ssize_t writer_write_msg(struct writer *w)
{
	struct vrpmsg_chrdev *chrdev = w->f->chrdev;
	size_t total = iov_iter_count(w->from), bytes;
	struct vhost_rpmsg_addr addr = {};
	int err;

	/* Report a bad message before waiting for room. */
	err = writer_copy_addr(chrdev, w->from, &addr);
	if (!err && iov_iter_count(w->from) > vrpmsg_dev_mtu(chrdev->ept.rdev))
		err = -EMSGSIZE;
	if (err)
		return err;
	for (;;) {
		err = vrpmsg_file_may_write(chrdev);
		if (!err && !w->msgs.num)
			err = writer_copy_msg(w, iov_iter_count(w->from),
					      addr.addr, addr.generation);
		if (!err)
			err = writer_queue(w, &bytes);
		if (!err)
			break;
		if (err == -EAGAIN)
			err = writer_wait(w);
		if (err)
			return err;
	}
	vhost_rpmsg_ept_send(&chrdev->ept);
	return total;
}

/* Write as many records as there is room for, at least one. */
static ssize_t writer_write_batch(struct writer *w)
{
	struct vrpmsg_chrdev *chrdev = w->f->chrdev;
	size_t total = iov_iter_count(w->from), done = 0, bytes;
	struct vrpmsg_pool pool = {};
	bool more = total;
	int err = 0;

	w->pool = &pool;
	while (more || w->msgs.num) {
		bytes = 0;
		err = vrpmsg_file_may_write(chrdev);
		if (!err && !w->msgs.num)
			err = writer_copy_chunk(w, &more);
		if (!err)
			err = writer_queue(w, &bytes);
		if (bytes)
			vhost_rpmsg_ept_send(&chrdev->ept);
		done += bytes;
		if (err && done)
			break;
		if (err == -EAGAIN)
			err = writer_wait(w);
		if (err)
			break;
		cond_resched();
	}
	vrpmsg_pool_free(&pool);
	/* The padding of the last record may be missing. */
	return done ? min(done, total) : err;
}

/**
 * vrpmsg_file_write_iter - write messages
 * @iocb: the call
 * @from: source
 *
 * Return: the number of bytes, or the error of the first message.
 */
ssize_t vrpmsg_file_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct writer w = {
		.f = iocb->ki_filp->private_data,
		.iocb = iocb,
		.from = from,
	};
	ssize_t ret;

	if (READ_ONCE(w.f->chrdev->gone))
		return -EPIPE;
	vrpmsg_queue_init(&w.msgs);
	ret = READ_ONCE(w.f->batch) ? writer_write_batch(&w) :
				      writer_write_msg(&w);
	/* Free messages for which there was no room. */
	vrpmsg_queue_free(&w.msgs);
	return ret;
}
