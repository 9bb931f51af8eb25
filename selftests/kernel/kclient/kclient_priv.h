/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KCLIENT_PRIV_H
#define KCLIENT_PRIV_H

#include <linux/miscdevice.h>

/* legacy.c: a driver in the style of the API of 2020 */
extern struct miscdevice legacy_misc;
/* named.c: a driver that serves endpoints on named devices */
extern struct miscdevice named_misc;

#endif /* KCLIENT_PRIV_H */
