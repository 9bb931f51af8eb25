// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: bench [OPTION]... TEST...
 *
 *   -c CLOCK	"instructions" or "wall", for the records
 *   -k KINDS	transports, by commas (default all)
 *   -s SIZES	of messages, by commas (default 16,64,256,496,4096,32768)
 *   -w WAYS	of rounds, by commas: trip, down, up (default all)
 *   -n PASSES	each measurement so many times, in turns (default 1)
 *   -x FACTOR	so many times as many rounds
 *
 * Tests: rounds, links, devices, streams, memory. One line of JSON for each
 * measurement; report makes tables of them.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "util.h"

#define BURST	64

static const char *clock_name = "wall";
static bool want[NUM_KINDS];
static size_t sizes[16] = { 16, 64, 256, 496, 4096, 32768 };
static unsigned int num_sizes = 6;
static unsigned int passes = 1;
static unsigned int factor = 1;
static const char *ways = "trip,down,up";

static void print_rounds(const char *test, struct setup *s,
			 const struct rounds *r, const struct result *res)
{
	printf("{\"clock\": \"%s\", \"test\": \"%s\", \"transport\": \"%s\", ",
	       clock_name, test, kind_name[s->kind]);
	printf("\"size\": %zu, \"links\": %u, \"devices\": %u, ", s->size,
	       s->num_links, s->num_devs);
	printf("\"down\": %u, \"up\": %u, \"spread\": %s, \"rounds\": %u, ",
	       r->down, r->up, r->spread ? "true" : "false", r->num);
	printf("\"total\": %.1f, \"guest\": %.1f, ", res->total, res->guest);
	printf("\"median\": %.0f, \"p99\": %.0f, ", res->median, res->p99);
	printf("\"interrupts\": %.4f, \"kicks\": %.4f, ", res->calls,
	       res->kicks);
	printf("\"host_wakes\": %.4f, \"worker_wakes\": %.4f}\n",
	       res->host_wakes, res->worker_wakes);
	fflush(stdout);
}

/* A round trip, and bursts to the guest and from it, each with one way back. */
static void rounds(const char *test, struct setup *s, unsigned int num,
		   bool spread)
{
	const struct {
		const char *way;
		struct rounds rounds;
	} r[] = {
		{ "trip", { 1, 1, spread, num * factor } },
		{ "down", { BURST, 1, spread, num / 4 * factor } },
		{ "up", { 1, BURST, spread, num / 4 * factor } },
	};
	struct result res;
	unsigned int i;

	for (i = 0; i < sizeof(r) / sizeof(r[0]); i++) {
		if (!strstr(ways, r[i].way))
			continue;
		run_rounds(s, &r[i].rounds, &res);
		print_rounds(test, s, &r[i].rounds, &res);
	}
}

static void test_rounds(void)
{
	unsigned int i, pass;
	enum kind kind;

	for (i = 0; i < num_sizes; i++)
		for (pass = 0; pass < passes; pass++)
			for (kind = 0; kind < NUM_KINDS; kind++) {
				struct setup s = {
					.kind = kind,
					.size = sizes[i],
					.num_devs = 1,
					.num_links = 1,
				};

				/* Large ones take long, and vary less. */
				if (want[kind])
					rounds("rounds", &s,
					       sizes[i] < 4096 ? 400 : 100,
					       false);
			}
}

/* More and more links, of one device or each of its own. */
static void test_many(const char *test, const unsigned int nums[3],
		      bool devices, unsigned int num)
{
	unsigned int i, pass;
	enum kind kind;

	for (pass = 0; pass < passes; pass++)
		for (kind = RPMSG; kind <= VSOCK_SEQPACKET; kind++)
			for (i = 0; want[kind] && i < 3; i++) {
				struct setup s = {
					.kind = kind,
					.size = 64,
					.num_devs = devices ? nums[i] : 1,
					.num_links = nums[i],
				};

				/* Each round goes to the next link. */
				rounds(test, &s, num, false);
				/* Each message does. */
				if (!devices)
					rounds(test, &s, num, true);
			}
}

static void test_links(void)
{
	static const unsigned int nums[] = { 1, 10, 1000 };

	test_many("links", nums, false, 1000);
}

static void test_devices(void)
{
	static const unsigned int nums[] = { 1, 8, 64 };

	test_many("devices", nums, true, 400);
}

static void stream(struct setup *s, unsigned int procs, bool down)
{
	double rate = run_stream(s, down, procs, 8000 * factor);

	printf("{\"clock\": \"%s\", \"test\": \"streams\", ", clock_name);
	printf("\"transport\": \"%s\", \"size\": %zu, ", kind_name[s->kind],
	       s->size);
	printf("\"links\": %u, \"processes\": %u, ", s->num_links, procs);
	printf("\"down\": %s, \"rate\": %.0f}\n", down ? "true" : "false",
	       rate);
	fflush(stdout);
}

static void streams(size_t size, unsigned int links, unsigned int procs)
{
	enum kind kind;

	for (kind = 0; kind < NUM_KINDS; kind++) {
		struct setup s = {
			.kind = kind,
			.size = size,
			.num_devs = 1,
			.num_links = links,
		};

		if (!want[kind])
			continue;
		stream(&s, procs, true);
		stream(&s, procs, false);
	}
}

static void test_streams(void)
{
	unsigned int i, pass;

	for (i = 0; i < num_sizes; i++)
		for (pass = 0; pass < passes; pass++) {
			streams(sizes[i], 1, 1);
			streams(sizes[i], 8, 1);
			streams(sizes[i], 8, 4);
		}
}

static void parse_kinds(char *arg)
{
	char *name, *rest;
	enum kind kind;

	for (name = strtok_r(arg, ",", &rest); name;
	     name = strtok_r(NULL, ",", &rest)) {
		for (kind = 0; kind < NUM_KINDS; kind++)
			if (!strcmp(name, kind_name[kind]))
				break;
		if (kind == NUM_KINDS)
			die("bench: no transport %s", name);
		want[kind] = true;
	}
}

static void parse_sizes(char *arg)
{
	char *size, *rest;

	num_sizes = 0;
	for (size = strtok_r(arg, ",", &rest); size && num_sizes < 16;
	     size = strtok_r(NULL, ",", &rest))
		sizes[num_sizes++] = strtoul(size, NULL, 0);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 20000, 20000 };
	bool all = true;
	int opt, kind;

	while ((opt = getopt(argc, argv, "c:k:s:w:n:x:")) != -1) {
		switch (opt) {
		case 'c':
			clock_name = optarg;
			break;
		case 'k':
			parse_kinds(optarg);
			all = false;
			break;
		case 's':
			parse_sizes(optarg);
			break;
		case 'w':
			ways = optarg;
			break;
		case 'x':
			factor = atoi(optarg);
			break;
		case 'n':
			passes = atoi(optarg);
			break;
		default:
			die("bench: no such option");
		}
	}
	for (kind = 0; all && kind < NUM_KINDS; kind++)
		want[kind] = true;
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("bench: RLIMIT_NOFILE");

	for (; optind < argc; optind++) {
		if (!strcmp(argv[optind], "rounds"))
			test_rounds();
		else if (!strcmp(argv[optind], "links"))
			test_links();
		else if (!strcmp(argv[optind], "devices"))
			test_devices();
		else if (!strcmp(argv[optind], "streams"))
			test_streams();
		else if (!strcmp(argv[optind], "memory"))
			measure_memory();
		else
			die("bench: no test %s", argv[optind]);
	}
	return 0;
}
