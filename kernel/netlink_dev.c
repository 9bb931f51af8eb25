// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generic netlink: devices.
 */
#include <linux/cred.h>
#include <linux/slab.h>

#include "chrdev.h"
#include "netlink.h"
#include "netlink_gen.h"

/* An invalid UID, which stands for any owner. */
#define NL_UID_ANY	0xffffffffU

#define NL_NAME_TEXT	\
	"a name has 1 to 31 letters, digits and _.:@-, and does not begin with one of .:@-"

/* Return the endpoint that holds the guest back, or NULL. */
static struct vhost_rpmsg_ept *nl_stalled(struct vrpmsg_dev *rdev)
{
	u32 addr = READ_ONCE(rdev->stalled);

	return addr == VHOST_RPMSG_ADDR_ANY ? NULL : xa_load(&rdev->epts, addr);
}

static int nl_put_settings(struct sk_buff *skb, struct vrpmsg_dev *rdev)
{
	if (nla_put_u32(skb, VHOST_RPMSG_A_DEV_MTU, vrpmsg_dev_mtu(rdev)) ||
	    (rdev->mtu_fixed &&
	     nla_put_flag(skb, VHOST_RPMSG_A_DEV_MTU_FIXED)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_HOLD_TIME, rdev->hold_time))
		return -EMSGSIZE;
	if (!rdev->persistent)
		return 0;
	return nla_put_u32(skb, VHOST_RPMSG_A_DEV_OWNER,
			   uid_valid(rdev->owner) ?
				   from_kuid(&init_user_ns, rdev->owner) :
				   NL_UID_ANY);
}

int vrpmsg_nl_fill_dev(struct sk_buff *skb, struct vrpmsg_dev *rdev,
		       const struct vrpmsg_nl_msg *msg,
		       struct netlink_callback *cb)
{
	struct vhost_rpmsg_ept *stalled;
	void *hdr;

	lockdep_assert_held(&rdev->lock);
	stalled = nl_stalled(rdev);
	hdr = vrpmsg_nl_begin(skb, msg, cb);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, VHOST_RPMSG_A_DEV_ID, rdev->id) ||
	    nla_put_string(skb, VHOST_RPMSG_A_DEV_NAME, rdev->name) ||
	    (rdev->persistent &&
	     nla_put_flag(skb, VHOST_RPMSG_A_DEV_PERSISTENT)) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_STATE, vrpmsg_dev_state(rdev)) ||
	    nla_put_u64_64bit(skb, VHOST_RPMSG_A_DEV_FEATURES, rdev->features,
			      VHOST_RPMSG_A_DEV_PAD) ||
	    nl_put_settings(skb, rdev) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_ENDPOINTS, rdev->num_epts) ||
	    nla_put_u32(skb, VHOST_RPMSG_A_DEV_CHANNELS, rdev->num_chans) ||
	    (rdev->stale && nla_put_flag(skb, VHOST_RPMSG_A_DEV_STALE)) ||
	    (stalled && nla_put_u32(skb, VHOST_RPMSG_A_DEV_STALL_EPT,
				    vrpmsg_nl_ept_id(stalled))) ||
	    (vrpmsg_nl_has_stats(msg) &&
	     vrpmsg_nl_put_stats(skb, VHOST_RPMSG_A_DEV_STATS, rdev->stats)) ||
	    (msg->event >= 0 &&
	     nla_put_u32(skb, VHOST_RPMSG_A_DEV_EVENT, msg->event))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	if (msg->event == VRPMSG_NL_NO_EVENT)
		rdev->events.shown = true;
	return 0;
}

/* Get the device with a number, a name, or both. */
struct vrpmsg_dev *vrpmsg_nl_get_dev(struct netlink_ext_ack *extack,
				     struct nlattr *id, struct nlattr *name)
{
	struct vrpmsg_dev *rdev;
	bool same = true;

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
		mutex_lock(&rdev->lock);
		same = !strcmp(rdev->name, nla_data(name));
		mutex_unlock(&rdev->lock);
	}
	if (!same) {
		NL_SET_ERR_MSG_ATTR(extack, name,
				    "the device with this id has another name");
		vrpmsg_dev_put(rdev);
		return ERR_PTR(-EINVAL);
	}
	return rdev;
}

static struct vrpmsg_dev *nl_dev_of(struct genl_info *info)
{
	return vrpmsg_nl_get_dev(info->extack,
				 info->attrs[VHOST_RPMSG_A_DEV_ID],
				 info->attrs[VHOST_RPMSG_A_DEV_NAME]);
}

/* Return the attribute that identifies the device. */
static struct nlattr *nl_dev_attr(struct genl_info *info)
{
	return info->attrs[VHOST_RPMSG_A_DEV_ID] ?:
		       info->attrs[VHOST_RPMSG_A_DEV_NAME];
}

static int nl_dev_gone(struct genl_info *info)
{
	NL_SET_ERR_MSG_ATTR(info->extack, nl_dev_attr(info),
			    "the device has just been deleted");
	return -ENODEV;
}

static int nl_reply_dev(struct genl_info *info, struct sk_buff *skb,
			struct vrpmsg_dev *rdev)
{
	const struct vrpmsg_nl_msg msg = vrpmsg_nl_reply_to(info);
	int err;

	if (!skb)
		return -ENOMEM;
	mutex_lock(&rdev->lock);
	/* As in dumps. A new device may be deleted before this reply. */
	if (rdev->dead && msg.cmd != VHOST_RPMSG_CMD_DEV_NEW)
		err = nl_dev_gone(info);
	else
		err = vrpmsg_nl_fill_dev(skb, rdev, &msg, NULL);
	mutex_unlock(&rdev->lock);
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	return genlmsg_reply(skb, info);
}

