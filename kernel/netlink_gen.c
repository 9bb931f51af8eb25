// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vhost_rpmsg.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/vhost_rpmsg_netlink.h>

/* Integer value ranges */
static const struct netlink_range_validation vhost_rpmsg_a_dev_mtu_range = {
	.max	= 65535ULL,
};

static const struct netlink_range_validation vhost_rpmsg_a_ept_addr_range = {
	.max	= 4294967294ULL,
};

static const struct netlink_range_validation vhost_rpmsg_a_ept_remote_range = {
	.max	= 4294967294ULL,
};

static const struct netlink_range_validation vhost_rpmsg_a_ept_rx_limit_range = {
	.min	= 1ULL,
	.max	= 67108864ULL,
};

static const struct netlink_range_validation vhost_rpmsg_a_ept_tx_limit_range = {
	.min	= 1ULL,
	.max	= 67108864ULL,
};

/* VHOST_RPMSG_CMD_DEV_GET - do */
const struct nla_policy vhost_rpmsg_dev_get_nl_policy[VHOST_RPMSG_A_DEV_NAME + 1] = {
	[VHOST_RPMSG_A_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* VHOST_RPMSG_CMD_DEV_NEW - do */
const struct nla_policy vhost_rpmsg_dev_new_nl_policy[VHOST_RPMSG_A_DEV_OWNER + 1] = {
	[VHOST_RPMSG_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[VHOST_RPMSG_A_DEV_MTU] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_dev_mtu_range),
	[VHOST_RPMSG_A_DEV_HOLD_TIME] = { .type = NLA_U32, },
	[VHOST_RPMSG_A_DEV_OWNER] = { .type = NLA_U32, },
};

/* VHOST_RPMSG_CMD_DEV_SET - do */
const struct nla_policy vhost_rpmsg_dev_set_nl_policy[VHOST_RPMSG_A_DEV_OWNER + 1] = {
	[VHOST_RPMSG_A_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[VHOST_RPMSG_A_DEV_MTU] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_dev_mtu_range),
	[VHOST_RPMSG_A_DEV_HOLD_TIME] = { .type = NLA_U32, },
	[VHOST_RPMSG_A_DEV_OWNER] = { .type = NLA_U32, },
};

/* VHOST_RPMSG_CMD_DEV_DEL - do */
const struct nla_policy vhost_rpmsg_dev_del_nl_policy[VHOST_RPMSG_A_DEV_NAME + 1] = {
	[VHOST_RPMSG_A_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* VHOST_RPMSG_CMD_DEV_RESET - do */
const struct nla_policy vhost_rpmsg_dev_reset_nl_policy[VHOST_RPMSG_A_DEV_NAME + 1] = {
	[VHOST_RPMSG_A_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* VHOST_RPMSG_CMD_EPT_NEW - do */
const struct nla_policy vhost_rpmsg_ept_new_nl_policy[VHOST_RPMSG_A_EPT_TX_LIMIT + 1] = {
	[VHOST_RPMSG_A_EPT_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[VHOST_RPMSG_A_EPT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[VHOST_RPMSG_A_EPT_ADDR] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_addr_range),
	[VHOST_RPMSG_A_EPT_REMOTE] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_remote_range),
	[VHOST_RPMSG_A_EPT_REMOTE_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[VHOST_RPMSG_A_EPT_ADDRESSED] = { .type = NLA_FLAG, },
	[VHOST_RPMSG_A_EPT_FULL_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_CLOSED_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_RESET_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_RX_LIMIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_rx_limit_range),
	[VHOST_RPMSG_A_EPT_TX_LIMIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_tx_limit_range),
};

/* VHOST_RPMSG_CMD_EPT_SET - do */
const struct nla_policy vhost_rpmsg_ept_set_nl_policy[VHOST_RPMSG_A_EPT_TX_LIMIT + 1] = {
	[VHOST_RPMSG_A_EPT_ID] = { .type = NLA_U32, },
	[VHOST_RPMSG_A_EPT_REMOTE] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_remote_range),
	[VHOST_RPMSG_A_EPT_REMOTE_MODE] = NLA_POLICY_MAX(NLA_U32, 2),
	[VHOST_RPMSG_A_EPT_FULL_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_CLOSED_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_RESET_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_RX_LIMIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_rx_limit_range),
	[VHOST_RPMSG_A_EPT_TX_LIMIT] = NLA_POLICY_FULL_RANGE(NLA_U32, &vhost_rpmsg_a_ept_tx_limit_range),
};

/* VHOST_RPMSG_CMD_EPT_DEL - do */
const struct nla_policy vhost_rpmsg_ept_del_nl_policy[VHOST_RPMSG_A_EPT_ID + 1] = {
	[VHOST_RPMSG_A_EPT_ID] = { .type = NLA_U32, },
};

/* VHOST_RPMSG_CMD_EPT_GET - do */
const struct nla_policy vhost_rpmsg_ept_get_nl_policy[VHOST_RPMSG_A_EPT_DEV_NAME + 1] = {
	[VHOST_RPMSG_A_EPT_ID] = { .type = NLA_U32, },
	[VHOST_RPMSG_A_EPT_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_EPT_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* VHOST_RPMSG_CMD_NS_ANNOUNCE - do */
const struct nla_policy vhost_rpmsg_ns_announce_nl_policy[VHOST_RPMSG_A_EPT_ID + 1] = {
	[VHOST_RPMSG_A_EPT_ID] = { .type = NLA_U32, },
};

/* VHOST_RPMSG_CMD_NS_WITHDRAW - do */
const struct nla_policy vhost_rpmsg_ns_withdraw_nl_policy[VHOST_RPMSG_A_EPT_ID + 1] = {
	[VHOST_RPMSG_A_EPT_ID] = { .type = NLA_U32, },
};

/* VHOST_RPMSG_CMD_CHAN_GET - do */
const struct nla_policy vhost_rpmsg_chan_get_nl_policy[VHOST_RPMSG_A_CHAN_ADDR + 1] = {
	[VHOST_RPMSG_A_CHAN_DEV_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VHOST_RPMSG_A_CHAN_DEV_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[VHOST_RPMSG_A_CHAN_ADDR] = { .type = NLA_U32, },
};

/* Ops table for vhost_rpmsg */
const struct genl_ops vhost_rpmsg_nl_ops[12] = {
	{
		.cmd		= VHOST_RPMSG_CMD_DEV_GET,
		.doit		= vhost_rpmsg_nl_dev_get_doit,
		.dumpit		= vhost_rpmsg_nl_dev_get_dumpit,
		.policy		= vhost_rpmsg_dev_get_nl_policy,
		.maxattr	= VHOST_RPMSG_A_DEV_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_DEV_NEW,
		.doit		= vhost_rpmsg_nl_dev_new_doit,
		.policy		= vhost_rpmsg_dev_new_nl_policy,
		.maxattr	= VHOST_RPMSG_A_DEV_OWNER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_DEV_SET,
		.doit		= vhost_rpmsg_nl_dev_set_doit,
		.policy		= vhost_rpmsg_dev_set_nl_policy,
		.maxattr	= VHOST_RPMSG_A_DEV_OWNER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_DEV_DEL,
		.doit		= vhost_rpmsg_nl_dev_del_doit,
		.policy		= vhost_rpmsg_dev_del_nl_policy,
		.maxattr	= VHOST_RPMSG_A_DEV_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_DEV_RESET,
		.doit		= vhost_rpmsg_nl_dev_reset_doit,
		.policy		= vhost_rpmsg_dev_reset_nl_policy,
		.maxattr	= VHOST_RPMSG_A_DEV_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_EPT_NEW,
		.doit		= vhost_rpmsg_nl_ept_new_doit,
		.policy		= vhost_rpmsg_ept_new_nl_policy,
		.maxattr	= VHOST_RPMSG_A_EPT_TX_LIMIT,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_EPT_SET,
		.doit		= vhost_rpmsg_nl_ept_set_doit,
		.policy		= vhost_rpmsg_ept_set_nl_policy,
		.maxattr	= VHOST_RPMSG_A_EPT_TX_LIMIT,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_EPT_DEL,
		.doit		= vhost_rpmsg_nl_ept_del_doit,
		.policy		= vhost_rpmsg_ept_del_nl_policy,
		.maxattr	= VHOST_RPMSG_A_EPT_ID,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_EPT_GET,
		.doit		= vhost_rpmsg_nl_ept_get_doit,
		.dumpit		= vhost_rpmsg_nl_ept_get_dumpit,
		.policy		= vhost_rpmsg_ept_get_nl_policy,
		.maxattr	= VHOST_RPMSG_A_EPT_DEV_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_NS_ANNOUNCE,
		.doit		= vhost_rpmsg_nl_ns_announce_doit,
		.policy		= vhost_rpmsg_ns_announce_nl_policy,
		.maxattr	= VHOST_RPMSG_A_EPT_ID,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_NS_WITHDRAW,
		.doit		= vhost_rpmsg_nl_ns_withdraw_doit,
		.policy		= vhost_rpmsg_ns_withdraw_nl_policy,
		.maxattr	= VHOST_RPMSG_A_EPT_ID,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= VHOST_RPMSG_CMD_CHAN_GET,
		.doit		= vhost_rpmsg_nl_chan_get_doit,
		.dumpit		= vhost_rpmsg_nl_chan_get_dumpit,
		.policy		= vhost_rpmsg_chan_get_nl_policy,
		.maxattr	= VHOST_RPMSG_A_CHAN_ADDR,
		.flags		= GENL_ADMIN_PERM,
	},
};

static const struct genl_multicast_group vhost_rpmsg_nl_mcgrps[] = {
	[VHOST_RPMSG_NLGRP_EVENTS] = { "events", },
};
