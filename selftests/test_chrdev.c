// SPDX-License-Identifier: GPL-2.0-only
/* The char device: each row of the table in docs/char-device.md. */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rpmsg.h>
#include <linux/userfaultfd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"chrdev"
#define REMOTE	0x400
#define COST(len)	((len) + VHOST_RPMSG_MSG_OVERHEAD)

FIXTURE(chrdev)
{
	struct guest g;
	int ept;		/* fixed remote, address 1024 */
	int fd;			/* non-blocking */
	char buf[1024];
};

FIXTURE_SETUP(chrdev)
{
	struct guest_opts opts = { .name = DEV };

	/* A test before this one may have died. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept",
				       .remote = REMOTE));
	ASSERT_GE(self->ept, 0);
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(chrdev)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define EXPECT_ERR(err, expr)			\
	do {					\
		errno = 0;			\
		EXPECT_EQ(-1, (long)(expr));	\
		EXPECT_EQ(err, errno);		\
	} while (0)

#define SEND(data, len) \
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data, len))
#define READABLE() ASSERT_TRUE(poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN)

static void set_blocking(int fd)
{
	fcntl(fd, F_SETFL, 0);
}

/* open */

TEST_F(chrdev, open_is_exclusive)
{
	EXPECT_EQ(-EBUSY, ept_open(self->ept, 0));
	close(self->fd);
	self->fd = ept_open(self->ept, O_NONBLOCK);
	EXPECT_GE(self->fd, 0);
}

TEST_F(chrdev, open_of_a_deleted_endpoint)
{
	const char *path = "/dev/shm/vrpmsg-node";
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	unlink(path);
	ASSERT_EQ(0, mknod(path, S_IFCHR | 0600, st.st_rdev));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_ERR(ENETRESET, open(path, O_RDWR));
	unlink(path);
	/* And its own node is gone. */
	EXPECT_EQ(-ENOENT, ept_open(self->ept, 0));
}

TEST_F(chrdev, node_is_private)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->fd, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
}

TEST_F(chrdev, uevent_has_names)
{
	char path[64], buf[512] = {};
	int fd;

	snprintf(path, sizeof(path), "/sys/class/vrpmsg/vrpmsg-ep%d/uevent",
		 self->ept);
	fd = open(path, O_RDONLY);
	ASSERT_GE(fd, 0);
	ASSERT_GT(read(fd, buf, sizeof(buf) - 1), 0);
	close(fd);
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_DEVICE=" DEV "\n"));
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_ENDPOINT=ept\n"));
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_ADDR=1024\n"));
}

/* read */

TEST_F(chrdev, read_is_one_message)
{
	SEND("one", 3);
	SEND("three", 5);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(3, read(self->fd, self->buf, 1024));
	EXPECT_EQ(5, read(self->fd, self->buf, 1024));
	EXPECT_EQ(0, memcmp(self->buf, "three", 5));
	EXPECT_ERR(EAGAIN, read(self->fd, self->buf, 1024));
}

TEST_F(chrdev, read_into_a_small_buffer_keeps_the_message)
{
	SEND("12345", 5);
	READABLE();
	EXPECT_ERR(EMSGSIZE, read(self->fd, self->buf, 4));
	EXPECT_ERR(EMSGSIZE, read(self->fd, self->buf, 0));
	EXPECT_EQ(5, read(self->fd, self->buf, 5));
}

TEST_F(chrdev, read_of_an_empty_message)
{
	SEND("", 0);
	SEND("x", 1);
	READABLE();
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, read(self->fd, self->buf, 0));
	EXPECT_EQ(1, read(self->fd, self->buf, 1));
}

TEST_F(chrdev, read_into_bad_memory_keeps_the_message)
{
	struct nl_ept ept;

	SEND("keep", 4);
	READABLE();
	EXPECT_ERR(EFAULT, read(self->fd, bad_ptr, 100));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(COST(4), ept.rx_queued);
	/* And its place before others. */
	SEND("next", 4);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(4, read(self->fd, self->buf, 100));
	EXPECT_EQ(0, memcmp(self->buf, "keep", 4));
	EXPECT_EQ(4, read(self->fd, self->buf, 100));
	EXPECT_EQ(0, memcmp(self->buf, "next", 4));
}

TEST_F(chrdev, readv_scatters)
{
	char a[3], b[4];
	struct iovec iov[] = { { a, 3 }, { b, 4 } };

	SEND("abcdefg", 7);
	READABLE();
	EXPECT_EQ(7, readv(self->fd, iov, 2));
	EXPECT_EQ(0, memcmp(a, "abc", 3));
	EXPECT_EQ(0, memcmp(b, "defg", 4));
	SEND("abcdefgh", 8);
	READABLE();
	EXPECT_ERR(EMSGSIZE, readv(self->fd, iov, 2));
}

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

