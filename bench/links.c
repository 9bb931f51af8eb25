// SPDX-License-Identifier: GPL-2.0-only
/* Links, and their host side. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "bench.h"
#include "util.h"

const char *const kind_name[NUM_KINDS] = {
	[RPMSG] = "rpmsg",
	[VSOCK_STREAM] = "vsock-stream",
	[VSOCK_SEQPACKET] = "vsock-seqpacket",
	[UNIX_SEQPACKET] = "unix-seqpacket",
	[PIPE] = "pipe",
};

#define FIRST_PORT	1024
#define FIRST_REMOTE	0x400

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		die("out of memory");
	return p;
}

static void open_rpmsg(struct link *l, const char *dev, bool batch)
{
	int id = nl_ept_new(EPT_REQ(.dev = dev, .addr = l->addr,
				    .remote = l->peer_addr,
				    .rx_limit = QUEUE_SIZE,
				    .tx_limit = QUEUE_SIZE));

	if (id < 0)
		die("endpoint: %s", nl_extack);
	l->in = l->out = ept_open(id, O_RDWR);
	if (l->in < 0)
		die("open of endpoint: %s", strerror(-l->in));
	if (batch && !batch_mode(l->in))
		die("batch mode");
}

/* The guest answers during connect(), see guest_connect(). */
static void open_vsock(struct link *l, int type)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = l->dev->cid,
		.svm_port = l->peer_addr,
	};
	unsigned long long size = QUEUE_SIZE;

	l->in = l->out = socket(AF_VSOCK, type | SOCK_NONBLOCK, 0);
	if (l->in < 0 ||
	    setsockopt(l->in, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size,
		       sizeof(size)) ||
	    setsockopt(l->in, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size,
		       sizeof(size)))
		die("vsock: %s", strerror(errno));
	if (connect(l->in, (struct sockaddr *)&addr, sizeof(addr)) == 0 ||
	    errno != EINPROGRESS)
		die("vsock: connect: %s", strerror(errno));
}

static void finish_vsock(struct link *l)
{
	socklen_t len = sizeof(int);
	int err;

	if (!poll_fd(l->in, POLLOUT, LONG_MS) ||
	    getsockopt(l->in, SOL_SOCKET, SO_ERROR, &err, &len) || err)
		die("vsock: not connected");
	fcntl(l->in, F_SETFL, 0);
}

static void open_unix(struct link *l)
{
	int size = QUEUE_SIZE;
	int fd[2], i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd))
		die("socketpair");
	for (i = 0; i < 2; i++)
		if (setsockopt(fd[i], SOL_SOCKET, SO_SNDBUFFORCE, &size,
			       sizeof(size)))
			die("SO_SNDBUFFORCE");
	l->in = l->out = fd[0];
	l->peer_in = l->peer_out = fd[1];
}

static void open_pipe(struct link *l)
{
	int down[2], up[2];

	if (pipe(down) || pipe(up))
		die("pipe");
	if (fcntl(down[1], F_SETPIPE_SZ, QUEUE_SIZE) < 0 ||
	    fcntl(up[1], F_SETPIPE_SZ, QUEUE_SIZE) < 0)
		die("F_SETPIPE_SZ");
	l->in = up[0];
	l->out = down[1];
	l->peer_in = down[0];
	l->peer_out = up[1];
}

static bool has_workers(void)
{
	int fd = open("/dev/vhost-rpmsg", O_RDWR);
	bool has = !ioctl(fd, VHOST_SET_OWNER) && guest_new_worker(fd) >= 0;

	close(fd);
	return has;
}

static bool has_batch_mode(void)
{
	bool has;
	int id, fd;

	if (nl_dev_new("probe") < 0)
		die("device: %s", nl_extack);
	id = nl_ept_new(EPT_REQ(.dev = "probe", .remote = 1));
	fd = id < 0 ? -1 : ept_open(id, O_RDWR);
	if (fd < 0)
		die("endpoint: %s", nl_extack);
	has = batch_mode(fd);
	close(fd);
	nl_dev_del("probe");
	return has;
}

