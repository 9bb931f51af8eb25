// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile processes with two threads each make all calls that user space can make on the
 * module, and are killed in between. Next to them a well-behaved guest and a well-behaved
 * process exchange messages, which must not be affected.
 *
 * usage: fuzz_host [--seconds N] [--processes N] [--seed N]
 *
 * The seed determines the calls of each process, but not their interleaving.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "guest.h"
#include "host/host.h"

#define MAX_PROCESSES	64

struct shared *shared;

void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("fuzz_host: memory");
	return p;
}

bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

static bool failed;
static pid_t hostile[MAX_PROCESSES];
static unsigned int processes = 8;
static unsigned long kills;

static void start_hostile(unsigned int i, uint64_t seed)
{
	fflush(stdout);
	hostile[i] = fork();
	if (hostile[i] < 0)
		die("fork");
	if (!hostile[i])
		run_hostile(seed);
}

static pid_t start_honest(void (*run)(void))
{
	unsigned int before = shared->honest_ready;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		run();
	if (!WAIT_FOR(__atomic_load_n(&shared->honest_ready, __ATOMIC_ACQUIRE) >
			      before,
		      LONG_MS))
		die("fuzz_host: %s", shared->wrong);
	return pid;
}

/* Persistent devices outlive their creators: limit their number. */
static void thin_out(bool all)
{
	static struct nl_dev devs[1024];
	static struct nl_ept epts[1024];
	int i, n;

	n = nl_dev_dump(devs, ARRAY_SIZE(devs));
	for (i = 0; i < n && i < (int)ARRAY_SIZE(devs); i++)
		if (devs[i].persistent && strcmp(devs[i].name, HONEST) &&
		    (all || (n > 2 * NUM_NAMES && one_in(2))))
			nl_dev_del(devs[i].name);
	n = nl_ept_dump(NULL, epts, ARRAY_SIZE(epts));
	for (i = 0; i < n && i < (int)ARRAY_SIZE(epts); i++)
		if (epts[i].id != shared->honest_ept && (n > 128 || one_in(16)))
			nl_ept_del(epts[i].id);
}

/* Kill processes at random until the time is over. */
static const char *run_all(unsigned int seconds)
{
	static char wrong[100];
	long long end = now_ms() + seconds * 1000LL, next = 0;
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < processes; i++)
		start_hostile(i, rnd64() | 1);
	while (now_ms() < end && !shared->wrong[0]) {
		usleep(rnd(300) * 1000);
		i = rnd(processes);
		kill(hostile[i], SIGKILL);
		kills++;
		pid = waitpid(hostile[i], &status, 0);
		if (pid < 0 || !WIFSIGNALED(status) ||
		    WTERMSIG(status) != SIGKILL) {
			snprintf(wrong, sizeof(wrong),
				 "a process ended by itself: status 0x%x",
				 status);
			return wrong;
		}
		start_hostile(i, rnd64() | 1);
		if (now_ms() > next) {
			thin_out(false);
			next = now_ms() + 500;
		}
	}
	return NULL;
}

static void end_all(pid_t guest, pid_t host)
{
	unsigned int i;

	for (i = 0; i < processes; i++)
		if (hostile[i])
			kill(hostile[i], SIGKILL);
	for (i = 0; i < processes; i++)
		if (hostile[i])
			waitpid(hostile[i], NULL, 0);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	waitpid(guest, NULL, 0);
	__atomic_store_n(&shared->host_stop, true, __ATOMIC_RELAXED);
	waitpid(host, NULL, 0);
}

static unsigned int count_nodes(void)
{
	DIR *dir = opendir("/dev");
	struct dirent *entry;
	unsigned int n = 0;

	while ((entry = readdir(dir)))
		n += !strncmp(entry->d_name, "vrpmsg-", 7);
	closedir(dir);
	return n;
}

