// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests other than Linux: habits of their drivers that Linux does not have, and their
 * effect. The other tests of the rings run with each habit as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"habits"
#define REMOTE	0x400

#define S(name)	VHOST_RPMSG_A_STATS_##name

FIXTURE(habits)
{
	struct guest g;
	int ept;		/* at 1024 */
	int fd;
};

FIXTURE_SETUP(habits)
{
	self->fd =
		ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), &self->ept);
	ASSERT_GE(self->fd, 0);
	self->g.fd = -1;
}

FIXTURE_TEARDOWN(habits)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define OPEN(...)							\
	ASSERT_EQ(0, guest_open(&self->g, &(struct guest_opts){		\
						  .name = DEV, __VA_ARGS__ }))

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* Used lengths. */

/* Each buffer of the guest, valid or invalid, is returned with this used length. */
static void used_lengths(struct __test_metadata *_metadata,
			 FIXTURE_DATA(habits) *self, bool legacy)
{
	struct guest *g = &self->g;
	struct guest_seg seg[2];
	uint32_t len, want;
	int i;

	OPEN(.features = legacy ? 1ULL << VIRTIO_RPMSG_F_NS : GUEST_FEATURES);
	/* For a reader, for no endpoint, an announcement, too short, of a wrong length. */
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "a", 1));
	ASSERT_EQ(0, guest_queue(g, REMOTE, 99, "b", 1));
	ASSERT_EQ(0, guest_ns_send(g, "", 7, 5));
	seg[0] = (struct guest_seg){ guest_alloc(g, 64), 8 };
	ASSERT_LE(0, guest_add(g, GUEST_RX, seg, 1, false, false, 0));
	seg[0] = (struct guest_seg){ guest_alloc(g, 64), 64 };
	guest_put_hdr(g, seg[0].p,
		      (struct guest_hdr){ REMOTE, 1024, 0, 1000, 0 });
	ASSERT_LE(0, guest_add(g, GUEST_RX, seg, 1, false, false, 0));
	/* A whole buffer with a short message, and a buffer in two pieces. */
	seg[0] = (struct guest_seg){ guest_alloc(g, 512), 512 };
	guest_put_hdr(g, seg[0].p, (struct guest_hdr){ REMOTE, 1024, 0, 4, 0 });
	ASSERT_LE(0, guest_add(g, GUEST_RX, seg, 1, false, false, 0));
	seg[0].len = 100;
	seg[1] = (struct guest_seg){ (uint8_t *)seg[0].p + 100, 300 };
	ASSERT_LE(0, guest_add(g, GUEST_RX, seg, 2, false, false, 0));
	guest_kick_always(g, GUEST_RX);

	static const uint32_t sizes[] = { 17, 17, 56, 8, 64, 512, 400 };

	for (i = 0; i < 7; i++) {
		ASSERT_TRUE(guest_wait_used(g, GUEST_RX, LONG_MS));
		len = ~0U;
		ASSERT_TRUE(guest_used(g, GUEST_RX, NULL, &len));
		want = legacy ? sizes[i] : 0;
		EXPECT_EQ(want, len);
	}
}

TEST_F(habits, what_was_sent_comes_back_with_length_0)
{
	used_lengths(_metadata, self, false);
}

TEST_F(habits, what_a_legacy_guest_has_sent_comes_back_with_its_length)
{
	used_lengths(_metadata, self, true);
}

/* Even if the device could not read it: the driver uses the buffer again. */
TEST_F(habits, what_could_not_be_read_comes_back_with_its_length)
{
	struct guest *g = &self->g;
	uint32_t len = 0;
	int head;

	OPEN(.habit = GUEST_OPENAMP);
	head = g->ring[GUEST_RX].free_head;
	guest_hide(g);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "a", 1));
	g->ring[GUEST_RX].vring.desc[head].addr = guest_64(g, g->size + 4096);
	guest_show(g);
	guest_kick_always(g, GUEST_RX);
	ASSERT_TRUE(guest_wait_used(g, GUEST_RX, LONG_MS));
	ASSERT_TRUE(guest_used(g, GUEST_RX, NULL, &len));
	EXPECT_EQ(512, len);
	EXPECT_EQ(1, dev_stat(DEV, S(RING_ERRORS)));
}

