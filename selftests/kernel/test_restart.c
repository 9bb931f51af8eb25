// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM dies or stops while used entries of its guest cannot be written. The messages were
 * delivered already. So the next VMM that continues the guest must write the entries, and
 * must not use the buffers again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"restart"
#define REMOTE	0x400
#define NUM	3

#define S(name)		VHOST_RPMSG_A_STATS_##name

FIXTURE(restart)
{
	struct guest g;
	int ept;		/* at 1024 */
	int fd;
};

static const struct guest_opts opts = {
	.name = DEV,
	.num = 16,
	.keep = true,
	.stopped = true,
};

/* Exchange messages, since used indices of 0 mean a guest that was reset. */
static int talk(struct guest *g, int fd)
{
	char buf[8];
	int err = guest_send(g, REMOTE, 1024, "ping", 4);

	if (!err)
		err = guest_drain(g, LONG_MS);
	if (err)
		return err;
	if (!poll_fd(fd, POLLIN, LONG_MS) || read(fd, buf, sizeof(buf)) != 4 ||
	    memcmp(buf, "ping", 4) || write(fd, "pong", 4) != 4)
		return -EBADMSG;
	err = guest_recv_copy(g, NULL, buf, sizeof(buf), LONG_MS);
	if (err < 0)
		return err;
	return err == 4 && !memcmp(buf, "pong", 4) ? 0 : -EBADMSG;
}

FIXTURE_SETUP(restart)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(restart)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Continue the guest from its used indices. */
static int go_on(struct guest *g)
{
	int q, err;
	struct vhost_vring_state state;

	for (q = 0; q < 2; q++) {
		err = guest_setup_ring(g, q);
		state.index = q;
		state.num = guest_used_idx(g, q);
		if (!err && ioctl(g->fd, VHOST_SET_VRING_BASE, &state))
			err = -errno;
		if (err)
			return err;
	}
	return guest_set_running(g, VHOST_RPMSG_CONTINUE);
}

/* Send numbered messages to the other side, beginning with @first. */
static int send_some(FIXTURE_DATA(restart) *self, int q, uint32_t first)
{
	uint32_t i;

	for (i = first; i < first + NUM; i++) {
		if (q == GUEST_RX) {
			if (guest_queue(&self->g, REMOTE, 1024, &i, sizeof(i)))
				return -1;
		} else if (write(self->fd, &i, sizeof(i)) != sizeof(i)) {
			return -1;
		}
	}
	if (q == GUEST_RX)
		guest_kick_always(&self->g, GUEST_RX);
	return 0;
}

/* Each message has arrived once, in order, and the buffers were returned. */
static int got_some(FIXTURE_DATA(restart) *self, int q, uint32_t first)
{
	uint32_t i, number;
	int err;

	for (i = first; i < first + NUM; i++) {
		if (q == GUEST_RX) {
			if (!poll_fd(self->fd, POLLIN, LONG_MS) ||
			    read(self->fd, &number, 4) != 4)
				return -ETIMEDOUT;
		} else {
			err = guest_recv_copy(&self->g, NULL, &number, 4,
					      LONG_MS);
			if (err < 0)
				return err;
		}
		if (number != i)
			return -EBADMSG;
	}
	return guest_drain(&self->g, LONG_MS);
}

#define EXPECT_NOTHING_MORE()						\
	do {								\
		EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS) & POLLIN);	\
		EXPECT_EQ(-ETIMEDOUT,						\
			  guest_recv_copy(&self->g, NULL, NULL, 8, SHORT_MS));	\
		EXPECT_EQ(0, dev_stat(DEV, S(RING_ERRORS)));		\
	} while (0)

/*
 * The VMM: start the rings, block writes to the used ring of @q, send the number of that
 * descriptor, and live until it is killed.
 */
static pid_t start_vmm(FIXTURE_DATA(restart) *self, int pipe, int q)
{
	struct guest *g = &self->g;
	pid_t pid = fork();
	int uffd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	g->fd = -1;
	if (guest_reopen(g, &opts) || go_on(g))
		_exit(1);
	uffd = guest_hold_used(g, q);
	if (write(pipe, &uffd, sizeof(uffd)) != sizeof(uffd))
		_exit(1);
	for (;;)
		pause();
}

/* Get a descriptor of another process, or -1. */
static int take_fd(pid_t pid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int mine = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	close(pidfd);
	return mine;
}