/* Everything that they have left can be deleted, and then nothing is left. */
static bool clean_up(void)
{
	struct nl_ept ept;
	struct nl_dev dev;

	if (!WAIT_FOR((thin_out(true), nl_dev_dump(&dev, 1) == 1), LONG_MS) ||
	    strcmp(dev.name, HONEST)) {
		printf("# devices are left, one is %s\n", dev.name);
		return false;
	}
	if (nl_ept_dump(NULL, &ept, 1) != 1 || ept.id != shared->honest_ept) {
		printf("# endpoints are left, one is %u\n", ept.id);
		return false;
	}
	if (nl_dev_del(HONEST) || nl_dev_dump(&dev, 1) ||
	    nl_ept_dump(NULL, &ept, 1)) {
		printf("# the last device cannot be deleted: %s\n", nl_extack);
		return false;
	}
	if (!WAIT_FOR(!count_nodes(), LONG_MS)) {
		printf("# %u nodes are left in /dev\n", count_nodes());
		return false;
	}
	return true;
}

static bool fresh_device_works(void)
{
	struct guest_hdr hdr;
	uint8_t msg[512];
	struct guest g;
	bool ok;
	int fd, id, ret;

	ret = guest_open(&g, &(struct guest_opts){ .name = "fresh" });
	if (ret)
		return false;
	id = nl_ept_new(EPT_REQ(.dev = "fresh", .name = "svc"));
	fd = id < 0 ? id : ept_open(id, 0);
	ok = fd >= 0 && !guest_send(&g, 5, 1024, msg, make_msg(msg, 42)) &&
	     poll_fd(fd, POLLIN, LONG_MS) == POLLIN;
	ret = ok ? read(fd, msg, sizeof(msg)) : -1;
	ok = ret > 0 && is_msg(msg, ret, 42) && write(fd, msg, ret) == ret &&
	     guest_recv_copy(&g, &hdr, msg, sizeof(msg), LONG_MS) == ret &&
	     hdr.dst == 5 && is_msg(msg, ret, 42);
	close(fd);
	guest_close(&g);
	return ok;
}

static void result(bool ok, const char *name)
{
	static unsigned int number;

	printf("%sok %u %s\n", ok ? "" : "not ", ++number, name);
	if (!ok)
		failed = true;
}

static void set_up(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_dev dev;
	int err;

	shared = share(sizeof(*shared));
	calls_init();
	if (!sock || genl_connect(sock) < 0)
		die("fuzz_host: set up");
	shared->family = genl_ctrl_resolve(sock, VHOST_RPMSG_FAMILY_NAME);
	if (shared->family < 0)
		die("fuzz_host: no netlink family");
	nl_socket_free(sock);

	err = nl_dev_new(HONEST);
	if (err < 0 || nl_dev_get(HONEST, &dev))
		die("fuzz_host: device");
	shared->honest_dev = dev.id;
	err = nl_ept_new(EPT_REQ(.dev = HONEST, .name = HONEST,
				 .addr = HONEST_ADDR));
	if (err < 0)
		die("fuzz_host: endpoint");
	shared->honest_ept = err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "processes", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{}
	};
	unsigned int seconds = 10;
	uint64_t seed = time(NULL);
	const char *wrong;
	pid_t guest, host;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			processes = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			return 1;
		}
	}
	if (!processes || processes > MAX_PROCESSES)
		die("fuzz_host: 1 to %u processes", MAX_PROCESSES);
	printf("TAP version 13\n1..6\n# --seed %llu --seconds %u --processes %u\n",
	       (unsigned long long)seed, seconds, processes);
	/* A seed of the generator must not be 0, and small seeds are similar. */
	rng = seed * 0x9e3779b97f4a7c15ULL | 1;
	set_up();
	/* Start the host first, since messages without a reader would be dropped. */
	host = start_honest(run_honest_host);
	guest = start_honest(run_honest_guest);

	wrong = run_all(seconds);
	end_all(guest, host);
	if (wrong)
		printf("# %s\n", wrong);
	result(!wrong, "only what is killed ends");
	if (shared->wrong[0])
		printf("# %s\n", shared->wrong);
	printf("# %lu messages there and back\n", shared->honest_msgs);
	result(!shared->wrong[0] && shared->honest_msgs,
	       "an honest guest and an honest process notice nothing");
	result(calls_errors_documented(), "errors are documented ones");
	result(calls_successful(kills),
	       "every kind of call has been successful");
	result(clean_up(), "everything can be deleted");
	result(fresh_device_works(), "a fresh device works");
	return failed;
}
