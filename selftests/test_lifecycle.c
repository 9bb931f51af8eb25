// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices, endpoints, guests and VMMs come and go, while readers, writers and
 * pollers sleep. Where messages flow, the test ends with the balance: what was
 * sent is what was received and what the counters say was dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"lifecycle"
#define REMOTE	0x400
#define LEN	100
#define COST	(LEN + VHOST_RPMSG_MSG_OVERHEAD)

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define STATE(name)	VHOST_RPMSG_DEV_STATE_##name
#define KIND(name)	VHOST_RPMSG_REMOTE_KIND_##name

/* An endpoint at 1024 with room for ten messages each way, and its traffic. */
struct traffic {
	int ept;
	int fd;			/* non-blocking */
	uint32_t sent;		/* by the guest, and taken by the host */
	uint32_t received;	/* by its reader */
	uint32_t written;	/* by its writer */
	uint32_t arrived;	/* from it, at the guest */
};

static int open_traffic(struct traffic *t, uint32_t remote)
{
	t->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept", .addr = 1024,
				    .remote = remote, .rx_limit = 10 * COST,
				    .tx_limit = 10 * COST));
	if (t->ept < 0)
		return t->ept;
	t->fd = ept_open(t->ept, O_NONBLOCK);
	return t->fd < 0 ? t->fd : 0;
}

/* Messages carry a number, so that a lost or moved one is seen. */
static int send_number(struct guest *g, uint32_t dst, uint32_t number)
{
	char data[LEN] = {};
	int err;

	memcpy(data, &number, sizeof(number));
	while ((err = guest_send(g, REMOTE, dst, data, LEN)) == -EAGAIN)
		if (!guest_wait_used(g, GUEST_RX, LONG_MS))
			return -ETIMEDOUT;
	return err;
}

/* The number of the next message at the guest, or -errno. */
static int recv_number(struct guest *g, int timeout_ms)
{
	uint32_t data[LEN / 4];
	int len = guest_recv_copy(g, NULL, data, LEN, timeout_ms);

	if (len < 0)
		return len;
	return len == LEN ? (int)data[0] : -EBADMSG;
}

/*
 * Wait until the host has handed over, and counted, what it has taken: it gives
 * the guest its buffers back a moment before.
 */
static int settle(struct guest *g)
{
	struct vhost_vring_state state = { .index = GUEST_RX };

	return ioctl(g->fd, VHOST_GET_VRING_BASE, &state) ? -errno : 0;
}

static int drain(struct guest *g)
{
	return guest_drain(g, LONG_MS) ?: settle(g);
}

static int write_next(struct traffic *t)
{
	char data[LEN] = {};
	ssize_t n;

	memcpy(data, &t->written, sizeof(t->written));
	n = write(t->fd, data, LEN);
	if (n == LEN)
		t->written++;
	return n < 0 ? -errno : (int)n;
}

/* The number of the message that was read, or -errno. */
static int read_next(struct traffic *t)
{
	uint32_t data[LEN / 4];
	ssize_t n = read(t->fd, data, LEN);

	if (n < 0)
		return -errno;
	t->received++;
	return n == LEN ? (int)data[0] : -EBADMSG;
}

static uint32_t dev_state(const char *name)
{
	struct nl_dev dev;

	return nl_dev_get(name, &dev) ? ~0U : dev.state;
}

#define EXPECT_BALANCE(t)							\
	do {									\
		struct traffic *__t = (t);					\
		struct nl_ept __e;						\
		uint64_t *__s = __e.stats;					\
									\
		ASSERT_EQ(0, nl_ept_get(__t->ept, &__e));			\
		EXPECT_EQ(__t->sent, __s[S(RX_MSGS)] + __s[S(RX_DROP_FULL)] +	\
					     __s[S(RX_DROP_CLOSED)] +		\
					     __s[S(RX_DROP_NOMEM)]);		\
		EXPECT_EQ(__t->received, __s[S(RX_MSGS)] -			\
						 __s[S(RX_DISCARDS)] -		\
						 __e.rx_queued / COST);		\
		EXPECT_EQ(__t->written, __s[S(TX_MSGS)] +			\
						__s[S(TX_DROP_RESET)] +		\
						__s[S(TX_DROP_SIZE)] +		\
						__e.tx_queued / COST);		\
		EXPECT_EQ(__t->arrived, __s[S(TX_MSGS)]);			\
	} while (0)

/* Somebody who sleeps in a system call on a char device. */
struct sleeper {
	struct traffic *t;
	pthread_t thread;
	volatile pid_t tid;
	volatile bool done;
	int ret;
};

static void *sleep_in_read(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->ret = read_next(s->t);
	s->done = true;
	return NULL;
}

static void *sleep_in_write(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->ret = write_next(s->t);
	s->done = true;
	return NULL;
}

static void *sleep_in_poll(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->ret = poll_fd(s->t->fd, POLLIN, 3 * LONG_MS);
	s->done = true;
	return NULL;
}

static bool asleep(struct sleeper *s)
{
	char path[64], state = 0;
	FILE *f;

	if (!s->tid || s->done)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", s->tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'S';
}

static bool go_to_sleep(struct sleeper *s, struct traffic *t,
			void *(*fn)(void *))
{
	*s = (struct sleeper){ .t = t };
	fcntl(t->fd, F_SETFL, 0);
	return !pthread_create(&s->thread, NULL, fn, s) &&
	       WAIT_FOR(asleep(s), LONG_MS);
}

