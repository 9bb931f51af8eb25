/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvhostrpmsg: the host side of RPMsg over virtio, from user space.
 * libvhostrpmsg(3) explains it and has an example.
 *
 * A function that fails returns NULL or -1 and sets errno. If it takes a handle,
 * vrpmsg_ctx_errmsg() returns the reason as text. Getters cannot fail.
 *
 * Only one thread at a time may use a handle (struct vrpmsg_ctx, struct
 * vrpmsg_monitor); different handles are independent. After fork() only one of the two
 * processes may use it, since they share its socket. Objects are snapshots: they belong
 * to the caller, do not change, and remain valid after the handle is closed.
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

/* Owner of a device to which every user may attach. */
#define VRPMSG_OWNER_ANY UINT32_C(0xffffffff)
/* Owner of an endpoint that an administrator created. */
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
 * vrpmsg_version() - version of the library at run time
 *
 * Return: a static string, "0.1.0".
 */
VRPMSG_API const char *vrpmsg_version(void);

/*
 * Handles: vrpmsg_ctx(3)
 */

/**
 * vrpmsg_ctx_open() - open a handle
 *
 * A handle is a netlink socket and the reason of the last failure. The kernel
 * module need not be loaded yet: each request looks for it until one finds it, and
 * again after the module was reloaded.
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
 * Objects that it returned remain valid.
 */
VRPMSG_API void vrpmsg_ctx_close(struct vrpmsg_ctx *ctx);

/**
 * vrpmsg_ctx_errmsg() - why the last call with a handle failed
 * @ctx: handle
 *
 * Return: a message, the kernel's own if it sent one; empty if the last call
 * succeeded. It belongs to the handle, and the next call overwrites it.
 */
VRPMSG_API const char *vrpmsg_ctx_errmsg(const struct vrpmsg_ctx *ctx);

/**
 * vrpmsg_ctx_errattr() - which argument made the last call fail
 * @ctx: handle
 *
 * Return: the name of the netlink attribute, for example "rx-limit", static; NULL
 * if the last call succeeded or the kernel named no attribute.
 */
VRPMSG_API const char *vrpmsg_ctx_errattr(const struct vrpmsg_ctx *ctx);

/*
 * Counters of devices and endpoints: vrpmsg_dev(3)
 */

/* Later versions add counters at the end. vrpmsg_stat_name() ends with NULL. */
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
 * Return: "rx-msgs" and so on, static; NULL past the last counter.
 */
VRPMSG_API const char *vrpmsg_stat_name(int stat);

/**
 * vrpmsg_stat_dev_only() - whether only devices have a counter
 * @stat: enum vrpmsg_stat
 *
 * Return: true if the counter of every endpoint is 0.
 */
VRPMSG_API bool vrpmsg_stat_dev_only(int stat);

/*
 * Devices: vrpmsg_dev(3)
 */

enum vrpmsg_state {
	VRPMSG_DEV_DETACHED,	/* persistent, no VMM is attached */
	VRPMSG_DEV_ATTACHED,	/* a VMM is attached, the rings are stopped */
	VRPMSG_DEV_RUNNING,
};

/**
 * vrpmsg_dev_get() - get a device by its name
 * @ctx: handle
 * @name: name of the device
 *
 * Return: a snapshot, which the caller frees with vrpmsg_dev_free(); or NULL.
 * Errors: EINVAL; ENODEV: no device has this name.
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
 * vrpmsg_dev_list() - get all devices, sorted by number
 * @ctx: handle
 * @count: is set to how many there are; may be NULL
 *
 * Return: an array that ends with NULL, which the caller frees with
 * vrpmsg_dev_list_free(); or NULL.
 */
VRPMSG_API struct vrpmsg_dev **vrpmsg_dev_list(struct vrpmsg_ctx *ctx,
					       size_t *count);

/*
 * Configuration of a device. In a new configuration nothing is set. For what is not
 * set, vrpmsg_dev_add() uses the kernel's default, and vrpmsg_dev_set() changes
 * nothing.
 */

/**
 * vrpmsg_dev_config_new() - allocate a configuration in which nothing is set
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
 * vrpmsg_dev_config_set_mtu() - set the longest message that can be written
 * @config: configuration
 * @bytes: at most 65535; 0, the default, is what fits into the guest's buffers
 */
