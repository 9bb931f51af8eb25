// SPDX-License-Identifier: GPL-2.0-only
/*
 * The name service, in both directions: what we announce to the guest, and the
 * channels that the guest announces to us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"ns"
#define SVC	"svc"
#define REMOTE	0x400

#define CREATE	0
#define DESTROY	1

#define S(name)	VHOST_RPMSG_A_STATS_##name

FIXTURE(ns)
{
	struct guest g;		/* opened by each test in its own way */
	uint64_t sent;		/* name service messages of the guest */
};

FIXTURE_SETUP(ns)
{
	/* A test before this one may have died. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
}

/* Each message was either good or bad. */
FIXTURE_TEARDOWN(ns)
{
	struct nl_dev dev;

	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(self->sent, dev.stats[S(NS_RX)] + dev.stats[S(NS_INVALID)]);
	EXPECT_EQ(0, dev.stats[S(RX_DROP_INVALID)]);
	guest_close(&self->g);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define OPEN(...) \
	ASSERT_EQ(0, guest_open(&self->g, &(struct guest_opts){	\
						  .name = DEV, __VA_ARGS__ }))

/* An endpoint, announced: its id. */
static int announce(const char *name, uint32_t addr)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = name, .addr = addr));
	int err = id < 0 ? id : nl_announce(id);

	return err ?: id;
}

/* The guest hears this now, and exactly this: what follows the name is zero. */
#define HEAR(_name, _addr, _flags)					\
	do {								\
		struct guest_ns __want = { .addr = (_addr),		\
					   .flags = (_flags) };		\
		struct guest_ns __got;					\
									\
		memcpy(__want.name, _name, strlen(_name));		\
		ASSERT_EQ(0, guest_ns_recv(&self->g, &__got, LONG_MS));	\
		ASSERT_STREQ(__want.name, __got.name);			\
		ASSERT_EQ(__want.addr, __got.addr);			\
		ASSERT_EQ(__want.flags, __got.flags);			\
		ASSERT_EQ(0, memcmp(&__want, &__got, sizeof(__got)));	\
	} while (0)

#define HEAR_NOTHING()							\
	do {								\
		struct guest_ns __got;					\
									\
		ASSERT_EQ(-ETIMEDOUT,					\
			  guest_ns_recv(&self->g, &__got, SHORT_MS));	\
	} while (0)

/* Announcements. */

TEST_F(ns, announce_before_the_guest_is_there)
{
	ASSERT_LE(0, announce(SVC, 7));
	EXPECT_EQ(0, dev_stat(DEV, S(NS_TX)));
	OPEN();
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
	EXPECT_EQ(1, dev_stat(DEV, S(NS_TX)));
}

TEST_F(ns, announce_before_the_rings_run)
{
	OPEN(.stopped = true);
	ASSERT_LE(0, announce(SVC, 7));
	HEAR_NOTHING();
	ASSERT_EQ(0, guest_start(&self->g));
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, announce_before_the_guest_has_buffers)
{
	OPEN(.no_buffers = true);
	ASSERT_LE(0, announce(SVC, 7));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(0, dev_stat(DEV, S(NS_TX)));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, announce_when_all_is_there)
{
	OPEN();
	HEAR_NOTHING();
	ASSERT_LE(0, announce(SVC, 7));
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
	EXPECT_EQ(1, dev_stat(DEV, S(NS_TX)));
}

TEST_F(ns, announcing_twice_is_heard_once)
{
	int id;

	OPEN();
	id = announce(SVC, 7);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, nl_announce(id));
	HEAR(SVC, 7, CREATE);
	ASSERT_EQ(0, nl_announce(id));
	HEAR_NOTHING();
}

