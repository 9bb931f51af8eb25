// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of the in-kernel API for test_kclient: a vhost driver whose
 * endpoints are in the kernel.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "kclient.h"
#include "kclient_priv.h"
#include "vhost_rpmsg.h"

enum {
	ECHO,
	SINK,
	REFUSE,
	MUTE,
	SOURCE,
	HOLD,
	HOLD_ECHO,
	OFFENDER,
	NUM_EPTS,
};

struct kclient {
	struct vhost_rpmsg vr;
	struct vhost_rpmsg_ept ept[NUM_EPTS];
	/* Endpoints added by KCLIENT_ADD; the lock protects the list. */
	struct mutex lock;
	struct list_head added;
	/* Protects the following, which ioctls and the worker share. */
	spinlock_t work_lock;
	u32 burst_dst;
	u32 burst_left;
	u32 burst_next;
	/* Times that send() could not write a buffer; used by the tx work. */
	u32 faults;
	u32 released;
	/* Task in KCLIENT_RECV, which may take a request. */
	struct task_struct *taker;
	struct irq_work irq_work;

	atomic_t reads;
	atomic_t refused;
	atomic_t bursts;
	atomic_t resets;
	atomic_t starts;
	atomic_t stops;
	/* Set by KCLIENT_OFFEND, so that a hostile guest cannot trigger it. */
	bool offends;
	/* Results of the offender's calls; 1 if not tried yet. */
	int refusals[KCLIENT_OFFENCES];
	struct vhost_rpmsg_ept victim;
	struct vhost_rpmsg_ept eager;
	/* Used by the worker, for one request and its response. */
	u8 buf[VHOST_RPMSG_MAX_MTU];
};

struct kclient_added {
	struct vhost_rpmsg_ept ept;
	struct list_head node;
};

static struct kclient *kclient_of(struct vhost_rpmsg *vr)
{
	return container_of(vr, struct kclient, vr);
}

static ssize_t kclient_read(struct vhost_rpmsg *vr,
			    struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	size_t len = vhost_rpmsg_iter_len(iter);

	/* In two steps, to check that the second continues after the first. */
	if (vhost_rpmsg_copy(vr, iter, kc->buf, len / 2) != len / 2 ||
	    vhost_rpmsg_copy(vr, iter, kc->buf + len / 2, len - len / 2) !=
		    len - len / 2)
		return -EFAULT;
	WARN_ON(iter->priv);
	iter->priv = (void *)len;
	atomic_inc(&kc->reads);
	return len;
}

static ssize_t kclient_echo_write(struct vhost_rpmsg *vr,
				  struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	size_t len = vhost_rpmsg_iter_len(iter);
	size_t i;

	WARN_ON(len != min_t(size_t, (uintptr_t)iter->priv,
			     vhost_rpmsg_iter_room(iter)));

	for (i = 0; i < len; i++)
		kc->buf[i] = ~kc->buf[i];
	return vhost_rpmsg_copy(vr, iter, kc->buf, len);
}

static ssize_t kclient_refuse(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	atomic_inc(&kclient_of(vr)->refused);
	return -EACCES;
}

static ssize_t kclient_hold_read(struct vhost_rpmsg *vr,
				 struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	bool go;

	spin_lock(&kc->work_lock);
	go = kc->released || kc->taker == current;
	if (kc->released)
		kc->released--;
	spin_unlock(&kc->work_lock);
	return go ? kclient_read(vr, iter) : -EAGAIN;
}

static void kclient_source_unsend(struct vhost_rpmsg_ept *ept)
{
	struct kclient *kc = container_of(ept, struct kclient, ept[SOURCE]);

	spin_lock(&kc->work_lock);
	kc->burst_left++;
	kc->burst_next--;
	spin_unlock(&kc->work_lock);
}

static int kclient_source_send(struct vhost_rpmsg *vr,
			       struct vhost_rpmsg_iter *iter)
{
	struct kclient *kc = kclient_of(vr);
	u32 next, left;

	spin_lock(&kc->work_lock);
	left = kc->burst_left;
	next = kc->burst_next;
	iter->dst = kc->burst_dst;
	if (left) {
		kc->burst_left--;
		kc->burst_next++;
	}
	spin_unlock(&kc->work_lock);
	if (!left)
		return -ENODATA;
	/* Both ways are allowed if the buffer cannot be written. */
	if (vhost_rpmsg_copy(vr, iter, &next, sizeof(next)) < sizeof(next) &&
	    ++kc->faults % 2) {
		kclient_source_unsend(iter->ept);
		return -EFAULT;
	}
	return left > 1;
}

