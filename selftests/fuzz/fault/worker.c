// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker is a thread of this process. The n-th fault is armed in it while it is idle.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault.h"

static int worker_tid(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], want[32], comm[32];
	struct dirent *d;
	int tid = -1, fd, n;

	snprintf(want, sizeof(want), "vhost-%d\n", getpid());
	if (!dir)
		die("no threads in /proc");
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, comm, sizeof(comm) - 1);
		if (fd >= 0)
			close(fd);
		if (n > 0 && !strncmp(comm, want, n))
			tid = atoi(d->d_name);
	}
	closedir(dir);
	if (tid < 0)
		die("no worker");
	return tid;
}

/* The previous state of the counters and of the ring. */
static struct nl_dev dev_before;
static unsigned int missing_before;

static struct nl_dev get_dev(void)
{
	struct nl_dev dev;

	if (nl_dev_get(DEV, &dev))
		die("no device");
	return dev;
}

static unsigned long long counted(const struct nl_dev *dev, int stat)
{
	return dev->stats[stat] - dev_before.stats[stat];
}

#define S(name)	VHOST_RPMSG_A_STATS_##name

/* Messages of the guest that were dropped and counted. */
static unsigned long long rx_dropped(const struct nl_dev *dev)
{
	return counted(dev, S(RX_DROP_NOMEM)) +
	       counted(dev, S(RX_DROP_INVALID)) +
	       counted(dev, S(RX_DROP_FULL)) + counted(dev, S(RX_DROP_CLOSED)) +
	       counted(dev, S(RX_DROP_UNKNOWN)) + counted(dev, S(NS_INVALID));
}

static unsigned long long rx_taken(const struct nl_dev *dev)
{
	return counted(dev, S(RX_MSGS)) + counted(dev, S(NS_RX)) +
	       rx_dropped(dev);
}

/* Wait until all sent messages are counted, and the worker is idle. */
static void settle(unsigned int sent)
{
	struct nl_dev dev;

	WAIT_FOR((dev = get_dev(),
		  rx_taken(&dev) + counted(&dev, S(RING_ERRORS))) >= sent,
		 LONG_MS);
	/* The counters change before the buffers. */
	WAIT_FOR(guest_in_flight(&fx.guest, GUEST_RX) == missing_before,
		 SHORT_MS);
}

/* Each message was received or counted; without a fault all were received. */
static void check_rx(unsigned int n, bool fault, unsigned int sent)
{
	struct nl_dev dev = get_dev();
	unsigned long long taken = rx_taken(&dev);
	unsigned int missing =
		guest_in_flight(&fx.guest, GUEST_RX) - missing_before;

	if (taken + counted(&dev, S(RING_ERRORS)) < sent || taken > sent)
		wrong("%u: %llu of %u messages counted", n, taken, sent);
	if (missing > counted(&dev, S(RING_ERRORS)))
		wrong("%u: %u buffers are lost, %llu counted", n, missing,
		      counted(&dev, S(RING_ERRORS)));
	if (!fault && (rx_dropped(&dev) || counted(&dev, S(RING_ERRORS))))
		wrong("%u: messages are dropped without a fault", n);
}

/* Each message of the host has arrived or is counted in ring-errors. */
static void check_tx(unsigned int n, bool fault, unsigned int sent,
		     unsigned int arrived)
{
	struct nl_dev dev = get_dev();

	if (sent - arrived > counted(&dev, S(RING_ERRORS)))
		wrong("%u: %u messages are lost, %llu counted", n,
		      sent - arrived, counted(&dev, S(RING_ERRORS)));
	if (!fault && counted(&dev, S(RING_ERRORS)))
		wrong("%u: errors of the ring without a fault", n);
}

static const size_t lens[] = { 64, 0, MTU, 1 };
#define MSGS	ARRAY_SIZE(lens)

static void set_worker_rx(void)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77));
}

