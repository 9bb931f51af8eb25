/* SPDX-License-Identifier: GPL-2.0-only */
/* Configuration files: what apply reads, and save writes. */
#ifndef CONFIG_H
#define CONFIG_H

#include "ctl.h"
#include "quote.h"

/**
 * struct config_line - a line that says what there is to be
 * @where: "FILE:LINE"
 * @words: of the line; @parsed points into them
 * @parsed: "dev add" or "ept add"
 * @dev: name of the device
 * @name: of the endpoint, or NULL
 * @addr: of the endpoint, or -1
 * @next: the next line
 *
 * What apply finds out:
 * @there: the endpoint that is there already, or NULL
 * @have: the device that is there already, or NULL
 * @replace: the endpoint has to be made anew
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

/* Lines of all files, in order. An exit status; each fault is on stderr. */
int config_read(struct config_line **lines, const struct ctl_words *files);
void config_free(struct config_line *lines);

bool config_is_ept(const struct config_line *line);
/* What the line says of a setting: the initial value if nothing. */
int64_t config_value(const struct config_line *line,
		     const struct ctl_keyword *keyword);

/* What it is at an endpoint, in the same way. */
int64_t config_current(const struct ctl_keyword *keyword,
		       const struct vrpmsg_ept *ept);

/*
 * The endpoints of a device, or all: an administrator's, since users make their own
 * and take them away. As vrpmsg_ept_list().
 */
struct vrpmsg_ept **config_epts(const char *dev_name);

/* " policy drop", with a space in front; free() it. NULL: no memory. */
char *config_setting(const struct ctl_keyword *keyword, int64_t value);
/* The same of a device. */
char *config_of_dev(const struct vrpmsg_dev *dev);
/* "ept add dev gpu0 name sensors ..." of an endpoint; free() it. */
char *config_of_ept(const struct vrpmsg_ept *ept);

#endif /* CONFIG_H */
