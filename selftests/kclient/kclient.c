// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of the in-kernel API: a vhost driver whose endpoints are served by
 * the kernel. For test_kclient.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "kclient.h"
#include "vhost_rpmsg.h"

enum { ECHO, SINK, REFUSE, MUTE, SOURCE, HOLD, HOLD_ECHO, NUM_EPTS };

struct kclient {
	struct vhost_rpmsg vr;
	struct vhost_rpmsg_ept ept[NUM_EPTS];
	/* Endpoints that were added; a list that ioctls share. */
	struct mutex lock;
	struct list_head added;
	/* For the source and the holder, between ioctls and the worker. */
	spinlock_t work_lock;
	u32 burst_dst;
	u32 burst_left;
	u32 burst_next;
	u32 released;

	atomic_t reads;
	atomic_t refused;
	atomic_t bursts;
	atomic_t resets;
	/* The worker's, for one request and its response. */
	u8 buf[VHOST_RPMSG_MAX_MTU];
};

struct kclient_added {
	struct vhost_rpmsg_ept ept;
	struct list_head node;
};

static struct kclient *kclient_of(struct vhost_rpmsg *vr)
{
	return container_of(vr, struct kclient, vr);
}

static ssize_t kclient_read(struct vhost_rpmsg *vr,
			    struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	size_t len = vhost_rpmsg_iter_len(iter);

	/* In two steps, to see that the second goes on after the first. */
	if (vhost_rpmsg_copy(vr, iter, kc->buf, len / 2) != len / 2 ||
	    vhost_rpmsg_copy(vr, iter, kc->buf + len / 2, len - len / 2) !=
		    len - len / 2)
		return -EFAULT;
	WARN_ON(iter->priv);
	iter->priv = (void *)len;
	atomic_inc(&kc->reads);
	return len;
}

static ssize_t kclient_echo_write(struct vhost_rpmsg *vr,
				  struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	size_t len = min_t(size_t, (uintptr_t)iter->priv,
			   vhost_rpmsg_iter_len(iter));
	size_t i;

	for (i = 0; i < len; i++)
		kc->buf[i] = ~kc->buf[i];
	return vhost_rpmsg_copy(vr, iter, kc->buf, len);
}

static ssize_t kclient_refuse(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	atomic_inc(&kclient_of(vr)->refused);
	return -EACCES;
}

static ssize_t kclient_hold_read(struct vhost_rpmsg *vr,
				 struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	bool go;

	spin_lock(&kc->work_lock);
	go = kc->released;
	if (go)
		kc->released--;
	spin_unlock(&kc->work_lock);
	return go ? kclient_read(vr, iter) : -EAGAIN;
}

static int kclient_source_send(struct vhost_rpmsg *vr,
			       struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	u32 next, left;

	spin_lock(&kc->work_lock);
	left = kc->burst_left;
	next = kc->burst_next;
	iter->dst = kc->burst_dst;
	if (left) {
		kc->burst_left--;
		kc->burst_next++;
	}
	spin_unlock(&kc->work_lock);
	if (!left)
		return -ENODATA;
	vhost_rpmsg_copy(vr, iter, &next, sizeof(next));
	return left > 1;
}

static void kclient_source_unsend(struct vhost_rpmsg_ept *ept)
{
	struct kclient *kc = container_of(ept, struct kclient, ept[SOURCE]);

	spin_lock(&kc->work_lock);
	kc->burst_left++;
	kc->burst_next--;
	spin_unlock(&kc->work_lock);
}

static void kclient_source_complete(struct vhost_rpmsg_ept *ept)
{
	atomic_inc(&container_of(ept, struct kclient, ept[SOURCE])->bursts);
}

static void kclient_source_reset(struct vhost_rpmsg_ept *ept)
{
	struct kclient *kc = container_of(ept, struct kclient, ept[SOURCE]);

	atomic_inc(&kc->resets);
	spin_lock(&kc->work_lock);
	kc->burst_left = 0;
	spin_unlock(&kc->work_lock);
}

static const struct vhost_rpmsg_ept_ops kclient_source_ops = {
	.send = kclient_source_send,
	.unsend = kclient_source_unsend,
	.complete = kclient_source_complete,
	.reset = kclient_source_reset,
};

