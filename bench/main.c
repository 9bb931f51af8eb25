// SPDX-License-Identifier: GPL-2.0-only
/*
 * usage: bench [OPTION]... TEST...
 *
 *   -c CLOCK	"instructions" or "wall"
 *   -k NAMES	variants, separated by commas (default all)
 *   -s SIZES	sizes of messages, separated by commas (default all of a test)
 *   -w WAYS	trip, down, up, both, separated by commas (default all)
 *   -t SECONDS	time limit for everything (default 600)
 *   -p PASSES	number of passes for each row, instead of as many as needed
 *
 * Tests: for instructions rounds, batch, devices, links, memory; for wall trip, streams,
 * both, both-six. Prints one line of JSON for each pass of each variant; report makes
 * tables from them.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"
#include "util.h"

#define BURST	64
#define MAX_ROWS 40

const char *clock_name = "wall";

static struct row rows[MAX_ROWS];
static unsigned int num_rows;
static const char *names, *sizes, *ways;

bool clock_counts(void)
{
	return clock_name[0] == 'i';
}

/* Is the word in a list with commas? No list means everything. */
static bool wanted(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *at;

	for (at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, word, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return !list;
}

static struct row *add_row(const char *name, size_t size, unsigned int weight)
{
	struct row *row = &rows[num_rows];
	char word[24];

	snprintf(word, sizeof(word), "%zu", size);
	if (num_rows < MAX_ROWS - 1 && wanted(sizes, word))
		num_rows++;
	*row = (struct row){
		.name = name,
		.size = size,
		.weight = weight,
	};
	return row;
}

static void add_variant(struct row *row, struct variant v)
{
	if (!wanted(names, v.name))
		return;
	row->v[row->num_v++] = v;
}

#define VARIANT(name_, kind_, ...)					\
	((struct variant){ .name = (name_),	\
			   .kind = (kind_),	\
			   .devices = 1,	\
			   .links = 1,		\
			   .procs = 1,		\
			   __VA_ARGS__ })

static void add_shape(struct row *row, struct shape sh)
{
	if (wanted(ways, sh.way))
		row->shape[row->num_shapes++] = sh;
}

#define SHAPE(way_, down_, up_, rounds_, ...)				\
	((struct shape){ .way = (way_),		\
			 .down = (down_),	\
			 .up = (up_),		\
			 .rounds = (rounds_),	\
			 .slices = 4,		\
			 __VA_ARGS__ })

/* The ratio of two variants, if both are wanted. */
static void add_pair(struct row *row, const char *a, const char *b)
{
	struct pair pair = { MAX_VARIANTS, MAX_VARIANTS };
	unsigned int v;

	for (v = 0; v < row->num_v; v++) {
		if (!strcmp(row->v[v].name, a))
			pair.a = v;
		if (!strcmp(row->v[v].name, b))
			pair.b = v;
	}
	if (pair.a < MAX_VARIANTS && pair.b < MAX_VARIANTS)
		row->pair[row->num_pairs++] = pair;
}

/*
 * A round trip, and bursts to and from the guest. Each burst has one message back, which
 * costs half of a round trip.
 */
static void add_rounds(struct row *row, unsigned int num, bool spread)
{
	const char *all = ways;

	ways = NULL;
	add_shape(row, SHAPE("trip", 1, 1, num, .spread = spread));
	ways = all;
	add_shape(row, SHAPE("down", BURST, 1, num / 4, .spread = spread));
	add_shape(row, SHAPE("up", 1, BURST, num / 4, .spread = spread));
}

static void test_rounds(void)
{
	static const size_t all[] = { 16, 64, 256, 496, 4096, 32768 };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		struct row *row = add_row("rounds", all[i], 2);

		add_variant(row, VARIANT("rpmsg", RPMSG));
		add_variant(row, VARIANT("vsock-stream", VSOCK_STREAM));
		add_variant(row, VARIANT("vsock-seqpacket", VSOCK_SEQPACKET));
		add_variant(row, VARIANT("unix-seqpacket", UNIX_SEQPACKET));
		add_variant(row, VARIANT("pipe", PIPE));
		add_rounds(row, all[i] < 4096 ? 64 : 16, false);
		add_pair(row, "rpmsg", "vsock-stream");
	}
}

static void test_batch(void)
{
	struct row *row = add_row("batch", 64, 1);

	add_variant(row, VARIANT("rpmsg-batch", RPMSG, .batch = true));
	add_variant(row, VARIANT("vsock-seqpacket-mmsg", VSOCK_SEQPACKET,
				 .batch = true));
	add_variant(row, VARIANT("unix-seqpacket-mmsg", UNIX_SEQPACKET,
				 .batch = true));
	add_rounds(row, 64, false);
	add_pair(row, "rpmsg-batch", "vsock-seqpacket-mmsg");
	add_pair(row, "rpmsg-batch", "unix-seqpacket-mmsg");
}

/* One device or many, each with its own link. */
static void test_devices(void)
{
	struct row *row = add_row("devices", 64, 4);

	add_variant(row, VARIANT("rpmsg", RPMSG));
	add_variant(row, VARIANT("rpmsg-8", RPMSG, .devices = 8, .links = 8));
	add_variant(row,
		    VARIANT("rpmsg-64", RPMSG, .devices = 64, .links = 64));
	add_variant(row, VARIANT("vsock-stream", VSOCK_STREAM));
	add_variant(row, VARIANT("vsock-stream-64", VSOCK_STREAM, .devices = 64,
				 .links = 64));
	add_rounds(row, 64, false);
	add_pair(row, "rpmsg-64", "rpmsg");
	add_pair(row, "vsock-stream-64", "vsock-stream");
}

