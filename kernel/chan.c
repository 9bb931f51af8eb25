// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels: the services that the guest has announced, and the endpoints that
 * are bound to them.
 */
#include <linux/slab.h>

#include "internal.h"

/*
 * Matching by name. Endpoints and channels have a hash table each, so that a
 * message of the guest does not cause a walk of all endpoints. An endpoint
 * without a remote, or that has learned the address of a channel of its name,
 * never exists next to that channel while it is free: every function that frees
 * one of them calls chan_match() last.
 */

/* An administrator's endpoints are bound first, then the lowest address. */
static bool chan_before(const struct vhost_rpmsg_ept *a,
			const struct vhost_rpmsg_ept *b)
{
	return a->yields != b->yields ? b->yields : a->addr < b->addr;
}

/* Find the endpoint without a remote that is the first to be bound. */
static struct vhost_rpmsg_ept *chan_find_ept(struct vrpmsg_dev *rdev,
					     const char *name)
{
	struct vhost_rpmsg_ept *ept, *first = NULL;

	hlist_for_each_entry(ept, vrpmsg_name_bucket(rdev->named_epts, name),
			     name_node)
		if (ept->learn && ept->remote == VHOST_RPMSG_ADDR_ANY &&
		    !strcmp(ept->name, name) &&
		    (!first || chan_before(ept, first)))
			first = ept;
	return first;
}

static struct vrpmsg_chan *chan_find(struct vrpmsg_dev *rdev, const char *name)
{
	struct vrpmsg_chan *chan, *first = NULL;

	hlist_for_each_entry(chan, vrpmsg_name_bucket(rdev->named_chans, name),
			     name_node)
		if (!chan->ept && !strcmp(chan->name, name) &&
		    (!first || chan->addr < first->addr))
			first = chan;
	return first;
}

/*
 * Choose the endpoint for a free channel: the first one that already
 * communicates with it, unless that is a user's and an endpoint of an
 * administrator is waiting.
 */
static struct vhost_rpmsg_ept *chan_ept_for(struct vrpmsg_dev *rdev,
					    const struct vrpmsg_chan *chan)
{
	struct vhost_rpmsg_ept *free = chan_find_ept(rdev, chan->name);
	struct vhost_rpmsg_ept *ept, *first = NULL;

	hlist_for_each_entry(ept,
			     vrpmsg_name_bucket(rdev->named_epts, chan->name),
			     name_node)
		if (ept->remote == chan->addr &&
		    ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_LEARNED &&
		    !strcmp(ept->name, chan->name) &&
		    (!first || chan_before(ept, first)))
			first = ept;
	if (!first || (first->yields && free && !free->yields))
		return free;
	return first;
}

static void chan_bind(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
		      struct vhost_rpmsg_ept *ept, enum vhost_rpmsg_event event)
{
	chan->ept = ept;
	/* Send the channel's event before that of the endpoint bound to it. */
	vrpmsg_chan_event(rdev, chan, event);
	if (ept)
		vrpmsg_ept_set_remote(ept, chan->addr,
				      VHOST_RPMSG_REMOTE_KIND_BOUND);
}

/*
 * Find the free channel that is the next to be bound: the first one if an
 * endpoint has no remote, or else one that an endpoint communicates with.
 */
static struct vrpmsg_chan *chan_find_next(struct vrpmsg_dev *rdev,
					  const char *name)
{
	struct vrpmsg_chan *chan, *first = NULL;
	struct vhost_rpmsg_ept *ept;

	if (chan_find_ept(rdev, name))
		return chan_find(rdev, name);
	hlist_for_each_entry(ept, vrpmsg_name_bucket(rdev->named_epts, name),
			     name_node) {
		if (ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_LEARNED ||
		    strcmp(ept->name, name))
			continue;
		chan = xa_load(&rdev->chans, ept->remote);
		if (chan && !chan->ept && !strcmp(chan->name, name) &&
		    (!first || chan->addr < first->addr))
			first = chan;
	}
	return first;
}

static void chan_match(struct vrpmsg_dev *rdev, const char *name)
{
	struct vrpmsg_chan *chan;

	lockdep_assert_held(&rdev->lock);
	while ((chan = chan_find_next(rdev, name)))
		chan_bind(rdev, chan, chan_ept_for(rdev, chan),
			  VHOST_RPMSG_EVENT_CHANGE);
}

/* Return the channel to which an endpoint is bound, or NULL. */
static struct vrpmsg_chan *chan_of(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chan *chan;

	if (ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_BOUND)
		return NULL;
	chan = xa_load(&ept->rdev->chans, ept->remote);
	return chan && chan->ept == ept ? chan : NULL;
}

/* The endpoint is being deleted, or its remote changes. */
static void chan_unbind(struct vrpmsg_chan *chan, struct vhost_rpmsg_ept *ept)
{
	chan->ept = NULL;
	/* Listeners do not know of the binding to an incomplete endpoint. */
	if (ept->known)
		vrpmsg_chan_event(ept->rdev, chan, VHOST_RPMSG_EVENT_CHANGE);
}

/* An endpoint has been given its address. Context: rdev->lock held. */
void vrpmsg_chan_ept_added(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	if (!ept->name)
		return;
	hlist_add_head(&ept->name_node,
		       vrpmsg_name_bucket(rdev->named_epts, ept->name));
	chan_match(rdev, ept->name);
}

/* An endpoint has lost its address. Context: rdev->lock held. */
void vrpmsg_chan_ept_removed(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chan *chan = chan_of(ept);

	if (!ept->name)
		return;
	hlist_del_init(&ept->name_node);
	if (chan) {
		chan_unbind(chan, ept);
		chan_match(ept->rdev, ept->name);
	}
}

