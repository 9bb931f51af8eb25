// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "columns.h"
#include "output.h"
#include "quote.h"
#include "utf8.h"

#define MAX_DEPTH 5

static struct out_opts opts;
static bool utf8;

/* JSON: open arrays and objects, outermost first. */
static struct {
	bool array;
	bool empty;
} open_things[MAX_DEPTH];

static int depth;
/* Depth of objects. In text mode, only an outermost object ends the line. */
static int in_object;
/* The list is printed as a table. */
static bool columns;

/*
 * Write output. Another process may have made the file non-blocking, and stdio drops
 * what it cannot write at once. A signal that ends the command also ends this.
 */
static ssize_t write_output(void *cookie, const char *data, size_t len)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	size_t done = 0;
	ssize_t n;

	(void)cookie;
	while (done < len) {
		n = write(out.fd, data + done, len - done);
		if (n < 0 && errno == EAGAIN && poll(&out, 1, -1) > 0)
			continue;
		if (n < 0)
			break;
		done += n;
	}
	return done;
}

void out_init(const struct out_opts *o)
{
	FILE *out = fopencookie(NULL, "w",
				(cookie_io_functions_t){
					.write = write_output,
				});

	if (!out)
		abort();
	stdout = out;
	opts = *o;
	/* Not LC_NUMERIC: numbers always have a decimal point. */
	setlocale(LC_CTYPE, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	/* Messages are long, and a system call for each piece would be slow. */
	setvbuf(stdout, NULL, _IOFBF, 1 << 18);
}

bool out_is_json(void)
{
	return opts.mode != OUT_TEXT;
}

/* Print a string in JSON. Bytes that are not UTF-8 become U+FFFD. */
static void json_string(const char *string, size_t len)
{
	const unsigned char *c = (const unsigned char *)string;
	const unsigned char *end = c + len, *run = c;
	size_t n;

	putchar('"');
	for (; c < end; c += n) {
		n = *c >= 0x20 && *c < 0x80 ? 1 : utf8_char(c, end - c);
		if (n && *c != '"' && *c != '\\')
			continue;
		fwrite(run, 1, c - run, stdout);
		if (n)
			printf("\\%c", *c);
		else
			printf("\\u%04x", *c < 0x80 ? *c : 0xfffdU);
		n = 1;
		run = c + 1;
	}
	fwrite(run, 1, c - run, stdout);
	putchar('"');
}

static void json_newline(int levels)
{
	if (opts.mode == OUT_PRETTY)
		printf("\n%*s", 2 * levels, "");
}

/* Print a comma and, in an object, the key before a value. */
static void json_key(const char *key)
{
	if (!depth)
		return;
	if (!open_things[depth - 1].empty)
		putchar(',');
	open_things[depth - 1].empty = false;
	json_newline(depth);
	if (open_things[depth - 1].array)
		return;
	json_string(key, strlen(key));
	fputs(opts.mode == OUT_PRETTY ? ": " : ":", stdout);
}

static void json_open(const char *key, bool array)
{
	json_key(key);
	putchar(array ? '[' : '{');
	open_things[depth].array = array;
	open_things[depth++].empty = true;
}

static void json_close(void)
{
	depth--;
	if (!open_things[depth].empty)
		json_newline(depth);
	putchar(open_things[depth].array ? ']' : '}');
	if (!depth)
		putchar('\n');
}

/* Colour of a value, or NULL. As in ip(8), names are cyan, and good states green. */
static const char *color_of(const char *key, const char *value)
{
	static const struct {
		const char *key;
		const char *value;
		const char *color;
	} colors[] = {
		{ "path", NULL, "36" },	       { "dev", NULL, "36" },
		{ "name", NULL, "36" },	       { "addr", NULL, "35" },
		{ "remote", NULL, "35" },      { "stall-ept", NULL, "31" },
		{ "state", "running", "32" },  { "state", "attached", "33" },
		{ "state", "detached", "31" }, { "event", "new", "32" },
		{ "event", "del", "31" },      { "event", "change", "33" },
	};
	size_t i;

	for (i = 0; opts.color && i < sizeof(colors) / sizeof(colors[0]); i++) {
		if (!strcmp(colors[i].key, key) &&
		    (!colors[i].value || !strcmp(colors[i].value, value)))
			return colors[i].color;
	}
	return NULL;
}

void out_list_begin(void)
{
	columns = !opts.oneline && !out_is_json();
	if (columns)
		columns_begin(opts.color);
	if (out_is_json())
		json_open(NULL, true);
}

void out_lines_begin(void)
{
	if (out_is_json())
		json_open(NULL, true);
}

void out_list_end(void)
{
	if (columns)
		columns_print(stdout);
	columns = false;
	if (out_is_json())
		json_close();
}

void out_begin(const char *key)
{
	if (out_is_json())
		json_open(key, false);
	else if (columns && !in_object)
		columns_row();
	in_object++;
}

void out_end(void)
{
	in_object--;
	if (out_is_json())
		json_close();
	else if (!in_object && !columns)
		putchar('\n');
}

void out_array_begin(const char *key)
{
	if (out_is_json())
		json_open(key, true);
}

void out_array_end(void)
{
	if (out_is_json())
		json_close();
}

/* Print a text format with the value in place of its conversion. */
static void put_value(const char *key, const char *text, const char *value)
{
	const char *at = strchr(text, '%'), *after = strpbrk(at, "su") + 1;
	const char *color = color_of(key, value);

	fwrite(text, 1, at - text, stdout);
	if (color)
		printf("\033[%sm%s\033[0m", color, value);
	else
		fputs(value, stdout);
	fputs(after, stdout);
}

/* Print or add a value that was converted to a string. */
static void put(const char *key, const char *text, const char *value,
		bool number)
{
	if (!text)
		return;
	if (!columns)
		put_value(key, text, value);
	else if (text[0] == ' ' && text[1] == '(')
		columns_append(value);
	else
		columns_cell(key, value, color_of(key, value), number);
}

void out_uint(const char *key, const char *text, uint64_t value)
{
	char number[32];

	snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
	if (out_is_json()) {
		json_key(key);
		fputs(number, stdout);
	} else {
		put(key, text, number, true);
	}
}

void out_bytes(const char *key, const char *text, uint64_t value)
{
	char number[32];

	if (!columns || !value || value % 1024) {
		out_uint(key, text, value);
		return;
	}
	if (value % (1024 * 1024))
		snprintf(number, sizeof(number), "%lluk",
			 (unsigned long long)value / 1024);
	else
		snprintf(number, sizeof(number), "%lluM",
			 (unsigned long long)value / (1024 * 1024));
	put(key, text, number, true);
}

/* All formats are literals in the callers, with the right conversion. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
void out_double(const char *key, const char *text, double value)
{
	char number[64];

	if (out_is_json()) {
		json_key(key);
		printf("%.6f", value);
	} else if (text && columns) {
		snprintf(number, sizeof(number), "%.3f", value);
		put(key, text, number, true);
	} else if (text) {
		printf(text, value);
	}
}

#pragma GCC diagnostic pop

/* Whether a value is safe for a terminal: a guest can choose names. */
static bool is_printable(const char *value)
{
	/* Not char, which is signed on some architectures. */
	const unsigned char *c = (const unsigned char *)value;

	for (; *c; c++) {
		if (*c < 0x20 || *c >= 0x7f)
			return utf8 && utf8_is_text(value, strlen(value));
	}
	return true;
}

/* Quote with "", and escape as \xNN. The caller frees the result. */
static char *escape_word(const char *value)
{
	char *escaped = malloc(4 * strlen(value) + 3), *to = escaped;

	if (!escaped)
		abort();
	*to++ = '"';
	for (; *value; value++) {
		if (*value >= 0x20 && *value < 0x7f &&
		    !strchr("\"\\$`", *value))
			*to++ = *value;
		else
			to += sprintf(to, "\\x%02x", (unsigned char)*value);
	}
	*to++ = '"';
	*to = '\0';
	return escaped;
}

void out_string(const char *key, const char *text, const char *value)
{
	char *word = NULL;

	if (!value) {
		out_none(key);
	} else if (out_is_json()) {
		json_key(key);
		json_string(value, strlen(value));
	} else if (text) {
		if (!is_printable(value))
			word = escape_word(value);
		else if (!columns)
			word = quote_word(value);
		put(key, text, word ?: value, false);
		free(word);
	}
}

void out_escaped_string(const char *key, const char *text, const char *value)
{
	const unsigned char *c = (const unsigned char *)value;
	char *escaped, *to;

	if (!out_is_json()) {
		out_string(key, text, value);
		return;
	}
	escaped = malloc(4 * strlen(value) + 1);
	if (!escaped)
		abort();
	for (to = escaped; *c; c++) {
		if (*c == '\\')
			to += sprintf(to, "\\\\");
		else if (*c >= 0x20 && *c < 0x7f)
			*to++ = *c;
		else
			to += sprintf(to, "\\x%02x", *c);
	}
	*to = '\0';
	out_string(key, NULL, escaped);
	free(escaped);
}

void out_flag(const char *flag)
{
	if (columns)
		columns_flag(flag);
	else if (!out_is_json())
		printf(" %s", flag);
}

void out_unusual(const char *key, const char *text, const char *value,
		 const char *usual)
{
	bool is_usual = !strcmp(value, usual);

	/* Add the column in any case. */
	if (is_usual)
		out_none(key);
	out_string(key, is_usual ? NULL : text, value);
}

void out_bool(const char *key, const char *text, bool value)
{
	if (out_is_json()) {
		json_key(key);
		fputs(value ? "true" : "false", stdout);
	} else if (text && columns) {
		columns_flag(value ? key : NULL);
	} else if (text && value) {
		fputs(text, stdout);
	}
}

void out_none(const char *key)
{
	if (columns)
		columns_cell(key, "", NULL, false);
}

void out_timestamp(bool monotonic)
{
	char date[32], zone[8], buf[64];
	struct timespec now;
	struct tm tm;

	clock_gettime(monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, &now);
	if (monotonic) {
		out_double("monotonic", "%.6f ",
			   now.tv_sec + now.tv_nsec / 1e9);
		return;
	}
	localtime_r(&now.tv_sec, &tm);
	strftime(date, sizeof(date), "%FT%T", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	/* RFC 3339 requires a colon: +01:00 */
	snprintf(buf, sizeof(buf), "%s.%06ld%.3s:%s", date, now.tv_nsec / 1000,
		 zone, zone + 3);
	out_string("time", "%s ", buf);
}

void out_text(const char *fmt, ...)
{
	va_list ap;

	if (out_is_json() || columns)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

/*
 * Each byte as text and as digits. printf() is too slow for messages, and a slow
 * reader holds the guest back.
 */
static struct {
	char text[256][4];
	unsigned char text_len[256];
	char digits[256][2];
} bytes;

static void make_bytes(void)
{
	unsigned int c;
	char hex[5];

	for (c = 0; c < 256; c++) {
		snprintf(hex, sizeof(hex), "\\x%02x", c);
		memcpy(bytes.digits[c], hex + 2, 2);
		memcpy(bytes.text[c], hex, 4);
		bytes.text_len[c] = 4;
		if (c < 0x20 || c >= 0x7f)
			continue;
		bytes.text[c][0] = c;
		bytes.text_len[c] = 1;
	}
	memcpy(bytes.text['\\'], "\\\\", 2);
	bytes.text_len['\\'] = 2;
}

/* Print a message as text. Bytes that are not printable become \xNN. */
static void escaped(const unsigned char *c, size_t len)
{
	const unsigned char *end = c + len;
	char piece[8192] = "", *to = piece;
	size_t n;

	if (!bytes.text_len[0])
		make_bytes();
	while (c < end) {
		if (to > piece + sizeof(piece) - 8) {
			fwrite(piece, 1, to - piece, stdout);
			to = piece;
		}
		n = *c >= 0x80 && utf8 ? utf8_char(c, end - c) : 0;
		if (n) {
			memcpy(to, c, n);
			to += n;
			c += n;
			continue;
		}
		memcpy(to, bytes.text[*c], 4);
		to += bytes.text_len[*c++];
	}
	fwrite(piece, 1, to - piece, stdout);
}

void out_data_text(const char *key, const void *data, size_t len)
{
	if (!out_is_json()) {
		escaped(data, len);
	} else if (utf8_is_text(data, len)) {
		json_key(key);
		json_string(data, len);
	}
}

void out_data_hex(const char *key, bool text, const void *data, size_t len)
{
	const unsigned char *c = data;
	char piece[8192];
	size_t i;

	if (!out_is_json() && !text)
		return;
	if (!bytes.text_len[0])
		make_bytes();
	if (out_is_json()) {
		json_key(key);
		putchar('"');
	}
	while (len) {
		for (i = 0; i < sizeof(piece) && len; i += 2, len--)
			memcpy(piece + i, bytes.digits[*c++], 2);
		fwrite(piece, 1, i, stdout);
	}
	if (out_is_json())
		putchar('"');
}

void out_flush(void)
{
	fflush(stdout);
}

bool out_finish(void)
{
	return fflush(stdout) == 0 && !ferror(stdout);
}
