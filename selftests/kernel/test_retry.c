// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory that is temporarily inaccessible: an entry stays in the ring, and is tried
 * again before it is given up. Also invalid entries, which are returned at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"retry"
#define REMOTE	0x400

/* An entry is given up after retries at 1, 10 and 100 ms; this is slightly less. */
#define PATIENCE_MS	90

FIXTURE(retry)
{
	struct guest g;
	int ept;		/* at 1024 */
	int fd;
};

/* How the worker learns that the memory is accessible again. */
enum news { NONE, KICK, WRITE, MEM_TABLE };

FIXTURE_VARIANT(retry)
{
	enum news news;
};

FIXTURE_VARIANT_ADD(retry, by_itself) { .news = NONE };
FIXTURE_VARIANT_ADD(retry, with_a_kick) { .news = KICK };
FIXTURE_VARIANT_ADD(retry, with_a_write) { .news = WRITE };
FIXTURE_VARIANT_ADD(retry, with_a_memory_table) { .news = MEM_TABLE };

/* Rings whose descriptors fill a whole page. */
static const struct guest_opts opts = {
	.name = DEV,
	.num = 256,
	.features = GUEST_FEATURES | GUEST_INDIRECT,
	.no_buffers = true,
};

FIXTURE_SETUP(retry)
{
	self->fd =
		ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), &self->ept);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(retry)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

static void hide(void *page)
{
	if (mprotect(page, 4096, PROT_NONE))
		die("mprotect");
}

static void show(void *page)
{
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
		die("mprotect");
}

static void tell(FIXTURE_DATA(retry) *self, enum news news, int q)
{
	if (news == KICK)
		guest_kick_always(&self->g, q);
	if (news == WRITE && write(self->fd, "more", 4) != 4)
		die("write");
	if (news == MEM_TABLE && guest_set_mem_table(&self->g))
		die("memory table");
}

/* Queue a message with a descriptor table of its own; hide() that. */
static void *queue_with_table(struct guest *g, const char *text)
{
	struct guest_hdr hdr = { .src = REMOTE, .dst = 1024, .len = 3 };
	struct guest_seg seg[2] = {
		{ guest_alloc(g, sizeof(hdr)), sizeof(hdr) },
		{ guest_alloc(g, 3), 3 },
	};
	int head;

	guest_put_hdr(g, seg[0].p, hdr);
	memcpy(seg[1].p, text, 3);
	head = guest_add(g, GUEST_RX, seg, 2, false, true, 0);
	return head < 0 ? NULL :
			  g->mem + (guest_64(g, g->ring[GUEST_RX]
							.vring.desc[head]
							.addr) &
				    ~4095ULL);
}

/* Queue "one" with a table that cannot be read, and "two". Returns the table, or NULL. */
static void *queue_behind_table(struct guest *g)
{
	void *table;

	guest_hide(g);
	table = queue_with_table(g, "one");
	if (!table || guest_queue(g, REMOTE, 1024, "two", 3))
		return NULL;
	hide(table);
	guest_show(g);
	return table;
}

static uint64_t errors(void)
{
	return dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS);
}

TEST_F(retry, a_message_is_not_lost)
{
	void *descs = self->g.ring[GUEST_RX].vring.desc;

	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "one", 3));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "two", 3));
	hide(descs);
	guest_kick_always(&self->g, GUEST_RX);
	usleep(3000);
	show(descs);
	tell(self, variant->news, GUEST_RX);
	EXPECT_TEXT(self->fd, "one");
	EXPECT_TEXT(self->fd, "two");
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, errors());
}

/* A table that cannot be read is for the vhost core the same as an invalid one. */
TEST_F(retry, a_message_with_a_table_is_not_lost)
{
	void *table;

	table = queue_behind_table(&self->g);
	ASSERT_NE(NULL, table);
	guest_kick_always(&self->g, GUEST_RX);
	usleep(3000);
	show(table);
	tell(self, variant->news, GUEST_RX);
	EXPECT_TEXT(self->fd, "one");
	EXPECT_TEXT(self->fd, "two");
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, errors());
}

