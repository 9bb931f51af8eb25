// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest is reset or paused while its VMM stays: the effect on messages, announcements,
 * channels and the MTU.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "reset_fixture.h"

/* A reset after which the guest has not posted any buffers yet. */
#define RESET_WITHOUT_BUFFERS()				\
	do {						\
		ASSERT_EQ(0, guest_stop(&self->g));	\
		guest_reset_rings(&self->g);		\
		ASSERT_EQ(0, guest_start(&self->g));	\
	} while (0)

#define POST_BUFFERS()				\
	do {					\
		guest_post(&self->g);		\
		guest_kick(&self->g, GUEST_TX);	\
	} while (0)

TEST_F(reset, with_full_queues)
{
	struct nl_dev dev;

	RESET_WITHOUT_BUFFERS();
	WRITE_N(10);
	EXPECT_EQ(-EAGAIN, write_next(&self->t));
	for (int i = 0; i < 30; i++)
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
	self->t.sent += 10;
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));

	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_STAT(10, ept_stat(self->t.ept, S(TX_DROP_RESET)));
	EXPECT_STAT(10, dev_stat(DEV, S(TX_DROP_RESET)));
	EXPECT_EQ(POLLOUT, poll_fd(self->t.fd, POLLOUT, 0));
	NOTHING_ARRIVES();
	/* Messages that were received before the reset are there, others are not. */
	READ_FROM(0, 10);
	EXPECT_EQ(-EAGAIN, read_next(&self->t));

	SEND_N(5);
	READ_FROM(30, 5);
	WRITE_N(5);
	ARRIVE_FROM(10, 5);
}

TEST_F(reset, what_is_in_buffers_of_the_guest_is_sent)
{
	WRITE_N(4);
	ASSERT_TRUE(WAIT_FOR(ept_stat(self->t.ept, S(TX_MSGS)) == 4, LONG_MS));
	ASSERT_EQ(0, guest_reset(&self->g));
	self->t.arrived = 4;
	EXPECT_EQ(0, ept_stat(self->t.ept, S(TX_DROP_RESET)));
	NOTHING_ARRIVES();
	WRITE_N(1);
	ARRIVE_FROM(4, 1);
}

TEST_F(reset, before_anything_has_happened_drops_nothing)
{
	/* For example, a driver is bound late. */
	RESET_WITHOUT_BUFFERS();
	WRITE_N(5);
	RESET_WITHOUT_BUFFERS();
	ASSERT_EQ(0, guest_reset(&self->g));
	ARRIVE_FROM(0, 5);
}

TEST_F(reset, wakes_a_writer)
{
	struct sleeper writer;

	SEND_N(1);
	RESET_WITHOUT_BUFFERS();
	SEND_N(1);
	WRITE_N(10);
	ASSERT_TRUE(go_to_sleep(&writer, &self->t, sleep_in_write));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(LEN, WAKES_UP(&writer));
	ARRIVE_FROM(10, 1);
	READ_FROM(0, 2);
}

TEST_F(reset, keeps_fixed_remotes_and_forgets_learned_ones)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7));
	int fd = ept_open(id, O_NONBLOCK);
	struct nl_ept ept;
	char buf[8];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(LEARNED), ept.remote_kind);
	EXPECT_EQ(0x777, ept.remote);

	ASSERT_EQ(0, guest_reset(&self->g));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(NONE), ept.remote_kind);
	EXPECT_EQ(-1, write(fd, "x", 1));
	EXPECT_EQ(ENOTCONN, errno);
	EXPECT_EQ(POLLIN, poll_fd(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(5, read(fd, buf, sizeof(buf)));
	ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
	EXPECT_EQ(KIND(FIXED), ept.remote_kind);
	EXPECT_EQ(REMOTE, ept.remote);
	WRITE_N(1);
	ARRIVE_FROM(0, 1);

	/* The address of the next guest is learned. */
	ASSERT_EQ(0, guest_send(&self->g, 0x888, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(0x888, ept.remote);
	close(fd);
}

TEST_F(reset, sends_a_writer_away_whose_remote_was_learned)
{
	struct traffic t = {};
	struct sleeper writer;

	t.ept = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7, .tx_limit = 1));
	t.fd = ept_open(t.ept, O_NONBLOCK);
	ASSERT_GE(t.fd, 0);
	RESET_WITHOUT_BUFFERS();
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(LEN, write_next(&t));
	ASSERT_TRUE(go_to_sleep(&writer, &t, sleep_in_write));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(-ENOTCONN, WAKES_UP(&writer));
	EXPECT_STAT(1, ept_stat(t.ept, S(TX_DROP_RESET)));
	NOTHING_ARRIVES();
	close(t.fd);
}

TEST_F(reset, forgets_channels)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "bound"));
	struct nl_chan chans[4];
	struct nl_ept ept;

	ASSERT_GE(id, 0);
	ASSERT_EQ(0, guest_ns_send(&self->g, "bound", 0x900, 0));
	ASSERT_EQ(0, guest_ns_send(&self->g, "other", 0x901, 0));
	ASSERT_EQ(0, drain(&self->g));
	ASSERT_EQ(2, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(BOUND), ept.remote_kind);

	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(0, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(NONE), ept.remote_kind);

	/* Announced again they are new channels, and there are no duplicates. */
	ASSERT_EQ(0, guest_ns_send(&self->g, "bound", 0x905, 0));
	ASSERT_EQ(0, drain(&self->g));
	EXPECT_EQ(0, dev_stat(DEV, S(NS_INVALID)));
	EXPECT_EQ(1, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(0x905, ept.remote);
}

