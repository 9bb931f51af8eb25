// SPDX-License-Identifier: GPL-2.0-only
/*
 * A /dev/vhost-rpmsg without rings: it refuses what the kernel refuses, stores all
 * settings, and checks at each call that everything a worker would use exists.
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
#include <sys/uio.h>
#include <unistd.h>

#include <linux/vhost_rpmsg.h>

#include "../../../tools/vrpmsg-bridge/bridge.h"
#include "kernel.h"

/* A bit of the log stands for 4096 bytes, whatever the page size is. */
#define LOG_PAGE	4096
#define FEATURES								\
	((1ULL << VIRTIO_F_VERSION_1) | (1ULL << VIRTIO_RPMSG_F_NS) |		\
	 (1ULL << VIRTIO_RING_F_EVENT_IDX) |					\
	 (1ULL << VIRTIO_RING_F_INDIRECT_DESC) | (1ULL << VHOST_F_LOG_ALL) |	\
	 (1ULL << VIRTIO_F_ANY_LAYOUT) | (1ULL << VIRTIO_F_NOTIFY_ON_EMPTY) |	\
	 (1ULL << VIRTIO_F_ACCESS_PLATFORM))

/* Mappings of the bridge. */
static struct {
	uintptr_t base;
	size_t len;
} maps[4 * MAX_REGIONS];
static unsigned int num_maps;

/* Files as passed in: the bridge keeps them open as long as this uses them. */
enum { KICK, CALL, ERR, NUM_FILES };

static struct {
	int fd;
	bool running;
	bool has_run;
	uint64_t features;
	uint64_t log_base;
	struct vhost_vring_addr addr[NUM_RINGS];
	uint32_t num[NUM_RINGS];
	uint32_t base[NUM_RINGS];
	uint32_t stopped[NUM_RINGS];
	int files[NUM_RINGS][NUM_FILES];
	int log_fd;
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

/* Does the log have bits for all guest addresses up to @last? */
static bool logs(uint64_t last)
{
	return is_mapped(kernel.log_base, last / LOG_PAGE / 8 + 1);
}

/* Check that the worker, if there is one, could run. */
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

static uint64_t translate(const struct memory *mem, uint64_t addr,
			  uint64_t size)
{
	unsigned int i;

	for (i = 0; i < mem->num; i++) {
		const struct region *r = &mem->regions[i];

		if (addr - r->desc.user_addr < r->desc.size &&
		    size <= r->desc.size - (addr - r->desc.user_addr))
			return r->map.addr + (addr - r->desc.user_addr);
	}
	return 0;
}

/* The addresses of a ring that can run; one of them is 0 if it cannot. */
static struct vhost_vring_addr wanted_addr(const struct state *want,
					   unsigned int q)
{
	const struct ring *ring = &want->rings[q];
	struct vhost_vring_addr addr = {};

	if (ring->kick < 0 || !ring->enabled || !ring->num || !ring->has_addr)
		return addr;
	addr = ring->addr;
	addr.desc_user_addr =
		translate(&want->mem, addr.desc_user_addr, 16ULL * ring->num);
	addr.avail_user_addr = translate(&want->mem, addr.avail_user_addr,
					 6 + 2ULL * ring->num);
	addr.used_user_addr = translate(&want->mem, addr.used_user_addr,
					6 + 8ULL * ring->num);
	return addr;
}

static void check_wanted_memory(const struct memory *mem)
{
	unsigned int i;

	if (kernel.num_regions != mem->num)
		broken("there is more memory, or less, than is wanted");
	for (i = 0; i < mem->num; i++) {
		const struct vhost_memory_region *r = &kernel.regions[i];
		const struct region *want = &mem->regions[i];

		if (r->guest_phys_addr != want->desc.guest_addr ||
		    r->memory_size != want->desc.size ||
		    r->userspace_addr != want->map.addr)
			broken("a region is not the one that is wanted");
	}
}

static void check_wanted_ring(const struct state *want, unsigned int q)
{
	const struct ring *ring = &want->rings[q];
	struct vhost_vring_addr addr = wanted_addr(want, q);

	if (kernel.files[q][KICK] != ring->kick ||
	    kernel.files[q][CALL] != ring->call ||
	    kernel.files[q][ERR] != ring->err)
		broken("an eventfd is not the one that is wanted");
	if (kernel.running && (kernel.num[q] != ring->num ||
			       memcmp(&kernel.addr[q], &addr, sizeof(addr))))
		broken("a ring is not where it is wanted");
}

void kernel_check_wanted(const struct vhost *vhost)
{
	const struct state *want = &vhost->want;
	bool runs = true;
	unsigned int i;

	if (kernel.fd < 0)
		broken("there is a front end, and no device");
	for (i = 0; i < NUM_RINGS; i++) {
		struct vhost_vring_addr addr = wanted_addr(want, i);

		runs = runs && addr.desc_user_addr && addr.avail_user_addr &&
		       addr.used_user_addr;
	}
	if (kernel.running != runs || vhost->running != runs)
		broken("rings run, or do not, as it is not wanted");
	if (kernel.features != want->features)
		broken("the features are not those that are wanted");
	if (kernel.log_base != want->log.addr || kernel.log_fd != want->log_fd)
		broken("the log is not the one that is wanted");
	check_wanted_memory(&want->mem);
	for (i = 0; i < NUM_RINGS; i++)
		check_wanted_ring(want, i);
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

static int check_file(int fd)
{
	char link[32], name[32] = "";

	if (fd < 0)
		return fd == VHOST_FILE_UNBIND ? 0 : EBADF;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, name, sizeof(name) - 1) < 0)
		return EBADF;
	return strcmp(name, "anon_inode:[eventfd]") ? EINVAL : 0;
}

