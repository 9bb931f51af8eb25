// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMMs appear, disappear and die while readers, writers and pollers sleep. Tests with
 * messages end with a balance: the number of sent messages is the sum of received and
 * dropped ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "traffic.h"

/* A VMM in a process of its own; its guest executes commands. */
enum what { SEND, DRAIN, POST, RECV, ECHO, VMM_FD, CLOSE, EXIT, KILL };

struct order {
	enum what what;
	int n;
};

struct vmm {
	pid_t pid;
	int fd;
	uint32_t sent;		/* messages sent so far */
};

/* The progress of a guest until it is killed. */
struct echoed {
	uint32_t sent;
	uint32_t arrived;
};

static struct echoed *echoed;

/* Return all messages until there is another command. */
static int echo(struct guest *g)
{
	struct guest_hdr hdr;
	char data[LEN];
	int len;

	while (!poll_fd(3, POLLIN, 0)) {
		len = guest_recv_copy(g, &hdr, data, LEN, 5);
		if (len == -ETIMEDOUT)
			continue;
		if (len < 0)
			return len;
		echoed->arrived++;
		echoed->sent++;
		while (guest_send(g, hdr.dst, hdr.src, data, len) == -EAGAIN)
			if (poll_fd(3, POLLIN, 0))
				return 0;
	}
	return 0;
}

static int obey(struct guest *g, const struct order *order, uint32_t *number)
{
	int i, ret, last = -ENODATA;

	switch (order->what) {
	case SEND:
		for (i = 0; i < order->n; i++) {
			ret = send_number(g, 1024, (*number)++);
			if (ret)
				return ret;
		}
		return 0;
	case DRAIN:
		return drain(g);
	case POST:
		guest_post(g);
		guest_kick(g, GUEST_TX);
		return 0;
	case RECV:
		for (i = 0; i < order->n; i++) {
			ret = recv_number(g, LONG_MS);
			if (ret < 0)
				return ret;
			if (i && ret != last + 1)
				return -EBADMSG;
			last = ret;
		}
		return last;
	case ECHO:
		return echo(g);
	case VMM_FD:
		return g->fd;
	case CLOSE:
		guest_close(g);
		return 0;
	default:
		_exit(0);
	}
}

static void play_vmm(const struct guest_opts *opts, uint32_t number)
{
	struct order order;
	struct guest g;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = guest_open(&g, opts);
	do {
		if (write(3, &ret, sizeof(ret)) != sizeof(ret) ||
		    read(3, &order, sizeof(order)) != sizeof(order))
			break;
		ret = obey(&g, &order, &number);
	} while (true);
	_exit(1);
}

/* Return the answer to the last command: the last received number, or -errno. */
static int answer(struct vmm *vmm)
{
	int ret;

	return read(vmm->fd, &ret, sizeof(ret)) == sizeof(ret) ? ret : -EPIPE;
}

static int tell(struct vmm *vmm, enum what what, int n)
{
	struct order order = { what, n };

	if (write(vmm->fd, &order, sizeof(order)) != sizeof(order))
		return -EPIPE;
	return 0;
}

static int ask(struct vmm *vmm, enum what what, int n)
{
	if (what == SEND)
		vmm->sent += n;
	return tell(vmm, what, n) ?: answer(vmm);
}

static int vmm_start(struct vmm *vmm, const struct guest_opts *opts)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds))
		return -errno;
	vmm->pid = fork();
	if (!vmm->pid) {
		/* The child must not inherit our files. */
		dup2(fds[1], 3);
		close_range(4, ~0U, 0);
		play_vmm(opts, vmm->sent);
	}
	close(fds[1]);
	vmm->fd = fds[0];
	return answer(vmm);
}

/* When this returns, the VMM's files are closed. */
static void vmm_end(struct vmm *vmm, enum what how)
{
	if (!vmm->pid)
		return;
	if (how == CLOSE)
		ask(vmm, CLOSE, 0);
	if (how == EXIT)
		tell(vmm, EXIT, 0);
	else
		kill(vmm->pid, SIGKILL);
	waitpid(vmm->pid, NULL, 0);
	close(vmm->fd);
	vmm->pid = 0;
}

static const struct guest_opts plain = { .name = DEV };
static const struct guest_opts no_buffers = { .name = DEV, .no_buffers = true };
static const struct guest_opts stopped = { .name = DEV, .stopped = true };

