// SPDX-License-Identifier: GPL-2.0-only
/*
 * The name service, in both directions: announcements of ours to the guest, and
 * channels that the guest announces to us. It is an endpoint like others, at
 * address 53, whose messages are made here.
 */
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

/**
 * struct vrpmsg_ann - an announcement
 * @node: in rdev->anns, in the order in which they were made
 * @pending_node: in rdev->ns_pending while a message is to be sent
 * @addr: local address
 * @withdrawn: off rdev->anns, and freed once the guest knows
 * @name: name of the service
 *
 * All of it under rdev->lock.
 */
struct vrpmsg_ann {
	struct list_head node;
	struct list_head pending_node;
	u32 addr;
	bool withdrawn;
	char name[VHOST_RPMSG_NAME_SIZE];
};

static struct vrpmsg_dev *ns_rdev(struct vhost_rpmsg_ept *ept)
{
	return container_of(ept, struct vrpmsg_dev, ns_ept);
}

static void ann_queue(struct vrpmsg_dev *rdev, struct vrpmsg_ann *ann)
{
	list_add_tail(&ann->pending_node, &rdev->ns_pending);
	vhost_rpmsg_ept_send(&rdev->ns_ept);
}

/* Announce @ept as @name; what is announced already stays as it is. */
int vrpmsg_ns_announce(struct vhost_rpmsg_ept *ept, const char *name)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_ann *ann;

	lockdep_assert_held(&rdev->lock);
	if (ept->ann)
		return 0;
	ann = kzalloc(sizeof(*ann), GFP_KERNEL_ACCOUNT);
	if (!ann)
		return -ENOMEM;
	ann->addr = ept->addr;
	strscpy(ann->name, name, sizeof(ann->name));
	list_add_tail(&ann->node, &rdev->anns);
	ept->ann = ann;
	ann_queue(rdev, ann);
	return 0;
}

void vrpmsg_ns_withdraw(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_ann *ann = ept->ann;

	lockdep_assert_held(&rdev->lock);
	if (!ann)
		return;
	ept->ann = NULL;
	list_del_init(&ann->node);
	ann->withdrawn = true;
	if (ann == rdev->ns_sending)
		return;		/* ns_sent() or ns_unsend() sees to it */
	if (!list_empty(&ann->pending_node)) {
		/* The guest never heard of it. */
		list_del(&ann->pending_node);
		kfree(ann);
		return;
	}
	ann_queue(rdev, ann);
}

/* The message that ns_send() made has reached the guest. */
static void ns_sent(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_ann *ann = rdev->ns_sending;

	lockdep_assert_held(&rdev->lock);
	if (!ann)
		return;
	rdev->ns_sending = NULL;
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_NS_TX, 1);
	if (!ann->withdrawn)
		return;
	if (rdev->ns_destroying)
		kfree(ann);
	else
		/* Withdrawn while its announcement was on the way. */
		ann_queue(rdev, ann);
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
	if (ann->withdrawn && !rdev->ns_destroying)
		kfree(ann);
	else
		list_add(&ann->pending_node, &rdev->ns_pending);
}

/*
 * The next announcement for the guest. A guest without the name service hears
 * nothing; its announcements stay where they are until it is reset.
 */
static int ns_send(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_dev *rdev = ns_rdev(iter->ept);
	struct vrpmsg_ns_msg msg = {};
	struct vrpmsg_ann *ann;
	bool more;

	if (!(READ_ONCE(rdev->features) & BIT_ULL(VIRTIO_RPMSG_F_NS)))
		return -ENODATA;

	mutex_lock(&rdev->lock);
	ns_sent(rdev);
	ann = list_first_entry_or_null(&rdev->ns_pending, struct vrpmsg_ann,
				       pending_node);
	if (!ann) {
		mutex_unlock(&rdev->lock);
		return -ENODATA;
	}
	if (vhost_rpmsg_iter_len(iter) < sizeof(msg)) {
		mutex_unlock(&rdev->lock);
		return -EMSGSIZE;
	}
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

	/* Guest memory is not to be touched with the mutex held. */
	iter->dst = VHOST_RPMSG_NS_ADDR;
	vhost_rpmsg_copy(vr, iter, &msg, sizeof(msg));
	return more;
}

