// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetime races: run each pair of operations at the same time, repeatedly, while messages
 * flow in both directions. docs/races.md says what makes each pair safe.
 *
 * usage: stress_races [--rounds N] [--pair A,B] [--seed N]
 *
 * Two threads start together. Each waits for some microseconds and runs its operation. The
 * results must be valid for the pair. After that everything must work again, the counters
 * must add up, and no descriptor and no reference to the module may be left. The removal of
 * the module needs VRPMSG_KO, the file to load it from again.
 *
 * A pair has two phases. In the first one a guest runs on the device, and the endpoint is
 * open. The second one is for operations that would be refused in the first: a device is
 * deleted without a VMM, both threads open an endpoint, the module is removed when nothing
 * is open. An operation opens and closes what it needs and the phase does not have.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "race/race.h"

static struct actor actors[2] = { [1].second = true };
static pthread_barrier_t start;
static sem_t finished;

uint32_t rnd(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int num = 0;

	while (readdir(dir))
		num++;
	closedir(dir);
	return num;
}

static int count_refs(void)
{
	FILE *file = fopen("/sys/module/vhost_rpmsg/refcnt", "re");
	int num = -1;

	if (!file || fscanf(file, "%d", &num) != 1)
		die("no module");
	fclose(file);
	return num;
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static void spin(uint32_t us)
{
	long long end = now_us() + us;

	while (now_us() < end)
		;
}

static void *act(void *arg)
{
	struct actor *me = arg;
	uint32_t rand;

	nl_reach();
	pthread_barrier_wait(&start);
	for (;;) {
		pthread_barrier_wait(&start);
		if (me->op == NUM_OPS)
			return NULL;
		/* Mostly short delays, sometimes up to a millisecond. */
		rand = rnd(&me->rand);
		spin((rand >> 8) % (1 << rand % 11));
		/* The family may be gone, or have another number. */
		if (((me->partner == REMOVAL && st.alone) ||
		     me->loads != st.loads) &&
		    !nl_reach())
			me->result = -ENOENT;
		else
			me->result = ops[me->op].run(me);
		me->loads = st.loads;
		__atomic_store_n(&me->done, true, __ATOMIC_RELEASE);
		sem_post(&finished);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

static bool is_done(const struct actor *me)
{
	return __atomic_load_n(&me->done, __ATOMIC_ACQUIRE);
}

/*
 * Wait until both are done. A thread that sleeps, and that the other one will not wake, gets
 * a signal. A thread that waits for something that is gone must wake up by itself.
 */
static void supervise(void)
{
	long long end = now_ms() + 3 * LONG_MS, since = 0;
	struct timespec until;
	struct actor *me, *it;

	while (!is_done(&actors[0]) || !is_done(&actors[1])) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		if (!sem_timedwait(&finished, &until))
			continue;
		if (now_ms() > end)
			die("%s and %s hang", ops[actors[0].op].name,
			    ops[actors[1].op].name);

		me = is_done(&actors[0]) ? &actors[1] : &actors[0];
		it = is_done(&actors[0]) ? &actors[0] : &actors[1];
		if (!sleeps(me) || (!is_done(it) && !sleeps(it)))
			continue;
		since = since ?: now_ms();
		if (now_ms() - since < 2)
			continue;
		if (is_done(it) && !it->result && may_go(me)) {
			if (now_ms() - since < LONG_MS)
				continue;
			me->wrong = "not woken at the end of the endpoint";
		}
		me->poked = true;
		pthread_kill(me->thread, SIGUSR1);
	}
	while (!sem_trywait(&finished))
		;
}

static void fill_rings(void)
{
	int i;

	for (i = 0; i < BURST; i++) {
		send_msg(ADDR);
		send_msg(OTHER);
		if (st.nodes)
			send_msg(MADE);
	}
}

static void get_ready(struct actor *me, enum op mine, enum op its,
		      uint32_t seed)
{
	me->op = mine;
	me->partner = its;
	me->rand = seed ?: 1;
	me->result = 0;
	me->num = 0;
	me->got = 0;
	me->destroyed = false;
	me->poked = false;
	me->wrong = NULL;
	me->done = false;
}

static const char *one_round(enum op a, enum op b, uint32_t *seed)
{
	uint64_t one = 1;
	const char *why;
	int i;

	get_ready(&actors[0], a, b, rnd(seed));
	get_ready(&actors[1], b, a, rnd(seed));
	if (st.vmm)
		fill_rings();
	pthread_barrier_wait(&start);

	/* Messages in both directions keep the worker busy. */
	if (st.vmm && write(st.guest.ring[GUEST_RX].kick, &one, 8) != 8)
		die("kick");
	for (i = 0; st.vmm && i < 8; i++) {
		if (write_msg(st.other_fd, ++st.seed, RWF_NOWAIT))
			break;
		st.written++;
	}
	supervise();

	why = judge(&actors[0], &actors[1]);
	if (why)
		return why;
	take_stock(&actors[0]);
	take_stock(&actors[1]);
	set_up();
	return works();
}

static bool is_pair(enum op a, enum op b, enum op x)
{
	return a == x || b == x;
}

/* Only some pairs have a second phase. */
static bool enter_phase(int phase, enum op a, enum op b)
{
	bool open = is_pair(a, b, OPEN);

	st.vmm = true;
	st.fd = !open || on_file(a) || on_file(b);
	st.alone = false;
	st.nodes = on_made(a) || on_made(b);
	if (!phase)
		return true;
	if (is_pair(a, b, REMOVAL)) {
		st.alone = true;
		st.vmm = false;
		st.fd = false;
	} else if (is_pair(a, b, DEV_DEL)) {
		st.vmm = false;
		st.fd = !open;
	} else if (open && st.fd) {
		st.fd = false;
	} else {
		return false;
	}
	return true;
}

static bool run_pair(enum op a, enum op b, int rounds, uint32_t seed)
{
	bool listens = is_pair(a, b, DEV_DEL) && is_pair(a, b, EPT_DEL);
	int fds = count_fds(), refs = count_refs();
	unsigned int loads = st.loads;
	int phase, round = 0, second;
	const char *why = NULL;

	/* Rounds of the second phase; loading a module takes long. */
	second = 0;
	if (enter_phase(1, a, b))
		second = (rounds + 1) / (is_pair(a, b, REMOVAL) ? 4 : 2);
	if (listens && nl_listen())
		die("cannot listen");
	for (phase = 0; !why && round < rounds; phase++) {
		enter_phase(phase, a, b);
		set_up();
		for (; !why && round < (phase ? rounds : rounds - second);
		     round++) {
			why = one_round(a, b, &seed);
			if (!why && listens)
				why = events_in_order();
		}
		if (why)
			break;
		if (!WAIT_FOR(!balance(), LONG_MS))
			why = balance();
		why = why ?: tear_down();
	}
	/* The removal may be refused sometimes, but not always. */
	if (!why && is_pair(a, b, REMOVAL) && second >= 5 && st.loads == loads)
		why = "the module was never removed";
	if (why) {
		printf("# phase %d, round %d: %s: %s %d%s, %s %d%s\n", phase,
		       round, why, ops[a].name, actors[0].result,
		       actors[0].poked ? " (interrupted)" : "", ops[b].name,
		       actors[1].result,
		       actors[1].poked ? " (interrupted)" : "");
		tear_down();
	}
	if (listens)
		nl_unlisten();
	if (!why && count_fds() != fds) {
		printf("# %d descriptors are left\n", count_fds() - fds);
		why = "";
	}
	/* A file is closed when the last thread has left it. */
	if (!why && !WAIT_FOR(count_refs() == refs, LONG_MS)) {
		printf("# %d references to the module are left\n",
		       count_refs() - refs);
		why = "";
	}
	return !why;
}

/* Keep the kernel from loading the module by itself. */
static char modprobe[256];

static void set_modprobe(const char *path)
{
	int fd = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, path, strlen(path)) < 0)
		die("modprobe");
	close(fd);
}

