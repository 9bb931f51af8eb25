// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvhostrpmsg: endpoints of users without privileges, and the meaning of names.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "util.h"
#include "vhostrpmsg.h"

#define DEV	"lib-ctrl"

FIXTURE(lib_ctrl)
{
	struct vrpmsg_ctx *ctx;
	struct vrpmsg_ept_config *config;
	int ctrl;
};

FIXTURE_SETUP(lib_ctrl)
{
	nl_dev_del(DEV);
	ASSERT_LT(0, nl_dev_new(DEV));
	self->ctx = vrpmsg_ctx_open();
	ASSERT_NE(NULL, self->ctx);
	self->config = vrpmsg_ept_config_new();
	ASSERT_NE(NULL, self->config);
	self->ctrl = vrpmsg_ctrl_open(DEV);
	ASSERT_LE(0, self->ctrl);
}

FIXTURE_TEARDOWN(lib_ctrl)
{
	close(self->ctrl);
	vrpmsg_ept_config_free(self->config);
	vrpmsg_ctx_close(self->ctx);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_F(lib_ctrl, open_by_name)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->ctrl, F_GETFD));
	EXPECT_EQ(-1, vrpmsg_ctrl_open("nosuch"));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, vrpmsg_ctrl_open("../" DEV));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-1, vrpmsg_ctrl_open(""));
	EXPECT_EQ(ENODEV, errno);
}

/* The device is there all the same. */
TEST_F(lib_ctrl, open_without_a_descriptor)
{
	struct rlimit limit, none;
	int err;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	none = (struct rlimit){ 0, limit.rlim_max };
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-1, vrpmsg_ctrl_open(DEV));
	err = errno;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(EMFILE, err);
}

TEST_F(lib_ctrl, info)
{
	struct vrpmsg_ctrl_info *info = vrpmsg_ctrl_info_get(self->ctrl);
	struct vrpmsg_dev *dev = vrpmsg_dev_get(self->ctx, DEV);

	ASSERT_NE(NULL, info);
	ASSERT_NE(NULL, dev);
	EXPECT_STREQ(DEV, vrpmsg_ctrl_info_dev_name(info));
	EXPECT_EQ(vrpmsg_dev_id(dev), vrpmsg_ctrl_info_dev_id(info));
	EXPECT_EQ(VRPMSG_DEV_DETACHED, vrpmsg_ctrl_info_state(info));
	EXPECT_EQ(vrpmsg_dev_mtu(dev), vrpmsg_ctrl_info_mtu(info));
	EXPECT_EQ(0, vrpmsg_ctrl_info_generation(info));
	EXPECT_EQ(0, vrpmsg_ctrl_info_endpoints(info));
	EXPECT_EQ(128, vrpmsg_ctrl_info_max_endpoints(info));
	vrpmsg_ctrl_info_free(info);
	vrpmsg_ctrl_info_free(NULL);
	vrpmsg_dev_free(dev);
	EXPECT_EQ(NULL, vrpmsg_ctrl_info_get(STDOUT_FILENO));
	EXPECT_EQ(-1, vrpmsg_ctrl_new_ept(STDOUT_FILENO, NULL, false));
}

TEST_F(lib_ctrl, new_descriptor)
{
	struct vrpmsg_fd_info *info;
	struct vrpmsg_ept *ept;
	int fd;

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "svc"));
	vrpmsg_ept_config_set_addr(self->config, 7);
	vrpmsg_ept_config_set_remote(self->config, 9);
	fd = vrpmsg_ctrl_new_ept(self->ctrl, self->config, true);
	ASSERT_LE(0, fd);
	info = vrpmsg_fd_info_get(fd);
	ASSERT_NE(NULL, info);
	EXPECT_STREQ("svc", vrpmsg_fd_info_name(info));
	EXPECT_EQ(7, vrpmsg_fd_info_addr(info));
	EXPECT_EQ(9, vrpmsg_fd_info_remote(info));
	EXPECT_TRUE(vrpmsg_fd_info_is_announced(info));
	ept = vrpmsg_ept_get(self->ctx, vrpmsg_fd_info_id(info));
	ASSERT_NE(NULL, ept);
	EXPECT_TRUE(vrpmsg_ept_is_descriptor(ept));
	EXPECT_EQ(0, vrpmsg_ept_owner(ept));
	vrpmsg_ept_free(ept);
	vrpmsg_fd_info_free(info);
	EXPECT_EQ(-1, vrpmsg_ctrl_new_ept(self->ctrl, self->config, false));
	EXPECT_EQ(EADDRINUSE, errno);
	close(fd);
}

