// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM that does not answer: the argument of an ioctl, or the guest's memory, is in a page
 * that never arrives. Only the VMM hangs. Administrators, other VMMs and users of
 * endpoints, even on the same device, do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"
#include "vmm.h"

#define DEV	"locks"
#define OTHER	"locks-2"
#define THIRD	"locks-3"
/* Time limit for each call of others. */
#define AT_MOST_MS	(1000 * slowness())

/* A call of another process in the meantime: 0, or its errno. */
struct call {
	const char *name;
	int (*run)(void);
};

static struct nl_dev devs[16];
static struct nl_ept epts[16];
static struct nl_chan chans[16];
static int own_ept, other_ept;

static int negative(int ret)
{
	return ret < 0 ? ret : 0;
}

static int get_own(void)
{
	return nl_dev_get(DEV, devs);
}

static int get_other(void)
{
	return nl_dev_get(OTHER, devs);
}

static int get_ept(void)
{
	return nl_ept_get(own_ept, epts);
}

static int dump_devs(void)
{
	return negative(nl_dev_dump(devs, 16));
}

static int dump_epts(void)
{
	return negative(nl_ept_dump(NULL, epts, 16)) ?:
		       negative(nl_ept_dump(DEV, epts, 16));
}

static int dump_chans(void)
{
	return negative(nl_chan_dump(NULL, chans, 16)) ?:
		       negative(nl_chan_dump(DEV, chans, 16));
}

static int new_dev(void)
{
	return negative(nl_dev_new(THIRD)) ?: nl_dev_del(THIRD);
}

static int set_dev(void)
{
	return nl_dev_set(OTHER, DEV_REQ(.mtu = 100)) ?:
		       nl_dev_set(OTHER, DEV_REQ(.mtu = 0));
}

static int new_ept(void)
{
	int id = nl_ept_new(EPT_REQ(.dev = OTHER, .name = "new"));

	if (id < 0)
		return id;
	return nl_announce(id) ?: nl_withdraw(id) ?: nl_ept_del(id);
}

static int use_vmm(void)
{
	int fd = open(PATH, O_RDWR);

	if (fd < 0)
		return -errno;
	close(fd);
	fd = open(PATH, O_RDWR);
	if (attach(fd, THIRD) || xioctl(fd, VHOST_SET_OWNER, NULL))
		return -EIO;
	close(fd);
	return 0;
}

/* It has another VMM, if any. */
static int attach_own(void)
{
	int fd = open(PATH, O_RDWR), err;

	err = attach(fd, DEV);
	close(fd);
	return err == -EBUSY ? 0 : err;
}

static int attach_other(void)
{
	int fd = open(PATH, O_RDWR), err;

	err = attach(fd, OTHER);
	close(fd);
	return err;
}

/* Only one process can have it open for reading, and one has. */
static int use_ept(void)
{
	int fd = ept_open(other_ept, O_RDWR | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (write(fd, "x", 1) != 1)
		return -errno;
	close(fd);
	return 0;
}

static const struct call calls[] = {
	{ "dev-get of its device", get_own },
	{ "dev-get of another", get_other },
	{ "ept-get of its endpoint", get_ept },
	{ "dumps of devices", dump_devs },
	{ "dumps of endpoints", dump_epts },
	{ "dumps of channels", dump_chans },
	{ "dev-new, dev-del", new_dev },
	{ "dev-set of another", set_dev },
	{ "ept-new, ept-del on another", new_ept },
	{ "another VMM", use_vmm },
	{ "attaching to its device", attach_own },
	{ "attaching to another", attach_other },
	{ "an endpoint of another", use_ept },
};

#define NUM_CALLS	((int)(sizeof(calls) / sizeof(calls[0])))

/* The progress of a child that makes all calls; valid even if the child hangs. */
struct progress {
	volatile int begun;
	volatile long long since;
	volatile int err;
	volatile int done;
};

static void call_all(struct progress *p)
{
	for (int i = 0; i < NUM_CALLS && !p->err; i++) {
		p->since = now_ms();
		p->begun = i;
		p->err = calls[i].run();
		if (now_ms() - p->since > AT_MOST_MS)
			p->err = -ETIME;
	}
	p->done = 1;
	_exit(0);
}

FIXTURE(locks)
{
	struct guest g;		/* on the persistent device DEV */
	int fd;			/* file of its endpoint */
	struct progress *p;
	uint8_t *page;		/* arrives when uffd is closed */
	int uffd;
	pthread_t thread;
	bool started;
};

/* A missing page; objects at its end are inside the page. */
static int never_there(uint8_t **page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	*page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)*page;
	range.range.len = PAGE;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &range))
		die("userfaultfd: %d", errno);
	return uffd;
}

