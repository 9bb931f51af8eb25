/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The in-kernel API of vhost_rpmsg: an RPMsg server for vhost drivers.
 *
 * A vhost driver with its own virtio device ID embeds a struct vhost_rpmsg,
 * brings endpoints, and hands its file operations through to the functions
 * below. A driver without a device of its own is a struct vhost_rpmsg_client,
 * and adds endpoints to devices that an administrator has named. The char devices
 * /dev/vrpmsg-epN are clients of the same API. docs/in-kernel-api.md has an
 * example of each.
 *
 * Byte order: all numbers in this interface are in CPU byte order. What is on
 * the wire is converted in one place, where a header is read or written.
 */
#ifndef VHOST_RPMSG_H
#define VHOST_RPMSG_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/timer.h>
#include <linux/types.h>
#include <linux/uio.h>

#include <uapi/linux/vhost_rpmsg.h>
#include <uapi/linux/vhost_rpmsg_netlink.h>
#include "vhost.h"

/* RPMsg uses two virtqueues, one for each direction. */
enum {
	VIRTIO_RPMSG_RESPONSE,	/* host to guest: the guest posts empty buffers */
	VIRTIO_RPMSG_REQUEST,	/* guest to host */
	VIRTIO_RPMSG_NUM_OF_VQS,
};

struct vhost_rpmsg;
struct vhost_rpmsg_ept;
struct vrpmsg_dev;

/**
 * struct vhost_rpmsg_iter - one buffer of the guest, while it is worked on
 * @src: sender's address. Of a request: the remote. Of a response: to be set by
 *	whoever builds it; the worker has set it to the endpoint's address.
 * @dst: receiver's address. Of a request: the endpoint's. Of a response: to be
 *	set; after a request the worker has set it to the request's source.
 * @ept: the endpoint that a callback is called for
 * @priv: for the client; it is NULL when a callback starts, and what read()
 *	stores is there in the write() that follows
 *
 * The other members are private.
 */
struct vhost_rpmsg_iter {
	u32 src;
	u32 dst;
	struct vhost_rpmsg_ept *ept;
	void *priv;
	/* private: */
	struct iov_iter iov_iter;	/* the payload not copied yet */
	struct iov_iter hdr_iter;	/* for a response's header, in several pieces */
	struct vhost_virtqueue *vq;
	int head;
	unsigned int iov_num;
	unsigned int log_num;
	size_t size;			/* of the buffer, with its header */
	size_t len;			/* see vhost_rpmsg_iter_len() */
	size_t room;			/* see vhost_rpmsg_iter_room() */
	size_t copied;
	bool fault;			/* guest memory was not accessible */
	bool exact;			/* the message is of @len bytes */
};

/* Initialise the iterator of a message with no request before it. */
#define VHOST_RPMSG_ITER(_src, _dst)		\
	{					\
		.src = (_src), .dst = (_dst)	\
	}

/**
 * vhost_rpmsg_iter_len - length of the message
 * @iter: iterator, in a callback or after vhost_rpmsg_start_lock()
 *
 * Return: bytes of payload, at most 65535. In read(): what the request holds. In
 * write(): what read() has returned, but never more than there is room for. After
 * vhost_rpmsg_start_lock(): of a request what read() has returned, of a response
 * the length that was asked for. In send(), which decides itself: 0.
 */
static inline size_t vhost_rpmsg_iter_len(const struct vhost_rpmsg_iter *iter)
{
	return iter->len;
}

/**
 * vhost_rpmsg_iter_room - room for the payload of a response
 * @iter: iterator, in write() or send(), or after vhost_rpmsg_start_lock() for a
 *	response
 *
 * Return: bytes, at most 65535: what the guest's buffer can take. 0 for a request.
 */
static inline size_t vhost_rpmsg_iter_room(const struct vhost_rpmsg_iter *iter)
{
	return iter->room;
}

