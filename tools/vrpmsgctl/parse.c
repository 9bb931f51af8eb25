// SPDX-License-Identifier: GPL-2.0-only
/* Parse a command line according to table.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "suggest.h"

const char *ctl_command_name(const struct ctl_command *command)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s%s%s", command->object ?: "",
		 command->object ? " " : "", command->name);
	return name;
}

/* Name of a keyword in messages: "addr", or "NAME" for a positional argument. */
static const char *called(const struct ctl_keyword *keyword)
{
	return keyword->name ?: keyword->value;
}

static bool is_named(const struct ctl_keyword *keyword, const char *word)
{
	return (keyword->name && !strcmp(word, keyword->name)) ||
	       (keyword->alias && !strcmp(word, keyword->alias));
}

static bool belongs(const struct ctl_command *command,
		    const struct ctl_keyword *keyword)
{
	return !(keyword->flags & command->skip);
}

const struct ctl_keyword *ctl_keyword(const struct ctl_command *command,
				      const char *name)
{
	const struct ctl_keyword *keyword;

	for (keyword = command->keywords; keyword->help; keyword++) {
		if (belongs(command, keyword) && is_named(keyword, name))
			return keyword;
	}
	return NULL;
}

const struct ctl_keyword *ctl_first(const struct ctl_command *command)
{
	const struct ctl_keyword *keyword = command->keywords;

	while (keyword->help && !belongs(command, keyword))
		keyword++;
	return keyword;
}

static uint64_t bit(const struct ctl_command *command,
		    const struct ctl_keyword *keyword)
{
	return UINT64_C(1) << (keyword - command->keywords);
}

/* Returns the keywords that exclude this one, including itself. */
static uint64_t group_bits(const struct ctl_command *command,
			   const struct ctl_keyword *keyword)
{
	uint64_t bits = bit(command, keyword);
	const struct ctl_keyword *k;

	for (k = command->keywords; keyword->group && k->help; k++) {
		if (k->group == keyword->group)
			bits |= bit(command, k);
	}
	return bits;
}

bool ctl_may_come(const struct ctl_state *state,
		  const struct ctl_keyword *keyword)
{
	if (!belongs(state->command, keyword))
		return false;
	if (keyword->flags & CTL_MANY)
		return true;
	return !(state->given & group_bits(state->command, keyword));
}

/* Returns the next positional argument. */
static const struct ctl_keyword *next_place(const struct ctl_state *state)
{
	const struct ctl_keyword *keyword;

	for (keyword = state->command->keywords; keyword->help; keyword++) {
		if (!keyword->name && ctl_may_come(state, keyword))
			return keyword;
	}
	return NULL;
}

/*
 * If a command begins with a required positional argument, any word is taken for that.
 * After it, keywords have priority over positional arguments. But the last word cannot
 * be a keyword that needs a value if it can be a positional argument: "send EPT count"
 * sends "count".
 */
const struct ctl_keyword *ctl_take(struct ctl_state *state, const char *word,
				   bool last)
{
	const struct ctl_command *command = state->command;
	const struct ctl_keyword *place = next_place(state);
	const struct ctl_keyword *keyword = NULL;

	if (state->pending) {
		keyword = state->pending;
		state->rest = keyword->flags & CTL_REST;
		if (!state->rest)
			state->pending = NULL;
		return keyword;
	}
	if (place != ctl_first(command) || !place ||
	    !(place->flags & CTL_REQUIRED) || place->flags & CTL_MANY)
		keyword = ctl_keyword(command, word);
	if (keyword && last && keyword->type != CTL_FLAG && place)
		keyword = NULL;
	if (!keyword)
		keyword = place;
	if (!keyword)
		return NULL;
	state->given |= bit(command, keyword);
	if (keyword->name && keyword->type != CTL_FLAG)
		state->pending = keyword;
	return keyword;
}

/* Parse a decimal number, or a hexadecimal one with 0x. No sign or space is allowed. */
static bool digits(const char *word, uint64_t *value, char **end)
{
	int base = 10;

	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
		base = 16;
		word += 2;
	}
	/* strtoull() would also take a second 0x. */
	if (!strchr("0123456789abcdefABCDEF", *word) || !*word ||
	    word[1] == 'x' || word[1] == 'X')
		return false;
	errno = 0;
	*value = strtoull(word, end, base);
	return *end > word && !errno;
}

bool ctl_number(const char *word, uint32_t *value)
{
	uint64_t n;
	char *end;

	if (!digits(word, &n, &end) || *end || n > UINT32_MAX)
		return false;
	*value = n;
	return true;
}

