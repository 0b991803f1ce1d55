/* SPDX-License-Identifier: ISC */
#ifndef MAIL_SUBMISSION_H
#define MAIL_SUBMISSION_H

/*
 * What a message that a local program hands over lacks: an envelope, and
 * the fields of the header that sendmail(1) adds.
 */
#include <stdbool.h>
#include <stddef.h>

#include "mail/envelope.h"

struct submission {
	bool complete;          /* as sendmail(1): see below */
	bool from_header;       /* recipients are in the header, too */
	const char *sender;     /* an address, "" or "<>"; NULL: not given */
	const char *login;      /* who is calling: the last resort as sender */
	const char *full_name;  /* for From; NULL: none */
	const char *domain;     /* for addresses without one; NULL: leave them */
	const char *date;       /* the value for Date */
	const char *unique;     /* for Message-ID, in front of "@" */
};

/* Fill in sender and recipients of e, and append the header, with the blank
 * line that ends it, to out. False: why has what is wrong with the message.
 *
 * Without `complete` the sender is s->sender, else the From field's address,
 * else the login; From is added if it is missing and s->sender is known.
 * With it the sender is s->sender, else the login; Date, From and Message-ID
 * are added if missing, and Bcc and Resent-Bcc removed.
 *
 * Recipients are those in `to`, one address list each, and with from_header
 * those of To, Cc and Bcc, or of the Resent- ones if there are any. None
 * comes twice if `complete`. */
bool submission_make(const struct submission *s, const struct list *to,
    const char *header, size_t n, struct envelope *e, struct buf *out,
    struct buf *why);

#endif