TEST_F(retry, a_buffer_is_not_lost)
{
	struct guest *g = &self->g;
	void *descs = g->ring[GUEST_TX].vring.desc;
	struct guest_msg msg;

	guest_post_one(g, g->tx_bufs);
	guest_post_one(g, g->tx_bufs + g->buf_size);
	hide(descs);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	usleep(3000);
	show(descs);
	tell(self, variant->news, GUEST_TX);
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(g->tx_bufs + GUEST_HDR, msg.data);
	EXPECT_EQ(3, msg.hdr.len);
	EXPECT_EQ(0, errors());
}

/* While the MTU is still looked for. */
TEST_F(retry, the_size_of_a_buffer_is_not_lost)
{
	struct guest *g = &self->g;
	void *descs = g->ring[GUEST_TX].vring.desc;
	struct guest_seg seg = { guest_alloc(g, 1040), 1040 };

	ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, true, false, 0));
	hide(descs);
	guest_kick_always(g, GUEST_TX);
	usleep(3000);
	show(descs);
	tell(self, variant->news, GUEST_TX);
	WAIT_FOR_MTU(DEV, 1024);
	EXPECT_EQ(0, errors());
}

/* Nor does that count as attempts to use the buffer. */
TEST_F(retry, a_buffer_that_was_away_before_is_not_lost)
{
	struct guest *g = &self->g;
	void *descs = g->ring[GUEST_TX].vring.desc;
	struct guest_seg seg = { guest_alloc(g, 1040), 1040 };
	struct guest_msg msg;

	ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, true, false,
			       (uintptr_t)seg.p));
	hide(descs);
	guest_kick_always(g, GUEST_TX);
	/* Retries after 1 and 10 ms. */
	usleep(15000);
	show(descs);
	WAIT_FOR_MTU(DEV, 1024);
	hide(descs);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	usleep(3000);
	show(descs);
	tell(self, variant->news, GUEST_TX);
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(3, msg.hdr.len);
	EXPECT_EQ(0, errors());
}

/* The available ring cannot be read, either. */
TEST_F(retry, a_list_of_what_is_available_is_not_lost)
{
	void *avail = self->g.ring[GUEST_RX].vring.avail;

	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "one", 3));
	hide(avail);
	guest_kick_always(&self->g, GUEST_RX);
	usleep(3000);
	show(avail);
	tell(self, variant->news, GUEST_RX);
	EXPECT_TEXT(self->fd, "one");
	EXPECT_EQ(0, errors());
}

/* Queue an announcement of a channel whose payload is in the page. */
static int queue_ns(struct guest *g, uint8_t *page)
{
	const struct guest_ns ns = { .name = "svc", .addr = REMOTE };
	struct guest_hdr *hdr = guest_alloc(g, sizeof(*hdr));
	struct guest_seg seg[2] = {
		{ hdr, sizeof(*hdr) },
		{ page, sizeof(ns) },
	};

	*hdr = (struct guest_hdr){ .src = REMOTE,
				   .dst = VHOST_RPMSG_NS_ADDR,
				   .len = sizeof(ns) };
	memcpy(page, &ns, sizeof(ns));
	return guest_add(g, GUEST_RX, seg, 2, false, false, 0);
}

