// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vhost-rpmsg: vhost_sync() brings the kernel from any state to the one it
 * is given, with the ioctls that make the difference.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vhost_rpmsg.h>

#include "bridge.h"

/* Since Linux 6.5. */
#ifndef VHOST_NEW_WORKER
struct vhost_worker_state {
	unsigned int worker_id;
};

struct vhost_vring_worker {
	unsigned int index;
	unsigned int worker_id;
};

#define VHOST_NEW_WORKER	_IOR(VHOST_VIRTIO, 0x8, struct vhost_worker_state)
#define VHOST_ATTACH_VRING_WORKER	\
	_IOW(VHOST_VIRTIO, 0x15, struct vhost_vring_worker)
#endif

/*
 * Features that the bridge does not offer. An IOTLB needs a second channel to the
 * front end, which the bridge does not implement.
 */
#define FEATURES_WITHHELD	BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)

static int do_ioctl(const struct vhost *vhost, unsigned long request,
		    const void *arg)
{
	return ioctl(vhost->fd, request, arg) < 0 ? -errno : 0;
}

static int attach(const struct vhost *vhost, const struct config *config)
{
	struct vhost_rpmsg_attach attach = {
		.flags = VHOST_RPMSG_ATTACH_KEEP,
	};

	if (config->require_device)
		attach.flags |= VHOST_RPMSG_ATTACH_EXISTING;
	strncpy(attach.name, config->name, sizeof(attach.name) - 1);
	return do_ioctl(vhost, VHOST_RPMSG_ATTACH, &attach);
}

static int set_busy_poll(const struct vhost *vhost, unsigned int microseconds)
{
	struct vhost_vring_state state = { .num = microseconds };
	int err = 0;

	for (state.index = 0; !err && state.index < NUM_RINGS; state.index++)
		err = do_ioctl(vhost, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state);
	return err;
}

/* Move the last ring to a worker of its own. */
static int add_worker(const struct vhost *vhost)
{
	struct vhost_worker_state worker = {};
	struct vhost_vring_worker ring = { .index = NUM_RINGS - 1 };
	int err = do_ioctl(vhost, VHOST_NEW_WORKER, &worker);

	if (err)
		return err;
	ring.worker_id = worker.worker_id;
	return do_ioctl(vhost, VHOST_ATTACH_VRING_WORKER, &ring);
}

/* Optional features of the kernel: without them it is only slower. */
static void tune(const struct vhost *vhost, const struct config *config)
{
	int err = 0;

	if (config->busy_poll)
		err = set_busy_poll(vhost, config->busy_poll);
	if (err)
		log_warn("event=busy-poll error=\"%s\"", strerror(-err));
	err = config->workers > 1 ? add_worker(vhost) : 0;
	if (err)
		log_warn("event=workers error=\"%s\"", strerror(-err));
}

/* Open the device. @vhost->have must be that of a new device. */
int sync_open(struct vhost *vhost, const struct config *config)
{
	uint64_t features;
	int err = 0;

	vhost->fd = open(config->device, O_RDWR | O_CLOEXEC);
	if (vhost->fd < 0)
		return -errno;
	if (config->name)
		err = attach(vhost, config);
	/* The kernel's worker uses the address space of the owner. */
	if (!err)
		err = do_ioctl(vhost, VHOST_SET_OWNER, NULL);
	if (!err)
		err = do_ioctl(vhost, VHOST_GET_FEATURES, &features);
	if (err) {
		sync_close(vhost);
		return err;
	}
	vhost->offered = features & ~FEATURES_WITHHELD;
	if (config->no_event_idx)
		vhost->offered &= ~BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	tune(vhost, config);
	return 0;
}

/* This ends the worker. Memory may only be unmapped afterwards. */
void sync_close(struct vhost *vhost)
{
	if (vhost->fd >= 0)
		close(vhost->fd);
	vhost->fd = -1;
	vhost->running = false;
}

static int set_running(struct vhost *vhost, int how)
{
	return do_ioctl(vhost, VHOST_RPMSG_SET_RUNNING, &how);
}

static int stop(struct vhost *vhost)
{
	struct vhost_vring_state state = {};
	int err = set_running(vhost, VHOST_RPMSG_STOP);

	if (err)
		return err;
	vhost->running = false;
	log_info("event=stopped");
	for (state.index = 0; !err && state.index < NUM_RINGS; state.index++) {
		err = do_ioctl(vhost, VHOST_GET_VRING_BASE, &state);
		if (!err)
			vhost->base[state.index] = state.num;
	}
	return err;
}

