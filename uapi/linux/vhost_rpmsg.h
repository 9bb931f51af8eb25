/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User space interface of vhost_rpmsg: the ioctls of /dev/vhost-rpmsg,
 * /dev/vrpmsg-epN and /dev/vrpmsg-ctrlN. What an administrator does goes through generic netlink,
 * see linux/vhost_rpmsg_netlink.h.
 *
 * Numbers are in host byte order; the kernel converts to what the guest
 * speaks. A call that fails has changed nothing. What the error codes mean,
 * everywhere in this interface:
 *
 * EACCES	The endpoint's char device is opened without the right to.
 * EADDRINUSE	The local address is taken, or is the name service's (53).
 * EAGAIN	The call would sleep and O_NONBLOCK or IOCB_NOWAIT forbids it.
 * EBUSY	The object is in use: another process reads the char device, the
 *		device has a VMM, or its owner was set before it got its name.
 * EDQUOT	The user has made as many endpoints on the device as one user may.
 * EEXIST	A device of that name exists, or the user has announced such an
 *		endpoint.
 * EFAULT	A pointer, or a ring's address, is not accessible.
 * EINVAL	An argument is malformed: an unknown flag, a reserved field that
 *		is not 0, a name with forbidden characters, a record shorter
 *		than its struct vhost_rpmsg_addr, an address nobody can have; or
 *		a user's endpoint writes to the name service.
 * EMFILE	The process has as many open files as it may have.
 * EMSGSIZE	The message is longer than the device's MTU, or longer than the
 *		reader's buffer. It stays in the queue then.
 * ENETRESET	The endpoint was deleted before it was opened.
 * ENFILE	The system has as many open files as it may have.
 * ENODEV	No such device, or it was deleted.
 * ENOENT	No such endpoint.
 * ENOMEM	Out of memory, a memory cgroup's limit included.
 * ENOSPC	There are no more addresses, endpoints or devices to give, or all users
 *		together have made as many endpoints on the device as they may.
 * ENOTCONN	The endpoint has no remote to write to yet.
 * ENOTTY	No such ioctl.
 * EOPNOTSUPP	A feature bit that was not offered, or something an endpoint of
 *		this kind does not do.
 * EPERM	The caller does not have CAP_NET_ADMIN, is not the owner
 *		(VHOST_SET_OWNER) of the device, or attaches to one of another
 *		user.
 * EPIPE	The endpoint was deleted; nothing more can be read or written.
 * ERANGE	A netlink attribute is outside the range that its policy allows.
 * ESTALE	The message is for a guest that has been reset since, or the guest is
 *		not the one that goes on.
 * ERESTARTSYS	A signal came; user space sees EINTR or a restarted call.
 *
 * Of the vhost core's own, in its ioctls and in read() and write() of an IOTLB:
 * E2BIG	Too many regions of memory.
 * EBADF	Not an eventfd.
 * EBADFD	There is no IOTLB.
 * ENOBUFS	No such ring.
 */
#ifndef _UAPI_LINUX_VHOST_RPMSG_H
#define _UAPI_LINUX_VHOST_RPMSG_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vhost_types.h>

/* Feature bit of virtio-rpmsg: the device speaks the name service. */
#define VIRTIO_RPMSG_F_NS		0

/* Size of a name with its terminating NUL: names have 1 to 31 characters. */
#define VHOST_RPMSG_NAME_SIZE		32

/* Address of the name service, and the first one given out on request. */
#define VHOST_RPMSG_NS_ADDR		53
#define VHOST_RPMSG_FIRST_DYNAMIC_ADDR	1024
/* No address: what dst is as long as an endpoint has no remote. */
#define VHOST_RPMSG_ADDR_ANY		0xffffffffU

/*
 * Longest payload in bytes before a buffer of the guest was seen: Linux guests
 * post 512 bytes, of which the header takes 16.
 */
#define VHOST_RPMSG_DEFAULT_MTU		496
/* The header counts the payload in 16 bits. */
#define VHOST_RPMSG_MAX_MTU		65535

/* Milliseconds for which full endpoints may hold the guest back. */
#define VHOST_RPMSG_DEFAULT_HOLD_TIME	10000

/* Bound of a queue of an endpoint in bytes, unless one is asked for. */
#define VHOST_RPMSG_DEFAULT_LIMIT	262144
/* What a message counts in a queue on top of its payload, in bytes. */
#define VHOST_RPMSG_MSG_OVERHEAD	64

/*
 * Endpoints that one user may have on a device without being an administrator, and
 * all such users together.
 */
#define VHOST_RPMSG_MAX_USER_ENDPOINTS	128
#define VHOST_RPMSG_MAX_CTRL_ENDPOINTS	1024
/*
 * Milliseconds for which what was written to an endpoint that lives as long as it is
 * open can wait for buffers of the guest after the last close.
 */