/* Memory whose pages do not come before they are taken away. */
static void *nothing_there;

static void *sleep_in_write(void *arg)
{
	struct sleeper *s = arg;

	s->running = true;
	s->ret = write(s->fd, "late", 4);
	s->err = errno;
	return NULL;
}

/* As seen from outside: the thread has gone to sleep. */
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
 * While one reader has the message, another finds nothing and sleeps; it must
 * learn that the message is there again.
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
	/* The fault is over when the descriptor is closed. */
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

TEST_F(chrdev, read_of_what_is_queued_when_the_endpoint_goes)
{
	SEND("left", 4);
	SEND("over", 4);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_EQ(4, read(self->fd, self->buf, 100));
	EXPECT_EQ(4, read(self->fd, self->buf, 100));
	EXPECT_EQ(0, memcmp(self->buf, "over", 4));
	EXPECT_ERR(EPIPE, read(self->fd, self->buf, 100));
}

static void nothing(int sig)
{
	(void)sig;
}

/* Again and again: the first one may come before the call that is to sleep. */
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

TEST_F(chrdev, write_is_one_message)
{
	struct guest_hdr hdr;

	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_EQ(0, write(self->fd, "", 0));
	ASSERT_EQ(5, write(self->fd, "three", 5));
	EXPECT_EQ(3, guest_recv_copy(&self->g, &hdr, self->buf, 100, LONG_MS));
	EXPECT_EQ(1024, hdr.src);
	EXPECT_EQ(REMOTE, hdr.dst);
	EXPECT_EQ(0, guest_recv_copy(&self->g, &hdr, self->buf, 100, LONG_MS));
	EXPECT_EQ(5, guest_recv_copy(&self->g, &hdr, self->buf, 100, LONG_MS));
	EXPECT_EQ(0, memcmp(self->buf, "three", 5));
}

TEST_F(chrdev, write_up_to_the_mtu)
{
	EXPECT_EQ(496, write(self->fd, self->buf, 496));
	EXPECT_ERR(EMSGSIZE, write(self->fd, self->buf, 497));
	EXPECT_EQ(496, guest_recv_copy(&self->g, NULL, NULL, 600, LONG_MS));
	EXPECT_EQ(-ETIMEDOUT,
		  guest_recv_copy(&self->g, NULL, NULL, 600, SHORT_MS));
}

TEST_F(chrdev, write_without_a_remote)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7));
	int fd = ept_open(id, 0);
	struct nl_ept ept;

	ASSERT_GE(fd, 0);
	EXPECT_ERR(ENOTCONN, write(fd, "x", 1));
	/* A message too long for anybody comes before that. */
	EXPECT_ERR(EMSGSIZE, write(fd, self->buf, 600));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0) & POLLOUT);

	/* Not learned: nobody has this address. */
	ASSERT_EQ(0, guest_send(&self->g, VHOST_RPMSG_ADDR_ANY, 7, "hi", 2));
	ASSERT_EQ(2, read(fd, self->buf, 600));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_NONE, ept.remote_kind);
	EXPECT_ERR(ENOTCONN, write(fd, "x", 1));

	/* Learned from the first message, and only from that. */
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hi", 2));
	ASSERT_EQ(0, guest_send(&self->g, 0x888, 7, "hi", 2));
	EXPECT_EQ(POLLOUT, poll_fd(fd, POLLOUT, LONG_MS) & POLLOUT);
	EXPECT_EQ(1, write(fd, "x", 1));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(0x777, ept.remote);
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_LEARNED, ept.remote_kind);
	close(fd);
}

TEST_F(chrdev, write_from_bad_memory)
{
	struct nl_ept ept;

	EXPECT_ERR(EFAULT, write(self->fd, bad_ptr, 10));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(0, ept.tx_queued);
	EXPECT_EQ(-ETIMEDOUT,
		  guest_recv_copy(&self->g, NULL, NULL, 600, SHORT_MS));
}

TEST_F(chrdev, writev_gathers)
{
	struct iovec iov[] = { { "abc", 3 }, { "", 0 }, { "defg", 4 } };

	EXPECT_EQ(7, writev(self->fd, iov, 3));
	EXPECT_EQ(7, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	EXPECT_EQ(0, memcmp(self->buf, "abcdefg", 7));
}

TEST_F(chrdev, write_to_a_deleted_endpoint)
{
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_ERR(EPIPE, write(self->fd, "x", 1));
	EXPECT_ERR(EPIPE, write(self->fd, self->buf, 600));
}

/* A guest that takes nothing, and a send queue that takes one message. */
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

/* A single call that must not sleep, on a file whose others may. */
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

/* close */

TEST_F(chrdev, close_discards_what_was_not_read)
{
	SEND("1", 1);
	SEND("2", 1);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	READABLE();
	close(self->fd);
	EXPECT_EQ(2, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_DISCARDS));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	EXPECT_ERR(EAGAIN, read(self->fd, self->buf, 100));
}

