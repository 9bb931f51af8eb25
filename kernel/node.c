// SPDX-License-Identifier: GPL-2.0-only
/* Creation, changes and deletion of endpoints with their char devices. */
#include <linux/cdev.h>
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "chrdev.h"

#define NODE_NUM	(MINORMASK + 1)

static_assert(VRPMSG_FIRST_USER_ID < NODE_NUM);
static_assert(NODE_NUM <= VRPMSG_FIRST_DRIVER_ID);

static dev_t node_devt;
static struct cdev node_cdev;
/*
 * A mutex, since char devices are registered and unregistered under it, in
 * order: each is deleted after it has been created.
 */
static DEFINE_MUTEX(vrpmsg_chrdevs_lock);
/* Look-ups only take the XArray's lock. */
static DEFINE_XARRAY_ALLOC(vrpmsg_chrdevs);
/* Of administrators, and of users. */
static u32 vrpmsg_chrdevs_next[2];

struct vrpmsg_chrdev *vrpmsg_chrdev_get_by_id(u32 id)
{
	struct vrpmsg_chrdev *chrdev;

	xa_lock(&vrpmsg_chrdevs);
	chrdev = xa_load(&vrpmsg_chrdevs, id);
	if (chrdev)
		kref_get(&chrdev->ref);
	xa_unlock(&vrpmsg_chrdevs);
	return chrdev;
}

/**
 * vrpmsg_number_get - allocate the number of an endpoint
 * @number: is set to the number
 * @users: the endpoint is made with a ctrl node. Then it gets no number that an
 *	administrator's could have: a user who makes many endpoints could wait
 *	for the number of one that was deleted, whose path somebody still uses.
 *
 * Return: 0, -ENOMEM, -ENOSPC.
 */
int vrpmsg_number_get(u32 *number, bool users)
{
	const struct xa_limit limit = {
		.min = users ? VRPMSG_FIRST_USER_ID : 0,
		.max = users ? NODE_NUM - 1 : VRPMSG_FIRST_USER_ID - 1,
	};
	int err = xa_alloc_cyclic(&vrpmsg_chrdevs, number, NULL, limit,
				  &vrpmsg_chrdevs_next[users],
				  VRPMSG_GFP_LOCKED);

	return err == -EBUSY ? -ENOSPC : min(err, 0);
}

/*
 * Free a number that was lent to endpoints. Takes vrpmsg_chrdevs_lock: the last
 * of them may be gone, but not have returned the number yet.
 */
void vrpmsg_number_put(u32 number)
{
	guard(mutex)(&vrpmsg_chrdevs_lock);
	xa_erase(&vrpmsg_chrdevs, number);
}

/* Release the endpoint's number. A lent one can be used again. */
static void node_drop_number(struct vrpmsg_chrdev *chrdev)
{
	lockdep_assert_held(&vrpmsg_chrdevs_lock);
	if (chrdev->lent)
		/* NULL is a number that is reserved, but has no endpoint. */
		xa_store(&vrpmsg_chrdevs, chrdev->id, NULL, GFP_KERNEL);
	else
		xa_erase(&vrpmsg_chrdevs, chrdev->id);
}

/* The endpoint has been removed from the device: free its number. */
static void node_deleted(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of(ept);

	lockdep_assert_held(&vrpmsg_chrdevs_lock);
	vrpmsg_chrdev_set_gone(chrdev);
	chrdev->deleted = true;
	node_drop_number(chrdev);
}

static void node_orphan(struct vhost_rpmsg_ept *ept)
{
	vrpmsg_chrdev_del(vrpmsg_chrdev_of(ept));
}

static const struct vhost_rpmsg_ept_ops node_ept_ops = {
	.send = vrpmsg_queue_send,
	.unsend = vrpmsg_queue_unsend,
	.drop = vrpmsg_queue_drop,
	.rx_complete = vrpmsg_queue_rx_complete,
	.tx_complete = vrpmsg_queue_tx_complete,
	.remote_changed = vrpmsg_queue_remote_changed,
	.reset = vrpmsg_queue_reset,
	.new_guest = vrpmsg_queue_new_guest,
	.deleted = node_deleted,
	.release = vrpmsg_queue_release,
};

/* Return the char device of an endpoint, or NULL if it is another client's. */
struct vrpmsg_chrdev *vrpmsg_chrdev_of_ept(struct vhost_rpmsg_ept *ept)
{
	return ept->ops == &node_ept_ops ? vrpmsg_chrdev_of(ept) : NULL;
}

