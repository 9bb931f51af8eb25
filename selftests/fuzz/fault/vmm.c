// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of the VMM: ioctls, messages of the IOTLB, its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault.h"

#define F_PLATFORM	(1ULL << VIRTIO_F_ACCESS_PLATFORM)

static void set_open(void)
{
	fx.vmm = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fx.vmm < 0)
		die("/dev/vhost-rpmsg");
}

static int run_open(void)
{
	fx.vmm = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC);
	return fx.vmm < 0 ? -errno : 0;
}

static bool done_open(void)
{
	return fx.vmm >= 0 && fx.now.num_devs == 1 &&
	       !fx.now.devs[0].persistent &&
	       fx.now.devs[0].state == VHOST_RPMSG_DEV_STATE_ATTACHED;
}

static int run_attach(void)
{
	struct vhost_rpmsg_attach attach = { .name = DEV };

	return xioctl(fx.vmm, VHOST_RPMSG_ATTACH, &attach);
}

static bool done_attach_own(void)
{
	return fx.now.num_devs == 1 && !fx.now.devs[0].persistent &&
	       !strcmp(fx.now.devs[0].name, DEV);
}

static void set_attach_persistent(void)
{
	have_dev();
	set_open();
}

static bool done_attach_persistent(void)
{
	return fx.now.num_devs == 1 && fx.now.devs[0].persistent &&
	       fx.now.devs[0].state == VHOST_RPMSG_DEV_STATE_ATTACHED;
}

static int run_set_owner(void)
{
	return xioctl(fx.vmm, VHOST_SET_OWNER, NULL);
}

static void set_owned(void)
{
	set_open();
	if (run_set_owner())
		die("VHOST_SET_OWNER");
}

static int run_get_features(void)
{
	uint64_t features = 0;
	int err = xioctl(fx.vmm, VHOST_GET_FEATURES, &features);

	if (!err && !(features & GUEST_FEATURES))
		return -EBADMSG;
	return err;
}

static int run_set_features(void)
{
	uint64_t features = GUEST_FEATURES;

	return xioctl(fx.vmm, VHOST_SET_FEATURES, &features);
}

static bool done_set_features(void)
{
	return fx.now.devs[0].features == GUEST_FEATURES;
}

static int run_set_features_iotlb(void)
{
	uint64_t features = GUEST_FEATURES | F_PLATFORM;

	return xioctl(fx.vmm, VHOST_SET_FEATURES, &features);
}

static bool done_set_features_iotlb(void)
{
	return fx.now.devs[0].features == (GUEST_FEATURES | F_PLATFORM);
}

static int run_get_backend_features(void)
{
	uint64_t features;

	return xioctl(fx.vmm, VHOST_GET_BACKEND_FEATURES, &features);
}

static int run_set_backend_features(void)
{
	uint64_t features = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;

	return xioctl(fx.vmm, VHOST_SET_BACKEND_FEATURES, &features);
}

/* A guest that is set up except for the last step, or for a repeated one. */
static void set_guest_stopped(void)
{
	have_guest_opts((struct guest_opts){ .stopped = true });
}

static int run_set_mem_table(void)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[2];
	} table = {
		.head.nregions = 2,
		.region[0].memory_size = fx.guest.size / 2,
		.region[0].userspace_addr = (uintptr_t)fx.guest.mem,
		.region[1].guest_phys_addr = fx.guest.size / 2,
		.region[1].memory_size = fx.guest.size / 2,
		.region[1].userspace_addr =
			(uintptr_t)fx.guest.mem + fx.guest.size / 2,
	};

	return xioctl(fx.guest.fd, VHOST_SET_MEM_TABLE, &table);
}

/* The new table is in use, since the guest works with its memory. */
static bool done_mem_table(void)
{
	uint32_t unknown = 2000;

	if (guest_start(&fx.guest))
		return false;
	return !guest_send(&fx.guest, REMOTE, unknown, "x", 1) &&
	       !guest_drain(&fx.guest, LONG_MS) &&
	       dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN) == 1;
}

static int run_vring_num(void)
{
	struct vhost_vring_state state = { .num = fx.guest.ring[0].num };

	return xioctl(fx.guest.fd, VHOST_SET_VRING_NUM, &state);
}

