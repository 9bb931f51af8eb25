// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vhost driver in the style of the API that was posted in 2020: one table of
 * endpoints for all its devices, read() and write() that trust the lengths they
 * get, positions sent from a work, and its own features and memory. It must
 * still work, which test_legacy checks.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vhost.h>

#include "kclient.h"
#include "kclient_priv.h"
#include "vhost_rpmsg.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
#define vhost_vq_work_queue(vq, work)	vhost_work_queue((vq)->dev, work)
#endif

#define LEGACY_FEATURES	\
	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_RPMSG_F_NS))

struct legacy {
	struct vhost_rpmsg vrdev;
	bool active;
	/* Address to which positions are sent, and the work that sends them. */
	u32 posn_addr;
	struct vhost_work posn_work;
	struct legacy_posn posn;
	/* A response, and data that must not leak to the guest. */
	u8 reply_buf[LEGACY_REPLY_SIZE];
	u8 secret[PAGE_SIZE];
	u8 capture[64];
	u8 playback[64];
};

static int legacy_activate(struct legacy *lg)
{
	int ret = vhost_rpmsg_set_running(&lg->vrdev, VHOST_RPMSG_START);

	if (!ret)
		ret = vhost_rpmsg_ns_announce(&lg->vrdev, LEGACY_NAME,
					      LEGACY_IPC);
	lg->active = !ret;
	return ret;
}

static int legacy_set_features(struct legacy *lg, u64 features)
{
	struct vhost_virtqueue *vq;
	unsigned int i;

	if (features & ~LEGACY_FEATURES)
		return -EOPNOTSUPP;
	mutex_lock(&lg->vrdev.dev.mutex);
	for (i = 0, vq = lg->vrdev.vq; i < ARRAY_SIZE(lg->vrdev.vq);
	     i++, vq++) {
		mutex_lock(&vq->mutex);
		vq->acked_features = features;
		mutex_unlock(&vq->mutex);
	}
	mutex_unlock(&lg->vrdev.dev.mutex);
	return 0;
}

static long legacy_send_write(struct legacy *lg)
{
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(LEGACY_WRITE, 0x400);
	int ret;

	/* The endpoint's write() builds the whole message. */
	ret = vhost_rpmsg_start_lock(&lg->vrdev, &iter, VIRTIO_RPMSG_RESPONSE,
				     16);
	if (ret < 0)
		return ret;
	ret = vhost_rpmsg_finish_unlock(&lg->vrdev, &iter);
	return ret < 0 ? ret : 0;
}

static long legacy_ioctl(struct file *filp, unsigned int ioctl,
			 unsigned long arg)
{
	struct legacy *lg = filp->private_data;
	void __user *argp = (void __user *)arg;
	struct vhost_virtqueue *vq;
	u64 features;
	int start;
	long ret;

	switch (ioctl) {
	case VHOST_GET_FEATURES:
		features = LEGACY_FEATURES;
		if (copy_to_user(argp, &features, sizeof(features)))
			return -EFAULT;
		return 0;
	case VHOST_SET_FEATURES:
		if (copy_from_user(&features, argp, sizeof(features)))
			return -EFAULT;
		return legacy_set_features(lg, features);
	case VHOST_SET_OWNER:
		mutex_lock(&lg->vrdev.dev.mutex);
		ret = vhost_dev_set_owner(&lg->vrdev.dev);
		mutex_unlock(&lg->vrdev.dev.mutex);
		return ret;
	case VHOST_RPMSG_SET_RUNNING:
		if (copy_from_user(&start, argp, sizeof(start)))
			return -EFAULT;
		if (start)
			return legacy_activate(lg);
		lg->active = false;
		return vhost_rpmsg_set_running(&lg->vrdev, VHOST_RPMSG_STOP);
	case LEGACY_SEND_POSN:
		if (copy_from_user(&lg->posn, argp, sizeof(lg->posn)))
			return -EFAULT;
		vq = &lg->vrdev.vq[VIRTIO_RPMSG_RESPONSE];
		if (lg->active)
			vhost_vq_work_queue(vq, &lg->posn_work);
		return 0;
	case LEGACY_SEND_WRITE:
		return legacy_send_write(lg);
	}

	mutex_lock(&lg->vrdev.dev.mutex);
	ret = vhost_dev_ioctl(&lg->vrdev.dev, ioctl, argp);
	if (ret == -ENOIOCTLCMD)
		ret = vhost_vring_ioctl(&lg->vrdev.dev, ioctl, argp);
	mutex_unlock(&lg->vrdev.dev.mutex);
	return ret;
}

/* The first byte is the length of the response in units of 8 bytes. */
static ssize_t legacy_ipc_read(struct vhost_rpmsg *vr,
			       struct vhost_rpmsg_iter *iter)
{
	struct legacy *lg = container_of(vr, struct legacy, vrdev);
	size_t len = vhost_rpmsg_iter_len(iter);
	u8 request[64];

	if (!len || len > sizeof(request)) {
		vq_err(iter->vq, "%s(): %zu bytes\n", __func__, len);
		return -EINVAL;
	}
	if (vhost_rpmsg_copy(vr, iter, request, len) != len)
		return -EIO;
	memset(lg->reply_buf, LEGACY_REPLY, sizeof(lg->reply_buf));
	return min_t(size_t, request[0] * 8, sizeof(lg->reply_buf));
}

