// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest at the other end: which one it is, what is forgotten with it, and how
 * long it may be held back.
 */
#include "internal.h"

/*
 * The clock of hold_time. It runs from the first refusal of the head of the ring
 * on, and is cleared when the ring was empty or nothing has been refused for a
 * second. All under vq[REQUEST].mutex.
 */

void vrpmsg_hold_clear(struct vrpmsg_dev *rdev)
{
	rdev->hold_running = false;
	rdev->holding = false;
	WRITE_ONCE(rdev->hold_over, false);
}

/*
 * Look at the clock again: hold_time may be another one, longer or shorter, than
 * when it was looked at last. Returns when the time is over, if it is not.
 */
static unsigned long hold_update(struct vrpmsg_dev *rdev)
{
	u32 limit = READ_ONCE(rdev->hold_time);
	unsigned long end = rdev->hold_since + msecs_to_jiffies(limit);

	WRITE_ONCE(rdev->hold_over, limit && time_after_eq(jiffies, end));
	return end;
}

/* A burst begins. */
void vrpmsg_hold_begin(struct vrpmsg_dev *rdev)
{
	if (unlikely(rdev->hold_running))
		hold_update(rdev);
}

void vrpmsg_hold_refused(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	bool over = rdev->hold_over;
	unsigned long end;

	if (!rdev->hold_running) {
		rdev->hold_running = true;
		rdev->hold_since = jiffies;
	}
	rdev->holding = true;
	rdev->hold_seen = jiffies;
	end = hold_update(rdev);
	if (rdev->hold_over) {
		/* Once more, to be dropped. */
		if (!over)
			vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_REQUEST].poll);
	} else if (READ_ONCE(rdev->hold_time) &&
		   !vr->ring[VIRTIO_RPMSG_REQUEST].tries) {
		/* One that comes sooner has the message refused once more. */
		mod_timer(&vr->ring[VIRTIO_RPMSG_REQUEST].timer, end);
	}
}

/*
 * Whether the message that @ept has refused is to be dropped, and those that it
 * refuses after it, until it takes one again.
 */
bool vrpmsg_hold_gives_up(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	ept->dropping = READ_ONCE(rdev->hold_time) &&
			(ept->dropping || rdev->hold_over);
	return ept->dropping;
}

void vrpmsg_hold_accepted(struct vrpmsg_dev *rdev)
{
	if (likely(!rdev->hold_running))
		return;
	if (rdev->holding) {
		rdev->holding = false;
		rdev->hold_seen = jiffies;
	} else if (time_after(jiffies, rdev->hold_seen + HZ)) {
		vrpmsg_hold_clear(rdev);
	}
}

/* While the rings do not run, the clock stands. */
void vrpmsg_hold_pause(struct vrpmsg_dev *rdev)
{
	rdev->hold_since = jiffies - rdev->hold_since;
	rdev->hold_seen = jiffies - rdev->hold_seen;
}

/* Forget used entries that were kept. */
static void guest_drop_used(struct vrpmsg_dev *rdev, unsigned int qid)
{
	lockdep_assert_held(&rdev->lock);
	kfree(rdev->kept_heads[qid]);
	rdev->kept_heads[qid] = NULL;
	rdev->kept_done[qid] = 0;
}

/**
 * vrpmsg_guest_keep_used - keep used entries that could not be written
 * @vr: device that has stopped
 * @qid: which ring
 *
 * Their messages have been delivered or built, so whoever goes on with this guest
 * must write the entries first. A worker that is killed with its VMM fails to
 * write when it takes a page fault for that.
 *
 * Context: rings without backends, so that no burst takes or uses a buffer.
 */
void vrpmsg_guest_keep_used(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vrpmsg_ring *ring = &vr->ring[qid];
	struct vring_used_elem *heads = NULL;
	struct vrpmsg_dev *rdev = vr->rdev;

	if (ring->done) {
		heads = kmemdup(ring->vq->heads, ring->done * sizeof(*heads),
				GFP_KERNEL_ACCOUNT);
		if (!heads)
			vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
				     ring->done);
	}
	guard(mutex)(&rdev->lock);
	guest_drop_used(rdev, qid);
	rdev->kept_heads[qid] = heads;
	rdev->kept_done[qid] = heads ? ring->done : 0;
}

