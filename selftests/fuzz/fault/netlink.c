// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink requests and dumps.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kselftest.h"

#include "fault.h"

static struct nl_dev got_dev;
static struct nl_ept got_ept;
static struct nl_chan got_chan;

static int run_dev_new(void)
{
	int id = nl_dev_new(DEV);

	return id < 0 ? id : 0;
}

static bool done_dev_new(void)
{
	return fx.now.num_devs == 1 && fx.now.devs[0].persistent &&
	       !strcmp(fx.now.devs[0].name, DEV);
}

static void set_dev_del(void)
{
	have_dev();
	have_ept_req(EPT_REQ(.dev = DEV, .remote = REMOTE));
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(fx.ept_id))
		die("announce");
}

static int run_dev_del(void)
{
	return nl_dev_del(DEV);
}

static int run_dev_get(void)
{
	return nl_dev_get(DEV, &got_dev);
}

static bool done_dev_get(void)
{
	return !memcmp(&got_dev, &fx.now.devs[0], sizeof(got_dev));
}

static struct state got;

static int run_dev_dump(void)
{
	int n = nl_dev_dump(got.devs, ARRAY_SIZE(got.devs));

	return n < 0 ? n : n == 1 ? 0 : -EBADMSG;
}

static int new_ept(const struct nl_ept_req *req)
{
	int id = nl_ept_new(req);

	return id < 0 ? id : 0;
}

/* Check the only endpoint and its node. */
static bool has_ept(const struct nl_ept *like)
{
	struct nl_ept *e = &fx.now.epts[0];
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%u", e->id);
	return fx.now.num_epts == 1 && fx.now.devs[0].endpoints == 1 &&
	       !stat(path, &st) && S_ISCHR(st.st_mode) &&
	       !strcmp(e->name, like->name) && e->remote == like->remote &&
	       e->remote_kind == like->remote_kind &&
	       e->addressed == like->addressed && e->addr == like->addr;
}

#define LIKE(...)							\
	(&(struct nl_ept){ .addr = VHOST_RPMSG_FIRST_DYNAMIC_ADDR,	\
			   .remote = VHOST_RPMSG_ADDR_ANY,		\
			   __VA_ARGS__ })

static int run_ept_new(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .addr = 77));
}

static bool done_ept_new(void)
{
	return has_ept(LIKE(.addr = 77));
}

static int run_ept_new_named(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .name = SVC, .addr = 99));
}

static bool done_ept_new_named(void)
{
	return has_ept(LIKE(.name = SVC, .addr = 99));
}

static void set_waiting_chan(void)
{
	have_guest();
	have_chan();
}

static bool done_ept_new_bound(void)
{
	return has_ept(LIKE(.name = SVC, .remote = REMOTE, .addr = 99,
			    .remote_kind = VHOST_RPMSG_REMOTE_KIND_BOUND)) &&
	       fx.now.chans[0].bound &&
	       fx.now.chans[0].ept == fx.now.epts[0].id;
}

static int run_ept_new_remote(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .name = SVC, .remote = 5,
			       .addr = 0xfffffffe));
}

static bool done_ept_new_remote(void)
{
	return has_ept(LIKE(.name = SVC, .remote = 5, .addr = 0xfffffffe,
			    .remote_kind = VHOST_RPMSG_REMOTE_KIND_FIXED));
}

/* The dynamic address is different in each attempt. */
static int run_ept_new_addressed(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .addressed = true));
}

static bool done_ept_new_addressed(void)
{
	return fx.now.epts[0].addr >= VHOST_RPMSG_FIRST_DYNAMIC_ADDR &&
	       has_ept(LIKE(.addressed = true, .addr = fx.now.epts[0].addr));
}

static int run_ept_set(void)
{
	return nl_ept_set(fx.ept_id,
			  EPT_REQ(.remote = 6, .rx_limit = 1000,
				  .tx_limit = 2000),
			  VHOST_RPMSG_FULL_POLICY_DROP);
}

