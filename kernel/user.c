// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accounting of the endpoints that unprivileged users create on a device.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/slab.h>

#include "internal.h"

/**
 * struct vrpmsg_user - a user that has endpoints on a device
 * @node: in rdev->users
 * @uid: the user's ID
 * @num: number of endpoints; 0 before it is added to the list
 * @beyond: those among them that CAP_NET_ADMIN has allowed beyond a limit
 */
struct vrpmsg_user {
	struct list_head node;
	kuid_t uid;
	u32 num;
	u32 beyond;
};

/* A spinlock: the last reference to an endpoint may be put anywhere. */
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

/*
 * Count one endpoint for the user. Adds @new to the list if the user is not in
 * it yet. Returns 0 or an error.
 */
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
		/* An administrator takes nothing away from users. */
		if (unbounded)
			user->beyond++;
		else
			rdev->num_owned++;
		*userp = user;
	}
	spin_unlock(&users_lock);
	return err;
}

/**
 * vrpmsg_user_charge - count a new endpoint for the calling user
 * @rdev: device
 *
 * Return: the user or an ERR_PTR(): EDQUOT: the user has reached the limit per
 * user; ENOSPC: all users together have reached the limit; ENOMEM. The limits
 * do not apply with CAP_NET_ADMIN.
 */
struct vrpmsg_user *vrpmsg_user_charge(struct vrpmsg_dev *rdev)
{
	struct vrpmsg_user *new, *user = NULL;
	int err;

	/* For a node, vrpmsg_eptdevs_lock is held. */
	new = kzalloc(sizeof(*new), VRPMSG_GFP_LOCKED);
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

/* Undo vrpmsg_user_charge() for an endpoint that is deleted. */
void vrpmsg_user_uncharge(struct vrpmsg_dev *rdev, struct vrpmsg_user *user)
{
	bool last;

	spin_lock(&users_lock);
	if (user->beyond)
		user->beyond--;
	else
		rdev->num_owned--;
	last = !--user->num;
	if (last)
		list_del(&user->node);
	spin_unlock(&users_lock);
	if (last)
		kfree(user);
}

/* Return the number of endpoints of the calling user. */
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
