/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A benchmark of message transports between host processes and a peer. The peer is a guest
 * in this process on a vhost device or, for comparison, another process.
 *
 * A link is an endpoint, a vsock connection, or a pair of sockets or pipes. On the host's
 * side a link consists of one or two files for read() and write(); peer_recv() and
 * peer_send() are the peer's side.
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
	unsigned int links;		/* of all devices together */
	unsigned int procs;		/* host processes, each with its own links */
	/* Many messages per system call: batch mode, sendmmsg(), recvmmsg() */
	bool batch;
	unsigned int busy_us;		/* busy polling of the worker */
	unsigned int workers;		/* of each device, 0: the default */
};

/* Room in each queue for a burst of the largest messages. */
#define QUEUE_SIZE	(8 << 20)

/* A vhost device and the guest behind it. */
struct dev {
	struct guest g;
	uint32_t cid;			/* vsock */
	uint8_t hdr[64];		/* for peer_play_host() */
	unsigned long used;		/* returned buffers with messages */
	unsigned long calls;		/* received interrupts */
};

struct link {
	int in, out;			/* the host's side */
	int peer_in, peer_out;		/* the peer's side, if it is a process */
	struct dev *dev;
	uint32_t addr;			/* the host's address or port */
	uint32_t peer_addr;
	uint64_t sent, received;	/* messages of the host */
	uint64_t peer_sent, peer_received;
	/* vsock: bytes, as its flow control counts them */
	uint32_t tx_cnt, rx_cnt, rx_told, host_alloc, host_fwd;
	uint32_t part;			/* length of a partially received message */
	bool connected;
};

struct setup {
	const struct variant *v;
	enum kind kind;
	size_t size;			/* of each message */
	unsigned int num_devs;
	unsigned int num_links;
	unsigned int first;		/* number of the first device */
	struct dev *devs;
	struct link *links;
	uint8_t *buf;			/* payload for the host */
	uint8_t *pattern;		/* content of each message after its number */
	struct batch *batch;
	unsigned long errors;		/* messages out of order */
	bool verify;			/* compare all of each message */
};

static inline bool has_guest(enum kind kind)
{
	return kind < UNIX_SEQPACKET;
}

/* Nanoseconds, or instructions if the clock of the VM counts those. */
uint64_t now(void);
void *xcalloc(size_t n, size_t size);

/* links.c */
/* Returns the reason why this kernel does not support the setup, or NULL. */
const char *setup_missing(const struct variant *v);
void setup_open(struct setup *s);
void setup_close(struct setup *s);
void host_send(struct setup *s, struct link *l, unsigned int n);
void host_recv(struct setup *s, struct link *l, unsigned int n);

/* batch.c */
void batch_open(struct setup *s);
void batch_close(struct setup *s);
bool batch_mode(int fd);
/* Transfer at most MAX_BATCH messages, numbered from *num on. */
#define MAX_BATCH	64
void batch_send(struct setup *s, int fd, uint64_t *num, unsigned int n);
void batch_recv(struct setup *s, int fd, uint64_t *num, unsigned int n);

/* peer.c */
void guest_dev_open(struct setup *s, struct dev *d, unsigned int index);
void guest_dev_run(struct setup *s, struct dev *d);
void guest_connect(struct setup *s, struct dev *d);
/* Receive n messages from the device of the link, on any of its links. */
void peer_recv(struct setup *s, struct link *l, unsigned int n);
void peer_send(struct setup *s, struct link *l, unsigned int n);
/* Receive and send messages at the same time; send on every second link. */
void peer_both(struct setup *s, unsigned int down, unsigned int up);
/* Play the host's part of a round without cost, see session.c. */
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
	bool spread;			/* each message, not each round, goes to the next link */
	unsigned int rounds;		/* of a slice */
	unsigned int slices;		/* of a pass */
};

/* The maximum number of rounds in a slice that is not a stream. */
#define MAX_ROUNDS	256

/* The sums of all slices of one pass. */
struct tally {
	double time;			/* both sides */
	unsigned long rounds;
	uint64_t *round;		/* time of each, but not of streams */
	double guest;			/* cost of a round for the guest alone */
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
	unsigned int round;		/* number of rounds so far */
};

void session_open(struct session *ss, const struct variant *v, size_t size,
		  unsigned int *first);
/* Run a slice; with @t NULL it is not counted, but messages are compared. */
void session_slice(struct session *ss, const struct shape *sh,
		   unsigned int mark, struct tally *t);
void session_end_hosts(struct session *ss);
/* After that: measure the cost of the guest alone. */
void session_guest_alone(struct session *ss, const struct shape *sh,
			 unsigned int mark, struct tally *t);
void session_close(struct session *ss);

/* row.c */
#define MAX_VARIANTS	6
#define MAX_SHAPES	4
#define MAX_PAIRS	4

/* Variants that are compared side by side, in passes. */
struct row {
	const char *name;
	size_t size;
	struct variant v[MAX_VARIANTS];
	struct shape shape[MAX_SHAPES];
	/* Ratios of the first to the second variant that need a narrow interval. */
	struct pair {
		unsigned int a, b;
	} pair[MAX_PAIRS];
	unsigned int num_v, num_shapes, num_pairs;
	unsigned int weight;		/* share of the time */
};

extern const char *clock_name;
bool clock_counts(void);		/* instructions */
/* Seconds of the machine's own clock, also if the VM's clock counts instructions. */
double seconds_now(void);
/* @passes is 0 for as many passes as needed. */
void row_run(struct row *row, double seconds, unsigned int passes);

/* stat.c */
double median(double *values, unsigned int n);
/* Half of the width of the 95 % interval of the median; infinite for few values. */
double half_width(double *values, unsigned int n);

/* memory.c */
void measure_memory(void);

#endif /* BENCH_H */
