// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of the char device that wait, and events that end the wait: messages, room, the
 * end of the endpoint, signals. Also poll, epoll and io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/userfaultfd.h>
#include <sys/select.h>

#include "kselftest_harness.h"

#include "chrdev_fixture.h"
#include "uring.h"

/* read */

struct sleeper {
	int fd;
	pthread_t thread;
	volatile bool running;
	ssize_t ret;
	int err;
};

static void *sleep_in_read(void *arg)
{
	struct sleeper *s = arg;
	char buf[600];

	s->running = true;
	s->ret = read(s->fd, buf, sizeof(buf));
	s->err = errno;
	return NULL;
}

/* Memory that blocks a copy until it is unmapped. */
static void *nothing_there;

static void *sleep_in_write(void *arg)
{
	struct sleeper *s = arg;

	s->running = true;
	s->ret = write(s->fd, "late", 4);
	s->err = errno;
	return NULL;
}

/* Start the thread, and wait until it sleeps. */
static bool start(struct sleeper *s, int fd, void *(*fn)(void *))
{
	s->fd = fd;
	if (pthread_create(&s->thread, NULL, fn, s))
		return false;
	if (!WAIT_FOR(s->running, LONG_MS))
		return false;
	usleep(SHORT_MS * 1000);
	return true;
}

TEST_F(chrdev, read_sleeps_until_a_message_comes)
{
	struct sleeper s = {};

	set_blocking(self->fd);
	ASSERT_TRUE(start(&s, self->fd, sleep_in_read));
	SEND("wake", 4);
	pthread_join(s.thread, NULL);
	EXPECT_EQ(4, s.ret);
}

static void *read_into_nothing(void *arg)
{
	struct sleeper *s = arg;

	s->running = true;
	s->ret = read(s->fd, nothing_there, 4096);
	s->err = errno;
	return NULL;
}

/*
 * While one reader holds the message, another one finds nothing and sleeps. It must be
 * woken when the first reader fails and the message is available again.
 */
TEST_F(chrdev, read_that_fails_wakes_who_sleeps)
{
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };
	struct sleeper fails = {}, sleeps = {};

	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	nothing_there = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, nothing_there);
	range.range.start = (uintptr_t)nothing_there;
	range.range.len = 4096;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &range));

	set_blocking(self->fd);
	ASSERT_TRUE(start(&fails, self->fd, read_into_nothing));
	SEND("back", 4);
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_TRUE(start(&sleeps, self->fd, sleep_in_read));
	/* Closing the descriptor ends the fault. */
	munmap(nothing_there, 4096);
	close(uffd);
	pthread_join(fails.thread, NULL);
	EXPECT_EQ(-1, fails.ret);
	EXPECT_EQ(EFAULT, fails.err);
	pthread_join(sleeps.thread, NULL);
	EXPECT_EQ(4, sleeps.ret);
}

TEST_F(chrdev, read_wakes_up_when_the_endpoint_goes)
{
	struct sleeper s = {};

	set_blocking(self->fd);
	ASSERT_TRUE(start(&s, self->fd, sleep_in_read));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(-1, s.ret);
	EXPECT_EQ(EPIPE, s.err);
}

static void nothing(int sig)
{
	(void)sig;
}

/* Repeat the alarm, since the first one may arrive before the call sleeps. */
static void begin_alarms(void)
{
	struct sigaction sa = { .sa_handler = nothing };

	sigaction(SIGALRM, &sa, NULL);
	ualarm(100000, 100000);
}

TEST_F(chrdev, read_can_be_interrupted)
{
	set_blocking(self->fd);
	begin_alarms();
	EXPECT_ERR(EINTR, read(self->fd, self->buf, 100));
	ualarm(0, 0);
}

/* write */

static void block_guest(struct __test_metadata *_metadata,
			FIXTURE_DATA(chrdev) *self)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 1), -1));
	ASSERT_EQ(4, write(self->fd, "full", 4));
}

TEST_F(chrdev, write_to_a_full_queue)
{
	struct sleeper s = {};

	block_guest(_metadata, self);
	EXPECT_ERR(EAGAIN, write(self->fd, "more", 4));
	EXPECT_EQ(0, poll_fd(self->fd, POLLOUT, 0) & POLLOUT);

	set_blocking(self->fd);
	ASSERT_TRUE(start(&s, self->fd, sleep_in_write));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	pthread_join(s.thread, NULL);
	EXPECT_EQ(4, s.ret);
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	EXPECT_EQ(0, memcmp(self->buf, "full", 4));
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	EXPECT_EQ(0, memcmp(self->buf, "late", 4));
}

/* A single call that must not sleep, on a blocking file. */
static ssize_t read_now(int fd, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	/* cppcheck-suppress invalidFunctionArg ; no offset, as in readv() */
	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT);
}

static ssize_t write_now(int fd, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	/* cppcheck-suppress invalidFunctionArg ; no offset, as in writev() */
	return pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
}

