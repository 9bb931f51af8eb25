/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share. The kernel's types and libnl's end here.
 */
#ifndef VRPMSG_INTERNAL_H
#define VRPMSG_INTERNAL_H

#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/vhost_rpmsg.h>
#include <linux/vhost_rpmsg_netlink.h>

#include "vhostrpmsg.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Largest datagram of the kernel: a dump's, which has at most 32 KiB. */
#define VRPMSG_RECV_SIZE 32768

/* A name from the guest may have one character more than the others. */
#define VRPMSG_NAME_ROOM (VHOST_RPMSG_NAME_SIZE + 1)

#define VRPMSG_NUM_STATS (VRPMSG_STAT_EVENTS_MERGED + 1)

/**
 * struct vrpmsg_kind - a kind of objects that the kernel describes
 * @parse: make one from a message, and set *action, unless it is NULL, to what
 *	became of it if that is a notification. NULL and errno: no memory, or
 *	EPROTO for nothing that the kernel would send.
 * @free: the opposite
 */
struct vrpmsg_kind {
	void *(*parse)(struct nlmsghdr *nlh, int *action);
	void (*free)(void *object);
};

extern const struct vrpmsg_kind vrpmsg_dev_kind;
extern const struct vrpmsg_kind vrpmsg_ept_kind;
extern const struct vrpmsg_kind vrpmsg_chan_kind;

/*
 * ctx.c: a request is made, gets its attributes, and is sent by one of the
 * functions below, which free it in any case. It may be NULL there, when there
 * was no memory for it.
 */
struct nl_msg *vrpmsg_request(struct vrpmsg_ctx *ctx, int cmd);
/* These cannot fail: what a request has at most is small. NULL adds nothing. */
void vrpmsg_put_u32(struct nl_msg *msg, int attr, uint32_t value);
void vrpmsg_put_string(struct nl_msg *msg, int attr, const char *value);
void vrpmsg_put_flag(struct nl_msg *msg, int attr);

/* Nothing but success is expected: 0, or -1. */
int vrpmsg_command(struct vrpmsg_ctx *ctx, struct nl_msg *msg);
/* One object is, or NULL. */
void *vrpmsg_get(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		 const struct vrpmsg_kind *kind);
/* Any number of devices, as an array that ends with NULL, or NULL. */
void **vrpmsg_dump(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		   const struct vrpmsg_kind *kind, size_t *count);
/*
 * The objects of a device, or of all of them if dev_name is NULL, likewise: of @cmd,
 * whose attributes id_attr and name_attr say which device.
 */
void **vrpmsg_dump_of(struct vrpmsg_ctx *ctx, int cmd, int id_attr,
		      int name_attr, const char *dev_name,
		      const struct vrpmsg_kind *kind, size_t *count);
void vrpmsg_free_list(void **list, const struct vrpmsg_kind *kind);

/* Set errno, and what vrpmsg_ctx_errmsg() says; NULL is strerror(). */
void vrpmsg_fail(struct vrpmsg_ctx *ctx, int err, const char *text);

/* Forget the last failure. */
void vrpmsg_succeed(struct vrpmsg_ctx *ctx);
/* What an errno means when the kernel says no more, or NULL. */
const char *vrpmsg_words(int err);

/* A connected socket, or NULL and errno. */
struct nl_sock *vrpmsg_socket(void);
/* The number of the family, or -1 and errno: EPROTONOSUPPORT without module. */
int vrpmsg_resolve(struct nl_sock *sk);

/* Parse with a policy; false and errno EPROTO. */
bool vrpmsg_parse(struct nlmsghdr *nlh, struct nlattr **tb, int max,
		  const struct nla_policy *policy);
uint32_t vrpmsg_attr_u32(const struct nlattr *attr, uint32_t otherwise);
/* To an array of VRPMSG_NAME_ROOM, empty if there is no attribute. */
void vrpmsg_attr_name(char *name, const struct nlattr *attr);

/* ept.c: what a configuration asks for; -1: what only an administrator can ask for */
int vrpmsg_ept_config_new_ept(const struct vrpmsg_ept_config *config,
			      struct vhost_rpmsg_new_ept *new);

/* stats.c */
void vrpmsg_stats_parse(uint64_t *stats, struct nlattr *nest);
uint64_t vrpmsg_stats_get(const uint64_t *stats, int stat);
/* names[value], or "unknown" */
const char *vrpmsg_name_of(const char *const *names, size_t count, int value);

#endif /* VRPMSG_INTERNAL_H */
