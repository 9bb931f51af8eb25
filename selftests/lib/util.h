/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the tests: netlink without libvhostrpmsg, char devices, waiting with a
 * timeout.
 *
 * Functions that return int return 0, a positive result, or -errno.
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vhost_rpmsg.h>
#include <linux/vhost_rpmsg_netlink.h>

/*
 * Time limit of a test in seconds. Include this after kselftest_harness.h, whose 30
 * seconds are too short for several emulated VMs on two processors.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

/* End the program with a message: for errors that cannot occur in a working test. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
long long now_ms(void);

/* Wait until the expression is true, or for ms milliseconds. */
#define WAIT_FOR(cond, ms)					\
	({							\
		long long __end = now_ms() + (ms);		\
		bool __ok;					\
									\
		while (!(__ok = !!(cond)) && now_ms() < __end)	\
			nap();					\
		__ok;						\
	})

/* The factor for timeouts: VRPMSG_SLOW, by default 1. */
int slowness(void);

/* Timeouts for something that must happen, and for something that must not. */
#define LONG_MS		(10000 * slowness())
#define SHORT_MS	(100 * slowness())

/*
 * Expect the value of a counter. It may change shortly after the guest has seen the
 * message.
 */
#define EXPECT_STAT(n, stat)						\
	do {								\
		(void)WAIT_FOR((uint64_t)(n) == (stat), LONG_MS);	\
		EXPECT_EQ(n, stat);					\
	} while (0)

/* Expect that a system call fails with this errno. */
#define EXPECT_ERR(err, expr)			\
	do {					\
		errno = 0;			\
		EXPECT_EQ(-1, (long)(expr));	\
		EXPECT_EQ(err, errno);		\
	} while (0)

/* Expect this string as the next message of the descriptor. */
#define EXPECT_TEXT(fd, str)						\
	do {								\
		char __buf[512];					\
		ssize_t __len = strlen(str);				\
									\
		ASSERT_NE(0, poll_fd(fd, POLLIN, LONG_MS));		\
		ASSERT_EQ(__len, read(fd, __buf, sizeof(__buf)));	\
		ASSERT_EQ(0, memcmp(__buf, str, __len));		\
	} while (0)

