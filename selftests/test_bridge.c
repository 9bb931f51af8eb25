// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge: this program is the front end, with a guest in its memory.
 * After each test a well-behaved front end must be served, and the bridge must
 * hold no more descriptors and mappings than before.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "guest.h"
#include "util.h"

#define DEV	"bridge"
#define SOCK	"/run/vrpmsg-bridge.sock"
#define LOG	"/run/vrpmsg-bridge.log"
#define ADDR	1024
#define REMOTE	0x400

/*
 * vhost-user, written down once more: with the bridge's own header its mistakes
 * would not show.
 */
enum {
	GET_FEATURES = 1,
	SET_FEATURES,
	SET_OWNER,
	RESET_OWNER,
	SET_MEM_TABLE,
	SET_LOG_BASE,
	SET_LOG_FD,
	SET_VRING_NUM,
	SET_VRING_ADDR,
	SET_VRING_BASE,
	GET_VRING_BASE,
	SET_VRING_KICK,
	SET_VRING_CALL,
	SET_VRING_ERR,
	GET_PROTOCOL_FEATURES,
	SET_PROTOCOL_FEATURES,
	GET_QUEUE_NUM,
	SET_VRING_ENABLE,
	GET_CONFIG = 24,
	SET_CONFIG,
	RESET_DEVICE = 34,
	GET_MAX_MEM_SLOTS = 36,
	ADD_MEM_REG,
	REM_MEM_REG,
	SET_STATUS,
	GET_STATUS,
};

#define F_PROTOCOL	(1ULL << 30)
#define F_LOG_ALL	(1ULL << VHOST_F_LOG_ALL)
#define PF_MQ		(1ULL << 0)
#define PF_LOG_SHMFD	(1ULL << 1)
#define PF_REPLY_ACK	(1ULL << 3)
#define PF_CONFIG	(1ULL << 9)
#define PF_RESET_DEVICE	(1ULL << 13)
#define PF_MEM_SLOTS	(1ULL << 15)
#define PF_STATUS	(1ULL << 16)
#define PF_ALL								\
	(PF_MQ | PF_LOG_SHMFD | PF_REPLY_ACK | PF_RESET_DEVICE |	\
	 PF_MEM_SLOTS | PF_STATUS)
#define FLAG_VERSION	1
#define FLAG_REPLY	4
#define FLAG_NEED_REPLY	8
#define NOFD		0x100
#define MAX_FDS		8

struct header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct mem_table {
	uint32_t num;
	uint32_t padding;
	struct region regions[MAX_FDS + 1];
};

struct mem_reg {
	uint64_t padding;
	struct region region;
};

struct log_area {
	uint64_t size;
	uint64_t offset;
};

struct config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[8];
};

/* Where the guest's memory is in its file, and in this front end's own words. */
#define LEAD		0x3000
#define USER		0x123400000000ULL
#define MEM_SIZE	0x200000ULL
/* The rings and their buffers are below. */
#define UPPER		0x100000ULL
#define RING_SIZE	64
/* Seconds for a test that connects again and again. */
#define SLOW_S		120

struct fe {
	int sock;
	struct guest g;
	int memfd;
	int err[2];		/* eventfds */
	uint32_t base[2];
	uint64_t features;	/* on top of the ordinary ones */
	bool plain;		/* knows no protocol features */
	int logfd;		/* logs writes if not -1 */
	int left;		/* messages that may still be sent */
};

/* Front end: messages */

static int fe_send(struct fe *fe, uint32_t request, uint32_t flags,
		   const void *payload, uint32_t size, const int *fds, int num)
{
	char control[CMSG_SPACE(sizeof(int) * 32)] = {};
	struct header header = { request, flags, size };
	struct iovec iov[] = {
		{ &header, sizeof(header) },
		{ (void *)payload, size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *cmsg;

	if (!fe->left)
		return -ECANCELED;
	fe->left--;
	if (num) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * num);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * num);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * num);
	}
	return sendmsg(fe->sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Exactly this many bytes: -ECONNRESET when the bridge has hung up. */
static int fe_read(struct fe *fe, void *data, size_t size)
{
	ssize_t n;

	while (size) {
		if (!poll_fd(fe->sock, POLLIN, LONG_MS))
			return -ETIMEDOUT;
		n = read(fe->sock, data, size);
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		data = (char *)data + n;
		size -= n;
	}
	return 0;
}

static int fe_reply(struct fe *fe, uint32_t request, void *data, uint32_t size)
{
	struct header header;
	int err = fe_read(fe, &header, sizeof(header));

	if (err)
		return err;
	if (header.request != request || header.size != size ||
	    header.flags != (FLAG_VERSION | FLAG_REPLY))
		return -EBADMSG;
	return fe_read(fe, data, size);
}

/* A message, to which the bridge says 0, or 1: refused. Otherwise -errno. */
static int fe_call(struct fe *fe, uint32_t request, const void *payload,
		   uint32_t size, const int *fds, int num)
{
	uint64_t answer = 0;
	int err;

	err = fe_send(fe, request, FLAG_VERSION | FLAG_NEED_REPLY, payload,
		      size, fds, num);
	if (!err)
		err = fe_reply(fe, request, &answer, sizeof(answer));
	if (err && err != -ECANCELED)
		printf("# request %u: %s\n", request, strerror(-err));
	return err ?: answer != 0;
}

/* A message that has an answer of its own. */
static int fe_ask(struct fe *fe, uint32_t request, void *payload, uint32_t size,
		  uint32_t reply_size)
{
	int err = fe_send(fe, request, FLAG_VERSION, payload, size, NULL, 0);

	return err ?: fe_reply(fe, request, payload, reply_size);
}

static int fe_get(struct fe *fe, uint32_t request, uint64_t *value)
{
	*value = 0;
	return fe_ask(fe, request, value, 0, sizeof(*value));
}

static int fe_u64(struct fe *fe, uint32_t request, uint64_t value)
{
	return fe_call(fe, request, &value, sizeof(value), NULL, 0);
}

static int fe_state(struct fe *fe, uint32_t request, uint32_t index,
		    uint32_t num)
{
	struct vhost_vring_state state = { index, num };

	return fe_call(fe, request, &state, sizeof(state), NULL, 0);
}

static int fe_file(struct fe *fe, uint32_t request, uint64_t index, int fd)
{
	return fe_call(fe, request, &index, sizeof(index), &fd, 1);
}

static struct region fe_region(uint64_t from, uint64_t to)
{
	return (struct region){ from, to - from, USER + from, LEAD + from };
}

static int fe_mem_reg(struct fe *fe, uint32_t request, struct region region)
{
	struct mem_reg reg = { .region = region };

	return fe_call(fe, request, &reg, sizeof(reg), &fe->memfd,
		       request == ADD_MEM_REG);
}

static int fe_mem_table(struct fe *fe, const struct region *regions,
			uint32_t num, const int *fds, int num_fds)
{
	struct mem_table table = { .num = num };

	memcpy(table.regions, regions, num * sizeof(*regions));
	return fe_call(fe, SET_MEM_TABLE, &table,
		       offsetof(struct mem_table, regions[num]), fds, num_fds);
}

static uint64_t user_addr(struct fe *fe, const void *p)
{
	return USER + guest_gpa(&fe->g, p);
}

static struct vhost_vring_addr fe_addr(struct fe *fe, int q)
{
	struct vring *vring = &fe->g.ring[q].vring;

	return (struct vhost_vring_addr){
		.index = q,
		.flags = fe->logfd >= 0 ? 1 << VHOST_VRING_F_LOG : 0,
		.desc_user_addr = user_addr(fe, vring->desc),
		.avail_user_addr = user_addr(fe, vring->avail),
		.used_user_addr = user_addr(fe, vring->used),
		.log_guest_addr = guest_gpa(&fe->g, vring->used),
	};
}

static int fe_set_addr(struct fe *fe, struct vhost_vring_addr addr)
{
	return fe_call(fe, SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
}

static int fe_set_log(struct fe *fe, uint64_t size)
{
	struct log_area area = { size, 0 };
	uint64_t answer;
	int err;

	err = fe_send(fe, SET_LOG_BASE, FLAG_VERSION, &area, sizeof(area),
		      &fe->logfd, 1);
	return err ?: fe_reply(fe, SET_LOG_BASE, &answer, sizeof(answer));
}

/* Front end: what QEMU does, in QEMU's order. 0, 1: refused, or -errno. */

static void fe_init(struct fe *fe)
{
	struct guest *g = &fe->g;
	int q;

	memset(fe, 0, sizeof(*fe));
	fe->sock = -1;
	fe->logfd = -1;
	fe->left = -1;
	fe->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (fe->memfd < 0 || ftruncate(fe->memfd, LEAD + MEM_SIZE))
		die("memfd");
	g->fd = -1;
	g->features = GUEST_FEATURES;
	g->buf_size = 512;
	g->size = MEM_SIZE;
	g->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fe->memfd, LEAD);
	if (g->mem == MAP_FAILED)
		die("mmap");
	g->ring_mem = 0x1000;
	/* Two rings are before that. */
	g->next = 0x21000;
	for (q = 0; q < 2; q++) {
		g->ring[q].num = RING_SIZE;
		g->ring[q].kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		g->ring[q].call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		fe->err[q] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fe->err[q] < 0)
			die("eventfd");
	}
	g->tx_bufs = guest_alloc(g, RING_SIZE * g->buf_size);
	g->rx_bufs = guest_alloc(g, RING_SIZE * g->buf_size);
	guest_reset_rings(g);
	guest_post(g);
}

