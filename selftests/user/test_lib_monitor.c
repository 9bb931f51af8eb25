// SPDX-License-Identifier: GPL-2.0-only
/* The monitor of libvhostrpmsg: events, lost events, and errors. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"
#include "vhostrpmsg.h"

#define DEV "lib-monitor"

FIXTURE(monitor)
{
	struct vrpmsg_ctx *ctx;
	struct vrpmsg_ept_config *config;
	struct vrpmsg_monitor *monitor;
};

FIXTURE_SETUP(monitor)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	self->ctx = vrpmsg_ctx_open();
	ASSERT_NE(NULL, self->ctx);
	self->config = vrpmsg_ept_config_new();
	ASSERT_NE(NULL, self->config);
	ASSERT_EQ(0, vrpmsg_ept_config_set_dev_name(self->config, DEV));
	ASSERT_LT(0, nl_dev_new(DEV));
	self->monitor = vrpmsg_monitor_open(self->ctx);
	ASSERT_NE(NULL, self->monitor);
	EXPECT_STREQ("", vrpmsg_ctx_errmsg(self->ctx));
	EXPECT_STREQ("", vrpmsg_monitor_errmsg(self->monitor));
}

FIXTURE_TEARDOWN(monitor)
{
	vrpmsg_dev_del(self->ctx, DEV);
	vrpmsg_monitor_close(self->monitor);
	vrpmsg_ept_config_free(self->config);
	vrpmsg_ctx_close(self->ctx);
}

/* The next event of this kind, or NULL. */
static struct vrpmsg_event *next_event(struct vrpmsg_monitor *monitor,
				       enum vrpmsg_object type)
{
	struct vrpmsg_event *event;

	while (poll_fd(vrpmsg_monitor_fd(monitor), POLLIN, LONG_MS)) {
		event = vrpmsg_monitor_read(monitor);
		if (!event || vrpmsg_event_type(event) == type)
			return event;
		vrpmsg_event_free(event);
	}
	return NULL;
}

TEST_F(monitor, events)
{
	struct vrpmsg_monitor *monitor = self->monitor;
	struct guest_opts opts = { .name = DEV };
	const struct vrpmsg_dev *dev;
	struct vrpmsg_event *event;
	struct vrpmsg_ept *ept;
	struct guest g;
	bool running;

	EXPECT_EQ(NULL, vrpmsg_monitor_read(monitor));
	EXPECT_EQ(EAGAIN, errno);

	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	event = next_event(monitor, VRPMSG_EVENT_EPT);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(VRPMSG_EVENT_EPT, vrpmsg_event_type(event));
	EXPECT_EQ(VRPMSG_EVENT_NEW, vrpmsg_event_action(event));
	ASSERT_NE(NULL, vrpmsg_event_ept(event));
	EXPECT_EQ(vrpmsg_ept_id(ept), vrpmsg_ept_id(vrpmsg_event_ept(event)));
	EXPECT_EQ(NULL, vrpmsg_event_dev(event));
	EXPECT_EQ(NULL, vrpmsg_event_chan(event));
	vrpmsg_event_free(event);

	ASSERT_EQ(0, vrpmsg_ept_del(self->ctx, vrpmsg_ept_id(ept)));
	event = next_event(monitor, VRPMSG_EVENT_EPT);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(VRPMSG_EVENT_DEL, vrpmsg_event_action(event));
	vrpmsg_event_free(event);
	vrpmsg_ept_free(ept);

	/* The VMM's own device appears, and disappears when the VMM attaches to ours. */
	ASSERT_EQ(0, guest_open(&g, &opts));
	do {
		event = next_event(monitor, VRPMSG_EVENT_DEV);
		ASSERT_NE(NULL, event);
		dev = vrpmsg_event_dev(event);
		ASSERT_NE(NULL, dev);
		EXPECT_EQ(NULL, vrpmsg_event_ept(event));
		running = vrpmsg_dev_state(dev) == VRPMSG_DEV_RUNNING;
		if (running) {
			EXPECT_STREQ(DEV, vrpmsg_dev_name(dev));
			EXPECT_EQ(VRPMSG_EVENT_CHANGE,
				  vrpmsg_event_action(event));
		}
		vrpmsg_event_free(event);
	} while (!running);

	ASSERT_EQ(0, guest_ns_send(&g, "svc", 2000, 0));
	event = next_event(monitor, VRPMSG_EVENT_CHAN);
	ASSERT_NE(NULL, event);
	EXPECT_EQ(VRPMSG_EVENT_NEW, vrpmsg_event_action(event));
	ASSERT_NE(NULL, vrpmsg_event_chan(event));
	EXPECT_STREQ("svc", vrpmsg_chan_name(vrpmsg_event_chan(event)));
	vrpmsg_event_free(event);
	guest_close(&g);
}