#define NAMES	5

/* Create and announce endpoints "a", "b", ... from address 100. */
#define ANNOUNCE(ids)								\
	do {									\
		for (int __i = 0; __i < NAMES; __i++) {				\
			char __name[2] = { 'a' + __i };				\
									\
			(ids)[__i] =						\
				nl_ept_new(EPT_REQ(.dev = DEV, .name = __name,	\
						   .addr = 100 + __i));		\
			ASSERT_GE((ids)[__i], 0);				\
			ASSERT_EQ(0, nl_announce((ids)[__i]));			\
		}								\
	} while (0)

#define ANNOUNCED_IN_ORDER(from)						\
	do {									\
		struct guest_ns __ns;						\
									\
		for (int __i = (from); __i < NAMES; __i++) {			\
			ASSERT_EQ(0, guest_ns_recv(&self->g, &__ns, LONG_MS));	\
			EXPECT_EQ(100 + __i, (int)__ns.addr);			\
			EXPECT_EQ(0, __ns.flags);				\
		}								\
	} while (0)

TEST_F(reset, announces_again_in_order_and_once)
{
	int ids[NAMES];

	ANNOUNCE(ids);
	ANNOUNCED_IN_ORDER(0);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_reset(&self->g));
		ANNOUNCED_IN_ORDER(0);
	}
	NOTHING_ARRIVES();
	EXPECT_STAT(4 * NAMES, dev_stat(DEV, S(NS_TX)));

	/* Withdrawn and deleted endpoints are not announced. */
	ASSERT_EQ(0, nl_withdraw(ids[0]));
	ASSERT_EQ(0, nl_ept_del(ids[1]));
	ASSERT_EQ(0, guest_reset(&self->g));
	ANNOUNCED_IN_ORDER(2);
	NOTHING_ARRIVES();
}

TEST_F(reset, announces_once_what_it_could_not_announce_before)
{
	int ids[NAMES];

	SEND_N(1);
	RESET_WITHOUT_BUFFERS();
	SEND_N(1);
	ANNOUNCE(ids);
	RESET_WITHOUT_BUFFERS();
	POST_BUFFERS();
	ANNOUNCED_IN_ORDER(0);
	NOTHING_ARRIVES();
	READ_FROM(0, 2);
}

TEST_F(reset, says_nothing_of_what_it_took_back)
{
	int ids[NAMES];

	ANNOUNCE(ids);
	ANNOUNCED_IN_ORDER(0);
	RESET_WITHOUT_BUFFERS();
	/* The next guest has not received their announcements. */
	ASSERT_EQ(0, nl_withdraw(ids[0]));
	ASSERT_EQ(0, nl_ept_del(ids[1]));
	POST_BUFFERS();
	ANNOUNCED_IN_ORDER(2);
	NOTHING_ARRIVES();
}

TEST_F(reset, announces_before_the_guest_is_there)
{
	int ids[NAMES];

	guest_close(&self->g);
	ANNOUNCE(ids);
	ASSERT_EQ(0, guest_open(&self->g, &variant->opts));
	ANNOUNCED_IN_ORDER(0);
	NOTHING_ARRIVES();
}

