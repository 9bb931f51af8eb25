// SPDX-License-Identifier: GPL-2.0-only
/* A virtio-rpmsg driver in this process, see guest.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "guest.h"
#include "util.h"

static const struct {
	uint64_t without;	/* unknown features */
	bool blind;		/* ignores used lengths of received messages */
	bool whole;		/* posts the whole buffer, even for a short message */
	bool believes;		/* takes used lengths of sent messages for sizes */
	bool quiet;		/* does not kick for empty buffers */
	bool one_call;		/* does not request the next interrupt */
	bool writable;		/* marks what it sends as writable by the device */
	uint32_t first_addr;
} habits[] = {
	[GUEST_STRICT] = { .first_addr = 1024 },
	[GUEST_LINUX] = { .first_addr = 1024 },
	[GUEST_OPENAMP] = {
		.without = ~0ULL << 32,
		.blind = true,
		.whole = true,
		.believes = true,
		.one_call = true,
		.first_addr = 1024,
	},
	[GUEST_RPMSG_LITE] = {
		.without = ~(1ULL << VIRTIO_RPMSG_F_NS),
		.blind = true,
		.whole = true,
		.quiet = true,
		.writable = true,
		.first_addr = 1,
	},
};

/* There is room for one indirect table per head. */
static struct vring_desc *indirect_table(struct guest *g, int q, uint16_t head)
{
	size_t tables = g->ring_mem + 0x20000 + q * 0x40000;

	return (struct vring_desc *)(g->mem + tables) + head * GUEST_MAX_DESC;
}

static int xioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

void *guest_alloc(struct guest *g, size_t size)
{
	void *p = g->mem + g->next;

	if (g->next + size > g->size)
		die("guest: out of memory");
	g->next += (size + 63) & ~(size_t)63;
	return p;
}

uint8_t *guest_alloc_page(struct guest *g)
{
	uint8_t *page = (uint8_t *)guest_alloc(g, 3 * 4096) + 4096;

	return page + (-(uintptr_t)page & 4095);
}

void guest_reset_rings(struct guest *g)
{
	int q;
	unsigned int i;

	for (q = 0; q < 2; q++) {
		struct guest_ring *r = &g->ring[q];
		uint8_t *mem = g->mem + g->ring_mem + q * 0x10000;

		memset(mem, 0, 0x10000);
		vring_init(&r->vring, r->num, mem, 4096);
		r->last_used = 0;
		r->avail = 0;
		r->kicked = 0;
		r->free = r->num;
		r->free_head = 0;
		for (i = 0; i < r->num; i++)
			r->vring.desc[i].next = guest_16(g, i + 1);
	}
	g->rx_next = 0;
	g->rx_num_back = 0;
	g->rx_odd = false;
	for (i = 0; i < g->ring[GUEST_RX].num; i++)
		g->rx_room[i] = g->buf_size;
	g->addrs = 0;
}

int guest_setup_ring(struct guest *g, int q)
{
	struct guest_ring *r = &g->ring[q];
	struct vhost_vring_state state = { .index = q, .num = r->num };
	struct vhost_vring_addr addr = {
		.index = q,
		.desc_user_addr = (uintptr_t)r->vring.desc,
		.avail_user_addr = (uintptr_t)r->vring.avail,
		.used_user_addr = (uintptr_t)r->vring.used,
	};
	struct vhost_vring_file file = { .index = q };
	int err;

	err = xioctl(g->fd, VHOST_SET_VRING_NUM, &state);
	if (err)
		return err;
	/* A driver that continues starts where the host has stopped. */
	state.num = r->last_used;
	err = xioctl(g->fd, VHOST_SET_VRING_BASE, &state);
	if (err)
		return err;
	err = xioctl(g->fd, VHOST_SET_VRING_ADDR, &addr);
	if (err)
		return err;
	file.fd = r->kick;
	err = xioctl(g->fd, VHOST_SET_VRING_KICK, &file);
	if (err)
		return err;
	file.fd = r->call;
	return xioctl(g->fd, VHOST_SET_VRING_CALL, &file);
}

