// SPDX-License-Identifier: GPL-2.0-only
/* Devices: named address spaces, with or without a guest. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* A mutex, since hooks that create nodes are called with it held. */
DEFINE_MUTEX(vrpmsg_devs_lock);
static DEFINE_XARRAY_ALLOC1(vrpmsg_devs);
static u32 vrpmsg_devs_next;
/* Set once, before the first device. */
static const struct vrpmsg_dev_hooks *devs_hooks;
/* Counts devices added and removed. */
static atomic_t vrpmsg_devs_count = ATOMIC_INIT(0);

u32 vrpmsg_devs_gen(void)
{
	return atomic_read(&vrpmsg_devs_count);
}

/* Set the callbacks for persistent devices. */
void vrpmsg_devs_hook(const struct vrpmsg_dev_hooks *hooks)
{
	devs_hooks = hooks;
}

/* Undo the add() of the hooks. */
void vrpmsg_dev_unhook(struct vrpmsg_dev *rdev)
{
	if (rdev->persistent)
		devs_hooks->remove(rdev);
}

/* Free an address that an endpoint only has to send its last messages. */
bool vrpmsg_dev_evict(struct vrpmsg_dev *rdev, u32 addr)
{
	return rdev->persistent && devs_hooks->evict(rdev, addr);
}

/* Whether this is a default name, which is derived from a number. */
static bool dev_name_is_default(const char *name)
{
	size_t len = strlen("vhost");

	return !strncmp(name, "vhost", len) && name[len] &&
	       strspn(name + len, "0123456789") == strlen(name + len);
}

/* Whether this is a valid name of a service. */
bool vrpmsg_name_valid(const char *name)
{
	size_t len = strnlen(name, VHOST_RPMSG_NAME_SIZE);
	size_t i;

	if (!len || len == VHOST_RPMSG_NAME_SIZE)
		return false;
	for (i = 0; i < len; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	return true;
}

/*
 * Whether user space may give this name to a device. It must also be valid,
 * unescaped, as a directory that udev creates and as the instance of a systemd
 * unit.
 */
bool vrpmsg_dev_name_valid(const char *name)
{
	size_t len = strnlen(name, VHOST_RPMSG_NAME_SIZE);
	size_t i;

	if (!len || len == VHOST_RPMSG_NAME_SIZE || strchr(".:@-", name[0]))
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("_.:@-", name[i])))
			return false;
	return !dev_name_is_default(name);
}

struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_dev *rdev)
{
	kref_get(&rdev->ref);
	return rdev;
}

static void dev_free(struct kref *ref)
{
	struct vrpmsg_dev *rdev = container_of(ref, struct vrpmsg_dev, ref);
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		kvfree(rdev->kept_heads[i]);
	xa_destroy(&rdev->epts);
	mutex_destroy(&rdev->lock);
	/* A driver may be sending from an endpoint that it frees with kfree_rcu(). */
	kfree_rcu(rdev, rcu);
}

void vrpmsg_dev_put(struct vrpmsg_dev *rdev)
{
	kref_put(&rdev->ref, dev_free);
}

/* Allocate a private device, without number and name. */
struct vrpmsg_dev *vrpmsg_dev_alloc(void)
{
	struct vrpmsg_dev *rdev;

	/* The misc driver calls open() with its lock: no OOM killer. */
	rdev = kzalloc(sizeof(*rdev), GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL);
	if (!rdev)
		return NULL;

