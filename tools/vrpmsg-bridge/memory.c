// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the guest, as the front end hands it over: a file descriptor, and
 * where in it the memory lies. What it says is not to be trusted.
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

/* Map @size bytes at @offset of @fd; the descriptor is still the caller's. */
int mapping_create(struct mapping *map, int fd, uint64_t offset, uint64_t size)
{
	uint64_t end, granule = mapping_granule(fd);
	struct stat st;
	void *base;

	if (!size || __builtin_add_overflow(offset, size, &end) ||
	    __builtin_add_overflow(end, granule - 1, &end) || end > INT64_MAX)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	/* Behind its end a file can be mapped, but not touched. */
	if (S_ISREG(st.st_mode) && offset + size > (uint64_t)st.st_size)
		return -EINVAL;

	map->len = end / granule * granule - offset / granule * granule;
	base = mmap(NULL, map->len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd, offset / granule * granule);
	if (base == MAP_FAILED)
		return -errno;
	/* Secrets of the guest do not belong into a core dump of the bridge. */
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

/* Take the region @desc out. Its mapping stays: memory_release(). */
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

/* Empty @mem; mappings that are @kept's, too, stay. */
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
 * Where @size bytes at @user_addr of the front end are in this process, or 0.
 * They must lie in one region: its neighbours are mapped elsewhere.
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

/* The last guest address that there is memory at, 0 if there is none. */
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
