// SPDX-License-Identifier: GPL-2.0-only
/*
 * Users of the ctrl node: users without privileges, in namespaces of their own, the
 * limits for them, and the end of their endpoints.
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"users"
#define SECOND	"users-2"
#define REMOTE	0x400
#define ANY	VHOST_RPMSG_ADDR_ANY
#define ALICE	65534
#define BOB	65533

#define CREATE	0
#define DESTROY	1

#define ANNOUNCE	VHOST_RPMSG_NEW_EPT_ANNOUNCE

#define S(name)		VHOST_RPMSG_A_STATS_##name

FIXTURE(users)
{
	struct guest g;
	int ctrl;
	char buf[1024];
};

FIXTURE_SETUP(users)
{
	/* A test posts the buffers of the guest itself. */
	struct guest_opts opts = { .name = DEV, .no_buffers = true };
	struct rlimit files = { 4096, 4096 };

	nl_dev_del(DEV);
	nl_dev_del(SECOND);
	setrlimit(RLIMIT_NOFILE, &files);
	ASSERT_LT(0, nl_dev_new(DEV));
	ASSERT_LT(0, nl_dev_new(SECOND));
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	self->ctrl = ctrl_open(DEV);
	ASSERT_LE(0, self->ctrl);
}

FIXTURE_TEARDOWN(users)
{
	guest_close(&self->g);
	close(self->ctrl);
	EXPECT_EQ(0, nl_dev_del(DEV));
	EXPECT_EQ(0, nl_dev_del(SECOND));
}

#define NO_RESULT	255

/* Call the function as a user in a child, and return its result, a small number. */
static int as_user(uid_t uid, int namespaces, int (*fn)(int fd), int fd)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (uid && (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
			    setresuid(uid, uid, uid)))
			_exit(NO_RESULT);
		if (namespaces && unshare(namespaces))
			_exit(NO_RESULT);
		_exit(fn(fd));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return NO_RESULT;
	return WEXITSTATUS(status);
}

/* Limits */

/*
 * Create endpoints until that fails. Returns their number divided by 16, or 254 if the
 * last error was unexpected.
 */
static int make_all(int ctrl)
{
	int n = 0, err;

	while ((err = ctrl_new_ept(ctrl, "", ANY, ANY, 0)) >= 0)
		n++;
	return err == -EDQUOT && n % 16 == 0 ? n / 16 : 254;
}

TEST_F(users, each_has_a_bound)
{
	int most = VHOST_RPMSG_MAX_USER_ENDPOINTS / 16;

	/* Each user has a limit of its own. */
	EXPECT_EQ(most, as_user(ALICE, 0, make_all, self->ctrl));
	EXPECT_EQ(most, as_user(BOB, 0, make_all, self->ctrl));
	/* The endpoints end with the process, and can be created again. */
	EXPECT_EQ(0, dev_endpoints(DEV));
	EXPECT_EQ(most, as_user(ALICE, 0, make_all, self->ctrl));
}

/* Nodes count, whether open or not, and so do descriptors. */
static int make_mixed(int ctrl)
{
	int n = 0, fd = -1;

	while (!ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "node", ANY, REMOTE))
		n++;
	if (n != VHOST_RPMSG_MAX_USER_ENDPOINTS)
		return 1;
	if (ctrl_new_ept(ctrl, "", ANY, ANY, 0) != -EDQUOT ||
	    ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "x", ANY, ANY) != -EDQUOT)
		return 2;
	fd = ept_open(ctrl_find_node(DEV, "node"), 0);
	if (fd < 0)
		return 3;
	if (ctrl_new_ept(ctrl, "", ANY, ANY, 0) != -EDQUOT)
		return 4;
	if (ioctl(fd, RPMSG_DESTROY_EPT_IOCTL))
		return 5;
	close(fd);
	return ctrl_new_ept(ctrl, "", ANY, ANY, 0) < 0 ? 6 : 0;
}

TEST_F(users, nodes_count)
{
	EXPECT_EQ(0, as_user(ALICE, 0, make_mixed, self->ctrl));
}

/* Failed attempts do not count. */
static int fail_often(int ctrl)
{
	int i;

	if (ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "one", 9, ANY))
		return 1;
	for (i = 0; i < 2 * VHOST_RPMSG_MAX_USER_ENDPOINTS; i++)
		if (ctrl_new_ept(ctrl, "", 9, ANY, 0) != -EADDRINUSE ||
		    ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "two", 9, ANY) !=
			    -EADDRINUSE ||
		    ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "one", 9, ANY) !=
			    -EEXIST)
			return 2;
	return ctrl_create(ctrl, RPMSG_RELEASE_DEV_IOCTL, "one", 9, ANY);
}

