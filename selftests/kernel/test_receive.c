// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which process receives a message: without a reader, with one reader, with another reader
 * than before, and with several threads that read one file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"receive"
#define REMOTE	0x400
#define COST(len)	((len) + VHOST_RPMSG_MSG_OVERHEAD)
#define S(name)	VHOST_RPMSG_A_STATS_##name
#define KEEP_CLOSED	(1 + VHOST_RPMSG_CLOSED_POLICY_KEEP)
#define DROP_RESET	(1 + VHOST_RPMSG_RESET_POLICY_DROP)

FIXTURE(receive)
{
	struct guest g;
	int ept;		/* fixed remote, address 1024, not open */
	char buf[1024];
};

FIXTURE_SETUP(receive)
{
	struct guest_opts opts = { .name = DEV };

	/* Remove what an earlier test may have left. */
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "ept",
				       .remote = REMOTE));
	ASSERT_GE(self->ept, 0);
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(receive)
{
	guest_close(&self->g);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* Send a message from the guest, and wait until the host has it. */
#define SEND(data)							\
	do {								\
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data,	\
					strlen(data)));			\
		ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));		\
	} while (0)

/* Expect this message next. */
#define READ(fd, data)							\
	do {								\
		EXPECT_EQ((ssize_t)strlen(data),			\
			  read(fd, self->buf, sizeof(self->buf)));	\
		EXPECT_EQ(0, memcmp(self->buf, data, strlen(data)));	\
	} while (0)

#define OPEN(flags)							\
	({								\
		int __fd = ept_open_as(self->ept, (flags) | O_NONBLOCK);	\
									\
		ASSERT_GE(__fd, 0);					\
		__fd;							\
	})

#define STAT(name)	ept_stat(self->ept, S(name))

/* One file reads, any number of files write. */

TEST_F(receive, one_reads_and_any_number_write)
{
	int reader = OPEN(O_RDONLY), w1 = OPEN(O_WRONLY), w2 = OPEN(O_WRONLY);

	EXPECT_EQ(-EBUSY, ept_open_as(self->ept, O_RDONLY));
	EXPECT_EQ(-EBUSY, ept_open_as(self->ept, O_RDWR));
	ASSERT_EQ(3, write(w1, "one", 3));
	ASSERT_EQ(3, write(w2, "two", 3));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
	EXPECT_EQ(3, guest_recv_copy(&self->g, NULL, NULL, 100, LONG_MS));
	EXPECT_ERR(EBADF, read(w1, self->buf, 100));
	EXPECT_ERR(EBADF, write(reader, "x", 1));
	SEND("in");
	READ(reader, "in");
	/* Writers close their files, the reader stays. */
	close(w1);
	SEND("still");
	READ(reader, "still");
	close(reader);
	reader = OPEN(O_RDWR);
	EXPECT_EQ(3, write(reader, "rdw", 3));
	close(reader);
	close(w2);
}

TEST_F(receive, a_writer_does_not_count_as_a_reader)
{
	int writer = OPEN(O_WRONLY), reader;
	struct nl_ept ept;

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 1), -1));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_FALSE(ept.open);
	/* The messages are not for the writer, and the guest does not wait for it. */
	for (int i = 0; i < 10; i++)
		SEND("to a writer");
	EXPECT_EQ(0, STAT(STALLS));
	EXPECT_EQ(9, STAT(RX_DROP_FULL));
	EXPECT_EQ(0, poll_fd(writer, POLLIN, 0));
	EXPECT_EQ(POLLOUT, poll_fd(writer, POLLOUT, LONG_MS));
	reader = OPEN(O_RDONLY);
	READ(reader, "to a writer");
	EXPECT_EQ(0, poll_fd(reader, POLLOUT, 0));
	close(reader);
	/* Neither is a later message. */
	SEND("after");
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	close(writer);
}

/* Before the first open, and after a close. */

TEST_F(receive, what_comes_before_the_first_open_waits)
{
	struct nl_ept ept;
	int fd;

	SEND("hello");
	SEND("again");
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(2 * COST(5), ept.rx_queued);
	EXPECT_EQ(2, ept.stats[S(RX_MSGS)]);
	fd = OPEN(O_RDWR);
	EXPECT_EQ(POLLIN, poll_fd(fd, POLLIN, LONG_MS));
	READ(fd, "hello");
	READ(fd, "again");
	close(fd);
}