TEST_F(retry, an_announcement_is_not_lost)
{
	uint8_t *page = guest_alloc_page(&self->g);
	struct nl_chan chan;

	ASSERT_LE(0, queue_ns(&self->g, page));
	hide(page);
	guest_kick_always(&self->g, GUEST_RX);
	usleep(3000);
	show(page);
	tell(self, variant->news, GUEST_RX);
	EXPECT_TRUE(WAIT_FOR(!nl_chan_get(DEV, REMOTE, &chan), LONG_MS));
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_NS_RX));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_NS_INVALID));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* Used entries are written as soon as that is possible. */
TEST_F(retry, a_used_buffer_is_not_lost)
{
	void *used = self->g.ring[GUEST_RX].vring.used;

	if (mprotect(used, 4096, PROT_READ))
		die("mprotect");
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "one", 3));
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_TEXT(self->fd, "one");
	usleep(3000);
	EXPECT_EQ(1, guest_in_flight(&self->g, GUEST_RX));
	show(used);
	tell(self, variant->news, GUEST_RX);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, errors());
	/* They are written only once. */
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "two", 3));
	EXPECT_TEXT(self->fd, "two");
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(2, guest_used_idx(&self->g, GUEST_RX));
}

/* Memory that stays inaccessible. */

FIXTURE(gone)
{
	struct guest g;
	int ept;
	int fd;
};

FIXTURE_SETUP(gone)
{
	self->fd =
		ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), &self->ept);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(gone)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/*
 * Let the worker finish its first look at both rings, tx first: it must not know
 * of a buffer before the test hides the avail ring. The ioctl waits for the mutex
 * of the ring.
 */
static int let_it_look(FIXTURE_DATA(gone) *self)
{
	struct vhost_vring_state state = { .index = GUEST_RX };
	char text[8];
	int err = guest_send(&self->g, REMOTE, 1024, "up", 2);

	if (err)
		return err;
	if (!poll_fd(self->fd, POLLIN, LONG_MS) ||
	    read(self->fd, text, sizeof(text)) != 2)
		return -ETIMEDOUT;
	return ioctl(self->g.fd, VHOST_GET_VRING_BASE, &state) ? -errno : 0;
}

/* Give the last added descriptor an address without memory. */
static void send_away(struct guest *g, int q, int head)
{
	g->ring[q].vring.desc[head].addr = guest_64(g, g->size + 4096);
}

/* Queue two messages, the first one with such an address. */
#define QUEUE_TWO()							\
	do {								\
		int __head = self->g.ring[GUEST_RX].free_head;		\
									\
		guest_hide(&self->g);					\
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "one", 3));	\
		send_away(&self->g, GUEST_RX, __head);			\
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "two", 3));	\
		guest_show(&self->g);					\
	} while (0)

/* The entry is returned, and the next one is processed. */
TEST_F(gone, a_message_is_given_up_and_counted)
{
	long long begun = now_ms();

	QUEUE_TWO();
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_TEXT(self->fd, "two");
	EXPECT_LE(PATIENCE_MS, now_ms() - begun);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(2, self->g.ring[GUEST_RX].last_used);
	EXPECT_EQ(1, errors());
}

TEST_F(gone, a_table_is_given_up_and_counted)
{
	long long begun = now_ms();
	void *table;

	table = queue_behind_table(&self->g);
	ASSERT_NE(NULL, table);
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_TEXT(self->fd, "two");
	EXPECT_LE(PATIENCE_MS, now_ms() - begun);
	show(table);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, errors());
}

/* It is counted like any other message, and once. */
TEST_F(gone, an_announcement_is_given_up_and_counted)
{
	uint8_t *page = guest_alloc_page(&self->g);

	guest_hide(&self->g);
	ASSERT_LE(0, queue_ns(&self->g, page));
	hide(page);
	guest_show(&self->g);
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_NS_INVALID));
	show(page);
}

/* The endpoint has not seen it. */
TEST_F(gone, a_message_that_cannot_be_read_counts_for_the_device)
{
	uint8_t *page = guest_alloc_page(&self->g);
	struct guest_hdr hdr = { .src = REMOTE, .dst = 1024, .len = 4 };
	struct vhost_rpmsg_ept_info info;
	struct guest_seg seg[2] = {
		{ guest_alloc(&self->g, sizeof(hdr)), sizeof(hdr) },
		{ page, 4 },
	};

	guest_put_hdr(&self->g, seg[0].p, hdr);
	guest_hide(&self->g);
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, seg, 2, false, false, 0));
	hide(page);
	guest_show(&self->g);
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
	ASSERT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_EQ(0, info.rx_dropped);
	show(page);
}

