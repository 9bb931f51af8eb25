// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtqueue on top of the vhost core: take a buffer, fill or read it, and
 * return it to the guest.
 *
 * The guest can write to the ring and to the messages at any time. Each value
 * is read once, into kernel memory, and checked there.
 *
 * Guest memory that cannot be accessed now may become accessible later. Such an
 * entry stays at the head of its ring and is retried, see vrpmsg_ring_retry().
 * Malformed entries are skipped and counted at once, unless they may be entries
 * whose indirect table cannot be read.
 */
#include <linux/export.h>
#include <linux/pagemap.h>

#include "internal.h"
#include "trace.h"

static void ring_count_error(struct vhost_rpmsg *vr, unsigned int n, size_t len)
{
	vrpmsg_count(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS, n);
	trace_vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RING_ERRORS,
			  VHOST_RPMSG_ADDR_ANY, len);
}

/**
 * vrpmsg_ring_retry - decide whether to retry an inaccessible entry
 * @ring: ring whose head entry or used entries could not be accessed
 *
 * The ring's timer queues the worker after 1, 10 and 100 ms. Kicks in between
 * also retry the access, but do not count as attempts.
 *
 * Context: the virtqueue's mutex held.
 * Return: true to leave the entry in place and retry later, false to give it
 * up.
 */
bool vrpmsg_ring_retry(struct vrpmsg_ring *ring)
{
	static const u8 delays[] = { 1, 10, 100 };

	lockdep_assert_held(&ring->vq->mutex);
	if (ring->tries && !READ_ONCE(ring->due))
		return true;
	if (ring->tries == ARRAY_SIZE(delays)) {
		ring->tries = 0;
		return false;
	}
	WRITE_ONCE(ring->due, false);
	mod_timer(&ring->timer,
		  jiffies + msecs_to_jiffies(delays[ring->tries++]));
	return true;
}

/*
 * Publish the used entries that have accumulated and signal the guest. Returns
 * false if the used ring cannot be written now. The entries are kept then, the
 * worker runs again later, and the caller must not take more buffers before.
 */
bool vrpmsg_ring_flush(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vrpmsg_ring *ring = &vr->ring[qid];
	struct vhost_virtqueue *vq = ring->vq;
	u16 used = vq->last_used_idx;

	lockdep_assert_held(&vq->mutex);
	if (!ring->done)
		return true;
	if (vhost_add_used_n(vq, vq->heads, NULL, ring->done)) {
		/* Nothing was published. Write all entries again next time. */
		vq->last_used_idx = used;
		if (vrpmsg_ring_retry(ring))
			return false;
		/* The guest loses these buffers, through its own fault. */
		ring_count_error(vr, ring->done, 0);
	} else {
		ring->tries = 0;
		vhost_signal(&vr->dev, vq);
	}
	ring->done = 0;
	return true;
}

/* Queue a used entry for a buffer into which the device wrote @len bytes. */
static void ring_used(struct vhost_rpmsg *vr, unsigned int qid, int head,
		      u32 len)
{
	struct vrpmsg_ring *ring = &vr->ring[qid];
	struct vhost_virtqueue *vq = ring->vq;

	/*
	 * A correct guest has at most as many buffers in flight as the ring has
	 * entries, and gets them back together. A guest that makes more
	 * available must not cause the core to write beyond the end of the
	 * ring.
	 */
	if (ring->done == min_t(unsigned int, vq->num, UIO_MAXIOV) &&
	    !vrpmsg_ring_flush(vr, qid)) {
		ring_count_error(vr, ring->done, 0);
		ring->done = 0;
	}
	ring->tries = 0;
	if (unlikely(!READ_ONCE(vr->rdev->used)))
		WRITE_ONCE(vr->rdev->used, true);
	vq->heads[ring->done].id = cpu_to_vhost32(vq, head);
	vq->heads[ring->done].len = cpu_to_vhost32(vq, len);
	ring->done++;
}

/*
 * Put back the buffer that vrpmsg_ring_get() has just taken. The core needs the
 * number of descriptors for VIRTIO_F_IN_ORDER only, which is not offered.
 */
void vrpmsg_ring_unget(struct vhost_rpmsg_iter *iter)
{
	vhost_discard_vq_desc(iter->vq, 1, 0);
}

