/* SPDX-License-Identifier: ISC */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>
#include <time.h>

#include "base/buf.h"

/* Append `Mon, 23 Nov 2026 08:57:33 +0000` (RFC 5322 section 3.3), local. */
void date_mail(struct buf *out, time_t when);

/* Append `2026-11-23T08:57:33+00:00` (RFC 3339), local. */
void date_iso(struct buf *out, time_t when);

/* Milliseconds of a clock that only goes forward, for deadlines. */
int64_t date_ticks(void);

#endif
