// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file /dev/vhost-rpmsg, with which a VMM provides the rings of its guest.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "vmm.h"

/**
 * struct vrpmsg_vmm - an open file of /dev/vhost-rpmsg
 * @vr: rings; their device is the file's own or a persistent one
 * @named: VHOST_RPMSG_ATTACH has succeeded; protected by vr.dev.mutex
 */
struct vrpmsg_vmm {
	struct vhost_rpmsg vr;
	bool named;
};

/* The module is loaded. Until then, an open file would not keep it. */
static bool vmm_enabled;

static int vmm_open(struct inode *inode, struct file *file)
{
	struct vrpmsg_dev *rdev;
	struct vrpmsg_vmm *vmm;

	if (!READ_ONCE(vmm_enabled))
		return -ENODEV;
	/* Two virtqueues with their iovecs take 40 KiB. */
	vmm = kvzalloc(sizeof(*vmm), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	if (!vmm)
		return -ENOMEM;

	/* Set up first: once created, the device can be used over netlink. */
	vrpmsg_rings_init(&vmm->vr);
	rdev = vrpmsg_server_new(NULL);
	if (IS_ERR(rdev)) {
		kvfree(vmm);
		return PTR_ERR(rdev);
	}
	vmm->vr.rdev = rdev;
	WARN_ON(vhost_rpmsg_offer_features(&vmm->vr,
					   BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)));
	file->private_data = vmm;
	return nonseekable_open(inode, file);
}

static int vmm_release(struct inode *inode, struct file *file)
{
	struct vrpmsg_vmm *vmm = file->private_data;

	vrpmsg_server_close(&vmm->vr);
	kvfree(vmm);
	return 0;
}

#define VMM_ATTACH_FLAGS (VHOST_RPMSG_ATTACH_KEEP | VHOST_RPMSG_ATTACH_EXISTING)

static long vmm_attach(struct vrpmsg_vmm *vmm,
		       struct vhost_rpmsg_attach __user *argp)
{
	struct vhost_rpmsg_attach attach;
	int err;

	if (copy_from_user(&attach, argp, sizeof(attach)))
		return -EFAULT;
	if (attach.flags & ~VMM_ATTACH_FLAGS || attach.reserved ||
	    !vrpmsg_dev_name_valid(attach.name) ||
	    memchr_inv(attach.name + strlen(attach.name), 0,
		       sizeof(attach.name) - strlen(attach.name)))
		return -EINVAL;

	guard(mutex)(&vmm->vr.dev.mutex);
	if (vmm->named || vhost_dev_has_owner(&vmm->vr.dev))
		return -EBUSY;
	err = vrpmsg_dev_attach_named(&vmm->vr, attach.name,
				      attach.flags &
					      VHOST_RPMSG_ATTACH_EXISTING);
	if (err)
		return err;
	vmm->named = true;
	vmm->vr.keep = attach.flags & VHOST_RPMSG_ATTACH_KEEP;
	return 0;
}

static long vmm_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct vrpmsg_vmm *vmm = file->private_data;

	if (ioctl == VHOST_RPMSG_ATTACH)
		return vmm_attach(vmm, (void __user *)arg);
	return vhost_rpmsg_ioctl(&vmm->vr, ioctl, arg);
}

/* IOTLB messages, as on every vhost device. */
static ssize_t vmm_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vrpmsg_vmm *vmm = iocb->ki_filp->private_data;

	return vhost_rpmsg_read_iter(&vmm->vr, iocb, to);
}

static ssize_t vmm_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vrpmsg_vmm *vmm = iocb->ki_filp->private_data;

	return vhost_rpmsg_write_iter(&vmm->vr, from);
}

static __poll_t vmm_poll(struct file *file, poll_table *wait)
{
	struct vrpmsg_vmm *vmm = file->private_data;

	return vhost_rpmsg_poll(&vmm->vr, file, wait);
}

static const struct file_operations vmm_fops = {
	.owner = THIS_MODULE,
	.open = vmm_open,
	.release = vmm_release,
	.unlocked_ioctl = vmm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = vmm_read_iter,
	.write_iter = vmm_write_iter,
	.poll = vmm_poll,
};

static struct miscdevice vmm_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-rpmsg",
	.fops = &vmm_fops,
};

int vrpmsg_vmm_register(void)
{
	return misc_register(&vmm_misc);
}

void vrpmsg_vmm_enable(void)
{
	WRITE_ONCE(vmm_enabled, true);
}

/* Waits for an open() that is still refused. */
void vrpmsg_vmm_unregister(void)
{
	misc_deregister(&vmm_misc);
}
