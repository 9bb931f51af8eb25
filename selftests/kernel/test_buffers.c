// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers for messages of the host: of mixed sizes, too small, in missing memory. The
 * effect on messages and on the MTU, and the content of buffers that are returned
 * without a message.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"buffers"
#define REMOTE	0x400

#define S(name)	VHOST_RPMSG_A_STATS_##name

FIXTURE(buffers)
{
	struct guest g;
	int ept;		/* at 1024 */
	int fd;
	int other;		/* at 1025 */
	int other_fd;
	uint8_t *data;
};

FIXTURE_SETUP(buffers)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE,
				       .tx_limit = 16 << 20));
	self->other = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	self->other_fd = ept_open(self->other, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other_fd, 0);
	self->data = malloc(65536);
	self->g.fd = -1;
}

FIXTURE_TEARDOWN(buffers)
{
	guest_close(&self->g);
	close(self->fd);
	close(self->other_fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
	free(self->data);
}

/* Start without buffers, with memory for large ones. */
#define OPEN(...)							\
	ASSERT_EQ(0, guest_open(&self->g,				\
				&(struct guest_opts){ .name = DEV,	\
						      .no_buffers = true, \
						      .mem_size = 8 << 20, \
						      __VA_ARGS__ }))

/* Post a buffer of this size; its address is its tag. */
static uint8_t *add(struct guest *g, size_t size)
{
	struct guest_seg seg = { guest_alloc(g, size), size };

	if (guest_add(g, GUEST_TX, &seg, 1, true, false, (uintptr_t)seg.p) < 0)
		die("no descriptor");
	return seg.p;
}

/* Return the memory of the next used buffer, or NULL. */
static uint8_t *next(struct guest *g, uint32_t *used)
{
	uint64_t tag;

	if (!guest_wait_used(g, GUEST_TX, LONG_MS) ||
	    !guest_used(g, GUEST_TX, &tag, used))
		return NULL;
	return (uint8_t *)(uintptr_t)tag;
}

static bool is_null(struct guest *g, const uint8_t *buf, uint32_t used)
{
	struct guest_hdr hdr = guest_get_hdr(g, buf);

	return used == GUEST_HDR && hdr.dst == VHOST_RPMSG_ADDR_ANY && !hdr.len;
}

#define WRITE(fd, seed, len)						\
	do {								\
		fill(self->data, len, seed);				\
		ASSERT_EQ((ssize_t)(len), write(fd, self->data, len));	\
	} while (0)

/* Expect this buffer next, with that message. */
#define EXPECT_MESSAGE(buf, seed, n)						\
	do {									\
		struct guest_hdr __hdr;						\
		uint32_t __used = 0;						\
										\
		ASSERT_EQ(buf, next(&self->g, &__used));			\
		EXPECT_EQ(GUEST_HDR + (n), __used);				\
		__hdr = guest_get_hdr(&self->g, buf);				\
		EXPECT_EQ(REMOTE, __hdr.dst);					\
		EXPECT_EQ((n), __hdr.len);					\
		EXPECT_EQ(0, check_fill((buf) + GUEST_HDR, n, seed));		\
	} while (0)

#define EXPECT_EMPTY(buf)					\
	do {							\
		uint32_t __used = 0;				\
								\
		ASSERT_EQ(buf, next(&self->g, &__used));	\
		EXPECT_TRUE(is_null(&self->g, buf, __used));		\
	} while (0)

/* Buffers that are returned without a message. */

/* The header can be written, the payload cannot. */
TEST_F(buffers, a_buffer_that_faults_comes_back_as_a_null_message)
{
	uint8_t *page, *buf, *good;
	struct guest_seg seg;

	OPEN();
	page = guest_alloc_page(&self->g);
	/* The buffer ends 200 bytes into the next page. */
	buf = page - 216;
	memset(buf, 0, 216);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	seg = (struct guest_seg){ buf, 416 };
	guest_add(&self->g, GUEST_TX, &seg, 1, true, false, (uintptr_t)buf);
	good = add(&self->g, 512);
	guest_kick(&self->g, GUEST_TX);
	WRITE(self->fd, 1, 300);

	EXPECT_EMPTY(buf);
	EXPECT_MESSAGE(good, 1, 300);
	EXPECT_STAT(1, dev_stat(DEV, S(RING_ERRORS)));
	EXPECT_STAT(1, ept_stat(self->ept, S(TX_MSGS)));
	EXPECT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

/* The buffer has several pieces, and the memory of a later one is missing. */
TEST_F(buffers, a_piece_that_faults_makes_a_null_message)
{
	struct guest_seg seg[3];
	uint8_t *page, *good;
	uint32_t used = 0;

	OPEN();
	page = guest_alloc_page(&self->g);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	seg[0] = (struct guest_seg){ guest_alloc(&self->g, 64), 10 };
	seg[1] = (struct guest_seg){ (uint8_t *)seg[0].p + 10, 54 };
	seg[2] = (struct guest_seg){ page, 512 };
	guest_add(&self->g, GUEST_TX, seg, 3, true, false, (uintptr_t)seg[0].p);
	good = add(&self->g, 512);
	guest_kick(&self->g, GUEST_TX);
	WRITE(self->fd, 1, 300);

	ASSERT_EQ(seg[0].p, next(&self->g, &used));
	EXPECT_TRUE(is_null(&self->g, seg[0].p, used));
	EXPECT_MESSAGE(good, 1, 300);
	EXPECT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

/* Not even the header can be written. */
TEST_F(buffers, a_header_that_faults_leaves_nothing)
{
	uint8_t *page, *good;
	struct guest_seg seg;
	uint32_t used = 1;

	OPEN();
	page = guest_alloc_page(&self->g);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	seg = (struct guest_seg){ page, 512 };
	guest_add(&self->g, GUEST_TX, &seg, 1, true, false, (uintptr_t)page);
	good = add(&self->g, 512);
	guest_kick(&self->g, GUEST_TX);
	WRITE(self->fd, 1, 300);

	ASSERT_EQ(page, next(&self->g, &used));
	EXPECT_EQ(0, used);
	EXPECT_MESSAGE(good, 1, 300);
	EXPECT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
}

/*
 * Drivers that ignore used lengths, or subtract from them, would process the old content
 * of a buffer again.
 */
TEST_F(buffers, nothing_old_is_read_twice)
{
	static const enum guest_habit habits[] = { GUEST_LINUX, GUEST_OPENAMP,
						   GUEST_RPMSG_LITE };
	struct guest *g = &self->g;
	unsigned int i, k;
	int id;

	for (i = 0; i < 3; i++) {
		OPEN(.habit = habits[i], .num = 4, .buf_size = 48,
		     .no_buffers = false);
		/* Each buffer has old content. */
		for (k = 0; k < 4; k++) {
			WRITE(self->fd, k, 8);
			ASSERT_EQ(8,
				  guest_recv_copy(g, NULL, NULL, 32, LONG_MS));
		}
		/* The announcement is too long for the buffers. */
		id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service"));
		ASSERT_GE(id, 0);
		ASSERT_EQ(0, nl_announce(id));
		EXPECT_EQ(-ETIMEDOUT,
			  guest_recv_copy(g, NULL, NULL, 32, SHORT_MS));
		EXPECT_EQ(0, g->lost);
		ASSERT_EQ(0, nl_ept_del(id));
		guest_close(g);
	}
}

/* The buffer is too short for a header, and so for a null message. */
TEST_F(buffers, a_buffer_without_room_for_a_header_comes_back_with_nothing)
{
	uint8_t *small, *good;
	uint32_t used = 1;

	OPEN();
	small = add(&self->g, 15);
	good = add(&self->g, 512);
	guest_kick(&self->g, GUEST_TX);
	WRITE(self->fd, 1, 100);
	ASSERT_EQ(small, next(&self->g, &used));
	EXPECT_EQ(0, used);
	EXPECT_MESSAGE(good, 1, 100);
	EXPECT_STAT(1, dev_stat(DEV, S(RING_ERRORS)));
}

/* Sizes. */

FIXTURE(sizes)
{
	struct guest g;
	int ept;
	int fd;
	uint8_t *data;
};

FIXTURE_VARIANT(sizes)
{
	size_t size[3];
};

FIXTURE_VARIANT_ADD(sizes, up) { .size = { 64, 512, 4096 } };
FIXTURE_VARIANT_ADD(sizes, down) { .size = { 4096, 512, 64 } };
FIXTURE_VARIANT_ADD(sizes, two) { .size = { 512, 4096, 512 } };

FIXTURE_SETUP(sizes)
{
	struct guest_opts opts = {
		.name = DEV,
		.no_buffers = true,
		.stopped = true,
		.mem_size = 8 << 20,
	};
	unsigned int i;

	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE,
					.tx_limit = 16 << 20),
				&self->ept);
	ASSERT_GE(self->fd, 0);
	self->data = calloc(1, 8192);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	for (i = 0; i < 240; i++)
		add(&self->g, variant->size[i % 3]);
}

FIXTURE_TEARDOWN(sizes)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
	free(self->data);
}

