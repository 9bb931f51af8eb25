/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of vhost_rpmsg share.
 *
 * Layers, each knowing only the ones below it:
 *
 *   netlink.c chrdev.c   front ends: administration, char devices
 *   ept.c ns.c           address table and dispatch, name service
 *   rings.c              the two virtqueues, on the vhost core
 *   device.c vmm.c       devices by name, the file /dev/vhost-rpmsg
 *
 * Lock order, outermost first:
 *
 *   vrpmsg_chrdevs_lock		chrdev.c: char devices come and go
 *   vrpmsg_devs_lock		device.c: names and ids of devices
 *   vhost_dev.mutex		vhost core: ioctls of one VMM
 *   vq[RESPONSE].mutex		vhost core: a virtqueue; the core itself takes
 *   vq[REQUEST].mutex		both in the order of their indices
 *   rdev->lock			addresses, remotes, announcements, channels
 *   rdev->ready_lock		endpoints that have something to send
 *   chrdev->lock		queues of one char device
 *
 * The vhost worker copies from and to memory of the guest with the virtqueue
 * mutexes held, and a VMM can make such a copy take for ever (userfaultfd). So
 * nobody but the VMM's own ioctls and the worker takes these mutexes, and
 * nobody copies guest memory with any of the locks below them: netlink and the
 * char devices never wait for a guest.
 */
#ifndef VRPMSG_INTERNAL_H
#define VRPMSG_INTERNAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include <uapi/linux/vhost_rpmsg_netlink.h>
#include "compat.h"
#include "vhost_rpmsg.h"

/*
 * One burst: after so many messages, or bytes, the worker signals the guest,
 * wakes readers and writers, and lets other work have its turn.
 */
#define VRPMSG_PKT_WEIGHT	64
#define VRPMSG_BYTE_WEIGHT	0x80000
/* Messages that one endpoint may send before the next one's turn. */
#define VRPMSG_SEND_QUANTUM	16

#define VRPMSG_NUM_STATS	(VHOST_RPMSG_A_STATS_NS_INVALID + 1)

/* As on the wire, in the byte order that the vhost core negotiated. */
struct vrpmsg_hdr {
	__virtio32 src;
	__virtio32 dst;
	__virtio32 reserved;
	__virtio16 len;
	__virtio16 flags;
};

static_assert(sizeof(struct vrpmsg_hdr) == 16);

/**
 * struct vrpmsg_dev - a device: an address space with a name
 * @ref: held by the table of devices, the VMM and each endpoint
 * @id: number, 0 for one that an in-kernel client has to itself
 * @persistent: made over netlink, outlives its VMM
 * @name: vrpmsg_devs_lock and @lock to change, either to read
 * @lock: protects what is marked (l); a mutex, since events are allocated and
 *	sent under it
 * @dead: (l) deleted, takes no new endpoints
 * @attached: (l) a VMM has the device, until all that it left is cleaned up
 * @used: a guest's buffers have been used since the last reset, so that there is
 *	something to forget; both virtqueue mutexes, or no worker
 * @running: (l) the rings run
 * @features: (l) what the guest's driver has acknowledged
 * @vr: the rings, while a VMM has the device; @lock to change, RCU to read.
 *	Whoever queues work on it is inside an RCU read section, and the VMM's
 *	close waits for a grace period before it ends the worker.
 * @epts: address to struct vhost_rpmsg_ept; @lock to change, RCU to read
 * @next_addr: (l) where to look for the next free dynamic address
 * @num_epts: (l) endpoints that clients have added
 * @anns: (l) announcements, in the order in which they were made
 * @ns_pending: (l) announcements with a message to be sent
 * @ns_sending: (l) the announcement in the message that was made last, until it
 *	is known to have reached the guest
 * @ns_destroying: (l) that message takes it back
 * @chans: (l) remote address to struct vrpmsg_chan
 * @num_chans: (l) number of @chans
 * @ns_ept: the name service's endpoint, address 53
 * @ready_lock: protects @ready, and the readiness of endpoints; a spinlock,
 *	taken once or twice in a burst
 * @ready: endpoints that have something to send
 * @mtu: longest payload of a response, in bytes; written by the worker and at
 *	reset
 * @stalled: local address of the endpoint that holds the guest back, or
 *	VHOST_RPMSG_ADDR_ANY; written by the worker and at reset
 * @stats: counters, by netlink attribute
 */
struct vrpmsg_dev {
	struct kref ref;
	u32 id;
	bool persistent;
	char name[VHOST_RPMSG_NAME_SIZE];

	struct mutex lock;
	bool dead;
	bool attached;
	bool used;
	bool running;
	u64 features;
	struct vhost_rpmsg __rcu *vr;
	struct xarray epts;
	u32 next_addr;
	u32 num_epts;
	struct list_head anns;
	struct list_head ns_pending;
	struct vrpmsg_ann *ns_sending;
	bool ns_destroying;
	struct xarray chans;
	u32 num_chans;
	struct vhost_rpmsg_ept ns_ept;

	spinlock_t ready_lock;
	struct list_head ready;

