// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge: messages that are malformed, refused, in pieces, or random.
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

/* Pieces */

TEST_F(bridge, message_in_pieces)
{
	struct {
		struct header header;
		uint64_t value;
	} msg = { { SET_STATUS, FLAG_VERSION | FLAG_NEED_REPLY, 8 }, 3 };
	size_t i, size = sizeof(msg.header) + sizeof(msg.value);
	char buf[sizeof(msg)];
	uint64_t value;

	/* Copy without the padding. */
	memcpy(buf, &msg.header, sizeof(msg.header));
	memcpy(buf + sizeof(msg.header), &msg.value, sizeof(msg.value));
	for (i = 0; i < size; i++) {
		ASSERT_EQ(1, write(FE->sock, buf + i, 1));
		nap();
	}
	EXPECT_EQ(0, fe_reply(FE, SET_STATUS, &value, sizeof(value)));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &value));
	EXPECT_EQ(3, value);
}

TEST_F(bridge, messages_in_one_piece)
{
	struct header headers[] = {
		{ GET_FEATURES, FLAG_VERSION, 0 },
		{ GET_QUEUE_NUM, FLAG_VERSION, 0 },
	};
	uint64_t value;

	ASSERT_EQ(sizeof(headers), write(FE->sock, headers, sizeof(headers)));
	EXPECT_EQ(0, fe_reply(FE, GET_FEATURES, &value, sizeof(value)));
	EXPECT_EQ(0, fe_reply(FE, GET_QUEUE_NUM, &value, sizeof(value)));
	EXPECT_EQ(2, value);
}

/* Malformed messages */

/* Send a header with this size, and no payload. */
#define SEND_HEADER(...)							\
	do {									\
		struct header __header = { __VA_ARGS__ };			\
									\
		ASSERT_EQ(sizeof(__header),					\
			  write(FE->sock, &__header, sizeof(__header)));	\
	} while (0)

TEST_F(bridge, ends_within_a_header)
{
	ASSERT_EQ(5, write(FE->sock, (char[5]){ SET_OWNER }, 5));
}

TEST_F(bridge, ends_within_a_payload)
{
	SEND_HEADER(SET_FEATURES, FLAG_VERSION, 8);
}

TEST_F(bridge, giant_message)
{
	SEND_HEADER(SET_MEM_TABLE, FLAG_VERSION, UINT32_MAX);
	EXPECT_DROPPED();
}

TEST_F(bridge, big_message)
{
	/* The longest message is a table of 64 regions. */
	SEND_HEADER(SET_MEM_TABLE, FLAG_VERSION, 2057);
	EXPECT_DROPPED();
}

TEST_F(bridge, no_version)
{
	SEND_HEADER(GET_FEATURES, 0, 0);
	EXPECT_DROPPED();
}

TEST_F(bridge, other_version)
{
	SEND_HEADER(GET_FEATURES, 2, 0);
	EXPECT_DROPPED();
}

TEST_F(bridge, reply_to_nothing)
{
	SEND_HEADER(GET_FEATURES, FLAG_VERSION | FLAG_REPLY, 0);
	EXPECT_DROPPED();
}

/* Send every request with an invalid size. */
TEST_F_TIMEOUT(bridge, wrong_size, SLOW_S)
{
	static const uint32_t sizes[] = { 3, 9, 15, 41, 265, 7 };
	uint64_t payload[64] = {};
	uint32_t request;
	unsigned int i;

	for (request = 0; request <= GET_STATUS; request++) {
		i = request % ARRAY_SIZE(sizes);
		ASSERT_EQ(0, fe_send(FE, request, FLAG_VERSION, payload,
				     sizes[i], NULL, 0));
		EXPECT_DROPPED();
		fe_disconnect(FE);
		ASSERT_EQ(0, fe_connect(FE));
		ASSERT_EQ(0, fe_handshake(FE));
	}
}

