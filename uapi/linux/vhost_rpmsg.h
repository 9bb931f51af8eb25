/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User space interface of vhost_rpmsg: the ioctls of /dev/vhost-rpmsg,
 * /dev/vrpmsg-epN and /dev/vrpmsg-ctrlN. Administrators use generic netlink, see
 * linux/vhost_rpmsg_netlink.h.
 *
 * Numbers are in host byte order; the kernel converts them to the guest's. A call
 * that fails has changed nothing. The error codes have the same meaning everywhere
 * in this interface:
 *
 * EACCES	No permission to open the endpoint's char device.
 * EADDRINUSE	The local address is taken, or is the name service's (53).
 * EAGAIN	The call would sleep, but O_NONBLOCK or IOCB_NOWAIT is set, or
 *		it is a read() of length 0.
 * EBADF	The file was not opened for what the call does.
 * EBUSY	The object is in use: another file reads from the endpoint, the
 *		device has a VMM, or its owner was set before it was named.
 * EDQUOT	The user has reached the limit of endpoints per user and device.
 * EEXIST	A device of that name exists, or the user already has such a node.
 * EFAULT	A pointer or the address of a ring is not accessible.
 * EINVAL	An argument is malformed: an unknown flag, a reserved field that
 *		is not 0, a name with forbidden characters, a record shorter
 *		than its struct vhost_rpmsg_addr, or an invalid address. Or a
 *		user's endpoint writes to the name service.
 * EMFILE	The process has too many open files.
 * EMSGSIZE	The message is longer than the device's MTU, or longer than the
 *		reader's buffer. In the latter case it stays in the queue.
 * ENETRESET	The endpoint was deleted before it was opened.
 * ENFILE	The system has too many open files.
 * ENODEV	No such device, or it was deleted. Or the module is still being
 *		loaded, so that /dev/vhost-rpmsg cannot be opened yet.
 * ENOENT	No such endpoint, channel or node.
 * ENOMEM	Out of memory, or the limit of a memory cgroup is reached.
 * ENOSPC	No more addresses, endpoints or devices are available, or all
 *		users together have reached the limit of endpoints per device.
 * ENOTCONN	The endpoint has no remote yet.
 * ENOTTY	No such ioctl.
 * EOPNOTSUPP	A feature bit that was not offered, or an operation that this
 *		kind of endpoint does not support.
 * EPERM	The caller does not have CAP_NET_ADMIN, is not the owner
 *		(VHOST_SET_OWNER) of the device, or may not attach to another
 *		user's device. Or a driver's endpoint would be changed.
 * EPIPE	The endpoint was deleted; nothing more can be read or written.
 * ERANGE	A netlink attribute is outside the range of its policy.
 * ESTALE	The message is for a guest that has been reset since, or the guest
 *		is not the one that was stopped.
 * ERESTARTSYS	Interrupted by a signal; user space sees EINTR or a restarted
 *		call.
 *
 * Errors of the vhost core, in its ioctls and in read() and write() of an IOTLB:
 * E2BIG	Too many memory regions.
 * EBADF	Not a file descriptor.
 * EBADFD	There is no IOTLB.
 * EINVAL	Not an eventfd.
 * ENOBUFS	No such ring.
 */
#ifndef _UAPI_LINUX_VHOST_RPMSG_H
#define _UAPI_LINUX_VHOST_RPMSG_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/vhost_types.h>

/* Feature bit of virtio-rpmsg: the device supports the name service. */
#define VIRTIO_RPMSG_F_NS		0

/* Size of a name with its terminating NUL: names have 1 to 31 characters. */
#define VHOST_RPMSG_NAME_SIZE		32

/* Address of the name service, and the first dynamic address. */
#define VHOST_RPMSG_NS_ADDR		53
#define VHOST_RPMSG_FIRST_DYNAMIC_ADDR	1024
/* No address: the value of dst while an endpoint has no remote. */
#define VHOST_RPMSG_ADDR_ANY		0xffffffffU

/*
 * Longest payload in bytes until the guest has posted a buffer. Linux guests
 * post 512 bytes, of which the header takes 16.
 */
#define VHOST_RPMSG_DEFAULT_MTU		496
/* The header has a length field of 16 bits. */
#define VHOST_RPMSG_MAX_MTU		65535

/* Default time for which full endpoints may hold the guest back, in ms. */
#define VHOST_RPMSG_DEFAULT_HOLD_TIME	10000

/* Default limit of an endpoint's queue, in bytes. */
#define VHOST_RPMSG_DEFAULT_LIMIT	262144
/* Overhead of a message that counts against that limit, in bytes. */
#define VHOST_RPMSG_MSG_OVERHEAD	64