TEST_F(monitor, no_event_has_words)
{
	EXPECT_EQ(NULL, vrpmsg_monitor_read(self->monitor));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_STREQ("there is no event", vrpmsg_monitor_errmsg(self->monitor));
}

TEST_F(monitor, events_that_are_lost)
{
	int one = 1, fd = vrpmsg_monitor_fd(self->monitor);
	struct vrpmsg_event *event;
	struct vrpmsg_ept *ept;
	bool lost = false;

	/* There is room for one or two events only. */
	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)));
	for (int i = 0; i < 50; i++) {
		ept = vrpmsg_ept_add(self->ctx, self->config);
		ASSERT_NE(NULL, ept);
		vrpmsg_ept_free(ept);
	}
	do {
		event = vrpmsg_monitor_read(self->monitor);
		if (!event && errno == ENOBUFS) {
			lost = true;
			EXPECT_STREQ("events were lost",
				     vrpmsg_monitor_errmsg(self->monitor));
		}
		vrpmsg_event_free(event);
	} while (event || errno == ENOBUFS);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_TRUE(lost);
}

/* The next list, and the events after it, are the truth. */
TEST_F(monitor, what_happens_after_a_loss_is_told)
{
	int one = 1, fd = vrpmsg_monitor_fd(self->monitor);
	struct vrpmsg_event *event;
	struct vrpmsg_ept *ept;
	uint32_t id = 0;

	ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)));
	for (int i = 0; i < 50; i++) {
		ept = vrpmsg_ept_add(self->ctx, self->config);
		ASSERT_NE(NULL, ept);
		vrpmsg_ept_free(ept);
	}
	ASSERT_EQ(NULL, vrpmsg_monitor_read(self->monitor));
	ASSERT_EQ(ENOBUFS, errno);
	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	while (id != vrpmsg_ept_id(ept)) {
		event = next_event(self->monitor, VRPMSG_EVENT_EPT);
		ASSERT_NE(NULL, event);
		id = vrpmsg_ept_id(vrpmsg_event_ept(event));
		vrpmsg_event_free(event);
	}
	vrpmsg_ept_free(ept);
}

static int reload(const char *module)
{
	/* test_kclient may have left its module loaded, which uses ours. */
	module_remove("vhost_rpmsg_kclient");
	return module_remove("vhost_rpmsg") ?: module_load(module);
}

/* Read all events; errno says why there are no more. */
static void read_events(struct vrpmsg_monitor *monitor)
{
	struct vrpmsg_event *event;

	do {
		event = vrpmsg_monitor_read(monitor);
		vrpmsg_event_free(event);
	} while (event);
}

/* After the module has been loaded again, there are events again. */
static void hears_of_dev(struct __test_metadata *_metadata,
			 FIXTURE_DATA(monitor) *self)
{
	struct vrpmsg_dev *dev = vrpmsg_dev_add(self->ctx, DEV, NULL);
	struct vrpmsg_event *event;

	ASSERT_NE(NULL, dev);
	vrpmsg_dev_free(dev);
	event = next_event(self->monitor, VRPMSG_EVENT_DEV);
	ASSERT_NE(NULL, event);
	EXPECT_STREQ(DEV, vrpmsg_dev_name(vrpmsg_event_dev(event)));
	vrpmsg_event_free(event);
}

TEST_F(monitor, the_module_is_reloaded)
{
	const char *module = getenv("VRPMSG_KO");
	struct vrpmsg_event *event;
	bool lost = false;

	if (!module)
		SKIP(return, "VRPMSG_KO does not say where the module is");
	ASSERT_EQ(0, reload(module));
	/* The monitor reports the loss and continues; the family has another number now. */
	while (!lost) {
		ASSERT_TRUE(poll_fd(vrpmsg_monitor_fd(self->monitor), POLLIN,
				    LONG_MS));
		event = vrpmsg_monitor_read(self->monitor);
		lost = !event && errno == ENOBUFS;
		vrpmsg_event_free(event);
	}
	hears_of_dev(_metadata, self);
}

