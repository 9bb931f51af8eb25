// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: endpoints and their announcements.
 */
#include <linux/slab.h>

#include "ctrl.h"
#include "netlink.h"
#include "netlink_gen.h"

#define NL_NO_EPT_TEXT	"no endpoint has this id"

/* Serialises read-modify-write of settings. */
static DEFINE_MUTEX(nl_set_lock);

static u32 nl_remote_mode(const struct vhost_rpmsg_ept *ept)
{
	if (!ept->learn)
		return VHOST_RPMSG_REMOTE_MODE_FIXED;
	return ept->follow ? VHOST_RPMSG_REMOTE_MODE_FOLLOW :
			     VHOST_RPMSG_REMOTE_MODE_LEARN;
}

/* Add the settings and queue levels of the char device. */
static int nl_put_chrdev(struct sk_buff *skb, struct vrpmsg_chrdev *chrdev)
{
	u32 rx_limit, tx_limit, rx_used, tx_used;
	u8 policy, closed, reset;
	bool open;

	spin_lock(&chrdev->lock);
	open = chrdev->reader;
	policy = chrdev->policy;
	closed = chrdev->closed;
	reset = chrdev->reset;
	rx_limit = chrdev->rx_limit;
	tx_limit = chrdev->tx_limit;
	rx_used = chrdev->rx.used;
	tx_used = chrdev->tx_used;
	spin_unlock(&chrdev->lock);

	if ((chrdev->addressed &&
	     nla_put_flag(skb, VHOST_RPMSG_A_EPT_ADDRESSED)) ||
	    (uid_valid(chrdev->owner) &&
	     nla_put_u32(skb, VHOST_RPMSG_A_EPT_OWNER,
			 from_kuid(&init_user_ns, chrdev->owner))) ||
	    (chrdev->descriptor &&
	     nla_put_flag(skb, VHOST_RPMSG_A_EPT_DESCRIPTOR)) ||
	    (open && nla_put_flag(skb, VHOST_RPMSG_A_EPT_OPEN)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_FULL_POLICY, policy) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_CLOSED_POLICY, closed) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_RESET_POLICY, reset) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_RX_LIMIT, rx_limit) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_TX_LIMIT, tx_limit) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_RX_QUEUED, rx_used) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_TX_QUEUED, tx_used))
		return -EMSGSIZE;
	return 0;
}

/* Not for the endpoint of the name service, which has no number. */
u32 vrpmsg_nl_ept_id(struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of_ept(ept);

	return chrdev ? chrdev->id : ept->id;
}

/* Put what char devices and drivers' endpoints have in common. */
static int nl_put_ept(struct sk_buff *skb, struct vhost_rpmsg_ept *ept)
{
	struct vrpmsg_dev *rdev = ept->rdev;
	const char *name = vrpmsg_ns_name(ept);

	if (nla_put_u32(skb, VHOST_RPMSG_A_EPT_ID, vrpmsg_nl_ept_id(ept)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_DEV_ID, rdev->id) ||
	    nla_put_string(skb, VHOST_RPMSG_A_EPT_DEV_NAME, rdev->name) ||
	    (name && nla_put_string(skb, VHOST_RPMSG_A_EPT_NAME, name)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_ADDR, ept->addr) ||
	    (ept->remote != VHOST_RPMSG_ADDR_ANY &&
	     nla_put_u32(skb, VHOST_RPMSG_A_EPT_REMOTE, ept->remote)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_EPT_REMOTE_KIND, ept->remote_kind) ||
	    (ept->ann && nla_put_flag(skb, VHOST_RPMSG_A_EPT_ANNOUNCED)))
		return -EMSGSIZE;
	return 0;
}

int vrpmsg_nl_fill_ept(struct sk_buff *skb, struct vhost_rpmsg_ept *ept,
		       const struct vrpmsg_nl_msg *msg,
		       struct netlink_callback *cb)
{
	struct vrpmsg_chrdev *chrdev = vrpmsg_chrdev_of_ept(ept);
	void *hdr;