static void killed_while_it_writes(struct __test_metadata *_metadata,
				   FIXTURE_DATA(restart) *self, int q)
{
	int uffd, pipes[2];
	pid_t pid;

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, talk(&self->g, self->fd));
	close(self->g.fd);
	self->g.fd = -1;

	ASSERT_EQ(0, pipe(pipes));
	pid = start_vmm(self, pipes[1], q);
	close(pipes[1]);
	ASSERT_EQ(sizeof(uffd), read(pipes[0], &uffd, sizeof(uffd)));
	close(pipes[0]);
	if (uffd >= 0)
		uffd = take_fd(pid, uffd);
	if (uffd < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		SKIP(return, "no write protection of shared memory");
	}

	ASSERT_EQ(0, send_some(self, q, 0));
	/* The worker is writing. */
	ASSERT_NE(0, poll_fd(uffd, POLLIN, LONG_MS));
	kill(pid, SIGKILL);
	/* The signal does not reach a worker that is not a thread of the VMM. */
	close(uffd);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, guest_reopen(&self->g, &opts));
	ASSERT_EQ(0, go_on(&self->g));
	EXPECT_EQ(0, got_some(self, q, 0));
	EXPECT_NOTHING_MORE();
	EXPECT_EQ(0, talk(&self->g, self->fd));
}

TEST_F(restart, killed_while_it_gives_back_what_the_guest_sent)
{
	killed_while_it_writes(_metadata, self, GUEST_RX);
}

TEST_F(restart, killed_while_it_hands_over_what_the_guest_gets)
{
	killed_while_it_writes(_metadata, self, GUEST_TX);
}

/* Leave a channel, and a message for the guest, when the VMM closes the device. */
static int leave(FIXTURE_DATA(restart) *self)
{
	int err = guest_start(&self->g)				 ?:
			  talk(&self->g, self->fd)		 ?:
			  guest_ns_send(&self->g, "svc", 700, 0) ?:
			  guest_drain(&self->g, LONG_MS);

	close(self->g.fd);
	self->g.fd = -1;
	if (!err && write(self->fd, "left", 4) != 4)
		err = -errno;
	return err;
}

/* Wait until the worker has ended, since close() does not. */
#define EXPECT_STALE(is_stale, what, num)				\
	do {								\
		struct nl_dev dev;					\
									\
		EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) &&		\
					     dev.state == (what),	\
				     LONG_MS));				\
		EXPECT_EQ(is_stale, dev.stale);				\
		EXPECT_EQ(num, dev.channels);				\
	} while (0)

TEST_F(restart, a_device_is_stale_until_its_guest_goes_on)
{
	char buf[8];

	EXPECT_STALE(false, VHOST_RPMSG_DEV_STATE_ATTACHED, 0);
	ASSERT_EQ(0, leave(self));
	EXPECT_STALE(true, VHOST_RPMSG_DEV_STATE_DETACHED, 1);
	ASSERT_EQ(0, guest_reopen(&self->g, &opts));
	EXPECT_STALE(true, VHOST_RPMSG_DEV_STATE_ATTACHED, 1);
	ASSERT_EQ(0, go_on(&self->g));
	EXPECT_STALE(false, VHOST_RPMSG_DEV_STATE_RUNNING, 1);
	EXPECT_EQ(4, guest_recv_copy(&self->g, NULL, buf, 8, LONG_MS));
}

TEST_F(restart, a_stale_guest_is_forgotten_by_hand)
{
	uint64_t dropped = dev_stat(DEV, S(TX_DROP_RESET));

	EXPECT_EQ(-EBUSY, nl_dev_reset(DEV));
	ASSERT_EQ(0, leave(self));
	EXPECT_STALE(true, VHOST_RPMSG_DEV_STATE_DETACHED, 1);
	EXPECT_EQ(0, nl_dev_reset(DEV));
	EXPECT_STALE(false, VHOST_RPMSG_DEV_STATE_DETACHED, 0);
	EXPECT_EQ(dropped + 1, dev_stat(DEV, S(TX_DROP_RESET)));
	/* The second time there is nothing to do. */
	EXPECT_EQ(0, nl_dev_reset(DEV));
	ASSERT_EQ(0, guest_reopen(&self->g, &opts));
	EXPECT_EQ(-ESTALE, go_on(&self->g));
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, talk(&self->g, self->fd));
}

