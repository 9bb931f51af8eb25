// SPDX-License-Identifier: GPL-2.0-only
/*
 * Remotes: where an endpoint gets its remote from, when it loses it, and which channel is
 * bound to which endpoint, for each order in which they appear and disappear.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"remotes"
#define SVC	"svc"
#define REMOTE	0x400
#define ANY	VHOST_RPMSG_ADDR_ANY

#define CREATE	0
#define DESTROY	1

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define MODE(name)	(VHOST_RPMSG_REMOTE_MODE_##name + 1)

FIXTURE(remotes)
{
	struct guest g;		/* attached to a persistent device */
	int ept;		/* SVC, address 7 */
	int fd;			/* the same, open */
};

FIXTURE_SETUP(remotes)
{
	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .name = SVC, .addr = 7),
				&self->ept);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &(struct guest_opts){ .name = DEV }));
}

FIXTURE_TEARDOWN(remotes)
{
	EXPECT_EQ(0, dev_stat(DEV, S(NS_INVALID)));
	close(self->fd);
	guest_close(&self->g);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Send an announcement from the guest, and wait until the host has processed it. */
#define TELL(name, addr, flags)						\
	do {								\
		ASSERT_EQ(0, guest_ns_send(&self->g, name, addr, flags)); \
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
	} while (0)

/* Send a message to the endpoint at 7 from this address. */
#define SEND(src)							\
	do {								\
		ASSERT_EQ(0, guest_send(&self->g, src, 7, "x", 1));	\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
	} while (0)

#define EXPECT_NO_REMOTE(id)	EXPECT_REMOTE(id, ANY, NONE)

#define EXPECT_BOUND(addr, id)						\
	do {								\
		struct nl_chan __chan;					\
									\
		ASSERT_EQ(0, nl_chan_get(DEV, addr, &__chan));		\
		EXPECT_EQ(id, (int)__chan.ept);				\
		EXPECT_REMOTE(id, addr, BOUND);				\
	} while (0)

#define EXPECT_FREE(addr)						\
	do {								\
		struct nl_chan __chan;					\
									\
		ASSERT_EQ(0, nl_chan_get(DEV, addr, &__chan));		\
		EXPECT_FALSE(__chan.bound);				\
	} while (0)

static int new_ept(const char *name, uint32_t addr)
{
	return nl_ept_new(EPT_REQ(.dev = DEV, .name = name, .addr = addr));
}

static int set_mode(int id, int mode)
{
	return nl_ept_set(id, EPT_REQ(.remote_mode = mode), -1);
}

/* Remotes that were learned. */

TEST_F(remotes, a_learned_one_is_forgotten_when_the_guest_destroys_it)
{
	ASSERT_EQ(0, nl_announce(self->ept));
	SEND(REMOTE);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
	/* OpenAMP ends its endpoint for a service of the host like this. */
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_NO_REMOTE(self->ept);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE + 1, LEARNED);
}

TEST_F(remotes, a_destroy_of_another_name_or_address_takes_nothing_away)
{
	SEND(REMOTE);
	TELL(SVC, REMOTE + 1, DESTROY);
	TELL("other", REMOTE, DESTROY);
	TELL("sv", REMOTE, DESTROY);
	TELL("svc1", REMOTE, DESTROY);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
}

TEST_F(remotes, a_destroy_takes_no_fixed_one_away)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = REMOTE), -1));
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_REMOTE(self->ept, REMOTE, FIXED);
}

TEST_F(remotes, a_guest_that_ends_what_never_spoke_says_nothing_wrong)
{
	ASSERT_EQ(0, nl_announce(self->ept));
	TELL(SVC, REMOTE, DESTROY);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_STAT(2, dev_stat(DEV, S(NS_RX)));
}

TEST_F(remotes, withdraw_forgets_a_learned_one)
{
	ASSERT_EQ(0, nl_announce(self->ept));
	SEND(REMOTE);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
	ASSERT_EQ(0, nl_withdraw(self->ept));
	EXPECT_NO_REMOTE(self->ept);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	/* The next endpoint of the guest for the service. */
	ASSERT_EQ(0, nl_announce(self->ept));
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE + 1, LEARNED);
}

