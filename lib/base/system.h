/* SPDX-License-Identifier: ISC */
#ifndef BASE_SYSTEM_H
#define BASE_SYSTEM_H

/*
 * System calls of Linux that glibc declares and musl (1.2.3) does not, under
 * the same names. With glibc there is nothing in here.
 */
#include <features.h>

#ifndef __GLIBC__
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#endif

static inline int
sluice_close_range(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int
sluice_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

#define close_range sluice_close_range
#define renameat2 sluice_renameat2
#endif

#endif
