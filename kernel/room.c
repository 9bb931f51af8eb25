// SPDX-License-Identifier: GPL-2.0-only
/* Room in the receive queue of an endpoint: when a guest is held back, and how long. */
#include "chrdev.h"
#include "trace.h"

/*
 * Bytes that count against the limit of the receive queue. Messages that a reset
 * has put aside take memory until the reader frees them, so a guest that is reset
 * again and again must not get room for more.
 */
u32 vrpmsg_room_used(const struct vrpmsg_chrdev *chrdev)
{
	return READ_ONCE(chrdev->rx.used) + READ_ONCE(chrdev->rx_dead.used);
}

/*
 * A quarter of the queue is worth a wake-up. But if a slow reader takes a second
 * to make that room, the hold timer counts the reader as one that does not read.
 * So after 100 ms, or a fifth of a shorter hold_time, any room will do. Returns
 * that time, in jiffies.
 */
static unsigned long room_patience(const struct vrpmsg_chrdev *chrdev)
{
	u32 limit = READ_ONCE(chrdev->ept.rdev->hold_time);
	unsigned long most = HZ / 10;

	return limit ? min_t(unsigned long, most, msecs_to_jiffies(limit) / 5) :
		       most;
}

/* The room that a guest needs to continue at the time @now, in jiffies. */
static u32 room_needed(const struct vrpmsg_chrdev *chrdev, unsigned long now)
{
	if (chrdev->stalled &&
	    time_after(now, chrdev->stalled_at + room_patience(chrdev)))
		return 1;
	return max(chrdev->rx_limit / 4, 1U);
}

/* Whether the policy is HOLD and the reader has too little free. */
static bool room_is_short(struct vrpmsg_chrdev *chrdev, unsigned long now)
{
	lockdep_assert_held(&chrdev->lock);
	return chrdev->reader && !chrdev->gone &&
	       chrdev->policy == VHOST_RPMSG_FULL_POLICY_HOLD &&
	       vrpmsg_room_used(chrdev) >
		       chrdev->rx_limit - room_needed(chrdev, now);
}

static bool room_resumes(struct vrpmsg_chrdev *chrdev, unsigned long now)
{
	lockdep_assert_held(&chrdev->lock);
	if ((!chrdev->stalled && !chrdev->dropping) ||
	    room_is_short(chrdev, now))
		return false;
	WRITE_ONCE(chrdev->dropping, 0);
	if (!chrdev->stalled)
		return false;
	WRITE_ONCE(chrdev->stalled, false);
	return true;
}

/* Whether a guest that was held back can continue. Also ends dropping. */
bool vrpmsg_chrdev_can_resume(struct vrpmsg_chrdev *chrdev)
{
	return room_resumes(chrdev, jiffies);
}

void vrpmsg_chrdev_resume(struct vrpmsg_chrdev *chrdev)
{
	trace_vrpmsg_stall(chrdev->ept.rdev, chrdev->ept.addr, false);
	vhost_rpmsg_ept_resume(&chrdev->ept);
}

/**
 * vrpmsg_room_made - a reader has made room
 * @reader: its file
 *
 * If it is too little now and will do after a time, the guest continues then,
 * even if nothing else is read.
 *
 * Context: chrdev->lock held.
 * Return: true if the caller must call vrpmsg_chrdev_resume() without the lock.
 */
bool vrpmsg_room_made(struct vrpmsg_file *reader)
{
	struct vrpmsg_chrdev *chrdev = reader->chrdev;
	/* Read once: the time may come between the two looks at it. */
	unsigned long now = jiffies, when;

	if (room_resumes(chrdev, now))
		return true;
	when = chrdev->stalled_at + room_patience(chrdev) + 1;
	if (chrdev->stalled && time_before(now, when))
		queue_delayed_work(system_percpu_wq, &reader->resume,
				   when - now);
	return false;
}

/* The file is open: vrpmsg_file_release() ends this before it frees anything. */
static void room_work(struct work_struct *work)
{
	struct vrpmsg_file *reader =
		container_of(to_delayed_work(work), struct vrpmsg_file, resume);
	struct vrpmsg_chrdev *chrdev = reader->chrdev;
	bool resume;

	spin_lock(&chrdev->lock);
	/* Not yet, if the guest was held back again meanwhile. */
	resume = vrpmsg_room_made(reader);
	spin_unlock(&chrdev->lock);
	if (resume)
		vrpmsg_chrdev_resume(chrdev);
}

void vrpmsg_room_init(struct vrpmsg_file *reader)
{
	INIT_DELAYED_WORK(&reader->resume, room_work);
}

/* The hold time has expired: drop messages until there is room. */
void vrpmsg_room_stop_holding(struct vrpmsg_chrdev *chrdev)
{
	bool stalled;

	spin_lock(&chrdev->lock);
	stalled = chrdev->stalled;
	WRITE_ONCE(chrdev->dropping, room_is_short(chrdev, jiffies) ?
					     chrdev->ept.rdev->hold_expired :
					     0);
	WRITE_ONCE(chrdev->stalled, false);
	spin_unlock(&chrdev->lock);
	if (stalled)
		trace_vrpmsg_stall(chrdev->ept.rdev, chrdev->ept.addr, false);
}

/*
 * Whether the endpoint drops messages because the hold time has expired. If an
 * administrator sets a longer hold_time or 0, it holds the guest again.
 */
bool vrpmsg_room_is_dropping(struct vrpmsg_chrdev *chrdev)
{
	u32 expired = READ_ONCE(chrdev->dropping);

	if (likely(!expired))
		return false;
	if (vrpmsg_dev_drops_after(chrdev->ept.rdev, expired))
		return true;
	spin_lock(&chrdev->lock);
	WRITE_ONCE(chrdev->dropping, 0);
	spin_unlock(&chrdev->lock);
	return false;
}
