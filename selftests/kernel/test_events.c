// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink notifications: their content, their order, and their number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "nlraw.h"
#include "util.h"

#define DEV	"events"
#define SECOND	"events-2"

FIXTURE(events)
{
	struct guest g;		/* opened by tests that need it */
	int dev;		/* persistent */
	int ept;		/* "first", address 7 */
	struct nl_event ev;	/* the last one */
};

FIXTURE_SETUP(events)
{
	SET_UP_NETLINK();
}

FIXTURE_TEARDOWN(events)
{
	TAKE_DOWN_NETLINK();
}

#define NEXT_EVENT(_cmd, _why, _obj)						\
	do {									\
		ASSERT_EQ(1, nl_next_event(&self->ev, LONG_MS));		\
		ASSERT_EQ(VHOST_RPMSG_CMD_##_cmd##_NTF, self->ev.cmd);		\
		ASSERT_EQ(VHOST_RPMSG_EVENT_##_why, self->ev._obj.event);	\
	} while (0)

#define DEV_EVENT(_name, _why, _state)				\
	do {							\
		NEXT_EVENT(DEV, _why, dev);			\
		EXPECT_STREQ(_name, self->ev.dev.name);		\
		EXPECT_EQ(STATE(_state), self->ev.dev.state);	\
	} while (0)

#define EPT_EVENT(_id, _why)				\
	do {						\
		NEXT_EVENT(EPT, _why, ept);		\
		EXPECT_EQ(_id, (int)self->ev.ept.id);	\
	} while (0)

#define CHAN_EVENT(_addr, _why, _ept)					\
	do {								\
		NEXT_EVENT(CHAN, _why, chan);				\
		EXPECT_EQ(_addr, self->ev.chan.addr);			\
		EXPECT_EQ(_ept, (int)self->ev.chan.ept);		\
		EXPECT_EQ(self->dev, (int)self->ev.chan.dev_id);	\
		EXPECT_STREQ(DEV, self->ev.chan.dev_name);		\
	} while (0)

#define NO_EVENT() EXPECT_EQ(0, nl_next_event(&self->ev, SHORT_MS))

static void skip_events(void)
{
	struct nl_event ev;

	while (nl_next_event(&ev, SHORT_MS))
		;
}

/* Does the last event match a get, except for the counters? */
static bool as_dev_get(struct nl_event *ev)
{
	struct nl_dev dev;

	if (nl_dev_get_id(ev->dev.id, &dev))
		return false;
	dev.event = ev->dev.event;
	memset(dev.stats, 0, sizeof(dev.stats));
	return !memcmp(&dev, &ev->dev, sizeof(dev));
}

static bool as_ept_get(struct nl_event *ev)
{
	struct nl_ept ept;

	if (nl_ept_get(ev->ept.id, &ept))
		return false;
	ept.event = ev->ept.event;
	memset(ept.stats, 0, sizeof(ept.stats));
	return !memcmp(&ept, &ev->ept, sizeof(ept));
}

static bool as_chan_get(struct nl_event *ev)
{
	struct nl_chan chan;

	if (nl_chan_get(ev->chan.dev_name, ev->chan.addr, &chan))
		return false;
	chan.event = ev->chan.event;
	return !memcmp(&chan, &ev->chan, sizeof(chan));
}

TEST_F(events, events_of_a_persistent_device)
{
	int id = nl_dev_new(SECOND);

	DEV_EVENT(SECOND, NEW, DETACHED);
	EXPECT_EQ(id, (int)self->ev.dev.id);
	EXPECT_TRUE(as_dev_get(&self->ev));
	NO_EVENT();
	ASSERT_EQ(0, nl_dev_del(SECOND));
	DEV_EVENT(SECOND, DEL, DETACHED);
	EXPECT_EQ(id, (int)self->ev.dev.id);
	EXPECT_TRUE(self->ev.dev.persistent);
	NO_EVENT();
}

TEST_F(events, events_of_a_device_that_gets_a_VMM)
{
	struct guest_opts opts = { .name = DEV, .stopped = true };
	char name[32];

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	/* The own device of the VMM is replaced by the one with the name. */
	NEXT_EVENT(DEV, NEW, dev);
	EXPECT_FALSE(self->ev.dev.persistent);
	snprintf(name, sizeof(name), "vhost%u", self->ev.dev.id);
	EXPECT_STREQ(name, self->ev.dev.name);
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EXPECT_EQ(self->dev, (int)self->ev.dev.id);
	DEV_EVENT(name, DEL, ATTACHED);
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EXPECT_EQ(GUEST_FEATURES, self->ev.dev.features);
	EXPECT_TRUE(as_dev_get(&self->ev));
	NO_EVENT();
	/* Setting the same value is no change. */
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_SET_FEATURES, &self->g.features));
	ASSERT_EQ(0, guest_stop(&self->g));
	NO_EVENT();

	ASSERT_EQ(0, guest_start(&self->g));
	DEV_EVENT(DEV, CHANGE, RUNNING);
	EXPECT_TRUE(as_dev_get(&self->ev));
	ASSERT_EQ(0, guest_set_running(&self->g, 1));
	NO_EVENT();
	ASSERT_EQ(0, guest_stop(&self->g));
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EXPECT_TRUE(as_dev_get(&self->ev));
	ASSERT_EQ(0, guest_start(&self->g));
	DEV_EVENT(DEV, CHANGE, RUNNING);
	guest_close(&self->g);
	DEV_EVENT(DEV, CHANGE, DETACHED);
	EXPECT_EQ(0, self->ev.dev.features);
	EXPECT_TRUE(as_dev_get(&self->ev));
	NO_EVENT();
}

