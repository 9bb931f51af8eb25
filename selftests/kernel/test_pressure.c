// SPDX-License-Identifier: GPL-2.0-only
/*
 * Full queues, and sides that are too slow. Each test ends with a balance: the number of
 * sent messages is the sum of received and dropped ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"pressure"
#define REMOTE	0x400
#define LEN	100
#define COST	(LEN + VHOST_RPMSG_MSG_OVERHEAD)

#define S(name)	VHOST_RPMSG_A_STATS_##name

FIXTURE(pressure)
{
	struct guest g;
	int ept;		/* room for ten messages in each direction, address 1024 */
	int fd;			/* non-blocking */
	int other;		/* address 1025 */
	int other_fd;
	uint32_t sent;		/* sent by the guest to the first one */
	uint32_t received;	/* received by the reader */
	uint32_t written;	/* written by the writer */
	uint32_t arrived;	/* received by the guest */
};

FIXTURE_VARIANT(pressure)
{
	struct guest_opts opts;
};

FIXTURE_VARIANT_ADD(pressure, strict) { .opts = { .name = DEV } };

FIXTURE_VARIANT_ADD(pressure, linux) {
	.opts = { .name = DEV, .habit = GUEST_LINUX },
};

FIXTURE_VARIANT_ADD(pressure, openamp) {
	.opts = { .name = DEV, .habit = GUEST_OPENAMP },
};

FIXTURE_VARIANT_ADD(pressure, rpmsg_lite) {
	.opts = { .name = DEV, .habit = GUEST_RPMSG_LITE },
};

FIXTURE_VARIANT_ADD(pressure, mixed) {
	.opts = { .name = DEV, .mixed = true },
};

FIXTURE_VARIANT_ADD(pressure, few) {
	.opts = { .name = DEV, .buffers = 4 },
};

FIXTURE_SETUP(pressure)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE,
				       .rx_limit = 10 * COST,
				       .tx_limit = 10 * COST));
	self->other = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	ASSERT_GE(self->ept, 0);
	ASSERT_GE(self->other, 0);
	self->fd = ept_open(self->ept, O_NONBLOCK);
	self->other_fd = ept_open(self->other, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_GE(self->other_fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &variant->opts));
}

/* Messages carry their number, so that loss and reordering are detected. */
static int send_next(FIXTURE_DATA(pressure) *self)
{
	char data[LEN] = {};
	int err;

	memcpy(data, &self->sent, sizeof(self->sent));
	err = guest_send(&self->g, REMOTE, 1024, data, LEN);
	if (!err)
		self->sent++;
	return err;
}

/* The same, and wait for a buffer. */
static int send_patiently(FIXTURE_DATA(pressure) *self)
{
	int err = send_next(self);

	while (err == -EAGAIN && guest_wait_used(&self->g, GUEST_RX, LONG_MS))
		err = send_next(self);
	return err;
}

/* Read a message and its number: 1, or 0 if there is none. */
static int read_one(int fd, uint32_t *seq)
{
	char data[LEN];
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 0)
		return 0;
	memcpy(seq, data, sizeof(*seq));
	return n == LEN ? 1 : -1;
}

static int write_next(FIXTURE_DATA(pressure) *self)
{
	char data[LEN] = {};
	ssize_t n;

	memcpy(data, &self->written, sizeof(self->written));
	n = write(self->fd, data, LEN);
	if (n == LEN)
		self->written++;
	return n < 0 ? -errno : (int)n;
}

static bool all_are_returned(FIXTURE_DATA(pressure) *self)
{
	struct nl_ept ept;
	uint64_t *s = ept.stats;

	return !nl_ept_get(self->ept, &ept) &&
	       self->sent - guest_in_flight(&self->g, GUEST_RX) ==
		       s[S(RX_MSGS)] + s[S(RX_DROP_FULL)] +
			       s[S(RX_DROP_CLOSED)] + s[S(RX_DROP_NOMEM)];
}

