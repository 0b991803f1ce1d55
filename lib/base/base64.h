/* SPDX-License-Identifier: ISC */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Base64 of RFC 4648 section 4, with padding and without line breaks. */
void base64_encode(struct buf *out, const void *p, size_t n);

/* Append what s stands for. Strict: the alphabet, the padding and the unused
 * bits have to be right. False, with nothing appended, if they are not. */
bool base64_decode(struct buf *out, const char *s, size_t n);

#endif
