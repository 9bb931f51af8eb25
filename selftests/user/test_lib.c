// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvhostrpmsg, object by object. test_netlink tests the answers of the kernel; this
 * tests how the library handles them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"
#include "vhostrpmsg.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#define DEV	"lib"
#define OTHER	"lib-other"
#define REMOTE	0x400

FIXTURE(lib)
{
	struct vrpmsg_ctx *ctx;
	struct vrpmsg_ept_config *config;
	struct vrpmsg_dev *dev;
};

FIXTURE_SETUP(lib)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	nl_dev_del(OTHER);
	self->ctx = vrpmsg_ctx_open();
	ASSERT_NE(NULL, self->ctx);
	self->config = vrpmsg_ept_config_new();
	ASSERT_NE(NULL, self->config);
	ASSERT_EQ(0, vrpmsg_ept_config_set_dev_name(self->config, DEV));
	self->dev = vrpmsg_dev_add(self->ctx, DEV, NULL);
	ASSERT_NE(NULL, self->dev);
}

FIXTURE_TEARDOWN(lib)
{
	vrpmsg_dev_free(self->dev);
	vrpmsg_ept_config_free(self->config);
	EXPECT_EQ(0, vrpmsg_dev_del(self->ctx, DEV));
	vrpmsg_ctx_close(self->ctx);
#ifdef __SANITIZE_ADDRESS__
	/* The harness ends a test with _exit(), so release everything for leak checks. */
	self->config = NULL;
	self->ctx = NULL;
	self->dev = NULL;
	EXPECT_EQ(0, __lsan_do_recoverable_leak_check());
#endif
}

/* Expect this message of the kernel and this attribute. */
#define EXPECT_REFUSED(err, words, attr)					\
	do {									\
		EXPECT_EQ(err, errno);						\
		if (!strstr(vrpmsg_ctx_errmsg(self->ctx), words))		\
			TH_LOG("it says: %s", vrpmsg_ctx_errmsg(self->ctx));	\
		EXPECT_NE(NULL, strstr(vrpmsg_ctx_errmsg(self->ctx), words));	\
		EXPECT_STREQ(attr, vrpmsg_ctx_errattr(self->ctx) ?: "");	\
	} while (0)

TEST_F(lib, version)
{
	EXPECT_STREQ(VRPMSG_VERSION, vrpmsg_version());
}

TEST_F(lib, nothing_can_be_freed)
{
	vrpmsg_ctx_close(NULL);
	vrpmsg_dev_free(NULL);
	vrpmsg_dev_list_free(NULL);
	vrpmsg_ept_config_free(NULL);
	vrpmsg_ept_free(NULL);
	vrpmsg_ept_list_free(NULL);
	vrpmsg_fd_info_free(NULL);
	vrpmsg_chan_free(NULL);
	vrpmsg_chan_list_free(NULL);
	vrpmsg_monitor_close(NULL);
	vrpmsg_event_free(NULL);
}

TEST_F(lib, a_new_handle_has_no_error)
{
	struct vrpmsg_ctx *ctx = vrpmsg_ctx_open();

	ASSERT_NE(NULL, ctx);
	EXPECT_STREQ("", vrpmsg_ctx_errmsg(ctx));
	EXPECT_EQ(NULL, vrpmsg_ctx_errattr(ctx));
	vrpmsg_ctx_close(ctx);
}

TEST_F(lib, a_new_device)
{
	struct vrpmsg_dev *dev = self->dev;
	uint32_t ept = 77;

	EXPECT_LE(1, (int)vrpmsg_dev_id(dev));
	EXPECT_STREQ(DEV, vrpmsg_dev_name(dev));
	EXPECT_EQ(VRPMSG_DEV_DETACHED, vrpmsg_dev_state(dev));
	EXPECT_TRUE(vrpmsg_dev_is_persistent(dev));
	EXPECT_FALSE(vrpmsg_dev_is_stale(dev));
	EXPECT_EQ(0, vrpmsg_dev_features(dev));
	EXPECT_EQ(496, vrpmsg_dev_mtu(dev));
	EXPECT_EQ(0, vrpmsg_dev_endpoints(dev));
	EXPECT_EQ(0, vrpmsg_dev_channels(dev));
	EXPECT_FALSE(vrpmsg_dev_stall_ept(dev, &ept));
	EXPECT_EQ(77, ept);
	for (int i = 0; vrpmsg_stat_name(i); i++)
		EXPECT_EQ(0, vrpmsg_dev_stat(dev, i));
	EXPECT_EQ(0, vrpmsg_dev_stat(dev, -1));
	EXPECT_EQ(0, vrpmsg_dev_stat(dev, 1000));
}

TEST_F(lib, devices_by_name_id_and_list)
{
	struct vrpmsg_dev *other, *dev, **list;
	size_t count, found = 0;

	other = vrpmsg_dev_add(self->ctx, OTHER, NULL);
	ASSERT_NE(NULL, other);
	dev = vrpmsg_dev_get(self->ctx, OTHER);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(vrpmsg_dev_id(other), vrpmsg_dev_id(dev));
	vrpmsg_dev_free(dev);
	dev = vrpmsg_dev_get_by_id(self->ctx, vrpmsg_dev_id(self->dev));
	ASSERT_NE(NULL, dev);
	EXPECT_STREQ(DEV, vrpmsg_dev_name(dev));
	vrpmsg_dev_free(dev);

	list = vrpmsg_dev_list(self->ctx, &count);
	ASSERT_NE(NULL, list);
	EXPECT_LE(2, (int)count);
	EXPECT_EQ(NULL, list[count]);
	for (size_t i = 0; list[i]; i++)
		found += !strcmp(vrpmsg_dev_name(list[i]), DEV) ||
			 !strcmp(vrpmsg_dev_name(list[i]), OTHER);
	EXPECT_EQ(2, found);
	vrpmsg_dev_list_free(list);
	EXPECT_EQ(0, vrpmsg_dev_del_by_id(self->ctx, vrpmsg_dev_id(other)));
	vrpmsg_dev_free(other);
	list = vrpmsg_dev_list(self->ctx, NULL);
	EXPECT_NE(NULL, list);
	vrpmsg_dev_list_free(list);
}

