// SPDX-License-Identifier: GPL-2.0-only
/*
 * The identity of the guest: a guest that was reset, or the previous one. What is kept and
 * what is forgotten at a stop, at a start, when indices wrap around, and when a guest
 * starts again without a reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"running"
#define REMOTE	0x400

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define KIND(name)	VHOST_RPMSG_REMOTE_KIND_##name
#define STATE(name)	VHOST_RPMSG_DEV_STATE_##name

FIXTURE(running)
{
	struct guest g;
	int bound;		/* named "bound", at address 7 */
	int learned;		/* at address 8 */
	int fd;			/* file of that endpoint */
	int announced;		/* named "ann", at address 9 */
};

static const struct guest_opts opts = { .name = DEV, .num = 64 };

FIXTURE_SETUP(running)
{
	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->bound =
		nl_ept_new(EPT_REQ(.dev = DEV, .name = "bound", .addr = 7));
	self->learned = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 8));
	self->announced =
		nl_ept_new(EPT_REQ(.dev = DEV, .name = "ann", .addr = 9));
	ASSERT_GE(self->announced, 0);
	self->fd = ept_open(self->learned, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(running)
{
	guest_close(&self->g);
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define HEAR_OF_IT()							\
	do {								\
		struct guest_ns __ns;					\
									\
		ASSERT_EQ(0, guest_ns_recv(&self->g, &__ns, LONG_MS));	\
		EXPECT_STREQ("ann", __ns.name);				\
		EXPECT_EQ(9, __ns.addr);				\
		EXPECT_EQ(0, __ns.flags);				\
	} while (0)

/* Create a channel and a learned remote, and use one buffer of each ring. */
#define LEAVE_TRACES()							\
	do {								\
		char __buf[8];						\
									\
		ASSERT_EQ(0, guest_ns_send(&self->g, "bound", 0x500, 0)); \
		ASSERT_EQ(0, guest_send(&self->g, 0x600, 8, "hi", 2));	\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
		ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS));	\
		ASSERT_EQ(2, read(self->fd, __buf, 8));			\
		EXPECT_REMEMBERED();					\
	} while (0)

#define EXPECT_CHANNELS(n)						\
	do {								\
		struct nl_chan __chan;					\
									\
		EXPECT_EQ(n, nl_chan_dump(DEV, &__chan, 1));		\
	} while (0)

#define EXPECT_KIND(id, _kind)						\
	do {								\
		struct nl_ept __ept;					\
									\
		ASSERT_EQ(0, nl_ept_get(id, &__ept));			\
		EXPECT_EQ(KIND(_kind), __ept.remote_kind);		\
	} while (0)

#define EXPECT_REMEMBERED()				\
	do {						\
		EXPECT_CHANNELS(1);			\
		EXPECT_KIND(self->bound, BOUND);	\
		EXPECT_KIND(self->learned, LEARNED);	\
	} while (0)

#define EXPECT_FORGOTTEN()				\
	do {						\
		EXPECT_CHANNELS(0);			\
		EXPECT_KIND(self->bound, NONE);		\
		EXPECT_KIND(self->learned, NONE);	\
	} while (0)

/* Exchange a message in each direction; the guest receives nothing before it. */
#define EXPECT_TALK(remote)						\
	do {								\
		struct guest_hdr __hdr;					\
		char __buf[8];						\
									\
		ASSERT_EQ(0, guest_send(&self->g, remote, 8, "hi", 2));	\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));	\
		ASSERT_EQ(2, read(self->fd, __buf, 8));			\
		ASSERT_EQ(3, write(self->fd, "you", 3));		\
		ASSERT_EQ(3, guest_recv_copy(&self->g, &__hdr, __buf, 8,	\
					     LONG_MS));				\
		EXPECT_EQ(8, __hdr.src);				\
		EXPECT_EQ(remote, (int)__hdr.dst);			\
	} while (0)

static uint32_t state(void)
{
	struct nl_dev dev;

	return nl_dev_get(DEV, &dev) ? ~0U : dev.state;
}

/* Send until the index of the ring to the host is 0 again. */
static int wrap(struct guest *g)
{
	struct guest_ring *r = &g->ring[GUEST_RX];
	int err = 0;

	/* Send to an address without an endpoint. */
	while (!err && r->avail) {
		err = guest_queue(g, REMOTE, 99, "x", 1);
		if (err == -EAGAIN) {
			guest_kick(g, GUEST_RX);
			err = guest_drain(g, LONG_MS);
		}
	}
	guest_kick(g, GUEST_RX);
	return err ?: guest_drain(g, LONG_MS);
}

/* Values. */

TEST_F(running, other_values_are_refused)
{
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, 3));
	EXPECT_EQ(-EINVAL, guest_set_running(&self->g, -1));
	EXPECT_EQ(STATE(RUNNING), state());
}