TEST_F(events, events_of_a_device_of_a_VMM)
{
	struct guest_opts opts = { .name = SECOND };
	uint32_t dev;
	int id;

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	NEXT_EVENT(DEV, NEW, dev);
	dev = self->ev.dev.id;
	DEV_EVENT(SECOND, CHANGE, ATTACHED);
	EXPECT_EQ(dev, self->ev.dev.id);
	DEV_EVENT(SECOND, CHANGE, ATTACHED);
	EXPECT_EQ(GUEST_FEATURES, self->ev.dev.features);
	DEV_EVENT(SECOND, CHANGE, RUNNING);
	EXPECT_EQ(dev, self->ev.dev.id);
	id = nl_ept_new(EPT_REQ(.dev = SECOND));
	EPT_EVENT(id, NEW);
	EXPECT_EQ(dev, self->ev.ept.dev_id);
	EXPECT_STREQ(SECOND, self->ev.ept.dev_name);
	NO_EVENT();
	guest_close(&self->g);
	EPT_EVENT(id, DEL);
	DEV_EVENT(SECOND, DEL, DETACHED);
	EXPECT_EQ(dev, self->ev.dev.id);
	EXPECT_EQ(0, self->ev.dev.endpoints);
	NO_EVENT();
}

TEST_F(events, events_of_an_endpoint)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .remote = 5,
				    .drop = true));

	EPT_EVENT(id, NEW);
	EXPECT_STREQ("svc", self->ev.ept.name);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
	ASSERT_EQ(0, nl_ept_del(id));
	EPT_EVENT(id, DEL);
	EXPECT_STREQ("svc", self->ev.ept.name);
	EXPECT_EQ(VHOST_RPMSG_FIRST_DYNAMIC_ADDR, self->ev.ept.addr);
	NO_EVENT();
}

TEST_F(events, events_of_settings)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 5), -1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(5, self->ev.ept.rx_limit);
	EXPECT_TRUE(as_ept_get(&self->ev));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 6), 1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(6, self->ev.ept.tx_limit);
	EXPECT_EQ(VHOST_RPMSG_FULL_POLICY_DROP, self->ev.ept.policy);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

TEST_F(events, events_of_a_remote_that_is_set)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 9, .rx_limit = 5),
				-1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(9, self->ev.ept.remote);
	EXPECT_EQ(KIND(FIXED), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

TEST_F(events, no_event_of_what_is_set_already)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(), -1));
	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.rx_limit = VHOST_RPMSG_DEFAULT_LIMIT),
				VHOST_RPMSG_FULL_POLICY_HOLD));
	NO_EVENT();
}

