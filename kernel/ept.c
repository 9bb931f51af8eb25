// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints: the table of local addresses, and the remotes. */
#include <linux/export.h>
#include <linux/srcu.h>

#include "internal.h"
#include "trace.h"

/* Held during calls of release(), which may sleep. */
DEFINE_STATIC_SRCU(ept_release_srcu);

static void ept_put_last(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	int idx;

	if (ept->unused) {
		complete(ept->unused);
	} else {
		idx = srcu_read_lock(&ept_release_srcu);
		ept->ops->release(ept);
		srcu_read_unlock(&ept_release_srcu, idx);
	}
	vrpmsg_dev_put(rdev);
}

/*
 * Wait until the calls of release() that have begun have returned: a worker may
 * still be in the driver's code.
 */
void vrpmsg_ept_wait_releases(void)
{
	synchronize_srcu(&ept_release_srcu);
}

void vrpmsg_ept_put(struct vhost_rpmsg_ept *ept)
{
	if (refcount_dec_and_test(&ept->users))
		ept_put_last(ept);
}

static const struct vhost_rpmsg_ept_ops *
ept_ops(const struct vhost_rpmsg_ept *ept)
{
	static const struct vhost_rpmsg_ept_ops none;

	return ept->ops ?: &none;
}

/* Call @op, unless NULL, as a callback with the device's mutex held. */
static void ept_call(struct vhost_rpmsg_ept *ept,
		     void (*op)(struct vhost_rpmsg_ept *ept))
{
	if (!op)
		return;
	WRITE_ONCE(ept->rdev->callback_task, current);
	op(ept);
	WRITE_ONCE(ept->rdev->callback_task, NULL);
}

static void ept_call_running(struct vhost_rpmsg_ept *ept, bool running)
{
	if (!ept_ops(ept)->running)
		return;
	WRITE_ONCE(ept->rdev->callback_task, current);
	ept->ops->running(ept, running);
	WRITE_ONCE(ept->rdev->callback_task, NULL);
}

/* Set the remote. VHOST_RPMSG_ADDR_ANY has VHOST_RPMSG_REMOTE_KIND_NONE. */
void vrpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			   enum vhost_rpmsg_remote_kind kind)
{
	lockdep_assert_held(&ept->rdev->lock);
	if (ept->remote == remote && ept->remote_kind == kind)
		return;
	ept->remote_kind = kind;
	WRITE_ONCE(ept->remote, remote);
	trace_vrpmsg_ept_remote(ept->rdev, ept->addr, remote, kind);
	ept_call(ept, ept_ops(ept)->remote_changed);
	vrpmsg_ept_event(ept, VHOST_RPMSG_EVENT_CHANGE);
}

/* Set a fixed remote. */
void vrpmsg_ept_fix_remote(struct vhost_rpmsg_ept *ept, u32 remote)
{
	lockdep_assert_held(&ept->rdev->lock);
	WRITE_ONCE(ept->learn, false);
	WRITE_ONCE(ept->follow, false);
	ept->rdev->names->set_remote(ept, remote,
				     VHOST_RPMSG_REMOTE_KIND_FIXED);
}

/* Remove a fixed remote and, unless @follow is set, a learned or bound one. */
void vrpmsg_ept_unfix_remote(struct vhost_rpmsg_ept *ept, bool follow)
{
	lockdep_assert_held(&ept->rdev->lock);
	WRITE_ONCE(ept->learn, true);
	WRITE_ONCE(ept->follow, follow);
	if (!follow || ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_FIXED)
		ept->rdev->names->set_remote(ept, VHOST_RPMSG_ADDR_ANY,
					     VHOST_RPMSG_REMOTE_KIND_NONE);
}

/*
 * The guest's name service receives only. If its address were learned, a guest
 * could have an endpoint send it announcements.
 */
static bool ept_learns(const struct vhost_rpmsg_ept *ept, u32 src)
{
	u32 remote = vhost_rpmsg_ept_remote(ept);

	return READ_ONCE(ept->learn) && src != VHOST_RPMSG_ADDR_ANY &&
	       src != VHOST_RPMSG_NS_ADDR && src != remote &&
	       (remote == VHOST_RPMSG_ADDR_ANY || READ_ONCE(ept->follow));
}

/*
 * A message from @src has arrived: set the remote if the endpoint has none, or
 * follows. Context: the worker, with vq[REQUEST].mutex held.
 */