TEST_F(reset, the_mtu_is_that_of_the_new_buffers)
{
	struct guest_opts opts = variant->opts;
	struct nl_dev dev;

	guest_close(&self->g);
	opts.buf_size = 2048;
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == 2032,
			     LONG_MS));
	RESET_WITHOUT_BUFFERS();
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, dev.mtu);
	/* No message waits for the buffers, so the worker does not look at them without a kick. */
	guest_post(&self->g);
	guest_kick_always(&self->g, GUEST_TX);
	EXPECT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu == 2032,
			     LONG_MS));
	/* Without a VMM the MTU is the default. */
	guest_close(&self->g);
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(VHOST_RPMSG_DEFAULT_MTU, dev.mtu);
	ASSERT_EQ(0, guest_open(&self->g, &variant->opts));
}

TEST_F(reset, the_mtu_is_that_of_the_largest_buffer_so_far)
{
	static const unsigned int sizes[] = { 200, 612, 116, 300, 2048 };
	static const unsigned int mtus[] = { 184, 596, 596, 596, 2032 };
	struct guest_opts opts = variant->opts;
	struct guest_seg seg;
	struct nl_dev dev;

	guest_close(&self->g);
	opts.no_buffers = true;
	ASSERT_EQ(0, guest_open(&self->g, &opts));
	for (int i = 0; i < 5; i++) {
		seg = (struct guest_seg){ guest_alloc(&self->g, sizes[i]),
					  sizes[i] };
		ASSERT_LE(0, guest_add(&self->g, GUEST_TX, &seg, 1, true, false,
				       0));
		guest_kick(&self->g, GUEST_TX);
		/* A message uses the buffer, so the worker has seen it. */
		WRITE_N(1);
		ASSERT_TRUE(guest_wait_used(&self->g, GUEST_TX, LONG_MS));
		ASSERT_TRUE(guest_used(&self->g, GUEST_TX, NULL, NULL));
		self->t.arrived++;
		ASSERT_EQ(0, nl_dev_get(DEV, &dev));
		EXPECT_EQ(mtus[i], dev.mtu);
	}
}

/* The guest is paused and continues. */

TEST_F(reset, nothing_moves_while_it_is_paused)
{
	SEND_N(1);
	WRITE_N(1);
	ARRIVE_FROM(0, 1);
	ASSERT_EQ(0, guest_pause(&self->g));
	EXPECT_EQ(STATE(ATTACHED), dev_state(DEV));
	WRITE_N(10);
	EXPECT_EQ(-EAGAIN, write_next(&self->t));
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
	usleep(SHORT_MS * 1000);
	EXPECT_EQ(5, guest_in_flight(&self->g, GUEST_RX));
	NOTHING_ARRIVES();

	ASSERT_EQ(0, guest_resume(&self->g));
	EXPECT_EQ(STATE(RUNNING), dev_state(DEV));
	self->t.sent += 5;
	READ_FROM(0, 6);
	ARRIVE_FROM(1, 10);
	EXPECT_EQ(0, ept_stat(self->t.ept, S(TX_DROP_RESET)));
}

TEST_F(reset, a_pause_is_no_reset)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 7));
	struct nl_chan chans[4];
	int ids[NAMES];
	struct nl_ept ept;

	ANNOUNCE(ids);
	ANNOUNCED_IN_ORDER(0);
	ASSERT_EQ(0, guest_ns_send(&self->g, "channel", 0x900, 0));
	ASSERT_EQ(0, guest_send(&self->g, 0x777, 7, "hello", 5));
	ASSERT_EQ(0, drain(&self->g));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_pause(&self->g));
		ASSERT_EQ(0, guest_resume(&self->g));
	}
	NOTHING_ARRIVES();
	EXPECT_EQ(1, nl_chan_dump(DEV, chans, 4));
	ASSERT_EQ(0, nl_ept_get(id, &ept));
	EXPECT_EQ(KIND(LEARNED), ept.remote_kind);
	EXPECT_EQ(0x777, ept.remote);
}

TEST_F(reset, a_pause_with_full_queues_loses_nothing)
{
	struct nl_dev dev;

	RESET_WITHOUT_BUFFERS();
	WRITE_N(10);
	for (int i = 0; i < 30; i++)
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
	self->t.sent += 30;
	ASSERT_TRUE(WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.stalled, LONG_MS));
	ASSERT_EQ(0, guest_pause(&self->g));
	ASSERT_EQ(0, guest_resume(&self->g));
	POST_BUFFERS();
	READ_FROM(0, 30);
	ARRIVE_FROM(0, 10);
	EXPECT_EQ(0, drain(&self->g));
}

