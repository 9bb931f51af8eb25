// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each operation again and again, with its first allocation, page or copy from
 * or to user space failing, then its second, until none is left to fail.
 *
 * Each time the operation either fails with the errno that is documented for
 * it, has changed nothing and succeeds when it is repeated; or it succeeds as if
 * nothing had been. Listeners hear of what happened, or that they missed
 * something. In the worker, where nobody is there to be told, each message has
 * arrived or is counted as dropped.
 *
 * Needs a kernel with fault injection, such as `make check-debug` builds; it is
 * the attribute `times` of each kind of fault that says what has failed.
 *
 * usage: fault_sweep [OPERATION]...
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/rpmsg.h>

#include "kselftest.h"

#include "guest.h"
#include "util.h"

#define DEV		"fault"
#define SVC		"fault-svc"
#define REMOTE		0x400
#define MTU		VHOST_RPMSG_DEFAULT_MTU
#define LARGE		3000		/* has memory of its own, of one page */
#define MANY		60		/* endpoints: a dump of several parts */
#define LIMIT		1000		/* no operation allocates that often */
#define F_PLATFORM	(1ULL << VIRTIO_F_ACCESS_PLATFORM)

/* What can fail, and what is left of the faults that we have allowed for. */
enum { SLAB, PAGE, COPY, KINDS };

static const char *const kind_name[] = { "slab", "page", "usercopy" };
static const char *const kind_dir[] = {
	"failslab",
	"fail_page_alloc",
	"fail_usercopy",
};

static char times_path[KINDS][64];

static int xioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static int write_file(const char *path, const char *text)
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

static long read_number(const char *path)
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

/* What an injector does. Returns its file if that cannot be set, or NULL. */
static const char *set_attr(int kind, const char *name, const char *value)
{
	static char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kind_dir[kind],
		 name);
	return write_file(path, value) ? path : NULL;
}

/*
 * Faults are armed for one task, by number. The settings here say what counts:
 * everything, in silence; a probability of 0 leaves all other tasks alone.
 * Returns what is missing, or NULL.
 */
static const char *inject_init(void)
{
	static const struct {
		const char *name;
		const char *value;
	} settings[] = {
		{ "probability", "0" }, { "verbose", "0" },
		{ "times", "1000000" }, { "ignore-gfp-wait", "N" },
		{ "ignore-gfp-highmem", "N" }, { "min-order", "0" },
	};
	const char *missing;
	unsigned int kind, i;

	if (access("/proc/thread-self/fail-nth", W_OK))
		return "/proc/thread-self/fail-nth";
	for (kind = 0; kind < KINDS; kind++) {
		for (i = 0; i < ARRAY_SIZE(settings); i++) {
			missing = set_attr(kind, settings[i].name,
					   settings[i].value);
			/* Not every kind has all of them. */
			if (missing && (i <= 2 || !access(missing, F_OK)))
				return missing;
		}
		snprintf(times_path[kind], sizeof(times_path[kind]),
			 "/sys/kernel/debug/%s/times", kind_dir[kind]);
	}
	return NULL;
}

/* The file is read once: it cannot be rewound. */
static int times_left(int kind)
{
	long n = read_number(times_path[kind]);

	if (n < 0)
		die("reading the times of %s", kind_dir[kind]);
	return n;
}

/* From now on only what runs below code from @start to @end can fail. */
static void only_below(int kind, uint64_t start, uint64_t end)
{
	const char *missing;
	char text[20];

	snprintf(text, sizeof(text), "%#" PRIx64, end);
	missing = set_attr(kind, "require-end", text);
	snprintf(text, sizeof(text), "%#" PRIx64, start);
	missing = missing ?: set_attr(kind, "require-start", text);
	if (missing)
		die("%s", missing);
}

static void all_below(uint64_t start, uint64_t end)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		only_below(kind, start, end);
}

static uint64_t module_start = UINT64_MAX, module_end;

/* From its first symbol to the end of the page that its last one is in. */
static void find_module(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr;
	char line[256], type;

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "[vhost_rpmsg]") ||
		    sscanf(line, "%llx %c", &addr, &type) != 2 ||
		    (type != 't' && type != 'T'))
			continue;
		if (addr < module_start)
			module_start = addr;
		if (addr > module_end)
			module_end = addr;
	}
	if (f)
		fclose(f);
	if (!module_end)
		die("where the module is");
	module_end = (module_end | (getpagesize() - 1)) + 1;
}

/*
 * Only what runs in or below the module. Without pages, which it has of caches
 * that need another one now and then.
 */
static void only_module(void)
{
	all_below(module_start, module_end);
	only_below(PAGE, 0, 0);
}

/* The n-th fault from now on, of the task whose fail-nth is open. */
static int nth_fd = -1;
static int times_before[KINDS];