/* Send messages of several lengths; the endpoint learns the remote from the first one. */
static void act_rx(int attempt)
{
	unsigned int i;

	for (i = 0; i < MSGS; i++) {
		fill(fx.out, lens[i], attempt + i);
		if (guest_queue(&fx.guest, REMOTE, 77, fx.out, lens[i]))
			die("no buffer");
	}
	guest_kick_always(&fx.guest, GUEST_RX);
	settle(MSGS);
}

/* Messages arrive in order, without duplicates, and with the right content. */
static bool is_next(unsigned int *at, int len, int attempt)
{
	while (*at < MSGS && lens[*at] != (size_t)len)
		++*at;
	return *at < MSGS && !check_fill(fx.in, len, attempt + (*at)++);
}

static void check_worker_rx(unsigned int n, int attempt, bool fault)
{
	struct nl_dev dev = get_dev();
	unsigned int at = 0, got;
	ssize_t len;

	check_rx(n, fault, MSGS);
	for (got = 0; (len = read(fx.ept, fx.in, sizeof(fx.in))) >= 0; got++)
		if (!is_next(&at, len, attempt))
			wrong("%u: a wrong message", n);
	if (got != counted(&dev, S(RX_MSGS)))
		wrong("%u: %u messages read, %llu counted", n, got,
		      counted(&dev, S(RX_MSGS)));
}

/* The guest announces channels, one of which an endpoint waits for. */
static const char *const names[] = { "first", SVC, "third" };
#define NAMES	ARRAY_SIZE(names)

static void set_worker_ns(void)
{
	have_guest();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static void act_ns(int attempt)
{
	struct guest_ns ns;
	unsigned int i;

	for (i = 0; i < NAMES; i++) {
		ns = (struct guest_ns){ .addr = REMOTE + attempt * NAMES + i };
		snprintf(ns.name, sizeof(ns.name), "%s", names[i]);
		if (guest_queue(&fx.guest, ns.addr, VHOST_RPMSG_NS_ADDR, &ns,
				sizeof(ns)))
			die("no buffer");
	}
	guest_kick_always(&fx.guest, GUEST_RX);
	settle(NAMES);
}

static void check_worker_ns(unsigned int n, int attempt, bool fault)
{
	unsigned int heard = 0, made, waited = 0, bound = 0;
	struct nl_dev dev = get_dev();
	bool missed = false;
	struct nl_event ev;
	int ret, i;

	(void)attempt;
	check_rx(n, fault, NAMES);
	made = dev.channels - dev_before.channels;
	state_get(&fx.now);
	if (fx.now.num_chans != (int)dev.channels ||
	    made != counted(&dev, S(NS_RX)))
		wrong("%u: %d channels, %u in all, %u new, %llu counted", n,
		      fx.now.num_chans, dev.channels, made,
		      counted(&dev, S(NS_RX)));
	while ((ret = nl_next_event(&ev, 0))) {
		if (ret < 0)
			missed = true;
		else if (ev.cmd == VHOST_RPMSG_CMD_CHAN_NTF &&
			 ev.chan.event == VHOST_RPMSG_EVENT_NEW)
			heard++;
	}
	if (missed ? !fault : heard != made)
		wrong("%u: %u new channels, %u heard of, missed %d", n, made,
		      heard, missed);
	for (i = 0; i < fx.now.num_chans; i++) {
		waited += !strcmp(fx.now.chans[i].name, SVC);
		if (!fx.now.chans[i].bound)
			continue;
		bound++;
		if (strcmp(fx.now.chans[i].name, SVC) ||
		    fx.now.epts[0].remote != fx.now.chans[i].addr)
			wrong("%u: %s is bound", n, fx.now.chans[i].name);
	}
	if (bound != !!waited)
		wrong("%u: %u channels are bound", n, bound);
}

/* Processes write, and the worker sends the messages. */
static void set_worker_tx(void)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .remote = REMOTE));
}

