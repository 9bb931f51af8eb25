// SPDX-License-Identifier: LGPL-2.1-or-later
/* Endpoints. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct vrpmsg_ept {
	uint32_t id;
	uint32_t dev_id;
	char dev_name[VRPMSG_NAME_ROOM];
	char name[VRPMSG_NAME_ROOM];
	uint32_t addr;
	uint32_t remote;
	uint32_t remote_kind;
	uint32_t remote_mode;
	bool addressed;
	bool announced;
	bool open;
	uint32_t policy;
	uint32_t closed_policy;
	uint32_t reset_policy;
	uint32_t rx_limit;
	uint32_t tx_limit;
	uint32_t rx_queued;
	uint32_t tx_queued;
	uint32_t owner;
	bool descriptor;
	bool driver;
	uint64_t stats[VRPMSG_NUM_STATS];
};

/**
 * struct vrpmsg_ept_config - configuration of an endpoint
 * @set: bit N is set if @value[N] is
 * @value: values, indexed by attribute (VHOST_RPMSG_A_EPT_*)
 * @dev_name: name of the device, NULL if not set
 * @name: name of the service, NULL if not set
 */
struct vrpmsg_ept_config {
	uint32_t set;
	uint32_t value[VHOST_RPMSG_A_EPT_MAX + 1];
	char *dev_name;
	char *name;
};

#define ATTR_BIT(attr) (UINT32_C(1) << (attr))

/* Attributes that vrpmsg_ept_set() can change. */
#define SETTABLE					\
	(ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE) |		\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE_MODE) |	\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_FULL_POLICY) |	\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_CLOSED_POLICY) |	\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_RESET_POLICY) |	\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_RX_LIMIT) |		\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_TX_LIMIT))

static void *ept_parse(struct nlmsghdr *nlh, int *action)
{
	static const struct nla_policy policy[VHOST_RPMSG_A_EPT_MAX + 1] = {
		[VHOST_RPMSG_A_EPT_ID] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_DEV_ID] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_DEV_NAME] = { .type = NLA_STRING },
		[VHOST_RPMSG_A_EPT_NAME] = { .type = NLA_STRING },
		[VHOST_RPMSG_A_EPT_ADDR] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_REMOTE] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_REMOTE_KIND] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_REMOTE_MODE] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_ADDRESSED] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_EPT_ANNOUNCED] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_EPT_OPEN] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_EPT_FULL_POLICY] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_CLOSED_POLICY] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_RESET_POLICY] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_RX_LIMIT] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_TX_LIMIT] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_RX_QUEUED] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_TX_QUEUED] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_OWNER] = { .type = NLA_U32 },
		[VHOST_RPMSG_A_EPT_DESCRIPTOR] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_EPT_DRIVER] = { .type = NLA_FLAG },
		[VHOST_RPMSG_A_EPT_STATS] = { .type = NLA_NESTED },
		[VHOST_RPMSG_A_EPT_EVENT] = { .type = NLA_U32 },
	};
	struct nlattr *tb[VHOST_RPMSG_A_EPT_MAX + 1];
	struct vrpmsg_ept *ept;

	if (!vrpmsg_parse(nlh, tb, VHOST_RPMSG_A_EPT_MAX, policy))
		return NULL;
	ept = calloc(1, sizeof(*ept));
	if (!ept)
		return NULL;

	ept->id = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_ID], 0);
	ept->dev_id = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_DEV_ID], 0);
	vrpmsg_attr_name(ept->dev_name, tb[VHOST_RPMSG_A_EPT_DEV_NAME]);
	vrpmsg_attr_name(ept->name, tb[VHOST_RPMSG_A_EPT_NAME]);
	ept->addr = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_ADDR], 0);
	ept->remote =
		vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_REMOTE], VRPMSG_ADDR_ANY);
	ept->remote_kind = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_REMOTE_KIND],
					   VRPMSG_REMOTE_NONE);
	ept->remote_mode = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_REMOTE_MODE],
					   VRPMSG_REMOTE_MODE_LEARN);
	ept->addressed = tb[VHOST_RPMSG_A_EPT_ADDRESSED];
	ept->announced = tb[VHOST_RPMSG_A_EPT_ANNOUNCED];
	ept->open = tb[VHOST_RPMSG_A_EPT_OPEN];
	ept->policy = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_FULL_POLICY], 0);
	ept->closed_policy =
		vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_CLOSED_POLICY], 0);
	ept->reset_policy =
		vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_RESET_POLICY], 0);
	ept->rx_limit = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_RX_LIMIT], 0);
	ept->tx_limit = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_TX_LIMIT], 0);
	ept->rx_queued = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_RX_QUEUED], 0);
	ept->tx_queued = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_TX_QUEUED], 0);
	ept->owner =
		vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_OWNER], VRPMSG_OWNER_NONE);
	ept->descriptor = tb[VHOST_RPMSG_A_EPT_DESCRIPTOR];
	ept->driver = tb[VHOST_RPMSG_A_EPT_DRIVER];
	vrpmsg_stats_parse(ept->stats, tb[VHOST_RPMSG_A_EPT_STATS]);
	if (action)
		*action = vrpmsg_attr_u32(tb[VHOST_RPMSG_A_EPT_EVENT],
					  VRPMSG_EVENT_CHANGE);
	return ept;
}

