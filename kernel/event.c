// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: what listeners hear of objects that come, change and go.
 *
 * What an administrator makes or deletes is told at once. What a guest, a VMM or
 * whoever opens and closes a char device can do thousands of times a second is
 * told at once as well, as long as there are few: each device has a number of
 * events to spend, which grows again with time. From there on its objects are only
 * marked, and a work tells what has become of them, as fast as the device may
 * spend. So a listener hears a bounded number of events, and the final state.
 *
 * Replies to requests show objects that listeners have not heard of yet. The end of
 * such a one is told as well: who asked may have asked for them all once, and rely
 * on events from there on.
 */
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* Events that may come at once, and each second after that. */
#define EVENT_BURST	128
#define EVENT_RATE	128
/* How often the work tells what has waited. */
#define EVENT_PERIOD	(HZ / 10)

/* Set once, before there is a device; NULL when nobody listens. */
static const struct vrpmsg_listener *event_listener;

/* Devices that VMMs make: each open() makes one. */
static DEFINE_SPINLOCK(event_lock);
static struct vrpmsg_event_budget event_devices = { .left = EVENT_BURST };

/* Have @listener hear of everything from now on, or nobody. */
void vrpmsg_listen(const struct vrpmsg_listener *listener)
{
	WRITE_ONCE(event_listener, listener);
}

static const struct vrpmsg_listener *event_who(void)
{
	const struct vrpmsg_listener *listener = READ_ONCE(event_listener);

	return listener && listener->wanted() ? listener : NULL;
}

static bool event_spend(struct vrpmsg_event_budget *budget)
{
	unsigned long time = jiffies - budget->since, fresh;

	/* All of it is there again after a second. */
	BUILD_BUG_ON(EVENT_BURST > EVENT_RATE);
	fresh = min_t(unsigned long, time, HZ);
	fresh = fresh * EVENT_RATE / HZ;
	if (fresh >= EVENT_BURST - budget->left) {
		budget->left = EVENT_BURST;
		budget->since = jiffies;
	} else if (fresh) {
		budget->left += fresh;
		budget->since += fresh * HZ / EVENT_RATE;
	}
	if (!budget->left)
		return false;
	budget->left--;
	return true;
}

static bool event_spend_device(void)
{
	bool may;

	/* No guard(): sparse takes it for an imbalance. */
	spin_lock(&event_lock);
	may = event_spend(&event_devices);
	spin_unlock(&event_lock);
	return may;
}

static bool event_waits(const struct vrpmsg_events *events)
{
	return events->changed || events->missed ||
	       !list_empty(&events->gone) || !list_empty(&events->chans) ||
	       !list_empty(&events->epts);
}

/* Whether an event may be told at once: not before those that wait. */
static bool event_now(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;

	lockdep_assert_held(&rdev->lock);
	/* Nobody has to wait, if nobody listens. */
	if (!event_who())
		return true;
	return events->known && !event_waits(events) &&
	       event_spend(&events->budget);
}

static void event_later(struct vrpmsg_dev *rdev)
{
	schedule_delayed_work(&rdev->events.work, EVENT_PERIOD);
}

static void event_merged(struct vrpmsg_dev *rdev, unsigned int n)
{
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_EVENTS_MERGED, n);
}

static void tell_dev(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event)
{
	const struct vrpmsg_listener *listener = event_who();

	rdev->events.changed = false;
	rdev->events.known = event != VHOST_RPMSG_EVENT_DEL;
	if (listener)
		listener->dev(rdev, event);
}

static void tell_chan(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	const struct vrpmsg_listener *listener = event_who();

	list_del_init(&chan->event_node);
	if (listener)
		listener->chan(rdev, chan,
			       chan->known ? VHOST_RPMSG_EVENT_CHANGE :
					     VHOST_RPMSG_EVENT_NEW);
	chan->known = true;
}

/* The end of a channel, and of its memory. */
static void tell_chan_gone(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	const struct vrpmsg_listener *listener = event_who();

	if (!list_empty(&chan->event_node))
		rdev->events.num_gone--;
	list_del(&chan->event_node);
	if (listener)
		listener->chan(rdev, chan, VHOST_RPMSG_EVENT_DEL);
	kfree(chan);
}

static void tell_missed(struct vrpmsg_dev *rdev)
{
	const struct vrpmsg_listener *listener = event_who();

	rdev->events.missed = false;
	if (listener)
		listener->missed();
}

