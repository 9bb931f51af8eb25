// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channels that the guest announces, with valid and invalid messages, and the endpoints
 * that are bound to them.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "ns_fixture.h"

static int tell(FIXTURE_DATA(ns) *self, const char name[32], uint32_t addr,
		uint32_t flags)
{
	int err = guest_ns_send_raw(&self->g, name, addr, flags);

	if (err)
		return err;
	self->sent++;
	return guest_drain(&self->g, LONG_MS);
}

/* Names shorter than 32 bytes. */
#define TELL(name, addr, flags)					\
	do {							\
		uint64_t __good = dev_stat(DEV, S(NS_RX));	\
		char __name[32] = {};				\
									\
		memcpy(__name, name, strlen(name));		\
		ASSERT_EQ(0, tell(self, __name, addr, flags));	\
		ASSERT_EQ(__good + 1, dev_stat(DEV, S(NS_RX)));	\
	} while (0)

/* An invalid message is counted, and changes no channel. */
#define TELL_IN_VAIN(name, addr, flags)					\
	do {								\
		struct nl_chan __was[8] = {}, __is[8] = {};		\
		uint64_t __bad = dev_stat(DEV, S(NS_INVALID));		\
		int __num = nl_chan_dump(DEV, __was, 8);		\
									\
		ASSERT_EQ(0, tell(self, name, addr, flags));		\
		EXPECT_STAT(__bad + 1, dev_stat(DEV, S(NS_INVALID)));	\
		EXPECT_EQ(__num, nl_chan_dump(DEV, __is, 8));		\
		EXPECT_EQ(0, memcmp(__was, __is, sizeof(__is)));	\
	} while (0)

static int num_chans(void)
{
	struct nl_chan chan;

	return nl_chan_dump(DEV, &chan, 1);
}

TEST_F(ns, a_channel_comes_and_goes)
{
	struct nl_chan chan;
	struct nl_dev dev;

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	ASSERT_EQ(1, nl_chan_dump(DEV, &chan, 1));
	EXPECT_STREQ(SVC, chan.name);
	EXPECT_STREQ(DEV, chan.dev_name);
	EXPECT_EQ(REMOTE, chan.addr);
	EXPECT_FALSE(chan.bound);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(dev.id, chan.dev_id);
	EXPECT_EQ(1, dev.channels);
	EXPECT_EQ(1, dev.stats[S(NS_RX)]);

	TELL(SVC, REMOTE, DESTROY);
	EXPECT_EQ(0, num_chans());
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.channels);
	EXPECT_EQ(-ENOENT, nl_chan_get(DEV, REMOTE, &chan));
	/* The host does not answer. */
	HEAR_NOTHING();
}

TEST_F(ns, the_guest_announces_names_of_1_to_31_bytes)
{
	struct nl_chan chan;
	char name[32] = {};

	OPEN();
	for (int i = 0; i < 31; i++) {
		name[i] = '~' - i * 3;
		TELL(name, 100 + i, CREATE);
		ASSERT_EQ(0, nl_chan_get(DEV, 100 + i, &chan));
		ASSERT_STREQ(name, chan.name);
	}
	EXPECT_EQ(31, num_chans());
}

TEST_F(ns, the_guest_announces_a_name_without_an_end)
{
	char name[33] = "all-32-bytes-and-no-NUL-at-the-e";
	struct nl_chan chan;

	OPEN();
	/* The truncated name must not match this endpoint. */
	ASSERT_LE(0, announce("all-32-bytes-and-no-NUL-at-the-", 7));
	ASSERT_EQ(0, tell(self, name, REMOTE, CREATE));
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_STREQ(name, chan.name);
	EXPECT_FALSE(chan.bound);
	ASSERT_EQ(0, tell(self, name, REMOTE, DESTROY));
	EXPECT_EQ(0, num_chans());
	EXPECT_STAT(2, dev_stat(DEV, S(NS_RX)));
}

TEST_F(ns, what_follows_the_end_of_a_name_does_not_matter)
{
	char name[32] = "svc\0\1\2\3what was in memory";
	struct nl_chan chan;

	OPEN();
	ASSERT_EQ(0, tell(self, name, REMOTE, CREATE));
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_STREQ(SVC, chan.name);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_EQ(0, num_chans());
}

TEST_F(ns, a_name_that_is_empty)
{
	char name[32] = "\0svc";

	OPEN();
	TELL_IN_VAIN(name, REMOTE, CREATE);
	TELL_IN_VAIN(name, REMOTE, DESTROY);
	EXPECT_EQ(0, num_chans());
}

