// SPDX-License-Identifier: GPL-2.0-only
/*
 * The work on the two virtqueues, in bursts.
 *
 * Each ring has a work of its own, which takes that ring's mutex only, so that
 * the directions neither wait for each other nor pay for each other's look at
 * the ring. Only a device that has an endpoint with write(), for which a request
 * and its response are one step, takes both mutexes for what the guest sends.
 *
 * As soon as a burst ends, whoever waits for it is woken: the guest, then
 * writers; or readers, before the guest's notifications are turned on.
 */
#include <linux/sched/signal.h>

#include "internal.h"
#include "trace.h"

static struct vhost_rpmsg *burst_rings(struct vhost_virtqueue *vq)
{
	return container_of(vq->dev, struct vhost_rpmsg, dev);
}

/* What the guest sends. */

/*
 * A buffer for the response to a request, past those that cannot be used. None
 * of them is taken before the MTU is known.
 */
static int rx_get_response(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *resp, int *pkts)
{
	int ret = -EAGAIN;

	if (vr->looked) {
		do {
			ret = vrpmsg_ring_get(vr, VIRTIO_RPMSG_RESPONSE, resp);
		} while (ret == -EBADMSG && ++*pkts < VRPMSG_PKT_WEIGHT);
	}
	/* This one is for the response; the other work has the next. */
	if (!ret)
		vrpmsg_ns_fits(vr->rdev, resp->room);
	/*
	 * The other work looks after it, at once, or when its ring's memory may
	 * be accessible: the timer runs, or an IOTLB miss has been reported.
	 */
	if (ret == -EFAULT || ret == -EINPROGRESS)
		vr->rx_blocked = true;
	else if (ret)
		vr->rx_starved = true;
	return ret;
}

/*
 * Call @ept's read(), and write() for the response. Returns as read(), or 1 when
 * there is no buffer for the response. Apart, for the iterator on its stack.
 */
static noinline ssize_t rx_answer(struct vhost_rpmsg *vr,
				  struct vhost_rpmsg_ept *ept,
				  struct vhost_rpmsg_iter *req, int *pkts)
{
	struct vhost_rpmsg_iter resp;
	ssize_t ret;

	if (rx_get_response(vr, &resp, pkts))
		return 1;
	ret = ept->read(vr, req);
	if (ret < 0) {
		vrpmsg_ring_unget(&resp);
		return ret;
	}
	resp.src = ept->addr;
	resp.dst = req->src;
	resp.ept = ept;
	resp.priv = req->priv;
	resp.len = min_t(size_t, ret, resp.room);
	if (ept->write(vr, &resp) < 0)
		vrpmsg_ring_unget(&resp);
	else if (vrpmsg_ring_put_response(vr, &resp))
		/* The request is gone, so it cannot be built again. */
		vrpmsg_ring_give_up(vr, &resp);
	return 0;
}

/*
 * The endpoint cannot take the request now. Char devices drop themselves when they
 * have held the guest back for as long as they may.
 */
static int rx_refused(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept,
		      struct vhost_rpmsg_iter *req, u32 *stalled)
{
	if (!vrpmsg_hold_gives_up(ept)) {
		*stalled = ept->addr;
		return -EAGAIN;
	}
	vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_FULL, req->dst,
		    req->len);
	return 0;
}

/*
 * Hand a request to its endpoint. -EAGAIN: the endpoint, or the want of a buffer
 * for its response, holds the guest back. -ERESTART: both mutexes are needed.
 */
