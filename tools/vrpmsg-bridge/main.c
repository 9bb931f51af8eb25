// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge: stand in for a VMM that speaks vhost-user with
 * /dev/vhost-rpmsg. The control path only; messages never come here.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
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

/* Exit status, as for vrpmsgctl. */
#define EXIT_USAGE	1
#define EXIT_FAILED	2

/* Microseconds; the kernel polls no longer than that. */
#define MAX_BUSY_POLL	10000

static int accept_front_end(const struct listener *listener,
			    const struct config *config,
			    struct session **session)
{
	int sock = listener_accept(listener, config);

	if (sock < 0)
		return sock == -EAGAIN ? 0 : sock;
	*session = session_new(sock, config);
	if (*session)
		return 0;
	log_warn("event=dropped error=\"%s\"", strerror(ENOMEM));
	/* A bridge with a listening socket waits for the next one. */
	return listener->connected ? -ENOMEM : 0;
}

/* Returns 0, or the error because of which the front end was dropped. */
static int serve_front_end(struct session **session)
{
	int err = session_receive(*session);

	if (!err)
		return 0;
	if (err != -ECONNRESET)
		log_warn("event=dropped error=\"%s\"", strerror(-err));
	session_free(*session);
	*session = NULL;
	return err == -ECONNRESET ? 0 : err;
}

/*
 * Serve one front end after the other until a signal arrives. Others wait in the
 * socket's queue. With a connected socket there is only one.
 */
static int serve(const struct listener *listener, int signals,
		 const struct config *config)
{
	struct session *session = NULL;
	struct pollfd fds[] = {
		{ .fd = signals, .events = POLLIN },
		{ .events = POLLIN },
	};
	int err = 0, dropped;

	if (listener->connected)
		err = accept_front_end(listener, config, &session);
	if (listener->connected && !err && !session)
		err = -EACCES;
	while (!err && (session || !listener->connected)) {
		fds[1].fd = session ? session->sock : listener->fd;
		if (poll(fds, ARRAY_SIZE(fds),
			 session ? session_timeout(session) : -1) < 0) {
			if (errno != EINTR)
				err = -errno;
			continue;
		}
		if (fds[0].revents)
			break;
		if (!session) {
			err = accept_front_end(listener, config, &session);
			continue;
		}
		dropped = serve_front_end(&session);
		/* systemd starts the bridge again, and allows it then. */
		if (listener->connected ||
		    (dropped == -EPERM && vhost_denied(config)))
			err = dropped;
	}
	if (session)
		session_free(session);
	return err;
}

/* Make SIGINT and SIGTERM readable from a file descriptor. */
static int open_signals(void)
{
	sigset_t mask;

	/* The bridge outlives the reader of its log. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static void usage(FILE *out)
{
	fputs("usage: vrpmsg-bridge [--socket-path PATH | --fd FD] [--name DEVICE]\n"
	      "                     [--require-device] [--device PATH] [--allow-uid UID]...\n"
	      "                     [--busy-poll MICROSECONDS] [--workers N]\n"
	      "                     [--no-event-idx] [--config] [--verbose]\n"
	      "       vrpmsg-bridge --print-capabilities\n"
	      "\n"
	      "Connect a virtual machine monitor that speaks vhost-user to RPMsg endpoints\n"
	      "on this host.\n"
	      "\n"
	      "  -s, --socket-path PATH  listen at PATH; --socket is the same\n"
	      "  -f, --fd FD             use this socket, listening or connected\n"
	      "  -n, --name DEVICE       attach to this persistent device, or name the device\n"
	      "  -r, --require-device    DEVICE must be a persistent device\n"
	      "  -d, --device PATH       device file [/dev/vhost-rpmsg]\n"
	      "  -u, --allow-uid UID     accept only this user; can be repeated\n"
	      "  -b, --busy-poll US      microseconds to poll the rings before sleeping [0]\n"
	      "  -w, --workers N         kernel threads for the two rings, 1 or 2 [1]\n"
	      "  -e, --no-event-idx      do not offer VIRTIO_RING_F_EVENT_IDX (for OpenAMP)\n"
	      "  -c, --config            offer a configuration space\n"
	      "  -v, --verbose           log each message of the front end\n"
	      "      --print-capabilities  print capabilities in JSON and exit\n"
	      "  -V, --version           print the version and exit\n"
	      "  -h, --help              print this help and exit\n",
	      out);
}

static int usage_error(const char *what)
{
	fprintf(stderr, "vrpmsg-bridge: %s\n", what);
	usage(stderr);
	return EXIT_USAGE;
}

/* The kernel has the same rule, but only checks when a front end connects. */
static bool name_valid(const char *name)
{
	static const char digits[] = "0123456789";
	static const char chars[] =
		"0123456789_.:@-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(name);

	if (!len || len >= VHOST_RPMSG_NAME_SIZE || strchr(".:@-", *name) ||
	    name[strspn(name, chars)])
		return false;
	/* The kernel reserves vhostN. */
	return strncmp(name, "vhost", 5) || !name[5] ||
	       name[5 + strspn(name + 5, digits)];
}

/* Parse a decimal number up to @max. */
static bool parse_number(const char *text, unsigned int max,
			 unsigned int *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > max)
		return false;
	*number = value;
	return true;
}

