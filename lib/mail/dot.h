/* SPDX-License-Identifier: ISC */
#ifndef MAIL_DOT_H
#define MAIL_DOT_H

/*
 * The text of a message on the wire and on disk: dot transparency (RFC 5321
 * section 4.5.2) and line ends (section 2.3.8).
 *
 * On the wire only CR LF ends a line and only CR LF . CR LF ends the text.
 * A CR or LF on its own is what SMTP smuggling is made of: what one server
 * takes for text ends the message for the next. It can be made CR LF, can be
 * reported so that the message gets refused, or be kept.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum newline { NEWLINE_NORMALIZE, NEWLINE_REJECT, NEWLINE_KEEP };

struct text_decoder {
	enum newline policy;
	bool dots;              /* unstuff, and look for the end: DATA */
	unsigned char at;       /* private: see dot.c */
	bool done;              /* CR LF . CR LF has been seen */
	bool bare;              /* a CR or LF on its own has been seen */
	bool eight_bit;         /* an octet from 0x80 has been seen */
};

/* Start: dots for DATA, not for BDAT. */
void text_decoder_start(struct text_decoder *d, enum newline policy,
    bool dots);

/* Take up to n octets, append what they mean, and return how many were
 * taken: fewer than n only when the end came (d->done). */
size_t text_decode(struct text_decoder *d, const char *p, size_t n,
    struct buf *out);

/* How many of the n octets at p, from the first on, mean just themselves: they
 * count as taken, and nobody has to copy them. Most texts are nothing else up
 * to their end; 0 says that the next octet is one for text_decode. */
size_t text_plain(struct text_decoder *d, const char *p, size_t n);

/* All has been said (the last BDAT chunk): append what was held back. */
void text_decode_end(struct text_decoder *d, struct buf *out);

/* The way out. Line ends become CR LF first, then lines that begin with a
 * dot get another, so nothing in the text can end it. For BDAT line ends become
 * CR LF all the same, since the next server may hand the text on by DATA. */
struct dot_encoder {
	bool chunks;            /* for BDAT: no dots, and nothing at the end */
	bool in_line;           /* something since the last line end */
	bool cr;                /* the last octet was a CR */
};

void dot_encode(struct dot_encoder *e, const char *p, size_t n,
    struct buf *out);

/* As text_plain: so many go out as they are. */
size_t dot_plain(struct dot_encoder *e, const char *p, size_t n);

/* The end: a line end if one is missing, and the dot line; for BDAT only what
 * was held back. */
void dot_encode_end(struct dot_encoder *e, struct buf *out);

#endif
