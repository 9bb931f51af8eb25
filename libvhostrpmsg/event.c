// SPDX-License-Identifier: LGPL-2.1-or-later
/* Events: a socket that receives the kernel's multicast notifications. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "internal.h"

/*
 * Receive buffer for some thousand events, as when a device with many endpoints is
 * deleted. This is only a limit: the kernel allocates nothing in advance.
 */
#define RECV_ROOM (4 << 20)

struct vrpmsg_monitor {
	struct nl_sock *sk;
	/* With @sk, libnl would discard events that come during a lookup. */
	struct nl_sock *lookup;
	int family;		/* 0 while the module is not loaded */
	bool joined;		/* false: the next read has to join the group again */
	char errmsg[128];
	char buf[VRPMSG_RECV_SIZE] __attribute__((aligned(8)));
};

struct vrpmsg_event {
	enum vrpmsg_object type;
	int action;
	const struct vrpmsg_kind *kind;
	void *object;
};

static int add_membership(struct vrpmsg_monitor *monitor, int group)
{
	return setsockopt(nl_socket_get_fd(monitor->sk), SOL_NETLINK,
			  NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
}

/* Look the family up, and join its multicast group. */
static int join_events(struct vrpmsg_monitor *monitor)
{
	int family, group;

	family = vrpmsg_resolve(monitor->lookup, VHOST_RPMSG_FAMILY_NAME, NULL);
	if (family < 0)
		return -1;
	/*
	 * Each load of the module has another number. With this one the monitor is a
	 * member, for which it may have no privileges any more.
	 */
	if (family == monitor->family)
		return 0;
	group = vrpmsg_resolve(monitor->lookup, VHOST_RPMSG_FAMILY_NAME,
			       VHOST_RPMSG_MCGRP_EVENTS);
	if (group < 0 || add_membership(monitor, group))
		return -1;
	monitor->family = family;
	return 0;
}

static void discard_messages(struct vrpmsg_monitor *monitor, struct nl_sock *sk)
{
	ssize_t n;

	do {
		n = recv(nl_socket_get_fd(sk), monitor->buf,
			 sizeof(monitor->buf), MSG_DONTWAIT);
	} while (n >= 0 || errno == EINTR || errno == ENOBUFS);
}

/*
 * Join the multicast group of the module that is loaded now. If this fails, no event
 * says when to try again, except after EPROTONOSUPPORT.
 */
static int join(struct vrpmsg_monitor *monitor)
{
	bool absent;
	int ret;

	/* A reply that an earlier lookup could not receive is out of date. */
	discard_messages(monitor, monitor->lookup);
	ret = join_events(monitor);
	absent = ret && errno == EPROTONOSUPPORT;
	if (absent)
		monitor->family = 0;
	monitor->joined = !ret || absent;
	return ret;
}

/* Receive notifications of new families, to see when the module is loaded again. */
static int join_ctrl(struct vrpmsg_monitor *monitor)
{
	int room = RECV_ROOM, group;

	group = vrpmsg_resolve(monitor->lookup, "nlctrl", "notify");
	if (group < 0)
		return -1;
	/* If this fails for lack of privileges, add_membership() fails, too. */
	setsockopt(nl_socket_get_fd(monitor->sk), SOL_SOCKET, SO_RCVBUFFORCE,
		   &room, sizeof(room));
	return add_membership(monitor, group);
}

struct vrpmsg_monitor *vrpmsg_monitor_open(struct vrpmsg_ctx *ctx)
{
	struct vrpmsg_monitor *monitor = calloc(1, sizeof(*monitor));
	int err;

	if (monitor) {
		monitor->sk = vrpmsg_socket();
		monitor->lookup = monitor->sk ? vrpmsg_socket() : NULL;
		/* In this order no load of the module goes unnoticed. */
		if (monitor->lookup && !join_ctrl(monitor) && !join(monitor)) {
			vrpmsg_succeed(ctx);
			return monitor;
		}
	}
	err = errno;
	vrpmsg_monitor_close(monitor);
	vrpmsg_fail(ctx, err, vrpmsg_words(err));
	return NULL;
}

void vrpmsg_monitor_close(struct vrpmsg_monitor *monitor)
{
	if (!monitor)
		return;
	nl_socket_free(monitor->lookup);
	nl_socket_free(monitor->sk);
	free(monitor);
}

int vrpmsg_monitor_fd(const struct vrpmsg_monitor *monitor)
{
	return nl_socket_get_fd(monitor->sk);
}

/* Returns 1 for an event, 0 for a command of a newer kernel, or -1. */
static int event_parse(struct vrpmsg_event *event, struct nlmsghdr *nlh)
{
	switch (genlmsg_hdr(nlh)->cmd) {
	case VHOST_RPMSG_CMD_DEV_NTF:
		event->type = VRPMSG_EVENT_DEV;
		event->kind = &vrpmsg_dev_kind;
		break;
	case VHOST_RPMSG_CMD_EPT_NTF:
		event->type = VRPMSG_EVENT_EPT;
		event->kind = &vrpmsg_ept_kind;
		break;
	case VHOST_RPMSG_CMD_CHAN_NTF:
		event->type = VRPMSG_EVENT_CHAN;
		event->kind = &vrpmsg_chan_kind;
		break;
	default:
		return 0;
	}
	event->object = event->kind->parse(nlh, &event->action);
	return event->object ? 1 : -1;
}

/* Whether a message announces that the family was registered again. */
static bool family_came(struct nlmsghdr *nlh)
{
	static const struct nla_policy policy[CTRL_ATTR_MAX + 1] = {
		[CTRL_ATTR_FAMILY_NAME] = { .type = NLA_STRING },
	};
	struct nlattr *tb[CTRL_ATTR_MAX + 1];

	return nlh->nlmsg_type == GENL_ID_CTRL && genlmsg_valid_hdr(nlh, 0) &&
	       genlmsg_hdr(nlh)->cmd == CTRL_CMD_NEWFAMILY &&
	       !genlmsg_parse(nlh, 0, tb, CTRL_ATTR_MAX, policy) &&
	       tb[CTRL_ATTR_FAMILY_NAME] &&
	       !nla_strcmp(tb[CTRL_ATTR_FAMILY_NAME], VHOST_RPMSG_FAMILY_NAME);
}

/*
 * Events were lost. The events in the socket are older than the lost ones, and a
 * caller that lists the objects now would take them for newer. Besides, the kernel
 * silently drops further events until the socket is empty. One of them may have
 * announced that the family is registered again. Sets errno: ENOBUFS, or the reason why
 * the monitor receives no events.
 */
static void monitor_lost(struct vrpmsg_monitor *monitor)
{
	discard_messages(monitor, monitor->sk);
	/* If the module is not loaded, there is nothing to miss until it is. */
	if (!join(monitor) || errno == EPROTONOSUPPORT)
		errno = ENOBUFS;
}

/* Returns the next message from the kernel, or NULL and errno. */
static struct nlmsghdr *monitor_recv(struct vrpmsg_monitor *monitor)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)monitor->buf;
	struct sockaddr_nl from = {};
	socklen_t from_len;
	ssize_t n;

	if (!monitor->joined) {
		monitor_lost(monitor);
		return NULL;
	}
	for (;;) {
		from_len = sizeof(from);
		n = recvfrom(vrpmsg_monitor_fd(monitor), monitor->buf,
			     sizeof(monitor->buf), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS)
			monitor_lost(monitor);
		if (n < 0)
			return NULL;
		/* The kernel sends one event per datagram. */
		if (from.nl_pid || !nlmsg_ok(nlh, n))
			continue;
		if (family_came(nlh)) {
			/*
			 * If the module was unloaded meanwhile, wait for the next
			 * time. Otherwise the caller has to list the objects again.
			 */
			if (!join(monitor))
				errno = ENOBUFS;
			else if (errno == EPROTONOSUPPORT)
				continue;
			return NULL;
		}
		if (monitor->family && nlh->nlmsg_type == monitor->family &&
		    genlmsg_valid_hdr(nlh, 0))
			return nlh;
	}
}

