// SPDX-License-Identifier: GPL-2.0-only
/* The actions of an administrator and of processes on the hostile guest's devices. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kernel/kclient/kclient.h"
#include "hostile.h"
#include "util.h"

int ept_id, ept_fd = -1;
unsigned long ept_written;
static const char *dev_name;
static int extra_id[MAX_EXTRAS], extra_fd[MAX_EXTRAS];

void drain(int fd, uint32_t at_most)
{
	static uint8_t sink[65536 + 8];

	while (at_most-- && read(fd, sink, sizeof(sink)) >= 0)
		;
}

static void extra_close(unsigned int i)
{
	if (extra_fd[i] >= 0)
		close(extra_fd[i]);
	extra_fd[i] = -1;
}

static void extra_del(unsigned int i)
{
	if (extra_id[i] >= 0)
		nl_ept_del(extra_id[i]);
	extra_id[i] = -1;
}

static void kclient_op(const struct fuzz_op *op)
{
	const uint32_t *v = op->v;
	struct kclient_send send = {
		.dst = REMOTE,
		.fill = v[2],
		.len = v[1] % 4 ? (int)(v[1] >> 8) % 600 - 1 : (int)v[1],
	};
	struct kclient_recv recv = { .len = -1 };
	struct kclient_burst burst = { .dst = REMOTE, .count = v[1] % 200 };
	uint32_t addr = 1025 + v[0] % MAX_EXTRAS, n = v[1] % 32;

	atomic_fetch_add(&h->work, 4);
	switch (op->kind % 8) {
	case 0:
		ioctl(h->g.fd, KCLIENT_SEND, &send);
		break;
	case 1:
		ioctl(h->g.fd, KCLIENT_RECV, &recv);
		break;
	case 2:
	case 3:
		atomic_fetch_add(&h->work, burst.count);
		ioctl(h->g.fd, KCLIENT_BURST, &burst);
		break;
	case 4:
		ioctl(h->g.fd, KCLIENT_ADD, &addr);
		break;
	case 5:
		ioctl(h->g.fd, KCLIENT_DEL, &addr);
		break;
	case 6:
		ioctl(h->g.fd, KCLIENT_RELEASE, &n);
		break;
	case 7:
		ioctl(h->g.fd, v[1] & 1 ? KCLIENT_ANNOUNCE : KCLIENT_WITHDRAW,
		      &addr);
		break;
	}
}

void admin_op(const struct fuzz_op *op)
{
	static uint8_t data[65536];
	const uint32_t *v = op->v;
	unsigned int i = v[0] % MAX_EXTRAS, n;
	char name[16];
	struct nl_ept_req req = {
		.dev = dev_name,
		.name = v[1] & 64 ? NULL : name,
		.addr = v[2] % 2 ? VHOST_RPMSG_ADDR_ANY : LOCAL + 1 + i,
		.remote = v[2] & 2 ? VHOST_RPMSG_ADDR_ANY : REMOTE,
		.addressed = v[2] / 4 % 4 == 0,
		.drop = v[2] & 16,
		.rx_limit = v[3] % 4096,
	};
	ssize_t len;

	if (h->kclient) {
		kclient_op(op);
		return;
	}
	atomic_fetch_add(&h->work, 4);
	switch (op->kind % 16) {
	case 0 ... 3:
		/* Write a message to the guest. */
		len = v[1] % 2 ? (v[1] >> 8) % 600 :
				 pick_len(v[1] >> 1) % 65536;
		for (n = 1 + v[2] % 16; n--;)
			if (write(ept_fd, data, len) == len) {
				ept_written++;
				atomic_fetch_add(&h->work, 2);
			}
		break;
	case 4:
	case 5:
		drain(ept_fd, 1 + v[1] % 64);
		break;
	case 6:
		extra_close(i);
		extra_del(i);
		snprintf(name, sizeof(name), "s%u", v[1] % 32);
		extra_id[i] = nl_ept_new(&req);
		break;
	case 7:
		extra_del(i);
		break;
	case 8:
		if (extra_id[i] >= 0 && extra_fd[i] < 0)
			extra_fd[i] = ept_open(extra_id[i], O_NONBLOCK);
		break;
	case 9:
		extra_close(i);
		break;
	case 10:
		if (extra_id[i] >= 0)
			nl_announce(extra_id[i]);
		break;
	case 11:
		if (extra_id[i] >= 0)
			nl_withdraw(extra_id[i]);
		break;
	case 12:
		if (extra_id[i] >= 0)
			nl_ept_set(extra_id[i], &req, v[3] % 2);
		break;
	case 13:
		if (extra_fd[i] >= 0) {
			drain(extra_fd[i], v[1] % 16);
			for (n = v[2] % 16; n--;)
				if (write(extra_fd[i], data, v[3] % 600) > 0)
					atomic_fetch_add(&h->work, 2);
		}
		break;
	case 14:
		usleep(v[1] % 1000);
		break;
	case 15:
		/* Closing the file discards unread messages. */
		close(ept_fd);
		ept_fd = ept_open(ept_id, O_NONBLOCK);
		if (ept_fd < 0)
			die("endpoint");
		break;
	}
}

void admin_open(const char *dev)
{
	unsigned int i;

	for (i = 0; i < MAX_EXTRAS; i++)
		extra_id[i] = extra_fd[i] = -1;
	dev_name = dev;
	ept_written = 0;
	ept_id = nl_ept_new(EPT_REQ(.dev = dev, .addr = LOCAL, .remote = REMOTE,
				    .rx_limit = 8192, .tx_limit = 65536));
	ept_fd = ept_id < 0 ? ept_id : ept_open(ept_id, O_NONBLOCK);
	if (ept_fd < 0)
		die("endpoint");
}

void admin_clean(void)
{
	unsigned int i;

	for (i = 0; i < MAX_EXTRAS; i++) {
		uint32_t addr = LOCAL + 1 + i;

		if (h->kclient)
			ioctl(h->g.fd, KCLIENT_DEL, &addr);
		extra_close(i);
		extra_del(i);
	}
}

void admin_close(void)
{
	unsigned int i;

	for (i = 0; i < MAX_EXTRAS; i++)
		extra_close(i);
	close(ept_fd);
}
