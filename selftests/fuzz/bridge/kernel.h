/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel for vrpmsg-bridge in fuzz_bridge. It implements some system calls of the
 * bridge, which is compiled with other names for them. It aborts if the kernel would write
 * to memory that does not belong to the guest, or if its state differs from what the front
 * end requested.
 */
#ifndef FUZZ_BRIDGE_KERNEL_H
#define FUZZ_BRIDGE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct vhost;

/* The bridge opens this instead of /dev/vhost-rpmsg. */
#define KERNEL_DEVICE "/dev/null"

/* The @nth call from now on fails with the error of index @error; 0: none. */
void kernel_fail(unsigned int nth, unsigned int error);
/*
 * Check that the state of the kernel is what the front end requested. Call this between
 * messages, whether the last one was refused or not.
 */
void kernel_check_wanted(const struct vhost *vhost);
/* Check that the bridge holds nothing without a front end. */
void kernel_check_idle(void);
void broken(const char *what) __attribute__((noreturn));

/* Called by the sources of the bridge. */
int kernel_ioctl(int fd, unsigned long request, ...);
int kernel_close(int fd);
void *kernel_mmap(void *addr, size_t len, int prot, int flags, int fd,
		  off_t offset);
int kernel_munmap(void *addr, size_t len);
ssize_t kernel_readv(pid_t pid, const struct iovec *local, unsigned long num,
		     const struct iovec *remote, unsigned long remote_num,
		     unsigned long flags);

#endif /* FUZZ_BRIDGE_KERNEL_H */