void vrpmsg_ept_learn(struct vhost_rpmsg_ept *ept, u32 src)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	if (likely(!ept_learns(ept, src)))
		return;
	guard(mutex)(&rdev->lock);
	/* Check again: it may have been fixed or deleted meanwhile. */
	if (!ept_learns(ept, src) || xa_load(&rdev->epts, ept->addr) != ept)
		return;
	/* A reset must forget this, even if no buffer is used. */
	rdev->used = true;
	rdev->names->set_remote(ept, src, VHOST_RPMSG_REMOTE_KIND_LEARNED);
}

/*
 * Reserve the endpoint's address, or a free one. Look-ups find nothing there before
 * ept_publish().
 */
static int ept_reserve(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept)
{
	u32 addr = ept->addr;
	int err;

	lockdep_assert_held(&rdev->lock);
	if (addr != VHOST_RPMSG_ADDR_ANY) {
		err = xa_insert(&rdev->epts, addr, NULL, VRPMSG_GFP_LOCKED);
		return err == -EBUSY ? -EADDRINUSE : err;
	}
	err = xa_alloc_cyclic(&rdev->epts, &addr, NULL,
			      XA_LIMIT(VHOST_RPMSG_FIRST_DYNAMIC_ADDR,
				       VHOST_RPMSG_ADDR_ANY - 1),
			      &rdev->next_addr, VRPMSG_GFP_LOCKED);
	if (err < 0)
		return err == -EBUSY ? -ENOSPC : err;
	ept->addr = addr;
	return 0;
}

/* Add the endpoint to the table. Cannot fail: its address is reserved. */
static void ept_publish(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept)
{
	lockdep_assert_held(&rdev->lock);
	/* Before rx can find it: with write(), rx takes both mutexes. */
	if (ept->write)
		WRITE_ONCE(rdev->num_writers, rdev->num_writers + 1);
	/*
	 * Likewise: running() must be called before the first message. It may
	 * call vhost_rpmsg_ept_send(), so nothing may fail after this.
	 */
	if (rdev->running)
		ept_call_running(ept, true);
	xa_store(&rdev->epts, ept->addr, ept, GFP_KERNEL);
	/* The name service's endpoint is part of its device. */
	if (ept == &rdev->ns_ept)
		return;
	vrpmsg_dev_get(rdev);
	rdev->num_epts++;
	rdev->names->added(ept);
}

/**
 * vrpmsg_ept_add - give an endpoint its address
 * @rdev: device, with or without a VMM
 * @ept: endpoint, as for vhost_rpmsg_ept_add(). A callback may delete and free
 *	it before this returns, unless the caller prevents that.
 * @complete: the endpoint is complete, so send its NEW event at once
 *
 * Return: as vhost_rpmsg_ept_add().
 */
int vrpmsg_ept_add(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept,
		   bool complete)
{
	int err;

	memset(ept->touched, 0, sizeof(ept->touched));
	ept->dead = false;
	ept->dropping = 0;
	/* No share yet: or new endpoints could keep a round from ending. */
	ept->credit = ept == &rdev->ns_ept ? VRPMSG_SEND_QUANTUM : 0;
	ept->round = READ_ONCE(rdev->round);
	ept->misfits = 0;
	ept->remote_kind = VHOST_RPMSG_REMOTE_KIND_NONE;
	ept->remote = VHOST_RPMSG_ADDR_ANY;
	refcount_set(&ept->users, 1);
	ept->rdev = rdev;
	ept->ann = NULL;
	ept->known = false;
	ept->notified = false;
	ept->shown = false;
	INIT_HLIST_NODE(&ept->name_node);
	INIT_LIST_HEAD(&ept->event_node);
	INIT_LIST_HEAD(&ept->ready_node);
	ept->unused = NULL;

	guard(mutex)(&rdev->lock);
	if (rdev->dead)
		return -ENODEV;
	err = ept_reserve(rdev, ept);
	if (err)
		return err;
	ept_publish(rdev, ept);
	if (complete)
		vrpmsg_ept_event(ept, VHOST_RPMSG_EVENT_NEW);
	return 0;
}

/* Whether the current thread runs a burst, or a single message. */
static bool ept_in_callback(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg *vr;
	unsigned int i;
	bool in = false;

	guard(rcu)();
	vr = rcu_dereference(rdev->vr);
	for (i = 0; vr && i < VIRTIO_RPMSG_NUM_OF_VQS; i++)
		in |= READ_ONCE(vr->ring[i].burst) == current;
	return in;
}

