// SPDX-License-Identifier: GPL-2.0-only
/*
 * An in-kernel driver without a device of its own that serves endpoints on named devices.
 * kclient/named.c is that driver.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "kclient/kclient.h"
#include "kclient/load.h"
#include "util.h"

#define PATH	"/dev/vhost-rpmsg-named"
#define DEV	"gpu0"
#define OTHER	"gpu1"
#define REMOTE	0x400

FIXTURE(named)
{
	int fd;
	struct guest g;
	bool guest;
};

static int registers(int fd, const char *device)
{
	struct named_register reg = {};

	strncpy(reg.device, device, sizeof(reg.device) - 1);
	return ioctl(fd, NAMED_REGISTER, &reg) ? -errno : 0;
}

static struct named_stats stats(int fd)
{
	struct named_stats s;

	if (ioctl(fd, NAMED_STATS, &s))
		die("NAMED_STATS: %s", strerror(errno));
	return s;
}

static int ask_info(int fd, const char *device, struct named_info *info)
{
	memset(info, 0, sizeof(*info));
	strncpy(info->device, device, sizeof(info->device) - 1);
	return ioctl(fd, NAMED_INFO, info) ? -errno : 0;
}

FIXTURE_SETUP(named)
{
	nl_dev_del(DEV);
	nl_dev_del(OTHER);
	ASSERT_EQ(0, kclient_load());
	self->fd = open(PATH, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(named)
{
	if (self->guest)
		guest_close(&self->g);
	EXPECT_EQ(0, stats(self->fd).wrong);
	close(self->fd);
	nl_dev_del(DEV);
	nl_dev_del(OTHER);
}

static int join(FIXTURE_DATA(named) *self)
{
	struct guest_opts opts = { .name = DEV };
	int err = guest_open(&self->g, &opts);

	self->guest = !err;
	return err;
}

/* Receive the announcement of the driver's endpoint. */
static int hears(struct guest *g, uint32_t flags)
{
	struct guest_ns ns;
	int err = guest_ns_recv(g, &ns, LONG_MS);

	if (err)
		return err;
	return strcmp(ns.name, NAMED_NAME) || ns.addr != NAMED_ECHO ||
			       ns.flags != flags ?
		       -EBADMSG :
		       0;
}

static int echo(struct guest *g, uint32_t len)
{
	uint8_t out[512], in[512];
	int ret;

	fill(out, len, len);
	ret = guest_send(g, REMOTE, NAMED_ECHO, out, len);
	if (ret)
		return ret;
	ret = guest_recv_copy(g, NULL, in, sizeof(in), LONG_MS);
	if (ret != (int)len)
		return ret < 0 ? ret : -EMSGSIZE;
	for (uint32_t i = 0; i < len; i++)
		if ((in[i] ^ out[i]) != 0xff)
			return -EBADMSG;
	return 0;
}

TEST_F(named, devices_come_and_go)
{
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, ""));
	EXPECT_EQ(1, stats(self->fd).devices);
	ASSERT_GT(nl_dev_new(OTHER), 0);
	EXPECT_EQ(2, stats(self->fd).devices);
	ASSERT_EQ(0, nl_dev_del(DEV));
	EXPECT_EQ(1, stats(self->fd).devices);
	EXPECT_EQ(1, stats(self->fd).removes);
	/* A new device with the same name is another device. */
	ASSERT_GT(nl_dev_new(DEV), 0);
	EXPECT_EQ(3, stats(self->fd).adds);
	ASSERT_EQ(0, ioctl(self->fd, NAMED_UNREGISTER));
	EXPECT_EQ(0, stats(self->fd).devices);
	EXPECT_EQ(3, stats(self->fd).removes);
	ASSERT_EQ(0, nl_dev_del(DEV));
	EXPECT_EQ(3, stats(self->fd).removes);
	ASSERT_GT(nl_dev_new(DEV), 0);
	EXPECT_EQ(3, stats(self->fd).adds);
}

/* Returns the next event of an endpoint other than a change, or -1. */
static int next_ept_event(struct nl_ept *ept)
{
	struct nl_event ev;

	while (nl_next_event(&ev, LONG_MS) == 1) {
		*ept = ev.ept;
		if (ev.cmd == VHOST_RPMSG_CMD_EPT_NTF &&
		    ept->event != VHOST_RPMSG_EVENT_CHANGE)
			return ept->event;
	}
	return -1;
}

