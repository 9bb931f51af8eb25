// SPDX-License-Identifier: GPL-2.0-only
/*
 * One message outside of a burst, where a driver has it at hand.
 */
#include <linux/export.h>

#include "internal.h"
#include "trace.h"

/* Whether this thread is in a callback, or has a message begun. */
static bool single_nested(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		if (READ_ONCE(vr->ring[i].burst) == current)
			return true;
	return false;
}

/* What is needed of the ring before a buffer can be taken. */
static int single_prepare(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];

	if (vhost_vq_get_backend(vq) != vr)
		return -ENOTCONN;
	if (!vq_meta_prefetch(vq) || !vrpmsg_ring_flush(vr, qid))
		return -EAGAIN;
	vhost_disable_notify(&vr->dev, vq);
	WRITE_ONCE(vr->ring[qid].burst, current);
	return 0;
}

/* The end, with a message or without. Notifications are off. */
static void single_finish(struct vhost_rpmsg *vr, unsigned int qid)
{
	vrpmsg_ept_complete(vr, qid);
	WRITE_ONCE(vr->ring[qid].burst, NULL);
	vrpmsg_ring_flush(vr, qid);
	/* The worker knows who needs notifications. */
	vhost_poll_queue(&vr->vq[qid].poll);
}

/* The request has no taker, or was not wanted: the guest gets it back. */
static int single_refuse(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			 int err)
{
	if (err == -EAGAIN || iter->fault) {
		/* The worker tries again what cannot be accessed now. */
		vrpmsg_ring_unget(iter);
		return err;
	}
	if (err == -ENOENT) {
		vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN,
			    iter->dst, iter->len);
	}
	vrpmsg_ring_put_request(vr, iter);
	return err;
}

/* Have the endpoint read the request, and set @iter up for the response to it. */
static int single_request(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			  ssize_t len)
{
	struct vhost_rpmsg_ept *ept;
	ssize_t ret;

	if (len >= 0 && iter->len < len) {
		vrpmsg_ring_unget(iter);
		return -ENOBUFS;
	}
	if (len >= 0)
		iov_iter_truncate(&iter->iov_iter, len);
	ept = vrpmsg_ept_touch(vr, iter->dst);
	if (!ept)
		return single_refuse(vr, iter, -ENOENT);

	trace_vrpmsg_rx(vr->rdev, iter->src, iter->dst, iter->len);
	vrpmsg_ept_learn(ept, iter->src);
	iter->ept = ept;
	ret = ept->read(vr, iter);
	if (ret < 0)
		return single_refuse(vr, iter, ret);
	iter->len = ret;
	iter->dst = iter->src;
	iter->src = ept->addr;
	return 0;
}

/*
 * A buffer for a message of @len bytes, or of as many as it takes, and of @reply
 * bytes if it answers a request. The endpoint that it is from may fill it.
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

	/* What is sent to the name service is from nobody. */
	iter->ept = NULL;
	if (iter->dst == VHOST_RPMSG_NS_ADDR)
		return 0;
	iter->ept = vrpmsg_ept_touch_sender(vr, iter->src);
	ret = iter->ept ? 0 : -ENOENT;
	if (iter->ept && iter->ept->write)
		ret = iter->ept->write(vr, iter);
	if (ret >= 0)
		return 0;
	vrpmsg_ring_unget(iter);
	return ret;
}

/**
 * vhost_rpmsg_start_lock - begin to work on one message, outside of callbacks
 * @vr: device
 * @iter: iterator; for VIRTIO_RPMSG_RESPONSE made with VHOST_RPMSG_ITER(), or the
 *	one that a request has been taken with
 * @qid: VIRTIO_RPMSG_RESPONSE to send, VIRTIO_RPMSG_REQUEST to receive
 * @len: length of the message: the payload that a request has at least, or that a
 *	response has, which is filled up with zeroes; negative: whatever the request
 *	has; for a response, what is copied, at most vhost_rpmsg_iter_room()
 *
 * Of a request, the endpoint's read() is called, after which @iter has the
 * addresses and the length of a response to it. Of a response, write() is called
 * if the endpoint at @iter->src has one; the caller may copy what is left.
 *
 * For a sender that has the message at hand and does not want to wait:
 * vhost_rpmsg_ept_send() is for all others, and for interrupts. Guest memory is
 * reached through the caller's own address space.
 *
 * Context: An ioctl of the VMM, or a vhost_work of the driver's own that is queued
 * on one of @vr's virtqueues. On success holds the virtqueue's mutex until
 * vhost_rpmsg_finish_unlock(). May sleep.
 * Return: 0; -EAGAIN: no buffer or message now, or read() has refused it so;
 * -EBADMSG: there was one that cannot be used, try again; -EDEADLK: called from a
 * callback, or with another message begun; -EINVAL: no such queue; -EMSGSIZE: @len
 * is more than any message; -ENOBUFS: the buffer or message is smaller than @len;
 * -ENOENT: nobody has the address, and the request is dropped; -ENOTCONN: the rings
 * do not run; -EPERM: not the device's owner; or what read(), which has the request
 * dropped, or write(), which has nothing sent, has returned.
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
		vrpmsg_ns_fits(vr->rdev, iter->room);
		/* From the read() of the request to this write(). */
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
 * vhost_rpmsg_finish_unlock - the message is complete
 * @vr: device
 * @iter: iterator that vhost_rpmsg_start_lock() has set up
 *
 * Context: After vhost_rpmsg_start_lock(), in the same thread; releases its mutex.
 * May sleep.
 * Return: 0; -EFAULT: the guest's memory is not accessible, and the buffer has
 * been given back with a null message in it.
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
		vrpmsg_ring_put_request(vr, iter);
		ret = iter->fault ? -EFAULT : 0;
	} else {
		/* Never what happens to be in the guest's buffer. */
		rest = iter->exact ? iov_iter_count(&iter->iov_iter) : 0;
		if (iov_iter_zero(rest, &iter->iov_iter) != rest)
			iter->fault = true;
		iter->copied += rest;
		ret = vrpmsg_ring_put_response(vr, iter);
		if (ret)
			vrpmsg_ring_give_up(vr, iter);
	}
	single_finish(vr, qid);
	mutex_unlock(&vq->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_finish_unlock);
