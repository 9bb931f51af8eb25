// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two virtqueues of a device.
 *
 * The vhost worker does all work on them in rings_run(): first what the guest
 * has sent, then what waits to be sent to it. Both virtqueue mutexes are held
 * for a burst, so that a request and its response are one step and endpoints
 * are called by one thread at a time.
 *
 * Everything in the rings and in the messages is the guest's to write, at any
 * time. It is read once, into memory of ours, and checked there.
 */
#include <linux/export.h>

#include "internal.h"
#include "trace.h"

static struct vhost_rpmsg *rings_of(struct vhost_virtqueue *vq)
{
	return container_of(vq->dev, struct vhost_rpmsg, dev);
}

/* Give the guest the buffers back that were used since the last time. */
static void rings_flush(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];

	lockdep_assert_held(&vq->mutex);
	if (!vr->done[qid])
		return;
	if (vhost_add_used_n(vq, vq->heads, NULL, vr->done[qid]))
		/* The guest does not get them back, and is to blame. */
		vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
			     vr->done[qid]);
	vhost_signal(&vr->dev, vq);
	vr->done[qid] = 0;
}

/* The device has done with a buffer, of which it has written @len bytes. */
static void rings_used(struct vhost_rpmsg *vr, unsigned int qid, int head,
		       u32 len)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];

	/*
	 * An honest guest has no more out than the ring has entries, and gets
	 * them back together. One that makes more available than it may must
	 * not have the core write beyond the end of the ring.
	 */
	if (vr->done[qid] == min_t(unsigned int, vq->num, UIO_MAXIOV))
		rings_flush(vr, qid);
	vr->rdev->used = true;
	vq->heads[vr->done[qid]].id = cpu_to_vhost32(vq, head);
	vq->heads[vr->done[qid]].len = cpu_to_vhost32(vq, len);
	vr->done[qid]++;
}

/*
 * Put the buffer back that rings_get() has just taken. How many descriptors it
 * has is of interest with VIRTIO_F_IN_ORDER only, which is not offered.
 */
static void rings_unget(struct vhost_rpmsg_iter *iter)
{
	vhost_discard_vq_desc(iter->vq, 1, 0);
}

/*
 * The next entry of the ring makes no sense. vhost_get_vq_desc() does not
 * advance past it, which would have the device hang on it; skip it instead.
 * Returns -EBADMSG when that was possible, -EIO when the ring itself cannot be
 * read.
 */
static int rings_skip(struct vhost_rpmsg *vr, struct vhost_virtqueue *vq)
{
	vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS, 1);
	trace_vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
			  VHOST_RPMSG_ADDR_ANY, 0);
	pr_debug_ratelimited("%s: bad entry in ring %td\n", vr->rdev->name,
			     vq - vr->vq);

	if (vq->avail_idx == vq->last_avail_idx)
		return -EIO;
	vr->rdev->used = true;
	if ((u16)(vq->avail_idx - vq->last_avail_idx) > vq->num)
		/* The index has jumped: go on where the guest says it is. */
		vq->last_avail_idx = vq->avail_idx;
	else
		vq->last_avail_idx++;
	return -EBADMSG;
}

/* Take a message of the guest, read its header and check it. */
static int rings_get_request(struct vhost_rpmsg *vr,
			     struct vhost_rpmsg_iter *iter, unsigned int out,
			     unsigned int in)
{
	struct vhost_virtqueue *vq = iter->vq;
	void __user *base = vq->iov->iov_base;
	size_t size = iov_length(vq->iov, out);
	struct vrpmsg_hdr hdr;

	if (in || size < sizeof(hdr))
		goto invalid;
	if (likely(out == 1)) {
		/* One piece, as Linux guests have it, is cheaper to copy. */
		if (copy_from_user(&hdr, base, sizeof(hdr)))
			goto invalid;
		iov_iter_ubuf(&iter->iov_iter, ITER_SOURCE, base + sizeof(hdr),
			      size - sizeof(hdr));
	} else {
		iov_iter_init(&iter->iov_iter, ITER_SOURCE, vq->iov, out, size);
		if (!copy_from_iter_full(&hdr, sizeof(hdr), &iter->iov_iter))
			goto invalid;
	}

	iter->src = vhost32_to_cpu(vq, hdr.src);
	iter->dst = vhost32_to_cpu(vq, hdr.dst);
	iter->len = vhost16_to_cpu(vq, hdr.len);
	/* A guest may hand over more of a buffer than the message fills. */
	if (iter->len > size - sizeof(hdr))
		goto invalid;
	iov_iter_truncate(&iter->iov_iter, iter->len);
	return 0;

invalid:
	vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_INVALID, 1);
	trace_vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_INVALID,
			  VHOST_RPMSG_ADDR_ANY, size);
	rings_used(vr, VIRTIO_RPMSG_REQUEST, iter->head, 0);
	return -EBADMSG;
}

