// SPDX-License-Identifier: GPL-2.0-only
/*
 * The in-kernel API in a vhost driver with endpoints of its own. kclient/ is that driver,
 * and this process is the guest.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "kclient/kclient.h"
#include "kclient/load.h"
#include "util.h"

#define PATH	"/dev/vhost-rpmsg-kclient"
#define REMOTE	0x400
#define ACCESS_PLATFORM	(1ULL << VIRTIO_F_ACCESS_PLATFORM)
/* No header of user space has this. */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8

FIXTURE(kclient)
{
	struct guest g;
};

FIXTURE_SETUP(kclient)
{
	struct guest_opts opts = { .path = PATH };

	ASSERT_EQ(0, kclient_load());
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(kclient)
{
	guest_close(&self->g);
}

static int order(struct guest *g, unsigned long ioc, uint32_t value)
{
	return ioctl(g->fd, ioc, &value) ? -errno : 0;
}

static struct kclient_stats stats(struct guest *g)
{
	struct kclient_stats s;

	if (ioctl(g->fd, KCLIENT_STATS, &s))
		die("KCLIENT_STATS: %s", strerror(errno));
	return s;
}

/* Send a request of len bytes, and receive the response. */
static int echo(struct guest *g, uint32_t len, uint32_t seed)
{
	uint8_t out[65536], in[65536];
	struct guest_hdr hdr;
	uint32_t i;
	int err;

	fill(out, len, seed);
	err = guest_send(g, REMOTE, KCLIENT_ECHO, out, len);
	if (err)
		return err;
	err = guest_recv_copy(g, &hdr, in, sizeof(in), LONG_MS);
	if (err != (int)len)
		return err < 0 ? err : -EMSGSIZE;
	if (hdr.src != KCLIENT_ECHO || hdr.dst != REMOTE)
		return -EADDRNOTAVAIL;
	for (i = 0; i < len; i++)
		if ((in[i] ^ out[i]) != 0xff)
			return -EBADMSG;
	return 0;
}

TEST_F(kclient, a_request_with_a_response)
{
	for (uint32_t len = 0; len <= 496; len++)
		ASSERT_EQ(0, echo(&self->g, len, len));
	EXPECT_EQ(497, stats(&self->g).reads);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* The time that this many requests and their answers take; negative: an error. */
static int echoes_ms(struct guest *g, int count)
{
	long long begun = now_ms();
	int err;

	while (count--) {
		err = echo(g, 4, count);
		if (err)
			return err;
	}
	return now_ms() - begun;
}

/* A worker that polls for buffers has the mutex that an answer needs. */
TEST_F(kclient, busy_polling_does_not_delay_answers)
{
	struct guest *g = &self->g;
	int without, with, i, err;

	ASSERT_EQ(0, echo(g, 4, 0));
	ASSERT_EQ(0, guest_stop(g));
	err = guest_add_worker(g);
	if (err == -ENOTTY)
		SKIP(return, "this kernel has one worker for each device");
	ASSERT_EQ(0, err);
	/* The machine may be busy. */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, guest_set_busy_poll(g, 0));
		ASSERT_EQ(0, guest_set_running(g, VHOST_RPMSG_CONTINUE));
		without = echoes_ms(g, 100);
		ASSERT_LE(0, without);
		ASSERT_EQ(0, guest_stop(g));
		ASSERT_EQ(0, guest_set_busy_poll(g, 10000));
		ASSERT_EQ(0, guest_set_running(g, VHOST_RPMSG_CONTINUE));
		with = echoes_ms(g, 100);
		ASSERT_LE(0, with);
		ASSERT_EQ(0, guest_stop(g));
		printf("# %d ms, with busy polling %d ms\n", without, with);
		if (with < 2 * without)
			break;
	}
	EXPECT_GT(5, i);
}

