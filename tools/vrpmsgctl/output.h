/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One way for results to stdout, as text or as JSON.
 *
 * What is put goes into the innermost object that is open. A text format, with
 * one conversion for the value, is what stands in the line of the object; NULL:
 * only JSON has it.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

enum out_mode { OUT_TEXT, OUT_JSON, OUT_PRETTY };

void out_init(enum out_mode mode);
bool out_is_json(void);

/* A list is all the results of a command. */
void out_list_begin(void);
void out_list_end(void);
/*
 * An object, in a list, on its own, or in another object with a key. One that
 * is in nothing is printed when it ends, and ends the line.
 */
void out_begin(const char *key);
void out_end(void);

void out_uint(const char *key, const char *text, uint64_t value);
void out_double(const char *key, const char *text, double value);
/* Characters that a terminal should not see are escaped. */
void out_string(const char *key, const char *text, const char *value);
/* The text if it is true, nothing otherwise; in JSON true or false. */
void out_bool(const char *key, const char *text, bool value);
/* What time it is. */
void out_timestamp(void);
/* Only text. */
void out_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Bytes as text, escaped where they are none. */
void out_escaped(const void *data, size_t len);

/* What a full disk or a closed pipe did to the results: false. */
bool out_finish(void);

#endif /* OUTPUT_H */