/* Does not change errno. */
static void keep_words(struct vrpmsg_monitor *monitor)
{
	int err = errno;
	const char *words = vrpmsg_words(err);

	if (err == EAGAIN)
		snprintf(monitor->errmsg, sizeof(monitor->errmsg),
			 "there is no event");
	else if (err == ENOBUFS)
		snprintf(monitor->errmsg, sizeof(monitor->errmsg),
			 "events were lost");
	else if (err == EPROTO)
		snprintf(monitor->errmsg, sizeof(monitor->errmsg),
			 "the kernel sent a malformed event");
	else if (words)
		snprintf(monitor->errmsg, sizeof(monitor->errmsg), "%s", words);
	else
		snprintf(monitor->errmsg, sizeof(monitor->errmsg), "%m");
	errno = err;
}

struct vrpmsg_event *vrpmsg_monitor_read(struct vrpmsg_monitor *monitor)
{
	struct vrpmsg_event *event = calloc(1, sizeof(*event));
	struct nlmsghdr *nlh = NULL;
	int ret = -1, err;

	if (event) {
		do {
			nlh = monitor_recv(monitor);
			ret = nlh ? event_parse(event, nlh) : -1;
		} while (!ret);
	}
	if (ret > 0) {
		monitor->errmsg[0] = '\0';
		return event;
	}
	keep_words(monitor);
	err = errno;
	free(event);
	errno = err;
	return NULL;
}

const char *vrpmsg_monitor_errmsg(const struct vrpmsg_monitor *monitor)
{
	return monitor->errmsg;
}

void vrpmsg_event_free(struct vrpmsg_event *event)
{
	if (!event)
		return;
	event->kind->free(event->object);
	free(event);
}

enum vrpmsg_object vrpmsg_event_type(const struct vrpmsg_event *event)
{
	return event->type;
}

enum vrpmsg_action vrpmsg_event_action(const struct vrpmsg_event *event)
{
	return event->action;
}

const struct vrpmsg_dev *vrpmsg_event_dev(const struct vrpmsg_event *event)
{
	return event->type == VRPMSG_EVENT_DEV ? event->object : NULL;
}

const struct vrpmsg_ept *vrpmsg_event_ept(const struct vrpmsg_event *event)
{
	return event->type == VRPMSG_EVENT_EPT ? event->object : NULL;
}

const struct vrpmsg_chan *vrpmsg_event_chan(const struct vrpmsg_event *event)
{
	return event->type == VRPMSG_EVENT_CHAN ? event->object : NULL;
}

const char *vrpmsg_event_action_name(int action)
{
	static const char *const names[] = {
		[VRPMSG_EVENT_NEW] = "new",
		[VRPMSG_EVENT_CHANGE] = "change",
		[VRPMSG_EVENT_DEL] = "del",
	};

	return vrpmsg_name_of(names, ARRAY_SIZE(names), action);
}

/* The library returns the kernel's values unchanged. */
static_assert((int)VRPMSG_EVENT_NEW == (int)VHOST_RPMSG_EVENT_NEW,
	      "as the kernel");
static_assert((int)VRPMSG_EVENT_CHANGE == (int)VHOST_RPMSG_EVENT_CHANGE,
	      "as the kernel");
static_assert((int)VRPMSG_EVENT_DEL == (int)VHOST_RPMSG_EVENT_DEL,
	      "as the kernel");