static int fe_connect(struct fe *fe)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = SOCK };

	fe->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!WAIT_FOR(!connect(fe->sock, (void *)&addr, sizeof(addr)), LONG_MS))
		return -errno;
	return 0;
}

static void fe_disconnect(struct fe *fe)
{
	if (fe->sock >= 0)
		close(fe->sock);
	fe->sock = -1;
}

static void fe_exit(struct fe *fe)
{
	fe_disconnect(fe);
	guest_close(&fe->g);
	close(fe->memfd);
	close(fe->err[0]);
	close(fe->err[1]);
	if (fe->logfd >= 0)
		close(fe->logfd);
}

static int fe_handshake(struct fe *fe)
{
	uint64_t value;
	int q, err;

	err = fe_get(fe, GET_FEATURES, &value);
	if (!err)
		err = fe_get(fe, GET_PROTOCOL_FEATURES, &value);
	if (!err)
		err = fe_send(fe, SET_PROTOCOL_FEATURES, FLAG_VERSION, &value,
			      sizeof(value), NULL, 0);
	if (!err)
		err = fe_get(fe, GET_QUEUE_NUM, &value);
	if (!err)
		err = fe_call(fe, SET_OWNER, NULL, 0, NULL, 0);
	if (!err)
		err = fe_get(fe, GET_FEATURES, &value);
	for (q = 0; !err && q < 2; q++) {
		err = fe_file(fe, SET_VRING_CALL, q, fe->g.ring[q].call);
		if (!err)
			err = fe_file(fe, SET_VRING_ERR, q, fe->err[q]);
	}
	return err;
}

static int fe_set_features(struct fe *fe)
{
	uint64_t features = GUEST_FEATURES | fe->features;

	if (!fe->plain)
		features |= F_PROTOCOL;
	return fe_u64(fe, SET_FEATURES, features);
}

static int fe_set_ring(struct fe *fe, int q)
{
	struct guest_ring *ring = &fe->g.ring[q];
	int err;

	err = fe_state(fe, SET_VRING_NUM, q, ring->num);
	if (!err)
		err = fe_state(fe, SET_VRING_BASE, q, fe->base[q]);
	if (!err)
		err = fe_set_addr(fe, fe_addr(fe, q));
	if (!err)
		err = fe_file(fe, SET_VRING_KICK, q, ring->kick);
	return err ?: fe_file(fe, SET_VRING_CALL, q, ring->call);
}

static int fe_enable(struct fe *fe, bool enable)
{
	int err = fe_state(fe, SET_VRING_ENABLE, 0, enable);

	return err ?: fe_state(fe, SET_VRING_ENABLE, 1, enable);
}

/* All that QEMU says before the rings are enabled. */
static int fe_prepare(struct fe *fe)
{
	struct region region = fe_region(0, MEM_SIZE);
	int q, err;

	err = fe_set_features(fe);
	if (!err)
		err = fe_mem_table(fe, &region, 1, &fe->memfd, 1);
	for (q = 0; !err && q < 2; q++)
		err = fe_set_ring(fe, q);
	return err;
}

static int fe_start(struct fe *fe)
{
	int q, err;

	err = fe_prepare(fe);
	if (!err && fe->logfd >= 0)
		err = fe_set_log(fe, 4096);
	if (!err && !fe->plain)
		err = fe_enable(fe, true);
	for (q = 0; !err && q < 2; q++)
		err = fe_file(fe, SET_VRING_CALL, q, fe->g.ring[q].call);
	return err;
}

static int fe_stop(struct fe *fe)
{
	int q, err = fe_enable(fe, false);

	for (q = 0; !err && q < 2; q++) {
		struct vhost_vring_state state = { .index = q };

		err = fe_ask(fe, GET_VRING_BASE, &state, sizeof(state),
			     sizeof(state));
		if (!err && state.index != (uint32_t)q)
			err = -EBADMSG;
		fe->base[q] = state.num;
	}
	return err;
}

static int fe_open(struct fe *fe)
{
	int err = fe_connect(fe);

	if (!err)
		err = fe_handshake(fe);
	return err ?: fe_start(fe);
}

/* The guest and a process say something to each other. */
static int talk(struct guest *g, int fd)
{
	char buf[512];
	int err;

	err = guest_send(g, REMOTE, ADDR, "ping", 4);
	if (err)
		return err;
	if (!(poll_fd(fd, POLLIN, LONG_MS) & POLLIN))
		return -ETIMEDOUT;
	if (read(fd, buf, sizeof(buf)) != 4 || memcmp(buf, "ping", 4) ||
	    write(fd, "pong", 4) != 4)
		return -EBADMSG;
	err = guest_recv_copy(g, NULL, buf, sizeof(buf), LONG_MS);
	if (err < 0)
		return err;
	return err == 4 && !memcmp(buf, "pong", 4) ? 0 : -EBADMSG;
}

/* A new guest hears of the service first. */
static int meet(struct guest *g, int fd)
{
	struct guest_ns ns;
	int err = guest_ns_recv(g, &ns, LONG_MS);

	if (err)
		return err;
	return strcmp(ns.name, "svc") ? -EBADMSG : talk(g, fd);
}

/* The bridge's process */

static pid_t spawn(int listen_fd, char *const *argv)
{
	pid_t pid = fork();
	char text[16];
	int log;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log = open(LOG, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, 1);
	dup2(log, 2);
	close(log);
	if (listen_fd >= 0) {
		/* As systemd has it: the first one is 3. */
		if (listen_fd == 3)
			fcntl(listen_fd, F_SETFD, 0);
		else
			dup2(listen_fd, 3);
		snprintf(text, sizeof(text), "%d", getpid());
		setenv("LISTEN_PID", text, 1);
		setenv("LISTEN_FDS", "1", 0);
	}
	execvp(argv[0], argv);
	_exit(127);
}

#define SPAWN(...)	\
	spawn(-1, (char *const[]){ "vrpmsg-bridge", __VA_ARGS__, NULL })

static int wait_exit(pid_t pid)
{
	int status;

	if (!WAIT_FOR(waitpid(pid, &status, WNOHANG) == pid, LONG_MS))
		return -1;
	/* cppcheck-suppress uninitvar ; set by waitpid() in the macro */
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...)	wait_exit(SPAWN(__VA_ARGS__))

