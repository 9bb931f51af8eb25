// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ctrl node of a persistent device. A process that can open it can create
 * endpoints on this device only. It has the ioctls of rpmsg_ctrl, and two of
 * its own.
 */
#include <linux/anon_inodes.h>
#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include <uapi/linux/rpmsg.h>

#include "ctrl.h"

#define CTRL_NUM	(MINORMASK + 1)

static dev_t ctrl_devt;
static struct cdev ctrl_cdev;
/*
 * IDs of devices by minor number. A node exists before its device can be found,
 * so ctrl_open() looks the ID up in the table of devices. The XArray's lock
 * protects it. Numbers are allocated cyclically.
 */
static DEFINE_XARRAY_ALLOC(vrpmsg_ctrls);
static u32 vrpmsg_ctrls_next;

static int ctrl_open(struct inode *inode, struct file *file)
{
	void *id = xa_load(&vrpmsg_ctrls, iminor(inode));
	struct vrpmsg_dev *rdev;

	rdev = id ? vrpmsg_dev_get_by_id(xa_to_value(id)) : NULL;
	if (!rdev)
		return -ENODEV;
	file->private_data = rdev;
	return nonseekable_open(inode, file);
}

static int ctrl_release(struct inode *inode, struct file *file)
{
	vrpmsg_dev_put(file->private_data);
	return 0;
}

static long ctrl_get_info(struct vrpmsg_dev *rdev, void __user *argp)
{
	struct vhost_rpmsg_ctrl_info info = {
		.dev_id = rdev->id,
		.endpoints = vrpmsg_user_count(rdev),
		.max_endpoints = VHOST_RPMSG_MAX_USER_ENDPOINTS,
	};

	strscpy(info.dev_name, rdev->name, sizeof(info.dev_name));
	mutex_lock(&rdev->lock);
	info.state = vrpmsg_dev_state(rdev);
	info.mtu = vrpmsg_dev_mtu(rdev);
	info.generation = READ_ONCE(rdev->generation);
	mutex_unlock(&rdev->lock);
	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}

/* A name may be empty, otherwise the rules of netlink apply. */
static bool ctrl_name_valid(const char *name)
{
	return !name[0] || vrpmsg_name_valid(name);
}

/* Read the argument of rpmsg_ctrl's ioctls; ignore bytes after the NUL. */
static int ctrl_get_config(struct vrpmsg_eptdev_config *cfg, void __user *argp)
{
	struct rpmsg_endpoint_info info;

	BUILD_BUG_ON(sizeof(info.name) != sizeof(cfg->name));
	if (copy_from_user(&info, argp, sizeof(info)))
		return -EFAULT;
	info.name[sizeof(info.name) - 1] = '\0';
	if (!ctrl_name_valid(info.name) || info.dst == VHOST_RPMSG_NS_ADDR)
		return -EINVAL;
	strscpy_pad(cfg->name, info.name, sizeof(cfg->name));
	cfg->src = info.src;
	cfg->dst = info.dst;
	return 0;
}

static long ctrl_create_ept(struct vrpmsg_dev *rdev, void __user *argp)
{
	struct vrpmsg_eptdev_config cfg = {};

	return ctrl_get_config(&cfg, argp) ?: vrpmsg_eptdev_new(rdev, &cfg);
}

static long ctrl_create_dev(struct vrpmsg_dev *rdev, void __user *argp)
{
	struct vrpmsg_eptdev_config cfg = { .fixed = true };
	int err = ctrl_get_config(&cfg, argp);

	if (err)
		return err;
	/* An announcement needs a name. */
	return cfg.name[0] ? vrpmsg_eptdev_new(rdev, &cfg) : -EINVAL;
}

static long ctrl_release_dev(struct vrpmsg_dev *rdev, void __user *argp)
{
	struct vrpmsg_eptdev_config cfg = {};

	return ctrl_get_config(&cfg, argp) ?: vrpmsg_eptdev_release(rdev, &cfg);
}

/* The ioctls of an endpoint without a node: it can be destroyed. */
static long ctrl_ept_ioctl(struct file *file, unsigned int ioctl,
			   unsigned long arg)
{
	struct vrpmsg_file *f = file->private_data;

	if (ioctl == RPMSG_DESTROY_EPT_IOCTL)
		return vrpmsg_chrdev_destroy(f->chrdev) ? -EPIPE : 0;
	return vrpmsg_file_ioctl(file, ioctl, arg);
}

