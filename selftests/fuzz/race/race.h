/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of stress_races: messages, the operations, which results a pair may
 * have, and what there is before and after a round.
 */
#ifndef RACE_H
#define RACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest.h"
#include "util.h"

#define DEV		"races"
#define NAME		"race"
#define ADDR		1024	/* of the endpoint that it is about */
#define OTHER		2000	/* of one beside it, which is left alone */
#define MADE		3000	/* of those made by way of the ctrl node, and above */
#define MADE_NUM	3
#define REMOTE		0x400
#define LEN		64
#define COST		(LEN + VHOST_RPMSG_MSG_OVERHEAD)
#define BURST		24	/* from the guest to each, in a round */

enum op {
	OPEN,
	READ,
	WRITE,
	POLL,
	EPT_DEL,
	DEV_DEL,
	VMM_CLOSE,
	RESET,
	RUNNING,
	MEM_TABLE,
	ATTACH,
	ANNOUNCE,
	RX,
	TX,
	CTRL,
	NODE,
	REMOVAL,
	NUM_OPS
};

/* One of the two who race. */
struct actor {
	enum op op;
	enum op partner;
	bool second;
	uint32_t rand;
	int result;		/* 0 or -errno */
	unsigned int num;	/* messages read or written */
	unsigned int got;	/* messages read, of one who writes as well */
	bool destroyed;		/* it has destroyed the node */
	bool poked;		/* by a signal, since nobody else would end it */
	const char *wrong;	/* something that no result says */
	bool done;
	unsigned int loads;	/* st.loads when it has last looked for netlink */
	pthread_t thread;
};

/* What there is. Actors read it, and between rounds it changes. */
extern struct stock {
	bool vmm;		/* the phase has a guest */
	bool fd;		/* the phase has the endpoint open */
	bool alone;		/* the phase has nothing open at all */
	unsigned int loads;	/* of the module */
	bool dev;
	struct guest guest;
	bool guest_is_up;
	bool chan;		/* the guest has announced its channel */
	int ept;		/* -1: none */
	int ept_fd;
	int other;
	int other_fd;
	bool nodes;		/* the pair needs a node that a user has made */
	int made;		/* its number; -1: there is none */
	uint32_t seed;		/* of the last message */
	bool exact;		/* each message of the guest was taken */
	uint64_t sent;
	uint64_t read;
	uint64_t written;
} st;

uint32_t rnd(uint32_t *state);

/* msg.c: messages, a seed and what comes of it. */
void make_msg(void *data, uint32_t seed);
/* The seed; 0: it is broken. */
uint32_t seed_of(const void *data);
/* One message: its seed, or -errno; -EBADMSG: it is broken. */
long read_msg(int fd, int flags);
int write_msg(int fd, uint32_t seed, int flags);

/* ops.c: the operations. */
extern const struct race_op {
	const char *name;
	int (*run)(struct actor *me);
} ops[NUM_OPS];

/* How each guest is opened. */
extern const struct guest_opts small;
/* A reset that leaves the rings as they are. */
bool is_careless(const struct actor *me);
/* Whether a VMM's operation needs a guest of its own: there is one to close. */
bool has_own_guest(const struct actor *me);

/* judge.c: a round that went wrong, and why; or NULL. */
const char *judge(const struct actor *a, const struct actor *b);
/* Kinds of operations. */
bool on_file(enum op op);
bool on_vmm(enum op op);
bool on_made(enum op op);
bool sleeps(const struct actor *me);
/* The endpoint may go, and the operation find that. */
bool may_go(const struct actor *me);

/* stock.c: what there is; results are what is wrong with it, or NULL. */
void set_up(void);
const char *tear_down(void);
/* After a round: what is gone, and what the guest must do anew. */
void take_stock(const struct actor *me);
/* Into the guest's ring, without a kick. */
void send_msg(uint32_t addr);
const char *works(void);
const char *balance(void);
const char *events_in_order(void);

#endif /* RACE_H */
