// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requirements of docs/protocol.md that no other test covers. test_habits has the behaviour
 * of existing drivers, byte by byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"protocol"
#define REMOTE	0x400

#define S(name)	VHOST_RPMSG_A_STATS_##name

FIXTURE(protocol)
{
	struct guest g;
	int ept;		/* at 1024 */
	int fd;
};

FIXTURE_SETUP(protocol)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	self->g.fd = -1;
}

FIXTURE_TEARDOWN(protocol)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define OPEN(...)							\
	ASSERT_EQ(0, guest_open(&self->g, &(struct guest_opts){		\
						  .name = DEV, __VA_ARGS__ }))

#define EXPECT_READ(data, len)						\
	do {								\
		char __buf[512];					\
									\
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));	\
		ASSERT_EQ(len, read(self->fd, __buf, sizeof(__buf)));	\
		EXPECT_EQ(0, memcmp(__buf, data, len));			\
	} while (0)

/* Feature bits. */

TEST_F(protocol, bits_that_others_claim_are_not_offered)
{
	uint64_t features;

	OPEN(.stopped = true);
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_GET_FEATURES, &features));
	EXPECT_EQ(1, features & 7);
}

TEST_F(protocol, features_that_were_not_offered_are_refused)
{
	uint64_t features;
	int bit;

	OPEN(.stopped = true);
	for (bit = 1; bit < 3; bit++) {
		features = GUEST_FEATURES | 1ULL << bit;
		EXPECT_EQ(-1, ioctl(self->g.fd, VHOST_SET_FEATURES, &features));
		EXPECT_EQ(EOPNOTSUPP, errno);
	}
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "hi", 2));
	EXPECT_READ("hi", 2);
}

/* The start. */

TEST_F(protocol, nothing_is_used_before_both_rings_run)
{
	struct guest *g = &self->g;

	OPEN(.stopped = true);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "hi", 2));
	ASSERT_EQ(4, write(self->fd, "wait", 4));
	ASSERT_EQ(0, guest_setup_ring(g, GUEST_RX));
	guest_kick_always(g, GUEST_RX);
	ASSERT_EQ(0, guest_setup_ring(g, GUEST_TX));
	guest_kick_always(g, GUEST_TX);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS) & POLLIN);
	EXPECT_EQ(1, guest_in_flight(g, GUEST_RX));
	EXPECT_EQ(g->ring[GUEST_TX].num, guest_in_flight(g, GUEST_TX));
	ASSERT_EQ(0, guest_set_running(g, VHOST_RPMSG_START));
	EXPECT_READ("hi", 2);
	EXPECT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
}

TEST_F(protocol, what_was_there_before_the_start_needs_no_kick)
{
	struct guest *g = &self->g;

	OPEN(.stopped = true);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "hi", 2));
	ASSERT_EQ(0, guest_start(g));
	EXPECT_READ("hi", 2);
	ASSERT_EQ(4, write(self->fd, "wait", 4));
	EXPECT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
	EXPECT_EQ(0, g->kicks);
}

/* Messages. */

TEST_F(protocol, reserved_and_flags_mean_nothing)
{
	struct guest *g = &self->g;
	struct guest_hdr hdr;
	struct guest_seg seg;
	int i;

	OPEN();
	seg.p = guest_alloc(g, 64);
	seg.len = 20;
	for (i = 0; i < 3; i++) {
		hdr = (struct guest_hdr){
			.src = REMOTE,
			.dst = 1024,
			.reserved = i == 1 ? 0 : 0xa5a5a5a5,
			.len = 4,
			.flags = i == 0 ? 0 : 0xffff,
		};
		guest_put_hdr(g, seg.p, hdr);
		memcpy((uint8_t *)seg.p + GUEST_HDR, "test", 4);
		ASSERT_LE(0, guest_add(g, GUEST_RX, &seg, 1, false, false, 0));
		guest_kick_always(g, GUEST_RX);
		EXPECT_READ("test", 4);
		ASSERT_EQ(0, guest_drain(g, LONG_MS));
	}
	EXPECT_EQ(0, dev_stat(DEV, S(RX_DROP_INVALID)));
}

/* The messages behind it are processed. */
#define EXPECT_GOES_ON()						\
	do {								\
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "on", 2));	\
		EXPECT_READ("on", 2);					\
		ASSERT_EQ(3, write(self->fd, "and", 3));		\
		EXPECT_EQ(3,							\
			  guest_recv_copy(&self->g, NULL, NULL, 8, LONG_MS));	\
	} while (0)

