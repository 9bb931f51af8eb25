/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in this process: memory, two rings, and the part of a virtio-rpmsg
 * driver, on /dev/vhost-rpmsg or another vhost device like it.
 *
 * Guest physical addresses are offsets into the memory. Functions that return
 * int return 0 or a positive result, or -errno. Those that cannot fail in a
 * working test end the program with a message instead.
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
 * What drivers make of the specification, and where they leave it, as read in
 * their sources. The strict one does what it has to and checks all that comes.
 */
enum guest_habit {
	GUEST_STRICT,
	/*
	 * virtio_rpmsg_bus: checks lengths as its rpmsg_recv_single() does, which
	 * underflows below 16, and never posts a buffer again that fails this;
	 * posts the others in the order in which they came, with one kick for all.
	 */
	GUEST_LINUX,
	/*
	 * open-amp's library: has no VERSION_1, posts whole buffers, takes the used
	 * length of what it has sent for the room in that buffer, looks at no other
	 * used length, never asks for another interrupt with EVENT_IDX.
	 */
	GUEST_OPENAMP,
	/*
	 * rpmsg-lite: knows none of the features, looks at no used length, and does
	 * not kick for buffers that it gives back.
	 */
	GUEST_RPMSG_LITE,
};

/* As on the wire, little-endian. */
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
	size_t next;		/* memory given out so far */
	size_t ring_mem;	/* where the rings begin */
	struct guest_ring ring[2];
	size_t buf_size;	/* of the buffers that are posted, the largest */
	bool mixed;		/* others are smaller */
	unsigned int buffers;	/* so many are posted; 0: all */
	uint8_t *tx_bufs;
	uint8_t *rx_bufs;
	unsigned int rx_next;	/* buffers that were used for sending so far */
	uint16_t rx_back[1024];	/* of these, the ones that came back, in order */
	unsigned int rx_num_back;
	uint32_t rx_room[1024];	/* how long the driver takes each of them for */
	bool rx_odd;		/* one came back with a wrong length */
	uint64_t addrs;		/* dynamic addresses that are in use */
	unsigned long kicks;	/* kicks that were sent */
	unsigned long nulls;	/* null messages that came */
	unsigned long lost;	/* buffers that the driver does not post again */
	bool running;
	bool hides;		/* what is added, see guest_hide() */
};

