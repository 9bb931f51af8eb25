// SPDX-License-Identifier: GPL-2.0-only
/*
 * The faults of the patch series of 2020, "vhost: add an RPMsg API", each with a test
 * that would have found it. docs/testing.md lists them. Number 5, a missing byte order
 * conversion, has no effect on a little-endian machine; host_endian.sh tests it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"faults"
#define REMOTE	0x400

FIXTURE(faults)
{
	struct guest g;
	int ept;
	int fd;
};

FIXTURE_SETUP(faults)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | GUEST_EVENT_IDX,
	};

	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .name = "ept",
					.remote = REMOTE),
				&self->ept);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(faults)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/*
 * 1: a kick between the last check of the ring and enabling notifications was lost.
 * Send messages just when the worker is about to sleep, with a kick only if the host
 * requests it.
 */
TEST_F(faults, f01_no_kick_is_lost)
{
	volatile unsigned int spin;
	unsigned int i, got = 0;
	char buf[8];

	for (i = 0; i < 20000; i++) {
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, &i, 4));
		guest_kick(&self->g, GUEST_RX);
		/* The messages are up to some microseconds apart. */
		for (spin = (i * 37) % 3000; spin; spin--)
			;
		while (read(self->fd, buf, sizeof(buf)) > 0)
			got++;
		/* Let the worker sleep sometimes, or it never enables notifications. */
		while (i + 1 - got > 3) {
			bool more = poll_fd(self->fd, POLLIN, LONG_MS);

			if (!more)
				TH_LOG("stuck after %u messages", i);
			ASSERT_TRUE(more);
			while (read(self->fd, buf, sizeof(buf)) > 0)
				got++;
		}
	}
	while (got < i) {
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
		while (read(self->fd, buf, sizeof(buf)) > 0)
			got++;
	}
}

/*
 * The same, deterministically: the worker has found the ring empty and is blocked where it
 * enables kicks. Until then, the guest does not kick.
 */
TEST_F(faults, f01_no_kick_is_lost_when_the_worker_rests)
{
	unsigned long kicks;
	int uffd;

	uffd = guest_hold_used(&self->g, GUEST_RX);
	if (uffd < 0)
		SKIP(return, "no write protection with userfaultfd");
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "one", 3));
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	kicks = self->g.kicks;
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "two", 3));
	EXPECT_EQ(kicks, self->g.kicks);
	close(uffd);
	EXPECT_TEXT(self->fd, "one");
	EXPECT_TEXT(self->fd, "two");
}

/* The same when the worker requests a kick for a buffer. */
TEST_F(faults, f01_no_kick_is_lost_when_the_worker_wants_a_buffer)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | GUEST_EVENT_IDX,
		.no_buffers = true,
	};
	struct guest *g = &self->g;
	unsigned long kicks;
	int uffd;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	guest_post_one(g, g->tx_bufs);
	guest_kick(g, GUEST_TX);
	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, NULL));

	uffd = guest_hold_used(g, GUEST_TX);
	if (uffd < 0)
		SKIP(return, "no write protection with userfaultfd");
	ASSERT_EQ(3, write(self->fd, "two", 3));
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	kicks = g->kicks;
	guest_post_one(g, g->tx_bufs + g->buf_size);
	guest_kick(g, GUEST_TX);
	EXPECT_EQ(kicks, g->kicks);
	close(uffd);
	EXPECT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
}

/* The same when the memory of the ring was inaccessible for a while. */
TEST_F(faults, f01_no_kick_is_lost_after_a_ring_could_not_be_read)
{
	struct guest_opts opts = { .name = DEV };
	struct guest *g = &self->g;
	struct vring_used *used;
	uint8_t *avail;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	used = g->ring[GUEST_RX].vring.used;
	avail = (uint8_t *)g->ring[GUEST_RX].vring.avail;
	ASSERT_EQ(0, mprotect(avail, 4096, PROT_NONE));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS),
			     LONG_MS));
	ASSERT_EQ(0, mprotect(avail, 4096, PROT_READ | PROT_WRITE));
	/* The worker counts before that. */
	EXPECT_TRUE(WAIT_FOR(!(__atomic_load_n(&used->flags, __ATOMIC_RELAXED) &
			       guest_16(g, VRING_USED_F_NO_NOTIFY)),
			     LONG_MS));
	ASSERT_EQ(0, guest_send(g, REMOTE, 1024, "again", 5));
	EXPECT_TEXT(self->fd, "again");
}

