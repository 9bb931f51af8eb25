// SPDX-License-Identifier: LGPL-2.1-or-later
/* Channels: services that a guest announced. */
#include <stdlib.h>

#include "internal.h"

struct vrpmsg_chan {
	uint32_t dev_id;
	char dev_name[VRPMSG_NAME_ROOM];
	char name[VRPMSG_NAME_ROOM];
	uint32_t addr;
	bool bound;
	uint32_t ept;
};

static void *chan_parse(struct nlmsghdr *nlh, int *action)
{
	static const struct nla_policy policy[VHOST_RPMSG_A_CHAN_MAX + 1] = {
		[VHOST_RPMSG_A_CHAN_DEV_ID] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_CHAN_DEV_NAME] = { .type = NLA_STRING },
		[VHOST_RPMSG_A_CHAN_NAME] = { .type = NLA_STRING },
		[VHOST_RPMSG_A_CHAN_ADDR] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_CHAN_EPT] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_CHAN_EVENT] = { .type = NLA_U32 },
	};
	struct nlattr *tb[VHOST_RPMSG_A_CHAN_MAX + 1];
	struct vrpmsg_chan *chan;

	if (!vrpmsg_parse(nlh, tb, VHOST_RPMSG_A_CHAN_MAX, policy))
		return NULL;
	chan = calloc(1, sizeof(*chan));
	if (!chan)
		return NULL;

	chan->dev_id = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_CHAN_DEV_ID], 0);
	vrpmsg_attr_name(chan->dev_name, tb[VHOST_RPMSG_A_CHAN_DEV_NAME]);
	vrpmsg_attr_name(chan->name, tb[VHOST_RPMSG_A_CHAN_NAME]);
	chan->addr = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_CHAN_ADDR], 0);
	chan->bound = tb[VHOST_RPMSG_A_CHAN_EPT];
	chan->ept = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_CHAN_EPT], 0);
	if (action)
		*action = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_CHAN_EVENT],
					  VRPMSG_EVENT_CHANGE);
	return chan;
}

const struct vrpmsg_kind vrpmsg_chan_kind = {
	.parse = chan_parse,
	.free = free,
};

struct vrpmsg_chan *vrpmsg_chan_get(struct vrpmsg_ctx *ctx,
				    const char *dev_name, uint32_t addr)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_CHAN_GET);

	vrpmsg_put_string(msg, VHOST_RPMSG_A_CHAN_DEV_NAME, dev_name);
	vrpmsg_put_u32(msg, VHOST_RPMSG_A_CHAN_ADDR, addr);
	return vrpmsg_get(ctx, msg, &vrpmsg_chan_kind);
}

struct vrpmsg_chan **vrpmsg_chan_list(struct vrpmsg_ctx *ctx,
				      const char *dev_name, size_t *count)
{
	void **list = vrpmsg_dump_of(ctx, VHOST_RPMSG_CMD_CHAN_GET,
				     VHOST_RPMSG_A_CHAN_DEV_ID,
				     VHOST_RPMSG_A_CHAN_DEV_NAME, dev_name,
				     &vrpmsg_chan_kind, count);

	return (struct vrpmsg_chan **)list;
}

void vrpmsg_chan_free(struct vrpmsg_chan *chan)
{
	free(chan);
}

void vrpmsg_chan_list_free(struct vrpmsg_chan **list)
{
	vrpmsg_free_list((void **)list, &vrpmsg_chan_kind);
}

uint32_t vrpmsg_chan_dev_id(const struct vrpmsg_chan *chan)
{
	return chan->dev_id;
}

const char *vrpmsg_chan_dev_name(const struct vrpmsg_chan *chan)
{
	return chan->dev_name;
}

const char *vrpmsg_chan_name(const struct vrpmsg_chan *chan)
{
	return chan->name;
}

uint32_t vrpmsg_chan_addr(const struct vrpmsg_chan *chan)
{
	return chan->addr;
}

bool vrpmsg_chan_ept(const struct vrpmsg_chan *chan, uint32_t *ept_id)
{
	if (chan->bound && ept_id)
		*ept_id = chan->ept;
	return chan->bound;
}