TEST_F(gone, a_buffer_is_given_up_and_counted)
{
	struct guest *g = &self->g;
	long long begun = now_ms();
	int head = g->ring[GUEST_TX].free_head;
	uint32_t used = 1;
	uint64_t tag;

	guest_hide(g);
	guest_post_one(g, g->tx_bufs);
	send_away(g, GUEST_TX, head);
	guest_post_one(g, g->tx_bufs + g->buf_size);
	guest_show(g);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
	EXPECT_LE(PATIENCE_MS, now_ms() - begun);
	ASSERT_TRUE(guest_used(g, GUEST_TX, &tag, &used));
	EXPECT_EQ((uintptr_t)g->tx_bufs, tag);
	EXPECT_EQ(0, used);
	ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(g, GUEST_TX, &tag, &used));
	EXPECT_EQ((uintptr_t)g->tx_bufs + g->buf_size, tag);
	EXPECT_EQ(GUEST_HDR + 3, used);
	EXPECT_EQ(1, errors());
}

/* It is returned without a message, which cannot be written, either. */
TEST_F(gone, a_buffer_that_is_too_small_is_not_returned_unwritten)
{
	struct guest *g = &self->g;
	struct guest_hdr old = { 1024, REMOTE, 0, 3, 0 };
	struct guest_seg seg = { guest_alloc_page(g), 64 };
	struct guest_msg msg;
	char text[100] = {};

	g->habit = GUEST_LINUX;
	guest_put_hdr(g, seg.p, old);
	guest_hide(g);
	ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, true, false,
			       (uintptr_t)seg.p));
	guest_post_one(g, g->tx_bufs);
	ASSERT_EQ(0, mprotect(seg.p, 4096, PROT_READ));
	guest_show(g);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(100, write(self->fd, text, sizeof(text)));
	usleep(3000);
	show(seg.p);
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(g->tx_bufs + GUEST_HDR, msg.data);
	EXPECT_EQ(1, g->nulls);
	EXPECT_EQ(0, errors());
}

/* The guest does not kick: the worker still polls. */
TEST_F(gone, a_list_that_is_back_and_empty_is_looked_at)
{
	struct guest *g = &self->g;
	void *avail = g->ring[GUEST_TX].vring.avail;
	struct guest_msg msg;

	hide(avail);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	usleep(3000);
	show(avail);
	/* Wait until all retries are over. */
	usleep(2 * SHORT_MS * 1000);
	guest_post_one(g, g->tx_bufs);
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "one", 3));
	EXPECT_EQ(0, errors());
}

/* write() has the worker retry at once. */
TEST_F(gone, a_list_that_was_given_up_is_tried_with_the_next_write)
{
	struct guest *g = &self->g;
	struct vring *vring = &g->ring[GUEST_TX].vring;
	struct guest_msg msg;

	ASSERT_EQ(0, let_it_look(self));
	guest_post_one(g, g->tx_bufs);
	guest_post_one(g, g->tx_bufs + g->buf_size);
	hide(vring->avail);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_TRUE(WAIT_FOR(errors() >= 1, LONG_MS));
	/* The worker counts before that. */
	ASSERT_TRUE(WAIT_FOR(!(__atomic_load_n(&vring->used->flags,
					       __ATOMIC_RELAXED) &
			       guest_16(g, VRING_USED_F_NO_NOTIFY)),
			     LONG_MS));
	show(vring->avail);
	ASSERT_EQ(3, write(self->fd, "two", 3));
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "one", 3));
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "two", 3));
}

/* An avail ring that was inaccessible for long is read when it is back. */
TEST_F(gone, a_list_that_comes_late_is_read)
{
	void *avail = self->g.ring[GUEST_RX].vring.avail;

	ASSERT_EQ(0, let_it_look(self));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "one", 3));
	hide(avail);
	guest_kick_always(&self->g, GUEST_RX);
	ASSERT_TRUE(WAIT_FOR(errors() >= 1, LONG_MS));
	show(avail);
	EXPECT_TEXT(self->fd, "one");
}

