// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge with front ends that behave like cloud-hypervisor 52 to 54 and libkrun.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "bridge_fixture.h"
#include "numbers.h"

/*
 * cloud-hypervisor only has features of rings, and no name service. It starts at the avail
 * index of each ring, which is after all buffers for the first ring of a Linux guest, and
 * sends the whole memory table each time.
 */

#define CH_FEATURES							\
	((1ULL << VIRTIO_F_VERSION_1) | (1ULL << VIRTIO_RING_F_EVENT_IDX) |	\
	 (1ULL << VIRTIO_RING_F_INDIRECT_DESC) | F_PROTOCOL)

/* Request a region for inflight descriptors: returns the file, or -errno. */
static int get_inflight(struct fe *fe, struct inflight *inflight, uint32_t size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct header header;
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ inflight, size },
	};
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd, err;

	err = fe_send(fe, GET_INFLIGHT_FD, FLAG_VERSION, inflight, size, NULL,
		      0);
	if (err)
		return err;
	if (recvmsg(fe->sock, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC) !=
		    (ssize_t)(sizeof(header) + size) ||
	    header.request != GET_INFLIGHT_FD || header.size != size ||
	    !CMSG_FIRSTHDR(&msg))
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int ch_set_inflight(struct fe *fe, uint32_t size)
{
	struct inflight inflight = { .num_queues = 2, .queue_size = RING_SIZE };
	int err, fd = get_inflight(fe, &inflight, size);

	if (fd < 0)
		return fd;
	err = fe_call(fe, SET_INFLIGHT_FD, &inflight, size, &fd, 1);
	close(fd);
	return err;
}

static int ch_set_ring(struct fe *fe, int q)
{
	struct guest_ring *ring = &fe->g.ring[q];
	int err;

	err = fe_state(fe, SET_VRING_NUM, q, ring->num);
	if (!err)
		err = fe_set_addr(fe, fe_addr(fe, q));
	if (!err)
		err = fe_state(fe, SET_VRING_BASE, q, ring->vring.avail->idx);
	if (!err)
		err = fe_file(fe, SET_VRING_CALL, q, ring->call);
	return err ?: fe_file(fe, SET_VRING_KICK, q, ring->kick);
}

/* The guest's driver is ready. */
static int ch_activate(struct fe *fe)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};
	int fds[] = { fe->memfd, fe->memfd };
	int q, err;

	err = fe_u64(fe, SET_FEATURES, CH_FEATURES);
	if (!err)
		err = fe_mem_table(fe, regions, 2, fds, 2);
	if (!err)
		err = ch_set_inflight(fe, sizeof(struct inflight));
	for (q = 0; !err && q < 2; q++)
		err = ch_set_ring(fe, q);
	return err ?: fe_enable(fe, true);
}

/* The guest resets the device, and its driver sets it up again. */
static int ch_reboot(struct fe *fe)
{
	struct vhost_vring_state state = {};
	int err = fe_enable(fe, false);

	for (state.index = 0; !err && state.index < 2; state.index++)
		err = fe_ask(fe, GET_VRING_BASE, &state, sizeof(state),
			     sizeof(state));
	guest_reset_rings(&fe->g);
	guest_post(&fe->g);
	return err ?: ch_activate(fe);
}

static int ch_reconnect(struct fe *fe)
{
	int err = fe_connect(fe);

	if (!err)
		err = fe_handshake(fe);
	return err ?: ch_activate(fe);
}

TEST_F(bridge, cloud_hypervisor_starts)
{
	G->features = CH_FEATURES & ~F_PROTOCOL;
	ASSERT_EQ(RING_SIZE, G->ring[0].vring.avail->idx);
	ASSERT_EQ(0, ch_activate(FE));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
	EXPECT_EQ(1, logged("event=base ring=0 base=64 used=0\n"));
}

/* Buffers that the guest has posted before the start are not skipped. */
TEST_F(bridge, cloud_hypervisor_starts_with_messages_in_the_ring)
{
	char buf[4];

	G->features = CH_FEATURES & ~F_PROTOCOL;
	ASSERT_EQ(0, guest_send(G, REMOTE, ADDR, "ping", 4));
	ASSERT_EQ(0, ch_activate(FE));
	ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN);
	EXPECT_EQ(4, read(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, cloud_hypervisor_reboots)
{
	int ept, fd;

	ept = nl_ept_new(EPT_REQ(.dev = DEV, .addr = 2000,
				 .remote = VHOST_RPMSG_ADDR_ANY));
	ASSERT_GE(ept, 0);
	fd = ept_open(ept, O_NONBLOCK);
	G->features = CH_FEATURES & ~F_PROTOCOL;
	ASSERT_EQ(0, ch_activate(FE));
	ASSERT_EQ(0, guest_send(G, REMOTE, 2000, "ping", 4));
	ASSERT_EQ(POLLIN, poll_fd(fd, POLLIN, LONG_MS) & POLLIN);
	ASSERT_EQ(4, write(fd, "pong", 4));
	ASSERT_EQ(0, ch_reboot(FE));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
	/* The new guest does not have the addresses of the former one. */
	EXPECT_EQ(-1, write(fd, "pong", 4));
	EXPECT_EQ(ENOTCONN, errno);
	close(fd);
	EXPECT_EQ(0, nl_ept_del(ept));
}

/* No message in the rings is lost or duplicated. */
TEST_F(bridge, cloud_hypervisor_reconnects)
{
	uint32_t i, number;

	G->features = CH_FEATURES & ~F_PROTOCOL;
	ASSERT_EQ(0, ch_activate(FE));
	ASSERT_EQ(0, talk(G, self->fd));
	fe_disconnect(FE);
	ASSERT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, guest_send(G, REMOTE, ADDR, &i, sizeof(i)));
	ASSERT_EQ(0, ch_reconnect(FE));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN);
		ASSERT_EQ(4, read(self->fd, &number, sizeof(number)));
		ASSERT_EQ(i, number);
	}
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS) & POLLIN);
	EXPECT_EQ(0, talk(G, self->fd));
}