TEST_F(lib, devices_have_settings)
{
	struct vrpmsg_dev_config *config = vrpmsg_dev_config_new();
	struct vrpmsg_dev *dev;

	ASSERT_NE(NULL, config);
	vrpmsg_dev_config_set_mtu(config, 1000);
	vrpmsg_dev_config_set_hold_time(config, 0);
	vrpmsg_dev_config_set_owner(config, 1234);
	dev = vrpmsg_dev_add(self->ctx, OTHER, config);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(1000, vrpmsg_dev_mtu(dev));
	EXPECT_TRUE(vrpmsg_dev_is_mtu_fixed(dev));
	EXPECT_EQ(0, vrpmsg_dev_hold_time(dev));
	EXPECT_EQ(1234, vrpmsg_dev_owner(dev));
	vrpmsg_dev_free(dev);
	vrpmsg_dev_config_free(config);

	config = vrpmsg_dev_config_new();
	vrpmsg_dev_config_set_owner(config, VRPMSG_OWNER_ANY);
	ASSERT_EQ(0, vrpmsg_dev_set(self->ctx, OTHER, config));
	dev = vrpmsg_dev_get(self->ctx, OTHER);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(1000, vrpmsg_dev_mtu(dev));
	EXPECT_EQ(VRPMSG_OWNER_ANY, vrpmsg_dev_owner(dev));
	vrpmsg_dev_free(dev);
	vrpmsg_dev_config_set_mtu(config, 65536);
	EXPECT_EQ(-1, vrpmsg_dev_set(self->ctx, OTHER, config));
	EXPECT_REFUSED(ERANGE, "", "mtu");
	EXPECT_EQ(-1, vrpmsg_dev_set(self->ctx, "none", config));
	vrpmsg_dev_config_free(config);
	EXPECT_EQ(0, vrpmsg_dev_del(self->ctx, OTHER));
}

