/* SPDX-License-Identifier: ISC */
#include "mail/input.h"

#include <string.h>

void
input_start(struct input *in, bool dot_ends)
{
	*in = (struct input){ .dot_ends = dot_ends };
	text_decoder_start(&in->decoder, NEWLINE_NORMALIZE, false);
}

void
input_free(struct input *in)
{
	buf_free(&in->text);
}

static void
drop_used(struct input *in)
{
	buf_shift(&in->text, in->at);
	in->at = 0;
}

void
input_add(struct input *in, const char *p, size_t n)
{
	const size_t most = 1024;
	size_t slice;

	/* In small slices: for each LF the decoder looks for a CR as far as
	 * it can see. */
	for (drop_used(in); n > 0; p += slice, n -= slice) {
		slice = n < most ? n : most;
		text_decode(&in->decoder, p, slice, &in->text);
	}
}

void
input_finish(struct input *in)
{
	size_t n;

	drop_used(in);
	text_decode_end(&in->decoder, &in->text);
	n = in->text.n;
	if (n > 0 ? in->text.s[n - 1] != '\n' : in->in_line)
		buf_puts(&in->text, "\r\n");
}

bool
input_piece(struct input *in, const char **p, size_t *n)
{
	const char *start = buf_text(&in->text) + in->at;
	size_t left = in->text.n - in->at;
	const char *lf = left ? memchr(start, '\n', left) : NULL;

	if (in->ended || (!lf && left < INPUT_PIECE))
		return false;
	*p = start;
	*n = lf ? (size_t)(lf - start) + 1 : left;
	if (in->dot_ends && !in->in_line && *n == 3 && *start == '.') {
		in->ended = true;
		return false;
	}
	in->in_line = !lf;
	in->at += *n;
	return true;
}
