// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes that processes create through a ctrl node, as with rpmsg_char. The
 * endpoint of a node has a name and addresses, and exists either while the node
 * is open, or as long as the node.
 */
#include <linux/capability.h>
#include <linux/cdev.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include <uapi/linux/rpmsg.h>

#include "ctrl.h"

#define EPTDEV_NUM	(MINORMASK + 1)

/**
 * struct vrpmsg_eptdev - a node that a process has created
 * @ref: held by the table, and temporarily by look-ups
 * @number: the N of /dev/vrpmsg-epN, and of its endpoint
 * @owner: user that has created it
 * @user: user for which it is counted
 * @rdev: device; the node holds a reference
 * @dev: the char device; vrpmsg_eptdevs_lock
 * @cfg: configuration
 * @lock: protects the following members; a mutex, since endpoints are created
 *	under it
 * @gone: the node has been deleted
 * @chrdev: the current or last endpoint, with a reference, or NULL
 */
struct vrpmsg_eptdev {
	struct kref ref;
	u32 number;
	kuid_t owner;
	struct vrpmsg_user *user;
	struct vrpmsg_dev *rdev;
	struct device *dev;
	struct vrpmsg_eptdev_config cfg;

	struct mutex lock;
	bool gone;
	struct vrpmsg_chrdev *chrdev;
};

static dev_t eptdev_devt;
static struct cdev eptdev_cdev;
/*
 * A mutex, since nodes are registered and unregistered under it. No node is
 * created for a dead device, so that vrpmsg_eptdev_del_all() finds all of them.
 */
static DEFINE_MUTEX(vrpmsg_eptdevs_lock);
/* Indexed by number; look-ups only take the XArray's lock. */
static DEFINE_XARRAY(vrpmsg_eptdevs);

static struct vrpmsg_eptdev *eptdev_get(u32 number)
{
	struct vrpmsg_eptdev *eptdev;

	xa_lock(&vrpmsg_eptdevs);
	eptdev = xa_load(&vrpmsg_eptdevs, number);
	if (eptdev)
		kref_get(&eptdev->ref);
	xa_unlock(&vrpmsg_eptdevs);
	return eptdev;
}

static void eptdev_free(struct kref *ref)
{
	struct vrpmsg_eptdev *eptdev =
		container_of(ref, struct vrpmsg_eptdev, ref);

	if (eptdev->chrdev)
		vrpmsg_chrdev_put(eptdev->chrdev);
	if (eptdev->user)
		vrpmsg_user_uncharge(eptdev->rdev, eptdev->user);
	vrpmsg_dev_put(eptdev->rdev);
	mutex_destroy(&eptdev->lock);
	kfree(eptdev);
}

static void eptdev_put(struct vrpmsg_eptdev *eptdev)
{
	kref_put(&eptdev->ref, eptdev_free);
}

/* Whether the node's endpoint exists. */
static bool eptdev_has_ept(struct vrpmsg_eptdev *eptdev)
{
	lockdep_assert_held(&eptdev->lock);
	return eptdev->chrdev && !READ_ONCE(eptdev->chrdev->gone);
}

/* Drop an endpoint that is gone. */
static void eptdev_drop_ept(struct vrpmsg_eptdev *eptdev)
{
	lockdep_assert_held(&eptdev->lock);
	if (!eptdev->cfg.fixed && eptdev->chrdev && !eptdev_has_ept(eptdev)) {
		vrpmsg_chrdev_put(eptdev->chrdev);
		eptdev->chrdev = NULL;
	}
}

/* Create the endpoint. */
static int eptdev_create_ept(struct vrpmsg_eptdev *eptdev)
{
	const struct vrpmsg_eptdev_config *cfg = &eptdev->cfg;
	struct vrpmsg_chrdev_config ept;
	struct vrpmsg_chrdev *chrdev;

	lockdep_assert_held(&eptdev->lock);
	eptdev_drop_ept(eptdev);
	ept = vrpmsg_chrdev_user_defaults(eptdev->owner, cfg->name, cfg->src,
					  cfg->dst);
	ept.number = eptdev->number;
	ept.temporary = !cfg->fixed;
	/* Like the rpmsg core. */
	ept.announce = cfg->fixed && cfg->src != VHOST_RPMSG_ADDR_ANY;
	chrdev = vrpmsg_chrdev_new(eptdev->rdev, &ept);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);
	eptdev->chrdev = chrdev;
	return 0;
}

/*
 * Open the existing endpoint, which others may have open, or create one. An
 * existing one may disappear at any time.
 */
static int eptdev_open_ept(struct vrpmsg_eptdev *eptdev, struct inode *inode,
			   struct file *file)
{
	int err;