static void chan_free(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	chan->ept = NULL;
	xa_erase(&rdev->chans, chan->addr);
	rdev->num_chans--;
	vrpmsg_nl_chan_event(rdev, chan, VHOST_RPMSG_EVENT_DEL);
	kfree(chan);
}

/* The service at @addr is gone, and for who talked to it, its remote. */
static bool ns_destroy(struct vrpmsg_dev *rdev, const char *name, u32 addr)
{
	struct vrpmsg_chan *chan = xa_load(&rdev->chans, addr);
	struct vhost_rpmsg_ept *ept;
	unsigned long src;

	lockdep_assert_held(&rdev->lock);
	if (!chan || strcmp(chan->name, name))
		return false;

	xa_for_each(&rdev->epts, src, ept)
		if (ept->remote == addr && ept->name &&
		    !strcmp(ept->name, name) &&
		    ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_FIXED)
			vrpmsg_ept_set_remote(ept, VHOST_RPMSG_ADDR_ANY,
					      VHOST_RPMSG_REMOTE_KIND_NONE);
	chan_free(rdev, chan);
	return true;
}

static void chan_bind(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
		      struct vhost_rpmsg_ept *ept)
{
	chan->ept = ept;
	vrpmsg_ept_set_remote(ept, chan->addr, VHOST_RPMSG_REMOTE_KIND_BOUND);
}

static bool ept_wants(struct vhost_rpmsg_ept *ept, const char *name)
{
	return ept->learn && ept->remote == VHOST_RPMSG_ADDR_ANY && ept->name &&
	       !strcmp(ept->name, name);
}

/* A new endpoint may be what a channel has waited for. */
void vrpmsg_ns_bind(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_chan *chan;
	unsigned long addr;

	lockdep_assert_held(&rdev->lock);
	xa_for_each(&rdev->chans, addr, chan) {
		if (chan->ept || !ept_wants(ept, chan->name))
			continue;
		chan_bind(rdev, chan, ept);
		vrpmsg_nl_chan_event(rdev, chan, VHOST_RPMSG_EVENT_CHANGE);
		return;
	}
}

/* The endpoint is deleted, or gets another remote. */
void vrpmsg_ns_unbind(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_chan *chan;

	lockdep_assert_held(&rdev->lock);
	if (ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_BOUND)
		return;
	chan = xa_load(&rdev->chans, ept->remote);
	if (!chan || chan->ept != ept)
		return;
	chan->ept = NULL;
	/* One that could not be completed was never heard of as bound. */
	if (vrpmsg_chrdev_known(ept))
		vrpmsg_nl_chan_event(rdev, chan, VHOST_RPMSG_EVENT_CHANGE);
}

/* The name has 32 bytes on the wire; here is room for one more. */
static bool ns_name_valid(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (*name < 0x20 || *name > 0x7e)
			return false;
	return true;
}

static bool ns_create(struct vrpmsg_dev *rdev, const char *name, u32 addr)
{
	struct vrpmsg_chan *chan = xa_load(&rdev->chans, addr);
	struct vhost_rpmsg_ept *ept;
	unsigned long src;

	lockdep_assert_held(&rdev->lock);
	if (chan && !strcmp(chan->name, name))
		return false;
	if (!chan && rdev->num_chans == VHOST_RPMSG_MAX_CHANNELS)
		return false;
	if (chan)
		/* The guest has reused the address for something else. */
		ns_destroy(rdev, chan->name, addr);

	chan = kzalloc(sizeof(*chan), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!chan)
		return false;
	chan->addr = addr;
	strscpy(chan->name, name, sizeof(chan->name));
	if (xa_err(xa_store(&rdev->chans, addr, chan,
			    GFP_KERNEL_ACCOUNT | __GFP_NOWARN))) {
		kfree(chan);
		return false;
	}
	rdev->num_chans++;

	xa_for_each(&rdev->epts, src, ept) {
		if (ept_wants(ept, name)) {
			chan_bind(rdev, chan, ept);
			break;
		}
	}
	vrpmsg_nl_chan_event(rdev, chan, VHOST_RPMSG_EVENT_NEW);
	return true;
}

