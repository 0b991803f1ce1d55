/* SPDX-License-Identifier: ISC */
#ifndef SPOOL_SHUTTER_H
#define SPOOL_SHUTTER_H

/*
 * Mail is not taken from SMTP clients while the file `.smtp-disabled` is in
 * the spool. It stays there until somebody removes it, by `admin-cmd smtp
 * enable` or by hand.
 */
#include "spool/spool.h"

bool shutter_is_down(const struct spool *s);

/* False: errno. Nothing to be done is no failure. */
bool shutter_set(const struct spool *s, bool down);

#endif
