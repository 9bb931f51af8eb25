// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrpmsg-bridge as a process: options, exit status, sockets, systemd.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "kselftest_harness.h"

#include "bridge_fixture.h"

/*
 * Start a bridge to which something happens, see preload/hostile.c. It is not the one of
 * PATH, which may have AddressSanitizer: that refuses to run behind another library.
 */
static pid_t spawn_hostile(const char *what, char **argv)
{
	const char *build = getenv("VRPMSG_BUILD") ?: "build";
	char so[256], bridge[256];
	pid_t pid;

	snprintf(so, sizeof(so), "%s/user/selftests/hostile.so", build);
	snprintf(bridge, sizeof(bridge), "%s/user/bin/vrpmsg-bridge", build);
	argv[0] = bridge;
	setenv("LD_PRELOAD", so, 1);
	setenv("HOSTILE", what, 1);
	pid = spawn(-1, argv);
	unsetenv("LD_PRELOAD");
	unsetenv("HOSTILE");
	return pid;
}

#define SPAWN_HOSTILE(what, ...)	\
	spawn_hostile(what, (char *[]){ NULL, __VA_ARGS__, NULL })

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
	/* Its socket remains, and is replaced. */
	EXPECT_EQ(0, access(SOCK, F_OK));
	self->pid = SPAWN("-v", "-s", SOCK, "-n", DEV);
	for (q = 0; q < 2; q++)
		FE->base[q] = G->ring[q].vring.used->idx;
	ASSERT_EQ(0, fe_open(FE));
	/* The guest continues, and receives nothing twice. */
	EXPECT_EQ(0, talk(G, self->fd));
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
	/* The front end of the fixture and this one. */
	EXPECT_EQ(2,
		  logged("event=message request=SET_MEM_TABLE size=40 fds=1 "));
	EXPECT_EQ(2, logged(" level=info event=started guest=new\n"));
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
	/* A front end that sends nothing does not take the device from another one. */
	ASSERT_EQ(0, fe_connect(FE));
	EXPECT_EQ(0, poll_fd(FE->sock, POLLIN, SHORT_MS));
	ASSERT_EQ(0, fe_send(FE, GET_FEATURES, FLAG_VERSION, NULL, 0, NULL, 0));
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

/* The front end fills the eventfd when the bridge is about to signal it. */
TEST_F(bridge, eventfd_that_is_filled_meanwhile)
{
	int call = eventfd(0, EFD_CLOEXEC);
	uint64_t value;

	fe_disconnect(FE);
	kill(self->pid, SIGTERM);
	ASSERT_EQ(0, wait_exit(self->pid));
	self->pid = SPAWN_HOSTILE("fill", "-v", "-s", SOCK, "-n", DEV);
	ASSERT_EQ(0, fe_open(FE));
	EXPECT_EQ(0, fe_file(FE, SET_VRING_CALL, 0, call));
	EXPECT_EQ(0, fe_get(FE, GET_FEATURES, &value));
	EXPECT_EQ(1, logged("event=signal error=\"Interrupted"));
	close(call);
	fe_disconnect(FE);
}

/* Without a front end */

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

TEST(exit_status)
{
	EXPECT_EQ(0, RUN("--help"));
	EXPECT_EQ(0, RUN("--version"));
	EXPECT_EQ(1, RUN("--nonsense"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "argument"));
	EXPECT_EQ(1, RUN("--name", DEV));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", ""));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", "a/b"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", "a b"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", "-a"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name", "vhost7"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--name",
			 "0123456789abcdef0123456789abcdef"));
	EXPECT_EQ(2, RUN("--socket", SOCK, "--device", "/nonexistent"));
	EXPECT_EQ(2, RUN("--socket", "/nonexistent/socket"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--fd", "0"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--require-device"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--allow-uid", "root"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--allow-uid", "-1"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--busy-poll", "10001"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--workers", "0"));
	EXPECT_EQ(1, RUN("--socket", SOCK, "--workers", "3"));
	EXPECT_EQ(1, RUN("--fd", "3x"));
	EXPECT_EQ(2, RUN("--fd", "0"));
	EXPECT_EQ(2, RUN("--fd", "1000"));
}

TEST(errors_say_what_is_missing)
{
	unlink(LOG);
	EXPECT_EQ(2, RUN("--socket", SOCK, "--device", "/nonexistent"));
	EXPECT_EQ(1, logged("is the module vhost_rpmsg loaded?"));
	EXPECT_EQ(2, RUN("--socket", "/nonexistent/folder/socket"));
	EXPECT_EQ(1, logged("no directory /nonexistent/folder\""));
}

