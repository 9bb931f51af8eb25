/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of fuzz_guest.
 *
 * A case is a list of operations in lanes, one thread each: a guest that writes
 * into its rings, a second thread that changes memory under the reader, a VMM
 * that uses its ioctls, and an administrator with the endpoints. All that a case
 * decides is drawn from the seed and the numbers in its name: "57" is a new case,
 * "57.103" is that one, changed by the draws of 103. Operands are raw draws, and
 * mean something only when they are played, so that each change of a case is one.
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
	uint8_t kind;		/* of the lane's kinds */
	uint32_t v[4];
};

/* For what has to happen, on a debug kernel on a machine that is busy. */
#define PATIENCE_MS	30000

#define FUZZ_MAX_OPS	64
#define FUZZ_NAME	96

struct fuzz_case {
	char name[FUZZ_NAME];
	unsigned int depth;	/* numbers in the name */
	uint64_t noise;		/* for contents that are random */
	unsigned int num;	/* size of the rings */
	bool kclient;		/* on the in-kernel client's device */
	/*
	 * The host is told of no address in the rings, and of the whole memory:
	 * what lies around used rings must stay as it is.
	 */
	bool strict;
	bool empty;		/* starts without buffers */
	unsigned int n;
	struct fuzz_op op[FUZZ_MAX_OPS];
};

/* case.c */
void fuzz_case_new(struct fuzz_case *c, uint64_t seed, unsigned long number);
/* -1: the name would become too long. */
int fuzz_case_change(struct fuzz_case *c, uint64_t seed, unsigned long number);
/* From its name: 0, or -1 when that is none. */
int fuzz_case_parse(struct fuzz_case *c, uint64_t seed, const char *name);
/* Keep the operations in a list like "0,3,4"; -1: not such a list. */
int fuzz_case_keep(struct fuzz_case *c, const char *list);
void fuzz_case_print(const struct fuzz_case *c);

/* What is wrong, and which result it belongs to. */
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

/* hostile.c: the hostile guest's devices. */
void hostile_open(void);
void hostile_close(void);
/* Whether there is an in-kernel client. */
bool hostile_has_kclient(void);
/*
 * Play a case, look at what it did, and reset the device. False: something is
 * wrong, in f.
 */
bool hostile_play(const struct fuzz_case *c, struct fuzz_fault *f);
/* Worker time used by a case, at worst, in percent of what it may use. */
extern unsigned int hostile_worst;

/* honest.c: honest guests, in a process of their own. */
void honest_start(void);
bool honest_ok(struct fuzz_fault *f);
/* End it; how many messages were exchanged. */
unsigned long honest_stop(void);

/* watch.c: what the kernel shows of itself. */
/* Coverage of the worker, of this thread's devices from now on. */
bool watch_coverage_start(void);
void watch_coverage_begin(void);
/* How much of it was never seen before. */
unsigned int watch_coverage_end(void);
/* Workers of this process's devices; again after an open. */
void watch_find_workers(unsigned int devices);
/* Wait until they are gone, which takes them a moment longer than close(). */
void watch_workers_end(void);
/* Processor time that they have used, in ns. */
uint64_t watch_worker_time(void);
/* Wait until they sleep; false: they use more time than that, or hang. */
bool watch_workers_sleep(uint64_t limit);
void watch_log_start(void);
bool watch_log_ok(struct fuzz_fault *f);

#endif /* FUZZ_H */