/*
 * Read the used index of the ring at @addr. The front end may truncate the file
 * behind the guest's memory, and a plain read would then be a SIGBUS.
 */
static int read_used_index(uint64_t features,
			   const struct vhost_vring_addr *addr, uint32_t *index)
{
	uintptr_t from =
		addr->used_user_addr + offsetof(struct vring_used, idx);
	__virtio16 value;
	struct iovec local = { &value, sizeof(value) };
	struct iovec remote = { (void *)from, sizeof(value) };
	ssize_t ret = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	if (ret < 0)
		return -errno;
	if (ret != sizeof(value))
		return -EFAULT;
	*index = features & BIT_ULL(VIRTIO_F_VERSION_1) ?
			 le16toh((uint16_t)value) :
			 (uint16_t)value;
	return 0;
}

/*
 * Set the base of ring @i to the used index in the guest's memory. For a new guest no
 * other base can be right; a guest that goes on does so where the kernel has stopped,
 * whatever the base is. Front ends may disagree: cloud-hypervisor starts at the avail
 * index, and would skip the buffers that the guest posted before the start.
 */
static int program_base(struct vhost *vhost, unsigned int i, uint64_t features,
			const struct vhost_vring_addr *addr)
{
	struct vhost_vring_state state = { .index = i };
	int err = read_used_index(features, addr, &state.num);

	if (err)
		return err;
	if (state.num != vhost->base[i])
		log_info("event=base ring=%u base=%u used=%u", i,
			 vhost->base[i], state.num);
	vhost->base[i] = state.num;
	return do_ioctl(vhost, VHOST_SET_VRING_BASE, &state);
}

static int program_addr(struct vhost *vhost, unsigned int i,
			const struct vhost_vring_addr *addr)
{
	int err = do_ioctl(vhost, VHOST_SET_VRING_ADDR, addr);

	if (!err)
		vhost->have.rings[i].addr = *addr;
	return err;
}

/*
 * Start the rings. Unless the front end has reset the device, the kernel decides by
 * the used indices whether this is still the guest of the last stop.
 */
static int start(struct vhost *vhost, const struct state *to,
		 const struct vhost_vring_addr addr[NUM_RINGS])
{
	struct vhost_vring_state state = {};
	unsigned int i;
	bool new = vhost->guest_reset;
	int err = 0;

	for (i = 0; !err && i < NUM_RINGS; i++) {
		state.index = i;
		state.num = to->rings[i].num;
		err = do_ioctl(vhost, VHOST_SET_VRING_NUM, &state);
		if (err)
			break;
		vhost->have.rings[i].num = state.num;
		err = program_base(vhost, i, to->features, &addr[i]);
		if (!err)
			err = program_addr(vhost, i, &addr[i]);
	}
	if (err)
		return err;
	if (!new)
		err = set_running(vhost, VHOST_RPMSG_CONTINUE);
	if (err == -ESTALE)
		new = true;
	if (new)
		err = set_running(vhost, VHOST_RPMSG_START);
	if (err)
		return err;
	vhost->running = true;
	vhost->guest_reset = false;
	log_info("event=started guest=%s", new ? "new" : "same");
	return 0;
}

/* Is there a change between the kernel's state and @to that needs a stop? */
static bool must_stop(const struct vhost *vhost, const struct state *to,
		      const struct vhost_vring_addr addr[NUM_RINGS])
{
	unsigned int i;

	/* Logging is switched on and off while the guest runs. */
	if ((to->features ^ vhost->have.features) & ~BIT_ULL(VHOST_F_LOG_ALL))
		return true;
	for (i = 0; i < NUM_RINGS; i++) {
		const struct ring *ring = &vhost->have.rings[i];

		if (to->rings[i].num != ring->num ||
		    addr[i].desc_user_addr != ring->addr.desc_user_addr ||
		    addr[i].avail_user_addr != ring->addr.avail_user_addr ||
		    addr[i].used_user_addr != ring->addr.used_user_addr)
			return true;
	}
	return false;
}

static int sync_features(struct vhost *vhost, const struct state *to)
{
	int err;

	if (vhost->have.features == to->features)
		return 0;
	err = do_ioctl(vhost, VHOST_SET_FEATURES, &to->features);
	if (!err)
		vhost->have.features = to->features;
	return err;
}

