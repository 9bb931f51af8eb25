// SPDX-License-Identifier: GPL-2.0-only
/*
 * The netlink interface: commands, refusals, events, dumps, and who may use it.
 * A refusal is an errno, a text, the attribute at fault, and no change.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/rpmsg.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"netlink"
#define SECOND	"netlink-2"
#define REMOTE	0x400
#define ANY	VHOST_RPMSG_ADDR_ANY

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define STATE(name)	VHOST_RPMSG_DEV_STATE_##name
#define KIND(name)	VHOST_RPMSG_REMOTE_KIND_##name

/* Attributes of a request. */
#define NONE		0
#define DEV_A(name)	VHOST_RPMSG_A_DEV_##name
#define EPT_A(name)	VHOST_RPMSG_A_EPT_##name
#define CHAN_A(name)	VHOST_RPMSG_A_CHAN_##name
#define U32(attr, v)						\
	{							\
		attr, &(uint32_t){ v }, sizeof(uint32_t)	\
	}
#define STR(attr, v)			\
	{				\
		attr, v, sizeof(v)	\
	}
#define FLAG(attr)		\
	{			\
		attr, NULL, 0	\
	}
#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))

FIXTURE(netlink)
{
	struct guest g;		/* opened by who needs it */
	int dev;		/* persistent */
	int ept;		/* "first", address 7 */
	struct nl_event ev;	/* the last one */
};

FIXTURE_SETUP(netlink)
{
	/* A test before this one may have died. */
	nl_dev_del(DEV);
	nl_dev_del(SECOND);
	self->dev = nl_dev_new(DEV);
	ASSERT_GT(self->dev, 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "first", .addr = 7));
	ASSERT_GE(self->ept, 0);
	ASSERT_EQ(0, nl_listen());
}

FIXTURE_TEARDOWN(netlink)
{
	guest_close(&self->g);
	nl_unlisten();
	nl_dev_del(SECOND);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* All that netlink shows, in a test that has little of it. */
struct state {
	int num_devs;
	int num_epts;
	int num_chans;
	struct nl_dev devs[8];
	struct nl_ept epts[8];
	struct nl_chan chans[8];
};

static void get_state(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->num_devs = nl_dev_dump(s->devs, COUNT(s->devs));
	s->num_epts = nl_ept_dump(NULL, s->epts, COUNT(s->epts));
	s->num_chans = nl_chan_dump(NULL, s->chans, COUNT(s->chans));
}

struct answer {
	int err;
	char text[256];
	int bad;		/* type of the attribute at fault */
	bool changed;		/* any state, or there was an event */
};

/* The attribute at an offset in the message, behind two headers. */
static int type_at(int offset, const struct nl_raw *attr, int n)
{
	int at = NLMSG_HDRLEN + GENL_HDRLEN, i;

	if (!offset)
		return NONE;
	for (i = 0; i < n; i++) {
		if (at == offset)
			return attr[i].type;
		at += nla_total_size(attr[i].len);
	}
	return -1;
}

static void ask(struct answer *a, int cmd, int flags, const struct nl_raw *attr,
		int n)
{
	struct state before, after;
	struct nl_event ev;

	get_state(&before);
	a->err = nl_request(cmd, flags, attr, n);
	snprintf(a->text, sizeof(a->text), "%s", nl_extack);
	a->bad = type_at(nl_bad_attr, attr, n);
	get_state(&after);
	a->changed = memcmp(&before, &after, sizeof(before)) ||
		     nl_next_event(&ev, 0);
}

#define REFUSED(_err, _text, _bad, _cmd, ...)					\
	do {									\
		const struct nl_raw __attr[] = { __VA_ARGS__ };			\
		struct answer __a;						\
									\
		ask(&__a, VHOST_RPMSG_CMD_##_cmd, 0, __attr, COUNT(__attr));	\
		EXPECT_EQ(-(_err), __a.err);					\
		EXPECT_STREQ(_text, __a.text);					\
		EXPECT_EQ(_bad, __a.bad);					\
		EXPECT_FALSE(__a.changed);					\
	} while (0)

#define ACCEPTED(_cmd, ...)							\
	do {									\
		const struct nl_raw __attr[] = { __VA_ARGS__ };			\
									\
		EXPECT_EQ(0, nl_request(VHOST_RPMSG_CMD_##_cmd, 0, __attr,	\
					COUNT(__attr)));			\
	} while (0)

/* What may not be in a name, but for slash and space. */
static const char unprintable[] = "\1\t\n\33\37\177\200\240\377";

/* In the words of the kernel's policies. */
#define UNKNOWN		"Unknown attribute type"
#define UNSUPPORTED	"Unsupported attribute"
#define INVALID		"Attribute failed policy validation"
#define LENGTH		"invalid attribute length"
#define RANGE		"integer out of range"

#define NAME31	"a-name-that-has-just-31-letters"
#define NAME32	"a-name-that-is-longer-by-1-char."

/* Commands. */

TEST_F(netlink, dev_get)
{
	struct nl_dev dev, same = {};

	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(self->dev, (int)dev.id);
	EXPECT_STREQ(DEV, dev.name);
	EXPECT_TRUE(dev.persistent);
	EXPECT_EQ(STATE(DETACHED), dev.state);
	EXPECT_EQ(0, dev.features);
	EXPECT_EQ(496, dev.mtu);
	EXPECT_EQ(1, dev.endpoints);
	EXPECT_EQ(0, dev.channels);
	EXPECT_FALSE(dev.stalled);
	EXPECT_EQ(-1, dev.event);
	ASSERT_EQ(0, nl_dev_get_id(self->dev, &same));
	EXPECT_EQ(0, memcmp(&dev, &same, sizeof(dev)));
	ACCEPTED(DEV_GET, U32(DEV_A(ID), self->dev), STR(DEV_A(NAME), DEV));
}

TEST_F(netlink, dev_get_of_one_that_runs)
{
	struct guest_opts opts = { .name = DEV, .buf_size = 2048 };
	struct nl_dev dev;

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == 2032,
			     LONG_MS));
	EXPECT_EQ(STATE(RUNNING), dev.state);
	EXPECT_EQ(GUEST_FEATURES, dev.features);
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE, 0));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "12345", 5));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(1, dev.channels);
	EXPECT_EQ(1, dev.stats[S(NS_RX)]);
	EXPECT_EQ(1, dev.stats[S(RX_DROP_CLOSED)]);
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(STATE(ATTACHED), dev.state);
}

TEST_F(netlink, dev_dump_has_all_in_the_order_of_their_numbers)
{
	int id = nl_dev_new(SECOND);
	struct nl_dev devs[8];

	ASSERT_EQ(0, guest_open(&self->g, NULL));
	ASSERT_EQ(3, nl_dev_dump(devs, 8));
	EXPECT_EQ(self->dev, (int)devs[0].id);
	EXPECT_EQ(id, (int)devs[1].id);
	EXPECT_STREQ(SECOND, devs[1].name);
	EXPECT_LT(devs[1].id, devs[2].id);
	EXPECT_FALSE(devs[2].persistent);
	EXPECT_EQ(0, strncmp("vhost", devs[2].name, 5));
	EXPECT_EQ(STATE(RUNNING), devs[2].state);
}

TEST_F(netlink, dev_new_takes_names_of_1_to_31_characters)
{
	static const char *const names[] = {
		"x",  NAME31,	    "!\"#$%&'()*+,-.:;<", "=>?@[\\]^_`{|}~",
		"..", "vhost999999"
	};

	for (int i = 0; i < COUNT(names); i++) {
		ASSERT_LT(0, nl_dev_new(names[i]));
		ASSERT_EQ(-EEXIST, nl_dev_new(names[i]));
		ASSERT_EQ(0, nl_dev_del(names[i]));
	}
}

TEST_F(netlink, dev_del_takes_its_endpoints_with_it)
{
	struct nl_dev dev;
	struct nl_ept ept;
	int id, again;

	id = nl_dev_new(SECOND);
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = SECOND)));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = SECOND)));
	ACCEPTED(DEV_DEL, U32(DEV_A(ID), id), STR(DEV_A(NAME), SECOND));
	EXPECT_EQ(-ENODEV, nl_dev_get(SECOND, &dev));
	EXPECT_EQ(-ENODEV, nl_dev_get_id(id, &dev));
	EXPECT_EQ(1, nl_ept_dump(NULL, &ept, 1));
	/* The name can be used again, the number is not. */
	again = nl_dev_new(SECOND);
	EXPECT_LT(id, again);
	ACCEPTED(DEV_DEL, U32(DEV_A(ID), again));
}

TEST_F(netlink, ept_new_with_nothing_but_a_device)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV));
	struct nl_ept ept;

	ASSERT_LE(0, id);
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(id, (int)ept.id);
	EXPECT_EQ(self->dev, (int)ept.dev_id);
	EXPECT_STREQ(DEV, ept.dev_name);
	EXPECT_STREQ("", ept.name);
	EXPECT_EQ(VHOST_RPMSG_FIRST_DYNAMIC_ADDR, ept.addr);
	EXPECT_EQ(ANY, ept.remote);
	EXPECT_EQ(KIND(NONE), ept.remote_kind);
	EXPECT_FALSE(ept.addressed);
	EXPECT_FALSE(ept.announced);
	EXPECT_FALSE(ept.open);
	EXPECT_EQ(VHOST_RPMSG_FULL_POLICY_HOLD, ept.policy);
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_LIMIT, ept.rx_limit);
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_LIMIT, ept.tx_limit);
	EXPECT_EQ(0, ept.rx_queued);
	EXPECT_EQ(0, ept.tx_queued);
	EXPECT_EQ(-1, ept.event);
}

