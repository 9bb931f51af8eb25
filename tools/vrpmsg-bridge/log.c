// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log: lines on standard error, for people or for the journal.
 */
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

/* Count a line. Returns false beyond the limit, which --verbose disables. */
static bool log_may(void)
{
	static unsigned int lines;
	static time_t begin;
	struct timespec now;
	char text[64];

	if (log_max == LOG_LEVEL_DEBUG)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - begin >= LOG_SECONDS) {
		if (lines > LOG_BURST) {
			snprintf(text, sizeof(text),
				 "event=suppressed lines=%u",
				 lines - LOG_BURST);
			log_write(LOG_LEVEL_WARN, text);
		}
		lines = 0;
		begin = now.tv_sec;
	}
	return ++lines <= LOG_BURST;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (level > log_max || !log_may())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(level, text);
}
