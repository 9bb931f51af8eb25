// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hostile processes: several of them do whatever user space can do to the module,
 * in two threads each, and are killed in the middle of it. Beside them an honest
 * guest and an honest process exchange messages, to whom nothing may happen.
 *
 * usage: fuzz_host [--seconds N] [--processes N] [--seed N]
 *
 * The seed says what each process tries, but not how they interleave.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/rpmsg.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "guest.h"
#include "util.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What a value of a netlink attribute is made from. */
enum kind { U32, DEV_ID, EPT_ID, ADDR, STRING, FLAG };

struct attr {
	int type;
	enum kind kind;
	uint32_t low;
	uint32_t high;		/* of a string: longest length */
};

struct request {
	const char *name;
	int cmd;
	bool dump;
	const struct attr *attrs;
	unsigned int num_attrs;
};

/* requests[], and documented[] errors: from the spec and the uAPI header. */
#include "fuzz_host_tables.h"

/* What the argument of an ioctl is made from. */
enum arg {
	NOTHING,
	FEATURES,
	INTEGER,
	STATE,
	RING_ADDR,
	RING_FILE,
	MEMORY,
	LOG_BASE,
	EVENTFD,
	NAME,
};

static const struct {
	const char *name;
	unsigned long nr;
	enum arg arg;
} ioctls[] = {
#define IOCTL(nr, arg)		\
	{			\
#nr, nr, arg	\
	}
	IOCTL(VHOST_RPMSG_ATTACH, NAME),
	IOCTL(VHOST_RPMSG_SET_RUNNING, INTEGER),
	IOCTL(VHOST_SET_OWNER, NOTHING),
	IOCTL(VHOST_RESET_OWNER, NOTHING),
	IOCTL(VHOST_GET_FEATURES, FEATURES),
	IOCTL(VHOST_SET_FEATURES, FEATURES),
	IOCTL(VHOST_GET_BACKEND_FEATURES, FEATURES),
	IOCTL(VHOST_SET_BACKEND_FEATURES, FEATURES),
	IOCTL(VHOST_SET_MEM_TABLE, MEMORY),
	IOCTL(VHOST_SET_LOG_BASE, LOG_BASE),
	IOCTL(VHOST_SET_LOG_FD, EVENTFD),
	IOCTL(VHOST_SET_VRING_NUM, STATE),
	IOCTL(VHOST_SET_VRING_BASE, STATE),
	IOCTL(VHOST_GET_VRING_BASE, STATE),
	IOCTL(VHOST_SET_VRING_ADDR, RING_ADDR),
	IOCTL(VHOST_SET_VRING_KICK, RING_FILE),
	IOCTL(VHOST_SET_VRING_CALL, RING_FILE),
	IOCTL(VHOST_SET_VRING_ERR, RING_FILE),
	IOCTL(VHOST_SET_VRING_ENDIAN, STATE),
	IOCTL(VHOST_GET_VRING_ENDIAN, STATE),
	IOCTL(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, STATE),
	IOCTL(VHOST_GET_VRING_BUSYLOOP_TIMEOUT, STATE),
	IOCTL(VHOST_VSOCK_SET_RUNNING, INTEGER),
	IOCTL(VHOST_RPMSG_EPT_GET_INFO, NOTHING),
	IOCTL(RPMSG_DESTROY_EPT_IOCTL, NOTHING),
#undef IOCTL
};

/* Calls that are counted: the requests, then the ioctls, then these. */
enum {
	VMM_OPEN,
	VMM_READ,
	VMM_WRITE,
	EPT_OPEN,
	EPT_READ,
	EPT_WRITE,
	OTHER_REQUEST,
	OTHER_IOCTL,
	NUM_OTHERS,
};

static const char *const others[] = {
	"open vhost-rpmsg", "read vhost-rpmsg", "write vhost-rpmsg",
	"open endpoint",    "read endpoint",	"write endpoint",
	"unknown request",  "unknown ioctl",
};

#define FIRST_IOCTL	ARRAY_SIZE(requests)
#define FIRST_OTHER	(FIRST_IOCTL + ARRAY_SIZE(ioctls))
#define NUM_CALLS	(FIRST_OTHER + NUM_OTHERS)

#define MAX_PROCESSES	64
#define NUM_KNOWN	32
#define NUM_NAMES	8
#define HONEST		"honest"
#define HONEST_ADDR	100
#define HONEST_REMOTE	0x500

/* What all processes share. */
static struct shared {
	bool stop;
	bool host_stop;
	int family;
	/* Objects that fuzzers have heard of. */
	uint32_t epts[NUM_KNOWN];
	uint32_t devs[NUM_KNOWN];
	uint32_t honest_ept;
	uint32_t honest_dev;
	unsigned int honest_ready;	/* how many of them */
	unsigned long honest_msgs;
	char wrong[100];	/* what the honest ones complain of */
	unsigned long tried[NUM_CALLS];
	unsigned long done[NUM_CALLS];
	unsigned int num_odd;	/* errors that are not documented */
	struct {
		unsigned int call;
		int err;
	} odd[16];
} * shared;

/*
 * A hostile process. Each kind of file has file descriptors of its own, so that
 * a thread which races with a close never gets hold of something else.
 */
#define NUM_GUESTS	2
#define NUM_VMMS	3
#define NUM_EPTS	4
#define VMM_FD		100
#define EPT_FD		200