FIXTURE_SETUP(locks)
{
	nl_dev_del(DEV);
	nl_dev_del(OTHER);
	nl_dev_del(THIRD);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_GT(nl_dev_new(OTHER), 0);
	own_ept = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	other_ept = nl_ept_new(EPT_REQ(.dev = OTHER, .remote = REMOTE));
	self->fd = ept_open(own_ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	self->p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->p);
	self->uffd = never_there(&self->page);
}

FIXTURE_TEARDOWN(locks)
{
	close(self->uffd);
	if (self->started)
		pthread_join(self->thread, NULL);
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
	EXPECT_EQ(0, nl_dev_del(OTHER));
}

/* The thread of the VMM, which sleeps in this call. */
struct vmm_call {
	int fd;
	unsigned long request;	/* 0: write() to the IOTLB, 1: close() */
	void *arg;
};

static void *vmm_thread(void *arg)
{
	struct vmm_call *c = arg;

	if (c->request == 0)
		return (void *)(long)write(c->fd, c->arg, 72);
	if (c->request == 1)
		return (void *)(long)close(c->fd);
	return (void *)(long)xioctl(c->fd, c->request, c->arg);
}

static struct vmm_call vmm_call;

#define VMM_SLEEPS_IN(_fd, _request, _arg)					\
	do {									\
		vmm_call = (struct vmm_call){ _fd, _request, _arg };		\
		ASSERT_EQ(0, pthread_create(&self->thread, NULL, vmm_thread,	\
					    &vmm_call));			\
		self->started = true;						\
	} while (0)

/* Wait for the page fault. */
#define EXPECT_IT_SLEEPS() EXPECT_EQ(1, poll_fd(self->uffd, 1, LONG_MS))

#define EXPECT_OTHERS_DO_NOT()							\
	do {									\
		pid_t __pid = fork();						\
										\
		if (!__pid) {							\
			close(self->uffd);					\
			call_all(self->p);					\
		}								\
		WAIT_FOR(self->p->done, 3 * NUM_CALLS * AT_MOST_MS);		\
		if (!self->p->done || self->p->err)				\
			TH_LOG("%s", calls[self->p->begun].name);		\
		EXPECT_EQ(1, self->p->done);					\
		EXPECT_EQ(0, self->p->err);					\
		/* A call that hangs ends when the page arrives. */		\
		close(self->uffd);						\
		self->uffd = -1;						\
		ASSERT_EQ(__pid, waitpid(__pid, NULL, 0));			\
	} while (0)

/* An ioctl whose argument never arrives, on a device that is set up or runs. */

#define IOCTL_SLEEPS(_test, _request, _running, _owner)				\
	TEST_F(locks, _test)							\
	{									\
		struct guest_opts opts = { .name = DEV,			\
					   .stopped = !(_running) };	\
		int fd = -1;							\
										\
		if (_owner) {							\
			ASSERT_EQ(0, guest_open(&self->g, &opts));		\
		} else {							\
			fd = open(PATH, O_RDWR);				\
			ASSERT_LE(0, fd);					\
		}								\
		VMM_SLEEPS_IN((_owner) ? self->g.fd : fd, _request,	\
			      self->page);				\
		EXPECT_IT_SLEEPS();						\
		EXPECT_OTHERS_DO_NOT();						\
		pthread_join(self->thread, NULL);				\
		self->started = false;						\
		close(fd);							\
	}

IOCTL_SLEEPS(attach, VHOST_RPMSG_ATTACH, false, false)
IOCTL_SLEEPS(get_features, VHOST_GET_FEATURES, false, true)
IOCTL_SLEEPS(set_features, VHOST_SET_FEATURES, false, true)
IOCTL_SLEEPS(get_backend_features, VHOST_GET_BACKEND_FEATURES, false, true)
IOCTL_SLEEPS(set_backend_features, VHOST_SET_BACKEND_FEATURES, false, true)
IOCTL_SLEEPS(set_mem_table, VHOST_SET_MEM_TABLE, false, true)
IOCTL_SLEEPS(set_mem_table_while_it_runs, VHOST_SET_MEM_TABLE, true, true)
IOCTL_SLEEPS(set_log_base, VHOST_SET_LOG_BASE, false, true)
IOCTL_SLEEPS(set_log_fd, VHOST_SET_LOG_FD, true, true)
IOCTL_SLEEPS(set_vring_num, VHOST_SET_VRING_NUM, false, true)
IOCTL_SLEEPS(set_vring_base, VHOST_SET_VRING_BASE, false, true)
IOCTL_SLEEPS(get_vring_base, VHOST_GET_VRING_BASE, true, true)
IOCTL_SLEEPS(set_vring_addr, VHOST_SET_VRING_ADDR, false, true)
IOCTL_SLEEPS(set_vring_kick, VHOST_SET_VRING_KICK, false, true)
IOCTL_SLEEPS(set_vring_call, VHOST_SET_VRING_CALL, true, true)
IOCTL_SLEEPS(set_vring_err, VHOST_SET_VRING_ERR, true, true)
IOCTL_SLEEPS(set_vring_busyloop_timeout, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, true,
	     true)
