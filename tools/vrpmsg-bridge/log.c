// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log: lines on standard error, for people or for the journal.
 */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"

/*
 * A process that connects, front end or not, can cause any number of lines. Beyond
 * LOG_BURST lines in LOG_SECONDS seconds they are only counted.
 */
#define LOG_BURST	100
#define LOG_SECONDS	10

static enum log_level log_max = LOG_LEVEL_INFO;
/* Lines begin with a priority, which the journal evaluates and removes. */
static bool log_priority;
/* Number of lines that were not written since the last one that says so. */
static unsigned int log_missing;
/* Number of lines since the limit was last reset. */
static unsigned int log_lines;

/*
 * All children of a service inherit JOURNAL_STREAM. It only means something if it
 * names our standard error.
 */
static bool journal_reads(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

void log_init(bool verbose)
{
	if (verbose)
		log_max = LOG_LEVEL_DEBUG;
	log_priority = journal_reads();
}

/*
 * A reader of the log that stops reading must not stop the bridge, and the front end
 * with it. If there is room for a line, poll() says so: lines are shorter than a page.
 */
static bool log_has_room(void)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&pfd, 1, 0) != 0;
}

static void log_write(enum log_level level, const char *text)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERR] = "error",
		[LOG_LEVEL_WARN] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};

	/* dprintf() makes one write(), so lines of several bridges do not mix. */
	if (log_priority)
		dprintf(STDERR_FILENO, "<%d>level=%s %s\n", level, names[level],
			text);
	else
		dprintf(STDERR_FILENO, "vrpmsg-bridge: level=%s %s\n",
			names[level], text);
}

/* Say how many lines are missing, if there is room for that. */
static void log_say_missing(void)
{
	char text[64];

	if (!log_missing || !log_has_room())
		return;
	snprintf(text, sizeof(text), "event=suppressed lines=%u", log_missing);
	log_missing = 0;
	log_write(LOG_LEVEL_WARN, text);
}

void log_reset_limit(void)
{
	if (log_lines > LOG_BURST)
		log_missing += log_lines - LOG_BURST;
	log_lines = 0;
}

/* Count a line. Returns false beyond the limit, which --verbose disables. */
static bool log_may(void)
{
	static time_t begin;
	struct timespec now;

	if (log_max == LOG_LEVEL_DEBUG)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - begin >= LOG_SECONDS) {
		log_reset_limit();
		begin = now.tv_sec;
	}
	return ++log_lines <= LOG_BURST;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (level > log_max || !log_may())
		return;
	log_say_missing();
	if (!log_has_room()) {
		log_missing++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(level, text);
}
