// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/vhost-rpmsg with what a VMM may get wrong, the IOTLB and the
 * dirty log. After a refusal nothing has changed: the device still works.
 *
 * What linux/vhost_rpmsg.h does not list comes from the vhost core, the same on
 * every vhost device: E2BIG too many regions of memory, ENOBUFS no such ring,
 * EBADF and EINVAL not an eventfd, EBADFD no IOTLB to read from.
 */
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

#define DEV	"ioctl"
#define REMOTE	0x400
#define PATH	"/dev/vhost-rpmsg"
#define PAGE	4096U

#define ACCESS_PLATFORM	(1ULL << VIRTIO_F_ACCESS_PLATFORM)
#define LOG_ALL		(1ULL << VHOST_F_LOG_ALL)

static int xioctl(int fd, unsigned long request, const void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int attach(int fd, const char *name)
{
	struct vhost_rpmsg_attach arg = {};

	memcpy(arg.name, name, strnlen(name, sizeof(arg.name)));
	return xioctl(fd, VHOST_RPMSG_ATTACH, &arg);
}

/* A message each way. */
static int exchange(struct guest *g, int fd)
{
	char buf[8];
	int err;

	err = guest_send(g, REMOTE, 1024, "ping", 4);
	if (err)
		return err;
	if (!poll_fd(fd, POLLIN, LONG_MS))
		return -ETIMEDOUT;
	if (read(fd, buf, sizeof(buf)) != 4 || memcmp(buf, "ping", 4))
		return -EBADMSG;
	if (write(fd, "pong", 4) != 4)
		return -errno;
	err = guest_recv_copy(g, NULL, buf, sizeof(buf), LONG_MS);
	if (err < 0)
		return err;
	return err != 4 || memcmp(buf, "pong", 4) ? -EBADMSG : 0;
}

/* VHOST_RPMSG_ATTACH, on a file that is good for it. */

FIXTURE(attach)
{
	int fd;
};

FIXTURE_SETUP(attach)
{
	/* A test before this one may have died. */
	nl_dev_del(DEV);
	self->fd = open(PATH, O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(attach)
{
	close(self->fd);
}

/* A name for the file that was refused one. */
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

	/* Until then it is the one that came last. */
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
	/* With all 32 of them it has no end. */
	memset(name, 'n', 32);
	EXPECT_EQ(-EINVAL, attach(self->fd, name));
	EXPECT_STILL_GOOD();
}

TEST_F(attach, takes_all_printable_characters)
{
	char name[2] = {};

	for (int c = 1; c < 256; c++) {
		int fd = open(PATH, O_RDWR);
		bool good = c > 0x20 && c < 0x7f && c != '/';
		int err;

		name[0] = c;
		err = attach(fd, name);
		if (err != (good ? 0 : -EINVAL))
			TH_LOG("character %#x", c);
		EXPECT_EQ(good ? 0 : -EINVAL, err);
		close(fd);
	}
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

	for (int bit = 0; bit < 32; bit++) {
		arg.flags = 1U << bit;
		EXPECT_EQ(-EINVAL, xioctl(self->fd, VHOST_RPMSG_ATTACH, &arg));
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
	/* The last byte is on a page that is not there. */
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
	/* Bad input is bad input all the same. */
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
	/* With what the VMM has said already. */
	EXPECT_EQ(features, dev.features);
	/* The one that it had by itself is no more. */
	EXPECT_EQ(n, nl_dev_dump(devs, 64));
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Before anything is set up. */

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
	/* The core takes it for the number of a ring before it looks further. */
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
	/* A buffer that no message fits in. */
	EXPECT_EQ(0, read(self->fd, &msg, 1));
	EXPECT_EQ(-1, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_STILL_GOOD();
}

/* A guest that is set up, and not started. */

FIXTURE(ioctl)
{
	struct guest g;
	int fd;			/* of the endpoint, non-blocking */
};

FIXTURE_SETUP(ioctl)
{
	int id;

	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	ASSERT_GE(id, 0);
	self->fd = ept_open(id, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0,
		  guest_open(&self->g, &(struct guest_opts){
					       .name = DEV, .stopped = true }));
}

/* Whatever was refused: it can be started, stopped, and goes on. */
FIXTURE_TEARDOWN(ioctl)
{
	if (self->g.mem) {
		if (!self->g.running)
			EXPECT_EQ(0, guest_start(&self->g));
		EXPECT_EQ(0, exchange(&self->g, self->fd));
		EXPECT_EQ(0, guest_pause(&self->g));
		EXPECT_EQ(0, guest_resume(&self->g));
		EXPECT_EQ(0, exchange(&self->g, self->fd));
		guest_close(&self->g);
	}
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

static uint32_t state(void)
{
	struct nl_dev dev;

	return nl_dev_get(DEV, &dev) ? ~0U : dev.state;
}

TEST_F(ioctl, set_running_takes_0_and_1)
{
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, 2));
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, -1));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_RPMSG_SET_RUNNING, NULL));
	EXPECT_EQ(-EFAULT,
		  xioctl(self->g.fd, VHOST_RPMSG_SET_RUNNING, bad_ptr));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, state());
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, 2));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_RPMSG_SET_RUNNING, NULL));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, state());
	self->g.running = true;
}

