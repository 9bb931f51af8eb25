// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints in a burst: those that it uses, and whose turn it is to send.
 */
#include <linux/export.h>

#include "internal.h"

/* Takes over a reference, and drops it in vrpmsg_ept_complete(). */
static void ept_touched(struct vhost_rpmsg *vr, unsigned int qid,
			struct vhost_rpmsg_ept *ept)
{
	ept->touched[qid] = true;
	list_add_tail(&ept->touched_node[qid], &vr->ring[qid].touched);
}

static struct vhost_rpmsg_ept *ept_look_up(struct vhost_rpmsg *vr,
					   unsigned int qid, u32 addr)
{
	struct vhost_rpmsg_ept *ept;

	rcu_read_lock();
	ept = xa_load(&vr->rdev->epts, addr);
	if (ept && !ept->touched[qid]) {
		if (refcount_inc_not_zero(&ept->users))
			ept_touched(vr, qid, ept);
		else
			ept = NULL;
	}
	rcu_read_unlock();
	return ept;
}

/**
 * vrpmsg_ept_touch - look up the endpoint of an address, for this burst
 * @vr: rings
 * @addr: local address
 *
 * Context: vq[REQUEST].mutex held. The endpoint may be used until
 * vrpmsg_ept_complete().
 * Return: the endpoint, or NULL.
 */
struct vhost_rpmsg_ept *vrpmsg_ept_touch(struct vhost_rpmsg *vr, u32 addr)
{
	struct list_head *touched = &vr->ring[VIRTIO_RPMSG_REQUEST].touched;
	struct vhost_rpmsg_ept *ept;

	/* Skip the look-up if the last message was for the same endpoint. */
	ept = list_last_entry(touched, struct vhost_rpmsg_ept,
			      touched_node[VIRTIO_RPMSG_REQUEST]);
	if (!list_empty(touched) && ept->addr == addr && !READ_ONCE(ept->dead))
		return ept;

	return ept_look_up(vr, VIRTIO_RPMSG_REQUEST, addr);
}

/* The same for the sender of a response. Context: vq[RESPONSE].mutex held. */
struct vhost_rpmsg_ept *vrpmsg_ept_touch_sender(struct vhost_rpmsg *vr,
						u32 addr)
{
	return ept_look_up(vr, VIRTIO_RPMSG_RESPONSE, addr);
}

/*
 * Deficit round robin: in each round an endpoint may send VRPMSG_SEND_QUANTUM
 * bytes, overhead included, in any number of turns. The last message may exceed
 * the rest of the share; the endpoint skips rounds for that debt. The next
 * round begins when no ready endpoint has any share left.
 */

/* Bytes left in this round. Context: vq[RESPONSE].mutex held. */
static s32 ept_credit(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	u32 rounds = rdev->round - ept->round;

	/* The debt of the longest message is paid in less than 32 rounds. */
	if (rounds)
		ept->credit = min(ept->credit + (s32)min(rounds, 32U) *
							VRPMSG_SEND_QUANTUM,
				  VRPMSG_SEND_QUANTUM);
	ept->round = rdev->round;
	return ept->credit;
}

/* Start the next round in which any endpoint may send, announcements last. */
static void ept_next_round(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;
	s32 most = S32_MIN;

	list_for_each_entry(ept, &rdev->waiting, ready_node)
		most = max(most, ept_credit(ept));
	rdev->round += 1 + max(-most, 0) / VRPMSG_SEND_QUANTUM;
	if (!list_empty(&rdev->ns_ept.ready_node))
		list_move_tail(&rdev->ns_ept.ready_node, &rdev->waiting);
	list_splice_tail_init(&rdev->waiting, &rdev->ready);
}

/* Lockless: code that adds an endpoint kicks the worker afterwards. */
bool vrpmsg_ept_any_ready(struct vrpmsg_dev *rdev)
{
	return !list_empty(&rdev->ready) || !list_empty(&rdev->waiting);
}

/**
 * vrpmsg_ept_next_ready - take the next endpoint off the ready list
 * @vr: rings
 *
 * It is off the list while it sends, so that it can be added again meanwhile.
 *
 * Context: vq[RESPONSE].mutex held; as for vrpmsg_ept_touch().
 * Return: the endpoint, or NULL.
 */