	lockdep_assert_held(&ept->rdev->lock);
	hdr = vrpmsg_nl_begin(skb, msg, cb);
	if (!hdr)
		return -EMSGSIZE;
	if (nl_put_ept(skb, ept) ||
	    (!(chrdev && chrdev->addressed) &&
	     nla_put_u32(skb, VHOST_RPMSG_A_EPT_REMOTE_MODE,
			 nl_remote_mode(ept))) ||
	    (chrdev ? nl_put_chrdev(skb, chrdev) :
		      nla_put_flag(skb, VHOST_RPMSG_A_EPT_DRIVER)) ||
	    (chrdev && vrpmsg_nl_has_stats(msg) &&
	     vrpmsg_nl_put_stats(skb, VHOST_RPMSG_A_EPT_STATS,
				 chrdev->stats)) ||
	    (msg->event >= 0 &&
	     nla_put_u32(skb, VHOST_RPMSG_A_EPT_EVENT, msg->event))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	if (msg->event == VRPMSG_NL_NO_EVENT) {
		ept->shown = true;
		ept->rdev->events.shown = true;
	}
	return 0;
}

static int nl_driver_of(struct vrpmsg_dev *rdev, u32 id, struct sk_buff *skb,
			const struct vrpmsg_nl_msg *msg)
{
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;

	guard(mutex)(&rdev->lock);
	xa_for_each(&rdev->epts, addr, ept)
		if (ept->known && ept->id == id)
			return skb ? vrpmsg_nl_fill_ept(skb, ept, msg, NULL) :
				     0;
	return -ENOENT;
}

/*
 * Find a driver's endpoint by its number, and fill in the reply unless @skb is NULL.
 * Returns -ENOENT if there is none. No table has these numbers, so all devices are
 * searched. The device's mutex keeps the endpoint; with a reference to it, its driver
 * would have to wait for netlink.
 */
static int nl_driver(u32 id, struct sk_buff *skb,
		     const struct vrpmsg_nl_msg *msg)
{
	struct vrpmsg_dev *rdev;
	int err = -ENOENT;
	u32 dev = 0;

	if (id < VRPMSG_FIRST_DRIVER_ID)
		return err;
	while (err == -ENOENT && (rdev = vrpmsg_dev_get_next(dev))) {
		dev = rdev->id;
		err = nl_driver_of(rdev, id, skb, msg);
		vrpmsg_dev_put(rdev);
	}
	return err;
}

/* Look up an endpoint that may be changed, which a driver's may not. */
static struct vrpmsg_chrdev *nl_get_ept(struct genl_info *info)
{
	struct nlattr *id = info->attrs[VHOST_RPMSG_A_EPT_ID];
	struct vrpmsg_chrdev *chrdev;

	if (!id) {
		GENL_SET_ERR_MSG(info, "an endpoint must be given by id");
		return ERR_PTR(-EINVAL);
	}
	chrdev = vrpmsg_chrdev_get_by_id(nla_get_u32(id));
	if (chrdev)
		return chrdev;
	if (!nl_driver(nla_get_u32(id), NULL, NULL)) {
		NL_SET_ERR_MSG_ATTR(info->extack, id,
				    "the endpoint is a driver's");
		return ERR_PTR(-EPERM);
	}
	NL_SET_ERR_MSG_ATTR(info->extack, id, NL_NO_EPT_TEXT);
	return ERR_PTR(-ENOENT);
}

static int nl_gone(struct genl_info *info, int err)
{
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[VHOST_RPMSG_A_EPT_ID],
				    "the endpoint has just been deleted");
	return err;
}

static int nl_reply(struct genl_info *info, struct sk_buff *skb, int err)
{
	if (!err)
		return genlmsg_reply(skb, info);
	nlmsg_free(skb);
	return err;
}

static int nl_reply_chrdev(struct genl_info *info, struct sk_buff *skb,
			   struct vrpmsg_chrdev *chrdev)
{
	const struct vrpmsg_nl_msg msg = vrpmsg_nl_reply_to(info);
	int err;

	if (!skb)
		return -ENOMEM;
	mutex_lock(&chrdev->ept.rdev->lock);
	/* As in dumps. A new endpoint may be deleted before this reply. */
	if (chrdev->ept.known || msg.cmd == VHOST_RPMSG_CMD_EPT_NEW)
		err = vrpmsg_nl_fill_ept(skb, &chrdev->ept, &msg, NULL);
	else
		err = nl_gone(info, -ENOENT);
	mutex_unlock(&chrdev->ept.rdev->lock);
	return nl_reply(info, skb, err);
}

static int nl_reply_driver(struct genl_info *info, struct nlattr *id)
{
	const struct vrpmsg_nl_msg msg = vrpmsg_nl_reply_to(info);
	struct sk_buff *skb = vrpmsg_nl_new_reply();
	int err;

	if (!skb)
		return -ENOMEM;
	err = nl_driver(nla_get_u32(id), skb, &msg);
	if (err == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, id, NL_NO_EPT_TEXT);
	return nl_reply(info, skb, err);
}

