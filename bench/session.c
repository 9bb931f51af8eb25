// SPDX-License-Identifier: GPL-2.0-only
/*
 * A setup with its host processes, which stays open while others take their turns. The
 * parent is the peer, since the vhost worker uses the memory of the process that has opened
 * the device; children are the host's processes.
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

/* Much longer than any pass. */
#define LIMIT_S		600

/* A command of the parent to its children. */
struct order {
	struct shape shape;
	unsigned int round;		/* number of the first round */
	unsigned int mark;
	bool verify;
	bool quit;
};

/* The report of a child. */
struct report {
	uint64_t begin, end;
	unsigned long errors;
	long wakes;
	uint64_t round[MAX_ROUNDS];	/* time of each round */
};

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The cost of reading the clock. */
static double clock_cost(void)
{
	uint64_t begin = now(), end = begin;
	int i;

	for (i = 0; i < 1000; i++)
		end = now();
	return (end - begin) / 1000.0;
}

/* Instructions without effect that profile/count.c recognises. */
#define MARK(n)								\
	do {								\
		asm volatile(".byte 0x0f, 0x1f, 0x84, 0, " #n);		\
		asm volatile(".byte 0x4d, 0x50, 0x52" : : : "memory");	\
	} while (0)

static void mark(unsigned int num)
{
	switch (num) {
	case 0:
		MARK(0);
		break;
	case 1:
		MARK(1);
		break;
	case 2:
		MARK(2);
		break;
	case 3:
		MARK(3);
		break;
	case 4:
		MARK(4);
		break;
	case 5:
		MARK(5);
		break;
	}
}

static void mark_end(void)
{
	MARK(0x80);
}

static void give_up(int sig)
{
	static const char why[] = "Bail out! a message was lost\n";

	(void)sig;
	(void)!write(STDOUT_FILENO, why, sizeof(why) - 1);
	_exit(1);
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* The number of times that this process has slept and was woken. */
static long process_wakes(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_nvcsw;
}

/* The same for the vhost workers, which are threads of this process. */
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

static void wait_go(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		_exit(1);
}

/* The link of a message of a round. */
static struct link *link_at(struct setup *s, const struct shape *sh,
			    unsigned int round, unsigned int i)
{
	unsigned int at = sh->spread ? round * (sh->down + sh->up) + i : round;

	return &s->links[at % s->num_links];
}

static void host_round(struct setup *s, const struct shape *sh,
		       unsigned int round)
{
	unsigned int i;

	if (!sh->spread) {
		host_send(s, link_at(s, sh, round, 0), sh->down);
		host_recv(s, link_at(s, sh, round, 0), sh->up);
		return;
	}
	for (i = 0; i < sh->down; i++)
		host_send(s, link_at(s, sh, round, i), 1);
	for (; i < sh->down + sh->up; i++)
		host_recv(s, link_at(s, sh, round, i), 1);
}

static void peer_round(struct setup *s, const struct shape *sh,
		       unsigned int round)
{
	unsigned int i;

	if (!sh->spread) {
		peer_recv(s, link_at(s, sh, round, 0), sh->down);
		peer_send(s, link_at(s, sh, round, 0), sh->up);
		return;
	}
	/* A guest receives messages in any order. */
	if (has_guest(s->kind))
		peer_recv(s, link_at(s, sh, round, 0), sh->down);
	for (i = 0; i < sh->down && !has_guest(s->kind); i++)
		peer_recv(s, link_at(s, sh, round, i), 1);
	for (i = sh->down; i < sh->down + sh->up; i++)
		peer_send(s, link_at(s, sh, round, i), 1);
}

/* The share of one process; in a stream in both directions, half of them receive. */
static void host_stream(struct session *ss, const struct shape *sh,
			unsigned int proc)
{
	unsigned int at = proc, num = sh->rounds / ss->num_procs;
	struct setup *s = &ss->s;
	bool down = sh->down;

	if (sh->down && sh->up) {
		down = !(proc % 2);
		num *= 2;
	}
	while (num--) {
		if (down)
			host_send(s, &s->links[at], 1);
		else
			host_recv(s, &s->links[at], 1);
		at += ss->num_procs;
		if (at >= s->num_links)
			at = proc;
	}
}

static void host_rounds(struct session *ss, struct report *report)
{
	const struct order *o = ss->order;
	uint64_t begin, end;
	unsigned int i;

	begin = now();
	for (i = 0; i < o->shape.rounds; i++) {
		host_round(&ss->s, &o->shape, o->round + i);
		end = now();
		report->round[i] = end - begin;
		begin = end;
	}
}

static void host_process(struct session *ss, unsigned int proc)
{
	struct report *report = ss->report[proc];
	const struct order *o = ss->order;
	uint64_t end;
	long wakes;

	for (;;) {
		wait_go(ss->go[proc]);
		if (o->quit)
			_exit(0);
		ss->s.verify = o->verify;
		wakes = process_wakes();
		mark(o->mark);
		report->begin = now();
		if (o->shape.stream)
			host_stream(ss, &o->shape, proc);
		else
			host_rounds(ss, report);
		end = now();
		mark_end();
		report->wakes = process_wakes() - wakes;
		report->errors = ss->s.errors;
		__atomic_store_n(&report->end, end, __ATOMIC_RELEASE);
	}
}

void session_open(struct session *ss, const struct variant *v, size_t size,
		  unsigned int *first)
{
	unsigned int i;
	int fd[2];

	memset(ss, 0, sizeof(*ss));
	ss->s = (struct setup){
		.v = v,
		.kind = v->kind,
		.size = size,
		.num_devs = v->devices,
		.num_links = v->links,
		.first = *first,
	};
	*first += v->devices;
	/* If a message is lost, all processes would wait for ever. */
	signal(SIGALRM, give_up);
	alarm(LIMIT_S);
	setup_open(&ss->s);
	ss->num_procs = v->procs;
	ss->order = shared(sizeof(*ss->order));
	for (i = 0; i < ss->num_procs; i++) {
		ss->report[i] = shared(sizeof(*ss->report[i]));
		if (pipe(fd))
			die("pipe");
		fflush(stdout);
		ss->pid[i] = fork();
		if (ss->pid[i] < 0)
			die("fork");
		ss->go[i] = fd[ss->pid[i] ? 1 : 0];
		if (!ss->pid[i])
			host_process(ss, i);
		close(fd[0]);
	}
}

static void let_go(struct session *ss)
{
	unsigned int i;

	for (i = 0; i < ss->num_procs; i++)
		if (write(ss->go[i], "", 1) != 1)
			die("pipe");
}

static void peer_stream(struct session *ss, const struct shape *sh)
{
	struct setup *s = &ss->s;
	/* All processes have the same share. */
	unsigned int num = sh->rounds / ss->num_procs * ss->num_procs, i;

	if (sh->down && sh->up)
		peer_both(s, num, num);
	else if (sh->down && has_guest(s->kind))
		peer_recv(s, &s->links[0], num);
	else
		for (i = 0; i < num; i++) {
			struct link *l = &s->links[i % s->num_links];

			if (sh->down)
				peer_recv(s, l, 1);
			else
				peer_send(s, l, 1);
		}
}

static void count(struct session *ss, struct tally *t, long sign)
{
	struct setup *s = &ss->s;
	unsigned int i;

	t->worker_wakes += sign * worker_wakes();
	for (i = 0; has_guest(s->kind) && i < s->num_devs; i++) {
		t->calls += sign * (long)s->devs[i].calls;
		t->kicks += sign * (long)s->devs[i].g.kicks;
		t->used += sign * (long)s->devs[i].used;
	}
}

/* Wait for all processes, and add their reports. */
static void collect(struct session *ss, uint64_t begin, uint64_t end,
		    const struct shape *sh, struct tally *t)
{
	struct report *first = ss->report[0];
	unsigned int i, n = sh->rounds;

	for (i = 0; i < ss->num_procs; i++) {
		struct report *r = ss->report[i];

		while (!__atomic_load_n(&r->end, __ATOMIC_ACQUIRE))
			nap();
		if (r->end > end)
			end = r->end;
		if (t)
			t->host_wakes += r->wakes;
	}
	if (!t)
		return;
	if (sh->stream) {
		t->rounds += n / ss->num_procs * ss->num_procs;
		t->time += end - begin;
		return;
	}
	memcpy(t->round + t->rounds, first->round, n * sizeof(*t->round));
	t->rounds += n;
	t->time += first->end - first->begin - n * clock_cost();
}

void session_slice(struct session *ss, const struct shape *sh,
		   unsigned int mark, struct tally *t)
{
	struct setup *s = &ss->s;
	uint64_t begin, end;
	unsigned int i;

	*ss->order = (struct order){
		.shape = *sh,
		.round = ss->round,
		.mark = t ? mark : ~0U,
		.verify = !t,
	};
	s->verify = !t;
	for (i = 0; i < ss->num_procs; i++)
		ss->report[i]->end = 0;
	if (t)
		count(ss, t, -1);
	begin = now();
	let_go(ss);
	if (sh->stream) {
		peer_stream(ss, sh);
	} else {
		for (i = 0; i < sh->rounds; i++)
			peer_round(s, sh, ss->round + i);
		ss->round += sh->rounds;
	}
	end = now();
	collect(ss, begin, end, sh, t);
	if (t)
		count(ss, t, 1);
}

/* Call this before a device is closed, since a child holds all earlier devices. */
void session_end_hosts(struct session *ss)
{
	unsigned long errors = ss->s.errors;
	unsigned int i;
	int status;

	ss->order->quit = true;
	let_go(ss);
	for (i = 0; i < ss->num_procs; i++) {
		if (waitpid(ss->pid[i], &status, 0) != ss->pid[i] || status)
			die("a host process has failed");
		close(ss->go[i]);
		errors += ss->report[i]->errors;
	}
	if (errors)
		die("%s: %lu messages are not what was sent", ss->s.v->name,
		    errors);
}

/*
 * The cost of the guest alone: the same rounds with a host that costs nothing, since the
 * clock is stopped while it is played. Use the median, since the kernel may still be busy
 * closing the device.
 */
void session_guest_alone(struct session *ss, const struct shape *sh,
			 unsigned int mark_num, struct tally *t)
{
	struct setup *s = &ss->s;
	/* Use one device for all played messages. */
	struct shape one = { .down = sh->down, .up = sh->up };
	double time[MAX_ROUNDS];
	unsigned int others, i;
	uint64_t begin;

	if (!has_guest(s->kind))
		return;
	others = t->used / t->rounds - sh->down;
	peer_detach(s, &s->devs[0]);
	for (i = 0; i < sh->rounds; i++) {
		peer_play_host(s, &s->devs[0], sh->down, others);
		mark(mark_num);
		begin = now();
		peer_round(s, &one, 0);
		time[i] = now() - begin;
		mark_end();
	}
	t->guest = median(time, sh->rounds) - clock_cost();
}

void session_close(struct session *ss)
{
	unsigned int i;

	setup_close(&ss->s);
	for (i = 0; i < ss->num_procs; i++)
		munmap(ss->report[i], sizeof(*ss->report[i]));
	munmap(ss->order, sizeof(*ss->order));
	alarm(0);
}
