// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose turn it is to send to the guest, and the length of a burst: shares of endpoints
 * that are always busy, announcements between them, and guests that make the search for a
 * buffer expensive.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"turns"
#define REMOTE	0x400
#define FIRST	2000U		/* address of the first endpoint */
#define MAX_EPTS 100
#define LARGEST	60000U

/* The documented quantum. */
#define QUANTUM		4096U
#define BURST_MSGS	64U
#define BURST_BYTES	0x80000U

/* The first address of new endpoints, and a share of messages for each. */
#define NEW_ADDR	5000U
#define NEW_MSGS	25U

static unsigned int cost(unsigned int len)
{
	return len + VHOST_RPMSG_MSG_OVERHEAD;
}

FIXTURE(turns)
{
	struct guest g;
	unsigned int num;	/* number of endpoints */
	uint32_t limit;		/* limit of their queues */
	int ept[MAX_EPTS];
	int fd[MAX_EPTS];
	unsigned int len[MAX_EPTS];
	unsigned int queued[MAX_EPTS];	/* messages written, but not received */
	uint64_t got[MAX_EPTS];	/* cost of the received messages */
	uint8_t *data;
};

FIXTURE_VARIANT(turns)
{
	unsigned int buffers;
};

FIXTURE_VARIANT_ADD(turns, one_buffer) { .buffers = 1 };
FIXTURE_VARIANT_ADD(turns, eight_buffers) { .buffers = 8 };
FIXTURE_VARIANT_ADD(turns, sixteen_buffers) { .buffers = 16 };
FIXTURE_VARIANT_ADD(turns, all_buffers) { .buffers = 256 };

FIXTURE_SETUP(turns)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->data = calloc(1, LARGEST);
	self->limit = 512 << 10;
	self->g.fd = -1;
}

FIXTURE_TEARDOWN(turns)
{
	unsigned int i;

	guest_close(&self->g);
	for (i = 0; i < self->num; i++)
		close(self->fd[i]);
	EXPECT_EQ(0, nl_dev_del(DEV));
	free(self->data);
}

/* Write until the queue is full or has this many messages: 0, or -errno. */
static int keep_busy(FIXTURE_DATA(turns) *self, unsigned int i,
		     unsigned int max)
{
	while (self->queued[i] < max) {
		if (write(self->fd[i], self->data, self->len[i]) < 0)
			return errno == EAGAIN ? 0 : -errno;
		self->queued[i]++;
	}
	return 0;
}

static int add_ept(FIXTURE_DATA(turns) *self, unsigned int len)
{
	unsigned int i = self->num;

	self->ept[i] =
		nl_ept_new(EPT_REQ(.dev = DEV, .addr = FIRST + i,
				   .remote = REMOTE, .tx_limit = 512 << 10));
	if (self->ept[i] < 0)
		return self->ept[i];
	self->fd[i] = ept_open(self->ept[i], O_NONBLOCK);
	if (self->fd[i] < 0)
		return self->fd[i];
	self->len[i] = len;
	self->num++;
	return 0;
}

/* Start a guest with a known MTU and without buffers. */
static int begin(FIXTURE_DATA(turns) *self, unsigned int largest)
{
	struct guest_opts opts = {
		.name = DEV,
		.buf_size = largest + GUEST_HDR,
		.buffers = 1,
	};
	struct nl_dev dev;
	int err = guest_open(&self->g, &opts);

	if (err)
		return err;
	if (!WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == largest, LONG_MS))
		return -ETIME;
	/* The only buffer is used for an announcement. */
	err = nl_ept_new(EPT_REQ(.dev = DEV, .name = "begin", .addr = 1));
	err = err < 0 ? err : nl_announce(err);
	if (err)
		return err;
	return guest_wait_used(&self->g, GUEST_TX, LONG_MS) &&
			       guest_used(&self->g, GUEST_TX, NULL, NULL) ?
		       0 :
		       -ETIME;
}

static void post_all(FIXTURE_DATA(turns) *self, unsigned int buffers)
{
	self->g.buffers = buffers;
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
}

/*
 * Receive a message, and let its writer continue. Returns the sender, VHOST_RPMSG_NS_ADDR
 * for an announcement, or -errno.
 */
