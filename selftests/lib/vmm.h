/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Helpers of a VMM on /dev/vhost-rpmsg, for the tests of its ioctls.
 */
#ifndef VMM_H
#define VMM_H

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest.h"
#include "util.h"

#define REMOTE	0x400
#define PATH	"/dev/vhost-rpmsg"
#define PAGE	4096U

#define ACCESS_PLATFORM	(1ULL << VIRTIO_F_ACCESS_PLATFORM)
#define LOG_ALL		(1ULL << VHOST_F_LOG_ALL)

static inline int xioctl(int fd, unsigned long request, const void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static inline int attach(int fd, const char *name)
{
	struct vhost_rpmsg_attach arg = {};

	memcpy(arg.name, name, strnlen(name, sizeof(arg.name)));
	return xioctl(fd, VHOST_RPMSG_ATTACH, &arg);
}

/* Exchange one message in each direction. */
static inline int exchange(struct guest *g, int fd)
{
	char buf[8];
	int err;

	err = guest_send(g, REMOTE, 1024, "ping", 4);
	if (err)
		return err;
	if (!poll_fd(fd, POLLIN, LONG_MS))
		return -ETIMEDOUT;
	if (read(fd, buf, sizeof(buf)) != 4 || memcmp(buf, "ping", 4))
		return -EBADMSG;
	if (write(fd, "pong", 4) != 4)
		return -errno;
	err = guest_recv_copy(g, NULL, buf, sizeof(buf), LONG_MS);
	if (err < 0)
		return err;
	return err != 4 || memcmp(buf, "pong", 4) ? -EBADMSG : 0;
}

#endif /* VMM_H */
