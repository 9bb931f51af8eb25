// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vhost-rpmsg. The kernel learns everything as it comes, apart from the
 * addresses of the rings: these it gets when both rings are about to start,
 * since a front end may send them before the memory that they are in.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost_rpmsg.h>

#include "bridge.h"

/*
 * What the front end may not have: translating addresses for the kernel needs
 * a second channel to the front end, which the bridge does not have.
 */
#define FEATURES_WITHHELD	BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)

/* A bit of the log stands for one of these. */
#define LOG_PAGE_SIZE	4096

static int do_ioctl(const struct vhost *vhost, unsigned long request,
		    const void *arg)
{
	return ioctl(vhost->fd, request, arg) < 0 ? -errno : 0;
}

int vhost_open(struct vhost *vhost, const struct config *config)
{
	struct vhost_rpmsg_attach attach = {};
	uint64_t features;
	int err;

	memset(vhost, 0, sizeof(*vhost));
	vhost->fd = open(config->device, O_RDWR | O_CLOEXEC);
	if (vhost->fd < 0)
		return -errno;
	if (config->name) {
		strncpy(attach.name, config->name, sizeof(attach.name) - 1);
		err = do_ioctl(vhost, VHOST_RPMSG_ATTACH, &attach);
		if (err)
			goto fail;
	}
	/* Whoever owns it is the one whose memory the kernel's worker uses. */
	err = do_ioctl(vhost, VHOST_SET_OWNER, NULL);
	if (err)
		goto fail;
	err = do_ioctl(vhost, VHOST_GET_FEATURES, &features);
	if (err)
		goto fail;
	vhost->offered = features & ~FEATURES_WITHHELD;
	return 0;

fail:
	close(vhost->fd);
	vhost->fd = -1;
	return err;
}

void vhost_close(struct vhost *vhost)
{
	/* Ends the worker, which must be gone before its memory is. */
	close(vhost->fd);
	memory_release(&vhost->mem);
	mapping_destroy(&vhost->log);
}

/* Bytes of a used ring, with the index behind it that EVENT_IDX uses. */
static uint64_t used_size(const struct ring *ring)
{
	return sizeof(struct vring_used) +
	       (uint64_t)ring->num * sizeof(struct vring_used_elem) +
	       sizeof(__virtio16);
}

/*
 * Where a ring of the size of @ring is in this process when the front end has
 * it at @from. False if not all of it is in @mem.
 */
static bool translate_ring(const struct memory *mem, const struct ring *ring,
			   const struct vhost_vring_addr *from,
			   struct vhost_vring_addr *to)
{
	uint64_t num = ring->num;

	*to = *from;
	to->desc_user_addr = memory_translate(mem, from->desc_user_addr,
					      num * sizeof(struct vring_desc));
	to->avail_user_addr = memory_translate(mem, from->avail_user_addr,
					       sizeof(struct vring_avail) +
					       (num + 1) * sizeof(__virtio16));
	to->used_user_addr = memory_translate(mem, from->used_user_addr,
					      used_size(ring));
	return num && to->desc_user_addr && to->avail_user_addr &&
	       to->used_user_addr;
}

/* Are both rings in @mem as a whole? */
static bool memory_has_rings(const struct vhost *vhost,
			     const struct memory *mem)
{
	struct vhost_vring_addr addr;
	unsigned int i;

	for (i = 0; i < NUM_RINGS; i++)
		if (!vhost->rings[i].has_addr ||
		    !translate_ring(mem, &vhost->rings[i],
				    &vhost->rings[i].addr, &addr))
			return false;
	return true;
}

/* Would the kernel write inside of the log for everything up to @last? */
static bool log_covers(const struct mapping *log, uint64_t last)
{
	return log->base && last / LOG_PAGE_SIZE / 8 < log->size;
}

/* The same for what it writes to the used ring of @ring at @addr. */
static bool log_covers_ring(const struct mapping *log, const struct ring *ring,
			    const struct vhost_vring_addr *addr)
{
	uint64_t last;

	if (!(addr->flags & (1U << VHOST_VRING_F_LOG)))
		return true;
	return !__builtin_add_overflow(addr->log_guest_addr,
				       used_size(ring) - 1, &last) &&
	       log_covers(log, last);
}

/* The same for all that it logs with these @features. */
static bool log_suffices(const struct vhost *vhost, const struct mapping *log,
			 const struct memory *mem, uint64_t features)
{
	unsigned int i;

	if (features & BIT_ULL(VHOST_F_LOG_ALL) &&
	    !log_covers(log, memory_last(mem)))
		return false;
	for (i = 0; i < NUM_RINGS; i++)
		if (!log_covers_ring(log, &vhost->rings[i],
				     &vhost->rings[i].addr))
			return false;
	return true;
}

static int set_running(struct vhost *vhost, int running)
{
	int err = do_ioctl(vhost, VHOST_RPMSG_SET_RUNNING, &running);

	if (!err) {
		vhost->running = running;
		log_info("event=%s", running ? "started" : "stopped");
	}
	return err;
}

