/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of the command line. The parser, help and usage, and completion all use
 * the tables in table.c.
 *
 * A new keyword needs an entry in a list of keywords, and a member in the argument
 * struct of the command. A new setting of endpoints needs no member: its entry has the
 * setter and the getter of the library.
 */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhostrpmsg.h"

/* Type of a value, and of the member that it is stored in. */
enum ctl_type {
	CTL_FLAG,	/* bool; the keyword has no value */
	CTL_NUMBER,	/* uint32_t */
	/* int64_t: a 32-bit number; -1 if not given, CTL_FIRST_WORD and above for
	 * words
	 */
	CTL_ADDR,
	CTL_BYTES,	/* uint32_t; accepts k and M */
	CTL_SECONDS,	/* int64_t, in nanoseconds */
	CTL_MILLIS,	/* int64_t, in milliseconds; the word is in seconds, too */
	CTL_WORD,	/* uint32_t, index into the words */
	CTL_STRING,	/* const char * */
	CTL_DEV,	/* const char *, name of an existing device */
	CTL_EPT,	/* const char *, accepted by ctl_find_ept() */
	CTL_TARGET,	/* const char *, an endpoint or the name of a device */
	CTL_PATH,	/* const char * */
};

enum {
	CTL_REQUIRED = 1 << 0,	/* must be given; one of a group */
	CTL_MANY = 1 << 1,	/* struct ctl_words: any number of values */
	CTL_ADD_ONLY = 1 << 2,	/* only for add: cannot be changed */
	CTL_SET_ONLY = 1
		       << 3, /* only for set, which shares the list with add */
	CTL_NS = 1 << 4,	/* changed by ns announce and ns withdraw */
	CTL_REST = 1 << 5,	/* all following arguments are its values */
};

struct ctl_words {
	const char **word;
	size_t count;
};

/**
 * struct ctl_keyword - a keyword and its value, or a positional argument
 * @name: name of the keyword, which may be an option such as "--prune"; NULL for a
 *	positional argument
 * @alias: second name, or NULL
 * @type: type of the value
 * @flags: CTL_REQUIRED and so on
 * @group: if not 0, keywords of the command with the same number exclude each other.
 *	They must be adjacent.
 * @value: name of the value in help texts; NULL for a flag
 * @words: list that ends with NULL: all values of a CTL_WORD, or additional values of
 *	a number
 * @min: smallest allowed number
 * @max: largest allowed number, or 0 for 32 bits
 * @offset: offset of the member for the value in the argument struct of the command
 * @set: setter of the library for a setting of an endpoint; word takes the index of
 *	one of @words that was given in place of a number
 * @get: getter of the library for a setting that can be saved
 * @get_word: for numbers with @words: index of the present word, -1 for a number
 * @get_dev: getter for a setting of a device; returns the value as the parser does
 * @initial: value of @get, @get_word or @get_dev for a new object; CTL_MAKER stands
 *	for the user who creates it
 * @help: help text, one line
 */
struct ctl_keyword {
	const char *name;
	const char *alias;
	enum ctl_type type;
	unsigned int flags;
	int group;
	const char *value;
	const char *const *words;
	uint32_t min;
	uint32_t max;
	size_t offset;
	struct {
		void (*number)(struct vrpmsg_ept_config *config,
			       uint32_t value);
		void (*flag)(struct vrpmsg_ept_config *config, bool value);
		int (*string)(struct vrpmsg_ept_config *config,
			      const char *value);
		void (*word)(struct vrpmsg_ept_config *config, uint32_t index);
	} set;
	uint32_t (*get)(const struct vrpmsg_ept *ept);
	int (*get_word)(const struct vrpmsg_ept *ept);
	int64_t (*get_dev)(const struct vrpmsg_dev *dev);
	int64_t initial;
	const char *help;
};