	u32 mtu;
	u32 stalled;
	atomic64_t stats[VRPMSG_NUM_STATS];
};

/**
 * struct vrpmsg_chan - a channel: a service that the guest announced
 * @addr: remote address
 * @ept: the endpoint that is bound to it, or NULL
 * @name: as announced; the wire has 32 bytes with or without a NUL
 */
struct vrpmsg_chan {
	u32 addr;
	struct vhost_rpmsg_ept *ept;
	char name[VHOST_RPMSG_NAME_SIZE + 1];
};

static inline void vrpmsg_count(struct vrpmsg_dev *rdev, unsigned int stat,
				u64 n)
{
	atomic64_add(n, &rdev->stats[stat]);
}

/* device.c */
extern struct mutex vrpmsg_devs_lock;
struct vrpmsg_dev *vrpmsg_dev_new(const char *name, struct vhost_rpmsg *vr);
struct vrpmsg_dev *vrpmsg_dev_new_private(struct vhost_rpmsg *vr);
int vrpmsg_dev_del(struct vrpmsg_dev *rdev);
void vrpmsg_dev_del_all(void);
struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_dev *rdev);
struct vrpmsg_dev *vrpmsg_dev_get_by_id(u32 id);
struct vrpmsg_dev *vrpmsg_dev_get_by_name(const char *name);
struct vrpmsg_dev *vrpmsg_dev_get_next(u32 id);
void vrpmsg_dev_put(struct vrpmsg_dev *rdev);
int vrpmsg_dev_attach_named(struct vhost_rpmsg *vr, const char *name);
void vrpmsg_dev_set_features(struct vrpmsg_dev *rdev, u64 features);
void vrpmsg_dev_start(struct vrpmsg_dev *rdev, bool fresh);
void vrpmsg_dev_stop(struct vrpmsg_dev *rdev);
void vrpmsg_dev_detach(struct vrpmsg_dev *rdev);
void vrpmsg_dev_release(struct vrpmsg_dev *rdev);
enum vhost_rpmsg_dev_state vrpmsg_dev_state(struct vrpmsg_dev *rdev);
bool vrpmsg_name_valid(const char *name, const char *reject);

/* vmm.c */
int vrpmsg_vmm_register(void);
void vrpmsg_vmm_unregister(void);

/* rings.c */
void vrpmsg_rings_init(struct vhost_rpmsg *vr);
void vrpmsg_rings_exit(struct vhost_rpmsg *vr);
void vrpmsg_rings_kick(struct vrpmsg_dev *rdev, unsigned int qid);

/* ept.c */
int vrpmsg_ept_add(struct vrpmsg_dev *rdev, struct vhost_rpmsg_ept *ept);
void vrpmsg_ept_put(struct vhost_rpmsg_ept *ept);
struct vhost_rpmsg_ept *vrpmsg_ept_get_first(struct vrpmsg_dev *rdev);
struct vhost_rpmsg_ept *vrpmsg_ept_touch(struct vhost_rpmsg *vr, u32 addr);
struct vhost_rpmsg_ept *vrpmsg_ept_next_ready(struct vhost_rpmsg *vr);
bool vrpmsg_ept_ready(struct vhost_rpmsg_ept *ept, bool first);
void vrpmsg_ept_complete(struct vhost_rpmsg *vr);
void vrpmsg_ept_learn(struct vhost_rpmsg_ept *ept, u32 src);
void vrpmsg_ept_set_remote(struct vhost_rpmsg_ept *ept, u32 remote,
			   enum vhost_rpmsg_remote_kind kind);
void vrpmsg_ept_fix_remote(struct vhost_rpmsg_ept *ept, u32 remote);
void vrpmsg_ept_reset_all(struct vrpmsg_dev *rdev);

/* ns.c */
int vrpmsg_ns_init(struct vrpmsg_dev *rdev);
void vrpmsg_ns_exit(struct vrpmsg_dev *rdev);
void vrpmsg_ns_reset(struct vrpmsg_dev *rdev);
int vrpmsg_ns_announce(struct vhost_rpmsg_ept *ept, const char *name);
void vrpmsg_ns_withdraw(struct vhost_rpmsg_ept *ept);
void vrpmsg_ns_bind(struct vhost_rpmsg_ept *ept);
void vrpmsg_ns_unbind(struct vhost_rpmsg_ept *ept);

/* chrdev.c, more in chrdev.h */
int vrpmsg_chrdev_register(void);
void vrpmsg_chrdev_unregister(void);
bool vrpmsg_chrdev_known(struct vhost_rpmsg_ept *ept);

/* netlink.c */
int vrpmsg_nl_register(void);
void vrpmsg_nl_unregister(void);
void vrpmsg_nl_dev_event(struct vrpmsg_dev *rdev, enum vhost_rpmsg_event event);
void vrpmsg_nl_chan_event(struct vrpmsg_dev *rdev, struct vrpmsg_chan *chan,
			  enum vhost_rpmsg_event event);

#endif /* VRPMSG_INTERNAL_H */
