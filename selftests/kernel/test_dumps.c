// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink dumps, datagram by datagram: their content, and the mark of interrupted ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "nlraw.h"
#include "util.h"

#define DEV	"dumps"
#define SECOND	"dumps-2"

FIXTURE(dumps)
{
	struct guest g;		/* opened by tests that need it */
	int dev;		/* persistent */
	int ept;		/* "first", address 7 */
	struct nl_event ev;	/* the last one */
};

FIXTURE_SETUP(dumps)
{
	SET_UP_NETLINK();
}

FIXTURE_TEARDOWN(dumps)
{
	TAKE_DOWN_NETLINK();
}

/* Dumps, datagram by datagram. */

struct dump {
	struct nl_sock *sk;
	int key;		/* attribute that identifies an object */
	int datagrams;
	int num;
	uint32_t ids[2048];
	bool interrupted;
	bool done;
	int err;
	char text[128];
};

static void dump_start(struct dump *d, int cmd, const struct nl_raw *attr,
		       int n)
{
	struct nl_msg *msg = nlmsg_alloc();
	int family, one = 1, i;

	memset(d, 0, sizeof(*d));
	d->key = cmd == VHOST_RPMSG_CMD_CHAN_GET ? CHAN_A(ADDR) :
		 cmd == VHOST_RPMSG_CMD_DEV_GET	 ? DEV_A(ID) :
						   EPT_A(ID);
	d->sk = nl_socket_alloc();
	if (!msg || !d->sk || genl_connect(d->sk) < 0)
		die("netlink");
	nl_socket_disable_auto_ack(d->sk);
	setsockopt(nl_socket_get_fd(d->sk), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	family = genl_ctrl_resolve(d->sk, VHOST_RPMSG_FAMILY_NAME);
	if (family < 0)
		die("no netlink family");
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, NLM_F_DUMP, cmd,
		    VHOST_RPMSG_FAMILY_VERSION);
	for (i = 0; i < n; i++)
		nla_put(msg, attr[i].type, attr[i].len, attr[i].data);
	if (nl_send_auto(d->sk, msg) < 0)
		die("netlink send");
	nlmsg_free(msg);
}

static void dump_take(struct dump *d, struct nlmsghdr *nlh)
{
	struct nlattr *tb[64] = {};
	int *err;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		d->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		err = nlmsg_data(nlh);
		d->err = *err;
		d->done = true;
		/* An error message may follow. */
		if (nlh->nlmsg_type == NLMSG_DONE &&
		    nlh->nlmsg_flags & NLM_F_ACK_TLVS)
			nla_parse(tb, NLMSGERR_ATTR_MAX, (void *)(err + 1),
				  nlmsg_datalen(nlh) - sizeof(*err), NULL);
		if (tb[NLMSGERR_ATTR_MSG])
			snprintf(d->text, sizeof(d->text), "%s",
				 nla_get_string(tb[NLMSGERR_ATTR_MSG]));
		return;
	}
	genlmsg_parse(nlh, 0, tb, 63, NULL);
	if (!(nlh->nlmsg_flags & NLM_F_MULTI) || !tb[d->key])
		die("odd message in a dump");
	if (d->num < COUNT(d->ids))
		d->ids[d->num] = nla_get_u32(tb[d->key]);
	d->num++;
}

/* Receive one datagram. The kernel creates the next ones when this one is received. */
static bool dump_next(struct dump *d)
{
	/* No datagram is larger. */
	static char buf[32768];
	struct nlmsghdr *nlh = (void *)buf;
	int n;

	if (d->done)
		return false;
	n = recv(nl_socket_get_fd(d->sk), buf, sizeof(buf), MSG_TRUNC);
	if (n <= 0 || n > (int)sizeof(buf))
		die("netlink receive");
	d->datagrams++;
	for (; nlmsg_ok(nlh, n); nlh = nlmsg_next(nlh, &n))
		dump_take(d, nlh);
	return true;
}

static void dump_rest(struct dump *d)
{
	while (dump_next(d))
		;
	nl_socket_free(d->sk);
}