#define IS_REFUSED(expr)						\
	do {								\
		EXPECT_EQ(-EPERM, expr);				\
		EXPECT_STREQ("the endpoint is a driver's", nl_extack);	\
	} while (0)

/* An administrator sees a driver's endpoint, but cannot change it. */
TEST_F(named, endpoints_are_shown)
{
	struct nl_ept epts[2], ept;
	uint32_t id;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, ""));
	ASSERT_EQ(1, nl_ept_dump(DEV, epts, 2));
	EXPECT_TRUE(epts[0].driver);
	EXPECT_FALSE(epts[0].open);
	EXPECT_FALSE(epts[0].addressed);
	EXPECT_TRUE(epts[0].announced);
	EXPECT_EQ(NAMED_ECHO, epts[0].addr);
	EXPECT_STREQ(DEV, epts[0].dev_name);
	EXPECT_STREQ(NAMED_NAME, epts[0].name);
	EXPECT_EQ(VHOST_RPMSG_ADDR_ANY, epts[0].remote);
	EXPECT_EQ(VHOST_RPMSG_REMOTE_MODE_LEARN, epts[0].remote_mode);
	id = epts[0].id;
	/* No char device has this number. */
	EXPECT_LE(1U << 20, id);
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_TRUE(ept.driver);
	EXPECT_EQ(NAMED_ECHO, ept.addr);
	EXPECT_EQ(-ENOENT, nl_ept_get(id + 100, &ept));
	EXPECT_EQ(-ENOENT, nl_ept_del(id + 100));
	IS_REFUSED(nl_ept_set(id, EPT_REQ(.rx_limit = 1000), -1));
	IS_REFUSED(nl_ept_del(id));
	IS_REFUSED(nl_announce(id));
	IS_REFUSED(nl_withdraw(id));
	/* Another device's is another one. */
	ASSERT_GT(nl_dev_new(OTHER), 0);
	EXPECT_EQ(2, nl_ept_dump(NULL, epts, 2));
	EXPECT_NE(epts[0].id, epts[1].id);
	EXPECT_EQ(1, nl_ept_dump(OTHER, epts, 2));
	ASSERT_EQ(0, ioctl(self->fd, NAMED_UNREGISTER));
	EXPECT_EQ(-ENOENT, nl_ept_get(id, &ept));
	EXPECT_EQ(-ENOENT, nl_ept_del(id));
	EXPECT_EQ(0, nl_ept_dump(NULL, epts, 2));
}

TEST_F(named, endpoints_are_in_events)
{
	struct nl_ept ept, was;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(VHOST_RPMSG_EVENT_NEW, next_ept_event(&was));
	EXPECT_TRUE(was.driver);
	EXPECT_EQ(NAMED_ECHO, was.addr);
	EXPECT_EQ(0, nl_ept_get(was.id, &ept));
	ASSERT_EQ(0, ioctl(self->fd, NAMED_UNREGISTER));
	ASSERT_EQ(VHOST_RPMSG_EVENT_DEL, next_ept_event(&ept));
	EXPECT_TRUE(ept.driver);
	EXPECT_EQ(was.id, ept.id);
	nl_unlisten();
}

/* A listener that follows the events knows the remote. */
TEST_F(named, a_new_remote_is_in_events)
{
	struct nl_event ev = {};
	int ret;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, NAMED_ECHO, "a", 1));
	do {
		ret = nl_next_event(&ev, LONG_MS);
	} while (ret == 1 && (ev.cmd != VHOST_RPMSG_CMD_EPT_NTF ||
			      ev.ept.remote != REMOTE));
	ASSERT_EQ(1, ret);
	EXPECT_EQ(VHOST_RPMSG_EVENT_CHANGE, ev.ept.event);
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_LEARNED, ev.ept.remote_kind);
	nl_unlisten();
}

/* OpenAMP ends an endpoint in this way, which it created for an announcement. */
TEST_F(named, a_remote_is_forgotten_when_the_guest_destroys_it)
{
	struct nl_ept ept;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, echo(&self->g, 1));
	ASSERT_EQ(0, guest_ns_send(&self->g, "other", REMOTE, 1));
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_NAME, REMOTE + 1, 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	EXPECT_EQ(REMOTE, ept.remote);
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_NAME, REMOTE, 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_NONE, ept.remote_kind);
}

