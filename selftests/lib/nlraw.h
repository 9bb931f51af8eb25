/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests with any content, for the tests of netlink.
 */
#ifndef NLRAW_H
#define NLRAW_H

#include <string.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "util.h"

#define REMOTE	0x400
#define ANY	VHOST_RPMSG_ADDR_ANY

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define STATE(name)	VHOST_RPMSG_DEV_STATE_##name
#define MODE(name)	VHOST_RPMSG_REMOTE_MODE_##name
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

/* The kernel's own extack messages for violations of a policy. */
#define UNKNOWN		"Unknown attribute type"
#define UNSUPPORTED	"Unsupported attribute"
#define INVALID		"Attribute failed policy validation"
#define LENGTH		"invalid attribute length"
#define RANGE		"integer out of range"

#define NAME31	"a-name-that-has-just-31-letters"
#define NAME32	"a-name-that-is-longer-by-1-char."

/* The attribute at an offset in the message, after two headers. */
static inline int type_at(int offset, const struct nl_raw *attr, int n)
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

/* Everything that netlink shows; for tests with few objects. */
struct state {
	int num_devs;
	int num_epts;
	int num_chans;
	struct nl_dev devs[8];
	struct nl_ept epts[8];
	struct nl_chan chans[8];
};

static inline void get_state(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->num_devs = nl_dev_dump(s->devs, COUNT(s->devs));
	s->num_epts = nl_ept_dump(NULL, s->epts, COUNT(s->epts));
	s->num_chans = nl_chan_dump(NULL, s->chans, COUNT(s->chans));
}

/*
 * Set-up of a fixture with g, dev and ept: the persistent device DEV with the
 * endpoint "first" at address 7, and a listener for events.
 */
#define SET_UP_NETLINK()						\
	do {								\
		/* Remove what an earlier test may have left. */	\
		nl_dev_del(DEV);					\
		nl_dev_del(SECOND);					\
		self->dev = nl_dev_new(DEV);				\
		ASSERT_GT(self->dev, 0);				\
		self->ept = nl_ept_new(						\
			EPT_REQ(.dev = DEV, .name = "first", .addr = 7));	\
		ASSERT_GE(self->ept, 0);				\
		ASSERT_EQ(0, nl_listen());				\
	} while (0)

#define TAKE_DOWN_NETLINK()						\
	do {								\
		guest_close(&self->g);					\
		nl_unlisten();						\
		nl_dev_del(SECOND);					\
		EXPECT_EQ(0, nl_dev_del(DEV));				\
	} while (0)

#endif /* NLRAW_H */
