/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VRPMSG_VMM_H
#define VRPMSG_VMM_H

#include "internal.h"

int vrpmsg_vmm_register(void);
void vrpmsg_vmm_enable(void);
void vrpmsg_vmm_unregister(void);

#endif /* VRPMSG_VMM_H */
