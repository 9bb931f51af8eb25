/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KCLIENT_LOAD_H
#define KCLIENT_LOAD_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "util.h"

#define KCLIENT_PATH	"/dev/vhost-rpmsg-kclient"

/* Load the driver. The runner removes it after all tests. */
static inline int kclient_load(void)
{
	const char *ko = getenv("VRPMSG_KCLIENT_KO");
	int err;

	if (!access(KCLIENT_PATH, F_OK))
		return 0;
	if (!ko)
		return -ENOENT;
	err = module_load(ko);
	if (!err && !WAIT_FOR(!access(KCLIENT_PATH, F_OK), LONG_MS))
		err = -ENODEV;
	return err;
}

#endif /* KCLIENT_LOAD_H */
