// SPDX-License-Identifier: GPL-2.0-only
/*
 * An RPMsg server: a device with its name service, its endpoints and, while a
 * VMM is attached, its rings. This file creates and deletes servers.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"

/* Allocate a private device with its name service. */
static struct vrpmsg_dev *server_alloc(void)
{
	struct vrpmsg_dev *rdev = vrpmsg_dev_alloc();

	if (rdev && vrpmsg_ns_init(rdev)) {
		vrpmsg_dev_put(rdev);
		return NULL;
	}
	return rdev;
}

/**
 * vrpmsg_server_new - create a device and add it to the table
 * @cfg: as for vrpmsg_dev_register()
 *
 * Return: the device, with a reference for the caller, or an ERR_PTR(): EEXIST,
 * ENOMEM, ENOSPC.
 */
struct vrpmsg_dev *vrpmsg_server_new(const struct vrpmsg_dev_config *cfg)
{
	struct vrpmsg_dev *rdev;
	int err;

	rdev = server_alloc();
	if (!rdev)
		return ERR_PTR(-ENOMEM);
	err = vrpmsg_clients_register_dev(rdev, cfg);
	if (err) {
		vrpmsg_dev_put(rdev);
		return ERR_PTR(err);
	}
	return rdev;
}

/* Delete a dead device; its endpoints first, for the order of events. */
static void server_delete(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;

	vrpmsg_dev_unhook(rdev);
	vrpmsg_clients_remove_dev(rdev);
	while ((ept = vrpmsg_ept_get_first(rdev))) {
		if (ept->orphan) {
			ept->orphan(ept);
			vrpmsg_ept_put(ept);
			continue;
		}
		/* Driver bug: it must delete its endpoints in remove(). */
		WARN_ON_ONCE(1);
		vrpmsg_ept_put(ept);
		vhost_rpmsg_ept_del(ept);
	}
	mutex_lock(&rdev->lock);
	vrpmsg_ns_exit(rdev);
	mutex_unlock(&rdev->lock);
	vrpmsg_dev_unregister(rdev);
}

/*
 * Delete a persistent device. Returns 0; -EBUSY if it has a VMM, or is a VMM's
 * own; -ENODEV if it is being deleted already.
 */
int vrpmsg_server_del(struct vrpmsg_dev *rdev)
{
	int err = vrpmsg_dev_kill(rdev);

	if (!err)
		server_delete(rdev);
	return err;
}

/*
 * Forget the guest of a VMM that has closed the device. Returns 0, even if
 * there was no guest; -EBUSY if there is a VMM; -ENODEV if the device is being
 * deleted.
 */
int vrpmsg_server_forget_guest(struct vrpmsg_dev *rdev)
{
	guard(mutex)(&rdev->lock);
	if (rdev->dead)
		return -ENODEV;
	/* Set until the VMM's rings are gone; without a VMM, no rings run. */
	if (rdev->attached)
		return -EBUSY;
	if (rdev->stale) {
		vrpmsg_guest_forget(rdev);
		vrpmsg_dev_changed(rdev);
	}
	return 0;
}

void vrpmsg_server_del_all(void)
{
	struct vrpmsg_dev *rdev;

	while ((rdev = vrpmsg_dev_get_next(0))) {
		/* Tell the administrator, who may not want to lose it. */
		pr_notice("vhost_rpmsg: persistent device %s goes with the module\n",
			  rdev->name);
		WARN_ON(vrpmsg_server_del(rdev));
		vrpmsg_dev_put(rdev);
	}
}

/* The VMM closes its file: release or delete the device. */
void vrpmsg_server_close(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;

	vrpmsg_rings_exit(vr);

	mutex_lock(&rdev->lock);
	WRITE_ONCE(rdev->attached, false);
	if (rdev->id && rdev->persistent)
		vrpmsg_dev_changed(rdev);
	else
		WRITE_ONCE(rdev->dead, true);
	mutex_unlock(&rdev->lock);

	if (rdev->id && !rdev->persistent)
		server_delete(rdev);
	vrpmsg_dev_put(rdev);
}

/**
 * vhost_rpmsg_init - set up an RPMsg server for a driver
 * @vr: memory for the server, which need not be zeroed. It is too big for
 *	kmalloc(), use kvmalloc().
 * @ept: initial endpoints, or NULL. Their public members are copied, so many
 *	devices may share one table. An endpoint to which the driver needs a
 *	pointer is added with vhost_rpmsg_ept_add() instead.
 * @n_epts: number of endpoints in @ept
 *
 * To be called in the driver's open(). After an error, all calls for @vr fail,
 * and vhost_rpmsg_destroy() does nothing.
 *
 * Context: Process context; may sleep.
 * Return: 0, -ENOMEM, or what vhost_rpmsg_ept_add() returns.
 */
int vhost_rpmsg_init(struct vhost_rpmsg *vr, const struct vhost_rpmsg_ept *ept,
		     unsigned int n_epts)
{
	unsigned int i;
	int err = -ENOMEM;

	memset(vr, 0, sizeof(*vr));
	vrpmsg_rings_init(vr);
	if (n_epts) {
		vr->epts = kvcalloc(n_epts, sizeof(*ept), GFP_KERNEL_ACCOUNT);
		if (!vr->epts)
			return err;
	}
	/* Private: without number, name and entry in the table. */
	vr->rdev = server_alloc();
	if (!vr->rdev)
		goto err_rdev;
	vr->rdev->attached = true;

	for (i = 0; i < n_epts; i++) {
		vr->epts[i] = ept[i];
		err = vhost_rpmsg_ept_add(vr, &vr->epts[i]);
		if (err) {
			vhost_rpmsg_destroy(vr);
			return err;
		}
	}
	return 0;

err_rdev:
	kvfree(vr->epts);
	vr->epts = NULL;
	return err;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_init);