TEST_F(users, refusals_do_not_count)
{
	struct vhost_rpmsg_ctrl_info info;

	EXPECT_EQ(0, as_user(ALICE, 0, fail_often, self->ctrl));
	EXPECT_EQ(0, as_user(0, 0, fail_often, self->ctrl));
	ASSERT_EQ(0, ioctl(self->ctrl, VHOST_RPMSG_CTRL_GET_INFO, &info));
	EXPECT_EQ(0, info.endpoints);
}

/* An existing node is found even if the user may create no more. */
static int repeat_at_the_limit(int ctrl)
{
	if (ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "one", 9, ANY))
		return 1;
	while (!ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "node", ANY, REMOTE))
		continue;
	if (ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "two", 8, ANY) != -EDQUOT)
		return 2;
	return ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "one", 9, ANY) ==
			       -EEXIST ?
		       0 :
		       3;
}

TEST_F(users, what_exists_is_found_at_the_limit)
{
	EXPECT_EQ(0, as_user(ALICE, 0, repeat_at_the_limit, self->ctrl));
}

/* The limit for all users together does not apply to an administrator. */
TEST_F(users, all_have_a_bound_together)
{
	int num = VHOST_RPMSG_MAX_CTRL_ENDPOINTS, i, ret;

	for (i = 0; i < num; i++) {
		ASSERT_EQ(0,
			  seteuid(40000 + i / VHOST_RPMSG_MAX_USER_ENDPOINTS));
		ret = ctrl_new_ept(self->ctrl, "", ANY, ANY, 0);
		ASSERT_EQ(0, seteuid(0));
		ASSERT_LE(0, ret);
	}
	ret = as_user(ALICE, 0, make_all, self->ctrl);
	EXPECT_EQ(254, ret);
	EXPECT_LE(0, ctrl_new_ept(self->ctrl, "", ANY, ANY, 0));
	EXPECT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV)));
	EXPECT_EQ(num + 2, dev_endpoints(DEV));
}

TEST_F(users, an_administrator_leaves_enough_to_users)
{
	int num = VHOST_RPMSG_MAX_CTRL_ENDPOINTS, i;

	for (i = 0; i < num; i++)
		ASSERT_LE(0, ctrl_new_ept(self->ctrl, "", ANY, ANY, 0));
	EXPECT_EQ(VHOST_RPMSG_MAX_USER_ENDPOINTS / 16,
		  as_user(ALICE, 0, make_all, self->ctrl));
}

/* Users */

static int create_node(int ctrl)
{
	return -ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "mine", 5, REMOTE);
}

static int create_dev(int ctrl)
{
	return -ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "dev", 6, REMOTE);
}

static int release_dev(int ctrl)
{
	return -ctrl_create(ctrl, RPMSG_RELEASE_DEV_IOCTL, "dev", 6, REMOTE);
}

/* Open the node if permitted, and destroy it. */
static int destroy_node(int node)
{
	int fd = ept_open(node, 0);

	if (fd < 0)
		return -fd;
	return ioctl(fd, RPMSG_DESTROY_EPT_IOCTL) ? errno : 0;
}

TEST_F(users, nodes_are_their_makers)
{
	char path[32];
	struct stat st;
	int node;

	ASSERT_EQ(0, as_user(ALICE, 0, create_node, self->ctrl));
	node = ctrl_find_node(DEV, "mine");
	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%d", node);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(ALICE, st.st_uid);
	EXPECT_EQ(EACCES, as_user(BOB, 0, destroy_node, node));
	/* Nodes of root that were created with the ctrl node count, too. */
	EXPECT_EQ(0, as_user(ALICE, 0, destroy_node, node));
	EXPECT_EQ(-ENOENT, ctrl_find_node(DEV, "mine"));

	ASSERT_EQ(0, as_user(ALICE, 0, create_dev, self->ctrl));
	EXPECT_EQ(EADDRINUSE, as_user(BOB, 0, create_dev, self->ctrl));
	EXPECT_EQ(ENOENT, as_user(BOB, 0, release_dev, self->ctrl));
	EXPECT_EQ(0, as_user(ALICE, 0, release_dev, self->ctrl));
}