static int stop(struct vhost *vhost)
{
	return vhost->running ? set_running(vhost, 0) : 0;
}

/*
 * Start, if the front end has started and enabled both rings. Only here, and in
 * what is called while they run, memory and log have to fit: before, they come
 * in any order.
 */
static int start(struct vhost *vhost)
{
	struct vhost_vring_addr addr;
	unsigned int i;
	int err;

	if (vhost->running)
		return 0;
	for (i = 0; i < NUM_RINGS; i++)
		if (!vhost->rings[i].kick || !vhost->rings[i].enabled)
			return 0;
	if (!memory_has_rings(vhost, &vhost->mem) ||
	    !log_suffices(vhost, &vhost->log, &vhost->mem, vhost->features))
		return -EFAULT;
	for (i = 0; i < NUM_RINGS; i++) {
		translate_ring(&vhost->mem, &vhost->rings[i],
			       &vhost->rings[i].addr, &addr);
		err = do_ioctl(vhost, VHOST_SET_VRING_ADDR, &addr);
		if (err)
			return err;
	}
	return set_running(vhost, 1);
}

/* @features as acknowledged, with the bit of the transport. */
int vhost_set_features(struct vhost *vhost, uint64_t features)
{
	uint64_t transport = BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES);
	uint64_t kernel = features & ~transport;
	unsigned int i;
	int err;

	if (kernel & ~vhost->offered)
		return -EOPNOTSUPP;
	/* A migration starts and ends while the guest runs. */
	if (vhost->running &&
	    (kernel ^ vhost->features) & ~BIT_ULL(VHOST_F_LOG_ALL))
		return -EBUSY;
	if (vhost->running &&
	    !log_suffices(vhost, &vhost->log, &vhost->mem, kernel))
		return -EFAULT;
	err = do_ioctl(vhost, VHOST_SET_FEATURES, &kernel);
	if (err)
		return err;
	vhost->features = kernel;
	/* A front end without protocol features does not enable rings. */
	if (features & transport)
		return 0;
	for (i = 0; i < NUM_RINGS; i++)
		vhost->rings[i].enabled = true;
	return start(vhost);
}

static int program_memory(struct vhost *vhost, const struct memory *mem)
{
	union {
		struct vhost_memory table;
		char space[sizeof(struct vhost_memory) +
			   MAX_REGIONS * sizeof(struct vhost_memory_region)];
	} arg = {};
	unsigned int i;

	arg.table.nregions = mem->num;
	for (i = 0; i < mem->num; i++) {
		const struct region *region = &mem->regions[i];
		struct vhost_memory_region *to = &arg.table.regions[i];

		to->guest_phys_addr = region->desc.guest_addr;
		to->memory_size = region->desc.size;
		to->userspace_addr = region->map.addr;
	}
	return do_ioctl(vhost, VHOST_SET_MEM_TABLE, &arg);
}

/*
 * Go on when the memory has changed. A front end may take memory away and give
 * it back in another shape: rings that are in it pause for that long.
 */
static int resume(struct vhost *vhost)
{
	return memory_has_rings(vhost, &vhost->mem) ? start(vhost) : 0;
}

/* Make @mem the guest's memory, and give the caller the former one in it. */
int vhost_set_memory(struct vhost *vhost, struct memory *mem)
{
	struct memory former;
	int err, resume_err;

	if (vhost->running &&
	    !log_suffices(vhost, &vhost->log, mem, vhost->features))
		return -EFAULT;
	/* The rings move with the memory, if only in this process. */
	err = stop(vhost);
	if (err)
		return err;
	err = program_memory(vhost, mem);
	if (!err) {
		former = vhost->mem;
		vhost->mem = *mem;
		*mem = former;
	}
	resume_err = resume(vhost);
	return err ? err : resume_err;
}

int vhost_add_region(struct vhost *vhost, const struct vhost_user_region *desc,
		     int fd)
{
	struct memory *mem = &vhost->mem;
	int err;

	err = memory_add(mem, desc, fd);
	if (err)
		return err;
	if (vhost->running &&
	    !log_suffices(vhost, &vhost->log, mem, vhost->features))
		err = -EFAULT;
	else
		err = program_memory(vhost, mem);
	if (err) {
		mapping_destroy(&mem->regions[--mem->num].map);
		return err;
	}
	return resume(vhost);
}

int vhost_remove_region(struct vhost *vhost,
			const struct vhost_user_region *desc)
{
	struct memory rest = vhost->mem;
	struct mapping map;
	int err;

	err = memory_remove(&rest, desc, &map);
	if (!err && vhost->running && !memory_has_rings(vhost, &rest))
		err = stop(vhost);
	if (!err)
		err = program_memory(vhost, &rest);
	if (err)
		return err;
	vhost->mem = rest;
	mapping_destroy(&map);
	return 0;
}

