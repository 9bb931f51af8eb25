// SPDX-License-Identifier: GPL-2.0-only
/* See util.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rpmsg.h>
#include <linux/vhost.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "util.h"

void *volatile bad_ptr = (void *)1;
__thread char nl_extack[256];
__thread int nl_bad_attr;
__thread bool nl_lost;

/* Each thread and process has its own socket, since tests fork. */
static __thread struct nl_sock *sock;
static __thread pid_t sock_pid;
static __thread int family;
static struct nl_sock *events;

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf(": %s\n", strerror(errno));
	va_end(ap);
	fflush(stdout);
	exit(1);
}

long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int slowness(void)
{
	const char *factor = getenv("VRPMSG_SLOW");
	int n = factor ? atoi(factor) : 1;

	return n > 0 ? n : 1;
}

/*
 * Replaces alarm() of libc. The harness calls it to limit the time of each test, with a
 * number of seconds that is fixed at compile time.
 */
unsigned int alarm(unsigned int seconds)
{
	struct itimerval new = { .it_value.tv_sec = seconds * slowness() };
	struct itimerval old;

	setitimer(ITIMER_REAL, &new, &old);
	return old.it_value.tv_sec;
}

void nap(void)
{
	struct timespec ts = { .tv_nsec = 2000000 };

	nanosleep(&ts, NULL);
}

static struct nl_sock *nl_open(void)
{
	struct nl_sock *s = nl_socket_alloc();
	int one = 1;

	if (!s || genl_connect(s) < 0)
		die("netlink");
	nl_socket_disable_auto_ack(s);
	setsockopt(nl_socket_get_fd(s), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	setsockopt(nl_socket_get_fd(s), SOL_NETLINK, NETLINK_CAP_ACK, &one,
		   sizeof(one));
	return s;
}

bool nl_reach(void)
{
	if (!sock || sock_pid != getpid()) {
		sock = nl_open();
		sock_pid = getpid();
	}
	family = genl_ctrl_resolve(sock, VHOST_RPMSG_FAMILY_NAME);
	return family >= 0;
}

static void nl_init(void)
{
	if (sock && sock_pid == getpid())
		return;
	if (!nl_reach())
		die("no netlink family");
}

static struct nl_msg *request(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	nl_init();
	if (!msg ||
	    !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0,
			 NLM_F_ACK | flags, cmd, VHOST_RPMSG_FAMILY_VERSION))
		die("netlink message");
	return msg;
}

struct answer {
	int err;
	bool done;
	bool interrupted;
	void (*cb)(struct nlattr **tb, int cmd, void *arg);
	void *arg;
};

static void parse_extack(struct nlmsghdr *nlh)
{
	struct nlmsgerr *e = nlmsg_data(nlh);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = {};
	int skip = sizeof(*e);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	nla_parse(tb, NLMSGERR_ATTR_MAX, (void *)((char *)e + skip),
		  nlmsg_datalen(nlh) - skip, NULL);
	if (tb[NLMSGERR_ATTR_MSG])
		snprintf(nl_extack, sizeof(nl_extack), "%s",
			 nla_get_string(tb[NLMSGERR_ATTR_MSG]));
	if (tb[NLMSGERR_ATTR_OFFS])
		nl_bad_attr = nla_get_u32(tb[NLMSGERR_ATTR_OFFS]);
}

/* Receive without libnl, which maps errno to its own codes. */
static void handle(struct nlmsghdr *nlh, struct answer *a)
{
	struct nlattr *tb[64] = {};

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		struct nlmsgerr *e = nlmsg_data(nlh);

		a->err = e->error;
		a->done = true;
		parse_extack(nlh);
		return;
	}
	if (nlh->nlmsg_type == NLMSG_DONE) {
		int *err = nlmsg_data(nlh);

		a->err = nlmsg_datalen(nlh) >= (int)sizeof(*err) ? *err : 0;
		a->done = true;
		return;
	}
	genlmsg_parse(nlh, 0, tb, 63, NULL);
	if (a->cb)
		a->cb(tb, genlmsg_hdr(nlh)->cmd, a->arg);
}

/*
 * The socket has lost an answer, or has read a part of one. Use a new socket for the
 * next request.
 */
static int lose(struct answer *a, int err)
{
	nl_lost = true;
	nl_socket_free(sock);
	sock = NULL;
	a->done = true;
	a->err = err;
	return err;
}

