/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share: netlink without the library that is tested elsewhere,
 * char devices, waiting with a deadline.
 *
 * Functions that return int return 0 or a positive result, or -errno.
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vhost_rpmsg.h>
#include <linux/vhost_rpmsg_netlink.h>

/*
 * Seconds for one test; to be included behind kselftest_harness.h, whose 30 are
 * too few where several VMs share two processors and none has KVM.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

/* End the program with a message, for what a working test cannot run into. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
long long now_ms(void);

/* Until the expression is true, or so many milliseconds have passed. */
#define WAIT_FOR(cond, ms)					\
	({							\
		long long __end = now_ms() + (ms);		\
		bool __ok;					\
									\
		while (!(__ok = !!(cond)) && now_ms() < __end)	\
			nap();					\
		__ok;						\
	})

/* How many times slower than usual all is here: VRPMSG_SLOW, 1 without it. */
int slowness(void);

/* How long a test waits for what must happen, and for what must not. */
#define LONG_MS		(10000 * slowness())
#define SHORT_MS	(100 * slowness())

/*
 * A counter, which may change a moment after the guest has seen the message that
 * is counted.
 */
#define EXPECT_STAT(n, stat)						\
	do {								\
		(void)WAIT_FOR((uint64_t)(n) == (stat), LONG_MS);	\
		EXPECT_EQ(n, stat);					\
	} while (0)

/* A system call fails with this errno. */
#define EXPECT_ERR(err, expr)			\
	do {					\
		errno = 0;			\
		EXPECT_EQ(-1, (long)(expr));	\
		EXPECT_EQ(err, errno);		\
	} while (0)

/* The next message at the descriptor is this string. */
#define EXPECT_TEXT(fd, str)						\
	do {								\
		char __buf[512];					\
		ssize_t __len = strlen(str);				\
									\
		ASSERT_NE(0, poll_fd(fd, POLLIN, LONG_MS));		\
		ASSERT_EQ(__len, read(fd, __buf, sizeof(__buf)));	\
		ASSERT_EQ(0, memcmp(__buf, str, __len));		\
	} while (0)

/* Where an endpoint has its remote from: BOUND and others, as the uAPI has them. */
#define EXPECT_REMOTE(id, _remote, _kind)					\
	do {									\
		struct nl_ept __ept;						\
										\
		ASSERT_EQ(0, nl_ept_get(id, &__ept));				\
		EXPECT_EQ(_remote, __ept.remote);				\
		EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_##_kind, __ept.remote_kind);	\
	} while (0)

void nap(void);

/* Attributes of an object or of a request, as the spec has them. */
struct nl_dev {
	uint32_t id;
	char name[32];
	bool persistent;
	bool stale;
	uint32_t state;
	uint64_t features;
	uint32_t mtu;
	bool mtu_fixed;
	uint32_t hold_time;
	uint32_t owner;			/* -1: everybody, or a VMM's own */
	uint32_t endpoints;
	uint32_t channels;
	bool stalled;
	uint32_t stall_ept;
	uint64_t stats[VHOST_RPMSG_A_STATS_MAX + 1];
	int event;			/* -1: not a notification */
};

struct nl_ept {
	uint32_t id;
	uint32_t dev_id;
	char dev_name[32];
	char name[32];
	uint32_t addr;
	uint32_t remote;		/* VHOST_RPMSG_ADDR_ANY: none */
	uint32_t remote_kind;
	uint32_t remote_mode;		/* -1: addressed */
	bool addressed;
	bool announced;
	bool open;
	uint32_t policy;
	uint32_t closed;
	uint32_t reset;
	uint32_t rx_limit;
	uint32_t tx_limit;
	uint32_t rx_queued;
	uint32_t tx_queued;
	uint32_t owner;			/* -1: an administrator made it */
	bool descriptor;
	uint64_t stats[VHOST_RPMSG_A_STATS_MAX + 1];
	int event;
};

struct nl_chan {
	uint32_t dev_id;
	char dev_name[32];
	char name[33];
	uint32_t addr;
	bool bound;
	uint32_t ept;
	int event;
};

/* The kernel's words for the thread's last refusal, and the attribute at fault. */
extern __thread char nl_extack[256];
extern __thread int nl_bad_attr;
/* The last answer was lost on the way: nobody knows what has become of it. */
extern __thread bool nl_lost;

/*
 * Look for the family: whether the module is there. Only for who removes it, and
 * then in each thread, since the family has another number afterwards.
 */
bool nl_reach(void);

/* Devices. */
int nl_dev_new(const char *name);		/* its id */

/* Settings; -1 stays as it is. */
struct nl_dev_req {
	int64_t mtu;
	int64_t hold_time;
	int64_t owner;
};

#define DEV_REQ(...)							\
	(&(struct nl_dev_req){	\
		.mtu = -1, .hold_time = -1, .owner = -1, __VA_ARGS__ })