TEST_F(netlink, ept_new_with_everything)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = NAME31,
				    .addr = 0xfffffffe, .remote = 0xfffffffe,
				    .drop = true, .rx_limit = 1,
				    .tx_limit = 0x4000000));
	struct nl_ept ept;

	ASSERT_LE(0, id);
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_STREQ(NAME31, ept.name);
	EXPECT_EQ(0xfffffffe, ept.addr);
	EXPECT_EQ(0xfffffffe, ept.remote);
	EXPECT_EQ(KIND(FIXED), ept.remote_kind);
	EXPECT_EQ(VHOST_RPMSG_FULL_POLICY_DROP, ept.policy);
	EXPECT_EQ(1, ept.rx_limit);
	EXPECT_EQ(0x4000000, ept.tx_limit);

	id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 0, .addressed = true));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(0, ept.addr);
	EXPECT_TRUE(ept.addressed);
	EXPECT_EQ(ANY, ept.remote);
}

TEST_F(netlink, ept_new_takes_any_printable_name_and_that_twice)
{
	const char *name = " a/b ~";

	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .name = name)));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .name = name)));
}

TEST_F(netlink, ept_new_gives_out_addresses_that_are_free)
{
	struct nl_ept ept;
	int id;

	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .addr = 1024)));
	id = nl_ept_new(EPT_REQ(.dev = DEV));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(1025, ept.addr);
	/* One that was given back can be asked for. */
	ASSERT_EQ(0, nl_ept_del(id));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .addr = 1025)));
	/* Each device has its own. */
	ASSERT_LT(0, nl_dev_new(SECOND));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = SECOND, .addr = 7)));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .addr = 52)));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .addr = 54)));
}

TEST_F(netlink, ept_new_by_number_of_the_device)
{
	struct nl_dev dev;

	ACCEPTED(EPT_NEW, U32(EPT_A(DEV_ID), self->dev));
	ACCEPTED(EPT_NEW, U32(EPT_A(DEV_ID), self->dev),
		 STR(EPT_A(DEV_NAME), DEV));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(3, dev.endpoints);
}

TEST_F(netlink, ept_new_on_a_device_of_a_VMM)
{
	struct guest_opts opts = { .name = SECOND };
	struct nl_ept ept;
	int id;

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	id = nl_ept_new(EPT_REQ(.dev = SECOND));
	ASSERT_LE(0, id);
	EXPECT_EQ(0, nl_ept_get(id, &ept));
	/* It goes when its device does. */
	guest_close(&self->g);
	EXPECT_EQ(-ENOENT, nl_ept_get(id, &ept));
}

TEST_F(netlink, ept_set_changes_what_is_asked_for)
{
	struct nl_ept ept, is = {};

	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 5), -1));
	ept.rx_limit = 5;
	ASSERT_EQ(0, nl_ept_get(self->ept, &is));
	EXPECT_EQ(0, memcmp(&ept, &is, sizeof(is)));

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 6), -1));
	ept.tx_limit = 6;
	ASSERT_EQ(0, nl_ept_get(self->ept, &is));
	EXPECT_EQ(0, memcmp(&ept, &is, sizeof(is)));

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(), 1));
	ept.policy = 1;
	ASSERT_EQ(0, nl_ept_get(self->ept, &is));
	EXPECT_EQ(0, memcmp(&ept, &is, sizeof(is)));

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 0), -1));
	ept.remote = 0;
	ept.remote_kind = KIND(FIXED);
	ASSERT_EQ(0, nl_ept_get(self->ept, &is));
	EXPECT_EQ(0, memcmp(&ept, &is, sizeof(is)));

	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.remote = 9, .rx_limit = 64 << 20,
					.tx_limit = 1),
				0));
	ept.remote = 9;
	ept.rx_limit = 64 << 20;
	ept.tx_limit = 1;
	ept.policy = 0;
	ASSERT_EQ(0, nl_ept_get(self->ept, &is));
	EXPECT_EQ(0, memcmp(&ept, &is, sizeof(is)));
}

TEST_F(netlink, ept_del)
{
	struct nl_dev dev;
	struct nl_ept ept;

	ASSERT_EQ(0, nl_ept_del(self->ept));
	EXPECT_EQ(-ENOENT, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(-ENOENT, nl_ept_del(self->ept));
	EXPECT_EQ(0, nl_ept_dump(DEV, &ept, 1));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.endpoints);
}

TEST_F(netlink, announce_and_withdraw)
{
	struct nl_ept ept;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, nl_announce(self->ept));
		ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
		EXPECT_TRUE(ept.announced);
	}
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, nl_withdraw(self->ept));
		ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
		EXPECT_FALSE(ept.announced);
	}
}

TEST_F(netlink, chan_get)
{
	struct guest_opts opts = { .name = DEV };
	struct nl_chan chan, same = {};

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", 0, 0));
	ASSERT_EQ(0, guest_ns_send(&self->g, "first", REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_chan_get(DEV, REMOTE, &chan));
	EXPECT_EQ(self->dev, (int)chan.dev_id);
	EXPECT_STREQ(DEV, chan.dev_name);
	EXPECT_STREQ("first", chan.name);
	EXPECT_EQ(REMOTE, chan.addr);
	EXPECT_TRUE(chan.bound);
	EXPECT_EQ(self->ept, (int)chan.ept);
	EXPECT_EQ(-1, chan.event);
	ASSERT_EQ(0, nl_chan_get(DEV, 0, &same));
	EXPECT_FALSE(same.bound);
	ACCEPTED(CHAN_GET, U32(CHAN_A(DEV_ID), self->dev),
		 U32(CHAN_A(ADDR), 0));
}

/* Refusals. */

TEST_F(netlink, dev_get_refuses)
{
	const char no_end[] = { 'n', 'e', 't' };

	REFUSED(EINVAL, "a device must be given by id or name", NONE, DEV_GET);
	REFUSED(ENODEV, "no device has this id", DEV_A(ID), DEV_GET,
		U32(DEV_A(ID), 0x7fffffff));
	REFUSED(ENODEV, "no device has this id", DEV_A(ID), DEV_GET,
		STR(DEV_A(NAME), DEV), U32(DEV_A(ID), 0xffffffff));
	REFUSED(ENODEV, "no device has this name", DEV_A(NAME), DEV_GET,
		STR(DEV_A(NAME), "netlin"));
	REFUSED(EINVAL, "the device with this id has another name", DEV_A(NAME),
		DEV_GET, U32(DEV_A(ID), self->dev), STR(DEV_A(NAME), SECOND));
	REFUSED(ERANGE, RANGE, DEV_A(ID), DEV_GET, U32(DEV_A(ID), 0));
	REFUSED(EINVAL, LENGTH, DEV_A(ID), DEV_GET, STR(DEV_A(ID), "a"));
	REFUSED(EINVAL, LENGTH, DEV_A(ID), DEV_GET, STR(DEV_A(ID), "abcdefg"));
	REFUSED(EINVAL, INVALID, DEV_A(NAME), DEV_GET, FLAG(DEV_A(NAME)));
	REFUSED(ENODEV, "no device has this name", DEV_A(NAME), DEV_GET,
		STR(DEV_A(NAME), ""));
	REFUSED(EINVAL, INVALID, DEV_A(NAME), DEV_GET,
		{ DEV_A(NAME), no_end, sizeof(no_end) });
	REFUSED(EINVAL, INVALID, DEV_A(NAME), DEV_GET,
		STR(DEV_A(NAME), NAME32));
	REFUSED(EINVAL, UNKNOWN, DEV_A(STATE), DEV_GET, STR(DEV_A(NAME), DEV),
		U32(DEV_A(STATE), 1));
	REFUSED(EINVAL, UNKNOWN, 1000, DEV_GET, STR(DEV_A(NAME), DEV),
		FLAG(1000));
	REFUSED(EINVAL, "NLA_F_NESTED not expected", DEV_A(ID) | NLA_F_NESTED,
		DEV_GET, U32(DEV_A(ID) | NLA_F_NESTED, self->dev));
}

#define DEV_NAME_TEXT \
	"a name has 1 to 31 printable characters without slash and space"

TEST_F(netlink, dev_new_refuses)
{
	char name[] = "net?link";

	REFUSED(EINVAL, "a device needs a name", NONE, DEV_NEW);
	REFUSED(EEXIST, "a device of this name exists", DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), DEV));
	REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), ""));
	for (const char *c = "/ "; *c; c++) {
		name[3] = *c;
		REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
			STR(DEV_A(NAME), name));
	}
	for (const char *c = unprintable; *c; c++) {
		name[3] = *c;
		REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
			STR(DEV_A(NAME), name));
	}
	REFUSED(EINVAL, INVALID, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), NAME32));
	/* With an end, and too much behind it. */
	REFUSED(ERANGE, INVALID, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), "x\0" NAME32));
	REFUSED(EINVAL, UNSUPPORTED, DEV_A(ID), DEV_NEW,
		STR(DEV_A(NAME), SECOND), U32(DEV_A(ID), 5));
	REFUSED(EINVAL, UNKNOWN, DEV_A(PERSISTENT), DEV_NEW,
		STR(DEV_A(NAME), SECOND), FLAG(DEV_A(PERSISTENT)));
}

