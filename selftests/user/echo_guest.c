// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest for tests that are scripts. Its driver sends "hello" to each announced service,
 * and returns all messages.
 *
 * usage: echo_guest DEVICE [SERVICE=ADDR...]
 *
 * It announces the given services at their addresses, prints "ready" when it runs, and ends
 * at the end of its standard input. Each line of the input is a command: "create SERVICE
 * ADDR", "destroy SERVICE ADDR", "send SRC DST TEXT", "reset", "garble" (change returned
 * messages), "mute" (receive messages without answering), "stop" (stop the rings, as
 * when the VMM pauses), "last" (print the content of the last message in hexadecimal). It
 * prints "done" after each command.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "util.h"

#define ADDR 0x400		/* address of the driver */

static struct guest g;
static bool garble, mute;
static uint8_t last[512];
static size_t last_len;

/* Wait until there is room, as a driver does. */
static void reply(uint32_t src, uint32_t dst, const void *data, size_t len)
{
	if (!WAIT_FOR(guest_send(&g, src, dst, data, len) == 0, LONG_MS))
		die("echo_guest: the host takes nothing");
}

static void take(struct guest_msg *msg)
{
	struct guest_ns ns;

	last_len = msg->hdr.len;
	memcpy(last, msg->data, last_len);
	if (msg->hdr.dst == VHOST_RPMSG_NS_ADDR) {
		memcpy(&ns, msg->data, sizeof(ns));
		ns = guest_ns_swap(&g, ns);
		if (!ns.flags)
			reply(ADDR, ns.addr, "hello", 5);
	} else if (!mute) {
		if (garble && last_len)
			msg->data[last_len - 1] ^= 1;
		reply(msg->hdr.dst, msg->hdr.src, msg->data, msg->hdr.len);
	}
	guest_done(&g, msg);
}

static void print_last(void)
{
	size_t i;

	for (i = 0; i < last_len; i++)
		printf("%02x", last[i]);
	printf("\n");
}

static void obey(char *line)
{
	uint32_t src, dst;
	char name[40];
	int at;

	if (sscanf(line, "create %39s %u", name, &src) == 2)
		guest_ns_send(&g, name, src, 0);
	else if (sscanf(line, "destroy %39s %u", name, &src) == 2)
		guest_ns_send(&g, name, src, 1);
	else if (sscanf(line, "send %u %u %n", &src, &dst, &at) == 2)
		reply(src, dst, line + at, strcspn(line + at, "\n"));
	else if (!strcmp(line, "reset\n"))
		guest_reset(&g);
	else if (!strcmp(line, "stop\n"))
		guest_stop(&g);
	else if (!strcmp(line, "garble\n"))
		garble = true;
	else if (!strcmp(line, "mute\n"))
		mute = true;
	else if (!strcmp(line, "last\n"))
		print_last();
	else
		die("echo_guest: what is %s", line);
	printf("done\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct guest_opts opts = { .name = argc > 1 ? argv[1] : NULL };
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .events = POLLIN },
	};
	struct guest_msg msg;
	char line[600];
	int i, err;

	err = guest_open(&g, &opts);
	if (err)
		die("echo_guest: %s", strerror(-err));
	for (i = 2; i < argc; i++) {
		char *addr = strchr(argv[i], '=');

		if (!addr)
			die("usage: echo_guest DEVICE [SERVICE=ADDR...]");
		*addr++ = '\0';
		guest_ns_send(&g, argv[i], strtoul(addr, NULL, 0), 0);
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("ready\n");
	fflush(stdout);

	for (;;) {
		while (guest_recv(&g, &msg, 0))
			take(&msg);
		fds[1].fd = g.ring[GUEST_TX].call;
		/* A call may arrive before poll(), so do not wait for ever. */
		if (poll(fds, 2, 100) < 0)
			die("echo_guest: poll");
		if (fds[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				break;
			obey(line);
		}
	}
	guest_close(&g);
	return 0;
}