TEST_F(ioctl, set_running_twice)
{
	EXPECT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(0, guest_set_running(&self->g, 1));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, state());
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(0, guest_pause(&self->g));
	EXPECT_EQ(0, guest_stop(&self->g));
	EXPECT_EQ(0, guest_resume(&self->g));
}

TEST_F(ioctl, set_running_needs_both_rings)
{
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, state());
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	EXPECT_EQ(0, guest_set_running(&self->g, 1));
}

TEST_F(ioctl, set_running_needs_memory_that_is_there)
{
	struct guest_ring *r = &self->g.ring[1];
	struct vhost_vring_addr addr = {
		.index = 1,
		.desc_user_addr = (uintptr_t)r->vring.desc,
		.avail_user_addr = (uintptr_t)r->vring.avail,
		.used_user_addr = (uintptr_t)r->vring.used,
	};
	struct vhost_vring_addr bad;

	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	/* Nothing is mapped there. */
	bad = addr;
	bad.used_user_addr = 64;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_ADDR, &bad));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	/* The kernel's. */
	bad = addr;
	bad.desc_user_addr = 0xffff800000000000;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_ADDR, &bad));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	bad = addr;
	bad.avail_user_addr = 0xffffffffffffff00;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_ADDR, &bad));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, state());
}

/* Of somebody who has the file and is not its owner: the errno. */
static int as_another(int fd, unsigned long request, void *arg)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-xioctl(fd, request, arg));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

TEST_F(ioctl, others_may_do_nothing)
{
	struct vhost_vring_state vring = { .index = 0, .num = 128 };
	struct vhost_vring_file file = { .index = 0, .fd = -1 };
	struct vhost_memory mem = {};
	int fd = self->g.fd, one = 1, zero = 0;

	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(-EPERM, as_another(fd, VHOST_RPMSG_SET_RUNNING, &zero));
	EXPECT_EQ(-EPERM, as_another(fd, VHOST_RPMSG_SET_RUNNING, &one));
	EXPECT_EQ(-EPERM, as_another(fd, VHOST_SET_VRING_KICK, &file));
	EXPECT_EQ(-EPERM, as_another(fd, VHOST_SET_VRING_NUM, &vring));
	EXPECT_EQ(-EPERM, as_another(fd, VHOST_SET_MEM_TABLE, &mem));
	EXPECT_EQ(-EBUSY, as_another(fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, state());
}

TEST_F(ioctl, features_change_while_it_runs)
{
	uint64_t features = GUEST_FEATURES | 1ULL << 50;

	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(-EOPNOTSUPP,
		  xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	/* As a VMM does when a migration begins and when it is given up. */
	features = GUEST_FEATURES | LOG_ALL;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	features = GUEST_FEATURES;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
}

TEST_F(ioctl, there_are_two_rings)
{
	struct vhost_vring_state vring = { .index = 2, .num = 256 };
	struct vhost_vring_addr addr = { .index = 2 };
	struct vhost_vring_file file = { .index = 2, .fd = -1 };
	int fd = self->g.fd;

	do {
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_SET_VRING_NUM, &vring));
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_SET_VRING_BASE, &vring));
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_GET_VRING_BASE, &vring));
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_SET_VRING_ADDR, &addr));
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_SET_VRING_KICK, &file));
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_SET_VRING_CALL, &file));
		EXPECT_EQ(-ENOBUFS, xioctl(fd, VHOST_SET_VRING_ERR, &file));
		vring.index = ~vring.index;
		addr.index = vring.index;
		file.index = vring.index;
	} while (vring.index != 2);
}

TEST_F(ioctl, vring_num)
{
	static const uint32_t bad[] = { 0, 3, 255, 257, 65536, 1U << 31, ~0U };
	struct vhost_vring_state vring = { .num = 32768 };
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vring.num = bad[i];
		EXPECT_EQ(-EINVAL,
			  xioctl(self->g.fd, VHOST_SET_VRING_NUM, &vring));
	}
	vring.num = 32768;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_NUM, &vring));
	vring.num = 1;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_NUM, &vring));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_VRING_NUM, bad_ptr));
	ASSERT_EQ(0, guest_start(&self->g));
	vring.num = 256;
	EXPECT_EQ(-EBUSY, xioctl(self->g.fd, VHOST_SET_VRING_NUM, &vring));
}

TEST_F(ioctl, vring_base)
{
	struct vhost_vring_state vring = { .num = 65536 };

	EXPECT_EQ(-EINVAL, xioctl(self->g.fd, VHOST_SET_VRING_BASE, &vring));
	vring.num = ~0U;
	EXPECT_EQ(-EINVAL, xioctl(self->g.fd, VHOST_SET_VRING_BASE, &vring));
	vring.num = 65535;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_BASE, &vring));
	vring.num = 0;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_GET_VRING_BASE, &vring));
	EXPECT_EQ(65535, vring.num);
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_VRING_BASE, bad_ptr));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_GET_VRING_BASE, NULL));
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(-EBUSY, xioctl(self->g.fd, VHOST_SET_VRING_BASE, &vring));
}

