// SPDX-License-Identifier: GPL-2.0-only
/* Batch mode: many messages with one read() or write(). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "uring.h"
#include "util.h"
#include "vhostrpmsg.h"

#define DEV	"batch"
#define REMOTE	0x400
#define COST(len)	((len) + VHOST_RPMSG_MSG_OVERHEAD)
#define REC	sizeof(struct vhost_rpmsg_rec)

FIXTURE(batch)
{
	struct guest g;
	int ept;		/* fixed remote, address 1024 */
	int fd;			/* non-blocking, in batch mode */
	int addressed;		/* address 9 */
	int afd;		/* likewise */
	uint32_t generation;
	char buf[65536];
};

static int open_batch(int ept)
{
	int fd = ept_open(ept, O_NONBLOCK), on = 1;

	return fd < 0 || ioctl(fd, VHOST_RPMSG_EPT_SET_BATCH, &on) ? -1 : fd;
}

FIXTURE_SETUP(batch)
{
	struct guest_opts opts = { .name = DEV };
	struct vhost_rpmsg_ept_info info;

	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept",
				       .remote = REMOTE));
	self->addressed = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9,
					     .addressed = true));
	ASSERT_GE(self->ept, 0);
	ASSERT_GE(self->addressed, 0);
	self->fd = open_batch(self->ept);
	self->afd = open_batch(self->addressed);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->afd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	self->generation = info.generation;
}

FIXTURE_TEARDOWN(batch)
{
	guest_close(&self->g);
	close(self->fd);
	close(self->afd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Send messages of 0, 1, 2, ... bytes from the guest, and wait until the host has them. */
#define SEND_N(dst, n)							\
	do {								\
		for (int __i = 0; __i < (n); __i++) {			\
			char __data[256];				\
									\
			fill(__data, __i, __i);				\
			ASSERT_EQ(0, guest_queue(&self->g, REMOTE + __i, dst,	\
						 __data, __i));			\
		}							\
		guest_kick(&self->g, GUEST_RX);				\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
	} while (0)

/* The length of n of these records with padding. */
static size_t size_of_n(int n)
{
	size_t size = 0;

	for (int i = 0; i < n; i++)
		size += VHOST_RPMSG_REC_ALIGN(REC + i);
	return size;
}

/* Write a record of len bytes at p, and return its end. */
static char *put(char *p, uint32_t addr, uint32_t generation, uint32_t len)
{
	struct vhost_rpmsg_rec rec = {
		.len = len,
		.addr = addr,
		.generation = generation,
	};

	memcpy(p, &rec, REC);
	fill(p + REC, len, len);
	return p + VHOST_RPMSG_REC_ALIGN(REC + (size_t)len);
}

/* read() */

TEST_F(batch, read_takes_all_there_are)
{
	size_t n, pos = 0;

	SEND_N(1024, 100);
	n = read(self->fd, self->buf, sizeof(self->buf));
	ASSERT_EQ(size_of_n(100), n);
	for (int i = 0; i < 100; i++) {
		struct vhost_rpmsg_rec *rec = (void *)(self->buf + pos);

		ASSERT_EQ(i, (int)rec->len);
		ASSERT_EQ(REMOTE + i, (int)rec->addr);
		ASSERT_EQ(self->generation, rec->generation);
		ASSERT_EQ(0, rec->flags);
		ASSERT_EQ(0, check_fill(rec + 1, i, i));
		for (pos += REC + i; pos % 8; pos++)
			ASSERT_EQ(0, self->buf[pos]);
	}
	EXPECT_ERR(EAGAIN, read(self->fd, self->buf, sizeof(self->buf)));
	EXPECT_STAT(100, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_MSGS));
}

TEST_F(batch, read_takes_whole_ones_that_fit)
{
	struct iovec iov[] = {
		{ self->buf, 5 },
		{ self->buf + 5, 30 },
		{ self->buf + 35, 999 },
	};
	int n = -1;

	SEND_N(1024, 10);
	/* Only the padding of the last record may be missing. */
	EXPECT_EQ((ssize_t)(size_of_n(5) + REC + 5),
		  read(self->fd, self->buf, size_of_n(5) + REC + 5));
	EXPECT_EQ(0, ioctl(self->fd, FIONREAD, &n));
	EXPECT_EQ((int)REC + 6, n);
	EXPECT_ERR(EMSGSIZE, read(self->fd, self->buf, REC + 5));
	EXPECT_EQ((ssize_t)VHOST_RPMSG_REC_ALIGN(REC + 6),
		  read(self->fd, self->buf, REC + 6 + REC + 6));
	EXPECT_EQ(POLLIN, poll_fd(self->fd, POLLIN, 0));
	/* The records are scattered over pieces of any size. */
	EXPECT_EQ((ssize_t)(size_of_n(10) - size_of_n(7)),
		  readv(self->fd, iov, 3));
	EXPECT_EQ(7, (int)((struct vhost_rpmsg_rec *)self->buf)->len);
	EXPECT_EQ(0, check_fill(self->buf + REC, 7, 7));
}

TEST_F(batch, read_that_fails_half_way_has_read_the_first_half)
{
	struct iovec iov[] = {
		{ self->buf, size_of_n(3) + 8 },
		{ bad_ptr, 4096 },
	};
	struct nl_ept ept;

	SEND_N(1024, 6);
	EXPECT_EQ((ssize_t)size_of_n(3), readv(self->fd, iov, 2));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(COST(3) + COST(4) + COST(5), ept.rx_queued);
	iov[0].iov_len = 8;
	EXPECT_ERR(EFAULT, readv(self->fd, iov, 2));
	EXPECT_EQ((ssize_t)(size_of_n(6) - size_of_n(3)),
		  read(self->fd, self->buf, sizeof(self->buf)));
}

struct reader {
	int fd;
	char buf[4096];
	ssize_t ret;
};

static void *read_batch(void *arg)
{
	struct reader *r = arg;

	r->ret = read(r->fd, r->buf, sizeof(r->buf));
	return NULL;
}

TEST_F(batch, read_sleeps_for_one_record)
{
	struct reader r = { .fd = self->fd };
	pthread_t thread;

	fcntl(self->fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_batch, &r));
	usleep(SHORT_MS * 1000);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "one", 3));
	pthread_join(thread, NULL);
	EXPECT_EQ(24, r.ret);
}

