// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoints.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host.h"

void do_ept_open(void)
{
	uint32_t id = known(shared->epts);
	int fd = ept_open(id, one_in(4) ? 0 : O_NONBLOCK);

	if (fd == -ENOENT || fd == -ENETRESET)
		forget(shared->epts, id);
	errno = -fd;
	count_other(EPT_OPEN, fd);
	place(fd, some_ept());
}

void do_ept_close(void)
{
	close(some_ept());
}

void do_read(void)
{
	uint8_t buf[1024];
	struct iovec iov[] = {
		{ buf, rnd(600) },
		{ one_in(16) ? bad_ptr : buf + 600, rnd(400) },
	};

	count_other(EPT_READ, readv(some_ept(), iov, 1 + rnd(2)));
}

void do_write(void)
{
	static const uint8_t zeroes[70000];
	struct vhost_rpmsg_addr addr = {
		.addr = some_addr(),
		.generation = one_in(4) ? rnd(4) : 0,
	};
	struct iovec iov[] = {
		{ &addr, one_in(2) ? sizeof(addr) : rnd(sizeof(addr)) },
		{ one_in(32) ? bad_ptr : (void *)zeroes,
		  one_in(16) ? rnd(sizeof(zeroes)) : rnd(500) },
	};

	count_other(EPT_WRITE, writev(some_ept(), iov, 1 + rnd(2)));
}
