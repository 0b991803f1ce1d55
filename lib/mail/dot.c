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

/* The octets at p up to a CR or LF, or so many that another look is worth
 * the while: where one of the two never comes the search for it must not go
 * through all of the rest each time. */
static size_t
plain_run(const char *p, size_t n)
{
	enum { GLANCE = 1024 };
	const char *cr, *lf;

	if (n > GLANCE)
		n = GLANCE;
	cr = memchr(p, '\r', n);
	lf = memchr(p, '\n', cr ? (size_t)(cr - p) : n);
	return lf ? (size_t)(lf - p) : cr ? (size_t)(cr - p) : n;
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
text_decode(struct text_decoder *d, const char *p, size_t n, struct buf *out)
{
	size_t i = 0, run;

	while (i < n && !d->done) {
		if (d->at == INSIDE && (run = plain_run(p + i, n - i)) > 0) {
			buf_add(out, p + i, run);
			i += run;
		} else if (step(d, p[i], out)) {
			i++;
		}
	}
	note_eight_bit(d, p, i);
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
		if (!e->in_line && p[i] == '.' && !e->chunks)
			buf_putc(out, '.');
		run = plain_run(p + i, n - i);
		buf_add(out, p + i, run);
		e->in_line |= run > 0;
		i += run;
		if (i == n || (p[i] != '\r' && p[i] != '\n'))
			continue;
		if (p[i] == '\r')
			e->cr = true;
		else
			line_end(e, out);
		i++;
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