static int rx_dispatch(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *req,
		       bool both, u32 *stalled, int *pkts)
{
	struct vhost_rpmsg_ept *ept;
	ssize_t ret;

	ept = vrpmsg_ept_touch(vr, req->dst);
	if (!ept) {
		vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN,
			    req->dst, req->len);
		return 0;
	}
	if (ept->write && !both)
		return -ERESTART;

	trace_vrpmsg_rx(vr->rdev, req->src, req->dst, req->len);
	vrpmsg_ept_learn(ept, req->src);
	req->ept = ept;
	if (!ept->write) {
		ret = ept->read(vr, req);
	} else {
		ret = rx_answer(vr, ept, req, pkts);
		if (ret > 0)
			return -EAGAIN;
	}
	if (ret == -EAGAIN)
		return rx_refused(vr, ept, req, stalled);
	if (unlikely(ept->dropping))
		ept->dropping = false;
	return ret < 0 && req->fault ? -EFAULT : 0;
}

/* The message at the head could not be read: -EFAULT: try again later. */
static int rx_fault(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *req)
{
	if (vrpmsg_ring_retry(&vr->ring[VIRTIO_RPMSG_REQUEST]))
		return -EFAULT;
	vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_INVALID, req->dst,
		    req->len);
	return 0;
}

/* One burst. Returns why it ended: as vrpmsg_ring_get(), 0 for its weight. */
static int rx_burst(struct vhost_rpmsg *vr, bool both)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_REQUEST];
	u32 stalled = VHOST_RPMSG_ADDR_ANY;
	struct vhost_rpmsg_iter iter;
	int pkts = 0, bytes = 0;
	int ret;

	do {
		ret = vrpmsg_ring_get(vr, VIRTIO_RPMSG_REQUEST, &iter);
		if (ret == -EBADMSG) {
			ret = 0;
			continue;
		}
		if (ret)
			break;
		/* The dispatch may change what is left of it, not len. */
		ret = rx_dispatch(vr, &iter, both, &stalled, &pkts);
		if (ret == -EFAULT)
			ret = rx_fault(vr, &iter);
		if (ret) {
			vrpmsg_ring_unget(&iter);
			break;
		}
		vrpmsg_hold_accepted(vr->rdev);
		vrpmsg_ring_put_request(vr, &iter);
		bytes += iter.len;
	} while (!vhost_exceeds_weight(vq, ++pkts, bytes));

	if (stalled != vr->rdev->stalled)
		WRITE_ONCE(vr->rdev->stalled, stalled);
	/* A refusal has no number of its own in vrpmsg_ring_get(). */
	if (ret == -EAGAIN && vq->avail_idx != vq->last_avail_idx) {
		/* What is refused could be read. */
		vr->ring[VIRTIO_RPMSG_REQUEST].tries = 0;
		ret = stalled == VHOST_RPMSG_ADDR_ANY ? -ENOBUFS : -EBUSY;
	}
	return ret;
}

/* Whether one worker has both works, so that one of them waits for the other. */
static bool burst_share_worker(struct vhost_rpmsg *vr)
{
	return vrpmsg_vq_worker(&vr->vq[0]) == vrpmsg_vq_worker(&vr->vq[1]);
}

/*
 * Look for news for a while rather than sleep: until @a, or @b unless it is
 * NULL, has an entry, or until the worker, or the processor, has something else
 * to do. A work that waits behind this one is not in the worker's list any more,
 * but has its flag. Context: the mutexes of @a and @b held, notifications off.
 */
static void burst_poll(struct vhost_rpmsg *vr, struct vhost_virtqueue *vq,
		       struct vhost_virtqueue *a, struct vhost_virtqueue *b)
{
	u32 limit = min(vq->busyloop_timeout, VRPMSG_BUSY_POLL_MAX);
	bool shared = burst_share_worker(vr);
	unsigned int i;
	u64 end;

	if (!limit)
		return;
	end = ktime_get_ns() + limit * NSEC_PER_USEC;
	while (ktime_get_ns() < end) {
		if (need_resched() || signal_pending(current) ||
		    vhost_vq_has_work(vq))
			return;
		for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
			if ((shared || vq == &vr->vq[i]) &&
			    test_bit(VHOST_WORK_QUEUED,
				     &vr->vq[i].poll.work.flags))
				return;
		if ((a && !vhost_vq_avail_empty(&vr->dev, a)) ||
		    (b && !vhost_vq_avail_empty(&vr->dev, b)))
			return;
		cpu_relax();
	}
}