/* This does not depend on the policy, since there is no reader to make room. */
TEST_F(receive, before_the_first_open_the_newest_are_dropped)
{
	int fd;

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = 2 * COST(4)),
				VHOST_RPMSG_FULL_POLICY_HOLD));
	for (int i = 0; i < 300; i++) {
		snprintf(self->buf, 8, "%04d", i);
		SEND(self->buf);
	}
	EXPECT_EQ(298, STAT(RX_DROP_FULL));
	EXPECT_EQ(0, STAT(STALLS));
	fd = OPEN(O_RDONLY);
	READ(fd, "0000");
	READ(fd, "0001");
	EXPECT_ERR(EAGAIN, read(fd, self->buf, 100));
	/* Now there is a reader. */
	SEND("0300");
	SEND("0301");
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "0302", 4));
	ASSERT_TRUE(WAIT_FOR(STAT(STALLS) == 1, LONG_MS));
	READ(fd, "0300");
	READ(fd, "0301");
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	READ(fd, "0302");
	close(fd);
}

TEST_F(receive, what_comes_after_a_close_is_dropped)
{
	int fd = OPEN(O_RDWR);

	SEND("unread");
	close(fd);
	EXPECT_EQ(1, STAT(RX_DISCARDS));
	SEND("late");
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	fd = OPEN(O_RDWR);
	EXPECT_ERR(EAGAIN, read(fd, self->buf, 100));
	close(fd);
}

TEST_F(receive, after_an_announcement_it_waits_again)
{
	int fd = OPEN(O_RDWR);

	close(fd);
	SEND("dropped");
	ASSERT_EQ(0, nl_announce(self->ept));
	SEND("hello");
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	fd = OPEN(O_RDWR);
	READ(fd, "hello");
	close(fd);
}

TEST_F(receive, after_a_reset_it_waits_again)
{
	int fd = OPEN(O_RDWR);

	close(fd);
	SEND("dropped");
	ASSERT_EQ(0, guest_reset(&self->g));
	SEND("hello");
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	fd = OPEN(O_RDWR);
	READ(fd, "hello");
	close(fd);
}

TEST_F(receive, closed_keep_loses_nothing_between_two_readers)
{
	struct nl_ept ept;
	int fd;

	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.closed = KEEP_CLOSED,
					.rx_limit = 2 * COST(6)),
				-1));
	ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
	EXPECT_EQ(VHOST_RPMSG_CLOSED_POLICY_KEEP, ept.closed);
	fd = OPEN(O_RDWR);
	SEND("unread");
	close(fd);
	SEND("closed");
	SEND("toomny");
	EXPECT_EQ(1, STAT(RX_DROP_FULL));
	EXPECT_EQ(0, STAT(STALLS));
	EXPECT_EQ(0, STAT(RX_DISCARDS));
	fd = OPEN(O_RDWR);
	READ(fd, "unread");
	READ(fd, "closed");
	close(fd);
}

TEST_F(receive, what_nobody_has_read_goes_with_the_endpoint)
{
	struct nl_dev dev;

	SEND("one");
	SEND("two");
	ASSERT_EQ(0, nl_ept_del(self->ept));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(2, dev.stats[S(RX_MSGS)]);
	EXPECT_EQ(2, dev.stats[S(RX_DISCARDS)]);
}

/* Queue a message whose memory is missing until the descriptor is closed. */
static int queue_missing(struct guest *g)
{
	uint8_t *page = guest_alloc_page(g);
	struct guest_seg seg = { page, 100 };
	int uffd = guest_withhold(page);

	if (uffd >= 0 && guest_add(g, GUEST_RX, &seg, 1, false, false, 0) < 0)
		die("no room for a message");
	return uffd;
}

/* Show the hidden messages to the worker, and wait until it waits for that memory. */
static bool show_and_hang(struct guest *g, int uffd)
{
	guest_show(g);
	guest_kick(g, GUEST_RX);
	return poll_fd(uffd, POLLIN, LONG_MS) & POLLIN;
}

