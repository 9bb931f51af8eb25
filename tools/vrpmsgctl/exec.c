// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsgctl ept exec: have a ctrl node make an endpoint, and run a program that has
 * it as a descriptor. This needs permission for the node, and nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* Where a program looks for descriptors that it is given, see sd_listen_fds(3). */
#define FIRST_FD	3

/* Exit status, as env(1) has it. */
#define CANNOT_RUN	126
#define NOT_FOUND	127

static int open_dev(const char *name, int *ctrl)
{
	*ctrl = vrpmsg_ctrl_open(name);
	if (*ctrl >= 0)
		return CTL_OK;
	switch (errno) {
	case EACCES:
		return ctl_error("%s: its ctrl node is for others, such as group vrpmsg",
				 name);
	case ENODEV:
		if (access("/sys/module/vhost_rpmsg", F_OK)) {
			errno = ENODEV;
			return ctl_error("%s: is the vhost_rpmsg module loaded?",
					 name);
		}
		errno = ENODEV;
		return ctl_error("%s: no persistent device, or no ctrl node in /dev",
				 name);
	default:
		return ctl_error("%s: its ctrl node", name);
	}
}

static int open_ctrl(const struct ept_args *args, int *ctrl)
{
	if (args->dev)
		return open_dev(args->dev, ctrl);
	/* If it is an endpoint by mistake, this does not make a reader. */
	*ctrl = open(args->ctrl, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return *ctrl < 0 ? ctl_error("%s", args->ctrl) : CTL_OK;
}

/* The kernel has no words for the refusals of an ioctl. */
static int refused(const char *what)
{
	switch (errno) {
	case EADDRINUSE:
		return ctl_error("%s: another endpoint has this addr", what);
	case EDQUOT:
		return ctl_error("%s: this user has as many endpoints as one may have",
				 what);
	case EINVAL:
		return ctl_error("%s: a bad name, or none to announce, or a bad remote",
				 what);
	case ENODEV:
		return ctl_error("%s: the device was deleted", what);
	case ENOSPC:
		return ctl_error("%s: all users together have as many as they may have",
				 what);
	case ENOTTY:
		return ctl_error("%s: not a ctrl node", what);
	default:
		return ctl_error("%s", what);
	}
}

static int make_ept(const struct ept_args *args, int *fd)
{
	int ctrl, status;

	status = open_ctrl(args, &ctrl);
	if (status)
		return status;
	*fd = vrpmsg_ctrl_new_ept(ctrl, args->config, args->announced);
	if (*fd < 0)
		status = refused(args->dev ?: args->ctrl);
	close(ctrl);
	return status;
}

/* A descriptor that the program has, too. */
static bool move_fd(int fd, int to)
{
	if (fd == to)
		return !fcntl(fd, F_SETFD, 0);
	return dup2(fd, to) == to;
}

/* Tell the program where it is. */
static bool set_environment(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	/* One that was inherited would name another process: systemd 258. */
	unsetenv("LISTEN_PIDFDID");
	return !setenv("LISTEN_PID", pid, 1) && !setenv("LISTEN_FDS", "1", 1) &&
	       !setenv("LISTEN_FDNAMES", "vrpmsg", 1);
}

static bool hand_over(int fd, bool stdio)
{
	bool done;

	if (!stdio)
		return move_fd(fd, FIRST_FD) && set_environment();
	done = move_fd(fd, STDIN_FILENO) && move_fd(fd, STDOUT_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	return done;
}

int ept_exec(const void *args)
{
	const struct ept_args *a = args;
	char **argv;
	int fd, status;

	argv = calloc(a->command.count + 1, sizeof(*argv));
	if (!argv)
		return ctl_error("%s", a->command.word[0]);
	memcpy(argv, a->command.word, a->command.count * sizeof(*argv));
	status = make_ept(a, &fd);
	if (!status && !hand_over(fd, a->stdio))
		status = ctl_error("%s", argv[0]);
	if (!status) {
		execvp(argv[0], argv);
		status = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
		ctl_error("%s", argv[0]);
	}
	free(argv);
	return status;
}
