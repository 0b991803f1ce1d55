/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_DRAFT_H
#define SPOOL_DRAFT_H

/*
 * A message coming in.
 *
 *	draft_open	.content is created
 *	draft_write	grows
 *	draft_seal	.content and .envelope.new are on disk
 *	draft_commit	.envelope, and the rename is on disk: ours
 *	draft_abandon	nothing
 *
 * A process that dies before draft_commit's rename leaves no message, only
 * litter for spool-check; one that dies behind it leaves the whole message.
 *
 * The first failure sticks: nothing is done any more until draft_abandon,
 * and draft_error tells what happened.
 */
#include <stdint.h>

#include "mail/envelope.h"
#include "spool/spool.h"

struct draft {
	const struct spool *spool;
	struct message_id id;
	int fd;                 /* .content; -1: closed */
	bool open;              /* between draft_open and commit or abandon */
	bool sealed;            /* .envelope.new is there */
	int error;              /* errno of the first failure */
	const char *doing;      /* "write", ... when it came */
	uint64_t octets;        /* in the content so far */
};

bool draft_open(struct draft *d, const struct spool *s);
void draft_write(struct draft *d, const char *p, size_t n);
bool draft_seal(struct draft *d, const struct envelope *e);
bool draft_commit(struct draft *d);

/* Remove what there is of it; nothing if it is not open. */
void draft_abandon(struct draft *d);

/* `cannot write 'DIR/FILE': No space left on device`, for the log. */
void draft_error(const struct draft *d, struct buf *out);

#endif
