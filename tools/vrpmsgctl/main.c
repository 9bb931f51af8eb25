// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsgctl: administer devices and endpoints of vhost_rpmsg, and exchange
 * messages. vrpmsgctl(8) is the manual.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "output.h"

struct ctl_opts ctl_opts;
const char *ctl_where;
const struct ctl_command *ctl_running;
const char *ctl_object;

static struct vrpmsg_ctx *ctx;

static void complain(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("vrpmsgctl: ", stderr);
	if (ctl_where)
		fprintf(stderr, "%s: ", ctl_where);
	vfprintf(stderr, fmt, ap);
}

int ctl_usage(const char *fmt, ...)
{
	const char *topic = ctl_running ? ctl_command_name(ctl_running) :
					  ctl_object;
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	if (ctl_where)
		fputc('\n', stderr);
	else
		fprintf(stderr, "; try vrpmsgctl%s%s --help\n",
			topic ? " " : "", topic ?: "");
	return CTL_USAGE;
}

int ctl_error(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(err));
	return CTL_REFUSED;
}

int ctl_refused(const char *what)
{
	const char *attr = vrpmsg_ctx_errattr(ctx);
	const char *msg = vrpmsg_ctx_errmsg(ctx);
	int err = errno;

	fflush(stdout);
	fprintf(stderr, "vrpmsgctl: %s%s%s: %s", ctl_where ?: "",
		ctl_where ? ": " : "", what, msg);
	if (attr)
		fprintf(stderr, " (%s)", attr);
	if (strcmp(msg, strerror(err)))
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	return CTL_REFUSED;
}

struct vrpmsg_ctx *ctl_try_ctx(void)
{
	if (!ctx)
		ctx = vrpmsg_ctx_open();
	return ctx;
}

struct vrpmsg_ctx *ctl_ctx(void)
{
	if (!ctl_try_ctx())
		exit(ctl_error("netlink"));
	return ctx;
}

void ctl_undo_ept(uint32_t id)
{
	struct vrpmsg_ctx *other = vrpmsg_ctx_open();
	int err = errno;

	/* Use a second handle: the first one still has the error message. */
	if (other)
		vrpmsg_ept_del(other, id);
	vrpmsg_ctx_close(other);
	errno = err;
}

void ctl_ctx_close(void)
{
	vrpmsg_ctx_close(ctx);
	ctx = NULL;
}

/* Convert the table for getopt_long(). */
static void make_options(struct option *options, char *letters)
{
	const struct ctl_option *o;

	/* Stop at the object: later arguments may look like options. */
	*letters++ = '+';
	for (o = ctl_options; o->name; o++) {
		*options++ = (struct option){
			.name = o->name,
			.has_arg = o->value ? optional_argument : no_argument,
			.val = o->letter,
		};
		if (o->letter < 0)
			continue;
		*letters++ = o->letter;
		if (o->value) {
			*letters++ = ':';
			*letters++ = ':';
		}
	}
	*letters = '\0';
	*options = (struct option){};
}

static int run(int argc, char **argv)
{
	struct ctl_parsed parsed;
	int status;

	status = ctl_parse(&parsed, argc, argv);
	if (status == CTL_OK)
		status = parsed.command->run(&parsed.args);
	ctl_parsed_free(&parsed);
	return status == CTL_HELP ? CTL_OK : status;
}

/* Completion for shells. No error message may disturb the user's line. */
static int completion(int argc, char **argv)
{
	int status;

	if (!freopen("/dev/null", "w", stderr))
		return CTL_REFUSED;
	if (!strcmp(argv[0], "--complete"))
		status = ctl_complete(argc - 1, argv + 1);
	else
		status = argc == 3 ? ctl_complete_line(argv[1], argv[2]) :
				     CTL_USAGE;
	ctl_ctx_close();
	return status;
}

/* Flush the output, and report a failure to write it. */
static int finish(int status)
{
	bool written = out_finish();

	ctl_die();
	if (!written && status == CTL_OK)
		status = ctl_error("stdout");
	return status;
}

static bool use_color(const char *when)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	if (!strcmp(when, "always"))
		return true;
	if (!strcmp(when, "never"))
		return false;
	return isatty(STDOUT_FILENO) && (!no_color || !*no_color) &&
	       (!term || strcmp(term, "dumb"));
}

/* Returns 0 to continue, CTL_USAGE, or 'V' or 'h' to print version or help. */
static int parse_options(int argc, char **argv, struct out_opts *out)
{
	struct option options[32];
	char letters[64];
	int c;

	make_options(options, letters);
	out->color = use_color("auto");
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (out->mode == OUT_TEXT)
				out->mode = OUT_JSON;
			break;
		case 'p':
			out->mode = OUT_PRETTY;
			break;
		case 'o':
			out->oneline = true;
			break;
		case 'c':
			if (optarg && strcmp(optarg, "auto") &&
			    strcmp(optarg, "always") && strcmp(optarg, "never"))
				return ctl_usage("--color: auto, always or never");
			out->color = use_color(optarg ?: "auto");
			break;
		case 's':
			ctl_opts.stats = true;
			break;
		case CTL_MONOTONIC:
			ctl_opts.monotonic = true;
			ctl_opts.timestamp = true;
			break;
		case 't':
			ctl_opts.timestamp = true;
			break;
		case 'V':
		case 'h':
			return c;
		default:
			/* getopt_long() has printed a message. */
			fputs("try vrpmsgctl --help\n", stderr);
			return CTL_USAGE;
		}
	}
	return 0;
}

/*
 * If the caller closed a standard descriptor, an endpoint could get its number, and
 * output would be sent to the guest. Fill the gaps so that reading from stdin or
 * writing to stdout and stderr still fails with EBADF.
 */
static bool fill_standard_fds(void)
{
	int fd, got;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		got = open("/dev/null",
			   O_CLOEXEC |
				   (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
		if (got != fd)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct out_opts out = {};
	int c, status;

	if (!fill_standard_fds())
		return ctl_error("/dev/null");
	if (argc > 1 && !strncmp(argv[1], "--complete", 10))
		return completion(argc - 1, argv + 1);
	c = parse_options(argc, argv, &out);
	if (c == CTL_USAGE)
		return c;
	/* A table has no room for counters. */
	out.oneline |= ctl_opts.stats;
	out_init(&out);
	if (c == 'V') {
		printf("vrpmsgctl %s\n", vrpmsg_version());
		return finish(CTL_OK);
	}
	if (c == 'h') {
		ctl_help();
		return finish(CTL_OK);
	}
	if (optind == argc) {
		ctl_usage_all();
		return CTL_USAGE;
	}
	status = run(argc - optind, argv + optind);
	ctl_ctx_close();
	return finish(status);
}