/* A message that the host has sent. */
struct guest_msg {
	struct guest_hdr hdr;
	uint32_t used;		/* used length, as the host says */
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

/* Open, set up, post buffers and start, as opts (or NULL) says; -errno. */
int guest_open(struct guest *g, const struct guest_opts *opts);
/*
 * Open once more after the file was closed, for the same memory and rings, which
 * stay stopped; also in another process that shares the memory.
 */
int guest_reopen(struct guest *g, const struct guest_opts *opts);
/* Say once more where its memory is, as one region. */
int guest_set_mem_table(const struct guest *g);
/* Close the file: the guest is gone. */
void guest_close(struct guest *g);

/* Lay the rings out anew, empty, as a driver does after a reset. */
void guest_reset_rings(struct guest *g);
int guest_setup_ring(struct guest *g, int q);
int guest_start(struct guest *g);
int guest_stop(struct guest *g);
/* Stop, lay the rings out anew, post all buffers, start: a reboot. */
int guest_reset(struct guest *g);
int guest_set_running(struct guest *g, int value);
/* A pause and a migration: stop, keep the bases, set up again, start. */
int guest_pause(struct guest *g);
int guest_resume(struct guest *g);

/* Guest physical memory: a piece that nothing else uses. */
void *guest_alloc(struct guest *g, size_t size);
/* The same, with nothing else in its page, nor in the one before. */
uint8_t *guest_alloc_page(struct guest *g);
static inline uint64_t guest_gpa(struct guest *g, const void *p)
{
	return (const uint8_t *)p - g->mem;
}

/* One piece of a buffer. */
struct guest_seg {
	void *p;
	uint32_t len;
};

/*
 * Put a buffer of several pieces into a ring, without a kick: as a chain, or
 * with an indirect table. Returns the head, or -ENOSPC.
 */
int guest_add(struct guest *g, int q, const struct guest_seg *seg,
	      unsigned int n, bool writable, bool indirect, uint64_t tag);
/*
 * Until guest_show() the host does not see what is added: it looks at the rings
 * without a kick, too, and must not find half of what it is to find.
 */
void guest_hide(struct guest *g);
void guest_show(struct guest *g);
/* Put an avail entry with any head, as a broken guest might. */
void guest_add_raw(struct guest *g, int q, uint16_t head);
/*
 * Make what was added visible and tell the host if it wants to know, and if the
 * driver is one that does.
 */
void guest_kick(struct guest *g, int q);
/* Tell the host in any case. */
void guest_kick_always(struct guest *g, int q);
/* Take one used buffer: true and what it was. */
bool guest_used(struct guest *g, int q, uint64_t *tag, uint32_t *len);
/* Until there is a used buffer, at most timeout_ms; false: there was none. */
bool guest_wait_used(struct guest *g, int q, int timeout_ms);
/* Interrupts (calls) that have come since the last time. */
unsigned long guest_calls(struct guest *g, int q);
/*
 * Have what the host writes to a page of the guest's memory wait until the file
 * descriptor is closed, which polls as readable when the host does wait. -1
 * where the kernel cannot do that.
 */
int guest_hold(void *page);
/* The same for the used ring of a queue. */
int guest_hold_used(struct guest *g, int q);

/* Post empty buffers of the ordinary kind: all that are not posted. */
void guest_post(struct guest *g);
void guest_post_one(struct guest *g, uint8_t *buf);
/* The size with which one is posted. */
size_t guest_size(struct guest *g, const uint8_t *buf);

/*
 * A message into the ring, and a kick. -EAGAIN: no buffer free; -EMSGSIZE: the
 * driver thinks that it does not fit into the one that is.
 */
int guest_send(struct guest *g, uint32_t src, uint32_t dst, const void *data,
	       size_t len);
/* The same without a kick. */
int guest_queue(struct guest *g, uint32_t src, uint32_t dst, const void *data,
		size_t len);
/*
 * Wait until the host has given back all that we have sent; -ETIMEDOUT. The used
 * lengths must be 0, or those of the buffers without VERSION_1: -EBADMSG when one
 * is not.
 */
int guest_drain(struct guest *g, int timeout_ms);
/* Buffers that the host has not given back yet. */
unsigned int guest_in_flight(struct guest *g, int q);

/*
 * Receive: 1, or 0 after timeout_ms without a message. The buffer is the
 * caller's until guest_done(). Buffers without a message are posted again.
 */
int guest_recv(struct guest *g, struct guest_msg *msg, int timeout_ms);
void guest_done(struct guest *g, struct guest_msg *msg);
/*
 * Receive, check that nothing is odd with it, copy, done: length of the payload;
 * -ETIMEDOUT; -EBADMSG when header and used length do not fit together.
 */
int guest_recv_copy(struct guest *g, struct guest_hdr *hdr, void *data,
		    size_t size, int timeout_ms);

/* Name service. */
int guest_ns_send(struct guest *g, const char *name, uint32_t addr,
		  uint32_t flags);
/* Exactly these 32 bytes. */
int guest_ns_send_raw(struct guest *g, const char name[32], uint32_t addr,
		      uint32_t flags);
/*
 * The driver makes an endpoint for a service that the host has announced, at the
 * address that it gives out next; and ends it again.
 */
uint32_t guest_begin_service(struct guest *g);
int guest_end_service(struct guest *g, const char *name, uint32_t addr);
/* The next message, which must be an announcement: 0, -ETIMEDOUT, -EBADMSG. */
int guest_ns_recv(struct guest *g, struct guest_ns *ns, int timeout_ms);

/*
 * Arguments for test_harness_run() of a test with variants for habits, named after
 * them: one kernel is enough for all but `linux`.
 */
char **guest_habits_args(int *argc, char **argv);

#endif /* GUEST_H */