static void kclient_source_complete(struct vhost_rpmsg_ept *ept)
{
	atomic_inc(&container_of(ept, struct kclient, ept[SOURCE])->bursts);
}

static void kclient_source_reset(struct vhost_rpmsg_ept *ept)
{
	struct kclient *kc = container_of(ept, struct kclient, ept[SOURCE]);

	atomic_inc(&kc->resets);
	spin_lock(&kc->work_lock);
	kc->burst_left = 0;
	spin_unlock(&kc->work_lock);
}

static void kclient_source_running(struct vhost_rpmsg_ept *ept, bool running)
{
	struct kclient *kc = container_of(ept, struct kclient, ept[SOURCE]);

	atomic_inc(running ? &kc->starts : &kc->stops);
}

static const struct vhost_rpmsg_ept_ops kclient_source_ops = {
	.running = kclient_source_running,
	.send = kclient_source_send,
	.unsend = kclient_source_unsend,
	.tx_complete = kclient_source_complete,
	.reset = kclient_source_reset,
};

/* Make calls in a burst that would deadlock if they were not refused. */
static ssize_t kclient_offend(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	struct vhost_rpmsg_iter other = VHOST_RPMSG_ITER(KCLIENT_SOURCE, 1);
	struct kclient *kc = kclient_of(vr);

	if (!READ_ONCE(kc->offends))
		return 0;
	kc->refusals[0] = vhost_rpmsg_ept_del(iter->ept);
	kc->refusals[1] = vhost_rpmsg_ept_del(&kc->ept[SINK]);
	kc->refusals[2] =
		vhost_rpmsg_start_lock(vr, &other, VIRTIO_RPMSG_RESPONSE, 1);
	return 0;
}

/* The same with the device's mutex held. */
static void kclient_offend_more(struct vhost_rpmsg_ept *ept)
{
	struct kclient *kc = container_of(ept, struct kclient, ept[OFFENDER]);
	struct vhost_rpmsg *vr = &kc->vr;

	if (!READ_ONCE(kc->offends))
		return;
	kc->refusals[3] = vhost_rpmsg_ept_add(vr, &kc->victim);
	kc->refusals[4] = vhost_rpmsg_ept_del(&kc->ept[SINK]);
	kc->refusals[5] = vhost_rpmsg_ept_set_remote(&kc->ept[SINK], 1);
	kc->refusals[6] = vhost_rpmsg_ns_announce(vr, "x", KCLIENT_SINK);
	kc->refusals[7] = vhost_rpmsg_ns_withdraw(vr, KCLIENT_SINK);
	kc->refusals[8] = vhost_rpmsg_ept_announce(&kc->ept[SINK], "x");
	kc->refusals[9] = vhost_rpmsg_ept_withdraw(&kc->ept[SINK]);
}

static const struct vhost_rpmsg_ept_ops kclient_offender_ops = {
	.remote_changed = kclient_offend_more,
};

/* Runs in an interrupt. */
static void kclient_irq(struct irq_work *work)
{
	struct kclient *kc = container_of(work, struct kclient, irq_work);

	vhost_rpmsg_ept_send(&kc->ept[SOURCE]);
	vhost_rpmsg_ept_resume(&kc->ept[HOLD]);
}

static int kclient_add_all(struct kclient *kc)
{
	int err, i;

	for (i = 0; i < NUM_EPTS; i++) {
		err = vhost_rpmsg_ept_add(&kc->vr, &kc->ept[i]);
		if (err)
			return err;
	}
	/* The IOTLB, and a bit as if the device had its own type. */
	return vhost_rpmsg_offer_features(&kc->vr,
					  BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |
						  KCLIENT_FEATURE);
}

