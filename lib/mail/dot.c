/* SPDX-License-Identifier: ISC */
#include "mail/dot.h"

#include <stdint.h>
#include <string.h>

/* Where a text_decoder is. START is the start of a line: behind CR LF, or at the very
 * beginning, and nowhere else. */
enum { START, INSIDE, CR, DOT, DOT_CR };

void
text_decoder_start(struct text_decoder *d, enum newline policy, bool dots)
{
	*d = (struct text_decoder){ .policy = policy, .dots = dots,
		.at = START };
}

/* A CR or an LF came without the other one. */
static void
bare(struct text_decoder *d, char c, struct buf *out)
{
	d->bare = true;
	if (d->policy == NEWLINE_KEEP)
		buf_putc(out, c);
	else
		buf_add(out, "\r\n", 2);
}

/* What no line can begin with, once LF has its CR. */
enum { NO_DOT = '\n' };

/* Does each CR among the n octets at p have its LF behind it, each LF behind
 * one of them its CR before it, and does no line begin with `dot`? The octet
 * behind them is looked at, too. All in octets and without a branch, for the
 * compiler to do many at a time. */
static inline bool
is_plain(const char *p, size_t n, char dot)
{
	unsigned char odd = 0, cr, lf, then_lf, then_dot;

	for (size_t i = 0; i < n; i++) {
		cr = p[i] == '\r';
		lf = p[i] == '\n';
		then_lf = p[i + 1] == '\n';
		then_dot = p[i + 1] == dot;
		odd |= (unsigned char)((cr ^ then_lf) | (lf & then_dot));
	}
	return odd == 0;
}

/* How many octets at p come out as they are. A few are looked at first, so that
 * a text that is full of what is odd does not take much longer than another. */
static size_t
plain_run(const char *p, size_t n, bool in_line, char dot)
{
	enum { FEW = 32, MANY = 256 };
	size_t i = 0;

	if (n == 0 || p[0] == '\n' || (!in_line && p[0] == dot))
		return 0;
	if (n > FEW && is_plain(p, FEW, dot)) {
		i = FEW;
		while (n - i > MANY && is_plain(p + i, MANY, dot))
			i += MANY;
	}
	while (n - i > 1 && is_plain(p + i, 1, dot))
		i++;
	/* p[i] is the last one, or does not go with the next */
	return p[i] == '\r' ? i : i + 1;
}

/* Once one has been seen there is nothing more to learn. */
static void
note_eight_bit(struct text_decoder *d, const char *p, size_t n)
{
	uint64_t all = 0, eight;

	if (d->eight_bit)
		return;
	for (; n >= sizeof eight; p += sizeof eight, n -= sizeof eight) {
		memcpy(&eight, p, sizeof eight);
		all |= eight;
	}
	for (; n > 0; n--)
		all |= (unsigned char)*p++;
	d->eight_bit = (all & 0x8080808080808080) != 0;
}

/* An octet that is not in the middle of plain text. False: it was not
 * taken, it has to be looked at again in the state that d->at now has. */
static bool
step(struct text_decoder *d, char c, struct buf *out)
{
	switch (d->at) {
	case CR:
		if (c != '\n') {
			d->at = INSIDE;
			bare(d, '\r', out);
			return false;
		}
		buf_add(out, "\r\n", 2);
		d->at = START;
		return true;
	case DOT:
		/* Only a CR LF behind it makes it the end; any other dot that
		 * begins a line was put there for transparency and goes. */
		d->at = c == '\r' ? DOT_CR : INSIDE;
		return c == '\r';
	case DOT_CR:
		if (c == '\n') {
			d->done = true;
			return true;
		}
		d->at = INSIDE;
		bare(d, '\r', out);
		return false;
	case START:
		if (c == '.' && d->dots) {
			d->at = DOT;
			return true;
		}
		d->at = INSIDE;
		return false;
	default:
		if (c == '\r') {
			d->at = CR;
			return true;
		}
		d->at = INSIDE;
		bare(d, '\n', out);
		return true;
	}
}

size_t
text_plain(struct text_decoder *d, const char *p, size_t n)
{
	size_t run = 0;

	if (!d->done && (d->at == START || d->at == INSIDE))
		run = plain_run(p, n, d->at == INSIDE, d->dots ? '.' : NO_DOT);
	if (run > 0)
		d->at = p[run - 1] == '\n' ? START : INSIDE;
	note_eight_bit(d, p, run);
	return run;
}

size_t
text_decode(struct text_decoder *d, const char *p, size_t n, struct buf *out)
{
	size_t i = 0, run;

	while (i < n && !d->done) {
		run = text_plain(d, p + i, n - i);
		if (run > 0) {
			buf_add(out, p + i, run);
			i += run;
		} else if (step(d, p[i], out)) {
			i++;
		}
	}
	return i;
}

void
text_decode_end(struct text_decoder *d, struct buf *out)
{
	if (d->at == CR || d->at == DOT_CR)
		bare(d, '\r', out);
	d->at = START;
	d->done = true;
}

static void
line_end(struct dot_encoder *e, struct buf *out)
{
	buf_add(out, "\r\n", 2);
	e->in_line = false;
}

size_t
dot_plain(struct dot_encoder *e, const char *p, size_t n)
{
	size_t run = 0;

	if (!e->cr)
		run = plain_run(p, n, e->in_line, e->chunks ? NO_DOT : '.');
	if (run > 0)
		e->in_line = p[run - 1] != '\n';
	return run;
}

/* One that is not plain: a dot where a line begins, or half a line end. */
static void
encode_odd(struct dot_encoder *e, char c, struct buf *out)
{
	if (c == '\r') {
		e->cr = true;
	} else if (c == '\n') {
		line_end(e, out);
	} else {
		buf_add(out, "..", 2);
		e->in_line = true;
	}
}

void
dot_encode(struct dot_encoder *e, const char *p, size_t n, struct buf *out)
{
	size_t i = 0, run;

	while (i < n) {
		if (e->cr) {
			/* CR LF and a CR alone end the line alike */
			e->cr = false;
			line_end(e, out);
			if (p[i] == '\n') {
				i++;
				continue;
			}
		}
		run = dot_plain(e, p + i, n - i);
		buf_add(out, p + i, run);
		i += run;
		if (run == 0)
			encode_odd(e, p[i++], out);
	}
}

void
dot_encode_end(struct dot_encoder *e, struct buf *out)
{
	if (e->cr || (e->in_line && !e->chunks))
		line_end(e, out);
	e->cr = false;
	if (!e->chunks)
		buf_add(out, ".\r\n", 3);
}
