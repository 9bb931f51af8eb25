// SPDX-License-Identifier: GPL-2.0-only
/*
 * Medians and their intervals; report computes the same from the records.
 */
#include <math.h>
#include <stdlib.h>

#include "bench.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/*
 * Order statistics: the median is between the k-th smallest and the k-th largest value,
 * unless fewer than k of n fair coins fall on one side.
 */
static unsigned int rank(unsigned int n)
{
	double p, sum = 0;
	unsigned int k;

	if (n > 500)
		return (n - 1.96 * sqrt(n)) / 2;
	p = pow(0.5, n);
	for (k = 0; k < n; k++) {
		sum += p;
		if (2 * sum > 0.05)
			break;
		p = p * (n - k) / (k + 1);
	}
	return k;
}

double half_width(double *values, unsigned int n)
{
	unsigned int k = rank(n);

	if (!k)
		return INFINITY;
	qsort(values, n, sizeof(*values), compare);
	return (values[n - k] - values[k - 1]) / 2;
}