TEST_F(netlink, dev_del_refuses)
{
	REFUSED(EINVAL, "a device must be given by id or name", NONE, DEV_DEL);
	REFUSED(ENODEV, "no device has this id", DEV_A(ID), DEV_DEL,
		U32(DEV_A(ID), 0x7fffffff));
	REFUSED(ENODEV, "no device has this name", DEV_A(NAME), DEV_DEL,
		STR(DEV_A(NAME), "none"));
	REFUSED(EINVAL, "the device with this id has another name", DEV_A(NAME),
		DEV_DEL, STR(DEV_A(NAME), "none"), U32(DEV_A(ID), self->dev));
	REFUSED(ERANGE, RANGE, DEV_A(ID), DEV_DEL, U32(DEV_A(ID), 0));
	REFUSED(EINVAL, LENGTH, DEV_A(ID), DEV_DEL, FLAG(DEV_A(ID)));
	REFUSED(EINVAL, INVALID, DEV_A(NAME), DEV_DEL,
		STR(DEV_A(NAME), NAME32));
	REFUSED(EINVAL, UNKNOWN, DEV_A(MTU), DEV_DEL, STR(DEV_A(NAME), DEV),
		U32(DEV_A(MTU), 1));
}

TEST_F(netlink, dev_del_refuses_while_a_VMM_has_it)
{
	struct guest_opts opts = { .name = DEV, .stopped = true };
	struct nl_event ev;

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	while (nl_next_event(&ev, SHORT_MS))
		;
	REFUSED(EBUSY, "a VMM has the device", DEV_A(NAME), DEV_DEL,
		STR(DEV_A(NAME), DEV));
	REFUSED(EBUSY, "a VMM has the device", DEV_A(ID), DEV_DEL,
		U32(DEV_A(ID), self->dev), STR(DEV_A(NAME), DEV));
	ASSERT_EQ(0, guest_start(&self->g));
	EXPECT_EQ(-EBUSY, nl_dev_del(DEV));
	guest_close(&self->g);

	/* One that is the VMM's own. */
	opts.name = SECOND;
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	while (nl_next_event(&ev, SHORT_MS))
		;
	REFUSED(EBUSY, "a VMM has the device", DEV_A(NAME), DEV_DEL,
		STR(DEV_A(NAME), SECOND));
}

#define ADDRESSED_TEXT	"an addressed endpoint has no remote of its own"

TEST_F(netlink, ept_new_refuses_names)
{
	const char *text = "a name has 1 to 31 printable characters";
	char name[] = "na?me";

	REFUSED(EINVAL, text, EPT_A(NAME), EPT_NEW, STR(EPT_A(DEV_NAME), DEV),
		STR(EPT_A(NAME), ""));
	for (const char *c = unprintable; *c; c++) {
		name[2] = *c;
		REFUSED(EINVAL, text, EPT_A(NAME), EPT_NEW,
			STR(EPT_A(DEV_NAME), DEV), STR(EPT_A(NAME), name));
	}
	REFUSED(EINVAL, INVALID, EPT_A(NAME), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), STR(EPT_A(NAME), NAME32));
	REFUSED(ERANGE, INVALID, EPT_A(NAME), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), STR(EPT_A(NAME), "x\0" NAME32));
	REFUSED(EINVAL, INVALID, EPT_A(NAME), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), FLAG(EPT_A(NAME)));
}

TEST_F(netlink, ept_new_refuses_devices)
{
	REFUSED(EINVAL, "a device must be given by id or name", NONE, EPT_NEW,
		STR(EPT_A(NAME), "x"));
	REFUSED(ENODEV, "no device has this id", EPT_A(DEV_ID), EPT_NEW,
		U32(EPT_A(DEV_ID), 0x7fffffff));
	REFUSED(ENODEV, "no device has this name", EPT_A(DEV_NAME), EPT_NEW,
		STR(EPT_A(DEV_NAME), "none"));
	REFUSED(EINVAL, "the device with this id has another name",
		EPT_A(DEV_NAME), EPT_NEW, U32(EPT_A(DEV_ID), self->dev),
		STR(EPT_A(DEV_NAME), "none"));
	REFUSED(ERANGE, RANGE, EPT_A(DEV_ID), EPT_NEW, U32(EPT_A(DEV_ID), 0));
	REFUSED(EINVAL, INVALID, EPT_A(DEV_NAME), EPT_NEW,
		STR(EPT_A(DEV_NAME), NAME32));
}

TEST_F(netlink, ept_new_refuses_addresses)
{
	REFUSED(EADDRINUSE, "another endpoint has this address", EPT_A(ADDR),
		EPT_NEW, STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(ADDR), 7));
	REFUSED(EADDRINUSE, "the address is the name service's", EPT_A(ADDR),
		EPT_NEW, STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(ADDR), 53));
	REFUSED(ERANGE, RANGE, EPT_A(ADDR), EPT_NEW, STR(EPT_A(DEV_NAME), DEV),
		U32(EPT_A(ADDR), ANY));
	REFUSED(ERANGE, RANGE, EPT_A(REMOTE), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(REMOTE), ANY));
	REFUSED(EINVAL, ADDRESSED_TEXT, EPT_A(REMOTE), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(REMOTE), 1),
		FLAG(EPT_A(ADDRESSED)));
	REFUSED(EINVAL, LENGTH, EPT_A(ADDR), EPT_NEW, STR(EPT_A(DEV_NAME), DEV),
		STR(EPT_A(ADDR), "1024"));
}

TEST_F(netlink, ept_new_refuses_settings)
{
	REFUSED(ERANGE, RANGE, EPT_A(FULL_POLICY), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(FULL_POLICY), 2));
	REFUSED(ERANGE, RANGE, EPT_A(RX_LIMIT), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(RX_LIMIT), 0));
	REFUSED(ERANGE, RANGE, EPT_A(RX_LIMIT), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(RX_LIMIT), 0x4000001));
	REFUSED(ERANGE, RANGE, EPT_A(TX_LIMIT), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(TX_LIMIT), 0));
	REFUSED(ERANGE, RANGE, EPT_A(TX_LIMIT), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(TX_LIMIT), 0xffffffff));
	REFUSED(EINVAL, LENGTH, EPT_A(RX_LIMIT), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), STR(EPT_A(RX_LIMIT), "1234567"));
	REFUSED(ERANGE, INVALID, EPT_A(ADDRESSED), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(ADDRESSED), 1));
	REFUSED(EINVAL, UNSUPPORTED, EPT_A(ID), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(ID), 1000));
	REFUSED(EINVAL, UNSUPPORTED, EPT_A(ANNOUNCED), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), FLAG(EPT_A(ANNOUNCED)));
	REFUSED(EINVAL, UNKNOWN, EPT_A(RX_QUEUED), EPT_NEW,
		STR(EPT_A(DEV_NAME), DEV), U32(EPT_A(RX_QUEUED), 0));
}

#define NO_ID_TEXT	"an endpoint must be given by id"
#define NO_EPT_TEXT	"no endpoint has this id"

TEST_F(netlink, ept_set_refuses)
{
	struct nl_event ev;
	int id;

	REFUSED(EINVAL, NO_ID_TEXT, NONE, EPT_SET, U32(EPT_A(RX_LIMIT), 1));
	REFUSED(ENOENT, NO_EPT_TEXT, EPT_A(ID), EPT_SET,
		U32(EPT_A(RX_LIMIT), 1), U32(EPT_A(ID), 1000000));
	REFUSED(ENOENT, NO_EPT_TEXT, EPT_A(ID), EPT_SET,
		U32(EPT_A(ID), 0xffffffff));
	/* What is good beside what is bad is not done. */
	REFUSED(ERANGE, RANGE, EPT_A(REMOTE), EPT_SET,
		U32(EPT_A(ID), self->ept), U32(EPT_A(RX_LIMIT), 1),
		U32(EPT_A(REMOTE), ANY));
	REFUSED(ERANGE, RANGE, EPT_A(FULL_POLICY), EPT_SET,
		U32(EPT_A(ID), self->ept), U32(EPT_A(REMOTE), 1),
		U32(EPT_A(FULL_POLICY), 2));
	REFUSED(ERANGE, RANGE, EPT_A(RX_LIMIT), EPT_SET,
		U32(EPT_A(ID), self->ept), U32(EPT_A(RX_LIMIT), 0));
	REFUSED(ERANGE, RANGE, EPT_A(TX_LIMIT), EPT_SET,
		U32(EPT_A(ID), self->ept), U32(EPT_A(RX_LIMIT), 1),
		U32(EPT_A(TX_LIMIT), 0x4000001));
	REFUSED(EINVAL, LENGTH, EPT_A(ID), EPT_SET, STR(EPT_A(ID), "1"));
	REFUSED(EINVAL, UNSUPPORTED, EPT_A(NAME), EPT_SET,
		U32(EPT_A(ID), self->ept), STR(EPT_A(NAME), "new"));
	REFUSED(EINVAL, UNSUPPORTED, EPT_A(ADDR), EPT_SET,
		U32(EPT_A(ID), self->ept), U32(EPT_A(ADDR), 8));

	id = nl_ept_new(EPT_REQ(.dev = DEV, .addressed = true));
	ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	REFUSED(EOPNOTSUPP, ADDRESSED_TEXT, EPT_A(REMOTE), EPT_SET,
		U32(EPT_A(ID), id), U32(EPT_A(REMOTE), 1),
		U32(EPT_A(RX_LIMIT), 1));
}

