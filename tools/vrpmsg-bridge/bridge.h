/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Declarations shared by the files of vrpmsg-bridge.
 *
 *   main.c	options, one front end after the other
 *   listener.c	the socket that front ends connect to
 *   session.c	the connection to a front end
 *   protocol.c	vhost-user: what each message does
 *   vhost.c	the state that the front end wants, changed by its messages
 *   sync.c	/dev/vhost-rpmsg: apply that state to the kernel
 *   state.c	the settings that the kernel can have
 *   memory.c	memory of the guest, mapped into this process
 *   alarm.c	time limits for system calls that can sleep
 *   log.c	lines on standard error
 *
 * A file calls only files below it in this list. The file layers has the order, and
 * make lint checks it.
 *
 * The kernel accesses the rings through addresses of this process, and trusts them.
 * So the bridge checks every address from the front end against the memory that it
 * mapped. Otherwise a false ring, region or log could make the kernel overwrite the
 * bridge itself.
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
/* Regions of guest memory: the default limit of vhost. */
#define MAX_REGIONS	VHOST_USER_MAX_FDS
/* How many times --allow-uid can be given. */
#define MAX_UIDS	32

/* log.c: each call writes one line to standard error; @fmt is key=value pairs. */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG
};

void log_init(bool verbose);
/* Let the next lines pass, whatever was written before. */
void log_reset_limit(void);
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...)	log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* alarm.c */
void alarm_start(void);
void alarm_stop(void);
void alarm_close(int fd);

/**
 * struct config - options of the command line
 * @device: path of the vhost device
 * @name: name of the device to attach to; NULL: the kernel chooses a name
 * @offer_config: offer an empty configuration space
 * @require_device: @name must be that of a persistent device
 * @no_event_idx: do not offer VIRTIO_RING_F_EVENT_IDX
 * @busy_poll: microseconds that the kernel polls a ring before it sleeps
 * @workers: kernel threads for the rings, 1 or 2
 * @num_uids: number of @uids; 0: every user may connect
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
 * struct listener - the socket that front ends connect to
 * @fd: the listening socket
 * @path: file to remove at exit; NULL if the bridge did not create the socket
 * @dev: file system of @path when the socket was created
 * @ino: inode of @path; if it differs at exit, the file is another one and stays
 * @connected: @fd is not a listening socket, but the connection to a front end
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
 * struct mapping - memory of a front end, mapped into this process
 * @base: start of the mapping, NULL for none
 * @len: length of the mapping
 * @addr: start of the requested memory, which need not be page-aligned
 * @size: size of the requested memory
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
 * @desc: description from the front end
 * @map: the mapping
 */
struct region {
	struct vhost_user_region desc;
	struct mapping map;
};

/**
 * struct memory - all of the guest's memory
 * @num: number of @regions
 * @regions: regions in the order in which they were added; they do not overlap
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
 * @num: number of descriptors, 0 if not set
 * @kick: eventfd for kicks of the guest, -1 for none: the ring is not started
 * @call: eventfd for interrupts, -1 for none
 * @err: eventfd for errors, -1 for none
 * @has_addr: @addr was set
 * @enabled: SET_VRING_ENABLE enabled the ring
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
 * struct state - the settings that the kernel can have
 * @features: acknowledged features, without the bit of the transport
 * @mem: memory of the guest
 * @log: bitmap of pages that were written, for live migration
 * @log_fd: eventfd that is signalled when the log changes, -1 for none
 * @rings: the virtqueues, with addresses of the front end
 *
 * Copies share mappings and file descriptors; see state_release().
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
 * @have: the state that the kernel has. It equals @want after each message, except
 *	for sizes and addresses of rings: the kernel gets these when the rings
 *	start, as addresses of this process
 * @running: the rings run
 * @guest_reset: the front end has reset the device, so the next guest is new
 * @base: index where each ring continues, as last set by the front end or the kernel
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

/* sync.c: these return 0 or a negative errno. */
int sync_open(struct vhost *vhost, const struct config *config);
void sync_close(struct vhost *vhost);
int vhost_sync(struct vhost *vhost, const struct state *to);

/*
 * vhost.c: these return 0 or a negative errno. They take ownership of eventfds and
 * mappings, but not of the descriptors of files that are mapped.
 */
void vhost_init(struct vhost *vhost);
int vhost_open(struct vhost *vhost, const struct config *config);
bool vhost_denied(const struct config *config);
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
 * @config: options of the command line
 * @sock: the connection
 * @deadline: time limit for the first message, in milliseconds of the monotonic
 *	clock; 0 after it has arrived
 * @vhost: the device, opened at the first message
 * @protocol_features: as negotiated
 * @status: virtio status that the front end set
 * @messages: number of messages received
 * @refused: number of those that were refused
 * @have: number of bytes of the current message that have arrived
 * @header: header of the current message
 * @payload: payload of the current message, then of its reply
 * @num_fds: number of @fds
 * @fds: descriptors that came with the message; a handler that keeps one sets it to -1
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
