// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rounds and streams: the parent is the peer, since the vhost worker works in
 * the memory of who has opened the device; children are the host's processes.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "util.h"

#define MAX_PROCS	8

/* Far more than any measurement takes. */
#define LIMIT_S		600

/* What a child tells its parent. */
struct report {
	uint64_t begin, end;
	unsigned long errors;
	long wakes;
	uint64_t round[];		/* time of each */
};

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* What it costs to look at the clock. */
static double clock_cost(void)
{
	uint64_t begin = now(), end = begin;
	int i;

	for (i = 0; i < 1000; i++)
		end = now();
	return (end - begin) / 1000.0;
}

static void give_up(int sig)
{
	static const char why[] = "Bail out! a message was lost\n";

	(void)sig;
	(void)!write(STDOUT_FILENO, why, sizeof(why) - 1);
	_exit(1);
}

/* Where a message is lost, everybody waits for it, and for ever. */
static void limit_begin(void)
{
	signal(SIGALRM, give_up);
	alarm(LIMIT_S);
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Sleeps of this process, each of which something has ended. */
static long process_wakes(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_nvcsw;
}

/* The same of the vhost workers, which are threads of who has the device. */
static long worker_wakes(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], line[100];
	struct dirent *entry;
	long total = 0, n;
	FILE *f;

	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
			 entry->d_name);
		f = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!f)
			continue;
		if (fgets(line, sizeof(line), f) &&
		    !strncmp(line, "Name:\tvhost-", 12))
			while (fgets(line, sizeof(line), f))
				if (sscanf(line, "voluntary_ctxt_switches: %ld",
					   &n) == 1)
					total += n;
		fclose(f);
	}
	closedir(dir);
	return total;
}

/* Parent and child go from one phase to the next together. */
static void let_go(int fd)
{
	if (write(fd, "", 1) != 1)
		die("pipe");
}

static void wait_go(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(1);
}

/* The link of a message of a round. */
static struct link *link_at(struct setup *s, const struct rounds *r,
			    unsigned int round, unsigned int i)
{
	unsigned int at = r->spread ? round * (r->down + r->up) + i : round;

	return &s->links[at % s->num_links];
}

static void host_round(struct setup *s, const struct rounds *r,
		       unsigned int round)
{
	unsigned int i;

	for (i = 0; i < r->down; i++)
		host_send(s, link_at(s, r, round, i));
	for (; i < r->down + r->up; i++)
		host_recv(s, link_at(s, r, round, i));
}

static void peer_round(struct setup *s, const struct rounds *r,
		       unsigned int round)
{
	unsigned int i;

	if (has_guest(s->kind))
		peer_recv(s, link_at(s, r, round, 0), r->down);
	for (i = 0; i < r->down && !has_guest(s->kind); i++)
		peer_recv(s, link_at(s, r, round, i), 1);
	for (i = r->down; i < r->down + r->up; i++)
		peer_send(s, link_at(s, r, round, i));
}