static int kclient_open(struct inode *inode, struct file *file)
{
	struct kclient *kc;
	int err;

	kc = kvzalloc(sizeof(*kc), GFP_KERNEL);
	if (!kc)
		return -ENOMEM;
	mutex_init(&kc->lock);
	INIT_LIST_HEAD(&kc->added);
	spin_lock_init(&kc->work_lock);

	kc->ept[ECHO].addr = KCLIENT_ECHO;
	kc->ept[ECHO].read = kclient_read;
	kc->ept[ECHO].write = kclient_echo_write;
	kc->ept[SINK].addr = KCLIENT_SINK;
	kc->ept[SINK].read = kclient_read;
	kc->ept[REFUSE].addr = KCLIENT_REFUSE;
	kc->ept[REFUSE].read = kclient_refuse;
	kc->ept[REFUSE].write = kclient_echo_write;
	kc->ept[MUTE].addr = KCLIENT_MUTE;
	kc->ept[MUTE].read = kclient_read;
	kc->ept[MUTE].write = kclient_refuse;
	kc->ept[SOURCE].addr = KCLIENT_SOURCE;
	kc->ept[SOURCE].read = kclient_read;
	kc->ept[SOURCE].ops = &kclient_source_ops;
	kc->ept[HOLD].addr = KCLIENT_HOLD;
	kc->ept[HOLD].read = kclient_hold_read;
	kc->ept[HOLD_ECHO].addr = KCLIENT_HOLD_ECHO;
	kc->ept[HOLD_ECHO].read = kclient_hold_read;
	kc->ept[HOLD_ECHO].write = kclient_echo_write;

	err = vhost_rpmsg_init(&kc->vr, kc->ept, NUM_EPTS);
	if (err) {
		kvfree(kc);
		return err;
	}
	file->private_data = kc;
	return 0;
}

static int kclient_release(struct inode *inode, struct file *file)
{
	struct kclient *kc = file->private_data;
	struct kclient_added *added, *next;

	vhost_rpmsg_destroy(&kc->vr);
	list_for_each_entry_safe(added, next, &kc->added, node)
		kfree(added);
	kvfree(kc);
	return 0;
}

static long kclient_send(struct kclient *kc, struct kclient_send __user *argp)
{
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(KCLIENT_SOURCE, 0);
	struct kclient_send send;
	size_t len, i;
	u8 fill;
	int err;

	if (copy_from_user(&send, argp, sizeof(send)))
		return -EFAULT;
	iter.dst = send.dst;
	fill = send.fill;

	err = vhost_rpmsg_start_lock(&kc->vr, &iter, VIRTIO_RPMSG_RESPONSE,
				     send.len);
	if (err)
		return err;
	len = send.len < 0 ? vhost_rpmsg_iter_len(&iter) : send.len;
	for (i = 0; i < len; i++)
		vhost_rpmsg_copy(&kc->vr, &iter, &fill, 1);
	err = vhost_rpmsg_finish_unlock(&kc->vr, &iter);
	if (err)
		return err;
	send.sent = len;
	return copy_to_user(argp, &send, sizeof(send)) ? -EFAULT : 0;
}

static long kclient_recv(struct kclient *kc, struct kclient_recv __user *argp)
{
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(0, 0);
	struct kclient_recv recv;
	u8 byte;
	int err;

	if (copy_from_user(&recv, argp, sizeof(recv)))
		return -EFAULT;
	err = vhost_rpmsg_start_lock(&kc->vr, &iter, VIRTIO_RPMSG_REQUEST,
				     recv.len);
	if (err)
		return err;
	recv.src = iter.src;
	recv.dst = iter.dst;
	recv.len = vhost_rpmsg_iter_len(&iter);
	recv.sum = 0;
	while (vhost_rpmsg_copy(&kc->vr, &iter, &byte, 1) == 1)
		recv.sum += byte;
	err = vhost_rpmsg_finish_unlock(&kc->vr, &iter);
	if (err)
		return err;
	return copy_to_user(argp, &recv, sizeof(recv)) ? -EFAULT : 0;
}

static long kclient_burst(struct kclient *kc, struct kclient_burst __user *argp)
{
	struct kclient_burst burst;

	if (copy_from_user(&burst, argp, sizeof(burst)))
		return -EFAULT;
	spin_lock(&kc->work_lock);
	kc->burst_dst = burst.dst;
	kc->burst_left += burst.count;
	spin_unlock(&kc->work_lock);
	vhost_rpmsg_ept_send(&kc->ept[SOURCE]);
	return 0;
}

static long kclient_add(struct kclient *kc, u32 addr)
{
	struct kclient_added *added;
	int err;

	added = kzalloc(sizeof(*added), GFP_KERNEL);
	if (!added)
		return -ENOMEM;
	added->ept.addr = addr;
	added->ept.read = kclient_read;
	mutex_lock(&kc->lock);
	err = vhost_rpmsg_ept_add(&kc->vr, &added->ept);
	if (err)
		kfree(added);
	else
		list_add(&added->node, &kc->added);
	mutex_unlock(&kc->lock);
	return err;
}