/*
 * Translate the address of a part of the ring into the VMM's address space, and
 * limit @len to what is contiguous there. The vhost core does not export its own
 * function for this, and only caches translations of rings in one piece.
 */
static void __user *ring_addr(struct vhost_virtqueue *vq, void __user *addr,
			      size_t *len)
{
	u64 start = (uintptr_t)addr;
	const struct vhost_iotlb_map *map;

	if (!vq->iotlb)
		return addr;
	map = vhost_iotlb_itree_first(vq->iotlb, start, start);
	if (!map)
		return NULL;
	*len = min_t(u64, *len, map->last - start + 1);
	return (void __user *)(uintptr_t)(map->addr + start - map->start);
}

/* Read an index or flags. */
static int ring_read(struct vhost_virtqueue *vq, __virtio16 __user *addr,
		     u16 *val)
{
	size_t len = sizeof(*addr);
	__virtio16 v;

	addr = ring_addr(vq, addr, &len);
	if (!addr || len < sizeof(v) || get_user(v, addr))
		return -EFAULT;
	*val = vhost16_to_cpu(vq, v);
	return 0;
}

/**
 * vrpmsg_ring_is_armed - check that the guest will kick for its next entry
 * @vq: virtqueue for which vhost_enable_notify() has returned false
 *
 * The vhost core also returns false if it could not write to the used ring or
 * read the avail index. A guest that was not told to kick might never do so.
 *
 * Context: @vq's mutex held; may sleep.
 * Return: false if that is not certain.
 */
bool vrpmsg_ring_is_armed(struct vhost_virtqueue *vq)
{
	u16 val;

	lockdep_assert_held(&vq->mutex);
	if (vhost_has_feature(vq, VIRTIO_RING_F_EVENT_IDX)) {
		/* The avail event follows the used entries. */
		if (ring_read(vq, (void __user *)&vq->used->ring[vq->num],
			      &val) ||
		    val != vq->avail_idx)
			return false;
	} else if (ring_read(vq, &vq->used->flags, &val) ||
		   val != vq->used_flags) {
		return false;
	}
	return !ring_read(vq, &vq->avail->idx, &val) && val == vq->avail_idx;
}

/**
 * vrpmsg_ring_used_blank - check whether a used ring is all zeroes
 * @vq: virtqueue that has been set up
 *
 * Context: @vq's mutex held; may sleep.
 * Return: true if the ring is all zeroes or cannot be read.
 */
bool vrpmsg_ring_used_blank(struct vhost_virtqueue *vq)
{
	size_t left = vq->num * sizeof(vq->used->ring[0]);
	void __user *addr = vq->used->ring;
	void __user *from;
	u8 buf[256];
	size_t n;

	lockdep_assert_held(&vq->mutex);
	for (; left; left -= n, addr += n) {
		n = min(left, sizeof(buf));
		from = ring_addr(vq, addr, &n);
		if (!from || copy_from_user(buf, from, n))
			return true;
		if (memchr_inv(buf, 0, n))
			return false;
	}
	return true;
}

/* Whether the guest's avail ring can be continued at @pos: 0 or an error. */
int vrpmsg_ring_check_pos(struct vhost_virtqueue *vq, u16 pos)
{
	u16 idx;
	int err = ring_read(vq, &vq->avail->idx, &idx);

	return !err && (u16)(idx - pos) > vq->num ? -ESTALE : err;
}

/*
 * The guest's avail index cannot be read. There is no entry to give up: the error
 * is counted when the retries are used up, and they start again.
 */
static int ring_no_index(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vrpmsg_ring *ring = &vr->ring[qid];

	if (!vrpmsg_ring_retry(ring)) {
		ring_count_error(vr, 1, 0);
		vrpmsg_ring_retry(ring);
	}
	return -EFAULT;
}

/*
 * The guest's avail index is out of range. If the used index in guest memory
 * differs from ours, the guest has restarted without a reset, and both rings
 * must restart, which takes both mutexes. Otherwise continue at the guest's
 * index.
 */
