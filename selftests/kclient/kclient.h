/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What test_kclient asks of the in-kernel client behind
 * /dev/vhost-rpmsg-kclient, on top of the ioctls of a vhost device.
 */
#ifndef KCLIENT_H
#define KCLIENT_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Addresses of the client's endpoints. */
#define KCLIENT_ECHO	100	/* answers each byte with its complement */
#define KCLIENT_SINK	101	/* counts, no answer */
#define KCLIENT_REFUSE	102	/* refuses in read(), has a write() */
#define KCLIENT_MUTE	103	/* accepts in read(), refuses in write() */
#define KCLIENT_SOURCE	104	/* sends without a request */
#define KCLIENT_HOLD	105	/* -EAGAIN until it is released */
#define KCLIENT_HOLD_ECHO 106	/* so, and then it answers */

/**
 * struct kclient_send - a message with no request before it
 * @dst: where to
 * @len: as for vhost_rpmsg_start_lock(): negative for all that fits
 * @fill: each byte of it
 * @sent: out: bytes of payload
 */
struct kclient_send {
	__u32 dst;
	__s32 len;
	__u32 fill;
	__u32 sent;
};

/* Send it at once, with vhost_rpmsg_start_lock(). */
#define KCLIENT_SEND	_IOWR('k', 0, struct kclient_send)

/**
 * struct kclient_recv - a message taken with vhost_rpmsg_start_lock()
 * @src: out
 * @dst: out
 * @len: in: as for vhost_rpmsg_start_lock(); out: bytes of payload
 * @sum: out: sum of the bytes
 */
struct kclient_recv {
	__u32 src;
	__u32 dst;
	__s32 len;
	__u32 sum;
};

#define KCLIENT_RECV	_IOWR('k', 1, struct kclient_recv)

/* Have KCLIENT_SOURCE send so many messages to dst: each a __u32, counting. */
struct kclient_burst {
	__u32 dst;
	__u32 count;
};

#define KCLIENT_BURST	_IOW('k', 2, struct kclient_burst)

/* Add, or delete, an endpoint like KCLIENT_SINK at the address. */
#define KCLIENT_ADD	_IOW('k', 3, __u32)
#define KCLIENT_DEL	_IOW('k', 4, __u32)

/* Let KCLIENT_HOLD take so many messages more. */
#define KCLIENT_RELEASE	_IOW('k', 5, __u32)

/* Announce or withdraw "kclient" for the endpoint at the address. */
#define KCLIENT_ANNOUNCE _IOW('k', 6, __u32)
#define KCLIENT_WITHDRAW _IOW('k', 7, __u32)

struct kclient_stats {
	__u32 reads;	/* calls of read() that took a message, of all endpoints */
	__u32 refused;	/* calls of read() that did not */
	__u32 bursts;	/* calls of complete() */
	__u32 resets;	/* calls of reset() */
};

#define KCLIENT_STATS	_IOR('k', 8, struct kclient_stats)

/* Call with arguments that must be refused: returns how many were not. */
#define KCLIENT_MISUSE	_IO('k', 9)

#endif /* KCLIENT_H */
