// SPDX-License-Identifier: GPL-2.0-only
/*
 * VHOST_RPMSG_ATTACH: which device a VMM gets, by name and by owner, and the errors of a
 * file without an owner. A refusal changes nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"
#include "vmm.h"

#define DEV	"attach"

/* VHOST_RPMSG_ATTACH on a file that can be attached. */

FIXTURE(attach)
{
	int fd;
};

FIXTURE_SETUP(attach)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	self->fd = open(PATH, O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(attach)
{
	close(self->fd);
}

/* After a refusal the file can still be attached. */
#define EXPECT_STILL_GOOD()						\
	do {								\
		struct nl_dev __dev;					\
									\
		EXPECT_EQ(0, attach(self->fd, DEV));			\
		EXPECT_EQ(0, nl_dev_get(DEV, &__dev));			\
		EXPECT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));	\
	} while (0)

TEST_F(attach, names_the_device)
{
	struct nl_dev dev;
	char old[32];

	/* Until then it is the newest device. */
	ASSERT_EQ(0, attach(self->fd, DEV));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, dev.state);
	EXPECT_FALSE(dev.persistent);
	snprintf(old, sizeof(old), "vhost%u", dev.id);
	EXPECT_EQ(-ENODEV, nl_dev_get(old, &dev));
}

TEST_F(attach, takes_names_of_1_to_31_characters)
{
	char name[33] = {};
	struct nl_dev dev;

	for (int len = 1; len <= 31; len += 10) {
		int fd = open(PATH, O_RDWR);

		memset(name, 'n', len);
		EXPECT_EQ(0, attach(fd, name));
		EXPECT_EQ(0, nl_dev_get(name, &dev));
		close(fd);
	}
	/* A name of 32 characters is not terminated. */
	memset(name, 'n', 32);
	EXPECT_EQ(-EINVAL, attach(self->fd, name));
	EXPECT_STILL_GOOD();
}

/* Names that can be a folder of udev and an instance of a unit. */
TEST_F(attach, takes_letters_digits_and_some_more)
{
	const char *more = "_.:@-";
	char name[32] = {};

	for (int c = 1; c < 256; c++) {
		bool first = (c < 0x80 && isalnum(c)) || c == '_';
		bool good = first || strchr(more, c);
		int fd = open(PATH, O_RDWR), err;

		name[0] = c;
		name[1] = 0;
		err = attach(fd, name);
		if (err != (first ? 0 : -EINVAL))
			TH_LOG("first character %#x", c);
		EXPECT_EQ(first ? 0 : -EINVAL, err);
		close(fd);

		fd = open(PATH, O_RDWR);
		name[0] = 'x';
		name[1] = c;
		err = attach(fd, name);
		if (err != (good ? 0 : -EINVAL))
			TH_LOG("character %#x", c);
		EXPECT_EQ(good ? 0 : -EINVAL, err);
		close(fd);
	}
}

TEST_F(attach, refuses_names_that_the_kernel_makes_up)
{
	EXPECT_EQ(-EINVAL, attach(self->fd, "vhost0"));
	EXPECT_EQ(-EINVAL, attach(self->fd, "vhost12345678901"));
	EXPECT_EQ(0, attach(self->fd, "vhost"));
	EXPECT_EQ(-EBUSY, attach(self->fd, "vhost-1"));
}

TEST_F(attach, refuses_names_that_are_none)
{
	EXPECT_EQ(-EINVAL, attach(self->fd, ""));
	EXPECT_EQ(-EINVAL, attach(self->fd, "a/b"));
	EXPECT_EQ(-EINVAL, attach(self->fd, "a b"));
	EXPECT_EQ(-EINVAL, attach(self->fd, " "));
	EXPECT_EQ(-EINVAL, attach(self->fd, "tab\t"));
	EXPECT_EQ(-EINVAL, attach(self->fd, "\x7f"));
	EXPECT_EQ(-EINVAL, attach(self->fd, "\xc3\xa4"));
	EXPECT_STILL_GOOD();
}

