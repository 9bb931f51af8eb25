// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: what an administrator does, and hears. The policies and the
 * table of operations are generated from docs/netlink/specs/vhost_rpmsg.yaml;
 * here is checked what spans attributes, and each refusal says what is wrong.
 *
 * Everything here may sleep, and never waits for a guest.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <net/genetlink.h>

#include "chrdev.h"
#include "netlink_gen.h"
#include "trace.h"

static const struct genl_multicast_group vrpmsg_nl_mcgrps[] = {
	[VHOST_RPMSG_NLGRP_EVENTS] = {
		.name = VHOST_RPMSG_MCGRP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

static struct genl_family vrpmsg_nl_family __ro_after_init = {
	.name = VHOST_RPMSG_FAMILY_NAME,
	.version = VHOST_RPMSG_FAMILY_VERSION,
	.module = THIS_MODULE,
	.parallel_ops = true,
	.ops = vhost_rpmsg_nl_ops,
	.n_ops = ARRAY_SIZE(vhost_rpmsg_nl_ops),
	.resv_start_op = VHOST_RPMSG_CMD_DEV_GET,
	.mcgrps = vrpmsg_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(vrpmsg_nl_mcgrps),
};

/* Settings are read, changed and written back under it. */
static DEFINE_MUTEX(nl_set_lock);

/* Events are for the group of this family, as long as it is registered. */
static bool nl_registered;

/* Objects that came or went, to find that a dump was overtaken by it. */
static atomic_t nl_generation = ATOMIC_INIT(1);

static void nl_dump_begin(struct netlink_callback *cb)
{
	/* 0 would say that it cannot be known. */
	cb->seq = atomic_read(&nl_generation) ?: 1;
}

/* Whether anybody listens. */
static bool nl_event_wanted(enum vhost_rpmsg_event event)
{
	if (event != VHOST_RPMSG_EVENT_CHANGE)
		atomic_inc(&nl_generation);
	return READ_ONCE(nl_registered) &&
	       genl_has_listeners(&vrpmsg_nl_family, &init_net,
				  VHOST_RPMSG_NLGRP_EVENTS);
}

static int nl_put_stats(struct sk_buff *skb, int attr, atomic64_t *stats)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = VHOST_RPMSG_A_STATS_RX_MSGS; i < VRPMSG_NUM_STATS; i++)
		if (nla_put_u64_64bit(skb, i, atomic64_read(&stats[i]),
				      VHOST_RPMSG_A_STATS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* The char device whose endpoint has a local address. */
static bool nl_ept_id(struct vrpmsg_dev *rdev, u32 addr, u32 *id)
{
	struct vhost_rpmsg_ept *ept;

	lockdep_assert_held(&rdev->lock);
	ept = xa_load(&rdev->epts, addr);
	return ept && vrpmsg_chrdev_of_ept(ept, id);
}

/*
 * One message about an object each: the reply to a get, or a notification.
 * @event is negative in a reply.
 */

static int nl_fill_dev(struct sk_buff *skb, struct vrpmsg_dev *rdev, u32 portid,
		       u32 seq, int flags, int cmd, int event,
		       struct netlink_callback *cb)
{
	u32 stalled = READ_ONCE(rdev->stalled), id;
	void *hdr;

	lockdep_assert_held(&rdev->lock);
	hdr = genlmsg_put(skb, portid, seq, &vrpmsg_nl_family, flags, cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);

	if (nla_put_u32(skb, VHOST_RPMSG_A_DEV_ID, rdev->id) ||
	    nla_put_string(skb, VHOST_RPMSG_A_DEV_NAME, rdev->name) ||
	    (rdev->persistent &&
	     nla_put_flag(skb, VHOST_RPMSG_A_DEV_PERSISTENT)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_STATE, vrpmsg_dev_state(rdev)) ||
	    nla_put_u64_64bit(skb, VHOST_RPMSG_A_DEV_FEATURES, rdev->features,
			      VHOST_RPMSG_A_DEV_PAD) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_MTU, READ_ONCE(rdev->mtu)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_ENDPOINTS, rdev->num_epts) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_CHANNELS, rdev->num_chans) ||
	    (stalled != VHOST_RPMSG_ADDR_ANY && nl_ept_id(rdev, stalled, &id) &&
	     nla_put_u32(skb, VHOST_RPMSG_A_DEV_STALL_EPT, id)) ||
	    nl_put_stats(skb, VHOST_RPMSG_A_DEV_STATS, rdev->stats) ||
	    (event >= 0 && nla_put_u32(skb, VHOST_RPMSG_A_DEV_EVENT, event))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int nl_fill_ept(struct sk_buff *skb, struct vrpmsg_chrdev *chrdev,
		       u32 portid, u32 seq, int flags, int cmd, int event,
		       struct netlink_callback *cb)
{
	struct vhost_rpmsg_ept *ept = &chrdev->ept;
	struct vrpmsg_dev *rdev = ept->rdev;
	u32 rx_limit, tx_limit, rx_used, tx_used;
	bool open;
	u8 policy;
	void *hdr;

	lockdep_assert_held(&rdev->lock);
	spin_lock(&chrdev->lock);
	open = chrdev->open;
	policy = chrdev->policy;
	rx_limit = chrdev->rx_limit;
	tx_limit = chrdev->tx_limit;
	rx_used = chrdev->rx_used;
	tx_used = chrdev->tx_used;
	spin_unlock(&chrdev->lock);

	hdr = genlmsg_put(skb, portid, seq, &vrpmsg_nl_family, flags, cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);

	if (nla_put_u32(skb, VHOST_RPMSG_A_EPT_ID, chrdev->id) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_DEV_ID, rdev->id) ||
	    nla_put_string(skb, VHOST_RPMSG_A_EPT_DEV_NAME, rdev->name) ||
	    (chrdev->name[0] &&
	     nla_put_string(skb, VHOST_RPMSG_A_EPT_NAME, chrdev->name)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_ADDR, ept->addr) ||
	    (ept->remote != VHOST_RPMSG_ADDR_ANY &&
	     nla_put_u32(skb, VHOST_RPMSG_A_EPT_REMOTE, ept->remote)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_REMOTE_KIND, ept->remote_kind) ||
	    (chrdev->addressed &&
	     nla_put_flag(skb, VHOST_RPMSG_A_EPT_ADDRESSED)) ||
	    (ept->ann && nla_put_flag(skb, VHOST_RPMSG_A_EPT_ANNOUNCED)) ||
	    (open && nla_put_flag(skb, VHOST_RPMSG_A_EPT_OPEN)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_FULL_POLICY, policy) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_RX_LIMIT, rx_limit) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_TX_LIMIT, tx_limit) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_RX_QUEUED, rx_used) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_TX_QUEUED, tx_used) ||
	    nl_put_stats(skb, VHOST_RPMSG_A_EPT_STATS, chrdev->stats) ||
	    (event >= 0 && nla_put_u32(skb, VHOST_RPMSG_A_EPT_EVENT, event))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int nl_fill_chan(struct sk_buff *skb, struct vrpmsg_dev *rdev,
			struct vrpmsg_chan *chan, u32 portid, u32 seq,
			int flags, int cmd, int event,
			struct netlink_callback *cb)
{
	void *hdr;
	u32 id;

