// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handles: a netlink socket, its requests and replies, and the last failure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netlink/genl/ctrl.h>

#include "internal.h"

/*
 * A dump is repeated if objects of the device came or went meanwhile, but not for
 * longer than this. Then the call fails with EAGAIN.
 */
#define MAX_DUMP_MS 1000

/* The kernel refuses longer strings: send enough for its message to name the reason. */
#define MAX_STRING 255

/**
 * struct vrpmsg_ctx - a handle
 * @sk: netlink socket; NULL after a failure, until the next request opens a new one
 * @family: number of the family; 0 while it is not known
 * @errattr: attribute that made the last call fail, or NULL
 * @errmsg: reason of the last failure
 * @buf: receive buffer
 */
struct vrpmsg_ctx {
	struct nl_sock *sk;
	int family;
	const char *errattr;
	char errmsg[256];
	char buf[VRPMSG_RECV_SIZE] __attribute__((aligned(8)));
};

/**
 * struct answer - reply to a request
 * @kind: kind of the expected objects; NULL if none is expected
 * @list: objects received, with a NULL after the last; NULL while there is none
 * @count: number of objects
 * @room: entries allocated in @list
 * @err: first errno of parsing an object, or 0
 * @interrupted: objects changed during the dump
 */
struct answer {
	const struct vrpmsg_kind *kind;
	void **list;
	size_t count;
	size_t room;
	int err;
	bool interrupted;
};

const char *vrpmsg_version(void)
{
	return VRPMSG_VERSION;
}

struct nl_sock *vrpmsg_socket(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int one = 1, err;

	if (!sk) {
		errno = ENOMEM;
		return NULL;
	}
	/* libnl returns error codes of its own; errno is still the kernel's. */
	errno = 0;
	if (genl_connect(sk) < 0) {
		err = errno ?: EPROTONOSUPPORT;
		nl_socket_free(sk);
		errno = err;
		return NULL;
	}
	/* receive() reads the replies, so libnl cannot check their numbers. */
	nl_socket_disable_seq_check(sk);
	/* Ask for the kernel's error messages. */
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &one,
		   sizeof(one));
	return sk;
}

int vrpmsg_resolve(struct nl_sock *sk, const char *family, const char *group)
{
	int number;

	/* libnl says "not found" also if the request failed; errno still tells why. */
	errno = 0;
	number = group ? genl_ctrl_resolve_grp(sk, family, group) :
			 genl_ctrl_resolve(sk, family);
	if (number >= 0)
		return number;
	/* ENOBUFS would mean lost events. */
	if (number == -NLE_NOMEM || errno == ENOBUFS)
		errno = ENOMEM;
	else if (!errno || errno == EINTR)
		errno = number == -NLE_OBJ_NOTFOUND ? EPROTONOSUPPORT : EIO;
	return -1;
}

struct vrpmsg_ctx *vrpmsg_ctx_open(void)
{
	struct vrpmsg_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return NULL;
	ctx->sk = vrpmsg_socket();
	if (!ctx->sk) {
		free(ctx);
		return NULL;
	}
	return ctx;
}

void vrpmsg_ctx_close(struct vrpmsg_ctx *ctx)
{
	if (!ctx)
		return;
	nl_socket_free(ctx->sk);
	free(ctx);
}

const char *vrpmsg_ctx_errmsg(const struct vrpmsg_ctx *ctx)
{
	return ctx->errmsg;
}

const char *vrpmsg_ctx_errattr(const struct vrpmsg_ctx *ctx)
{
	return ctx->errattr;
}

void vrpmsg_fail(struct vrpmsg_ctx *ctx, int err, const char *text)
{
	ctx->errattr = NULL;
	errno = err;
	if (text)
		snprintf(ctx->errmsg, sizeof(ctx->errmsg), "%s", text);
	else
		snprintf(ctx->errmsg, sizeof(ctx->errmsg), "%m");
	errno = err;
}

void vrpmsg_succeed(struct vrpmsg_ctx *ctx)
{
	ctx->errmsg[0] = '\0';
	ctx->errattr = NULL;
}

const char *vrpmsg_words(int err)
{
	switch (err) {
	case EPERM:
		return "CAP_NET_ADMIN is needed";
	case EPROTONOSUPPORT:
		/* Other network namespaces see the module, but not the family. */
		if (!access("/sys/module/vhost_rpmsg", F_OK))
			return "vhost_rpmsg can only be used in the initial network namespace";
		return "is the vhost_rpmsg module loaded? try modprobe vhost_rpmsg";
	default:
		return NULL;
	}
}

