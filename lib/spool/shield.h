/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_SHIELD_H
#define SPOOL_SHIELD_H

/*
 * What says that a .busy has an owner while somebody may replace its file,
 * and with the file the lock on it: a lock on an octet of `.forward.lock`,
 * which goes away with the owner. Two messages may share an octet; then the
 * one is recovered a little later.
 */
#include <stdbool.h>

#include "spool/spool.h"

/* A descriptor to close in the end; -1 where there are no locks. */
int shield_raise(const struct spool *s, const struct message_id *id);

/* Has somebody raised it? If in doubt yes, with errno; otherwise that is 0. */
bool shield_is_up(const struct spool *s, const struct message_id *id);

#endif