/*
 * Maximum number of endpoints on a device that one unprivileged user may have,
 * and all of them together.
 */
#define VHOST_RPMSG_MAX_USER_ENDPOINTS	128
#define VHOST_RPMSG_MAX_CTRL_ENDPOINTS	1024
/*
 * Time for which messages may wait for the guest's buffers after the last close
 * of an endpoint that lives as long as it is open, in ms.
 */
#define VHOST_RPMSG_LINGER_TIME		10000

/* Maximum number of channels of a device; more are refused and counted. */
#define VHOST_RPMSG_MAX_CHANNELS	1024

/**
 * struct vhost_rpmsg_attach - argument of VHOST_RPMSG_ATTACH
 * @name: name of the device, NUL-terminated and padded with NULs: 1 to 31 ASCII
 *	letters, digits and _.:@-. It must start with a letter, a digit or _,
 *	and must not be "vhost" and a number.
 * @flags: VHOST_RPMSG_ATTACH_*
 * @reserved: must be 0
 */
struct vhost_rpmsg_attach {
	char name[VHOST_RPMSG_NAME_SIZE];
	__u32 flags;
	__u32 reserved;
};

/*
 * Keep the state of the guest when this file is closed, because the guest may
 * live on: its channels, its remotes, and the messages queued for it. The next
 * VMM of the persistent device continues with VHOST_RPMSG_CONTINUE, or discards
 * the state with VHOST_RPMSG_START. No effect on a device that is not
 * persistent.
 */
#define VHOST_RPMSG_ATTACH_KEEP		(1U << 0)
/* The name must be that of a persistent device. */
#define VHOST_RPMSG_ATTACH_EXISTING	(1U << 1)

/**
 * VHOST_RPMSG_ATTACH - name the device behind this file, or become the VMM of
 *			the persistent device of that name
 *
 * Must be called before VHOST_SET_OWNER, and at most once. A device that has
 * not been named has the default name "vhostN". It also gets the default name
 * back if it has no endpoints and an administrator creates a persistent device
 * of its name.
 *
 * Errors: EBUSY: the owner is set, the file has already been named, its device
 * has endpoints, or another VMM has the name; EFAULT; EINVAL; ENODEV:
 * VHOST_RPMSG_ATTACH_EXISTING, and no device has the name; EPERM: the
 * persistent device of that name belongs to another user.
 */
#define VHOST_RPMSG_ATTACH	_IOW(VHOST_VIRTIO, 0x90, struct vhost_rpmsg_attach)

/* Arguments of VHOST_RPMSG_SET_RUNNING. */
#define VHOST_RPMSG_STOP	0
#define VHOST_RPMSG_START	1
#define VHOST_RPMSG_CONTINUE	2

/**
 * VHOST_RPMSG_SET_RUNNING - start or stop the rings
 *
 * VHOST_RPMSG_STOP: stop the rings. When the call returns, all buffers taken
 * from them have been returned.
 *
 * VHOST_RPMSG_START: start the rings of a guest that has been reset. Learned
 * and bound remotes and the channels of the previous guest are forgotten, the
 * messages queued for it are dropped, and every announced endpoint is announced
 * again.
 *
 * VHOST_RPMSG_CONTINUE: start the rings of the guest that was there at the last
 * stop, each at the entry that was next at that stop, whatever its base is. If
 * used entries could not be written before that stop, they are written first.
 *
 * To start the rings, both must be set up: size, base, addresses. Starting
 * running rings, or stopping stopped ones, changes nothing.
 *
 * Errors: EFAULT: a ring is not set up or not accessible; EINVAL: invalid
 * argument; EPERM: not the owner; ESTALE: VHOST_RPMSG_CONTINUE, and the used
 * indices in guest memory differ from those at the last stop, or both are 0 and
 * the used rings are all zeroes, unless the guest has sent messages and used
 * entries are to be written first, or there is no guest to continue with. Use
 * VHOST_RPMSG_START then.
 */
#define VHOST_RPMSG_SET_RUNNING	_IOW(VHOST_VIRTIO, 0x91, int)

/**
 * struct vhost_rpmsg_addr - prefix of each message of an addressed endpoint
 * @addr: remote address: the source of the message in read(), its destination
 *	in write(), where VHOST_RPMSG_ADDR_ANY is invalid
 * @generation: in read(), the generation of the guest that sent the message. In
 *	write(), the generation of the guest that it is for, or 0 for any;
 *	ESTALE if there is another guest.
 */
struct vhost_rpmsg_addr {
	__u32 addr;
	__u32 generation;
};

