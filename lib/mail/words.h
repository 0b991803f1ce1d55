/* SPDX-License-Identifier: ISC */
#ifndef MAIL_WORDS_H
#define MAIL_WORDS_H

/*
 * Encoded words (RFC 2047): how a header that is ASCII says what is not,
 * `=?iso-8859-1?Q?Gr=FC=DFe?=`.
 */
#include <stddef.h>

#include "base/buf.h"

/* Append the value of a header field as people read it: on one line, without
 * the blanks at its ends, and its encoded words as UTF-8. A word that is
 * wrongly made, or in a charset that iconv(3) does not know, stays as it is.
 * What comes out may hold anything: text_printable is still to come. */
void words_decode(struct buf *out, const char *value, size_t n);

/* Before a sandbox, where none can be loaded any more: have the charsets at
 * hand that mail is written in. Others are not known from then on. */
void words_prepare(void);

#endif