static int run_vring_base(void)
{
	struct vhost_vring_state state = {};

	return xioctl(fx.guest.fd, VHOST_SET_VRING_BASE, &state);
}

static int run_get_vring_base(void)
{
	struct vhost_vring_state state = { .num = 7 };
	int err = xioctl(fx.guest.fd, VHOST_GET_VRING_BASE, &state);

	return !err && state.num ? -EBADMSG : err;
}

static int run_vring_addr(void)
{
	struct vhost_vring_addr addr = {
		.desc_user_addr = (uintptr_t)fx.guest.ring[0].vring.desc,
		.avail_user_addr = (uintptr_t)fx.guest.ring[0].vring.avail,
		.used_user_addr = (uintptr_t)fx.guest.ring[0].vring.used,
	};

	return xioctl(fx.guest.fd, VHOST_SET_VRING_ADDR, &addr);
}

static int vring_file(unsigned long request, int fd)
{
	struct vhost_vring_file file = { .fd = fd };

	return xioctl(fx.guest.fd, request, &file);
}

static int run_vring_kick(void)
{
	return vring_file(VHOST_SET_VRING_KICK, fx.guest.ring[0].kick);
}

static int run_vring_call(void)
{
	return vring_file(VHOST_SET_VRING_CALL, fx.guest.ring[0].call);
}

static int run_vring_err(void)
{
	return vring_file(VHOST_SET_VRING_ERR, fx.guest.ring[0].call);
}

static void set_guest_ready(void)
{
	set_guest_stopped();
	if (guest_setup_ring(&fx.guest, 0) || guest_setup_ring(&fx.guest, 1))
		die("rings");
}

static int run_start(void)
{
	return guest_set_running(&fx.guest, 1);
}

static bool done_start(void)
{
	return fx.now.devs[0].state == VHOST_RPMSG_DEV_STATE_RUNNING;
}

static int run_stop(void)
{
	return guest_set_running(&fx.guest, 0);
}

static bool done_stop(void)
{
	return fx.now.devs[0].state == VHOST_RPMSG_DEV_STATE_ATTACHED;
}

/* A reset that forgets a remote, an announcement and a channel. */
static void set_restart(void)
{
	have_guest();
	have_chan();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(fx.ept_id) || guest_stop(&fx.guest))
		die("restart");
	guest_reset_rings(&fx.guest);
	guest_post(&fx.guest);
	if (guest_setup_ring(&fx.guest, 0) || guest_setup_ring(&fx.guest, 1))
		die("rings");
}

static bool done_restart(void)
{
	return done_start() && !fx.now.num_chans && fx.now.num_epts == 1 &&
	       fx.now.epts[0].announced &&
	       fx.now.epts[0].remote == VHOST_RPMSG_ADDR_ANY;
}

static int iotlb_update(uint64_t iova, void *p, uint64_t size)
{
	struct vhost_msg msg = {
		.type = VHOST_IOTLB_MSG,
		.iotlb.iova = iova,
		.iotlb.size = size,
		.iotlb.uaddr = (uintptr_t)p,
		.iotlb.perm = VHOST_ACCESS_RW,
		.iotlb.type = VHOST_IOTLB_UPDATE,
	};
	ssize_t n = write(fx.guest.fd, &msg, sizeof(msg));

	if (n < 0)
		return -errno;
	return n == sizeof(msg) ? 0 : -EIO;
}

static void set_iotlb(void)
{
	have_guest_opts((struct guest_opts){
		.stopped = true,
		.features = GUEST_FEATURES | F_PLATFORM,
	});
	fcntl(fx.guest.fd, F_SETFL, O_NONBLOCK);
}

static int run_iotlb_write(void)
{
	return iotlb_update(0, fx.guest.mem, fx.guest.size);
}

/* The rings are mapped, the buffers are not. */
static void set_iotlb_miss(void)
{
	set_iotlb();
	if (iotlb_update((uintptr_t)fx.guest.mem, fx.guest.mem,
			 fx.guest.tx_bufs - fx.guest.mem) ||
	    guest_start(&fx.guest))
		die("rings behind an IOTLB");
}

