// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver for the in-kernel API of 2020 works as before, and does not disclose more to a
 * guest. kclient/legacy.c is that driver.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "kclient/kclient.h"
#include "kclient/load.h"
#include "util.h"

#define PATH	"/dev/vhost-rpmsg-legacy"
#define REMOTE	0x400

FIXTURE(legacy)
{
	struct guest g;
	uint8_t buf[65536];
};

FIXTURE_SETUP(legacy)
{
	struct guest_opts opts = { .path = PATH };

	ASSERT_EQ(0, kclient_load());
	ASSERT_EQ(0, guest_open(&self->g, &opts));
}

FIXTURE_TEARDOWN(legacy)
{
	guest_close(&self->g);
}

static void reopen(struct guest *g, size_t buf_size)
{
	struct guest_opts opts = { .path = PATH,
				   .num = 16,
				   .buf_size = buf_size };

	guest_close(g);
	if (guest_open(g, &opts))
		die("%s cannot be opened", PATH);
}

/* The driver announces itself at each start. */
static int announced(struct guest *g)
{
	struct guest_ns ns;
	int err = guest_ns_recv(g, &ns, LONG_MS);

	if (err)
		return err;
	return strcmp(ns.name, LEGACY_NAME) || ns.addr != LEGACY_IPC ?
		       -EBADMSG :
		       0;
}

/* Send a request of one byte. Check the content of the response, and return its length. */
static int ask(struct guest *g, uint32_t addr, uint8_t byte, uint8_t fill,
	       void *buf)
{
	struct guest_hdr hdr;
	int err, len, i;

	err = guest_send(g, REMOTE, addr, &byte, 1);
	if (err)
		return err;
	len = guest_recv_copy(g, &hdr, buf, 65536, LONG_MS);
	if (len >= 0 && (hdr.src != addr || hdr.dst != REMOTE))
		return -EADDRNOTAVAIL;
	for (i = 0; i < len; i++)
		if (((uint8_t *)buf)[i] != fill)
			return -EBADMSG;
	return len;
}

TEST_F(legacy, it_announces_itself)
{
	EXPECT_EQ(0, announced(&self->g));
	ASSERT_EQ(0, guest_reset(&self->g));
	EXPECT_EQ(0, announced(&self->g));
}

/* With room for 496 bytes, and for 65520. */
TEST_F(legacy, a_response_is_as_long_as_read_says)
{
	ASSERT_EQ(0, announced(&self->g));
	for (int i = 0; i <= LEGACY_REPLY_SIZE / 8; i++)
		EXPECT_EQ(8 * i, ask(&self->g, LEGACY_IPC, i, LEGACY_REPLY,
				     self->buf));
	EXPECT_EQ(LEGACY_REPLY_SIZE,
		  ask(&self->g, LEGACY_IPC, 255, LEGACY_REPLY, self->buf));
	reopen(&self->g, 65536);
	ASSERT_EQ(0, announced(&self->g));
	EXPECT_EQ(8, ask(&self->g, LEGACY_IPC, 1, LEGACY_REPLY, self->buf));
	EXPECT_EQ(LEGACY_REPLY_SIZE,
		  ask(&self->g, LEGACY_IPC, 255, LEGACY_REPLY, self->buf));
}

TEST_F(legacy, a_response_is_no_longer_than_the_buffer)
{
	reopen(&self->g, 64);
	/* There is enough room for an announcement. */
	ASSERT_EQ(0, announced(&self->g));
	EXPECT_EQ(40, ask(&self->g, LEGACY_IPC, 5, LEGACY_REPLY, self->buf));
	EXPECT_EQ(48, ask(&self->g, LEGACY_IPC, 7, LEGACY_REPLY, self->buf));
}

TEST_F(legacy, what_read_refuses_has_no_response)
{
	struct guest_msg msg;

	ASSERT_EQ(0, announced(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, LEGACY_IPC, "", 0));
	EXPECT_EQ(0, guest_drain(&self->g, LONG_MS));
	EXPECT_EQ(0, guest_recv(&self->g, &msg, SHORT_MS));
	EXPECT_EQ(8, ask(&self->g, LEGACY_IPC, 1, LEGACY_REPLY, self->buf));
}

/* The pointer in the iterator is passed from read() to write(). */
TEST_F(legacy, data_both_ways)
{
	char playback[33] = " what is played back";

	ASSERT_EQ(0, announced(&self->g));
	EXPECT_EQ(50,
		  ask(&self->g, LEGACY_DATA, 50, LEGACY_CAPTURE, self->buf));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, LEGACY_DATA, playback,
				sizeof(playback)));
	EXPECT_EQ(0, guest_recv_copy(&self->g, NULL, self->buf, 100, LONG_MS));
}

TEST_F(legacy, a_position_comes_without_a_request)
{
	struct legacy_posn posn = { { 1, 2, 3, 4, 5, 6, 7, 8 } }, got;
	uint32_t addr = 4711;
	struct guest_hdr hdr;

	ASSERT_EQ(0, announced(&self->g));
	ASSERT_EQ(0, guest_send(&self->g, REMOTE, LEGACY_POSN, &addr, 4));
	ASSERT_EQ(0, guest_drain(&self->g, LONG_MS));
	for (int i = 0; i < 300; i++) {
		posn.data[7] = i;
		ASSERT_EQ(0, ioctl(self->g.fd, LEGACY_SEND_POSN, &posn));
		ASSERT_EQ(sizeof(got), guest_recv_copy(&self->g, &hdr, &got,
						       sizeof(got), LONG_MS));
		EXPECT_EQ(LEGACY_POSN, hdr.src);
		EXPECT_EQ(4711, hdr.dst);
		EXPECT_EQ(0, memcmp(&posn, &got, sizeof(got)));
	}
}

/* start_lock() calls write() of the endpoint for the message. */
TEST_F(legacy, start_lock_calls_write)
{
	struct guest_hdr hdr;

	ASSERT_EQ(0, announced(&self->g));
	ASSERT_EQ(0, ioctl(self->g.fd, LEGACY_SEND_WRITE));
	ASSERT_EQ(16,
		  guest_recv_copy(&self->g, &hdr, self->buf, 65536, LONG_MS));
	EXPECT_EQ(LEGACY_WRITE, hdr.src);
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(LEGACY_REPLY, self->buf[i]);
	/* Without read(), the response to a request is empty. */
	EXPECT_EQ(0, ask(&self->g, LEGACY_WRITE, 1, 0, self->buf));
}

/* Both devices share one table of endpoints in read-only memory. */
TEST_F(legacy, two_devices_at_once)
{
	struct guest_opts opts = { .path = PATH };
	struct guest other;

	ASSERT_EQ(0, guest_open(&other, &opts));
	ASSERT_EQ(0, announced(&self->g));
	ASSERT_EQ(0, announced(&other));
	for (int i = 1; i < 20; i++) {
		EXPECT_EQ(8 * i, ask(&self->g, LEGACY_IPC, i, LEGACY_REPLY,
				     self->buf));
		EXPECT_EQ(8 * i,
			  ask(&other, LEGACY_IPC, i, LEGACY_REPLY, self->buf));
	}
	guest_close(&other);
	EXPECT_EQ(8, ask(&self->g, LEGACY_IPC, 1, LEGACY_REPLY, self->buf));
}

TEST_HARNESS_MAIN