static void arm(int tid, unsigned int n)
{
	char path[64], text[16];
	int kind, len;

	for (kind = 0; kind < KINDS; kind++)
		times_before[kind] = times_left(kind);
	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", tid);
	nth_fd = open(path, O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		die("%s", path);
	len = snprintf(text, sizeof(text), "%u", n);
	if (write(nth_fd, text, len) != len)
		die("arming %s", path);
}

/* The kind of the fault that has struck, or -1: there was none to strike. */
static int disarm(void)
{
	char text[16] = "";
	int kind, hit = -1;
	bool struck;

	/* What is left may strike here: then it is not the operation's. */
	struck = pread(nth_fd, text, sizeof(text), 0) > 0 && text[0] == '0';
	while (write(nth_fd, "0", 1) != 1)
		;
	close(nth_fd);
	if (!struck)
		return -1;
	for (kind = 0; kind < KINDS; kind++)
		if (times_left(kind) != times_before[kind])
			hit = kind;
	if (hit < 0)
		die("a fault of no kind");
	return hit;
}

/* One test's result, with what was wrong with it. */
static unsigned int complaints;

static void __attribute__((format(printf, 1, 2))) wrong(const char *fmt, ...)
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

/* What netlink shows of all there is. */
struct state {
	int num_devs, num_epts, num_chans;
	struct nl_dev devs[4];
	struct nl_ept epts[MANY + 4];
	struct nl_chan chans[8];
};

static void look(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->num_devs = nl_dev_dump(s->devs, ARRAY_SIZE(s->devs));
	s->num_epts = nl_ept_dump(NULL, s->epts, ARRAY_SIZE(s->epts));
	s->num_chans = nl_chan_dump(NULL, s->chans, ARRAY_SIZE(s->chans));
	if (s->num_devs < 0 || s->num_epts < 0 || s->num_chans < 0)
		die("dump");
}

static const char *differs(const struct state *a, const struct state *b)
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

/* Events that have come: how many, or -1: we are told that some were missed. */
static int hear(void)
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

/* What must be the same after each test: descriptors, and the module's users. */
static int base_fds, base_tasks;
static long base_refs;
#define REFCNT		"/sys/module/vhost_rpmsg/refcnt"

/*
 * The fixture: what an operation needs and leaves behind, taken away by clean()
 * whatever has become of it.
 */
static struct guest g;
static int vmm = -1;		/* /dev/vhost-rpmsg, when there is no guest */
static int ept = -1;		/* the char device */
static uint32_t ept_id;
static uint8_t out[8 + LARGE], in[8 + LARGE];
static struct state now;	/* in done() */

static void clean(void)
{
	struct state s;
	int i;

	if (ept >= 0)
		close(ept);
	ept = -1;
	if (g.mem)
		guest_close(&g);
	if (vmm >= 0)
		close(vmm);
	vmm = -1;
	look(&s);
	for (i = 0; i < s.num_devs; i++)
		if (s.devs[i].persistent)
			nl_dev_del(s.devs[i].name);
	look(&s);
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
	hear();
}

static void have_dev(void)
{
	if (nl_dev_new(DEV) < 0)
		die("no device: %s", nl_extack);
}

static uint32_t have_ept_req(const struct nl_ept_req *req)
{
	int id = nl_ept_new(req);

	if (id < 0)
		die("no endpoint: %s", nl_extack);
	ept_id = id;
	return ept_id;
}

static void have_open_ept(const struct nl_ept_req *req)
{
	ept = ept_open(have_ept_req(req), O_NONBLOCK);
	if (ept < 0)
		die("no char device");
}

static void have_guest_opts(struct guest_opts opts)
{
	opts.name = DEV;
	opts.num = 16;
	opts.mem_size = 1 << 20;
	if (guest_open(&g, &opts))
		die("no guest");
}

static void have_guest(void)
{
	have_guest_opts((struct guest_opts){});
}

static void have_chan(void)
{
	struct nl_chan chan;

	if (guest_ns_send(&g, SVC, REMOTE, 0) || guest_drain(&g, LONG_MS) ||
	    !WAIT_FOR(!nl_chan_get(DEV, REMOTE, &chan), LONG_MS))
		die("no channel");
}

/* The file of the VMM. */

static void set_open(void)
{
	vmm = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (vmm < 0)
		die("/dev/vhost-rpmsg");
}

static int run_open(void)
{
	vmm = open("/dev/vhost-rpmsg", O_RDWR | O_CLOEXEC);
	return vmm < 0 ? -errno : 0;
}

static bool done_open(void)
{
	return vmm >= 0 && now.num_devs == 1 && !now.devs[0].persistent &&
	       now.devs[0].state == VHOST_RPMSG_DEV_STATE_ATTACHED;
}

static int run_attach(void)
{
	struct vhost_rpmsg_attach attach = { .name = DEV };

	return xioctl(vmm, VHOST_RPMSG_ATTACH, &attach);
}

static bool done_attach_own(void)
{
	return now.num_devs == 1 && !now.devs[0].persistent &&
	       !strcmp(now.devs[0].name, DEV);
}

static void set_attach_persistent(void)
{
	have_dev();
	set_open();
}

static bool done_attach_persistent(void)
{
	return now.num_devs == 1 && now.devs[0].persistent &&
	       now.devs[0].state == VHOST_RPMSG_DEV_STATE_ATTACHED;
}

static int run_set_owner(void)
{
	return xioctl(vmm, VHOST_SET_OWNER, NULL);
}

static bool done_set_owner(void)
{
	return entries("/proc/self/task") == base_tasks + 1;
}

static void set_owned(void)
{
	set_open();
	if (run_set_owner())
		die("VHOST_SET_OWNER");
}

static int run_get_features(void)
{
	uint64_t features = 0;
	int err = xioctl(vmm, VHOST_GET_FEATURES, &features);

	if (!err && !(features & GUEST_FEATURES))
		return -EBADMSG;
	return err;
}

static int run_set_features(void)
{
	uint64_t features = GUEST_FEATURES;

	return xioctl(vmm, VHOST_SET_FEATURES, &features);
}

static bool done_set_features(void)
{
	return now.devs[0].features == GUEST_FEATURES;
}

static int run_set_features_iotlb(void)
{
	uint64_t features = GUEST_FEATURES | F_PLATFORM;

	return xioctl(vmm, VHOST_SET_FEATURES, &features);
}

static bool done_set_features_iotlb(void)
{
	return now.devs[0].features == (GUEST_FEATURES | F_PLATFORM);
}

static int run_get_backend_features(void)
{
	uint64_t features;

	return xioctl(vmm, VHOST_GET_BACKEND_FEATURES, &features);
}

static int run_set_backend_features(void)
{
	uint64_t features = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2;

	return xioctl(vmm, VHOST_SET_BACKEND_FEATURES, &features);
}

/* A guest that is set up but for the last step, or for one that comes again. */
static void set_guest_stopped(void)
{
	have_guest_opts((struct guest_opts){ .stopped = true });
}

static int run_set_mem_table(void)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[2];
	} table = {
		.head.nregions = 2,
		.region[0].memory_size = g.size / 2,
		.region[0].userspace_addr = (uintptr_t)g.mem,
		.region[1].guest_phys_addr = g.size / 2,
		.region[1].memory_size = g.size / 2,
		.region[1].userspace_addr = (uintptr_t)g.mem + g.size / 2,
	};

	return xioctl(g.fd, VHOST_SET_MEM_TABLE, &table);
}

/* The memory that the table says is the guest's: it is at work in it. */
static bool done_mem_table(void)
{
	uint32_t unknown = 2000;

	if (guest_start(&g))
		return false;
	return !guest_send(&g, REMOTE, unknown, "x", 1) &&
	       !guest_drain(&g, LONG_MS) &&
	       dev_stat(DEV, VHOST_RPMSG_A_STATS_RX_DROP_UNKNOWN) == 1;
}

static int run_vring_num(void)
{
	struct vhost_vring_state state = { .num = g.ring[0].num };

	return xioctl(g.fd, VHOST_SET_VRING_NUM, &state);
}

static int run_vring_base(void)
{
	struct vhost_vring_state state = {};

	return xioctl(g.fd, VHOST_SET_VRING_BASE, &state);
}

static int run_get_vring_base(void)
{
	struct vhost_vring_state state = { .num = 7 };
	int err = xioctl(g.fd, VHOST_GET_VRING_BASE, &state);

	return !err && state.num ? -EBADMSG : err;
}

static int run_vring_addr(void)
{
	struct vhost_vring_addr addr = {
		.desc_user_addr = (uintptr_t)g.ring[0].vring.desc,
		.avail_user_addr = (uintptr_t)g.ring[0].vring.avail,
		.used_user_addr = (uintptr_t)g.ring[0].vring.used,
	};

	return xioctl(g.fd, VHOST_SET_VRING_ADDR, &addr);
}

static int vring_file(unsigned long request, int fd)
{
	struct vhost_vring_file file = { .fd = fd };

	return xioctl(g.fd, request, &file);
}

static int run_vring_kick(void)
{
	return vring_file(VHOST_SET_VRING_KICK, g.ring[0].kick);
}

static int run_vring_call(void)
{
	return vring_file(VHOST_SET_VRING_CALL, g.ring[0].call);
}

static int run_vring_err(void)
{
	return vring_file(VHOST_SET_VRING_ERR, g.ring[0].call);
}

static void set_guest_ready(void)
{
	set_guest_stopped();
	if (guest_setup_ring(&g, 0) || guest_setup_ring(&g, 1))
		die("rings");
}

static int run_start(void)
{
	return guest_set_running(&g, 1);
}

static bool done_start(void)
{
	return now.devs[0].state == VHOST_RPMSG_DEV_STATE_RUNNING;
}