TEST_F(chrdev, calls_without_waiting)
{
	set_blocking(self->fd);
	EXPECT_ERR(EAGAIN, read_now(self->fd, self->buf, 100));
	SEND("x", 1);
	READABLE();
	EXPECT_EQ(1, read_now(self->fd, self->buf, 100));
	EXPECT_EQ(100, write_now(self->fd, self->buf, 100));
	block_guest(_metadata, self);
	EXPECT_ERR(EAGAIN, write_now(self->fd, self->buf, 100));
}

TEST_F(chrdev, write_wakes_up_when_the_endpoint_goes)
{
	struct sleeper s = {};

	block_guest(_metadata, self);
	set_blocking(self->fd);
	ASSERT_TRUE(start(&s, self->fd, sleep_in_write));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(-1, s.ret);
	EXPECT_EQ(EPIPE, s.err);
}

TEST_F(chrdev, write_can_be_interrupted)
{
	block_guest(_metadata, self);
	set_blocking(self->fd);
	begin_alarms();
	EXPECT_ERR(EINTR, write(self->fd, "x", 1));
	ualarm(0, 0);
}

/* poll and epoll */

TEST_F(chrdev, poll_says_what_can_be_done)
{
	EXPECT_EQ(POLLOUT, poll_fd(self->fd, POLLIN | POLLOUT, 0));
	SEND("x", 1);
	EXPECT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(POLLIN | POLLOUT, poll_fd(self->fd, POLLIN | POLLOUT, 0));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_EQ(POLLIN | POLLHUP | POLLERR,
		  poll_fd(self->fd, POLLIN | POLLOUT, 0));
	ASSERT_EQ(1, read(self->fd, self->buf, 10));
	EXPECT_EQ(POLLHUP | POLLERR, poll_fd(self->fd, POLLIN | POLLOUT, 0));
}

TEST_F(chrdev, epoll_reports_edges)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &ev));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	SEND("1", 1);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, LONG_MS));
	EXPECT_EQ(0, epoll_wait(ep, &ev, 1, 0));
	SEND("2", 1);
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, LONG_MS));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_EQ(1, epoll_wait(ep, &ev, 1, LONG_MS));
	EXPECT_EQ(EPOLLIN | EPOLLHUP | EPOLLERR, ev.events);
	close(ep);
}

static void *sleep_in_poll(void *arg)
{
	struct sleeper *s = arg;

	s->running = true;
	s->ret = poll_fd(s->fd, POLLIN, LONG_MS);
	return NULL;
}

static void *sleep_in_poll_out(void *arg)
{
	struct sleeper *s = arg;

	s->running = true;
	s->ret = poll_fd(s->fd, POLLOUT, LONG_MS);
	return NULL;
}

static void *sleep_in_poll_write(void *arg)
{
	struct sleeper *s = arg;

	s->running = true;
	s->ret = poll_fd(s->fd, POLLMSG, LONG_MS);
	return NULL;
}

TEST_F(chrdev, poll_wakes_up_when_the_endpoint_goes)
{
	struct sleeper s = {};

	ASSERT_TRUE(start(&s, self->fd, sleep_in_poll));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(POLLHUP | POLLERR, s.ret);
}

TEST_F(chrdev, poll_wakes_up_when_a_remote_is_known)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7));
	int fd = ept_open(id, O_NONBLOCK);
	struct sleeper s = {};

	ASSERT_GE(fd, 0);
	ASSERT_TRUE(start(&s, fd, sleep_in_poll_out));
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hi", 2));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(POLLOUT, s.ret);
	close(fd);
}

/* Who waits to send a message must not send it to the next remote. */
TEST_F(chrdev, poll_wakes_up_when_the_remote_is_gone)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "goes", .tx_limit = 1));
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	int fd = ept_open(id, O_NONBLOCK), reader;
	struct timeval no_time = {};
	struct sleeper s = {};
	fd_set writable;

	ASSERT_GE(fd, 0);
	/* A call of write() would fail at once. */
	EXPECT_EQ(POLLMSG, poll_fd(fd, POLLOUT | POLLMSG, 0));
	/* Who waits for a remote with select() must not see that. */
	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	EXPECT_EQ(0, select(fd + 1, NULL, &writable, NULL, &no_time));
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, guest_ns_send(&self->g, "goes", 0x777, 0));
	ASSERT_EQ(POLLOUT, poll_fd(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(POLLOUT | POLLMSG, poll_fd(fd, POLLOUT | POLLMSG, 0));
	ASSERT_EQ(4, write(fd, "full", 4));
	EXPECT_ERR(EAGAIN, write(fd, "more", 4));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT | POLLMSG, 0));

	ASSERT_TRUE(start(&s, fd, sleep_in_poll_write));
	ASSERT_EQ(0, guest_ns_send(&self->g, "goes", 0x777, 1));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(POLLMSG, s.ret);
	EXPECT_ERR(ENOTCONN, write(fd, "more", 4));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0));
	close(fd);
	/* It is no concern of those that only read. */
	reader = ept_open_as(id, O_RDONLY);
	ASSERT_GE(reader, 0);
	EXPECT_EQ(0, poll_fd(reader, POLLOUT | POLLMSG, 0));
	close(reader);
}