static void tell_ept(struct vhost_rpmsg_ept *ept, enum vhost_rpmsg_event event)
{
	const struct vrpmsg_listener *listener = event_who();

	list_del_init(&ept->event_node);
	ept->told = event != VHOST_RPMSG_EVENT_DEL;
	if (listener)
		listener->ept(ept, event);
}

static void ept_later(struct vhost_rpmsg_ept *ept)
{
	list_add_tail(&ept->event_node, &ept->rdev->events.epts);
	event_later(ept->rdev);
}

/* The channel that an endpoint is bound to, if it has to be told of before. */
static struct vrpmsg_chan *event_chan_of(const struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chan *chan;

	if (!ept || ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_BOUND)
		return NULL;
	chan = xa_load(&ept->rdev->chans, ept->remote);
	return chan && !list_empty(&chan->event_node) ? chan : NULL;
}

/*
 * One event that has waited. The device goes before all that is on it, the end of a
 * channel before another one at its address, and a channel before the endpoint that
 * is bound to it. Otherwise endpoints and channels take turns: a guest can keep the
 * latter from ever becoming fewer.
 */
static void event_next(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;
	struct vrpmsg_chan *gone, *chan, *first;
	struct vhost_rpmsg_ept *ept;

	ept = list_first_entry_or_null(&events->epts, struct vhost_rpmsg_ept,
				       event_node);
	gone = list_first_entry_or_null(&events->gone, struct vrpmsg_chan,
					event_node);
	chan = list_first_entry_or_null(&events->chans, struct vrpmsg_chan,
					event_node);
	first = event_chan_of(ept);
	events->ept_turn = !events->ept_turn ||
			   (!gone && !chan && !events->missed);

	if (events->changed)
		tell_dev(rdev, events->known ? VHOST_RPMSG_EVENT_CHANGE :
					       VHOST_RPMSG_EVENT_NEW);
	else if (ept && !first && events->ept_turn)
		tell_ept(ept, ept->told ? VHOST_RPMSG_EVENT_CHANGE :
					  VHOST_RPMSG_EVENT_NEW);
	else if (gone)
		tell_chan_gone(rdev, gone);
	else if (events->missed)
		tell_missed(rdev);
	else if (first || chan)
		tell_chan(rdev, first ?: chan);
}

static void event_work(struct work_struct *work)
{
	struct vrpmsg_dev *rdev = container_of(to_delayed_work(work),
					       struct vrpmsg_dev, events.work);
	struct vrpmsg_events *events = &rdev->events;

	guard(mutex)(&rdev->lock);
	if (events->known || event_spend_device())
		while (event_waits(events) && event_spend(&events->budget))
			event_next(rdev);
	if (event_waits(events))
		event_later(rdev);
}

void vrpmsg_events_init(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;

	INIT_LIST_HEAD(&events->gone);
	INIT_LIST_HEAD(&events->chans);
	INIT_LIST_HEAD(&events->epts);
	events->budget.left = EVENT_BURST;
	events->budget.since = jiffies;
	INIT_DELAYED_WORK(&events->work, event_work);
}

/*
 * The device is off the table. Its end is also that of the channels of which
 * something was still to be told. vrpmsg_events_stop() must follow.
 */
static void event_end(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;
	struct vrpmsg_chan *chan, *next;

	list_for_each_entry_safe(chan, next, &events->gone, event_node)
		kfree(chan);
	INIT_LIST_HEAD(&events->gone);
	events->num_gone = 0;
	events->missed = false;
	if (events->known || events->shown)
		tell_dev(rdev, VHOST_RPMSG_EVENT_DEL);
	events->changed = false;
}

/* The work does not run any more. Context: without rdev->lock. */
void vrpmsg_events_stop(struct vrpmsg_dev *rdev)
{
	cancel_delayed_work_sync(&rdev->events.work);
}

/* A device that is in no table has no listeners. */
void vrpmsg_dev_event(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event)
{
	struct vrpmsg_events *events = &rdev->events;

	lockdep_assert_held(&rdev->lock);
	if (!rdev->id)
		return;
	switch (event) {
	case VHOST_RPMSG_EVENT_NEW:
		if (rdev->persistent || !event_who() || event_spend_device()) {
			tell_dev(rdev, event);
			return;
		}
		break;
	case VHOST_RPMSG_EVENT_CHANGE:
		if (event_now(rdev)) {
			tell_dev(rdev, event);
			return;
		}
		if (events->changed)
			event_merged(rdev, 1);
		break;
	case VHOST_RPMSG_EVENT_DEL:
		event_end(rdev);
		return;
	}
	events->changed = true;
	event_later(rdev);
}