TEST_F(netlink, ept_del_and_get_refuse)
{
	REFUSED(EINVAL, NO_ID_TEXT, NONE, EPT_DEL);
	REFUSED(ENOENT, NO_EPT_TEXT, EPT_A(ID), EPT_DEL,
		U32(EPT_A(ID), 1000000));
	REFUSED(EINVAL, LENGTH, EPT_A(ID), EPT_DEL, STR(EPT_A(ID), "1"));
	REFUSED(EINVAL, UNKNOWN, EPT_A(DEV_ID), EPT_DEL,
		U32(EPT_A(ID), self->ept), U32(EPT_A(DEV_ID), self->dev));
	REFUSED(EINVAL, NO_ID_TEXT, NONE, EPT_GET);
	REFUSED(EINVAL, NO_ID_TEXT, NONE, EPT_GET, STR(EPT_A(DEV_NAME), DEV));
	REFUSED(ENOENT, NO_EPT_TEXT, EPT_A(ID), EPT_GET,
		U32(EPT_A(ID), 1000000));
	REFUSED(EINVAL, LENGTH, EPT_A(ID), EPT_GET, FLAG(EPT_A(ID)));
	REFUSED(EINVAL, UNKNOWN, EPT_A(NAME), EPT_GET,
		U32(EPT_A(ID), self->ept), STR(EPT_A(NAME), "first"));
}

TEST_F(netlink, announce_and_withdraw_refuse)
{
	struct nl_event ev;
	int id;

	REFUSED(EINVAL, NO_ID_TEXT, NONE, NS_ANNOUNCE);
	REFUSED(ENOENT, NO_EPT_TEXT, EPT_A(ID), NS_ANNOUNCE,
		U32(EPT_A(ID), 1000000));
	REFUSED(EINVAL, UNKNOWN, EPT_A(NAME), NS_ANNOUNCE,
		U32(EPT_A(ID), self->ept), STR(EPT_A(NAME), "as"));
	REFUSED(EINVAL, NO_ID_TEXT, NONE, NS_WITHDRAW);
	REFUSED(ENOENT, NO_EPT_TEXT, EPT_A(ID), NS_WITHDRAW,
		U32(EPT_A(ID), 1000000));
	REFUSED(EINVAL, LENGTH, EPT_A(ID), NS_WITHDRAW, STR(EPT_A(ID), ""));

	id = nl_ept_new(EPT_REQ(.dev = DEV));
	ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	REFUSED(EINVAL, "an endpoint without a name cannot be announced",
		EPT_A(ID), NS_ANNOUNCE, U32(EPT_A(ID), id));
}

TEST_F(netlink, chan_get_refuses)
{
	REFUSED(EINVAL, "a channel must be given by device and addr", NONE,
		CHAN_GET);
	REFUSED(EINVAL, "a channel must be given by device and addr", NONE,
		CHAN_GET, STR(CHAN_A(DEV_NAME), DEV));
	REFUSED(EINVAL, "a device must be given by id or name", NONE, CHAN_GET,
		U32(CHAN_A(ADDR), REMOTE));
	REFUSED(ENODEV, "no device has this name", CHAN_A(DEV_NAME), CHAN_GET,
		U32(CHAN_A(ADDR), REMOTE), STR(CHAN_A(DEV_NAME), "none"));
	REFUSED(ENODEV, "no device has this id", CHAN_A(DEV_ID), CHAN_GET,
		U32(CHAN_A(DEV_ID), 0x7fffffff), U32(CHAN_A(ADDR), REMOTE));
	REFUSED(EINVAL, "the device with this id has another name",
		CHAN_A(DEV_NAME), CHAN_GET, U32(CHAN_A(DEV_ID), self->dev),
		U32(CHAN_A(ADDR), REMOTE), STR(CHAN_A(DEV_NAME), "none"));
	REFUSED(ENOENT, "the guest has no channel with this address",
		CHAN_A(ADDR), CHAN_GET, STR(CHAN_A(DEV_NAME), DEV),
		U32(CHAN_A(ADDR), REMOTE));
	REFUSED(ERANGE, RANGE, CHAN_A(DEV_ID), CHAN_GET, U32(CHAN_A(DEV_ID), 0),
		U32(CHAN_A(ADDR), REMOTE));
	REFUSED(EINVAL, LENGTH, CHAN_A(ADDR), CHAN_GET,
		STR(CHAN_A(DEV_NAME), DEV), STR(CHAN_A(ADDR), "1"));
	REFUSED(EINVAL, UNSUPPORTED, CHAN_A(NAME), CHAN_GET,
		STR(CHAN_A(DEV_NAME), DEV), STR(CHAN_A(NAME), "x"),
		U32(CHAN_A(ADDR), REMOTE));
	REFUSED(EINVAL, UNKNOWN, CHAN_A(EPT), CHAN_GET,
		STR(CHAN_A(DEV_NAME), DEV), U32(CHAN_A(ADDR), REMOTE),
		U32(CHAN_A(EPT), self->ept));
}

TEST_F(netlink, commands_that_do_not_exist)
{
	static const int no_dump[] = {
		VHOST_RPMSG_CMD_DEV_NEW, VHOST_RPMSG_CMD_DEV_DEL,
		VHOST_RPMSG_CMD_EPT_NEW, VHOST_RPMSG_CMD_EPT_SET,
		VHOST_RPMSG_CMD_EPT_DEL, VHOST_RPMSG_CMD_NS_ANNOUNCE,
		VHOST_RPMSG_CMD_NS_WITHDRAW,
	};
	static const int no_do[] = {
		0,
		VHOST_RPMSG_CMD_DEV_NTF,
		VHOST_RPMSG_CMD_EPT_NTF,
		VHOST_RPMSG_CMD_CHAN_NTF,
		VHOST_RPMSG_CMD_MAX + 1,
		255,
	};
	struct nl_raw attr = U32(EPT_A(ID), self->ept);
	struct answer a;

	for (int i = 0; i < COUNT(no_dump); i++) {
		ask(&a, no_dump[i], NLM_F_DUMP, &attr, 1);
		EXPECT_EQ(-EOPNOTSUPP, a.err);
		EXPECT_FALSE(a.changed);
	}
	for (int i = 0; i < COUNT(no_do); i++) {
		ask(&a, no_do[i], 0, &attr, 1);
		EXPECT_EQ(-EOPNOTSUPP, a.err);
		EXPECT_FALSE(a.changed);
	}
}

/* Events. */