static int run_stop(void)
{
	return guest_set_running(&g, 0);
}

static bool done_stop(void)
{
	return now.devs[0].state == VHOST_RPMSG_DEV_STATE_ATTACHED;
}

/* A reset with an endpoint, an announcement and a channel to be forgotten. */
static void set_restart(void)
{
	have_guest();
	have_chan();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(ept_id) || guest_stop(&g))
		die("restart");
	guest_reset_rings(&g);
	guest_post(&g);
	if (guest_setup_ring(&g, 0) || guest_setup_ring(&g, 1))
		die("rings");
}

static bool done_restart(void)
{
	return done_start() && !now.num_chans && now.num_epts == 1 &&
	       now.epts[0].announced &&
	       now.epts[0].remote == VHOST_RPMSG_ADDR_ANY;
}

static int iotlb_update(uint64_t iova, void *p, uint64_t size)
{
	struct vhost_msg msg = {
		.type = VHOST_IOTLB_MSG,
		.iotlb.iova = iova,
		.iotlb.size = size,
		.iotlb.uaddr = (uintptr_t)p,
		.iotlb.perm = VHOST_ACCESS_RW,
		.iotlb.type = VHOST_IOTLB_UPDATE,
	};
	ssize_t n = write(g.fd, &msg, sizeof(msg));

	if (n < 0)
		return -errno;
	return n == sizeof(msg) ? 0 : -EIO;
}

static void set_iotlb(void)
{
	have_guest_opts((struct guest_opts){
		.stopped = true,
		.features = GUEST_FEATURES | F_PLATFORM,
	});
	fcntl(g.fd, F_SETFL, O_NONBLOCK);
}

static int run_iotlb_write(void)
{
	return iotlb_update(0, g.mem, g.size);
}

/* The rings, which are where they are, can be reached; the buffers cannot. */
static void set_iotlb_miss(void)
{
	set_iotlb();
	if (iotlb_update((uintptr_t)g.mem, g.mem, g.tx_bufs - g.mem) ||
	    guest_start(&g))
		die("rings behind an IOTLB");
}

/*
 * The vhost core loses a message that it cannot copy, and gives 0 for it; the
 * worker asks again when it is kicked.
 */
static int run_iotlb_read(void)
{
	struct vhost_msg msg;
	uint64_t one = 1;
	ssize_t n;

	if (write(g.ring[GUEST_TX].kick, &one, sizeof(one)) < 0 ||
	    poll_fd(g.fd, POLLIN, LONG_MS) != POLLIN)
		return -EFAULT;
	n = read(g.fd, &msg, sizeof(msg));
	if (n < 0)
		return -errno;
	if (!n)
		return -EFAULT;
	return n == sizeof(msg) && msg.iotlb.type == VHOST_IOTLB_MISS ?
		       0 :
		       -EBADMSG;
}

static int close_guest(void)
{
	int ret = close(g.fd) ? -errno : 0;

	g.fd = -1;
	return ret;
}

static int run_close_vmm(void)
{
	int ret = close(vmm) ? -errno : 0;

	vmm = -1;
	return ret;
}

static bool done_gone(void)
{
	return !now.num_devs && !now.num_epts && !now.num_chans;
}

/* A VMM's own device, with an endpoint bound to a channel. */
static void set_close_guest(void)
{
	have_guest();
	have_chan();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(ept_id))
		die("announce");
}

static void set_close_persistent(void)
{
	have_dev();
	set_close_guest();
}

static bool done_close_persistent(void)
{
	return now.num_devs == 1 && now.num_epts == 1 && !now.num_chans &&
	       now.devs[0].state == VHOST_RPMSG_DEV_STATE_DETACHED &&
	       now.epts[0].announced;
}

/* Netlink. */

static struct nl_dev got_dev;
static struct nl_ept got_ept;
static struct nl_chan got_chan;

static int run_dev_new(void)
{
	int id = nl_dev_new(DEV);

	return id < 0 ? id : 0;
}

static bool done_dev_new(void)
{
	return now.num_devs == 1 && now.devs[0].persistent &&
	       !strcmp(now.devs[0].name, DEV);
}

static void set_dev_del(void)
{
	have_dev();
	have_ept_req(EPT_REQ(.dev = DEV, .remote = REMOTE));
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(ept_id))
		die("announce");
}

static int run_dev_del(void)
{
	return nl_dev_del(DEV);
}

static int run_dev_get(void)
{
	return nl_dev_get(DEV, &got_dev);
}

static bool done_dev_get(void)
{
	return !memcmp(&got_dev, &now.devs[0], sizeof(got_dev));
}

static struct state got;

static int run_dev_dump(void)
{
	int n = nl_dev_dump(got.devs, ARRAY_SIZE(got.devs));

	return n < 0 ? n : n == 1 ? 0 : -EBADMSG;
}

static int new_ept(const struct nl_ept_req *req)
{
	int id = nl_ept_new(req);

	return id < 0 ? id : 0;
}

/* The one endpoint that there is, and its node. */
static bool has_ept(const struct nl_ept *like)
{
	struct nl_ept *e = &now.epts[0];
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%u", e->id);
	return now.num_epts == 1 && now.devs[0].endpoints == 1 &&
	       !stat(path, &st) && S_ISCHR(st.st_mode) &&
	       !strcmp(e->name, like->name) && e->remote == like->remote &&
	       e->remote_kind == like->remote_kind &&
	       e->addressed == like->addressed && e->addr == like->addr;
}

#define LIKE(...)							\
	(&(struct nl_ept){ .addr = VHOST_RPMSG_FIRST_DYNAMIC_ADDR,	\
			   .remote = VHOST_RPMSG_ADDR_ANY,		\
			   __VA_ARGS__ })

static int run_ept_new(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .addr = 77));
}

static bool done_ept_new(void)
{
	return has_ept(LIKE(.addr = 77));
}

static int run_ept_new_named(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .name = SVC, .addr = 99));
}

static bool done_ept_new_named(void)
{
	return has_ept(LIKE(.name = SVC, .addr = 99));
}

static void set_waiting_chan(void)
{
	have_guest();
	have_chan();
}

static bool done_ept_new_bound(void)
{
	return has_ept(LIKE(.name = SVC, .remote = REMOTE, .addr = 99,
			    .remote_kind = VHOST_RPMSG_REMOTE_KIND_BOUND)) &&
	       now.chans[0].bound && now.chans[0].ept == now.epts[0].id;
}

static int run_ept_new_remote(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .name = SVC, .remote = 5,
			       .addr = 0xfffffffe));
}

static bool done_ept_new_remote(void)
{
	return has_ept(LIKE(.name = SVC, .remote = 5, .addr = 0xfffffffe,
			    .remote_kind = VHOST_RPMSG_REMOTE_KIND_FIXED));
}

/* With a dynamic address, which is another one each time that it is tried. */
static int run_ept_new_addressed(void)
{
	return new_ept(EPT_REQ(.dev = DEV, .addressed = true));
}

static bool done_ept_new_addressed(void)
{
	return now.epts[0].addr >= VHOST_RPMSG_FIRST_DYNAMIC_ADDR &&
	       has_ept(LIKE(.addressed = true, .addr = now.epts[0].addr));
}

