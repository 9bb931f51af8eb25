// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl ns */
#include "ctl.h"

static int change(const struct ept_args *args,
		  int (*call)(struct vrpmsg_ctx *ctx, uint32_t id))
{
	uint32_t id;
	int status;

	status = ctl_find_ept(args->ept, &id);
	if (status)
		return status;
	if (call(ctl_ctx(), id))
		return ctl_refused(args->ept);
	return CTL_OK;
}

int ns_announce(const void *args)
{
	return change(args, vrpmsg_ept_announce);
}

int ns_withdraw(const void *args)
{
	return change(args, vrpmsg_ept_withdraw);
}