	kref_init(&rdev->ref);
	mutex_init(&rdev->lock);
	xa_init_flags(&rdev->epts, XA_FLAGS_ALLOC);
	rdev->next_addr = VHOST_RPMSG_FIRST_DYNAMIC_ADDR;
	spin_lock_init(&rdev->ready_lock);
	INIT_LIST_HEAD(&rdev->clients);
	INIT_LIST_HEAD(&rdev->ready);
	INIT_LIST_HEAD(&rdev->waiting);
	rdev->mtu = VHOST_RPMSG_DEFAULT_MTU;
	rdev->hold_time = VHOST_RPMSG_DEFAULT_HOLD_TIME;
	rdev->stalled = VHOST_RPMSG_ADDR_ANY;
	INIT_LIST_HEAD(&rdev->users);
	vrpmsg_events_init(rdev);
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

/* Apply all settings of an administrator. */
static void dev_configure(struct vrpmsg_dev *rdev,
			  const struct vrpmsg_dev_config *cfg)
{
	lockdep_assert_held(&rdev->lock);
	WRITE_ONCE(rdev->mtu_fixed, cfg->mtu);
	WRITE_ONCE(rdev->hold_time, cfg->hold_time);
	rdev->owner = cfg->owner;
}

/* Give the device its default name. */
static void dev_set_default_name(struct vrpmsg_dev *rdev)
{
	snprintf(rdev->name, sizeof(rdev->name), "vhost%u", rdev->id);
}

/*
 * An administrator wants a name that a VMM may have given to its own device. A
 * VMM must not be able to block names, so its device is renamed. A device that
 * has endpoints keeps its name, since an administrator has created them.
 */
static bool dev_keeps_name(struct vrpmsg_dev *rdev)
{
	guard(mutex)(&rdev->lock);
	return rdev->persistent || rdev->num_epts;
}

/*
 * Context: vrpmsg_devs_lock held since dev_keeps_name(), so that nobody else takes or
 * gives names. An endpoint may have been added since: then its device was looked up by
 * the old name, which is possible at any time before this, too.
 */
static void dev_reclaim_name(struct vrpmsg_dev *rdev)
{
	guard(mutex)(&rdev->lock);
	dev_set_default_name(rdev);
	vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
}

/* Set up a device that has been given its number. */
static int dev_set_up(struct vrpmsg_dev *rdev,
		      const struct vrpmsg_dev_config *cfg)
{
	mutex_lock(&rdev->lock);
	if (cfg) {
		rdev->persistent = true;
		strscpy(rdev->name, cfg->name, sizeof(rdev->name));
		dev_configure(rdev, cfg);
	} else {
		rdev->attached = true;
		dev_set_default_name(rdev);
	}
	mutex_unlock(&rdev->lock);
	return cfg ? devs_hooks->add(rdev) : 0;
}

/**
 * vrpmsg_dev_register - add a device to the table
 * @rdev: private device
 * @cfg: settings of a persistent device; NULL for the device of a VMM, which is
 *	attached and has its default name
 *
 * The table takes its own reference.
 *
 * Return: 0, -EEXIST, -ENOMEM, -ENOSPC, or the error of a hook.
 */
int vrpmsg_dev_register(struct vrpmsg_dev *rdev,
			const struct vrpmsg_dev_config *cfg)
{
	struct vrpmsg_dev *old;
	int err;

	guard(mutex)(&vrpmsg_devs_lock);
	old = cfg ? dev_find(cfg->name) : NULL;
	if (old && dev_keeps_name(old))
		return -EEXIST;
	err = xa_alloc_cyclic(&vrpmsg_devs, &rdev->id, NULL,
			      XA_LIMIT(1, INT_MAX), &vrpmsg_devs_next,
			      GFP_KERNEL);
	if (err < 0)
		return err == -EBUSY ? -ENOSPC : err;

	err = dev_set_up(rdev, cfg);
	if (err) {
		xa_erase(&vrpmsg_devs, rdev->id);
		return err;
	}

	/* Nothing can fail any more. */
	if (old)
		dev_reclaim_name(old);
	guard(mutex)(&rdev->lock);
	/* Cannot fail: xa_alloc_cyclic() has allocated the entry. */
	xa_store(&vrpmsg_devs, rdev->id, vrpmsg_dev_get(rdev), GFP_KERNEL);
	atomic_inc(&vrpmsg_devs_count);
	vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_NEW);
	return 0;
}

