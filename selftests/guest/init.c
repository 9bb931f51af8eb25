// SPDX-License-Identifier: GPL-2.0-only
/*
 * First process of the guest. It reads commands from the second serial port, one per
 * line, as "TAG COMMAND...", runs each in a shell, and prints "@TAG STATUS" at its end.
 * Only the kernel uses the first port, so that lines do not mix. This is not a script,
 * since each program that a script starts takes a second in a nested guest.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* No header of user space has this. */
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
	/* Orphaned processes end up here, too. */
	while (wait(&status) != pid)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The last component of a path. */
static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

/*
 * Replaces devtmpfs, which the minimal kernel lacks: see config. Calling this before
 * each command is enough.
 */
static void update_nodes(void)
{
	unsigned int major, minor;
	char path[256];
	glob_t found;
	size_t i;
	FILE *f;

	glob("/dev/rpmsg*", 0, NULL, &found);
	glob("/dev/ttyRPMSG*", GLOB_APPEND, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++)
		unlink(found.gl_pathv[i]);
	globfree(&found);

	glob("/sys/class/rpmsg/*", 0, NULL, &found);
	glob("/sys/class/tty/ttyRPMSG*", GLOB_APPEND, NULL, &found);
	for (i = 0; i < found.gl_pathc; i++) {
		snprintf(path, sizeof(path), "%s/dev", found.gl_pathv[i]);
		f = fopen(path, "re");
		/* The device may disappear at any time. */
		if (!f)
			continue;
		snprintf(path, sizeof(path), "/dev/%s",
			 base_name(found.gl_pathv[i]));
		if (fscanf(f, "%u:%u", &major, &minor) == 2)
			mknod(path, S_IFCHR | 0600, makedev(major, minor));
		fclose(f);
	}
	globfree(&found);
}

/*
 * Load the drivers that are not part of the kernel, in the order of their names.
 * rpmsg_modules= on the kernel's command line names their folder: the kernel puts
 * parameters that it does not know into the environment.
 */
static void load_modules(void)
{
	const char *folder = getenv("rpmsg_modules");
	char pattern[64];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/modules/%s/[0-9]*.ko",
		 folder ? folder : "patched");
	if (glob(pattern, 0, NULL, &found))
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
	bool devtmpfs = true;
	char line[4096];
	int fd;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL)) {
		mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3));
		mknod("/dev/ttyS1", S_IFCHR | 0600, makedev(4, 65));
		devtmpfs = false;
	}
	fd = open("/dev/ttyS1", O_RDWR | O_NOCTTY);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	setenv("PATH", "/bin", 1);
	/* No echo, and no conversion of line ends. */
	if (!tcgetattr(STDIN_FILENO, &tty)) {
		tty.c_lflag &= ~ECHO;
		tty.c_oflag &= ~ONLCR;
		tcsetattr(STDIN_FILENO, TCSANOW, &tty);
	}
	load_modules();
	/* From here on only print errors, since the console is slow. */
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
		if (!devtmpfs)
			update_nodes();
		status = run(command);
		printf("@%s %d\n", line, status);
		fflush(stdout);
	}
	reboot(RB_POWER_OFF);
	return 1;
}
