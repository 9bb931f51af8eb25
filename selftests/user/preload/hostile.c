// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can happen to vrpmsg-bridge between two of its system calls. HOSTILE, with
 * LD_PRELOAD, selects one:
 *
 *	fill	the front end fills an eventfd right after poll() found room in it
 *	nomem	there is no memory for the first front end
 *	bind	time passes between bind() and listen(), until GO exists
 *	exit	time passes after each look at the socket's file, until GO exists
 *	deny	from listen() on, the control group does not allow the device file
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GO	"/run/vrpmsg-bridge.go"
/* Appears when the bridge waits for GO. */
#define WAITS	"/run/vrpmsg-bridge.waits"

/* Larger than anything that the C library allocates at the start. */
#define LARGE	4096

/* glibc's own, since dlsym() needs calloc(). */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*) */
void *__libc_calloc(size_t count, size_t size);

typedef int next_poll(struct pollfd *fds, nfds_t count, int timeout);

static bool is(const char *what)
{
	const char *hostile = getenv("HOSTILE");

	return hostile && !strcmp(hostile, what);
}

static void wait_for_go(void)
{
	if (!access(GO, F_OK))
		return;
	close(creat(WAITS, 0600));
	while (access(GO, F_OK))
		usleep(10000);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	next_poll *next = dlsym(RTLD_NEXT, "poll");
	const uint64_t full = UINT64_MAX - 1;
	int n = next(fds, count, timeout);
	struct pollfd in;
	struct stat st;
	uint64_t value;

	if (!is("fill") || n != 1 || count != 1 || fds->events != POLLOUT ||
	    fstat(fds->fd, &st) || st.st_mode & S_IFMT)
		return n;
	/* Without a type of file, it is an eventfd. */
	in = (struct pollfd){ .fd = fds->fd, .events = POLLIN };
	if (next(&in, 1, 0) == 1 &&
	    read(fds->fd, &value, sizeof(value)) != sizeof(value))
		abort();
	if (write(fds->fd, &full, sizeof(full)) != sizeof(full))
		abort();
	return n;
}

void *calloc(size_t count, size_t size)
{
	static bool done;

	if (count == 1 && size > LARGE && !done && is("nomem")) {
		done = true;
		errno = ENOMEM;
		return NULL;
	}
	return __libc_calloc(count, size);
}

static bool listens;

/* Like a control group, for access() and open(). */
static bool denied(const char *path)
{
	if (!listens || strcmp(path, "/dev/vhost-rpmsg") || !is("deny"))
		return false;
	errno = EPERM;
	return true;
}

int access(const char *path, int mode)
{
	int (*next)(const char *path, int mode) = dlsym(RTLD_NEXT, "access");

	return denied(path) ? -1 : next(path, mode);
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...) =
		dlsym(RTLD_NEXT, "open");
	va_list ap;
	mode_t mode;

	if (denied(path))
		return -1;
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return next(path, flags, mode);
}

int listen(int fd, int backlog)
{
	int (*next)(int fd, int backlog) = dlsym(RTLD_NEXT, "listen");

	listens = true;
	if (is("bind"))
		wait_for_go();
	return next(fd, backlog);
}

int lstat(const char *path, struct stat *st)
{
	int (*next)(const char *path, struct stat *st) =
		dlsym(RTLD_NEXT, "lstat");
	int ret = next(path, st);

	if (!ret && is("exit"))
		wait_for_go();
	return ret;
}