/*
 * Encode a name as a path component. A slash, a leading dot, and all that udev
 * would change become \xNN. So does the backslash, so that different names stay
 * different.
 */
static void node_encode(char *to, const char *name)
{
	const char *c;

	for (c = name; *c; c++) {
		if ((isascii(*c) && isalnum(*c)) || strchr("_:@+=#-", *c) ||
		    (*c == '.' && c != name))
			*to++ = *c;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*c);
	}
	*to = '\0';
}

/* Add the name for udev's rules: plain, and encoded as a path component. */
int vrpmsg_node_uevent_name(struct kobj_uevent_env *env, const char *name)
{
	char encoded[4 * VHOST_RPMSG_NAME_SIZE];
	int err;

	if (!name[0])
		return 0;
	node_encode(encoded, name);
	err = add_uevent_var(env, "VRPMSG_ENDPOINT=%s", name);
	return err ?: add_uevent_var(env, "VRPMSG_ENDPOINT_ENC=%s", encoded);
}

static int node_uevent(vrpmsg_const_device *dev, struct kobj_uevent_env *env)
{
	struct vrpmsg_chrdev *chrdev = dev_get_drvdata(dev);
	struct vrpmsg_dev *rdev = chrdev->ept.rdev;
	int err;

	guard(mutex)(&rdev->lock);
	err = add_uevent_var(env, "VRPMSG_DEVICE=%s", rdev->name);
	if (!err)
		err = add_uevent_var(env, "VRPMSG_ADDR=%u", chrdev->ept.addr);
	return err ?: vrpmsg_node_uevent_name(env, chrdev->name);
}

/* The same attributes as rpmsg_char. No remote is -1. */

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct vrpmsg_chrdev *chrdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%s\n", chrdev->name);
}
static DEVICE_ATTR_RO(name);

static ssize_t src_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct vrpmsg_chrdev *chrdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", chrdev->ept.addr);
}
static DEVICE_ATTR_RO(src);

static ssize_t dst_show(struct device *dev, struct device_attribute *attr,
			char *buf)
{
	struct vrpmsg_chrdev *chrdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", vhost_rpmsg_ept_remote(&chrdev->ept));
}
static DEVICE_ATTR_RO(dst);

static struct attribute *node_attrs[] = { &dev_attr_name.attr,
					  &dev_attr_src.attr,
					  &dev_attr_dst.attr, NULL };
ATTRIBUTE_GROUPS(node);

static const struct device_type node_type = {
	.name = "vrpmsg_ept",
	.uevent = node_uevent,
	.groups = node_groups,
};

static struct class node_class = {
	.name = "vrpmsg",
};

static void node_release(struct device *dev)
{
	kfree(dev);
}

/**
 * vrpmsg_node_add - create a node
 * @devt: number of its char device
 * @type: device type
 * @parent: parent device, or NULL
 * @data: driver data for the callbacks of @type; must outlive the node
 * @name: name without the number
 *
 * device_unregister() deletes the node.
 *
 * Return: the device, or an ERR_PTR().
 */
struct device *vrpmsg_node_add(dev_t devt, const struct device_type *type,
			       struct device *parent, void *data,
			       const char *name)
{
	struct device *dev;
	int err;

	/* Only a user's node, which has a parent, is charged. */
	dev = kzalloc(sizeof(*dev), parent ? VRPMSG_GFP_LOCKED : GFP_KERNEL);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->devt = devt;
	dev->class = &node_class;
	dev->type = type;
	dev->parent = parent;
	dev->release = node_release;
	dev_set_drvdata(dev, data);
	err = dev_set_name(dev, "%s%u", name, MINOR(devt));
	if (!err)
		err = device_add(dev);
	if (err) {
		put_device(dev);
		return ERR_PTR(err);
	}
	return dev;
}