/* Every message arrives or is counted. */
FIXTURE_TEARDOWN(pressure)
{
	struct nl_ept ept;
	struct nl_dev dev;
	uint64_t *s = ept.stats;

	if (!nl_ept_get(self->ept, &ept)) {
		/* The guest sees a burst before it is counted. */
		WAIT_FOR(ept_stat(self->ept, S(TX_MSGS)) >= self->arrived,
			 LONG_MS);
		/* The reader sees a burst before the guest gets its buffers back. */
		EXPECT_TRUE(WAIT_FOR(all_are_returned(self), LONG_MS));
		ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
		EXPECT_EQ(s[S(RX_MSGS)] - s[S(RX_DISCARDS)],
			  self->received + ept.rx_queued / COST);
		EXPECT_EQ(self->written, s[S(TX_MSGS)] + s[S(TX_DROP_RESET)] +
						 s[S(TX_DROP_SIZE)] +
						 ept.tx_queued / COST);
		EXPECT_EQ(self->arrived, s[S(TX_MSGS)]);
	}
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.stats[S(RX_DROP_INVALID)]);
	EXPECT_EQ(0, dev.stats[S(RING_ERRORS)]);
	EXPECT_EQ(0, self->g.lost);

	guest_close(&self->g);
	close(self->fd);
	close(self->other_fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Fill the receive queue: ten messages are queued, and the others stay in the ring. */
#define STALL(n)								\
	do {									\
		struct nl_dev __dev;						\
									\
		for (int __i = 0; __i < (n); __i++)				\
			ASSERT_EQ(0, send_next(self));				\
		ASSERT_TRUE(WAIT_FOR(						\
			!nl_dev_get(DEV, &__dev) && __dev.stalled, LONG_MS));	\
		ASSERT_EQ(self->ept, (int)__dev.stall_ept);			\
		/* Buffers are returned shortly later, at the end of the burst. */	\
		ASSERT_TRUE(WAIT_FOR(guest_in_flight(&self->g, GUEST_RX) ==	\
					     (n)-10,					\
				     LONG_MS));						\
	} while (0)

#define READ_IN_ORDER(end)							\
	do {									\
		uint32_t __seq;							\
									\
		while (self->received < (end)) {				\
			ASSERT_TRUE(poll_fd(self->fd, POLLIN, LONG_MS) &	\
				    POLLIN);					\
			ASSERT_EQ(1, read_one(self->fd, &__seq));		\
			ASSERT_EQ(self->received, __seq);			\
			self->received++;					\
		}								\
	} while (0)

TEST_F(pressure, a_full_queue_holds_the_guest_back)
{
	struct nl_dev dev;

	STALL(50);
	EXPECT_STAT(1, ept_stat(self->ept, S(STALLS)));
	READ_IN_ORDER(50);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_FALSE(dev.stalled);
}

TEST_F(pressure, it_goes_on_with_a_quarter_free)
{
	long long begun = now_ms();
	unsigned int waiting;

	STALL(20);
	READ_IN_ORDER(2);
	/* Also if something wakes the worker. */
	guest_kick_always(&self->g, GUEST_RX);
	usleep(20000);
	waiting = guest_in_flight(&self->g, GUEST_RX);
	READ_IN_ORDER(3);
	if (now_ms() - begun >= 100)
		SKIP(return, "this took so long that any room would do");
	EXPECT_EQ(10, waiting);
	EXPECT_TRUE(WAIT_FOR(guest_in_flight(&self->g, GUEST_RX) == 7,
			     LONG_MS));
	/* This is a second stall. */
	EXPECT_TRUE(WAIT_FOR(ept_stat(self->ept, S(STALLS)) == 2, LONG_MS));
	EXPECT_STAT(2, dev_stat(DEV, S(STALLS)));
	READ_IN_ORDER(20);
}

TEST_F(pressure, others_wait_behind_it)
{
	char buf[16];

	STALL(11);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1025, "other", 5));
	EXPECT_EQ(0, poll_fd(self->other_fd, POLLIN, SHORT_MS));
	READ_IN_ORDER(11);
	EXPECT_EQ(POLLIN, poll_fd(self->other_fd, POLLIN, LONG_MS));
	EXPECT_EQ(5, read(self->other_fd, buf, sizeof(buf)));
}

