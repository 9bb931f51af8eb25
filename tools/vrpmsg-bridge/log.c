// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log: lines on standard error, for people or for the journal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge.h"

static enum log_level log_max = LOG_LEVEL_INFO;
/* Lines begin with a priority, which the journal removes. */
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

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERR] = "error",
		[LOG_LEVEL_WARN] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	char text[512];
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* In one write(): lines of several bridges do not mix. */
	if (log_priority)
		dprintf(STDERR_FILENO, "<%d>level=%s %s\n", level, names[level],
			text);
	else
		dprintf(STDERR_FILENO, "vrpmsg-bridge: level=%s %s\n",
			names[level], text);
}