static size_t size_of(const FIXTURE_VARIANT(sizes) * variant,
		      const uint8_t *buf, const uint8_t *first)
{
	const size_t pitch =
		variant->size[0] + variant->size[1] + variant->size[2];
	size_t at = (buf - first) % pitch;

	if (at < variant->size[0])
		return variant->size[0];
	return variant->size[at >= variant->size[0] + variant->size[1] ? 2 : 1];
}

/* Return the length of the next message. Post buffers without one again. */
static int receive(struct guest *g, const FIXTURE_VARIANT(sizes) * variant,
		   const uint8_t *first, unsigned int *nulls)
{
	struct guest_hdr hdr;
	struct guest_seg seg;
	uint32_t used = 0;
	uint8_t *buf;
	bool null;

	do {
		buf = next(g, &used);
		if (!buf)
			return -ETIMEDOUT;
		/* Check it before the worker can use it again. */
		null = is_null(g, buf, used);
		hdr = guest_get_hdr(g, buf);
		seg = (struct guest_seg){ buf, size_of(variant, buf, first) };
		guest_add(g, GUEST_TX, &seg, 1, true, false, (uintptr_t)buf);
		guest_kick(g, GUEST_TX);
		*nulls += null;
	} while (null);
	if (used != GUEST_HDR + hdr.len || used > seg.len)
		return -EBADMSG;
	return hdr.len;
}

