/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of the hostile guest. */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include "fuzz.h"

#define REMOTE		2000
#define LOCAL		1024	/* the permanent endpoint */
#define MAX_EXTRAS	8	/* other endpoints, from the next address on */

/*
 * Layout of the guest's memory: a page that the host does not know, rings, indirect tables,
 * buffers, the areas below, and at the end GUARD bytes that the host does not know, either.
 */
#define LOW		0x1000UL
#define SLOTS		64
#define SLOT_SIZE	4096
#define SPILL		0x20000	/* bytes that a message may extend beyond a slot */
#define HOLE		0x10000	/* appears and disappears */
#define GUARD		0x10000
/* Content of memory that the host must not write. */
#define UNTOUCHED	0xa5
/* A table of empty descriptors with the maximum length. */
#define EMPTIES		65536U
#define RING_AREA	0x10000	/* for each ring, see guest_reset_rings() */

struct hostile {
	struct guest g;
	bool kclient;
	uint8_t *slots;
	uint8_t *hole;
	struct vring_desc *empties;
	atomic_ulong empty;	/* its descriptors that the host may have read */
	atomic_ulong work;	/* buffers that the host may have checked */
	uint16_t avail[2];	/* avail index of the guest's lane */
};

/* The device of the current case. */
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
/* Write the table of empty descriptors. */
void put_empties(void);

/* vmm.c */
void vmm_op(const struct fuzz_op *op, struct fuzz_rng *rng);
/* Set up like an ordinary VMM with a booting guest, and rings of this size. */
int vmm_restart(unsigned int num, bool empty);

/* admin.c: endpoints, and the traffic of the permanent one. */
extern int ept_id, ept_fd;
extern unsigned long ept_written;
void drain(int fd, uint32_t at_most);
void admin_open(const char *dev);
/* Delete all endpoints but the permanent one. */
void admin_clean(void);
void admin_close(void);
void admin_op(const struct fuzz_op *op);

#endif /* FUZZ_HOSTILE_H */