/* One link or many on the same device. */
static void test_links(void)
{
	int spread;

	for (spread = 0; spread < 2; spread++) {
		struct row *row =
			add_row(spread ? "links-spread" : "links", 64, 2);

		add_variant(row, VARIANT("rpmsg", RPMSG));
		add_variant(row, VARIANT("rpmsg-10", RPMSG, .devices = 1,
					 .links = 10));
		add_variant(row, VARIANT("rpmsg-1000", RPMSG, .devices = 1,
					 .links = 1000));
		add_rounds(row, 64, spread);
		add_pair(row, "rpmsg-1000", "rpmsg");
	}
}

#define BUSY_US		1000

static void test_trip(void)
{
	static const size_t all[] = { 64, 496, 4096 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct row *row = add_row("trip", all[i], i < 2 ? 6 : 3);

		add_variant(row, VARIANT("rpmsg", RPMSG));
		add_variant(row, VARIANT("vsock-stream", VSOCK_STREAM));
		add_variant(row, VARIANT("unix-seqpacket", UNIX_SEQPACKET));
		add_variant(row,
			    VARIANT("rpmsg-busy", RPMSG, .busy_us = BUSY_US));
		add_shape(row, SHAPE("trip", 1, 1, 100));
		add_pair(row, "rpmsg", "vsock-stream");
		add_pair(row, "rpmsg-busy", "vsock-stream");
	}
}

static void add_streams(size_t size, const char *name, unsigned int links,
			unsigned int procs)
{
	struct row *row = add_row(name, size, 2);

	add_variant(row, VARIANT("rpmsg", RPMSG, .devices = 1, .links = links,
				 .procs = procs));
	add_variant(row, VARIANT("vsock-stream", VSOCK_STREAM, .devices = 1,
				 .links = links, .procs = procs));
	add_variant(row, VARIANT("unix-seqpacket", UNIX_SEQPACKET, .devices = 1,
				 .links = links, .procs = procs));
	add_shape(row, SHAPE("down", 1, 0, 2000, .stream = true));
	add_shape(row, SHAPE("up", 0, 1, 2000, .stream = true));
	add_pair(row, "rpmsg", "vsock-stream");
}

static void test_streams(void)
{
	static const size_t all[] = { 64, 496, 4096 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		add_streams(all[i], "stream-1-1", 1, 1);
		add_streams(all[i], "stream-8-1", 8, 1);
		add_streams(all[i], "stream-8-4", 8, 4);
	}
}

/* Both directions at the same time, with one worker and with two. */
static void add_both(const char *name)
{
	struct row *row = add_row(name, 64, 2);

	add_variant(row, VARIANT("rpmsg", RPMSG, .devices = 1, .links = 8,
				 .procs = 4));
	add_variant(row, VARIANT("rpmsg-workers", RPMSG, .devices = 1,
				 .links = 8, .procs = 4, .workers = 2));
	add_shape(row, SHAPE("both", 1, 1, 2000, .stream = true));
	add_pair(row, "rpmsg-workers", "rpmsg");
}

static void test_both(void)
{
	add_both("both");
}

/* The same where the VM has six processors. */
static void test_both_six(void)
{
	add_both("both-six");
}

static void add_test(const char *name)
{
	static const struct {
		const char *name;
		void (*add)(void);
	} test[] = {
		{ "rounds", test_rounds },   { "batch", test_batch },
		{ "devices", test_devices }, { "links", test_links },
		{ "trip", test_trip },	     { "streams", test_streams },
		{ "both", test_both },	     { "both-six", test_both_six },
		{ "memory", measure_memory },
	};
	unsigned int i;

	for (i = 0; i < sizeof(test) / sizeof(test[0]); i++)
		if (!strcmp(name, test[i].name)) {
			test[i].add();
			return;
		}
	die("bench: no test %s", name);
}

/* Other rows get the time that a row does not use. */
static void run_rows(double seconds, unsigned int passes)
{
	unsigned int i, weight = 0;
	double share, begin;

	for (i = 0; i < num_rows; i++)
		weight += rows[i].weight;
	for (i = 0; i < num_rows; i++) {
		share = seconds * rows[i].weight / weight;
		begin = seconds_now();
		row_run(&rows[i], share, passes);
		seconds -= seconds_now() - begin;
		weight -= rows[i].weight;
	}
}

int main(int argc, char **argv)
{
	struct rlimit files = { 20000, 20000 };
	unsigned int passes = 0;
	double seconds = 600;
	int opt;

	while ((opt = getopt(argc, argv, "c:k:s:w:t:p:")) != -1) {
		switch (opt) {
		case 'c':
			clock_name = optarg;
			break;
		case 'k':
			names = optarg;
			break;
		case 's':
			sizes = optarg;
			break;
		case 'w':
			ways = optarg;
			break;
		case 't':
			seconds = atof(optarg);
			break;
		case 'p':
			passes = atoi(optarg);
			break;
		default:
			die("bench: no such option");
		}
	}
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("bench: RLIMIT_NOFILE");
	for (; optind < argc; optind++)
		add_test(argv[optind]);
	run_rows(seconds, passes);
	return 0;
}
