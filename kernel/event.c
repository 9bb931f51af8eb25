// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events: notify listeners of objects that are created, changed and deleted.
 *
 * Events of objects that an administrator creates or deletes are sent at once.
 * Guests, VMMs and processes that open and close char devices can cause
 * thousands of events a second. These are sent at once as long as there are
 * few: each device has an event budget, which is refilled over time. When the
 * budget is used up, objects are only marked as pending, and a work sends their
 * current state at the rate of the budget. So a listener receives a bounded
 * number of events, and always the final state.
 *
 * Replies to requests may contain objects for which no event has been sent yet.
 * The deletion of such an object is sent as well: the requester may have dumped
 * all objects once, and rely on events from then on.
 */
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

/* Maximum number of events at once, and per second after that. */
#define EVENT_BURST	128
#define EVENT_RATE	128
/* Interval at which the work sends pending events. */
#define EVENT_PERIOD	(HZ / 10)
/*
 * If listeners were told that they have missed events, they dump all channels. A
 * guest may end these at once, and so cause the next loss; this is how long it
 * takes to report as many ends.
 */
#define EVENT_MISSED_PERIOD	(VHOST_RPMSG_MAX_CHANNELS / EVENT_RATE * HZ)

/* Set before the first device; NULL without netlink. */
static const struct vrpmsg_listener *event_listener;

/* Budget for the creation of VMMs' own devices, one per open(). */
static DEFINE_SPINLOCK(event_lock);
static struct vrpmsg_event_budget event_devices = { .left = EVENT_BURST };

/* Set the listener, or remove it with NULL. */
void vrpmsg_set_listener(const struct vrpmsg_listener *listener)
{
	WRITE_ONCE(event_listener, listener);
}

static const struct vrpmsg_listener *event_recipient(void)
{
	const struct vrpmsg_listener *listener = READ_ONCE(event_listener);

	return listener && listener->wanted() ? listener : NULL;
}

static bool event_spend(struct vrpmsg_event_budget *budget)
{
	unsigned long time = jiffies - budget->since, fresh;

	/* The full budget is available again after a second. */
	BUILD_BUG_ON(EVENT_BURST > EVENT_RATE);
	fresh = min_t(unsigned long, time, HZ);
	fresh = fresh * EVENT_RATE / HZ;
	if (fresh >= EVENT_BURST - budget->left) {
		budget->left = EVENT_BURST;
		budget->since = jiffies;
	} else if (fresh) {
		budget->left += fresh;
		/* Rounded down, it would count the rest of the time twice. */
		budget->since += DIV_ROUND_UP(fresh * HZ, EVENT_RATE);
	}
	if (!budget->left)
		return false;
	budget->left--;
	return true;
}

static bool event_spend_device(void)
{
	bool may;

	/* No guard(): sparse reports an imbalance. */
	spin_lock(&event_lock);
	may = event_spend(&event_devices);
	spin_unlock(&event_lock);
	return may;
}

static bool event_pending(const struct vrpmsg_events *events)
{
	return events->changed || events->missed ||
	       !list_empty(&events->chans) || !list_empty(&events->epts);
}

static void event_later(struct vrpmsg_dev *rdev)
{
	schedule_delayed_work(&rdev->events.work, EVENT_PERIOD);
}

static void event_count_merged(struct vrpmsg_dev *rdev, unsigned int n)
{
	vrpmsg_count(rdev, VHOST_RPMSG_A_STATS_EVENTS_MERGED, n);
}

static void notify_dev(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event)
{
	const struct vrpmsg_listener *listener = event_recipient();

	rdev->events.changed = false;
	rdev->events.known = event != VHOST_RPMSG_EVENT_DEL;
	if (listener)
		listener->dev(rdev, event);
}

/* Free a channel that is gone. */
static void event_free_chan(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	if (!list_empty(&chan->event_node))
		rdev->events.num_gone--;
	list_del(&chan->event_node);
	kfree(chan);
}

/* Drop the DEL events of channels. Returns their number. */
static unsigned int event_drop_gone(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_chan *chan, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(chan, next, &rdev->events.chans, event_node)
		if (chan->gone) {
			event_free_chan(rdev, chan);
			n++;
		}
	return n;
}

/* Send the event of a channel. If the channel is gone, free it. */
static void notify_chan(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	const struct vrpmsg_listener *listener = event_recipient();
	enum vhost_rpmsg_event event = VHOST_RPMSG_EVENT_NEW;

	if (chan->gone)
		event = VHOST_RPMSG_EVENT_DEL;
	else if (chan->known)
		event = VHOST_RPMSG_EVENT_CHANGE;
	if (listener)
		listener->chan(rdev, chan, event);
	if (chan->gone) {
		event_free_chan(rdev, chan);
		return;
	}
	list_del_init(&chan->event_node);
	chan->known = true;
}

