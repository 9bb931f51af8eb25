/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the commands of vrpmsgctl share.
 *
 * A command gets its arguments, without its own name, and returns the exit
 * status. The options stand in ctl_opts, the handle is opened by ctl_ctx().
 */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhostrpmsg.h"

/* Exit status. */
enum {
	CTL_OK = 0,
	CTL_USAGE = 1,		/* or, where a command waits: nothing came */
	CTL_NOTHING = 1,
	CTL_REFUSED = 2,
};

struct ctl_opts {
	bool stats;
	bool timestamp;
};

extern struct ctl_opts ctl_opts;

/* SIGINT or SIGTERM has come, to a command that waits. */
extern volatile int ctl_stop;

/* Have those two end a command in its own time: blocked but in ppoll(). */
void ctl_catch_signals(void);
/*
 * Wait for events on fd, at most timeout_ms (-1: for ever). What poll() says of
 * the descriptor, 0 when time is over or the command is to stop; -1: errno.
 */
int ctl_wait(int fd, int events, long long timeout_ms);
long long ctl_now_ns(void);

/* One command out of a table that ends with a NULL name. */
struct ctl_command {
	const char *name;
	int (*run)(int argc, char **argv);
};

int ctl_dispatch(const char *object, const struct ctl_command *commands,
		 int argc, char **argv);

extern const struct ctl_command dev_commands[];
extern const struct ctl_command ept_commands[];
extern const struct ctl_command ns_commands[];
extern const struct ctl_command chan_commands[];

int monitor_run(int argc, char **argv);
int send_run(int argc, char **argv);
int recv_run(int argc, char **argv);
int ping_run(int argc, char **argv);

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
 * Arguments as pairs of a keyword and a value. Each says on stderr what is
 * wrong, and returns false.
 */
bool ctl_parse_u32(const char *what, const char *arg, uint32_t *value);
/* Seconds, with a fraction, from 0: into milliseconds. */
bool ctl_parse_seconds(const char *what, const char *arg, long long *ms);
/* The word after argv[*i], which is the keyword; moves on to it. */
const char *ctl_value(int argc, char **argv, int *i);

/*
 * EPT: a number, DEVICE/NAME, or the path of a char device. An exit status, with
 * what is wrong on stderr.
 */
int ctl_find_ept(const char *arg, uint32_t *id);

/* As show prints them, after the beginning of an object. */
void dev_print(const struct vrpmsg_dev *dev);
void ept_print(const struct vrpmsg_ept *ept);
void chan_print(const struct vrpmsg_chan *chan);

#endif /* CTL_H */
