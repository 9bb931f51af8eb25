/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the supported kernels, 6.1 to 7.3. The rest of the module
 * is written for the newest one. Only 6.1, 6.12 and 7.3 are built and tested.
 * Other numbers are those of the release that made the change.
 */
#ifndef VRPMSG_COMPAT_H
#define VRPMSG_COMPAT_H

#include <linux/memcontrol.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <net/genetlink.h>

#include <uapi/linux/rpmsg.h>

#include "vhost.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* 6.3: the device argument of uevent() and devnode() became const. */
#define vrpmsg_const_device	struct device
#else
#define vrpmsg_const_device	const struct device
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* 6.3: mem_cgroup_tryget(). */
static inline bool mem_cgroup_tryget(struct mem_cgroup *memcg)
{
#ifdef CONFIG_MEMCG
	return !memcg || css_tryget(&memcg->css);
#else
	return true;
#endif
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
/* 6.3: vhost_init_device_iotlb() lost an unused parameter. */
#define vhost_init_device_iotlb(dev)	vhost_init_device_iotlb(dev, true)
#endif

#ifndef VRPMSG_HAVE_CLEAR_IOTLB
/*
 * Added in a stable release of 2026 of each series, for example 6.12.114; the
 * Makefile looks for it. Without it, an IOTLB lives as long as the file. The
 * IOTLB is also what checks the addresses of the rings, so clear them with it.
 *
 * Context: Must be called with dev->mutex held, which all writers of the IOTLB
 * take. Takes the virtqueue mutexes, so that no burst is running.
 */
static inline void vhost_clear_device_iotlb(struct vhost_dev *dev)
{
	struct vhost_iotlb *iotlb = dev->iotlb;
	struct vhost_virtqueue *vq;
	int i;

	if (!iotlb)
		return;
	for (i = 0; i < dev->nvqs; i++)
		mutex_lock_nested(&dev->vqs[i]->mutex, i);
	dev->iotlb = NULL;
	for (i = 0; i < dev->nvqs; i++) {
		vq = dev->vqs[i];
		vq->iotlb = NULL;
		vq->desc = NULL;
		vq->avail = NULL;
		vq->used = NULL;
		vq->log_used = false;
		vq->log_addr = -1ULL;
		memset(vq->meta_iotlb, 0, sizeof(vq->meta_iotlb));
	}
	while (i--)
		mutex_unlock(&dev->vqs[i]->mutex);
	vhost_clear_msg(dev);
	vhost_iotlb_free(iotlb);
	wake_up_interruptible_poll(&dev->wait, EPOLLIN | EPOLLRDNORM);
}

/* Do not prefetch a ring without addresses. A single address may be 0. */
#define vq_meta_prefetch(vq) \
	(((vq)->desc || (vq)->avail || (vq)->used) && vq_meta_prefetch(vq))
#endif

#ifndef RPMSG_GET_OUTGOING_FLOWCONTROL
/* 6.6: flow control of endpoints. */
#define RPMSG_GET_OUTGOING_FLOWCONTROL	_IOR(0xb5, 0x5, int)
#define RPMSG_SET_INCOMING_FLOWCONTROL	_IOR(0xb5, 0x6, int)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
/* 6.2: del_timer_sync() was renamed. */
#define timer_delete_sync(timer)	del_timer_sync(timer)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
/* 6.5: a device may have several workers. Before, it has one. */
#define vhost_worker_ioctl(dev, ioctl, argp)	((long)-ENOIOCTLCMD)
#define vhost_vq_has_work(vq)			vhost_has_work((vq)->dev)
#define vrpmsg_vq_worker(vq)			((vq)->dev->worker)
#else
#define vrpmsg_vq_worker(vq)			rcu_access_pointer((vq)->worker)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
/* 6.17: these were renamed. Since 7.2, the old names cause a warning. */
#define system_percpu_wq	system_wq
#define system_dfl_wq		system_unbound_wq
#endif

typedef unsigned long vrpmsg_shrink_fn(struct shrinker *shrinker,
				       struct shrink_control *sc);

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
/* 6.7: shrinkers are allocated by the kernel. */
static inline struct shrinker *vrpmsg_shrinker_new(const char *name,
						   vrpmsg_shrink_fn *count,
						   vrpmsg_shrink_fn *scan)
{
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
	return shrinker;
}

static inline void vrpmsg_shrinker_free(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(shrinker);
}
#else
static inline struct shrinker *vrpmsg_shrinker_new(const char *name,
						   vrpmsg_shrink_fn *count,
						   vrpmsg_shrink_fn *scan)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);

	if (shrinker) {
		shrinker->count_objects = count;
		shrinker->scan_objects = scan;
		shrinker_register(shrinker);
	}
	return shrinker;
}

static inline void vrpmsg_shrinker_free(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#endif

/* 6.6: the attributes of a dump moved into a struct genl_info. */
static inline struct nlattr **vrpmsg_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_info_dump(cb)->attrs;
#endif
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
/*
 * 6.8: a filter for the recipients of a multicast. Without it, who may receive
 * events is only checked when a socket joins the group; see docs/netlink.md.
 */
typedef int (*netlink_filter_fn)(struct sock *dsk, struct sk_buff *skb,
				 void *data);

static inline int
genlmsg_multicast_netns_filtered(const struct genl_family *family,
				 struct net *net, struct sk_buff *skb,
				 u32 portid, unsigned int group, gfp_t flags,
				 netlink_filter_fn filter, void *filter_data)
{
	return genlmsg_multicast_netns(family, net, skb, portid, group, flags);
}
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
/* 6.17: the number of buffers of each element, for VIRTIO_F_IN_ORDER. */
#define vhost_add_used_n(vq, heads, nheads, count) \
	vhost_add_used_n(vq, heads, count)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 11)
/* 6.18 and 6.17.11: the number of descriptors. */
#define vhost_discard_vq_desc(vq, n, ndesc)	vhost_discard_vq_desc(vq, n)
#endif

/* 6.19: VHOST_FEATURES became a list of bits. */
static inline u64 vrpmsg_vhost_features(void)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	return VHOST_FEATURES;
#else
	static const int bits[] = { VHOST_FEATURES };

	return VHOST_FEATURES_U64(bits, 0);
#endif
}

#endif /* VRPMSG_COMPAT_H */