/* What the call that it sleeps in returns; a sleeper that stays is a failure. */
#define WAKES_UP(s)						\
	({							\
		ASSERT_TRUE(WAIT_FOR((s)->done, LONG_MS));	\
		pthread_join((s)->thread, NULL);		\
		(s)->ret;					\
	})

/* A VMM in a process of its own, whose guest does what it is told to. */
enum what { SEND, DRAIN, POST, RECV, ECHO, VMM_FD, CLOSE, EXIT, KILL };

struct order {
	enum what what;
	int n;
};

struct vmm {
	pid_t pid;
	int fd;
	uint32_t sent;		/* messages so far */
};

/* What a guest that is killed has done up to then. */
struct echoed {
	uint32_t sent;
	uint32_t arrived;
};

static struct echoed *echoed;

/* Send everything back, until there is another order. */
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

/* The answer to the last order: the last number that was received, or -errno. */
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
		/* No file of ours may live on in it. */
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

/* Ephemeral devices: each test with a VMM that ends in another way. */

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
	/* A test before this one may have died. */
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
	/* The name is free, and the number is not given out again. */
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

/* The balance of an endpoint that is gone is in its last event. */
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
	/* No event names a device that is gone. */
	do {
		ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	} while (ev.cmd != VHOST_RPMSG_CMD_DEV_NTF ||
		 ev.dev.event != VHOST_RPMSG_EVENT_DEL);
	EXPECT_STREQ(DEV, ev.dev.name);
	nl_unlisten();
}

TEST(a_device_without_a_name_has_one)
{
	struct nl_dev devs[64], dev;
	struct guest g;
	char name[32];
	int i, n;

	ASSERT_EQ(0, guest_open(&g, NULL));
	n = nl_dev_dump(devs, 64);
	ASSERT_LT(0, n);
	/* Dumps are by number. */
	for (i = 1; i < n; i++)
		EXPECT_LT(devs[i - 1].id, devs[i].id);
	dev = devs[n - 1];
	snprintf(name, sizeof(name), "vhost%u", dev.id);
	EXPECT_STREQ(name, dev.name);
	EXPECT_FALSE(dev.persistent);
	EXPECT_EQ(STATE(RUNNING), dev.state);
	guest_close(&g);
	EXPECT_EQ(-ENODEV, nl_dev_get(name, &dev));
}

TEST(a_made_up_name_gives_way)
{
	struct nl_dev dev;
	struct guest g;
	char name[32];
	int id;

	/* Take the names that come next. */
	ASSERT_EQ(0, guest_open(&g, NULL));
	guest_close(&g);
	id = nl_dev_new("probe");
	ASSERT_GT(id, 0);
	ASSERT_EQ(0, nl_dev_del("probe"));
	snprintf(name, sizeof(name), "vhost%d", id + 2);
	ASSERT_EQ(id + 1, nl_dev_new(name));
	ASSERT_EQ(0, guest_open(&g, NULL));
	EXPECT_EQ(-ENODEV, nl_dev_get_id(id + 2, &dev));
	ASSERT_EQ(0, nl_dev_get_id(id + 3, &dev));
	EXPECT_EQ(STATE(RUNNING), dev.state);
	guest_close(&g);
	EXPECT_EQ(0, nl_dev_del(name));
}

TEST(numbers_are_not_given_out_again)
{
	int dev, ept, i, id;

	nl_dev_del(DEV);
	dev = nl_dev_new(DEV);
	ept = nl_ept_new(EPT_REQ(.dev = DEV));
	ASSERT_GT(dev, 0);
	ASSERT_GE(ept, 0);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, nl_ept_del(ept));
		id = nl_ept_new(EPT_REQ(.dev = DEV));
		EXPECT_GT(id, ept);
		ept = id;
	}
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, nl_dev_del(DEV));
		id = nl_dev_new(DEV);
		EXPECT_GT(id, dev);
		dev = id;
	}
	EXPECT_EQ(0, nl_dev_del(DEV));
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

/* One message from the guest, so that it has left something behind. */
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
	/* Nothing has happened to the one that is there. */
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

	/* What waited for that guest is dropped, which makes room. */
	EXPECT_EQ(LEN, WAKES_UP(&writer));
	EXPECT_EQ(10, ept_stat(self->t.ept, S(TX_DROP_RESET)));
	EXPECT_EQ(10, dev_stat(DEV, S(TX_DROP_RESET)));
	usleep(SHORT_MS * 1000);
	EXPECT_TRUE(asleep(&reader));
	EXPECT_TRUE(asleep(&poller));

	/* The next guest gets what was written since, and wakes the others. */
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
	EXPECT_EQ(10, ept_stat(self->t.ept, S(TX_DROP_RESET)));

	/* The reader gets what had arrived; the next guest goes on after it. */
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

/* Another one at the same address. */
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

/* Somebody else has a copy of its file: the device is not free yet. */
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
	/* Neither the worker nor the guest may be there any more. */
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

	/* EBUSY as long as the VMM is there. */
	WAIT_FOR((err = nl_dev_del(DEV)) != -EBUSY, LONG_MS);
	return err;
}

/* From 0 to about the time that it takes a VMM to end. */
static void pause_a_little(int round)
{
	usleep(round * 500);
}

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

		/* The device is still good, and has counted all of them. */
		EXPECT_EQ(STATE(DETACHED), dev_state(DEV));
		dropped += 10 + (ret == LEN);
		EXPECT_EQ(dropped, dev_stat(DEV, S(TX_DROP_RESET)));
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

