/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of vrpmsg-bridge share.
 *
 *   main.c	options, one front end after the other
 *   listener.c	the socket that front ends connect to
 *   session.c	the connection to a front end
 *   protocol.c	vhost-user: what each message does
 *   vhost.c	what the front end wants, changed by its messages
 *   sync.c	/dev/vhost-rpmsg: the kernel is told what is wanted
 *   state.c	all that the kernel can be told
 *   memory.c	memory of the guest, mapped into this process
 *   log.c	lines on standard error
 *
 * Each file calls only files below it: layers, which make lint checks.
 *
 * The kernel works on the rings with addresses of this process, and trusts
 * them. So whatever the front end says about memory is checked against what
 * has really been mapped before the kernel hears of it: a ring, a region or a
 * log that lies could otherwise make the kernel write over the bridge itself.
 */
#ifndef VRPMSG_BRIDGE_H
#define VRPMSG_BRIDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/vhost_rpmsg.h>

#include "vhost_user.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n)	(1ULL << (n))

/* Virtqueues of an RPMsg device. */
#define NUM_RINGS	2
/* Regions of guest memory: what vhost takes unless it is told otherwise. */
#define MAX_REGIONS	VHOST_USER_MAX_FDS
/* Users that may be named on the command line. */
#define MAX_UIDS	32

/* log.c: one line a call, on standard error; @fmt is key=value pairs. */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG
};

void log_init(bool verbose);
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)	log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/**
 * struct config - what the command line says
 * @device: path of the vhost device
 * @name: name of the device to attach to, or NULL for one the kernel makes up
 * @offer_config: offer a configuration space, an empty one
 * @require_device: @name must be that of a persistent device
 * @no_event_idx: withhold VIRTIO_RING_F_EVENT_IDX
 * @busy_poll: microseconds that the kernel looks at a ring before it sleeps
 * @workers: kernel threads for the rings, 1 or 2
 * @num_uids: number of @uids; 0: anybody may connect
 * @uids: users that may connect
 */
struct config {
	const char *device;
	const char *name;
	bool offer_config;
	bool require_device;
	bool no_event_idx;
	unsigned int busy_poll;
	unsigned int workers;
	unsigned int num_uids;
	uid_t uids[MAX_UIDS];
};

/**
 * struct listener - where front ends connect
 * @fd: the listening socket
 * @path: to remove at the end, NULL when somebody else made the socket
 * @dev: its file system, and
 * @ino: inode: another one may have taken the place meanwhile
 * @connected: @fd is no listening socket, but a front end
 */
struct listener {
	int fd;
	const char *path;
	dev_t dev;
	ino_t ino;
	bool connected;
};

/* listener.c */
int listener_inherit(struct listener *listener, const char *path);
int listener_open(struct listener *listener, const char *path);
int listener_use(struct listener *listener, int fd);
int listener_accept(const struct listener *listener,
		    const struct config *config);
void listener_close(const struct listener *listener);
void listener_ready(void);

/**
 * struct mapping - memory of somebody else in this process
 * @base: start of the mapping, NULL for none
 * @len: its length
 * @addr: start of what was asked for, which need not be at a page
 * @size: size of that
 */
struct mapping {
	void *base;
	size_t len;
	uintptr_t addr;
	uint64_t size;
};

int mapping_create(struct mapping *map, int fd, uint64_t offset, uint64_t size);
void mapping_destroy(struct mapping *map);

/**
 * struct region - a piece of guest memory
 * @desc: as the front end described it
 * @map: the mapping
 */
struct region {
	struct vhost_user_region desc;
	struct mapping map;
};

/**
 * struct memory - all of the guest's memory
 * @num: number of @regions
 * @regions: in the order in which they came; none overlaps another
 */
struct memory {
	unsigned int num;
	struct region regions[MAX_REGIONS];
};

int memory_add(struct memory *mem, const struct vhost_user_region *desc,
	       int fd);
int memory_remove(struct memory *mem, const struct vhost_user_region *desc);
void memory_release(struct memory *mem, const struct memory *kept);
bool memory_equal(const struct memory *a, const struct memory *b);
uintptr_t memory_translate(const struct memory *mem, uint64_t user_addr,
			   uint64_t size);
uint64_t memory_last(const struct memory *mem);

/**
 * struct ring - a virtqueue
 * @addr: addresses
 * @num: number of descriptors, 0 while it is not known
 * @kick: eventfd of the guest's kicks, -1 for none: the ring is not started
 * @call: eventfd for interrupts, -1 for none
 * @err: eventfd for errors, -1 for none
 * @has_addr: @addr was set
 * @enabled: by SET_VRING_ENABLE
 */
struct ring {
	struct vhost_vring_addr addr;
	uint32_t num;
	int kick;
	int call;
	int err;
	bool has_addr;
	bool enabled;
};