static bool parse_bytes(const char *word, int64_t *number)
{
	uint64_t n, unit = 1;
	char *end;

	if (!digits(word, &n, &end))
		return false;
	if (*end == 'k' || *end == 'K')
		unit = 1024;
	else if (*end == 'm' || *end == 'M')
		unit = 1024 * 1024;
	if (end[unit > 1] || n > UINT32_MAX || n * unit > UINT32_MAX)
		return false;
	*number = n * unit;
	return true;
}

/* Parse seconds; the result is in nanoseconds. */
static bool parse_seconds(const char *word, int64_t *number)
{
	double seconds;
	char *end;

	if (!strchr("0123456789.", *word) || strpbrk(word, "xX"))
		return false;
	seconds = strtod(word, &end);
	if (!*word || *end || !(seconds >= 0 && seconds <= 1e9))
		return false;
	*number = seconds * 1e9;
	/* 0 has a meaning of its own for some keywords. */
	if (seconds > 0 && !*number)
		*number = 1;
	return true;
}

/* Convert nanoseconds. Round up, because 0 may mean no limit. */
static int64_t milliseconds(int64_t ns)
{
	return (ns + 999999) / 1000000;
}

static bool parse_word(const char *const *words, const char *word,
		       int64_t *number)
{
	int i;

	for (i = 0; words && words[i]; i++) {
		if (!strcmp(words[i], word)) {
			*number = i;
			return true;
		}
	}
	return false;
}

static int bad_word(const struct ctl_keyword *keyword, const char *word)
{
	char list[256] = "";
	size_t n = 0;
	int i;

	for (i = 0; keyword->words[i] && n < sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - n, "%s\"%s\"",
			      !i		    ? "" :
			      keyword->words[i + 1] ? ", " :
						      " or ",
			      keyword->words[i]);
	return ctl_usage("%s: expected %s, not \"%s\"", called(keyword), list,
			 word);
}

/* Convert the word to a number, if the keyword takes one. */
static int parse_number(const struct ctl_keyword *keyword, const char *word,
			int64_t *number)
{
	uint32_t n, max = keyword->max ?: UINT32_MAX;

	switch (keyword->type) {
	case CTL_FLAG:
		*number = 1;
		return CTL_OK;
	case CTL_WORD:
		if (!parse_word(keyword->words, word, number))
			return bad_word(keyword, word);
		return CTL_OK;
	case CTL_SECONDS:
	case CTL_MILLIS:
		if (!parse_seconds(word, number))
			return ctl_usage("%s: \"%s\" is not a number of seconds",
					 called(keyword), word);
		if (keyword->type == CTL_SECONDS)
			return CTL_OK;
		*number = milliseconds(*number);
		if (*number > UINT32_MAX)
			return ctl_usage("%s: must be at most %u seconds",
					 called(keyword), UINT32_MAX / 1000);
		return CTL_OK;
	case CTL_BYTES:
		if (!parse_bytes(word, number))
			return ctl_usage("%s: \"%s\" is not a number of bytes",
					 called(keyword), word);
		break;
	case CTL_NUMBER:
	case CTL_ADDR:
		if (parse_word(keyword->words, word, number)) {
			*number += CTL_FIRST_WORD;
			return CTL_OK;
		}
		if (!ctl_number(word, &n))
			return ctl_usage("%s: \"%s\" is not a 32-bit number",
					 called(keyword), word);
		*number = n;
		break;
	default:
		return CTL_OK;
	}
	if (*number < keyword->min || *number > max)
		return ctl_usage("%s: must be from %u to %u", called(keyword),
				 keyword->min, max);
	return CTL_OK;
}

static int add_word(struct ctl_words *words, const char *word)
{
	const char **list;

	list = reallocarray(words->word, words->count + 1, sizeof(*list));
	if (!list)
		return ctl_error("%s", word);
	list[words->count++] = word;
	words->word = list;
	return CTL_OK;
}

void ctl_set_number(struct vrpmsg_ept_config *config,
		    const struct ctl_keyword *keyword, int64_t number)
{
	if (number >= CTL_FIRST_WORD)
		keyword->set.word(config, number - CTL_FIRST_WORD);
	else if (keyword->set.number)
		keyword->set.number(config, number);
}

/* Pass a setting of an endpoint to the library. */
static int set_config(struct vrpmsg_ept_config **config,
		      const struct ctl_keyword *keyword,
		      const struct ctl_value *value)
{
	if (!*config)
		*config = vrpmsg_ept_config_new();
	if (!*config)
		return ctl_error("%s", called(keyword));
	ctl_set_number(*config, keyword, value->number);
	if (keyword->set.flag)
		keyword->set.flag(*config, true);
	if (keyword->set.string && keyword->set.string(*config, value->word))
		return ctl_error("%s", called(keyword));
	return CTL_OK;
}