/**
 * struct vhost_rpmsg_ept_ops - what an endpoint may have beyond read and write
 * @send: build one message that no request asked for, as write() does, with
 *	@dst to be set as well; called after vhost_rpmsg_ept_send(). Returns 1
 *	when more wait, 0 when that was all, -ENODATA when there was nothing to
 *	send. -EMSGSIZE: the message is too long for this buffer; it stays, and
 *	@send is called again with other buffers. After any other error @send is
 *	called again once the endpoint has asked with vhost_rpmsg_ept_send().
 * @unsend: the message that @send has just built did not reach the guest, whose
 *	buffer cannot be written; @send is called again. May be NULL.
 * @drop: the message that @send has refused with -EMSGSIZE fits into no buffer of
 *	the guest; drop it. Needed by whoever returns -EMSGSIZE.
 * @rx_complete: a burst of calls of @read and @write is over; the place to wake
 *	somebody up. May be NULL.
 * @tx_complete: a burst of calls of @send, @unsend and @drop is over. May be
 *	NULL.
 * @remote_changed: the remote of the endpoint is another one or none. Called
 *	with the device's mutex held. May be NULL.
 * @reset: the guest is gone; drop what waits for it. Called with the device's
 *	mutex and both virtqueue mutexes held, or with no worker about. May be
 *	NULL.
 * @new_guest: the guest is another one than before, or the first. Called as @reset
 *	is, and after it, but also when nothing was there to be dropped. May be
 *	NULL.
 * @running: the rings run, or do not any more, in which case no message is on its
 *	way in a callback. Told at each start and stop, of which one may follow
 *	another without a new guest, and before an endpoint is added while they
 *	run, and taken back if that fails. Called with the device's mutex held, and
 *	mostly with others. May be NULL.
 * @deleted: the endpoint is off the table; callbacks that are on their way may
 *	still come. Called with the device's mutex held. May be NULL.
 * @release: the last user of a deleted endpoint is done. RCU readers may still
 *	see the endpoint, so it must be freed with kfree_rcu(). When NULL,
 *	vhost_rpmsg_ept_del() waits for the last user. A module that has such a
 *	callback must wait for all of them before it can go.
 * @orphan: the device is being deleted; delete the endpoint. NULL for an endpoint
 *	of a driver that deletes its endpoints itself, in release() of its file or
 *	in remove() of its client.
 *
 * Each direction has a work of its own, perhaps on workers of their own: @read,
 * @write and @rx_complete of an endpoint are called by one thread at a time, and
 * so are @send, @unsend, @drop and @tx_complete, but one of the former may be
 * called at the same time as one of the latter.
 *
 * All callbacks may sleep; while they do, the guest waits. Those that are called
 * with the device's mutex held must call nothing that may sleep of this API. The
 * others may add endpoints, announce them and give them remotes, but must not call
 * vhost_rpmsg_start_lock() nor delete an endpoint that has no @release. What would
 * be a deadlock is refused with -EDEADLK and a warning.
 */
