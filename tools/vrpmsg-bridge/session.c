// SPDX-License-Identifier: GPL-2.0-only
/*
 * The connection to a front end: assemble messages and their file descriptors,
 * have them handled, send replies.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bridge.h"

/*
 * Milliseconds for the first message. A connection keeps all other front ends out,
 * and a real one sends GET_FEATURES or SET_OWNER at once.
 */
#define HELLO_MS	10000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_fds(struct session *session)
{
	/* Most messages have none. */
	if (!session->num_fds && session->reply_fd < 0)
		return;
	alarm_start();
	while (session->num_fds)
		close_fd(&session->fds[--session->num_fds]);
	close_fd(&session->reply_fd);
	alarm_stop();
}

/* Send the payload as the reply; header.size is its length. */
static int send_reply(struct session *session)
{
	char control[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = {};
	struct iovec iov[] = {
		{ &session->header, sizeof(session->header) },
		{ &session->payload, session->header.size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };
	struct cmsghdr *cmsg;
	ssize_t ret;

	session->header.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	if (session->reply_fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &session->reply_fd, sizeof(int));
	}
	/* Replies are small: if one does not fit, the front end does not read. */
	ret = sendmsg(session->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* A front end may leave without waiting for a reply. */
	if (ret < 0)
		return errno == EPIPE ? -ECONNRESET : -errno;
	if ((size_t)ret != sizeof(session->header) + session->header.size)
		return -EAGAIN;
	return 0;
}

/* Take the file descriptors out of @msg. */
static int take_fds(struct session *session, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	bool too_many = msg->msg_flags & MSG_CTRUNC;
	unsigned int i, num;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		num = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < num; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd),
			       sizeof(fd));
			if (session->num_fds == VHOST_USER_MAX_FDS) {
				alarm_close(fd);
				too_many = true;
			} else {
				session->fds[session->num_fds++] = fd;
			}
		}
	}
	return too_many ? -EPROTO : 0;
}

/* recvmsg() closes the descriptors for which @msg has no room. */
static ssize_t receive(int sock, struct msghdr *msg)
{
	ssize_t ret;

	alarm_start();
	ret = recvmsg(sock, msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (ret < 0)
		ret = -errno;
	alarm_stop();
	return ret;
}

static int check_header(const struct vhost_user_header *header)
{
	if ((header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
	    header->flags & VHOST_USER_REPLY ||
	    header->size > sizeof(union vhost_user_payload))
		return -EPROTO;
	return 0;
}

/* What to do about an error, for the log. */
static const char *open_hint(int err, const struct config *config)
{
	if (err == -ENODEV && config->require_device)
		return " hint=\"vrpmsgctl dev add\"";
	if (err == -EPERM && vhost_denied(config))
		return " hint=\"the control group does not allow it\"";
	if (err == -EPERM && config->name)
		return " hint=\"the device has another owner\"";
	if (err == -EBUSY && config->name)
		return " hint=\"another VMM has the device\"";
	return "";
}

/*
 * Open the device at the first message, so that a mere connection does not occupy
 * it.
 */
static int open_device(struct session *session)
{
	const struct config *config = session->config;
	int err;

	if (session->vhost.fd >= 0)
		return 0;
	err = vhost_open(&session->vhost, config);
	if (err)
		log_err("event=open device=\"%s\" name=\"%s\" error=\"%s\"%s",
			config->device, config->name ? config->name : "",
			strerror(-err), open_hint(err, config));
	return err;
}

/* Handle a complete message. */
static int handle(struct session *session)
{
	int err = open_device(session);

	session->deadline = 0;
	session->have = 0;
	if (!err)
		err = protocol_handle(session);
	if (err > 0)
		err = send_reply(session);
	/* Otherwise session_free() closes them, which gives up the device first. */
	if (!err)
		close_fds(session);
	return err;
}

/*
 * Read what has arrived, and handle the message if it is complete. Returns 0, or an
 * error that ends the connection: -ECONNRESET if the front end has closed it,
 * -ETIMEDOUT if there was no message before the deadline.
 */
int session_receive(struct session *session)
{
	const size_t header_size = sizeof(session->header);
	char control[CMSG_SPACE(sizeof(int) * VHOST_USER_MAX_FDS)]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	struct iovec iov;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t ret;
	int err;

	if (!session_timeout(session))
		return -ETIMEDOUT;
	if (session->have < header_size) {
		iov.iov_base = (char *)&session->header + session->have;
		iov.iov_len = header_size - session->have;
	} else {
		iov.iov_base =
			(char *)&session->payload + session->have - header_size;
		iov.iov_len =
			header_size + session->header.size - session->have;
	}
	ret = receive(session->sock, &msg);
	if (ret < 0)
		return ret == -EAGAIN || ret == -EINTR ? 0 : ret;
	err = take_fds(session, &msg);
	if (err)
		return err;
	if (!ret)
		return session->have ? -EPROTO : -ECONNRESET;

	session->have += ret;
	if (session->have < header_size)
		return 0;
	if (session->have == header_size) {
		err = check_header(&session->header);
		if (err)
			return err;
		memset(&session->payload, 0, sizeof(session->payload));
	}
	if (session->have < header_size + session->header.size)
		return 0;
	return handle(session);
}

/* Timeout for poll(), after which session_receive() must be called. */
int session_timeout(const struct session *session)
{
	int64_t left;

	if (!session->deadline)
		return -1;
	left = session->deadline - now_ms();
	return left < 0 ? 0 : left;
}

/* Serve the front end on @sock, and take ownership of that. */
struct session *session_new(int sock, const struct config *config)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session) {
		alarm_close(sock);
		return NULL;
	}
	session->config = config;
	session->sock = sock;
	session->deadline = now_ms() + HELLO_MS;
	session->reply_fd = -1;
	vhost_init(&session->vhost);
	return session;
}

/* Detach from the device and close the connection. */
void session_free(struct session *session)
{
	log_info("event=disconnected messages=%llu refused=%llu",
		 session->messages, session->refused);
	/* The next VMM does not have to wait for what the front end has sent. */
	vhost_close(&session->vhost);
	close_fds(session);
	alarm_close(session->sock);
	free(session);
}