	lockdep_assert_held(&rdev->lock);
	hdr = genlmsg_put(skb, portid, seq, &vrpmsg_nl_family, flags, cmd);
	if (!hdr)
		return -EMSGSIZE;
	if (cb)
		genl_dump_check_consistent(cb, hdr);

	if (nla_put_u32(skb, VHOST_RPMSG_A_CHAN_DEV_ID, rdev->id) ||
	    nla_put_string(skb, VHOST_RPMSG_A_CHAN_DEV_NAME, rdev->name) ||
	    nla_put_string(skb, VHOST_RPMSG_A_CHAN_NAME, chan->name) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_CHAN_ADDR, chan->addr) ||
	    (chan->ept && vrpmsg_chrdev_of_ept(chan->ept, &id) &&
	     nla_put_u32(skb, VHOST_RPMSG_A_CHAN_EPT, id)) ||
	    (event >= 0 && nla_put_u32(skb, VHOST_RPMSG_A_CHAN_EVENT, event))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/*
 * Events are sent with the device's mutex held, so that they come in the order
 * in which things happened.
 */

static void nl_multicast(struct sk_buff *skb, int err)
{
	if (err) {
		WARN_ON_ONCE(err == -EMSGSIZE);
		nlmsg_free(skb);
		/* Listeners are told that they have missed something. */
		genl_set_err(&vrpmsg_nl_family, &init_net, 0,
			     VHOST_RPMSG_NLGRP_EVENTS, -ENOBUFS);
		return;
	}
	genlmsg_multicast(&vrpmsg_nl_family, skb, 0, VHOST_RPMSG_NLGRP_EVENTS,
			  GFP_KERNEL);
}

static struct sk_buff *nl_event_skb(void)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);

	if (!skb)
		genl_set_err(&vrpmsg_nl_family, &init_net, 0,
			     VHOST_RPMSG_NLGRP_EVENTS, -ENOBUFS);
	return skb;
}

