// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints: the table of local addresses, and whose turn it is to send.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

static void ept_put_last(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	if (ept->unused)
		complete(ept->unused);
	else
		ept->ops->release(ept);
	vrpmsg_dev_put(rdev);
}

void vrpmsg_ept_put(struct vhost_rpmsg_ept *ept)
{
	if (refcount_dec_and_test(&ept->users))
		ept_put_last(ept);
}

/* The worker uses the endpoint until the end of the burst. */
static void ept_touched(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept)
{
	ept->touched = true;
	list_add_tail(&ept->touched_node, &vr->touched);
}

/**
 * vrpmsg_ept_touch - look up who has an address
 * @vr: rings
 * @addr: local address
 *
 * Context: The worker, which may use the endpoint until vrpmsg_ept_complete().
 * Return: the endpoint, or NULL.
 */
struct vhost_rpmsg_ept *vrpmsg_ept_touch(struct vhost_rpmsg *vr, u32 addr)
{
	struct vhost_rpmsg_ept *ept;

	rcu_read_lock();
	ept = xa_load(&vr->rdev->epts, addr);
	if (ept && !ept->touched) {
		if (refcount_inc_not_zero(&ept->users))
			ept_touched(vr, ept);
		else
			ept = NULL;
	}
	rcu_read_unlock();
	return ept;
}

/**
 * vrpmsg_ept_next_ready - take the endpoint whose turn it is off the list
 * @vr: rings
 *
 * It is off the list while it sends, so that one who has more to send in this
 * moment puts it back on, and is not missed.
 *
 * Context: The worker; as vrpmsg_ept_touch().
 */
struct vhost_rpmsg_ept *vrpmsg_ept_next_ready(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vr->rdev;
	struct vhost_rpmsg_ept *ept;

	/* Without the lock: who puts one on the list kicks the worker after it. */
	if (list_empty(&rdev->ready))
		return NULL;

	spin_lock(&rdev->ready_lock);
	ept = list_first_entry_or_null(&rdev->ready, struct vhost_rpmsg_ept,
				       ready_node);
	if (ept) {
		list_del_init(&ept->ready_node);
		if (!ept->touched) {
			/* What is on the list has its table's reference. */
			refcount_inc(&ept->users);
			ept_touched(vr, ept);
		}
	}
	spin_unlock(&rdev->ready_lock);
	return ept;
}

/* Back on the list, to go on with it first or after the others. */
bool vrpmsg_ept_ready(struct vhost_rpmsg_ept *ept, bool first)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	bool added = false;

	spin_lock(&rdev->ready_lock);
	if (!ept->dead && list_empty(&ept->ready_node)) {
		if (first)
			list_add(&ept->ready_node, &rdev->ready);
		else
			list_add_tail(&ept->ready_node, &rdev->ready);
		added = true;
	}
	spin_unlock(&rdev->ready_lock);
	return added;
}

/* The burst is over. */
void vrpmsg_ept_complete(struct vhost_rpmsg *vr)
{
	struct vhost_rpmsg_ept *ept, *next;

	list_for_each_entry_safe(ept, next, &vr->touched, touched_node) {
		if (ept->ops && ept->ops->complete)
			ept->ops->complete(ept);
		list_del(&ept->touched_node);
		ept->touched = false;
		vrpmsg_ept_put(ept);
	}
}

/* @remote may be VHOST_RPMSG_ADDR_ANY, with no kind. */
void vrpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			   enum vhost_rpmsg_remote_kind kind)
{
	lockdep_assert_held(&ept->rdev->lock);
	if (ept->remote == remote && ept->remote_kind == kind)
		return;
	ept->remote_kind = kind;
	WRITE_ONCE(ept->remote, remote);
	trace_vrpmsg_ept_remote(ept->rdev, ept->addr, remote, kind);
	if (ept->ops && ept->ops->remote_changed)
		ept->ops->remote_changed(ept);
}

