// SPDX-License-Identifier: GPL-2.0-only
/*
 * A /dev/vhost-rpmsg that has no rings: it refuses what the kernel refuses,
 * keeps what it is told, and checks at each call that all that a worker would
 * use of it is there.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vhost_rpmsg.h>

#include "kernel.h"

#define NUM_RINGS	2
#define MAX_REGIONS	64
/* A bit of the log stands for a page, whatever the size of pages is. */
#define LOG_PAGE	4096
#define FEATURES								\
	((1ULL << VIRTIO_F_VERSION_1) | (1ULL << VIRTIO_RPMSG_F_NS) |		\
	 (1ULL << VIRTIO_RING_F_EVENT_IDX) |					\
	 (1ULL << VIRTIO_RING_F_INDIRECT_DESC) | (1ULL << VHOST_F_LOG_ALL) |	\
	 (1ULL << VIRTIO_F_ANY_LAYOUT) | (1ULL << VIRTIO_F_NOTIFY_ON_EMPTY) |	\
	 (1ULL << VIRTIO_F_ACCESS_PLATFORM))

/* Mappings that the bridge has. */
static struct {
	uintptr_t base;
	size_t len;
} maps[4 * MAX_REGIONS];
static unsigned int num_maps;

static struct {
	int fd;
	bool running;
	uint64_t features;
	uint64_t log_base;
	struct vhost_vring_addr addr[NUM_RINGS];
	uint32_t num[NUM_RINGS];
	uint32_t base[NUM_RINGS];
	unsigned int num_regions;
	struct vhost_memory_region regions[MAX_REGIONS];
} kernel = { .fd = -1 };

static unsigned int fail_in;
static int fail_with;

void broken(const char *what)
{
	fprintf(stderr, "fuzz_bridge: %s\n", what);
	abort();
}

void kernel_fail(unsigned int nth, unsigned int error)
{
	static const int errors[] = {
		ENOMEM, EFAULT, EINVAL, EBUSY, EPERM, EBADF, ENOBUFS, EINTR,
	};

	fail_in = nth;
	fail_with = errors[error % (sizeof(errors) / sizeof(*errors))];
}

static bool fails(void)
{
	if (!fail_in || --fail_in)
		return false;
	errno = fail_with;
	return true;
}

static bool is_mapped(uint64_t addr, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < num_maps; i++)
		if (addr - maps[i].base < maps[i].len &&
		    size <= maps[i].len - (addr - maps[i].base))
			return true;
	return false;
}

static uint64_t used_size(unsigned int q)
{
	return sizeof(struct vring_used) +
	       (uint64_t)kernel.num[q] * sizeof(struct vring_used_elem) +
	       sizeof(__virtio16);
}

/* The log has a bit for the guest address @last and all below it. */
static bool logs(uint64_t last)
{
	return is_mapped(kernel.log_base, last / LOG_PAGE / 8 + 1);
}

/* What the worker would do next is possible, if there is one. */
static void check_worker(void)
{
	unsigned int i;

	if (!kernel.running)
		return;
	for (i = 0; i < kernel.num_regions; i++) {
		const struct vhost_memory_region *r = &kernel.regions[i];

		if (!is_mapped(r->userspace_addr, r->memory_size))
			broken("a region is not mapped");
		if (kernel.features & (1ULL << VHOST_F_LOG_ALL) &&
		    !logs(r->guest_phys_addr + (r->memory_size - 1)))
			broken("a region is beyond the log");
	}
	for (i = 0; i < NUM_RINGS; i++) {
		const struct vhost_vring_addr *a = &kernel.addr[i];
		uint64_t num = kernel.num[i], last;

		if (!num)
			broken("a ring has no size");
		if (!is_mapped(a->desc_user_addr,
			       num * sizeof(struct vring_desc)))
			broken("a descriptor table is not mapped");
		if (!is_mapped(a->avail_user_addr,
			       sizeof(struct vring_avail) +
				       (num + 1) * sizeof(__virtio16)))
			broken("an avail ring is not mapped");
		if (!is_mapped(a->used_user_addr, used_size(i)))
			broken("a used ring is not mapped");
		if (a->flags & (1U << VHOST_VRING_F_LOG) &&
		    (__builtin_add_overflow(a->log_guest_addr, used_size(i) - 1,
					    &last) ||
		     !logs(last)))
			broken("a used ring is beyond the log");
	}
}

void kernel_check_idle(void)
{
	fail_in = 0;
	if (kernel.fd >= 0)
		broken("the device is still open");
	if (num_maps)
		broken("a mapping is left");
}

static int set_memory(const struct vhost_memory *mem)
{
	unsigned int i;

	if (mem->padding)
		return EOPNOTSUPP;
	if (mem->nregions > MAX_REGIONS)
		return E2BIG;
	for (i = 0; i < mem->nregions; i++) {
		const struct vhost_memory_region *r = &mem->regions[i];

		if (!r->memory_size ||
		    r->guest_phys_addr + (r->memory_size - 1) <
			    r->guest_phys_addr)
			return EFAULT;
	}
	kernel.num_regions = mem->nregions;
	memcpy(kernel.regions, mem->regions,
	       mem->nregions * sizeof(*mem->regions));
	return 0;
}