static int set_file(int *file, int fd)
{
	int err = check_file(fd);

	if (!err)
		*file = fd;
	return err;
}

static int set_vring_file(unsigned long request,
			  const struct vhost_vring_file *file)
{
	unsigned int kind = request == VHOST_SET_VRING_KICK ? KICK :
			    request == VHOST_SET_VRING_CALL ? CALL :
							      ERR;

	return set_file(&kernel.files[file->index][kind], file->fd);
}

/* Read the used index in the guest's memory, which may be missing. */
static bool used_index(unsigned int q, uint32_t *index)
{
	uintptr_t from = kernel.addr[q].used_user_addr +
			 offsetof(struct vring_used, idx);
	uint16_t value;
	struct iovec local = { &value, sizeof(value) };
	struct iovec remote = { (void *)from, sizeof(value) };

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) !=
	    sizeof(value))
		return false;
	*index = value;
	return true;
}

/* Like the kernel: continue only if the used indices in memory match. */
static int set_running(int how)
{
	uint32_t index;
	unsigned int i;

	if (how < VHOST_RPMSG_STOP || how > VHOST_RPMSG_CONTINUE)
		return EINVAL;
	if (how != VHOST_RPMSG_STOP && kernel.running)
		broken("rings that run are started");
	for (i = 0; how != VHOST_RPMSG_STOP && i < NUM_RINGS; i++) {
		if (!kernel.num[i])
			return EFAULT;
		if (!used_index(i, &index))
			return EFAULT;
		if (index != kernel.base[i])
			broken("a ring begins elsewhere than at its used index");
	}
	if (how == VHOST_RPMSG_CONTINUE &&
	    (!kernel.has_run ||
	     memcmp(kernel.stopped, kernel.base, sizeof(kernel.stopped))))
		return ESTALE;
	if (kernel.running)
		memcpy(kernel.stopped, kernel.base, sizeof(kernel.stopped));
	kernel.running = how != VHOST_RPMSG_STOP;
	kernel.has_run |= kernel.running;
	return 0;
}

/* Returns 0 or an errno. Arguments of calls for a ring start with its index. */
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
		return set_vring_file(request, arg);
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
		return 0;
	}
	broken("an ioctl that the kernel does not have");
}

static int do_ioctl(unsigned long request, void *arg)
{
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
		return set_file(&kernel.log_fd, *(int *)arg);
	case VHOST_RPMSG_SET_RUNNING:
		return set_running(*(int *)arg);
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
		memset(kernel.files, -1, sizeof(kernel.files));
		kernel.log_fd = -1;
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

ssize_t kernel_readv(pid_t pid, const struct iovec *local, unsigned long num,
		     const struct iovec *remote, unsigned long remote_num,
		     unsigned long flags)
{
	if (fails())
		return -1;
	return process_vm_readv(pid, local, num, remote, remote_num, flags);
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
