/* SPDX-License-Identifier: ISC */
#ifndef ANSWER_SAVE_H
#define ANSWER_SAVE_H

#include <stdbool.h>

#include "base/buf.h"

/* Write NNN.content, NNN.log and NNN.wire in the directory, with the first
 * number that nobody else has. */
void save_message(int dir, const struct buf *envelope, const struct buf *wire,
    const struct buf *content);

/* Is there a CR or LF on its own? */
bool has_bare(const struct buf *b);

#endif
