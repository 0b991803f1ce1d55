/* SPDX-License-Identifier: ISC */
#ifndef MAIL_JOURNAL_H
#define MAIL_JOURNAL_H

/*
 * What stands behind the End line of an envelope: what has become of the
 * message so far. Lines are only ever added, in one write; the last one of a
 * kind counts, and a line without its line end (the power went) does not.
 *
 *	X-Sluice-Deferred: TRIES NEXT-TRY REASON
 *	X-Sluice-Done: <ADDRESS> REPLY
 *	X-Sluice-Refused: <ADDRESS> REPLY
 *	X-Sluice-Bounced: ID
 *	X-Sluice-Utf8: 1
 *	X-MailRelay-Reason: TEXT
 *	X-MailRelay-ReasonCode: CODE
 *
 * Recipients are named and not numbered: whoever edits the list, a filter or
 * a person, takes nobody's mail away by it. The bracket and the blank behind
 * it tell that a name is whole, even if a torn line was ended by somebody.
 *
 * Done is for ever. Refused is until nobody is left to be sent to: then those
 * refused are what is left. So a message that was given up, and is a message
 * again, goes to them; and a line that stands behind such a moment is about a
 * new attempt.
 */
#include "mail/envelope.h"

/* Take in all the lines. The envelope's recipients are known already. */
void journal_read(struct envelope *e, const char *p, size_t n);

/* The lines, to be appended to the file. Reasons and replies are made
 * printable, and replies are cut to JOURNAL_REPLY octets. */
enum { JOURNAL_REPLY = 200 };
void journal_deferred(struct buf *out, uint64_t tries, uint64_t next_try,
    const char *reason);
/* No failure: whatever the next try's time was, it is now. */
void journal_due(struct buf *out, const struct envelope *e);
void journal_failed(struct buf *out, const char *reason, int code);
/* The sender has been told, by the message with this id. */
void journal_bounced(struct buf *out, const char *report);
/* how: RECIPIENT_DONE or RECIPIENT_REFUSED */
void journal_settled(struct buf *out, const char *address,
    enum recipient how, const char *reply);

#endif
