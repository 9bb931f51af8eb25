// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"

/* A word under construction. */
struct growing {
	char *text;
	size_t len;
};

static int put(struct growing *word, char c)
{
	char *text = realloc(word->text, word->len + 2);

	if (!text)
		return -1;
	text[word->len++] = c;
	text[word->len] = '\0';
	word->text = text;
	return 0;
}

static int end_word(struct quote_words *words, struct growing *word)
{
	char **list =
		reallocarray(words->word, words->count + 2, sizeof(*list));

	if (!list)
		return -1;
	words->word = list;
	list[words->count] = word->text ?: strdup("");
	if (!list[words->count])
		return -1;
	list[++words->count] = NULL;
	*word = (struct growing){};
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Read one word and advance *line. Returns 1, 0 if there is none, or -1 and errno. */
static int next_word(struct quote_words *words, struct growing *word,
		     const char **line, const char *breaks)
{
	const char *c = *line;
	bool there = false;

	words->quoting = 0;
	words->last_break = 0;
	for (; *c && (words->quoting || !is_space(*c)); c++) {
		there = true;
		if (words->quoting ? *c == words->quoting :
				     *c == '\'' || *c == '"') {
			words->quoting = words->quoting ? 0 : *c;
			continue;
		}
		/* In "", a backslash only quotes special characters. */
		if (*c == '\\' && words->quoting != '\'' && c[1] &&
		    (!words->quoting || strchr("\\\"$`", c[1])))
			c++;
		else if (!words->quoting && breaks && strchr(breaks, *c))
			words->last_break = word->len + 1;
		if (put(word, *c))
			return -1;
	}
	*line = c;
	return there;
}

int quote_split(struct quote_words *words, const char *line, const char *breaks)
{
	struct growing word = {};
	bool at_end;
	int ret;

	*words = (struct quote_words){};
	do {
		while (is_space(*line))
			line++;
		if (*line == '#' && !breaks)
			break;
		ret = next_word(words, &word, &line, breaks);
		at_end = !*line;
		if (ret < 0 || ((ret || breaks) && end_word(words, &word))) {
			free(word.text);
			return -1;
		}
	} while (!at_end);
	if (words->quoting && !breaks) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

void quote_words_free(struct quote_words *words)
{
	int i;

	for (i = 0; i < words->count; i++)
		free(words->word[i]);
	free(words->word);
	*words = (struct quote_words){};
}

static bool is_special(char c, char quoting)
{
	if (quoting)
		return quoting == '"' && strchr("\\\"$`", c);
	return !isalnum((unsigned char)c) && !strchr("%+,-./:=@_", c);
}

bool quote_print(FILE *to, const char *word, char quoting)
{
	/* A word in '' cannot contain ' in any way. */
	if (quoting == '\'' && strchr(word, '\''))
		return false;
	if (!quoting && !*word)
		fputs("''", to);
	for (; *word; word++) {
		if (is_special(*word, quoting))
			fputc('\\', to);
		fputc(*word, to);
	}
	return true;
}

char *quote_word(const char *word)
{
	char *quoted = malloc(2 * strlen(word) + 3), *to = quoted;
	const char *c = word;

	if (!quoted)
		return NULL;
	while (*c && !is_special(*c, 0))
		c++;
	/* An empty word needs quotes. "#" does, too, and counts as special. */
	if (*word && !*c)
		return memcpy(quoted, word, strlen(word) + 1);
	*to++ = '"';
	for (c = word; *c; c++) {
		if (is_special(*c, '"'))
			*to++ = '\\';
		*to++ = *c;
	}
	*to++ = '"';
	*to = '\0';
	return quoted;
}
