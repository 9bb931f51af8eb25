// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log: a bit for each page that the device has written to.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"
#include "vmm.h"

#define DEV	"dirty"

FIXTURE(dirty)
{
	struct guest g;
	int fd;
	int event;		/* VHOST_SET_LOG_FD */
	uint8_t *log;
	size_t log_size;
};

static int log_ring(struct guest *g, int q)
{
	struct guest_ring *r = &g->ring[q];
	struct vhost_vring_addr addr = {
		.index = q,
		.flags = 1 << VHOST_VRING_F_LOG,
		.desc_user_addr = (uintptr_t)r->vring.desc,
		.avail_user_addr = (uintptr_t)r->vring.avail,
		.used_user_addr = (uintptr_t)r->vring.used,
		.log_guest_addr = guest_gpa(g, r->vring.used),
	};

	return xioctl(g->fd, VHOST_SET_VRING_ADDR, &addr);
}

FIXTURE_SETUP(dirty)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | GUEST_INDIRECT | LOG_ALL,
		.no_buffers = true,
		.stopped = true,
	};
	uint64_t base;

	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), NULL);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	self->log_size = self->g.size / PAGE / 8 + 1;
	self->log = calloc(1, self->log_size);
	base = (uintptr_t)self->log;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	self->event = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_FD, &self->event));
	for (int q = 0; q < 2; q++) {
		ASSERT_EQ(0, guest_setup_ring(&self->g, q));
		ASSERT_EQ(0, log_ring(&self->g, q));
	}
	ASSERT_EQ(0, guest_set_running(&self->g, 1));
}

FIXTURE_TEARDOWN(dirty)
{
	guest_close(&self->g);
	close(self->fd);
	close(self->event);
	free(self->log);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

static bool dirty(FIXTURE_DATA(dirty) *self, const void *p)
{
	uint64_t page = guest_gpa(&self->g, p) / PAGE;

	return self->log[page / 8] & 1 << page % 8;
}

static int num_dirty(FIXTURE_DATA(dirty) *self)
{
	int n = 0;

	for (size_t i = 0; i < self->log_size; i++)
		n += __builtin_popcount(self->log[i]);
	return n;
}

/* Allocate pages with unused neighbours. */
static uint8_t *alone(FIXTURE_DATA(dirty) *self, size_t pages)
{
	uint8_t *p = guest_alloc(&self->g, (pages + 2) * PAGE);

	p += -guest_gpa(&self->g, p) & (PAGE - 1);
	return p;
}

static void *used_ring(FIXTURE_DATA(dirty) *self, int q)
{
	return self->g.ring[q].vring.used;
}

/* Send a message into a buffer. After that the log only contains this write. */
#define WRITE_INTO(len, seg, n, indirect)					\
	do {									\
		static char __data[65536];					\
									\
		ASSERT_LE(0, guest_add(&self->g, GUEST_TX, seg, n, true,	\
				       indirect, 0));				\
		guest_kick_always(&self->g, GUEST_TX);				\
		/* The MTU depends on the largest buffer. */			\
		usleep(SHORT_MS * 500);						\
		memset(self->log, 0, self->log_size);				\
		ASSERT_EQ(len, write(self->fd, __data, len));			\
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));	\
		ASSERT_TRUE(guest_used(&self->g, GUEST_TX, NULL, NULL));	\
	} while (0)

TEST_F(dirty, a_message_marks_its_page_and_the_ring)
{
	struct guest_seg seg = { alone(self, 1), 512 };
	uint64_t count;

	ASSERT_LT(-2, read(self->event, &count, sizeof(count)));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_TRUE(dirty(self, seg.p));
	EXPECT_TRUE(dirty(self, used_ring(self, GUEST_TX)));
	/* The device may have written flags to the ring of the other direction. */
	EXPECT_GE(2 + dirty(self, used_ring(self, GUEST_RX)), num_dirty(self));
	EXPECT_EQ(8, read(self->event, &count, sizeof(count)));
}