/* Other users cannot open the ctrl node, or nodes of an administrator. */
static int open_ctrl(int unused)
{
	(void)unused;
	return ctrl_open(DEV) == -EACCES && ctrl_open(SECOND) == -EACCES ? 0 :
									   1;
}

TEST_F(users, others_may_not_open_it)
{
	EXPECT_EQ(0, as_user(ALICE, 0, open_ctrl, 0));
}

/*
 * In a container with nothing but the open ctrl node: create an announced endpoint and
 * answer one message.
 */
static int serve(int ctrl)
{
	char buf[64];
	int fd = ctrl_new_ept(ctrl, "svc", ANY, ANY, ANNOUNCE);

	if (fd < 0)
		return 1;
	if (ept_info(fd).flags != VHOST_RPMSG_EPT_ANNOUNCED)
		return 2;
	if (read(fd, buf, sizeof(buf)) != 5)
		return 3;
	return write(fd, "yes", 3) == 3 ? 0 : 4;
}

TEST_F(users, a_container_serves)
{
	struct guest_hdr hdr;
	struct guest_ns ns;
	int status;
	pid_t pid;

	guest_post(&self->g);
	pid = fork();
	if (!pid)
		_exit(as_user(ALICE, CLONE_NEWUSER | CLONE_NEWNET, serve,
			      self->ctrl));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_STREQ("svc", ns.name);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, ns.addr, "hello", 5));
	EXPECT_EQ(3, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	EXPECT_EQ(ns.addr, hdr.src);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(DESTROY, ns.flags);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
}

/* A process with nothing but a descriptor that another process has created. */
static int answer(int fd)
{
	char buf[64];

	if (read(fd, buf, sizeof(buf)) != 5)
		return 1;
	if (write(fd, "yes", 3) != 3)
		return 2;
	/* The descriptor gives access to nothing else. */
	if (!ioctl(fd, VHOST_RPMSG_CTRL_GET_INFO, buf) || errno != ENOTTY)
		return 3;
	return ctrl_new_ept(fd, "", ANY, ANY, 0) == -ENOTTY ? 0 : 4;
}

TEST_F(users, a_container_with_only_a_descriptor)
{
	int fd = ctrl_new_ept(self->ctrl, "", ANY, ANY, 0);
	struct guest_hdr hdr;

	ASSERT_LE(0, fd);
	guest_post(&self->g);
	ASSERT_EQ(0,
		  guest_send(&self->g, REMOTE, ept_info(fd).src, "hello", 5));
	EXPECT_EQ(0, as_user(ALICE, CLONE_NEWUSER | CLONE_NEWNET, answer, fd));
	EXPECT_EQ(3, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	close(fd);
}

/* The end */

/* Messages that are left at the last close are sent before the service ends. */
TEST_F(users, what_was_written_is_sent_before_the_end)
{
	int fd = ctrl_new_ept(self->ctrl, "svc", 30, REMOTE, ANNOUNCE), n;
	struct guest_hdr hdr;
	struct guest_ns ns;

	ASSERT_LE(0, fd);
	for (n = 0; n < 3; n++)
		ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	guest_post(&self->g);
	/* The announcement goes first, before the messages. */
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(CREATE, ns.flags);
	for (n = 0; n < 3; n++)
		EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64,
					     LONG_MS));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(DESTROY, ns.flags);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
}

TEST_F(users, who_wants_the_address_does_not_wait)
{
	int fd = ctrl_new_ept(self->ctrl, "", 30, REMOTE, 0), node;
	uint64_t dropped = dev_stat(DEV, S(TX_DROP_RESET));

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	ASSERT_EQ(0, ctrl_create(self->ctrl, RPMSG_CREATE_EPT_IOCTL, "node", 30,
				 REMOTE));
	node = ctrl_find_node(DEV, "node");
	fd = ept_open(node, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	EXPECT_EQ(dropped + 1, dev_stat(DEV, S(TX_DROP_RESET)));
	/* The endpoint of the node continues. */
	ASSERT_EQ(1, write(fd, "y", 1));
	close(fd);
	fd = ept_open(node, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "z", 1));
	EXPECT_EQ(1, dev_endpoints(DEV));
	guest_post(&self->g);
	for (const char *c = "yz"; *c; c++) {
		struct guest_hdr hdr;

		EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64,
					     LONG_MS));
		EXPECT_EQ(*c, self->buf[0]);
	}
	/* The endpoint was opened again, so it does not end. */
	EXPECT_FALSE(WAIT_FOR(!dev_endpoints(DEV), SHORT_MS));
	close(fd);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
	/* An administrator gets the address at once, too. */
	fd = ctrl_new_ept(self->ctrl, "", 40, REMOTE, 0);
	ASSERT_LE(0, fd);
	guest_stop(&self->g);
	close(fd);
	EXPECT_LE(0, nl_ept_new(EPT_REQ(.dev = DEV, .addr = 40)));
}