/* How often the bridge has said so. */
static int logged(const char *text)
{
	static char buf[1 << 17];
	int fd = open(LOG, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	const char *p = buf;
	int found = 0;

	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	while ((p = strstr(p, text))) {
		found++;
		p++;
	}
	return found;
}

/* Standard input, output and error, signals, the listening socket. */
#define IDLE_FDS	5

static int count_fds(pid_t pid)
{
	char path[32];
	DIR *dir;
	/* . and .. */
	int n = -2;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int count_maps(pid_t pid)
{
	char path[32], line[512];
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		n++;
	fclose(file);
	return n;
}

static bool dev_is(uint32_t state)
{
	struct nl_dev dev;

	return !nl_dev_get(DEV, &dev) && dev.state == state;
}

#define DETACHED	VHOST_RPMSG_DEV_STATE_DETACHED
#define ATTACHED	VHOST_RPMSG_DEV_STATE_ATTACHED
#define RUNNING		VHOST_RPMSG_DEV_STATE_RUNNING

FIXTURE(bridge)
{
	pid_t pid;
	int ept;
	int fd;			/* of the endpoint, non-blocking */
	int maps;		/* of the bridge while it serves nobody */
	struct fe fe;		/* has said who it is, but not started */
};

/* A front end as it should be, from its connection to its end. */
static int well_behaved(int fd)
{
	struct fe fe;
	int err;

	fe_init(&fe);
	err = fe_open(&fe);
	if (!err)
		err = meet(&fe.g, fd);
	fe_exit(&fe);
	if (!err && !WAIT_FOR(dev_is(DETACHED), LONG_MS))
		err = -EBUSY;
	return err;
}

FIXTURE_SETUP(bridge)
{
	/* A test before this one may have died. */
	WAIT_FOR(nl_dev_del(DEV) != -EBUSY, LONG_MS);
	unlink(LOG);
	ASSERT_GT(nl_dev_new(DEV), 0);
	self->ept = nl_ept_new(EPT_REQ(.dev = DEV, .name = "svc", .addr = ADDR,
				       .remote = REMOTE));
	ASSERT_GE(self->ept, 0);
	ASSERT_EQ(0, nl_announce(self->ept));
	self->fd = ept_open(self->ept, O_NONBLOCK);
	ASSERT_GE(self->fd, 0);

	self->pid = SPAWN("--verbose", "--socket", SOCK, "--name", DEV);
	ASSERT_GT(self->pid, 0);
	ASSERT_EQ(0, well_behaved(self->fd));
	ASSERT_TRUE(WAIT_FOR(count_fds(self->pid) == IDLE_FDS, LONG_MS));
	self->maps = count_maps(self->pid);

	fe_init(&self->fe);
	ASSERT_EQ(0, fe_connect(&self->fe));
	ASSERT_EQ(0, fe_handshake(&self->fe));
}

FIXTURE_TEARDOWN(bridge)
{
	fe_exit(&self->fe);
	EXPECT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	while (read(self->fd, (char[512]){}, 512) > 0)
		;
	EXPECT_EQ(0, well_behaved(self->fd));
	EXPECT_TRUE(WAIT_FOR(count_fds(self->pid) == IDLE_FDS, LONG_MS));
	EXPECT_EQ(self->maps, count_maps(self->pid));

	kill(self->pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(self->pid));
	EXPECT_EQ(-1, access(SOCK, F_OK));
	close(self->fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

#define FE	(&self->fe)
#define G	(&self->fe.g)
#define START()						\
	do {						\
		ASSERT_EQ(0, fe_start(FE));		\
		ASSERT_EQ(0, meet(G, self->fd));	\
	} while (0)
/* The bridge has hung up. */
#define EXPECT_DROPPED()					\
	do {							\
		char __c;					\
									\
		EXPECT_EQ(-ECONNRESET, fe_read(FE, &__c, 1));	\
	} while (0)
/* The bridge has said no, and goes on. */
#define EXPECT_REFUSED(expr)						\
	do {								\
		uint64_t __value;					\
									\
		EXPECT_EQ(1, expr);					\
		EXPECT_EQ(0, fe_get(FE, GET_FEATURES, &__value));	\
	} while (0)

/* What a front end does */

TEST_F(bridge, attaches_and_runs)
{
	EXPECT_TRUE(dev_is(ATTACHED));
	START();
	EXPECT_TRUE(dev_is(RUNNING));
	fe_disconnect(FE);
	EXPECT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
}

TEST_F(bridge, offers_what_it_should)
{
	uint64_t value;

	ASSERT_EQ(0, fe_get(FE, GET_FEATURES, &value));
	EXPECT_EQ(F_PROTOCOL | GUEST_FEATURES,
		  value & (F_PROTOCOL | GUEST_FEATURES |
			   1ULL << VIRTIO_F_ACCESS_PLATFORM));
	ASSERT_EQ(0, fe_get(FE, GET_PROTOCOL_FEATURES, &value));
	EXPECT_EQ(PF_ALL, value);
	ASSERT_EQ(0, fe_get(FE, GET_QUEUE_NUM, &value));
	EXPECT_EQ(2, value);
	ASSERT_EQ(0, fe_get(FE, GET_MAX_MEM_SLOTS, &value));
	EXPECT_EQ(64, value);
}

TEST_F(bridge, continues_after_a_stop)
{
	START();
	ASSERT_EQ(0, fe_stop(FE));
	EXPECT_TRUE(dev_is(ATTACHED));
	/* The host has had a name and a message of its own, and one of ours. */
	EXPECT_EQ(2, FE->base[0]);
	EXPECT_EQ(1, FE->base[1]);
	ASSERT_EQ(0, fe_start(FE));
	/* No second announcement: the guest is the same. */
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, stops_without_being_disabled_first)
{
	struct vhost_vring_state state = { .index = 1 };

	START();
	ASSERT_EQ(0, fe_ask(FE, GET_VRING_BASE, &state, sizeof(state),
			    sizeof(state)));
	EXPECT_TRUE(dev_is(ATTACHED));
	/* It is a kick eventfd that starts the ring again. */
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 1, G->ring[1].kick));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, pauses_while_a_ring_is_disabled)
{
	START();
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, guest_send(G, REMOTE, ADDR, "ping", 4));
	EXPECT_EQ(0, poll_fd(self->fd, POLLIN, SHORT_MS));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 1));
	EXPECT_EQ(POLLIN, poll_fd(self->fd, POLLIN, LONG_MS) & POLLIN);
}

TEST_F(bridge, reset_owner_disables)
{
	START();
	ASSERT_EQ(0, fe_call(FE, RESET_OWNER, NULL, 0, NULL, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, reset_device_begins_anew)
{
	struct vhost_vring_state state = {};
	struct nl_dev dev;

	START();
	ASSERT_EQ(0, fe_call(FE, RESET_DEVICE, NULL, 0, NULL, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, nl_dev_get(DEV, &dev));
	EXPECT_EQ(0, dev.features);
	ASSERT_EQ(0, fe_ask(FE, GET_VRING_BASE, &state, sizeof(state),
			    sizeof(state)));
	EXPECT_EQ(0, state.num);
	/* Not even enabled rings with a kick start: they have no address. */
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 0, G->ring[0].kick));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 1, G->ring[1].kick));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_enable(FE, false));

	guest_reset_rings(G);
	guest_post(G);
	/* The memory is still there. */
	ASSERT_EQ(0, fe_set_features(FE));
	ASSERT_EQ(0, fe_set_ring(FE, 0));
	ASSERT_EQ(0, fe_set_ring(FE, 1));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_F(bridge, status_of_zero_is_a_reset)
{
	uint64_t status;

	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &status));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, fe_u64(FE, SET_STATUS, 7));
	START();
	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &status));
	EXPECT_EQ(7, status);
	EXPECT_REFUSED(fe_u64(FE, SET_STATUS, 256));
	EXPECT_TRUE(dev_is(RUNNING));
	ASSERT_EQ(0, fe_u64(FE, SET_STATUS, 0));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &status));
	EXPECT_EQ(0, status);
}

TEST_F(bridge, front_end_without_protocol_features)
{
	int q;

	FE->plain = true;
	ASSERT_EQ(0, fe_prepare(FE));
	EXPECT_TRUE(dev_is(RUNNING));
	for (q = 0; q < 2; q++)
		ASSERT_EQ(0, fe_file(FE, SET_VRING_CALL, q, G->ring[q].call));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* QEMU may set it after the start, and what was signalled then is lost. */
TEST_F(bridge, late_call_is_signalled)
{
	int call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	START();
	ASSERT_EQ(0, fe_file(FE, SET_VRING_CALL, 0, call));
	EXPECT_EQ(POLLIN, poll_fd(call, POLLIN, 0));
	/* One that is full, and would block, is left alone. */
	ASSERT_EQ(0, eventfd_write(call, 0xfffffffffffffffdULL));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_CALL, 0, call));
	close(call);
}

