/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * User space interface of vhost_rpmsg: the ioctls of /dev/vhost-rpmsg and
 * /dev/vrpmsg-epN. What an administrator does goes through generic netlink,
 * see linux/vhost_rpmsg_netlink.h.
 *
 * Numbers are in host byte order; the kernel converts to what the guest
 * speaks. A call that fails has changed nothing. What the error codes mean,
 * everywhere in this interface:
 *
 * EACCES	The endpoint's char device is opened without the right to.
 * EADDRINUSE	The local address is taken, or is the name service's (53).
 * EAGAIN	The call would sleep and O_NONBLOCK or IOCB_NOWAIT forbids it.
 * EBUSY	The object is in use: the char device is open already, the device
 *		has a VMM, or its owner was set before it got its name.
 * EEXIST	A device of that name exists.
 * EFAULT	A pointer, or a ring's address, is not accessible.
 * EINVAL	An argument is malformed: an unknown flag, a reserved field that
 *		is not 0, a name with forbidden characters, a record shorter
 *		than its struct vhost_rpmsg_addr, an address nobody can have.
 * EMSGSIZE	The message is longer than the device's MTU, or longer than the
 *		reader's buffer. It stays in the queue then.
 * ENETRESET	The endpoint was deleted before it was opened.
 * ENODEV	No such device, or it was deleted.
 * ENOENT	No such endpoint.
 * ENOMEM	Out of memory, a memory cgroup's limit included.
 * ENOSPC	There are no more addresses, endpoints or devices to give.
 * ENOTCONN	The endpoint has no remote to write to yet.
 * ENOTTY	No such ioctl.
 * EOPNOTSUPP	A feature bit that was not offered, or something an endpoint of
 *		this kind does not do.
 * EPERM	The caller does not have CAP_NET_ADMIN, or is not the owner
 *		(VHOST_SET_OWNER) of the device.
 * EPIPE	The endpoint was deleted; nothing more can be read or written.
 * ERANGE	A netlink attribute is outside the range that its policy allows.
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

/* Bound of a queue of an endpoint in bytes, unless one is asked for. */
#define VHOST_RPMSG_DEFAULT_LIMIT	262144
/* What a message counts in a queue on top of its payload, in bytes. */
#define VHOST_RPMSG_MSG_OVERHEAD	64

/* Channels that a device keeps for its guest; more are refused and counted. */
#define VHOST_RPMSG_MAX_CHANNELS	1024

/**
 * struct vhost_rpmsg_attach - argument of VHOST_RPMSG_ATTACH
 * @name: name of the device, NUL-terminated and padded with NULs: 1 to 31
 *	printable ASCII characters without slash and space
 * @flags: must be 0
 * @reserved: must be 0
 */
struct vhost_rpmsg_attach {
	char name[VHOST_RPMSG_NAME_SIZE];
	__u32 flags;
	__u32 reserved;
};

/**
 * VHOST_RPMSG_ATTACH - name the device behind this file, or become the VMM of
 *			the persistent device of that name
 *
 * Before VHOST_SET_OWNER, and once. A device that has not been named carries a
 * name that the kernel made up, "vhostN".
 *
 * Errors: EBUSY: the owner is set, the file has a name already, endpoints were
 * made on its device, or a live VMM has the name; EFAULT; EINVAL.
 */
#define VHOST_RPMSG_ATTACH	_IOW(VHOST_VIRTIO, 0x90, struct vhost_rpmsg_attach)

/**
 * VHOST_RPMSG_SET_RUNNING - start (1) or stop (0) the rings
 *
 * Both rings must be set up: size, base, addresses. Rings that start with both
 * bases 0 are those of a guest that has been reset: learned and bound remotes
 * and the guest's channels are forgotten, what waited for the old guest is
 * dropped, and every announced endpoint is announced again. Other bases
 * continue where a stop left off.
 *
 * Errors: EFAULT: a ring is not set up or not accessible; EINVAL: neither 0
 * nor 1; EPERM: not the owner.
 */
#define VHOST_RPMSG_SET_RUNNING	_IOW(VHOST_VIRTIO, 0x91, int)

/**
 * struct vhost_rpmsg_addr - first part of each record of an addressed endpoint
 * @addr: remote address, the message's source in read(), its destination in
 *	write(); VHOST_RPMSG_ADDR_ANY is no destination
 * @reserved: 0 in read(), must be 0 in write()
 */
struct vhost_rpmsg_addr {
	__u32 addr;
	__u32 reserved;
};

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
 * @reserved: 0
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
	__u32 reserved[2];
};

/**
 * VHOST_RPMSG_EPT_GET_INFO - describe the endpoint behind /dev/vrpmsg-epN
 *
 * Works on an endpoint that is gone, too. Errors: EFAULT.
 *
 * RPMSG_DESTROY_EPT_IOCTL of linux/rpmsg.h deletes the endpoint, as it does on
 * /dev/rpmsgN; on one that is gone it gives EPIPE.
 */
#define VHOST_RPMSG_EPT_GET_INFO \
	_IOR(VHOST_VIRTIO, 0x92, struct vhost_rpmsg_ept_info)

#endif /* _UAPI_LINUX_VHOST_RPMSG_H */