/* 2: one bad message ended the loop, and the messages behind it waited for a kick. */
TEST_F(faults, f02_a_bad_message_does_not_stop_the_queue)
{
	struct vring_desc *desc = self->g.ring[GUEST_RX].vring.desc;
	struct guest_seg seg, two[2];
	int head;

	guest_hide(&self->g);
	/* Unknown destination, too short, too long, wrong direction. */
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 99, "unknown", 7));
	seg = (struct guest_seg){ guest_alloc(&self->g, 64), 8 };
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	seg = (struct guest_seg){ guest_alloc(&self->g, 64), 64 };
	guest_put_hdr(&self->g, seg.p,
		      (struct guest_hdr){ REMOTE, 1024, 0, 1000, 0 });
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, true, false, 0));
	/* A complete message, followed by a device-writable descriptor. */
	two[0] = (struct guest_seg){ guest_alloc(&self->g, 64), 20 };
	two[1] = (struct guest_seg){ guest_alloc(&self->g, 64), 64 };
	guest_put_hdr(&self->g, two[0].p,
		      (struct guest_hdr){ REMOTE, 1024, 0, 4, 0 });
	head = guest_add(&self->g, GUEST_RX, two, 2, false, false, 0);
	ASSERT_LE(0, head);
	desc[guest_16(&self->g, desc[head].next)].flags |=
		guest_16(&self->g, VRING_DESC_F_WRITE);
	guest_add_raw(&self->g, GUEST_RX, 60000);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "good", 4));
	guest_show(&self->g);
	guest_kick_always(&self->g, GUEST_RX);

	EXPECT_TEXT(self->fd, "good");
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN));
	EXPECT_STAT(4, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

/*
 * 2: an available index that is out of range. Newer vhost cores do not accept it, so the
 * device can only guarantee this: it counts the error, does not spin, and works again
 * after a reset.
 */
TEST_F(faults, f02_an_index_that_jumps_is_over_with_a_reset)
{
	struct guest *g = &self->g;
	struct guest_ring *r = &g->ring[GUEST_RX];
	uint64_t errors;

	r->avail += r->num + 1;
	__atomic_store_n(&r->vring.avail->idx, guest_16(g, r->avail),
			 __ATOMIC_RELEASE);
	guest_kick_always(g, GUEST_RX);
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS),
			     LONG_MS));
	usleep(SHORT_MS * 1000);
	errors = dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS);
	EXPECT_GE(2, errors);
	usleep(SHORT_MS * 1000);
	EXPECT_STAT(errors, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
	ASSERT_EQ(0, guest_stop(g));
	guest_reset_rings(g);
	guest_post(g);
	ASSERT_EQ(0, guest_start(g));
	ASSERT_EQ(0, guest_send(g, REMOTE, 1024, "good", 4));
	EXPECT_TEXT(self->fd, "good");
}

/*
 * 2: the same after the ring was made smaller, when the vhost core has already read the
 * index. The first invalid entry discards all of them.
 */
