// SPDX-License-Identifier: GPL-2.0-only
/* Rings and messages of the hostile guest, and changes while the host reads them. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../kernel/kclient/kclient.h"
#include "hostile.h"

/* Operands. */

uint64_t end_of_memory(void)
{
	return h->g.size - GUARD;
}

uint64_t pick_addr(uint32_t v)
{
	uint32_t at = v >> 8;
	uint64_t slot = guest_gpa(&h->g, h->slots) + at % SLOTS * SLOT_SIZE;

	switch (v % (playing->strict ? 15 : 20)) {
	default:
		return slot;
	case 7:
		return slot + (at >> 6) % SLOT_SIZE;
	case 8:
		return end_of_memory() - at % 32;
	case 9:
		return end_of_memory() + at % 0x10000;
	case 10:
	case 11:
		return guest_gpa(&h->g, h->hole) + at % HOLE;
	case 12:
		return ~0ULL - at % 64;
	case 13:
		return (uint64_t)at << 24;
	case 14:
		return LOW - at % 32;
	case 15:
	case 16:
		return h->g.ring_mem + at % (2 * RING_AREA);
	case 17:
		return h->g.ring_mem + at % 0xa0000;
	case 18:
		return at % h->g.size;
	}
}

uint32_t pick_len(uint32_t v)
{
	static const uint32_t lens[] = {
		0,	    1,		15,	    16,	       17,
		24,	    55,		56,	    57,	       512,
		4096,	    65535,	65551,	    65552,     0x7fffffff,
		0x80000000, 0xfffffff0, 0xffffffff, 16 * 1024, 16 * 65536,
	};
	unsigned int num = sizeof(lens) / sizeof(lens[0]);

	if (v % 32 < num)
		return lens[v % 32];
	return (v >> 8) % 1200;
}

static uint16_t pick_flags(uint32_t v)
{
	/* Mostly valid ones. */
	return v & 0x80000000 ? v : v & 7;
}

static uint32_t pick_dst(uint32_t v)
{
	static const uint32_t dsts[] = {
		LOCAL,
		LOCAL,
		LOCAL,
		VHOST_RPMSG_NS_ADDR,
		1025,
		1026,
		KCLIENT_ECHO,
		KCLIENT_SINK,
		KCLIENT_REFUSE,
		KCLIENT_MUTE,
		KCLIENT_SOURCE,
		KCLIENT_HOLD,
		KCLIENT_ECHO,
		0,
		~0U,
	};
	unsigned int num = sizeof(dsts) / sizeof(dsts[0]);

	return v % (num + 1) < num ? dsts[v % (num + 1)] : v;
}

static uint8_t *slot(uint32_t v)
{
	return h->slots + v % SLOTS * SLOT_SIZE;
}

/* Write to memory that the worker reads at the same time. */
static void put16(void *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED);
}

static void put32(void *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)p, v, __ATOMIC_RELAXED);
}

static void put_desc(struct vring_desc *d, uint64_t addr, uint32_t len,
		     uint16_t flags, uint16_t next)
{
	__atomic_store_n(&d->addr, addr, __ATOMIC_RELAXED);
	put32(&d->len, len);
	put16(&d->flags, flags);
	put16(&d->next, next);
}

struct vring *ring(uint32_t v)
{
	return &h->g.ring[v & 1].vring;
}

static struct vring_desc *table(uint32_t v)
{
	/* Tables of 16 entries, as in guest.c. */
	return (struct vring_desc *)(h->g.mem + h->g.ring_mem + 0x20000) +
	       v % 1024 * 16;
}

/* Guest lane. */

void kick(int q)
{
	uint64_t one = 1;
	ssize_t n;

	atomic_fetch_add(&h->work, 1);
	n = write(h->g.ring[q].kick, &one, sizeof(one));
	(void)n;	/* the eventfd is full, so the host has the kick */
}

static void set_avail(int q, uint16_t idx)
{
	uint16_t more = idx - h->avail[q];

	atomic_fetch_add(&h->work, more < playing->num ? more : playing->num);
	h->avail[q] = idx;
	__atomic_store_n(&ring(q)->avail->idx, idx, __ATOMIC_RELEASE);
}

static void publish(int q, uint16_t head)
{
	put16(&ring(q)->avail->ring[h->avail[q] % playing->num], head);
	set_avail(q, h->avail[q] + 1);
}