TEST_F(pressure, the_other_direction_does_not_wait)
{
	STALL(20);
	ASSERT_EQ(LEN, write_next(self));
	ASSERT_EQ(LEN, guest_recv_copy(&self->g, NULL, NULL, LEN, LONG_MS));
	self->arrived++;
	EXPECT_STAT(1, ept_stat(self->ept, S(STALLS)));
	READ_IN_ORDER(20);
}

TEST_F(pressure, closing_ends_a_stall)
{
	STALL(20);
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(10, ept_stat(self->ept, S(RX_DISCARDS)));
	EXPECT_STAT(10, ept_stat(self->ept, S(RX_DROP_CLOSED)));
}

TEST_F(pressure, deleting_ends_a_stall)
{
	STALL(20);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(10, dev_stat(DEV, S(RX_DROP_UNKNOWN)));
	READ_IN_ORDER(10);
}

TEST_F(pressure, the_policy_drop_ends_a_stall)
{
	STALL(20);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(),
				VHOST_RPMSG_FULL_POLICY_DROP));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_TRUE(WAIT_FOR(ept_stat(self->ept, S(RX_DROP_FULL)) == 10,
			     LONG_MS));
	READ_IN_ORDER(10);
}

TEST_F(pressure, a_higher_limit_ends_a_stall)
{
	STALL(20);
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 100 * COST), -1));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	READ_IN_ORDER(20);
}

TEST_F(pressure, the_policy_drop_drops_the_newest)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(),
				VHOST_RPMSG_FULL_POLICY_DROP));
	for (int i = 0; i < 50; i++)
		ASSERT_EQ(0, send_next(self));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(40, ept_stat(self->ept, S(RX_DROP_FULL)));
	EXPECT_STAT(40, dev_stat(DEV, S(RX_DROP_FULL)));
	EXPECT_EQ(0, ept_stat(self->ept, S(STALLS)));
	READ_IN_ORDER(10);
}

TEST_F(pressure, nobody_has_it_open)
{
	close(self->fd);
	for (int i = 0; i < 50; i++)
		ASSERT_EQ(0, send_next(self));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(50, ept_stat(self->ept, S(RX_DROP_CLOSED)));
	EXPECT_STAT(50, dev_stat(DEV, S(RX_DROP_CLOSED)));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, 0));
}

TEST_F(pressure, a_queue_below_its_limit_takes_one_more)
{
	uint32_t seq;

	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.rx_limit = 1, .tx_limit = 1), -1));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, send_next(self));
		ASSERT_EQ(LEN, write_next(self));
		ASSERT_EQ(LEN,
			  guest_recv_copy(&self->g, NULL, NULL, LEN, LONG_MS));
		self->arrived++;
		ASSERT_TRUE(poll_fd(self->fd, POLLOUT, LONG_MS) & POLLOUT);
	}
	for (int i = 0; i < 3; i++) {
		ASSERT_TRUE(poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN);
		ASSERT_EQ(1, read_one(self->fd, &seq));
		self->received++;
	}
}

/* The side of the writer. */

#define NO_BUFFERS()							\
	do {								\
		struct guest_opts __opts = variant->opts;		\
									\
		guest_close(&self->g);					\
		__opts.no_buffers = true;				\
		ASSERT_EQ(0, guest_open(&self->g, &__opts));		\
	} while (0)

/* All written messages arrive in order. */
#define ARRIVE_IN_ORDER(end)							\
	do {									\
		uint32_t __data[LEN / 4];					\
									\
		while (self->arrived < (end)) {					\
			ASSERT_EQ(LEN, guest_recv_copy(&self->g, NULL, __data,	\
						       LEN, LONG_MS));		\
			ASSERT_EQ(self->arrived, __data[0]);			\
			self->arrived++;					\
		}								\
	} while (0)

TEST_F(pressure, a_guest_without_buffers)
{
	NO_BUFFERS();
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(self));
	EXPECT_EQ(-EAGAIN, write_next(self));
	EXPECT_EQ(0, poll_fd(self->fd, POLLOUT, SHORT_MS));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	EXPECT_EQ(POLLOUT, poll_fd(self->fd, POLLOUT, LONG_MS));
	ASSERT_EQ(LEN, write_next(self));
	ARRIVE_IN_ORDER(11);
}

