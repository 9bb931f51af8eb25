// SPDX-License-Identifier: GPL-2.0-only
/* The calls of the char device and their errors, without waiting. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "kselftest_harness.h"

#include "chrdev_fixture.h"

/* open */

TEST_F(chrdev, open_for_reading_is_exclusive)
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
	/* Its own node is gone, too. */
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
	/* It also stays in front of other messages. */
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
	/* EMSGSIZE takes precedence. */
	EXPECT_ERR(EMSGSIZE, write(fd, self->buf, 600));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0) & POLLOUT);

	/* This address is not learned, since no endpoint can have it. */
	ASSERT_EQ(0, guest_send(&self->g, VHOST_RPMSG_ADDR_ANY, 7, "hi", 2));
	ASSERT_EQ(2, read(fd, self->buf, 600));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_NONE, ept.remote_kind);
	EXPECT_ERR(ENOTCONN, write(fd, "x", 1));

	/* The remote is learned from the first message only. */
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

/* The guest posts no buffers, and the send queue has room for one message. */
/* close */

TEST_F(chrdev, close_discards_what_was_not_read)
{
	SEND("1", 1);
	SEND("2", 1);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	READABLE();
	close(self->fd);
	EXPECT_STAT(2, ept_stat(self->ept, VHOST_RPMSG_A_STATS_RX_DISCARDS));
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
	EXPECT_NE(0, info.generation);
	EXPECT_EQ(0, info.head_generation);
	EXPECT_EQ(0, info.rx_dropped | info.tx_dropped);

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
	EXPECT_EQ(-EINVAL, ioctl32(self->fd, RPMSG_DESTROY_EPT_IOCTL, NULL));
}

TEST_F(chrdev, destroy_is_not_for_what_an_administrator_made)
{
	struct nl_ept ept;

	EXPECT_ERR(EINVAL, ioctl(self->fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(0, nl_ept_get(self->ept, &ept));
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_ERR(EPIPE, ioctl(self->fd, RPMSG_DESTROY_EPT_IOCTL));
}

static int attribute(int ept, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/vrpmsg/vrpmsg-ep%d/%s", ept,
		 name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	buf[n < 0 ? 0 : n] = '\0';
	close(fd);
	return n < 0;
}

/* The attributes are those of /sys/class/rpmsg/rpmsgN. */
TEST_F(chrdev, sysfs_attributes)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9));

	ASSERT_EQ(0, attribute(self->ept, "name", self->buf, 100));
	EXPECT_STREQ("ept\n", self->buf);
	ASSERT_EQ(0, attribute(self->ept, "src", self->buf, 100));
	EXPECT_STREQ("1024\n", self->buf);
	ASSERT_EQ(0, attribute(self->ept, "dst", self->buf, 100));
	EXPECT_STREQ("1024\n", self->buf);
	ASSERT_EQ(0, attribute(id, "name", self->buf, 100));
	EXPECT_STREQ("\n", self->buf);
	ASSERT_EQ(0, attribute(id, "dst", self->buf, 100));
	EXPECT_STREQ("-1\n", self->buf);
}

TEST_F(chrdev, unknown_ioctls)
{
	EXPECT_ERR(ENOTTY, ioctl(self->fd, _IO(0xb5, 0x7f)));
	EXPECT_ERR(ENOTTY, ioctl(self->fd, VHOST_SET_OWNER));
}

/* A program that was written for /dev/rpmsgN. */
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
	/* The result is that for the default endpoint of a channel. */
	if (!ioctl(pfd.fd, RPMSG_DESTROY_EPT_IOCTL) || errno != EINVAL)
		return 6;
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
	EXPECT_EQ(0, status);
}

/* addressed endpoints */

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
		ASSERT_NE(0, rec.addr.generation);
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
	rec.addr.addr = VHOST_RPMSG_ADDR_ANY;
	EXPECT_ERR(EINVAL, write(fd, &rec, 12));
	EXPECT_ERR(EMSGSIZE, write(fd, big, sizeof(big)));
	EXPECT_EQ(8 + 496, write(fd, big, 8 + 496));
	EXPECT_EQ(496, guest_recv_copy(&self->g, NULL, NULL, 600, LONG_MS));

	/* An empty message consists of the address. */
	rec.addr.addr = 6;
	EXPECT_EQ(8, write(fd, &rec, 8));
	EXPECT_EQ(0, guest_recv_copy(&self->g, NULL, NULL, 600, LONG_MS));
	ASSERT_EQ(0, guest_send(&self->g, 6, 9, "", 0));
	ASSERT_EQ(POLLIN, poll_fd(fd, POLLIN, LONG_MS));
	EXPECT_ERR(EMSGSIZE, read(fd, &rec, 7));
	EXPECT_EQ(8, read(fd, &rec, 8));
	close(fd);
}

TEST_HARNESS_MAIN