/* A burst continues while the file is closed and opened again. */
static void a_burst_and_two_readers(struct __test_metadata *_metadata,
				    FIXTURE_DATA(receive) *self, bool keep)
{
	int fd = OPEN(O_RDWR), uffd;

	if (keep)
		ASSERT_EQ(0, nl_ept_set(self->ept,
					EPT_REQ(.closed = KEEP_CLOSED), -1));
	/* The memory of the second message is missing for now. */
	guest_hide(&self->g);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "first", 5));
	uffd = queue_missing(&self->g);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "third", 5));
	ASSERT_TRUE(show_and_hang(&self->g, uffd));

	close(fd);
	fd = OPEN(O_RDWR);
	close(uffd);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	if (keep)
		EXPECT_TEXT(fd, "first");
	/* It arrives after the next reader has opened the file. */
	EXPECT_TEXT(fd, "third");
	EXPECT_ERR(EAGAIN, read(fd, self->buf, 100));
	EXPECT_EQ(keep ? 0 : 1, STAT(RX_DROP_CLOSED));
	close(fd);
}

TEST_F(receive, a_burst_is_not_for_the_next_reader)
{
	a_burst_and_two_readers(_metadata, self, false);
}

TEST_F(receive, a_burst_is_for_the_next_reader_with_closed_keep)
{
	a_burst_and_two_readers(_metadata, self, true);
}

/*
 * Send two messages in one burst without a reader: the first before something changes, the
 * second after that.
 */
#define SEND_BEFORE_AND_AFTER(change)						\
	do {									\
		int __uffd;							\
										\
		guest_hide(&self->g);						\
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "early", 5));	\
		__uffd = queue_missing(&self->g);				\
		if (__uffd < 0)							\
			SKIP(return, "no userfaultfd");				\
		ASSERT_TRUE(show_and_hang(&self->g, __uffd));			\
		change;								\
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "later", 5));	\
		close(__uffd);							\
		guest_kick_always(&self->g, GUEST_RX);				\
	} while (0)

TEST_F(receive, a_reader_that_opens_during_a_burst_gets_what_follows)
{
	int fd = OPEN(O_RDWR);

	close(fd);
	SEND_BEFORE_AND_AFTER(fd = OPEN(O_RDWR));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	EXPECT_TEXT(fd, "later");
	close(fd);
}

TEST_F(receive, a_reader_that_opens_during_a_burst_holds_the_guest)
{
	int fd;

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = COST(5)), -1));
	SEND_BEFORE_AND_AFTER(fd = OPEN(O_RDWR));
	EXPECT_TEXT(fd, "early");
	EXPECT_TEXT(fd, "later");
	EXPECT_EQ(0, STAT(RX_DROP_FULL));
	close(fd);
}

TEST_F(receive, a_setting_applies_during_a_burst)
{
	const struct nl_ept_req *keep = EPT_REQ(.closed = KEEP_CLOSED);
	int fd = OPEN(O_RDWR);

	close(fd);
	SEND_BEFORE_AND_AFTER(ASSERT_EQ(0, nl_ept_set(self->ept, keep, -1)));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	fd = OPEN(O_RDWR);
	EXPECT_TEXT(fd, "later");
	close(fd);
}

TEST_F(receive, an_announcement_applies_during_a_burst)
{
	int fd = OPEN(O_RDWR);

	close(fd);
	SEND_BEFORE_AND_AFTER(ASSERT_EQ(0, nl_announce(self->ept)));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, STAT(RX_DROP_CLOSED));
	fd = OPEN(O_RDWR);
	EXPECT_TEXT(fd, "later");
	close(fd);
}

/*
 * The queue is full of messages that the worker has not handed over yet. They are for the
 * former reader, so they are dropped. The new reader can continue.
 */
TEST_F(receive, a_burst_that_is_dropped_does_not_hold_the_next_reader_up)
{
	int fd = OPEN(O_RDWR), uffd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 0)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 2 * COST(5)), -1));
	guest_hide(&self->g);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "first", 5));
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "other", 5));
	uffd = queue_missing(&self->g);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "third", 5));
	ASSERT_TRUE(show_and_hang(&self->g, uffd));

	close(fd);
	fd = OPEN(O_RDWR);
	close(uffd);
	EXPECT_TEXT(fd, "third");
	EXPECT_EQ(2, STAT(RX_DROP_CLOSED));
	close(fd);
}