/* Since Linux 6.5. */
#ifndef VHOST_NEW_WORKER
struct vhost_worker_state {
	unsigned int worker_id;
};

struct vhost_vring_worker {
	unsigned int index;
	unsigned int worker_id;
};

#define VHOST_NEW_WORKER	_IOR(VHOST_VIRTIO, 0x8, struct vhost_worker_state)
#define VHOST_ATTACH_VRING_WORKER	\
	_IOW(VHOST_VIRTIO, 0x15, struct vhost_vring_worker)
#endif

int guest_new_worker(int fd)
{
	struct vhost_worker_state state = {};

	return xioctl(fd, VHOST_NEW_WORKER, &state) ?: (int)state.worker_id;
}

int guest_add_worker(const struct guest *g)
{
	struct vhost_vring_worker worker = { .index = GUEST_RX };
	int id = guest_new_worker(g->fd);

	worker.worker_id = id;
	return id < 0 ? id : xioctl(g->fd, VHOST_ATTACH_VRING_WORKER, &worker);
}

int guest_set_busy_poll(const struct guest *g, unsigned int us)
{
	struct vhost_vring_state state = { .num = us };
	int err = 0;

	for (state.index = 0; !err && state.index < 2; state.index++)
		err = xioctl(g->fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state);
	return err;
}

int guest_set_running(struct guest *g, int value)
{
	int err = xioctl(g->fd, VHOST_RPMSG_SET_RUNNING, &value);

	if (!err)
		g->running = value != VHOST_RPMSG_STOP;
	return err;
}

int guest_start(struct guest *g)
{
	int err, q;

	for (q = 0; q < 2; q++) {
		err = guest_setup_ring(g, q);
		if (err)
			return err;
	}
	return guest_set_running(g, VHOST_RPMSG_START);
}

int guest_stop(struct guest *g)
{
	return guest_set_running(g, VHOST_RPMSG_STOP);
}

int guest_reset(struct guest *g)
{
	int err = guest_stop(g);

	if (err)
		return err;
	guest_reset_rings(g);
	guest_post(g);
	err = guest_start(g);
	guest_kick_always(g, GUEST_TX);
	return err;
}

int guest_pause(struct guest *g)
{
	return guest_stop(g);
}

int guest_resume(struct guest *g)
{
	int q, err;

	for (q = 0; q < 2; q++) {
		struct vhost_vring_state state = { .index = q };

		err = xioctl(g->fd, VHOST_GET_VRING_BASE, &state);
		if (!err)
			err = xioctl(g->fd, VHOST_SET_VRING_BASE, &state);
		if (err)
			return err;
	}
	err = guest_set_running(g, VHOST_RPMSG_CONTINUE);
	/* Until something has happened, it looks like a new guest. */
	return err == -ESTALE ? guest_set_running(g, VHOST_RPMSG_START) : err;
}

int guest_set_mem_table(const struct guest *g)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = { .head.nregions = 1 };

	table.region.memory_size = g->size;
	table.region.userspace_addr = (uintptr_t)g->mem;
	return xioctl(g->fd, VHOST_SET_MEM_TABLE, &table);
}