TEST_F(faults, f02_a_ring_made_smaller_goes_on)
{
	struct guest_opts opts = { .name = DEV };
	struct vhost_vring_state state = { .index = GUEST_TX, .num = 4 };
	struct guest *g = &self->g;
	struct guest_ring *r = &g->ring[GUEST_TX];
	struct guest_msg msg;
	int i;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));

	ASSERT_EQ(0, guest_stop(g));
	ASSERT_EQ(0, ioctl(g->fd, VHOST_SET_VRING_NUM, &state));
	r->num = state.num;
	for (i = 0; i < 4; i++)
		r->vring.avail->ring[i] = guest_16(g, 60000);
	ASSERT_EQ(0, guest_set_running(g, 1));
	ASSERT_EQ(3, write(self->fd, "two", 3));
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS),
			     LONG_MS));
	/* The buffer uses the descriptor of the first one. */
	guest_post_one(g, msg.data - GUEST_HDR);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "two", 3));
	EXPECT_STAT(1, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

/* 2, to the guest: an unusable buffer does not stop the queue. */
TEST_F(faults, f02_a_bad_buffer_does_not_stop_the_queue)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	struct guest *g = &self->g;
	struct guest_seg seg, two[2];
	uint32_t len;
	int head;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	guest_hide(g);
	/* The wrong direction, completely or partly; too small; not a descriptor. */
	seg = (struct guest_seg){ guest_alloc(g, 64), 64 };
	ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, false, false, 0));
	two[0] = seg;
	two[1] = (struct guest_seg){ guest_alloc(g, 64), 64 };
	head = guest_add(g, GUEST_TX, two, 2, true, false, 0);
	ASSERT_LE(0, head);
	g->ring[GUEST_TX].vring.desc[head].flags &=
		guest_16(g, ~VRING_DESC_F_WRITE);
	seg = (struct guest_seg){ guest_alloc(g, 64), 15 };
	ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, true, false, 0));
	guest_add_raw(g, GUEST_TX, 60000);
	guest_post_one(g, g->tx_bufs);
	guest_show(g);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "good", 4));

	for (int i = 0; i < 4; i++) {
		ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, &len));
		EXPECT_EQ(i < 3 ? 0 : GUEST_HDR + 4, len);
	}
	EXPECT_EQ(0, memcmp((uint8_t *)g->tx_bufs + GUEST_HDR, "good", 4));
	EXPECT_STAT(4, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

/* The same with more bad buffers than a burst has. */
TEST_F(faults, f02_many_bad_buffers_do_not_stop_the_queue)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	struct guest *g = &self->g;
	struct guest_seg seg;
	struct guest_msg msg;
	int i;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	ASSERT_EQ(4, write(self->fd, "good", 4));
	seg = (struct guest_seg){ guest_alloc(g, 64), 15 };
	for (i = 0; i < 200; i++)
		ASSERT_LE(0, guest_add(g, GUEST_TX, &seg, 1, true, false, 0));
	guest_post_one(g, g->tx_bufs);
	guest_kick_always(g, GUEST_TX);
	for (i = 0; i < 200; i++) {
		ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, NULL));
	}
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "good", 4));
	EXPECT_STAT(200, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

/*
 * 3: a guest that never pauses kept the worker and the mutex of the ring for ever. Here
 * the guest fills the ring at once with the most expensive messages. After the first one
 * the other direction has work, too, which must not be done last. A machine that is slow
 * to run this process sees the effect only sometimes; without the limit it never sees it.
 */
TEST_F(faults, f03_a_busy_guest_does_not_keep_the_worker)
{
	struct guest_opts opts = { .name = DEV,
				   .num = 1024,
				   .no_buffers = true };
	struct guest *g = &self->g;
	struct guest_ns ns = { .name = "busy", .addr = guest_32(g, REMOTE) };
	unsigned int i, tries, left = 0;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	for (tries = 0; !left && tries < 300; tries++) {
		ASSERT_EQ(4, write(self->fd, "ping", 4));
		for (i = 0; i < opts.num; i++) {
			ns.flags = guest_32(g, i % 2);
			ASSERT_EQ(0, guest_queue(g, REMOTE, VHOST_RPMSG_NS_ADDR,
						 &ns, sizeof(ns)));
		}
		guest_kick_always(g, GUEST_RX);
		while (guest_in_flight(g, GUEST_RX) == opts.num)
			;
		guest_post_one(g, g->tx_bufs);
		guest_kick_always(g, GUEST_TX);
		while (guest_in_flight(g, GUEST_TX))
			;
		left = guest_in_flight(g, GUEST_RX);
		ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, NULL));
		ASSERT_EQ(0, guest_drain(g, LONG_MS));
	}
	EXPECT_NE(0, left);
	/* An ioctl that needs the mutexes returns. */
	EXPECT_EQ(0, guest_stop(g));
}