TEST_F(events, events_of_open_and_close)
{
	int fd = ept_open(self->ept, O_NONBLOCK);

	ASSERT_LE(0, fd);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_TRUE(self->ev.ept.open);
	EXPECT_TRUE(as_ept_get(&self->ev));
	EXPECT_EQ(-EBUSY, ept_open(self->ept, 0));
	NO_EVENT();
	close(fd);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_FALSE(self->ev.ept.open);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

TEST_F(events, events_of_announcements)
{
	ASSERT_EQ(0, nl_announce(self->ept));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_TRUE(self->ev.ept.announced);
	EXPECT_TRUE(as_ept_get(&self->ev));
	ASSERT_EQ(0, nl_announce(self->ept));
	NO_EVENT();
	ASSERT_EQ(0, nl_withdraw(self->ept));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_FALSE(self->ev.ept.announced);
	EXPECT_TRUE(as_ept_get(&self->ev));
	ASSERT_EQ(0, nl_withdraw(self->ept));
	NO_EVENT();
	/* Deleting an announced endpoint is one event. */
	ASSERT_EQ(0, nl_announce(self->ept));
	EPT_EVENT(self->ept, CHANGE);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EPT_EVENT(self->ept, DEL);
	NO_EVENT();
}

/* Start a guest, and ignore the events of the start. */
#define OPEN_GUEST()						\
	do {							\
		struct guest_opts __opts = { .name = DEV };	\
									\
		ASSERT_EQ(0, guest_open(&self->g, &__opts));	\
		skip_events();					\
	} while (0)

TEST_F(events, events_of_a_remote_that_is_learned)
{
	struct nl_ept ept;

	OPEN_GUEST();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE + 1, 7, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(LEARNED), self->ev.ept.remote_kind);
	/* Queued messages are sent. */
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	self->ev.ept.rx_queued = ept.rx_queued;
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();

	guest_close(&self->g);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(ANY, self->ev.ept.remote);
	EXPECT_EQ(KIND(NONE), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	DEV_EVENT(DEV, CHANGE, DETACHED);
	NO_EVENT();
}

/* The address is the same, and the guest can no longer change it. */
TEST_F(events, a_remote_that_is_learned_is_set)
{
	struct nl_ept ept;

	OPEN_GUEST();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(KIND(LEARNED), self->ev.ept.remote_kind);

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = REMOTE), -1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(FIXED), self->ev.ept.remote_kind);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = REMOTE), -1));
	NO_EVENT();

	guest_close(&self->g);
	DEV_EVENT(DEV, CHANGE, DETACHED);
	NO_EVENT();
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(REMOTE, ept.remote);
}

#define NS_SEND(name, addr, flags)						\
	do {									\
		ASSERT_EQ(0, guest_ns_send(&self->g, name, addr, flags));	\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));			\
	} while (0)

TEST_F(events, events_of_a_channel)
{
	OPEN_GUEST();
	NS_SEND("svc", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, -1);
	EXPECT_STREQ("svc", self->ev.chan.name);
	EXPECT_TRUE(as_chan_get(&self->ev));
	/* A repeated create, or a destroy of an unknown channel, is no change. */
	NS_SEND("svc", REMOTE, 0);
	NS_SEND("svc", REMOTE + 1, 1);
	NO_EVENT();
	NS_SEND("other", REMOTE, 0);
	CHAN_EVENT(REMOTE, DEL, -1);
	EXPECT_STREQ("svc", self->ev.chan.name);
	CHAN_EVENT(REMOTE, NEW, -1);
	EXPECT_STREQ("other", self->ev.chan.name);
	NS_SEND("other", REMOTE, 1);
	CHAN_EVENT(REMOTE, DEL, -1);
	EXPECT_STREQ("other", self->ev.chan.name);
	NO_EVENT();
}

