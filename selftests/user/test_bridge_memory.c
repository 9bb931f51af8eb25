// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge: guest memory and the log of a migration, valid and invalid.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "bridge_fixture.h"

/* Memory */

static uint64_t ring_errors(void)
{
	return dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS);
}

/* Send a message from memory at this address: 0, or -EFAULT without memory. */
static int talk_from(struct guest *g, int fd, uint64_t addr)
{
	uint64_t errors = ring_errors();
	struct guest_hdr hdr = { .src = REMOTE, .dst = ADDR, .len = 2 };
	struct guest_seg seg = { g->mem + addr, GUEST_HDR + 2 };
	char buf[4];

	memcpy(seg.p, &hdr, sizeof(hdr));
	memcpy(g->mem + addr + GUEST_HDR, "hi", 2);
	guest_add(g, GUEST_RX, &seg, 1, false, false, 0);
	guest_kick_always(g, GUEST_RX);
	if (!WAIT_FOR(poll_fd(fd, POLLIN, 0) || ring_errors() != errors,
		      LONG_MS))
		return -ETIMEDOUT;
	if (!poll_fd(fd, POLLIN, 0))
		return -EFAULT;
	return read(fd, buf, sizeof(buf)) == 2 && !memcmp(buf, "hi", 2) ?
		       0 :
		       -EBADMSG;
}

/* Set up everything, with the memory below UPPER only. */
#define START_BELOW_UPPER()							\
	do {									\
		ASSERT_EQ(0, fe_set_features(FE));				\
		ASSERT_EQ(0,							\
			  fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));	\
		ASSERT_EQ(0, fe_set_ring(FE, 0));				\
		ASSERT_EQ(0, fe_set_ring(FE, 1));				\
		ASSERT_EQ(0, fe_enable(FE, true));				\
		ASSERT_EQ(0, meet(G, self->fd));				\
	} while (0)

TEST_F(bridge, memory_comes_and_goes)
{
	struct region upper = fe_region(UPPER, MEM_SIZE);
	int maps;

	START_BELOW_UPPER();
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER));
	maps = count_maps(self->pid);
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, upper));
	EXPECT_LT(maps, count_maps(self->pid));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER + 0x1230));
	/* Regions may have the same offset in their files. */
	upper.mmap_offset = 0;
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, upper));
	EXPECT_EQ(maps, count_maps(self->pid));
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER));
	EXPECT_EQ(0, talk(G, self->fd));
}

/* Mappings begin at a page boundary, regions need not. */
TEST_F(bridge, region_at_an_odd_place)
{
	START_BELOW_UPPER();
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG,
				fe_region(UPPER + 0x850, UPPER + 0x1870)));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER + 0x850));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER + 0x1850));
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER + 0x1860));
}

/* QEMU does this when a region of its memory changes its size. */
TEST_F(bridge, rings_pause_without_their_memory)
{
	START_BELOW_UPPER();
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, fe_region(0, UPPER)));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(UPPER, MEM_SIZE)));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, memory_is_exchanged)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};
	int fds[] = { FE->memfd, FE->memfd };

	START();
	ASSERT_EQ(0, fe_mem_table(FE, regions, 2, fds, 2));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER));
	ASSERT_EQ(0, fe_mem_table(FE, regions, 1, fds, 1));
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER));
	EXPECT_EQ(0, talk(G, self->fd));
}

/* rust-vmm's front end sends up to 32 at once. */
TEST_F(bridge, memory_in_many_regions)
{
	struct region regions[MAX_FDS];
	int i, fds[MAX_FDS];

	for (i = 0; i < MAX_FDS; i++) {
		regions[i] = fe_region(i * (MEM_SIZE / MAX_FDS),
				       (i + 1) * (MEM_SIZE / MAX_FDS));
		fds[i] = FE->memfd;
	}
	START();
	ASSERT_EQ(0, fe_mem_table(FE, regions, 32, fds, 32));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
	ASSERT_EQ(0, fe_mem_table(FE, regions, MAX_FDS, fds, MAX_FDS));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, slots_run_out)
{
	uint64_t i, size = 0x1000;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG,
					fe_region(i * size, (i + 1) * size)));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG,
				  fe_region(i * size, (i + 1) * size)));
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, fe_region(0, size)));
	EXPECT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG,
				fe_region(i * size, (i + 1) * size)));
}