TEST_F(gone, a_list_of_buffers_that_comes_late_is_read)
{
	struct guest *g = &self->g;
	void *avail = g->ring[GUEST_TX].vring.avail;
	struct guest_msg msg;

	ASSERT_EQ(0, let_it_look(self));
	guest_post_one(g, g->tx_bufs);
	hide(avail);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_TRUE(WAIT_FOR(errors() >= 1, LONG_MS));
	show(avail);
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "one", 3));
}

/*
 * Without a retry, the device would wait for a kick that the guest does not send: it has
 * not been told to.
 */
TEST_F(gone, a_kick_that_could_not_be_requested_is_not_waited_for)
{
	const struct guest_opts large = {
		.name = DEV,
		.num = 512,
		.features = GUEST_FEATURES | GUEST_EVENT_IDX,
		.no_buffers = true,
	};
	struct vhost_vring_state state = { .index = GUEST_RX };
	uint8_t *page;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &large));
	ASSERT_EQ(0, let_it_look(self));
	/* In this page there is only the avail event, and the end of the last entry. */
	page = (uint8_t *)self->g.ring[GUEST_RX].vring.used + 4096;
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "one", 3));
	EXPECT_TEXT(self->fd, "one");
	/* Wait for the end of the burst. */
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_GET_VRING_BASE, &state));
	show(page);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "two", 3));
	EXPECT_TEXT(self->fd, "two");
	EXPECT_EQ(0, errors());
}

/* The next memory table may contain the address. */
TEST_F(gone, an_address_outside_of_memory_may_come_with_a_table)
{
	struct guest *g = &self->g;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[2];
	} table = { .head.nregions = 2 };
	int head = g->ring[GUEST_RX].free_head;
	struct vring_desc *desc = &g->ring[GUEST_RX].vring.desc[head];

	guest_hide(g);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "one", 3));
	table.region[0].memory_size = g->size;
	table.region[0].userspace_addr = (uintptr_t)g->mem;
	table.region[1].guest_phys_addr = 1ULL << 32;
	table.region[1].memory_size = 4096;
	table.region[1].userspace_addr =
		(uintptr_t)g->mem + guest_64(g, desc->addr);
	desc->addr = guest_64(g, 1ULL << 32);
	guest_show(g);
	guest_kick_always(g, GUEST_RX);
	usleep(3000);
	ASSERT_EQ(0, ioctl(g->fd, VHOST_SET_MEM_TABLE, &table));
	EXPECT_TEXT(self->fd, "one");
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	EXPECT_EQ(0, errors());
}

/* An entry that waits in one ring does not block the other ring. */
TEST_F(gone, the_other_direction_goes_on)
{
	struct guest *g = &self->g;
	long long begun = now_ms();

	guest_post(g);
	guest_kick_always(g, GUEST_TX);
	QUEUE_TWO();
	guest_kick_always(g, GUEST_RX);
	ASSERT_EQ(5, write(self->fd, "hello", 5));
	EXPECT_EQ(5, guest_recv_copy(g, NULL, NULL, 16, LONG_MS));
	if (now_ms() - begun < PATIENCE_MS)
		EXPECT_EQ(0, poll_fd(self->fd, POLLIN, 0));
	EXPECT_TEXT(self->fd, "two");
}

/* While used entries wait, no other buffers are used. */
TEST_F(gone, a_used_ring_that_stays_away_holds_the_ring_up)
{
	void *used = self->g.ring[GUEST_RX].vring.used;
	long long begun = now_ms();

	if (mprotect(used, 4096, PROT_READ))
		die("mprotect");
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "one", 3));
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_TEXT(self->fd, "one");
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "two", 3));
	guest_kick_always(&self->g, GUEST_RX);
	usleep(5000);
	if (now_ms() - begun < PATIENCE_MS)
		EXPECT_EQ(0, poll_fd(self->fd, POLLIN, 0));
	EXPECT_TEXT(self->fd, "two");
	EXPECT_LE(PATIENCE_MS, now_ms() - begun);
	show(used);
	EXPECT_TRUE(WAIT_FOR(errors(), LONG_MS));
}

