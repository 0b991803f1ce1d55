/* SPDX-License-Identifier: ISC */
#ifndef BASE_METER_H
#define BASE_METER_H

/*
 * A line on the terminal that stderr is, which is written over and over while
 * something takes long, for the person who waits for it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* A zeroed one shows nothing. */
struct meter {
	bool on;
	int64_t began, painted; /* date_ticks() */
	bool shown;
	bool apart;             /* stdout is not the same terminal */
	int64_t silent;         /* nothing else was printed since then, */
	bool spoke;             /* but for what has been printed just now */
	uint64_t n;             /* of meter_count */
};

/* Does a person watch? Is stderr a terminal that can do this? */
bool meter_usable(void);

/* Begin, if that is wanted. */
void meter_begin(struct meter *m, bool wanted);

/* Is it time to paint again? Not more than 5 times a second. */
bool meter_due(struct meter *m);

/* Show this line, cut to the width of the terminal, unless we are in the
 * background. Log lines wipe it away. */
void meter_paint(struct meter *m, const struct buf *line);

/* Something is about to be printed on stdout: if that is the same terminal
 * the line is wiped away, until nothing has been printed for a second. */
void meter_pause(struct meter *m);

/* One more of `what`; shown if it takes longer than a second. */
void meter_count(struct meter *m, const char *what);

/* Wipe the line; leave `last`, if it is not NULL, in its place. */
void meter_end(struct meter *m, const struct buf *last);

#endif