static void set_ept(void)
{
	have_dev();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static int run_ept_set(void)
{
	return nl_ept_set(ept_id,
			  EPT_REQ(.remote = 6, .rx_limit = 1000,
				  .tx_limit = 2000),
			  VHOST_RPMSG_FULL_POLICY_DROP);
}

static bool done_ept_set(void)
{
	struct nl_ept *e = &now.epts[0];

	return e->remote == 6 && e->rx_limit == 1000 && e->tx_limit == 2000 &&
	       e->policy == VHOST_RPMSG_FULL_POLICY_DROP;
}

static void set_ept_del(void)
{
	set_waiting_chan();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
	if (nl_announce(ept_id))
		die("announce");
	/* The guest has heard of it. */
	if (!WAIT_FOR(dev_stat(DEV, VHOST_RPMSG_A_STATS_NS_TX) == 1, LONG_MS))
		die("no announcement");
}

static int run_ept_del(void)
{
	return nl_ept_del(ept_id);
}

static bool done_ept_del(void)
{
	return !now.num_epts && !now.devs[0].endpoints && now.num_chans == 1 &&
	       !now.chans[0].bound;
}

static int run_ept_get(void)
{
	return nl_ept_get(ept_id, &got_ept);
}

static bool done_ept_get(void)
{
	return !memcmp(&got_ept, &now.epts[0], sizeof(got_ept));
}

static void set_many_epts(void)
{
	int i;

	have_dev();
	for (i = 0; i < MANY; i++)
		have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static int run_ept_dump(void)
{
	int n = nl_ept_dump(DEV, got.epts, ARRAY_SIZE(got.epts));

	return n < 0 ? n : n == MANY ? 0 : -EBADMSG;
}

static int run_announce(void)
{
	return nl_announce(ept_id);
}

static bool done_announce(void)
{
	return now.epts[0].announced;
}

static void set_withdraw(void)
{
	set_ept();
	if (nl_announce(ept_id))
		die("announce");
}

static int run_withdraw(void)
{
	return nl_withdraw(ept_id);
}

static bool done_withdraw(void)
{
	return !now.epts[0].announced;
}

static int run_chan_get(void)
{
	return nl_chan_get(DEV, REMOTE, &got_chan);
}

static bool done_chan_get(void)
{
	return !memcmp(&got_chan, &now.chans[0], sizeof(got_chan));
}

static int run_chan_dump(void)
{
	int n = nl_chan_dump(NULL, got.chans, ARRAY_SIZE(got.chans));

	return n < 0 ? n : n == 1 ? 0 : -EBADMSG;
}

/* The char device. */

static int run_ept_open(void)
{
	ept = ept_open(ept_id, O_NONBLOCK);
	return ept < 0 ? ept : 0;
}

static bool done_ept_open(void)
{
	return ept >= 0 && now.epts[0].open;
}

static void set_open_ept(void)
{
	have_dev();
	have_open_ept(EPT_REQ(.dev = DEV, .name = SVC));
}

static int run_ept_close(void)
{
	int ret = close(ept) ? -errno : 0;

	ept = -1;
	return ret;
}

static bool done_ept_close(void)
{
	return now.num_epts == 1 && !now.epts[0].open;
}

static int run_ept_info(void)
{
	struct vhost_rpmsg_ept_info info = {};
	int err = xioctl(ept, VHOST_RPMSG_EPT_GET_INFO, &info);

	if (!err && (info.id != ept_id || strcmp(info.name, SVC)))
		return -EBADMSG;
	return err;
}

static int run_ept_destroy(void)
{
	return xioctl(ept, RPMSG_DESTROY_EPT_IOCTL, NULL);
}

static bool done_ept_destroy(void)
{
	return !now.num_epts && !now.devs[0].endpoints;
}

static int run_poll(void)
{
	int ret = poll_fd(ept, POLLIN | POLLOUT, 0);

	return ret < 0 ? ret : ret == (POLLIN | POLLOUT) ? 0 : -EBADMSG;
}

/* A message of the guest's waits to be read. */
static void have_message(size_t len, bool addressed)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .addressed = addressed));
	fill(out, len, 1);
	if (guest_send(&g, REMOTE, 77, out, len) || guest_drain(&g, LONG_MS) ||
	    !WAIT_FOR(ept_stat(ept_id, VHOST_RPMSG_A_STATS_RX_MSGS) == 1,
		      LONG_MS))
		die("no message");
}

static void set_read(void)
{
	have_message(64, false);
}

static void set_read_none(void)
{
	have_message(0, false);
}

static void set_read_mtu(void)
{
	have_message(MTU, false);
}

static void set_read_addressed(void)
{
	have_message(64, true);
}

static void set_read_addressed_none(void)
{
	have_message(0, true);
}

/* What was read, @skip bytes of address, is what was sent. */
static int is_sent(ssize_t n, size_t skip, size_t len)
{
	uint32_t addr;

	if (n < 0)
		return -errno;
	memcpy(&addr, in, sizeof(addr));
	if (n != (ssize_t)(skip + len) || memcmp(in + skip, out, len) ||
	    (skip && addr != REMOTE))
		return -EBADMSG;
	return 0;
}

static int run_read(void)
{
	return is_sent(read(ept, in, sizeof(in)), 0, 64);
}

static int run_read_none(void)
{
	return is_sent(read(ept, in, sizeof(in)), 0, 0);
}

static int run_read_mtu(void)
{
	return is_sent(read(ept, in, sizeof(in)), 0, MTU);
}

static int run_read_addressed(void)
{
	return is_sent(read(ept, in, sizeof(in)), 8, 64);
}

static int run_read_addressed_none(void)
{
	return is_sent(read(ept, in, sizeof(in)), 8, 0);
}

/* More pieces than the kernel has room for on its stack. */
#define PIECES	12

static int pieces(struct iovec *iov, uint8_t *p, size_t len)
{
	int i;

	for (i = 0; i < PIECES; i++) {
		iov[i].iov_base = p + i * (len / PIECES);
		iov[i].iov_len = i < PIECES - 1 ? len / PIECES :
						  len - i * (len / PIECES);
	}
	return PIECES;
}

static int run_readv(void)
{
	struct iovec iov[PIECES];

	pieces(iov, in, 64);
	return is_sent(readv(ept, iov, PIECES), 0, 64);
}

static bool done_read(void)
{
	return !now.epts[0].rx_queued;
}

static void have_remote(bool addressed)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .addressed = addressed,
			      .remote = addressed ? VHOST_RPMSG_ADDR_ANY :
						    REMOTE));
	((struct vhost_rpmsg_addr *)out)->addr = REMOTE;
	((struct vhost_rpmsg_addr *)out)->reserved = 0;
	fill(out + 8, MTU, 2);
}

static void set_write(void)
{
	have_remote(false);
}

static void set_write_addressed(void)
{
	have_remote(true);
}

static void set_write_large(void)
{
	struct nl_dev dev;

	have_dev();
	have_guest_opts((struct guest_opts){ .buf_size = 4096 });
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .remote = REMOTE));
	if (!WAIT_FOR(!nl_dev_get(DEV, &dev) && dev.mtu >= LARGE, LONG_MS))
		die("the mtu");
	fill(out + 8, LARGE, 2);
}

static size_t written;		/* payload of the last write */

static int wrote(ssize_t n, size_t skip, size_t len)
{
	written = len;
	if (n < 0)
		return -errno;
	return n == (ssize_t)(skip + len) ? 0 : -EIO;
}

