// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages through the rings: every length and every layout of buffers, in both
 * directions.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"ring"
#define REMOTE	0x400

FIXTURE(ring)
{
	struct guest g;
	struct guest_opts opts;
	int ept;		/* number of the endpoint at address 1024 */
	int fd;
	uint8_t *a;
	uint8_t *b;
};

FIXTURE_VARIANT(ring)
{
	struct guest_opts opts;
	bool indirect;
};

FIXTURE_VARIANT_ADD(ring, plain) {};

FIXTURE_VARIANT_ADD(ring, event_idx) {
	.opts.features = GUEST_FEATURES | GUEST_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(ring, indirect) {
	.opts.features = GUEST_FEATURES | GUEST_EVENT_IDX | GUEST_INDIRECT,
	.indirect = true,
};

FIXTURE_VARIANT_ADD(ring, linux) { .opts = { .habit = GUEST_LINUX } };
FIXTURE_VARIANT_ADD(ring, openamp) { .opts = { .habit = GUEST_OPENAMP } };
FIXTURE_VARIANT_ADD(ring, rpmsg_lite) { .opts = { .habit = GUEST_RPMSG_LITE } };
FIXTURE_VARIANT_ADD(ring, mixed) { .opts = { .mixed = true } };
FIXTURE_VARIANT_ADD(ring, few) { .opts = { .buffers = 4 } };

FIXTURE_SETUP(ring)
{
	self->opts = variant->opts;
	self->opts.name = DEV;
	self->a = malloc(1 << 17);
	self->b = malloc(1 << 17);
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept =
		nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE,
				   .rx_limit = 16 << 20, .tx_limit = 16 << 20));
	ASSERT_GE(self->ept, 0);
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	self->g.fd = -1;
}

FIXTURE_TEARDOWN(ring)
{
	EXPECT_EQ(0, self->g.lost);
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
	free(self->a);
	free(self->b);
}

#define OPEN() ASSERT_EQ(0, guest_open(&self->g, &self->opts))

/* Read a message with this seed and length. */
#define EXPECT_READ(seed, n)							\
	do {									\
		size_t __n = (n);						\
									\
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));		\
		ASSERT_EQ((ssize_t)__n, read(self->fd, self->b, 1 << 17));	\
		ASSERT_EQ(0, check_fill(self->b, __n, seed));			\
	} while (0)

/* Receive a message with this seed and length in the guest. */
#define EXPECT_RECV(seed, n)							\
	do {									\
		struct guest_hdr __hdr;						\
		int __n = (n);							\
									\
		ASSERT_EQ(__n, guest_recv_copy(&self->g, &__hdr, self->b,	\
					       1 << 17, LONG_MS));		\
		ASSERT_EQ(0, check_fill(self->b, __n, seed));			\
		ASSERT_EQ(1024, __hdr.src);					\
		ASSERT_EQ(REMOTE, __hdr.dst);					\
	} while (0)

static const int lengths[] = {
	0,     1,     2,     3,	    495,   496,	  497,	 511,	512,
	513,   1000,  1023,  1024,  1025,  2047,  2048,	 2049,	4079,
	4080,  4081,  4095,  4096,  4097,  8191,  8192,	 8193,	10000,
	16383, 16384, 16385, 20001, 32767, 32768, 32769, 40003, 50005,
	60007, 64999, 65000, 65519, 65534, 65535,
};

#define NUM_LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

TEST_F(ring, every_length_to_the_host)
{
	int len, first;

	OPEN();
	for (first = 0; first <= 496; first = len) {
		for (len = first; len <= 496 && len < first + 128; len++) {
			fill(self->a, len, len);
			ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024,
						 self->a, len));
		}
		guest_kick(&self->g, GUEST_RX);
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		for (len = first; len <= 496 && len < first + 128; len++)
			EXPECT_READ(len, len);
	}
	EXPECT_STAT(497, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_MSGS));
	EXPECT_EQ(496 * 497 / 2,
		  ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_BYTES));
}