VRPMSG_API void vrpmsg_dev_config_set_mtu(struct vrpmsg_dev_config *config,
					  uint32_t bytes);

/**
 * vrpmsg_dev_config_set_hold_time() - set how long full queues hold the guest back
 * @config: configuration
 * @milliseconds: 0 means without limit; the default is 10,000
 */
VRPMSG_API void
vrpmsg_dev_config_set_hold_time(struct vrpmsg_dev_config *config,
				uint32_t milliseconds);

/**
 * vrpmsg_dev_config_set_owner() - set the user whose VMM may attach
 * @config: configuration
 * @uid: user, or VRPMSG_OWNER_ANY; the default is the user who adds the device
 */
VRPMSG_API void vrpmsg_dev_config_set_owner(struct vrpmsg_dev_config *config,
					    uint32_t uid);

/**
 * vrpmsg_dev_add() - add a persistent device
 * @ctx: handle
 * @name: 1 to 31 ASCII letters, digits and _.:@-; the first one is a letter, a
 *	digit or _
 * @config: configuration, or NULL for the defaults
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
 * @config: what to change; the rest does not change
 *
 * Return: 0 or -1.
 * Errors: EINVAL, ENODEV; EOPNOTSUPP: the owner is set, and the device is not
 * persistent; ERANGE.
 */
VRPMSG_API int vrpmsg_dev_set(struct vrpmsg_ctx *ctx, const char *name,
			      const struct vrpmsg_dev_config *config);

/**
 * vrpmsg_dev_del() - delete a persistent device and its endpoints
 * @ctx: handle
 * @name: name of the device
 *
 * Return: 0 or -1.
 * Errors: EBUSY: a VMM is attached, or the device is not persistent; EINVAL, ENODEV.
 */
VRPMSG_API int vrpmsg_dev_del(struct vrpmsg_ctx *ctx, const char *name);

/**
 * vrpmsg_dev_del_by_id() - delete a persistent device and its endpoints
 * @ctx: handle
 * @id: number of the device
 *
 * Return: 0 or -1.
 * Errors: as vrpmsg_dev_del(); ERANGE.
 */
