/* SPDX-License-Identifier: GPL-2.0-only */
/* Times in nanoseconds: any number of them in a fixed room. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* Buckets for each power of two: what a percentile is off by is 1/32 at most. */
#define HISTOGRAM_STEPS 32
#define HISTOGRAM_BUCKETS (60 * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count;
	int64_t min;
	int64_t max;
	double sum;
	double sum_of_squares;
	uint32_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t value);
double histogram_mean(const struct histogram *histogram);
double histogram_deviation(const struct histogram *histogram);
/* The value that the share of all values (0.5 is half) does not exceed. */
int64_t histogram_percentile(const struct histogram *histogram, double share);
/* Values from a power of two to the next; false behind the last one. */
bool histogram_range(const struct histogram *histogram, int power,
		     int64_t *from, int64_t *to, uint64_t *count);

#endif /* HISTOGRAM_H */
