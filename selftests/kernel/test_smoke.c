// SPDX-License-Identifier: GPL-2.0-only
/* The module is loaded and refuses invalid requests. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/vhost_rpmsg.h>

#include "kselftest_harness.h"

FIXTURE(vmm)
{
	int fd;
};

FIXTURE_SETUP(vmm)
{
	self->fd = open("/dev/vhost-rpmsg", O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(vmm)
{
	EXPECT_EQ(0, close(self->fd));
}

TEST_F(vmm, offers_features)
{
	__u64 features;

	ASSERT_EQ(0, ioctl(self->fd, VHOST_GET_FEATURES, &features));
	EXPECT_TRUE(features & (1ULL << VIRTIO_RPMSG_F_NS));
	EXPECT_TRUE(features & (1ULL << 32));	/* VIRTIO_F_VERSION_1 */
}

TEST_F(vmm, does_not_run_without_owner)
{
	int on = 1;

	EXPECT_EQ(-1, ioctl(self->fd, VHOST_RPMSG_SET_RUNNING, &on));
	EXPECT_EQ(EPERM, errno);
}

TEST_F(vmm, does_not_run_without_rings)
{
	int on = 1;

	ASSERT_EQ(0, ioctl(self->fd, VHOST_SET_OWNER));
	EXPECT_EQ(-1, ioctl(self->fd, VHOST_RPMSG_SET_RUNNING, &on));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(vmm, refuses_unknown_ioctl)
{
	__u64 zero = 0;

	ASSERT_EQ(0, ioctl(self->fd, VHOST_SET_OWNER));
	EXPECT_EQ(-1, ioctl(self->fd, _IO(VHOST_VIRTIO, 0xfe), &zero));
	EXPECT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