TEST_F(ns, a_message_is_exact_on_the_wire)
{
	struct guest_hdr want = { 53, 53, 0, 40, 0 };
	struct guest_ns ns = { .name = SVC, .addr = 0x12345678 };
	struct guest_msg msg;

	OPEN();
	/* Nothing that was in the buffer may be left in what is used of it. */
	memset(self->g.tx_bufs, 0xff, self->g.buf_size);
	ASSERT_LE(0, announce(SVC, 0x12345678));
	ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
	EXPECT_EQ(16 + 40, msg.used);
	EXPECT_EQ(0, memcmp(&want, &msg.hdr, sizeof(want)));
	EXPECT_EQ(0, memcmp(&ns, msg.data, sizeof(ns)));
	/* And what is not used of it is left alone. */
	EXPECT_EQ(0xff, msg.data[40]);
	guest_done(&self->g, &msg);
}

TEST_F(ns, we_announce_names_of_1_to_31_bytes)
{
	char name[32] = {};
	int i;

	OPEN();
	for (i = 0; i < 31; i++) {
		name[i] = ' ' + i * 3;
		ASSERT_LE(0, announce(name, 2000 + i));
		HEAR(name, 2000 + i, CREATE);
	}
}

TEST_F(ns, withdraw)
{
	int id;

	OPEN();
	id = announce(SVC, 7);
	HEAR(SVC, 7, CREATE);
	ASSERT_EQ(0, nl_withdraw(id));
	HEAR(SVC, 7, DESTROY);
	/* It is gone now. */
	ASSERT_EQ(0, nl_withdraw(id));
	HEAR_NOTHING();
	EXPECT_EQ(2, dev_stat(DEV, S(NS_TX)));
	ASSERT_EQ(0, nl_announce(id));
	HEAR(SVC, 7, CREATE);
}

TEST_F(ns, deleting_an_endpoint_withdraws_it)
{
	int id, quiet;

	OPEN();
	quiet = nl_ept_new(EPT_REQ(.dev = DEV, .name = "quiet"));
	id = announce(SVC, 7);
	HEAR(SVC, 7, CREATE);
	ASSERT_EQ(0, nl_ept_del(id));
	HEAR(SVC, 7, DESTROY);
	ASSERT_EQ(0, nl_ept_del(quiet));
	HEAR_NOTHING();
}

TEST_F(ns, what_the_guest_never_heard_of_is_not_withdrawn)
{
	int a, b;

	OPEN(.no_buffers = true);
	a = announce("a", 7);
	b = announce("b", 8);
	ASSERT_LE(0, announce("c", 9));
	ASSERT_EQ(0, nl_withdraw(a));
	ASSERT_EQ(0, nl_ept_del(b));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	HEAR("c", 9, CREATE);
	HEAR_NOTHING();
	EXPECT_EQ(1, dev_stat(DEV, S(NS_TX)));
}

