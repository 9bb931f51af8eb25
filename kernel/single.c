// SPDX-License-Identifier: GPL-2.0-only
/* A single message outside of a burst, for a driver that has it at hand. */
#include <linux/export.h>

#include "internal.h"
#include "trace.h"

/* Whether this thread is in a callback, or has already started a message. */
static bool single_nested(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		if (READ_ONCE(vr->ring[i].burst) == current)
			return true;
	return false;
}

/* Check that a buffer can be taken from the ring, and mark it as in use. */
static int single_prepare(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];

	if (vhost_vq_get_backend(vq) != vr)
		return -ENOTCONN;
	/* The rx work restarts both rings first. */
	if (READ_ONCE(vr->restarted) || !vq_meta_prefetch(vq) ||
	    !vrpmsg_ring_flush(vr, qid))
		return -EAGAIN;
	vhost_disable_notify(&vr->dev, vq);
	WRITE_ONCE(vr->ring[qid].burst, current);
	return 0;
}

/* Finish, with or without a message. Notifications are disabled. */
static void single_finish(struct vhost_rpmsg *vr, unsigned int qid)
{
	vrpmsg_ept_complete(vr, qid);
	WRITE_ONCE(vr->ring[qid].burst, NULL);
	vrpmsg_ring_flush(vr, qid);
	/* The worker enables notifications if they are needed. */
	vhost_poll_queue(&vr->vq[qid].poll);
}

/* The request is consumed, as in rx_burst(). */
static void single_consume(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter)
{
	vrpmsg_hold_accepted(vr->rdev);
	vrpmsg_ring_put_request(vr, iter);
}

/* No endpoint takes the request: return its buffer, or leave it in the ring. */
static int single_refuse(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			 int err)
{
	if (err == -EAGAIN || iter->fault) {
		/* The worker retries it. */
		vrpmsg_ring_unget(iter);
		return err;
	}
	single_consume(vr, iter);
	return err;
}

/* Have the endpoint read the request, and set @iter up for the response. */
static int single_request(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			  ssize_t len)
{
	struct vhost_rpmsg_ept *ept;
	ssize_t ret;

	if (len >= 0 && iter->len < len) {
		vrpmsg_ring_unget(iter);
		return -ENOBUFS;
	}
	ept = vrpmsg_ept_touch(vr, iter->dst);
	if (!ept) {
		vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN,
			    iter->dst, iter->len);
		return single_refuse(vr, iter, -ENOENT);
	}

	trace_vrpmsg_rx(vr->rdev, iter->src, iter->dst, iter->len);
	vrpmsg_ept_learn(ept, iter->src);
	iter->ept = ept;
	ret = ept->read(vr, iter);
	if (ret != -EAGAIN)
		ept->dropping = 0;
	if (ret < 0)
		return single_refuse(vr, iter, ret);
	iter->len = ret;
	iter->dst = iter->src;
	iter->src = ept->addr;
	return 0;
}

/*
 * Set @iter up for a message in the buffer that was taken: of @len bytes, or,
 * if @len is negative, as long as what is copied. @reply is the length of the
 * response to a request, if @iter was used for one. If the sending endpoint has
 * write(), that may fill the buffer.
 */
static int single_response(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter, ssize_t len,
			   size_t reply)
{
	ssize_t ret;

	if (len >= 0 && iter->room < len) {
		vrpmsg_ring_unget(iter);
		return -ENOBUFS;
	}
	iter->exact = len >= 0;
	iter->len = iter->exact ? len : min(reply, iter->room);
	if (iter->exact)
		iov_iter_truncate(&iter->iov_iter, len);

	/*
	 * A message to the name service needs no sending endpoint. But the guest
	 * chooses the source of a request, and so the destination of a response.
	 */
	iter->ept = vrpmsg_ept_touch_sender(vr, iter->src);
	ret = iter->ept || iter->dst == VHOST_RPMSG_NS_ADDR ? 0 : -ENOENT;
	if (iter->ept && iter->ept->write)
		ret = iter->ept->write(vr, iter);
	if (ret >= 0)
		return 0;
	vrpmsg_ring_unget(iter);
	return ret;
}