/*
 * The bridge dies at any moment of a burst, and the VMM does not know the indices of the
 * rings. Nothing is in flight then: no message is lost or duplicated.
 */
TEST_F_TIMEOUT(bridge, killed_in_a_burst, SLOW_S)
{
	struct numbers guest = {}, host = {};
	int round;

	G->features = CH_FEATURES & ~F_PROTOCOL;
	ASSERT_EQ(0, ch_activate(FE));
	for (round = 0; round < 40; round++) {
		send_numbers(G, self->fd, &guest, &host);
		usleep(round * 50);
		kill(self->pid, SIGKILL);
		wait_exit(self->pid);
		fe_disconnect(FE);
		ASSERT_EQ(0, read_numbers(self->fd, &guest));
		ASSERT_EQ(0, recv_numbers(G, &host, 0));
		self->pid = SPAWN("-s", SOCK, "-n", DEV);
		ASSERT_EQ(0, ch_reconnect(FE));
	}
	ASSERT_EQ(0, guest_drain(G, LONG_MS));
	ASSERT_EQ(0, read_numbers(self->fd, &guest));
	EXPECT_EQ(guest.sent, guest.next);
	while (host.next != host.sent)
		ASSERT_EQ(0, recv_numbers(G, &host, SHORT_MS));
	EXPECT_LT(RING_SIZE, guest.sent);
	EXPECT_LT(RING_SIZE, host.sent);
}

TEST_F(bridge, region_for_descriptors_in_flight)
{
	struct inflight inflight = { .num_queues = 2, .queue_size = 256 };
	char byte = 1, *mem;
	uint64_t i;
	int fd;

	fd = get_inflight(FE, &inflight, sizeof(inflight));
	ASSERT_GE(fd, 0);
	/* Both rings have a head, and 16 bytes per descriptor. */
	ASSERT_LE(2 * (8 + 256 * 16), inflight.mmap_size);
	EXPECT_EQ(2, inflight.num_queues);
	EXPECT_EQ(256, inflight.queue_size);
	EXPECT_EQ(0, inflight.mmap_offset);
	mem = mmap(NULL, inflight.mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, 0);
	ASSERT_NE(MAP_FAILED, mem);
	for (i = 0; i < inflight.mmap_size; i++)
		byte &= !mem[i];
	EXPECT_EQ(1, byte);
	munmap(mem, inflight.mmap_size);
	close(fd);
	/* Some front ends do not count the padding. */
	EXPECT_EQ(0, ch_set_inflight(FE, 20));
	EXPECT_EQ(0, ch_set_inflight(FE, 24));
	START();
}

/* libkrun uses base 0 each time, and accepts all offered features. */
static int krun_start(struct fe *fe)
{
	struct region region = fe_region(0, MEM_SIZE);
	uint64_t features;
	int q, err;

	err = fe_get(fe, GET_FEATURES, &features);
	features &= ~F_LOG_ALL;
	if (!err)
		err = fe_u64(fe, SET_FEATURES, features);
	if (!err)
		err = fe_mem_table(fe, &region, 1, &fe->memfd, 1);
	for (q = 0; !err && q < 2; q++) {
		fe->base[q] = 0;
		err = fe_set_ring(fe, q);
	}
	fe->g.features = features & ~F_PROTOCOL;
	return err ?: fe_enable(fe, true);
}

TEST_F(bridge, libkrun_starts)
{
	ASSERT_EQ(0, krun_start(FE));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* After a pause base 0 is wrong, and no message may be duplicated. */
TEST_F(bridge, libkrun_goes_on)
{
	ASSERT_EQ(0, krun_start(FE));
	ASSERT_EQ(0, meet(G, self->fd));
	ASSERT_EQ(0, fe_stop(FE));
	ASSERT_EQ(0, krun_start(FE));
	EXPECT_EQ(0, talk(G, self->fd));
	EXPECT_EQ(0, guest_in_flight(G, GUEST_RX));
}

/* After a stop, set up rings for a rebooted guest without sending a base. */
TEST_F(bridge, no_base_for_a_new_guest)
{
	int q;

	START();
	ASSERT_EQ(0, fe_stop(FE));
	guest_reset_rings(G);
	guest_post(G);
	for (q = 0; q < 2; q++) {
		ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, q)));
		ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, q, G->ring[q].kick));
	}
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_HARNESS_MAIN