/* Listeners request all objects again, without those that are gone. */
static void notify_missed(struct vrpmsg_dev *rdev)
{
	const struct vrpmsg_listener *listener = event_recipient();

	rdev->events.missed = false;
	rdev->events.missed_next = jiffies + EVENT_MISSED_PERIOD;
	event_count_merged(rdev, event_drop_gone(rdev));
	if (listener)
		listener->missed();
}

static void notify_ept(struct vhost_rpmsg_ept *ept,
		       enum vhost_rpmsg_event event)
{
	const struct vrpmsg_listener *listener = event_recipient();

	list_del_init(&ept->event_node);
	ept->notified = event != VHOST_RPMSG_EVENT_DEL;
	if (listener)
		listener->ept(ept, event);
}

static void ept_later(struct vhost_rpmsg_ept *ept)
{
	list_add_tail(&ept->event_node, &ept->rdev->events.epts);
	event_later(ept->rdev);
}

/*
 * Return the channel to which an endpoint is bound, if its event is pending and
 * must come first.
 */
static struct vrpmsg_chan *event_chan_of(const struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chan *chan;

	if (!ept || ept->remote_kind != VHOST_RPMSG_REMOTE_KIND_BOUND)
		return NULL;
	chan = xa_load(&ept->rdev->chans, ept->remote);
	return chan && !list_empty(&chan->event_node) ? chan : NULL;
}

/*
 * Return the channel whose event must be sent before any other at this address:
 * the list has former channels before the current one.
 */
static struct vrpmsg_chan *event_chan_at(struct vrpmsg_dev *rdev, u32 addr)
{
	struct vrpmsg_chan *chan;

	list_for_each_entry(chan, &rdev->events.chans, event_node)
		if (chan->addr == addr)
			return chan;
	return NULL;
}

/*
 * Send one pending event. The device comes before all objects on it, the
 * deletion of a channel before a new one at its address, and a channel before
 * the endpoint that is bound to it. Otherwise endpoints and channels take
 * turns, since a guest can keep the list of channels from ever becoming
 * shorter. For the same reason, listeners that must request all objects again
 * wait for channels only for a time.
 */
static void event_next(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;
	struct vrpmsg_chan *chan, *first;
	struct vhost_rpmsg_ept *ept;

	if (events->changed) {
		notify_dev(rdev, events->known ? VHOST_RPMSG_EVENT_CHANGE :
						 VHOST_RPMSG_EVENT_NEW);
		return;
	}
	if (events->missed && (list_empty(&events->chans) ||
			       time_after_eq(jiffies, events->missed_next))) {
		notify_missed(rdev);
		return;
	}

	ept = list_first_entry_or_null(&events->epts, struct vhost_rpmsg_ept,
				       event_node);
	chan = list_first_entry_or_null(&events->chans, struct vrpmsg_chan,
					event_node);
	first = event_chan_of(ept);
	events->ept_turn = ept && (!events->ept_turn || !chan);
	if (!events->ept_turn)
		notify_chan(rdev, chan);
	else if (first)
		notify_chan(rdev, event_chan_at(rdev, first->addr));
	else
		notify_ept(ept, ept->notified ? VHOST_RPMSG_EVENT_CHANGE :
						VHOST_RPMSG_EVENT_NEW);
}

/*
 * Without recipients, nothing is delayed. What is still pending must not reach
 * one that comes later and has listed the objects: it may be the end of a
 * channel at whose address there is a new one.
 */
static bool event_nobody_listens(struct vrpmsg_dev *rdev)
{
	if (event_recipient())
		return false;
	while (event_pending(&rdev->events))
		event_next(rdev);
	return true;
}

/* Whether an event may be sent at once. It must not overtake pending ones. */
static bool event_may_send(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;

	lockdep_assert_held(&rdev->lock);
	return event_nobody_listens(rdev) ||
	       (events->known && !event_pending(events) &&
		event_spend(&events->budget));
}

static void event_work(struct work_struct *work)
{
	struct vrpmsg_dev *rdev = container_of(to_delayed_work(work),
					       struct vrpmsg_dev, events.work);
	struct vrpmsg_events *events = &rdev->events;

	guard(mutex)(&rdev->lock);
	if (event_nobody_listens(rdev))
		return;
	if (events->known || event_spend_device())
		while (event_pending(events) && event_spend(&events->budget))
			event_next(rdev);
	if (event_pending(events))
		event_later(rdev);
}

void vrpmsg_events_init(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;

	INIT_LIST_HEAD(&events->chans);
	INIT_LIST_HEAD(&events->epts);
	events->budget.left = EVENT_BURST;
	events->budget.since = jiffies;
	events->missed_next = jiffies;
	INIT_DELAYED_WORK(&events->work, event_work);
}

/*
 * The device has been removed from the table. Its DEL event implies that of its
 * channels, so their pending events are dropped. The caller must call
 * vrpmsg_events_stop() afterwards.
 */
