// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion. The shell scripts only run vrpmsgctl, which prints candidates from
 * table.c and from the kernel. The scripts never evaluate these.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "quote.h"

/* Directories with the links of udev. */
#define BY_NAME "/dev/vrpmsg/by-name/"
#define CTRL "/dev/vrpmsg/ctrl/"

/**
 * struct completion - the word to complete
 * @prefix: the word, with which candidates must begin
 * @prefix_len: length of @prefix
 * @skip: how many leading characters of a candidate are not printed
 * @quote: quote candidates for bash
 * @quoting: quote character that the word begins with, or 0
 */
struct completion {
	const char *prefix;
	size_t prefix_len;
	size_t skip;
	bool quote;
	char quoting;
};

static void offer(const struct completion *completion, const char *word,
		  const char *help)
{
	if (strncmp(word, completion->prefix, completion->prefix_len))
		return;
	word += completion->skip;
	if (!completion->quote)
		fputs(word, stdout);
	else if (!quote_print(stdout, word, completion->quoting))
		return;
	if (help && !completion->quote)
		printf("\t%s", help);
	putchar('\n');
}

/* Without CAP_NET_ADMIN the kernel cannot be asked: offer files in /dev instead. */
static void offer_files(const struct completion *completion,
			const char *pattern, size_t skip)
{
	glob_t files;
	size_t i;

	if (glob(pattern, 0, NULL, &files))
		return;
	for (i = 0; i < files.gl_pathc; i++)
		offer(completion, files.gl_pathv[i] + skip, NULL);
	globfree(&files);
}

static void offer_devs(const struct completion *completion)
{
	struct vrpmsg_dev **devs = vrpmsg_dev_list(ctl_ctx(), NULL);
	size_t i;

	if (!devs)
		offer_files(completion, CTRL "*", strlen(CTRL));
	for (i = 0; devs && devs[i]; i++)
		offer(completion, vrpmsg_dev_name(devs[i]), "device");
	vrpmsg_dev_list_free(devs);
}

/* Whether DEVICE/NAME finds this endpoint. */
static bool is_unique(struct vrpmsg_ept **epts, const struct vrpmsg_ept *ept)
{
	const char *name = vrpmsg_ept_name(ept);
	size_t i;

	/* vrpmsg_ept_find() skips all others. */
	if (!ctl_ept_is_admins(ept))
		return false;
	for (i = 0; epts[i]; i++) {
		if (epts[i] != ept && vrpmsg_ept_name(epts[i]) &&
		    ctl_ept_is_admins(epts[i]) &&
		    !strcmp(vrpmsg_ept_name(epts[i]), name) &&
		    vrpmsg_ept_dev_id(epts[i]) == vrpmsg_ept_dev_id(ept))
			return false;
	}
	return true;
}

static void offer_epts(const struct completion *completion)
{
	struct vrpmsg_ept **epts = vrpmsg_ept_list(ctl_ctx(), NULL, NULL);
	char word[128], help[128];
	const char *name;
	size_t i;

	if (!epts) {
		offer_files(completion, BY_NAME "*/*", strlen(BY_NAME));
		offer_files(completion, "/dev/vrpmsg-ep*", 0);
	}
	for (i = 0; epts && epts[i]; i++) {
		name = vrpmsg_ept_name(epts[i]);
		snprintf(help, sizeof(help), "%s/%s",
			 vrpmsg_ept_dev_name(epts[i]), name ?: "");
		snprintf(word, sizeof(word), "%s%u",
			 ctl_ept_has_node(epts[i]) ? "/dev/vrpmsg-ep" : "",
			 vrpmsg_ept_id(epts[i]));
		if (name && is_unique(epts, epts[i]))
			offer(completion, help, word);
		offer(completion, word, help);
	}
	vrpmsg_ept_list_free(epts);
}

