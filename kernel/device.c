// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices: an address space with a name, with or without a guest on it.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* A mutex: names are looked up and given out by code that may sleep. */
DEFINE_MUTEX(vrpmsg_devs_lock);
static DEFINE_XARRAY_ALLOC1(vrpmsg_devs);
static u32 vrpmsg_devs_next;

/**
 * vrpmsg_name_valid - check a name that user space has given
 * @name: NUL-terminated
 * @reject: printable characters that it may not have
 */
bool vrpmsg_name_valid(const char *name, const char *reject)
{
	size_t len = strnlen(name, VHOST_RPMSG_NAME_SIZE);
	size_t i;

	if (!len || len == VHOST_RPMSG_NAME_SIZE)
		return false;
	for (i = 0; i < len; i++)
		if (name[i] < 0x20 || name[i] > 0x7e || strchr(reject, name[i]))
			return false;
	return true;
}

struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_dev *rdev)
{
	kref_get(&rdev->ref);
	return rdev;
}

static void dev_free(struct kref *ref)
{
	struct vrpmsg_dev *rdev = container_of(ref, struct vrpmsg_dev, ref);

	vrpmsg_ns_exit(rdev);
	xa_destroy(&rdev->epts);
	mutex_destroy(&rdev->lock);
	kfree(rdev);
}

void vrpmsg_dev_put(struct vrpmsg_dev *rdev)
{
	kref_put(&rdev->ref, dev_free);
}

/* Make a device that only its creator knows; number and name come later. */
static struct vrpmsg_dev *dev_alloc(void)
{
	struct vrpmsg_dev *rdev;

	rdev = kzalloc(sizeof(*rdev), GFP_KERNEL_ACCOUNT);
	if (!rdev)
		return NULL;

	kref_init(&rdev->ref);
	mutex_init(&rdev->lock);
	xa_init_flags(&rdev->epts, XA_FLAGS_ALLOC);
	rdev->next_addr = VHOST_RPMSG_FIRST_DYNAMIC_ADDR;
	spin_lock_init(&rdev->ready_lock);
	INIT_LIST_HEAD(&rdev->ready);
	rdev->mtu = VHOST_RPMSG_DEFAULT_MTU;
	rdev->stalled = VHOST_RPMSG_ADDR_ANY;
	if (vrpmsg_ns_init(rdev)) {
		vrpmsg_dev_put(rdev);
		return NULL;
	}
	return rdev;
}

static struct vrpmsg_dev *dev_find(const char *name)
{
	struct vrpmsg_dev *rdev;
	unsigned long id;

	lockdep_assert_held(&vrpmsg_devs_lock);
	xa_for_each(&vrpmsg_devs, id, rdev)
		if (!strcmp(rdev->name, name))
			return rdev;
	return NULL;
}

/**
 * vrpmsg_dev_new - make a device and put it into the table
 * @name: of a persistent device; NULL for the one of a VMM, which is named
 *	after its number and has to be attached to
 * @vr: the VMM's rings, or NULL
 *
 * Return: the device, with a reference for the caller, or an ERR_PTR(): EEXIST,
 * ENOMEM, ENOSPC.
 */
struct vrpmsg_dev *vrpmsg_dev_new(const char *name, struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev;
	int err;

	rdev = dev_alloc();
	if (!rdev)
		return ERR_PTR(-ENOMEM);

	mutex_lock(&vrpmsg_devs_lock);
	err = -EEXIST;
	if (name && dev_find(name))
		goto err_unlock;
again:
	err = xa_alloc_cyclic(&vrpmsg_devs, &rdev->id, NULL,
			      XA_LIMIT(1, INT_MAX), &vrpmsg_devs_next,
			      GFP_KERNEL);
	if (err < 0)
		goto err_unlock;
	if (name) {
		rdev->persistent = true;
		strscpy(rdev->name, name, sizeof(rdev->name));
	} else {
		snprintf(rdev->name, sizeof(rdev->name), "vhost%u", rdev->id);
		if (dev_find(rdev->name)) {
			/* Somebody has chosen just this name. */
			xa_erase(&vrpmsg_devs, rdev->id);
			goto again;
		}
	}

	mutex_lock(&rdev->lock);
	if (vr) {
		rdev->attached = true;
		rcu_assign_pointer(rdev->vr, vr);
	}
	/* The memory for the entry is there since xa_alloc_cyclic(). */
	xa_store(&vrpmsg_devs, rdev->id, vrpmsg_dev_get(rdev), GFP_KERNEL);
	vrpmsg_nl_dev_event(rdev, VHOST_RPMSG_EVENT_NEW);
	mutex_unlock(&rdev->lock);
	mutex_unlock(&vrpmsg_devs_lock);
	return rdev;

err_unlock:
	mutex_unlock(&vrpmsg_devs_lock);
	vrpmsg_dev_put(rdev);
	return ERR_PTR(err == -EBUSY ? -ENOSPC : err);
}