TEST_F(bridge, ring_without_call)
{
	struct guest_ring *ring = &G->ring[GUEST_TX];
	char buf[4];

	START();
	ASSERT_EQ(0, fe_u64(FE, SET_VRING_CALL, NOFD | GUEST_TX));
	guest_calls(G, GUEST_TX);
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	/* Seen by who polls the ring, and signalled to nobody. */
	ASSERT_TRUE(WAIT_FOR(ring->vring.used->idx != ring->last_used,
			     LONG_MS));
	EXPECT_EQ(4, guest_recv_copy(G, NULL, buf, 4, SHORT_MS));
	EXPECT_EQ(0, guest_calls(G, GUEST_TX));
}

TEST_F(bridge, the_same_guest_reconnects)
{
	int q;

	START();
	fe_disconnect(FE);
	ASSERT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	/* Nothing told QEMU where the rings are; it looks into them. */
	for (q = 0; q < 2; q++)
		FE->base[q] = G->ring[q].vring.used->idx;
	ASSERT_EQ(0, fe_open(FE));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_F(bridge, second_front_end_waits)
{
	uint64_t value;
	struct fe fe;

	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	ASSERT_EQ(0,
		  fe_send(&fe, GET_FEATURES, FLAG_VERSION, NULL, 0, NULL, 0));
	EXPECT_EQ(0, poll_fd(fe.sock, POLLIN, SHORT_MS));
	START();
	fe_disconnect(FE);
	EXPECT_EQ(0, fe_reply(&fe, GET_FEATURES, &value, sizeof(value)));
	fe_exit(&fe);
}

TEST_F(bridge, message_in_pieces)
{
	struct {
		struct header header;
		uint64_t value;
	} msg = { { SET_STATUS, FLAG_VERSION | FLAG_NEED_REPLY, 8 }, 3 };
	size_t i, size = sizeof(msg.header) + sizeof(msg.value);
	char buf[sizeof(msg)];
	uint64_t value;

	/* Without the padding. */
	memcpy(buf, &msg.header, sizeof(msg.header));
	memcpy(buf + sizeof(msg.header), &msg.value, sizeof(msg.value));
	for (i = 0; i < size; i++) {
		ASSERT_EQ(1, write(FE->sock, buf + i, 1));
		nap();
	}
	EXPECT_EQ(0, fe_reply(FE, SET_STATUS, &value, sizeof(value)));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, fe_get(FE, GET_STATUS, &value));
	EXPECT_EQ(3, value);
}

TEST_F(bridge, messages_in_one_piece)
{
	struct header headers[] = {
		{ GET_FEATURES, FLAG_VERSION, 0 },
		{ GET_QUEUE_NUM, FLAG_VERSION, 0 },
	};
	uint64_t value;

	ASSERT_EQ(sizeof(headers), write(FE->sock, headers, sizeof(headers)));
	EXPECT_EQ(0, fe_reply(FE, GET_FEATURES, &value, sizeof(value)));
	EXPECT_EQ(0, fe_reply(FE, GET_QUEUE_NUM, &value, sizeof(value)));
	EXPECT_EQ(2, value);
}

/* Memory */

static uint64_t ring_errors(void)
{
	return dev_stat(DEV, VHOST_RPMSG_A_STATS_RING_ERRORS);
}

/* A message from memory at an address: 0, or -EFAULT if none is there. */
static int talk_from(struct guest *g, int fd, uint64_t addr)
{
	uint64_t errors = ring_errors();
	struct guest_hdr hdr = { .src = REMOTE, .dst = ADDR, .len = 2 };
	struct guest_seg seg = { g->mem + addr, GUEST_HDR + 2 };
	char buf[4];

	memcpy(seg.p, &hdr, sizeof(hdr));
	memcpy(g->mem + addr + GUEST_HDR, "hi", 2);
	guest_add(g, GUEST_RX, &seg, 1, false, false, 0);
	guest_kick_always(g, GUEST_RX);
	if (!WAIT_FOR(poll_fd(fd, POLLIN, 0) || ring_errors() != errors,
		      LONG_MS))
		return -ETIMEDOUT;
	if (!poll_fd(fd, POLLIN, 0))
		return -EFAULT;
	return read(fd, buf, sizeof(buf)) == 2 && !memcmp(buf, "hi", 2) ?
		       0 :
		       -EBADMSG;
}

/* Ready but for the memory, with that below UPPER only. */
#define START_BELOW_UPPER()							\
	do {									\
		ASSERT_EQ(0, fe_set_features(FE));				\
		ASSERT_EQ(0,							\
			  fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));	\
		ASSERT_EQ(0, fe_set_ring(FE, 0));				\
		ASSERT_EQ(0, fe_set_ring(FE, 1));				\
		ASSERT_EQ(0, fe_enable(FE, true));				\
		ASSERT_EQ(0, meet(G, self->fd));				\
	} while (0)

TEST_F(bridge, memory_comes_and_goes)
{
	struct region upper = fe_region(UPPER, MEM_SIZE);
	int maps;

	START_BELOW_UPPER();
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER));
	maps = count_maps(self->pid);
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, upper));
	EXPECT_LT(maps, count_maps(self->pid));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER + 0x1230));
	/* The place in the file does not tell regions apart. */
	upper.mmap_offset = 0;
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, upper));
	EXPECT_EQ(maps, count_maps(self->pid));
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER));
	EXPECT_EQ(0, talk(G, self->fd));
}

/* Mappings begin at a page, regions need not. */
TEST_F(bridge, region_at_an_odd_place)
{
	START_BELOW_UPPER();
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG,
				fe_region(UPPER + 0x850, UPPER + 0x1870)));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER + 0x850));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER + 0x1850));
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER + 0x1860));
}

/* As QEMU does when a region of its memory changes its size. */
TEST_F(bridge, rings_pause_without_their_memory)
{
	START_BELOW_UPPER();
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, fe_region(0, UPPER)));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(UPPER, MEM_SIZE)));
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, memory_is_exchanged)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};
	int fds[] = { FE->memfd, FE->memfd };

	START();
	ASSERT_EQ(0, fe_mem_table(FE, regions, 2, fds, 2));
	EXPECT_TRUE(dev_is(RUNNING));
	EXPECT_EQ(0, talk_from(G, self->fd, UPPER));
	ASSERT_EQ(0, fe_mem_table(FE, regions, 1, fds, 1));
	EXPECT_EQ(-EFAULT, talk_from(G, self->fd, UPPER));
	EXPECT_EQ(0, talk(G, self->fd));
}

TEST_F(bridge, slots_run_out)
{
	uint64_t i, size = 0x1000;

	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG,
					fe_region(i * size, (i + 1) * size)));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG,
				  fe_region(i * size, (i + 1) * size)));
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, fe_region(0, size)));
	EXPECT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG,
				fe_region(i * size, (i + 1) * size)));
}

/* Migration */

static void fe_make_log(struct fe *fe)
{
	fe->logfd = memfd_create("log", MFD_CLOEXEC);
	if (fe->logfd < 0 || ftruncate(fe->logfd, 4096))
		die("memfd");
}

/* Is there a bit for the page of p? Logs begin at guest address 0. */
static bool dirty(struct fe *fe, const void *p)
{
	uint64_t page = guest_gpa(&fe->g, p) / 4096;
	uint8_t byte = 0;

	if (pread(fe->logfd, &byte, 1, page / 8) != 1)
		die("pread");
	return byte & 1 << page % 8;
}

static int talk_and_log(struct fe *fe, int fd)
{
	struct guest_msg msg;
	int err = -ENODATA;

	if (write(fd, "pong", 4) != 4 || !guest_recv(&fe->g, &msg, LONG_MS))
		return -ETIMEDOUT;
	if (dirty(fe, msg.data) && dirty(fe, fe->g.ring[0].vring.used) &&
	    !dirty(fe, fe->g.mem + UPPER))
		err = 0;
	guest_done(&fe->g, &msg);
	return err;
}

