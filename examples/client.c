// SPDX-License-Identifier: GPL-2.0-only
/*
 * Talk to a service of a guest: send each line of standard input as a message, and
 * print each message from the guest. poll() waits for both; it also reports when there
 * is room in the queue, when a new guest is present, and when the endpoint is deleted.
 *
 * usage: client /dev/vrpmsg/by-name/DEVICE/SERVICE
 *
 * It only needs permission to open the file.
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

/* Milliseconds to wait for answers after the end of the input. */
#define LINGER	1000

static char line[65536];	/* input that was not sent yet */
static size_t len;

static bool is_whole(void)
{
	return memchr(line, '\n', len);
}

/* Returns false at the end of the input. */
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

	/* EAGAIN: another thread or process may have filled the queue. */
	if (write(fd, line, n) < 0) {
		if (errno == EAGAIN)
			return;
		err(1, "write");
	}
	len -= n + 1;
	memmove(line, line + n + 1, len);
}

/* Print only printable characters: a guest may send anything. */
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

/* poll() reports POLLPRI until vrpmsg_fd_info_get() is called. */
static void greet_guest(int fd)
{
	struct vrpmsg_fd_info *info = vrpmsg_fd_info_get(fd);

	if (!info)
		err(1, "info");
	warnx("new guest: generation %u", vrpmsg_fd_info_generation(info));
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
		/* Before reading more input, send the line: wait for room and a remote. */
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
			errx(1, "the endpoint was deleted");
		if (fds[0].revents & POLLOUT)
			send_line(fd);
		if (fds[1].revents)
			more = take_input();
	}
}
