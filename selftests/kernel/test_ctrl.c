// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ctrl node: endpoints of processes that are not administrators, as nodes and as
 * descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"ctrl"
#define SECOND	"ctrl-2"
#define REMOTE	0x400
#define ANY	VHOST_RPMSG_ADDR_ANY

#define CREATE	0
#define DESTROY	1

#define ANNOUNCE	VHOST_RPMSG_NEW_EPT_ANNOUNCE
#define ADDRESSED	VHOST_RPMSG_NEW_EPT_ADDRESSED
#define FOLLOW		VHOST_RPMSG_NEW_EPT_FOLLOW

FIXTURE(ctrl)
{
	struct guest g;
	int ctrl;
	char buf[1024];
};

FIXTURE_SETUP(ctrl)
{
	struct guest_opts opts = { .name = DEV };

	nl_dev_del(DEV);
	nl_dev_del(SECOND);
	ASSERT_LT(0, nl_dev_new(DEV));
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	self->ctrl = ctrl_open(DEV);
	ASSERT_LE(0, self->ctrl);
}

FIXTURE_TEARDOWN(ctrl)
{
	guest_close(&self->g);
	close(self->ctrl);
	EXPECT_EQ(0, nl_dev_del(DEV));
	nl_dev_del(SECOND);
}

#define CREATE_EPT(name, src, dst) \
	ctrl_create(self->ctrl, RPMSG_CREATE_EPT_IOCTL, name, src, dst)
#define CREATE_DEV(name, src, dst) \
	ctrl_create(self->ctrl, RPMSG_CREATE_DEV_IOCTL, name, src, dst)
#define RELEASE_DEV(name, src, dst) \
	ctrl_create(self->ctrl, RPMSG_RELEASE_DEV_IOCTL, name, src, dst)
#define NEW_EPT(name, src, dst, flags) \
	ctrl_new_ept(self->ctrl, name, src, dst, flags)

static uint32_t src_of(int fd)
{
	return ept_info(fd).src;
}

/* Read an attribute in sysfs of a node that was created on the device. */
static long attribute(uint32_t node, const char *name)
{
	char path[96];
	long value = -99;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/vrpmsg/vrpmsg-ep%u/%s", node,
		 name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%ld", &value) != 1)
		value = -99;
	if (file)
		fclose(file);
	return value;
}

#define EXPECT_NS(_name, _addr, _flags)					\
	do {								\
		struct guest_ns __ns;					\
		ASSERT_EQ(0, guest_ns_recv(&self->g, &__ns, LONG_MS));	\
		EXPECT_STREQ(_name, __ns.name);				\
		EXPECT_EQ(_addr, __ns.addr);				\
		EXPECT_EQ(_flags, (int)__ns.flags);			\
	} while (0)

/* The node */

TEST_F(ctrl, node_is_private)
{
	struct stat st;

	ASSERT_EQ(0, fstat(self->ctrl, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
}

TEST_F(ctrl, each_persistent_device_has_one)
{
	int first = ctrl_number(DEV), fd;
	char path[32];

	EXPECT_EQ(-ENOENT, ctrl_number(SECOND));
	ASSERT_LT(0, nl_dev_new(SECOND));
	EXPECT_LE(0, ctrl_number(SECOND));
	EXPECT_NE(first, ctrl_number(SECOND));
	snprintf(path, sizeof(path), "/dev/vrpmsg-ctrl%d", ctrl_number(SECOND));
	EXPECT_EQ(0, nl_dev_del(SECOND));
	EXPECT_EQ(-ENOENT, ctrl_number(SECOND));
	fd = open(path, O_RDWR);
	EXPECT_EQ(-1, fd);
	EXPECT_EQ(ENOENT, errno);
}

/* The name of another device is refused, and a VMM's own device has no node. */
TEST_F(ctrl, no_other_device_has_one)
{
	struct guest_opts opts = { .name = SECOND };
	struct guest g;

	EXPECT_EQ(-EEXIST, nl_dev_new(DEV));
	ASSERT_EQ(0, guest_open(&g, &opts));
	EXPECT_EQ(-ENOENT, ctrl_number(SECOND));
	guest_close(&g);
}

TEST_F(ctrl, stale_node_opens_nothing)
{
	const char *path = "/dev/shm/vrpmsg-ctrl";
	struct stat st;
	int fd;

	ASSERT_LT(0, nl_dev_new(SECOND));
	fd = ctrl_open(SECOND);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, fstat(fd, &st));
	close(fd);
	EXPECT_EQ(0, nl_dev_del(SECOND));
	unlink(path);
	ASSERT_EQ(0, mknod(path, S_IFCHR | 0600, st.st_rdev));
	/* A second device has a different number. */
	ASSERT_LT(0, nl_dev_new(SECOND));
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(ENODEV, errno);
	unlink(path);
}

TEST_F(ctrl, open_node_of_a_dead_device)
{
	struct vhost_rpmsg_ctrl_info info;
	int fd;

	ASSERT_LT(0, nl_dev_new(SECOND));
	fd = ctrl_open(SECOND);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ctrl_create(fd, RPMSG_CREATE_EPT_IOCTL, "x", ANY, ANY));
	EXPECT_EQ(0, nl_dev_del(SECOND));
	EXPECT_EQ(-ENODEV,
		  ctrl_create(fd, RPMSG_CREATE_EPT_IOCTL, "x", ANY, ANY));
	EXPECT_EQ(-ENODEV,
		  ctrl_create(fd, RPMSG_CREATE_DEV_IOCTL, "x", ANY, ANY));
	EXPECT_EQ(-ENODEV,
		  ctrl_create(fd, RPMSG_RELEASE_DEV_IOCTL, "x", ANY, ANY));
	EXPECT_EQ(-ENODEV, ctrl_new_ept(fd, "x", ANY, ANY, 0));
	EXPECT_EQ(-1, ioctl(fd, VHOST_RPMSG_CTRL_GET_INFO, &info));
	EXPECT_EQ(ENODEV, errno);
	close(fd);
}

