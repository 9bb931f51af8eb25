// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetime races by name: each pair of operations at once, over and over, while
 * messages flow both ways. docs/races.md says what makes each pair safe.
 *
 * usage: stress_races [--rounds N] [--pair A,B] [--seed N]
 *
 * Two threads are let go together, each waits for some microseconds of its own,
 * does its operation, and the results must be among those that the pair may
 * have. Afterwards everything works again, the counters add up, and no
 * descriptor and no reference to the module is left. Removal of the module needs
 * VRPMSG_KO, from where it is loaded again.
 *
 * A pair has two phases. In the first, a guest runs on the device, and the
 * endpoint is open. The second is for operations that this would only have
 * refused: a device is deleted while no VMM has it, an endpoint is opened by
 * both, the module is removed when nothing is open. What an operation needs and
 * the phase does not have, it opens and closes by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "guest.h"
#include "util.h"

#define DEV		"races"
#define NAME		"race"
#define ADDR		1024	/* of the endpoint that it is about */
#define OTHER		2000	/* of one beside it, which is left alone */
#define REMOTE		0x400
#define LEN		64
#define COST		(LEN + VHOST_RPMSG_MSG_OVERHEAD)
#define BURST		24	/* from the guest to each, in a round */
#define NUM		128	/* size of the rings */

enum op {
	OPEN,
	READ,
	WRITE,
	POLL,
	EPT_DEL,
	DEV_DEL,
	VMM_CLOSE,
	RESET,
	RUNNING,
	MEM_TABLE,
	ANNOUNCE,
	REMOVAL,
	NUM_OPS
};

/* One of the two who race. */
struct actor {
	enum op op;
	enum op partner;
	bool second;
	uint32_t rand;
	int result;		/* 0 or -errno */
	unsigned int num;	/* messages read or written */
	bool poked;		/* by a signal, since nobody else would end it */
	const char *wrong;	/* something that no result says */
	bool done;
	unsigned int loads;	/* st.loads when it has last looked for netlink */
	pthread_t thread;
};

static struct actor actors[2] = { [1].second = true };
static pthread_barrier_t start;
static sem_t finished;

/* What there is. Actors read it, and between rounds it changes. */
static struct {
	bool vmm;		/* the phase has a guest */
	bool fd;		/* the phase has the endpoint open */
	bool alone;		/* the phase has nothing open at all */
	unsigned int loads;	/* of the module */
	bool dev;
	struct guest guest;
	bool guest_is_up;
	bool chan;		/* the guest has announced its channel */
	int ept;		/* -1: none */
	int ept_fd;
	int other;
	int other_fd;
	uint32_t seed;		/* of the last message */
	bool exact;		/* each message of the guest was taken */
	uint64_t sent;
	uint64_t read;
	uint64_t written;
} st = { .ept = -1, .ept_fd = -1, .other = -1, .other_fd = -1 };

