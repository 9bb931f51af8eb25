// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front_end.h"

/* Front end: messages */

int fe_send(struct fe *fe, uint32_t request, uint32_t flags,
	    const void *payload, uint32_t size, const int *fds, int num)
{
	char control[CMSG_SPACE(sizeof(int) * 80)] = {};
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

int fe_read(struct fe *fe, void *data, size_t size)
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

int fe_reply(struct fe *fe, uint32_t request, void *data, uint32_t size)
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

int fe_call(struct fe *fe, uint32_t request, const void *payload, uint32_t size,
	    const int *fds, int num)
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

int fe_ask(struct fe *fe, uint32_t request, void *payload, uint32_t size,
	   uint32_t reply_size)
{
	int err = fe_send(fe, request, FLAG_VERSION, payload, size, NULL, 0);

	return err ?: fe_reply(fe, request, payload, reply_size);
}

int fe_get(struct fe *fe, uint32_t request, uint64_t *value)
{
	*value = 0;
	return fe_ask(fe, request, value, 0, sizeof(*value));
}

int fe_u64(struct fe *fe, uint32_t request, uint64_t value)
{
	return fe_call(fe, request, &value, sizeof(value), NULL, 0);
}

int fe_state(struct fe *fe, uint32_t request, uint32_t index, uint32_t num)
{
	struct vhost_vring_state state = { index, num };

	return fe_call(fe, request, &state, sizeof(state), NULL, 0);
}

int fe_file(struct fe *fe, uint32_t request, uint64_t index, int fd)
{
	return fe_call(fe, request, &index, sizeof(index), &fd, 1);
}

struct region fe_region(uint64_t from, uint64_t to)
{
	return (struct region){ from, to - from, USER + from, LEAD + from };
}

int fe_mem_reg(struct fe *fe, uint32_t request, struct region region)
{
	struct mem_reg reg = { .region = region };

	return fe_call(fe, request, &reg, sizeof(reg), &fe->memfd,
		       request == ADD_MEM_REG);
}

int fe_mem_table(struct fe *fe, const struct region *regions, uint32_t num,
		 const int *fds, int num_fds)
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

struct vhost_vring_addr fe_addr(struct fe *fe, int q)
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

int fe_set_addr(struct fe *fe, struct vhost_vring_addr addr)
{
	return fe_call(fe, SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
}

int fe_set_log(struct fe *fe, uint64_t size)
{
	struct log_area area = { size, 0 }, answer;
	int err;

	err = fe_send(fe, SET_LOG_BASE, FLAG_VERSION, &area, sizeof(area),
		      &fe->logfd, 1);
	/* QEMU only checks the request; rust-vmm expects the payload in the answer. */
	if (!err)
		err = fe_reply(fe, SET_LOG_BASE, &answer, sizeof(answer));
	if (!err && (answer.size != size || answer.offset))
		err = -EBADMSG;
	return err;
}

void fe_make_log(struct fe *fe)
{
	fe->logfd = memfd_create("log", MFD_CLOEXEC);
	if (fe->logfd < 0 || ftruncate(fe->logfd, 4096))
		die("memfd");
}

/* Front end: the messages of QEMU, in its order. Returns 0, 1 (refused), or -errno. */

void fe_init(struct fe *fe)
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
	/* The two rings come before this. */
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

int fe_connect(struct fe *fe)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = SOCK };

	fe->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!WAIT_FOR(!connect(fe->sock, (void *)&addr, sizeof(addr)), LONG_MS))
		return -errno;
	return 0;
}

int fe_served(void)
{
	uint64_t value;
	struct fe fe;
	int err;

	fe_init(&fe);
	err = fe_connect(&fe);
	if (!err)
		err = fe_get(&fe, GET_FEATURES, &value);
	fe_exit(&fe);
	return err;
}

void fe_disconnect(struct fe *fe)
{
	if (fe->sock >= 0)
		close(fe->sock);
	fe->sock = -1;
}

void fe_exit(struct fe *fe)
{
	fe_disconnect(fe);
	guest_close(&fe->g);
	close(fe->memfd);
	close(fe->err[0]);
	close(fe->err[1]);
	if (fe->logfd >= 0)
		close(fe->logfd);
}

int fe_handshake(struct fe *fe)
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

int fe_set_features(struct fe *fe)
{
	uint64_t features = GUEST_FEATURES | fe->features;

	if (!fe->plain)
		features |= F_PROTOCOL;
	return fe_u64(fe, SET_FEATURES, features);
}

int fe_set_ring(struct fe *fe, int q)
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

int fe_enable(struct fe *fe, bool enable)
{
	int err = fe_state(fe, SET_VRING_ENABLE, 0, enable);

	return err ?: fe_state(fe, SET_VRING_ENABLE, 1, enable);
}

int fe_prepare(struct fe *fe)
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

int fe_start(struct fe *fe)
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

int fe_stop(struct fe *fe)
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

int fe_open(struct fe *fe)
{
	int err = fe_connect(fe);

	if (!err)
		err = fe_handshake(fe);
	return err ?: fe_start(fe);
}

int talk(struct guest *g, int fd)
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

int meet(struct guest *g, int fd)
{
	struct guest_ns ns;
	int err = guest_ns_recv(g, &ns, LONG_MS);

	if (err)
		return err;
	return strcmp(ns.name, "svc") ? -EBADMSG : talk(g, fd);
}

/* The bridge's process */

pid_t spawn(int listen_fd, char *const *argv)
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
		/* As with systemd, the first descriptor is 3. */
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

int wait_exit(pid_t pid)
{
	int status;

	if (!WAIT_FOR(waitpid(pid, &status, WNOHANG) == pid, LONG_MS))
		return -1;
	/* cppcheck-suppress uninitvar ; set by waitpid() in the macro */
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int logged(const char *text)
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

int count_fds(pid_t pid)
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

int count_maps(pid_t pid)
{
	char path[32], line[512], shared;
	FILE *file;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		n += sscanf(line, "%*s %*3s%c", &shared) == 1 && shared == 's';
	fclose(file);
	return n;
}

bool dev_is(uint32_t state)
{
	struct nl_dev dev;

	return !nl_dev_get(DEV, &dev) && dev.state == state;
}

int well_behaved(int fd)
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