static int kclient_open(struct inode *inode, struct file *file)
{
	struct kclient *kc;
	int err, i;

	kc = kvzalloc(sizeof(*kc), GFP_KERNEL);
	if (!kc)
		return -ENOMEM;
	for (i = 0; i < KCLIENT_OFFENCES; i++)
		kc->refusals[i] = 1;
	init_irq_work(&kc->irq_work, kclient_irq);
	mutex_init(&kc->lock);
	INIT_LIST_HEAD(&kc->added);
	spin_lock_init(&kc->work_lock);

	kc->ept[ECHO].addr = KCLIENT_ECHO;
	kc->ept[ECHO].read = kclient_read;
	kc->ept[ECHO].write = kclient_echo_write;
	kc->ept[SINK].addr = KCLIENT_SINK;
	kc->ept[SINK].read = kclient_read;
	kc->ept[REFUSE].addr = KCLIENT_REFUSE;
	kc->ept[REFUSE].read = kclient_refuse;
	kc->ept[REFUSE].write = kclient_echo_write;
	kc->ept[MUTE].addr = KCLIENT_MUTE;
	kc->ept[MUTE].read = kclient_read;
	kc->ept[MUTE].write = kclient_refuse;
	kc->ept[SOURCE].addr = KCLIENT_SOURCE;
	kc->ept[SOURCE].read = kclient_read;
	kc->ept[SOURCE].ops = &kclient_source_ops;
	kc->ept[HOLD].addr = KCLIENT_HOLD;
	kc->ept[HOLD].read = kclient_hold_read;
	kc->ept[HOLD_ECHO].addr = KCLIENT_HOLD_ECHO;
	kc->ept[HOLD_ECHO].read = kclient_hold_read;
	kc->ept[HOLD_ECHO].write = kclient_echo_write;

	kc->ept[OFFENDER].addr = KCLIENT_OFFENDER;
	kc->ept[OFFENDER].read = kclient_offend;
	kc->ept[OFFENDER].ops = &kclient_offender_ops;
	kc->ept[OFFENDER].learn = true;
	kc->victim.addr = VHOST_RPMSG_ADDR_ANY;

	err = vhost_rpmsg_init(&kc->vr, NULL, 0);
	if (!err)
		err = kclient_add_all(kc);
	if (err) {
		vhost_rpmsg_destroy(&kc->vr);
		kvfree(kc);
		return err;
	}
	file->private_data = kc;
	return 0;
}

static int kclient_release(struct inode *inode, struct file *file)
{
	struct kclient *kc = file->private_data;
	struct kclient_added *added, *next;

	irq_work_sync(&kc->irq_work);
	vhost_rpmsg_destroy(&kc->vr);
	list_for_each_entry_safe(added, next, &kc->added, node)
		kfree(added);
	kvfree(kc);
	return 0;
}

static long kclient_send(struct kclient *kc, struct kclient_send __user *argp)
{
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(KCLIENT_SOURCE, 0);
	struct kclient_send send;
	size_t len, i;
	u8 fill;
	int err;

	if (copy_from_user(&send, argp, sizeof(send)))
		return -EFAULT;
	iter.dst = send.dst;
	fill = send.fill;

	err = vhost_rpmsg_start_lock(&kc->vr, &iter, VIRTIO_RPMSG_RESPONSE,
				     send.len);
	if (err)
		return err;
	len = send.len < 0 ? vhost_rpmsg_iter_room(&iter) : send.len;
	for (i = 0; i < len - min_t(size_t, len, send.less); i++)
		vhost_rpmsg_copy(&kc->vr, &iter, &fill, 1);
	err = vhost_rpmsg_finish_unlock(&kc->vr, &iter);
	if (err)
		return err;
	send.sent = len;
	return copy_to_user(argp, &send, sizeof(send)) ? -EFAULT : 0;
}

static long kclient_recv(struct kclient *kc, struct kclient_recv __user *argp)
{
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(0, 0);
	struct kclient_recv recv;
	int err, i;

	if (copy_from_user(&recv, argp, sizeof(recv)))
		return -EFAULT;
	spin_lock(&kc->work_lock);
	kc->taker = current;
	spin_unlock(&kc->work_lock);
	err = vhost_rpmsg_start_lock(&kc->vr, &iter, VIRTIO_RPMSG_REQUEST,
				     recv.len);
	spin_lock(&kc->work_lock);
	kc->taker = NULL;
	spin_unlock(&kc->work_lock);
	if (err)
		return err;
	recv.src = iter.src;
	recv.dst = iter.dst;
	recv.len = vhost_rpmsg_iter_len(&iter);
	recv.sum = 0;
	for (i = 0; i < recv.len; i++)
		recv.sum += kc->buf[i];
	err = vhost_rpmsg_finish_unlock(&kc->vr, &iter);
	if (err)
		return err;
	if (recv.answer) {
		/* The endpoint's write() builds it, with the same iterator. */
		err = vhost_rpmsg_start_lock(&kc->vr, &iter,
					     VIRTIO_RPMSG_RESPONSE, -1);
		if (err)
			return err;
		err = vhost_rpmsg_finish_unlock(&kc->vr, &iter);
		if (err)
			return err;
	}
	return copy_to_user(argp, &recv, sizeof(recv)) ? -EFAULT : 0;
}