/*
 * The guest goes on: the entries that were kept are the first to be written, and
 * their buffers are not to be taken once more, wherever the VMM has the ring begin.
 * Context: both virtqueue mutexes held, vrpmsg_guest_same() has returned true.
 */
void vrpmsg_guest_restore_used(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	unsigned int i, n;

	guard(mutex)(&rdev->lock);
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		struct vhost_virtqueue *vq = &vr->vq[i];

		n = rdev->kept_done[i];
		if (!n)
			continue;
		memcpy(vq->heads, rdev->kept_heads[i], n * sizeof(*vq->heads));
		vr->ring[i].done = n;
		vq->last_avail_idx = vq->last_used_idx + n;
		vq->avail_idx = vq->last_avail_idx;
		guest_drop_used(rdev, i);
	}
}

/*
 * The guest is gone, and with it all that was learned from it. Context: both
 * virtqueue mutexes held, or no worker.
 */
void vrpmsg_guest_forget(struct vrpmsg_dev *rdev)
{
	unsigned int i;

	lockdep_assert_held(&rdev->lock);
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		guest_drop_used(rdev, i);
	vrpmsg_ns_reset(rdev);
	vrpmsg_ept_reset_all(rdev);
	WRITE_ONCE(rdev->mtu, VHOST_RPMSG_DEFAULT_MTU);
	rdev->mtu_seen = false;
	WRITE_ONCE(rdev->stalled, VHOST_RPMSG_ADDR_ANY);
	vrpmsg_hold_clear(rdev);
	WRITE_ONCE(rdev->guest, false);
	rdev->used = false;
	rdev->stale = false;
}

/* Another guest is there, which 0 is no number of. */
void vrpmsg_guest_new(struct vrpmsg_dev *rdev)
{
	lockdep_assert_held(&rdev->lock);
	if (rdev->guest)
		vrpmsg_guest_forget(rdev);
	WRITE_ONCE(rdev->generation, rdev->generation + 1 ?: 1);
	WRITE_ONCE(rdev->guest, true);
	vrpmsg_ept_new_guest(rdev);
}

/* Nothing is known yet of the buffers that the guest has posted. */
void vrpmsg_guest_look_again(struct vhost_rpmsg *vr)
{
	/* What one before a stop has begun anew is not for this start. */
	WRITE_ONCE(vr->anew, false);
	vr->looked = false;
	vr->peeked = 0;
	vr->peeked_mtu = 0;
	vr->starved = false;
	vr->rx_starved = false;
	vr->rx_blocked = false;
}

/*
 * The guest has set up its rings again and did not reset the device. Nothing of
 * it is in flight, so both indices are what the used index in its memory says.
 */
void vrpmsg_guest_begin_anew(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		struct vhost_virtqueue *vq = &vr->vq[i];

		if (vhost_vq_init_access(vq))
			continue;
		vr->ring[i].done = 0;
		vr->ring[i].tries = 0;
		vq->last_avail_idx = vq->last_used_idx;
		vq->avail_idx = vq->last_used_idx;
	}
	vrpmsg_guest_look_again(vr);

	guard(mutex)(&vr->rdev->lock);
	vrpmsg_guest_new(vr->rdev);
	vrpmsg_dev_changed(vr->rdev);
}

/*
 * Whether the rings are those of the guest that was there at the last stop. When
 * both used indices are 0, which comes back after 65536 messages, a guest that
 * has been reset is one with nothing in its used rings.
 */
bool vrpmsg_guest_same(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	u16 used[VIRTIO_RPMSG_NUM_OF_VQS];
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		used[i] = vr->vq[i].last_used_idx;
	scoped_guard(mutex, &rdev->lock)
	{
		if (!rdev->guest || memcmp(used, rdev->kept_used, sizeof(used)))
			return false;
		/* A smaller ring could not have had so many out. */
		for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
			if (rdev->kept_done[i] > vr->vq[i].num)
				return false;
	}
	return used[0] || used[1] || !vrpmsg_ring_used_blank(&vr->vq[0]) ||
	       !vrpmsg_ring_used_blank(&vr->vq[1]);
}
