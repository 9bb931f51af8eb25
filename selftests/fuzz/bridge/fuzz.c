// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_bridge: a front end of vrpmsg-bridge that sends any messages, for libFuzzer.
 *
 * An input is a byte of options, followed by steps. A step is a message or a part of one,
 * with file descriptors. All of the bridge but main() runs; kernel.c replaces the kernel.
 * After each message the state of the kernel must be exactly what the front end requested.
 * After each input the bridge must hold no file descriptor and no mapping of the front end.
 *
 * With FUZZ_BRIDGE_LOG in the environment the bridge logs to standard error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../tools/vrpmsg-bridge/bridge.h"
#include "kernel.h"
#include "libfuzzer.h"

/* The first byte of an input. */
#define OPT_CONFIG	0x01	/* offer a configuration space */
#define OPT_NAME	0x02	/* attach to a device by name */
#define OPT_SMALL	0x04	/* small buffer for replies */

/* struct step.how */
#define HOW_NEED_REPLY	0x01
#define HOW_RAW		0x02	/* the data contains the header, or anything */
#define HOW_SPLIT	0x04	/* in two pieces, fds with the second */
#define HOW_UNREAD	0x08	/* replies stay unread for now */
#define HOW_SHRINK	0x10	/* truncate memory after that */

/**
 * struct step - what the front end does next, in an input
 * @request: number of the request
 * @how: HOW_*
 * @num_fds: number of file descriptors
 * @fail: a system call that will fail, and how: 4 bits each
 * @fds: kinds of file descriptors, 4 bits each
 * @len: bytes of data that follow
 */
struct step {
	uint8_t request;
	uint8_t how;
	uint8_t num_fds;
	uint8_t fail;
	uint32_t fds;
	uint16_t len;
} __attribute__((packed));

#define MAX_STEPS	160
#define MAX_DATA	2200
#define MAX_FDS		70

/* Files by kind; memory of these sizes comes first. */
#define NUM_KINDS	16
static int kinds[NUM_KINDS];
static const uint64_t memory_sizes[] = {
	0x1000, 0x10000, 0x100000, 0x3064, 1ULL << 40,
};

static struct listener listener;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static bool verbose;

/* The connection, and received data that is not a complete reply yet. */
static struct session *session;
static int front = -1;
static uint8_t replies[2 * sizeof(union vhost_user_payload)];
static size_t num_replies;

/* The timer is libFuzzer's, which ends inputs that hang. */
void alarm_start(void)
{
}

void alarm_stop(void)
{
}

void alarm_close(int fd)
{
	kernel_close(fd);
}

/* Replaces the bridge's function: formats each line, even if it is not shown. */
void log_line(enum log_level level, const char *fmt, ...)
{
	static char text[512];
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (verbose)
		fprintf(stderr, "%s\n", text);
}

static int must(int ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		exit(1);
	}
	return ret;
}

static void open_kinds(void)
{
	unsigned int i, n = 0;
	int fds[2];

	for (i = 0; i < ARRAY_SIZE(memory_sizes); i++)
		kinds[n++] = must(memfd_create("fuzz", MFD_CLOEXEC), "memfd");
	kinds[n++] = must(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
	kinds[n++] = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	must(pipe2(fds, O_CLOEXEC), "pipe");
	kinds[n++] = fds[0];
	kinds[n++] = fds[1];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
	     "socketpair");
	kinds[n++] = fds[0];
	kinds[n++] = must(epoll_create1(EPOLL_CLOEXEC), "epoll");
	kinds[n++] = must(open("/dev/zero", O_RDWR | O_CLOEXEC), "zero");
	kinds[n++] = must(open("/dev/null", O_RDWR | O_CLOEXEC), "null");
	kinds[n++] = must(open("/", O_RDONLY | O_CLOEXEC), "folder");
	kinds[n++] = must(open("/", O_PATH | O_CLOEXEC), "path");
	kinds[n++] = must(open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
			  "a file to read");
	if (n != NUM_KINDS)
		abort();
}

