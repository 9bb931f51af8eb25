/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Print results to stdout: as text, either as a table or one line per object, or as
 * JSON.
 *
 * A value belongs to the innermost open object. @text is the format for the line of
 * the object, with one conversion for the value; with NULL the value is only printed
 * in JSON. In a table, the key is the heading of the column, a format that begins
 * with " (" appends to the previous value, and a true bool is a flag.
 *
 * Only out_flush() and out_finish() flush stdout: a command flushes before it waits.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_mode { OUT_TEXT, OUT_JSON, OUT_PRETTY };

struct out_opts {
	enum out_mode mode;
	bool oneline;		/* no table */
	bool color;
};

void out_init(const struct out_opts *opts);
bool out_is_json(void);

/* A list contains all results of a command. */
void out_list_begin(void);
/* Begin a list that is never a table. */
void out_lines_begin(void);
void out_list_end(void);
/*
 * Begin an object: in a list, at the top level, or with a key in another object. An
 * outermost object ends the line.
 */
void out_begin(const char *key);
void out_end(void);

/* JSON only: the following values are elements of an array of the object. */
void out_array_begin(const char *key);
void out_array_end(void);

void out_uint(const char *key, const char *text, uint64_t value);
/* The same, but a table has a multiple of 1024 with k or M. */
void out_bytes(const char *key, const char *text, uint64_t value);
void out_double(const char *key, const char *text, double value);
/* A string, quoted if necessary; NULL: the object has no such value. */
void out_string(const char *key, const char *text, const char *value);
/* A string that need not be text, so it is escaped in JSON, too. */
void out_escaped_string(const char *key, const char *text, const char *value);
/* @text if the value is true, otherwise nothing; in JSON true or false. */
void out_bool(const char *key, const char *text, bool value);
/* Not in JSON: a word, which is a flag in a table. */
void out_flag(const char *flag);
/* A value that only JSON has if it is the usual one. */
void out_unusual(const char *key, const char *text, const char *value,
		 const char *usual);
/* A value that this object lacks, so that a table has the column. */
void out_none(const char *key);
/* The present time; monotonic: since the machine started. */
void out_timestamp(bool monotonic);
/* Text only, and not in a table. */
void out_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Print bytes fast. out_data_text() escapes bytes that are not text; in JSON it prints
 * nothing if there are such bytes.
 */
void out_data_text(const char *key, const void *data, size_t len);
void out_data_hex(const char *key, bool text, const void *data, size_t len);

void out_flush(void);
/* Flush stdout. Returns false if any output failed: disk full, or pipe closed. */
bool out_finish(void);

#endif /* OUTPUT_H */