/* read() of an endpoint that has none: discard the message. */
static ssize_t ept_read_nothing(struct vhost_rpmsg *vr,
				struct vhost_rpmsg_iter *iter)
{
	return 0;
}

/**
 * vhost_rpmsg_dev_ept_add - add an endpoint to a device
 * @rdev: a named device, from a client's add() to the end of its remove(); or
 *	vhost_rpmsg_dev()
 * @ept: endpoint, with its public members filled in; the rest is initialised
 *	here. It must not move in memory until it is deleted.
 *
 * The rings may be running. Callbacks may be called before this returns. On a
 * named device, the @vr argument of callbacks belongs to a VMM and is only
 * valid during the call.
 *
 * Context: Process context; may sleep. Not from a callback that holds the
 * device's mutex.
 * Return: 0; -EADDRINUSE: the address is taken; in a callback, also by a user's
 * endpoint that is closing; -EDEADLK: called from a callback that holds that
 * mutex; -EINVAL: invalid name; -ENODEV: the device is gone; -ENOMEM; -ENOSPC:
 * no address is free.
 */
int vhost_rpmsg_dev_ept_add(struct vrpmsg_dev *rdev,
			    struct vhost_rpmsg_ept *ept)
{
	int err = vrpmsg_dev_may_lock(rdev);

	if (err)
		return err;
	if (ept->name && !vrpmsg_name_valid(ept->name))
		return -EINVAL;
	if (!ept->read)
		ept->read = ept_read_nothing;
	ept->id = vrpmsg_dev_new_ept_id(rdev);
	ept->yields = false;
	ept->orphan = NULL;
	do {
		err = vrpmsg_ept_add(rdev, ept, true);
		/* Not in a burst: this takes a lock of all devices. */
	} while (err == -EADDRINUSE && !ept_in_callback(rdev) &&
		 vrpmsg_dev_evict(rdev, ept->addr));
	return err;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_dev_ept_add);

/**
 * vhost_rpmsg_ept_add - add an endpoint to a driver's device
 * @vr: device
 * @ept: as for vhost_rpmsg_dev_ept_add()
 *
 * Context: as vhost_rpmsg_dev_ept_add().
 * Return: as vhost_rpmsg_dev_ept_add().
 */
int vhost_rpmsg_ept_add(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept)
{
	return vhost_rpmsg_dev_ept_add(vr->rdev, ept);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_add);

/*
 * Remove an endpoint, and pass the table's reference to the caller. Returns
 * false if it was removed already. Context: rdev->lock held.
 */
static bool ept_unlink(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	unsigned long flags;

	lockdep_assert_held(&rdev->lock);
	if (xa_load(&rdev->epts, ept->addr) != ept)
		return false;
	xa_erase(&rdev->epts, ept->addr);
	rdev->num_epts--;
	if (ept->write)
		WRITE_ONCE(rdev->num_writers, rdev->num_writers - 1);
	rdev->names->removed(ept);
	spin_lock_irqsave(&rdev->ready_lock, flags);
	WRITE_ONCE(ept->dead, true);
	list_del_init(&ept->ready_node);
	spin_unlock_irqrestore(&rdev->ready_lock, flags);
	ept_call(ept, ept_ops(ept)->deleted);
	/* Its last event, in order because of the mutex. */
	vrpmsg_ept_event(ept, VHOST_RPMSG_EVENT_DEL);
	return true;
}

/* Without ops->release, vhost_rpmsg_ept_del() waits for the last user. */
static bool ept_waits(const struct vhost_rpmsg_ept *ept)
{
	return !ept->ops || !ept->ops->release;
}

/**
 * vhost_rpmsg_ept_del - delete an endpoint
 * @ept: endpoint; its announcement is withdrawn
 *
 * With ops->release, that is called when the last callback has returned,
 * possibly before this function returns. Without it, this function waits for
 * the last callback, and @ept may be freed afterwards. If the VMM's memory
 * cannot be accessed, that may take until the VMM is ended.
 *
 * Context: Process context; may sleep. An endpoint that has no ops->release must
 * not be deleted from a callback, its own or another's, nor in a client's add(),
 * nor between vhost_rpmsg_start_lock() and vhost_rpmsg_finish_unlock().
 * Return: 0; -EDEADLK: called from such a callback, or one that holds the
 * device's mutex; -ENOENT: already deleted, or another thread is deleting it.
 * Callbacks may run until the call of that thread returns, so the two must agree
 * on who frees @ept.
 */
