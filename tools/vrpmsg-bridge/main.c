// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge: stand in for a VMM that speaks vhost-user with
 * /dev/vhost-rpmsg. The control path only; messages never come here.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vhost_rpmsg.h>

#include "bridge.h"

#ifndef VRPMSG_VERSION
#define VRPMSG_VERSION "unknown"
#endif

/* Exit status, as vrpmsgctl has it. */
#define EXIT_USAGE	1
#define EXIT_FAILED	2

static enum log_level log_max = LOG_LEVEL_INFO;
/* The journal takes the priority off the beginning of a line. */
static bool log_priority;

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERR] = "error",
		[LOG_LEVEL_WARN] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	char text[512];
	va_list ap;

	if (level > log_max)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* In one write(): lines of several bridges do not mix. */
	if (log_priority)
		dprintf(STDERR_FILENO, "<%d>level=%s %s\n", level, names[level],
			text);
	else
		dprintf(STDERR_FILENO, "vrpmsg-bridge: level=%s %s\n",
			names[level], text);
}

static int accept_front_end(const struct listener *listener,
			    const struct config *config,
			    struct session **session)
{
	int sock =
		accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock >= 0) {
		/* NULL, with a line in the log, if it cannot be served. */
		*session = session_new(sock, config);
		return 0;
	}
	/* It has gone again. With anything else this would go in circles. */
	if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
		return 0;
	return -errno;
}

static void serve_front_end(struct session **session)
{
	int err = session_receive(*session);

	if (!err)
		return;
	if (err != -ECONNRESET)
		log_warn("event=dropped error=\"%s\"", strerror(-err));
	session_free(*session);
	*session = NULL;
}

/*
 * Until a signal: one front end, and the next one when it is gone. Who connects
 * meanwhile waits in the listening socket's queue.
 */
static int serve(const struct listener *listener, int signals,
		 const struct config *config)
{
	struct session *session = NULL;
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .events = POLLIN },
	};
	int err = 0;

	while (!err) {
		fds[1].fd = session ? session->sock : listener->fd;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno != EINTR)
				err = -errno;
			continue;
		}
		if (fds[0].revents)
			break;
		if (session)
			serve_front_end(&session);
		else
			err = accept_front_end(listener, config, &session);
	}
	if (session)
		session_free(session);
	return err;
}

/* SIGINT and SIGTERM as something to poll for. */
static int open_signals(void)
{
	sigset_t mask;

	/* Whoever reads the log may go away without ending the bridge. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static void usage(FILE *out)
{
	fputs("usage: vrpmsg-bridge [--socket PATH] [--name DEVICE] [--device PATH]\n"
	      "                     [--config] [--verbose]\n"
	      "\n"
	      "Connect a virtual machine monitor that speaks vhost-user to RPMsg endpoints\n"
	      "on this host.\n"
	      "\n"
	      "  -s, --socket PATH    listen at PATH; not with a socket from systemd\n"
	      "  -n, --name DEVICE    name of the device, or the persistent device to use\n"
	      "  -d, --device PATH    device file [/dev/vhost-rpmsg]\n"
	      "  -c, --config         offer a configuration space\n"
	      "  -v, --verbose        show each message of the front end\n"
	      "  -V, --version        show the version\n"
	      "  -h, --help           show this\n",
	      out);
}

static int usage_error(const char *what)
{
	fprintf(stderr, "vrpmsg-bridge: %s\n", what);
	usage(stderr);
	return EXIT_USAGE;
}

/* As the kernel has it: it would only be asked when a front end comes. */
static bool name_valid(const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < len; i++)
		if (name[i] <= 0x20 || name[i] > 0x7e || name[i] == '/')
			return false;
	return len && len < VHOST_RPMSG_NAME_SIZE;
}

static int run(const char *path, const struct config *config)
{
	struct listener listener = {};
	int signals, err;

	signals = open_signals();
	if (signals < 0) {
		log_err("event=signalfd error=\"%s\"", strerror(errno));
		return EXIT_FAILED;
	}
	/* Without the module there is no use in waiting for a front end. */
	if (access(config->device, R_OK | W_OK)) {
		log_err("event=open device=\"%s\" error=\"%s\"", config->device,
			strerror(errno));
		return EXIT_FAILED;
	}

	err = listener_inherit(&listener);
	if (err > 0 && path)
		return usage_error("both --socket and a socket from systemd");
	if (!err && !path)
		return usage_error("no --socket, and none from systemd");
	if (!err)
		err = listener_open(&listener, path);
	if (err < 0) {
		log_err("event=listen socket=\"%s\" error=\"%s\"",
			path ? path : "", strerror(-err));
		return EXIT_FAILED;
	}
	log_info("event=listening socket=\"%s\" device=\"%s\" name=\"%s\"",
		 path ? path : "", config->device,
		 config->name ? config->name : "");
	listener_ready();

	err = serve(&listener, signals, config);
	listener_close(&listener);
	if (err)
		log_err("event=exit error=\"%s\"", strerror(-err));
	else
		log_info("event=exit");
	return err ? EXIT_FAILED : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "name", required_argument, NULL, 'n' },
		{ "device", required_argument, NULL, 'd' },
		{ "config", no_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	struct config config = { .device = "/dev/vhost-rpmsg" };
	const char *path = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "s:n:d:cvVh", options, NULL)) >=
	       0) {
		switch (opt) {
		case 's':
			path = optarg;
			break;
		case 'n':
			config.name = optarg;
			break;
		case 'd':
			config.device = optarg;
			break;
		case 'c':
			config.offer_config = true;
			break;
		case 'v':
			log_max = LOG_LEVEL_DEBUG;
			break;
		case 'V':
			puts("vrpmsg-bridge " VRPMSG_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		return usage_error("there are no arguments but options");
	if (config.name && !name_valid(config.name))
		return usage_error("not a name: 1 to 31 characters, no space, no slash");

	log_priority = getenv("JOURNAL_STREAM");
	return run(path, &config);
}
