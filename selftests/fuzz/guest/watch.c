// SPDX-License-Identifier: GPL-2.0-only
/* Observation of the kernel: coverage, time of workers, its log. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#include "fuzz.h"
#include "util.h"

/*
 * Coverage. The vhost core reports the code that a worker runs to kcov, with the handle of
 * the thread that has called VHOST_SET_OWNER.
 */
#define COVER_WORDS	(1 << 18)
#define EDGE_BITS	18

static unsigned long *cover;
static uint8_t edges[1 << EDGE_BITS];
/* Address ranges of the modules; the rest of the kernel does not matter. */
static struct {
	unsigned long start;
	unsigned long end;
} text[3];
static unsigned int num_text;

static void find_text(void)
{
	FILE *f = fopen("/proc/modules", "re");
	unsigned long size, start;
	char name[64];

	while (f && num_text < 3 &&
	       fscanf(f, "%63s %lu %*u %*s %*s %lx%*[^\n]", name, &size,
		      &start) == 3) {
		if (strcmp(name, "vhost") && strcmp(name, "vhost_rpmsg") &&
		    strcmp(name, "vhost_rpmsg_kclient"))
			continue;
		text[num_text].start = start;
		text[num_text++].end = start + size;
	}
	if (f)
		fclose(f);
}

static bool of_interest(unsigned long pc)
{
	unsigned int i;

	for (i = 0; i < num_text; i++)
		if (pc >= text[i].start && pc < text[i].end)
			return true;
	return false;
}

bool watch_coverage_start(void)
{
	struct kcov_remote_arg arg = {
		.trace_mode = KCOV_TRACE_PC,
		.area_size = COVER_WORDS,
		.common_handle = getpid(),
	};
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (ioctl(fd, KCOV_INIT_TRACE, COVER_WORDS))
		die("kcov");
	cover = mmap(NULL, COVER_WORDS * sizeof(*cover), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (cover == MAP_FAILED || ioctl(fd, KCOV_REMOTE_ENABLE, &arg))
		die("kcov");
	find_text();
	/* cppcheck-suppress resourceLeak ; it goes on while this is open */
	return true;
}

void watch_coverage_begin(void)
{
	if (cover)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
}

unsigned int watch_coverage_end(void)
{
	unsigned long i, n, pc, prev = 0;
	unsigned int found = 0, hash;

	if (!cover)
		return 0;
	n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < COVER_WORDS; i++) {
		pc = __atomic_load_n(&cover[i], __ATOMIC_RELAXED);
		if (!of_interest(pc))
			continue;
		hash = (pc ^ prev * 31) * 0x9e3779b97f4a7c15ULL >>
		       (64 - EDGE_BITS);
		prev = pc;
		found += !edges[hash];
		edges[hash] = 1;
	}
	return found;
}

/* Workers are threads of this process since 6.4, and kernel threads before. */
#define MAX_WORKERS	4
/* The 14th and 15th field of proc/PID/stat. */
#define STAT_TIMES "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu"

static char workers[MAX_WORKERS][288];
static uint64_t worker_time[MAX_WORKERS];
static unsigned int num_workers;

static void find_workers(const char *dir, const char *name)
{
	DIR *d = opendir(dir);
	char path[288], comm[32];
	struct dirent *e;
	FILE *f;

	while (d && (e = readdir(d))) {
		if (!isdigit(e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/%.16s/comm", dir, e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%31s", comm) == 1 && !strcmp(comm, name) &&
		    num_workers < MAX_WORKERS)
			snprintf(workers[num_workers++], sizeof(workers[0]),
				 "%s/%.16s", dir, e->d_name);
		fclose(f);
	}
	if (d)
		closedir(d);
}

/* There must be one worker per device with an owner. */
void watch_find_workers(unsigned int devices)
{
	char name[32];

	snprintf(name, sizeof(name), "vhost-%d", getpid());
	num_workers = 0;
	memset(worker_time, 0, sizeof(worker_time));
	find_workers("/proc/self/task", name);
	if (!num_workers)
		find_workers("/proc", name);
	if (num_workers != devices)
		die("%u vhost workers called %s for %u devices", num_workers,
		    name, devices);
}

static bool worker_file(unsigned int i, const char *name, char *buf,
			size_t size)
{
	char path[320];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", workers[i], name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	return true;
}

void watch_workers_end(void)
{
	long long end = now_ms() + PATIENCE_MS;
	unsigned int i;
	char buf[8];

	for (i = 0; i < num_workers; i++)
		while (worker_file(i, "stat", buf, sizeof(buf))) {
			if (now_ms() > end)
				die("a vhost worker without a device");
			usleep(200);
		}
}

uint64_t watch_worker_time(void)
{
	unsigned long user, system;
	uint64_t sum = 0, time;
	unsigned int i;
	char buf[512];

	for (i = 0; i < num_workers; i++) {
		time = 0;
		if (worker_file(i, "schedstat", buf, sizeof(buf)))
			time = strtoull(buf, NULL, 10);
		else if (worker_file(i, "stat", buf, sizeof(buf)) &&
			 sscanf(buf, STAT_TIMES, &user, &system) == 2)
			time = (user + system) * 1000000000ULL /
			       sysconf(_SC_CLK_TCK);
		/* Used time never decreases, whatever the file contains. */
		if (time > worker_time[i])
			worker_time[i] = time;
		sum += worker_time[i];
	}
	return sum;
}

/* Check three times, since a worker may be about to run again. */
static bool worker_sleeps(unsigned int i)
{
	char buf[512], state;
	int looks;

	for (looks = 0; looks < 3; looks++) {
		/* A worker that has ended does not spin. */
		if (!worker_file(i, "stat", buf, sizeof(buf)))
			return true;
		if (sscanf(buf, "%*d %*s %c", &state) != 1 || state != 'S')
			return false;
	}
	return true;
}

bool watch_workers_sleep(uint64_t limit)
{
	/* A worker that hangs uses no time. */
	long long end = now_ms() + 4 * PATIENCE_MS;
	unsigned int i;

	for (i = 0; i < num_workers; i++)
		while (!worker_sleeps(i)) {
			if (watch_worker_time() > limit || now_ms() > end)
				return false;
			usleep(200);
		}
	return true;
}

/* The log, checked immediately rather than at the end of the VM. */
static int kmsg = -1;

void watch_log_start(void)
{
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg >= 0)
		lseek(kmsg, 0, SEEK_END);
}

bool watch_log_ok(struct fuzz_fault *f)
{
	static const char *const bad[] = {
		"WARNING: ",
		"BUG: ",
		"BUG at",
		"Oops",
		"KASAN",
		"KCSAN",
		"UBSAN",
		"general protection fault",
		"possible recursive",
		"possible circular",
		"inconsistent lock",
		"suspicious RCU",
		"blocked for more than",
		"soft lockup",
		"refcount_t: ",
		"corruption",
		"sleeping function",
		"ODEBUG",
		"Call Trace",
		"Redzone",
		"Poison",
		"rcu: INFO",
	};
	char line[8192], *text;
	unsigned int i;
	ssize_t n;

	while (kmsg >= 0) {
		n = read(kmsg, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;	/* some lines were overwritten */
		if (n <= 0)
			return true;
		line[n] = 0;
		text = strchr(line, ';');
		text = text ? text + 1 : line;
		text[strcspn(text, "\n")] = 0;
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
			if (strstr(text, bad[i]))
				return fuzz_fault(f, CHECK_LOG,
						  "the kernel says: %s", text);
	}
	return true;
}