/* Ephemeral devices: each test runs with several ways for a VMM to end. */

FIXTURE(ephemeral)
{
	struct vmm vmm;
	struct traffic t;
};

FIXTURE_VARIANT(ephemeral)
{
	enum what end;
};

FIXTURE_VARIANT_ADD(ephemeral, closes) { .end = CLOSE };
FIXTURE_VARIANT_ADD(ephemeral, exits) { .end = EXIT };
FIXTURE_VARIANT_ADD(ephemeral, is_killed) { .end = KILL };

FIXTURE_SETUP(ephemeral)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_EQ(0, vmm_start(&self->vmm, &no_buffers));
	ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
}

FIXTURE_TEARDOWN(ephemeral)
{
	close(self->t.fd);
	vmm_end(&self->vmm, KILL);
	EXPECT_EQ(-ENODEV, nl_dev_del(DEV));
}

TEST_F(ephemeral, goes_with_its_file)
{
	char path[32];
	struct nl_dev dev;
	struct nl_ept ept;

	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_FALSE(dev.persistent);
	EXPECT_EQ(STATE(RUNNING), dev.state);
	EXPECT_EQ(1, dev.endpoints);
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	EXPECT_EQ(-EEXIST, nl_dev_new(DEV));

	vmm_end(&self->vmm, variant->end);
	EXPECT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
	EXPECT_EQ(-ENODEV, nl_dev_get_id(dev.id, &dev));
	EXPECT_EQ(-ENOENT, nl_ept_get(self->t.ept, &ept));
	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%d", self->t.ept);
	EXPECT_EQ(-1, access(path, F_OK));
	/* The name is free, and the number is not used again. */
	EXPECT_GT(nl_dev_new(DEV), (int)dev.id);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_F(ephemeral, what_is_queued_can_still_be_read)
{
	ASSERT_EQ(0, ask(&self->vmm, SEND, 5));
	ASSERT_EQ(0, ask(&self->vmm, DRAIN, 0));
	vmm_end(&self->vmm, variant->end);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(i, read_next(&self->t));
	EXPECT_EQ(-EPIPE, read_next(&self->t));
	EXPECT_EQ(-EPIPE, write_next(&self->t));
	EXPECT_EQ(POLLHUP | POLLERR, poll_fd(self->t.fd, POLLIN, 0));
}

TEST_F(ephemeral, sleepers_wake_up)
{
	struct sleeper reader, writer, poller;

	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(&self->t));
	ASSERT_TRUE(go_to_sleep(&reader, &self->t, sleep_in_read));
	ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
	ASSERT_TRUE(go_to_sleep(&poller, &self->t, sleep_in_poll));
	vmm_end(&self->vmm, variant->end);
	EXPECT_EQ(-EPIPE, WAKES_UP(&reader));
	EXPECT_EQ(-EPIPE, WAKES_UP(&writer));
	EXPECT_EQ(POLLHUP | POLLERR, WAKES_UP(&poller));
}

/* The counters of a deleted endpoint are in its last event. */
TEST_F(ephemeral, what_was_not_sent_is_counted)
{
	struct nl_event ev;

	ASSERT_EQ(0, nl_listen());
	ASSERT_EQ(0, ask(&self->vmm, SEND, 3));
	ASSERT_EQ(0, ask(&self->vmm, DRAIN, 0));
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(&self->t));
	vmm_end(&self->vmm, variant->end);
	do {
		ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	} while (ev.cmd != VHOST_RPMSG_CMD_EPT_NTF ||
		 ev.ept.event != VHOST_RPMSG_EVENT_DEL);
	EXPECT_EQ(self->t.ept, (int)ev.ept.id);
	EXPECT_EQ(10, ev.ept.stats[S(TX_DROP_RESET)]);
	EXPECT_EQ(0, ev.ept.stats[S(TX_MSGS)]);
	EXPECT_EQ(0, ev.ept.tx_queued);
	EXPECT_EQ(3, ev.ept.stats[S(RX_MSGS)]);
	/* No event refers to a device that is gone. */
	do {
		ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	} while (ev.cmd != VHOST_RPMSG_CMD_DEV_NTF ||
		 ev.dev.event != VHOST_RPMSG_EVENT_DEL);
	EXPECT_STREQ(DEV, ev.dev.name);
	nl_unlisten();
}

/* Persistent devices, and VMMs that end. */

