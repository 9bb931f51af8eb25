/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvhostrpmsg: the host side of RPMsg over virtio, from user space.
 * libvhostrpmsg(3) explains it and has an example.
 *
 * Functions return NULL, -1 or false when they fail, and set errno; of those
 * that take a handle, vrpmsg_ctx_errmsg() has the reason in words.
 *
 * A handle (struct vrpmsg_ctx, struct vrpmsg_monitor) is for one thread at a
 * time, different ones are independent. Objects are snapshots: they belong to
 * the caller, need no handle any more, and do not change.
 */
#ifndef VHOSTRPMSG_H
#define VHOSTRPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VRPMSG_API __attribute__((visibility("default")))
#else
#define VRPMSG_API
#endif

/* No address. */
#define VRPMSG_ADDR_ANY UINT32_C(0xffffffff)
/* Address of the name service: no endpoint can have it. */
#define VRPMSG_ADDR_NS UINT32_C(53)

struct vrpmsg_ctx;
struct vrpmsg_dev;
struct vrpmsg_ept;
struct vrpmsg_ept_config;
struct vrpmsg_chan;
struct vrpmsg_monitor;
struct vrpmsg_event;
struct vrpmsg_fd_info;

/* Version of the library, "0.1.0". */
VRPMSG_API const char *vrpmsg_version(void);

/*
 * Handles: vrpmsg_ctx(3)
 */

VRPMSG_API struct vrpmsg_ctx *vrpmsg_ctx_open(void);
VRPMSG_API void vrpmsg_ctx_close(struct vrpmsg_ctx *ctx);

/* Why the last call with this handle failed; never NULL. */
VRPMSG_API const char *vrpmsg_ctx_errmsg(const struct vrpmsg_ctx *ctx);
/* The netlink attribute at fault, as "rx-limit", or NULL. */
VRPMSG_API const char *vrpmsg_ctx_errattr(const struct vrpmsg_ctx *ctx);

/*
 * Counters of devices and endpoints: vrpmsg_dev(3)
 */

/* New ones come at the end: go through them until vrpmsg_stat_name() is NULL. */
enum vrpmsg_stat {
	VRPMSG_STAT_RX_MSGS,
	VRPMSG_STAT_RX_BYTES,
	VRPMSG_STAT_TX_MSGS,
	VRPMSG_STAT_TX_BYTES,
	VRPMSG_STAT_RX_DROP_FULL,
	VRPMSG_STAT_RX_DROP_CLOSED,
	VRPMSG_STAT_RX_DROP_NOMEM,
	VRPMSG_STAT_RX_DROP_UNKNOWN,
	VRPMSG_STAT_RX_DROP_INVALID,
	VRPMSG_STAT_RX_DISCARDS,
	VRPMSG_STAT_TX_DROP_RESET,
	VRPMSG_STAT_TX_DROP_SIZE,
	VRPMSG_STAT_STALLS,
	VRPMSG_STAT_RING_ERRORS,
	VRPMSG_STAT_NS_RX,
	VRPMSG_STAT_NS_TX,
	VRPMSG_STAT_NS_INVALID,
};

/* "rx-msgs" and so on; NULL past the last one. */
VRPMSG_API const char *vrpmsg_stat_name(int stat);
/* Whether only devices count it; endpoints have 0 there. */
VRPMSG_API bool vrpmsg_stat_dev_only(int stat);

/*
 * Devices: vrpmsg_dev(3)
 */

enum vrpmsg_dev_state {
	VRPMSG_DEV_DETACHED,	/* persistent, and no VMM has it */
	VRPMSG_DEV_ATTACHED,	/* a VMM has it, its rings do not run */
	VRPMSG_DEV_RUNNING,
};

VRPMSG_API struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_ctx *ctx,
					     const char *name);
VRPMSG_API struct vrpmsg_dev *vrpmsg_dev_get_by_id(struct vrpmsg_ctx *ctx,
						   uint32_t id);
/* All devices, ended by a NULL; their number in *count unless that is NULL. */
VRPMSG_API struct vrpmsg_dev **vrpmsg_dev_list(struct vrpmsg_ctx *ctx,
					       size_t *count);
/* Make a persistent device. */
VRPMSG_API struct vrpmsg_dev *vrpmsg_dev_add(struct vrpmsg_ctx *ctx,
					     const char *name);