TEST_F(ctrl, info)
{
	struct vhost_rpmsg_ctrl_info info = {};
	struct nl_dev dev;
	int fd = NEW_EPT("", ANY, ANY, 0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	ASSERT_EQ(0, ioctl(self->ctrl, VHOST_RPMSG_CTRL_GET_INFO, &info));
	EXPECT_STREQ(DEV, info.dev_name);
	EXPECT_EQ(dev.id, info.dev_id);
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_RUNNING, info.state);
	EXPECT_EQ(dev.mtu, info.mtu);
	EXPECT_NE(0, info.generation);
	EXPECT_EQ(1, info.endpoints);
	EXPECT_EQ(VHOST_RPMSG_MAX_USER_ENDPOINTS, info.max_endpoints);
	guest_stop(&self->g);
	ASSERT_EQ(0, ioctl(self->ctrl, VHOST_RPMSG_CTRL_GET_INFO, &info));
	EXPECT_EQ(VHOST_RPMSG_DEV_STATE_ATTACHED, info.state);
	close(fd);
}

TEST_F(ctrl, other_ioctls)
{
	int fd = NEW_EPT("", ANY, ANY, 0), fds[2] = { self->ctrl, fd };

	ASSERT_LE(0, fd);
	EXPECT_EQ(-1, ioctl(self->ctrl, VHOST_RPMSG_EPT_GET_INFO, self->buf));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->ctrl, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(fd, VHOST_RPMSG_CTRL_GET_INFO, self->buf));
	EXPECT_EQ(ENOTTY, errno);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-1, ioctl(fds[i], _IO('x', 1)));
		EXPECT_EQ(ENOTTY, errno);
	}
	EXPECT_EQ(-1, read(self->ctrl, self->buf, 1));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_F(ctrl, bad_pointers)
{
	static const unsigned long request[] = {
		RPMSG_CREATE_EPT_IOCTL,	   RPMSG_CREATE_DEV_IOCTL,
		RPMSG_RELEASE_DEV_IOCTL,   VHOST_RPMSG_CTRL_GET_INFO,
		VHOST_RPMSG_CTRL_NEW_EPT,
	};

	for (size_t i = 0; i < sizeof(request) / sizeof(request[0]); i++) {
		EXPECT_EQ(-1, ioctl(self->ctrl, request[i], bad_ptr));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(0, dev_endpoints(DEV));
}

/* Nodes, created like those of programs for rpmsg_ctrl */

TEST_F(ctrl, created_node)
{
	char path[96];
	struct stat st;
	int node;

	ASSERT_EQ(0, CREATE_EPT("made", 7, REMOTE));
	node = ctrl_find_node(DEV, "made");
	ASSERT_LE(0, node);
	EXPECT_EQ(7, attribute(node, "src"));
	EXPECT_EQ(REMOTE, attribute(node, "dst"));
	/* Programs search for it here. */
	snprintf(path, sizeof(path),
		 "/sys/class/vrpmsg/vrpmsg-ctrl%d/vrpmsg-ep%d/src",
		 ctrl_number(DEV), node);
	EXPECT_EQ(0, access(path, R_OK));
	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%d", node);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(0, dev_endpoints(DEV));
	/* The node stays when its creator has ended. */
	close(self->ctrl);
	self->ctrl = ctrl_open(DEV);
	EXPECT_EQ(node, ctrl_find_node(DEV, "made"));
}

TEST_F(ctrl, uevent_has_names)
{
	char path[64], buf[512] = {};
	FILE *file;

	ASSERT_EQ(0, CREATE_EPT("a/b", 7, REMOTE));
	snprintf(path, sizeof(path), "/sys/class/vrpmsg/vrpmsg-ep%d/uevent",
		 ctrl_find_node(DEV, "a/b"));
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	EXPECT_LT(0, fread(buf, 1, sizeof(buf) - 1, file));
	fclose(file);
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_DEVICE=" DEV "\n"));
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_OWNER=0\n"));
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_ENDPOINT_ENC=a\\x2fb\n"));
	/* While it is closed, the node has no address. */
	EXPECT_EQ(NULL, strstr(buf, "VRPMSG_ADDR"));
	snprintf(path, sizeof(path), "/sys/class/vrpmsg/vrpmsg-ctrl%d/uevent",
		 ctrl_number(DEV));
	file = fopen(path, "r");
	ASSERT_NE(NULL, file);
	memset(buf, 0, sizeof(buf));
	EXPECT_LT(0, fread(buf, 1, sizeof(buf) - 1, file));
	fclose(file);
	EXPECT_NE(NULL, strstr(buf, "VRPMSG_DEVICE=" DEV "\n"));
}

/*
 * Acts like OpenAMP's echo_test and mat_mul_demo: address 0 on both sides, one node,
 * messages, and a last message before it closes and destroys the node.
 */
static int echo_program(struct guest *g, int ctrl)
{
	struct guest_hdr hdr;
	char buf[64];
	int node, fd, i;

	if (ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "rpmsg-openamp-demo", 0,
			0))
		return 1;
	node = ctrl_find_node(DEV, "rpmsg-openamp-demo");
	fd = ept_open(node, O_NONBLOCK);
	if (fd < 0)
		return 2;
	for (i = 0; i < 10; i++) {
		if (write(fd, "ping", 4) != 4)
			return 3;
		if (guest_recv_copy(g, &hdr, buf, 64, LONG_MS) != 4 ||
		    hdr.src || hdr.dst)
			return 4;
		if (guest_send(g, 0, 0, "pong!", 5))
			return 5;
		if (!(poll_fd(fd, POLLIN, LONG_MS) & POLLIN) ||
		    read(fd, buf, 64) != 5)
			return 6;
	}
	if (write(fd, "shutdown", 8) != 8)
		return 7;
	if (ioctl(fd, RPMSG_DESTROY_EPT_IOCTL))
		return 8;
	close(fd);
	if (guest_recv_copy(g, &hdr, buf, 64, LONG_MS) != 8)
		return 9;
	return ctrl_find_node(DEV, "rpmsg-openamp-demo") == -ENOENT ? 0 : 10;
}