FIXTURE(vmm)
{
	struct vmm vmm;
	struct traffic t;
};

FIXTURE_VARIANT(vmm)
{
	enum what end;
};

FIXTURE_VARIANT_ADD(vmm, closes) { .end = CLOSE };
FIXTURE_VARIANT_ADD(vmm, exits) { .end = EXIT };
FIXTURE_VARIANT_ADD(vmm, is_killed) { .end = KILL };

FIXTURE_SETUP(vmm)
{
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
	echoed = mmap(NULL, sizeof(*echoed), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, echoed);
}

FIXTURE_TEARDOWN(vmm)
{
	struct nl_ept ept;

	vmm_end(&self->vmm, KILL);
	if (!nl_ept_get(self->t.ept, &ept))
		EXPECT_BALANCE(&self->t);
	close(self->t.fd);
	nl_dev_del(DEV);
}

/* Send one message from the guest, so that it leaves something behind. */
#define BEGIN(opts)								\
	do {									\
		ASSERT_EQ(0, vmm_start(&self->vmm, opts));			\
		ASSERT_EQ(0, ask(&self->vmm, SEND, 1));				\
		ASSERT_EQ(0, ask(&self->vmm, DRAIN, 0));			\
		self->t.sent++;							\
		ASSERT_EQ(self->vmm.sent - 1, (uint32_t)read_next(&self->t));	\
	} while (0)

TEST_F(vmm, states)
{
	struct nl_dev dev;

	EXPECT_EQ(STATE(DETACHED), dev_state(DEV));
	ASSERT_EQ(0, vmm_start(&self->vmm, &stopped));
	EXPECT_EQ(STATE(ATTACHED), dev_state(DEV));
	vmm_end(&self->vmm, variant->end);
	EXPECT_EQ(STATE(DETACHED), dev_state(DEV));

	ASSERT_EQ(0, vmm_start(&self->vmm, &plain));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(STATE(RUNNING), dev.state);
	EXPECT_TRUE(dev.persistent);
	EXPECT_EQ(GUEST_FEATURES, dev.features);
	vmm_end(&self->vmm, variant->end);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(STATE(DETACHED), dev.state);
	EXPECT_EQ(0, dev.features);
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, dev.mtu);
	EXPECT_EQ(1, dev.endpoints);
}

TEST_F(vmm, only_one_at_a_time)
{
	struct vmm other = {};
	struct nl_dev dev;

	BEGIN(&plain);
	EXPECT_EQ(-EBUSY, vmm_start(&other, &plain));
	vmm_end(&other, KILL);
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	EXPECT_EQ(STATE(RUNNING), dev_state(DEV));
	/* The present VMM is not affected. */
	ASSERT_EQ(LEN, write_next(&self->t));
	EXPECT_EQ(0, ask(&self->vmm, RECV, 1));
	self->t.arrived++;

	vmm_end(&self->vmm, variant->end);
	BEGIN(&plain);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(STATE(RUNNING), dev.state);
}

TEST_F(vmm, endpoints_and_open_files_stay)
{
	struct nl_ept before, after;

	ASSERT_EQ(0, nl_ept_get(self->t.ept, &before));
	BEGIN(&plain);
	vmm_end(&self->vmm, variant->end);
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &after));
	EXPECT_TRUE(after.open);
	EXPECT_EQ(before.addr, after.addr);
	EXPECT_EQ(REMOTE, after.remote);
	EXPECT_EQ(KIND(FIXED), after.remote_kind);
	EXPECT_EQ(-EAGAIN, read_next(&self->t));
	EXPECT_EQ(0, poll_fd(self->t.fd, POLLIN, 0));

	BEGIN(&plain);
	ASSERT_EQ(LEN, write_next(&self->t));
	EXPECT_EQ(0, ask(&self->vmm, RECV, 1));
	self->t.arrived++;
}

TEST_F(vmm, comes_after_the_writers)
{
	struct sleeper writer;

	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(&self->t));
	EXPECT_EQ(-EAGAIN, write_next(&self->t));
	ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
	ASSERT_EQ(0, vmm_start(&self->vmm, &plain));
	EXPECT_EQ(LEN, WAKES_UP(&writer));
	EXPECT_EQ(10, ask(&self->vmm, RECV, 11));
	self->t.arrived = 11;
}