/* Migration */

/* Is there a bit for the page of p? Logs begin at guest address 0. */
static bool dirty(struct fe *fe, const void *p)
{
	uint64_t page = guest_gpa(&fe->g, p) / 4096;
	uint8_t byte = 0;

	if (pread(fe->logfd, &byte, 1, page / 8) != 1)
		die("pread");
	return byte & 1 << page % 8;
}

static int talk_and_log(struct fe *fe, int fd)
{
	struct guest_msg msg;
	int err = -ENODATA;

	if (write(fd, "pong", 4) != 4 || !guest_recv(&fe->g, &msg, LONG_MS))
		return -ETIMEDOUT;
	if (dirty(fe, msg.data) && dirty(fe, fe->g.ring[0].vring.used) &&
	    !dirty(fe, fe->g.mem + UPPER))
		err = 0;
	guest_done(&fe->g, &msg);
	return err;
}

TEST_F(bridge, migration_of_a_running_guest)
{
	int q;

	START();
	fe_make_log(FE);
	ASSERT_EQ(0, fe_set_log(FE, 4096));
	ASSERT_EQ(0, fe_call(FE, SET_LOG_FD, NULL, 0, &FE->err[0], 1));
	FE->features = F_LOG_ALL;
	ASSERT_EQ(0, fe_set_features(FE));
	for (q = 0; q < 2; q++)
		ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, q)));
	EXPECT_EQ(0, talk_and_log(FE, self->fd));
	EXPECT_EQ(POLLIN, poll_fd(FE->err[0], POLLIN, 0));
}

/* QEMU enables logging before it sends the log. */
TEST_F(bridge, start_during_a_migration)
{
	fe_make_log(FE);
	FE->features = F_LOG_ALL;
	START();
	EXPECT_EQ(0, talk_and_log(FE, self->fd));
}

TEST_F(bridge, log_too_small)
{
	/* The log is large enough for the lower half of the memory. */
	const uint64_t size = UPPER / 4096 / 8;
	struct log_area area = { size, 0 };

	fe_make_log(FE);
	FE->features = F_LOG_ALL;
	ASSERT_EQ(0, fe_prepare(FE));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_set_log(FE, size));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, fe_region(0, MEM_SIZE)));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(RUNNING));
	/* While it runs, memory without log is refused, and so is a smaller log. */
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG,
				  fe_region(UPPER, UPPER + 4096)));
	area.size = size - 1;
	ASSERT_EQ(0, fe_send(FE, SET_LOG_BASE, FLAG_VERSION, &area,
			     sizeof(area), &FE->logfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, log_of_a_ring_elsewhere)
{
	struct vhost_vring_addr addr;

	fe_make_log(FE);
	START();
	addr = fe_addr(FE, 0);
	/* The log has a bit for each of 2 ** 15 pages. */
	addr.log_guest_addr = (1 << 27) - 4 - RING_SIZE * 8 - 4;
	EXPECT_EQ(0, fe_set_addr(FE, addr));
	addr.log_guest_addr += 4;
	EXPECT_REFUSED(fe_set_addr(FE, addr));
	addr.log_guest_addr = -1;
	EXPECT_REFUSED(fe_set_addr(FE, addr));
}

/* Memory that differs from its description */

#define EXPECT_NO_REGION(fd, ...)						\
	do {									\
		struct region __region = { __VA_ARGS__ };			\
		struct mem_reg __reg = { .region = __region };			\
		int __fd = fd;							\
									\
		EXPECT_REFUSED(fe_call(FE, ADD_MEM_REG, &__reg, sizeof(__reg),	\
				       &__fd, 1));				\
		EXPECT_REFUSED(fe_mem_table(FE, &__region, 1, &__fd, 1));	\
	} while (0)

TEST_F(bridge, region_without_size)
{
	EXPECT_NO_REGION(FE->memfd, 0, 0, USER, 0);
}

TEST_F(bridge, region_behind_the_end)
{
	EXPECT_NO_REGION(FE->memfd, 0, MEM_SIZE, USER, LEAD + 1);
	EXPECT_NO_REGION(FE->memfd, 0, 1, USER, LEAD + MEM_SIZE);
	EXPECT_NO_REGION(FE->memfd, 0, 1ULL << 62, USER, LEAD);
}

TEST_F(bridge, region_that_wraps)
{
	EXPECT_NO_REGION(FE->memfd, 0, MEM_SIZE, USER, -4096ULL);
	EXPECT_NO_REGION(FE->memfd, -4096ULL, MEM_SIZE, USER, LEAD);
	EXPECT_NO_REGION(FE->memfd, 0, MEM_SIZE, -4096ULL, LEAD);
	EXPECT_NO_REGION(FE->memfd, 0, UINT64_MAX, 0, LEAD);
}

TEST_F(bridge, region_of_something_else)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_CLOEXEC);
	int readonly = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	EXPECT_NO_REGION(FE->err[0], 0, MEM_SIZE, USER, 0);
	EXPECT_NO_REGION(FE->sock, 0, MEM_SIZE, USER, 0);
	EXPECT_NO_REGION(dir, 0, 4096, USER, 0);
	EXPECT_NO_REGION(null, 0, MEM_SIZE, USER, 0);
	EXPECT_NO_REGION(readonly, 0, 4096, USER, 0);
	close(null);
	close(dir);
	close(readonly);
}