/* Expect the kind of an endpoint's remote: BOUND and others of the uAPI. */
#define EXPECT_REMOTE(id, _remote, _kind)					\
	do {									\
		struct nl_ept __ept;						\
										\
		ASSERT_EQ(0, nl_ept_get(id, &__ept));				\
		EXPECT_EQ(_remote, __ept.remote);				\
		EXPECT_EQ(VHOST_RPMSG_REMOTE_KIND_##_kind, __ept.remote_kind);	\
	} while (0)

void nap(void);

/* Attributes of objects, named as in the spec. */
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
	uint32_t owner;			/* -1: everybody, or a device of a VMM */
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
	uint32_t owner;			/* -1: created by an administrator */
	bool descriptor;
	bool driver;
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

/* The extack of the thread's last error, and the attribute that caused it. */
extern __thread char nl_extack[256];
extern __thread int nl_bad_attr;
/* The last answer was lost, so the result of the request is unknown. */
extern __thread bool nl_lost;

/*
 * Look up the family, which exists if the module is loaded. Call this in each thread
 * after the module was removed, since the family then gets another number.
 */
bool nl_reach(void);

/* Devices. */
int nl_dev_new(const char *name);		/* returns the id */

/* Settings; -1: unchanged. */
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

/* Wait until the MTU of the device @_name is @_mtu. */
#define WAIT_FOR_MTU(_name, _mtu)					\
	do {								\
		struct nl_dev __dev;					\
									\
		EXPECT_TRUE(WAIT_FOR(!nl_dev_get(_name, &__dev) &&	\
					     __dev.mtu == (_mtu),	\
				     LONG_MS));				\
		EXPECT_EQ(_mtu, __dev.mtu);				\
	} while (0)

/* Dump at most max devices; returns the number of devices. */
int nl_dev_dump(struct nl_dev *devs, int max);

/*
 * Endpoints. Members that are 0 are omitted from the request; addr and remote are
 * omitted if they are VHOST_RPMSG_ADDR_ANY.
 */
struct nl_ept_req {
	const char *dev;
	const char *name;
	uint32_t addr;
	uint32_t remote;
	uint32_t remote_mode;		/* 1 + VHOST_RPMSG_REMOTE_MODE_* */
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

int nl_ept_new(const struct nl_ept_req *req);	/* returns the id */
/* Policy 0: hold, 1: drop, -1: unchanged. */
int nl_ept_set(uint32_t id, const struct nl_ept_req *req, int policy);
int nl_ept_del(uint32_t id);
int nl_ept_get(uint32_t id, struct nl_ept *ept);
int nl_ept_dump(const char *dev, struct nl_ept *epts, int max);
int nl_announce(uint32_t id);
int nl_withdraw(uint32_t id);
int nl_chan_dump(const char *dev, struct nl_chan *chans, int max);
int nl_chan_get(const char *dev, uint32_t addr, struct nl_chan *chan);

/* One counter, VHOST_RPMSG_A_STATS_*; ends the program on error. */
uint64_t ept_stat(uint32_t id, int stat);
uint64_t dev_stat(const char *name, int stat);
/* Number of endpoints of a device; -1: there is no such device. */
int dev_endpoints(const char *name);
/* The result of VHOST_RPMSG_EPT_GET_INFO. */
struct vhost_rpmsg_ept_info ept_info(int fd);

/* Events: the program has one listener. */
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
/* The next event: 1, or 0 after timeout_ms. -ENOBUFS: some were lost. */
int nl_next_event(struct nl_event *ev, int timeout_ms);

/*
 * Send any request, for example one that must be refused: attributes as type, length,
 * value. Returns 0 or -errno, and sets nl_extack and nl_bad_attr.
 */
struct nl_raw {
	int type;
	const void *data;
	int len;
};

int nl_request(int cmd, int flags, const struct nl_raw *attr, int n);

/* Open /dev/vrpmsg-epN for reading and writing, or with these flags. */
int ept_open(uint32_t id, int flags);
int ept_open_as(uint32_t id, int flags);
/*
 * The same with O_NONBLOCK for a new endpoint on a new persistent device. An old device
 * of that name, left by a test that has died, is deleted first. @id may be NULL.
 */
int ept_open_new(const struct nl_ept_req *req, int *id);

/*
 * The ctrl node of a device: its number, or -ENOENT; and a descriptor that is open for
 * reading and writing.
 */
int ctrl_number(const char *dev);
int ctrl_open(const char *dev);
/* RPMSG_CREATE_EPT_IOCTL and similar ioctls: 0 or -errno. */
int ctrl_create(int ctrl, unsigned long request, const char *name, uint32_t src,
		uint32_t dst);
/* VHOST_RPMSG_CTRL_NEW_EPT: returns a descriptor. */
int ctrl_new_ept(int ctrl, const char *name, uint32_t src, uint32_t dst,
		 uint32_t flags);
/* The number of a node of that name below the ctrl node, or -ENOENT. */
int ctrl_find_node(const char *dev, const char *name);

/* Load a module from a file; remove an unused module by name. */
int module_load(const char *path);
int module_remove(const char *name);

/*
 * Make an ioctl like a 32-bit program, from a 64-bit one. @arg is in the page below.
 * Returns its result or -errno.
 */
long ioctl32(int fd, unsigned int request, const void *arg);
/* A page below 4 GiB; NULL if the kernel does not run 32-bit programs. */
void *ioctl32_page(void);

/*
 * poll() for any event. Returns the events, or 0 after timeout_ms, also if there is an
 * event but poll() was not woken for it.
 */
int poll_fd(int fd, int events, int timeout_ms);

/* An invalid address; volatile hides it from the compiler. */
extern void *volatile bad_ptr;

/* Fill a message with a pattern from a seed, and check it: 0 if it matches. */
void fill(void *data, size_t len, uint32_t seed);
int check_fill(const void *data, size_t len, uint32_t seed);

#endif /* UTIL_H */
