/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that stays, with the habits of several drivers, and its traffic with one
 * endpoint; include it once, after kselftest_harness.h.
 */
#ifndef RESET_FIXTURE_H
#define RESET_FIXTURE_H

#include "traffic.h"

FIXTURE(reset)
{
	struct guest g;
	struct traffic t;
	uint32_t number;	/* of messages that the guest made */
};

FIXTURE_VARIANT(reset)
{
	struct guest_opts opts;
};

FIXTURE_VARIANT_ADD(reset, strict) { .opts = { .name = DEV } };

FIXTURE_VARIANT_ADD(reset, linux) {
	.opts = { .name = DEV, .habit = GUEST_LINUX },
};

FIXTURE_VARIANT_ADD(reset, openamp) {
	.opts = { .name = DEV, .habit = GUEST_OPENAMP },
};

FIXTURE_VARIANT_ADD(reset, rpmsg_lite) {
	.opts = { .name = DEV, .habit = GUEST_RPMSG_LITE },
};

FIXTURE_VARIANT_ADD(reset, mixed) {
	.opts = { .name = DEV, .mixed = true },
};

FIXTURE_VARIANT_ADD(reset, few) {
	.opts = { .name = DEV, .buffers = 4 },
};

FIXTURE_SETUP(reset)
{
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, open_traffic(&self->t, REMOTE));
	ASSERT_EQ(0, guest_open(&self->g, &variant->opts));
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
	EXPECT_EQ(0, self->g.lost);
	guest_close(&self->g);
	close(self->t.fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Send messages that the host receives at once. */
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

#endif /* RESET_FIXTURE_H */