TEST_F(events, events_of_a_channel_that_finds_its_endpoint)
{
	OPEN_GUEST();
	NS_SEND("first", REMOTE, 0);
	/* The channel comes before the endpoint that is bound to it. */
	CHAN_EVENT(REMOTE, NEW, self->ept);
	EXPECT_TRUE(as_chan_get(&self->ev));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(BOUND), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
	NS_SEND("first", REMOTE, 1);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(KIND(NONE), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	CHAN_EVENT(REMOTE, DEL, -1);
	NO_EVENT();
}

TEST_F(events, events_of_an_endpoint_that_finds_its_channel)
{
	int id;

	OPEN_GUEST();
	NS_SEND("svc", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, -1);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc"));
	/* There is no event for an endpoint without a NEW event. */
	EPT_EVENT(id, NEW);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(BOUND), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	CHAN_EVENT(REMOTE, CHANGE, id);
	EXPECT_TRUE(as_chan_get(&self->ev));
	NO_EVENT();

	ASSERT_EQ(0, nl_ept_del(id));
	CHAN_EVENT(REMOTE, CHANGE, -1);
	EXPECT_TRUE(as_chan_get(&self->ev));
	EPT_EVENT(id, DEL);
	NO_EVENT();
}

TEST_F(events, events_of_a_channel_that_loses_its_endpoint)
{
	OPEN_GUEST();
	NS_SEND("first", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, self->ept);
	EPT_EVENT(self->ept, CHANGE);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	CHAN_EVENT(REMOTE, CHANGE, -1);
	EXPECT_TRUE(as_chan_get(&self->ev));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(1, self->ev.ept.remote);
}

/*
 * An endpoint comes before the channel that it loses, as when the guest destroys the
 * channel. There is no event for an endpoint that had no remote.
 */
TEST_F(events, events_of_a_reset)
{
	int other = nl_ept_new(EPT_REQ(.dev = DEV));

	ASSERT_GE(other, 0);
	EPT_EVENT(other, NEW);
	OPEN_GUEST();
	NS_SEND("svc", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, -1);
	NS_SEND("first", REMOTE + 1, 0);
	CHAN_EVENT(REMOTE + 1, NEW, self->ept);
	EPT_EVENT(self->ept, CHANGE);
	ASSERT_EQ(0, guest_reset(&self->g));
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(KIND(NONE), self->ev.ept.remote_kind);
	CHAN_EVENT(REMOTE, DEL, -1);
	CHAN_EVENT(REMOTE + 1, DEL, -1);
	DEV_EVENT(DEV, CHANGE, RUNNING);
	EXPECT_EQ(0, self->ev.dev.channels);
	NO_EVENT();
}

TEST_F(events, events_of_a_device_that_is_deleted_with_its_endpoints)
{
	int ids[3];

	ASSERT_LT(0, nl_dev_new(SECOND));
	for (int i = 0; i < 3; i++)
		ids[i] = nl_ept_new(EPT_REQ(.dev = SECOND, .addr = i));
	skip_events();
	ASSERT_EQ(0, nl_dev_del(SECOND));
	for (int i = 0; i < 3; i++)
		EPT_EVENT(ids[i], DEL);
	DEV_EVENT(SECOND, DEL, DETACHED);
	NO_EVENT();
}

TEST_F(events, events_of_many_come_once_each_and_in_order)
{
	int ids[60];

	for (int i = 0; i < 60; i++) {
		ids[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ASSERT_LE(0, ids[i]);
	}
	for (int i = 59; i >= 0; i--)
		ASSERT_EQ(0, nl_ept_del(ids[i]));
	for (int i = 0; i < 60; i++)
		EPT_EVENT(ids[i], NEW);
	for (int i = 59; i >= 0; i--)
		EPT_EVENT(ids[i], DEL);
	NO_EVENT();
}

TEST_F(events, the_last_one_has_the_counters)
{
	OPEN_GUEST();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 99, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(1, ept_stat(self->ept, S(RX_MSGS)));
	guest_close(&self->g);
	skip_events();
	ASSERT_EQ(0, nl_dev_del(DEV));
	EPT_EVENT(self->ept, DEL);
	EXPECT_EQ(1, self->ev.ept.stats[S(RX_MSGS)]);
	DEV_EVENT(DEV, DEL, DETACHED);
	EXPECT_EQ(1, self->ev.dev.stats[S(RX_DROP_UNKNOWN)]);
	ASSERT_GT(nl_dev_new(DEV), 0);
}

#define MISSED	1500

TEST_F(events, a_listener_that_is_too_slow_is_told)
{
	bool told = false, del = false;
	struct nl_event ev;
	int seen = 0, n;
	uint32_t id = 0;

	for (int i = 0; i < MISSED; i++) {
		ASSERT_LT(0, nl_dev_new(SECOND));
		ASSERT_EQ(0, nl_dev_del(SECOND));
	}
	while ((n = nl_next_event(&ev, SHORT_MS))) {
		if (n == -ENOBUFS) {
			told = true;
			continue;
		}
		/* The events that it gets are valid and in order. */
		ASSERT_EQ(1, n);
		ASSERT_EQ(VHOST_RPMSG_CMD_DEV_NTF, ev.cmd);
		ASSERT_EQ(del ? VHOST_RPMSG_EVENT_DEL : VHOST_RPMSG_EVENT_NEW,
			  ev.dev.event);
		ASSERT_TRUE(del ? ev.dev.id == id : ev.dev.id > id);
		id = ev.dev.id;
		del = !del;
		seen++;
	}
	EXPECT_TRUE(told);
	EXPECT_LT(0, seen);
	EXPECT_GT(2 * MISSED, seen);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 1), -1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

/*
 * Merging. A listener that follows the events knows the final state, and gets a limited
 * number of events: AT_ONCE at once, and as many per second.
 */
#define AT_ONCE	128
#define MAY_HEAR(ms)	(AT_ONCE + AT_ONCE * ((ms) / 1000 + 1))
/* No event arrives after a longer time than that. */
#define QUIET_MS	(1000 * slowness())
#define NUM	64

/* The state of the channels 0 to NUM - 1 and of devices, according to the events. */
struct belief {
	char chan[NUM][33];	/* its name, empty if there is none */
	int bound[NUM];
	int devs;
	int events;
	int odd;		/* events that contradict earlier ones */
	int told_chan;		/* events of endpoints with an unknown channel */
};

static void believe_chan(struct belief *b, const struct nl_chan *chan)
{
	char *name = b->chan[chan->addr % NUM];

	switch (chan->event) {
	case VHOST_RPMSG_EVENT_NEW:
		b->odd += name[0] != 0;
		snprintf(name, 33, "%s", chan->name);
		break;
	case VHOST_RPMSG_EVENT_CHANGE:
		b->odd += !!strcmp(name, chan->name);
		break;
	case VHOST_RPMSG_EVENT_DEL:
		b->odd += !!strcmp(name, chan->name);
		name[0] = 0;
		break;
	}
	b->bound[chan->addr % NUM] = name[0] && chan->bound ? (int)chan->ept :
							      -1;
}

/* Receive events until none has arrived for quiet_ms. */
static void hear(struct belief *b, int quiet_ms)
{
	struct nl_event ev;
	int n;

	while ((n = nl_next_event(&ev, quiet_ms))) {
		if (n < 0) {
			b->odd++;
			continue;
		}
		b->events++;
		if (ev.cmd == VHOST_RPMSG_CMD_CHAN_NTF)
			believe_chan(b, &ev.chan);
		else if (ev.cmd == VHOST_RPMSG_CMD_EPT_NTF &&
			 ev.ept.remote_kind == KIND(BOUND) &&
			 !b->chan[ev.ept.remote % NUM][0])
			b->told_chan++;
		else if (ev.cmd == VHOST_RPMSG_CMD_DEV_NTF)
			b->devs += (ev.dev.event == VHOST_RPMSG_EVENT_NEW) -
				   (ev.dev.event == VHOST_RPMSG_EVENT_DEL);
	}
}

/*
 * Send @count announcements, which replace each other at the first @addrs addresses.
 * Receive events meanwhile: on a slow kernel more come than the socket has room for.
 */
static int announce_many(struct guest *g, struct belief *b, int count,
			 int addrs)
{
	char name[32];
	int i, err = 0;

	for (i = 0; i < count && !err; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		err = guest_ns_send(g, name, i % addrs, 0);
		if (!err && i % 100 == 99) {
			err = guest_drain(g, LONG_MS);
			hear(b, 0);
		}
	}
	return err;
}

/* Does the state match that of netlink? */
static int check_belief(const struct belief *b)
{
	struct nl_chan chans[NUM];
	int n = nl_chan_dump(DEV, chans, NUM), i, known = 0;

	for (i = 0; i < NUM; i++)
		known += !!b->chan[i][0];
	if (n != known)
		return -1;
	for (i = 0; i < n; i++) {
		if (strcmp(b->chan[chans[i].addr % NUM], chans[i].name))
			return -2;
		if (b->bound[chans[i].addr % NUM] !=
		    (chans[i].bound ? (int)chans[i].ept : -1))
			return -3;
	}
	return b->odd ? -4 : b->told_chan ? -5 : 0;
}

/* Receive events of growing limits until there is none for a time: their number, or -1. */
static int hear_limits(struct nl_event *last, int timeout_ms)
{
	struct nl_event ev;
	int seen = 0, n;

	while ((n = nl_next_event(&ev, timeout_ms)) == 1) {
		if (ev.cmd != VHOST_RPMSG_CMD_EPT_NTF ||
		    ev.ept.rx_limit <= last->ept.rx_limit)
			return -1;
		*last = ev;
		seen++;
	}
	return n ? -1 : seen;
}

TEST_F(events, settings_that_change_too_fast_are_merged)
{
	struct nl_event last = {};
	long long start = now_ms();
	int seen = 0, n;

	for (uint32_t i = 1; i <= 2000; i++) {
		ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = i), -1));
		n = hear_limits(&last, i < 2000 ? 0 : QUIET_MS);
		ASSERT_LE(0, n);
		seen += n;
	}
	EXPECT_EQ(2000, last.ept.rx_limit);
	EXPECT_TRUE(as_ept_get(&last));
	EXPECT_LE(AT_ONCE, seen);
	EXPECT_GE(MAY_HEAR(now_ms() - start), seen);
	EXPECT_EQ(2000, seen + (int)dev_stat(DEV, S(EVENTS_MERGED)));
	/* After that each change has an event again. */
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 7), -1));
	EPT_EVENT(self->ept, CHANGE);
	NO_EVENT();
}