VRPMSG_API int vrpmsg_dev_del_by_id(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_dev_reset() - forget the guest of a device that is stale
 * @ctx: handle
 * @name: name of the device
 *
 * Like a reset of the guest, it drops channels, learned and bound remotes, and
 * messages that wait to be sent. A device that is not stale does not change.
 *
 * Return: 0 or -1.
 * Errors: EBUSY: a VMM is attached, or the device is not persistent; EINVAL, ENODEV.
 */
VRPMSG_API int vrpmsg_dev_reset(struct vrpmsg_ctx *ctx, const char *name);

/**
 * vrpmsg_dev_free() - free the snapshot of a device
 * @dev: device, or NULL
 */
VRPMSG_API void vrpmsg_dev_free(struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_list_free() - free a list and its devices
 * @list: list, or NULL
 */
VRPMSG_API void vrpmsg_dev_list_free(struct vrpmsg_dev **list);

/**
 * vrpmsg_dev_id() - number of a device
 * @dev: device
 *
 * Return: the number, from 1. It is not reused before 2147483647 other devices were
 * added.
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
 * Return: the state; a newer kernel may have values that this header lacks.
 */
VRPMSG_API enum vrpmsg_state vrpmsg_dev_state(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_is_persistent() - whether a device outlives its VMM
 * @dev: device
 */
VRPMSG_API bool vrpmsg_dev_is_persistent(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_is_stale() - whether a device keeps the state of a guest without a VMM
 * @dev: device
 *
 * Return: true after a VMM closed the device and may come back for its guest, until
 * the next VMM starts the rings or vrpmsg_dev_reset() is called.
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
 * vrpmsg_dev_mtu() - longest payload that can be written
 * @dev: device
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_dev_mtu(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_is_mtu_fixed() - whether an administrator set the MTU
 * @dev: device
 */
VRPMSG_API bool vrpmsg_dev_is_mtu_fixed(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_hold_time() - how long full queues hold the guest back
 * @dev: device
 *
 * Return: milliseconds; 0 means without limit.
 */
VRPMSG_API uint32_t vrpmsg_dev_hold_time(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_owner() - the user whose VMM may attach
 * @dev: device
 *
 * Return: the user; VRPMSG_OWNER_ANY if every user may attach, and for a device that
 * is not persistent.
 */
VRPMSG_API uint32_t vrpmsg_dev_owner(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_endpoints() - how many endpoints a device has
 * @dev: device
 */
VRPMSG_API uint32_t vrpmsg_dev_endpoints(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_channels() - how many channels the guest announced
 * @dev: device
 */
VRPMSG_API uint32_t vrpmsg_dev_channels(const struct vrpmsg_dev *dev);

/**
 * vrpmsg_dev_stall_ept() - whether an endpoint holds the guest back, and which one
 * @dev: device
 * @ept_id: is set to the number of the endpoint if there is one; may be NULL
 */
VRPMSG_API bool vrpmsg_dev_stall_ept(const struct vrpmsg_dev *dev,
				     uint32_t *ept_id);

/**
 * vrpmsg_dev_stat() - a counter of a device
 * @dev: device
 * @stat: enum vrpmsg_stat
 *
 * Return: the counter; 0 if @stat is not a counter or the kernel does not have it.
 */
VRPMSG_API uint64_t vrpmsg_dev_stat(const struct vrpmsg_dev *dev, int stat);

/**
 * vrpmsg_dev_state_name() - name of a state
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
	VRPMSG_REMOTE_FIXED,	/* set by the creator of the endpoint */
	VRPMSG_REMOTE_LEARNED,	/* source of a message */
	VRPMSG_REMOTE_BOUND,	/* channel of the same name */
};

/* How an endpoint gets its remote. */
enum vrpmsg_remote_mode {
	VRPMSG_REMOTE_MODE_LEARN,	/* a channel, or the first message */
	VRPMSG_REMOTE_MODE_FIXED,	/* the one that was set */
	VRPMSG_REMOTE_MODE_FOLLOW,	/* a channel, then each message */
};

/* What happens to a message when the receive queue is full. */
enum vrpmsg_policy {
	VRPMSG_POLICY_HOLD,	/* the guest waits */
	VRPMSG_POLICY_DROP,	/* it is dropped and counted */
};

/* What happens to messages after the reader closed the endpoint. */
enum vrpmsg_closed_policy {
	VRPMSG_CLOSED_DROP,	/* they are dropped and counted */
	VRPMSG_CLOSED_KEEP,	/* they wait for the next reader */
};

/* What happens to unread messages when their guest is reset. */
enum vrpmsg_reset_policy {
	VRPMSG_RESET_KEEP,	/* they can still be read */
	VRPMSG_RESET_DROP,	/* they are dropped and counted */
};

/*
 * Configuration of an endpoint. In a new configuration nothing is set. For what is
 * not set, vrpmsg_ept_add() uses the kernel's default, and vrpmsg_ept_set() changes
 * nothing.
 */

/**
 * vrpmsg_ept_config_new() - allocate a configuration in which nothing is set
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
 * vrpmsg_ept_config_set_dev_name() - set the device of the endpoint by name
 * @config: configuration
 * @dev_name: is copied; NULL unsets it
 *
 * Return: 0 or -1.
 * Errors: ENOMEM.
 */
VRPMSG_API int vrpmsg_ept_config_set_dev_name(struct vrpmsg_ept_config *config,
					      const char *dev_name);

/**
 * vrpmsg_ept_config_set_name() - set the name of the service
 * @config: configuration
 * @name: 1 to 31 printable ASCII characters; is copied; NULL unsets it
 *
 * Return: 0 or -1.
 * Errors: ENOMEM.
 */
VRPMSG_API int vrpmsg_ept_config_set_name(struct vrpmsg_ept_config *config,
					  const char *name);

/**
 * vrpmsg_ept_config_set_dev_id() - set the device of the endpoint by number
 * @config: configuration
 * @dev_id: number of the device
 */
VRPMSG_API void vrpmsg_ept_config_set_dev_id(struct vrpmsg_ept_config *config,
					     uint32_t dev_id);

/**
 * vrpmsg_ept_config_set_addr() - set the address on the host's side
 * @config: configuration
 * @addr: any but VRPMSG_ADDR_NS and VRPMSG_ADDR_ANY; by default the next free
 *	one from 1024
 */
VRPMSG_API void vrpmsg_ept_config_set_addr(struct vrpmsg_ept_config *config,
					   uint32_t addr);

/**
 * vrpmsg_ept_config_set_remote() - set a fixed remote
 * @config: configuration
 * @remote: address on the guest's side
 */
VRPMSG_API void vrpmsg_ept_config_set_remote(struct vrpmsg_ept_config *config,
					     uint32_t remote);

/**
 * vrpmsg_ept_config_set_remote_mode() - set how the endpoint gets its remote
 * @config: configuration
 * @mode: VRPMSG_REMOTE_MODE_LEARN, the default, or VRPMSG_REMOTE_MODE_FOLLOW
 *
 * This and vrpmsg_ept_config_set_remote() override each other: the last call counts.
 */
VRPMSG_API void
vrpmsg_ept_config_set_remote_mode(struct vrpmsg_ept_config *config,
				  enum vrpmsg_remote_mode mode);

/**
 * vrpmsg_ept_config_set_addressed() - set whether the endpoint is addressed
 * @config: configuration
 * @addressed: the default is false
 *
 * Each record of an addressed endpoint begins with struct vrpmsg_addr.
 */
VRPMSG_API void
vrpmsg_ept_config_set_addressed(struct vrpmsg_ept_config *config,
				bool addressed);

/**
 * vrpmsg_ept_config_set_policy() - set what happens to a message when the receive
 *	queue is full
 * @config: configuration
 * @policy: the default is VRPMSG_POLICY_HOLD
 */
VRPMSG_API void vrpmsg_ept_config_set_policy(struct vrpmsg_ept_config *config,
					     enum vrpmsg_policy policy);

/**
 * vrpmsg_ept_config_set_closed_policy() - set what happens to messages after the
 *	reader closed the endpoint
 * @config: configuration
 * @policy: the default is VRPMSG_CLOSED_DROP
 */
VRPMSG_API void
vrpmsg_ept_config_set_closed_policy(struct vrpmsg_ept_config *config,
				    enum vrpmsg_closed_policy policy);

/**
 * vrpmsg_ept_config_set_reset_policy() - set what happens to unread messages when
 *	their guest is reset
 * @config: configuration
 * @policy: the default is VRPMSG_RESET_KEEP
 */
VRPMSG_API void
vrpmsg_ept_config_set_reset_policy(struct vrpmsg_ept_config *config,
				   enum vrpmsg_reset_policy policy);

/**
 * vrpmsg_ept_config_set_rx_limit() - set the limit of the receive queue
 * @config: configuration
 * @bytes: 1 to 64 MiB, by default 256 KiB; a message counts as its payload plus 64
 *	bytes
 */
VRPMSG_API void vrpmsg_ept_config_set_rx_limit(struct vrpmsg_ept_config *config,
					       uint32_t bytes);

/**
 * vrpmsg_ept_config_set_tx_limit() - set the limit of the send queue
 * @config: configuration
 * @bytes: as for the receive queue
 */
VRPMSG_API void vrpmsg_ept_config_set_tx_limit(struct vrpmsg_ept_config *config,
					       uint32_t bytes);

/**
 * vrpmsg_ept_add() - add an endpoint
 * @ctx: handle
 * @config: configuration; a device must be set
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
 * @config: what to change: remote or remote mode, policies, limits
 *
 * What is not set does not change.
 *
 * Return: 0 or -1.
 * Errors: EINVAL: something else is set; ENOENT; EOPNOTSUPP: the endpoint is
 * addressed and has no remote; EPERM: it is a driver's; ERANGE.
 */
VRPMSG_API int vrpmsg_ept_set(struct vrpmsg_ctx *ctx, uint32_t id,
			      const struct vrpmsg_ept_config *config);

/**
 * vrpmsg_ept_del() - delete an endpoint
 * @ctx: handle
 * @id: number of the endpoint
 *
 * A process that has it open can still read the queued messages, then gets EPIPE.
 *
 * Return: 0 or -1.
 * Errors: ENOENT; EPERM: the endpoint is a driver's.
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
 * vrpmsg_ept_list() - get endpoints, sorted by device and local address
 * @ctx: handle
 * @dev_name: only those of this device; NULL for all
 * @count: is set to how many there are; may be NULL
 *
 * Return: an array that ends with NULL, which the caller frees with
 * vrpmsg_ept_list_free(); or NULL.
 * Errors: EAGAIN: endpoints of the device came and went too often to list them;
 * EINVAL, ENODEV.
 */
VRPMSG_API struct vrpmsg_ept **
vrpmsg_ept_list(struct vrpmsg_ctx *ctx, const char *dev_name, size_t *count);

/**
 * vrpmsg_ept_find() - get an endpoint of a device by name
 * @ctx: handle
 * @dev_name: name of the device
 * @name: name of the endpoint
 *
 * Skips endpoints that users created through a ctrl node: a user can choose any
 * name. Users who create and delete endpoints all the time do not make it fail, but
 * then it may take a second to see that there is none of this name.
 *
 * Return: as vrpmsg_ept_add().
 * Errors: EINVAL, ENODEV; ENOENT: no endpoint has this name; ENOTUNIQ: several have it.
 */
VRPMSG_API struct vrpmsg_ept *
vrpmsg_ept_find(struct vrpmsg_ctx *ctx, const char *dev_name, const char *name);

/**
 * vrpmsg_ept_find_or_add() - get an endpoint by name, or add it
 * @ctx: handle
 * @config: configuration; the names of device and endpoint must be set
 *
 * An endpoint that exists is returned unchanged, whatever else @config says. Two
 * concurrent callers may each add one.
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
 * The announcement is sent as soon as the guest has buffers, and again after each
 * reset of the guest.
 *
 * Return: 0 or -1.
 * Errors: EINVAL: it has no name; ENOENT; EPERM: it is a driver's.
 */
VRPMSG_API int vrpmsg_ept_announce(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_ept_withdraw() - withdraw the announcement of an endpoint
 * @ctx: handle
 * @id: number of the endpoint
 *
 * Return: 0 or -1.
 * Errors: ENOENT; EPERM: the endpoint is a driver's.
 */
VRPMSG_API int vrpmsg_ept_withdraw(struct vrpmsg_ctx *ctx, uint32_t id);

/**
 * vrpmsg_ept_free() - free the snapshot of an endpoint
 * @ept: endpoint, or NULL
 */
VRPMSG_API void vrpmsg_ept_free(struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_list_free() - free a list and its endpoints
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
 * Return: the address; VRPMSG_ADDR_ANY while none is known, and for an addressed
 * endpoint.
 */
VRPMSG_API uint32_t vrpmsg_ept_remote(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_remote_kind() - how the endpoint got its remote
 * @ept: endpoint
 *
 * Return: the kind; a newer kernel may have values that this header lacks.
 */
VRPMSG_API enum vrpmsg_remote_kind
vrpmsg_ept_remote_kind(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_remote_mode() - how the endpoint gets its remote
 * @ept: endpoint
 *
 * Return: the mode, VRPMSG_REMOTE_MODE_LEARN for an addressed endpoint; a newer
 * kernel may have values that this header lacks.
 */
VRPMSG_API enum vrpmsg_remote_mode
vrpmsg_ept_remote_mode(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_addressed() - whether each record begins with an address
 * @ept: endpoint
 */
VRPMSG_API bool vrpmsg_ept_is_addressed(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_announced() - whether the endpoint is announced to the guest
 * @ept: endpoint
 */
VRPMSG_API bool vrpmsg_ept_is_announced(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_open() - whether a process has the char device open for reading
 * @ept: endpoint
 */
VRPMSG_API bool vrpmsg_ept_is_open(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_owner() - the user who created the endpoint through a ctrl node
 * @ept: endpoint
 *
 * Return: the user; VRPMSG_OWNER_NONE if an administrator created it.
 */
VRPMSG_API uint32_t vrpmsg_ept_owner(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_descriptor() - whether the endpoint exists only as a file descriptor
 * @ept: endpoint
 *
 * Return: true if vrpmsg_ctrl_new_ept() created it, so that it has no char device.
 */
VRPMSG_API bool vrpmsg_ept_is_descriptor(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_is_driver() - whether it belongs to a driver of the host
 * @ept: endpoint
 *
 * Return: true if it has no char device, settings, queues or counters, and changing or
 * deleting it fails with EPERM.
 */
VRPMSG_API bool vrpmsg_ept_is_driver(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_policy() - what happens to a message when the receive queue is full
 * @ept: endpoint
 *
 * Return: the policy; a newer kernel may have values that this header lacks.
 */
VRPMSG_API enum vrpmsg_policy vrpmsg_ept_policy(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_closed_policy() - what happens to messages after the reader closed the
 *	endpoint
 * @ept: endpoint
 *
 * Return: as vrpmsg_ept_policy().
 */
VRPMSG_API enum vrpmsg_closed_policy
vrpmsg_ept_closed_policy(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_reset_policy() - what happens to unread messages when their guest is
 *	reset
 * @ept: endpoint
 *
 * Return: as vrpmsg_ept_policy().
 */
VRPMSG_API enum vrpmsg_reset_policy
vrpmsg_ept_reset_policy(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_rx_limit() - limit of the receive queue
 * @ept: endpoint
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_ept_rx_limit(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_tx_limit() - limit of the send queue
 * @ept: endpoint
 *
 * Return: bytes.
 */
VRPMSG_API uint32_t vrpmsg_ept_tx_limit(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_rx_queued() - how much is in the receive queue
 * @ept: endpoint
 *
 * Return: bytes, counted as for the limit.
 */
VRPMSG_API uint32_t vrpmsg_ept_rx_queued(const struct vrpmsg_ept *ept);

/**
 * vrpmsg_ept_tx_queued() - how much is in the send queue
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
 * Return: as vrpmsg_dev_stat().
 */
VRPMSG_API uint64_t vrpmsg_ept_stat(const struct vrpmsg_ept *ept, int stat);

/**
 * vrpmsg_remote_kind_name() - name of a kind of remote
 * @kind: enum vrpmsg_remote_kind
 *
 * Return: "none", "fixed", "learned", "bound", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_remote_kind_name(int kind);

/**
 * vrpmsg_remote_mode_name() - name of a remote mode
 * @mode: enum vrpmsg_remote_mode
 *
 * Return: "learn", "fixed", "follow", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_remote_mode_name(int mode);

/**
 * vrpmsg_policy_name() - name of a policy
 * @policy: enum vrpmsg_policy
 *
 * Return: "hold", "drop", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_policy_name(int policy);

/**
 * vrpmsg_closed_policy_name() - name of a closed policy
 * @policy: enum vrpmsg_closed_policy
 *
 * Return: "drop", "keep", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_closed_policy_name(int policy);

/**
 * vrpmsg_reset_policy_name() - name of a reset policy
 * @policy: enum vrpmsg_reset_policy
 *
 * Return: "keep", "drop", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_reset_policy_name(int policy);

/*
 * Char devices and messages: vrpmsg_fd(3)
 */

/* First part of each record of an addressed endpoint, in both directions. */
struct vrpmsg_addr {
	uint32_t addr;
	/* read(2): which guest sent it; write(2): which guest gets it, 0 for any. */
	uint32_t generation;
};

/**
 * struct vrpmsg_rec - a record of a file in batch mode
 * @addr: as in struct vrpmsg_addr; write(2) uses it only for addressed endpoints
 * @generation: as in struct vrpmsg_addr
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
 * Only the permissions of the file matter.
 *
 * Return: a file descriptor, which the caller closes; or -1.
 * Errors: those of open(2); EBUSY: another process has it open for reading;
 * ENETRESET: the endpoint has just been deleted.
 */
VRPMSG_API int vrpmsg_ept_open(uint32_t id, int flags);

/**
 * vrpmsg_fd_destroy() - delete the endpoint that a file has open
 * @fd: file descriptor of an endpoint
 *
 * Return: 0 or -1.
 * Errors: EINVAL: an administrator created the endpoint; ENOTTY: @fd is not of an
 * endpoint; EPIPE: the endpoint is already deleted.
 */
VRPMSG_API int vrpmsg_fd_destroy(int fd);

/**
 * vrpmsg_fd_set_batch() - turn batch mode of an open file on or off
 * @fd: file descriptor of an endpoint
 * @batch: true for many messages per read(2) and write(2), false for one
 *
 * The mode is that of all descriptors of the open file, also in other processes.
 *
 * Return: 0 or -1.
 * Errors: ENOTTY: @fd is not of an endpoint.
 */
VRPMSG_API int vrpmsg_fd_set_batch(int fd, bool batch);

/**
 * vrpmsg_rec_size() - size of a record in bytes, with header and padding
 * @len: bytes of payload
 */
VRPMSG_API size_t vrpmsg_rec_size(size_t len);

/**
 * vrpmsg_rec_next() - get the next of the records that read(2) returned
 * @buf: buffer
 * @size: return value of read(2)
 * @pos: 0 before the first call; is set to the offset of the next record
 * @rec: is filled in; its data points into @buf
 *
 * Return: 1 for a record, 0 at the end, or -1.
 * Errors: EBADMSG: the bytes at @pos are not a record.
 */
VRPMSG_API int vrpmsg_rec_next(const void *buf, size_t size, size_t *pos,
			       struct vrpmsg_rec *rec);

/**
 * vrpmsg_rec_put() - add a record to a buffer for write(2)
 * @buf: buffer
 * @size: size of the buffer
 * @pos: bytes already used; is set to the end of the new record
 * @rec: record
 *
 * Return: 0 or -1.
 * Errors: ENOBUFS: the record does not fit.
 */
VRPMSG_API int vrpmsg_rec_put(void *buf, size_t size, size_t *pos,
			      const struct vrpmsg_rec *rec);

/**
 * vrpmsg_fd_info_get() - describe the endpoint that a file has open
 * @fd: file descriptor of an endpoint
 *
 * Return: a snapshot, which the caller frees with vrpmsg_fd_info_free(); or
 * NULL.
 * Errors: ENOMEM; ENOTTY: @fd is not of an endpoint.
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
 * vrpmsg_fd_info_generation() - generation of the guest
 * @info: description
 *
 * Return: a number that changes with each reset of the guest; 0 before the first
 * guest.
 */
VRPMSG_API uint32_t vrpmsg_fd_info_generation(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_head_generation() - generation of the guest that sent the next
 *	message
 * @info: description
 *
 * Return: the generation; 0 if there is no message.
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
 * vrpmsg_fd_info_is_announced() - whether the endpoint is announced to the guest
 * @info: description
 */
VRPMSG_API bool vrpmsg_fd_info_is_announced(const struct vrpmsg_fd_info *info);

/**
 * vrpmsg_fd_info_is_gone() - whether the endpoint was deleted
 * @info: description
 *
 * If so, the other getters return its last values.
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
 * Errors: EACCES: the calling user may not open it; ENODEV: no persistent device has
 * this name.
 */
VRPMSG_API int vrpmsg_ctrl_open(const char *dev_name);

/**
 * vrpmsg_ctrl_new_ept() - create an endpoint that lives as long as its descriptor
 * @ctrl: open ctrl node
 * @config: configuration: name, address, remote or remote mode, addressed; NULL for
 *	the defaults
 * @announce: announce it to the guest
 *
 * The descriptor works like that of vrpmsg_ept_open() with O_RDWR. When its last copy
 * is closed, the endpoint is deleted and its announcement withdrawn.
 *
 * Return: the descriptor, which the caller closes with close(2); or -1.
 * Errors: EADDRINUSE; EDQUOT: the user has too many endpoints; EINVAL: something else
 * is set, or there is no name to announce; EMFILE, ENFILE; ENODEV: the device was
 * deleted; ENOMEM; ENOSPC: all users together have too many endpoints.
 */
VRPMSG_API int vrpmsg_ctrl_new_ept(int ctrl,
				   const struct vrpmsg_ept_config *config,
				   bool announce);

/**
 * vrpmsg_ctrl_info_get() - describe the device of a ctrl node
 * @ctrl: open ctrl node
 *
 * Return: a snapshot, which the caller frees with vrpmsg_ctrl_info_free(); or NULL.
 * Errors: ENODEV: the device was deleted; ENOMEM; ENOTTY: @ctrl is not a ctrl node.
 */
VRPMSG_API struct vrpmsg_ctrl_info *vrpmsg_ctrl_info_get(int ctrl);

/**
 * vrpmsg_ctrl_info_free() - free a description
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
 * vrpmsg_ctrl_info_state() - state of the device
 * @info: description
 *
 * Return: as vrpmsg_dev_state().
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
 * vrpmsg_ctrl_info_generation() - generation of the guest
 * @info: description
 *
 * Return: as vrpmsg_fd_info_generation().
 */
VRPMSG_API uint32_t
vrpmsg_ctrl_info_generation(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_endpoints() - how many endpoints the calling user has on the
 *	device
 * @info: description
 */
VRPMSG_API uint32_t
vrpmsg_ctrl_info_endpoints(const struct vrpmsg_ctrl_info *info);

/**
 * vrpmsg_ctrl_info_max_endpoints() - how many endpoints the calling user may have on
 *	the device
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
 * vrpmsg_chan_list() - get channels, sorted by device and address
 * @ctx: handle
 * @dev_name: only those of this device; NULL for all
 * @count: is set to how many there are; may be NULL
 *
 * Return: an array that ends with NULL, which the caller frees with
 * vrpmsg_chan_list_free(); or NULL.
 * Errors: EAGAIN: channels of the device came and went too often to list them;
 * EINVAL, ENODEV.
 */
VRPMSG_API struct vrpmsg_chan **
vrpmsg_chan_list(struct vrpmsg_ctx *ctx, const char *dev_name, size_t *count);

/**
 * vrpmsg_chan_free() - free a channel
 * @chan: channel, or NULL
 */
VRPMSG_API void vrpmsg_chan_free(struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_list_free() - free a list and its channels
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
 * vrpmsg_chan_name() - name of a channel, as the guest announced it
 * @chan: channel
 *
 * Return: the name, up to 32 bytes that need not be printable; it belongs to the
 * channel.
 */
VRPMSG_API const char *vrpmsg_chan_name(const struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_addr() - address on the guest's side
 * @chan: channel
 */
VRPMSG_API uint32_t vrpmsg_chan_addr(const struct vrpmsg_chan *chan);

/**
 * vrpmsg_chan_ept() - whether an endpoint is bound to a channel, and which one
 * @chan: channel
 * @ept_id: is set to the number of the endpoint if there is one; may be NULL
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
 * vrpmsg_monitor_open() - start to receive events of devices, endpoints and channels
 * @ctx: handle; it reports why the call failed, and is not used afterwards
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
 * Events that it returned remain valid.
 */
VRPMSG_API void vrpmsg_monitor_close(struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_monitor_fd() - file descriptor to poll
 * @monitor: monitor
 *
 * Return: a file descriptor, which belongs to the monitor. poll(2) reports POLLIN
 * when there is an event.
 */
VRPMSG_API int vrpmsg_monitor_fd(const struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_monitor_read() - read the next event
 * @monitor: monitor
 *
 * Does not wait for an event. After a loss it makes requests of its own, and waits
 * for the kernel's replies.
 *
 * Return: the event, which the caller frees with vrpmsg_event_free(); or
 * NULL.
 * Errors: EAGAIN: there is no event; ENOBUFS: events were lost, including those
 * that were waiting, or the module was reloaded: list the objects again and go on
 * reading; EPROTO. EIO, ENOMEM, EPERM: after a loss the monitor could not subscribe
 * again. Nothing arrives until a later call succeeds, which then fails
 * with ENOBUFS: call again after a while, do not wait for the descriptor.
 */
VRPMSG_API struct vrpmsg_event *
vrpmsg_monitor_read(struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_monitor_errmsg() - why the last vrpmsg_monitor_read() returned NULL
 * @monitor: monitor
 *
 * Return: a message, which belongs to the monitor; empty if that call returned an
 * event.
 */
VRPMSG_API const char *
vrpmsg_monitor_errmsg(const struct vrpmsg_monitor *monitor);

/**
 * vrpmsg_event_free() - free an event and its object
 * @event: event, or NULL
 */
VRPMSG_API void vrpmsg_event_free(struct vrpmsg_event *event);

/**
 * vrpmsg_event_type() - type of the object of an event
 * @event: event
 */
VRPMSG_API enum vrpmsg_object
vrpmsg_event_type(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_action() - what happened to the object of an event
 * @event: event
 */
VRPMSG_API enum vrpmsg_action
vrpmsg_event_action(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_dev() - the device of an event
 * @event: event
 *
 * Return: the device, which belongs to the event; NULL if the object has another
 * type.
 */
VRPMSG_API const struct vrpmsg_dev *
vrpmsg_event_dev(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_ept() - the endpoint of an event
 * @event: event
 *
 * Return: as vrpmsg_event_dev().
 */
VRPMSG_API const struct vrpmsg_ept *
vrpmsg_event_ept(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_chan() - the channel of an event
 * @event: event
 *
 * Return: as vrpmsg_event_dev().
 */
VRPMSG_API const struct vrpmsg_chan *
vrpmsg_event_chan(const struct vrpmsg_event *event);

/**
 * vrpmsg_event_action_name() - name of an action
 * @action: enum vrpmsg_action
 *
 * Return: "new", "change", "del", or "unknown"; static.
 */
VRPMSG_API const char *vrpmsg_event_action_name(int action);

#ifdef __cplusplus
}
#endif

#endif /* VHOSTRPMSG_H */