TEST_F(bridge, migration_of_a_running_guest)
{
	int q;

	START();
	fe_make_log(FE);
	ASSERT_EQ(0, fe_set_log(FE, 4096));
	ASSERT_EQ(0, fe_call(FE, SET_LOG_FD, NULL, 0, &FE->err[0], 1));
	FE->features = F_LOG_ALL;
	ASSERT_EQ(0, fe_set_features(FE));
	for (q = 0; q < 2; q++)
		ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, q)));
	EXPECT_EQ(0, talk_and_log(FE, self->fd));
	EXPECT_EQ(POLLIN, poll_fd(FE->err[0], POLLIN, 0));
}

/* QEMU says that it logs before it says where to. */
TEST_F(bridge, start_during_a_migration)
{
	fe_make_log(FE);
	FE->features = F_LOG_ALL;
	START();
	EXPECT_EQ(0, talk_and_log(FE, self->fd));
}

TEST_F(bridge, log_too_small)
{
	/* Enough for the lower half of memory. */
	const uint64_t size = UPPER / 4096 / 8;
	struct log_area area = { size, 0 };

	fe_make_log(FE);
	FE->features = F_LOG_ALL;
	ASSERT_EQ(0, fe_prepare(FE));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_set_log(FE, size));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, fe_region(0, MEM_SIZE)));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_TRUE(dev_is(RUNNING));
	/* And while it runs, neither outgrows the other. */
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG,
				  fe_region(UPPER, UPPER + 4096)));
	area.size = size - 1;
	ASSERT_EQ(0, fe_send(FE, SET_LOG_BASE, FLAG_VERSION, &area,
			     sizeof(area), &FE->logfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, log_of_a_ring_elsewhere)
{
	struct vhost_vring_addr addr;

	fe_make_log(FE);
	START();
	addr = fe_addr(FE, 0);
	/* The log has a bit for each of 2 ** 15 pages. */
	addr.log_guest_addr = (1 << 27) - 4 - RING_SIZE * 8 - 4;
	EXPECT_EQ(0, fe_set_addr(FE, addr));
	addr.log_guest_addr += 4;
	EXPECT_REFUSED(fe_set_addr(FE, addr));
	addr.log_guest_addr = -1;
	EXPECT_REFUSED(fe_set_addr(FE, addr));
}

/* The process */

TEST_F(bridge, killed_and_restarted)
{
	int q;

	START();
	kill(self->pid, SIGKILL);
	wait_exit(self->pid);
	EXPECT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	EXPECT_DROPPED();
	fe_disconnect(FE);
	/* Its socket is left, and is replaced. */
	EXPECT_EQ(0, access(SOCK, F_OK));
	self->pid = SPAWN("-v", "-s", SOCK, "-n", DEV);
	for (q = 0; q < 2; q++)
		FE->base[q] = G->ring[q].vring.used->idx;
	ASSERT_EQ(0, fe_open(FE));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_F(bridge, ends_while_it_serves)
{
	START();
	kill(self->pid, SIGINT);
	EXPECT_EQ(0, wait_exit(self->pid));
	EXPECT_TRUE(dev_is(DETACHED));
	EXPECT_EQ(-1, access(SOCK, F_OK));
	self->pid = SPAWN("-v", "-s", SOCK, "-n", DEV);
}

TEST_F(bridge, shows_what_happens)
{
	START();
	/* The front end of the set-up and this one. */
	EXPECT_EQ(2,
		  logged("event=message request=SET_MEM_TABLE size=40 fds=1 "));
	EXPECT_EQ(2, logged(" level=info event=started\n"));
	EXPECT_EQ(0, logged("event=refused"));
	EXPECT_EQ(1, fe_call(FE, 99, NULL, 0, NULL, 0));
	EXPECT_EQ(1, logged(" level=warning event=refused request=99 error="));
	fe_disconnect(FE);
	EXPECT_TRUE(WAIT_FOR(logged(" refused=1\n"), LONG_MS));
}

TEST_F(bridge, busy_device)
{
	struct guest_opts opts = { .name = DEV };
	struct guest guest;

	fe_disconnect(FE);
	ASSERT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
	ASSERT_EQ(0, guest_open(&guest, &opts));
	ASSERT_EQ(0, fe_connect(FE));
	EXPECT_DROPPED();
	EXPECT_TRUE(logged("event=open "));
	guest_close(&guest);
}

TEST_F(bridge, socket_is_private)
{
	struct stat st;

	ASSERT_EQ(0, stat(SOCK, &st));
	EXPECT_EQ(0, st.st_mode & 0027);
}

/* Malformed messages */

/* A header that says so much, and no payload. */
#define SEND_HEADER(...)							\
	do {									\
		struct header __header = { __VA_ARGS__ };			\
									\
		ASSERT_EQ(sizeof(__header),					\
			  write(FE->sock, &__header, sizeof(__header)));	\
	} while (0)

TEST_F(bridge, ends_within_a_header)
{
	ASSERT_EQ(5, write(FE->sock, (char[5]){ SET_OWNER }, 5));
}

TEST_F(bridge, ends_within_a_payload)
{
	SEND_HEADER(SET_FEATURES, FLAG_VERSION, 8);
}

TEST_F(bridge, giant_message)
{
	SEND_HEADER(SET_MEM_TABLE, FLAG_VERSION, UINT32_MAX);
	EXPECT_DROPPED();
}

TEST_F(bridge, big_message)
{
	SEND_HEADER(SET_MEM_TABLE, FLAG_VERSION, 8192);
	EXPECT_DROPPED();
}

TEST_F(bridge, no_version)
{
	SEND_HEADER(GET_FEATURES, 0, 0);
	EXPECT_DROPPED();
}

TEST_F(bridge, other_version)
{
	SEND_HEADER(GET_FEATURES, 2, 0);
	EXPECT_DROPPED();
}

TEST_F(bridge, reply_to_nothing)
{
	SEND_HEADER(GET_FEATURES, FLAG_VERSION | FLAG_REPLY, 0);
	EXPECT_DROPPED();
}

/* Every request with a payload of a size that none has. */
TEST_F_TIMEOUT(bridge, wrong_size, SLOW_S)
{
	static const uint32_t sizes[] = { 3, 9, 15, 41, 265, 7 };
	uint64_t payload[64] = {};
	uint32_t request;
	unsigned int i;

	for (request = 0; request <= GET_STATUS; request++) {
		i = request % ARRAY_SIZE(sizes);
		ASSERT_EQ(0, fe_send(FE, request, FLAG_VERSION, payload,
				     sizes[i], NULL, 0));
		EXPECT_DROPPED();
		fe_disconnect(FE);
		ASSERT_EQ(0, fe_connect(FE));
		ASSERT_EQ(0, fe_handshake(FE));
	}
}

TEST_F(bridge, unknown_request)
{
	EXPECT_REFUSED(fe_call(FE, 0, NULL, 0, NULL, 0));
	EXPECT_REFUSED(fe_call(FE, SET_CONFIG, NULL, 0, NULL, 0));
	EXPECT_REFUSED(fe_call(FE, UINT32_MAX, NULL, 0, &FE->memfd, 1));
	/* It would go on in the belief that all is well. */
	ASSERT_EQ(0, fe_send(FE, 41, FLAG_VERSION, NULL, 0, &FE->memfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, many_refusals)
{
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(1, fe_call(FE, 99, NULL, 0, NULL, 0));
	fe_disconnect(FE);
	EXPECT_TRUE(WAIT_FOR(logged(" refused=100\n"), LONG_MS));
	/* Not for each a line, which would let a front end fill the disk. */
	EXPECT_EQ(16, logged("event=refused"));
}

/* Does not read what it has asked for. */
TEST_F(bridge, replies_pile_up)
{
	struct header header = { GET_FEATURES, FLAG_VERSION, 0 };
	struct timeval timeout = { .tv_usec = 300000 };
	int i;

	setsockopt(FE->sock, SOL_SOCKET, SO_SNDTIMEO, &timeout,
		   sizeof(timeout));
	for (i = 0; i < 100000; i++)
		if (send(FE->sock, &header, sizeof(header), MSG_NOSIGNAL) < 0)
			break;
	EXPECT_LT(i, 100000);
}

/* Descriptors */

TEST_F(bridge, descriptor_with_a_message_that_has_none)
{
	ASSERT_EQ(0, fe_send(FE, GET_FEATURES, FLAG_VERSION, NULL, 0,
			     &FE->memfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, no_descriptor)
{
	struct mem_reg reg = { .region = fe_region(0, MEM_SIZE) };

	EXPECT_GT(0, fe_call(FE, ADD_MEM_REG, &reg, sizeof(reg), NULL, 0));
}

TEST_F(bridge, fewer_descriptors_than_regions)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};

	EXPECT_GT(0, fe_mem_table(FE, regions, 2, &FE->memfd, 1));
}

TEST_F(bridge, more_descriptors_than_regions)
{
	struct region region = fe_region(0, MEM_SIZE);
	int fds[] = { FE->memfd, FE->memfd };

	EXPECT_GT(0, fe_mem_table(FE, &region, 1, fds, 2));
}

TEST_F(bridge, more_descriptors_than_any_message_has)
{
	struct region region = fe_region(0, MEM_SIZE);
	int i, fds[20];

	for (i = 0; i < 20; i++)
		fds[i] = FE->memfd;
	EXPECT_GT(0, fe_mem_table(FE, &region, 1, fds, 20));
}

TEST_F(bridge, descriptors_in_pieces)
{
	int i, fds[MAX_FDS];

	for (i = 0; i < MAX_FDS; i++)
		fds[i] = FE->memfd;
	/* These messages are the payload, their descriptors come on top. */
	SEND_HEADER(SET_MEM_TABLE, FLAG_VERSION, 200);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, fe_send(FE, SET_MEM_TABLE, FLAG_VERSION, NULL, 0,
				     fds, MAX_FDS));
	EXPECT_DROPPED();
}

TEST_F(bridge, more_regions_than_a_message_has)
{
	struct region regions[MAX_FDS + 1];
	struct mem_table table = { .num = UINT32_MAX };
	int i, fds[MAX_FDS + 1];

	for (i = 0; i < MAX_FDS + 1; i++) {
		regions[i] = fe_region(i * 0x1000, (i + 1) * 0x1000);
		fds[i] = FE->memfd;
	}
	ASSERT_EQ(0, fe_mem_table(FE, regions, MAX_FDS, fds, MAX_FDS));
	EXPECT_GT(0, fe_mem_table(FE, regions, MAX_FDS + 1, fds, MAX_FDS));
	fe_disconnect(FE);
	ASSERT_EQ(0, fe_connect(FE));
	ASSERT_EQ(0, fe_handshake(FE));
	EXPECT_GT(0, fe_call(FE, SET_MEM_TABLE, &table, 40, fds, 1));
}

/* Memory that is not what it is said to be */

#define EXPECT_NO_REGION(fd, ...)						\
	do {									\
		struct region __region = { __VA_ARGS__ };			\
		struct mem_reg __reg = { .region = __region };			\
		int __fd = fd;							\
									\
		EXPECT_REFUSED(fe_call(FE, ADD_MEM_REG, &__reg, sizeof(__reg),	\
				       &__fd, 1));				\
		EXPECT_REFUSED(fe_mem_table(FE, &__region, 1, &__fd, 1));	\
	} while (0)

TEST_F(bridge, region_without_size)
{
	EXPECT_NO_REGION(FE->memfd, 0, 0, USER, 0);
}

TEST_F(bridge, region_behind_the_end)
{
	EXPECT_NO_REGION(FE->memfd, 0, MEM_SIZE, USER, LEAD + 1);
	EXPECT_NO_REGION(FE->memfd, 0, 1, USER, LEAD + MEM_SIZE);
	EXPECT_NO_REGION(FE->memfd, 0, 1ULL << 62, USER, LEAD);
}

TEST_F(bridge, region_that_wraps)
{
	EXPECT_NO_REGION(FE->memfd, 0, MEM_SIZE, USER, -4096ULL);
	EXPECT_NO_REGION(FE->memfd, -4096ULL, MEM_SIZE, USER, LEAD);
	EXPECT_NO_REGION(FE->memfd, 0, MEM_SIZE, -4096ULL, LEAD);
	EXPECT_NO_REGION(FE->memfd, 0, UINT64_MAX, 0, LEAD);
}

TEST_F(bridge, region_of_something_else)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_CLOEXEC);
	int readonly = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	EXPECT_NO_REGION(FE->err[0], 0, MEM_SIZE, USER, 0);
	EXPECT_NO_REGION(FE->sock, 0, MEM_SIZE, USER, 0);
	EXPECT_NO_REGION(dir, 0, 4096, USER, 0);
	EXPECT_NO_REGION(null, 0, MEM_SIZE, USER, 0);
	EXPECT_NO_REGION(readonly, 0, 4096, USER, 0);
	close(null);
	close(dir);
	close(readonly);
}

TEST_F(bridge, regions_that_overlap)
{
	struct region regions[] = {
		fe_region(0, UPPER),
		fe_region(UPPER, MEM_SIZE),
	};
	int fds[] = { FE->memfd, FE->memfd };
	struct region good = regions[1];

	regions[1].guest_addr = UPPER - 1;
	EXPECT_REFUSED(fe_mem_table(FE, regions, 2, fds, 2));
	regions[1] = good;
	regions[1].user_addr = USER + UPPER - 1;
	EXPECT_REFUSED(fe_mem_table(FE, regions, 2, fds, 2));

	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, regions[0]));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, regions[0]));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, regions[1]));
	EXPECT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, good));
	/* One inside of another, the other way round. */
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(4096, 8192)));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, MEM_SIZE)));
	/* One that reaches into another from below. */
	ASSERT_EQ(0, fe_mem_reg(FE, REM_MEM_REG, regions[0]));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(4096, UPPER + 1)));
	EXPECT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(4096, UPPER)));
}

