/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A benchmark of message transports between host processes and a peer: a guest
 * in this process on a vhost device, or for the floor, another process.
 *
 * Links are what messages go through: an endpoint, a vsock connection, a pair of
 * sockets or pipes. On the host's side each is one or two files, used with
 * read() and write(); the peer's side is behind peer_recv() and peer_send().
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest.h"

enum kind {
	RPMSG,
	VSOCK_STREAM,
	VSOCK_SEQPACKET,
	UNIX_SEQPACKET,
	PIPE,
	NUM_KINDS,
};

extern const char *const kind_name[NUM_KINDS];

/* Room in each queue for a burst of the largest messages. */
#define QUEUE_SIZE	(8 << 20)

/* A vhost device and the guest behind it. */
struct dev {
	struct guest g;
	uint32_t cid;			/* vsock */
	uint8_t hdr[64];		/* for a host that is played */
	unsigned long used;		/* buffers that have come back filled */
	unsigned long calls;		/* interrupts that have come */
};

struct link {
	int in, out;			/* the host's side */
	int peer_in, peer_out;		/* the peer's, if it is a process */
	struct dev *dev;
	uint32_t addr;			/* the host's address or port */
	uint32_t peer_addr;
	uint64_t sent, received;	/* messages, by the host */
	uint64_t peer_sent, peer_received;
	/* vsock: bytes, as its flow control counts them */
	uint32_t tx_cnt, rx_cnt, rx_told, host_alloc, host_fwd;
	uint32_t part;			/* of a message that came in pieces */
	bool connected;
};

struct setup {
	enum kind kind;
	size_t size;			/* of each message */
	unsigned int num_devs;
	unsigned int num_links;		/* on all devices together */
	struct dev *devs;
	struct link *links;
	uint8_t *buf;			/* payload for the host */
	uint8_t *pattern;		/* what each message holds behind its number */
	unsigned long errors;		/* messages that were not the next one */
	bool verify;			/* compare all of each message */
};

static inline bool has_guest(enum kind kind)
{
	return kind < UNIX_SEQPACKET;
}

/* Nanoseconds; instructions when the VM's clock counts those. */
uint64_t now(void);
void *xcalloc(size_t n, size_t size);

/* links.c */
void setup_open(struct setup *s);
void setup_close(struct setup *s);
void host_send(struct setup *s, struct link *l);
void host_recv(struct setup *s, struct link *l);

/* peer.c */
void guest_dev_open(struct setup *s, struct dev *d, unsigned int index);
void guest_dev_run(struct setup *s, struct dev *d);
void guest_connect(struct setup *s, struct dev *d);
/* Take n messages from the device of the link, whichever link they come by. */
void peer_recv(struct setup *s, struct link *l, unsigned int n);
void peer_send(struct setup *s, struct link *l);
/* What the host does in a round, played at no cost, see run.c. */
void peer_detach(struct setup *s, struct dev *d);
void peer_play_host(struct setup *s, struct dev *d, unsigned int messages,
		    unsigned int others);
bool check_payload(struct setup *s, const uint8_t *data, uint64_t num);

/* run.c */
struct rounds {
	unsigned int down, up;		/* messages of a round, each way */
	bool spread;			/* each to the next link, not each round */
	unsigned int num;		/* rounds that count */
};

struct result {
	double total;			/* of a round, both sides */
	double guest;			/* of which the guest's own */
	double median, p99;
	double calls, kicks;		/* per round */
	double host_wakes, worker_wakes;
};

void run_rounds(struct setup *s, const struct rounds *r, struct result *res);
/* Messages per second, with so many host processes. */
double run_stream(struct setup *s, bool down, unsigned int procs,
		  unsigned long num);

/* memory.c */
void measure_memory(void);

#endif /* BENCH_H */