/* Take an empty buffer of the guest, and learn the MTU from it. */
static int rings_get_response(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter, unsigned int out,
			      unsigned int in)
{
	struct vhost_virtqueue *vq = iter->vq;
	size_t size = iov_length(vq->iov + out, in);

	if (out || size < sizeof(struct vrpmsg_hdr)) {
		vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS, 1);
		trace_vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
				  VHOST_RPMSG_ADDR_ANY, size);
		rings_used(vr, VIRTIO_RPMSG_RESPONSE, iter->head, 0);
		return -EBADMSG;
	}

	if (likely(in == 1)) {
		iov_iter_ubuf(&iter->iov_iter, ITER_DEST,
			      vq->iov->iov_base + sizeof(struct vrpmsg_hdr),
			      size - sizeof(struct vrpmsg_hdr));
	} else {
		iov_iter_init(&iter->hdr_iter, ITER_DEST, vq->iov, in, size);
		iter->iov_iter = iter->hdr_iter;
		iov_iter_advance(&iter->iov_iter, sizeof(struct vrpmsg_hdr));
	}
	iter->iov_num = in;
	iter->len = min_t(size_t, size - sizeof(struct vrpmsg_hdr),
			  VHOST_RPMSG_MAX_MTU);
	iov_iter_truncate(&iter->iov_iter, iter->len);

	if (!vr->mtu_seen || iter->len > vr->rdev->mtu) {
		WRITE_ONCE(vr->rdev->mtu, iter->len);
		vr->mtu_seen = true;
	}
	return 0;
}

/*
 * Take the next buffer out of a ring whose notifications are off. Returns 0;
 * -EAGAIN when there is none; -EBADMSG when there was one that could not be
 * used and is gone now; -EINPROGRESS when the IOTLB misses an entry, with whose
 * arrival the vhost core queues the worker again; -EIO when the ring itself
 * cannot be read.
 */
static int rings_get(struct vhost_rpmsg *vr, unsigned int qid,
		     struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];
	struct vhost_log *log = NULL;
	unsigned int out, in;
	int head;

	lockdep_assert_held(&vq->mutex);
	iter->vq = vq;
	iter->priv = NULL;
	iter->copied = 0;
	iter->fault = false;
	iter->log_num = 0;

	if (vhost_has_feature(vq, VHOST_F_LOG_ALL))
		log = vq->log;
	head = vhost_get_vq_desc(vq, vq->iov, ARRAY_SIZE(vq->iov), &out, &in,
				 log, &iter->log_num);
	if (head == -EAGAIN)
		return -EINPROGRESS;
	if (head < 0)
		return rings_skip(vr, vq);
	if (head == vq->num)
		return -EAGAIN;

	iter->head = head;
	if (qid == VIRTIO_RPMSG_REQUEST)
		return rings_get_request(vr, iter, out, in);
	return rings_get_response(vr, iter, out, in);
}

/* The same for a response, past buffers that cannot be used. */
static int rings_get_buffer(struct vhost_rpmsg *vr,
			    struct vhost_rpmsg_iter *iter)
{
	unsigned int tries = VRPMSG_PKT_WEIGHT;
	int ret;

	do {
		ret = rings_get(vr, VIRTIO_RPMSG_RESPONSE, iter);
	} while (ret == -EBADMSG && --tries);

