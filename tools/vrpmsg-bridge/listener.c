// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket that front ends connect to: created here, or passed by systemd. The two
 * protocols of systemd are so simple that they need no library.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge.h"

/* The first file descriptor that systemd passes on. */
#define LISTEN_FDS_START 3

/* Remove the socket of a bridge that was killed: no process listens on it. */
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
 * A front end passes memory to the kernel, so access is restricted to the owner, and
 * to the group if the umask permits it.
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

/* Is @fd still the file @name? */
static bool has_name(int fd, const char *name)
{
	struct stat ours, theirs;

	return !fstat(fd, &ours) && !stat(name, &theirs) &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Lock the file @name: its descriptor, or -EADDRINUSE if another bridge has it. */
static int lock_file(const char *name)
{
	int fd, err;

	for (;;) {
		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			  0600);
		if (fd < 0)
			return -errno;
		err = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		/* The former owner may have removed it meanwhile. */
		if (!err && has_name(fd, name))
			return fd;
		close(fd);
		if (err)
			return err == -EWOULDBLOCK ? -EADDRINUSE : err;
	}
}

/* Bind the socket @fd, and listen. The caller has locked the path. */
static int listen_at(int fd, const struct sockaddr_un *addr, struct stat *st)
{
	int err = remove_stale(addr);

	if (!err)
		err = bind_private(fd, addr);
	if (!err && (lstat(addr->sun_path, st) || listen(fd, 1)))
		err = -errno;
	return err;
}

/*
 * Listen at @path: 0 or a negative errno. A lock keeps out other bridges, to which a
 * socket that is bound but does not listen yet would look like that of a killed bridge.
 */
int listener_open(struct listener *listener, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char name[sizeof(addr.sun_path) + sizeof(".lock")];
	size_t len = strlen(path);
	struct stat st;
	int lock, err;

	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	listener->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "%s.lock", path);
	lock = lock_file(name);
	err = lock < 0 ? lock : listen_at(listener->fd, &addr, &st);
	if (lock >= 0) {
		unlink(name);
		close(lock);
	}
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

	/* While the socket listens, no other bridge replaces it. */
	if (listener->path && !lstat(listener->path, &st) &&
	    st.st_dev == listener->dev && st.st_ino == listener->ino)
		unlink(listener->path);
	/* The session closes the socket of a front end itself. */
	if (!listener->connected)
		alarm_close(listener->fd);
}

static int socket_option(int fd, int option)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* Use @fd, which is a listening socket or a connected front end. */
int listener_use(struct listener *listener, int fd)
{
	int flags;

	if (socket_option(fd, SO_DOMAIN) != AF_UNIX ||
	    socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return -ENOTSOCK;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	listener->fd = fd;
	listener->connected = socket_option(fd, SO_ACCEPTCONN) != 1;
	return 0;
}

static bool bound_to(int fd, const char *path)
{
	struct sockaddr_un addr = {};
	socklen_t len = sizeof(addr) - 1;

	return !getsockname(fd, (struct sockaddr *)&addr, &len) &&
	       !strcmp(addr.sun_path, path);
}

/*
 * Use the listening socket that systemd has passed. Returns 1, 0 if there is none,
 * or a negative errno: -EADDRNOTAVAIL if @path is not NULL and the socket is not
 * bound to it.
 */
int listener_inherit(struct listener *listener, const char *path)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	int err;

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid())
		return 0;
	if (strcmp(fds, "1")) {
		log_err("event=inherit error=\"LISTEN_FDS is %s, not 1\"", fds);
		return -EINVAL;
	}
	err = listener_use(listener, LISTEN_FDS_START);
	if (err)
		return err;
	if (listener->connected)
		return -ENOTSOCK;
	if (path && !bound_to(listener->fd, path))
		return -EADDRNOTAVAIL;
	return 1;
}

static bool uid_allowed(const struct config *config, uid_t uid)
{
	unsigned int i;

	for (i = 0; i < config->num_uids; i++)
		if (config->uids[i] == uid)
			return true;
	return !config->num_uids;
}

/* Milliseconds to wait if there are no descriptors or memory for a connection. */
#define ACCEPT_MS	100

static int accept_error(int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		log_warn("event=accept error=\"%s\"", strerror(err));
		poll(NULL, 0, ACCEPT_MS);
		return -EAGAIN;
	case ECONNABORTED:
	case EINTR:
		return -EAGAIN;
	default:
		return -err;
	}
}

/*
 * Accept a front end: the connection, or -EAGAIN if there is none or it may not
 * connect. Other errors are permanent.
 */
int listener_accept(const struct listener *listener,
		    const struct config *config)
{
	struct ucred peer = {};
	socklen_t len = sizeof(peer);
	int sock = listener->fd;

	if (!listener->connected)
		sock = accept4(listener->fd, NULL, NULL,
			       SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock < 0)
		return accept_error(errno);
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    !uid_allowed(config, peer.uid)) {
		log_warn("event=denied pid=%d uid=%u", peer.pid, peer.uid);
		alarm_close(sock);
		return -EAGAIN;
	}
	log_info("event=connected pid=%d uid=%u", peer.pid, peer.uid);
	return sock;
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
