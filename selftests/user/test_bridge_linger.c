// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge with descriptors whose close() waits: the last one of a TCP connection
 * with SO_LINGER and data that its peer does not read. Wherever the bridge closes such a
 * descriptor, also without having seen it, the next front end is served, and a signal
 * ends the bridge.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "front_end.h"

FIXTURE(linger)
{
	int peer;	/* never reads */
	int fd;		/* lingers */
	struct fe fe;
	pid_t pid;
};

/* Connect to a socket on this machine. */
static int connect_tcp(int *peer)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);

	if (bind(listener, (void *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (void *)&addr, &len) ||
	    connect(fd, (void *)&addr, len))
		die("TCP: %s", strerror(errno));
	*peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return fd;
}

FIXTURE_SETUP(linger)
{
	const struct linger linger = { .l_onoff = 1,
				       .l_linger = 5 * LONG_MS / 1000 };
	static const char data[65536];

	self->fd = connect_tcp(&self->peer);
	ASSERT_LE(0, self->peer);
	while (send(self->fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, setsockopt(self->fd, SOL_SOCKET, SO_LINGER, &linger,
				sizeof(linger)));
	unlink(LOG);
	fe_init(&self->fe);
}

FIXTURE_TEARDOWN(linger)
{
	/* This ends what still waits. */
	close(self->peer);
	fe_exit(&self->fe);
	kill(self->pid, SIGTERM);
	waitpid(self->pid, NULL, 0);
}

#define FE	(&self->fe)
#define START(...) (self->pid = SPAWN("--socket", SOCK, ##__VA_ARGS__))
/* The front end has the device. */
#define START_AND_OPEN()						\
	do {								\
		uint64_t __value;					\
									\
		START();						\
		ASSERT_EQ(0, fe_connect(FE));				\
		ASSERT_EQ(0, fe_get(FE, GET_FEATURES, &__value));	\
	} while (0)

/*
 * While the bridge does not run, send it @data with @num eventfds and then @fd. When it
 * continues, it has the last descriptor of that.
 */
static int send_last(struct fe *fe, const void *data, size_t len, int fd,
		     int num)
{
	char control[CMSG_SPACE(sizeof(int) * (MAX_FDS + 1))] = {};
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * (num + 1)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fds[MAX_FDS + 1], i, err;

	for (i = 0; i < num; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	fds[num] = fd;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (num + 1));
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * (num + 1));
	err = sendmsg(fe->sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
	for (i = 0; i <= num; i++)
		close(fds[i]);
	return err;
}

/* A message with a payload of zeroes. */
static int send_message(struct fe *fe, uint32_t request, uint32_t size, int fd,
			int num)
{
	const struct {
		struct header header;
		char payload[8];
	} message = { .header = { request, FLAG_VERSION, size } };

	return send_last(fe, &message, sizeof(struct header) + size, fd, num);
}

/* Stop and continue the bridge. */
static void freeze(pid_t pid)
{
	int status;

	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
}

static void thaw(pid_t pid)
{
	kill(pid, SIGCONT);
}

/* The bridge answers another front end soon: 0 or an error. */
static int served_soon(void)
{
	long long begin = now_ms();
	int err = fe_served();

	return now_ms() - begin < LONG_MS ? err : -ETIMEDOUT;
}

TEST_F(linger, in_a_message_that_ends_the_connection)
{
	START_AND_OPEN();
	freeze(self->pid);
	/* This message has no payload. */
	ASSERT_EQ(0,
		  send_message(FE, SET_LOG_FD, sizeof(uint64_t), self->fd, 0));
	thaw(self->pid);
	EXPECT_EQ(0, served_soon());
}

TEST_F(linger, in_place_of_an_eventfd)
{
	START_AND_OPEN();
	freeze(self->pid);
	ASSERT_EQ(0, send_message(FE, SET_VRING_CALL, sizeof(uint64_t),
				  self->fd, 0));
	thaw(self->pid);
	EXPECT_EQ(0, served_soon());
}

TEST_F(linger, in_a_message_with_too_many)
{
	START_AND_OPEN();
	freeze(self->pid);
	ASSERT_EQ(0, send_message(FE, SET_LOG_FD, 0, self->fd, MAX_FDS));
	thaw(self->pid);
	EXPECT_EQ(0, served_soon());
}

TEST_F(linger, in_the_second_piece_of_such_a_message)
{
	const struct header header = { SET_MEM_TABLE, FLAG_VERSION, 8 };

	START_AND_OPEN();
	freeze(self->pid);
	ASSERT_EQ(0, send_last(FE, &header, 4, eventfd(0, EFD_CLOEXEC),
			       MAX_FDS - 1));
	ASSERT_EQ(0, send_last(FE, (char *)&header + 4, sizeof(header) - 4,
			       self->fd, 0));
	thaw(self->pid);
	EXPECT_EQ(0, served_soon());
}

TEST_F(linger, from_a_user_who_may_not_connect)
{
	int err;

	START("--allow-uid", "1");
	ASSERT_TRUE(WAIT_FOR(logged("event=listening "), LONG_MS));
	freeze(self->pid);
	ASSERT_EQ(0, fe_connect(FE));
	ASSERT_EQ(0, send_message(FE, SET_LOG_FD, 0, self->fd, 0));
	fe_disconnect(FE);
	thaw(self->pid);
	err = served_soon();
	EXPECT_TRUE(err == -ECONNRESET || err == -EPIPE);
}

TEST_F(linger, in_a_message_that_is_not_read)
{
	START_AND_OPEN();
	freeze(self->pid);
	ASSERT_EQ(0, send_message(FE, SET_LOG_FD, 0, self->fd, 0));
	kill(self->pid, SIGTERM);
	thaw(self->pid);
	EXPECT_EQ(0, wait_exit(self->pid));
}

TEST_F(linger, in_a_connection_that_is_not_accepted)
{
	START();
	ASSERT_TRUE(WAIT_FOR(logged("event=listening "), LONG_MS));
	freeze(self->pid);
	ASSERT_EQ(0, fe_connect(FE));
	ASSERT_EQ(0, send_message(FE, SET_LOG_FD, 0, self->fd, 0));
	kill(self->pid, SIGTERM);
	thaw(self->pid);
	EXPECT_EQ(0, wait_exit(self->pid));
}

TEST_HARNESS_MAIN