TEST_F(remotes, withdraw_leaves_fixed_and_bound_ones)
{
	int fixed = nl_ept_new(EPT_REQ(.dev = DEV, .name = "fixed", .addr = 8,
				       .remote = 1));

	TELL(SVC, REMOTE, CREATE);
	ASSERT_EQ(0, nl_announce(self->ept));
	ASSERT_EQ(0, nl_announce(fixed));
	ASSERT_EQ(0, nl_withdraw(self->ept));
	ASSERT_EQ(0, nl_withdraw(fixed));
	EXPECT_BOUND(REMOTE, self->ept);
	EXPECT_REMOTE(fixed, 1, FIXED);
}

/* The message itself is still in the ring, since the queue is full. */
TEST_F(remotes, learned_from_a_message_held_back_it_goes_with_its_guest)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 8, .rx_limit = 1));
	int fd = ept_open(id, O_NONBLOCK);
	struct nl_dev dev;
	char buf[8];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 8, "1", 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 8, "2", 1));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_NO_REMOTE(id);

	/* The host has processed nothing else of this guest. */
	ASSERT_EQ(0, guest_send(&self->g, REMOTE + 1, 8, "3", 1));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	guest_close(&self->g);
	EXPECT_NO_REMOTE(id);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_FALSE(dev.stalled);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(1, read(fd, buf, sizeof(buf)));
	close(fd);
}

/* Binding channels and endpoints. */

TEST_F(remotes, an_endpoint_takes_a_free_channel_when_its_own_is_destroyed)
{
	TELL(SVC, 2002, CREATE);
	TELL(SVC, 2001, CREATE);
	TELL(SVC, 2000, CREATE);
	EXPECT_BOUND(2002, self->ept);
	TELL(SVC, 2002, DESTROY);
	EXPECT_BOUND(2000, self->ept);
	EXPECT_FREE(2001);
	EXPECT_EQ(POLLOUT, poll_fd(self->fd, POLLOUT, 0));
	TELL(SVC, 2000, DESTROY);
	EXPECT_BOUND(2001, self->ept);
}

TEST_F(remotes, a_service_that_moves_is_followed_once_the_old_address_is_gone)
{
	TELL(SVC, REMOTE, CREATE);
	/* Firmware that restarts announces the new address before it destroys the old one. */
	TELL(SVC, REMOTE + 1, CREATE);
	EXPECT_BOUND(REMOTE, self->ept);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_BOUND(REMOTE + 1, self->ept);
}

TEST_F(remotes, a_channel_goes_to_the_next_endpoint_when_its_own_is_deleted)
{
	int next = new_ept(SVC, 8);

	TELL(SVC, REMOTE, CREATE);
	EXPECT_BOUND(REMOTE, self->ept);
	EXPECT_NO_REMOTE(next);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_BOUND(REMOTE, next);
}

TEST_F(remotes, a_channel_goes_to_the_next_endpoint_when_its_own_is_fixed)
{
	int next = new_ept(SVC, 8);

	TELL(SVC, REMOTE, CREATE);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	EXPECT_REMOTE(self->ept, 1, FIXED);
	EXPECT_BOUND(REMOTE, next);
}

TEST_F(remotes, an_address_that_gets_another_name_frees_its_endpoint)
{
	int other = new_ept("other", 8);

	TELL(SVC, REMOTE, CREATE);
	TELL(SVC, REMOTE + 1, CREATE);
	TELL("other", REMOTE, CREATE);
	EXPECT_BOUND(REMOTE, other);
	EXPECT_BOUND(REMOTE + 1, self->ept);
}

TEST_F(remotes, endpoints_with_a_destroyed_remote_take_what_is_free)
{
	int second = new_ept(SVC, 8);

	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 8, "x", 1));
	SEND(REMOTE);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
	EXPECT_REMOTE(second, REMOTE, LEARNED);
	TELL(SVC, 1, CREATE);
	TELL(SVC, 2, CREATE);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_BOUND(1, self->ept);
	EXPECT_BOUND(2, second);
}

/* Then no other endpoint is bound to it. */
TEST_F(remotes, who_talks_to_an_address_is_bound_to_its_channel)
{
	int second;

	SEND(REMOTE);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
	TELL(SVC, REMOTE, CREATE);
	EXPECT_BOUND(REMOTE, self->ept);
	second = new_ept(SVC, 8);
	EXPECT_NO_REMOTE(second);
	TELL(SVC, REMOTE, DESTROY);
	EXPECT_NO_REMOTE(self->ept);
}

