// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl send. It needs no clean-up, so signals simply kill it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"

/**
 * struct input - standard input
 * @data: data that was read, with room for a line that is too long for a message
 * @start: offset of the next line in @data
 * @end: offset of the end of the data
 * @eof: there is no more
 */
struct input {
	char data[2 * MSG_MAX];
	size_t start;
	size_t end;
	bool eof;
};

/* Read more, after the data so far. Returns 0, or -1 and errno. */
static int read_more(struct input *in)
{
	ssize_t n;

	in->end -= in->start;
	memmove(in->data, in->data + in->start, in->end);
	in->start = 0;
	do {
		n = read(STDIN_FILENO, in->data + in->end,
			 sizeof(in->data) - in->end);
		/* Another process may have made the file non-blocking. */
		if (n < 0 && errno == EAGAIN &&
		    ctl_wait(STDIN_FILENO, POLLIN, -1) < 0)
			return -1;
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n < 0)
		return -1;
	in->end += n;
	in->eof = !n;
	return 0;
}

/*
 * Get the next line, without its newline. Returns 1, 0 at the end, or -1 and errno.
 * getline() would return a part of a line if the rest cannot be read.
 */
static int next_line(struct input *in, const char **line, size_t *len)
{
	const char *newline;

	for (;;) {
		*line = in->data + in->start;
		*len = in->end - in->start;
		newline = memchr(*line, '\n', *len);
		if (newline) {
			*len = newline - *line;
			in->start += *len + 1;
			return 1;
		}
		if (in->eof || *len > MSG_MAX) {
			in->start = in->end;
			return *len > 0;
		}
		if (read_more(in))
			return -1;
	}
}

static int send_lines(struct msg_ept *ept, uint32_t count)
{
	static struct input in;
	const char *line;
	uint32_t sent;
	char where[32];
	size_t len;
	int ret;

	for (sent = 0; !count || sent < count; sent++) {
		ret = next_line(&in, &line, &len);
		if (ret < 0)
			return ctl_error("stdin");
		if (!ret)
			break;
		if (msg_write(ept, line, len, -1) >= 0)
			continue;
		snprintf(where, sizeof(where), "stdin: line %u", sent + 1);
		return msg_failed(errno == EMSGSIZE ? where : ept->arg);
	}
	return CTL_OK;
}

int send_run(const void *args)
{
	const struct msg_args *a = args;
	struct msg_what what = {};
	struct msg_ept ept = {};
	uint32_t i;
	int status;

	status = msg_parse_what(a, &what);
	if (status)
		return status;
	status = msg_open(&ept, a->ept, O_WRONLY);
	if (status)
		return status;
	status = msg_set_remote(&ept, a->to);
	if (!status && a->lines)
		status = send_lines(&ept, a->count);
	for (i = 0; !status && !a->lines && i < (a->count ?: 1); i++) {
		if (msg_write(&ept, what.data, what.len, -1) < 0)
			status = msg_failed(ept.arg);
	}
	close(ept.fd);
	return status;
}
