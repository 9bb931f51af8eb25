/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of vrpmsg-bridge share.
 *
 *   main.c	options, log, one front end after the other
 *   listener.c	the socket that front ends connect to
 *   session.c	the connection to a front end
 *   protocol.c	vhost-user: what each message does
 *   vhost.c	/dev/vhost-rpmsg: the two rings
 *   memory.c	memory of the guest, mapped into this process
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

#include "vhost_user.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT_ULL(n)	(1ULL << (n))

/* Virtqueues of an RPMsg device. */
#define NUM_RINGS	2
/* Regions of guest memory: what vhost takes unless it is told otherwise. */
#define MAX_REGIONS	64

/* main.c: one line a call, on standard error; @fmt is key=value pairs. */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG
};

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
 */
struct config {
	const char *device;
	const char *name;
	bool offer_config;
};

/**
 * struct listener - where front ends connect
 * @fd: the listening socket
 * @path: to remove at the end, NULL when somebody else made the socket
 * @dev: its file system, and
 * @ino: inode: another one may have taken the place meanwhile
 */
struct listener {
	int fd;
	const char *path;
	dev_t dev;
	ino_t ino;
};

/* listener.c */
int listener_inherit(struct listener *listener);
int listener_open(struct listener *listener, const char *path);
void listener_close(const struct listener *listener);
void listener_ready(void);

/**
 * struct mapping - memory of somebody else in this process
 * @base: where the mapping begins, NULL for none
 * @len: its length
 * @addr: where what was asked for begins: mappings begin at a page
 * @size: the size of it
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
int memory_remove(struct memory *mem, const struct vhost_user_region *desc,
		  struct mapping *map);
void memory_release(struct memory *mem);
uintptr_t memory_translate(const struct memory *mem, uint64_t user_addr,
			   uint64_t size);
uint64_t memory_last(const struct memory *mem);

/**
 * struct ring - a virtqueue, apart from what the kernel keeps of it
 * @addr: addresses, in the front end's address space
 * @num: number of descriptors
 * @has_addr: @addr was set
 * @kick: the kernel has a kick eventfd: the ring is started
 * @enabled: by SET_VRING_ENABLE
 */
struct ring {
	struct vhost_vring_addr addr;
	uint32_t num;
	bool has_addr;
	bool kick;
	bool enabled;
};

/**
 * struct vhost - an open /dev/vhost-rpmsg and what the kernel was told
 * @fd: the file
 * @offered: features of the kernel that can be had through the bridge
 * @features: features that the front end has acknowledged, without the bit that
 *	is the transport's own
 * @running: the rings run
 * @mem: memory of the guest
 * @log: bitmap of pages that were written to, for a migration
 * @rings: the virtqueues
 */
struct vhost {
	int fd;
	uint64_t offered;
	uint64_t features;
	bool running;
	struct memory mem;
	struct mapping log;
	struct ring rings[NUM_RINGS];
};

/* vhost.c: 0 or a negative errno each */
int vhost_open(struct vhost *vhost, const struct config *config);
void vhost_close(struct vhost *vhost);
int vhost_set_features(struct vhost *vhost, uint64_t features);
int vhost_set_memory(struct vhost *vhost, struct memory *mem);
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
int vhost_reset(struct vhost *vhost);

/**
 * struct session - a front end, from its connection to its end
 * @config: what the command line says
 * @sock: the connection
 * @vhost: the device
 * @protocol_features: as negotiated
 * @status: the virtio status that the front end has told us
 * @messages: number of messages received
 * @refused: number of those that were refused
 * @have: bytes of the current message that are here
 * @header: its header
 * @payload: its payload, and then the reply's
 * @num_fds: number of @fds
 * @fds: what came with it; a handler that keeps one sets it to -1
 */
struct session {
	const struct config *config;
	int sock;
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
};

/* session.c */
struct session *session_new(int sock, const struct config *config);
int session_receive(struct session *session);
int session_reply(struct session *session);
unsigned long long session_value(const struct session *session);
void session_free(struct session *session);

/* protocol.c */
int protocol_handle(struct session *session);

#endif /* VRPMSG_BRIDGE_H */
