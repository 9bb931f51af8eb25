// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl monitor */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "output.h"

static const char *const names[] = {
	[VRPMSG_EVENT_DEV] = "dev",
	[VRPMSG_EVENT_EPT] = "ept",
	[VRPMSG_EVENT_CHAN] = "chan",
};

#define NUM_TYPES (sizeof(names) / sizeof(names[0]))

static void print(const struct vrpmsg_event *event)
{
	enum vrpmsg_event_type type = vrpmsg_event_type(event);

	out_begin(NULL);
	if (ctl_opts.timestamp)
		out_timestamp();
	out_text("%s ", names[type]);
	out_string("event", "%s ",
		   vrpmsg_event_action_name(vrpmsg_event_action(event)));
	out_begin(names[type]);
	switch (type) {
	case VRPMSG_EVENT_DEV:
		dev_print(vrpmsg_event_dev(event));
		break;
	case VRPMSG_EVENT_EPT:
		ept_print(vrpmsg_event_ept(event));
		break;
	case VRPMSG_EVENT_CHAN:
		chan_print(vrpmsg_event_chan(event));
		break;
	}
	out_end();
	out_end();
}

static int follow(struct vrpmsg_monitor *monitor, unsigned int wanted)
{
	struct vrpmsg_event *event;

	while (!ctl_stop) {
		event = vrpmsg_monitor_read(monitor);
		if (event) {
			if (wanted & 1U << vrpmsg_event_type(event))
				print(event);
			vrpmsg_event_free(event);
			/* Nobody reads any more. */
			if (ferror(stdout))
				break;
		} else if (errno == ENOBUFS) {
			fputs("vrpmsgctl: monitor: events were lost\n", stderr);
		} else if (errno != EAGAIN ||
			   ctl_wait(vrpmsg_monitor_fd(monitor), POLLIN, -1) <
				   0) {
			return ctl_error("monitor");
		}
	}
	return CTL_OK;
}

int monitor_run(int argc, char **argv)
{
	struct vrpmsg_monitor *monitor;
	unsigned int wanted = 0, type;
	int i, status;

	for (i = 0; i < argc; i++) {
		for (type = 0; type < NUM_TYPES; type++) {
			if (!strcmp(argv[i], names[type]))
				break;
		}
		if (type == NUM_TYPES)
			return ctl_usage("monitor: what is \"%s\"?", argv[i]);
		wanted |= 1U << type;
	}
	ctl_catch_signals();
	monitor = vrpmsg_monitor_open();
	if (!monitor)
		return ctl_error("monitor");
	status = follow(monitor, wanted ?: ~0U);
	vrpmsg_monitor_close(monitor);
	return status;
}