static uint32_t rnd(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Messages: a seed, and what comes of it. */

static void make_msg(void *data, uint32_t seed)
{
	memcpy(data, &seed, sizeof(seed));
	fill((uint8_t *)data + sizeof(seed), LEN - sizeof(seed), seed);
}

/* The seed; 0: it is broken. */
static uint32_t seed_of(const void *data)
{
	uint32_t seed;

	memcpy(&seed, data, sizeof(seed));
	if (check_fill((const uint8_t *)data + sizeof(seed), LEN - sizeof(seed),
		       seed))
		return 0;
	return seed;
}

/* One message: its seed, or -errno; -EBADMSG: it is broken. */
static long read_msg(int fd, int flags)
{
	uint8_t data[LEN + 1];
	struct iovec iov = { data, sizeof(data) };
	/* cppcheck-suppress invalidFunctionArg ; no offset, as in readv() */
	ssize_t len = preadv2(fd, &iov, 1, -1, flags);
	uint32_t seed;

	if (len < 0)
		return -errno;
	seed = len == LEN ? seed_of(data) : 0;
	return seed ? (long)seed : -EBADMSG;
}

static int write_msg(int fd, uint32_t seed, int flags)
{
	uint8_t data[LEN];
	struct iovec iov = { data, LEN };

	make_msg(data, seed);
	/* cppcheck-suppress invalidFunctionArg ; no offset, as in writev() */
	return pwritev2(fd, &iov, 1, -1, flags) == LEN ? 0 : -errno;
}

/* The operations. */

static int xioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* The endpoint: the one that is open, or a descriptor to be closed again. */
static int get_fd(void)
{
	return st.ept_fd >= 0 ? st.ept_fd : ept_open(st.ept, 0);
}

static void put_fd(int fd)
{
	if (fd >= 0 && fd != st.ept_fd)
		close(fd);
}

/* With a descriptor of its own it does not wait: there may be no guest. */
static int flags_of(int fd)
{
	return fd == st.ept_fd ? 0 : RWF_NOWAIT;
}

static int do_open(struct actor *me)
{
	int fd = ept_open(st.ept, rnd(&me->rand) & 1 ? O_NONBLOCK : 0);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int do_read(struct actor *me)
{
	int fd = get_fd(), i;
	long seed = 0;

	if (fd < 0)
		return fd;
	for (i = 0; i < 4; i++) {
		seed = read_msg(fd, flags_of(fd));
		if (seed < 0)
			break;
		me->num++;
	}
	put_fd(fd);
	return seed < 0 ? seed : 0;
}

static int do_write(struct actor *me)
{
	int fd = get_fd(), i, err = 0;

	if (fd < 0)
		return fd;
	/* Twice of what there is room for. */
	for (i = 0; i < 8; i++) {
		err = write_msg(fd, rnd(&me->rand), flags_of(fd));
		if (err)
			break;
		me->num++;
	}
	put_fd(fd);
	return err;
}

static int do_poll(struct actor *me)
{
	int fd = get_fd(), ret, i;

	if (fd < 0)
		return fd;
	for (i = 0; i < 3; i++) {
		ret = poll_fd(fd, i == 2 ? POLLIN : POLLIN | POLLOUT,
			      fd == st.ept_fd ? -1 : 0);
		if (ret < 0)
			break;
		if (!(ret & POLLHUP) != !(ret & POLLERR) ||
		    ((ret & POLLHUP) && (ret & POLLOUT)) || (ret & POLLNVAL))
			me->wrong = "poll() gives events that do not fit";
		if (fd == st.ept_fd && !ret)
			me->wrong = "poll() returns with nothing";
	}
	put_fd(fd);
	return ret < 0 ? ret : 0;
}

static int do_ept_del(struct actor *me)
{
	/* Two ways: the administrator's, and that of who has it open. */
	if (st.ept_fd >= 0 && (rnd(&me->rand) & 1)) {
		int err = xioctl(st.ept_fd, RPMSG_DESTROY_EPT_IOCTL, NULL);

		return err == -EPIPE ? -ENOENT : err;
	}
	return nl_ept_del(st.ept);
}

static int do_dev_del(struct actor *me)
{
	(void)me;
	return nl_dev_del(DEV);
}

static int do_announce(struct actor *me)
{
	int err = nl_announce(st.ept);

	(void)me;
	if (!err)
		err = nl_withdraw(st.ept);
	if (!err)
		err = nl_announce(st.ept);
	return err;
}

static const struct guest_opts small = {
	.name = DEV,
	.num = NUM,
	.mem_size = 1 << 20,
};

/*
 * The ioctls of a reset and nothing else: the rings are left as they are, since
 * the other one uses them as well. A guest could be as careless.
 */
static int careless_reset(int fd)
{
	struct vhost_vring_state state = {};
	int no = 0, yes = 1, err;

	err = xioctl(fd, VHOST_RPMSG_SET_RUNNING, &no);
	for (; !err && state.index < 2; state.index++)
		err = xioctl(fd, VHOST_SET_VRING_BASE, &state);
	if (err == -EBUSY)
		err = 0;	/* the other has started them meanwhile */
	return err ?: xioctl(fd, VHOST_RPMSG_SET_RUNNING, &yes);
}

static bool is_careless(const struct actor *me)
{
	return me->op == RESET &&
	       (me->partner == RESET || me->partner == RUNNING);
}

static int set_running(int fd)
{
	int i, value, err = 0;

	for (i = 0; !err && i < 4; i++) {
		value = i & 1;
		err = xioctl(fd, VHOST_RPMSG_SET_RUNNING, &value);
	}
	return err;
}

/* Cut in two, with something else behind it, and as it was. */
static int set_mem_table(const struct guest *g)
{
	static uint8_t more[8192];
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[3];
	} table = {};
	uint64_t begin = (uintptr_t)g->mem, half = g->size / 2;
	int err;

	table.head.nregions = 3;
	table.region[0].memory_size = half;
	table.region[0].userspace_addr = begin;
	table.region[1].guest_phys_addr = half;
	table.region[1].memory_size = g->size - half;
	table.region[1].userspace_addr = begin + half;
	table.region[2].guest_phys_addr = 1ULL << 32;
	table.region[2].memory_size = sizeof(more);
	table.region[2].userspace_addr = (uintptr_t)more;
	err = xioctl(g->fd, VHOST_SET_MEM_TABLE, &table);
	if (err)
		return err;

	table.head.nregions = 1;
	table.region[0].memory_size = g->size;
	return xioctl(g->fd, VHOST_SET_MEM_TABLE, &table);
}

/* Whether a VMM's operation needs a guest of its own: there is one to close. */
static bool has_own_guest(const struct actor *me)
{
	return !st.vmm ||
	       (me->op == VMM_CLOSE && me->partner == VMM_CLOSE && me->second);
}

static int do_vmm(struct actor *me)
{
	struct guest own, *g = &st.guest;
	bool use_own = has_own_guest(me);
	int err = 0;

	if (use_own) {
		g = &own;
		err = guest_open(g, &small);
		if (err)
			return err;
	}
	switch (me->op) {
	case RESET:
		err = is_careless(me) ? careless_reset(g->fd) : guest_reset(g);
		break;
	case RUNNING:
		err = set_running(g->fd);
		break;
	case MEM_TABLE:
		err = set_mem_table(g);
		break;
	default:
		/* Only the file: the rest of a guest is its memory. */
		if (!use_own)
			err = close(g->fd) ? -errno : 0;
	}
	if (use_own)
		guest_close(g);
	return err;
}

static int do_removal(struct actor *me)
{
	(void)me;
	return module_remove("vhost_rpmsg");
}

static const struct {
	const char *name;
	int (*run)(struct actor *me);
} ops[NUM_OPS] = {
	[OPEN] = { "open", do_open },
	[READ] = { "read", do_read },
	[WRITE] = { "write", do_write },
	[POLL] = { "poll", do_poll },
	[EPT_DEL] = { "ept-del", do_ept_del },
	[DEV_DEL] = { "dev-del", do_dev_del },
	[VMM_CLOSE] = { "vmm-close", do_vmm },
	[RESET] = { "reset", do_vmm },
	[RUNNING] = { "set-running", do_vmm },
	[MEM_TABLE] = { "mem-table", do_vmm },
	[ANNOUNCE] = { "announce", do_announce },
	[REMOVAL] = { "removal", do_removal },
};

/* What results a pair may have. */

static bool is(const struct actor *me, enum op op)
{
	return me->op == op || me->partner == op;
}

static bool on_file(enum op op)
{
	return op == READ || op == WRITE || op == POLL;
}

static bool on_vmm(enum op op)
{
	return op >= VMM_CLOSE && op <= MEM_TABLE;
}

static bool sleeps(const struct actor *me)
{
	return on_file(me->op) && st.fd;
}

/* The endpoint may go, and the operation find that. */
static bool may_go(const struct actor *me)
{
	return me->partner == EPT_DEL ||
	       (me->partner == DEV_DEL && (!st.vmm || me->op == VMM_CLOSE));
}

static bool opening_allowed(const struct actor *me)
{
	switch (-me->result) {
	case EBUSY:
		return me->partner == OPEN || on_file(me->partner);
	case ENETRESET:
	case ENOENT:
		return may_go(me) || is(me, REMOVAL);
	case ENXIO:
		return is(me, REMOVAL);
	}
	return false;
}

static bool file_allowed(const struct actor *me)
{
	if (!st.fd && opening_allowed(me))
		return true;
	switch (-me->result) {
	case EINTR:
		return me->poked;
	case EPIPE:
		return me->op != POLL && may_go(me);
	case EAGAIN:
		return !st.fd && me->op != POLL;
	case ENOTCONN:
		return me->op == WRITE && (me->partner == RESET ||
					   me->partner == VMM_CLOSE || !st.vmm);
	}
	return false;
}

static bool vmm_allowed(const struct actor *me)
{
	if (!has_own_guest(me))
		/* Closed by the other one. */
		return me->result == -EBADF && me->partner == VMM_CLOSE;
	switch (-me->result) {
	case EBUSY:
		/* Its name is taken, or dying. */
		return is(me, DEV_DEL) || me->partner == VMM_CLOSE;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return is(me, REMOVAL);
	}
	return false;
}

static bool allowed(const struct actor *me)
{
	/* There is a guest, or something open: then it must be refused. */
	bool busy = !st.alone;

	if (me->op == DEV_DEL)
		busy = st.vmm && me->partner != VMM_CLOSE;
	switch (me->op) {
	case OPEN:
		return !me->result ? !st.fd : opening_allowed(me);
	case READ:
	case WRITE:
	case POLL:
		return !me->result || file_allowed(me);
	case EPT_DEL:
	case ANNOUNCE:
		return !me->result ||
		       (me->result == -ENOENT &&
			(may_go(me) || (me->partner == REMOVAL && st.alone)));
	case DEV_DEL:
		if (busy)
			return me->result == -EBUSY;
		if (me->result == -ENODEV)
			return me->partner == DEV_DEL || is(me, REMOVAL);
		/* The family is gone. */
		if (me->result == -ENOENT)
			return is(me, REMOVAL);
		return !me->result ||
		       (me->result == -EBUSY && on_vmm(me->partner));
	case REMOVAL:
		if (busy)
			return me->result == -EAGAIN;
		/* Loaded no more, or on its way. */
		if (me->result == -ENOENT || me->result == -EBUSY)
			return me->partner == REMOVAL;
		return !me->result || me->result == -EAGAIN;
	default:
		return !me->result || vmm_allowed(me);
	}
}

/* A round that went wrong, and why; or NULL. */
static const char *judge(const struct actor *a, const struct actor *b)
{
	const struct actor *me;

	for (me = actors; me < actors + 2; me++) {
		if (me->wrong)
			return me->wrong;
		if (!allowed(me))
			return "a result that the pair may not have";
	}
	if (a->op != b->op)
		return NULL;
	/* There is one to delete. */
	if (a->op == EPT_DEL || (a->op == DEV_DEL && !st.vmm))
		if (!a->result == !b->result)
			return "not just one of the two has deleted it";
	if (a->op == REMOVAL && st.alone && a->result && b->result)
		return "none of the two has removed it";
	return NULL;
}

/* Set up and clean up. */

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

/*
 * All that the phase has and that is not there. With a guest, the endpoint gets
 * its remote from the guest's channel, without one it has a fixed one.
 */
static void set_up(void)
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
}

