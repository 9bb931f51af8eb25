// SPDX-License-Identifier: GPL-2.0-only
/*
 * What drivers call. The test driver has a device for each kind of driver.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest.h"

#include "../../kernel/kclient/kclient.h"
#include "../../kernel/kclient/load.h"
#include "fault.h"

/* No endpoint of the driver has this address. */
#define ADDR	500

static int open_driver(const char *path)
{
	fx.vmm = open(path, O_RDWR | O_CLOEXEC);
	return fx.vmm < 0 ? -errno : 0;
}

/* vhost_rpmsg_init() without endpoints, and vhost_rpmsg_ept_add() for each. */
static int run_open(void)
{
	return open_driver(KCLIENT_PATH);
}

/* vhost_rpmsg_init() with endpoints. */
static int run_open_legacy(void)
{
	return open_driver("/dev/vhost-rpmsg-legacy");
}

static void set_open(void)
{
	if (run_open())
		die("no driver");
}

static int run_add(void)
{
	uint32_t addr = ADDR;

	return xioctl(fx.vmm, KCLIENT_ADD, &addr);
}

static void set_add(void)
{
	set_open();
	if (run_add())
		die("no endpoint of the driver");
}

static int run_announce(void)
{
	uint32_t addr = ADDR;

	return xioctl(fx.vmm, KCLIENT_ANNOUNCE, &addr);
}

static int run_register(void)
{
	struct named_register all = {};

	return xioctl(fx.vmm, NAMED_REGISTER, &all);
}

/*
 * A client that declines all devices. What fails in add() is not reported to
 * anybody, so the client should not have anything to do there.
 */
static void set_client(void)
{
	if (open_driver("/dev/vhost-rpmsg-named") ||
	    xioctl(fx.vmm, NAMED_DECLINE, NULL))
		die("no client");
}

static void set_register(void)
{
	have_dev();
	set_client();
}

static void set_registered(void)
{
	set_client();
	if (run_register())
		die("the client cannot be registered");
}

static int run_dev_new(void)
{
	int ret = nl_dev_new(DEV);

	return ret < 0 ? ret : 0;
}

static bool done_dev_new(void)
{
	return fx.now.num_devs == 1 && fx.now.devs[0].persistent;
}

void driver_load(void)
{
	if (kclient_load())
		die("the test driver");
}

const struct fault_op driver_ops[] = {
	{ "driver_open", NULL, run_open, NULL, 0 },
	{ "driver_open_legacy", NULL, run_open_legacy, NULL, 0 },
	{ "driver_add", set_open, run_add, NULL, 0 },
	{ "driver_announce", set_add, run_announce, NULL, 0 },
	{ "driver_register", set_register, run_register, NULL, 0 },
	{ "driver_dev_new", set_registered, run_dev_new, done_dev_new, SOCKET },
	{}
};
