/* SPDX-License-Identifier: ISC */
#ifndef JUDGE_FILTER_H
#define JUDGE_FILTER_H

/*
 * Filters: programs or servers of the user's that look at a message in the
 * spool, and may change it, before it is taken (--filter) or sent on
 * (--client-filter). filters(7) is the contract.
 */
#include <stdbool.h>
#include <stddef.h>

#include "judge/judge.h"

enum filter_side {
	FILTER_SERVER,          /* the envelope is .new */
	FILTER_CLIENT           /* it is .busy */
};

enum judgement {
	FILTER_ACCEPT,
	FILTER_ABANDON,         /* it has been dealt with: forget it */
	FILTER_REJECT,
	FILTER_FAIL             /* the filter is broken: try again later */
};

struct verdict {
	enum judgement judgement;
	bool rescan;            /* forward what is in the spool, soon */
	bool stop;              /* after this message no other one */
	int code;               /* of the reply, 400 to 599; 0: left to us */
	struct buf reason;      /* why not, printable, never empty then */
};

/* A chain: the first that does not accept has the last word. */
struct filter {
	struct judge *judges;
	size_t n;
	unsigned seconds;       /* for each of them */
	enum filter_side side;
};

/* Set the chain up from what the user has written, which must outlive it.
 * False: why says what is wrong. No filter at all is a chain, too. */
bool filter_open(struct filter *f, const struct list *specs,
    enum filter_side side, unsigned seconds, struct buf *why);
void filter_close(struct filter *f);

/* Ask them all about the message whose content is this file, a full path.
 * v is zeroed before it is used first. */
void filter_run(struct filter *f, const char *content, struct verdict *v);

/* What the exit code and the output of a filter mean. */
void verdict_read(struct verdict *v, enum filter_side side, int code,
    const struct buf *output);

#endif