IOCTL_SLEEPS(set_running, VHOST_RPMSG_SET_RUNNING, false, true)
IOCTL_SLEEPS(set_running_while_it_runs, VHOST_RPMSG_SET_RUNNING, true, true)

/* Used entries wait to be written, and the avail ring tells whether it is the same guest. */
TEST_F(locks, continue_while_an_avail_ring_is_read)
{
	struct guest_opts opts = { .name = DEV, .num = 256 };
	struct vring *ring = &self->g.ring[GUEST_RX].vring;
	int go_on = VHOST_RPMSG_CONTINUE;

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, mprotect(ring->used, PAGE, PROT_READ));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "x", 1));
	guest_kick_always(&self->g, GUEST_RX);
	ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, mprotect(ring->used, PAGE, PROT_READ | PROT_WRITE));
	if (dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS))
		SKIP(return, "the machine is too slow: the entry was given up");
	ASSERT_EQ(0, madvise(ring->avail, PAGE, MADV_REMOVE));
	close(self->uffd);
	self->uffd = guest_withhold(ring->avail);
	ASSERT_LE(0, self->uffd);
	VMM_SLEEPS_IN(self->g.fd, VHOST_RPMSG_SET_RUNNING, &go_on);
	EXPECT_IT_SLEEPS();
	EXPECT_OTHERS_DO_NOT();
}

TEST_F(locks, write_to_the_iotlb)
{
	struct guest_opts opts = {
		.name = DEV,
		.features = GUEST_FEATURES | ACCESS_PLATFORM,
		.stopped = true,
	};

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	VMM_SLEEPS_IN(self->g.fd, 0, self->page);
	EXPECT_IT_SLEEPS();
	EXPECT_OTHERS_DO_NOT();
}

/* The worker sleeps in an access to the guest's memory, and the VMM waits for the worker. */
static int hold_the_worker(FIXTURE_DATA(locks) *self)
{
	uint8_t *page = guest_alloc_page(&self->g);
	struct guest_seg seg = { page, 512 };

	close(self->uffd);
	self->uffd = guest_hold(page);
	if (self->uffd < 0)
		return -EOPNOTSUPP;
	if (guest_add(&self->g, GUEST_TX, &seg, 1, true, false, 0) < 0)
		return -ENOSPC;
	guest_kick_always(&self->g, GUEST_TX);
	if (write(self->fd, "x", 1) != 1)
		return -errno;
	return poll_fd(self->uffd, 1, LONG_MS) ? 0 : -ETIME;
}

#define WORKER_SLEEPS(_request, _arg)						\
	do {									\
		struct guest_opts __opts = { .name = DEV,			\
					     .no_buffers = true };		\
		int __err;							\
										\
		ASSERT_EQ(0, guest_open(&self->g, &__opts));			\
		__err = hold_the_worker(self);					\
		if (__err == -EOPNOTSUPP)					\
			SKIP(return,						\
				   "the kernel cannot hold writers of pages");	\
		ASSERT_EQ(0, __err);						\
		VMM_SLEEPS_IN(self->g.fd, _request, _arg);			\
		/* The call has started and does not continue. */		\
		usleep(SHORT_MS * 1000);					\
	} while (0)

TEST_F(locks, stop_while_the_worker_sleeps)
{
	int stop = 0;

	WORKER_SLEEPS(VHOST_RPMSG_SET_RUNNING, &stop);
	EXPECT_OTHERS_DO_NOT();
}

TEST_F(locks, features_while_the_worker_sleeps)
{
	uint64_t features = GUEST_FEATURES;

	WORKER_SLEEPS(VHOST_SET_FEATURES, &features);
	EXPECT_OTHERS_DO_NOT();
}

TEST_F(locks, a_name_while_the_worker_sleeps)
{
	struct vhost_rpmsg_attach arg = { .name = THIRD };
	int stop = 0, fd;

	/* First the VMM sleeps with dev.mutex held. */
	WORKER_SLEEPS(VHOST_RPMSG_SET_RUNNING, &stop);
	fd = self->g.fd;
	if (!fork()) {
		close(self->uffd);
		xioctl(fd, VHOST_RPMSG_ATTACH, &arg);
		_exit(0);
	}
	usleep(SHORT_MS * 1000);
	EXPECT_OTHERS_DO_NOT();
	wait(NULL);
}

TEST_F(locks, close_while_the_worker_sleeps)
{
	WORKER_SLEEPS(1, NULL);
	self->g.fd = -1;
	EXPECT_OTHERS_DO_NOT();
}

TEST_HARNESS_MAIN