/* Guests that behave, of the first thread. */
static struct guest guests[NUM_GUESTS];
/* Memory that badly behaved VMMs have: the kernel may write anything to it. */
#define ARENA_SIZE	(4UL << 20)
#define PART_SIZE	(1UL << 20)
static uint8_t *arena;
static int eventfds[4];
static int epoll;
static __thread int nl;
static __thread uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng >> 20) % n;
}

static bool one_in(uint32_t n)
{
	return !rnd(n);
}

static uint64_t rnd64(void)
{
	uint64_t high = rnd(UINT32_MAX);

	return high << 32 | rnd(UINT32_MAX);
}

static void count(unsigned int call, long ret)
{
	unsigned int i;
	int err = errno;

	__atomic_fetch_add(&shared->tried[call], 1, __ATOMIC_RELAXED);
	if (ret >= 0) {
		__atomic_fetch_add(&shared->done[call], 1, __ATOMIC_RELAXED);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(documented); i++)
		if (documented[i] == err)
			return;
	i = __atomic_fetch_add(&shared->num_odd, 1, __ATOMIC_RELAXED);
	if (i < ARRAY_SIZE(shared->odd)) {
		shared->odd[i].call = call;
		shared->odd[i].err = err;
	}
}

static bool stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_RELAXED);
}

/* He who answers is last: a message may be on the way to him. */
static bool host_stopped(void)
{
	return __atomic_load_n(&shared->host_stop, __ATOMIC_RELAXED);
}

static const char *call_name(unsigned int call)
{
	if (call < FIRST_IOCTL)
		return requests[call].name;
	if (call < FIRST_OTHER)
		return ioctls[call - FIRST_IOCTL].name;
	return others[call - FIRST_OTHER];
}

/* Have an open file at a descriptor of its kind. */
static void place(int fd, int at)
{
	if (fd < 0)
		return;
	dup3(fd, at, O_CLOEXEC);
	close(fd);
}

/* Netlink. */

static uint32_t known(const uint32_t *table)
{
	unsigned int i;
	uint32_t id = 0;

	for (i = 0; !id && i < 8; i++)
		id = __atomic_load_n(&table[rnd(NUM_KNOWN)], __ATOMIC_RELAXED);
	return id;
}

static void remember(uint32_t *table, uint32_t id)
{
	__atomic_store_n(&table[rnd(NUM_KNOWN)], id, __ATOMIC_RELAXED);
}

