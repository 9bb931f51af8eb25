/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM's part of an IOMMU, for a guest behind it; include it after
 * kselftest_harness.h. The macros need a fixture with a guest g, and variants with a
 * bool v2.
 */
#ifndef IOTLB_H
#define IOTLB_H

#include "vmm.h"

/* Send an IOTLB message to the device. */
static inline int tell(struct guest *g, bool v2, uint8_t type, uint64_t iova,
		       const void *p, uint64_t size, uint8_t perm)
{
	struct vhost_iotlb_msg iotlb = {
		.iova = iova,
		.size = size,
		.uaddr = (uintptr_t)p,
		.perm = perm,
		.type = type,
	};
	struct vhost_msg v1_msg = { .type = VHOST_IOTLB_MSG, .iotlb = iotlb };
	struct vhost_msg_v2 v2_msg = { .type = VHOST_IOTLB_MSG_V2,
				       .iotlb = iotlb };
	ssize_t size_of = v2 ? sizeof(v2_msg) : sizeof(v1_msg);
	ssize_t n = write(g->fd, v2 ? (void *)&v2_msg : &v1_msg, size_of);

	if (n < 0)
		return -errno;
	return n == size_of ? 0 : -EIO;
}

/* Receive a miss of the device: 1, or 0 after timeout_ms. */
static inline int asked(struct guest *g, bool v2, struct vhost_iotlb_msg *iotlb,
			int timeout_ms)
{
	union {
		struct vhost_msg v1;
		struct vhost_msg_v2 v2;
	} msg;
	ssize_t n;

	if (!poll_fd(g->fd, POLLIN, timeout_ms))
		return 0;
	n = read(g->fd, &msg, sizeof(msg));
	if (n < 0)
		return -errno;
	if (n != (v2 ? sizeof(msg.v2) : sizeof(msg.v1)) ||
	    msg.v1.type != (v2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG))
		return -EBADMSG;
	*iotlb = v2 ? msg.v2.iotlb : msg.v1.iotlb;
	return 1;
}

#define MAP(iova, p, size) \
	ASSERT_EQ(0, tell(&self->g, variant->v2, VHOST_IOTLB_UPDATE, iova, p, \
			  size, VHOST_ACCESS_RW))
#define UNMAP(iova, size) \
	ASSERT_EQ(0, tell(&self->g, variant->v2, VHOST_IOTLB_INVALIDATE, iova, \
			  NULL, size, 0))

/* The rings are at their own addresses; the guest chooses those of buffers. */
#define RINGS(g)	((g)->mem + 0x1000)
#define RINGS_SIZE	(0x20000UL + 2 * 0x40000)
#define BUFFERS(g)	((g)->mem + 0x1000 + RINGS_SIZE)
#define BUFFERS_GPA	(0x1000 + RINGS_SIZE)
#define BUFFERS_SIZE(g)	((g)->size - BUFFERS_GPA)

#define MAP_RINGS() MAP((uintptr_t)RINGS(&self->g), RINGS(&self->g), RINGS_SIZE)
#define MAP_BUFFERS() \
	MAP(BUFFERS_GPA, BUFFERS(&self->g), BUFFERS_SIZE(&self->g))
/* The tables of indirect descriptors are next to the rings. */
#define MAP_TABLES()	MAP(0x1000, RINGS(&self->g), RINGS_SIZE)

#define ASKS_FOR(from, to, access)						\
	do {									\
		struct vhost_iotlb_msg __msg = {};				\
									\
		ASSERT_EQ(1, asked(&self->g, variant->v2, &__msg, LONG_MS));	\
		EXPECT_EQ(VHOST_IOTLB_MISS, __msg.type);			\
		EXPECT_LE((uint64_t)(from), __msg.iova);			\
		EXPECT_GT((uint64_t)(to), __msg.iova);				\
		EXPECT_EQ(access, __msg.perm);					\
	} while (0)

#define ASKS_FOR_NOTHING()							\
	do {									\
		struct vhost_iotlb_msg __msg;					\
									\
		EXPECT_EQ(0, asked(&self->g, variant->v2, &__msg, SHORT_MS));	\
	} while (0)

/* The device may have reported the same miss more than once. */
#define FORGET_MISSES()							\
	do {								\
		struct vhost_iotlb_msg __msg;				\
									\
		while (asked(&self->g, variant->v2, &__msg, 10) == 1)	\
			;						\
	} while (0)

#endif /* IOTLB_H */
