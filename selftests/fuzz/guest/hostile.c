// SPDX-License-Identifier: GPL-2.0-only
/* Run a case on a device, and check what must hold after that. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../kernel/kclient/kclient.h"
#include "hostile.h"
#include "util.h"

#define KCLIENT_PATH	"/dev/vhost-rpmsg-kclient"
#define MAX_NUM		256

struct hostile *h;
const struct fuzz_case *playing;
unsigned int hostile_worst;

static struct hostile devs[2];
static char dev_name[32];
static uint64_t entry_cost;	/* worker time of a well-behaved message in ns */
static uint64_t empties_cost;	/* worker time of EMPTIES descriptors in ns */
static uint32_t next_nonce;

static void *play_lane(void *arg)
{
	enum fuzz_lane lane = (uintptr_t)arg;
	struct fuzz_rng rng = { playing->noise + lane };
	unsigned int i;

	for (i = 0; i < playing->n; i++) {
		const struct fuzz_op *op = &playing->op[i];

		if (op->lane != lane)
			continue;
		switch (lane) {
		case LANE_GUEST:
			guest_op(op, &rng);
			break;
		case LANE_FLIP:
			flip_op(op);
			break;
		case LANE_VMM:
			vmm_op(op, &rng);
			break;
		default:
			admin_op(op);
			break;
		}
	}
	return NULL;
}

static bool has_lane(const struct fuzz_case *c, unsigned int lane)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (c->op[i].lane == lane)
			return true;
	return false;
}

static void play(const struct fuzz_case *c)
{
	pthread_t thread[NUM_LANES];
	unsigned int i;

	for (i = 0; i < NUM_LANES; i++)
		if (i != LANE_GUEST && has_lane(c, i) &&
		    pthread_create(&thread[i], NULL, play_lane,
				   (void *)(uintptr_t)i))
			die("thread");
	play_lane((void *)LANE_GUEST);
	for (i = 0; i < NUM_LANES; i++)
		if (i != LANE_GUEST && has_lane(c, i))
			pthread_join(thread[i], NULL);
}

/* Exchange a message in each direction. Earlier messages may arrive first. */
static bool round_trip(struct fuzz_fault *f)
{
	uint8_t data[64], got[VHOST_RPMSG_DEFAULT_MTU];
	uint32_t nonce = ++next_nonce;
	long long end = now_ms() + PATIENCE_MS;
	struct guest_hdr hdr;
	unsigned int i;
	ssize_t n;
	int err;

	memcpy(data, &nonce, 4);
	fill(data + 4, sizeof(data) - 4, nonce);
	err = guest_send(&h->g, REMOTE, h->kclient ? KCLIENT_ECHO : LOCAL, data,
			 sizeof(data));
	if (err)
		return fuzz_fault(f, CHECK_RECOVER, "the guest cannot send: %s",
				  strerror(-err));
	if (h->kclient) {
		for (i = 0; i < sizeof(data); i++)
			data[i] = ~data[i];
	} else {
		do {
			n = -1;
			if (poll_fd(ept_fd, POLLIN, PATIENCE_MS) & POLLIN)
				n = read(ept_fd, got, sizeof(got));
		} while (n >= 0 &&
			 (n != sizeof(data) || memcmp(got, data, n)) &&
			 now_ms() < end);
		if (n < 0)
			return fuzz_fault(f, CHECK_RECOVER,
					  "the next good message does not get to the host");
		if (n != sizeof(data) || memcmp(got, data, n))
			return fuzz_fault(f, CHECK_RECOVER,
					  "the host gets other messages");
		if (write(ept_fd, data, sizeof(data)) != sizeof(data))
			return fuzz_fault(f, CHECK_RECOVER,
					  "the host cannot write: %s",
					  strerror(errno));
		ept_written++;
	}
	do {
		n = guest_recv_copy(&h->g, &hdr, got, sizeof(got), PATIENCE_MS);
	} while (n >= 0 && (n != sizeof(data) || memcmp(got, data, n)) &&
		 now_ms() < end);
	if (n != sizeof(data))
		return fuzz_fault(f, CHECK_RECOVER,
				  "the next good message does not get to the guest");
	err = guest_drain(&h->g, PATIENCE_MS);
	if (err)
		return fuzz_fault(f, CHECK_RECOVER, "used ring: %s",
				  strerror(-err));
	return true;
}