VRPMSG_API int vrpmsg_dev_del(struct vrpmsg_ctx *ctx, const char *name);
VRPMSG_API int vrpmsg_dev_del_by_id(struct vrpmsg_ctx *ctx, uint32_t id);

VRPMSG_API void vrpmsg_dev_free(struct vrpmsg_dev *dev);
VRPMSG_API void vrpmsg_dev_list_free(struct vrpmsg_dev **list);

VRPMSG_API uint32_t vrpmsg_dev_id(const struct vrpmsg_dev *dev);
VRPMSG_API const char *vrpmsg_dev_name(const struct vrpmsg_dev *dev);
VRPMSG_API enum vrpmsg_dev_state vrpmsg_dev_state(const struct vrpmsg_dev *dev);
VRPMSG_API bool vrpmsg_dev_is_persistent(const struct vrpmsg_dev *dev);
/* Virtio features that the guest acknowledged, as a bit mask. */
VRPMSG_API uint64_t vrpmsg_dev_features(const struct vrpmsg_dev *dev);
VRPMSG_API uint32_t vrpmsg_dev_mtu(const struct vrpmsg_dev *dev);
VRPMSG_API uint32_t vrpmsg_dev_endpoints(const struct vrpmsg_dev *dev);
VRPMSG_API uint32_t vrpmsg_dev_channels(const struct vrpmsg_dev *dev);
/* Whether an endpoint holds the guest back, and which one. */
VRPMSG_API bool vrpmsg_dev_stall_ept(const struct vrpmsg_dev *dev,
				     uint32_t *ept_id);
VRPMSG_API uint64_t vrpmsg_dev_stat(const struct vrpmsg_dev *dev, int stat);

/* "detached", "attached", "running"; "unknown" for what is none of them. */
VRPMSG_API const char *vrpmsg_dev_state_name(int state);

/*
 * Endpoints: vrpmsg_ept(3)
 */

enum vrpmsg_remote_kind {
	VRPMSG_REMOTE_NONE,
	VRPMSG_REMOTE_FIXED,	/* given by the administrator */
	VRPMSG_REMOTE_LEARNED,	/* source of the first message */
	VRPMSG_REMOTE_BOUND,	/* channel of the same name */
};

/* What happens to a message that finds the receive queue full. */
enum vrpmsg_policy {
	VRPMSG_POLICY_HOLD,	/* the guest waits */
	VRPMSG_POLICY_DROP,	/* it is dropped and counted */
};

/*
 * What an endpoint is to be. Nothing is set in a new one; what is not set has
 * the kernel's default, or stays as it is.
 */
VRPMSG_API struct vrpmsg_ept_config *vrpmsg_ept_config_new(void);
VRPMSG_API void vrpmsg_ept_config_free(struct vrpmsg_ept_config *config);
/* These two can run out of memory. */
VRPMSG_API int vrpmsg_ept_config_set_dev_name(struct vrpmsg_ept_config *config,
					      const char *dev_name);
VRPMSG_API int vrpmsg_ept_config_set_name(struct vrpmsg_ept_config *config,
					  const char *name);
VRPMSG_API void vrpmsg_ept_config_set_dev_id(struct vrpmsg_ept_config *config,
					     uint32_t dev_id);
VRPMSG_API void vrpmsg_ept_config_set_addr(struct vrpmsg_ept_config *config,
					   uint32_t addr);
VRPMSG_API void vrpmsg_ept_config_set_remote(struct vrpmsg_ept_config *config,
					     uint32_t remote);
VRPMSG_API void
vrpmsg_ept_config_set_addressed(struct vrpmsg_ept_config *config,
				bool addressed);
VRPMSG_API void vrpmsg_ept_config_set_policy(struct vrpmsg_ept_config *config,
					     enum vrpmsg_policy policy);
VRPMSG_API void vrpmsg_ept_config_set_rx_limit(struct vrpmsg_ept_config *config,
					       uint32_t bytes);
VRPMSG_API void vrpmsg_ept_config_set_tx_limit(struct vrpmsg_ept_config *config,
					       uint32_t bytes);

VRPMSG_API struct vrpmsg_ept *
vrpmsg_ept_add(struct vrpmsg_ctx *ctx, const struct vrpmsg_ept_config *config);
/* Of config: remote, policy, rx_limit and tx_limit. */
VRPMSG_API int vrpmsg_ept_set(struct vrpmsg_ctx *ctx, uint32_t id,
			      const struct vrpmsg_ept_config *config);
