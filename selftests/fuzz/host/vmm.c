// SPDX-License-Identifier: GPL-2.0-only
/*
 * Misbehaving VMMs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"
#include "host.h"

/* The memory of misbehaving VMMs: the kernel may write anything to it. */
#define ARENA_SIZE	(4UL << 20)
#define PART_SIZE	(1UL << 20)
static uint8_t *arena;
static int eventfds[4];

void vmm_init(void)
{
	unsigned int i;

	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED)
		die("fuzz_host: memory");
	for (i = 0; i < ARRAY_SIZE(eventfds); i++)
		eventfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* An address where the kernel may write in this process, or an invalid one. */
static uint64_t some_user_addr(void)
{
	static const uint64_t nowhere[] = {
		0, 1, 0x1000, 0x800000000000, 0xffff888000000000, -4096ULL, -1,
	};

	if (one_in(16))
		return nowhere[rnd(ARRAY_SIZE(nowhere))];
	/* Objects at this address end inside the arena. */
	return (uintptr_t)arena +
	       (rnd(ARENA_SIZE / 2) & (one_in(16) ? -1 : -64));
}

/* Within the range of a log in the arena, or far above it. */
static uint64_t some_guest_addr(void)
{
	static const uint64_t edges[] = {
		0, 0xffff, 0x7ffff000, 0xfffff000, -8192ULL, -1,
	};

	return one_in(4) ? edges[rnd(ARRAY_SIZE(edges))] : rnd(ARENA_SIZE);
}

static int some_fd(void)
{
	switch (rnd(16)) {
	case 0:
		return rnd(1024) - 512;
	case 1:
		return VMM_FD + rnd(NUM_VMMS);
	case 2:
		return EPT_FD + rnd(NUM_EPTS);
	case 3:
		return -1;
	default:
		return eventfds[rnd(ARRAY_SIZE(eventfds))];
	}
}

static uint64_t some_features(void)
{
	static const int bits[] = {
		VIRTIO_RPMSG_F_NS,
		VIRTIO_F_VERSION_1,
		VHOST_F_LOG_ALL,
		VIRTIO_RING_F_EVENT_IDX,
		VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_F_ACCESS_PLATFORM,
		VIRTIO_F_NOTIFY_ON_EMPTY,
		VHOST_BACKEND_F_IOTLB_MSG_V2,
	};
	uint64_t features = one_in(32) ? rnd64() : 0;
	unsigned int i, n = rnd(5);

	for (i = 0; i < n; i++)
		features |= 1ULL << bits[rnd(ARRAY_SIZE(bits))];
	return features;
}

union argument {
	int integer;
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct vhost_vring_file file;
	struct vhost_rpmsg_attach attach;
	struct vhost_memory memory;
	uint8_t bytes[sizeof(struct vhost_memory) +
		      66 * sizeof(struct vhost_memory_region)];
};

static void some_memory(struct vhost_memory *memory)
{
	unsigned int i;

	memory->nregions = one_in(8) ? rnd(70) : 1 + rnd(3);
	memory->padding = one_in(32);
	for (i = 0; i < memory->nregions && i < 66; i++) {
		struct vhost_memory_region *region = &memory->regions[i];

		region->guest_phys_addr = some_guest_addr();
		region->userspace_addr = some_user_addr();
		region->memory_size = one_in(16) ? rnd(2) : rnd(ARENA_SIZE / 2);
	}
}

static void some_argument(union argument *arg, enum arg kind)
{
	unsigned int index = one_in(16) ? rnd(4) : rnd(2);

	memset(arg, 0, sizeof(*arg));
	switch (kind) {
	case NOTHING:
		break;
	case FEATURES:
		arg->u64 = some_features();
		break;
	case INTEGER:
		arg->integer = one_in(16) ? (int)rnd64() : (int)rnd(2);
		break;
	case STATE:
		arg->state.index = index;
		arg->state.num = one_in(8) ? rnd64() :
				 one_in(2) ? 1U << rnd(16) :
					     rnd(4);
		break;
	case RING_ADDR:
		arg->addr.index = index;
		arg->addr.flags = one_in(32) ? rnd64() : one_in(8);
		arg->addr.desc_user_addr = some_user_addr();
		arg->addr.used_user_addr = some_user_addr();
		arg->addr.avail_user_addr = some_user_addr();
		arg->addr.log_guest_addr = some_guest_addr() & -4;
		break;
	case RING_FILE:
		arg->file.index = index;
		arg->file.fd = some_fd();
		break;
	case MEMORY:
		some_memory(&arg->memory);
		break;
	case LOG_BASE:
		arg->u64 = some_user_addr();
		break;
	case EVENTFD:
		arg->integer = some_fd();
		break;
	case NAME:
		some_name(arg->attach.name, sizeof(arg->attach.name));
		arg->attach.flags = one_in(32);
		arg->attach.reserved = one_in(32);
		break;
	}
}

void do_vmm_open(void)
{
	int flags = one_in(4) ? 0 : O_NONBLOCK;
	int fd = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC | flags);

	count_other(VMM_OPEN, fd);
	place(fd, some_vmm());
}