	lockdep_assert_held(&eptdev->lock);
	if (eptdev->gone)
		return -ENETRESET;
	if (eptdev->chrdev) {
		err = vrpmsg_file_open(eptdev->chrdev, inode, file);
		if (err != -ENETRESET || eptdev->cfg.fixed)
			return err;
		/* Does nothing if it has been deleted already. */
		vrpmsg_chrdev_del(eptdev->chrdev);
	}
	err = eptdev_create_ept(eptdev);
	if (err)
		return err;
	err = vrpmsg_file_open(eptdev->chrdev, inode, file);
	if (err) {
		vrpmsg_chrdev_del(eptdev->chrdev);
		eptdev_drop_ept(eptdev);
	}
	return err;
}

static int eptdev_open(struct inode *inode, struct file *file)
{
	struct vrpmsg_eptdev *eptdev = eptdev_get(iminor(inode));
	int err;

	if (!eptdev)
		return -ENETRESET;
	mutex_lock(&eptdev->lock);
	err = eptdev_open_ept(eptdev, inode, file);
	mutex_unlock(&eptdev->lock);
	eptdev_put(eptdev);
	return err;
}

static int eptdev_close(struct inode *inode, struct file *file)
{
	struct vrpmsg_eptdev *eptdev = eptdev_get(iminor(inode));

	vrpmsg_file_release(inode, file);
	/* A new node with the same number may be found; that is harmless. */
	if (eptdev) {
		mutex_lock(&eptdev->lock);
		eptdev_drop_ept(eptdev);
		mutex_unlock(&eptdev->lock);
		eptdev_put(eptdev);
	}
	return 0;
}

/*
 * Delete the node's endpoint. Without @linger, do so at once and free the
 * number. With @linger, written messages are sent first: the endpoint takes
 * over the number and the accounting for the user.
 */
static void eptdev_del_ept(struct vrpmsg_eptdev *eptdev,
			   struct vrpmsg_chrdev *chrdev, bool linger)
{
	if (linger && chrdev &&
	    vrpmsg_chrdev_take_number(chrdev, eptdev->user)) {
		eptdev->user = NULL;
		vrpmsg_chrdev_destroy(chrdev);
		return;
	}
	/* The endpoint uses the number until it is deleted. */
	if (chrdev)
		vrpmsg_chrdev_del(chrdev);
	vrpmsg_number_put(eptdev->number);
}

/* Shut down a node that is not in the table. The caller has a reference. */
static void eptdev_shut_down(struct vrpmsg_eptdev *eptdev, bool linger)
{
	struct vrpmsg_chrdev *chrdev;

	mutex_lock(&eptdev->lock);
	eptdev->gone = true;
	chrdev = eptdev->chrdev;
	/* Closing the last file drops eptdev->chrdev. */
	if (chrdev)
		kref_get(&chrdev->ref);
	mutex_unlock(&eptdev->lock);
	eptdev_del_ept(eptdev, chrdev, linger);
	if (chrdev)
		vrpmsg_chrdev_put(chrdev);
}

/* Delete a node that is in the table. @linger: as for eptdev_del_ept(). */
static void eptdev_del(struct vrpmsg_eptdev *eptdev, bool linger)
{
	lockdep_assert_held(&vrpmsg_eptdevs_lock);
	device_unregister(eptdev->dev);
	xa_erase(&vrpmsg_eptdevs, eptdev->number);
	eptdev_shut_down(eptdev, linger);
	eptdev_put(eptdev);
}

/* Like rpmsg_char, this only deletes a node with a temporary endpoint. */
static int eptdev_destroy(struct file *file)
{
	struct vrpmsg_file *f = file->private_data;
	struct vrpmsg_eptdev *eptdev;

	if (READ_ONCE(f->chrdev->gone))
		return -EPIPE;
	if (!f->chrdev->temporary)
		return -EINVAL;
	guard(mutex)(&vrpmsg_eptdevs_lock);
	eptdev = xa_load(&vrpmsg_eptdevs, f->chrdev->id);
	/* The number belongs to the endpoint until that is gone. */
	if (!eptdev || READ_ONCE(f->chrdev->gone))
		return -EPIPE;
	eptdev_del(eptdev, true);
	return 0;
}

static long eptdev_ioctl(struct file *file, unsigned int ioctl,
			 unsigned long arg)
{
	if (ioctl == RPMSG_DESTROY_EPT_IOCTL)
		return eptdev_destroy(file);
	return vrpmsg_file_ioctl(file, ioctl, arg);
}

