// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time limits for system calls that can sleep for as long as the front end wants. There is
 * no limit for close() of a file on FUSE, which no signal interrupts: a user who may
 * connect can hold the bridge with one until the server of that file system ends.
 */
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "bridge.h"

/* Microseconds until a system call is interrupted. */
#define ALARM_US	10000

/* This handler exists only so that the signal interrupts system calls. */
static void on_alarm(int sig)
{
	(void)sig;
}

static void set_timer(suseconds_t microseconds)
{
	const struct itimerval timer = {
		.it_interval.tv_usec = microseconds,
		.it_value.tv_usec = microseconds,
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * From now on interrupt system calls again and again: the first signal can arrive before
 * the call sleeps.
 */
void alarm_start(void)
{
	/* Without SA_RESTART, a blocking write() fails with EINTR. */
	const struct sigaction action = { .sa_handler = on_alarm };
	sigset_t mask;

	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	set_timer(ALARM_US);
}

void alarm_stop(void)
{
	set_timer(0);
}

/*
 * Close a descriptor of the front end, or a socket on which it may have sent some. The
 * last close() of a TCP connection with unsent data waits for the time of SO_LINGER.
 */
void alarm_close(int fd)
{
	alarm_start();
	close(fd);
	alarm_stop();
}
