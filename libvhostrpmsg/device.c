// SPDX-License-Identifier: LGPL-2.1-or-later
/* Devices. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

struct vrpmsg_dev {
	uint32_t id;
	char name[VRPMSG_NAME_ROOM];
	uint32_t state;
	bool persistent;
	bool stale;
	uint64_t features;
	uint32_t mtu;
	bool mtu_fixed;
	uint32_t hold_time;
	uint32_t owner;
	uint32_t endpoints;
	uint32_t channels;
	bool stalled;
	uint32_t stall_ept;
	uint64_t stats[VRPMSG_NUM_STATS];
};

/**
 * struct vrpmsg_dev_config - configuration of a device
 * @set: bit N is set if @value[N] is
 * @value: values, indexed by attribute (VHOST_RPMSG_A_DEV_*)
 */
struct vrpmsg_dev_config {
	uint32_t set;
	uint32_t value[VHOST_RPMSG_A_DEV_MAX + 1];
};

static void *dev_parse(struct nlmsghdr *nlh, int *action)
{
	static const struct nla_policy policy[VHOST_RPMSG_A_DEV_MAX + 1] = {
		[VHOST_RPMSG_A_DEV_ID] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_NAME] = { .type = NLA_STRING },
		[VHOST_RPMSG_A_DEV_PERSISTENT] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_DEV_STATE] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_FEATURES] = { .type = NLA_U64 },
		[VHOST_RPMSG_A_DEV_MTU] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_MTU_FIXED] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_DEV_HOLD_TIME] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_OWNER] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_ENDPOINTS] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_CHANNELS] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_STALE] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_DEV_STALL_EPT] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_DEV_STATS] = { .type = NLA_NESTED },
		[VHOST_RPMSG_A_DEV_EVENT] = { .type = NLA_U32 },
	};
	struct nlattr *tb[VHOST_RPMSG_A_DEV_MAX + 1];
	struct vrpmsg_dev *dev;

	if (!vrpmsg_parse(nlh, tb, VHOST_RPMSG_A_DEV_MAX, policy))
		return NULL;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return NULL;

	dev->id = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_ID], 0);
	vrpmsg_attr_name(dev->name, tb[VHOST_RPMSG_A_DEV_NAME]);
	dev->persistent = tb[VHOST_RPMSG_A_DEV_PERSISTENT];
	dev->state = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_STATE], 0);
	if (tb[VHOST_RPMSG_A_DEV_FEATURES])
		dev->features = nla_get_u64(tb[VHOST_RPMSG_A_DEV_FEATURES]);
	dev->mtu = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_MTU], 0);
	dev->mtu_fixed = tb[VHOST_RPMSG_A_DEV_MTU_FIXED];
	dev->hold_time = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_HOLD_TIME], 0);
	dev->owner =
		vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_OWNER], VRPMSG_OWNER_ANY);
	dev->endpoints = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_ENDPOINTS], 0);
	dev->channels = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_CHANNELS], 0);
	dev->stale = tb[VHOST_RPMSG_A_DEV_STALE];
	dev->stalled = tb[VHOST_RPMSG_A_DEV_STALL_EPT];
	dev->stall_ept = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_STALL_EPT], 0);
	vrpmsg_stats_parse(dev->stats, tb[VHOST_RPMSG_A_DEV_STATS]);
	if (action)
		*action = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_DEV_EVENT],
					  VRPMSG_EVENT_CHANGE);
	return dev;
}

const struct vrpmsg_kind vrpmsg_dev_kind = {
	.parse = dev_parse,
	.free = free,
};

struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_ctx *ctx, const char *name)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_DEV_GET);

	vrpmsg_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	return vrpmsg_get(ctx, msg, &vrpmsg_dev_kind);
}

struct vrpmsg_dev *vrpmsg_dev_get_by_id(struct vrpmsg_ctx *ctx, uint32_t id)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_DEV_GET);

	vrpmsg_put_u32(msg, VHOST_RPMSG_A_DEV_ID, id);
	return vrpmsg_get(ctx, msg, &vrpmsg_dev_kind);
}

struct vrpmsg_dev **vrpmsg_dev_list(struct vrpmsg_ctx *ctx, size_t *count)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_DEV_GET);

	return (struct vrpmsg_dev **)vrpmsg_dump(ctx, msg, &vrpmsg_dev_kind,
						 count);
}

struct vrpmsg_dev_config *vrpmsg_dev_config_new(void)
{
	return calloc(1, sizeof(struct vrpmsg_dev_config));
}

void vrpmsg_dev_config_free(struct vrpmsg_dev_config *config)
{
	free(config);
}

static void set_number(struct vrpmsg_dev_config *config, int attr,
		       uint32_t value)
{
	config->set |= UINT32_C(1) << attr;
	config->value[attr] = value;
}

void vrpmsg_dev_config_set_mtu(struct vrpmsg_dev_config *config, uint32_t bytes)
{
	set_number(config, VHOST_RPMSG_A_DEV_MTU, bytes);
}

void vrpmsg_dev_config_set_hold_time(struct vrpmsg_dev_config *config,
				     uint32_t milliseconds)
{
	set_number(config, VHOST_RPMSG_A_DEV_HOLD_TIME, milliseconds);
}

