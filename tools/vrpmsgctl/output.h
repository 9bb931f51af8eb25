/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One way for results to stdout: as text, in columns or a line each, or as JSON.
 *
 * What is put goes into the innermost object that is open. A text format, with
 * one conversion for the value, is what stands in the line of the object; NULL:
 * only JSON has it. In columns the key is the heading, a text that begins with a
 * parenthesis stands behind the value before it, and what is true is a flag.
 *
 * Nothing is flushed here but by out_flush() and out_finish(): a command flushes
 * before it waits.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_mode { OUT_TEXT, OUT_JSON, OUT_PRETTY };

struct out_opts {
	enum out_mode mode;
	bool oneline;		/* no columns */
	bool color;
};

void out_init(const struct out_opts *opts);
bool out_is_json(void);

/* A list is all the results of a command. */
void out_list_begin(void);
/* One that never has columns. */
void out_lines_begin(void);
void out_list_end(void);
/*
 * An object, in a list, on its own, or in another object with a key. One that
 * is in nothing is printed when it ends, and ends the line.
 */
void out_begin(const char *key);
void out_end(void);

/* In JSON: what comes until the end is in an array of the object. */
void out_array_begin(const char *key);
void out_array_end(void);

void out_uint(const char *key, const char *text, uint64_t value);
/* The same; columns have it in k or M when it is a multiple. */
void out_bytes(const char *key, const char *text, uint64_t value);
void out_double(const char *key, const char *text, double value);
/* Quoted where it has spaces or quotes; NULL: there is no such thing. */
void out_string(const char *key, const char *text, const char *value);
/* In JSON, too, where it may be no text. */
void out_escaped_string(const char *key, const char *text, const char *value);
/* The text if it is true, nothing otherwise; in JSON true or false. */
void out_bool(const char *key, const char *text, bool value);
/* Only text: a word, which is a flag in columns. */
void out_flag(const char *flag);
/* Text and columns leave out what is as usual. */
void out_unusual(const char *key, const char *text, const char *value,
		 const char *usual);
/* A value that this object lacks: columns leave room for it. */
void out_none(const char *key);
/* What time it is; monotonic: since the machine started. */
void out_timestamp(bool monotonic);
/* Only text. */
void out_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Bytes, fast. As text they are escaped where they are none, in JSON that is
 * left out; a text format has one %s.
 */
void out_data_text(const char *key, const void *data, size_t len);
void out_data_hex(const char *key, bool text, const void *data, size_t len);

void out_flush(void);
/* What a full disk or a closed pipe did to the results: false. */
bool out_finish(void);

#endif /* OUTPUT_H */
