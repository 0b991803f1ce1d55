/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_FAULT_H
#define FUZZ_FAULT_H

/*
 * A call that fails for want of space: write, fsync, openat and renameat2 are
 * replaced by the linker.
 */

/* Calls until one fails; 0: none does any more. */
extern int fault_in;

#endif