/* A remote that stays. */
void vrpmsg_ept_fix_remote(struct vhost_rpmsg_ept *ept, u32 remote)
{
	lockdep_assert_held(&ept->rdev->lock);
	vrpmsg_ns_unbind(ept);
	WRITE_ONCE(ept->learn, false);
	vrpmsg_ept_set_remote(ept, remote, VHOST_RPMSG_REMOTE_KIND_FIXED);
}

/* A message has come from @src: perhaps the endpoint is without a remote. */
void vrpmsg_ept_learn(struct vhost_rpmsg_ept *ept, u32 src)
{
	if (!READ_ONCE(ept->learn) ||
	    vhost_rpmsg_ept_remote(ept) != VHOST_RPMSG_ADDR_ANY)
		return;

	guard(mutex)(&ept->rdev->lock);
	/* Neither fixed nor deleted since. */
	if (ept->learn && ept->remote == VHOST_RPMSG_ADDR_ANY &&
	    src != VHOST_RPMSG_ADDR_ANY &&
	    xa_load(&ept->rdev->epts, ept->addr) == ept)
		vrpmsg_ept_set_remote(ept, src,
				      VHOST_RPMSG_REMOTE_KIND_LEARNED);
}

/**
 * vrpmsg_ept_add - give an endpoint its address
 * @rdev: device, with or without a VMM
 * @ept: endpoint, as vhost_rpmsg_ept_add() wants it
 *
 * Return: as vhost_rpmsg_ept_add().
 */
int vrpmsg_ept_add(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept)
{
	int err;

	ept->touched = false;
	ept->dead = false;
	ept->remote_kind = VHOST_RPMSG_REMOTE_KIND_NONE;
	ept->remote = VHOST_RPMSG_ADDR_ANY;
	refcount_set(&ept->users, 1);
	ept->rdev = rdev;
	ept->ann = NULL;
	INIT_LIST_HEAD(&ept->ready_node);
	ept->unused = NULL;

	guard(mutex)(&rdev->lock);
	if (rdev->dead)
		return -ENODEV;

	if (ept->addr == VHOST_RPMSG_ADDR_ANY) {
		/* Reserved first: look-ups see an endpoint with its address. */
		err = xa_alloc_cyclic(&rdev->epts, &ept->addr, NULL,
				      XA_LIMIT(VHOST_RPMSG_FIRST_DYNAMIC_ADDR,
					       VHOST_RPMSG_ADDR_ANY - 1),
				      &rdev->next_addr, GFP_KERNEL_ACCOUNT);
		if (err == -EBUSY)
			return -ENOSPC;
		if (err < 0)
			return err;
		xa_store(&rdev->epts, ept->addr, ept, GFP_KERNEL);
	} else {
		err = xa_insert(&rdev->epts, ept->addr, ept,
				GFP_KERNEL_ACCOUNT);
		if (err)
			return err == -EBUSY ? -EADDRINUSE : err;
	}

	/* The name service's endpoint is part of its device. */
	if (ept != &rdev->ns_ept) {
		vrpmsg_dev_get(rdev);
		rdev->num_epts++;
		vrpmsg_ns_bind(ept);
	}
	return 0;
}

/**
 * vhost_rpmsg_ept_add - add an endpoint, whether the rings run or not
 * @vr: device
 * @ept: endpoint, with read, addr and what else it has filled in; its owner must
 *	leave it where it is until it is deleted
 *
 * Callbacks may come before this returns.
 *
 * Context: Process context; may sleep. Not from a callback that has the
 * device's mutex.
 * Return: 0; -EADDRINUSE: the address is taken; -EINVAL: no read(); -ENODEV: the
 * device is gone; -ENOMEM; -ENOSPC: no address is free.
 */
int vhost_rpmsg_ept_add(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept)
{
	if (!ept->read)
		return -EINVAL;
	return vrpmsg_ept_add(vr->rdev, ept);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_add);