static const struct file_operations eptdev_fops = {
	.owner = THIS_MODULE,
	.open = eptdev_open,
	.release = eptdev_close,
	.read_iter = vrpmsg_file_read_iter,
	.write_iter = vrpmsg_file_write_iter,
	.poll = vrpmsg_file_poll,
	.unlocked_ioctl = eptdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* The node belongs to its creator. */
static char *eptdev_devnode(vrpmsg_const_device *dev, umode_t *mode,
			    kuid_t *uid, kgid_t *gid)
{
	struct vrpmsg_eptdev *eptdev = dev_get_drvdata(dev);

	if (mode)
		*mode = 0600;
	if (uid)
		*uid = eptdev->owner;
	return NULL;
}

static int eptdev_uevent(vrpmsg_const_device *dev, struct kobj_uevent_env *env)
{
	struct vrpmsg_eptdev *eptdev = dev_get_drvdata(dev);
	int err;

	/* The name of a persistent device does not change. */
	err = add_uevent_var(env, "VRPMSG_DEVICE=%s", eptdev->rdev->name);
	if (!err)
		err = add_uevent_var(env, "VRPMSG_OWNER=%u",
				     from_kuid(&init_user_ns, eptdev->owner));
	return err ?: vrpmsg_node_uevent_name(env, eptdev->cfg.name);
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vrpmsg_eptdev *eptdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", eptdev->cfg.name);
}
static DEVICE_ATTR_RO(name);

/* The endpoint's addresses while it exists, else the configured ones. */

static ssize_t src_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct vrpmsg_eptdev *eptdev = dev_get_drvdata(dev);
	u32 src = eptdev->cfg.src;

	mutex_lock(&eptdev->lock);
	if (eptdev_has_ept(eptdev))
		src = eptdev->chrdev->ept.addr;
	mutex_unlock(&eptdev->lock);
	return sysfs_emit(buf, "%d\n", src);
}
static DEVICE_ATTR_RO(src);

static ssize_t dst_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct vrpmsg_eptdev *eptdev = dev_get_drvdata(dev);
	u32 dst = eptdev->cfg.dst;

	mutex_lock(&eptdev->lock);
	if (eptdev_has_ept(eptdev))
		dst = vhost_rpmsg_ept_remote(&eptdev->chrdev->ept);
	mutex_unlock(&eptdev->lock);
	return sysfs_emit(buf, "%d\n", dst);
}
static DEVICE_ATTR_RO(dst);

static struct attribute *eptdev_attrs[] = { &dev_attr_name.attr,
					    &dev_attr_src.attr,
					    &dev_attr_dst.attr, NULL };
ATTRIBUTE_GROUPS(eptdev);

static const struct device_type eptdev_type = {
	.name = "vrpmsg_eptdev",
	.devnode = eptdev_devnode,
	.uevent = eptdev_uevent,
	.groups = eptdev_groups,
};

/* Allocate a private node, with a number. */
static struct vrpmsg_eptdev *
eptdev_alloc(struct vrpmsg_dev *rdev, const struct vrpmsg_eptdev_config *cfg)
{
	struct vrpmsg_eptdev *eptdev;
	struct vrpmsg_user *user;
	int err;

	lockdep_assert_held(&vrpmsg_eptdevs_lock);
	eptdev = kzalloc(sizeof(*eptdev), VRPMSG_GFP_LOCKED);
	if (!eptdev)
		return ERR_PTR(-ENOMEM);
	kref_init(&eptdev->ref);
	mutex_init(&eptdev->lock);
	eptdev->owner = current_euid();
	eptdev->cfg = *cfg;
	eptdev->rdev = vrpmsg_dev_get(rdev);
	user = vrpmsg_user_charge(rdev);
	if (IS_ERR(user)) {
		eptdev_put(eptdev);
		return ERR_CAST(user);
	}
	eptdev->user = user;
	err = vrpmsg_number_get(&eptdev->number, true);
	if (err) {
		eptdev_put(eptdev);
		return ERR_PTR(err);
	}
	return eptdev;
}

static int eptdev_add(struct vrpmsg_eptdev *eptdev)
{
	struct vrpmsg_dev *rdev = eptdev->rdev;
	struct device *dev;
	int err = 0;

	lockdep_assert_held(&vrpmsg_eptdevs_lock);
	if (READ_ONCE(rdev->dead))
		return -ENODEV;
	mutex_lock(&eptdev->lock);
	if (eptdev->cfg.fixed)
		err = eptdev_create_ept(eptdev);
	mutex_unlock(&eptdev->lock);
	if (err)
		return err;
	kref_get(&eptdev->ref);
	err = xa_insert(&vrpmsg_eptdevs, eptdev->number, eptdev,
			VRPMSG_GFP_LOCKED);
	if (err)
		goto err_put;
	dev = vrpmsg_node_add(MKDEV(MAJOR(eptdev_devt), eptdev->number),
			      &eptdev_type, rdev->node, eptdev, "vrpmsg-ep");
	if (IS_ERR(dev)) {
		err = PTR_ERR(dev);
		xa_erase(&vrpmsg_eptdevs, eptdev->number);
		goto err_put;
	}
	eptdev->dev = dev;
	return 0;

err_put:
	eptdev_put(eptdev);
	return err;
}

