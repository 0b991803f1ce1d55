/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_PRESENT_H
#define SPOOL_PRESENT_H

/*
 * A message that has been inspected, in words. Each appends whole lines;
 * nothing in them can play tricks on a terminal.
 */
#include "spool/inspect.h"

/* A table for people: ID STATE SIZE AGE TRIES FROM TO. */
void present_row_head(struct buf *out);
void present_row(struct buf *out, const struct inspected *m);

/* One JSON object, on a line of its own; or what is inside of it, for who
 * has more to put there. */
void present_json(struct buf *out, const struct inspected *m);
void present_json_members(struct buf *out, const struct inspected *m);

/* As Postfix's mailq has it: several lines. */
void present_mailq_head(struct buf *out);
void present_mailq(struct buf *out, const struct inspected *m);

#endif
