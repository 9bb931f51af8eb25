/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in this process: memory, two rings, and a virtio-rpmsg driver, on
 * /dev/vhost-rpmsg or a similar vhost device.
 *
 * Guest physical addresses are offsets into the memory. Functions that return int
 * return 0, a positive result, or -errno. Functions that cannot fail in a working
 * test end the program with a message instead.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vhost.h>
#include <linux/vhost_rpmsg.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define GUEST_TX	0	/* queue 0: host to guest, we post empty buffers */
#define GUEST_RX	1	/* queue 1: guest to host */

#define GUEST_HDR	16U
#define GUEST_MAX_DESC	16

/* Features of an ordinary guest. */
#define GUEST_FEATURES	\
	((1ULL << VIRTIO_F_VERSION_1) | (1ULL << VIRTIO_RPMSG_F_NS))
#define GUEST_EVENT_IDX	(1ULL << VIRTIO_RING_F_EVENT_IDX)
#define GUEST_INDIRECT	(1ULL << VIRTIO_RING_F_INDIRECT_DESC)

/*
 * The behaviour of existing drivers, according to their sources, including their
 * deviations from the specification. The strict driver follows the specification and
 * checks everything that it receives.
 */
enum guest_habit {
	GUEST_STRICT,
	/*
	 * virtio_rpmsg_bus: checks lengths like rpmsg_recv_single(), which
	 * underflows below 16, and does not post a buffer again if the check
	 * fails. Posts other buffers in the order of their arrival, with one kick
	 * for all.
	 */
	GUEST_LINUX,
	/*
	 * open-amp's library: has no VERSION_1, posts whole buffers, takes the used
	 * length of a sent message for the size of the buffer, ignores other used
	 * lengths, and never requests another interrupt with EVENT_IDX.
	 */
	GUEST_OPENAMP,
	/*
	 * rpmsg-lite: supports no features, ignores used lengths, marks what it
	 * sends as writable, and does not kick for buffers that it makes available
	 * again.
	 */
	GUEST_RPMSG_LITE,
};

/* Functions for messages convert these to the guest's byte order, and back. */
struct guest_hdr {
	uint32_t src;
	uint32_t dst;
	uint32_t reserved;
	uint16_t len;
	uint16_t flags;
};

struct guest_ns {
	char name[32];
	uint32_t addr;
	uint32_t flags;		/* 0 create, 1 destroy */
};

struct guest_ring {
	struct vring vring;
	unsigned int num;
	uint16_t last_used;
	uint16_t avail;		/* our copy of avail->idx */
	uint16_t kicked;	/* avail at the last kick */
	unsigned int free;	/* free descriptors, and the first of them */
	uint16_t free_head;
	uint16_t chain[1024];	/* descriptors in the chain with this head */
	uint32_t size[1024];	/* bytes of it */
	uint64_t tag[1024];	/* what the buffer with this head is */
	int kick;
	int call;
};

struct guest {
	int fd;
	enum guest_habit habit;
	uint64_t features;	/* negotiated */
	uint8_t *mem;
	size_t size;
	size_t next;		/* memory allocated so far */
	size_t ring_mem;	/* where the rings begin */
	struct guest_ring ring[2];
	size_t buf_size;	/* size of the largest posted buffers */
	bool mixed;		/* others are smaller */
	unsigned int buffers;	/* number of posted buffers; 0: all */
	uint8_t *tx_bufs;
	uint8_t *rx_bufs;
	unsigned int rx_next;	/* buffers used for sending so far */
	uint16_t rx_back[1024];	/* those that were returned, in order */
	unsigned int rx_num_back;
	uint32_t rx_room[1024];	/* size of each buffer in the view of the driver */
	bool rx_odd;		/* one was returned with a wrong length */
	uint64_t addrs;		/* dynamic addresses that are in use */
	unsigned long kicks;	/* sent kicks */
	unsigned long nulls;	/* received null messages */
	unsigned long lost;	/* buffers that the driver will not post again */
	bool running;
	bool hides;		/* hides new entries, see guest_hide() */
};