const struct vrpmsg_kind vrpmsg_ept_kind = {
	.parse = ept_parse,
	.free = free,
};

struct vrpmsg_ept_config *vrpmsg_ept_config_new(void)
{
	return calloc(1, sizeof(struct vrpmsg_ept_config));
}

void vrpmsg_ept_config_free(struct vrpmsg_ept_config *config)
{
	if (!config)
		return;
	free(config->dev_name);
	free(config->name);
	free(config);
}

static int set_string(char **to, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value);
		if (!copy)
			return -1;
	}
	free(*to);
	*to = copy;
	return 0;
}

static void set_number(struct vrpmsg_ept_config *config, int attr,
		       uint32_t value)
{
	config->set |= ATTR_BIT(attr);
	config->value[attr] = value;
}

int vrpmsg_ept_config_set_dev_name(struct vrpmsg_ept_config *config,
				   const char *dev_name)
{
	return set_string(&config->dev_name, dev_name);
}

int vrpmsg_ept_config_set_name(struct vrpmsg_ept_config *config,
			       const char *name)
{
	return set_string(&config->name, name);
}

void vrpmsg_ept_config_set_dev_id(struct vrpmsg_ept_config *config,
				  uint32_t dev_id)
{
	set_number(config, VHOST_RPMSG_A_EPT_DEV_ID, dev_id);
}

void vrpmsg_ept_config_set_addr(struct vrpmsg_ept_config *config, uint32_t addr)
{
	set_number(config, VHOST_RPMSG_A_EPT_ADDR, addr);
}

void vrpmsg_ept_config_set_remote(struct vrpmsg_ept_config *config,
				  uint32_t remote)
{
	set_number(config, VHOST_RPMSG_A_EPT_REMOTE, remote);
	config->set &= ~ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE_MODE);
}

void vrpmsg_ept_config_set_remote_mode(struct vrpmsg_ept_config *config,
				       enum vrpmsg_remote_mode mode)
{
	set_number(config, VHOST_RPMSG_A_EPT_REMOTE_MODE, mode);
	config->set &= ~ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE);
}

void vrpmsg_ept_config_set_addressed(struct vrpmsg_ept_config *config,
				     bool addressed)
{
	if (addressed)
		config->set |= ATTR_BIT(VHOST_RPMSG_A_EPT_ADDRESSED);
	else
		config->set &= ~ATTR_BIT(VHOST_RPMSG_A_EPT_ADDRESSED);
}

void vrpmsg_ept_config_set_policy(struct vrpmsg_ept_config *config,
				  enum vrpmsg_policy policy)
{
	set_number(config, VHOST_RPMSG_A_EPT_FULL_POLICY, policy);
}