static void forget(uint32_t *table, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < NUM_KNOWN; i++)
		__atomic_compare_exchange_n(&table[i], &(uint32_t){ id }, 0,
					    false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

static uint32_t some_addr(void)
{
	switch (rnd(16)) {
	case 0:
		return VHOST_RPMSG_NS_ADDR;
	case 1:
		return rnd64();
	default:
		return (one_in(2) ? 1024 : 100) + rnd(4);
	}
}

static uint32_t some_number(const struct attr *attr)
{
	if (one_in(64))
		return attr->low - 1;
	if (one_in(64))
		return one_in(2) ? attr->high + 1 : rnd64();
	switch (attr->kind) {
	case DEV_ID:
		return known(shared->devs);
	case EPT_ID:
		return known(shared->epts);
	case ADDR:
		return some_addr();
	default:
		/* Of limits, small ones. */
		return attr->low +
		       rnd(attr->high > 1 << 20 ? 1 << 14 : attr->high + 1);
	}
}

static int some_name(char *name, size_t size)
{
	size_t i, len;

	memset(name, 0, size);
	if (!one_in(32))
		return snprintf(name, size, "fuzz%u", rnd(NUM_NAMES)) + 1;
	if (one_in(4))
		return snprintf(name, size, HONEST) + 1;
	len = rnd(size);
	for (i = 0; i < len; i++)
		name[i] = one_in(16) ? rnd(256) : 'a' + rnd(26);
	return len;
}

struct message {
	struct nlmsghdr nlh;
	struct genlmsghdr genl;
	uint8_t attrs[1024];
};

static void put_attr(struct message *msg, int type, const void *data, int len)
{
	struct nlattr *nla = (void *)((uint8_t *)msg + msg->nlh.nlmsg_len);

	nla->nla_type = type;
	nla->nla_len = NLA_HDRLEN + len;
	memcpy((uint8_t *)nla + NLA_HDRLEN, data, len);
	msg->nlh.nlmsg_len += NLA_ALIGN(nla->nla_len);
}

static void put_some(struct message *msg, const struct attr *attr)
{
	char name[64];
	uint32_t number;
	int len;

	switch (attr->kind) {
	case STRING:
		len = some_name(name, sizeof(name));
		put_attr(msg, attr->type, name, len);
		break;
	case FLAG:
		number = rnd64();
		put_attr(msg, attr->type, &number, one_in(16) ? 4 : 0);
		break;
	default:
		number = some_number(attr);
		put_attr(msg, attr->type, &number, one_in(32) ? rnd(4) : 4);
		break;
	}
}

/* The attributes of a message as the kernel sees them; NULL at the end. */
static struct nlattr *next_attr(struct message *msg, struct nlattr *nla)
{
	uint8_t *end = (uint8_t *)msg + msg->nlh.nlmsg_len;
	uint8_t *p = nla ? (uint8_t *)nla + NLA_ALIGN(nla->nla_len) :
			   msg->attrs;

	nla = (void *)p;
	if (p + NLA_HDRLEN > end || nla->nla_len < NLA_HDRLEN ||
	    p + nla->nla_len > end)
		return NULL;
	return nla;
}

/* Would it be for the honest ones to suffer? */
static bool harms_honest(struct message *msg)
{
	struct nlattr *nla = NULL;

	while ((nla = next_attr(msg, nla))) {
		uint8_t *data = (uint8_t *)nla + NLA_HDRLEN;
		size_t len = nla->nla_len - NLA_HDRLEN;
		uint32_t id = 0;

		memcpy(&id, data, len < sizeof(id) ? len : sizeof(id));
		switch (nla->nla_type & NLA_TYPE_MASK) {
		case VHOST_RPMSG_A_EPT_ID:
			if (id == shared->honest_ept)
				return true;
			break;
		case VHOST_RPMSG_A_EPT_DEV_ID:
			if (id == shared->honest_dev)
				return true;
			break;
		case VHOST_RPMSG_A_EPT_DEV_NAME:
			if (len >= strlen(HONEST) &&
			    !memcmp(data, HONEST, strlen(HONEST)))
				return true;
			break;
		}
	}
	return false;
}

static void mutate(struct message *msg)
{
	unsigned int i, n;

	switch (rnd(4)) {
	case 0:
		n = 1 + rnd(4);
		for (i = 0; i < n; i++)
			msg->attrs[rnd(sizeof(msg->attrs) / 16)] = rnd(256);
		break;
	case 1:
		msg->nlh.nlmsg_len += rnd(16);
		msg->nlh.nlmsg_len -= rnd(16);
		break;
	case 2:
		msg->nlh.nlmsg_flags = NLM_F_REQUEST | rnd(0x10000);
		break;
	case 3:
		msg->genl.cmd = rnd(256);
		msg->genl.version = rnd(256);
		break;
	}
}

static void hear(struct nlmsghdr *nlh)
{
	struct message *msg = (void *)nlh;
	struct nlattr *nla = NULL;
	uint32_t id;

	while ((nla = next_attr(msg, nla))) {
		if (nla->nla_type != VHOST_RPMSG_A_EPT_ID ||
		    nla->nla_len != NLA_HDRLEN + sizeof(id))
			continue;
		memcpy(&id, (uint8_t *)nla + NLA_HDRLEN, sizeof(id));
		if (msg->genl.cmd == VHOST_RPMSG_CMD_EPT_NEW ||
		    msg->genl.cmd == VHOST_RPMSG_CMD_EPT_GET)
			remember(shared->epts, id);
		else if (msg->genl.cmd != VHOST_RPMSG_CMD_CHAN_GET)
			remember(shared->devs, id);
	}
}

/* All that the kernel has answered; it does so at once. */
static void hear_answers(unsigned int call)
{
	static __thread uint8_t buf[32768] __attribute__((aligned(8)));
	struct nlmsghdr *nlh;
	ssize_t len;

	while ((len = recv(nl, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		for (nlh = (void *)buf; NLMSG_OK(nlh, len);
		     nlh = NLMSG_NEXT(nlh, len)) {
			int *err = NLMSG_DATA(nlh);

			if (nlh->nlmsg_type == shared->family) {
				hear(nlh);
			} else if (nlh->nlmsg_type == NLMSG_ERROR ||
				   nlh->nlmsg_type == NLMSG_DONE) {
				errno = -*err;
				count(call, *err ? -1 : 0);
			}
		}
	}
}

/* Names and numbers that agree are rare: mostly one of them. */
static bool is_wanted(const struct attr *attr)
{
	switch (attr->kind) {
	case DEV_ID:
		return one_in(8);
	case EPT_ID:
	case STRING:
		return !one_in(8);
	default:
		return one_in(2);
	}
}

static void do_request(void)
{
	unsigned int i, n, call = rnd(ARRAY_SIZE(requests));
	const struct request *req = &requests[call];
	struct message msg = {
		.nlh.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
		.nlh.nlmsg_type = shared->family,
		.nlh.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.genl.cmd = req->cmd,
		.genl.version = VHOST_RPMSG_FAMILY_VERSION,
	};
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };

	/* Things shall have time to be used. */
	if (req->cmd == VHOST_RPMSG_CMD_EPT_DEL && !one_in(4))
		return;
	for (i = 0; i < req->num_attrs; i++)
		if (is_wanted(&req->attrs[i]))
			put_some(&msg, &req->attrs[i]);
	if (req->dump && one_in(4))
		msg.nlh.nlmsg_flags |= NLM_F_DUMP;
	while (one_in(32)) {
		n = rnd64();
		put_attr(&msg, rnd(32), &n, rnd(5));
	}
	if (one_in(16))
		mutate(&msg);
	if (msg.genl.cmd != req->cmd)
		call = FIRST_OTHER + OTHER_REQUEST;
	if (harms_honest(&msg))
		return;
	sendto(nl, &msg,
	       msg.nlh.nlmsg_len < sizeof(msg) ? msg.nlh.nlmsg_len :
						 sizeof(msg),
	       0, (void *)&to, sizeof(to));
	hear_answers(call);
}

/* VMMs that misbehave. */

/* Where the kernel may write in this process, or where nobody can. */
static uint64_t some_user_addr(void)
{
	static const uint64_t nowhere[] = {
		0, 1, 0x1000, 0x800000000000, 0xffff888000000000, -4096ULL, -1,
	};

	if (one_in(16))
		return nowhere[rnd(ARRAY_SIZE(nowhere))];
	/* What begins there ends in the arena. */
	return (uintptr_t)arena +
	       (rnd(ARENA_SIZE / 2) & (one_in(16) ? -1 : -64));
}

/* Not above what a log in the arena has bits for, or far above it. */
static uint64_t some_guest_addr(void)
{
	static const uint64_t edges[] = {
		0, 0xffff, 0x7ffff000, 0xfffff000, -8192ULL, -1,
	};

	return one_in(4) ? edges[rnd(ARRAY_SIZE(edges))] : rnd(ARENA_SIZE);
}

static int some_fd(void)
{
	switch (rnd(16)) {
	case 0:
		return rnd(1024) - 512;
	case 1:
		return VMM_FD + rnd(NUM_VMMS);
	case 2:
		return EPT_FD + rnd(NUM_EPTS);
	case 3:
		return -1;
	default:
		return eventfds[rnd(ARRAY_SIZE(eventfds))];
	}
}

static uint64_t some_features(void)
{
	static const int bits[] = {
		VIRTIO_RPMSG_F_NS,
		VIRTIO_F_VERSION_1,
		VHOST_F_LOG_ALL,
		VIRTIO_RING_F_EVENT_IDX,
		VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_F_ACCESS_PLATFORM,
		VIRTIO_F_NOTIFY_ON_EMPTY,
		VHOST_BACKEND_F_IOTLB_MSG_V2,
	};
	uint64_t features = one_in(32) ? rnd64() : 0;
	unsigned int i, n = rnd(5);

	for (i = 0; i < n; i++)
		features |= 1ULL << bits[rnd(ARRAY_SIZE(bits))];
	return features;
}

union argument {
	int integer;
	uint64_t u64;
	struct vhost_vring_state state;
	struct vhost_vring_addr addr;
	struct vhost_vring_file file;
	struct vhost_rpmsg_attach attach;
	struct vhost_memory memory;
	uint8_t bytes[sizeof(struct vhost_memory) +
		      66 * sizeof(struct vhost_memory_region)];
};

static void some_memory(struct vhost_memory *memory)
{
	unsigned int i;

	memory->nregions = one_in(8) ? rnd(70) : 1 + rnd(3);
	memory->padding = one_in(32);
	for (i = 0; i < memory->nregions && i < 66; i++) {
		struct vhost_memory_region *region = &memory->regions[i];

		region->guest_phys_addr = some_guest_addr();
		region->userspace_addr = some_user_addr();
		region->memory_size = one_in(16) ? rnd(2) : rnd(ARENA_SIZE / 2);
	}
}

static void some_argument(union argument *arg, enum arg kind)
{
	unsigned int index = one_in(16) ? rnd(4) : rnd(2);

	memset(arg, 0, sizeof(*arg));
	switch (kind) {
	case NOTHING:
		break;
	case FEATURES:
		arg->u64 = some_features();
		break;
	case INTEGER:
		arg->integer = one_in(16) ? (int)rnd64() : (int)rnd(2);
		break;
	case STATE:
		arg->state.index = index;
		arg->state.num = one_in(8) ? rnd64() :
				 one_in(2) ? 1U << rnd(16) :
					     rnd(4);
		break;
	case RING_ADDR:
		arg->addr.index = index;
		arg->addr.flags = one_in(32) ? rnd64() : one_in(8);
		arg->addr.desc_user_addr = some_user_addr();
		arg->addr.used_user_addr = some_user_addr();
		arg->addr.avail_user_addr = some_user_addr();
		arg->addr.log_guest_addr = some_guest_addr() & -4;
		break;
	case RING_FILE:
		arg->file.index = index;
		arg->file.fd = some_fd();
		break;
	case MEMORY:
		some_memory(&arg->memory);
		break;
	case LOG_BASE:
		arg->u64 = some_user_addr();
		break;
	case EVENTFD:
		arg->integer = some_fd();
		break;
	case NAME:
		some_name(arg->attach.name, sizeof(arg->attach.name));
		arg->attach.flags = one_in(32);
		arg->attach.reserved = one_in(32);
		break;
	}
}

static int some_vmm(void)
{
	return VMM_FD + rnd(NUM_VMMS);
}

static int some_ept(void)
{
	return EPT_FD + rnd(NUM_EPTS);
}

static void do_vmm_open(void)
{
	int flags = one_in(4) ? 0 : O_NONBLOCK;
	int fd = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC | flags);

	count(FIRST_OTHER + VMM_OPEN, fd);
	place(fd, some_vmm());
}

static void do_vmm_close(void)
{
	close(some_vmm());
}

static int do_ioctl(int fd, unsigned long nr, void *arg)
{
	unsigned int i;
	int ret = ioctl(fd, nr, arg);

	for (i = 0; i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].nr == nr)
			break;
	count(i < ARRAY_SIZE(ioctls) ? FIRST_IOCTL + i :
				       FIRST_OTHER + OTHER_IOCTL,
	      ret);
	return ret;
}