/**
 * vhost_rpmsg_destroy - shut down an RPMsg server
 * @vr: device; stops its rings, ends its worker and deletes its endpoints
 *
 * To be called in the driver's release(), which may free @vr and endpoints
 * without ops->release afterwards. The time it waits does not depend on the
 * number of endpoints.
 *
 * Context: Process context; may sleep.
 */
void vhost_rpmsg_destroy(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;

	might_sleep();
	if (!rdev)
		return;
	vrpmsg_dev_get(rdev);
	vrpmsg_server_close(vr);
	vrpmsg_ept_del_all(rdev);
	mutex_lock(&rdev->lock);
	vrpmsg_ns_exit(rdev);
	mutex_unlock(&rdev->lock);
	vrpmsg_dev_put(rdev);
	kvfree(vr->epts);
	vr->epts = NULL;
	vr->rdev = NULL;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_destroy);

/**
 * vhost_rpmsg_set_hold_time - set how long endpoints may hold the guest back
 * @vr: device of a driver; that of a named device is set by an administrator
 * @hold_time: milliseconds, 0 for ever; the default is 10 s
 *
 * Context: Process context; may sleep. Not from a callback that holds the
 * device's mutex.
 */
void vhost_rpmsg_set_hold_time(struct vhost_rpmsg *vr, u32 hold_time)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	struct vrpmsg_dev_config cfg = { .hold_time = hold_time };

	if (vrpmsg_dev_may_lock(rdev))
		return;
	guard(mutex)(&rdev->lock);
	cfg.mtu = rdev->mtu_fixed;
	cfg.owner = rdev->owner;
	vrpmsg_dev_set(rdev, &cfg);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_set_hold_time);

/**
 * vhost_rpmsg_read_iter - implement read(): IOTLB misses
 * @vr: device
 * @iocb: argument of the driver's file operation
 * @to: likewise
 *
 * For a driver that offers VIRTIO_F_ACCESS_PLATFORM. The same applies to the
 * next two.
 *
 * Context: Process context; may sleep.
 * Return: bytes read, or an error.
 */
ssize_t vhost_rpmsg_read_iter(struct vhost_rpmsg *vr, struct kiocb *iocb,
			      struct iov_iter *to)
{
	return vhost_chr_read_iter(&vr->dev, to,
				   (iocb->ki_filp->f_flags & O_NONBLOCK) ||
					   (iocb->ki_flags & IOCB_NOWAIT));
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_read_iter);

/**
 * vhost_rpmsg_write_iter - implement write(): IOTLB updates
 * @vr: device
 * @from: argument of the driver's file operation
 *
 * Context: Process context; may sleep.
 * Return: bytes written, or an error.
 */
ssize_t vhost_rpmsg_write_iter(struct vhost_rpmsg *vr, struct iov_iter *from)
{
	return vhost_chr_write_iter(&vr->dev, from);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_write_iter);

/**
 * vhost_rpmsg_poll - implement poll(): whether IOTLB misses are pending
 * @vr: device
 * @file: argument of the driver's file operation
 * @wait: likewise
 *
 * Context: Process context; may sleep.
 * Return: events.
 */
__poll_t vhost_rpmsg_poll(struct vhost_rpmsg *vr, struct file *file,
			  poll_table *wait)
{
	return vhost_chr_poll(file, &vr->dev, wait);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_poll);

/**
 * vhost_rpmsg_dev_name - get the name of a device
 * @rdev: device
 *
 * Context: Any.
 * Return: the name, which is valid as long as the device; empty for a driver's
 * own device.
 */
const char *vhost_rpmsg_dev_name(const struct vrpmsg_dev *rdev)
{
	return rdev->name;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_dev_name);

/**
 * vhost_rpmsg_dev_state - get the state: whether there is a VMM, and whether
 * the rings run
 * @rdev: device
 *
 * Context: Any. The state may change at any time; ops->running is called under
 * the device's mutex instead.
 * Return: VHOST_RPMSG_DEV_STATE_DETACHED, _ATTACHED or _RUNNING.
 */
enum vhost_rpmsg_dev_state vhost_rpmsg_dev_state(const struct vrpmsg_dev *rdev)
{
	return vrpmsg_dev_state(rdev);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_dev_state);

/**
 * vhost_rpmsg_dev_mtu - get the longest payload that can be sent
 * @rdev: device
 *
 * Context: Any.
 * Return: bytes: what an administrator has set, or what fits into the guest's
 * buffers; 496 before a guest has posted any.
 */
u32 vhost_rpmsg_dev_mtu(const struct vrpmsg_dev *rdev)
{
	return vrpmsg_dev_mtu(rdev);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_dev_mtu);

/**
 * vhost_rpmsg_dev_generation - get the number of the current or last guest
 * @rdev: device
 *
 * Context: Any.
 * Return: a number that differs for each new guest; 0 before the first.
 */
u32 vhost_rpmsg_dev_generation(const struct vrpmsg_dev *rdev)
{
	return READ_ONCE(rdev->generation);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_dev_generation);

/**
 * vhost_rpmsg_dev_features - get the features that the guest's driver has
 * acknowledged
 * @rdev: device
 *
 * Context: Any. The VMM sets the features before it starts the rings.
 * Return: feature bits; 0 before they are set, and without a VMM.
 */
u64 vhost_rpmsg_dev_features(const struct vrpmsg_dev *rdev)
{
	return READ_ONCE(rdev->features);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_dev_features);
