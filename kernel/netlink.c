// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: the interface for administrators. The policies and the table
 * of operations are generated from docs/netlink/specs/vhost_rpmsg.yaml.
 * Conditions across attributes are checked in the files of the objects,
 * netlink_*.c; each refusal has an extack message. This file has the common
 * parts, events and dumps.
 *
 * All functions may sleep, but none waits for a guest.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/net.h>

#include <net/sock.h>

#include "netlink.h"
#include "netlink_gen.h"

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

/*
 * Start a message about an object; part of a dump if @cb is not NULL. Returns
 * NULL if there is no room.
 */
void *vrpmsg_nl_begin(struct sk_buff *skb, const struct vrpmsg_nl_msg *msg,
		      struct netlink_callback *cb)
{
	void *hdr = genlmsg_put(skb, msg->portid, msg->seq, &vrpmsg_nl_family,
				msg->flags, msg->cmd);

	if (hdr && cb)
		genl_dump_check_consistent(cb, hdr);
	return hdr;
}

int vrpmsg_nl_put_stats(struct sk_buff *skb, int attr, atomic64_t *stats)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = VHOST_RPMSG_A_STATS_PAD + 1; i < VRPMSG_NUM_STATS; i++)
		if (nla_put_u64_64bit(skb, i, atomic64_read(&stats[i]),
				      VHOST_RPMSG_A_STATS_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/*
 * Allocate a reply, before the request changes anything, so that a request that
 * fails for lack of memory has no effect. Returns NULL if there is no memory.
 */
struct sk_buff *vrpmsg_nl_new_reply(void)
{
	return genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
}

/* Events are sent under the device's mutex, in the order of the changes. */

/*
 * The kernel counts listeners of the group's number in all network namespaces.
 * Those elsewhere receive nothing, but cause as much work as real ones.
 */
static bool nl_wanted(void)
{
	return genl_has_listeners(&vrpmsg_nl_family, &init_net,
				  VHOST_RPMSG_NLGRP_EVENTS);
}

/* Tell listeners that they missed an event. */
static void nl_missed(void)
{
	genl_set_err(&vrpmsg_nl_family, &init_net, 0, VHOST_RPMSG_NLGRP_EVENTS,
		     -ENOBUFS);
}

/* Size of an event without counters. Receive queues count allocated bytes. */
#define NL_EVENT_SIZE	512

/*
 * A guest must not make the host reclaim memory for events, and with blocking
 * flags netlink yields to slow listeners: others wait for the device's mutex.
 */
#define NL_EVENT_GFP	(GFP_NOWAIT | __GFP_NOWARN)

/* Allocate an event. Without memory, listeners are told that they missed it. */
static struct sk_buff *nl_event_skb(enum vhost_rpmsg_event event)
{
	struct sk_buff *skb;

	skb = genlmsg_new(event == VHOST_RPMSG_EVENT_DEL ? NLMSG_GOODSIZE :
							   NL_EVENT_SIZE,
			  NL_EVENT_GFP);
	if (!skb)
		nl_missed();
	return skb;
}

/*
 * The kernel checks who joins a group, but not while no family has the group's
 * number, which was so before the module was loaded. Context: the table of
 * sockets is locked, so @sk is not closed, and still has its file.
 */
static int nl_skip_listener(struct sock *sk, struct sk_buff *skb, void *data)
{
	struct file *file = sk->sk_socket->file;

	return !file || !file_ns_capable(file, &init_user_ns, CAP_NET_ADMIN);
}

static void nl_multicast(struct sk_buff *skb, int err)
{
	if (err) {
		WARN_ON_ONCE(err == -EMSGSIZE);
		nlmsg_free(skb);
		nl_missed();
		return;
	}
	genlmsg_multicast_netns_filtered(&vrpmsg_nl_family, &init_net, skb, 0,
					 VHOST_RPMSG_NLGRP_EVENTS, NL_EVENT_GFP,
					 nl_skip_listener, NULL);
}

static void nl_dev_event(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event)
{
	const struct vrpmsg_nl_msg msg = {
		.cmd = VHOST_RPMSG_CMD_DEV_NTF,
		.event = event,
	};
	struct sk_buff *skb = nl_event_skb(event);

	if (skb)
		nl_multicast(skb, vrpmsg_nl_fill_dev(skb, rdev, &msg, NULL));
}

static void nl_ept_event(struct vhost_rpmsg_ept *ept,
			 enum vhost_rpmsg_event event)
{
	const struct vrpmsg_nl_msg msg = {
		.cmd = VHOST_RPMSG_CMD_EPT_NTF,
		.event = event,
	};
	struct sk_buff *skb = nl_event_skb(event);

	if (skb)
		nl_multicast(skb, vrpmsg_nl_fill_ept(skb, ept, &msg, NULL));
}

static void nl_chan_event(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
			  enum vhost_rpmsg_event event)
{
	const struct vrpmsg_nl_msg msg = {
		.cmd = VHOST_RPMSG_CMD_CHAN_NTF,
		.event = event,
	};
	struct sk_buff *skb = nl_event_skb(event);

	if (skb)
		nl_multicast(skb,
			     vrpmsg_nl_fill_chan(skb, rdev, chan, &msg, NULL));
}

static const struct vrpmsg_listener nl_listener = {
	.wanted = nl_wanted,
	.dev = nl_dev_event,
	.ept = nl_ept_event,
	.chan = nl_chan_event,
	.missed = nl_missed,
};

/*
 * Dumps. The objects of a device in one datagram are consistent. A dump of
 * several datagrams is torn if objects of a device were added or deleted between two
 * datagrams with objects of that device. Then the next or the last message has
 * NLM_F_DUMP_INTR. Changes on other devices, or on a device before or after its
 * part of the dump, do not matter.
 */

static struct vrpmsg_nl_dump *nl_dump(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct vrpmsg_nl_dump) > sizeof(cb->ctx));
	return (struct vrpmsg_nl_dump *)cb->ctx;
}