TEST_F(ioctl, vring_addr)
{
	struct guest_ring *r = &self->g.ring[0];
	const struct vhost_vring_addr good = {
		.desc_user_addr = (uintptr_t)r->vring.desc,
		.avail_user_addr = (uintptr_t)r->vring.avail,
		.used_user_addr = (uintptr_t)r->vring.used,
	};
	struct vhost_vring_addr addr;
	int fd = self->g.fd;

	for (int running = 0; running < 2; running++) {
		addr = good;
		addr.flags = 2;
		EXPECT_EQ(-EOPNOTSUPP, xioctl(fd, VHOST_SET_VRING_ADDR, &addr));
		addr = good;
		addr.avail_user_addr += 1;
		EXPECT_EQ(-EINVAL, xioctl(fd, VHOST_SET_VRING_ADDR, &addr));
		addr = good;
		addr.used_user_addr += 2;
		EXPECT_EQ(-EINVAL, xioctl(fd, VHOST_SET_VRING_ADDR, &addr));
		addr = good;
		addr.log_guest_addr = 2;
		EXPECT_EQ(-EINVAL, xioctl(fd, VHOST_SET_VRING_ADDR, &addr));
		EXPECT_EQ(-EFAULT, xioctl(fd, VHOST_SET_VRING_ADDR, bad_ptr));
		if (!running)
			ASSERT_EQ(0, guest_start(&self->g));
	}
	/* While it runs, it must be the VMM's memory at once. */
	addr = good;
	addr.desc_user_addr = 0xffff800000000000;
	EXPECT_EQ(-EINVAL, xioctl(fd, VHOST_SET_VRING_ADDR, &addr));
	EXPECT_EQ(0, xioctl(fd, VHOST_SET_VRING_ADDR, &good));
}

TEST_F(ioctl, vring_files_are_eventfds)
{
	static const unsigned long requests[] = {
		VHOST_SET_VRING_KICK,
		VHOST_SET_VRING_CALL,
		VHOST_SET_VRING_ERR,
	};
	struct vhost_vring_file file = {};

	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 3; i++) {
		file.fd = 9999;
		EXPECT_EQ(-EBADF, xioctl(self->g.fd, requests[i], &file));
		file.fd = -2;
		EXPECT_EQ(-EBADF, xioctl(self->g.fd, requests[i], &file));
		file.fd = self->g.fd;
		EXPECT_EQ(-EINVAL, xioctl(self->g.fd, requests[i], &file));
		EXPECT_EQ(-EFAULT, xioctl(self->g.fd, requests[i], bad_ptr));
	}
	file.fd = -1;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_ERR, &file));
}

/* A guest that nobody hears, and that hears nothing, for a while. */
TEST_F(ioctl, vring_files_can_be_taken_away)
{
	struct vhost_vring_file file = { .index = GUEST_RX, .fd = -1 };
	int fd = self->g.fd;

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASSERT_EQ(0, xioctl(fd, VHOST_SET_VRING_KICK, &file));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "x", 1));
	guest_kick_always(&self->g, GUEST_RX);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	/* The kick has stayed in the file. */
	file.fd = self->g.ring[GUEST_RX].kick;
	ASSERT_EQ(0, xioctl(fd, VHOST_SET_VRING_KICK, &file));
	EXPECT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(1, read(self->fd, &file, sizeof(file)));

	file = (struct vhost_vring_file){ .index = GUEST_TX, .fd = -1 };
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	guest_calls(&self->g, GUEST_TX);
	ASSERT_EQ(0, xioctl(fd, VHOST_SET_VRING_CALL, &file));
	ASSERT_EQ(1, write(self->fd, "y", 1));
	EXPECT_TRUE(WAIT_FOR(self->g.ring[GUEST_TX].vring.used->idx ==
			     (uint16_t)(self->g.ring[GUEST_TX].last_used + 1),
			     LONG_MS));
	EXPECT_EQ(0, guest_calls(&self->g, GUEST_TX));
	file.fd = self->g.ring[GUEST_TX].call;
	ASSERT_EQ(0, xioctl(fd, VHOST_SET_VRING_CALL, &file));
	EXPECT_EQ(1, guest_recv_copy(&self->g, NULL, NULL, 10, LONG_MS));
}

struct table {
	struct vhost_memory head;
	struct vhost_memory_region region[600];
};