/* This does not depend on the bases. */
TEST_F(running, a_start_is_a_new_guest)
{
	ASSERT_EQ(0, nl_announce(self->announced));
	HEAR_OF_IT();
	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	EXPECT_FORGOTTEN();
	HEAR_OF_IT();
	EXPECT_TALK(0x601);
}

TEST_F(running, the_same_guest_goes_on)
{
	ASSERT_EQ(0, nl_announce(self->announced));
	HEAR_OF_IT();
	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	EXPECT_EQ(STATE(ATTACHED), state());
	EXPECT_REMEMBERED();
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
	EXPECT_EQ(STATE(RUNNING), state());
	EXPECT_REMEMBERED();
	EXPECT_TALK(0x600);
	EXPECT_STAT(1, dev_stat(DEV, S(NS_TX)));
}

/* Like a VMM after a migration, or after memory hot-plug. */
TEST_F(running, the_same_guest_goes_on_with_rings_set_up_again)
{
	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
	EXPECT_REMEMBERED();
	EXPECT_TALK(0x600);
}

/* Messages that were written in the meantime are for this guest. */
TEST_F(running, what_waits_for_the_same_guest_is_sent)
{
	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(3, write(self->fd, "one", 3));
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 8, LONG_MS));

	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(3, write(self->fd, "two", 3));
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	EXPECT_STAT(1, dev_stat(DEV, S(TX_DROP_RESET)));
	EXPECT_EQ(-ETIMEDOUT,
		  guest_recv_copy(&self->g, NULL, NULL, 8, SHORT_MS));
}

/* Indices that wrap around to 0 do not mean a new guest. */
TEST_F(running, the_same_guest_goes_on_after_65536_messages)
{
	LEAVE_TRACES();
	ASSERT_EQ(0, wrap(&self->g));
	ASSERT_EQ(0, guest_stop(&self->g));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
	EXPECT_REMEMBERED();
	EXPECT_TALK(0x600);
}

/* Refusals change nothing, and the guest can be started in another way. */

#define EXPECT_STALE()							\
	do {								\
		EXPECT_EQ(-ESTALE,					\
			  guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));	\
		EXPECT_EQ(STATE(ATTACHED), state());			\
	} while (0)

TEST_F(running, a_ring_that_has_moved_is_another_guest)
{
	volatile uint16_t *idx;
	int q;

	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	for (q = 0; q < 2; q++) {
		idx = &self->g.ring[q].vring.used->idx;
		*idx = guest_16(&self->g, guest_used_idx(&self->g, q) + 1);
		EXPECT_STALE();
		EXPECT_REMEMBERED();
		*idx = guest_16(&self->g, guest_used_idx(&self->g, q) - 1);
	}
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_CONTINUE));
	EXPECT_REMEMBERED();
	EXPECT_TALK(0x600);
}

TEST_F(running, rings_laid_out_anew_are_another_guest)
{
	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	EXPECT_STALE();
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	EXPECT_FORGOTTEN();
	EXPECT_TALK(0x601);
}

TEST_F(running, rings_of_zeroes_after_65536_messages_are_another_guest)
{
	LEAVE_TRACES();
	ASSERT_EQ(0, wrap(&self->g));
	ASSERT_EQ(0, guest_stop(&self->g));
	guest_reset_rings(&self->g);
	guest_post(&self->g);
	EXPECT_STALE();
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	EXPECT_FORGOTTEN();
	EXPECT_TALK(0x601);
}

TEST_F(running, there_is_no_guest_to_go_on_with)
{
	guest_close(&self->g);
	ASSERT_EQ(0,
		  guest_open(&self->g, &(struct guest_opts){
					       .name = DEV, .stopped = true }));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	EXPECT_STALE();
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	EXPECT_TALK(0x601);
}

/* Closing the file forgets its guest. */
TEST_F(running, the_guest_of_another_file_is_another_guest)
{
	LEAVE_TRACES();
	guest_close(&self->g);
	EXPECT_FORGOTTEN();
	ASSERT_EQ(0,
		  guest_open(&self->g, &(struct guest_opts){
					       .name = DEV, .stopped = true }));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 0));
	ASSERT_EQ(0, guest_setup_ring(&self->g, 1));
	EXPECT_STALE();
}

/* Guests that start again without a reset. */

TEST_F(running, a_guest_that_begins_anew_is_a_new_guest)
{
	struct guest *g = &self->g;
	int i;

	ASSERT_EQ(0, nl_announce(self->announced));
	HEAR_OF_IT();
	LEAVE_TRACES();
	/* Send more messages than the ring has entries, so that the indices differ. */
	for (i = 0; i < 100; i++)
		EXPECT_TALK(0x600);

	guest_reset_rings(g);
	guest_post(g);
	guest_kick_always(g, GUEST_TX);
	ASSERT_EQ(0, guest_send(g, 0x601, 8, "hi", 2));
	guest_kick_always(g, GUEST_RX);
	HEAR_OF_IT();
	EXPECT_TRUE(WAIT_FOR(!guest_in_flight(g, GUEST_RX), LONG_MS));
	EXPECT_CHANNELS(0);
	EXPECT_KIND(self->bound, NONE);
	while (poll_fd(self->fd, POLLIN, 0) & POLLIN) {
		char buf[8];

		ASSERT_EQ(2, read(self->fd, buf, sizeof(buf)));
	}
	EXPECT_TALK(0x601);
	EXPECT_EQ(STATE(RUNNING), state());
}