static int store(struct ctl_parsed *parsed, const struct ctl_keyword *keyword,
		 const char *word)
{
	struct ctl_value *value =
		&parsed->value[keyword - parsed->command->keywords];
	void *to = parsed->args.bytes + keyword->offset;
	int status;

	value->given = true;
	value->word = word;
	status = parse_number(keyword, word, &value->number);
	if (status)
		return status;
	if (keyword->set.number || keyword->set.flag || keyword->set.string)
		return set_config(to, keyword, value);
	if (keyword->flags & CTL_MANY)
		return add_word(to, word);
	switch (keyword->type) {
	case CTL_FLAG:
		*(bool *)to = true;
		break;
	case CTL_NUMBER:
	case CTL_BYTES:
	case CTL_WORD:
		*(uint32_t *)to = value->number;
		break;
	case CTL_ADDR:
	case CTL_SECONDS:
	case CTL_MILLIS:
		*(int64_t *)to = value->number;
		break;
	default:
		*(const char **)to = word;
	}
	return CTL_OK;
}

static int missing(const struct ctl_state *state,
		   const struct ctl_keyword *keyword)
{
	const struct ctl_command *command = state->command;
	uint64_t bits = group_bits(command, keyword);
	char list[256] = "";
	size_t n = 0;

	for (; keyword->help && n < sizeof(list); keyword++) {
		if (!(bits & bit(command, keyword)))
			continue;
		n += snprintf(list + n, sizeof(list) - n, "%s%s%s%s",
			      n ? " or " : "", keyword->name ?: "",
			      keyword->name && keyword->value ? " " : "",
			      keyword->value ?: "");
	}
	return ctl_usage("%s: %s is missing", ctl_command_name(command), list);
}

static int check_complete(const struct ctl_state *state)
{
	const struct ctl_command *command = state->command;
	const struct ctl_keyword *keyword;
	uint64_t optional = 0;

	if (state->pending && !state->rest)
		return ctl_usage("%s: %s is missing", called(state->pending),
				 state->pending->value ?: "a word");
	for (keyword = command->keywords; keyword->help; keyword++) {
		if (!belongs(command, keyword))
			continue;
		if (!(keyword->flags & CTL_REQUIRED))
			optional |= bit(command, keyword);
		else if (!(state->given & group_bits(command, keyword)))
			return missing(state, keyword);
	}
	if (command->some && !(state->given & optional))
		return ctl_usage("%s: no setting to change",
				 ctl_command_name(command));
	return CTL_OK;
}

static bool wants_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

static bool is_option(const char *word)
{
	const struct ctl_option *option;

	for (option = ctl_options; option->name; option++) {
		if (option->letter > 0 && word[0] == '-' &&
		    word[1] == option->letter)
			return true;
		if (!strncmp(word, "--", 2) && !strcmp(word + 2, option->name))
			return true;
	}
	return false;
}

/* A text to send may look like an option, but no name or endpoint does. */
static bool is_misplaced(const struct ctl_keyword *keyword, const char *word)
{
	if (!is_option(word))
		return false;
	return !keyword || (!keyword->name && (keyword->type == CTL_DEV ||
					       keyword->type == CTL_EPT ||
					       keyword->type == CTL_TARGET));
}

static int unknown_argument(const struct ctl_state *state, const char *word)
{
	struct suggestion suggestion = { .word = word };
	const struct ctl_keyword *keyword;

	for (keyword = state->command->keywords; keyword->help; keyword++) {
		if (ctl_may_come(state, keyword))
			suggest_try(&suggestion, keyword->name);
	}
	return ctl_usage("%s: unknown argument \"%s\"%s",
			 ctl_command_name(state->command), word,
			 suggest_text(&suggestion));
}