/**
 * struct vhost_rpmsg_rec - header of each record of a file in batch mode
 * @len: length of the payload that follows, in bytes
 * @addr: in read(), the source of the message; in write(), its destination if
 *	the endpoint is addressed, ignored otherwise
 * @generation: as in struct vhost_rpmsg_addr
 * @flags: 0 in read(), must be 0 in write()
 *
 * The next record starts at a multiple of 8 bytes, see VHOST_RPMSG_REC_ALIGN().
 * The padding is zeroes in read(), and ignored in write(). The last record may
 * have no padding.
 */
struct vhost_rpmsg_rec {
	__u32 len;
	__u32 addr;
	__u32 generation;
	__u32 flags;
};

/* Size of a record of @len bytes with its padding. */
#define VHOST_RPMSG_REC_ALIGN(len)	(((len) + 7) & ~(__typeof__(len))7)

/* Flags of struct vhost_rpmsg_ept_info. */
#define VHOST_RPMSG_EPT_ADDRESSED	(1U << 0)
#define VHOST_RPMSG_EPT_ANNOUNCED	(1U << 1)
/* The endpoint was deleted: the other fields describe what it was. */
#define VHOST_RPMSG_EPT_GONE		(1U << 2)

/**
 * struct vhost_rpmsg_ept_info - result of VHOST_RPMSG_EPT_GET_INFO
 * @name: name of the service, NUL-terminated; empty if there is none
 * @dev_name: name of the device
 * @dev_id: number of the device, as in netlink
 * @id: number of the endpoint, the N of /dev/vrpmsg-epN
 * @src: local address
 * @dst: address of the remote; VHOST_RPMSG_ADDR_ANY if there is none, and for
 *	an addressed endpoint
 * @mtu: longest payload that can be written now, in bytes
 * @flags: VHOST_RPMSG_EPT_*
 * @generation: number of the guest. It changes with every new guest, but never
 *	to 0; 0 before the first guest.
 * @head_generation: generation of the guest that sent the message which the
 *	next read() returns; 0 if there is none
 * @rx_dropped: messages from the guest that the endpoint has dropped for any
 *	reason; messages that a reader left unread, and those that could not be
 *	read in the guest's memory, do not count
 * @tx_dropped: messages that were written, but dropped
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
 * VHOST_RPMSG_EPT_GET_INFO - get information about an endpoint
 *
 * Also works if the endpoint is gone. poll() reports EPOLLPRI on this file
 * while the generation differs from the one that the process has seen, which is
 * updated by open(), this ioctl and RPMSG_GET_OUTGOING_FLOWCONTROL. Errors:
 * EFAULT.
 *
 * The ioctls of /dev/rpmsgN in linux/rpmsg.h behave as they do there on virtio.
 * RPMSG_DESTROY_EPT_IOCTL fails with EINVAL if an administrator or
 * RPMSG_CREATE_DEV_IOCTL created the endpoint, and with EPIPE if it is gone.
 * Otherwise written messages are still sent. RPMSG_GET_OUTGOING_FLOWCONTROL
 * returns 0, no restriction.
 * RPMSG_SET_INCOMING_FLOWCONTROL fails with EOPNOTSUPP, or with EINVAL if the
 * argument is neither 0 nor 1. FIONREAD returns the size of the buffer that
 * read() needs for the next message, or 0 if there is none. It fails with EBADF
 * on a file that cannot read.
 */
#define VHOST_RPMSG_EPT_GET_INFO \
	_IOR(VHOST_VIRTIO, 0x92, struct vhost_rpmsg_ept_info)

/**
 * VHOST_RPMSG_EPT_SET_BATCH - turn batch mode of the file on (1) or off (0)
 *
 * For programs that cannot afford a system call per message. In batch mode,
 * read() and write() transfer records. A record is a struct vhost_rpmsg_rec,
 * which replaces the struct vhost_rpmsg_addr of addressed endpoints, and the
 * payload.
 *
 * read() waits for a message, and then returns as many whole records as are
 * available and fit; EMSGSIZE if the first one does not fit. write() waits
 * until there is room for a message, queues as many records as there is room
 * for, and returns their size in bytes. It only fails because of the first
 * record; the error of a later one is returned by the next call. A record that
 * ends before its payload does is EINVAL.
 *
 * Errors: EFAULT; EINVAL: the argument is neither 0 nor 1.
 */
#define VHOST_RPMSG_EPT_SET_BATCH	_IOW(VHOST_VIRTIO, 0x93, int)