TEST_F(users, nothing_is_sent_to_a_guest_that_is_gone)
{
	int fd = ctrl_new_ept(self->ctrl, "", 30, REMOTE, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
	/* Without a guest there is nothing to wait for. */
	guest_close(&self->g);
	fd = ctrl_new_ept(self->ctrl, "", 30, REMOTE, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_EQ(0, dev_endpoints(DEV));
}

TEST_F(users, a_guest_that_is_paused_gets_it_later)
{
	int fd = ctrl_new_ept(self->ctrl, "", 30, REMOTE, 0);
	struct guest_hdr hdr;

	ASSERT_LE(0, fd);
	guest_post(&self->g);
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	ASSERT_EQ(0, guest_pause(&self->g));
	ASSERT_EQ(1, write(fd, "y", 1));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	ASSERT_EQ(0, guest_resume(&self->g));
	EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	EXPECT_EQ('y', self->buf[0]);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
}

TEST_F(users, a_guest_that_takes_nothing)
{
	int fd = ctrl_new_ept(self->ctrl, "", 30, REMOTE, 0);
	long long begin = now_ms();

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	EXPECT_GT(VHOST_RPMSG_LINGER_TIME / 2, now_ms() - begin);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV),
			     VHOST_RPMSG_LINGER_TIME + LONG_MS));
	EXPECT_LE(VHOST_RPMSG_LINGER_TIME, now_ms() - begin);
}

/* A process destroys an endpoint that it still has open: it is gone at once for that process. */

static int make_node(int ctrl, const char *name)
{
	if (ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, name, 30, REMOTE))
		return -1;
	return ept_open(ctrl_find_node(DEV, name), O_NONBLOCK);
}

/* Create a node or a descriptor at address 30. */
static int make_either(int ctrl, bool node)
{
	int fd;

	if (node)
		return make_node(ctrl, "node");
	fd = ctrl_new_ept(ctrl, "", 30, REMOTE, 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static uint32_t endpoints_of_user(int ctrl)
{
	struct vhost_rpmsg_ctrl_info info = {};

	return ioctl(ctrl, VHOST_RPMSG_CTRL_GET_INFO, &info) ? ~0U :
							       info.endpoints;
}

TEST_F(users, destroy_sends_what_was_written)
{
	for (int node = 0; node < 2; node++) {
		int fd = make_either(self->ctrl, node), n;
		struct guest_hdr hdr;
		struct nl_ept ept;
		uint32_t id;

		ASSERT_LE(0, fd);
		id = ept_info(fd).id;
		for (n = 0; n < 3; n++)
			ASSERT_EQ(1, write(fd, "x", 1));
		ASSERT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
		EXPECT_EQ(-ENOENT, ctrl_find_node(DEV, "node"));
		EXPECT_ERR(EPIPE, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
		EXPECT_ERR(EPIPE, write(fd, "x", 1));
		EXPECT_ERR(EPIPE, read(fd, self->buf, 1));
		EXPECT_TRUE(poll_fd(fd, POLLIN, LONG_MS) & POLLHUP);
		EXPECT_EQ(VHOST_RPMSG_EPT_GONE, ept_info(fd).flags);
		if (node)
			close(fd);
		/* The endpoint keeps its number and still counts. */
		ASSERT_EQ(0, nl_ept_get(id, &ept));
		EXPECT_EQ(30, ept.addr);
		EXPECT_EQ(1, dev_endpoints(DEV));
		EXPECT_EQ(1, endpoints_of_user(self->ctrl));
		guest_post(&self->g);
		for (n = 0; n < 3; n++)
			EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf,
						     64, LONG_MS));
		EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
		if (!node)
			close(fd);
		EXPECT_TRUE(WAIT_FOR(!endpoints_of_user(self->ctrl), LONG_MS));
		/* The next guest has no buffers, either. */
		ASSERT_EQ(0, guest_stop(&self->g));
		guest_reset_rings(&self->g);
		ASSERT_EQ(0, guest_start(&self->g));
	}
}

/* Earlier messages can be read, later ones are dropped, and the guest is not held back. */
TEST_F(users, destroyed_is_not_received)
{
	int fd = make_either(self->ctrl, false), n;
	uint32_t id;

	ASSERT_LE(0, fd);
	id = ept_info(fd).id;
	ASSERT_EQ(0, nl_ept_set(id, EPT_REQ(.rx_limit = 1),
				VHOST_RPMSG_FULL_POLICY_HOLD));
	ASSERT_EQ(1, write(fd, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 30, "first", 5));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 30, "second", 6));
	EXPECT_STAT(1, ept_stat(id, S(STALLS)));
	ASSERT_TRUE(poll_fd(fd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	for (n = 0; n < 3; n++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 30, "after", 5));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(4, ept_stat(id, S(RX_DROP_CLOSED)));
	EXPECT_EQ(1, dev_endpoints(DEV));
	EXPECT_EQ(5, read(fd, self->buf, 64));
	EXPECT_ERR(EPIPE, read(fd, self->buf, 64));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
}