/* Reading one queue in one call ends the stall. */
TEST_F(batch, read_ends_a_stall)
{
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 10 * COST(4)), -1));
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "1234", 4));
	ASSERT_TRUE(WAIT_FOR(ept_stat(self->ept,
				      VHOST_RPMSG_A_STATS_STALLS) == 1,
			     LONG_MS));
	EXPECT_EQ(10 * 24, read(self->fd, self->buf, sizeof(self->buf)));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(10 * 24, read(self->fd, self->buf, sizeof(self->buf)));
}

/* write() */

#define ARRIVES(n)							\
	do {								\
		char __data[1024];					\
									\
		ASSERT_EQ(n, guest_recv_copy(&self->g, &hdr, __data, 1024,	\
					     LONG_MS));				\
		ASSERT_EQ(0, check_fill(__data, n, n));			\
	} while (0)

TEST_F(batch, write_takes_all)
{
	struct guest_hdr hdr;
	char *p = self->buf;

	for (int i = 0; i < 100; i++)
		p = put(p, i, 0, i);
	ASSERT_EQ(p - self->buf, write(self->fd, self->buf, p - self->buf));
	for (int i = 0; i < 100; i++) {
		ARRIVES(i);
		/* The endpoint has a remote, so the addresses of records are ignored. */
		ASSERT_EQ(REMOTE, (int)hdr.dst);
	}
	EXPECT_EQ(0, write(self->fd, self->buf, 0));
	/* The padding of the last record may be missing. */
	put(self->buf, 0, 0, 3);
	EXPECT_EQ((ssize_t)REC + 3, write(self->fd, self->buf, REC + 3));
	ARRIVES(3);
}

TEST_F(batch, an_addressed_endpoint)
{
	struct guest_hdr hdr;

	/* Records can be written as they were read. */
	SEND_N(9, 50);
	ASSERT_EQ((ssize_t)size_of_n(50),
		  read(self->afd, self->buf, sizeof(self->buf)));
	ASSERT_EQ((ssize_t)size_of_n(50),
		  write(self->afd, self->buf, size_of_n(50)));
	for (int i = 0; i < 50; i++) {
		ARRIVES(i);
		ASSERT_EQ(REMOTE + i, (int)hdr.dst);
		ASSERT_EQ(9, (int)hdr.src);
	}
	/* The next guest does not get them. */
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_ERR(ESTALE, write(self->afd, self->buf, size_of_n(50)));
	put(self->buf, VHOST_RPMSG_ADDR_ANY, 0, 3);
	EXPECT_ERR(EINVAL, write(self->afd, self->buf, REC + 3));
}