static void set_memory_sizes(bool shrink)
{
	static bool is_shrunk = true;
	unsigned int i;

	if (shrink == is_shrunk)
		return;
	is_shrunk = shrink;
	for (i = 0; i < ARRAY_SIZE(memory_sizes); i++)
		must(ftruncate(kinds[i], shrink ? 0 : memory_sizes[i]),
		     "ftruncate");
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void remove_socket(void)
{
	listener_close(&listener);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int err;

	(void)argc;
	(void)argv;
	verbose = getenv("FUZZ_BRIDGE_LOG");
	open_kinds();
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/tmp/fuzz_bridge.%d", getpid());
	err = listener_open(&listener, address.sun_path);
	if (err) {
		fprintf(stderr, "%s: %s\n", address.sun_path, strerror(-err));
		exit(1);
	}
	atexit(remove_socket);
	return 0;
}

/* Check that each reply is valid and belongs to a possible request. */
static void check_replies(void)
{
	struct vhost_user_header header;
	size_t size;

	while (num_replies >= sizeof(header)) {
		memcpy(&header, replies, sizeof(header));
		if (header.flags != (VHOST_USER_VERSION | VHOST_USER_REPLY) ||
		    header.size > sizeof(union vhost_user_payload))
			broken("the header of a reply is wrong");
		size = sizeof(header) + header.size;
		if (num_replies < size)
			return;
		num_replies -= size;
		memmove(replies, replies + size, num_replies);
	}
}

static void read_replies(void)
{
	ssize_t ret;

	while ((ret = recv(front, replies + num_replies,
			   sizeof(replies) - num_replies, MSG_DONTWAIT)) > 0) {
		num_replies += ret;
		check_replies();
	}
}

static void disconnect(void)
{
	if (session)
		session_free(session);
	session = NULL;
	if (front >= 0) {
		read_replies();
		close(front);
	}
	front = -1;
	num_replies = 0;
}

static void connect_front_end(const struct config *config, uint8_t options)
{
	int one = 1, sock;

	front = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(connect(front, (void *)&address, sizeof(address)), "connect");
	sock = must(accept4(listener.fd, NULL, NULL,
			    SOCK_CLOEXEC | SOCK_NONBLOCK),
		    "accept");
	if (options & OPT_SMALL)
		setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one));
	session = session_new(sock, config);
	if (!session)
		disconnect();
}

/* Serve as long as there is data, like the main loop of the bridge. */
static void serve(void)
{
	struct pollfd pfd = { .events = POLLIN };

	while (session) {
		pfd.fd = session->sock;
		if (poll(&pfd, 1, 0) != 1)
			return;
		if (session_receive(session)) {
			session_free(session);
			session = NULL;
		} else if (session->vhost.fd >= 0) {
			kernel_check_wanted(&session->vhost);
		}
	}
}