/* What the guest announces. */
static ssize_t ns_read(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter)
{
	struct vrpmsg_dev *rdev = ns_rdev(iter->ept);
	char name[VHOST_RPMSG_NAME_SIZE + 1] = {};
	struct vrpmsg_ns_msg msg;
	u32 addr, flags;
	bool valid;

	if (!(READ_ONCE(rdev->features) & BIT_ULL(VIRTIO_RPMSG_F_NS))) {
		/* Then 53 is an address like any other, and nobody has it. */
		vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN, 1);
		return -ENOENT;
	}
	if (vhost_rpmsg_iter_len(iter) != sizeof(msg) ||
	    vhost_rpmsg_copy(vr, iter, &msg, sizeof(msg)) != sizeof(msg))
		goto invalid;

	memcpy(name, msg.name, sizeof(msg.name));
	addr = vhost32_to_cpu(iter->vq, msg.addr);
	flags = vhost32_to_cpu(iter->vq, msg.flags);
	if (!ns_name_valid(name) || addr == VHOST_RPMSG_ADDR_ANY ||
	    flags > NS_DESTROY)
		goto invalid;
	trace_vrpmsg_ns(rdev, false, name, addr, flags);

	mutex_lock(&rdev->lock);
	if (flags == NS_CREATE)
		valid = ns_create(rdev, name, addr);
	else
		valid = ns_destroy(rdev, name, addr);
	mutex_unlock(&rdev->lock);
	if (!valid)
		goto invalid;
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_NS_RX, 1);
	return 0;

invalid:
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_NS_INVALID, 1);
	trace_vrpmsg_drop(rdev, VHOST_RPMSG_A_STATS_NS_INVALID,
			  VHOST_RPMSG_NS_ADDR, vhost_rpmsg_iter_len(iter));
	return -EINVAL;
}

static const struct vhost_rpmsg_ept_ops ns_ops = {
	.send = ns_send,
	.unsend = ns_unsend,
	.complete = ns_complete,
};

int vrpmsg_ns_init(struct vrpmsg_dev *rdev)
{
	INIT_LIST_HEAD(&rdev->anns);
	INIT_LIST_HEAD(&rdev->ns_pending);
	xa_init(&rdev->chans);
	rdev->ns_ept.read = ns_read;
	rdev->ns_ept.addr = VHOST_RPMSG_NS_ADDR;
	rdev->ns_ept.ops = &ns_ops;
	return vrpmsg_ept_add(rdev, &rdev->ns_ept);
}

/*
 * The guest is gone: so are its channels, and the next one wants to hear of
 * every announcement, in order. Context: as dev_reset().
 */
void vrpmsg_ns_reset(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_ann *ann, *next;
	struct vrpmsg_chan *chan;
	unsigned long addr;

	lockdep_assert_held(&rdev->lock);
	/* A burst ends with ns_complete(). */
	WARN_ON_ONCE(rdev->ns_sending);

	xa_for_each(&rdev->chans, addr, chan)
		chan_free(rdev, chan);

	list_for_each_entry_safe(ann, next, &rdev->ns_pending, pending_node) {
		list_del_init(&ann->pending_node);
		if (ann->withdrawn)
			kfree(ann);
	}
	list_for_each_entry(ann, &rdev->anns, node)
		ann_queue(rdev, ann);
}

/* All endpoints are gone, so what is left has been withdrawn. */
void vrpmsg_ns_exit(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_ann *ann, *next;

	list_for_each_entry_safe(ann, next, &rdev->ns_pending, pending_node)
		kfree(ann);
	xa_destroy(&rdev->chans);
}