/* The list of buffers for the answer stays away for longer than it is tried. */
TEST_F(kclient, an_answer_waits_for_a_list_that_comes_late)
{
	struct guest_opts opts = { .path = PATH, .no_buffers = true };
	struct guest *g = &self->g;
	uint8_t answer[3];
	void *avail;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	guest_post_one(g, g->tx_bufs);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(0, echo(g, 3, 1));
	/* The buffer is there again, and has not been looked at. */
	avail = g->ring[GUEST_TX].vring.avail;
	ASSERT_EQ(0, mprotect(avail, 4096, PROT_NONE));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_ECHO, "\1\2\3", 3));
	usleep(3 * SHORT_MS * 1000);
	ASSERT_EQ(0, mprotect(avail, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(3, guest_recv_copy(g, NULL, answer, 3, LONG_MS));
	EXPECT_EQ(0, memcmp(answer, "\xfe\xfd\xfc", 3));
}

/* The only buffer for responses: a page, with what an earlier message has left there. */
static uint8_t *one_buffer(struct guest *g)
{
	struct guest_opts opts = { .path = PATH,
				   .no_buffers = true,
				   .habit = GUEST_LINUX };
	struct guest_hdr old = { KCLIENT_ECHO, REMOTE, 0, 3, 0 };
	struct guest_seg seg = { .len = 512 };

	guest_close(g);
	if (guest_open(g, &opts))
		die("no guest");
	seg.p = guest_alloc_page(g);
	guest_put_hdr(g, seg.p, old);
	guest_add(g, GUEST_TX, &seg, 1, true, false, (uintptr_t)seg.p);
	guest_kick_always(g, GUEST_TX);
	return seg.p;
}

TEST_F(kclient, a_response_waits_until_its_buffer_can_be_written)
{
	uint8_t answer[3], *page = one_buffer(&self->g);

	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_ECHO, "\1\2\3", 3));
	usleep(3000);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(3, guest_recv_copy(&self->g, NULL, answer, 3, LONG_MS));
	EXPECT_EQ(0, memcmp(answer, "\xfe\xfd\xfc", 3));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* If that changes while the driver reads the request, only the response is lost. */
TEST_F(kclient, a_response_that_is_lost_leaves_its_buffer)
{
	uint8_t *page = one_buffer(&self->g);
	struct guest_hdr hdr = { REMOTE, KCLIENT_ECHO, 0, 3, 0 };
	struct guest_seg seg[2] = { { guest_alloc(&self->g, 16), 16 },
				    { guest_alloc_page(&self->g), 3 } };
	int uffd = guest_withhold(seg[1].p);

	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	guest_put_hdr(&self->g, seg[0].p, hdr);
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, seg, 2, false, false, 0));
	guest_kick(&self->g, GUEST_RX);
	ASSERT_EQ(POLLIN, poll_fd(uffd, POLLIN, LONG_MS));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	close(uffd);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, guest_in_flight(&self->g, GUEST_TX));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, echo(&self->g, 3, 1));
}

TEST_F(kclient, a_message_that_cannot_be_written_leaves_its_buffer)
{
	struct kclient_send send = { .dst = REMOTE, .len = 7, .fill = 'x' };
	uint8_t *page = one_buffer(&self->g);

	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	EXPECT_ERR(EFAULT, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(1, guest_in_flight(&self->g, GUEST_TX));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(7, guest_recv_copy(&self->g, NULL, NULL, 7, LONG_MS));
}

TEST_F(kclient, large_buffers)
{
	struct guest_opts opts = { .path = PATH, .num = 16, .buf_size = 65536 };

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, echo(&self->g, 65000, 1));
	ASSERT_EQ(0, echo(&self->g, 4096, 2));
	ASSERT_EQ(0, echo(&self->g, 65520, 3));
}

/* With more requests than response buffers, none is lost, and none is answered twice. */
TEST_F(kclient, requests_wait_for_response_buffers)
{
	struct guest_opts opts = { .path = PATH,
				   .num = 64,
				   .no_buffers = true };
	uint32_t i, complement;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_ECHO, &i, 4));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(40, guest_in_flight(&self->g, GUEST_RX));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &complement, 4,
					     LONG_MS));
		ASSERT_EQ(i, ~complement);
	}
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(40, stats(&self->g).reads);
}

/*
 * Requests wait for buffers together with messages of another endpoint, and the guest
 * returns one buffer after the other. Both are served.
 */
TEST_F(kclient, requests_and_messages_take_turns)
{
	struct guest_opts opts = { .path = PATH, .buffers = 8 };
	struct kclient_burst burst = { .dst = REMOTE, .count = 1000 };
	struct guest *g = &self->g;
	unsigned int i, n[2] = {};
	struct guest_hdr hdr;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	ASSERT_EQ(0, ioctl(g->fd, KCLIENT_BURST, &burst));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, guest_queue(g, REMOTE, KCLIENT_ECHO, &i, 4));
	guest_kick(g, GUEST_RX);
	for (i = 0; i < 150; i++) {
		ASSERT_EQ(4, guest_recv_copy(g, &hdr, NULL, 4, LONG_MS));
		n[hdr.src == KCLIENT_ECHO]++;
	}
	/* Both were waiting all the time. How they share depends on the machine. */
	EXPECT_LE(15, n[0]);
	EXPECT_LE(15, n[1]);
}

TEST_F(kclient, a_request_without_a_response)
{
	struct guest_msg msg;

	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_SINK, "sink", 4));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, stats(&self->g).reads);
	EXPECT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
}

