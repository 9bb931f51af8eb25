// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl send and recv */
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

int msg_open(struct msg_ept *ept, const char *arg, int flags)
{
	struct vrpmsg_fd_info *info;
	uint32_t id;
	int status;

	status = ctl_find_ept(arg, &id);
	if (status)
		return status;
	ctl_catch_signals();
	ept->arg = arg;
	ept->fd = vrpmsg_ept_open(id, flags | O_NONBLOCK);
	if (ept->fd < 0)
		return ctl_error("%s", arg);
	info = vrpmsg_fd_info_get(ept->fd);
	if (!info) {
		status = ctl_error("%s", arg);
		close(ept->fd);
		return status;
	}
	ept->addressed = vrpmsg_fd_info_is_addressed(info);
	ept->addr = vrpmsg_fd_info_addr(info);
	ept->remote = vrpmsg_fd_info_remote(info);
	vrpmsg_fd_info_free(info);
	return CTL_OK;
}

int msg_set_remote(struct msg_ept *ept, const uint32_t *to)
{
	if (ept->addressed && !to)
		return ctl_usage("%s is addressed: say \"to ADDR\"", ept->arg);
	if (!ept->addressed && to)
		return ctl_usage("%s is not addressed: no \"to\"", ept->arg);
	if (to)
		ept->remote = *to;
	return CTL_OK;
}

ssize_t msg_write(struct msg_ept *ept, const void *data, size_t len,
		  long long timeout_ms)
{
	struct vrpmsg_addr to = { .addr = ept->remote };
	struct iovec iov[] = {
		{ &to, sizeof(to) },
		{ (void *)data, len },
	};
	ssize_t n;

	for (;;) {
		/* writev() of nothing does not even reach the driver. */
		n = ept->addressed ? writev(ept->fd, iov, 2) :
				     write(ept->fd, data, len);
		if (n >= 0 || errno != EAGAIN)
			return n;
		if (ctl_wait(ept->fd, POLLOUT, timeout_ms) <= 0) {
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

	n = readv(ept->fd, iov + first, 2 - first);
	if (n < 0 || !ept->addressed)
		return n;
	ept->remote = from.addr;
	return n - sizeof(from);
}

int msg_write_failed(const struct msg_ept *ept)
{
	if (errno == ENOTCONN)
		return ctl_error("%s: no remote is known yet", ept->arg);
	if (errno == EMSGSIZE)
		return ctl_error("%s: longer than the guest's buffers",
				 ept->arg);
	return ctl_error("%s", ept->arg);
}

static int send_one(struct msg_ept *ept, const void *data, size_t len)
{
	if (msg_write(ept, data, len, -1) >= 0)
		return CTL_OK;
	/* It was to stop while it waited. */
	if (errno == EAGAIN)
		errno = EINTR;
	return msg_write_failed(ept);
}

static int send_lines(struct msg_ept *ept, uint32_t count)
{
	char *line = NULL;
	size_t room = 0;
	uint32_t sent;
	ssize_t len;
	int status = CTL_OK;

	for (sent = 0; !status && (!count || sent < count); sent++) {
		len = getline(&line, &room, stdin);
		if (len < 0)
			break;
		if (line[len - 1] == '\n')
			len--;
		status = send_one(ept, line, len);
	}
	free(line);
	if (!status && ferror(stdin))
		status = ctl_error("stdin");
	return status;
}

static int parse_hex(const char *arg, char *data, size_t *len)
{
	char pair[3] = {};
	char *end;

	for (*len = 0; *arg; (*len)++) {
		while (*arg == ':' || *arg == ' ')
			arg++;
		if (*len == MSG_MAX ||
		    strspn(arg, "0123456789abcdefABCDEF") < 2)
			return ctl_usage("hex: pairs of digits, at most %u",
					 MSG_MAX);
		memcpy(pair, arg, 2);
		data[*len] = strtoul(pair, &end, 16);
		arg += 2;
	}
	return CTL_OK;
}

/* One byte more than a message can have is refused by the kernel. */
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

struct what {
	bool lines;		/* of stdin */
	const char *data;
	size_t len;
};

static int parse_what(int argc, char **argv, struct what *what)
{
	static char buf[MSG_MAX + 1];

	what->data = buf;
	if (argc == 1) {
		what->lines = !strcmp(argv[0], "stdin");
		what->data = argv[0];
		what->len = strlen(argv[0]);
		return CTL_OK;
	}
	if (argc == 2 && !strcmp(argv[0], "text")) {
		what->data = argv[1];
		what->len = strlen(argv[1]);
		return CTL_OK;
	}
	if (argc == 2 && !strcmp(argv[0], "hex"))
		return parse_hex(argv[1], buf, &what->len);
	if (argc == 2 && !strcmp(argv[0], "file"))
		return read_file(argv[1], buf, &what->len);
	return ctl_usage("send: TEXT, \"text\", \"hex\", \"file\" or \"stdin\"");
}

int send_run(int argc, char **argv)
{
	uint32_t to, count = 0, i;
	bool has_to = false;
	struct what what = {};
	struct msg_ept ept = {};
	int status, arg;

	for (arg = 1; arg + 1 < argc; arg += 2) {
		if (!strcmp(argv[arg], "to")) {
			if (!ctl_parse_u32("to", argv[arg + 1], &to))
				return CTL_USAGE;
			has_to = true;
		} else if (!strcmp(argv[arg], "count")) {
			if (!ctl_parse_u32("count", argv[arg + 1], &count))
				return CTL_USAGE;
			if (!count)
				return ctl_usage("count: from 1");
		} else {
			break;
		}
	}
	if (argc <= arg)
		return ctl_usage("send: an endpoint and a message");
	status = parse_what(argc - arg, argv + arg, &what);
	if (status)
		return status;

	status = msg_open(&ept, argv[0], O_WRONLY);
	if (status)
		return status;
	status = msg_set_remote(&ept, has_to ? &to : NULL);
	if (!status && what.lines)
		status = send_lines(&ept, count);
	for (i = 0; !status && !what.lines && i < (count ?: 1); i++)
		status = send_one(&ept, what.data, what.len);
	close(ept.fd);
	return status;
}

enum format { FORMAT_TEXT, FORMAT_HEX, FORMAT_RAW };

static void print_message(const struct msg_ept *ept, const char *data,
			  size_t len, enum format format)
{
	char hex[2 * MSG_MAX + 1] = "", text[MSG_MAX + 1];
	bool printable = true;
	size_t i;

	if (format == FORMAT_RAW && !out_is_json()) {
		fwrite(data, 1, len, stdout);
		fflush(stdout);
		return;
	}
	for (i = 0; i < len; i++) {
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)data[i]);
		printable &= data[i] >= 0x20 && data[i] < 0x7f;
	}
	memcpy(text, data, len);
	text[len] = '\0';

	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp();
	if (ept->addressed)
		out_uint("addr", "%llu: ", ept->remote);
	out_uint("len", NULL, len);
	if (out_is_json() && printable)
		out_string("text", NULL, text);
	out_string("hex", format == FORMAT_HEX ? "%s" : NULL, hex);
	if (!out_is_json() && format == FORMAT_TEXT)
		out_escaped(data, len);
	out_end();
}

