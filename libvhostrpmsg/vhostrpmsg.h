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

/* Owner of a device that everybody may attach to. */
#define VRPMSG_OWNER_ANY UINT32_C(0xffffffff)
/* Owner of an endpoint that an administrator has made. */
#define VRPMSG_OWNER_NONE UINT32_C(0xffffffff)

struct vrpmsg_ctx;
struct vrpmsg_dev;
struct vrpmsg_dev_config;
struct vrpmsg_ept;
struct vrpmsg_ept_config;
struct vrpmsg_chan;
struct vrpmsg_monitor;
struct vrpmsg_event;
struct vrpmsg_fd_info;
struct vrpmsg_ctrl_info;

/**
 * vrpmsg_version() - version of the library that the program runs with
 *
 * Return: a static string, "0.1.0".
 */
VRPMSG_API const char *vrpmsg_version(void);

/*
 * Handles: vrpmsg_ctx(3)
 */

/**
 * vrpmsg_ctx_open() - make a handle: a netlink socket, and the reason of the
 *	last failure
 *
 * It does not look for the kernel module; the first request does, and later
 * ones find it when it was loaded again.
 *
 * Return: the handle, which the caller closes with vrpmsg_ctx_close(); or
 * NULL.
 * Errors: EMFILE, ENFILE, ENOMEM; EPROTONOSUPPORT: the kernel has no generic
 * netlink.
 */
VRPMSG_API struct vrpmsg_ctx *vrpmsg_ctx_open(void);

/**
 * vrpmsg_ctx_close() - close and free a handle
 * @ctx: handle, or NULL
 *
 * Objects that were got with it stay.
 */
VRPMSG_API void vrpmsg_ctx_close(struct vrpmsg_ctx *ctx);

/**
 * vrpmsg_ctx_errmsg() - why the last call with a handle failed
 * @ctx: handle
 *
 * Return: words, the kernel's own where it gave some; empty after a call that
 * succeeded. They belong to the handle, and the next call overwrites them.
 */
VRPMSG_API const char *vrpmsg_ctx_errmsg(const struct vrpmsg_ctx *ctx);

/**
 * vrpmsg_ctx_errattr() - which argument was at fault in the last call that
 *	failed
 * @ctx: handle
 *
 * Return: the name of the netlink attribute, as "rx-limit", static; or NULL.
 */
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
	VRPMSG_STAT_EVENTS_MERGED,
};

/**
 * vrpmsg_stat_name() - name of a counter
 * @stat: enum vrpmsg_stat
 *
 * Return: "rx-msgs" and so on, static; NULL past the last one.
 */
VRPMSG_API const char *vrpmsg_stat_name(int stat);

/**
 * vrpmsg_stat_dev_only() - whether only devices count it
 * @stat: enum vrpmsg_stat
 *
 * Return: true if endpoints always have 0 there.
 */
VRPMSG_API bool vrpmsg_stat_dev_only(int stat);

/*
 * Devices: vrpmsg_dev(3)
 */

enum vrpmsg_state {
	VRPMSG_DEV_DETACHED,	/* persistent, and no VMM has it */
	VRPMSG_DEV_ATTACHED,	/* a VMM has it, its rings do not run */
	VRPMSG_DEV_RUNNING,
};

/**
 * vrpmsg_dev_get() - get a device by its name
 * @ctx: handle
 * @name: name of the device
 *
 * Return: a snapshot, which the caller frees with vrpmsg_dev_free(); or NULL.
 * Errors: ENODEV: there is none.
 */
VRPMSG_API struct vrpmsg_dev *vrpmsg_dev_get(struct vrpmsg_ctx *ctx,
					     const char *name);

/**
 * vrpmsg_dev_get_by_id() - get a device by its number
 * @ctx: handle
 * @id: number, from 1
 *
 * Return: as vrpmsg_dev_get().
 * Errors: ENODEV, ERANGE.
 */
VRPMSG_API struct vrpmsg_dev *vrpmsg_dev_get_by_id(struct vrpmsg_ctx *ctx,
						   uint32_t id);

/**
 * vrpmsg_dev_list() - get all devices, in the order of their numbers
 * @ctx: handle
 * @count: where their number goes, or NULL
 *
 * Return: an array that ends with NULL, which the caller frees with
 * vrpmsg_dev_list_free(); or NULL.
 * Errors: EAGAIN: devices came and went all the time.
 */
VRPMSG_API struct vrpmsg_dev **vrpmsg_dev_list(struct vrpmsg_ctx *ctx,
					       size_t *count);

/*
 * What a device is to be. Nothing is set in a new one; what is not set has the
 * kernel's default, or stays as it is.
 */

/**
 * vrpmsg_dev_config_new() - make a configuration in which nothing is set
 *
 * Return: the configuration, which the caller frees with
 * vrpmsg_dev_config_free(); or NULL.
 * Errors: ENOMEM.
 */
VRPMSG_API struct vrpmsg_dev_config *vrpmsg_dev_config_new(void);

/**
 * vrpmsg_dev_config_free() - free a configuration
 * @config: configuration, or NULL
 */
VRPMSG_API void vrpmsg_dev_config_free(struct vrpmsg_dev_config *config);

/**
 * vrpmsg_dev_config_set_mtu() - longest message that can be written
 * @config: configuration
 * @bytes: at most 65535; 0, the default: what the guest's buffers can take
 */