/* A valid buffer, or one with a single error. */
static void put_buffer(int q, uint32_t head, uint64_t addr, uint32_t len,
		       uint32_t wrong, uint32_t v)
{
	unsigned int num = playing->num, i, pieces;
	uint16_t flags = q == GUEST_TX ? VRING_DESC_F_WRITE : 0;
	struct vring_desc *desc = ring(q)->desc, *t;

	head %= num;
	switch (wrong % 16) {
	case 0:
		len = pick_len(v);
		break;
	case 1:
		addr = pick_addr(v);
		break;
	case 2:
		/* A chain with a loop, or with an invalid next. */
		put_desc(&desc[head], addr, len, flags | VRING_DESC_F_NEXT,
			 v % 4 ? v % num : v);
		publish(q, head);
		return;
	case 3:
		flags ^= VRING_DESC_F_WRITE;
		break;
	case 4:
		flags |= VRING_DESC_F_INDIRECT;
		break;
	case 5:
		/* The whole ring in one chain. */
		for (i = 0; i < num; i++)
			put_desc(&desc[i], addr + i * 8, 8,
				 flags | (i + 1 < num || v % 2 ?
						  VRING_DESC_F_NEXT :
						  0),
				 (i + 1) % num);
		publish(q, head);
		return;
	case 6:
	case 7:
		/* Several pieces. */
		pieces = 2 + v % 6;
		for (i = 0; i < pieces; i++)
			put_desc(&desc[(head + i) % num], addr + i * (len / 8),
				 i + 1 < pieces ? len / 8 : pick_len(v >> 3),
				 flags | (i + 1 < pieces ? VRING_DESC_F_NEXT :
							   0),
				 (head + i + 1) % num);
		publish(q, head);
		return;
	case 8:
	case 9:
		/* An indirect table: valid, or with a single error. */
		t = table(v);
		pieces = 1 + v % 16;
		for (i = 0; i < pieces; i++)
			put_desc(&t[i], addr + i * (len / 16),
				 i + 1 < pieces ? len / 16 : len,
				 flags | (i + 1 < pieces ? VRING_DESC_F_NEXT :
							   0),
				 i + 1);
		i = (v >> 8) % pieces;
		switch (v >> 16 & 7) {
		case 0:
			t[i].len = pick_len(v >> 19);
			break;
		case 1:
			t[i].addr = pick_addr(v >> 3);
			break;
		case 2:
			t[i].flags ^= VRING_DESC_F_WRITE;
			break;
		case 3:
			t[i].flags |= VRING_DESC_F_INDIRECT;
			break;
		case 4:
			pieces = v >> 24;
			break;
		}
		put_desc(&desc[head], guest_gpa(&h->g, t),
			 pieces * sizeof(*t) + (v >> 28 == 15),
			 VRING_DESC_F_INDIRECT |
				 (v >> 28 == 14 ? VRING_DESC_F_NEXT : 0),
			 v >> 20);
		publish(q, head);
		return;
	}
	put_desc(&desc[head], addr, len, flags, 0);
	publish(q, head);
}

void put_empties(void)
{
	uint32_t i;

	for (i = 0; i < EMPTIES; i++)
		put_desc(&h->empties[i], guest_gpa(&h->g, h->slots), 0,
			 i + 1 < EMPTIES ? VRING_DESC_F_NEXT : 0, i + 1);
}

/*
 * A chain of many empty descriptors, which the host finds unusable at its end. The cost is
 * only known for this chain.
 */
static void add_empties(int q, uint32_t head, uint32_t num)
{
	struct vring_desc *desc = &ring(q)->desc[head % playing->num];

	num = num % EMPTIES + 1;
	put_desc(desc, guest_gpa(&h->g, h->empties + EMPTIES - num),
		 num * sizeof(*desc), VRING_DESC_F_INDIRECT, 0);
	/* The host reads it again if something else in the ring changes. */
	atomic_fetch_add(&h->empty, 4 * num);
	publish(q, head % playing->num);
	kick(q);
	usleep(5000);
	put_desc(desc, 0, 0, 0, 0);
}

static void put_header(uint8_t *p, uint32_t dst, uint16_t len)
{
	struct guest_hdr hdr = { .src = REMOTE, .dst = dst, .len = len };

	memcpy(p, &hdr, sizeof(hdr));
}