static int sync_memory(struct vhost *vhost, const struct state *to)
{
	union {
		struct vhost_memory table;
		char space[sizeof(struct vhost_memory) +
			   MAX_REGIONS * sizeof(struct vhost_memory_region)];
	} arg = {};
	unsigned int i;
	int err;

	if (memory_equal(&vhost->have.mem, &to->mem))
		return 0;
	arg.table.nregions = to->mem.num;
	for (i = 0; i < to->mem.num; i++) {
		const struct region *region = &to->mem.regions[i];
		struct vhost_memory_region *entry = &arg.table.regions[i];

		entry->guest_phys_addr = region->desc.guest_addr;
		entry->memory_size = region->desc.size;
		entry->userspace_addr = region->map.addr;
	}
	err = do_ioctl(vhost, VHOST_SET_MEM_TABLE, &arg);
	if (!err)
		vhost->have.mem = to->mem;
	return err;
}

static int sync_log(struct vhost *vhost, const struct state *to)
{
	uint64_t base = to->log.addr;
	int err;

	if (vhost->have.log.base == to->log.base)
		return 0;
	err = do_ioctl(vhost, VHOST_SET_LOG_BASE, &base);
	if (!err)
		vhost->have.log = to->log;
	return err;
}

static int sync_log_fd(struct vhost *vhost, const struct state *to)
{
	int err;

	if (vhost->have.log_fd == to->log_fd)
		return 0;
	err = do_ioctl(vhost, VHOST_SET_LOG_FD, &to->log_fd);
	if (!err)
		vhost->have.log_fd = to->log_fd;
	return err;
}

/* Replace the eventfd @have of ring @i with @to. */
static int sync_file(const struct vhost *vhost, unsigned long request,
		     unsigned int i, int *have, int to)
{
	struct vhost_vring_file file = { .index = i, .fd = to };
	int err;

	if (*have == to)
		return 0;
	err = do_ioctl(vhost, request, &file);
	if (!err)
		*have = to;
	return err;
}

static int sync_files(struct vhost *vhost, const struct state *to)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < NUM_RINGS; i++) {
		struct ring *have = &vhost->have.rings[i];
		const struct ring *ring = &to->rings[i];

		err = sync_file(vhost, VHOST_SET_VRING_KICK, i, &have->kick,
				ring->kick);
		if (!err)
			err = sync_file(vhost, VHOST_SET_VRING_CALL, i,
					&have->call, ring->call);
		if (!err)
			err = sync_file(vhost, VHOST_SET_VRING_ERR, i,
					&have->err, ring->err);
	}
	return err;
}

/* Update the logging of rings that keep running; they have not moved. */
static int sync_addrs(struct vhost *vhost,
		      const struct vhost_vring_addr addr[NUM_RINGS])
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < NUM_RINGS; i++) {
		const struct vhost_vring_addr *have =
			&vhost->have.rings[i].addr;

		if (have->flags != addr[i].flags ||
		    have->log_guest_addr != addr[i].log_guest_addr)
			err = program_addr(vhost, i, &addr[i]);
	}
	return err;
}

/**
 * vhost_sync - bring the kernel to state @to
 * @vhost: device
 * @to: the new state; the kernel uses its memory and files until the next call
 *
 * The rings run afterwards if @to has all they need, and pause only if they must.
 * They are not started unless the log covers the memory.
 *
 * Return: 0, or a negative errno. After an error the kernel has a part of @to;
 * the next call goes on from there.
 */
int vhost_sync(struct vhost *vhost, const struct state *to)
{
	struct vhost_vring_addr addr[NUM_RINGS];
	bool runs = state_runs(to, addr);
	int err = 0;

	if (runs && !state_log_suffices(to))
		return -EFAULT;
	if (vhost->running && (!runs || must_stop(vhost, to, addr)))
		err = stop(vhost);
	if (!err)
		err = sync_features(vhost, to);
	if (!err)
		err = sync_memory(vhost, to);
	if (!err)
		err = sync_log(vhost, to);
	if (!err)
		err = sync_log_fd(vhost, to);
	if (!err)
		err = sync_files(vhost, to);
	if (err || !runs)
		return err;
	return vhost->running ? sync_addrs(vhost, addr) :
				start(vhost, to, addr);
}
