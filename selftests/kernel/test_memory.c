// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's own memory according to /proc/slabinfo: the cost of an endpoint, and the
 * memory that an open endpoint keeps for its next messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"memory"
#define REMOTE	0x400
#define NUM	1000		/* messages whose memory is kept, or endpoints */
#define LEN	400
#define COST(len)	((len) + VHOST_RPMSG_MSG_OVERHEAD)

/* The number of objects in a cache; free objects of a processor count as used. */
static long slab_objects(const char *name)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	char line[512], cache[64];
	long used, objects = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", cache, &used) == 2 &&
		    !strcmp(cache, name))
			objects = used;
	if (f)
		fclose(f);
	return objects;
}

/* The number of messages of LEN bytes whose memory is allocated. */
static long kept(void)
{
	return slab_objects("vrpmsg_msg");
}

/*
 * A kernel that checks memory keeps what is freed for a time, so the number says nothing
 * there. But the code must run there, too.
 */
static bool counts(void)
{
	return access("/sys/kernel/debug/kmemleak", F_OK) != 0;
}

static bool keeps(long num)
{
	return !counts() || kept() >= num;
}

static bool gave_up(void)
{
	return !counts() || kept() < NUM / 2;
}

/*
 * Bytes that are charged to a cgroup, according to the names of the caches. Debug options
 * of the kernel make each object larger.
 */
static long charged(void)
{
	static const struct {
		const char *name;
		long size;
	} cache[] = {
		{ "kmalloc-cg-8", 8 }, { "kmalloc-cg-16", 16 },
		{ "kmalloc-cg-32", 32 }, { "kmalloc-cg-64", 64 },
		{ "kmalloc-cg-96", 96 }, { "kmalloc-cg-128", 128 },
		{ "kmalloc-cg-192", 192 }, { "kmalloc-cg-256", 256 },
		{ "kmalloc-cg-512", 512 }, { "kmalloc-cg-1k", 1024 },
		{ "kmalloc-cg-2k", 2048 }, { "kmalloc-cg-4k", 4096 },
	};
	long bytes = 0, objects;

	for (size_t i = 0; i < sizeof(cache) / sizeof(*cache); i++) {
		objects = slab_objects(cache[i].name);
		if (objects < 0 && cache[i].size >= 1024)
			return -1;
		bytes += objects < 0 ? 0 : objects * cache[i].size;
	}
	return bytes;
}

FIXTURE(memory)
{
	struct guest g;
	int ept;		/* fixed remote, address 1024 */
	int fd;			/* non-blocking */
};

FIXTURE_SETUP(memory)
{
	struct guest_opts opts = { .name = DEV };

	/* If a fixture is skipped, it is not torn down. */
	if (kept() < 0)
		SKIP(return, "no /proc/slabinfo");
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept =
		nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE,
				   .rx_limit = 1 << 20, .tx_limit = 1 << 20));
	ASSERT_GE(self->ept, 0);
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	/* Wait for the memory of an earlier test. */
	ASSERT_TRUE(WAIT_FOR(gave_up(), LONG_MS));
}

FIXTURE_TEARDOWN(memory)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Send NUM messages from the guest. All are queued before the first one is read. */
static void receive_all(struct __test_metadata *_metadata,
			FIXTURE_DATA(memory) *self)
{
	char data[1024] = {};

	for (int i = 0; i < NUM; i++) {
		int err;

		while ((err = guest_send(&self->g, REMOTE, 1024, data, LEN)) ==
		       -EAGAIN)
			guest_wait_used(&self->g, GUEST_RX, LONG_MS);
		ASSERT_EQ(0, err);
	}
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	for (int i = 0; i < NUM; i++)
		ASSERT_EQ(LEN, read(self->fd, data, sizeof(data)));
}

TEST_F(memory, of_received_messages_is_kept_for_a_second)
{
	long long end = now_ms() + 3000 * slowness();

	/* Repeat this: memory is kept as long as there is traffic. */
	do {
		receive_all(_metadata, self);
		ASSERT_TRUE(keeps(NUM));
	} while (now_ms() < end);
	EXPECT_TRUE(WAIT_FOR(gave_up(), 5000 * slowness()));
}

TEST_F(memory, of_sent_messages_is_kept_for_a_second)
{
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	char data[LEN] = {};

	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	for (int i = 0; i < NUM; i++)
		ASSERT_EQ(LEN, write(self->fd, data, LEN));
	guest_post(&self->g);
	guest_kick(&self->g, GUEST_TX);
	for (int i = 0; i < NUM; i++)
		ASSERT_EQ(LEN,
			  guest_recv_copy(&self->g, NULL, NULL, LEN, LONG_MS));
	EXPECT_TRUE(keeps(NUM / 2));
	EXPECT_TRUE(WAIT_FOR(gave_up(), 5000 * slowness()));
}

