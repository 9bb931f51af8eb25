// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "suggest.h"

/* No keyword is longer. */
#define MAX_LEN 16
/* More than any two words differ. */
#define FAR (2 * MAX_LEN)

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * How many characters must be inserted, deleted, replaced, or exchanged with their
 * neighbour to get from @a to @b.
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[MAX_LEN + 1][MAX_LEN + 1];
	size_t len_a = strlen(a), len_b = strlen(b), i, j;

	if (len_a > MAX_LEN || len_b > MAX_LEN)
		return FAR;
	for (i = 0; i <= len_a; i++) {
		for (j = 0; j <= len_b; j++) {
			if (!i || !j) {
				rows[i][j] = i + j;
				continue;
			}
			rows[i][j] = least(rows[i - 1][j] + 1,
					   rows[i][j - 1] + 1,
					   rows[i - 1][j - 1] +
						   (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    rows[i - 2][j - 2] + 1 < rows[i][j])
				rows[i][j] = rows[i - 2][j - 2] + 1;
		}
	}
	return rows[len_a][len_b];
}

void suggest_try(struct suggestion *suggestion, const char *candidate)
{
	const char *word = suggestion->word;
	unsigned int d, limit = strlen(word) > 3 ? 2 : 1;

	if (!candidate || !*word)
		return;
	/* An abbreviation is as good as one wrong character. */
	d = strncmp(candidate, word, strlen(word)) ? distance(word, candidate) :
						     1;
	if (d > limit || (suggestion->best && d > suggestion->distance))
		return;
	if (suggestion->best && d == suggestion->distance) {
		suggestion->ambiguous |= strcmp(suggestion->best, candidate);
		return;
	}
	suggestion->best = candidate;
	suggestion->distance = d;
	suggestion->ambiguous = false;
}

const char *suggest_text(const struct suggestion *suggestion)
{
	static char text[64];

	if (!suggestion->best || suggestion->ambiguous)
		return "";
	snprintf(text, sizeof(text), " (did you mean \"%s\"?)",
		 suggestion->best);
	return text;
}