static const char *tear_down(void)
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

/* After a round: what is gone, and what the guest must do anew. */
static void take_stock(const struct actor *me)
{
	st.read += me->op == READ ? me->num : 0;
	st.written += me->op == WRITE ? me->num : 0;
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

static void send_msg(uint32_t addr)
{
	uint8_t data[LEN];

	make_msg(data, ++st.seed);
	if (guest_queue(&st.guest, REMOTE, addr, data, LEN))
		die("no room in the guest's ring");
	st.sent++;
}

/* The other one's messages, as far as they have come. */
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
		    (hdr.src != ADDR && hdr.src != OTHER))
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

/* One message each way; all that was on the way arrives before it. */
static const char *works(void)
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
static const char *balance(void)
{
	struct nl_ept epts[4];
	struct nl_dev dev;
	uint64_t *s = dev.stats, rx, rx_queued, tx_queued;
	int i, num;

#define S(name) s[VHOST_RPMSG_A_STATS_##name]
	if (nl_dev_get(DEV, &dev))
		return "the device is gone";
	num = nl_ept_dump(DEV, epts, 4);
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

/* Nobody names the device in an event after its end. */
static const char *events_in_order(void)
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

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int num = 0;

	while (readdir(dir))
		num++;
	closedir(dir);
	return num;
}

