// SPDX-License-Identifier: GPL-2.0-only
/*
 * Well-behaved processes.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "host.h"

/* The side that answers ends last, since it may get another message. */
static bool host_stopped(void)
{
	return __atomic_load_n(&shared->host_stop, __ATOMIC_RELAXED);
}

static void complain(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

static void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(shared->wrong, sizeof(shared->wrong), fmt, ap);
	va_end(ap);
	_exit(1);
}

size_t make_msg(uint8_t *msg, uint32_t number)
{
	size_t len = 4 + number * 7 % 490;

	memcpy(msg, &number, 4);
	fill(msg + 4, len - 4, number);
	return len;
}

bool is_msg(const uint8_t *msg, size_t len, uint32_t number)
{
	uint8_t expected[512];

	return len == make_msg(expected, number) && !memcmp(msg, expected, len);
}

/* Send a message, receive it back, and so on. */
void run_honest_guest(void)
{
	struct guest_hdr hdr;
	uint8_t msg[512];
	uint32_t number;
	struct guest g;
	int ret;

	ret = guest_open(&g, &(struct guest_opts){ .name = HONEST });
	if (ret)
		complain("guest: cannot open: %s", strerror(-ret));
	__atomic_fetch_add(&shared->honest_ready, 1, __ATOMIC_RELEASE);
	for (number = 0; !stopped(); number++) {
		ret = guest_send(&g, HONEST_REMOTE, HONEST_ADDR, msg,
				 make_msg(msg, number));
		if (ret)
			complain("guest: cannot send: %s", strerror(-ret));
		ret = guest_recv_copy(&g, &hdr, msg, sizeof(msg), 60000);
		if (ret < 0)
			complain("guest: message %u does not come back: %s",
				 number, strerror(-ret));
		if (hdr.src != HONEST_ADDR || hdr.dst != HONEST_REMOTE ||
		    !is_msg(msg, ret, number))
			complain("guest: message %u comes back wrong", number);
		shared->honest_msgs++;
	}
	guest_close(&g);
	_exit(0);
}

void run_honest_host(void)
{
	int fd = ept_open(shared->honest_ept, 0);
	uint8_t msg[512];
	uint32_t number;
	ssize_t len;

	if (fd < 0)
		complain("host: cannot open: %s", strerror(-fd));
	__atomic_fetch_add(&shared->honest_ready, 1, __ATOMIC_RELEASE);
	for (number = 0; !host_stopped(); number++) {
		while (!poll_fd(fd, POLLIN, 100))
			if (host_stopped())
				_exit(0);
		len = read(fd, msg, sizeof(msg));
		if (len < 0)
			complain("host: cannot read: %s", strerror(errno));
		if (!is_msg(msg, len, number))
			complain("host: message %u is wrong", number);
		if (write(fd, msg, len) != len)
			complain("host: cannot write: %s", strerror(errno));
	}
	_exit(0);
}