static void restore_modprobe(void)
{
	if (modprobe[0])
		set_modprobe(modprobe);
}

static void silence_modprobe(void)
{
	FILE *file = fopen("/proc/sys/kernel/modprobe", "re");

	if (!file)
		return;
	if (!fgets(modprobe, sizeof(modprobe), file))
		modprobe[0] = 0;
	fclose(file);
	atexit(restore_modprobe);
	set_modprobe("\n");
}

static enum op op_of(const char *name, size_t len)
{
	enum op op;

	for (op = 0; op < NUM_OPS; op++)
		if (strlen(ops[op].name) == len &&
		    !strncmp(ops[op].name, name, len))
			return op;
	errno = EINVAL;
	die("no operation %.*s", (int)len, name);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	enum op a, b, only_a = NUM_OPS, only_b = NUM_OPS;
	int rounds = 20, number = 0, failures = 0, i;
	bool have_ko = getenv("VRPMSG_KO");
	uint32_t seed = time(NULL);
	const char *comma;
	long long began;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--rounds")) {
			rounds = atoi(argv[i + 1]);
		} else if (!strcmp(argv[i], "--seed")) {
			seed = strtoul(argv[i + 1], NULL, 0);
		} else if (!strcmp(argv[i], "--pair")) {
			comma = strchr(argv[i + 1], ',') ?: argv[i + 1];
			only_a = op_of(argv[i + 1], comma - argv[i + 1]);
			only_b = op_of(comma + 1, strlen(comma + 1));
		} else {
			break;
		}
	}
	if (i < argc || rounds < 1) {
		fprintf(stderr,
			"usage: stress_races [--rounds N] [--pair A,B] [--seed N]\n");
		return 2;
	}
	if (only_a > only_b) {
		a = only_a;
		only_a = only_b;
		only_b = a;
	}

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n",
	       only_a == NUM_OPS ? NUM_OPS * (NUM_OPS + 1) / 2 : 1);
	printf("# %d rounds, --seed %u\n", rounds, seed);
	if (have_ko) {
		silence_modprobe();
		/* Another test may have left it loaded, which would block the removal. */
		module_remove("vhost_rpmsg_kclient");
	}
	sigaction(SIGUSR1, &action, NULL);
	sem_init(&finished, 0, 0);
	pthread_barrier_init(&start, NULL, 3);
	nl_reach();
	for (i = 0; i < 2; i++)
		if (pthread_create(&actors[i].thread, NULL, act, &actors[i]))
			die("thread");
	pthread_barrier_wait(&start);

	for (a = 0; a < NUM_OPS; a++) {
		for (b = a; b < NUM_OPS; b++) {
			if (only_a != NUM_OPS && (a != only_a || b != only_b))
				continue;
			number++;
			if (b == REMOVAL && !have_ko) {
				printf("ok %d %s + %s # SKIP VRPMSG_KO is not set\n",
				       number, ops[a].name, ops[b].name);
				continue;
			}
			began = now_ms();
			i = run_pair(a, b, rounds, seed + number);
			failures += !i;
			printf("%s %d %s + %s\n", i ? "ok" : "not ok", number,
			       ops[a].name, ops[b].name);
			printf("# %lld ms a round\n",
			       (now_ms() - began) / rounds);
		}
	}

	actors[0].op = NUM_OPS;
	actors[1].op = NUM_OPS;
	pthread_barrier_wait(&start);
	for (i = 0; i < 2; i++)
		pthread_join(actors[i].thread, NULL);
	return failures != 0;
}
