// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver without a device of its own for test_named, which serves endpoints
 * on devices that an administrator has named.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "kclient.h"
#include "kclient_priv.h"
#include "vhost_rpmsg.h"

/**
 * struct named - the client of an open file
 * @client: client that is registered with the module
 * @device: name of the device that it serves
 * @registered: @client is registered; @ioctl_lock
 * @declines: add() rejects devices
 * @refuses: read() refuses messages
 * @faults: send() returns -EFAULT
 * @binds: new endpoints are bound to channels of this name, unless it is NULL
 * @releases: new endpoints have ops->release
 * @lock: protects @devs
 * @devs: devices that the client serves
 * @ioctl_lock: serialises ioctls
 */
struct named {
	struct vhost_rpmsg_client client;
	char device[32];
	bool registered;
	bool declines;
	bool refuses;
	bool faults;
	const char *binds;
	bool releases;
	struct mutex lock;
	struct list_head devs;
	struct mutex ioctl_lock;
	/* private: counters of struct named_stats */
	atomic_t adds;
	atomic_t removes;
	atomic_t starts;
	atomic_t stops;
	atomic_t guests;
	atomic_t reads;
	atomic_t wrong;
	/* Number of calls of release() that have not returned. */
	atomic_t releasing;
};

struct named_dev {
	struct list_head node;
	struct named *named;
	struct vrpmsg_dev *rdev;
	struct vhost_rpmsg_ept ept;
	/* With ops->release, which frees this. */
	struct completion *released;
	struct rcu_head rcu;
	/* Set by running(). */
	bool running;
	/* Length of a message for ops->send to send, or 0. */
	atomic_t send_len;
	/* Used by the worker, for one request and its response. */
	u8 buf[VHOST_RPMSG_MAX_MTU];
};

static struct named_dev *named_dev_of(struct vhost_rpmsg_ept *ept)
{
	return container_of(ept, struct named_dev, ept);
}

static ssize_t named_read(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct named_dev *nd = named_dev_of(iter->ept);
	size_t len = vhost_rpmsg_iter_len(iter), i;

	if (READ_ONCE(nd->named->refuses))
		return -EAGAIN;
	if (vhost_rpmsg_copy(vr, iter, nd->buf, len) != len)
		return -EFAULT;
	for (i = 0; i < len; i++)
		nd->buf[i] = ~nd->buf[i];
	atomic_inc(&nd->named->reads);
	/* Check that these are the device's rings, and that they run. */
	if (vhost_rpmsg_dev(vr) != nd->rdev || !READ_ONCE(nd->running))
		atomic_inc(&nd->named->wrong);
	return len;
}

static ssize_t named_write(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter)
{
	struct named_dev *nd = named_dev_of(iter->ept);

	return vhost_rpmsg_copy(vr, iter, nd->buf, vhost_rpmsg_iter_len(iter));
}

static int named_send(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct named_dev *nd = named_dev_of(iter->ept);
	int len = atomic_xchg(&nd->send_len, 0), i;
	u8 byte;

	if (READ_ONCE(nd->named->faults))
		return -EFAULT;
	iter->dst = vhost_rpmsg_ept_remote(&nd->ept);
	if (!len || iter->dst == VHOST_RPMSG_ADDR_ANY)
		return -ENODATA;
	for (i = 0; i < len; i++) {
		byte = i;
		vhost_rpmsg_copy(vr, iter, &byte, 1);
	}
	return 0;
}

static void named_running(struct vhost_rpmsg_ept *ept, bool running)
{
	struct named_dev *nd = named_dev_of(ept);

	atomic_inc(running ? &nd->named->starts : &nd->named->stops);
	/* Starts and stops must alternate. */
	if (nd->running == running)
		atomic_inc(&nd->named->wrong);
	WRITE_ONCE(nd->running, running);
}

static void named_new_guest(struct vhost_rpmsg_ept *ept)
{
	atomic_inc(&named_dev_of(ept)->named->guests);
}

static const struct vhost_rpmsg_ept_ops named_ops = {
	.send = named_send,
	.running = named_running,
	.new_guest = named_new_guest,
};