/* Make the system calls directly, since a test may check their errors. */
static int transact(struct nl_msg *msg, struct answer *a)
{
	static __thread char buf[16384];
	struct nlmsghdr *nlh;
	ssize_t n;
	int len;

	nl_extack[0] = 0;
	nl_bad_attr = 0;
	nl_lost = false;
	nl_complete_msg(sock, msg);
	nlh = nlmsg_hdr(msg);
	n = send(nl_socket_get_fd(sock), nlh, nlh->nlmsg_len, 0);
	if (n < 0)
		lose(a, -errno);
	nlmsg_free(msg);
	while (!a->done) {
		n = recv(nl_socket_get_fd(sock), buf, sizeof(buf), 0);
		if (n < 0)
			return lose(a, -errno);
		len = n;
		for (nlh = (void *)buf; nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len))
			handle(nlh, a);
	}
	/* The start of a dump reports this, and the dump continues. */
	if (a->err == -ENOBUFS && !nl_lost)
		lose(a, -ENOBUFS);
	return a->err;
}

static uint32_t u32(struct nlattr *a, uint32_t otherwise)
{
	return a ? nla_get_u32(a) : otherwise;
}

static void str(char *to, size_t size, struct nlattr *a)
{
	snprintf(to, size, "%s", a ? nla_get_string(a) : "");
}

static void parse_stats(struct nlattr *nest, uint64_t *stats)
{
	struct nlattr *tb[VHOST_RPMSG_A_STATS_MAX + 1] = {};
	int i;

	if (!nest || nla_parse_nested(tb, VHOST_RPMSG_A_STATS_MAX, nest, NULL))
		return;
	for (i = 1; i <= VHOST_RPMSG_A_STATS_MAX; i++)
		if (tb[i] && i != VHOST_RPMSG_A_STATS_PAD)
			stats[i] = nla_get_u64(tb[i]);
}

static void parse_dev(struct nlattr **tb, struct nl_dev *d)
{
	memset(d, 0, sizeof(*d));
	d->id = u32(tb[VHOST_RPMSG_A_DEV_ID], 0);
	str(d->name, sizeof(d->name), tb[VHOST_RPMSG_A_DEV_NAME]);
	d->persistent = tb[VHOST_RPMSG_A_DEV_PERSISTENT];
	d->stale = tb[VHOST_RPMSG_A_DEV_STALE];
	d->state = u32(tb[VHOST_RPMSG_A_DEV_STATE], -1);
	if (tb[VHOST_RPMSG_A_DEV_FEATURES])
		d->features = nla_get_u64(tb[VHOST_RPMSG_A_DEV_FEATURES]);
	d->mtu = u32(tb[VHOST_RPMSG_A_DEV_MTU], 0);
	d->mtu_fixed = tb[VHOST_RPMSG_A_DEV_MTU_FIXED];
	d->hold_time = u32(tb[VHOST_RPMSG_A_DEV_HOLD_TIME], 0);
	d->owner = u32(tb[VHOST_RPMSG_A_DEV_OWNER], -1);
	d->endpoints = u32(tb[VHOST_RPMSG_A_DEV_ENDPOINTS], -1);
	d->channels = u32(tb[VHOST_RPMSG_A_DEV_CHANNELS], -1);
	d->stalled = tb[VHOST_RPMSG_A_DEV_STALL_EPT];
	d->stall_ept = u32(tb[VHOST_RPMSG_A_DEV_STALL_EPT], -1);
	d->event = u32(tb[VHOST_RPMSG_A_DEV_EVENT], -1);
	parse_stats(tb[VHOST_RPMSG_A_DEV_STATS], d->stats);
}

