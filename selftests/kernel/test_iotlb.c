// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOTLB: this process acts as the VMM and translates the addresses of the guest.
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
#include "iotlb.h"
#include "util.h"

#define DEV	"iotlb"

FIXTURE(iotlb)
{
	struct guest g;
	int fd;
};

FIXTURE_VARIANT(iotlb)
{
	bool v2;		/* version of the IOTLB messages */
};

FIXTURE_VARIANT_ADD(iotlb, v1) { .v2 = false };
FIXTURE_VARIANT_ADD(iotlb, v2) { .v2 = true };

FIXTURE_SETUP(iotlb)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | GUEST_INDIRECT | ACCESS_PLATFORM,
		.stopped = true,
	};
	uint64_t v2 = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;

	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), NULL);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	fcntl(self->g.fd, F_SETFL, O_NONBLOCK);
	if (variant->v2)
		ASSERT_EQ(0,
			  xioctl(self->g.fd, VHOST_SET_BACKEND_FEATURES, &v2));
}

FIXTURE_TEARDOWN(iotlb)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_F(iotlb, messages_flow)
{
	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASKS_FOR_NOTHING();
}

TEST_F(iotlb, small_pieces)
{
	uint8_t *from = BUFFERS(&self->g);

	MAP_RINGS();
	/* The mappings end at all possible places in the messages. */
	for (size_t at = 0; at < 0x48000; at += 520)
		MAP(BUFFERS_GPA + at, from + at, 520);
	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 300; i++)
		ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASKS_FOR_NOTHING();
}

/*
 * The used indices are 0, so the device looks at the used rings. They are mapped in several
 * pieces, and the first one has only zeroes.
 */
TEST_F(iotlb, the_same_guest_goes_on_after_65536_messages)
{
	struct guest *g = &self->g;
	struct guest_ring *r = &g->ring[GUEST_RX];
	const size_t piece = 1040;

	/* Begin ten messages before the end. */
	r->avail = -10;
	r->kicked = r->avail;
	r->last_used = r->avail;
	r->vring.avail->idx = guest_16(g, r->avail);
	r->vring.used->idx = guest_16(g, r->avail);
	for (size_t at = 0; at < 0x20000; at += piece)
		MAP((uintptr_t)RINGS(g) + at, RINGS(g) + at, piece);
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(g));
	/* There is no endpoint at this address. */
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(0, guest_send(g, REMOTE, 99, "x", 1));
	ASSERT_EQ(0, guest_drain(g, LONG_MS));
	ASSERT_EQ(0, guest_used_idx(g, GUEST_RX));
	ASSERT_EQ(0, guest_stop(g));
	ASSERT_EQ(0, guest_set_running(g, VHOST_RPMSG_CONTINUE));
	EXPECT_EQ(0, exchange(g, self->fd));
}

TEST_F(iotlb, a_ring_that_is_not_mapped_is_asked_for)
{
	EXPECT_EQ(-EFAULT, guest_start(&self->g));
	ASKS_FOR(RINGS(&self->g), RINGS(&self->g) + RINGS_SIZE,
		 VHOST_ACCESS_RO);
	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
}

TEST_F(iotlb, a_message_that_is_not_mapped_is_asked_for)
{
	struct guest_ring *r = &self->g.ring[GUEST_RX];
	uint64_t rx = guest_gpa(&self->g, self->g.rx_bufs);
	uint64_t end = rx + r->num * self->g.buf_size;

	MAP_RINGS();
	/* Map everything but the buffers for messages of the guest. */
	MAP(BUFFERS_GPA, BUFFERS(&self->g), rx - BUFFERS_GPA);
	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "late", 4));
	ASKS_FOR(rx, rx + 1, VHOST_ACCESS_RO);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	/* The other direction does not wait. */
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 4, LONG_MS));

	MAP(rx, self->g.rx_bufs, end - rx);
	for (int i = 0; i < 3; i++) {
		char buf[8];

		ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
		EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	}
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
}

TEST_F(iotlb, a_buffer_that_is_not_mapped_is_asked_for)
{
	uint64_t tx = guest_gpa(&self->g, self->g.tx_bufs);
	uint64_t rx = guest_gpa(&self->g, self->g.rx_bufs);

	MAP_RINGS();
	MAP(rx, self->g.rx_bufs, self->g.size - rx);
	ASSERT_EQ(0, guest_start(&self->g));
	guest_kick_always(&self->g, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	ASKS_FOR(tx, tx + 1, VHOST_ACCESS_WO);
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	MAP(tx, self->g.tx_bufs, rx - tx);
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 4, LONG_MS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(iotlb, an_indirect_table_that_is_not_mapped_is_asked_for)
{
	struct guest_seg seg = { guest_alloc(&self->g, 64), 20 };
	char buf[8];

	guest_put_hdr(&self->g, seg.p,
		      (struct guest_hdr){ REMOTE, 1024, 0, 4, 0 });
	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, true, 0));
	guest_kick(&self->g, GUEST_RX);
	ASKS_FOR(0x1000, BUFFERS_GPA, VHOST_ACCESS_RO);
	MAP_TABLES();
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(iotlb, what_is_invalidated_is_asked_for_again)
{
	uint8_t *other;
	char buf[8];

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "here", 4));
	ASKS_FOR(BUFFERS_GPA, self->g.size, VHOST_ACCESS_RO);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));

	/* Map it to other memory. */
	other = mmap(NULL, self->g.size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, other);
	memcpy(other, self->g.mem, self->g.size);
	memcpy(memmem(other, self->g.size, "here", 4), "else", 4);
	MAP(BUFFERS_GPA, other + BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "else", 4));
}

