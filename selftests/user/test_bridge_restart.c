// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge ends or is killed while the guest continues: nothing is forgotten, and no
 * message is lost, duplicated or reordered. The front end reconnects, and takes the used
 * indices from the guest's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "bridge_fixture.h"
#include "numbers.h"

#define ROUNDS	50
#define CHAN	0x500	/* channel "chan" of the guest */
#define PEER	0x600	/* remote that the endpoint at 2000 learns */

#define S(name)		VHOST_RPMSG_A_STATS_##name
#define KIND(name)	VHOST_RPMSG_REMOTE_KIND_##name

static bool all_read(int fd, struct numbers *guest)
{
	return !read_numbers(fd, guest) && guest->next == guest->sent;
}

static int reconnect(struct fe *fe)
{
	int q;

	for (q = 0; q < 2; q++)
		fe->base[q] = fe->g.ring[q].vring.used->idx;
	return fe_open(fe);
}

static uint32_t kind_of(int ept)
{
	struct nl_ept e;

	return nl_ept_get(ept, &e) ? ~0U : e.remote_kind;
}

static int leave_traces(struct fe *fe)
{
	int err = guest_ns_send(&fe->g, "chan", CHAN, 0);

	if (!err)
		err = guest_send(&fe->g, PEER, 2000, "hi", 2);
	return err ?: guest_drain(&fe->g, LONG_MS);
}

TEST_F_TIMEOUT(bridge, restarts_forget_nothing, 2 * SLOW_S)
{
	struct numbers guest = {}, host = {};
	int round, bound, learned;
	uint64_t ns_tx, ns_rx;
	struct nl_chan chan;

	bound = nl_ept_new(EPT_REQ(.dev = DEV, .name = "chan"));
	learned = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 2000));
	ASSERT_GE(learned, 0);
	START();
	ASSERT_EQ(0, leave_traces(FE));
	ns_tx = dev_stat(DEV, S(NS_TX));
	ns_rx = dev_stat(DEV, S(NS_RX));
	for (round = 0; round < ROUNDS; round++) {
		send_numbers(G, self->fd, &guest, &host);
		usleep(round * 100);
		kill(self->pid, round % 5 ? SIGKILL : SIGTERM);
		wait_exit(self->pid);
		fe_disconnect(FE);
		ASSERT_EQ(0, read_numbers(self->fd, &guest));
		ASSERT_EQ(0, recv_numbers(G, &host, 0));
		/* Write while there is no bridge. */
		if (write(self->fd, &host.sent, sizeof(host.sent)) ==
		    sizeof(host.sent))
			host.sent++;
		unlink(LOG);
		self->pid = SPAWN("-v", "-s", SOCK, "-n", DEV);
		ASSERT_EQ(0, reconnect(FE));
		EXPECT_EQ(1, logged("event=started guest=same\n"));
		EXPECT_EQ(1, nl_chan_dump(DEV, &chan, 1));
		ASSERT_EQ(KIND(BOUND), kind_of(bound));
		ASSERT_EQ(KIND(LEARNED), kind_of(learned));
	}
	ASSERT_EQ(0, guest_drain(G, LONG_MS));
	ASSERT_TRUE(WAIT_FOR(all_read(self->fd, &guest), LONG_MS));
	while (host.next != host.sent)
		ASSERT_EQ(0, recv_numbers(G, &host, SHORT_MS));
	EXPECT_LT(RING_SIZE, guest.sent);
	EXPECT_LT(RING_SIZE, host.sent);
	EXPECT_EQ(ns_tx, dev_stat(DEV, S(NS_TX)));
	EXPECT_EQ(ns_rx, dev_stat(DEV, S(NS_RX)));
	EXPECT_EQ(0, dev_stat(DEV, S(RING_ERRORS)));
	printf("# %u messages to the host, %u to the guest\n", guest.sent,
	       host.sent);
	EXPECT_EQ(0, nl_ept_del(bound));
	EXPECT_EQ(0, nl_ept_del(learned));
}

/* Send to an unused address until the index of the ring to the host is 0 again. */
static int wrap_to_host(struct guest *g)
{
	int err = 0;

	while (!err && g->ring[GUEST_RX].avail) {
		err = guest_queue(g, REMOTE, 99, "x", 1);
		if (err == -EAGAIN) {
			guest_kick(g, GUEST_RX);
			err = guest_drain(g, LONG_MS);
		}
	}
	guest_kick(g, GUEST_RX);
	return err ?: guest_drain(g, LONG_MS);
}

/* Receive until the index of the other ring is 0 again. */
static int wrap_to_guest(struct guest *g, int fd)
{
	uint32_t left, i, number = 0;
	int n;

	while (g->ring[GUEST_TX].last_used) {
		left = 0x10000 - g->ring[GUEST_TX].last_used;
		if (left > RING_SIZE / 2)
			left = RING_SIZE / 2;
		for (i = 0; i < left; i++)
			if (write(fd, &number, 4) != 4)
				return -errno;
		for (i = 0; i < left; i++) {
			n = guest_recv_copy(g, NULL, NULL, 4, LONG_MS);
			if (n != 4)
				return n < 0 ? n : -EBADMSG;
		}
	}
	return 0;
}

/* Then both indices are 0, like those of a new guest. */
TEST_F_TIMEOUT(bridge, a_pause_after_65536_messages_forgets_nothing, 2 * SLOW_S)
{
	struct numbers guest = {}, host = {};
	int bound, learned, i;
	struct nl_chan chan;
	uint64_t ns_tx;

	bound = nl_ept_new(EPT_REQ(.dev = DEV, .name = "chan"));
	learned = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 2000));
	ASSERT_GE(learned, 0);
	START();
	ASSERT_EQ(0, leave_traces(FE));
	ns_tx = dev_stat(DEV, S(NS_TX));
	ASSERT_EQ(0, wrap_to_host(G));
	ASSERT_EQ(0, wrap_to_guest(G, self->fd));
	ASSERT_EQ(0, fe_stop(FE));
	EXPECT_EQ(0, FE->base[0]);
	EXPECT_EQ(0, FE->base[1]);
	/* This happens during the traffic. */
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, guest_queue(G, REMOTE, ADDR, &guest.sent, 4));
		guest.sent++;
		ASSERT_EQ(4, write(self->fd, &host.sent, 4));
		host.sent++;
	}
	ASSERT_EQ(0, fe_start(FE));
	ASSERT_EQ(0, guest_drain(G, LONG_MS));
	ASSERT_TRUE(WAIT_FOR(all_read(self->fd, &guest), LONG_MS));
	ASSERT_EQ(0, recv_numbers(G, &host, SHORT_MS));
	EXPECT_EQ(10, host.next);
	EXPECT_EQ(1, nl_chan_dump(DEV, &chan, 1));
	EXPECT_EQ(KIND(BOUND), kind_of(bound));
	EXPECT_EQ(KIND(LEARNED), kind_of(learned));
	EXPECT_EQ(ns_tx, dev_stat(DEV, S(NS_TX)));
	EXPECT_EQ(1, logged("event=started guest=same\n"));
	EXPECT_EQ(0, nl_ept_del(bound));
	EXPECT_EQ(0, nl_ept_del(learned));
}

TEST_HARNESS_MAIN
