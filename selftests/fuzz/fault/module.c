// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading the module.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault.h"

static bool nothing_loaded(void)
{
	return access("/sys/module/vhost_rpmsg", F_OK) &&
	       access("/sys/class/vrpmsg", F_OK) &&
	       access("/dev/vhost-rpmsg", F_OK);
}

/* Load the module with each fault in turn, until none occurs. */
static void fail_loads(const char *path, unsigned int *faults)
{
	unsigned int n;
	int kind, err;

	for (n = 1; n < LIMIT && complaints < 20; n++) {
		if (module_remove("vhost_rpmsg") || !nothing_loaded())
			wrong("cannot be removed");
		inject_arm(gettid(), n);
		err = module_load(path);
		kind = inject_disarm();
		if (kind < 0) {
			if (err)
				wrong("without a fault: %s", strerror(-err));
			break;
		}
		faults[kind]++;
		if (!err)
			continue;
		if (err != -ENOMEM)
			wrong("fault %u: %s", n, strerror(-err));
		if (!nothing_loaded())
			wrong("fault %u: something is left", n);
		err = module_load(path);
		if (err)
			wrong("fault %u: then %s", n, strerror(-err));
	}
	if (n == 1 || n == LIMIT)
		wrong("%u faults, and no end", n - 1);
}

void sweep_module(const char *path)
{
	/*
	 * Allocations of the loader itself are not tested. Sweep everything below
	 * it as a whole, and then each call separately, as in sweep().
	 */
	static const char *const within[] = {
		"do_one_initcall",     "class_register",
		"alloc_chrdev_region", "cdev_add",
		"genl_register_family", "misc_register",
	};
	unsigned int i, faults[KINDS] = {};
	uint64_t start, end;

	/* Another test may have left it loaded. */
	module_remove("vhost_rpmsg_kclient");
	/* Load it once before, so that its pages and caches are in memory. */
	if (module_remove("vhost_rpmsg") || module_load(path))
		die("the module");
	for (i = 0; i < ARRAY_SIZE(within); i++) {
		if (!inject_find_function(within[i], &start, &end))
			die("where %s() is", within[i]);
		inject_below(start, end);
		fail_loads(path, faults);
	}
	inject_anywhere();
	report_faults("module", faults);
}