static void do_some_ioctl(void)
{
	unsigned int i = rnd(ARRAY_SIZE(ioctls));
	int fd = one_in(8) ? some_ept() : some_vmm();
	union argument arg;

	some_argument(&arg, ioctls[i].arg);
	if (one_in(32))
		do_ioctl(fd, ioctls[i].nr, bad_ptr);
	else if (one_in(32))
		do_ioctl(fd, _IOC(rnd(4), VHOST_VIRTIO, rnd(256), rnd(64)),
			 &arg);
	else
		do_ioctl(fd, ioctls[i].nr, &arg);
}

/* A part of the arena with rings that make sense, for a device that runs. */
static void do_set_up(void)
{
	unsigned int i, part = rnd(ARENA_SIZE / PART_SIZE);
	uint8_t *mem = arena + part * PART_SIZE;
	uint64_t features = GUEST_FEATURES |
			    (one_in(4) ? 1ULL << VIRTIO_F_ACCESS_PLATFORM : 0);
	int fd = some_vmm(), running = 1;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = {
		.head.nregions = 1,
		.region.memory_size = PART_SIZE,
		.region.userspace_addr = (uintptr_t)mem,
	};

	do_ioctl(fd, VHOST_SET_OWNER, NULL);
	do_ioctl(fd, VHOST_SET_FEATURES, &features);
	do_ioctl(fd, VHOST_SET_MEM_TABLE, &table);
	for (i = 0; i < 2; i++) {
		struct vhost_vring_state num = { .index = i, .num = 16 };
		struct vhost_vring_state base = { .index = i };
		struct vhost_vring_addr addr = {
			.index = i,
			.desc_user_addr = (uintptr_t)mem + i * 0x4000,
			.avail_user_addr = (uintptr_t)mem + i * 0x4000 + 0x1000,
			.used_user_addr = (uintptr_t)mem + i * 0x4000 + 0x2000,
		};
		struct vhost_vring_file file = {
			.index = i,
			.fd = eventfds[rnd(ARRAY_SIZE(eventfds))],
		};

		do_ioctl(fd, VHOST_SET_VRING_NUM, &num);
		do_ioctl(fd, VHOST_SET_VRING_BASE, &base);
		do_ioctl(fd, VHOST_SET_VRING_ADDR, &addr);
		do_ioctl(fd, VHOST_SET_VRING_KICK, &file);
		do_ioctl(fd, VHOST_SET_VRING_CALL, &file);
	}
	do_ioctl(fd, VHOST_RPMSG_SET_RUNNING, &running);
}