/* Have the guest kick from here on, or the work run again for what came before. */
static void burst_want_kick(struct vhost_rpmsg *vr, struct vhost_virtqueue *vq)
{
	/*
	 * The core looks whether its index has changed since it was read; what
	 * has been read and not been taken is ours to see.
	 */
	if (vq->avail_idx == vq->last_avail_idx &&
	    !vhost_enable_notify(&vr->dev, vq))
		return;
	vhost_disable_notify(&vr->dev, vq);
	vhost_poll_queue(&vq->poll);
}

/* After a burst: who is to have the work run again? */
static void rx_rest(struct vhost_rpmsg *vr, int why)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_REQUEST];

	switch (why) {
	case -EAGAIN:
		vrpmsg_hold_clear(vr->rdev);
		burst_poll(vr, vq, vq, NULL);
		burst_want_kick(vr, vq);
		break;
	case -EBUSY:
		/* Notifications stay off: the endpoint resumes it. */
		vrpmsg_hold_refused(vr);
		break;
	case -EFAULT:
		/* A kick is worth a try, but the timer comes without one. */
		vhost_enable_notify(&vr->dev, vq);
		break;
	case -ERESTART:
		vhost_poll_queue(&vq->poll);
		break;
	}
}

/*
 * Whether the ring for responses can be used. If not, its work comes when it may
 * be, and queues this one.
 */
static bool rx_prepare_responses(struct vhost_rpmsg *vr)
{
	bool ok = vq_meta_prefetch(&vr->vq[VIRTIO_RPMSG_RESPONSE]);

	if (ok && vr->anew)
		vrpmsg_guest_begin_anew(vr);
	ok = ok && vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE);
	vr->rx_blocked = !ok;
	return ok;
}

/* The notifications of the ring for responses are off; who needs them? */
static void rx_rest_responses(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_RESPONSE];

	vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE);
	if (!vr->rx_blocked)
		/* Its work knows. */
		vhost_poll_queue(&vq->poll);
	else
		/* A kick is worth a try. */
		vhost_enable_notify(&vr->dev, vq);
}

/*
 * One burst and all that its end wakes up. Returns why it ended, for rx_rest();
 * -EINPROGRESS: somebody else queues the work again. Context: the ring's mutex
 * held, with @both that of the ring for responses, too.
 */
static int rx_run(struct vhost_rpmsg *vr, bool both)
{
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *rx = &vr->vq[VIRTIO_RPMSG_REQUEST];
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_REQUEST];
	int why;

	if (vhost_vq_get_backend(rx) != vr)
		return -EINPROGRESS;
	/* An IOTLB miss has been reported; its answer queues the worker. */
	if (!vq_meta_prefetch(rx) || (both && !rx_prepare_responses(vr)) ||
	    !vrpmsg_ring_flush(vr, VIRTIO_RPMSG_REQUEST))
		return -EINPROGRESS;

	vhost_disable_notify(&vr->dev, rx);
	if (both)
		vhost_disable_notify(&vr->dev, tx);
	WRITE_ONCE(ring->burst, current);
	vrpmsg_hold_begin(vr->rdev);
	why = rx_burst(vr, both);
	if (both)
		rx_rest_responses(vr);
	vrpmsg_ept_complete(vr, VIRTIO_RPMSG_REQUEST);
	WRITE_ONCE(ring->burst, NULL);
	vrpmsg_ring_flush(vr, VIRTIO_RPMSG_REQUEST);
	return why;
}

