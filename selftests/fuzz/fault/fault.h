/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of fault_sweep.
 *
 * An operation is set up, run with a fault armed for its task, and checked. Each subject has
 * a file with its operations; fault_sweep.c describes what must hold for all of them. The
 * bursts of the worker and the loading of the module have separate functions.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest.h"
#include "util.h"

#define DEV		"fault"
#define SVC		"fault-svc"
#define REMOTE		0x400
#define MTU		VHOST_RPMSG_DEFAULT_MTU
#define LARGE		3000		/* has its own memory of one page */
#define MANY		60		/* endpoints: a dump of several parts */
#define LIMIT		1000		/* no operation allocates that often */

/* inject.c: what can fail. */
enum { SLAB, PAGE, COPY, KINDS };

extern const char *const kind_name[KINDS];

/* Returns a missing feature of the kernel, or NULL. */
const char *inject_init(void);
void inject_find_module(void);
/* From now on only calls below the code from @start to @end can fail. */
void inject_below(uint64_t start, uint64_t end);
void inject_anywhere(void);
/* Only calls in or below the module can fail. */
void inject_in_module(void);
/* The address range of a function of the kernel, up to the next symbol. */
bool inject_find_function(const char *name, uint64_t *start, uint64_t *end);
/* From now on the n-th fault of task @tid occurs. */
void inject_arm(int tid, unsigned int n);
/* The kind of the fault that has occurred, or -1 if there was none. */
int inject_disarm(void);

/* fixture.c: set-up and clean-up of operations. */

/* Everything that netlink shows. */
struct state {
	int num_devs, num_epts, num_chans;
	struct nl_dev devs[4];
	struct nl_ept epts[MANY + 4];
	struct nl_chan chans[8];
};

extern struct fixture {
	struct guest guest;
	int vmm;		/* /dev/vhost-rpmsg, if there is no guest */
	int ctrl;		/* the ctrl node */
	int ept;		/* the char device */
	uint32_t ept_id;
	uint8_t out[8 + LARGE], in[8 + LARGE];
	struct state now;	/* valid in done() */
} fx;

/* Call this first: saves what must be the same after each test. */
void fixture_init(void);
/* Remove everything that a test has left. */
void fixture_clean(void);
/* The VMM has a worker, a thread of this process. */
bool fixture_has_worker(void);

void have_dev(void);
uint32_t have_ept_req(const struct nl_ept_req *req);
void have_named_ept(void);
void have_open_ept(const struct nl_ept_req *req);
void have_guest_opts(struct guest_opts opts);
void have_guest(void);
void have_chan(void);
/* Nothing is left. */
bool done_gone(void);

void state_get(struct state *s);
/* The difference, or NULL. */
const char *state_differs(const struct state *a, const struct state *b);

/* The number of received events, or -1 if some were lost. */
int hear_events(void);

/* Print the result of a test that has failed. */
extern unsigned int complaints;
void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Print the number of faults of each kind. */
void report_faults(const char *name, const unsigned int *faults);

/* Helpers: 0 or -errno; read_number() returns -1. */
int xioctl(int fd, unsigned long request, void *arg);
int write_file(const char *path, const char *text);
long read_number(const char *path);

/**
 * struct fault_op - an operation: one system call, or a request and its answer
 * @name: what it is; NULL ends a list
 * @set: makes what it needs
 * @run: does it: 0, or -errno
 * @done: whether fx.now is as it must be when it was successful
 * @flags: as follows
 */
struct fault_op {
	const char *name;
	void (*set)(void);
	int (*run)(void);
	bool (*done)(void);
	unsigned int flags;
};

#define KEEPS	(1 << 0)	/* changes nothing: set up only once */
#define NEVER	(1 << 1)	/* cannot fail: a close, or only events */
#define SOCKET	(1 << 2)	/* netlink: the socket can fail by itself */
#define CORE	(1 << 3)	/* in the vhost core, which returns EFAULT */
#define IOTLB	(1 << 4)	/* the same, and EINVAL for a bad pointer */
#define NOTHING	(1 << 5)	/* does nothing that could fail */
#define UNDOES	(1 << 6)	/* its last step can fail: NEW, and DEL */

/* driver.c: load the test driver. */
void driver_load(void);

/* vmm.c, netlink.c, ept.c, ctrl.c and driver.c */
extern const struct fault_op vmm_ops[];
extern const struct fault_op netlink_ops[];
extern const struct fault_op ept_ops[];
extern const struct fault_op ctrl_ops[];
extern const struct fault_op driver_ops[];

/**
 * struct worker_op - what the worker does
 * @name: what it is; NULL ends a list
 * @set: makes what it needs
 * @act: has it done, and waits for it; the second @attempt is one without a
 *	fault after one with it
 * @check: whether all is accounted for
 */
struct worker_op {
	const char *name;
	void (*set)(void);
	void (*act)(int attempt);
	void (*check)(unsigned int n, int attempt, bool fault);
};

/* worker.c */
extern const struct worker_op worker_ops[];
void sweep_worker(const struct worker_op *op);

/* module.c: loading it from a file. */
void sweep_module(const char *path);

#endif /* FAULT_H */