/* Something in the rings of a part, and a kick. */
static void do_push(void)
{
	uint8_t *mem = arena + rnd(ARENA_SIZE / PART_SIZE) * PART_SIZE;
	unsigned int q = rnd(2), i = rnd(16);
	struct vring_desc *desc = (void *)(mem + q * 0x4000);
	struct vring_avail *avail = (void *)(mem + q * 0x4000 + 0x1000);
	struct guest_hdr *hdr = (void *)(mem + 0x10000 + i * 0x1000);
	uint64_t one = 1;

	hdr->src = some_addr();
	hdr->dst = some_addr();
	hdr->len = one_in(8) ? rnd(0x10000) : rnd(64);
	desc[i].addr = one_in(16) ? rnd64() : 0x10000 + i * 0x1000;
	desc[i].len = one_in(16) ? rnd64() : GUEST_HDR + hdr->len;
	desc[i].flags = one_in(16) ? rnd(8) :
			q == GUEST_TX ? VRING_DESC_F_WRITE :
					0;
	avail->ring[avail->idx % 16] = i;
	__atomic_fetch_add(&avail->idx, one_in(32) ? rnd(64) : 1,
			   __ATOMIC_RELEASE);
	if (write(eventfds[rnd(ARRAY_SIZE(eventfds))], &one, sizeof(one)) < 0)
		return;
}

static void do_iotlb(void)
{
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2 };
	struct vhost_msg v1 = { .type = one_in(16) ? rnd(4) : VHOST_IOTLB_MSG };
	struct vhost_iotlb_msg msg = {
		.iova = some_guest_addr(),
		.size = one_in(16) ? rnd64() : rnd(ARENA_SIZE / 2),
		.uaddr = some_user_addr(),
		.perm = rnd(4),
		.type = one_in(4) ? rnd(8) : VHOST_IOTLB_UPDATE + rnd(2),
	};
	int fd = some_vmm();
	void *data = one_in(2) ? (void *)&v1 : (void *)&v2;
	size_t len = data == &v1 ? sizeof(v1) : sizeof(v2);

	v1.iotlb = msg;
	v2.iotlb = msg;
	if (one_in(16))
		len = rnd(len);
	if (one_in(2))
		count(FIRST_OTHER + VMM_WRITE, write(fd, data, len));
	else
		count(FIRST_OTHER + VMM_READ, read(fd, data, len));
}

/* Endpoints. */

static void do_ept_open(void)
{
	uint32_t id = known(shared->epts);
	int fd = ept_open(id, one_in(4) ? 0 : O_NONBLOCK);

	if (fd == -ENOENT || fd == -ENETRESET)
		forget(shared->epts, id);
	errno = -fd;
	count(FIRST_OTHER + EPT_OPEN, fd);
	place(fd, some_ept());
}

static void do_ept_close(void)
{
	close(some_ept());
}

static void do_read(void)
{
	uint8_t buf[1024];
	struct iovec iov[] = {
		{ buf, rnd(600) },
		{ one_in(16) ? bad_ptr : buf + 600, rnd(400) },
	};

	count(FIRST_OTHER + EPT_READ, readv(some_ept(), iov, 1 + rnd(2)));
}

static void do_write(void)
{
	static const uint8_t zeroes[70000];
	struct vhost_rpmsg_addr addr = {
		.addr = some_addr(),
		.reserved = one_in(32),
	};
	struct iovec iov[] = {
		{ &addr, one_in(2) ? sizeof(addr) : rnd(sizeof(addr)) },
		{ one_in(32) ? bad_ptr : (void *)zeroes,
		  one_in(16) ? rnd(sizeof(zeroes)) : rnd(500) },
	};

	count(FIRST_OTHER + EPT_WRITE, writev(some_ept(), iov, 1 + rnd(2)));
}

