// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of the guest: which one it is, what to forget when it goes, and how
 * long endpoints may hold it back.
 */
#include "internal.h"

/*
 * The hold timer. It starts when the message at the head of the ring is first
 * refused. It is cleared when the ring is found empty, or when a message is
 * accepted and none has been refused for a second, brief refusals aside: a
 * guest that always has more to send than a reader takes is refused all the
 * time, but the reader makes room soon. Protected by vq[REQUEST].mutex.
 */

void vrpmsg_hold_clear(struct vrpmsg_dev *rdev)
{
	rdev->hold_running = false;
	rdev->holding = false;
	WRITE_ONCE(rdev->hold_expired, 0);
}

/*
 * Re-evaluate the hold timer: hold_time may have changed since the last look.
 * Returns the time when it expires, in jiffies.
 */
static unsigned long hold_update(struct vrpmsg_dev *rdev)
{
	u32 limit = READ_ONCE(rdev->hold_time);
	unsigned long end = rdev->hold_since + msecs_to_jiffies(limit);

	WRITE_ONCE(rdev->hold_expired, time_after_eq(jiffies, end) ? limit : 0);
	return end;
}

/* Called at the start of each rx burst. */
void vrpmsg_hold_begin(struct vrpmsg_dev *rdev)
{
	if (unlikely(rdev->hold_running))
		hold_update(rdev);
}

/* The longest brief refusal, and the time without longer ones: a second at most. */
static unsigned long hold_quiet(struct vrpmsg_dev *rdev)
{
	u32 limit = READ_ONCE(rdev->hold_time);

	return limit ? min_t(unsigned long, HZ, msecs_to_jiffies(limit) / 2) :
		       HZ;
}

/* The message at the head has been refused until now. */
static void hold_lasted(struct vrpmsg_dev *rdev)
{
	if (jiffies - rdev->hold_head > hold_quiet(rdev))
		rdev->hold_seen = jiffies;
}

void vrpmsg_hold_refused(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	u32 expired = rdev->hold_expired;
	unsigned long end;

	if (!rdev->hold_running) {
		rdev->hold_running = true;
		rdev->hold_since = jiffies;
		rdev->hold_seen = jiffies;
	}
	if (!rdev->holding)
		rdev->hold_head = jiffies;
	rdev->holding = true;
	hold_lasted(rdev);
	end = hold_update(rdev);
	if (rdev->hold_expired) {
		/* Retry the message once more, so that it is dropped. */
		if (rdev->hold_expired != expired)
			vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_REQUEST].poll);
	} else if (READ_ONCE(rdev->hold_time) &&
		   !vr->ring[VIRTIO_RPMSG_REQUEST].tries) {
		/* An earlier timer only makes the endpoint refuse again. */
		mod_timer(&vr->ring[VIRTIO_RPMSG_REQUEST].timer, end);
	}
}

/*
 * Whether to drop the message that @ept has refused. Once this is true, it
 * stays true for the endpoint's refusals until the endpoint accepts a message,
 * a longer hold_time is set, or the guest is reset.
 */
bool vrpmsg_hold_should_drop(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	if (!vrpmsg_dev_drops_after(rdev, ept->dropping))
		ept->dropping =
			vrpmsg_dev_hold_expired(rdev) ? rdev->hold_expired : 0;
	return ept->dropping;
}

void vrpmsg_hold_accepted(struct vrpmsg_dev *rdev)
{
	if (likely(!rdev->hold_running))
		return;
	if (rdev->holding) {
		rdev->holding = false;
		hold_lasted(rdev);
	}
	if (time_after(jiffies, rdev->hold_seen + hold_quiet(rdev)))
		vrpmsg_hold_clear(rdev);
}

/*
 * Stop or restart the hold timer with the rings. While the rings are stopped,
 * the times are stored as elapsed jiffies.
 */
void vrpmsg_hold_pause(struct vrpmsg_dev *rdev)
{
	rdev->hold_since = jiffies - rdev->hold_since;
	rdev->hold_seen = jiffies - rdev->hold_seen;
	rdev->hold_head = jiffies - rdev->hold_head;
}

/* Drop the used entries that vrpmsg_guest_keep_used() has saved. */
static void guest_drop_used(struct vrpmsg_dev *rdev, unsigned int qid)
{
	lockdep_assert_held(&rdev->lock);
	kvfree(rdev->kept_heads[qid]);
	rdev->kept_heads[qid] = NULL;
	rdev->kept_done[qid] = 0;
}

/**
 * vrpmsg_guest_keep_used - save used entries that could not be written
 * @vr: rings that have stopped
 * @qid: which ring
 *
 * Their messages have been delivered or built already, so the entries must be
 * written before anything else when this guest continues. One case is a worker
 * that is killed together with its VMM: it can no longer handle the page faults
 * of its writes.
 *
 * Context: The rings have no backends, so no burst takes or uses a buffer.
 */