static void parse_ept(struct nlattr **tb, struct nl_ept *e)
{
	memset(e, 0, sizeof(*e));
	e->id = u32(tb[VHOST_RPMSG_A_EPT_ID], -1);
	e->dev_id = u32(tb[VHOST_RPMSG_A_EPT_DEV_ID], 0);
	str(e->dev_name, sizeof(e->dev_name), tb[VHOST_RPMSG_A_EPT_DEV_NAME]);
	str(e->name, sizeof(e->name), tb[VHOST_RPMSG_A_EPT_NAME]);
	e->addr = u32(tb[VHOST_RPMSG_A_EPT_ADDR], VHOST_RPMSG_ADDR_ANY);
	e->remote = u32(tb[VHOST_RPMSG_A_EPT_REMOTE], VHOST_RPMSG_ADDR_ANY);
	e->remote_kind = u32(tb[VHOST_RPMSG_A_EPT_REMOTE_KIND], -1);
	e->remote_mode = u32(tb[VHOST_RPMSG_A_EPT_REMOTE_MODE], -1);
	e->addressed = tb[VHOST_RPMSG_A_EPT_ADDRESSED];
	e->announced = tb[VHOST_RPMSG_A_EPT_ANNOUNCED];
	e->open = tb[VHOST_RPMSG_A_EPT_OPEN];
	e->policy = u32(tb[VHOST_RPMSG_A_EPT_FULL_POLICY], -1);
	e->closed = u32(tb[VHOST_RPMSG_A_EPT_CLOSED_POLICY], -1);
	e->reset = u32(tb[VHOST_RPMSG_A_EPT_RESET_POLICY], -1);
	e->rx_limit = u32(tb[VHOST_RPMSG_A_EPT_RX_LIMIT], 0);
	e->tx_limit = u32(tb[VHOST_RPMSG_A_EPT_TX_LIMIT], 0);
	e->rx_queued = u32(tb[VHOST_RPMSG_A_EPT_RX_QUEUED], -1);
	e->tx_queued = u32(tb[VHOST_RPMSG_A_EPT_TX_QUEUED], -1);
	e->owner = u32(tb[VHOST_RPMSG_A_EPT_OWNER], -1);
	e->descriptor = tb[VHOST_RPMSG_A_EPT_DESCRIPTOR];
	e->driver = tb[VHOST_RPMSG_A_EPT_DRIVER];
	e->event = u32(tb[VHOST_RPMSG_A_EPT_EVENT], -1);
	parse_stats(tb[VHOST_RPMSG_A_EPT_STATS], e->stats);
}

static void parse_chan(struct nlattr **tb, struct nl_chan *c)
{
	memset(c, 0, sizeof(*c));
	c->dev_id = u32(tb[VHOST_RPMSG_A_CHAN_DEV_ID], 0);
	str(c->dev_name, sizeof(c->dev_name), tb[VHOST_RPMSG_A_CHAN_DEV_NAME]);
	str(c->name, sizeof(c->name), tb[VHOST_RPMSG_A_CHAN_NAME]);
	c->addr = u32(tb[VHOST_RPMSG_A_CHAN_ADDR], VHOST_RPMSG_ADDR_ANY);
	c->bound = tb[VHOST_RPMSG_A_CHAN_EPT];
	c->ept = u32(tb[VHOST_RPMSG_A_CHAN_EPT], -1);
	c->event = u32(tb[VHOST_RPMSG_A_CHAN_EVENT], -1);
}

/* One object, or as many as fit. */
struct collect {
	void *objs;
	int max;
	int num;
};

static void collect_dev(struct nlattr **tb, int cmd, void *arg)
{
	struct collect *c = arg;

	(void)cmd;
	if (c->num < c->max)
		parse_dev(tb, (struct nl_dev *)c->objs + c->num);
	c->num++;
}

static void collect_ept(struct nlattr **tb, int cmd, void *arg)
{
	struct collect *c = arg;

	(void)cmd;
	if (c->num < c->max)
		parse_ept(tb, (struct nl_ept *)c->objs + c->num);
	c->num++;
}

static void collect_chan(struct nlattr **tb, int cmd, void *arg)
{
	struct collect *c = arg;

	(void)cmd;
	if (c->num < c->max)
		parse_chan(tb, (struct nl_chan *)c->objs + c->num);
	c->num++;
}

static int get(struct nl_msg *msg, void (*cb)(struct nlattr **, int, void *),
	       void *obj)
{
	/* cppcheck-suppress ctuuninitvar ; it is to be filled */
	struct collect c = { obj, 1, 0 };
	struct answer a = { .cb = cb, .arg = &c };
	int err = transact(msg, &a);

	if (!err && cb && c.num != 1)
		die("netlink: %d replies", c.num);
	return err;
}

/* -EAGAIN: the dump was interrupted. */
static int dump(struct nl_msg *msg, void (*cb)(struct nlattr **, int, void *),
		void *objs, int max)
{
	/* cppcheck-suppress ctuuninitvar ; they are to be filled */
	struct collect c = { objs, max, 0 };
	struct answer a = { .cb = cb, .arg = &c };
	int err = transact(msg, &a);

	if (err)
		return err;
	return a.interrupted ? -EAGAIN : c.num;
}

