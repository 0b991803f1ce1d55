/* SPDX-License-Identifier: ISC */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

/*
 * The envelope file: lines `X-MailRelay-Name: value`, each ended by CR LF, in
 * a fixed order that closes with X-MailRelay-End. The formats #2821.3 to
 * #2821.8 are read, #2821.4 is written, so E-MailRelay 1.9 and 2.x
 * understand what we write.
 *
 * What happens to a message later is appended behind the End line, where
 * E-MailRelay looks at nothing but X-MailRelay-Reason. That part is a
 * journal: lines are only ever added, in one write, the last one of a kind
 * counts, and a line without its line end (the power went) does not.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum {
	ENVELOPE_OCTETS = 16 << 20,
	ENVELOPE_RECIPIENTS = 100000
};

struct envelope {
	bool eight_bit;         /* Content: the text has octets from 0x80 */
	struct buf from;        /* without brackets; "" is the null sender */
	struct list local;      /* mailboxes, from the verifier */
	struct list remote;     /* addresses without brackets */
	struct buf auth;        /* xtext of who logged in */
	struct buf client;      /* IP address */
	struct buf client_name;
	struct buf client_certificate;
	struct buf auth_in, auth_out;           /* #2821.5 */
	struct buf forward_to, forward_to_address;      /* #2821.6 */
	struct buf account;                     /* #2821.8 */

	/* the journal */
	bool utf8;              /* SMTPUTF8 was said */
	uint64_t tries;         /* failures so far */
	uint64_t next_try;      /* seconds since 1970; 0: at once */
	struct buf reason;      /* of the last failure, temporary or not */
};

void envelope_clear(struct envelope *e);
void envelope_free(struct envelope *e);

/* Read the file's text. On false *why is what E-MailRelay would give as the
 * reason ("format error: From"). Addresses are checked: nothing that has
 * been read here can break out of an SMTP command. */
bool envelope_parse(struct envelope *e, const char *p, size_t n,
    struct buf *why);

/* Append the file's text. False if a value has a control character: nothing
 * has been appended then. */
bool envelope_format(const struct envelope *e, struct buf *out);

/* Lines for the journal. The reason is made printable. */
void envelope_note_deferred(struct buf *out, uint64_t tries,
    uint64_t next_try, const char *reason);
/* No failure: whatever the next try's time was, it is now. */
void envelope_note_due(struct buf *out, const struct envelope *e);
void envelope_note_failed(struct buf *out, const char *reason, int code);

#endif