#define NEXT_EVENT(_cmd, _why, _obj)						\
	do {									\
		ASSERT_EQ(1, nl_next_event(&self->ev, LONG_MS));		\
		ASSERT_EQ(VHOST_RPMSG_CMD_##_cmd##_NTF, self->ev.cmd);		\
		ASSERT_EQ(VHOST_RPMSG_EVENT_##_why, self->ev._obj.event);	\
	} while (0)

#define DEV_EVENT(_name, _why, _state)				\
	do {							\
		NEXT_EVENT(DEV, _why, dev);			\
		EXPECT_STREQ(_name, self->ev.dev.name);		\
		EXPECT_EQ(STATE(_state), self->ev.dev.state);	\
	} while (0)

#define EPT_EVENT(_id, _why)				\
	do {						\
		NEXT_EVENT(EPT, _why, ept);		\
		EXPECT_EQ(_id, (int)self->ev.ept.id);	\
	} while (0)

#define CHAN_EVENT(_addr, _why, _ept)					\
	do {								\
		NEXT_EVENT(CHAN, _why, chan);				\
		EXPECT_EQ(_addr, self->ev.chan.addr);			\
		EXPECT_EQ(_ept, (int)self->ev.chan.ept);		\
		EXPECT_EQ(self->dev, (int)self->ev.chan.dev_id);	\
		EXPECT_STREQ(DEV, self->ev.chan.dev_name);		\
	} while (0)

#define NO_EVENT() EXPECT_EQ(0, nl_next_event(&self->ev, SHORT_MS))

static void skip_events(void)
{
	struct nl_event ev;

	while (nl_next_event(&ev, SHORT_MS))
		;
}

/* Whether the last event has what a get says now. */
static bool as_dev_get(struct nl_event *ev)
{
	struct nl_dev dev;

	if (nl_dev_get_id(ev->dev.id, &dev))
		return false;
	dev.event = ev->dev.event;
	return !memcmp(&dev, &ev->dev, sizeof(dev));
}

static bool as_ept_get(struct nl_event *ev)
{
	struct nl_ept ept;

	if (nl_ept_get(ev->ept.id, &ept))
		return false;
	ept.event = ev->ept.event;
	return !memcmp(&ept, &ev->ept, sizeof(ept));
}

static bool as_chan_get(struct nl_event *ev)
{
	struct nl_chan chan;

	if (nl_chan_get(ev->chan.dev_name, ev->chan.addr, &chan))
		return false;
	chan.event = ev->chan.event;
	return !memcmp(&chan, &ev->chan, sizeof(chan));
}

TEST_F(netlink, events_of_a_persistent_device)
{
	int id = nl_dev_new(SECOND);

	DEV_EVENT(SECOND, NEW, DETACHED);
	EXPECT_EQ(id, (int)self->ev.dev.id);
	EXPECT_TRUE(as_dev_get(&self->ev));
	NO_EVENT();
	ASSERT_EQ(0, nl_dev_del(SECOND));
	DEV_EVENT(SECOND, DEL, DETACHED);
	EXPECT_EQ(id, (int)self->ev.dev.id);
	EXPECT_TRUE(self->ev.dev.persistent);
	NO_EVENT();
}

TEST_F(netlink, events_of_a_device_that_gets_a_VMM)
{
	struct guest_opts opts = { .name = DEV, .stopped = true };
	char name[32];

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	/* Its own device, exchanged for the one that has the name. */
	NEXT_EVENT(DEV, NEW, dev);
	EXPECT_FALSE(self->ev.dev.persistent);
	snprintf(name, sizeof(name), "vhost%u", self->ev.dev.id);
	EXPECT_STREQ(name, self->ev.dev.name);
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EXPECT_EQ(self->dev, (int)self->ev.dev.id);
	DEV_EVENT(name, DEL, ATTACHED);
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EXPECT_EQ(GUEST_FEATURES, self->ev.dev.features);
	EXPECT_TRUE(as_dev_get(&self->ev));
	NO_EVENT();
	/* What it has already is no change. */
	ASSERT_EQ(0, ioctl(self->g.fd, VHOST_SET_FEATURES, &self->g.features));
	ASSERT_EQ(0, guest_stop(&self->g));
	NO_EVENT();

	ASSERT_EQ(0, guest_start(&self->g));
	DEV_EVENT(DEV, CHANGE, RUNNING);
	EXPECT_TRUE(as_dev_get(&self->ev));
	ASSERT_EQ(0, guest_set_running(&self->g, 1));
	NO_EVENT();
	ASSERT_EQ(0, guest_stop(&self->g));
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	EXPECT_TRUE(as_dev_get(&self->ev));
	ASSERT_EQ(0, guest_start(&self->g));
	DEV_EVENT(DEV, CHANGE, RUNNING);
	guest_close(&self->g);
	DEV_EVENT(DEV, CHANGE, DETACHED);
	EXPECT_EQ(0, self->ev.dev.features);
	EXPECT_TRUE(as_dev_get(&self->ev));
	NO_EVENT();
}

TEST_F(netlink, events_of_a_device_of_a_VMM)
{
	struct guest_opts opts = { .name = SECOND };
	uint32_t dev;
	int id;

	ASSERT_EQ(0, guest_open(&self->g, &opts));
	NEXT_EVENT(DEV, NEW, dev);
	dev = self->ev.dev.id;
	DEV_EVENT(SECOND, CHANGE, ATTACHED);
	EXPECT_EQ(dev, self->ev.dev.id);
	DEV_EVENT(SECOND, CHANGE, ATTACHED);
	EXPECT_EQ(GUEST_FEATURES, self->ev.dev.features);
	DEV_EVENT(SECOND, CHANGE, RUNNING);
	EXPECT_EQ(dev, self->ev.dev.id);
	id = nl_ept_new(EPT_REQ(.dev = SECOND));
	EPT_EVENT(id, NEW);
	EXPECT_EQ(dev, self->ev.ept.dev_id);
	EXPECT_STREQ(SECOND, self->ev.ept.dev_name);
	NO_EVENT();
	guest_close(&self->g);
	EPT_EVENT(id, DEL);
	DEV_EVENT(SECOND, DEL, DETACHED);
	EXPECT_EQ(dev, self->ev.dev.id);
	EXPECT_EQ(0, self->ev.dev.endpoints);
	NO_EVENT();
}

TEST_F(netlink, events_of_an_endpoint)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .remote = 5,
				    .drop = true));

	EPT_EVENT(id, NEW);
	EXPECT_STREQ("svc", self->ev.ept.name);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
	ASSERT_EQ(0, nl_ept_del(id));
	EPT_EVENT(id, DEL);
	EXPECT_STREQ("svc", self->ev.ept.name);
	EXPECT_EQ(VHOST_RPMSG_FIRST_DYNAMIC_ADDR, self->ev.ept.addr);
	NO_EVENT();
}

TEST_F(netlink, events_of_settings)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 5), -1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(5, self->ev.ept.rx_limit);
	EXPECT_TRUE(as_ept_get(&self->ev));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.tx_limit = 6), 1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(6, self->ev.ept.tx_limit);
	EXPECT_EQ(VHOST_RPMSG_FULL_POLICY_DROP, self->ev.ept.policy);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

TEST_F(netlink, events_of_a_remote_that_is_set)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 9, .rx_limit = 5),
				-1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(9, self->ev.ept.remote);
	EXPECT_EQ(KIND(FIXED), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

TEST_F(netlink, no_event_of_what_is_set_already)
{
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(), -1));
	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.rx_limit = VHOST_RPMSG_DEFAULT_LIMIT),
				VHOST_RPMSG_FULL_POLICY_HOLD));
	NO_EVENT();
}

TEST_F(netlink, events_of_open_and_close)
{
	int fd = ept_open(self->ept, O_NONBLOCK);

	ASSERT_LE(0, fd);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_TRUE(self->ev.ept.open);
	EXPECT_TRUE(as_ept_get(&self->ev));
	EXPECT_EQ(-EBUSY, ept_open(self->ept, 0));
	NO_EVENT();
	close(fd);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_FALSE(self->ev.ept.open);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

TEST_F(netlink, events_of_an_endpoint_that_is_deleted_by_its_opener)
{
	int fd = ept_open(self->ept, O_NONBLOCK);

	ASSERT_LE(0, fd);
	EPT_EVENT(self->ept, CHANGE);
	ASSERT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	EPT_EVENT(self->ept, DEL);
	EXPECT_TRUE(self->ev.ept.open);
	/* There is nothing more to say of it. */
	close(fd);
	NO_EVENT();
}

TEST_F(netlink, events_of_announcements)
{
	ASSERT_EQ(0, nl_announce(self->ept));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_TRUE(self->ev.ept.announced);
	EXPECT_TRUE(as_ept_get(&self->ev));
	ASSERT_EQ(0, nl_announce(self->ept));
	NO_EVENT();
	ASSERT_EQ(0, nl_withdraw(self->ept));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_FALSE(self->ev.ept.announced);
	EXPECT_TRUE(as_ept_get(&self->ev));
	ASSERT_EQ(0, nl_withdraw(self->ept));
	NO_EVENT();
	/* Deleted with its announcement, it is one event. */
	ASSERT_EQ(0, nl_announce(self->ept));
	EPT_EVENT(self->ept, CHANGE);
	ASSERT_EQ(0, nl_ept_del(self->ept));
	EPT_EVENT(self->ept, DEL);
	NO_EVENT();
}

/* With a guest, whose coming is not looked at. */
#define OPEN_GUEST()						\
	do {							\
		struct guest_opts __opts = { .name = DEV };	\
									\
		ASSERT_EQ(0, guest_open(&self->g, &__opts));	\
		skip_events();					\
	} while (0)

TEST_F(netlink, events_of_a_remote_that_is_learned)
{
	struct nl_ept ept;

	OPEN_GUEST();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE + 1, 7, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(LEARNED), self->ev.ept.remote_kind);
	/* All but the counters, which go on. */
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	memcpy(self->ev.ept.stats, ept.stats, sizeof(ept.stats));
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();

	guest_close(&self->g);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(ANY, self->ev.ept.remote);
	EXPECT_EQ(KIND(NONE), self->ev.ept.remote_kind);
	EXPECT_EQ(2, self->ev.ept.stats[S(RX_DROP_CLOSED)]);
	EXPECT_TRUE(as_ept_get(&self->ev));
	DEV_EVENT(DEV, CHANGE, DETACHED);
	NO_EVENT();
}

/* It is the same one, and from now on the guest has no say in it. */
TEST_F(netlink, a_remote_that_is_learned_is_set)
{
	struct nl_ept ept;

	OPEN_GUEST();
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 7, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(KIND(LEARNED), self->ev.ept.remote_kind);

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = REMOTE), -1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(FIXED), self->ev.ept.remote_kind);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = REMOTE), -1));
	NO_EVENT();

	guest_close(&self->g);
	DEV_EVENT(DEV, CHANGE, DETACHED);
	NO_EVENT();
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(REMOTE, ept.remote);
}

#define NS_SEND(name, addr, flags)						\
	do {									\
		ASSERT_EQ(0, guest_ns_send(&self->g, name, addr, flags));	\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));			\
	} while (0)