static ssize_t legacy_ipc_write(struct vhost_rpmsg *vr,
				struct vhost_rpmsg_iter *iter)
{
	struct legacy *lg = container_of(vr, struct legacy, vrdev);

	return vhost_rpmsg_copy(vr, iter, lg->reply_buf,
				vhost_rpmsg_iter_len(iter)) ==
			       vhost_rpmsg_iter_len(iter) ?
		       0 :
		       -EIO;
}

static ssize_t legacy_posn_read(struct vhost_rpmsg *vr,
				struct vhost_rpmsg_iter *iter)
{
	struct legacy *lg = container_of(vr, struct legacy, vrdev);

	if (vhost_rpmsg_iter_len(iter) != sizeof(lg->posn_addr))
		return -EINVAL;
	if (vhost_rpmsg_copy(vr, iter, &lg->posn_addr, sizeof(lg->posn_addr)) !=
	    sizeof(lg->posn_addr))
		return -EIO;
	return 0;
}

/* Runs in the vhost worker. */
static void legacy_send_posn(struct vhost_work *work)
{
	struct legacy *lg = container_of(work, struct legacy, posn_work);
	struct vhost_rpmsg_iter iter =
		VHOST_RPMSG_ITER(LEGACY_POSN, lg->posn_addr);
	size_t nbytes;

	if (vhost_rpmsg_start_lock(&lg->vrdev, &iter, VIRTIO_RPMSG_RESPONSE,
				   sizeof(lg->posn)) < 0)
		return;
	nbytes = vhost_rpmsg_copy(&lg->vrdev, &iter, &lg->posn,
				  sizeof(lg->posn));
	if (nbytes != sizeof(lg->posn))
		vq_err(iter.vq, "%s(): %zu bytes\n", __func__, nbytes);
	vhost_rpmsg_finish_unlock(&lg->vrdev, &iter);
}

/*
 * A single byte is the number of bytes to capture. More are playback, which
 * gets an empty response.
 */
static ssize_t legacy_data_read(struct vhost_rpmsg *vr,
				struct vhost_rpmsg_iter *iter)
{
	struct legacy *lg = container_of(vr, struct legacy, vrdev);
	size_t len = vhost_rpmsg_iter_len(iter);
	u8 size;

	if (vhost_rpmsg_copy(vr, iter, &size, 1) != 1)
		return -EIO;
	if (len == 1) {
		iter->priv = lg->capture;
		return min_t(size_t, size, sizeof(lg->capture));
	}
	iter->priv = lg->playback;
	len = min(len - 1, sizeof(lg->playback));
	if (vhost_rpmsg_copy(vr, iter, iter->priv, len) != len)
		return -EIO;
	return 0;
}

static ssize_t legacy_data_write(struct vhost_rpmsg *vr,
				 struct vhost_rpmsg_iter *iter)
{
	size_t len = vhost_rpmsg_iter_len(iter);

	return vhost_rpmsg_copy(vr, iter, iter->priv, len) == len ? 0 : -EIO;
}

static const struct vhost_rpmsg_ept legacy_ept[] = {
	{
		.addr = LEGACY_IPC,
		.read = legacy_ipc_read,
		.write = legacy_ipc_write,
	},
	{
		.addr = LEGACY_POSN,
		.read = legacy_posn_read,
		.write = NULL,
	},
	{
		.addr = LEGACY_DATA,
		.read = legacy_data_read,
		.write = legacy_data_write,
	},
	{
		.addr = LEGACY_WRITE,
		.write = legacy_ipc_write,
	}
};

static int legacy_open(struct inode *inode, struct file *filp)
{
	struct legacy *lg = kvmalloc(sizeof(*lg), GFP_KERNEL);
	int err;

	if (!lg)
		return -ENOMEM;
	/* Uninitialised memory may hold anything. */
	memset(lg, 0x5a, sizeof(*lg));
	memset(lg->reply_buf, LEGACY_REPLY, sizeof(lg->reply_buf));
	memset(lg->capture, LEGACY_CAPTURE, sizeof(lg->capture));
	lg->active = false;

	err = vhost_rpmsg_init(&lg->vrdev, legacy_ept, ARRAY_SIZE(legacy_ept));
	if (err) {
		kvfree(lg);
		return err;
	}
	vhost_work_init(&lg->posn_work, legacy_send_posn);
	filp->private_data = lg;
	return 0;
}

static int legacy_release(struct inode *inode, struct file *filp)
{
	struct legacy *lg = filp->private_data;

	vhost_dev_flush(&lg->vrdev.dev);
	vhost_rpmsg_destroy(&lg->vrdev);
	kvfree(lg);
	return 0;
}

static const struct file_operations legacy_fops = {
	.owner = THIS_MODULE,
	.release = legacy_release,
	.unlocked_ioctl = legacy_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.open = legacy_open,
	.llseek = noop_llseek,
};

struct miscdevice legacy_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-rpmsg-legacy",
	.fops = &legacy_fops,
};