/* 4: the length in the header was not compared with the length of the buffer. */
TEST_F(faults, f04_the_length_is_checked)
{
	unsigned int len, n = 0;
	struct guest_seg seg = { guest_alloc(&self->g, 64), 36 };

	/* The buffer has 20 bytes. */
	for (len = 21; len < 65536; len = len * 3 / 2, n++) {
		guest_put_hdr(&self->g, seg.p,
			      (struct guest_hdr){ REMOTE, 1024, 0, len, 0 });
		ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false,
				       false, 0));
		guest_kick(&self->g, GUEST_RX);
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	}
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "good", 4));
	EXPECT_TEXT(self->fd, "good");
	EXPECT_STAT(1, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_MSGS));
	/* The device dropped them; the endpoint has not seen any. */
	EXPECT_EQ(0, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
	EXPECT_STAT(n, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
}

/* 6: endpoints were in a small array, and addresses were signed. */
TEST_F(faults, f06_addresses_are_u32_and_many)
{
	static const uint32_t addr[] = {
		0, 1, 52, 54, 0x7fffffff, 0x80000000, 0xfffffffe,
	};
	unsigned int i;
	char buf[16];
	int id, fd;

	for (i = 0; i < 200; i++)
		ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV)));
	for (i = 0; i < sizeof(addr) / sizeof(addr[0]); i++) {
		id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = addr[i],
					.remote = addr[i]));
		ASSERT_GE(id, 0);
		fd = ept_open(id, 0);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, guest_send(&self->g, addr[i], addr[i], "hi", 2));
		ASSERT_EQ(POLLIN, poll_fd(fd, POLLIN, LONG_MS));
		ASSERT_EQ(2, read(fd, buf, sizeof(buf)));
		close(fd);
	}
}

/* 7: a request was returned with a length, as if the device had written to it. */
TEST_F(faults, f07_requests_come_back_empty)
{
	struct guest_seg seg;
	uint32_t len;

	/* A valid message, one without an endpoint, one too short, one of a wrong length. */
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "a", 1));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 99, "b", 1));
	ASSERT_EQ(0, guest_ns_send(&self->g, "", 7, 5));
	seg = (struct guest_seg){ guest_alloc(&self->g, 64), 8 };
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	seg = (struct guest_seg){ guest_alloc(&self->g, 64), 64 };
	guest_put_hdr(&self->g, seg.p,
		      (struct guest_hdr){ REMOTE, 1024, 0, 1000, 0 });
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	guest_kick_always(&self->g, GUEST_RX);
	for (int i = 0; i < 5; i++) {
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_RX, LONG_MS));
		len = 1;
		ASSERT_TRUE(guest_used(&self->g, GUEST_RX, NULL, &len));
		EXPECT_EQ(0, len);
	}
}

/*
 * 8: announcements could not be withdrawn, those of the guest had no endpoint, and the
 * flags of a header had an undefined value.
 */
TEST_F(faults, f08_the_name_service_works_both_ways)
{
	struct guest_ns ns;
	struct nl_dev dev;

	/* guest_ns_recv() checks the flags of the header. */
	ASSERT_EQ(0, nl_announce(self->ept));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_STREQ("ept", ns.name);
	EXPECT_EQ(1024, ns.addr);
	EXPECT_EQ(0, ns.flags);
	ASSERT_EQ(0, nl_withdraw(self->ept));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_STREQ("ept", ns.name);
	EXPECT_EQ(1, ns.flags);

	ASSERT_EQ(0, guest_ns_send(&self->g, "theirs", 0x500, 0));
	EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.channels == 1,
			     LONG_MS));
	ASSERT_EQ(0, guest_ns_send(&self->g, "theirs", 0x500, 1));
	EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.channels == 0,
			     LONG_MS));
}

/* 9: an announcement before the guest had buffers was forgotten. */
TEST_F(faults, f09_an_announcement_waits_for_buffers)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	struct guest_ns ns;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, nl_announce(self->ept));
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_STREQ("ept", ns.name);
}

/*
 * 10: the iterator of a request was not initialised. A message must not see the values
 * of the previous one. test_kclient also checks priv.
 */
TEST_F(faults, f10_each_message_has_its_own_iterator)
{
	static const int len[] = { 496, 0, 1, 300, 2, 496, 3, 0, 255 };
	uint8_t buf[512], data[512];
	unsigned int i, round;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
			fill(data, len[i], round + i);
			/* Between them send a message without an endpoint. */
			ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 99, data,
						 (i * 50) % 400));
			ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, data,
						 len[i]));
		}
		guest_kick(&self->g, GUEST_RX);
		for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
			ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
			ASSERT_EQ(len[i], read(self->fd, buf, sizeof(buf)));
			ASSERT_EQ(0, check_fill(buf, len[i], round + i));
		}
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	}
}

TEST_HARNESS_MAIN
