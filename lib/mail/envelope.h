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
 * E-MailRelay looks at nothing but X-MailRelay-Reason: see mail/journal.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

enum {
	ENVELOPE_OCTETS = 64 << 20,     /* with its journal */
	ENVELOPE_RECIPIENTS = 100000
};

/* How far a remote recipient has come. */
enum recipient {
	RECIPIENT_PENDING,      /* to be sent to */
	RECIPIENT_DONE,         /* has got it: never to be sent to again */
	RECIPIENT_REFUSED,      /* for good, as long as others are pending */
	RECIPIENT_STATES
};
struct settled;

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
	struct buf bounced;     /* the report that told the sender; or "" */
	struct settled *settled;        /* one for each of remote, or NULL */
	size_t done, refused;   /* how many of them */
	struct list replies;    /* what was said to those refused */
	struct buf whom;        /* their places in remote, a size_t each */
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

/* The i-th of remote; and how many are in a state. */
enum recipient envelope_recipient(const struct envelope *e, size_t i);
size_t envelope_recipients(const struct envelope *e, enum recipient state);
/* Why was the i-th refused, now or when he was last? "" if nobody knows. */
const char *envelope_refusal(const struct envelope *e, size_t i);

/* Note that the i-th is done with, in this way. Who is done stays so. The list
 * of recipients must not change any more. */
void envelope_settle(struct envelope *e, size_t i, enum recipient how,
    const char *reply);
/* If nobody is pending, let those be who were refused. */
void envelope_reopen(struct envelope *e);

#endif
