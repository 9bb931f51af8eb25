// SPDX-License-Identifier: LGPL-2.1-or-later
/* The ctrl node of a device: create endpoints without privileges. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vhost.h>

#include "internal.h"

#define CTRL_CLASS "/sys/class/vrpmsg"
#define CTRL_PREFIX "vrpmsg-ctrl"

struct vrpmsg_ctrl_info {
	struct vhost_rpmsg_ctrl_info info;
};

/*
 * Returns 1 if the ctrl node in sysfs is that of the device @dev_name, 0 if not, or -1
 * and errno.
 */
static int ctrl_has_name(const char *node, const char *dev_name)
{
	char path[320], name[VRPMSG_NAME_ROOM + 1] = "";
	FILE *file;

	snprintf(path, sizeof(path), CTRL_CLASS "/%s/name", node);
	file = fopen(path, "re");
	/* The device may have been deleted since. */
	if (!file)
		return errno == ENOENT ? 0 : -1;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return !strcmp(name, dev_name);
}

/* Returns the number of the ctrl node, or -1 and errno: ENODEV if there is none. */
static long ctrl_find(const char *dev_name)
{
	struct dirent *entry;
	DIR *dir = opendir(CTRL_CLASS);
	long number = -1;
	int found = 0, err;

	if (!dir) {
		if (errno == ENOENT)
			errno = ENODEV;
		return -1;
	}
	while (!found && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, CTRL_PREFIX, strlen(CTRL_PREFIX)))
			continue;
		found = ctrl_has_name(entry->d_name, dev_name);
		if (found > 0)
			number = strtol(entry->d_name + strlen(CTRL_PREFIX),
					NULL, 10);
	}
	err = found < 0 ? errno : ENODEV;
	closedir(dir);
	errno = err;
	return number;
}

/* Another device may have got the number after ctrl_find() read sysfs. */
static bool ctrl_is_of(int fd, const char *dev_name)
{
	struct vhost_rpmsg_ctrl_info info;

	return !ioctl(fd, VHOST_RPMSG_CTRL_GET_INFO, &info) &&
	       !strcmp(info.dev_name, dev_name);
}

int vrpmsg_ctrl_open(const char *dev_name)
{
	long number = ctrl_find(dev_name);
	char path[64];
	int fd;

	if (number < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/" CTRL_PREFIX "%ld", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT && errno != ENXIO)
		return -1;
	if (fd >= 0 && ctrl_is_of(fd, dev_name))
		return fd;
	if (fd >= 0)
		close(fd);
	errno = ENODEV;
	return -1;
}

int vrpmsg_ctrl_new_ept(int ctrl, const struct vrpmsg_ept_config *config,
			bool announce)
{
	struct vhost_rpmsg_new_ept new = {
		.src = VHOST_RPMSG_ADDR_ANY,
		.dst = VHOST_RPMSG_ADDR_ANY,
	};

	if (config && vrpmsg_ept_config_new_ept(config, &new)) {
		errno = EINVAL;
		return -1;
	}
	if (announce)
		new.flags |= VHOST_RPMSG_NEW_EPT_ANNOUNCE;
	return ioctl(ctrl, VHOST_RPMSG_CTRL_NEW_EPT, &new);
}

struct vrpmsg_ctrl_info *vrpmsg_ctrl_info_get(int ctrl)
{
	return vrpmsg_ioctl_info(ctrl, VHOST_RPMSG_CTRL_GET_INFO,
				 sizeof(struct vrpmsg_ctrl_info));
}

void vrpmsg_ctrl_info_free(struct vrpmsg_ctrl_info *info)
{
	free(info);
}

uint32_t vrpmsg_ctrl_info_dev_id(const struct vrpmsg_ctrl_info *info)
{
	return info->info.dev_id;
}

const char *vrpmsg_ctrl_info_dev_name(const struct vrpmsg_ctrl_info *info)
{
	return info->info.dev_name;
}

enum vrpmsg_state vrpmsg_ctrl_info_state(const struct vrpmsg_ctrl_info *info)
{
	return info->info.state;
}

uint32_t vrpmsg_ctrl_info_mtu(const struct vrpmsg_ctrl_info *info)
{
	return info->info.mtu;
}

uint32_t vrpmsg_ctrl_info_generation(const struct vrpmsg_ctrl_info *info)
{
	return info->info.generation;
}

uint32_t vrpmsg_ctrl_info_endpoints(const struct vrpmsg_ctrl_info *info)
{
	return info->info.endpoints;
}

uint32_t vrpmsg_ctrl_info_max_endpoints(const struct vrpmsg_ctrl_info *info)
{
	return info->info.max_endpoints;
}