TEST_F(attach, refuses_what_is_reserved)
{
	struct vhost_rpmsg_attach arg = { .name = DEV };
	const uint32_t known = VHOST_RPMSG_ATTACH_KEEP |
			       VHOST_RPMSG_ATTACH_EXISTING;

	for (int bit = 0; bit < 32; bit++) {
		arg.flags = 1U << bit & ~known;
		if (arg.flags) {
			EXPECT_EQ(-EINVAL,
				  xioctl(self->fd, VHOST_RPMSG_ATTACH, &arg));
		}
		arg.flags = 0;
		arg.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, xioctl(self->fd, VHOST_RPMSG_ATTACH, &arg));
		arg.reserved = 0;
	}
	for (int i = sizeof(DEV); i < 32; i++) {
		arg.name[i] = 1;
		EXPECT_EQ(-EINVAL, xioctl(self->fd, VHOST_RPMSG_ATTACH, &arg));
		arg.name[i] = 0;
	}
	EXPECT_STILL_GOOD();
}

TEST_F(attach, refuses_bad_memory)
{
	struct vhost_rpmsg_attach *arg;
	uint8_t *page;

	EXPECT_EQ(-EFAULT, xioctl(self->fd, VHOST_RPMSG_ATTACH, NULL));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, VHOST_RPMSG_ATTACH, bad_ptr));
	/* The last byte is on an unmapped page. */
	page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	arg = (void *)(page + PAGE - sizeof(*arg) + 1);
	strcpy(arg->name, DEV);
	munmap(page + PAGE, PAGE);
	EXPECT_EQ(-EFAULT, xioctl(self->fd, VHOST_RPMSG_ATTACH, arg));
	EXPECT_STILL_GOOD();
}

TEST_F(attach, happens_once)
{
	struct nl_dev dev;

	ASSERT_EQ(0, attach(self->fd, DEV));
	EXPECT_EQ(-EBUSY, attach(self->fd, DEV));
	EXPECT_EQ(-EBUSY, attach(self->fd, "other"));
	EXPECT_EQ(-ENODEV, nl_dev_get("other", &dev));
	/* Bad input still gives EINVAL. */
	EXPECT_EQ(-EINVAL, attach(self->fd, ""));
	EXPECT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));
}

TEST_F(attach, comes_before_the_owner)
{
	struct nl_dev dev;

	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(-EBUSY, attach(self->fd, DEV));
	EXPECT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
}

TEST_F(attach, comes_before_endpoints)
{
	struct nl_dev devs[64], dev;
	int n = nl_dev_dump(devs, 64);
	int id;

	ASSERT_LT(0, n);
	id = nl_ept_new(EPT_REQ(.dev = devs[n - 1].name));
	ASSERT_GE(id, 0);
	EXPECT_EQ(-EBUSY, attach(self->fd, DEV));
	EXPECT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
	ASSERT_EQ(0, nl_ept_del(id));
	EXPECT_STILL_GOOD();
}

TEST_F(attach, a_name_of_somebody_else)
{
	struct nl_dev dev;
	int other = open(PATH, O_RDWR);

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, attach(other, DEV));
	EXPECT_EQ(-EBUSY, attach(self->fd, DEV));
	close(other);
	EXPECT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
	EXPECT_STILL_GOOD();
}