static void event_dev_gone(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_events *events = &rdev->events;

	event_drop_gone(rdev);
	events->missed = false;
	if (events->known || events->shown)
		notify_dev(rdev, VHOST_RPMSG_EVENT_DEL);
	events->changed = false;
}

/* Stop the work. Context: without rdev->lock. */
void vrpmsg_events_stop(struct vrpmsg_dev *rdev)
{
	cancel_delayed_work_sync(&rdev->events.work);
}

/* Send or queue an event of a device. A private device has no events. */
void vrpmsg_dev_event(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event)
{
	struct vrpmsg_events *events = &rdev->events;

	lockdep_assert_held(&rdev->lock);
	if (!rdev->id)
		return;
	switch (event) {
	case VHOST_RPMSG_EVENT_NEW:
		if (rdev->persistent || !event_recipient() ||
		    event_spend_device()) {
			notify_dev(rdev, event);
			return;
		}
		break;
	case VHOST_RPMSG_EVENT_CHANGE:
		if (event_may_send(rdev)) {
			notify_dev(rdev, event);
			return;
		}
		if (events->changed)
			event_count_merged(rdev, 1);
		break;
	case VHOST_RPMSG_EVENT_DEL:
		event_dev_gone(rdev);
		return;
	}
	events->changed = true;
	event_later(rdev);
}

/* A channel is new, or its binding has changed. */
void vrpmsg_chan_event(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
		       enum vhost_rpmsg_event event)
{
	lockdep_assert_held(&rdev->lock);
	if (event == VHOST_RPMSG_EVENT_NEW)
		rdev->chans_gen++;
	/* The event of an incomplete endpoint comes first. */
	else if (chan->ept && !chan->ept->known)
		return;
	if (!rdev->id)
		return;
	if (event_may_send(rdev)) {
		notify_chan(rdev, chan);
	} else if (list_empty(&chan->event_node)) {
		list_add_tail(&chan->event_node, &rdev->events.chans);
		event_later(rdev);
	} else {
		event_count_merged(rdev, 1);
	}
}

/* A channel has been removed from the table. Takes over its memory. */
void vrpmsg_chan_gone(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	struct vrpmsg_events *events = &rdev->events;

	lockdep_assert_held(&rdev->lock);
	rdev->chans_gen++;
	chan->ept = NULL;
	if (!list_empty(&chan->event_node)) {
		list_del_init(&chan->event_node);
		event_count_merged(rdev, 1);
	}
	if (!chan->known && !chan->shown) {
		/* Listeners never knew of it. */
		event_count_merged(rdev, 1);
		kfree(chan);
		return;
	}
	chan->gone = true;
	if (event_may_send(rdev)) {
		notify_chan(rdev, chan);
	} else if (events->num_gone < VHOST_RPMSG_MAX_CHANNELS) {
		list_add_tail(&chan->event_node, &events->chans);
		events->num_gone++;
		event_later(rdev);
	} else {
		/* Bound the list: each dump may have shown other channels. */
		events->missed = true;
		event_count_merged(rdev, 1);
		kfree(chan);
	}
}

/*
 * Send the pending event of a channel out of turn, but after the DEL events of
 * channels that had its address.
 */
static void event_chan_first(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan)
{
	while (!list_empty(&chan->event_node))
		notify_chan(rdev, event_chan_at(rdev, chan->addr));
}

static void ept_new(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	struct vrpmsg_chan *chan = NULL;

	rdev->epts_gen++;
	ept->known = true;
	if (ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_BOUND)
		chan = xa_load(&rdev->chans, ept->remote);
	/*
	 * A process can create and close many. The DEL event is sent at once,
	 * so charge it here.
	 */
	if (rdev->id && ept->yields &&
	    !(event_may_send(rdev) && event_spend(&rdev->events.budget))) {
		ept_later(ept);
		if (chan)
			vrpmsg_chan_event(rdev, chan, VHOST_RPMSG_EVENT_CHANGE);
		return;
	}
	/* Send the events of its device and of its channel first. */
	if (rdev->id && !rdev->events.known)
		notify_dev(rdev, VHOST_RPMSG_EVENT_NEW);
	if (rdev->id && chan)
		event_chan_first(rdev, chan);
	if (rdev->id)
		notify_ept(ept, VHOST_RPMSG_EVENT_NEW);
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
		event_count_merged(rdev, 1);
	}
	if (!rdev->id || (!ept->notified && !ept->shown))
		return;
	/*
	 * Charge the DEL event if the NEW event did not. Send it even if the
	 * budget is used up.
	 */
	if (!ept->notified)
		event_spend(&rdev->events.budget);
	notify_ept(ept, VHOST_RPMSG_EVENT_DEL);
}

/* Send or queue an event of an endpoint, unless incomplete or deleted. */
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
	else if (event_may_send(rdev))
		notify_ept(ept, event);
	else if (list_empty(&ept->event_node))
		ept_later(ept);
	else
		event_count_merged(rdev, 1);
}