int nl_dev_new(const char *name)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_DEV_NEW, 0);
	struct nl_dev dev;
	int err;

	nla_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	err = get(msg, collect_dev, &dev);
	return err ?: (int)dev.id;
}

int nl_dev_set(const char *name, const struct nl_dev_req *req)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_DEV_SET, 0);

	nla_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	if (req->mtu >= 0)
		nla_put_u32(msg, VHOST_RPMSG_A_DEV_MTU, req->mtu);
	if (req->hold_time >= 0)
		nla_put_u32(msg, VHOST_RPMSG_A_DEV_HOLD_TIME, req->hold_time);
	if (req->owner >= 0)
		nla_put_u32(msg, VHOST_RPMSG_A_DEV_OWNER, req->owner);
	return get(msg, NULL, NULL);
}

static int dev_command(int cmd, const char *name)
{
	struct nl_msg *msg = request(cmd, 0);

	nla_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	return get(msg, NULL, NULL);
}

int nl_dev_del(const char *name)
{
	return dev_command(VHOST_RPMSG_CMD_DEV_DEL, name);
}

int nl_dev_reset(const char *name)
{
	return dev_command(VHOST_RPMSG_CMD_DEV_RESET, name);
}

int nl_dev_get(const char *name, struct nl_dev *dev)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_DEV_GET, 0);

	nla_put_string(msg, VHOST_RPMSG_A_DEV_NAME, name);
	return get(msg, collect_dev, dev);
}

int nl_dev_get_id(uint32_t id, struct nl_dev *dev)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_DEV_GET, 0);

	nla_put_u32(msg, VHOST_RPMSG_A_DEV_ID, id);
	return get(msg, collect_dev, dev);
}

int nl_dev_dump(struct nl_dev *devs, int max)
{
	return dump(request(VHOST_RPMSG_CMD_DEV_GET, NLM_F_DUMP), collect_dev,
		    devs, max);
}

static void put_settings(struct nl_msg *msg, const struct nl_ept_req *req)
{
	if (req->remote != VHOST_RPMSG_ADDR_ANY)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_REMOTE, req->remote);
	if (req->remote_mode)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_REMOTE_MODE,
			    req->remote_mode - 1);
	if (req->closed)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_CLOSED_POLICY,
			    req->closed - 1);
	if (req->reset)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_RESET_POLICY,
			    req->reset - 1);
	if (req->rx_limit)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_RX_LIMIT, req->rx_limit);
	if (req->tx_limit)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_TX_LIMIT, req->tx_limit);
}

int nl_ept_new(const struct nl_ept_req *req)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_EPT_NEW, 0);
	struct nl_ept ept;
	int err;

	nla_put_string(msg, VHOST_RPMSG_A_EPT_DEV_NAME, req->dev);
	if (req->name)
		nla_put_string(msg, VHOST_RPMSG_A_EPT_NAME, req->name);
	if (req->addr != VHOST_RPMSG_ADDR_ANY)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_ADDR, req->addr);
	if (req->addressed)
		nla_put_flag(msg, VHOST_RPMSG_A_EPT_ADDRESSED);
	if (req->drop)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_FULL_POLICY,
			    VHOST_RPMSG_FULL_POLICY_DROP);
	put_settings(msg, req);
	err = get(msg, collect_ept, &ept);
	return err ?: (int)ept.id;
}

int nl_ept_set(uint32_t id, const struct nl_ept_req *req, int policy)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_EPT_SET, 0);

	nla_put_u32(msg, VHOST_RPMSG_A_EPT_ID, id);
	if (policy >= 0)
		nla_put_u32(msg, VHOST_RPMSG_A_EPT_FULL_POLICY, policy);
	put_settings(msg, req);
	return get(msg, NULL, NULL);
}

static int by_id(int cmd, uint32_t id)
{
	struct nl_msg *msg = request(cmd, 0);

	nla_put_u32(msg, VHOST_RPMSG_A_EPT_ID, id);
	return get(msg, NULL, NULL);
}

int nl_ept_del(uint32_t id)
{
	return by_id(VHOST_RPMSG_CMD_EPT_DEL, id);
}

int nl_announce(uint32_t id)
{
	return by_id(VHOST_RPMSG_CMD_NS_ANNOUNCE, id);
}

int nl_withdraw(uint32_t id)
{
	return by_id(VHOST_RPMSG_CMD_NS_WITHDRAW, id);
}

