/* SPDX-License-Identifier: ISC */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

/*
 * A process and its neighbours: a safe start, giving root up, and finding
 * the other programs of the suite.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "base/list.h"

/* First thing in main: descriptors 0 to 2 are open, no signal is blocked,
 * SIGPIPE is ignored, SIGCHLD is not, and no core is dumped. With alone, no other descriptor is open: for a program that
 * talks to the network and must not hand on what it inherited. */
void program_start(bool alone);

/* The same as program_start(true), but descriptors 3 to 9 stay open if they
 * are, for those who are given something there; program_close closes them. */
enum { PROGRAM_FIRST = 3, PROGRAM_LAST = 9 };
unsigned program_start_given(void);
void program_close(unsigned given);

/* If we are root, become this user, with its group and no other, for good;
 * checked. Does nothing for "root" or when not root. */
void program_become(const char *user);

/* The name of this machine as hostname(1) has it, or "localhost". */
void program_hostname(char name[256]);

/* The file of another program of the suite, into path: beside our own, or where
 * `make install` put it; never by way of PATH. Dies when there is none. */
void program_find(struct buf *path, const char *name);

/* Replace this process by that program, with arguments argv[1..]; dies if
 * it cannot. */
_Noreturn void program_exec(const char *name, const struct list *arguments);

/* Start that program with a socket pair as its descriptors 0 and 1; returns
 * our end, or -1. Its stderr is ours if keep_stderr, else /dev/null. */
int program_converse(const char *name, const struct list *arguments,
    bool keep_stderr);
/* The same, and which child of ours it is. */
int program_converse_with(const char *name, const struct list *arguments,
    bool keep_stderr, pid_t *child);

#endif
