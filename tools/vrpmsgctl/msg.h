/* SPDX-License-Identifier: GPL-2.0-only */
/* The char device of an endpoint, for the commands that exchange messages. */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest payload: the header of a message counts it in 16 bits. */
#define MSG_MAX 65535

struct msg_args;

struct msg_ept {
	const char *arg;	/* as the user says */
	int fd;			/* does not block, unless others have it, too */
	int nowait;		/* then: RWF_NOWAIT */
	bool addressed;
	uint32_t addr;
	uint32_t mtu;		/* as it was when it was opened */
	uint32_t remote;	/* where messages go */
	uint32_t from;		/* addressed: source of the last message */
};

/* Open it: an exit status. */
int msg_open(struct msg_ept *ept, const char *arg, int flags);
/* An addressed endpoint needs a "to", and no other may have one; -1: none. */
int msg_set_remote(struct msg_ept *ept, int64_t to);

/* Never waits. */
ssize_t msg_try_write(struct msg_ept *ept, const void *data, size_t len);
/* Wait for room if there is none: EAGAIN when time is over, or on a signal. */
ssize_t msg_write(struct msg_ept *ept, const void *data, size_t len,
		  int64_t timeout);
/* Never waits. */
ssize_t msg_read(struct msg_ept *ept, void *data, size_t size);
/* Say why, in the words of somebody who exchanges messages: an exit status. */
int msg_failed(const char *what);

enum msg_format { MSG_TEXT, MSG_HEX, MSG_RAW };

/* One message, as recv prints it. */
void msg_print(const struct msg_ept *ept, const char *data, size_t len,
	       enum msg_format format);

/* What send and call are to send. */
struct msg_what {
	const char *data;
	size_t len;
};

int msg_parse_what(const struct msg_args *args, struct msg_what *what);

#endif /* MSG_H */