int nl_ept_get(uint32_t id, struct nl_ept *ept)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_EPT_GET, 0);

	nla_put_u32(msg, VHOST_RPMSG_A_EPT_ID, id);
	return get(msg, collect_ept, ept);
}

int nl_ept_dump(const char *dev, struct nl_ept *epts, int max)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_EPT_GET, NLM_F_DUMP);

	if (dev)
		nla_put_string(msg, VHOST_RPMSG_A_EPT_DEV_NAME, dev);
	return dump(msg, collect_ept, epts, max);
}

int nl_chan_dump(const char *dev, struct nl_chan *chans, int max)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_CHAN_GET, NLM_F_DUMP);

	if (dev)
		nla_put_string(msg, VHOST_RPMSG_A_CHAN_DEV_NAME, dev);
	return dump(msg, collect_chan, chans, max);
}

int nl_chan_get(const char *dev, uint32_t addr, struct nl_chan *chan)
{
	struct nl_msg *msg = request(VHOST_RPMSG_CMD_CHAN_GET, 0);

	nla_put_string(msg, VHOST_RPMSG_A_CHAN_DEV_NAME, dev);
	nla_put_u32(msg, VHOST_RPMSG_A_CHAN_ADDR, addr);
	return get(msg, collect_chan, chan);
}

uint64_t ept_stat(uint32_t id, int stat)
{
	struct nl_ept ept;

	if (nl_ept_get(id, &ept))
		die("no endpoint %u", id);
	return ept.stats[stat];
}

uint64_t dev_stat(const char *name, int stat)
{
	struct nl_dev dev;

	if (nl_dev_get(name, &dev))
		die("no device %s", name);
	return dev.stats[stat];
}

int dev_endpoints(const char *name)
{
	struct nl_dev dev;

	return nl_dev_get(name, &dev) ? -1 : (int)dev.endpoints;
}

struct vhost_rpmsg_ept_info ept_info(int fd)
{
	struct vhost_rpmsg_ept_info info = {};

	if (ioctl(fd, VHOST_RPMSG_EPT_GET_INFO, &info))
		die("no info: %s", strerror(errno));
	return info;
}

int nl_request(int cmd, int flags, const struct nl_raw *attr, int n)
{
	struct nl_msg *msg = request(cmd, flags);
	struct answer a = {};
	int i;

	for (i = 0; i < n; i++)
		nla_put(msg, attr[i].type, attr[i].len, attr[i].data);
	return transact(msg, &a);
}

int nl_listen(void)
{
	int group, err;

	nl_init();
	events = nl_open();
	nl_socket_disable_seq_check(events);
	group = genl_ctrl_resolve_grp(sock, VHOST_RPMSG_FAMILY_NAME,
				      VHOST_RPMSG_MCGRP_EVENTS);
	if (group < 0)
		die("no netlink group");
	/* The limit of older kernels; newer ones have room for megabytes. */
	nl_socket_set_buffer_size(events, 212992, 0);
	err = setsockopt(nl_socket_get_fd(events), SOL_NETLINK,
			 NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
	if (!err)
		return 0;
	err = -errno;
	nl_unlisten();
	return err;
}

void nl_unlisten(void)
{
	nl_socket_free(events);
	events = NULL;
}

static void parse_event(struct nlattr **tb, int cmd, void *arg)
{
	struct nl_event *ev = arg;

	ev->cmd = cmd;
	switch (cmd) {
	case VHOST_RPMSG_CMD_DEV_NTF:
		parse_dev(tb, &ev->dev);
		break;
	case VHOST_RPMSG_CMD_EPT_NTF:
		parse_ept(tb, &ev->ept);
		break;
	case VHOST_RPMSG_CMD_CHAN_NTF:
		parse_chan(tb, &ev->chan);
		break;
	}
}

int nl_next_event(struct nl_event *ev, int timeout_ms)
{
	struct answer a = { .cb = parse_event, .arg = ev };
	struct sockaddr_nl from;
	unsigned char *buf;
	int n;

	memset(ev, 0, sizeof(*ev));
	if (!poll_fd(nl_socket_get_fd(events), POLLIN, timeout_ms))
		return 0;
	n = nl_recv(events, &from, &buf, NULL);
	if (n < 0)
		return n == -NLE_NOMEM ? -ENOBUFS : -EIO;
	if (!n)
		return 0;
	handle((struct nlmsghdr *)buf, &a);
	free(buf);
	return 1;
}

int ept_open(uint32_t id, int flags)
{
	return ept_open_as(id, O_RDWR | flags);
}

int ept_open_as(uint32_t id, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%u", id);
	fd = open(path, O_CLOEXEC | flags);
	/* cppcheck-suppress resourceLeak ; it is returned */
	return fd < 0 ? -errno : fd;
}

int ept_open_new(const struct nl_ept_req *req, int *id)
{
	int ret;

	nl_dev_del(req->dev);
	ret = nl_dev_new(req->dev);
	if (ret < 0)
		return ret;
	ret = nl_ept_new(req);
	if (ret < 0)
		return ret;
	if (id)
		*id = ret;
	return ept_open(ret, O_NONBLOCK);
}

/* The number of the device in a folder of sysfs with this attribute `name`. */
static int sysfs_find(const char *folder, const char *prefix, const char *name)
{
	char path[320], line[64] = "";
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int number = -ENOENT;
	FILE *file;

	if (!dir)
		return -errno;
	while (number < 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%s/%s/name", folder,
			 entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(line, sizeof(line), file) &&
		    !strncmp(line, name, strlen(name)) &&
		    line[strlen(name)] == '\n')
			number = atoi(entry->d_name + strlen(prefix));
		fclose(file);
	}
	closedir(dir);
	return number;
}

