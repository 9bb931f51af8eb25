// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer's side of links. A guest does only what a driver must do: it reads a header,
 * returns the buffer, requests an interrupt when it has nothing left to do, and kicks when
 * the host requests it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/virtio_vsock.h>

#include "bench.h"
#include "util.h"

#define FIRST_REMOTE	0x400
#define FIRST_CID	100
#define HOST_CID	2
#define BUFFERS		256
/* Enough credit that the host never waits, see vsock_take(). */
#define CREDIT		(1U << 30)

static size_t hdr_size(enum kind kind)
{
	return kind == RPMSG ? GUEST_HDR : sizeof(struct virtio_vsock_hdr);
}

static uint16_t used_idx(struct guest_ring *r)
{
	return __atomic_load_n(&r->vring.used->idx, __ATOMIC_ACQUIRE);
}

/* No interrupts for sent messages, as long as there is room. */
static void mute(struct guest_ring *r)
{
	vring_used_event(&r->vring) = r->last_used + 0x8000;
}

void guest_dev_open(struct setup *s, struct dev *d, unsigned int index)
{
	struct guest_opts opts = {
		.features = GUEST_FEATURES | GUEST_EVENT_IDX,
		.num = BUFFERS,
		.stopped = true,
	};
	size_t hdr = hdr_size(s->kind);
	char name[32];
	uint64_t cid;
	unsigned int i;
	int err;

	opts.buf_size = (hdr + s->size + 63) & ~(size_t)63;
	if (s->kind == RPMSG) {
		snprintf(name, sizeof(name), "bench%u", s->first + index);
		opts.name = name;
		/* The size that a driver uses. */
		if (opts.buf_size < 512)
			opts.buf_size = 512;
	} else {
		opts.path = "/dev/vhost-vsock";
		opts.features = (1ULL << VIRTIO_F_VERSION_1) | GUEST_EVENT_IDX;
		if (s->kind == VSOCK_SEQPACKET)
			opts.features |= 1ULL << VIRTIO_VSOCK_F_SEQPACKET;
		/* There is also room for the answer to a request, and one page. */
		if (opts.buf_size < 4096)
			opts.buf_size = 4096;
	}
	err = guest_open(&d->g, &opts);
	if (err)
		die("%s: %s", opts.path ?: "/dev/vhost-rpmsg", strerror(-err));

	/* All rings share one eventfd. */
	close(d->g.ring[GUEST_RX].call);
	fcntl(d->g.ring[GUEST_TX].call, F_SETFL, 0);
	d->g.ring[GUEST_RX].call = dup(d->g.ring[GUEST_TX].call);
	mute(&d->g.ring[GUEST_RX]);

	/* Touch all memory, so that page faults are not measured. */
	memset(d->g.tx_bufs, 0, BUFFERS * d->g.buf_size);
	for (i = 0; i < BUFFERS; i++)
		memcpy(d->g.rx_bufs + i * d->g.buf_size + hdr, s->pattern,
		       s->size);

	if (s->kind != RPMSG) {
		cid = FIRST_CID + s->first + index;
		d->cid = cid;
		if (ioctl(d->g.fd, VHOST_VSOCK_SET_GUEST_CID, &cid))
			die("VHOST_VSOCK_SET_GUEST_CID");
	}
	if (s->v->busy_us) {
		err = guest_set_busy_poll(&d->g, s->v->busy_us);
		if (err)
			die("VHOST_SET_VRING_BUSYLOOP_TIMEOUT: %s",
			    strerror(-err));
	}
	if (s->v->workers > 1) {
		err = guest_add_worker(&d->g);
		if (err)
			die("VHOST_ATTACH_VRING_WORKER: %s", strerror(-err));
	}
	guest_dev_run(s, d);
}

void guest_dev_run(struct setup *s, struct dev *d)
{
	int one = 1;

	if (s->kind == RPMSG) {
		if (guest_start(&d->g))
			die("guest: start");
	} else if (guest_setup_ring(&d->g, 0) || guest_setup_ring(&d->g, 1) ||
		   ioctl(d->g.fd, VHOST_VSOCK_SET_RUNNING, &one)) {
		die("VHOST_VSOCK_SET_RUNNING: %s", strerror(errno));
	}
	guest_kick_always(&d->g, GUEST_TX);
}