int nl_dev_set(const char *name, const struct nl_dev_req *req);
int nl_dev_del(const char *name);
int nl_dev_reset(const char *name);
int nl_dev_get(const char *name, struct nl_dev *dev);
int nl_dev_get_id(uint32_t id, struct nl_dev *dev);
/* At most max of them; how many there are. */
int nl_dev_dump(struct nl_dev *devs, int max);

/*
 * Endpoints; what is 0 in the request is not asked for, but addr and remote,
 * which are not when they are VHOST_RPMSG_ADDR_ANY.
 */
struct nl_ept_req {
	const char *dev;
	const char *name;
	uint32_t addr;
	uint32_t remote;
	uint32_t remote_mode;		/* 1 more than it is */
	bool addressed;
	bool drop;
	int closed;		/* 1 + VHOST_RPMSG_CLOSED_POLICY_* */
	int reset;		/* 1 + VHOST_RPMSG_RESET_POLICY_* */
	uint32_t rx_limit;
	uint32_t tx_limit;
};

#define EPT_REQ(...)						\
	(&(struct nl_ept_req){ .addr = VHOST_RPMSG_ADDR_ANY,	\
			       .remote = VHOST_RPMSG_ADDR_ANY,	\
			       __VA_ARGS__ })

int nl_ept_new(const struct nl_ept_req *req);	/* its id */
/* Policy 0 hold, 1 drop, -1 as it is. */
int nl_ept_set(uint32_t id, const struct nl_ept_req *req, int policy);
int nl_ept_del(uint32_t id);
int nl_ept_get(uint32_t id, struct nl_ept *ept);
int nl_ept_dump(const char *dev, struct nl_ept *epts, int max);
int nl_announce(uint32_t id);
int nl_withdraw(uint32_t id);
int nl_chan_dump(const char *dev, struct nl_chan *chans, int max);
int nl_chan_get(const char *dev, uint32_t addr, struct nl_chan *chan);

/* One counter, VHOST_RPMSG_A_STATS_*; ends the program when it cannot be had. */
uint64_t ept_stat(uint32_t id, int stat);
uint64_t dev_stat(const char *name, int stat);
/* How many endpoints a device has; -1: there is no such device. */
int dev_endpoints(const char *name);
/* What VHOST_RPMSG_EPT_GET_INFO says of an open endpoint. */
struct vhost_rpmsg_ept_info ept_info(int fd);

/* Events: one listener for the program. */
struct nl_event {
	int cmd;			/* VHOST_RPMSG_CMD_*_NTF */
	union {
		struct nl_dev dev;
		struct nl_ept ept;
		struct nl_chan chan;
	};
};

int nl_listen(void);
void nl_unlisten(void);
/* The next one: 1, or 0 after timeout_ms. -ENOBUFS: some were missed. */
int nl_next_event(struct nl_event *ev, int timeout_ms);

/*
 * A request of any shape, for those that must be refused: attributes as
 * type, length, value. 0 or -errno, with nl_extack and nl_bad_attr.
 */
struct nl_raw {
	int type;
	const void *data;
	int len;
};

int nl_request(int cmd, int flags, const struct nl_raw *attr, int n);

/* Open /dev/vrpmsg-epN to read and write, or as the flags say: a descriptor. */
int ept_open(uint32_t id, int flags);
int ept_open_as(uint32_t id, int flags);
/*
 * The same for a new endpoint, without waiting, on a persistent device that is new
 * as well: a test that has died may have left one of its name. @id may be NULL.
 */
int ept_open_new(const struct nl_ept_req *req, int *id);

/*
 * The ctrl node of a device: its number, or -ENOENT; and open to read and write, a
 * descriptor.
 */
int ctrl_number(const char *dev);
int ctrl_open(const char *dev);
/* RPMSG_CREATE_EPT_IOCTL and its siblings: 0 or -errno. */
int ctrl_create(int ctrl, unsigned long request, const char *name, uint32_t src,
		uint32_t dst);
/* VHOST_RPMSG_CTRL_NEW_EPT: a descriptor. */
int ctrl_new_ept(int ctrl, const char *name, uint32_t src, uint32_t dst,
		 uint32_t flags);
/* The number of a node of that name that was made there, or -ENOENT. */
int ctrl_find_node(const char *dev, const char *name);

/* A module by its file, or its name when nobody uses it. */
int module_load(const char *path);
int module_remove(const char *name);

/*
 * An ioctl as a 32-bit program makes it, by a 64-bit one: @arg is in the page.
 * Returns its result or -errno.
 */
long ioctl32(int fd, unsigned int request, const void *arg);
/* 4 KiB below 4 GiB; NULL when the kernel runs no 32-bit programs. */
void *ioctl32_page(void);

/*
 * poll() for any event: what it says, 0 after timeout_ms, -ETIME when there was one
 * but nobody had said so.
 */
int poll_fd(int fd, int events, int timeout_ms);

/* Where no memory is; volatile, or the compiler would find out. */
extern void *volatile bad_ptr;

/* A pattern for messages, from a seed, and a check of it: 0 when it is that. */
void fill(void *data, size_t len, uint32_t seed);
int check_fill(const void *data, size_t len, uint32_t seed);

#endif /* UTIL_H */
