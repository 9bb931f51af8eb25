// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state that the front end wants. Each function edits a copy of it and applies
 * that; if the kernel refuses, everything stays as it was.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"

/* Limits of the kernel. */
#define MAX_NUM		0x8000
#define MAX_BASE	0xffff

void vhost_init(struct vhost *vhost)
{
	memset(vhost, 0, sizeof(*vhost));
	state_init(&vhost->want);
	state_init(&vhost->have);
	vhost->fd = -1;
}

int vhost_open(struct vhost *vhost, const struct config *config)
{
	return sync_open(vhost, config);
}

/*
 * Whether the control group does not allow to open the device file: other reasons have
 * other errors. systemd allows the number that the file had when it started the bridge,
 * and the module may have another one since it was loaded again.
 */
bool vhost_denied(const struct config *config)
{
	return access(config->device, R_OK | W_OK) && errno == EPERM;
}

void vhost_close(struct vhost *vhost)
{
	struct state none;

	sync_close(vhost);
	state_init(&none);
	state_release(&vhost->want, &none);
}

/*
 * Make @next the wanted state, or go back to the one before. If the kernel refuses
 * even that, close the device, so that it cannot use memory that is about to be
 * unmapped: -ENOTRECOVERABLE. @next's mappings and files are consumed.
 */
static int apply(struct vhost *vhost, struct state *next)
{
	struct state former;
	int err = vhost_sync(vhost, next);

	if (!err) {
		former = vhost->want;
		vhost->want = *next;
		state_release(&former, &vhost->want);
		return 0;
	}
	if (vhost_sync(vhost, &vhost->want)) {
		sync_close(vhost);
		log_err("event=lost error=\"%s\"", strerror(-err));
		err = -ENOTRECOVERABLE;
	}
	state_release(next, &vhost->want);
	return err;
}

/*
 * The same for messages about rings. Once nothing is missing, refuse rings that
 * are outside of the guest's memory: otherwise they would silently never start.
 */
static int apply_rings(struct vhost *vhost, struct state *next)
{
	struct vhost_vring_addr addr[NUM_RINGS];

	if (state_complete(next) && !state_runs(next, addr)) {
		state_release(next, &vhost->want);
		return -EFAULT;
	}
	return apply(vhost, next);
}

/* @features includes the bit that the transport has for itself. */
int vhost_set_features(struct vhost *vhost, uint64_t features)
{
	uint64_t transport = BIT_ULL(VHOST_USER_F_PROTOCOL_FEATURES);
	struct state next = vhost->want;
	unsigned int i;

	next.features = features & ~transport;
	if (next.features & ~vhost->offered)
		return -EOPNOTSUPP;
	if (vhost->running &&
	    (next.features ^ vhost->want.features) & ~BIT_ULL(VHOST_F_LOG_ALL))
		return -EBUSY;
	/* Front ends without protocol features do not send SET_VRING_ENABLE. */
	for (i = 0; !(features & transport) && i < NUM_RINGS; i++)
		next.rings[i].enabled = true;
	return apply_rings(vhost, &next);
}

/*
 * Front ends may remove memory and add it again in another shape. Rings in it pause
 * meanwhile.
 */
int vhost_set_memory(struct vhost *vhost, const struct memory *mem)
{
	struct state next = vhost->want;

	next.mem = *mem;
	return apply(vhost, &next);
}

int vhost_add_region(struct vhost *vhost, const struct vhost_user_region *desc,
		     int fd)
{
	struct state next = vhost->want;
	int err = memory_add(&next.mem, desc, fd);

	return err ? err : apply(vhost, &next);
}

int vhost_remove_region(struct vhost *vhost,
			const struct vhost_user_region *desc)
{
	struct state next = vhost->want;
	int err = memory_remove(&next.mem, desc);

	return err ? err : apply(vhost, &next);
}

int vhost_set_log_base(struct vhost *vhost, const struct vhost_user_log *log,
		       int fd)
{
	struct state next = vhost->want;
	int err =
		mapping_create(&next.log, fd, log->mmap_offset, log->mmap_size);

	return err ? err : apply(vhost, &next);
}