VRPMSG_API void vrpmsg_dev_config_set_mtu(struct vrpmsg_dev_config *config,
					  uint32_t bytes);

/**
 * vrpmsg_dev_config_set_hold_time() - how long full queues hold the guest back
 * @config: configuration
 * @milliseconds: 0 is for ever; the default is 10,000
 */
VRPMSG_API void
vrpmsg_dev_config_set_hold_time(struct vrpmsg_dev_config *config,
				uint32_t milliseconds);

/**
 * vrpmsg_dev_config_set_owner() - whose VMM may attach
 * @config: configuration
 * @uid: user, or VRPMSG_OWNER_ANY; the default is whoever makes the device
 */
VRPMSG_API void vrpmsg_dev_config_set_owner(struct vrpmsg_dev_config *config,
					    uint32_t uid);

/**
 * vrpmsg_dev_add() - make a persistent device
 * @ctx: handle
 * @name: 1 to 31 ASCII letters, digits and _.:@-; the first one is a letter, a
 *	digit or _
 * @config: what it is to be, or NULL
 *
 * Return: as vrpmsg_dev_get().
 * Errors: EEXIST, EINVAL, ENOSPC, ERANGE.
 */
VRPMSG_API struct vrpmsg_dev *
vrpmsg_dev_add(struct vrpmsg_ctx *ctx, const char *name,
	       const struct vrpmsg_dev_config *config);

/**
 * vrpmsg_dev_set() - change a device
 * @ctx: handle
 * @name: name of the device
 * @config: what to change; the rest stays as it is
 *
 * Return: 0 or -1.
 * Errors: EINVAL, ENODEV, ERANGE.
 */
VRPMSG_API int vrpmsg_dev_set(struct vrpmsg_ctx *ctx, const char *name,
			      const struct vrpmsg_dev_config *config);

/**
 * vrpmsg_dev_del() - delete a persistent device with its endpoints
 * @ctx: handle
 * @name: name of the device
 *
 * Return: 0 or -1.
 * Errors: EBUSY: a VMM has it; ENODEV.
 */
VRPMSG_API int vrpmsg_dev_del(struct vrpmsg_ctx *ctx, const char *name);

/**
 * vrpmsg_dev_del_by_id() - delete a persistent device with its endpoints
 * @ctx: handle
 * @id: number of the device
 *
 * Return: 0 or -1.
 * Errors: EBUSY: a VMM has it; ENODEV, ERANGE.
 */
