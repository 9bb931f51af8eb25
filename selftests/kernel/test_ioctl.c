// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/vhost-rpmsg with errors of a VMM. A refusal changes nothing: the
 * device still works.
 *
 * Errors that linux/vhost_rpmsg.h does not list come from the vhost core and are the same
 * on every vhost device: E2BIG for too many regions of memory, ENOBUFS for no such ring,
 * EBADF and EINVAL for a wrong eventfd, EBADFD for no IOTLB to read from.
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
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"
#include "vmm.h"

#define DEV	"ioctl"

/* An address that no process can have. */
#define KERNEL_ADDR	0xffff800000000000

/* On s390x the kernel has an address space of its own, and a process all addresses. */
static bool has_kernel_addrs(void)
{
	struct utsname name;

	return !uname(&name) && strcmp(name.machine, "s390x");
}

/* A guest that is set up but not started. */

FIXTURE(ioctl)
{
	struct guest g;
	int fd;			/* file of the endpoint, non-blocking */
};

FIXTURE_SETUP(ioctl)
{
	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .remote = REMOTE), NULL);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0,
		  guest_open(&self->g, &(struct guest_opts){
					       .name = DEV, .stopped = true }));
}

/* After any refusal the guest can be started, stopped and continued. */
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

TEST_F(ioctl, set_running_takes_what_it_knows)
{
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, 3));
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, -1));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_RPMSG_SET_RUNNING, NULL));
	EXPECT_EQ(-EFAULT,
		  xioctl(self->g.fd, VHOST_RPMSG_SET_RUNNING, bad_ptr));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, state());
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, 3));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_RPMSG_SET_RUNNING, NULL));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, state());
	self->g.running = true;
}

TEST_F(ioctl, set_running_twice)
{
	EXPECT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	EXPECT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	EXPECT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
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
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, state());
	if (!has_kernel_addrs())
		return;
	bad = addr;
	bad.desc_user_addr = KERNEL_ADDR;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_ADDR, &bad));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	bad = addr;
	bad.avail_user_addr = 0xffffffffffffff00;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_VRING_ADDR, &bad));
	EXPECT_EQ(-EFAULT, guest_set_running(&self->g, 1));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, state());
}

/* The errno of an ioctl by a process that has the file but is not its owner. */
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
	/* Like a VMM at the start of a migration, and when it cancels the migration. */
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
	/* While the ring runs, the address is checked at once. */
	addr = good;
	addr.desc_user_addr = KERNEL_ADDR;
	if (has_kernel_addrs())
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

/* Refused, not ignored: the VMM must know that a guest of that order cannot run. */
TEST_F(ioctl, a_legacy_guest_has_the_byte_order_of_this_machine)
{
	struct vhost_vring_state order = { GUEST_RX, VHOST_VRING_BIG_ENDIAN };
	int err = xioctl(self->g.fd, VHOST_SET_VRING_ENDIAN, &order);

	if (!err)
		SKIP(return, "the kernel has CONFIG_VHOST_CROSS_ENDIAN_LEGACY");
	EXPECT_EQ(-ENOTTY, err);
	order.num = VHOST_VRING_LITTLE_ENDIAN;
	EXPECT_EQ(-ENOTTY, xioctl(self->g.fd, VHOST_SET_VRING_ENDIAN, &order));
}

/* For a while the guest has no eventfds. */
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
	/* The eventfd still has the kick. */
	file.fd = self->g.ring[GUEST_RX].kick;
	ASSERT_EQ(0, xioctl(fd, VHOST_SET_VRING_KICK, &file));
	EXPECT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));
	EXPECT_EQ(1, read(self->fd, &file, sizeof(file)));

	file = (struct vhost_vring_file){ .index = GUEST_TX, .fd = -1 };
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	guest_calls(&self->g, GUEST_TX);
	ASSERT_EQ(0, xioctl(fd, VHOST_SET_VRING_CALL, &file));
	ASSERT_EQ(1, write(self->fd, "y", 1));
	EXPECT_TRUE(WAIT_FOR(guest_used_idx(&self->g, GUEST_TX) ==
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
	/* Two overlapping regions, or one that wraps around. */
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
	table.region[0].memory_size = self->g.size;
	table.region[0].userspace_addr = KERNEL_ADDR;
	if (has_kernel_addrs())
		EXPECT_EQ(-EFAULT, xioctl(fd, VHOST_SET_MEM_TABLE, &table));
	ASSERT_EQ(0, exchange(&self->g, self->fd));
	/* The same memory in many regions, as after hot-plug. */
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
	/* This guest cannot continue. */
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
}

/* The core does not check the addresses of the log until VHOST_F_LOG_ALL is set. */
TEST_F(ioctl, logging_needs_a_log_that_can_be_there)
{
	uint64_t features = GUEST_FEATURES | 1ULL << VHOST_F_LOG_ALL;
	uint64_t base = KERNEL_ADDR;

	if (!has_kernel_addrs())
		SKIP(return, "a log may be anywhere on this processor");
	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	EXPECT_EQ(-EFAULT, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	base = (uintptr_t)self->g.mem;
	ASSERT_EQ(0, xioctl(self->g.fd, VHOST_SET_LOG_BASE, &base));
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
	features = self->g.features;
	EXPECT_EQ(0, xioctl(self->g.fd, VHOST_SET_FEATURES, &features));
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

	/* The same with a device whose rings are set up. */
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	EXPECT_EQ(0, ioctl32(self->g.fd, VHOST_RPMSG_SET_RUNNING, running));
	self->g.running = true;
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, state());
}

TEST_HARNESS_MAIN
