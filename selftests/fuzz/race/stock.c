// SPDX-License-Identifier: GPL-2.0-only
/*
 * The objects before and after a round.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "race.h"

struct stock st = {
	.ept = -1,
	.ept_fd = -1,
	.other = -1,
	.other_fd = -1,
	.made = -1,
};

static void load_module(void)
{
	const char *ko = getenv("VRPMSG_KO");

	if (!ko || module_load(ko))
		die("cannot load the module");
	if (!nl_reach())
		die("no netlink family");
	st.loads++;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int open_ept(int id)
{
	int fd = ept_open(id, 0);

	if (fd < 0) {
		errno = -fd;
		die("cannot open endpoint %d", id);
	}
	return fd;
}

static int new_ept(const struct nl_ept_req *req)
{
	int id = nl_ept_new(req);

	if (id < 0) {
		errno = -id;
		die("no new endpoint");
	}
	return id;
}

/* Create a node like a program for rpmsg_ctrl; returns its number. */
static int make_node(void)
{
	int ctrl = ctrl_open(DEV), node = -1;

	if (ctrl >= 0 &&
	    !ctrl_create(ctrl, RPMSG_CREATE_EPT_IOCTL, "node", MADE, REMOTE))
		node = ctrl_find_node(DEV, "node");
	if (node < 0)
		die("no node");
	close(ctrl);
	return node;
}

/*
 * Create all missing objects of the phase. With a guest, the endpoint gets its remote from
 * the guest's channel; otherwise it has a fixed one.
 */
void set_up(void)
{
	int err;

	if (!st.dev) {
		err = nl_dev_new(DEV);
		if (err < 0) {
			errno = -err;
			die("no new device");
		}
		st.dev = true;
		st.exact = true;
		st.sent = 0;
		st.read = 0;
		st.written = 0;
	}
	if (st.vmm && !st.guest_is_up) {
		err = guest_open(&st.guest, &small);
		if (err) {
			errno = -err;
			die("no guest");
		}
		st.guest_is_up = true;
		st.chan = false;
	}
	if (st.vmm && !st.chan) {
		if (guest_ns_send(&st.guest, NAME, REMOTE, 0) ||
		    guest_drain(&st.guest, LONG_MS))
			die("no channel");
		st.chan = true;
	}
	if (st.ept < 0)
		st.ept = new_ept(EPT_REQ(.dev = DEV, .name = NAME, .addr = ADDR,
					 .remote = st.vmm ? VHOST_RPMSG_ADDR_ANY :
							    REMOTE,
					 .tx_limit = 4 * COST));
	if (st.other < 0)
		st.other = new_ept(EPT_REQ(.dev = DEV, .addr = OTHER,
					   .remote = REMOTE));
	if (st.nodes && st.made < 0)
		st.made = make_node();
	if (st.fd && st.ept_fd < 0)
		st.ept_fd = open_ept(st.ept);
	if (!st.alone && st.other_fd < 0)
		st.other_fd = open_ept(st.other);
}

static void forget_epts(void)
{
	close_fd(&st.ept_fd);
	close_fd(&st.other_fd);
	st.ept = -1;
	st.other = -1;
	st.made = -1;
}

const char *tear_down(void)
{
	int err;

	forget_epts();
	if (st.guest_is_up)
		guest_close(&st.guest);
	st.guest_is_up = false;
	err = st.dev ? nl_dev_del(DEV) : 0;
	st.dev = false;
	return err ? "the device cannot be deleted" : NULL;
}

void take_stock(const struct actor *me)
{
	st.read += me->got + (me->op == READ ? me->num : 0);
	if (me->op == WRITE || me->op == TX || on_made(me->op))
		st.written += me->num;
	st.sent += me->op == RX ? me->num : 0;
	if (me->destroyed)
		st.made = -1;
	if (on_vmm(me->op) && me->op != MEM_TABLE && me->op != RUNNING)
		st.exact = false;
	if (me->op == RESET) {
		st.chan = false;
		if (is_careless(me) && guest_reset(&st.guest))
			die("no reset");
	}
	if (me->result)
		return;
	switch (me->op) {
	case REMOVAL:
		load_module();
		st.dev = false;
		forget_epts();
		break;
	case DEV_DEL:
		st.dev = false;
		forget_epts();
		break;
	case EPT_DEL:
		close_fd(&st.ept_fd);
		st.ept = -1;
		break;
	case VMM_CLOSE:
		if (has_own_guest(me))
			break;
		st.guest.fd = -1;
		guest_close(&st.guest);
		st.guest_is_up = false;
		break;
	default:
		break;
	}
}