static const struct file_operations ctrl_ept_fops = {
	.owner = THIS_MODULE,
	.release = vrpmsg_file_release,
	.read_iter = vrpmsg_file_read_iter,
	.write_iter = vrpmsg_file_write_iter,
	.poll = vrpmsg_file_poll,
	.unlocked_ioctl = ctrl_ept_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

#define CTRL_NEW_EPT_FLAGS                                                  \
	(VHOST_RPMSG_NEW_EPT_ANNOUNCE | VHOST_RPMSG_NEW_EPT_ADDRESSED | \
	 VHOST_RPMSG_NEW_EPT_FOLLOW)

static bool ctrl_new_ept_valid(const struct vhost_rpmsg_new_ept *req)
{
	size_t len = strnlen(req->name, sizeof(req->name));
	bool addressed = req->flags & VHOST_RPMSG_NEW_EPT_ADDRESSED;
	bool follow = req->flags & VHOST_RPMSG_NEW_EPT_FOLLOW;
	bool fixed = req->dst != VHOST_RPMSG_ADDR_ANY;

	if ((req->flags & ~CTRL_NEW_EPT_FLAGS) || req->reserved)
		return false;
	if (!ctrl_name_valid(req->name) ||
	    memchr_inv(req->name + len, 0, sizeof(req->name) - len))
		return false;
	if ((req->flags & VHOST_RPMSG_NEW_EPT_ANNOUNCE) && !len)
		return false;
	if (req->dst == VHOST_RPMSG_NS_ADDR)
		return false;
	/* A fixed remote, the last sender, or one in each record. */
	return fixed + follow + addressed <= 1;
}

/* Create an endpoint that is counted for the calling user. */
static struct vrpmsg_chrdev *
ctrl_make_ept(struct vrpmsg_dev *rdev, const struct vhost_rpmsg_new_ept *req)
{
	struct vrpmsg_chrdev_config cfg;
	struct vrpmsg_chrdev *chrdev;

	cfg = vrpmsg_chrdev_user_defaults(current_euid(), req->name, req->src,
					  req->dst);
	if (req->flags & VHOST_RPMSG_NEW_EPT_FOLLOW)
		cfg.remote_mode = VHOST_RPMSG_REMOTE_MODE_FOLLOW;
	cfg.addressed = req->flags & VHOST_RPMSG_NEW_EPT_ADDRESSED;
	cfg.announce = req->flags & VHOST_RPMSG_NEW_EPT_ANNOUNCE;
	cfg.temporary = true;
	cfg.user = vrpmsg_user_charge(rdev);
	if (IS_ERR(cfg.user))
		return ERR_CAST(cfg.user);
	chrdev = vrpmsg_chrdev_new(rdev, &cfg);
	if (IS_ERR(chrdev))
		vrpmsg_user_uncharge(rdev, cfg.user);
	return chrdev;
}

/* Create an endpoint that lives as long as @file. */
static int ctrl_open_ept(struct vrpmsg_dev *rdev,
			 const struct vhost_rpmsg_new_ept *req,
			 struct file *file)
{
	struct vrpmsg_chrdev *chrdev = ctrl_make_ept(rdev, req);
	int err;

	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);
	err = vrpmsg_file_open(chrdev, file_inode(file), file);
	if (err)
		vrpmsg_chrdev_del(chrdev);
	vrpmsg_chrdev_put(chrdev);
	/* The device was deleted meanwhile. */
	return err == -ENETRESET ? -ENODEV : err;
}

static long ctrl_new_ept(struct vrpmsg_dev *rdev, void __user *argp)
{
	struct vhost_rpmsg_new_ept req;
	struct file *file;
	int fd, err;

	if (copy_from_user(&req, argp, sizeof(req)))
		return -EFAULT;
	if (!ctrl_new_ept_valid(&req))
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile("[vrpmsg-ept]", &ctrl_ept_fops, NULL, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_fd;
	}
	err = ctrl_open_ept(rdev, &req, file);
	if (err)
		goto err_file;
	fd_install(fd, file);
	return fd;

err_file:
	fput(file);
err_fd:
	put_unused_fd(fd);
	return err;
}