/* With used length 0 this driver would find no room for its second message. */
TEST_F(habits, an_openamp_guest_sends_more_than_its_ring_holds)
{
	char data[64], buf[64];
	int i, err;

	OPEN(.habit = GUEST_OPENAMP, .num = 16);
	for (i = 0; i < 200; i++) {
		fill(data, sizeof(data), i);
		while ((err = guest_send(&self->g, REMOTE, 1024, data,
					 sizeof(data))) == -EAGAIN)
			ASSERT_TRUE(guest_wait_used(&self->g, GUEST_RX,
						    LONG_MS));
		ASSERT_EQ(0, err);
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
		ASSERT_EQ(64, read(self->fd, buf, sizeof(buf)));
		ASSERT_EQ(0, check_fill(buf, sizeof(buf), i));
	}
}

/* Without interrupts after the first one, the driver must poll. */
TEST_F(habits, a_guest_that_asks_for_one_interrupt_misses_nothing)
{
	uint32_t i, got;

	OPEN(.habit = GUEST_OPENAMP,
	     .features = GUEST_FEATURES | GUEST_EVENT_IDX);
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(4, write(self->fd, &i, 4));
		if (i % 7)
			continue;
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &got, 4, LONG_MS));
	}
	for (i = 143; i < 1000; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &got, 4, LONG_MS));
		ASSERT_EQ(i, got);
	}
}

/*
 * rpmsg-lite's driver puts all of its buffers for sending into the used ring itself before
 * the start, marked as writable by the device. It takes each buffer from there, and makes
 * all of the buffer available.
 */
TEST_F(habits, a_used_ring_that_is_full_at_the_start)
{
	struct guest *g = &self->g;
	struct vring *vring = &g->ring[GUEST_RX].vring;
	struct guest_hdr hdr = { REMOTE, 1024, 0, 4, 0 };
	uint32_t i, id, got;
	uint8_t *buf;

	OPEN(.habit = GUEST_RPMSG_LITE, .num = 16, .stopped = true);
	for (i = 0; i < 16; i++) {
		guest_set_desc(g, &vring->desc[i], g->rx_bufs + i * 512, 512,
			       VRING_DESC_F_WRITE);
		vring->used->ring[i].id = guest_32(g, i);
		vring->used->ring[i].len = guest_32(g, 512);
	}
	vring->used->idx = guest_16(g, 16);
	ASSERT_EQ(0, guest_start(g));
	for (i = 0; i < 100; i++) {
		ASSERT_TRUE(WAIT_FOR(guest_used_idx(g, GUEST_RX) == 16 + i,
				     LONG_MS));
		id = guest_32(g, vring->used->ring[i % 16].id);
		ASSERT_EQ(i % 16, id);
		ASSERT_EQ(512, guest_32(g, vring->used->ring[i % 16].len));
		buf = g->rx_bufs + id * 512;
		guest_put_hdr(g, buf, hdr);
		memcpy(buf + sizeof(hdr), &i, sizeof(i));
		guest_add_raw(g, GUEST_RX, id);
		guest_kick_always(g, GUEST_RX);
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
		ASSERT_EQ(4, read(self->fd, &got, sizeof(got)));
		ASSERT_EQ(i, got);
	}
	EXPECT_EQ(0, dev_stat(DEV, S(RING_ERRORS)));
}

/* Services. */

/* The driver sends a destroy for a service of the host, and starts again at another address. */
TEST_F(habits, a_service_that_ends_and_begins_again)
{
	static const enum guest_habit habits[] = { GUEST_LINUX, GUEST_OPENAMP,
						   GUEST_RPMSG_LITE };
	struct guest_hdr hdr;
	struct guest_ns ns;
	uint32_t addr;
	int i, k, id, fd;
	char buf[8];

	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "service", .addr = 2000));
	fd = ept_open(id, O_NONBLOCK);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, nl_announce(id));
	for (i = 0; i < 3; i++) {
		OPEN(.habit = habits[i]);
		ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
		for (k = 0; k < 5; k++) {
			addr = guest_begin_service(&self->g);
			ASSERT_EQ(0,
				  guest_send(&self->g, addr, ns.addr, "hi", 2));
			ASSERT_NE(0, poll_fd(fd, POLLIN, LONG_MS));
			ASSERT_EQ(2, read(fd, buf, sizeof(buf)));
			/* The answer goes to the sender. */
			ASSERT_EQ(3, write(fd, "you", 3));
			ASSERT_EQ(3, guest_recv_copy(&self->g, &hdr, NULL, 8,
						     LONG_MS));
			ASSERT_EQ(addr, hdr.dst);
			ASSERT_EQ(0,
				  guest_end_service(&self->g, "service", addr));
			ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		}
		EXPECT_EQ(0, dev_stat(DEV, S(NS_INVALID)));
		guest_close(&self->g);
	}
	close(fd);
}