static int receive(struct msg_ept *ept, uint32_t count, long long timeout_ms,
		   enum format format)
{
	static char data[MSG_MAX];
	uint32_t received = 0;
	ssize_t n;
	int ready;

	while (!ctl_stop && (!count || received < count)) {
		n = msg_read(ept, data, sizeof(data));
		if (n >= 0) {
			print_message(ept, data, n, format);
			received++;
			if (ferror(stdout))
				break;
			continue;
		}
		if (errno != EAGAIN)
			return ctl_error("%s", ept->arg);
		ready = ctl_wait(ept->fd, POLLIN, timeout_ms);
		if (ready < 0)
			return ctl_error("%s", ept->arg);
		if (!ready)
			break;
	}
	return received || !count ? CTL_OK : CTL_NOTHING;
}

int recv_run(int argc, char **argv)
{
	enum format format = FORMAT_TEXT;
	long long timeout_ms = -1;
	struct msg_ept ept = {};
	uint32_t count = 1;
	int i, status;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "count")) {
			if (!ctl_parse_u32("count", ctl_value(argc, argv, &i),
					   &count))
				return CTL_USAGE;
		} else if (!strcmp(argv[i], "timeout")) {
			if (!ctl_parse_seconds("timeout",
					       ctl_value(argc, argv, &i),
					       &timeout_ms))
				return CTL_USAGE;
		} else if (!strcmp(argv[i], "text")) {
			format = FORMAT_TEXT;
		} else if (!strcmp(argv[i], "hex")) {
			format = FORMAT_HEX;
		} else if (!strcmp(argv[i], "raw")) {
			format = FORMAT_RAW;
		} else {
			return ctl_usage("recv: what is \"%s\"?", argv[i]);
		}
	}
	status = msg_open(&ept, argc ? argv[0] : NULL, O_RDONLY);
	if (status)
		return status;
	status = receive(&ept, count, timeout_ms, format);
	close(ept.fd);
	return status;
}