/* A fixed remote is given by its address, any other by its mode. */
static int nl_parse_remote(struct genl_info *info, bool addressed,
			   struct vrpmsg_chrdev_config *cfg)
{
	struct nlattr *remote = info->attrs[VHOST_RPMSG_A_EPT_REMOTE];
	struct nlattr *mode = info->attrs[VHOST_RPMSG_A_EPT_REMOTE_MODE];

	if (addressed && (remote || mode)) {
		NL_SET_ERR_MSG_ATTR(info->extack, remote ?: mode,
				    "an addressed endpoint has no remote of its own");
		return -EOPNOTSUPP;
	}
	if (remote) {
		cfg->remote = nla_get_u32(remote);
		cfg->remote_mode = VHOST_RPMSG_REMOTE_MODE_FIXED;
	}
	if (mode)
		cfg->remote_mode = nla_get_u32(mode);
	if (mode && remote &&
	    cfg->remote_mode != VHOST_RPMSG_REMOTE_MODE_FIXED) {
		NL_SET_ERR_MSG_ATTR(info->extack, mode,
				    "a remote that is given is fixed");
		return -EINVAL;
	}
	if (mode && !remote &&
	    cfg->remote_mode == VHOST_RPMSG_REMOTE_MODE_FIXED) {
		NL_SET_ERR_MSG_ATTR(info->extack, mode,
				    "a fixed remote must be given");
		return -EINVAL;
	}
	return 0;
}

/* Absent attributes leave @cfg unchanged. */
static void nl_parse_ept(struct nlattr **attrs,
			 struct vrpmsg_chrdev_config *cfg)
{
	if (attrs[VHOST_RPMSG_A_EPT_FULL_POLICY])
		cfg->policy = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_FULL_POLICY]);
	if (attrs[VHOST_RPMSG_A_EPT_CLOSED_POLICY])
		cfg->closed =
			nla_get_u32(attrs[VHOST_RPMSG_A_EPT_CLOSED_POLICY]);
	if (attrs[VHOST_RPMSG_A_EPT_RESET_POLICY])
		cfg->reset = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_RESET_POLICY]);
	if (attrs[VHOST_RPMSG_A_EPT_RX_LIMIT])
		cfg->rx_limit = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_RX_LIMIT]);
	if (attrs[VHOST_RPMSG_A_EPT_TX_LIMIT])
		cfg->tx_limit = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_TX_LIMIT]);
}

static int nl_parse_new_ept(struct genl_info *info,
			    struct vrpmsg_chrdev_config *cfg)
{
	struct nlattr **attrs = info->attrs;
	struct nlattr *name = attrs[VHOST_RPMSG_A_EPT_NAME];
	int err;

	if (name) {
		cfg->name = nla_data(name);
		if (!vrpmsg_name_valid(cfg->name)) {
			NL_SET_ERR_MSG_ATTR(info->extack, name,
					    "a name has 1 to 31 printable characters");
			return -EINVAL;
		}
	}
	if (attrs[VHOST_RPMSG_A_EPT_ADDR])
		cfg->addr = nla_get_u32(attrs[VHOST_RPMSG_A_EPT_ADDR]);
	cfg->addressed = attrs[VHOST_RPMSG_A_EPT_ADDRESSED];
	err = nl_parse_remote(info, cfg->addressed, cfg);
	if (err)
		return err == -EOPNOTSUPP ? -EINVAL : err;
	nl_parse_ept(attrs, cfg);
	return 0;
}

/* Explain why an endpoint could not be created. */
static void nl_new_failed(struct genl_info *info, u32 addr, int err)
{
	struct nlattr *attr = info->attrs[VHOST_RPMSG_A_EPT_ADDR];

	switch (err) {
	case -EADDRINUSE:
		if (addr == VHOST_RPMSG_NS_ADDR)
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
}

int vhost_rpmsg_nl_ept_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev_config cfg = vrpmsg_chrdev_defaults();
	struct vrpmsg_chrdev *chrdev;
	struct vrpmsg_dev *rdev;
	struct sk_buff *reply;
	int err;

	err = nl_parse_new_ept(info, &cfg);
	if (err)
		return err;
	rdev = vrpmsg_nl_get_dev(info->extack,
				 info->attrs[VHOST_RPMSG_A_EPT_DEV_ID],
				 info->attrs[VHOST_RPMSG_A_EPT_DEV_NAME]);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);

	reply = vrpmsg_nl_new_reply();
	chrdev = reply ? vrpmsg_chrdev_new(rdev, &cfg) : ERR_PTR(-ENOMEM);
	if (!IS_ERR(chrdev)) {
		err = nl_reply_chrdev(info, reply, chrdev);
		vrpmsg_chrdev_put(chrdev);
	} else {
		err = PTR_ERR(chrdev);
		nlmsg_free(reply);
		nl_new_failed(info, cfg.addr, err);
	}
	vrpmsg_dev_put(rdev);
	return err;
}