TEST_F(bridge, unknown_request)
{
	EXPECT_REFUSED(fe_call(FE, 0, NULL, 0, NULL, 0));
	EXPECT_REFUSED(fe_call(FE, SET_CONFIG, NULL, 0, NULL, 0));
	EXPECT_REFUSED(fe_call(FE, UINT32_MAX, NULL, 0, &FE->memfd, 1));
	/* Otherwise the front end would assume success. */
	ASSERT_EQ(0, fe_send(FE, 41, FLAG_VERSION, NULL, 0, &FE->memfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, many_refusals)
{
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(1, fe_call(FE, 99, NULL, 0, NULL, 0));
	fe_disconnect(FE);
	EXPECT_TRUE(WAIT_FOR(logged(" refused=100\n"), LONG_MS));
	/* The number of log lines is limited, so that a front end cannot fill the disk. */
	EXPECT_EQ(16, logged("event=refused"));
}

/* The front end does not read the replies. */
TEST_F(bridge, replies_pile_up)
{
	struct header header = { GET_FEATURES, FLAG_VERSION, 0 };
	struct timeval timeout = { .tv_usec = 300000 };
	int i;

	setsockopt(FE->sock, SOL_SOCKET, SO_SNDTIMEO, &timeout,
		   sizeof(timeout));
	for (i = 0; i < 100000; i++)
		if (send(FE->sock, &header, sizeof(header), MSG_NOSIGNAL) < 0)
			break;
	EXPECT_LT(i, 100000);
}

/* Descriptors */

TEST_F(bridge, descriptor_with_a_message_that_has_none)
{
	ASSERT_EQ(0, fe_send(FE, GET_FEATURES, FLAG_VERSION, NULL, 0,
			     &FE->memfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, no_descriptor)
{
	struct mem_reg reg = { .region = fe_region(0, MEM_SIZE) };

	EXPECT_GT(0, fe_call(FE, ADD_MEM_REG, &reg, sizeof(reg), NULL, 0));
}

TEST_F(bridge, fewer_descriptors_than_regions)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};

	EXPECT_GT(0, fe_mem_table(FE, regions, 2, &FE->memfd, 1));
}

TEST_F(bridge, more_descriptors_than_regions)
{
	struct region region = fe_region(0, MEM_SIZE);
	int fds[] = { FE->memfd, FE->memfd };

	EXPECT_GT(0, fe_mem_table(FE, &region, 1, fds, 2));
}

TEST_F(bridge, more_descriptors_than_any_message_has)
{
	struct region region = fe_region(0, MEM_SIZE);
	int i, fds[MAX_FDS + 1];

	for (i = 0; i < MAX_FDS + 1; i++)
		fds[i] = FE->memfd;
	EXPECT_GT(0, fe_mem_table(FE, &region, 1, fds, MAX_FDS + 1));
}

TEST_F(bridge, descriptors_in_pieces)
{
	int i, fds[MAX_FDS];

	for (i = 0; i < MAX_FDS; i++)
		fds[i] = FE->memfd;
	/* These messages are the payload; the descriptors are additional. */
	SEND_HEADER(SET_MEM_TABLE, FLAG_VERSION, 200);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, fe_send(FE, SET_MEM_TABLE, FLAG_VERSION, NULL, 0,
				     fds, MAX_FDS));
	EXPECT_DROPPED();
}

TEST_F(bridge, more_regions_than_a_message_has)
{
	struct region regions[MAX_FDS + 1];
	struct mem_table table = { .num = UINT32_MAX };
	int i, fds[MAX_FDS + 1];

	for (i = 0; i < MAX_FDS + 1; i++) {
		regions[i] = fe_region(i * 0x1000, (i + 1) * 0x1000);
		fds[i] = FE->memfd;
	}
	ASSERT_EQ(0, fe_mem_table(FE, regions, MAX_FDS, fds, MAX_FDS));
	EXPECT_GT(0, fe_mem_table(FE, regions, MAX_FDS + 1, fds, MAX_FDS));
	fe_disconnect(FE);
	ASSERT_EQ(0, fe_connect(FE));
	ASSERT_EQ(0, fe_handshake(FE));
	EXPECT_GT(0, fe_call(FE, SET_MEM_TABLE, &table, 40, fds, 1));
}

/* Rings */

TEST_F(bridge, rings_that_do_not_exist)
{
	uint64_t value;

	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 2, 64));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_BASE, UINT32_MAX, 0));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 2, 1));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_KICK, 2, FE->err[0]));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_CALL, 255, FE->err[0]));
	/* The upper bits have no defined meaning. */
	EXPECT_REFUSED(fe_file(FE, SET_VRING_ERR, 1ULL << 32, FE->err[0]));
	EXPECT_REFUSED(fe_set_addr(FE, (struct vhost_vring_addr){
				.index = 0x80000000 }));
	value = 2;
	EXPECT_GT(0, fe_ask(FE, GET_VRING_BASE, &value, 8, 8));
}

