// SPDX-License-Identifier: GPL-2.0-only
/*
 * A front end's connection: messages come in pieces, with file descriptors
 * beside them, and replies go back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge.h"

static void close_fds(struct session *session)
{
	while (session->num_fds)
		close(session->fds[--session->num_fds]);
}

/* What most messages consist of, for the log. */
unsigned long long session_value(const struct session *session)
{
	if (session->header.size < sizeof(session->payload.u64))
		return 0;
	return session->payload.u64;
}

/* The reply is in the payload; header.size says how long it is. */
int session_reply(struct session *session)
{
	struct iovec iov[] = {
		{ &session->header, sizeof(session->header) },
		{ &session->payload, session->header.size },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = ARRAY_SIZE(iov) };
	ssize_t ret;

	log_debug("event=reply size=%u value=0x%llx", session->header.size,
		  session_value(session));
	session->header.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	/* Replies are small; one that does not fit has nobody to read it. */
	ret = sendmsg(session->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (ret < 0)
		return -errno;
	if ((size_t)ret != sizeof(session->header) + session->header.size)
		return -EAGAIN;
	return 0;
}

/* Take over the file descriptors in @msg. */
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
				close(fd);
				too_many = true;
			} else {
				session->fds[session->num_fds++] = fd;
			}
		}
	}
	return too_many ? -EPROTO : 0;
}

static int check_header(const struct vhost_user_header *header)
{
	if ((header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
	    header->flags & VHOST_USER_REPLY ||
	    header->size > sizeof(union vhost_user_payload))
		return -EPROTO;
	return 0;
}

/*
 * Read what is there, and handle the message when it is complete. Returns 0, or
 * an error that ends the connection: -ECONNRESET when the front end ended it.
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

	if (session->have < header_size) {
		iov.iov_base = (char *)&session->header + session->have;
		iov.iov_len = header_size - session->have;
	} else {
		iov.iov_base =
			(char *)&session->payload + session->have - header_size;
		iov.iov_len =
			header_size + session->header.size - session->have;
	}
	ret = recvmsg(session->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (ret < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
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
	session->have = 0;
	err = protocol_handle(session);
	close_fds(session);
	return err;
}

/* Serve the front end on @sock, which becomes the session's. */
struct session *session_new(int sock, const struct config *config)
{
	struct session *session;
	struct ucred peer = {};
	socklen_t len = sizeof(peer);
	int err;

	getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	log_info("event=connected pid=%d uid=%u", peer.pid, peer.uid);

	session = calloc(1, sizeof(*session));
	if (!session) {
		close(sock);
		return NULL;
	}
	session->config = config;
	session->sock = sock;
	err = vhost_open(&session->vhost, config);
	if (err) {
		log_err("event=open device=\"%s\" name=\"%s\" error=\"%s\"",
			config->device, config->name ? config->name : "",
			strerror(-err));
		close(sock);
		free(session);
		return NULL;
	}
	return session;
}

/* Detach from the device, and forget the front end. */
void session_free(struct session *session)
{
	log_info("event=disconnected messages=%llu refused=%llu",
		 session->messages, session->refused);
	close_fds(session);
	vhost_close(&session->vhost);
	close(session->sock);
	free(session);
}