void vrpmsg_nl_dev_event(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event)
{
	struct sk_buff *skb;

	if (!rdev->id || !nl_event_wanted(event))
		return;
	skb = nl_event_skb();
	if (skb)
		nl_multicast(skb,
			     nl_fill_dev(skb, rdev, 0, 0, 0,
					 VHOST_RPMSG_CMD_DEV_NTF, event, NULL));
}

void vrpmsg_nl_chan_event(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
			  enum vhost_rpmsg_event event)
{
	struct sk_buff *skb;

	/* An endpoint that nobody has heard of has its own event first. */
	if (event == VHOST_RPMSG_EVENT_CHANGE && chan->ept &&
	    !vrpmsg_chrdev_known(chan->ept))
		return;
	if (!rdev->id || !nl_event_wanted(event))
		return;
	skb = nl_event_skb();
	if (skb)
		nl_multicast(skb, nl_fill_chan(skb, rdev, chan, 0, 0, 0,
					       VHOST_RPMSG_CMD_CHAN_NTF, event,
					       NULL));
}

/* Nothing is said of an endpoint before it is complete, or after its end. */
void vrpmsg_nl_ept_event(struct vrpmsg_chrdev *chrdev,
			 enum vhost_rpmsg_event event)
{
	struct vhost_rpmsg_ept *ept = &chrdev->ept;
	struct sk_buff *skb;

	lockdep_assert_held(&chrdev->ept.rdev->lock);
	if (event == VHOST_RPMSG_EVENT_NEW)
		chrdev->known = true;
	if (!chrdev->known)
		return;
	if (event == VHOST_RPMSG_EVENT_DEL)
		chrdev->known = false;
	trace_vrpmsg_ept_state(chrdev->ept.rdev, chrdev->ept.addr, event);

	skb = nl_event_wanted(event) ? nl_event_skb() : NULL;
	if (skb)
		nl_multicast(skb,
			     nl_fill_ept(skb, chrdev, 0, 0, 0,
					 VHOST_RPMSG_CMD_EPT_NTF, event, NULL));

	/* It has found its channel while it was made. */
	if (event == VHOST_RPMSG_EVENT_NEW &&
	    ept->remote_kind == VHOST_RPMSG_REMOTE_KIND_BOUND)
		vrpmsg_nl_chan_event(ept->rdev,
				     xa_load(&ept->rdev->chans, ept->remote),
				     VHOST_RPMSG_EVENT_CHANGE);
}

/* The device that a number, a name, or both say. */
static struct vrpmsg_dev *nl_get_dev(struct netlink_ext_ack *extack,
				     struct nlattr *id, struct nlattr *name)
{
	struct vrpmsg_dev *rdev;

	if (!id && !name) {
		NL_SET_ERR_MSG(extack, "a device must be given by id or name");
		return ERR_PTR(-EINVAL);
	}
	rdev = id ? vrpmsg_dev_get_by_id(nla_get_u32(id)) :
		    vrpmsg_dev_get_by_name(nla_data(name));
	if (!rdev) {
		if (id)
			NL_SET_ERR_MSG_ATTR(extack, id,
					    "no device has this id");
		else
			NL_SET_ERR_MSG_ATTR(extack, name,
					    "no device has this name");
		return ERR_PTR(-ENODEV);
	}
	if (id && name) {
		bool same;

		mutex_lock(&rdev->lock);
		same = !strcmp(rdev->name, nla_data(name));
		mutex_unlock(&rdev->lock);
		if (!same) {
			NL_SET_ERR_MSG_ATTR(extack, name,
					    "the device with this id has another name");
			vrpmsg_dev_put(rdev);
			return ERR_PTR(-EINVAL);
		}
	}
	return rdev;
}