/* Calls that are none of the module's business, but end up there. */
static void do_other(void)
{
	int fd = one_in(2) ? some_vmm() : some_ept();
	struct epoll_event event = { .events = rnd(64) | EPOLLET };
	struct pollfd pfd = { .fd = fd, .events = rnd(64) };
	uint8_t byte;
	void *p;

	switch (rnd(8)) {
	case 0:
		poll(&pfd, 1, rnd(3));
		break;
	case 1:
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
		break;
	case 2:
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event);
		break;
	case 3:
		epoll_wait(epoll, &event, 1, 0);
		break;
	case 4:
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED)
			munmap(p, 4096);
		break;
	case 5:
		if (pread(fd, &byte, 1, 0) < 0)
			break;
		break;
	case 6:
		fcntl(fd, F_SETFL, one_in(2) ? O_NONBLOCK : 0);
		break;
	case 7:
		lseek(fd, rnd(4), SEEK_SET);
		break;
	}
}

/* Guests that behave, on devices that all the others meddle with. */
static void do_guest(void)
{
	struct guest *g = &guests[rnd(NUM_GUESTS)];
	struct guest_msg msg;
	char name[64];
	uint8_t data[480] = {};
	int i, err = 0;

	if (!g->mem) {
		snprintf(name, sizeof(name), "fuzz%u", rnd(NUM_NAMES));
		guest_open(g, &(struct guest_opts){ .name = name, .num = 16 });
		return;
	}
	some_name(name, sizeof(name));
	switch (rnd(16)) {
	case 0:
		guest_close(g);
		break;
	case 1:
		err = guest_reset(g);
		break;
	case 2:
		err = guest_pause(g) ?: guest_resume(g);
		break;
	case 3:
	case 4:
		guest_ns_send(g, name, some_addr(), rnd(2));
		break;
	case 5:
	case 6:
	case 7:
		while (guest_recv(g, &msg, 0))
			guest_done(g, &msg);
		break;
	default:
		for (i = 0; i < 8; i++)
			guest_queue(g, some_addr(), some_addr(), data,
				    rnd(sizeof(data)));
		guest_kick(g, GUEST_RX);
		break;
	}
	if (err)
		guest_close(g);
}

/* @first: the process's first thread, which alone opens and closes. */
static void do_something(bool first)
{
	switch (rnd(first ? 32 : 24)) {
	case 0 ... 7:
		do_request();
		break;
	case 8 ... 11:
		do_some_ioctl();
		break;
	case 12 ... 13:
		do_push();
		break;
	case 14:
		do_iotlb();
		break;
	case 15 ... 17:
		do_read();
		break;
	case 18 ... 21:
		do_write();
		break;
	case 22 ... 23:
		do_other();
		break;
	case 24:
		one_in(4) ? do_vmm_close() : do_vmm_open();
		break;
	case 25:
		do_set_up();
		break;
	case 26 ... 27:
		one_in(4) ? do_ept_close() : do_ept_open();
		break;
	default:
		do_guest();
		break;
	}
}

static void open_netlink(void)
{
	nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (nl < 0)
		die("fuzz_host: netlink");
}

static void *second_thread(void *seed)
{
	rng = (uintptr_t)seed;
	open_netlink();
	while (!stopped())
		do_something(false);
	return NULL;
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void run_hostile(uint64_t seed)
{
	/* Whatever sleeps is interrupted now and then. */
	struct itimerval timer = { .it_interval.tv_usec = 7000,
				   .it_value.tv_usec = 7000 };
	struct sigaction action = { .sa_handler = on_alarm };
	pthread_t thread;
	unsigned int i;

	rng = seed;
	open_netlink();
	arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < ARRAY_SIZE(eventfds); i++)
		eventfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (arena == MAP_FAILED || epoll < 0)
		die("fuzz_host: set up");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	signal(SIGPIPE, SIG_IGN);

	for (i = 0; i < 2 * NUM_VMMS; i++) {
		do_vmm_open();
		do_set_up();
		do_ept_open();
	}
	for (i = 0; i < 50; i++)
		do_something(true);
	/* Some have files open that they could not open again. */
	if (one_in(8) && (setgid(65534) || setuid(65534)))
		die("fuzz_host: privileges");
	if (pthread_create(&thread, NULL, second_thread,
			   (void *)(uintptr_t)(rnd64() | 1)))
		die("fuzz_host: thread");
	while (!stopped())
		do_something(true);
	/* With all of it open. */
	_exit(0);
}

/* Those who behave. */

static void complain(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

static void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(shared->wrong, sizeof(shared->wrong), fmt, ap);
	va_end(ap);
	_exit(1);
}

/* A message is its number, and what fill() makes of that. */
static size_t make_msg(uint8_t *msg, uint32_t number)
{
	size_t len = 4 + number * 7 % 490;

	memcpy(msg, &number, 4);
	fill(msg + 4, len - 4, number);
	return len;
}

static bool is_msg(const uint8_t *msg, size_t len, uint32_t number)
{
	uint8_t expected[512];

	return len == make_msg(expected, number) && !memcmp(msg, expected, len);
}