/* Repeated: the entries are kept until they can be written. */
TEST_F(restart, stopped_while_the_used_ring_is_away)
{
	int q, round, in_time = 0;
	uint32_t errors = 0, first = 0;
	void *used;

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, talk(&self->g, self->fd));
	for (round = 0; round < 20 && in_time < 4; round++) {
		q = round % 2;
		used = self->g.ring[q].vring.used;
		ASSERT_EQ(0, mprotect(used, 4096, PROT_READ));
		ASSERT_EQ(0, send_some(self, q, first));
		usleep(2000);
		ASSERT_EQ(0, guest_stop(&self->g));
		ASSERT_EQ(0, mprotect(used, 4096, PROT_READ | PROT_WRITE));
		/* On a slow machine the entries are given up before the stop, and are lost. */
		if (dev_stat(DEV, S(RING_ERRORS)) != errors) {
			errors = dev_stat(DEV, S(RING_ERRORS));
			guest_reset_rings(&self->g);
			guest_post(&self->g);
			while (read(self->fd, (char[8]){}, 8) > 0)
				;
			ASSERT_EQ(0, guest_start(&self->g));
			ASSERT_EQ(0, talk(&self->g, self->fd));
			continue;
		}
		in_time++;
		ASSERT_EQ(0, go_on(&self->g));
		ASSERT_EQ(0, got_some(self, q, first));
		first += NUM;
	}
	if (!in_time)
		SKIP(return, "the machine is too slow");
	EXPECT_EQ(0, talk(&self->g, self->fd));
}

/*
 * Entries that the device has taken and cannot give back, so that the used index is behind.
 * The rings go on after them, not at the used index.
 */

TEST_F(restart, a_message_after_an_entry_that_is_none_comes_once)
{
	struct guest *g = &self->g;

	ASSERT_EQ(0, guest_start(g));
	ASSERT_EQ(0, talk(g, self->fd));
	guest_add_raw(g, GUEST_RX, opts.num);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "good", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "good");
	ASSERT_TRUE(WAIT_FOR(guest_used_idx(g, GUEST_RX) == 2, LONG_MS));
	ASSERT_EQ(0, guest_stop(g));
	ASSERT_EQ(0, go_on(g));
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS) & POLLIN);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "next", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "next");
}

TEST_F(restart, a_buffer_after_an_entry_that_is_none_is_filled_once)
{
	struct guest *g = &self->g;
	struct guest_msg msg;

	ASSERT_EQ(0, guest_start(g));
	ASSERT_EQ(0, talk(g, self->fd));
	/* One buffer less, so that there is room for the entry. */
	ASSERT_EQ(5, write(self->fd, "first", 5));
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	guest_add_raw(g, GUEST_TX, opts.num);
	for (unsigned int i = 0; i + 1 < opts.num; i++) {
		ASSERT_EQ(4, write(self->fd, "more", 4));
		ASSERT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
	}
	/* The next buffer is behind the entry. The guest keeps it. */
	ASSERT_EQ(4, write(self->fd, "kept", 4));
	ASSERT_EQ(1, guest_recv(g, &msg, LONG_MS));
	ASSERT_EQ(0, guest_stop(g));
	ASSERT_EQ(1, dev_stat(DEV, S(RING_ERRORS)));
	ASSERT_EQ(0, go_on(g));
	ASSERT_EQ(4, write(self->fd, "next", 4));
	EXPECT_EQ(4, guest_recv_copy(g, NULL, NULL, 8, LONG_MS));
	EXPECT_EQ(0, memcmp(msg.data, "kept", 4));
}

TEST_F(restart, a_message_whose_buffer_was_given_up_comes_once)
{
	void *used = self->g.ring[GUEST_RX].vring.used;
	struct guest *g = &self->g;

	ASSERT_EQ(0, guest_start(g));
	ASSERT_EQ(0, talk(g, self->fd));
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ));
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "lost", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "lost");
	ASSERT_TRUE(WAIT_FOR(dev_stat(DEV, S(RING_ERRORS)), LONG_MS));
	ASSERT_EQ(0, guest_stop(g));
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, go_on(g));
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS) & POLLIN);
	ASSERT_EQ(0, guest_queue(g, REMOTE, 1024, "next", 4));
	guest_kick_always(g, GUEST_RX);
	EXPECT_TEXT(self->fd, "next");
}

/*
 * Stop the rings of a new guest before its first used entries, those of q, could be
 * written. Its used indices are 0 then, as those of a guest that was reset.
 */
