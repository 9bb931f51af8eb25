// SPDX-License-Identifier: GPL-2.0-only
/*
 * The works that process the two virtqueues, in bursts.
 *
 * Each ring has its own work, which takes that ring's mutex only. So rx and tx
 * do not wait for each other, and neither has to look at the other's ring. Only
 * a device that has an endpoint with write(), for which a request and its
 * response are one step, takes both mutexes in rx, and in tx to give requests
 * that have waited for buffers their turn.
 *
 * At the end of a burst, the waiters are woken first: in tx the guest, then
 * writers; in rx the readers, before the guest's notifications are enabled
 * again.
 */
#include <linux/sched/signal.h>

#include "internal.h"
#include "trace.h"

static struct vhost_rpmsg *burst_rings(struct vhost_virtqueue *vq)
{
	return container_of(vq->dev, struct vhost_rpmsg, dev);
}

/*
 * Called first in each work. Other threads change something, for example add an
 * endpoint to the ready list or make room in a receive queue, and then queue the
 * work. The core has just cleared the work's QUEUED flag. Either they see the cleared
 * flag, or the work sees the change. That needs a full barrier on both sides.
 */
static void burst_begin(void)
{
	/* Pairs with test_and_set_bit() in the vhost core. */
	smp_mb();
}

/* rx: messages from the guest. */

/*
 * Take a buffer for the response to a request, and skip unusable ones. No
 * buffer is taken before the MTU is known.
 */
static int rx_get_response(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *resp, int *pkts)
{
	int ret = -EAGAIN;

	if (vr->peek_done) {
		do {
			ret = vrpmsg_ring_get(vr, VIRTIO_RPMSG_RESPONSE, resp);
			if (!ret)
				ret = vrpmsg_ring_probe(vr, resp);
		} while (ret == -EBADMSG && ++*pkts < VRPMSG_PKT_WEIGHT);
	}
	if (!ret) {
		vr->rx_turn = false;
		/* The next buffer is for an announcement. */
		vrpmsg_ns_check_room(vr->rdev, resp->room);
	}
	/*
	 * The tx work takes care of it: at once, or when the memory of its ring
	 * may be accessible, because its timer runs or an IOTLB miss has been
	 * reported.
	 */
	if (ret == -EFAULT || ret == -EINPROGRESS)
		vr->rx_blocked = true;
	else if (ret)
		vr->rx_starved = true;
	return ret;
}

/*
 * Call @ept's read(), and write() to build the response. Returns the result of
 * read() if that is an error, 0 on success, and 1 if there is no buffer for the
 * response. A function of its own because of the second iterator on its stack.
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
	ret = ept->write(vr, &resp);
	if (ret >= 0)
		ret = vrpmsg_ring_put_response(vr, &resp);
	/* The request is consumed, so the response cannot be built again. */
	if (ret == -EFAULT)
		vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
			    ept->addr, resp.copied);
	if (ret < 0)
		vrpmsg_ring_unget(&resp);
	return 0;
}

/*
 * The endpoint cannot take the request now: hold the guest back, or drop the
 * request once hold_time is over.
 */
static int rx_refused(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept,
		      struct vhost_rpmsg_iter *req, u32 *stalled)
{
	if (!vrpmsg_hold_should_drop(ept)) {
		*stalled = ept->addr;
		return -EAGAIN;
	}
	vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_FULL, req->dst,
		    req->len);
	return 0;
}

/*
 * Pass a request to its endpoint. Returns -EAGAIN if the endpoint, or the lack
 * of a buffer for its response, holds the guest back; -EFAULT if the request
 * could not be read; -ERESTART if both mutexes are needed.
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
		ept->dropping = 0;
	return ret < 0 && req->fault ? -EFAULT : 0;
}

/*
 * The message at the head could not be read. Returns -EFAULT to retry it later,
 * 0 if it has been dropped.
 */
static int rx_fault(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *req)
{
	if (vrpmsg_ring_retry(&vr->ring[VIRTIO_RPMSG_REQUEST]))
		return -EFAULT;
	vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_INVALID, req->dst,
		    req->len);
	return 0;
}