TEST_F(ns, an_address_is_given_up_before_it_is_used_again)
{
	int i, a, b;

	OPEN(.no_buffers = true);
	for (i = 0; i < 2; i++)
		guest_post_one(&self->g, self->g.tx_bufs + i * 512);
	guest_kick_always(&self->g, GUEST_TX);
	a = announce("a", 7);
	b = announce("b", 8);
	ASSERT_LE(0, a);
	ASSERT_TRUE(WAIT_FOR(dev_stat(DEV, S(NS_TX)) == 2, LONG_MS));

	/* No more buffers: all of this waits. */
	ASSERT_EQ(0, nl_withdraw(a));
	ASSERT_EQ(0, nl_announce(a));
	ASSERT_EQ(0, nl_ept_del(b));
	ASSERT_LE(0, announce("new", 8));
	for (i = 2; i < 100; i++)
		guest_post_one(&self->g, self->g.tx_bufs + i * 512);
	guest_kick_always(&self->g, GUEST_TX);
	HEAR("a", 7, CREATE);
	HEAR("b", 8, CREATE);
	HEAR("a", 7, DESTROY);
	HEAR("a", 7, CREATE);
	HEAR("b", 8, DESTROY);
	HEAR("new", 8, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, a_reset_has_all_announced_again_in_order)
{
	int b;

	OPEN();
	/* Neither by address, nor by name, nor as they were made. */
	b = nl_ept_new(EPT_REQ(.dev = DEV, .name = "b", .addr = 1));
	ASSERT_LE(0, announce("c", 5));
	ASSERT_LE(0, announce("a", 9));
	ASSERT_EQ(0, nl_announce(b));
	HEAR("c", 5, CREATE);
	HEAR("a", 9, CREATE);
	HEAR("b", 1, CREATE);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_reset(&self->g));
		HEAR("c", 5, CREATE);
		HEAR("a", 9, CREATE);
		HEAR("b", 1, CREATE);
		HEAR_NOTHING();
	}

	/* A VMM that comes back is a reset, too. */
	guest_close(&self->g);
	OPEN();
	HEAR("c", 5, CREATE);
	HEAR("a", 9, CREATE);
	HEAR("b", 1, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, what_was_withdrawn_is_not_announced_again)
{
	int a, b, c;

	OPEN();
	a = announce("a", 7);
	b = announce("b", 8);
	c = announce("c", 9);
	HEAR("a", 7, CREATE);
	HEAR("b", 8, CREATE);
	HEAR("c", 9, CREATE);
	ASSERT_EQ(0, nl_withdraw(b));
	HEAR("b", 8, DESTROY);
	ASSERT_EQ(0, nl_ept_del(c));
	HEAR("c", 9, DESTROY);
	/* Announced anew, it is the last one. */
	ASSERT_LE(0, announce("d", 10));
	HEAR("d", 10, CREATE);
	ASSERT_EQ(0, nl_withdraw(a));
	HEAR("a", 7, DESTROY);
	ASSERT_EQ(0, nl_announce(a));
	HEAR("a", 7, CREATE);
	ASSERT_EQ(0, guest_reset(&self->g));
	HEAR("d", 10, CREATE);
	HEAR("a", 7, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, a_reset_while_announcements_wait)
{
	char name[2] = "a";
	int id[5];

	OPEN(.no_buffers = true);
	for (int i = 0; i < 2; i++)
		guest_post_one(&self->g, self->g.tx_bufs + i * 512);
	guest_kick_always(&self->g, GUEST_TX);
	for (int i = 0; i < 5; i++, name[0]++)
		id[i] = announce(name, 10 + i);
	ASSERT_TRUE(WAIT_FOR(dev_stat(DEV, S(NS_TX)) == 2, LONG_MS));
	/* The guest knows of the one, and not of the other. */
	ASSERT_EQ(0, nl_withdraw(id[1]));
	ASSERT_EQ(0, nl_withdraw(id[3]));
	ASSERT_EQ(0, guest_reset(&self->g));
	HEAR("a", 10, CREATE);
	HEAR("c", 12, CREATE);
	HEAR("e", 14, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, a_pause_is_not_a_reset)
{
	int id, gone;

	OPEN();
	gone = announce("gone", 6);
	HEAR("gone", 6, CREATE);
	/* Both rings have moved. */
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, guest_pause(&self->g));
	id = announce(SVC, 7);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, nl_ept_del(gone));
	HEAR_NOTHING();
	ASSERT_EQ(0, guest_resume(&self->g));
	HEAR(SVC, 7, CREATE);
	HEAR("gone", 6, DESTROY);
	HEAR_NOTHING();
}

TEST_F(ns, a_hundred_announcements_keep_their_order)
{
	char name[16];

	OPEN();
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "svc-%d", i * 37 % 100);
		ASSERT_LE(0, announce(name, 5000 - i));
	}
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "svc-%d", i * 37 % 100);
			HEAR(name, 5000 - i, CREATE);
		}
		HEAR_NOTHING();
		ASSERT_EQ(0, guest_reset(&self->g));
	}
}