	if (ret == -EAGAIN || ret == -EIO)
		vr->starved = true;
	else if (ret == -EBADMSG)
		vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_RESPONSE].poll);
	return ret;
}

/*
 * Behind an IOTLB the vhost core logs all of the pieces of a buffer, which may
 * be many times the guest's memory, page by page. Cut off what was not written.
 */
static unsigned int rings_cut(struct iovec *iov, unsigned int num, size_t len)
{
	unsigned int i;

	for (i = 0; i < num && len; i++) {
		iov[i].iov_len = min(iov[i].iov_len, len);
		len -= iov[i].iov_len;
	}
	return i;
}

/*
 * Write the header of a response and give the buffer to the guest. When the
 * guest's memory could not be written, the buffer goes back empty: -EFAULT.
 */
static int rings_put_response(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = iter->vq;
	struct vrpmsg_hdr hdr = {
		.src = cpu_to_vhost32(vq, iter->src),
		.dst = cpu_to_vhost32(vq, iter->dst),
		.len = cpu_to_vhost16(vq, iter->copied),
	};
	size_t len = sizeof(hdr) + iter->copied;

	if (likely(iter->iov_num == 1)) {
		if (copy_to_user(vq->iov->iov_base, &hdr, sizeof(hdr)))
			iter->fault = true;
	} else if (copy_to_iter(&hdr, sizeof(hdr), &iter->hdr_iter) !=
		   sizeof(hdr)) {
		iter->fault = true;
	}
	/* Logged even after a fault, which may have come half way through. */
	if (vhost_has_feature(vq, VHOST_F_LOG_ALL))
		vhost_log_write(vq, vq->log, iter->log_num, len, vq->iov,
				rings_cut(vq->iov, iter->iov_num, len));

	rings_used(vr, VIRTIO_RPMSG_RESPONSE, iter->head,
		   iter->fault ? 0 : len);
	if (iter->fault) {
		vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS, 1);
		return -EFAULT;
	}
	trace_vrpmsg_tx(vr->rdev, iter->src, iter->dst, iter->copied);
	return 0;
}

/*
 * Hand a request to its endpoint. -EAGAIN: the endpoint, or the want of a
 * buffer for its response, holds the guest back.
 */
static int rings_dispatch(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *req,
			  u32 *stalled)
{
	struct vhost_rpmsg_iter resp;
	struct vhost_rpmsg_ept *ept;
	ssize_t ret;

	ept = vrpmsg_ept_touch(vr, req->dst);
	if (!ept) {
		vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN, 1);
		trace_vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN,
				  req->dst, req->len);
		return 0;
	}

	if (ept->write) {
		ret = rings_get_buffer(vr, &resp);
		if (ret)
			return -EAGAIN;
	}

	trace_vrpmsg_rx(vr->rdev, req->src, req->dst, req->len);
	vrpmsg_ept_learn(ept, req->src);
	req->ept = ept;
	ret = ept->read(vr, req);
	if (!ept->write) {
		if (ret == -EAGAIN)
			*stalled = ept->addr;
		return ret;
	}

	if (ret == -EAGAIN)
		*stalled = ept->addr;
	if (ret < 0) {
		rings_unget(&resp);
		return ret;
	}

	resp.src = ept->addr;
	resp.dst = req->src;
	resp.ept = ept;
	resp.priv = req->priv;
	if (ept->write(vr, &resp) < 0)
		rings_unget(&resp);
	else
		rings_put_response(vr, &resp);
	return 0;
}

