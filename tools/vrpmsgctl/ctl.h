/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of vrpmsgctl share.
 *
 * A command gets the struct that its line in table.c names, filled by the
 * parser, and returns the exit status. The options stand in ctl_opts, the handle
 * is opened by ctl_ctx().
 */
#ifndef CTL_H
#define CTL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "grammar.h"
#include "vhostrpmsg.h"

/* Exit status. */
enum {
	CTL_OK = 0,
	CTL_USAGE = 1,		/* or, where a command waits: nothing came */
	CTL_NOTHING = 1,
	CTL_REFUSED = 2,
	CTL_HELP = -1,		/* not a status: help was printed */
};

struct ctl_opts {
	bool stats;
	bool timestamp;
	bool monotonic;		/* the timestamp is since the machine started */
};

extern struct ctl_opts ctl_opts;

/* What commands get. */

struct dev_args {
	const char *name;
	int64_t mtu;		/* these: -1 is not to be changed */
	int64_t hold_time;
	int64_t owner;
};

struct ept_args {
	const char *ept;
	const char *dev;
	struct vrpmsg_ept_config *config;
	bool announced;
	/* exec has these. */
	const char *ctrl;	/* path of the node, instead of dev */
	bool stdio;
	struct ctl_words command;
};

struct chan_args {
	const char *dev;
};

struct monitor_args {
	bool devs;
	bool epts;
	bool chans;
	const char *dev;
	uint32_t count;		/* 0: no end */
	bool no_initial;
};

struct msg_args {
	const char *ept;
	int64_t to;
	uint32_t count;
	/* What to send: one of these. */
	const char *word;
	const char *text;
	const char *hex;
	const char *file;
	bool lines;		/* of stdin */
	/* How to print: none of these is as text. */
	bool as_text;
	bool as_hex;
	bool as_raw;
	uint32_t format;	/* or this, enum msg_format */
	int64_t timeout;	/* nanoseconds, -1: for ever */
	int64_t interval;
	uint32_t size;
	bool histogram;
};

/* Any state. */
#define WAIT_THERE UINT32_MAX

struct wait_args {
	const char *name;	/* of what is waited for */
	const char *dev;
	uint32_t state;
	bool remote;
	int64_t timeout;
};

struct stats_args {
	const char *target;
	int64_t interval;
	uint32_t count;
};

struct save_args {
	const char *dev;
};

struct apply_args {
	struct ctl_words files;
	bool dry_run;
	bool prune;
	bool replace;
};

int dev_show(const void *args);
int dev_add(const void *args);
int dev_set(const void *args);
int dev_del(const void *args);
int dev_reset(const void *args);
int ept_show(const void *args);
int ept_add(const void *args);
int ept_set(const void *args);
int ept_del(const void *args);
int ept_exec(const void *args);
int ns_announce(const void *args);
int ns_withdraw(const void *args);
int chan_show(const void *args);
int monitor_run(const void *args);
int send_run(const void *args);
int recv_run(const void *args);
int ping_run(const void *args);
int call_run(const void *args);
int connect_run(const void *args);
int wait_dev(const void *args);
int wait_ept(const void *args);
int wait_chan(const void *args);
int stats_run(const void *args);
int save_run(const void *args);
int apply_run(const void *args);

/* The signal that is to end a command that has something to do first, or 0. */
extern volatile sig_atomic_t ctl_stop;

/*
 * Have SIGINT, SIGTERM and SIGHUP set that, and system calls that sleep fail
 * with EINTR from then on. Commands that do not call this just die.
 */
void ctl_catch_signals(void);
/* Die of the signal that came, if one did. */
void ctl_die(void);

struct pollfd;
/*
 * Flush what was printed and wait, at most so many nanoseconds (-1: for ever).
 * As poll(); 0, too, when the command is to stop.
 */
int ctl_poll(struct pollfd *fds, int count, int64_t timeout);
/* The same for one descriptor: what poll() says of it. */
int ctl_wait(int fd, int events, int64_t timeout);
/* Nanoseconds. */
int64_t ctl_now(void);
/* From now until then, not less than 0; -1 stays -1. */
int64_t ctl_left(int64_t end);

/* Say on stderr what is wrong with the arguments: CTL_USAGE. */
int ctl_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Say on stderr what failed, and errno: CTL_REFUSED. */
int ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The handle, opened at the first use; the program ends when it cannot be. */
struct vrpmsg_ctx *ctl_ctx(void);
void ctl_ctx_close(void);
/* Say why the last call with the handle failed: CTL_REFUSED. */
int ctl_refused(const char *what);

/*
 * EPT: a number, DEVICE/NAME, or the path of a char device or a descriptor. An exit
 * status, with what is wrong on stderr.
 */
int ctl_find_ept(const char *arg, uint32_t *id);
/* The endpoint itself, or NULL, with errno and the handle's words. */
struct vrpmsg_ept *ctl_get_ept(const char *arg);
/* Open its char device. A path needs no privilege but the file's. */
int ctl_open_ept(const char *arg, int flags, int *fd);
/* Whether it looks like one, rather than the name of a device. */
bool ctl_is_ept(const char *arg);

/* What messages on stderr begin with, after the program's name, or NULL. */
extern const char *ctl_where;
/* The command whose help is of use, or NULL. */
extern const struct ctl_command *ctl_running;

/* What the arguments set, to be freed; NULL: no memory. */
struct vrpmsg_dev_config *dev_config(const struct dev_args *args);

/* Make an endpoint, and announce it if it is to be: both or nothing. */
struct vrpmsg_ept *ept_make(const struct ept_args *args);
/* Delete an endpoint that was half made; keeps errno and the handle's words. */
void ctl_undo_ept(uint32_t id);

/* As show prints them, after the beginning of an object. */
void dev_print(const struct vrpmsg_dev *dev);
void ept_print(const struct vrpmsg_ept *ept);
void chan_print(const struct vrpmsg_chan *chan);

/* parse.c: numbers as the user writes them; false: it is none. */
bool ctl_number(const char *word, uint32_t *value);

#endif /* CTL_H */
