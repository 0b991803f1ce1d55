/* SPDX-License-Identifier: ISC */
#ifndef BASE_CALLS_H
#define BASE_CALLS_H

/*
 * The system calls of a process in the sandbox: one list for all programs,
 * since they all do the same, read, write, and work in a directory.
 */
#include <stdbool.h>

/* No others from here on: they fail with EPERM. Needs PR_SET_NO_NEW_PRIVS.
 * False: errno; it is no failure that the kernel, or we, know no filter for
 * this machine. */
bool calls_restrict(void);

#endif