/* Each message that was written is in one of the counters. */
static bool counters_ok(struct fuzz_fault *f)
{
	unsigned long long sent, reset, size;
	struct nl_ept ept;

	/* The guest gets the last message before the worker counts it. */
	(void)WAIT_FOR(!nl_ept_get(ept_id, &ept) && !ept.tx_queued,
		       PATIENCE_MS);
	if (nl_ept_get(ept_id, &ept))
		die("no endpoint");
	sent = ept.stats[VHOST_RPMSG_A_STATS_TX_MSGS];
	reset = ept.stats[VHOST_RPMSG_A_STATS_TX_DROP_RESET];
	size = ept.stats[VHOST_RPMSG_A_STATS_TX_DROP_SIZE];
	if (ept.tx_queued)
		return fuzz_fault(f, CHECK_COUNTERS,
				  "%u bytes stay in the queue to the guest",
				  ept.tx_queued);
	if (sent + reset + size != ept_written)
		return fuzz_fault(f, CHECK_COUNTERS,
				  "%lu messages written, but %llu sent, %llu dropped at reset, %llu for size",
				  ept_written, sent, reset, size);
	return true;
}

static bool untouched(const uint8_t *p, const uint8_t *end)
{
	while (p < end)
		if (*p++ != UNTOUCHED)
			return false;
	return true;
}

/* Memory that the host does not know, and memory next to the used rings. */
static bool bounds_ok(struct fuzz_fault *f)
{
	uint8_t *mem = h->g.mem, *area;
	struct vring *vr;
	int q;

	if (!untouched(mem, mem + LOW) ||
	    !untouched(mem + end_of_memory(), mem + h->g.size))
		return fuzz_fault(f, CHECK_BOUNDS,
				  "memory that the host has not got was written");
	for (q = 0; q < 2 && playing->strict; q++) {
		vr = &h->g.ring[q].vring;
		area = mem + h->g.ring_mem + q * RING_AREA;
		/* The avail event index is the last member. */
		if (!untouched((uint8_t *)(&vring_avail_event(vr) + 1),
			       area + RING_AREA) ||
		    !untouched((uint8_t *)(&vring_used_event(vr) + 1),
			       (uint8_t *)vr->used))
			return fuzz_fault(f, CHECK_BOUNDS,
					  "memory beside the used ring of queue %d was written",
					  q);
	}
	return true;
}

/*
 * The worker must sleep before it has used many times the processor time that a well-behaved
 * guest needs for as many buffers and kicks, and must stay asleep. This is its own processor
 * time, since the machine may be busy; the constant is for short disturbances.
 */
static bool worker_ok(uint64_t begun, struct fuzz_fault *f)
{
	uint64_t budget = 500000000 + 20 * entry_cost * h->work +
			  4 * empties_cost * h->empty / EMPTIES;
	static unsigned int turn;
	uint64_t used;

	if (!watch_workers_sleep(begun + budget))
		return fuzz_fault(f, CHECK_WORKER,
				  "the worker used %llu ms for %lu buffers and kicks, and goes on",
				  (unsigned long long)budget / 1000000,
				  (unsigned long)h->work);
	used = watch_worker_time() - begun;
	if (used * 100 / budget > hostile_worst)
		hostile_worst = used * 100 / budget;
	if (used > budget)
		return fuzz_fault(f, CHECK_WORKER,
				  "the worker used %llu ms for %lu buffers and kicks",
				  (unsigned long long)used / 1000000,
				  (unsigned long)h->work);
	if (turn++ % 16)
		return true;
	/*
	 * It may look once more at what it could not read. On a busy machine 20 ms can
	 * become much more, and that includes time of the machine's other work. A worker
	 * that spins does so each time.
	 */
	for (int i = 0; i < 5; i++) {
		used = watch_worker_time();
		usleep(20000);
		if (watch_worker_time() - used <= 5000000 + 2 * entry_cost)
			return true;
	}
	return fuzz_fault(f, CHECK_WORKER,
			  "the worker wakes up, and nobody kicks");
}