/**
 * vhost_rpmsg_ept_del - delete an endpoint
 * @ept: endpoint; its announcement is withdrawn
 *
 * With ops->release, that is called when the last callback has returned, perhaps
 * before this function does. Without, the function waits for it, and @ept may be
 * freed afterwards.
 *
 * Context: Process context; may sleep. Not from a callback of an endpoint that
 * has no ops->release.
 * Return: 0; -ENOENT: somebody else has deleted it.
 */
int vhost_rpmsg_ept_del(struct vhost_rpmsg_ept *ept)
{
	bool wait = !ept->ops || !ept->ops->release;
	DECLARE_COMPLETION_ONSTACK(unused);
	struct vrpmsg_dev *rdev = ept->rdev;

	mutex_lock(&rdev->lock);
	if (xa_load(&rdev->epts, ept->addr) != ept) {
		mutex_unlock(&rdev->lock);
		return -ENOENT;
	}
	if (wait)
		ept->unused = &unused;
	xa_erase(&rdev->epts, ept->addr);
	rdev->num_epts--;
	vrpmsg_ns_withdraw(ept);
	vrpmsg_ns_unbind(ept);
	spin_lock(&rdev->ready_lock);
	ept->dead = true;
	list_del_init(&ept->ready_node);
	spin_unlock(&rdev->ready_lock);
	if (ept->ops && ept->ops->deleted)
		ept->ops->deleted(ept);
	mutex_unlock(&rdev->lock);

	/* It may be what holds the guest back. */
	vrpmsg_rings_kick(rdev, VIRTIO_RPMSG_REQUEST);
	vrpmsg_ept_put(ept);
	if (wait) {
		wait_for_completion(&unused);
		/* Look-ups that came too late to get a reference. */
		synchronize_rcu();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_del);

/* For the end of a device: one of its endpoints, referenced. */
struct vhost_rpmsg_ept *vrpmsg_ept_get_first(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;

	guard(mutex)(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept) {
		if (ept == &rdev->ns_ept)
			continue;
		refcount_inc(&ept->users);
		return ept;
	}
	return NULL;
}

/* Context: as the callback reset() says. */
void vrpmsg_ept_reset_all(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;

	lockdep_assert_held(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept) {
		if (ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_FIXED)
			vrpmsg_ept_set_remote(ept, VHOST_RPMSG_ADDR_ANY,
					      VHOST_RPMSG_REMOTE_KIND_NONE);
		if (ept->ops && ept->ops->reset)
			ept->ops->reset(ept);
	}
}

/**
 * vhost_rpmsg_ept_send - the endpoint has something to send
 * @ept: endpoint with ops->send, which the worker calls when it is its turn and
 *	the guest has a buffer
 *
 * Context: Any that may take a spinlock, callbacks included; does not sleep. The
 * endpoint must not be freed meanwhile.
 */
void vhost_rpmsg_ept_send(struct vhost_rpmsg_ept *ept)
{
	/* One that is ready already has been kicked for. */
	if (vrpmsg_ept_ready(ept, false))
		vrpmsg_rings_kick(ept->rdev, VIRTIO_RPMSG_RESPONSE);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_send);

/**
 * vhost_rpmsg_ept_resume - the endpoint can take requests again
 * @ept: endpoint whose read() has returned -EAGAIN
 *
 * Context: as vhost_rpmsg_ept_send().
 */
void vhost_rpmsg_ept_resume(struct vhost_rpmsg_ept *ept)
{
	vrpmsg_rings_kick(ept->rdev, VIRTIO_RPMSG_REQUEST);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_resume);

/**
 * vhost_rpmsg_ept_set_remote - give the endpoint a fixed remote
 * @ept: endpoint
 * @remote: address of the remote, which survives a reset of the guest
 *
 * Context: Process context; may sleep. Not from a callback that has the
 * device's mutex.
 * Return: 0; -EINVAL: VHOST_RPMSG_ADDR_ANY; -ENOENT: the endpoint is deleted.
 */
int vhost_rpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	if (remote == VHOST_RPMSG_ADDR_ANY)
		return -EINVAL;

	guard(mutex)(&rdev->lock);
	if (xa_load(&rdev->epts, ept->addr) != ept)
		return -ENOENT;
	vrpmsg_ept_fix_remote(ept, remote);
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_set_remote);