TEST_F(ns, a_hundred_announcements_through_four_buffers)
{
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "svc-%d", i);
		ASSERT_LE(0, announce(name, 5000 - i));
	}
	OPEN(.num = 4);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "svc-%d", i);
		HEAR(name, 5000 - i, CREATE);
	}
	HEAR_NOTHING();
	EXPECT_EQ(100, dev_stat(DEV, S(NS_TX)));
}

TEST_F(ns, announcements_do_not_wait_for_who_holds_the_guest_back)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7, .rx_limit = 1));
	int fd = ept_open(id, O_NONBLOCK);
	struct nl_dev dev;

	ASSERT_LE(0, fd);
	OPEN();
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	ASSERT_LE(0, announce(SVC, 8));
	HEAR(SVC, 8, CREATE);
	close(fd);
}

TEST_F(ns, a_buffer_that_is_too_small_goes_back_empty)
{
	struct guest_seg small, large;
	uint64_t tag;
	uint32_t len;

	OPEN(.no_buffers = true);
	small = (struct guest_seg){ guest_alloc(&self->g, 64), 16 + 39 };
	large = (struct guest_seg){ guest_alloc(&self->g, 64), 16 + 40 };
	ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &small, 1, true, false, 1));
	ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &large, 1, true, false, 2));
	guest_kick_always(&self->g, GUEST_TX);
	ASSERT_LE(0, announce(SVC, 7));
	ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(&self->g, GUEST_TX, &tag, &len));
	EXPECT_EQ(1, tag);
	EXPECT_EQ(0, len);
	ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(&self->g, GUEST_TX, &tag, &len));
	EXPECT_EQ(2, tag);
	EXPECT_EQ(16 + 40, len);
	EXPECT_STREQ(SVC, (char *)large.p + 16);
	EXPECT_EQ(1, dev_stat(DEV, S(RING_ERRORS)));
	EXPECT_EQ(1, dev_stat(DEV, S(NS_TX)));
}

/* Somebody announces it over and over, all the time that it is deleted. */
static void announce_for_ever(volatile int *id)
{
	while (*id != -1)
		nl_announce(*id);
	_exit(0);
}

/*
 * Two buffers, at the first of which the worker is held when it writes there: the
 * descriptor whose closing lets it go on, or -1.
 */
static int post_held(struct guest *g, uint8_t *page)
{
	int uffd = guest_hold(page);

	if (uffd >= 0) {
		guest_post_one(g, page);
		guest_post_one(g, g->tx_bufs);
		guest_kick(g, GUEST_TX);
	}
	return uffd;
}

/* The guest is told, although it hears of the end before the beginning is over. */
TEST_F(ns, withdrawn_while_its_announcement_is_on_the_way)
{
	struct guest *g = &self->g;
	struct guest_ns ns;
	int id, uffd;

	OPEN(.no_buffers = true);
	uffd = post_held(g, guest_alloc_page(g));
	if (uffd < 0)
		SKIP(return, "no write protection with userfaultfd");

	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "short"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_EQ(0, nl_withdraw(id));
	close(uffd);
	ASSERT_EQ(0, guest_ns_recv(g, &ns, LONG_MS));
	EXPECT_STREQ("short", ns.name);
	EXPECT_EQ(0, ns.flags);
	ASSERT_EQ(0, guest_ns_recv(g, &ns, LONG_MS));
	EXPECT_STREQ("short", ns.name);
	EXPECT_EQ(1, ns.flags);
}

/* And it could not be written: there is nothing to be taken back. */
TEST_F(ns, withdrawn_while_its_announcement_is_lost)
{
	struct guest *g = &self->g;
	struct guest_ns ns;
	uint8_t *page;
	uint32_t len;
	int id, uffd;

	OPEN(.no_buffers = true);
	page = guest_alloc_page(g);
	uffd = post_held(g, page);
	if (uffd < 0)
		SKIP(return, "no write protection with userfaultfd");

	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "lost"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_EQ(0, nl_withdraw(id));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	close(uffd);
	ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, &len));
	EXPECT_EQ(0, len);
	/* The next that it hears is what comes next. */
	ASSERT_EQ(0, nl_ept_del(id));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "next"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	ASSERT_EQ(0, guest_ns_recv(g, &ns, LONG_MS));
	EXPECT_STREQ("next", ns.name);
	EXPECT_EQ(0, ns.flags);
	EXPECT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