/* The channel shows it as it shows a char device. */
TEST_F(named, a_channel_is_bound_to_an_endpoint)
{
	struct nl_chan chan;
	struct nl_ept ept;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, ioctl(self->fd, NAMED_BIND));
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_NAME, REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	EXPECT_EQ(REMOTE, ept.remote);
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_BOUND, ept.remote_kind);
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_TRUE(chan.bound);
	EXPECT_EQ(ept.id, chan.ept);
}

/* Returns the next event of a channel, or -1. */
static int next_chan_event(struct nl_chan *chan)
{
	struct nl_event ev;

	while (nl_next_event(&ev, LONG_MS) == 1) {
		*chan = ev.chan;
		if (ev.cmd == VHOST_RPMSG_CMD_CHAN_NTF)
			return chan->event;
	}
	return -1;
}

/*
 * The guest announces another service at an address. The endpoint loses the remote that
 * it has learned, since its announcement has the old name, and waits for the new one.
 */
TEST_F(named, an_address_that_gets_another_name_is_bound)
{
	struct nl_chan chan;
	struct nl_ept ept;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, ioctl(self->fd, NAMED_BIND_CHANNEL));
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_NAME, REMOTE, 0));
	ASSERT_EQ(0, echo(&self->g, 1));
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	EXPECT_EQ(REMOTE, ept.remote);
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_LEARNED, ept.remote_kind);
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_CHANNEL, REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(VHOST_RPMSG_EVENT_DEL, next_chan_event(&chan));
	EXPECT_STREQ(NAMED_NAME, chan.name);
	EXPECT_EQ(VHOST_RPMSG_EVENT_NEW, next_chan_event(&chan));
	EXPECT_STREQ(NAMED_CHANNEL, chan.name);
	EXPECT_TRUE(chan.bound);
	nl_unlisten();
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_BOUND, ept.remote_kind);
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_TRUE(chan.bound);
	EXPECT_EQ(ept.id, chan.ept);
}

/* The same, and another endpoint talks to that address and has the new name. */
TEST_F(named, an_address_that_gets_another_name_is_bound_last)
{
	struct nl_chan chan;
	int id;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, ioctl(self->fd, NAMED_BIND_CHANNEL));
	ASSERT_EQ(0, registers(self->fd, DEV));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = NAMED_CHANNEL, .addr = 8));
	ASSERT_LE(0, id);
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_NAME, REMOTE, 0));
	ASSERT_EQ(0, echo(&self->g, 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 8, "x", 1));
	/* It is free, since both endpoints have a remote. */
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_CHANNEL, REMOTE + 1, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE + 1, &chan));
	ASSERT_FALSE(chan.bound);
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, guest_ns_send(&self->g, NAMED_CHANNEL, REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(VHOST_RPMSG_EVENT_CHANGE, next_chan_event(&chan));
	EXPECT_EQ(REMOTE + 1, chan.addr);
	EXPECT_EQ(VHOST_RPMSG_EVENT_DEL, next_chan_event(&chan));
	EXPECT_EQ(VHOST_RPMSG_EVENT_NEW, next_chan_event(&chan));
	EXPECT_TRUE(chan.bound);
	EXPECT_EQ(id, (int)chan.ept);
	nl_unlisten();
}

TEST_F(named, a_driver_may_want_one_device)
{
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_GT(nl_dev_new(OTHER), 0);
	EXPECT_EQ(0, stats(self->fd).adds);
	ASSERT_GT(nl_dev_new(DEV), 0);
	EXPECT_EQ(1, stats(self->fd).devices);
}

TEST_F(named, a_driver_may_not_want_a_device)
{
	ASSERT_EQ(0, ioctl(self->fd, NAMED_DECLINE));
	ASSERT_EQ(0, registers(self->fd, ""));
	ASSERT_GT(nl_dev_new(DEV), 0);
	EXPECT_EQ(1, stats(self->fd).adds);
	ASSERT_EQ(0, nl_dev_del(DEV));
	EXPECT_EQ(0, stats(self->fd).removes);
}