struct writer {
	struct traffic *t;
	int n;
	int ret;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;

	while (w->n--) {
		w->ret = write_next(w->t);
		if (w->ret != LEN)
			break;
	}
	return NULL;
}

static void *read_many(void *arg)
{
	struct writer *r = arg;
	int i;

	for (i = 0; i < r->n; i++) {
		r->ret = read_next(r->t);
		if (r->ret != i)
			break;
	}
	return NULL;
}

TEST_F(reset, pauses_in_the_middle_of_traffic_lose_nothing)
{
	struct writer w = { &self->t, 1000, 0 };
	struct writer r = { &self->t, 1000, 0 };
	pthread_t writing, reading;

	fcntl(self->t.fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&writing, NULL, write_many, &w));
	ASSERT_EQ(0, pthread_create(&reading, NULL, read_many, &r));
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(0, send_number(&self->g, 1024, self->number++));
		ARRIVE_FROM(i, 1);
		if (i % 23)
			continue;
		ASSERT_EQ(0, guest_pause(&self->g));
		ASSERT_EQ(0, guest_resume(&self->g));
	}
	pthread_join(writing, NULL);
	pthread_join(reading, NULL);
	EXPECT_EQ(LEN, w.ret);
	EXPECT_EQ(999, r.ret);
	self->t.sent = 1000;
	EXPECT_EQ(0, drain(&self->g));
}

TEST_F(reset, resets_in_the_middle_of_traffic_are_counted)
{
	struct writer w = { &self->t, 1000, 0 };
	uint32_t sent = 0;
	struct nl_ept ept;
	pthread_t writing;
	bool finished;
	int last = -1, n;

	fcntl(self->t.fd, F_SETFL, 0);
	ASSERT_EQ(0, pthread_create(&writing, NULL, write_many, &w));
	do {
		finished = self->t.written == 1000;
		for (int i = 0; i < 37; i++) {
			n = recv_number(&self->g, 20);
			if (n == -ETIMEDOUT)
				break;
			/* Some messages are missing, but none arrives late. */
			ASSERT_GT(n, last);
			last = n;
			self->t.arrived++;
		}
		ASSERT_EQ(0, guest_stop(&self->g));
		/* Messages in its buffers have reached it. */
		while (recv_number(&self->g, 0) >= 0)
			self->t.arrived++;
		guest_reset_rings(&self->g);
		guest_post(&self->g);
		ASSERT_EQ(0, guest_start(&self->g));
		sent++;
	} while (!finished);
	pthread_join(writing, NULL);
	EXPECT_EQ(LEN, w.ret);
	EXPECT_LT(1, sent);
	/* The last messages may still be on their way. */
	do {
		ASSERT_EQ(0, nl_ept_get(self->t.ept, &ept));
		while (self->t.arrived < ept.stats[S(TX_MSGS)]) {
			ASSERT_LE(0, recv_number(&self->g, LONG_MS));
			self->t.arrived++;
		}
	} while (ept.tx_queued);
}

struct admin {
	volatile bool stop;
	int err;
	int rounds;
};

/* Make changes that leave the device as it was. */
static void *administrate(void *arg)
{
	struct admin *a = arg;
	int id;

	while (!a->stop && !a->err) {
		id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "passing"));
		a->err = id < 0 ? id : 0;
		if (!a->err)
			a->err = nl_announce(id);
		if (!a->err && a->rounds % 2)
			a->err = nl_withdraw(id);
		if (!a->err && a->rounds % 3)
			a->err = nl_announce(id);
		if (!a->err)
			a->err = nl_ept_del(id);
		a->rounds++;
	}
	return NULL;
}

TEST_F(reset, while_an_administrator_is_at_work)
{
	struct admin a = {};
	pthread_t thread;
	int ids[NAMES];

	ANNOUNCE(ids);
	ASSERT_EQ(0, pthread_create(&thread, NULL, administrate, &a));
	for (int i = 0; i < 60; i++) {
		if (i % 3)
			usleep(i * 20);
		ASSERT_EQ(0, guest_reset(&self->g));
	}
	a.stop = true;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, a.err);
	EXPECT_LT(3, a.rounds);
	/* The present endpoints are announced, former ones are not. */
	ASSERT_EQ(0, guest_reset(&self->g));
	ANNOUNCED_IN_ORDER(0);
	NOTHING_ARRIVES();
}

int main(int argc, char **argv)
{
	argv = guest_habits_args(&argc, argv);
	return test_harness_run(argc, argv);
}
