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
 * A filter runs behind draft_seal and does to the files as it likes; then
 * comes draft_resume, which sees to it that they are on disk, or draft_leave.
 *
 * Local recipients have a message of their own, .content.local and
 * .envelope.local: draft_copy_local makes it before draft_commit, or, if
 * there are no other recipients, draft_commit_local instead of it.
 *
 * A process that dies before draft_commit's rename leaves no message, only
 * litter for spool-check; one that dies behind it leaves the whole message.
 * With both kinds of recipients the local message is there first: who dies
 * between the two leaves that one, and the client will try again.
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
	bool copied;            /* and so may be the files of a local copy */
	int error;              /* errno of the first failure */
	const char *doing;      /* "write", ... when it came */
	uint64_t octets;        /* in the content so far */
	size_t held;            /* of them in `hold`: not written yet */
	char hold[512];
};

bool draft_open(struct draft *d, const struct spool *s);

/* Before draft_seal: what is small waits for more to go with it, up to that. */
void draft_write(struct draft *d, const char *p, size_t n);
bool draft_seal(struct draft *d, const struct envelope *e);
bool draft_commit(struct draft *d);
bool draft_commit_local(struct draft *d);

/* Only draft_commit makes it certain that the copy is there. */
bool draft_copy_local(struct draft *d, const struct envelope *e);

/* Read the envelope as it is now. False as well if the filter has removed or
 * spoilt one of the files: then why says so, and it is no error of ours. */
bool draft_resume(struct draft *d, struct envelope *e, struct buf *why);

/* The filter has dealt with the message: what it has left of it is removed,
 * but for a text whose envelopes are in sub-directories now. If it has taken
 * the envelope away the content is its business, too. What it has made of
 * them in the spool is on disk, or false. */
bool draft_leave(struct draft *d);

/* Remove what there is of it; nothing if it is not open. */
void draft_abandon(struct draft *d);

/* `cannot write 'DIR/FILE': No space left on device`, for the log. */
void draft_error(const struct draft *d, struct buf *out);

#endif