/*
 * Run one burst. Returns the reason for its end: 0 when the weight is used up,
 * -EBUSY when an endpoint refused the message at the head, -ENOBUFS when there
 * is no buffer for its response, or a result of vrpmsg_ring_get() or
 * rx_dispatch().
 */
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
		/* The callbacks advance the iterator, but do not change len. */
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
	/* Tell a refused message from an empty ring. */
	if (ret == -EAGAIN && vq->avail_idx != vq->last_avail_idx) {
		/* A message that was refused was readable. */
		vr->ring[VIRTIO_RPMSG_REQUEST].tries = 0;
		ret = stalled == VHOST_RPMSG_ADDR_ANY ? -ENOBUFS : -EBUSY;
	}
	return ret;
}

/* Whether both works run on one worker, so that one waits for the other. */
static bool burst_share_worker(struct vhost_rpmsg *vr)
{
	return vrpmsg_vq_worker(&vr->vq[0]) == vrpmsg_vq_worker(&vr->vq[1]);
}

/*
 * Busy-poll for a while instead of sleeping: until @a, or @b if it is not NULL,
 * has an entry, or until the worker or the CPU has something else to do. A work
 * that waits behind this one is no longer on the worker's list, but still has
 * its QUEUED flag set.
 * Context: the mutexes of @a and @b held, their notifications disabled.
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

/* Look at the ring in a while, unless its timer runs already. */
static void burst_look_later(struct vrpmsg_ring *ring)
{
	if (!ring->tries)
		mod_timer(&ring->timer,
			  jiffies + msecs_to_jiffies(VRPMSG_LOOK_INTERVAL));
}

/*
 * Enable notifications, or queue the work if entries have arrived. If the memory
 * of the ring is not accessible, poll it.
 */
static void burst_want_kick(struct vhost_rpmsg *vr, struct vhost_virtqueue *vq)
{
	/*
	 * The core only checks whether the index has changed since it was last
	 * read. Check here for entries that are known but not taken yet.
	 */
	if (vq->avail_idx == vq->last_avail_idx &&
	    !vhost_enable_notify(&vr->dev, vq)) {
		if (unlikely(!vrpmsg_ring_is_armed(vq)))
			burst_look_later(&vr->ring[vq - vr->vq]);
		return;
	}
	vhost_disable_notify(&vr->dev, vq);
	vhost_poll_queue(&vq->poll);
}

/*
 * The ring's memory is not accessible, and its timer runs. A kick retries at once,
 * and so does a buffer that was added before notifications were enabled, unless
 * the entry at the head is the one that cannot be read.
 */
static void burst_try_kick(struct vhost_rpmsg *vr, struct vhost_virtqueue *vq)
{
	/* Since 6.12 the core updates avail_idx when it enables notifications. */
	bool pending = vq->avail_idx != vq->last_avail_idx;

	if (!vhost_enable_notify(&vr->dev, vq) || pending)
		return;
	vhost_disable_notify(&vr->dev, vq);
	vhost_poll_queue(&vq->poll);
}

/* After a burst: make sure that the work runs again when it is needed. */
static void rx_rearm(struct vhost_rpmsg *vr, int why)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_REQUEST];

	switch (why) {
	case -EAGAIN:
		vrpmsg_hold_clear(vr->rdev);
		burst_poll(vr, vq, vq, NULL);
		burst_want_kick(vr, vq);
		break;
	case -EBUSY:
		/*
		 * Notifications stay disabled: the endpoint resumes the work.
		 */
		vrpmsg_hold_refused(vr);
		break;
	case -EFAULT:
		burst_try_kick(vr, vq);
		break;
	case -ERESTART:
		vhost_poll_queue(&vq->poll);
		break;
	}
}

/*
 * Check whether the response ring is accessible. If not, the tx work retries,
 * and queues the rx work when the ring may be accessible.
 */
static bool rx_prepare_responses(struct vhost_rpmsg *vr)
{
	bool ok = vq_meta_prefetch(&vr->vq[VIRTIO_RPMSG_RESPONSE]);

	if (ok && vr->restarted)
		vrpmsg_guest_restart(vr);
	ok = ok && vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE);
	vr->rx_blocked = !ok;
	return ok;
}

/* Notifications of the response ring are disabled: decide who enables them. */
static void rx_rearm_responses(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_RESPONSE];

	vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE);
	if (!vr->rx_blocked)
		/* The tx work decides. */
		vhost_poll_queue(&vq->poll);
	else
		burst_try_kick(vr, vq);
}