/* Send a message, have it back, and so on. */
static void run_honest_guest(void)
{
	struct guest_hdr hdr;
	uint8_t msg[512];
	uint32_t number;
	struct guest g;
	int ret;

	ret = guest_open(&g, &(struct guest_opts){ .name = HONEST });
	if (ret)
		complain("guest: cannot open: %s", strerror(-ret));
	__atomic_fetch_add(&shared->honest_ready, 1, __ATOMIC_RELEASE);
	for (number = 0; !stopped(); number++) {
		ret = guest_send(&g, HONEST_REMOTE, HONEST_ADDR, msg,
				 make_msg(msg, number));
		if (ret)
			complain("guest: cannot send: %s", strerror(-ret));
		ret = guest_recv_copy(&g, &hdr, msg, sizeof(msg), 60000);
		if (ret < 0)
			complain("guest: message %u does not come back: %s",
				 number, strerror(-ret));
		if (hdr.src != HONEST_ADDR || hdr.dst != HONEST_REMOTE ||
		    !is_msg(msg, ret, number))
			complain("guest: message %u comes back wrong", number);
		shared->honest_msgs++;
	}
	guest_close(&g);
	_exit(0);
}

static void run_honest_host(void)
{
	int fd = ept_open(shared->honest_ept, 0);
	uint8_t msg[512];
	uint32_t number;
	ssize_t len;

	if (fd < 0)
		complain("host: cannot open: %s", strerror(-fd));
	__atomic_fetch_add(&shared->honest_ready, 1, __ATOMIC_RELEASE);
	for (number = 0; !host_stopped(); number++) {
		while (!poll_fd(fd, POLLIN, 100))
			if (host_stopped())
				_exit(0);
		len = read(fd, msg, sizeof(msg));
		if (len < 0)
			complain("host: cannot read: %s", strerror(errno));
		if (!is_msg(msg, len, number))
			complain("host: message %u is wrong", number);
		if (write(fd, msg, len) != len)
			complain("host: cannot write: %s", strerror(errno));
	}
	_exit(0);
}

/* The parent. */

static bool failed;
static pid_t hostile[MAX_PROCESSES];
static unsigned int processes = 8;
static unsigned long kills;

static void start_hostile(unsigned int i, uint64_t seed)
{
	fflush(stdout);
	hostile[i] = fork();
	if (hostile[i] < 0)
		die("fork");
	if (!hostile[i])
		run_hostile(seed);
}

static pid_t start_honest(void (*run)(void))
{
	unsigned int before = shared->honest_ready;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		run();
	if (!WAIT_FOR(__atomic_load_n(&shared->honest_ready, __ATOMIC_ACQUIRE) >
			      before,
		      LONG_MS))
		die("fuzz_host: %s", shared->wrong);
	return pid;
}

/* Persistent devices outlive who made them: there shall not be too many. */
static void thin_out(bool all)
{
	static struct nl_dev devs[1024];
	static struct nl_ept epts[1024];
	int i, n;

	n = nl_dev_dump(devs, ARRAY_SIZE(devs));
	for (i = 0; i < n && i < (int)ARRAY_SIZE(devs); i++)
		if (devs[i].persistent && strcmp(devs[i].name, HONEST) &&
		    (all || (n > 2 * NUM_NAMES && one_in(2))))
			nl_dev_del(devs[i].name);
	n = nl_ept_dump(NULL, epts, ARRAY_SIZE(epts));
	for (i = 0; i < n && i < (int)ARRAY_SIZE(epts); i++)
		if (epts[i].id != shared->honest_ept && (n > 128 || one_in(16)))
			nl_ept_del(epts[i].id);
}

/* Kill now this one, now that one, until the time is over. */
static const char *run_all(unsigned int seconds)
{
	static char wrong[100];
	long long end = now_ms() + seconds * 1000LL, next = 0;
	unsigned int i;
	int status;
	pid_t pid;

	for (i = 0; i < processes; i++)
		start_hostile(i, rnd64() | 1);
	while (now_ms() < end && !shared->wrong[0]) {
		usleep(rnd(300) * 1000);
		i = rnd(processes);
		kill(hostile[i], SIGKILL);
		kills++;
		pid = waitpid(hostile[i], &status, 0);
		if (pid < 0 || !WIFSIGNALED(status) ||
		    WTERMSIG(status) != SIGKILL) {
			snprintf(wrong, sizeof(wrong),
				 "a process ended by itself: status 0x%x",
				 status);
			return wrong;
		}
		start_hostile(i, rnd64() | 1);
		if (now_ms() > next) {
			thin_out(false);
			next = now_ms() + 500;
		}
	}
	return NULL;
}

static void end_all(pid_t guest, pid_t host)
{
	unsigned int i;

	for (i = 0; i < processes; i++)
		if (hostile[i])
			kill(hostile[i], SIGKILL);
	for (i = 0; i < processes; i++)
		if (hostile[i])
			waitpid(hostile[i], NULL, 0);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	waitpid(guest, NULL, 0);
	__atomic_store_n(&shared->host_stop, true, __ATOMIC_RELAXED);
	waitpid(host, NULL, 0);
}

static unsigned int count_nodes(void)
{
	DIR *dir = opendir("/dev");
	struct dirent *entry;
	unsigned int n = 0;

	while ((entry = readdir(dir)))
		n += !strncmp(entry->d_name, "vrpmsg-ep", 9);
	closedir(dir);
	return n;
}