TEST_F(batch, write_takes_as_many_as_there_is_room_for)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	char *p = self->buf;
	ssize_t n;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.tx_limit = 5 * COST(4)), -1));
	for (int i = 0; i < 20; i++)
		p = put(p, 0, 0, 4);
	EXPECT_EQ(5 * 24, write(self->fd, self->buf, p - self->buf));
	EXPECT_ERR(EAGAIN, write(self->fd, self->buf, 15 * 24));
	EXPECT_EQ(0, poll_fd(self->fd, POLLOUT, 0));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	EXPECT_EQ(POLLOUT, poll_fd(self->fd, POLLOUT, LONG_MS));
	/* Or more, if the guest is fast. */
	n = write(self->fd, self->buf, 15 * 24);
	EXPECT_LE(5 * 24, n);
	EXPECT_EQ(0, n % 24);
}

TEST_F(batch, an_error_of_a_later_record_comes_with_the_next_call)
{
	struct guest_hdr hdr;
	struct {
		int err;
		uint32_t len, generation, flags;
	} bad[] = {
		{ EMSGSIZE, 497, 0, 0 },
		{ EINVAL, 4, 0, 1 },
		{ ESTALE, 4, self->generation + 1, 0 },
		{ EINVAL, 60000, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *p = put(self->buf, 0, self->generation, 7);
		struct vhost_rpmsg_rec *rec;
		char *second;

		second = p = put(p, 0, 0, 8);
		rec = (void *)p;
		p = put(p, 0, bad[i].generation, bad[i].len % 1000);
		rec->len = bad[i].len;
		rec->flags = bad[i].flags;
		EXPECT_EQ(second - self->buf,
			  write(self->fd, self->buf, p - self->buf));
		EXPECT_ERR(bad[i].err, write(self->fd, second, p - second));
		ARRIVES(7);
		ARRIVES(8);
	}
	/* Half a record, and unmapped memory. */
	put(self->buf, 0, 0, 8);
	EXPECT_EQ(24, write(self->fd, self->buf, 24 + 15));
	EXPECT_ERR(EINVAL, write(self->fd, self->buf, 15));
	EXPECT_ERR(EFAULT, write(self->fd, bad_ptr, 100));
	ARRIVES(8);
	EXPECT_STAT(9, ept_stat(self->ept, VHOST_RPMSG_A_STATS_TX_MSGS));
}

struct writer {
	int fd;
	char *buf;
	size_t size;
	int err;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;
	ssize_t n;

	while (w->size && !w->err) {
		n = write(w->fd, w->buf, w->size);
		if (n < 0) {
			w->err = errno;
		} else {
			w->buf += n;
			w->size -= n;
		}
	}
	return NULL;
}

TEST_F(batch, write_sleeps_for_room)
{
	struct writer w = { .fd = self->fd, .buf = self->buf };
	struct guest_hdr hdr;
	char *p = self->buf;
	pthread_t thread;

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 1000), -1));
	fcntl(self->fd, F_SETFL, 0);
	for (int i = 0; i < 1000; i++)
		p = put(p, 0, 0, i % 32);
	w.size = p - self->buf;
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_all, &w));
	for (int i = 0; i < 1000; i++)
		ARRIVES(i % 32);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, w.err);
}

/* Batches of several writers do not mix, and each keeps its order. */
TEST_F(batch, writers_do_not_mix_up_records)
{
	uint32_t next[4] = {}, data[2];
	struct writer w[4] = {};
	pthread_t thread[4];
	int fd[4];

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 5000), -1));
	for (int k = 0; k < 4; k++) {
		int on = 1;
		char *p;

		fd[k] = ept_open_as(self->ept, O_WRONLY);
		ASSERT_GE(fd[k], 0);
		ASSERT_EQ(0, ioctl(fd[k], VHOST_RPMSG_EPT_SET_BATCH, &on));
		p = self->buf + k * 16384;
		w[k] = (struct writer){ fd[k], p, 500 * 24, 0 };
		for (uint32_t i = 0; i < 500; i++, p += 24) {
			put(p, 0, 0, 8);
			memcpy(p + REC, &i, 4);
			memcpy(p + REC + 4, &k, 4);
		}
	}
	for (int k = 0; k < 4; k++)
		ASSERT_EQ(0,
			  pthread_create(&thread[k], NULL, write_all, &w[k]));
	for (int i = 0; i < 2000; i++) {
		ASSERT_EQ(8, guest_recv_copy(&self->g, NULL, data, 8, LONG_MS));
		ASSERT_GT(4, data[1]);
		ASSERT_EQ(next[data[1]], data[0]);
		next[data[1]]++;
	}
	for (int k = 0; k < 4; k++) {
		pthread_join(thread[k], NULL);
		EXPECT_EQ(0, w[k].err);
		close(fd[k]);
	}
}

/* The mode */