/* A VMM comes and goes; the exit status says what it must not have seen. */
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
	/* It is now one of theirs, and now a persistent one. */
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

/* Writes as fast as it can, and reads what comes back, until the time is up. */
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
	/* What had not left the rings at the end went with the guest. */
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_LT(4, echoed->arrived);
	EXPECT_GE(ept.stats[S(TX_MSGS)], echoed->arrived);
	EXPECT_LE(ept.stats[S(TX_MSGS)], echoed->arrived + 4 * 256);
	EXPECT_LE(ept.stats[S(RX_MSGS)], echoed->sent);
	EXPECT_GE(ept.stats[S(RX_MSGS)] + 4 * 256, echoed->sent);
	self->t.arrived = ept.stats[S(TX_MSGS)];
	self->t.sent = ept.stats[S(RX_MSGS)];
}

/* The guest is reset, its VMM stays. */

FIXTURE(reset)
{
	struct guest g;
	struct traffic t;
	uint32_t number;	/* of messages that the guest made */
};

FIXTURE_SETUP(reset)
{
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
	ASSERT_EQ(0, guest_open(&self->g, &plain));
}

FIXTURE_TEARDOWN(reset)
{
	struct nl_ept ept;
	struct nl_dev dev;

	EXPECT_EQ(0, settle(&self->g));
	if (!nl_ept_get(self->t.ept, &ept))
		EXPECT_BALANCE(&self->t);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.stats[S(RING_ERRORS)]);
	EXPECT_EQ(0, dev.stats[S(RX_DROP_INVALID)]);
	guest_close(&self->g);
	close(self->t.fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Messages that the host takes at once. */
#define SEND_N(n)							\
	do {								\
		for (int __i = 0; __i < (n); __i++)			\
			ASSERT_EQ(0, send_number(&self->g, 1024,	\
						 self->number++));	\
		ASSERT_EQ(0, drain(&self->g));				\
		self->t.sent += (n);					\
	} while (0)

#define WRITE_N(n)						\
	do {							\
		for (int __i = 0; __i < (n); __i++)		\
			ASSERT_EQ(LEN, write_next(&self->t));	\
	} while (0)

#define READ_FROM(first, n)							\
	do {									\
		for (int __i = 0; __i < (n); __i++) {				\
			ASSERT_NE(0, poll_fd(self->t.fd, POLLIN, LONG_MS));	\
			ASSERT_EQ((int)(first) + __i, read_next(&self->t));	\
		}								\
	} while (0)

#define ARRIVE_FROM(first, n)						\
	do {								\
		for (int __i = 0; __i < (n); __i++) {			\
			ASSERT_EQ((int)(first) + __i,			\
				  recv_number(&self->g, LONG_MS));	\
			self->t.arrived++;				\
		}							\
	} while (0)

#define NOTHING_ARRIVES() EXPECT_EQ(-ETIMEDOUT, recv_number(&self->g, SHORT_MS))

/* A reset after which the guest has no buffers for us yet. */
#define RESET_WITHOUT_BUFFERS()				\
	do {						\
		ASSERT_EQ(0, guest_stop(&self->g));	\
		guest_reset_rings(&self->g);		\
		ASSERT_EQ(0, guest_start(&self->g));	\
	} while (0)

#define POST_BUFFERS()				\
	do {					\
		guest_post(&self->g);		\
		guest_kick(&self->g, GUEST_TX);	\
	} while (0)

TEST_F(reset, with_full_queues)
{
	struct nl_dev dev;

	RESET_WITHOUT_BUFFERS();
	WRITE_N(10);
	EXPECT_EQ(-EAGAIN, write_next(&self->t));
	for (int i = 0; i < 30; i++)
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
	self->t.sent += 10;
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));

	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(10, ept_stat(self->t.ept, S(TX_DROP_RESET)));
	EXPECT_EQ(10, dev_stat(DEV, S(TX_DROP_RESET)));
	EXPECT_EQ(POLLOUT, poll_fd(self->t.fd, POLLOUT, 0));
	NOTHING_ARRIVES();
	/* What was received before is there, what was not received is not. */
	READ_FROM(0, 10);
	EXPECT_EQ(-EAGAIN, read_next(&self->t));

	SEND_N(5);
	READ_FROM(30, 5);
	WRITE_N(5);
	ARRIVE_FROM(10, 5);
}

TEST_F(reset, what_is_in_buffers_of_the_guest_is_sent)
{
	WRITE_N(5);
	ASSERT_TRUE(WAIT_FOR(ept_stat(self->t.ept, S(TX_MSGS)) == 5, LONG_MS));
	ASSERT_EQ(0, guest_reset(&self->g));
	self->t.arrived = 5;
	EXPECT_EQ(0, ept_stat(self->t.ept, S(TX_DROP_RESET)));
	NOTHING_ARRIVES();
	WRITE_N(1);
	ARRIVE_FROM(5, 1);
}

TEST_F(reset, before_anything_has_happened_drops_nothing)
{
	/* A driver that is bound late, or firmware that looks first. */
	RESET_WITHOUT_BUFFERS();
	WRITE_N(5);
	RESET_WITHOUT_BUFFERS();
	ASSERT_EQ(0, guest_reset(&self->g));
	ARRIVE_FROM(0, 5);
}