/* How many mappings of shared memory of a process a core dump leaves out. */
static int count_undumped(pid_t pid)
{
	char path[32], line[512];
	bool shared = false;
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, " rw-s "))
			shared = true;
		if (strncmp(line, "VmFlags:", 8))
			continue;
		if (shared && strstr(line, " dd"))
			n++;
		shared = false;
	}
	if (f)
		fclose(f);
	return n;
}

TEST_F(bridge, memory_of_the_guest_is_not_dumped)
{
	ASSERT_EQ(0, count_undumped(self->pid));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	EXPECT_EQ(1, count_undumped(self->pid));
}

TEST_F(bridge, region_that_is_not_there_is_removed)
{
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, UPPER)));
	EXPECT_REFUSED(fe_mem_reg(FE, REM_MEM_REG, fe_region(0, MEM_SIZE)));
	EXPECT_REFUSED(fe_mem_reg(FE, REM_MEM_REG, fe_region(4096, UPPER)));
}

TEST_F(bridge, region_is_removed_with_a_descriptor)
{
	struct mem_reg reg = { .region = fe_region(0, UPPER) };

	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, reg.region));
	EXPECT_EQ(0,
		  fe_call(FE, REM_MEM_REG, &reg, sizeof(reg), &FE->memfd, 1));
}

/* The kernel's worker is the one that finds out. */
TEST_F(bridge, memory_is_cut_off)
{
	START();
	ASSERT_EQ(0, ftruncate(FE->memfd, 0));
	ASSERT_EQ(0, eventfd_write(G->ring[GUEST_RX].kick, 1));
	ASSERT_EQ(4, write(self->fd, "pong", 4));
	ASSERT_EQ(0, fe_enable(FE, false));
	EXPECT_EQ(0, kill(self->pid, 0));
}

/* Rings */

TEST_F(bridge, rings_that_do_not_exist)
{
	uint64_t value;

	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 2, 64));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_BASE, UINT32_MAX, 0));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 2, 1));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_KICK, 2, FE->err[0]));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_CALL, 255, FE->err[0]));
	/* The bits above mean nothing, or nothing that we know. */
	EXPECT_REFUSED(fe_file(FE, SET_VRING_ERR, 1ULL << 32, FE->err[0]));
	EXPECT_REFUSED(fe_set_addr(FE, (struct vhost_vring_addr){
				.index = 0x80000000 }));
	value = 2;
	EXPECT_GT(0, fe_ask(FE, GET_VRING_BASE, &value, 8, 8));
}

TEST_F(bridge, ring_sizes)
{
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 0));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 3));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 0x10000));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_BASE, 0, 0x10000));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 0, 2));
}