struct nl_msg *vrpmsg_request(struct vrpmsg_ctx *ctx, int cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	vrpmsg_succeed(ctx);
	/* try_send() fills in the number of the family. */
	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, 0, 0, NLM_F_ACK,
			       cmd, VHOST_RPMSG_FAMILY_VERSION))
		return msg;
	nlmsg_free(msg);
	vrpmsg_fail(ctx, ENOMEM, NULL);
	return NULL;
}

void vrpmsg_put_u32(struct nl_msg *msg, int attr, uint32_t value)
{
	if (msg)
		nla_put_u32(msg, attr, value);
}

void vrpmsg_put_string(struct nl_msg *msg, int attr, const char *value)
{
	char string[MAX_STRING + 1];

	if (!msg || !value)
		return;
	snprintf(string, sizeof(string), "%s", value);
	nla_put_string(msg, attr, string);
}

void vrpmsg_put_flag(struct nl_msg *msg, int attr)
{
	if (msg)
		nla_put_flag(msg, attr);
}

/* Does not change errno. */
static void free_request(struct nl_msg *msg)
{
	int err = errno;

	nlmsg_free(msg);
	errno = err;
}

/* Returns the name, as in the netlink spec, of the attribute at @offset. */
static const char *attr_name(struct nlmsghdr *nlh, uint32_t offset)
{
	static const char *const dev_attrs[] = {
		[VHOST_RPMSG_A_DEV_ID] = "id",
		[VHOST_RPMSG_A_DEV_NAME] = "name",
		[VHOST_RPMSG_A_DEV_MTU] = "mtu",
		[VHOST_RPMSG_A_DEV_HOLD_TIME] = "hold-time",
		[VHOST_RPMSG_A_DEV_OWNER] = "owner",
	};
	static const char *const ept_attrs[] = {
		[VHOST_RPMSG_A_EPT_ID] = "id",
		[VHOST_RPMSG_A_EPT_DEV_ID] = "dev-id",
		[VHOST_RPMSG_A_EPT_DEV_NAME] = "dev-name",
		[VHOST_RPMSG_A_EPT_NAME] = "name",
		[VHOST_RPMSG_A_EPT_ADDR] = "addr",
		[VHOST_RPMSG_A_EPT_REMOTE] = "remote",
		[VHOST_RPMSG_A_EPT_REMOTE_MODE] = "remote-mode",
		[VHOST_RPMSG_A_EPT_ADDRESSED] = "addressed",
		[VHOST_RPMSG_A_EPT_FULL_POLICY] = "full-policy",
		[VHOST_RPMSG_A_EPT_CLOSED_POLICY] = "closed-policy",
		[VHOST_RPMSG_A_EPT_RESET_POLICY] = "reset-policy",
		[VHOST_RPMSG_A_EPT_RX_LIMIT] = "rx-limit",
		[VHOST_RPMSG_A_EPT_TX_LIMIT] = "tx-limit",
	};
	static const char *const chan_attrs[] = {
		[VHOST_RPMSG_A_CHAN_DEV_ID] = "dev-id",
		[VHOST_RPMSG_A_CHAN_DEV_NAME] = "dev-name",
		[VHOST_RPMSG_A_CHAN_ADDR] = "addr",
	};
	const char *const *names = ept_attrs;
	size_t count = ARRAY_SIZE(ept_attrs);
	unsigned int type;

	if (offset > nlh->nlmsg_len - NLA_HDRLEN)
		return NULL;
	type = nla_type((struct nlattr *)((char *)nlh + offset));

	switch (genlmsg_hdr(nlh)->cmd) {
	case VHOST_RPMSG_CMD_DEV_GET:
	case VHOST_RPMSG_CMD_DEV_NEW:
	case VHOST_RPMSG_CMD_DEV_SET:
	case VHOST_RPMSG_CMD_DEV_DEL:
	case VHOST_RPMSG_CMD_DEV_RESET:
		names = dev_attrs;
		count = ARRAY_SIZE(dev_attrs);
		break;
	case VHOST_RPMSG_CMD_CHAN_GET:
		names = chan_attrs;
		count = ARRAY_SIZE(chan_attrs);
		break;
	}
	return type < count ? names[type] : NULL;
}