/**
 * struct options - the command line
 * @config: options that sessions need
 * @path: where to listen, or NULL
 * @fd: the socket to use, -1 for none
 * @verbose: log each message
 */
struct options {
	struct config config;
	const char *path;
	int fd;
	bool verbose;
};

static void log_open_error(const char *device)
{
	int err = errno;

	log_err("event=open device=\"%s\" error=\"%s\"%s", device,
		strerror(err),
		err == ENOENT ? " hint=\"is the module vhost_rpmsg loaded?\"" :
				"");
}

static void log_listen_error(const char *path, int err)
{
	char folder[PATH_MAX];
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (err == -ENOENT && slash) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path),
			 path);
		log_err("event=listen socket=\"%s\" error=\"no directory %s\"",
			path, folder);
		return;
	}
	log_err("event=listen socket=\"%s\" error=\"%s\"", path ? path : "",
		strerror(-err));
}

/* Returns 0, or an exit status after a message. */
static int listen_somewhere(struct listener *listener,
			    const struct options *options)
{
	int err;

	if (options->fd >= 0 && options->path)
		return usage_error("--socket-path and --fd exclude each other");
	if (options->fd >= 0) {
		err = listener_use(listener, options->fd);
		if (err)
			log_err("event=listen fd=%d error=\"%s\"", options->fd,
				strerror(-err));
		return err ? EXIT_FAILED : 0;
	}
	err = listener_inherit(listener, options->path);
	if (err == -EADDRNOTAVAIL)
		return usage_error("the socket from systemd is not at --socket-path");
	if (!err && !options->path)
		return usage_error("--socket-path, --fd or a socket from systemd is needed");
	if (!err)
		err = listener_open(listener, options->path);
	if (err < 0)
		log_listen_error(options->path, err);
	return err < 0 ? EXIT_FAILED : 0;
}

static int run(const struct options *options)
{
	const struct config *config = &options->config;
	struct listener listener = {};
	int signals, err;

	signals = open_signals();
	if (signals < 0) {
		log_err("event=signalfd error=\"%s\"", strerror(errno));
		return EXIT_FAILED;
	}
	/* Do not wait for a front end if the module is not there. */
	if (access(config->device, R_OK | W_OK)) {
		log_open_error(config->device);
		return EXIT_FAILED;
	}
	err = listen_somewhere(&listener, options);
	if (err)
		return err;
	log_info("event=listening socket=\"%s\" device=\"%s\" name=\"%s\"",
		 options->path ? options->path : "", config->device,
		 config->name ? config->name : "");
	listener_ready();

	err = serve(&listener, signals, config);
	listener_close(&listener);
	/* Say why the bridge ends even if front ends have filled the log. */
	log_reset_limit();
	if (err)
		log_err("event=exit error=\"%s\"", strerror(-err));
	else
		log_info("event=exit");
	return err ? EXIT_FAILED : 0;
}