static int ring_bad_index(struct vhost_rpmsg *vr, unsigned int qid)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];
	u16 theirs, idx;

	vq->avail_idx = vq->last_avail_idx;
	/* Unpublished entries would look like a difference. */
	if (!vrpmsg_ring_flush(vr, qid))
		return -EFAULT;
	if (ring_read(vq, &vq->used->idx, &theirs) ||
	    ring_read(vq, &vq->avail->idx, &idx))
		return ring_no_index(vr, qid);
	ring_count_error(vr, 1, 0);
	if (theirs != vq->last_used_idx) {
		WRITE_ONCE(vr->restarted, true);
		vhost_poll_queue(&vr->vq[VIRTIO_RPMSG_REQUEST].poll);
		return -ESTALE;
	}
	vq->last_avail_idx = idx;
	vq->avail_idx = idx;
	return -EBADMSG;
}

/*
 * Whether the chain at @head has an indirect table. The core returns -EINVAL if
 * it cannot read one, as if its contents were malformed.
 */
static bool ring_has_table(struct vhost_virtqueue *vq, u16 head)
{
	u16 flags = 0;
	unsigned int n;

	for (n = 0; n < vq->num && head < vq->num; n++)
		if (ring_read(vq, &vq->desc[head].flags, &flags) ||
		    !(flags & VRING_DESC_F_NEXT) ||
		    ring_read(vq, &vq->desc[head].next, &head))
			break;
	return flags & VRING_DESC_F_INDIRECT;
}

/* Read the head of the next entry. Returns false if it is not a descriptor. */
static bool ring_read_head(struct vhost_virtqueue *vq, u16 *head)
{
	u16 pos = vq->last_avail_idx & (vq->num - 1);

	return !ring_read(vq, &vq->avail->ring[pos], head) && *head < vq->num;
}

/*
 * Whether the next entry, for which vhost_get_vq_desc() has returned @err, may
 * become accessible. Otherwise it is malformed.
 */
bool vrpmsg_ring_is_away(struct vhost_virtqueue *vq, int err)
{
	u16 head;

	return err == -EFAULT || (err == -EINVAL && ring_read_head(vq, &head) &&
				  ring_has_table(vq, head));
}

/*
 * The length of a buffer that consists of one descriptor, or 0 if it does not or
 * cannot be read.
 */
static u32 ring_desc_len(struct vhost_virtqueue *vq, u16 head)
{
	struct vring_desc desc;
	size_t len = sizeof(desc);
	void __user *addr = ring_addr(vq, &vq->desc[head], &len);

	if (!addr || len < sizeof(desc) ||
	    copy_from_user(&desc, addr, sizeof(desc)) ||
	    vhost16_to_cpu(vq, desc.flags) &
		    (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT))
		return 0;
	return vhost32_to_cpu(vq, desc.len);
}

/* As vrpmsg_ring_put_request(), for @len bytes. */
static void ring_used_request(struct vhost_rpmsg *vr, int head, u32 len)
{
	bool modern = vhost_has_feature(&vr->vq[VIRTIO_RPMSG_REQUEST],
					VIRTIO_F_VERSION_1);

	ring_used(vr, VIRTIO_RPMSG_REQUEST, head, modern ? 0 : len);
}

/*
 * The next entry of the ring cannot be taken. vhost_get_vq_desc() returned @err
 * and did not advance past the entry, so the device would hang on it.
 */
static int ring_bad_entry(struct vhost_rpmsg *vr, unsigned int qid, int err)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];
	bool pending = vq->avail_idx != vq->last_avail_idx;
	bool valid;
	u16 head;

	/*
	 * Before 6.12 the core kept an index that is out of range. Since 6.12
	 * it returns -EINVAL.
	 */
	if ((u16)(vq->avail_idx - vq->last_avail_idx) > vq->num ||
	    (!pending && err == -EINVAL))
		return ring_bad_index(vr, qid);
	if (!pending)
		return ring_no_index(vr, qid);
	if (vrpmsg_ring_is_away(vq, err) && vrpmsg_ring_retry(&vr->ring[qid]))
		return -EFAULT;

	ring_count_error(vr, 1, 0);
	pr_debug_ratelimited("%s: bad entry in ring %u\n", vr->rdev->name, qid);
	/* Return the skipped entry, so that the used index still counts it. */
	valid = ring_read_head(vq, &head);
	if (valid && qid == VIRTIO_RPMSG_REQUEST)
		ring_used_request(vr, head, ring_desc_len(vq, head));
	else if (valid)
		ring_used(vr, qid, head, 0);
	vq->last_avail_idx++;
	return -EBADMSG;
}

