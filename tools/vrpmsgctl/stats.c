// SPDX-License-Identifier: GPL-2.0-only
/* vrpmsgctl stats: rates of counters per second */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "output.h"

#define MAX_STATS 64

/* Number of lines between two headings. */
#define PAGE 20

struct sample {
	int64_t when;
	uint64_t stat[MAX_STATS];
};

/* Columns: each is the sum of the counters whose names have this prefix. */
static const struct {
	const char *heading;
	const char *prefix;
	int width;
} sums[] = {
	{ "RX-MSGS/s", "rx-msgs", 12 },	  { "RX-BYTES/s", "rx-bytes", 14 },
	{ "TX-MSGS/s", "tx-msgs", 12 },	  { "TX-BYTES/s", "tx-bytes", 14 },
	{ "RX-DROPS/s", "rx-drop-", 12 }, { "TX-DROPS/s", "tx-drop-", 12 },
	{ "STALLS/s", "stalls", 10 },
};

static bool of_ept(const struct stats_args *args)
{
	return !args->dev && ctl_is_ept(args->target);
}

static int take(const struct stats_args *args, struct sample *sample)
{
	struct vrpmsg_dev *dev = NULL;
	struct vrpmsg_ept *ept = NULL;
	int i;

	if (of_ept(args))
		ept = ctl_get_ept(args->target);
	else
		dev = vrpmsg_dev_get(ctl_ctx(), args->dev ?: args->target);
	if (!ept && !dev)
		return ctl_refused(args->dev ?: args->target);
	sample->when = ctl_now();
	for (i = 0; i < MAX_STATS && vrpmsg_stat_name(i); i++)
		sample->stat[i] = ept ? vrpmsg_ept_stat(ept, i) :
					vrpmsg_dev_stat(dev, i);
	vrpmsg_ept_free(ept);
	vrpmsg_dev_free(dev);
	return CTL_OK;
}

static double rate(const struct sample *before, const struct sample *now, int i)
{
	uint64_t from = before->stat[i];

	/* An object that was created anew counts from 0. */
	if (from > now->stat[i])
		from = 0;
	return (now->stat[i] - from) * 1e9 / (now->when - before->when);
}

static void print_json(const struct stats_args *args,
		       const struct sample *before, const struct sample *now)
{
	bool ept = of_ept(args);
	int i;

	out_double("interval", NULL, (now->when - before->when) / 1e9);
	out_begin("rates");
	for (i = 0; i < MAX_STATS && vrpmsg_stat_name(i); i++) {
		if (!ept || !vrpmsg_stat_dev_only(i))
			out_double(vrpmsg_stat_name(i), NULL,
				   rate(before, now, i));
	}
	out_end();
}

static void print_text(const struct sample *before, const struct sample *now)
{
	double sum;
	size_t k;
	int i;

	for (k = 0; k < sizeof(sums) / sizeof(sums[0]); k++) {
		sum = 0;
		for (i = 0; i < MAX_STATS && vrpmsg_stat_name(i); i++) {
			if (!strncmp(vrpmsg_stat_name(i), sums[k].prefix,
				     strlen(sums[k].prefix)))
				sum += rate(before, now, i);
		}
		out_text("%*.1f", sums[k].width, sum);
	}
}

static void print_heading(void)
{
	size_t k;

	for (k = 0; k < sizeof(sums) / sizeof(sums[0]); k++)
		out_text("%*s", sums[k].width, sums[k].heading);
	out_text("\n");
}

int stats_run(const void *args)
{
	const struct stats_args *a = args;
	struct sample before = {}, now = {};
	uint32_t count;
	int status;

	if (!a->interval)
		return ctl_usage("interval: must be more than 0");
	ctl_catch_signals();
	status = take(a, &before);
	for (count = 0; !status && (!a->count || count < a->count); count++) {
		if (count % PAGE == 0)
			print_heading();
		/* Keep the interval independent of the duration of the requests. */
		ctl_wait(-1, 0, ctl_left(before.when + a->interval));
		if (ctl_stop || ferror(stdout))
			break;
		status = take(a, &now);
		if (status)
			break;
		out_begin(NULL);
		if (ctl_opts.timestamp)
			out_timestamp(ctl_opts.monotonic);
		if (out_is_json())
			print_json(a, &before, &now);
		else
			print_text(&before, &now);
		out_end();
		before = now;
	}
	return status;
}