/* The kernel refused a request: keep its error message. */
static void refused(struct vrpmsg_ctx *ctx, struct nl_msg *msg, int err,
		    struct nlattr *ext, int len)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = {};
	const char *text = NULL;

	if (len > 0)
		nla_parse(tb, NLMSGERR_ATTR_MAX, ext, len, NULL);
	if (tb[NLMSGERR_ATTR_MSG])
		text = nla_get_string(tb[NLMSGERR_ATTR_MSG]);
	/* ENOENT without a message: the kernel does not know the family any more. */
	else if (err == ENOENT)
		ctx->family = 0;
	vrpmsg_fail(ctx, err, text ?: vrpmsg_words(err));
	if (tb[NLMSGERR_ATTR_OFFS])
		ctx->errattr = attr_name(nlmsg_hdr(msg),
					 nla_get_u32(tb[NLMSGERR_ATTR_OFFS]));
}

static int add_object(struct answer *answer, struct nlmsghdr *nlh)
{
	void **list = answer->list;
	void *object;
	size_t room;

	if (answer->count + 1 >= answer->room) {
		room = answer->room ? 2 * answer->room : 2;
		list = reallocarray(list, room, sizeof(*list));
		if (!list)
			return ENOMEM;
		answer->list = list;
		answer->room = room;
	}
	object = answer->kind->parse(nlh, NULL);
	if (!object)
		return errno;
	list[answer->count++] = object;
	list[answer->count] = NULL;
	return 0;
}

/*
 * Handle one message of a reply. Returns 1 if more follow, 0 after the last, or -1 and
 * errno if the kernel refused the request.
 */
static int handle(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		  struct nlmsghdr *nlh, struct answer *answer)
{
	int len = nlmsg_datalen(nlh), skip = 0, err = 0;
	struct nlmsgerr *e = nlmsg_data(nlh);

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;

	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 1;
	case NLMSG_ERROR:
		if (len < (int)sizeof(*e)) {
			err = -EPROTO;
			break;
		}
		err = e->error;
		skip = sizeof(*e);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			skip += e->msg.nlmsg_len - sizeof(e->msg);
		break;
	case NLMSG_DONE:
		skip = sizeof(int);
		if (len >= skip)
			err = *(int *)nlmsg_data(nlh);
		break;
	default:
		/* Read on after an error: the socket must be empty for the next reply. */
		if (answer->kind && !answer->err)
			answer->err = add_object(answer, nlh);
		return 1;
	}

	if (err >= 0)
		return 0;
	skip = NLMSG_ALIGN(skip);
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		skip = len;
	refused(ctx, msg, -err,
		(struct nlattr *)((char *)nlmsg_data(nlh) + skip), len - skip);
	return -1;
}

static int receive(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		   struct answer *answer)
{
	uint32_t seq = nlmsg_hdr(msg)->nlmsg_seq;
	int fd = nl_socket_get_fd(ctx->sk);
	struct sockaddr_nl from = {};
	struct nlmsghdr *nlh;
	socklen_t from_len;
	ssize_t n;
	int len, ret;

	for (;;) {
		from_len = sizeof(from);
		n = recvfrom(fd, ctx->buf, sizeof(ctx->buf), MSG_TRUNC,
			     (struct sockaddr *)&from, &from_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n > (ssize_t)sizeof(ctx->buf))
			return EPROTO;
		/* Only the kernel may answer. */
		if (from.nl_pid)
			continue;

		len = n;
		for (nlh = (struct nlmsghdr *)ctx->buf; nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			ret = handle(ctx, msg, nlh, answer);
			if (ret <= 0)
				return ret;
		}
	}
}

/* Send a request; open the socket and look up the family first if needed. */
static int try_send(struct vrpmsg_ctx *ctx, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);

	if (!ctx->sk)
		ctx->sk = vrpmsg_socket();
	if (!ctx->sk)
		return errno;
	if (!ctx->family) {
		ctx->family =
			vrpmsg_resolve(ctx->sk, VHOST_RPMSG_FAMILY_NAME, NULL);
		if (ctx->family < 0) {
			ctx->family = 0;
			return errno;
		}
	}
	nlh->nlmsg_type = ctx->family;
	nlh->nlmsg_seq = NL_AUTO_SEQ;
	errno = 0;
	if (nl_send_auto(ctx->sk, msg) < 0)
		return errno ?: EIO;
	return 0;
}