/* Attach as this uid, with all capabilities, or with none. */
static int attach_as(const char *name, uid_t uid)
{
	int status, fd;
	pid_t pid;

	/* It does not matter who opens the file. */
	fd = open(PATH, O_RDWR);
	pid = fork();
	if (!pid) {
		if (uid && setresuid(uid, uid, uid))
			_exit(255);
		_exit(-attach(fd, name));
	}
	close(fd);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

#define NOBODY	65534
#define OTHER	1000

TEST_F(attach, a_device_belongs_to_its_maker)
{
	struct nl_dev dev;

	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.owner);
	EXPECT_EQ(-EPERM, attach_as(DEV, NOBODY));
	EXPECT_EQ(0, attach_as(DEV, 0));
	/* A device that is not persistent belongs to whoever has the file. */
	EXPECT_EQ(0, attach_as("attach-2", NOBODY));
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_F(attach, a_device_is_given_to_somebody)
{
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.owner = NOBODY)));
	EXPECT_EQ(0, attach_as(DEV, NOBODY));
	EXPECT_EQ(-EPERM, attach_as(DEV, OTHER));
	EXPECT_EQ(0, attach_as(DEV, 0));
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.owner = ~0U)));
	EXPECT_EQ(0, attach_as(DEV, OTHER));
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Otherwise a user could keep an administrator from creating a device. */
TEST_F(attach, an_administrator_takes_a_name_from_a_VMM)
{
	char made_up[32];
	struct nl_dev dev;
	uint32_t id;

	ASSERT_EQ(0, attach(self->fd, DEV));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	id = dev.id;
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_NE(id, dev.id);
	EXPECT_TRUE(dev.persistent);
	snprintf(made_up, sizeof(made_up), "vhost%u", id);
	ASSERT_EQ(0, nl_dev_get_id(id, &dev));
	EXPECT_STREQ(made_up, dev.name);
	EXPECT_EQ(-EBUSY, attach(self->fd, DEV));
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_F(attach, an_administrator_keeps_the_name_of_its_endpoints)
{
	ASSERT_EQ(0, attach(self->fd, DEV));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV)));
	EXPECT_EQ(-EEXIST, nl_dev_new(DEV));
}

TEST_F(attach, becomes_the_persistent_device)
{
	uint64_t features = GUEST_FEATURES;
	struct nl_dev devs[64], dev;
	int n = nl_dev_dump(devs, 64), id;

	id = nl_dev_new(DEV);
	ASSERT_GT(id, 0);
	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_FEATURES, &features));
	ASSERT_EQ(0, attach(self->fd, DEV));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(id, (int)dev.id);
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, dev.state);
	/* The device keeps the settings of the VMM. */
	EXPECT_EQ(features, dev.features);
	/* Its former device is gone. */
	EXPECT_EQ(n, nl_dev_dump(devs, 64));
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Attach before anything is set up. */

TEST_F(attach, only_to_what_exists)
{
	struct vhost_rpmsg_attach arg = {
		.name = DEV,
		.flags = VHOST_RPMSG_ATTACH_EXISTING,
	};
	struct nl_dev dev;

	EXPECT_EQ(-ENODEV, xioctl(self->fd, VHOST_RPMSG_ATTACH, &arg));
	EXPECT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
	ASSERT_GT(nl_dev_new(DEV), 0);
	EXPECT_EQ(0, xioctl(self->fd, VHOST_RPMSG_ATTACH, &arg));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, dev.state);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_F(attach, what_needs_an_owner)
{
	struct vhost_vring_state state = { .num = 256 };
	struct vhost_memory mem = {};

	EXPECT_EQ(-EPERM,
		  xioctl(self->fd, VHOST_RPMSG_SET_RUNNING, &(int){ 1 }));
	EXPECT_EQ(-EPERM,
		  xioctl(self->fd, VHOST_RPMSG_SET_RUNNING, &(int){ 0 }));
	EXPECT_EQ(-EPERM, xioctl(self->fd, VHOST_SET_VRING_NUM, &state));
	EXPECT_EQ(-EPERM, xioctl(self->fd, VHOST_SET_MEM_TABLE, &mem));
	EXPECT_EQ(-EPERM, xioctl(self->fd, VHOST_SET_LOG_BASE, &state));
	EXPECT_EQ(-EPERM, xioctl(self->fd, _IO(VHOST_VIRTIO, 0xff), &state));
	EXPECT_STILL_GOOD();
}

TEST_F(attach, one_owner)
{
	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(-EBUSY, xioctl(self->fd, VHOST_SET_OWNER, NULL));
}

TEST_F(attach, unknown_ioctls)
{
	struct vhost_vring_state ring = {};

	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, _IO(VHOST_VIRTIO, 0xff), &ring));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, VHOST_RPMSG_EPT_GET_INFO, &ring));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, VHOST_RESET_OWNER, &ring));
	EXPECT_EQ(-ENOTTY, xioctl(self->fd, 0, &ring));
	/* The vhost core first takes the argument for the number of a ring. */
	EXPECT_EQ(-EFAULT, xioctl(self->fd, _IO(VHOST_VIRTIO, 0xff), NULL));
}