TEST_F(pressure, buffers_come_one_by_one)
{
	NO_BUFFERS();
	for (int i = 0; i < 10; i++)
		ASSERT_EQ(LEN, write_next(self));
	for (int i = 0; i < 10; i++) {
		guest_post_one(&self->g, self->g.tx_bufs + (3 * i + 2) * 512);
		guest_kick(&self->g, GUEST_TX);
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(&self->g, GUEST_TX, NULL, NULL));
		self->arrived++;
	}
}

struct writer {
	FIXTURE_DATA(pressure) *self;
	int n;
	int err;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;

	while (w->n--) {
		w->err = write_next(w->self);
		if (w->err != LEN)
			break;
	}
	return NULL;
}

TEST_F(pressure, a_writer_that_sleeps_loses_nothing)
{
	struct writer w = { self, 3000, 0 };
	pthread_t thread;

	fcntl(self->fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_many, &w));
	ARRIVE_IN_ORDER(3000);
	pthread_join(thread, NULL);
	EXPECT_EQ(LEN, w.err);
}

static void *read_slowly(void *arg)
{
	FIXTURE_DATA(pressure) *self = arg;
	uint32_t seq;

	while (self->received < 3000) {
		if (self->received % 200 == 0)
			usleep(2000);
		if (read_one(self->fd, &seq) != 1 || seq != self->received)
			return (void *)1;
		self->received++;
	}
	return NULL;
}

TEST_F(pressure, a_slow_reader_loses_nothing)
{
	pthread_t thread;
	void *bad;

	fcntl(self->fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_slowly, self));
	while (self->sent < 3000)
		ASSERT_EQ(0, send_patiently(self));
	pthread_join(thread, &bad);
	EXPECT_EQ(NULL, bad);
	EXPECT_EQ(3000, self->received);
	EXPECT_LT(0, ept_stat(self->ept, S(STALLS)));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
}

TEST_F(pressure, one_busy_endpoint_leaves_room_for_others)
{
	struct guest_hdr hdr;
	unsigned int n = 0;

	/* 100 messages of one endpoint are waiting when the other one writes. */
	NO_BUFFERS();
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.tx_limit = 1000 * COST), -1));
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(LEN, write_next(self));
	ASSERT_EQ(5, write(self->other_fd, "other", 5));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	do {
		ASSERT_LE(0,
			  guest_recv_copy(&self->g, &hdr, NULL, LEN, LONG_MS));
		n++;
	} while (hdr.src == 1024);
	/* A turn has 4096 bytes including overhead, and its last message may exceed that. */
	EXPECT_LE(n, 4096 / COST + 2);
	self->arrived = n - 1;
	ARRIVE_IN_ORDER(100);
}

TEST_F(pressure, a_message_for_larger_buffers)
{
	struct guest_seg seg;
	uint32_t len;

	/* The buffers were large when the message was written, and are small later. */
	NO_BUFFERS();
	seg = (struct guest_seg){ guest_alloc(&self->g, 64), 64 };
	ASSERT_EQ(LEN, write_next(self));
	ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &seg, 1, true, false, 0));
	guest_kick(&self->g, GUEST_TX);
	/* The message waits for a larger buffer for one round of the ring. */
	for (int i = 0; i < 256; i++) {
		if (i < 255)
			EXPECT_EQ(0, ept_stat(self->ept, S(TX_DROP_SIZE)));
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(&self->g, GUEST_TX, NULL, &len));
		ASSERT_EQ(GUEST_HDR, len);
		ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &seg, 1, true, false,
				       0));
		guest_kick(&self->g, GUEST_TX);
	}
	ASSERT_TRUE(WAIT_FOR(ept_stat(self->ept, S(TX_DROP_SIZE)) == 1,
			     LONG_MS));
	/* The next message can use the buffer. */
	EXPECT_EQ(5, write(self->other_fd, "short", 5));
	EXPECT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
}

/* Limit the cgroup of this process to its present memory and a little more. */
static bool limit_memory(const char *path, long more)
{
	char file[128], buf[64];
	long now;
	FILE *f;

	snprintf(file, sizeof(file), "%s/memory.current", path);
	f = fopen(file, "r");
	if (!f || fscanf(f, "%ld", &now) != 1)
		return false;
	fclose(f);
	snprintf(file, sizeof(file), "%s/memory.max", path);
	f = fopen(file, "w");
	if (!f)
		return false;
	snprintf(buf, sizeof(buf), "%ld", now + more);
	fputs(buf, f);
	return !fclose(f);
}