void send_msg(uint32_t addr)
{
	uint8_t data[LEN];

	make_msg(data, ++st.seed);
	if (guest_queue(&st.guest, REMOTE, addr, data, LEN))
		die("no room in the guest's ring");
	st.sent++;
}

/* Read the messages of the other endpoint that have arrived. */
static const char *drain_other(void)
{
	long seed;

	while ((seed = read_msg(st.other_fd, RWF_NOWAIT)) > 0)
		st.read++;
	return seed == -EAGAIN ? NULL : "reading the other endpoint";
}

static const char *guest_gets(uint32_t last)
{
	uint8_t data[LEN];
	struct guest_hdr hdr;
	uint32_t seed;
	int len;

	do {
		len = guest_recv_copy(&st.guest, &hdr, data, LEN, LONG_MS);
		if (len < 0)
			return "the guest does not get a message";
		seed = 0;
		if (hdr.src == VHOST_RPMSG_NS_ADDR)
			continue;
		if (len != LEN || hdr.dst != REMOTE ||
		    (hdr.src != ADDR && hdr.src != OTHER &&
		     hdr.src - MADE >= MADE_NUM))
			return "a message to the guest is odd";
		seed = seed_of(data);
		if (!seed)
			return "a message to the guest is broken";
	} while (seed != last || hdr.src != ADDR);
	return NULL;
}

static const char *reader_gets(int fd, uint32_t last)
{
	long seed;

	do {
		if (!poll_fd(fd, POLLIN, LONG_MS))
			return "the reader does not get a message";
		seed = read_msg(fd, RWF_NOWAIT);
		if (seed < 0)
			return "a message to the reader is broken";
		st.read++;
	} while ((uint32_t)seed != last);
	return NULL;
}

/* Exchange a message in each direction; earlier messages arrive before it. */
const char *works(void)
{
	int fd = st.ept_fd >= 0 ? st.ept_fd : open_ept(st.ept);
	const char *why = NULL;
	uint32_t seed;

	if (!st.vmm)
		goto out;
	if (guest_drain(&st.guest, LONG_MS)) {
		why = "the guest does not get its buffers back";
		goto out;
	}
	send_msg(ADDR);
	guest_kick(&st.guest, GUEST_RX);
	why = reader_gets(fd, st.seed);
	if (why)
		goto out;
	seed = ++st.seed;
	if (!(poll_fd(fd, POLLOUT, LONG_MS) & POLLOUT) ||
	    write_msg(fd, seed, 0)) {
		why = "the endpoint cannot be written to";
		goto out;
	}
	st.written++;
	why = guest_gets(seed) ?: drain_other();
out:
	if (fd != st.ept_fd)
		close(fd);
	return why;
}

/* The balance of all messages of the device, see docs/overview.md. */
const char *balance(void)
{
	static struct nl_ept epts[8];
	struct nl_dev dev;
	uint64_t *s = dev.stats, rx, rx_queued, tx_queued;
	int i, num;

#define S(name) s[VHOST_RPMSG_A_STATS_##name]
	if (nl_dev_get(DEV, &dev))
		return "the device is gone";
	num = nl_ept_dump(DEV, epts, 8);
	/* Some endpoints of processes may still be ending. */
	if (num > 8)
		return "too many endpoints";
	rx_queued = 0;
	tx_queued = 0;
	for (i = 0; i < num; i++) {
		rx_queued += epts[i].rx_queued / COST;
		tx_queued += epts[i].tx_queued / COST;
	}
	rx = S(RX_MSGS) + S(RX_DROP_FULL) + S(RX_DROP_CLOSED) +
	     S(RX_DROP_NOMEM) + S(RX_DROP_UNKNOWN);
	if (S(RX_DROP_INVALID) || S(RX_DROP_NOMEM))
		return "messages of the guest were invalid";
	if (st.exact && rx != st.sent)
		return "not all that the guest has sent was counted";
	if (S(RX_MSGS) - S(RX_DISCARDS) - rx_queued != st.read)
		return "what was read does not add up";
	if (S(TX_MSGS) + S(TX_DROP_RESET) + S(TX_DROP_SIZE) + tx_queued !=
	    st.written)
		return "what was written does not add up";
#undef S
	return NULL;
}

/* No event refers to the device after its end. */
const char *events_in_order(void)
{
	struct nl_event ev;
	bool gone = false;
	int ret;

	while ((ret = nl_next_event(&ev, 0)) > 0) {
		if (ev.cmd == VHOST_RPMSG_CMD_DEV_NTF)
			gone = ev.dev.event == VHOST_RPMSG_EVENT_DEL;
		else if (gone)
			return "an event of a device after its end";
	}
	return ret ? "events were missed" : NULL;
}