TEST_F(ns, create_of_what_is_there)
{
	OPEN();
	TELL(SVC, REMOTE, CREATE);
	TELL(SVC, REMOTE, CREATE);
	EXPECT_EQ(1, num_chans());
}

TEST_F(ns, destroy_of_what_is_not_there)
{
	OPEN();
	TELL(SVC, REMOTE, DESTROY);
	TELL(SVC, REMOTE, CREATE);
	TELL(SVC, REMOTE + 1, DESTROY);
	TELL("other", REMOTE, DESTROY);
	TELL("svc1", REMOTE, DESTROY);
	EXPECT_EQ(1, num_chans());
	TELL(SVC, REMOTE, DESTROY);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_EQ(0, num_chans());
}

TEST_F(ns, flags_and_addresses_that_nobody_can_have)
{
	char name[32] = SVC;

	OPEN();
	TELL_IN_VAIN(name, REMOTE, 2);
	TELL_IN_VAIN(name, REMOTE, 0x80000000);
	TELL_IN_VAIN(name, REMOTE, 0xffffffff);
	TELL_IN_VAIN(name, VHOST_RPMSG_ADDR_ANY, CREATE);
	TELL(SVC, 0, CREATE);
	TELL(SVC, VHOST_RPMSG_ADDR_ANY - 1, CREATE);
	TELL_IN_VAIN(name, 0, 2);
	EXPECT_EQ(2, num_chans());
}

TEST_F(ns, messages_that_are_too_short_or_too_long)
{
	struct guest_ns ns[2] = { { .name = SVC, .addr = REMOTE } };
	const size_t len[] = { 0, 1, 32, 36, 39, 41, 44, 80 };

	OPEN();
	ns[0] = guest_ns_swap(&self->g, ns[0]);
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 53, ns, len[i]));
		self->sent++;
	}
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(self->sent, dev_stat(DEV, S(NS_INVALID)));
	EXPECT_EQ(0, num_chans());
	TELL(SVC, REMOTE, CREATE);
}

TEST_F(ns, who_sends_a_message_does_not_matter)
{
	struct guest_ns ns = { .name = SVC, .addr = REMOTE };
	struct nl_chan chan;

	OPEN();
	ns = guest_ns_swap(&self->g, ns);
	ASSERT_EQ(0, guest_send(&self->g, 53, 53, &ns, sizeof(ns)));
	self->sent++;
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_EQ(-ENOENT, nl_chan_get(DEV, 53, &chan));
}

TEST_F(ns, a_name_may_be_at_several_addresses)
{
	struct nl_chan chan;

	OPEN();
	TELL(SVC, 1, CREATE);
	TELL(SVC, 2, CREATE);
	EXPECT_EQ(2, num_chans());
	TELL(SVC, 1, DESTROY);
	EXPECT_EQ(0, nl_chan_get(DEV, 2, &chan));
	EXPECT_EQ(1, num_chans());
}

TEST_F(ns, an_address_has_the_name_that_came_last)
{
	struct nl_chan chan;
	char name[16];

	OPEN();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		TELL(name, REMOTE, CREATE);
	}
	ASSERT_EQ(1, nl_chan_dump(DEV, &chan, 1));
	EXPECT_STREQ("svc299", chan.name);
}

#define FLOOD	100000

TEST_F(ns, a_hundred_thousand_names)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept", .addr = 7));
	int fd = ept_open(id, O_NONBLOCK);
	struct guest_ns ns = {};
	struct nl_dev dev;
	uint32_t addr;
	char buf[16];

	ASSERT_LE(0, fd);
	OPEN(.num = 1024);
	while (self->sent < FLOOD) {
		addr = 1000 + self->sent;
		ns.addr = guest_32(&self->g, addr);
		snprintf(ns.name, sizeof(ns.name), "svc%u", addr);
		if (guest_queue(&self->g, addr, 53, &ns, sizeof(ns))) {
			guest_kick(&self->g, GUEST_RX);
			ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		} else {
			self->sent++;
		}
	}
	guest_kick(&self->g, GUEST_RX);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_MAX_CHANNELS, dev.channels);
	EXPECT_EQ(VHOST_RPMSG_MAX_CHANNELS, num_chans());
	EXPECT_EQ(VHOST_RPMSG_MAX_CHANNELS, dev.stats[S(NS_RX)]);
	EXPECT_EQ(FLOOD - VHOST_RPMSG_MAX_CHANNELS, dev.stats[S(NS_INVALID)]);

	/* The device works, and a freed entry can be used again. */
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "works", 5));
	ASSERT_EQ(POLLIN, poll_fd(fd, POLLIN, LONG_MS));
	EXPECT_EQ(5, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(5, write(fd, "works", 5));
	EXPECT_EQ(5, guest_recv_copy(&self->g, NULL, NULL, 16, LONG_MS));
	TELL("svc1023", 1023, DESTROY);
	TELL("another", 5, CREATE);
	TELL("replaced", 1000, CREATE);
	EXPECT_EQ(VHOST_RPMSG_MAX_CHANNELS, num_chans());
	snprintf(ns.name, sizeof(ns.name), "one-more");
	ASSERT_EQ(0, tell(self, ns.name, 6, CREATE));
	EXPECT_EQ(VHOST_RPMSG_MAX_CHANNELS, num_chans());

	/* A reset forgets all channels. */
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(0, num_chans());
	TELL(SVC, REMOTE, CREATE);
	close(fd);
}

