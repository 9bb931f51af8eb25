// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of a thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "race.h"

static int xioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* The open endpoint, or a new descriptor, which the caller closes. */
static int get_fd(void)
{
	return st.ept_fd >= 0 ? st.ept_fd : ept_open(st.ept, 0);
}

static void put_fd(int fd)
{
	if (fd >= 0 && fd != st.ept_fd)
		close(fd);
}

/* Do not block on a new descriptor, since there may be no guest. */
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
	/* Twice as much as there is room for. */
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
	(void)me;
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

/*
 * The two work items of the worker separately: messages from the guest, some at a time, and
 * messages that wait for the guest. Both also run with all other pairs, but do not start as
 * often there.
 */
static int do_rx(struct actor *me)
{
	uint8_t data[LEN];
	int i;

	for (i = 0; st.vmm && i < BURST; i++) {
		make_msg(data, rnd(&me->rand));
		/* Only one of the threads uses the ring. */
		if (me->partner != RX || !me->second) {
			if (guest_queue(&st.guest, REMOTE, OTHER, data, LEN))
				break;
			me->num++;
		}
		if (i % 4 == 3)
			guest_kick_always(&st.guest, GUEST_RX);
	}
	return 0;
}

static int do_tx(struct actor *me)
{
	int i, err = 0;

	for (i = 0; !st.alone && i < BURST; i++) {
		err = write_msg(st.other_fd, rnd(&me->rand), RWF_NOWAIT);
		if (err)
			break;
		me->num++;
		if (st.vmm && i % 4 == 3)
			guest_kick_always(&st.guest, GUEST_TX);
	}
	return err == -EAGAIN ? 0 : err;
}

/* Write some messages without blocking: 0, or an error. */
static int write_some(struct actor *me, int fd)
{
	int i, err = 0;

	for (i = 0; !err && i < 3; i++) {
		err = write_msg(fd, rnd(&me->rand), RWF_NOWAIT);
		me->num += !err;
	}
	return err == -EAGAIN ? 0 : err;
}

/* A descriptor with waiting messages that is closed or destroyed. */
static int make_descriptor(struct actor *me, int ctrl, uint32_t addr)
{
	int fd = ctrl_new_ept(ctrl, "made", addr, REMOTE,
			      addr == MADE ? 0 : VHOST_RPMSG_NEW_EPT_ANNOUNCE);
	int err;

	if (fd < 0)
		return fd;
	err = write_some(me, fd);
	if (!err && rnd(&me->rand) & 1)
		err = xioctl(fd, RPMSG_DESTROY_EPT_IOCTL, NULL);
	close(fd);
	return err;
}

static int make_dev(int ctrl)
{
	int err = ctrl_create(ctrl, RPMSG_CREATE_DEV_IOCTL, "dev", MADE + 2,
			      REMOTE);

	if (err)
		return err;
	return ctrl_create(ctrl, RPMSG_RELEASE_DEV_IOCTL, "dev",
			   VHOST_RPMSG_ADDR_ANY, VHOST_RPMSG_ADDR_ANY);
}

/* Create endpoints with the ctrl node, and end them. */
static int do_ctrl(struct actor *me)
{
	int ctrl = ctrl_open(DEV), i, err = 0;

	if (ctrl < 0)
		return ctrl;
	for (i = 0; !err && i < 4; i++) {
		uint32_t which = rnd(&me->rand) % MADE_NUM;

		err = which == 2 ? make_dev(ctrl) :
				   make_descriptor(me, ctrl, MADE + which);
	}
	close(ctrl);
	return err;
}

/* A node that was created before: it has its address while it is open. */
static int do_node(struct actor *me)
{
	int fd, i, err = 0;
	long seed;

	for (i = 0; !err && i < 3 && !me->destroyed; i++) {
		fd = ept_open(st.made, O_NONBLOCK);
		if (fd < 0)
			return fd;
		err = write_some(me, fd);
		while ((seed = read_msg(fd, 0)) > 0)
			me->got++;
		if (seed == -EBADMSG)
			me->wrong = "a message of the guest is broken";
		if (!err && rnd(&me->rand) & 1) {
			err = xioctl(fd, RPMSG_DESTROY_EPT_IOCTL, NULL);
			me->destroyed = !err;
		}
		close(fd);
	}
	return err;
}

/* Another VMM attaches, with or without setting the owner first. */
static int do_attach(struct actor *me)
{
	struct vhost_rpmsg_attach attach = { .name = DEV };
	int fd = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = xioctl(fd, VHOST_RPMSG_ATTACH, &attach);
	if (rnd(&me->rand) & 1)
		xioctl(fd, VHOST_SET_OWNER, NULL);
	close(fd);
	return err;
}

const struct guest_opts small = {
	.name = DEV,
	.num = 128,
	.mem_size = 1 << 20,
};

/*
 * Only the ioctls of a reset, without initialising the rings, since the other thread uses
 * them as well. A guest could be as careless.
 */
static int careless_reset(int fd)
{
	struct vhost_vring_state state = {};
	int no = 0, yes = 1, err;

	err = xioctl(fd, VHOST_RPMSG_SET_RUNNING, &no);
	for (; !err && state.index < 2; state.index++)
		err = xioctl(fd, VHOST_SET_VRING_BASE, &state);
	if (err == -EBUSY)
		err = 0;	/* the other thread has started them in the meantime */
	return err ?: xioctl(fd, VHOST_RPMSG_SET_RUNNING, &yes);
}

bool is_careless(const struct actor *me)
{
	return me->op == RESET &&
	       (me->partner == RESET || me->partner == RUNNING ||
		me->partner == RX || me->partner == TX);
}

/*
 * Pause. A guest that was reset in the meantime, or has done nothing yet, cannot continue:
 * start it as a new guest.
 */
static int set_running(int fd)
{
	int i, value, err = 0;

	for (i = 0; !err && i < 4; i++) {
		value = i & 1 ? VHOST_RPMSG_CONTINUE : VHOST_RPMSG_STOP;
		err = xioctl(fd, VHOST_RPMSG_SET_RUNNING, &value);
		if (err != -ESTALE)
			continue;
		value = VHOST_RPMSG_START;
		err = xioctl(fd, VHOST_RPMSG_SET_RUNNING, &value);
	}
	return err;
}

/* Split the region, add another one, and restore the table. */
static int cut_mem_table(const struct guest *g)
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
	return err ?: guest_set_mem_table(g);
}

bool has_own_guest(const struct actor *me)
{
	return !st.vmm || me->op == ATTACH ||
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
		err = cut_mem_table(g);
		break;
	default:
		/* Only close the file; the memory stays. */
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

const struct race_op ops[NUM_OPS] = {
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
	[ATTACH] = { "attach", do_attach },
	[ANNOUNCE] = { "announce", do_announce },
	[RX] = { "rx", do_rx },
	[TX] = { "tx", do_tx },
	[CTRL] = { "ctrl", do_ctrl },
	[NODE] = { "node", do_node },
	[REMOVAL] = { "removal", do_removal },
};