/**
 * struct vhost_rpmsg_ctrl_info - result of VHOST_RPMSG_CTRL_GET_INFO
 * @dev_name: name of the device
 * @dev_id: number of the device, as in netlink
 * @state: enum vhost_rpmsg_dev_state of linux/vhost_rpmsg_netlink.h
 * @mtu: longest payload that can be written now, in bytes
 * @generation: as in struct vhost_rpmsg_ept_info
 * @endpoints: number of endpoints of the calling user on the device
 * @max_endpoints: maximum of @endpoints
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
 * VHOST_RPMSG_CTRL_GET_INFO - get information about a device and its user
 *
 * Each persistent device has such a node. A process that can open it, in any
 * mode, can create endpoints on that device, at any free address, and at most
 * VHOST_RPMSG_MAX_USER_ENDPOINTS per user at a time. The limit does not apply
 * with CAP_NET_ADMIN. These endpoints drop messages when their receive queue is
 * full, and cannot write to the address of the name service. A channel of the
 * guest is bound to them only if no endpoint of an administrator waits for it.
 *
 * The ioctls of /dev/rpmsg_ctrlN in linux/rpmsg.h work as they do there. The
 * addresses in struct rpmsg_endpoint_info may be VHOST_RPMSG_ADDR_ANY.
 *
 * RPMSG_CREATE_EPT_IOCTL creates a node /dev/vrpmsg-epN, which belongs to the
 * calling user and has mode 0600. The node exists until RPMSG_DESTROY_EPT_IOCTL
 * on it, or until the device is deleted. Its endpoint has its address from the
 * first open() to the last close(). If another endpoint has the address at
 * open(), that fails with EADDRINUSE. The endpoint is not announced. Messages
 * are still sent after the last close(), as with VHOST_RPMSG_CTRL_NEW_EPT.
 *
 * RPMSG_CREATE_DEV_IOCTL creates such a node, but its endpoint exists as long
 * as the node, and is announced if the source is given. RPMSG_RELEASE_DEV_IOCTL
 * deletes a node of the calling user that was created this way and has this
 * name, and these addresses if they are given. Errors: EADDRINUSE; EEXIST: the
 * user already has such a node; ENOENT: RPMSG_RELEASE_DEV_IOCTL, and there is
 * no such node.
 *
 * Errors of all: EDQUOT; EFAULT; EINVAL: a forbidden name, no name with
 * RPMSG_CREATE_DEV_IOCTL or where one is announced, or the name service as
 * destination; ENODEV: the device is deleted; ENOMEM; ENOSPC.
 */
#define VHOST_RPMSG_CTRL_GET_INFO \
	_IOR(VHOST_VIRTIO, 0x94, struct vhost_rpmsg_ctrl_info)

/* Announce the endpoint, which must have a name. */
#define VHOST_RPMSG_NEW_EPT_ANNOUNCE	(1U << 0)
/* Messages start with struct vhost_rpmsg_addr: an endpoint for many remotes. */
#define VHOST_RPMSG_NEW_EPT_ADDRESSED	(1U << 1)
/* Each message sets the remote to its source. */
#define VHOST_RPMSG_NEW_EPT_FOLLOW	(1U << 2)

/**
 * struct vhost_rpmsg_new_ept - argument of VHOST_RPMSG_CTRL_NEW_EPT
 * @name: name of the service, NUL-terminated and padded with NULs: up to 31
 *	printable ASCII characters; may be empty
 * @src: local address, VHOST_RPMSG_ADDR_ANY for the next free one from 1024
 * @dst: address of a fixed remote. VHOST_RPMSG_ADDR_ANY for the channel of that
 *	name or the source of the first message.
 * @flags: VHOST_RPMSG_NEW_EPT_*. _ADDRESSED, _FOLLOW and a @dst exclude each
 *	other.
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
 * VHOST_RPMSG_CTRL_NEW_EPT - create an endpoint as a file descriptor
 *
 * The file supports read(), write(), poll() and the ioctls of /dev/vrpmsg-epN.
 * The endpoint lives until the last descriptor of the file is closed; it can be
 * passed on to other processes. Then its announcement is withdrawn, and its
 * address is freed. Written messages that wait for buffers of the guest are
 * sent before, for at most VHOST_RPMSG_LINGER_TIME, or until another endpoint
 * needs the address. RPMSG_DESTROY_EPT_IOCTL destroys the endpoint in the same
 * way, but at once for all who have the file open.
 *
 * Returns the descriptor, which is close-on-exec and open for reading and
 * writing. Errors: those above, EADDRINUSE, EMFILE, ENFILE.
 */
#define VHOST_RPMSG_CTRL_NEW_EPT \
	_IOW(VHOST_VIRTIO, 0x95, struct vhost_rpmsg_new_ept)

#endif /* _UAPI_LINUX_VHOST_RPMSG_H */