/*
 * Return the buffer of a message that was read or dropped. The device has
 * written nothing, so the used length is 0. A legacy guest gets the length of
 * the buffer, because OpenAMP takes the used length as the buffer's capacity.
 */
void vrpmsg_ring_put_request(struct vhost_rpmsg *vr,
			     struct vhost_rpmsg_iter *iter)
{
	ring_used_request(vr, iter->head, iter->size);
}

/* Read the header and set @iter up for the payload, or return -EFAULT. */
static int ring_read_hdr(struct vhost_rpmsg_iter *iter, unsigned int out,
			 struct vrpmsg_hdr *hdr)
{
	struct vhost_virtqueue *vq = iter->vq;
	void __user *base = vq->iov->iov_base;

	if (likely(out == 1)) {
		/* A single segment, as Linux guests use, is cheaper to copy. */
		if (copy_from_user(hdr, base, sizeof(*hdr)))
			return -EFAULT;
		iov_iter_ubuf(&iter->iov_iter, ITER_SOURCE, base + sizeof(*hdr),
			      iter->size - sizeof(*hdr));
		return 0;
	}
	iov_iter_init(&iter->iov_iter, ITER_SOURCE, vq->iov, out, iter->size);
	if (!copy_from_iter_full(hdr, sizeof(*hdr), &iter->iov_iter))
		return -EFAULT;
	return 0;
}

/* Set @iter up for a message of the guest: read its header and check it. */
static int ring_get_request(struct vhost_rpmsg *vr,
			    struct vhost_rpmsg_iter *iter, unsigned int out,
			    unsigned int in)
{
	struct vhost_virtqueue *vq = iter->vq;
	struct vrpmsg_hdr hdr;

	/*
	 * rpmsg-lite and older versions of OpenAMP mark the buffers of their
	 * messages as writable by the device. Neither has VERSION_1.
	 */
	if (!out && !vhost_has_feature(vq, VIRTIO_F_VERSION_1))
		swap(out, in);
	iter->size = iov_length(vq->iov, out);
	if (in || iter->size < sizeof(hdr))
		goto invalid;
	if (ring_read_hdr(iter, out, &hdr)) {
		if (!vrpmsg_ring_retry(&vr->ring[VIRTIO_RPMSG_REQUEST]))
			goto invalid;
		vrpmsg_ring_unget(iter);
		return -EFAULT;
	}

	iter->src = vhost32_to_cpu(vq, hdr.src);
	iter->dst = vhost32_to_cpu(vq, hdr.dst);
	iter->len = vhost16_to_cpu(vq, hdr.len);
	/* The descriptors may cover more than the message fills. */
	if (iter->len > iter->size - sizeof(hdr))
		goto invalid;
	iter->room = 0;
	iov_iter_truncate(&iter->iov_iter, iter->len);
	return 0;

invalid:
	vrpmsg_drop(vr->rdev, VHOST_RPMSG_A_STATS_RX_DROP_INVALID,
		    VHOST_RPMSG_ADDR_ANY, iter->size);
	vrpmsg_ring_put_request(vr, iter);
	return -EBADMSG;
}

/* Set @iter up for an empty buffer of the guest. */
static int ring_get_response(struct vhost_rpmsg *vr,
			     struct vhost_rpmsg_iter *iter, unsigned int out,
			     unsigned int in)
{
	struct vhost_virtqueue *vq = iter->vq;

	iter->size = iov_length(vq->iov + out, in);
	if (out || iter->size < VRPMSG_HDR_SIZE) {
		/* Too small even for a null message. */
		ring_count_error(vr, 1, iter->size);
		ring_used(vr, VIRTIO_RPMSG_RESPONSE, iter->head, 0);
		return -EBADMSG;
	}

	if (likely(in == 1)) {
		iov_iter_ubuf(&iter->iov_iter, ITER_DEST,
			      vq->iov->iov_base + VRPMSG_HDR_SIZE,
			      iter->size - VRPMSG_HDR_SIZE);
	} else {
		iov_iter_init(&iter->hdr_iter, ITER_DEST, vq->iov, in,
			      iter->size);
		iter->iov_iter = iter->hdr_iter;
		iov_iter_advance(&iter->iov_iter, VRPMSG_HDR_SIZE);
	}
	iter->iov_num = in;
	iter->len = 0;
	iter->room = min_t(size_t, iter->size - VRPMSG_HDR_SIZE,
			   VHOST_RPMSG_MAX_MTU);
	iov_iter_truncate(&iter->iov_iter, iter->room);

	if (unlikely(!vr->rdev->mtu_seen ||
		     iter->room > READ_ONCE(vr->rdev->mtu))) {
		vr->rdev->mtu_seen = true;
		vrpmsg_dev_set_mtu(vr->rdev, iter->room);
	}
	return 0;
}