/* Parse the number of an option; false if it is out of range. */
static bool parse_numeric(int opt, const char *text, struct options *options)
{
	struct config *config = &options->config;
	unsigned int number;

	switch (opt) {
	case 'f':
		if (!parse_number(text, INT_MAX, &number))
			return false;
		options->fd = number;
		return true;
	case 'u':
		return config->num_uids < MAX_UIDS &&
		       parse_number(text, UINT_MAX - 1,
				    &config->uids[config->num_uids++]);
	case 'b':
		return parse_number(text, MAX_BUSY_POLL, &config->busy_poll);
	default:
		return parse_number(text, NUM_RINGS, &config->workers) &&
		       config->workers;
	}
}

static const struct option long_options[] = {
	{ "socket-path", required_argument, NULL, 's' },
	{ "socket", required_argument, NULL, 's' },
	{ "fd", required_argument, NULL, 'f' },
	{ "name", required_argument, NULL, 'n' },
	{ "require-device", no_argument, NULL, 'r' },
	{ "device", required_argument, NULL, 'd' },
	{ "allow-uid", required_argument, NULL, 'u' },
	{ "busy-poll", required_argument, NULL, 'b' },
	{ "workers", required_argument, NULL, 'w' },
	{ "no-event-idx", no_argument, NULL, 'e' },
	{ "config", no_argument, NULL, 'c' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "print-capabilities", no_argument, NULL, 'C' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{},
};

/* Parse one option: 0 to continue, -1 on an error, 1 to exit after output. */
static int parse_option(int opt, struct options *options)
{
	switch (opt) {
	case 's':
		options->path = optarg;
		return 0;
	case 'n':
		options->config.name = optarg;
		return 0;
	case 'r':
		options->config.require_device = true;
		return 0;
	case 'd':
		options->config.device = optarg;
		return 0;
	case 'f':
	case 'u':
	case 'b':
	case 'w':
		if (parse_numeric(opt, optarg, options))
			return 0;
		fprintf(stderr, "vrpmsg-bridge: invalid number: %s\n", optarg);
		return -1;
	case 'e':
		options->config.no_event_idx = true;
		return 0;
	case 'c':
		options->config.offer_config = true;
		return 0;
	case 'v':
		options->verbose = true;
		return 0;
	case 'V':
		puts("vrpmsg-bridge " VRPMSG_VERSION);
		return 1;
	case 'h':
		usage(stdout);
		return 1;
	default:
		usage(stderr);
		return -1;
	}
}

/*
 * By the "Backend program conventions" of the vhost-user specification,
 * --print-capabilities takes effect whatever the other options are.
 */
static bool wants_capabilities(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--print-capabilities"))
			return true;
	return false;
}

/* Flush the output. Returns an exit status, after a message if that failed. */
static int finish_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	fprintf(stderr, "vrpmsg-bridge: stdout: %s\n", strerror(errno));
	return EXIT_FAILED;
}

/*
 * Without standard error, a front end could get its number, and then the log. Writing
 * still fails. Returns false if there is no file to use instead.
 */
static bool fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	struct options options = {
		.config = { .device = "/dev/vhost-rpmsg", .workers = 1 },
		.fd = -1,
	};
	int opt, done;

	if (!fill_standard_fds()) {
		fprintf(stderr, "vrpmsg-bridge: /dev/null: %s\n",
			strerror(errno));
		return EXIT_FAILED;
	}
	if (wants_capabilities(argc, argv)) {
		puts("{\n  \"type\": \"rpmsg\"\n}");
		return finish_output();
	}
	while ((opt = getopt_long(argc, argv, "s:f:n:rd:u:b:w:ecvVh",
				  long_options, NULL)) >= 0) {
		done = parse_option(opt, &options);
		if (done)
			return done < 0 ? EXIT_USAGE : finish_output();
	}
	if (optind < argc)
		return usage_error("unexpected argument");
	if (options.config.name && !name_valid(options.config.name))
		return usage_error("invalid name: 1 to 31 letters, digits and _.:@-, not vhostN");
	if (options.config.require_device && !options.config.name)
		return usage_error("--require-device needs --name");

	log_init(options.verbose);
	return run(&options);
}
