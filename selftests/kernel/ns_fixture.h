/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture for tests of the name service; include it once, after
 * kselftest_harness.h. Each test runs with each habit of guests. At its end each name
 * service message of the guest must have been counted as valid or invalid.
 */
#ifndef NS_FIXTURE_H
#define NS_FIXTURE_H

#include <string.h>

#include "guest.h"
#include "util.h"

#define DEV	"ns"
#define SVC	"svc"
#define REMOTE	0x400

#define CREATE	0
#define DESTROY	1

#define S(name)	VHOST_RPMSG_A_STATS_##name

FIXTURE(ns)
{
	struct guest g;		/* each test opens it */
	uint64_t sent;		/* name service messages of the guest */
};

FIXTURE_VARIANT(ns)
{
	struct guest_opts opts;
};

FIXTURE_VARIANT_ADD(ns, strict) {};
FIXTURE_VARIANT_ADD(ns, linux) { .opts = { .habit = GUEST_LINUX } };
FIXTURE_VARIANT_ADD(ns, openamp) { .opts = { .habit = GUEST_OPENAMP } };
FIXTURE_VARIANT_ADD(ns, rpmsg_lite) { .opts = { .habit = GUEST_RPMSG_LITE } };
FIXTURE_VARIANT_ADD(ns, mixed) { .opts = { .mixed = true } };
FIXTURE_VARIANT_ADD(ns, few) { .opts = { .buffers = 4 } };

FIXTURE_SETUP(ns)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
}

FIXTURE_TEARDOWN(ns)
{
	struct nl_dev dev;

	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(self->sent, dev.stats[S(NS_RX)] + dev.stats[S(NS_INVALID)]);
	EXPECT_EQ(0, dev.stats[S(RX_DROP_INVALID)]);
	EXPECT_EQ(0, self->g.lost);
	guest_close(&self->g);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define OPEN(...)						\
	do {							\
		struct guest_opts __opts = { __VA_ARGS__ };	\
								\
		__opts.name = DEV;				\
		__opts.habit = variant->opts.habit;		\
		__opts.mixed = variant->opts.mixed;		\
		__opts.buffers = variant->opts.buffers;		\
		ASSERT_EQ(0, guest_open(&self->g, &__opts));	\
	} while (0)

/* Create and announce an endpoint; returns its id. */
static inline int announce(const char *name, uint32_t addr)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = name, .addr = addr));
	int err = id < 0 ? id : nl_announce(id);

	return err ?: id;
}

/* Expect exactly this announcement now; the name is padded with zeroes. */
#define HEAR(_name, _addr, _flags)					\
	do {								\
		struct guest_ns __want = { .addr = (_addr),		\
					   .flags = (_flags) };		\
		struct guest_ns __got;					\
									\
		memcpy(__want.name, _name, strlen(_name));		\
		ASSERT_EQ(0, guest_ns_recv(&self->g, &__got, LONG_MS));	\
		ASSERT_STREQ(__want.name, __got.name);			\
		ASSERT_EQ(__want.addr, __got.addr);			\
		ASSERT_EQ(__want.flags, __got.flags);			\
		ASSERT_EQ(0, memcmp(&__want, &__got, sizeof(__got)));	\
	} while (0)

#define HEAR_NOTHING()							\
	do {								\
		struct guest_ns __got;					\
									\
		ASSERT_EQ(-ETIMEDOUT,					\
			  guest_ns_recv(&self->g, &__got, SHORT_MS));	\
	} while (0)

#endif /* NS_FIXTURE_H */
