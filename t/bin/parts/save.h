/* SPDX-License-Identifier: ISC */
#ifndef ANSWER_SAVE_H
#define ANSWER_SAVE_H

#include <stdbool.h>

#include "base/buf.h"

/* Write NNN.content, NNN.log and NNN.wire in the directory, with the first
 * number that nobody else has. */
void save_message(int dir, const struct buf *envelope, const struct buf *wire,
    const struct buf *content);

/* Where the text of DATA ends in what has come of it, or 0; before `from` it
 * was looked for already. */
size_t end_of_text(const struct buf *wire, size_t from);

/* What it was before dots were added to it; the end mark is left out. */
void unstuff(const struct buf *wire, struct buf *content);

/* Is there a CR or LF on its own? */
bool has_bare(const struct buf *b);

#endif