struct vhost_rpmsg_ept *vrpmsg_ept_next_ready(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	struct vhost_rpmsg_ept *ept;
	unsigned long flags;

	if (!vrpmsg_ept_any_ready(rdev))
		return NULL;

	spin_lock_irqsave(&rdev->ready_lock, flags);
	for (;;) {
		if (list_empty(&rdev->ready) && !list_empty(&rdev->waiting))
			ept_next_round(rdev);
		ept = list_first_entry_or_null(&rdev->ready,
					       struct vhost_rpmsg_ept,
					       ready_node);
		if (!ept || ept_credit(ept) > 0)
			break;
		list_move_tail(&ept->ready_node, &rdev->waiting);
	}
	if (ept) {
		list_del_init(&ept->ready_node);
		if (!ept->touched[VIRTIO_RPMSG_RESPONSE]) {
			/* The table still holds a reference. */
			refcount_inc(&ept->users);
			ept_touched(vr, VIRTIO_RPMSG_RESPONSE, ept);
		}
	}
	spin_unlock_irqrestore(&rdev->ready_lock, flags);
	return ept;
}

/*
 * Put the endpoint on the ready list if it is not on it. The name service goes
 * first, as far as its share of the round allows. Returns whether it was added.
 */
static bool ept_ready(struct vhost_rpmsg_ept *ept, bool first)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	unsigned long flags;
	bool added = false;

	spin_lock_irqsave(&rdev->ready_lock, flags);
	if (!ept->dead && list_empty(&ept->ready_node)) {
		if (first || ept == &rdev->ns_ept)
			list_add(&ept->ready_node, &rdev->ready);
		else
			list_add_tail(&ept->ready_node, &rdev->ready);
		added = true;
	}
	spin_unlock_irqrestore(&rdev->ready_lock, flags);
	return added;
}

/* The endpoint has more to send. @first: it could not send anything. */
void vrpmsg_ept_requeue(struct vhost_rpmsg_ept *ept, bool first)
{
	ept_ready(ept, first);
}

/*
 * Charge @cost bytes, overhead included. Returns false when the endpoint's
 * share of the round is used up. Context: vq[RESPONSE].mutex held.
 */
bool vrpmsg_ept_charge(struct vhost_rpmsg_ept *ept, u32 cost)
{
	ept->credit -= cost;
	return ept->credit > 0;
}

static void ept_completed(struct vhost_rpmsg_ept *ept, unsigned int qid)
{
	const struct vhost_rpmsg_ept_ops *ops = ept->ops;

	if (!ops)
		return;
	if (qid == VIRTIO_RPMSG_RESPONSE) {
		if (ops->tx_complete)
			ops->tx_complete(ept);
	} else if (ops->rx_complete) {
		ops->rx_complete(ept);
	}
}

/* The burst of one ring is over: drop its references. */
void vrpmsg_ept_complete(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vhost_rpmsg_ept *ept, *next;

	list_for_each_entry_safe(ept, next, &vr->ring[qid].touched,
				 touched_node[qid]) {
		ept_completed(ept, qid);
		list_del(&ept->touched_node[qid]);
		ept->touched[qid] = false;
		vrpmsg_ept_put(ept);
	}
}

/**
 * vhost_rpmsg_ept_send - schedule an endpoint that has something to send
 * @ept: endpoint with ops->send, which the worker calls when it is the
 *	endpoint's turn and the guest has a buffer
 *
 * Context: Any but NMI, including callbacks and interrupts, but with PREEMPT_RT only
 * threaded ones, since it takes a spinlock; otherwise it does not sleep. The caller
 * must make sure that the endpoint is not freed meanwhile.
 */
void vhost_rpmsg_ept_send(struct vhost_rpmsg_ept *ept)
{
	if (WARN_ON_ONCE(!ept->ops || !ept->ops->send))
		return;
	/*
	 * If it was ready before, retry only if it waits for a buffer, which a
	 * guest may post without a kick.
	 */
	if (ept_ready(ept, false) || READ_ONCE(ept->rdev->starved))
		vrpmsg_dev_kick(ept->rdev, VIRTIO_RPMSG_RESPONSE);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_send);

/**
 * vhost_rpmsg_ept_resume - retry requests that the endpoint has refused
 * @ept: endpoint whose read() returned -EAGAIN
 *
 * Context: as vhost_rpmsg_ept_send().
 */
void vhost_rpmsg_ept_resume(struct vhost_rpmsg_ept *ept)
{
	vrpmsg_dev_kick(ept->rdev, VIRTIO_RPMSG_REQUEST);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_resume);