TEST_F(reset, wakes_a_writer)
{
	struct sleeper writer;

	SEND_N(1);
	RESET_WITHOUT_BUFFERS();
	SEND_N(1);
	WRITE_N(10);
	ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(LEN, WAKES_UP(&writer));
	ARRIVE_FROM(10, 1);
	READ_FROM(0, 2);
}

TEST_F(reset, keeps_fixed_remotes_and_forgets_learned_ones)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7));
	int fd = ept_open(id, O_NONBLOCK);
	struct nl_ept ept;
	char buf[8];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(LEARNED), ept.remote_kind);
	EXPECT_EQ(0x777, ept.remote);

	ASSERT_EQ(0, guest_reset(&self->g));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(NONE), ept.remote_kind);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(POLLIN, poll_fd(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(5, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_EQ(KIND(FIXED), ept.remote_kind);
	EXPECT_EQ(REMOTE, ept.remote);
	WRITE_N(1);
	ARRIVE_FROM(0, 1);

	/* The next guest's is learned. */
	ASSERT_EQ(0, guest_send(&self->g, 0x888, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(0x888, ept.remote);
	close(fd);
}

TEST_F(reset, sends_a_writer_away_whose_remote_was_learned)
{
	struct traffic t = {};
	struct sleeper writer;

	t.ept = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7, .tx_limit = 1));
	t.fd = ept_open(t.ept, O_NONBLOCK);
	ASSERT_GE(t.fd, 0);
	RESET_WITHOUT_BUFFERS();
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(LEN, write_next(&t));
	ASSERT_TRUE(go_to_sleep(&writer, &t, sleep_in_write));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(-ENOTCONN, WAKES_UP(&writer));
	EXPECT_EQ(1, ept_stat(t.ept, S(TX_DROP_RESET)));
	NOTHING_ARRIVES();
	close(t.fd);
}

TEST_F(reset, forgets_channels)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "bound"));
	struct nl_chan chans[4];
	struct nl_ept ept;

	ASSERT_GE(id, 0);
	ASSERT_EQ(0, guest_ns_send(&self->g, "bound", 0x900, 0));
	ASSERT_EQ(0, guest_ns_send(&self->g, "other", 0x901, 0));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(2, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(BOUND), ept.remote_kind);

	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(0, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(NONE), ept.remote_kind);

	/* Announced again they are new, and not twice there. */
	ASSERT_EQ(0, guest_ns_send(&self->g, "bound", 0x905, 0));
	ASSERT_EQ(0, drain(&self->g));
	EXPECT_EQ(0, dev_stat(DEV, S(NS_INVALID)));
	EXPECT_EQ(1, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(0x905, ept.remote);
}

#define NAMES	5

/* Endpoints that are announced as "a", "b", ... from address 100. */
#define ANNOUNCE(ids)								\
	do {									\
		for (int __i = 0; __i < NAMES; __i++) {				\
			char __name[2] = { 'a' + __i };				\
									\
			(ids)[__i] =						\
				nl_ept_new(EPT_REQ(.dev = DEV, .name = __name,	\
						   .addr = 100 + __i));		\
			ASSERT_GE((ids)[__i], 0);				\
			ASSERT_EQ(0, nl_announce((ids)[__i]));			\
		}								\
	} while (0)

#define ANNOUNCED_IN_ORDER(from)						\
	do {									\
		struct guest_ns __ns;						\
									\
		for (int __i = (from); __i < NAMES; __i++) {			\
			ASSERT_EQ(0, guest_ns_recv(&self->g, &__ns, LONG_MS));	\
			EXPECT_EQ(100 + __i, (int)__ns.addr);			\
			EXPECT_EQ(0, __ns.flags);				\
		}								\
	} while (0)

TEST_F(reset, announces_again_in_order_and_once)
{
	int ids[NAMES];

	ANNOUNCE(ids);
	ANNOUNCED_IN_ORDER(0);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_reset(&self->g));
		ANNOUNCED_IN_ORDER(0);
	}
	NOTHING_ARRIVES();
	EXPECT_EQ(4 * NAMES, dev_stat(DEV, S(NS_TX)));

	/* Neither what was withdrawn, nor what was deleted. */
	ASSERT_EQ(0, nl_withdraw(ids[0]));
	ASSERT_EQ(0, nl_ept_del(ids[1]));
	ASSERT_EQ(0, guest_reset(&self->g));
	ANNOUNCED_IN_ORDER(2);
	NOTHING_ARRIVES();
}

TEST_F(reset, announces_once_what_it_could_not_announce_before)
{
	int ids[NAMES];

	SEND_N(1);
	RESET_WITHOUT_BUFFERS();
	SEND_N(1);
	ANNOUNCE(ids);
	RESET_WITHOUT_BUFFERS();
	POST_BUFFERS();
	ANNOUNCED_IN_ORDER(0);
	NOTHING_ARRIVES();
	READ_FROM(0, 2);
}

TEST_F(reset, says_nothing_of_what_it_took_back)
{
	int ids[NAMES];

	ANNOUNCE(ids);
	ANNOUNCED_IN_ORDER(0);
	RESET_WITHOUT_BUFFERS();
	/* The next guest has never heard of them. */
	ASSERT_EQ(0, nl_withdraw(ids[0]));
	ASSERT_EQ(0, nl_ept_del(ids[1]));
	POST_BUFFERS();
	ANNOUNCED_IN_ORDER(2);
	NOTHING_ARRIVES();
}