/* Allocate a private endpoint, with references for the caller. */
static struct vrpmsg_chrdev *node_alloc(struct vrpmsg_dev *rdev,
					const struct vrpmsg_chrdev_config *cfg)
{
	struct vrpmsg_chrdev *chrdev;

	/* eptdev_add() holds a lock that administrators need. */
	chrdev = kzalloc(sizeof(*chrdev), VRPMSG_GFP_LOCKED);
	if (!chrdev)
		return NULL;

	kref_init(&chrdev->ref);
	spin_lock_init(&chrdev->lock);
	vrpmsg_queue_init(&chrdev->rx);
	vrpmsg_queue_init(&chrdev->rx_dead);
	vrpmsg_queue_init(&chrdev->tx);
	vrpmsg_queue_init(&chrdev->rx_burst.queue);
	vrpmsg_queue_init(&chrdev->tx_burst.queue);
	init_waitqueue_head(&chrdev->rx_wait);
	init_waitqueue_head(&chrdev->tx_wait);
	INIT_LIST_HEAD(&chrdev->linger_node);
	chrdev->lent = cfg->number != VRPMSG_NUMBER_ANY;
	chrdev->temporary = cfg->temporary;
	chrdev->descriptor = !cfg->node && !chrdev->lent;
	chrdev->owner = cfg->owner;
	chrdev->addressed = cfg->addressed;
	chrdev->fresh = true;
	chrdev->policy = cfg->policy;
	chrdev->closed = cfg->closed;
	chrdev->reset = cfg->reset;
	chrdev->rx_limit = cfg->rx_limit;
	chrdev->tx_limit = cfg->tx_limit;
	if (cfg->name)
		strscpy(chrdev->name, cfg->name, sizeof(chrdev->name));
	chrdev->ept.read = vrpmsg_queue_read;
	chrdev->ept.addr = cfg->addr;
	chrdev->ept.learn = !cfg->addressed &&
			    cfg->remote == VHOST_RPMSG_ADDR_ANY;
	chrdev->ept.follow = cfg->remote_mode == VHOST_RPMSG_REMOTE_MODE_FOLLOW;
	chrdev->ept.name = chrdev->name[0] ? chrdev->name : NULL;
	chrdev->ept.yields = uid_valid(cfg->owner);
	chrdev->ept.ops = &node_ept_ops;
	chrdev->ept.orphan = node_orphan;
	chrdev->ept.rdev = vrpmsg_dev_get(rdev);
	chrdev->memcg = get_mem_cgroup_from_mm(current->mm);
	return chrdev;
}

/* Give the endpoint a number and an address, and @ept a reference. */
static int node_add(struct vrpmsg_chrdev *chrdev,
		    const struct vrpmsg_chrdev_config *cfg)
{
	int err = 0;

	lockdep_assert_held(&vrpmsg_chrdevs_lock);
	chrdev->id = cfg->number;
	if (!chrdev->lent)
		err = vrpmsg_number_get(&chrdev->id, uid_valid(cfg->owner));
	if (err)
		return err;

	/* vhost_rpmsg_ept_add() needs rings, which the device may not have. */
	kref_get(&chrdev->ref);
	err = vrpmsg_ept_add(chrdev->ept.rdev, &chrdev->ept, false);
	if (err) {
		vrpmsg_chrdev_put(chrdev);
		node_drop_number(chrdev);
		return err;
	}
	if (cfg->remote != VHOST_RPMSG_ADDR_ANY)
		vhost_rpmsg_ept_set_remote(&chrdev->ept, cfg->remote);
	return 0;
}

/* Publish the endpoint: its number, node, announcement and event. */
static int node_publish(struct vrpmsg_chrdev *chrdev,
			const struct vrpmsg_chrdev_config *cfg)
{
	struct device *dev;
	int err;

	lockdep_assert_held(&vrpmsg_chrdevs_lock);
	/* The node can be opened at once, so add it to the table first. */
	kref_get(&chrdev->ref);
	xa_store(&vrpmsg_chrdevs, chrdev->id, chrdev, GFP_KERNEL);
	if (cfg->node) {
		dev = vrpmsg_node_add(MKDEV(MAJOR(node_devt), chrdev->id),
				      &node_type, NULL, chrdev, "vrpmsg-ep");
		if (IS_ERR(dev))
			return PTR_ERR(dev);
		chrdev->dev = dev;
	}

	guard(mutex)(&chrdev->ept.rdev->lock);
	if (cfg->announce) {
		err = vrpmsg_ns_announce(&chrdev->ept, chrdev->name);
		if (err)
			return err;
	}
	vrpmsg_ept_event(&chrdev->ept, VHOST_RPMSG_EVENT_NEW);
	return 0;
}

/*
 * An address was taken. If it belongs to an endpoint that is closing and only has
 * messages left to send, delete that now. Returns true if it is free, also if the
 * last message has just been sent, so that linger_work() was first.
 */
