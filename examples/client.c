// SPDX-License-Identifier: GPL-2.0-only
/*
 * Talk to a service of a guest: each line of standard input is sent as a message, and
 * each message that comes is printed. poll() waits for both, and says when there is
 * room, when the guest is another one, and when the endpoint is gone.
 *
 * usage: client /dev/vrpmsg/by-name/DEVICE/SERVICE
 *
 * It needs no privilege but the file's.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vhostrpmsg.h>

/* Milliseconds for which answers may still come after the end of the input. */
#define LINGER	1000

static char line[65536];	/* what was typed, and was not sent yet */
static size_t len;

static bool is_whole(void)
{
	return memchr(line, '\n', len);
}

/* False at the end of the input. */
static bool take_input(void)
{
	ssize_t n = read(STDIN_FILENO, line + len, sizeof(line) - len);

	if (n < 0)
		err(1, "standard input");
	len += n;
	if (len == sizeof(line) && !is_whole())
		errx(1, "a line is longer than any message");
	return n;
}

static void send_line(int fd)
{
	size_t n = (char *)memchr(line, '\n', len) - line;

	/* Another thread or process may have taken the room. */
	if (write(fd, line, n) < 0) {
		if (errno == EAGAIN)
			return;
		err(1, "write");
	}
	len -= n + 1;
	memmove(line, line + n + 1, len);
}

/* A guest may send anything to a terminal. */
static void print_message(int fd)
{
	static unsigned char buf[65535];
	ssize_t n = read(fd, buf, sizeof(buf)), i;

	if (n < 0)
		err(1, "read");
	for (i = 0; i < n; i++)
		putchar(isprint(buf[i]) ? buf[i] : '?');
	putchar('\n');
	fflush(stdout);
}

/* Until this has asked which guest there is, poll() says so. */
static void greet_guest(int fd)
{
	struct vrpmsg_fd_info *info = vrpmsg_fd_info_get(fd);

	if (!info)
		err(1, "info");
	warnx("another guest is there: generation %u",
	      vrpmsg_fd_info_generation(info));
	vrpmsg_fd_info_free(info);
}

int main(int argc, char **argv)
{
	struct pollfd fds[2];
	bool more = true;
	int fd, ready;

	if (argc != 2)
		errx(1, "usage: client PATH");
	fd = open(argv[1], O_RDWR | O_NONBLOCK);
	if (fd < 0)
		err(1, "%s", argv[1]);
	for (;;) {
		/* One line at a time, which waits for room and for a remote. */
		fds[0] = (struct pollfd){ fd, POLLIN | POLLPRI, 0 };
		fds[1] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
		if (is_whole())
			fds[0].events |= POLLOUT;
		if (is_whole() || !more)
			fds[1].fd = -1;
		ready = poll(fds, 2, more || is_whole() ? -1 : LINGER);
		if (ready < 0)
			err(1, "poll");
		if (!ready)
			return 0;
		if (fds[0].revents & POLLPRI)
			greet_guest(fd);
		if (fds[0].revents & POLLIN)
			print_message(fd);
		else if (fds[0].revents & (POLLERR | POLLHUP))
			errx(1, "the endpoint is gone");
		else if (fds[0].revents & POLLOUT)
			send_line(fd);
		if (fds[1].revents)
			more = take_input();
	}
}
