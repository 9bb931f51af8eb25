// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process with permission for the ctrl node of a device creates an endpoint, and
 * passes it to another process, which needs no permissions to serve the guest.
 *
 * usage: handover DEVICE SERVICE SOCKET	(create it, pass it over the socket)
 *	  handover SOCKET			(receive it, send messages back)
 *
 * The endpoint exists as long as a process has its descriptor. So it is deleted when
 * the second process ends, for whatever reason.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vhostrpmsg.h>

static int make_endpoint(const char *dev, const char *service)
{
	struct vrpmsg_ept_config *cfg = vrpmsg_ept_config_new();
	int ctrl, fd;

	ctrl = vrpmsg_ctrl_open(dev);
	if (ctrl < 0)
		err(1, "%s: its ctrl node", dev);
	if (!cfg || vrpmsg_ept_config_set_name(cfg, service))
		err(1, "no memory");
	/* Answer the sender of the last message. */
	vrpmsg_ept_config_set_remote_mode(cfg, VRPMSG_REMOTE_MODE_FOLLOW);
	fd = vrpmsg_ctrl_new_ept(ctrl, cfg, true);
	if (fd < 0)
		err(1, "%s/%s", dev, service);
	vrpmsg_ept_config_free(cfg);
	close(ctrl);
	return fd;
}

static int unix_socket(const char *path, struct sockaddr_un *addr)
{
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(addr->sun_path))
		errx(1, "%s: the path is too long", path);
	memcpy(addr->sun_path, path, strlen(path) + 1);
	if (sock < 0)
		err(1, "socket");
	return sock;
}

/* A message with a descriptor needs at least one byte of data. */
static union {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
} control;
static char byte;
static struct iovec iov = { &byte, 1 };

static struct msghdr message(void)
{
	return (struct msghdr){
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
}

static void give(int fd, const char *path)
{
	struct msghdr msg = message();
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	struct sockaddr_un addr;
	int sock, peer;

	sock = unix_socket(path, &addr);
	unlink(path);
	if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(sock, 1))
		err(1, "%s", path);
	peer = accept(sock, NULL, NULL);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	if (peer < 0 || sendmsg(peer, &msg, MSG_NOSIGNAL) != 1)
		err(1, "%s", path);
	unlink(path);
}

static int get(const char *path)
{
	struct msghdr msg = message();
	struct sockaddr_un addr;
	struct cmsghdr *cmsg;
	int sock, fd;

	sock = unix_socket(path, &addr);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) ||
	    recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1)
		err(1, "%s", path);
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(fd)))
		errx(1, "%s: no descriptor came", path);
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	close(sock);
	return fd;
}

static void serve(int fd)
{
	struct vrpmsg_fd_info *info = vrpmsg_fd_info_get(fd);
	char buf[65535];
	ssize_t n;

	if (!info)
		err(1, "the descriptor is no endpoint");
	printf("serving %s/%s at %u\n", vrpmsg_fd_info_dev_name(info),
	       vrpmsg_fd_info_name(info), vrpmsg_fd_info_addr(info));
	fflush(stdout);
	vrpmsg_fd_info_free(info);
	while ((n = read(fd, buf, sizeof(buf))) >= 0)
		/*
		 * The guest may have been reset, have too small buffers, or have
		 * announced the service at the address of the name service.
		 */
		if (write(fd, buf, n) < 0 && errno != ENOTCONN &&
		    errno != EMSGSIZE && errno != EINVAL)
			err(1, "write");
	err(1, "read");
}

int main(int argc, char **argv)
{
	switch (argc) {
	case 4:
		give(make_endpoint(argv[1], argv[2]), argv[3]);
		return 0;
	case 2:
		serve(get(argv[1]));
		return 0;
	default:
		errx(1, "usage: handover DEVICE SERVICE SOCKET\n"
			"       handover SOCKET");
	}
}