TEST_F(chrdev, close_does_not_hold_back_what_was_written)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(3, write(self->fd, "bye", 3));
	close(self->fd);
	self->fd = -1;
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
}

TEST_F(chrdev, last_close_counts)
{
	int copy = dup(self->fd);

	close(self->fd);
	EXPECT_EQ(-EBUSY, ept_open(self->ept, 0));
	SEND("x", 1);
	EXPECT_EQ(POLLIN, poll_fd(copy, POLLIN, LONG_MS));
	self->fd = copy;
}

TEST_F(chrdev, children_share_the_file)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(write(self->fd, "child", 5) != 5);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(5, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
}

/* ioctl */

TEST_F(chrdev, info)
{
	struct vhost_rpmsg_ept_info info;

	ASSERT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_STREQ("ept", info.name);
	EXPECT_STREQ(DEV, info.dev_name);
	EXPECT_EQ(self->ept, (int)info.id);
	EXPECT_EQ(1024, info.src);
	EXPECT_EQ(REMOTE, info.dst);
	EXPECT_EQ(496, info.mtu);
	EXPECT_EQ(0, info.flags);
	EXPECT_EQ(0, info.reserved[0] | info.reserved[1]);

	ASSERT_EQ(0, nl_announce(self->ept));
	ASSERT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_EQ(VHOST_RPMSG_EPT_ANNOUNCED, info.flags);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	ASSERT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_EQ(VHOST_RPMSG_EPT_GONE, info.flags);
	EXPECT_STREQ("ept", info.name);
	EXPECT_ERR(EFAULT, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, 1));
}

static bool has_mtu(int fd, struct vhost_rpmsg_ept_info *info, uint32_t mtu)
{
	return !ioctl(fd, VHOST_RPMSG_EPT_GET_INFO, info) && info->mtu == mtu;
}

TEST_F(chrdev, info_of_an_addressed_endpoint_and_large_buffers)
{
	struct guest_opts opts = { .name = DEV, .buf_size = 2048 };
	struct vhost_rpmsg_ept_info info;
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9, .addressed = true));
	int fd = ept_open(id, O_NONBLOCK);

	ASSERT_GE(fd, 0);
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	EXPECT_TRUE(WAIT_FOR(has_mtu(fd, &info, 2032), LONG_MS));
	EXPECT_EQ(VHOST_RPMSG_EPT_ADDRESSED, info.flags);
	EXPECT_EQ(9, info.src);
	EXPECT_EQ(VHOST_RPMSG_ADDR_ANY, info.dst);
	close(fd);
}

TEST_F(chrdev, ioctls_of_a_32_bit_program)
{
	struct vhost_rpmsg_ept_info *info = ioctl32_page();

	if (!info)
		SKIP(return, "the kernel runs no 32-bit programs");
	EXPECT_EQ(0, ioctl32(self->fd, VHOST_RPMSG_EPT_GET_INFO, info));
	EXPECT_EQ(self->ept, (int)info->id);
	EXPECT_STREQ(DEV, info->dev_name);
	EXPECT_EQ(0, ioctl32(self->fd, RPMSG_DESTROY_EPT_IOCTL, NULL));
	EXPECT_EQ(-EPIPE, ioctl32(self->fd, RPMSG_DESTROY_EPT_IOCTL, NULL));
}