static int run_write(void)
{
	return wrote(write(ept, out + 8, 64), 0, 64);
}

static int run_write_none(void)
{
	return wrote(write(ept, out + 8, 0), 0, 0);
}

static int run_write_mtu(void)
{
	return wrote(write(ept, out + 8, MTU), 0, MTU);
}

static int run_write_large(void)
{
	return wrote(write(ept, out + 8, LARGE), 0, LARGE);
}

static int run_write_addressed(void)
{
	return wrote(write(ept, out, 8 + 64), 8, 64);
}

static int run_write_addressed_none(void)
{
	return wrote(write(ept, out, 8), 8, 0);
}

static int run_writev(void)
{
	struct iovec iov[PIECES];

	pieces(iov, out + 8, 64);
	return wrote(writev(ept, iov, PIECES), 0, 64);
}

/* The guest has it, once. */
static bool done_write(void)
{
	struct guest_hdr hdr;

	return guest_recv_copy(&g, &hdr, in, LARGE, LONG_MS) == (int)written &&
	       hdr.src == 77 && hdr.dst == REMOTE &&
	       !memcmp(in, out + 8, written) &&
	       guest_recv_copy(&g, NULL, NULL, MTU, 0) == -ETIMEDOUT;
}

/**
 * struct op - an operation: one system call, or a request and its answer
 * @name: what it is
 * @set: makes what it needs
 * @run: does it: 0, or -errno
 * @done: whether @now is as it must be when it was successful
 * @flags: as follows
 */
struct op {
	const char *name;
	void (*set)(void);
	int (*run)(void);
	bool (*done)(void);
	unsigned int flags;
};

#define KEEPS	(1 << 0)	/* changes nothing: set up once for all */
#define NEVER	(1 << 1)	/* cannot fail: a close, or only events */
#define SOCKET	(1 << 2)	/* netlink: the socket has errors of its own */
#define CORE	(1 << 3)	/* in the vhost core, which says EFAULT */
#define IOTLB	(1 << 4)	/* likewise, and EINVAL for a bad pointer */
#define NOTHING	(1 << 5)	/* does nothing that could fail */

static const struct op ops[] = {
	{ "open", NULL, run_open, done_open, 0 },
	{ "attach_own", set_open, run_attach, done_attach_own, 0 },
	{ "attach_persistent", set_attach_persistent, run_attach,
	  done_attach_persistent, 0 },
	{ "set_owner", set_open, run_set_owner, done_set_owner, 0 },
	/* put_user(), which no fault can be injected into. */
	{ "get_features", set_owned, run_get_features, NULL, KEEPS | NOTHING },
	{ "set_features", set_owned, run_set_features, done_set_features, 0 },
	{ "set_features_iotlb", set_owned, run_set_features_iotlb,
	  done_set_features_iotlb, 0 },
	{ "get_backend_features", set_owned, run_get_backend_features, NULL,
	  KEEPS | NOTHING },
	{ "set_backend_features", set_owned, run_set_backend_features, NULL,
	  KEEPS },
	{ "set_mem_table", set_guest_stopped, run_set_mem_table, done_mem_table,
	  CORE },
	{ "set_vring_num", set_guest_stopped, run_vring_num, NULL, KEEPS },
	{ "set_vring_base", set_guest_stopped, run_vring_base, NULL, KEEPS },
	{ "get_vring_base", set_guest_stopped, run_get_vring_base, NULL,
	  KEEPS },
	{ "set_vring_addr", set_guest_stopped, run_vring_addr, NULL, KEEPS },
	{ "set_vring_kick", set_guest_stopped, run_vring_kick, NULL, KEEPS },
	{ "set_vring_call", set_guest_stopped, run_vring_call, NULL, KEEPS },
	{ "set_vring_err", set_guest_stopped, run_vring_err, NULL, KEEPS },
	{ "start", set_guest_ready, run_start, done_start, NEVER },
	{ "restart", set_restart, run_start, done_restart, NEVER },
	{ "stop", have_guest, run_stop, done_stop, NEVER },
	{ "iotlb_write", set_iotlb, run_iotlb_write, NULL, IOTLB },
	{ "iotlb_read", set_iotlb_miss, run_iotlb_read, NULL, IOTLB },
	{ "close", set_open, run_close_vmm, done_gone, NEVER },
	{ "close_guest", set_close_guest, close_guest, done_gone, NEVER },
	{ "close_persistent", set_close_persistent, close_guest,
	  done_close_persistent, NEVER },

	{ "dev_new", NULL, run_dev_new, done_dev_new, SOCKET },
	{ "dev_del", set_dev_del, run_dev_del, done_gone, SOCKET },
	{ "dev_get", have_dev, run_dev_get, done_dev_get, SOCKET | KEEPS },
	{ "dev_dump", have_dev, run_dev_dump, NULL, SOCKET | KEEPS },
	{ "ept_new", have_dev, run_ept_new, done_ept_new, SOCKET },
	{ "ept_new_named", have_dev, run_ept_new_named, done_ept_new_named,
	  SOCKET },
	{ "ept_new_bound", set_waiting_chan, run_ept_new_named,
	  done_ept_new_bound, SOCKET },
	{ "ept_new_remote", set_waiting_chan, run_ept_new_remote,
	  done_ept_new_remote, SOCKET },
	{ "ept_new_addressed", have_dev, run_ept_new_addressed,
	  done_ept_new_addressed, SOCKET },
	{ "ept_set", set_ept, run_ept_set, done_ept_set, SOCKET },
	{ "ept_del", set_ept_del, run_ept_del, done_ept_del, SOCKET },
	{ "ept_get", set_ept, run_ept_get, done_ept_get, SOCKET | KEEPS },
	{ "ept_dump", set_many_epts, run_ept_dump, NULL, SOCKET | KEEPS },
	{ "ns_announce", set_ept, run_announce, done_announce, SOCKET },
	{ "ns_withdraw", set_withdraw, run_withdraw, done_withdraw, SOCKET },
	{ "chan_get", set_waiting_chan, run_chan_get, done_chan_get,
	  SOCKET | KEEPS },
	{ "chan_dump", set_waiting_chan, run_chan_dump, NULL, SOCKET | KEEPS },

	{ "ept_open", set_ept, run_ept_open, done_ept_open, 0 },
	{ "ept_close", set_open_ept, run_ept_close, done_ept_close, NEVER },
	{ "ept_info", set_open_ept, run_ept_info, NULL, KEEPS },
	{ "ept_destroy", set_open_ept, run_ept_destroy, done_ept_destroy,
	  NEVER },
	{ "poll", set_read, run_poll, NULL, KEEPS },
	{ "read", set_read, run_read, done_read, 0 },
	{ "read_none", set_read_none, run_read_none, done_read, NOTHING },
	{ "read_mtu", set_read_mtu, run_read_mtu, done_read, 0 },
	{ "read_addressed", set_read_addressed, run_read_addressed, done_read,
	  0 },
	{ "read_addressed_none", set_read_addressed_none,
	  run_read_addressed_none, done_read, 0 },
	{ "readv", set_read, run_readv, done_read, 0 },
	{ "write", set_write, run_write, done_write, 0 },
	{ "write_none", set_write, run_write_none, done_write, 0 },
	{ "write_mtu", set_write, run_write_mtu, done_write, 0 },
	{ "write_large", set_write_large, run_write_large, done_write, 0 },
	{ "write_addressed", set_write_addressed, run_write_addressed,
	  done_write, 0 },
	{ "write_addressed_none", set_write_addressed, run_write_addressed_none,
	  done_write, 0 },
	{ "writev", set_write, run_writev, done_write, 0 },
};

