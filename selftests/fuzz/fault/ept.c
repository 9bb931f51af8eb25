// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls of the char device.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault.h"

static int run_ept_open(void)
{
	fx.ept = ept_open(fx.ept_id, O_NONBLOCK);
	return fx.ept < 0 ? fx.ept : 0;
}

static bool done_ept_open(void)
{
	return fx.ept >= 0 && fx.now.epts[0].open;
}

static void set_open_ept(void)
{
	have_dev();
	have_open_ept(EPT_REQ(.dev = DEV, .name = SVC));
}

static int run_ept_close(void)
{
	int ret = close(fx.ept) ? -errno : 0;

	fx.ept = -1;
	return ret;
}

static bool done_ept_close(void)
{
	return fx.now.num_epts == 1 && !fx.now.epts[0].open;
}

static int run_ept_info(void)
{
	struct vhost_rpmsg_ept_info info = {};
	int err = xioctl(fx.ept, VHOST_RPMSG_EPT_GET_INFO, &info);

	if (!err && (info.id != fx.ept_id || strcmp(info.name, SVC)))
		return -EBADMSG;
	return err;
}

static int run_poll(void)
{
	int ret = poll_fd(fx.ept, POLLIN | POLLOUT, 0);

	return ret < 0 ? ret : ret == (POLLIN | POLLOUT) ? 0 : -EBADMSG;
}

/* Queue a message from the guest. */
static void have_message(size_t len, bool addressed)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .addressed = addressed));
	fill(fx.out, len, 1);
	if (guest_send(&fx.guest, REMOTE, 77, fx.out, len) ||
	    guest_drain(&fx.guest, LONG_MS) ||
	    !WAIT_FOR(ept_stat(fx.ept_id, VHOST_RPMSG_A_STATS_RX_MSGS) == 1,
		      LONG_MS))
		die("no message");
}

static void set_read(void)
{
	have_message(64, false);
}

static void set_read_none(void)
{
	have_message(0, false);
}

static void set_read_mtu(void)
{
	have_message(MTU, false);
}

static void set_read_addressed(void)
{
	have_message(64, true);
}

static void set_read_addressed_none(void)
{
	have_message(0, true);
}

/* Compare the read message, after @skip bytes of address, with the sent one. */
static int is_sent(ssize_t n, size_t skip, size_t len)
{
	uint32_t addr;

	if (n < 0)
		return -errno;
	memcpy(&addr, fx.in, sizeof(addr));
	if (n != (ssize_t)(skip + len) || memcmp(fx.in + skip, fx.out, len) ||
	    (skip && addr != REMOTE))
		return -EBADMSG;
	return 0;
}

static int run_read(void)
{
	return is_sent(read(fx.ept, fx.in, sizeof(fx.in)), 0, 64);
}

static int run_read_none(void)
{
	return is_sent(read(fx.ept, fx.in, sizeof(fx.in)), 0, 0);
}

static int run_read_mtu(void)
{
	return is_sent(read(fx.ept, fx.in, sizeof(fx.in)), 0, MTU);
}

static int run_read_addressed(void)
{
	return is_sent(read(fx.ept, fx.in, sizeof(fx.in)), 8, 64);
}

static int run_read_addressed_none(void)
{
	return is_sent(read(fx.ept, fx.in, sizeof(fx.in)), 8, 0);
}

/* More pieces than the kernel keeps on its stack. */
#define PIECES	12

static int pieces(struct iovec *iov, uint8_t *p, size_t len)
{
	int i;

	for (i = 0; i < PIECES; i++) {
		iov[i].iov_base = p + i * (len / PIECES);
		iov[i].iov_len = i < PIECES - 1 ? len / PIECES :
						  len - i * (len / PIECES);
	}
	return PIECES;
}

static int run_readv(void)
{
	struct iovec iov[PIECES];

	pieces(iov, fx.in, 64);
	return is_sent(readv(fx.ept, iov, PIECES), 0, 64);
}

