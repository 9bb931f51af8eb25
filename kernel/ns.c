// SPDX-License-Identifier: GPL-2.0-only
/*
 * The name service, in both directions: it sends our announcements to the
 * guest, and receives the guest's, which create channels. It is an endpoint
 * like any other, at address 53, and this file builds its messages.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* As on the wire, see drivers/rpmsg/rpmsg_ns.c and linux/rpmsg/ns.h. */
struct vrpmsg_ns_msg {
	char name[VHOST_RPMSG_NAME_SIZE];	/* with or without a NUL */
	__virtio32 addr;
	__virtio32 flags;
};

static_assert(sizeof(struct vrpmsg_ns_msg) == 40);

#define NS_CREATE	0
#define NS_DESTROY	1

static struct vrpmsg_dev *ns_rdev(struct vhost_rpmsg_ept *ept)
{
	return container_of(ept, struct vrpmsg_dev, ns_ept);
}

static void ann_queue(struct vrpmsg_dev *rdev, struct vrpmsg_ann *ann)
{
	list_add_tail(&ann->pending_node, &rdev->ns_pending);
	vhost_rpmsg_ept_send(&rdev->ns_ept);
}

/* Announce @ept as @name, unless it is announced already. */
int vrpmsg_ns_announce(struct vhost_rpmsg_ept *ept, const char *name)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_ann *ann;

	lockdep_assert_held(&rdev->lock);
	if (ept->ann)
		return 0;
	ann = kzalloc(sizeof(*ann), VRPMSG_GFP_LOCKED);
	if (!ann)
		return -ENOMEM;
	ann->addr = ept->addr;
	strscpy(ann->name, name, sizeof(ann->name));
	list_add_tail(&ann->node, &rdev->anns);
	hlist_add_head(&ann->name_node,
		       vrpmsg_name_bucket(rdev->named_anns, name));
	ept->ann = ann;
	ann_queue(rdev, ann);
	vrpmsg_ept_event(ept, VHOST_RPMSG_EVENT_CHANGE);
	return 0;
}

static void ann_withdraw(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_ann *ann = ept->ann;

	lockdep_assert_held(&rdev->lock);
	if (!ann)
		return;
	ept->ann = NULL;
	list_del_init(&ann->node);
	hlist_del(&ann->name_node);
	ann->withdrawn = true;
	if (!list_empty(&ann->pending_node)) {
		/* The guest was not told of it. */
		list_del(&ann->pending_node);
		kfree(ann);
		return;
	}
	/*
	 * Queue it now, even if the announcement is still in flight: it must
	 * come before a later announcement of the same name and address.
	 */
	ann_queue(rdev, ann);
}

/* The message that ns_send() built has reached the guest. */
static void ns_sent(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_ann *ann = rdev->ns_sending;

	lockdep_assert_held(&rdev->lock);
	if (!ann)
		return;
	rdev->ns_sending = NULL;
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_NS_TX, 1);
	if (rdev->ns_destroying)
		kfree(ann);
}

static void ns_complete(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ns_rdev(ept);

	guard(mutex)(&rdev->lock);
	ns_sent(rdev);
}

static void ns_unsend(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ns_rdev(ept);
	struct vrpmsg_ann *ann;

	guard(mutex)(&rdev->lock);
	ann = rdev->ns_sending;
	rdev->ns_sending = NULL;
	if (ann->withdrawn && !rdev->ns_destroying) {
		/* Withdrawn before it was sent: drop both messages. */
		list_del(&ann->pending_node);
		kfree(ann);
	} else {
		list_add(&ann->pending_node, &rdev->ns_pending);
	}
}

/*
 * No buffer of the guest is large enough. The announcements wait until the
 * guest has been reset, or until a larger buffer is taken.
 */
static void ns_drop(struct vhost_rpmsg_ept *ept)
{
	WRITE_ONCE(ns_rdev(ept)->ns_waits, true);
}

/*
 * A buffer with @room bytes for payload has been taken. Returns true if
 * announcements have waited for one of this size: the name service has the next
 * turn then. Context: vq[RESPONSE].mutex held.
 */
bool vrpmsg_ns_check_room(struct vrpmsg_dev *rdev, size_t room)
{
	if (likely(!READ_ONCE(rdev->ns_waits)) ||
	    room < sizeof(struct vrpmsg_ns_msg))
		return false;
	WRITE_ONCE(rdev->ns_waits, false);
	vrpmsg_ept_requeue(&rdev->ns_ept, true);
	return true;
}

/*
 * Build the next announcement. To a guest without VIRTIO_RPMSG_F_NS nothing is
 * sent; the announcements stay pending until it is reset.
 */