bool vrpmsg_node_evict(struct vrpmsg_dev *rdev, u32 addr)
{
	struct vrpmsg_chrdev *chrdev = NULL;
	struct vhost_rpmsg_ept *ept;

	mutex_lock(&rdev->lock);
	ept = xa_load(&rdev->epts, addr);
	if (ept)
		chrdev = vrpmsg_chrdev_of_ept(ept);
	if (chrdev && vrpmsg_linger_cut_short(chrdev))
		kref_get(&chrdev->ref);
	else
		chrdev = NULL;
	mutex_unlock(&rdev->lock);
	if (chrdev) {
		vrpmsg_chrdev_del(chrdev);
		vrpmsg_chrdev_put(chrdev);
	}
	return !ept || chrdev;
}

/**
 * vrpmsg_chrdev_new - create an endpoint, and optionally its char device
 * @rdev: device
 * @cfg: valid configuration
 *
 * Return: the endpoint, with a reference for the caller, or an ERR_PTR(): as
 * vhost_rpmsg_ept_add().
 */
struct vrpmsg_chrdev *vrpmsg_chrdev_new(struct vrpmsg_dev *rdev,
					const struct vrpmsg_chrdev_config *cfg)
{
	struct vrpmsg_chrdev *chrdev;
	bool added;
	int err;

	chrdev = node_alloc(rdev, cfg);
	if (!chrdev)
		return ERR_PTR(-ENOMEM);

	do {
		mutex_lock(&vrpmsg_chrdevs_lock);
		err = node_add(chrdev, cfg);
		added = !err;
		if (added)
			err = node_publish(chrdev, cfg);
		mutex_unlock(&vrpmsg_chrdevs_lock);
	} while (err == -EADDRINUSE && vrpmsg_node_evict(rdev, cfg->addr));

	if (!err) {
		chrdev->user = cfg->user;
		return chrdev;
	}
	/* Does nothing if the device was deleted meanwhile. */
	if (added)
		vrpmsg_chrdev_del(chrdev);
	vrpmsg_chrdev_put(chrdev);
	return ERR_PTR(err);
}

/*
 * Change the remote, or how the endpoint gets one. @changed: other settings
 * have changed. Sends one event for all changes: a changed remote sends its
 * own.
 */
static void node_set_remote(struct vrpmsg_chrdev *chrdev,
			    const struct vrpmsg_chrdev_config *cfg,
			    bool changed)
{
	bool follow = cfg->remote_mode == VHOST_RPMSG_REMOTE_MODE_FOLLOW;
	struct vhost_rpmsg_ept *ept = &chrdev->ept;
	u8 kind = ept->remote_kind;
	u32 remote = ept->remote;

	if (cfg->remote_mode == VHOST_RPMSG_REMOTE_MODE_FIXED) {
		vrpmsg_ept_fix_remote(ept, cfg->remote);
	} else if (cfg->remote_mode != VRPMSG_REMOTE_STAYS) {
		changed |= !ept->learn || ept->follow != follow;
		vrpmsg_ept_unfix_remote(ept, follow);
	}
	if (changed && remote == ept->remote && kind == ept->remote_kind)
		vrpmsg_ept_event(ept, VHOST_RPMSG_EVENT_CHANGE);
}

/**
 * vrpmsg_chrdev_set - change the settings of an endpoint
 * @chrdev: endpoint
 * @cfg: its policies, limits and remote, and how it gets a remote
 *
 * Return: 0, or -ENOENT: the endpoint is deleted.
 */
int vrpmsg_chrdev_set(struct vrpmsg_chrdev *chrdev,
		      const struct vrpmsg_chrdev_config *cfg)
{
	struct vhost_rpmsg_ept *ept = &chrdev->ept;
	struct vrpmsg_dev *rdev = ept->rdev;
	bool resume, changed;

	guard(mutex)(&rdev->lock);
	if (xa_load(&rdev->epts, ept->addr) != ept)
		return -ENOENT;

	spin_lock(&chrdev->lock);
	changed = chrdev->policy != cfg->policy ||
		  chrdev->closed != cfg->closed ||
		  chrdev->reset != cfg->reset ||
		  chrdev->rx_limit != cfg->rx_limit ||
		  chrdev->tx_limit != cfg->tx_limit;
	chrdev->policy = cfg->policy;
	chrdev->closed = cfg->closed;
	chrdev->reset = cfg->reset;
	chrdev->rx_limit = cfg->rx_limit;
	WRITE_ONCE(chrdev->tx_limit, cfg->tx_limit);
	vrpmsg_chrdev_changed(chrdev);
	resume = vrpmsg_chrdev_can_resume(chrdev);
	spin_unlock(&chrdev->lock);
	if (resume)
		vrpmsg_chrdev_resume(chrdev);
	wake_up_interruptible_poll(&chrdev->tx_wait, VRPMSG_POLL_WRITE);

	node_set_remote(chrdev, cfg, changed);
	return 0;
}

