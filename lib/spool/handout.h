/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_HANDOUT_H
#define SPOOL_HANDOUT_H

/*
 * A message that goes to POP3 users: what the stock filters, which are started
 * with the path of a content file, have in common.
 *
 * handout_give puts an envelope, and perhaps a text, into a sub-directory,
 * both on disk. When all have got theirs handout_finish takes the message
 * from the spool; if anything fails handout_refuse takes back what was given
 * and ends the program in the way of filters(7). Whoever dies in between
 * leaves a message that was not acknowledged: its sender will try again.
 */
#include "base/list.h"
#include "spool/spool.h"

enum handout_text {
	HANDOUT_SHARED,         /* it stays in the spool, for all of them */
	HANDOUT_LINKED,         /* each gets a link, and the spool's goes */
	HANDOUT_COPIED          /* it goes on by itself: they share a copy */
};

struct handout {
	struct spool spool;
	struct buf path;        /* of the spool */
	struct message_id id;
	enum state state;       /* of the envelope: NEW, or READY and locked */
	int fd;                 /* the envelope, for reading and writing */
	struct buf envelope;    /* as it is */
	enum handout_text text;
	bool create;            /* make sub-directories */
	struct list given;      /* the sub-directories that have it */
};

/* Ends the program if there is no such message. The text is on disk then. */
void handout_open(struct handout *h, const char *content);

/* False, with errno: that sub-directory has not got it. */
bool handout_give(struct handout *h, const char *name,
    const struct buf *envelope);

/* Remove the message from the spool. */
void handout_finish(struct handout *h);

/* Let it go on with another envelope. */
void handout_rewrite(struct handout *h, const struct buf *envelope);

/* Print `<<filter error: ...>>`, and exit with 1. */
_Noreturn void handout_refuse(struct handout *h, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