/* The journal only reads the stream of JOURNAL_STREAM, which all children inherit. */
TEST(lines_for_the_journal)
{
	char text[64];
	struct stat st;

	unlink(LOG);
	setenv("JOURNAL_STREAM", "1:2", 1);
	EXPECT_EQ(2, RUN("--socket", SOCK, "--device", "/nonexistent"));
	EXPECT_EQ(1, logged("vrpmsg-bridge: level=error event=open"));
	EXPECT_EQ(0, logged("<3>"));
	ASSERT_EQ(0, stat(LOG, &st));
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	EXPECT_EQ(2, RUN("--socket", SOCK, "--device", "/nonexistent"));
	EXPECT_EQ(1, logged("<3>level=error event=open"));
	unsetenv("JOURNAL_STREAM");
}

/* According to the specification all other options are ignored. */
TEST(capabilities)
{
	unlink(LOG);
	EXPECT_EQ(0, RUN("--nonsense", "--print-capabilities", "argument"));
	EXPECT_EQ(1, logged("{\n  \"type\": \"rpmsg\"\n}\n"));
}

TEST(output_that_cannot_be_written)
{
	static const char *const options[] = { "--help", "--version",
					       "--print-capabilities" };
	char command[64], *const argv[] = { "sh", "-c", command, NULL };
	int i;

	for (i = 0; i < 3; i++) {
		unlink(LOG);
		snprintf(command, sizeof(command),
			 "exec vrpmsg-bridge %s >/dev/full", options[i]);
		EXPECT_EQ(2, wait_exit(spawn(-1, argv)));
		EXPECT_EQ(1, logged("stdout: No space left"));
	}
}

static pid_t spawn_with_fd(int fd)
{
	char number[16];

	fcntl(fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fd);
	return SPAWN("--fd", number, "--name", DEV);
}

