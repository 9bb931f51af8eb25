// SPDX-License-Identifier: GPL-2.0-only
/*
 * The privileges for the netlink interface.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/rpmsg.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "nlraw.h"
#include "util.h"

#define DEV	"caps"
#define SECOND	"caps-2"

FIXTURE(caps)
{
	struct guest g;
	int ept;
};

FIXTURE_SETUP(caps)
{
	struct guest_opts opts = { .name = DEV };

	nl_dev_del(DEV);
	nl_dev_del(SECOND);
	ASSERT_LT(0, nl_dev_new(DEV));
	ASSERT_LT(0, nl_dev_new(SECOND));
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "first"));
	ASSERT_LE(0, self->ept);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
}

FIXTURE_TEARDOWN(caps)
{
	guest_close(&self->g);
	EXPECT_EQ(0, nl_dev_del(DEV));
	nl_dev_del(SECOND);
}

#define EVERYTHING	14

/*
 * Make one of all possible requests. Each is valid, and in this order all of them
 * succeed.
 */
static int ask_for(int which, uint32_t ept)
{
	const struct nl_raw dev = STR(DEV_A(NAME), DEV);
	const struct nl_raw second = STR(DEV_A(NAME), SECOND);
	const struct nl_raw fresh = STR(DEV_A(NAME), "netlink-3");
	const struct nl_raw id[] = { U32(EPT_A(ID), ept),
				     U32(EPT_A(RX_LIMIT), 5) };
	const struct nl_raw ept_dev = STR(EPT_A(DEV_NAME), DEV);
	const struct nl_raw chan[] = { STR(CHAN_A(DEV_NAME), DEV),
				       U32(CHAN_A(ADDR), REMOTE) };
	const struct {
		int cmd;
		int flags;
		const struct nl_raw *attr;
		int n;
	} all[EVERYTHING] = {
		{ VHOST_RPMSG_CMD_DEV_GET, 0, &dev, 1 },
		{ VHOST_RPMSG_CMD_DEV_GET, NLM_F_DUMP, NULL, 0 },
		{ VHOST_RPMSG_CMD_DEV_NEW, 0, &fresh, 1 },
		{ VHOST_RPMSG_CMD_EPT_GET, 0, id, 1 },
		{ VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, NULL, 0 },
		{ VHOST_RPMSG_CMD_EPT_NEW, 0, &ept_dev, 1 },
		{ VHOST_RPMSG_CMD_EPT_SET, 0, id, 2 },
		{ VHOST_RPMSG_CMD_NS_ANNOUNCE, 0, id, 1 },
		{ VHOST_RPMSG_CMD_NS_WITHDRAW, 0, id, 1 },
		{ VHOST_RPMSG_CMD_CHAN_GET, 0, chan, 2 },
		{ VHOST_RPMSG_CMD_CHAN_GET, NLM_F_DUMP, NULL, 0 },
		{ VHOST_RPMSG_CMD_EPT_DEL, 0, id, 1 },
		{ VHOST_RPMSG_CMD_DEV_RESET, 0, &second, 1 },
		{ VHOST_RPMSG_CMD_DEV_DEL, 0, &second, 1 },
	};

	return nl_request(all[which].cmd, all[which].flags, all[which].attr,
			  all[which].n);
}

TEST_F(caps, with_privilege_all_of_it_works)
{
	for (int i = 0; i < EVERYTHING; i++)
		EXPECT_EQ(0, ask_for(i, self->ept));
	EXPECT_EQ(0, nl_dev_del("netlink-3"));
}

static bool drop_caps(uint32_t effective)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &head, data))
		return false;
	data[0].effective &= effective;
	data[0].permitted &= effective;
	data[0].inheritable = 0;
	if (!effective)
		memset(data, 0, sizeof(data));
	return !syscall(SYS_capset, &head, data);
}

static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setresgid(65534, 65534, 65534) &&
	       !setresuid(65534, 65534, 65534);
}

enum who {
	NOBODY,
	ROOT_WITHOUT_CAPS,
	ROOT_WITHOUT_NET_ADMIN,
	OPENED_BEFORE,		/* root has opened the socket */
	NOBODY_IN_A_USER_NS,	/* with all capabilities in its user namespace */
	ROOT_IN_A_USER_NS,
};

#define CANNOT	255

static bool become(enum who who)
{
	switch (who) {
	case NOBODY:
	case OPENED_BEFORE:
		return become_nobody();
	case ROOT_WITHOUT_CAPS:
		return drop_caps(0);
	case ROOT_WITHOUT_NET_ADMIN:
		return drop_caps(~(1U << CAP_NET_ADMIN));
	case NOBODY_IN_A_USER_NS:
		return become_nobody() && !unshare(CLONE_NEWUSER);
	case ROOT_IN_A_USER_NS:
		return !unshare(CLONE_NEWUSER);
	}
	return false;
}

