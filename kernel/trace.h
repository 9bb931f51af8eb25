/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: messages, name service messages, drops and changes of state.
 * Addresses are RPMsg addresses, lengths are bytes of payload. A device is
 * shown with its name and number; the number is 0 for the private device of a
 * driver.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vhost_rpmsg

#if !defined(VRPMSG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define VRPMSG_TRACE_H

#include <linux/string_helpers.h>
#include <linux/tracepoint.h>

#include "internal.h"

/* clang-format does not know the layout of tracepoints. */
/* clang-format off */

DECLARE_EVENT_CLASS(vrpmsg_msg,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 src, u32 dst, size_t len),
	TP_ARGS(rdev, src, dst, len),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, src)
		__field(u32, dst)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->src = src;
		__entry->dst = dst;
		__entry->len = len;
	),
	TP_printk("dev=%u src=%#x dst=%#x len=%u", __entry->dev, __entry->src,
		  __entry->dst, __entry->len)
);

/* A message from the guest, before it is passed to its endpoint. */
DEFINE_EVENT(vrpmsg_msg, vrpmsg_rx,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 src, u32 dst, size_t len),
	TP_ARGS(rdev, src, dst, len)
);

/* A message to the guest, which has been copied to its buffer. */
DEFINE_EVENT(vrpmsg_msg, vrpmsg_tx,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 src, u32 dst, size_t len),
	TP_ARGS(rdev, src, dst, len)
);

/*
 * @cause is the number of the counter, VHOST_RPMSG_A_STATS_*. @addr is the
 * local address, or VHOST_RPMSG_ADDR_ANY if it is not known.
 */
TRACE_EVENT(vrpmsg_drop,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 cause, u32 addr,
		 size_t len),
	TP_ARGS(rdev, cause, addr, len),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, cause)
		__field(u32, addr)
		__field(u32, len)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->cause = cause;
		__entry->addr = addr;
		__entry->len = len;
	),
	TP_printk("dev=%u cause=%s addr=%#x len=%u", __entry->dev,
		  __print_symbolic(__entry->cause,
			{ VHOST_RPMSG_A_STATS_RX_DROP_FULL, "rx-drop-full" },
			{ VHOST_RPMSG_A_STATS_RX_DROP_CLOSED, "rx-drop-closed" },
			{ VHOST_RPMSG_A_STATS_RX_DROP_NOMEM, "rx-drop-nomem" },
			{ VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN, "rx-drop-unknown" },
			{ VHOST_RPMSG_A_STATS_RX_DROP_INVALID, "rx-drop-invalid" },
			{ VHOST_RPMSG_A_STATS_RX_DISCARDS, "rx-discards" },
			{ VHOST_RPMSG_A_STATS_TX_DROP_RESET, "tx-drop-reset" },
			{ VHOST_RPMSG_A_STATS_TX_DROP_SIZE, "tx-drop-size" },
			{ VHOST_RPMSG_A_STATS_RING_ERRORS, "ring-errors" },
			{ VHOST_RPMSG_A_STATS_NS_INVALID, "ns-invalid" }),
		  __entry->addr, __entry->len)
);

TRACE_EVENT(vrpmsg_ns,
	TP_PROTO(const struct vrpmsg_dev *rdev, bool tx, const char *name,
		 u32 addr, bool destroy),
	TP_ARGS(rdev, tx, name, addr, destroy),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, addr)
		__field(bool, tx)
		__field(bool, destroy)
		/* A guest's name may hold any bytes: each can become \xNN. */
		__array(char, name, 4 * VHOST_RPMSG_NAME_SIZE + 1)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->addr = addr;
		__entry->tx = tx;
		__entry->destroy = destroy;
		__entry->name[string_escape_mem(name, strlen(name),
						__entry->name,
						sizeof(__entry->name) - 1,
						ESCAPE_HEX | ESCAPE_NAP |
						ESCAPE_APPEND, "\\")] = '\0';
	),
	TP_printk("dev=%u %s %s name=%s addr=%#x", __entry->dev,
		  __entry->tx ? "tx" : "rx",
		  __entry->destroy ? "destroy" : "create", __entry->name,
		  __entry->addr)
);

TRACE_EVENT(vrpmsg_dev_state,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 state),
	TP_ARGS(rdev, state),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, state)
		__array(char, name, VHOST_RPMSG_NAME_SIZE)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->state = state;
		strscpy(__entry->name, rdev->name, sizeof(__entry->name));
	),
	TP_printk("dev=%u name=%s state=%s", __entry->dev, __entry->name,
		  __print_symbolic(__entry->state,
			{ VHOST_RPMSG_DEV_STATE_DETACHED, "detached" },
			{ VHOST_RPMSG_DEV_STATE_ATTACHED, "attached" },
			{ VHOST_RPMSG_DEV_STATE_RUNNING, "running" }))
);

TRACE_EVENT(vrpmsg_ept_state,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 addr, u32 event),
	TP_ARGS(rdev, addr, event),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, addr)
		__field(u32, event)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->addr = addr;
		__entry->event = event;
	),
	TP_printk("dev=%u addr=%#x %s", __entry->dev, __entry->addr,
		  __print_symbolic(__entry->event,
			{ VHOST_RPMSG_EVENT_NEW, "new" },
			{ VHOST_RPMSG_EVENT_CHANGE, "change" },
			{ VHOST_RPMSG_EVENT_DEL, "del" }))
);

TRACE_EVENT(vrpmsg_ept_remote,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 addr, u32 remote, u32 kind),
	TP_ARGS(rdev, addr, remote, kind),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, addr)
		__field(u32, remote)
		__field(u32, kind)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->addr = addr;
		__entry->remote = remote;
		__entry->kind = kind;
	),
	TP_printk("dev=%u addr=%#x remote=%#x kind=%s", __entry->dev,
		  __entry->addr, __entry->remote,
		  __print_symbolic(__entry->kind,
			{ VHOST_RPMSG_REMOTE_KIND_NONE, "none" },
			{ VHOST_RPMSG_REMOTE_KIND_FIXED, "fixed" },
			{ VHOST_RPMSG_REMOTE_KIND_LEARNED, "learned" },
			{ VHOST_RPMSG_REMOTE_KIND_BOUND, "bound" }))
);

/* A full endpoint starts or stops holding the guest back. */
TRACE_EVENT(vrpmsg_stall,
	TP_PROTO(const struct vrpmsg_dev *rdev, u32 addr, bool stalled),
	TP_ARGS(rdev, addr, stalled),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u32, addr)
		__field(bool, stalled)
	),
	TP_fast_assign(
		__entry->dev = rdev->id;
		__entry->addr = addr;
		__entry->stalled = stalled;
	),
	TP_printk("dev=%u addr=%#x %s", __entry->dev, __entry->addr,
		  __entry->stalled ? "stalled" : "resumed")
);

#endif /* VRPMSG_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
