// SPDX-License-Identifier: GPL-2.0-only
/* Help and usage, generated from table.c. */
#include <stdio.h>
#include <string.h>

#include "ctl.h"

/* Maximum length of a line. */
#define WIDTH 78

/* A usage line, which may continue on further, indented lines. */
struct usage {
	FILE *to;
	char text[1024];
	size_t len;
	int indent;
	int column;
};

static void flush_word(struct usage *usage)
{
	int width = usage->len;

	if (!width)
		return;
	if (usage->column + 1 + width > WIDTH)
		usage->column =
			fprintf(usage->to, "\n%*s", usage->indent, "") - 1;
	else
		usage->column += fprintf(usage->to, " ");
	usage->column += fwrite(usage->text, 1, width, usage->to);
	usage->len = 0;
}

static void put(struct usage *usage, const char *text)
{
	size_t len = strlen(text);

	if (usage->len + len > sizeof(usage->text))
		len = sizeof(usage->text) - usage->len;
	memcpy(usage->text + usage->len, text, len);
	usage->len += len;
}

/* "name VALUE", "NAME", "{ hold | drop }" */
static void put_keyword(struct usage *usage, const struct ctl_keyword *keyword)
{
	int i;

	if (keyword->name)
		put(usage, keyword->name);
	if (keyword->name && keyword->type != CTL_FLAG)
		put(usage, " ");
	if (keyword->words)
		put(usage, "{ ");
	if (keyword->value)
		put(usage, keyword->value);
	for (i = 0; keyword->words && keyword->words[i]; i++) {
		if (i || keyword->value)
			put(usage, " | ");
		put(usage, keyword->words[i]);
	}
	if (keyword->words)
		put(usage, " }");
	if (keyword->flags & CTL_MANY)
		put(usage, "...");
}

static bool skipped(const struct ctl_command *command,
		    const struct ctl_keyword *keyword)
{
	return keyword->flags & command->skip;
}

/* Print one keyword, or a group of alternatives. Returns the last of them. */
static const struct ctl_keyword *put_group(struct usage *usage,
					   const struct ctl_keyword *keyword)
{
	bool alone = !keyword->group || keyword[1].group != keyword->group;
	bool required = keyword->flags & CTL_REQUIRED;

	if (!required)
		put(usage, "[");
	else if (!alone)
		put(usage, "{ ");
	for (;;) {
		put_keyword(usage, keyword);
		if (!keyword->group || keyword[1].group != keyword->group ||
		    !keyword[1].help)
			break;
		put(usage, " |");
		/* A line may break between alternatives. */
		flush_word(usage);
		keyword++;
	}
	if (!required)
		put(usage, "]");
	else if (!alone)
		put(usage, " }");
	flush_word(usage);
	return keyword;
}

static void usage_line(FILE *to, const char *before,
		       const struct ctl_command *command)
{
	struct usage usage = { .to = to };
	const struct ctl_keyword *keyword;

	usage.column = fprintf(to, "%s", before);
	usage.indent = usage.column + 4;
	usage.column += fprintf(to, "%s", ctl_command_name(command));
	for (keyword = command->keywords; keyword->help; keyword++) {
		if (!skipped(command, keyword))
			keyword = put_group(&usage, keyword);
	}
	fputc('\n', to);
}

void ctl_usage_all(void)
{
	fputs("usage: vrpmsgctl [OPTIONS] OBJECT COMMAND ...\n"
	      "       vrpmsgctl [OPTIONS] COMMAND ...\n"
	      "try vrpmsgctl --help\n",
	      stderr);
}

void ctl_help(void)
{
	const struct ctl_command *command;
	const struct ctl_option *option;
	char name[32];

	fputs("usage: vrpmsgctl [OPTIONS] OBJECT COMMAND ...\n"
	      "       vrpmsgctl [OPTIONS] COMMAND ...\n\n",
	      stdout);
	for (command = ctl_commands; command->name; command++)
		usage_line(stdout, "  ", command);
	fputs("\nEPT: a number, DEVICE/SERVICE, or the path of a char device\n"
	      "See also \"vrpmsgctl ept help\" and \"vrpmsgctl ept add --help\".\n\n",
	      stdout);
	for (option = ctl_options; option->name; option++) {
		snprintf(name, sizeof(name), "--%s%s%s%s", option->name,
			 option->value ? "[=" : "", option->value ?: "",
			 option->value ? "]" : "");
		if (option->letter > 0)
			printf("  -%c, ", option->letter);
		else
			printf("      ");
		printf("%-18s %s\n", name, option->help);
	}
}

void ctl_help_object(const char *object)
{
	const struct ctl_command *command;

	for (command = ctl_commands; command->name; command++) {
		if (!command->object || strcmp(command->object, object))
			continue;
		usage_line(stdout, "vrpmsgctl ", command);
		printf("    %s\n", command->help);
	}
}

void ctl_help_command(const struct ctl_command *command)
{
	const struct ctl_keyword *keyword;
	struct usage usage = { .to = stdout };

	usage_line(stdout, "usage: vrpmsgctl ", command);
	printf("\n%s\n\n", command->help);
	for (keyword = command->keywords; keyword->help; keyword++) {
		if (skipped(command, keyword))
			continue;
		usage.len = 0;
		put_keyword(&usage, keyword);
		if (keyword->alias) {
			put(&usage, ", ");
			put(&usage, keyword->alias);
		}
		printf("  %-26.*s %s\n", (int)usage.len, usage.text,
		       keyword->help);
	}
}