TEST_F(netlink, events_of_a_channel)
{
	OPEN_GUEST();
	NS_SEND("svc", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, -1);
	EXPECT_STREQ("svc", self->ev.chan.name);
	EXPECT_TRUE(as_chan_get(&self->ev));
	/* Twice, and what is not there: no change. */
	NS_SEND("svc", REMOTE, 0);
	NS_SEND("svc", REMOTE + 1, 1);
	NO_EVENT();
	NS_SEND("other", REMOTE, 0);
	CHAN_EVENT(REMOTE, DEL, -1);
	EXPECT_STREQ("svc", self->ev.chan.name);
	CHAN_EVENT(REMOTE, NEW, -1);
	EXPECT_STREQ("other", self->ev.chan.name);
	NS_SEND("other", REMOTE, 1);
	CHAN_EVENT(REMOTE, DEL, -1);
	EXPECT_STREQ("other", self->ev.chan.name);
	NO_EVENT();
}

TEST_F(netlink, events_of_a_channel_that_finds_its_endpoint)
{
	OPEN_GUEST();
	NS_SEND("first", REMOTE, 0);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(BOUND), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	CHAN_EVENT(REMOTE, NEW, self->ept);
	EXPECT_TRUE(as_chan_get(&self->ev));
	NO_EVENT();
	NS_SEND("first", REMOTE, 1);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(KIND(NONE), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	CHAN_EVENT(REMOTE, DEL, -1);
	NO_EVENT();
}

TEST_F(netlink, events_of_an_endpoint_that_finds_its_channel)
{
	int id;

	OPEN_GUEST();
	NS_SEND("svc", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, -1);
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc"));
	/* Nothing is said of an endpoint that nobody has heard of. */
	EPT_EVENT(id, NEW);
	EXPECT_EQ(REMOTE, self->ev.ept.remote);
	EXPECT_EQ(KIND(BOUND), self->ev.ept.remote_kind);
	EXPECT_TRUE(as_ept_get(&self->ev));
	CHAN_EVENT(REMOTE, CHANGE, id);
	EXPECT_TRUE(as_chan_get(&self->ev));
	NO_EVENT();

	ASSERT_EQ(0, nl_ept_del(id));
	CHAN_EVENT(REMOTE, CHANGE, -1);
	EXPECT_TRUE(as_chan_get(&self->ev));
	EPT_EVENT(id, DEL);
	NO_EVENT();
}

TEST_F(netlink, events_of_a_channel_that_loses_its_endpoint)
{
	OPEN_GUEST();
	NS_SEND("first", REMOTE, 0);
	EPT_EVENT(self->ept, CHANGE);
	CHAN_EVENT(REMOTE, NEW, self->ept);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.remote = 1), -1));
	CHAN_EVENT(REMOTE, CHANGE, -1);
	EXPECT_TRUE(as_chan_get(&self->ev));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(1, self->ev.ept.remote);
}

/* Not of an endpoint that had no remote to forget. */
TEST_F(netlink, events_of_a_reset)
{
	int other = nl_ept_new(EPT_REQ(.dev = DEV));

	ASSERT_GE(other, 0);
	EPT_EVENT(other, NEW);
	OPEN_GUEST();
	NS_SEND("svc", REMOTE, 0);
	CHAN_EVENT(REMOTE, NEW, -1);
	NS_SEND("first", REMOTE + 1, 0);
	EPT_EVENT(self->ept, CHANGE);
	CHAN_EVENT(REMOTE + 1, NEW, self->ept);
	ASSERT_EQ(0, guest_reset(&self->g));
	DEV_EVENT(DEV, CHANGE, ATTACHED);
	CHAN_EVENT(REMOTE, DEL, -1);
	CHAN_EVENT(REMOTE + 1, DEL, -1);
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_EQ(KIND(NONE), self->ev.ept.remote_kind);
	DEV_EVENT(DEV, CHANGE, RUNNING);
	EXPECT_EQ(0, self->ev.dev.channels);
	NO_EVENT();
}

TEST_F(netlink, events_of_a_device_that_is_deleted_with_its_endpoints)
{
	int ids[3];

	ASSERT_LT(0, nl_dev_new(SECOND));
	for (int i = 0; i < 3; i++)
		ids[i] = nl_ept_new(EPT_REQ(.dev = SECOND, .addr = i));
	skip_events();
	ASSERT_EQ(0, nl_dev_del(SECOND));
	for (int i = 0; i < 3; i++)
		EPT_EVENT(ids[i], DEL);
	DEV_EVENT(SECOND, DEL, DETACHED);
	NO_EVENT();
}

TEST_F(netlink, events_of_many_come_once_each_and_in_order)
{
	int ids[60];

	for (int i = 0; i < 60; i++) {
		ids[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ASSERT_LE(0, ids[i]);
	}
	for (int i = 59; i >= 0; i--)
		ASSERT_EQ(0, nl_ept_del(ids[i]));
	for (int i = 0; i < 60; i++)
		EPT_EVENT(ids[i], NEW);
	for (int i = 59; i >= 0; i--)
		EPT_EVENT(ids[i], DEL);
	NO_EVENT();
}

#define MISSED	3000

TEST_F(netlink, a_listener_that_is_too_slow_is_told)
{
	struct nl_event ev;
	struct nl_ept ept;
	bool told = false;
	int seen = 0, n;

	for (uint32_t i = 1; i <= MISSED; i++)
		ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = i), -1));
	while ((n = nl_next_event(&ev, SHORT_MS))) {
		if (n == -ENOBUFS) {
			told = true;
			continue;
		}
		/* Those that it has are good, and in order. */
		ASSERT_EQ(1, n);
		ASSERT_EQ(VHOST_RPMSG_CMD_EPT_NTF, ev.cmd);
		ASSERT_EQ(++seen, (int)ev.ept.rx_limit);
	}
	EXPECT_TRUE(told);
	EXPECT_LT(0, seen);
	EXPECT_GT(MISSED, seen);
	/* A dump says what it has missed, and then it goes on. */
	ASSERT_EQ(1, nl_ept_dump(DEV, &ept, 1));
	EXPECT_EQ(MISSED, ept.rx_limit);
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 1), -1));
	EPT_EVENT(self->ept, CHANGE);
	EXPECT_TRUE(as_ept_get(&self->ev));
	NO_EVENT();
}

/* Dumps, datagram by datagram. */

struct dump {
	struct nl_sock *sk;
	int key;		/* attribute that tells objects apart */
	int datagrams;
	int num;
	uint32_t ids[2048];
	bool interrupted;
	bool done;
	int err;
	char text[128];
};

static void dump_start(struct dump *d, int cmd, const struct nl_raw *attr,
		       int n)
{
	struct nl_msg *msg = nlmsg_alloc();
	int family, one = 1, i;

	memset(d, 0, sizeof(*d));
	d->key = cmd == VHOST_RPMSG_CMD_CHAN_GET ? CHAN_A(ADDR) : EPT_A(ID);
	d->sk = nl_socket_alloc();
	if (!msg || !d->sk || genl_connect(d->sk) < 0)
		die("netlink");
	nl_socket_disable_auto_ack(d->sk);
	setsockopt(nl_socket_get_fd(d->sk), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	family = genl_ctrl_resolve(d->sk, VHOST_RPMSG_FAMILY_NAME);
	if (family < 0)
		die("no netlink family");
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_DUMP, cmd,
		    VHOST_RPMSG_FAMILY_VERSION);
	for (i = 0; i < n; i++)
		nla_put(msg, attr[i].type, attr[i].len, attr[i].data);
	if (nl_send_auto(d->sk, msg) < 0)
		die("netlink send");
	nlmsg_free(msg);
}

static void dump_take(struct dump *d, struct nlmsghdr *nlh)
{
	struct nlattr *tb[64] = {};
	int *err;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		d->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		err = nlmsg_data(nlh);
		d->err = *err;
		d->done = true;
		/* Words about the end follow it. */
		if (nlh->nlmsg_type == NLMSG_DONE &&
		    nlh->nlmsg_flags & NLM_F_ACK_TLVS)
			nla_parse(tb, NLMSGERR_ATTR_MAX, (void *)(err + 1),
				  nlmsg_datalen(nlh) - sizeof(*err), NULL);
		if (tb[NLMSGERR_ATTR_MSG])
			snprintf(d->text, sizeof(d->text), "%s",
				 nla_get_string(tb[NLMSGERR_ATTR_MSG]));
		return;
	}
	genlmsg_parse(nlh, 0, tb, 63, NULL);
	if (!(nlh->nlmsg_flags & NLM_F_MULTI) || !tb[d->key])
		die("odd message in a dump");
	if (d->num < COUNT(d->ids))
		d->ids[d->num] = nla_get_u32(tb[d->key]);
	d->num++;
}

/* One datagram; the kernel makes the next ones as they are taken. */
static bool dump_next(struct dump *d)
{
	/* None is larger. */
	static char buf[32768];
	struct nlmsghdr *nlh = (void *)buf;
	int n;

	if (d->done)
		return false;
	n = recv(nl_socket_get_fd(d->sk), buf, sizeof(buf), MSG_TRUNC);
	if (n <= 0 || n > (int)sizeof(buf))
		die("netlink receive");
	d->datagrams++;
	for (; nlmsg_ok(nlh, n); nlh = nlmsg_next(nlh, &n))
		dump_take(d, nlh);
	return true;
}