/*
 * The vhost core loses a message that it cannot copy, and returns 0. The worker sends it
 * again after a kick.
 */
static int run_iotlb_read(void)
{
	struct vhost_msg msg;
	uint64_t one = 1;
	ssize_t n;

	if (write(fx.guest.ring[GUEST_TX].kick, &one, sizeof(one)) < 0 ||
	    poll_fd(fx.guest.fd, POLLIN, LONG_MS) != POLLIN)
		return -EFAULT;
	n = read(fx.guest.fd, &msg, sizeof(msg));
	if (n < 0)
		return -errno;
	if (!n)
		return -EFAULT;
	return n == sizeof(msg) && msg.iotlb.type == VHOST_IOTLB_MISS ?
		       0 :
		       -EBADMSG;
}

static int close_guest(void)
{
	int ret = close(fx.guest.fd) ? -errno : 0;

	fx.guest.fd = -1;
	return ret;
}

static int run_close_vmm(void)
{
	int ret = close(fx.vmm) ? -errno : 0;

	fx.vmm = -1;
	return ret;
}

/* A VMM's own device, with an endpoint bound to a channel. */
static void set_close_guest(void)
{
	have_guest();
	have_chan();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(fx.ept_id))
		die("announce");
}

static void set_close_persistent(void)
{
	have_dev();
	set_close_guest();
}

static bool done_close_persistent(void)
{
	return fx.now.num_devs == 1 && fx.now.num_epts == 1 &&
	       !fx.now.num_chans &&
	       fx.now.devs[0].state == VHOST_RPMSG_DEV_STATE_DETACHED &&
	       fx.now.epts[0].announced;
}

const struct fault_op vmm_ops[] = {
	{ "open", NULL, run_open, done_open, 0 },
	{ "attach_own", set_open, run_attach, done_attach_own, 0 },
	{ "attach_persistent", set_attach_persistent, run_attach,
	  done_attach_persistent, 0 },
	{ "set_owner", set_open, run_set_owner, fixture_has_worker, 0 },
	/* This uses put_user(), which has no fault injection. */
	{ "get_features", set_owned, run_get_features, NULL, KEEPS | NOTHING },
	{ "set_features", set_owned, run_set_features, done_set_features, 0 },
	{ "set_features_iotlb", set_owned, run_set_features_iotlb,
	  done_set_features_iotlb, 0 },
	{ "get_backend_features", set_owned, run_get_backend_features, NULL,
	  KEEPS | NOTHING },
	{ "set_backend_features", set_owned, run_set_backend_features, NULL,
	  KEEPS },
	{ "set_mem_table", set_guest_stopped, run_set_mem_table, done_mem_table,
	  CORE },
	{ "set_vring_num", set_guest_stopped, run_vring_num, NULL, KEEPS },
	{ "set_vring_base", set_guest_stopped, run_vring_base, NULL, KEEPS },
	{ "get_vring_base", set_guest_stopped, run_get_vring_base, NULL,
	  KEEPS },
	{ "set_vring_addr", set_guest_stopped, run_vring_addr, NULL, KEEPS },
	{ "set_vring_kick", set_guest_stopped, run_vring_kick, NULL, KEEPS },
	{ "set_vring_call", set_guest_stopped, run_vring_call, NULL, KEEPS },
	{ "set_vring_err", set_guest_stopped, run_vring_err, NULL, KEEPS },
	{ "start", set_guest_ready, run_start, done_start, NEVER },
	{ "restart", set_restart, run_start, done_restart, NEVER },
	{ "stop", have_guest, run_stop, done_stop, NEVER },
	{ "iotlb_write", set_iotlb, run_iotlb_write, NULL, IOTLB },
	{ "iotlb_read", set_iotlb_miss, run_iotlb_read, NULL, IOTLB },
	{ "close", set_open, run_close_vmm, done_gone, NEVER },
	{ "close_guest", set_close_guest, close_guest, done_gone, NEVER },
	{ "close_persistent", set_close_persistent, close_guest,
	  done_close_persistent, NEVER },
	{}
};
