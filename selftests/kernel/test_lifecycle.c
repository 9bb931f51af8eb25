// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices, endpoints and their files appear and disappear, also while the guest sends, and
 * in large numbers.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "reset_fixture.h"

TEST(a_device_without_a_name_has_one)
{
	struct nl_dev devs[64], dev;
	struct guest g;
	char name[32];
	int i, n;

	ASSERT_EQ(0, guest_open(&g, NULL));
	n = nl_dev_dump(devs, 64);
	ASSERT_LT(0, n);
	/* A dump is in the order of numbers. */
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

TEST(a_made_up_name_is_nobody_elses)
{
	struct nl_dev dev;
	struct guest g;
	char name[32];
	int id;

	/* Create another device. */
	id = nl_dev_new("probe");
	ASSERT_GT(id, 0);
	ASSERT_EQ(0, nl_dev_del("probe"));
	snprintf(name, sizeof(name), "vhost%d", id + 1);
	ASSERT_EQ(-EINVAL, nl_dev_new(name));
	ASSERT_EQ(0, guest_open(&g, NULL));
	ASSERT_EQ(0, nl_dev_get(name, &dev));
	EXPECT_EQ(id + 1, (int)dev.id);
	guest_close(&g);
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

/* Endpoints and files appear and disappear while the guest sends. */

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
						 dev.stats[S(RX_DROP_FULL)] +
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
		/* Wait for messages that the worker had when the endpoint was deleted. */
		usleep(500);
		while ((n = read_next(&self->t)) >= 0)
			late++;
		EXPECT_EQ(-EPIPE, n);
		close(self->t.fd);
		self->t = (struct traffic){};
		ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
		/* This makes stalls rare. */
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
	/* Without a reader they are dropped. */
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
	EXPECT_STAT(5, ept_stat(self->t.ept, S(RX_DISCARDS)));
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
 * Time is measured in laps. The fastest lap of each quarter of the endpoints counts, since
 * other VMs on the machine make some laps slow.
 */
#define LAP	50

static void lap(long long *fastest, int end, long long start)
{
	int quarter = (end - 1) * 4 / EPTS;
	long long ms = now_ms() - start;

	if (end <= quarter * EPTS / 4 + LAP || ms < fastest[quarter])
		fastest[quarter] = ms;
}

/* The last quarter takes about as long as the first one. */
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
	ASSERT_EQ(0, guest_open(&g, &(struct guest_opts){ .name = DEV }));
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

	/* Send one message to each endpoint, and get its number as the answer. */
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
	/* Delete half of them one by one, and the rest with the device. */
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

/* Exchange a number between an endpoint and its guest. */
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

/* Close every 16th guest. */
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

	/* Each device needs six files. */
	if (!allow_files(8 * DEVS))
		SKIP(return, "RLIMIT_NOFILE: %s", strerror(errno));
	for (i = 0; i < DEVS; i++) {
		struct guest_opts opts = { .name = name,
					   .num = 16,
					   .mem_size = 2 << 20 };

		/* Every second device is persistent. */
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

	/* Close a quarter of the devices; the others are not affected. */
	for (i = 0; i < DEVS; i += 4)
		guest_close(&g[i]);
	for (i = 0; i < DEVS; i++)
		if (i % 4)
			ASSERT_EQ(0, exchange(&g[i], fds[i], 1000 + i));
	EXPECT_EQ(n - DEVS / 4, nl_dev_dump(devs, 2 * DEVS));
	i = nl_dev_new("one-more");
	EXPECT_GT(i, (int)highest);
	EXPECT_EQ(0, nl_dev_del("one-more"));

	/* Close the others at the same time. */
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

int main(int argc, char **argv)
{
	argv = guest_habits_args(&argc, argv);
	return test_harness_run(argc, argv);
}
