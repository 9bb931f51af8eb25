// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows: variants side by side, in passes. A pass opens all variants, runs them in turn in
 * short slices, and closes them; it yields one value for each ratio. So ratios of different
 * passes only share the code: the placement of workers, and whether a wake-up preempts the
 * waker, are drawn again. Passes continue until the intervals of the medians are narrow, or
 * the time is up.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "util.h"

#define MIN_PASSES	6
#define MAX_PASSES	1000

/* What is compared; each has a limit for the interval of its median. */
enum measure {
	COST,				/* the host's instructions */
	MEDIAN,				/* time of a round */
	P99,
	RATE,				/* time of a message in a stream */
	NUM_MEASURES,
};

static const double enough[NUM_MEASURES] = {
	[COST] = 0.03,
	[MEDIAN] = 0.03,
	[P99] = 0.15,
	[RATE] = 0.05,
};

/* Ratios of all passes. */
static double ratios[MAX_PAIRS][MAX_SHAPES][NUM_MEASURES][MAX_PASSES];

static bool measured(enum measure m, const struct shape *sh)
{
	if (sh->stream)
		return m == RATE;
	if (clock_counts())
		return m == COST;
	return m == MEDIAN || m == P99;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The value that this percentage of rounds does not exceed. */
static double percentile(const struct tally *t, unsigned int percent)
{
	size_t at = t->rounds * percent / 100;

	return t->round[at];
}

static double per_round(const struct tally *t, double n)
{
	return n / t->rounds;
}

/* Subtract half of a round trip, the first shape of such rows, from a burst. */
static double cost(const struct row *row, const struct tally *t, unsigned int i)
{
	const struct shape *sh = &row->shape[i];
	double all = per_round(&t[i], t[i].time) - t[i].guest;
	double trip = per_round(&t[0], t[0].time) - t[0].guest;

	if (sh->down == sh->up)
		return all;
	return (all - trip / 2) / (sh->down + sh->up - 1);
}

static double value(const struct row *row, const struct tally *t,
		    unsigned int shape, enum measure m)
{
	switch (m) {
	case COST:
		return cost(row, t, shape);
	case MEDIAN:
		return percentile(&t[shape], 50);
	case P99:
		return percentile(&t[shape], 99);
	default:
		return per_round(&t[shape], t[shape].time);
	}
}

static void print(const struct row *row, const struct variant *v,
		  const struct tally *tallies, unsigned int shape,
		  unsigned int pass)
{
	const struct shape *sh = &row->shape[shape];
	const struct tally *t = &tallies[shape];

	printf("{\"clock\": \"%s\", \"row\": \"%s\", \"size\": %zu, ",
	       clock_name, row->name, row->size);
	printf("\"variant\": \"%s\", \"pass\": %u, ", v->name, pass);
	printf("\"links\": %u, \"devices\": %u, \"processes\": %u, ", v->links,
	       v->devices, v->procs);
	printf("\"way\": \"%s\", \"rounds\": %lu, ", sh->way, t->rounds);
	if (sh->stream) {
		printf("\"rate\": %.0f}\n",
		       (sh->down + sh->up) * 1e9 / per_round(t, t->time));
		return;
	}
	printf("\"median\": %.0f, \"p99\": %.0f", percentile(t, 50),
	       percentile(t, 99));
	if (clock_counts())
		printf(", \"cost\": %.1f, \"guest\": %.1f",
		       cost(row, tallies, shape), t->guest);
	printf(", \"interrupts\": %.4f, \"kicks\": %.4f, ",
	       per_round(t, t->calls), per_round(t, t->kicks));
	printf("\"host_wakes\": %.4f, \"worker_wakes\": %.4f}\n",
	       per_round(t, t->host_wakes), per_round(t, t->worker_wakes));
}

/* Before the measurement, use each link, and compare complete messages. */
static void warm_up(struct session *ss, const struct row *row, unsigned int i)
{
	struct shape sh = row->shape[i];
	unsigned int links = ss->s.num_links;

	if (sh.stream)
		sh.rounds = 32 * ss->num_procs;
	else if (sh.spread)
		sh.rounds = links / (sh.down + sh.up) + 2;
	else
		sh.rounds = sh.down + sh.up > 2 ? 2 : 8;
	/* The first shape uses each link. */
	if (!sh.stream && !sh.spread && !i && links > sh.rounds)
		sh.rounds = links;
	for (; sh.rounds > MAX_ROUNDS && !sh.stream; sh.rounds -= MAX_ROUNDS) {
		struct shape part = sh;

		part.rounds = MAX_ROUNDS;
		session_slice(ss, &part, 0, NULL);
	}
	session_slice(ss, &sh, 0, NULL);
}

static void slices(const struct row *row, struct session *ss,
		   struct tally (*t)[MAX_SHAPES])
{
	unsigned int slice, shape, i, v;

	for (slice = 0; slice < 16; slice++)
		for (shape = 0; shape < row->num_shapes; shape++)
			for (i = 0; i < row->num_v; i++) {
				if (slice >= row->shape[shape].slices)
					continue;
				/* Alternate the order. */
				v = slice % 2 ? row->num_v - 1 - i : i;
				session_slice(&ss[v], &row->shape[shape], shape,
					      &t[v][shape]);
			}
}

static void one_pass(const struct row *row, struct tally (*t)[MAX_SHAPES])
{
	struct session ss[MAX_VARIANTS];
	unsigned int first = 0, shape, v;

	for (v = 0; v < row->num_v; v++)
		session_open(&ss[v], &row->v[v], row->size, &first);
	for (shape = 0; shape < row->num_shapes; shape++)
		for (v = 0; v < row->num_v; v++)
			warm_up(&ss[v], row, shape);
	slices(row, ss, t);
	for (shape = 0; shape < row->num_shapes; shape++)
		for (v = 0; v < row->num_v; v++)
			warm_up(&ss[v], row, shape);
	for (v = 0; v < row->num_v; v++)
		session_end_hosts(&ss[v]);
	for (v = 0; v < row->num_v; v++) {
		for (shape = 0; shape < row->num_shapes; shape++)
			if (clock_counts() && !row->shape[shape].stream)
				session_guest_alone(&ss[v], &row->shape[shape],
						    3 + shape, &t[v][shape]);
		session_close(&ss[v]);
	}
}

static void record(const struct row *row, struct tally (*t)[MAX_SHAPES],
		   unsigned int pass)
{
	unsigned int shape, v, p, m;

	for (v = 0; v < row->num_v; v++)
		for (shape = 0; shape < row->num_shapes; shape++) {
			if (!row->shape[shape].stream)
				qsort(t[v][shape].round, t[v][shape].rounds,
				      sizeof(uint64_t), compare);
			print(row, &row->v[v], t[v], shape, pass);
		}
	fflush(stdout);
	for (p = 0; p < row->num_pairs; p++)
		for (shape = 0; shape < row->num_shapes; shape++)
			for (m = 0; m < NUM_MEASURES; m++)
				if (measured(m, &row->shape[shape]))
					ratios[p][shape][m][pass] =
						value(row, t[row->pair[p].a],
						      shape, m) /
						value(row, t[row->pair[p].b],
						      shape, m);
}

static bool known(const struct row *row, unsigned int passes)
{
	static double copy[MAX_PASSES];
	unsigned int shape, p, m;

	for (p = 0; p < row->num_pairs; p++)
		for (shape = 0; shape < row->num_shapes; shape++)
			for (m = 0; m < NUM_MEASURES; m++) {
				if (!measured(m, &row->shape[shape]))
					continue;
				memcpy(copy, ratios[p][shape][m],
				       passes * sizeof(*copy));
				if (half_width(copy, passes) > enough[m])
					return false;
			}
	return true;
}

/* Report and omit variants that this kernel does not support. */
static void leave_out(struct row *row)
{
	unsigned int v, p, to = 0, map[MAX_VARIANTS];

	for (v = 0; v < row->num_v; v++) {
		const char *why = setup_missing(&row->v[v]);

		map[v] = why ? ~0U : to;
		if (!why) {
			row->v[to++] = row->v[v];
			continue;
		}
		printf("{\"clock\": \"%s\", \"row\": \"%s\", \"size\": %zu, ",
		       clock_name, row->name, row->size);
		printf("\"variant\": \"%s\", \"missing\": \"%s\"}\n",
		       row->v[v].name, why);
	}
	row->num_v = to;
	for (p = to = 0; p < row->num_pairs; p++) {
		struct pair pair = { map[row->pair[p].a], map[row->pair[p].b] };

		if (pair.a != ~0U && pair.b != ~0U)
			row->pair[to++] = pair;
	}
	row->num_pairs = to;
}

double seconds_now(void)
{
	FILE *f = fopen("/sys/class/rtc/rtc0/since_epoch", "r");
	double s;

	if (!f || fscanf(f, "%lf", &s) != 1)
		s = now() / 1e9;
	if (f)
		fclose(f);
	return s;
}

void row_run(struct row *row, double seconds, unsigned int passes)
{
	struct tally t[MAX_VARIANTS][MAX_SHAPES];
	double end = seconds_now() + seconds;
	unsigned int pass, shape, v;

	leave_out(row);
	if (!row->num_v)
		return;
	for (pass = 0; pass < MAX_PASSES; pass++) {
		if (passes ? pass == passes :
			     pass >= MIN_PASSES &&
				     (known(row, pass) || seconds_now() >= end))
			break;
		memset(t, 0, sizeof(t));
		for (v = 0; v < row->num_v; v++)
			for (shape = 0; shape < row->num_shapes; shape++)
				t[v][shape].round = xcalloc(16 * MAX_ROUNDS,
							    sizeof(uint64_t));
		one_pass(row, t);
		record(row, t, pass);
		for (v = 0; v < row->num_v; v++)
			for (shape = 0; shape < row->num_shapes; shape++)
				free(t[v][shape].round);
	}
}