TEST_F(lib, what_devices_are_refused)
{
	char name[400];

	EXPECT_EQ(NULL, vrpmsg_dev_add(self->ctx, DEV, NULL));
	EXPECT_REFUSED(EEXIST, "exists", "name");
	EXPECT_EQ(NULL, vrpmsg_dev_add(self->ctx, "a b", NULL));
	EXPECT_REFUSED(EINVAL, "letters, digits", "name");
	EXPECT_EQ(NULL, vrpmsg_dev_add(self->ctx, "", NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, vrpmsg_dev_add(self->ctx, NULL, NULL));
	EXPECT_REFUSED(EINVAL, "needs a name", "");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	EXPECT_EQ(NULL, vrpmsg_dev_add(self->ctx, name, NULL));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(NULL, vrpmsg_dev_get(self->ctx, "nosuch"));
	EXPECT_REFUSED(ENODEV, "no device has this name", "name");
	EXPECT_EQ(0, vrpmsg_dev_reset(self->ctx, DEV));
	EXPECT_EQ(-1, vrpmsg_dev_reset(self->ctx, "nosuch"));
	EXPECT_REFUSED(ENODEV, "no device has this name", "name");
	EXPECT_EQ(-1, vrpmsg_dev_del(self->ctx, "nosuch"));
	EXPECT_REFUSED(ENODEV, "no device has this name", "name");
	EXPECT_EQ(-1, vrpmsg_dev_del_by_id(self->ctx, 123456));
	EXPECT_REFUSED(ENODEV, "no device has this id", "id");
	EXPECT_EQ(NULL, vrpmsg_dev_get_by_id(self->ctx, 0));
	EXPECT_EQ(ERANGE, errno);
}

TEST_F(lib, a_device_with_a_guest)
{
	struct guest_opts opts = { .name = DEV };
	struct vrpmsg_dev *dev;
	struct guest g;

	ASSERT_EQ(0, guest_open(&g, &opts));
	dev = vrpmsg_dev_get(self->ctx, DEV);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(VRPMSG_DEV_RUNNING, vrpmsg_dev_state(dev));
	EXPECT_EQ(GUEST_FEATURES, vrpmsg_dev_features(dev));
	vrpmsg_dev_free(dev);
	EXPECT_EQ(-1, vrpmsg_dev_del(self->ctx, DEV));
	EXPECT_REFUSED(EBUSY, "a VMM has the device", "name");
	guest_close(&g);

	/* A VMM's own device. */
	opts.name = OTHER;
	ASSERT_EQ(0, guest_open(&g, &opts));
	dev = vrpmsg_dev_get(self->ctx, OTHER);
	ASSERT_NE(NULL, dev);
	EXPECT_FALSE(vrpmsg_dev_is_persistent(dev));
	vrpmsg_dev_free(dev);
	guest_close(&g);
}

static bool held_back(struct vrpmsg_ctx *ctx, uint32_t *ept)
{
	struct vrpmsg_dev *dev = vrpmsg_dev_get(ctx, DEV);
	bool stalled = dev && vrpmsg_dev_stall_ept(dev, ept);

	vrpmsg_dev_free(dev);
	return stalled;
}

TEST_F(lib, a_device_whose_guest_is_held_back)
{
	struct guest_opts opts = { .name = DEV };
	uint32_t id, stalled = 77;
	struct vrpmsg_ept *ept;
	struct guest g;
	int fd;

	vrpmsg_ept_config_set_rx_limit(self->config, 1);
	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	id = vrpmsg_ept_id(ept);
	vrpmsg_ept_free(ept);
	fd = vrpmsg_ept_open(id, O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, guest_open(&g, &opts));
	EXPECT_FALSE(held_back(self->ctx, &stalled));
	EXPECT_EQ(77, stalled);
	ASSERT_EQ(0, guest_send(&g, REMOTE, 1024, "taken", 5));
	ASSERT_EQ(0, guest_send(&g, REMOTE, 1024, "held", 4));
	EXPECT_TRUE(WAIT_FOR(held_back(self->ctx, &stalled), LONG_MS));
	EXPECT_EQ(id, stalled);
	close(fd);
	guest_close(&g);
}

TEST_F(lib, a_new_endpoint)
{
	struct vrpmsg_ept *ept = vrpmsg_ept_add(self->ctx, self->config);

	ASSERT_NE(NULL, ept);
	EXPECT_EQ(vrpmsg_dev_id(self->dev), vrpmsg_ept_dev_id(ept));
	EXPECT_STREQ(DEV, vrpmsg_ept_dev_name(ept));
	EXPECT_EQ(NULL, vrpmsg_ept_name(ept));
	EXPECT_EQ(1024, vrpmsg_ept_addr(ept));
	EXPECT_EQ(VRPMSG_ADDR_ANY, vrpmsg_ept_remote(ept));
	EXPECT_EQ(VRPMSG_REMOTE_NONE, vrpmsg_ept_remote_kind(ept));
	EXPECT_FALSE(vrpmsg_ept_is_addressed(ept));
	EXPECT_FALSE(vrpmsg_ept_is_announced(ept));
	EXPECT_FALSE(vrpmsg_ept_is_open(ept));
	EXPECT_EQ(VRPMSG_POLICY_HOLD, vrpmsg_ept_policy(ept));
	EXPECT_EQ(VRPMSG_CLOSED_DROP, vrpmsg_ept_closed_policy(ept));
	EXPECT_EQ(VRPMSG_RESET_KEEP, vrpmsg_ept_reset_policy(ept));
	EXPECT_EQ(262144, vrpmsg_ept_rx_limit(ept));
	EXPECT_EQ(262144, vrpmsg_ept_tx_limit(ept));
	EXPECT_EQ(0, vrpmsg_ept_rx_queued(ept));
	EXPECT_EQ(0, vrpmsg_ept_tx_queued(ept));
	EXPECT_EQ(0, vrpmsg_ept_stat(ept, VRPMSG_STAT_RX_MSGS));
	EXPECT_EQ(0, vrpmsg_ept_stat(ept, 1000));
	vrpmsg_ept_free(ept);
}

TEST_F(lib, an_endpoint_with_everything)
{
	struct vrpmsg_ept_config *config = self->config;
	struct vrpmsg_ept *ept;

	/* The last value counts, and NULL removes a name. */
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(config, "first"));
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(config, "svc"));
	ASSERT_EQ(0, vrpmsg_ept_config_set_dev_name(config, NULL));
	vrpmsg_ept_config_set_dev_id(config, vrpmsg_dev_id(self->dev));
	vrpmsg_ept_config_set_addr(config, 7);
	vrpmsg_ept_config_set_addr(config, 0);
	vrpmsg_ept_config_set_remote(config, 0);
	vrpmsg_ept_config_set_addressed(config, true);
	vrpmsg_ept_config_set_addressed(config, false);
	vrpmsg_ept_config_set_policy(config, VRPMSG_POLICY_DROP);
	vrpmsg_ept_config_set_closed_policy(config, VRPMSG_CLOSED_KEEP);
	vrpmsg_ept_config_set_reset_policy(config, VRPMSG_RESET_DROP);
	vrpmsg_ept_config_set_rx_limit(config, 1);
	vrpmsg_ept_config_set_tx_limit(config, 2);
	ept = vrpmsg_ept_add(self->ctx, config);
	ASSERT_NE(NULL, ept);
	EXPECT_STREQ("svc", vrpmsg_ept_name(ept));
	EXPECT_EQ(0, vrpmsg_ept_addr(ept));
	EXPECT_EQ(0, vrpmsg_ept_remote(ept));
	EXPECT_EQ(VRPMSG_REMOTE_FIXED, vrpmsg_ept_remote_kind(ept));
	EXPECT_FALSE(vrpmsg_ept_is_addressed(ept));
	EXPECT_EQ(VRPMSG_POLICY_DROP, vrpmsg_ept_policy(ept));
	EXPECT_EQ(VRPMSG_CLOSED_KEEP, vrpmsg_ept_closed_policy(ept));
	EXPECT_EQ(VRPMSG_RESET_DROP, vrpmsg_ept_reset_policy(ept));
	EXPECT_EQ(1, vrpmsg_ept_rx_limit(ept));
	EXPECT_EQ(2, vrpmsg_ept_tx_limit(ept));
	vrpmsg_ept_free(ept);
}