/* How often the object was in the dump. */
static int times(const struct dump *d, uint32_t id)
{
	int i, n = 0;

	for (i = 0; i < d->num; i++)
		n += d->ids[i] == id;
	return n;
}

#define DUMP(d, _cmd, ...)							\
	do {									\
		const struct nl_raw __attr[] = { __VA_ARGS__ };			\
									\
		dump_start(d, VHOST_RPMSG_CMD_##_cmd, __attr, COUNT(__attr));	\
		dump_rest(d);							\
	} while (0)

#define DUMP_REFUSED(_err, _text, _cmd, ...)	\
	do {					\
		struct dump __d;		\
									\
		DUMP(&__d, _cmd, __VA_ARGS__);	\
		EXPECT_EQ(-(_err), __d.err);	\
		EXPECT_STREQ(_text, __d.text);	\
		EXPECT_EQ(0, __d.num);		\
	} while (0)

TEST_F(dumps, a_dump_of_a_device_that_is_not_there)
{
	DUMP_REFUSED(ENODEV, "no device has this name", EPT_GET,
		     STR(EPT_A(DEV_NAME), "none"));
	DUMP_REFUSED(ENODEV, "no device has this id", EPT_GET,
		     U32(EPT_A(DEV_ID), 0x7fffffff));
	DUMP_REFUSED(EINVAL, "the device with this id has another name",
		     EPT_GET, U32(EPT_A(DEV_ID), self->dev),
		     STR(EPT_A(DEV_NAME), "none"));
	DUMP_REFUSED(ENODEV, "no device has this name", CHAN_GET,
		     STR(CHAN_A(DEV_NAME), "none"));
	DUMP_REFUSED(EINVAL, "the device with this id has another name",
		     CHAN_GET, U32(CHAN_A(DEV_ID), self->dev),
		     STR(CHAN_A(DEV_NAME), "none"));
}

#define LIMIT_TEXT	"a dump cannot be limited to this"

TEST_F(dumps, a_dump_refuses_what_it_cannot_be_limited_to)
{
	DUMP_REFUSED(EINVAL, LIMIT_TEXT, DEV_GET, U32(DEV_A(ID), self->dev));
	DUMP_REFUSED(EINVAL, LIMIT_TEXT, DEV_GET, STR(DEV_A(NAME), DEV));
	DUMP_REFUSED(EINVAL, LIMIT_TEXT, EPT_GET, U32(EPT_A(ID), self->ept));
	DUMP_REFUSED(EINVAL, LIMIT_TEXT, EPT_GET, STR(EPT_A(DEV_NAME), DEV),
		     U32(EPT_A(ID), self->ept));
	DUMP_REFUSED(EINVAL, LIMIT_TEXT, CHAN_GET, STR(CHAN_A(DEV_NAME), DEV),
		     U32(CHAN_A(ADDR), REMOTE));
}

/* Such a dump is always consistent. */
TEST_F(dumps, what_fits_into_a_datagram_is_in_one)
{
	struct dump d;

	DUMP(&d, EPT_GET);
	EXPECT_EQ(1, d.num);
	EXPECT_EQ(1, d.datagrams);
	DUMP(&d, CHAN_GET);
	EXPECT_EQ(0, d.num);
	EXPECT_EQ(1, d.datagrams);
}

/* The policies also apply to dumps. */
TEST_F(dumps, a_dump_refuses_bad_attributes)
{
	struct nl_raw unknown = FLAG(1000), zero = U32(EPT_A(DEV_ID), 0);
	struct nl_raw longer = STR(EPT_A(DEV_NAME), NAME32);

	EXPECT_EQ(-EINVAL,
		  nl_request(VHOST_RPMSG_CMD_DEV_GET, NLM_F_DUMP, &unknown, 1));
	EXPECT_STREQ(UNKNOWN, nl_extack);
	EXPECT_EQ(-EINVAL,
		  nl_request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, &unknown, 1));
	EXPECT_STREQ(UNKNOWN, nl_extack);
	EXPECT_EQ(-ERANGE,
		  nl_request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, &zero, 1));
	EXPECT_STREQ(RANGE, nl_extack);
	EXPECT_EQ(EPT_A(DEV_ID), type_at(nl_bad_attr, &zero, 1));
	EXPECT_EQ(-EINVAL,
		  nl_request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP, &longer, 1));
	EXPECT_STREQ(INVALID, nl_extack);
}