TEST_F(kclient, a_request_that_is_refused_has_no_response)
{
	struct guest_msg msg;
	int i;

	/* This does not use up one of the 256 buffers, either. */
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_REFUSE, "no",
					2));
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	}
	EXPECT_EQ(300, stats(&self->g).refused);
	EXPECT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
	/* After that everything works as before. */
	EXPECT_EQ(0, echo(&self->g, 100, 1));
}

TEST_F(kclient, a_response_that_is_refused_takes_no_buffer)
{
	struct guest_msg msg;
	int i;

	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0,
			  guest_send(&self->g, REMOTE, KCLIENT_MUTE, "m", 1));
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	}
	EXPECT_EQ(300, stats(&self->g).reads);
	EXPECT_EQ(300, stats(&self->g).refused);
	EXPECT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
	EXPECT_EQ(256, guest_in_flight(&self->g, GUEST_TX));
	EXPECT_EQ(0, echo(&self->g, 100, 1));
}

TEST_F(kclient, a_message_with_no_request_before_it)
{
	struct kclient_send send = { .dst = 4711, .len = 7, .fill = 'x' };
	struct guest_hdr hdr;
	char buf[496];

	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(7, send.sent);
	ASSERT_EQ(7,
		  guest_recv_copy(&self->g, &hdr, buf, sizeof(buf), LONG_MS));
	EXPECT_EQ(KCLIENT_SOURCE, hdr.src);
	EXPECT_EQ(4711, hdr.dst);
	EXPECT_EQ(0, memcmp(buf, "xxxxxxx", 7));
}

TEST_F(kclient, a_negative_length_is_the_whole_buffer)
{
	struct kclient_send send = { .dst = 4711, .len = -1, .fill = 'y' };
	struct kclient_recv recv = { .len = -1 };
	struct guest_seg seg;
	char buf[496];

	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(496, send.sent);
	ASSERT_EQ(496,
		  guest_recv_copy(&self->g, NULL, buf, sizeof(buf), LONG_MS));
	EXPECT_EQ('y', buf[0]);
	EXPECT_EQ('y', buf[495]);

	/*
	 * The driver can take a message that the worker leaves in the ring. The rest
	 * of its buffer is not part of it.
	 */
	seg = (struct guest_seg){ guest_alloc(&self->g, 64), 64 };
	memset(seg.p, 0xff, 64);
	guest_put_hdr(&self->g, seg.p,
		      (struct guest_hdr){ REMOTE, KCLIENT_HOLD, 0, 3, 0 });
	memcpy((uint8_t *)seg.p + GUEST_HDR, "\1\2\3", 3);
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	guest_kick(&self->g, GUEST_RX);
	usleep(SHORT_MS * 1000);
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	EXPECT_EQ(KCLIENT_HOLD, recv.src);
	EXPECT_EQ(REMOTE, recv.dst);
	EXPECT_EQ(3, recv.len);
	EXPECT_EQ(6, recv.sum);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/*
 * The same iterator is used for both, as in the worker of the API of 2020. The guest may
 * send from any address.
 */
TEST_F(kclient, a_request_taken_by_hand_is_answered_by_hand)
{
	const uint32_t src[] = { REMOTE, VHOST_RPMSG_NS_ADDR };
	struct kclient_recv recv = { .len = 2, .answer = 1 };
	struct guest_hdr hdr;
	uint8_t answer[4];

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, guest_send(&self->g, src[i], KCLIENT_HOLD_ECHO,
					"\1\2", 2));
		usleep(SHORT_MS * 1000);
		ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_RECV, &recv));
		EXPECT_EQ(2, recv.len);
		ASSERT_EQ(2,
			  guest_recv_copy(&self->g, &hdr, answer, 4, LONG_MS));
		EXPECT_EQ(KCLIENT_HOLD_ECHO, hdr.src);
		EXPECT_EQ(src[i], hdr.dst);
		EXPECT_EQ(0, memcmp(answer, "\xfe\xfd", 2));
		EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
		EXPECT_EQ(i + 1, stats(&self->g).reads);
	}
}

/* The length that start_lock() is given for a request is only the minimum. */
TEST_F(kclient, a_request_may_be_longer_than_required)
{
	struct kclient_recv recv = { .len = 4 };

	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_HOLD, "\1\2\3", 3));
	usleep(SHORT_MS * 1000);
	EXPECT_ERR(ENOBUFS, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	/* It is still there. */
	recv.len = 2;
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	EXPECT_EQ(3, recv.len);
	EXPECT_EQ(6, recv.sum);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

/* The length is that of the message; bytes that are not copied are zero. */
TEST_F(kclient, a_message_that_is_not_copied_to_its_end_has_zeroes_there)
{
	struct kclient_send send = {
		.dst = 4711, .len = 7, .fill = 'x', .less = 3
	};
	char buf[496];

	memset(self->g.tx_bufs, 0xff, 256 * 512);
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_SEND, &send));
	ASSERT_EQ(7,
		  guest_recv_copy(&self->g, NULL, buf, sizeof(buf), LONG_MS));
	EXPECT_EQ(0, memcmp(buf, "xxxx\0\0\0", 7));
}