/* The rate is the same if the budget is looked at with each tick of the clock. */
TEST_F(events, a_long_series_of_changes_keeps_to_the_rate)
{
	struct nl_event last = {};
	long long start = now_ms();
	int seen = 0, n;

	for (uint32_t i = 1; now_ms() - start < 8000; i++) {
		ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = i), -1));
		n = hear_limits(&last, 0);
		ASSERT_LE(0, n);
		seen += n;
		usleep(3000);
	}
	n = hear_limits(&last, QUIET_MS);
	ASSERT_LE(0, n);
	EXPECT_GE(MAY_HEAR(now_ms() - start), seen + n);
}

TEST_F(events, channels_that_come_and_go_too_fast_are_merged)
{
	long long start = now_ms();
	struct belief b = {};
	char name[32];

	OPEN_GUEST();
	/* Some are bound, and all of them are finally replaced. */
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), i % 7 ? "svc%d" : "first", i % 13);
		ASSERT_EQ(0,
			  guest_ns_send(&self->g, name, i % NUM, i % 3 == 2));
		if (i % 100 == 99)
			ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		hear(&b, 0);
	}
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, check_belief(&b));
	EXPECT_GE(MAY_HEAR(now_ms() - start), b.events);
	EXPECT_LT(1000, dev_stat(DEV, S(EVENTS_MERGED)));

	ASSERT_EQ(0, guest_reset(&self->g));
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, check_belief(&b));
}

