// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsgctl apply: create and change devices and endpoints until they match the files.
 * Everything is checked before the first change. Objects that match do not change.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "output.h"

struct apply {
	const struct apply_args *args;
	struct config_line *lines;
	struct vrpmsg_dev **devs;
	struct vrpmsg_ept **epts;
};

/* Print an error in a line. */
static int refuse(const struct config_line *line, int err, const char *why)
{
	errno = err;
	return ctl_error("%s: %s", line->where, why);
}

static const struct vrpmsg_dev *find_dev(const struct apply *apply,
					 const char *name)
{
	size_t i;

	for (i = 0; apply->devs[i]; i++) {
		if (!strcmp(vrpmsg_dev_name(apply->devs[i]), name))
			return apply->devs[i];
	}
	return NULL;
}

static const struct config_line *line_of_dev(const struct apply *apply,
					     const char *name)
{
	const struct config_line *line;

	for (line = apply->lines; line; line = line->next) {
		if (!config_is_ept(line) && !strcmp(line->dev, name))
			return line;
	}
	return NULL;
}

static const struct config_line *line_of_ept(const struct apply *apply,
					     const struct vrpmsg_ept *ept)
{
	const struct config_line *line;

	for (line = apply->lines; line; line = line->next) {
		if (line->there == ept)
			return line;
	}
	return NULL;
}

/* Check names like the kernel, so that it does not refuse one halfway through. */
static bool is_name(const char *name)
{
	size_t len = strlen(name), i;

	for (i = 0; i < len; i++) {
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return len >= 1 && len <= 31;
}

static bool is_dev_name(const char *name)
{
	const char *c;

	/* The kernel reserves vhostN. */
	if (!strncmp(name, "vhost", 5) && name[5] &&
	    !name[5 + strspn(name + 5, "0123456789")])
		return false;
	for (c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("_.:@-", *c))
			return false;
	}
	return is_name(name) && !strchr(".:@-", name[0]);
}

static int check_dev(struct apply *apply, struct config_line *line)
{
	const struct vrpmsg_dev *dev = find_dev(apply, line->dev);

	if (!is_dev_name(line->dev))
		return refuse(line, EINVAL, "not a valid device name");
	if (line_of_dev(apply, line->dev) != line)
		return refuse(line, EEXIST,
			      "the device appears twice in the files");
	/* The kernel renames a device of a VMM, unless it has endpoints. */
	if (dev && !vrpmsg_dev_is_persistent(dev)) {
		if (vrpmsg_dev_endpoints(dev))
			return refuse(line, EEXIST,
				      "the device of a VMM has this name");
		dev = NULL;
	}
	line->have = dev;
	return CTL_OK;
}

/* Users and drivers create and delete their own endpoints. */
static const struct vrpmsg_ept *others_ept_at(const struct apply *apply,
					      const struct config_line *line)
{
	const struct vrpmsg_ept *ept;
	size_t i;

	for (i = 0; apply->epts[i]; i++) {
		ept = apply->epts[i];
		if (!ctl_ept_is_admins(ept) &&
		    vrpmsg_ept_addr(ept) == line->addr &&
		    !strcmp(vrpmsg_ept_dev_name(ept), line->dev))
			return ept;
	}
	return NULL;
}

/* Find the existing endpoint that a line describes, by address or by name. */
static void match_ept(const struct apply *apply, struct config_line *line)
{
	const struct vrpmsg_ept *ept;
	size_t i;

	for (i = 0; apply->epts[i]; i++) {
		ept = apply->epts[i];
		if (!ctl_ept_is_admins(ept) ||
		    strcmp(vrpmsg_ept_dev_name(ept), line->dev))
			continue;
		if (line->addr >= 0 ?
			    vrpmsg_ept_addr(ept) == line->addr :
			    vrpmsg_ept_name(ept) &&
				    !strcmp(vrpmsg_ept_name(ept), line->name) &&
				    !line_of_ept(apply, ept)) {
			line->there = ept;
			return;
		}
	}
}

static bool differs(const struct config_line *line,
		    const struct ctl_keyword *keyword)
{
	if (!keyword->get)
		return false;
	/* A line without an address matches any. */
	if (!strcmp(keyword->name, "addr") && line->addr < 0)
		return false;
	return config_value(line, keyword) !=
	       config_current(keyword, line->there);
}