static int receive(FIXTURE_DATA(turns) *self)
{
	struct guest_hdr hdr;
	unsigned int i;
	int len, err;

	len = guest_recv_copy(&self->g, &hdr, NULL, LARGEST, LONG_MS);
	if (len < 0)
		return len;
	if (hdr.src == VHOST_RPMSG_NS_ADDR)
		return hdr.src;
	i = hdr.src - FIRST;
	if (i >= self->num || (unsigned int)len != self->len[i])
		return -EBADMSG;
	self->got[i] += cost(len);
	self->queued[i]--;
	err = keep_busy(self, i, self->queued[i] + 1);
	return err ?: (int)hdr.src;
}

/* Shares. */

static const unsigned int sizes[] = { 16, 100, 496, 2000, 10000, LARGEST };

/* Use few short messages: there are thousands of them per large one. */
static unsigned int size_of(unsigned int i, unsigned int num)
{
	if (num == 2)
		return i ? LARGEST : 16;
	return sizes[i < 4 ? i : 4 + i % 2];
}

static void shares(struct __test_metadata *_metadata,
		   FIXTURE_DATA(turns) *self,
		   const FIXTURE_VARIANT(turns) * variant, unsigned int num)
{
	uint64_t total = 0, wanted = 20ULL * cost(LARGEST) * num, share;
	unsigned int worst = 0, len = 0, i, off;
	int src;

	ASSERT_EQ(0, begin(self, LARGEST));
	/* The queue has more than a burst and than all buffers, so it is never empty. */
	self->limit = num > 10 ? 1 << 20 : 8 << 20;
	for (i = 0; i < num; i++) {
		ASSERT_EQ(0, add_ept(self, size_of(i, num)));
		ASSERT_EQ(0, keep_busy(self, i, 600));
	}
	post_all(self, variant->buffers);
	while (total < wanted) {
		src = receive(self);
		ASSERT_GE(src, 0);
		total += cost(self->len[src - FIRST]);
	}
	share = total / num;
	for (i = 0; i < num; i++) {
		off = (self->got[i] > share ? self->got[i] - share :
					      share - self->got[i]) *
		      100 / share;
		if (off >= worst) {
			worst = off;
			len = self->len[i];
		}
	}
	printf("# %u buffers, %u endpoints: at most %u %% from the share of cost, messages of %u\n",
	       variant->buffers, num, worst, len);
	EXPECT_LE(worst, 10);
}

TEST_F(turns, two_endpoints_get_their_share)
{
	shares(_metadata, self, variant, 2);
}

TEST_F(turns, ten_endpoints_get_their_share)
{
	shares(_metadata, self, variant, 10);
}

TEST_F(turns, a_hundred_endpoints_get_their_share)
{
	shares(_metadata, self, variant, 100);
}

/*
 * Another endpoint sends after a turn of the busy one, not after all of its queued
 * messages.
 */
TEST_F(turns, a_busy_endpoint_lets_another_one_send)
{
	unsigned int n = 0;
	int src;

	ASSERT_EQ(0, begin(self, 496));
	ASSERT_EQ(0, add_ept(self, 100));
	ASSERT_EQ(0, add_ept(self, 8));
	ASSERT_EQ(0, keep_busy(self, 0, 1500));
	ASSERT_EQ(0, keep_busy(self, 1, 1));
	self->len[1] = 8;
	post_all(self, variant->buffers);
	do {
		src = receive(self);
		ASSERT_GE(src, 0);
		n++;
	} while (src == (int)FIRST && n < 1500);
	printf("# %u buffers: the other one's message is number %u\n",
	       variant->buffers, n);
	EXPECT_LE(n, QUANTUM / cost(100) + 2);
}

/* The same with long messages, of which a burst holds nine. */
TEST_F(turns, long_messages_let_another_one_send)
{
	unsigned int n = 0;
	int src;

	ASSERT_EQ(0, begin(self, LARGEST));
	ASSERT_EQ(0, add_ept(self, LARGEST));
	ASSERT_EQ(0, add_ept(self, 8));
	ASSERT_EQ(0, keep_busy(self, 0, 8));
	ASSERT_EQ(0, keep_busy(self, 1, 1));
	post_all(self, variant->buffers);
	do {
		src = receive(self);
		ASSERT_GE(src, 0);
		n++;
	} while (src == (int)FIRST && n < 200);
	printf("# %u buffers: the other one's message is number %u\n",
	       variant->buffers, n);
	EXPECT_LE(n, 2);
}

