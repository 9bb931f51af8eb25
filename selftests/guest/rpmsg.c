// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands for the shell of the guest: the ioctls of the kernel's RPMsg char devices,
 * and traffic that both sides check. The host also runs the latter, with its own char
 * devices.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rpmsg.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LEN		496
/* Timeout for the next message in seconds; the guest is slow. */
#define PATIENCE	60

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Message @n of the stream @seed: both sides can compute each byte. */
static size_t make_message(uint32_t seed, uint32_t n, uint8_t *buf)
{
	uint32_t state = (seed << 20) + n + 1, word;
	size_t len, i;

	next_random(&state);
	len = 1 + next_random(&state) % MAX_LEN;
	for (i = 0; i < len; i += sizeof(word)) {
		word = next_random(&state);
		memcpy(buf + i, &word, sizeof(word));
	}
	return len;
}

static uint32_t checksum(uint32_t sum, const uint8_t *buf, size_t len)
{
	while (len--)
		sum = (sum ^ *buf++) * 16777619;
	return sum;
}

static void send_stream(int fd, uint32_t seed, uint32_t count)
{
	uint8_t buf[MAX_LEN + sizeof(uint32_t)];
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	uint32_t n, sum = 2166136261;
	ssize_t ret;
	size_t len;

	for (n = 0; n < count; n++) {
		len = make_message(seed, n, buf);
		while ((ret = write(fd, buf, len)) < 0 && errno == ENOTCONN)
			if (poll(&pfd, 1, PATIENCE * 1000) != 1)
				errx(1, "nobody to send to");
		if (ret != (ssize_t)len)
			err(1, "message %u: write: %zd of %zu", n, ret, len);
		sum = checksum(sum, buf, len);
	}
	printf("sent %u messages, checksum %08x\n", count, sum);
}

static void receive_stream(int fd, uint32_t seed, uint32_t count)
{
	uint8_t want[MAX_LEN + sizeof(uint32_t)], buf[MAX_LEN + 1];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint32_t n, sum = 2166136261;
	ssize_t ret;
	size_t len;

	for (n = 0; n < count; n++) {
		len = make_message(seed, n, want);
		if (poll(&pfd, 1, PATIENCE * 1000) != 1)
			errx(1, "message %u: nothing comes", n);
		ret = read(fd, buf, sizeof(buf));
		if (ret < 0)
			err(1, "message %u: read", n);
		if ((size_t)ret != len || memcmp(buf, want, len))
			errx(1, "message %u: %zd bytes that are not its %zu", n,
			     ret, len);
		sum = checksum(sum, buf, ret);
	}
	/* An additional message is an error, too. */
	if (poll(&pfd, 1, 200) == 1)
		errx(1, "more than %u messages", count);
	printf("received %u messages, checksum %08x\n", count, sum);
}

/* @count messages in each direction at the same time: streams @out and @in. */
static int traffic(char **args)
{
	int fd = open(args[0], O_RDWR), status;
	uint32_t count = strtoul(args[1], NULL, 0);
	uint32_t out = strtoul(args[2], NULL, 0);
	uint32_t in = strtoul(args[3], NULL, 0);
	pid_t pid;

	if (fd < 0)
		err(1, "%s", args[0]);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		/* End together with this process. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		send_stream(fd, out, count);
		return 0;
	}
	receive_stream(fd, in, count);
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "sending failed");
	return 0;
}

/* Send one message and print the next one that arrives. */
static int ask(char **args)
{
	int fd = open(args[0], O_RDWR);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[MAX_LEN];
	ssize_t ret;

	if (fd < 0)
		err(1, "%s", args[0]);
	if (write(fd, args[1], strlen(args[1])) < 0)
		err(1, "%s: write", args[0]);
	if (poll(&pfd, 1, PATIENCE * 1000) != 1)
		errx(1, "%s: no answer", args[0]);
	ret = read(fd, buf, sizeof(buf));
	if (ret < 0)
		err(1, "%s: read", args[0]);
	printf("%.*s\n", (int)ret, buf);
	return 0;
}

/* RPMSG_CREATE_DEV_IOCTL and similar ioctls: NAME SOURCE DESTINATION */
static int control(unsigned long request, char **args)
{
	struct rpmsg_endpoint_info info = {};
	int fd = open("/dev/rpmsg_ctrl0", O_RDWR);

	if (fd < 0)
		err(1, "/dev/rpmsg_ctrl0");
	strncpy(info.name, args[0], sizeof(info.name) - 1);
	info.src = strtoul(args[1], NULL, 0);
	info.dst = strtoul(args[2], NULL, 0);
	if (ioctl(fd, request, &info))
		err(1, "%s", args[0]);
	close(fd);
	return 0;
}

/*
 * Return a PCI device to QEMU's i440FX, as the ACPI method _EJ0 does. The kernel runs
 * without ACPI, since booting would take too long with it.
 */
static int eject(char **args)
{
	if (iopl(3))
		err(1, "iopl");
	outl(1U << strtoul(args[0], NULL, 0), 0xae08);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "traffic"))
		return traffic(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "ask"))
		return ask(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "create-dev"))
		return control(RPMSG_CREATE_DEV_IOCTL, argv + 2);
	if (argc == 5 && !strcmp(argv[1], "release-dev"))
		return control(RPMSG_RELEASE_DEV_IOCTL, argv + 2);
	if (argc == 5 && !strcmp(argv[1], "create-ept"))
		return control(RPMSG_CREATE_EPT_IOCTL, argv + 2);
	if (argc == 3 && !strcmp(argv[1], "eject"))
		return eject(argv + 2);
	fprintf(stderr,
		"usage: rpmsg traffic DEVICE COUNT OUT IN\n"
		"       rpmsg ask DEVICE TEXT\n"
		"       rpmsg create-dev|release-dev|create-ept NAME SRC DST\n"
		"       rpmsg eject SLOT\n");
	return 2;
}