void guest_op(const struct fuzz_op *op, struct fuzz_rng *rng)
{
	const uint32_t *v = op->v;
	struct vring *vr = ring(v[0]);
	int q = v[0] & 1;
	unsigned int num = playing->num, i, n;
	uint8_t *p, *from;
	uint16_t len;

	switch (op->kind % 24) {
	case 0 ... 5:
		/* A message. */
		p = slot(v[0] >> 8);
		len = v[1] % 3 ? (v[1] >> 8) % 1200 : pick_len(v[1]);
		put_header(p, pick_dst(v[2]), len);
		put_buffer(GUEST_RX, v[0], guest_gpa(&h->g, p), 16 + len,
			   v[2] >> 8, v[3]);
		if (v[0] >> 31)
			kick(GUEST_RX);
		break;
	case 6 ... 8:
		/* A valid or invalid name service message. */
		p = slot(v[0] >> 8);
		put_header(p, VHOST_RPMSG_NS_ADDR,
			   v[1] % 8 ? 40 : pick_len(v[1] >> 3));
		memset(p + 16, 0, 40);
		snprintf((char *)p + 16, 32, "s%u", v[2] % 32);
		if (v[2] >> 28 == 0)
			memset(p + 16, v[3], 32);
		put32(p + 48, REMOTE + v[3] % 16);
		put32(p + 52, v[1] >> 8 & 1 ? 0 : v[1] >> 9 & 3);
		put_buffer(GUEST_RX, v[0], guest_gpa(&h->g, p), 56, v[2] >> 8,
			   v[3]);
		break;
	case 9 ... 11:
		/* Empty buffers. */
		for (i = 0, n = 1 + v[1] % 8; i < n; i++)
			put_buffer(GUEST_TX, v[0] + i,
				   guest_gpa(&h->g, slot((v[0] >> 8) + i)),
				   v[2] % 2 ? 512 : pick_len(v[2] >> 1),
				   i ? 15 : v[2] >> 8, v[3]);
		if (v[0] >> 31)
			kick(GUEST_TX);
		break;
	case 12:
		put_desc(&vr->desc[(v[0] >> 1) % num], pick_addr(v[1]),
			 pick_len(v[2]), pick_flags(v[3]), v[3] >> 16);
		break;
	case 13:
		put_desc(&table(v[0])[v[0] >> 28], pick_addr(v[1]),
			 pick_len(v[2]), pick_flags(v[3]), v[3] >> 16);
		break;
	case 14:
		put16(&vr->avail->ring[(v[0] >> 1) % num],
		      v[1] % 4 ? v[1] % num : v[1]);
		break;
	case 15:
		/* The index advances, jumps, or goes back. */
		set_avail(q, v[1] % 4 ? h->avail[q] + v[1] % (num + 2) :
					v[1] >> 8);
		break;
	case 16:
		put16(&vr->avail->flags, v[1] % 4 ? v[1] & 1 : v[1]);
		put16(&vring_used_event(vr), v[2]);
		break;
	case 17:
		/* Write into the used ring. */
		n = 2 + num * sizeof(vr->used->ring[0]) / 2;
		put16((uint16_t *)vr->used + (v[1] % 4 ? v[1] % 2 : v[1] % n),
		      v[2]);
		break;
	case 18:
		/* Write anything anywhere into descriptors or the available ring. */
		p = (uint8_t *)(v[1] & 1 ? (void *)vr->desc : vr->avail);
		n = v[1] & 1 ? num * sizeof(vr->desc[0]) : 6 + 2 * num;
		from = p + (v[1] >> 1) % n;
		for (i = 0; i < 1 + v[2] % 64 && from + i < p + n; i++)
			from[i] = fuzz_draw(rng);
		atomic_fetch_add(&h->work, num);
		break;
	case 19:
		usleep(v[1] % 1000);
		break;
	case 20:
		add_empties(q, v[1], v[2] % 8 ? v[3] % 1024 : v[3]);
		break;
	default:
		kick(q);
		break;
	}
}

/*
 * Make buffers available at a fixed rate, without waiting for used ones. At the rate of the
 * host, a burst gets more buffers than the ring has entries.
 */
static void advance(int q, unsigned int step, unsigned int delay,
		    unsigned int i)
{
	uint16_t *idx = &ring(q)->avail->idx;

	put16(idx, *idx + step);
	atomic_fetch_add(&h->work, step);
	if (i % 8 == 0)
		kick(q);
	while (delay--)
		__asm__ volatile("" : : : "memory");
}

/* The second thread: alternate a value while the host reads it. */
void flip_op(const struct fuzz_op *op)
{
	unsigned int num = playing->num, i, n = 50 + op->v[0] % 1000;
	struct vring *vr = ring(op->v[1]);
	struct vring_desc *d = op->kind & 8 ? &table(op->v[1])[op->v[1] >> 28] :
					      &vr->desc[(op->v[1] >> 1) % num];
	uint32_t a = op->v[2], b = op->v[3];
	uint8_t *p = slot(op->v[1] >> 1);

	for (i = 0; i < n; i++, op->v[0] & 0x8000 ? sched_yield() : 0) {
		uint32_t v = i & 1 ? a : b;

		switch (op->kind % 8) {
		case 0:		/* the length in the header */
			put16(p + 12, pick_len(v));
			break;
		case 1:		/* its destination */
			put32(p + 4, pick_dst(v));
			break;
		case 2:		/* a name in it */
			put32(p + 16 + v % 32 / 4 * 4, v);
			break;
		case 3:
			put32(&d->len, pick_len(v));
			break;
		case 4:
			__atomic_store_n(&d->addr, pick_addr(v),
					 __ATOMIC_RELAXED);
			break;
		case 5:
			put16(&d->flags, pick_flags(v));
			put16(&d->next, v >> 16);
			break;
		case 6:
			put16(&vr->avail->ring[(op->v[1] >> 1) % num], v);
			break;
		case 7:
			if (op->v[0] & 0x10000) {
				/* The rate varies around that of the host. */
				advance(op->v[1] & 1, 1 + a % 4,
					(4096 + b % 8192) >> i / 16 % 8, i);
				break;
			}
			/* A few times are enough, since each is a full ring. */
			if (i >= 16)
				return;
			put16(&vr->avail->idx, v);
			atomic_fetch_add(&h->work, num);
			kick(op->v[1] & 1);
			break;
		}
	}
}