/*
 * A process makes endpoint after endpoint, each with a share of messages. There is always
 * one that is new, but the one that has been there all the time gets its turns.
 */
TEST_F(turns, new_endpoints_leave_turns_to_others)
{
	unsigned int made = 0, left = 0, n, m;
	struct guest_hdr hdr;
	int ctrl, fd, len;

	ASSERT_EQ(0, begin(self, 496));
	ASSERT_EQ(0, add_ept(self, 100));
	ASSERT_EQ(0, keep_busy(self, 0, 600));
	ctrl = ctrl_open(DEV);
	ASSERT_GE(ctrl, 0);
	post_all(self, variant->buffers);
	for (n = 0; n < 1500; n++) {
		/* More than all buffers take. */
		while (left < 15 * NEW_MSGS) {
			fd = ctrl_new_ept(ctrl, "", NEW_ADDR + made++, REMOTE,
					  0);
			ASSERT_GE(fd, 0);
			for (m = 0; m < NEW_MSGS; m++)
				ASSERT_EQ(100, write(fd, self->data, 100));
			left += NEW_MSGS;
			close(fd);
		}
		len = guest_recv_copy(&self->g, &hdr, NULL, LARGEST, LONG_MS);
		ASSERT_EQ(100, len);
		if (hdr.src != FIRST) {
			left--;
			continue;
		}
		self->got[0]++;
		self->queued[0]--;
		ASSERT_EQ(0, keep_busy(self, 0, 600));
	}
	printf("# %u buffers, %u new endpoints: %llu of %u messages are the old one's\n",
	       variant->buffers, made, (unsigned long long)self->got[0], n);
	/* Its share is one of 16 or 17. */
	EXPECT_GE(self->got[0], n / 24);
	close(ctrl);
}

/* Announcements. */

static const char *const services[] = { "a", "b", "c", "d", "e",
					"f", "g", "h", "i", "j" };

/* An announcement while others are busy reaches the guest within two bursts. */
TEST_F(turns, an_announcement_takes_two_bursts_at_most)
{
	struct guest_ring *ring = &self->g.ring[GUEST_TX];
	unsigned int i, k, msgs, worst_msgs = 0;
	uint64_t bytes, worst_bytes = 0;
	uint16_t sent, at;
	int id, src;

	ASSERT_EQ(0, begin(self, LARGEST));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, add_ept(self, size_of(i, 10)));
		ASSERT_EQ(0, keep_busy(self, i, 600));
	}
	post_all(self, variant->buffers);
	for (k = 0; k < 10; k++) {
		for (i = 0; i < 100; i++)
			ASSERT_GE(receive(self), 0);
		id = nl_ept_new(EPT_REQ(.dev = DEV, .name = services[k],
					.addr = 100 + k));
		ASSERT_GE(id, 0);
		ASSERT_EQ(0, nl_announce(id));
		/* Messages in used buffers were sent before it. */
		sent = guest_used_idx(&self->g, GUEST_TX);
		msgs = 0;
		bytes = 0;
		do {
			at = ring->last_used;
			src = receive(self);
			ASSERT_GE(src, 0);
			if (src == VHOST_RPMSG_NS_ADDR ||
			    (int16_t)(at - sent) < 0)
				continue;
			msgs++;
			bytes += self->len[src - FIRST];
		} while (src != VHOST_RPMSG_NS_ADDR && msgs < 2000);
		worst_msgs = msgs > worst_msgs ? msgs : worst_msgs;
		worst_bytes = bytes > worst_bytes ? bytes : worst_bytes;
	}
	printf("# %u buffers: after at most %u messages, %llu bytes\n",
	       variant->buffers, worst_msgs, (unsigned long long)worst_bytes);
	EXPECT_LE(worst_msgs, 2 * BURST_MSGS);
	EXPECT_LE(worst_bytes, 2 * (BURST_BYTES + LARGEST));
}

/* It does not wait for an endpoint whose turn was interrupted when buffers ran out. */
TEST_F(turns, an_announcement_does_not_wait_for_a_busy_endpoint)
{
	unsigned int n = 0;
	int id, src;

	ASSERT_EQ(0, begin(self, 496));
	ASSERT_EQ(0, add_ept(self, 100));
	ASSERT_EQ(0, keep_busy(self, 0, 1500));
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service", .addr = 100));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	post_all(self, variant->buffers);
	do {
		src = receive(self);
		ASSERT_GE(src, 0);
		n++;
	} while (src != VHOST_RPMSG_NS_ADDR && n < 1500);
	printf("# %u buffers: the announcement is message number %u\n",
	       variant->buffers, n);
	EXPECT_LE(n, 2);
}

