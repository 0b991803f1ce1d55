/* SPDX-License-Identifier: ISC */
#ifndef SIEGE_JUDGE_H
#define SIEGE_JUDGE_H

/*
 * What has to be so after each session, whatever was said in it: the program
 * ends with status 0, in time, with little memory and no process left; each
 * reply is printable, ends in CR LF, has a code and at most 512 octets; the
 * log is printable; the spool has whole messages in it and nothing else.
 *
 * And what a row can ask for:
 *
 *   stored=N       so many messages are there; without it, none (one with the
 *                  next three). With a model: as many as before, and all of
 *                  them if the input was cut off
 *   most=N         or fewer
 *   text=TEXT      the text of all of them, without our Received lines
 *   from=ADDRESS   the sender of the last
 *   to=ADDRESS     its recipients, with blanks between them
 *   says=REGEX     a line that was said is like that
 *   log=REGEX      and one of the log
 *   exit=N         the status is this, not 0
 */
#include "assault.h"

/* What is wrong, a line for each thing; empty if all is well. With `half` the
 * input was cut off, and what the row asks for need not be so. */
void judge(const struct siege *s, const struct row *row,
    const struct outcome *o, bool half, struct buf *wrong);

#endif