void vrpmsg_guest_keep_used(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vrpmsg_ring *ring = &vr->ring[qid];
	struct vring_used_elem *heads = NULL;
	struct vrpmsg_dev *rdev = vr->rdev;

	if (ring->done) {
		/* At most 8 KiB. The VMM may have been killed for its memory. */
		heads = kvmalloc_array(ring->done, sizeof(*heads),
				       GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
		memcpy(heads, ring->vq->heads, ring->done * sizeof(*heads));
	}
	guard(mutex)(&rdev->lock);
	guest_drop_used(rdev, qid);
	rdev->kept_heads[qid] = heads;
	rdev->kept_done[qid] = ring->done;
}

/*
 * The guest continues: queue the saved entries to be written first. No entry of
 * the avail rings must be taken again, whatever index the VMM has set: the used
 * index does not count those that could not be returned. Context: both
 * virtqueue mutexes held, after vrpmsg_guest_check_same() returned 0.
 */
void vrpmsg_guest_restore(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	unsigned int i, n;

	guard(mutex)(&rdev->lock);
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		struct vhost_virtqueue *vq = &vr->vq[i];

		vq->last_avail_idx = rdev->kept_avail[i];
		vq->avail_idx = vq->last_avail_idx;
		n = rdev->kept_done[i];
		if (!n)
			continue;
		memcpy(vq->heads, rdev->kept_heads[i], n * sizeof(*vq->heads));
		vr->ring[i].done = n;
		guest_drop_used(rdev, i);
	}
}

/*
 * The guest is gone: forget all that was learned from it. Context: both
 * virtqueue mutexes held, or no worker.
 */
void vrpmsg_guest_forget(struct vrpmsg_dev *rdev)
{
	unsigned int i;

	lockdep_assert_held(&rdev->lock);
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		guest_drop_used(rdev, i);
	/* Endpoints first, as when the guest destroys their channels. */
	vrpmsg_ept_reset_all(rdev);
	vrpmsg_ns_reset(rdev);
	WRITE_ONCE(rdev->mtu, VHOST_RPMSG_DEFAULT_MTU);
	rdev->mtu_seen = false;
	WRITE_ONCE(rdev->stalled, VHOST_RPMSG_ADDR_ANY);
	vrpmsg_hold_clear(rdev);
	WRITE_ONCE(rdev->guest, false);
	rdev->used = false;
	rdev->stale = false;
}

/* Start the generation of a new guest; 0 is not a valid generation. */
void vrpmsg_guest_new(struct vrpmsg_dev *rdev)
{
	lockdep_assert_held(&rdev->lock);
	if (rdev->guest)
		vrpmsg_guest_forget(rdev);
	WRITE_ONCE(rdev->generation, rdev->generation + 1 ?: 1);
	WRITE_ONCE(rdev->guest, true);
	vrpmsg_ept_new_guest(rdev);
}

/* Reset the state of the rings: nothing is known of the guest's buffers yet. */
void vrpmsg_guest_reset_state(struct vhost_rpmsg *vr)
{
	/* Drop a restart that was detected before the last stop. */
	WRITE_ONCE(vr->restarted, false);
	vr->peek_done = false;
	vr->peeked = 0;
	vr->peeked_mtu = 0;
	vr->rx_starved = false;
	vr->rx_turn = false;
	vr->rx_blocked = false;
}

/*
 * The guest has set up its rings again without a reset of the device. It begins
 * to count at 0, but its used ring may already have entries: rpmsg-lite puts its
 * buffers there. If it cannot have begun at 0, no buffer is in flight. Context:
 * both virtqueue mutexes held.
 */
void vrpmsg_guest_restart(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		struct vhost_virtqueue *vq = &vr->vq[i];

		if (vhost_vq_init_access(vq))
			continue;
		vr->ring[i].done = 0;
		vr->ring[i].tries = 0;
		vq->last_avail_idx =
			vrpmsg_ring_check_pos(vq, 0) ? vq->last_used_idx : 0;
		vq->avail_idx = vq->last_avail_idx;
	}
	vrpmsg_guest_reset_state(vr);

	guard(mutex)(&vr->rdev->lock);
	vrpmsg_guest_new(vr->rdev);
	vrpmsg_dev_changed(vr->rdev);
}

/*
 * Check that a guest whose used rings are all zeroes still has the entries whose
 * used entries are to be written. One that was reset has less in its rings. But
 * one that had only provided buffers has as many as before, so a guest that has
 * not sent anything counts as reset: it then hears all announcements again. One
 * that was reset and has sent as much again, while nobody served the rings, is
 * not told from the former guest. Returns 0, -ESTALE, or -EFAULT if a ring
 * cannot be read.
 */
static int guest_has_kept(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	u16 avail[VIRTIO_RPMSG_NUM_OF_VQS];
	unsigned int i;
	int err;

	scoped_guard(mutex, &rdev->lock)
	{
		memcpy(avail, rdev->kept_avail, sizeof(avail));
		if (!avail[VIRTIO_RPMSG_REQUEST] ||
		    (!rdev->kept_done[0] && !rdev->kept_done[1]))
			return -ESTALE;
	}
	/* Not with rdev->lock: a page fault may take for ever. */
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		err = vrpmsg_ring_check_pos(&vr->vq[i], avail[i]);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Check that the rings belong to the guest that was there at the last stop. The
 * used indices wrap to 0 after 65536 messages. If both are 0, the guest counts
 * as reset if its used rings are all zeroes, unless that is because its first
 * used entries could not be written. Returns 0, -ESTALE or -EFAULT.
 */
int vrpmsg_guest_check_same(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	u16 used[VIRTIO_RPMSG_NUM_OF_VQS];
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		used[i] = vr->vq[i].last_used_idx;
	scoped_guard(mutex, &rdev->lock)
	{
		if (!rdev->guest || memcmp(used, rdev->kept_used, sizeof(used)))
			return -ESTALE;
		/* A ring of this size cannot have had so many in flight. */
		for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
			if (rdev->kept_done[i] > vr->vq[i].num)
				return -ESTALE;
	}
	if (used[0] || used[1] || !vrpmsg_ring_used_blank(&vr->vq[0]) ||
	    !vrpmsg_ring_used_blank(&vr->vq[1]))
		return 0;
	return guest_has_kept(vr);
}