int vhost_rpmsg_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vrpmsg_dev *rdev = nl_dev_of(info);
	int err;

	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	err = nl_reply_dev(info, vrpmsg_nl_new_reply(), rdev);
	vrpmsg_dev_put(rdev);
	return err;
}

/*
 * Devices are dumped in the order of their numbers. A device that exists during
 * the whole dump is in it once. NLM_F_DUMP_INTR says that devices were added or
 * deleted meanwhile.
 */
int vhost_rpmsg_nl_dev_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb)
{
	struct vrpmsg_nl_dump *dump = (struct vrpmsg_nl_dump *)cb->ctx;
	struct vrpmsg_nl_msg msg;
	struct vrpmsg_dev *rdev;
	int err;

	if (!dump->begun) {
		err = vrpmsg_nl_refuse_filter(cb, VHOST_RPMSG_A_DEV_ID) ?:
			      vrpmsg_nl_refuse_filter(cb,
						      VHOST_RPMSG_A_DEV_NAME);
		if (err)
			return err;
		dump->begun = true;
		dump->gen = vrpmsg_devs_gen();
	}
	msg = vrpmsg_nl_dump_begin(cb);

	while ((rdev = vrpmsg_dev_get_next(dump->dev))) {
		mutex_lock(&rdev->lock);
		/* Not after its DEL event. */
		err = rdev->dead ? 0 : vrpmsg_nl_fill_dev(skb, rdev, &msg, cb);
		mutex_unlock(&rdev->lock);
		if (!err)
			dump->dev = rdev->id;
		vrpmsg_dev_put(rdev);
		if (err)
			return skb->len ?: err;
	}
	/* A name can be in it twice: of a device that was deleted and made again. */
	if (dump->gen != vrpmsg_devs_gen())
		vrpmsg_nl_dump_tear(cb);
	return 0;
}

/* Absent attributes leave @cfg unchanged. */
static void nl_parse_dev(struct genl_info *info, struct vrpmsg_dev_config *cfg)
{
	struct nlattr *mtu = info->attrs[VHOST_RPMSG_A_DEV_MTU];
	struct nlattr *time = info->attrs[VHOST_RPMSG_A_DEV_HOLD_TIME];
	struct nlattr *owner = info->attrs[VHOST_RPMSG_A_DEV_OWNER];

	if (mtu)
		cfg->mtu = nla_get_u32(mtu);
	if (time)
		cfg->hold_time = nla_get_u32(time);
	/* 0xffffffff is invalid in every namespace. */
	if (owner)
		cfg->owner = make_kuid(&init_user_ns, nla_get_u32(owner));
}

int vhost_rpmsg_nl_dev_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[VHOST_RPMSG_A_DEV_NAME];
	struct vrpmsg_dev_config cfg = {
		.hold_time = VHOST_RPMSG_DEFAULT_HOLD_TIME,
		.owner = current_euid(),
	};
	struct vrpmsg_dev *rdev;
	struct sk_buff *reply;
	int err;

	if (!name) {
		GENL_SET_ERR_MSG(info, "a device needs a name");
		return -EINVAL;
	}
	cfg.name = nla_data(name);
	if (!vrpmsg_dev_name_valid(cfg.name)) {
		NL_SET_ERR_MSG_ATTR(info->extack, name, NL_NAME_TEXT);
		return -EINVAL;
	}
	nl_parse_dev(info, &cfg);
	reply = vrpmsg_nl_new_reply();
	if (!reply)
		return -ENOMEM;
	rdev = vrpmsg_server_new(&cfg);
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

int vhost_rpmsg_nl_dev_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *owner = info->attrs[VHOST_RPMSG_A_DEV_OWNER];
	struct vrpmsg_dev *rdev = nl_dev_of(info);
	int err = 0;

	if (IS_ERR(rdev))
		return PTR_ERR(rdev);

	mutex_lock(&rdev->lock);
	if (rdev->dead) {
		err = nl_dev_gone(info);
	} else if (owner && !rdev->persistent) {
		NL_SET_ERR_MSG_ATTR(info->extack, owner,
				    "the device is its VMM's");
		err = -EOPNOTSUPP;
	} else {
		struct vrpmsg_dev_config cfg = {
			.mtu = rdev->mtu_fixed,
			.hold_time = rdev->hold_time,
			.owner = rdev->owner,
		};

		nl_parse_dev(info, &cfg);
		vrpmsg_dev_set(rdev, &cfg);
	}
	mutex_unlock(&rdev->lock);
	vrpmsg_dev_put(rdev);
	return err;
}

/* Call a function that requires a device without a VMM. */
static int nl_without_vmm(struct genl_info *info,
			  int (*fn)(struct vrpmsg_dev *rdev))
{
	struct vrpmsg_dev *rdev = nl_dev_of(info);
	int err;

	if (IS_ERR(rdev))
		return PTR_ERR(rdev);
	err = fn(rdev);
	if (err == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, nl_dev_attr(info),
				    "a VMM has the device");
	else if (err)
		err = nl_dev_gone(info);
	vrpmsg_dev_put(rdev);
	return err;
}

int vhost_rpmsg_nl_dev_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return nl_without_vmm(info, vrpmsg_server_del);
}

int vhost_rpmsg_nl_dev_reset_doit(struct sk_buff *skb, struct genl_info *info)
{
	return nl_without_vmm(info, vrpmsg_server_forget_guest);
}
