/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A front end for vrpmsg-bridge in this process, with a guest in its memory, and the
 * process of the bridge. Functions return 0, 1 if the bridge has refused something,
 * or -errno.
 */
#ifndef FRONT_END_H
#define FRONT_END_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guest.h"
#include "util.h"

#define DEV	"bridge"
#define SOCK	"/run/vrpmsg-bridge.sock"
#define LOG	"/run/vrpmsg-bridge.log"
#define ADDR	1024
#define REMOTE	0x400

/*
 * A second definition of vhost-user: with the bridge's own header the tests would not
 * notice errors in it.
 */
enum {
	GET_FEATURES = 1,
	SET_FEATURES,
	SET_OWNER,
	RESET_OWNER,
	SET_MEM_TABLE,
	SET_LOG_BASE,
	SET_LOG_FD,
	SET_VRING_NUM,
	SET_VRING_ADDR,
	SET_VRING_BASE,
	GET_VRING_BASE,
	SET_VRING_KICK,
	SET_VRING_CALL,
	SET_VRING_ERR,
	GET_PROTOCOL_FEATURES,
	SET_PROTOCOL_FEATURES,
	GET_QUEUE_NUM,
	SET_VRING_ENABLE,
	GET_CONFIG = 24,
	SET_CONFIG,
	GET_INFLIGHT_FD = 31,
	SET_INFLIGHT_FD,
	RESET_DEVICE = 34,
	GET_MAX_MEM_SLOTS = 36,
	ADD_MEM_REG,
	REM_MEM_REG,
	SET_STATUS,
	GET_STATUS,
};

#define F_PROTOCOL	(1ULL << 30)
#define F_LOG_ALL	(1ULL << VHOST_F_LOG_ALL)
#define PF_MQ		(1ULL << 0)
#define PF_LOG_SHMFD	(1ULL << 1)
#define PF_REPLY_ACK	(1ULL << 3)
#define PF_CONFIG	(1ULL << 9)
#define PF_INFLIGHT	(1ULL << 12)
#define PF_RESET_DEVICE	(1ULL << 13)
#define PF_MEM_SLOTS	(1ULL << 15)
#define PF_STATUS	(1ULL << 16)
#define PF_ALL								\
	(PF_MQ | PF_LOG_SHMFD | PF_REPLY_ACK | PF_INFLIGHT | PF_RESET_DEVICE |	\
	 PF_MEM_SLOTS | PF_STATUS)
#define FLAG_VERSION	1
#define FLAG_REPLY	4
#define FLAG_NEED_REPLY	8
#define NOFD		0x100
#define MAX_FDS		64

struct header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct mem_table {
	uint32_t num;
	uint32_t padding;
	struct region regions[MAX_FDS + 1];
};

struct mem_reg {
	uint64_t padding;
	struct region region;
};

struct log_area {
	uint64_t size;
	uint64_t offset;
};

struct inflight {
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t num_queues;
	uint16_t queue_size;
	uint32_t padding;
};

struct config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[8];
};

/* Offset of the guest's memory in its file, and its address in this front end. */
#define LEAD		0x3000
#define USER		0x123400000000ULL
#define MEM_SIZE	0x200000ULL
/* The rings and their buffers are below this offset. */
#define UPPER		0x100000ULL
#define RING_SIZE	64
/* Time limit in seconds for a test that connects many times. */
#define SLOW_S		120

struct fe {
	int sock;
	struct guest g;
	int memfd;
	int err[2];		/* eventfds */
	uint32_t base[2];
	uint64_t features;	/* in addition to the ordinary ones */
	bool plain;		/* has no protocol features */
	int logfd;		/* logs writes if not -1 */
	int left;		/* messages that may still be sent */
};

int fe_send(struct fe *fe, uint32_t request, uint32_t flags,
	    const void *payload, uint32_t size, const int *fds, int num);
/* Read exactly this many bytes; -ECONNRESET: the bridge has closed the connection. */
int fe_read(struct fe *fe, void *data, size_t size);
int fe_reply(struct fe *fe, uint32_t request, void *data, uint32_t size);
/* Send a message: 0, or 1 if the bridge refuses it, or -errno. */
int fe_call(struct fe *fe, uint32_t request, const void *payload, uint32_t size,
	    const int *fds, int num);
/* Send a message with an answer. */
int fe_ask(struct fe *fe, uint32_t request, void *payload, uint32_t size,
	   uint32_t reply_size);
int fe_get(struct fe *fe, uint32_t request, uint64_t *value);
int fe_u64(struct fe *fe, uint32_t request, uint64_t value);
int fe_state(struct fe *fe, uint32_t request, uint32_t index, uint32_t num);
int fe_file(struct fe *fe, uint32_t request, uint64_t index, int fd);
struct region fe_region(uint64_t from, uint64_t to);
int fe_mem_reg(struct fe *fe, uint32_t request, struct region region);
int fe_mem_table(struct fe *fe, const struct region *regions, uint32_t num,
		 const int *fds, int num_fds);
struct vhost_vring_addr fe_addr(struct fe *fe, int q);
int fe_set_addr(struct fe *fe, struct vhost_vring_addr addr);
void fe_make_log(struct fe *fe);
int fe_set_log(struct fe *fe, uint64_t size);
void fe_init(struct fe *fe);
int fe_connect(struct fe *fe);
/* Connect to the bridge, get an answer, and leave: 0 or an error. */
int fe_served(void);
void fe_disconnect(struct fe *fe);
void fe_exit(struct fe *fe);
int fe_handshake(struct fe *fe);
int fe_set_features(struct fe *fe);
int fe_set_ring(struct fe *fe, int q);
int fe_enable(struct fe *fe, bool enable);
/* All messages of QEMU before the rings are enabled. */
int fe_prepare(struct fe *fe);
int fe_start(struct fe *fe);
int fe_stop(struct fe *fe);
int fe_open(struct fe *fe);
/* The guest and a process exchange messages. */
int talk(struct guest *g, int fd);
/* The same with a new guest, which first receives the announcement. */
int meet(struct guest *g, int fd);
pid_t spawn(int listen_fd, char *const *argv);
int wait_exit(pid_t pid);
/* How often this text is in the log of the bridge. */
int logged(const char *text);
int count_fds(pid_t pid);
/* Shared mappings: memory of a front end, and none of AddressSanitizer. */
int count_maps(pid_t pid);
bool dev_is(uint32_t state);
/* A complete connection of a well-behaved front end. */
int well_behaved(int fd);

#define SPAWN(...)	\
	spawn(-1, (char *const[]){ "vrpmsg-bridge", __VA_ARGS__, NULL })
#define RUN(...)	wait_exit(SPAWN(__VA_ARGS__))

/* Standard input, output and error, signals, the listening socket. */
#define IDLE_FDS	5

#define DETACHED	VHOST_RPMSG_DEV_STATE_DETACHED
#define ATTACHED	VHOST_RPMSG_DEV_STATE_ATTACHED
#define RUNNING		VHOST_RPMSG_DEV_STATE_RUNNING

#endif /* FRONT_END_H */
