/* SPDX-License-Identifier: GPL-2.0-only */
/* Configuration files, which apply reads and save prints. */
#ifndef CONFIG_H
#define CONFIG_H

#include "ctl.h"
#include "quote.h"

/**
 * struct config_line - a line that describes a device or an endpoint
 * @where: "FILE:LINE"
 * @words: words of the line; @parsed points to them
 * @parsed: the parsed line, "dev add" or "ept add"
 * @dev: name of the device
 * @name: name of the endpoint, or NULL
 * @addr: address of the endpoint, or -1
 * @next: the next line
 *
 * Set by apply:
 * @there: the existing endpoint, or NULL
 * @have: the existing device, or NULL
 * @replace: the endpoint must be deleted and created again
 */
struct config_line {
	char *where;
	struct quote_words words;
	struct ctl_parsed parsed;
	const char *dev;
	const char *name;
	int64_t addr;
	struct config_line *next;

	const struct vrpmsg_ept *there;
	const struct vrpmsg_dev *have;
	bool replace;
};

/* Read all files in order, and print each error. Returns an exit status. */
int config_read(struct config_line **lines, const struct ctl_words *files);
void config_free(struct config_line *lines);

bool config_is_ept(const struct config_line *line);
/* Value of a setting in a line, or its default if the line does not have it. */
int64_t config_value(const struct config_line *line,
		     const struct ctl_keyword *keyword);

/* Present value of a setting of an endpoint, in the same representation. */
int64_t config_current(const struct ctl_keyword *keyword,
		       const struct vrpmsg_ept *ept);

/* These return strings to free(). */
/* " policy drop", with a leading space; NULL: no memory. */
char *config_setting(const struct ctl_keyword *keyword, int64_t value);
/* "dev add gpu0 ..." */
char *config_of_dev(const struct vrpmsg_dev *dev);
/* "ept add dev gpu0 name sensors ..." */
char *config_of_ept(const struct vrpmsg_ept *ept);

#endif /* CONFIG_H */