const char *setup_missing(const struct variant *v)
{
	if (v->kind != RPMSG)
		return NULL;
	if (v->workers > 1 && !has_workers())
		return "VHOST_NEW_WORKER";
	if (v->batch && !has_batch_mode())
		return "batch mode";
	return NULL;
}

void setup_open(struct setup *s)
{
	unsigned int i;

	s->devs = xcalloc(s->num_devs, sizeof(*s->devs));
	s->links = xcalloc(s->num_links, sizeof(*s->links));
	s->buf = xcalloc(1, s->size);
	s->pattern = xcalloc(1, s->size);
	fill(s->pattern, s->size, s->size);
	memcpy(s->buf, s->pattern, s->size);
	batch_open(s);

	for (i = 0; has_guest(s->kind) && i < s->num_devs; i++)
		guest_dev_open(s, &s->devs[i], i);

	for (i = 0; i < s->num_links; i++) {
		unsigned int dev = s->num_devs ? i % s->num_devs : 0;
		struct link *l = &s->links[i];
		char name[32];

		l->dev = &s->devs[dev];
		l->addr = FIRST_PORT + i;
		l->peer_addr = FIRST_REMOTE + i;
		switch (s->kind) {
		case RPMSG:
			snprintf(name, sizeof(name), "bench%u", s->first + dev);
			open_rpmsg(l, name, s->v->batch);
			break;
		case VSOCK_STREAM:
			open_vsock(l, SOCK_STREAM);
			guest_connect(s, l->dev);
			finish_vsock(l);
			break;
		case VSOCK_SEQPACKET:
			open_vsock(l, SOCK_SEQPACKET);
			guest_connect(s, l->dev);
			finish_vsock(l);
			break;
		case UNIX_SEQPACKET:
			open_unix(l);
			break;
		default:
			open_pipe(l);
		}
	}
}

static void close_fd(int fd)
{
	if (fd > 0)
		close(fd);
}

void setup_close(struct setup *s)
{
	unsigned int i;

	/* Close the sockets first; otherwise they wait for an answer of the guest. */
	for (i = 0; has_guest(s->kind) && i < s->num_devs; i++)
		guest_close(&s->devs[i].g);
	for (i = 0; i < s->num_links; i++) {
		struct link *l = &s->links[i];

		close_fd(l->in);
		if (l->out != l->in)
			close_fd(l->out);
		close_fd(l->peer_in);
		if (l->peer_out != l->peer_in)
			close_fd(l->peer_out);
	}
	free(s->devs);
	free(s->links);
	free(s->buf);
	free(s->pattern);
	batch_close(s);
	s->links = NULL;
	s->devs = NULL;
}

/* A message consists of its number and the pattern. */
bool check_payload(struct setup *s, const uint8_t *data, uint64_t num)
{
	return !memcmp(data, &num, sizeof(num)) &&
	       !memcmp(data + sizeof(num), s->pattern + sizeof(num),
		       s->size - sizeof(num));
}

static void send_one(struct setup *s, struct link *l)
{
	size_t done = 0;
	ssize_t n;

	*(uint64_t *)s->buf = l->sent++;
	do {
		n = write(l->out, s->buf + done, s->size - done);
		if (n <= 0)
			die("%s: write: %s", kind_name[s->kind],
			    strerror(errno));
		done += n;
	} while (done < s->size);
}

static void recv_one(struct setup *s, struct link *l)
{
	uint64_t num = l->received++;
	size_t done = 0;
	ssize_t n;

	do {
		n = read(l->in, s->buf + done, s->size - done);
		if (n <= 0)
			die("%s: read: %s", kind_name[s->kind],
			    n ? strerror(errno) : "end of file");
		done += n;
	} while (done < s->size);

	if (*(uint64_t *)s->buf != num ||
	    (s->verify && !check_payload(s, s->buf, num)))
		s->errors++;
}

void host_send(struct setup *s, struct link *l, unsigned int n)
{
	if (s->v->batch)
		batch_send(s, l->out, &l->sent, n);
	else
		while (n--)
			send_one(s, l);
}

void host_recv(struct setup *s, struct link *l, unsigned int n)
{
	if (s->v->batch)
		batch_recv(s, l->in, &l->received, n);
	else
		while (n--)
			recv_one(s, l);
}