TEST_F(lib, endpoints_by_id_and_list)
{
	struct vrpmsg_ept_config *elsewhere = vrpmsg_ept_config_new();
	struct vrpmsg_ept *a, *b, *ept, **list;
	struct vrpmsg_dev *other;
	size_t count;

	other = vrpmsg_dev_add(self->ctx, OTHER, NULL);
	ASSERT_NE(NULL, other);
	ASSERT_EQ(0, vrpmsg_ept_config_set_dev_name(elsewhere, OTHER));
	a = vrpmsg_ept_add(self->ctx, self->config);
	b = vrpmsg_ept_add(self->ctx, elsewhere);
	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	ept = vrpmsg_ept_get(self->ctx, vrpmsg_ept_id(b));
	ASSERT_NE(NULL, ept);
	EXPECT_STREQ(OTHER, vrpmsg_ept_dev_name(ept));
	vrpmsg_ept_free(ept);

	list = vrpmsg_ept_list(self->ctx, DEV, &count);
	ASSERT_NE(NULL, list);
	ASSERT_EQ(1, count);
	EXPECT_EQ(vrpmsg_ept_id(a), vrpmsg_ept_id(list[0]));
	EXPECT_EQ(NULL, list[1]);
	vrpmsg_ept_list_free(list);
	list = vrpmsg_ept_list(self->ctx, NULL, &count);
	ASSERT_NE(NULL, list);
	EXPECT_EQ(2, count);
	vrpmsg_ept_list_free(list);
	EXPECT_EQ(NULL, vrpmsg_ept_list(self->ctx, "nosuch", &count));
	EXPECT_EQ(ENODEV, errno);
	/* Linux 6.1 does not name the attribute when a dump is refused. */
	EXPECT_STREQ("no device has this name", vrpmsg_ctx_errmsg(self->ctx));

	/* The endpoints of a deleted device are deleted, too. */
	ASSERT_EQ(0, vrpmsg_dev_del(self->ctx, OTHER));
	EXPECT_EQ(NULL, vrpmsg_ept_get(self->ctx, vrpmsg_ept_id(b)));
	EXPECT_REFUSED(ENOENT, "no endpoint has this id", "id");
	vrpmsg_ept_free(a);
	vrpmsg_ept_free(b);
	vrpmsg_dev_free(other);
	vrpmsg_ept_config_free(elsewhere);
}

TEST_F(lib, an_empty_list)
{
	struct vrpmsg_ept **list;
	size_t count = 5;

	list = vrpmsg_ept_list(self->ctx, DEV, &count);
	ASSERT_NE(NULL, list);
	EXPECT_EQ(0, count);
	EXPECT_EQ(NULL, list[0]);
	vrpmsg_ept_list_free(list);
}

/* More endpoints than fit into one datagram. */
#define MANY	200

#define ADD_MANY()						\
	do {							\
		struct vrpmsg_ept *__ept;			\
								\
		for (int __i = 0; __i < MANY; __i++) {		\
			__ept = vrpmsg_ept_add(self->ctx, self->config);	\
			ASSERT_NE(NULL, __ept);			\
			vrpmsg_ept_free(__ept);			\
		}						\
	} while (0)

TEST_F(lib, a_long_list)
{
	struct vrpmsg_ept **list;
	size_t count;

	ADD_MANY();
	list = vrpmsg_ept_list(self->ctx, DEV, &count);
	ASSERT_NE(NULL, list);
	ASSERT_EQ(MANY, count);
	for (size_t i = 1; i < count; i++)
		ASSERT_LT(vrpmsg_ept_id(list[i - 1]), vrpmsg_ept_id(list[i]));
	vrpmsg_ept_list_free(list);
}

/* Replaces that of the library, too, to make changes just before or after a call. */
static void (*before_recvfrom)(void);
static void (*after_recvfrom)(struct nlmsghdr *nlh, size_t len);

ssize_t recvfrom(int fd, void *buf, size_t len, int flags,
		 struct sockaddr *from, socklen_t *from_len)
{
	ssize_t n;

	if (before_recvfrom)
		before_recvfrom();
	n = syscall(SYS_recvfrom, fd, buf, len, flags, from, from_len);
	if (n > 0 && after_recvfrom)
		after_recvfrom(buf, n);
	return n;
}

static unsigned int overtakings;
static const char *overtaken;

/* An endpoint appears while the library reads a list. */
static void overtake(void)
{
	void (*hook)(void) = before_recvfrom;

	before_recvfrom = NULL;
	if (overtakings && overtakings--)
		nl_ept_new(EPT_REQ(.dev = overtaken));
	before_recvfrom = hook;
}

TEST_F(lib, a_list_that_is_overtaken_is_read_again)
{
	struct vrpmsg_ept **list;
	size_t count;

	ADD_MANY();
	ASSERT_LT(0, nl_dev_new(OTHER));

	/* Both are in the list that was finally not interrupted. */
	overtakings = 2;
	overtaken = DEV;
	before_recvfrom = overtake;
	list = vrpmsg_ept_list(self->ctx, NULL, &count);
	before_recvfrom = NULL;
	ASSERT_NE(NULL, list);
	EXPECT_EQ(0, overtakings);
	EXPECT_EQ(MANY + 2, count);
	vrpmsg_ept_list_free(list);

	/* The library does not retry for ever. */
	overtakings = 1000000;
	before_recvfrom = overtake;
	list = vrpmsg_ept_list(self->ctx, DEV, &count);
	before_recvfrom = NULL;
	EXPECT_EQ(NULL, list);
	EXPECT_REFUSED(EAGAIN, "came and went", "");
	EXPECT_EQ(0, nl_dev_del(OTHER));
}

TEST_F(lib, a_list_does_not_mind_what_happens_elsewhere)
{
	struct vrpmsg_ept **list;
	size_t count;

	ADD_MANY();
	ASSERT_LT(0, nl_dev_new(OTHER));
	overtakings = 1000000;
	overtaken = OTHER;
	before_recvfrom = overtake;
	list = vrpmsg_ept_list(self->ctx, DEV, &count);
	before_recvfrom = NULL;
	ASSERT_NE(NULL, list);
	EXPECT_EQ(MANY, count);
	EXPECT_GT(1000000 - 1, overtakings);
	vrpmsg_ept_list_free(list);

	/* A list of all devices is complete for the other devices, whatever one device does. */
	overtaken = DEV;
	before_recvfrom = overtake;
	list = vrpmsg_ept_list(self->ctx, NULL, &count);
	before_recvfrom = NULL;
	ASSERT_NE(NULL, list);
	EXPECT_LT(MANY, count);
	for (size_t i = 1; i < count; i++)
		ASSERT_NE(vrpmsg_ept_id(list[i - 1]), vrpmsg_ept_id(list[i]));
	vrpmsg_ept_list_free(list);
	EXPECT_EQ(0, nl_dev_del(OTHER));
}