TEST_F(ns, an_endpoint_is_not_announced_after_its_end)
{
	volatile int *id = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)id);
	*id = -2;
	pid = fork();
	if (!pid)
		announce_for_ever(id);
	for (int i = 0; i < 100; i++) {
		*id = nl_ept_new(EPT_REQ(.dev = DEV, .name = SVC));
		if (*id < 0)
			break;
		nap();
		if (nl_ept_del(*id))
			break;
	}
	*id = -1;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	munmap((void *)id, 4096);

	/* This guest has not heard of any, and there is none to hear of. */
	OPEN();
	HEAR_NOTHING();
}

/* Without the name service. */

#define NO_NS	(1ULL << VIRTIO_F_VERSION_1)

TEST_F(ns, a_guest_without_it_hears_nothing)
{
	struct guest_hdr hdr;
	int id, fd;

	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = SVC, .addr = 7,
				.remote = REMOTE));
	fd = ept_open(id, O_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, nl_announce(id));
	OPEN(.features = NO_NS);
	/* All else works. */
	ASSERT_EQ(2, write(fd, "hi", 2));
	ASSERT_EQ(2, guest_recv_copy(&self->g, &hdr, NULL, 100, LONG_MS));
	EXPECT_EQ(7, hdr.src);
	ASSERT_EQ(0, nl_withdraw(id));
	ASSERT_EQ(0, nl_announce(id));
	HEAR_NOTHING();
	EXPECT_EQ(0, dev_stat(DEV, S(NS_TX)));
	close(fd);
}

TEST_F(ns, what_a_guest_without_it_did_not_hear_the_next_one_does)
{
	ASSERT_LE(0, announce(SVC, 7));
	OPEN(.features = NO_NS);
	HEAR_NOTHING();
	guest_close(&self->g);
	OPEN();
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, a_guest_that_learns_to_use_it_after_a_reset)
{
	ASSERT_LE(0, announce(SVC, 7));
	OPEN(.features = NO_NS);
	HEAR_NOTHING();
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_SET_FEATURES,
			   &(uint64_t){ GUEST_FEATURES }));
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	ASSERT_EQ(0, guest_start(&self->g));
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
}

TEST_F(ns, without_it_53_is_an_address_that_nobody_has)
{
	struct nl_chan chan;

	OPEN(.features = NO_NS);
	ASSERT_EQ(0, guest_ns_send(&self->g, SVC, REMOTE, CREATE));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, dev_stat(DEV, S(RX_DROP_UNKNOWN)));
	EXPECT_EQ(0, dev_stat(DEV, S(NS_INVALID)));
	EXPECT_EQ(0, nl_chan_dump(DEV, &chan, 1));
}

/* Channels. */

/* A message of the guest, and until it has been worked on. */
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

