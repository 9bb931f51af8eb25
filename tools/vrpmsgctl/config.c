// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files, and vrpmsgctl save */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "output.h"

bool config_is_ept(const struct config_line *line)
{
	return !strcmp(line->parsed.command->object, "ept");
}

/* Returns the keywords of the command with this function. */
static const struct ctl_keyword *keywords_of(int (*run)(const void *args))
{
	const struct ctl_command *command = ctl_commands;

	while (command->run != run)
		command++;
	return command->keywords;
}

static int64_t initial(const struct ctl_keyword *keyword)
{
	if (keyword->initial == CTL_MAKER)
		return geteuid();
	return keyword->get_word ? CTL_FIRST_WORD + keyword->initial :
				   keyword->initial;
}

int64_t config_current(const struct ctl_keyword *keyword,
		       const struct vrpmsg_ept *ept)
{
	int word = keyword->get_word ? keyword->get_word(ept) : -1;

	return word >= 0 ? CTL_FIRST_WORD + word : keyword->get(ept);
}

int64_t config_value(const struct config_line *line,
		     const struct ctl_keyword *keyword)
{
	const struct ctl_value *value =
		&line->parsed.value[keyword - line->parsed.command->keywords];

	return value->given ? value->number : initial(keyword);
}

static const char *given(const struct config_line *line, const char *name)
{
	const struct ctl_command *command = line->parsed.command;

	return line->parsed
		.value[ctl_keyword(command, name) - command->keywords]
		.word;
}

/* Check a parsed line, and get the names and the address of its object. */
static int check_line(struct config_line *line)
{
	const struct ctl_command *command = line->parsed.command;
	const struct ctl_keyword *addr;
	const struct dev_args *dev;

	line->addr = -1;
	if (command->run == dev_add) {
		dev = (const void *)&line->parsed.args;
		line->dev = dev->name;
		return CTL_OK;
	}
	if (command->run != ept_add)
		return ctl_usage("only \"dev add\" and \"ept add\" are allowed in a file");
	line->dev = given(line, "dev");
	line->name = given(line, "name");
	addr = ctl_keyword(command, "addr");
	if (line->parsed.value[addr - command->keywords].given)
		line->addr = config_value(line, addr);
	if (!line->name && line->addr < 0)
		return ctl_usage("an endpoint in a file needs a name or an address");
	if (given(line, "addressed") && given(line, "remote"))
		return ctl_usage("an addressed endpoint has no remote of its own");
	return CTL_OK;
}

static int parse_line(struct config_line *line, const char *text)
{
	int status;

	if (quote_split(&line->words, text, NULL))
		return errno == EINVAL ? ctl_usage("missing closing quote") :
					 ctl_error("memory");
	if (!line->words.count)
		return CTL_OK;
	status = ctl_parse(&line->parsed, line->words.count, line->words.word);
	if (status == CTL_HELP)
		return ctl_usage("help is not allowed in a file");
	return status ?: check_line(line);
}

static void free_line(struct config_line *line)
{
	ctl_parsed_free(&line->parsed);
	quote_words_free(&line->words);
	free(line->where);
	free(line);
}

/*
 * Parse and append a line of @len bytes; an empty one adds nothing. *status collects
 * its errors.
 */
static int add_line(struct config_line ***tail, const char *name,
		    unsigned int number, const char *text, size_t len,
		    int *status)
{
	struct config_line *line = calloc(1, sizeof(*line));
	int ret;

	if (!line || asprintf(&line->where, "%s:%u", name, number) < 0) {
		free(line);
		return ctl_error("%s", name);
	}
	ctl_where = line->where;
	/* C would take the rest of the line for a comment. */
	ret = strlen(text) == len ? parse_line(line, text) :
				    ctl_usage("a NUL byte is not allowed");
	ctl_where = NULL;
	*status = *status ?: ret;
	if (ret || !line->words.count) {
		free_line(line);
		return CTL_OK;
	}
	**tail = line;
	*tail = &line->next;
	return CTL_OK;
}

static int read_file(struct config_line ***tail, const char *name)
{
	bool is_stdin = !strcmp(name, "-");
	FILE *f = is_stdin ? stdin : fopen(name, "re");
	int status = CTL_OK, failed = CTL_OK;
	unsigned int number;
	char *text = NULL;
	size_t room = 0;
	ssize_t len;

	if (!f)
		return ctl_error("%s", name);
	for (number = 1; !failed; number++) {
		len = getline(&text, &room, f);
		if (len < 0)
			break;
		if (text[len - 1] == '\n')
			text[--len] = '\0';
		/* Editors of other systems end lines with CR and LF. */
		if (len && text[len - 1] == '\r')
			text[--len] = '\0';
		failed = add_line(tail, is_stdin ? "stdin" : name, number, text,
				  len, &status);
	}
	/* Without memory for a line, neither feof() nor ferror() is set. */
	if (!failed && !feof(f))
		failed = ctl_error("%s", name);
	if (failed)
		status = failed;
	free(text);
	if (!is_stdin)
		fclose(f);
	return status;
}

int config_read(struct config_line **lines, const struct ctl_words *files)
{
	struct config_line **tail = lines;
	int status = CTL_OK, ret;
	size_t i;

	for (i = 0; i < files->count; i++) {
		ret = read_file(&tail, files->word[i]);
		status = status ?: ret;
	}
	return status;
}

void config_free(struct config_line *lines)
{
	struct config_line *next;

	for (; lines; lines = next) {
		next = lines->next;
		free_line(lines);
	}
}

