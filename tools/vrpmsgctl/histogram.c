// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "histogram.h"

static int power_of(int64_t value)
{
	return 63 - __builtin_clzll(value | 1);
}

/* Values below HISTOGRAM_STEPS have buckets of their own. */
static int bucket_of(int64_t value)
{
	int power = power_of(value);

	if (value < HISTOGRAM_STEPS)
		return value;
	return (power - 4) * HISTOGRAM_STEPS +
	       ((value >> (power - 5)) - HISTOGRAM_STEPS);
}

/* The largest value in a bucket. */
static int64_t end_of(int bucket)
{
	int power = bucket / HISTOGRAM_STEPS + 4;
	int64_t step = bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS;

	if (bucket < HISTOGRAM_STEPS)
		return bucket;
	return ((step + 1) << (power - 5)) - 1;
}

void histogram_add(struct histogram *histogram, int64_t value)
{
	if (value < 0)
		value = 0;
	if (!histogram->count || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->count++;
	histogram->sum += value;
	histogram->sum_of_squares += (double)value * value;
	histogram->bucket[bucket_of(value)]++;
}

double histogram_mean(const struct histogram *histogram)
{
	return histogram->sum / histogram->count;
}

double histogram_deviation(const struct histogram *histogram)
{
	double mean = histogram_mean(histogram);

	/* Rounding can make the difference slightly negative. */
	return sqrt(fmax(histogram->sum_of_squares / histogram->count -
				 mean * mean,
			 0));
}

int64_t histogram_percentile(const struct histogram *histogram, double share)
{
	uint64_t wanted = ceil(histogram->count * share), seen = 0;
	int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen >= wanted)
			break;
	}
	return end_of(i) < histogram->max ? end_of(i) : histogram->max;
}

bool histogram_range(const struct histogram *histogram, int power,
		     int64_t *from, int64_t *to, uint64_t *count)
{
	int i;

	*from = power ? INT64_C(1) << power : 0;
	*to = INT64_C(2) << power;
	*count = 0;
	if (*from > histogram->max)
		return false;
	for (i = bucket_of(*from); i < bucket_of(*to); i++)
		*count += histogram->bucket[i];
	return true;
}