/* What is told is wrong: it is counted, and all channels are as before. */
#define TELL_IN_VAIN(name, addr, flags)					\
	do {								\
		struct nl_chan __was[8] = {}, __is[8] = {};		\
		uint64_t __bad = dev_stat(DEV, S(NS_INVALID));		\
		int __num = nl_chan_dump(DEV, __was, 8);		\
									\
		ASSERT_EQ(0, tell(self, name, addr, flags));		\
		EXPECT_EQ(__bad + 1, dev_stat(DEV, S(NS_INVALID)));	\
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
	/* We do not answer. */
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
	/* It must not be taken for the one that is cut off. */
	ASSERT_LE(0, announce("all-32-bytes-and-no-NUL-at-the-", 7));
	ASSERT_EQ(0, tell(self, name, REMOTE, CREATE));
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_STREQ(name, chan.name);
	EXPECT_FALSE(chan.bound);
	ASSERT_EQ(0, tell(self, name, REMOTE, DESTROY));
	EXPECT_EQ(0, num_chans());
	EXPECT_EQ(2, dev_stat(DEV, S(NS_RX)));
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

TEST_F(ns, a_name_with_characters_that_cannot_be_printed)
{
	char name[32] = {};
	int c;

	OPEN();
	for (c = 1; c < 256; c++) {
		if (c >= ' ' && c <= '~')
			continue;
		snprintf(name, sizeof(name), "svc%c%c", c, c % 2 ? 0 : 'x');
		TELL_IN_VAIN(name, REMOTE, CREATE);
	}
	/* At the very end, too. */
	memset(name, 'x', sizeof(name));
	name[31] = '\n';
	TELL_IN_VAIN(name, REMOTE, CREATE);
	/* And the next good one works. */
	TELL(SVC, REMOTE, CREATE);
}

TEST_F(ns, create_of_what_is_there)
{
	char name[32] = SVC;

	OPEN();
	TELL(SVC, REMOTE, CREATE);
	TELL_IN_VAIN(name, REMOTE, CREATE);
	EXPECT_EQ(1, num_chans());
}

TEST_F(ns, destroy_of_what_is_not_there)
{
	char name[32] = SVC, other[32] = "other", more[32] = "svc1";

	OPEN();
	TELL_IN_VAIN(name, REMOTE, DESTROY);
	TELL(SVC, REMOTE, CREATE);
	TELL_IN_VAIN(name, REMOTE + 1, DESTROY);
	TELL_IN_VAIN(other, REMOTE, DESTROY);
	TELL_IN_VAIN(more, REMOTE, DESTROY);
	TELL(SVC, REMOTE, DESTROY);
	TELL_IN_VAIN(name, REMOTE, DESTROY);
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
	for (size_t i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 53, ns, len[i]));
		self->sent++;
	}
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(self->sent, dev_stat(DEV, S(NS_INVALID)));
	EXPECT_EQ(0, num_chans());
	TELL(SVC, REMOTE, CREATE);
}

TEST_F(ns, who_sends_a_message_does_not_matter)
{
	struct guest_ns ns = { .name = SVC, .addr = REMOTE };
	struct nl_chan chan;

	OPEN();
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
	char buf[16];

	ASSERT_LE(0, fd);
	OPEN(.num = 1024);
	while (self->sent < FLOOD) {
		ns.addr = 1000 + self->sent;
		snprintf(ns.name, sizeof(ns.name), "svc%u", ns.addr);
		if (guest_queue(&self->g, ns.addr, 53, &ns, sizeof(ns))) {
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

	/* The device works, and there is room when some is made. */
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

	/* And all of it is forgotten with the guest. */
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(0, num_chans());
	TELL(SVC, REMOTE, CREATE);
	close(fd);
}

/* Endpoints that are bound to a channel of their name. */

#define EXPECT_REMOTE(id, _remote, _kind)					\
	do {									\
		struct nl_ept __ept;						\
									\
		ASSERT_EQ(0, nl_ept_get(id, &__ept));				\
		EXPECT_EQ(_remote, __ept.remote);				\
		EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_##_kind, __ept.remote_kind);	\
	} while (0)
#define EXPECT_NO_REMOTE(id)	EXPECT_REMOTE(id, VHOST_RPMSG_ADDR_ANY, NONE)

/* ept -1: the channel has none. */
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
	/* It is new to us. */
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
	/* By address, not by age. */
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
	/* Only who talked to it loses its remote. */
	TELL(SVC, 101, DESTROY);
	EXPECT_REMOTE(first, 100, BOUND);
	EXPECT_NO_REMOTE(second);
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
	TELL(SVC, REMOTE, CREATE);
	EXPECT_REMOTE(id, REMOTE, LEARNED);
	TELL(SVC, REMOTE + 1, DESTROY);
	EXPECT_REMOTE(id, REMOTE, LEARNED);
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

TEST_HARNESS_MAIN
