// SPDX-License-Identifier: GPL-2.0-only
/*
 * Char devices: a process accesses an endpoint through a file, whose read() and
 * write() are in reader.c and writer.c. This was the first client of the
 * in-kernel API.
 */
#include <linux/fs.h>
#include <linux/rpmsg.h>
#include <linux/slab.h>

#include <asm/ioctls.h>

#include <uapi/linux/rpmsg.h>

#include "chrdev.h"

/*
 * Account for an open file. The first one provides the endpoint's message
 * cache, and sets @spare to NULL. Returns 0 or an error.
 */
static int chrdev_count_open(struct vrpmsg_file *f, bool reads,
			     struct vrpmsg_spare **spare)
{
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	int err = 0;

	spin_lock(&chrdev->lock);
	if (chrdev->gone || chrdev->ended) {
		err = -ENETRESET;
	} else if (reads && chrdev->reader) {
		err = -EBUSY;
	} else {
		if (reads) {
			chrdev->reader = f;
			vrpmsg_chrdev_changed(chrdev);
		}
		if (!chrdev->spare)
			swap(chrdev->spare, *spare);
		chrdev->spare->files++;
		vrpmsg_linger_stop(chrdev);
	}
	spin_unlock(&chrdev->lock);
	return err;
}

/* Allocate the state of an open file. Returns NULL if there is no memory. */
static struct vrpmsg_file *chrdev_new_file(struct vrpmsg_chrdev *chrdev)
{
	/* eptdev_open() holds a lock that administrators need. */
	struct vrpmsg_file *f = kzalloc(sizeof(*f), VRPMSG_GFP_LOCKED);

	if (!f)
		return NULL;
	f->chrdev = chrdev;
	/* The first guest does not count as another guest. */
	f->generation = READ_ONCE(chrdev->ept.rdev->generation) ?: 1;
	mutex_init(&f->read_lock);
	vrpmsg_queue_init_retry(f);
	vrpmsg_room_init(f);
	f->memcg = get_mem_cgroup_from_mm(current->mm);
	return f;
}

static void chrdev_free_file(struct vrpmsg_file *f)
{
	mem_cgroup_put(f->memcg);
	kfree(f);
}

/**
 * vrpmsg_file_open - open an endpoint
 * @chrdev: endpoint; the file takes its own reference
 * @inode: inode of the file
 * @file: file
 *
 * Return: 0; -EBUSY: another file is open for reading; -ENETRESET: the endpoint
 * is gone; -ENOMEM.
 */
int vrpmsg_file_open(struct vrpmsg_chrdev *chrdev, struct inode *inode,
		     struct file *file)
{
	bool reads = file->f_mode & FMODE_READ;
	struct vrpmsg_spare *spare;
	struct vrpmsg_file *f;
	int err = -ENOMEM;

	f = chrdev_new_file(chrdev);
	if (!f)
		return -ENOMEM;
	spare = vrpmsg_spare_new(&chrdev->lock);
	if (!spare)
		goto err_file;
	err = chrdev_count_open(f, reads, &spare);
	vrpmsg_spare_free(spare);
	if (err)
		goto err_file;

	kref_get(&chrdev->ref);
	if (reads)
		vrpmsg_chrdev_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
	file->private_data = f;
	/* Lets io_uring work without an extra thread. */
	file->f_mode |= FMODE_NOWAIT;
	return nonseekable_open(inode, file);

err_file:
	chrdev_free_file(f);
	return err;
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	struct vrpmsg_chrdev *chrdev;
	int err;

	chrdev = vrpmsg_chrdev_get_by_id(iminor(inode));
	if (!chrdev)
		return -ENETRESET;
	/* The number may belong to an endpoint without such a node. */
	err = uid_valid(chrdev->owner) ? -ENETRESET :
					 vrpmsg_file_open(chrdev, inode, file);
	vrpmsg_chrdev_put(chrdev);
	return err;
}

/* The reader has closed its file. */
static void chrdev_reader_closed(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_queue unread;
	bool resume;

	vrpmsg_queue_init(&unread);
	spin_lock(&chrdev->lock);
	chrdev->reader = NULL;
	chrdev->closes++;
	chrdev->fresh = false;
	vrpmsg_chrdev_changed(chrdev);
	if (chrdev->gone || chrdev->closed == VHOST_RPMSG_CLOSED_POLICY_DROP)
		vrpmsg_queue_splice(&unread, &chrdev->rx);
	resume = vrpmsg_chrdev_can_resume(chrdev);
	spin_unlock(&chrdev->lock);

	vrpmsg_chrdev_drop_all(chrdev, &unread,
			       VHOST_RPMSG_A_STATS_RX_DISCARDS);
	if (resume)
		vrpmsg_chrdev_resume(chrdev);
	vrpmsg_chrdev_event(chrdev, VHOST_RPMSG_EVENT_CHANGE);
}