/*
 * Run one burst and wake up its waiters. Returns the reason for its end, for
 * rx_rearm(); -EINPROGRESS: the work is queued again elsewhere. Context: the rx
 * mutex held, and with @both the tx mutex as well.
 */
static int rx_run(struct vhost_rpmsg *vr, bool both)
{
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *rx = &vr->vq[VIRTIO_RPMSG_REQUEST];
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_REQUEST];
	int why;

	if (vhost_vq_get_backend(rx) != vr)
		return -EINPROGRESS;
	/* After an IOTLB miss, the VMM's answer queues the worker. */
	if (!vq_meta_prefetch(rx) || (both && !rx_prepare_responses(vr)) ||
	    !vrpmsg_ring_flush(vr, VIRTIO_RPMSG_REQUEST))
		return -EINPROGRESS;

	vhost_disable_notify(&vr->dev, rx);
	if (both) {
		vhost_disable_notify(&vr->dev, tx);
		vr->rx_starved = false;
	}
	WRITE_ONCE(ring->burst, current);
	vrpmsg_hold_begin(vr->rdev);
	why = rx_burst(vr, both);
	if (both)
		rx_rearm_responses(vr);
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

	burst_begin();
	if (READ_ONCE(vr->rdev->num_writers) || READ_ONCE(vr->restarted)) {
		mutex_lock(&tx->mutex);
		mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
		why = rx_run(vr, true);
		mutex_unlock(&tx->mutex);
	} else {
		mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
		why = rx_run(vr, false);
	}
	/* Busy-polls its own ring only, without the tx mutex. */
	rx_rearm(vr, why);
	mutex_unlock(&rx->mutex);
}

/* tx: messages from endpoints. */

/*
 * Have @ept build one message in a buffer, and queue it for the guest. Returns
 * the result of @ept's send(); 1 if the buffer went back without the message;
 * -EFAULT if the buffer stays at the head of the ring.
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
		 * A later buffer may be larger. Give up once every buffer of
		 * the guest has been tried.
		 */
		if (vrpmsg_ring_put_null(vr, iter) &&
		    vrpmsg_ring_defer(vr, iter))
			return -EFAULT;
		if (++ept->misfits >= ring->vq->num) {
			ept->misfits = 0;
			ept->ops->drop(ept);
		}
		iter->copied = 0;
		return 1;
	}
	if (ret == -EFAULT && iter->fault)
		return vrpmsg_ring_defer(vr, iter) ? -EFAULT : 1;
	if (ret < 0) {
		vrpmsg_ring_unget(iter);
		/* For the caller, -EFAULT means that a timer runs. */
		return ret == -EFAULT ? -EIO : ret;
	}
	if (!vrpmsg_ring_put_response(vr, iter)) {
		ept->misfits = 0;
		return ret;
	}

	if (ept->ops->unsend)
		ept->ops->unsend(ept);
	return vrpmsg_ring_defer(vr, iter) ? -EFAULT : 1;
}

/*
 * Run one burst, in which endpoints take turns. Returns the reason for its end:
 * 0 when the weight is used up or no endpoint is ready, -EFAULT of tx_send(), or
 * a result of vrpmsg_ring_get(). The error of a driver's send() is no reason.
 */