/* When the reader closes the file, the guest no longer waits, but the limit still applies. */
TEST_F(receive, a_burst_does_not_pass_the_limit_when_its_reader_closes)
{
	int fd = OPEN(O_RDWR), uffd, n;

	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.closed = KEEP_CLOSED,
					.rx_limit = 2 * COST(5)),
				-1));
	guest_hide(&self->g);
	ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "first", 5));
	uffd = queue_missing(&self->g);
	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	for (n = 0; n < 9; n++)
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "other", 5));
	ASSERT_TRUE(show_and_hang(&self->g, uffd));

	close(fd);
	close(uffd);
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_STAT(8, STAT(RX_DROP_FULL));
	fd = OPEN(O_RDWR);
	READ(fd, "first");
	READ(fd, "other");
	EXPECT_ERR(EAGAIN, read(fd, self->buf, 100));
	close(fd);
}

/* After that it drops until there is room, and the guest continues. */
TEST_F(receive, a_reader_that_does_not_read_holds_the_guest_for_so_long_only)
{
	char data[8];
	int fd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 3 * SHORT_MS)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 4 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	for (int i = 0; i < 20; i++) {
		snprintf(data, sizeof(data), "%04d", i);
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, data, 4));
	}
	EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(16, STAT(RX_DROP_FULL));
	/* This message is dropped without waiting again. */
	SEND("lost");
	EXPECT_EQ(17, STAT(RX_DROP_FULL));
	for (int i = 0; i < 4; i++) {
		snprintf(data, sizeof(data), "%04d", i);
		READ(fd, data);
	}
	SEND("next");
	READ(fd, "next");
	EXPECT_EQ(17, STAT(RX_DROP_FULL));
	close(fd);
}

/* Send numbers until there is no descriptor left. */
static void send_numbers(FIXTURE_DATA(receive) *self, unsigned int *next)
{
	while (!guest_queue(&self->g, REMOTE, 1024, next, sizeof(*next)))
		++*next;
	guest_kick(&self->g, GUEST_RX);
}

/*
 * The guest always has more to send than the process reads, which is nobody's fault: as
 * long as the process reads, it gets every message.
 */
TEST_F(receive, a_reader_that_is_slow_but_steady_loses_nothing)
{
	unsigned int sent = 0, got = 0, i;
	long long end;
	int fd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 10 * SHORT_MS)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 16 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	end = now_ms() + 30 * SHORT_MS;
	while (now_ms() < end) {
		send_numbers(self, &sent);
		usleep(10000);
		for (i = 0; i < 8 && read(fd, self->buf, 4) == 4; i++) {
			ASSERT_EQ(0, memcmp(self->buf, &got, 4));
			got++;
		}
	}
	printf("# sent %u, read %u\n", sent, got);
	EXPECT_GT(got, 256);
	EXPECT_EQ(0, STAT(RX_DROP_FULL));
	close(fd);
}

/* Nor does one that takes longer for a quarter of its queue than a hold may last. */
TEST_F(receive, a_reader_of_a_large_queue_loses_nothing)
{
	unsigned int sent = 0, got = 0;
	long long end;
	int fd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 10 * SHORT_MS)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 80 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	end = now_ms() + 40 * SHORT_MS;
	while (now_ms() < end) {
		send_numbers(self, &sent);
		usleep(SHORT_MS * 400);
		ASSERT_EQ(4, read(fd, self->buf, 4));
		ASSERT_EQ(0, memcmp(self->buf, &got, 4));
		got++;
	}
	printf("# sent %u, read %u\n", sent, got);
	EXPECT_EQ(0, STAT(RX_DROP_FULL));
	close(fd);
}

/* It has read too little for the guest to go on at once, and then reads nothing more. */
TEST_F(receive, a_reader_that_pauses_has_the_guest_go_on_meanwhile)
{
	int fd, i;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 0)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 80 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, guest_queue(&self->g, REMOTE, 1024, "data", 4));
	guest_kick_always(&self->g, GUEST_RX);
	ASSERT_TRUE(WAIT_FOR(STAT(STALLS) == 1, LONG_MS));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(4, read(fd, self->buf, 4));
	EXPECT_TRUE(WAIT_FOR(guest_used_idx(&self->g, GUEST_RX) == 90,
			     LONG_MS));
	EXPECT_EQ(0, STAT(RX_DROP_FULL));
	close(fd);
}

