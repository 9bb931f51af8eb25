// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls, with their numbers and results.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/rpmsg.h>
#include <linux/vhost.h>

#include "host.h"

/* requests[] from the spec, and documented[] errors from the uAPI header. */
#include "fuzz_host_tables.h"

const unsigned int num_requests = ARRAY_SIZE(requests);

const struct ioctl_call ioctls[] = {
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
	IOCTL(VHOST_RPMSG_EPT_SET_BATCH, INTEGER),
	IOCTL(FIONREAD, INTEGER),
	IOCTL(RPMSG_DESTROY_EPT_IOCTL, NOTHING),
	IOCTL(RPMSG_CREATE_EPT_IOCTL, NOTHING),
	IOCTL(RPMSG_CREATE_DEV_IOCTL, NOTHING),
	IOCTL(RPMSG_RELEASE_DEV_IOCTL, NOTHING),
	IOCTL(VHOST_RPMSG_CTRL_GET_INFO, NOTHING),
	IOCTL(VHOST_RPMSG_CTRL_NEW_EPT, NOTHING),
#undef IOCTL
};

const unsigned int num_ioctls = ARRAY_SIZE(ioctls);

static const char *const others[] = {
	"open vhost-rpmsg", "read vhost-rpmsg", "write vhost-rpmsg",
	"open endpoint",    "read endpoint",	"write endpoint",
	"open ctrl",	    "unknown request",	"unknown ioctl",
};

#define FIRST_IOCTL	ARRAY_SIZE(requests)
#define FIRST_OTHER	(FIRST_IOCTL + ARRAY_SIZE(ioctls))
#define NUM_CALLS	(FIRST_OTHER + NUM_OTHERS)

static struct counts {
	unsigned long tried[NUM_CALLS];
	unsigned long done[NUM_CALLS];
	unsigned int num_odd;	/* undocumented errors */
	struct {
		unsigned int call;
		int err;
	} odd[16];
} * counts;

void calls_init(void)
{
	counts = share(sizeof(*counts));
}

static void count(unsigned int call, long ret)
{
	unsigned int i;
	int err = errno;

	__atomic_fetch_add(&counts->tried[call], 1, __ATOMIC_RELAXED);
	if (ret >= 0) {
		__atomic_fetch_add(&counts->done[call], 1, __ATOMIC_RELAXED);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(documented); i++)
		if (documented[i] == err)
			return;
	i = __atomic_fetch_add(&counts->num_odd, 1, __ATOMIC_RELAXED);
	if (i < ARRAY_SIZE(counts->odd)) {
		counts->odd[i].call = call;
		counts->odd[i].err = err;
	}
}

void count_request(unsigned int request, long ret)
{
	count(request < FIRST_IOCTL ? request : FIRST_OTHER + OTHER_REQUEST,
	      ret);
}

void count_ioctl(unsigned long nr, long ret)
{
	unsigned int i;

	for (i = 0; i < num_ioctls; i++)
		if (ioctls[i].nr == nr)
			break;
	count(i < num_ioctls ? FIRST_IOCTL + i : FIRST_OTHER + OTHER_IOCTL,
	      ret);
}

void count_other(enum other other, long ret)
{
	count(FIRST_OTHER + other, ret);
}

static const char *call_name(unsigned int call)
{
	if (call < FIRST_IOCTL)
		return requests[call].name;
	if (call < FIRST_OTHER)
		return ioctls[call - FIRST_IOCTL].name;
	return others[call - FIRST_OTHER];
}

bool calls_errors_documented(void)
{
	unsigned int i;

	for (i = 0; i < counts->num_odd && i < ARRAY_SIZE(counts->odd); i++)
		printf("# %s: %s\n", call_name(counts->odd[i].call),
		       strerror(counts->odd[i].err));
	return !counts->num_odd;
}

/* A call that never succeeds is not tested. */
bool calls_successful(unsigned long kills)
{
	unsigned long tried = 0, done = 0;
	bool ok = true;
	unsigned int i;

	for (i = 0; i < NUM_CALLS; i++) {
		tried += counts->tried[i];
		done += counts->done[i];
		printf("# %-34s %8lu, successful %8lu\n", call_name(i),
		       counts->tried[i], counts->done[i]);
		/* This applies to each request, to calls that all devices need, and to messages. */
		if (!counts->done[i] && counts->tried[i] >= 200 &&
		    (i < FIRST_IOCTL + 2 ||
		     (i >= FIRST_OTHER && i < FIRST_OTHER + OTHER_REQUEST)))
			ok = false;
	}
	printf("# %lu calls, %lu successful, %lu processes killed\n", tried,
	       done, kills);
	return ok;
}