/* Check for differences that cannot be changed in place. */
static int check_changes(const struct apply *apply, struct config_line *line)
{
	const struct ctl_command *command = line->parsed.command;
	const struct ctl_keyword *keyword;
	const char *name = vrpmsg_ept_name(line->there), *what = NULL;
	char why[128];

	if (strcmp(name ?: "", line->name ?: ""))
		what = "name";
	for (keyword = command->keywords; keyword->help; keyword++) {
		if (!differs(line, keyword) || keyword->flags & CTL_NS)
			continue;
		if (keyword->flags & CTL_ADD_ONLY)
			what = keyword->name;
	}
	line->replace = what;
	if (!what || apply->args->replace)
		return CTL_OK;
	snprintf(why, sizeof(why),
		 "%s of /dev/vrpmsg-ep%u cannot be changed; --replace recreates it",
		 what, vrpmsg_ept_id(line->there));
	return refuse(line, EEXIST, why);
}

static int check_ept(const struct apply *apply, struct config_line *line)
{
	const struct vrpmsg_dev *dev = find_dev(apply, line->dev);
	const struct config_line *other;
	const struct vrpmsg_ept *taken;
	bool announced;

	if (line->name && !is_name(line->name))
		return refuse(line, EINVAL, "not a valid endpoint name");
	if (line->addr == VRPMSG_ADDR_NS)
		return refuse(line, EADDRINUSE, "the address is reserved");
	taken = others_ept_at(apply, line);
	if (taken)
		return refuse(line, EADDRINUSE,
			      vrpmsg_ept_is_driver(taken) ?
				      "an endpoint of a driver has this address" :
				      "an endpoint of a user has this address");
	if (!line_of_dev(apply, line->dev) &&
	    (!dev || !vrpmsg_dev_is_persistent(dev)))
		return refuse(line, ENODEV, "no such persistent device");
	if (!line_of_dev(apply, line->dev) && apply->args->prune)
		return refuse(line, EINVAL,
			      "its device is in no file, and --prune would delete it");
	for (other = apply->lines; other != line; other = other->next) {
		if (config_is_ept(other) && line->addr >= 0 &&
		    other->addr == line->addr && !strcmp(other->dev, line->dev))
			return refuse(line, EADDRINUSE,
				      "the address appears twice in the files");
	}
	announced = config_value(line, ctl_keyword(line->parsed.command,
						   "announced"));
	if (announced && !line->name)
		return refuse(line, EINVAL,
			      "only an endpoint with a name can be announced");
	return line->there ? check_changes(apply, line) : CTL_OK;
}

/* --prune cannot delete a device while a VMM is attached. */
static int check_prune(const struct apply *apply)
{
	int status = CTL_OK;
	size_t i;

	for (i = 0; apply->devs[i]; i++) {
		const char *name = vrpmsg_dev_name(apply->devs[i]);

		if (!vrpmsg_dev_is_persistent(apply->devs[i]) ||
		    line_of_dev(apply, name) ||
		    vrpmsg_dev_state(apply->devs[i]) == VRPMSG_DEV_DETACHED)
			continue;
		errno = EBUSY;
		status = ctl_error("--prune: %s: a VMM has the device", name);
	}
	return status;
}

static int check(struct apply *apply)
{
	struct config_line *line;
	int status = CTL_OK, ret;

	/* Match by address first: names only match the remaining endpoints. */
	for (line = apply->lines; line; line = line->next) {
		if (config_is_ept(line) && line->addr >= 0)
			match_ept(apply, line);
	}
	for (line = apply->lines; line; line = line->next) {
		if (config_is_ept(line) && line->addr < 0)
			match_ept(apply, line);
	}
	for (line = apply->lines; line; line = line->next) {
		ret = config_is_ept(line) ? check_ept(apply, line) :
					    check_dev(apply, line);
		status = status ?: ret;
	}
	if (apply->args->prune && !status)
		status = check_prune(apply);
	return status;
}

/* Print a change as the command that makes it. */
static void say(const struct config_line *line, const char *command,
		const char *words)
{
	char *change;

	if (asprintf(&change, "%s%s", command, words) < 0)
		return;
	out_begin(NULL);
	out_text("%s", change);
	out_string("change", NULL, change);
	if (line)
		out_string("where", NULL, line->where);
	out_end();
	free(change);
}

/* The same for a change of an existing endpoint. */
static void say_ept(const struct config_line *line, const char *command,
		    const struct vrpmsg_ept *ept, const char *words)
{
	char *text;

	if (asprintf(&text, " /dev/vrpmsg-ep%u%s # %s/%s", vrpmsg_ept_id(ept),
		     words, vrpmsg_ept_dev_name(ept),
		     vrpmsg_ept_name(ept) ?: "") < 0)
		return;
	say(line, command, text);
	free(text);
}