TEST_F(bridge, ring_sizes)
{
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 0));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 3));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 0x10000));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_BASE, 0, 0x10000));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 0, 2));
}

TEST_F(bridge, ring_without_size)
{
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 0)));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 0, G->ring[0].kick));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, MEM_SIZE)));
	ASSERT_EQ(0, fe_set_ring(FE, 1));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_set_features(FE));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_NUM, 0, RING_SIZE));
	EXPECT_TRUE(dev_is(RUNNING));
}

TEST_F(bridge, rings_outside_of_memory)
{
	/* The ring ends one byte after the memory, begins before it, or is elsewhere. */
	const uint64_t bad[] = {
		USER + MEM_SIZE - RING_SIZE * 2,
		USER - 2,
		0,
		-4096ULL,
	};
	struct vhost_vring_addr addr;
	unsigned int i;

	ASSERT_EQ(0, fe_prepare(FE));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 0, 1));
	for (i = 0; i < ARRAY_SIZE(bad) * 3; i++) {
		addr = fe_addr(FE, 1);
		(&addr.desc_user_addr)[i % 3] = bad[i / 3];
		ASSERT_EQ(0, fe_set_addr(FE, addr));
		EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 1, 1));
		ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 0));
	}
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 1)));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 1));
	/* A running ring does not move there, either. */
	/* cppcheck-suppress uninitvar ; bad[] has elements */
	EXPECT_REFUSED(fe_set_addr(FE, addr));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* The regions are adjacent in the guest, but not in the bridge. */
TEST_F(bridge, ring_across_two_regions)
{
	uint64_t middle = guest_gpa(G, G->ring[1].vring.desc) + 4096;
	struct region regions[] = {
		fe_region(0, middle),
		fe_region(middle, MEM_SIZE),
	};
	int fds[] = { FE->memfd, FE->memfd };
	struct vhost_vring_addr addr = fe_addr(FE, 1);

	ASSERT_EQ(0, fe_prepare(FE));
	ASSERT_EQ(0, fe_mem_table(FE, regions, 2, fds, 2));
	addr.desc_user_addr = USER + middle - 16;
	ASSERT_EQ(0, fe_set_addr(FE, addr));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 1)));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_F(bridge, misaligned_ring)
{
	struct vhost_vring_addr addr = fe_addr(FE, 1);

	ASSERT_EQ(0, fe_prepare(FE));
	addr.used_user_addr++;
	ASSERT_EQ(0, fe_set_addr(FE, addr));
	EXPECT_REFUSED(fe_enable(FE, true));
}

TEST_F(bridge, start_without_memory)
{
	ASSERT_EQ(0, fe_set_features(FE));
	ASSERT_EQ(0, fe_set_ring(FE, 0));
	ASSERT_EQ(0, fe_set_ring(FE, 1));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(ATTACHED));
}

TEST_F(bridge, files_that_are_no_eventfds)
{
	EXPECT_REFUSED(fe_file(FE, SET_VRING_KICK, 0, FE->memfd));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_CALL, 0, FE->memfd));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_ERR, 0, FE->sock));
	EXPECT_REFUSED(fe_call(FE, SET_LOG_FD, NULL, 0, &FE->memfd, 1));
}

TEST_F(bridge, kick_without_eventfd)
{
	EXPECT_REFUSED(fe_u64(FE, SET_VRING_KICK, NOFD | GUEST_TX));
	/* The flag for "no descriptor" does not match the message. */
	EXPECT_GT(0, fe_file(FE, SET_VRING_CALL, NOFD, FE->err[0]));
}