TEST_F(events, a_guest_that_goes_in_the_middle_takes_all_channels_along)
{
	struct belief b = {};

	OPEN_GUEST();
	ASSERT_EQ(0, announce_many(&self->g, &b, 2000, NUM));
	guest_close(&self->g);
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, check_belief(&b));
	EXPECT_EQ(0, b.chan[0][0]);
}

/* The endpoint is created before the event of the channel is sent. */
TEST_F(events, an_endpoint_comes_after_its_channel_even_then)
{
	struct belief b = {};
	int id;

	OPEN_GUEST();
	ASSERT_EQ(0, announce_many(&self->g, &b, 1000, 32));
	ASSERT_EQ(0, guest_ns_send(&self->g, "late", 40, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "late"));
	ASSERT_LE(0, id);
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, check_belief(&b));
	EXPECT_EQ(id, b.bound[40]);
}

/* The event also comes after the end of a former channel with the same address. */
TEST_F(events, an_endpoint_brings_its_channel_after_the_end_of_another)
{
	struct belief b = {};
	int id;

	OPEN_GUEST();
	NS_SEND("early", 40, 0);
	ASSERT_EQ(0, announce_many(&self->g, &b, 1000, 32));
	ASSERT_EQ(0, guest_ns_send(&self->g, "early", 40, 1));
	ASSERT_EQ(0, guest_ns_send(&self->g, "late", 40, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "late"));
	ASSERT_LE(0, id);
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, check_belief(&b));
	EXPECT_EQ(id, b.bound[40]);
}