TEST_F(ioctl, mem_table)
{
	static struct table table;
	int fd = self->g.fd;

	EXPECT_EQ(-EFAULT, xioctl(fd, VHOST_SET_MEM_TABLE, NULL));
	EXPECT_EQ(-EFAULT, xioctl(fd, VHOST_SET_MEM_TABLE, bad_ptr));
	table.head.padding = 1;
	EXPECT_EQ(-EOPNOTSUPP, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
	table.head.padding = 0;
	table.head.nregions = ~0U;
	EXPECT_EQ(-E2BIG, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
	/* The core's limit is 64, unless its parameter says otherwise. */
	table.head.nregions = 600;
	EXPECT_EQ(-E2BIG, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
	/* Two regions at the same place, or one that wraps around. */
	table.head.nregions = 1;
	table.region[0].guest_phys_addr = ~0ULL - PAGE;
	table.region[0].memory_size = 2 * PAGE;
	EXPECT_EQ(-EFAULT, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
}

TEST_F(ioctl, mem_table_while_it_runs)
{
	static struct table table = { .head.nregions = 1 };
	int fd = self->g.fd;

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	/* Memory of the kernel's. */
	table.region[0].memory_size = self->g.size;
	table.region[0].userspace_addr = 0xffff800000000000;
	EXPECT_EQ(-EFAULT, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	/* The same memory in many pieces, as after a hot-plug. */
	table.head.nregions = 64;
	for (int i = 0; i < 64; i++) {
		uint64_t piece = self->g.size / 64 & ~(uint64_t)(PAGE - 1);

		table.region[i].guest_phys_addr = i * piece;
		table.region[i].memory_size =
			i < 63 ? piece : self->g.size - 63 * piece;
		table.region[i].userspace_addr =
			(uintptr_t)self->g.mem + i * piece;
	}
	EXPECT_EQ(0, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
}

TEST_F(ioctl, no_memory_is_an_error_of_the_ring)
{
	static struct table table;
	struct guest_opts opts = { .name = DEV, .no_buffers = true };

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_MEM_TABLE, &table));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "x", 1));
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS),
			     LONG_MS));
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, 0));
	/* That guest is lost. */
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
}

/* Until all is logged, nobody looks where the log of running rings is. */
TEST_F(ioctl, logging_needs_a_log_that_can_be_there)
{
	uint64_t features = GUEST_FEATURES | 1ULL << VHOST_F_LOG_ALL;
	uint64_t base = 0xffff800000000000;

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	base = (uintptr_t)self->g.mem;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	features = self->g.features;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
}

/* The dirty log: a bit for each page that the device has written to. */

FIXTURE(dirty)
{
	struct guest g;
	int fd;
	int event;		/* VHOST_SET_LOG_FD */
	uint8_t *log;
	size_t log_size;
};

static int log_ring(struct guest *g, int q)
{
	struct guest_ring *r = &g->ring[q];
	struct vhost_vring_addr addr = {
		.index = q,
		.flags = 1 << VHOST_VRING_F_LOG,
		.desc_user_addr = (uintptr_t)r->vring.desc,
		.avail_user_addr = (uintptr_t)r->vring.avail,
		.used_user_addr = (uintptr_t)r->vring.used,
		.log_guest_addr = guest_gpa(g, r->vring.used),
	};

	return xioctl(g->fd, VHOST_SET_VRING_ADDR, &addr);
}

FIXTURE_SETUP(dirty)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | GUEST_INDIRECT | LOG_ALL,
		.no_buffers = true,
		.stopped = true,
	};
	uint64_t base;
	int id;

	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	ASSERT_GE(id, 0);
	self->fd = ept_open(id, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	self->log_size = self->g.size / PAGE / 8 + 1;
	self->log = calloc(1, self->log_size);
	base = (uintptr_t)self->log;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	self->event = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_FD, &self->event));
	for (int q = 0; q < 2; q++) {
		ASSERT_EQ(0, guest_setup_ring(&self->g, q));
		ASSERT_EQ(0, log_ring(&self->g, q));
	}
	ASSERT_EQ(0, guest_set_running(&self->g, 1));
}

FIXTURE_TEARDOWN(dirty)
{
	guest_close(&self->g);
	close(self->fd);
	close(self->event);
	free(self->log);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

static bool dirty(FIXTURE_DATA(dirty) *self, const void *p)
{
	uint64_t page = guest_gpa(&self->g, p) / PAGE;

	return self->log[page / 8] & 1 << page % 8;
}

static int num_dirty(FIXTURE_DATA(dirty) *self)
{
	int n = 0;

	for (size_t i = 0; i < self->log_size; i++)
		n += __builtin_popcount(self->log[i]);
	return n;
}

/* A page, and its neighbours are nobody's. */
static uint8_t *alone(FIXTURE_DATA(dirty) *self, size_t pages)
{
	uint8_t *p = guest_alloc(&self->g, (pages + 2) * PAGE);

	p += -guest_gpa(&self->g, p) & (PAGE - 1);
	return p;
}

static void *used_ring(FIXTURE_DATA(dirty) *self, int q)
{
	return self->g.ring[q].vring.used;
}

/* A message into a buffer, after which the log only knows of that. */
#define WRITE_INTO(len, seg, n, indirect)					\
	do {									\
		static char __data[65536];					\
									\
		ASSERT_LE(0, guest_add(&self->g, GUEST_TX, seg, n, true,	\
				       indirect, 0));				\
		guest_kick_always(&self->g, GUEST_TX);				\
		/* The MTU is that of the largest buffer. */			\
		usleep(SHORT_MS * 500);						\
		memset(self->log, 0, self->log_size);				\
		ASSERT_EQ(len, write(self->fd, __data, len));			\
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));	\
		ASSERT_TRUE(guest_used(&self->g, GUEST_TX, NULL, NULL));	\
	} while (0)