/* A message from the host. */
struct guest_msg {
	struct guest_hdr hdr;
	uint32_t used;		/* used length */
	uint8_t *data;		/* payload, in the guest's memory */
};

struct guest_opts {
	const char *path;	/* default /dev/vhost-rpmsg */
	const char *name;	/* NULL: not attached to a name */
	bool keep;		/* VHOST_RPMSG_ATTACH_KEEP */
	uint64_t features;	/* default GUEST_FEATURES */
	unsigned int num;	/* size of the rings, default 256 */
	enum guest_habit habit;
	size_t buf_size;	/* of each buffer, default 512 */
	bool mixed;		/* buffers of 64, half of that, that, and so on */
	unsigned int buffers;	/* how many to post, default num */
	size_t mem_size;	/* default 4 MiB, and room for the buffers */
	bool no_buffers;	/* do not post any */
	bool stopped;		/* do not start */
};

/*
 * Convert a number to the guest's byte order, or back: little-endian, but that of this
 * machine for a legacy guest, which is one without VERSION_1.
 */
static inline bool guest_swaps(const struct guest *g)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ &&
	       g->features & (1ULL << VIRTIO_F_VERSION_1);
}

static inline uint16_t guest_16(const struct guest *g, uint16_t value)
{
	return guest_swaps(g) ? __builtin_bswap16(value) : value;
}

static inline uint32_t guest_32(const struct guest *g, uint32_t value)
{
	return guest_swaps(g) ? __builtin_bswap32(value) : value;
}

static inline uint64_t guest_64(const struct guest *g, uint64_t value)
{
	return guest_swaps(g) ? __builtin_bswap64(value) : value;
}

/* Write a message's header into a buffer. */
void guest_put_hdr(const struct guest *g, void *buf, struct guest_hdr hdr);
/* Read the header of the message in a buffer. */
struct guest_hdr guest_get_hdr(const struct guest *g, const void *buf);
/* Convert an announcement to the guest's byte order, or back. */
struct guest_ns guest_ns_swap(const struct guest *g, struct guest_ns ns);

/* Open, set up, post buffers and start; opts may be NULL. */
int guest_open(struct guest *g, const struct guest_opts *opts);
/*
 * Open again after the file was closed, with the same memory and rings, which stay
 * stopped. This also works in another process that shares the memory.
 */
int guest_reopen(struct guest *g, const struct guest_opts *opts);
/* Set the memory table again, with one region. */
int guest_set_mem_table(const struct guest *g);
/* Close the file: the guest is gone. */
void guest_close(struct guest *g);

/* Initialise empty rings, as a driver does after a reset. */
void guest_reset_rings(struct guest *g);
int guest_setup_ring(struct guest *g, int q);
int guest_start(struct guest *g);
int guest_stop(struct guest *g);
/* Reboot: stop, initialise the rings, post all buffers, start. */
int guest_reset(struct guest *g);
int guest_set_running(struct guest *g, int value);
/* The number of a new worker of the device; -ENOTTY before Linux 6.5. */
int guest_new_worker(int fd);
/* A new worker for messages from the guest. */
int guest_add_worker(const struct guest *g);
/* How long the worker polls each ring, in microseconds. */
int guest_set_busy_poll(const struct guest *g, unsigned int us);
/* Pause or migration: stop, keep the bases, set up again, start. */
int guest_pause(struct guest *g);
int guest_resume(struct guest *g);

/* Allocate guest physical memory. */
void *guest_alloc(struct guest *g, size_t size);
/* The same, alone in its page, with an unused page before it. */
uint8_t *guest_alloc_page(struct guest *g);
static inline uint64_t guest_gpa(const struct guest *g, const void *p)
{
	return (const uint8_t *)p - g->mem;
}

/* One piece of a buffer. */
struct guest_seg {
	void *p;
	uint32_t len;
};

/* Write a descriptor of this memory; `next` stays as it is. */
void guest_set_desc(const struct guest *g, struct vring_desc *desc,
		    const void *p, uint32_t len, uint16_t flags);
/*
 * Add a buffer of several pieces to a ring without a kick: as a chain, or with an
 * indirect table. Returns the head, or -ENOSPC.
 */