TEST_F(sizes, the_mtu_is_the_largest_one_at_the_start)
{
	ASSERT_EQ(0, guest_start(&self->g));
	WAIT_FOR_MTU(DEV, 4080);
	/* A writer relies on the MTU. */
	EXPECT_EQ(4080, write(self->fd, self->data, 4080));
	EXPECT_EQ(-1, write(self->fd, self->data, 4081));
	EXPECT_EQ(EMSGSIZE, errno);
}

/* Each message gets a buffer that is large enough. */
TEST_F(sizes, long_messages_arrive)
{
	const uint8_t *first =
		(uint8_t *)(uintptr_t)self->g.ring[GUEST_TX].tag[0];
	unsigned int i, nulls = 0, len;

	ASSERT_EQ(0, guest_start(&self->g));
	WAIT_FOR_MTU(DEV, 4080);
	for (i = 0; i < 300; i++) {
		len = i % 3 ? 2000 : 40;
		ASSERT_EQ(len, write(self->fd, self->data, len));
	}
	for (i = 0; i < 300; i++) {
		len = i % 3 ? 2000 : 40;
		ASSERT_EQ((int)len, receive(&self->g, variant, first, &nulls));
	}
	EXPECT_EQ(0, ept_stat(self->ept, S(TX_DROP_SIZE)));
	EXPECT_STAT(300, ept_stat(self->ept, S(TX_MSGS)));
	/* At most two of three buffers are too small. */
	EXPECT_GE(600, nulls);
	EXPECT_EQ(0, dev_stat(DEV, S(RING_ERRORS)));
}

/* MTU. */