static bool eptdev_matches(struct vrpmsg_eptdev *eptdev,
			   const struct vrpmsg_dev *rdev,
			   const struct vrpmsg_eptdev_config *cfg)
{
	u32 src;

	if (eptdev->rdev != rdev || !eptdev->cfg.fixed ||
	    strcmp(eptdev->cfg.name, cfg->name))
		return false;
	src = eptdev->chrdev->ept.addr;
	return (cfg->src == VHOST_RPMSG_ADDR_ANY || cfg->src == src) &&
	       (cfg->dst == VHOST_RPMSG_ADDR_ANY ||
		cfg->dst == eptdev->cfg.dst);
}

/* Find a node that the calling user made with RPMSG_CREATE_DEV_IOCTL. */
static struct vrpmsg_eptdev *eptdev_find(const struct vrpmsg_dev *rdev,
					 const struct vrpmsg_eptdev_config *cfg)
{
	struct vrpmsg_eptdev *eptdev;
	unsigned long number;

	lockdep_assert_held(&vrpmsg_eptdevs_lock);
	xa_for_each(&vrpmsg_eptdevs, number, eptdev)
		if (uid_eq(eptdev->owner, current_euid()) &&
		    eptdev_matches(eptdev, rdev, cfg))
			return eptdev;
	return NULL;
}

/**
 * vrpmsg_eptdev_new - create a node
 * @rdev: device
 * @cfg: valid configuration
 *
 * Return: 0; -EEXIST: @cfg->fixed, and the user already has such a node; or the
 * error of vrpmsg_user_charge() or vrpmsg_chrdev_new().
 */
int vrpmsg_eptdev_new(struct vrpmsg_dev *rdev,
		      const struct vrpmsg_eptdev_config *cfg)
{
	struct vrpmsg_eptdev *eptdev;
	int err;

	guard(mutex)(&vrpmsg_eptdevs_lock);
	/* First, since the user may be at the limit. */
	if (cfg->fixed && eptdev_find(rdev, cfg))
		return -EEXIST;
	eptdev = eptdev_alloc(rdev, cfg);
	if (IS_ERR(eptdev))
		return PTR_ERR(eptdev);
	err = eptdev_add(eptdev);
	if (err)
		eptdev_shut_down(eptdev, false);
	eptdev_put(eptdev);
	return err;
}

/* Delete the node with this number. Returns 0 or -ENOENT. */
int vrpmsg_eptdev_del_number(u32 number)
{
	struct vrpmsg_eptdev *eptdev;

	guard(mutex)(&vrpmsg_eptdevs_lock);
	eptdev = xa_load(&vrpmsg_eptdevs, number);
	if (!eptdev)
		return -ENOENT;
	eptdev_del(eptdev, false);
	return 0;
}

/**
 * vrpmsg_eptdev_release - delete a node by name and addresses
 * @rdev: device
 * @cfg: name and addresses; VHOST_RPMSG_ADDR_ANY matches any address
 *
 * Return: 0, or -ENOENT: the user has no such node.
 */
int vrpmsg_eptdev_release(struct vrpmsg_dev *rdev,
			  const struct vrpmsg_eptdev_config *cfg)
{
	struct vrpmsg_eptdev *eptdev;

	guard(mutex)(&vrpmsg_eptdevs_lock);
	eptdev = eptdev_find(rdev, cfg);
	if (!eptdev)
		return -ENOENT;
	eptdev_del(eptdev, true);
	return 0;
}

/* Delete all nodes of a dead device; no more are created. */
void vrpmsg_eptdev_del_all(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_eptdev *eptdev;
	unsigned long number;

	guard(mutex)(&vrpmsg_eptdevs_lock);
	xa_for_each(&vrpmsg_eptdevs, number, eptdev)
		if (eptdev->rdev == rdev)
			eptdev_del(eptdev, false);
}

int vrpmsg_eptdev_register(void)
{
	int err;

	err = alloc_chrdev_region(&eptdev_devt, 0, EPTDEV_NUM, "vrpmsg-ept");
	if (err)
		return err;
	cdev_init(&eptdev_cdev, &eptdev_fops);
	eptdev_cdev.owner = THIS_MODULE;
	err = cdev_add(&eptdev_cdev, eptdev_devt, EPTDEV_NUM);
	if (err)
		unregister_chrdev_region(eptdev_devt, EPTDEV_NUM);
	return err;
}

void vrpmsg_eptdev_unregister(void)
{
	cdev_del(&eptdev_cdev);
	unregister_chrdev_region(eptdev_devt, EPTDEV_NUM);
	xa_destroy(&vrpmsg_eptdevs);
}
