// SPDX-License-Identifier: GPL-2.0-only
/*
 * A service for any number of remotes: it answers each message with the number of
 * messages from that remote. Batch mode transfers many messages per system call.
 *
 * usage: addressed DEVICE SERVICE
 *
 * The device must exist. The program runs as root: it adds the endpoint, unless the device
 * has it already, and announces it to the guest.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vhostrpmsg.h>

#define MAX_REMOTES	64

/* Remotes of the present guest. A new guest starts with an empty list. */
static struct {
	uint32_t addr;
	unsigned int messages;
} remotes[MAX_REMOTES];
static size_t num_remotes;
static uint32_t generation;

static unsigned int count(const struct vrpmsg_rec *rec)
{
	size_t i;

	if (rec->generation != generation)
		num_remotes = 0;
	generation = rec->generation;
	for (i = 0; i < num_remotes; i++)
		if (remotes[i].addr == rec->addr)
			return ++remotes[i].messages;
	if (i == MAX_REMOTES)
		return 0;
	remotes[num_remotes++].addr = rec->addr;
	return remotes[i].messages = 1;
}

/* Write an answer for each record of @in to @out. Returns the size of the answers. */
static size_t answer(const char *in, size_t size, char *out, size_t room)
{
	size_t pos = 0, end = 0;
	struct vrpmsg_rec rec;
	char text[32];

	while (vrpmsg_rec_next(in, size, &pos, &rec) == 1) {
		rec.len =
			snprintf(text, sizeof(text), "message %u", count(&rec));
		rec.data = text;
		/* The answer keeps address and generation of the question. */
		if (vrpmsg_rec_put(out, room, &end, &rec))
			errx(1, "the buffer for answers is too small");
	}
	return end;
}

/*
 * Send all records, but skip those for a guest that was reset meanwhile, whose buffers
 * are too small, or that has sent from an address that none can have.
 */
static void send_all(int fd, const char *buf, size_t size)
{
	struct vrpmsg_rec rec;
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write(fd, buf + done, size - done);
		if (n >= 0)
			done += n;
		else if ((errno != ESTALE && errno != EMSGSIZE &&
			  errno != EINVAL) ||
			 vrpmsg_rec_next(buf, size, &done, &rec) != 1)
			err(1, "write");
	}
}

static int open_service(const char *dev, const char *name)
{
	struct vrpmsg_ept_config *cfg = vrpmsg_ept_config_new();
	struct vrpmsg_ctx *ctx = vrpmsg_ctx_open();
	struct vrpmsg_ept *ept;
	int fd;

	if (!ctx || !cfg || vrpmsg_ept_config_set_dev_name(cfg, dev) ||
	    vrpmsg_ept_config_set_name(cfg, name))
		err(1, "no memory, or no netlink");
	vrpmsg_ept_config_set_addressed(cfg, true);
	ept = vrpmsg_ept_find_or_add(ctx, cfg);
	if (!ept || vrpmsg_ept_announce(ctx, vrpmsg_ept_id(ept)))
		errx(1, "%s/%s: %s", dev, name, vrpmsg_ctx_errmsg(ctx));
	fd = vrpmsg_ept_open(vrpmsg_ept_id(ept), O_RDWR);
	if (fd < 0 || vrpmsg_fd_set_batch(fd, true))
		err(1, "%s/%s", dev, name);
	vrpmsg_ept_free(ept);
	vrpmsg_ept_config_free(cfg);
	vrpmsg_ctx_close(ctx);
	return fd;
}

int main(int argc, char **argv)
{
	/*
	 * The record of an empty message takes 16 bytes, and its answer at most 48. The
	 * longest record takes 65,552 bytes.
	 */
	static char in[1 << 17], out[sizeof(in) * 3];
	ssize_t n;
	int fd;

	if (argc != 3)
		errx(1, "usage: addressed DEVICE SERVICE");
	fd = open_service(argv[1], argv[2]);
	while ((n = read(fd, in, sizeof(in))) >= 0)
		send_all(fd, out, answer(in, n, out, sizeof(out)));
	err(1, "read");
}
