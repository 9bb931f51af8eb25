// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost_rpmsg: the host side of RPMsg over virtio.
 */
#include <linux/module.h>

#include "ctrl.h"
#include "netlink.h"
#include "vmm.h"

static int __init vrpmsg_init(void)
{
	int err;

	err = vrpmsg_chrdev_register();
	if (err)
		return err;
	err = vrpmsg_ctrl_register();
	if (err)
		goto err_ctrl;
	err = vrpmsg_vmm_register();
	if (err)
		goto err_vmm;
	/*
	 * Nothing may fail after this: a request can create a device, and its
	 * nodes can be opened. If this fails, there was no request.
	 */
	err = vrpmsg_nl_register();
	if (err)
		goto err_netlink;
	vrpmsg_vmm_enable();
	return 0;

err_netlink:
	vrpmsg_vmm_unregister();
err_vmm:
	vrpmsg_ctrl_unregister();
err_ctrl:
	vrpmsg_chrdev_unregister();
	return err;
}

/*
 * No file of the module is open, or it could not be unloaded. Only persistent
 * devices and their endpoints are left. After netlink is unregistered, no more
 * are created.
 */
static void __exit vrpmsg_exit(void)
{
	vrpmsg_nl_unregister();
	vrpmsg_server_del_all();
	vrpmsg_vmm_unregister();
	vrpmsg_ctrl_unregister();
	vrpmsg_chrdev_unregister();
	/* kfree_rcu() may still free endpoints, with code of the kernel. */
}

module_init(vrpmsg_init);
module_exit(vrpmsg_exit);

MODULE_DESCRIPTION("Host side of RPMsg over virtio");
MODULE_LICENSE("GPL");
