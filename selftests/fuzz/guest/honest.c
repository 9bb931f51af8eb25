// SPDX-License-Identifier: GPL-2.0-only
/*
 * Well-behaved guests next to the hostile one: two devices of another process, whose
 * messages in both directions are checked byte by byte.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "util.h"

#define DEVICES		2
#define REMOTE		2000

struct shared {
	atomic_ulong msgs;
	atomic_bool failed;
	atomic_bool stop;
	char why[160];
};

static struct shared *shared;

struct honest {
	struct guest guest;
	pthread_t thread;
	int fd;
	uint32_t addr;
	uint32_t seed;
	uint32_t seen;
};

static pid_t child;

static bool complain(struct honest *h, const char *what, long got)
{
	char why[sizeof(shared->why)];

	snprintf(why, sizeof(why), "device with rings of %u: %s (%ld)",
		 h->guest.ring[0].num, what, got);
	if (!atomic_exchange(&shared->failed, true))
		memcpy(shared->why, why, sizeof(why));
	return false;
}

/* The number of a message determines its length and content. */
static size_t len_of(uint32_t seed)
{
	return 1 + seed * 2654435761U % VHOST_RPMSG_DEFAULT_MTU;
}

/* A burst from the guest, read by the host. */
static bool guest_to_host(struct honest *h, unsigned int burst)
{
	uint8_t data[VHOST_RPMSG_DEFAULT_MTU + 1];
	unsigned int i;
	ssize_t n;
	int err;

	for (i = 0; i < burst; i++) {
		fill(data, len_of(h->seed + i), h->seed + i);
		err = guest_queue(&h->guest, REMOTE, h->addr, data,
				  len_of(h->seed + i));
		if (err)
			return complain(h, "the guest cannot send", err);
	}
	guest_kick(&h->guest, GUEST_RX);
	for (i = 0; i < burst; i++) {
		if (!(poll_fd(h->fd, POLLIN, PATIENCE_MS) & POLLIN))
			return complain(h, "a message to the host is lost",
					h->seed + i);
		n = read(h->fd, data, sizeof(data));
		if (n != (ssize_t)len_of(h->seed + i) ||
		    check_fill(data, n, h->seed + i))
			return complain(h, "a message to the host is wrong", n);
	}
	if (guest_drain(&h->guest, PATIENCE_MS))
		return complain(h, "buffers do not come back", 0);
	return true;
}

/* A burst from the host, received by the guest. */
static bool host_to_guest(struct honest *h, unsigned int burst)
{
	uint8_t data[VHOST_RPMSG_DEFAULT_MTU];
	struct guest_hdr hdr;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < burst; i++) {
		fill(data, len_of(h->seed + i), h->seed + i);
		n = write(h->fd, data, len_of(h->seed + i));
		if (n != (ssize_t)len_of(h->seed + i))
			return complain(h, "the host cannot write", -errno);
	}
	for (i = 0; i < burst; i++) {
		n = guest_recv_copy(&h->guest, &hdr, data, sizeof(data),
				    PATIENCE_MS);
		if (n == -ETIMEDOUT)
			return complain(h, "a message to the guest is lost",
					h->seed + i);
		if (n != (ssize_t)len_of(h->seed + i) || hdr.src != h->addr ||
		    hdr.dst != REMOTE || check_fill(data, n, h->seed + i))
			return complain(h, "a message to the guest is wrong",
					n);
	}
	return true;
}

static void *honest_run(void *arg)
{
	struct honest *h = arg;
	unsigned int burst;

	while (!shared->stop && !shared->failed) {
		burst = 1 + h->seed % 8;
		if (!guest_to_host(h, burst) || !host_to_guest(h, burst))
			break;
		h->seed += burst;
		shared->msgs += 2 * burst;
		/* Leave most of the machine to the hostile guest. */
		usleep(5000);
	}
	return NULL;
}

static void honest_main(void)
{
	static struct honest honest[DEVICES];
	struct guest_opts opts = {};
	char name[32];
	unsigned int i;
	int id;

	for (i = 0; i < DEVICES; i++) {
		struct honest *h = &honest[i];

		snprintf(name, sizeof(name), "honest%u-%d", i, getpid());
		opts.name = name;
		opts.num = i ? 16 : 256;
		opts.features = GUEST_FEATURES |
				(i ? GUEST_EVENT_IDX | GUEST_INDIRECT : 0);
		if (guest_open(&h->guest, &opts))
			die("honest device");
		h->addr = 1024;
		id = nl_ept_new(EPT_REQ(.dev = name, .addr = h->addr));
		h->fd = id < 0 ? id : ept_open(id, 0);
		if (h->fd < 0)
			die("honest endpoint");
		if (pthread_create(&h->thread, NULL, honest_run, h))
			die("thread");
	}
	for (i = 0; i < DEVICES; i++)
		pthread_join(honest[i].thread, NULL);
	_exit(0);
}

void honest_start(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	fflush(stdout);
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		honest_main();
	}
	/* Wait until they work. */
	if (!WAIT_FOR(shared->msgs > 100 || shared->failed, PATIENCE_MS))
		die("honest devices do not start");
}

bool honest_ok(struct fuzz_fault *f)
{
	if (shared->failed)
		return fuzz_fault(f, CHECK_HONEST, "%s", shared->why);
	if (child && waitpid(child, NULL, WNOHANG)) {
		child = 0;
		return fuzz_fault(f, CHECK_HONEST, "their process has ended");
	}
	return true;
}

unsigned long honest_stop(void)
{
	shared->stop = true;
	if (child)
		waitpid(child, NULL, 0);
	child = 0;
	return shared->msgs;
}