static int stop_at_first(FIXTURE_DATA(restart) *self, int q)
{
	void *used = self->g.ring[q].vring.used;
	unsigned int stat = q == GUEST_RX ? S(RX_MSGS) : S(TX_MSGS);
	struct guest *g = &self->g;
	uint64_t errors, msgs;
	int err, round = 0;

	do {
		errors = dev_stat(DEV, S(RING_ERRORS));
		msgs = dev_stat(DEV, stat);
		guest_reset_rings(g);
		guest_post(g);
		while (read(self->fd, (char[8]){}, 8) > 0)
			;
		err = guest_start(g);
		if (!err && mprotect(used, 4096, PROT_READ))
			err = -errno;
		if (!err)
			err = send_some(self, q, 0);
		if (!err &&
		    !WAIT_FOR(dev_stat(DEV, stat) == msgs + NUM, LONG_MS))
			err = -ETIMEDOUT;
		if (!err)
			err = guest_stop(g);
		if (!err && mprotect(used, 4096, PROT_READ | PROT_WRITE))
			err = -errno;
		/* On a slow machine the entries are given up before the stop. */
	} while (!err && errors != dev_stat(DEV, S(RING_ERRORS)) &&
		 ++round < 10);
	return err ?: round == 10;
}

TEST_F(restart, stopped_before_the_first_buffer_could_be_given_back)
{
	int ret = stop_at_first(self, GUEST_RX);

	ASSERT_LE(0, ret);
	if (ret)
		SKIP(return, "the machine is too slow");
	ASSERT_EQ(0, go_on(&self->g));
	EXPECT_EQ(0, got_some(self, GUEST_RX, 0));
	EXPECT_EQ(0, talk(&self->g, self->fd));
}

/*
 * Its buffers look like those of a guest that was reset, which must not get messages of
 * the former one.
 */
TEST_F(restart, a_guest_that_has_sent_nothing_counts_as_another)
{
	int ret = stop_at_first(self, GUEST_TX);

	ASSERT_LE(0, ret);
	if (ret)
		SKIP(return, "the machine is too slow");
	EXPECT_EQ(-ESTALE, go_on(&self->g));
}

/* Nothing can be said about a ring that cannot be read now. */
TEST_F(restart, an_avail_ring_that_cannot_be_read_is_not_another_guest)
{
	struct guest *g = &self->g;
	int ret = stop_at_first(self, GUEST_RX);
	void *page;

	ASSERT_LE(0, ret);
	if (ret)
		SKIP(return, "the machine is too slow");
	page = (void *)((uintptr_t)g->ring[GUEST_TX].vring.avail & -4096);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	EXPECT_EQ(-EFAULT, go_on(g));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, go_on(g));
	EXPECT_EQ(0, got_some(self, GUEST_RX, 0));
	EXPECT_EQ(0, talk(g, self->fd));
}

/* A guest that was reset has not made so many entries available. */
TEST_F(restart, a_guest_without_the_first_entries_is_another_guest)
{
	int ret = stop_at_first(self, GUEST_RX);

	ASSERT_LE(0, ret);
	if (ret)
		SKIP(return, "the machine is too slow");
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	EXPECT_EQ(-ESTALE, go_on(&self->g));
}

/* A guest that was reset in the meantime gets nothing of the former one. */
TEST_F(restart, a_new_guest_gets_no_used_entries_of_the_one_before)
{
	void *used = self->g.ring[GUEST_RX].vring.used;
	struct vhost_vring_state smaller = { GUEST_RX, 2 };

	ASSERT_EQ(0, guest_start(&self->g));
	ASSERT_EQ(0, talk(&self->g, self->fd));
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ));
	ASSERT_EQ(0, send_some(self, GUEST_RX, 0));
	ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, mprotect(used, 4096, PROT_READ | PROT_WRITE));
	/* The entries do not fit into its ring. On a slow machine they are given up. */
	if (!dev_stat(DEV, S(RING_ERRORS))) {
		ASSERT_EQ(0, ioctl(self->g.fd, VHOST_SET_VRING_NUM, &smaller));
		EXPECT_EQ(-ESTALE,
			  guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
	}
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	while (read(self->fd, (char[8]){}, 8) > 0)
		;
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(0, guest_in_flight(&self->g, GUEST_RX));
	EXPECT_EQ(0, talk(&self->g, self->fd));
}

TEST_HARNESS_MAIN