/**
 * vrpmsg_chrdev_announced - an endpoint has been announced
 * @chrdev: endpoint
 *
 * The guest's driver may send messages before a process has opened the file:
 * keep them for the first reader.
 */
void vrpmsg_chrdev_announced(struct vrpmsg_chrdev *chrdev)
{
	spin_lock(&chrdev->lock);
	chrdev->fresh = true;
	vrpmsg_chrdev_changed(chrdev);
	spin_unlock(&chrdev->lock);
}

/* Wake up all waiters, including exclusive ones. */
static void node_wake_all(struct vrpmsg_chrdev *chrdev)
{
	wake_up_all(&chrdev->rx_wait);
	wake_up_all(&chrdev->tx_wait);
}

/**
 * vrpmsg_chrdev_del - delete an endpoint and its char device
 * @chrdev: endpoint; the caller has a reference
 *
 * Processes that have it open can read what is queued, and then get -EPIPE.
 *
 * Return: 0, or -ENOENT: it is deleted already.
 */
int vrpmsg_chrdev_del(struct vrpmsg_chrdev *chrdev)
{
	/* Not before vrpmsg_chrdev_new() is done with it, and once only. */
	guard(mutex)(&vrpmsg_chrdevs_lock);
	if (chrdev->deleted)
		return -ENOENT;

	if (chrdev->dev)
		device_unregister(chrdev->dev);
	vhost_rpmsg_ept_del(&chrdev->ept);
	node_wake_all(chrdev);
	vrpmsg_chrdev_put(chrdev);
	return 0;
}

/**
 * vrpmsg_chrdev_destroy - destroy an endpoint on behalf of a process
 * @chrdev: endpoint; the caller has a reference
 *
 * Open files see the same as after vrpmsg_chrdev_del(). But written messages
 * are still sent, as after the last close().
 *
 * Return: 0, or -ENOENT: it is gone already.
 */
int vrpmsg_chrdev_destroy(struct vrpmsg_chrdev *chrdev)
{
	bool end, resume;

	spin_lock(&chrdev->lock);
	if (chrdev->gone) {
		spin_unlock(&chrdev->lock);
		return -ENOENT;
	}
	end = vrpmsg_linger_begin(chrdev);
	WRITE_ONCE(chrdev->gone, true);
	/* Messages in the current burst have no reader. */
	chrdev->closes++;
	vrpmsg_chrdev_changed(chrdev);
	resume = vrpmsg_chrdev_can_resume(chrdev);
	spin_unlock(&chrdev->lock);

	if (resume)
		vrpmsg_chrdev_resume(chrdev);
	if (end)
		vrpmsg_chrdev_del(chrdev);
	else
		node_wake_all(chrdev);
	return 0;
}

/**
 * vrpmsg_chrdev_take_number - pass a lent number on to the endpoint
 * @chrdev: endpoint whose number is lent; it keeps the number until it is
 *	deleted
 * @user: user for which the endpoint is counted from now on
 *
 * Return: false if the endpoint has been deleted.
 */
bool vrpmsg_chrdev_take_number(struct vrpmsg_chrdev *chrdev,
			       struct vrpmsg_user *user)
{
	guard(mutex)(&vrpmsg_chrdevs_lock);
	if (chrdev->deleted)
		return false;
	chrdev->lent = false;
	chrdev->user = user;
	return true;
}

/**
 * vrpmsg_node_register - set up the class and the char devices
 * @fops: file operations of the char devices
 *
 * Return: 0 or -errno.
 */
int vrpmsg_node_register(const struct file_operations *fops)
{
	int err;

	err = class_register(&node_class);
	if (err)
		return err;
	err = alloc_chrdev_region(&node_devt, 0, NODE_NUM, "vrpmsg");
	if (err)
		goto err_region;
	cdev_init(&node_cdev, fops);
	node_cdev.owner = THIS_MODULE;
	err = cdev_add(&node_cdev, node_devt, NODE_NUM);
	if (err)
		goto err_cdev;
	return 0;

err_cdev:
	unregister_chrdev_region(node_devt, NODE_NUM);
err_region:
	class_unregister(&node_class);
	return err;
}

void vrpmsg_node_unregister(void)
{
	cdev_del(&node_cdev);
	unregister_chrdev_region(node_devt, NODE_NUM);
	class_unregister(&node_class);
	xa_destroy(&vrpmsg_chrdevs);
}