int vhost_set_log_fd(struct vhost *vhost, int fd)
{
	struct state next = vhost->want;

	next.log_fd = fd;
	return apply(vhost, &next);
}

int vhost_set_num(struct vhost *vhost, const struct vhost_vring_state *state)
{
	struct state next = vhost->want;

	if (vhost->running)
		return -EBUSY;
	if (!state->num || state->num > MAX_NUM ||
	    state->num & (state->num - 1))
		return -EINVAL;
	next.rings[state->index].num = state->num;
	return apply_rings(vhost, &next);
}

int vhost_set_addr(struct vhost *vhost, const struct vhost_vring_addr *addr)
{
	struct state next = vhost->want;

	next.rings[addr->index].addr = *addr;
	next.rings[addr->index].has_addr = true;
	return apply_rings(vhost, &next);
}

int vhost_set_base(struct vhost *vhost, const struct vhost_vring_state *state)
{
	if (vhost->running)
		return -EBUSY;
	if (state->num > MAX_BASE)
		return -EINVAL;
	vhost->base[state->index] = state->num;
	return 0;
}

/* Stop ring @state->index and say where it has stopped. */
int vhost_get_base(struct vhost *vhost, struct vhost_vring_state *state)
{
	int err = vhost_set_kick(vhost, state->index, -1);

	if (!err)
		state->num = vhost->base[state->index];
	return err;
}

/* The eventfds of a ring: -1 for none. */
int vhost_set_kick(struct vhost *vhost, unsigned int index, int fd)
{
	struct state next = vhost->want;

	next.rings[index].kick = fd;
	return apply_rings(vhost, &next);
}

/*
 * Signal eventfd @fd, unless it is full and so signals already. The front end can fill
 * it after poll(), and then write() blocks. O_NONBLOCK would change the front end's
 * file as well, and eventfds do not support RWF_NOWAIT for writing. So an alarm ends the
 * write().
 */
static void signal_event(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	uint64_t one = 1;

	if (poll(&pfd, 1, 0) != 1 || !(pfd.revents & POLLOUT))
		return;
	alarm_start();
	if (write(fd, &one, sizeof(one)) < 0)
		log_debug("event=signal error=\"%s\"", strerror(errno));
	alarm_stop();
}

int vhost_set_call(struct vhost *vhost, unsigned int index, int fd)
{
	struct state next = vhost->want;
	int err;

	next.rings[index].call = fd;
	err = apply(vhost, &next);
	/*
	 * QEMU sets the final eventfd only after it has started the rings.
	 * Repeat what the kernel may have signalled to the one before.
	 */
	if (!err && fd >= 0 && vhost->running)
		signal_event(fd);
	return err;
}

int vhost_set_err(struct vhost *vhost, unsigned int index, int fd)
{
	struct state next = vhost->want;

	next.rings[index].err = fd;
	return apply(vhost, &next);
}

int vhost_set_enable(struct vhost *vhost, unsigned int index, bool enable)
{
	struct state next = vhost->want;

	next.rings[index].enabled = enable;
	return apply_rings(vhost, &next);
}

int vhost_disable(struct vhost *vhost)
{
	struct state next = vhost->want;
	unsigned int i;

	for (i = 0; i < NUM_RINGS; i++)
		next.rings[i].enabled = false;
	return apply(vhost, &next);
}

/* Stop both rings until SET_VRING_KICK starts them again. */
int vhost_stop(struct vhost *vhost)
{
	struct state next = vhost->want;
	unsigned int i;

	for (i = 0; i < NUM_RINGS; i++)
		next.rings[i].kick = -1;
	return apply(vhost, &next);
}

/*
 * Reset the device. What front ends set only once per connection stays: memory,
 * log, and the other eventfds.
 */
int vhost_reset(struct vhost *vhost)
{
	struct state next = vhost->want;
	unsigned int i;
	int err;

	next.features = 0;
	for (i = 0; i < NUM_RINGS; i++) {
		struct ring *ring = &next.rings[i];

		*ring = (struct ring){
			.kick = -1,
			.call = ring->call,
			.err = ring->err,
		};
	}
	err = apply(vhost, &next);
	if (err)
		return err;
	vhost->guest_reset = true;
	memset(vhost->base, 0, sizeof(vhost->base));
	return 0;
}