/* The kernel refused a change although the check passed. */
static int failed(const struct config_line *line)
{
	return ctl_refused(line ? line->where : "--prune");
}

static int delete_ept(const struct apply *apply, const struct config_line *line,
		      const struct vrpmsg_ept *ept)
{
	say_ept(line, "ept del", ept, "");
	if (!apply->args->dry_run &&
	    vrpmsg_ept_del(ctl_ctx(), vrpmsg_ept_id(ept)))
		return failed(line);
	return CTL_OK;
}

/* Delete persistent devices, and endpoints on them, that are in no file. */
static int prune(const struct apply *apply)
{
	const struct vrpmsg_dev *dev;
	int status = CTL_OK;
	const char *name;
	size_t i;

	for (i = 0; apply->epts[i] && !status; i++) {
		name = vrpmsg_ept_dev_name(apply->epts[i]);
		dev = find_dev(apply, name);
		/* Deleting a device also deletes its endpoints. */
		if (dev && vrpmsg_dev_is_persistent(dev) &&
		    ctl_ept_is_admins(apply->epts[i]) &&
		    line_of_dev(apply, name) &&
		    !line_of_ept(apply, apply->epts[i]))
			status = delete_ept(apply, NULL, apply->epts[i]);
	}
	for (i = 0; apply->devs[i] && !status; i++) {
		name = vrpmsg_dev_name(apply->devs[i]);
		if (!vrpmsg_dev_is_persistent(apply->devs[i]) ||
		    line_of_dev(apply, name))
			continue;
		say(NULL, "dev del ", name);
		if (!apply->args->dry_run && vrpmsg_dev_del(ctl_ctx(), name))
			status = failed(NULL);
	}
	return status;
}

/* Change settings of an existing device. */
static int change_dev(const struct apply *apply, const struct config_line *line)
{
	const struct ctl_keyword *keyword = line->parsed.command->keywords;
	struct dev_args args = { .mtu = -1, .hold_time = -1, .owner = -1 };
	struct vrpmsg_dev_config *config;
	char words[256] = "", *setting;
	int status = CTL_OK;
	int64_t value;
	size_t n = 0;

	n += snprintf(words, sizeof(words), " %s", line->dev);
	for (; keyword->help; keyword++) {
		value = config_value(line, keyword);
		if (!keyword->get_dev || value == keyword->get_dev(line->have))
			continue;
		*(int64_t *)((char *)&args + keyword->offset) = value;
		setting = config_setting(keyword, value);
		if (setting && n < sizeof(words))
			n += snprintf(words + n, sizeof(words) - n, "%s",
				      setting);
		free(setting);
	}
	if (args.mtu < 0 && args.hold_time < 0 && args.owner < 0)
		return CTL_OK;
	say(line, "dev set", words);
	if (apply->args->dry_run)
		return CTL_OK;
	config = dev_config(&args);
	if (!config)
		return ctl_error("memory");
	if (vrpmsg_dev_set(ctl_ctx(), line->dev, config))
		status = failed(line);
	vrpmsg_dev_config_free(config);
	return status;
}

/* Print the words of a line, quoted again if necessary. */
static void say_line(const struct config_line *line)
{
	char *text = NULL, *word;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int i;

	for (i = 0; f && i < line->words.count; i++) {
		word = quote_word(line->words.word[i]);
		fprintf(f, "%s%s", i ? " " : "", word ?: "");
		free(word);
	}
	if (f)
		fclose(f);
	say(line, text ?: "", "");
	free(text);
}

static int make_dev(const struct apply *apply, const struct config_line *line)
{
	const struct dev_args *args = (const void *)&line->parsed.args;
	struct vrpmsg_dev_config *config;
	struct vrpmsg_dev *dev = NULL;
	int status = CTL_OK;

	say_line(line);
	if (apply->args->dry_run)
		return CTL_OK;
	config = dev_config(args);
	if (!config)
		return ctl_error("memory");
	dev = vrpmsg_dev_add(ctl_ctx(), line->dev, config);
	if (!dev)
		status = failed(line);
	vrpmsg_dev_free(dev);
	vrpmsg_dev_config_free(config);
	return status;
}

