// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two virtqueues of a device: start, stop, and the ioctls of a VMM.
 */
#include <linux/export.h>

#include "internal.h"

static void rings_lock(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		mutex_lock_nested(&vr->vq[i].mutex, i);
}

static void rings_unlock(struct vhost_rpmsg *vr)
{
	unsigned int i = VIRTIO_RPMSG_NUM_OF_VQS;

	while (i--)
		mutex_unlock(&vr->vq[i].mutex);
}

static void rings_clear_backends(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		vhost_vq_set_backend(&vr->vq[i], NULL);
}

/* Prepare the rings to run. Context: both virtqueue mutexes held. */
static int rings_prepare(struct vhost_rpmsg *vr, bool fresh)
{
	unsigned int i;
	int err;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		struct vhost_virtqueue *vq = &vr->vq[i];

		if (!vhost_vq_is_setup(vq) || !vhost_vq_access_ok(vq))
			return -EFAULT;
		vhost_vq_set_backend(vq, vr);
		err = vhost_vq_init_access(vq);
		if (err)
			return err;
	}
	if (fresh)
		return 0;
	err = vrpmsg_guest_check_same(vr);
	if (err)
		return err;
	vrpmsg_guest_restore(vr);
	return 0;
}

static int rings_start(struct vhost_rpmsg *vr, bool fresh)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	unsigned int i;
	int ret;

	lockdep_assert_held(&vr->dev.mutex);
	ret = vhost_dev_check_owner(&vr->dev);
	if (ret)
		return ret;

	rings_lock(vr);
	if (vhost_vq_get_backend(&vr->vq[0]))
		goto unlock;	/* already running */
	ret = rings_prepare(vr, fresh);
	if (ret) {
		rings_clear_backends(vr);
		goto unlock;
	}

	vrpmsg_guest_reset_state(vr);
	mutex_lock(&rdev->lock);
	if (fresh)
		vrpmsg_guest_new(rdev);
	vrpmsg_hold_pause(rdev);
	rdev->stale = false;
	rdev->running = true;
	rcu_assign_pointer(rdev->vr, vr);
	vrpmsg_ept_running_all(rdev, true);
	/* Pending announcements are left over from a guest without NS. */
	if (!list_empty(&rdev->ns_pending))
		vhost_rpmsg_ept_send(&rdev->ns_ept);
	vrpmsg_dev_changed(rdev);
	mutex_unlock(&rdev->lock);

	/* Kicks may have been missed, and endpoints may wait to send. */
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		vhost_poll_queue(&vr->vq[i].poll);
unlock:
	rings_unlock(vr);
	return ret;
}

/*
 * Take the rings offline: after this, no work is queued on them. Used entries
 * that could not be written yet are kept in case this guest continues. Returns
 * false if the rings were not running. Context: the rings have no backends, so
 * works that still run do nothing and start no timer.
 */
static bool rings_halt(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	unsigned int i;

	scoped_guard(mutex, &rdev->lock)
	{
		if (!rdev->running)
			return false;
		vrpmsg_hold_pause(rdev);
		for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
			rdev->kept_used[i] = vr->vq[i].last_used_idx;
			rdev->kept_avail[i] = vr->vq[i].last_avail_idx;
		}
		WRITE_ONCE(rdev->stalled, VHOST_RPMSG_ADDR_ANY);
		RCU_INIT_POINTER(rdev->vr, NULL);
		rdev->running = false;
		vrpmsg_ept_running_all(rdev, false);
	}
	synchronize_rcu();
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		timer_delete_sync(&vr->ring[i].timer);
		vrpmsg_guest_keep_used(vr, i);
		vr->ring[i].done = 0;
		vr->ring[i].tries = 0;
	}
	return true;
}

static int rings_stop(struct vhost_rpmsg *vr)
{
	unsigned int i;
	int ret;

	lockdep_assert_held(&vr->dev.mutex);
	ret = vhost_dev_check_owner(&vr->dev);
	if (ret)
		return ret;

	rings_lock(vr);
	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		if (vhost_vq_get_backend(&vr->vq[i]))
			vrpmsg_ring_flush(vr, i);
	rings_clear_backends(vr);
	rings_unlock(vr);
	if (rings_halt(vr)) {
		/*
		 * A work that is still queued does nothing, but the vhost core
		 * expects none on a ring that gets another worker.
		 */
		vhost_dev_flush(&vr->dev);
		guard(mutex)(&vr->rdev->lock);
		vrpmsg_dev_changed(vr->rdev);
	}
	return 0;
}

