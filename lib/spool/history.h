/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_HISTORY_H
#define SPOOL_HISTORY_H

/*
 * The newest things that happened to messages, with what is known of these:
 * who reads the envelope of a message that arrives can still say whose it was
 * when it is gone. HISTORY_SIZE of them are kept, whatever happens.
 */
#include <time.h>

#include "base/buf.h"
#include "spool/events.h"

enum { HISTORY_SIZE = 1024 };

enum happened {
	HAPPENED_RECEIVED,      /* by SMTP, or submitted */
	HAPPENED_SENDING,
	HAPPENED_SENT,
	HAPPENED_DEFERRED,
	HAPPENED_RELEASED,      /* a forwarder let go of it, untried */
	HAPPENED_FAILED,
	HAPPENED_HELD,
	HAPPENED_READY,         /* released, or to be tried again */
	HAPPENED_REMOVED,
	HAPPENED_LOST           /* nobody knows what */
};

struct happening {
	time_t when;
	enum happened what;
	struct message_id id;   /* "" for LOST */
	bool known;             /* the envelope has been read: */
	struct buf from, to;    /* to: the first recipient, */
	size_t recipients;      /* and how many there are */
	struct buf reason;      /* of DEFERRED and FAILED, if known */
};

/* A zeroed one is empty. */
struct history {
	struct happening ring[HISTORY_SIZE];
	uint64_t n;             /* so far */
};

/* What it means for a message: NULL if that is nothing to be told. Valid until
 * HISTORY_SIZE others have been added. */
const struct happening *history_add(struct history *h, const struct spool *s,
    const struct event *e);

/* The i-th, from the newest on; NULL if there are not so many. */
const struct happening *history_newest(const struct history *h, size_t i);
void history_free(struct history *h);

/* Append it as a line: time, id, word, from=<> to=<> ...; as a JSON object on
 * a line; or as a row of a screen, without a line end. Nothing in them can
 * play tricks on a terminal. */
void history_line(struct buf *out, const struct happening *h);
void history_json(struct buf *out, const struct happening *h);
void history_row(struct buf *out, const struct happening *h);

#endif