static struct vrpmsg_chrdev *nl_get_ept(struct genl_info *info)
{
	struct nlattr *id = info->attrs[VHOST_RPMSG_A_EPT_ID];
	struct vrpmsg_chrdev *chrdev;

	if (!id) {
		GENL_SET_ERR_MSG(info, "an endpoint must be given by id");
		return ERR_PTR(-EINVAL);
	}
	chrdev = vrpmsg_chrdev_get_by_id(nla_get_u32(id));
	if (!chrdev) {
		NL_SET_ERR_MSG_ATTR(info->extack, id,
				    "no endpoint has this id");
		return ERR_PTR(-ENOENT);
	}
	return chrdev;
}

static int nl_gone(struct genl_info *info, int err)
{
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[VHOST_RPMSG_A_EPT_ID],
				    "the endpoint has just been deleted");
	return err;
}

/*
 * A reply is allocated before the request does anything, so that one that fails
 * for lack of memory has changed nothing. NULL is that lack.
 */
static struct sk_buff *nl_new_reply(void)
{
	return genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
}

static int nl_reply_dev(struct genl_info *info, struct sk_buff *skb,
			struct vrpmsg_dev *rdev)
{
	int err;

	if (!skb)
		return -ENOMEM;
	mutex_lock(&rdev->lock);
	err = nl_fill_dev(skb, rdev, info->snd_portid, info->snd_seq, 0,
			  info->genlhdr->cmd, -1, NULL);
	mutex_unlock(&rdev->lock);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

static int nl_reply_ept(struct genl_info *info, struct sk_buff *skb,
			struct vrpmsg_chrdev *chrdev)
{
	int err;

	if (!skb)
		return -ENOMEM;
	mutex_lock(&chrdev->ept.rdev->lock);
	err = nl_fill_ept(skb, chrdev, info->snd_portid, info->snd_seq, 0,
			  info->genlhdr->cmd, -1, NULL);
	mutex_unlock(&chrdev->ept.rdev->lock);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

int vhost_rpmsg_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_dev *rdev;
	int err;

	rdev = nl_get_dev(info->extack, info->attrs[VHOST_RPMSG_A_DEV_ID],
			  info->attrs[VHOST_RPMSG_A_DEV_NAME]);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	err = nl_reply_dev(info, nl_new_reply(), rdev);
	vrpmsg_dev_put(rdev);
	return err;
}

int vhost_rpmsg_nl_dev_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct vrpmsg_dev *rdev;
	int err;

	nl_dump_begin(cb);
	while ((rdev = vrpmsg_dev_get_next(cb->args[0]))) {
		mutex_lock(&rdev->lock);
		err = nl_fill_dev(skb, rdev, NETLINK_CB(cb->skb).portid,
				  cb->nlh->nlmsg_seq, NLM_F_MULTI,
				  VHOST_RPMSG_CMD_DEV_GET, -1, cb);
		mutex_unlock(&rdev->lock);
		if (!err)
			cb->args[0] = rdev->id;
		vrpmsg_dev_put(rdev);
		if (err)
			break;
	}
	return skb->len;
}

int vhost_rpmsg_nl_dev_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[VHOST_RPMSG_A_DEV_NAME];
	struct vrpmsg_dev *rdev;
	struct sk_buff *reply;
	int err;

	if (!name) {
		GENL_SET_ERR_MSG(info, "a device needs a name");
		return -EINVAL;
	}
	if (!vrpmsg_name_valid(nla_data(name), "/ ")) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "a name has 1 to 31 printable characters without slash and space");
		return -EINVAL;
	}
	reply = nl_new_reply();
	if (!reply)
		return -ENOMEM;
	rdev = vrpmsg_dev_new(nla_data(name), NULL);
	if (IS_ERR(rdev)) {
		nlmsg_free(reply);
		if (PTR_ERR(rdev) == -EEXIST)
			NL_SET_ERR_MSG_ATTR(info->extack, name,
					    "a device of this name exists");
		return PTR_ERR(rdev);
	}
	err = nl_reply_dev(info, reply, rdev);
	vrpmsg_dev_put(rdev);
	return err;
}