static enum { FIRST_LIST, LIST_OF_DEVICES, FURTHER_LISTS } reading;

/*
 * The first list is incomplete. The last device of the next list is deleted as soon as
 * the library knows it.
 */
static void disturb(struct nlmsghdr *nlh, size_t len)
{
	if (reading == FIRST_LIST)
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type != NLMSG_DONE || reading == FURTHER_LISTS)
			continue;
		if (reading == LIST_OF_DEVICES)
			nl_dev_del(OTHER);
		reading++;
		break;
	}
}

TEST_F(lib, a_list_in_parts_does_not_mind_a_device_that_goes)
{
	struct vrpmsg_ept **epts;
	size_t count;

	vrpmsg_ept_free(vrpmsg_ept_add(self->ctx, self->config));
	ASSERT_LT(0, nl_dev_new(OTHER));
	after_recvfrom = disturb;
	epts = vrpmsg_ept_list(self->ctx, NULL, &count);
	after_recvfrom = NULL;
	ASSERT_NE(NULL, epts);
	EXPECT_EQ(1, count);
	EXPECT_STREQ("", vrpmsg_ctx_errmsg(self->ctx));
	EXPECT_EQ(FURTHER_LISTS, reading);
	EXPECT_EQ(-ENODEV, nl_dev_del(OTHER));
	vrpmsg_ept_list_free(epts);
}

TEST_F(lib, endpoints_can_be_changed_in_part)
{
	struct vrpmsg_ept_config *change = vrpmsg_ept_config_new();
	struct vrpmsg_ept *ept = vrpmsg_ept_add(self->ctx, self->config);
	uint32_t id;

	ASSERT_NE(NULL, ept);
	id = vrpmsg_ept_id(ept);
	vrpmsg_ept_free(ept);
	vrpmsg_ept_config_set_remote(change, 9);
	vrpmsg_ept_config_set_tx_limit(change, 999);
	ASSERT_EQ(0, vrpmsg_ept_set(self->ctx, id, change));
	ept = vrpmsg_ept_get(self->ctx, id);
	ASSERT_NE(NULL, ept);
	EXPECT_EQ(9, vrpmsg_ept_remote(ept));
	EXPECT_EQ(999, vrpmsg_ept_tx_limit(ept));
	EXPECT_EQ(262144, vrpmsg_ept_rx_limit(ept));
	vrpmsg_ept_free(ept);

	EXPECT_EQ(-1, vrpmsg_ept_set(self->ctx, 123456, change));
	EXPECT_REFUSED(ENOENT, "no endpoint has this id", "id");
	vrpmsg_ept_config_set_rx_limit(change, 1U << 30);
	EXPECT_EQ(-1, vrpmsg_ept_set(self->ctx, id, change));
	EXPECT_REFUSED(ERANGE, "", "rx-limit");
	/* The library refuses settings that cannot be changed. */
	EXPECT_EQ(-1, vrpmsg_ept_set(self->ctx, id, self->config));
	EXPECT_REFUSED(EINVAL, "can be changed", "");
	vrpmsg_ept_config_free(change);
}

TEST_F(lib, what_endpoints_are_refused)
{
	struct vrpmsg_ept_config *config = self->config;

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(config, "tab\t"));
	EXPECT_EQ(NULL, vrpmsg_ept_add(self->ctx, config));
	EXPECT_REFUSED(EINVAL, "printable", "name");
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(config, NULL));
	vrpmsg_ept_config_set_addr(config, VRPMSG_ADDR_NS);
	EXPECT_EQ(NULL, vrpmsg_ept_add(self->ctx, config));
	EXPECT_REFUSED(EADDRINUSE, "name service", "addr");
	ASSERT_EQ(0, vrpmsg_ept_config_set_dev_name(config, "nosuch"));
	EXPECT_EQ(NULL, vrpmsg_ept_add(self->ctx, config));
	EXPECT_REFUSED(ENODEV, "no device has this name", "dev-name");
	EXPECT_EQ(-1, vrpmsg_ept_del(self->ctx, 123456));
	EXPECT_REFUSED(ENOENT, "no endpoint has this id", "id");
}

TEST_F(lib, a_call_that_succeeds_forgets_the_error)
{
	struct vrpmsg_dev *dev;

	EXPECT_EQ(NULL, vrpmsg_dev_get(self->ctx, "nosuch"));
	dev = vrpmsg_dev_get(self->ctx, DEV);
	ASSERT_NE(NULL, dev);
	EXPECT_STREQ("", vrpmsg_ctx_errmsg(self->ctx));
	EXPECT_EQ(NULL, vrpmsg_ctx_errattr(self->ctx));
	vrpmsg_dev_free(dev);

	/* So does one that fails for another reason. */
	EXPECT_EQ(-1, vrpmsg_ept_del(self->ctx, 123456));
	EXPECT_REFUSED(ENOENT, "no endpoint has this id", "id");
	EXPECT_EQ(NULL, vrpmsg_ept_find_or_add(self->ctx, self->config));
	EXPECT_REFUSED(EINVAL, "name is not set", "");
}