int ctrl_number(const char *dev)
{
	return sysfs_find("/sys/class/vrpmsg", "vrpmsg-ctrl", dev);
}

int ctrl_find_node(const char *dev, const char *name)
{
	char folder[64];

	snprintf(folder, sizeof(folder), "/sys/class/vrpmsg/vrpmsg-ctrl%d",
		 ctrl_number(dev));
	return sysfs_find(folder, "vrpmsg-ep", name);
}

int ctrl_open(const char *dev)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/vrpmsg-ctrl%d", ctrl_number(dev));
	fd = open(path, O_RDWR | O_CLOEXEC);
	/* cppcheck-suppress resourceLeak ; it is returned */
	return fd < 0 ? -errno : fd;
}

int ctrl_create(int ctrl, unsigned long request, const char *name, uint32_t src,
		uint32_t dst)
{
	struct rpmsg_endpoint_info info = { .src = src, .dst = dst };

	strncpy(info.name, name, sizeof(info.name) - 1);
	return ioctl(ctrl, request, &info) ? -errno : 0;
}

int ctrl_new_ept(int ctrl, const char *name, uint32_t src, uint32_t dst,
		 uint32_t flags)
{
	struct vhost_rpmsg_new_ept new = {
		.src = src,
		.dst = dst,
		.flags = flags,
	};
	int fd;

	strncpy(new.name, name, sizeof(new.name) - 1);
	fd = ioctl(ctrl, VHOST_RPMSG_CTRL_NEW_EPT, &new);
	return fd < 0 ? -errno : fd;
}

int poll_fd(int fd, int events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	long long begin = now_ms();
	int n = poll(&pfd, 1, timeout_ms);

	if (n < 0)
		return -errno;
	/* poll() checks once more after its timeout, without a wake-up. */
	if (n && timeout_ms >= LONG_MS && now_ms() - begin >= timeout_ms) {
		printf("# fd %d is ready, but poll() was not woken\n", fd);
		return 0;
	}
	return n ? pfd.revents : 0;
}

void fill(void *data, size_t len, uint32_t seed)
{
	uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = seed >> 24;
	}
}

int check_fill(const void *data, size_t len, uint32_t seed)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		if (p[i] != seed >> 24)
			return -1;
	}
	return 0;
}

int module_load(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0))
		err = -errno;
	close(fd);
	return err;
}

int module_remove(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

#ifdef __x86_64__
long ioctl32(int fd, unsigned int request, const void *arg)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(54L), "b"((long)fd), "c"((long)request), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static void give_up(int sig)
{
	(void)sig;
	_exit(1);
}

void *ioctl32_page(void)
{
	int status;
	pid_t pid = fork();
	void *page;

	if (!pid) {
		/* Otherwise the kernel logs a fault, which fails the run. */
		signal(SIGSEGV, give_up);
		_exit(ioctl32(-1, 0, NULL) != -EBADF);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return NULL;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	return page;
}
#else
long ioctl32(int fd, unsigned int request, const void *arg)
{
	(void)fd;
	(void)request;
	(void)arg;
	return -EOPNOTSUPP;
}

void *ioctl32_page(void)
{
	return NULL;
}
#endif