static bool done_ept_set(void)
{
	struct nl_ept *e = &fx.now.epts[0];

	return e->remote == 6 && e->rx_limit == 1000 && e->tx_limit == 2000 &&
	       e->policy == VHOST_RPMSG_FULL_POLICY_DROP;
}

static void set_ept_del(void)
{
	set_waiting_chan();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(fx.ept_id))
		die("announce");
	/* The guest has received the announcement. */
	if (!WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_NS_TX) == 1, LONG_MS))
		die("no announcement");
}

static int run_ept_del(void)
{
	return nl_ept_del(fx.ept_id);
}

static bool done_ept_del(void)
{
	return !fx.now.num_epts && !fx.now.devs[0].endpoints &&
	       fx.now.num_chans == 1 && !fx.now.chans[0].bound;
}

static int run_ept_get(void)
{
	return nl_ept_get(fx.ept_id, &got_ept);
}

static bool done_ept_get(void)
{
	return !memcmp(&got_ept, &fx.now.epts[0], sizeof(got_ept));
}

static void set_many_epts(void)
{
	int i;

	have_dev();
	for (i = 0; i < MANY; i++)
		have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static int run_ept_dump(void)
{
	int n = nl_ept_dump(DEV, got.epts, ARRAY_SIZE(got.epts));

	return n < 0 ? n : n == MANY ? 0 : -EBADMSG;
}

static int run_announce(void)
{
	return nl_announce(fx.ept_id);
}

static bool done_announce(void)
{
	return fx.now.epts[0].announced;
}

static void set_withdraw(void)
{
	have_named_ept();
	if (nl_announce(fx.ept_id))
		die("announce");
}

static int run_withdraw(void)
{
	return nl_withdraw(fx.ept_id);
}

static bool done_withdraw(void)
{
	return !fx.now.epts[0].announced;
}

static int run_chan_get(void)
{
	return nl_chan_get(DEV, REMOTE, &got_chan);
}

static bool done_chan_get(void)
{
	return !memcmp(&got_chan, &fx.now.chans[0], sizeof(got_chan));
}

static int run_chan_dump(void)
{
	int n = nl_chan_dump(NULL, got.chans, ARRAY_SIZE(got.chans));

	return n < 0 ? n : n == 1 ? 0 : -EBADMSG;
}

const struct fault_op netlink_ops[] = {
	{ "dev_new", NULL, run_dev_new, done_dev_new, SOCKET },
	{ "dev_del", set_dev_del, run_dev_del, done_gone, SOCKET },
	{ "dev_get", have_dev, run_dev_get, done_dev_get, SOCKET | KEEPS },
	{ "dev_dump", have_dev, run_dev_dump, NULL, SOCKET | KEEPS },
	{ "ept_new", have_dev, run_ept_new, done_ept_new, SOCKET },
	{ "ept_new_named", have_dev, run_ept_new_named, done_ept_new_named,
	  SOCKET },
	{ "ept_new_bound", set_waiting_chan, run_ept_new_named,
	  done_ept_new_bound, SOCKET },
	{ "ept_new_remote", set_waiting_chan, run_ept_new_remote,
	  done_ept_new_remote, SOCKET },
	{ "ept_new_addressed", have_dev, run_ept_new_addressed,
	  done_ept_new_addressed, SOCKET },
	{ "ept_set", have_named_ept, run_ept_set, done_ept_set, SOCKET },
	{ "ept_del", set_ept_del, run_ept_del, done_ept_del, SOCKET },
	{ "ept_get", have_named_ept, run_ept_get, done_ept_get,
	  SOCKET | KEEPS },
	{ "ept_dump", set_many_epts, run_ept_dump, NULL, SOCKET | KEEPS },
	{ "ns_announce", have_named_ept, run_announce, done_announce, SOCKET },
	{ "ns_withdraw", set_withdraw, run_withdraw, done_withdraw, SOCKET },
	{ "chan_get", set_waiting_chan, run_chan_get, done_chan_get,
	  SOCKET | KEEPS },
	{ "chan_dump", set_waiting_chan, run_chan_dump, NULL, SOCKET | KEEPS },
	{}
};
