// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost_rpmsg: the host side of RPMsg over virtio.
 */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "internal.h"
#include "trace.h"

static int __init vrpmsg_init(void)
{
	int err;

	err = vrpmsg_chrdev_register();
	if (err)
		return err;
	err = vrpmsg_nl_register();
	if (err)
		goto err_netlink;
	err = vrpmsg_vmm_register();
	if (err)
		goto err_vmm;
	return 0;

err_vmm:
	vrpmsg_nl_unregister();
err_netlink:
	vrpmsg_chrdev_unregister();
	return err;
}

/*
 * Nobody has a file of ours open, or the module could not go. What is left are
 * persistent devices and their endpoints; once netlink is gone, no more come.
 */
static void __exit vrpmsg_exit(void)
{
	vrpmsg_vmm_unregister();
	vrpmsg_nl_unregister();
	vrpmsg_dev_del_all();
	vrpmsg_chrdev_unregister();
	/* Endpoints are freed after a grace period, by code of the kernel. */
}

module_init(vrpmsg_init);
module_exit(vrpmsg_exit);

MODULE_DESCRIPTION("Host side of RPMsg over virtio");
MODULE_LICENSE("GPL");