/**
 * vhost_rpmsg_set_running - start or stop the rings
 * @vr: device
 * @running: the argument of VHOST_RPMSG_SET_RUNNING: VHOST_RPMSG_STOP,
 *	VHOST_RPMSG_START or VHOST_RPMSG_CONTINUE
 *
 * For a driver that has its own ioctl for starting and stopping. A stop waits for
 * works of the driver on the virtqueues.
 *
 * Context: An ioctl of the VMM, without locks; may sleep.
 * Return: 0, or the error that VHOST_RPMSG_SET_RUNNING documents.
 */
int vhost_rpmsg_set_running(struct vhost_rpmsg *vr, int running)
{
	if (!vr->rdev)
		return -ENODEV;
	guard(mutex)(&vr->dev.mutex);
	switch (running) {
	case VHOST_RPMSG_STOP:
		return rings_stop(vr);
	case VHOST_RPMSG_START:
		return rings_start(vr, true);
	case VHOST_RPMSG_CONTINUE:
		return rings_start(vr, false);
	}
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_set_running);

static long rings_set_running(struct vhost_rpmsg *vr, int __user *arg)
{
	int running;

	if (get_user(running, arg))
		return -EFAULT;
	return vhost_rpmsg_set_running(vr, running);
}

/*
 * Feature bits that a driver may add: those that virtio reserves for the device
 * type, and ACCESS_PLATFORM, which needs the driver's file operations.
 */
#define VRPMSG_DRIVER_FEATURES				\
	(GENMASK_ULL(23, 0) | GENMASK_ULL(63, 50) |	\
	 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

/**
 * vhost_rpmsg_offer_features - offer additional feature bits
 * @vr: device, after vhost_rpmsg_init() and before it has an owner
 * @features: bits 0 to 23 and 50 to 63, which belong to the driver's virtio
 *	device; BIT_ULL(VIRTIO_F_ACCESS_PLATFORM), which requires that the
 *	driver's file operations call vhost_rpmsg_read_iter(),
 *	vhost_rpmsg_write_iter() and vhost_rpmsg_poll(), through which the VMM
 *	serves the IOTLB
 *
 * vhost_rpmsg_dev_features() returns the features that the guest has
 * acknowledged.
 *
 * Context: Process context; may sleep.
 * Return: 0; -EBUSY: the device has an owner; -EINVAL: a bit that is not
 * allowed.
 */
int vhost_rpmsg_offer_features(struct vhost_rpmsg *vr, u64 features)
{
	if (features & ~VRPMSG_DRIVER_FEATURES)
		return -EINVAL;
	guard(mutex)(&vr->dev.mutex);
	if (vhost_dev_has_owner(&vr->dev))
		return -EBUSY;
	vr->features = features;
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_offer_features);

static u64 rings_features(const struct vhost_rpmsg *vr)
{
	return vrpmsg_vhost_features() | BIT_ULL(VIRTIO_RPMSG_F_NS) |
	       vr->features;
}

#define VRPMSG_BACKEND_FEATURES BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)

static long rings_set_features(struct vhost_rpmsg *vr, u64 __user *arg)
{
	unsigned int i;
	u64 features;
	int err;

	if (copy_from_user(&features, arg, sizeof(features)))
		return -EFAULT;
	if (features & ~rings_features(vr))
		return -EOPNOTSUPP;

	guard(mutex)(&vr->dev.mutex);
	if ((features & BIT_ULL(VHOST_F_LOG_ALL)) &&
	    !vhost_log_access_ok(&vr->dev))
		return -EFAULT;

	if (features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)) {
		err = vhost_init_device_iotlb(&vr->dev);
		if (err)
			return err;
	} else {
		vhost_clear_device_iotlb(&vr->dev);
	}

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		guard(mutex)(&vr->vq[i].mutex);
		vr->vq[i].acked_features = features;
	}
	vrpmsg_dev_set_features(vr->rdev, features);
	return 0;
}

