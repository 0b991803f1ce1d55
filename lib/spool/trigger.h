/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_TRIGGER_H
#define SPOOL_TRIGGER_H

/*
 * One forwarder for all who ask for one.
 *
 * When a client has gone its receiver wants the spool forwarded. A thousand
 * clients that go together must not start a thousand forwarders, and no
 * message may be left waiting. So at most one forwarder runs and at most one
 * waits behind it, which has not yet looked into the spool: whoever finds
 * one waiting knows that his message will be seen. Both places are locks on
 * the file `.forward.lock` in the spool, which go away with their process.
 * Who wants a forwarder takes the place that waits and hands it on to the one
 * that he becomes, so that not even two are started for it.
 */
#include <stdbool.h>

#include "spool/spool.h"

/* The file, with these more flags for open(2); octets from this one on are for
 * others. -1: errno. */
enum { TRIGGER_OCTETS = 2 };
int trigger_file(const struct spool *s, int flags);

/* Take the place that waits: a descriptor to be the forwarder's stdin, or
 * -1 if somebody has it already. Where there are no locks it is one of /dev/null. */
int trigger_take(const struct spool *s);

/* Wait in line, then run: true as soon as it is our turn, and the turn lasts
 * until *turn is closed, by all processes that have it: -1 where there are no
 * locks. False: somebody else is waiting and will do it, or a signal has
 * come and is_over() says that it means us. */
bool trigger_wait(const struct spool *s, int *turn, bool (*is_over)(void));

#endif
