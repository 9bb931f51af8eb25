// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages with content that follows from a seed.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "race.h"

void make_msg(void *data, uint32_t seed)
{
	memcpy(data, &seed, sizeof(seed));
	fill((uint8_t *)data + sizeof(seed), LEN - sizeof(seed), seed);
}

uint32_t seed_of(const void *data)
{
	uint32_t seed;

	memcpy(&seed, data, sizeof(seed));
	if (check_fill((const uint8_t *)data + sizeof(seed), LEN - sizeof(seed),
		       seed))
		return 0;
	return seed;
}

long read_msg(int fd, int flags)
{
	uint8_t data[LEN + 1];
	struct iovec iov = { data, sizeof(data) };
	/* cppcheck-suppress invalidFunctionArg ; no offset, as in readv() */
	ssize_t len = preadv2(fd, &iov, 1, -1, flags);
	uint32_t seed;

	if (len < 0)
		return -errno;
	seed = len == LEN ? seed_of(data) : 0;
	return seed ? (long)seed : -EBADMSG;
}

int write_msg(int fd, uint32_t seed, int flags)
{
	uint8_t data[LEN];
	struct iovec iov = { data, LEN };

	make_msg(data, seed);
	/* cppcheck-suppress invalidFunctionArg ; no offset, as in writev() */
	return pwritev2(fd, &iov, 1, -1, flags) == LEN ? 0 : -errno;
}
