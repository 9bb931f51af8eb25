// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl wait */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "ctl.h"

/* How often to look for a file: udev makes links after the event of an endpoint. */
#define LOOK_NS 200000000

/* NO_FILE: no event may come. FAILED: an error message was printed. */
enum answer { YES, NOT_YET, NO_FILE, FAILED };

static enum answer failed(const struct wait_args *args)
{
	ctl_refused(args->name);
	return FAILED;
}

static enum answer dev_is(const struct wait_args *args)
{
	struct vrpmsg_dev *dev = vrpmsg_dev_get(ctl_ctx(), args->name);
	enum answer answer;

	if (!dev)
		return errno == ENODEV ? NOT_YET : failed(args);
	/* A running device also counts as attached. */
	answer = args->state == WAIT_THERE ||
				 vrpmsg_dev_state(dev) == args->state ||
				 (args->state == VRPMSG_DEV_ATTACHED &&
				  vrpmsg_dev_state(dev) == VRPMSG_DEV_RUNNING) ?
			 YES :
			 NOT_YET;
	vrpmsg_dev_free(dev);
	return answer;
}

/*
 * Whether the device runs. Otherwise what the guest told is that of one which has
 * ended, or is paused. The next guest begins with nothing, and then runs: so what is
 * asked for after this is that of the guest that runs.
 */
static bool runs(const char *dev_name)
{
	struct vrpmsg_dev *dev = vrpmsg_dev_get(ctl_ctx(), dev_name);
	bool running = dev && vrpmsg_dev_state(dev) == VRPMSG_DEV_RUNNING;

	vrpmsg_dev_free(dev);
	return running;
}

/* Whether messages of the endpoint have a destination. */
static bool has_remote(const struct vrpmsg_ept *ept)
{
	enum vrpmsg_remote_kind kind = vrpmsg_ept_remote_kind(ept);
	struct vrpmsg_ept *again;
	bool has;

	if (vrpmsg_ept_is_addressed(ept) || kind == VRPMSG_REMOTE_FIXED)
		return true;
	if (kind == VRPMSG_REMOTE_NONE || !runs(vrpmsg_ept_dev_name(ept)))
		return false;
	again = vrpmsg_ept_get(ctl_ctx(), vrpmsg_ept_id(ept));
	has = again && vrpmsg_ept_remote_kind(again) != VRPMSG_REMOTE_NONE;
	vrpmsg_ept_free(again);
	return has;
}

/* Whether this is a channel of the guest that runs. */
static bool is_present(const struct vrpmsg_chan *chan)
{
	const char *dev_name = vrpmsg_chan_dev_name(chan);
	struct vrpmsg_chan *again;
	bool same;

	if (!runs(dev_name))
		return false;
	again = vrpmsg_chan_get(ctl_ctx(), dev_name, vrpmsg_chan_addr(chan));
	same = again &&
	       !strcmp(vrpmsg_chan_name(again), vrpmsg_chan_name(chan));
	vrpmsg_chan_free(again);
	return same;
}

static enum answer ept_is(const struct wait_args *args)
{
	struct vrpmsg_ept *ept;
	enum answer answer;
	uint32_t id;
	int status;

	if (ctl_is_path(args->name)) {
		status = ctl_try_path(args->name, &id);
		if (status)
			return status == CTL_NOTHING ? NO_FILE : FAILED;
		ept = vrpmsg_ept_get(ctl_ctx(), id);
	} else {
		ept = ctl_get_ept(args->name);
	}
	if (!ept)
		return errno == ENOENT || errno == ENODEV ? NOT_YET :
							    failed(args);
	answer = !args->remote || has_remote(ept) ? YES : NOT_YET;
	vrpmsg_ept_free(ept);
	return answer;
}

static enum answer chan_is(const struct wait_args *args)
{
	struct vrpmsg_chan **chans;
	enum answer answer = NOT_YET;
	size_t i;

	chans = vrpmsg_chan_list(ctl_ctx(), args->dev, NULL);
	/* EAGAIN: the guest changed its channels all the time. */
	if (!chans)
		return errno == ENODEV || errno == EAGAIN ? NOT_YET :
							    failed(args);
	for (i = 0; chans[i]; i++) {
		if (!strcmp(vrpmsg_chan_name(chans[i]), args->name) &&
		    is_present(chans[i]))
			answer = YES;
	}
	vrpmsg_chan_list_free(chans);
	return answer;
}

/* Wait for an event, and discard all events that have arrived. */
static int next_event(struct vrpmsg_monitor *monitor, int64_t end)
{
	struct vrpmsg_event *event;
	bool any = false;
	int ready;

	for (;;) {
		event = vrpmsg_monitor_read(monitor);
		vrpmsg_event_free(event);
		if (event || errno == ENOBUFS) {
			any = true;
			if (ctl_left(end))
				continue;
			return CTL_OK;
		}
		if (errno != EAGAIN)
			return ctl_error("monitor: %s",
					 vrpmsg_monitor_errmsg(monitor));
		if (any)
			return CTL_OK;
		ready = ctl_wait(vrpmsg_monitor_fd(monitor), POLLIN,
				 ctl_left(end));
		if (ready < 0)
			return ctl_error("monitor");
		if (!ready)
			return CTL_NOTHING;
	}
}

/* Look again soon, even if no event comes. */
static int next_look(struct vrpmsg_monitor *monitor, int64_t end)
{
	int64_t soon = ctl_now() + LOOK_NS;
	int status;

	if (end >= 0 && end < soon)
		return next_event(monitor, end);
	status = next_event(monitor, soon);
	return status == CTL_NOTHING ? CTL_OK : status;
}

static int wait_until(const struct wait_args *args,
		      enum answer (*is)(const struct wait_args *args))
{
	int64_t end = args->timeout < 0 ? -1 : ctl_now() + args->timeout;
	struct vrpmsg_monitor *monitor;
	enum answer answer;
	int status = CTL_OK;

	/* Listen before the first check, so as not to miss a change after it. */
	monitor = vrpmsg_monitor_open(ctl_ctx());
	if (!monitor)
		return ctl_refused("wait");
	while (!status) {
		answer = is(args);
		if (answer == YES)
			break;
		if (answer == FAILED)
			status = CTL_REFUSED;
		else if (!ctl_left(end))
			/* Events may always come before the next check. */
			status = CTL_NOTHING;
		else if (answer == NO_FILE)
			status = next_look(monitor, end);
		else
			status = next_event(monitor, end);
	}
	vrpmsg_monitor_close(monitor);
	return status;
}

int wait_dev(const void *args)
{
	return wait_until(args, dev_is);
}

int wait_ept(const void *args)
{
	const struct wait_args *a = args;

	return ctl_check_ept(a->name) ?: wait_until(a, ept_is);
}

int wait_chan(const void *args)
{
	return wait_until(args, chan_is);
}