static int tx_burst(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *vq = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_rpmsg_ept *ept = NULL;
	struct vhost_rpmsg_iter iter;
	int pkts = 0, bytes = 0;
	int ret, reason = 0;
	bool sent = false;

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
		if (ret) {
			reason = ret;
			break;
		}
		if (unlikely(vrpmsg_ns_check_room(vr->rdev, iter.room))) {
			vrpmsg_ring_unget(&iter);
			vrpmsg_ept_requeue(ept, false);
			ept = NULL;
			continue;
		}
		ret = tx_send(vr, ept, &iter);
		if (ret == -EFAULT) {
			reason = ret;
			break;
		}
		if (ret < 0) {
			/* Off the list until vhost_rpmsg_ept_send(). */
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
	return reason;
}

/*
 * Busy-poll the tx ring and, with a shared worker, the rx ring. If requests are
 * answered with both mutexes, a worker of its own must not keep the tx mutex
 * while it polls.
 */
static void tx_busy_poll(struct vhost_rpmsg *vr, bool want_buffer)
{
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *rx = &vr->vq[VIRTIO_RPMSG_REQUEST];
	bool shared = burst_share_worker(vr);

	if (!tx->busyloop_timeout ||
	    (!shared && READ_ONCE(vr->rdev->num_writers)))
		return;
	if (shared) {
		/* Only ioctls of the VMM contend for it. */
		mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
		/* Already disabled: the rx work is queued, or will be. */
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

/*
 * After a burst: make sure that the work runs again when it is needed. @took: the
 * burst has taken buffers.
 */
static void tx_rearm(struct vhost_rpmsg *vr, int why, bool took)
{
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *vq = ring->vq;
	bool starved = why == -EAGAIN;
	bool want_buffer;

	/* After a fault, write() retries at once, too. */
	WRITE_ONCE(vr->rdev->starved, starved || why == -EFAULT);
	if (why == -EFAULT) {
		burst_try_kick(vr, vq);
		return;
	}
	if (why == -ESTALE)
		return;
	/* The messages had their turn, unless there was no buffer. */
	vr->rx_turn |= vr->rx_starved && (took || !starved);
	if (vr->rx_turn && !vhost_vq_avail_empty(&vr->dev, vq)) {
		vhost_poll_queue(&vq->poll);
		return;
	}
	/* Before the MTU is known, any buffer is of interest. */
	want_buffer = starved || vr->rx_starved || !vr->peek_done;
	tx_busy_poll(vr, want_buffer);
	if (!want_buffer)
		return;
	burst_want_kick(vr, vq);
	/* Some guests do not kick when they return buffers. */
	if (starved || vr->rx_starved)
		burst_look_later(ring);
}

/*
 * Requests that wait for buffers for their responses take turns with the messages of
 * endpoints, which would otherwise take each buffer as soon as the guest returns it.
 * If it is the turn of the requests, process them and return true. The tx mutex is
 * held all the time, so that no message takes their buffers.
 */
static bool tx_yield(struct vhost_rpmsg *vr)
{
	struct vhost_virtqueue *tx = &vr->vq[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *rx = &vr->vq[VIRTIO_RPMSG_REQUEST];

	if (!vr->rx_turn || vhost_vq_avail_empty(&vr->dev, tx))
		return false;
	/* Once only, even if the rx ring is not accessible now. */
	vr->rx_turn = false;
	vr->rx_starved = false;
	mutex_lock_nested(&rx->mutex, VIRTIO_RPMSG_REQUEST);
	rx_run(vr, true);
	mutex_unlock(&rx->mutex);
	/* Both works find out how to go on. */
	vhost_poll_queue(&tx->poll);
	vhost_poll_queue(&rx->poll);
	return true;
}

void vrpmsg_burst_tx(struct vhost_work *work)
{
	struct vhost_virtqueue *vq =
		container_of(work, struct vhost_virtqueue, poll.work);
	struct vhost_rpmsg *vr = burst_rings(vq);
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_RESPONSE];
	int why = 0;
	u16 first;

	burst_begin();
	guard(mutex)(&vq->mutex);
	if (vhost_vq_get_backend(vq) != vr || !vq_meta_prefetch(vq))
		return;
	if (READ_ONCE(vr->restarted)) {
		/* Both rings must restart: the rx work does that. */
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

	/* Kicks are only needed while a message waits for a buffer. */
	vhost_disable_notify(&vr->dev, vq);
	if (!vr->peek_done)
		why = vrpmsg_peek_mtu(vr);
	if (why == -EAGAIN) {
		vhost_poll_queue(&vq->poll);
		return;
	}
	if (why == -EFAULT)
		burst_try_kick(vr, vq);
	if (why || tx_yield(vr))
		return;

	first = vq->last_avail_idx;
	WRITE_ONCE(ring->burst, current);
	why = tx_burst(vr);
	vrpmsg_ring_flush(vr, VIRTIO_RPMSG_RESPONSE);
	vrpmsg_ept_complete(vr, VIRTIO_RPMSG_RESPONSE);
	WRITE_ONCE(ring->burst, NULL);
	tx_rearm(vr, why, vq->last_avail_idx != first);
}

void vrpmsg_burst_timer(struct timer_list *timer)
{
	struct vrpmsg_ring *ring =
		container_of(timer, struct vrpmsg_ring, timer);

	WRITE_ONCE(ring->due, true);
	vhost_poll_queue(&ring->vq->poll);
}
