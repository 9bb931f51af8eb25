/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Interface of the in-kernel client /dev/vhost-rpmsg-kclient for test_kclient,
 * in addition to the ioctls of a vhost device.
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
#define KCLIENT_HOLD_ECHO 106	/* the same, and then answers */
#define KCLIENT_OFFENDER 107	/* makes forbidden calls once told to */

/* Number of forbidden calls: in read(), and the others in remote_changed(). */
#define KCLIENT_OFFENCES	10
#define KCLIENT_OFFENCES_READ	3

/* A feature bit that the client offers. */
#define KCLIENT_FEATURE	0x20ULL

/**
 * struct kclient_send - a message that is not a response to a request
 * @dst: remote address
 * @len: as for vhost_rpmsg_start_lock(); negative: as much as fits
 * @fill: value of each byte
 * @sent: out: length of the payload in bytes
 * @less: number of bytes not to copy
 */
struct kclient_send {
	__u32 dst;
	__s32 len;
	__u32 fill;
	__u32 sent;
	__u32 less;
};

/* Send a message at once, with vhost_rpmsg_start_lock(). */
#define KCLIENT_SEND	_IOWR('k', 0, struct kclient_send)

/**
 * struct kclient_recv - a message taken with vhost_rpmsg_start_lock()
 * @src: out: source of a response
 * @dst: out: destination of a response
 * @len: in: as for vhost_rpmsg_start_lock(); out: the return value of read()
 * @sum: out: sum of the bytes
 * @answer: also send the response
 */
struct kclient_recv {
	__u32 src;
	__u32 dst;
	__s32 len;
	__u32 sum;
	__u32 answer;
};

#define KCLIENT_RECV	_IOWR('k', 1, struct kclient_recv)

/*
 * Have KCLIENT_SOURCE send count messages to dst, each a __u32 that counts up.
 * vhost_rpmsg_ept_send() is called in the ioctl, or in an interrupt, where
 * KCLIENT_HOLD is resumed as well.
 */
struct kclient_burst {
	__u32 dst;
	__u32 count;
	__u32 in_irq;
};

#define KCLIENT_BURST	_IOW('k', 2, struct kclient_burst)

/* Add, or delete, an endpoint like KCLIENT_SINK at the address. */
#define KCLIENT_ADD	_IOW('k', 3, __u32)
#define KCLIENT_DEL	_IOW('k', 4, __u32)

/* Let KCLIENT_HOLD accept so many more messages. */
#define KCLIENT_RELEASE	_IOW('k', 5, __u32)

/* Announce or withdraw "kclient" for the endpoint at the address. */
#define KCLIENT_ANNOUNCE _IOW('k', 6, __u32)
#define KCLIENT_WITHDRAW _IOW('k', 7, __u32)

struct kclient_stats {
	__u32 reads;	/* calls of read() that accepted a message */
	__u32 refused;	/* calls of read() or write() that returned an error */
	__u32 bursts;	/* calls of tx_complete() */
	__u32 resets;	/* calls of reset() */
};

#define KCLIENT_STATS	_IOR('k', 8, struct kclient_stats)

/* Make calls with invalid arguments. Returns how many were not refused. */
#define KCLIENT_MISUSE	_IO('k', 9)

/* Set how long endpoints may hold the guest back, in milliseconds. */
#define KCLIENT_HOLD_TIME _IOW('k', 10, __u32)

struct kclient_info {
	__u64 features;		/* acknowledged */
	__u32 state;		/* VHOST_RPMSG_DEV_STATE_* */
	__u32 mtu;
	__u32 generation;
	__u32 starts;		/* calls of running() */
	__u32 stops;
	__s32 refusals[KCLIENT_OFFENCES]; /* results of KCLIENT_OFFENDER */
};

#define KCLIENT_INFO	_IOR('k', 11, struct kclient_info)

/* Have KCLIENT_OFFENDER make its forbidden calls. */
#define KCLIENT_OFFEND	_IO('k', 21)

/*
 * Add an endpoint that another thread deletes at once. Returns 0, or 1 if add()
 * wrote to the endpoint after its release.
 */
#define KCLIENT_BRIEF	_IO('k', 22)

/*
 * Add an endpoint at the address that sends a message to 1 as soon as running()
 * is called. Its memory is freed with the file.
 */
#define KCLIENT_EAGER	_IOW('k', 25, __u32)

/*
 * /dev/vhost-rpmsg-legacy is a driver in the style of the API of 2020.
 * Addresses of its endpoints:
 */
#define LEGACY_IPC	200	/* answers as many bytes as the request asks for */
#define LEGACY_POSN	201	/* receives the address to send positions to */
#define LEGACY_DATA	202	/* playback or capture */
#define LEGACY_WRITE	203	/* has a write() and no read() */

#define LEGACY_NAME	"legacy"
/* Contents and maximum size of its replies; other data follows them. */
#define LEGACY_REPLY	0x11
#define LEGACY_REPLY_SIZE 384
#define LEGACY_CAPTURE	0x22

struct legacy_posn {
	__u32 data[8];
};

/* Send the position from a work of its own, or with the endpoint's write(). */
#define LEGACY_SEND_POSN _IOW('k', 12, struct legacy_posn)
#define LEGACY_SEND_WRITE _IO('k', 13)

/*
 * /dev/vhost-rpmsg-named serves endpoints on named devices. While its client is
 * registered, each device has an endpoint at NAMED_ECHO, which is announced as
 * "named" and answers each byte with its complement.
 */
#define NAMED_ECHO	300
#define NAMED_NAME	"named"
#define NAMED_CHANNEL	"channel"

/* Serve the device with this name, or all if it is empty. */
struct named_register {
	char device[32];
};

#define NAMED_REGISTER	_IOW('k', 14, struct named_register)
#define NAMED_UNREGISTER _IO('k', 15)

struct named_stats {
	__u32 devices;		/* number of current devices */
	__u32 adds;		/* calls of add() */
	__u32 removes;
	__u32 starts;		/* calls of running() of all endpoints */
	__u32 stops;
	__u32 guests;		/* calls of new_guest() */
	__u32 reads;
	__u32 wrong;		/* violations of the API that it noticed */
};

#define NAMED_STATS	_IOR('k', 16, struct named_stats)

/* Get what the client knows about a device. */
struct named_info {
	char device[32];	/* in */
	__u32 state;
	__u32 mtu;
	__u32 generation;
	__u32 remote;		/* of the endpoint */
};

#define NAMED_INFO	_IOWR('k', 17, struct named_info)

/* From now on, reject new devices: add() returns -EBUSY. */
#define NAMED_DECLINE	_IO('k', 18)

/* From now on, refuse messages: read() returns -EAGAIN. */
#define NAMED_REFUSE	_IO('k', 20)

/* From now on, send() of the endpoint returns -EFAULT. */
#define NAMED_FAULT	_IO('k', 24)
/* From now on, bind new endpoints to channels that are named NAMED_NAME. */
#define NAMED_BIND	_IO('k', 23)
/* The same with channels that are named NAMED_CHANNEL. */
#define NAMED_BIND_CHANNEL _IO('k', 26)

/* From now on, new endpoints have ops->release. */
#define NAMED_RELEASE	_IO('k', 25)

/* Send a message of len bytes to the endpoint's remote on a device. */
struct named_send {
	char device[32];
	__u32 len;
};

#define NAMED_SEND	_IOW('k', 19, struct named_send)

#endif /* KCLIENT_H */