#define TRACE	"/sys/kernel/tracing/"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), len = strlen(text), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

/* Number of lines of the trace that contain this text. */
static int traced(const char *text)
{
	FILE *file = fopen(TRACE "trace", "r");
	char line[512];
	int n = 0;

	if (!file)
		die("%s: %s", TRACE "trace", strerror(errno));
	while (fgets(line, sizeof(line), file))
		n += !!strstr(line, text);
	fclose(file);
	return n;
}

/* The counters of a driver's own device are not visible, but each drop is traced. */
TEST_F(kclient, a_request_to_nobody_is_counted_once)
{
	struct kclient_recv recv = { .len = -1 };

	mount("tracefs", TRACE, "tracefs", 0, NULL);
	/* See test_memory. */
	if (write_file(TRACE "options/record-cmd", "0") ||
	    write_file(TRACE "events/vhost_rpmsg/vrpmsg_drop/enable", "1"))
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, echo(&self->g, 10, 1));
	usleep(SHORT_MS * 1000);
	/* Without a kick, the worker does not look. */
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 4711, "x", 1));
	EXPECT_ERR(ENOENT, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, echo(&self->g, 10, 1));
	EXPECT_EQ(1, traced("cause=rx-drop-unknown addr=0x1267 len=1"));
	write_file(TRACE "events/vhost_rpmsg/vrpmsg_drop/enable", "0");
}

TEST_F(kclient, what_start_lock_refuses)
{
	struct kclient_send send = { .dst = 4711, .len = 497 };
	struct kclient_recv recv = { .len = -1 };
	struct guest_opts opts = { .path = PATH, .no_buffers = true };
	uint64_t features;

	/* Repeat this more often than there are buffers: none is lost. */
	for (int i = 0; i < 300; i++) {
		ASSERT_EQ(-1, ioctl(self->g.fd, KCLIENT_SEND, &send));
		ASSERT_EQ(ENOBUFS, errno);
	}
	EXPECT_EQ(0, echo(&self->g, 100, 1));
	send.len = 65536;
	EXPECT_EQ(-1, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(-1, ioctl(self->g.fd, KCLIENT_RECV, &recv));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(256, guest_in_flight(&self->g, GUEST_TX));

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	send.len = 1;
	EXPECT_EQ(-1, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(EAGAIN, errno);
	/* There are buffers, but the VMM has not set the addresses of the rings. */
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	features = GUEST_FEATURES | (1ULL << VIRTIO_F_ACCESS_PLATFORM);
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	EXPECT_EQ(-1, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, guest_stop(&self->g));
	EXPECT_EQ(-1, ioctl(self->g.fd, KCLIENT_SEND, &send));
	EXPECT_EQ(ENOTCONN, errno);
}

TEST_F(kclient, what_else_is_refused)
{
	EXPECT_EQ(0, ioctl(self->g.fd, KCLIENT_MISUSE));
	EXPECT_EQ(-ENOENT, order(&self->g, KCLIENT_ANNOUNCE, 53));
	EXPECT_EQ(-ENOENT, order(&self->g, KCLIENT_WITHDRAW, 53));
	EXPECT_EQ(0, echo(&self->g, 100, 1));
}

TEST_F(kclient, a_burst_is_one_completion)
{
	struct kclient_burst burst = { .dst = REMOTE, .count = 200 };
	uint32_t i, n;

	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_BURST, &burst));
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &n, 4, LONG_MS));
		ASSERT_EQ(i, n);
	}
	/* A burst ends only after the worker's weight of 64 messages. */
	EXPECT_LE(4, (int)stats(&self->g).bursts);
	EXPECT_GE(10, (int)stats(&self->g).bursts);
}

TEST_F(kclient, a_burst_longer_than_the_ring)
{
	struct kclient_burst burst = { .dst = REMOTE, .count = 20000 };
	uint32_t i, n;

	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_BURST, &burst));
	for (i = 0; i < 20000; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &n, 4, LONG_MS));
		ASSERT_EQ(i, n);
	}
}