TEST_F(vmm, ends_while_others_sleep)
{
	struct sleeper reader, writer, poller;

	BEGIN(&no_buffers);
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(&self->t));
	ASSERT_TRUE(go_to_sleep(&reader, &self->t, sleep_in_read));
	ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
	ASSERT_TRUE(go_to_sleep(&poller, &self->t, sleep_in_poll));
	vmm_end(&self->vmm, variant->end);

	/* Messages for that guest are dropped, which makes room. */
	EXPECT_EQ(LEN, WAKES_UP(&writer));
	EXPECT_STAT(10, ept_stat(self->t.ept, S(TX_DROP_RESET)));
	EXPECT_STAT(10, dev_stat(DEV, S(TX_DROP_RESET)));
	usleep(SHORT_MS * 1000);
	EXPECT_TRUE(asleep(&reader));
	EXPECT_TRUE(asleep(&poller));

	/* The next guest gets later messages, and wakes the other threads. */
	ASSERT_EQ(0, vmm_start(&self->vmm, &plain));
	EXPECT_EQ(10, ask(&self->vmm, RECV, 1));
	self->t.arrived++;
	ASSERT_EQ(0, ask(&self->vmm, SEND, 2));
	self->t.sent += 2;
	EXPECT_EQ(1, WAKES_UP(&reader));
	EXPECT_EQ(POLLIN, WAKES_UP(&poller));
	EXPECT_EQ(2, read_next(&self->t));
}

TEST_F(vmm, ends_with_full_queues)
{
	struct nl_dev dev;

	BEGIN(&no_buffers);
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(&self->t));
	ASSERT_EQ(0, ask(&self->vmm, SEND, 30));
	self->t.sent += 10;
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	vmm_end(&self->vmm, variant->end);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_FALSE(dev.stalled);
	EXPECT_STAT(10, ept_stat(self->t.ept, S(TX_DROP_RESET)));

	/* The reader gets the messages of the old guest, then those of the next guest. */
	ASSERT_EQ(0, vmm_start(&self->vmm, &plain));
	ASSERT_EQ(0, ask(&self->vmm, SEND, 5));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	EXPECT_EQ(self->t.ept, (int)dev.stall_ept);
	self->t.sent += 5;
	for (int i = 1; i <= 10; i++)
		EXPECT_EQ(i, read_next(&self->t));
	for (int i = 31; i < 36; i++) {
		ASSERT_NE(0, poll_fd(self->t.fd, POLLIN, LONG_MS));
		EXPECT_EQ(i, read_next(&self->t));
	}
	EXPECT_EQ(0, ask(&self->vmm, DRAIN, 0));
	ASSERT_EQ(LEN, write_next(&self->t));
	EXPECT_EQ(10, ask(&self->vmm, RECV, 1));
	self->t.arrived++;
}

/* Create another endpoint at the same address. */
#define NEW_ENDPOINT(remote)					\
	do {							\
		ASSERT_EQ(0, nl_ept_del(self->t.ept));		\
		close(self->t.fd);				\
		self->t = (struct traffic){};			\
		ASSERT_EQ(0, open_traffic(&self->t, remote));	\
	} while (0)

TEST_F(vmm, ends_and_what_was_learned_is_forgotten)
{
	struct nl_ept ept;

	NEW_ENDPOINT(VHOST_RPMSG_ADDR_ANY);
	EXPECT_EQ(-ENOTCONN, write_next(&self->t));
	BEGIN(&plain);
	ASSERT_EQ(LEN, write_next(&self->t));
	EXPECT_EQ(0, ask(&self->vmm, RECV, 1));
	self->t.arrived++;
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_EQ(KIND(LEARNED), ept.remote_kind);

	vmm_end(&self->vmm, variant->end);
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_EQ(KIND(NONE), ept.remote_kind);
	EXPECT_EQ(VHOST_RPMSG_ADDR_ANY, ept.remote);
	EXPECT_EQ(-ENOTCONN, write_next(&self->t));
}