static bool join_cgroup(const char *path)
{
	char file[128];
	FILE *f;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	f = fopen(file, "w");
	if (!f)
		return false;
	fprintf(f, "%d", getpid());
	return !fclose(f);
}

#define CGROUP_ROOT	"/dev/shm/cgroup"
#define CGROUP		CGROUP_ROOT "/test"

/* Create a cgroup and join it. Returns NULL, or the reason why that is not possible. */
static const char *make_cgroup(void)
{
	FILE *f;

	mkdir(CGROUP_ROOT, 0755);
	if (mount("cgroup", CGROUP_ROOT, "cgroup2", 0, NULL) && errno != EBUSY)
		return "no cgroup2";
	f = fopen(CGROUP_ROOT "/cgroup.subtree_control", "w");
	if (f) {
		fputs("+memory", f);
		fclose(f);
	}
	mkdir(CGROUP, 0755);
	if (!join_cgroup(CGROUP))
		return "cannot join a cgroup";
	return access(CGROUP "/memory.max", W_OK) ? "no memory controller" :
						    NULL;
}

static bool set_memory_max(const char *value)
{
	FILE *f = fopen(CGROUP "/memory.max", "w");

	if (!f)
		return false;
	fputs(value, f);
	return !fclose(f);
}

/* Open the file in a cgroup, with queues that exceed its limit. */
static void open_in_cgroup(struct __test_metadata *_metadata,
			   FIXTURE_DATA(pressure) *self, int policy)
{
	close(self->fd);
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 64 << 20), policy));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_TRUE(join_cgroup(CGROUP_ROOT));
	ASSERT_TRUE(limit_memory(CGROUP, 512 << 10));
}

TEST_F(pressure, messages_are_charged_to_the_reader)
{
	const char *why = make_cgroup();
	struct nl_ept ept;
	int i;

	if (why)
		SKIP(return, "%s", why);
	open_in_cgroup(_metadata, self, VHOST_RPMSG_FULL_POLICY_DROP);
	for (i = 0; i < 100000 && !ept_stat(self->ept, S(RX_DROP_NOMEM)); i++) {
		for (int k = 0; k < 128; k++)
			ASSERT_EQ(0, send_next(self));
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	}
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_LT(0, ept.stats[S(RX_DROP_NOMEM)]);
	EXPECT_LT(0, ept.stats[S(RX_MSGS)]);
	EXPECT_GT(16 << 20, ept.rx_queued);
	set_memory_max("max");
}

/* With policy hold this is like a full queue, until there is memory again. */
TEST_F(pressure, a_reader_without_memory_loses_nothing)
{
	const char *why = make_cgroup();

	if (why)
		SKIP(return, "%s", why);
	open_in_cgroup(_metadata, self, VHOST_RPMSG_FULL_POLICY_HOLD);
	/* Send until the ring stays full: then nothing is left to reclaim. */
	do {
		while (!send_next(self))
			;
		ASSERT_GT(100000, self->sent);
	} while (guest_wait_used(&self->g, GUEST_RX, 5 * SHORT_MS));
	EXPECT_LT(0, ept_stat(self->ept, S(STALLS)));
	EXPECT_LT(0, guest_in_flight(&self->g, GUEST_RX));
	EXPECT_EQ(0, ept_stat(self->ept, S(RX_DROP_NOMEM)));
	/* There is room in the cgroup again, without reading. */
	ASSERT_TRUE(set_memory_max("max"));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	READ_IN_ORDER(self->sent);
}

#define PAGE_CACHE	(4 << 20)

/* Read all files of a folder with many large ones. */
static void read_folder(const char *path)
{
	static char buf[256 << 10];
	struct dirent *entry;
	DIR *dir = opendir(path);
	int fd;

	while (dir && (entry = readdir(dir))) {
		fd = openat(dirfd(dir), entry->d_name,
			    O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
	if (dir)
		closedir(dir);
}

/*
 * A process that keeps the cgroup full of clean page cache, as the programs of many
 * containers do. Its pages can be reclaimed at any time.
 */
static pid_t read_files(void)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Pages that are cached already belong to others. */
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1 || !join_cgroup(CGROUP))
		_exit(1);
	close(fd);
	for (;;)
		read_folder("/usr/bin");
}

