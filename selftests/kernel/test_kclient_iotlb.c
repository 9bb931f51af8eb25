// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-kernel API with an IOTLB: a driver with endpoints of its own, and a guest whose
 * addresses this process translates as the VMM.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "iotlb.h"
#include "kclient/kclient.h"
#include "kclient/load.h"
#include "util.h"

FIXTURE(kclient_iotlb)
{
	struct guest g;
	uint64_t tx;		/* addresses of the buffers in the guest */
	uint64_t rx;
};

FIXTURE_VARIANT(kclient_iotlb)
{
	bool v2;		/* version of the IOTLB messages */
};

FIXTURE_VARIANT_ADD(kclient_iotlb, v1) { .v2 = false };
FIXTURE_VARIANT_ADD(kclient_iotlb, v2) { .v2 = true };

FIXTURE_SETUP(kclient_iotlb)
{
	struct guest_opts opts = {
		.path = KCLIENT_PATH,
		.features = GUEST_FEATURES | ACCESS_PLATFORM,
		.stopped = true,
	};
	uint64_t v2 = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;

	ASSERT_EQ(0, kclient_load());
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	fcntl(self->g.fd, F_SETFL, O_NONBLOCK);
	if (variant->v2)
		ASSERT_EQ(0,
			  xioctl(self->g.fd, VHOST_SET_BACKEND_FEATURES, &v2));
	self->tx = guest_gpa(&self->g, self->g.tx_bufs);
	self->rx = guest_gpa(&self->g, self->g.rx_bufs);
}

FIXTURE_TEARDOWN(kclient_iotlb)
{
	guest_close(&self->g);
}

#define MAP_TX() MAP(self->tx, self->g.tx_bufs, self->rx - self->tx)
#define MAP_RX() MAP(self->rx, self->g.rx_bufs, self->g.size - self->rx)
#define UNMAP_BUFFERS()	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g))

#define START()								\
	do {								\
		ASSERT_EQ(0, guest_start(&self->g));			\
		guest_kick_always(&self->g, GUEST_TX);			\
	} while (0)

static uint32_t reads(struct guest *g)
{
	struct kclient_stats stats;

	return ioctl(g->fd, KCLIENT_STATS, &stats) ? ~0U : stats.reads;
}

/* Send a request of four bytes, and receive the answer. */
static int answer(struct guest *g, uint32_t request)
{
	struct guest_hdr hdr;
	uint32_t response;
	int len = guest_recv_copy(g, &hdr, &response, 4, LONG_MS);

	if (len != 4)
		return len < 0 ? len : -EMSGSIZE;
	return hdr.src == KCLIENT_ECHO && response == ~request ? 0 : -EBADMSG;
}

static int echo(struct guest *g, uint32_t request)
{
	int err = guest_send(g, REMOTE, KCLIENT_ECHO, &request, 4);

	return err ?: answer(g, request);
}

TEST_F(kclient_iotlb, requests_are_answered)
{
	struct vhost_msg msg;

	MAP_RINGS();
	MAP_BUFFERS();
	START();
	for (uint32_t i = 0; i < 500; i++)
		ASSERT_EQ(0, echo(&self->g, i));
	EXPECT_EQ(500, reads(&self->g));
	ASKS_FOR_NOTHING();
	EXPECT_ERR(EAGAIN, read(self->g.fd, &msg, sizeof(msg)));
}

/* read() is called once, when all of the request is mapped. */
TEST_F(kclient_iotlb, a_request_that_is_not_mapped_is_asked_for)
{
	uint32_t i;

	MAP_RINGS();
	MAP_TX();
	START();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_ECHO, &i, 4));
	ASKS_FOR(self->rx, self->rx + 1, VHOST_ACCESS_RO);
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	EXPECT_EQ(0, reads(&self->g));
	MAP_RX();
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, answer(&self->g, i));
	EXPECT_EQ(3, reads(&self->g));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* The same for the buffer of the response. */
