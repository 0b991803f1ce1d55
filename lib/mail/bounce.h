/* SPDX-License-Identifier: ISC */
#ifndef MAIL_BOUNCE_H
#define MAIL_BOUNCE_H

/*
 * The report that a message could not be delivered, for its sender: RFC 3464
 * (delivery status) in RFC 6522 (multipart/report), and RFC 6533 for what is
 * not ASCII. It has three parts: a text for people, a status for programs,
 * and the header of the message.
 */
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "mail/envelope.h"

/* So much of the message's header goes back, in whole fields. */
enum { BOUNCE_HEADER = 65536 };         /* octets */

struct bounce {
	const char *id;         /* of the message */
	const char *domain;     /* who we are */
	const char *unique;     /* for Message-ID, in front of "@" */
	const char *boundary;   /* that nobody could have foreseen */
	time_t now, arrived;    /* arrived, the message: 0: nobody knows */
	const struct envelope *envelope;
	const char *header;     /* of the message, as header_next reads it */
	size_t n;
};

/* Why must there be no report? NULL if there may be one. The null sender is
 * told nothing, and nor is a program that says so (RFC 3834 section 2), so that
 * two machines never talk to each other for ever. */
const char *bounce_objection(const struct bounce *b);

/* Append the report's text, and make its envelope *e, which is a zeroed
 * one. */
void bounce_make(const struct bounce *b, struct envelope *e, struct buf *out);

#endif