int guest_reopen(struct guest *g, const struct guest_opts *opts)
{
	int err = 0;

	if (g->fd >= 0)
		close(g->fd);
	g->fd = open(opts->path ?: "/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC);
	if (g->fd < 0)
		return -errno;
	if (opts->name) {
		struct vhost_rpmsg_attach attach = {
			.flags = opts->keep ? VHOST_RPMSG_ATTACH_KEEP : 0,
		};

		snprintf(attach.name, sizeof(attach.name), "%s", opts->name);
		err = xioctl(g->fd, VHOST_RPMSG_ATTACH, &attach);
	}
	if (!err)
		err = xioctl(g->fd, VHOST_SET_OWNER, NULL);
	if (!err)
		err = xioctl(g->fd, VHOST_SET_FEATURES, &g->features);
	return err ?: guest_set_mem_table(g);
}

int guest_open(struct guest *g, const struct guest_opts *opts)
{
	static const struct guest_opts defaults;
	const struct guest_opts *o = opts ?: &defaults;
	unsigned int num = o->num ?: 256;
	int err, q;

	memset(g, 0, sizeof(*g));
	g->ring[0].num = num;
	g->ring[1].num = num;
	g->ring[0].kick = g->ring[0].call = -1;
	g->ring[1].kick = g->ring[1].call = -1;
	g->habit = o->habit;
	g->features = (o->features ?: GUEST_FEATURES) &
		      ~habits[g->habit].without;
	g->buf_size = o->buf_size ?: 512;
	g->mixed = o->mixed;
	g->buffers = o->buffers;
	g->size = o->mem_size ?: (4 << 20) + 2 * num * (g->buf_size + 64);
	g->size = (g->size + 4095) & ~4095UL;
	g->mem = mmap(NULL, g->size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->mem == MAP_FAILED)
		die("guest: mmap");
	g->ring_mem = 0x1000;
	g->next = 0x1000 + 0x20000 + 2 * 0x40000;
	g->tx_bufs = guest_alloc(g, num * g->buf_size);
	g->rx_bufs = guest_alloc(g, num * g->buf_size);

	g->fd = -1;
	err = guest_reopen(g, o);
	if (err)
		goto fail;
	for (q = 0; q < 2; q++) {
		g->ring[q].kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		g->ring[q].call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (g->ring[q].kick < 0 || g->ring[q].call < 0)
			die("guest: eventfd");
	}
	guest_reset_rings(g);
	if (!o->no_buffers)
		guest_post(g);
	if (!o->stopped) {
		err = guest_start(g);
		if (err)
			goto fail;
		guest_kick_always(g, GUEST_TX);
	}
	return 0;

fail:
	guest_close(g);
	return err;
}

void guest_close(struct guest *g)
{
	int q;

	if (!g->mem)
		return;
	if (g->fd >= 0)
		close(g->fd);
	for (q = 0; q < 2; q++) {
		if (g->ring[q].kick >= 0)
			close(g->ring[q].kick);
		if (g->ring[q].call >= 0)
			close(g->ring[q].call);
	}
	munmap(g->mem, g->size);
	memset(g, 0, sizeof(*g));
	g->fd = -1;
}

void guest_put_hdr(const struct guest *g, void *buf, struct guest_hdr hdr)
{
	hdr.src = guest_32(g, hdr.src);
	hdr.dst = guest_32(g, hdr.dst);
	hdr.reserved = guest_32(g, hdr.reserved);
	hdr.len = guest_16(g, hdr.len);
	hdr.flags = guest_16(g, hdr.flags);
	memcpy(buf, &hdr, sizeof(hdr));
}

struct guest_hdr guest_get_hdr(const struct guest *g, const void *buf)
{
	struct guest_hdr hdr;

	memcpy(&hdr, buf, sizeof(hdr));
	guest_put_hdr(g, &hdr, hdr);
	return hdr;
}

struct guest_ns guest_ns_swap(const struct guest *g, struct guest_ns ns)
{
	ns.addr = guest_32(g, ns.addr);
	ns.flags = guest_32(g, ns.flags);
	return ns;
}

static void ring_show(struct guest *g, int q)
{
	struct guest_ring *r = &g->ring[q];

	__atomic_store_n(&r->vring.avail->idx, guest_16(g, r->avail),
			 __ATOMIC_RELEASE);
}

static void ring_publish(struct guest *g, int q, uint16_t head)
{
	struct guest_ring *r = &g->ring[q];

	r->vring.avail->ring[r->avail++ % r->num] = guest_16(g, head);
	if (!g->hides)
		ring_show(g, q);
}

void guest_hide(struct guest *g)
{
	g->hides = true;
}

void guest_show(struct guest *g)
{
	g->hides = false;
	for (int q = 0; q < 2; q++)
		ring_show(g, q);
}

void guest_set_desc(const struct guest *g, struct vring_desc *desc,
		    const void *p, uint32_t len, uint16_t flags)
{
	desc->addr = guest_64(g, guest_gpa(g, p));
	desc->len = guest_32(g, len);
	desc->flags = guest_16(g, flags);
}

int guest_add(struct guest *g, int q, const struct guest_seg *seg,
	      unsigned int n, bool writable, bool indirect, uint64_t tag)
{
	struct guest_ring *r = &g->ring[q];
	uint16_t flags = writable ? VRING_DESC_F_WRITE : 0;
	struct vring_desc *desc;
	uint16_t head = r->free_head, at = head;
	unsigned int i;

	if (n > GUEST_MAX_DESC)
		die("guest: too many pieces");
	if (r->free < (indirect ? 1 : n))
		return -ENOSPC;
	for (i = 0, r->size[head] = 0; i < n; i++)
		r->size[head] += seg[i].len;

	if (indirect) {
		struct vring_desc *table = indirect_table(g, q, head);

		for (i = 0; i < n; i++) {
			guest_set_desc(g, &table[i], seg[i].p, seg[i].len,
				       flags | (i + 1 < n ? VRING_DESC_F_NEXT :
							    0));
			table[i].next = guest_16(g, i + 1);
		}
		desc = &r->vring.desc[head];
		guest_set_desc(g, desc, table, n * sizeof(*table),
			       VRING_DESC_F_INDIRECT);
		at = guest_16(g, desc->next);
		r->chain[head] = 1;
		r->free--;
	} else {
		for (i = 0; i < n; i++) {
			desc = &r->vring.desc[at];
			guest_set_desc(g, desc, seg[i].p, seg[i].len,
				       flags | (i + 1 < n ? VRING_DESC_F_NEXT :
							    0));
			at = guest_16(g, desc->next);
		}
		r->chain[head] = n;
		r->free -= n;
	}
	r->free_head = at;
	r->tag[head] = tag;
	ring_publish(g, q, head);
	return head;
}

void guest_add_raw(struct guest *g, int q, uint16_t head)
{
	ring_publish(g, q, head);
}

void guest_kick_always(struct guest *g, int q)
{
	uint64_t one = 1;

	g->ring[q].kicked = g->ring[q].avail;
	g->kicks++;
	if (write(g->ring[q].kick, &one, sizeof(one)) != sizeof(one))
		die("guest: kick");
}

void guest_kick(struct guest *g, int q)
{
	struct guest_ring *r = &g->ring[q];
	bool wanted;

	if (q == GUEST_TX && habits[g->habit].quiet)
		return;
	/* Publish first, then check whether the host requests a kick. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (g->features & GUEST_EVENT_IDX)
		wanted = vring_need_event(guest_16(g,
						   vring_avail_event(&r->vring)),
					  r->avail, r->kicked);
	else
		wanted = !(guest_16(g, r->vring.used->flags) &
			   VRING_USED_F_NO_NOTIFY);
	if (wanted)
		guest_kick_always(g, q);
	r->kicked = r->avail;
}

/* The host has returned a buffer that the driver has sent. */
static void rx_back(struct guest *g, uint16_t head, uint32_t used)
{
	struct guest_ring *r = &g->ring[GUEST_RX];
	bool modern = g->features & (1ULL << VIRTIO_F_VERSION_1);
	uint8_t *buf = (uint8_t *)(uintptr_t)r->tag[head];
	unsigned int i;

	if (used != (modern ? 0 : r->size[head]))
		g->rx_odd = true;
	if (buf < g->rx_bufs || buf >= g->rx_bufs + r->num * g->buf_size)
		return;
	i = (buf - g->rx_bufs) / g->buf_size;
	if (habits[g->habit].believes)
		g->rx_room[i] = used;
	g->rx_back[g->rx_num_back++ % r->num] = i;
}

uint16_t guest_used_idx(const struct guest *g, int q)
{
	return guest_16(g, __atomic_load_n(&g->ring[q].vring.used->idx,
					   __ATOMIC_ACQUIRE));
}

bool guest_used(struct guest *g, int q, uint64_t *tag, uint32_t *len)
{
	struct guest_ring *r = &g->ring[q];
	struct vring_used_elem elem;
	uint16_t head, at;
	unsigned int i;

	if (guest_used_idx(g, q) == r->last_used)
		return false;
	elem = r->vring.used->ring[r->last_used % r->num];
	elem.id = guest_32(g, elem.id);
	elem.len = guest_32(g, elem.len);
	head = elem.id;
	if (elem.id >= r->num || !r->chain[head])
		die("guest: the host gives back a buffer that it does not have");
	if (tag)
		*tag = r->tag[head];
	if (len)
		*len = elem.len;
	if (q == GUEST_RX)
		rx_back(g, head, elem.len);
	r->last_used++;
	/* Request an interrupt for the next one. */
	if (!habits[g->habit].one_call)
		vring_used_event(&r->vring) = guest_16(g, r->last_used);

	for (at = head, i = 1; i < r->chain[head]; i++)
		at = guest_16(g, r->vring.desc[at].next);
	r->vring.desc[at].next = guest_16(g, r->free_head);
	r->free_head = head;
	r->free += r->chain[head];
	r->chain[head] = 0;
	return true;
}

bool guest_wait_used(struct guest *g, int q, int timeout_ms)
{
	struct guest_ring *r = &g->ring[q];
	struct pollfd pfd = { .fd = r->call, .events = POLLIN };
	long long end = now_ms() + timeout_ms, left;
	uint64_t count;

	for (;;) {
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (guest_used_idx(g, q) != r->last_used)
			return true;
		left = end - now_ms();
		if (left <= 0)
			return false;
		/* Poll, since there may be no interrupt. */
		if (habits[g->habit].one_call && left > 1)
			left = 1;
		if (poll(&pfd, 1, left) == 1 &&
		    read(r->call, &count, sizeof(count)) < 0)
			die("guest: call");
	}
}

unsigned long guest_calls(struct guest *g, int q)
{
	uint64_t count;

	if (read(g->ring[q].call, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

unsigned int guest_in_flight(struct guest *g, int q)
{
	return (uint16_t)(g->ring[q].avail - guest_used_idx(g, q));
}

int guest_hold(void *page)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
	};
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = {
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	range.range.start = (uintptr_t)page;
	range.range.len = 4096;
	wp.range = range.range;
	if (uffd >= 0 && (ioctl(uffd, UFFDIO_API, &api) ||
			  ioctl(uffd, UFFDIO_REGISTER, &range) ||
			  ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))) {
		close(uffd);
		uffd = -1;
	}
	return uffd;
}

int guest_withhold(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { (uintptr_t)page, 4096 },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd >= 0 && (ioctl(uffd, UFFDIO_API, &api) ||
			  ioctl(uffd, UFFDIO_REGISTER, &range)))
		die("userfaultfd: %s", strerror(errno));
	return uffd;
}

int guest_hold_used(struct guest *g, int q)
{
	int none = -1;

	/* This waits until the worker is idle, and changes nothing. */
	xioctl(g->fd, VHOST_SET_LOG_FD, &none);
	/* The used ring has its own page. */
	return guest_hold(g->ring[q].vring.used);
}

size_t guest_size(struct guest *g, const uint8_t *buf)
{
	const size_t sizes[] = { 64, g->buf_size / 2, g->buf_size };

	if (!g->mixed || buf < g->tx_bufs || buf >= g->rx_bufs)
		return g->buf_size;
	return sizes[(buf - g->tx_bufs) / g->buf_size % 3];
}

void guest_post_one(struct guest *g, uint8_t *buf)
{
	struct guest_seg seg = { buf, guest_size(g, buf) };

	if (guest_add(g, GUEST_TX, &seg, 1, true, false, (uintptr_t)buf) < 0)
		die("guest: no descriptor for a buffer");
}

void guest_post(struct guest *g)
{
	unsigned int i, n = g->buffers ?: g->ring[GUEST_TX].num;

	for (i = 0; i < n; i++)
		guest_post_one(g, g->tx_bufs + i * g->buf_size);
}

int guest_queue(struct guest *g, uint32_t src, uint32_t dst, const void *data,
		size_t len)
{
	struct guest_ring *r = &g->ring[GUEST_RX];
	struct guest_hdr hdr = { .src = src, .dst = dst, .len = len };
	struct guest_seg seg;
	unsigned int i;

	if (len > g->buf_size - GUEST_HDR)
		return -EMSGSIZE;
	while (!r->free && guest_used(g, GUEST_RX, NULL, NULL))
		;
	if (!r->free)
		return -EAGAIN;
	/* Use each buffer once, then those that were returned. */
	i = g->rx_next;
	if (i >= r->num)
		i = g->rx_back[(i - r->num) % r->num];
	if (GUEST_HDR + len > g->rx_room[i])
		return -EMSGSIZE;
	g->rx_next++;

	seg.p = g->rx_bufs + i * g->buf_size;
	seg.len = habits[g->habit].whole ? g->buf_size : GUEST_HDR + len;
	guest_put_hdr(g, seg.p, hdr);
	if (len)
		memcpy((uint8_t *)seg.p + sizeof(hdr), data, len);
	guest_add(g, GUEST_RX, &seg, 1, habits[g->habit].writable, false,
		  (uintptr_t)seg.p);
	return 0;
}

int guest_send(struct guest *g, uint32_t src, uint32_t dst, const void *data,
	       size_t len)
{
	int err = guest_queue(g, src, dst, data, len);

	if (!err)
		guest_kick(g, GUEST_RX);
	return err;
}

int guest_drain(struct guest *g, int timeout_ms)
{
	struct guest_ring *r = &g->ring[GUEST_RX];

	while (r->last_used != r->avail) {
		if (!guest_wait_used(g, GUEST_RX, timeout_ms))
			return -ETIMEDOUT;
		while (guest_used(g, GUEST_RX, NULL, NULL))
			;
	}
	return g->rx_odd ? -EBADMSG : 0;
}

/* Whether rpmsg_recv_single() accepts a message. */
static bool linux_takes(struct guest *g, const struct guest_msg *msg)
{
	return msg->used <= g->buf_size &&
	       msg->hdr.len <= msg->used - sizeof(msg->hdr);
}

/* A null message: drivers discard it. */
static bool is_null(struct guest *g, const struct guest_msg *msg)
{
	if (msg->hdr.dst != VHOST_RPMSG_ADDR_ANY)
		return false;
	return habits[g->habit].blind ||
	       (!msg->hdr.len && msg->used == GUEST_HDR);
}

int guest_recv(struct guest *g, struct guest_msg *msg, int timeout_ms)
{
	long long end = now_ms() + timeout_ms, left;
	uint64_t tag;

	do {
		left = end - now_ms();
		if (!guest_wait_used(g, GUEST_TX, left > 0 ? left : 0) ||
		    !guest_used(g, GUEST_TX, &tag, &msg->used))
			return 0;
		msg->data = (uint8_t *)(uintptr_t)tag + GUEST_HDR;
		msg->hdr = guest_get_hdr(g, msg->data - GUEST_HDR);
		if (g->habit == GUEST_LINUX && !linux_takes(g, msg)) {
			g->lost++;
			continue;
		}
		if (!is_null(g, msg))
			return 1;
		g->nulls++;
		guest_done(g, msg);
	} while (true);
}

void guest_done(struct guest *g, struct guest_msg *msg)
{
	struct guest_ring *r = &g->ring[GUEST_TX];

	guest_post_one(g, msg->data - GUEST_HDR);
	/* Linux processes all used buffers, and kicks after that. */
	if (g->habit == GUEST_LINUX &&
	    guest_used_idx(g, GUEST_TX) != r->last_used)
		return;
	guest_kick(g, GUEST_TX);
}

int guest_recv_copy(struct guest *g, struct guest_hdr *hdr, void *data,
		    size_t size, int timeout_ms)
{
	struct guest_msg msg;
	int len;

	if (!guest_recv(g, &msg, timeout_ms))
		return -ETIMEDOUT;
	len = msg.hdr.len;
	if (hdr)
		*hdr = msg.hdr;
	if (msg.used != GUEST_HDR + msg.hdr.len || msg.hdr.flags ||
	    msg.hdr.reserved || msg.hdr.len > size)
		len = -EBADMSG;
	else if (data)
		memcpy(data, msg.data, len);
	guest_done(g, &msg);
	return len;
}

int guest_ns_send_raw(struct guest *g, const char name[32], uint32_t addr,
		      uint32_t flags)
{
	struct guest_ns ns = { .addr = addr, .flags = flags };

	memcpy(ns.name, name, sizeof(ns.name));
	ns = guest_ns_swap(g, ns);
	return guest_send(g, addr, VHOST_RPMSG_NS_ADDR, &ns, sizeof(ns));
}

int guest_ns_send(struct guest *g, const char *name, uint32_t addr,
		  uint32_t flags)
{
	char padded[32] = {};

	memcpy(padded, name, strnlen(name, sizeof(padded)));
	return guest_ns_send_raw(g, padded, addr, flags);
}

uint32_t guest_begin_service(struct guest *g)
{
	/* The next address, or the lowest free one. */
	unsigned int i = g->habit == GUEST_OPENAMP ?
				 __builtin_popcountll(g->addrs) :
				 __builtin_ctzll(~g->addrs);

	g->addrs |= 1ULL << i;
	return habits[g->habit].first_addr + i;
}

int guest_end_service(struct guest *g, const char *name, uint32_t addr)
{
	if (g->habit == GUEST_OPENAMP)
		return guest_ns_send(g, name, addr, 1);
	g->addrs &= ~(1ULL << (addr - habits[g->habit].first_addr));
	return 0;
}

int guest_ns_recv(struct guest *g, struct guest_ns *ns, int timeout_ms)
{
	struct guest_hdr hdr;
	int len = guest_recv_copy(g, &hdr, ns, sizeof(*ns), timeout_ms);

	if (len < 0)
		return len;
	if (len != sizeof(*ns) || hdr.src != VHOST_RPMSG_NS_ADDR ||
	    hdr.dst != VHOST_RPMSG_NS_ADDR)
		return -EBADMSG;
	*ns = guest_ns_swap(g, *ns);
	return 0;
}

char **guest_habits_args(int *argc, char **argv)
{
	static char *const once[] = { "mixed", "few", "openamp", "rpmsg_lite" };
	const char *series = getenv("VRPMSG_SERIES");
	static char *args[64];
	unsigned int i, end = sizeof(once) / sizeof(once[0]);
	int n = *argc;

	if ((series && !strcmp(series, "6.12")) || n > 48)
		return argv;
	/* The others are legacy guests, with the byte order of the processor. */
	if (series && !strncmp(series, "6.12-", 5))
		end = 2;
	memcpy(args, argv, n * sizeof(args[0]));
	for (i = 0; i < end; i++) {
		args[n++] = "-V";
		args[n++] = once[i];
	}
	*argc = n;
	return args;
}