int vhost_rpmsg_nl_ept_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_chrdev_config cfg = {
		.remote = VHOST_RPMSG_ADDR_ANY,
		.remote_mode = VRPMSG_REMOTE_STAYS,
	};
	struct vrpmsg_chrdev *chrdev;
	int err;

	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);

	err = nl_parse_remote(info, chrdev->addressed, &cfg);
	if (err)
		goto put;

	/* Concurrent changes of different settings must not undo each other. */
	mutex_lock(&nl_set_lock);
	cfg.policy = chrdev->policy;
	cfg.closed = chrdev->closed;
	cfg.reset = chrdev->reset;
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
	struct nlattr *id = info->attrs[VHOST_RPMSG_A_EPT_ID];
	struct vrpmsg_chrdev *chrdev;
	int err;

	/* A process's endpoint goes with its node, which may have none now. */
	if (id && !vrpmsg_eptdev_del_number(nla_get_u32(id)))
		return 0;
	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);
	err = nl_gone(info, vrpmsg_chrdev_del(chrdev));
	vrpmsg_chrdev_put(chrdev);
	return err;
}

int vhost_rpmsg_nl_ept_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *dev = info->attrs[VHOST_RPMSG_A_EPT_DEV_ID] ?:
				     info->attrs[VHOST_RPMSG_A_EPT_DEV_NAME];
	struct nlattr *id = info->attrs[VHOST_RPMSG_A_EPT_ID];
	struct vrpmsg_chrdev *chrdev;
	int err;

	if (dev) {
		NL_SET_ERR_MSG_ATTR(info->extack, dev,
				    "an endpoint is given by its id alone");
		return -EINVAL;
	}
	if (id && nla_get_u32(id) >= VRPMSG_FIRST_DRIVER_ID)
		return nl_reply_driver(info, id);
	chrdev = nl_get_ept(info);
	if (IS_ERR(chrdev))
		return PTR_ERR(chrdev);
	err = nl_reply_chrdev(info, vrpmsg_nl_new_reply(), chrdev);
	vrpmsg_chrdev_put(chrdev);
	return err;
}

static u32 nl_epts_gen(struct vrpmsg_dev *rdev)
{
	return rdev->epts_gen;
}

static int nl_dump_epts(struct sk_buff *skb, struct netlink_callback *cb,
			struct vrpmsg_dev *rdev, struct vrpmsg_nl_dump *dump)
{
	const struct vrpmsg_nl_msg msg = vrpmsg_nl_dump_begin(cb);
	struct vhost_rpmsg_ept *ept;
	unsigned long addr;
	int err;

	xa_for_each_start(&rdev->epts, addr, ept, dump->next) {
		err = ept->known ? vrpmsg_nl_fill_ept(skb, ept, &msg, cb) : 0;
		if (err)
			return err;
		dump->next = addr + 1;
	}
	return 0;
}

int vhost_rpmsg_nl_ept_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	static const struct vrpmsg_nl_part part = {
		.dev_id = VHOST_RPMSG_A_EPT_DEV_ID,
		.dev_name = VHOST_RPMSG_A_EPT_DEV_NAME,
		.other = VHOST_RPMSG_A_EPT_ID,
		.gen = nl_epts_gen,
		.dump = nl_dump_epts,
	};

	return vrpmsg_nl_dump_parts(skb, cb, &part);
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
	/* Incomplete or deleted: the announcement would never be withdrawn. */
	if (!chrdev->ept.known) {
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
		/* The worker cannot send it before the mutex is released. */
		if (!err)
			vrpmsg_chrdev_announced(chrdev);
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
	vrpmsg_ns_withdraw(&chrdev->ept);
	mutex_unlock(&rdev->lock);
	vrpmsg_chrdev_put(chrdev);
	return 0;
}