TEST_F(reset, announces_before_the_guest_is_there)
{
	int ids[NAMES];

	guest_close(&self->g);
	ANNOUNCE(ids);
	ASSERT_EQ(0, guest_open(&self->g, &plain));
	ANNOUNCED_IN_ORDER(0);
	NOTHING_ARRIVES();
}

TEST_F(reset, the_mtu_is_that_of_the_new_buffers)
{
	struct guest_opts opts = { .name = DEV, .buf_size = 2048 };
	struct nl_dev dev;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == 2032,
			     LONG_MS));
	RESET_WITHOUT_BUFFERS();
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, dev.mtu);
	POST_BUFFERS();
	EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == 2032,
			     LONG_MS));
	/* And of none when the VMM is gone. */
	guest_close(&self->g);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, dev.mtu);
	ASSERT_EQ(0, guest_open(&self->g, &plain));
}

TEST_F(reset, the_mtu_is_that_of_the_largest_buffer_so_far)
{
	static const unsigned int sizes[] = { 200, 612, 116, 300, 2048 };
	static const unsigned int mtus[] = { 184, 596, 596, 596, 2032 };
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	struct guest_seg seg;
	struct nl_dev dev;

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	for (int i = 0; i < 5; i++) {
		seg = (struct guest_seg){ guest_alloc(&self->g, sizes[i]),
					  sizes[i] };
		ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &seg, 1, true, false,
				       0));
		guest_kick(&self->g, GUEST_TX);
		/* Used for a message, so that the worker has seen it. */
		WRITE_N(1);
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(&self->g, GUEST_TX, NULL, NULL));
		self->t.arrived++;
		ASSERT_EQ(0, nl_dev_get(DEV, &dev));
		EXPECT_EQ(mtus[i], dev.mtu);
	}
}

/* The guest is paused, and goes on. */

TEST_F(reset, nothing_moves_while_it_is_paused)
{
	SEND_N(1);
	WRITE_N(1);
	ARRIVE_FROM(0, 1);
	ASSERT_EQ(0, guest_pause(&self->g));
	EXPECT_EQ(STATE(ATTACHED), dev_state(DEV));
	WRITE_N(10);
	EXPECT_EQ(-EAGAIN, write_next(&self->t));
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(5, guest_in_flight(&self->g, GUEST_RX));
	NOTHING_ARRIVES();

	ASSERT_EQ(0, guest_resume(&self->g));
	EXPECT_EQ(STATE(RUNNING), dev_state(DEV));
	self->t.sent += 5;
	READ_FROM(0, 6);
	ARRIVE_FROM(1, 10);
	EXPECT_EQ(0, ept_stat(self->t.ept, S(TX_DROP_RESET)));
}

TEST_F(reset, a_pause_is_no_reset)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7));
	struct nl_chan chans[4];
	int ids[NAMES];
	struct nl_ept ept;

	ANNOUNCE(ids);
	ANNOUNCED_IN_ORDER(0);
	ASSERT_EQ(0, guest_ns_send(&self->g, "channel", 0x900, 0));
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_pause(&self->g));
		ASSERT_EQ(0, guest_resume(&self->g));
	}
	NOTHING_ARRIVES();
	EXPECT_EQ(1, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(LEARNED), ept.remote_kind);
	EXPECT_EQ(0x777, ept.remote);
}

TEST_F(reset, a_pause_with_full_queues_loses_nothing)
{
	struct nl_dev dev;

	RESET_WITHOUT_BUFFERS();
	WRITE_N(10);
	for (int i = 0; i < 30; i++)
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
	self->t.sent += 30;
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	ASSERT_EQ(0, guest_pause(&self->g));
	ASSERT_EQ(0, guest_resume(&self->g));
	POST_BUFFERS();
	READ_FROM(0, 30);
	ARRIVE_FROM(0, 10);
	EXPECT_EQ(0, drain(&self->g));
}

struct writer {
	struct traffic *t;
	int n;
	int ret;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;

	while (w->n--) {
		w->ret = write_next(w->t);
		if (w->ret != LEN)
			break;
	}
	return NULL;
}

static void *read_many(void *arg)
{
	struct writer *r = arg;
	int i;

	for (i = 0; i < r->n; i++) {
		r->ret = read_next(r->t);
		if (r->ret != i)
			break;
	}
	return NULL;
}

TEST_F(reset, pauses_in_the_middle_of_traffic_lose_nothing)
{
	struct writer w = { &self->t, 1000, 0 };
	struct writer r = { &self->t, 1000, 0 };
	pthread_t writing, reading;

	fcntl(self->t.fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&writing, NULL, write_many, &w));
	ASSERT_EQ(0, pthread_create(&reading, NULL, read_many, &r));
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
		ARRIVE_FROM(i, 1);
		if (i % 23)
			continue;
		ASSERT_EQ(0, guest_pause(&self->g));
		ASSERT_EQ(0, guest_resume(&self->g));
	}
	pthread_join(writing, NULL);
	pthread_join(reading, NULL);
	EXPECT_EQ(LEN, w.ret);
	EXPECT_EQ(999, r.ret);
	self->t.sent = 1000;
	EXPECT_EQ(0, drain(&self->g));
}