/* Send a request and receive its reply. Returns 0, or -1 and errno. */
static int transact(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		    struct answer *answer)
{
	int tries, ret;

	/* The module may have been reloaded since the last request. */
	for (tries = 0; tries < 2; tries++) {
		ret = try_send(ctx, msg);
		if (ret == EPROTONOSUPPORT) {
			vrpmsg_fail(ctx, ret, vrpmsg_words(ret));
			return -1;
		}
		if (!ret)
			ret = receive(ctx, msg, answer);
		if (ret > 0) {
			/* Drop the rest of this reply with the socket. */
			nl_socket_free(ctx->sk);
			ctx->sk = NULL;
			vrpmsg_fail(ctx, ret, NULL);
			return -1;
		}
		if (!ret || ctx->family)
			break;
	}
	if (!ret && answer->err) {
		vrpmsg_fail(ctx, answer->err, NULL);
		return -1;
	}
	return ret;
}

int vrpmsg_command(struct vrpmsg_ctx *ctx, struct nl_msg *msg)
{
	struct answer answer = {};
	int ret = -1;

	if (msg)
		ret = transact(ctx, msg, &answer);
	free_request(msg);
	return ret;
}

/* Send a request, a dump or not, and return the objects of its reply. */
static void **get_objects(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
			  const struct vrpmsg_kind *kind, size_t *count,
			  bool *interrupted)
{
	struct answer answer = { .kind = kind };

	if (transact(ctx, msg, &answer)) {
		vrpmsg_free_list(answer.list, kind);
		return NULL;
	}
	if (!answer.list) {
		answer.list = calloc(1, sizeof(*answer.list));
		if (!answer.list) {
			vrpmsg_fail(ctx, ENOMEM, NULL);
			return NULL;
		}
	}
	*count = answer.count;
	*interrupted = answer.interrupted;
	return answer.list;
}

