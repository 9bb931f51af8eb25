/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of fuzz_guest.
 *
 * A case is a list of operations in lanes with one thread each: a guest that writes into its
 * rings, a second thread that changes memory while the host reads it, a VMM that uses its
 * ioctls, and an administrator who changes endpoints. The seed and the numbers in the name
 * of a case determine everything: "57" is a new case, "57.103" is that case, mutated with
 * the random numbers of 103. Operands are random numbers, and get a meaning only when they
 * are used, so that every mutation is a valid case.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest.h"

struct fuzz_rng {
	uint64_t state;
};

uint64_t fuzz_draw(struct fuzz_rng *rng);

enum fuzz_lane { LANE_GUEST, LANE_FLIP, LANE_VMM, LANE_ADMIN, NUM_LANES };

struct fuzz_op {
	uint8_t lane;
	uint8_t kind;		/* one of the kinds of the lane */
	uint32_t v[4];
};

/* Timeout for what must happen, on a debug kernel and a busy machine. */
#define PATIENCE_MS	30000

#define FUZZ_MAX_OPS	64
#define FUZZ_NAME	96

struct fuzz_case {
	char name[FUZZ_NAME];
	unsigned int depth;	/* count of numbers in the name */
	uint64_t noise;		/* seed for random contents */
	unsigned int num;	/* size of the rings */
	bool kclient;		/* use the device of the in-kernel client */
	/*
	 * Descriptors contain no addresses in the rings, and the host always knows
	 * the whole memory: memory around used rings must not change.
	 */
	bool strict;
	bool empty;		/* starts without buffers */
	unsigned int n;
	struct fuzz_op op[FUZZ_MAX_OPS];
};

/* case.c */
void fuzz_case_new(struct fuzz_case *c, uint64_t seed, unsigned long number);
/* -1: the name would be too long. */
int fuzz_case_change(struct fuzz_case *c, uint64_t seed, unsigned long number);
/* Parse a name: 0, or -1 if it is not valid. */
int fuzz_case_parse(struct fuzz_case *c, uint64_t seed, const char *name);
/* Keep the operations in a list such as "0,3,4"; -1: not a valid list. */
int fuzz_case_keep(struct fuzz_case *c, const char *list);
void fuzz_case_print(const struct fuzz_case *c);

/* The failed check, and the result that it belongs to. */
enum fuzz_check {
	CHECK_RECOVER,
	CHECK_WORKER,
	CHECK_BOUNDS,
	CHECK_COUNTERS,
	CHECK_LOG,
	CHECK_HONEST,
	NUM_CHECKS
};

struct fuzz_fault {
	enum fuzz_check check;
	char why[200];
};

bool fuzz_fault(struct fuzz_fault *f, enum fuzz_check check, const char *fmt,
		...) __attribute__((format(printf, 3, 4)));

/* hostile.c: the devices of the hostile guest. */
void hostile_open(void);
void hostile_close(void);
/* Is there an in-kernel client? */
bool hostile_has_kclient(void);
/*
 * Run a case, check the result, and reset the device. False: f has the failed check.
 */
bool hostile_play(const struct fuzz_case *c, struct fuzz_fault *f);
/* Maximum worker time of a case, in percent of its budget. */
extern unsigned int hostile_worst;

/* honest.c: well-behaved guests, in a process of their own. */
void honest_start(void);
bool honest_ok(struct fuzz_fault *f);
/* End the process; returns the number of exchanged messages. */
unsigned long honest_stop(void);

/* watch.c: observation of the kernel. */
/* Start coverage of the workers of this thread's devices. */
bool watch_coverage_start(void);
void watch_coverage_begin(void);
/* Returns the amount of new coverage. */
unsigned int watch_coverage_end(void);
/* Find the workers of this process's devices; call this after each open. */
void watch_find_workers(unsigned int devices);
/* Wait until the workers have ended, slightly after close(). */
void watch_workers_end(void);
/* Processor time of the workers in ns. */
uint64_t watch_worker_time(void);
/* Wait until the workers sleep; false: they exceed the limit, or hang. */
bool watch_workers_sleep(uint64_t limit);
void watch_log_start(void);
bool watch_log_ok(struct fuzz_fault *f);

#endif /* FUZZ_H */