/* A VMM may use any name for its own device, which is a different one. */
TEST_F(named, a_vmm_cannot_make_a_device_that_a_driver_serves)
{
	ASSERT_EQ(0, registers(self->fd, ""));
	ASSERT_EQ(0, join(self));
	EXPECT_EQ(0, stats(self->fd).adds);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, NAMED_ECHO, "a", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_LE(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN));
}

TEST_F(named, a_guest_is_served)
{
	struct named_send send = { .device = DEV, .len = 100 };
	struct named_info info;
	uint8_t buf[512];

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, ask_info(self->fd, DEV, &info));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_DETACHED, info.state);
	EXPECT_EQ(0, info.generation);
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, info.mtu);
	EXPECT_EQ(0, stats(self->fd).starts);

	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	for (uint32_t len = 0; len <= 496; len += 31)
		ASSERT_EQ(0, echo(&self->g, len));
	EXPECT_EQ(17, stats(self->fd).reads);
	ASSERT_EQ(0, ask_info(self->fd, DEV, &info));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, info.state);
	EXPECT_NE(0, info.generation);
	EXPECT_EQ(REMOTE, info.remote);

	ASSERT_EQ(0, ioctl(self->fd, NAMED_SEND, &send));
	ASSERT_EQ(100, guest_recv_copy(&self->g, NULL, buf, 512, LONG_MS));
	EXPECT_EQ(99, buf[99]);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

TEST_F(named, a_driver_that_cannot_send_stops_nobody_else)
{
	struct named_send send = { .device = DEV, .len = 100 };
	int fd, id;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	ASSERT_GE(id, 0);
	fd = ept_open(id, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, ioctl(self->fd, NAMED_FAULT));
	ASSERT_EQ(0, ioctl(self->fd, NAMED_SEND, &send));
	ASSERT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(5, guest_recv_copy(&self->g, NULL, NULL, 5, LONG_MS));
	close(fd);
}

/* The device already has a guest. */
TEST_F(named, a_driver_may_come_while_the_guest_runs)
{
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, echo(&self->g, 100));
	EXPECT_EQ(1, stats(self->fd).starts);
}

TEST_F(named, starts_stops_and_guests_are_told)
{
	struct named_stats s;
	struct named_info info;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	s = stats(self->fd);
	EXPECT_EQ(1, s.starts);
	EXPECT_EQ(0, s.stops);
	EXPECT_EQ(1, s.guests);
	ASSERT_EQ(0, guest_reset(&self->g));
	s = stats(self->fd);
	EXPECT_EQ(2, s.starts);
	EXPECT_EQ(1, s.stops);
	EXPECT_EQ(2, s.guests);
	/* The VMM closes its file at an arbitrary time. */
	guest_close(&self->g);
	self->guest = false;
	EXPECT_EQ(2, stats(self->fd).stops);
	ASSERT_EQ(0, ask_info(self->fd, DEV, &info));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_DETACHED, info.state);
	EXPECT_EQ(VHOST_RPMSG_ADDR_ANY, info.remote);
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, echo(&self->g, 10));
	EXPECT_EQ(3, stats(self->fd).starts);
	EXPECT_EQ(3, stats(self->fd).guests);
}

TEST_F(named, a_device_with_a_guest_stays)
{
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	EXPECT_EQ(1, stats(self->fd).devices);
	ASSERT_EQ(0, hears(&self->g, 0));
	EXPECT_EQ(0, echo(&self->g, 10));
}

/* Refused messages are counted, and do not block other endpoints for ever. */
TEST_F(named, a_driver_that_takes_nothing_holds_nobody_for_long)
{
	struct nl_dev dev;
	struct nl_ept ept;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, ioctl(self->fd, NAMED_REFUSE));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, NAMED_ECHO, "a", 1));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_FULL));
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_TRUE(dev.stalled);
	EXPECT_EQ(ept.id, dev.stall_ept);
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 1)));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_FULL));
}

struct talker {
	struct guest *g;
	volatile bool stop;
	unsigned long sent;
};

