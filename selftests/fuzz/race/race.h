/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of stress_races: messages, operations, the valid results of a pair, and the
 * objects before and after a round.
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
#define ADDR		1024	/* address of the endpoint of the pair */
#define OTHER		2000	/* address of an endpoint that no operation uses */
#define MADE		3000	/* first address of endpoints of the ctrl node */
#define MADE_NUM	3
#define REMOTE		0x400
#define LEN		64
#define COST		(LEN + VHOST_RPMSG_MSG_OVERHEAD)
#define BURST		24	/* messages from the guest to each, in a round */

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

/* One of the two threads. */
struct actor {
	enum op op;
	enum op partner;
	bool second;
	uint32_t rand;
	int result;		/* 0 or -errno */
	unsigned int num;	/* messages read or written */
	unsigned int got;	/* messages read by an operation that also writes */
	bool destroyed;		/* the operation has destroyed the node */
	bool poked;		/* got a signal, since nothing else would wake it */
	const char *wrong;	/* an error that the result does not show */
	bool done;
	unsigned int loads;	/* st.loads at the last look-up of the family */
	pthread_t thread;
};

/* The objects. Actors only read this; it changes between rounds. */
extern struct stock {
	bool vmm;		/* the phase has a guest */
	bool fd;		/* the phase has the endpoint open */
	bool alone;		/* the phase has nothing open at all */
	unsigned int loads;	/* number of times the module was loaded */
	bool dev;
	struct guest guest;
	bool guest_is_up;
	bool chan;		/* the guest has announced its channel */
	int ept;		/* id of the endpoint; -1: none */
	int ept_fd;
	int other;
	int other_fd;
	bool nodes;		/* the pair needs a node of a user */
	int made;		/* number of this node; -1: none */
	uint32_t seed;		/* seed of the last message */
	bool exact;		/* each message of the guest was accepted */
	uint64_t sent;
	uint64_t read;
	uint64_t written;
} st;

uint32_t rnd(uint32_t *state);

/* msg.c: messages with content from a seed. */
void make_msg(void *data, uint32_t seed);
/* Returns the seed; 0: the message is corrupt. */
uint32_t seed_of(const void *data);
/* Read a message: returns its seed, or -errno; -EBADMSG: it is corrupt. */
long read_msg(int fd, int flags);
int write_msg(int fd, uint32_t seed, int flags);

/* ops.c: the operations. */
extern const struct race_op {
	const char *name;
	int (*run)(struct actor *me);
} ops[NUM_OPS];

/* The options of each guest. */
extern const struct guest_opts small;
/* A reset that leaves the rings as they are. */
bool is_careless(const struct actor *me);
/* Does the operation of a VMM need its own guest, to close it? */
bool has_own_guest(const struct actor *me);

/* judge.c: the error of a round, or NULL. */
const char *judge(const struct actor *a, const struct actor *b);
/* Kinds of operations. */
bool on_file(enum op op);
bool on_vmm(enum op op);
bool on_made(enum op op);
bool sleeps(const struct actor *me);
/* The endpoint may disappear during the operation. */
bool may_go(const struct actor *me);

/* stock.c: the objects; functions return an error, or NULL. */
void set_up(void);
const char *tear_down(void);
/* After a round: find out what is gone, and what the guest must do again. */
void take_stock(const struct actor *me);
/* Add a message to the guest's ring, without a kick. */
void send_msg(uint32_t addr);
const char *works(void);
const char *balance(void);
const char *events_in_order(void);

#endif /* RACE_H */