/* Guests that do not kick for empty buffers. */

/* All messages arrive, although there are more messages than buffers. */
TEST_F(habits, a_guest_that_does_not_kick_gets_all)
{
	uint32_t i, got;

	OPEN(.habit = GUEST_RPMSG_LITE, .buffers = 4);
	for (i = 0; i < 20; i++)
		ASSERT_EQ(4, write(self->fd, &i, 4));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &got, 4, LONG_MS));
		ASSERT_EQ(i, got);
	}
	EXPECT_EQ(0, ept_stat(self->ept, S(TX_DROP_SIZE)));
}

/* Announcements arrive, too. */
TEST_F(habits, a_guest_that_does_not_kick_hears_of_services)
{
	struct guest_ns ns;
	char name[8];
	int i, id;

	OPEN(.habit = GUEST_RPMSG_LITE, .no_buffers = true);
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "svc%d", i);
		id = nl_ept_new(EPT_REQ(.dev = DEV, .name = name));
		ASSERT_EQ(0, nl_announce(id));
	}
	usleep(SHORT_MS * 1000);
	guest_post_one(&self->g, self->g.tx_bufs);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
		snprintf(name, sizeof(name), "svc%d", i);
		EXPECT_STREQ(name, ns.name);
	}
}

static int compare_us(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

/*
 * A write() makes the worker look at the ring, so that it does not wait for the timer.
 */
TEST_F(habits, a_write_has_the_worker_look)
{
	struct guest *g = &self->g;
	long long begun, us[30];
	int i, id, fd;

	/* Another endpoint already waits for a buffer. */
	id = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	fd = ept_open(id, O_NONBLOCK);
	ASSERT_GE(fd, 0);
	OPEN(.habit = GUEST_RPMSG_LITE, .no_buffers = true);
	for (i = 0; i < 30; i++) {
		ASSERT_EQ(4, write(self->fd, "wait", 4));
		/* Wait until the worker sleeps, for different times relative to the timer. */
		usleep(5000 + i % 10 * 2000);
		guest_post_one(g, g->tx_bufs);
		begun = now_us();
		ASSERT_EQ(4, write(fd, "look", 4));
		ASSERT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
		us[i] = now_us() - begun;
		/* Receive the other message. */
		ASSERT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
		ASSERT_TRUE(guest_in_flight(g, GUEST_TX));
		/* Use the buffer. */
		ASSERT_EQ(4, write(fd, "take", 4));
		ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, NULL));
	}
	/* A busy machine delays some of them. The timer would delay half of them by 10 ms. */
	qsort(us, 30, sizeof(*us), compare_us);
	printf("# %lld us after a write, %lld in the median\n", us[0], us[15]);
	EXPECT_GT(us[0] + 5000, us[15]);
	close(fd);
}

/* Kicks. */

/*
 * A guest without EVENT_IDX posts its first buffer just when the worker looks for one:
 * either the worker finds it, or the guest is asked to kick.
 */
TEST_F(habits, the_first_buffer_is_not_missed)
{
	struct guest *g = &self->g;
	volatile unsigned int spin;
	unsigned int i, busy = 0;
	unsigned long kicks;

	OPEN(.no_buffers = true, .num = 16);
	/* A stop waits for a grace period. */
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, guest_stop(g));
		guest_reset_rings(g);
		ASSERT_EQ(0, guest_start(g));
		/* Wait until the worker sleeps. */
		for (spin = 20000; spin; spin--)
			;
		ASSERT_EQ(4, write(self->fd, "test", 4));
		for (spin = i * 7919 % 12000; spin; spin--)
			;
		kicks = g->kicks;
		guest_post_one(g, g->tx_bufs);
		guest_kick(g, GUEST_TX);
		busy += kicks == g->kicks;
		if (!guest_wait_used(g, GUEST_TX, LONG_MS / 4)) {
			TH_LOG("missed in round %u", i);
			ASSERT_TRUE(false);
		}
	}
	printf("# the worker was at it in %u of %u rounds\n", busy, i);
}

TEST_HARNESS_MAIN