TEST_F(events, files_that_are_opened_and_closed_too_fast_are_merged)
{
	long long start = now_ms();
	int before, fd;
	struct belief b = {};
	struct nl_dev devs[8];

	before = nl_dev_dump(devs, 8);
	for (int i = 0; i < 1000; i++) {
		fd = open("/dev/vhost-rpmsg", O_RDWR);
		ASSERT_LE(0, fd);
		close(fd);
		fd = ept_open(self->ept, O_RDWR);
		ASSERT_LE(0, fd);
		close(fd);
		hear(&b, 0);
	}
	fd = open("/dev/vhost-rpmsg", O_RDWR);
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, b.odd);
	/* Each device after the first ones also has an event for its end. */
	EXPECT_GE(3 * MAY_HEAR(now_ms() - start), b.events);
	EXPECT_EQ(before + 1, nl_dev_dump(devs, 8));
	EXPECT_EQ(1, b.devs);
	close(fd);
	hear(&b, QUIET_MS);
	EXPECT_EQ(0, b.devs);
}

static bool is_end(const struct nl_event *ev, int cmd)
{
	if (ev->cmd != cmd)
		return false;
	switch (cmd) {
	case VHOST_RPMSG_CMD_DEV_NTF:
		return ev->dev.event == VHOST_RPMSG_EVENT_DEL;
	case VHOST_RPMSG_CMD_EPT_NTF:
		return ev->ept.event == VHOST_RPMSG_EVENT_DEL;
	default:
		return ev->chan.event == VHOST_RPMSG_EVENT_DEL;
	}
}

/* Count DEL events of this kind until none has arrived for quiet_ms. */
static int hear_ends(int cmd, int quiet_ms)
{
	struct nl_event ev;
	int n = 0;

	while (nl_next_event(&ev, quiet_ms) == 1)
		n += is_end(&ev, cmd);
	return n;
}

/*
 * A listener that dumps once and then follows the events must learn the end of an object
 * from the dump, even if the object ended before its NEW event was sent.
 */

TEST_F(events, the_end_of_an_endpoint_that_was_dumped)
{
	int ctrl = ctrl_open(DEV), fd, ends = 0;
	struct nl_ept epts[3];

	ASSERT_LE(0, ctrl);
	for (int i = 0; i < 300; i++) {
		fd = ctrl_new_ept(ctrl, "", ANY, ANY, 0);
		ASSERT_LE(0, fd);
		ASSERT_EQ(2, nl_ept_dump(DEV, epts, 3));
		close(fd);
		ends += hear_ends(VHOST_RPMSG_CMD_EPT_NTF, 0);
	}
	close(ctrl);
	EXPECT_EQ(300, ends + hear_ends(VHOST_RPMSG_CMD_EPT_NTF, QUIET_MS));
}

TEST_F(events, the_end_of_a_device_that_was_dumped)
{
	struct nl_dev devs[8];
	int ends = 0, before, fd;

	before = nl_dev_dump(devs, 8);
	for (int i = 0; i < 300; i++) {
		fd = open("/dev/vhost-rpmsg", O_RDWR);
		ASSERT_LE(0, fd);
		ASSERT_EQ(before + 1, nl_dev_dump(devs, 8));
		close(fd);
		ends += hear_ends(VHOST_RPMSG_CMD_DEV_NTF, 0);
	}
	EXPECT_EQ(300, ends + hear_ends(VHOST_RPMSG_CMD_DEV_NTF, QUIET_MS));
}

TEST_F(events, the_end_of_a_channel_that_was_dumped)
{
	int ends = 0;
	struct nl_chan chans[2];
	char name[32];

	OPEN_GUEST();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		NS_SEND(name, REMOTE + i, 0);
		ASSERT_EQ(1, nl_chan_dump(DEV, chans, 2));
		NS_SEND(name, REMOTE + i, 1);
		ends += hear_ends(VHOST_RPMSG_CMD_CHAN_NTF, 0);
	}
	EXPECT_EQ(300, ends + hear_ends(VHOST_RPMSG_CMD_CHAN_NTF, QUIET_MS));
}