/* The guest's messages. */
static void rings_rx(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_REQUEST];
	u32 stalled = VHOST_RPMSG_ADDR_ANY;
	struct vhost_rpmsg_iter iter;
	int pkts = 0, bytes = 0;
	int ret;

	vhost_disable_notify(&vr->dev, vq);
	do {
		ret = rings_get(vr, VIRTIO_RPMSG_REQUEST, &iter);
		if (ret == -EAGAIN) {
			/*
			 * A message that came before the guest could see that
			 * it has to kick again is ours to find.
			 */
			if (unlikely(vhost_enable_notify(&vr->dev, vq))) {
				vhost_disable_notify(&vr->dev, vq);
				continue;
			}
			break;
		}
		if (ret == -EBADMSG)
			continue;
		if (ret) {
			/* -EIO: perhaps better luck with the next kick. */
			if (ret == -EIO)
				vhost_enable_notify(&vr->dev, vq);
			break;
		}

		/* The dispatch may change what is left of it, not len. */
		if (rings_dispatch(vr, &iter, &stalled) == -EAGAIN) {
			/*
			 * Notifications stay off: it goes on when the endpoint
			 * resumes, or with the next buffer for a response.
			 */
			rings_unget(&iter);
			break;
		}
		rings_used(vr, VIRTIO_RPMSG_REQUEST, iter.head, 0);
		bytes += iter.len;
	} while (!vhost_exceeds_weight(vq, ++pkts, bytes));

	if (stalled != vr->rdev->stalled)
		WRITE_ONCE(vr->rdev->stalled, stalled);
}

/* Messages that endpoints have for the guest, in turns. */
static void rings_tx(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_rpmsg_ept *ept = NULL;
	struct vhost_rpmsg_iter iter;
	int pkts = 0, bytes = 0;
	unsigned int quantum;
	int ret;

	do {
		if (!ept) {
			ept = vrpmsg_ept_next_ready(vr);
			quantum = VRPMSG_SEND_QUANTUM;
			if (!ept)
				return;
		}

		if (rings_get_buffer(vr, &iter))
			break;

		iter.ept = ept;
		iter.src = ept->addr;
		iter.dst = VHOST_RPMSG_ADDR_ANY;
		ret = ept->ops->send(vr, &iter);
		if (ret == -EMSGSIZE) {
			/* Back to the guest, or nothing would ever move. */
			vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
				     1);
			rings_used(vr, VIRTIO_RPMSG_RESPONSE, iter.head, 0);
			continue;
		}
		if (ret < 0) {
			rings_unget(&iter);
			if (ret == -ENODATA)
				ept = NULL;
			continue;
		}

		bytes += iter.copied;
		if (rings_put_response(vr, &iter)) {
			if (ept->ops->unsend)
				ept->ops->unsend(ept);
			continue;
		}
		if (!ret) {
			ept = NULL;
		} else if (!--quantum) {
			vrpmsg_ept_ready(ept, false);
			ept = NULL;
		}
	} while (!vhost_exceeds_weight(vq, ++pkts, bytes));

	if (ept)
		vrpmsg_ept_ready(ept, true);
}

/*
 * Writers want to know how long a message may be before one is sent. Not before
 * rings_tx(), which may find the buffer that is missed here: then nobody waits for
 * one any more.
 */
static void rings_see_mtu(struct vhost_rpmsg *vr)
{
	struct vhost_rpmsg_iter iter;

	if (!vr->mtu_seen && !rings_get_buffer(vr, &iter))
		rings_unget(&iter);
}

static void rings_run(struct vhost_work *work)
{
	struct vhost_virtqueue *vq =
		container_of(work, struct vhost_virtqueue, poll.work);
	struct vhost_rpmsg *vr = rings_of(vq);
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *rx = &vr->vq[VIRTIO_RPMSG_REQUEST];

	mutex_lock(&tx->mutex);
	mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);

	if (!vhost_vq_get_backend(tx))
		goto unlock;
	/* An IOTLB miss has been reported; its answer queues the worker. */
	if (!vq_meta_prefetch(tx) || !vq_meta_prefetch(rx))
		goto unlock;

	/*
	 * Kicks for empty buffers are only wanted while somebody waits for
	 * one.
	 */
	vhost_disable_notify(&vr->dev, tx);
	vr->starved = false;
	rings_rx(vr);
	rings_tx(vr);
	rings_see_mtu(vr);
	/* What the guest gets back has arrived: readers find it from here on. */
	vrpmsg_ept_complete(vr);
	rings_flush(vr, VIRTIO_RPMSG_REQUEST);
	rings_flush(vr, VIRTIO_RPMSG_RESPONSE);

	/* As in rings_rx(): look again, or a kick is lost. */
	if (vr->starved && vhost_enable_notify(&vr->dev, tx)) {
		vhost_disable_notify(&vr->dev, tx);
		vhost_poll_queue(&tx->poll);
	}