TEST_F(protocol, a_writable_piece_makes_no_message)
{
	struct guest *g = &self->g;
	struct guest_seg seg;
	uint32_t len = ~0U;

	OPEN();
	seg.p = guest_alloc(g, 64);
	seg.len = 64;
	guest_put_hdr(g, seg.p, (struct guest_hdr){ REMOTE, 1024, 0, 4, 0 });
	ASSERT_LE(0, guest_add(g, GUEST_RX, &seg, 1, true, false, 0));
	guest_kick_always(g, GUEST_RX);
	ASSERT_TRUE(guest_wait_used(g, GUEST_RX, LONG_MS));
	ASSERT_TRUE(guest_used(g, GUEST_RX, NULL, &len));
	EXPECT_EQ(0, len);
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, S(RX_DROP_INVALID)) == 1, LONG_MS));
	EXPECT_GOES_ON();
}

TEST_F(protocol, a_readable_buffer_comes_back_with_nothing)
{
	struct guest *g = &self->g;
	struct guest_seg seg;
	uint32_t len = ~0U;

	OPEN(.no_buffers = true);
	seg.p = guest_alloc(g, 512);
	seg.len = 512;
	ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, false, false, 0));
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "test", 4));
	ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, &len));
	EXPECT_EQ(0, len);
	/* The message waits for a usable buffer. */
	guest_post(g);
	guest_kick_always(g, GUEST_TX);
	EXPECT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
	EXPECT_GOES_ON();
}

/* Valid and invalid messages. */
TEST_F(protocol, requests_come_back_in_order)
{
	struct guest *g = &self->g;
	uint64_t tag, next = 1;
	struct guest_hdr hdr;
	struct guest_seg seg;
	int i;

	OPEN();
	for (i = 1; i <= 100; i++) {
		seg.p = guest_alloc(g, 64);
		/* To a reader, without an endpoint, and too short. */
		seg.len = i % 3 == 2 ? 8 : 20;
		hdr = (struct guest_hdr){ REMOTE, i % 3 ? 99 : 1024, 0, 4, 0 };
		guest_put_hdr(g, seg.p, hdr);
		ASSERT_LE(0, guest_add(g, GUEST_RX, &seg, 1, false, false, i));
		if (i % 7 == 0)
			guest_kick_always(g, GUEST_RX);
	}
	guest_kick_always(g, GUEST_RX);
	while (next <= 100) {
		ASSERT_TRUE(guest_wait_used(g, GUEST_RX, LONG_MS));
		ASSERT_TRUE(guest_used(g, GUEST_RX, &tag, NULL));
		ASSERT_EQ(next, tag);
		next++;
	}
}

/* Notifications. */

/* Exchange a message in each direction, and return which interrupts arrived. */
static int interrupts(FIXTURE_DATA(protocol) *self)
{
	struct guest *g = &self->g;
	int n = 0;

	guest_calls(g, GUEST_TX);
	guest_calls(g, GUEST_RX);
	if (guest_queue(g, REMOTE, 1024, "hi", 2))
		return -1;
	guest_kick_always(g, GUEST_RX);
	if (write(self->fd, "you", 3) != 3 ||
	    !WAIT_FOR(!guest_in_flight(g, GUEST_RX), LONG_MS) ||
	    !WAIT_FOR(guest_in_flight(g, GUEST_TX) < g->ring[GUEST_TX].num,
		      LONG_MS))
		return -1;
	/* The interrupt comes after the index. */
	n += poll_fd(g->ring[GUEST_RX].call, POLLIN, SHORT_MS) ? 1 : 0;
	n += poll_fd(g->ring[GUEST_TX].call, POLLIN, SHORT_MS) ? 2 : 0;
	if (guest_recv_copy(g, NULL, NULL, 8, LONG_MS) != 3 ||
	    guest_drain(g, LONG_MS))
		return -1;
	return n;
}

TEST_F(protocol, a_guest_that_wants_no_interrupts_gets_none)
{
	struct vring *vring;
	int q;

	OPEN();
	EXPECT_EQ(3, interrupts(self));
	for (q = 0; q < 2; q++)
		self->g.ring[q].vring.avail->flags =
			guest_16(&self->g, VRING_AVAIL_F_NO_INTERRUPT);
	EXPECT_EQ(0, interrupts(self));
	self->g.ring[GUEST_TX].vring.avail->flags = 0;
	EXPECT_EQ(2, interrupts(self));
	guest_close(&self->g);

	OPEN(.features = GUEST_FEATURES | GUEST_EVENT_IDX);
	EXPECT_EQ(3, interrupts(self));
	/* Request an interrupt after the next but one. */
	vring = &self->g.ring[GUEST_RX].vring;
	vring_used_event(vring) =
		guest_16(&self->g, self->g.ring[GUEST_RX].last_used + 1);
	EXPECT_EQ(2, interrupts(self));
}

TEST_HARNESS_MAIN