TEST_F(batch, is_a_property_of_the_open_file)
{
	int plain = ept_open_as(self->ept, O_WRONLY), mode = 2;
	struct guest_hdr hdr;

	fill(self->buf, 5, 5);
	EXPECT_EQ(5, write(plain, self->buf, 5));
	ARRIVES(5);
	EXPECT_ERR(EINVAL, ioctl(self->fd, VHOST_RPMSG_EPT_SET_BATCH, &mode));
	EXPECT_ERR(EFAULT, ioctl(self->fd, VHOST_RPMSG_EPT_SET_BATCH, 1));
	put(self->buf, 0, 0, 6);
	EXPECT_EQ((ssize_t)REC + 6, write(self->fd, self->buf, REC + 6));
	ARRIVES(6);
	EXPECT_EQ(0, vrpmsg_fd_set_batch(self->fd, false));
	SEND_N(1024, 2);
	EXPECT_EQ(0, read(self->fd, self->buf, 100));
	EXPECT_EQ(1, read(self->fd, self->buf, 100));
	close(plain);
}

TEST_F(batch, the_end_of_the_endpoint)
{
	SEND_N(1024, 3);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_EQ((ssize_t)size_of_n(3),
		  read(self->fd, self->buf, sizeof(self->buf)));
	EXPECT_ERR(EPIPE, read(self->fd, self->buf, sizeof(self->buf)));
	put(self->buf, 0, 0, 6);
	EXPECT_ERR(EPIPE, write(self->fd, self->buf, REC + 6));
}

TEST_F(batch, io_uring)
{
	struct io_uring_sqe *sqe;
	struct guest_hdr hdr;
	struct io_uring ring;
	char *p = self->buf;
	int err;

	err = io_uring_queue_init(8, &ring, 0);
	if (err)
		SKIP(return, "io_uring: %s", strerror(-err));
	fcntl(self->fd, F_SETFL, 0);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, self->fd, self->buf, sizeof(self->buf), 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-ETIME, uring_result(&ring, 1));
	SEND_N(1024, 1);
	ASSERT_EQ((int)REC, uring_result(&ring, LONG_MS));

	for (int i = 0; i < 30; i++)
		p = put(p, 0, 0, i);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write(sqe, self->fd, self->buf, p - self->buf, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ((int)(p - self->buf), uring_result(&ring, LONG_MS));
	for (int i = 0; i < 30; i++)
		ARRIVES(i);
	io_uring_queue_exit(&ring);
}

/* The library */

TEST_F(batch, records_of_the_library)
{
	struct vrpmsg_rec rec = { .addr = REMOTE };
	size_t pos = 0, end = 0, size;
	struct guest_hdr hdr;
	char data[64];
	int n = 0;

	size = vrpmsg_rec_size(0) + vrpmsg_rec_size(1) + vrpmsg_rec_size(2);
	EXPECT_EQ(16 + 24 + 24, (int)size);
	for (rec.len = 0; rec.len < 3; rec.len++) {
		fill(data, rec.len, rec.len);
		rec.data = data;
		ASSERT_EQ(0, vrpmsg_rec_put(self->buf, size, &end, &rec));
	}
	EXPECT_EQ(size, end);
	EXPECT_ERR(ENOBUFS, vrpmsg_rec_put(self->buf, size, &end, &rec));
	EXPECT_EQ(size, end);
	ASSERT_EQ((ssize_t)size, write(self->fd, self->buf, size));
	for (int i = 0; i < 3; i++)
		ARRIVES(i);

	SEND_N(1024, 30);
	size = read(self->fd, self->buf, sizeof(self->buf));
	while (vrpmsg_rec_next(self->buf, size, &pos, &rec) == 1) {
		ASSERT_EQ(n, (int)rec.len);
		ASSERT_EQ(REMOTE + n, (int)rec.addr);
		ASSERT_EQ(self->generation, rec.generation);
		ASSERT_EQ(0, check_fill(rec.data, n, n));
		n++;
	}
	EXPECT_EQ(30, n);
	EXPECT_EQ(0, vrpmsg_rec_next(self->buf, size, &pos, &rec));
	pos = 0;
	EXPECT_ERR(EBADMSG, vrpmsg_rec_next(self->buf, 15, &pos, &rec));
	((struct vhost_rpmsg_rec *)self->buf)->len = 85;
	EXPECT_ERR(EBADMSG, vrpmsg_rec_next(self->buf, 100, &pos, &rec));
	EXPECT_EQ(0, pos);
	EXPECT_ERR(ENOTTY, vrpmsg_fd_set_batch(STDIN_FILENO, true));
}

TEST_HARNESS_MAIN