/* It takes effect at once, while the guest waits and the process does not read. */
TEST_F(receive, a_new_hold_time_is_for_who_is_held_already)
{
	int fd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 0)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 2 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "data", 4));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 1)));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(3, STAT(RX_DROP_FULL));
	close(fd);
}

/* An endpoint that is dropping stops when the hold-time is set to 0, or extended. */
static void holds_again(struct __test_metadata *_metadata,
			FIXTURE_DATA(receive) *self, int hold_time)
{
	int fd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 2)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 2 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	for (int i = 0; i < 5; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "data", 4));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	SEND("lost");
	EXPECT_EQ(4, STAT(RX_DROP_FULL));
	/* A shorter one has no effect on it. */
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 1)));
	SEND("lost");
	EXPECT_EQ(5, STAT(RX_DROP_FULL));
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = hold_time)));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "kept", 4));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	EXPECT_EQ(5, STAT(RX_DROP_FULL));
	EXPECT_TEXT(fd, "data");
	EXPECT_TEXT(fd, "data");
	EXPECT_TEXT(fd, "kept");
	close(fd);
}

TEST_F(receive, without_a_hold_time_it_holds_again)
{
	holds_again(_metadata, self, 0);
}

TEST_F(receive, with_a_longer_hold_time_it_holds_again)
{
	holds_again(_metadata, self, 10 * LONG_MS);
}

/* What a reader has not read for too long is not the fault of the next guest. */
TEST_F(receive, the_next_guest_is_held_before_it_loses_messages)
{
	int fd;

	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 3 * SHORT_MS)));
	ASSERT_EQ(0,
		  nl_ept_set(self->ept, EPT_REQ(.rx_limit = 2 * COST(4)), -1));
	fd = OPEN(O_RDWR);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "data", 4));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(1, STAT(RX_DROP_FULL));
	ASSERT_EQ(0, guest_reset(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "kept", 4));
	EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	EXPECT_TEXT(fd, "data");
	EXPECT_TEXT(fd, "data");
	EXPECT_TEXT(fd, "kept");
	EXPECT_EQ(1, STAT(RX_DROP_FULL));
	close(fd);
}

/* At first the message cannot be read; when it can be, the full queue refuses it. */
TEST_F(receive, a_fault_that_has_passed_does_not_hold_the_guest_for_ever)
{
	const struct guest_hdr hdr = { .src = REMOTE, .dst = 1024, .len = 5 };
	uint8_t *page = guest_alloc_page(&self->g);
	struct guest_seg seg = { page, sizeof(hdr) + 5 };
	int fd;

	guest_put_hdr(&self->g, page, hdr);
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 300)));
	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.rx_limit = COST(5)), -1));
	fd = OPEN(O_RDONLY);
	SEND("first");
	ASSERT_EQ(0, mprotect(page, 4096, PROT_NONE));
	ASSERT_LE(0, guest_add(&self->g, GUEST_RX, &seg, 1, false, false, 0));
	guest_kick_always(&self->g, GUEST_RX);
	usleep(50 * 1000);
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	/* On a slow machine the message is given up after 111 ms before that. */
	EXPECT_STAT(1, STAT(RX_DROP_FULL) + dev_stat(DEV, S(RX_DROP_INVALID)));
	READ(fd, "first");
	close(fd);
}

/* Several threads that read one file. */

struct reader {
	int fd;
	void *buf;
	pthread_t thread;
	volatile bool running;
	ssize_t ret;
	int err;
};

static void *read_one(void *arg)
{
	struct reader *r = arg;

	r->running = true;
	r->ret = read(r->fd, r->buf, 4096);
	r->err = errno;
	return NULL;
}

static bool start(struct reader *r, int fd, void *buf)
{
	r->fd = fd;
	r->buf = buf;
	if (pthread_create(&r->thread, NULL, read_one, r))
		return false;
	return WAIT_FOR(r->running, LONG_MS);
}

/* Memory that is missing until it is unmapped; -1 if the kernel does not support this. */
static int missing_page(void **page)
{
	*page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*page == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	return guest_withhold(*page);
}

struct two_readers {
	struct reader fails;
	struct reader reads;
	char other[4096];
	void *page;
	int uffd;
	int fd;
};