static void dump_rest(struct dump *d)
{
	while (dump_next(d))
		;
	nl_socket_free(d->sk);
}

/* How often it was in the dump. */
static int times(const struct dump *d, uint32_t id)
{
	int i, n = 0;

	for (i = 0; i < d->num; i++)
		n += d->ids[i] == id;
	return n;
}

#define DUMP(d, _cmd, ...)							\
	do {									\
		const struct nl_raw __attr[] = { __VA_ARGS__ };			\
									\
		dump_start(d, VHOST_RPMSG_CMD_##_cmd, __attr, COUNT(__attr));	\
		dump_rest(d);							\
	} while (0)

#define DUMP_REFUSED(_err, _text, _cmd, ...)	\
	do {					\
		struct dump __d;		\
									\
		DUMP(&__d, _cmd, __VA_ARGS__);	\
		EXPECT_EQ(-(_err), __d.err);	\
		EXPECT_STREQ(_text, __d.text);	\
		EXPECT_EQ(0, __d.num);		\
	} while (0)

TEST_F(netlink, a_dump_of_a_device_that_is_not_there)
{
	DUMP_REFUSED(ENODEV, "no device has this name", EPT_GET,
		     STR(EPT_A(DEV_NAME), "none"));
	DUMP_REFUSED(ENODEV, "no device has this id", EPT_GET,
		     U32(EPT_A(DEV_ID), 0x7fffffff));
	DUMP_REFUSED(EINVAL, "the device with this id has another name",
		     EPT_GET, U32(EPT_A(DEV_ID), self->dev),
		     STR(EPT_A(DEV_NAME), "none"));
	DUMP_REFUSED(ENODEV, "no device has this name", CHAN_GET,
		     STR(CHAN_A(DEV_NAME), "none"));
	DUMP_REFUSED(EINVAL, "the device with this id has another name",
		     CHAN_GET, U32(CHAN_A(DEV_ID), self->dev),
		     STR(CHAN_A(DEV_NAME), "none"));
}

/* The policies stand before a dump, too. */
TEST_F(netlink, a_dump_refuses_bad_attributes)
{
	struct nl_raw unknown = FLAG(1000), zero = U32(EPT_A(DEV_ID), 0);
	struct nl_raw longer = STR(EPT_A(DEV_NAME), NAME32);

	EXPECT_EQ(-EINVAL,
		  nl_request(VHOST_RPMSG_CMD_DEV_GET, NLM_F_DUMP, &unknown, 1));
	EXPECT_STREQ(UNKNOWN, nl_extack);
	EXPECT_EQ(-EINVAL,
		  nl_request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, &unknown, 1));
	EXPECT_STREQ(UNKNOWN, nl_extack);
	EXPECT_EQ(-ERANGE,
		  nl_request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, &zero, 1));
	EXPECT_STREQ(RANGE, nl_extack);
	EXPECT_EQ(EPT_A(DEV_ID), type_at(nl_bad_attr, &zero, 1));
	EXPECT_EQ(-EINVAL,
		  nl_request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, &longer, 1));
	EXPECT_STREQ(INVALID, nl_extack);
}

TEST_F(netlink, a_dump_of_the_endpoints_of_one_device)
{
	int second = nl_dev_new(SECOND), ids[2][10];
	struct nl_ept epts[16];
	struct dump d;

	ASSERT_LT(0, second);
	for (int i = 0; i < 10; i++) {
		ids[0][i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ids[1][i] = nl_ept_new(EPT_REQ(.dev = SECOND));
	}
	DUMP(&d, EPT_GET, STR(EPT_A(DEV_NAME), SECOND));
	EXPECT_EQ(0, d.err);
	ASSERT_EQ(10, d.num);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(ids[1][i], (int)d.ids[i]);
	DUMP(&d, EPT_GET, U32(EPT_A(DEV_ID), self->dev));
	ASSERT_EQ(11, d.num);
	EXPECT_EQ(self->ept, (int)d.ids[0]);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(ids[0][i], (int)d.ids[i + 1]);
	DUMP(&d, EPT_GET, U32(EPT_A(DEV_ID), second),
	     STR(EPT_A(DEV_NAME), SECOND));
	EXPECT_EQ(10, d.num);
	DUMP(&d, EPT_GET);
	EXPECT_EQ(21, d.num);
	/* What it says is what a get says. */
	ASSERT_EQ(10, nl_ept_dump(SECOND, epts, 16));
	for (int i = 0; i < 10; i++) {
		struct nl_ept ept = {};

		ASSERT_EQ(0, nl_ept_get(epts[i].id, &ept));
		EXPECT_EQ(0, memcmp(&ept, &epts[i], sizeof(ept)));
	}
}

/* So many channels, and the last one at the end of all addresses. */
static int add_chans(struct guest *g, int n, int step)
{
	int err = 0;

	for (int i = 0; !err && i < n; i++) {
		err = guest_ns_send(g, "a-channel", i * step, 0);
		if (!err && i % 100 == 0)
			err = guest_drain(g, LONG_MS);
	}
	if (!err)
		err = guest_ns_send(g, "last", ANY - 1, 0);
	return err ?: guest_drain(g, LONG_MS);
}

TEST_F(netlink, a_dump_of_the_channels_of_one_device)
{
	struct guest_opts opts[2] = { { .name = DEV }, { .name = SECOND } };
	struct guest other;
	struct dump d;

	ASSERT_EQ(0, guest_open(&self->g, &opts[0]));
	ASSERT_EQ(0, guest_open(&other, &opts[1]));
	ASSERT_EQ(0, add_chans(&self->g, 900, 1000));
	ASSERT_EQ(0, add_chans(&other, 100, 1));

	DUMP(&d, CHAN_GET, STR(CHAN_A(DEV_NAME), DEV));
	ASSERT_EQ(901, d.num);
	EXPECT_LT(2, d.datagrams);
	for (int i = 0; i < 900; i++)
		ASSERT_EQ(i * 1000, (int)d.ids[i]);
	EXPECT_EQ(ANY - 1, d.ids[900]);
	DUMP(&d, CHAN_GET, STR(CHAN_A(DEV_NAME), SECOND));
	ASSERT_EQ(101, d.num);
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(i, (int)d.ids[i]);
	DUMP(&d, CHAN_GET);
	ASSERT_EQ(1002, d.num);
	EXPECT_FALSE(d.interrupted);
	EXPECT_EQ(ANY - 1, d.ids[900]);
	EXPECT_EQ(0, d.ids[901]);
	EXPECT_EQ(ANY - 1, d.ids[1001]);
	guest_close(&other);
}

/* More than fit into a datagram. */

#define MANY	500

FIXTURE(many)
{
	int ids[MANY];
	struct dump d;
};

FIXTURE_SETUP(many)
{
	nl_dev_del(DEV);
	ASSERT_LT(0, nl_dev_new(DEV));
	for (int i = 0; i < MANY; i++) {
		self->ids[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ASSERT_LE(0, self->ids[i]);
	}
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Each of those from a to b was in the dump, and once. */
#define HAS_FROM_TO(d, a, b)					\
	do {							\
		for (int __i = (a); __i < (b); __i++)		\
			ASSERT_EQ(1, times(d, self->ids[__i]));	\
	} while (0)

TEST_F(many, a_dump_of_500_endpoints)
{
	struct dump *d = &self->d;

	DUMP(d, EPT_GET);
	EXPECT_EQ(0, d->err);
	EXPECT_EQ(MANY, d->num);
	EXPECT_LT(5, d->datagrams);
	EXPECT_FALSE(d->interrupted);
	HAS_FROM_TO(d, 0, MANY);
}

TEST_F(many, a_dump_that_is_overtaken_says_so)
{
	struct dump *d = &self->d;
	int id, half = MANY / 2;

	/* Something comes. */
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	id = nl_ept_new(EPT_REQ(.dev = DEV));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_GE(1, times(d, id));
	HAS_FROM_TO(d, 0, MANY);
	ASSERT_EQ(0, nl_ept_del(id));

	/* Something goes that was not sent yet. */
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_ept_del(self->ids[half]));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_EQ(MANY - 1, d->num);
	EXPECT_EQ(0, times(d, self->ids[half]));
	HAS_FROM_TO(d, 0, half);
	HAS_FROM_TO(d, half + 1, MANY);

	/* Something goes that was sent. */
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_ept_del(self->ids[0]));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_EQ(1, times(d, self->ids[0]));
	HAS_FROM_TO(d, 1, half);
	HAS_FROM_TO(d, half + 1, MANY);
}

TEST_F(many, a_dump_is_not_overtaken_by_settings)
{
	struct dump *d = &self->d;
	int fd;

	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_ept_set(self->ids[MANY - 1],
				EPT_REQ(.rx_limit = 1, .remote = 1), -1));
	fd = ept_open(self->ids[0], 0);
	close(fd);
	dump_rest(d);
	EXPECT_FALSE(d->interrupted);
	EXPECT_EQ(MANY, d->num);
}