TEST_F(lib, endpoints_by_name)
{
	struct vrpmsg_ept *a, *b, *ept;

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "svc"));
	a = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, a);
	ept = vrpmsg_ept_find(self->ctx, DEV, "svc");
	ASSERT_NE(NULL, ept);
	EXPECT_EQ(vrpmsg_ept_id(a), vrpmsg_ept_id(ept));
	EXPECT_STREQ("", vrpmsg_ctx_errmsg(self->ctx));
	vrpmsg_ept_free(ept);
	EXPECT_EQ(NULL, vrpmsg_ept_find(self->ctx, DEV, "other"));
	EXPECT_REFUSED(ENOENT, "no such endpoint", "");
	EXPECT_EQ(NULL, vrpmsg_ept_find(self->ctx, "nosuch", "svc"));
	EXPECT_EQ(ENODEV, errno);

	/* An endpoint without a name has none, not an empty one. */
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, NULL));
	vrpmsg_ept_free(vrpmsg_ept_add(self->ctx, self->config));
	EXPECT_EQ(NULL, vrpmsg_ept_find(self->ctx, DEV, ""));
	EXPECT_REFUSED(ENOENT, "no such endpoint", "");
	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "svc"));

	/* An ambiguous name. */
	b = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, b);
	EXPECT_EQ(NULL, vrpmsg_ept_find(self->ctx, DEV, "svc"));
	EXPECT_REFUSED(ENOTUNIQ, "several endpoints", "");
	vrpmsg_ept_free(a);
	vrpmsg_ept_free(b);
}

TEST_F(lib, announce_and_withdraw)
{
	struct vrpmsg_ept *ept;
	uint32_t id;

	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	EXPECT_EQ(-1, vrpmsg_ept_announce(self->ctx, vrpmsg_ept_id(ept)));
	EXPECT_REFUSED(EINVAL, "name", "id");
	vrpmsg_ept_free(ept);

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "svc"));
	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	id = vrpmsg_ept_id(ept);
	vrpmsg_ept_free(ept);
	ASSERT_EQ(0, vrpmsg_ept_announce(self->ctx, id));
	ept = vrpmsg_ept_get(self->ctx, id);
	EXPECT_TRUE(vrpmsg_ept_is_announced(ept));
	vrpmsg_ept_free(ept);
	ASSERT_EQ(0, vrpmsg_ept_withdraw(self->ctx, id));
	ept = vrpmsg_ept_get(self->ctx, id);
	EXPECT_FALSE(vrpmsg_ept_is_announced(ept));
	vrpmsg_ept_free(ept);
}

TEST_F(lib, messages_and_counters)
{
	struct guest_opts opts = { .name = DEV, .buf_size = 1024 };
	struct vrpmsg_fd_info *info;
	struct vrpmsg_ept *ept;
	struct guest g;
	char buf[64];
	uint32_t id;
	int fd;

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "svc"));
	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	id = vrpmsg_ept_id(ept);
	vrpmsg_ept_free(ept);
	fd = vrpmsg_ept_open(id, O_RDWR);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(-1, vrpmsg_ept_open(id, O_RDWR));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(-1, vrpmsg_ept_open(123456, O_RDWR));
	EXPECT_EQ(ENOENT, errno);

	ASSERT_EQ(0, guest_open(&g, &opts));
	ASSERT_EQ(0, guest_send(&g, REMOTE, 1024, "hello", 5));
	ASSERT_EQ(5, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(3, write(fd, "you", 3));
	ASSERT_EQ(3, guest_recv_copy(&g, NULL, buf, sizeof(buf), LONG_MS));

	info = vrpmsg_fd_info_get(fd);
	ASSERT_NE(NULL, info);
	EXPECT_EQ(id, vrpmsg_fd_info_id(info));
	EXPECT_EQ(vrpmsg_dev_id(self->dev), vrpmsg_fd_info_dev_id(info));
	EXPECT_STREQ(DEV, vrpmsg_fd_info_dev_name(info));
	EXPECT_STREQ("svc", vrpmsg_fd_info_name(info));
	EXPECT_EQ(1024, vrpmsg_fd_info_addr(info));
	EXPECT_EQ(REMOTE, vrpmsg_fd_info_remote(info));
	EXPECT_EQ(1008, vrpmsg_fd_info_mtu(info));
	EXPECT_NE(0, vrpmsg_fd_info_generation(info));
	EXPECT_EQ(0, vrpmsg_fd_info_head_generation(info));
	EXPECT_EQ(0, vrpmsg_fd_info_rx_dropped(info));
	EXPECT_EQ(0, vrpmsg_fd_info_tx_dropped(info));
	EXPECT_FALSE(vrpmsg_fd_info_is_addressed(info));
	EXPECT_FALSE(vrpmsg_fd_info_is_announced(info));
	EXPECT_FALSE(vrpmsg_fd_info_is_gone(info));
	vrpmsg_fd_info_free(info);

	EXPECT_TRUE(WAIT_FOR(ept_stat(id, VHOST_RPMSG_A_STATS_TX_MSGS) == 1,
			     LONG_MS));
	ept = vrpmsg_ept_get(self->ctx, id);
	ASSERT_NE(NULL, ept);
	EXPECT_TRUE(vrpmsg_ept_is_open(ept));
	EXPECT_EQ(VRPMSG_REMOTE_LEARNED, vrpmsg_ept_remote_kind(ept));
	EXPECT_EQ(1, vrpmsg_ept_stat(ept, VRPMSG_STAT_RX_MSGS));
	EXPECT_EQ(5, vrpmsg_ept_stat(ept, VRPMSG_STAT_RX_BYTES));
	EXPECT_EQ(1, vrpmsg_ept_stat(ept, VRPMSG_STAT_TX_MSGS));
	EXPECT_EQ(3, vrpmsg_ept_stat(ept, VRPMSG_STAT_TX_BYTES));
	vrpmsg_ept_free(ept);

	EXPECT_EQ(-1, vrpmsg_fd_destroy(fd));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, vrpmsg_ept_del(self->ctx, id));
	EXPECT_EQ(-1, vrpmsg_fd_destroy(fd));
	EXPECT_EQ(EPIPE, errno);
	info = vrpmsg_fd_info_get(fd);
	ASSERT_NE(NULL, info);
	EXPECT_TRUE(vrpmsg_fd_info_is_gone(info));
	vrpmsg_fd_info_free(info);
	close(fd);
	guest_close(&g);
}