void vrpmsg_burst_rx(struct vhost_work *work)
{
	struct vhost_virtqueue *rx =
		container_of(work, struct vhost_virtqueue, poll.work);
	struct vhost_rpmsg *vr = burst_rings(rx);
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	int why;

	if (READ_ONCE(vr->rdev->num_writers) || READ_ONCE(vr->anew)) {
		mutex_lock(&tx->mutex);
		mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
		why = rx_run(vr, true);
		mutex_unlock(&tx->mutex);
	} else {
		mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
		why = rx_run(vr, false);
	}
	/* It may look at its own ring for a while, and keeps nobody from the other. */
	rx_rest(vr, why);
	mutex_unlock(&rx->mutex);
}

/* What endpoints send. */

/*
 * Have @ept build one message in a buffer, and give it to the guest. Returns as
 * @ept's send(), but 1 when the buffer went back without the message; -EFAULT: the
 * buffer has stayed at the head of the ring.
 */
static int tx_send(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept,
		   struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_RESPONSE];
	int ret;

	iter->ept = ept;
	iter->src = ept->addr;
	iter->dst = VHOST_RPMSG_ADDR_ANY;
	ret = ept->ops->send(vr, iter);
	if (ret == -EMSGSIZE && !WARN_ON_ONCE(!ept->ops->drop)) {
		/*
		 * Perhaps the next one is longer. When the guest has had each
		 * of its buffers back, none is.
		 */
		vrpmsg_ring_put_null(vr, iter);
		if (++ept->misfits >= ring->vq->num) {
			ept->misfits = 0;
			ept->ops->drop(ept);
		}
		iter->copied = 0;
		return 1;
	}
	if (ret < 0) {
		vrpmsg_ring_unget(iter);
		return ret;
	}
	if (!vrpmsg_ring_put_response(vr, iter)) {
		ept->misfits = 0;
		return ret;
	}

	if (ept->ops->unsend)
		ept->ops->unsend(ept);
	if (vrpmsg_ring_retry(ring)) {
		vrpmsg_ring_unget(iter);
		return -EFAULT;
	}
	vrpmsg_ring_give_up(vr, iter);
	return 1;
}

/* One burst, in turns. Returns why it ended: 0, or as vrpmsg_ring_get(). */
static int tx_burst(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_rpmsg_ept *ept = NULL;
	struct vhost_rpmsg_iter iter;
	int pkts = 0, bytes = 0;
	bool sent = false;
	int ret = 0;

	do {
		if (!ept) {
			ept = vrpmsg_ept_next_ready(vr);
			sent = false;
			if (!ept)
				return 0;
		}
		ret = vrpmsg_ring_get(vr, VIRTIO_RPMSG_RESPONSE, &iter);
		if (ret == -EBADMSG)
			continue;
		if (ret)
			break;
		if (unlikely(vrpmsg_ns_fits(vr->rdev, iter.room))) {
			vrpmsg_ring_unget(&iter);
			vrpmsg_ept_requeue(ept, false);
			ept = NULL;
			continue;
		}
		ret = tx_send(vr, ept, &iter);
		if (ret == -EFAULT)
			break;
		if (ret < 0) {
			/* Off the list until it asks again. */
			ept = NULL;
			continue;
		}
		sent = true;
		bytes += iter.copied;
		if (!vrpmsg_ept_charge(ept, iter.copied +
						    VHOST_RPMSG_MSG_OVERHEAD) &&
		    ret) {
			vrpmsg_ept_requeue(ept, false);
			ept = NULL;
		} else if (!ret) {
			ept = NULL;
		}
	} while (!vhost_exceeds_weight(vq, ++pkts, bytes));

	if (ept)
		vrpmsg_ept_requeue(ept, !sent);
	return ret < 0 ? ret : 0;
}

