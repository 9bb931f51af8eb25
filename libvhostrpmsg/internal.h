/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Declarations shared by the files of the library. Types of the kernel and of libnl
 * appear here, and never in the public header.
 */
#ifndef VRPMSG_INTERNAL_H
#define VRPMSG_INTERNAL_H

#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include <linux/vhost_rpmsg.h>
#include <linux/vhost_rpmsg_netlink.h>

#include "vhostrpmsg.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The kernel's largest datagrams are those of dumps: at most 32 KiB. */
#define VRPMSG_RECV_SIZE 32768

/* The name of a channel may be one character longer than other names. */
#define VRPMSG_NAME_ROOM (VHOST_RPMSG_NAME_SIZE + 1)

#define VRPMSG_NUM_STATS (VRPMSG_STAT_EVENTS_MERGED + 1)

/**
 * struct vrpmsg_kind - a kind of object that the kernel describes
 * @parse: create an object from a message. If the message is a notification, store
 *	what happened to the object in *action, unless @action is NULL. Returns NULL
 *	and sets errno on failure: ENOMEM, or EPROTO for a malformed message.
 * @free: free an object
 */
struct vrpmsg_kind {
	void *(*parse)(struct nlmsghdr *nlh, int *action);
	void (*free)(void *object);
};

extern const struct vrpmsg_kind vrpmsg_dev_kind;
extern const struct vrpmsg_kind vrpmsg_ept_kind;
extern const struct vrpmsg_kind vrpmsg_chan_kind;

/*
 * ctx.c: allocate a request. After attributes were added, one of the functions below
 * sends it and frees it in any case. All of them accept NULL, so that only the last
 * one needs a check for lack of memory.
 */
struct nl_msg *vrpmsg_request(struct vrpmsg_ctx *ctx, int cmd);
/* These cannot fail: every request is small. A NULL string adds nothing. */
void vrpmsg_put_u32(struct nl_msg *msg, int attr, uint32_t value);
void vrpmsg_put_string(struct nl_msg *msg, int attr, const char *value);
void vrpmsg_put_flag(struct nl_msg *msg, int attr);

/* Send a request that returns no object. Returns 0 or -1. */
int vrpmsg_command(struct vrpmsg_ctx *ctx, struct nl_msg *msg);
/* Send a request that returns one object. Returns NULL on failure. */
void *vrpmsg_get(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		 const struct vrpmsg_kind *kind);
/* Dump all devices: an array that ends with NULL, or NULL on failure. */
void **vrpmsg_dump(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		   const struct vrpmsg_kind *kind, size_t *count);
/*
 * Dump the endpoints or channels of the device @dev_name, or of all devices if that
 * is NULL. @id_attr and @name_attr are the attributes of @cmd that select a device.
 */
void **vrpmsg_dump_of(struct vrpmsg_ctx *ctx, int cmd, int id_attr,
		      int name_attr, const char *dev_name,
		      const struct vrpmsg_kind *kind, size_t *count);
/*
 * Dump the objects of a device until the list is consistent, or @enough accepts it. If
 * objects come and go all the time, return the last list anyway: an object that exists
 * during the whole dump is in each list exactly once.
 */
void **vrpmsg_dump_until(struct vrpmsg_ctx *ctx, int cmd, int name_attr,
			 const char *dev_name, const struct vrpmsg_kind *kind,
			 bool (*enough)(void **list, void *arg), void *arg);
void vrpmsg_free_list(void **list, const struct vrpmsg_kind *kind);

/* Set errno, and the message of vrpmsg_ctx_errmsg(): @text, or strerror() for NULL. */
void vrpmsg_fail(struct vrpmsg_ctx *ctx, int err, const char *text);

/* Forget the last failure. */
void vrpmsg_succeed(struct vrpmsg_ctx *ctx);
/* Explain an errno for which the kernel sent no message. Returns NULL if it cannot. */
const char *vrpmsg_words(int err);

/* Open a generic netlink socket. Returns NULL and sets errno on failure. */
struct nl_sock *vrpmsg_socket(void);
/*
 * Get the number of a family, or of one of its multicast groups. Returns -1 and sets
 * errno on failure: EPROTONOSUPPORT if there is no such family.
 */
int vrpmsg_resolve(struct nl_sock *sk, const char *family, const char *group);

/* Parse a message with a policy. Returns false and sets errno to EPROTO on failure. */
bool vrpmsg_parse(struct nlmsghdr *nlh, struct nlattr **tb, int max,
		  const struct nla_policy *policy);
uint32_t vrpmsg_attr_u32(const struct nlattr *attr, uint32_t otherwise);
/* Copy a name to an array of VRPMSG_NAME_ROOM; without an attribute it is empty. */
void vrpmsg_attr_name(char *name, const struct nlattr *attr);

/*
 * fd.c: the result of an ioctl that describes a file, which the caller frees. Returns
 * NULL and sets errno on failure.
 */
void *vrpmsg_ioctl_info(int fd, unsigned long request, size_t size);

/*
 * ept.c: convert a configuration to the argument of VHOST_RPMSG_CTRL_NEW_EPT. Returns
 * -1 if it sets something that only an administrator may set.
 */
int vrpmsg_ept_config_new_ept(const struct vrpmsg_ept_config *config,
			      struct vhost_rpmsg_new_ept *new);

/* stats.c */
void vrpmsg_stats_parse(uint64_t *stats, struct nlattr *nest);
uint64_t vrpmsg_stats_get(const uint64_t *stats, int stat);
/* Returns names[value], or "unknown" if there is no such entry. */
const char *vrpmsg_name_of(const char *const *names, size_t count, int value);

#endif /* VRPMSG_INTERNAL_H */