static void host_process(struct setup *s, const struct rounds *r,
			 unsigned int warm, int go, struct report *report)
{
	unsigned int i, round = 0;
	uint64_t begin, end;
	long wakes;

	s->verify = true;
	while (round < warm)
		host_round(s, r, round++);
	wait_go(go);
	s->verify = false;
	wakes = process_wakes();
	begin = end = now();
	report->begin = begin;
	for (i = 0; i < r->num; i++) {
		host_round(s, r, round++);
		end = now();
		report->round[i] = end - begin;
		begin = end;
	}
	report->wakes = process_wakes() - wakes;
	__atomic_store_n(&report->end, end, __ATOMIC_RELEASE);
	wait_go(go);
	s->verify = true;
	for (i = 0; i < warm; i++)
		host_round(s, r, round++);
	report->errors = s->errors;
	_exit(0);
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("a host process has failed");
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What so many of a hundred rounds, of those that are sorted, do not exceed. */
static uint64_t percentile(const struct report *report, unsigned int rounds,
			   unsigned int percent)
{
	return report->round[rounds * percent / 100];
}

/*
 * What a guest costs alone: the same rounds with a host that costs nothing,
 * since the clock stands while it is played.
 */
static double guest_alone(struct setup *s, const struct rounds *r,
			  unsigned int others)
{
	struct rounds one = *r;
	uint64_t begin, total = 0;
	unsigned int i;

	/* One device stands for all; the messages that are played are for it. */
	one.spread = false;
	peer_detach(s, &s->devs[0]);
	for (i = 0; i < r->num; i++) {
		peer_play_host(s, &s->devs[0], r->down, others);
		begin = now();
		peer_round(s, &one, 0);
		total += now() - begin;
	}
	return (double)total / r->num - clock_cost();
}

struct counts {
	unsigned long calls, kicks, used;
	long wakes;
};

static struct counts count(struct setup *s)
{
	struct counts c = { .wakes = worker_wakes() };
	unsigned int i;

	for (i = 0; has_guest(s->kind) && i < s->num_devs; i++) {
		c.calls += s->devs[i].calls;
		c.kicks += s->devs[i].g.kicks;
		c.used += s->devs[i].used;
	}
	return c;
}

void run_rounds(struct setup *s, const struct rounds *r, struct result *res)
{
	size_t size = sizeof(struct report) + r->num * sizeof(uint64_t);
	struct report *report = shared(size);
	unsigned int warm, round = 0, i;
	struct counts a, b;
	unsigned long errors;
	int go[2];
	pid_t pid;

	memset(res, 0, sizeof(*res));
	limit_begin();
	setup_open(s);
	/* Each link has been used before. */
	warm = s->num_links > 16 ? s->num_links : 16;
	if (pipe(go))
		die("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		host_process(s, r, warm, go[0], report);

	s->verify = true;
	while (round < warm)
		peer_round(s, r, round++);
	s->verify = false;
	a = count(s);
	let_go(go[1]);
	for (i = 0; i < r->num; i++)
		peer_round(s, r, round++);
	/* Counting takes long, and is not part of the host's last round. */
	while (!__atomic_load_n(&report->end, __ATOMIC_ACQUIRE))
		nap();
	b = count(s);
	s->verify = true;
	let_go(go[1]);
	for (i = 0; i < warm; i++)
		peer_round(s, r, round++);
	reap(pid);
	close(go[0]);
	close(go[1]);
	s->verify = false;
	errors = s->errors + report->errors;
	if (errors)
		die("%s: %lu messages are not what was sent",
		    kind_name[s->kind], errors);

	if (has_guest(s->kind))
		res->guest =
			guest_alone(s, r, (b.used - a.used) / r->num - r->down);
	s->errors = 0;
	setup_close(s);
	alarm(0);
	res->total =
		(double)(report->end - report->begin) / r->num - clock_cost();
	qsort(report->round, r->num, sizeof(uint64_t), compare);
	res->median = percentile(report, r->num, 50);
	res->p99 = percentile(report, r->num, 99);
	res->calls = (double)(b.calls - a.calls) / r->num;
	res->kicks = (double)(b.kicks - a.kicks) / r->num;
	res->worker_wakes = (double)(b.wakes - a.wakes) / r->num;
	res->host_wakes = (double)report->wakes / r->num;
	munmap(report, size);
}

static void stream_process(struct setup *s, bool down, unsigned int first,
			   unsigned int procs, unsigned long num, int go,
			   struct report *report)
{
	unsigned int at = first;
	unsigned long i;

	wait_go(go);
	for (i = 0; i < num; i++) {
		if (down)
			host_send(s, &s->links[at]);
		else
			host_recv(s, &s->links[at]);
		at += procs;
		if (at >= s->num_links)
			at = first;
	}
	report->end = now();
	report->errors = s->errors;
	_exit(0);
}

double run_stream(struct setup *s, bool down, unsigned int procs,
		  unsigned long num)
{
	struct report *reports = shared(procs * sizeof(*reports));
	unsigned long i, each = num / procs, errors;
	uint64_t begin, end;
	pid_t pid[MAX_PROCS];
	int go[2];

	limit_begin();
	setup_open(s);
	if (pipe(go))
		die("pipe");
	fflush(stdout);
	for (i = 0; i < procs; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			die("fork");
		if (!pid[i])
			stream_process(s, down, i, procs, each, go[0],
				       &reports[i]);
	}
	begin = now();
	for (i = 0; i < procs; i++)
		let_go(go[1]);
	if (down && has_guest(s->kind))
		peer_recv(s, &s->links[0], each * procs);
	else
		for (i = 0; i < each * procs; i++) {
			struct link *l = &s->links[i % s->num_links];

			if (down)
				peer_recv(s, l, 1);
			else
				peer_send(s, l);
		}
	end = now();
	errors = s->errors;
	for (i = 0; i < procs; i++) {
		reap(pid[i]);
		errors += reports[i].errors;
		if (!down && reports[i].end > end)
			end = reports[i].end;
	}
	if (errors)
		die("%s: %lu messages are not what was sent",
		    kind_name[s->kind], errors);
	s->errors = 0;
	close(go[0]);
	close(go[1]);
	munmap(reports, procs * sizeof(*reports));
	setup_close(s);
	alarm(0);
	return each * procs * 1e9 / (end - begin);
}