VRPMSG_API int vrpmsg_dev_del_by_id(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_dev_reset() - forget the guest of a device that is stale
 * @ctx: handle
 * @name: name of the device
 *
 * As a reset of the guest would: channels, learned and bound remotes, and what waits
 * to be sent. Does nothing to a device that is not stale.
 *
 * Return: 0 or -1.
 * Errors: EBUSY: a VMM has it; ENODEV.
 */
VRPMSG_API int vrpmsg_dev_reset(struct vrpmsg_ctx *ctx, const char *name);

/**
 * vrpmsg_dev_free() - free a device
 * @dev: device, or NULL
 */
VRPMSG_API void vrpmsg_dev_free(struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_list_free() - free a list with its devices
 * @list: list, or NULL
 */
VRPMSG_API void vrpmsg_dev_list_free(struct vrpmsg_dev **list);

/**
 * vrpmsg_dev_id() - number of a device
 * @dev: device
 *
 * Return: the number, from 1; it is not given out again soon.
 */
VRPMSG_API uint32_t vrpmsg_dev_id(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_name() - name of a device
 * @dev: device
 *
 * Return: the name, which belongs to the device; never NULL.
 */
VRPMSG_API const char *vrpmsg_dev_name(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_state() - state of a device
 * @dev: device
 *
 * Return: a number that this header may not know yet.
 */
VRPMSG_API enum vrpmsg_state vrpmsg_dev_state(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_is_persistent() - whether a device outlives its VMM
 * @dev: device
 */
VRPMSG_API bool vrpmsg_dev_is_persistent(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_is_stale() - whether what a device knows is of a guest without a VMM
 * @dev: device
 *
 * Return: true after a VMM that may come back for its guest has closed the device,
 *	until the next one has started its rings, or vrpmsg_dev_reset().
 */
VRPMSG_API bool vrpmsg_dev_is_stale(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_features() - virtio features that the guest acknowledged
 * @dev: device
 *
 * Return: a bit mask; 0 while there is no guest.
 */
VRPMSG_API uint64_t vrpmsg_dev_features(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_mtu() - longest payload that the guest's buffers take
 * @dev: device
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_dev_mtu(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_is_mtu_fixed() - whether the administrator has set the MTU
 * @dev: device
 */
VRPMSG_API bool vrpmsg_dev_is_mtu_fixed(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_hold_time() - how long full queues hold the guest back
 * @dev: device
 *
 * Return: milliseconds; 0 is for ever.
 */
VRPMSG_API uint32_t vrpmsg_dev_hold_time(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_owner() - whose VMM may attach
 * @dev: device
 *
 * Return: the user; VRPMSG_OWNER_ANY for everybody, and of a device that is not
 * persistent.
 */
VRPMSG_API uint32_t vrpmsg_dev_owner(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_endpoints() - how many endpoints a device has
 * @dev: device
 */
VRPMSG_API uint32_t vrpmsg_dev_endpoints(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_channels() - how many channels the guest has announced
 * @dev: device
 */
VRPMSG_API uint32_t vrpmsg_dev_channels(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_stall_ept() - whether an endpoint holds the guest back, and
 *	which one
 * @dev: device
 * @ept_id: where its number goes, or NULL; it stays as it is if there is none
 */
VRPMSG_API bool vrpmsg_dev_stall_ept(const struct vrpmsg_dev *dev,
				     uint32_t *ept_id);

/**
 * vrpmsg_dev_stat() - a counter of a device
 * @dev: device
 * @stat: enum vrpmsg_stat
 *
 * Return: the counter; 0 for one that is not known.
 */
VRPMSG_API uint64_t vrpmsg_dev_stat(const struct vrpmsg_dev *dev, int stat);

/**
 * vrpmsg_dev_state_name() - a state in words
 * @state: enum vrpmsg_state
 *
 * Return: "detached", "attached", "running", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_dev_state_name(int state);

/*
 * Endpoints: vrpmsg_ept(3)
 */

enum vrpmsg_remote_kind {
	VRPMSG_REMOTE_NONE,
	VRPMSG_REMOTE_FIXED,	/* given by the administrator */
	VRPMSG_REMOTE_LEARNED,	/* source of a message */
	VRPMSG_REMOTE_BOUND,	/* channel of the same name */
};

/* How an endpoint gets its remote. */
enum vrpmsg_remote_mode {
	VRPMSG_REMOTE_MODE_LEARN,	/* channel, or first message */
	VRPMSG_REMOTE_MODE_FIXED,	/* from the administrator */
	VRPMSG_REMOTE_MODE_FOLLOW,	/* channel, then each message */
};

/* What happens to a message that finds the receive queue full. */
enum vrpmsg_policy {
	VRPMSG_POLICY_HOLD,	/* the guest waits */
	VRPMSG_POLICY_DROP,	/* it is dropped and counted */
};

/* What happens to messages after a process has closed the endpoint. */
enum vrpmsg_closed_policy {
	VRPMSG_CLOSED_DROP,	/* they are thrown away */
	VRPMSG_CLOSED_KEEP,	/* they wait for the next reader */
};

/* What happens to unread messages of a guest that is reset. */
enum vrpmsg_reset_policy {
	VRPMSG_RESET_KEEP,	/* they can still be read */
	VRPMSG_RESET_DROP,	/* they are thrown away */
};

/*
 * What an endpoint is to be. Nothing is set in a new one; what is not set has
 * the kernel's default, or stays as it is.
 */

/**
 * vrpmsg_ept_config_new() - make a configuration in which nothing is set
 *
 * Return: the configuration, which the caller frees with
 * vrpmsg_ept_config_free(); or NULL.
 * Errors: ENOMEM.
 */
VRPMSG_API struct vrpmsg_ept_config *vrpmsg_ept_config_new(void);

/**
 * vrpmsg_ept_config_free() - free a configuration
 * @config: configuration, or NULL
 */
VRPMSG_API void vrpmsg_ept_config_free(struct vrpmsg_ept_config *config);

/**
 * vrpmsg_ept_config_set_dev_name() - say by its name which device the
 *	endpoint is on
 * @config: configuration
 * @dev_name: is copied; NULL takes it back
 *
 * Return: 0 or -1.
 * Errors: ENOMEM.
 */
VRPMSG_API int vrpmsg_ept_config_set_dev_name(struct vrpmsg_ept_config *config,
					      const char *dev_name);

/**
 * vrpmsg_ept_config_set_name() - name under which the endpoint is announced
 * @config: configuration
 * @name: 1 to 31 printable ASCII characters; is copied; NULL takes it back
 *
 * Return: 0 or -1.
 * Errors: ENOMEM.
 */
VRPMSG_API int vrpmsg_ept_config_set_name(struct vrpmsg_ept_config *config,
					  const char *name);

/**
 * vrpmsg_ept_config_set_dev_id() - say by its number which device the
 *	endpoint is on
 * @config: configuration
 * @dev_id: number of the device
 */
VRPMSG_API void vrpmsg_ept_config_set_dev_id(struct vrpmsg_ept_config *config,
					     uint32_t dev_id);

/**
 * vrpmsg_ept_config_set_addr() - address on the host's side
 * @config: configuration
 * @addr: any but VRPMSG_ADDR_NS and VRPMSG_ADDR_ANY; by default the next free
 *	one from 1024
 */
VRPMSG_API void vrpmsg_ept_config_set_addr(struct vrpmsg_ept_config *config,
					   uint32_t addr);

/**
 * vrpmsg_ept_config_set_remote() - have a fixed remote
 * @config: configuration
 * @remote: address on the guest's side
 */
VRPMSG_API void vrpmsg_ept_config_set_remote(struct vrpmsg_ept_config *config,
					     uint32_t remote);

/**
 * vrpmsg_ept_config_set_remote_mode() - have the guest say which the remote
 *	is
 * @config: configuration
 * @mode: VRPMSG_REMOTE_MODE_LEARN, the default, or VRPMSG_REMOTE_MODE_FOLLOW
 *
 * Of this and vrpmsg_ept_config_set_remote() the last one counts.
 */
VRPMSG_API void
vrpmsg_ept_config_set_remote_mode(struct vrpmsg_ept_config *config,
				  enum vrpmsg_remote_mode mode);

/**
 * vrpmsg_ept_config_set_addressed() - have each record begin with an address
 * @config: configuration
 * @addressed: whether it does; the default is false
 *
 * Each record of the char device begins with struct vrpmsg_addr then.
 */
VRPMSG_API void
vrpmsg_ept_config_set_addressed(struct vrpmsg_ept_config *config,
				bool addressed);

/**
 * vrpmsg_ept_config_set_policy() - what happens to a message that finds the
 *	receive queue full
 * @config: configuration
 * @policy: the default is VRPMSG_POLICY_HOLD
 */
VRPMSG_API void vrpmsg_ept_config_set_policy(struct vrpmsg_ept_config *config,
					     enum vrpmsg_policy policy);

/**
 * vrpmsg_ept_config_set_closed_policy() - what happens to messages after a
 *	process has closed the endpoint
 * @config: configuration
 * @policy: the default is VRPMSG_CLOSED_DROP
 */
VRPMSG_API void
vrpmsg_ept_config_set_closed_policy(struct vrpmsg_ept_config *config,
				    enum vrpmsg_closed_policy policy);

/**
 * vrpmsg_ept_config_set_reset_policy() - what happens to unread messages of a
 *	guest that is reset
 * @config: configuration
 * @policy: the default is VRPMSG_RESET_KEEP
 */
VRPMSG_API void
vrpmsg_ept_config_set_reset_policy(struct vrpmsg_ept_config *config,
				   enum vrpmsg_reset_policy policy);

/**
 * vrpmsg_ept_config_set_rx_limit() - bound of the receive queue
 * @config: configuration
 * @bytes: 1 to 64 MiB, by default 256 KiB; a message counts its payload and
 *	64
 */
VRPMSG_API void vrpmsg_ept_config_set_rx_limit(struct vrpmsg_ept_config *config,
					       uint32_t bytes);

/**
 * vrpmsg_ept_config_set_tx_limit() - bound of the send queue
 * @config: configuration
 * @bytes: as for the receive queue
 */
VRPMSG_API void vrpmsg_ept_config_set_tx_limit(struct vrpmsg_ept_config *config,
					       uint32_t bytes);

/**
 * vrpmsg_ept_add() - make an endpoint
 * @ctx: handle
 * @config: what it is to be; a device has to be set
 *
 * Return: a snapshot, which the caller frees with vrpmsg_ept_free(); or NULL.
 * Errors: EADDRINUSE, EINVAL, ENODEV, ENOSPC, ERANGE.
 */
VRPMSG_API struct vrpmsg_ept *
vrpmsg_ept_add(struct vrpmsg_ctx *ctx, const struct vrpmsg_ept_config *config);

/**
 * vrpmsg_ept_set() - change an endpoint
 * @ctx: handle
 * @id: number of the endpoint
 * @config: what to change: remote or its mode, policies and limits
 *
 * What is not set stays as it is.
 *
 * Return: 0 or -1.
 * Errors: EINVAL: something else is set; ENOENT, ERANGE.
 */
VRPMSG_API int vrpmsg_ept_set(struct vrpmsg_ctx *ctx, uint32_t id,
			      const struct vrpmsg_ept_config *config);

/**
 * vrpmsg_ept_del() - delete an endpoint
 * @ctx: handle
 * @id: number of the endpoint
 *
 * A process that has it open can still read what is queued, then gets EPIPE.
 *
 * Return: 0 or -1.
 * Errors: ENOENT.
 */
VRPMSG_API int vrpmsg_ept_del(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_ept_get() - get an endpoint by its number
 * @ctx: handle
 * @id: number of the endpoint
 *
 * Return: as vrpmsg_ept_add().
 * Errors: ENOENT.
 */
VRPMSG_API struct vrpmsg_ept *vrpmsg_ept_get(struct vrpmsg_ctx *ctx,
					     uint32_t id);

/**
 * vrpmsg_ept_list() - get endpoints, in the order of their numbers
 * @ctx: handle
 * @dev_name: those of this device; NULL: all
 * @count: where their number goes, or NULL
 *
 * Return: an array that ends with NULL, which the caller frees with
 * vrpmsg_ept_list_free(); or NULL.
 * Errors: EAGAIN: endpoints came and went all the time; EINVAL, ENODEV.
 */
VRPMSG_API struct vrpmsg_ept **
vrpmsg_ept_list(struct vrpmsg_ctx *ctx, const char *dev_name, size_t *count);

/**
 * vrpmsg_ept_find() - get the endpoint of a device that has a name
 * @ctx: handle
 * @dev_name: name of the device
 * @name: name of the endpoint
 *
 * Endpoints that users have made by way of a ctrl node are left out: they could
 * have any name.
 *
 * Return: as vrpmsg_ept_add().
 * Errors: ENODEV; ENOENT: none has it; ENOTUNIQ: several have it.
 */
VRPMSG_API struct vrpmsg_ept *
vrpmsg_ept_find(struct vrpmsg_ctx *ctx, const char *dev_name, const char *name);

/**
 * vrpmsg_ept_find_or_add() - get an endpoint by its name, or make it
 * @ctx: handle
 * @config: what it is to be; names of the device and of the endpoint have to be set
 *
 * One that is there is returned as it is, whatever else @config says. Two callers at
 * the same time may both make one.
 *
 * Return: as vrpmsg_ept_add().
 * Errors: those of vrpmsg_ept_add(); EINVAL: a name is not set; ENOTUNIQ.
 */
VRPMSG_API struct vrpmsg_ept *
vrpmsg_ept_find_or_add(struct vrpmsg_ctx *ctx,
		       const struct vrpmsg_ept_config *config);

/**
 * vrpmsg_ept_announce() - announce an endpoint to the guest
 * @ctx: handle
 * @id: number of the endpoint
 *
 * Now or as soon as the guest has buffers, and again after each reset.
 *
 * Return: 0 or -1.
 * Errors: EINVAL: it has no name; ENOENT.
 */
VRPMSG_API int vrpmsg_ept_announce(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_ept_withdraw() - take an announcement back
 * @ctx: handle
 * @id: number of the endpoint
 *
 * Return: 0 or -1.
 * Errors: ENOENT.
 */
VRPMSG_API int vrpmsg_ept_withdraw(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_ept_free() - free an endpoint
 * @ept: endpoint, or NULL
 *
 * The endpoint itself stays.
 */
VRPMSG_API void vrpmsg_ept_free(struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_list_free() - free a list with its endpoints
 * @list: list, or NULL
 */
VRPMSG_API void vrpmsg_ept_list_free(struct vrpmsg_ept **list);

/**
 * vrpmsg_ept_id() - number of an endpoint, the N of /dev/vrpmsg-epN
 * @ept: endpoint
 *
 * Return: the number, from 0.
 */
VRPMSG_API uint32_t vrpmsg_ept_id(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_dev_id() - number of its device
 * @ept: endpoint
 */
VRPMSG_API uint32_t vrpmsg_ept_dev_id(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_dev_name() - name of its device
 * @ept: endpoint
 *
 * Return: the name, which belongs to the endpoint; never NULL.
 */
VRPMSG_API const char *vrpmsg_ept_dev_name(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_name() - name of an endpoint
 * @ept: endpoint
 *
 * Return: the name, which belongs to the endpoint; NULL if it has none.
 */
VRPMSG_API const char *vrpmsg_ept_name(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_addr() - address on the host's side
 * @ept: endpoint
 */
VRPMSG_API uint32_t vrpmsg_ept_addr(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_remote() - address on the guest's side
 * @ept: endpoint
 *
 * Return: the address; VRPMSG_ADDR_ANY while none is known.
 */
VRPMSG_API uint32_t vrpmsg_ept_remote(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_remote_kind() - where the remote is from
 * @ept: endpoint
 *
 * Return: a number that this header may not know yet.
 */
VRPMSG_API enum vrpmsg_remote_kind
vrpmsg_ept_remote_kind(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_remote_mode() - how the endpoint gets its remote
 * @ept: endpoint
 *
 * Return: a number that this header may not know yet; of an addressed
 * endpoint VRPMSG_REMOTE_MODE_LEARN.
 */
VRPMSG_API enum vrpmsg_remote_mode
vrpmsg_ept_remote_mode(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_addressed() - whether each record begins with an address
 * @ept: endpoint
 */
VRPMSG_API bool vrpmsg_ept_is_addressed(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_announced() - whether it is announced to the guest
 * @ept: endpoint
 */
VRPMSG_API bool vrpmsg_ept_is_announced(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_open() - whether a process has the char device open
 * @ept: endpoint
 */
VRPMSG_API bool vrpmsg_ept_is_open(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_owner() - who made it
 * @ept: endpoint
 *
 * Return: the user who made it by way of a ctrl node; VRPMSG_OWNER_NONE: an
 * administrator did.
 */
VRPMSG_API uint32_t vrpmsg_ept_owner(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_descriptor() - whether it is a file descriptor of processes
 * @ept: endpoint
 *
 * Return: true if there is no char device with its number.
 */
VRPMSG_API bool vrpmsg_ept_is_descriptor(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_policy() - what happens to a message that finds the receive
 *	queue full
 * @ept: endpoint
 *
 * Return: a number that this header may not know yet.
 */
VRPMSG_API enum vrpmsg_policy vrpmsg_ept_policy(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_closed_policy() - what happens to messages after a process has
 *	closed the endpoint
 * @ept: endpoint
 *
 * Return: a number that this header may not know yet.
 */
VRPMSG_API enum vrpmsg_closed_policy
vrpmsg_ept_closed_policy(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_reset_policy() - what happens to unread messages of a guest that
 *	is reset
 * @ept: endpoint
 *
 * Return: a number that this header may not know yet.
 */
VRPMSG_API enum vrpmsg_reset_policy
vrpmsg_ept_reset_policy(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_rx_limit() - bound of the receive queue
 * @ept: endpoint
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_ept_rx_limit(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_tx_limit() - bound of the send queue
 * @ept: endpoint
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_ept_tx_limit(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_rx_queued() - what is in the receive queue
 * @ept: endpoint
 *
 * Return: bytes, counted as for the limit.
 */
VRPMSG_API uint32_t vrpmsg_ept_rx_queued(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_tx_queued() - what is in the send queue
 * @ept: endpoint
 *
 * Return: bytes, counted as for the limit.
 */
VRPMSG_API uint32_t vrpmsg_ept_tx_queued(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_stat() - a counter of an endpoint
 * @ept: endpoint
 * @stat: enum vrpmsg_stat
 *
 * Return: the counter; 0 for one that is not known.
 */
VRPMSG_API uint64_t vrpmsg_ept_stat(const struct vrpmsg_ept *ept, int stat);

/**
 * vrpmsg_remote_kind_name() - where a remote is from, in words
 * @kind: enum vrpmsg_remote_kind
 *
 * Return: "none", "fixed", "learned", "bound", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_remote_kind_name(int kind);

/**
 * vrpmsg_remote_mode_name() - how an endpoint gets its remote, in words
 * @mode: enum vrpmsg_remote_mode
 *
 * Return: "learn", "fixed", "follow", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_remote_mode_name(int mode);

/**
 * vrpmsg_policy_name() - a policy in words
 * @policy: enum vrpmsg_policy
 *
 * Return: "hold", "drop", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_policy_name(int policy);

/**
 * vrpmsg_closed_policy_name() - a policy in words
 * @policy: enum vrpmsg_closed_policy
 *
 * Return: "drop", "keep", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_closed_policy_name(int policy);

/**
 * vrpmsg_reset_policy_name() - a policy in words
 * @policy: enum vrpmsg_reset_policy
 *
 * Return: "keep", "drop", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_reset_policy_name(int policy);

/*
 * Char devices and messages: vrpmsg_fd(3)
 */

/* What starts each record of an addressed endpoint, in both directions. */
struct vrpmsg_addr {
	uint32_t addr;
	/* The guest that sent it, or the only one to get it; 0: whichever. */
	uint32_t generation;
};

/**
 * struct vrpmsg_rec - a record of a file in batch mode
 * @addr: as in struct vrpmsg_addr; in write(2) it matters for addressed endpoints
 * @generation: likewise
 * @len: bytes of payload
 * @data: payload
 */
struct vrpmsg_rec {
	uint32_t addr;
	uint32_t generation;
	uint32_t len;
	const void *data;
};

/**
 * vrpmsg_ept_open() - open the char device of an endpoint
 * @id: number of the endpoint
 * @flags: of open(2); O_CLOEXEC is added
 *
 * It needs no handle and no privilege but the file's.
 *
 * Return: a file descriptor, which the caller closes; or -1.
 * Errors: those of open(2); EBUSY: another process may read from it;
 * ENETRESET: it has just been deleted.
 */
VRPMSG_API int vrpmsg_ept_open(uint32_t id, int flags);

/**
 * vrpmsg_fd_destroy() - delete the endpoint that a file has open
 * @fd: of a char device
 *
 * Return: 0 or -1.
 * Errors: EINVAL: an administrator made it; EPIPE: it is gone already; ENOTTY:
 * it is another file.
 */
VRPMSG_API int vrpmsg_fd_destroy(int fd);

/**
 * vrpmsg_fd_set_batch() - have read(2) and write(2) carry many messages, or one
 * @fd: of a char device
 * @batch: many
 *
 * Return: 0 or -1.
 * Errors: ENOTTY: it is another file.
 */
VRPMSG_API int vrpmsg_fd_set_batch(int fd, bool batch);

/**
 * vrpmsg_rec_size() - bytes that a record takes, padding included
 * @len: bytes of payload
 */
VRPMSG_API size_t vrpmsg_rec_size(size_t len);

/**
 * vrpmsg_rec_next() - go through the records that read(2) has returned
 * @buf: buffer
 * @size: what read(2) returned
 * @pos: 0 at first; becomes the place of the next record
 * @rec: filled in; its data points into @buf
 *
 * Return: 1, 0 when there is no other, or -1.
 * Errors: EBADMSG: there is something else.
 */
VRPMSG_API int vrpmsg_rec_next(const void *buf, size_t size, size_t *pos,
			       struct vrpmsg_rec *rec);

/**
 * vrpmsg_rec_put() - add a record to a buffer for write(2)
 * @buf: buffer
 * @size: its size
 * @pos: bytes that are used; becomes the end of the record
 * @rec: record
 *
 * Return: 0 or -1.
 * Errors: ENOBUFS: it does not fit.
 */
VRPMSG_API int vrpmsg_rec_put(void *buf, size_t size, size_t *pos,
			      const struct vrpmsg_rec *rec);

/**
 * vrpmsg_fd_info_get() - describe the endpoint that a file has open
 * @fd: of a char device
 *
 * Return: a snapshot, which the caller frees with vrpmsg_fd_info_free(); or
 * NULL.
 * Errors: ENOMEM; ENOTTY: it is another file.
 */
VRPMSG_API struct vrpmsg_fd_info *vrpmsg_fd_info_get(int fd);

/**
 * vrpmsg_fd_info_free() - free a description
 * @info: description, or NULL
 */
VRPMSG_API void vrpmsg_fd_info_free(struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_id() - number of the endpoint
 * @info: description
 */
VRPMSG_API uint32_t vrpmsg_fd_info_id(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_dev_id() - number of its device
 * @info: description
 */
VRPMSG_API uint32_t vrpmsg_fd_info_dev_id(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_dev_name() - name of its device
 * @info: description
 *
 * Return: the name, which belongs to the description; never NULL.
 */
VRPMSG_API const char *
vrpmsg_fd_info_dev_name(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_name() - name of the endpoint
 * @info: description
 *
 * Return: the name, which belongs to the description; NULL if it has none.
 */
VRPMSG_API const char *vrpmsg_fd_info_name(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_addr() - address on the host's side
 * @info: description
 */
VRPMSG_API uint32_t vrpmsg_fd_info_addr(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_remote() - address on the guest's side
 * @info: description
 *
 * Return: the address; VRPMSG_ADDR_ANY while none is known, and for an
 * addressed endpoint.
 */
VRPMSG_API uint32_t vrpmsg_fd_info_remote(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_mtu() - longest payload that can be written now
 * @info: description
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_fd_info_mtu(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_generation() - which guest there is now
 * @info: description
 *
 * Return: another number after each reset of the guest; 0 before the first one.
 */
VRPMSG_API uint32_t vrpmsg_fd_info_generation(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_head_generation() - which guest the next message is from
 * @info: description
 *
 * Return: its generation; 0 when there is no message.
 */
VRPMSG_API uint32_t
vrpmsg_fd_info_head_generation(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_rx_dropped() - messages from the guest that were dropped
 * @info: description
 */
VRPMSG_API uint64_t vrpmsg_fd_info_rx_dropped(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_tx_dropped() - messages to the guest that were dropped
 * @info: description
 */
VRPMSG_API uint64_t vrpmsg_fd_info_tx_dropped(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_is_addressed() - whether each record begins with an address
 * @info: description
 */
VRPMSG_API bool vrpmsg_fd_info_is_addressed(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_is_announced() - whether it is announced to the guest
 * @info: description
 */
VRPMSG_API bool vrpmsg_fd_info_is_announced(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_is_gone() - whether the endpoint was deleted
 * @info: description
 *
 * The rest says what it was.
 */
VRPMSG_API bool vrpmsg_fd_info_is_gone(const struct vrpmsg_fd_info *info);

/*
 * Endpoints without privileges: vrpmsg_ctrl(3)
 */

/**
 * vrpmsg_ctrl_open() - open the ctrl node of a persistent device
 * @dev_name: name of the device
 *
 * Return: a descriptor, which the caller closes with close(2); or -1.
 * Errors: EACCES: it is not for the calling user; ENODEV: no persistent device has
 * the name.
 */
VRPMSG_API int vrpmsg_ctrl_open(const char *dev_name);

/**
 * vrpmsg_ctrl_new_ept() - make an endpoint that is a descriptor
 * @ctrl: open ctrl node
 * @config: what it is to be: name, address, remote or its mode, addressed; NULL:
 *	nothing of all that
 * @announce: announce it to the guest
 *
 * The descriptor is as vrpmsg_ept_open() returns it, for both directions. The
 * endpoint ends when the last process has closed it, and its announcement is
 * withdrawn.
 *
 * Return: the descriptor, which the caller closes with close(2); or -1.
 * Errors: EADDRINUSE; EDQUOT: the user has as many as one may have; EINVAL: something
 * else is set, or there is no name to announce; EMFILE, ENFILE; ENODEV: the device is
 * deleted; ENOMEM; ENOSPC: all users together have as many as they may have.
 */
VRPMSG_API int vrpmsg_ctrl_new_ept(int ctrl,
				   const struct vrpmsg_ept_config *config,
				   bool announce);

/**
 * vrpmsg_ctrl_info_get() - describe the device of a ctrl node
 * @ctrl: open ctrl node
 *
 * Return: a snapshot, which the caller frees with vrpmsg_ctrl_info_free(); or NULL.
 * Errors: ENODEV: the device is deleted; ENOTTY: not a ctrl node.
 */
VRPMSG_API struct vrpmsg_ctrl_info *vrpmsg_ctrl_info_get(int ctrl);

/**
 * vrpmsg_ctrl_info_free() - free what vrpmsg_ctrl_info_get() has returned
 * @info: description, or NULL
 */
VRPMSG_API void vrpmsg_ctrl_info_free(struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_dev_id() - number of the device
 * @info: description
 */
VRPMSG_API uint32_t vrpmsg_ctrl_info_dev_id(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_dev_name() - name of the device
 * @info: description
 *
 * Return: the name, which belongs to the description.
 */
VRPMSG_API const char *
vrpmsg_ctrl_info_dev_name(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_state() - how far the device is from having a guest
 * @info: description
 *
 * Return: a number that this header may not know yet.
 */
VRPMSG_API enum vrpmsg_state
vrpmsg_ctrl_info_state(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_mtu() - longest message that can be written now
 * @info: description
 *
 * Return: bytes of payload.
 */
VRPMSG_API uint32_t vrpmsg_ctrl_info_mtu(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_generation() - which guest there is, or was
 * @info: description
 *
 * Return: as vrpmsg_fd_info_generation().
 */
VRPMSG_API uint32_t
vrpmsg_ctrl_info_generation(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_endpoints() - how many endpoints the calling user has there
 * @info: description
 */
VRPMSG_API uint32_t
vrpmsg_ctrl_info_endpoints(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_max_endpoints() - how many that may be
 * @info: description
 */
VRPMSG_API uint32_t
vrpmsg_ctrl_info_max_endpoints(const struct vrpmsg_ctrl_info *info);

/*
 * Channels, services that a guest announced: vrpmsg_chan(3)
 */

/**
 * vrpmsg_chan_get() - get a channel by its address
 * @ctx: handle
 * @dev_name: name of the device
 * @addr: address on the guest's side
 *
 * Return: a snapshot, which the caller frees with vrpmsg_chan_free(); or
 * NULL.
 * Errors: EINVAL, ENODEV, ENOENT.
 */
VRPMSG_API struct vrpmsg_chan *
vrpmsg_chan_get(struct vrpmsg_ctx *ctx, const char *dev_name, uint32_t addr);

/**
 * vrpmsg_chan_list() - get channels, in the order of devices and addresses
 * @ctx: handle
 * @dev_name: those of this device; NULL: all
 * @count: where their number goes, or NULL
 *
 * Return: an array that ends with NULL, which the caller frees with
 * vrpmsg_chan_list_free(); or NULL.
 * Errors: EAGAIN: channels came and went all the time; EINVAL, ENODEV.
 */
VRPMSG_API struct vrpmsg_chan **
vrpmsg_chan_list(struct vrpmsg_ctx *ctx, const char *dev_name, size_t *count);

/**
 * vrpmsg_chan_free() - free a channel
 * @chan: channel, or NULL
 */
VRPMSG_API void vrpmsg_chan_free(struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_list_free() - free a list with its channels
 * @list: list, or NULL
 */
VRPMSG_API void vrpmsg_chan_list_free(struct vrpmsg_chan **list);

/**
 * vrpmsg_chan_dev_id() - number of its device
 * @chan: channel
 */
VRPMSG_API uint32_t vrpmsg_chan_dev_id(const struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_dev_name() - name of its device
 * @chan: channel
 *
 * Return: the name, which belongs to the channel; never NULL.
 */
VRPMSG_API const char *vrpmsg_chan_dev_name(const struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_name() - name as the guest announced it
 * @chan: channel
 *
 * Return: up to 32 bytes of any kind; they belong to the channel.
 */
VRPMSG_API const char *vrpmsg_chan_name(const struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_addr() - address on the guest's side
 * @chan: channel
 */
VRPMSG_API uint32_t vrpmsg_chan_addr(const struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_ept() - whether an endpoint is bound to it, and which one
 * @chan: channel
 * @ept_id: where its number goes, or NULL; it stays as it is if there is none
 */
VRPMSG_API bool vrpmsg_chan_ept(const struct vrpmsg_chan *chan,
				uint32_t *ept_id);

/*
 * Events: vrpmsg_monitor(3)
 */

enum vrpmsg_object {
	VRPMSG_EVENT_DEV,
	VRPMSG_EVENT_EPT,
	VRPMSG_EVENT_CHAN,
};

enum vrpmsg_action {
	VRPMSG_EVENT_NEW,
	VRPMSG_EVENT_CHANGE,
	VRPMSG_EVENT_DEL,
};

/**
 * vrpmsg_monitor_open() - hear of every object that is made, changes or goes
 * @ctx: handle, which says why this failed, and is not needed afterwards
 *
 * Return: the monitor, which the caller closes with vrpmsg_monitor_close();
 * or NULL.
 * Errors: EMFILE, ENFILE, EIO, ENOMEM, EPERM, EPROTONOSUPPORT.
 */
VRPMSG_API struct vrpmsg_monitor *vrpmsg_monitor_open(struct vrpmsg_ctx *ctx);

/**
 * vrpmsg_monitor_close() - close and free a monitor
 * @monitor: monitor, or NULL
 *
 * Events that were read stay.
 */
VRPMSG_API void vrpmsg_monitor_close(struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_monitor_fd() - what to poll
 * @monitor: monitor
 *
 * Return: a file descriptor, which belongs to the monitor; it has POLLIN when
 * there is an event.
 */
VRPMSG_API int vrpmsg_monitor_fd(const struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_monitor_read() - take the next event
 * @monitor: monitor
 *
 * Never sleeps.
 *
 * Return: the event, which the caller frees with vrpmsg_event_free(); or
 * NULL.
 * Errors: EAGAIN: there is none; ENOBUFS: events were lost, or the module was
 * loaded again: list what there is, and read on; ENOMEM, EPROTO.
 */
VRPMSG_API struct vrpmsg_event *
vrpmsg_monitor_read(struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_monitor_errmsg() - why the last vrpmsg_monitor_read() returned NULL
 * @monitor: monitor
 *
 * Return: words, which belong to the monitor; empty if it did not.
 */
VRPMSG_API const char *
vrpmsg_monitor_errmsg(const struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_event_free() - free an event with its object
 * @event: event, or NULL
 */
VRPMSG_API void vrpmsg_event_free(struct vrpmsg_event *event);

/**
 * vrpmsg_event_type() - what an event is about
 * @event: event
 */
VRPMSG_API enum vrpmsg_object
vrpmsg_event_type(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_action() - what became of it
 * @event: event
 */
VRPMSG_API enum vrpmsg_action
vrpmsg_event_action(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_dev() - the device that an event is about
 * @event: event
 *
 * Return: the device, which belongs to the event; NULL if it is about another
 * object.
 */
VRPMSG_API const struct vrpmsg_dev *
vrpmsg_event_dev(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_ept() - the endpoint that an event is about
 * @event: event
 *
 * Return: as vrpmsg_event_dev().
 */
VRPMSG_API const struct vrpmsg_ept *
vrpmsg_event_ept(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_chan() - the channel that an event is about
 * @event: event
 *
 * Return: as vrpmsg_event_dev().
 */
VRPMSG_API const struct vrpmsg_chan *
vrpmsg_event_chan(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_action_name() - what became of an object, in words
 * @action: enum vrpmsg_action
 *
 * Return: "new", "change", "del", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_event_action_name(int action);

#ifdef __cplusplus
}
#endif

#endif /* VHOSTRPMSG_H */
