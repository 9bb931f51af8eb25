/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_NETLINK_H
#define VRPMSG_NETLINK_H

#include <net/genetlink.h>

#include "internal.h"

int vrpmsg_nl_register(void);
void vrpmsg_nl_unregister(void);

/**
 * struct vrpmsg_nl_msg - header fields of a message about an object
 * @portid: port ID of the recipient
 * @seq: sequence number of the request
 * @flags: NLM_F_*
 * @cmd: VHOST_RPMSG_CMD_*
 * @event: enum vhost_rpmsg_event of a notification, or VRPMSG_NL_NO_EVENT
 */
struct vrpmsg_nl_msg {
	u32 portid;
	u32 seq;
	int flags;
	u8 cmd;
	s8 event;
};

#define VRPMSG_NL_NO_EVENT	(-1)

/* Header fields of the reply to a request that is not a dump. */
static inline struct vrpmsg_nl_msg vrpmsg_nl_reply_to(struct genl_info *info)
{
	return (struct vrpmsg_nl_msg){
		.portid = info->snd_portid,
		.seq = info->snd_seq,
		.cmd = info->genlhdr->cmd,
		.event = VRPMSG_NL_NO_EVENT,
	};
}

/* Counters change all the time: only replies and DEL events have them. */
static inline bool vrpmsg_nl_has_stats(const struct vrpmsg_nl_msg *msg)
{
	return msg->event == VRPMSG_NL_NO_EVENT ||
	       msg->event == VHOST_RPMSG_EVENT_DEL;
}

/**
 * struct vrpmsg_nl_dump - state of a dump, in its struct netlink_callback
 * @dev: number of the current device, or of the last one
 * @gen: generation of the objects of that device at the last call
 * @next: address to continue with
 * @begun: the dump has started
 * @only: dump of a single device
 * @inside: the objects of @dev are not complete yet
 * @torn: the dump is inconsistent
 */
struct vrpmsg_nl_dump {
	u32 dev;
	u32 gen;
	unsigned long next;
	bool begun;
	bool only;
	bool inside;
	bool torn;
};

/**
 * struct vrpmsg_nl_part - a kind of objects, for dumps
 * @dev_id: attribute that limits a dump to a device by number
 * @dev_name: attribute that limits a dump to a device by name
 * @other: attribute that a dump refuses
 * @gen: return the generation of a device's objects
 * @dump: dump the objects of a device from dump->next on, and advance that.
 *	Returns -EMSGSIZE if no more fit.
 *
 * The callbacks are called with the device's mutex held.
 */
struct vrpmsg_nl_part {
	int dev_id;
	int dev_name;
	int other;
	u32 (*gen)(struct vrpmsg_dev *rdev);
	int (*dump)(struct sk_buff *skb, struct netlink_callback *cb,
		    struct vrpmsg_dev *rdev, struct vrpmsg_nl_dump *dump);
};

/* netlink.c */
void *vrpmsg_nl_begin(struct sk_buff *skb, const struct vrpmsg_nl_msg *msg,
		      struct netlink_callback *cb);
int vrpmsg_nl_put_stats(struct sk_buff *skb, int attr, atomic64_t *stats);
struct sk_buff *vrpmsg_nl_new_reply(void);
int vrpmsg_nl_refuse_filter(struct netlink_callback *cb, int attr);
void vrpmsg_nl_dump_tear(struct netlink_callback *cb);
struct vrpmsg_nl_msg vrpmsg_nl_dump_begin(struct netlink_callback *cb);
int vrpmsg_nl_dump_parts(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct vrpmsg_nl_part *part);

/* netlink_dev.c */
int vrpmsg_nl_fill_dev(struct sk_buff *skb, struct vrpmsg_dev *rdev,
		       const struct vrpmsg_nl_msg *msg,
		       struct netlink_callback *cb);
struct vrpmsg_dev *vrpmsg_nl_get_dev(struct netlink_ext_ack *extack,
				     struct nlattr *id, struct nlattr *name);

/* netlink_ept.c */
u32 vrpmsg_nl_ept_id(struct vhost_rpmsg_ept *ept);
int vrpmsg_nl_fill_ept(struct sk_buff *skb, struct vhost_rpmsg_ept *ept,
		       const struct vrpmsg_nl_msg *msg,
		       struct netlink_callback *cb);

/* netlink_chan.c */
int vrpmsg_nl_fill_chan(struct sk_buff *skb, struct vrpmsg_dev *rdev,
			struct vrpmsg_chan *chan,
			const struct vrpmsg_nl_msg *msg,
			struct netlink_callback *cb);

#endif /* VRPMSG_NETLINK_H */