unlock:
	mutex_unlock(&rx->mutex);
	mutex_unlock(&tx->mutex);
}

/**
 * vrpmsg_rings_kick - have the worker look at the rings
 * @rdev: device; nothing happens while no VMM has it
 * @qid: the ring that there is news of
 *
 * Context: Any that may take no lock of the device; does not sleep. A VMM that
 * closes its file waits for the RCU section before it ends the worker.
 */
void vrpmsg_rings_kick(struct vrpmsg_dev *rdev, unsigned int qid)
{
	struct vhost_rpmsg *vr;

	rcu_read_lock();
	vr = rcu_dereference(rdev->vr);
	if (vr)
		vhost_poll_queue(&vr->vq[qid].poll);
	rcu_read_unlock();
}

static void rings_lock(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		mutex_lock_nested(&vr->vq[i].mutex, i);
}

static void rings_unlock(struct vhost_rpmsg *vr)
{
	unsigned int i = VIRTIO_RPMSG_NUM_OF_VQS;

	while (i--)
		mutex_unlock(&vr->vq[i].mutex);
}

static void rings_clear_backends(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		vhost_vq_set_backend(&vr->vq[i], NULL);
}

static int rings_start(struct vhost_rpmsg *vr)
{
	bool fresh = true;
	unsigned int i;
	int ret;

	lockdep_assert_held(&vr->dev.mutex);
	ret = vhost_dev_check_owner(&vr->dev);
	if (ret)
		return ret;

	rings_lock(vr);
	if (vhost_vq_get_backend(&vr->vq[0]))
		goto unlock;	/* runs already */

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		struct vhost_virtqueue *vq = &vr->vq[i];

		ret = -EFAULT;
		if (!vhost_vq_is_setup(vq) || !vhost_vq_access_ok(vq))
			goto stop;
		vhost_vq_set_backend(vq, vr);
		ret = vhost_vq_init_access(vq);
		if (ret)
			goto stop;
		/* A guest that continues has used at least one of its rings. */
		if (vq->last_avail_idx)
			fresh = false;
	}
	if (fresh)
		vr->mtu_seen = false;
	vrpmsg_dev_start(vr->rdev, fresh);
	rings_unlock(vr);

	/* Kicks may have been missed, and endpoints wait to send. */
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		vhost_poll_queue(&vr->vq[i].poll);
	return 0;

stop:
	rings_clear_backends(vr);
unlock:
	rings_unlock(vr);
	return ret;
}

static int rings_stop(struct vhost_rpmsg *vr)
{
	int ret;

	lockdep_assert_held(&vr->dev.mutex);
	ret = vhost_dev_check_owner(&vr->dev);
	if (ret)
		return ret;

	rings_lock(vr);
	rings_clear_backends(vr);
	vrpmsg_dev_stop(vr->rdev);
	rings_unlock(vr);
	return 0;
}

static long rings_set_running(struct vhost_rpmsg *vr, int __user *arg)
{
	int running;

	if (get_user(running, arg))
		return -EFAULT;
	if (running != 0 && running != 1)
		return -EINVAL;

	guard(mutex)(&vr->dev.mutex);
	return running ? rings_start(vr) : rings_stop(vr);
}

#define VRPMSG_FEATURES					\
	(vrpmsg_vhost_features() | BIT_ULL(VIRTIO_RPMSG_F_NS) |	\
	 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))
#define VRPMSG_BACKEND_FEATURES BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)