int vhost_rpmsg_nl_dev_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[VHOST_RPMSG_A_DEV_ID];
	struct nlattr *name = info->attrs[VHOST_RPMSG_A_DEV_NAME];
	struct vrpmsg_dev *rdev;
	int err;

	rdev = nl_get_dev(info->extack, id, name);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	err = vrpmsg_dev_del(rdev);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, id ?: name,
				    "a VMM has the device");
	else if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, id ?: name,
				    "the device has just been deleted");
	vrpmsg_dev_put(rdev);
	return err;
}

/* What is absent stays as @cfg has it. */
static void nl_parse_ept(struct nlattr **attrs,
			 struct vrpmsg_chrdev_config *cfg)
{
	if (attrs[VHOST_RPMSG_A_EPT_REMOTE])
		cfg->remote = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_REMOTE]);
	if (attrs[VHOST_RPMSG_A_EPT_FULL_POLICY])
		cfg->policy = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_FULL_POLICY]);
	if (attrs[VHOST_RPMSG_A_EPT_RX_LIMIT])
		cfg->rx_limit = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_RX_LIMIT]);
	if (attrs[VHOST_RPMSG_A_EPT_TX_LIMIT])
		cfg->tx_limit = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_TX_LIMIT]);
}

int vhost_rpmsg_nl_ept_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev_config cfg = {
		.addr = VHOST_RPMSG_ADDR_ANY,
		.remote = VHOST_RPMSG_ADDR_ANY,
		.policy = VHOST_RPMSG_FULL_POLICY_HOLD,
		.rx_limit = VHOST_RPMSG_DEFAULT_LIMIT,
		.tx_limit = VHOST_RPMSG_DEFAULT_LIMIT,
	};
	struct nlattr **attrs = info->attrs;
	struct vrpmsg_chrdev *chrdev;
	struct vrpmsg_dev *rdev;
	struct sk_buff *reply;
	struct nlattr *attr;
	int err;

	attr = attrs[VHOST_RPMSG_A_EPT_NAME];
	if (attr) {
		cfg.name = nla_data(attr);
		if (!vrpmsg_name_valid(cfg.name, "")) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "a name has 1 to 31 printable characters");
			return -EINVAL;
		}
	}
	if (attrs[VHOST_RPMSG_A_EPT_ADDR])
		cfg.addr = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_ADDR]);
	cfg.addressed = attrs[VHOST_RPMSG_A_EPT_ADDRESSED];
	nl_parse_ept(attrs, &cfg);
	if (cfg.addressed && attrs[VHOST_RPMSG_A_EPT_REMOTE]) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    attrs[VHOST_RPMSG_A_EPT_REMOTE],
				    "an addressed endpoint has no remote of its own");
		return -EINVAL;
	}

	rdev = nl_get_dev(info->extack, attrs[VHOST_RPMSG_A_EPT_DEV_ID],
			  attrs[VHOST_RPMSG_A_EPT_DEV_NAME]);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);

	reply = nl_new_reply();
	chrdev = reply ? vrpmsg_chrdev_new(rdev, &cfg) : ERR_PTR(-ENOMEM);
	if (!IS_ERR(chrdev)) {
		err = nl_reply_ept(info, reply, chrdev);
		vrpmsg_chrdev_put(chrdev);
	} else {
		err = PTR_ERR(chrdev);
		nlmsg_free(reply);
	}
	switch (err) {
	case -EADDRINUSE:
		attr = attrs[VHOST_RPMSG_A_EPT_ADDR];
		if (cfg.addr == VHOST_RPMSG_NS_ADDR)
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "the address is the name service's");
		else
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "another endpoint has this address");
		break;
	case -ENODEV:
		GENL_SET_ERR_MSG(info, "the device has just been deleted");
		break;
	case -ENOSPC:
		GENL_SET_ERR_MSG(info, "there are no more endpoints to give");
		break;
	}
	vrpmsg_dev_put(rdev);
	return err;
}