static int count_refs(void)
{
	FILE *file = fopen("/sys/module/vhost_rpmsg/refcnt", "re");
	int num = -1;

	if (!file || fscanf(file, "%d", &num) != 1)
		die("no module");
	fclose(file);
	return num;
}

/* The race. */

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void spin(uint32_t us)
{
	long long end = now_us() + us;

	while (now_us() < end)
		;
}

static void *act(void *arg)
{
	struct actor *me = arg;
	uint32_t rand;

	nl_reach();
	pthread_barrier_wait(&start);
	for (;;) {
		pthread_barrier_wait(&start);
		if (me->op == NUM_OPS)
			return NULL;
		/* Mostly short, now and then up to a millisecond. */
		rand = rnd(&me->rand);
		spin((rand >> 8) % (1 << rand % 11));
		/* The family may be gone, or have another number. */
		if (((me->partner == REMOVAL && st.alone) ||
		     me->loads != st.loads) &&
		    !nl_reach())
			me->result = -ENOENT;
		else
			me->result = ops[me->op].run(me);
		me->loads = st.loads;
		__atomic_store_n(&me->done, true, __ATOMIC_RELEASE);
		sem_post(&finished);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

static bool is_done(const struct actor *me)
{
	return __atomic_load_n(&me->done, __ATOMIC_ACQUIRE);
}

/*
 * Until both are done. Who sleeps, and will not be woken by the other, gets a
 * signal; but who waits for something that is gone must wake up.
 */
static void supervise(void)
{
	long long end = now_ms() + 3 * LONG_MS, since = 0;
	struct timespec until;
	struct actor *me, *it;

	while (!is_done(&actors[0]) || !is_done(&actors[1])) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		if (!sem_timedwait(&finished, &until))
			continue;
		if (now_ms() > end)
			die("%s and %s hang", ops[actors[0].op].name,
			    ops[actors[1].op].name);

		me = is_done(&actors[0]) ? &actors[1] : &actors[0];
		it = is_done(&actors[0]) ? &actors[0] : &actors[1];
		if (!sleeps(me) || (!is_done(it) && !sleeps(it)))
			continue;
		since = since ?: now_ms();
		if (now_ms() - since < 2)
			continue;
		if (is_done(it) && !it->result && may_go(me)) {
			if (now_ms() - since < LONG_MS)
				continue;
			me->wrong = "not woken at the end of the endpoint";
		}
		me->poked = true;
		pthread_kill(me->thread, SIGUSR1);
	}
	while (!sem_trywait(&finished))
		;
}

static void fill_rings(void)
{
	int i;

	for (i = 0; i < BURST; i++) {
		send_msg(ADDR);
		send_msg(OTHER);
	}
}

static void get_ready(struct actor *me, enum op mine, enum op its,
		      uint32_t seed)
{
	me->op = mine;
	me->partner = its;
	me->rand = seed ?: 1;
	me->result = 0;
	me->num = 0;
	me->poked = false;
	me->wrong = NULL;
	me->done = false;
}

static const char *one_round(enum op a, enum op b, uint32_t *seed)
{
	uint64_t one = 1;
	const char *why;
	int i;

	get_ready(&actors[0], a, b, rnd(seed));
	get_ready(&actors[1], b, a, rnd(seed));
	if (st.vmm)
		fill_rings();
	pthread_barrier_wait(&start);

	/* Messages both ways, so that the worker is at it. */
	if (st.vmm && write(st.guest.ring[GUEST_RX].kick, &one, 8) != 8)
		die("kick");
	for (i = 0; st.vmm && i < 8; i++) {
		if (write_msg(st.other_fd, ++st.seed, RWF_NOWAIT))
			break;
		st.written++;
	}
	supervise();

	why = judge(&actors[0], &actors[1]);
	if (why)
		return why;
	take_stock(&actors[0]);
	take_stock(&actors[1]);
	set_up();
	return works();
}

static bool is_pair(enum op a, enum op b, enum op x)
{
	return a == x || b == x;
}

/* The second phase is there for some pairs only. */
static bool enter_phase(int phase, enum op a, enum op b)
{
	bool open = is_pair(a, b, OPEN);

	st.vmm = true;
	st.fd = !open || on_file(a) || on_file(b);
	st.alone = false;
	if (!phase)
		return true;
	if (is_pair(a, b, REMOVAL)) {
		st.alone = true;
		st.vmm = false;
		st.fd = false;
	} else if (is_pair(a, b, DEV_DEL)) {
		st.vmm = false;
		st.fd = !open;
	} else if (open && st.fd) {
		st.fd = false;
	} else {
		return false;
	}
	return true;
}

static bool run_pair(enum op a, enum op b, int rounds, uint32_t seed)
{
	bool listens = is_pair(a, b, DEV_DEL) && is_pair(a, b, EPT_DEL);
	int fds = count_fds(), refs = count_refs();
	unsigned int loads = st.loads;
	int phase, round = 0, second;
	const char *why = NULL;

	/* Rounds of the second phase; loading a module takes long. */
	second = 0;
	if (enter_phase(1, a, b))
		second = (rounds + 1) / (is_pair(a, b, REMOVAL) ? 4 : 2);
	if (listens && nl_listen())
		die("cannot listen");
	for (phase = 0; !why && round < rounds; phase++) {
		enter_phase(phase, a, b);
		set_up();
		for (; !why && round < (phase ? rounds : rounds - second);
		     round++) {
			why = one_round(a, b, &seed);
			if (!why && listens)
				why = events_in_order();
		}
		if (why)
			break;
		if (!WAIT_FOR(!balance(), LONG_MS))
			why = balance();
		why = why ?: tear_down();
	}
	/* Refused now and then, but not always. */
	if (!why && is_pair(a, b, REMOVAL) && second >= 5 && st.loads == loads)
		why = "the module was never removed";
	if (why) {
		printf("# phase %d, round %d: %s: %s %d%s, %s %d%s\n", phase,
		       round, why, ops[a].name, actors[0].result,
		       actors[0].poked ? " (interrupted)" : "", ops[b].name,
		       actors[1].result,
		       actors[1].poked ? " (interrupted)" : "");
		tear_down();
	}
	if (listens)
		nl_unlisten();
	if (!why && count_fds() != fds) {
		printf("# %d descriptors are left\n", count_fds() - fds);
		why = "";
	}
	/* A file is closed when the last thread is out of it. */
	if (!why && !WAIT_FOR(count_refs() == refs, LONG_MS)) {
		printf("# %d references to the module are left\n",
		       count_refs() - refs);
		why = "";
	}
	return !why;
}

/* No helper of the kernel is to look for the module when it is gone. */
static char modprobe[256];

static void set_modprobe(const char *path)
{
	int fd = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, path, strlen(path)) < 0)
		die("modprobe");
	close(fd);
}