static long memory_now(void)
{
	FILE *f = fopen(CGROUP "/memory.current", "r");
	long now = 0;

	if (f && fscanf(f, "%ld", &now) != 1)
		now = 0;
	if (f)
		fclose(f);
	return now;
}

#define MANY	2000

/*
 * The reader's memory cgroup is full, but the guest's messages find room in it. The guest
 * waits until each message is processed if @slowly. Returns false if it cannot be tried.
 */
static bool page_cache_gives_way(struct __test_metadata *_metadata,
				 FIXTURE_DATA(pressure) *self, int policy,
				 bool slowly)
{
	const char *why = make_cgroup();
	char text[16];
	bool filled;
	pid_t pid;

	if (why)
		SKIP(return false, "%s", why);
	open_in_cgroup(_metadata, self, policy);
	snprintf(text, sizeof(text), "%d", PAGE_CACHE);
	ASSERT_TRUE(set_memory_max(text));
	pid = read_files();
	ASSERT_LT(0, pid);
	filled = WAIT_FOR(memory_now() > PAGE_CACHE - (256 << 10), 3 * LONG_MS);
	while (filled && self->sent < MANY) {
		ASSERT_EQ(0, send_patiently(self));
		if (slowly)
			ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	}
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	set_memory_max("max");
	if (!filled)
		SKIP(return false, "too few files are read");
	return true;
}

/* One message for each page, and one page after the other, would be 100 waits. */
TEST_F(pressure, page_cache_gives_way_to_messages)
{
	if (!page_cache_gives_way(_metadata, self, VHOST_RPMSG_FULL_POLICY_HOLD,
				  false))
		return;
	EXPECT_EQ(0, ept_stat(self->ept, S(RX_DROP_NOMEM)));
	EXPECT_EQ(MANY, ept_stat(self->ept, S(RX_MSGS)));
	EXPECT_GT(MANY / 25, ept_stat(self->ept, S(STALLS)));
}

/*
 * The guest does not wait for memory, so what comes before there is some is lost: a few on
 * an idle machine, and all if nobody reclaims any.
 */
TEST_F(pressure, page_cache_gives_way_to_messages_that_may_be_dropped)
{
	if (!page_cache_gives_way(_metadata, self, VHOST_RPMSG_FULL_POLICY_DROP,
				  true))
		return;
	EXPECT_EQ(0, ept_stat(self->ept, S(STALLS)));
	EXPECT_EQ(MANY, ept_stat(self->ept, S(RX_MSGS)) +
				ept_stat(self->ept, S(RX_DROP_NOMEM)));
	EXPECT_GT(MANY / 2, ept_stat(self->ept, S(RX_DROP_NOMEM)));
}

/* A writer at the limit gets an error, and the OOM killer does not run. */
TEST_F(pressure, a_writer_without_memory_is_told)
{
	const char *why = make_cgroup();
	ssize_t n = 0;
	char data[400];
	int status;
	pid_t pid;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_TRUE(join_cgroup(CGROUP_ROOT));
	NO_BUFFERS();
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 64 << 20), -1));
	memset(data, 0, sizeof(data));
	pid = fork();
	if (!pid) {
		int fd;

		if (!join_cgroup(CGROUP))
			_exit(2);
		fd = ept_open_as(self->ept, O_WRONLY);
		if (fd < 0 || !limit_memory(CGROUP, 512 << 10))
			_exit(3);
		for (int i = 0; i < 100000 && n >= 0; i++)
			n = write(fd, data, sizeof(data));
		_exit(n < 0 && errno == ENOMEM ? 0 : 4);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	set_memory_max("max");
	/* The number of written messages is unknown. */
	ASSERT_EQ(0, nl_ept_del(self->ept));
}

int main(int argc, char **argv)
{
	argv = guest_habits_args(&argc, argv);
	return test_harness_run(argc, argv);
}
