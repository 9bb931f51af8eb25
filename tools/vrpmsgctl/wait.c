// SPDX-License-Identifier: GPL-2.0-only
/* Signals, time, and waiting. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "ctl.h"
#include "output.h"

volatile sig_atomic_t ctl_stop;

/* This handler exists only so that the signal interrupts system calls. */
static void on_alarm(int sig)
{
	(void)sig;
}

/*
 * The signal interrupts a blocking system call, which fails with EINTR. But it may
 * come after ctl_stop was checked and before the call sleeps. So a timer interrupts
 * all further calls.
 */
static void on_signal(int sig)
{
	static const struct itimerval often = {
		.it_interval.tv_usec = 50000,
		.it_value.tv_usec = 50000,
	};

	ctl_stop = sig;
	setitimer(ITIMER_REAL, &often, NULL);
}

void ctl_catch_signals(void)
{
	/* A second signal kills. Without SA_RESTART, system calls fail with EINTR. */
	struct sigaction stop = { .sa_handler = on_signal,
				  .sa_flags = SA_RESETHAND };
	struct sigaction alarm = { .sa_handler = on_alarm }, old;
	/* nohup(1) ignores SIGHUP, and a script's shell SIGINT in the background. */
	static const int may_be_ignored[] = { SIGINT, SIGHUP };
	size_t i;

	sigaction(SIGALRM, &alarm, NULL);
	sigaction(SIGTERM, &stop, NULL);
	for (i = 0; i < 2; i++) {
		if (!sigaction(may_be_ignored[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(may_be_ignored[i], &stop, NULL);
	}
}

void ctl_die(void)
{
	sigset_t set;

	if (!ctl_stop)
		return;
	/* Die of the signal, so that the parent sees it in the exit status. */
	signal(ctl_stop, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, ctl_stop);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(ctl_stop);
}

int ctl_poll(struct pollfd *fds, int count, int64_t timeout)
{
	struct timespec ts = {
		.tv_sec = timeout / 1000000000,
		.tv_nsec = timeout % 1000000000,
	};
	int n;

	/* The reader of a pipe should not have to wait for output. */
	out_flush();
	if (ctl_stop)
		return 0;
	n = ppoll(fds, count, timeout < 0 ? NULL : &ts, NULL);
	return n < 0 && errno == EINTR ? 0 : n;
}

int ctl_wait(int fd, int events, int64_t timeout)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n = ctl_poll(&p, 1, timeout);

	return n > 0 ? p.revents : n;
}

int64_t ctl_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

int64_t ctl_left(int64_t end)
{
	int64_t left;

	if (end < 0)
		return -1;
	left = end - ctl_now();
	return left > 0 ? left : 0;
}