static long rings_set_backend_features(struct vhost_rpmsg *vr, u64 __user *arg)
{
	u64 features;

	if (copy_from_user(&features, arg, sizeof(features)))
		return -EFAULT;
	if (features & ~VRPMSG_BACKEND_FEATURES)
		return -EOPNOTSUPP;
	vhost_set_backend_features(&vr->dev, features);
	return 0;
}

static void rings_kick_all(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		vrpmsg_dev_kick(vr->rdev, i);
}

/**
 * vhost_rpmsg_ioctl - handle the ioctls of a vhost device
 * @vr: device
 * @ioctl: an ioctl of linux/vhost.h, or VHOST_RPMSG_SET_RUNNING
 * @arg: its argument
 *
 * The driver must handle its own ioctls first.
 *
 * Context: Process context, without locks; may sleep.
 * Return: 0 or the error that the ioctl documents; -ENODEV: vhost_rpmsg_init()
 * failed; -ENOTTY: unknown ioctl.
 */
long vhost_rpmsg_ioctl(struct vhost_rpmsg *vr, unsigned int ioctl,
		       unsigned long arg)
{
	void __user *argp = (void __user *)arg;
	long ret;

	if (!vr->rdev)
		return -ENODEV;
	switch (ioctl) {
	case VHOST_GET_FEATURES:
		return put_user(rings_features(vr), (u64 __user *)argp);
	case VHOST_SET_FEATURES:
		return rings_set_features(vr, argp);
	case VHOST_GET_BACKEND_FEATURES:
		return put_user(VRPMSG_BACKEND_FEATURES, (u64 __user *)argp);
	case VHOST_SET_BACKEND_FEATURES:
		return rings_set_backend_features(vr, argp);
	case VHOST_RPMSG_SET_RUNNING:
		return rings_set_running(vr, argp);
	}

	guard(mutex)(&vr->dev.mutex);
	ret = vhost_dev_ioctl(&vr->dev, ioctl, argp);
	if (ret != -ENOIOCTLCMD) {
		vhost_dev_flush(&vr->dev);
		/* Memory that was inaccessible may be mapped now. */
		rings_kick_all(vr);
		return ret;
	}
	ret = vhost_worker_ioctl(&vr->dev, ioctl, argp);
	if (ret == -ENOIOCTLCMD)
		ret = vhost_vring_ioctl(&vr->dev, ioctl, argp);
	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ioctl);

/* Initialise the rings, before they are attached to a device. */
void vrpmsg_rings_init(struct vhost_rpmsg *vr)
{
	unsigned int i;

	for (i = 0; i < VIRTIO_RPMSG_NUM_OF_VQS; i++) {
		vr->vq_p[i] = &vr->vq[i];
		vr->ring[i].vq = &vr->vq[i];
		INIT_LIST_HEAD(&vr->ring[i].touched);
		timer_setup(&vr->ring[i].timer, vrpmsg_burst_timer, 0);
	}
	vr->vq[VIRTIO_RPMSG_RESPONSE].handle_kick = vrpmsg_burst_tx;
	vr->vq[VIRTIO_RPMSG_REQUEST].handle_kick = vrpmsg_burst_rx;
	vhost_dev_init(&vr->dev, vr->vq_p, VIRTIO_RPMSG_NUM_OF_VQS, UIO_MAXIOV,
		       VRPMSG_PKT_WEIGHT, VRPMSG_BYTE_WEIGHT, true, NULL);
}

/*
 * The file is being closed. These users of the rings must have
 * finished before the rings are freed:
 *
 * - ioctls hold a reference to the file;
 * - the worker finds no backend;
 * - kicks from endpoints find no rings after the grace period in rings_halt();
 * - timers: rings_halt() waits for them;
 * - kicks from the guest: vhost_dev_stop() ends them and flushes the worker.
 *
 * Guest memory must not be accessed here: the caller may be another process, or
 * one that has given up its memory.
 */
void vrpmsg_rings_exit(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;

	rings_lock(vr);
	rings_clear_backends(vr);
	rings_unlock(vr);

	rings_halt(vr);
	vhost_dev_stop(&vr->dev);
	vhost_dev_cleanup(&vr->dev);

	guard(mutex)(&rdev->lock);
	if (rdev->guest && vr->keep && rdev->persistent)
		rdev->stale = true;
	else if (rdev->guest)
		vrpmsg_guest_forget(rdev);
	WRITE_ONCE(rdev->features, 0);
}
