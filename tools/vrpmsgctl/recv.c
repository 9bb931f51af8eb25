// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl recv and call */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"
#include "output.h"

static char data[MSG_MAX];

/* Wait for a message. Returns its length, or -1 and errno: EAGAIN at the timeout. */
static ssize_t wait_message(struct msg_ept *ept, int64_t end)
{
	ssize_t n;
	int ready;

	for (;;) {
		n = msg_read(ept, data, sizeof(data));
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
		ready = ctl_wait(ept->fd, POLLIN, ctl_left(end));
		if (ready < 0)
			return -1;
		if (!ready) {
			errno = EAGAIN;
			return -1;
		}
	}
}

static int receive(struct msg_ept *ept, uint32_t count, int64_t timeout,
		   enum msg_format format)
{
	uint32_t received = 0;
	ssize_t n;

	while (!ctl_stop && (!count || received < count)) {
		n = msg_read(ept, data, sizeof(data));
		if (n < 0 && errno == EAGAIN)
			n = wait_message(ept, timeout < 0 ?
						      -1 :
						      ctl_now() + timeout);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return msg_failed(ept->arg);
		msg_print(ept, data, n, format);
		received++;
		/* The reader of a pipe may be gone. */
		if (ferror(stdout))
			break;
	}
	return received ? CTL_OK : CTL_NOTHING;
}

int recv_run(const void *args)
{
	const struct msg_args *a = args;
	enum msg_format format = MSG_TEXT;
	struct msg_ept ept = {};
	int status;

	if (a->as_hex)
		format = MSG_HEX;
	else if (a->as_raw)
		format = MSG_RAW;
	ctl_catch_signals();
	status = msg_open(&ept, a->ept, O_RDONLY);
	if (status)
		return status;
	status = receive(&ept, a->count, a->timeout, format);
	close(ept.fd);
	return status;
}

static int call(struct msg_ept *ept, const struct msg_args *args,
		const struct msg_what *what)
{
	int64_t end = ctl_now() + args->timeout;
	ssize_t n;

	/* Discard queued messages: they are not the answer. */
	while (msg_read(ept, data, sizeof(data)) >= 0) {
		if (ctl_now() > end)
			return CTL_NOTHING;
	}
	if (msg_write(ept, what->data, what->len, args->timeout) < 0)
		return errno == EAGAIN ? CTL_NOTHING : msg_failed(ept->arg);
	do {
		n = wait_message(ept, end);
		if (n < 0)
			return errno == EAGAIN ? CTL_NOTHING :
						 msg_failed(ept->arg);
		/* Skip messages from other remotes of an addressed endpoint. */
	} while (ept->addressed && ept->from != ept->remote);
	msg_print(ept, data, n, args->format);
	return CTL_OK;
}

int call_run(const void *args)
{
	const struct msg_args *a = args;
	struct msg_what what = {};
	struct msg_ept ept = {};
	int status;

	status = msg_parse_what(a, &what);
	if (status)
		return status;
	status = msg_open(&ept, a->ept, O_RDWR);
	if (status)
		return status;
	status = msg_set_remote(&ept, a->to);
	if (!status)
		status = call(&ept, a, &what);
	close(ept.fd);
	return status;
}
