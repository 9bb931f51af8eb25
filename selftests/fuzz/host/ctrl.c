// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ctrl nodes of devices that all processes use, and endpoints that are created there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/rpmsg.h>
#include <linux/vhost.h>

#include "host.h"

static void do_ctrl_open(void)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "fuzz%u", rnd(NUM_NAMES));
	fd = ctrl_open(name);
	errno = -fd;
	count_other(CTRL_OPEN, fd);
	place(fd, some_ctrl());
}

static uint32_t some_ctrl_addr(void)
{
	return one_in(2) ? VHOST_RPMSG_ADDR_ANY : some_addr();
}

/* Create an endpoint that is a descriptor. */
static void do_new_ept(void)
{
	struct vhost_rpmsg_new_ept new = {
		.src = some_ctrl_addr(),
		.dst = some_ctrl_addr(),
		.flags = one_in(32) ? rnd64() : rnd(8),
		.reserved = one_in(32),
	};
	int fd;

	some_name(new.name, sizeof(new.name));
	fd = ioctl(some_ctrl(), VHOST_RPMSG_CTRL_NEW_EPT,
		   one_in(32) ? bad_ptr : &new);
	count_ioctl(VHOST_RPMSG_CTRL_NEW_EPT, fd);
	place(fd, some_ept());
}

/* Publish the new node, so that other calls open it. */
static void hear_of_node(int ctrl, const char *name)
{
	struct vhost_rpmsg_ctrl_info info;
	int id, ret;

	ret = ioctl(ctrl, VHOST_RPMSG_CTRL_GET_INFO, &info);
	count_ioctl(VHOST_RPMSG_CTRL_GET_INFO, ret);
	id = ret ? 0 : ctrl_find_node(info.dev_name, name);
	if (id > 0)
		remember(shared->epts, id);
}

/* The ioctls of rpmsg_ctrl. */
static void do_create(void)
{
	static const unsigned long calls[] = {
		RPMSG_CREATE_EPT_IOCTL,
		RPMSG_CREATE_DEV_IOCTL,
		RPMSG_RELEASE_DEV_IOCTL,
	};
	unsigned long nr = calls[rnd(ARRAY_SIZE(calls))];
	struct rpmsg_endpoint_info info = {
		.src = some_ctrl_addr(),
		.dst = some_ctrl_addr(),
	};
	int ctrl = some_ctrl(), ret;

	some_name(info.name, sizeof(info.name));
	ret = ioctl(ctrl, nr, one_in(32) ? bad_ptr : &info);
	count_ioctl(nr, ret);
	info.name[sizeof(info.name) - 1] = '\0';
	if (!ret && nr != RPMSG_RELEASE_DEV_IOCTL)
		hear_of_node(ctrl, info.name);
}

void do_ctrl(void)
{
	switch (rnd(8)) {
	case 0:
		close(some_ctrl());
		break;
	case 1 ... 2:
		do_ctrl_open();
		break;
	case 3 ... 5:
		do_new_ept();
		break;
	default:
		do_create();
		break;
	}
}
