// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random values: numbers, names, addresses, and known objects.
 */
#include <stdio.h>
#include <string.h>

#include "host.h"

__thread uint64_t rng;

uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 20) % n;
}

bool one_in(uint32_t n)
{
	return !rnd(n);
}

uint64_t rnd64(void)
{
	uint64_t high = rnd(UINT32_MAX);

	return high << 32 | rnd(UINT32_MAX);
}

uint32_t known(const uint32_t *table)
{
	unsigned int i;
	uint32_t id = 0;

	for (i = 0; !id && i < 8; i++)
		id = __atomic_load_n(&table[rnd(NUM_KNOWN)], __ATOMIC_RELAXED);
	return id;
}

void remember(uint32_t *table, uint32_t id)
{
	__atomic_store_n(&table[rnd(NUM_KNOWN)], id, __ATOMIC_RELAXED);
}

void forget(uint32_t *table, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < NUM_KNOWN; i++)
		__atomic_compare_exchange_n(&table[i], &(uint32_t){ id }, 0,
					    false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

uint32_t some_addr(void)
{
	switch (rnd(16)) {
	case 0:
		return VHOST_RPMSG_NS_ADDR;
	case 1:
		return rnd64();
	default:
		return (one_in(2) ? 1024 : 100) + rnd(4);
	}
}

int some_name(char *name, size_t size)
{
	size_t i, len;

	memset(name, 0, size);
	if (!one_in(32))
		return snprintf(name, size, "fuzz%u", rnd(NUM_NAMES)) + 1;
	if (one_in(4))
		return snprintf(name, size, HONEST) + 1;
	len = rnd(size);
	for (i = 0; i < len; i++)
		name[i] = one_in(16) ? rnd(256) : 'a' + rnd(26);
	return len;
}