int vhost_rpmsg_nl_ept_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev_config cfg = { .remote = VHOST_RPMSG_ADDR_ANY };
	struct vrpmsg_chrdev *chrdev;
	int err;

	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);

	err = -EOPNOTSUPP;
	if (chrdev->addressed && info->attrs[VHOST_RPMSG_A_EPT_REMOTE]) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[VHOST_RPMSG_A_EPT_REMOTE],
				    "an addressed endpoint has no remote of its own");
		goto put;
	}

	/* Two who change different things at once must not undo each other. */
	mutex_lock(&nl_set_lock);
	cfg.policy = chrdev->policy;
	cfg.rx_limit = chrdev->rx_limit;
	cfg.tx_limit = chrdev->tx_limit;
	nl_parse_ept(info->attrs, &cfg);
	err = nl_gone(info, vrpmsg_chrdev_set(chrdev, &cfg));
	mutex_unlock(&nl_set_lock);
put:
	vrpmsg_chrdev_put(chrdev);
	return err;
}

int vhost_rpmsg_nl_ept_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev *chrdev;
	int err;

	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);
	err = nl_gone(info, vrpmsg_chrdev_del(chrdev));
	vrpmsg_chrdev_put(chrdev);
	return err;
}

int vhost_rpmsg_nl_ept_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev *chrdev;
	int err;

	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);
	err = nl_reply_ept(info, nl_new_reply(), chrdev);
	vrpmsg_chrdev_put(chrdev);
	return err;
}

/* A dump may be of one device: ERR_PTR() when that is not there, or NULL. */
static struct vrpmsg_dev *nl_dump_dev(struct netlink_callback *cb, int id_attr,
				      int name_attr)
{
	struct nlattr **attrs = vrpmsg_dump_attrs(cb);

	if (!attrs || (!attrs[id_attr] && !attrs[name_attr]))
		return NULL;
	return nl_get_dev(cb->extack, attrs[id_attr], attrs[name_attr]);
}

int vhost_rpmsg_nl_ept_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct vrpmsg_dev *only, *rdev;
	struct vrpmsg_chrdev *chrdev;
	int err = 0;

	nl_dump_begin(cb);
	only = nl_dump_dev(cb, VHOST_RPMSG_A_EPT_DEV_ID,
			   VHOST_RPMSG_A_EPT_DEV_NAME);
	if (IS_ERR(only))
		return PTR_ERR(only);

	while (!err && (chrdev = vrpmsg_chrdev_get_next(cb->args[0]))) {
		rdev = chrdev->ept.rdev;
		if (!only || only == rdev) {
			mutex_lock(&rdev->lock);
			err = nl_fill_ept(skb, chrdev,
					  NETLINK_CB(cb->skb).portid,
					  cb->nlh->nlmsg_seq, NLM_F_MULTI,
					  VHOST_RPMSG_CMD_EPT_GET, -1, cb);
			mutex_unlock(&rdev->lock);
		}
		if (!err)
			cb->args[0] = chrdev->id + 1;
		vrpmsg_chrdev_put(chrdev);
	}
	if (only)
		vrpmsg_dev_put(only);
	return skb->len;
}

int vhost_rpmsg_nl_ns_announce_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev *chrdev;
	struct vrpmsg_dev *rdev;
	int err;

	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);

	rdev = chrdev->ept.rdev;
	mutex_lock(&rdev->lock);
	/* Not there yet, or off the table: nobody would withdraw it then. */
	if (!chrdev->known) {
		err = nl_gone(info, -ENOENT);
	} else if (!chrdev->name[0]) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[VHOST_RPMSG_A_EPT_ID],
				    "an endpoint without a name cannot be announced");
		err = -EINVAL;
	} else if (chrdev->ept.ann) {
		err = 0;
	} else {
		err = vrpmsg_ns_announce(&chrdev->ept, chrdev->name);
		if (!err)
			vrpmsg_nl_ept_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
	}
	mutex_unlock(&rdev->lock);
	vrpmsg_chrdev_put(chrdev);
	return err;
}