int vhost_set_log_base(struct vhost *vhost, const struct vhost_user_log *log,
		       int fd)
{
	struct mapping map;
	uint64_t base;
	int err;

	err = mapping_create(&map, fd, log->mmap_offset, log->mmap_size);
	if (err)
		return err;
	err = -EFAULT;
	if (vhost->running &&
	    !log_suffices(vhost, &map, &vhost->mem, vhost->features))
		goto fail;
	base = map.addr;
	err = do_ioctl(vhost, VHOST_SET_LOG_BASE, &base);
	if (err)
		goto fail;
	mapping_destroy(&vhost->log);
	vhost->log = map;
	return 0;

fail:
	mapping_destroy(&map);
	return err;
}

/* The ioctls that take a file descriptor: -1 for none. */
int vhost_set_log_fd(struct vhost *vhost, int fd)
{
	return do_ioctl(vhost, VHOST_SET_LOG_FD, &fd);
}

static int set_file(struct vhost *vhost, unsigned long request,
		    unsigned int index, int fd)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };

	return do_ioctl(vhost, request, &file);
}

int vhost_set_kick(struct vhost *vhost, unsigned int index, int fd)
{
	int err = set_file(vhost, VHOST_SET_VRING_KICK, index, fd);

	if (err)
		return err;
	vhost->rings[index].kick = fd >= 0;
	return start(vhost);
}

/* Signal the eventfd @fd, unless that would block. */
static void signal_event(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	uint64_t one = 1;

	if (poll(&pfd, 1, 0) == 1 && pfd.revents & POLLOUT &&
	    write(fd, &one, sizeof(one)) < 0)
		log_debug("event=signal error=\"%s\"", strerror(errno));
}

int vhost_set_call(struct vhost *vhost, unsigned int index, int fd)
{
	int err = set_file(vhost, VHOST_SET_VRING_CALL, index, fd);

	/*
	 * QEMU sets the eventfd that the guest hears of after it has started
	 * the rings: what the kernel has signalled before then is lost.
	 */
	if (!err && fd >= 0 && vhost->running)
		signal_event(fd);
	return err;
}

int vhost_set_err(struct vhost *vhost, unsigned int index, int fd)
{
	return set_file(vhost, VHOST_SET_VRING_ERR, index, fd);
}

int vhost_set_num(struct vhost *vhost, const struct vhost_vring_state *state)
{
	int err = do_ioctl(vhost, VHOST_SET_VRING_NUM, state);

	if (!err)
		vhost->rings[state->index].num = state->num;
	return err;
}

int vhost_set_addr(struct vhost *vhost, const struct vhost_vring_addr *addr)
{
	struct ring *ring = &vhost->rings[addr->index];
	struct vhost_vring_addr to;
	int err;

	/* A migration that begins or ends turns the log on and off. */
	if (vhost->running) {
		if (!translate_ring(&vhost->mem, ring, addr, &to) ||
		    !log_covers_ring(&vhost->log, ring, addr))
			return -EFAULT;
		err = do_ioctl(vhost, VHOST_SET_VRING_ADDR, &to);
		if (err)
			return err;
	}
	ring->addr = *addr;
	ring->has_addr = true;
	return 0;
}

int vhost_set_base(struct vhost *vhost, const struct vhost_vring_state *state)
{
	return do_ioctl(vhost, VHOST_SET_VRING_BASE, state);
}

/* Where ring @state->index has come to; this also stops it. */
int vhost_get_base(struct vhost *vhost, struct vhost_vring_state *state)
{
	int err;

	err = stop(vhost);
	if (!err)
		err = vhost_set_kick(vhost, state->index, -1);
	if (!err)
		err = do_ioctl(vhost, VHOST_GET_VRING_BASE, state);
	return err;
}

/* An RPMsg device needs both of its rings: either runs when both may. */
int vhost_set_enable(struct vhost *vhost, unsigned int index, bool enable)
{
	vhost->rings[index].enabled = enable;
	return enable ? start(vhost) : stop(vhost);
}

int vhost_disable(struct vhost *vhost)
{
	unsigned int i;

	for (i = 0; i < NUM_RINGS; i++)
		vhost->rings[i].enabled = false;
	return stop(vhost);
}

/*
 * As it was before the driver in the guest first set it up. What the front end
 * says once in a connection stays: it would not say again where the memory is.
 */
int vhost_reset(struct vhost *vhost)
{
	uint64_t features = 0;
	unsigned int i;
	int err;

	err = stop(vhost);
	for (i = 0; !err && i < NUM_RINGS; i++) {
		struct vhost_vring_state base = { .index = i };

		memset(&vhost->rings[i], 0, sizeof(vhost->rings[i]));
		err = vhost_set_kick(vhost, i, -1);
		if (!err)
			err = vhost_set_base(vhost, &base);
	}
	if (!err)
		err = do_ioctl(vhost, VHOST_SET_FEATURES, &features);
	if (!err)
		vhost->features = features;
	return err;
}