TEST_F(ring, every_length_to_the_guest)
{
	int len, first;

	OPEN();
	for (first = 0; first <= 496; first = len) {
		for (len = first; len <= 496 && len < first + 128; len++) {
			fill(self->a, len, len);
			ASSERT_EQ(len, write(self->fd, self->a, len));
		}
		for (len = first; len <= 496 && len < first + 128; len++)
			EXPECT_RECV(len, len);
	}
	EXPECT_STAT(497, ept_stat(self->ept, VHOST_RPMSG_A_STATS_TX_MSGS));
	EXPECT_EQ(496 * 497 / 2,
		  ept_stat(self->ept, VHOST_RPMSG_A_STATS_TX_BYTES));
}

TEST_F(ring, large_messages_to_the_host)
{
	unsigned int i;

	self->opts.buf_size = 65536 + 16;
	self->opts.num = 64;
	OPEN();
	for (i = 0; i < NUM_LENGTHS; i++) {
		fill(self->a, lengths[i], i);
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, self->a,
					 lengths[i]));
	}
	guest_kick(&self->g, GUEST_RX);
	for (i = 0; i < NUM_LENGTHS; i++)
		EXPECT_READ(i, lengths[i]);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

TEST_F(ring, large_messages_to_the_guest)
{
	struct nl_dev dev;
	unsigned int i;

	self->opts.buf_size = 65536 + 16;
	self->opts.num = 64;
	OPEN();
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == 65535,
			     LONG_MS));
	for (i = 0; i < NUM_LENGTHS; i++) {
		fill(self->a, lengths[i], i);
		ASSERT_EQ(lengths[i], write(self->fd, self->a, lengths[i]));
	}
	for (i = 0; i < NUM_LENGTHS; i++)
		EXPECT_RECV(i, lengths[i]);
	/* The length in the header has 16 bits. */
	EXPECT_EQ(-1, write(self->fd, self->a, 65536));
	EXPECT_EQ(EMSGSIZE, errno);
}

/*
 * Split `size` bytes at p into n pieces: one up to `at`, then pieces of one byte, and the
 * rest. Returns the number of pieces, or 0 if that is not possible.
 */
static int cut(struct guest_seg *seg, uint8_t *p, int size, int n, int at)
{
	int i, num = 0;

	if (n == 1 || at + n - 2 >= size)
		return 0;
	if (at)
		seg[num++] = (struct guest_seg){ p, at };
	for (i = 0; i < n - 2; i++)
		seg[num++] = (struct guest_seg){ p + at + i, 1 };
	seg[num++] = (struct guest_seg){ p + at + i, size - at - i };
	return num;
}

#define SPLIT_LEN	40
#define SPLIT_SIZE	((int)(GUEST_HDR + SPLIT_LEN))

TEST_F(ring, messages_in_pieces_to_the_host)
{
	struct guest_hdr hdr = { REMOTE, 1024, 0, SPLIT_LEN, 0 };
	struct guest_seg seg[GUEST_MAX_DESC];
	int n, at, num;
	uint8_t *p;

	OPEN();
	p = guest_alloc(&self->g, SPLIT_SIZE);
	guest_put_hdr(&self->g, p, hdr);
	for (n = 2; n <= 8; n++) {
		for (at = 0; at < SPLIT_SIZE; at++) {
			num = cut(seg, p, SPLIT_SIZE, n, at);
			if (!num)
				continue;
			fill(p + GUEST_HDR, SPLIT_LEN, n * 1000 + at);
			ASSERT_GE(guest_add(&self->g, GUEST_RX, seg, num, false,
					    variant->indirect, 0),
				  0);
			guest_kick(&self->g, GUEST_RX);
			EXPECT_READ(n * 1000 + at, SPLIT_LEN);
			ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		}
	}
}

