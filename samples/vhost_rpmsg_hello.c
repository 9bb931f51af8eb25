// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host side of the kernel's samples/rpmsg/rpmsg_client_sample.c. It serves
 * "rpmsg-client-sample" on devices that an administrator has named, and answers
 * each message of a guest.
 *
 *	vrpmsgctl dev add gpu0
 *	insmod vhost_rpmsg_hello.ko device=gpu0
 *
 * Without device=, it serves all named devices.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>

#include "vhost_rpmsg.h"

#define HELLO_MAX 64 /* bytes of a message that are printed */

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "name of the device to serve, default all");

/**
 * struct hello - the service on one device
 * @ept: endpoint of the service
 * @rdev: the device
 * @node: in the list hellos
 * @heard: number of messages received; used by the worker only
 */
struct hello {
	struct vhost_rpmsg_ept ept;
	struct vrpmsg_dev *rdev;
	struct list_head node;
	unsigned int heard;
};

/* Protects hellos: add() and remove() run in different threads. */
static DEFINE_MUTEX(hello_lock);
static LIST_HEAD(hellos);

static const char hello_answer[] = "hello guest!";

/* A guest's message may have any length, and may hold any bytes. */
static ssize_t hello_read(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct hello *hello = container_of(iter->ept, struct hello, ept);
	size_t len = min_t(size_t, vhost_rpmsg_iter_len(iter), HELLO_MAX);
	char text[HELLO_MAX];

	if (vhost_rpmsg_copy(vr, iter, text, len) != len)
		return -EFAULT;
	if (!hello->heard++)
		pr_info("%s: the guest says %*pE\n",
			vhost_rpmsg_dev_name(hello->rdev), (int)len, text);
	return strlen(hello_answer);
}

static ssize_t hello_write(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter)
{
	size_t len = vhost_rpmsg_iter_len(iter);

	/* The answer, truncated to the guest's buffer. */
	return vhost_rpmsg_copy(vr, iter, (void *)hello_answer, len);
}

static int hello_add(struct vhost_rpmsg_client *client, struct vrpmsg_dev *rdev)
{
	struct hello *hello = kzalloc(sizeof(*hello), GFP_KERNEL);
	int err;

	if (!hello)
		return -ENOMEM;
	hello->rdev = rdev;
	hello->ept.addr = VHOST_RPMSG_ADDR_ANY;
	hello->ept.read = hello_read;
	hello->ept.write = hello_write;
	err = vhost_rpmsg_dev_ept_add(rdev, &hello->ept);
	if (err) {
		kfree(hello);
		return err;
	}
	/*
	 * A guest that knows the address can use it all the same. The endpoint
	 * cannot be deleted here: add() must not wait for a guest.
	 */
	err = vhost_rpmsg_ept_announce(&hello->ept, "rpmsg-client-sample");
	if (err)
		pr_warn("%s: the guest is not told of the service: error %d\n",
			vhost_rpmsg_dev_name(rdev), err);

	mutex_lock(&hello_lock);
	list_add(&hello->node, &hellos);
	mutex_unlock(&hello_lock);
	return 0;
}

static struct hello *hello_take(struct vrpmsg_dev *rdev)
{
	struct hello *hello;

	list_for_each_entry(hello, &hellos, node) {
		if (hello->rdev != rdev)
			continue;
		list_del(&hello->node);
		return hello;
	}
	return NULL;
}

static void hello_remove(struct vhost_rpmsg_client *client,
			 struct vrpmsg_dev *rdev)
{
	struct hello *hello;

	mutex_lock(&hello_lock);
	hello = hello_take(rdev);
	mutex_unlock(&hello_lock);
	if (WARN_ON(!hello))
		return;
	/* Without the lock, since this may wait for a guest. */
	vhost_rpmsg_ept_del(&hello->ept);
	pr_info("%s: heard %u messages\n", vhost_rpmsg_dev_name(rdev),
		hello->heard);
	kfree(hello);
}

static struct vhost_rpmsg_client hello_client = {
	.add = hello_add,
	.remove = hello_remove,
};

static int __init hello_init(void)
{
	hello_client.name = device;
	return vhost_rpmsg_register_client(&hello_client);
}

static void __exit hello_exit(void)
{
	vhost_rpmsg_unregister_client(&hello_client);
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_DESCRIPTION("RPMsg service on named devices, for rpmsg_client_sample");
MODULE_LICENSE("GPL");