/* A read() that fails while another one waits for it. */
#define FAIL_AND_READ(r, during)					\
	do {								\
		(r)->fd = ept_open_as(self->ept, O_RDWR);		\
		ASSERT_GE((r)->fd, 0);					\
		ASSERT_TRUE(start(&(r)->fails, (r)->fd, (r)->page));	\
		SEND("first");						\
		ASSERT_TRUE(poll_fd((r)->uffd, POLLIN, LONG_MS) & POLLIN); \
		during;							\
		ASSERT_TRUE(start(&(r)->reads, (r)->fd, (r)->other));	\
		usleep(SHORT_MS * 1000);				\
		munmap((r)->page, 4096);				\
		close((r)->uffd);					\
		pthread_join((r)->fails.thread, NULL);			\
		EXPECT_EQ(-1, (r)->fails.ret);				\
		EXPECT_EQ(EFAULT, (r)->fails.err);			\
		pthread_join((r)->reads.thread, NULL);			\
		EXPECT_EQ(5, (r)->reads.ret);				\
		EXPECT_EQ(0, memcmp((r)->other, "first", 5));		\
	} while (0)

TEST_F(receive, a_read_that_fails_does_not_change_the_order)
{
	struct two_readers r = {};

	r.uffd = missing_page(&r.page);
	if (r.uffd < 0)
		SKIP(return, "no userfaultfd");
	FAIL_AND_READ(&r, SEND("second"));
	READ(r.fd, "second");
	close(r.fd);
}

TEST_F(receive, a_read_that_fails_does_not_hide_the_message)
{
	struct two_readers r = {};
	struct nl_ept ept = {};
	int n = -1;

	r.uffd = missing_page(&r.page);
	if (r.uffd < 0)
		SKIP(return, "no userfaultfd");
	FAIL_AND_READ(&r, {
		ASSERT_EQ(0, nl_ept_get(self->ept, &ept));
		EXPECT_EQ(POLLIN, poll_fd(r.fd, POLLIN, 0));
		EXPECT_EQ(0, ioctl(r.fd, FIONREAD, &n));
	});
	EXPECT_EQ(COST(5), ept.rx_queued);
	EXPECT_EQ(5, n);
	close(r.fd);
}

TEST_F(receive, nothing_comes_after_epipe_with_two_readers)
{
	struct two_readers r = {};

	r.uffd = missing_page(&r.page);
	if (r.uffd < 0)
		SKIP(return, "no userfaultfd");
	FAIL_AND_READ(&r, ASSERT_EQ(0, nl_ept_del(self->ept)));
	EXPECT_ERR(EPIPE, read(r.fd, self->buf, 100));
	close(r.fd);
}

/*
 * A process is stuck in a page fault while it reads. Resets put unread messages aside for
 * it, and these still count against the limit.
 */
TEST_F(receive, a_reset_during_a_read_makes_no_room)
{
	struct reader r = {};
	void *page;
	int uffd = missing_page(&page), fd;

	if (uffd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, nl_dev_set(DEV, DEV_REQ(.hold_time = 0)));
	ASSERT_EQ(0, nl_ept_set(self->ept,
				EPT_REQ(.reset = DROP_RESET,
					.rx_limit = 2 * COST(5)),
				-1));
	fd = ept_open_as(self->ept, O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_TRUE(start(&r, fd, page));
	SEND("first");
	ASSERT_TRUE(poll_fd(uffd, POLLIN, LONG_MS) & POLLIN);
	SEND("other");
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_reset(&self->g));
		ASSERT_EQ(0, guest_send(&self->g, REMOTE, 1024, "third", 5));
		EXPECT_EQ(-ETIMEDOUT, guest_drain(&self->g, SHORT_MS));
	}
	/* The guest continues when the reader has freed them. */
	munmap(page, 4096);
	close(uffd);
	pthread_join(r.thread, NULL);
	EXPECT_EQ(-1, r.ret);
	EXPECT_EQ(EFAULT, r.err);
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_TEXT(fd, "third");
	EXPECT_EQ(2, STAT(RX_DISCARDS));
	close(fd);
}

struct refused {
	int fd;
	volatile bool *stop;
	pthread_t thread;
};

/* Messages do not fit into this buffer, so they stay in the queue. */
static void *refuse_all(void *arg)
{
	struct refused *r = arg;
	char c;

	while (!*r->stop)
		if (read(r->fd, &c, 1) >= 0)
			die("a message fits");
	return NULL;
}

