/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fixture for tests of the char device; include it once, after
 * kselftest_harness.h.
 */
#ifndef CHRDEV_FIXTURE_H
#define CHRDEV_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "guest.h"
#include "util.h"

#define DEV	"chrdev"
#define REMOTE	0x400
#define COST(len)	((len) + VHOST_RPMSG_MSG_OVERHEAD)

FIXTURE(chrdev)
{
	struct guest g;
	int ept;		/* fixed remote, address 1024 */
	int fd;			/* non-blocking */
	char buf[1024];
};

FIXTURE_SETUP(chrdev)
{
	struct guest_opts opts = { .name = DEV };

	self->fd = ept_open_new(EPT_REQ(.dev = DEV, .name = "ept",
					.remote = REMOTE),
				&self->ept);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(chrdev)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define SEND(data, len) \
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data, len))
#define READABLE() ASSERT_TRUE(poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN)

static inline void set_blocking(int fd)
{
	fcntl(fd, F_SETFL, 0);
}

/* A record of an addressed endpoint. */
struct record {
	struct vhost_rpmsg_addr addr;
	char data[32];
};

#endif /* CHRDEV_FIXTURE_H */
