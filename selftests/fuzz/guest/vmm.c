// SPDX-License-Identifier: GPL-2.0-only
/* The VMM of the hostile guest: memory, rings and features. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"
#include "util.h"

static uint8_t log_mem[1 << 16];

static int vhost(unsigned long request, void *arg)
{
	return ioctl(h->g.fd, request, arg) ? -errno : 0;
}

/* Set the memory table. */
static int set_memory(unsigned int kind, uint32_t v)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[4];
	} t = {};
	struct vhost_memory_region *r = t.region;
	uint64_t low = LOW, size = end_of_memory() - LOW;
	uintptr_t mem = (uintptr_t)h->g.mem + LOW;
	uint64_t half = (size / 2 + v % 64 * 4096) & ~4095ULL;

	t.head.nregions = 1;
	r[0] = (struct vhost_memory_region){ low, size, mem, 0 };
	switch (kind) {
	case 1:
		/* Two regions, the second listed first. */
		t.head.nregions = 2;
		r[1] = r[0];
		r[1].memory_size = half;
		r[0].guest_phys_addr += half;
		r[0].userspace_addr += half;
		r[0].memory_size -= half;
		break;
	case 2:
		/* The upper half is missing. */
		r[0].memory_size = half;
		break;
	case 3:
		/* Not at a page boundary. */
		t.head.nregions = 2;
		r[0].memory_size = half - v % 4096;
		r[1] = (struct vhost_memory_region){ low + half - v % 4096,
						     size - half + v % 4096,
						     mem + half - v % 4096, 0 };
		break;
	case 4:
		/* Other regions, and a duplicate. */
		t.head.nregions = 3;
		r[1] = (struct vhost_memory_region){ 1ULL << 40, 65536, mem,
						     0 };
		r[2] = (struct vhost_memory_region){ -65536ULL, 65536, mem, 0 };
		break;
	case 5:
		/* Shifted, so that all addresses refer to other memory. */
		r[0].userspace_addr += v % 16 * 4096;
		r[0].memory_size -= v % 16 * 4096;
		break;
	case 6:
		t.head.nregions = 0;
		break;
	case 7:
		t.head.nregions = 2;
		r[1] = r[0];	/* overlap */
		break;
	}
	return vhost(VHOST_SET_MEM_TABLE, &t);
}

static int set_features(uint64_t features)
{
	return vhost(VHOST_SET_FEATURES, &features);
}

/* Send an IOTLB message in the old or the new layout. */
static void iotlb_send(const struct vhost_iotlb_msg *iotlb, bool v2)
{
	struct vhost_msg_v2 new = { .type = VHOST_IOTLB_MSG_V2 };
	struct vhost_msg old = { .type = VHOST_IOTLB_MSG };
	ssize_t n;

	new.iotlb = *iotlb;
	old.iotlb = *iotlb;
	n = v2 ? write(h->g.fd, &new, sizeof(new)) :
		 write(h->g.fd, &old, sizeof(old));
	(void)n;
}

/* Addresses of rings are those of user space, addresses in descriptors those of the guest. */
static void iotlb_map(uint32_t v)
{
	struct vhost_iotlb_msg m = {
		.uaddr = (uintptr_t)h->g.mem + LOW,
		.size = end_of_memory() - LOW,
		.perm = v & 1 ? VHOST_ACCESS_RW : v % 4,
		.type = VHOST_IOTLB_UPDATE,
	};

	m.iova = m.uaddr;
	iotlb_send(&m, v & 2);
	m.iova = LOW;
	iotlb_send(&m, v & 2);
}