TEST_F(ring, buffers_in_pieces_to_the_guest)
{
	struct guest_seg seg[GUEST_MAX_DESC];
	struct guest_hdr hdr;
	int n, at, num;
	uint32_t used;
	uint8_t *p;

	self->opts.no_buffers = true;
	OPEN();
	p = guest_alloc(&self->g, SPLIT_SIZE + 8);
	for (n = 2; n <= 8; n++) {
		for (at = 0; at < SPLIT_SIZE; at++) {
			num = cut(seg, p, SPLIT_SIZE, n, at);
			if (!num)
				continue;
			memset(p, 0xee, SPLIT_SIZE + 8);
			ASSERT_GE(guest_add(&self->g, GUEST_TX, seg, num, true,
					    variant->indirect, 0),
				  0);
			fill(self->a, SPLIT_LEN, n * 1000 + at);
			ASSERT_EQ(SPLIT_LEN,
				  write(self->fd, self->a, SPLIT_LEN));
			guest_kick(&self->g, GUEST_TX);
			ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX,
						    LONG_MS));
			guest_used(&self->g, GUEST_TX, NULL, &used);
			ASSERT_EQ(SPLIT_SIZE, used);
			hdr = guest_get_hdr(&self->g, p);
			ASSERT_EQ(SPLIT_LEN, hdr.len);
			ASSERT_EQ(0, check_fill(p + GUEST_HDR, SPLIT_LEN,
						n * 1000 + at));
			/* No other byte has changed. */
			ASSERT_EQ(0xee, p[SPLIT_SIZE]);
		}
	}
}

TEST_F(ring, message_shorter_than_its_buffer)
{
	struct guest_hdr hdr = { REMOTE, 1024, 0, 10, 0 };
	struct guest_seg seg;
	uint8_t *p;

	OPEN();
	p = guest_alloc(&self->g, 512);
	memset(p, 0xee, 512);
	guest_put_hdr(&self->g, p, hdr);
	fill(p + GUEST_HDR, 10, 1);
	seg = (struct guest_seg){ p, 512 };
	guest_add(&self->g, GUEST_RX, &seg, 1, false, variant->indirect, 0);
	guest_kick(&self->g, GUEST_RX);
	EXPECT_READ(1, 10);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* More messages than the 65,536 values of an index. */
#define WRAP	70000
#define BATCH	125

TEST_F(ring, indices_wrap_to_the_host)
{
	uint32_t seq[16], i, j;

	OPEN();
	memset(seq, 0, sizeof(seq));
	for (i = 0; i < WRAP; i += BATCH) {
		for (j = i; j < i + BATCH; j++) {
			seq[0] = j;
			ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, seq,
						 4 + j % 60));
		}
		guest_kick(&self->g, GUEST_RX);
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		for (j = i; j < i + BATCH; j++) {
			ASSERT_EQ(4 + j % 60, read(self->fd, self->b, 100));
			ASSERT_EQ(0, memcmp(self->b, &j, 4));
		}
	}
	EXPECT_STAT(WRAP, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_MSGS));
}

TEST_F(ring, indices_wrap_to_the_guest)
{
	struct guest_msg msg;
	uint32_t seq[16] = {}, i, j;

	if (variant->opts.buffers)
		SKIP(return, "takes long with few buffers");
	OPEN();
	for (i = 0; i < WRAP; i += BATCH) {
		for (j = i; j < i + BATCH; j++) {
			seq[0] = j;
			ASSERT_EQ(4 + j % 60, write(self->fd, seq, 4 + j % 60));
		}
		for (j = i; j < i + BATCH; j++) {
			ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
			ASSERT_EQ(4 + j % 60, msg.hdr.len);
			ASSERT_EQ(GUEST_HDR + 4 + j % 60, msg.used);
			ASSERT_EQ(0, memcmp(msg.data, &j, 4));
			guest_done(&self->g, &msg);
		}
	}
	EXPECT_STAT(WRAP, ept_stat(self->ept, VHOST_RPMSG_A_STATS_TX_MSGS));
}

