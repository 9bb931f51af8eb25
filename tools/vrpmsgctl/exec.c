// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsgctl ept exec: create an endpoint through a ctrl node, and run a program that
 * inherits its descriptor. This only needs permission for the node.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"

/* First descriptor that is passed to the program, see sd_listen_fds(3). */
#define FIRST_FD	3

/* Exit status, as in env(1). */
#define CANNOT_RUN	126
#define NOT_FOUND	127

static int open_dev(const char *name, int *ctrl)
{
	*ctrl = vrpmsg_ctrl_open(name);
	if (*ctrl >= 0)
		return CTL_OK;
	switch (errno) {
	case EACCES:
		return ctl_error("%s: no permission for its ctrl node (group vrpmsg?)",
				 name);
	case ENODEV:
		if (access("/sys/module/vhost_rpmsg", F_OK)) {
			errno = ENODEV;
			return ctl_error("%s: is the module loaded? try modprobe vhost_rpmsg",
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
	/* O_WRONLY: if the path is an endpoint by mistake, do not become its reader. */
	*ctrl = open(args->ctrl, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return *ctrl < 0 ? ctl_error("%s", args->ctrl) : CTL_OK;
}

/* The ioctl only returns an errno, without a message of the kernel. */
static int refused(const char *what)
{
	switch (errno) {
	case EADDRINUSE:
		return ctl_error("%s: the address is in use or reserved", what);
	case EDQUOT:
		return ctl_error("%s: the limit of endpoints per user is reached",
				 what);
	case EINVAL:
		return ctl_error("%s: invalid or missing name, or invalid remote",
				 what);
	case ENODEV:
		return ctl_error("%s: the device was deleted", what);
	case ENOSPC:
		return ctl_error("%s: too many endpoints of all users, or no free address",
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

/* Move a descriptor to a number where the program inherits it. */
static bool move_fd(int fd, int to)
{
	if (fd == to)
		return !fcntl(fd, F_SETFD, 0);
	return dup2(fd, to) == to;
}

/* Tell the program about the descriptor. */
static bool set_environment(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	/* From systemd 258. An inherited value identifies another process. */
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
