// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing of endpoints that live as long as a file is open. Written messages
 * are still sent, if the guest takes them in time. close() does not wait for
 * that.
 */
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "chrdev.h"

/* Closing endpoints, in the order of their timeouts. */
static LIST_HEAD(linger_list);
static DEFINE_SPINLOCK(linger_lock);

static void linger_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(linger_dwork, linger_work);

static bool linger_expired(struct vrpmsg_chrdev *chrdev)
{
	return !READ_ONCE(chrdev->tx_used) ||
	       time_after_eq(jiffies, chrdev->linger_until);
}

/*
 * Get a reference to an endpoint that can be deleted. Returns NULL if there is
 * none, and sets @delay to the time until the next one may be.
 */
static struct vrpmsg_chrdev *linger_next(unsigned long *delay)
{
	struct vrpmsg_chrdev *chrdev;
	long left;

	spin_lock(&linger_lock);
	list_for_each_entry(chrdev, &linger_list, linger_node) {
		if (!linger_expired(chrdev))
			continue;
		list_del_init(&chrdev->linger_node);
		kref_get(&chrdev->ref);
		spin_unlock(&linger_lock);
		return chrdev;
	}
	chrdev = list_first_entry_or_null(&linger_list, struct vrpmsg_chrdev,
					  linger_node);
	if (chrdev) {
		left = chrdev->linger_until - jiffies;
		*delay = max(left, 1L);
	}
	spin_unlock(&linger_lock);
	return NULL;
}

/* Delete the endpoint, unless it has been opened meanwhile. */
static void linger_end(struct vrpmsg_chrdev *chrdev)
{
	bool end;

	spin_lock(&chrdev->lock);
	end = chrdev->closing && list_empty(&chrdev->linger_node);
	if (end)
		chrdev->ended = true;
	spin_unlock(&chrdev->lock);
	if (end)
		chrdev->ept.orphan(&chrdev->ept);
	vrpmsg_chrdev_put(chrdev);
}

static void linger_work(struct work_struct *work)
{
	struct vrpmsg_chrdev *chrdev;
	unsigned long delay = 0;

	while ((chrdev = linger_next(&delay)))
		linger_end(chrdev);
	if (delay)
		schedule_delayed_work(&linger_dwork, delay);
}

/**
 * vrpmsg_linger_begin - start to close an endpoint
 * @chrdev: endpoint that is not closing yet
 *
 * Called when the last file is closed, or when a process destroys the endpoint.
 * It cannot be closing yet: a closing endpoint has no open file, and a process
 * destroys an endpoint through an open file, or one that does not end with its
 * last file.
 *
 * Context: chrdev->lock held.
 * Return: true if the endpoint can be deleted at once.
 */
bool vrpmsg_linger_begin(struct vrpmsg_chrdev *chrdev)
{
	lockdep_assert_held(&chrdev->lock);
	if (chrdev->gone)
		return false;
	chrdev->closing = true;
	/*
	 * Without a guest, do not wait. A paused guest may continue in time,
	 * and a reset drops the messages for it.
	 */
	if (!chrdev->tx_used || !READ_ONCE(chrdev->ept.rdev->guest)) {
		chrdev->ended = true;
		return true;
	}
	spin_lock(&linger_lock);
	chrdev->linger_until =
		jiffies + msecs_to_jiffies(VHOST_RPMSG_LINGER_TIME);
	list_add_tail(&chrdev->linger_node, &linger_list);
	spin_unlock(&linger_lock);
	mod_delayed_work(system_percpu_wq, &linger_dwork, 0);
	return false;
}

/* The endpoint is open again, or gone. Context: chrdev->lock held. */
void vrpmsg_linger_stop(struct vrpmsg_chrdev *chrdev)
{
	lockdep_assert_held(&chrdev->lock);
	if (!chrdev->closing)
		return;
	chrdev->closing = false;
	spin_lock(&linger_lock);
	list_del_init(&chrdev->linger_node);
	spin_unlock(&linger_lock);
}

/* Messages have left the send queue. Context: chrdev->lock held. */
void vrpmsg_linger_sent(struct vrpmsg_chrdev *chrdev)
{
	lockdep_assert_held(&chrdev->lock);
	if (chrdev->closing && !chrdev->tx_used)
		mod_delayed_work(system_percpu_wq, &linger_dwork, 0);
}

/*
 * Another endpoint needs the address: stop waiting if this one is closing.
 * Returns whether it is, and so can be deleted.
 */
bool vrpmsg_linger_cut_short(struct vrpmsg_chrdev *chrdev)
{
	bool closing;

	spin_lock(&chrdev->lock);
	closing = chrdev->closing;
	if (closing)
		chrdev->ended = true;
	spin_unlock(&chrdev->lock);
	return closing;
}

/* Module exit: there are no endpoints any more. */
void vrpmsg_linger_exit(void)
{
	cancel_delayed_work_sync(&linger_dwork);
}
