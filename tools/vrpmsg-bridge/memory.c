// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the guest. The front end passes a file descriptor and the position of the
 * memory in that file. Nothing that it says is trusted.
 */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bridge.h"

/* Mappings of hugetlbfs begin and end at huge pages. */
static uint64_t mapping_granule(int fd)
{
	struct statfs fs;

	if (!fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC)
		return fs.f_bsize;
	return sysconf(_SC_PAGESIZE);
}

/* Map @size bytes at @offset of @fd. The caller keeps the descriptor. */
int mapping_create(struct mapping *map, int fd, uint64_t offset, uint64_t size)
{
	uint64_t end, granule = mapping_granule(fd);
	struct stat st;
	void *base;

	/* On 32-bit processors, mmap() would cut off a longer length or offset. */
	if (!size || __builtin_add_overflow(offset, size, &end) ||
	    __builtin_add_overflow(end, granule - 1, &end) || end > PTRDIFF_MAX)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	/* Accesses beyond the end of a mapped file fail with SIGBUS. */
	if (S_ISREG(st.st_mode) && offset + size > (uint64_t)st.st_size)
		return -EINVAL;

	map->len = end / granule * granule - offset / granule * granule;
	base = mmap(NULL, map->len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd, offset / granule * granule);
	if (base == MAP_FAILED)
		return -errno;
	/* Keep the guest's data out of core dumps of the bridge. */
	madvise(base, map->len, MADV_DONTDUMP);
	map->base = base;
	map->addr = (uintptr_t)base + offset % granule;
	map->size = size;
	return 0;
}

void mapping_destroy(struct mapping *map)
{
	if (map->base)
		munmap(map->base, map->len);
	memset(map, 0, sizeof(*map));
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a - b < b_size || b - a < a_size;
}

/* Add the region @desc, whose memory is in @fd. */
int memory_add(struct memory *mem, const struct vhost_user_region *desc, int fd)
{
	struct region *region = &mem->regions[mem->num];
	uint64_t end;
	unsigned int i;
	int err;

	if (!desc->size ||
	    __builtin_add_overflow(desc->guest_addr, desc->size - 1, &end) ||
	    __builtin_add_overflow(desc->user_addr, desc->size - 1, &end))
		return -EINVAL;
	if (mem->num == MAX_REGIONS)
		return -ENOSPC;
	for (i = 0; i < mem->num; i++) {
		const struct vhost_user_region *other = &mem->regions[i].desc;

		if (overlap(desc->guest_addr, desc->size, other->guest_addr,
			    other->size) ||
		    overlap(desc->user_addr, desc->size, other->user_addr,
			    other->size))
			return -EEXIST;
	}

	err = mapping_create(&region->map, fd, desc->mmap_offset, desc->size);
	if (err)
		return err;
	region->desc = *desc;
	mem->num++;
	return 0;
}

/* Remove the region @desc, but not its mapping, which memory_release() removes. */
int memory_remove(struct memory *mem, const struct vhost_user_region *desc)
{
	unsigned int i;

	for (i = 0; i < mem->num; i++) {
		struct region *region = &mem->regions[i];

		if (region->desc.guest_addr != desc->guest_addr ||
		    region->desc.user_addr != desc->user_addr ||
		    region->desc.size != desc->size)
			continue;
		mem->num--;
		memmove(region, region + 1, (mem->num - i) * sizeof(*region));
		return 0;
	}
	return -ENOENT;
}

static bool memory_has_map(const struct memory *mem, const struct mapping *map)
{
	unsigned int i;

	for (i = 0; i < mem->num; i++)
		if (mem->regions[i].map.base == map->base)
			return true;
	return false;
}

/* Remove all regions from @mem, and mappings that @kept does not share. */
void memory_release(struct memory *mem, const struct memory *kept)
{
	struct mapping *map;

	while (mem->num) {
		map = &mem->regions[--mem->num].map;
		if (!memory_has_map(kept, map))
			mapping_destroy(map);
	}
}

bool memory_equal(const struct memory *a, const struct memory *b)
{
	return a->num == b->num &&
	       !memcmp(a->regions, b->regions, a->num * sizeof(*a->regions));
}

/*
 * Translate a front end's address, for @size bytes, to one of this process. Returns 0
 * unless all bytes are in one region: adjacent regions are mapped separately.
 */
uintptr_t memory_translate(const struct memory *mem, uint64_t user_addr,
			   uint64_t size)
{
	unsigned int i;

	for (i = 0; i < mem->num; i++) {
		const struct region *region = &mem->regions[i];
		uint64_t offset = user_addr - region->desc.user_addr;

		if (offset < region->desc.size &&
		    size <= region->desc.size - offset)
			return region->map.addr + offset;
	}
	return 0;
}

/* Returns the last guest address that is memory, or 0 if there is none. */
uint64_t memory_last(const struct memory *mem)
{
	uint64_t last = 0;
	unsigned int i;

	for (i = 0; i < mem->num; i++) {
		const struct vhost_user_region *desc = &mem->regions[i].desc;

		if (desc->guest_addr + (desc->size - 1) > last)
			last = desc->guest_addr + (desc->size - 1);
	}
	return last;
}
