/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vhost_rpmsg.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_VHOST_RPMSG_NETLINK_H
#define _UAPI_LINUX_VHOST_RPMSG_NETLINK_H

#define VHOST_RPMSG_FAMILY_NAME		"vhost_rpmsg"
#define VHOST_RPMSG_FAMILY_VERSION	1

/**
 * enum vhost_rpmsg_dev_state - How far a device is from having a guest.
 * @VHOST_RPMSG_DEV_STATE_DETACHED: A persistent device that no VMM holds.
 * @VHOST_RPMSG_DEV_STATE_ATTACHED: A VMM holds the device, and its rings do
 *   not run; or the process that ran them was killed, and another one still
 *   has the file. Then there is no event.
 * @VHOST_RPMSG_DEV_STATE_RUNNING: The rings run.
 */
enum vhost_rpmsg_dev_state {
	VHOST_RPMSG_DEV_STATE_DETACHED,
	VHOST_RPMSG_DEV_STATE_ATTACHED,
	VHOST_RPMSG_DEV_STATE_RUNNING,
};

/**
 * enum vhost_rpmsg_remote_kind - Where the remote address of an endpoint comes
 *   from.
 * @VHOST_RPMSG_REMOTE_KIND_NONE: There is no remote yet; write() returns
 *   ENOTCONN.
 * @VHOST_RPMSG_REMOTE_KIND_FIXED: Set by the administrator; it survives a
 *   reset of the guest.
 * @VHOST_RPMSG_REMOTE_KIND_LEARNED: The source of a message that arrived. It
 *   is forgotten when the guest is reset, when the guest destroys it (with a
 *   name service message that has the endpoint's name and this address), and
 *   when the endpoint's announcement is withdrawn.
 * @VHOST_RPMSG_REMOTE_KIND_BOUND: The address of a channel of the same name.
 */
enum vhost_rpmsg_remote_kind {
	VHOST_RPMSG_REMOTE_KIND_NONE,
	VHOST_RPMSG_REMOTE_KIND_FIXED,
	VHOST_RPMSG_REMOTE_KIND_LEARNED,
	VHOST_RPMSG_REMOTE_KIND_BOUND,
};

/**
 * enum vhost_rpmsg_remote_mode - How an endpoint gets its remote.
 * @VHOST_RPMSG_REMOTE_MODE_LEARN: From a free channel of the same name, or
 *   from the first message that arrives while there is no remote.
 * @VHOST_RPMSG_REMOTE_MODE_FIXED: From the administrator.
 * @VHOST_RPMSG_REMOTE_MODE_FOLLOW: Like learn, and the source of each message
 *   becomes the remote.
 */
enum vhost_rpmsg_remote_mode {
	VHOST_RPMSG_REMOTE_MODE_LEARN,
	VHOST_RPMSG_REMOTE_MODE_FIXED,
	VHOST_RPMSG_REMOTE_MODE_FOLLOW,
};

/**
 * enum vhost_rpmsg_full_policy - What happens to a message that finds the
 *   receive queue full.
 * @VHOST_RPMSG_FULL_POLICY_HOLD: The guest is held back while a process has
 *   the endpoint open for reading, at most for the hold-time of the device:
 *   its buffers stay in the ring, including those for other endpoints.
 *   Otherwise the message is dropped and counted.
 * @VHOST_RPMSG_FULL_POLICY_DROP: The message is dropped and counted.
 */
enum vhost_rpmsg_full_policy {
	VHOST_RPMSG_FULL_POLICY_HOLD,
	VHOST_RPMSG_FULL_POLICY_DROP,
};

/**
 * enum vhost_rpmsg_closed_policy - What happens to messages after a process
 *   has closed the endpoint. Messages that arrive before the first open wait
 *   in the queue, within rx-limit. A reset of the guest and an announcement of
 *   the endpoint start this phase again.
 * @VHOST_RPMSG_CLOSED_POLICY_DROP: Unread messages are discarded, and new ones
 *   are dropped and counted.
 * @VHOST_RPMSG_CLOSED_POLICY_KEEP: Unread and new messages wait for the next
 *   reader, within rx-limit.
 */
enum vhost_rpmsg_closed_policy {
	VHOST_RPMSG_CLOSED_POLICY_DROP,
	VHOST_RPMSG_CLOSED_POLICY_KEEP,
};

/**
 * enum vhost_rpmsg_reset_policy - What happens to unread messages of a guest
 *   that is reset.
 * @VHOST_RPMSG_RESET_POLICY_KEEP: They can still be read; records have the
 *   guest's generation.
 * @VHOST_RPMSG_RESET_POLICY_DROP: They are discarded and counted in
 *   rx-discards.
 */
enum vhost_rpmsg_reset_policy {
	VHOST_RPMSG_RESET_POLICY_KEEP,
	VHOST_RPMSG_RESET_POLICY_DROP,
};

/**
 * enum vhost_rpmsg_event - Why a notification was sent.
 */
enum vhost_rpmsg_event {
	VHOST_RPMSG_EVENT_NEW,
	VHOST_RPMSG_EVENT_CHANGE,
	VHOST_RPMSG_EVENT_DEL,
};

