/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of fuzz_host.
 *
 * The seed of a hostile process determines its calls. calls.c has the table of calls and
 * their counts; netlink.c, vmm.c and ept.c make the calls. honest.c has the well-behaved
 * processes, and fuzz_host.c is the parent of all.
 */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define NUM_KNOWN	32
#define NUM_NAMES	8
#define HONEST		"honest"
#define HONEST_ADDR	100
#define HONEST_REMOTE	0x500

/* Shared by all processes. */
extern struct shared {
	bool stop;
	bool host_stop;
	int family;
	/* Objects that the fuzzers know. */
	uint32_t epts[NUM_KNOWN];
	uint32_t devs[NUM_KNOWN];
	uint32_t honest_ept;
	uint32_t honest_dev;
	unsigned int honest_ready;	/* number of well-behaved processes */
	unsigned long honest_msgs;
	char wrong[100];	/* error of a well-behaved process */
} * shared;

/* Allocate zeroed memory that child processes share. */
void *share(size_t size);
bool stopped(void);

/* values.c: random values. */
extern __thread uint64_t rng;	/* never 0 */
uint32_t rnd(uint32_t n);
bool one_in(uint32_t n);
uint64_t rnd64(void);

/* A known object; 0: none. */
uint32_t known(const uint32_t *table);
void remember(uint32_t *table, uint32_t id);
void forget(uint32_t *table, uint32_t id);
uint32_t some_addr(void);
/* Returns the length, including the NUL. */
int some_name(char *name, size_t size);

/* calls.c */

/* Kinds of values of netlink attributes. */
enum kind { U32, DEV_ID, EPT_ID, ADDR, STRING, FLAG };

struct attr {
	int type;
	enum kind kind;
	uint32_t low;
	uint32_t high;		/* for strings: maximum length */
};

struct request {
	const char *name;
	int cmd;
	bool dump;
	const struct attr *attrs;
	unsigned int num_attrs;
};

extern const struct request requests[];
extern const unsigned int num_requests;

/* Kinds of arguments of ioctls. */
enum arg {
	NOTHING,
	FEATURES,
	INTEGER,
	STATE,
	RING_ADDR,
	RING_FILE,
	MEMORY,
	LOG_BASE,
	EVENTFD,
	NAME,
};

struct ioctl_call {
	const char *name;
	unsigned long nr;
	enum arg arg;
};

extern const struct ioctl_call ioctls[];
extern const unsigned int num_ioctls;

/* Counted calls: the requests, then the ioctls, then these. */
enum other {
	VMM_OPEN,
	VMM_READ,
	VMM_WRITE,
	EPT_OPEN,
	EPT_READ,
	EPT_WRITE,
	CTRL_OPEN,
	OTHER_REQUEST,
	OTHER_IOCTL,
	NUM_OTHERS,
};

void calls_init(void);
/* Count the result of a call; below 0: failed, with errno. */
void count_request(unsigned int request, long ret);	/* index of the request */
void count_ioctl(unsigned long nr, long ret);
void count_other(enum other other, long ret);
/* Checks at the end: only documented errors, and every call succeeded at least once. */
bool calls_errors_documented(void);
bool calls_successful(unsigned long kills);

/*
 * hostile.c: a hostile process, until it is killed. Each kind of file has its own file
 * descriptors, so that a thread that races with a close does not use another kind of
 * file.
 */
#define NUM_VMMS	3
#define NUM_EPTS	4
#define NUM_CTRLS	2
#define VMM_FD		100
#define EPT_FD		200
#define CTRL_FD		300

_Noreturn void run_hostile(uint64_t seed);
int some_vmm(void);
int some_ept(void);
int some_ctrl(void);
/* Move an open file to a descriptor of its kind. */
void place(int fd, int at);

/* netlink.c: each thread has a socket. */
void open_netlink(void);
void do_request(void);

/* vmm.c: misbehaving VMMs. */
void vmm_init(void);
void do_vmm_open(void);
void do_vmm_close(void);
void do_some_ioctl(void);
void do_set_up(void);
void do_push(void);
void do_iotlb(void);

/* ept.c: endpoints. */
void do_ept_open(void);
void do_ept_close(void);
void do_read(void);
void do_write(void);

/* ctrl.c: ctrl nodes. */
void do_ctrl(void);

/* honest.c: well-behaved processes. */
_Noreturn void run_honest_guest(void);
_Noreturn void run_honest_host(void);
/* Create the message with this number and a pattern; returns its length. */
size_t make_msg(uint8_t *msg, uint32_t number);
bool is_msg(const uint8_t *msg, size_t len, uint32_t number);

#endif /* HOST_H */
