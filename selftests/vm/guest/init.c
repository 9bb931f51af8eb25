// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of the guest. The second serial port takes one command a line,
 * as "TAG COMMAND...", runs it in a shell, and says "@TAG STATUS" when it is
 * done; the first one is the kernel's alone, so that lines do not mix.
 * Not a script: nested, each program that a script starts costs a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Not in any header of user space. */
#define SYSLOG_ACTION_CONSOLE_LEVEL 8

static int run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, STDIN_FILENO);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	/* Whatever lost its parent ends up here, too. */
	while (wait(&status) != pid)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *variable(const char *event, size_t len, const char *name)
{
	const char *end = event + len;
	size_t name_len = strlen(name);

	for (; event < end; event += strlen(event) + 1)
		if (!strncmp(event, name, name_len) && event[name_len] == '=')
			return event + name_len + 1;
	return NULL;
}

/* A char device comes or goes: its node does, too. */
static void handle_uevent(const char *event, size_t len)
{
	const char *action = variable(event, len, "ACTION");
	const char *major = variable(event, len, "MAJOR");
	const char *minor = variable(event, len, "MINOR");
	const char *name = variable(event, len, "DEVNAME");
	char path[256];

	if (!action || !major || !minor || !name)
		return;
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!strcmp(action, "remove"))
		unlink(path);
	else if (!strcmp(action, "add") &&
		 mknod(path, S_IFCHR | 0600,
		       makedev(atoi(major), atoi(minor))) &&
		 errno != EEXIST)
		perror(path);
}

/*
 * In place of devtmpfs, which the minimal kernel does not have: see config.
 * This process looks at /sys only for what was there before it.
 */
static void make_nodes(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC,
			NETLINK_KOBJECT_UEVENT);
	char event[8192];
	glob_t found;
	ssize_t len;
	size_t i;

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("uevents");
		return;
	}
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!glob("/sys/class/rpmsg/*/uevent", 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc; i++) {
			int node = open(found.gl_pathv[i], O_WRONLY);

			if (node < 0 || write(node, "add", 3) != 3)
				perror(found.gl_pathv[i]);
			close(node);
		}
	}
	while ((len = recv(fd, event, sizeof(event) - 1, 0)) >= 0 ||
	       errno == ENOBUFS) {
		if (len <= 0)
			continue;
		event[len] = '\0';
		handle_uevent(event, len);
	}
	perror("uevents");
	_exit(1);
}

/* Those of a stock kernel, in the order of their names. */
static void load_modules(void)
{
	glob_t found;
	size_t i;

	if (glob("/modules/[0-9]*.ko", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDONLY | O_CLOEXEC);

		if (syscall(SYS_finit_module, fd, "", 0))
			perror(found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

int main(void)
{
	struct utsname name;
	struct termios tty;
	bool nodes = true;
	char line[4096];
	int fd;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL)) {
		mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3));
		mknod("/dev/ttyS1", S_IFCHR | 0600, makedev(4, 65));
		nodes = false;
	}
	fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setenv("PATH", "/bin", 1);
	/* No echo, and lines end as the programs end them. */
	if (!tcgetattr(STDIN_FILENO, &tty)) {
		tty.c_lflag &= ~ECHO;
		tty.c_oflag &= ~ONLCR;
		tcsetattr(STDIN_FILENO, TCSANOW, &tty);
	}
	if (!nodes)
		make_nodes();
	load_modules();
	/* From here on only what is wrong: the console is slow. */
	klogctl(SYSLOG_ACTION_CONSOLE_LEVEL, NULL, 6);
	uname(&name);
	printf("@ready 0 %s\n", name.release);
	fflush(stdout);

	while (fgets(line, sizeof(line), stdin)) {
		char *command = strchr(line, ' ');
		int status;

		if (!command)
			continue;
		*command++ = '\0';
		status = run(command);
		printf("@%s %d\n", line, status);
		fflush(stdout);
	}
	reboot(RB_POWER_OFF);
	return 1;
}
