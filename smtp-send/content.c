/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "mail/dot.h"

/* A chunk is a little larger at most: the last block is not cut. */
enum { BLOCK = 65536, CHUNK = 1 << 20 };

/* One second more for every 1000 octets: who takes them drop by drop would
 * hold up all the others. */
static void
allow_time(struct client *c, uint64_t octets)
{
	c->io.until = date_ticks() + (int64_t)octets +
	    (int64_t)c->io.seconds * 1000;
}

/* No end mark: the server must not take half of it. */
static enum fate
unreadable(struct client *c, const struct claim *m)
{
	log_error("cannot read the text of %s: %s", m->id.s,
	    strerror(errno));
	client_drop(c);
	reply_make(&c->reply, 451, "4.3.0 cannot read the text");
	return LOST;
}

enum fate
content_verdict(struct client *c)
{
	enum fate f;

	c->doubtful = true;
	f = client_hear(c, 2, "the end of the text");
	if (f == LOST)
		return LOST;
	c->doubtful = false;
	/* what a refused chunk leaves behind servers do not agree upon */
	c->dirty = f != SENT;
	return f;
}

/* --- DATA --- */

enum fate
content_lines(struct client *c, const struct claim *m)
{
	struct dot_encoder dot = { .in_line = false };
	struct buf out = { 0 };
	static char block[BLOCK];       /* or it would be zeroed each time */
	off_t at = 0;
	enum fate f;
	ssize_t n;
	size_t plain;

	allow_time(c, m->octets);
	while ((n = pread(m->content, block, sizeof block, at)) > 0 &&
	    c->io.state == IO_OPEN) {
		plain = dot_plain(&dot, block, (size_t)n);
		io_write(&c->io, block, plain);
		dot_encode(&dot, block + plain, (size_t)n - plain, &out);
		io_write(&c->io, buf_text(&out), out.n);
		buf_clear(&out);
		at += n;
	}
	/* Whatever it has said by now, it is no answer to the end. */
	if (n < 0 || io_stale(&c->io)) {
		buf_free(&out);
		return n < 0 ? unreadable(c, m) : client_last_words(c);
	}
	dot_encode_end(&dot, &out);
	io_write(&c->io, buf_text(&out), out.n);
	io_flush(&c->io);
	buf_free(&out);
	if (c->io.state != IO_OPEN)
		return client_last_words(c);
	f = content_verdict(c);
	c->dirty &= f == LOST;  /* a dot ends it, whatever it comes to */
	return f;
}

/* --- BDAT --- */

struct source {
	const struct claim *m;
	off_t at;
	struct dot_encoder encoder;
	struct buf chunk;
	bool end;               /* this chunk is the last one */
};

/* What has been read to the end of the chunk: most often it can stay as it
 * is. */
static void
encode_in_place(struct source *s, size_t n)
{
	struct buf *b = &s->chunk;
	static char odd[BLOCK];
	size_t plain = dot_plain(&s->encoder, b->s + b->n, n);

	n -= plain;
	memcpy(odd, b->s + b->n + plain, n);
	b->n += plain;
	b->s[b->n] = '\0';
	dot_encode(&s->encoder, odd, n, b);
}

static bool
next_chunk(struct source *s)
{
	struct buf *b = &s->chunk;
	ssize_t n;

	buf_clear(b);
	while (!s->end && b->n < CHUNK) {
		n = pread(s->m->content, buf_reserve(b, BLOCK), BLOCK, s->at);
		if (n < 0)
			return false;
		s->end = n == 0;
		if (s->end)
			dot_encode_end(&s->encoder, b);
		else
			encode_in_place(s, (size_t)n);
		s->at += n;
	}
	return true;
}

/* False: something is wrong, or the server has answered the last chunk before
 * it had it all. */
static bool
say_chunk(struct client *c, const struct source *s)
{
	const struct buf *b = &s->chunk;
	size_t at = 0, k;

	allow_time(c, b->n);
	client_say(c, "BDAT %zu%s", b->n, s->end ? " LAST" : "");
	for (; at < b->n && c->io.state == IO_OPEN; at += k) {
		k = b->n - at < BLOCK ? b->n - at : BLOCK;
		if (s->end && at > 0 && at + k == b->n && io_stale(&c->io))
			return false;
		io_write(&c->io, b->s + at, k);
	}
	/* a small one may go with what was said before */
	if (b->n > BLOCK)
		io_flush(&c->io);
	return c->io.state == IO_OPEN;
}

/* Hear replies to chunks till so many are left. A refusal stands, whatever is
 * said of the chunk behind it. */
static enum fate
hear_chunks(struct client *c, unsigned *unheard, unsigned left)
{
	struct reply first;
	enum fate f = SENT;

	for (; *unheard > left && f == SENT; --*unheard)
		f = client_hear(c, 2, "BDAT");
	if (f == SENT || !c->open)
		return f;
	first = c->reply;
	c->reply = (struct reply){ 0 };
	for (; *unheard > 0 && c->open; --*unheard)
		client_hear(c, 2, "BDAT");
	reply_free(&c->reply);
	c->reply = first;
	return f;
}

/* While the server reads one chunk the next is on its way, but the last one,
 * which closes the deal, is kept till all the others have been taken. */
static enum fate
pour_chunks(struct client *c, struct source *s)
{
	unsigned unheard = 0;
	enum fate f;

	do {
		if (!next_chunk(s))
			return unreadable(c, s->m);
		f = hear_chunks(c, &unheard,
		    s->end || !(c->can & PIPELINING) ? 0 : 1);
		if (f != SENT)
			return f;
		if (!say_chunk(c, s))
			return client_last_words(c);
		unheard++;
	} while (!s->end);
	return content_verdict(c);
}

enum fate
content_chunks(struct client *c, const struct claim *m)
{
	struct source s = { .m = m, .encoder.chunks = true };
	enum fate f = pour_chunks(c, &s);

	buf_free(&s.chunk);
	return f;
}

bool
content_ahead(struct client *c, const struct claim *m)
{
	struct source s = { .m = m, .encoder.chunks = true };
	bool ok = next_chunk(&s) && s.end;

	if (ok) {
		say_chunk(c, &s);
		c->doubtful = true;
	} else {
		unreadable(c, m);
	}
	buf_free(&s.chunk);
	return ok;
}
