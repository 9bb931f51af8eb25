/* SPDX-License-Identifier: GPL-2.0-only */
/* The char device of an endpoint, for the commands that exchange messages. */
#ifndef MSG_H
#define MSG_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest payload: the header of a message counts it in 16 bits. */
#define MSG_MAX 65535

/*
 * What to wait for before a write that had no room: POLLMSG, since it must not go to
 * the next guest if the remote goes.
 */
#define MSG_WRITABLE (POLLOUT | POLLMSG)

struct msg_args;

struct msg_ept {
	const char *arg;	/* argument of the user */
	int fd;			/* non-blocking, unless it was inherited */
	int nowait;		/* RWF_NOWAIT if fd is blocking */
	bool addressed;
	uint32_t addr;
	uint32_t mtu;		/* at the time of opening */
	uint32_t remote;	/* destination of messages */
	uint32_t from;		/* addressed: source of the last message */
};

/* Open an endpoint. Returns an exit status. */
int msg_open(struct msg_ept *ept, const char *arg, int flags);
/* Set the argument "to", -1 if missing. Only addressed endpoints have and need it. */
int msg_set_remote(struct msg_ept *ept, int64_t to);

/* Write without waiting. */
ssize_t msg_try_write(struct msg_ept *ept, const void *data, size_t len);
/* Write, and wait for room if necessary: EAGAIN after the timeout, or on a signal. */
ssize_t msg_write(struct msg_ept *ept, const void *data, size_t len,
		  int64_t timeout);
/* Read without waiting. */
ssize_t msg_read(struct msg_ept *ept, void *data, size_t size);
/* Explain the errno of opening, reading or writing. Returns an exit status. */
int msg_failed(const char *what);

enum msg_format { MSG_TEXT, MSG_HEX, MSG_RAW };

/* Print a message. */
void msg_print(const struct msg_ept *ept, const char *data, size_t len,
	       enum msg_format format);

/* The message of send and call. */
struct msg_what {
	const char *data;
	size_t len;
};

int msg_parse_what(const struct msg_args *args, struct msg_what *what);

#endif /* MSG_H */