#define VHOST_RPMSG_LINGER_TIME		10000

/* Channels that a device keeps for its guest; more are refused and counted. */
#define VHOST_RPMSG_MAX_CHANNELS	1024

/**
 * struct vhost_rpmsg_attach - argument of VHOST_RPMSG_ATTACH
 * @name: name of the device, NUL-terminated and padded with NULs: 1 to 31
 *	ASCII letters, digits and _.:@-, the first a letter, digit or _, and not
 *	like vhost7
 * @flags: VHOST_RPMSG_ATTACH_*
 * @reserved: must be 0
 */
struct vhost_rpmsg_attach {
	char name[VHOST_RPMSG_NAME_SIZE];
	__u32 flags;
	__u32 reserved;
};

/*
 * When this file is closed, keep what is known of the guest, which may live on:
 * its channels, remotes, and what is queued for it. The next VMM of a persistent
 * device goes on with VHOST_RPMSG_CONTINUE, or has it forgotten with
 * VHOST_RPMSG_START. Without effect on a device that is not persistent.
 */
#define VHOST_RPMSG_ATTACH_KEEP		(1U << 0)
/* The name must be that of a persistent device. */
#define VHOST_RPMSG_ATTACH_EXISTING	(1U << 1)

/**
 * VHOST_RPMSG_ATTACH - name the device behind this file, or become the VMM of
 *			the persistent device of that name
 *
 * Before VHOST_SET_OWNER, and once. A device that has not been named carries a
 * name that the kernel made up, "vhostN"; so does one without endpoints whose
 * name an administrator takes for a persistent device.
 *
 * Errors: EBUSY: the owner is set, the file has a name already, endpoints were
 * made on its device, or a live VMM has the name; EFAULT; EINVAL; ENODEV:
 * VHOST_RPMSG_ATTACH_EXISTING, and no device has the name; EPERM: the persistent
 * device of that name is another user's.
 */
#define VHOST_RPMSG_ATTACH	_IOW(VHOST_VIRTIO, 0x90, struct vhost_rpmsg_attach)

/* Arguments of VHOST_RPMSG_SET_RUNNING. */
#define VHOST_RPMSG_STOP	0
#define VHOST_RPMSG_START	1
#define VHOST_RPMSG_CONTINUE	2

/**
 * VHOST_RPMSG_SET_RUNNING - start or stop the rings
 *
 * VHOST_RPMSG_STOP: the rings stop, and all that was taken from them has been
 * given back. VHOST_RPMSG_START: they are those of a guest that has been reset:
 * learned and bound remotes and the channels of the guest before are forgotten,
 * what waited for it is dropped, and every announced endpoint is announced again.
 * VHOST_RPMSG_CONTINUE: they are those of the guest that was there at the last
 * stop, which goes on. If used entries could not be written before that stop, they
 * are written first, and the ring begins behind them, whatever its base is.
 *
 * To start, both rings must be set up: size, base, addresses. To start rings that
 * run, or stop rings that do not, changes nothing.
 *
 * Errors: EFAULT: a ring is not set up or not accessible; EINVAL: none of these;
 * EPERM: not the owner; ESTALE: VHOST_RPMSG_CONTINUE, and the used indices in the
 * guest's memory are not those of the last stop, or are all 0 with nothing in the
 * used rings, or no guest is remembered. VHOST_RPMSG_START can be tried then.
 */
#define VHOST_RPMSG_SET_RUNNING	_IOW(VHOST_VIRTIO, 0x91, int)

/**
 * struct vhost_rpmsg_addr - first part of each record of an addressed endpoint
 * @addr: remote address, the message's source in read(), its destination in
 *	write(); VHOST_RPMSG_ADDR_ANY is no destination
 * @generation: in read(), which guest sent the message; in write(), which guest
 *	it is for: ESTALE if another one is there, 0 for any
 */
struct vhost_rpmsg_addr {
	__u32 addr;
	__u32 generation;
};

/**
 * struct vhost_rpmsg_rec - first part of each record of a file in batch mode
 * @len: bytes of payload, which follow
 * @addr: in read(), the message's source; in write(), its destination if the
 *	endpoint is addressed, and not looked at otherwise
 * @generation: as in struct vhost_rpmsg_addr
 * @flags: 0 in read(), must be 0 in write()
 *
 * The next record starts at a multiple of 8 bytes, see VHOST_RPMSG_REC_ALIGN():
 * zeroes fill the gap in read(), and what is in it in write() does not matter. The
 * padding of the last one may be missing.
 */