TEST_F(chrdev, poll_wakes_up_when_the_guest_announces)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "waits"));
	int fd = ept_open(id, O_NONBLOCK);
	struct sleeper s = {};

	ASSERT_GE(fd, 0);
	ASSERT_TRUE(start(&s, fd, sleep_in_poll_out));
	ASSERT_EQ(0, guest_ns_send(&self->g, "waits", 0x777, 0));
	pthread_join(s.thread, NULL);
	EXPECT_EQ(POLLOUT, s.ret);
	close(fd);
}

TEST_F(chrdev, poll_and_write_wake_up_when_the_limit_is_raised)
{
	struct sleeper poller = {}, writer = {};

	block_guest(_metadata, self);
	set_blocking(self->fd);
	ASSERT_TRUE(start(&poller, self->fd, sleep_in_poll_out));
	ASSERT_TRUE(start(&writer, self->fd, sleep_in_write));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 1000), -1));
	pthread_join(poller.thread, NULL);
	EXPECT_EQ(POLLOUT, poller.ret);
	pthread_join(writer.thread, NULL);
	EXPECT_EQ(4, writer.ret);
}

/* io_uring */

/* Kernel threads of io_uring in this process. */
static int uring_workers(void)
{
	char cmd[128];
	FILE *f;
	int n = -1;

	snprintf(cmd, sizeof(cmd),
		 "cat /proc/%d/task/*/comm | grep -c '^iou-wrk'", getpid());
	f = popen(cmd, "r"); /* NOLINT(cert-env33-c): this needs the shell */
	if (f && fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		pclose(f);
	return n;
}

TEST_F(chrdev, io_uring_needs_no_threads)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int i, err;

	err = io_uring_queue_init(8, &ring, 0);
	if (err)
		SKIP(return, "io_uring: %s", strerror(-err));
	set_blocking(self->fd);
	for (i = 0; i < 20; i++) {
		/* The request is armed first, and completes when the message arrives. */
		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_read(sqe, self->fd, self->buf, 100, 0);
		ASSERT_EQ(1, io_uring_submit(&ring));
		ASSERT_EQ(-ETIME, uring_result(&ring, 1));
		SEND("message", 7);
		ASSERT_EQ(7, uring_result(&ring, LONG_MS));

		sqe = io_uring_get_sqe(&ring);
		io_uring_prep_write(sqe, self->fd, "answer", 6, 0);
		ASSERT_EQ(1, io_uring_submit(&ring));
		ASSERT_EQ(6, uring_result(&ring, LONG_MS));
		ASSERT_EQ(6, guest_recv_copy(&self->g, NULL, self->buf, 100,
					     LONG_MS));
		ASSERT_EQ(0, memcmp(self->buf, "answer", 6));
	}
	EXPECT_EQ(0, uring_workers());
	io_uring_queue_exit(&ring);
}

TEST_F(chrdev, io_uring_write_waits_for_room)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	int err;

	err = io_uring_queue_init(8, &ring, 0);
	if (err)
		SKIP(return, "io_uring: %s", strerror(-err));
	block_guest(_metadata, self);
	set_blocking(self->fd);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write(sqe, self->fd, "second", 6, 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-ETIME, uring_result(&ring, SHORT_MS));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	ASSERT_EQ(6, uring_result(&ring, LONG_MS));
	ASSERT_EQ(4, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	/* The first attempt without room must not have consumed the data. */
	ASSERT_EQ(6, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	EXPECT_EQ(0, memcmp(self->buf, "second", 6));
	io_uring_queue_exit(&ring);
}

/* The same with the address before the data. */
TEST_F(chrdev, io_uring_write_to_an_address_waits_for_room)
{
	struct record rec = { .addr = { .addr = 5000 }, .data = "first" };
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9, .addressed = true));
	int fd = ept_open(id, 0), err;
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	struct guest_hdr hdr;

	ASSERT_GE(fd, 0);
	err = io_uring_queue_init(8, &ring, 0);
	if (err)
		SKIP(return, "io_uring: %s", strerror(-err));
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, nl_ept_set(id, EPT_REQ(.tx_limit = 1), -1));
	ASSERT_EQ((int)sizeof(rec), write(fd, &rec, sizeof(rec)));

	rec.addr.addr = 5001;
	strcpy(rec.data, "second");
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_write(sqe, fd, &rec, sizeof(rec), 0);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-ETIME, uring_result(&ring, SHORT_MS));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	ASSERT_EQ((int)sizeof(rec), uring_result(&ring, LONG_MS));
	ASSERT_EQ((int)sizeof(rec.data),
		  guest_recv_copy(&self->g, &hdr, self->buf, 100, LONG_MS));
	EXPECT_EQ(5000, hdr.dst);
	ASSERT_EQ((int)sizeof(rec.data),
		  guest_recv_copy(&self->g, &hdr, self->buf, 100, LONG_MS));
	EXPECT_EQ(5001, hdr.dst);
	EXPECT_STREQ("second", self->buf);
	io_uring_queue_exit(&ring);
	close(fd);
}

TEST_HARNESS_MAIN
