// SPDX-License-Identifier: GPL-2.0-only
/*
 * Print all devices, endpoints and channels, and then their changes. A program with its
 * own event loop only needs to poll the descriptor of the monitor.
 *
 * usage: monitor
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include <vhostrpmsg.h>

static void show_dev(const char *what, const struct vrpmsg_dev *dev)
{
	printf("%s device %s: %s\n", what, vrpmsg_dev_name(dev),
	       vrpmsg_dev_state_name(vrpmsg_dev_state(dev)));
}

static void show_ept(const char *what, const struct vrpmsg_ept *ept)
{
	printf("%s endpoint %s/%s: address %u, remote %s\n", what,
	       vrpmsg_ept_dev_name(ept), vrpmsg_ept_name(ept) ?: "",
	       vrpmsg_ept_addr(ept),
	       vrpmsg_remote_kind_name(vrpmsg_ept_remote_kind(ept)));
}

/* The guest chooses the name: print only printable characters. */
static void show_chan(const char *what, const struct vrpmsg_chan *chan)
{
	const char *c;

	printf("%s channel %s/", what, vrpmsg_chan_dev_name(chan));
	for (c = vrpmsg_chan_name(chan); *c; c++)
		putchar(isprint((unsigned char)*c) ? *c : '?');
	printf(": address %u\n", vrpmsg_chan_addr(chan));
}

static void show_all(struct vrpmsg_ctx *ctx)
{
	struct vrpmsg_chan **chans = vrpmsg_chan_list(ctx, NULL, NULL);
	struct vrpmsg_ept **epts = vrpmsg_ept_list(ctx, NULL, NULL);
	struct vrpmsg_dev **devs = vrpmsg_dev_list(ctx, NULL);
	size_t i;

	if (!devs || !epts || !chans)
		errx(1, "%s", vrpmsg_ctx_errmsg(ctx));
	for (i = 0; devs[i]; i++)
		show_dev("there is", devs[i]);
	for (i = 0; epts[i]; i++)
		show_ept("there is", epts[i]);
	for (i = 0; chans[i]; i++)
		show_chan("there is", chans[i]);
	vrpmsg_chan_list_free(chans);
	vrpmsg_ept_list_free(epts);
	vrpmsg_dev_list_free(devs);
}

static void show_event(const struct vrpmsg_event *event)
{
	const char *what;

	what = vrpmsg_event_action_name(vrpmsg_event_action(event));
	switch (vrpmsg_event_type(event)) {
	case VRPMSG_EVENT_DEV:
		show_dev(what, vrpmsg_event_dev(event));
		break;
	case VRPMSG_EVENT_EPT:
		show_ept(what, vrpmsg_event_ept(event));
		break;
	case VRPMSG_EVENT_CHAN:
		show_chan(what, vrpmsg_event_chan(event));
		break;
	}
}

/* Read and print all pending events. */
static void show_events(struct vrpmsg_ctx *ctx, struct vrpmsg_monitor *monitor)
{
	struct vrpmsg_event *event;

	while ((event = vrpmsg_monitor_read(monitor))) {
		show_event(event);
		vrpmsg_event_free(event);
	}
	switch (errno) {
	case EAGAIN:
		break;
	case ENOBUFS:
		/* Events came too fast, or the module was loaded again. */
		puts("events were lost");
		show_all(ctx);
		break;
	default:
		errx(1, "%s", vrpmsg_monitor_errmsg(monitor));
	}
	fflush(stdout);
}

int main(void)
{
	struct vrpmsg_ctx *ctx = vrpmsg_ctx_open();
	struct vrpmsg_monitor *monitor;
	struct pollfd fd;

	if (!ctx)
		err(1, "netlink");
	/* Open the monitor before listing objects, so as not to miss a change. */
	monitor = vrpmsg_monitor_open(ctx);
	if (!monitor)
		errx(1, "%s", vrpmsg_ctx_errmsg(ctx));
	show_all(ctx);
	fflush(stdout);
	fd = (struct pollfd){ vrpmsg_monitor_fd(monitor), POLLIN, 0 };
	while (poll(&fd, 1, -1) >= 0)
		show_events(ctx, monitor);
	err(1, "poll");
}