void vmm_op(const struct fuzz_op *op, struct fuzz_rng *rng)
{
	static const uint64_t usual = GUEST_FEATURES;
	const uint32_t *v = op->v;
	int q = v[0] & 1;
	struct vhost_vring_file file = { .index = q, .fd = -1 };
	struct vhost_vring_state state = { .index = q };
	struct vring *vr = ring(q);
	struct vhost_vring_addr addr = {
		.index = q,
		.desc_user_addr = (uintptr_t)vr->desc,
		.avail_user_addr = (uintptr_t)vr->avail,
		.used_user_addr = (uintptr_t)vr->used,
	};
	uint64_t where = (uintptr_t)log_mem;
	struct vhost_iotlb_msg msg = {};
	struct vhost_msg_v2 miss;
	int fd, value;

	atomic_fetch_add(&h->work, 4);
	switch (op->kind % 24) {
	case 0:
		guest_set_running(&h->g, 0);
		break;
	case 1 ... 3:
		/* Continue at the same index, or at another one. */
		guest_set_running(&h->g, 0);
		if (v[1] % 4 == 0) {
			state.num = v[1] >> 8;
			vhost(VHOST_SET_VRING_BASE, &state);
			atomic_fetch_add(&h->work, playing->num);
		}
		guest_set_running(&h->g, 1);
		break;
	case 4:
		/* Reset. The available ring of the guest does not change. */
		guest_set_running(&h->g, 0);
		for (value = 0; value < 2; value++) {
			state.index = value;
			vhost(VHOST_SET_VRING_BASE, &state);
			atomic_fetch_add(&h->work, playing->num);
		}
		guest_set_running(&h->g, 1);
		break;
	case 5 ... 7:
		set_memory(playing->strict ? v[1] % 4 : v[1] % 8, v[2]);
		break;
	case 8:
	case 9:
		/* Any combination of existing features. */
		set_features(usual ^
			     (v[1] & ((1 << 24) | (1 << 28) | (1 << 29) | 1)) ^
			     (v[2] % 8 ? 0 : 1ULL << VIRTIO_F_VERSION_1));
		break;
	case 10:
		set_features(fuzz_draw(rng));
		break;
	case 11:
		file.fd = v[1] % 4 ? h->g.ring[q].kick : -1;
		vhost(VHOST_SET_VRING_KICK, &file);
		break;
	case 12:
		fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		file.fd = v[1] % 4 ? fd : -1;
		vhost(v[1] & 4 ? VHOST_SET_VRING_CALL : VHOST_SET_VRING_ERR,
		      &file);
		close(fd);
		break;
	case 13:
		where = v[1] % 4 ? where : (uintptr_t)bad_ptr;
		vhost(VHOST_SET_LOG_BASE, &where);
		set_features(usual | 1ULL << VHOST_F_LOG_ALL);
		break;
	case 14:
		addr.flags = 1 << VHOST_VRING_F_LOG;
		addr.log_guest_addr = v[1] % 4 ? guest_gpa(&h->g, vr->used) :
						 v[1];
		vhost(VHOST_SET_VRING_ADDR, &addr);
		break;
	case 15:
	case 16:
		set_features(usual | 1ULL << VIRTIO_F_ACCESS_PLATFORM);
		if (v[1] % 4)
			iotlb_map(v[2]);
		break;
	case 17:
		msg.type = v[1] % 4 ? VHOST_IOTLB_UPDATE :
				      VHOST_IOTLB_INVALIDATE;
		msg.iova = v[1] & 8 ? pick_addr(v[2]) & ~4095ULL :
				      (uintptr_t)h->g.mem + h->g.ring_mem;
		msg.size = v[3] % 4 ? 4096 * (v[3] >> 4 & 63) : pick_len(v[3]);
		msg.uaddr = (uintptr_t)h->g.mem + LOW;
		msg.perm = v[3] % 4;
		if (!playing->strict || msg.type == VHOST_IOTLB_INVALIDATE)
			iotlb_send(&msg, v[1] & 16);
		break;
	case 18:
		/* Answer all misses. */
		while (read(h->g.fd, &miss, sizeof(miss)) > 0)
			iotlb_map(v[2] | 1);
		break;
	case 19:
		mprotect(h->hole, HOLE,
			 v[1] % 3 ? PROT_NONE : PROT_READ | PROT_WRITE);
		break;
	case 20:
		/* Move the rings, possibly to inaccessible memory. */
		where = (uintptr_t)(v[1] & 1 ? h->hole : h->slots) +
			(v[1] >> 8) % 0x8000;
		where &= ~(uint64_t)(v[1] & 2 ? 4095 : 0);
		if (playing->strict)
			break;
		if (v[1] & 4)
			addr.desc_user_addr = where;
		if (v[1] & 8)
			addr.avail_user_addr = where;
		if (v[1] & 16)
			addr.used_user_addr = where;
		vhost(VHOST_SET_VRING_ADDR, &addr);
		break;
	case 21:
		state.num = 1U << v[1] % 16;
		if (playing->strict)
			break;
		atomic_fetch_add(&h->work, 4 * state.num);
		guest_set_running(&h->g, 0);
		vhost(VHOST_SET_VRING_NUM, &state);
		guest_set_running(&h->g, 1);
		break;
	case 22:
		usleep(v[1] % 1000);
		break;
	default:
		for (value = 0; value < 1 + (int)(v[1] % 8); value++)
			kick(q);
		break;
	}
}

/*
 * Set up like an ordinary VMM, with rings of this size and a booting guest. The content of
 * the last guest's memory is cleared.
 */
int vmm_restart(unsigned int num, bool empty)
{
	struct guest *g = &h->g;
	struct vhost_vring_file file = { .fd = -1 };
	uint64_t count;
	int err, q;

	mprotect(h->hole, HOLE, PROT_READ | PROT_WRITE);
	err = guest_stop(g);
	if (err)
		return err;
	err = set_features(GUEST_FEATURES);
	if (!err)
		err = set_memory(0, 0);
	if (err)
		return err;
	memset(h->slots, 0, SLOTS * SLOT_SIZE + SPILL + HOLE);
	for (q = 0; q < 2; q++) {
		g->ring[q].num = num;
		file.index = q;
		vhost(VHOST_SET_VRING_ERR, &file);
		while (read(g->ring[q].call, &count, sizeof(count)) > 0)
			;
	}
	g->features = GUEST_FEATURES;
	guest_reset_rings(g);
	memset(g->mem, UNTOUCHED, LOW);
	memset(g->mem + end_of_memory(), UNTOUCHED, GUARD);
	for (q = 0; q < 2; q++) {
		uint8_t *area = g->mem + g->ring_mem + q * RING_AREA;
		uint8_t *gap = (uint8_t *)(&vring_used_event(ring(q)) + 1);
		uint8_t *end = (uint8_t *)(&vring_avail_event(ring(q)) + 1);

		memset(gap, UNTOUCHED, (uint8_t *)ring(q)->used - gap);
		memset(end, UNTOUCHED, area + RING_AREA - end);
	}
	if (!empty)
		guest_post(g);
	err = guest_start(g);
	if (!err)
		guest_kick_always(g, GUEST_TX);
	for (q = 0; q < 2; q++)
		h->avail[q] = g->ring[q].avail;
	return err;
}