static long kclient_burst(struct kclient *kc, struct kclient_burst __user *argp)
{
	struct kclient_burst burst;

	if (copy_from_user(&burst, argp, sizeof(burst)))
		return -EFAULT;
	spin_lock(&kc->work_lock);
	kc->burst_dst = burst.dst;
	kc->burst_left += burst.count;
	spin_unlock(&kc->work_lock);
	if (burst.in_irq)
		irq_work_queue(&kc->irq_work);
	else
		vhost_rpmsg_ept_send(&kc->ept[SOURCE]);
	return 0;
}

static long kclient_add(struct kclient *kc, u32 addr)
{
	struct kclient_added *added;
	int err;

	added = kzalloc(sizeof(*added), GFP_KERNEL);
	if (!added)
		return -ENOMEM;
	added->ept.addr = addr;
	added->ept.read = kclient_read;
	mutex_lock(&kc->lock);
	err = vhost_rpmsg_ept_add(&kc->vr, &added->ept);
	if (err)
		kfree(added);
	else
		list_add(&added->node, &kc->added);
	mutex_unlock(&kc->lock);
	return err;
}

static long kclient_del(struct kclient *kc, u32 addr)
{
	struct kclient_added *added;
	long err = -ENOENT;

	mutex_lock(&kc->lock);
	list_for_each_entry(added, &kc->added, node) {
		if (added->ept.addr != addr)
			continue;
		list_del(&added->node);
		err = vhost_rpmsg_ept_del(&added->ept);
		/* Poison it: none of its callbacks may be running any more. */
		memset(added, 0xff, sizeof(*added));
		kfree(added);
		break;
	}
	mutex_unlock(&kc->lock);
	return err;
}

struct kclient_brief {
	struct vhost_rpmsg_ept ept;
	struct task_struct *deleter;
	struct completion begun;
	struct completion released;
	struct rcu_head rcu;
};

static int kclient_brief_delete(void *data)
{
	struct kclient_brief *brief = data;

	wait_for_completion(&brief->begun);
	return vhost_rpmsg_ept_del(&brief->ept);
}

/*
 * The endpoint is being added with the device's mutex held, and the other
 * thread now waits for the mutex. A waiter that is woken without getting the
 * mutex is handed it on release.
 */
static void kclient_brief_running(struct vhost_rpmsg_ept *ept, bool running)
{
	struct kclient_brief *brief =
		container_of(ept, struct kclient_brief, ept);

	complete(&brief->begun);
	msleep(50);
	wake_up_process(brief->deleter);
	msleep(50);
}

static void kclient_brief_release(struct vhost_rpmsg_ept *ept)
{
	complete(&container_of(ept, struct kclient_brief, ept)->released);
}

static const struct vhost_rpmsg_ept_ops kclient_brief_ops = {
	.running = kclient_brief_running,
	.release = kclient_brief_release,
};

static long kclient_brief(struct kclient *kc)
{
	struct kclient_brief *brief = kzalloc(sizeof(*brief), GFP_KERNEL);
	struct task_struct *deleter;
	long err;

	if (!brief)
		return -ENOMEM;
	init_completion(&brief->begun);
	init_completion(&brief->released);
	brief->ept.addr = VHOST_RPMSG_ADDR_ANY;
	brief->ept.ops = &kclient_brief_ops;
	deleter = kthread_run(kclient_brief_delete, brief, "kclient_brief");
	if (IS_ERR(deleter)) {
		kfree(brief);
		return PTR_ERR(deleter);
	}
	brief->deleter = get_task_struct(deleter);

	err = vhost_rpmsg_ept_add(&kc->vr, &brief->ept);
	/* If the rings are stopped, running() was not called. */
	complete(&brief->begun);
	if (!err)
		wait_for_completion(&brief->released);
	kthread_stop(deleter);
	put_task_struct(deleter);
	/* Not freed before, so that a late write can be detected. */
	if (!err)
		err = brief->ept.known;
	kfree_rcu(brief, rcu);
	return err;
}

/* Give the worker time to send. */
static void kclient_eager_running(struct vhost_rpmsg_ept *ept, bool running)
{
	if (!running)
		return;
	vhost_rpmsg_ept_send(ept);
	msleep(50);
}

static int kclient_eager_send(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter)
{
	iter->dst = 1;
	return 0;
}