struct vhost_rpmsg_rec {
	__u32 len;
	__u32 addr;
	__u32 generation;
	__u32 flags;
};

/* Bytes that a record of so many bytes takes with its padding. */
#define VHOST_RPMSG_REC_ALIGN(len)	(((len) + 7) & ~(__typeof__(len))7)

/* Flags of struct vhost_rpmsg_ept_info. */
#define VHOST_RPMSG_EPT_ADDRESSED	(1U << 0)
#define VHOST_RPMSG_EPT_ANNOUNCED	(1U << 1)
/* The endpoint was deleted: the rest describes what it was. */
#define VHOST_RPMSG_EPT_GONE		(1U << 2)

/**
 * struct vhost_rpmsg_ept_info - answer of VHOST_RPMSG_EPT_GET_INFO
 * @name: name of the service, NUL-terminated, empty when there is none
 * @dev_name: name of the device
 * @dev_id: number of the device, as in netlink
 * @id: number of the endpoint, the N of /dev/vrpmsg-epN
 * @src: local address
 * @dst: address of the remote, VHOST_RPMSG_ADDR_ANY while none is known and for
 *	an addressed endpoint
 * @mtu: longest payload that can be written now, in bytes
 * @flags: VHOST_RPMSG_EPT_*
 * @generation: which guest this is: a number that changes, never to 0, whenever a
 *	guest starts anew; 0 before the first
 * @head_generation: of the guest that sent the message which the next read()
 *	returns, 0 when there is none
 * @rx_dropped: messages from the guest that were dropped, whatever the cause; not
 *	those that a reader has left unread
 * @tx_dropped: messages that were written and dropped
 */
struct vhost_rpmsg_ept_info {
	char name[VHOST_RPMSG_NAME_SIZE];
	char dev_name[VHOST_RPMSG_NAME_SIZE];
	__u32 dev_id;
	__u32 id;
	__u32 src;
	__u32 dst;
	__u32 mtu;
	__u32 flags;
	__u32 generation;
	__u32 head_generation;
	__u64 rx_dropped;
	__u64 tx_dropped;
};

/**
 * VHOST_RPMSG_EPT_GET_INFO - describe the endpoint behind /dev/vrpmsg-epN
 *
 * Works on an endpoint that is gone, too. poll() says EPOLLPRI on this file
 * whenever the generation is another one than the process was told by this ioctl,
 * or by RPMSG_GET_OUTGOING_FLOWCONTROL, or found when it opened the file.
 * Errors: EFAULT.
 *
 * The ioctls of /dev/rpmsgN in linux/rpmsg.h answer as they do there on virtio:
 * RPMSG_DESTROY_EPT_IOCTL gives EINVAL for an endpoint that an administrator made,
 * EPIPE once it is gone, and else loses nothing that was written;
 * RPMSG_GET_OUTGOING_FLOWCONTROL says 0, no restriction;
 * RPMSG_SET_INCOMING_FLOWCONTROL gives EOPNOTSUPP, EINVAL for neither 0 nor 1.
 * FIONREAD says how long a buffer the next read() needs for one message, 0 when
 * there is none.
 */
#define VHOST_RPMSG_EPT_GET_INFO \
	_IOR(VHOST_VIRTIO, 0x92, struct vhost_rpmsg_ept_info)

/**
 * VHOST_RPMSG_EPT_SET_BATCH - have read() and write() of this open file carry many
 *			       messages (1), or one (0)
 *
 * For those to whom a system call for each message is too much. In batch mode
 * read() and write() carry records, each a struct vhost_rpmsg_rec and the payload;
 * it takes the place of the struct vhost_rpmsg_addr of addressed endpoints.
 *
 * read() waits for one message, and then returns as many whole records as there
 * are and fit: EMSGSIZE if the first one does not fit. write() waits until there is
 * room for one, queues as many records as there is room for, and returns how many
 * bytes these were. It fails only for the first record; an error of a later one
 * comes with the next call. EINVAL then is also for a record that ends before its
 * payload does.
 *
 * Errors: EFAULT; EINVAL: neither 0 nor 1.
 */
#define VHOST_RPMSG_EPT_SET_BATCH	_IOW(VHOST_VIRTIO, 0x93, int)

/**
 * struct vhost_rpmsg_ctrl_info - answer of VHOST_RPMSG_CTRL_GET_INFO
 * @dev_name: name of the device
 * @dev_id: number of the device, as in netlink
 * @state: enum vhost_rpmsg_dev_state of linux/vhost_rpmsg_netlink.h
 * @mtu: longest payload that can be written now, in bytes
 * @generation: as in struct vhost_rpmsg_ept_info
 * @endpoints: how many the calling user has on the device
 * @max_endpoints: how many that may be
 */