/**
 * vhost_rpmsg_init - make an RPMsg server of a driver's vhost device
 * @vr: zeroed memory; too big for kmalloc(), see kvzalloc()
 * @ept: endpoints to begin with
 * @n_epts: how many
 *
 * For the driver's open().
 *
 * Context: Process context; may sleep.
 * Return: 0, -ENOMEM, or what vhost_rpmsg_ept_add() returns.
 */
int vhost_rpmsg_init(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept,
		     unsigned int n_epts)
{
	unsigned int i;
	int err;

	vrpmsg_rings_init(vr);
	vr->rdev = vrpmsg_dev_new_private(vr);
	if (!vr->rdev)
		return -ENOMEM;

	for (i = 0; i < n_epts; i++) {
		err = vhost_rpmsg_ept_add(vr, &ept[i]);
		if (err) {
			vhost_rpmsg_destroy(vr);
			return err;
		}
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_init);

/**
 * vhost_rpmsg_destroy - the end of vhost_rpmsg_init()
 * @vr: device; the rings stop, the worker ends, endpoints that are left are
 *	deleted
 *
 * For the driver's release(), which may free @vr then.
 *
 * Context: Process context; may sleep.
 */
void vhost_rpmsg_destroy(struct vhost_rpmsg *vr)
{
	struct vrpmsg_dev *rdev = vrpmsg_dev_get(vr->rdev);
	struct vhost_rpmsg_ept *ept;

	vrpmsg_rings_exit(vr);
	while ((ept = vrpmsg_ept_get_first(rdev))) {
		vrpmsg_ept_put(ept);
		vhost_rpmsg_ept_del(ept);
	}
	vrpmsg_dev_put(rdev);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_destroy);

static struct vhost_rpmsg_ept *ept_find(struct vrpmsg_dev *rdev, u32 src)
{
	lockdep_assert_held(&rdev->lock);
	if (src == VHOST_RPMSG_NS_ADDR)
		return NULL;
	return xa_load(&rdev->epts, src);
}

/**
 * vhost_rpmsg_ns_announce - announce an endpoint to the guest
 * @vr: device
 * @name: name of the service, 1 to 31 characters
 * @src: local address of the endpoint
 *
 * The guest learns of it now or as soon as it has buffers, and again after each
 * reset. Announcing it again changes nothing.
 *
 * Context: Process context; may sleep. Not from a callback that has the
 * device's mutex.
 * Return: 0; -EINVAL: not a name; -ENOENT: no such endpoint; -ENOMEM.
 */
int vhost_rpmsg_ns_announce(struct vhost_rpmsg *vr, const char *name, u32 src)
{
	struct vhost_rpmsg_ept *ept;

	if (!vrpmsg_name_valid(name, ""))
		return -EINVAL;
	guard(mutex)(&vr->rdev->lock);
	ept = ept_find(vr->rdev, src);
	return ept ? vrpmsg_ns_announce(ept, name) : -ENOENT;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ns_announce);

/**
 * vhost_rpmsg_ns_withdraw - take an announcement back
 * @vr: device
 * @src: local address of the endpoint
 *
 * Context: as vhost_rpmsg_ns_announce().
 * Return: 0; -ENOENT: no such endpoint.
 */
int vhost_rpmsg_ns_withdraw(struct vhost_rpmsg *vr, u32 src)
{
	struct vhost_rpmsg_ept *ept;

	guard(mutex)(&vr->rdev->lock);
	ept = ept_find(vr->rdev, src);
	if (!ept)
		return -ENOENT;
	vrpmsg_ns_withdraw(ept);
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ns_withdraw);