TEST_F(ring, order_is_kept_per_endpoint)
{
	uint32_t i, k, got;
	int ept[3], fd[3];

	OPEN();
	for (k = 0; k < 3; k++) {
		ept[k] = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 2000 + k,
					    .remote = REMOTE + k));
		fd[k] = ept_open(ept[k], O_NONBLOCK);
		ASSERT_GE(fd[k], 0);
	}
	for (i = 0; i < 60; i++)
		for (k = 0; k < 3; k++) {
			ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 2000 + k, &i,
						 sizeof(i)));
			ASSERT_EQ(sizeof(i), write(fd[k], &i, sizeof(i)));
		}
	guest_kick(&self->g, GUEST_RX);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	for (k = 0; k < 3; k++)
		for (i = 0; i < 60; i++) {
			ASSERT_EQ(sizeof(got), read(fd[k], &got, sizeof(got)));
			ASSERT_EQ(i, got);
		}

	uint32_t next[3] = {};

	for (i = 0; i < 180; i++) {
		struct guest_hdr hdr;

		ASSERT_EQ(sizeof(got), guest_recv_copy(&self->g, &hdr, &got,
						       sizeof(got), LONG_MS));
		k = hdr.src - 2000;
		ASSERT_LT(k, 3);
		ASSERT_EQ(REMOTE + k, hdr.dst);
		ASSERT_EQ(next[k]++, got);
	}
	for (k = 0; k < 3; k++)
		close(fd[k]);
}

TEST_F(ring, a_burst_is_one_interrupt)
{
	unsigned int i, posted;
	unsigned long calls;

	if (variant->opts.buffers || variant->opts.mixed)
		SKIP(return, "fewer buffers than a burst");
	OPEN();
	posted = guest_in_flight(&self->g, GUEST_TX);
	/* Fill the queue while the rings do not run, so that it becomes one burst. */
	ASSERT_EQ(0, guest_pause(&self->g));
	for (i = 0; i < 64; i++)
		ASSERT_EQ(4, write(self->fd, &i, 4));
	guest_calls(&self->g, GUEST_TX);
	ASSERT_EQ(0, guest_resume(&self->g));
	/* Do not consume calls here, since they are counted later. */
	EXPECT_TRUE(WAIT_FOR(guest_in_flight(&self->g, GUEST_TX) == posted - 64,
			     LONG_MS));
	/* The used index is written before the call. */
	ASSERT_EQ(0, guest_pause(&self->g));
	calls = guest_calls(&self->g, GUEST_TX);
	EXPECT_LE(1, calls);
	EXPECT_GE(2, calls);
}

/*
 * When a buffer is returned, the message must have arrived. Here the host cannot write
 * used entries, but all messages of the burst can be read. With EVENT_IDX, used entries
 * are the first thing that the worker writes after a burst of 64.
 */
TEST_F(ring, what_comes_back_has_arrived)
{
	unsigned int i, tries, got = 0, out = 0;
	char buf[8];
	int uffd;

	self->opts.features = GUEST_FEATURES | GUEST_EVENT_IDX |
			      variant->opts.features;
	OPEN();
	if (!(self->g.features & GUEST_EVENT_IDX))
		SKIP(return, "a driver of this habit has no EVENT_IDX");
	/* The worker may be blocked in a write at the end of a check of the ring: try again. */
	for (tries = 0; tries < 5 && got != 64; tries++) {
		usleep(50 * 1000);
		uffd = guest_hold_used(&self->g, GUEST_RX);
		if (uffd < 0)
			SKIP(return, "no write protection with userfaultfd");
		for (i = 0; i < 64; i++)
			ASSERT_EQ(0,
				  guest_queue(&self->g, REMOTE, 1024, &i, 4));
		guest_kick_always(&self->g, GUEST_RX);
		EXPECT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
		for (got = 0; got < 64; got++)
			if (read(self->fd, buf, sizeof(buf)) != 4)
				break;
		out = guest_in_flight(&self->g, GUEST_RX);
		close(uffd);
		EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
		for (i = got; i < 64; i++) {
			ASSERT_TRUE(poll_fd(self->fd, POLLIN, LONG_MS) &
				    POLLIN);
			ASSERT_EQ(4, read(self->fd, buf, sizeof(buf)));
		}
	}
	EXPECT_EQ(64, got);
	EXPECT_EQ(64, out);
}