TEST_F(bridge, regions_that_overlap)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};
	int fds[] = { FE->memfd, FE->memfd };
	struct region good = regions[1];

	regions[1].guest_addr = UPPER - 1;
	EXPECT_REFUSED(fe_mem_table(FE, regions, 2, fds, 2));
	regions[1] = good;
	regions[1].user_addr = USER + UPPER - 1;
	EXPECT_REFUSED(fe_mem_table(FE, regions, 2, fds, 2));

	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, regions[0]));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, regions[0]));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, regions[1]));
	EXPECT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, good));
	/* A region that contains another one. */
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(4096, 8192)));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, MEM_SIZE)));
	/* A region that overlaps another one from below. */
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, regions[0]));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(4096, UPPER + 1)));
	EXPECT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(4096, UPPER)));
}

/* The number of shared mappings of a process that a core dump omits. */
static int count_undumped(pid_t pid)
{
	char path[32], line[512];
	bool shared = false;
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, " rw-s "))
			shared = true;
		if (strncmp(line, "VmFlags:", 8))
			continue;
		if (shared && strstr(line, " dd"))
			n++;
		shared = false;
	}
	if (f)
		fclose(f);
	return n;
}

TEST_F(bridge, memory_of_the_guest_is_not_dumped)
{
	ASSERT_EQ(0, count_undumped(self->pid));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	EXPECT_EQ(1, count_undumped(self->pid));
}

TEST_F(bridge, region_that_is_not_there_is_removed)
{
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	EXPECT_REFUSED(fe_mem_reg(FE, REM_MEM_REG, fe_region(0, MEM_SIZE)));
	EXPECT_REFUSED(fe_mem_reg(FE, REM_MEM_REG, fe_region(4096, UPPER)));
}

TEST_F(bridge, region_is_removed_with_a_descriptor)
{
	struct mem_reg reg = { .region = fe_region(0, UPPER) };

	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, reg.region));
	EXPECT_EQ(0,
		  fe_call(FE, REM_MEM_REG, &reg, sizeof(reg), &FE->memfd, 1));
}

/* The kernel's worker notices this. */
TEST_F(bridge, memory_is_cut_off)
{
	START();
	ASSERT_EQ(0, ftruncate(FE->memfd, 0));
	ASSERT_EQ(0, eventfd_write(G->ring[GUEST_RX].kick, 1));
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	ASSERT_EQ(0, fe_enable(FE, false));
	EXPECT_EQ(0, kill(self->pid, 0));
}

TEST_HARNESS_MAIN