void vrpmsg_dev_config_set_owner(struct vrpmsg_dev_config *config, uint32_t uid)
{
	set_number(config, VHOST_RPMSG_A_DEV_OWNER, uid);
}

static struct nl_msg *dev_request(struct vrpmsg_ctx *ctx, int cmd,
				  const char *name,
				  const struct vrpmsg_dev_config *config)
{
	struct nl_msg *msg = vrpmsg_request(ctx, cmd);
	int attr;

	vrpmsg_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	for (attr = 1; config && attr <= VHOST_RPMSG_A_DEV_MAX; attr++)
		if (config->set & UINT32_C(1) << attr)
			vrpmsg_put_u32(msg, attr, config->value[attr]);
	return msg;
}

struct vrpmsg_dev *vrpmsg_dev_add(struct vrpmsg_ctx *ctx, const char *name,
				  const struct vrpmsg_dev_config *config)
{
	return vrpmsg_get(ctx,
			  dev_request(ctx, VHOST_RPMSG_CMD_DEV_NEW, name,
				      config),
			  &vrpmsg_dev_kind);
}

int vrpmsg_dev_set(struct vrpmsg_ctx *ctx, const char *name,
		   const struct vrpmsg_dev_config *config)
{
	return vrpmsg_command(ctx, dev_request(ctx, VHOST_RPMSG_CMD_DEV_SET,
					       name, config));
}

int vrpmsg_dev_del(struct vrpmsg_ctx *ctx, const char *name)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_DEV_DEL);

	vrpmsg_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	return vrpmsg_command(ctx, msg);
}

int vrpmsg_dev_del_by_id(struct vrpmsg_ctx *ctx, uint32_t id)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_DEV_DEL);

	vrpmsg_put_u32(msg, VHOST_RPMSG_A_DEV_ID, id);
	return vrpmsg_command(ctx, msg);
}

int vrpmsg_dev_reset(struct vrpmsg_ctx *ctx, const char *name)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_DEV_RESET);

	vrpmsg_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	return vrpmsg_command(ctx, msg);
}

void vrpmsg_dev_free(struct vrpmsg_dev *dev)
{
	free(dev);
}

void vrpmsg_dev_list_free(struct vrpmsg_dev **list)
{
	vrpmsg_free_list((void **)list, &vrpmsg_dev_kind);
}

uint32_t vrpmsg_dev_id(const struct vrpmsg_dev *dev)
{
	return dev->id;
}

const char *vrpmsg_dev_name(const struct vrpmsg_dev *dev)
{
	return dev->name;
}

enum vrpmsg_state vrpmsg_dev_state(const struct vrpmsg_dev *dev)
{
	return dev->state;
}

bool vrpmsg_dev_is_persistent(const struct vrpmsg_dev *dev)
{
	return dev->persistent;
}

bool vrpmsg_dev_is_stale(const struct vrpmsg_dev *dev)
{
	return dev->stale;
}

uint64_t vrpmsg_dev_features(const struct vrpmsg_dev *dev)
{
	return dev->features;
}

uint32_t vrpmsg_dev_mtu(const struct vrpmsg_dev *dev)
{
	return dev->mtu;
}

bool vrpmsg_dev_is_mtu_fixed(const struct vrpmsg_dev *dev)
{
	return dev->mtu_fixed;
}

uint32_t vrpmsg_dev_hold_time(const struct vrpmsg_dev *dev)
{
	return dev->hold_time;
}

uint32_t vrpmsg_dev_owner(const struct vrpmsg_dev *dev)
{
	return dev->owner;
}

uint32_t vrpmsg_dev_endpoints(const struct vrpmsg_dev *dev)
{
	return dev->endpoints;
}

uint32_t vrpmsg_dev_channels(const struct vrpmsg_dev *dev)
{
	return dev->channels;
}

bool vrpmsg_dev_stall_ept(const struct vrpmsg_dev *dev, uint32_t *ept_id)
{
	if (dev->stalled && ept_id)
		*ept_id = dev->stall_ept;
	return dev->stalled;
}

uint64_t vrpmsg_dev_stat(const struct vrpmsg_dev *dev, int stat)
{
	return vrpmsg_stats_get(dev->stats, stat);
}

const char *vrpmsg_dev_state_name(int state)
{
	static const char *const names[] = {
		[VRPMSG_DEV_DETACHED] = "detached",
		[VRPMSG_DEV_ATTACHED] = "attached",
		[VRPMSG_DEV_RUNNING] = "running",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), state);
}

/* The library returns the kernel's values unchanged. */
static_assert((int)VRPMSG_DEV_DETACHED == (int)VHOST_RPMSG_DEV_STATE_DETACHED,
	      "as the kernel");
static_assert((int)VRPMSG_DEV_ATTACHED == (int)VHOST_RPMSG_DEV_STATE_ATTACHED,
	      "as the kernel");
static_assert((int)VRPMSG_DEV_RUNNING == (int)VHOST_RPMSG_DEV_STATE_RUNNING,
	      "as the kernel");