TEST_F(reset, resets_in_the_middle_of_traffic_are_counted)
{
	struct writer w = { &self->t, 1000, 0 };
	uint32_t sent = 0;
	struct nl_ept ept;
	pthread_t writing;
	bool finished;
	int last = -1, n;

	fcntl(self->t.fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&writing, NULL, write_many, &w));
	do {
		finished = self->t.written == 1000;
		for (int i = 0; i < 37; i++) {
			n = recv_number(&self->g, 20);
			if (n == -ETIMEDOUT)
				break;
			/* Some are missing, but none comes too late. */
			ASSERT_GT(n, last);
			last = n;
			self->t.arrived++;
		}
		ASSERT_EQ(0, guest_stop(&self->g));
		/* What is in its buffers has reached it. */
		while (guest_used(&self->g, GUEST_TX, NULL, NULL))
			self->t.arrived++;
		guest_reset_rings(&self->g);
		guest_post(&self->g);
		ASSERT_EQ(0, guest_start(&self->g));
		sent++;
	} while (!finished);
	pthread_join(writing, NULL);
	EXPECT_EQ(LEN, w.ret);
	EXPECT_LT(1, sent);
	/* The last ones may still be on their way: what was sent arrives. */
	do {
		ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
		while (self->t.arrived < ept.stats[S(TX_MSGS)]) {
			ASSERT_LE(0, recv_number(&self->g, LONG_MS));
			self->t.arrived++;
		}
	} while (ept.tx_queued);
}

struct admin {
	volatile bool stop;
	int err;
	int rounds;
};

/* Leaves the device as it was. */
static void *administrate(void *arg)
{
	struct admin *a = arg;
	int id;

	while (!a->stop && !a->err) {
		id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "passing"));
		a->err = id < 0 ? id : 0;
		if (!a->err)
			a->err = nl_announce(id);
		if (!a->err && a->rounds % 2)
			a->err = nl_withdraw(id);
		if (!a->err && a->rounds % 3)
			a->err = nl_announce(id);
		if (!a->err)
			a->err = nl_ept_del(id);
		a->rounds++;
	}
	return NULL;
}

TEST_F(reset, while_an_administrator_is_at_work)
{
	struct admin a = {};
	pthread_t thread;
	int ids[NAMES];

	ANNOUNCE(ids);
	ASSERT_EQ(0, pthread_create(&thread, NULL, administrate, &a));
	for (int i = 0; i < 60; i++) {
		if (i % 3)
			usleep(i * 20);
		ASSERT_EQ(0, guest_reset(&self->g));
	}
	a.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, a.err);
	EXPECT_LT(3, a.rounds);
	/* What is there now, and nothing of what has been. */
	ASSERT_EQ(0, guest_reset(&self->g));
	ANNOUNCED_IN_ORDER(0);
	NOTHING_ARRIVES();
}

/* Endpoints and files come and go while the guest sends. */

struct flood {
	struct guest *g;
	volatile bool stop;
	uint32_t sent[2];	/* to 1024, and to 1025 */
	int err;
};

static void *flood(void *arg)
{
	struct flood *f = arg;

	while (!f->stop && !f->err) {
		f->err = send_number(f->g, 1024, f->sent[0]++);
		if (!f->err)
			f->err = send_number(f->g, 1025, f->sent[1]++);
	}
	if (!f->err)
		f->err = drain(f->g);
	return NULL;
}

struct reader {
	int fd;
	volatile bool stop;
	uint32_t received;
	bool disorder;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	uint32_t data[LEN / 4];

	while (!r->stop || poll_fd(r->fd, POLLIN, 0)) {
		if (!poll_fd(r->fd, POLLIN, 20))
			continue;
		if (read(r->fd, data, LEN) != LEN || data[0] != r->received)
			r->disorder = true;
		r->received++;
	}
	return NULL;
}

TEST_F(reset, endpoints_are_deleted_while_the_guest_sends)
{
	struct reader r = {};
	struct flood f = { .g = &self->g };
	pthread_t sending, reading;
	uint32_t received = 0;
	struct nl_dev dev;
	int other, n;

	other = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 1025));
	r.fd = ept_open(other, 0);
	ASSERT_GE(r.fd, 0);
	ASSERT_EQ(0, pthread_create(&reading, NULL, read_all, &r));
	ASSERT_EQ(0, pthread_create(&sending, NULL, flood, &f));
	for (int i = 0; i < 40; i++) {
		EXPECT_NE(0, poll_fd(self->t.fd, POLLIN, LONG_MS));
		pause_a_little(i % 7);
		ASSERT_EQ(0, nl_ept_del(self->t.ept));
		while ((n = read_next(&self->t)) >= 0)
			received++;
		EXPECT_EQ(-EPIPE, n);
		close(self->t.fd);
		pause_a_little(i % 5);
		self->t = (struct traffic){};
		ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
	}
	close(self->t.fd);
	f.stop = true;
	pthread_join(sending, NULL);
	r.stop = true;
	pthread_join(reading, NULL);
	EXPECT_EQ(0, f.err);
	EXPECT_FALSE(r.disorder);
	EXPECT_EQ(f.sent[1], r.received);

	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(f.sent[0] + f.sent[1], dev.stats[S(RX_MSGS)] +
						 dev.stats[S(RX_DROP_UNKNOWN)] +
						 dev.stats[S(RX_DROP_CLOSED)]);
	EXPECT_EQ(received + r.received,
		  dev.stats[S(RX_MSGS)] - dev.stats[S(RX_DISCARDS)]);
	EXPECT_LT(0, dev.stats[S(RX_DROP_UNKNOWN)]);
	close(r.fd);
	ASSERT_EQ(0, nl_ept_del(self->t.ept));
}