/* Start a bridge for this front end only. */
static pid_t spawn_connected(struct fe *fe)
{
	int socks[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		die("socketpair: %s", strerror(errno));
	pid = spawn_with_fd(socks[1]);
	close(socks[1]);
	fe_init(fe);
	fe->sock = socks[0];
	return pid;
}

/* Some programs pass a connected socket. */
TEST(connected_socket)
{
	uint64_t value;
	struct fe fe;
	pid_t pid;

	pid = spawn_connected(&fe);
	ASSERT_EQ(0, fe_handshake(&fe));
	EXPECT_EQ(0, fe_get(&fe, GET_FEATURES, &value));
	fe_exit(&fe);
	EXPECT_EQ(0, wait_exit(pid));
}

/* It is not a failure of the bridge if nobody waits for its reply. */
TEST(connected_socket_of_an_impatient_front_end)
{
	struct fe fe;
	int status;
	pid_t pid;

	pid = spawn_connected(&fe);
	ASSERT_EQ(0, fe_handshake(&fe));
	kill(pid, SIGSTOP);
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	EXPECT_EQ(0, fe_send(&fe, GET_FEATURES, 1, NULL, 0, NULL, 0));
	fe_exit(&fe);
	kill(pid, SIGCONT);
	EXPECT_EQ(0, wait_exit(pid));
}

/* Connections, and starts and stops of rings, are as many as the front end wants. */
TEST(log_that_is_flooded)
{
	pid_t pid;
	int i, fd;

	unlink(LOG);
	pid = SPAWN("--socket", SOCK, "--name", DEV);
	for (i = 0; i < 300; i++) {
		struct sockaddr_un addr = { AF_UNIX, SOCK };

		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ASSERT_TRUE(WAIT_FOR(!connect(fd, (void *)&addr, sizeof(addr)),
				     LONG_MS));
		close(fd);
	}
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_LE(50, logged("event=connected"));
	EXPECT_GT(200, logged("event=connected"));
}

/* The bridge does not end for want of a file, but waits for one. */
TEST(no_descriptor_for_a_connection)
{
	struct rlimit few = { IDLE_FDS, RLIM_INFINITY }, many;
	uint64_t value;
	struct fe fe;
	pid_t pid;

	unlink(LOG);
	pid = SPAWN("--socket", SOCK, "--name", DEV);
	ASSERT_TRUE(WAIT_FOR(logged("event=listening "), LONG_MS));
	ASSERT_EQ(IDLE_FDS, count_fds(pid));
	ASSERT_EQ(0, prlimit(pid, RLIMIT_NOFILE, NULL, &many));
	few.rlim_max = many.rlim_max;
	ASSERT_EQ(0, prlimit(pid, RLIMIT_NOFILE, &few, NULL));
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_TRUE(WAIT_FOR(logged("event=accept "), LONG_MS));
	ASSERT_EQ(0, prlimit(pid, RLIMIT_NOFILE, &many, NULL));
	EXPECT_EQ(0, fe_get(&fe, GET_FEATURES, &value));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

/* Whoever has started it sees that it could not serve. */
TEST(connected_socket_of_a_bad_front_end)
{
	struct fe fe;
	pid_t pid;

	pid = spawn_connected(&fe);
	/* No version. */
	ASSERT_EQ(0, fe_send(&fe, GET_FEATURES, 0, NULL, 0, NULL, 0));
	EXPECT_EQ(2, wait_exit(pid));
	fe_exit(&fe);
}

/* The log does not go to the front end. */
TEST(closed_standard_descriptors)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		execlp("vrpmsg-bridge", "vrpmsg-bridge", "--socket", SOCK,
		       NULL);
		_exit(127);
	}
	EXPECT_EQ(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

TEST(version_without_standard_output)
{
	pid_t pid = fork();

	if (!pid) {
		close(STDOUT_FILENO);
		execlp("vrpmsg-bridge", "vrpmsg-bridge", "--version", NULL);
		_exit(127);
	}
	EXPECT_EQ(2, wait_exit(pid));
}

TEST(inherited_listening_socket)
{
	int sock = bound(SOCK_STREAM, SOCK);
	pid_t pid;
	int i;

	ASSERT_EQ(0, listen(sock, 1));
	pid = spawn_with_fd(sock);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(0, unlink(SOCK));
	close(sock);
}

TEST(users_that_may_connect)
{
	struct fe fe;
	pid_t pid;
	char c;

	unlink(LOG);
	pid = SPAWN("--socket-path", SOCK, "--allow-uid", "1");
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_EQ(-ECONNRESET, fe_read(&fe, &c, 1));
	EXPECT_TRUE(logged("event=denied "));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));

	pid = SPAWN("--socket-path", SOCK, "--allow-uid", "1", "--allow-uid",
		    "0");
	EXPECT_EQ(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

/* A front end that only connects does not lock others out for ever. */
TEST(front_end_that_says_nothing)
{
	struct fe idle, fe;
	uint64_t value;
	pid_t pid;

	pid = SPAWN("--socket", SOCK);
	fe_init(&idle);
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&idle));
	/* This is not even a whole header. */
	ASSERT_EQ(1, write(idle.sock, (char[1]){ GET_FEATURES }, 1));
	ASSERT_EQ(0, fe_connect(&fe));
	ASSERT_EQ(0,
		  fe_send(&fe, GET_FEATURES, FLAG_VERSION, NULL, 0, NULL, 0));
	EXPECT_EQ(POLLIN, poll_fd(fe.sock, POLLIN, 20000) & POLLIN);
	EXPECT_EQ(0, fe_reply(&fe, GET_FEATURES, &value, sizeof(value)));
	fe_exit(&idle);
	/* This front end has sent a message, and has no time limit. */
	EXPECT_EQ(0, poll_fd(fe.sock, POLLIN, 12000));
	EXPECT_EQ(0, poll_fd(fe.sock, POLLIN, 0));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

/* If the kernel does not support them, the bridge logs that and continues. */
TEST(busy_polling_and_workers)
{
	struct fe fe;
	pid_t pid;
	int ept, fd;

	unlink(LOG);
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ept = nl_ept_new(EPT_REQ(.dev = DEV, .addr = ADDR, .remote = REMOTE));
	ASSERT_GE(ept, 0);
	fd = ept_open(ept, O_NONBLOCK);
	pid = SPAWN("--socket", SOCK, "--name", DEV, "--busy-poll", "50",
		    "--workers", "2");
	fe_init(&fe);
	ASSERT_EQ(0, fe_open(&fe));
	EXPECT_EQ(0, talk(&fe.g, fd));
	EXPECT_GE(1, logged("event=workers "));
	EXPECT_GE(1, logged("event=busy-poll "));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	close(fd);
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* See preload/hostile.c. */
#define GO	"/run/vrpmsg-bridge.go"
#define WAITS	"/run/vrpmsg-bridge.waits"

static void no_go(void)
{
	unlink(GO);
	unlink(WAITS);
}

static void go(void)
{
	int fd = open(GO, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		die(GO);
	close(fd);
}

/* For a bridge that starts, a socket that does not listen yet is not a stale one. */
TEST(two_bridges_start_at_one_path)
{
	pid_t pid;

	unlink(SOCK);
	unlink(LOG);
	no_go();
	pid = SPAWN_HOSTILE("bind", "-s", SOCK);
	ASSERT_TRUE(WAIT_FOR(!access(WAITS, F_OK), LONG_MS));
	EXPECT_EQ(2, RUN("--socket", SOCK));
	EXPECT_EQ(1, logged("event=listen "));
	go();
	EXPECT_TRUE(WAIT_FOR(logged("event=listening "), LONG_MS));
	/* The lock is gone. */
	EXPECT_EQ(-1, access(SOCK ".lock", F_OK));
	EXPECT_EQ(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(-1, access(SOCK, F_OK));
}

/* A bridge that ends does not remove the socket of the next one. */
TEST(one_bridge_ends_while_another_starts)
{
	pid_t pid;

	unlink(LOG);
	go();
	pid = SPAWN_HOSTILE("exit", "-s", SOCK);
	ASSERT_TRUE(WAIT_FOR(logged("event=listening "), LONG_MS));
	no_go();
	kill(pid, SIGTERM);
	ASSERT_TRUE(WAIT_FOR(!access(WAITS, F_OK), LONG_MS));
	EXPECT_EQ(2, RUN("--socket", SOCK));
	go();
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(-1, access(SOCK, F_OK));
}

/* A lock that a killed bridge has left does not matter. */
TEST(lock_of_a_killed_bridge)
{
	pid_t pid;
	int fd;

	fd = open(SOCK ".lock", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	unlink(LOG);
	pid = SPAWN("--socket", SOCK);
	EXPECT_TRUE(WAIT_FOR(logged("event=listening "), LONG_MS));
	EXPECT_EQ(-1, access(SOCK ".lock", F_OK));
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

TEST(no_memory_for_a_front_end)
{
	uint64_t value;
	struct fe fe;
	pid_t pid;

	unlink(LOG);
	pid = SPAWN_HOSTILE("nomem", "-s", SOCK);
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_GT(0, fe_get(&fe, GET_FEATURES, &value));
	EXPECT_TRUE(WAIT_FOR(logged("event=dropped error=\"Cannot allocate"),
			     LONG_MS));
	fe_exit(&fe);
	EXPECT_EQ(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

/* The reader of the log has stopped reading, like a pager. */
TEST(log_that_is_not_read)
{
	char *const argv[] = { "sh", "-c",
			       "exec vrpmsg-bridge -v -s " SOCK " 2>&9", NULL };
	int pipes[2], i, err = 0;
	uint64_t value;
	struct fe fe;
	pid_t pid;

	ASSERT_EQ(0, pipe2(pipes, O_CLOEXEC | O_NONBLOCK));
	ASSERT_EQ(9, dup2(pipes[1], 9));
	fcntl(9, F_SETFL, 0);
	pid = spawn(-1, argv);
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	/* More lines than fit into a pipe. */
	for (i = 0; i < 500 && !err; i++)
		err = fe_get(&fe, GET_FEATURES, &value);
	EXPECT_EQ(0, err);
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	close(9);
	close(pipes[0]);
	close(pipes[1]);
}

/* Front ends that come and go fill the log, but do not hide its last line. */
TEST(log_that_is_full_has_the_end)
{
	pid_t pid;
	int i;

	unlink(LOG);
	pid = SPAWN("--socket", SOCK, "--device", "/dev/null");
	ASSERT_TRUE(WAIT_FOR(!access(SOCK, F_OK), LONG_MS));
	/* Several lines each. */
	for (i = 0; i < 60; i++)
		ASSERT_NE(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(1, logged("event=suppressed lines="));
	EXPECT_EQ(1, logged("event=exit\n"));
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
	/* The bridge does not remove a file that has replaced its socket. */
	unlink(SOCK);
	fd = open(SOCK, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(0, unlink(SOCK));
}

TEST(event_idx_is_withheld_on_request)
{
	uint64_t features;
	struct fe fe;
	pid_t pid;

	pid = SPAWN("--socket", SOCK, "--no-event-idx");
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	ASSERT_EQ(0, fe_get(&fe, GET_FEATURES, &features));
	EXPECT_EQ(0, features & GUEST_EVENT_IDX);
	EXPECT_EQ(GUEST_FEATURES, features & GUEST_FEATURES);
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
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
	/* The size in the header and the real size differ. */
	EXPECT_GT(0, fe_ask(&fe, GET_CONFIG, &config, head + 4, head + 4));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
}

/* A VMM that connects too early does not get a device without endpoints. */
TEST(device_must_be_persistent)
{
	struct nl_dev dev;
	uint64_t value;
	struct fe fe;
	pid_t pid;

	unlink(LOG);
	nl_dev_del(DEV);
	pid = SPAWN("--socket", SOCK, "--name", DEV, "--require-device");
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_GT(0, fe_get(&fe, GET_FEATURES, &value));
	EXPECT_EQ(-ENODEV, nl_dev_get(DEV, &dev));
	EXPECT_TRUE(logged("No such device\" hint=\"vrpmsgctl dev add\""));
	fe_disconnect(&fe);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_EQ(0, fe_get(&fe, GET_FEATURES, &value));
	fe_exit(&fe);
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* The module was loaded again, and systemd allows the former number of its file. */
TEST(device_file_that_is_denied)
{
	uint64_t value;
	struct fe fe;
	pid_t pid;

	unlink(LOG);
	pid = SPAWN_HOSTILE("deny", "-s", SOCK, "-n", DEV);
	fe_init(&fe);
	ASSERT_EQ(0, fe_connect(&fe));
	EXPECT_GT(0, fe_get(&fe, GET_FEATURES, &value));
	EXPECT_EQ(2, wait_exit(pid));
	EXPECT_EQ(1, logged("not permitted\" hint=\"the control group "));
	fe_exit(&fe);
}

TEST(device_of_another_owner)
{
	char number[16], *const argv[] = {
		"setpriv", "--reuid=65534", "--clear-groups", "vrpmsg-bridge",
		"--fd",	   number,	    "--name",	      DEV,
		NULL
	};
	uint64_t value;
	int socks[2];
	struct fe fe;
	pid_t pid;

	unlink(LOG);
	nl_dev_del(DEV);
	ASSERT_GT(nl_dev_new(DEV), 0);
	ASSERT_EQ(0, chmod("/dev/vhost-rpmsg", 0666));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks));
	fcntl(socks[1], F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", socks[1]);
	pid = spawn(-1, argv);
	close(socks[1]);
	fe_init(&fe);
	fe.sock = socks[0];
	EXPECT_GT(0, fe_get(&fe, GET_FEATURES, &value));
	EXPECT_EQ(2, wait_exit(pid));
	EXPECT_EQ(1, logged("not permitted\" hint=\"the device has another"));
	fe_exit(&fe);
	EXPECT_EQ(0, chmod("/dev/vhost-rpmsg", 0600));
	EXPECT_EQ(0, nl_dev_del(DEV));
}

/* The bridge has its own device, which ends with the front end. */
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

TEST(socket_from_systemd)
{
	char *const argv[] = { "vrpmsg-bridge", NULL };
	char *const both[] = { "vrpmsg-bridge", "--socket", SOCK, NULL };
	char *const other[] = { "vrpmsg-bridge", "--socket", "/run/x", NULL };
	const char *notify_path = "/run/vrpmsg-bridge.notify";
	int sock = bound(SOCK_STREAM, SOCK);
	int notify = bound(SOCK_DGRAM, notify_path);
	char buf[64] = {};
	pid_t pid;

	/* A descriptor that is not a listening socket, or not at this path. */
	EXPECT_EQ(2, wait_exit(spawn(sock, argv)));
	ASSERT_EQ(0, listen(sock, 1));
	EXPECT_EQ(1, wait_exit(spawn(sock, other)));
	/* More sockets than it can use. */
	setenv("LISTEN_FDS", "2", 1);
	EXPECT_EQ(2, wait_exit(spawn(sock, argv)));
	unsetenv("LISTEN_FDS");

	setenv("NOTIFY_SOCKET", notify_path, 1);
	/* --socket-path is allowed as well, since the unit is the same without a socket unit. */
	pid = spawn(sock, both);
	ASSERT_EQ(POLLIN, poll_fd(notify, POLLIN, LONG_MS));
	ASSERT_LT(0, recv(notify, buf, sizeof(buf) - 1, 0));
	EXPECT_STREQ("READY=1", buf);

	EXPECT_EQ(0, fe_served());
	kill(pid, SIGTERM);
	EXPECT_EQ(0, wait_exit(pid));
	/* The bridge does not remove the socket of systemd. */
	EXPECT_EQ(0, unlink(SOCK));
	unlink(notify_path);
	close(sock);
	close(notify);
}

TEST_HARNESS_MAIN