static int ns_send(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_dev *rdev = ns_rdev(iter->ept);
	struct vrpmsg_ns_msg msg = {};
	struct vrpmsg_ann *ann;
	bool more;

	if (!vhost_has_feature(iter->vq, VIRTIO_RPMSG_F_NS))
		return -ENODATA;

	mutex_lock(&rdev->lock);
	ns_sent(rdev);
	/* Before the room: no buffer is used up if there is nothing to send. */
	ann = list_first_entry_or_null(&rdev->ns_pending, struct vrpmsg_ann,
				       pending_node);
	if (!ann) {
		mutex_unlock(&rdev->lock);
		return -ENODATA;
	}
	if (vhost_rpmsg_iter_room(iter) < sizeof(msg)) {
		mutex_unlock(&rdev->lock);
		return READ_ONCE(rdev->ns_waits) ? -ENODATA : -EMSGSIZE;
	}
	WRITE_ONCE(rdev->ns_waits, false);
	list_del_init(&ann->pending_node);
	rdev->ns_sending = ann;
	rdev->ns_destroying = ann->withdrawn;
	memcpy(msg.name, ann->name, sizeof(msg.name));
	msg.addr = cpu_to_vhost32(iter->vq, ann->addr);
	msg.flags = cpu_to_vhost32(iter->vq,
				   ann->withdrawn ? NS_DESTROY : NS_CREATE);
	trace_vrpmsg_ns(rdev, true, ann->name, ann->addr, ann->withdrawn);
	more = !list_empty(&rdev->ns_pending);
	mutex_unlock(&rdev->lock);

	/* Guest memory must not be accessed with the mutex held. */
	iter->dst = VHOST_RPMSG_NS_ADDR;
	vhost_rpmsg_copy(vr, iter, &msg, sizeof(msg));
	return more;
}

/*
 * Withdraw an announcement. If the guest has created an endpoint for it, that
 * is gone now, or has another address when the service is announced again. So
 * forget a learned remote.
 */
void vrpmsg_ns_withdraw(struct vhost_rpmsg_ept *ept)
{
	if (!ept->ann)
		return;
	ann_withdraw(ept);
	if (ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_LEARNED)
		vrpmsg_chan_set_remote(ept, VHOST_RPMSG_ADDR_ANY,
				       VHOST_RPMSG_REMOTE_KIND_NONE);
	else
		vrpmsg_ept_event(ept, VHOST_RPMSG_EVENT_CHANGE);
}

/*
 * The name of the announcement, or else the one that channels are matched with, or
 * NULL. Context: rdev->lock held.
 */
const char *vrpmsg_ns_name(struct vhost_rpmsg_ept *ept)
{
	return ept->ann ? ept->ann->name : ept->name;
}

/* Receive an announcement of the guest. */
static ssize_t ns_read(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_dev *rdev = ns_rdev(iter->ept);
	char name[VHOST_RPMSG_NAME_SIZE + 1] = {};
	struct vrpmsg_ns_msg msg;
	struct vrpmsg_chan *chan = NULL;
	bool valid = true;
	u32 addr, flags;

	if (!vhost_has_feature(iter->vq, VIRTIO_RPMSG_F_NS)) {
		/* Without NS, 53 is an ordinary address without an endpoint. */
		vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN, 1);
		return -ENOENT;
	}
	if (vhost_rpmsg_iter_len(iter) != sizeof(msg))
		goto invalid;
	/* The ring retries it, or counts it as dropped. */
	if (vhost_rpmsg_copy(vr, iter, &msg, sizeof(msg)) != sizeof(msg))
		return -EFAULT;

	memcpy(name, msg.name, sizeof(msg.name));
	addr = vhost32_to_cpu(iter->vq, msg.addr);
	flags = vhost32_to_cpu(iter->vq, msg.flags);
	if (!name[0] || addr == VHOST_RPMSG_ADDR_ANY || flags > NS_DESTROY)
		goto invalid;
	trace_vrpmsg_ns(rdev, false, name, addr, flags);

	if (flags == NS_CREATE) {
		chan = vrpmsg_chan_alloc(rdev, name, addr);
		if (!chan)
			goto invalid;
	}
	mutex_lock(&rdev->lock);
	if (chan)
		valid = vrpmsg_chan_create(rdev, chan);
	else
		vrpmsg_chan_destroy(rdev, name, addr);
	mutex_unlock(&rdev->lock);
	if (!valid)
		goto invalid;
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_NS_RX, 1);
	return 0;

invalid:
	vrpmsg_drop(rdev, VHOST_RPMSG_A_STATS_NS_INVALID, VHOST_RPMSG_NS_ADDR,
		    vhost_rpmsg_iter_len(iter));
	return -EINVAL;
}

static void ns_removed(struct vhost_rpmsg_ept *ept)
{
	ann_withdraw(ept);
	vrpmsg_chan_ept_removed(ept);
}

static const struct vrpmsg_names ns_names = {
	.added = vrpmsg_chan_ept_added,
	.removed = ns_removed,
	.set_remote = vrpmsg_chan_set_remote,
};

static const struct vhost_rpmsg_ept_ops ns_ops = {
	.send = ns_send,
	.unsend = ns_unsend,
	.drop = ns_drop,
	.tx_complete = ns_complete,
};

