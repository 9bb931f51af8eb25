/* SPDX-License-Identifier: GPL-2.0-only */
/* io_uring in tests of the char device. */
#ifndef URING_H
#define URING_H

#include <errno.h>
#include <liburing.h>

/* The result of the first completed call; -ETIME: none has completed. */
static inline int uring_result(struct io_uring *ring, int timeout_ms)
{
	struct __kernel_timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};
	struct io_uring_cqe *cqe;
	int res;

	if (io_uring_wait_cqe_timeout(ring, &cqe, &ts))
		return -ETIME;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

#endif /* URING_H */
