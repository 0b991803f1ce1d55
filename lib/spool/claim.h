/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_CLAIM_H
#define SPOOL_CLAIM_H

/*
 * A message going out. While it is claimed its envelope is called .busy and
 * is locked (flock) by us. The lock is taken first and the rename comes
 * second, so a .busy that nobody has locked belongs to nobody: its owner
 * has died, and claim_recover puts it back.
 *
 *	claim_take	.envelope      -> .envelope.busy
 *	claim_gone	.envelope.busy -> nothing, then the content if nobody
 *			else needs it
 *	claim_release	.envelope.busy -> .envelope, as if nothing had been
 *	claim_defer	.envelope.busy -> .envelope, with the next try's time
 *	claim_fail	.envelope.busy -> .envelope.bad, with the reason
 *
 * The modification time of an .envelope is when it is due: in the future
 * for one that was deferred.
 */
#include <time.h>

#include "mail/envelope.h"
#include "spool/envelope_file.h"
#include "spool/litter.h"
#include "spool/spool.h"

enum claim_verdict {
	CLAIM_OURS,
	CLAIM_TAKEN,            /* somebody else is at it, or it is gone */
	CLAIM_DAMAGED,          /* ours, but unreadable: why says how */
	CLAIM_ERROR             /* errno, and perhaps why; not ours */
};

struct claim {
	const struct spool *spool;
	struct message_id id;
	struct envelope envelope;
	struct buf why;         /* what is wrong with a damaged one */
	int fd;                 /* the envelope, locked; -1: nothing claimed */
	int content;            /* its text; -1 if damaged */
	int shield;             /* -1 unless it is lent */
	uint64_t octets;        /* of the content */
	time_t received;        /* when the content was written */
	time_t due;             /* not to be tried before */
	struct buf news;        /* journal lines that are to be written */
};

enum claim_verdict claim_take(struct claim *c, const struct spool *s,
    const struct message_id *id);

/* The text stays if an envelope in a sub-directory needs it, which the
 * sweeper (spool/litter), all zero at first, finds out. False, with errno: it
 * is still there and may be sent again. */
bool claim_gone(struct claim *c, struct sweeper *w);
void claim_release(struct claim *c);

/* Let somebody else at the files, who may change or replace them, and take
 * them back: what he has made of them is on disk then, and is the message.
 * CLAIM_TAKEN: the envelope is gone, and nothing is ours any more. */
void claim_lend(struct claim *c);
enum claim_verdict claim_resume(struct claim *c);

/* Some recipients are done with. claim_settle takes that down, claim_note
 * has it on disk; claim_defer and claim_fail do, too, in the same write as
 * their own line. To be sure that it can be written when the time has come,
 * ask claim_can_note before the server is given the text: false, with errno,
 * if there is no room. */
bool claim_can_note(struct claim *c);
void claim_settle(struct claim *c, size_t i, enum recipient how,
    const char *reply);
bool claim_note(struct claim *c);

/* Both return false, with errno, if that could not be written down; the
 * message is not lost then, it stays or becomes .envelope. */
bool claim_defer(struct claim *c, time_t next_try, const char *reason);
bool claim_fail(struct claim *c, const char *reason, int code);

/* Give the memory back. */
void claim_free(struct claim *c);

/* --- what needs no claim: retry.c --- */

/* Is it due? Mostly told without opening it. */
bool message_due(const struct spool *s, const struct message_id *id);

/* Put a .busy whose owner has died back to .envelope: true if it was one. With
 * dry_run only look. False with errno 0: it has an owner, is gone, or is no
 * file; with another one: that could not be found out, or not be done. */
bool claim_recover(const struct spool *s, const struct message_id *id,
    bool dry_run);

/* Have a message tried again, and at once: a .bad one becomes .envelope, one
 * that was deferred need not wait. *done tells whether there was anything
 * to change. CLAIM_TAKEN if it is in another state by now, or somebody is at
 * it: then nothing has been done. Never CLAIM_DAMAGED. */
enum claim_verdict claim_retry(const struct spool *s,
    const struct message_id *id, enum state st, bool *done);

#endif