TEST_F(bridge, eventfd_without_descriptor)
{
	EXPECT_GT(0, fe_u64(FE, SET_VRING_CALL, GUEST_TX));
}

TEST_F(bridge, rings_are_set_up_while_they_run)
{
	START();
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 32));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_BASE, 0, 0));
	FE->features = GUEST_EVENT_IDX;
	EXPECT_REFUSED(fe_set_features(FE));
	FE->features = F_LOG_ALL;
	EXPECT_REFUSED(fe_set_features(FE));
	EXPECT_EQ(0, talk(G, self->fd));
}

/* Features */

TEST_F(bridge, features_that_were_not_offered)
{
	EXPECT_REFUSED(fe_u64(FE, SET_FEATURES, 1ULL << 63));
	EXPECT_REFUSED(fe_u64(FE, SET_FEATURES,
			      1ULL << VIRTIO_F_ACCESS_PLATFORM));
	EXPECT_REFUSED(fe_u64(FE, SET_PROTOCOL_FEATURES, PF_ALL | PF_CONFIG));
}

TEST_F(bridge, inflight_regions_that_cannot_be)
{
	struct inflight bad = { .num_queues = 3, .queue_size = 64 };
	struct inflight empty = { .num_queues = 2 };

	EXPECT_REFUSED(fe_call(FE, SET_INFLIGHT_FD, &bad, sizeof(bad),
			       &FE->memfd, 1));
	EXPECT_REFUSED(fe_call(FE, SET_INFLIGHT_FD, &empty, sizeof(empty),
			       &FE->memfd, 1));
	EXPECT_GT(0,
		  fe_ask(FE, GET_INFLIGHT_FD, &bad, sizeof(bad), sizeof(bad)));
}

TEST_F(bridge, requests_without_their_feature)
{
	struct log_area area = { 4096, 0 };
	uint64_t value = PF_REPLY_ACK;

	ASSERT_EQ(0, fe_u64(FE, SET_PROTOCOL_FEATURES, value));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, MEM_SIZE)));
	EXPECT_REFUSED(fe_mem_reg(FE, REM_MEM_REG, fe_region(0, MEM_SIZE)));
	EXPECT_REFUSED(fe_call(FE, RESET_DEVICE, NULL, 0, NULL, 0));
	EXPECT_REFUSED(fe_u64(FE, SET_STATUS, 0));
	EXPECT_REFUSED(fe_call(FE, SET_INFLIGHT_FD, NULL, 0, &FE->memfd, 1));
	fe_make_log(FE);
	ASSERT_EQ(0, fe_send(FE, SET_LOG_BASE, FLAG_VERSION, &area,
			     sizeof(area), &FE->logfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, no_reply_without_reply_ack)
{
	uint64_t value = 0;

	ASSERT_EQ(0, fe_u64(FE, SET_PROTOCOL_FEATURES, value));
	ASSERT_EQ(0, fe_send(FE, SET_OWNER, FLAG_VERSION | FLAG_NEED_REPLY,
			     NULL, 0, NULL, 0));
	/* This is the reply to the second message. */
	EXPECT_EQ(0, fe_get(FE, GET_FEATURES, &value));
}

/* Everything together */

TEST_F_TIMEOUT(bridge, leaves_at_any_message, SLOW_S)
{
	int err, n;

	for (n = 0;; n++) {
		fe_disconnect(FE);
		/* The kernel uses the rings until then. */
		ASSERT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
		guest_reset_rings(G);
		guest_post(G);
		FE->left = n;
		err = fe_open(FE);
		if (err != -ECANCELED)
			break;
	}
	FE->left = -1;
	EXPECT_EQ(0, err);
	/* QEMU sends this number of messages. */
	EXPECT_EQ(26, n);
	EXPECT_EQ(0, meet(G, self->fd));
}

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint64_t)seed * below >> 32;
}