/* remove() continues while this still runs. */
static void named_ept_release(struct vhost_rpmsg_ept *ept)
{
	struct named_dev *nd = named_dev_of(ept);
	struct named *named = nd->named;

	atomic_inc(&named->releasing);
	complete(nd->released);
	msleep(100);
	kvfree_rcu(nd, rcu);
	atomic_dec(&named->releasing);
}

static const struct vhost_rpmsg_ept_ops named_release_ops = {
	.send = named_send,
	.running = named_running,
	.new_guest = named_new_guest,
	.release = named_ept_release,
};

static int named_add(struct vhost_rpmsg_client *client, struct vrpmsg_dev *rdev)
{
	struct named *named = container_of(client, struct named, client);
	struct named_dev *nd;
	int err;

	atomic_inc(&named->adds);
	if (READ_ONCE(named->declines))
		return -EBUSY;
	nd = kvzalloc(sizeof(*nd), GFP_KERNEL);
	if (!nd)
		return -ENOMEM;
	nd->named = named;
	nd->rdev = rdev;
	/* Private members need no initial value. */
	memset(&nd->ept, 0xff, sizeof(nd->ept));
	nd->ept.follow = false;
	nd->ept.addr = NAMED_ECHO;
	nd->ept.learn = true;
	nd->ept.name = READ_ONCE(named->binds);
	nd->ept.read = named_read;
	nd->ept.write = named_write;
	nd->ept.ops = READ_ONCE(named->releases) ? &named_release_ops :
						   &named_ops;
	err = vhost_rpmsg_dev_ept_add(rdev, &nd->ept);
	if (err) {
		kvfree(nd);
		return err;
	}
	if (vhost_rpmsg_ept_announce(&nd->ept, NAMED_NAME))
		atomic_inc(&named->wrong);
	mutex_lock(&named->lock);
	list_add(&nd->node, &named->devs);
	mutex_unlock(&named->lock);
	return 0;
}

/* Context: named->lock held. */
static struct named_dev *named_find(struct named *named,
				    const struct vrpmsg_dev *rdev)
{
	struct named_dev *nd;

	list_for_each_entry(nd, &named->devs, node)
		if (nd->rdev == rdev)
			return nd;
	return NULL;
}

/* The same by name. */
static struct named_dev *named_get(struct named *named, const char *name)
{
	struct named_dev *nd;

	list_for_each_entry(nd, &named->devs, node)
		if (!strcmp(vhost_rpmsg_dev_name(nd->rdev), name))
			return nd;
	return NULL;
}

static void named_remove(struct vhost_rpmsg_client *client,
			 struct vrpmsg_dev *rdev)
{
	struct named *named = container_of(client, struct named, client);
	DECLARE_COMPLETION_ONSTACK(released);
	bool releases = false;
	struct named_dev *nd;

	atomic_inc(&named->removes);
	mutex_lock(&named->lock);
	nd = named_find(named, rdev);
	if (nd) {
		list_del(&nd->node);
		releases = nd->ept.ops == &named_release_ops;
		nd->released = &released;
	}
	mutex_unlock(&named->lock);
	if (!nd || vhost_rpmsg_ept_del(&nd->ept)) {
		atomic_inc(&named->wrong);
		return;
	}
	if (releases) {
		wait_for_completion(&released);
		return;
	}
	/* Poison it: none of its callbacks may be running any more. */
	memset(nd, 0xff, sizeof(*nd));
	kvfree(nd);
}

static void named_unregister(struct named *named)
{
	vhost_rpmsg_unregister_client(&named->client);
	/* The module could be unloaded now. */
	if (atomic_read(&named->releasing))
		atomic_inc(&named->wrong);
}

static int named_open(struct inode *inode, struct file *file)
{
	struct named *named = kzalloc(sizeof(*named), GFP_KERNEL);

	if (!named)
		return -ENOMEM;
	mutex_init(&named->lock);
	mutex_init(&named->ioctl_lock);
	INIT_LIST_HEAD(&named->devs);
	named->client.add = named_add;
	named->client.remove = named_remove;
	file->private_data = named;
	return 0;
}

static int named_release(struct inode *inode, struct file *file)
{
	struct named *named = file->private_data;

	if (named->registered)
		named_unregister(named);
	kfree(named);
	return 0;
}

