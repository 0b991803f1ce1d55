/* SPDX-License-Identifier: ISC */
#ifndef MAIL_INPUT_H
#define MAIL_INPUT_H

/*
 * A message as local programs hand it over: lines that end in LF, CR LF or
 * CR, all at once if need be, and perhaps a line with a single dot for the
 * end. It comes out with CR LF, piece by piece, in bounded memory.
 */
#include "mail/dot.h"

enum { INPUT_PIECE = 65536 };

struct input {
	bool dot_ends;          /* a line with a single dot is the end */
	bool ended;             /* and it has come */
	bool in_line;           /* the next piece goes on with a line */
	struct text_decoder decoder;
	struct buf text;        /* still to be handed out: from `at` on */
	size_t at;
};

void input_start(struct input *in, bool dot_ends);
void input_free(struct input *in);

/* Here is more of it; there is no more of it. */
void input_add(struct input *in, const char *p, size_t n);
void input_finish(struct input *in);

/* The next line, CR LF included, or a large part of one that is longer than
 * INPUT_PIECE; valid until the next input_add. False when that much has not
 * come yet, or at the end. */
bool input_piece(struct input *in, const char **p, size_t *n);

#endif