/* All that they have left can be deleted, and nothing is left then. */
static bool clean_up(void)
{
	struct nl_ept ept;
	struct nl_dev dev;

	if (!WAIT_FOR((thin_out(true), nl_dev_dump(&dev, 1) == 1), LONG_MS) ||
	    strcmp(dev.name, HONEST)) {
		printf("# devices are left, one is %s\n", dev.name);
		return false;
	}
	if (nl_ept_dump(NULL, &ept, 1) != 1 || ept.id != shared->honest_ept) {
		printf("# endpoints are left, one is %u\n", ept.id);
		return false;
	}
	if (nl_dev_del(HONEST) || nl_dev_dump(&dev, 1) ||
	    nl_ept_dump(NULL, &ept, 1)) {
		printf("# the last device cannot be deleted: %s\n", nl_extack);
		return false;
	}
	if (!WAIT_FOR(!count_nodes(), LONG_MS)) {
		printf("# %u nodes are left in /dev\n", count_nodes());
		return false;
	}
	return true;
}

static bool fresh_device_works(void)
{
	struct guest_hdr hdr;
	uint8_t msg[512];
	struct guest g;
	bool ok;
	int fd, id, ret;

	ret = guest_open(&g, &(struct guest_opts){ .name = "fresh" });
	if (ret)
		return false;
	id = nl_ept_new(EPT_REQ(.dev = "fresh", .name = "svc"));
	fd = id < 0 ? id : ept_open(id, 0);
	ok = fd >= 0 && !guest_send(&g, 5, 1024, msg, make_msg(msg, 42)) &&
	     poll_fd(fd, POLLIN, LONG_MS) == POLLIN;
	ret = ok ? read(fd, msg, sizeof(msg)) : -1;
	ok = ret > 0 && is_msg(msg, ret, 42) && write(fd, msg, ret) == ret &&
	     guest_recv_copy(&g, &hdr, msg, sizeof(msg), LONG_MS) == ret &&
	     hdr.dst == 5 && is_msg(msg, ret, 42);
	close(fd);
	guest_close(&g);
	return ok;
}

static bool errors_are_documented(void)
{
	unsigned int i;

	for (i = 0; i < shared->num_odd && i < ARRAY_SIZE(shared->odd); i++)
		printf("# %s: %s\n", call_name(shared->odd[i].call),
		       strerror(shared->odd[i].err));
	return !shared->num_odd;
}

/* What is tried and never successful is not tested. */
static bool calls_succeeded(void)
{
	unsigned long tried = 0, done = 0;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < NUM_CALLS; i++) {
		tried += shared->tried[i];
		done += shared->done[i];
		printf("# %-34s %8lu, successful %8lu\n", call_name(i),
		       shared->tried[i], shared->done[i]);
		/* Each request, what all devices need, and messages. */
		if (!shared->done[i] && shared->tried[i] >= 200 &&
		    (i < FIRST_IOCTL + 2 ||
		     (i >= FIRST_OTHER && i < FIRST_OTHER + OTHER_REQUEST)))
			ok = false;
	}
	printf("# %lu calls, %lu successful, %lu processes killed\n", tried,
	       done, kills);
	return ok;
}

static void result(bool ok, const char *name)
{
	static unsigned int number;

	printf("%sok %u %s\n", ok ? "" : "not ", ++number, name);
	if (!ok)
		failed = true;
}

static void set_up(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_dev dev;
	int err;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !sock || genl_connect(sock) < 0)
		die("fuzz_host: set up");
	shared->family = genl_ctrl_resolve(sock, VHOST_RPMSG_FAMILY_NAME);
	if (shared->family < 0)
		die("fuzz_host: no netlink family");
	nl_socket_free(sock);

	err = nl_dev_new(HONEST);
	if (err < 0 || nl_dev_get(HONEST, &dev))
		die("fuzz_host: device");
	shared->honest_dev = dev.id;
	err = nl_ept_new(EPT_REQ(.dev = HONEST, .name = HONEST,
				 .addr = HONEST_ADDR));
	if (err < 0)
		die("fuzz_host: endpoint");
	shared->honest_ept = err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 't' },
		{ "processes", required_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{}
	};
	unsigned int seconds = 10;
	uint64_t seed = time(NULL);
	const char *wrong;
	pid_t guest, host;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (opt) {
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'p':
			processes = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			return 1;
		}
	}
	if (!processes || processes > MAX_PROCESSES)
		die("fuzz_host: 1 to %u processes", MAX_PROCESSES);
	printf("TAP version 13\n1..6\n# --seed %llu --seconds %u --processes %u\n",
	       (unsigned long long)seed, seconds, processes);
	/* No seed of the generator may be 0, and small ones are alike. */
	rng = seed * 0x9e3779b97f4a7c15ULL | 1;
	set_up();
	/* The host first: what nobody reads would be dropped. */
	host = start_honest(run_honest_host);
	guest = start_honest(run_honest_guest);

	wrong = run_all(seconds);
	end_all(guest, host);
	if (wrong)
		printf("# %s\n", wrong);
	result(!wrong, "only what is killed ends");
	if (shared->wrong[0])
		printf("# %s\n", shared->wrong);
	printf("# %lu messages there and back\n", shared->honest_msgs);
	result(!shared->wrong[0] && shared->honest_msgs,
	       "an honest guest and an honest process notice nothing");
	result(errors_are_documented(), "errors are documented ones");
	result(calls_succeeded(), "every kind of call has been successful");
	result(clean_up(), "everything can be deleted");
	result(fresh_device_works(), "a fresh device works");
	return failed;
}