/* A dead device keeps its number and name until all of it is gone. */
static struct vrpmsg_dev *dev_get_live(struct vrpmsg_dev *rdev)
{
	if (!rdev || READ_ONCE(rdev->dead))
		return NULL;
	return vrpmsg_dev_get(rdev);
}

struct vrpmsg_dev *vrpmsg_dev_get_by_id(u32 id)
{
	guard(mutex)(&vrpmsg_devs_lock);
	return dev_get_live(xa_load(&vrpmsg_devs, id));
}

struct vrpmsg_dev *vrpmsg_dev_get_by_name(const char *name)
{
	guard(mutex)(&vrpmsg_devs_lock);
	return dev_get_live(dev_find(name));
}

/* The first device with a number above @id. */
struct vrpmsg_dev *vrpmsg_dev_get_next(u32 id)
{
	struct vrpmsg_dev *rdev;
	unsigned long index = id;

	guard(mutex)(&vrpmsg_devs_lock);
	do {
		rdev = xa_find_after(&vrpmsg_devs, &index, UINT_MAX,
				     XA_PRESENT);
	} while (rdev && READ_ONCE(rdev->dead));
	return dev_get_live(rdev);
}

/*
 * Delete a device that nobody can attach to any more. Endpoints go first, so
 * that no event names a device that is gone.
 */
static void dev_delete(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;

	while ((ept = vrpmsg_ept_get_first(rdev))) {
		ept->ops->orphan(ept);
		vrpmsg_ept_put(ept);
	}

	mutex_lock(&vrpmsg_devs_lock);
	mutex_lock(&rdev->lock);
	vrpmsg_ns_reset(rdev);
	xa_erase(&vrpmsg_devs, rdev->id);
	vrpmsg_nl_dev_event(rdev, VHOST_RPMSG_EVENT_DEL);
	mutex_unlock(&rdev->lock);
	mutex_unlock(&vrpmsg_devs_lock);
	vrpmsg_dev_put(rdev);
}

/*
 * Delete a persistent device: 0; -EBUSY: it has a VMM, or is a VMM's own;
 * -ENODEV: somebody else deletes it.
 */
int vrpmsg_dev_del(struct vrpmsg_dev *rdev)
{
	int err = 0;

	mutex_lock(&rdev->lock);
	if (rdev->dead)
		err = -ENODEV;
	else if (!rdev->persistent || rdev->attached)
		err = -EBUSY;
	else
		WRITE_ONCE(rdev->dead, true);
	mutex_unlock(&rdev->lock);

	if (!err)
		dev_delete(rdev);
	return err;
}

void vrpmsg_dev_del_all(void)
{
	struct vrpmsg_dev *rdev;

	while ((rdev = vrpmsg_dev_get_next(0))) {
		WARN_ON(vrpmsg_dev_del(rdev));
		vrpmsg_dev_put(rdev);
	}
}

enum vhost_rpmsg_dev_state vrpmsg_dev_state(struct vrpmsg_dev *rdev)
{
	lockdep_assert_held(&rdev->lock);
	if (rdev->running)
		return VHOST_RPMSG_DEV_STATE_RUNNING;
	if (rdev->attached)
		return VHOST_RPMSG_DEV_STATE_ATTACHED;
	return VHOST_RPMSG_DEV_STATE_DETACHED;
}

static void dev_changed(struct vrpmsg_dev *rdev)
{
	trace_vrpmsg_dev_state(rdev, vrpmsg_dev_state(rdev));
	vrpmsg_nl_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
}

/**
 * vrpmsg_dev_attach_named - name a VMM's device, or exchange it for another
 * @vr: rings, whose device is the VMM's own
 * @name: valid name
 *
 * When a persistent device has the name, the rings move over to that one.
 *
 * Context: @vr's dev.mutex and vrpmsg_devs_lock held, no owner set: there is no
 * worker.
 * Return: 0; -EBUSY: the name's device has a VMM, or the VMM's own device has
 * endpoints already.
 */
