// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine without the module, with LD_PRELOAD, whatever the machine has: a test that
 * runs there neither loads the module nor changes or opens a device or an endpoint.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <linux/vhost_rpmsg_netlink.h>
#include <unistd.h>

/* No kernel has this family. It is as long as the name of ours. */
static const char other[] = "no_such_fam";

static_assert(sizeof(other) == sizeof(VHOST_RPMSG_FAMILY_NAME),
	      "the message would change its size");

static bool is_ours(const char *path)
{
	static const char *const prefixes[] = { "/dev/vrpmsg",
						"/dev/vhost-rpmsg",
						"/sys/module/vhost_rpmsg" };
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!strncmp(path, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}

/* Only the request for the family has its name. It would also load the module. */
ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*next)(int fd, const struct msghdr *msg, int flags) =
		dlsym(RTLD_NEXT, "sendmsg");
	size_t i;
	void *name;

	for (i = 0; i < msg->msg_iovlen; i++) {
		name = memmem(msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len,
			      VHOST_RPMSG_FAMILY_NAME, sizeof(other));
		if (name)
			memcpy(name, other, sizeof(other));
	}
	return next(fd, msg, flags);
}

int access(const char *path, int mode)
{
	int (*next)(const char *path, int mode) = dlsym(RTLD_NEXT, "access");

	if (is_ours(path)) {
		errno = ENOENT;
		return -1;
	}
	return next(path, mode);
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...) =
		dlsym(RTLD_NEXT, "open");
	va_list ap;
	mode_t mode;

	if (is_ours(path)) {
		errno = ENOENT;
		return -1;
	}
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return next(path, flags, mode);
}
