// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users: who makes endpoints on a device without being an administrator, and how
 * many each of them has.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct vrpmsg_user - a user who has endpoints on a device
 * @node: in rdev->users
 * @uid: who
 * @num: how many; 0: it is in no list yet
 */
struct vrpmsg_user {
	struct list_head node;
	kuid_t uid;
	u32 num;
};

/* A spinlock: endpoints end wherever their last reference is put. */
static DEFINE_SPINLOCK(users_lock);

static struct vrpmsg_user *user_find(struct vrpmsg_dev *rdev, kuid_t uid)
{
	struct vrpmsg_user *user;

	lockdep_assert_held(&users_lock);
	list_for_each_entry(user, &rdev->users, node)
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/* One more for the user of @new, or for the one there is: 0 or why not. */
static int user_add(struct vrpmsg_dev *rdev, struct vrpmsg_user *new,
		    struct vrpmsg_user **userp, bool unbounded)
{
	struct vrpmsg_user *user;
	int err = 0;

	spin_lock(&users_lock);
	user = user_find(rdev, new->uid) ?: new;
	if (!unbounded && user->num >= VHOST_RPMSG_MAX_USER_ENDPOINTS) {
		err = -EDQUOT;
	} else if (!unbounded &&
		   rdev->num_owned >= VHOST_RPMSG_MAX_CTRL_ENDPOINTS) {
		err = -ENOSPC;
	} else {
		if (!user->num++)
			list_add(&user->node, &rdev->users);
		rdev->num_owned++;
		*userp = user;
	}
	spin_unlock(&users_lock);
	return err;
}

/**
 * vrpmsg_user_charge - count one more endpoint for the calling user
 * @rdev: device
 *
 * Return: the user; or an ERR_PTR(): EDQUOT: the user has as many as one may have;
 * ENOSPC: all users together have; ENOMEM. CAP_NET_ADMIN knows no bounds.
 */
struct vrpmsg_user *vrpmsg_user_charge(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_user *new, *user = NULL;
	int err;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->uid = current_euid();
	err = user_add(rdev, new, &user, false);
	if (err && capable(CAP_NET_ADMIN))
		err = user_add(rdev, new, &user, true);
	if (user != new)
		kfree(new);
	return err ? ERR_PTR(err) : user;
}

/* One less. */
void vrpmsg_user_uncharge(struct vrpmsg_dev *rdev, struct vrpmsg_user *user)
{
	bool last;

	spin_lock(&users_lock);
	rdev->num_owned--;
	last = !--user->num;
	if (last)
		list_del(&user->node);
	spin_unlock(&users_lock);
	if (last)
		kfree(user);
}

/* How many the calling user has. */
u32 vrpmsg_user_count(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_user *user;
	u32 num;

	spin_lock(&users_lock);
	user = user_find(rdev, current_euid());
	num = user ? user->num : 0;
	spin_unlock(&users_lock);
	return num;
}
