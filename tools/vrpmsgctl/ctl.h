/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations shared by the commands of vrpmsgctl.
 *
 * A command gets the argument struct that table.c names, filled in by the parser, and
 * returns the exit status. ctl_opts has the global options, and ctl_ctx() returns the
 * handle.
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
	CTL_USAGE = 1,
	CTL_NOTHING = 1,	/* the command waited in vain */
	CTL_REFUSED = 2,
	CTL_HELP = -1,		/* not an exit status: help was printed */
};

struct ctl_opts {
	bool stats;
	bool timestamp;
	bool monotonic;		/* timestamps count from the start of the machine */
};

extern struct ctl_opts ctl_opts;

/* Argument structs of the commands. */

struct dev_args {
	const char *name;
	/* -1: do not change */
	int64_t mtu;
	int64_t hold_time;
	int64_t owner;
};

struct ept_args {
	const char *ept;
	const char *dev;
	struct vrpmsg_ept_config *config;
	bool announced;
	/* Only for exec. */
	const char *ctrl;	/* path of the ctrl node, instead of dev */
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
	uint32_t count;		/* 0: no limit */
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
	/* Output format of recv and connect; text if none is set. */
	bool as_text;
	bool as_hex;
	bool as_raw;
	uint32_t format;	/* output format of call, enum msg_format */
	int64_t timeout;	/* nanoseconds; -1: no limit */
	int64_t interval;
	uint32_t size;
	bool histogram;
};

/* Wait until the device exists, in any state. */
#define WAIT_THERE UINT32_MAX

struct wait_args {
	const char *name;	/* of the device, endpoint or channel */
	const char *dev;
	uint32_t state;
	bool remote;
	int64_t timeout;
};

struct stats_args {
	const char *target;	/* an endpoint, or else a device */
	const char *dev;	/* or this device */
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

/* The signal that asked the command to stop, or 0. */
extern volatile sig_atomic_t ctl_stop;

/*
 * Make SIGINT, SIGTERM and SIGHUP set ctl_stop, and make blocking system calls fail
 * with EINTR from then on. Without this call, the signals kill the program.
 */
void ctl_catch_signals(void);
/* If a signal came, die of it. */
void ctl_die(void);

struct pollfd;
/*
 * Flush the output and wait like poll(), for at most @timeout nanoseconds (-1: no
 * limit). Also returns 0 when a signal asks the command to stop.
 */
int ctl_poll(struct pollfd *fds, int count, int64_t timeout);
/* The same for one descriptor. Returns its events. */
int ctl_wait(int fd, int events, int64_t timeout);
/* Monotonic time in nanoseconds. */
int64_t ctl_now(void);
/* Time until @end, at least 0; -1 for -1. */
int64_t ctl_left(int64_t end);

/* Print an error in the arguments. Returns CTL_USAGE. */
int ctl_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Print a failure with its errno. Returns CTL_REFUSED. */
int ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Returns the handle, which the first call opens; if that fails, exits. */
struct vrpmsg_ctx *ctl_ctx(void);
/* The same, but returns NULL and errno if that fails. */
struct vrpmsg_ctx *ctl_try_ctx(void);
void ctl_ctx_close(void);
/* Print why the last call with the handle failed. Returns CTL_REFUSED. */
int ctl_refused(const char *what);

/*
 * Resolve EPT: a number, DEVICE/NAME, or the path of a char device or a descriptor.
 * Returns an exit status, after an error message if it is not CTL_OK.
 */
int ctl_find_ept(const char *arg, uint32_t *id);
/* Returns the endpoint, or NULL with errno and the message in the handle. */
struct vrpmsg_ept *ctl_get_ept(const char *arg);
/* Open its char device. If it is a path, only the permissions of the file matter. */
int ctl_open_ept(const char *arg, int flags, int *fd);
/* Whether @arg looks like an endpoint, not like the name of a device. */
bool ctl_is_ept(const char *arg);
/* The same; prints an error and returns CTL_USAGE if it does not. */
int ctl_check_ept(const char *arg);
bool ctl_is_path(const char *arg);
/* Like ctl_find_ept() for a path; returns CTL_NOTHING if there is no file yet. */
int ctl_try_path(const char *arg, uint32_t *id);
bool ctl_ept_is_admins(const struct vrpmsg_ept *ept);
bool ctl_ept_has_node(const struct vrpmsg_ept *ept);

/* Position, such as a line of a file, that error messages begin with, or NULL. */
extern const char *ctl_where;
/* Command whose help is suggested after an error, or NULL. */
extern const struct ctl_command *ctl_running;
/* If that is NULL: the object whose help is suggested, or NULL. */
extern const char *ctl_object;

/* Convert the arguments to a configuration, which the caller frees. NULL: no memory. */
struct vrpmsg_dev_config *dev_config(const struct dev_args *args);

/* Create an endpoint, and announce it if requested. Does both or nothing. */
struct vrpmsg_ept *ept_make(const struct ept_args *args);
/* Delete a new endpoint again. Keeps errno and the message in the handle. */
void ctl_undo_ept(uint32_t id);

/* Print an object like show; the caller calls out_begin() and out_end(). */
void dev_print(const struct vrpmsg_dev *dev);
void ept_print(const struct vrpmsg_ept *ept);
void chan_print(const struct vrpmsg_chan *chan);

/* parse.c: parse a 32-bit number. Returns false if @word is not one. */
bool ctl_number(const char *word, uint32_t *value);

#endif /* CTL_H */
