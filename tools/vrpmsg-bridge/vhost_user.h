/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wire format of the vhost-user protocol, as far as the bridge supports it. Numbers
 * are in host byte order.
 */
#ifndef VRPMSG_BRIDGE_VHOST_USER_H
#define VRPMSG_BRIDGE_VHOST_USER_H

#include <linux/vhost_types.h>
#include <stdint.h>

/* Feature bit that belongs to the transport, not to the device. */
#define VHOST_USER_F_PROTOCOL_FEATURES	30

#define VHOST_USER_PROTOCOL_F_MQ			0
#define VHOST_USER_PROTOCOL_F_LOG_SHMFD			1
#define VHOST_USER_PROTOCOL_F_REPLY_ACK			3
#define VHOST_USER_PROTOCOL_F_CONFIG			9
#define VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD		12
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE		13
#define VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS	15
#define VHOST_USER_PROTOCOL_F_STATUS			16

enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES,
	VHOST_USER_SET_OWNER,
	VHOST_USER_RESET_OWNER,
	VHOST_USER_SET_MEM_TABLE,
	VHOST_USER_SET_LOG_BASE,
	VHOST_USER_SET_LOG_FD,
	VHOST_USER_SET_VRING_NUM,
	VHOST_USER_SET_VRING_ADDR,
	VHOST_USER_SET_VRING_BASE,
	VHOST_USER_GET_VRING_BASE,
	VHOST_USER_SET_VRING_KICK,
	VHOST_USER_SET_VRING_CALL,
	VHOST_USER_SET_VRING_ERR,
	VHOST_USER_GET_PROTOCOL_FEATURES,
	VHOST_USER_SET_PROTOCOL_FEATURES,
	VHOST_USER_GET_QUEUE_NUM,
	VHOST_USER_SET_VRING_ENABLE,
	VHOST_USER_GET_CONFIG = 24,
	VHOST_USER_SET_CONFIG,
	VHOST_USER_GET_INFLIGHT_FD = 31,
	VHOST_USER_SET_INFLIGHT_FD,
	VHOST_USER_RESET_DEVICE = 34,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG,
	VHOST_USER_REM_MEM_REG,
	VHOST_USER_SET_STATUS,
	VHOST_USER_GET_STATUS,
};

/* struct vhost_user_header.flags */
#define VHOST_USER_VERSION_MASK	0x3
#define VHOST_USER_VERSION	0x1
#define VHOST_USER_REPLY	0x4
#define VHOST_USER_NEED_REPLY	0x8

struct vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

/* In the u64 of SET_VRING_KICK, CALL and ERR. */
#define VHOST_USER_VRING_INDEX_MASK	0xff
#define VHOST_USER_VRING_NOFD		0x100

/*
 * How many regions and file descriptors a message can carry. The specification says
 * 8, but front ends that use rust-vmm's library send up to 32.
 */
#define VHOST_USER_MAX_FDS	64

struct vhost_user_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct vhost_user_mem_table {
	uint32_t num_regions;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_USER_MAX_FDS];
};

struct vhost_user_mem_reg {
	uint64_t padding;
	struct vhost_user_region region;
};

struct vhost_user_log {
	uint64_t mmap_size;
	uint64_t mmap_offset;
};

/* Some front ends include the padding in the size of this message, others do not. */
#define VHOST_USER_INFLIGHT_SIZE	20
#define VHOST_USER_INFLIGHT_PADDED	24

struct vhost_user_inflight {
	uint64_t mmap_size;
	uint64_t mmap_offset;
	uint16_t num_queues;
	uint16_t queue_size;
	uint32_t padding;
};

#define VHOST_USER_MAX_CONFIG	256

struct vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[VHOST_USER_MAX_CONFIG];
};

union vhost_user_payload {
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct vhost_user_mem_table table;
	struct vhost_user_mem_reg reg;
	struct vhost_user_log log;
	struct vhost_user_inflight inflight;
	struct vhost_user_config config;
};

#endif /* VRPMSG_BRIDGE_VHOST_USER_H */