/**
 * struct state - everything that the kernel can be told
 * @features: acknowledged features, without the bit of the transport
 * @mem: memory of the guest
 * @log: bitmap of pages that were written to, for a migration
 * @log_fd: eventfd that is signalled when the log changes, -1 for none
 * @rings: the virtqueues, with addresses of the front end
 *
 * Copies share mappings and file descriptors: state_release().
 */
struct state {
	uint64_t features;
	struct memory mem;
	struct mapping log;
	int log_fd;
	struct ring rings[NUM_RINGS];
};

/* state.c */
void state_init(struct state *state);
void state_release(struct state *state, const struct state *kept);
bool state_complete(const struct state *state);
bool state_runs(const struct state *state,
		struct vhost_vring_addr addr[NUM_RINGS]);
bool state_log_suffices(const struct state *state);

/**
 * struct vhost - an open /dev/vhost-rpmsg
 * @fd: the file, -1 if it is not open
 * @offered: features that the bridge offers
 * @want: the state that the front end wants
 * @have: the state that the kernel has. After each message the two are the same,
 *	but for the sizes and addresses of rings: the kernel gets these, as
 *	addresses of this process, when the rings start
 * @running: the rings run
 * @guest_reset: the front end has reset the device, so the next guest is new
 * @base: where each ring goes on, as last set by the front end or the kernel
 */
struct vhost {
	int fd;
	uint64_t offered;
	struct state want;
	struct state have;
	bool running;
	bool guest_reset;
	uint32_t base[NUM_RINGS];
};

/* sync.c: 0 or a negative errno each */
int sync_open(struct vhost *vhost, const struct config *config);
void sync_close(struct vhost *vhost);
int vhost_sync(struct vhost *vhost, const struct state *to);

/*
 * vhost.c: 0 or a negative errno each. Eventfds become the callee's, as do
 * mappings; the files behind the latter stay the caller's.
 */
void vhost_init(struct vhost *vhost);
int vhost_open(struct vhost *vhost, const struct config *config);
void vhost_close(struct vhost *vhost);
int vhost_set_features(struct vhost *vhost, uint64_t features);
int vhost_set_memory(struct vhost *vhost, const struct memory *mem);
int vhost_add_region(struct vhost *vhost, const struct vhost_user_region *desc,
		     int fd);
int vhost_remove_region(struct vhost *vhost,
			const struct vhost_user_region *desc);
int vhost_set_log_base(struct vhost *vhost, const struct vhost_user_log *log,
		       int fd);
int vhost_set_log_fd(struct vhost *vhost, int fd);
int vhost_set_num(struct vhost *vhost, const struct vhost_vring_state *state);
int vhost_set_addr(struct vhost *vhost, const struct vhost_vring_addr *addr);
int vhost_set_base(struct vhost *vhost, const struct vhost_vring_state *state);
int vhost_get_base(struct vhost *vhost, struct vhost_vring_state *state);
int vhost_set_kick(struct vhost *vhost, unsigned int index, int fd);
int vhost_set_call(struct vhost *vhost, unsigned int index, int fd);
int vhost_set_err(struct vhost *vhost, unsigned int index, int fd);
int vhost_set_enable(struct vhost *vhost, unsigned int index, bool enable);
int vhost_disable(struct vhost *vhost);
int vhost_stop(struct vhost *vhost);
int vhost_reset(struct vhost *vhost);

/**
 * struct session - a front end, from its connection to its end
 * @config: what the command line says
 * @sock: the connection
 * @deadline: for the first message, in milliseconds of the monotonic clock; 0
 *	once it has come
 * @vhost: the device, opened at the first message
 * @protocol_features: as negotiated
 * @status: virtio status, as the front end has set it
 * @messages: number of messages received
 * @refused: number of those that were refused
 * @have: number of bytes of the current message that have arrived
 * @header: its header
 * @payload: its payload, and then the reply's
 * @num_fds: number of @fds
 * @fds: file descriptors that came with it; a handler that keeps one sets it to -1
 * @reply_fd: file descriptor to send with the reply, -1 for none
 */
struct session {
	const struct config *config;
	int sock;
	int64_t deadline;
	struct vhost vhost;
	uint64_t protocol_features;
	uint8_t status;
	unsigned long long messages;
	unsigned long long refused;

	size_t have;
	struct vhost_user_header header;
	union vhost_user_payload payload;
	unsigned int num_fds;
	int fds[VHOST_USER_MAX_FDS];
	int reply_fd;
};

/* session.c */
struct session *session_new(int sock, const struct config *config);
int session_timeout(const struct session *session);
int session_receive(struct session *session);
void session_free(struct session *session);

/* protocol.c */
int protocol_handle(struct session *session);

#endif /* VRPMSG_BRIDGE_H */
