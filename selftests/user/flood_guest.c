// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that floods the name service: it announces and destroys channels as fast as the
 * host accepts that.
 *
 * usage: flood_guest DEVICE SECONDS
 *
 * At the end it only has the channels "last0" to "last9" at addresses 1 to 10. It prints the
 * number of sent messages, and stays until the end of its standard input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "util.h"

#define CHANS 1000

static struct guest g;
static unsigned long sent;

static void tell(const char *name, uint32_t addr, uint32_t flags)
{
	struct guest_ns ns = { .addr = addr, .flags = flags };

	snprintf(ns.name, sizeof(ns.name), "%s", name);
	ns = guest_ns_swap(&g, ns);
	while (guest_queue(&g, addr, VHOST_RPMSG_NS_ADDR, &ns, sizeof(ns))) {
		guest_kick(&g, GUEST_RX);
		if (guest_drain(&g, LONG_MS))
			die("flood_guest: the host takes nothing");
	}
	sent++;
}

/* Some channels are bound to an endpoint, which gets another channel each time. */
static void flood(void)
{
	char name[32];
	int i;

	for (i = 0; i < CHANS; i++) {
		snprintf(name, sizeof(name), i % 10 ? "svc%d" : "bound", i);
		tell(name, 2000 + i, 0);
	}
	for (i = 0; i < CHANS; i++) {
		snprintf(name, sizeof(name), i % 10 ? "svc%d" : "bound", i);
		tell(name, 2000 + i, 1);
	}
}

int main(int argc, char **argv)
{
	struct guest_opts opts = { .name = argv[1], .num = 1024 };
	long long end;
	char name[32];
	int err, i;

	if (argc != 3)
		die("usage: flood_guest DEVICE SECONDS");
	err = guest_open(&g, &opts);
	if (err)
		die("flood_guest: %s", strerror(-err));
	puts("ready");
	fflush(stdout);
	end = now_ms() + 1000LL * atoi(argv[2]);
	while (now_ms() < end)
		flood();
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "last%d", i);
		tell(name, 1 + i, 0);
	}
	guest_kick(&g, GUEST_RX);
	if (guest_drain(&g, LONG_MS))
		die("flood_guest: the host takes nothing");
	printf("%lu\n", sent);
	fflush(stdout);
	while (getchar() != EOF)
		;
	guest_close(&g);
	return 0;
}