struct vhost_rpmsg_ctrl_info {
	char dev_name[VHOST_RPMSG_NAME_SIZE];
	__u32 dev_id;
	__u32 state;
	__u32 mtu;
	__u32 generation;
	__u32 endpoints;
	__u32 max_endpoints;
};

/**
 * VHOST_RPMSG_CTRL_GET_INFO - describe the device behind /dev/vrpmsg-ctrlN
 *
 * Each persistent device has such a node. Whoever may open it, in whatever mode,
 * makes endpoints on that device, at any address that is free, and no more than
 * VHOST_RPMSG_MAX_USER_ENDPOINTS at a time; CAP_NET_ADMIN knows no bound. They drop
 * what does not fit into their receive queue, and cannot write to the address of the
 * name service. A channel of the guest is offered to them only when no endpoint of
 * an administrator waits for it.
 *
 * The ioctls of /dev/rpmsg_ctrlN in linux/rpmsg.h, struct rpmsg_endpoint_info, whose
 * addresses may be VHOST_RPMSG_ADDR_ANY, work as they do there:
 *
 * RPMSG_CREATE_EPT_IOCTL makes a node /dev/vrpmsg-epN, of the calling user's and with
 * mode 0600, which stays until RPMSG_DESTROY_EPT_IOCTL on that node, or until the
 * device is deleted. Its endpoint has its address from the first open() to the last
 * close(): open() fails with EADDRINUSE if another one has it then. Nothing is
 * announced. What was written is sent, as VHOST_RPMSG_CTRL_NEW_EPT says.
 *
 * RPMSG_CREATE_DEV_IOCTL makes such a node whose endpoint is there as long as the
 * node, and announces it if the source is given. RPMSG_RELEASE_DEV_IOCTL deletes the
 * calling user's node that was made so with this name, and these addresses if they
 * are given. Errors: EADDRINUSE; EEXIST: the user has such a node already; ENOENT:
 * none, for RPMSG_RELEASE_DEV_IOCTL.
 *
 * Errors of all: EDQUOT; EFAULT; EINVAL: a forbidden name, or none where one is
 * announced, or the name service as destination; ENODEV: the device is deleted;
 * ENOMEM; ENOSPC.
 */
#define VHOST_RPMSG_CTRL_GET_INFO \
	_IOR(VHOST_VIRTIO, 0x94, struct vhost_rpmsg_ctrl_info)

/* Announce the endpoint, which must have a name. */
#define VHOST_RPMSG_NEW_EPT_ANNOUNCE	(1U << 0)
/* Records start with struct vhost_rpmsg_addr: an endpoint for many remotes. */
#define VHOST_RPMSG_NEW_EPT_ADDRESSED	(1U << 1)
/* The source of each message is the remote from then on. */
#define VHOST_RPMSG_NEW_EPT_FOLLOW	(1U << 2)

/**
 * struct vhost_rpmsg_new_ept - argument of VHOST_RPMSG_CTRL_NEW_EPT
 * @name: name of the service, NUL-terminated and padded with NULs: up to 31 printable
 *	ASCII characters, or none
 * @src: local address, VHOST_RPMSG_ADDR_ANY for the next free one from 1024
 * @dst: address of a remote that stays, VHOST_RPMSG_ADDR_ANY for a channel of that
 *	name or the source of the first message
 * @flags: VHOST_RPMSG_NEW_EPT_*; with a @dst neither _ADDRESSED nor _FOLLOW, without
 *	one not both
 * @reserved: must be 0
 */
struct vhost_rpmsg_new_ept {
	char name[VHOST_RPMSG_NAME_SIZE];
	__u32 src;
	__u32 dst;
	__u32 flags;
	__u32 reserved;
};

/**
 * VHOST_RPMSG_CTRL_NEW_EPT - make an endpoint without a node: a file descriptor
 *
 * The descriptor reads, writes and has the ioctls of /dev/vrpmsg-epN. The endpoint
 * lives as long as somebody has the descriptor, which can be passed on; then its
 * announcement is withdrawn, and its address is free. What was written and waits for
 * buffers of the guest is sent before, for at most VHOST_RPMSG_LINGER_TIME, and not
 * longer than until somebody asks for its address. RPMSG_DESTROY_EPT_IOCTL ends it
 * likewise, and at once for whoever has the descriptor.
 *
 * Returns the descriptor, which is close-on-exec and open for reading and writing.
 * Errors: those above, EADDRINUSE, EMFILE, ENFILE.
 */
#define VHOST_RPMSG_CTRL_NEW_EPT \
	_IOW(VHOST_VIRTIO, 0x95, struct vhost_rpmsg_new_ept)

#endif /* _UAPI_LINUX_VHOST_RPMSG_H */