void do_vmm_close(void)
{
	close(some_vmm());
}

static int do_ioctl(int fd, unsigned long nr, void *arg)
{
	int ret = ioctl(fd, nr, arg);

	count_ioctl(nr, ret);
	return ret;
}

void do_some_ioctl(void)
{
	unsigned int i = rnd(num_ioctls);
	int fd = one_in(8) ? some_ept() : some_vmm();
	union argument arg;

	some_argument(&arg, ioctls[i].arg);
	if (one_in(32))
		do_ioctl(fd, ioctls[i].nr, bad_ptr);
	else if (one_in(32))
		do_ioctl(fd, _IOC(rnd(4), VHOST_VIRTIO, rnd(256), rnd(64)),
			 &arg);
	else
		do_ioctl(fd, ioctls[i].nr, &arg);
}

/* Set up valid rings in a part of the arena, so that the device runs. */
void do_set_up(void)
{
	unsigned int i, part = rnd(ARENA_SIZE / PART_SIZE);
	uint8_t *mem = arena + part * PART_SIZE;
	uint64_t features = GUEST_FEATURES |
			    (one_in(4) ? 1ULL << VIRTIO_F_ACCESS_PLATFORM : 0);
	int fd = some_vmm(), running = 1;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = {
		.head.nregions = 1,
		.region.memory_size = PART_SIZE,
		.region.userspace_addr = (uintptr_t)mem,
	};

	do_ioctl(fd, VHOST_SET_OWNER, NULL);
	do_ioctl(fd, VHOST_SET_FEATURES, &features);
	do_ioctl(fd, VHOST_SET_MEM_TABLE, &table);
	for (i = 0; i < 2; i++) {
		struct vhost_vring_state num = { .index = i, .num = 16 };
		struct vhost_vring_state base = { .index = i };
		struct vhost_vring_addr addr = {
			.index = i,
			.desc_user_addr = (uintptr_t)mem + i * 0x4000,
			.avail_user_addr = (uintptr_t)mem + i * 0x4000 + 0x1000,
			.used_user_addr = (uintptr_t)mem + i * 0x4000 + 0x2000,
		};
		struct vhost_vring_file file = {
			.index = i,
			.fd = eventfds[rnd(ARRAY_SIZE(eventfds))],
		};

		do_ioctl(fd, VHOST_SET_VRING_NUM, &num);
		do_ioctl(fd, VHOST_SET_VRING_BASE, &base);
		do_ioctl(fd, VHOST_SET_VRING_ADDR, &addr);
		do_ioctl(fd, VHOST_SET_VRING_KICK, &file);
		do_ioctl(fd, VHOST_SET_VRING_CALL, &file);
	}
	do_ioctl(fd, VHOST_RPMSG_SET_RUNNING, &running);
}

/* Add something to the rings of a part, and kick. */
void do_push(void)
{
	uint8_t *mem = arena + rnd(ARENA_SIZE / PART_SIZE) * PART_SIZE;
	unsigned int q = rnd(2), i = rnd(16);
	struct vring_desc *desc = (void *)(mem + q * 0x4000);
	struct vring_avail *avail = (void *)(mem + q * 0x4000 + 0x1000);
	struct guest_hdr *hdr = (void *)(mem + 0x10000 + i * 0x1000);
	uint64_t one = 1;

	hdr->src = some_addr();
	hdr->dst = some_addr();
	hdr->len = one_in(8) ? rnd(0x10000) : rnd(64);
	desc[i].addr = one_in(16) ? rnd64() : 0x10000 + i * 0x1000;
	desc[i].len = one_in(16) ? rnd64() : GUEST_HDR + hdr->len;
	desc[i].flags = one_in(16) ? rnd(8) :
			q == GUEST_TX ? VRING_DESC_F_WRITE :
					0;
	avail->ring[avail->idx % 16] = i;
	__atomic_fetch_add(&avail->idx, one_in(32) ? rnd(64) : 1,
			   __ATOMIC_RELEASE);
	if (write(eventfds[rnd(ARRAY_SIZE(eventfds))], &one, sizeof(one)) < 0)
		return;
}

void do_iotlb(void)
{
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2 };
	struct vhost_msg v1 = { .type = one_in(16) ? rnd(4) : VHOST_IOTLB_MSG };
	struct vhost_iotlb_msg msg = {
		.iova = some_guest_addr(),
		.size = one_in(16) ? rnd64() : rnd(ARENA_SIZE / 2),
		.uaddr = some_user_addr(),
		.perm = rnd(4),
		.type = one_in(4) ? rnd(8) : VHOST_IOTLB_UPDATE + rnd(2),
	};
	int fd = some_vmm();
	void *data = one_in(2) ? (void *)&v1 : (void *)&v2;
	size_t len = data == &v1 ? sizeof(v1) : sizeof(v2);

	v1.iotlb = msg;
	v2.iotlb = msg;
	if (one_in(16))
		len = rnd(len);
	if (one_in(2))
		count_other(VMM_WRITE, write(fd, data, len));
	else
		count_other(VMM_READ, read(fd, data, len));
}
