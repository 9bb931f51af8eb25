// SPDX-License-Identifier: GPL-2.0-only
/* Many messages per system call: batch mode, and its equivalent for sockets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "util.h"

/* The prefix of each message in batch mode, and its total size. */
#define RECORD		16U
#define ALIGN8(n)	(((n) + 7) & ~7UL)

struct batch {
	/* Messages to send, and a buffer for received ones. */
	uint8_t *out, *in;
	size_t stride;
	struct iovec out_iov[MAX_BATCH], in_iov[MAX_BATCH];
	struct mmsghdr out_msg[MAX_BATCH], in_msg[MAX_BATCH];
};

static void put_msg(struct mmsghdr *msg, struct iovec *iov, uint8_t *at,
		    size_t len)
{
	*iov = (struct iovec){ at, len };
	*msg = (struct mmsghdr){
		.msg_hdr = { .msg_iov = iov, .msg_iovlen = 1 },
	};
}

void batch_open(struct setup *s)
{
	struct batch *b;
	unsigned int i;

	if (!s->v->batch)
		return;
	b = s->batch = xcalloc(1, sizeof(*b));
	b->stride = RECORD + ALIGN8(s->size);
	b->out = xcalloc(MAX_BATCH, b->stride);
	b->in = xcalloc(MAX_BATCH, b->stride);
	for (i = 0; i < MAX_BATCH; i++) {
		uint8_t *out = b->out + i * b->stride;

		*(uint32_t *)out = s->size;
		memcpy(out + RECORD, s->pattern, s->size);
		put_msg(&b->out_msg[i], &b->out_iov[i], out + RECORD, s->size);
		put_msg(&b->in_msg[i], &b->in_iov[i],
			b->in + i * b->stride + RECORD, s->size);
	}
}

void batch_close(struct setup *s)
{
	if (!s->batch)
		return;
	free(s->batch->out);
	free(s->batch->in);
	free(s->batch);
	s->batch = NULL;
}

bool batch_mode(int fd)
{
#ifdef VHOST_RPMSG_EPT_SET_BATCH
	int on = 1;

	return !ioctl(fd, VHOST_RPMSG_EPT_SET_BATCH, &on);
#else
	(void)fd;
	return false;
#endif
}

void batch_send(struct setup *s, int fd, uint64_t *num, unsigned int n)
{
	struct batch *b = s->batch;
	unsigned int i;
	ssize_t done;

	for (i = 0; i < n; i++)
		*(uint64_t *)(b->out + i * b->stride + RECORD) = (*num)++;
	for (i = 0; i < n; i += done) {
		if (s->kind == RPMSG) {
			done = write(fd, b->out + i * b->stride,
				     (n - i) * b->stride);
			done = done < 0 ? done : done / (ssize_t)b->stride;
		} else {
			done = sendmmsg(fd, b->out_msg + i, n - i, 0);
		}
		if (done <= 0)
			die("%s: write: %s", s->v->name, strerror(errno));
	}
}

void batch_recv(struct setup *s, int fd, uint64_t *num, unsigned int n)
{
	struct batch *b = s->batch;
	unsigned int i;
	ssize_t done;

	while (n) {
		if (s->kind == RPMSG) {
			done = read(fd, b->in, n * b->stride);
			done = done < 0 ? done : done / (ssize_t)b->stride;
		} else {
			done = recvmmsg(fd, b->in_msg, n, MSG_WAITFORONE, NULL);
		}
		if (done <= 0)
			die("%s: read: %s", s->v->name, strerror(errno));
		for (i = 0; i < done; i++, (*num)++) {
			uint8_t *msg = b->in + i * b->stride + RECORD;

			if (*(uint64_t *)msg != *num ||
			    (s->verify && !check_payload(s, msg, *num)))
				s->errors++;
		}
		n -= done;
	}
}
