/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The in-kernel API of vhost_rpmsg: an RPMsg server for vhost drivers.
 *
 * A vhost driver with its own virtio device ID embeds a struct vhost_rpmsg,
 * provides endpoints, and passes its file operations on to the functions below.
 * A driver without a device of its own registers a struct vhost_rpmsg_client,
 * and adds endpoints to devices that an administrator has named. The char
 * devices /dev/vrpmsg-epN use the same API. docs/in-kernel-api.md has an
 * example of each.
 *
 * Byte order: all numbers of this interface are in CPU byte order. They are
 * converted to and from wire order in one place, where a header is read or
 * written.
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
 * struct vhost_rpmsg_iter - one buffer of the guest, while it is being
 * processed
 * @src: sender's address. In a request: the remote. In a response: initialised
 *	to the endpoint's address in callbacks; other senders must set it.
 * @dst: receiver's address. In a request: the endpoint. In a response to a
 *	request: initialised to the request's source. In other responses: must
 *	be set.
 * @ept: the endpoint whose callback is called
 * @priv: for the client. NULL when read() or send() is called; write() finds
 *	what read() has stored.
 *
 * The other members are private.
 */
struct vhost_rpmsg_iter {
	u32 src;
	u32 dst;
	struct vhost_rpmsg_ept *ept;
	void *priv;
	/* private: */
	struct iov_iter iov_iter;	/* payload that is not copied yet */
	struct iov_iter hdr_iter;	/* header of a response, segmented */
	struct vhost_virtqueue *vq;
	int head;
	unsigned int iov_num;
	unsigned int log_num;
	size_t size;			/* of the buffer, with its header */
	size_t len;			/* see vhost_rpmsg_iter_len() */
	size_t room;			/* see vhost_rpmsg_iter_room() */
	size_t copied;
	bool fault;			/* guest memory was not accessible */
	bool exact;			/* the message must have @len bytes */
};

/* Initialise the iterator of a message without a request. */
#define VHOST_RPMSG_ITER(_src, _dst)		\
	{					\
		.src = (_src), .dst = (_dst)	\
	}

/**
 * vhost_rpmsg_iter_len - get the length of the message
 * @iter: iterator, in a callback or after vhost_rpmsg_start_lock()
 *
 * Return: length of the payload in bytes, at most 65535. In read(): that of the
 * request. In write(): the return value of read(), limited to
 * vhost_rpmsg_iter_room(). After vhost_rpmsg_start_lock(): for a request the
 * return value of read(), for a response the length that was asked for. In
 * send(), which determines the length itself: 0.
 */
static inline size_t vhost_rpmsg_iter_len(const struct vhost_rpmsg_iter *iter)
{
	return iter->len;
}

/**
 * vhost_rpmsg_iter_room - get the room for the payload of a response
 * @iter: iterator, in write() or send(), or after vhost_rpmsg_start_lock() for a
 *	response
 *
 * Return: bytes that fit into the guest's buffer, at most 65535. 0 for a
 * request.
 */
static inline size_t vhost_rpmsg_iter_room(const struct vhost_rpmsg_iter *iter)
{
	return iter->room;
}

