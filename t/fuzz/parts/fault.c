/* SPDX-License-Identifier: ISC */
#include "parts/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

int fault_in;

static bool
fails(void)
{
	if (fault_in == 0 || --fault_in > 0)
		return false;
	errno = ENOSPC;
	return true;
}

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __real_writev(int fd, const struct iovec *v, int n);
ssize_t __wrap_writev(int fd, const struct iovec *v, int n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __real_renameat2(int a, const char *from, int b, const char *to,
    unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to,
    unsigned flags);

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	return fails() ? -1 : __real_write(fd, p, n);
}

ssize_t
__wrap_writev(int fd, const struct iovec *v, int n)
{
	return fails() ? -1 : __real_writev(fd, v, n);
}

int
__wrap_fsync(int fd)
{
	return fails() ? -1 : __real_fsync(fd);
}

int
__wrap_openat(int dir, const char *name, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return fails() ? -1 : __real_openat(dir, name, flags, mode);
}

int
__wrap_renameat2(int a, const char *from, int b, const char *to,
    unsigned flags)
{
	return fails() ? -1 : __real_renameat2(a, from, b, to, flags);
}