/* Whether an error is the one to expect of a fault. */
static bool documented(const struct op *op, int kind, int err)
{
	if (op->flags & NEVER)
		return false;
	if ((op->flags & SOCKET) && kind != COPY && err == -ENOBUFS)
		return true;
	if (op->flags & IOTLB)
		return err == -EFAULT || (kind == COPY && err == -EINVAL);
	if ((op->flags & CORE) && err == -EFAULT)
		return true;
	return err == (kind == COPY ? -EFAULT : -ENOMEM);
}

/* The operation was successful, and everything is as it must be. */
static void check_done(const struct op *op, unsigned int n, const char *when)
{
	look(&now);
	if (op->done && !op->done())
		wrong("%u: %s, it has no effect, or another one", n, when);
}

static void report(const char *name, const unsigned int *faults)
{
	printf("# %s: %u faults (%u slab, %u page, %u usercopy)\n", name,
	       faults[SLAB] + faults[PAGE] + faults[COPY], faults[SLAB],
	       faults[PAGE], faults[COPY]);
}

/* The operation with each fault in turn, until none strikes. */
static void fail_op(const struct op *op, unsigned int *faults)
{
	static struct state before, after;
	static int heard[LIMIT];
	int kind = -1, events, ret;
	unsigned int n, quiet = 0;
	const char *what;
	bool lost;

	for (n = 1; n < LIMIT && complaints < 20; n++) {
		if (op->set && (n == 1 || !(op->flags & KEEPS)))
			op->set();
		look(&before);
		hear();

		arm(gettid(), n);
		ret = op->run();
		kind = disarm();

		lost = nl_lost;
		events = hear();
		if (kind >= 0) {
			faults[kind]++;
			if (ret < 0 && !documented(op, kind, ret))
				wrong("%u: a %s fault: error %d, %s", n,
				      kind_name[kind], -ret, strerror(-ret));
		} else if (ret < 0) {
			wrong("%u: without a fault: error %d, %s", n, -ret,
			      strerror(-ret));
			break;
		}

		if (ret < 0) {
			look(&after);
			what = differs(&before, &after);
			if (what && (op->flags & SOCKET) && lost) {
				/* It was done, and the word of it is lost. */
				ret = 0;
			} else {
				if (what)
					wrong("%u: a %s fault: failed, but other %s",
					      n, kind_name[kind], what);
				if (events > 0)
					wrong("%u: a %s fault: failed, but %d events",
					      n, kind_name[kind], events);
				hear();
				ret = op->run();
				events = hear();
				if (ret)
					wrong("%u: after a %s fault: error %d, %s",
					      n, kind_name[kind], -ret,
					      strerror(-ret));
			}
		}
		heard[n] = events;
		if (!ret)
			check_done(op, n,
				   kind < 0 ? "without a fault" :
					      kind_name[kind]);

		if (!(op->flags & KEEPS))
			clean();
		/* Caches of the kernel's make the count vary a little. */
		quiet = kind < 0 ? quiet + 1 : 0;
		if (quiet == 3)
			break;
	}
	if (op->flags & KEEPS)
		clean();
	if (quiet == 3) {
		/* The last one was undisturbed. */
		for (unsigned int i = 1; i < n; i++)
			if (heard[i] >= 0 && heard[i] != heard[n])
				wrong("%u: %d events, not %d", i, heard[i],
				      heard[n]);
		if (heard[n] < 0)
			wrong("events are missed without a fault");
	} else if (!complaints) {
		wrong("%u tries, and no end", n);
	}
}

/*
 * All of it, and again what the module does by itself: now and then the kernel
 * takes memory on the way there as well, and then the n-th fault is another one
 * than it would have been, so that one is missed.
 */
static void sweep(const struct op *op)
{
	unsigned int faults[KINDS] = {};

	fail_op(op, faults);
	only_module();
	fail_op(op, faults);
	all_below(0, UINT64_MAX);
	if (!(op->flags & NOTHING) &&
	    !(faults[SLAB] + faults[PAGE] + faults[COPY]))
		wrong("nothing of it could be made to fail");
	report(op->name, faults);
}

/*
 * The worker. It is a thread of this process; the n-th fault is armed in it
 * while it has nothing to do.
 */

static int worker_tid(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], want[32], comm[32];
	struct dirent *d;
	int tid = -1, fd, n;

	snprintf(want, sizeof(want), "vhost-%d\n", getpid());
	if (!dir)
		die("no threads in /proc");
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, comm, sizeof(comm) - 1);
		if (fd >= 0)
			close(fd);
		if (n > 0 && !strncmp(comm, want, n))
			tid = atoi(d->d_name);
	}
	closedir(dir);
	if (tid < 0)
		die("no worker");
	return tid;
}

/* What the counters and the ring were before. */
static struct nl_dev dev_before;
static unsigned int missing_before;

static struct nl_dev get_dev(void)
{
	struct nl_dev dev;

	if (nl_dev_get(DEV, &dev))
		die("no device");
	return dev;
}

static unsigned long long counted(const struct nl_dev *dev, int stat)
{
	return dev->stats[stat] - dev_before.stats[stat];
}

#define S(name)	VHOST_RPMSG_A_STATS_##name

/* Messages of the guest's that were not received, but counted. */
static unsigned long long rx_dropped(const struct nl_dev *dev)
{
	return counted(dev, S(RX_DROP_NOMEM)) +
	       counted(dev, S(RX_DROP_INVALID)) +
	       counted(dev, S(RX_DROP_FULL)) + counted(dev, S(RX_DROP_CLOSED)) +
	       counted(dev, S(RX_DROP_UNKNOWN)) + counted(dev, S(NS_INVALID));
}

static unsigned long long rx_taken(const struct nl_dev *dev)
{
	return counted(dev, S(RX_MSGS)) + counted(dev, S(NS_RX)) +
	       rx_dropped(dev);
}

/* All that was sent is accounted for, and the worker rests. */
static void settle(unsigned int sent)
{
	struct nl_dev dev;

	WAIT_FOR((dev = get_dev(),
		  rx_taken(&dev) + counted(&dev, S(RING_ERRORS))) >= sent,
		 LONG_MS);
	/* The counters come before the buffers. */
	WAIT_FOR(guest_in_flight(&g, GUEST_RX) == missing_before, SHORT_MS);
}

/* Each message was taken or counted; without a fault, all were taken. */
static void check_rx(unsigned int n, bool fault, unsigned int sent)
{
	struct nl_dev dev = get_dev();
	unsigned long long taken = rx_taken(&dev);
	unsigned int missing = guest_in_flight(&g, GUEST_RX) - missing_before;

	if (taken + counted(&dev, S(RING_ERRORS)) < sent || taken > sent)
		wrong("%u: %llu of %u messages counted", n, taken, sent);
	if (missing > counted(&dev, S(RING_ERRORS)))
		wrong("%u: %u buffers are lost, %llu counted", n, missing,
		      counted(&dev, S(RING_ERRORS)));
	if (!fault && (rx_dropped(&dev) || counted(&dev, S(RING_ERRORS))))
		wrong("%u: messages are dropped without a fault", n);
}