/* The memory of a buffer is missing: the message goes into the next buffer. */
TEST_F(kclient, a_message_that_cannot_be_copied_is_sent_again)
{
	struct guest_opts opts = { .path = PATH, .no_buffers = true };
	struct kclient_burst burst = { .dst = REMOTE, .count = 3 };
	struct guest *g = &self->g;
	struct guest_seg pieces[2];
	uint32_t i, n, len;
	uint8_t *bad;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	bad = guest_alloc_page(g);
	ASSERT_EQ(0, mprotect(bad, 4096, PROT_NONE));
	/* The missing part is: everything; all but the header; only the header. */
	guest_post_one(g, bad);
	guest_post_one(g, bad - GUEST_HDR);
	pieces[0] = (struct guest_seg){ bad, GUEST_HDR };
	pieces[1] = (struct guest_seg){ guest_alloc(g, 64), 64 };
	ASSERT_LE(0, guest_add(g, GUEST_TX, pieces, 2, true, false, 0));
	for (i = 0; i < 4; i++)
		guest_post_one(g, g->tx_bufs + i * g->buf_size);
	ASSERT_EQ(0, ioctl(g->fd, KCLIENT_BURST, &burst));
	guest_kick(g, GUEST_TX);
	/* They are returned with a null message if the header can be written. */
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, &len));
		EXPECT_EQ(i == 1 ? GUEST_HDR : 0, len);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(4, guest_recv_copy(g, NULL, &n, 4, LONG_MS));
		ASSERT_EQ(i, n);
	}
	EXPECT_EQ(0, mprotect(bad, 4096, PROT_READ | PROT_WRITE));
}

TEST_F(kclient, a_request_is_held_until_it_is_released)
{
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_HOLD, "", 0));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(5, guest_in_flight(&self->g, GUEST_RX));
	ASSERT_EQ(0, order(&self->g, KCLIENT_RELEASE, 2));
	EXPECT_TRUE(WAIT_FOR(guest_in_flight(&self->g, GUEST_RX) == 3,
			     LONG_MS));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(3, guest_in_flight(&self->g, GUEST_RX));
	ASSERT_EQ(0, order(&self->g, KCLIENT_RELEASE, 3));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(5, stats(&self->g).reads);
}

TEST_F(kclient, a_request_that_is_held_takes_no_response_buffer)
{
	uint64_t tag;
	uint32_t len;

	ASSERT_EQ(0,
		  guest_send(&self->g, REMOTE, KCLIENT_HOLD_ECHO, "\x0f", 1));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(1, guest_in_flight(&self->g, GUEST_RX));
	EXPECT_EQ(-ETIMEDOUT, guest_recv_copy(&self->g, NULL, NULL, 0, 0));
	ASSERT_EQ(0, order(&self->g, KCLIENT_RELEASE, 1));
	/* The message is in the first usable buffer. */
	ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
	ASSERT_TRUE(guest_used(&self->g, GUEST_TX, &tag, &len));
	EXPECT_EQ((uintptr_t)self->g.tx_bufs, tag);
	EXPECT_EQ(GUEST_HDR + 1, len);
	EXPECT_EQ(0xf0, ((uint8_t *)self->g.tx_bufs)[GUEST_HDR]);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

TEST_F(kclient, endpoints_can_be_added_and_deleted)
{
	ASSERT_EQ(0, order(&self->g, KCLIENT_ADD, 5000));
	EXPECT_EQ(-EADDRINUSE, order(&self->g, KCLIENT_ADD, 5000));
	EXPECT_EQ(-EADDRINUSE, order(&self->g, KCLIENT_ADD, KCLIENT_ECHO));
	EXPECT_EQ(-EADDRINUSE, order(&self->g, KCLIENT_ADD, 53));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 5000, "a", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, stats(&self->g).reads);
	ASSERT_EQ(0, order(&self->g, KCLIENT_DEL, 5000));
	EXPECT_EQ(-ENOENT, order(&self->g, KCLIENT_DEL, 5000));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 5000, "b", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, stats(&self->g).reads);
	ASSERT_EQ(0, order(&self->g, KCLIENT_ADD, 5000));
}

/* A callback may delete the endpoint as soon as it exists; add() must not use it after that. */
TEST_F(kclient, an_endpoint_that_is_deleted_while_it_is_added)
{
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_BRIEF));
}

struct churn {
	struct guest *g;
	volatile bool stop;
	int rounds;
	int err;
};

static void *churn(void *arg)
{
	struct churn *c = arg;

	while (!c->stop && !c->err) {
		c->err = order(c->g, KCLIENT_ADD, 5000);
		if (!c->err)
			c->err = order(c->g, KCLIENT_DEL, 5000);
		c->rounds++;
	}
	return NULL;
}