TEST_F(dumps, a_dump_of_the_endpoints_of_one_device)
{
	int second = nl_dev_new(SECOND), ids[2][10];
	struct nl_ept epts[16];
	struct dump d;

	ASSERT_LT(0, second);
	for (int i = 0; i < 10; i++) {
		ids[0][i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ids[1][i] = nl_ept_new(EPT_REQ(.dev = SECOND));
	}
	DUMP(&d, EPT_GET, STR(EPT_A(DEV_NAME), SECOND));
	EXPECT_EQ(0, d.err);
	ASSERT_EQ(10, d.num);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(ids[1][i], (int)d.ids[i]);
	DUMP(&d, EPT_GET, U32(EPT_A(DEV_ID), self->dev));
	ASSERT_EQ(11, d.num);
	EXPECT_EQ(self->ept, (int)d.ids[0]);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(ids[0][i], (int)d.ids[i + 1]);
	DUMP(&d, EPT_GET, U32(EPT_A(DEV_ID), second),
	     STR(EPT_A(DEV_NAME), SECOND));
	EXPECT_EQ(10, d.num);
	DUMP(&d, EPT_GET);
	EXPECT_EQ(21, d.num);
	/* A dump has the same content as a get. */
	ASSERT_EQ(10, nl_ept_dump(SECOND, epts, 16));
	for (int i = 0; i < 10; i++) {
		struct nl_ept ept = {};

		ASSERT_EQ(0, nl_ept_get(epts[i].id, &ept));
		EXPECT_EQ(0, memcmp(&ept, &epts[i], sizeof(ept)));
	}
}

/* Add n channels; the last one has the highest address. */
static int add_chans(struct guest *g, int n, int step)
{
	int err = 0;

	for (int i = 0; !err && i < n; i++) {
		err = guest_ns_send(g, "a-channel", i * step, 0);
		if (!err && i % 100 == 0)
			err = guest_drain(g, LONG_MS);
	}
	if (!err)
		err = guest_ns_send(g, "last", ANY - 1, 0);
	return err ?: guest_drain(g, LONG_MS);
}

TEST_F(dumps, a_dump_of_the_channels_of_one_device)
{
	struct guest_opts opts[2] = { { .name = DEV }, { .name = SECOND } };
	struct guest other;
	struct dump d;

	ASSERT_EQ(0, guest_open(&self->g, &opts[0]));
	ASSERT_EQ(0, guest_open(&other, &opts[1]));
	ASSERT_EQ(0, add_chans(&self->g, 900, 1000));
	ASSERT_EQ(0, add_chans(&other, 100, 1));

	DUMP(&d, CHAN_GET, STR(CHAN_A(DEV_NAME), DEV));
	ASSERT_EQ(901, d.num);
	EXPECT_LT(2, d.datagrams);
	for (int i = 0; i < 900; i++)
		ASSERT_EQ(i * 1000, (int)d.ids[i]);
	EXPECT_EQ(ANY - 1, d.ids[900]);
	DUMP(&d, CHAN_GET, STR(CHAN_A(DEV_NAME), SECOND));
	ASSERT_EQ(101, d.num);
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(i, (int)d.ids[i]);
	DUMP(&d, CHAN_GET);
	ASSERT_EQ(1002, d.num);
	EXPECT_FALSE(d.interrupted);
	EXPECT_EQ(ANY - 1, d.ids[900]);
	EXPECT_EQ(0, d.ids[901]);
	EXPECT_EQ(ANY - 1, d.ids[1001]);
	guest_close(&other);
}

/* More objects than fit into a datagram. */

#define MANY	500

FIXTURE(many)
{
	int ids[MANY];
	struct dump d;
};

FIXTURE_SETUP(many)
{
	nl_dev_del(DEV);
	ASSERT_LT(0, nl_dev_new(DEV));
	for (int i = 0; i < MANY; i++) {
		self->ids[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		ASSERT_LE(0, self->ids[i]);
	}
}

FIXTURE_TEARDOWN(many)
{
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Expect that each object from a to b was in the dump exactly once. */
#define HAS_FROM_TO(d, a, b)					\
	do {							\
		for (int __i = (a); __i < (b); __i++)		\
			ASSERT_EQ(1, times(d, self->ids[__i]));	\
	} while (0)

TEST_F(many, a_dump_of_500_endpoints)
{
	struct dump *d = &self->d;

	DUMP(d, EPT_GET);
	EXPECT_EQ(0, d->err);
	EXPECT_EQ(MANY, d->num);
	EXPECT_LT(5, d->datagrams);
	EXPECT_FALSE(d->interrupted);
	HAS_FROM_TO(d, 0, MANY);
}

TEST_F(many, a_dump_that_is_overtaken_says_so)
{
	struct dump *d = &self->d;
	int id, half = MANY / 2;

	/* An object appears. */
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	id = nl_ept_new(EPT_REQ(.dev = DEV));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_GE(1, times(d, id));
	HAS_FROM_TO(d, 0, MANY);
	ASSERT_EQ(0, nl_ept_del(id));

	/* An object disappears that was not sent yet. */
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_ept_del(self->ids[half]));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_EQ(MANY - 1, d->num);
	EXPECT_EQ(0, times(d, self->ids[half]));
	HAS_FROM_TO(d, 0, half);
	HAS_FROM_TO(d, half + 1, MANY);

	/* An object disappears that was sent already. */
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_ept_del(self->ids[0]));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_EQ(1, times(d, self->ids[0]));
	HAS_FROM_TO(d, 1, half);
	HAS_FROM_TO(d, half + 1, MANY);
}

TEST_F(many, a_dump_is_not_overtaken_by_settings)
{
	struct dump *d = &self->d;
	int fd;

	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_ept_set(self->ids[MANY - 1],
				EPT_REQ(.rx_limit = 1, .remote = 1), -1));
	fd = ept_open(self->ids[0], 0);
	close(fd);
	dump_rest(d);
	EXPECT_FALSE(d->interrupted);
	EXPECT_EQ(MANY, d->num);
}