/* Endpoints that are bound to a channel of their name. */

#define EXPECT_NO_REMOTE(id)	EXPECT_REMOTE(id, VHOST_RPMSG_ADDR_ANY, NONE)

/* ept -1: the channel has no endpoint. */
#define EXPECT_CHAN(_addr, _ept)				\
	do {							\
		struct nl_chan __chan;				\
									\
		ASSERT_EQ(0, nl_chan_get(DEV, _addr, &__chan));	\
		EXPECT_EQ(_ept, (int)__chan.ept);		\
	} while (0)

static int new_ept(const char *name, uint32_t addr)
{
	return nl_ept_new(EPT_REQ(.dev = DEV, .name = name, .addr = addr));
}

TEST_F(ns, the_endpoint_is_there_before_the_channel)
{
	int id = new_ept(SVC, 7), fd = ept_open(id, O_NONBLOCK);
	struct guest_hdr hdr;

	ASSERT_LE(0, fd);
	OPEN();
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0));
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	EXPECT_CHAN(REMOTE, id);
	EXPECT_EQ(POLLOUT, poll_fd(fd, POLLOUT, LONG_MS));
	ASSERT_EQ(2, write(fd, "hi", 2));
	ASSERT_EQ(2, guest_recv_copy(&self->g, &hdr, NULL, 16, LONG_MS));
	EXPECT_EQ(7, hdr.src);
	EXPECT_EQ(REMOTE, hdr.dst);
	close(fd);
}

TEST_F(ns, the_channel_is_there_before_the_endpoint)
{
	int id;

	OPEN();
	TELL("other", 1, CREATE);
	TELL(SVC, REMOTE, CREATE);
	EXPECT_CHAN(REMOTE, -1);
	id = new_ept(SVC, 7);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	EXPECT_CHAN(REMOTE, id);
	EXPECT_CHAN(1, -1);
}

TEST_F(ns, names_are_compared_as_a_whole)
{
	int shorter = new_ept("sv", 7), longer = new_ept("svc1", 8);
	int upper = new_ept("SVC", 9), none = new_ept(NULL, 10);

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	EXPECT_CHAN(REMOTE, -1);
	EXPECT_NO_REMOTE(shorter);
	EXPECT_NO_REMOTE(longer);
	EXPECT_NO_REMOTE(upper);
	EXPECT_NO_REMOTE(none);
}

TEST_F(ns, a_remote_is_forgotten_when_its_channel_is_destroyed)
{
	int id = new_ept(SVC, 7), fd = ept_open(id, O_NONBLOCK);

	ASSERT_LE(0, fd);
	OPEN();
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_NO_REMOTE(id);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0));
	TELL(SVC, REMOTE + 1, CREATE);
	EXPECT_REMOTE(id, REMOTE + 1, BOUND);
	close(fd);
}

TEST_F(ns, a_remote_is_forgotten_when_its_address_gets_another_name)
{
	int id = new_ept(SVC, 7), other = new_ept("other", 8);

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	TELL("other", REMOTE, CREATE);
	EXPECT_NO_REMOTE(id);
	EXPECT_REMOTE(other, REMOTE, BOUND);
	EXPECT_CHAN(REMOTE, other);
}

TEST_F(ns, channels_are_forgotten_at_reset)
{
	int id = new_ept(SVC, 7);

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(0, num_chans());
	EXPECT_NO_REMOTE(id);
	/* The channel is new. */
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, BOUND);
}

TEST_F(ns, channels_are_forgotten_when_the_VMM_goes)
{
	int id = new_ept(SVC, 7);

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	guest_close(&self->g);
	EXPECT_EQ(0, num_chans());
	EXPECT_NO_REMOTE(id);
}