/* Until an endpoint has its address, it sends nothing. */
TEST_F(kclient, an_endpoint_sends_as_soon_as_the_rings_run)
{
	struct guest_msg msg;

	EXPECT_EQ(-EADDRINUSE, order(&self->g, KCLIENT_EAGER, KCLIENT_SINK));
	ASSERT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
	ASSERT_EQ(0, order(&self->g, KCLIENT_EAGER, VHOST_RPMSG_ADDR_ANY));
	ASSERT_EQ(1, guest_recv(&self->g, &msg, LONG_MS));
	EXPECT_EQ(VHOST_RPMSG_FIRST_DYNAMIC_ADDR, (int)msg.hdr.src);
	EXPECT_EQ(1, msg.hdr.dst);
}

/* kclient_del() overwrites the memory of a deleted endpoint at once. */
TEST_F(kclient, endpoints_come_and_go_while_messages_flow)
{
	struct churn c = { .g = &self->g };
	pthread_t thread;
	uint32_t i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn, &c));
	for (i = 0; i < 3000 || c.rounds < 100; i++) {
		ASSERT_TRUE(WAIT_FOR(!guest_send(&self->g, REMOTE, 5000, &i, 4),
				     LONG_MS));
		if (i % 16 == 0)
			ASSERT_EQ(0, echo(&self->g, 64, i));
	}
	c.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, c.err);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

TEST_F(kclient, announce_and_withdraw)
{
	struct guest_msg msg;
	struct guest_ns ns;

	ASSERT_EQ(0, order(&self->g, KCLIENT_ANNOUNCE, KCLIENT_ECHO));
	ASSERT_EQ(0, order(&self->g, KCLIENT_ANNOUNCE, KCLIENT_ECHO));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_STREQ("kclient", ns.name);
	EXPECT_EQ(KCLIENT_ECHO, ns.addr);
	EXPECT_EQ(0, ns.flags);
	EXPECT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
	ASSERT_EQ(0, guest_reset(&self->g));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(0, ns.flags);
	ASSERT_EQ(0, order(&self->g, KCLIENT_WITHDRAW, KCLIENT_ECHO));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(KCLIENT_ECHO, ns.addr);
	EXPECT_EQ(1, ns.flags);
	EXPECT_EQ(-ENOENT, order(&self->g, KCLIENT_ANNOUNCE, 5000));
}

TEST_F(kclient, a_reset_is_told)
{
	struct kclient_burst burst = { .dst = REMOTE, .count = 1000 };
	struct guest_opts opts = { .path = PATH, .no_buffers = true };
	struct guest_msg msg;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_SINK, "used", 4));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	/* The message waits for buffers, and is dropped with its guest. */
	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_BURST, &burst));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(1, stats(&self->g).resets);
	EXPECT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
	EXPECT_EQ(0, echo(&self->g, 10, 1));
}

/* Processor time of this process in ms. In 6.12 the worker is a thread of it. */
static long used_time(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * A response buffer outside the memory of the guest is tried for 111 ms and then skipped.
 * The waiting request is answered after that. In the meantime the worker sleeps.
 */
TEST_F(kclient, a_response_waits_for_a_buffer_that_cannot_be_accessed)
{
	struct guest_opts opts = { .path = PATH, .no_buffers = true };
	struct guest *g = &self->g;
	struct guest_seg nowhere;
	long wall, cpu;

	guest_close(g);
	ASSERT_EQ(0, guest_open(g, &opts));
	nowhere = (struct guest_seg){ g->mem + g->size + 65536, 512 };
	for (int i = 0; i < 8; i++)
		ASSERT_LE(0,
			  guest_add(g, GUEST_TX, &nowhere, 1, true, false, 0));
	guest_post_one(g, g->tx_bufs);
	guest_kick(g, GUEST_TX);
	wall = used_time(CLOCK_MONOTONIC);
	cpu = used_time(CLOCK_PROCESS_CPUTIME_ID);
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_ECHO, "next", 4));
	for (int i = 0; i < 8; i++) {
		ASSERT_TRUE(guest_wait_used(g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(g, GUEST_TX, NULL, NULL));
	}
	EXPECT_EQ(4, guest_recv_copy(g, NULL, NULL, 4, LONG_MS));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	wall = used_time(CLOCK_MONOTONIC) - wall;
	cpu = used_time(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	EXPECT_LE(8 * 111, wall);
	EXPECT_GT(wall / 4, cpu);
}

/* A request does not wait for the next kick when the other ring becomes writable. */
TEST_F(kclient, requests_go_on_when_the_ring_for_responses_does)
{
	struct kclient_send send = { .dst = REMOTE, .len = 1, .fill = 'x' };
	struct guest *g = &self->g;
	void *used = g->ring[GUEST_TX].vring.used;

	ASSERT_EQ(0, echo(g, 4, 1));
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ));
	EXPECT_EQ(0, ioctl(g->fd, KCLIENT_SEND, &send));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_SINK, "sink", 4));
	usleep(20 * 1000);
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	EXPECT_EQ(2, stats(g).reads);
}