/* In a child: 0 if all requests were refused, or the number of a request that was not. */
static int try_everything(enum who who, uint32_t ept)
{
	struct nl_ept info;
	int i;

	if (who == OPENED_BEFORE && nl_ept_get(ept, &info))
		return CANNOT;
	if (!become(who))
		return CANNOT;
	for (i = 0; i < EVERYTHING; i++)
		if (ask_for(i, ept) != -EPERM)
			return i + 1;
	return nl_listen() == -EPERM ? 0 : EVERYTHING + 1;
}

/* -1: something has changed. */
static int refused_to(enum who who, uint32_t ept)
{
	struct state before, after;
	int status;
	pid_t pid;

	get_state(&before);
	pid = fork();
	if (!pid)
		_exit(try_everything(who, ept));
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	get_state(&after);
	if (memcmp(&before, &after, sizeof(before)))
		return -1;
	return WEXITSTATUS(status);
}

TEST_F(caps, nobody_may_do_anything)
{
	EXPECT_EQ(0, refused_to(NOBODY, self->ept));
}

TEST_F(caps, root_without_capabilities_may_not)
{
	EXPECT_EQ(0, refused_to(ROOT_WITHOUT_CAPS, self->ept));
}

TEST_F(caps, it_takes_just_CAP_NET_ADMIN)
{
	EXPECT_EQ(0, refused_to(ROOT_WITHOUT_NET_ADMIN, self->ept));
}

TEST_F(caps, a_socket_of_root_does_not_help)
{
	EXPECT_EQ(0, refused_to(OPENED_BEFORE, self->ept));
}

TEST_F(caps, a_user_namespace_does_not_help_nobody)
{
	int ret = refused_to(NOBODY_IN_A_USER_NS, self->ept);

	if (ret == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

TEST_F(caps, a_user_namespace_does_not_help_root)
{
	int ret = refused_to(ROOT_IN_A_USER_NS, self->ept);

	if (ret == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

/* The number of the group of events, or an error. */
static int events_group(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	int group;

	if (!sk || genl_connect(sk))
		return -1;
	group = genl_ctrl_resolve_grp(sk, VHOST_RPMSG_FAMILY_NAME,
				      VHOST_RPMSG_MCGRP_EVENTS);
	nl_socket_free(sk);
	return group;
}

/*
 * In a child, with namespaces of its own: join the group's number, tell the parent, and
 * wait for it. Returns the number of messages received, at most one.
 */
static int overhear(int group, int tell, int wait)
{
	struct nl_sock *sk = nl_socket_alloc();
	char c = 0;

	if (!become_nobody() || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return CANNOT;
	if (!sk || genl_connect(sk) || nl_socket_add_membership(sk, group))
		return CANNOT;
	if (write(tell, &c, 1) != 1 || read(wait, &c, 1) != 1)
		return CANNOT;
	return poll_fd(nl_socket_get_fd(sk), POLLIN, SHORT_MS) == POLLIN;
}

/* The kernel lets root of a network namespace join, where the family does not exist. */
TEST_F(caps, no_events_in_other_network_namespaces)
{
	int group = events_group(), joined[2], done[2], status;
	char c = 0;
	pid_t pid;

	ASSERT_LT(0, group);
	ASSERT_EQ(0, pipe(joined));
	ASSERT_EQ(0, pipe(done));
	pid = fork();
	if (!pid) {
		close(joined[0]);
		_exit(overhear(group, joined[1], done[0]));
	}
	close(joined[1]);
	if (read(joined[0], &c, 1) == 1) {
		ASSERT_EQ(0, nl_dev_del(SECOND));
		ASSERT_LT(0, nl_dev_new(SECOND));
		ASSERT_EQ(1, write(done[1], &c, 1));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* In a child: does the family exist? */
static int family_in(int namespaces)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct nl_sock *sk = nl_socket_alloc();

		if (unshare(namespaces))
			_exit(CANNOT);
		if (!sk || genl_connect(sk))
			_exit(CANNOT);
		_exit(genl_ctrl_resolve(sk, VHOST_RPMSG_FAMILY_NAME) >= 0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

TEST_F(caps, other_network_namespaces_do_not_have_it)
{
	ASSERT_EQ(1, family_in(0));
	EXPECT_EQ(0, family_in(CLONE_NEWNET));
}

TEST_F(caps, nor_those_with_a_user_namespace_of_their_own)
{
	int ret = family_in(CLONE_NEWUSER | CLONE_NEWNET);

	if (ret == CANNOT)
		SKIP(return, "no user namespaces");
	EXPECT_EQ(0, ret);
}

TEST_HARNESS_MAIN