TEST_F(ctrl, openamp_echo_twice)
{
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, echo_program(&self->g, self->ctrl));
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
}

/* rpmsgexport passes uninitialised addresses. Run twice, it creates two nodes. */
TEST_F(ctrl, rpmsgexport_with_what_is_there)
{
	struct rpmsg_endpoint_info info;
	int first, fd;

	for (int i = 0; i < 2; i++) {
		memset(&info, 0xa5, sizeof(info));
		strcpy(info.name, "export");
		ASSERT_EQ(0, ioctl(self->ctrl, RPMSG_CREATE_EPT_IOCTL, &info));
	}
	first = ctrl_find_node(DEV, "export");
	ASSERT_LE(0, first);
	fd = ept_open(first, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0xa5a5a5a5, src_of(fd));
	EXPECT_EQ(0xa5a5a5a5, ept_info(fd).dst);
	close(fd);
	/* The kernel takes 31 bytes of a name that is not terminated. */
	memset(info.name, 'n', sizeof(info.name));
	ASSERT_EQ(0, ioctl(self->ctrl, RPMSG_CREATE_EPT_IOCTL, &info));
	EXPECT_LE(0, ctrl_find_node(DEV, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"));
}

TEST_F(ctrl, address_is_taken_while_open)
{
	int a, b, fd;

	ASSERT_EQ(0, CREATE_EPT("a", 9, REMOTE));
	ASSERT_EQ(0, CREATE_EPT("b", 9, REMOTE));
	a = ctrl_find_node(DEV, "a");
	b = ctrl_find_node(DEV, "b");
	fd = ept_open(a, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EADDRINUSE, ept_open(b, 0));
	EXPECT_EQ(-EADDRINUSE, NEW_EPT("c", 9, ANY, 0));
	EXPECT_EQ(1, dev_endpoints(DEV));
	close(fd);
	EXPECT_EQ(0, dev_endpoints(DEV));
	fd = ept_open(b, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(9, src_of(fd));
	EXPECT_EQ((uint32_t)b, ept_info(fd).id);
	close(fd);
	/* None of this reaches the name service. */
	ASSERT_EQ(0, CREATE_EPT("ns", VHOST_RPMSG_NS_ADDR, REMOTE));
	EXPECT_EQ(-EADDRINUSE, ept_open(ctrl_find_node(DEV, "ns"), 0));
}

TEST_F(ctrl, any_address)
{
	int node, fd;

	ASSERT_EQ(0, CREATE_EPT("any", ANY, ANY));
	node = ctrl_find_node(DEV, "any");
	EXPECT_EQ(-1, attribute(node, "src"));
	fd = ept_open(node, O_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_LE(1024, src_of(fd));
	EXPECT_EQ((long)src_of(fd), attribute(node, "src"));
	/* There is no remote before the first message arrives. */
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, src_of(fd), "hi", 2));
	ASSERT_TRUE(poll_fd(fd, POLLIN, LONG_MS) & POLLIN);
	EXPECT_EQ(2, read(fd, self->buf, 64));
	EXPECT_EQ(1, write(fd, "x", 1));
	EXPECT_EQ(REMOTE, attribute(node, "dst"));
	close(fd);
	/* The endpoint ends as soon as that message is sent. */
	EXPECT_TRUE(WAIT_FOR(attribute(node, "src") == -1, LONG_MS));
}

TEST_F(ctrl, one_reader_and_writers_share_it)
{
	struct guest_hdr hdr;
	int node, reader, writer;

	ASSERT_EQ(0, CREATE_EPT("shared", ANY, REMOTE));
	node = ctrl_find_node(DEV, "shared");
	reader = ept_open(node, O_NONBLOCK);
	ASSERT_LE(0, reader);
	EXPECT_EQ(-EBUSY, ept_open(node, 0));
	writer = ept_open_as(node, O_WRONLY);
	ASSERT_LE(0, writer);
	EXPECT_EQ(src_of(reader), src_of(writer));
	close(reader);
	EXPECT_EQ(1, dev_endpoints(DEV));
	EXPECT_EQ(1, write(writer, "w", 1));
	EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	close(writer);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
}

TEST_F(ctrl, destroy)
{
	int node, fd;

	ASSERT_EQ(0, CREATE_EPT("x", ANY, REMOTE));
	node = ctrl_find_node(DEV, "x");
	fd = ept_open(node, 0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(-ENOENT, ctrl_find_node(DEV, "x"));
	EXPECT_EQ(0, dev_endpoints(DEV));
	EXPECT_EQ(-1, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_TRUE(poll_fd(fd, POLLIN, LONG_MS) & POLLHUP);
	close(fd);
}

TEST_F(ctrl, created_dev_is_there_and_announced)
{
	int node, fd;

	ASSERT_EQ(0, CREATE_DEV("svc", 20, ANY));
	EXPECT_NS("svc", 20, CREATE);
	node = ctrl_find_node(DEV, "svc");
	EXPECT_EQ(20, attribute(node, "src"));
	EXPECT_EQ(1, dev_endpoints(DEV));
	/* Messages before the first open wait. */
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 20, "hello", 5));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	for (int i = 0; i < 2; i++) {
		fd = ept_open(node, O_NONBLOCK);
		ASSERT_LE(0, fd);
		EXPECT_EQ(i ? -1 : 5, read(fd, self->buf, 64));
		/* The result is that for a default endpoint of rpmsg_char. */
		EXPECT_EQ(-1, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
		EXPECT_EQ(EINVAL, errno);
		close(fd);
	}
	EXPECT_EQ(1, dev_endpoints(DEV));
	EXPECT_EQ(-EADDRINUSE, CREATE_DEV("other", 20, ANY));
	EXPECT_EQ(-EEXIST, CREATE_DEV("svc", 20, ANY));
	EXPECT_EQ(-EEXIST, CREATE_DEV("svc", ANY, ANY));
	EXPECT_EQ(-ENOENT, RELEASE_DEV("svc", 21, ANY));
	EXPECT_EQ(-ENOENT, RELEASE_DEV("sv", 20, ANY));
	EXPECT_EQ(-ENOENT, RELEASE_DEV("svc", 20, REMOTE));
	EXPECT_EQ(0, RELEASE_DEV("svc", 20, ANY));
	EXPECT_NS("svc", 20, DESTROY);
	EXPECT_EQ(-ENOENT, ctrl_find_node(DEV, "svc"));
	EXPECT_EQ(-ENOENT, RELEASE_DEV("svc", 20, ANY));
	EXPECT_EQ(0, dev_endpoints(DEV));
}

TEST_F(ctrl, created_dev_without_an_address_is_not_announced)
{
	struct guest_ns ns;

	ASSERT_EQ(0, CREATE_DEV("svc", ANY, REMOTE));
	EXPECT_EQ(1, dev_endpoints(DEV));
	EXPECT_EQ(-ETIMEDOUT, guest_ns_recv(&self->g, &ns, SHORT_MS));
	EXPECT_EQ(-ENOENT, RELEASE_DEV("svc", ANY, REMOTE + 1));
	EXPECT_EQ(0, RELEASE_DEV("svc", ANY, ANY));
	/* RPMSG_RELEASE_DEV_IOCTL does not apply to nodes of RPMSG_CREATE_EPT_IOCTL. */
	ASSERT_EQ(0, CREATE_EPT("svc", 20, ANY));
	EXPECT_EQ(-ENOENT, RELEASE_DEV("svc", ANY, ANY));
}

TEST_F(ctrl, names_that_are_none)
{
	EXPECT_EQ(-EINVAL, CREATE_EPT("a\nb", ANY, ANY));
	EXPECT_EQ(-EINVAL, CREATE_EPT("\xff", ANY, ANY));
	EXPECT_EQ(-EINVAL, CREATE_DEV("a\nb", ANY, ANY));
	EXPECT_EQ(-EINVAL, CREATE_DEV("", ANY, ANY));
	EXPECT_EQ(-EINVAL, NEW_EPT("a\tb", ANY, ANY, 0));
	EXPECT_EQ(-EINVAL, NEW_EPT("", ANY, ANY, ANNOUNCE));
	EXPECT_EQ(0, dev_endpoints(DEV));
	EXPECT_EQ(0, CREATE_EPT("", ANY, ANY));
}

/* Descriptors */

TEST_F(ctrl, descriptor)
{
	struct vhost_rpmsg_ept_info info;
	struct guest_hdr hdr;
	struct nl_ept ept;
	int fd = NEW_EPT("svc", ANY, ANY, ANNOUNCE);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	info = ept_info(fd);
	EXPECT_NS("svc", info.src, CREATE);
	EXPECT_STREQ("svc", info.name);
	EXPECT_STREQ(DEV, info.dev_name);
	EXPECT_EQ(VHOST_RPMSG_EPT_ANNOUNCED, info.flags);
	EXPECT_EQ(-ENOENT, ept_open(info.id, 0));
	ASSERT_EQ(0, nl_ept_get(info.id, &ept));
	EXPECT_TRUE(ept.descriptor);
	EXPECT_TRUE(ept.open);
	EXPECT_EQ(0, ept.owner);
	EXPECT_EQ(VHOST_RPMSG_FULL_POLICY_DROP, ept.policy);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, info.src, "hello", 5));
	EXPECT_EQ(5, read(fd, self->buf, 64));
	EXPECT_EQ(2, write(fd, "hi", 2));
	EXPECT_EQ(2, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	EXPECT_EQ(info.src, hdr.src);
	EXPECT_EQ(REMOTE, hdr.dst);
	close(fd);
	EXPECT_NS("svc", info.src, DESTROY);
	EXPECT_EQ(-ENOENT, nl_ept_get(info.id, &ept));
	EXPECT_EQ(0, dev_endpoints(DEV));
}

/* A user cannot wait until it is the turn of a number that an administrator had. */
TEST_F(ctrl, numbers_are_none_of_administrators)
{
	int fd = NEW_EPT("", ANY, ANY, 0);

	ASSERT_LE(0, fd);
	EXPECT_LE(524288, ept_info(fd).id);
	ASSERT_EQ(0, CREATE_EPT("node", ANY, ANY));
	EXPECT_LE(524288, ctrl_find_node(DEV, "node"));
	EXPECT_GT(524288, nl_ept_new(EPT_REQ(.dev = DEV)));
	close(fd);
}

/* No char device with its number can be opened. */
TEST_F(ctrl, descriptor_has_no_node)
{
	const char *path = "/dev/shm/vrpmsg-node";
	int fd = NEW_EPT("", ANY, ANY, 0), node, ept;
	struct stat st;

	ASSERT_LE(0, fd);
	ept = nl_ept_new(EPT_REQ(.dev = DEV));
	ASSERT_LE(0, ept);
	ASSERT_EQ(0, CREATE_EPT("node", ANY, ANY));
	node = ctrl_find_node(DEV, "node");
	for (int i = 0; i < 2; i++) {
		snprintf(self->buf, 64, "/dev/vrpmsg-ep%d", i ? node : ept);
		ASSERT_EQ(0, stat(self->buf, &st));
		unlink(path);
		ASSERT_EQ(0,
			  mknod(path, S_IFCHR | 0600,
				makedev(major(st.st_rdev), ept_info(fd).id)));
		EXPECT_EQ(-1, open(path, O_RDWR));
		EXPECT_EQ(ENETRESET, errno);
		unlink(path);
	}
	snprintf(self->buf, 64, "/proc/self/fd/%d", fd);
	EXPECT_EQ(-1, open(self->buf, O_RDWR));
	close(fd);
}

TEST_F(ctrl, addressed_descriptor)
{
	struct {
		struct vhost_rpmsg_addr addr;
		char data[4];
	} rec;
	struct guest_hdr hdr;
	int fd = NEW_EPT("", ANY, ANY, ADDRESSED);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, guest_send(&self->g, 77, src_of(fd), "data", 4));
	ASSERT_EQ((int)sizeof(rec), read(fd, &rec, sizeof(rec)));
	EXPECT_EQ(77, rec.addr.addr);
	ASSERT_EQ((int)sizeof(rec), write(fd, &rec, sizeof(rec)));
	EXPECT_EQ(4, guest_recv_copy(&self->g, &hdr, self->buf, 64, LONG_MS));
	EXPECT_EQ(77, hdr.dst);
	close(fd);
}

TEST_F(ctrl, following_descriptor)
{
	struct guest_hdr hdr;
	int fd = NEW_EPT("", ANY, ANY, FOLLOW);

	ASSERT_LE(0, fd);
	for (uint32_t from = 77; from < 80; from++) {
		ASSERT_EQ(0, guest_send(&self->g, from, src_of(fd), "?", 1));
		EXPECT_EQ(1, read(fd, self->buf, 64));
		EXPECT_EQ(1, write(fd, "!", 1));
		EXPECT_EQ(1, guest_recv_copy(&self->g, &hdr, self->buf, 64,
					     LONG_MS));
		EXPECT_EQ(from, hdr.dst);
	}
	close(fd);
}

TEST_F(ctrl, malformed_requests)
{
	static const struct vhost_rpmsg_new_ept bad[] = {
		{ .flags = 1U << 3, .src = ANY, .dst = ANY },
		{ .flags = 1U << 31, .src = ANY, .dst = ANY },
		{ .reserved = 1, .src = ANY, .dst = ANY },
		{ .name = "a\0b", .src = ANY, .dst = ANY },
		{ .name = "12345678901234567890123456789012",
		  .src = ANY,
		  .dst = ANY },
		{ .flags = ADDRESSED, .src = ANY, .dst = 1 },
		{ .flags = FOLLOW, .src = ANY, .dst = 1 },
		{ .flags = ADDRESSED | FOLLOW, .src = ANY, .dst = ANY },
		{ .src = ANY, .dst = VHOST_RPMSG_NS_ADDR },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EXPECT_EQ(-1,
			  ioctl(self->ctrl, VHOST_RPMSG_CTRL_NEW_EPT, &bad[i]));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(-EADDRINUSE, NEW_EPT("", VHOST_RPMSG_NS_ADDR, ANY, 0));
	EXPECT_EQ(0, dev_endpoints(DEV));
}

TEST_F(ctrl, lives_as_long_as_somebody_has_it)
{
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd = NEW_EPT("svc", ANY, REMOTE, 0), pair[2], other = dup(fd), sent;

	ASSERT_LE(0, fd);
	close(fd);
	EXPECT_EQ(1, dev_endpoints(DEV));
	/* The descriptor is in a message to another process. */
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &other, sizeof(int));
	ASSERT_EQ(1, sendmsg(pair[0], &msg, 0));
	close(other);
	EXPECT_EQ(1, dev_endpoints(DEV));
	ASSERT_EQ(1, recvmsg(pair[1], &msg, 0));
	cmsg = CMSG_FIRSTHDR(&msg);
	ASSERT_NE(NULL, cmsg);
	memcpy(&sent, CMSG_DATA(cmsg), sizeof(int));
	EXPECT_EQ(1, write(sent, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	close(sent);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(ctrl, killed_owner_leaves_nothing)
{
	struct guest_ns ns;
	int pair[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(pair));
	pid = fork();
	if (!pid) {
		if (NEW_EPT("svc", ANY, ANY, ANNOUNCE) < 0 ||
		    NEW_EPT("other", 9, ANY, 0) < 0)
			_exit(1);
		if (write(pair[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(pair[0], &c, 1));
	ASSERT_EQ(0, guest_ns_recv(&self->g, &ns, LONG_MS));
	EXPECT_EQ(2, dev_endpoints(DEV));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_NS("svc", ns.addr, DESTROY);
	EXPECT_TRUE(WAIT_FOR(!dev_endpoints(DEV), LONG_MS));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(ctrl, destroyed_descriptor)
{
	int fd = NEW_EPT("svc", ANY, REMOTE, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(0, dev_endpoints(DEV));
	EXPECT_EQ(-1, ioctl(fd, RPMSG_DESTROY_EPT_IOCTL));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(VHOST_RPMSG_EPT_GONE, ept_info(fd).flags);
	EXPECT_EQ(-1, read(fd, self->buf, 1));
	EXPECT_EQ(EPIPE, errno);
	close(fd);
}

/* The view and the actions of an administrator */

TEST_F(ctrl, administrator_deletes)
{
	int fd = NEW_EPT("svc", ANY, REMOTE, 0), node;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, nl_ept_del(ept_info(fd).id));
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	close(fd);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, CREATE_EPT("node", ANY, REMOTE));
		node = ctrl_find_node(DEV, "node");
		fd = i ? ept_open(node, 0) : -1;
		EXPECT_EQ(0, nl_ept_del(node));
		EXPECT_EQ(-ENOENT, ctrl_find_node(DEV, "node"));
		EXPECT_EQ(-ENOENT, nl_ept_del(node));
		if (i) {
			EXPECT_EQ(-1, write(fd, "x", 1));
			EXPECT_EQ(EPIPE, errno);
			close(fd);
		}
	}
	EXPECT_EQ(0, dev_endpoints(DEV));
}

TEST_F(ctrl, device_is_deleted_under_all_of_it)
{
	int ctrl, fd, open_node, made;

	ASSERT_LT(0, nl_dev_new(SECOND));
	ctrl = ctrl_open(SECOND);
	ASSERT_LE(0, ctrl);
	fd = ctrl_new_ept(ctrl, "svc", ANY, REMOTE, ANNOUNCE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "a", 1, 2));
	ASSERT_EQ(0, ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "b", 1, 2));
	ASSERT_EQ(0, ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "c", 3, ANY));
	made = ctrl_find_node(SECOND, "b");
	open_node = ept_open(made, 0);
	ASSERT_LE(0, open_node);
	EXPECT_EQ(0, nl_dev_del(SECOND));
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(-1, write(open_node, "x", 1));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(-ENOENT, ept_open(made, 0));
	close(fd);
	close(open_node);
	close(ctrl);
}

/* An endpoint of an administrator gets the channel first, even if it is created later. */
TEST_F(ctrl, channels_are_an_administrators_first)
{
	int fd = NEW_EPT("svc", 100, ANY, 0), ept;
	struct nl_ept info;

	ASSERT_LE(0, fd);
	ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .addr = 200));
	ASSERT_LE(0, ept);
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE, CREATE));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_ept_get(ept, &info));
	EXPECT_EQ(REMOTE, info.remote);
	EXPECT_EQ(ANY, ept_info(fd).dst);
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE + 1, CREATE));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(REMOTE + 1, ept_info(fd).dst);
	close(fd);
}

