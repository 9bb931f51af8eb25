// SPDX-License-Identifier: GPL-2.0-only
/*
 * A char device of an endpoint for programs without the module. With LD_PRELOAD, opening
 * /dev/vrpmsg-epN or a link of the device "fake" returns one end of a socket; a process
 * at the other end acts as the guest.
 *
 * FAKE_EPT selects what it does:
 *	silent		nothing; sent messages fill the queue
 *	echo		return all messages
 *	sink		receive all messages
 *	file PATH	append all messages to a file
 *	flood SIZE N	send N messages (0: for ever) of SIZE bytes
 *	text SIZE N	the same with letters
 *	chatty		send something else all the time, and answer nothing
 *	late USEC	return all messages after this time
 *	once		return one message, then the endpoint is deleted
 *	past N		N messages were sent, then the endpoint was deleted
 *
 * FAKE_MTU is its MTU. If FAKE_FD is set, this descriptor of a socket also stands for the
 * open file. If FAKE_NOMEM is set, there is no memory for messages to the guest.
 *
 * FAKE_NETLINK changes what the library receives from the kernel:
 *	none		there are no netlink sockets
 * and with the module:
 *	busy		objects came and went during each list
 *	lost		each time that events are read, some were lost before
 *	small		there is room for one or two events
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/netlink.h>
#include <linux/vhost.h>
#include <linux/vhost_rpmsg.h>
#include <signal.h>
#include <unistd.h>

#define PATH "/dev/vrpmsg-ep"
#define LINK "/dev/vrpmsg/by-name/fake/"

static int fake_fd = -1;

/* Programs may duplicate an inherited descriptor. */
static bool is_fake(int fd)
{
	const char *inherited = getenv("FAKE_FD");
	struct stat a, b;

	return fd == fake_fd ||
	       (inherited && !fstat(fd, &a) && !fstat(atoi(inherited), &b) &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static void echo(int fd, bool answer, useconds_t delay, int count)
{
	static char buf[70000];
	ssize_t n;

	while (count-- && (n = recv(fd, buf, sizeof(buf), 0)) >= 0) {
		/* The other end is closed. */
		if (!n && recv(fd, buf, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
			return;
		if (delay)
			usleep(delay);
		if (answer && send(fd, buf, n, MSG_NOSIGNAL) < 0)
			return;
	}
}

static void flood(int fd, size_t size, unsigned long count, bool text)
{
	static char buf[70000];
	unsigned long i;

	for (i = 0; i < size; i++)
		buf[i] = text ? 'a' + i % 26 : (i * 2654435761U) >> 24;
	for (i = 0; !count || i < count; i++) {
		if (send(fd, buf, size, MSG_NOSIGNAL) < 0)
			return;
	}
}

static void record(int fd, const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	static char buf[70000];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (write(file, buf, n) != n)
			abort();
	}
}

static void guest(int fd)
{
	const char *what = getenv("FAKE_EPT") ?: "silent";
	unsigned long count = 0;
	size_t size = 16;

	if (!strcmp(what, "echo"))
		echo(fd, true, 0, -1);
	else if (!strcmp(what, "sink"))
		echo(fd, false, 0, -1);
	else if (!strncmp(what, "file ", 5))
		record(fd, what + 5);
	else if (!strcmp(what, "once"))
		echo(fd, true, 0, 1);
	else if (sscanf(what, "late %zu", &size) == 1)
		echo(fd, true, size, -1);
	else if (sscanf(what, "flood %zu %lu", &size, &count) >= 1)
		flood(fd, size, count, false);
	else if (sscanf(what, "text %zu %lu", &size, &count) >= 1)
		flood(fd, size, count, true);
	else if (sscanf(what, "past %lu", &count) == 1)
		flood(fd, 16, count, true);
	else if (!strcmp(what, "chatty"))
		flood(fd, 16, 0, true);
	else
		pause();
	/* A reader of all messages waits for more. */
	if (count && strncmp(what, "past ", 5))
		pause();
}

static int fake_open(int flags)
{
	int fds[2], type = SOCK_SEQPACKET | SOCK_CLOEXEC;

	if (socketpair(AF_UNIX, type, 0, fds))
		return -1;
	if (!fork()) {
		/* End together with the tested program. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Do not keep the pipes of the program open. */
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		guest(STDIN_FILENO);
		_exit(0);
	}
	close(fds[1]);
	if (!strncmp(getenv("FAKE_EPT") ?: "", "past ", 5))
		wait(NULL);
	fcntl(fds[0], F_SETFL, flags & O_NONBLOCK);
	fake_fd = fds[0];
	return fake_fd;
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *path, int flags, ...) =
		dlsym(RTLD_NEXT, "open");
	va_list ap;
	mode_t mode;

	if (!strncmp(path, PATH, strlen(PATH)) ||
	    !strncmp(path, LINK, strlen(LINK)))
		return fake_open(flags);
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return next(path, flags, mode);
}

/* As in a unit with RestrictAddressFamilies=, or with AppArmor. */
int socket(int family, int type, int protocol)
{
	int (*next)(int family, int type, int protocol) =
		dlsym(RTLD_NEXT, "socket");
	const char *how = getenv("FAKE_NETLINK") ?: "";
	int err = !strcmp(how, "none")	 ? EAFNOSUPPORT :
		  !strcmp(how, "denied") ? EACCES :
					   0;

	if (family != AF_NETLINK || !err)
		return next(family, type, protocol);
	errno = err;
	return -1;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	int (*next)(int fd, int level, int option, const void *value,
		    socklen_t len) = dlsym(RTLD_NEXT, "setsockopt");
	static const int one = 1;

	/* Only the monitor asks for a size. */
	if (level == SOL_SOCKET && option == SO_RCVBUFFORCE &&
	    !strcmp(getenv("FAKE_NETLINK") ?: "", "small"))
		value = &one;
	return next(fd, level, option, value, len);
}

ssize_t recvfrom(int fd, void *buf, size_t size, int flags,
		 struct sockaddr *from, socklen_t *from_len)
{
	ssize_t (*next)(int fd, void *buf, size_t size, int flags,
			struct sockaddr *from,
			socklen_t *from_len) = dlsym(RTLD_NEXT, "recvfrom");
	const char *what = getenv("FAKE_NETLINK") ?: "";
	struct nlmsghdr *nlh = buf;
	static bool lost;
	ssize_t n;

	/* Only the monitor does not wait. */
	if (flags & MSG_DONTWAIT && !strcmp(what, "lost")) {
		lost = !lost;
		errno = lost ? ENOBUFS : EAGAIN;
		return -1;
	}
	n = next(fd, buf, size, flags, from, from_len);
	if (n >= (ssize_t)sizeof(*nlh) && !strcmp(what, "busy"))
		nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
	return n;
}

/* The end of the socket stands for a deleted endpoint. */
ssize_t readv(int fd, const struct iovec *iov, int count)
{
	ssize_t (*next)(int fd, const struct iovec *iov, int count) =
		dlsym(RTLD_NEXT, "readv");
	ssize_t n = next(fd, iov, count);

	if (!n && is_fake(fd)) {
		errno = EPIPE;
		return -1;
	}
	return n;
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*next)(int fd, const void *data, size_t len) =
		dlsym(RTLD_NEXT, "write");

	if (is_fake(fd) && getenv("FAKE_NOMEM")) {
		errno = ENOMEM;
		return -1;
	}
	if (is_fake(fd))
		return send(fd, data, len, MSG_NOSIGNAL);
	return next(fd, data, len);
}

/* A socket knows neither offsets nor, before Linux 6.4, RWF_NOWAIT. */
ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset,
		int flags)
{
	ssize_t (*next)(int fd, const struct iovec *iov, int count,
			off_t offset, int flags) = dlsym(RTLD_NEXT, "preadv2");
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = count,
	};

	if (is_fake(fd))
		return recvmsg(fd, &msg, flags & RWF_NOWAIT ? MSG_DONTWAIT : 0);
	return next(fd, iov, count, offset, flags);
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset,
		 int flags)
{
	ssize_t (*next)(int fd, const struct iovec *iov, int count,
			off_t offset, int flags) = dlsym(RTLD_NEXT, "pwritev2");
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = count,
	};

	if (is_fake(fd) && getenv("FAKE_NOMEM")) {
		errno = flags & RWF_NOWAIT ? EAGAIN : ENOMEM;
		return -1;
	}
	if (is_fake(fd))
		return sendmsg(fd, &msg, flags & RWF_NOWAIT ? MSG_DONTWAIT : 0);
	return next(fd, iov, count, offset, flags);
}

/* The names that programs with large files use. */
ssize_t preadv64v2(int fd, const struct iovec *iov, int count, off64_t offset,
		   int flags) __attribute__((alias("preadv2")));
ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset,
		    int flags) __attribute__((alias("pwritev2")));

int ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int fd, unsigned long request, ...) =
		dlsym(RTLD_NEXT, "ioctl");
	const char *mtu = getenv("FAKE_MTU");
	struct vhost_rpmsg_ept_info *info;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (is_fake(fd) && request == VHOST_RPMSG_EPT_SET_BATCH)
		return 0;
	if (!is_fake(fd) || request != VHOST_RPMSG_EPT_GET_INFO)
		return next(fd, request, arg);
	info = arg;
	*info = (struct vhost_rpmsg_ept_info){
		.name = "fake",
		.dev_name = "fake",
		.dev_id = 1,
		.src = 1024,
		.dst = 1025,
		.mtu = mtu ? atoi(mtu) : VHOST_RPMSG_MAX_MTU,
	};
	return 0;
}