int vhost_rpmsg_nl_ns_withdraw_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev *chrdev;
	struct vrpmsg_dev *rdev;

	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);

	rdev = chrdev->ept.rdev;
	mutex_lock(&rdev->lock);
	if (chrdev->ept.ann) {
		vrpmsg_ns_withdraw(&chrdev->ept);
		vrpmsg_nl_ept_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
	}
	mutex_unlock(&rdev->lock);
	vrpmsg_chrdev_put(chrdev);
	return 0;
}

int vhost_rpmsg_nl_chan_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *addr = info->attrs[VHOST_RPMSG_A_CHAN_ADDR];
	struct vrpmsg_chan *chan;
	struct vrpmsg_dev *rdev;
	struct sk_buff *reply;
	int err;

	if (!addr) {
		GENL_SET_ERR_MSG(info,
				 "a channel must be given by device and addr");
		return -EINVAL;
	}
	rdev = nl_get_dev(info->extack, info->attrs[VHOST_RPMSG_A_CHAN_DEV_ID],
			  info->attrs[VHOST_RPMSG_A_CHAN_DEV_NAME]);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);

	err = -ENOMEM;
	reply = nl_new_reply();
	if (!reply)
		goto put;
	mutex_lock(&rdev->lock);
	chan = xa_load(&rdev->chans, nla_get_u32(addr));
	if (chan) {
		err = nl_fill_chan(reply, rdev, chan, info->snd_portid,
				   info->snd_seq, 0, VHOST_RPMSG_CMD_CHAN_GET,
				   -1, NULL);
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack, addr,
				    "the guest has no channel with this address");
		err = -ENOENT;
	}
	mutex_unlock(&rdev->lock);
	if (err)
		nlmsg_free(reply);
	else
		err = genlmsg_reply(reply, info);
put:
	vrpmsg_dev_put(rdev);
	return err;
}

/* Where a dump is: the device in args[0], the next address in args[1]. */
static int nl_dump_chans(struct sk_buff *skb, struct netlink_callback *cb,
			 struct vrpmsg_dev *rdev)
{
	unsigned long addr = cb->args[1];
	struct vrpmsg_chan *chan;
	int err = 0;

	mutex_lock(&rdev->lock);
	xa_for_each_start(&rdev->chans, addr, chan, cb->args[1]) {
		err = nl_fill_chan(skb, rdev, chan, NETLINK_CB(cb->skb).portid,
				   cb->nlh->nlmsg_seq, NLM_F_MULTI,
				   VHOST_RPMSG_CMD_CHAN_GET, -1, cb);
		if (err)
			break;
		cb->args[1] = addr + 1;
	}
	mutex_unlock(&rdev->lock);
	return err;
}

int vhost_rpmsg_nl_chan_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	struct vrpmsg_dev *rdev;

	nl_dump_begin(cb);
	rdev = nl_dump_dev(cb, VHOST_RPMSG_A_CHAN_DEV_ID,
			   VHOST_RPMSG_A_CHAN_DEV_NAME);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	if (rdev) {
		nl_dump_chans(skb, cb, rdev);
		vrpmsg_dev_put(rdev);
		return skb->len;
	}

	/* args[0] is the device before the one that args[1] is about. */
	while ((rdev = vrpmsg_dev_get_next(cb->args[0]))) {
		if (rdev->id != cb->args[2]) {
			cb->args[1] = 0;
			cb->args[2] = rdev->id;
		}
		if (nl_dump_chans(skb, cb, rdev)) {
			vrpmsg_dev_put(rdev);
			break;
		}
		cb->args[0] = rdev->id;
		vrpmsg_dev_put(rdev);
	}
	return skb->len;
}

int vrpmsg_nl_register(void)
{
	int err = genl_register_family(&vrpmsg_nl_family);

	WRITE_ONCE(nl_registered, !err);
	return err;
}

void vrpmsg_nl_unregister(void)
{
	/* The last devices go without a word. */
	WRITE_ONCE(nl_registered, false);
	genl_unregister_family(&vrpmsg_nl_family);
}
