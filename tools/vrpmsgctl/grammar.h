/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The grammar of the command line. table.c has all of it: what is parsed, what
 * help and usage print, and what shells complete comes from there.
 *
 * A new keyword is one line in a list of keywords, and a member of the struct
 * that the command gets. A new setting of endpoints needs no member: its line
 * names the library's setter and getter.
 */
#ifndef GRAMMAR_H
#define GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhostrpmsg.h"

/* What a value is, and the type of the member that takes it. */
enum ctl_type {
	CTL_FLAG,	/* bool: there is no value, the keyword is all */
	CTL_NUMBER,	/* uint32_t */
	/* int64_t: a number of 32 bits; -1 stands for none, CTL_FIRST_WORD and
	 * above for words
	 */
	CTL_ADDR,
	CTL_BYTES,	/* uint32_t, with k or M */
	CTL_SECONDS,	/* int64_t, nanoseconds */
	CTL_WORD,	/* uint32_t: index into the words */
	CTL_STRING,	/* const char * */
	CTL_DEV,	/* const char *, name of a device that is there */
	CTL_EPT,	/* const char *, what ctl_find_ept() takes */
	CTL_TARGET,	/* const char *, an endpoint or the name of a device */
	CTL_PATH,	/* const char * */
};

enum {
	CTL_REQUIRED = 1 << 0,	/* of alternatives: one of them is */
	CTL_MANY = 1 << 1,	/* struct ctl_words: any number of them */
	CTL_ADD_ONLY = 1 << 2,	/* a setting that cannot be changed */
	CTL_SET_ONLY = 1 << 3,	/* not for ept add, which has the same list */
	CTL_NS = 1 << 4,	/* ns announce and ns withdraw change it */
	CTL_REST = 1 << 5,	/* all that follows are its values */
};

struct ctl_words {
	const char **word;
	size_t count;
};

/**
 * struct ctl_keyword - a keyword with its value, or a word that has a place
 * @name: NULL for a word that has a place; it may be an option, "--prune"
 * @alias: another name, or NULL
 * @type: of the value
 * @flags: CTL_REQUIRED and so on
 * @group: not 0: the keywords of the command that have this number exclude
 *	each other. They are neighbours.
 * @value: what help calls the value; NULL for a flag
 * @words: ended by NULL: what a CTL_WORD can be, or what a number can be besides
 * @min: smallest number that is allowed
 * @max: largest, or 0 for any of 32 bits
 * @offset: of the member that takes the value, in the command's struct
 * @set: for a setting of an endpoint: the library's function that takes it;
 *	word is for the words that stand beside a number, by their index
 * @get: the opposite, for those that can be saved
 * @get_word: for words beside a number: the index of the one that it is, or -1
 *	for a number
 * @get_dev: the same for a setting of a device: what the parser would have
 * @initial: what @get, @get_word or @get_dev says of a new object; CTL_MAKER for
 *	the user who makes it
 * @help: a line for help
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
 * @object: the word before its name, or NULL
 * @name: of the command
 * @help: a line for help
 * @keywords: in the order in which help has them, ended by one without help
 * @skip: keywords with one of these flags are not this command's
 * @some: at least one keyword that is not required has to be there
 * @args: the struct with its defaults
 * @args_size: of the struct
 * @run: returns the exit status
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

/* The letter of an option that has none. */
#define CTL_MONOTONIC (-2)

struct ctl_option {
	const char *name;
	int letter;
	const char *value;	/* NULL: takes none; otherwise it may have one */
	const char *help;
};

/* What a number is that was given as the first of the words. */
#define CTL_FIRST_WORD (INT64_C(1) << 32)

#define CTL_MAKER (-1)

#define CTL_MAX_KEYWORDS 32
#define CTL_MAX_ARGS 256

/* table.c; both end with an entry without a name. */
extern const struct ctl_command ctl_commands[];
extern const struct ctl_option ctl_options[];

/* One value, as it was given. */
struct ctl_value {
	bool given;
	const char *word;
	/*
	 * Index of the word, for a CTL_WORD, and CTL_FIRST_WORD more for one
	 * that stands for a number.
	 */
	int64_t number;
};

/**
 * struct ctl_parsed - what a command line says
 * @command: the command
 * @value: by the index of the keyword
 * @args: the command's struct, filled
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
 * Parse the words of a command line, from the object on. CTL_OK, CTL_USAGE with
 * what is wrong on stderr, or CTL_HELP: help was asked for, and was printed.
 */
int ctl_parse(struct ctl_parsed *parsed, int argc, char **argv);
void ctl_parsed_free(struct ctl_parsed *parsed);

/* Hand a number, or a word beside one, to the library. */
void ctl_set_number(struct vrpmsg_ept_config *config,
		    const struct ctl_keyword *keyword, int64_t number);

/* "ept add", in a buffer that the next call overwrites. */
const char *ctl_command_name(const struct ctl_command *command);
/* Its keyword of a name, or NULL. */
const struct ctl_keyword *ctl_keyword(const struct ctl_command *command,
				      const char *name);

/* The first keyword that is this command's. */
const struct ctl_keyword *ctl_first(const struct ctl_command *command);

/* What can come next, for complete.c. */
struct ctl_state {
	const struct ctl_command *command;
	uint64_t given;			/* bit N: keyword N */
	const struct ctl_keyword *pending;	/* its value comes next */
	bool rest;			/* the pending one, CTL_REST, has some */
};

/* Take a word: the keyword it belongs to, or NULL if there is none. */
const struct ctl_keyword *ctl_take(struct ctl_state *state, const char *word,
				   bool last);
/* Whether the keyword may still come. */
bool ctl_may_come(const struct ctl_state *state,
		  const struct ctl_keyword *keyword);

/* help.c */
void ctl_help(void);
/* Of an object; of a command. */
void ctl_help_object(const char *object);
void ctl_help_command(const struct ctl_command *command);
/* One line of usage for each command, to stderr. */
void ctl_usage_all(void);

/*
 * complete.c: print what the last of the words, which may be empty, can become,
 * a candidate and its description on each line. CTL_FILES: it is a file's name.
 */
#define CTL_FILES 3
int ctl_complete(int argc, char **argv);
/*
 * The same for a line as bash has it, up to the cursor: candidates are quoted,
 * and begin after the last of the characters at which readline breaks words.
 */
int ctl_complete_line(const char *line, const char *breaks);

#endif /* GRAMMAR_H */