TEST_F(attach, features)
{
	uint64_t offered, some;

	ASSERT_EQ(0, xioctl(self->fd, VHOST_GET_FEATURES, &offered));
	EXPECT_EQ(1ULL << VIRTIO_RPMSG_F_NS | 1ULL << VIRTIO_F_VERSION_1 |
			  1ULL << VIRTIO_RING_F_EVENT_IDX |
			  1ULL << VIRTIO_RING_F_INDIRECT_DESC |
			  1ULL << VIRTIO_F_ANY_LAYOUT |
			  1ULL << VIRTIO_F_NOTIFY_ON_EMPTY | LOG_ALL |
			  ACCESS_PLATFORM,
		  offered);
	EXPECT_EQ(-EFAULT, xioctl(self->fd, VHOST_GET_FEATURES, bad_ptr));
	EXPECT_EQ(-EFAULT, xioctl(self->fd, VHOST_SET_FEATURES, bad_ptr));

	ASSERT_EQ(0, attach(self->fd, DEV));
	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));
	for (int bit = 0; bit < 64; bit++) {
		int want = offered & 1ULL << bit ? 0 : -EOPNOTSUPP;
		int err;

		some = GUEST_FEATURES | 1ULL << bit;
		err = xioctl(self->fd, VHOST_SET_FEATURES, &some);
		if (err != want)
			TH_LOG("bit %d", bit);
		EXPECT_EQ(want, err);
	}
}

TEST_F(attach, refused_features_change_nothing)
{
	struct nl_dev dev;
	uint64_t features = GUEST_FEATURES;

	ASSERT_EQ(0, attach(self->fd, DEV));
	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_OWNER, NULL));
	ASSERT_EQ(0, xioctl(self->fd, VHOST_SET_FEATURES, &features));
	features = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << 50;
	EXPECT_EQ(-EOPNOTSUPP, xioctl(self->fd, VHOST_SET_FEATURES, &features));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(GUEST_FEATURES, dev.features);
}

TEST_F(attach, backend_features)
{
	uint64_t offered, some;

	ASSERT_EQ(0, xioctl(self->fd, VHOST_GET_BACKEND_FEATURES, &offered));
	EXPECT_EQ(1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2, offered);
	EXPECT_EQ(-EFAULT,
		  xioctl(self->fd, VHOST_GET_BACKEND_FEATURES, bad_ptr));
	EXPECT_EQ(-EFAULT,
		  xioctl(self->fd, VHOST_SET_BACKEND_FEATURES, bad_ptr));
	for (int bit = 0; bit < 64; bit++) {
		some = 1ULL << bit;
		EXPECT_EQ(offered & some ? 0 : -EOPNOTSUPP,
			  xioctl(self->fd, VHOST_SET_BACKEND_FEATURES, &some));
	}
}

TEST_F(attach, without_an_iotlb)
{
	struct vhost_msg msg = { .type = VHOST_IOTLB_MSG,
				 .iotlb.type = VHOST_IOTLB_UPDATE,
				 .iotlb.size = PAGE,
				 .iotlb.perm = VHOST_ACCESS_RW };

	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, 0));
	EXPECT_EQ(-1, read(self->fd, &msg, sizeof(msg)));
	EXPECT_EQ(EBADFD, errno);
	EXPECT_EQ(-1, write(self->fd, &msg, sizeof(msg)));
	EXPECT_EQ(EFAULT, errno);
	fcntl(self->fd, F_SETFL, O_NONBLOCK);
	EXPECT_EQ(-1, read(self->fd, &msg, sizeof(msg)));
	EXPECT_EQ(EAGAIN, errno);
	/* The buffer is too small for a message. */
	EXPECT_EQ(0, read(self->fd, &msg, 1));
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_STILL_GOOD();
}

TEST_HARNESS_MAIN