bool hostile_play(const struct fuzz_case *c, struct fuzz_fault *f)
{
	uint64_t begun;
	int err;

	playing = c;
	h = &devs[c->kclient && hostile_has_kclient()];
	err = vmm_restart(c->num, c->empty);
	if (err)
		return fuzz_fault(f, CHECK_RECOVER, "start: %s",
				  strerror(-err));
	h->work = 2 * c->num;
	h->empty = 0;
	begun = watch_worker_time();
	watch_coverage_begin();
	play(c);

	if (!worker_ok(begun, f) || !bounds_ok(f))
		return false;

	admin_clean();
	err = vmm_restart(c->num, false);
	if (err)
		return fuzz_fault(f, CHECK_RECOVER, "reset: %s",
				  strerror(-err));
	drain(ept_fd, ~0U);
	return round_trip(f) && (h->kclient || counters_ok(f));
}

/* Devices. */

static void device_open(struct hostile *dev, const char *path)
{
	struct guest_opts opts = {
		.path = path,
		.num = MAX_NUM,
		.name = path ? NULL : dev_name,
	};
	int err;

	h = dev;
	err = guest_open(&h->g, &opts);
	if (err)
		die("%s: %s", path ?: dev_name, strerror(-err));
	if (fcntl(h->g.fd, F_SETFL, O_NONBLOCK))
		die("fcntl");
	h->kclient = path;
	guest_alloc(&h->g, -(uintptr_t)h->g.next & 4095);
	h->slots = guest_alloc(&h->g, SLOTS * SLOT_SIZE + SPILL);
	h->hole = guest_alloc(&h->g, HOLE + SPILL);
	h->empties = guest_alloc(&h->g, EMPTIES * sizeof(h->empties[0]));
	put_empties();
}

bool hostile_has_kclient(void)
{
	const char *ko = getenv("VRPMSG_KCLIENT_KO");
	static int has = -1;
	int fd;

	if (has < 0) {
		fd = ko ? open(ko, O_RDONLY | O_CLOEXEC) : -1;
		if (fd >= 0) {
			syscall(SYS_finit_module, fd, "", 0);
			close(fd);
		}
		has = !access(KCLIENT_PATH, F_OK);
	}
	return has;
}

/* Measure the worker time of a well-behaved message. */
static void calibrate(void)
{
	struct guest_seg seg = { NULL, 16 };
	struct vring_desc *desc;
	struct fuzz_fault f;
	unsigned int i;
	int head;

	watch_find_workers(1 + hostile_has_kclient());
	entry_cost = watch_worker_time();
	for (i = 0; i < 200; i++)
		if (!round_trip(&f))
			die("honest message: %s", f.why);
	entry_cost = (watch_worker_time() - entry_cost) / 400;

	empties_cost = watch_worker_time();
	seg.p = h->slots;
	head = guest_add(&h->g, GUEST_RX, &seg, 1, false, false, 0);
	desc = &h->g.ring[GUEST_RX].vring.desc[head];
	desc->addr = guest_gpa(&h->g, h->empties);
	desc->len = EMPTIES * sizeof(*desc);
	desc->flags = VRING_DESC_F_INDIRECT;
	guest_kick_always(&h->g, GUEST_RX);
	if (guest_drain(&h->g, PATIENCE_MS))
		die("empty pieces");
	empties_cost = watch_worker_time() - empties_cost;
	printf("# %u empty pieces cost it %llu us\n", EMPTIES,
	       (unsigned long long)empties_cost / 1000);
	printf("# a message costs the worker %llu us\n",
	       (unsigned long long)entry_cost / 1000);
}

void hostile_open(void)
{
	snprintf(dev_name, sizeof(dev_name), "hostile-%d", getpid());
	if (hostile_has_kclient())
		device_open(&devs[1], KCLIENT_PATH);
	device_open(&devs[0], NULL);
	admin_open(dev_name);
	if (!entry_cost)
		calibrate();
	watch_find_workers(1 + hostile_has_kclient());
}

void hostile_close(void)
{
	unsigned int i;

	admin_close();
	for (i = 0; i < 2; i++)
		guest_close(&devs[i].g);
	/* Otherwise these workers would count with the next ones. */
	watch_workers_end();
}