/* Invalid entries. */

/* Expect that the entry is skipped and returned at once. */
#define EXPECT_BACK(q, head)							\
	do {									\
		struct vring_used *__used = self->g.ring[q].vring.used;		\
										\
		ASSERT_TRUE(guest_wait_used(&self->g, q, LONG_MS));		\
		EXPECT_EQ(head, (int)guest_32(&self->g, __used->ring[0].id));	\
		EXPECT_EQ(0, __used->ring[0].len);				\
		EXPECT_EQ(1, errors());						\
	} while (0)

static int add_loop(struct guest *g, int q)
{
	struct guest_seg seg[2] = {
		{ guest_alloc(g, 64), 64 },
		{ guest_alloc(g, 64), 64 },
	};
	struct vring_desc *desc = g->ring[q].vring.desc;
	uint16_t last;
	int head;

	guest_hide(g);
	head = guest_add(g, q, seg, 2, q == GUEST_TX, false, 0);
	last = guest_16(g, desc[head].next);
	desc[last].flags |= guest_16(g, VRING_DESC_F_NEXT);
	desc[last].next = guest_16(g, head);
	guest_show(g);
	return head;
}

TEST_F(gone, a_chain_with_a_loop_comes_back)
{
	struct guest *g = &self->g;
	int head = add_loop(g, GUEST_RX);

	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "good", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "good");
	EXPECT_BACK(GUEST_RX, head);
	EXPECT_EQ(2, guest_used_idx(g, GUEST_RX));
}

TEST_F(gone, a_buffer_with_a_loop_comes_back)
{
	struct guest *g = &self->g;
	int head = add_loop(g, GUEST_TX);

	guest_post_one(g, g->tx_bufs);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "good", 4));
	EXPECT_BACK(GUEST_TX, head);
	EXPECT_TRUE(WAIT_FOR(!guest_in_flight(g, GUEST_TX), LONG_MS));
	EXPECT_EQ(0, memcmp(g->tx_bufs + GUEST_HDR, "good", 4));
}

/* The chain has more pieces than the maximum. */
TEST_F(gone, a_chain_that_is_too_long_comes_back)
{
	struct guest *g = &self->g;
	struct vring_desc *table = guest_alloc(g, 1100 * sizeof(*table));
	struct guest_seg seg = { guest_alloc(g, 2048), 2048 };
	struct vring_desc *desc;
	int head, i;

	guest_hide(g);
	head = guest_add(g, GUEST_RX, &seg, 1, false, false, 0);
	desc = &g->ring[GUEST_RX].vring.desc[head];
	for (i = 0; i < 1100; i++) {
		guest_set_desc(g, &table[i], (uint8_t *)seg.p + i, 1,
			       i + 1 < 1100 ? VRING_DESC_F_NEXT : 0);
		table[i].next = guest_16(g, i + 1);
	}
	guest_set_desc(g, desc, table, 1100 * sizeof(*table),
		       VRING_DESC_F_INDIRECT);
	guest_show(g);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "good", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "good");
	EXPECT_BACK(GUEST_RX, head);
}

/* An invalid head cannot be returned. */
TEST_F(gone, a_head_that_is_none_is_skipped)
{
	struct guest *g = &self->g;

	guest_add_raw(g, GUEST_RX, 256);
	guest_add_raw(g, GUEST_RX, 65535);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "good", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "good");
	EXPECT_TRUE(WAIT_FOR(guest_used_idx(g, GUEST_RX) == 1, LONG_MS));
	EXPECT_EQ(2, errors());
}

TEST_HARNESS_MAIN