static long named_register(struct named *named,
			   struct named_register __user *argp)
{
	struct named_register reg;
	int err;

	if (copy_from_user(&reg, argp, sizeof(reg)))
		return -EFAULT;
	if (named->registered)
		return -EBUSY;
	strscpy(named->device, reg.device, sizeof(named->device));
	named->client.name = named->device[0] ? named->device : NULL;
	err = vhost_rpmsg_register_client(&named->client);
	named->registered = !err;
	return err;
}

static long named_stats(struct named *named, void __user *argp)
{
	struct named_stats stats = {
		.adds = atomic_read(&named->adds),
		.removes = atomic_read(&named->removes),
		.starts = atomic_read(&named->starts),
		.stops = atomic_read(&named->stops),
		.guests = atomic_read(&named->guests),
		.reads = atomic_read(&named->reads),
		.wrong = atomic_read(&named->wrong),
	};
	struct named_dev *nd;

	mutex_lock(&named->lock);
	list_for_each_entry(nd, &named->devs, node)
		stats.devices++;
	mutex_unlock(&named->lock);
	return copy_to_user(argp, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long named_info(struct named *named, struct named_info __user *argp)
{
	struct named_info info;
	struct named_dev *nd;

	if (copy_from_user(&info, argp, sizeof(info)))
		return -EFAULT;
	mutex_lock(&named->lock);
	nd = named_get(named, info.device);
	if (nd) {
		info.state = vhost_rpmsg_dev_state(nd->rdev);
		info.mtu = vhost_rpmsg_dev_mtu(nd->rdev);
		info.generation = vhost_rpmsg_dev_generation(nd->rdev);
		info.remote = vhost_rpmsg_ept_remote(&nd->ept);
	}
	mutex_unlock(&named->lock);
	if (!nd)
		return -ENODEV;
	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}

static long named_send_one(struct named *named, struct named_send __user *argp)
{
	struct named_send send;
	struct named_dev *nd;

	if (copy_from_user(&send, argp, sizeof(send)))
		return -EFAULT;
	mutex_lock(&named->lock);
	nd = named_get(named, send.device);
	if (nd) {
		atomic_set(&nd->send_len, send.len);
		vhost_rpmsg_ept_send(&nd->ept);
	}
	mutex_unlock(&named->lock);
	return nd ? 0 : -ENODEV;
}

static long named_ioctl(struct file *file, unsigned int ioctl,
			unsigned long arg)
{
	struct named *named = file->private_data;
	void __user *argp = (void __user *)arg;
	long ret = -ENOTTY;

	/* Without the lock, since another ioctl may be waiting for a guest. */
	if (ioctl == NAMED_STATS)
		return named_stats(named, argp);

	mutex_lock(&named->ioctl_lock);
	switch (ioctl) {
	case NAMED_REGISTER:
		ret = named_register(named, argp);
		break;
	case NAMED_UNREGISTER:
		ret = named->registered ? 0 : -EINVAL;
		if (named->registered)
			named_unregister(named);
		named->registered = false;
		break;
	case NAMED_INFO:
		ret = named_info(named, argp);
		break;
	case NAMED_DECLINE:
		WRITE_ONCE(named->declines, true);
		ret = 0;
		break;
	case NAMED_REFUSE:
		WRITE_ONCE(named->refuses, true);
		ret = 0;
		break;
	case NAMED_FAULT:
		WRITE_ONCE(named->faults, true);
		ret = 0;
		break;
	case NAMED_BIND:
		WRITE_ONCE(named->binds, NAMED_NAME);
		ret = 0;
		break;
	case NAMED_BIND_CHANNEL:
		WRITE_ONCE(named->binds, NAMED_CHANNEL);
		ret = 0;
		break;
	case NAMED_RELEASE:
		WRITE_ONCE(named->releases, true);
		ret = 0;
		break;
	case NAMED_SEND:
		ret = named_send_one(named, argp);
		break;
	}
	mutex_unlock(&named->ioctl_lock);
	return ret;
}

static const struct file_operations named_fops = {
	.owner = THIS_MODULE,
	.open = named_open,
	.release = named_release,
	.unlocked_ioctl = named_ioctl,
};

struct miscdevice named_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-rpmsg-named",
	.fops = &named_fops,
};