/* Sleep until there is an interrupt since the last check of the rings. */
static void guest_sleep(struct dev *d)
{
	struct guest_ring *tx = &d->g.ring[GUEST_TX];
	struct guest_ring *rx = &d->g.ring[GUEST_RX];
	uint64_t count;

	/* The interrupt was requested; now check again. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (used_idx(tx) != tx->last_used)
		return;
	if (!rx->free && used_idx(rx) != rx->last_used)
		return;
	if (read(tx->call, &count, sizeof(count)) != sizeof(count))
		die("guest: call");
	d->calls += count;
}

/* Get a free buffer for sending. */
static uint8_t *guest_slot(struct dev *d)
{
	struct guest_ring *r = &d->g.ring[GUEST_RX];

	while (guest_used(&d->g, GUEST_RX, NULL, NULL))
		;
	/* Buffers are used in order, so the next one is the oldest. */
	if (!r->free)
		return NULL;
	mute(r);
	return d->g.rx_bufs + (d->g.rx_next++ % r->num) * d->g.buf_size;
}

static void guest_submit(struct dev *d, uint8_t *buf, size_t len)
{
	struct guest_seg seg = { buf, len };

	guest_add(&d->g, GUEST_RX, &seg, 1, false, false, 0);
	guest_kick(&d->g, GUEST_RX);
}

static bool vsock_send(struct setup *s, struct link *l, uint16_t op,
		       uint32_t len)
{
	struct virtio_vsock_hdr *hdr;
	uint8_t *buf;

	if (op == VIRTIO_VSOCK_OP_RW &&
	    l->host_alloc - (l->tx_cnt - l->host_fwd) < len)
		return false;
	buf = guest_slot(l->dev);
	if (!buf)
		return false;
	hdr = (struct virtio_vsock_hdr *)buf;
	*hdr = (struct virtio_vsock_hdr){
		.src_cid = l->dev->cid,
		.dst_cid = HOST_CID,
		.src_port = l->peer_addr,
		.dst_port = l->addr,
		.len = len,
		.type = s->kind == VSOCK_STREAM ? VIRTIO_VSOCK_TYPE_STREAM :
						  VIRTIO_VSOCK_TYPE_SEQPACKET,
		.op = op,
		.flags = s->kind == VSOCK_SEQPACKET &&
					 op == VIRTIO_VSOCK_OP_RW ?
				 VIRTIO_VSOCK_SEQ_EOM | VIRTIO_VSOCK_SEQ_EOR :
				 0,
		.buf_alloc = CREDIT,
		.fwd_cnt = l->rx_cnt,
	};
	if (len)
		memcpy(buf + sizeof(*hdr), &l->peer_sent, sizeof(uint64_t));
	l->tx_cnt += len;
	l->rx_told = l->rx_cnt;
	guest_submit(l->dev, buf, sizeof(*hdr) + len);
	return true;
}

static bool rpmsg_send(struct setup *s, struct link *l)
{
	struct guest_hdr *hdr;
	uint8_t *buf = guest_slot(l->dev);

	if (!buf)
		return false;
	hdr = (struct guest_hdr *)buf;
	*hdr = (struct guest_hdr){
		.src = l->peer_addr,
		.dst = l->addr,
		.len = s->size,
	};
	memcpy(buf + sizeof(*hdr), &l->peer_sent, sizeof(uint64_t));
	guest_submit(l->dev, buf, sizeof(*hdr) + s->size);
	return true;
}

static void message(struct setup *s, struct link *l, const uint8_t *data)
{
	uint64_t num = l->peer_received++;

	if (*(const uint64_t *)data != num ||
	    (s->verify && !check_payload(s, data, num)))
		s->errors++;
}

static struct link *link_of(struct setup *s, uint32_t addr)
{
	if (addr - FIRST_REMOTE >= s->num_links)
		die("guest: a message to %#x", addr);
	return &s->links[addr - FIRST_REMOTE];
}

/* Returns true at the end of a message. */
static bool rpmsg_take(struct setup *s, const uint8_t *buf)
{
	const struct guest_hdr *hdr = (const struct guest_hdr *)buf;

	if (hdr->dst == VHOST_RPMSG_ADDR_ANY)
		return false;	/* a buffer without a message */
	if (hdr->len != s->size)
		die("guest: %u bytes instead of %zu", hdr->len, s->size);
	message(s, link_of(s, hdr->dst), buf + sizeof(*hdr));
	return true;
}

static bool vsock_take(struct setup *s, const uint8_t *buf)
{
	const struct virtio_vsock_hdr *hdr =
		(const struct virtio_vsock_hdr *)buf;
	struct link *l = link_of(s, hdr->dst_port);

	l->host_alloc = hdr->buf_alloc;
	l->host_fwd = hdr->fwd_cnt;
	switch (hdr->op) {
	case VIRTIO_VSOCK_OP_RW:
		l->rx_cnt += hdr->len;
		l->part += hdr->len;
		/* The host never has more in flight than fits into its own queue. */
		if (l->rx_cnt - l->rx_told >= QUEUE_SIZE / 2)
			vsock_send(s, l, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0);
		if (l->part < s->size)
			return false;
		if (l->part != s->size || hdr->len != s->size)
			die("guest: a message in pieces");
		l->part = 0;
		message(s, l, buf + sizeof(*hdr));
		return true;
	case VIRTIO_VSOCK_OP_REQUEST:
		l->addr = hdr->src_port;
		l->connected = true;
		if (!vsock_send(s, l, VIRTIO_VSOCK_OP_RESPONSE, 0))
			die("guest: no room for an answer");
		return true;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		return false;
	default:
		die("guest: vsock operation %u", hdr->op);
	}
}

/* Receive at most max messages without waiting; returns their number. */
static unsigned int guest_take(struct setup *s, struct dev *d, unsigned int max)
{
	unsigned int n = 0;
	uint64_t tag;
	uint8_t *buf;

	while (n < max && guest_used(&d->g, GUEST_TX, &tag, NULL)) {
		buf = (uint8_t *)(uintptr_t)tag;
		d->used++;
		n += s->kind == RPMSG ? rpmsg_take(s, buf) : vsock_take(s, buf);
		guest_post_one(&d->g, buf);
	}
	guest_kick(&d->g, GUEST_TX);
	return n;
}

void guest_connect(struct setup *s, struct dev *d)
{
	while (!guest_take(s, d, 1))
		guest_sleep(d);
}

static void read_all(struct setup *s, struct link *l)
{
	static uint8_t buf[65536];
	size_t done = 0;
	ssize_t n;

	do {
		n = read(l->peer_in, buf + done, s->size - done);
		if (n <= 0)
			die("peer: read");
		done += n;
	} while (done < s->size);
	message(s, l, buf);
}

static void write_all(struct setup *s, struct link *l)
{
	size_t done = 0;
	ssize_t n;

	*(uint64_t *)s->pattern = l->peer_sent;
	do {
		n = write(l->peer_out, s->pattern + done, s->size - done);
		if (n <= 0)
			die("peer: write");
		done += n;
	} while (done < s->size);
}

void peer_recv(struct setup *s, struct link *l, unsigned int n)
{
	if (!has_guest(s->kind)) {
		if (s->v->batch)
			batch_recv(s, l->peer_in, &l->peer_received, n);
		else
			while (n--)
				read_all(s, l);
		return;
	}
	while (n) {
		n -= guest_take(s, l->dev, n);
		if (n)
			guest_sleep(l->dev);
	}
}

/* A driver that waits for room waits for half of the ring. */
static void want_room(struct dev *d)
{
	struct guest_ring *r = &d->g.ring[GUEST_RX];

	if (!r->free)
		vring_used_event(&r->vring) = r->last_used + r->num / 2;
}

static bool guest_put(struct setup *s, struct link *l)
{
	bool put = s->kind == RPMSG ?
			   rpmsg_send(s, l) :
			   vsock_send(s, l, VIRTIO_VSOCK_OP_RW, s->size);

	l->peer_sent += put;
	return put;
}

void peer_send(struct setup *s, struct link *l, unsigned int n)
{
	if (!has_guest(s->kind)) {
		if (s->v->batch) {
			batch_send(s, l->peer_out, &l->peer_sent, n);
			return;
		}
		for (; n; n--, l->peer_sent++)
			write_all(s, l);
		return;
	}
	while (n) {
		if (guest_put(s, l)) {
			n--;
			continue;
		}
		want_room(l->dev);
		guest_sleep(l->dev);
		/* This may bring more credit. */
		if (guest_take(s, l->dev, 1))
			die("guest: a message that is not expected");
	}
}

void peer_both(struct setup *s, unsigned int down, unsigned int up)
{
	struct dev *d = s->links[0].dev;
	unsigned int sent = 0, i;

	while (down || sent < up) {
		unsigned int took = guest_take(s, d, down < 16 ? down : 16);

		down -= took;
		/* Send on the links whose processes receive. */
		for (i = 0; i < 16 && sent < up; i++, sent++)
			if (!guest_put(s,
				       &s->links[(sent * 2 + 1) % s->num_links]))
				break;
		if (took || i)
			continue;
		want_room(d);
		guest_sleep(d);
	}
}

static bool is_message(struct setup *s, const uint8_t *buf)
{
	const struct virtio_vsock_hdr *vsock =
		(const struct virtio_vsock_hdr *)buf;

	if (s->kind == RPMSG)
		return ((const struct guest_hdr *)buf)->len == s->size;
	return vsock->op == VIRTIO_VSOCK_OP_RW && vsock->len == s->size;
}

/* Close the device; keep the rings, and the header of a message. */
void peer_detach(struct setup *s, struct dev *d)
{
	const uint8_t *buf = d->g.tx_bufs;

	if (d->g.fd < 0)
		return;
	close(d->g.fd);
	d->g.fd = -1;
	while (!is_message(s, buf))
		buf += d->g.buf_size;
	memcpy(d->hdr, buf, hdr_size(s->kind));
}

/* Receive everything, and send this number of messages with their overhead. */
void peer_play_host(struct setup *s, struct dev *d, unsigned int messages,
		    unsigned int others)
{
	struct vring *tx = &d->g.ring[GUEST_TX].vring;
	struct vring *rx = &d->g.ring[GUEST_RX].vring;
	struct virtio_vsock_hdr *vsock;
	uint64_t one = 1;
	unsigned int n;
	uint16_t i, at;
	uint8_t *buf;

	for (i = rx->used->idx; i != rx->avail->idx; i++)
		rx->used->ring[i % rx->num].id = rx->avail->ring[i % rx->num];
	rx->used->idx = i;
	/* Request kicks for messages, but not for empty buffers. */
	vring_avail_event(rx) = i;
	vring_avail_event(tx) = tx->avail->idx + 0x8000;

	for (n = 0; n < messages + others; n++) {
		at = tx->used->idx % tx->num;
		tx->used->ring[at].id = tx->avail->ring[at];
		tx->used->ring[at].len = hdr_size(s->kind) + s->size;
		buf = (uint8_t *)(uintptr_t)d->g.ring[GUEST_TX]
			      .tag[tx->avail->ring[at]];
		memcpy(buf, d->hdr, hdr_size(s->kind));
		vsock = (struct virtio_vsock_hdr *)buf;
		if (n < others)
			vsock->op = VIRTIO_VSOCK_OP_CREDIT_UPDATE;
		else if (s->kind != RPMSG)
			/* Everything has been read. */
			vsock->fwd_cnt = link_of(s, vsock->dst_port)->tx_cnt;
		tx->used->idx++;
	}
	if (write(d->g.ring[GUEST_TX].call, &one, sizeof(one)) != sizeof(one))
		die("guest: call");
}