/* Remove a dead device from the table, and send its last event. */
void vrpmsg_dev_unregister(struct vrpmsg_dev *rdev)
{
	mutex_lock(&vrpmsg_devs_lock);
	mutex_lock(&rdev->lock);
	xa_erase(&vrpmsg_devs, rdev->id);
	atomic_inc(&vrpmsg_devs_count);
	vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_DEL);
	mutex_unlock(&rdev->lock);
	mutex_unlock(&vrpmsg_devs_lock);
	vrpmsg_events_stop(rdev);
	vrpmsg_dev_put(rdev);
}

/* A dead device keeps its number and name until its cleanup is complete. */
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

/* Get the first device whose number is greater than @id. */
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
 * The listener is gone: wait until no thread or work calls it any more. All do
 * so with the mutex of a device held.
 */
void vrpmsg_devs_stop_events(void)
{
	struct vrpmsg_dev *rdev;
	u32 id = 0;

	while ((rdev = vrpmsg_dev_get_next(id))) {
		id = rdev->id;
		mutex_lock(&rdev->lock);
		mutex_unlock(&rdev->lock);
		vrpmsg_dev_put(rdev);
	}
}

/*
 * Mark a persistent device as dead, so that no VMM attaches and no endpoint is
 * added. Returns 0; -EBUSY if it has a VMM or is a VMM's own; -ENODEV if it is
 * being deleted already.
 */
int vrpmsg_dev_kill(struct vrpmsg_dev *rdev)
{
	guard(mutex)(&rdev->lock);
	if (rdev->dead)
		return -ENODEV;
	if (!rdev->persistent || rdev->attached)
		return -EBUSY;
	WRITE_ONCE(rdev->dead, true);
	return 0;
}

/* Count and trace a dropped message. @addr: local or VHOST_RPMSG_ADDR_ANY. */
void vrpmsg_drop(struct vrpmsg_dev *rdev, unsigned int stat, u32 addr,
		 size_t len)
{
	vrpmsg_count(rdev, stat, 1);
	trace_vrpmsg_drop(rdev, stat, addr, len);
}

/*
 * Returns a number for a driver's endpoint, or 0 on a device without a number, which
 * netlink does not show. Numbers repeat only after 2^31 endpoints.
 */
u32 vrpmsg_dev_new_ept_id(const struct vrpmsg_dev *rdev)
{
	static atomic_t last = ATOMIC_INIT(-1);

	if (!rdev->id)
		return 0;
	return VRPMSG_FIRST_DRIVER_ID + (atomic_inc_return(&last) & INT_MAX);
}

/*
 * Since 6.10 a worker ends when its owner is killed, also if another process still has
 * the VMM's file. Nobody is told, and the rings can only be closed then. The rings are
 * freed after a grace period.
 */
static bool dev_is_running(const struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg *vr;

	guard(rcu)();
	vr = rcu_dereference(rdev->vr);
	return vr && vrpmsg_vq_worker(&vr->vq[0]) &&
	       vrpmsg_vq_worker(&vr->vq[1]);
}

/* Without rdev->lock, the result may be outdated. */
enum vhost_rpmsg_dev_state vrpmsg_dev_state(const struct vrpmsg_dev *rdev)
{
	if (dev_is_running(rdev))
		return VHOST_RPMSG_DEV_STATE_RUNNING;
	if (READ_ONCE(rdev->attached))
		return VHOST_RPMSG_DEV_STATE_ATTACHED;
	return VHOST_RPMSG_DEV_STATE_DETACHED;
}

/* The state has changed. */
void vrpmsg_dev_changed(struct vrpmsg_dev *rdev)
{
	trace_vrpmsg_dev_state(rdev, vrpmsg_dev_state(rdev));
	vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
}

void vrpmsg_dev_set(struct vrpmsg_dev *rdev,
		    const struct vrpmsg_dev_config *cfg)
{
	lockdep_assert_held(&rdev->lock);
	if (rdev->mtu_fixed == cfg->mtu && rdev->hold_time == cfg->hold_time &&
	    uid_eq(rdev->owner, cfg->owner))
		return;
	dev_configure(rdev, cfg);
	vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
	/* The new hold_time may have expired already. */
	vrpmsg_dev_kick(rdev, VIRTIO_RPMSG_REQUEST);
}