VRPMSG_API int vrpmsg_ept_del(struct vrpmsg_ctx *ctx, uint32_t id);
VRPMSG_API struct vrpmsg_ept *vrpmsg_ept_get(struct vrpmsg_ctx *ctx,
					     uint32_t id);
/* The endpoints of a device, or of all of them if dev_name is NULL. */
VRPMSG_API struct vrpmsg_ept **
vrpmsg_ept_list(struct vrpmsg_ctx *ctx, const char *dev_name, size_t *count);
VRPMSG_API int vrpmsg_ept_announce(struct vrpmsg_ctx *ctx, uint32_t id);
VRPMSG_API int vrpmsg_ept_withdraw(struct vrpmsg_ctx *ctx, uint32_t id);

VRPMSG_API void vrpmsg_ept_free(struct vrpmsg_ept *ept);
VRPMSG_API void vrpmsg_ept_list_free(struct vrpmsg_ept **list);

/* The N of /dev/vrpmsg-epN, from 0. */
VRPMSG_API uint32_t vrpmsg_ept_id(const struct vrpmsg_ept *ept);
VRPMSG_API uint32_t vrpmsg_ept_dev_id(const struct vrpmsg_ept *ept);
VRPMSG_API const char *vrpmsg_ept_dev_name(const struct vrpmsg_ept *ept);
/* NULL for an endpoint without a name. */
VRPMSG_API const char *vrpmsg_ept_name(const struct vrpmsg_ept *ept);
VRPMSG_API uint32_t vrpmsg_ept_addr(const struct vrpmsg_ept *ept);
/* VRPMSG_ADDR_ANY while none is known. */
VRPMSG_API uint32_t vrpmsg_ept_remote(const struct vrpmsg_ept *ept);
VRPMSG_API enum vrpmsg_remote_kind
vrpmsg_ept_remote_kind(const struct vrpmsg_ept *ept);
VRPMSG_API bool vrpmsg_ept_is_addressed(const struct vrpmsg_ept *ept);
VRPMSG_API bool vrpmsg_ept_is_announced(const struct vrpmsg_ept *ept);
VRPMSG_API bool vrpmsg_ept_is_open(const struct vrpmsg_ept *ept);
VRPMSG_API enum vrpmsg_policy vrpmsg_ept_policy(const struct vrpmsg_ept *ept);
VRPMSG_API uint32_t vrpmsg_ept_rx_limit(const struct vrpmsg_ept *ept);
VRPMSG_API uint32_t vrpmsg_ept_tx_limit(const struct vrpmsg_ept *ept);
VRPMSG_API uint32_t vrpmsg_ept_rx_queued(const struct vrpmsg_ept *ept);
VRPMSG_API uint32_t vrpmsg_ept_tx_queued(const struct vrpmsg_ept *ept);
VRPMSG_API uint64_t vrpmsg_ept_stat(const struct vrpmsg_ept *ept, int stat);

/* As vrpmsg_dev_state_name(): "none", "fixed", "learned", "bound". */
VRPMSG_API const char *vrpmsg_remote_kind_name(int kind);
/* "hold", "drop" */
VRPMSG_API const char *vrpmsg_policy_name(int policy);

/*
 * Messages: vrpmsg_ept(3)
 */

/* What starts each record of an addressed endpoint, in both directions. */
struct vrpmsg_addr {
	uint32_t addr;
	uint32_t reserved;	/* 0 */
};

/* open(2) of /dev/vrpmsg-epN with these flags and O_CLOEXEC. */
VRPMSG_API int vrpmsg_ept_open(uint32_t id, int flags);
/* Delete the endpoint that fd has open. */
VRPMSG_API int vrpmsg_fd_destroy(int fd);

