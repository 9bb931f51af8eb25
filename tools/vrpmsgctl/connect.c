// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl connect: connect standard input and output to an endpoint. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"
#include "output.h"

/**
 * struct connection - state of both directions
 * @ept: the endpoint
 * @raw: each read of standard input is a message, not each line
 * @in: data from standard input that was not sent yet
 * @in_len: bytes in @in
 * @in_lines: number of lines that were sent
 * @in_end: standard input has ended
 * @gone: the endpoint was deleted
 */
struct connection {
	struct msg_ept ept;
	bool raw;
	char in[2 * MSG_MAX];
	size_t in_len;
	uint32_t in_lines;
	bool in_end;
	bool gone;
};

/* Length of the next message in the input, including its newline; 0: none. */
static size_t next_message(const struct connection *c, size_t *end)
{
	const char *newline;

	*end = 0;
	if (!c->in_len)
		return 0;
	newline = c->raw ? NULL : memchr(c->in, '\n', c->in_len);
	if (newline) {
		*end = 1;
		return newline - c->in + 1;
	}
	if (c->raw || c->in_end || c->in_len == sizeof(c->in))
		return c->in_len;
	return 0;
}

/* Send what fits into the queue. Returns 1 if a message is left, 0, or -1 and errno. */
static int send_some(struct connection *c)
{
	size_t len, end;

	while ((len = next_message(c, &end)) != 0) {
		if (msg_try_write(&c->ept, c->in, len - end) < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return 1;
			c->gone = errno == EPIPE;
			return c->gone ? 0 : -1;
		}
		c->in_lines++;
		c->in_len -= len;
		memmove(c->in, c->in + len, c->in_len);
	}
	return 0;
}

static int read_stdin(struct connection *c)
{
	/* A guest's buffers may have no room, but 0 bytes are the end of the input. */
	size_t room = c->raw ? (c->ept.mtu ?: 1) : sizeof(c->in) - c->in_len;
	ssize_t n = read(STDIN_FILENO, c->in + c->in_len, room);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->in_len += n;
	c->in_end = !n;
	return 0;
}

/* How many messages to print before looking at standard input again. */
#define AT_ONCE 64

/* Print messages that have arrived. */
static int receive_some(struct connection *c)
{
	static char data[MSG_MAX];
	ssize_t n;
	int i;

	/* After the end of the endpoint, all that is left. */
	for (i = 0; (c->gone || i < AT_ONCE) && !ctl_stop && !ferror(stdout);
	     i++) {
		n = msg_read(&c->ept, data, sizeof(data));
		if (n < 0 && (errno == EPIPE || errno == ENETRESET))
			c->gone = true;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n < 0)
			return 0;
		msg_print(&c->ept, data, n, c->raw ? MSG_RAW : MSG_TEXT);
	}
	return 0;
}

static int failed(const struct connection *c)
{
	char where[32];

	snprintf(where, sizeof(where), "stdin: line %u", c->in_lines + 1);
	return msg_failed(errno == EMSGSIZE && !c->raw ? where : c->ept.arg);
}

static int run(struct connection *c, int64_t linger)
{
	struct pollfd fds[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = c->ept.fd },
	};
	int64_t end = -1;
	int left;

	while (!ctl_stop && !c->gone && !ferror(stdout)) {
		left = send_some(c);
		if (left < 0 || receive_some(c))
			return failed(c);
		if (c->gone)
			break;
		/* After the end of the input, wait for answers. */
		if (c->in_end && !left && end < 0)
			end = ctl_now() + linger;
		if (end >= 0 && !ctl_left(end))
			break;
		fds[0].fd = c->in_end || left ? -1 : STDIN_FILENO;
		fds[1].events = POLLIN | (left ? MSG_WRITABLE : 0);
		if (ctl_poll(fds, 2, ctl_left(end)) < 0)
			return ctl_error("poll");
		if (fds[0].fd >= 0 && fds[0].revents && read_stdin(c))
			return ctl_error("stdin");
	}
	return CTL_OK;
}

int connect_run(const void *args)
{
	static struct connection c;
	const struct msg_args *a = args;
	int status;

	c.raw = a->as_raw;
	ctl_catch_signals();
	status = msg_open(&c.ept, a->ept, O_RDWR);
	if (status)
		return status;
	status = msg_set_remote(&c.ept, a->to);
	if (!status)
		status = run(&c, a->timeout);
	close(c.ept.fd);
	return status;
}