TEST_F(dirty, a_message_marks_its_page_and_the_ring)
{
	struct guest_seg seg = { alone(self, 1), 512 };
	uint64_t count;

	ASSERT_LT(-2, read(self->event, &count, sizeof(count)));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_TRUE(dirty(self, seg.p));
	EXPECT_TRUE(dirty(self, used_ring(self, GUEST_TX)));
	/* The ring for the other direction may have its flags written. */
	EXPECT_GE(2 + dirty(self, used_ring(self, GUEST_RX)), num_dirty(self));
	EXPECT_EQ(8, read(self->event, &count, sizeof(count)));
}

TEST_F(dirty, a_long_message_marks_all_of_its_pages)
{
	uint8_t *p = alone(self, 4);
	struct guest_seg seg = { p + PAGE - 100, 100 + 2 * PAGE + 1 };

	WRITE_INTO(100 + 2 * (int)PAGE + 1 - 16, &seg, 1, false);
	for (int i = 0; i < 4; i++)
		EXPECT_TRUE(dirty(self, p + i * PAGE));
}

TEST_F(dirty, a_short_message_marks_no_more_than_it_writes)
{
	uint8_t *p = alone(self, 4);
	struct guest_seg seg = { p + PAGE - 116, 2 * PAGE };

	WRITE_INTO(100, &seg, 1, false);
	EXPECT_TRUE(dirty(self, p));
	EXPECT_FALSE(dirty(self, p + PAGE));
	EXPECT_FALSE(dirty(self, p + 2 * PAGE));

	/* One byte more is on the next page. */
	WRITE_INTO(101, &seg, 1, false);
	EXPECT_TRUE(dirty(self, p));
	EXPECT_TRUE(dirty(self, p + PAGE));
	EXPECT_FALSE(dirty(self, p + 2 * PAGE));
}

static void chained(struct __test_metadata *_metadata,
		    FIXTURE_DATA(dirty) *self, bool indirect)
{
	uint8_t *p = alone(self, 8);
	struct guest_seg seg[4];

	/* The header is in two pieces, the message in the last three. */
	for (int i = 0; i < 4; i++)
		seg[i] = (struct guest_seg){ p + (6 - 2 * i) * PAGE, 10 };
	WRITE_INTO(14, seg, 4, indirect);
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(dirty(self, seg[i].p));
	EXPECT_FALSE(dirty(self, seg[3].p));
	for (int i = 1; i < 8; i += 2)
		EXPECT_FALSE(dirty(self, p + i * PAGE));
	WRITE_INTO(15, seg, 4, indirect);
	EXPECT_TRUE(dirty(self, seg[3].p));
}

TEST_F(dirty, a_chain_marks_the_pieces_that_are_written)
{
	chained(_metadata, self, false);
}

TEST_F(dirty, so_does_an_indirect_one)
{
	chained(_metadata, self, true);
}

TEST_F(dirty, what_the_guest_sends_marks_the_ring_only)
{
	struct guest_seg seg = { alone(self, 1), 20 };
	char buf[8];

	memcpy(seg.p, &(struct guest_hdr){ REMOTE, 1024, 0, 4, 0 }, 16);
	usleep(SHORT_MS * 500);
	memset(self->log, 0, self->log_size);
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	guest_kick_always(&self->g, GUEST_RX);
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	ASSERT_EQ(4, read(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_TRUE(dirty(self, used_ring(self, GUEST_RX)));
	EXPECT_FALSE(dirty(self, seg.p));
}

TEST_F(dirty, nothing_is_marked_when_it_ends)
{
	uint64_t features = GUEST_FEATURES;
	struct guest_seg seg = { alone(self, 1), 512 };

	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_FALSE(dirty(self, seg.p));
}

TEST_F(dirty, a_log_where_nothing_is_loses_no_message)
{
	uint64_t base = 64;
	struct guest_seg seg = { alone(self, 1), 512 };

	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_EQ(0, num_dirty(self));
}

TEST_F(dirty, a_log_in_memory_of_the_kernel_is_refused)
{
	uint64_t base = 0xffff800000000000;
	struct guest_seg seg = { alone(self, 1), 512 };

	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_LOG_BASE, bad_ptr));
	EXPECT_EQ(-EBADF, xioctl(self->g.fd, VHOST_SET_LOG_FD, &(int){ 999 }));
	EXPECT_EQ(-EINVAL, xioctl(self->g.fd, VHOST_SET_LOG_FD, &self->g.fd));
	WRITE_INTO(100, &seg, 1, false);
	EXPECT_TRUE(dirty(self, seg.p));
}

/* The IOTLB: the guest's addresses go through an IOMMU that the VMM plays. */

FIXTURE(iotlb)
{
	struct guest g;
	int fd;
};

FIXTURE_VARIANT(iotlb)
{
	bool v2;		/* of the messages */
};

FIXTURE_VARIANT_ADD(iotlb, v1) { .v2 = false };
FIXTURE_VARIANT_ADD(iotlb, v2) { .v2 = true };