void vrpmsg_nl_dump_tear(struct netlink_callback *cb)
{
	nl_dump(cb)->torn = true;
	cb->seq = 2;
}

/* Start or continue a dump. Returns the header fields of its messages. */
struct vrpmsg_nl_msg vrpmsg_nl_dump_begin(struct netlink_callback *cb)
{
	const struct genlmsghdr *hdr = nlmsg_data(cb->nlh);

	cb->seq = nl_dump(cb)->torn ? 2 : 1;
	return (struct vrpmsg_nl_msg){
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
		.cmd = hdr->cmd,
		.event = VRPMSG_NL_NO_EVENT,
	};
}

/* Refuse an attribute that is in the policy, but no use for a dump. */
int vrpmsg_nl_refuse_filter(struct netlink_callback *cb, int attr)
{
	struct nlattr **attrs = vrpmsg_dump_attrs(cb);

	if (!attrs || !attrs[attr])
		return 0;
	NL_SET_ERR_MSG_ATTR(cb->extack, attrs[attr],
			    "a dump cannot be limited to this");
	return -EINVAL;
}

static int nl_dump_check(struct netlink_callback *cb,
			 const struct vrpmsg_nl_part *part)
{
	struct nlattr **attrs = vrpmsg_dump_attrs(cb);
	struct vrpmsg_nl_dump *dump = nl_dump(cb);
	struct vrpmsg_dev *rdev;
	int err;

	err = vrpmsg_nl_refuse_filter(cb, part->other);
	if (err)
		return err;
	dump->begun = true;
	if (!attrs || (!attrs[part->dev_id] && !attrs[part->dev_name]))
		return 0;
	rdev = vrpmsg_nl_get_dev(cb->extack, attrs[part->dev_id],
				 attrs[part->dev_name]);
	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	dump->only = true;
	dump->inside = true;
	dump->dev = rdev->id;
	vrpmsg_dev_put(rdev);
	return 0;
}

/* Get the current device of the dump, or the next, or NULL at the end. */
static struct vrpmsg_dev *nl_dump_dev(struct netlink_callback *cb)
{
	struct vrpmsg_nl_dump *dump = nl_dump(cb);
	struct vrpmsg_dev *rdev;

	if (dump->inside) {
		rdev = vrpmsg_dev_get_by_id(dump->dev);
		if (rdev)
			return rdev;
		/* It was deleted during the dump. */
		vrpmsg_nl_dump_tear(cb);
		dump->inside = false;
	}
	if (dump->only)
		return NULL;
	rdev = vrpmsg_dev_get_next(dump->dev);
	if (rdev) {
		dump->inside = true;
		dump->dev = rdev->id;
		dump->next = 0;
	}
	return rdev;
}

static int nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		       const struct vrpmsg_nl_part *part,
		       struct vrpmsg_dev *rdev)
{
	struct vrpmsg_nl_dump *dump = nl_dump(cb);
	u32 gen;

	guard(mutex)(&rdev->lock);
	gen = part->gen(rdev);
	if (!dump->next)
		dump->gen = gen;
	else if (dump->gen != gen)
		vrpmsg_nl_dump_tear(cb);
	dump->gen = gen;
	return part->dump(skb, cb, rdev, dump);
}

/* Dump all objects of a kind, device by device. */
int vrpmsg_nl_dump_parts(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct vrpmsg_nl_part *part)
{
	struct vrpmsg_nl_dump *dump = nl_dump(cb);
	struct vrpmsg_dev *rdev;
	int err;

	if (!dump->begun) {
		err = nl_dump_check(cb, part);
		if (err)
			return err;
	}
	while ((rdev = nl_dump_dev(cb))) {
		err = nl_dump_one(skb, cb, part, rdev);
		vrpmsg_dev_put(rdev);
		if (err)
			return skb->len ?: err;
		dump->inside = false;
	}
	/* NLMSG_DONE goes into the same datagram. */
	return 0;
}

int vrpmsg_nl_register(void)
{
	int err;

	/*
	 * There is no device yet, and so no event. A request can create one as
	 * soon as genl_register_family() has released genl's cb_lock.
	 */
	vrpmsg_set_listener(&nl_listener);
	err = genl_register_family(&vrpmsg_nl_family);
	if (err)
		vrpmsg_set_listener(NULL);
	return err;
}

void vrpmsg_nl_unregister(void)
{
	/* No events for the last devices. */
	vrpmsg_set_listener(NULL);
	vrpmsg_devs_stop_events();
	genl_unregister_family(&vrpmsg_nl_family);
}

MODULE_ALIAS_GENL_FAMILY(VHOST_RPMSG_FAMILY_NAME);
