/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Traffic between a guest and one endpoint, and threads that sleep in calls; include it
 * after kselftest_harness.h. Messages carry numbers. At the end EXPECT_BALANCE()
 * compares the sent messages with the received ones and with the counters of dropped
 * ones.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest.h"
#include "util.h"

#define DEV	"lifecycle"
#define REMOTE	0x400
#define LEN	100
#define COST	(LEN + VHOST_RPMSG_MSG_OVERHEAD)

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define STATE(name)	VHOST_RPMSG_DEV_STATE_##name
#define KIND(name)	VHOST_RPMSG_REMOTE_KIND_##name

/* An endpoint at 1024 with room for ten messages in each direction, and its traffic. */
struct traffic {
	int ept;
	int fd;			/* non-blocking */
	uint32_t sent;		/* sent by the guest and accepted by the host */
	uint32_t received;	/* received by the reader */
	uint32_t written;	/* written by the writer */
	uint32_t arrived;	/* received by the guest */
};

static inline int open_traffic(struct traffic *t, uint32_t remote)
{
	t->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept", .addr = 1024,
				    .remote = remote, .rx_limit = 10 * COST,
				    .tx_limit = 10 * COST));
	if (t->ept < 0)
		return t->ept;
	t->fd = ept_open(t->ept, O_NONBLOCK);
	return t->fd < 0 ? t->fd : 0;
}

/* Messages carry a number, so that loss and reordering are detected. */
static inline int send_number(struct guest *g, uint32_t dst, uint32_t number)
{
	char data[LEN] = {};
	int err;

	memcpy(data, &number, sizeof(number));
	while ((err = guest_send(g, REMOTE, dst, data, LEN)) == -EAGAIN)
		if (!guest_wait_used(g, GUEST_RX, LONG_MS))
			return -ETIMEDOUT;
	return err;
}

/* Receive a message in the guest, and return its number, or -errno. */
static inline int recv_number(struct guest *g, int timeout_ms)
{
	uint32_t data[LEN / 4];
	int len = guest_recv_copy(g, NULL, data, LEN, timeout_ms);

	if (len < 0)
		return len;
	return len == LEN ? (int)data[0] : -EBADMSG;
}

/*
 * Wait until the host has queued and counted all messages. It returns the buffers to
 * the guest shortly before that.
 */
static inline int settle(struct guest *g)
{
	struct vhost_vring_state state = { .index = GUEST_RX };

	return ioctl(g->fd, VHOST_GET_VRING_BASE, &state) ? -errno : 0;
}

static inline int drain(struct guest *g)
{
	return guest_drain(g, LONG_MS) ?: settle(g);
}

static inline int write_next(struct traffic *t)
{
	char data[LEN] = {};
	ssize_t n;

	memcpy(data, &t->written, sizeof(t->written));
	n = write(t->fd, data, LEN);
	if (n == LEN)
		t->written++;
	return n < 0 ? -errno : (int)n;
}

/* Read a message, and return its number, or -errno. */
static inline int read_next(struct traffic *t)
{
	uint32_t data[LEN / 4];
	ssize_t n = read(t->fd, data, LEN);

	if (n < 0)
		return -errno;
	t->received++;
	return n == LEN ? (int)data[0] : -EBADMSG;
}

static inline uint32_t dev_state(const char *name)
{
	struct nl_dev dev;

	return nl_dev_get(name, &dev) ? ~0U : dev.state;
}

#define EXPECT_BALANCE(t)							\
	do {									\
		struct traffic *__t = (t);					\
		struct nl_ept __e;						\
		uint64_t *__s = __e.stats;					\
									\
		/* The guest sees a burst before it is counted. */	\
		WAIT_FOR(ept_stat(__t->ept, S(TX_MSGS)) >= __t->arrived,	\
			 LONG_MS);						\
		ASSERT_EQ(0, nl_ept_get(__t->ept, &__e));			\
		EXPECT_EQ(__t->sent, __s[S(RX_MSGS)] + __s[S(RX_DROP_FULL)] +	\
					     __s[S(RX_DROP_CLOSED)] +		\
					     __s[S(RX_DROP_NOMEM)]);		\
		EXPECT_EQ(__t->received, __s[S(RX_MSGS)] -			\
						 __s[S(RX_DISCARDS)] -		\
						 __e.rx_queued / COST);		\
		EXPECT_EQ(__t->written, __s[S(TX_MSGS)] +			\
						__s[S(TX_DROP_RESET)] +		\
						__s[S(TX_DROP_SIZE)] +		\
						__e.tx_queued / COST);		\
		EXPECT_EQ(__t->arrived, __s[S(TX_MSGS)]);			\
	} while (0)

/* A thread that sleeps in a system call on a char device. */
struct sleeper {
	struct traffic *t;
	pthread_t thread;
	volatile pid_t tid;
	volatile bool done;
	int ret;
};

static inline void *sleep_in_read(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->ret = read_next(s->t);
	s->done = true;
	return NULL;
}

static inline void *sleep_in_write(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->ret = write_next(s->t);
	s->done = true;
	return NULL;
}

static inline void *sleep_in_poll(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	s->ret = poll_fd(s->t->fd, POLLIN, 3 * LONG_MS);
	s->done = true;
	return NULL;
}

static inline bool asleep(struct sleeper *s)
{
	char path[64], state = 0;
	FILE *f;

	if (!s->tid || s->done)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", s->tid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(f);
	return state == 'S';
}

static inline bool go_to_sleep(struct sleeper *s, struct traffic *t,
			       void *(*fn)(void *))
{
	*s = (struct sleeper){ .t = t };
	fcntl(t->fd, F_SETFL, 0);
	return !pthread_create(&s->thread, NULL, fn, s) &&
	       WAIT_FOR(asleep(s), LONG_MS);
}

/* The result of the call that sleeps; it is an error if the call does not return. */
#define WAKES_UP(s)						\
	({							\
		ASSERT_TRUE(WAIT_FOR((s)->done, LONG_MS));	\
		pthread_join((s)->thread, NULL);		\
		(s)->ret;					\
	})
static inline void pause_a_little(int round)
{
	usleep(round * 500);
}

#endif /* TRAFFIC_H */