static void act_tx(int attempt)
{
	unsigned int i;
	struct nl_ept e;

	for (i = 0; i < MSGS; i++) {
		fill(fx.out, lens[i], attempt + i);
		if (write(fx.ept, fx.out, lens[i]) != (ssize_t)lens[i])
			die("write");
	}
	if (!WAIT_FOR(!nl_ept_get(fx.ept_id, &e) && !e.tx_queued, LONG_MS))
		wrong("messages are stuck");
}

static void check_worker_tx(unsigned int n, int attempt, bool fault)
{
	unsigned int got = 0, at = 0;
	struct nl_dev dev = get_dev();
	int len;

	while (got < MSGS) {
		len = guest_recv_copy(&fx.guest, NULL, fx.in, MTU, SHORT_MS);
		if (len == -ETIMEDOUT)
			break;
		/* A buffer that could not be written is returned without a message. */
		if (len == -EBADMSG && fault)
			continue;
		if (!is_next(&at, len, attempt))
			wrong("%u: a wrong message", n);
		got++;
	}
	if (counted(&dev, S(TX_MSGS)) != MSGS)
		wrong("%u: %llu of %zu messages sent", n,
		      counted(&dev, S(TX_MSGS)), MSGS);
	check_tx(n, fault, MSGS, got);
}

/* An announcement and its withdrawal. */
static void set_worker_announce(void)
{
	have_guest();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static void act_announce(int attempt)
{
	uint64_t sent = dev_before.stats[S(NS_TX)];

	(void)attempt;
	if (nl_announce(fx.ept_id) ||
	    !WAIT_FOR(dev_stat(DEV, S(NS_TX)) == sent + 1, LONG_MS))
		wrong("no announcement");
	if (nl_withdraw(fx.ept_id) ||
	    !WAIT_FOR(dev_stat(DEV, S(NS_TX)) == sent + 2, LONG_MS))
		wrong("no end of an announcement");
}

static void check_worker_announce(unsigned int n, int attempt, bool fault)
{
	unsigned int got = 0;
	struct guest_ns ns;
	int ret;

	(void)attempt;
	while (got < 2 &&
	       (ret = guest_ns_recv(&fx.guest, &ns, SHORT_MS)) != -ETIMEDOUT) {
		if (ret == -EBADMSG && fault)
			continue;
		if (ret || strcmp(ns.name, SVC) ||
		    ns.addr != fx.now.epts[0].addr)
			wrong("%u: a wrong announcement", n);
		got++;
	}
	check_tx(n, fault, 2, got);
}

const struct worker_op worker_ops[] = {
	{ "worker_rx", set_worker_rx, act_rx, check_worker_rx },
	{ "worker_ns", set_worker_ns, act_ns, check_worker_ns },
	{ "worker_tx", set_worker_tx, act_tx, check_worker_tx },
	{ "worker_announce", set_worker_announce, act_announce,
	  check_worker_announce },
	{}
};

static void worker_begin(void)
{
	state_get(&fx.now);
	dev_before = get_dev();
	missing_before = guest_in_flight(&fx.guest, GUEST_RX);
	hear_events();
}

/* Run the work with each fault in turn, until none occurs. */
static void fail_worker(const struct worker_op *op, unsigned int *faults)
{
	unsigned int n, total = 0, quiet = 0;
	int kind;

	for (n = 1; n < LIMIT && complaints < 20 && quiet < 3; n++) {
		op->set();
		worker_begin();
		inject_arm(worker_tid(), n);
		op->act(0);
		kind = inject_disarm();
		op->check(n, 0, kind >= 0);
		quiet++;
		if (kind >= 0) {
			faults[kind]++;
			total++;
			quiet = 0;
			worker_begin();
			op->act(1);
			op->check(n, 1, false);
		}
		fixture_clean();
	}
	if (!total || n == LIMIT)
		wrong("%u faults, and no end", total);
}

void sweep_worker(const struct worker_op *op)
{
	unsigned int faults[KINDS] = {};

	fail_worker(op, faults);
	inject_in_module();
	fail_worker(op, faults);
	inject_anywhere();
	report_faults(op->name, faults);
}