/* From the VMM to the device. */
static int tell(struct guest *g, bool v2, uint8_t type, uint64_t iova,
		const void *p, uint64_t size, uint8_t perm)
{
	struct vhost_iotlb_msg iotlb = {
		.iova = iova,
		.size = size,
		.uaddr = (uintptr_t)p,
		.perm = perm,
		.type = type,
	};
	struct vhost_msg v1_msg = { .type = VHOST_IOTLB_MSG, .iotlb = iotlb };
	struct vhost_msg_v2 v2_msg = { .type = VHOST_IOTLB_MSG_V2,
				       .iotlb = iotlb };
	ssize_t size_of = v2 ? sizeof(v2_msg) : sizeof(v1_msg);
	ssize_t n = write(g->fd, v2 ? (void *)&v2_msg : &v1_msg, size_of);

	if (n < 0)
		return -errno;
	return n == size_of ? 0 : -EIO;
}

/* What the device asks for: 1, or 0 after timeout_ms. */
static int asked(struct guest *g, bool v2, struct vhost_iotlb_msg *iotlb,
		 int timeout_ms)
{
	union {
		struct vhost_msg v1;
		struct vhost_msg_v2 v2;
	} msg;
	ssize_t n;

	if (!poll_fd(g->fd, POLLIN, timeout_ms))
		return 0;
	n = read(g->fd, &msg, sizeof(msg));
	if (n < 0)
		return -errno;
	if (n != (v2 ? sizeof(msg.v2) : sizeof(msg.v1)) ||
	    msg.v1.type != (v2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG))
		return -EBADMSG;
	*iotlb = v2 ? msg.v2.iotlb : msg.v1.iotlb;
	return 1;
}

#define MAP(iova, p, size) \
	ASSERT_EQ(0, tell(&self->g, variant->v2, VHOST_IOTLB_UPDATE, iova, p, \
			  size, VHOST_ACCESS_RW))
#define UNMAP(iova, size) \
	ASSERT_EQ(0, tell(&self->g, variant->v2, VHOST_IOTLB_INVALIDATE, iova, \
			  NULL, size, 0))

/* The rings are where they are; a buffer is where the guest says. */
#define RINGS(g)	((g)->mem + 0x1000)
#define RINGS_SIZE	(0x20000UL + 2 * 0x40000)
#define BUFFERS(g)	((g)->mem + 0x1000 + RINGS_SIZE)
#define BUFFERS_GPA	(0x1000 + RINGS_SIZE)
#define BUFFERS_SIZE(g)	((g)->size - BUFFERS_GPA)

FIXTURE_SETUP(iotlb)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | GUEST_INDIRECT | ACCESS_PLATFORM,
		.stopped = true,
	};
	uint64_t v2 = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;
	int id;

	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	ASSERT_GE(id, 0);
	self->fd = ept_open(id, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	fcntl(self->g.fd, F_SETFL, O_NONBLOCK);
	if (variant->v2)
		ASSERT_EQ(0,
			  xioctl(self->g.fd, VHOST_SET_BACKEND_FEATURES, &v2));
}

FIXTURE_TEARDOWN(iotlb)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define MAP_RINGS() MAP((uintptr_t)RINGS(&self->g), RINGS(&self->g), RINGS_SIZE)
#define MAP_BUFFERS() \
	MAP(BUFFERS_GPA, BUFFERS(&self->g), BUFFERS_SIZE(&self->g))
/* The tables of indirect descriptors are beside the rings. */
#define MAP_TABLES()	MAP(0x1000, RINGS(&self->g), RINGS_SIZE)

#define ASKS_FOR(from, to, access)						\
	do {									\
		struct vhost_iotlb_msg __msg = {};				\
									\
		ASSERT_EQ(1, asked(&self->g, variant->v2, &__msg, LONG_MS));	\
		EXPECT_EQ(VHOST_IOTLB_MISS, __msg.type);			\
		EXPECT_LE((uint64_t)(from), __msg.iova);			\
		EXPECT_GT((uint64_t)(to), __msg.iova);				\
		EXPECT_EQ(access, __msg.perm);					\
	} while (0)

#define ASKS_FOR_NOTHING()							\
	do {									\
		struct vhost_iotlb_msg __msg;					\
									\
		EXPECT_EQ(0, asked(&self->g, variant->v2, &__msg, SHORT_MS));	\
	} while (0)

/* It may have asked for the same more than once. */
#define FORGET_MISSES()							\
	do {								\
		struct vhost_iotlb_msg __msg;				\
									\
		while (asked(&self->g, variant->v2, &__msg, 10) == 1)	\
			;						\
	} while (0)

TEST_F(iotlb, messages_flow)
{
	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASKS_FOR_NOTHING();
}

TEST_F(iotlb, small_pieces)
{
	uint8_t *from = BUFFERS(&self->g);

	MAP_RINGS();
	/* Their ends are everywhere in the messages, sooner or later. */
	for (size_t at = 0; at < 0x48000; at += 520)
		MAP(BUFFERS_GPA + at, from + at, 520);
	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 300; i++)
		ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASKS_FOR_NOTHING();
}