/* One message from time to time does not keep the memory of many. */
TEST_F(memory, of_many_is_not_kept_by_a_few)
{
	long long end = now_ms() + 20000;
	char data[1024] = {};

	receive_all(_metadata, self);
	ASSERT_TRUE(keeps(NUM));
	while (!gave_up() && now_ms() < end) {
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data, LEN));
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		ASSERT_EQ(LEN, read(self->fd, data, sizeof(data)));
		usleep(200000);
	}
	EXPECT_TRUE(gave_up());
}

TEST_F(memory, is_given_up_at_the_last_close)
{
	int other = ept_open_as(self->ept, O_WRONLY);

	receive_all(_metadata, self);
	close(self->fd);
	EXPECT_TRUE(keeps(NUM));
	close(other);
	EXPECT_TRUE(gave_up());
	self->fd = ept_open(self->ept, O_NONBLOCK);
}

TEST_F(memory, is_given_up_when_the_host_needs_it)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	if (fd < 0)
		SKIP(return, "no drop_caches");
	receive_all(_metadata, self);
	ASSERT_TRUE(keeps(NUM));
	/* This calls all shrinkers. */
	ASSERT_EQ(1, write(fd, "2", 1));
	EXPECT_TRUE(gave_up());
	close(fd);
}

#define TRACE	"/sys/kernel/tracing/"
#define EVENT	TRACE "events/kmem/kmem_cache_free/"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC), len = strlen(text), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

/* Begin to trace what workers free. */
static int trace_workers(void)
{
	int err;

	mount("tracefs", TRACE, "tracefs", 0, NULL);
	err = write_file(TRACE "trace", "");
	/*
	 * With this option the kernel also patches its scheduler, and under emulation a
	 * processor may hang in code that is being patched.
	 */
	if (!err)
		err = write_file(TRACE "options/record-cmd", "0");
	if (!err)
		err = write_file(EVENT "filter", "comm ~ \"vhost-*\"");
	return err ?: write_file(EVENT "enable", "1");
}

/* The number of messages that workers have freed. */
static int freed_by_workers(void)
{
	FILE *file = fopen(TRACE "trace", "r");
	char line[512];
	int n = 0;

	while (file && fgets(line, sizeof(line), file))
		n += strstr(line, " kmem_cache_free: ") &&
		     strstr(line, "name=vrpmsg_msg");
	if (file)
		fclose(file);
	return n;
}

/* Nothing waits until all of it is free. */
TEST_F(memory, is_not_freed_by_the_worker)
{
	char data[1024] = {};

	receive_all(_metadata, self);
	ASSERT_TRUE(keeps(NUM));
	if (trace_workers())
		SKIP(return, "the kernel has no tracepoints");
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 1), -1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data, LEN));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_TRUE(WAIT_FOR(gave_up(), 5000));
	EXPECT_GT(NUM / 2, freed_by_workers());
	write_file(EVENT "enable", "0");
	write_file(EVENT "filter", "0");
}

TEST_F(memory, is_not_more_than_the_limit)
{
	receive_all(_metadata, self);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 1), -1));
	/* Send messages one by one, and read each of them. */
	for (int i = 0; i < 10; i++) {
		char data[1024] = {};

		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data, LEN));
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
		ASSERT_EQ(LEN, read(self->fd, data, sizeof(data)));
	}
	EXPECT_TRUE(WAIT_FOR(gave_up(), LONG_MS));
}

/* The memory of an administrator's endpoint without traffic, as charged. */
TEST_F(memory, of_idle_endpoints)
{
	int id[NUM], fd[NUM];
	long before, closed, opened;

	before = charged();
	if (before < 0)
		SKIP(return, "no memory controller");
	for (int i = 0; i < NUM; i++) {
		id[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ASSERT_GE(id[i], 0);
	}
	closed = (charged() - before) / NUM;
	TH_LOG("closed: %ld bytes", closed);
	/* Other users of these caches cause small differences. */
	EXPECT_TRUE(!counts() || closed <= 1024 + 64);
	for (int i = 0; i < NUM; i++) {
		fd[i] = ept_open(id[i], O_NONBLOCK);
		ASSERT_GE(fd[i], 0);
	}
	opened = (charged() - before) / NUM;
	TH_LOG("open: %ld bytes", opened);
	EXPECT_TRUE(!counts() || opened <= 2048 + 64);
	for (int i = 0; i < NUM; i++) {
		close(fd[i]);
		ASSERT_EQ(0, nl_ept_del(id[i]));
	}
}

TEST_HARNESS_MAIN