/**
 * vrpmsg_ring_get - take the next buffer out of a ring
 * @vr: device
 * @qid: index of the ring, whose notifications must be disabled
 * @iter: is set up for the buffer
 *
 * Context: The virtqueue's mutex held, after vrpmsg_ring_flush() returned true.
 * Return: 0; -EAGAIN: the ring is empty; -EBADMSG: the next buffer was unusable
 * and has been returned or skipped; -EFAULT: the memory of the buffer or ring
 * is not accessible, and is retried later; -EINPROGRESS: the IOTLB has no entry
 * for it, and the vhost core queues the worker when the entry arrives; -ESTALE:
 * the guest has restarted, and the worker has been queued to handle that.
 */
int vrpmsg_ring_get(struct vhost_rpmsg *vr, unsigned int qid,
		    struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = &vr->vq[qid];
	struct vhost_log *log = NULL;
	unsigned int out, in;
	int head;

	lockdep_assert_held(&vq->mutex);
	/* Taking a buffer invalidates the position of the MTU scan. */
	if (qid == VIRTIO_RPMSG_RESPONSE)
		vr->peeked = 0;
	iter->vq = vq;
	iter->priv = NULL;
	iter->copied = 0;
	iter->fault = false;
	iter->log_num = 0;

	if (vhost_has_feature(vq, VHOST_F_LOG_ALL))
		log = vq->log;
	/* Before 6.10, vhost_vq_avail_empty() accepts any index: check it now. */
	if ((u16)(vq->avail_idx - vq->last_avail_idx) > vq->num)
		vq->avail_idx = vq->last_avail_idx;
	head = vhost_get_vq_desc(vq, vq->iov, ARRAY_SIZE(vq->iov), &out, &in,
				 log, &iter->log_num);
	if (head == -EAGAIN)
		return -EINPROGRESS;
	if (head < 0)
		return ring_bad_entry(vr, qid, head);
	if (head == vq->num) {
		/* The index could be read: no access is being retried. */
		vr->ring[qid].tries = 0;
		return -EAGAIN;
	}

	iter->head = head;
	if (qid == VIRTIO_RPMSG_REQUEST)
		return ring_get_request(vr, iter, out, in);
	return ring_get_response(vr, iter, out, in);
}

/*
 * With an IOTLB, the vhost core logs every segment of a buffer page by page,
 * which may be many times the guest's memory. Trim the segments to what was
 * written, and return how many are left.
 */
static unsigned int ring_trim(struct iovec *iov, unsigned int num, size_t len)
{
	unsigned int i;

	for (i = 0; i < num && len; i++) {
		iov[i].iov_len = min(iov[i].iov_len, len);
		len -= iov[i].iov_len;
	}
	return i;
}

/* Write the header and queue the used entry for a buffer with @len bytes. */
static int ring_put(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
		    const struct vrpmsg_hdr *hdr, size_t len)
{
	struct vhost_virtqueue *vq = iter->vq;

	if (likely(iter->iov_num == 1)) {
		if (copy_to_user(vq->iov->iov_base, hdr, sizeof(*hdr)))
			return -EFAULT;
	} else {
		struct iov_iter to = iter->hdr_iter;

		if (copy_to_iter(hdr, sizeof(*hdr), &to) != sizeof(*hdr))
			return -EFAULT;
	}
	if (vhost_has_feature(vq, VHOST_F_LOG_ALL))
		vhost_log_write(vq, vq->log, iter->log_num, len, vq->iov,
				ring_trim(vq->iov, iter->iov_num, len));
	ring_used(vr, VIRTIO_RPMSG_RESPONSE, iter->head, len);
	return 0;
}

/*
 * Complete a response and queue it for the guest. Returns -EFAULT if guest
 * memory cannot be written; the caller still owns the buffer then.
 */