/* A channel is new, or bound to another endpoint or none. */
void vrpmsg_chan_event(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
		       enum vhost_rpmsg_event event)
{
	lockdep_assert_held(&rdev->lock);
	if (event == VHOST_RPMSG_EVENT_NEW)
		rdev->chans_gen++;
	/* An endpoint that nobody has heard of has its own event first. */
	else if (chan->ept && !chan->ept->known)
		return;
	if (!rdev->id)
		return;
	if (event_now(rdev)) {
		tell_chan(rdev, chan);
	} else if (list_empty(&chan->event_node)) {
		list_add_tail(&chan->event_node, &rdev->events.chans);
		event_later(rdev);
	} else {
		event_merged(rdev, 1);
	}
}

/* A channel is off the table; its memory is the listeners' from here on. */
void vrpmsg_chan_gone(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	struct vrpmsg_events *events = &rdev->events;

	lockdep_assert_held(&rdev->lock);
	rdev->chans_gen++;
	chan->ept = NULL;
	if (!list_empty(&chan->event_node)) {
		list_del_init(&chan->event_node);
		event_merged(rdev, 1);
	}
	if (!chan->known && !chan->shown) {
		/* It has come and gone unheard of. */
		event_merged(rdev, 1);
		kfree(chan);
	} else if (event_now(rdev)) {
		tell_chan_gone(rdev, chan);
	} else if (events->num_gone < VHOST_RPMSG_MAX_CHANNELS) {
		list_add_tail(&chan->event_node, &events->gone);
		events->num_gone++;
		event_later(rdev);
	} else {
		/* Each dump may have shown other ones: they must not grow for ever. */
		events->missed = true;
		event_merged(rdev, 1);
		kfree(chan);
	}
}

/*
 * A channel whose turn it is not yet; but the ends of those that had its address come
 * before it.
 */
static void event_chan_first(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	struct vrpmsg_chan *gone, *next;

	if (list_empty(&chan->event_node))
		return;
	list_for_each_entry_safe(gone, next, &rdev->events.gone, event_node)
		if (gone->addr == chan->addr)
			tell_chan_gone(rdev, gone);
	tell_chan(rdev, chan);
}

static void ept_new(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_chan *chan = NULL;

	rdev->epts_gen++;
	ept->known = true;
	if (ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_BOUND)
		chan = xa_load(&rdev->chans, ept->remote);
	/* A process can make and close many. Its end is told at once: paid for here. */
	if (rdev->id && ept->yields &&
	    !(event_now(rdev) && event_spend(&rdev->events.budget))) {
		ept_later(ept);
		if (chan)
			vrpmsg_chan_event(rdev, chan, VHOST_RPMSG_EVENT_CHANGE);
		return;
	}
	/* What it is on, and what it has found while it was made. */
	if (rdev->id && !rdev->events.known)
		tell_dev(rdev, VHOST_RPMSG_EVENT_NEW);
	if (rdev->id && chan)
		event_chan_first(rdev, chan);
	if (rdev->id)
		tell_ept(ept, VHOST_RPMSG_EVENT_NEW);
	if (chan)
		vrpmsg_chan_event(rdev, chan, VHOST_RPMSG_EVENT_CHANGE);
}

static void ept_gone(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	rdev->epts_gen++;
	ept->known = false;
	if (!list_empty(&ept->event_node)) {
		list_del_init(&ept->event_node);
		event_merged(rdev, 1);
	}
	if (!rdev->id || (!ept->told && !ept->shown))
		return;
	/* What its NEW has not paid for; it is told even if there is nothing left. */
	if (!ept->told)
		event_spend(&rdev->events.budget);
	tell_ept(ept, VHOST_RPMSG_EVENT_DEL);
}

/* Nothing is said of an endpoint before it is complete, or after its end. */
void vrpmsg_ept_event(struct vhost_rpmsg_ept *ept, enum vhost_rpmsg_event event)
{
	struct vrpmsg_dev *rdev = ept->rdev;

	lockdep_assert_held(&rdev->lock);
	if (!ept->known && event != VHOST_RPMSG_EVENT_NEW)
		return;
	trace_vrpmsg_ept_state(rdev, ept->addr, event);
	if (event == VHOST_RPMSG_EVENT_NEW)
		ept_new(ept);
	else if (event == VHOST_RPMSG_EVENT_DEL)
		ept_gone(ept);
	else if (!rdev->id)
		return;
	else if (event_now(rdev))
		tell_ept(ept, event);
	else if (list_empty(&ept->event_node))
		ept_later(ept);
	else
		event_merged(rdev, 1);
}