/*
 * Set or clear the remote of an endpoint, and update the channels that this
 * releases or binds.
 */
void vrpmsg_chan_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			    enum vhost_rpmsg_remote_kind kind)
{
	struct vrpmsg_chan *old = chan_of(ept), *chan = NULL;
	struct vrpmsg_dev *rdev = ept->rdev;

	lockdep_assert_held(&rdev->lock);
	if (kind == VHOST_RPMSG_REMOTE_KIND_LEARNED && ept->name) {
		/* A message from a free channel of this name binds it. */
		chan = xa_load(&rdev->chans, remote);
		if (chan && (chan->ept || strcmp(chan->name, ept->name)))
			chan = NULL;
	}
	if (old)
		chan_unbind(old, ept);
	if (chan)
		chan_bind(rdev, chan, ept, VHOST_RPMSG_EVENT_CHANGE);
	else
		vrpmsg_ept_set_remote(ept, remote, kind);
	if (ept->name)
		chan_match(rdev, ept->name);
}

/* Free a channel that has been removed from rdev->chans. */
static void chan_free(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	hlist_del(&chan->name_node);
	rdev->num_chans--;
	vrpmsg_chan_gone(rdev, chan);
}

/*
 * The service at @addr is gone: clear it where it is the remote. The guest may know
 * a driver's endpoint only by the name of its announcement.
 */
static void chan_forget(struct vrpmsg_dev *rdev, const char *name, u32 addr)
{
	struct vhost_rpmsg_ept *ept;
	struct vrpmsg_ann *ann;

	hlist_for_each_entry(ept, vrpmsg_name_bucket(rdev->named_epts, name),
			     name_node)
		if (ept->remote == addr && !strcmp(ept->name, name) &&
		    ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_FIXED)
			vrpmsg_ept_set_remote(ept, VHOST_RPMSG_ADDR_ANY,
					      VHOST_RPMSG_REMOTE_KIND_NONE);
	hlist_for_each_entry(ann, vrpmsg_name_bucket(rdev->named_anns, name),
			     name_node) {
		ept = xa_load(&rdev->epts, ann->addr);
		if (ept->remote == addr && !strcmp(ann->name, name) &&
		    ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_LEARNED)
			vrpmsg_chan_set_remote(ept, VHOST_RPMSG_ADDR_ANY,
					       VHOST_RPMSG_REMOTE_KIND_NONE);
	}
}

/*
 * The guest sends this for its channels. OpenAMP also sends it for endpoints
 * that it created for a service of ours. Of the latter we only know a learned
 * remote, if they have sent a message.
 */
void vrpmsg_chan_destroy(struct vrpmsg_dev *rdev, const char *name, u32 addr)
{
	struct vrpmsg_chan *chan = xa_load(&rdev->chans, addr);

	lockdep_assert_held(&rdev->lock);
	chan_forget(rdev, name, addr);
	if (chan && !strcmp(chan->name, name)) {
		xa_erase(&rdev->chans, addr);
		chan_free(rdev, chan);
	}
	chan_match(rdev, name);
}

/*
 * Allocate a channel and reserve its place in the table, before rdev->lock is
 * taken: the guest's VMM may be at its memory limit.
 */
struct vrpmsg_chan *vrpmsg_chan_alloc(struct vrpmsg_dev *rdev, const char *name,
				      u32 addr)
{
	struct vrpmsg_chan *chan = kzalloc(sizeof(*chan), VRPMSG_GFP_LOCKED);

	if (!chan)
		return NULL;
	if (xa_reserve(&rdev->chans, addr, VRPMSG_GFP_LOCKED)) {
		kfree(chan);
		return NULL;
	}
	chan->addr = addr;
	strscpy(chan->name, name, sizeof(chan->name));
	INIT_LIST_HEAD(&chan->event_node);
	return chan;
}

static void chan_unalloc(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	xa_release(&rdev->chans, chan->addr);
	kfree(chan);
}

/* Add a channel. Takes over @chan, and returns false if the table is full. */
bool vrpmsg_chan_create(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	struct vrpmsg_chan *old = xa_load(&rdev->chans, chan->addr);
	char name[sizeof(chan->name)];

	lockdep_assert_held(&rdev->lock);
	if (old && !strcmp(old->name, chan->name)) {
		/* The guest may announce it twice. */
		kfree(chan);
		return true;
	}
	if (!old && rdev->num_chans == VHOST_RPMSG_MAX_CHANNELS) {
		chan_unalloc(rdev, chan);
		return false;
	}

	/* The guest has reused the address for something else. */
	if (old)
		chan_forget(rdev, old->name, chan->addr);
	/*
	 * Not before: this can bind channels of the new name. Allocates nothing: the
	 * place is reserved, or was that of @old.
	 */
	xa_store(&rdev->chans, chan->addr, chan, GFP_NOWAIT);
	if (old) {
		strscpy(name, old->name, sizeof(name));
		chan_free(rdev, old);
		chan_match(rdev, name);
	}
	hlist_add_head(&chan->name_node,
		       vrpmsg_name_bucket(rdev->named_chans, chan->name));
	rdev->num_chans++;
	chan_bind(rdev, chan, chan_ept_for(rdev, chan), VHOST_RPMSG_EVENT_NEW);
	return true;
}

/* The guest is gone: drop its channels. */
void vrpmsg_chans_reset(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_chan *chan;
	unsigned long addr;

	lockdep_assert_held(&rdev->lock);
	xa_for_each(&rdev->chans, addr, chan) {
		xa_erase(&rdev->chans, addr);
		chan_free(rdev, chan);
	}
}
