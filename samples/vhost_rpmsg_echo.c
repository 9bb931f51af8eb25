// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vhost driver with its own device file. A VMM opens /dev/vhost-rpmsg-echo,
 * and its guest finds a service there that returns what it receives.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "vhost_rpmsg.h"

#define ECHO_ADDR 30

/**
 * struct echo - an open file: the device of one guest
 * @vr: rings of the guest
 * @buf: payload of a request, until the response has been built in the same
 *	step; used by the worker only
 */
struct echo {
	struct vhost_rpmsg vr;
	u8 buf[VHOST_RPMSG_MAX_MTU];
};

static ssize_t echo_read(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct echo *echo = container_of(vr, struct echo, vr);
	size_t len = vhost_rpmsg_iter_len(iter);

	if (vhost_rpmsg_copy(vr, iter, echo->buf, len) != len)
		return -EFAULT;
	/* The length of the response. */
	return len;
}

static ssize_t echo_write(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct echo *echo = container_of(vr, struct echo, vr);

	return vhost_rpmsg_copy(vr, iter, echo->buf,
				vhost_rpmsg_iter_len(iter));
}

/* One table for all guests. */
static const struct vhost_rpmsg_ept echo_epts[] = {
	{ .addr = ECHO_ADDR, .read = echo_read, .write = echo_write },
};

static int echo_open(struct inode *inode, struct file *file)
{
	struct echo *echo = kvmalloc(sizeof(*echo), GFP_KERNEL_ACCOUNT);
	int err;

	if (!echo)
		return -ENOMEM;
	err = vhost_rpmsg_init(&echo->vr, echo_epts, ARRAY_SIZE(echo_epts));
	if (err)
		goto err_free;
	/* The file operations serve the IOTLB: guests may use an IOMMU. */
	err = vhost_rpmsg_offer_features(&echo->vr,
					 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM));
	if (err)
		goto err_destroy;
	err = vhost_rpmsg_ns_announce(&echo->vr, "echo", ECHO_ADDR);
	if (err)
		goto err_destroy;
	file->private_data = echo;
	return nonseekable_open(inode, file);

err_destroy:
	vhost_rpmsg_destroy(&echo->vr);
err_free:
	kvfree(echo);
	return err;
}

static int echo_release(struct inode *inode, struct file *file)
{
	struct echo *echo = file->private_data;

	vhost_rpmsg_destroy(&echo->vr);
	kvfree(echo);
	return 0;
}

static long echo_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct echo *echo = file->private_data;

	return vhost_rpmsg_ioctl(&echo->vr, ioctl, arg);
}

static ssize_t echo_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct echo *echo = iocb->ki_filp->private_data;

	return vhost_rpmsg_read_iter(&echo->vr, iocb, to);
}

static ssize_t echo_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct echo *echo = iocb->ki_filp->private_data;

	return vhost_rpmsg_write_iter(&echo->vr, from);
}

static __poll_t echo_poll(struct file *file, poll_table *wait)
{
	struct echo *echo = file->private_data;

	return vhost_rpmsg_poll(&echo->vr, file, wait);
}

static const struct file_operations echo_fops = {
	.owner = THIS_MODULE,
	.open = echo_open,
	.release = echo_release,
	.unlocked_ioctl = echo_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = echo_read_iter,
	.write_iter = echo_write_iter,
	.poll = echo_poll,
};

static struct miscdevice echo_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-rpmsg-echo",
	.fops = &echo_fops,
};
module_misc_device(echo_misc);

MODULE_DESCRIPTION("RPMsg echo service with a device file of its own");
MODULE_LICENSE("GPL");