/* Offer values of a keyword. */
static int offer_values(const struct completion *completion,
			const struct ctl_keyword *keyword)
{
	int i;

	for (i = 0; keyword->words && keyword->words[i]; i++)
		offer(completion, keyword->words[i], keyword->help);
	switch (keyword->type) {
	case CTL_DEV:
		offer_devs(completion);
		break;
	case CTL_EPT:
		offer_epts(completion);
		break;
	case CTL_TARGET:
		offer_devs(completion);
		offer_epts(completion);
		break;
	case CTL_PATH:
		return CTL_FILES;
	default:
		break;
	}
	return CTL_OK;
}

/* Offer keywords that may come, and values of the next positional argument. */
static int offer_keywords(const struct completion *completion,
			  const struct ctl_state *state)
{
	const struct ctl_keyword *keyword = ctl_first(state->command);
	bool place = false;
	int status = CTL_OK;

	/* A required positional argument at the beginning must come first. */
	if (keyword->help && !keyword->name && keyword->flags & CTL_REQUIRED &&
	    ctl_may_come(state, keyword) && !(keyword->flags & CTL_MANY))
		return offer_values(completion, keyword);
	for (; keyword->help; keyword++) {
		if (!ctl_may_come(state, keyword))
			continue;
		if (keyword->name) {
			offer(completion, keyword->name, keyword->help);
		} else if (!place) {
			place = true;
			status = offer_values(completion, keyword);
		}
	}
	return status;
}

static void offer_commands(const struct completion *completion,
			   const char *object)
{
	const struct ctl_command *command;
	const char *last = "";

	for (command = ctl_commands; command->name; command++) {
		if (object) {
			if (command->object && !strcmp(command->object, object))
				offer(completion, command->name, command->help);
		} else if (!command->object) {
			offer(completion, command->name, command->help);
		} else if (strcmp(last, command->object)) {
			last = command->object;
			offer(completion, last, NULL);
		}
	}
}

static void offer_options(const struct completion *completion)
{
	const struct ctl_option *option;
	char word[64];

	for (option = ctl_options; option->name; option++) {
		snprintf(word, sizeof(word), "--%s", option->name);
		offer(completion, word, option->help);
	}
}

/* Complete the arguments of a command. */
static int offer_words(const struct completion *completion,
		       struct ctl_state *state, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!ctl_take(state, argv[i], false))
			return CTL_OK;
	}
	if (state->pending)
		return offer_values(completion, state->pending);
	return offer_keywords(completion, state);
}

/* @argv has all words except the last one, which is to be completed. */
static int complete(const struct completion *completion, int argc, char **argv)
{
	struct ctl_state state = {};
	const struct ctl_command *command;

	while (argc && argv[0][0] == '-') {
		argc--;
		argv++;
	}
	if (!argc) {
		offer_commands(completion, NULL);
		if (completion->prefix[0] == '-')
			offer_options(completion);
		return CTL_OK;
	}
	for (command = ctl_commands; command->name; command++) {
		if (!command->object && !strcmp(command->name, argv[0])) {
			state.command = command;
			return offer_words(completion, &state, argc - 1,
					   argv + 1);
		}
		if (command->object && argc > 1 &&
		    !strcmp(command->object, argv[0]) &&
		    !strcmp(command->name, argv[1])) {
			state.command = command;
			return offer_words(completion, &state, argc - 2,
					   argv + 2);
		}
	}
	if (argc == 1)
		offer_commands(completion, argv[0]);
	return CTL_OK;
}

int ctl_complete(int argc, char **argv)
{
	struct completion completion = {
		.prefix = argc ? argv[argc - 1] : "",
	};

	completion.prefix_len = strlen(completion.prefix);
	return complete(&completion, argc ? argc - 1 : 0, argv);
}

int ctl_complete_line(const char *line, const char *breaks)
{
	struct completion completion = { .quote = true };
	struct quote_words words;
	int status;

	/* The first word is this program. */
	if (quote_split(&words, line, breaks) || words.count < 2) {
		quote_words_free(&words);
		return CTL_OK;
	}
	completion.prefix = words.word[words.count - 1];
	completion.prefix_len = strlen(completion.prefix);
	completion.skip = words.last_break;
	completion.quoting = words.quoting;
	status = complete(&completion, words.count - 2, words.word + 1);
	quote_words_free(&words);
	return status;
}