TEST_F(lib, another_file_is_not_an_endpoint)
{
	EXPECT_EQ(NULL, vrpmsg_fd_info_get(STDIN_FILENO));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, vrpmsg_fd_destroy(-1));
	EXPECT_EQ(EBADF, errno);
}

TEST_F(lib, channels)
{
	struct guest_opts opts = { .name = DEV };
	struct vrpmsg_chan *chan, **list;
	struct vrpmsg_dev *dev;
	struct vrpmsg_ept *ept;
	uint32_t id = 77;
	struct guest g;
	size_t count;

	ASSERT_EQ(0, vrpmsg_ept_config_set_name(self->config, "bound"));
	ept = vrpmsg_ept_add(self->ctx, self->config);
	ASSERT_NE(NULL, ept);
	ASSERT_EQ(0, guest_open(&g, &opts));
	ASSERT_EQ(0, guest_ns_send(&g, "alone", 2000, 0));
	ASSERT_EQ(0, guest_ns_send(&g, "bound", 2001, 0));
	/* The longest name of the protocol. */
	ASSERT_EQ(0, guest_ns_send(&g, "0123456789012345678901234567890", 2002,
				   0));
	ASSERT_EQ(0, guest_drain(&g, LONG_MS));

	list = vrpmsg_chan_list(self->ctx, DEV, &count);
	ASSERT_NE(NULL, list);
	EXPECT_EQ(3, count);
	vrpmsg_chan_list_free(list);
	dev = vrpmsg_dev_get(self->ctx, DEV);
	ASSERT_NE(NULL, dev);
	EXPECT_EQ(3, vrpmsg_dev_channels(dev));
	vrpmsg_dev_free(dev);
	chan = vrpmsg_chan_get(self->ctx, DEV, 2000);
	ASSERT_NE(NULL, chan);
	EXPECT_STREQ("alone", vrpmsg_chan_name(chan));
	EXPECT_EQ(2000, vrpmsg_chan_addr(chan));
	EXPECT_STREQ(DEV, vrpmsg_chan_dev_name(chan));
	EXPECT_EQ(vrpmsg_dev_id(self->dev), vrpmsg_chan_dev_id(chan));
	EXPECT_FALSE(vrpmsg_chan_ept(chan, &id));
	EXPECT_EQ(77, id);
	vrpmsg_chan_free(chan);
	chan = vrpmsg_chan_get(self->ctx, DEV, 2001);
	ASSERT_NE(NULL, chan);
	EXPECT_TRUE(vrpmsg_chan_ept(chan, &id));
	EXPECT_EQ(vrpmsg_ept_id(ept), id);
	EXPECT_TRUE(vrpmsg_chan_ept(chan, NULL));
	vrpmsg_chan_free(chan);
	EXPECT_EQ(NULL, vrpmsg_chan_get(self->ctx, DEV, 2003));
	EXPECT_EQ(ENOENT, errno);
	EXPECT_EQ(NULL, vrpmsg_chan_list(self->ctx, "nosuch", NULL));
	EXPECT_EQ(ENODEV, errno);
	vrpmsg_ept_free(ept);
	guest_close(&g);
}

TEST_F(lib, names_of_numbers)
{
	EXPECT_STREQ("detached", vrpmsg_dev_state_name(VRPMSG_DEV_DETACHED));
	EXPECT_STREQ("attached", vrpmsg_dev_state_name(VRPMSG_DEV_ATTACHED));
	EXPECT_STREQ("running", vrpmsg_dev_state_name(VRPMSG_DEV_RUNNING));
	EXPECT_STREQ("unknown", vrpmsg_dev_state_name(3));
	EXPECT_STREQ("unknown", vrpmsg_dev_state_name(-1));
	EXPECT_STREQ("none", vrpmsg_remote_kind_name(VRPMSG_REMOTE_NONE));
	EXPECT_STREQ("fixed", vrpmsg_remote_kind_name(VRPMSG_REMOTE_FIXED));
	EXPECT_STREQ("learned", vrpmsg_remote_kind_name(VRPMSG_REMOTE_LEARNED));
	EXPECT_STREQ("bound", vrpmsg_remote_kind_name(VRPMSG_REMOTE_BOUND));
	EXPECT_STREQ("learn",
		     vrpmsg_remote_mode_name(VRPMSG_REMOTE_MODE_LEARN));
	EXPECT_STREQ("fixed",
		     vrpmsg_remote_mode_name(VRPMSG_REMOTE_MODE_FIXED));
	EXPECT_STREQ("follow",
		     vrpmsg_remote_mode_name(VRPMSG_REMOTE_MODE_FOLLOW));
	EXPECT_STREQ("unknown", vrpmsg_remote_mode_name(3));
	EXPECT_STREQ("hold", vrpmsg_policy_name(VRPMSG_POLICY_HOLD));
	EXPECT_STREQ("drop", vrpmsg_policy_name(VRPMSG_POLICY_DROP));
	EXPECT_STREQ("keep", vrpmsg_closed_policy_name(VRPMSG_CLOSED_KEEP));
	EXPECT_STREQ("keep", vrpmsg_reset_policy_name(VRPMSG_RESET_KEEP));
	EXPECT_STREQ("new", vrpmsg_event_action_name(VRPMSG_EVENT_NEW));
	EXPECT_STREQ("change", vrpmsg_event_action_name(VRPMSG_EVENT_CHANGE));
	EXPECT_STREQ("del", vrpmsg_event_action_name(VRPMSG_EVENT_DEL));
	EXPECT_STREQ("rx-msgs", vrpmsg_stat_name(VRPMSG_STAT_RX_MSGS));
	EXPECT_STREQ("ns-invalid", vrpmsg_stat_name(VRPMSG_STAT_NS_INVALID));
	EXPECT_STREQ("events-merged",
		     vrpmsg_stat_name(VRPMSG_STAT_EVENTS_MERGED));
	EXPECT_EQ(NULL, vrpmsg_stat_name(VRPMSG_STAT_EVENTS_MERGED + 1));
	EXPECT_EQ(NULL, vrpmsg_stat_name(-1));
	EXPECT_TRUE(vrpmsg_stat_dev_only(VRPMSG_STAT_RING_ERRORS));
	EXPECT_FALSE(vrpmsg_stat_dev_only(VRPMSG_STAT_STALLS));
	EXPECT_FALSE(vrpmsg_stat_dev_only(1000));
}