int vrpmsg_dev_attach_named(struct vhost_rpmsg *vr, const char *name)
{
	struct vrpmsg_dev *old = vr->rdev, *rdev;
	int err = 0;

	lockdep_assert_held(&vrpmsg_devs_lock);
	lockdep_assert_held(&vr->dev.mutex);

	mutex_lock(&old->lock);
	if (old->num_epts) {
		err = -EBUSY;
		goto unlock;
	}
	rdev = dev_find(name);
	if (!rdev || rdev == old) {
		strscpy(old->name, name, sizeof(old->name));
		dev_changed(old);
		goto unlock;
	}

	mutex_lock_nested(&rdev->lock, SINGLE_DEPTH_NESTING);
	if (rdev->attached || rdev->dead) {
		err = -EBUSY;
	} else {
		rdev->attached = true;
		rdev->features = old->features;
		rcu_assign_pointer(rdev->vr, vr);
		vr->rdev = vrpmsg_dev_get(rdev);
		dev_changed(rdev);
	}
	mutex_unlock(&rdev->lock);
	if (err)
		goto unlock;

	/* No endpoints, so nobody is inside of old->vr. */
	RCU_INIT_POINTER(old->vr, NULL);
	WRITE_ONCE(old->dead, true);
	xa_erase(&vrpmsg_devs, old->id);
	vrpmsg_nl_dev_event(old, VHOST_RPMSG_EVENT_DEL);
	mutex_unlock(&old->lock);
	vrpmsg_dev_put(old);	/* the table's */
	vrpmsg_dev_put(old);	/* the VMM's */
	return 0;

unlock:
	mutex_unlock(&old->lock);
	return err;
}

void vrpmsg_dev_set_features(struct vrpmsg_dev *rdev, u64 features)
{
	guard(mutex)(&rdev->lock);
	if (rdev->features == features)
		return;
	WRITE_ONCE(rdev->features, features);
	vrpmsg_nl_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
}

/*
 * The guest is gone, and with it all that was learned from it. Either both
 * virtqueue mutexes are held, or there is no worker.
 */
static void dev_reset(struct vrpmsg_dev *rdev)
{
	lockdep_assert_held(&rdev->lock);
	vrpmsg_ns_reset(rdev);
	vrpmsg_ept_reset_all(rdev);
	WRITE_ONCE(rdev->stalled, VHOST_RPMSG_ADDR_ANY);
	rdev->used = false;
}

/**
 * vrpmsg_dev_start - the rings start to run
 * @rdev: device
 * @fresh: they are new: whatever guest was there has been reset
 *
 * Context: Both virtqueue mutexes held.
 */
void vrpmsg_dev_start(struct vrpmsg_dev *rdev, bool fresh)
{
	guard(mutex)(&rdev->lock);
	if (fresh && rdev->used)
		dev_reset(rdev);
	if (fresh)
		WRITE_ONCE(rdev->mtu, VHOST_RPMSG_DEFAULT_MTU);
	/* A guest without the name service has left them where they are. */
	if (!list_empty(&rdev->ns_pending))
		vhost_rpmsg_ept_send(&rdev->ns_ept);
	rdev->running = true;
	dev_changed(rdev);
}

void vrpmsg_dev_stop(struct vrpmsg_dev *rdev)
{
	guard(mutex)(&rdev->lock);
	if (!rdev->running)
		return;
	rdev->running = false;
	dev_changed(rdev);
}

/* The device of a driver that brings its own: it has no number and no name. */
struct vrpmsg_dev *vrpmsg_dev_new_private(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = dev_alloc();

	if (rdev) {
		rdev->attached = true;
		rcu_assign_pointer(rdev->vr, vr);
	}
	return rdev;
}

/* No more kicks reach the rings of the device. May sleep for a grace period. */
void vrpmsg_dev_detach(struct vrpmsg_dev *rdev)
{
	mutex_lock(&rdev->lock);
	RCU_INIT_POINTER(rdev->vr, NULL);
	mutex_unlock(&rdev->lock);
	synchronize_rcu();
}

/* The worker has ended: let somebody else have the device, or let it go. */
void vrpmsg_dev_release(struct vrpmsg_dev *rdev)
{
	mutex_lock(&rdev->lock);
	if (rdev->used)
		dev_reset(rdev);
	WRITE_ONCE(rdev->mtu, VHOST_RPMSG_DEFAULT_MTU);
	rdev->features = 0;
	rdev->running = false;
	rdev->attached = false;
	if (rdev->id && rdev->persistent)
		dev_changed(rdev);
	else
		WRITE_ONCE(rdev->dead, true);
	mutex_unlock(&rdev->lock);

	if (rdev->id && !rdev->persistent)
		dev_delete(rdev);
	vrpmsg_dev_put(rdev);
}