/* What fd has open. */
VRPMSG_API struct vrpmsg_fd_info *vrpmsg_fd_info_get(int fd);
VRPMSG_API void vrpmsg_fd_info_free(struct vrpmsg_fd_info *info);
VRPMSG_API uint32_t vrpmsg_fd_info_id(const struct vrpmsg_fd_info *info);
VRPMSG_API uint32_t vrpmsg_fd_info_dev_id(const struct vrpmsg_fd_info *info);
VRPMSG_API const char *
vrpmsg_fd_info_dev_name(const struct vrpmsg_fd_info *info);
/* NULL for an endpoint without a name. */
VRPMSG_API const char *vrpmsg_fd_info_name(const struct vrpmsg_fd_info *info);
VRPMSG_API uint32_t vrpmsg_fd_info_addr(const struct vrpmsg_fd_info *info);
VRPMSG_API uint32_t vrpmsg_fd_info_remote(const struct vrpmsg_fd_info *info);
/* Longest payload that can be written now, in bytes. */
VRPMSG_API uint32_t vrpmsg_fd_info_mtu(const struct vrpmsg_fd_info *info);
VRPMSG_API bool vrpmsg_fd_info_is_addressed(const struct vrpmsg_fd_info *info);
VRPMSG_API bool vrpmsg_fd_info_is_announced(const struct vrpmsg_fd_info *info);
/* The endpoint was deleted; the rest says what it was. */
VRPMSG_API bool vrpmsg_fd_info_is_gone(const struct vrpmsg_fd_info *info);

/*
 * Channels, services that a guest announced: vrpmsg_chan(3)
 */

VRPMSG_API struct vrpmsg_chan *
vrpmsg_chan_get(struct vrpmsg_ctx *ctx, const char *dev_name, uint32_t addr);
/* The channels of a device, or of all of them if dev_name is NULL. */
VRPMSG_API struct vrpmsg_chan **
vrpmsg_chan_list(struct vrpmsg_ctx *ctx, const char *dev_name, size_t *count);
VRPMSG_API void vrpmsg_chan_free(struct vrpmsg_chan *chan);
VRPMSG_API void vrpmsg_chan_list_free(struct vrpmsg_chan **list);

VRPMSG_API uint32_t vrpmsg_chan_dev_id(const struct vrpmsg_chan *chan);
VRPMSG_API const char *vrpmsg_chan_dev_name(const struct vrpmsg_chan *chan);
VRPMSG_API const char *vrpmsg_chan_name(const struct vrpmsg_chan *chan);
VRPMSG_API uint32_t vrpmsg_chan_addr(const struct vrpmsg_chan *chan);
/* Whether an endpoint is bound to the channel, and which one. */
VRPMSG_API bool vrpmsg_chan_ept(const struct vrpmsg_chan *chan,
				uint32_t *ept_id);

/*
 * Events: vrpmsg_monitor(3)
 */

enum vrpmsg_event_type {
	VRPMSG_EVENT_DEV,
	VRPMSG_EVENT_EPT,
	VRPMSG_EVENT_CHAN,
};

enum vrpmsg_event_action {
	VRPMSG_EVENT_NEW,
	VRPMSG_EVENT_CHANGE,
	VRPMSG_EVENT_DEL,
};

VRPMSG_API struct vrpmsg_monitor *vrpmsg_monitor_open(void);
VRPMSG_API void vrpmsg_monitor_close(struct vrpmsg_monitor *monitor);
/* Readable (POLLIN) when there is an event. */
VRPMSG_API int vrpmsg_monitor_fd(const struct vrpmsg_monitor *monitor);
/* Never sleeps: EAGAIN. ENOBUFS: events were lost, read on. */
VRPMSG_API struct vrpmsg_event *
vrpmsg_monitor_read(struct vrpmsg_monitor *monitor);
VRPMSG_API void vrpmsg_event_free(struct vrpmsg_event *event);

VRPMSG_API enum vrpmsg_event_type
vrpmsg_event_type(const struct vrpmsg_event *event);
VRPMSG_API enum vrpmsg_event_action
vrpmsg_event_action(const struct vrpmsg_event *event);
/* The object, which is the event's; NULL if it is of another type. */
VRPMSG_API const struct vrpmsg_dev *
vrpmsg_event_dev(const struct vrpmsg_event *event);
VRPMSG_API const struct vrpmsg_ept *
vrpmsg_event_ept(const struct vrpmsg_event *event);
VRPMSG_API const struct vrpmsg_chan *
vrpmsg_event_chan(const struct vrpmsg_event *event);

/* "new", "change", "del" */
VRPMSG_API const char *vrpmsg_event_action_name(int action);

#ifdef __cplusplus
}
#endif

#endif /* VHOSTRPMSG_H */