static bool done_read(void)
{
	return !fx.now.epts[0].rx_queued;
}

static void have_remote(bool addressed)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .addressed = addressed,
			      .remote = addressed ? VHOST_RPMSG_ADDR_ANY :
						    REMOTE));
	((struct vhost_rpmsg_addr *)fx.out)->addr = REMOTE;
	((struct vhost_rpmsg_addr *)fx.out)->generation = 0;
	fill(fx.out + 8, MTU, 2);
}

static void set_write(void)
{
	have_remote(false);
}

static void set_write_addressed(void)
{
	have_remote(true);
}

static void set_write_large(void)
{
	struct nl_dev dev;

	have_dev();
	have_guest_opts((struct guest_opts){ .buf_size = 4096 });
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .remote = REMOTE));
	if (!WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu >= LARGE, LONG_MS))
		die("the mtu");
	fill(fx.out + 8, LARGE, 2);
}

static size_t written;		/* payload of the last write */

static int wrote(ssize_t n, size_t skip, size_t len)
{
	written = len;
	if (n < 0)
		return -errno;
	return n == (ssize_t)(skip + len) ? 0 : -EIO;
}

static int run_write(void)
{
	return wrote(write(fx.ept, fx.out + 8, 64), 0, 64);
}

static int run_write_none(void)
{
	return wrote(write(fx.ept, fx.out + 8, 0), 0, 0);
}

static int run_write_mtu(void)
{
	return wrote(write(fx.ept, fx.out + 8, MTU), 0, MTU);
}

static int run_write_large(void)
{
	return wrote(write(fx.ept, fx.out + 8, LARGE), 0, LARGE);
}

static int run_write_addressed(void)
{
	return wrote(write(fx.ept, fx.out, 8 + 64), 8, 64);
}

static int run_write_addressed_none(void)
{
	return wrote(write(fx.ept, fx.out, 8), 8, 0);
}

static int run_writev(void)
{
	struct iovec iov[PIECES];

	pieces(iov, fx.out + 8, 64);
	return wrote(writev(fx.ept, iov, PIECES), 0, 64);
}

/* The guest has received the message once. */
static bool done_write(void)
{
	struct guest_hdr hdr;

	return guest_recv_copy(&fx.guest, &hdr, fx.in, LARGE, LONG_MS) ==
		       (int)written &&
	       hdr.src == 77 && hdr.dst == REMOTE &&
	       !memcmp(fx.in, fx.out + 8, written) &&
	       guest_recv_copy(&fx.guest, NULL, NULL, MTU, 0) == -ETIMEDOUT;
}

const struct fault_op ept_ops[] = {
	{ "ept_open", have_named_ept, run_ept_open, done_ept_open, 0 },
	{ "ept_close", set_open_ept, run_ept_close, done_ept_close, NEVER },
	{ "ept_info", set_open_ept, run_ept_info, NULL, KEEPS },
	{ "poll", set_read, run_poll, NULL, KEEPS },
	{ "read", set_read, run_read, done_read, 0 },
	{ "read_none", set_read_none, run_read_none, done_read, NOTHING },
	{ "read_mtu", set_read_mtu, run_read_mtu, done_read, 0 },
	{ "read_addressed", set_read_addressed, run_read_addressed, done_read,
	  0 },
	{ "read_addressed_none", set_read_addressed_none,
	  run_read_addressed_none, done_read, 0 },
	{ "readv", set_read, run_readv, done_read, 0 },
	{ "write", set_write, run_write, done_write, 0 },
	{ "write_none", set_write, run_write_none, done_write, 0 },
	{ "write_mtu", set_write, run_write_mtu, done_write, 0 },
	{ "write_large", set_write_large, run_write_large, done_write, 0 },
	{ "write_addressed", set_write_addressed, run_write_addressed,
	  done_write, 0 },
	{ "write_addressed_none", set_write_addressed, run_write_addressed_none,
	  done_write, 0 },
	{ "writev", set_write, run_writev, done_write, 0 },
	{}
};