TEST_F(ns, channels_outlive_a_pause)
{
	int id = new_ept(SVC, 7);

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	ASSERT_EQ(0, guest_pause(&self->g));
	EXPECT_CHAN(REMOTE, id);
	ASSERT_EQ(0, guest_resume(&self->g));
	EXPECT_CHAN(REMOTE, id);
	EXPECT_REMOTE(id, REMOTE, BOUND);
}

TEST_F(ns, two_endpoints_of_one_name)
{
	/* The order is by address, not by age. */
	int second = new_ept(SVC, 9), first = new_ept(SVC, 7), third;

	OPEN();
	TELL(SVC, 100, CREATE);
	EXPECT_REMOTE(first, 100, BOUND);
	EXPECT_NO_REMOTE(second);
	TELL(SVC, 101, CREATE);
	EXPECT_REMOTE(first, 100, BOUND);
	EXPECT_REMOTE(second, 101, BOUND);
	TELL(SVC, 103, CREATE);
	TELL(SVC, 102, CREATE);
	EXPECT_CHAN(103, -1);
	third = new_ept(SVC, 11);
	EXPECT_REMOTE(third, 102, BOUND);
	EXPECT_CHAN(102, third);
	/* Only the endpoint that talked to it loses its remote. */
	TELL(SVC, 101, DESTROY);
	EXPECT_REMOTE(first, 100, BOUND);
	EXPECT_REMOTE(second, 103, BOUND);
	EXPECT_REMOTE(third, 102, BOUND);
}

TEST_F(ns, a_fixed_remote_stays)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = SVC, .addr = 7,
				    .remote = REMOTE));

	OPEN();
	TELL(SVC, REMOTE + 1, CREATE);
	TELL(SVC, REMOTE, CREATE);
	EXPECT_CHAN(REMOTE, -1);
	EXPECT_REMOTE(id, REMOTE, FIXED);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_REMOTE(id, REMOTE, FIXED);
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_REMOTE(id, REMOTE, FIXED);
}

TEST_F(ns, an_addressed_endpoint_is_not_bound)
{
	int id =
		nl_ept_new(EPT_REQ(.dev = DEV, .name = SVC, .addressed = true));

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	EXPECT_CHAN(REMOTE, -1);
	EXPECT_NO_REMOTE(id);
}

TEST_F(ns, a_learned_remote_stays_until_its_channel_goes)
{
	int id = new_ept(SVC, 7);

	OPEN();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(id, REMOTE, LEARNED);
	TELL(SVC, REMOTE + 1, CREATE);
	EXPECT_REMOTE(id, REMOTE, LEARNED);
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	TELL(SVC, REMOTE + 1, DESTROY);
	EXPECT_REMOTE(id, REMOTE, BOUND);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_NO_REMOTE(id);
}

TEST_F(ns, a_channel_is_free_when_its_endpoint_is_deleted)
{
	int id = new_ept(SVC, 7);

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	EXPECT_CHAN(REMOTE, id);
	ASSERT_EQ(0, nl_ept_del(id));
	EXPECT_CHAN(REMOTE, -1);
	id = new_ept(SVC, 8);
	EXPECT_CHAN(REMOTE, id);
	EXPECT_REMOTE(id, REMOTE, BOUND);
}

TEST_F(ns, a_channel_is_free_when_its_endpoint_gets_another_remote)
{
	int id = new_ept(SVC, 7), next;

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	ASSERT_EQ(0, nl_ept_set(id, EPT_REQ(.remote = 1), -1));
	EXPECT_CHAN(REMOTE, -1);
	next = new_ept(SVC, 8);
	EXPECT_CHAN(REMOTE, next);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_REMOTE(id, 1, FIXED);
	EXPECT_NO_REMOTE(next);
}

/* More than are reported at once. */
#define MANY	300

static int tell_many(FIXTURE_DATA(ns) *self)
{
	char name[32] = {};
	int err = 0;

	for (int i = 0; !err && i < MANY; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		err = tell(self, name, REMOTE + i, CREATE);
	}
	return err;
}

TEST_F(ns, the_end_of_a_channel_is_not_heard_after_it_came_back)
{
	struct nl_event ev;

	OPEN();
	ASSERT_EQ(0, tell_many(self));
	ASSERT_EQ(MANY, num_chans());
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, guest_reset(&self->g));
	nl_unlisten();
	ASSERT_EQ(0, tell_many(self));
	/* As documented: listen first, then list what there is, then read events. */
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(MANY, num_chans());
	while (nl_next_event(&ev, 500 * slowness()) == 1)
		ASSERT_NE(VHOST_RPMSG_CMD_CHAN_NTF, ev.cmd);
	nl_unlisten();
}

int main(int argc, char **argv)
{
	argv = guest_habits_args(&argc, argv);
	return test_harness_run(argc, argv);
}
