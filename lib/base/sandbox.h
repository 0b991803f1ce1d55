/* SPDX-License-Identifier: ISC */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

/*
 * Giving up, for good, what a process does not need any more: so that who has
 * talked it into doing something else finds that there is little else to do.
 *
 * Landlock keeps files out of reach but for the places that are named, TCP
 * connections and the signals of others; a seccomp filter leaves the system
 * calls that reading, writing, and working in those places take, and no
 * others: no program can be started, no process, no socket, and no memory
 * made executable. What is open already stays open. A kernel that knows
 * neither, or one of them only, gives what it has.
 *
 * What has to happen outside all the same another process does: monitor.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A directory, or a file, that stays within reach with all that is below. */
struct sandbox_place {
	int fd;                 /* of it; or -1: */
	const char *path;       /* ... NULL as well: there is none */
	bool change;            /* files in it may also be made, changed,
	                         * renamed and removed */
};

/* From here on. memory: octets of address space that there may be; 0: any
 * number. What cannot be given up is in the log, and things go on. */
void sandbox_enter(const struct sandbox_place *places, size_t n,
    uint64_t memory);

/* The same for what most need: one directory, to be changed. */
void sandbox_within(int dir, uint64_t memory);

#endif