/* There are more buffers than in a burst, and the last one is the largest. */
TEST_F(buffers, the_mtu_is_that_of_the_last_buffer_too)
{
	int i;

	OPEN(.stopped = true);
	for (i = 0; i < 255; i++)
		add(&self->g, 200);
	add(&self->g, 3000);
	ASSERT_EQ(0, guest_start(&self->g));
	WAIT_FOR_MTU(DEV, 2984);
	/* No buffer was used for that. */
	EXPECT_EQ(256, guest_in_flight(&self->g, GUEST_TX));
	/* Send the long message first. */
	WRITE(self->fd, 1, 2984);
}

/* The buffer has several pieces, and comes after invalid entries. */
TEST_F(buffers, the_mtu_is_that_of_buffers_behind_bad_ones)
{
	struct guest_seg seg[2];

	OPEN(.stopped = true);
	guest_add_raw(&self->g, GUEST_TX, 60000);
	add(&self->g, 15);
	add(&self->g, 116);
	seg[0] = (struct guest_seg){ guest_alloc(&self->g, 700), 600 };
	seg[1] = (struct guest_seg){ guest_alloc(&self->g, 700), 700 };
	guest_add(&self->g, GUEST_TX, seg, 2, true, false, 0);
	ASSERT_EQ(0, guest_start(&self->g));
	WAIT_FOR_MTU(DEV, 1284);
}

/* Nor do they make the MTU larger than any buffer, or hold the messages up. */
TEST_F(buffers, the_mtu_is_small_behind_bad_ones)
{
	struct guest *g = &self->g;
	long long begun, took;
	int i, k;

	/* The machine may be busy. */
	for (i = 0; i < 5; i++) {
		OPEN(.stopped = true);
		/* One for each burst. */
		for (k = 0; k < 256; k++)
			if (k % 64)
				add(g, 200);
			else
				guest_add_raw(g, GUEST_TX, 60000);
		begun = now_ms();
		ASSERT_EQ(0, guest_start(g));
		ASSERT_EQ(1, write(self->fd, "x", 1));
		ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
		took = now_ms() - begun;
		WAIT_FOR_MTU(DEV, 184);
		/* Each retry of an entry takes 111 ms. */
		if (took < 300)
			break;
		guest_close(g);
	}
	EXPECT_GT(5, i);
}

TEST_F(buffers, a_change_of_the_mtu_is_an_event)
{
	struct nl_event ev;

	OPEN(.stopped = true);
	add(&self->g, 200);
	add(&self->g, 3000);
	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, guest_start(&self->g));
	do {
		ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	} while (ev.cmd != VHOST_RPMSG_CMD_DEV_NTF || ev.dev.mtu != 2984);
	/* A larger buffer that is posted later counts when it is used. */
	add(&self->g, 5000);
	guest_kick_always(&self->g, GUEST_TX);
	for (int i = 0; i < 3; i++)
		WRITE(self->fd, i, 100);
	do {
		ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	} while (ev.cmd != VHOST_RPMSG_CMD_DEV_NTF || ev.dev.mtu != 4984);
	nl_unlisten();
}

TEST_F(buffers, the_default_mtu_holds_until_a_buffer_is_seen)
{
	struct nl_dev dev;

	OPEN();
	usleep(SHORT_MS * 1000);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, dev.mtu);
	add(&self->g, 100);
	guest_kick(&self->g, GUEST_TX);
	WAIT_FOR_MTU(DEV, 84);
}

/* Messages that do not fit into any buffer. */

/*
 * It was written when the guest had a larger buffer. All present buffers are returned
 * once with a null message; then the message is dropped.
 */
