// SPDX-License-Identifier: GPL-2.0-only
/*
 * Announcements to the guest: their content, time and order, and guests without the
 * name service.
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

#include "ns_fixture.h"

TEST_F(ns, announce_before_the_guest_is_there)
{
	ASSERT_LE(0, announce(SVC, 7));
	EXPECT_EQ(0, dev_stat(DEV, S(NS_TX)));
	OPEN();
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
	EXPECT_STAT(1, dev_stat(DEV, S(NS_TX)));
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
	EXPECT_STAT(1, dev_stat(DEV, S(NS_TX)));
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
	const uint8_t little[] = { 0x78, 0x56, 0x34, 0x12 };
	const uint32_t addr = 0x12345678;
	struct guest_msg msg;
	bool modern;

	OPEN();
	modern = self->g.features & (1ULL << VIRTIO_F_VERSION_1);
	/* The used part of the buffer may not contain any previous content. */
	memset(self->g.tx_bufs, 0xff, self->g.buf_size);
	ASSERT_LE(0, announce(SVC, 0x12345678));
	ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
	EXPECT_EQ(16 + 40, msg.used);
	EXPECT_EQ(0, memcmp(&want, &msg.hdr, sizeof(want)));
	ns = guest_ns_swap(&self->g, ns);
	EXPECT_EQ(0, memcmp(&ns, msg.data, sizeof(ns)));
	/* A legacy guest has the byte order of this machine. */
	EXPECT_EQ(0, memcmp(modern ? (const void *)little : &addr,
			    msg.data + sizeof(ns.name), sizeof(addr)));
	/* The rest of the buffer does not change. */
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
	/* Its announcement is gone now. */
	ASSERT_EQ(0, nl_withdraw(id));
	HEAR_NOTHING();
	EXPECT_STAT(2, dev_stat(DEV, S(NS_TX)));
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
	EXPECT_STAT(1, dev_stat(DEV, S(NS_TX)));
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

	/* Without buffers all of this waits. */
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
	/* The order is not by address, name or creation. */
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

	/* A VMM that returns is a reset, too. */
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
	/* If it is announced again, it comes last. */
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
	/* The guest knows one of the two. */
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
	/* Both rings have been used. */
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
	EXPECT_STAT(100, dev_stat(DEV, S(NS_TX)));
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

TEST_F(ns, a_buffer_that_is_too_small_is_a_null_message)
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
	EXPECT_EQ(16, len);
	ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(&self->g, GUEST_TX, &tag, &len));
	EXPECT_EQ(2, tag);
	EXPECT_EQ(16 + 40, len);
	EXPECT_STREQ(SVC, (char *)large.p + 16);
	EXPECT_EQ(0, dev_stat(DEV, S(RING_ERRORS)));
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, S(NS_TX)) == 1, LONG_MS));
}

TEST_F(ns, without_an_announcement_no_buffer_is_used)
{
	struct guest_seg seg = { .len = 48 };
	int id, i;

	OPEN(.no_buffers = true);
	id = announce(SVC, 7);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, nl_withdraw(id));
	for (i = 0; i < 3; i++) {
		seg.p = guest_alloc(&self->g, seg.len);
		ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &seg, 1, true, false,
				       i));
	}
	guest_kick_always(&self->g, GUEST_TX);
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	EXPECT_EQ(0, guest_used_idx(&self->g, GUEST_TX));
	/* An announcement tries each of them. */
	ASSERT_EQ(0, nl_announce(id));
	EXPECT_TRUE(WAIT_FOR(guest_used_idx(&self->g, GUEST_TX) == 3, LONG_MS));
}

/* Another process announces it all the time while it is deleted. */
static void announce_for_ever(volatile int *id)
{
	while (*id != -1)
		nl_announce(*id);
	_exit(0);
}

/*
 * Post two buffers. The worker blocks when it writes to the first one. Returns the
 * descriptor whose close() unblocks it, or -1.
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

/* The guest gets the destroy although the withdrawal comes while the create is being sent. */
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

/* A server restarts: the destroy must not arrive after the new create. */
TEST_F(ns, announced_again_while_its_announcement_is_on_the_way)
{
	struct guest *g = &self->g;
	int id, uffd;

	OPEN(.no_buffers = true);
	uffd = post_held(g, guest_alloc_page(g));
	if (uffd < 0)
		SKIP(return, "no write protection with userfaultfd");

	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = SVC, .addr = 7));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_EQ(0, nl_ept_del(id));
	ASSERT_LE(0, announce("other", 8));
	ASSERT_LE(0, announce(SVC, 7));
	guest_post_one(g, g->tx_bufs + g->buf_size);
	guest_post_one(g, g->tx_bufs + 2 * g->buf_size);
	guest_kick(g, GUEST_TX);
	close(uffd);
	HEAR(SVC, 7, CREATE);
	HEAR(SVC, 7, DESTROY);
	HEAR("other", 8, CREATE);
	HEAR(SVC, 7, CREATE);
	HEAR_NOTHING();
}

/* The create could not be written, so there is nothing to withdraw. */
TEST_F(ns, withdrawn_while_its_announcement_is_lost)
{
	struct guest *g = &self->g;
	struct guest_ns ns;
	uint8_t *page;
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
	/* No message needs the buffer any more, so it stays in the ring. */
	EXPECT_FALSE(guest_wait_used(g, GUEST_TX, SHORT_MS));
	EXPECT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	/* The next message is the next announcement. */
	ASSERT_EQ(0, nl_ept_del(id));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "next"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	ASSERT_EQ(0, guest_ns_recv(g, &ns, LONG_MS));
	EXPECT_STREQ("next", ns.name);
	EXPECT_EQ(0, ns.flags);
}

TEST_F(ns, an_endpoint_is_not_announced_after_its_end)
{
	volatile int *id = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err, rounds, status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)id);
	*id = -2;
	pid = fork();
	if (!pid)
		announce_for_ever(id);
	for (rounds = 0; rounds < 100; rounds++) {
		err = nl_ept_new(EPT_REQ(.dev = DEV, .name = SVC));
		if (err < 0)
			break;
		*id = err;
		nap();
		err = nl_ept_del(*id);
		if (err)
			break;
	}
	*id = -1;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(100, rounds);
	EXPECT_EQ(0, err);
	munmap((void *)id, 4096);

	/* This guest has received no announcement, and there is none to send. */
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
	/* Everything else works. */
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
	/* Its byte order may be another one now. */
	self->g.features = GUEST_FEATURES;
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_SET_FEATURES, &self->g.features));
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
	EXPECT_STAT(1, dev_stat(DEV, S(RX_DROP_UNKNOWN)));
	EXPECT_EQ(0, dev_stat(DEV, S(NS_INVALID)));
	EXPECT_EQ(0, nl_chan_dump(DEV, &chan, 1));
}

int main(int argc, char **argv)
{
	argv = guest_habits_args(&argc, argv);
	return test_harness_run(argc, argv);
}