/* The second run of a program does not wait for messages of the first run. */
TEST_F(users, destroyed_gives_its_address_away)
{
	uint64_t dropped = dev_stat(DEV, S(TX_DROP_RESET));
	int first, fd;

	for (int node = 0; node < 2; node++) {
		first = make_either(self->ctrl, node);
		ASSERT_LE(0, first);
		ASSERT_EQ(1, write(first, "x", 1));
		ASSERT_EQ(0, ioctl(first, RPMSG_DESTROY_EPT_IOCTL));
		fd = make_node(self->ctrl, "node");
		ASSERT_LE(0, fd);
		EXPECT_EQ(1, dev_endpoints(DEV));
		close(first);
		/* The second run has nothing of the first one. */
		EXPECT_EQ(1, write(fd, "y", 1));
		ASSERT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
		close(fd);
	}
	/* All messages but the last one were dropped. */
	EXPECT_STAT(dropped + 3, dev_stat(DEV, S(TX_DROP_RESET)));
	/* An administrator and the end of the guest do not wait, either. */
	EXPECT_EQ(1, dev_endpoints(DEV));
	first = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 30));
	ASSERT_LE(0, first);
	EXPECT_EQ(0, nl_ept_del(first));
	fd = make_node(self->ctrl, "node");
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	first = ept_info(fd).id;
	ASSERT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(0, nl_ept_del(first));
	EXPECT_EQ(-ENOENT, nl_ept_del(first));
	EXPECT_EQ(0, dev_endpoints(DEV));
	close(fd);
	fd = make_node(self->ctrl, "node");
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	ASSERT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
	close(fd);
}

/* The same for a node that ends with its endpoint. */
TEST_F(users, release_sends_what_was_written)
{
	struct guest_hdr hdr;
	struct guest_ns ns;
	int fd;

	ASSERT_EQ(0, ctrl_create(self->ctrl, RPMSG_CREATE_DEV_IOCTL, "dev", 30,
				 REMOTE));
	fd = ept_open_as(ctrl_find_node(DEV, "dev"), O_WRONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	ASSERT_EQ(0, ctrl_create(self->ctrl, RPMSG_RELEASE_DEV_IOCTL, "dev",
				 ANY, ANY));
	EXPECT_EQ(-ENOENT, ctrl_create(self->ctrl, RPMSG_RELEASE_DEV_IOCTL,
				       "dev", ANY, ANY));
	EXPECT_EQ(-ENOENT, ctrl_find_node(DEV, "dev"));
	EXPECT_EQ(1, dev_endpoints(DEV));
	guest_post(&self->g);
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(CREATE, ns.flags);
	EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(DESTROY, ns.flags);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
}

TEST_F(users, a_device_goes_with_what_lingers)
{
	int fd = ctrl_new_ept(self->ctrl, "", 30, REMOTE, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	fd = make_node(self->ctrl, "node");
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	/* The teardown deletes it while messages are left. */
}

/* All of this at the same time, on a device that is created and deleted repeatedly. */

#define AT_ONCE_MS	2000

static void make_nodes(int ctrl)
{
	ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "node", 30, REMOTE);
	ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "dev", 31, REMOTE);
	ctrl_create(ctrl, RPMSG_RELEASE_DEV_IOCTL, "dev", ANY, ANY);
}