static const struct vhost_rpmsg_ept_ops kclient_eager_ops = {
	.running = kclient_eager_running,
	.send = kclient_eager_send,
};

static long kclient_eager(struct kclient *kc, u32 addr)
{
	kc->eager.addr = addr;
	kc->eager.ops = &kclient_eager_ops;
	return vhost_rpmsg_ept_add(&kc->vr, &kc->eager);
}

static long kclient_stats(struct kclient *kc, void __user *argp)
{
	struct kclient_stats stats = {
		.reads = atomic_read(&kc->reads),
		.refused = atomic_read(&kc->refused),
		.bursts = atomic_read(&kc->bursts),
		.resets = atomic_read(&kc->resets),
	};

	return copy_to_user(argp, &stats, sizeof(stats)) ? -EFAULT : 0;
}

static long kclient_info(struct kclient *kc, void __user *argp)
{
	struct vrpmsg_dev *rdev = vhost_rpmsg_dev(&kc->vr);
	struct kclient_info info = {
		.features = vhost_rpmsg_dev_features(rdev),
		.state = vhost_rpmsg_dev_state(rdev),
		.mtu = vhost_rpmsg_dev_mtu(rdev),
		.generation = vhost_rpmsg_dev_generation(rdev),
		.starts = atomic_read(&kc->starts),
		.stops = atomic_read(&kc->stops),
	};

	memcpy(info.refusals, kc->refusals, sizeof(info.refusals));
	return copy_to_user(argp, &info, sizeof(info)) ? -EFAULT : 0;
}

/* vhost_rpmsg_init() removes the first of two with the same address. */
static bool kclient_clash(void)
{
	static const struct vhost_rpmsg_ept twice[] = {
		{ .addr = KCLIENT_ECHO, .read = kclient_read },
		{ .addr = KCLIENT_ECHO, .read = kclient_read },
	};
	struct kclient *other = kvzalloc(sizeof(*other), GFP_KERNEL);
	bool ok;

	if (!other)
		return false;
	ok = vhost_rpmsg_init(&other->vr, twice, 2) == -EADDRINUSE;
	/* All calls fail, and there is nothing to free. */
	ok = ok && vhost_rpmsg_ioctl(&other->vr, VHOST_SET_OWNER, 0) == -ENODEV;
	ok = ok && vhost_rpmsg_ns_announce(&other->vr, "x", 1) == -ENODEV;
	ok = ok && vhost_rpmsg_set_running(&other->vr, 1) == -ENODEV;
	ok = ok && vhost_rpmsg_ept_add(&other->vr, &other->ept[0]) == -ENODEV;
	vhost_rpmsg_destroy(&other->vr);
	kvfree(other);
	return ok;
}

/* Returns how many invalid names were not refused. */
static long kclient_bad_names(struct kclient *kc)
{
	static const char *const names[] = {
		"",
		"tab\t",
		"0123456789012345678901234567890x",
	};
	struct kclient_added once = {
		.ept.addr = VHOST_RPMSG_ADDR_ANY,
		.ept.read = kclient_read,
	};
	long taken = 0;
	int err, i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (vhost_rpmsg_ns_announce(&kc->vr, names[i], KCLIENT_ECHO) !=
		    -EINVAL)
			taken++;
		once.ept.name = names[i];
		err = vhost_rpmsg_ept_add(&kc->vr, &once.ept);
		if (!err)
			vhost_rpmsg_ept_del(&once.ept);
		if (err != -EINVAL)
			taken++;
	}
	return taken;
}

static long kclient_misuse(struct kclient *kc)
{
	struct vhost_rpmsg_iter iter = VHOST_RPMSG_ITER(KCLIENT_SOURCE, 0);
	struct kclient_added once = {
		.ept.addr = VHOST_RPMSG_ADDR_ANY,
		.ept.read = kclient_read,
	};
	long taken = kclient_bad_names(kc);

	if (vhost_rpmsg_offer_features(&kc->vr,
				       BIT_ULL(VIRTIO_F_RING_PACKED)) !=
	    -EINVAL)
		taken++;
	/* The device has an owner by now. */
	if (vhost_rpmsg_offer_features(&kc->vr, 0) != -EBUSY)
		taken++;
	if (vhost_rpmsg_set_running(&kc->vr, 3) != -EINVAL)
		taken++;
	if (vhost_rpmsg_ept_set_remote(&kc->ept[HOLD], VHOST_RPMSG_ADDR_ANY) !=
	    -EINVAL)
		taken++;
	if (vhost_rpmsg_start_lock(&kc->vr, &iter, VIRTIO_RPMSG_NUM_OF_VQS,
				   0) != -EINVAL)
		taken++;
	if (vhost_rpmsg_ept_add(&kc->vr, &once.ept) ||
	    vhost_rpmsg_ept_del(&once.ept) ||
	    vhost_rpmsg_ept_del(&once.ept) != -ENOENT)
		taken++;
	if (!kclient_clash())
		taken++;
	return taken;
}