TEST_F(many, a_dump_whose_device_is_deleted)
{
	struct nl_raw attr = STR(EPT_A(DEV_NAME), DEV);
	struct dump *d = &self->d;

	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, &attr, 1);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_dev_del(DEV));
	dump_rest(d);
	EXPECT_GT(MANY, d->num);
	EXPECT_TRUE(d->interrupted);
	EXPECT_EQ(0, d->err);
	ASSERT_LT(0, nl_dev_new(DEV));
}

TEST_F(many, a_dump_of_all_whose_device_is_deleted_goes_on)
{
	int second = nl_dev_new(SECOND), id;
	struct dump *d = &self->d;

	ASSERT_LT(0, second);
	id = nl_ept_new(EPT_REQ(.dev = SECOND));
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, nl_dev_del(DEV));
	dump_rest(d);
	EXPECT_TRUE(d->interrupted);
	EXPECT_EQ(1, times(d, id));
	ASSERT_EQ(0, nl_dev_del(SECOND));
	ASSERT_LT(0, nl_dev_new(DEV));
}

/* Changes on a device before or after its part of the dump do not interrupt it, either. */
TEST_F(many, a_dump_is_not_overtaken_by_another_device)
{
	struct nl_raw attr = STR(EPT_A(DEV_NAME), DEV);
	struct dump *d = &self->d;
	int id;

	ASSERT_LT(0, nl_dev_new(SECOND));
	for (int filtered = 0; filtered < 2; filtered++) {
		dump_start(d, VHOST_RPMSG_CMD_EPT_GET, &attr, filtered);
		ASSERT_TRUE(dump_next(d));
		id = nl_ept_new(EPT_REQ(.dev = SECOND));
		ASSERT_LE(0, id);
		ASSERT_TRUE(dump_next(d));
		ASSERT_EQ(0, nl_ept_del(id));
		dump_rest(d);
		EXPECT_FALSE(d->interrupted);
		EXPECT_EQ(MANY, d->num);
	}
	ASSERT_EQ(0, nl_dev_del(SECOND));
}

