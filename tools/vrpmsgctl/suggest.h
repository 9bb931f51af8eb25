/* SPDX-License-Identifier: GPL-2.0-only */
/* Find the word that a user most likely meant. */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stdbool.h>

/**
 * struct suggestion - search for a word that resembles another one
 * @word: the word that the user wrote
 * @best: most similar candidate so far, or NULL
 * @distance: how much it differs
 * @ambiguous: another candidate is as similar
 */
struct suggestion {
	const char *word;
	const char *best;
	unsigned int distance;
	bool ambiguous;
};

/* Consider a candidate, which may come several times; NULL is ignored. */
void suggest_try(struct suggestion *suggestion, const char *candidate);
/*
 * Returns " (did you mean "WORD"?)", or "" if no candidate or more than one is
 * similar. The next call overwrites it.
 */
const char *suggest_text(const struct suggestion *suggestion);

#endif /* SUGGEST_H */
