// SPDX-License-Identifier: GPL-2.0-only
/*
 * Set-up and clean-up of operations, and checks of their results.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest.h"

#include "fault.h"

int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

unsigned int complaints;

void wrong(const char *fmt, ...)
{
	va_list ap;

	complaints++;
	printf("#   ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

void report_faults(const char *name, const unsigned int *faults)
{
	printf("# %s: %u faults (%u slab, %u page, %u usercopy)\n", name,
	       faults[SLAB] + faults[PAGE] + faults[COPY], faults[SLAB],
	       faults[PAGE], faults[COPY]);
}

void state_get(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->num_devs = nl_dev_dump(s->devs, ARRAY_SIZE(s->devs));
	s->num_epts = nl_ept_dump(NULL, s->epts, ARRAY_SIZE(s->epts));
	s->num_chans = nl_chan_dump(NULL, s->chans, ARRAY_SIZE(s->chans));
	if (s->num_devs < 0 || s->num_epts < 0 || s->num_chans < 0)
		die("dump");
}

const char *state_differs(const struct state *a, const struct state *b)
{
	if (a->num_devs != b->num_devs ||
	    memcmp(a->devs, b->devs, sizeof(a->devs)))
		return "devices";
	if (a->num_epts != b->num_epts ||
	    memcmp(a->epts, b->epts, sizeof(a->epts)))
		return "endpoints";
	if (a->num_chans != b->num_chans ||
	    memcmp(a->chans, b->chans, sizeof(a->chans)))
		return "channels";
	return NULL;
}

int hear_events(void)
{
	struct nl_event ev;
	bool missed = false;
	int n = 0, ret;

	while ((ret = nl_next_event(&ev, 0))) {
		if (ret < 0)
			missed = true;
		else
			n++;
	}
	return missed ? -1 : n;
}

static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		die("%s", path);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Must be the same after each test: open descriptors and tasks. */
static int base_fds, base_tasks;
static long base_refs;
#define REFCNT		"/sys/module/vhost_rpmsg/refcnt"

struct fixture fx = { .vmm = -1, .ctrl = -1, .ept = -1 };

void fixture_init(void)
{
	state_get(&fx.now);
	if (fx.now.num_devs)
		ksft_exit_fail_msg("there are devices already\n");
	hear_events();
	base_fds = entries("/proc/self/fd");
	base_tasks = entries("/proc/self/task");
	base_refs = read_number(REFCNT);
}

bool fixture_has_worker(void)
{
	return entries("/proc/self/task") == base_tasks + 1;
}

void fixture_clean(void)
{
	struct state s;
	int i;

	if (fx.ept >= 0)
		close(fx.ept);
	fx.ept = -1;
	if (fx.guest.mem)
		guest_close(&fx.guest);
	if (fx.vmm >= 0)
		close(fx.vmm);
	fx.vmm = -1;
	if (fx.ctrl >= 0)
		close(fx.ctrl);
	fx.ctrl = -1;
	state_get(&s);
	for (i = 0; i < s.num_devs; i++)
		if (s.devs[i].persistent)
			nl_dev_del(s.devs[i].name);
	state_get(&s);
	if (s.num_devs || s.num_epts || s.num_chans)
		wrong("left: %d devices, %d endpoints, %d channels", s.num_devs,
		      s.num_epts, s.num_chans);
	if (entries("/proc/self/fd") != base_fds)
		wrong("%d descriptors, not %d", entries("/proc/self/fd"),
		      base_fds);
	if (read_number(REFCNT) != base_refs)
		wrong("%ld references to the module, not %ld",
		      read_number(REFCNT), base_refs);
	if (!WAIT_FOR(entries("/proc/self/task") == base_tasks, LONG_MS))
		wrong("the worker has not ended");
	hear_events();
}

void have_dev(void)
{
	if (nl_dev_new(DEV) < 0)
		die("no device: %s", nl_extack);
}

uint32_t have_ept_req(const struct nl_ept_req *req)
{
	int id = nl_ept_new(req);

	if (id < 0)
		die("no endpoint: %s", nl_extack);
	fx.ept_id = id;
	return fx.ept_id;
}

void have_named_ept(void)
{
	have_dev();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

void have_open_ept(const struct nl_ept_req *req)
{
	fx.ept = ept_open(have_ept_req(req), O_NONBLOCK);
	if (fx.ept < 0)
		die("no char device");
}

void have_guest_opts(struct guest_opts opts)
{
	opts.name = DEV;
	opts.num = 16;
	opts.mem_size = 1 << 20;
	if (guest_open(&fx.guest, &opts))
		die("no guest");
}

void have_guest(void)
{
	have_guest_opts((struct guest_opts){});
}

void have_chan(void)
{
	struct nl_chan chan;

	if (guest_ns_send(&fx.guest, SVC, REMOTE, 0) ||
	    guest_drain(&fx.guest, LONG_MS) ||
	    !WAIT_FOR(!nl_chan_get(DEV, REMOTE, &chan), LONG_MS))
		die("no channel");
}

bool done_gone(void)
{
	return !fx.now.num_devs && !fx.now.num_epts && !fx.now.num_chans;
}
