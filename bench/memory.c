// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel memory of devices and endpoints, measured as the difference that many of them
 * make.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "util.h"

struct memory {
	double slab;		/* bytes in all slab caches */
	double own;		/* bytes in the caches for GFP_KERNEL_ACCOUNT */
	double available;	/* available memory */
};

static double meminfo(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[100];
	long kib = -1;

	if (!f)
		die("/proc/meminfo");
	while (kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), " %ld", &kib);
	fclose(f);
	return kib * 1024.0;
}

/* The module allocates with GFP_KERNEL_ACCOUNT, the driver core does not. */
static double accounted(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	unsigned long active, num, size;
	char line[300], name[64];
	double total = 0;

	if (!f)
		die("/proc/slabinfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "kmalloc-cg-%63s %lu %lu %lu", name, &active,
			   &num, &size) == 4)
			total += (double)active * size;
	fclose(f);
	return total;
}

static struct memory measure(void)
{
	/* Wait for RCU, and for the caches of processors. */
	sleep(2);
	sync();
	return (struct memory){
		.slab = meminfo("Slab:"),
		.own = accounted(),
		.available = meminfo("MemFree:"),
	};
}

static void print(const char *what, unsigned int num, struct memory a,
		  struct memory b)
{
	printf("{\"test\": \"memory\", \"what\": \"%s\", \"number\": %u, ",
	       what, num);
	printf("\"own\": %.0f, \"slab\": %.0f, \"all\": %.0f}\n",
	       (b.own - a.own) / num, (b.slab - a.slab) / num,
	       (a.available - b.available) / num);
	fflush(stdout);
}

#define NUM_DEVS	1000
#define NUM_EPTS	10000
#define NUM_FULL	20

static void measure_devices(void)
{
	static int fd[NUM_DEVS];
	struct memory before = measure();
	unsigned int i;

	for (i = 0; i < NUM_DEVS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "mem%u", i);
		if (nl_dev_new(name) < 0)
			die("device: %s", nl_extack);
	}
	print("device", NUM_DEVS, before, measure());
	for (i = 0; i < NUM_DEVS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "mem%u", i);
		nl_dev_del(name);
	}

	before = measure();
	for (i = 0; i < NUM_DEVS; i++) {
		fd[i] = open("/dev/vhost-rpmsg", O_RDWR);
		if (fd[i] < 0)
			die("/dev/vhost-rpmsg");
	}
	print("device with a VMM", NUM_DEVS, before, measure());
	for (i = 0; i < NUM_DEVS; i++)
		close(fd[i]);
}

static void measure_endpoints(void)
{
	const struct nl_ept_req *req = EPT_REQ(.dev = "mem");
	struct memory before;
	unsigned int i;

	if (nl_dev_new("mem") < 0)
		die("device: %s", nl_extack);
	before = measure();
	for (i = 0; i < NUM_EPTS; i++)
		if (nl_ept_new(req) < 0)
			die("endpoint: %s", nl_extack);
	print("endpoint", NUM_EPTS, before, measure());
	nl_dev_del("mem");
}

/* Both queues are full of messages with the size of a Linux guest. */
static void measure_queues(void)
{
	const unsigned int room =
		VHOST_RPMSG_DEFAULT_LIMIT / (496 + VHOST_RPMSG_MSG_OVERHEAD);
	struct guest_opts opts = { .name = "mem" };
	static uint8_t data[496];
	int id[NUM_FULL], fd[NUM_FULL];
	struct memory before;
	unsigned int i, n;
	struct guest g;

	if (guest_open(&g, &opts))
		die("/dev/vhost-rpmsg");
	before = measure();
	for (i = 0; i < NUM_FULL; i++) {
		id[i] = nl_ept_new(EPT_REQ(.dev = "mem", .addr = 2000 + i,
					   .remote = 1));
		fd[i] = id[i] < 0 ? -1 : ept_open(id[i], O_RDWR | O_NONBLOCK);
		if (fd[i] < 0)
			die("endpoint: %s", nl_extack);
		for (n = 0; n < room; n++)
			if (guest_send(&g, 1, 2000 + i, data, sizeof(data)) ||
			    guest_drain(&g, LONG_MS))
				die("guest: send");
		if (ept_stat(id[i], VHOST_RPMSG_A_STATS_RX_MSGS) != room)
			die("the receive queue is not full");
	}
	print("endpoint with a full receive queue", NUM_FULL, before,
	      measure());
	/* The guest does not receive messages from here on. */
	guest_stop(&g);
	for (i = 0; i < NUM_FULL; i++)
		while (write(fd[i], data, sizeof(data)) == sizeof(data))
			;
	print("endpoint with full queues", NUM_FULL, before, measure());
	for (i = 0; i < NUM_FULL; i++)
		close(fd[i]);
	guest_close(&g);
}

void measure_memory(void)
{
	measure_devices();
	measure_endpoints();
	measure_queues();
}