/* Returns the next event of a channel or endpoint as text, for example "chan change 8". */
static const char *next_event(void)
{
	static const char *const action[] = { "new", "change", "del" };
	static char text[64];
	struct nl_event ev;

	text[0] = '\0';
	if (nl_next_event(&ev, LONG_MS) != 1)
		return "none";
	if (ev.cmd == VHOST_RPMSG_CMD_EPT_NTF)
		snprintf(text, sizeof(text), "ept %s %u", action[ev.ept.event],
			 ev.ept.addr);
	else if (ev.cmd == VHOST_RPMSG_CMD_CHAN_NTF)
		snprintf(text, sizeof(text), "chan %s%s", action[ev.chan.event],
			 ev.chan.bound ? " bound" : "");
	return text;
}

/* Two endpoints talk to the same address, and a third one has no remote. */
TEST_F(remotes, a_channel_that_becomes_free_goes_to_who_talks_to_it)
{
	int second, third;

	TELL(SVC, REMOTE, CREATE);
	EXPECT_BOUND(REMOTE, self->ept);
	second = new_ept(SVC, 8);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 8, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(second, REMOTE, LEARNED);
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_BOUND(REMOTE, second);
	EXPECT_STREQ("chan change", next_event());
	EXPECT_STREQ("chan change bound", next_event());
	EXPECT_STREQ("ept change 8", next_event());
	EXPECT_STREQ("ept del 7", next_event());
	nl_unlisten();
	third = new_ept(SVC, 9);
	EXPECT_NO_REMOTE(third);
}

/* The other endpoint without a remote was there first, and has the lower address. */
TEST_F(remotes, who_talks_to_a_channel_comes_before_who_waits_for_one)
{
	int talks, waits;

	TELL(SVC, REMOTE, CREATE);
	TELL(SVC, REMOTE + 1, CREATE);
	waits = new_ept(SVC, 3);
	EXPECT_BOUND(REMOTE + 1, waits);
	TELL(SVC, REMOTE + 1, DESTROY);
	EXPECT_NO_REMOTE(waits);
	talks = new_ept(SVC, 8);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 8, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(talks, REMOTE, LEARNED);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	EXPECT_BOUND(REMOTE, talks);
	EXPECT_NO_REMOTE(waits);
	/* A channel that nobody talks to is for the one that waits. */
	TELL(SVC, REMOTE + 2, CREATE);
	EXPECT_BOUND(REMOTE + 2, waits);
}

TEST_F(remotes, a_message_from_a_free_channel_binds)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	TELL(SVC, REMOTE, CREATE);
	TELL("other", REMOTE + 1, CREATE);
	EXPECT_FREE(REMOTE);
	ASSERT_EQ(0, set_mode(self->ept, MODE(FOLLOW)));
	EXPECT_BOUND(REMOTE, self->ept);
	/* The name differs, so the address is only learned. */
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE + 1, LEARNED);
	EXPECT_FREE(REMOTE + 1);
	EXPECT_FREE(REMOTE);
	SEND(REMOTE);
	EXPECT_BOUND(REMOTE, self->ept);
}

TEST_F(remotes, announcing_twice_is_harmless)
{
	struct nl_chan chan;

	TELL(SVC, REMOTE, CREATE);
	TELL(SVC, REMOTE, CREATE);
	EXPECT_BOUND(REMOTE, self->ept);
	EXPECT_EQ(1, nl_chan_dump(DEV, &chan, 1));
	EXPECT_STAT(2, dev_stat(DEV, S(NS_RX)));
}

#define MANY	300

/* There are more channels and endpoints than hash buckets. */
TEST_F(remotes, each_of_many_finds_the_one_of_its_name)
{
	static int id[MANY];
	char name[32];
	int i;

	for (i = 0; i < MANY; i += 2) {
		snprintf(name, sizeof(name), "svc%d", i);
		id[i] = new_ept(name, 100 + i);
		ASSERT_LE(0, id[i]);
	}
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		TELL(name, 5000 + i, CREATE);
	}
	for (i = 1; i < MANY; i += 2) {
		snprintf(name, sizeof(name), "svc%d", i);
		id[i] = new_ept(name, 100 + i);
		ASSERT_LE(0, id[i]);
	}
	for (i = 0; i < MANY; i++)
		EXPECT_BOUND(5000 + i, id[i]);
}

/* Names of channels. */

