// SPDX-License-Identifier: GPL-2.0-only
/* Functions shared by the commands that exchange messages. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"
#include "output.h"

/* How often to repeat a write that is refused although there is room. */
#define MAX_REFUSED 10

int msg_failed(const char *what)
{
	switch (errno) {
	case EACCES:
		return ctl_error("%s: no permission for its char device (group vrpmsg?)",
				 what);
	case EBUSY:
		return ctl_error("%s: another process has it open", what);
	case EMSGSIZE:
		return ctl_error("%s: longer than the guest's buffers", what);
	case ENETRESET:
	case EPIPE:
		return ctl_error("%s: the endpoint was deleted", what);
	case ENOTCONN:
		return ctl_error("%s: no remote is known yet", what);
	default:
		return ctl_error("%s", what);
	}
}

int msg_open(struct msg_ept *ept, const char *arg, int flags)
{
	struct vrpmsg_fd_info *info;
	int status;

	ept->arg = arg;
	status = ctl_open_ept(arg, flags | O_NONBLOCK, &ept->fd);
	if (status)
		return status;
	info = vrpmsg_fd_info_get(ept->fd);
	if (!info) {
		status = errno == ENOTTY ?
				 ctl_error("%s: not the char device of an endpoint",
					   arg) :
				 msg_failed(arg);
		close(ept->fd);
		return status;
	}
	/*
	 * Do not set O_NONBLOCK on an inherited file: it would affect the other
	 * processes that have it open.
	 */
	ept->nowait = fcntl(ept->fd, F_GETFL) & O_NONBLOCK ? 0 : RWF_NOWAIT;
	ept->addressed = vrpmsg_fd_info_is_addressed(info);
	ept->addr = vrpmsg_fd_info_addr(info);
	ept->mtu = vrpmsg_fd_info_mtu(info);
	ept->remote = vrpmsg_fd_info_remote(info);
	vrpmsg_fd_info_free(info);
	return CTL_OK;
}

int msg_set_remote(struct msg_ept *ept, int64_t to)
{
	if (ept->addressed && to < 0)
		return ctl_usage("%s is addressed: \"to ADDR\" is missing",
				 ept->arg);
	if (!ept->addressed && to >= 0)
		return ctl_usage("%s is not addressed: \"to\" is not allowed",
				 ept->arg);
	if (to >= 0)
		ept->remote = to;
	return CTL_OK;
}

static ssize_t write_once(struct msg_ept *ept, const void *data, size_t len,
			  int nowait)
{
	struct vrpmsg_addr to = { .addr = ept->remote };
	struct iovec iov[] = {
		{ &to, sizeof(to) },
		{ (void *)data, len },
	};
	int first = ept->addressed ? 0 : 1;

	/*
	 * writev() of 0 bytes does not reach the driver, so use write() for an empty
	 * message. If the file is shared with other processes, that may block.
	 */
	if (!ept->addressed && (!nowait || !len))
		return write(ept->fd, data, len);
	/* cppcheck-suppress invalidFunctionArg ; -1 is for what has no offset */
	return pwritev2(ept->fd, iov + first, 2 - first, -1, nowait);
}

/*
 * RWF_NOWAIT does not wait for memory either, and does not say if there is none. If it
 * is refused again and again although there is room, wait for memory.
 */
ssize_t msg_try_write(struct msg_ept *ept, const void *data, size_t len)
{
	int refused = 0;
	ssize_t n;

	for (;;) {
		n = write_once(ept, data, len,
			       refused < MAX_REFUSED ? ept->nowait : 0);
		if (n >= 0 || errno != EAGAIN || !ept->nowait)
			return n;
		if (ctl_wait(ept->fd, MSG_WRITABLE, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		refused++;
		/* Or another process took the room: do not spin. */
		ctl_wait(-1, 0, 1000000);
	}
}

ssize_t msg_write(struct msg_ept *ept, const void *data, size_t len,
		  int64_t timeout)
{
	int64_t end = timeout < 0 ? -1 : ctl_now() + timeout, left;
	ssize_t n;

	for (;;) {
		n = msg_try_write(ept, data, len);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
		left = ctl_left(end);
		if (!left || ctl_wait(ept->fd, MSG_WRITABLE, left) <= 0) {
			errno = EAGAIN;
			return -1;
		}
	}
}

ssize_t msg_read(struct msg_ept *ept, void *data, size_t size)
{
	struct vrpmsg_addr from = {};
	struct iovec iov[] = {
		{ &from, sizeof(from) },
		{ data, size },
	};
	int first = ept->addressed ? 0 : 1;
	ssize_t n;

	if (ept->nowait)
		/* cppcheck-suppress invalidFunctionArg ; as above */
		n = preadv2(ept->fd, iov + first, 2 - first, -1, ept->nowait);
	else
		n = readv(ept->fd, iov + first, 2 - first);
	if (n < 0 || !ept->addressed)
		return n;
	ept->from = from.addr;
	return n - sizeof(from);
}

void msg_print(const struct msg_ept *ept, const char *data, size_t len,
	       enum msg_format format)
{
	if (format == MSG_RAW && !out_is_json()) {
		fwrite(data, 1, len, stdout);
		return;
	}
	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp(ctl_opts.monotonic);
	if (ept->addressed)
		out_uint("addr", "%llu: ", ept->from);
	out_uint("len", NULL, len);
	if (out_is_json() || format == MSG_TEXT)
		out_data_text("text", data, len);
	out_data_hex("hex", format == MSG_HEX, data, len);
	out_end();
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at;

	at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) :
		 NULL;
	return at ? at - digits : -1;
}

/* Separators are allowed between any two pairs, so the output of od(1) works. */
static int parse_hex(const char *arg, char *data, size_t *len)
{
	int high, low;

	*len = 0;
	for (;;) {
		arg += strspn(arg, ": \t\n");
		if (!*arg)
			return CTL_OK;
		high = hex_digit(arg[0]);
		low = hex_digit(arg[1]);
		if (high < 0 || low < 0 || *len == MSG_MAX)
			return ctl_usage("hex: pairs of digits, at most %u",
					 MSG_MAX);
		data[(*len)++] = high << 4 | low;
		arg += 2;
	}
}

/* Read up to one byte more than a message can have, which the kernel refuses. */
static int read_file(const char *path, char *data, size_t *len)
{
	FILE *f = fopen(path, "re");
	int status = CTL_OK;

	if (!f)
		return ctl_error("%s", path);
	*len = fread(data, 1, MSG_MAX + 1, f);
	if (ferror(f))
		status = ctl_error("%s", path);
	fclose(f);
	return status;
}

int msg_parse_what(const struct msg_args *args, struct msg_what *what)
{
	static char buf[MSG_MAX + 1];

	what->data = buf;
	if (args->hex)
		return parse_hex(args->hex, buf, &what->len);
	if (args->file)
		return read_file(args->file, buf, &what->len);
	what->data = args->text ?: args->word ?: "";
	what->len = strlen(what->data);
	return CTL_OK;
}