TEST_F(dirty, a_long_message_marks_all_of_its_pages)
{
	uint8_t *p = alone(self, 4);
	struct guest_seg seg = { p + PAGE - 100, 100 + 2 * PAGE + 1 };

	WRITE_INTO(100 + 2 * (int)PAGE + 1 - 16, &seg, 1, false);
	for (int i = 0; i < 4; i++)
		EXPECT_TRUE(dirty(self, p + i * PAGE));
}

TEST_F(dirty, a_short_message_marks_no_more_than_it_writes)
{
	uint8_t *p = alone(self, 4);
	struct guest_seg seg = { p + PAGE - 116, 2 * PAGE };

	WRITE_INTO(100, &seg, 1, false);
	EXPECT_TRUE(dirty(self, p));
	EXPECT_FALSE(dirty(self, p + PAGE));
	EXPECT_FALSE(dirty(self, p + 2 * PAGE));

	/* One more byte is on the next page. */
	WRITE_INTO(101, &seg, 1, false);
	EXPECT_TRUE(dirty(self, p));
	EXPECT_TRUE(dirty(self, p + PAGE));
	EXPECT_FALSE(dirty(self, p + 2 * PAGE));
}

static void chained(struct __test_metadata *_metadata,
		    FIXTURE_DATA(dirty) *self, bool indirect)
{
	uint8_t *p = alone(self, 8);
	struct guest_seg seg[4];

	/* The header is in two pieces, the payload in the last three. */
	for (int i = 0; i < 4; i++)
		seg[i] = (struct guest_seg){ p + (6 - 2 * i) * PAGE, 10 };
	WRITE_INTO(14, seg, 4, indirect);
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(dirty(self, seg[i].p));
	EXPECT_FALSE(dirty(self, seg[3].p));
	for (int i = 1; i < 8; i += 2)
		EXPECT_FALSE(dirty(self, p + i * PAGE));
	WRITE_INTO(15, seg, 4, indirect);
	EXPECT_TRUE(dirty(self, seg[3].p));
}

TEST_F(dirty, a_chain_marks_the_pieces_that_are_written)
{
	chained(_metadata, self, false);
}

TEST_F(dirty, so_does_an_indirect_one)
{
	chained(_metadata, self, true);
}

TEST_F(dirty, what_the_guest_sends_marks_the_ring_only)
{
	struct guest_seg seg = { alone(self, 1), 20 };
	char buf[8];

	guest_put_hdr(&self->g, seg.p,
		      (struct guest_hdr){ REMOTE, 1024, 0, 4, 0 });
	usleep(SHORT_MS * 500);
	memset(self->log, 0, self->log_size);
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	guest_kick_always(&self->g, GUEST_RX);
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	ASSERT_EQ(4, read(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_TRUE(dirty(self, used_ring(self, GUEST_RX)));
	EXPECT_FALSE(dirty(self, seg.p));
}

TEST_F(dirty, nothing_is_marked_when_it_ends)
{
	uint64_t features = GUEST_FEATURES;
	struct guest_seg seg = { alone(self, 1), 512 };

	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_FALSE(dirty(self, seg.p));
}

TEST_F(dirty, a_log_where_nothing_is_loses_no_message)
{
	uint64_t base = 64;
	struct guest_seg seg = { alone(self, 1), 512 };

	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_EQ(0, num_dirty(self));
}

TEST_F(dirty, a_log_in_memory_of_the_kernel_is_refused)
{
	uint64_t base = 0xffff800000000000;
	struct guest_seg seg = { alone(self, 1), 512 };

	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_LOG_BASE, bad_ptr));
	EXPECT_EQ(-EBADF, xioctl(self->g.fd, VHOST_SET_LOG_FD, &(int){ 999 }));
	EXPECT_EQ(-EINVAL, xioctl(self->g.fd, VHOST_SET_LOG_FD, &self->g.fd));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_TRUE(dirty(self, seg.p));
}

TEST_HARNESS_MAIN