TEST_F(buffers, a_message_that_fits_nowhere_is_dropped)
{
	uint8_t *large, *small[8];
	int i;

	OPEN();
	large = add(&self->g, 2016);
	guest_kick(&self->g, GUEST_TX);
	WAIT_FOR_MTU(DEV, 2000);
	WRITE(self->fd, 1, 100);
	EXPECT_MESSAGE(large, 1, 100);

	for (i = 0; i < 8; i++)
		small[i] = add(&self->g, 64);
	WRITE(self->fd, 2, 2000);
	guest_kick(&self->g, GUEST_TX);
	for (i = 0; i < 8; i++)
		EXPECT_EMPTY(small[i]);
	/* If the guest keeps posting, as many buffers as the ring has entries are returned. */
	for (i = 8; i < 256; i++) {
		small[0] = add(&self->g, 64);
		guest_kick(&self->g, GUEST_TX);
		if (!WAIT_FOR(!guest_in_flight(&self->g, GUEST_TX), SHORT_MS))
			break;
		EXPECT_EMPTY(small[0]);
	}
	/* The next buffer is for a message that fits. */
	small[0] = add(&self->g, 64);
	guest_kick_always(&self->g, GUEST_TX);
	WRITE(self->fd, 3, 40);
	EXPECT_TRUE(WAIT_FOR(ept_stat(self->ept, S(TX_MSGS)) == 2, LONG_MS));
	EXPECT_STAT(1, ept_stat(self->ept, S(TX_DROP_SIZE)));
}

/* Buffers that were returned to another guest do not count. */
TEST_F(buffers, a_message_for_the_next_guest_goes_round_its_ring)
{
	uint8_t *small[3], *large;
	int i;

	OPEN(.num = 4);
	large = add(&self->g, 2016);
	guest_kick(&self->g, GUEST_TX);
	WAIT_FOR_MTU(DEV, 2000);
	WRITE(self->fd, 1, 100);
	EXPECT_MESSAGE(large, 1, 100);
	WRITE(self->fd, 2, 2000);
	for (i = 0; i < 3; i++)
		small[i] = add(&self->g, 64);
	guest_kick_always(&self->g, GUEST_TX);
	for (i = 0; i < 3; i++)
		EXPECT_EMPTY(small[i]);

	ASSERT_EQ(0, guest_stop(&self->g));
	guest_reset_rings(&self->g);
	small[0] = add(&self->g, 64);
	large = add(&self->g, 2016);
	ASSERT_EQ(0, guest_start(&self->g));
	WAIT_FOR_MTU(DEV, 2000);
	WRITE(self->fd, 3, 2000);
	EXPECT_EMPTY(small[0]);
	EXPECT_MESSAGE(large, 3, 2000);
	EXPECT_STAT(1, ept_stat(self->ept, S(TX_DROP_RESET)));
	EXPECT_EQ(0, ept_stat(self->ept, S(TX_DROP_SIZE)));
}

/* Short messages of another endpoint are sent in between. */
TEST_F(buffers, a_message_that_fits_nowhere_lets_others_pass)
{
	struct guest_seg seg;
	struct guest_hdr hdr;
	unsigned int nulls = 0;
	uint8_t *buf;
	uint32_t used = 0;
	bool null;
	int i;

	OPEN(.num = 16);
	buf = add(&self->g, 2016);
	guest_kick(&self->g, GUEST_TX);
	WAIT_FOR_MTU(DEV, 2000);
	WRITE(self->fd, 1, 100);
	EXPECT_MESSAGE(buf, 1, 100);
	for (i = 0; i < 100; i++)
		WRITE(self->fd, 2, 2000);
	WRITE(self->other_fd, 3, 40);
	for (i = 0; i < 4; i++)
		add(&self->g, 64);
	guest_kick_always(&self->g, GUEST_TX);
	/* The guest posts each buffer again, for ever. */
	do {
		buf = next(&self->g, &used);
		ASSERT_NE(NULL, buf);
		/* Check it before the worker can use it again. */
		null = is_null(&self->g, buf, used);
		nulls += null;
		hdr = guest_get_hdr(&self->g, buf);
		seg = (struct guest_seg){ buf, 64 };
		guest_add(&self->g, GUEST_TX, &seg, 1, true, false,
			  (uintptr_t)buf);
		guest_kick(&self->g, GUEST_TX);
	} while (null && nulls < 10000);
	EXPECT_EQ(1025, hdr.src);
	/* At most a few rounds of the ring. */
	EXPECT_GE(64, nulls);
}

/* Announcements. */

