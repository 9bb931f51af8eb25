// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge with well-behaved front ends: how rings start, stop and continue.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "bridge_fixture.h"

/* Messages of a front end */

TEST_F(bridge, attaches_and_runs)
{
	EXPECT_TRUE(dev_is(ATTACHED));
	START();
	EXPECT_TRUE(dev_is(RUNNING));
	fe_disconnect(FE);
	EXPECT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
}

TEST_F(bridge, offers_what_it_should)
{
	uint64_t value;

	ASSERT_EQ(0, fe_get(FE, GET_FEATURES, &value));
	EXPECT_EQ(F_PROTOCOL | GUEST_FEATURES,
		  value & (F_PROTOCOL | GUEST_FEATURES |
			   1ULL << VIRTIO_F_ACCESS_PLATFORM));
	ASSERT_EQ(0, fe_get(FE, GET_PROTOCOL_FEATURES, &value));
	EXPECT_EQ(PF_ALL, value);
	ASSERT_EQ(0, fe_get(FE, GET_QUEUE_NUM, &value));
	EXPECT_EQ(2, value);
	ASSERT_EQ(0, fe_get(FE, GET_MAX_MEM_SLOTS, &value));
	EXPECT_EQ(64, value);
}

TEST_F(bridge, continues_after_a_stop)
{
	START();
	ASSERT_EQ(0, fe_stop(FE));
	EXPECT_TRUE(dev_is(ATTACHED));
	/* The host has received an announcement and a message, and has sent one. */
	EXPECT_EQ(2, FE->base[0]);
	EXPECT_EQ(1, FE->base[1]);
	ASSERT_EQ(0, fe_start(FE));
	/* There is no second announcement, since the guest is the same. */
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, stops_without_being_disabled_first)
{
	struct vhost_vring_state state = { .index = 1 };

	START();
	ASSERT_EQ(0, fe_ask(FE, GET_VRING_BASE, &state, sizeof(state),
			    sizeof(state)));
	EXPECT_TRUE(dev_is(ATTACHED));
	/* A kick eventfd starts the ring again. */
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 1, G->ring[1].kick));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, pauses_while_a_ring_is_disabled)
{
	START();
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, guest_send(G, REMOTE, ADDR, "ping", 4));
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 1));
	EXPECT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN);
}

TEST_F(bridge, reset_owner_disables)
{
	START();
	ASSERT_EQ(0, fe_call(FE, RESET_OWNER, NULL, 0, NULL, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, reset_device_begins_anew)
{
	struct vhost_vring_state state = {};
	struct nl_dev dev;

	START();
	ASSERT_EQ(0, fe_call(FE, RESET_DEVICE, NULL, 0, NULL, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.features);
	ASSERT_EQ(0, fe_ask(FE, GET_VRING_BASE, &state, sizeof(state),
			    sizeof(state)));
	EXPECT_EQ(0, state.num);
	/* Even enabled rings with a kick do not start without addresses. */
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 0, G->ring[0].kick));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 1, G->ring[1].kick));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_enable(FE, false));

	guest_reset_rings(G);
	guest_post(G);
	/* The memory is still there. */
	ASSERT_EQ(0, fe_set_features(FE));
	ASSERT_EQ(0, fe_set_ring(FE, 0));
	ASSERT_EQ(0, fe_set_ring(FE, 1));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* QEMU sends this for a reset and for a pause. */