TEST_F(many, a_dump_whose_device_is_deleted)
{
	struct nl_raw attr = STR(EPT_A(DEV_NAME), DEV);
	struct dump *d = &self->d;

	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, &attr, 1);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_dev_del(DEV));
	dump_rest(d);
	EXPECT_GT(MANY, d->num);
	EXPECT_EQ(-ENODEV, d->err);
	ASSERT_LT(0, nl_dev_new(DEV));
}

/* Endpoints come and go, in another process, until it is told to stop. */
static void churn(volatile bool *stop)
{
	int ids[20], i;

	while (!*stop) {
		for (i = 0; i < 20; i++)
			ids[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		for (i = 0; i < 20; i++)
			if (ids[i] < 0 || nl_ept_del(ids[i]))
				_exit(1);
	}
	_exit(0);
}

/* What is wrong with a dump: nothing twice, and nothing missing that stays. */
static int check_dump(const struct dump *d, const int *stay)
{
	int i;

	if (d->err)
		return d->err;
	if (d->num > COUNT(d->ids))
		return -E2BIG;
	for (i = 0; i < d->num; i++)
		if (times(d, d->ids[i]) != 1)
			return -EEXIST;
	for (i = 0; i < MANY; i++)
		if (times(d, stay[i]) != 1)
			return -ENOENT;
	return 0;
}

TEST_F(many, dumps_while_others_come_and_go)
{
	volatile bool *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, err = 0, overtaken = 0;
	struct dump *d = &self->d;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)stop);
	pid = fork();
	if (!pid)
		churn(stop);
	for (int round = 0; round < 25 && !err; round++) {
		DUMP(d, EPT_GET);
		overtaken += d->interrupted;
		err = check_dump(d, self->ids);
	}
	*stop = true;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, err);
	EXPECT_LT(0, overtaken);

	/* And when nothing moves any more, nothing is said. */
	DUMP(d, EPT_GET);
	EXPECT_FALSE(d->interrupted);
	EXPECT_EQ(MANY, d->num);
	EXPECT_EQ(0, check_dump(d, self->ids));
}

/* Who may use it. */

FIXTURE(caps)
{
	struct guest g;
	int ept;
};

FIXTURE_SETUP(caps)
{
	struct guest_opts opts = { .name = DEV };

	nl_dev_del(DEV);
	nl_dev_del(SECOND);
	ASSERT_LT(0, nl_dev_new(DEV));
	ASSERT_LT(0, nl_dev_new(SECOND));
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "first"));
	ASSERT_LE(0, self->ept);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
}

FIXTURE_TEARDOWN(caps)
{
	guest_close(&self->g);
	EXPECT_EQ(0, nl_dev_del(DEV));
	nl_dev_del(SECOND);
}

#define EVERYTHING	13

/*
 * One of all things that can be asked for, each of them well formed and in an
 * order in which all of them succeed.
 */
static int ask_for(int which, uint32_t ept)
{
	const struct nl_raw dev = STR(DEV_A(NAME), DEV);
	const struct nl_raw second = STR(DEV_A(NAME), SECOND);
	const struct nl_raw fresh = STR(DEV_A(NAME), "netlink-3");
	const struct nl_raw id[] = { U32(EPT_A(ID), ept),
				     U32(EPT_A(RX_LIMIT), 5) };
	const struct nl_raw ept_dev = STR(EPT_A(DEV_NAME), DEV);
	const struct nl_raw chan[] = { STR(CHAN_A(DEV_NAME), DEV),
				       U32(CHAN_A(ADDR), REMOTE) };
	const struct {
		int cmd;
		int flags;
		const struct nl_raw *attr;
		int n;
	} all[EVERYTHING] = {
		{ VHOST_RPMSG_CMD_DEV_GET, 0, &dev, 1 },
		{ VHOST_RPMSG_CMD_DEV_GET, NLM_F_DUMP, NULL, 0 },
		{ VHOST_RPMSG_CMD_DEV_NEW, 0, &fresh, 1 },
		{ VHOST_RPMSG_CMD_EPT_GET, 0, id, 1 },
		{ VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, NULL, 0 },
		{ VHOST_RPMSG_CMD_EPT_NEW, 0, &ept_dev, 1 },
		{ VHOST_RPMSG_CMD_EPT_SET, 0, id, 2 },
		{ VHOST_RPMSG_CMD_NS_ANNOUNCE, 0, id, 1 },
		{ VHOST_RPMSG_CMD_NS_WITHDRAW, 0, id, 1 },
		{ VHOST_RPMSG_CMD_CHAN_GET, 0, chan, 2 },
		{ VHOST_RPMSG_CMD_CHAN_GET, NLM_F_DUMP, NULL, 0 },
		{ VHOST_RPMSG_CMD_EPT_DEL, 0, id, 1 },
		{ VHOST_RPMSG_CMD_DEV_DEL, 0, &second, 1 },
	};

	return nl_request(all[which].cmd, all[which].flags, all[which].attr,
			  all[which].n);
}

TEST_F(caps, with_privilege_all_of_it_works)
{
	for (int i = 0; i < EVERYTHING; i++)
		EXPECT_EQ(0, ask_for(i, self->ept));
	EXPECT_EQ(0, nl_dev_del("netlink-3"));
}

static bool drop_caps(uint32_t effective)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &head, data))
		return false;
	data[0].effective &= effective;
	data[0].permitted &= effective;
	data[0].inheritable = 0;
	if (!effective)
		memset(data, 0, sizeof(data));
	return !syscall(SYS_capset, &head, data);
}

static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setresgid(65534, 65534, 65534) &&
	       !setresuid(65534, 65534, 65534);
}

enum who {
	NOBODY,
	ROOT_WITHOUT_CAPS,
	ROOT_WITHOUT_NET_ADMIN,
	OPENED_BEFORE,		/* the socket is root's */
	NOBODY_IN_A_USER_NS,	/* with all capabilities in there */
	ROOT_IN_A_USER_NS,
};

#define CANNOT	255

static bool become(enum who who)
{
	switch (who) {
	case NOBODY:
	case OPENED_BEFORE:
		return become_nobody();
	case ROOT_WITHOUT_CAPS:
		return drop_caps(0);
	case ROOT_WITHOUT_NET_ADMIN:
		return drop_caps(~(1U << CAP_NET_ADMIN));
	case NOBODY_IN_A_USER_NS:
		return become_nobody() && !unshare(CLONE_NEWUSER);
	case ROOT_IN_A_USER_NS:
		return !unshare(CLONE_NEWUSER);
	}
	return false;
}

/* A child: 0 when all was refused, or the number of what was not. */
static int try_everything(enum who who, uint32_t ept)
{
	struct nl_ept info;
	int i;

	if (who == OPENED_BEFORE && nl_ept_get(ept, &info))
		return CANNOT;
	if (!become(who))
		return CANNOT;
	for (i = 0; i < EVERYTHING; i++)
		if (ask_for(i, ept) != -EPERM)
			return i + 1;
	return nl_listen() == -EPERM ? 0 : EVERYTHING + 1;
}

/* -1: something has changed. */
static int refused_to(enum who who, uint32_t ept)
{
	struct state before, after;
	int status;
	pid_t pid;

	get_state(&before);
	pid = fork();
	if (!pid)
		_exit(try_everything(who, ept));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	get_state(&after);
	if (memcmp(&before, &after, sizeof(before)))
		return -1;
	return WEXITSTATUS(status);
}

TEST_F(caps, nobody_may_do_anything)
{
	EXPECT_EQ(0, refused_to(NOBODY, self->ept));
}

TEST_F(caps, root_without_capabilities_may_not)
{
	EXPECT_EQ(0, refused_to(ROOT_WITHOUT_CAPS, self->ept));
}

TEST_F(caps, it_takes_just_CAP_NET_ADMIN)
{
	EXPECT_EQ(0, refused_to(ROOT_WITHOUT_NET_ADMIN, self->ept));
}

TEST_F(caps, a_socket_of_root_does_not_help)
{
	EXPECT_EQ(0, refused_to(OPENED_BEFORE, self->ept));
}

TEST_F(caps, a_user_namespace_does_not_help_nobody)
{
	int ret = refused_to(NOBODY_IN_A_USER_NS, self->ept);

	if (ret == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

TEST_F(caps, a_user_namespace_does_not_help_root)
{
	int ret = refused_to(ROOT_IN_A_USER_NS, self->ept);

	if (ret == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

/* In a child: whether there is such a family at all. */
static int family_in(int namespaces)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct nl_sock *sk = nl_socket_alloc();

		if (unshare(namespaces))
			_exit(CANNOT);
		if (!sk || genl_connect(sk))
			_exit(CANNOT);
		_exit(genl_ctrl_resolve(sk, VHOST_RPMSG_FAMILY_NAME) >= 0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

TEST_F(caps, other_network_namespaces_do_not_have_it)
{
	ASSERT_EQ(1, family_in(0));
	EXPECT_EQ(0, family_in(CLONE_NEWNET));
}

TEST_F(caps, nor_those_with_a_user_namespace_of_their_own)
{
	int ret = family_in(CLONE_NEWUSER | CLONE_NEWNET);

	if (ret == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

TEST_HARNESS_MAIN