void vrpmsg_ept_config_set_closed_policy(struct vrpmsg_ept_config *config,
					 enum vrpmsg_closed_policy policy)
{
	set_number(config, VHOST_RPMSG_A_EPT_CLOSED_POLICY, policy);
}

void vrpmsg_ept_config_set_reset_policy(struct vrpmsg_ept_config *config,
					enum vrpmsg_reset_policy policy)
{
	set_number(config, VHOST_RPMSG_A_EPT_RESET_POLICY, policy);
}

void vrpmsg_ept_config_set_rx_limit(struct vrpmsg_ept_config *config,
				    uint32_t bytes)
{
	set_number(config, VHOST_RPMSG_A_EPT_RX_LIMIT, bytes);
}

void vrpmsg_ept_config_set_tx_limit(struct vrpmsg_ept_config *config,
				    uint32_t bytes)
{
	set_number(config, VHOST_RPMSG_A_EPT_TX_LIMIT, bytes);
}

static void put_config(struct nl_msg *msg,
		       const struct vrpmsg_ept_config *config)
{
	int attr;

	vrpmsg_put_string(msg, VHOST_RPMSG_A_EPT_DEV_NAME, config->dev_name);
	vrpmsg_put_string(msg, VHOST_RPMSG_A_EPT_NAME, config->name);
	for (attr = 1; attr <= VHOST_RPMSG_A_EPT_MAX; attr++) {
		if (!(config->set & ATTR_BIT(attr)))
			continue;
		if (attr == VHOST_RPMSG_A_EPT_ADDRESSED)
			vrpmsg_put_flag(msg, attr);
		else
			vrpmsg_put_u32(msg, attr, config->value[attr]);
	}
}

struct vrpmsg_ept *vrpmsg_ept_add(struct vrpmsg_ctx *ctx,
				  const struct vrpmsg_ept_config *config)
{
	struct nl_msg *msg = vrpmsg_request(ctx, VHOST_RPMSG_CMD_EPT_NEW);

	put_config(msg, config);
	return vrpmsg_get(ctx, msg, &vrpmsg_ept_kind);
}

static struct nl_msg *ept_request(struct vrpmsg_ctx *ctx, int cmd, uint32_t id)
{
	struct nl_msg *msg = vrpmsg_request(ctx, cmd);

	vrpmsg_put_u32(msg, VHOST_RPMSG_A_EPT_ID, id);
	return msg;
}

int vrpmsg_ept_set(struct vrpmsg_ctx *ctx, uint32_t id,
		   const struct vrpmsg_ept_config *config)
{
	struct nl_msg *msg = ept_request(ctx, VHOST_RPMSG_CMD_EPT_SET, id);

	if (config->dev_name || config->name || (config->set & ~SETTABLE)) {
		nlmsg_free(msg);
		vrpmsg_fail(ctx, EINVAL,
			    "only remote, policies and limits can be changed");
		return -1;
	}
	put_config(msg, config);
	return vrpmsg_command(ctx, msg);
}

int vrpmsg_ept_del(struct vrpmsg_ctx *ctx, uint32_t id)
{
	return vrpmsg_command(ctx,
			      ept_request(ctx, VHOST_RPMSG_CMD_EPT_DEL, id));
}

struct vrpmsg_ept *vrpmsg_ept_get(struct vrpmsg_ctx *ctx, uint32_t id)
{
	return vrpmsg_get(ctx, ept_request(ctx, VHOST_RPMSG_CMD_EPT_GET, id),
			  &vrpmsg_ept_kind);
}

struct vrpmsg_ept **vrpmsg_ept_list(struct vrpmsg_ctx *ctx,
				    const char *dev_name, size_t *count)
{
	void **list = vrpmsg_dump_of(ctx, VHOST_RPMSG_CMD_EPT_GET,
				     VHOST_RPMSG_A_EPT_DEV_ID,
				     VHOST_RPMSG_A_EPT_DEV_NAME, dev_name,
				     &vrpmsg_ept_kind, count);

	return (struct vrpmsg_ept **)list;
}

