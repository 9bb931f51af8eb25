/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture of the tests of vrpmsg-bridge: include it once, after
 * kselftest_harness.h. After each test a well-behaved front end must be served,
 * and the bridge must hold no more descriptors and mappings than before.
 */
#ifndef BRIDGE_FIXTURE_H
#define BRIDGE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "front_end.h"

FIXTURE(bridge)
{
	pid_t pid;
	int ept;
	int fd;			/* file of the endpoint, non-blocking */
	int maps;		/* mappings of the bridge without a front end */
	struct fe fe;		/* connected, but not started */
};

FIXTURE_SETUP(bridge)
{
	/* Remove what an earlier test may have left. */
	WAIT_FOR(nl_dev_del(DEV) != -EBUSY, LONG_MS);
	unlink(LOG);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .addr = ADDR,
				       .remote = REMOTE));
	ASSERT_GE(self->ept, 0);
	ASSERT_EQ(0, nl_announce(self->ept));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);

	self->pid = SPAWN("--verbose", "--socket", SOCK, "--name", DEV);
	ASSERT_GT(self->pid, 0);
	ASSERT_EQ(0, well_behaved(self->fd));
	ASSERT_TRUE(WAIT_FOR(count_fds(self->pid) == IDLE_FDS, LONG_MS));
	self->maps = count_maps(self->pid);

	fe_init(&self->fe);
	ASSERT_EQ(0, fe_connect(&self->fe));
	ASSERT_EQ(0, fe_handshake(&self->fe));
}

FIXTURE_TEARDOWN(bridge)
{
	fe_exit(&self->fe);
	EXPECT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	while (read(self->fd, (char[512]){}, 512) > 0)
		;
	EXPECT_EQ(0, well_behaved(self->fd));
	EXPECT_TRUE(WAIT_FOR(count_fds(self->pid) == IDLE_FDS, LONG_MS));
	EXPECT_EQ(self->maps, count_maps(self->pid));

	kill(self->pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(self->pid));
	EXPECT_EQ(-1, access(SOCK, F_OK));
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define FE	(&self->fe)
#define G	(&self->fe.g)
#define START()						\
	do {						\
		ASSERT_EQ(0, fe_start(FE));		\
		ASSERT_EQ(0, meet(G, self->fd));	\
	} while (0)
/* The bridge has closed the connection. */
#define EXPECT_DROPPED()					\
	do {							\
		char __c;					\
									\
		EXPECT_EQ(-ECONNRESET, fe_read(FE, &__c, 1));	\
	} while (0)
/* The bridge refuses the message, and continues. */
#define EXPECT_REFUSED(expr)						\
	do {								\
		uint64_t __value;					\
									\
		EXPECT_EQ(1, expr);					\
		EXPECT_EQ(0, fe_get(FE, GET_FEATURES, &__value));	\
	} while (0)

#endif /* BRIDGE_FIXTURE_H */
