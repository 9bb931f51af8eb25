// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile process.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest.h"
#include "host.h"

/* Well-behaved guests of the first thread. */
#define NUM_GUESTS	2
static struct guest guests[NUM_GUESTS];
static int epoll;

int some_vmm(void)
{
	return VMM_FD + rnd(NUM_VMMS);
}

int some_ept(void)
{
	return EPT_FD + rnd(NUM_EPTS);
}

int some_ctrl(void)
{
	return CTRL_FD + rnd(NUM_CTRLS);
}

/* Move an open file to a descriptor of its kind. */
void place(int fd, int at)
{
	if (fd < 0)
		return;
	dup3(fd, at, O_CLOEXEC);
	close(fd);
}

/* Calls that are not for the module, but reach it. */
static void do_other(void)
{
	int fd = one_in(2) ? some_vmm() : some_ept();
	struct epoll_event event = { .events = rnd(64) | EPOLLET };
	struct pollfd pfd = { .fd = fd, .events = rnd(64) };
	uint8_t byte;
	void *p;

	switch (rnd(8)) {
	case 0:
		poll(&pfd, 1, rnd(3));
		break;
	case 1:
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
		break;
	case 2:
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
		break;
	case 3:
		epoll_wait(epoll, &event, 1, 0);
		break;
	case 4:
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			munmap(p, 4096);
		break;
	case 5:
		if (pread(fd, &byte, 1, 0) < 0)
			break;
		break;
	case 6:
		fcntl(fd, F_SETFL, one_in(2) ? O_NONBLOCK : 0);
		break;
	case 7:
		lseek(fd, rnd(4), SEEK_SET);
		break;
	}
}

/* Well-behaved guests on devices that all other processes use. */
static void do_guest(void)
{
	struct guest *g = &guests[rnd(NUM_GUESTS)];
	struct guest_msg msg;
	char name[64];
	uint8_t data[480] = {};
	int i, err = 0;

	if (!g->mem) {
		snprintf(name, sizeof(name), "fuzz%u", rnd(NUM_NAMES));
		guest_open(g, &(struct guest_opts){ .name = name, .num = 16 });
		return;
	}
	some_name(name, sizeof(name));
	switch (rnd(16)) {
	case 0:
		guest_close(g);
		break;
	case 1:
		err = guest_reset(g);
		break;
	case 2:
		err = guest_pause(g) ?: guest_resume(g);
		break;
	case 3:
	case 4:
		guest_ns_send(g, name, some_addr(), rnd(2));
		break;
	case 5:
	case 6:
	case 7:
		while (guest_recv(g, &msg, 0))
			guest_done(g, &msg);
		break;
	default:
		for (i = 0; i < 8; i++)
			guest_queue(g, some_addr(), some_addr(), data,
				    rnd(sizeof(data)));
		guest_kick(g, GUEST_RX);
		break;
	}
	if (err)
		guest_close(g);
}

/* @first: this is the first thread; only that one opens and closes files. */
static void do_something(bool first)
{
	switch (rnd(first ? 35 : 24)) {
	case 0 ... 7:
		do_request();
		break;
	case 8 ... 11:
		do_some_ioctl();
		break;
	case 12 ... 13:
		do_push();
		break;
	case 14:
		do_iotlb();
		break;
	case 15 ... 17:
		do_read();
		break;
	case 18 ... 21:
		do_write();
		break;
	case 22 ... 23:
		do_other();
		break;
	case 24:
		one_in(4) ? do_vmm_close() : do_vmm_open();
		break;
	case 25:
		do_set_up();
		break;
	case 26 ... 27:
		one_in(4) ? do_ept_close() : do_ept_open();
		break;
	case 32 ... 34:
		do_ctrl();
		break;
	default:
		do_guest();
		break;
	}
}

static void *second_thread(void *seed)
{
	rng = (uintptr_t)seed;
	open_netlink();
	while (!stopped())
		do_something(false);
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

void run_hostile(uint64_t seed)
{
	/* Interrupt sleeping calls sometimes. */
	struct itimerval timer = { .it_interval.tv_usec = 7000,
				   .it_value.tv_usec = 7000 };
	struct sigaction action = { .sa_handler = on_alarm };
	pthread_t thread;
	unsigned int i;

	rng = seed;
	open_netlink();
	vmm_init();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die("fuzz_host: set up");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	signal(SIGPIPE, SIG_IGN);

	for (i = 0; i < 2 * NUM_VMMS; i++) {
		do_vmm_open();
		do_set_up();
		do_ept_open();
	}
	for (i = 0; i < 50; i++)
		do_something(true);
	/* Some processes drop privileges, and keep files that they could not open again. */
	if (one_in(8) && (setgid(65534) || setuid(65534)))
		die("fuzz_host: privileges");
	if (pthread_create(&thread, NULL, second_thread,
			   (void *)(uintptr_t)(rnd64() | 1)))
		die("fuzz_host: thread");
	while (!stopped())
		do_something(true);
	/* Exit with all files open. */
	_exit(0);
}