TEST_F(kclient_iotlb, a_response_that_is_not_mapped_is_asked_for)
{
	MAP_RINGS();
	MAP_BUFFERS();
	START();
	ASSERT_EQ(0, echo(&self->g, 1));
	FORGET_MISSES();
	UNMAP_BUFFERS();
	MAP_RX();
	for (uint32_t i = 2; i < 5; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_ECHO, &i, 4));
	ASKS_FOR(self->tx, self->rx, VHOST_ACCESS_WO);
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	EXPECT_EQ(1, reads(&self->g));
	EXPECT_EQ(3, guest_in_flight(&self->g, GUEST_RX));
	MAP_TX();
	for (uint32_t i = 2; i < 5; i++)
		ASSERT_EQ(0, answer(&self->g, i));
	EXPECT_EQ(4, reads(&self->g));
}

TEST_F(kclient_iotlb, rings_that_are_invalidated_are_asked_for)
{
	uintptr_t rings = (uintptr_t)RINGS(&self->g);

	MAP_RINGS();
	MAP_BUFFERS();
	START();
	ASSERT_EQ(0, echo(&self->g, 1));
	FORGET_MISSES();
	UNMAP(rings, RINGS_SIZE);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, KCLIENT_ECHO,
				 &(uint32_t){ 2 }, 4));
	guest_kick_always(&self->g, GUEST_RX);
	ASKS_FOR(rings, rings + RINGS_SIZE, VHOST_ACCESS_RO);
	FORGET_MISSES();
	EXPECT_EQ(1, reads(&self->g));
	MAP_RINGS();
	EXPECT_EQ(0, answer(&self->g, 2));
	EXPECT_EQ(0, echo(&self->g, 3));
}

/* A driver that sends a single message gets an error if there is no buffer. */
TEST_F(kclient_iotlb, a_message_with_no_request_before_it)
{
	struct kclient_send send = { .dst = REMOTE, .len = 3, .fill = 'x' };

	MAP_RINGS();
	MAP_BUFFERS();
	START();
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 3, LONG_MS));
	FORGET_MISSES();
	UNMAP_BUFFERS();
	EXPECT_ERR(EAGAIN, ioctl(self->g.fd, KCLIENT_SEND, &send));
	ASKS_FOR(self->tx, self->rx, VHOST_ACCESS_WO);
	MAP_TX();
	EXPECT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 3, LONG_MS));
	/* Nothing of the first message has arrived. */
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
}

TEST_F(kclient_iotlb, a_request_that_is_taken_outside_of_the_worker)
{
	struct kclient_recv recv = { .len = -1 };

	MAP_RINGS();
	MAP_TX();
	START();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_HOLD, "\1\2\3", 3));
	ASKS_FOR(self->rx, self->rx + 1, VHOST_ACCESS_RO);
	EXPECT_ERR(EAGAIN, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	EXPECT_EQ(0, reads(&self->g));
	MAP_RX();
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	EXPECT_EQ(3, recv.len);
	EXPECT_EQ(6, recv.sum);
	EXPECT_EQ(1, reads(&self->g));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* The message of an endpoint at the time of a miss is sent later, in order. */
TEST_F(kclient_iotlb, a_burst_waits_for_its_buffers)
{
	struct kclient_send send = { .dst = REMOTE, .len = 4 };
	struct kclient_burst burst = { .dst = REMOTE, .count = 600 };
	uint64_t half = self->tx + (self->rx - self->tx) / 2;
	struct guest_msg msg;
	uint32_t i, n;

	MAP_RINGS();
	MAP(self->tx, self->g.tx_bufs, half - self->tx);
	MAP(half, self->g.tx_bufs + (half - self->tx), self->rx - half);
	START();
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
	FORGET_MISSES();
	UNMAP(half, self->rx - half);
	for (int in_irq = 0; in_irq < 2; in_irq++) {
		burst.in_irq = in_irq;
		ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_BURST, &burst));
	}
	/* Receive the rest of the first half, and do not post these buffers again. */
	for (i = 0; i < self->g.ring[GUEST_TX].num / 2 - 1; i++) {
		ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
		memcpy(&n, msg.data, 4);
		ASSERT_EQ(i, n);
	}
	ASKS_FOR(half, half + 1, VHOST_ACCESS_WO);
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	FORGET_MISSES();
	MAP(half, self->g.tx_bufs + (half - self->tx), self->rx - half);
	/* Post these buffers again. */
	for (; i < 2 * burst.count; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &n, 4, LONG_MS));
		ASSERT_EQ(i, n);
	}
}

TEST_HARNESS_MAIN