TEST_F(buffers, an_announcement_passes_small_buffers)
{
	uint8_t *small, *large;
	uint32_t used = 0;
	int id;

	OPEN();
	small = add(&self->g, 16 + 39);
	large = add(&self->g, 16 + 40);
	guest_kick_always(&self->g, GUEST_TX);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	EXPECT_EMPTY(small);
	ASSERT_EQ(large, next(&self->g, &used));
	EXPECT_EQ(16 + 40, used);
	EXPECT_STREQ("service", (char *)large + 16);
	EXPECT_STAT(1, dev_stat(DEV, S(NS_TX)));
	EXPECT_EQ(0, dev_stat(DEV, S(RING_ERRORS)));
}

/*
 * All buffers are too small for it and are posted again and again: other endpoints can
 * send, and neither the guest nor the worker is kept busy.
 */
TEST_F(buffers, an_announcement_that_fits_nowhere_makes_no_storm)
{
	struct guest *g = &self->g;
	struct guest_hdr hdr = {};
	unsigned long nulls;
	int id;

	OPEN(.num = 4, .buf_size = 48, .no_buffers = false);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	WRITE(self->fd, 1, 8);
	ASSERT_EQ(8, guest_recv_copy(g, &hdr, NULL, 32, LONG_MS));
	EXPECT_EQ(1024, hdr.src);
	/* Receive all remaining messages. */
	EXPECT_EQ(-ETIMEDOUT, guest_recv_copy(g, NULL, NULL, 32, SHORT_MS));
	nulls = g->nulls;
	EXPECT_EQ(-ETIMEDOUT, guest_recv_copy(g, NULL, NULL, 32, SHORT_MS));
	EXPECT_GE(4, g->nulls - nulls);
	/* Sending continues. */
	WRITE(self->fd, 2, 32);
	EXPECT_EQ(32, guest_recv_copy(g, NULL, NULL, 32, LONG_MS));
}

/*
 * All small buffers were returned. The first buffer that is large enough is used for the
 * announcement, even if others want it.
 */
TEST_F(buffers, an_announcement_that_waits_takes_the_first_that_fits)
{
	uint8_t *small, *large;
	uint32_t used = 0;
	int i, id;

	OPEN(.num = 4);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	for (i = 0; i < 4; i++) {
		small = add(&self->g, 16 + 39);
		guest_kick_always(&self->g, GUEST_TX);
		EXPECT_EMPTY(small);
	}
	small = add(&self->g, 16 + 39);
	guest_kick_always(&self->g, GUEST_TX);
	WRITE(self->fd, 1, 8);
	EXPECT_MESSAGE(small, 1, 8);

	large = add(&self->g, 16 + 40);
	guest_kick_always(&self->g, GUEST_TX);
	WRITE(self->fd, 2, 8);
	ASSERT_EQ(large, next(&self->g, &used));
	EXPECT_EQ(16 + 40, used);
	EXPECT_STREQ("service", (char *)large + 16);
	small = add(&self->g, 16 + 39);
	guest_kick_always(&self->g, GUEST_TX);
	EXPECT_MESSAGE(small, 2, 8);
	EXPECT_STAT(1, dev_stat(DEV, S(NS_TX)));
}

/* If no other endpoint sends, a large buffer that is posted last is used. */
TEST_F(buffers, an_announcement_that_waits_is_sent_when_one_comes_that_fits)
{
	uint8_t *small[4], *large;
	uint32_t used = 0;
	int i, id;

	OPEN(.num = 4);
	for (i = 0; i < 4; i++)
		small[i] = add(&self->g, 16 + 8);
	guest_kick_always(&self->g, GUEST_TX);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service"));
	ASSERT_GE(id, 0);
	ASSERT_EQ(0, nl_announce(id));
	for (i = 0; i < 4; i++)
		EXPECT_EMPTY(small[i]);
	large = add(&self->g, 512);
	guest_kick_always(&self->g, GUEST_TX);
	ASSERT_EQ(large, next(&self->g, &used));
	EXPECT_EQ(16 + 40, used);
}

TEST_HARNESS_MAIN
