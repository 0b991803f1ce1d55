/* SPDX-License-Identifier: ISC */
#ifndef MEETING_MEETING_H
#define MEETING_MEETING_H

/*
 * One run of smtp-send against one server, and what has become of it.
 */
#include <stdbool.h>

#include "base/buf.h"
#include "base/list.h"

enum { MESSAGES = 2 };          /* in each spool */

/* What is told on stdin, see meet.c. */
struct row {
	char *states, *status, *log;
	struct list send, answer, checks;
};

struct run {
	const struct row *row;
	char **program;         /* smtp-send and its arguments */
	struct buf dir;         /* with spool and got in it */
	struct buf log;         /* stdout and stderr of smtp-send */
	struct buf wrong;       /* what is: a line for each thing */
	int status;             /* of wait(2) */
};

/* Make the directory in `where`, and let them meet. */
void run_start(struct run *run, const char *where);
void run_end(struct run *run);

/* A file in the directory: its path; its text, false if there is none. */
void path_of(struct buf *b, const struct run *run, const char *name);
bool get_file(const struct run *run, const char *name, struct buf *text);

void judge(struct run *run);

#endif