/* This is so even if a user's endpoint has learned the address of the channel. */
TEST_F(ctrl, channels_are_an_administrators_before_who_has_learned_them)
{
	int fd = NEW_EPT("svc", 100, ANY, 0), ept;
	struct nl_ept info;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 100, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(REMOTE, ept_info(fd).dst);
	ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .addr = 200));
	ASSERT_LE(0, ept);
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE, CREATE));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	ASSERT_EQ(0, nl_ept_get(ept, &info));
	EXPECT_EQ(REMOTE, info.remote);
	close(fd);
}

/* Both have learned the address, the user's endpoint last. */
TEST_F(ctrl, channels_are_an_administrators_if_both_have_learned_them)
{
	int ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .addr = 200));
	int fd = NEW_EPT("svc", 100, ANY, 0);

	ASSERT_LE(0, ept);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 200, "x", 1));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 100, "x", 1));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(ept, REMOTE, LEARNED);
	EXPECT_REMOTE(ept_info(fd).id, REMOTE, LEARNED);
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", REMOTE, CREATE));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_REMOTE(ept, REMOTE, BOUND);
	EXPECT_REMOTE(ept_info(fd).id, REMOTE, LEARNED);
	close(fd);
}

/* A forged message of the name service could end all services. */
TEST_F(ctrl, nobody_speaks_for_the_name_service)
{
	struct vhost_rpmsg_addr addr = { .addr = VHOST_RPMSG_NS_ADDR };
	int fd = NEW_EPT("", ANY, ANY, ADDRESSED);

	EXPECT_EQ(-EINVAL, CREATE_EPT("x", ANY, VHOST_RPMSG_NS_ADDR));
	EXPECT_EQ(-EINVAL, CREATE_DEV("x", ANY, VHOST_RPMSG_NS_ADDR));
	ASSERT_LE(0, fd);
	EXPECT_ERR(EINVAL, write(fd, &addr, sizeof(addr)));
	/* This is found before write() waits for room. */
	ASSERT_EQ(0, nl_ept_set(ept_info(fd).id, EPT_REQ(.tx_limit = 1), -1));
	addr.addr = REMOTE;
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(8, write(fd, &addr, sizeof(addr)));
	EXPECT_ERR(EAGAIN, write(fd, &addr, sizeof(addr)));
	addr.addr = VHOST_RPMSG_NS_ADDR;
	EXPECT_ERR(EINVAL, write(fd, &addr, sizeof(addr)));
	ASSERT_EQ(0, guest_reset(&self->g));
	close(fd);
	/* Address 53 cannot be learned from a message of the guest, either. */
	fd = NEW_EPT("", ANY, ANY, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, guest_send(&self->g, VHOST_RPMSG_NS_ADDR, src_of(fd), "x",
				1));
	EXPECT_EQ(1, read(fd, self->buf, 64));
	EXPECT_ERR(ENOTCONN, write(fd, "x", 1));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0));
	/* An administrator can set it, but poll() and write() agree. */
	ASSERT_EQ(0, nl_ept_set(ept_info(fd).id,
				EPT_REQ(.remote = VHOST_RPMSG_NS_ADDR), -1));
	EXPECT_ERR(EINVAL, write(fd, "x", 1));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0));
	ASSERT_EQ(0,
		  nl_ept_set(ept_info(fd).id, EPT_REQ(.remote = REMOTE), -1));
	EXPECT_EQ(POLLOUT, poll_fd(fd, POLLOUT, 0));
	close(fd);
	/* Likewise for a guest that announces a channel there. */
	fd = NEW_EPT("svc", ANY, ANY, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, guest_ns_send(&self->g, "svc", VHOST_RPMSG_NS_ADDR, 0));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(VHOST_RPMSG_NS_ADDR, (int)ept_info(fd).dst);
	EXPECT_ERR(EINVAL, write(fd, "x", 1));
	EXPECT_EQ(0, poll_fd(fd, POLLOUT, 0));
	close(fd);
}

TEST_F(ctrl, full_queue_does_not_hold_the_guest)
{
	int fd = NEW_EPT("", ANY, ANY, 0), sent = 0;

	ASSERT_LE(0, fd);
	memset(self->buf, 'x', sizeof(self->buf));
	while (sent < 2000) {
		int err = guest_send(&self->g, REMOTE, src_of(fd), self->buf,
				     496);

		if (err == -EAGAIN)
			err = guest_drain(&self->g, LONG_MS);
		else
			sent++;
		ASSERT_EQ(0, err);
	}
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_LT(0, ept_info(fd).rx_dropped);
	close(fd);
}

TEST_HARNESS_MAIN