/**
 * struct ctl_command - a command
 * @object: object before the name, or NULL
 * @name: name of the command
 * @help: help text, one line
 * @keywords: keywords in the order of the help; the last entry has no help text
 * @skip: ignore keywords with one of these flags
 * @some: at least one optional keyword must be given
 * @args: argument struct with the defaults
 * @args_size: size of the argument struct
 * @run: run the command; returns the exit status
 */
struct ctl_command {
	const char *object;
	const char *name;
	const char *help;
	const struct ctl_keyword *keywords;
	unsigned int skip;
	bool some;
	const void *args;
	size_t args_size;
	int (*run)(const void *args);
};

/* Value for getopt_long() of an option without a letter. */
#define CTL_MONOTONIC (-2)

struct ctl_option {
	const char *name;
	int letter;
	const char *value;	/* optional value; NULL: takes no value */
	const char *help;
};

/* Number that stands for the first of the words. */
#define CTL_FIRST_WORD (INT64_C(1) << 32)

#define CTL_MAKER (-1)

#define CTL_MAX_KEYWORDS 32
#define CTL_MAX_ARGS 256

/* table.c; the last entry of both has no name. */
extern const struct ctl_command ctl_commands[];
extern const struct ctl_option ctl_options[];

/* The value of a keyword on the command line. */
struct ctl_value {
	bool given;
	const char *word;
	/*
	 * For a CTL_WORD, its index; for one of the words of a number, its index
	 * plus CTL_FIRST_WORD.
	 */
	int64_t number;
};

/**
 * struct ctl_parsed - a parsed command line
 * @command: the command
 * @value: values, by index of the keyword
 * @args: argument struct of the command
 */
struct ctl_parsed {
	const struct ctl_command *command;
	struct ctl_value value[CTL_MAX_KEYWORDS];
	union {
		max_align_t align;
		char bytes[CTL_MAX_ARGS];
	} args;
};

/*
 * Parse the words of a command line, from the object on. Returns CTL_OK, CTL_USAGE
 * after an error message, or CTL_HELP after printing the help that was requested.
 */
int ctl_parse(struct ctl_parsed *parsed, int argc, char **argv);
void ctl_parsed_free(struct ctl_parsed *parsed);

/* Pass a number, or the word in its place, to the library. */
void ctl_set_number(struct vrpmsg_ept_config *config,
		    const struct ctl_keyword *keyword, int64_t number);

/* Returns "ept add", for example, in a buffer that the next call overwrites. */
const char *ctl_command_name(const struct ctl_command *command);
/* Returns the keyword with this name, or NULL. */
const struct ctl_keyword *ctl_keyword(const struct ctl_command *command,
				      const char *name);

/* Returns the first keyword that the command does not skip. */
const struct ctl_keyword *ctl_first(const struct ctl_command *command);

/* State of the parser, from which complete.c learns what can come next. */
struct ctl_state {
	const struct ctl_command *command;
	uint64_t given;			/* bit N: keyword N was given */
	const struct ctl_keyword *pending;	/* its value comes next */
	bool rest;			/* CTL_REST is pending and has a value */
};

/* Consume a word. Returns the keyword it belongs to, or NULL if there is none. */
const struct ctl_keyword *ctl_take(struct ctl_state *state, const char *word,
				   bool last);
/* Whether the keyword may still come. */
bool ctl_may_come(const struct ctl_state *state,
		  const struct ctl_keyword *keyword);

/* help.c: print help of everything, of an object, of a command. */
void ctl_help(void);
void ctl_help_object(const char *object);
void ctl_help_command(const struct ctl_command *command);
/* Print a short usage to stderr. */
void ctl_usage_all(void);

/*
 * complete.c: print candidates for the last word, which may be empty, each on a line
 * with its description. Returns CTL_FILES if the word is the name of a file.
 */
#define CTL_FILES 3
int ctl_complete(int argc, char **argv);
/*
 * The same for a command line of bash up to the cursor. Candidates are quoted, and
 * begin after the last character at which readline breaks words.
 */
int ctl_complete_line(const char *line, const char *breaks);

#endif /* GRAMMAR_H */