static long rings_set_features(struct vhost_rpmsg *vr, u64 __user *arg)
{
	unsigned int i;
	u64 features;
	int err;

	if (copy_from_user(&features, arg, sizeof(features)))
		return -EFAULT;
	if (features & ~VRPMSG_FEATURES)
		return -EOPNOTSUPP;

	guard(mutex)(&vr->dev.mutex);
	if ((features & BIT_ULL(VHOST_F_LOG_ALL)) &&
	    !vhost_log_access_ok(&vr->dev))
		return -EFAULT;

	if (features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)) {
		err = vhost_init_device_iotlb(&vr->dev);
		if (err)
			return err;
	} else {
		vhost_clear_device_iotlb(&vr->dev);
	}

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		guard(mutex)(&vr->vq[i].mutex);
		vr->vq[i].acked_features = features;
	}
	vrpmsg_dev_set_features(vr->rdev, features);
	return 0;
}

static long rings_set_backend_features(struct vhost_rpmsg *vr, u64 __user *arg)
{
	u64 features;

	if (copy_from_user(&features, arg, sizeof(features)))
		return -EFAULT;
	if (features & ~VRPMSG_BACKEND_FEATURES)
		return -EOPNOTSUPP;
	vhost_set_backend_features(&vr->dev, features);
	return 0;
}

/**
 * vhost_rpmsg_ioctl - the ioctls of a vhost device, for a driver's own
 * @vr: device
 * @ioctl: one of linux/vhost.h's, or VHOST_RPMSG_SET_RUNNING
 * @arg: its argument
 *
 * The driver handles what it has of its own first.
 *
 * Context: Process context, no lock held.
 * Return: 0, or the error that the ioctl documents; -ENOTTY for an unknown one.
 */
long vhost_rpmsg_ioctl(struct vhost_rpmsg *vr, unsigned int ioctl,
		       unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	long ret;

	switch (ioctl) {
	case VHOST_GET_FEATURES:
		return put_user(VRPMSG_FEATURES, (u64 __user *)argp);
	case VHOST_SET_FEATURES:
		return rings_set_features(vr, argp);
	case VHOST_GET_BACKEND_FEATURES:
		return put_user(VRPMSG_BACKEND_FEATURES, (u64 __user *)argp);
	case VHOST_SET_BACKEND_FEATURES:
		return rings_set_backend_features(vr, argp);
	case VHOST_RPMSG_SET_RUNNING:
		return rings_set_running(vr, argp);
	}

	guard(mutex)(&vr->dev.mutex);
	ret = vhost_dev_ioctl(&vr->dev, ioctl, argp);
	if (ret == -ENOIOCTLCMD)
		ret = vhost_vring_ioctl(&vr->dev, ioctl, argp);
	else
		vhost_dev_flush(&vr->dev);
	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ioctl);

/* Set the rings up, before they become the rings of a device. */
void vrpmsg_rings_init(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		vr->vq_p[i] = &vr->vq[i];
		vr->vq[i].handle_kick = rings_run;
	}
	INIT_LIST_HEAD(&vr->touched);
	vhost_dev_init(&vr->dev, vr->vq_p, VIRTIO_RPMSG_NUM_OF_VQS, UIO_MAXIOV,
		       VRPMSG_PKT_WEIGHT, VRPMSG_BYTE_WEIGHT, true, NULL);
}

/*
 * The file is being closed. Who may still use the rings, and how each is waited
 * for: ioctls hold the file; the worker sees no backend after rings_stop(), a
 * kick from an endpoint no rings after the grace period in vrpmsg_dev_detach(),
 * the guest's kicks end in vhost_dev_stop(), which flushes the worker.
 */
void vrpmsg_rings_exit(struct vhost_rpmsg *vr)
{
	rings_lock(vr);
	rings_clear_backends(vr);
	rings_unlock(vr);

	vrpmsg_dev_detach(vr->rdev);
	vhost_dev_stop(&vr->dev);
	vhost_dev_cleanup(&vr->dev);
	vrpmsg_dev_release(vr->rdev);
}

