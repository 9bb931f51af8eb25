/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages that are numbers, so that loss, duplication and reordering are detected.
 */
#ifndef SELFTESTS_NUMBERS_H
#define SELFTESTS_NUMBERS_H

#include <errno.h>
#include <unistd.h>

#include "front_end.h"

/* Numbers that each side sends and expects next. */
struct numbers {
	uint32_t sent;
	uint32_t next;
};

/* Read all messages at the endpoint: 0, or -EBADMSG for a number out of order. */
static inline int read_numbers(int fd, struct numbers *guest)
{
	uint32_t number;

	while (read(fd, &number, sizeof(number)) == sizeof(number))
		if (number != guest->next++)
			return -EBADMSG;
	return 0;
}

/* The same in the guest, which must receive nothing else. */
static inline int recv_numbers(struct guest *g, struct numbers *host,
			       int timeout_ms)
{
	uint32_t number;
	int n;

	while ((n = guest_recv_copy(g, NULL, &number, sizeof(number),
				    timeout_ms)) >= 0)
		if (n != sizeof(number) || number != host->next++)
			return -EBADMSG;
	return n == -ETIMEDOUT ? 0 : n;
}

/* Send as many messages as there is room for, in both directions. */
static inline void send_numbers(struct guest *g, int fd, struct numbers *guest,
				struct numbers *host)
{
	int i;

	for (i = 0; i < RING_SIZE; i++) {
		if (!guest_queue(g, REMOTE, ADDR, &guest->sent,
				 sizeof(guest->sent)))
			guest->sent++;
		if (write(fd, &host->sent, sizeof(host->sent)) ==
		    sizeof(host->sent))
			host->sent++;
	}
	guest_kick_always(g, GUEST_RX);
}

#endif