static int make_ept(const struct apply *apply, const struct config_line *line)
{
	const struct ept_args *args = (const void *)&line->parsed.args;
	struct vrpmsg_ept *ept;
	int status = CTL_OK;

	say_line(line);
	if (apply->args->dry_run)
		return CTL_OK;
	ept = ept_make(args);
	if (!ept)
		status = failed(line);
	vrpmsg_ept_free(ept);
	return status;
}

/* Change settings of an existing endpoint that differ. */
static int change_settings(const struct apply *apply,
			   const struct config_line *line)
{
	const struct ctl_keyword *keyword = line->parsed.command->keywords;
	struct vrpmsg_ept_config *config = vrpmsg_ept_config_new();
	char words[512] = "", *setting;
	int status = CTL_OK;
	size_t n = 0;

	if (!config)
		return ctl_error("memory");
	for (; keyword->help; keyword++) {
		if (!differs(line, keyword) || keyword->flags & CTL_NS ||
		    !keyword->set.number)
			continue;
		ctl_set_number(config, keyword, config_value(line, keyword));
		setting = config_setting(keyword, config_value(line, keyword));
		if (setting && n < sizeof(words))
			n += snprintf(words + n, sizeof(words) - n, "%s",
				      setting);
		free(setting);
	}
	if (n) {
		say_ept(line, "ept set", line->there, words);
		if (!apply->args->dry_run &&
		    vrpmsg_ept_set(ctl_ctx(), vrpmsg_ept_id(line->there),
				   config))
			status = failed(line);
	}
	vrpmsg_ept_config_free(config);
	return status;
}

static int change_announcement(const struct apply *apply,
			       const struct config_line *line)
{
	const struct ctl_keyword *keyword =
		ctl_keyword(line->parsed.command, "announced");
	uint32_t id = vrpmsg_ept_id(line->there);
	bool announce;

	if (!differs(line, keyword))
		return CTL_OK;
	announce = config_value(line, keyword);
	say_ept(line, announce ? "ns announce" : "ns withdraw", line->there,
		"");
	if (apply->args->dry_run)
		return CTL_OK;
	if (announce ? vrpmsg_ept_announce(ctl_ctx(), id) :
		       vrpmsg_ept_withdraw(ctl_ctx(), id))
		return failed(line);
	return CTL_OK;
}

/* Create and change the endpoints whose lines have an address, or those without. */
static int carry_out_epts(const struct apply *apply, bool with_addr)
{
	const struct config_line *line;
	int status = CTL_OK;

	for (line = apply->lines; line && !status; line = line->next) {
		bool given = line->addr >= 0;

		if (!config_is_ept(line) || given != with_addr)
			continue;
		if (!line->there || line->replace) {
			status = make_ept(apply, line);
			continue;
		}
		status = change_settings(apply, line);
		if (!status)
			status = change_announcement(apply, line);
	}
	return status;
}

static int carry_out(const struct apply *apply)
{
	const struct config_line *line;
	int status = CTL_OK;

	/* Free addresses before other endpoints need them. */
	if (apply->args->prune)
		status = prune(apply);
	for (line = apply->lines; line && !status; line = line->next) {
		if (line->replace)
			status = delete_ept(apply, line, line->there);
	}
	/* Devices first: a file may list them after their endpoints. */
	for (line = apply->lines; line && !status; line = line->next) {
		if (!config_is_ept(line))
			status = line->have ? change_dev(apply, line) :
					      make_dev(apply, line);
	}
	/* Given addresses first: an endpoint without one gets any free address. */
	if (!status)
		status = carry_out_epts(apply, true);
	return status ?: carry_out_epts(apply, false);
}

static int list_all(struct apply *apply)
{
	apply->devs = vrpmsg_dev_list(ctl_ctx(), NULL);
	if (!apply->devs)
		return ctl_refused("apply");
	apply->epts = vrpmsg_ept_list(ctl_ctx(), NULL, NULL);
	if (!apply->epts)
		return ctl_refused("apply");
	return CTL_OK;
}

int apply_run(const void *args)
{
	struct apply apply = { .args = args };
	int status;

	status = config_read(&apply.lines, &apply.args->files);
	if (!status)
		status = list_all(&apply);
	if (!status)
		status = check(&apply);
	if (!status) {
		out_lines_begin();
		status = carry_out(&apply);
		out_list_end();
	}
	vrpmsg_dev_list_free(apply.devs);
	vrpmsg_ept_list_free(apply.epts);
	config_free(apply.lines);
	return status;
}