/* Whoever has the lock of the readers at a reset frees what the reset has put aside. */
TEST_F(receive, what_a_reset_puts_aside_is_freed)
{
	long long end = now_ms() + LONG_MS;
	volatile bool stop = false;
	struct refused r[4];
	int fd, resets = 0;
	bool freed = true;

	ASSERT_EQ(0, nl_ept_set(self->ept, EPT_REQ(.reset = DROP_RESET), -1));
	fd = OPEN(O_RDWR);
	for (int i = 0; i < 4; i++) {
		r[i] = (struct refused){ .fd = fd, .stop = &stop };
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, refuse_all,
					    &r[i]));
	}
	while (freed && resets < 100 && (!resets || now_ms() < end)) {
		SEND("first");
		ASSERT_EQ(0, guest_reset(&self->g));
		resets++;
		freed = WAIT_FOR(STAT(RX_DISCARDS) == (uint64_t)resets,
				 LONG_MS);
	}
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(r[i].thread, NULL);
	EXPECT_TRUE(freed);
	close(fd);
}

/* poll() by several */

TEST_F(receive, all_who_wait_exclusively_hear_of_the_end)
{
	int fd, ready[2], id, heard = 0;
	char c;

	/* Nothing is ready: there is no message and no remote. */
	id = nl_ept_new(EPT_REQ(.dev = DEV, .name = "lonely"));
	fd = ept_open_as(id, O_RDWR | O_NONBLOCK);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, pipe(ready));
	for (int i = 0; i < 4; i++) {
		if (!fork()) {
			struct epoll_event ev = {
				.events = EPOLLIN | EPOLLOUT | EPOLLET |
					  EPOLLEXCLUSIVE,
			};
			int ep = epoll_create1(0);

			if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) ||
			    write(ready[1], "r", 1) != 1)
				_exit(2);
			_exit(epoll_wait(ep, &ev, 1, LONG_MS) != 1 ||
			      !(ev.events & EPOLLHUP));
		}
	}
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(1, read(ready[0], &c, 1));
	usleep(SHORT_MS * 1000);
	ASSERT_EQ(0, nl_ept_del(id));
	for (int i = 0; i < 4; i++) {
		int status;

		ASSERT_LT(0, wait(&status));
		heard += WIFEXITED(status) && !WEXITSTATUS(status);
	}
	EXPECT_EQ(4, heard);
	close(fd);
}

TEST_F(receive, a_buffer_of_no_size_does_not_wait)
{
	int fd = ept_open_as(self->ept, O_RDWR);

	ASSERT_GE(fd, 0);
	EXPECT_ERR(EAGAIN, read(fd, self->buf, 0));
	SEND("");
	EXPECT_EQ(0, read(fd, self->buf, 0));
	SEND("x");
	EXPECT_ERR(EMSGSIZE, read(fd, self->buf, 0));
	close(fd);
}

/* FIONREAD */

TEST_F(receive, fionread_is_the_buffer_that_a_read_needs)
{
	int id = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 9, .addressed = true));
	int fd = OPEN(O_RDWR), addressed = ept_open_as(id, O_RDWR | O_NONBLOCK);
	int writer = OPEN(O_WRONLY), n = -1;

	ASSERT_GE(addressed, 0);
	EXPECT_EQ(0, ioctl(fd, FIONREAD, &n));
	EXPECT_EQ(0, n);
	SEND("12345");
	SEND("123");
	EXPECT_EQ(0, ioctl(fd, FIONREAD, &n));
	EXPECT_EQ(5, n);
	EXPECT_ERR(EMSGSIZE, read(fd, self->buf, n - 1));
	EXPECT_EQ(5, read(fd, self->buf, n));
	EXPECT_EQ(0, ioctl(fd, FIONREAD, &n));
	EXPECT_EQ(3, n);
	EXPECT_ERR(EFAULT, ioctl(fd, FIONREAD, 1));
	EXPECT_ERR(EBADF, ioctl(writer, FIONREAD, &n));

	ASSERT_EQ(0, guest_send(&self->g, REMOTE, 9, "12345", 5));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, ioctl(addressed, FIONREAD, &n));
	EXPECT_EQ((int)sizeof(struct vhost_rpmsg_addr) + 5, n);
	EXPECT_EQ(n, read(addressed, self->buf, n));
	close(addressed);
	close(writer);
	close(fd);
}

TEST_HARNESS_MAIN
