// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: channels.
 */
#include <linux/slab.h>

#include "chrdev.h"
#include "netlink.h"
#include "netlink_gen.h"

int vrpmsg_nl_fill_chan(struct sk_buff *skb, struct vrpmsg_dev *rdev,
			struct vrpmsg_chan *chan,
			const struct vrpmsg_nl_msg *msg,
			struct netlink_callback *cb)
{
	struct vhost_rpmsg_ept *bound = NULL;
	void *hdr;

	lockdep_assert_held(&rdev->lock);
	/* Do not show the binding to an incomplete endpoint. */
	if (chan->ept && chan->ept->known)
		bound = chan->ept;
	hdr = vrpmsg_nl_begin(skb, msg, cb);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, VHOST_RPMSG_A_CHAN_DEV_ID, rdev->id) ||
	    nla_put_string(skb, VHOST_RPMSG_A_CHAN_DEV_NAME, rdev->name) ||
	    nla_put_string(skb, VHOST_RPMSG_A_CHAN_NAME, chan->name) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_CHAN_ADDR, chan->addr) ||
	    (bound && nla_put_u32(skb, VHOST_RPMSG_A_CHAN_EPT,
				  vrpmsg_nl_ept_id(bound))) ||
	    (msg->event >= 0 &&
	     nla_put_u32(skb, VHOST_RPMSG_A_CHAN_EVENT, msg->event))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	if (msg->event == VRPMSG_NL_NO_EVENT) {
		chan->shown = true;
		rdev->events.shown = true;
	}
	return 0;
}

static int nl_fill_chan_at(struct sk_buff *skb, struct vrpmsg_dev *rdev,
			   struct genl_info *info, struct nlattr *addr)
{
	const struct vrpmsg_nl_msg msg = vrpmsg_nl_reply_to(info);
	struct vrpmsg_chan *chan;

	guard(mutex)(&rdev->lock);
	chan = xa_load(&rdev->chans, nla_get_u32(addr));
	if (chan)
		return vrpmsg_nl_fill_chan(skb, rdev, chan, &msg, NULL);
	NL_SET_ERR_MSG_ATTR(info->extack, addr,
			    "the guest has no channel with this address");
	return -ENOENT;
}

int vhost_rpmsg_nl_chan_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *addr = info->attrs[VHOST_RPMSG_A_CHAN_ADDR];
	struct vrpmsg_dev *rdev;
	struct sk_buff *reply;
	int err = -ENOMEM;

	if (!addr) {
		GENL_SET_ERR_MSG(info,
				 "a channel must be given by device and addr");
		return -EINVAL;
	}
	rdev = vrpmsg_nl_get_dev(info->extack,
				 info->attrs[VHOST_RPMSG_A_CHAN_DEV_ID],
				 info->attrs[VHOST_RPMSG_A_CHAN_DEV_NAME]);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);

	reply = vrpmsg_nl_new_reply();
	if (!reply)
		goto put;
	err = nl_fill_chan_at(reply, rdev, info, addr);
	if (err)
		nlmsg_free(reply);
	else
		err = genlmsg_reply(reply, info);
put:
	vrpmsg_dev_put(rdev);
	return err;
}

static u32 nl_chans_gen(struct vrpmsg_dev *rdev)
{
	return rdev->chans_gen;
}

static int nl_dump_chans(struct sk_buff *skb, struct netlink_callback *cb,
			 struct vrpmsg_dev *rdev, struct vrpmsg_nl_dump *dump)
{
	const struct vrpmsg_nl_msg msg = vrpmsg_nl_dump_begin(cb);
	struct vrpmsg_chan *chan;
	unsigned long addr;
	int err;

	xa_for_each_start(&rdev->chans, addr, chan, dump->next) {
		err = vrpmsg_nl_fill_chan(skb, rdev, chan, &msg, cb);
		if (err)
			return err;
		dump->next = addr + 1;
	}
	return 0;
}

int vhost_rpmsg_nl_chan_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb)
{
	static const struct vrpmsg_nl_part part = {
		.dev_id = VHOST_RPMSG_A_CHAN_DEV_ID,
		.dev_name = VHOST_RPMSG_A_CHAN_DEV_NAME,
		.other = VHOST_RPMSG_A_CHAN_ADDR,
		.gen = nl_chans_gen,
		.dump = nl_dump_chans,
	};

	return vrpmsg_nl_dump_parts(skb, cb, &part);
}