static void *list_all(void *arg)
{
	struct vrpmsg_ctx *ctx = vrpmsg_ctx_open();
	struct vrpmsg_dev **list;
	intptr_t bad = !ctx;

	(void)arg;
	for (int i = 0; i < 50 && !bad; i++) {
		list = vrpmsg_dev_list(ctx, NULL);
		bad = !list;
		vrpmsg_dev_list_free(list);
	}
	vrpmsg_ctx_close(ctx);
	return (void *)bad;
}

TEST_F(lib, a_handle_for_each_thread)
{
	pthread_t threads[4];
	void *bad;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, list_all, NULL));
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &bad);
		EXPECT_EQ(NULL, bad);
	}
}

TEST_F(lib, without_privilege)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct vrpmsg_ctx *ctx;

		if (setuid(65534))
			_exit(10);
		ctx = vrpmsg_ctx_open();
		if (!ctx)
			_exit(11);
		if (vrpmsg_dev_get(ctx, DEV) || errno != EPERM)
			_exit(12);
		if (!strstr(vrpmsg_ctx_errmsg(ctx), "CAP_NET_ADMIN"))
			_exit(13);
		if (vrpmsg_dev_list(ctx, NULL) || errno != EPERM)
			_exit(14);
		if (vrpmsg_monitor_open(ctx) || errno != EPERM)
			_exit(15);
		if (!strstr(vrpmsg_ctx_errmsg(ctx), "CAP_NET_ADMIN"))
			_exit(16);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(lib, no_descriptors_left)
{
	struct rlimit limit = { 3, 3 }, old;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(NULL, vrpmsg_ctx_open());
	EXPECT_EQ(EMFILE, errno);
	EXPECT_EQ(NULL, vrpmsg_monitor_open(self->ctx));
	EXPECT_EQ(EMFILE, errno);
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
}

TEST_F(lib, the_module_is_reloaded)
{
	const char *module = getenv("VRPMSG_KO");

	if (!module)
		SKIP(return, "VRPMSG_KO does not say where the module is");
	/* test_kclient may have left its module loaded, which uses ours. */
	module_remove("vhost_rpmsg_kclient");
	/* The family has another number after that, which the handle notices. */
	vrpmsg_dev_free(self->dev);
	ASSERT_EQ(0, module_remove("vhost_rpmsg"));
	ASSERT_EQ(0, module_load(module));
	self->dev = vrpmsg_dev_add(self->ctx, DEV, NULL);
	EXPECT_NE(NULL, self->dev);

	vrpmsg_dev_free(self->dev);
	ASSERT_EQ(0, module_remove("vhost_rpmsg"));
	self->dev = vrpmsg_dev_add(self->ctx, DEV, NULL);
	EXPECT_EQ(NULL, self->dev);
	EXPECT_REFUSED(EPROTONOSUPPORT, "is the vhost_rpmsg module loaded", "");
	ASSERT_EQ(0, module_load(module));
	self->dev = vrpmsg_dev_add(self->ctx, DEV, NULL);
	EXPECT_NE(NULL, self->dev);
}

/*
 * Another process may send to the socket of the handle. It does not know the number of the
 * next request, so it sends answers for all possible numbers.
 */
TEST_F(lib, answers_of_others_are_ignored)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
	} forged = {
		.nlh = { .nlmsg_len = sizeof(forged),
			 .nlmsg_type = NLMSG_ERROR },
		.err = { .error = -EXDEV },
	};
	struct sockaddr_nl to = { .nl_family = AF_NETLINK }, any = to;
	socklen_t len = sizeof(to);
	struct vrpmsg_dev *dev;
	int fd, i, sent = 0;

	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, bind(fd, (struct sockaddr *)&any, sizeof(any)));
	/* Find the socket of the handle, and its numbers, which begin with the time. */
	for (i = 3; i < fd; i++) {
		if (getsockname(i, (struct sockaddr *)&to, &len) ||
		    to.nl_family != AF_NETLINK || !to.nl_pid)
			continue;
		for (int n = -8; n < 32; n++) {
			forged.nlh.nlmsg_seq = time(NULL) + n;
			sent += sendto(fd, &forged, sizeof(forged), 0,
				       (struct sockaddr *)&to,
				       sizeof(to)) == sizeof(forged);
		}
	}
	EXPECT_GE(sent, 40);
	dev = vrpmsg_dev_get(self->ctx, DEV);
	EXPECT_NE(NULL, dev);
	vrpmsg_dev_free(dev);
	close(fd);
}

TEST_HARNESS_MAIN
