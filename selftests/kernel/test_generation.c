// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reset of the guest as a process sees it: the generation changes, each message has the
 * generation of its guest, and no message for the old guest reaches the new one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/rpmsg.h>
#include <linux/userfaultfd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"generation"
#define REMOTE	0x400
#define S(name)	VHOST_RPMSG_A_STATS_##name
#define DROP_RESET	(1 + VHOST_RPMSG_RESET_POLICY_DROP)

#ifndef RPMSG_GET_OUTGOING_FLOWCONTROL
#define RPMSG_GET_OUTGOING_FLOWCONTROL	_IOR(0xb5, 0x5, int)
#define RPMSG_SET_INCOMING_FLOWCONTROL	_IOR(0xb5, 0x6, int)
#endif

struct record {
	struct vhost_rpmsg_addr addr;
	char data[32];
};

FIXTURE(generation)
{
	struct guest g;
	int ept;		/* fixed remote, address 1024 */
	int fd;			/* non-blocking */
	int addressed;		/* address 9 */
	int afd;
	struct record rec;
	char buf[1024];
};

FIXTURE_SETUP(generation)
{
	struct guest_opts opts = { .name = DEV };

	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept",
				       .remote = REMOTE));
	self->addressed = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9,
					     .addressed = true));
	ASSERT_GE(self->ept, 0);
	ASSERT_GE(self->addressed, 0);
	self->fd = ept_open_as(self->ept, O_RDWR | O_NONBLOCK);
	self->afd = ept_open_as(self->addressed, O_RDWR | O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->afd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(generation)
{
	guest_close(&self->g);
	close(self->fd);
	close(self->afd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Send a message from the guest, and wait until the host has it. */
#define SEND(dst, data)							\
	do {								\
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, dst, data,	\
					strlen(data)));			\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
	} while (0)

/* Use another file for the ioctl, so that POLLPRI of the tests' files stays. */
static struct vhost_rpmsg_ept_info info_of(int ept)
{
	int fd = ept_open_as(ept, O_WRONLY);
	struct vhost_rpmsg_ept_info info = ept_info(fd);

	close(fd);
	return info;
}

TEST_F(generation, is_never_0_once_a_guest_was_there)
{
	struct vhost_rpmsg_ept_info info;
	uint32_t first;
	int id, fd;

	first = info_of(self->ept).generation;
	EXPECT_NE(0, first);
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_NE(0, info_of(self->ept).generation);
	EXPECT_NE(first, info_of(self->ept).generation);

	ASSERT_GT(nl_dev_new(DEV "-new"), 0);
	id = nl_ept_new(EPT_REQ(.dev = DEV "-new"));
	fd = ept_open_as(id, O_RDWR);
	ASSERT_EQ(0, ioctl(fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_EQ(0, info.generation);
	EXPECT_EQ(0, info.head_generation);
	close(fd);
	ASSERT_EQ(0, nl_dev_del(DEV "-new"));
}

TEST_F(generation, a_pause_is_the_same_guest)
{
	uint32_t generation;

	SEND(1024, "x");
	generation = info_of(self->ept).generation;
	ASSERT_EQ(0, guest_pause(&self->g));
	ASSERT_EQ(0, guest_resume(&self->g));
	EXPECT_EQ(generation, info_of(self->ept).generation);
}

TEST_F(generation, pri_until_the_file_has_been_told)
{
	struct vhost_rpmsg_ept_info info;
	int other = ept_open_as(self->ept, O_WRONLY | O_NONBLOCK), flow = -1;

	/* The file was opened before the first guest, which does not count as a change. */
	EXPECT_EQ(0, poll_fd(self->fd, POLLPRI, 0));
	EXPECT_EQ(0, poll_fd(other, POLLPRI, 0));

	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(POLLPRI, poll_fd(self->fd, POLLPRI, LONG_MS));
	/* This clears the mark of this file only. */
	EXPECT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_EQ(0, poll_fd(self->fd, POLLPRI, 0));
	EXPECT_EQ(POLLPRI, poll_fd(other, POLLPRI, 0));
	EXPECT_EQ(0, ioctl(other, RPMSG_GET_OUTGOING_FLOWCONTROL, &flow));
	EXPECT_EQ(0, flow);
	EXPECT_EQ(0, poll_fd(other, POLLPRI, 0));
	/* A failed call does not clear the mark. */
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_ERR(EFAULT, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, 1));
	EXPECT_ERR(EFAULT, ioctl(self->fd, RPMSG_GET_OUTGOING_FLOWCONTROL, 1));
	EXPECT_EQ(POLLPRI, poll_fd(self->fd, POLLPRI, 0));
	close(other);
}

static void *poll_pri(void *arg)
{
	int *fd = arg;

	return (void *)(long)poll_fd(*fd, POLLPRI, LONG_MS);
}

/* Also if the last guest was forgotten before, together with its VMM. */
TEST_F(generation, pollers_wake_up_for_a_new_guest)
{
	struct guest_opts opts = { .name = DEV };
	struct vhost_rpmsg_ept_info info;
	pthread_t thread;
	void *events;
	int err;

	for (int close_first = 0; close_first < 2; close_first++) {
		if (close_first)
			guest_close(&self->g);
		ASSERT_EQ(0, ioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &info));
		ASSERT_EQ(0,
			  pthread_create(&thread, NULL, poll_pri, &self->fd));
		usleep(SHORT_MS * 1000);
		err = close_first ? guest_open(&self->g, &opts) :
				    guest_reset(&self->g);
		ASSERT_EQ(0, err);
		pthread_join(thread, &events);
		EXPECT_EQ(POLLPRI, (long)events);
	}
}

TEST_F(generation, of_messages)
{
	uint32_t old = info_of(self->addressed).generation, new;

	SEND(9, "old");
	EXPECT_EQ(old, info_of(self->addressed).head_generation);
	ASSERT_EQ(0, guest_reset(&self->g));
	new = info_of(self->addressed).generation;
	SEND(9, "new");
	EXPECT_EQ(old, info_of(self->addressed).head_generation);
	ASSERT_EQ(8 + 3, read(self->afd, &self->rec, sizeof(self->rec)));
	EXPECT_EQ(old, self->rec.addr.generation);
	EXPECT_EQ(0, memcmp(self->rec.data, "old", 3));
	EXPECT_EQ(new, info_of(self->addressed).head_generation);
	ASSERT_EQ(8 + 3, read(self->afd, &self->rec, sizeof(self->rec)));
	EXPECT_EQ(new, self->rec.addr.generation);
	EXPECT_EQ(0, info_of(self->addressed).head_generation);
}

TEST_F(generation, an_answer_to_a_guest_that_is_gone_is_stale)
{
	SEND(9, "ask");
	ASSERT_EQ(8 + 3, read(self->afd, &self->rec, sizeof(self->rec)));
	/* Answer by writing the record that was read. */
	EXPECT_EQ(8 + 3, write(self->afd, &self->rec, 8 + 3));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_ERR(ESTALE, write(self->afd, &self->rec, 8 + 3));
	/* Generation 0 is for any guest. */
	self->rec.addr.generation = 0;
	EXPECT_EQ(8 + 3, write(self->afd, &self->rec, 8 + 3));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
}

/* It is queued when the old guest was forgotten and the new one is not there yet. */
TEST_F(generation, an_answer_that_waits_does_not_reach_the_next_guest)
{
	struct guest_opts opts = { .name = DEV };
	struct vhost_rpmsg_ept_info info;

	self->rec.addr.addr = REMOTE;
	self->rec.addr.generation = info_of(self->addressed).generation;
	guest_close(&self->g);
	EXPECT_EQ(8 + 3, write(self->afd, &self->rec, 8 + 3));
	self->rec.addr.generation = 0;
	EXPECT_EQ(8 + 5, write(self->afd, &self->rec, 8 + 5));
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	EXPECT_EQ(5, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
	EXPECT_STAT(1, ept_stat(self->addressed, S(TX_DROP_RESET)));
	ASSERT_EQ(0, ioctl(self->afd, VHOST_RPMSG_EPT_GET_INFO, &info));
	EXPECT_EQ(1, info.tx_dropped);
	EXPECT_EQ(0, info.rx_dropped);
}

TEST_F(generation, unread_messages_are_kept_or_dropped_at_a_reset)
{
	struct nl_ept ept;

	SEND(1024, "kept");
	ASSERT_EQ(0, guest_reset(&self->g));
	SEND(1024, "new");
	EXPECT_EQ(4, read(self->fd, self->buf, 100));
	EXPECT_EQ(3, read(self->fd, self->buf, 100));

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.reset = DROP_RESET), -1));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(VHOST_RPMSG_RESET_POLICY_DROP, ept.reset);
	SEND(1024, "gone");
	SEND(1024, "too");
	ASSERT_EQ(0, guest_reset(&self->g));
	SEND(1024, "newer");
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(2, ept.stats[S(RX_DISCARDS)]);
	EXPECT_EQ(5 + VHOST_RPMSG_MSG_OVERHEAD, ept.rx_queued);
	EXPECT_EQ(5, read(self->fd, self->buf, 100));
	EXPECT_ERR(EAGAIN, read(self->fd, self->buf, 100));
}

