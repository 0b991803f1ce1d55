/* SPDX-License-Identifier: ISC */
#ifndef BASE_XTEXT_H
#define BASE_XTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The xtext of RFC 3461 section 4: octets from '!' to '~' but '+' and '='
 * stand for themselves, all others are written +HH in upper case. */
void xtext_encode(struct buf *out, const char *s, size_t n);

/* Append what s stands for. False, with nothing appended, when s is not
 * well-formed (lower-case hex digits are accepted). */
bool xtext_decode(struct buf *out, const char *s, size_t n);

#endif