/* This program can open no more files; returns the former limit. */
static struct rlimit no_more_files(void)
{
	struct rlimit former, limit;
	int fd = dup(STDIN_FILENO);

	if (fd < 0 || getrlimit(RLIMIT_NOFILE, &former))
		die("files: %s", strerror(errno));
	close(fd);
	limit = former;
	limit.rlim_cur = fd;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("limit: %s", strerror(errno));
	return former;
}

TEST_F(monitor, a_reload_when_there_is_no_descriptor)
{
	const char *module = getenv("VRPMSG_KO");
	struct rlimit former;

	if (!module)
		SKIP(return, "VRPMSG_KO does not say where the module is");
	ASSERT_EQ(0, reload(module));
	former = no_more_files();
	/* The events of the removal come first. */
	read_events(self->monitor);
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_EQ(NULL, vrpmsg_monitor_read(self->monitor));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &former));
	hears_of_dev(_metadata, self);
}

/* A lookup that fails is not taken for a module that is not loaded. */
TEST_F(monitor, a_reload_when_the_lookup_fails)
{
	const char *module = getenv("VRPMSG_KO");
	int first, lookup, saved, pipes[2];

	if (!module)
		SKIP(return, "VRPMSG_KO does not say where the module is");
	/* A monitor takes the first two descriptors that are free. */
	vrpmsg_monitor_close(self->monitor);
	ASSERT_EQ(0, pipe(pipes));
	first = dup(pipes[0]);
	ASSERT_GE(first, 0);
	close(first);
	self->monitor = vrpmsg_monitor_open(self->ctx);
	ASSERT_NE(NULL, self->monitor);
	lookup = first;
	if (lookup == vrpmsg_monitor_fd(self->monitor))
		lookup++;
	saved = dup(lookup);
	ASSERT_GE(saved, 0);

	ASSERT_EQ(0, reload(module));
	ASSERT_EQ(lookup, dup2(pipes[0], lookup));
	read_events(self->monitor);
	EXPECT_EQ(ENOTSOCK, errno);
	EXPECT_STREQ(strerror(ENOTSOCK), vrpmsg_monitor_errmsg(self->monitor));
	ASSERT_EQ(lookup, dup2(saved, lookup));
	EXPECT_EQ(NULL, vrpmsg_monitor_read(self->monitor));
	EXPECT_EQ(ENOBUFS, errno);
	EXPECT_EQ(NULL, vrpmsg_monitor_read(self->monitor));
	EXPECT_EQ(EAGAIN, errno);
	hears_of_dev(_metadata, self);
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

/* A program may drop its privileges after it has opened the monitor: 0 or a step. */
static int loss_without_privileges(struct vrpmsg_ctx *ctx)
{
	struct vrpmsg_monitor *monitor = vrpmsg_monitor_open(ctx);
	int one = 1, id = 0, i;

	if (!monitor || setsockopt(vrpmsg_monitor_fd(monitor), SOL_SOCKET,
				   SO_RCVBUF, &one, sizeof(one)))
		return 1;
	for (i = 0; i < 50 && id >= 0; i++)
		id = nl_ept_new(EPT_REQ(.dev = DEV));
	if (id < 0)
		return 2;
	if (setuid(65534))
		return 3;
	read_events(monitor);
	if (errno != ENOBUFS)
		return 4;
	return vrpmsg_monitor_read(monitor) || errno != EAGAIN ? 5 : 0;
}

TEST_F(monitor, a_loss_without_privileges)
{
	int status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(loss_without_privileges(self->ctx));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* In a network namespace of its own: 0, or the step that failed. */
static int elsewhere(void)
{
	struct vrpmsg_ctx *ctx;

	if (unshare(CLONE_NEWNET))
		return 1;
	ctx = vrpmsg_ctx_open();
	if (!ctx)
		return 2;
	if (vrpmsg_dev_list(ctx, NULL) || errno != EPROTONOSUPPORT)
		return 3;
	if (!strstr(vrpmsg_ctx_errmsg(ctx), "initial network namespace"))
		return 4;
	if (vrpmsg_monitor_open(ctx) || errno != EPROTONOSUPPORT)
		return 5;
	if (!strstr(vrpmsg_ctx_errmsg(ctx), "initial network namespace"))
		return 6;
	return 0;
}

TEST_F(monitor, another_network_namespace)
{
	int status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(elsewhere());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