/* The guest sends as much as it can, and receives messages. */
static void *talk(void *arg)
{
	struct talker *t = arg;
	struct guest_msg msg;

	while (!t->stop) {
		if (!guest_send(t->g, REMOTE, NAMED_ECHO, "talk", 4))
			t->sent++;
		while (guest_recv(t->g, &msg, 0) == 1)
			guest_done(t->g, &msg);
	}
	return NULL;
}

/* named_remove() overwrites its memory at once. */
TEST_F(named, a_driver_goes_while_the_guest_talks)
{
	struct talker t = { .g = &self->g };
	pthread_t thread;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, talk, &t));
	for (int i = 0; i < 50; i++) {
		EXPECT_TRUE(WAIT_FOR(stats(self->fd).reads > (unsigned int)i * 4,
				     LONG_MS));
		EXPECT_EQ(0, ioctl(self->fd, NAMED_UNREGISTER));
		EXPECT_EQ(0, stats(self->fd).devices);
		EXPECT_EQ(0, registers(self->fd, DEV));
	}
	t.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(51, stats(self->fd).adds);
	EXPECT_EQ(50, stats(self->fd).removes);
}

TEST_F(named, a_guest_hears_that_the_driver_goes)
{
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	ASSERT_EQ(0, ioctl(self->fd, NAMED_UNREGISTER));
	EXPECT_EQ(0, hears(&self->g, 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, NAMED_ECHO, "a", 1));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN));
}

/*
 * An endpoint that only has its last messages left to send does not keep its address from
 * a driver; one that is open does.
 */
TEST_F(named, an_address_that_a_closing_endpoint_has)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	int ctrl, fd;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	self->guest = true;
	ctrl = ctrl_open(DEV);
	ASSERT_LE(0, ctrl);
	fd = ctrl_new_ept(ctrl, "", NAMED_ECHO, REMOTE, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	ASSERT_EQ(0, registers(self->fd, DEV));
	EXPECT_EQ(0, stats(self->fd).devices);
	ASSERT_EQ(0, ioctl(self->fd, NAMED_UNREGISTER));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	ASSERT_EQ(0, registers(self->fd, DEV));
	EXPECT_EQ(1, stats(self->fd).devices);
	EXPECT_EQ(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_TX_DROP_RESET));
	guest_post(&self->g);
	EXPECT_EQ(0, hears(&self->g, 0));
	EXPECT_EQ(0, echo(&self->g, 10));
	close(ctrl);
}

static void *unregister(void *arg)
{
	int *fd = arg;

	if (ioctl(*fd, NAMED_UNREGISTER))
		die("NAMED_UNREGISTER: %s", strerror(errno));
	return NULL;
}

/*
 * Have the worker call the driver, and wait for the guest's memory until *uffd is closed.
 * *uffd is negative if the kernel cannot do that.
 */
static int hold_worker(FIXTURE_DATA(named) *self, int *uffd)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	uint8_t *page;
	int err;

	err = guest_open(&self->g, &opts);
	if (err)
		return err;
	self->guest = true;
	page = guest_alloc_page(&self->g);
	*uffd = guest_hold(page);
	if (*uffd < 0)
		return 0;
	/* One buffer for the announcement; posted again, for the first response. */
	guest_post_one(&self->g, self->g.tx_bufs);
	guest_kick(&self->g, GUEST_TX);
	err = hears(&self->g, 0);
	if (err)
		return err;
	guest_post_one(&self->g, page);
	guest_kick(&self->g, GUEST_TX);
	err = guest_send(&self->g, REMOTE, NAMED_ECHO, "a", 1);
	if (!err)
		err = guest_send(&self->g, REMOTE, NAMED_ECHO, "b", 1);
	if (!err && !(poll_fd(*uffd, POLLIN, LONG_MS) & POLLIN))
		err = -ETIMEDOUT;
	return err;
}

/* The worker may be in release() when remove() has seen its call. */
TEST_F(named, a_driver_goes_when_release_has_returned)
{
	pthread_t thread;
	int uffd;

	ASSERT_EQ(0, ioctl(self->fd, NAMED_RELEASE));
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, DEV));
	ASSERT_EQ(0, hold_worker(self, &uffd));
	if (uffd < 0)
		SKIP(return, "the kernel cannot hold writers of pages");
	ASSERT_EQ(0, pthread_create(&thread, NULL, unregister, &self->fd));
	ASSERT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
	close(uffd);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, stats(self->fd).wrong);
}

