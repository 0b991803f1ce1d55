/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_CONTROL_H
#define SPOOL_CONTROL_H

/*
 * What people do to messages that nobody is at work on: see claim_retry as
 * well. Each takes the state that the message was seen in, and does it under
 * the lock of the envelope, so that no forwarder has it at the same time.
 * Nothing is synced: that is for the caller, once for all of them.
 *
 *	message_hold	.envelope      -> .envelope.hold
 *	message_release	.envelope.hold -> .envelope
 *	message_remove	.envelope, .envelope.hold, .envelope.bad,
 *			.envelope.local -> nothing, then the content
 *
 * *did: there was anything to do. CLAIM_TAKEN: it is in another state by now,
 * or in somebody's hands; CLAIM_ERROR: errno. Never CLAIM_DAMAGED.
 */
#include "spool/claim.h"
#include "spool/litter.h"

enum claim_verdict message_hold(const struct spool *s,
    const struct message_id *id, enum state st, bool *did);
enum claim_verdict message_release(const struct spool *s,
    const struct message_id *id, enum state st, bool *did);

/* The content stays as long as a copy for local recipients, or an envelope in
 * a sub-directory, needs it: the sweeper, which is of that spool, finds out. */
enum claim_verdict message_remove(struct sweeper *w,
    const struct message_id *id, enum state st, bool *did);

#endif