/**
 * struct search - a search for an endpoint by name
 * @name: name to find
 * @count: number of endpoints with that name in the last list
 * @ept: one of them
 */
struct search {
	const char *name;
	size_t count;
	const struct vrpmsg_ept *ept;
};

/* Whether the name is in a list once. Then it does not matter that the list is torn. */
static bool search_list(void **list, void *arg)
{
	struct search *search = arg;
	const struct vrpmsg_ept *ept;

	search->count = 0;
	for (; *list; list++) {
		ept = *list;
		/*
		 * Nobody else may pass for an administrator's service, and an
		 * endpoint without a name does not have the name "".
		 */
		if (!ept->name[0] || ept->owner != VRPMSG_OWNER_NONE ||
		    ept->driver || strcmp(ept->name, search->name))
			continue;
		search->count++;
		search->ept = ept;
	}
	return search->count == 1;
}

struct vrpmsg_ept *vrpmsg_ept_find(struct vrpmsg_ctx *ctx, const char *dev_name,
				   const char *name)
{
	struct search search = { .name = name };
	struct vrpmsg_ept *found = NULL;
	void **list;

	/* Users of a ctrl node can make endpoints come and go all the time. */
	list = vrpmsg_dump_until(ctx, VHOST_RPMSG_CMD_EPT_GET,
				 VHOST_RPMSG_A_EPT_DEV_NAME, dev_name,
				 &vrpmsg_ept_kind, search_list, &search);
	if (!list)
		return NULL;
	if (search_list(list, &search)) {
		found = malloc(sizeof(*found));
		if (found)
			*found = *search.ept;
		else
			vrpmsg_fail(ctx, ENOMEM, NULL);
	} else if (search.count) {
		vrpmsg_fail(ctx, ENOTUNIQ, "several endpoints have that name");
	} else {
		vrpmsg_fail(ctx, ENOENT, "no such endpoint");
	}
	vrpmsg_free_list(list, &vrpmsg_ept_kind);
	return found;
}

struct vrpmsg_ept *
vrpmsg_ept_find_or_add(struct vrpmsg_ctx *ctx,
		       const struct vrpmsg_ept_config *config)
{
	struct vrpmsg_ept *ept;

	if (!config->dev_name || !config->name) {
		vrpmsg_fail(ctx, EINVAL,
			    "the device or endpoint name is not set");
		return NULL;
	}
	ept = vrpmsg_ept_find(ctx, config->dev_name, config->name);
	if (!ept && errno == ENOENT)
		ept = vrpmsg_ept_add(ctx, config);
	return ept;
}

/* Attributes that VHOST_RPMSG_CTRL_NEW_EPT lets an unprivileged user set. */
#define NEWABLE						\
	(ATTR_BIT(VHOST_RPMSG_A_EPT_ADDR) |		\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE) |		\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE_MODE) |	\
	 ATTR_BIT(VHOST_RPMSG_A_EPT_ADDRESSED))

int vrpmsg_ept_config_new_ept(const struct vrpmsg_ept_config *config,
			      struct vhost_rpmsg_new_ept *new)
{
	const uint32_t *value = config->value;

	if (config->dev_name || (config->set & ~NEWABLE) ||
	    (config->name && strlen(config->name) >= sizeof(new->name)))
		return -1;
	new->src = new->dst = VHOST_RPMSG_ADDR_ANY;
	if (config->name)
		memcpy(new->name, config->name, strlen(config->name));
	if (config->set & ATTR_BIT(VHOST_RPMSG_A_EPT_ADDR))
		new->src = value[VHOST_RPMSG_A_EPT_ADDR];
	if (config->set & ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE))
		new->dst = value[VHOST_RPMSG_A_EPT_REMOTE];
	if (config->set & ATTR_BIT(VHOST_RPMSG_A_EPT_ADDRESSED))
		new->flags |= VHOST_RPMSG_NEW_EPT_ADDRESSED;
	if (!(config->set & ATTR_BIT(VHOST_RPMSG_A_EPT_REMOTE_MODE)))
		return 0;
	switch (value[VHOST_RPMSG_A_EPT_REMOTE_MODE]) {
	case VRPMSG_REMOTE_MODE_LEARN:
		return 0;
	case VRPMSG_REMOTE_MODE_FOLLOW:
		new->flags |= VHOST_RPMSG_NEW_EPT_FOLLOW;
		return 0;
	default:
		return -1;
	}
}

