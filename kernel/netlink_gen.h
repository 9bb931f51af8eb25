/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vhost_rpmsg.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_VHOST_RPMSG_GEN_H
#define _LINUX_VHOST_RPMSG_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/vhost_rpmsg_netlink.h>

extern const struct nla_policy vhost_rpmsg_dev_get_nl_policy[VHOST_RPMSG_A_DEV_NAME + 1];

extern const struct nla_policy vhost_rpmsg_dev_new_nl_policy[VHOST_RPMSG_A_DEV_OWNER + 1];

extern const struct nla_policy vhost_rpmsg_dev_set_nl_policy[VHOST_RPMSG_A_DEV_OWNER + 1];

extern const struct nla_policy vhost_rpmsg_dev_del_nl_policy[VHOST_RPMSG_A_DEV_NAME + 1];

extern const struct nla_policy vhost_rpmsg_dev_reset_nl_policy[VHOST_RPMSG_A_DEV_NAME + 1];

extern const struct nla_policy vhost_rpmsg_ept_new_nl_policy[VHOST_RPMSG_A_EPT_TX_LIMIT + 1];

extern const struct nla_policy vhost_rpmsg_ept_set_nl_policy[VHOST_RPMSG_A_EPT_TX_LIMIT + 1];

extern const struct nla_policy vhost_rpmsg_ept_del_nl_policy[VHOST_RPMSG_A_EPT_ID + 1];

extern const struct nla_policy vhost_rpmsg_ept_get_nl_policy[VHOST_RPMSG_A_EPT_DEV_NAME + 1];

extern const struct nla_policy vhost_rpmsg_ns_announce_nl_policy[VHOST_RPMSG_A_EPT_ID + 1];

extern const struct nla_policy vhost_rpmsg_ns_withdraw_nl_policy[VHOST_RPMSG_A_EPT_ID + 1];

extern const struct nla_policy vhost_rpmsg_chan_get_nl_policy[VHOST_RPMSG_A_CHAN_ADDR + 1];

/* Ops table for vhost_rpmsg */
extern const struct genl_ops vhost_rpmsg_nl_ops[12];

int vhost_rpmsg_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_dev_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int vhost_rpmsg_nl_dev_new_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_dev_set_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_dev_del_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_dev_reset_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_ept_new_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_ept_set_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_ept_del_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_ept_get_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_ept_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int vhost_rpmsg_nl_ns_announce_doit(struct sk_buff *skb,
				    struct genl_info *info);
int vhost_rpmsg_nl_ns_withdraw_doit(struct sk_buff *skb,
				    struct genl_info *info);
int vhost_rpmsg_nl_chan_get_doit(struct sk_buff *skb, struct genl_info *info);
int vhost_rpmsg_nl_chan_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);

enum {
	VHOST_RPMSG_NLGRP_EVENTS,
};

#endif /* _LINUX_VHOST_RPMSG_GEN_H */