/* The last close frees the message cache, and ends a temporary endpoint. */
static void chrdev_count_close(struct vrpmsg_chrdev *chrdev)
{
	struct vrpmsg_spare *spare = NULL;
	bool end = false;

	spin_lock(&chrdev->lock);
	if (!--chrdev->spare->files) {
		swap(chrdev->spare, spare);
		end = chrdev->temporary && vrpmsg_linger_begin(chrdev);
	}
	spin_unlock(&chrdev->lock);
	vrpmsg_spare_free(spare);
	if (end)
		vrpmsg_chrdev_del(chrdev);
}

/* Close a file. If vrpmsg_file_open() failed, there is nothing to do. */
int vrpmsg_file_release(struct inode *inode, struct file *file)
{
	struct vrpmsg_file *f = file->private_data;
	struct vrpmsg_chrdev *chrdev;

	if (!f)
		return 0;
	chrdev = f->chrdev;

	if (file->f_mode & FMODE_READ)
		chrdev_reader_closed(chrdev);
	/* The worker only schedules it while this file is the reader. */
	cancel_delayed_work_sync(&f->retry);
	/* No read() runs any more. */
	cancel_delayed_work_sync(&f->resume);
	chrdev_count_close(chrdev);
	chrdev_free_file(f);
	vrpmsg_chrdev_put(chrdev);
	return 0;
}

/* Whether there is a guest that the process does not know of yet. */
static bool chrdev_new_guest(struct vrpmsg_file *f)
{
	u32 generation = READ_ONCE(f->chrdev->ept.rdev->generation);

	return generation && generation != READ_ONCE(f->generation);
}

/*
 * What write() would do: EPOLLOUT is only reported if there is a remote, for
 * processes that wait for one. EPOLLMSG is for those that wait to send a
 * message, which was for the remote that is gone.
 */
static __poll_t chrdev_poll_write(struct vrpmsg_chrdev *chrdev)
{
	switch (vrpmsg_file_may_write(chrdev)) {
	case 0:
		return VRPMSG_POLL_WRITE;
	case -EAGAIN:
		return 0;
	default:
		return EPOLLMSG;
	}
}

__poll_t vrpmsg_file_poll(struct file *file, poll_table *wait)
{
	struct vrpmsg_file *f = file->private_data;
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	__poll_t mask = 0;

	poll_wait(file, &chrdev->rx_wait, wait);
	poll_wait(file, &chrdev->tx_wait, wait);

	spin_lock(&chrdev->lock);
	if ((file->f_mode & FMODE_READ) && !vrpmsg_queue_empty(&chrdev->rx))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (chrdev->gone)
		mask |= EPOLLHUP | EPOLLERR;
	else if (file->f_mode & FMODE_WRITE)
		mask |= chrdev_poll_write(chrdev);
	spin_unlock(&chrdev->lock);
	if (chrdev_new_guest(f))
		mask |= EPOLLPRI;
	return mask;
}

static void chrdev_ack_guest(struct vrpmsg_file *f, u32 generation)
{
	WRITE_ONCE(f->generation, generation ?: 1);
}

/* Sum up the messages dropped in each direction, for any reason. */
static void chrdev_dropped(struct vrpmsg_chrdev *chrdev,
			   struct vhost_rpmsg_ept_info *info)
{
	static const u8 rx[] = {
		VHOST_RPMSG_A_STATS_RX_DROP_FULL,
		VHOST_RPMSG_A_STATS_RX_DROP_CLOSED,
		VHOST_RPMSG_A_STATS_RX_DROP_NOMEM,
		VHOST_RPMSG_A_STATS_RX_DROP_INVALID,
	};
	static const u8 tx[] = {
		VHOST_RPMSG_A_STATS_TX_DROP_RESET,
		VHOST_RPMSG_A_STATS_TX_DROP_SIZE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rx); i++)
		info->rx_dropped += atomic64_read(&chrdev->stats[rx[i]]);
	for (i = 0; i < ARRAY_SIZE(tx); i++)
		info->tx_dropped += atomic64_read(&chrdev->stats[tx[i]]);
}

