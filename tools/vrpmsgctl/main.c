// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsgctl: administer devices and endpoints of vhost_rpmsg, and exchange
 * messages. vrpmsgctl(8) is the manual.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl.h"
#include "output.h"

struct ctl_opts ctl_opts;
volatile int ctl_stop;

static struct vrpmsg_ctx *ctx;

static const char usage[] =
	"usage: vrpmsgctl [OPTIONS] OBJECT COMMAND ...\n"
	"       vrpmsgctl [OPTIONS] monitor [dev] [ept] [chan]\n"
	"       vrpmsgctl [OPTIONS] send EPT [to ADDR] [count N] WHAT\n"
	"       vrpmsgctl [OPTIONS] recv EPT [count N] [timeout SECONDS] [FORMAT]\n"
	"       vrpmsgctl [OPTIONS] ping EPT [to ADDR] [count N] [interval SECONDS]\n"
	"                                [size BYTES] [timeout SECONDS]\n"
	"\n"
	"  dev show [NAME]\n"
	"  dev add NAME\n"
	"  dev del NAME\n"
	"  ept show [EPT | dev NAME]\n"
	"  ept add dev NAME [name SERVICE] [addr ADDR] [remote ADDR] [addressed]\n"
	"          [policy { hold | drop }] [rx-limit BYTES] [tx-limit BYTES]\n"
	"  ept set EPT [remote ADDR] [policy { hold | drop }] [rx-limit BYTES]\n"
	"          [tx-limit BYTES]\n"
	"  ept del EPT\n"
	"  ns announce EPT\n"
	"  ns withdraw EPT\n"
	"  chan show [dev NAME]\n"
	"\n"
	"EPT: a number, DEVICE/SERVICE, or the path of a char device\n"
	"WHAT: TEXT | text TEXT | hex DIGITS | file PATH | stdin\n"
	"FORMAT: text | hex | raw\n"
	"\n"
	"  -j, --json        results as JSON\n"
	"  -p, --pretty      results as JSON, for people\n"
	"  -s, --stats       counters, too\n"
	"  -t, --timestamp   when an event or a message came\n"
	"  -V, --version\n"
	"  -h, --help\n";

static void complain(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("vrpmsgctl: ", stderr);
	vfprintf(stderr, fmt, ap);
}

int ctl_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	fputs("; try vrpmsgctl --help\n", stderr);
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
	fprintf(stderr, "vrpmsgctl: %s: %s", what, msg);
	if (attr)
		fprintf(stderr, " (%s)", attr);
	if (strcmp(msg, strerror(err)))
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	return CTL_REFUSED;
}

struct vrpmsg_ctx *ctl_ctx(void)
{
	if (!ctx)
		ctx = vrpmsg_ctx_open();
	if (!ctx)
		exit(ctl_error("netlink"));
	return ctx;
}

void ctl_ctx_close(void)
{
	vrpmsg_ctx_close(ctx);
	ctx = NULL;
}

static void on_signal(int sig)
{
	ctl_stop = sig;
}

void ctl_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int ctl_wait(int fd, int events, long long timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	struct timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000,
	};
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = ppoll(&p, 1, timeout_ms < 0 ? NULL : &ts, &none);
	if (n < 0)
		return errno == EINTR ? 0 : -1;
	return n ? p.revents : 0;
}

long long ctl_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

bool ctl_parse_u32(const char *what, const char *arg, uint32_t *value)
{
	unsigned long long n;
	char *end;

	if (!arg) {
		ctl_usage("%s: a number is missing", what);
		return false;
	}
	errno = 0;
	n = strtoull(arg, &end, 0);
	/* strtoull() takes spaces and signs. */
	if (*arg < '0' || *arg > '9' || *end || errno || n > UINT32_MAX) {
		ctl_usage("%s: \"%s\" is not a number of 32 bits", what, arg);
		return false;
	}
	*value = n;
	return true;
}

bool ctl_parse_seconds(const char *what, const char *arg, long long *ms)
{
	double seconds;
	char *end;

	if (!arg) {
		ctl_usage("%s: seconds are missing", what);
		return false;
	}
	seconds = strtod(arg, &end);
	if (((*arg < '0' || *arg > '9') && *arg != '.') || *end ||
	    !(seconds >= 0 && seconds <= 1e9)) {
		ctl_usage("%s: \"%s\" is not a number of seconds", what, arg);
		return false;
	}
	*ms = seconds * 1000;
	return true;
}

const char *ctl_value(int argc, char **argv, int *i)
{
	return *i + 1 < argc ? argv[++*i] : NULL;
}

int ctl_dispatch(const char *object, const struct ctl_command *commands,
		 int argc, char **argv)
{
	/* As in iproute2, an object alone shows. */
	const char *name = argc ? argv[0] : "show";

	for (; commands->name; commands++) {
		if (!strcmp(name, commands->name))
			return commands->run(argc ? argc - 1 : 0,
					     argv + !!argc);
	}
	return ctl_usage("%s: no command \"%s\"", object, name);
}

static int run(int argc, char **argv)
{
	static const struct {
		const char *name;
		const struct ctl_command *commands;
		int (*run)(int argc, char **argv);
	} objects[] = {
		{ "dev", dev_commands, NULL },
		{ "ept", ept_commands, NULL },
		{ "ns", ns_commands, NULL },
		{ "chan", chan_commands, NULL },
		{ "monitor", NULL, monitor_run },
		{ "send", NULL, send_run },
		{ "recv", NULL, recv_run },
		{ "ping", NULL, ping_run },
	};
	size_t i;

	for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		if (strcmp(argv[0], objects[i].name))
			continue;
		if (objects[i].run)
			return objects[i].run(argc - 1, argv + 1);
		return ctl_dispatch(argv[0], objects[i].commands, argc - 1,
				    argv + 1);
	}
	return ctl_usage("no object or command \"%s\"", argv[0]);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "stats", no_argument, NULL, 's' },
		{ "timestamp", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	enum out_mode mode = OUT_TEXT;
	int c, status;

	/* Options end where the object begins: text to send may look like one. */
	while ((c = getopt_long(argc, argv, "+jpstVh", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			if (mode == OUT_TEXT)
				mode = OUT_JSON;
			break;
		case 'p':
			mode = OUT_PRETTY;
			break;
		case 's':
			ctl_opts.stats = true;
			break;
		case 't':
			ctl_opts.timestamp = true;
			break;
		case 'V':
			printf("vrpmsgctl %s\n", vrpmsg_version());
			return out_finish() ? CTL_OK : CTL_REFUSED;
		case 'h':
			fputs(usage, stdout);
			return out_finish() ? CTL_OK : CTL_REFUSED;
		default:
			/* getopt has said what is wrong. */
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return CTL_USAGE;
	}
	out_init(mode);
	status = run(argc - optind, argv + optind);
	ctl_ctx_close();
	if (!out_finish() && status == CTL_OK)
		status = ctl_error("stdout");
	return status;
}