/* As rpmsg-lite does it: its buffers for sending are in the used ring, see test_habits. */
TEST_F(running, a_guest_that_begins_anew_with_used_entries)
{
	struct guest *g = &self->g;
	struct guest_ring *r = &g->ring[GUEST_RX];
	char buf[8];
	int i;

	LEAVE_TRACES();
	for (i = 0; i < 100; i++)
		EXPECT_TALK(0x600);
	guest_reset_rings(g);
	for (i = 0; i < (int)r->num; i++)
		r->vring.used->ring[i].id = guest_32(g, i);
	r->vring.used->idx = guest_16(g, r->num);
	r->last_used = r->num;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_queue(g, 0x601, 8, "hi", 2));
	guest_kick_always(g, GUEST_RX);
	for (i = 0; i < 3; i++) {
		ASSERT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
		ASSERT_EQ(2, read(self->fd, buf, sizeof(buf)));
	}
	EXPECT_TRUE(WAIT_FOR(guest_used_idx(g, GUEST_RX) ==
				     (uint16_t)(r->num + 3),
			     LONG_MS));
	/* Only that the index is out of range counts as an error. */
	EXPECT_EQ(1, dev_stat(DEV, S(RING_ERRORS)));
	EXPECT_KIND(self->bound, NONE);
}

/* The guest makes an error and corrects it. */
TEST_F(running, an_index_that_is_behind_does_no_harm)
{
	struct guest *g = &self->g;
	struct guest_ring *r = &g->ring[GUEST_RX];
	uint64_t errors;

	LEAVE_TRACES();
	__atomic_store_n(&r->vring.avail->idx, guest_16(g, r->avail - 1),
			 __ATOMIC_RELEASE);
	guest_kick_always(g, GUEST_RX);
	EXPECT_TRUE(WAIT_FOR(dev_stat(DEV, S(RING_ERRORS)), LONG_MS));
	/* The worker does not spin. */
	usleep(SHORT_MS * 1000);
	errors = dev_stat(DEV, S(RING_ERRORS));
	usleep(SHORT_MS * 1000);
	EXPECT_GE(1, dev_stat(DEV, S(RING_ERRORS)) - errors);
	EXPECT_REMEMBERED();

	ASSERT_EQ(0, guest_queue(g, 0x600, 8, "hi", 2));
	guest_kick_always(g, GUEST_RX);
	EXPECT_NE(0, poll_fd(self->fd, POLLIN, LONG_MS));
}

/* Long queues. */

struct watch {
	volatile bool stop;
	long long worst;	/* longest time of a request in ms */
	int err;
};

/* An administrator queries the device repeatedly. */
static void *ask_for_device(void *arg)
{
	struct watch *w = arg;
	struct nl_dev dev;
	long long begun, ms;

	while (!w->stop && !w->err) {
		begun = now_ms();
		w->err = nl_dev_get(DEV, &dev);
		ms = now_ms() - begun;
		if (ms > w->worst)
			w->worst = ms;
	}
	return NULL;
}

#define MANY	150000

/*
 * Freeing the messages for a guest that is gone does not delay others, however many there
 * are.
 */
TEST_F(running, a_reset_with_long_queues_keeps_nobody_waiting)
{
	struct watch w = {};
	pthread_t thread;
	long long begun, ms;
	int id, fd, i;

	id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 30, .remote = REMOTE,
				.tx_limit = 64 << 20));
	fd = ept_open(id, O_NONBLOCK);
	ASSERT_GE(fd, 0);
	LEAVE_TRACES();
	ASSERT_EQ(0, guest_stop(&self->g));
	for (i = 0; i < MANY; i++)
		ASSERT_EQ(1, write(fd, "x", 1));

	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_for_device, &w));
	usleep(SHORT_MS * 1000);
	begun = now_ms();
	ASSERT_EQ(0, guest_set_running(&self->g, VHOST_RPMSG_START));
	ms = now_ms() - begun;
	EXPECT_TRUE(WAIT_FOR(ept_stat(id, S(TX_DROP_RESET)) == MANY, LONG_MS));
	w.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, w.err);
	printf("# the reset takes %lld ms, a request meanwhile %lld ms at most\n",
	       ms, w.worst);
	/* Freeing the messages takes several times as long. */
	EXPECT_LE(w.worst, 100 * slowness());
	close(fd);
}

TEST_HARNESS_MAIN