int vrpmsg_ept_announce(struct vrpmsg_ctx *ctx, uint32_t id)
{
	return vrpmsg_command(ctx, ept_request(ctx, VHOST_RPMSG_CMD_NS_ANNOUNCE,
					       id));
}

int vrpmsg_ept_withdraw(struct vrpmsg_ctx *ctx, uint32_t id)
{
	return vrpmsg_command(ctx, ept_request(ctx, VHOST_RPMSG_CMD_NS_WITHDRAW,
					       id));
}

void vrpmsg_ept_free(struct vrpmsg_ept *ept)
{
	free(ept);
}

void vrpmsg_ept_list_free(struct vrpmsg_ept **list)
{
	vrpmsg_free_list((void **)list, &vrpmsg_ept_kind);
}

uint32_t vrpmsg_ept_id(const struct vrpmsg_ept *ept)
{
	return ept->id;
}

uint32_t vrpmsg_ept_dev_id(const struct vrpmsg_ept *ept)
{
	return ept->dev_id;
}

const char *vrpmsg_ept_dev_name(const struct vrpmsg_ept *ept)
{
	return ept->dev_name;
}

const char *vrpmsg_ept_name(const struct vrpmsg_ept *ept)
{
	return ept->name[0] ? ept->name : NULL;
}

uint32_t vrpmsg_ept_addr(const struct vrpmsg_ept *ept)
{
	return ept->addr;
}

uint32_t vrpmsg_ept_remote(const struct vrpmsg_ept *ept)
{
	return ept->remote;
}

enum vrpmsg_remote_kind vrpmsg_ept_remote_kind(const struct vrpmsg_ept *ept)
{
	return ept->remote_kind;
}

enum vrpmsg_remote_mode vrpmsg_ept_remote_mode(const struct vrpmsg_ept *ept)
{
	return ept->remote_mode;
}

bool vrpmsg_ept_is_addressed(const struct vrpmsg_ept *ept)
{
	return ept->addressed;
}

bool vrpmsg_ept_is_announced(const struct vrpmsg_ept *ept)
{
	return ept->announced;
}

bool vrpmsg_ept_is_open(const struct vrpmsg_ept *ept)
{
	return ept->open;
}

uint32_t vrpmsg_ept_owner(const struct vrpmsg_ept *ept)
{
	return ept->owner;
}

bool vrpmsg_ept_is_descriptor(const struct vrpmsg_ept *ept)
{
	return ept->descriptor;
}

bool vrpmsg_ept_is_driver(const struct vrpmsg_ept *ept)
{
	return ept->driver;
}

enum vrpmsg_policy vrpmsg_ept_policy(const struct vrpmsg_ept *ept)
{
	return ept->policy;
}

enum vrpmsg_closed_policy vrpmsg_ept_closed_policy(const struct vrpmsg_ept *ept)
{
	return ept->closed_policy;
}

enum vrpmsg_reset_policy vrpmsg_ept_reset_policy(const struct vrpmsg_ept *ept)
{
	return ept->reset_policy;
}

uint32_t vrpmsg_ept_rx_limit(const struct vrpmsg_ept *ept)
{
	return ept->rx_limit;
}

uint32_t vrpmsg_ept_tx_limit(const struct vrpmsg_ept *ept)
{
	return ept->tx_limit;
}

uint32_t vrpmsg_ept_rx_queued(const struct vrpmsg_ept *ept)
{
	return ept->rx_queued;
}

uint32_t vrpmsg_ept_tx_queued(const struct vrpmsg_ept *ept)
{
	return ept->tx_queued;
}

uint64_t vrpmsg_ept_stat(const struct vrpmsg_ept *ept, int stat)
{
	return vrpmsg_stats_get(ept->stats, stat);
}

