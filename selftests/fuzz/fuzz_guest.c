// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile guest, next to well-behaved ones. guest/fuzz.h explains cases, and
 * docs/testing.md how to use this program.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/fuzz.h"
#include "util.h"

#define MAX_CORPUS	4096
#define REOPEN		64	/* cases between two opens of the devices */
#define TRIES		3	/* attempts for a shorter case to fail like the long one */

static struct fuzz_case corpus[MAX_CORPUS];
static unsigned int num_corpus;
static bool guided;

static uint64_t seed = 1;
static struct fuzz_case current;
static unsigned long cases, edges;
static struct fuzz_fault fault;
static bool failed;

/* It is also a finding if a helper function exits: print where. */
static void at_exit(void)
{
	if (current.n)
		printf("# ended in --seed %llu --case %s\n",
		       (unsigned long long)seed, current.name);
}

/*
 * The next case: a new one, or a mutation of one that has reached new code. It depends on
 * earlier results, but its name contains everything that is needed to repeat it.
 */
static void next_case(unsigned long number)
{
	struct fuzz_rng rng = { seed ^ ~(uint64_t)number };

	if (num_corpus && fuzz_draw(&rng) % 4) {
		current = corpus[fuzz_draw(&rng) % num_corpus];
		if (!fuzz_case_change(&current, seed, number))
			return;
	}
	fuzz_case_new(&current, seed, number);
}

static bool play(void)
{
	unsigned int found;

	if (!hostile_play(&current, &fault) || !watch_log_ok(&fault) ||
	    !honest_ok(&fault))
		return false;
	found = watch_coverage_end();
	if (found && num_corpus < MAX_CORPUS)
		corpus[num_corpus++] = current;
	edges += found;
	return true;
}

static void run(unsigned long iterations, long long end)
{
	unsigned long number;

	num_corpus = 0;
	for (number = 0; number < iterations && now_ms() < end; number++) {
		if (number && number % REOPEN == 0) {
			hostile_close();
			hostile_open();
		}
		next_case(number);
		cases++;
		failed = !play();
		if (failed)
			return;
	}
}

static bool fails_again(void)
{
	FILE *f = fopen("/sys/kernel/debug/clear_warn_once", "we");
	int tries = TRIES;

	if (f) {
		fputs("1", f);
		fclose(f);
	}
	while (tries--) {
		/* Start with a fresh device. */
		hostile_close();
		hostile_open();
		if (!play())
			return true;
	}
	return false;
}

/* Omit operations that are not needed to fail: halves, quarters, and so on. */
static void minimise(void)
{
	struct fuzz_case whole = current, shorter;
	unsigned int chunk, at, i, kept[FUZZ_MAX_OPS], n = whole.n;

	for (i = 0; i < n; i++)
		kept[i] = i;
	for (chunk = (n + 1) / 2; chunk;
	     chunk = chunk == 1 ? 0 : (chunk + 1) / 2) {
		for (at = 0; at < n && n > 1;) {
			unsigned int end = at + chunk < n ? at + chunk : n;

			shorter = whole;
			shorter.n = 0;
			for (i = 0; i < n; i++)
				if (i < at || i >= end)
					shorter.op[shorter.n++] =
						whole.op[kept[i]];
			current = shorter;
			if (!shorter.n || !fails_again()) {
				at = end;
				continue;
			}
			memmove(&kept[at], &kept[end],
				(n - end) * sizeof(kept[0]));
			n -= end - at;
			printf("# %u operations left\n", n);
			fflush(stdout);
		}
	}
	current = whole;
	current.n = n;
	for (i = 0; i < n; i++)
		/* cppcheck-suppress uninitvar ; the first n are set */
		current.op[i] = whole.op[kept[i]];
	printf("# to see it again: --seed %llu --case %s --keep ",
	       (unsigned long long)seed, current.name);
	for (i = 0; i < n; i++)
		printf("%s%u", i ? "," : "", kept[i]);
	printf("\n");
	fuzz_case_print(&current);
}

static void report(void)
{
	static const char *const names[NUM_CHECKS] = {
		[CHECK_RECOVER] = "after each case the next good message works",
		[CHECK_WORKER] = "the worker does not spin",
		[CHECK_BOUNDS] =
			"nothing is written that is not the host's to write",
		[CHECK_COUNTERS] = "each message is in one of the counters",
		[CHECK_LOG] = "the kernel does not complain",
		[CHECK_HONEST] = "honest devices lose no message",
	};
	unsigned int i;

	for (i = 0; i < NUM_CHECKS; i++)
		printf("%sok %u %s\n", failed && fault.check == i ? "not " : "",
		       i + 1, names[i]);
	if (guided)
		printf("ok %u guided by coverage\n", i + 1);
	else
		printf("ok %u # SKIP guided by coverage: the kernel has no kcov\n",
		       i + 1);
}

static void usage(void)
{
	fputs("usage: fuzz_guest [--seed N] [--seconds N] [--iterations N]\n"
	      "                  [--minimise]\n"
	      "       fuzz_guest --seed N --case NAME [--iterations N]\n"
	      "                  [--minimise | --keep LIST]\n",
	      stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "iterations", required_argument, NULL, 'i' },
		{ "case", required_argument, NULL, 'c' },
		{ "keep", required_argument, NULL, 'k' },
		{ "minimise", no_argument, NULL, 'm' },
		{}
	};
	/* Without arguments, run the same cases each time, for a few seconds. */
	uint64_t first = 1, last = 3;
	unsigned long iterations = 0, i;
	long long seconds = 0, begun, end;
	const char *name = NULL, *keep = NULL;
	bool shrink = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			first = last = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoll(optarg, NULL, 0);
			break;
		case 'i':
			iterations = strtoul(optarg, NULL, 0);
			break;
		case 'c':
			name = optarg;
			break;
		case 'k':
			keep = optarg;
			break;
		case 'm':
			shrink = true;
			break;
		default:
			usage();
		}
	}
	seed = first;
	if (optind != argc || (keep && (!name || shrink)) ||
	    (name && fuzz_case_parse(&current, seed, name)) ||
	    (keep && fuzz_case_keep(&current, keep)))
		usage();
	if (!seconds && !iterations)
		seconds = 6;

	printf("TAP version 13\n1..%d\n", NUM_CHECKS + 1);
	honest_start();
	atexit(at_exit);
	guided = watch_coverage_start();
	watch_log_start();
	hostile_open();
	begun = now_ms();

	if (name) {
		fuzz_case_print(&current);
		for (i = 0; i < (iterations ?: 1) && !failed; i++, cases++)
			failed = !play();
	} else {
		for (; seed <= last && !failed; seed++) {
			/* Each seed gets its share of the time. */
			end = seconds ?
				      now_ms() + (begun + seconds * 1000 -
						  now_ms()) /
							 (long long)(last -
								     seed + 1) :
				      INT64_MAX;
			run(iterations ?: ~0UL, end);
			if (failed)
				break;
		}
	}
	printf("# %lu cases in %lld s", cases, (now_ms() - begun) / 1000);
	if (guided)
		printf(", %lu edges, %u of the cases are kept", edges,
		       num_corpus);
	printf(", at worst %u %% of the worker's budget\n", hostile_worst);
	if (failed) {
		printf("# %s\n# --seed %llu --case %s\n", fault.why,
		       (unsigned long long)seed, current.name);
		fuzz_case_print(&current);
		fflush(stdout);
		if (shrink) {
			struct fuzz_fault why = fault;

			minimise();
			fault = why;
		}
	}
	hostile_close();
	printf("# honest devices: %lu messages\n", honest_stop());
	current.n = 0;
	report();
	return failed;
}
