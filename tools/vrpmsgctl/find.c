// SPDX-License-Identifier: GPL-2.0-only
/* Find endpoints by number, name or path: the argument EPT of all commands. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ctl.h"
#include "msg.h"

/* Names, save and apply refer to endpoints of administrators only. */
bool ctl_ept_is_admins(const struct vrpmsg_ept *ept)
{
	return vrpmsg_ept_owner(ept) == VRPMSG_OWNER_NONE &&
	       !vrpmsg_ept_is_driver(ept);
}

bool ctl_ept_has_node(const struct vrpmsg_ept *ept)
{
	return !vrpmsg_ept_is_descriptor(ept) && !vrpmsg_ept_is_driver(ept);
}

enum kind { BY_NUMBER, BY_NAME, BY_PATH };

/*
 * The name of a device cannot be "." or "..", so "./x" is a path. A word that is not a
 * number may be a char device in the current directory.
 */
static enum kind kind_of(const char *arg)
{
	struct stat st;
	uint32_t id;

	if (arg[0] == '/' || !strncmp(arg, "./", 2) || !strncmp(arg, "../", 3))
		return BY_PATH;
	if (strchr(arg, '/'))
		return BY_NAME;
	if (!ctl_number(arg, &id) && !stat(arg, &st) && S_ISCHR(st.st_mode))
		return BY_PATH;
	return BY_NUMBER;
}

bool ctl_is_ept(const char *arg)
{
	uint32_t id;

	return kind_of(arg) != BY_NUMBER || ctl_number(arg, &id);
}

bool ctl_is_path(const char *arg)
{
	return kind_of(arg) == BY_PATH;
}

static int not_ept(const char *arg)
{
	return ctl_usage("endpoint: \"%s\" is not a number, DEVICE/SERVICE or path",
			 arg);
}

int ctl_check_ept(const char *arg)
{
	return ctl_is_ept(arg) ? CTL_OK : not_ept(arg);
}

/* Find DEVICE/NAME. */
static struct vrpmsg_ept *find_by_name(const char *arg)
{
	const char *name = strchr(arg, '/') + 1;
	char *dev = strndup(arg, name - 1 - arg);
	struct vrpmsg_ept *ept = NULL;

	if (dev)
		ept = vrpmsg_ept_find(ctl_ctx(), dev, name);
	free(dev);
	return ept;
}

/*
 * Get the number of the endpoint from sysfs: a container may have the char device
 * under another name. Do not open it, because only one process at a time may read.
 */
static int path_id(const char *arg, uint32_t *id)
{
	char link[64], target[PATH_MAX];
	const char *name = NULL;
	struct stat st;
	ssize_t n;
	int end = 0;

	if (stat(arg, &st))
		return -1;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	n = S_ISCHR(st.st_mode) ? readlink(link, target, sizeof(target) - 1) :
				  -1;
	/* A static node, and there is no such endpoint now. */
	if (S_ISCHR(st.st_mode) && n < 0 && errno == ENOENT)
		return -1;
	if (n > 0) {
		target[n] = '\0';
		name = strrchr(target, '/');
	}
	if (!name || sscanf(name, "/vrpmsg-ep%u%n", id, &end) != 1 ||
	    name[end]) {
		errno = ENOTTY;
		return -1;
	}
	return 0;
}

int ctl_try_path(const char *arg, uint32_t *id)
{
	if (!path_id(arg, id))
		return CTL_OK;
	if (errno == ENOENT)
		return CTL_NOTHING;
	if (errno == ENOTTY)
		return ctl_error("%s: not the char device of an endpoint", arg);
	return ctl_error("%s", arg);
}

static int find_by_path(const char *arg, uint32_t *id)
{
	int status = ctl_try_path(arg, id);

	return status == CTL_NOTHING ? ctl_error("%s", arg) : status;
}

int ctl_find_ept(const char *arg, uint32_t *id)
{
	struct vrpmsg_ept *ept;

	switch (kind_of(arg)) {
	case BY_PATH:
		return find_by_path(arg, id);
	case BY_NAME:
		ept = find_by_name(arg);
		if (!ept)
			return ctl_refused(arg);
		*id = vrpmsg_ept_id(ept);
		vrpmsg_ept_free(ept);
		return CTL_OK;
	default:
		return ctl_number(arg, id) ? CTL_OK : not_ept(arg);
	}
}

struct vrpmsg_ept *ctl_get_ept(const char *arg)
{
	uint32_t id = UINT32_MAX;

	if (kind_of(arg) == BY_NAME)
		return find_by_name(arg);
	if (kind_of(arg) == BY_PATH ? path_id(arg, &id) :
				      !ctl_number(arg, &id)) {
		/* No endpoint has this number: let the kernel refuse it. */
		id = UINT32_MAX;
	}
	return vrpmsg_ept_get(ctl_ctx(), id);
}

/*
 * Returns the inherited descriptor that a path stands for, or -1. Opening the path
 * would create a second open file, or fail: an endpoint of a ctrl node has no char
 * device.
 */
static int path_fd(const char *arg)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	const char *number;
	uint32_t fd;
	size_t i;

	if (!strcmp(arg, "/dev/stdin"))
		return STDIN_FILENO;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		number = arg + strlen(folders[i]);
		if (!strncmp(arg, folders[i], strlen(folders[i])) &&
		    ctl_number(number, &fd) && fd <= INT_MAX)
			return fd;
	}
	return -1;
}

static int open_path(const char *arg, int flags)
{
	int fd = path_fd(arg);

	return fd < 0 ? open(arg, flags | O_CLOEXEC) :
			fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/*
 * Why the kernel cannot be asked for a name: no CAP_NET_ADMIN, a security module that
 * refuses requests, another network namespace, or no module.
 */
static bool cannot_ask(void)
{
	return errno == EPERM || errno == EACCES || errno == EPROTONOSUPPORT;
}

/* Open the link of udev, since the kernel could not be asked. Keeps its message. */
static int open_link(const char *arg, int flags, int *fd)
{
	char path[PATH_MAX];
	int err = errno;

	snprintf(path, sizeof(path), "/dev/vrpmsg/by-name/%s", arg);
	*fd = open(path, flags | O_CLOEXEC);
	if (*fd >= 0)
		return CTL_OK;
	if (errno != ENOENT)
		return msg_failed(arg);
	if (err != EPROTONOSUPPORT)
		return ctl_error("%s", path);
	/* Most likely the module is not loaded. */
	errno = err;
	return ctl_try_ctx() ? ctl_refused(arg) : ctl_error("netlink");
}

int ctl_open_ept(const char *arg, int flags, int *fd)
{
	enum kind kind = kind_of(arg);
	struct vrpmsg_ept *ept;
	uint32_t id;

	if (kind == BY_NAME) {
		/* There are many ways in which a unit may not use netlink. */
		if (!ctl_try_ctx())
			return open_link(arg, flags, fd);
		ept = find_by_name(arg);
		if (!ept)
			return cannot_ask() ? open_link(arg, flags, fd) :
					      ctl_refused(arg);
		id = vrpmsg_ept_id(ept);
		vrpmsg_ept_free(ept);
	} else if (kind == BY_NUMBER && !ctl_number(arg, &id)) {
		return not_ept(arg);
	}
	if (kind == BY_PATH) {
		*fd = open_path(arg, flags);
	} else {
		*fd = vrpmsg_ept_open(id, flags);
		/* A number alone does not say which file is missing. */
		if (*fd < 0 && errno == ENOENT)
			return ctl_error("/dev/vrpmsg-ep%u", id);
	}
	return *fd < 0 ? msg_failed(arg) : CTL_OK;
}