TEST_F(ring, an_idle_device_wants_no_kicks_for_buffers)
{
	struct guest_msg msg;
	unsigned long kicks;
	unsigned int i;

	OPEN();
	ASSERT_EQ(4, write(self->fd, "warm", 4));
	ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
	guest_done(&self->g, &msg);
	kicks = self->g.kicks;
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(4, write(self->fd, &i, 4));
		ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
		guest_done(&self->g, &msg);
	}
	EXPECT_EQ(kicks, self->g.kicks);
}

/* The message has arrived, and its buffer is still to be returned. */
TEST_F(ring, a_used_ring_that_cannot_be_written_is_counted)
{
	void *used;

	OPEN();
	used = self->g.ring[GUEST_RX].vring.used;
	fill(self->a, 100, 1);
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, self->a, 100));
	EXPECT_READ(1, 100);
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS) == 1,
			     LONG_MS));
	EXPECT_EQ(1, guest_in_flight(&self->g, GUEST_RX));

	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, self->a, 100));
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_READ(1, 100);
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(ring, a_header_that_cannot_be_read_is_counted)
{
	struct guest_seg one, two[2];
	uint8_t *page;

	OPEN();
	page = guest_alloc_page(&self->g);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	one = (struct guest_seg){ page, 64 };
	two[0] = (struct guest_seg){ page, 8 };
	two[1] = (struct guest_seg){ guest_alloc(&self->g, 64), 56 };
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &one, 1, false, false, 0));
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, two, 2, false,
			       variant->indirect, 0));
	fill(self->a, 100, 1);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, self->a, 100));
	EXPECT_READ(1, 100);
	EXPECT_STAT(2, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

/*
 * The guest makes more buffers available than its ring has entries, two at a time, while
 * the worker is blocked in the previous one. Without a check the used entries of a burst
 * would be written beyond the end of the ring.
 */
TEST_F(ring, more_buffers_than_entries_stay_within_the_ring)
{
	struct guest *g = &self->g;
	uint8_t *page[2], *behind;
	struct vring_used *used;
	int i, this, uffd[2];

	self->opts.num = 2;
	self->opts.no_buffers = true;
	OPEN();
	used = g->ring[GUEST_TX].vring.used;
	/* The memory after the event index. */
	behind = (uint8_t *)&used->ring[2] + sizeof(uint16_t);
	fill(behind, 64, 1);
	for (i = 0; i < 2; i++) {
		page[i] = guest_alloc_page(g);
		uffd[i] = guest_hold(page[i]);
		if (uffd[i] < 0)
			SKIP(return, "no write protection with userfaultfd");
		guest_post_one(g, page[i]);
	}
	guest_kick(g, GUEST_TX);
	for (i = 0; i < 6; i++)
		ASSERT_EQ(4, write(self->fd, &i, 4));
	for (i = 0; i < 6; i++) {
		this = i % 2;
		ASSERT_TRUE(poll_fd(uffd[this], POLLIN, LONG_MS) & POLLIN);
		if (i > 0 && i < 5)
			uffd[!this] = guest_hold(page[!this]);
		if (i == 1 || i == 3) {
			guest_add_raw(g, GUEST_TX, 0);
			guest_add_raw(g, GUEST_TX, 1);
			guest_kick(g, GUEST_TX);
		}
		close(uffd[this]);
	}
	EXPECT_TRUE(WAIT_FOR(guest_used_idx(g, GUEST_TX) == 6, LONG_MS));
	EXPECT_EQ(0, check_fill(behind, 64, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(GUEST_HDR + 4, guest_32(g, used->ring[i].len));
		EXPECT_EQ(4 + i, page[i][GUEST_HDR]);
	}
}

int main(int argc, char **argv)
{
	argv = guest_habits_args(&argc, argv);
	return test_harness_run(argc, argv);
}