TEST_F(bridge, status_of_zero_stops)
{
	struct nl_dev dev;
	uint64_t status;

	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &status));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, fe_u64(FE, SET_STATUS, 7));
	START();
	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &status));
	EXPECT_EQ(7, status);
	EXPECT_REFUSED(fe_u64(FE, SET_STATUS, 256));
	EXPECT_TRUE(dev_is(RUNNING));
	ASSERT_EQ(0, fe_u64(FE, SET_STATUS, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &status));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(GUEST_FEATURES, dev.features);
	/* Kicks start the rings of the same guest again. */
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 0, G->ring[0].kick));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 1, G->ring[1].kick));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, a_reset_follows_a_status_of_zero)
{
	START();
	ASSERT_EQ(0, fe_u64(FE, SET_STATUS, 0));
	guest_reset_rings(G);
	guest_post(G);
	FE->base[0] = FE->base[1] = 0;
	ASSERT_EQ(0, fe_start(FE));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* In any order, the last missing message starts the rings. */
TEST_F(bridge, rings_start_when_nothing_is_missing)
{
	struct region region = fe_region(0, MEM_SIZE);
	int q;

	ASSERT_EQ(0, fe_set_features(FE));
	ASSERT_EQ(0, fe_enable(FE, true));
	for (q = 0; q < 2; q++) {
		ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, q, G->ring[q].kick));
		ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, q)));
		ASSERT_EQ(0, fe_state(FE, SET_VRING_NUM, q, RING_SIZE));
	}
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_mem_table(FE, &region, 1, &FE->memfd, 1));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* A refused message changes nothing: the next message does not start the ring. */
TEST_F(bridge, a_refused_enable_is_not_remembered)
{
	struct vhost_vring_addr addr = fe_addr(FE, 1);

	ASSERT_EQ(0, fe_prepare(FE));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 0, 1));
	addr.used_user_addr = 0;
	ASSERT_EQ(0, fe_set_addr(FE, addr));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 1, 1));
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 1)));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 1));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_F(bridge, front_end_without_protocol_features)
{
	int q;

	FE->plain = true;
	ASSERT_EQ(0, fe_prepare(FE));
	EXPECT_TRUE(dev_is(RUNNING));
	for (q = 0; q < 2; q++)
		ASSERT_EQ(0, fe_file(FE, SET_VRING_CALL, q, G->ring[q].call));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* QEMU may set the eventfd after the start, and earlier signals are lost. */
TEST_F(bridge, late_call_is_signalled)
{
	int call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	START();
	ASSERT_EQ(0, fe_file(FE, SET_VRING_CALL, 0, call));
	EXPECT_EQ(POLLIN, poll_fd(call, POLLIN, 0));
	/* The bridge does not write to a full eventfd, which would block. */
	ASSERT_EQ(0, eventfd_write(call, 0xfffffffffffffffdULL));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_CALL, 0, call));
	close(call);
}

TEST_F(bridge, ring_without_call)
{
	struct guest_ring *ring = &G->ring[GUEST_TX];
	char buf[4];

	START();
	ASSERT_EQ(0, fe_u64(FE, SET_VRING_CALL, NOFD | GUEST_TX));
	guest_calls(G, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	/* The used ring changes, without a signal. */
	ASSERT_TRUE(WAIT_FOR(ring->vring.used->idx != ring->last_used,
			     LONG_MS));
	EXPECT_EQ(4, guest_recv_copy(G, NULL, buf, 4, SHORT_MS));
	EXPECT_EQ(0, guest_calls(G, GUEST_TX));
}

TEST_F(bridge, the_same_guest_reconnects)
{
	int q;

	START();
	fe_disconnect(FE);
	ASSERT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	/* QEMU gets no base, so it reads the indices in the rings. */
	for (q = 0; q < 2; q++)
		FE->base[q] = G->ring[q].vring.used->idx;
	ASSERT_EQ(0, fe_open(FE));
	/* The guest continues, and receives nothing twice. */
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, second_front_end_waits)
{
	uint64_t value;
	struct fe fe;

	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	ASSERT_EQ(0,
		  fe_send(&fe, GET_FEATURES, FLAG_VERSION, NULL, 0, NULL, 0));
	EXPECT_EQ(0, poll_fd(fe.sock, POLLIN, SHORT_MS));
	START();
	fe_disconnect(FE);
	EXPECT_EQ(0, fe_reply(&fe, GET_FEATURES, &value, sizeof(value)));
	fe_exit(&fe);
}

TEST_HARNESS_MAIN
