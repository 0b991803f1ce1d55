/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_INTAKE_H
#define SPOOL_INTAKE_H

/*
 * A message that a local program writes to a descriptor: first its header,
 * which is kept, then its body, which goes straight into a draft. Whatever
 * its size, no more memory is used than for the header.
 *
 * While it is read, SIGINT, SIGTERM and SIGHUP are blocked and count as a
 * failure to read, so that the caller can clear away what there is. The
 * first failure sticks.
 */
#include "mail/input.h"
#include "spool/draft.h"

enum { INTAKE_HEADER = 1 << 20 };       /* octets */

struct intake {
	int fd;
	int signals;            /* private: they are read from it */
	struct input in;
	bool eof;
	struct buf header;      /* with CR LF, without the blank line */
	struct buf body;        /* of the body, what is not yet in the draft */
	bool eight_bit;         /* an octet from 0x80 is in the body */
	int status;             /* EX_OK, or what to exit with */
	const char *why;
};

/* dot_ends: a line with a single dot is the end. */
void intake_start(struct intake *t, int fd, bool dot_ends);
void intake_free(struct intake *t);

/* Read the header. Without `loose` only a blank line ends it. With it so
 * does a line that is part of no field, which then is the body's first, and
 * a first line `From ...`, which is an mbox's, is dropped. */
bool intake_header(struct intake *t, bool loose);

/* Copy the body. False if it could not be read; whether it could be written
 * is known by the draft. */
bool intake_body(struct intake *t, struct draft *d);

#endif
