/* SPDX-License-Identifier: GPL-2.0-only */
/* The char device of an endpoint, for send, recv and ping. */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longest payload: the header of a message counts it in 16 bits. */
#define MSG_MAX 65535

struct msg_ept {
	const char *arg;	/* as the user says */
	int fd;			/* does not block */
	bool addressed;
	uint32_t addr;
	/* Where messages go; with an addressed endpoint, the last one's source. */
	uint32_t remote;
};

/* Open it, and have signals end the command: an exit status. */
int msg_open(struct msg_ept *ept, const char *arg, int flags);
/* An addressed endpoint needs a "to", and no other may have one. */
int msg_set_remote(struct msg_ept *ept, const uint32_t *to);

/* Wait for room if there is none: EAGAIN when time is over, or on a signal. */
ssize_t msg_write(struct msg_ept *ept, const void *data, size_t len,
		  long long timeout_ms);
/* Say why, in the words of somebody who sends messages: an exit status. */
int msg_write_failed(const struct msg_ept *ept);
/* Never waits. */
ssize_t msg_read(struct msg_ept *ept, void *data, size_t size);

#endif /* MSG_H */
