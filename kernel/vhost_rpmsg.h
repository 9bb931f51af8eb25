/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The in-kernel API of vhost_rpmsg: an RPMsg server for vhost drivers.
 *
 * A vhost driver with its own virtio device ID embeds a struct vhost_rpmsg,
 * brings endpoints, and hands its file operations through to the functions
 * below. The char devices /dev/vrpmsg-epN are clients of the same API.
 *
 * Byte order: all numbers in this interface are in CPU byte order. What is on
 * the wire is converted in one place, where a header is read or written.
 */
#ifndef VHOST_RPMSG_H
#define VHOST_RPMSG_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/uio.h>

#include <uapi/linux/vhost_rpmsg.h>
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
	size_t len;			/* see vhost_rpmsg_iter_len() */
	size_t copied;
	bool fault;			/* guest memory was not accessible */
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
 * Return: bytes of payload that a request holds, or that a response can take.
 * At most 65535.
 */
static inline size_t vhost_rpmsg_iter_len(const struct vhost_rpmsg_iter *iter)
{
	return iter->len;
}

/**
 * struct vhost_rpmsg_ept_ops - what an endpoint may have beyond read and write
 * @send: build one message that no request asked for, as write() does, with
 *	@dst to be set as well; called after vhost_rpmsg_ept_send(). Returns 1
 *	when more wait, 0 when that was all, -ENODATA when there was nothing to
 *	send. With -EMSGSIZE the buffer is too small, goes back to the guest
 *	empty, and @send is called again with another one; with any other error
 *	it is called again with the same one.
 * @unsend: the message that @send has just built did not reach the guest, whose
 *	buffer cannot be written; @send is called again. May be NULL.
 * @complete: a burst of calls of @read, @write and @send is over; the place to
 *	wake somebody up. May be NULL.
 * @remote_changed: the remote of the endpoint is another one or none. Called
 *	with the device's mutex held. May be NULL.
 * @reset: the guest is gone; drop what waits for it. Called with the device's
 *	mutex and both virtqueue mutexes held, or with no worker about. May be
 *	NULL.
 * @deleted: the endpoint is off the table; callbacks that are on their way may
 *	still come. Called with the device's mutex held. May be NULL.
 * @release: the last user of a deleted endpoint is done. RCU readers may still
 *	see the endpoint, so it must be freed with kfree_rcu(). When NULL,
 *	vhost_rpmsg_ept_del() waits for the last user.
 *
 * @orphan: the device is being deleted; delete the endpoint. NULL for an endpoint
 *	of a driver that deletes its endpoints itself.
 *
 * All callbacks may sleep. They must not call vhost_rpmsg_start_lock() nor
 * delete their own endpoint when it has no @release.
 */
struct vhost_rpmsg_ept_ops {
	int (*send)(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
	void (*unsend)(struct vhost_rpmsg_ept *ept);
	void (*complete)(struct vhost_rpmsg_ept *ept);
	void (*remote_changed)(struct vhost_rpmsg_ept *ept);
	void (*reset)(struct vhost_rpmsg_ept *ept);
	void (*deleted)(struct vhost_rpmsg_ept *ept);
	void (*release)(struct vhost_rpmsg_ept *ept);
	void (*orphan)(struct vhost_rpmsg_ept *ept);
};

/**
 * struct vhost_rpmsg_ept - an endpoint: a local address and who serves it
 * @read: consume the payload of a request with vhost_rpmsg_copy(). Called in
 *	the vhost worker. A negative return value means that the request was not
 *	wanted, except for -EAGAIN: it stays in the ring, the guest is held
 *	back, and vhost_rpmsg_ept_resume() makes the worker try again.
 * @write: build the response to the request that @read has just returned from,
 *	with vhost_rpmsg_copy(). A negative return value means that there is
 *	none. NULL when requests have no responses. A request is only taken from
 *	the ring once there is a buffer for its response.
 * @addr: local address; VHOST_RPMSG_ADDR_ANY has vhost_rpmsg_ept_add() choose
 *	one from 1024
 * @name: name of the service, or NULL; must stay valid as long as the endpoint
 * @learn: give the endpoint a remote when one becomes known: the source of the
 *	first message, or a channel of the same name
 * @ops: the rest of the callbacks, or NULL
 *
 * The other members are private.
 */
struct vhost_rpmsg_ept {
	ssize_t (*read)(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
	ssize_t (*write)(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter);
	u32 addr;
	bool learn;
	const char *name;
	const struct vhost_rpmsg_ept_ops *ops;
	/* private: */
	bool touched;			/* worker: on vr->touched, with a reference */
	bool dead;			/* rdev->ready_lock: deleted, takes no turns */
	u8 remote_kind;			/* rdev->lock */
	u32 remote;			/* rdev->lock to change */
	refcount_t users;
	struct vrpmsg_dev *rdev;
	struct vrpmsg_ann *ann;		/* rdev->lock */
	struct list_head ready_node;	/* rdev->ready_lock */
	struct list_head touched_node;	/* worker */
	struct completion *unused;	/* who waits for the last user */
};

/**
 * struct vhost_rpmsg - the rings of one virtio-rpmsg device
 * @dev: the vhost device; its file operations are the driver's to wire up
 * @vq: the two virtqueues, VIRTIO_RPMSG_RESPONSE and VIRTIO_RPMSG_REQUEST
 *
 * The other members are private.
 */
struct vhost_rpmsg {
	struct vhost_dev dev;
	struct vhost_virtqueue vq[VIRTIO_RPMSG_NUM_OF_VQS];
	/* private: */
	struct vhost_virtqueue *vq_p[VIRTIO_RPMSG_NUM_OF_VQS];
	struct vrpmsg_dev *rdev;	/* dev.mutex; constant once there is an owner */
	struct list_head touched;	/* both vq mutexes: endpoints of this burst */
	/* vq mutex: used entries in vq->heads */
	unsigned int done[VIRTIO_RPMSG_NUM_OF_VQS];
	bool mtu_seen;			/* vq[RESPONSE].mutex */
	bool starved;			/* worker: somebody waits for a response buffer */
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

int vhost_rpmsg_init(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept,
		     unsigned int n_epts);
void vhost_rpmsg_destroy(struct vhost_rpmsg *vr);
long vhost_rpmsg_ioctl(struct vhost_rpmsg *vr, unsigned int ioctl,
		       unsigned long arg);

int vhost_rpmsg_ept_add(struct vhost_rpmsg *vr, struct vhost_rpmsg_ept *ept);
int vhost_rpmsg_ept_del(struct vhost_rpmsg_ept *ept);
int vhost_rpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote);
void vhost_rpmsg_ept_send(struct vhost_rpmsg_ept *ept);
void vhost_rpmsg_ept_resume(struct vhost_rpmsg_ept *ept);

int vhost_rpmsg_ns_announce(struct vhost_rpmsg *vr, const char *name, u32 src);
int vhost_rpmsg_ns_withdraw(struct vhost_rpmsg *vr, u32 src);

int vhost_rpmsg_start_lock(struct vhost_rpmsg *vr,
			   struct vhost_rpmsg_iter *iter, unsigned int qid,
			   ssize_t len);
size_t vhost_rpmsg_copy(struct vhost_rpmsg *vr, struct vhost_rpmsg_iter *iter,
			void *data, size_t size);
int vhost_rpmsg_finish_unlock(struct vhost_rpmsg *vr,
			      struct vhost_rpmsg_iter *iter);

#endif /* VHOST_RPMSG_H */
