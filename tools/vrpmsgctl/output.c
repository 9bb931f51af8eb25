// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "output.h"

#define MAX_DEPTH 4

static enum out_mode mode;
/* What is open, from the outermost; in text mode only how many. */
static struct json_object *open_objects[MAX_DEPTH];
static int depth;

void out_init(enum out_mode m)
{
	mode = m;
}

bool out_is_json(void)
{
	return mode != OUT_TEXT;
}

/* Put into what is open: an array has no keys. */
static void add(const char *key, struct json_object *value)
{
	struct json_object *to = open_objects[depth - 1];

	if (json_object_is_type(to, json_type_array))
		json_object_array_add(to, value);
	else
		json_object_object_add(to, key, value);
}

static void open_object(const char *key, struct json_object *object)
{
	if (depth && out_is_json())
		add(key, object);
	open_objects[depth++] = object;
}

static void close_object(void)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	depth--;
	if (depth || !out_is_json())
		return;
	if (mode == OUT_PRETTY)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	puts(json_object_to_json_string_ext(open_objects[0], flags));
	json_object_put(open_objects[0]);
	/* Whoever follows in a pipe wants it now. */
	fflush(stdout);
}

void out_list_begin(void)
{
	open_object(NULL, out_is_json() ? json_object_new_array() : NULL);
}

void out_list_end(void)
{
	close_object();
	fflush(stdout);
}

/* In text mode only the outermost objects end lines: those of a list too. */
static int in_object;

void out_begin(const char *key)
{
	open_object(key, out_is_json() ? json_object_new_object() : NULL);
	in_object++;
}

void out_end(void)
{
	if (!--in_object && !out_is_json()) {
		putchar('\n');
		if (depth == 1)
			fflush(stdout);
	}
	close_object();
}

/* The formats are literals of the callers, each with the right conversion. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void out_uint(const char *key, const char *text, uint64_t value)
{
	if (out_is_json())
		add(key, json_object_new_uint64(value));
	else if (text)
		printf(text, (unsigned long long)value);
}

void out_double(const char *key, const char *text, double value)
{
	char number[64];

	if (out_is_json()) {
		/* Microseconds of milliseconds are enough. */
		snprintf(number, sizeof(number), "%.6f", value);
		add(key, json_object_new_double_s(value, number));
	} else if (text) {
		printf(text, value);
	}
}

void out_string(const char *key, const char *text, const char *value)
{
	const char *where;

	if (out_is_json()) {
		add(key, json_object_new_string(value));
	} else if (text) {
		where = strstr(text, "%s");
		fwrite(text, 1, where - text, stdout);
		out_escaped(value, strlen(value));
		fputs(where + 2, stdout);
	}
}

#pragma GCC diagnostic pop

void out_bool(const char *key, const char *text, bool value)
{
	if (out_is_json())
		add(key, json_object_new_boolean(value));
	else if (text && value)
		fputs(text, stdout);
}

void out_timestamp(void)
{
	char date[32], buf[64];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%FT%T", &tm);
	snprintf(buf, sizeof(buf), "%s.%06ld", date, now.tv_nsec / 1000);
	out_string("time", "%s ", buf);
}

void out_text(const char *fmt, ...)
{
	va_list ap;

	if (out_is_json())
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void out_escaped(const void *data, size_t len)
{
	const unsigned char *c = data;

	for (; len--; c++) {
		if (*c == '\\')
			fputs("\\\\", stdout);
		else if (*c >= 0x20 && *c < 0x7f)
			putchar(*c);
		else
			printf("\\x%02x", *c);
	}
}

bool out_finish(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}