/**
 * struct vhost_rpmsg_ept_ops - optional callbacks of an endpoint
 * @send: build one message that is not a response to a request. Like write(),
 *	but must set @dst as well. Called after vhost_rpmsg_ept_send(). Returns
 *	1 if more messages are waiting, 0 if not, -ENODATA if there was nothing
 *	to send, and -EMSGSIZE if the message is too long for this buffer. In
 *	the last case the endpoint must keep the message, and @send is called
 *	again with other buffers. Likewise after -EFAULT, if that is because
 *	vhost_rpmsg_copy() has copied less; @unsend is not called then. After any
 *	other error, @send is only called again after vhost_rpmsg_ept_send().
 * @unsend: the message that @send has just built did not reach the guest,
 *	because its buffer cannot be written. @send is called again and must
 *	build it again. May be NULL.
 * @drop: drop the message for which @send has returned -EMSGSIZE: it fits into
 *	no buffer of the guest. Required if @send can return -EMSGSIZE.
 * @rx_complete: a burst of calls of @read and @write is over; wake up waiters
 *	here. May be NULL.
 * @tx_complete: a burst of calls of @send, @unsend and @drop is over. May be
 *	NULL.
 * @remote_changed: the remote of the endpoint has been set, changed or cleared.
 *	Called with the device's mutex held. May be NULL.
 * @reset: the guest is gone; drop the messages that wait for it. Called with
 *	the device's mutex held, and with both virtqueue mutexes held unless
 *	there is no worker. May be NULL.
 * @new_guest: there is a new guest, possibly the first. Called in the same
 *	context as @reset and after it, but also if there was nothing to drop.
 *	May be NULL.
 * @running: the rings have started or stopped. After a stop, no message is
 *	being processed by a callback. Called at each start and stop; a start
 *	may follow a stop without a new guest. Also called when an endpoint is
 *	added while the rings run: it has its address, and cannot be refused any
 *	more. Called with the device's mutex held, and mostly with other mutexes.
 *	May be NULL.
 * @deleted: the endpoint has been removed from the table; callbacks that are
 *	already in progress may still be called. Called with the device's mutex
 *	held. May be NULL.
 * @release: the last user of a deleted endpoint is gone. RCU readers may still
 *	see the endpoint, so it must be freed with kfree_rcu(). If NULL,
 *	vhost_rpmsg_ept_del() waits for the last user. All calls have returned
 *	when vhost_rpmsg_destroy() returns, and on a named device when
 *	vhost_rpmsg_unregister_client() does, if the client's remove() waits
 *	until it has been called for each endpoint.
 *
 * Each direction has its own work, possibly on its own worker. One thread at a
 * time calls @read, @write and @rx_complete of an endpoint, and one thread at a
 * time calls @send, @unsend, @drop and @tx_complete, but both may do so at the
 * same time.
 *
 * All callbacks may sleep, which makes the guest wait. Callbacks that are
 * called with the device's mutex held must not call functions of this API that
 * may sleep. The others may add endpoints, announce them and set their remotes,
 * but must not call vhost_rpmsg_start_lock() or delete an endpoint without
 * @release. For the device of the callback, such calls return -EDEADLK and print
 * a warning. For other devices they are forbidden as well, but not detected: two
 * devices could wait for each other.
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
};

/**
 * struct vhost_rpmsg_ept - an endpoint: a local address and its callbacks
 * @read: consume the payload of a request with vhost_rpmsg_copy(). Called in
 *	the vhost worker. Returns the length of the response if there is @write,
 *	else 0. On -EAGAIN, the request stays in the ring and the guest is held
 *	back until vhost_rpmsg_ept_resume() makes the worker retry. Once the
 *	guest has been held back for the device's hold time, requests that @read
 *	refuses this way are dropped and counted, until @read accepts one
 *	again, a longer hold time is set, or the guest is reset.
 *	After any other error, the request is dropped, unless its memory was not
 *	accessible; then it is retried.
 * @write: build the response to the request that @read has just consumed, with
 *	vhost_rpmsg_copy(). On an error, no response is sent. NULL if requests
 *	have no responses. A request is only taken from the ring when there is a
 *	buffer for its response. The response has the length that was copied, at
 *	most vhost_rpmsg_iter_room().
 * @addr: local address; with VHOST_RPMSG_ADDR_ANY, vhost_rpmsg_ept_add()
 *	chooses a free one, from 1024 on
 * @name: name of the service, 1 to 31 printable ASCII characters, or NULL; must
 *	stay valid as long as the endpoint
 * @learn: set the remote when one becomes known: the source of the first
 *	message, or a channel of the same name
 * @follow: with @learn, set the remote to the source of each message
 * @ops: the other callbacks, or NULL
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
	/* vq mutex: on the list of the ring's burst, which holds a reference */
	bool touched[VIRTIO_RPMSG_NUM_OF_VQS];
	bool dead;			/* rdev->ready_lock: deleted */
	bool known;			/* rdev->lock: complete, not deleted */
	bool notified;			/* rdev->lock: its NEW event was sent */
	bool shown;			/* rdev->lock: it appeared in a reply */
	bool yields;			/* others are bound to channels first */
	u8 remote_kind;			/* rdev->lock */
	u32 remote;			/* rdev->lock to change */
	refcount_t users;
	u32 id;				/* number of a driver's on a named device */
	struct vrpmsg_dev *rdev;
	struct vrpmsg_ann *ann;		/* rdev->lock */
	struct hlist_node name_node;	/* rdev->lock */
	struct list_head event_node;	/* rdev->lock */
	struct list_head ready_node;	/* rdev->ready_lock */
	s32 credit;			/* vq[RESPONSE].mutex: bytes it may send */
	u32 round;			/* likewise: round of @credit */
	u32 misfits;			/* likewise: buffers too small for it */
	u32 dropping;			/* vq[REQUEST].mutex: expired hold time */
	struct list_head touched_node[VIRTIO_RPMSG_NUM_OF_VQS];	/* vq mutex */
	struct completion *unused;	/* to be completed by the last user */
	/* Deletes a char device's endpoint with its device; else NULL. */
	void (*orphan)(struct vhost_rpmsg_ept *ept);
};

