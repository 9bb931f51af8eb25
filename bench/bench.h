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
#include <sys/types.h>

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

/* A transport, and how it is used. */
struct variant {
	const char *name;
	enum kind kind;
	unsigned int devices;
	unsigned int links;		/* on all devices together */
	unsigned int procs;		/* of the host, each with its own links */
	/* Many messages in a system call: batch mode, sendmmsg(), recvmmsg() */
	bool batch;
	unsigned int busy_us;		/* so long the worker polls */
	unsigned int workers;		/* of each device, 0: as it comes */
};

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
	const struct variant *v;
	enum kind kind;
	size_t size;			/* of each message */
	unsigned int num_devs;
	unsigned int num_links;
	unsigned int first;		/* what the first device is called */
	struct dev *devs;
	struct link *links;
	uint8_t *buf;			/* payload for the host */
	uint8_t *pattern;		/* what each message holds behind its number */
	struct batch *batch;
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
/* Why there can be no such setup in this kernel, NULL when there can. */
const char *setup_missing(const struct variant *v);
void setup_open(struct setup *s);
void setup_close(struct setup *s);
void host_send(struct setup *s, struct link *l, unsigned int n);
void host_recv(struct setup *s, struct link *l, unsigned int n);

/* batch.c */
void batch_open(struct setup *s);
void batch_close(struct setup *s);
bool batch_mode(int fd);
/* So many messages, which are numbered from *num on; at most MAX_BATCH. */
#define MAX_BATCH	64
void batch_send(struct setup *s, int fd, uint64_t *num, unsigned int n);
void batch_recv(struct setup *s, int fd, uint64_t *num, unsigned int n);

/* peer.c */
void guest_dev_open(struct setup *s, struct dev *d, unsigned int index);
void guest_dev_run(struct setup *s, struct dev *d);
void guest_connect(struct setup *s, struct dev *d);
int guest_new_worker(int fd);
/* Take n messages from the device of the link, whichever link they come by. */
void peer_recv(struct setup *s, struct link *l, unsigned int n);
void peer_send(struct setup *s, struct link *l, unsigned int n);
/* Take so many, and send so many on every second link, at the same time. */
void peer_both(struct setup *s, unsigned int down, unsigned int up);
/* What the host does in a round, played at no cost, see session.c. */
void peer_detach(struct setup *s, struct dev *d);
void peer_play_host(struct setup *s, struct dev *d, unsigned int messages,
		    unsigned int others);
bool check_payload(struct setup *s, const uint8_t *data, uint64_t num);

/* session.c */
struct shape {
	const char *way;
	/*
	 * Messages of a round, each way; of a stream, so many times as many as
	 * there are rounds.
	 */
	unsigned int down, up;
	bool stream;
	bool spread;			/* each to the next link, not each round */
	unsigned int rounds;		/* of a slice */
	unsigned int slices;		/* of a pass */
};

/* The most rounds of a slice that is no stream. */
#define MAX_ROUNDS	256

/* What was counted, of all slices of one pass together. */
struct tally {
	double time;			/* both sides */
	unsigned long rounds;
	uint64_t *round;		/* time of each, but not of streams */
	double guest;			/* what a round costs the guest alone */
	long calls, kicks, used;
	long host_wakes, worker_wakes;
};

struct session {
	struct setup s;
	unsigned int num_procs;
	pid_t pid[8];
	int go[8];
	struct order *order;
	struct report *report[8];
	unsigned int round;		/* so many have been */
};

void session_open(struct session *ss, const struct variant *v, size_t size,
		  unsigned int *first);
/* One slice; @t is NULL for one that is not counted, but compared. */
void session_slice(struct session *ss, const struct shape *sh,
		   unsigned int mark, struct tally *t);
void session_end_hosts(struct session *ss);
/* After that: what the guest costs by itself. */
void session_guest_alone(struct session *ss, const struct shape *sh,
			 unsigned int mark, struct tally *t);
void session_close(struct session *ss);

/* row.c */
#define MAX_VARIANTS	6
#define MAX_SHAPES	4
#define MAX_PAIRS	4

/* What is compared side by side: variants that take turns in passes. */
struct row {
	const char *name;
	size_t size;
	struct variant v[MAX_VARIANTS];
	struct shape shape[MAX_SHAPES];
	/* Ratios, first to second, that are to be known well. */
	struct pair {
		unsigned int a, b;
	} pair[MAX_PAIRS];
	unsigned int num_v, num_shapes, num_pairs;
	unsigned int weight;		/* of its share of the time */
};

extern const char *clock_name;
bool clock_counts(void);		/* instructions */
/* Seconds, which instructions do not count: the machine's own clock. */
double seconds_now(void);
/* @passes is 0 for as many as it takes. */
void row_run(struct row *row, double seconds, unsigned int passes);

/* stat.c */
double median(double *values, unsigned int n);
/* Half of the width of the median's 95 % interval; of few values, infinite. */
double half_width(double *values, unsigned int n);

/* memory.c */
void measure_memory(void);

#endif /* BENCH_H */