static void send_piece(const void *data, size_t len, const int *fds,
		       unsigned int num_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control = {};
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (num_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(num_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(num_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, num_fds * sizeof(int));
	}
	/* The bridge may have ended the connection. */
	if (len)
		sendmsg(front, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	serve();
}

static void do_step(const struct step *step, const uint8_t *data)
{
	uint8_t bytes[sizeof(struct vhost_user_header) + MAX_DATA];
	struct vhost_user_header header = {
		.request = step->request,
		.flags = VHOST_USER_VERSION,
		.size = step->len,
	};
	unsigned int i, num_fds = step->num_fds % (MAX_FDS + 1);
	size_t len = 0, first;
	int fds[MAX_FDS];

	if (!(step->how & HOW_RAW)) {
		if (step->how & HOW_NEED_REPLY)
			header.flags |= VHOST_USER_NEED_REPLY;
		memcpy(bytes, &header, sizeof(header));
		len = sizeof(header);
	}
	memcpy(bytes + len, data, step->len);
	len += step->len;
	for (i = 0; i < num_fds; i++)
		fds[i] = kinds[step->fds >> (4 * (i % 8)) & 15];

	kernel_fail(step->fail & 15, step->fail >> 4);
	if (step->how & HOW_SPLIT) {
		first = len / 2;
		send_piece(bytes, first, NULL, 0);
		send_piece(bytes + first, len - first, fds, num_fds);
	} else {
		send_piece(bytes, len, fds, num_fds);
	}
	kernel_fail(0, 0);
	if (!(step->how & HOW_UNREAD))
		read_replies();
	if (step->how & HOW_SHRINK)
		set_memory_sizes(true);
}

/* Parse the step at @offset; returns the offset of the next one, 0: none. */
static size_t parse_step(const uint8_t *data, size_t size, size_t offset,
			 struct step *step)
{
	if (size - offset < sizeof(*step))
		return 0;
	memcpy(step, data + offset, sizeof(*step));
	offset += sizeof(*step);
	if (step->len > MAX_DATA)
		step->len = MAX_DATA;
	if (step->len > size - offset)
		step->len = size - offset;
	return offset + step->len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = { .device = KERNEL_DEVICE, .workers = 1 };
	unsigned int i, before = count_fds();
	size_t offset = 1, next;
	struct step step;

	if (!size)
		return 0;
	config.offer_config = data[0] & OPT_CONFIG;
	config.name = data[0] & OPT_NAME ? "fuzz" : NULL;
	set_memory_sizes(false);

	for (i = 0; i < MAX_STEPS; i++, offset = next) {
		next = parse_step(data, size, offset, &step);
		if (!next)
			break;
		if (!session) {
			disconnect();
			connect_front_end(&config, data[0]);
		}
		if (session)
			do_step(&step, data + next - step.len);
	}
	disconnect();

	kernel_check_idle();
	if (count_fds() != before)
		broken("a file descriptor is left");
	return 0;
}

/* Mutations keep steps complete; otherwise few inputs would have a second message. */

static unsigned int find_steps(const uint8_t *data, size_t size,
			       size_t *offsets)
{
	size_t offset = 1, next;
	unsigned int n = 0;
	struct step step;

	while (n < MAX_STEPS && size &&
	       (next = parse_step(data, size, offset, &step))) {
		offsets[n++] = offset;
		offset = next;
	}
	offsets[n] = offset;
	return n;
}

/* Change the data of the step at @offset, which ends at @end. */
static size_t mutate_data(uint8_t *data, size_t size, size_t max_size,
			  size_t offset, size_t end)
{
	uint8_t buf[MAX_DATA];
	size_t start = offset + sizeof(struct step);
	size_t room = max_size - size + (end - start), len = end - start;
	struct step step;

	if (room > MAX_DATA)
		room = MAX_DATA;
	if (!room)
		return size;
	memcpy(buf, data + start, len);
	/* Most messages have only one valid size. */
	if (len && rand() % 8)
		room = len;
	len = LLVMFuzzerMutate(buf, len, room);
	memmove(data + start + len, data + end, size - end);
	memcpy(data + start, buf, len);
	memcpy(&step, data + offset, sizeof(step));
	step.len = len;
	memcpy(data + offset, &step, sizeof(step));
	return size - (end - start) + len;
}

static void mutate_head(uint8_t *data)
{
	struct step step;

	memcpy(&step, data, sizeof(step));
	switch (rand() % 6) {
	case 0:
		step.request = rand() % 48;
		break;
	case 1:
		step.how ^= 1 << rand() % 5;
		break;
	case 2:
		step.num_fds = rand() % (MAX_FDS + 1);
		break;
	case 3:
		step.fail = rand();
		break;
	case 4:
		step.fail = 0;
		break;
	default:
		step.fds ^= (uint32_t)(rand() % 16) << (4 * (rand() % 8));
		break;
	}
	memcpy(data, &step, sizeof(step));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	size_t offsets[MAX_STEPS + 1], len;
	unsigned int n, i, to;
	uint8_t copy[sizeof(struct step) + MAX_DATA];

	srand(seed);
	n = find_steps(data, size, offsets);
	if (!n || rand() % 32 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	i = rand() % n;
	len = offsets[i + 1] - offsets[i];
	size = offsets[n];
	switch (rand() % 8) {
	case 0:
		data[0] ^= 1 << rand() % 3;
		return size;
	case 1:
		memmove(data + offsets[i], data + offsets[i + 1],
			size - offsets[i + 1]);
		return size - len;
	case 2:
		if (size + len > max_size)
			return size;
		memcpy(copy, data + offsets[i], len);
		to = rand() % (n + 1);
		memmove(data + offsets[to] + len, data + offsets[to],
			size - offsets[to]);
		memcpy(data + offsets[to], copy, len);
		return size + len;
	case 3:
	case 4:
		mutate_head(data + offsets[i]);
		return size;
	default:
		return mutate_data(data, size, max_size, offsets[i],
				   offsets[i + 1]);
	}
}

/* The first steps of one input, and the last ones of another. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size,
				 const uint8_t *b, size_t b_size, uint8_t *out,
				 size_t max_size, unsigned int seed)
{
	size_t a_offsets[MAX_STEPS + 1], b_offsets[MAX_STEPS + 1];
	size_t head, from, tail;
	unsigned int n;

	srand(seed);
	n = find_steps(a, a_size, a_offsets);
	if (!n)
		return 0;
	head = a_offsets[1 + rand() % n];
	n = find_steps(b, b_size, b_offsets);
	from = b_offsets[rand() % (n + 1)];
	tail = b_offsets[n] - from;
	if (head > max_size)
		return 0;
	if (tail > max_size - head)
		tail = max_size - head;
	memcpy(out, a, head);
	memcpy(out + head, b + from, tail);
	return head + tail;
}
