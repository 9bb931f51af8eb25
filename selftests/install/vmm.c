// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VMM with a guest for machines that have only the packages: it connects to a
 * bridge, announces a service, asks it something, and prints the answer.
 *
 * usage: vmm SOCKET SERVICE ADDR TEXT
 *
 * ADDR is the service's address on the host. Status 1: the bridge or the service
 * does not answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "front_end.h"

#define SERVICE_ADDR	700

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (sock < 0 || connect(sock, (void *)&addr, sizeof(addr)))
		die("vmm: %s", path);
	return sock;
}

int main(int argc, char **argv)
{
	struct guest_hdr hdr = {};
	char answer[512];
	struct fe fe;
	uint32_t addr;
	int len;

	if (argc != 5)
		die("usage: vmm SOCKET SERVICE ADDR TEXT");
	addr = strtoul(argv[3], NULL, 0);
	fe_init(&fe);
	fe.sock = connect_to(argv[1]);
	if (fe_handshake(&fe) || fe_start(&fe))
		die("vmm: the bridge refuses");
	if (guest_ns_send(&fe.g, argv[2], SERVICE_ADDR, 0) ||
	    guest_send(&fe.g, SERVICE_ADDR, addr, argv[4], strlen(argv[4])))
		die("vmm: nothing can be sent");
	/* Announcements come, too. */
	do {
		len = guest_recv_copy(&fe.g, &hdr, answer, sizeof(answer),
				      LONG_MS);
	} while (len >= 0 && hdr.src != addr);
	if (len < 0)
		die("vmm: no answer: %s", strerror(-len));
	printf("%.*s\n", len, answer);
	fe_exit(&fe);
	return 0;
}