static long ctrl_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct vrpmsg_dev *rdev = file->private_data;
	void __user *argp = (void __user *)arg;

	if (READ_ONCE(rdev->dead))
		return -ENODEV;
	switch (ioctl) {
	case RPMSG_CREATE_EPT_IOCTL:
		return ctrl_create_ept(rdev, argp);
	case RPMSG_CREATE_DEV_IOCTL:
		return ctrl_create_dev(rdev, argp);
	case RPMSG_RELEASE_DEV_IOCTL:
		return ctrl_release_dev(rdev, argp);
	case VHOST_RPMSG_CTRL_GET_INFO:
		return ctrl_get_info(rdev, argp);
	case VHOST_RPMSG_CTRL_NEW_EPT:
		return ctrl_new_ept(rdev, argp);
	}
	return -ENOTTY;
}

static const struct file_operations ctrl_fops = {
	.owner = THIS_MODULE,
	.open = ctrl_open,
	.release = ctrl_release,
	.unlocked_ioctl = ctrl_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* The name of a persistent device does not change. */

static int ctrl_uevent(vrpmsg_const_device *dev, struct kobj_uevent_env *env)
{
	struct vrpmsg_dev *rdev = dev_get_drvdata(dev);

	return add_uevent_var(env, "VRPMSG_DEVICE=%s", rdev->name);
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vrpmsg_dev *rdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", rdev->name);
}
static DEVICE_ATTR_RO(name);

static struct attribute *ctrl_attrs[] = { &dev_attr_name.attr, NULL };
ATTRIBUTE_GROUPS(ctrl);

static const struct device_type ctrl_type = {
	.name = "vrpmsg_ctrl",
	.uevent = ctrl_uevent,
	.groups = ctrl_groups,
};

/* Create the ctrl node of a new device, which cannot be found yet. */
static int ctrl_add(struct vrpmsg_dev *rdev)
{
	struct device *dev;
	u32 number;
	int err;

	err = xa_alloc_cyclic(&vrpmsg_ctrls, &number, xa_mk_value(rdev->id),
			      XA_LIMIT(0, CTRL_NUM - 1), &vrpmsg_ctrls_next,
			      GFP_KERNEL_ACCOUNT);
	if (err < 0)
		return err == -EBUSY ? -ENOSPC : err;
	dev = vrpmsg_node_add(MKDEV(MAJOR(ctrl_devt), number), &ctrl_type, NULL,
			      rdev, "vrpmsg-ctrl");
	if (IS_ERR(dev)) {
		xa_erase(&vrpmsg_ctrls, number);
		return PTR_ERR(dev);
	}
	rdev->node = dev;
	return 0;
}

/* Delete the nodes of processes on a dead device, then its ctrl node. */
static void ctrl_remove(struct vrpmsg_dev *rdev)
{
	xa_erase(&vrpmsg_ctrls, MINOR(rdev->node->devt));
	vrpmsg_eptdev_del_all(rdev);
	device_unregister(rdev->node);
}

static const struct vrpmsg_dev_hooks ctrl_hooks = {
	.add = ctrl_add,
	.remove = ctrl_remove,
	.evict = vrpmsg_node_evict,
};

int vrpmsg_ctrl_register(void)
{
	int err;

	err = vrpmsg_eptdev_register();
	if (err)
		return err;
	err = alloc_chrdev_region(&ctrl_devt, 0, CTRL_NUM, "vrpmsg-ctrl");
	if (err)
		goto err_region;
	cdev_init(&ctrl_cdev, &ctrl_fops);
	ctrl_cdev.owner = THIS_MODULE;
	err = cdev_add(&ctrl_cdev, ctrl_devt, CTRL_NUM);
	if (err)
		goto err_cdev;
	vrpmsg_devs_hook(&ctrl_hooks);
	return 0;

err_cdev:
	unregister_chrdev_region(ctrl_devt, CTRL_NUM);
err_region:
	vrpmsg_eptdev_unregister();
	return err;
}

/* Module exit: there are no devices any more. */
void vrpmsg_ctrl_unregister(void)
{
	cdev_del(&ctrl_cdev);
	unregister_chrdev_region(ctrl_devt, CTRL_NUM);
	xa_destroy(&vrpmsg_ctrls);
	vrpmsg_eptdev_unregister();
}