/* A payload that is, or could be, valid for the request. */
static void random_payload(struct fe *fe, uint32_t request, uint64_t *payload)
{
	struct mem_table *table = (struct mem_table *)payload;
	struct mem_reg *reg = (struct mem_reg *)payload;
	struct vhost_vring_addr addr = fe_addr(fe, rnd(2));
	struct region region =
		fe_region(rnd(3) * UPPER / 2, rnd(5) * UPPER / 2);
	int i;

	for (i = 0; i < 40; i++)
		payload[i] = rnd(8) ? rnd(2) | (uint64_t)rnd(2) << 32 : rnd(-1);
	switch (rnd(8) ? request : 0) {
	case SET_MEM_TABLE:
		*table = (struct mem_table){ .num = 1, .regions = { region } };
		break;
	case ADD_MEM_REG:
	case REM_MEM_REG:
		reg->region = region;
		break;
	case SET_VRING_ADDR:
		memcpy(payload, &addr, sizeof(addr));
		break;
	case SET_FEATURES:
		*payload = GUEST_FEATURES | (rnd(2) ? F_PROTOCOL : 0) |
			   (rnd(2) ? F_LOG_ALL : 0);
		break;
	case SET_PROTOCOL_FEATURES:
		*payload = PF_ALL;
		break;
	case SET_LOG_BASE:
		*payload = rnd(8192);
		payload[1] = rnd(2);
		break;
	case SET_VRING_NUM:
		*payload = rnd(2) | (uint64_t)RING_SIZE << 32;
		break;
	}
}

/* Most messages have the right size and descriptors. */
static int random_message(struct fe *fe)
{
	static const struct {
		uint32_t size;
		int num;
	} shapes[GET_STATUS + 2] = {
		[SET_FEATURES] = { 8 }, [SET_MEM_TABLE] = { 40, 1 },
		[SET_LOG_BASE] = { 16, 1 }, [SET_LOG_FD] = { 0, 1 },
		[SET_VRING_NUM] = { 8 }, [SET_VRING_ADDR] = { 40 },
		[SET_VRING_BASE] = { 8 }, [GET_VRING_BASE] = { 8 },
		[SET_VRING_KICK] = { 8, 1 }, [SET_VRING_CALL] = { 8, 1 },
		[SET_VRING_ERR] = { 8, 1 }, [SET_PROTOCOL_FEATURES] = { 8 },
		[SET_VRING_ENABLE] = { 8 }, [GET_INFLIGHT_FD] = { 24 },
		[SET_INFLIGHT_FD] = { 24, 1 }, [ADD_MEM_REG] = { 40, 1 },
		[REM_MEM_REG] = { 40 }, [SET_STATUS] = { 8 },
	};
	const int files[] = { fe->memfd, fe->err[0], fe->g.ring[0].kick,
			      fe->sock };
	uint32_t flags = FLAG_VERSION | FLAG_NEED_REPLY;
	uint32_t request = rnd(ARRAY_SIZE(shapes));
	int i, fds[10], num = shapes[request].num;
	uint32_t size = shapes[request].size;
	uint64_t payload[sizeof(struct mem_table) / 8 + 1];

	random_payload(fe, request, payload);
	if (!rnd(30))
		flags = rnd(16);
	if (!rnd(30))
		size = rnd(300);
	if (!rnd(30))
		num = rnd(10);
	for (i = 0; i < num; i++)
		fds[i] = files[rnd(8) ? request >= SET_LOG_FD &&
						request <= SET_VRING_ERR :
					rnd(ARRAY_SIZE(files))];
	return fe_send(fe, request, flags, payload, size, fds, num);
}

TEST_F_TIMEOUT(bridge, random_messages, SLOW_S)
{
	char buf[512];
	int i, n;

	for (i = 0; i < 50; i++) {
		seed = i * 2654435761U;
		/* Half of the sequences begin with a running guest. */
		if (i % 2) {
			guest_reset_rings(G);
			guest_post(G);
			ASSERT_EQ(0, fe_start(FE));
		}
		for (n = 0; n < 100 && !random_message(FE); n++)
			while (recv(FE->sock, buf, sizeof(buf), MSG_DONTWAIT) >
			       0)
				;
		ASSERT_EQ(0, kill(self->pid, 0));
		fe_disconnect(FE);
		ASSERT_EQ(0, fe_connect(FE));
		ASSERT_EQ(0, fe_handshake(FE));
	}
}

TEST_HARNESS_MAIN