int vrpmsg_ns_init(struct vrpmsg_dev *rdev)
{
	INIT_LIST_HEAD(&rdev->anns);
	INIT_LIST_HEAD(&rdev->ns_pending);
	xa_init(&rdev->chans);
	rdev->ns_ept.read = ns_read;
	rdev->ns_ept.addr = VHOST_RPMSG_NS_ADDR;
	rdev->ns_ept.ops = &ns_ops;
	rdev->names = &ns_names;
	return vrpmsg_ept_add(rdev, &rdev->ns_ept, false);
}

/*
 * The guest is gone: drop its channels, and queue all announcements for the
 * next guest, in order. Context: as for vrpmsg_guest_forget().
 */
void vrpmsg_ns_reset(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_ann *ann, *next;

	lockdep_assert_held(&rdev->lock);
	/* Each burst ends with ns_complete(). */
	WARN_ON_ONCE(rdev->ns_sending);
	rdev->ns_waits = false;

	vrpmsg_chans_reset(rdev);

	list_for_each_entry_safe(ann, next, &rdev->ns_pending, pending_node) {
		list_del_init(&ann->pending_node);
		if (ann->withdrawn)
			kfree(ann);
	}
	list_for_each_entry(ann, &rdev->anns, node)
		ann_queue(rdev, ann);
}

/* All endpoints are gone, so all announcements have been withdrawn. */
void vrpmsg_ns_exit(struct vrpmsg_dev *rdev)
{
	vrpmsg_ns_reset(rdev);
	xa_destroy(&rdev->chans);
}

/*
 * Announce the endpoint at @src, or, if @name is NULL, withdraw its
 * announcement. If @only is not NULL, fail for any other endpoint.
 */
static int ns_set(struct vrpmsg_dev *rdev, u32 src,
		  const struct vhost_rpmsg_ept *only, const char *name)
{
	struct vhost_rpmsg_ept *ept;
	int err = vrpmsg_dev_may_lock(rdev);

	if (err)
		return err;
	guard(mutex)(&rdev->lock);
	ept = xa_load(&rdev->epts, src);
	if (!ept || ept == &rdev->ns_ept || (only && ept != only))
		return -ENOENT;
	if (name)
		return vrpmsg_ns_announce(ept, name);
	vrpmsg_ns_withdraw(ept);
	return 0;
}

/**
 * vhost_rpmsg_ns_announce - announce an endpoint to the guest
 * @vr: device
 * @name: name of the service, 1 to 31 printable characters
 * @src: local address of the endpoint
 *
 * The guest is told as soon as it has posted a buffer, and again after each
 * reset. Announcing an endpoint that is announced already changes nothing.
 *
 * Context: Process context; may sleep. Not from a callback that holds the
 * device's mutex.
 * Return: 0; -EDEADLK: called from such a callback; -EINVAL: invalid name;
 * -ENODEV: vhost_rpmsg_init() failed; -ENOENT: no such endpoint; -ENOMEM.
 */
int vhost_rpmsg_ns_announce(struct vhost_rpmsg *vr, const char *name, u32 src)
{
	if (!vrpmsg_name_valid(name))
		return -EINVAL;
	return ns_set(vr->rdev, src, NULL, name);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ns_announce);

/**
 * vhost_rpmsg_ns_withdraw - withdraw an announcement
 * @vr: device
 * @src: local address of the endpoint
 *
 * Context: as vhost_rpmsg_ns_announce().
 * Return: 0; -EDEADLK, -ENODEV: as vhost_rpmsg_ns_announce(); -ENOENT: no such
 * endpoint.
 */
int vhost_rpmsg_ns_withdraw(struct vhost_rpmsg *vr, u32 src)
{
	return ns_set(vr->rdev, src, NULL, NULL);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ns_withdraw);

/**
 * vhost_rpmsg_ept_announce - announce an endpoint of any device
 * @ept: endpoint
 * @name: as for vhost_rpmsg_ns_announce()
 *
 * Context: as vhost_rpmsg_ns_announce().
 * Return: as vhost_rpmsg_ns_announce(); -ENOENT: the endpoint is deleted.
 */
int vhost_rpmsg_ept_announce(struct vhost_rpmsg_ept *ept, const char *name)
{
	if (!vrpmsg_name_valid(name))
		return -EINVAL;
	return ns_set(ept->rdev, ept->addr, ept, name);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_announce);

/**
 * vhost_rpmsg_ept_withdraw - withdraw an endpoint's announcement
 * @ept: endpoint
 *
 * Context: as vhost_rpmsg_ns_announce().
 * Return: 0; -EDEADLK: as vhost_rpmsg_ns_announce(); -ENOENT: the endpoint is
 * deleted.
 */
int vhost_rpmsg_ept_withdraw(struct vhost_rpmsg_ept *ept)
{
	return ns_set(ept->rdev, ept->addr, ept, NULL);
}
EXPORT_SYMBOL_GPL(vhost_rpmsg_ept_withdraw);
