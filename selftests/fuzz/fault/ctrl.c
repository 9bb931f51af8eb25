// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ctrl node, and endpoints that are created with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <linux/rpmsg.h>
#include <linux/vhost.h>

#include "kselftest.h"

#include "fault.h"

static void set_ctrl(void)
{
	have_dev();
	fx.ctrl = ctrl_open(DEV);
	if (fx.ctrl < 0)
		die("no ctrl node");
}

/* Without the search for the device in sysfs, which can fail as well. */
static char ctrl_path[32];

static void set_ctrl_open(void)
{
	have_dev();
	snprintf(ctrl_path, sizeof(ctrl_path), "/dev/vrpmsg-ctrl%d",
		 ctrl_number(DEV));
}

static int run_ctrl_open(void)
{
	fx.ctrl = open(ctrl_path, O_RDWR | O_CLOEXEC);
	return fx.ctrl < 0 ? -errno : 0;
}

static int run_ctrl_info(void)
{
	struct vhost_rpmsg_ctrl_info info;

	return xioctl(fx.ctrl, VHOST_RPMSG_CTRL_GET_INFO, &info);
}

static int run_new_ept(void)
{
	fx.ept = ctrl_new_ept(fx.ctrl, SVC, VHOST_RPMSG_ADDR_ANY, REMOTE,
			      VHOST_RPMSG_NEW_EPT_ANNOUNCE);
	return fx.ept < 0 ? fx.ept : 0;
}

static bool done_new_ept(void)
{
	return fx.now.num_epts == 1 && fx.now.epts[0].descriptor &&
	       fx.now.epts[0].announced && fx.now.epts[0].open &&
	       fx.now.epts[0].remote == REMOTE;
}

static void set_new_ept(void)
{
	set_ctrl();
	if (run_new_ept())
		die("no descriptor");
}

static int run_close(void)
{
	int ret = close(fx.ept) ? -errno : 0;

	fx.ept = -1;
	return ret;
}

static bool done_close(void)
{
	return !fx.now.num_epts && !fx.now.devs[0].endpoints;
}

static int run_create_ept(void)
{
	return ctrl_create(fx.ctrl, RPMSG_CREATE_EPT_IOCTL, SVC, 9, REMOTE);
}

static bool done_create_ept(void)
{
	return !fx.now.num_epts && ctrl_find_node(DEV, SVC) >= 0;
}

static int run_create_dev(void)
{
	return ctrl_create(fx.ctrl, RPMSG_CREATE_DEV_IOCTL, SVC, 9, REMOTE);
}

static bool done_create_dev(void)
{
	return fx.now.num_epts == 1 && fx.now.epts[0].announced &&
	       !fx.now.epts[0].descriptor && ctrl_find_node(DEV, SVC) >= 0;
}

static void set_created(void)
{
	set_ctrl();
	if (run_create_ept())
		die("no node");
	fx.ept_id = ctrl_find_node(DEV, SVC);
}

static int run_open_created(void)
{
	fx.ept = ept_open(fx.ept_id, O_NONBLOCK);
	return fx.ept < 0 ? fx.ept : 0;
}

static bool done_open_created(void)
{
	return fx.now.num_epts == 1 && fx.now.epts[0].addr == 9 &&
	       fx.now.epts[0].id == fx.ept_id && fx.now.epts[0].open;
}

static void set_open_created(void)
{
	set_created();
	if (run_open_created())
		die("cannot open the node");
}

static int run_destroy(void)
{
	return xioctl(fx.ept, RPMSG_DESTROY_EPT_IOCTL, NULL);
}

static bool done_destroy(void)
{
	return !fx.now.num_epts && ctrl_find_node(DEV, SVC) == -ENOENT;
}

const struct fault_op ctrl_ops[] = {
	{ "ctrl_open", set_ctrl_open, run_ctrl_open, NULL, 0 },
	{ "ctrl_info", set_ctrl, run_ctrl_info, NULL, KEEPS },
	{ "ctrl_new_ept", set_ctrl, run_new_ept, done_new_ept, UNDOES },
	{ "ctrl_close_ept", set_new_ept, run_close, done_close, NEVER },
	{ "ctrl_create_ept", set_ctrl, run_create_ept, done_create_ept, 0 },
	{ "ctrl_create_dev", set_ctrl, run_create_dev, done_create_dev,
	  UNDOES },
	{ "ctrl_open_created", set_created, run_open_created, done_open_created,
	  UNDOES },
	{ "ctrl_destroy", set_open_created, run_destroy, done_destroy, NEVER },
	{}
};
