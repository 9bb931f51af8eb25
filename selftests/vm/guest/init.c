// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of the guest. The console takes one command a line, as
 * "TAG COMMAND...", runs it in a shell, and says "@TAG STATUS" when it is done.
 * Not a script: nested, each program that a script starts costs a second.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

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
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   128 + WTERMSIG(status);
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
	char line[4096];
	int fd;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/console", O_RDWR | O_NOCTTY);
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
	load_modules();
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
