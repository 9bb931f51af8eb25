// SPDX-License-Identifier: GPL-2.0-only
/*
 * The netlink interface: commands and refusals. A refusal has an errno, a text and the
 * attribute that caused it, and changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "nlraw.h"
#include "util.h"

#define DEV	"netlink"
#define SECOND	"netlink-2"

FIXTURE(netlink)
{
	struct guest g;		/* opened by tests that need it */
	int dev;		/* persistent */
	int ept;		/* "first", address 7 */
	struct nl_event ev;	/* the last one */
};

FIXTURE_SETUP(netlink)
{
	SET_UP_NETLINK();
}

FIXTURE_TEARDOWN(netlink)
{
	TAKE_DOWN_NETLINK();
}

struct answer {
	int err;
	char text[256];
	int bad;		/* type of the attribute that caused the error */
	bool changed;		/* the state, or there was an event */
};

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

/* Characters that are not allowed in names, in addition to slash and space. */
static const char unprintable[] = "\1\t\n\33\37\177\200\240\377";

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
	EXPECT_EQ(1, dev.stats[S(RX_MSGS)]);
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
		"x", NAME31, "_-.:@", "0x", "vhost", "vhost1a", "Vhost1",
	};

	for (int i = 0; i < COUNT(names); i++) {
		ASSERT_LT(0, nl_dev_new(names[i]));
		ASSERT_EQ(-EEXIST, nl_dev_new(names[i]));
		ASSERT_EQ(0, nl_dev_del(names[i]));
	}
}

TEST_F(netlink, dev_new_with_everything)
{
	const struct nl_raw attr[] = { STR(DEV_A(NAME), SECOND),
				       U32(DEV_A(MTU), 65535),
				       U32(DEV_A(HOLD_TIME), 0),
				       U32(DEV_A(OWNER), 0xffffffff) };
	struct nl_dev dev;

	ASSERT_EQ(0, nl_request(VHOST_RPMSG_CMD_DEV_NEW, 0, attr, COUNT(attr)));
	ASSERT_EQ(0, nl_dev_get(SECOND, &dev));
	EXPECT_EQ(65535, dev.mtu);
	EXPECT_TRUE(dev.mtu_fixed);
	EXPECT_EQ(0, dev.hold_time);
	EXPECT_EQ(0xffffffff, dev.owner);
}

TEST_F(netlink, dev_set_changes_what_is_asked_for)
{
	struct nl_dev dev, is = {};

	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_FALSE(dev.mtu_fixed);
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_HOLD_TIME, dev.hold_time);
	EXPECT_EQ(0, dev.owner);
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.mtu = 100)));
	dev.mtu = 100;
	dev.mtu_fixed = true;
	ASSERT_EQ(0, nl_dev_get(DEV, &is));
	EXPECT_EQ(0, memcmp(&dev, &is, sizeof(is)));
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 5)));
	dev.hold_time = 5;
	ASSERT_EQ(0, nl_dev_get(DEV, &is));
	EXPECT_EQ(0, memcmp(&dev, &is, sizeof(is)));
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.owner = 1000)));
	dev.owner = 1000;
	ASSERT_EQ(0, nl_dev_get(DEV, &is));
	EXPECT_EQ(0, memcmp(&dev, &is, sizeof(is)));
	/* The MTU follows the guest's buffers again. */
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.mtu = 0)));
	dev.mtu = VHOST_RPMSG_DEFAULT_MTU;
	dev.mtu_fixed = false;
	ASSERT_EQ(0, nl_dev_get(DEV, &is));
	EXPECT_EQ(0, memcmp(&dev, &is, sizeof(is)));
}

/* This does not depend on the buffers of the guest. */
TEST_F(netlink, an_mtu_that_is_set_is_the_longest_that_can_be_written)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .remote = REMOTE));
	int fd = ept_open(id, O_NONBLOCK);
	struct guest_opts opts = { .name = DEV };
	char buf[200] = {};
	struct nl_dev dev;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.mtu = 100)));
	EXPECT_EQ(100, write(fd, buf, 100));
	EXPECT_EQ(-1, write(fd, buf, 101));
	EXPECT_EQ(EMSGSIZE, errno);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	EXPECT_EQ(100,
		  guest_recv_copy(&self->g, NULL, buf, sizeof(buf), LONG_MS));
	EXPECT_EQ(-1, write(fd, buf, 101));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(100, dev.mtu);
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.mtu = 0)));
	EXPECT_EQ(101, write(fd, buf, 101));
	close(fd);
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
	/* The name can be used again; the number is a new one. */
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
	/* A freed address can be requested. */
	ASSERT_EQ(0, nl_ept_del(id));
	ASSERT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .addr = 1025)));
	/* Each device has its own address space. */
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
	/* The endpoint is deleted with its device. */
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
	ept.remote_mode = MODE(FIXED);
	ASSERT_EQ(0, nl_ept_get(self->ept, &is));
	EXPECT_EQ(0, memcmp(&ept, &is, sizeof(is)));

	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.remote = 9, .rx_limit = 64 << 20,
					.tx_limit = 1),
				0));
	ept.remote = 9;
	ept.remote_mode = MODE(FIXED);
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
	"a name has 1 to 31 letters, digits and _.:@-, and does not begin with one of .:@-"