/* Another process has a copy of its file, so the device is not free yet. */
TEST_F(vmm, ends_and_its_file_lives_on)
{
	struct vmm other = {};
	int pidfd, fd;

	BEGIN(&plain);
	pidfd = syscall(SYS_pidfd_open, self->vmm.pid, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, ask(&self->vmm, VMM_FD, 0), 0);
	ASSERT_GE(fd, 0);
	close(pidfd);
	vmm_end(&self->vmm, variant->end);

	EXPECT_NE(STATE(DETACHED), dev_state(DEV));
	EXPECT_EQ(-EBUSY, vmm_start(&other, &plain));
	vmm_end(&other, KILL);
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	/* The worker and the guest may have ended. */
	for (int i = 0; i < 10; i++)
		write_next(&self->t);
	self->t.arrived = ept_stat(self->t.ept, S(TX_MSGS));
	EXPECT_EQ(-1, ioctl(fd, VHOST_RPMSG_SET_RUNNING, &(int){ 0 }));
	EXPECT_EQ(EPERM, errno);
	close(fd);

	EXPECT_EQ(STATE(DETACHED), dev_state(DEV));
	self->t.arrived = ept_stat(self->t.ept, S(TX_MSGS));
	BEGIN(&plain);
}

struct ending {
	struct vmm *vmm;
	enum what how;
};

static void *end_it(void *arg)
{
	struct ending *e = arg;

	vmm_end(e->vmm, e->how);
	return NULL;
}

static int try_dev_del(void)
{
	int err;

	/* The result is EBUSY until the VMM has ended. */
	WAIT_FOR((err = nl_dev_del(DEV)) != -EBUSY, LONG_MS);
	return err;
}

/* Delays from 0 to about the time that a VMM takes to end. */
TEST_F(vmm, ends_while_the_endpoint_is_deleted)
{
	struct sleeper reader, writer, poller;
	struct ending e = { &self->vmm, variant->end };
	unsigned int dropped = 0;
	pthread_t thread;
	int ret;

	for (int i = 0; i < 6; i++) {
		self->vmm.sent = 0;
		BEGIN(&no_buffers);
		for (int k = 0; k < 10; k++)
			ASSERT_EQ(LEN, write_next(&self->t));
		ASSERT_TRUE(go_to_sleep(&reader, &self->t, sleep_in_read));
		ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
		ASSERT_TRUE(go_to_sleep(&poller, &self->t, sleep_in_poll));

		ASSERT_EQ(0, pthread_create(&thread, NULL, end_it, &e));
		pause_a_little(i);
		ASSERT_EQ(0, nl_ept_del(self->t.ept));
		EXPECT_EQ(-EPIPE, WAKES_UP(&reader));
		ret = WAKES_UP(&writer);
		EXPECT_TRUE(ret == -EPIPE || ret == LEN);
		EXPECT_EQ(POLLHUP | POLLERR, WAKES_UP(&poller));
		pthread_join(thread, NULL);

		/* The device still works, and has counted all messages. */
		EXPECT_EQ(STATE(DETACHED), dev_state(DEV));
		dropped += 10 + (ret == LEN);
		EXPECT_STAT(dropped, dev_stat(DEV, S(TX_DROP_RESET)));
		close(self->t.fd);
		self->t = (struct traffic){};
		ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
	}
}

TEST_F(vmm, ends_while_the_device_is_deleted)
{
	struct sleeper reader, writer, poller;
	struct ending e = { &self->vmm, variant->end };
	pthread_t thread;
	int ret;

	for (int i = 0; i < 6; i++) {
		self->vmm.sent = 0;
		BEGIN(&no_buffers);
		for (int k = 0; k < 10; k++)
			ASSERT_EQ(LEN, write_next(&self->t));
		ASSERT_TRUE(go_to_sleep(&reader, &self->t, sleep_in_read));
		ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
		ASSERT_TRUE(go_to_sleep(&poller, &self->t, sleep_in_poll));

		ASSERT_EQ(0, pthread_create(&thread, NULL, end_it, &e));
		ASSERT_EQ(0, try_dev_del());
		EXPECT_EQ(-EPIPE, WAKES_UP(&reader));
		ret = WAKES_UP(&writer);
		EXPECT_TRUE(ret == -EPIPE || ret == LEN);
		EXPECT_EQ(POLLHUP | POLLERR, WAKES_UP(&poller));
		pthread_join(thread, NULL);
		EXPECT_EQ(-ENODEV, nl_dev_del(DEV));

		close(self->t.fd);
		ASSERT_GT(nl_dev_new(DEV), 0);
		self->t = (struct traffic){};
		ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
	}
}

#define RIVALS	4