static int chrdev_get_info(struct vrpmsg_file *f, void __user *argp)
{
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	struct vrpmsg_dev *rdev = chrdev->ept.rdev;
	struct vhost_rpmsg_ept_info info = {
		.dev_id = rdev->id,
		.id = chrdev->id,
		.src = chrdev->ept.addr,
	};

	strscpy(info.name, chrdev->name, sizeof(info.name));
	mutex_lock(&rdev->lock);
	strscpy(info.dev_name, rdev->name, sizeof(info.dev_name));
	info.dst = chrdev->ept.remote;
	info.mtu = vrpmsg_dev_mtu(rdev);
	info.generation = READ_ONCE(rdev->generation);
	if (chrdev->addressed)
		info.flags |= VHOST_RPMSG_EPT_ADDRESSED;
	if (chrdev->ept.ann)
		info.flags |= VHOST_RPMSG_EPT_ANNOUNCED;
	if (READ_ONCE(chrdev->gone))
		info.flags |= VHOST_RPMSG_EPT_GONE;
	mutex_unlock(&rdev->lock);
	spin_lock(&chrdev->lock);
	if (chrdev->rx.head)
		info.head_generation = chrdev->rx.head->generation;
	spin_unlock(&chrdev->lock);
	chrdev_dropped(chrdev, &info);

	if (copy_to_user(argp, &info, sizeof(info)))
		return -EFAULT;
	chrdev_ack_guest(f, info.generation);
	return 0;
}

/* Report the size of the buffer that read() needs for the next message. */
static int chrdev_fionread(struct vrpmsg_file *f, int __user *argp)
{
	struct vrpmsg_chrdev *chrdev = f->chrdev;
	int len = 0;

	if (READ_ONCE(f->batch))
		len = sizeof(struct vhost_rpmsg_rec);
	else if (chrdev->addressed)
		len = sizeof(struct vhost_rpmsg_addr);
	spin_lock(&chrdev->lock);
	len = chrdev->rx.head ? len + chrdev->rx.head->len : 0;
	spin_unlock(&chrdev->lock);
	return put_user(len, argp);
}

/* Like rpmsg_char on virtio: neither side can restrict the other. */
static int chrdev_flow_control(struct vrpmsg_file *f, int __user *argp)
{
	int err = put_user(0, argp);

	if (!err)
		chrdev_ack_guest(f, READ_ONCE(f->chrdev->ept.rdev->generation));
	return err;
}

static int chrdev_set_batch(struct vrpmsg_file *f, int __user *argp)
{
	int batch;

	if (get_user(batch, argp))
		return -EFAULT;
	if (batch != 0 && batch != 1)
		return -EINVAL;
	WRITE_ONCE(f->batch, batch);
	return 0;
}

/* The ioctls that the files of all endpoints have in common. */
long vrpmsg_file_ioctl(struct file *file, unsigned int ioctl, unsigned long arg)
{
	struct vrpmsg_file *f = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (ioctl) {
	case FIONREAD:
		return file->f_mode & FMODE_READ ? chrdev_fionread(f, argp) :
						   -EBADF;
	case RPMSG_DESTROY_EPT_IOCTL:
		/* An administrator's, like rpmsg_char's default endpoint. */
		return READ_ONCE(f->chrdev->gone) ? -EPIPE : -EINVAL;
	case RPMSG_GET_OUTGOING_FLOWCONTROL:
		return chrdev_flow_control(f, argp);
	case RPMSG_SET_INCOMING_FLOWCONTROL:
		return arg > 1 ? -EINVAL : -EOPNOTSUPP;
	case VHOST_RPMSG_EPT_GET_INFO:
		return chrdev_get_info(f, argp);
	case VHOST_RPMSG_EPT_SET_BATCH:
		return chrdev_set_batch(f, argp);
	}
	return -ENOTTY;
}

static const struct file_operations chrdev_fops = {
	.owner = THIS_MODULE,
	.open = chrdev_open,
	.release = vrpmsg_file_release,
	.read_iter = vrpmsg_file_read_iter,
	.write_iter = vrpmsg_file_write_iter,
	.poll = vrpmsg_file_poll,
	.unlocked_ioctl = vrpmsg_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

int vrpmsg_chrdev_register(void)
{
	int err;

	err = vrpmsg_msg_init();
	if (err)
		return err;
	err = vrpmsg_spare_register();
	if (err)
		goto err_spare;
	err = vrpmsg_node_register(&chrdev_fops);
	if (err)
		goto err_node;
	return 0;

err_node:
	vrpmsg_spare_unregister();
err_spare:
	vrpmsg_msg_exit();
	return err;
}

void vrpmsg_chrdev_unregister(void)
{
	vrpmsg_linger_exit();
	vrpmsg_node_unregister();
	vrpmsg_spare_unregister();
	vrpmsg_msg_exit();
}