static long kclient_del(struct kclient *kc, u32 addr)
{
	struct kclient_added *added;
	long err = -ENOENT;

	mutex_lock(&kc->lock);
	list_for_each_entry(added, &kc->added, node) {
		if (added->ept.addr != addr)
			continue;
		list_del(&added->node);
		err = vhost_rpmsg_ept_del(&added->ept);
		/* Nobody is in its callbacks any more. */
		memset(added, 0xff, sizeof(*added));
		kfree(added);
		break;
	}
	mutex_unlock(&kc->lock);
	return err;
}

static long kclient_stats(struct kclient *kc, void __user *argp)
{
	struct kclient_stats stats = {
		.reads = atomic_read(&kc->reads),
		.refused = atomic_read(&kc->refused),
		.bursts = atomic_read(&kc->bursts),
		.resets = atomic_read(&kc->resets),
	};

	return copy_to_user(argp, &stats, sizeof(stats)) ? -EFAULT : 0;
}

/* Of two endpoints that want one address, the first is taken back. */
static bool kclient_clash(void)
{
	struct kclient *other = kvzalloc(sizeof(*other), GFP_KERNEL);
	int err;

	if (!other)
		return false;
	other->ept[0].addr = KCLIENT_ECHO;
	other->ept[0].read = kclient_read;
	other->ept[1] = other->ept[0];
	err = vhost_rpmsg_init(&other->vr, other->ept, 2);
	kvfree(other);
	return err == -EADDRINUSE;
}

static long kclient_misuse(struct kclient *kc)
{
	static const char *const names[] = {
		"",
		"tab\t",
		"0123456789012345678901234567890x",
	};
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(KCLIENT_SOURCE, 0);
	struct kclient_added deaf = { .ept.addr = VHOST_RPMSG_ADDR_ANY };
	struct kclient_added once = {
		.ept.addr = VHOST_RPMSG_ADDR_ANY,
		.ept.read = kclient_read,
	};
	long taken = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (vhost_rpmsg_ns_announce(&kc->vr, names[i], KCLIENT_ECHO) !=
		    -EINVAL)
			taken++;
	if (vhost_rpmsg_ept_add(&kc->vr, &deaf.ept) != -EINVAL)
		taken++;
	if (vhost_rpmsg_ept_set_remote(&kc->ept[HOLD], VHOST_RPMSG_ADDR_ANY) !=
	    -EINVAL)
		taken++;
	if (vhost_rpmsg_start_lock(&kc->vr, &iter, VIRTIO_RPMSG_NUM_OF_VQS,
				   0) != -EINVAL)
		taken++;
	if (vhost_rpmsg_ept_add(&kc->vr, &once.ept) ||
	    vhost_rpmsg_ept_del(&once.ept) ||
	    vhost_rpmsg_ept_del(&once.ept) != -ENOENT)
		taken++;
	if (!kclient_clash())
		taken++;
	return taken;
}

static long kclient_ioctl(struct file *file, unsigned int ioctl,
			  unsigned long arg)
{
	struct kclient *kc = file->private_data;
	void __user *argp = (void __user *)arg;
	u32 value = 0;

	switch (ioctl) {
	case KCLIENT_SEND:
		return kclient_send(kc, argp);
	case KCLIENT_RECV:
		return kclient_recv(kc, argp);
	case KCLIENT_BURST:
		return kclient_burst(kc, argp);
	case KCLIENT_STATS:
		return kclient_stats(kc, argp);
	case KCLIENT_MISUSE:
		return kclient_misuse(kc);
	case KCLIENT_ADD:
	case KCLIENT_DEL:
	case KCLIENT_RELEASE:
	case KCLIENT_ANNOUNCE:
	case KCLIENT_WITHDRAW:
		if (get_user(value, (u32 __user *)argp))
			return -EFAULT;
		break;
	}

	switch (ioctl) {
	case KCLIENT_ADD:
		return kclient_add(kc, value);
	case KCLIENT_DEL:
		return kclient_del(kc, value);
	case KCLIENT_RELEASE:
		spin_lock(&kc->work_lock);
		kc->released += value;
		spin_unlock(&kc->work_lock);
		vhost_rpmsg_ept_resume(&kc->ept[HOLD]);
		return 0;
	case KCLIENT_ANNOUNCE:
		return vhost_rpmsg_ns_announce(&kc->vr, "kclient", value);
	case KCLIENT_WITHDRAW:
		return vhost_rpmsg_ns_withdraw(&kc->vr, value);
	}
	return vhost_rpmsg_ioctl(&kc->vr, ioctl, arg);
}

static const struct file_operations kclient_fops = {
	.owner = THIS_MODULE,
	.open = kclient_open,
	.release = kclient_release,
	.unlocked_ioctl = kclient_ioctl,
};

static struct miscdevice kclient_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-rpmsg-kclient",
	.fops = &kclient_fops,
};

module_misc_device(kclient_misc);

MODULE_DESCRIPTION("Client of vhost_rpmsg's in-kernel API, for tests");
MODULE_LICENSE("GPL");
