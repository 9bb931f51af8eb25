// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket that front ends connect to: one of ours, or one that systemd has
 * opened. systemd's two protocols are small, and not worth a library.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge.h"

/* The first file descriptor that systemd passes on. */
#define LISTEN_FDS_START 3

/* Nobody listens on a socket that a bridge left behind when it was killed. */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(addr->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
	    errno != ECONNREFUSED)
		err = -EADDRINUSE;
	close(fd);
	if (!err && unlink(addr->sun_path) && errno != ENOENT)
		err = -errno;
	return err;
}

/*
 * Who connects hands memory to the kernel. That is for the owner to allow, and
 * for the group if the umask lets it, but never for everybody.
 */
static int bind_private(int fd, const struct sockaddr_un *addr)
{
	mode_t mask = umask(0777);
	int err;

	umask(mask | 0007);
	err = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno :
								       0;
	umask(mask);
	return err;
}

/* Listen at @path: 0 or a negative errno. */
int listener_open(struct listener *listener, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	struct stat st;
	int err;

	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	err = remove_stale(&addr);
	if (err)
		return err;
	listener->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	err = bind_private(listener->fd, &addr);
	if (!err && (lstat(path, &st) || listen(listener->fd, 1)))
		err = -errno;
	if (err) {
		close(listener->fd);
		return err;
	}
	listener->path = path;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return 0;
}

void listener_close(const struct listener *listener)
{
	struct stat st;

	close(listener->fd);
	if (listener->path && !lstat(listener->path, &st) &&
	    st.st_dev == listener->dev && st.st_ino == listener->ino)
		unlink(listener->path);
}

static int socket_option(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/*
 * Take the listening socket that systemd has passed on. Returns 1 if it has, 0
 * if it has not, or a negative errno.
 */
int listener_inherit(struct listener *listener)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	int flags, fd = LISTEN_FDS_START;

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid())
		return 0;
	if (strcmp(fds, "1"))
		return -E2BIG;
	if (socket_option(fd, SO_DOMAIN) != AF_UNIX ||
	    socket_option(fd, SO_TYPE) != SOCK_STREAM ||
	    socket_option(fd, SO_ACCEPTCONN) != 1)
		return -ENOTSOCK;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	listener->fd = fd;
	return 1;
}

/* Tell systemd, if it asks, that front ends can connect from now on. */
void listener_ready(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		*addr.sun_path = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, "READY=1", strlen("READY=1"), MSG_NOSIGNAL,
		   (const struct sockaddr *)&addr,
		   offsetof(struct sockaddr_un, sun_path) + len) < 0)
		log_warn("event=notify error=\"%s\"", strerror(errno));
	close(fd);
}