/* What the host has sent has arrived, or is one of the ring's errors. */
static void check_tx(unsigned int n, bool fault, unsigned int sent,
		     unsigned int arrived)
{
	struct nl_dev dev = get_dev();

	if (sent - arrived > counted(&dev, S(RING_ERRORS)))
		wrong("%u: %u messages are lost, %llu counted", n,
		      sent - arrived, counted(&dev, S(RING_ERRORS)));
	if (!fault && counted(&dev, S(RING_ERRORS)))
		wrong("%u: errors of the ring without a fault", n);
}

static const size_t lens[] = { 64, 0, MTU, 1 };
#define MSGS	ARRAY_SIZE(lens)

static void set_worker_rx(void)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77));
}

/* Messages of several lengths come, the first of which teaches the remote. */
static void act_rx(int attempt)
{
	unsigned int i;

	for (i = 0; i < MSGS; i++) {
		fill(out, lens[i], attempt + i);
		if (guest_queue(&g, REMOTE, 77, out, lens[i]))
			die("no buffer");
	}
	guest_kick_always(&g, GUEST_RX);
	settle(MSGS);
}

/* In order, none of them twice or with another's content. */
static bool is_next(unsigned int *at, int len, int attempt)
{
	while (*at < MSGS && lens[*at] != (size_t)len)
		++*at;
	return *at < MSGS && !check_fill(in, len, attempt + (*at)++);
}

static void check_worker_rx(unsigned int n, int attempt, bool fault)
{
	struct nl_dev dev = get_dev();
	unsigned int at = 0, got;
	ssize_t len;

	check_rx(n, fault, MSGS);
	for (got = 0; (len = read(ept, in, sizeof(in))) >= 0; got++)
		if (!is_next(&at, len, attempt))
			wrong("%u: a wrong message", n);
	if (got != counted(&dev, S(RX_MSGS)))
		wrong("%u: %u messages read, %llu counted", n, got,
		      counted(&dev, S(RX_MSGS)));
}

/* The guest announces channels, one of which an endpoint waits for. */
static const char *const names[] = { "first", SVC, "third" };
#define NAMES	ARRAY_SIZE(names)

static void set_worker_ns(void)
{
	have_guest();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static void act_ns(int attempt)
{
	struct guest_ns ns;
	unsigned int i;

	for (i = 0; i < NAMES; i++) {
		ns = (struct guest_ns){ .addr = REMOTE + attempt * NAMES + i };
		snprintf(ns.name, sizeof(ns.name), "%s", names[i]);
		if (guest_queue(&g, ns.addr, VHOST_RPMSG_NS_ADDR, &ns,
				sizeof(ns)))
			die("no buffer");
	}
	guest_kick_always(&g, GUEST_RX);
	settle(NAMES);
}

static void check_worker_ns(unsigned int n, int attempt, bool fault)
{
	unsigned int heard = 0, made, waited = 0, bound = 0;
	struct nl_dev dev = get_dev();
	bool missed = false;
	struct nl_event ev;
	int ret, i;

	(void)attempt;
	check_rx(n, fault, NAMES);
	made = dev.channels - dev_before.channels;
	look(&now);
	if (now.num_chans != (int)dev.channels ||
	    made != counted(&dev, S(NS_RX)))
		wrong("%u: %d channels, %u in all, %u new, %llu counted", n,
		      now.num_chans, dev.channels, made,
		      counted(&dev, S(NS_RX)));
	while ((ret = nl_next_event(&ev, 0))) {
		if (ret < 0)
			missed = true;
		else if (ev.cmd == VHOST_RPMSG_CMD_CHAN_NTF &&
			 ev.chan.event == VHOST_RPMSG_EVENT_NEW)
			heard++;
	}
	if (missed ? !fault : heard != made)
		wrong("%u: %u new channels, %u heard of, missed %d", n, made,
		      heard, missed);
	for (i = 0; i < now.num_chans; i++) {
		waited += !strcmp(now.chans[i].name, SVC);
		if (!now.chans[i].bound)
			continue;
		bound++;
		if (strcmp(now.chans[i].name, SVC) ||
		    now.epts[0].remote != now.chans[i].addr)
			wrong("%u: %s is bound", n, now.chans[i].name);
	}
	if (bound != !!waited)
		wrong("%u: %u channels are bound", n, bound);
}

/* Processes write, and the worker passes it on. */
static void set_worker_tx(void)
{
	have_guest();
	have_open_ept(EPT_REQ(.dev = DEV, .addr = 77, .remote = REMOTE));
}

static void act_tx(int attempt)
{
	unsigned int i;
	struct nl_ept e;

	for (i = 0; i < MSGS; i++) {
		fill(out, lens[i], attempt + i);
		if (write(ept, out, lens[i]) != (ssize_t)lens[i])
			die("write");
	}
	if (!WAIT_FOR(!nl_ept_get(ept_id, &e) && !e.tx_queued, LONG_MS))
		wrong("messages are stuck");
}

static void check_worker_tx(unsigned int n, int attempt, bool fault)
{
	unsigned int got = 0, at = 0;
	struct nl_dev dev = get_dev();
	int len;

	while (got < MSGS) {
		len = guest_recv_copy(&g, NULL, in, MTU, SHORT_MS);
		if (len == -ETIMEDOUT)
			break;
		/* One that could not be written comes back empty. */
		if (len == -EBADMSG && fault)
			continue;
		if (!is_next(&at, len, attempt))
			wrong("%u: a wrong message", n);
		got++;
	}
	if (counted(&dev, S(TX_MSGS)) != MSGS)
		wrong("%u: %llu of %zu messages sent", n,
		      counted(&dev, S(TX_MSGS)), MSGS);
	check_tx(n, fault, MSGS, got);
}

/* An announcement, and the end of it. */
static void set_worker_announce(void)
{
	have_guest();
	have_ept_req(EPT_REQ(.dev = DEV, .name = SVC));
}

static void act_announce(int attempt)
{
	uint64_t sent = dev_before.stats[S(NS_TX)];

	(void)attempt;
	if (nl_announce(ept_id) ||
	    !WAIT_FOR(dev_stat(DEV, S(NS_TX)) == sent + 1, LONG_MS))
		wrong("no announcement");
	if (nl_withdraw(ept_id) ||
	    !WAIT_FOR(dev_stat(DEV, S(NS_TX)) == sent + 2, LONG_MS))
		wrong("no end of an announcement");
}

static void check_worker_announce(unsigned int n, int attempt, bool fault)
{
	unsigned int got = 0;
	struct guest_ns ns;
	int ret;

	(void)attempt;
	while (got < 2 &&
	       (ret = guest_ns_recv(&g, &ns, SHORT_MS)) != -ETIMEDOUT) {
		if (ret == -EBADMSG && fault)
			continue;
		if (ret || strcmp(ns.name, SVC) || ns.addr != now.epts[0].addr)
			wrong("%u: a wrong announcement", n);
		got++;
	}
	check_tx(n, fault, 2, got);
}

/**
 * struct worker_op - what the worker does
 * @name: what it is
 * @set: makes what it needs
 * @act: has it done, and waits for it; the second @attempt is one without a
 *	fault after one with it
 * @check: whether all is accounted for
 */
static const struct worker_op {
	const char *name;
	void (*set)(void);
	void (*act)(int attempt);
	void (*check)(unsigned int n, int attempt, bool fault);
} worker_ops[] = {
	{ "worker_rx", set_worker_rx, act_rx, check_worker_rx },
	{ "worker_ns", set_worker_ns, act_ns, check_worker_ns },
	{ "worker_tx", set_worker_tx, act_tx, check_worker_tx },
	{ "worker_announce", set_worker_announce, act_announce,
	  check_worker_announce },
};

static void worker_begin(void)
{
	look(&now);
	dev_before = get_dev();
	missing_before = guest_in_flight(&g, GUEST_RX);
	hear();
}

/* What the worker does with each fault in turn, until none strikes. */
static void fail_worker(const struct worker_op *op, unsigned int *faults)
{
	unsigned int n, total = 0, quiet = 0;
	int kind;

	for (n = 1; n < LIMIT && complaints < 20 && quiet < 3; n++) {
		op->set();
		worker_begin();
		arm(worker_tid(), n);
		op->act(0);
		kind = disarm();
		op->check(n, 0, kind >= 0);
		quiet++;
		if (kind >= 0) {
			faults[kind]++;
			total++;
			quiet = 0;
			worker_begin();
			op->act(1);
			op->check(n, 1, false);
		}
		clean();
	}
	if (!total || n == LIMIT)
		wrong("%u faults, and no end", total);
}

static void sweep_worker(const struct worker_op *op)
{
	unsigned int faults[KINDS] = {};

	fail_worker(op, faults);
	only_module();
	fail_worker(op, faults);
	all_below(0, UINT64_MAX);
	report(op->name, faults);
}

/* Where a function of the kernel is: to the next symbol. */
static bool find_function(const char *name, uint64_t *start, uint64_t *end)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr;
	char symbol[128];

	*start = 0;
	*end = UINT64_MAX;
	while (f && fscanf(f, "%llx %*c %127s%*[^\n]", &addr, symbol) == 2)
		if (!strcmp(symbol, name))
			*start = addr;
	if (f)
		rewind(f);
	while (f && fscanf(f, "%llx %*c %127s%*[^\n]", &addr, symbol) == 2)
		if (addr > *start && addr < *end)
			*end = addr;
	if (f)
		fclose(f);
	return *start && *end != UINT64_MAX;
}

