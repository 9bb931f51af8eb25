/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel that vrpmsg-bridge has under fuzz_bridge: it makes a few of the
 * bridge's system calls, for which it is compiled with other names of them, and
 * ends the program when the bridge would let the kernel write to memory that is
 * not the guest's.
 */
#ifndef FUZZ_BRIDGE_KERNEL_H
#define FUZZ_BRIDGE_KERNEL_H

#include <stddef.h>
#include <sys/types.h>

/* What the bridge opens instead of /dev/vhost-rpmsg. */
#define KERNEL_DEVICE "/dev/null"

/* The @nth call from now on fails with an error of the index @error; 0: none. */
void kernel_fail(unsigned int nth, unsigned int error);
/* The bridge has no front end: it has nothing left. */
void kernel_check_idle(void);
void broken(const char *what) __attribute__((noreturn));

/* As the bridge's sources call them. */
int kernel_ioctl(int fd, unsigned long request, ...);
int kernel_close(int fd);
void *kernel_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
int kernel_munmap(void *addr, size_t len);

#endif /* FUZZ_BRIDGE_KERNEL_H */
