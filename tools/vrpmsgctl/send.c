// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl send. It needs no clean-up, so signals simply kill it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"

static int send_lines(struct msg_ept *ept, uint32_t count)
{
	char *line = NULL, where[32];
	int status = CTL_OK;
	uint32_t sent;
	size_t room = 0;
	ssize_t len;

	for (sent = 0; !status && (!count || sent < count); sent++) {
		len = getline(&line, &room, stdin);
		if (len < 0)
			break;
		if (line[len - 1] == '\n')
			len--;
		if (msg_write(ept, line, len, -1) >= 0)
			continue;
		snprintf(where, sizeof(where), "stdin: line %u", sent + 1);
		status = msg_failed(errno == EMSGSIZE ? where : ept->arg);
	}
	free(line);
	if (!status && ferror(stdin))
		status = ctl_error("stdin");
	return status;
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
