/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_CTRL_H
#define VRPMSG_CTRL_H

#include "chrdev.h"

struct vrpmsg_eptdev;

/**
 * struct vrpmsg_eptdev_config - configuration of a node
 * @name: name of the service; may be empty
 * @src: local address, or VHOST_RPMSG_ADDR_ANY
 * @dst: fixed remote, or VHOST_RPMSG_ADDR_ANY
 * @fixed: the endpoint exists as long as the node
 */
struct vrpmsg_eptdev_config {
	char name[VHOST_RPMSG_NAME_SIZE];
	u32 src;
	u32 dst;
	bool fixed;
};

/* eptdev.c: nodes that processes create */
int vrpmsg_eptdev_new(struct vrpmsg_dev *rdev,
		      const struct vrpmsg_eptdev_config *cfg);
int vrpmsg_eptdev_release(struct vrpmsg_dev *rdev,
			  const struct vrpmsg_eptdev_config *cfg);
int vrpmsg_eptdev_del_number(u32 number);
void vrpmsg_eptdev_del_all(struct vrpmsg_dev *rdev);
int vrpmsg_eptdev_register(void);
void vrpmsg_eptdev_unregister(void);

/* ctrl.c: the ctrl nodes of persistent devices */
int vrpmsg_ctrl_register(void);
void vrpmsg_ctrl_unregister(void);

#endif /* VRPMSG_CTRL_H */
