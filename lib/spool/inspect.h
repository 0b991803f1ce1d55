/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_INSPECT_H
#define SPOOL_INSPECT_H

/*
 * Looking at a message without touching it, while others may be at work on
 * it: what is known of it, bit by bit, as somebody asks.
 */
#include <time.h>

#include "spool/claim.h"

struct inspected {
	struct message_id id;
	enum state state;
	bool has_text;          /* the content is there; then: */
	uint64_t octets;
	time_t time;            /* of its arrival */
	uint64_t age;           /* in seconds */
	bool damaged;           /* the envelope is: why says how */
	struct envelope envelope;
	struct list to;         /* who of its recipients has not got it yet */
	struct buf why;
};

/* Begin with another message. */
void inspect_start(struct inspected *m, const struct spool_entry *e);
void inspect_free(struct inspected *m);

/* Find out about the content. */
void inspect_text(struct inspected *m, const struct spool *s, time_t now);

/* Read the envelope; the state becomes what it is now. False: the message
 * has been removed. */
bool inspect_envelope(struct inspected *m, const struct spool *s);

/* The header of its text, without the blank line behind it, and no more than
 * `most` octets of it, into an empty *out. False: errno. */
bool inspect_header(const struct inspected *m, const struct spool *s,
    size_t most, struct buf *out);

#endif