/* Returns the word for a value, or NULL if this version does not know the value. */
static const char *word_of(const struct ctl_keyword *keyword, int64_t value)
{
	int i;

	for (i = 0; keyword->words[i]; i++) {
		if (i == value % CTL_FIRST_WORD)
			return keyword->words[i];
	}
	return NULL;
}

char *config_setting(const struct ctl_keyword *keyword, int64_t value)
{
	const char *word = keyword->words ? word_of(keyword, value) : NULL;
	char *text;
	int ret;

	if (keyword->type == CTL_FLAG)
		ret = asprintf(&text, " %s", keyword->name);
	else if (keyword->type == CTL_MILLIS)
		ret = asprintf(&text, " %s %.10g", keyword->name, value / 1e3);
	else if (word && (keyword->type == CTL_WORD || value >= CTL_FIRST_WORD))
		ret = asprintf(&text, " %s %s", keyword->name, word);
	else
		/* A number, or an unknown word, which apply refuses as a number. */
		ret = asprintf(&text, " %s %u", keyword->name, (uint32_t)value);
	return ret < 0 ? NULL : text;
}

char *config_of_ept(const struct vrpmsg_ept *ept)
{
	const struct ctl_keyword *keyword = keywords_of(ept_add);
	char *dev = quote_word(vrpmsg_ept_dev_name(ept));
	char *name = quote_word(vrpmsg_ept_name(ept) ?: "");
	bool has_name = vrpmsg_ept_name(ept);
	char *line = NULL, *setting;
	size_t size;
	FILE *f;

	f = open_memstream(&line, &size);
	if (!f || !dev || !name)
		abort();
	fprintf(f, "ept add dev %s%s%s", dev, has_name ? " name " : "",
		has_name ? name : "");
	for (; keyword->help; keyword++) {
		if (!keyword->get ||
		    config_current(keyword, ept) == initial(keyword))
			continue;
		setting = config_setting(keyword, config_current(keyword, ept));
		fputs(setting ?: "", f);
		free(setting);
	}
	fclose(f);
	free(dev);
	free(name);
	return line;
}

char *config_of_dev(const struct vrpmsg_dev *dev)
{
	const struct ctl_keyword *keyword = keywords_of(dev_add);
	char *name = quote_word(vrpmsg_dev_name(dev));
	char *line = NULL, *setting;
	size_t size;
	FILE *f;

	f = open_memstream(&line, &size);
	if (!f || !name)
		abort();
	fprintf(f, "dev add %s", name);
	for (; keyword->help; keyword++) {
		/* If the default depends on who runs apply, always say the value. */
		if (!keyword->get_dev ||
		    (keyword->initial != CTL_MAKER &&
		     keyword->get_dev(dev) == initial(keyword)))
			continue;
		setting = config_setting(keyword, keyword->get_dev(dev));
		fputs(setting ?: "", f);
		free(setting);
	}
	fclose(f);
	free(name);
	return line;
}

static void save_epts(const struct vrpmsg_dev *dev,
		      struct vrpmsg_ept *const *epts)
{
	char *line;

	for (; *epts; epts++) {
		if (vrpmsg_ept_dev_id(*epts) != vrpmsg_dev_id(dev) ||
		    !ctl_ept_is_admins(*epts))
			continue;
		line = config_of_ept(*epts);
		puts(line);
		free(line);
	}
}

/* Whether these are still the devices of their names. */
static bool are_there(struct vrpmsg_dev *const *devs)
{
	struct vrpmsg_dev *dev;
	bool same = true;

	for (; same && *devs; devs++) {
		if (!vrpmsg_dev_is_persistent(*devs))
			continue;
		dev = vrpmsg_dev_get(ctl_ctx(), vrpmsg_dev_name(*devs));
		same = dev && vrpmsg_dev_id(dev) == vrpmsg_dev_id(*devs);
		vrpmsg_dev_free(dev);
	}
	return same;
}

/*
 * List devices, and the endpoints of these. One list of all endpoints does not fail if
 * a device is busy, but it would lack those of a device that has just been replaced.
 */
static int list_both(struct vrpmsg_dev ***devs, struct vrpmsg_ept ***epts)
{
	int tries;

	for (tries = 0; tries < 10; tries++) {
		*devs = vrpmsg_dev_list(ctl_ctx(), NULL);
		*epts = *devs ? vrpmsg_ept_list(ctl_ctx(), NULL, NULL) : NULL;
		if (!*epts)
			return ctl_refused("save");
		if (are_there(*devs))
			return CTL_OK;
		vrpmsg_dev_list_free(*devs);
		vrpmsg_ept_list_free(*epts);
	}
	errno = EAGAIN;
	return ctl_error("save: devices came and went too often");
}

int save_run(const void *args)
{
	const struct save_args *a = args;
	struct vrpmsg_dev **devs;
	struct vrpmsg_ept **epts;
	bool found = false;
	char *line;
	size_t i;
	int status;

	status = list_both(&devs, &epts);
	if (status)
		return status;
	for (i = 0; devs[i]; i++) {
		/* A device of a VMM cannot be recreated: it exists only with its VMM. */
		if (!vrpmsg_dev_is_persistent(devs[i]) ||
		    (a->dev && strcmp(a->dev, vrpmsg_dev_name(devs[i]))))
			continue;
		found = true;
		line = config_of_dev(devs[i]);
		puts(line);
		free(line);
		save_epts(devs[i], epts);
	}
	vrpmsg_dev_list_free(devs);
	vrpmsg_ept_list_free(epts);
	if (a->dev && !found) {
		errno = ENODEV;
		status = ctl_error("%s: no persistent device", a->dev);
	}
	return status;
}