TEST_F(bridge, ring_without_size)
{
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 0)));
	ASSERT_EQ(0, fe_file(FE, SET_VRING_KICK, 0, G->ring[0].kick));
	ASSERT_EQ(0, fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, MEM_SIZE)));
	ASSERT_EQ(0, fe_set_ring(FE, 1));
	EXPECT_REFUSED(fe_enable(FE, true));
}

TEST_F(bridge, rings_outside_of_memory)
{
	/* Ends a byte behind the memory, begins before it, is elsewhere. */
	const uint64_t bad[] = {
		USER + MEM_SIZE - RING_SIZE * 2,
		USER - 2,
		0,
		-4096ULL,
	};
	struct vhost_vring_addr addr;
	unsigned int i;

	ASSERT_EQ(0, fe_prepare(FE));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 0, 1));
	for (i = 0; i < ARRAY_SIZE(bad) * 3; i++) {
		addr = fe_addr(FE, 1);
		(&addr.desc_user_addr)[i % 3] = bad[i / 3];
		ASSERT_EQ(0, fe_set_addr(FE, addr));
		EXPECT_REFUSED(fe_state(FE, SET_VRING_ENABLE, 1, 1));
		ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 0));
	}
	EXPECT_TRUE(dev_is(ATTACHED));
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 1)));
	ASSERT_EQ(0, fe_state(FE, SET_VRING_ENABLE, 1, 1));
	/* Nor does a ring that runs move there. */
	/* cppcheck-suppress uninitvar ; bad[] has elements */
	EXPECT_REFUSED(fe_set_addr(FE, addr));
	EXPECT_EQ(0, meet(G, self->fd));
}

/* Regions are neighbours for the guest, not in the bridge. */
TEST_F(bridge, ring_across_two_regions)
{
	uint64_t middle = guest_gpa(G, G->ring[1].vring.desc) + 4096;
	struct region regions[] = {
		fe_region(0, middle),
		fe_region(middle, MEM_SIZE),
	};
	int fds[] = { FE->memfd, FE->memfd };
	struct vhost_vring_addr addr = fe_addr(FE, 1);

	ASSERT_EQ(0, fe_prepare(FE));
	ASSERT_EQ(0, fe_mem_table(FE, regions, 2, fds, 2));
	addr.desc_user_addr = USER + middle - 16;
	ASSERT_EQ(0, fe_set_addr(FE, addr));
	EXPECT_REFUSED(fe_enable(FE, true));
	ASSERT_EQ(0, fe_set_addr(FE, fe_addr(FE, 1)));
	ASSERT_EQ(0, fe_enable(FE, true));
	EXPECT_EQ(0, meet(G, self->fd));
}

TEST_F(bridge, misaligned_ring)
{
	struct vhost_vring_addr addr = fe_addr(FE, 1);

	ASSERT_EQ(0, fe_prepare(FE));
	addr.used_user_addr++;
	ASSERT_EQ(0, fe_set_addr(FE, addr));
	EXPECT_REFUSED(fe_enable(FE, true));
}

TEST_F(bridge, start_without_memory)
{
	ASSERT_EQ(0, fe_set_features(FE));
	ASSERT_EQ(0, fe_set_ring(FE, 0));
	ASSERT_EQ(0, fe_set_ring(FE, 1));
	EXPECT_REFUSED(fe_enable(FE, true));
}

TEST_F(bridge, files_that_are_no_eventfds)
{
	EXPECT_REFUSED(fe_file(FE, SET_VRING_KICK, 0, FE->memfd));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_CALL, 0, FE->memfd));
	EXPECT_REFUSED(fe_file(FE, SET_VRING_ERR, 0, FE->sock));
	EXPECT_REFUSED(fe_call(FE, SET_LOG_FD, NULL, 0, &FE->memfd, 1));
}

TEST_F(bridge, kick_without_eventfd)
{
	EXPECT_REFUSED(fe_u64(FE, SET_VRING_KICK, NOFD | GUEST_TX));
	/* The flag says that there is none, or that there is one. */
	EXPECT_GT(0, fe_file(FE, SET_VRING_CALL, NOFD, FE->err[0]));
}

TEST_F(bridge, eventfd_without_descriptor)
{
	EXPECT_GT(0, fe_u64(FE, SET_VRING_CALL, GUEST_TX));
}

TEST_F(bridge, rings_are_set_up_while_they_run)
{
	START();
	EXPECT_REFUSED(fe_state(FE, SET_VRING_NUM, 0, 32));
	EXPECT_REFUSED(fe_state(FE, SET_VRING_BASE, 0, 0));
	FE->features = GUEST_EVENT_IDX;
	EXPECT_REFUSED(fe_set_features(FE));
	FE->features = F_LOG_ALL;
	EXPECT_REFUSED(fe_set_features(FE));
	EXPECT_EQ(0, talk(G, self->fd));
}

/* Features */

TEST_F(bridge, features_that_were_not_offered)
{
	EXPECT_REFUSED(fe_u64(FE, SET_FEATURES, 1ULL << 63));
	EXPECT_REFUSED(fe_u64(FE, SET_FEATURES,
			      1ULL << VIRTIO_F_ACCESS_PLATFORM));
	EXPECT_REFUSED(fe_u64(FE, SET_PROTOCOL_FEATURES, PF_ALL | PF_CONFIG));
}

TEST_F(bridge, requests_without_their_feature)
{
	struct log_area area = { 4096, 0 };
	uint64_t value = PF_REPLY_ACK;

	ASSERT_EQ(0, fe_u64(FE, SET_PROTOCOL_FEATURES, value));
	EXPECT_REFUSED(fe_mem_reg(FE, ADD_MEM_REG, fe_region(0, MEM_SIZE)));
	EXPECT_REFUSED(fe_mem_reg(FE, REM_MEM_REG, fe_region(0, MEM_SIZE)));
	EXPECT_REFUSED(fe_call(FE, RESET_DEVICE, NULL, 0, NULL, 0));
	EXPECT_REFUSED(fe_u64(FE, SET_STATUS, 0));
	fe_make_log(FE);
	ASSERT_EQ(0, fe_send(FE, SET_LOG_BASE, FLAG_VERSION, &area,
			     sizeof(area), &FE->logfd, 1));
	EXPECT_DROPPED();
}

TEST_F(bridge, no_reply_without_reply_ack)
{
	uint64_t value = 0;

	ASSERT_EQ(0, fe_u64(FE, SET_PROTOCOL_FEATURES, value));
	ASSERT_EQ(0, fe_send(FE, SET_OWNER, FLAG_VERSION | FLAG_NEED_REPLY,
			     NULL, 0, NULL, 0));
	/* So this is the reply to the second message. */
	EXPECT_EQ(0, fe_get(FE, GET_FEATURES, &value));
}

/* All at once */

TEST_F_TIMEOUT(bridge, leaves_at_any_message, SLOW_S)
{
	int err, n;

	for (n = 0;; n++) {
		fe_disconnect(FE);
		/* Until then the kernel uses the rings. */
		ASSERT_TRUE(WAIT_FOR(dev_is(DETACHED), LONG_MS));
		guest_reset_rings(G);
		guest_post(G);
		FE->left = n;
		err = fe_open(FE);
		if (err != -ECANCELED)
			break;
	}
	FE->left = -1;
	EXPECT_EQ(0, err);
	/* As many messages as QEMU sends. */
	EXPECT_EQ(26, n);
	EXPECT_EQ(0, meet(G, self->fd));
}

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint64_t)seed * below >> 32;
}

/* Something that is right, or could be, for whichever request it is. */
static void random_payload(struct fe *fe, uint32_t request, uint64_t *payload)
{
	struct mem_table *table = (struct mem_table *)payload;
	struct mem_reg *reg = (struct mem_reg *)payload;
	struct vhost_vring_addr addr = fe_addr(fe, rnd(2));
	struct region region =
		fe_region(rnd(3) * UPPER / 2, rnd(5) * UPPER / 2);
	int i;

	for (i = 0; i < 40; i++)
		payload[i] = rnd(8) ? rnd(2) | (uint64_t)rnd(2) << 32 : rnd(-1);
	switch (rnd(8) ? request : 0) {
	case SET_MEM_TABLE:
		*table = (struct mem_table){ .num = 1, .regions = { region } };
		break;
	case ADD_MEM_REG:
	case REM_MEM_REG:
		reg->region = region;
		break;
	case SET_VRING_ADDR:
		memcpy(payload, &addr, sizeof(addr));
		break;
	case SET_FEATURES:
		*payload = GUEST_FEATURES | (rnd(2) ? F_PROTOCOL : 0) |
			   (rnd(2) ? F_LOG_ALL : 0);
		break;
	case SET_PROTOCOL_FEATURES:
		*payload = PF_ALL;
		break;
	case SET_LOG_BASE:
		*payload = rnd(8192);
		payload[1] = rnd(2);
		break;
	case SET_VRING_NUM:
		*payload = rnd(2) | (uint64_t)RING_SIZE << 32;
		break;
	}
}