/**
 * vhost_rpmsg_start_lock - start a single message, outside of callbacks
 * @vr: device
 * @iter: iterator; for VIRTIO_RPMSG_RESPONSE initialised with
 *	VHOST_RPMSG_ITER(), or the one with which a request has been taken
 * @qid: VIRTIO_RPMSG_RESPONSE to send, VIRTIO_RPMSG_REQUEST to receive
 * @len: For a request, its minimum payload. For a response, its payload, which
 *	is padded with zeroes. If negative, a request may have any length, and a
 *	response has the length of what is copied, at most
 *	vhost_rpmsg_iter_room()
 *
 * For a request, calls the endpoint's read() and then sets @iter to the
 * addresses and length of a response to it. For a response, calls write() if
 * the endpoint at @iter->src has one; the caller may copy the rest of the
 * payload.
 *
 * For a driver that has the message at hand and wants to send it at once. All
 * others, and interrupt handlers, use vhost_rpmsg_ept_send(). Guest memory is
 * accessed through the caller's address space.
 *
 * Context: An ioctl of the VMM, or a vhost_work of the driver that is queued on
 * one of @vr's virtqueues. On success, holds the virtqueue's mutex until
 * vhost_rpmsg_finish_unlock(). May sleep.
 * Return: 0; -EAGAIN: no buffer or message is available now, or read() returned
 * -EAGAIN; -EBADMSG: there was an unusable one, try again; -EDEADLK: called
 * from a callback or while another message is in progress; -EINVAL: no such
 * queue; -EMSGSIZE: @len exceeds the longest message; -ENOBUFS: the buffer or
 * message is smaller than @len; -ENOENT: no endpoint has the address, and a
 * request is dropped; -ENOTCONN: the rings do not run; -EPERM: not the device's
 * owner; or another error of read(), after which the request is dropped, or of
 * write(), after which nothing is sent.
 */
int vhost_rpmsg_start_lock(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter, unsigned int qid,
			   ssize_t len)
{
	size_t reply = iter->len;
	void *priv = iter->priv;
	struct vhost_virtqueue *vq;
	int ret;

	might_sleep();
	if (qid >= VIRTIO_RPMSG_NUM_OF_VQS)
		return -EINVAL;
	if (len > VHOST_RPMSG_MAX_MTU)
		return -EMSGSIZE;
	if (WARN_ON_ONCE(single_nested(vr)))
		return -EDEADLK;
	if (vhost_dev_check_owner(&vr->dev))
		return -EPERM;

	vq = &vr->vq[qid];
	mutex_lock_nested(&vq->mutex, qid);
	ret = single_prepare(vr, qid);
	if (ret)
		goto unlock;

	ret = vrpmsg_ring_get(vr, qid, iter);
	if (ret && ret != -EBADMSG)
		ret = -EAGAIN;
	if (!ret && qid == VIRTIO_RPMSG_REQUEST) {
		ret = single_request(vr, iter, len);
	} else if (!ret) {
		vrpmsg_ns_check_room(vr->rdev, iter->room);
		/* From the request's read() to this write(). */
		iter->priv = priv;
		ret = single_response(vr, iter, len, reply);
	}
	if (!ret)
		return 0;

	single_finish(vr, qid);
unlock:
	mutex_unlock(&vq->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_start_lock);

/**
 * vhost_rpmsg_finish_unlock - finish a message and release the ring
 * @vr: device
 * @iter: iterator, as set up by vhost_rpmsg_start_lock()
 *
 * Context: The thread that called vhost_rpmsg_start_lock(); releases the
 * virtqueue's mutex. May sleep.
 * Return: 0; -EFAULT: guest memory is not accessible. A response is not sent; its
 * buffer stays in the ring, and is given up when that has happened for 111 ms. A
 * request is consumed all the same, since read() has returned.
 */
int vhost_rpmsg_finish_unlock(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = iter->vq;
	unsigned int qid = vq - vr->vq;
	size_t rest;
	int ret;

	lockdep_assert_held(&vq->mutex);
	if (qid == VIRTIO_RPMSG_REQUEST) {
		single_consume(vr, iter);
		ret = iter->fault ? -EFAULT : 0;
	} else {
		/* Pad with zeroes, so that stale contents are not sent. */
		rest = iter->exact ? iov_iter_count(&iter->iov_iter) : 0;
		if (iov_iter_zero(rest, &iter->iov_iter) != rest)
			iter->fault = true;
		iter->copied += rest;
		ret = vrpmsg_ring_put_response(vr, iter);
		if (ret)
			vrpmsg_ring_defer(vr, iter);
	}
	single_finish(vr, qid);
	mutex_unlock(&vq->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_finish_unlock);