enum {
	VHOST_RPMSG_A_STATS_PAD = 1,
	VHOST_RPMSG_A_STATS_RX_MSGS,
	VHOST_RPMSG_A_STATS_RX_BYTES,
	VHOST_RPMSG_A_STATS_TX_MSGS,
	VHOST_RPMSG_A_STATS_TX_BYTES,
	VHOST_RPMSG_A_STATS_RX_DROP_FULL,
	VHOST_RPMSG_A_STATS_RX_DROP_CLOSED,
	VHOST_RPMSG_A_STATS_RX_DROP_NOMEM,
	VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN,
	VHOST_RPMSG_A_STATS_RX_DROP_INVALID,
	VHOST_RPMSG_A_STATS_RX_DISCARDS,
	VHOST_RPMSG_A_STATS_TX_DROP_RESET,
	VHOST_RPMSG_A_STATS_TX_DROP_SIZE,
	VHOST_RPMSG_A_STATS_STALLS,
	VHOST_RPMSG_A_STATS_RING_ERRORS,
	VHOST_RPMSG_A_STATS_NS_RX,
	VHOST_RPMSG_A_STATS_NS_TX,
	VHOST_RPMSG_A_STATS_NS_INVALID,
	VHOST_RPMSG_A_STATS_EVENTS_MERGED,

	__VHOST_RPMSG_A_STATS_MAX,
	VHOST_RPMSG_A_STATS_MAX = (__VHOST_RPMSG_A_STATS_MAX - 1)
};

enum {
	VHOST_RPMSG_A_DEV_PAD = 1,
	VHOST_RPMSG_A_DEV_ID,
	VHOST_RPMSG_A_DEV_NAME,
	VHOST_RPMSG_A_DEV_PERSISTENT,
	VHOST_RPMSG_A_DEV_STATE,
	VHOST_RPMSG_A_DEV_FEATURES,
	VHOST_RPMSG_A_DEV_MTU,
	VHOST_RPMSG_A_DEV_MTU_FIXED,
	VHOST_RPMSG_A_DEV_HOLD_TIME,
	VHOST_RPMSG_A_DEV_OWNER,
	VHOST_RPMSG_A_DEV_ENDPOINTS,
	VHOST_RPMSG_A_DEV_CHANNELS,
	VHOST_RPMSG_A_DEV_STALE,
	VHOST_RPMSG_A_DEV_STALL_EPT,
	VHOST_RPMSG_A_DEV_STATS,
	VHOST_RPMSG_A_DEV_EVENT,

	__VHOST_RPMSG_A_DEV_MAX,
	VHOST_RPMSG_A_DEV_MAX = (__VHOST_RPMSG_A_DEV_MAX - 1)
};

enum {
	VHOST_RPMSG_A_EPT_ID = 1,
	VHOST_RPMSG_A_EPT_DEV_ID,
	VHOST_RPMSG_A_EPT_DEV_NAME,
	VHOST_RPMSG_A_EPT_NAME,
	VHOST_RPMSG_A_EPT_ADDR,
	VHOST_RPMSG_A_EPT_REMOTE,
	VHOST_RPMSG_A_EPT_REMOTE_KIND,
	VHOST_RPMSG_A_EPT_REMOTE_MODE,
	VHOST_RPMSG_A_EPT_ADDRESSED,
	VHOST_RPMSG_A_EPT_ANNOUNCED,
	VHOST_RPMSG_A_EPT_OPEN,
	VHOST_RPMSG_A_EPT_FULL_POLICY,
	VHOST_RPMSG_A_EPT_CLOSED_POLICY,
	VHOST_RPMSG_A_EPT_RESET_POLICY,
	VHOST_RPMSG_A_EPT_RX_LIMIT,
	VHOST_RPMSG_A_EPT_TX_LIMIT,
	VHOST_RPMSG_A_EPT_RX_QUEUED,
	VHOST_RPMSG_A_EPT_TX_QUEUED,
	VHOST_RPMSG_A_EPT_OWNER,
	VHOST_RPMSG_A_EPT_DESCRIPTOR,
	VHOST_RPMSG_A_EPT_DRIVER,
	VHOST_RPMSG_A_EPT_STATS,
	VHOST_RPMSG_A_EPT_EVENT,

	__VHOST_RPMSG_A_EPT_MAX,
	VHOST_RPMSG_A_EPT_MAX = (__VHOST_RPMSG_A_EPT_MAX - 1)
};

enum {
	VHOST_RPMSG_A_CHAN_DEV_ID = 1,
	VHOST_RPMSG_A_CHAN_DEV_NAME,
	VHOST_RPMSG_A_CHAN_NAME,
	VHOST_RPMSG_A_CHAN_ADDR,
	VHOST_RPMSG_A_CHAN_EPT,
	VHOST_RPMSG_A_CHAN_EVENT,

	__VHOST_RPMSG_A_CHAN_MAX,
	VHOST_RPMSG_A_CHAN_MAX = (__VHOST_RPMSG_A_CHAN_MAX - 1)
};

enum {
	VHOST_RPMSG_CMD_DEV_GET = 1,
	VHOST_RPMSG_CMD_DEV_NEW,
	VHOST_RPMSG_CMD_DEV_SET,
	VHOST_RPMSG_CMD_DEV_DEL,
	VHOST_RPMSG_CMD_DEV_RESET,
	VHOST_RPMSG_CMD_DEV_NTF,
	VHOST_RPMSG_CMD_EPT_NEW,
	VHOST_RPMSG_CMD_EPT_SET,
	VHOST_RPMSG_CMD_EPT_DEL,
	VHOST_RPMSG_CMD_EPT_GET,
	VHOST_RPMSG_CMD_EPT_NTF,
	VHOST_RPMSG_CMD_NS_ANNOUNCE,
	VHOST_RPMSG_CMD_NS_WITHDRAW,
	VHOST_RPMSG_CMD_CHAN_GET,
	VHOST_RPMSG_CMD_CHAN_NTF,

	__VHOST_RPMSG_CMD_MAX,
	VHOST_RPMSG_CMD_MAX = (__VHOST_RPMSG_CMD_MAX - 1)
};

#define VHOST_RPMSG_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_VHOST_RPMSG_NETLINK_H */