/* A VMM attaches and closes; the exit status reports errors. */
static int rival(void)
{
	long long end = now_ms() + LONG_MS;
	struct guest g;
	int had = 0, err;

	while (had < 5 && now_ms() < end) {
		err = guest_open(&g, &stopped);
		if (!err) {
			had++;
			guest_close(&g);
		} else if (err != -EBUSY) {
			return -err;
		}
		nap();
	}
	return had < 5 ? 255 : 0;
}

TEST(many_want_the_same_name)
{
	int left = RIVALS, status, err;
	pid_t pid;

	nl_dev_del(DEV);
	for (int i = 0; i < RIVALS; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			_exit(rival());
	}
	/* The device alternates between one of a VMM and a persistent one. */
	while (left) {
		err = nl_dev_new(DEV);
		if (err <= 0)
			EXPECT_EQ(-EEXIST, err);
		err = nl_dev_del(DEV);
		if (err && err != -EBUSY)
			EXPECT_EQ(-ENODEV, err);
		while (waitpid(-1, &status, WNOHANG) > 0) {
			EXPECT_EQ(0, status);
			left--;
		}
		nap();
	}
	nl_dev_del(DEV);
	EXPECT_EQ(~0U, dev_state(DEV));
}

/* Write as fast as possible, and read the answers, until the time is up. */
static int talk(struct traffic *t, int ms)
{
	long long end = now_ms() + ms;
	int ret;

	while (now_ms() < end) {
		ret = write_next(t);
		if (ret < 0 && ret != -EAGAIN)
			return ret;
		do {
			ret = read_next(t);
		} while (ret >= 0);
		if (ret != -EAGAIN)
			return ret;
		poll_fd(t->fd, POLLIN | POLLOUT, 1);
	}
	return 0;
}

TEST_F(vmm, ends_in_the_middle_of_traffic)
{
	struct nl_ept ept;

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, vmm_start(&self->vmm, &plain));
		ASSERT_EQ(0, tell(&self->vmm, ECHO, 0));
		ASSERT_EQ(0, talk(&self->t, 50 + 7 * i));
		vmm_end(&self->vmm, variant->end);
		EXPECT_EQ(STATE(DETACHED), dev_state(DEV));
	}
	/* Messages that were in the rings at the end were lost with the guest. */
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_LT(4, echoed->arrived);
	EXPECT_GE(ept.stats[S(TX_MSGS)], echoed->arrived);
	EXPECT_LE(ept.stats[S(TX_MSGS)], echoed->arrived + 4 * 256);
	EXPECT_LE(ept.stats[S(RX_MSGS)], echoed->sent);
	EXPECT_GE(ept.stats[S(RX_MSGS)] + 4 * 256, echoed->sent);
	self->t.arrived = ept.stats[S(TX_MSGS)];
	self->t.sent = ept.stats[S(RX_MSGS)];
}

/* Get the file that makes another process a VMM, as if it had been passed to us. */
static int take_file(pid_t pid)
{
	char path[64], target[64];
	int pidfd, fd, n;

	for (n = 0; n < 64; n++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, n);
		memset(target, 0, sizeof(target));
		if (readlink(path, target, sizeof(target) - 1) > 0 &&
		    !strcmp(target, "/dev/vhost-rpmsg"))
			break;
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	fd = syscall(SYS_pidfd_getfd, pidfd, n, 0);
	close(pidfd);
	return fd;
}

/* Whether the worker is a thread of the VMM, which is killed with it. */
static bool is_thread_of(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	/* One link for each thread, and two for the folder. */
	return !stat(path, &st) && st.st_nlink > 3;
}

/* The rings stand still then. */
TEST(does_not_run_without_its_worker)
{
	struct vmm vmm = {};
	unsigned int then;
	int fd;

	nl_dev_del(DEV);
	ASSERT_LT(0, nl_dev_new(DEV));
	ASSERT_EQ(0, vmm_start(&vmm, &plain));
	fd = take_file(vmm.pid);
	ASSERT_LE(0, fd);
	EXPECT_EQ(STATE(RUNNING), dev_state(DEV));
	then = is_thread_of(vmm.pid) ? STATE(ATTACHED) : STATE(RUNNING);
	vmm_end(&vmm, KILL);
	EXPECT_TRUE(WAIT_FOR(dev_state(DEV) == then, LONG_MS));
	close(fd);
	EXPECT_EQ(STATE(DETACHED), dev_state(DEV));
	EXPECT_EQ(0, nl_dev_del(DEV));
}

TEST_HARNESS_MAIN
