/* SPDX-License-Identifier: GPL-2.0-only */
/* Split a line into words with the quoting of shells, but without expansion. */
#ifndef QUOTE_H
#define QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct quote_words - the words of a line
 * @word: words without quotes
 * @count: number of words
 * @quoting: quote character that is open at the end of the line, or 0
 * @last_break: offset in the last word after its last break character, or 0
 */
struct quote_words {
	char **word;
	int count;
	char quoting;
	size_t last_break;
};

/*
 * Split a line. Spaces separate words, '' and "" quote, a backslash quotes one
 * character. @breaks is NULL unless the line is to be completed: then a quote may be
 * open at its end, and the last word may be empty. Without @breaks, # begins a comment.
 * Returns 0, or -1 and errno: EINVAL for an open quote.
 */
int quote_split(struct quote_words *words, const char *line,
		const char *breaks);
void quote_words_free(struct quote_words *words);

/*
 * Print a word quoted for a shell, as the continuation of the open quote @quoting, or
 * 0 for none. Returns false, without printing, if that is impossible.
 */
bool quote_print(FILE *to, const char *word, char quoting);

/* Quote a word for quote_split(), only if needed. The caller frees the result. */
char *quote_word(const char *word);

#endif /* QUOTE_H */