TEST_F(reset, nothing_comes_after_epipe)
{
	struct flood f = { .g = &self->g };
	int late = 0, n;
	pthread_t sending;

	ASSERT_EQ(0, pthread_create(&sending, NULL, flood, &f));
	for (int i = 0; i < 100; i++) {
		EXPECT_NE(0, poll_fd(self->t.fd, POLLIN, LONG_MS));
		ASSERT_EQ(0, nl_ept_del(self->t.ept));
		while ((n = read_next(&self->t)) >= 0)
			;
		EXPECT_EQ(-EPIPE, n);
		/* What the worker was busy with when it was deleted. */
		usleep(500);
		while ((n = read_next(&self->t)) >= 0)
			late++;
		EXPECT_EQ(-EPIPE, n);
		close(self->t.fd);
		self->t = (struct traffic){};
		ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
		/* So that it is seldom in the middle of a stall. */
		ASSERT_EQ(0, nl_ept_set(self->t.ept,
					EPT_REQ(.rx_limit = 1000 * COST), -1));
	}
	EXPECT_EQ(0, late);
	f.stop = true;
	close(self->t.fd);
	pthread_join(sending, NULL);
	EXPECT_EQ(0, f.err);
	ASSERT_EQ(0, nl_ept_del(self->t.ept));
}

TEST_F(reset, files_are_closed_and_opened_while_the_guest_sends)
{
	struct flood f = { .g = &self->g };
	pthread_t sending;
	struct nl_ept ept;
	int last = -1, n;

	ASSERT_GE(nl_ept_new(EPT_REQ(.dev = DEV, .addr = 1025)), 0);
	ASSERT_EQ(0, pthread_create(&sending, NULL, flood, &f));
	for (int i = 0; i < 60; i++) {
		for (int k = 0; k < i % 30; k++) {
			EXPECT_NE(0, poll_fd(self->t.fd, POLLIN, LONG_MS));
			n = read_next(&self->t);
			ASSERT_GT(n, last);
			last = n;
		}
		close(self->t.fd);
		pause_a_little(i % 5);
		self->t.fd = ept_open(self->t.ept, O_NONBLOCK);
		ASSERT_GE(self->t.fd, 0);
	}
	f.stop = true;
	/* With nobody to read them they are dropped. */
	close(self->t.fd);
	pthread_join(sending, NULL);
	EXPECT_EQ(0, f.err);
	self->t.sent = f.sent[0];
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_EQ(0, ept.rx_queued);
	EXPECT_LT(0, ept.stats[S(RX_DISCARDS)]);
	EXPECT_LT(0, ept.stats[S(RX_DROP_CLOSED)]);
}

TEST_F(reset, a_file_that_is_opened_anew_finds_nothing_old)
{
	SEND_N(5);
	close(self->t.fd);
	self->t.fd = ept_open(self->t.ept, O_NONBLOCK);
	ASSERT_GE(self->t.fd, 0);
	EXPECT_EQ(-EAGAIN, read_next(&self->t));
	EXPECT_EQ(5, ept_stat(self->t.ept, S(RX_DISCARDS)));
	SEND_N(1);
	READ_FROM(5, 1);
}

/* Many. */

static bool allow_files(rlim_t n)
{
	struct rlimit limit = { n, n };

	return !setrlimit(RLIMIT_NOFILE, &limit);
}

#define EPTS	1000

/*
 * Time is taken in laps, and the fastest lap of each quarter of the endpoints
 * counts: other VMs on the machine make some of them slow.
 */
#define LAP	50

static void lap(long long *fastest, int end, long long start)
{
	int quarter = (end - 1) * 4 / EPTS;
	long long ms = now_ms() - start;

	if (end <= quarter * EPTS / 4 + LAP || ms < fastest[quarter])
		fastest[quarter] = ms;
}

/* The last quarter takes as long as the first, more or less. */
static bool flat(const long long *fastest)
{
	return fastest[3] <= 4 * fastest[0] + 40;
}