static long kclient_ioctl(struct file *file, unsigned int ioctl,
			  unsigned long arg)
{
	struct kclient *kc = file->private_data;
	void __user *argp = (void __user *)arg;
	u32 value = 0;

	switch (ioctl) {
	case KCLIENT_SEND:
		return kclient_send(kc, argp);
	case KCLIENT_RECV:
		return kclient_recv(kc, argp);
	case KCLIENT_BURST:
		return kclient_burst(kc, argp);
	case KCLIENT_STATS:
		return kclient_stats(kc, argp);
	case KCLIENT_MISUSE:
		return kclient_misuse(kc);
	case KCLIENT_INFO:
		return kclient_info(kc, argp);
	case KCLIENT_BRIEF:
		return kclient_brief(kc);
	case KCLIENT_OFFEND:
		WRITE_ONCE(kc->offends, true);
		return 0;
	case KCLIENT_ADD:
	case KCLIENT_DEL:
	case KCLIENT_EAGER:
	case KCLIENT_HOLD_TIME:
	case KCLIENT_RELEASE:
	case KCLIENT_ANNOUNCE:
	case KCLIENT_WITHDRAW:
		if (get_user(value, (u32 __user *)argp))
			return -EFAULT;
		break;
	}

	switch (ioctl) {
	case KCLIENT_ADD:
		return kclient_add(kc, value);
	case KCLIENT_DEL:
		return kclient_del(kc, value);
	case KCLIENT_EAGER:
		return kclient_eager(kc, value);
	case KCLIENT_HOLD_TIME:
		vhost_rpmsg_set_hold_time(&kc->vr, value);
		return 0;
	case KCLIENT_RELEASE:
		spin_lock(&kc->work_lock);
		kc->released += value;
		spin_unlock(&kc->work_lock);
		vhost_rpmsg_ept_resume(&kc->ept[HOLD]);
		return 0;
	case KCLIENT_ANNOUNCE:
		return vhost_rpmsg_ns_announce(&kc->vr, "kclient", value);
	case KCLIENT_WITHDRAW:
		return vhost_rpmsg_ns_withdraw(&kc->vr, value);
	}
	return vhost_rpmsg_ioctl(&kc->vr, ioctl, arg);
}

static ssize_t kclient_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct kclient *kc = iocb->ki_filp->private_data;

	return vhost_rpmsg_read_iter(&kc->vr, iocb, to);
}

static ssize_t kclient_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct kclient *kc = iocb->ki_filp->private_data;

	return vhost_rpmsg_write_iter(&kc->vr, from);
}

static __poll_t kclient_poll(struct file *file, poll_table *wait)
{
	struct kclient *kc = file->private_data;

	return vhost_rpmsg_poll(&kc->vr, file, wait);
}

static const struct file_operations kclient_fops = {
	.owner = THIS_MODULE,
	.open = kclient_open,
	.release = kclient_release,
	.unlocked_ioctl = kclient_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = kclient_read_iter,
	.write_iter = kclient_write_iter,
	.poll = kclient_poll,
};

static struct miscdevice kclient_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-rpmsg-kclient",
	.fops = &kclient_fops,
};

static int __init kclient_init(void)
{
	int err;

	err = misc_register(&legacy_misc);
	if (err)
		return err;
	err = misc_register(&named_misc);
	if (err)
		goto err_named;
	/* Last, since tests wait for it. */
	err = misc_register(&kclient_misc);
	if (err)
		goto err_kclient;
	return 0;

err_kclient:
	misc_deregister(&named_misc);
err_named:
	misc_deregister(&legacy_misc);
	return err;
}

static void __exit kclient_exit(void)
{
	misc_deregister(&kclient_misc);
	misc_deregister(&named_misc);
	misc_deregister(&legacy_misc);
}

module_init(kclient_init);
module_exit(kclient_exit);

MODULE_DESCRIPTION("Client of vhost_rpmsg's in-kernel API, for tests");
MODULE_LICENSE("GPL");