/* Whether the caller may become the VMM of a persistent device. */
static bool dev_may_attach(const struct vrpmsg_dev *rdev)
{
	kuid_t euid = current_euid();

	return !uid_valid(rdev->owner) || uid_eq(euid, rdev->owner) ||
	       uid_eq(euid, GLOBAL_ROOT_UID) || capable(CAP_NET_ADMIN);
}

/**
 * vrpmsg_dev_attach_named - name a VMM's device, or replace it
 * @vr: rings, whose device is the VMM's own
 * @name: valid name
 * @existing: fail if no other device has the name
 *
 * If a persistent device has the name, the rings are moved to that device.
 *
 * Context: @vr's dev.mutex held. The rings have no owner yet, so there is no
 * worker.
 * Return: 0; -EBUSY: the device of that name has a VMM, or the VMM's own device
 * already has endpoints; -EPERM: the device of that name has another owner;
 * -ENODEV: @existing, and no other device has the name.
 */
int vrpmsg_dev_attach_named(struct vhost_rpmsg *vr, const char *name,
			    bool existing)
{
	struct vrpmsg_dev *old = vr->rdev, *rdev;
	int err = 0;

	lockdep_assert_held(&vr->dev.mutex);
	guard(mutex)(&vrpmsg_devs_lock);

	mutex_lock(&old->lock);
	if (old->num_epts) {
		err = -EBUSY;
		goto unlock;
	}
	rdev = dev_find(name);
	if (existing && (!rdev || rdev == old)) {
		err = -ENODEV;
		goto unlock;
	}
	if (!rdev || rdev == old) {
		strscpy(old->name, name, sizeof(old->name));
		vrpmsg_dev_changed(old);
		goto unlock;
	}

	mutex_lock_nested(&rdev->lock, SINGLE_DEPTH_NESTING);
	if (rdev->persistent && !dev_may_attach(rdev)) {
		err = -EPERM;
	} else if (rdev->attached || rdev->dead) {
		err = -EBUSY;
	} else {
		WRITE_ONCE(rdev->attached, true);
		WRITE_ONCE(rdev->features, old->features);
		vr->rdev = vrpmsg_dev_get(rdev);
		vrpmsg_dev_changed(rdev);
	}
	mutex_unlock(&rdev->lock);
	if (err)
		goto unlock;

	WRITE_ONCE(old->dead, true);
	xa_erase(&vrpmsg_devs, old->id);
	atomic_inc(&vrpmsg_devs_count);
	vrpmsg_dev_event(old, VHOST_RPMSG_EVENT_DEL);
	mutex_unlock(&old->lock);
	vrpmsg_events_stop(old);
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
	vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
}

/* Set the longest payload that fits into the guest's buffers. */
void vrpmsg_dev_set_mtu(struct vrpmsg_dev *rdev, u32 mtu)
{
	guard(mutex)(&rdev->lock);
	if (rdev->mtu == mtu)
		return;
	WRITE_ONCE(rdev->mtu, mtu);
	if (!rdev->mtu_fixed)
		vrpmsg_dev_event(rdev, VHOST_RPMSG_EVENT_CHANGE);
}

/**
 * vrpmsg_dev_kick - queue the work of a ring
 * @rdev: device; nothing happens if its rings do not run
 * @qid: index of the ring
 *
 * Context: Any; does not sleep. A stop waits for the RCU read section, so the
 * worker still exists.
 */
void vrpmsg_dev_kick(struct vrpmsg_dev *rdev, unsigned int qid)
{
	struct vhost_rpmsg *vr;

	/*
	 * The caller has changed something for the work. If the rings start at
	 * this moment, either they are seen here, or the first run of the work
	 * sees the change. Pairs with test_and_set_bit() in the vhost core, when
	 * rings_start() queues the works.
	 */
	smp_mb();
	rcu_read_lock();
	vr = rcu_dereference(rdev->vr);
	if (vr)
		vhost_poll_queue(&vr->vq[qid].poll);
	rcu_read_unlock();
}
