// SPDX-License-Identifier: LGPL-2.1-or-later
/* The char device of an endpoint. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/rpmsg.h>
#include <linux/vhost.h>

#include "internal.h"

struct vrpmsg_fd_info {
	struct vhost_rpmsg_ept_info info;
};

int vrpmsg_ept_open(uint32_t id, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/vrpmsg-ep%u", id);
	return open(path, flags | O_CLOEXEC);
}

int vrpmsg_fd_destroy(int fd)
{
	return ioctl(fd, RPMSG_DESTROY_EPT_IOCTL);
}

int vrpmsg_fd_set_batch(int fd, bool batch)
{
	int on = batch;

	return ioctl(fd, VHOST_RPMSG_EPT_SET_BATCH, &on);
}

size_t vrpmsg_rec_size(size_t len)
{
	return VHOST_RPMSG_REC_ALIGN(sizeof(struct vhost_rpmsg_rec) + len);
}

int vrpmsg_rec_next(const void *buf, size_t size, size_t *pos,
		    struct vrpmsg_rec *rec)
{
	const char *start = (const char *)buf + *pos;
	struct vhost_rpmsg_rec head = {};
	size_t left, len;

	if (*pos >= size)
		return 0;
	left = size - *pos;
	/* Copied because the buffer may be unaligned. */
	if (left >= sizeof(head))
		memcpy(&head, start, sizeof(head));
	if (left < sizeof(head) || head.len > left - sizeof(head)) {
		errno = EBADMSG;
		return -1;
	}
	rec->addr = head.addr;
	rec->generation = head.generation;
	rec->len = head.len;
	rec->data = start + sizeof(head);
	len = vrpmsg_rec_size(head.len);
	*pos += len < left ? len : left;
	return 1;
}

int vrpmsg_rec_put(void *buf, size_t size, size_t *pos,
		   const struct vrpmsg_rec *rec)
{
	struct vhost_rpmsg_rec head = {
		.len = rec->len,
		.addr = rec->addr,
		.generation = rec->generation,
	};
	size_t len = sizeof(head) + rec->len,
	       padded = vrpmsg_rec_size(rec->len),
	       left = *pos < size ? size - *pos : 0;
	char *start = (char *)buf + *pos;

	/* The first two, since sizes may wrap where size_t has 32 bits. */
	if (left < sizeof(head) || rec->len > left - sizeof(head) ||
	    padded > left) {
		errno = ENOBUFS;
		return -1;
	}
	memcpy(start, &head, sizeof(head));
	if (rec->len)
		memcpy(start + sizeof(head), rec->data, rec->len);
	memset(start + len, 0, padded - len);
	*pos += padded;
	return 0;
}

void *vrpmsg_ioctl_info(int fd, unsigned long request, size_t size)
{
	void *info = calloc(1, size);
	int err;

	if (!info)
		return NULL;
	if (ioctl(fd, request, info) < 0) {
		err = errno;
		free(info);
		errno = err;
		return NULL;
	}
	return info;
}

struct vrpmsg_fd_info *vrpmsg_fd_info_get(int fd)
{
	return vrpmsg_ioctl_info(fd, VHOST_RPMSG_EPT_GET_INFO,
				 sizeof(struct vrpmsg_fd_info));
}

void vrpmsg_fd_info_free(struct vrpmsg_fd_info *info)
{
	free(info);
}

uint32_t vrpmsg_fd_info_id(const struct vrpmsg_fd_info *info)
{
	return info->info.id;
}

uint32_t vrpmsg_fd_info_dev_id(const struct vrpmsg_fd_info *info)
{
	return info->info.dev_id;
}

const char *vrpmsg_fd_info_dev_name(const struct vrpmsg_fd_info *info)
{
	return info->info.dev_name;
}

const char *vrpmsg_fd_info_name(const struct vrpmsg_fd_info *info)
{
	return info->info.name[0] ? info->info.name : NULL;
}

uint32_t vrpmsg_fd_info_addr(const struct vrpmsg_fd_info *info)
{
	return info->info.src;
}

uint32_t vrpmsg_fd_info_remote(const struct vrpmsg_fd_info *info)
{
	return info->info.dst;
}

uint32_t vrpmsg_fd_info_mtu(const struct vrpmsg_fd_info *info)
{
	return info->info.mtu;
}

uint32_t vrpmsg_fd_info_generation(const struct vrpmsg_fd_info *info)
{
	return info->info.generation;
}

uint32_t vrpmsg_fd_info_head_generation(const struct vrpmsg_fd_info *info)
{
	return info->info.head_generation;
}

uint64_t vrpmsg_fd_info_rx_dropped(const struct vrpmsg_fd_info *info)
{
	return info->info.rx_dropped;
}

uint64_t vrpmsg_fd_info_tx_dropped(const struct vrpmsg_fd_info *info)
{
	return info->info.tx_dropped;
}

bool vrpmsg_fd_info_is_addressed(const struct vrpmsg_fd_info *info)
{
	return info->info.flags & VHOST_RPMSG_EPT_ADDRESSED;
}

bool vrpmsg_fd_info_is_announced(const struct vrpmsg_fd_info *info)
{
	return info->info.flags & VHOST_RPMSG_EPT_ANNOUNCED;
}

bool vrpmsg_fd_info_is_gone(const struct vrpmsg_fd_info *info)
{
	return info->info.flags & VHOST_RPMSG_EPT_GONE;
}

static_assert(sizeof(struct vrpmsg_addr) == sizeof(struct vhost_rpmsg_addr),
	      "as the kernel");
