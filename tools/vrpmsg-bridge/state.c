// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings that the kernel can have, and whether they are consistent.
 * Nothing here makes a system call on the device.
 */
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"

/* Bytes of guest memory per bit of the log. */
#define LOG_PAGE_SIZE	4096

void state_init(struct state *state)
{
	unsigned int i;

	memset(state, 0, sizeof(*state));
	state->log_fd = -1;
	for (i = 0; i < NUM_RINGS; i++) {
		state->rings[i].kick = -1;
		state->rings[i].call = -1;
		state->rings[i].err = -1;
	}
}

static void release_fd(int fd, int kept)
{
	if (fd >= 0 && fd != kept)
		alarm_close(fd);
}

/* Unmap and close everything in @state that @kept does not share. */
void state_release(struct state *state, const struct state *kept)
{
	unsigned int i;

	memory_release(&state->mem, &kept->mem);
	if (state->log.base != kept->log.base)
		mapping_destroy(&state->log);
	release_fd(state->log_fd, kept->log_fd);
	for (i = 0; i < NUM_RINGS; i++) {
		const struct ring *ring = &state->rings[i];
		const struct ring *kept_ring = &kept->rings[i];

		release_fd(ring->kick, kept_ring->kick);
		release_fd(ring->call, kept_ring->call);
		release_fd(ring->err, kept_ring->err);
	}
}

/* Size of a used ring, including the avail_event index that follows it. */
static uint64_t used_size(const struct ring *ring)
{
	return sizeof(struct vring_used) +
	       (uint64_t)ring->num * sizeof(struct vring_used_elem) +
	       sizeof(__virtio16);
}

/* Translate the addresses of @ring; false if a part of it is outside of @mem. */
static bool translate_ring(const struct memory *mem, const struct ring *ring,
			   struct vhost_vring_addr *to)
{
	const struct vhost_vring_addr *from = &ring->addr;
	uint64_t num = ring->num;

	*to = *from;
	to->desc_user_addr = memory_translate(mem, from->desc_user_addr,
					      num * sizeof(struct vring_desc));
	to->avail_user_addr = memory_translate(mem, from->avail_user_addr,
					       sizeof(struct vring_avail) +
					       (num + 1) * sizeof(__virtio16));
	to->used_user_addr = memory_translate(mem, from->used_user_addr,
					      used_size(ring));
	return to->desc_user_addr && to->avail_user_addr && to->used_user_addr;
}

/*
 * Has the front end set everything that the rings need to start? An RPMsg device
 * needs both rings, so they only run together.
 */
bool state_complete(const struct state *state)
{
	unsigned int i;

	for (i = 0; i < NUM_RINGS; i++) {
		const struct ring *ring = &state->rings[i];

		if (!ring->enabled || ring->kick < 0 || !ring->num ||
		    !ring->has_addr)
			return false;
	}
	return state->mem.num > 0;
}

/* Can the rings run in @state? If so, @addr gets their addresses in this process. */
bool state_runs(const struct state *state,
		struct vhost_vring_addr addr[NUM_RINGS])
{
	unsigned int i;

	if (!state_complete(state))
		return false;
	for (i = 0; i < NUM_RINGS; i++)
		if (!translate_ring(&state->mem, &state->rings[i], &addr[i]))
			return false;
	return true;
}

/* Does the log have a bit for every guest address up to @last? */
static bool log_covers(const struct mapping *log, uint64_t last)
{
	return log->base && last / LOG_PAGE_SIZE / 8 < log->size;
}

/* Does it have one for the used ring of @ring, if writes to that are logged? */
static bool log_covers_ring(const struct mapping *log, const struct ring *ring)
{
	uint64_t last;

	if (!(ring->addr.flags & (1U << VHOST_VRING_F_LOG)))
		return true;
	return !__builtin_add_overflow(ring->addr.log_guest_addr,
				       used_size(ring) - 1, &last) &&
	       log_covers(log, last);
}

/* Does the log cover everything that the kernel logs while the rings run? */
bool state_log_suffices(const struct state *state)
{
	unsigned int i;

	if (state->features & BIT_ULL(VHOST_F_LOG_ALL) &&
	    !log_covers(&state->log, memory_last(&state->mem)))
		return false;
	for (i = 0; i < NUM_RINGS; i++)
		if (!log_covers_ring(&state->log, &state->rings[i]))
			return false;
	return true;
}