static int parse_words(struct ctl_parsed *parsed, int argc, char **argv)
{
	struct ctl_state state = { .command = parsed->command };
	const struct ctl_keyword *keyword;
	struct ctl_state before;
	int i, status;

	for (i = 0; i < argc; i++) {
		if (!state.pending && wants_help(argv[i])) {
			ctl_help_command(state.command);
			return CTL_HELP;
		}
		before = state;
		keyword = ctl_take(&state, argv[i], i == argc - 1);
		if (is_misplaced(keyword, argv[i]))
			return ctl_usage("options come first, as in \"vrpmsgctl %s %s\"",
					 argv[i],
					 ctl_command_name(state.command));
		if (!keyword)
			return unknown_argument(&state, argv[i]);
		if (!before.pending && !ctl_may_come(&before, keyword))
			return ctl_usage("%s: \"%s\" conflicts with an earlier argument",
					 ctl_command_name(state.command),
					 argv[i]);
		/* This is only the keyword: its value comes next. */
		if (state.pending && !before.pending)
			continue;
		status = store(parsed, keyword, argv[i]);
		if (status)
			return status;
	}
	return check_complete(&state);
}

/* Find the command. Returns how many words are its object and name. */
static int find_command(const struct ctl_command **command, int argc,
			char **argv)
{
	const struct ctl_command *c;
	const char *object = NULL;

	for (c = ctl_commands; c->name; c++) {
		if (!c->object) {
			if (!strcmp(c->name, argv[0])) {
				*command = c;
				return 1;
			}
			continue;
		}
		if (strcmp(c->object, argv[0]))
			continue;
		object = c->object;
		/* As in iproute2, "show" is the default command of an object. */
		if (!strcmp(c->name, argc > 1 ? argv[1] : "show")) {
			*command = c;
			return argc > 1 ? 2 : 1;
		}
	}
	*command = NULL;
	return object ? 1 : 0;
}

static int unknown_object(const char *word)
{
	struct suggestion suggestion = { .word = word };
	const struct ctl_command *c;

	for (c = ctl_commands; c->name; c++)
		suggest_try(&suggestion, c->object ?: c->name);
	return ctl_usage("unknown object or command \"%s\"%s", word,
			 suggest_text(&suggestion));
}

/* @word: the word after the object, or NULL */
static int unknown_command(const char *object, const char *word)
{
	struct suggestion suggestion = { .word = word };
	const struct ctl_command *c;

	ctl_object = object;
	if (!word)
		return ctl_usage("%s: COMMAND is missing", object);
	for (c = ctl_commands; c->name; c++) {
		if (c->object && !strcmp(c->object, object))
			suggest_try(&suggestion, c->name);
	}
	return ctl_usage("%s: unknown command \"%s\"%s", object, word,
			 suggest_text(&suggestion));
}

/* Words after "help": none, an object, or a command. */
static int help(int argc, char **argv)
{
	const struct ctl_command *command;
	int words;

	if (!argc) {
		ctl_help();
		return CTL_HELP;
	}
	words = find_command(&command, argc, argv);
	if (!words)
		return unknown_object(argv[0]);
	if (argc > words && !command)
		return unknown_command(argv[0], argv[1]);
	if (argc == 1 && (!command || command->object))
		ctl_help_object(argv[0]);
	else
		ctl_help_command(command);
	return CTL_HELP;
}

int ctl_parse(struct ctl_parsed *parsed, int argc, char **argv)
{
	const struct ctl_command *command;
	int words;

	memset(parsed, 0, sizeof(*parsed));
	if (!strcmp(argv[0], "help"))
		return help(argc - 1, argv + 1);
	words = find_command(&command, argc, argv);
	if (!words)
		return unknown_object(argv[0]);
	if (argc > words && !strcmp(argv[words], "help") &&
	    (!command || !command->object)) {
		if (command)
			ctl_help_command(command);
		else
			ctl_help_object(argv[0]);
		return CTL_HELP;
	}
	if (!command && argc > 1 && wants_help(argv[1])) {
		ctl_help_object(argv[0]);
		return CTL_HELP;
	}
	if (!command)
		return unknown_command(argv[0], argc > 1 ? argv[1] : NULL);
	parsed->command = command;
	ctl_running = command;
	memcpy(parsed->args.bytes, command->args, command->args_size);
	return parse_words(parsed, argc - words, argv + words);
}

static void free_value(const struct ctl_keyword *keyword, void *member)
{
	struct vrpmsg_ept_config **config = member;
	struct ctl_words *words = member;

	if (keyword->flags & CTL_MANY) {
		free(words->word);
		*words = (struct ctl_words){};
	} else if (keyword->set.number || keyword->set.flag ||
		   keyword->set.string) {
		vrpmsg_ept_config_free(*config);
		*config = NULL;
	}
}

void ctl_parsed_free(struct ctl_parsed *parsed)
{
	const struct ctl_keyword *keyword;

	if (!parsed->command)
		return;
	for (keyword = parsed->command->keywords; keyword->help; keyword++)
		free_value(keyword, parsed->args.bytes + keyword->offset);
}