/* Most messages have the size and the descriptors that they should have. */
static int random_message(struct fe *fe)
{
	static const struct {
		uint32_t size;
		int num;
	} shapes[GET_STATUS + 2] = {
		[SET_FEATURES] = { 8 }, [SET_MEM_TABLE] = { 40, 1 },
		[SET_LOG_BASE] = { 16, 1 }, [SET_LOG_FD] = { 0, 1 },
		[SET_VRING_NUM] = { 8 }, [SET_VRING_ADDR] = { 40 },
		[SET_VRING_BASE] = { 8 }, [GET_VRING_BASE] = { 8 },
		[SET_VRING_KICK] = { 8, 1 }, [SET_VRING_CALL] = { 8, 1 },
		[SET_VRING_ERR] = { 8, 1 }, [SET_PROTOCOL_FEATURES] = { 8 },
		[SET_VRING_ENABLE] = { 8 }, [ADD_MEM_REG] = { 40, 1 },
		[REM_MEM_REG] = { 40 }, [SET_STATUS] = { 8 },
	};
	const int files[] = { fe->memfd, fe->err[0], fe->g.ring[0].kick,
			      fe->sock };
	uint32_t flags = FLAG_VERSION | FLAG_NEED_REPLY;
	uint32_t request = rnd(ARRAY_SIZE(shapes));
	int i, fds[10], num = shapes[request].num;
	uint32_t size = shapes[request].size;
	uint64_t payload[64];

	random_payload(fe, request, payload);
	if (!rnd(30))
		flags = rnd(16);
	if (!rnd(30))
		size = rnd(300);
	if (!rnd(30))
		num = rnd(10);
	for (i = 0; i < num; i++)
		fds[i] = files[rnd(8) ? request >= SET_LOG_FD &&
						request <= SET_VRING_ERR :
					rnd(ARRAY_SIZE(files))];
	return fe_send(fe, request, flags, payload, size, fds, num);
}

TEST_F_TIMEOUT(bridge, random_messages, SLOW_S)
{
	char buf[512];
	int i, n;

	for (i = 0; i < 50; i++) {
		seed = i * 2654435761U;
		/* Half of them begin where a guest runs. */
		if (i % 2) {
			guest_reset_rings(G);
			guest_post(G);
			ASSERT_EQ(0, fe_start(FE));
		}
		for (n = 0; n < 100 && !random_message(FE); n++)
			while (recv(FE->sock, buf, sizeof(buf), MSG_DONTWAIT) >
			       0)
				;
		ASSERT_EQ(0, kill(self->pid, 0));
		fe_disconnect(FE);
		ASSERT_EQ(0, fe_connect(FE));
		ASSERT_EQ(0, fe_handshake(FE));
	}
}

/* Without a front end */

TEST(exit_status)
{
	EXPECT_EQ(0, RUN("--help"));
	EXPECT_EQ(0, RUN("--version"));
	EXPECT_EQ(1, RUN("--nonsense"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "argument"));
	EXPECT_EQ(1, RUN("--name", DEV));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", ""));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", "a/b"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name",
			 "0123456789abcdef0123456789abcdef"));
	EXPECT_EQ(2, RUN("--socket", SOCK, "--device", "/nonexistent"));
	EXPECT_EQ(2, RUN("--socket", "/nonexistent/socket"));
}

TEST(sockets_of_others)
{
	pid_t pid;
	int fd;

	unlink(SOCK);
	fd = open(SOCK, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	EXPECT_EQ(2, RUN("--socket", SOCK));
	EXPECT_EQ(0, unlink(SOCK));

	pid = SPAWN("--socket", SOCK);
	ASSERT_TRUE(WAIT_FOR(!access(SOCK, F_OK), LONG_MS));
	EXPECT_EQ(2, RUN("--socket", SOCK));
	EXPECT_EQ(0, access(SOCK, F_OK));
	/* What has taken its place is not its own to remove. */
	unlink(SOCK);
	fd = open(SOCK, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(0, unlink(SOCK));
}

TEST(config_space_on_request)
{
	const uint32_t head = offsetof(struct config, data);
	struct config config = { .offset = 0, .size = 8, .data = { 1, 2 } };
	static const uint8_t zeroes[8];
	struct fe fe;
	pid_t pid;

	pid = SPAWN("--socket", SOCK, "--config");
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	ASSERT_EQ(0, fe_handshake(&fe));
	ASSERT_EQ(0, fe_u64(&fe, SET_PROTOCOL_FEATURES, PF_ALL | PF_CONFIG));
	ASSERT_EQ(0, fe_ask(&fe, GET_CONFIG, &config, head + 8, head + 8));
	EXPECT_EQ(0, memcmp(config.data, zeroes, 8));
	EXPECT_EQ(1, fe_call(&fe, SET_CONFIG, &config, head + 8, NULL, 0));
	/* It says a size, and has another one. */
	EXPECT_GT(0, fe_ask(&fe, GET_CONFIG, &config, head + 4, head + 4));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

/* A device of its own, which goes with the front end. */
TEST(device_without_a_name)
{
	struct nl_dev dev;
	struct fe fe;
	pid_t pid;
	int ept, fd;

	nl_dev_del(DEV);
	ASSERT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
	pid = SPAWN("--socket", SOCK, "--name", DEV);
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	ASSERT_EQ(0, fe_handshake(&fe));
	ept = nl_ept_new(EPT_REQ(.dev = DEV, .addr = ADDR, .remote = REMOTE));
	ASSERT_GE(ept, 0);
	fd = ept_open(ept, O_NONBLOCK);
	ASSERT_EQ(0, fe_start(&fe));
	EXPECT_EQ(0, talk(&fe.g, fd));
	fe_exit(&fe);
	EXPECT_TRUE(WAIT_FOR(nl_dev_get(DEV, &dev) == -ENODEV, LONG_MS));
	close(fd);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

static int bound(int type, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (void *)&addr, sizeof(addr)))
		die("bind");
	return fd;
}

TEST(socket_from_systemd)
{
	char *const argv[] = { "vrpmsg-bridge", NULL };
	char *const both[] = { "vrpmsg-bridge", "--socket", SOCK, NULL };
	const char *notify_path = "/run/vrpmsg-bridge.notify";
	int sock = bound(SOCK_STREAM, SOCK);
	int notify = bound(SOCK_DGRAM, notify_path);
	uint64_t value;
	char buf[64] = {};
	struct fe fe;
	pid_t pid;

	/* A descriptor that is no listening socket, and one option too many. */
	EXPECT_EQ(2, wait_exit(spawn(sock, argv)));
	ASSERT_EQ(0, listen(sock, 1));
	EXPECT_EQ(1, wait_exit(spawn(sock, both)));
	/* And more sockets than it has use for. */
	setenv("LISTEN_FDS", "2", 1);
	EXPECT_EQ(2, wait_exit(spawn(sock, argv)));
	unsetenv("LISTEN_FDS");

	setenv("NOTIFY_SOCKET", notify_path, 1);
	pid = spawn(sock, argv);
	ASSERT_EQ(POLLIN, poll_fd(notify, POLLIN, LONG_MS));
	ASSERT_LT(0, recv(notify, buf, sizeof(buf) - 1, 0));
	EXPECT_STREQ("READY=1", buf);

	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_EQ(0, fe_get(&fe, GET_FEATURES, &value));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	/* systemd's socket is systemd's to remove. */
	EXPECT_EQ(0, unlink(SOCK));
	unlink(notify_path);
	close(sock);
	close(notify);
}

TEST_HARNESS_MAIN