int guest_add(struct guest *g, int q, const struct guest_seg *seg,
	      unsigned int n, bool writable, bool indirect, uint64_t tag);
/*
 * Hide new entries from the host until guest_show(). The host also looks at the rings
 * without a kick, and must not find a part of the entries.
 */
void guest_hide(struct guest *g);
void guest_show(struct guest *g);
/* Add an avail entry with any head, as a broken guest might do. */
void guest_add_raw(struct guest *g, int q, uint16_t head);
/*
 * Publish new entries, and kick the host if it requests kicks and the driver sends
 * them.
 */
void guest_kick(struct guest *g, int q);
/* Publish new entries, and always kick. */
void guest_kick_always(struct guest *g, int q);
/* The index of the used ring. */
uint16_t guest_used_idx(const struct guest *g, int q);
/* Take one used buffer, if there is one, and return its properties. */
bool guest_used(struct guest *g, int q, uint64_t *tag, uint32_t *len);
/* Wait for a used buffer for at most timeout_ms; false: there is none. */
bool guest_wait_used(struct guest *g, int q, int timeout_ms);
/* Number of interrupts (calls) since the last call of this function. */
unsigned long guest_calls(struct guest *g, int q);
/*
 * Block writes of the host to a page of the guest's memory until the returned file
 * descriptor is closed. The descriptor becomes readable when the host waits. -1 if
 * the kernel does not support this.
 */
int guest_hold(void *page);
/* The same for all accesses to a page that the guest has not touched yet. */
int guest_withhold(void *page);
/* The same for writes to the used ring of a queue. */
int guest_hold_used(struct guest *g, int q);

/* Post all ordinary empty buffers that are not posted. */
void guest_post(struct guest *g);
void guest_post_one(struct guest *g, uint8_t *buf);
/* The size with which a buffer is posted. */
size_t guest_size(struct guest *g, const uint8_t *buf);

/*
 * Send a message, with a kick. -EAGAIN: no free buffer; -EMSGSIZE: in the view of the
 * driver the message does not fit into the free buffer.
 */
int guest_send(struct guest *g, uint32_t src, uint32_t dst, const void *data,
	       size_t len);
/* The same without a kick. */
int guest_queue(struct guest *g, uint32_t src, uint32_t dst, const void *data,
		size_t len);
/*
 * Wait until the host has returned all sent buffers; -ETIMEDOUT. Their used lengths
 * must be 0, or without VERSION_1 the lengths of the buffers; otherwise -EBADMSG.
 */
int guest_drain(struct guest *g, int timeout_ms);
/* Number of buffers that the host has not returned yet. */
unsigned int guest_in_flight(struct guest *g, int q);

/*
 * Receive a message: 1, or 0 after timeout_ms without one. The caller owns the buffer
 * until guest_done(). Buffers without a message are posted again.
 */
int guest_recv(struct guest *g, struct guest_msg *msg, int timeout_ms);
void guest_done(struct guest *g, struct guest_msg *msg);
/*
 * Receive a message, check it, copy it, and call guest_done(). Returns the length of
 * the payload; -ETIMEDOUT; -EBADMSG if header and used length do not match.
 */
int guest_recv_copy(struct guest *g, struct guest_hdr *hdr, void *data,
		    size_t size, int timeout_ms);

/* Name service. */
int guest_ns_send(struct guest *g, const char *name, uint32_t addr,
		  uint32_t flags);
/* The same with exactly these 32 bytes. */
int guest_ns_send_raw(struct guest *g, const char name[32], uint32_t addr,
		      uint32_t flags);
/*
 * Create an endpoint for a service of the host, at the driver's next dynamic address,
 * and end it again.
 */
uint32_t guest_begin_service(struct guest *g);
int guest_end_service(struct guest *g, const char *name, uint32_t addr);
/* Receive an announcement: 0, -ETIMEDOUT, or -EBADMSG for any other message. */
int guest_ns_recv(struct guest *g, struct guest_ns *ns, int timeout_ms);

/*
 * Arguments for test_harness_run() of a test whose variants are named after habits:
 * all variants but `linux` run on one kernel only.
 */
char **guest_habits_args(int *argc, char **argv);

#endif /* GUEST_H */