/* Used buffers only wait for their ring, not for the endpoint that holds the guest back. */
TEST_F(kclient, a_held_guest_gets_buffers_back_when_its_ring_can_be_written)
{
	struct guest *g = &self->g;
	void *used = g->ring[GUEST_RX].vring.used;

	ASSERT_EQ(0, echo(g, 4, 1));
	ASSERT_EQ(0, guest_drain(g, LONG_MS));
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ));
	ASSERT_EQ(0, guest_queue(g, REMOTE, KCLIENT_SINK, "sink", 4));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "hold", 4));
	usleep(20 * 1000);
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(guest_wait_used(g, GUEST_RX, 10 * SHORT_MS));
}

/* An endpoint that refuses everything holds the guest back only for the hold-time. */
TEST_F(kclient, a_request_that_is_refused_for_ever_is_dropped)
{
	struct guest *g = &self->g;
	long long begun;

	ASSERT_EQ(0, order(g, KCLIENT_HOLD_TIME, 10 * SHORT_MS));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(3, guest_in_flight(g, GUEST_RX));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	EXPECT_EQ(0, stats(g).reads);
	/* From then on messages are dropped without waiting, even after a pause. */
	begun = now_ms();
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
		EXPECT_EQ(0, guest_drain(g, LONG_MS));
	}
	EXPECT_GT(50 * SHORT_MS, now_ms() - begun);
	EXPECT_EQ(0, echo(g, 10, 1));

	/* When it has accepted a message, it gets the full hold-time again. */
	ASSERT_EQ(0, order(g, KCLIENT_RELEASE, 1));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	EXPECT_EQ(2, stats(g).reads);
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(g, SHORT_MS));
}

TEST_F(kclient, a_request_taken_by_hand_ends_dropping)
{
	struct kclient_recv recv = {};
	struct guest *g = &self->g;

	ASSERT_EQ(0, order(g, KCLIENT_HOLD_TIME, 10 * SHORT_MS));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	/* The worker does not see this one. */
	ASSERT_EQ(0, guest_queue(g, REMOTE, KCLIENT_HOLD, "", 0));
	ASSERT_EQ(0, ioctl(g->fd, KCLIENT_RECV, &recv));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(g, SHORT_MS));
}

TEST_F(kclient, a_new_hold_time_is_for_who_is_held_already)
{
	ASSERT_EQ(0, order(&self->g, KCLIENT_HOLD_TIME, 0));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	ASSERT_EQ(0, order(&self->g, KCLIENT_HOLD_TIME, 1));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, stats(&self->g).reads);
}

/* After a shorter one the endpoint still drops, after a longer one it may hold again. */
TEST_F(kclient, a_longer_hold_time_is_for_who_drops_already)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, order(g, KCLIENT_HOLD_TIME, 2));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	ASSERT_EQ(0, order(g, KCLIENT_HOLD_TIME, 1));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	ASSERT_EQ(0, order(g, KCLIENT_HOLD_TIME, 10 * LONG_MS));
	ASSERT_EQ(0, guest_send(g, REMOTE, KCLIENT_HOLD, "", 0));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(g, SHORT_MS));
	ASSERT_EQ(0, order(g, KCLIENT_RELEASE, 1));
	EXPECT_EQ(0, guest_drain(g, LONG_MS));
	EXPECT_EQ(1, stats(g).reads);
}

static struct kclient_info info(struct guest *g)
{
	struct kclient_info i;

	if (ioctl(g->fd, KCLIENT_INFO, &i))
		die("KCLIENT_INFO: %s", strerror(errno));
	return i;
}

TEST_F(kclient, a_driver_hears_of_start_and_stop)
{
	struct kclient_info before = info(&self->g), now;

	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, before.state);
	EXPECT_EQ(GUEST_FEATURES, before.features);
	EXPECT_EQ(1, before.starts);
	EXPECT_EQ(0, before.stops);
	EXPECT_NE(0, before.generation);
	ASSERT_EQ(0, guest_stop(&self->g));
	now = info(&self->g);
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, now.state);
	EXPECT_EQ(1, now.starts);
	EXPECT_EQ(1, now.stops);
	/* Repeating it has no effect. */
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_STOP));
	EXPECT_EQ(1, info(&self->g).stops);
	ASSERT_EQ(0, guest_reset(&self->g));
	now = info(&self->g);
	EXPECT_EQ(2, now.starts);
	EXPECT_EQ(1, now.stops);
	EXPECT_EQ(before.generation + 1, now.generation);
	/* The same guest was only paused. */
	ASSERT_EQ(0, echo(&self->g, 4, 1));
	ASSERT_EQ(0, guest_pause(&self->g));
	EXPECT_EQ(2, info(&self->g).stops);
	ASSERT_EQ(0, guest_resume(&self->g));
	now = info(&self->g);
	EXPECT_EQ(3, now.starts);
	EXPECT_EQ(before.generation + 1, now.generation);
}