static int set_features(uint64_t features)
{
	if (features & ~FEATURES)
		return EOPNOTSUPP;
	if (features & (1ULL << VIRTIO_F_ACCESS_PLATFORM))
		broken("the bridge has no IOTLB to offer");
	kernel.features = features;
	return 0;
}

static int set_addr(const struct vhost_vring_addr *addr)
{
	if (addr->flags & ~(1U << VHOST_VRING_F_LOG))
		return EOPNOTSUPP;
	if (addr->avail_user_addr & (VRING_AVAIL_ALIGN_SIZE - 1) ||
	    addr->used_user_addr & (VRING_USED_ALIGN_SIZE - 1) ||
	    addr->log_guest_addr & (VRING_USED_ALIGN_SIZE - 1))
		return EINVAL;
	kernel.addr[addr->index] = *addr;
	return 0;
}

static int set_num(const struct vhost_vring_state *state)
{
	if (kernel.running)
		return EBUSY;
	if (!state->num || state->num > 0xffff || state->num & (state->num - 1))
		return EINVAL;
	kernel.num[state->index] = state->num;
	return 0;
}

static int set_base(const struct vhost_vring_state *state)
{
	if (kernel.running)
		return EBUSY;
	if (state->num > 0xffff)
		return EINVAL;
	kernel.base[state->index] = state->num;
	return 0;
}

static int set_file(int fd)
{
	char link[32], name[32] = "";

	if (fd < 0)
		return fd == VHOST_FILE_UNBIND ? 0 : EBADF;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof(name) - 1) < 0)
		return EBADF;
	return strcmp(name, "anon_inode:[eventfd]") ? EINVAL : 0;
}

/* 0 or an errno. Calls about a ring begin with its index. */
static int vring_ioctl(unsigned long request, void *arg)
{
	struct vhost_vring_state *state = arg;

	if (state->index >= NUM_RINGS)
		return ENOBUFS;
	switch (request) {
	case VHOST_SET_VRING_ADDR:
		return set_addr(arg);
	case VHOST_SET_VRING_NUM:
		return set_num(state);
	case VHOST_SET_VRING_BASE:
		return set_base(state);
	case VHOST_GET_VRING_BASE:
		state->num = kernel.base[state->index];
		return 0;
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
		return set_file(((struct vhost_vring_file *)arg)->fd);
	}
	broken("an ioctl that the kernel does not have");
}

static int do_ioctl(unsigned long request, void *arg)
{
	int value;

	switch (request) {
	case VHOST_RPMSG_ATTACH:
		return 0;
	case VHOST_GET_FEATURES:
		*(uint64_t *)arg = FEATURES;
		return 0;
	case VHOST_SET_FEATURES:
		return set_features(*(uint64_t *)arg);
	case VHOST_SET_MEM_TABLE:
		return set_memory(arg);
	case VHOST_SET_LOG_BASE:
		kernel.log_base = *(uint64_t *)arg;
		return 0;
	case VHOST_SET_LOG_FD:
		return set_file(*(int *)arg);
	case VHOST_RPMSG_SET_RUNNING:
		value = *(int *)arg;
		if (value != 0 && value != 1)
			return EINVAL;
		kernel.running = value;
		return 0;
	}
	return vring_ioctl(request, arg);
}

int kernel_ioctl(int fd, unsigned long request, ...)
{
	void *arg;
	va_list ap;
	int err;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);

	if (fails())
		return -1;
	if (request == VHOST_SET_OWNER) {
		if (kernel.fd >= 0)
			broken("two devices are open");
		memset(&kernel, 0, sizeof(kernel));
		kernel.fd = fd;
		return 0;
	}
	if (fd != kernel.fd && request != VHOST_RPMSG_ATTACH)
		broken("an ioctl for another file");
	err = do_ioctl(request, arg);
	check_worker();
	errno = err;
	return err ? -1 : 0;
}

int kernel_close(int fd)
{
	if (fd == kernel.fd) {
		kernel.fd = -1;
		kernel.running = false;
	}
	if (close(fd))
		broken("a file descriptor is closed twice");
	return 0;
}

void *kernel_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset)
{
	void *base;

	if (fails())
		return MAP_FAILED;
	if (num_maps == sizeof(maps) / sizeof(*maps))
		broken("too many mappings");
	base = mmap(addr, len, prot, flags, fd, offset);
	if (base != MAP_FAILED) {
		maps[num_maps].base = (uintptr_t)base;
		maps[num_maps++].len = len;
	}
	return base;
}

int kernel_munmap(void *addr, size_t len)
{
	unsigned int i;

	for (i = 0; i < num_maps; i++)
		if (maps[i].base == (uintptr_t)addr && maps[i].len == len)
			break;
	if (i == num_maps || munmap(addr, len))
		broken("what is unmapped is no mapping");
	maps[i] = maps[--num_maps];
	check_worker();
	return 0;
}
