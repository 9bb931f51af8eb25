/* SPDX-License-Identifier: GPL-2.0-only */
/* Histogram of times in nanoseconds, with a fixed size. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

/* Buckets per power of two. The error of a percentile is at most 1/32. */
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
/* Returns the value that this share of all values (0.5: half) does not exceed. */
int64_t histogram_percentile(const struct histogram *histogram, double share);
/* Get the count between two powers of two. Returns false beyond the largest value. */
bool histogram_range(const struct histogram *histogram, int power,
		     int64_t *from, int64_t *to, uint64_t *count);

#endif /* HISTOGRAM_H */
