/* SPDX-License-Identifier: GPL-2.0-only */
/* Words of a line, quoted as shells have it; nothing in them is expanded. */
#ifndef QUOTE_H
#define QUOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * struct quote_words - the words of a line
 * @word: each without its quotes
 * @count: number of words
 * @quoting: the quote in which the line ends, or 0
 * @last_break: characters of the last word up to the last one at which it
 *	breaks, or 0
 */
struct quote_words {
	char **word;
	int count;
	char quoting;
	size_t last_break;
};

/*
 * Split a line. Spaces separate words, '' and "" quote, a backslash quotes one
 * character. With breaks, the line is that of a completion: it may end in a
 * quote, and its last word is there even if it is empty. Without, # begins a
 * comment. -1: errno, EINVAL for a quote that does not end.
 */
int quote_split(struct quote_words *words, const char *line,
		const char *breaks);
void quote_words_free(struct quote_words *words);

/*
 * Print a word so that a shell has it again, in the quote that the user began
 * with, or none (0). False, and nothing is printed: that cannot be.
 */
bool quote_print(FILE *to, const char *word, char quoting);

/* The word as quote_split() takes it, in "" if it has to be; free() it. */
char *quote_word(const char *word);

#endif /* QUOTE_H */