static void open_nodes(int unused)
{
	int fd = ept_open(ctrl_find_node(SECOND, "node"), O_NONBLOCK);

	(void)unused;
	if (write(fd, "x", 1) == 1 && now_ms() % 4 == 0)
		ioctl(fd, RPMSG_DESTROY_EPT_IOCTL);
	close(fd);
}

static void delete_nodes(int unused)
{
	int node = ctrl_find_node(SECOND, "node");

	(void)unused;
	if (node >= 0)
		nl_ept_del(node);
}

static void make_descriptors(int ctrl)
{
	int fd = ctrl_new_ept(ctrl, "svc", 30, REMOTE, ANNOUNCE);

	if (write(fd, "x", 1) != 1)
		nap();
	close(fd);
}

static void make_device(int unused)
{
	struct guest_opts opts = { .name = SECOND, .num = 4 };
	struct guest g = {};

	(void)unused;
	nl_dev_new(SECOND);
	if (!guest_open(&g, &opts)) {
		nap();
		guest_close(&g);
	}
	nl_dev_del(SECOND);
}

static int at_once(void (*fn)(int ctrl))
{
	long long end = now_ms() + AT_ONCE_MS * slowness();
	pid_t pid = fork();
	int ctrl;

	if (pid)
		return pid;
	while (now_ms() < end) {
		ctrl = ctrl_open(SECOND);
		fn(ctrl);
		if (ctrl >= 0)
			close(ctrl);
	}
	_exit(0);
}

TEST_F(users, all_of_it_at_once)
{
	static void (*const fns[])(int ctrl) = {
		make_nodes,	  open_nodes,	open_nodes, delete_nodes,
		make_descriptors, make_descriptors, make_device,
	};
	int status, i, n = sizeof(fns) / sizeof(fns[0]);
	struct nl_dev dev;

	for (i = 0; i < n; i++)
		ASSERT_LT(0, at_once(fns[i]));
	for (i = 0; i < n; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	/* Nothing is left, and all endpoints can be created again. */
	nl_dev_new(SECOND);
	ASSERT_EQ(0, nl_dev_get(SECOND, &dev));
	EXPECT_EQ(0, dev.endpoints);
	i = ctrl_open(SECOND);
	EXPECT_LE(0, i);
	EXPECT_EQ(0, as_user(ALICE, 0, fail_often, i));
	close(i);
}

/* Receive an event, if there is one, and count endpoints that appear and disappear. */
static bool count_event(struct nl_event *ev, int timeout_ms, int *events,
			int *alive)
{
	if (nl_next_event(ev, timeout_ms) != 1)
		return false;
	if (ev->cmd != VHOST_RPMSG_CMD_EPT_NTF)
		return true;
	++*events;
	*alive += (ev->ept.event == VHOST_RPMSG_EVENT_NEW) -
		  (ev->ept.event == VHOST_RPMSG_EVENT_DEL);
	return true;
}

/*
 * Listeners get few events, and the final state. On a slow kernel there are fewer than
 * a listener may get.
 */
TEST_F(users, makers_do_not_drown_listeners)
{
	enum { ROUNDS = 2000, RATE = 128 };
	int events = 0, alive = 0, fd, i, most;
	uint64_t begun = now_ms();
	struct nl_event ev = {};

	ASSERT_EQ(0, nl_listen());
	for (i = 0; i < ROUNDS; i++) {
		fd = ctrl_new_ept(self->ctrl, "", ANY, ANY, 0);
		ASSERT_LE(0, fd);
		close(fd);
		while (count_event(&ev, 0, &events, &alive))
			;
	}
	fd = ctrl_new_ept(self->ctrl, "last", ANY, ANY, 0);
	ASSERT_LE(0, fd);
	while (strcmp(ev.ept.name, "last"))
		ASSERT_TRUE(count_event(&ev, LONG_MS, &events, &alive));
	EXPECT_EQ(VHOST_RPMSG_EVENT_NEW, ev.ept.event);
	/* Each DEL had a NEW before. */
	EXPECT_EQ(1, alive);
	most = RATE * ((now_ms() - begun) / 1000 + 2);
	EXPECT_GE(most, events);
	if (2 * ROUNDS > most)
		EXPECT_LT(0, dev_stat(DEV, S(EVENTS_MERGED)));
	close(fd);
	nl_unlisten();
}

TEST_HARNESS_MAIN