int vhost_rpmsg_ept_del(struct vhost_rpmsg_ept *ept)
{
	DECLARE_COMPLETION_ONSTACK(unused);
	struct vrpmsg_dev *rdev = ept->rdev;
	bool wait = ept_waits(ept);

	might_sleep();
	/* A burst uses the endpoint until its end: do not wait inside it. */
	if (WARN_ON_ONCE(vrpmsg_dev_in_callback(rdev) ||
			 (wait && ept_in_callback(rdev))))
		return -EDEADLK;

	scoped_guard(mutex, &rdev->lock)
	{
		if (!ept_unlink(ept))
			return -ENOENT;
		if (wait)
			ept->unused = &unused;
	}
	/* The endpoint may hold the guest back. */
	vrpmsg_dev_kick(rdev, VIRTIO_RPMSG_REQUEST);
	vrpmsg_ept_put(ept);
	if (wait) {
		wait_for_completion(&unused);
		/* Wait for look-ups that failed to get a reference. */
		synchronize_rcu();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_del);

/* Get a reference to any endpoint of a device that is going away. */
struct vhost_rpmsg_ept *vrpmsg_ept_get_first(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;

	guard(mutex)(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept)
		if (ept != &rdev->ns_ept) {
			refcount_inc(&ept->users);
			return ept;
		}
	return NULL;
}

/* Delete a driver's endpoints when no worker or look-up is left. */
void vrpmsg_ept_del_all(struct vrpmsg_dev *rdev)
{
	DECLARE_COMPLETION_ONSTACK(unused);
	struct vhost_rpmsg_ept *ept;
	bool unlinked;

	while ((ept = vrpmsg_ept_get_first(rdev))) {
		scoped_guard(mutex, &rdev->lock)
		{
			/* The driver may delete it at the same time. */
			unlinked = ept_unlink(ept);
			if (unlinked && ept_waits(ept))
				ept->unused = &unused;
		}
		if (unlinked)
			vrpmsg_ept_put(ept);
		vrpmsg_ept_put(ept);
	}
}

/*
 * The guest is gone: forget its remotes, and drop the messages for it. But keep
 * the messages of an endpoint if the guest has used no buffer and has not told
 * the endpoint its remote. Context: as for reset().
 */
void vrpmsg_ept_reset_all(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;
	bool told;

	lockdep_assert_held(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept) {
		told = ept->remote != VHOST_RPMSG_ADDR_ANY &&
		       ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_FIXED;
		if (told)
			vrpmsg_ept_set_remote(ept, VHOST_RPMSG_ADDR_ANY,
					      VHOST_RPMSG_REMOTE_KIND_NONE);
		if (told || READ_ONCE(rdev->used))
			ept_call(ept, ept_ops(ept)->reset);
		ept->misfits = 0;
		/* The next guest is held back before it loses messages. */
		ept->dropping = 0;
	}
}

/* Context: as for the callback new_guest(). */
void vrpmsg_ept_new_guest(struct vrpmsg_dev *rdev)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;

	lockdep_assert_held(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept)
		ept_call(ept, ept_ops(ept)->new_guest);
}

/* The rings have started or stopped. Context: as for the callback running(). */
void vrpmsg_ept_running_all(struct vrpmsg_dev *rdev, bool running)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;

	lockdep_assert_held(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept)
		ept_call_running(ept, running);
}

/**
 * vhost_rpmsg_ept_set_remote - set a fixed remote
 * @ept: endpoint
 * @remote: address of the remote; it survives a reset of the guest
 *
 * Context: Process context; may sleep. Not from a callback that holds the
 * device's mutex.
 * Return: 0; -EDEADLK: called from such a callback; -EINVAL: @remote is
 * VHOST_RPMSG_ADDR_ANY; -ENOENT: the endpoint is deleted.
 */
int vhost_rpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	int err;

	if (remote == VHOST_RPMSG_ADDR_ANY)
		return -EINVAL;
	err = vrpmsg_dev_may_lock(rdev);
	if (err)
		return err;

	guard(mutex)(&rdev->lock);
	if (xa_load(&rdev->epts, ept->addr) != ept)
		return -ENOENT;
	vrpmsg_ept_fix_remote(ept, remote);
	return 0;
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_set_remote);