TEST_F(chrdev, destroy)
{
	struct nl_ept ept;

	ASSERT_EQ(0, ioctl(self->fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(-ENOENT, nl_ept_get(self->ept, &ept));
	EXPECT_ERR(EPIPE, read(self->fd, self->buf, 10));
	EXPECT_ERR(EPIPE, ioctl(self->fd, RPMSG_DESTROY_EPT_IOCTL));
}

TEST_F(chrdev, unknown_ioctls)
{
	EXPECT_ERR(ENOTTY, ioctl(self->fd, _IO(0xb5, 0x7f)));
	EXPECT_ERR(ENOTTY, ioctl(self->fd, VHOST_SET_OWNER));
}

/* A program that was written for /dev/rpmsgN, and knows nothing else. */
static int rpmsg_char_program(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[512];
	ssize_t n;

	if (fd < 0)
		return 1;
	if (write(pfd.fd, "hello", 5) != 5)
		return 2;
	if (poll(&pfd, 1, LONG_MS) != 1 || !(pfd.revents & POLLIN))
		return 3;
	n = read(pfd.fd, buf, sizeof(buf));
	if (n != 6 || memcmp(buf, "world!", 6))
		return 4;
	if (read(pfd.fd, buf, sizeof(buf)) != -1 || errno != EAGAIN)
		return 5;
	if (ioctl(pfd.fd, RPMSG_DESTROY_EPT_IOCTL))
		return 6;
	if (poll(&pfd, 1, LONG_MS) != 1 || !(pfd.revents & POLLHUP))
		return 7;
	return close(pfd.fd) ? 8 : 0;
}

TEST_F(chrdev, a_program_for_rpmsg_char_works)
{
	char path[32];
	int status;
	pid_t pid;

	close(self->fd);
	self->fd = -1;
	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%d", self->ept);
	pid = fork();
	if (!pid)
		_exit(rpmsg_char_program(path));
	ASSERT_EQ(5, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	SEND("world!", 6);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* addressed endpoints */

struct record {
	struct vhost_rpmsg_addr addr;
	char data[32];
};

TEST_F(chrdev, addressed_endpoint_with_100_remotes)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9, .addressed = true));
	int fd = ept_open(id, O_NONBLOCK);
	struct guest_hdr hdr;
	struct record rec;
	uint32_t i, n;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, guest_queue(&self->g, 5000 + i, 9, &i, 4));
	guest_kick(&self->g, GUEST_RX);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(12, read(fd, &rec, sizeof(rec)));
		ASSERT_EQ(5000 + i, rec.addr.addr);
		ASSERT_EQ(0, rec.addr.reserved);
		ASSERT_EQ(0, memcmp(rec.data, &i, 4));
		ASSERT_EQ(12, write(fd, &rec, 12));
	}
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(4, guest_recv_copy(&self->g, &hdr, &n, 4, LONG_MS));
		ASSERT_EQ(i, n);
		ASSERT_EQ(5000 + i, hdr.dst);
		ASSERT_EQ(9, hdr.src);
	}
	close(fd);
}

TEST_F(chrdev, addressed_records_are_checked)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9, .addressed = true));
	int fd = ept_open(id, O_NONBLOCK);
	struct record rec = { .addr.addr = 5 };
	char big[8 + 497] = { 5 };

	ASSERT_GE(fd, 0);
	EXPECT_ERR(EINVAL, write(fd, &rec, 0));
	EXPECT_ERR(EINVAL, write(fd, &rec, 7));
	rec.addr.reserved = 1;
	EXPECT_ERR(EINVAL, write(fd, &rec, 12));
	rec.addr.reserved = 0;
	rec.addr.addr = VHOST_RPMSG_ADDR_ANY;
	EXPECT_ERR(EINVAL, write(fd, &rec, 12));
	EXPECT_ERR(EMSGSIZE, write(fd, big, sizeof(big)));
	EXPECT_EQ(8 + 496, write(fd, big, 8 + 496));
	EXPECT_EQ(496, guest_recv_copy(&self->g, NULL, NULL, 600, LONG_MS));

	/* An empty message is just its address. */
	rec.addr.addr = 6;
	EXPECT_EQ(8, write(fd, &rec, 8));
	EXPECT_EQ(0, guest_recv_copy(&self->g, NULL, NULL, 600, LONG_MS));
	ASSERT_EQ(0, guest_send(&self->g, 6, 9, "", 0));
	ASSERT_EQ(POLLIN, poll_fd(fd, POLLIN, LONG_MS));
	EXPECT_ERR(EMSGSIZE, read(fd, &rec, 7));
	EXPECT_EQ(8, read(fd, &rec, 8));
	close(fd);
}

/* io_uring */

static int uring_result(struct io_uring *ring, int timeout_ms)
{
	struct __kernel_timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};
	struct io_uring_cqe *cqe;
	int res;

	if (io_uring_wait_cqe_timeout(ring, &cqe, &ts))
		return -ETIME;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

/* Kernel threads of io_uring in this process. */
static int uring_workers(void)
{
	char cmd[128];
	FILE *f;
	int n = -1;

	snprintf(cmd, sizeof(cmd),
		 "cat /proc/%d/task/*/comm | grep -c '^iou-wrk'", getpid());
	f = popen(cmd, "r"); /* NOLINT(cert-env33-c): the shell is wanted */
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
		/* It is armed first, and completes when the message comes. */
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
	/* What it tried before with no room must not have eaten the data. */
	ASSERT_EQ(6, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
	EXPECT_EQ(0, memcmp(self->buf, "second", 6));
	io_uring_queue_exit(&ring);
}

/* Nor the address in front of it. */
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