TEST_F(iotlb, a_ring_that_is_not_mapped_is_asked_for)
{
	EXPECT_EQ(-EFAULT, guest_start(&self->g));
	ASKS_FOR(RINGS(&self->g), RINGS(&self->g) + RINGS_SIZE,
		 VHOST_ACCESS_RO);
	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
}

TEST_F(iotlb, a_message_that_is_not_mapped_is_asked_for)
{
	struct guest_ring *r = &self->g.ring[GUEST_RX];
	uint64_t rx = guest_gpa(&self->g, self->g.rx_bufs);
	uint64_t end = rx + r->num * self->g.buf_size;

	MAP_RINGS();
	/* All but the buffers of what the guest sends. */
	MAP(BUFFERS_GPA, BUFFERS(&self->g), rx - BUFFERS_GPA);
	ASSERT_EQ(0, guest_start(&self->g));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "late", 4));
	ASKS_FOR(rx, rx + 1, VHOST_ACCESS_RO);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	/* The other direction does not wait for it. */
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 4, LONG_MS));

	MAP(rx, self->g.rx_bufs, end - rx);
	for (int i = 0; i < 3; i++) {
		char buf[8];

		ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
		EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	}
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_INVALID));
}

TEST_F(iotlb, a_buffer_that_is_not_mapped_is_asked_for)
{
	uint64_t tx = guest_gpa(&self->g, self->g.tx_bufs);
	uint64_t rx = guest_gpa(&self->g, self->g.rx_bufs);

	MAP_RINGS();
	MAP(rx, self->g.rx_bufs, self->g.size - rx);
	ASSERT_EQ(0, guest_start(&self->g));
	guest_kick_always(&self->g, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	ASKS_FOR(tx, tx + 1, VHOST_ACCESS_WO);
	EXPECT_FALSE(guest_wait_used(&self->g, GUEST_TX, SHORT_MS));
	MAP(tx, self->g.tx_bufs, rx - tx);
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 4, LONG_MS));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(iotlb, an_indirect_table_that_is_not_mapped_is_asked_for)
{
	struct guest_seg seg = { guest_alloc(&self->g, 64), 20 };
	char buf[8];

	memcpy(seg.p, &(struct guest_hdr){ REMOTE, 1024, 0, 4, 0 }, 16);
	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, true, 0));
	guest_kick(&self->g, GUEST_RX);
	ASKS_FOR(0x1000, BUFFERS_GPA, VHOST_ACCESS_RO);
	MAP_TABLES();
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(iotlb, what_is_invalidated_is_asked_for_again)
{
	uint8_t *other;
	char buf[8];

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "here", 4));
	ASKS_FOR(BUFFERS_GPA, self->g.size, VHOST_ACCESS_RO);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));

	/* It is somewhere else now. */
	other = mmap(NULL, self->g.size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, other);
	memcpy(other, self->g.mem, self->g.size);
	memcpy(memmem(other, self->g.size, "here", 4), "else", 4);
	MAP(BUFFERS_GPA, other + BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "else", 4));
}

TEST_F(iotlb, rings_that_are_invalidated_are_asked_for)
{
	uintptr_t rings = (uintptr_t)RINGS(&self->g);
	char buf[8];

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	UNMAP(rings, RINGS_SIZE);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "ping", 4));
	guest_kick_always(&self->g, GUEST_RX);
	ASKS_FOR(rings, rings + RINGS_SIZE, VHOST_ACCESS_RO);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	FORGET_MISSES();
	MAP_RINGS();
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	ASSERT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(0, dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS));
}

TEST_F(iotlb, a_page_with_the_wrong_access_is_an_error)
{
	uint64_t rx = guest_gpa(&self->g, self->g.rx_bufs);
	struct nl_dev dev;

	MAP_RINGS();
	MAP(BUFFERS_GPA, BUFFERS(&self->g), rx - BUFFERS_GPA);
	ASSERT_EQ(0, tell(&self->g, variant->v2, VHOST_IOTLB_UPDATE, rx,
			  self->g.rx_bufs, self->g.size - rx, VHOST_ACCESS_WO));
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "ping", 4));
	EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) &&
			     dev.stats[VHOST_RPMSG_A_STATS_RING_ERRORS] == 1,
			     LONG_MS));
	/* The next good one is taken. */
	UNMAP(rx, self->g.size - rx);
	MAP(rx, self->g.rx_bufs, self->g.size - rx);
	EXPECT_EQ(0, exchange(&self->g, self->fd));
}

TEST_F(iotlb, a_guest_without_one_may_follow)
{
	uint64_t features = GUEST_FEATURES;
	struct vhost_msg msg;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	ASSERT_EQ(0, guest_stop(&self->g));
	UNMAP((uintptr_t)RINGS(&self->g), RINGS_SIZE);
	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(-1, read(self->g.fd, &msg, sizeof(msg)));
}