int vrpmsg_ring_put_response(struct vhost_rpmsg *vr,
			     struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = iter->vq;
	struct vrpmsg_hdr hdr = {
		.src = cpu_to_vhost32(vq, iter->src),
		.dst = cpu_to_vhost32(vq, iter->dst),
		.len = cpu_to_vhost16(vq, iter->copied),
	};

	if (iter->fault || ring_put(vr, iter, &hdr, sizeof(hdr) + iter->copied))
		return -EFAULT;
	trace_vrpmsg_tx(vr->rdev, iter->src, iter->dst, iter->copied);
	return 0;
}

/*
 * Return a buffer to the guest without a message. A used length of 0 does not
 * work: Linux's length check underflows, and OpenAMP does not check. A null
 * message is addressed to VHOST_RPMSG_ADDR_ANY, and all guests drop it. Returns
 * -EFAULT as vrpmsg_ring_put_response() does.
 */
int vrpmsg_ring_put_null(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vhost_virtqueue *vq = iter->vq;
	struct vrpmsg_hdr hdr = {
		.dst = cpu_to_vhost32(vq, VHOST_RPMSG_ADDR_ANY),
	};

	return ring_put(vr, iter, &hdr, sizeof(hdr));
}

/*
 * A buffer could not be written. Returns true if it stays at the head of the
 * ring, to be retried later, and false if it has been given up and returned.
 */
bool vrpmsg_ring_defer(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	if (vrpmsg_ring_retry(&vr->ring[VIRTIO_RPMSG_RESPONSE])) {
		vrpmsg_ring_unget(iter);
		return true;
	}
	ring_count_error(vr, 1, iter->size);
	/* If it still cannot be written, there is no better way to return it. */
	if (vrpmsg_ring_put_null(vr, iter))
		ring_used(vr, VIRTIO_RPMSG_RESPONSE, iter->head, 0);
	return false;
}

/**
 * vrpmsg_ring_probe - check that the buffer for a response can be written
 * @vr: device
 * @iter: the buffer; parts of its content are lost
 *
 * For a response that cannot be built twice, since read() consumes the request.
 *
 * Context: vq[RESPONSE].mutex held; may sleep.
 * Return: 0, or -EFAULT or -EBADMSG as vrpmsg_ring_get().
 */
int vrpmsg_ring_probe(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	const struct iovec *iov = iter->vq->iov;
	size_t left = VRPMSG_HDR_SIZE + iter->room;
	size_t n;

	lockdep_assert_held(&iter->vq->mutex);
	for (; left; left -= n, iov++) {
		n = min(iov->iov_len, left);
		if (fault_in_writeable(iov->iov_base, n))
			return vrpmsg_ring_defer(vr, iter) ? -EFAULT : -EBADMSG;
	}
	return 0;
}

/*
 * vhost_rpmsg_copy() without the hardened usercopy check, which takes longer to
 * find the object around @data than copying a short message does. For callers
 * that know that @data has room for @size bytes.
 */
size_t vrpmsg_ring_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size)
{
	size_t n = min(size, iov_iter_count(&iter->iov_iter));
	size_t copied;

	if (iter->vq == &vr->vq[VIRTIO_RPMSG_REQUEST])
		copied = _copy_from_iter(data, n, &iter->iov_iter);
	else
		copied = _copy_to_iter(data, n, &iter->iov_iter);
	iter->copied += copied;
	if (copied != n)
		iter->fault = true;
	return copied;
}

/**
 * vhost_rpmsg_copy - copy payload out of a request or into a response
 * @vr: device
 * @iter: iterator, in a callback or after vhost_rpmsg_start_lock()
 * @data: where to, or from
 * @size: bytes to copy
 *
 * Each call continues where the previous one ended.
 *
 * Context: Only while the iterator is valid; may sleep.
 * Return: The number of bytes copied. It is less than @size at the end of the
 * message or buffer, or if guest memory is not accessible. In the latter case a
 * response is not sent, and read() should return -EFAULT, so that it is called
 * again when the message may be accessible. send() may do so, or return as if all
 * had been copied; then unsend() is called.
 */
size_t vhost_rpmsg_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size)
{
	size_t n = min(size, iov_iter_count(&iter->iov_iter));

	lockdep_assert_held(&iter->vq->mutex);
	check_object_size(data, n, iter->vq != &vr->vq[VIRTIO_RPMSG_REQUEST]);
	return vrpmsg_ring_copy(vr, iter, data, n);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_copy);
