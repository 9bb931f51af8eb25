// SPDX-License-Identifier: GPL-2.0-only
/*
 * A look at the buffers that the guest has posted, which takes none of them.
 */
#include "internal.h"

/**
 * vrpmsg_peek_mtu - find the largest buffer that the guest has posted
 * @vr: device, whose response ring must have its notifications disabled
 *
 * Looks at up to VRPMSG_PKT_WEIGHT buffers and takes none. The next call
 * continues where this one ended.
 *
 * Context: vq[RESPONSE].mutex held.
 * Return: 0: all buffers have been seen; -EAGAIN: there are more; -EFAULT:
 * some are not accessible, and these are looked at again later; -EINPROGRESS:
 * as for vrpmsg_ring_get().
 */
int vrpmsg_peek_mtu(struct vhost_rpmsg *vr)
{
	struct vrpmsg_ring *ring = &vr->ring[VIRTIO_RPMSG_RESPONSE];
	struct vhost_virtqueue *vq = ring->vq;
	struct vrpmsg_dev *rdev = vr->rdev;
	unsigned int out, in, n;
	bool away = false;
	size_t size;
	u16 pending;
	int head;

	lockdep_assert_held(&vq->mutex);
	/* A guest that continues may hold its larger buffers right now. */
	if (!vr->peeked) {
		vr->peek_seen = rdev->mtu_seen;
		vr->peeked_mtu = rdev->mtu_seen ? rdev->mtu : 0;
	}
	/* Advance to where the last call ended; rewound below. */
	vhost_discard_vq_desc(vq, -(int)vr->peeked, 0);
	for (n = 0; n < VRPMSG_PKT_WEIGHT; n++) {
		head = vhost_get_vq_desc(vq, vq->iov, ARRAY_SIZE(vq->iov), &out,
					 &in, NULL, NULL);
		if (head == -EAGAIN || head == vq->num)
			break;
		if (head < 0) {
			pending = vq->avail_idx - vq->last_avail_idx;
			/* Either the index is unusable, or skip one entry. */
			if (!pending || pending > vq->num) {
				away |= !pending && head == -EFAULT;
				break;
			}
			away |= vrpmsg_ring_is_away(vq, head);
			vhost_discard_vq_desc(vq, -1, 0);
			continue;
		}
		size = iov_length(vq->iov + out, in);
		if (out || size < VRPMSG_HDR_SIZE)
			continue;
		vr->peek_seen = true;
		size = min_t(size_t, size - VRPMSG_HDR_SIZE,
			     VHOST_RPMSG_MAX_MTU);
		vr->peeked_mtu = max_t(u32, vr->peeked_mtu, size);
	}
	vhost_discard_vq_desc(vq, vr->peeked + n, 0);
	/* The largest buffer may be among those that are away. */
	if (away && vrpmsg_ring_retry(ring))
		return -EFAULT;

	ring->tries = 0;
	vr->peeked += n;
	if (n == VRPMSG_PKT_WEIGHT && vr->peeked < vq->num)
		return -EAGAIN;
	if (head == -EAGAIN)
		return -EINPROGRESS;
	/* Errors are handled by the code that takes buffers. */
	vr->peek_done = vr->peeked || head < 0;
	rdev->mtu_seen = vr->peek_seen;
	if (rdev->mtu_seen)
		vrpmsg_dev_set_mtu(rdev, vr->peeked_mtu);
	return 0;
}