void *vrpmsg_get(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		 const struct vrpmsg_kind *kind)
{
	void **list = NULL, *object = NULL;
	bool interrupted;
	size_t count;

	if (msg)
		list = get_objects(ctx, msg, kind, &count, &interrupted);
	free_request(msg);
	if (!list)
		return NULL;
	if (count == 1) {
		object = list[0];
		list[0] = NULL;
	} else {
		vrpmsg_fail(ctx, EPROTO, NULL);
	}
	vrpmsg_free_list(list, kind);
	return object;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void **dump_once(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
			const struct vrpmsg_kind *kind, size_t *count,
			bool *interrupted)
{
	void **list = NULL;

	if (msg) {
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
		list = get_objects(ctx, msg, kind, count, interrupted);
	}
	free_request(msg);
	return list;
}

/*
 * Repeat a dump until it was not interrupted, the time is over, or @enough, if it is not
 * NULL, accepts it.
 */
static void **dump_until(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
			 const struct vrpmsg_kind *kind,
			 bool (*enough)(void **list, void *arg), void *arg,
			 size_t *count, bool *interrupted)
{
	long long end = now_ms() + MAX_DUMP_MS;
	void **list = NULL;

	if (!msg)
		return NULL;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
	do {
		vrpmsg_free_list(list, kind);
		list = get_objects(ctx, msg, kind, count, interrupted);
	} while (list && *interrupted && !(enough && enough(list, arg)) &&
		 now_ms() < end);
	free_request(msg);
	return list;
}

static void **dump_again(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
			 const struct vrpmsg_kind *kind, size_t *count,
			 bool *interrupted)
{
	return dump_until(ctx, msg, kind, NULL, NULL, count, interrupted);
}

/*
 * A device that exists all the time is in each dump exactly once. So the last dump is
 * good enough even if other devices came and went.
 */
void **vrpmsg_dump(struct vrpmsg_ctx *ctx, struct nl_msg *msg,
		   const struct vrpmsg_kind *kind, size_t *count)
{
	bool interrupted;
	void **list;
	size_t n;

	list = dump_again(ctx, msg, kind, &n, &interrupted);
	if (list && count)
		*count = n;
	return list;
}

void **vrpmsg_dump_until(struct vrpmsg_ctx *ctx, int cmd, int name_attr,
			 const char *dev_name, const struct vrpmsg_kind *kind,
			 bool (*enough)(void **list, void *arg), void *arg)
{
	struct nl_msg *msg = vrpmsg_request(ctx, cmd);
	bool interrupted;
	size_t count;

	vrpmsg_put_string(msg, name_attr, dev_name);
	return dump_until(ctx, msg, kind, enough, arg, &count, &interrupted);
}

/* Append @more to @list, and free the array @more. */
static void **join(void **list, size_t *count, void **more, size_t n)
{
	void **joined = reallocarray(list, *count + n + 1, sizeof(*list));

	if (!joined)
		return NULL;
	memcpy(joined + *count, more, (n + 1) * sizeof(*more));
	*count += n;
	free(more);
	return joined;
}

/*
 * A dump of all devices was interrupted. Dump device by device instead: then only the
 * list of a device whose objects come and go all the time may be inconsistent.
 */
static void **dump_by_device(struct vrpmsg_ctx *ctx, int cmd, int id_attr,
			     const struct vrpmsg_kind *kind, size_t *count)
{
	struct vrpmsg_dev **devs = vrpmsg_dev_list(ctx, NULL);
	void **list = calloc(1, sizeof(*list)), **more, **joined;
	bool interrupted;
	struct nl_msg *msg;
	size_t i, n;

	*count = 0;
	if (devs && !list)
		vrpmsg_fail(ctx, ENOMEM, NULL);
	for (i = 0; list && devs && devs[i]; i++) {
		msg = vrpmsg_request(ctx, cmd);
		vrpmsg_put_u32(msg, id_attr, vrpmsg_dev_id(devs[i]));
		more = dump_again(ctx, msg, kind, &n, &interrupted);
		/* The device may have been deleted since. */
		if (!more && errno == ENODEV)
			continue;
		joined = more ? join(list, count, more, n) : NULL;
		if (more && !joined)
			vrpmsg_fail(ctx, ENOMEM, NULL);
		if (!joined) {
			vrpmsg_free_list(more, kind);
			vrpmsg_free_list(list, kind);
		}
		list = joined;
	}
	if (!devs) {
		vrpmsg_free_list(list, kind);
		list = NULL;
	}
	vrpmsg_dev_list_free(devs);
	/* A device that was deleted meanwhile is no failure. */
	if (list)
		vrpmsg_succeed(ctx);
	return list;
}

void **vrpmsg_dump_of(struct vrpmsg_ctx *ctx, int cmd, int id_attr,
		      int name_attr, const char *dev_name,
		      const struct vrpmsg_kind *kind, size_t *count)
{
	struct nl_msg *msg = vrpmsg_request(ctx, cmd);
	bool interrupted;
	void **list;
	size_t n;

	if (dev_name) {
		vrpmsg_put_string(msg, name_attr, dev_name);
		list = dump_again(ctx, msg, kind, &n, &interrupted);
	} else {
		list = dump_once(ctx, msg, kind, &n, &interrupted);
		if (list && interrupted) {
			vrpmsg_free_list(list, kind);
			interrupted = false;
			list = dump_by_device(ctx, cmd, id_attr, kind, &n);
		}
	}
	if (list && interrupted) {
		vrpmsg_free_list(list, kind);
		vrpmsg_fail(ctx, EAGAIN,
			    "objects of the device came and went too often to list them");
		return NULL;
	}
	if (list && count)
		*count = n;
	return list;
}

void vrpmsg_free_list(void **list, const struct vrpmsg_kind *kind)
{
	int err = errno;
	size_t i;

	for (i = 0; list && list[i]; i++)
		kind->free(list[i]);
	free(list);
	errno = err;
}

bool vrpmsg_parse(struct nlmsghdr *nlh, struct nlattr **tb, int max,
		  const struct nla_policy *policy)
{
	if (!genlmsg_parse(nlh, 0, tb, max, policy))
		return true;
	errno = EPROTO;
	return false;
}

uint32_t vrpmsg_attr_u32(const struct nlattr *attr, uint32_t otherwise)
{
	return attr ? nla_get_u32(attr) : otherwise;
}

void vrpmsg_attr_name(char *name, const struct nlattr *attr)
{
	name[0] = '\0';
	if (attr)
		nla_strlcpy(name, attr, VRPMSG_NAME_ROOM);
}