TEST(a_thousand_endpoints)
{
	long long making[4] = {}, talking[4] = {}, start;
	static int ids[EPTS], fds[EPTS];
	static struct nl_ept epts[EPTS];
	struct guest_hdr hdr;
	struct nl_dev dev;
	struct guest g;
	uint32_t n;
	int i, first, ret;

	if (!allow_files(EPTS + 100))
		SKIP(return, "RLIMIT_NOFILE: %s", strerror(errno));
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, guest_open(&g, &plain));
	for (first = 0; first < EPTS; first += LAP) {
		start = now_ms();
		for (i = first; i < first + LAP; i++) {
			ids[i] =
				nl_ept_new(EPT_REQ(.dev = DEV, .name = "many"));
			ASSERT_GE(ids[i], 0);
			fds[i] = ept_open(ids[i], O_NONBLOCK);
			ASSERT_GE(fds[i], 0);
		}
		lap(making, i, start);
	}
	if (!flat(making))
		TH_LOG("%lld, %lld, %lld, %lld ms", making[0], making[1],
		       making[2], making[3]);
	EXPECT_TRUE(flat(making));
	EXPECT_EQ(EPTS, nl_ept_dump(DEV, epts, EPTS));

	/* One message to each, and its number as the answer. */
	for (i = 0; i < EPTS; i++) {
		while ((ret = guest_send(&g, REMOTE + i, 1024 + i, &i,
					 sizeof(i))) == -EAGAIN)
			ASSERT_TRUE(guest_wait_used(&g, GUEST_RX, LONG_MS));
		ASSERT_EQ(0, ret);
	}
	for (first = 0; first < EPTS; first += LAP) {
		start = now_ms();
		for (i = first; i < first + LAP; i++) {
			ASSERT_NE(0, poll_fd(fds[i], POLLIN, LONG_MS));
			ASSERT_EQ(4, read(fds[i], &n, sizeof(n)));
			ASSERT_EQ(i, (int)n);
			ASSERT_EQ(4, write(fds[i], &n, sizeof(n)));
		}
		for (i = first; i < first + LAP; i++) {
			ASSERT_EQ(4, guest_recv_copy(&g, &hdr, &n, 4, LONG_MS));
			ASSERT_EQ(hdr.src, 1024 + n);
			ASSERT_EQ(hdr.dst, REMOTE + n);
		}
		lap(talking, i, start);
	}
	if (!flat(talking))
		TH_LOG("%lld, %lld, %lld, %lld ms", talking[0], talking[1],
		       talking[2], talking[3]);
	EXPECT_TRUE(flat(talking));

	ASSERT_EQ(0, settle(&g));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(EPTS, dev.endpoints);
	EXPECT_EQ(EPTS, dev.stats[S(RX_MSGS)]);
	EXPECT_EQ(EPTS, dev.stats[S(TX_MSGS)]);
	/* Half of them one by one, the rest with the device. */
	for (i = 0; i < EPTS; i += 2)
		ASSERT_EQ(0, nl_ept_del(ids[i]));
	guest_close(&g);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(EPTS / 2, dev.endpoints);
	ASSERT_EQ(0, nl_dev_del(DEV));
	for (i = 0; i < EPTS; i++) {
		EXPECT_EQ(-1, read(fds[i], &n, sizeof(n)));
		EXPECT_EQ(EPIPE, errno);
		close(fds[i]);
	}
	EXPECT_EQ(-ENOENT, nl_ept_get(ids[1], &epts[0]));
}

#define DEVS	256

/* The endpoint of one device and its guest send each other a number. */
static int exchange(struct guest *g, int fd, uint32_t number)
{
	uint32_t got = ~0U;

	if (guest_send(g, REMOTE, 1024, &number, sizeof(number)))
		return 1;
	if (!poll_fd(fd, POLLIN, LONG_MS) ||
	    read(fd, &got, sizeof(got)) != sizeof(got) || got != number)
		return 2;
	if (write(fd, &got, sizeof(got)) != sizeof(got))
		return 3;
	got = ~0U;
	if (guest_recv_copy(g, NULL, &got, sizeof(got), LONG_MS) != 4 ||
	    got != number)
		return 4;
	return 0;
}

#define CLOSERS	16

/* Every 16th of the guests. */
static void *close_some(void *arg)
{
	struct guest *g = arg;

	for (int i = 0; i < DEVS; i += CLOSERS)
		guest_close(&g[i]);
	return NULL;
}

TEST(many_devices_at_once)
{
	pthread_t closers[CLOSERS];
	static struct nl_dev devs[2 * DEVS];
	static struct guest g[DEVS];
	static int fds[DEVS];
	uint32_t highest = 0;
	char name[32];
	int i, n, ept;

	/* Six of them for each device. */
	if (!allow_files(8 * DEVS))
		SKIP(return, "RLIMIT_NOFILE: %s", strerror(errno));
	for (i = 0; i < DEVS; i++) {
		struct guest_opts opts = { .name = name,
					   .num = 16,
					   .mem_size = 2 << 20 };

		/* Every other one is persistent. */
		snprintf(name, sizeof(name), "many%d", i);
		nl_dev_del(name);
		if (i % 2)
			ASSERT_GT(nl_dev_new(name), 0);
		ASSERT_EQ(0, guest_open(&g[i], &opts));
		ept = nl_ept_new(EPT_REQ(.dev = name, .remote = REMOTE));
		ASSERT_GE(ept, 0);
		fds[i] = ept_open(ept, O_NONBLOCK);
		ASSERT_GE(fds[i], 0);
	}
	for (i = 0; i < DEVS; i++)
		ASSERT_EQ(0, exchange(&g[i], fds[i], i));
	n = nl_dev_dump(devs, 2 * DEVS);
	EXPECT_GE(n, DEVS);
	for (i = 0; i < n; i++)
		if (devs[i].id > highest)
			highest = devs[i].id;

	/* A quarter of them goes, and the others do not notice. */
	for (i = 0; i < DEVS; i += 4)
		guest_close(&g[i]);
	for (i = 0; i < DEVS; i++)
		if (i % 4)
			ASSERT_EQ(0, exchange(&g[i], fds[i], 1000 + i));
	EXPECT_EQ(n - DEVS / 4, nl_dev_dump(devs, 2 * DEVS));
	i = nl_dev_new("one-more");
	EXPECT_GT(i, (int)highest);
	EXPECT_EQ(0, nl_dev_del("one-more"));

	/* The others go at the same time. */
	for (i = 0; i < CLOSERS; i++)
		ASSERT_EQ(0,
			  pthread_create(&closers[i], NULL, close_some, &g[i]));
	for (i = 0; i < CLOSERS; i++)
		pthread_join(closers[i], NULL);
	for (i = 0; i < DEVS; i++) {
		close(fds[i]);
		snprintf(name, sizeof(name), "many%d", i);
		EXPECT_EQ(i % 2 ? 0 : -ENODEV, nl_dev_del(name));
	}
}

TEST_HARNESS_MAIN