TEST_F(kclient, a_driver_sees_how_long_a_message_may_be)
{
	struct guest_opts opts = { .path = PATH, .num = 16, .buf_size = 4096 };

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	EXPECT_TRUE(WAIT_FOR(info(&self->g).mtu == 4096 - GUEST_HDR, LONG_MS));
}

TEST_F(kclient, a_driver_has_features_of_its_own)
{
	struct guest_opts opts = {
		.path = PATH, .features = GUEST_FEATURES | KCLIENT_FEATURE
	};
	uint64_t features;

	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_GET_FEATURES, &features));
	EXPECT_EQ(KCLIENT_FEATURE | ACCESS_PLATFORM,
		  features & (KCLIENT_FEATURE << 1 | KCLIENT_FEATURE |
			      KCLIENT_FEATURE >> 1 | ACCESS_PLATFORM));
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	EXPECT_EQ(opts.features, info(&self->g).features);
	EXPECT_EQ(0, echo(&self->g, 4, 1));
	features = KCLIENT_FEATURE << 1;
	EXPECT_EQ(-1, ioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	EXPECT_EQ(EOPNOTSUPP, errno);
}

/* An interrupt may arrive while any of the locks is held; lockdep checks this. */
TEST_F(kclient, an_interrupt_may_send_and_resume)
{
	struct kclient_burst burst = { .dst = REMOTE, .count = 1, .in_irq = 1 };
	uint32_t i, n;

	for (i = 0; i < 500; i++) {
		ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_BURST, &burst));
		ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, &n, 4, LONG_MS));
		ASSERT_EQ(i, n);
	}
}

/* Misuse causes warnings. Keep them off the console, where they would fail the run. */
static void console_level(int level)
{
	klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, level);
}

static int current_console_level(void)
{
	FILE *f = fopen("/proc/sys/kernel/printk", "re");
	int level = 7;

	if (f) {
		if (fscanf(f, "%d", &level) != 1)
			level = 7;
		fclose(f);
	}
	return level;
}

TEST_F(kclient, what_would_be_a_deadlock_is_refused)
{
	int level = current_console_level();
	struct kclient_info i;
	int n;

	ASSERT_EQ(0, ioctl(self->g.fd, KCLIENT_OFFEND));
	console_level(1);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, KCLIENT_OFFENDER, "", 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	i = info(&self->g);
	/* The console may lag behind. */
	usleep(SHORT_MS * 1000);
	console_level(level);
	for (n = 0; n < KCLIENT_OFFENCES; n++)
		EXPECT_EQ(-EDEADLK, i.refusals[n]);
	EXPECT_EQ(0, echo(&self->g, 10, 1));
}

/* One grace period per endpoint would take seconds, or half a minute under load. */
TEST_F(kclient, many_endpoints_are_gone_with_their_file)
{
	long long begun, one;

	begun = now_ms();
	for (uint32_t i = 0; i < 10; i++) {
		ASSERT_EQ(0, order(&self->g, KCLIENT_ADD, 10000));
		ASSERT_EQ(0, order(&self->g, KCLIENT_DEL, 10000));
	}
	one = (now_ms() - begun) / 10;
	for (uint32_t i = 0; i < 1000; i++)
		ASSERT_EQ(0, order(&self->g, KCLIENT_ADD, 10000 + i));
	begun = now_ms();
	guest_close(&self->g);
	EXPECT_GT(1000 * one / 4 + 500 * slowness(), now_ms() - begun);
	ASSERT_EQ(0,
		  guest_open(&self->g, &(struct guest_opts){ .path = PATH }));
}

/* Netlink only shows devices of /dev/vhost-rpmsg, not those of a driver. */
TEST_F(kclient, the_char_devices_do_not_see_it)
{
	struct nl_dev devs[8];
	int i, n = nl_dev_dump(devs, 8);

	for (i = 0; i < n; i++)
		EXPECT_EQ(VHOST_RPMSG_DEV_STATE_DETACHED, devs[i].state);
}

TEST_HARNESS_MAIN