/**
 * vhost_rpmsg_start_lock - begin to work on one message, outside of callbacks
 * @vr: device
 * @iter: iterator; for VIRTIO_RPMSG_RESPONSE made with VHOST_RPMSG_ITER(), for
 *	VIRTIO_RPMSG_REQUEST its addresses are set from the message
 * @qid: VIRTIO_RPMSG_RESPONSE to send, VIRTIO_RPMSG_REQUEST to receive
 * @len: bytes of payload that are needed; negative for whatever the buffer has
 *
 * For a message with no request before it, where the sender has the message at
 * hand and does not want to wait: vhost_rpmsg_ept_send() is for all others.
 * Guest memory is reached through the caller's own address space, so this only
 * works in an ioctl of the VMM.
 *
 * Context: Process context of the VMM. On success holds a virtqueue mutex until
 * vhost_rpmsg_finish_unlock(); must not be called from an endpoint's callback.
 * Return: 0; -EAGAIN: no buffer or message now; -EBADMSG: there was one that
 * cannot be used, try again; -EINVAL: no such queue; -EMSGSIZE: @len is more
 * than any message; -ENOBUFS: the buffer or message is smaller than @len;
 * -ENOTCONN: the rings do not run; -EPERM: not the device's owner.
 */
int vhost_rpmsg_start_lock(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter, unsigned int qid,
			   ssize_t len)
{
	struct vhost_virtqueue *vq;
	int ret;

	if (qid >= VIRTIO_RPMSG_NUM_OF_VQS)
		return -EINVAL;
	if (len > VHOST_RPMSG_MAX_MTU)
		return -EMSGSIZE;
	if (vhost_dev_check_owner(&vr->dev))
		return -EPERM;

	vq = &vr->vq[qid];
	mutex_lock_nested(&vq->mutex, qid);
	ret = -ENOTCONN;
	if (!vhost_vq_get_backend(vq))
		goto unlock;
	ret = -EAGAIN;
	if (!vq_meta_prefetch(vq))
		goto unlock;

	vhost_disable_notify(&vr->dev, vq);
	ret = rings_get(vr, qid, iter);
	if (ret) {
		rings_flush(vr, qid);
		if (ret != -EBADMSG)
			ret = -EAGAIN;
		goto kick;
	}
	if (len >= 0 && iter->len < len) {
		rings_unget(iter);
		ret = -ENOBUFS;
		goto kick;
	}
	return 0;

kick:
	/* Notifications are off now; the worker knows who needs them. */
	vhost_poll_queue(&vq->poll);
unlock:
	mutex_unlock(&vq->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_start_lock);

/**
 * vhost_rpmsg_copy - copy payload out of a request or into a response
 * @vr: device
 * @iter: iterator, in a callback or after vhost_rpmsg_start_lock()
 * @data: where to, or from
 * @size: bytes to copy
 *
 * Each call goes on where the last one ended.
 *
 * Context: Where the iterator is valid; may sleep.
 * Return: bytes copied; fewer than @size at the end of the message or buffer, or
 * when memory of the guest is not accessible. A response with such a gap is not
 * sent.
 */
size_t vhost_rpmsg_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size)
{
	size_t n = min(size, iov_iter_count(&iter->iov_iter));
	size_t copied;

	if (iter->vq == &vr->vq[VIRTIO_RPMSG_REQUEST])
		copied = copy_from_iter(data, n, &iter->iov_iter);
	else
		copied = copy_to_iter(data, n, &iter->iov_iter);
	iter->copied += copied;
	if (copied != n)
		iter->fault = true;
	return copied;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_copy);

/**
 * vhost_rpmsg_finish_unlock - the message is complete
 * @vr: device
 * @iter: iterator that vhost_rpmsg_start_lock() has set up
 *
 * Context: After vhost_rpmsg_start_lock(), whose mutex it releases.
 * Return: 0; -EFAULT: the guest's memory is not accessible, and the buffer has
 * been given back with nothing in it.
 */
int vhost_rpmsg_finish_unlock(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = iter->vq;
	unsigned int qid = vq - vr->vq;
	int ret;

	if (qid == VIRTIO_RPMSG_REQUEST) {
		rings_used(vr, qid, iter->head, 0);
		ret = iter->fault ? -EFAULT : 0;
	} else {
		ret = rings_put_response(vr, iter);
	}
	rings_flush(vr, qid);
	/* Notifications are off now; the worker knows who needs them. */
	vhost_poll_queue(&vq->poll);
	mutex_unlock(&vq->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_finish_unlock);