/* The guest that waited for room is gone, together with its messages. */
TEST_F(generation, reset_drop_ends_a_stall)
{
	ASSERT_EQ(0,
		  nl_ept_set(self->ept,
			     EPT_REQ(.reset = DROP_RESET, .rx_limit = 1), -1));
	SEND(1024, "full");
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "held", 4));
	ASSERT_TRUE(WAIT_FOR(ept_stat(self->ept, S(STALLS)) == 1, LONG_MS));
	ASSERT_EQ(0, guest_reset(&self->g));
	SEND(1024, "newer");
	EXPECT_EQ(5, read(self->fd, self->buf, 100));
	EXPECT_ERR(EAGAIN, read(self->fd, self->buf, 100));
}

struct reader {
	int fd;
	void *page;
	ssize_t ret;
};

static void *read_page(void *arg)
{
	struct reader *r = arg;

	r->ret = read(r->fd, r->page, 4096);
	return NULL;
}

/* Neither waits for the other, and no message is freed while it is copied. */
TEST_F(generation, reset_drop_while_a_message_is_read)
{
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_zeropage zero = {};
	struct reader r = { .fd = self->fd };
	pthread_t thread;

	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	r.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)r.page;
	range.range.len = 4096;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &range));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.reset = DROP_RESET), -1));
	SEND(1024, "copied");
	SEND(1024, "gone");
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_page, &r));
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_EQ(0, guest_reset(&self->g));
	SEND(1024, "new");
	zero.range = range.range;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	pthread_join(thread, NULL);
	EXPECT_EQ(6, r.ret);
	EXPECT_EQ(0, memcmp(r.page, "copied", 6));
	EXPECT_EQ(3, read(self->fd, self->buf, 100));
	EXPECT_ERR(EAGAIN, read(self->fd, self->buf, 100));
	EXPECT_STAT(1, ept_stat(self->ept, S(RX_DISCARDS)));
	close(uffd);
}

TEST_F(generation, flow_control_as_rpmsg_char_on_virtio)
{
	EXPECT_ERR(EOPNOTSUPP,
		   ioctl(self->fd, RPMSG_SET_INCOMING_FLOWCONTROL, 0));
	EXPECT_ERR(EOPNOTSUPP,
		   ioctl(self->fd, RPMSG_SET_INCOMING_FLOWCONTROL, 1));
	EXPECT_ERR(EINVAL, ioctl(self->fd, RPMSG_SET_INCOMING_FLOWCONTROL, 2));
}

TEST_HARNESS_MAIN