struct vhost_rpmsg_ept_ops {
	int (*send)(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
	void (*unsend)(struct vhost_rpmsg_ept *ept);
	void (*drop)(struct vhost_rpmsg_ept *ept);
	void (*rx_complete)(struct vhost_rpmsg_ept *ept);
	void (*tx_complete)(struct vhost_rpmsg_ept *ept);
	void (*remote_changed)(struct vhost_rpmsg_ept *ept);
	void (*reset)(struct vhost_rpmsg_ept *ept);
	void (*new_guest)(struct vhost_rpmsg_ept *ept);
	void (*running)(struct vhost_rpmsg_ept *ept, bool running);
	void (*deleted)(struct vhost_rpmsg_ept *ept);
	void (*release)(struct vhost_rpmsg_ept *ept);
	void (*orphan)(struct vhost_rpmsg_ept *ept);
};

/**
 * struct vhost_rpmsg_ept - an endpoint: a local address and who serves it
 * @read: consume the payload of a request with vhost_rpmsg_copy(). Called in
 *	the vhost worker. Returns the length of the response if @write is to be
 *	called, else 0. A negative return value means that the request was not
 *	wanted, except for -EAGAIN: it stays in the ring, the guest is held
 *	back, and vhost_rpmsg_ept_resume() makes the worker try again. When the
 *	guest has been held back for the hold-time of the device, what @read
 *	refuses so is dropped and counted, until @read takes a message again.
 * @write: build the response to the request that @read has just returned from,
 *	with vhost_rpmsg_copy(). A negative return value means that there is
 *	none. NULL when requests have no responses. A request is only taken from
 *	the ring once there is a buffer for its response. The response is as long
 *	as what has been copied, which vhost_rpmsg_iter_room() bounds.
 * @addr: local address; VHOST_RPMSG_ADDR_ANY has vhost_rpmsg_ept_add() choose
 *	one from 1024
 * @name: name of the service, or NULL; must stay valid as long as the endpoint
 * @learn: give the endpoint a remote when one becomes known: the source of the
 *	first message, or a channel of the same name
 * @follow: with @learn, have the source of each message be the remote
 * @ops: the rest of the callbacks, or NULL
 *
 * The other members are private.
 */
struct vhost_rpmsg_ept {
	ssize_t (*read)(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
	ssize_t (*write)(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
	u32 addr;
	bool learn;
	bool follow;
	const char *name;
	const struct vhost_rpmsg_ept_ops *ops;
	/* private: */
	/* vq mutex: on the ring's list of the burst, with a reference */
	bool touched[VIRTIO_RPMSG_NUM_OF_VQS];
	bool dead;			/* rdev->ready_lock: deleted, takes no turns */
	bool dropping;			/* vq[REQUEST].mutex: see guest.c */
	bool known;			/* rdev->lock: it is complete, and not deleted */
	bool told;			/* rdev->lock: listeners have heard of it */
	bool shown;			/* rdev->lock: or seen it in a reply */
	bool yields;			/* others come first when a channel is free */
	u8 remote_kind;			/* rdev->lock */
	u32 remote;			/* rdev->lock to change */
	refcount_t users;
	struct vrpmsg_dev *rdev;
	struct vrpmsg_ann *ann;		/* rdev->lock */
	struct hlist_node name_node;	/* rdev->lock */
	struct list_head event_node;	/* rdev->lock */
	struct list_head ready_node;	/* rdev->ready_lock */
	s32 credit;			/* vq[RESPONSE].mutex: bytes it may send */
	u32 round;			/* likewise: of the last credit */
	u32 misfits;			/* likewise: buffers too small for it */
	struct list_head touched_node[VIRTIO_RPMSG_NUM_OF_VQS];	/* vq mutex */
	struct completion *unused;	/* who waits for the last user */
};

/**
 * struct vrpmsg_ring - what the module keeps of one virtqueue
 * @vq: the virtqueue, whose mutex protects the rest
 * @done: used entries in vq->heads that the guest has not got back yet
 * @tries: how often the entry at the head, or the used entries, has been tried
 *	since its memory was not accessible
 * @due: @timer has run; written by the timer
 * @timer: has the worker look at the ring again; runs between start and stop
 * @touched: endpoints of this burst
 * @burst: the worker, while it calls endpoints; written with the mutex held
 */
struct vrpmsg_ring {
	struct vhost_virtqueue *vq;
	unsigned int done;
	u8 tries;
	bool due;
	struct timer_list timer;
	struct list_head touched;
	struct task_struct *burst;
};

/**
 * struct vhost_rpmsg - the rings of one virtio-rpmsg device
 * @dev: the vhost device
 * @vq: the two virtqueues, VIRTIO_RPMSG_RESPONSE and VIRTIO_RPMSG_REQUEST, on which
 *	a driver may queue works of its own; they are started, stopped and told
 *	their features with vhost_rpmsg_ioctl() or vhost_rpmsg_set_running() only
 *
 * The other members are private.
 */
struct vhost_rpmsg {
	struct vhost_dev dev;
	struct vhost_virtqueue vq[VIRTIO_RPMSG_NUM_OF_VQS];
	/* private: */
	struct vhost_rpmsg_ept *epts;	/* copies of those of vhost_rpmsg_init() */
	u64 features;			/* dev.mutex: offered besides */
	struct vhost_virtqueue *vq_p[VIRTIO_RPMSG_NUM_OF_VQS];
	struct vrpmsg_dev *rdev;	/* dev.mutex; constant once there is an owner */
	struct vrpmsg_ring ring[VIRTIO_RPMSG_NUM_OF_VQS];
	/* vq[RESPONSE].mutex, all of these */
	bool starved;			/* there was no buffer for a message */
	bool rx_starved;		/* or for the response to a request */
	bool rx_blocked;		/* requests wait for this ring's memory */
	bool looked;			/* at all buffers that were there at the start */
	u32 peeked;			/* buffers looked at for the MTU */
	u32 peeked_mtu;			/* the largest of them */
	bool anew;			/* atomic: the guest has begun anew */
	bool keep;			/* dev.mutex: VHOST_RPMSG_ATTACH_KEEP */
};

/**
 * vhost_rpmsg_ept_remote - address of the endpoint's remote
 * @ept: endpoint
 *
 * Return: VHOST_RPMSG_ADDR_ANY while none is known.
 */
static inline u32 vhost_rpmsg_ept_remote(const struct vhost_rpmsg_ept *ept)
{
	return READ_ONCE(ept->remote);
}

/**
 * struct vhost_rpmsg_client - a driver that serves endpoints on named devices
 * @name: of the device, or NULL for every one; must stay as long as the client is
 *	registered
 * @add: there is such a device: now, when the client is registered, or later. The
 *	driver may add endpoints until @remove returns. 0, or an error: the driver
 *	does not want this device, and @remove is not called.
 * @remove: the device is being deleted, or the client unregistered. All endpoints
 *	that the driver has added to it must be gone when this returns.
 *
 * Named devices are those that an administrator has made. How a VMM calls a device
 * of its own is the VMM's word, and no driver hears of it.
 *
 * @add must not wait for a guest, use generic netlink, nor register or unregister a
 * client. It is called for one device at a time. Both are called in process context
 * and may sleep.
 *
 * The other members are private.
 */
struct vhost_rpmsg_client {
	const char *name;
	int (*add)(struct vhost_rpmsg_client *client, struct vrpmsg_dev *rdev);
	void (*remove)(struct vhost_rpmsg_client *client,
		       struct vrpmsg_dev *rdev);
	/* private: */
	struct list_head node;		/* of all clients */
	struct list_head devs;		/* that it has */
};

int vhost_rpmsg_register_client(struct vhost_rpmsg_client *client);
void vhost_rpmsg_unregister_client(struct vhost_rpmsg_client *client);

/**
 * vhost_rpmsg_dev - the device of a driver's rings
 * @vr: after vhost_rpmsg_init()
 *
 * Return: what vhost_rpmsg_dev_name() and others want, until vhost_rpmsg_destroy().
 */
static inline struct vrpmsg_dev *vhost_rpmsg_dev(const struct vhost_rpmsg *vr)
{
	return vr->rdev;
}

/**
 * vhost_rpmsg_ept_dev - the device of an endpoint
 * @ept: endpoint that has been added
 *
 * Return: the device, until the endpoint is deleted.
 */
static inline struct vrpmsg_dev *
vhost_rpmsg_ept_dev(const struct vhost_rpmsg_ept *ept)
{
	return ept->rdev;
}

const char *vhost_rpmsg_dev_name(const struct vrpmsg_dev *rdev);
enum vhost_rpmsg_dev_state vhost_rpmsg_dev_state(const struct vrpmsg_dev *rdev);
u32 vhost_rpmsg_dev_mtu(const struct vrpmsg_dev *rdev);
u32 vhost_rpmsg_dev_generation(const struct vrpmsg_dev *rdev);
u64 vhost_rpmsg_dev_features(const struct vrpmsg_dev *rdev);
int vhost_rpmsg_dev_ept_add(struct vrpmsg_dev *rdev,
			    struct vhost_rpmsg_ept *ept);

int __must_check vhost_rpmsg_init(struct vhost_rpmsg *vr,
				  const struct vhost_rpmsg_ept *ept,
				  unsigned int n_epts);
void vhost_rpmsg_destroy(struct vhost_rpmsg *vr);
int vhost_rpmsg_offer_features(struct vhost_rpmsg *vr, u64 features);
void vhost_rpmsg_set_hold_time(struct vhost_rpmsg *vr, u32 hold_time);
int vhost_rpmsg_set_running(struct vhost_rpmsg *vr, int running);
long vhost_rpmsg_ioctl(struct vhost_rpmsg *vr, unsigned int ioctl,
		       unsigned long arg);
ssize_t vhost_rpmsg_read_iter(struct vhost_rpmsg *vr, struct kiocb *iocb,
			      struct iov_iter *to);
ssize_t vhost_rpmsg_write_iter(struct vhost_rpmsg *vr, struct iov_iter *from);
__poll_t vhost_rpmsg_poll(struct vhost_rpmsg *vr, struct file *file,
			  poll_table *wait);

int vhost_rpmsg_ept_add(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept);
int vhost_rpmsg_ept_del(struct vhost_rpmsg_ept *ept);
int vhost_rpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote);
int vhost_rpmsg_ept_announce(struct vhost_rpmsg_ept *ept, const char *name);
int vhost_rpmsg_ept_withdraw(struct vhost_rpmsg_ept *ept);
void vhost_rpmsg_ept_send(struct vhost_rpmsg_ept *ept);
void vhost_rpmsg_ept_resume(struct vhost_rpmsg_ept *ept);

int vhost_rpmsg_ns_announce(struct vhost_rpmsg *vr, const char *name, u32 src);
int vhost_rpmsg_ns_withdraw(struct vhost_rpmsg *vr, u32 src);

int __must_check vhost_rpmsg_start_lock(struct vhost_rpmsg *vr,
					struct vhost_rpmsg_iter *iter,
					unsigned int qid, ssize_t len);
size_t vhost_rpmsg_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size);
int vhost_rpmsg_finish_unlock(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter);

#endif /* VHOST_RPMSG_H */