/**
 * struct vrpmsg_ring - state of one virtqueue
 * @vq: the virtqueue, whose mutex protects the rest
 * @done: number of used entries in vq->heads that are not published yet
 * @tries: number of retries of the head entry or the used entries since their
 *	memory was found inaccessible
 * @due: @timer has expired; written by the timer
 * @timer: queues the ring's work; may run while the rings do
 * @touched: endpoints used by this burst
 * @burst: thread that calls callbacks of endpoints, or NULL; written with the
 *	mutex held
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
 * @vq: the two virtqueues, VIRTIO_RPMSG_RESPONSE and VIRTIO_RPMSG_REQUEST. A
 *	driver may queue its own works on them. Use only vhost_rpmsg_ioctl() and
 *	vhost_rpmsg_set_running() to start and stop them and to set their
 *	features.
 *
 * The other members are private.
 */
struct vhost_rpmsg {
	struct vhost_dev dev;
	struct vhost_virtqueue vq[VIRTIO_RPMSG_NUM_OF_VQS];
	/* private: */
	struct vhost_rpmsg_ept *epts;	/* copied by vhost_rpmsg_init() */
	u64 features;			/* dev.mutex: offered in addition */
	struct vhost_virtqueue *vq_p[VIRTIO_RPMSG_NUM_OF_VQS];
	struct vrpmsg_dev *rdev;	/* dev.mutex; constant once there is an owner */
	struct vrpmsg_ring ring[VIRTIO_RPMSG_NUM_OF_VQS];
	/* vq[RESPONSE].mutex protects the following up to peeked_mtu */
	bool rx_starved;		/* a request waits for a buffer */
	bool rx_turn;			/* it gets the next one, before messages */
	bool rx_blocked;		/* requests wait for this ring's memory */
	bool peek_done;			/* all buffers at the start were seen */
	u32 peeked;			/* buffers seen in search of the MTU */
	bool peek_seen;			/* one of them can hold a message */
	u32 peeked_mtu;			/* the largest of them */
	bool restarted;			/* atomic: restart without a reset */
	bool keep;			/* dev.mutex: VHOST_RPMSG_ATTACH_KEEP */
};

/**
 * vhost_rpmsg_ept_remote - get the address of an endpoint's remote
 * @ept: endpoint
 *
 * Return: the address, or VHOST_RPMSG_ADDR_ANY if there is no remote.
 */
static inline u32 vhost_rpmsg_ept_remote(const struct vhost_rpmsg_ept *ept)
{
	return READ_ONCE(ept->remote);
}

/**
 * struct vhost_rpmsg_client - a driver that serves endpoints on named devices
 * @name: name of the device, or NULL for all; must stay valid as long as the
 *	client is registered
 * @add: called for each device with a matching name that exists at registration
 *	or is created later. The driver may add endpoints until @remove returns.
 *	Returns 0, or an error if the driver does not want the device; @remove
 *	is not called then.
 * @remove: the device is being deleted, or the client unregistered. The driver
 *	must have deleted all its endpoints on the device when this returns, and
 *	ops->release must have been called for those that have it.
 *
 * Named devices are those that an administrator has created. Clients are not
 * told of devices to which a VMM has given a name.
 *
 * @add must not wait for a guest, as vhost_rpmsg_ept_del() does without
 * ops->release. It is called for one device at a time. Neither callback may
 * register or unregister a client or use generic netlink, whose lock is held
 * while an administrator creates or deletes a device. Both are called in process
 * context and may sleep.
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
	struct list_head devs;		/* of this client */
};

int vhost_rpmsg_register_client(struct vhost_rpmsg_client *client);
void vhost_rpmsg_unregister_client(struct vhost_rpmsg_client *client);

/**
 * vhost_rpmsg_dev - get the device of a driver's rings
 * @vr: rings, after vhost_rpmsg_init()
 *
 * Return: the device, which is valid until vhost_rpmsg_destroy().
 */
static inline struct vrpmsg_dev *vhost_rpmsg_dev(const struct vhost_rpmsg *vr)
{
	return vr->rdev;
}

/**
 * vhost_rpmsg_ept_dev - get the device of an endpoint
 * @ept: endpoint that has been added
 *
 * Return: the device, which is valid until the endpoint is deleted.
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