TEST_F(lib_ctrl, modes_of_descriptors)
{
	struct vrpmsg_fd_info *info;
	int fd;

	vrpmsg_ept_config_set_addressed(self->config, true);
	fd = vrpmsg_ctrl_new_ept(self->ctrl, self->config, false);
	ASSERT_LE(0, fd);
	info = vrpmsg_fd_info_get(fd);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(vrpmsg_fd_info_is_addressed(info));
	vrpmsg_fd_info_free(info);
	close(fd);
	vrpmsg_ept_config_set_remote_mode(self->config,
					  VRPMSG_REMOTE_MODE_FOLLOW);
	EXPECT_EQ(-1, vrpmsg_ctrl_new_ept(self->ctrl, self->config, false));
	EXPECT_EQ(EINVAL, errno);
	vrpmsg_ept_config_set_addressed(self->config, false);
	fd = vrpmsg_ctrl_new_ept(self->ctrl, self->config, false);
	EXPECT_LE(0, fd);
	close(fd);
	fd = vrpmsg_ctrl_new_ept(self->ctrl, NULL, false);
	EXPECT_LE(0, fd);
	close(fd);
}

/* Settings for administrators are refused, not ignored. */
TEST_F(lib_ctrl, settings_of_administrators)
{
	static const char too_long[] = "12345678901234567890123456789012";

	vrpmsg_ept_config_set_rx_limit(self->config, 1000);
	EXPECT_EQ(-1, vrpmsg_ctrl_new_ept(self->ctrl, self->config, false));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, vrpmsg_ctrl_new_ept(self->ctrl, NULL, true));
	EXPECT_EQ(EINVAL, errno);
	vrpmsg_ept_config_free(self->config);
	self->config = vrpmsg_ept_config_new();
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, too_long));
	EXPECT_EQ(-1, vrpmsg_ctrl_new_ept(self->ctrl, self->config, false));
	EXPECT_EQ(EINVAL, errno);
}

/* A user's endpoint with the name of a service is not found by that name. */
TEST_F(lib_ctrl, names_are_the_administrators)
{
	struct vrpmsg_ept *ept, *again;
	int fd;

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "svc"));
	fd = vrpmsg_ctrl_new_ept(self->ctrl, self->config, false);
	ASSERT_LE(0, fd);
	EXPECT_EQ(NULL, vrpmsg_ept_find(self->ctx, DEV, "svc"));
	EXPECT_EQ(ENOENT, errno);
	ASSERT_EQ(0, vrpmsg_ept_config_set_dev_name(self->config, DEV));
	ept = vrpmsg_ept_find_or_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	EXPECT_EQ(VRPMSG_OWNER_NONE, vrpmsg_ept_owner(ept));
	EXPECT_FALSE(vrpmsg_ept_is_descriptor(ept));
	again = vrpmsg_ept_find_or_add(self->ctx, self->config);
	ASSERT_NE(NULL, again);
	EXPECT_EQ(vrpmsg_ept_id(ept), vrpmsg_ept_id(again));
	vrpmsg_ept_free(again);
	vrpmsg_ept_free(ept);
	close(fd);
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, NULL));
	EXPECT_EQ(NULL, vrpmsg_ept_find_or_add(self->ctx, self->config));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