TEST_F(iotlb, rings_that_are_invalidated_are_asked_for)
{
	uintptr_t rings = (uintptr_t)RINGS(&self->g);
	char buf[8];

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	UNMAP(rings, RINGS_SIZE);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "ping", 4));
	guest_kick_always(&self->g, GUEST_RX);
	ASKS_FOR(rings, rings + RINGS_SIZE, VHOST_ACCESS_RO);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	FORGET_MISSES();
	MAP_RINGS();
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	ASSERT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(iotlb, a_page_with_the_wrong_access_is_an_error)
{
	uint64_t rx = guest_gpa(&self->g, self->g.rx_bufs);
	struct nl_dev dev;

	MAP_RINGS();
	MAP(BUFFERS_GPA, BUFFERS(&self->g), rx - BUFFERS_GPA);
	ASSERT_EQ(0, tell(&self->g, variant->v2, VHOST_IOTLB_UPDATE, rx,
			  self->g.rx_bufs, self->g.size - rx, VHOST_ACCESS_WO));
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "ping", 4));
	EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) &&
			     dev.stats[VHOST_RPMSG_A_STATS_RING_ERRORS] == 1,
			     LONG_MS));
	/* The next valid message is accepted. */
	UNMAP(rx, self->g.size - rx);
	MAP(rx, self->g.rx_bufs, self->g.size - rx);
	EXPECT_EQ(0, exchange(&self->g, self->fd));
}

TEST_F(iotlb, a_guest_without_one_may_follow)
{
	uint64_t features = GUEST_FEATURES;
	struct vhost_msg msg;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASSERT_EQ(0, guest_stop(&self->g));
	UNMAP((uintptr_t)RINGS(&self->g), RINGS_SIZE);
	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(-1, read(self->g.fd, &msg, sizeof(msg)));
}

TEST_F(iotlb, rings_go_with_it)
{
	uint64_t features = GUEST_FEATURES;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	/* The addresses are valid, but they were not checked. */
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	ASSERT_EQ(4, write(self->fd, "ping", 4));
	guest_kick_always(&self->g, GUEST_TX);
	EXPECT_EQ(-ETIMEDOUT,
		  guest_recv_copy(&self->g, NULL, NULL, 10, SHORT_MS));
	ASSERT_EQ(0, guest_stop(&self->g));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	/* Setting the addresses again makes it a new guest. */
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
}

TEST_F(iotlb, bad_messages)
{
	struct vhost_msg msg = { .type = 77 };
	struct guest *g = &self->g;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(g));
	EXPECT_EQ(-1, write(g->fd, &msg, sizeof(msg)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(g->fd, &msg, 3));
	EXPECT_EQ(EINVAL, errno);
	msg.type = VHOST_IOTLB_MSG;
	EXPECT_EQ(-1, write(g->fd, &msg, sizeof(msg) / 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(g->fd, bad_ptr, sizeof(msg)));
	EXPECT_EQ(EINVAL, errno);
	/* Size 0; an unknown type; an address of the kernel. */
	EXPECT_GT(0, tell(g, variant->v2, VHOST_IOTLB_UPDATE, 0, g->mem, 0,
			  VHOST_ACCESS_RW));
	EXPECT_GT(0, tell(g, variant->v2, VHOST_IOTLB_MISS, 0, g->mem, PAGE,
			  VHOST_ACCESS_RW));
	EXPECT_GT(0,
		  tell(g, variant->v2, 99, 0, g->mem, PAGE, VHOST_ACCESS_RW));
	EXPECT_GT(0, tell(g, variant->v2, VHOST_IOTLB_UPDATE, 0,
			  (void *)0xffff800000000000, PAGE, VHOST_ACCESS_RW));
	EXPECT_EQ(0, exchange(g, self->fd));
}

TEST_F(iotlb, a_reader_sleeps_until_something_is_missed)
{
	struct vhost_msg msg;
	int status;
	pid_t pid;

	MAP_RINGS();
	ASSERT_EQ(0, guest_start(&self->g));
	/* The device first looks at the empty buffers. */
	ASKS_FOR(BUFFERS_GPA, self->g.size, VHOST_ACCESS_WO);
	MAP_BUFFERS();
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	FORGET_MISSES();
	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	fcntl(self->g.fd, F_SETFL, 0);
	pid = fork();
	if (!pid)
		_exit(read(self->g.fd, &msg, sizeof(msg)) <= 0);
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "ping", 4));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(iotlb, dirty_pages_are_found_behind_it)
{
	uint64_t features = self->g.features | LOG_ALL;
	uint64_t page = guest_gpa(&self->g, self->g.tx_bufs) / PAGE;
	uint8_t *log = calloc(1, self->g.size / PAGE / 8 + 1);
	uint64_t base = (uintptr_t)log;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	ASSERT_EQ(0, guest_pause(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	/* The IOTLB is empty again. */
	MAP_RINGS();
	MAP_BUFFERS();
	/* The first buffer extends into the next pages, the message does not. */
	self->g.ring[GUEST_TX].vring.desc[0].len = guest_32(&self->g, 3 * PAGE);
	ASSERT_EQ(0, guest_resume(&self->g));
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 4, LONG_MS));
	EXPECT_TRUE(log[page / 8] & 1 << page % 8);
	page++;
	EXPECT_FALSE(log[page / 8] & 1 << page % 8);
	free(log);
}

TEST_HARNESS_MAIN