TEST_F(remotes, the_guest_announces_names_of_any_bytes)
{
	struct nl_chan chan;
	char name[32] = {};
	int c;

	for (c = 1; c < 256; c++) {
		snprintf(name, sizeof(name), "%c%s", c, c % 2 ? "" : "x");
		TELL(name, c, CREATE);
		ASSERT_EQ(0, nl_chan_get(DEV, c, &chan));
		ASSERT_STREQ(name, chan.name);
	}
	EXPECT_EQ(255, nl_chan_dump(DEV, &chan, 1));
	TELL("na\303\257ve/\n", 500, CREATE);
	TELL("na\303\257ve/\n", 500, DESTROY);
	EXPECT_EQ(-ENOENT, nl_chan_get(DEV, 500, &chan));
}

/* Settings of the administrator. */

TEST_F(remotes, a_fixed_one_is_taken_back)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	ASSERT_EQ(0, set_mode(self->ept, MODE(LEARN)));
	EXPECT_NO_REMOTE(self->ept);
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	SEND(REMOTE);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
}

TEST_F(remotes, a_fixed_one_that_is_taken_back_makes_room_for_a_channel)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	TELL(SVC, REMOTE, CREATE);
	EXPECT_FREE(REMOTE);
	ASSERT_EQ(0, set_mode(self->ept, MODE(LEARN)));
	EXPECT_BOUND(REMOTE, self->ept);
}

TEST_F(remotes, a_learned_one_is_forgotten_on_request)
{
	SEND(REMOTE);
	ASSERT_EQ(0, set_mode(self->ept, MODE(LEARN)));
	EXPECT_NO_REMOTE(self->ept);
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE + 1, LEARNED);
}

TEST_F(remotes, who_learns_stays_with_the_first)
{
	SEND(REMOTE);
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
}

/* The guest's name service receives only. */
TEST_F(remotes, the_name_service_is_not_learned)
{
	SEND(VHOST_RPMSG_NS_ADDR);
	EXPECT_NO_REMOTE(self->ept);
	SEND(REMOTE);
	ASSERT_EQ(0, set_mode(self->ept, MODE(FOLLOW)));
	SEND(VHOST_RPMSG_NS_ADDR);
	EXPECT_REMOTE(self->ept, REMOTE, LEARNED);
}

TEST_F(remotes, who_follows_writes_to_whoever_spoke_last)
{
	struct guest_hdr hdr;
	struct nl_ept ept;

	ASSERT_EQ(0, set_mode(self->ept, MODE(FOLLOW)));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(VHOST_RPMSG_REMOTE_MODE_FOLLOW, ept.remote_mode);
	for (int i = 0; i < 3; i++) {
		SEND(REMOTE + i);
		EXPECT_REMOTE(self->ept, REMOTE + i, LEARNED);
		ASSERT_EQ(1, write(self->fd, "x", 1));
		ASSERT_EQ(1,
			  guest_recv_copy(&self->g, &hdr, NULL, 16, LONG_MS));
		EXPECT_EQ(REMOTE + i, hdr.dst);
	}
	SEND(ANY);
	EXPECT_REMOTE(self->ept, REMOTE + 2, LEARNED);
	/* No message has arrived since then. */
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_NO_REMOTE(self->ept);
	SEND(REMOTE);
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE + 1, LEARNED);
}

TEST_F(remotes, who_follows_leaves_its_channel_to_another)
{
	int next = new_ept(SVC, 8);

	ASSERT_EQ(0, set_mode(self->ept, MODE(FOLLOW)));
	TELL(SVC, REMOTE, CREATE);
	EXPECT_BOUND(REMOTE, self->ept);
	SEND(REMOTE);
	EXPECT_BOUND(REMOTE, self->ept);
	SEND(REMOTE + 1);
	EXPECT_REMOTE(self->ept, REMOTE + 1, LEARNED);
	EXPECT_BOUND(REMOTE, next);
}

TEST_F(remotes, following_can_be_asked_for_at_once_and_given_up)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 8,
				    .remote_mode = MODE(FOLLOW)));
	struct nl_ept ept;

	ASSERT_EQ(0, guest_send(&self->g, 1, 8, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, 2, 8, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(id, 2, LEARNED);
	/* Setting a fixed remote ends the binding, too. */
	ASSERT_EQ(0, nl_ept_set(id, EPT_REQ(.remote = 3), -1));
	ASSERT_EQ(0, guest_send(&self->g, 4, 8, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(id, 3, FIXED);
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(VHOST_RPMSG_REMOTE_MODE_FIXED, ept.remote_mode);
	ASSERT_EQ(0, set_mode(id, MODE(LEARN)));
	ASSERT_EQ(0, guest_send(&self->g, 5, 8, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, 6, 8, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(id, 5, LEARNED);
}

TEST_HARNESS_MAIN
