/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel that vrpmsg-bridge has under fuzz_bridge: it makes a few of the
 * bridge's system calls, for which it is compiled with other names of them, and
 * ends the program when the bridge would let the kernel write to memory that is
 * not the guest's, or has told it something else than the front end wants.
 */
#ifndef FUZZ_BRIDGE_KERNEL_H
#define FUZZ_BRIDGE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct vhost;

/* What the bridge opens instead of /dev/vhost-rpmsg. */
#define KERNEL_DEVICE "/dev/null"

/* The @nth call from now on fails with an error of the index @error; 0: none. */
void kernel_fail(unsigned int nth, unsigned int error);
/*
 * What the kernel was told is what the front end wants: to be asked between two
 * messages, whether the last one was refused or not.
 */
void kernel_check_wanted(const struct vhost *vhost);
/* The bridge has no front end: it has nothing left. */
void kernel_check_idle(void);
void broken(const char *what) __attribute__((noreturn));

/* As the bridge's sources call them. */
int kernel_ioctl(int fd, unsigned long request, ...);
int kernel_close(int fd);
void *kernel_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
int kernel_munmap(void *addr, size_t len);
ssize_t kernel_readv(pid_t pid, const struct iovec *local, unsigned long num,
		     const struct iovec *remote, unsigned long remote_num,
		     unsigned long flags);

#endif /* FUZZ_BRIDGE_KERNEL_H */