/* A VMM can delay the end of the driver that serves it, and nothing else. */
TEST_F(named, a_driver_that_waits_for_a_vmm_keeps_nobody_waiting)
{
	struct named_stats s;
	pthread_t thread;
	long long begun;
	int uffd;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, registers(self->fd, ""));
	ASSERT_EQ(0, hold_worker(self, &uffd));
	if (uffd < 0)
		SKIP(return, "the kernel cannot hold writers of pages");
	ASSERT_EQ(0, pthread_create(&thread, NULL, unregister, &self->fd));
	ASSERT_TRUE(WAIT_FOR(stats(self->fd).removes == 1, LONG_MS));

	begun = now_ms();
	EXPECT_GT(nl_dev_new(OTHER), 0);
	EXPECT_EQ(0, nl_dev_del(OTHER));
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	EXPECT_GT(1000 * slowness(), now_ms() - begun);
	s = stats(self->fd);
	EXPECT_EQ(0, s.devices);
	EXPECT_EQ(1, s.adds);
	close(uffd);
	pthread_join(thread, NULL);
}

struct churn {
	int fd;
	volatile bool stop;
	int rounds;
	int err;
};

static void *churn(void *arg)
{
	struct churn *c = arg;

	while (!c->stop && !c->err) {
		c->err = registers(c->fd, "");
		if (!c->err && ioctl(c->fd, NAMED_UNREGISTER))
			c->err = -errno;
		c->rounds++;
	}
	return NULL;
}

TEST_F(named, devices_and_drivers_come_and_go_at_once)
{
	struct churn c = { .fd = self->fd };
	struct named_stats s;
	pthread_t thread;
	int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &c));
	for (i = 0; i < 100 || c.rounds < 50; i++) {
		ASSERT_GT(nl_dev_new(DEV), 0);
		ASSERT_GT(nl_dev_new(OTHER), 0);
		ASSERT_EQ(0, nl_dev_del(DEV));
		ASSERT_EQ(0, nl_dev_del(OTHER));
	}
	c.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, c.err);
	s = stats(self->fd);
	EXPECT_EQ(0, s.devices);
	EXPECT_GE(s.adds, s.removes);
}

/* Netlink requests find complete endpoints, or none. */
TEST_F(named, drivers_come_and_go_while_they_are_asked_for)
{
	struct churn c = { .fd = self->fd };
	int rounds = 0, found = 0, num;
	struct nl_ept epts[2], ept;
	pthread_t thread;
	long long end;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_GT(nl_dev_new(OTHER), 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &c));
	end = now_ms() + LONG_MS;
	while ((rounds < 500 || c.rounds < 100 || found < 10) &&
	       now_ms() < end) {
		num = nl_ept_dump(NULL, epts, 2);
		ASSERT_TRUE(num >= 0 || num == -EAGAIN);
		rounds++;
		for (int i = 0; i < num; i++) {
			int err = nl_ept_get(epts[i].id, &ept);

			EXPECT_TRUE(epts[i].driver);
			EXPECT_EQ(NAMED_ECHO, epts[i].addr);
			EXPECT_TRUE(!err || err == -ENOENT);
			found += !err;
			if (!err)
				EXPECT_EQ(epts[i].id, ept.id);
			err = nl_ept_del(epts[i].id);
			EXPECT_TRUE(err == -EPERM || err == -ENOENT);
		}
	}
	c.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, c.err);
	EXPECT_LE(10, found);
	EXPECT_EQ(0, nl_ept_dump(NULL, epts, 2));
}

/* Both request the same address; the first one gets it. */
TEST_F(named, two_drivers_on_one_device)
{
	int fd = open(PATH, O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, registers(self->fd, ""));
	ASSERT_EQ(0, registers(fd, ""));
	ASSERT_GT(nl_dev_new(DEV), 0);
	EXPECT_EQ(1, stats(self->fd).devices);
	EXPECT_EQ(1, stats(fd).adds);
	EXPECT_EQ(0, stats(fd).devices);
	close(fd);
	ASSERT_EQ(0, join(self));
	ASSERT_EQ(0, hears(&self->g, 0));
	EXPECT_EQ(0, echo(&self->g, 10));
}

TEST_HARNESS_MAIN