TEST_F(iotlb, rings_go_with_it)
{
	uint64_t features = GUEST_FEATURES;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	/* They would be good ones, but nobody has checked their addresses. */
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	ASSERT_EQ(4, write(self->fd, "ping", 4));
	guest_kick_always(&self->g, GUEST_TX);
	EXPECT_EQ(-ETIMEDOUT,
		  guest_recv_copy(&self->g, NULL, NULL, 10, SHORT_MS));
	ASSERT_EQ(0, guest_stop(&self->g));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	/* With addresses that are set again it goes on. */
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 10, LONG_MS));
	EXPECT_EQ(0, exchange(&self->g, self->fd));
}

TEST_F(iotlb, bad_messages)
{
	struct vhost_msg msg = { .type = 77 };
	struct guest *g = &self->g;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(g));
	EXPECT_EQ(-1, write(g->fd, &msg, sizeof(msg)));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(g->fd, &msg, 3));
	EXPECT_EQ(EINVAL, errno);
	msg.type = VHOST_IOTLB_MSG;
	EXPECT_EQ(-1, write(g->fd, &msg, sizeof(msg) / 2));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, write(g->fd, bad_ptr, sizeof(msg)));
	EXPECT_EQ(EINVAL, errno);
	/* Of no size; of an unknown kind; memory of the kernel. */
	EXPECT_GT(0, tell(g, variant->v2, VHOST_IOTLB_UPDATE, 0, g->mem, 0,
			  VHOST_ACCESS_RW));
	EXPECT_GT(0, tell(g, variant->v2, VHOST_IOTLB_MISS, 0, g->mem, PAGE,
			  VHOST_ACCESS_RW));
	EXPECT_GT(0,
		  tell(g, variant->v2, 99, 0, g->mem, PAGE, VHOST_ACCESS_RW));
	EXPECT_GT(0, tell(g, variant->v2, VHOST_IOTLB_UPDATE, 0,
			  (void *)0xffff800000000000, PAGE, VHOST_ACCESS_RW));
	EXPECT_EQ(0, exchange(g, self->fd));
}

TEST_F(iotlb, a_reader_sleeps_until_something_is_missed)
{
	struct vhost_msg msg;
	int status;
	pid_t pid;

	MAP_RINGS();
	ASSERT_EQ(0, guest_start(&self->g));
	/* The first look at the empty buffers. */
	ASKS_FOR(BUFFERS_GPA, self->g.size, VHOST_ACCESS_WO);
	MAP_BUFFERS();
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	FORGET_MISSES();
	UNMAP(BUFFERS_GPA, BUFFERS_SIZE(&self->g));
	fcntl(self->g.fd, F_SETFL, 0);
	pid = fork();
	if (!pid)
		_exit(read(self->g.fd, &msg, sizeof(msg)) <= 0);
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "ping", 4));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(iotlb, dirty_pages_are_found_behind_it)
{
	uint64_t features = self->g.features | LOG_ALL;
	uint64_t page = guest_gpa(&self->g, self->g.tx_bufs) / PAGE;
	uint8_t *log = calloc(1, self->g.size / PAGE / 8 + 1);
	uint64_t base = (uintptr_t)log;

	MAP_RINGS();
	MAP_BUFFERS();
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	ASSERT_EQ(0, guest_pause(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	/* The IOTLB has begun anew. */
	MAP_RINGS();
	MAP_BUFFERS();
	/* The first buffer reaches into the next pages, the message does not. */
	self->g.ring[GUEST_TX].vring.desc[0].len = 3 * PAGE;
	ASSERT_EQ(0, guest_resume(&self->g));
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, NULL, 4, LONG_MS));
	EXPECT_TRUE(log[page / 8] & 1 << page % 8);
	page++;
	EXPECT_FALSE(log[page / 8] & 1 << page % 8);
	free(log);
}

TEST_F(ioctl, a_32_bit_program)
{
	struct vhost_rpmsg_attach *attach = ioctl32_page();
	uint64_t *features;
	int *running, fd;

	if (!attach)
		SKIP(return, "the kernel runs no 32-bit programs");
	running = (int *)(attach + 1);
	features = (uint64_t *)(running + 2);

	fd = open(PATH, O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EINVAL, ioctl32(fd, VHOST_RPMSG_ATTACH, attach));
	strcpy(attach->name, "compat");
	EXPECT_EQ(0, ioctl32(fd, VHOST_RPMSG_ATTACH, attach));
	EXPECT_EQ(0, ioctl32(fd, VHOST_GET_FEATURES, features));
	EXPECT_TRUE(*features & 1ULL << VIRTIO_F_VERSION_1);
	EXPECT_EQ(-EPERM, ioctl32(fd, VHOST_RPMSG_SET_RUNNING, running));
	EXPECT_EQ(0, ioctl32(fd, VHOST_SET_OWNER, NULL));
	*running = 1;
	EXPECT_EQ(-EFAULT, ioctl32(fd, VHOST_RPMSG_SET_RUNNING, running));
	close(fd);

	/* And one whose rings are ready. */
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	EXPECT_EQ(0, ioctl32(self->g.fd, VHOST_RPMSG_SET_RUNNING, running));
	self->g.running = true;
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, state());
}

TEST_HARNESS_MAIN
