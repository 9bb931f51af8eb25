// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl ns */
#include "ctl.h"

static int change(int argc, char **argv, const char *name,
		  int (*call)(struct vrpmsg_ctx *ctx, uint32_t id))
{
	uint32_t id;
	int status;

	if (argc != 1)
		return ctl_usage("ns %s: one endpoint, please", name);
	status = ctl_find_ept(argv[0], &id);
	if (status)
		return status;
	if (call(ctl_ctx(), id))
		return ctl_refused(argv[0]);
	return CTL_OK;
}

static int announce(int argc, char **argv)
{
	return change(argc, argv, "announce", vrpmsg_ept_announce);
}

static int withdraw(int argc, char **argv)
{
	return change(argc, argv, "withdraw", vrpmsg_ept_withdraw);
}

const struct ctl_command ns_commands[] = {
	{ "announce", announce },
	{ "withdraw", withdraw },
	{},
};
