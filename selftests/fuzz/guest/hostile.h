/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the hostile guest share. */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include "fuzz.h"

#define REMOTE		2000
#define LOCAL		1024	/* the endpoint that is always there */
#define MAX_EXTRAS	8	/* others, from the next address on */

/*
 * The guest's memory, from below: a page that the host is not told of, rings,
 * indirect tables, buffers, then what follows, and at the end GUARD bytes that
 * the host is not told of either.
 */
#define LOW		0x1000UL
#define SLOTS		64
#define SLOT_SIZE	4096
#define SPILL		0x20000	/* how far a message may reach over a slot */
#define HOLE		0x10000	/* comes and goes */
#define GUARD		0x10000
/* What is in there, as long as the host does not write where it must not. */
#define UNTOUCHED	0xa5
/* A table without any bytes, as long as the host may follow it. */
#define EMPTIES		65536U
#define RING_AREA	0x10000	/* for each ring, see guest_reset_rings() */

struct hostile {
	struct guest g;
	bool kclient;
	uint8_t *slots;
	uint8_t *hole;
	struct vring_desc *empties;
	atomic_ulong empty;	/* descriptors of it that the host may have read */
	atomic_ulong work;	/* buffers that the host may have looked at */
	uint16_t avail[2];	/* what the guest's lane has made available */
};

/* The device that is played on, and what. */
extern struct hostile *h;
extern const struct fuzz_case *playing;

/* rings.c: the guest, and operands. */
struct vring *ring(uint32_t v);
uint64_t end_of_memory(void);
uint64_t pick_addr(uint32_t v);
uint32_t pick_len(uint32_t v);
void kick(int q);
void guest_op(const struct fuzz_op *op, struct fuzz_rng *rng);
void flip_op(const struct fuzz_op *op);
/* Lay the table of empty pieces out. */
void put_empties(void);

/* vmm.c */
void vmm_op(const struct fuzz_op *op, struct fuzz_rng *rng);
/* An ordinary VMM with a guest that boots, with rings of this size. */
int vmm_restart(unsigned int num, bool empty);

/* admin.c: endpoints, and what went through the one that stays. */
extern int ept_id, ept_fd;
extern unsigned long ept_written;
void drain(int fd, uint32_t at_most);
void admin_open(const char *dev);
/* Delete all but that one. */
void admin_clean(void);
void admin_close(void);
void admin_op(const struct fuzz_op *op);

#endif /* FUZZ_HOSTILE_H */