static bool nothing_loaded(void)
{
	return access("/sys/module/vhost_rpmsg", F_OK) &&
	       access("/sys/class/vrpmsg", F_OK) &&
	       access("/dev/vhost-rpmsg", F_OK);
}

/* Loading with each fault in turn, until none strikes. */
static void fail_loads(const char *path, unsigned int *faults)
{
	unsigned int n;
	int kind, err;

	for (n = 1; n < LIMIT && complaints < 20; n++) {
		if (module_remove("vhost_rpmsg") || !nothing_loaded())
			wrong("cannot be removed");
		arm(gettid(), n);
		err = module_load(path);
		kind = disarm();
		if (kind < 0) {
			if (err)
				wrong("without a fault: %s", strerror(-err));
			break;
		}
		faults[kind]++;
		if (!err)
			continue;
		if (err != -ENOMEM)
			wrong("fault %u: %s", n, strerror(-err));
		if (!nothing_loaded())
			wrong("fault %u: something is left", n);
		err = module_load(path);
		if (err)
			wrong("fault %u: then %s", n, strerror(-err));
	}
	if (n == 1 || n == LIMIT)
		wrong("%u faults, and no end", n - 1);
}

static void sweep_module(const char *path)
{
	/*
	 * That the loader gets its memory is not ours to test. What comes below
	 * it is swept as a whole, and each call by itself, as in sweep().
	 */
	static const char *const within[] = {
		"do_one_initcall",     "class_register",
		"alloc_chrdev_region", "cdev_add",
		"genl_register_family", "misc_register",
	};
	unsigned int i, faults[KINDS] = {};
	uint64_t start, end;

	/* Another test may have left it. */
	module_remove("vhost_rpmsg_kclient");
	/* Its pages are in memory, and all else that a first time takes. */
	if (module_remove("vhost_rpmsg") || module_load(path))
		die("the module");
	for (i = 0; i < ARRAY_SIZE(within); i++) {
		if (!find_function(within[i], &start, &end))
			die("where %s() is", within[i]);
		all_below(start, end);
		fail_loads(path, faults);
	}
	all_below(0, UINT64_MAX);
	report("module", faults);
}

/* What nobody refers to any more, since the last scan; false: cannot tell. */
static bool scan_for_leaks(void)
{
	static const char path[] = "/sys/kernel/debug/kmemleak";
	char line[200];
	FILE *f;

	/* Only what is some seconds old is reported, if it is seen twice. */
	sleep(6);
	if (write_file(path, "scan") || write_file(path, "scan"))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	while (complaints < 60 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		wrong("%s", line);
	}
	fclose(f);
	return true;
}

static bool selected(const char *name, char **list)
{
	if (!*list)
		return true;
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

/* Nothing of ours is allocated while a fault is armed. */
static void settle_memory(void)
{
	void *p;

	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 1 << 20);
	p = malloc(1 << 20);
	free(p);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("mlockall");
}

int main(int argc, char **argv)
{
	unsigned int i, plan = 1;
	const char *missing, *ko;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	missing = inject_init();
	if (missing)
		ksft_exit_skip("this kernel has no fault injection: %s\n",
			       missing);

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		plan += selected(ops[i].name, argv + 1);
	for (i = 0; i < ARRAY_SIZE(worker_ops); i++)
		plan += selected(worker_ops[i].name, argv + 1);
	ko = getenv("VRPMSG_KO");
	plan += ko && selected("module", argv + 1);
	if (argc > 1 && plan == 1)
		ksft_exit_fail_msg("no such operation\n");
	ksft_set_plan(plan);

	find_module();
	settle_memory();
	if (nl_listen())
		die("no events");
	look(&now);
	if (now.num_devs)
		ksft_exit_fail_msg("there are devices already\n");
	hear();
	base_fds = entries("/proc/self/fd");
	base_tasks = entries("/proc/self/task");
	base_refs = read_number(REFCNT);

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!selected(ops[i].name, argv + 1))
			continue;
		complaints = 0;
		sweep(&ops[i]);
		ksft_test_result(!complaints, "%s\n", ops[i].name);
	}
	for (i = 0; i < ARRAY_SIZE(worker_ops); i++) {
		if (!selected(worker_ops[i].name, argv + 1))
			continue;
		complaints = 0;
		sweep_worker(&worker_ops[i]);
		ksft_test_result(!complaints, "%s\n", worker_ops[i].name);
	}

	nl_unlisten();
	complaints = 0;
	if (ko && selected("module", argv + 1)) {
		sweep_module(ko);
		ksft_test_result(!complaints, "module\n");
	}

	complaints = 0;
	if (scan_for_leaks())
		ksft_test_result(!complaints, "no_leak\n");
	else
		ksft_test_result_skip("no_leak: no kmemleak\n");
	ksft_finished();
}