static void restore_modprobe(void)
{
	if (modprobe[0])
		set_modprobe(modprobe);
}

static void silence_modprobe(void)
{
	FILE *file = fopen("/proc/sys/kernel/modprobe", "re");

	if (!file)
		return;
	if (!fgets(modprobe, sizeof(modprobe), file))
		modprobe[0] = 0;
	fclose(file);
	atexit(restore_modprobe);
	set_modprobe("\n");
}

static enum op op_of(const char *name, size_t len)
{
	enum op op;

	for (op = 0; op < NUM_OPS; op++)
		if (strlen(ops[op].name) == len &&
		    !strncmp(ops[op].name, name, len))
			return op;
	errno = EINVAL;
	die("no operation %.*s", (int)len, name);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	enum op a, b, only_a = NUM_OPS, only_b = NUM_OPS;
	int rounds = 20, number = 0, failures = 0, i;
	bool have_ko = getenv("VRPMSG_KO");
	uint32_t seed = time(NULL);
	const char *comma;
	long long began;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--rounds")) {
			rounds = atoi(argv[i + 1]);
		} else if (!strcmp(argv[i], "--seed")) {
			seed = strtoul(argv[i + 1], NULL, 0);
		} else if (!strcmp(argv[i], "--pair")) {
			comma = strchr(argv[i + 1], ',') ?: argv[i + 1];
			only_a = op_of(argv[i + 1], comma - argv[i + 1]);
			only_b = op_of(comma + 1, strlen(comma + 1));
		} else {
			break;
		}
	}
	if (i < argc || rounds < 1) {
		fprintf(stderr,
			"usage: stress_races [--rounds N] [--pair A,B] [--seed N]\n");
		return 2;
	}
	if (only_a > only_b) {
		a = only_a;
		only_a = only_b;
		only_b = a;
	}

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n",
	       only_a == NUM_OPS ? NUM_OPS * (NUM_OPS + 1) / 2 : 1);
	printf("# %d rounds, --seed %u\n", rounds, seed);
	if (have_ko) {
		silence_modprobe();
		/* Another test may have left it, and then nothing is removed. */
		module_remove("vhost_rpmsg_kclient");
	}
	sigaction(SIGUSR1, &action, NULL);
	sem_init(&finished, 0, 0);
	pthread_barrier_init(&start, NULL, 3);
	nl_reach();
	for (i = 0; i < 2; i++)
		if (pthread_create(&actors[i].thread, NULL, act, &actors[i]))
			die("thread");
	pthread_barrier_wait(&start);

	for (a = 0; a < NUM_OPS; a++) {
		for (b = a; b < NUM_OPS; b++) {
			if (only_a != NUM_OPS && (a != only_a || b != only_b))
				continue;
			number++;
			if (b == REMOVAL && !have_ko) {
				printf("ok %d %s + %s # SKIP VRPMSG_KO is not set\n",
				       number, ops[a].name, ops[b].name);
				continue;
			}
			began = now_ms();
			i = run_pair(a, b, rounds, seed + number);
			failures += !i;
			printf("%s %d %s + %s\n", i ? "ok" : "not ok", number,
			       ops[a].name, ops[b].name);
			printf("# %lld ms a round\n",
			       (now_ms() - began) / rounds);
		}
	}

	actors[0].op = NUM_OPS;
	actors[1].op = NUM_OPS;
	pthread_barrier_wait(&start);
	for (i = 0; i < 2; i++)
		pthread_join(actors[i].thread, NULL);
	return failures != 0;
}