/* Changes of channels do not interrupt a dump of endpoints. */
TEST_F(many, a_dump_is_not_overtaken_by_objects_of_another_kind)
{
	struct guest_opts opts = { .name = DEV };
	struct dump *d = &self->d;
	struct guest g;

	ASSERT_EQ(0, guest_open(&g, &opts));
	dump_start(d, VHOST_RPMSG_CMD_EPT_GET, NULL, 0);
	ASSERT_TRUE(dump_next(d));
	ASSERT_EQ(0, guest_ns_send(&g, "svc", REMOTE, 0));
	ASSERT_EQ(0, guest_drain(&g, LONG_MS));
	dump_rest(d);
	EXPECT_FALSE(d->interrupted);
	EXPECT_EQ(MANY, d->num);
	guest_close(&g);
}

/* Create and delete endpoints in another process until it is told to stop. */
static void churn(volatile bool *stop)
{
	int ids[20], i;

	while (!*stop) {
		for (i = 0; i < 20; i++)
			ids[i] = nl_ept_new(EPT_REQ(.dev = DEV));
		for (i = 0; i < 20; i++)
			if (ids[i] < 0 || nl_ept_del(ids[i]))
				_exit(1);
	}
	_exit(0);
}

/* Check a dump: no object is in it twice, and none that stays is missing. */
static int check_dump(const struct dump *d, const int *stay)
{
	int i;

	if (d->err)
		return d->err;
	if (d->num > COUNT(d->ids))
		return -E2BIG;
	for (i = 0; i < d->num; i++)
		if (times(d, d->ids[i]) != 1)
			return -EEXIST;
	for (i = 0; i < MANY; i++)
		if (times(d, stay[i]) != 1)
			return -ENOENT;
	return 0;
}

TEST_F(many, dumps_while_others_come_and_go)
{
	volatile bool *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, err = 0, overtaken = 0;
	struct dump *d = &self->d;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)stop);
	pid = fork();
	if (!pid)
		churn(stop);
	for (int round = 0; round < 25 && !err; round++) {
		DUMP(d, EPT_GET);
		overtaken += d->interrupted;
		err = check_dump(d, self->ids);
	}
	*stop = true;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, err);
	EXPECT_LT(0, overtaken);

	/* Without changes the dump is not marked. */
	DUMP(d, EPT_GET);
	EXPECT_FALSE(d->interrupted);
	EXPECT_EQ(MANY, d->num);
	EXPECT_EQ(0, check_dump(d, self->ids));
}

#define NAMES 30

static const char *name_of(int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "again-%d", i);
	return name;
}

/* The first device of all is deleted and made again, and becomes the last one. */
static void make_again(volatile bool *stop)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; !*stop; i = (i + 1) % NAMES)
		if (nl_dev_del(name_of(i)) || nl_dev_new(name_of(i)) < 0)
			_exit(1);
	_exit(0);
}

static int twice(const struct nl_dev *devs, int num)
{
	int i, j, n = 0;

	for (i = 0; i < num; i++)
		for (j = 0; j < i; j++)
			n += !strcmp(devs[i].name, devs[j].name);
	return n;
}

TEST(a_name_is_twice_only_in_a_dump_that_says_so)
{
	volatile bool *stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static struct nl_dev devs[64];
	int status, i, n = 0;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)stop);
	for (i = 0; i < NAMES; i++)
		ASSERT_LT(0, nl_dev_new(name_of(i)));
	pid = fork();
	if (!pid)
		make_again(stop);
	for (i = 0; i < 2000; i++)
		n += twice(devs, nl_dev_dump(devs, 64));
	*stop = true;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, n);
	for (i = 0; i < NAMES; i++)
		EXPECT_EQ(0, nl_dev_del(name_of(i)));
}

TEST_HARNESS_MAIN