/* Look for what the guest sends, too, while there is nothing to do for it. */
static void tx_busy_poll(struct vhost_rpmsg *vr, bool want_buffer)
{
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *rx = &vr->vq[VIRTIO_RPMSG_REQUEST];
	bool shared = burst_share_worker(vr);

	if (!tx->busyloop_timeout)
		return;
	if (shared) {
		/* Nobody but ioctls of the VMM wants it. */
		mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
		/* Where they are off, somebody else looks after the ring. */
		if (rx->used_flags & VRING_USED_F_NO_NOTIFY ||
		    !vhost_vq_get_backend(rx) || !vq_meta_prefetch(rx)) {
			mutex_unlock(&rx->mutex);
			shared = false;
		} else {
			vhost_disable_notify(&vr->dev, rx);
		}
	}
	burst_poll(vr, tx, want_buffer ? tx : NULL, shared ? rx : NULL);
	if (shared) {
		burst_want_kick(vr, rx);
		mutex_unlock(&rx->mutex);
	}
}

/* After a burst: who is to have the work run again? */
static void tx_rest(struct vhost_rpmsg *vr, int why)
{
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *vq = ring->vq;
	bool want_buffer;

	/* A request that waits for a buffer, and there is one to be tried. */
	if (vr->rx_starved && !vhost_vq_avail_empty(&vr->dev, vq)) {
		vr->rx_starved = false;
		vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_REQUEST].poll);
	}
	vr->starved = why == -EAGAIN;
	/* When the list itself has been given up, no timer comes. */
	WRITE_ONCE(vr->rdev->starved, vr->starved || why == -EFAULT);
	if (why == -EFAULT) {
		/* A kick is worth a try, but the timer comes without one. */
		vhost_enable_notify(&vr->dev, vq);
		return;
	}
	if (why == -ESTALE)
		return;
	/* The first buffer says how long a message may be. */
	want_buffer = vr->starved || vr->rx_starved || !vr->looked;
	tx_busy_poll(vr, want_buffer);
	if (!want_buffer)
		return;
	burst_want_kick(vr, vq);
	/* Not every guest kicks when it gives buffers back. */
	if ((vr->starved || vr->rx_starved) && !ring->tries)
		mod_timer(&ring->timer,
			  jiffies + msecs_to_jiffies(VRPMSG_LOOK_INTERVAL));
}

void vrpmsg_burst_tx(struct vhost_work *work)
{
	struct vhost_virtqueue *vq =
		container_of(work, struct vhost_virtqueue, poll.work);
	struct vhost_rpmsg *vr = burst_rings(vq);
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_RESPONSE];
	int why = 0;

	guard(mutex)(&vq->mutex);
	if (vhost_vq_get_backend(vq) != vr || !vq_meta_prefetch(vq))
		return;
	if (READ_ONCE(vr->anew)) {
		/* Both rings begin anew, which the other work does. */
		if (vr->rx_blocked)
			vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_REQUEST].poll);
		return;
	}
	if (!vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE))
		return;
	if (vr->rx_blocked) {
		vr->rx_blocked = false;
		vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_REQUEST].poll);
	}

	/*
	 * A sender puts its endpoint on the list and queues this work; the core
	 * has just cleared the flag that says it is queued. Either the sender
	 * sees that, or we see the endpoint: a full barrier on both sides, of
	 * which the sender's is in test_and_set_bit().
	 */
	smp_mb();
	/* Kicks are wanted only while somebody waits for a buffer. */
	vhost_disable_notify(&vr->dev, vq);
	if (!vr->looked)
		why = vrpmsg_ring_peek_mtu(vr);
	if (why == -EAGAIN) {
		vhost_poll_queue(&vq->poll);
		return;
	}
	if (why)
		return;

	WRITE_ONCE(ring->burst, current);
	why = tx_burst(vr);
	vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE);
	vrpmsg_ept_complete(vr, VIRTIO_RPMSG_RESPONSE);
	WRITE_ONCE(ring->burst, NULL);
	tx_rest(vr, why);
}

void vrpmsg_burst_timer(struct timer_list *timer)
{
	struct vrpmsg_ring *ring =
		container_of(timer, struct vrpmsg_ring, timer);

	WRITE_ONCE(ring->due, true);
	vhost_poll_queue(&ring->vq->poll);
}
