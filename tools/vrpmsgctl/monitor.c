// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl monitor */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "output.h"

/* Time until objects that came and went too often are listed again. */
#define RETRY_NS 1000000000

static const char *const names[] = {
	[VRPMSG_EVENT_DEV] = "dev",
	[VRPMSG_EVENT_EPT] = "ept",
	[VRPMSG_EVENT_CHAN] = "chan",
};

static void print(enum vrpmsg_object type, const char *what, const void *object)
{
	bool stats = ctl_opts.stats;

	/* Only the last event of an object has counters. */
	ctl_opts.stats &= strcmp(what, "new") && strcmp(what, "change");
	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp(ctl_opts.monotonic);
	out_text("%s ", names[type]);
	out_string("event", "%s ", what);
	out_begin(names[type]);
	if (type == VRPMSG_EVENT_DEV)
		dev_print(object);
	else if (type == VRPMSG_EVENT_EPT)
		ept_print(object);
	else
		chan_print(object);
	out_end();
	out_end();
	ctl_opts.stats = stats;
}

static void print_lost(void)
{
	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp(ctl_opts.monotonic);
	out_string("event", "%s", "lost");
	out_text(": all existing objects follow");
	out_end();
}

static bool wants(const struct monitor_args *args, enum vrpmsg_object type)
{
	if (!args->devs && !args->epts && !args->chans)
		return true;
	switch (type) {
	case VRPMSG_EVENT_DEV:
		return args->devs;
	case VRPMSG_EVENT_EPT:
		return args->epts;
	case VRPMSG_EVENT_CHAN:
		return args->chans;
	}
	return false;
}

static bool of_dev(const struct monitor_args *args, const char *dev_name)
{
	return !args->dev || !strcmp(args->dev, dev_name);
}

static bool present_devs(const struct monitor_args *args)
{
	struct vrpmsg_dev **devs = vrpmsg_dev_list(ctl_ctx(), NULL);
	size_t i;

	for (i = 0; devs && devs[i]; i++) {
		if (of_dev(args, vrpmsg_dev_name(devs[i])))
			print(VRPMSG_EVENT_DEV, "present", devs[i]);
	}
	vrpmsg_dev_list_free(devs);
	return devs;
}

static bool present_epts(const struct monitor_args *args)
{
	struct vrpmsg_ept **epts = vrpmsg_ept_list(ctl_ctx(), args->dev, NULL);
	size_t i;

	for (i = 0; epts && epts[i]; i++)
		print(VRPMSG_EVENT_EPT, "present", epts[i]);
	vrpmsg_ept_list_free(epts);
	return epts || errno == ENODEV;
}

static bool present_chans(const struct monitor_args *args)
{
	struct vrpmsg_chan **chans =
		vrpmsg_chan_list(ctl_ctx(), args->dev, NULL);
	size_t i;

	for (i = 0; chans && chans[i]; i++)
		print(VRPMSG_EVENT_CHAN, "present", chans[i]);
	vrpmsg_chan_list_free(chans);
	return chans || errno == ENODEV;
}

/*
 * Print all existing objects. Events that arrived meanwhile may already be included.
 * Returns false and sets errno on failure.
 */
static bool present(const struct monitor_args *args)
{
	return (!wants(args, VRPMSG_EVENT_DEV) || present_devs(args)) &&
	       (!wants(args, VRPMSG_EVENT_EPT) || present_epts(args)) &&
	       (!wants(args, VRPMSG_EVENT_CHAN) || present_chans(args));
}

/*
 * Print all existing objects after events were lost. A guest whose channels come and go
 * all the time can make that fail, but it must not end the monitor. Returns false and
 * sets errno on failure.
 */
static bool present_again(const struct monitor_args *args)
{
	while (!ctl_stop && !ferror(stdout)) {
		print_lost();
		/* The module may be unloaded, and loaded again later. */
		if (present(args) || errno == EPROTONOSUPPORT)
			break;
		if (errno != EAGAIN)
			return false;
		ctl_wait(-1, 0, RETRY_NS);
	}
	return true;
}

/* Returns the name of the device of an event. */
static const char *dev_name(const struct vrpmsg_event *event)
{
	switch (vrpmsg_event_type(event)) {
	case VRPMSG_EVENT_DEV:
		return vrpmsg_dev_name(vrpmsg_event_dev(event));
	case VRPMSG_EVENT_EPT:
		return vrpmsg_ept_dev_name(vrpmsg_event_ept(event));
	default:
		return vrpmsg_chan_dev_name(vrpmsg_event_chan(event));
	}
}

/* Print an event. Returns false if it was not selected. */
static bool handle(const struct monitor_args *args,
		   const struct vrpmsg_event *event)
{
	enum vrpmsg_object type = vrpmsg_event_type(event);
	const void *object = vrpmsg_event_dev(event) ?:
				     (const void *)vrpmsg_event_ept(event) ?:
				     (const void *)vrpmsg_event_chan(event);

	if (!wants(args, type) || !of_dev(args, dev_name(event)))
		return false;
	print(type, vrpmsg_event_action_name(vrpmsg_event_action(event)),
	      object);
	return true;
}

static int follow(struct vrpmsg_monitor *monitor,
		  const struct monitor_args *args)
{
	struct vrpmsg_event *event;
	uint32_t count = 0;

	/* ferror(): the reader of a pipe may be gone. */
	while (!ctl_stop && !ferror(stdout)) {
		event = vrpmsg_monitor_read(monitor);
		if (event) {
			count += handle(args, event);
			vrpmsg_event_free(event);
			if (args->count && count >= args->count)
				break;
		} else if (errno == ENOBUFS) {
			if (!present_again(args))
				return ctl_refused("monitor");
		} else if (errno != EAGAIN) {
			return ctl_error("monitor: %s",
					 vrpmsg_monitor_errmsg(monitor));
		} else if (ctl_wait(vrpmsg_monitor_fd(monitor), POLLIN, -1) <
			   0) {
			return ctl_error("monitor");
		}
	}
	return CTL_OK;
}

int monitor_run(const void *args)
{
	const struct monitor_args *a = args;
	struct vrpmsg_monitor *monitor;
	int status;

	ctl_catch_signals();
	/* Open the monitor before listing objects, so as not to miss a change. */
	monitor = vrpmsg_monitor_open(ctl_ctx());
	if (!monitor)
		return ctl_refused("monitor");
	if (!a->no_initial && !present(a) &&
	    (errno != EAGAIN || !present_again(a)))
		status = ctl_refused("monitor");
	else
		status = follow(monitor, a);
	vrpmsg_monitor_close(monitor);
	return status;
}