/* Only a limited number of announcements goes before messages. */
TEST_F(turns, many_announcements_let_others_send)
{
	unsigned int n = 0, i;
	char name[16];
	int id, src;

	ASSERT_EQ(0, begin(self, 496));
	ASSERT_EQ(0, add_ept(self, 100));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "service-%u", i);
		id = nl_ept_new(EPT_REQ(.dev = DEV, .name = name));
		ASSERT_GE(id, 0);
		ASSERT_EQ(0, nl_announce(id));
	}
	ASSERT_EQ(0, keep_busy(self, 0, 1));
	post_all(self, variant->buffers);
	do {
		src = receive(self);
		ASSERT_GE(src, 0);
		n++;
	} while (src == VHOST_RPMSG_NS_ADDR && n < 300);
	printf("# %u buffers: the message is number %u\n", variant->buffers, n);
	EXPECT_LE(n, BURST_MSGS + 1);
}

/* Bursts. */

/*
 * Chains with this many empty descriptors. Each is an unusable buffer, and checking it
 * takes longer than any valid one.
 */
#define EMPTY	65536U

FIXTURE(burst)
{
	struct guest g;
	int ept;
	int fd;
	struct guest_seg seg;
	uint16_t bad;		/* head of such a chain */
	uint16_t good;		/* head of a valid buffer */
};

FIXTURE_SETUP(burst)
{
	struct guest_opts opts = {
		.name = DEV,
		.num = 1024,
		.features = GUEST_FEATURES | GUEST_INDIRECT,
		.no_buffers = true,
		.mem_size = 8 << 20,
	};
	struct vring_desc *table, *desc;
	unsigned int i;

	self->fd =
		ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), &self->ept);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));

	table = guest_alloc(&self->g, EMPTY * sizeof(*table));
	for (i = 0; i < EMPTY; i++) {
		guest_set_desc(&self->g, &table[i], table, 0,
			       VRING_DESC_F_WRITE |
				       (i + 1 < EMPTY ? VRING_DESC_F_NEXT : 0));
		table[i].next = guest_16(&self->g, i + 1);
	}
	desc = self->g.ring[GUEST_TX].vring.desc;
	self->bad = 0;
	guest_set_desc(&self->g, &desc[0], table, EMPTY * sizeof(*table),
		       VRING_DESC_F_INDIRECT);
	self->good = 1;
	guest_set_desc(&self->g, &desc[1], self->g.tx_bufs, 512,
		       VRING_DESC_F_WRITE);
}

FIXTURE_TEARDOWN(burst)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

static bool all_used(struct guest *g)
{
	return !guest_in_flight(g, GUEST_TX);
}

/* The guest posts 63 bad chains for each valid buffer. */
TEST_F(burst, the_search_for_buffers_counts)
{
	struct guest *g = &self->g;
	long long one, begun, stop;
	int i, k;

	/* Measure the time for one chain. */
	for (i = 0; i < 4; i++)
		guest_add_raw(g, GUEST_TX, self->bad);
	guest_add_raw(g, GUEST_TX, self->good);
	begun = now_ms();
	ASSERT_EQ(4, write(self->fd, "test", 4));
	ASSERT_TRUE(WAIT_FOR(all_used(g), 3 * LONG_MS));
	one = (now_ms() - begun) / 4 + 1;

	/* Other work continues after a burst, for example a stop. */
	for (i = 0; i < 200; i++)
		ASSERT_EQ(4, write(self->fd, "test", 4));
	for (i = 0; i < 16; i++) {
		for (k = 0; k < 63; k++)
			guest_add_raw(g, GUEST_TX, self->bad);
		guest_add_raw(g, GUEST_TX, self->good);
	}
	guest_kick_always(g, GUEST_TX);
	/* The worker is searching now, or will be soon. */
	usleep(1000 * one);
	begun = now_ms();
	ASSERT_EQ(0, guest_stop(g));
	stop = now_ms() - begun;
	printf("# a chain takes %lld ms, and a stop %lld ms\n", one, stop);
	EXPECT_LE(stop, 3 * (int)BURST_MSGS * one);
}

TEST_HARNESS_MAIN