TEST_F(netlink, dev_new_refuses)
{
	char name[] = "net?link";

	REFUSED(EINVAL, "a device needs a name", NONE, DEV_NEW);
	REFUSED(EEXIST, "a device of this name exists", DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), DEV));
	REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), ""));
	REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), ".x"));
	REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), "-x"));
	REFUSED(EINVAL, DEV_NAME_TEXT, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), "vhost1"));
	for (const char *c = "/ !\"#$%&'()*+,;<=>?[\\]^`{|}~"; *c; c++) {
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
	/* Terminated, with too many bytes after the NUL. */
	REFUSED(ERANGE, INVALID, DEV_A(NAME), DEV_NEW,
		STR(DEV_A(NAME), "x\0" NAME32));
	REFUSED(EINVAL, UNSUPPORTED, DEV_A(ID), DEV_NEW,
		STR(DEV_A(NAME), SECOND), U32(DEV_A(ID), 5));
	REFUSED(EINVAL, UNSUPPORTED, DEV_A(PERSISTENT), DEV_NEW,
		STR(DEV_A(NAME), SECOND), FLAG(DEV_A(PERSISTENT)));
}

TEST_F(netlink, dev_set_refuses)
{
	struct guest_opts opts = { .name = SECOND };
	struct nl_event ev;

	REFUSED(EINVAL, "a device must be given by id or name", NONE, DEV_SET,
		U32(DEV_A(MTU), 1));
	REFUSED(ENODEV, "no device has this name", DEV_A(NAME), DEV_SET,
		STR(DEV_A(NAME), "none"));
	REFUSED(ERANGE, RANGE, DEV_A(MTU), DEV_SET, STR(DEV_A(NAME), DEV),
		U32(DEV_A(HOLD_TIME), 1), U32(DEV_A(MTU), 65536));
	REFUSED(EINVAL, UNSUPPORTED, DEV_A(STATE), DEV_SET,
		STR(DEV_A(NAME), DEV), U32(DEV_A(STATE), 0));
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	while (nl_next_event(&ev, SHORT_MS))
		;
	REFUSED(EOPNOTSUPP, "the device is its VMM's", DEV_A(OWNER), DEV_SET,
		STR(DEV_A(NAME), SECOND), U32(DEV_A(MTU), 1),
		U32(DEV_A(OWNER), 1));
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

TEST_F(netlink, dev_reset_refuses)
{
	struct guest_opts opts = { .name = DEV, .stopped = true };
	struct nl_event ev;

	REFUSED(EINVAL, "a device must be given by id or name", NONE,
		DEV_RESET);
	REFUSED(ENODEV, "no device has this name", DEV_A(NAME), DEV_RESET,
		STR(DEV_A(NAME), "none"));
	REFUSED(EINVAL, UNKNOWN, DEV_A(MTU), DEV_RESET, STR(DEV_A(NAME), DEV),
		U32(DEV_A(MTU), 1));
	ACCEPTED(DEV_RESET, STR(DEV_A(NAME), DEV));
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	while (nl_next_event(&ev, SHORT_MS))
		;
	REFUSED(EBUSY, "a VMM has the device", DEV_A(NAME), DEV_RESET,
		STR(DEV_A(NAME), DEV));
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

	/* A VMM's own device. */
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
	/* Valid attributes next to an invalid one have no effect. */
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
	REFUSED(ERANGE, RANGE, EPT_A(REMOTE_MODE), EPT_SET,
		U32(EPT_A(ID), self->ept), U32(EPT_A(REMOTE_MODE), 3));
	REFUSED(EINVAL, "a remote that is given is fixed", EPT_A(REMOTE_MODE),
		EPT_SET, U32(EPT_A(ID), self->ept), U32(EPT_A(REMOTE), 1),
		U32(EPT_A(REMOTE_MODE), MODE(FOLLOW)));
	REFUSED(EINVAL, "a fixed remote must be given", EPT_A(REMOTE_MODE),
		EPT_SET, U32(EPT_A(ID), self->ept),
		U32(EPT_A(REMOTE_MODE), MODE(FIXED)));

	id = nl_ept_new(EPT_REQ(.dev = DEV, .addressed = true));
	ASSERT_EQ(1, nl_next_event(&ev, LONG_MS));
	REFUSED(EOPNOTSUPP, ADDRESSED_TEXT, EPT_A(REMOTE), EPT_SET,
		U32(EPT_A(ID), id), U32(EPT_A(REMOTE), 1),
		U32(EPT_A(RX_LIMIT), 1));
	REFUSED(EOPNOTSUPP, ADDRESSED_TEXT, EPT_A(REMOTE_MODE), EPT_SET,
		U32(EPT_A(ID), id), U32(EPT_A(REMOTE_MODE), MODE(LEARN)));
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
	REFUSED(EINVAL, "an endpoint is given by its id alone", EPT_A(DEV_NAME),
		EPT_GET, U32(EPT_A(ID), self->ept), STR(EPT_A(DEV_NAME), DEV));
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
		VHOST_RPMSG_CMD_DEV_NEW, VHOST_RPMSG_CMD_DEV_SET,
		VHOST_RPMSG_CMD_DEV_DEL, VHOST_RPMSG_CMD_DEV_RESET,
		VHOST_RPMSG_CMD_EPT_NEW,     VHOST_RPMSG_CMD_EPT_SET,
		VHOST_RPMSG_CMD_EPT_DEL,     VHOST_RPMSG_CMD_NS_ANNOUNCE,
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

TEST_HARNESS_MAIN