const char *vrpmsg_remote_kind_name(int kind)
{
	static const char *const names[] = {
		[VRPMSG_REMOTE_NONE] = "none",
		[VRPMSG_REMOTE_FIXED] = "fixed",
		[VRPMSG_REMOTE_LEARNED] = "learned",
		[VRPMSG_REMOTE_BOUND] = "bound",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), kind);
}

const char *vrpmsg_remote_mode_name(int mode)
{
	static const char *const names[] = {
		[VRPMSG_REMOTE_MODE_LEARN] = "learn",
		[VRPMSG_REMOTE_MODE_FIXED] = "fixed",
		[VRPMSG_REMOTE_MODE_FOLLOW] = "follow",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), mode);
}

const char *vrpmsg_policy_name(int policy)
{
	static const char *const names[] = {
		[VRPMSG_POLICY_HOLD] = "hold",
		[VRPMSG_POLICY_DROP] = "drop",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), policy);
}

const char *vrpmsg_closed_policy_name(int policy)
{
	static const char *const names[] = {
		[VRPMSG_CLOSED_DROP] = "drop",
		[VRPMSG_CLOSED_KEEP] = "keep",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), policy);
}

const char *vrpmsg_reset_policy_name(int policy)
{
	static const char *const names[] = {
		[VRPMSG_RESET_KEEP] = "keep",
		[VRPMSG_RESET_DROP] = "drop",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), policy);
}

/* The library returns the kernel's values unchanged. */
static_assert((int)VRPMSG_REMOTE_NONE == (int)VHOST_RPMSG_REMOTE_KIND_NONE,
	      "as the kernel");
static_assert((int)VRPMSG_REMOTE_FIXED == (int)VHOST_RPMSG_REMOTE_KIND_FIXED,
	      "as the kernel");
static_assert((int)VRPMSG_REMOTE_LEARNED ==
		      (int)VHOST_RPMSG_REMOTE_KIND_LEARNED,
	      "as the kernel");
static_assert((int)VRPMSG_REMOTE_BOUND == (int)VHOST_RPMSG_REMOTE_KIND_BOUND,
	      "as the kernel");
static_assert((int)VRPMSG_REMOTE_MODE_LEARN ==
		      (int)VHOST_RPMSG_REMOTE_MODE_LEARN,
	      "as the kernel");
static_assert((int)VRPMSG_REMOTE_MODE_FIXED ==
		      (int)VHOST_RPMSG_REMOTE_MODE_FIXED,
	      "as the kernel");
static_assert((int)VRPMSG_REMOTE_MODE_FOLLOW ==
		      (int)VHOST_RPMSG_REMOTE_MODE_FOLLOW,
	      "as the kernel");
static_assert((int)VRPMSG_POLICY_HOLD == (int)VHOST_RPMSG_FULL_POLICY_HOLD,
	      "as the kernel");
static_assert((int)VRPMSG_POLICY_DROP == (int)VHOST_RPMSG_FULL_POLICY_DROP,
	      "as the kernel");
static_assert(VRPMSG_ADDR_ANY == VHOST_RPMSG_ADDR_ANY, "as the kernel");
static_assert(VRPMSG_ADDR_NS == VHOST_RPMSG_NS_ADDR, "as the kernel");
static_assert(VHOST_RPMSG_A_EPT_MAX < 32, "a bit for each attribute");
static_assert((int)VRPMSG_CLOSED_DROP == (int)VHOST_RPMSG_CLOSED_POLICY_DROP,
	      "as the kernel");
static_assert((int)VRPMSG_CLOSED_KEEP == (int)VHOST_RPMSG_CLOSED_POLICY_KEEP,
	      "as the kernel");
static_assert((int)VRPMSG_RESET_KEEP == (int)VHOST_RPMSG_RESET_POLICY_KEEP,
	      "as the kernel");
static_assert((int)VRPMSG_RESET_DROP == (int)VHOST_RPMSG_RESET_POLICY_DROP,
	      "as the kernel");
