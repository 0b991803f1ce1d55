/* SPDX-License-Identifier: ISC */
#ifndef SIEGE_ASSAULT_H
#define SIEGE_ASSAULT_H

/*
 * One session: the program with a socket as its descriptors 0 and 1, as
 * inetd starts it, and a spool of its own.
 */
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "table.h"

struct siege {
	char **program;         /* and its arguments */
	const char *work;       /* a directory for spools */
	const char *model;      /* what is in each spool at first, or NULL */
	bool pop;               /* POP3, not SMTP */
	bool times;             /* are wanted */
	long memory;            /* KiB that a process may use, or 0 */
};

struct outcome {
	struct buf said;        /* by the program */
	struct buf log;         /* its stderr */
	struct buf spool;       /* the path */
	int status;             /* of wait(2) */
	long memory;            /* KiB, at most */
	int64_t ticks;          /* ms, to the program's end */
	bool hung;              /* and was killed */
	bool orphans;           /* processes that outlive it */
};

/* Say the first `octets` of the input, or all of it if that is less. */
void assault(const struct siege *s, const struct row *row, size_t octets,
    struct outcome *o);

/* Remove the spool, forget the rest. */
void outcome_free(struct outcome *o);

#endif