/* If too many ends of channels are waiting, listeners must dump again. */
TEST_F(events, more_ends_of_channels_than_can_wait)
{
	bool missed = false;
	int n;

	OPEN_GUEST();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < VHOST_RPMSG_MAX_CHANNELS; i++) {
			ASSERT_EQ(0, guest_ns_send(&self->g, "svc", i, 0));
			if (i % 100 == 99)
				ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
			n = nl_next_event(&self->ev, 0);
			ASSERT_TRUE(n >= 0 || n == -ENOBUFS);
			missed |= n == -ENOBUFS;
		}
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		ASSERT_EQ(VHOST_RPMSG_MAX_CHANNELS, nl_chan_dump(DEV, NULL, 0));
		ASSERT_EQ(0, guest_reset(&self->g));
	}
	while ((n = nl_next_event(&self->ev, QUIET_MS)))
		missed |= n == -ENOBUFS;
	EXPECT_TRUE(missed);
	/* After that each change has an event again. */
	NS_SEND("new", 77, 0);
	CHAN_EVENT(77, NEW, -1);
}

/* Changes of an administrator are reported although more channel events are always waiting. */
TEST_F(events, channels_do_not_keep_endpoints_waiting)
{
	long long end = now_ms() + LONG_MS;
	bool heard = false;
	char name[32];
	int i = 0;

	OPEN_GUEST();
	while (!heard && now_ms() < end) {
		for (int n = 0; n < 200; n++, i++) {
			snprintf(name, sizeof(name), "svc%d", i);
			ASSERT_EQ(0,
				  guest_ns_send(&self->g, name, i % 1000, 0));
		}
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		if (i == 2000)
			ASSERT_EQ(0, nl_ept_set(self->ept,
						EPT_REQ(.rx_limit = 77), -1));
		while (nl_next_event(&self->ev, 0) == 1)
			heard |= self->ev.cmd == VHOST_RPMSG_CMD_EPT_NTF &&
				 self->ev.ept.rx_limit == 77;
	}
	EXPECT_TRUE(heard);
}

/*
 * The same if dumps have shown the channels, so that ends are always waiting as well, and
 * if the first waiting endpoint is bound to a channel that is waiting.
 */
TEST_F(events, dumped_channels_do_not_keep_endpoints_waiting)
{
	long long end = now_ms() + LONG_MS;
	bool heard = false;
	char name[32];
	int i = 0;

	OPEN_GUEST();
	while (!heard && now_ms() < end) {
		for (int n = 0; n < 500; n++, i++) {
			snprintf(name, sizeof(name), "svc%d", i);
			ASSERT_EQ(0, guest_ns_send(&self->g, name,
						   100 + i % 500, 0));
			if (i % 100 == 99)
				ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		}
		if (i == 2000) {
			NS_SEND("first", 5, 0);
			ASSERT_EQ(0, nl_ept_set(self->ept,
						EPT_REQ(.rx_limit = 77), -1));
		}
		ASSERT_LT(0, nl_chan_dump(DEV, NULL, 0));
		while (nl_next_event(&self->ev, 0))
			heard |= self->ev.cmd == VHOST_RPMSG_CMD_EPT_NTF &&
				 self->ev.ept.rx_limit == 77;
	}
	EXPECT_TRUE(heard);
}

TEST_F(events, one_device_does_not_delay_those_of_another)
{
	OPEN_GUEST();
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(0, guest_ns_send(&self->g, "svc", i, 0));
		if (i % 100 == 99)
			ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		while (nl_next_event(&self->ev, 0) == 1)
			;
	}
	ASSERT_LT(0, nl_dev_new(SECOND));
	ASSERT_EQ(0, nl_dev_set(SECOND, DEV_REQ(.mtu = 5)));
	/* Only the events of the burst come before it. */
	for (int i = 0; i < AT_ONCE + 20; i++) {
		ASSERT_EQ(1, nl_next_event(&self->ev, LONG_MS));
		if (self->ev.cmd == VHOST_RPMSG_CMD_DEV_NTF &&
		    self->ev.dev.mtu == 5)
			break;
	}
	EXPECT_EQ(VHOST_RPMSG_CMD_DEV_NTF, self->ev.cmd);
	EXPECT_STREQ(SECOND, self->ev.dev.name);
}

TEST_HARNESS_MAIN
