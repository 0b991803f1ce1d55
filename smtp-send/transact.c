/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/text.h"
#include "base/xtext.h"
#include "mail/dot.h"
#include "mail/header.h"

enum { BLOCK = 65536, GROUP = 100, HOPS_MOST = 100, AUTH_MOST = 500 };

/* Has it been handed round in a circle? (RFC 5321 section 6.3; the first 64
 * KiB of the header will do.) */
static bool
too_many_hops(const struct claim *m)
{
	char block[BLOCK];
	ssize_t n = pread(m->content, block, sizeof block, 0);

	return n > 0 && header_count(block, (size_t)n, "Received") > HOPS_MOST;
}

/* Are there octets from 0x80 in the header? (Its first 64 KiB will do.) */
static bool
header_is_ascii(const struct claim *m)
{
	char block[BLOCK];
	ssize_t n = pread(m->content, block, sizeof block, 0);
	const char *end;

	if (n <= 0)
		return true;
	end = memmem(block, (size_t)n, "\r\n\r\n", 4);
	return text_ascii(block, end ? (size_t)(end - block) : (size_t)n);
}

static bool
addresses_are_ascii(const struct envelope *e)
{
	if (!text_ascii(buf_text(&e->from), e->from.n))
		return false;
	return text_ascii(e->remote.bytes.s, e->remote.bytes.n);
}

/* RFC 6531 section 3.4: said only if it is needed, since a server that does
 * not offer it would have to be told no. */
static bool
needs_utf8(const struct claim *m)
{
	return !addresses_are_ascii(&m->envelope) ||
	    (m->envelope.utf8 && m->envelope.eight_bit && !header_is_ascii(m));
}

/* What can be told without asking. */
static enum fate
fits(struct client *c, const struct claim *m, bool utf8)
{
	if (too_many_hops(m)) {
		reply_make(&c->reply, 554, "5.4.6 too many hops");
		return REFUSED;
	}
	if (utf8 && !(c->can & UTF8)) {
		reply_make(&c->reply, 553,
		    "5.6.7 the server does not offer SMTPUTF8");
		return REFUSED;
	}
	if (c->size_limit && m->octets > c->size_limit) {
		reply_make(&c->reply, 552,
		    "5.3.4 message larger than the server takes");
		return REFUSED;
	}
	if (m->envelope.eight_bit && !(c->can & EIGHT_BIT))
		log_warning("%s does not offer 8BITMIME: 8-bit text is sent "
		    "all the same", c->relay);
	return SENT;
}

/* RFC 4954 section 5: who has submitted it, in xtext; <> if we do not know,
 * or the envelope has what is no xtext. */
static void
say_who(const struct buf *auth, struct buf *line)
{
	struct buf plain = { 0 };
	bool known = auth->n > 0 && auth->n <= AUTH_MOST &&
	    xtext_decode(&plain, auth->s, auth->n);

	buf_printf(line, " AUTH=%s", known ? auth->s : "<>");
	buf_free(&plain);
}

static void
say_mail(struct client *c, const struct claim *m, bool utf8)
{
	struct buf line = { 0 };

	buf_printf(&line, "MAIL FROM:<%s>", buf_text(&m->envelope.from));
	if (c->can & SIZE)
		buf_printf(&line, " SIZE=%" PRIu64, m->octets);
	if (m->envelope.eight_bit && (c->can & EIGHT_BIT))
		buf_puts(&line, " BODY=8BITMIME");
	if (utf8)
		buf_puts(&line, " SMTPUTF8");
	if (c->authenticated)
		say_who(&m->envelope.auth, &line);
	client_say(c, "%s", line.s);
	buf_free(&line);
}

/* One answer out of several: a refusal for good weighs more than one for
 * now, any refusal more than the loss of the connection behind it, and the
 * first of a kind is kept with its text. */
struct outcome {
	enum fate fate;
	struct reply reply;
};

static void
note(struct outcome *o, enum fate f, const struct reply *r, const char *about)
{
	struct buf text = { 0 };
	char enhanced[12];
	const char *line;

	if (f == LOST ? o->fate != SENT : f <= o->fate)
		return;
	o->fate = f;
	reply_enhanced(r, enhanced);
	if (about && f != LOST && r->code != 421)
		buf_printf(&text, "%s one or more recipients rejected: <%s>:",
		    enhanced, about);
	for (size_t i = 0; i < r->lines.n; i++) {
		line = list_get(&r->lines, i);
		/* it begins the whole already */
		if (i == 0 && text.n && text_starts(line, enhanced))
			line += strlen(enhanced);
		buf_printf(&text, text.n && *line != ' ' ? " %s" : "%s", line);
	}
	reply_make(&o->reply, r->code, buf_text(&text));
	buf_free(&text);
}

static void
hear(struct client *c, struct outcome *o, int want, const char *to,
    const char *about)
{
	note(o, client_hear(c, want, to), &c->reply, about);
}

/* DATA was accepted though the message is not to go: close it without a
 * recipient, which is what RFC 2920 section 3.1 asks for. */
static void
take_back_data(struct client *c)
{
	client_say(c, ".");
	client_hear(c, 2, "an empty message");
}

/* MAIL, one RCPT and DATA in one go. */
static void
open_at_once(struct client *c, const struct claim *m, struct outcome *o)
{
	const char *to = list_get(&m->envelope.remote, 0);
	enum fate rcpt, data;

	client_say(c, "RCPT TO:<%s>", to);
	client_say(c, "DATA");
	hear(c, o, 2, "MAIL", NULL);
	/* without a sender, a 503 to this is no word on the recipient */
	rcpt = client_hear(c, 2, "RCPT");
	if (o->fate == SENT)
		note(o, rcpt, &c->reply, to);
	if (!c->open)
		return;
	data = client_hear(c, 3, "DATA");
	if (o->fate == SENT)
		note(o, data, &c->reply, NULL);
	else if (data == SENT && rcpt == SENT)
		client_drop(c);         /* it would get an empty message */
	else if (data == SENT)
		take_back_data(c);
}

/* Up to GROUP recipients in one go, or one by one. To go on with DATA
 * before all have been accepted would leave no way back. */
static void
open_in_steps(struct client *c, const struct claim *m, struct outcome *o)
{
	const struct list *to = &m->envelope.remote;
	size_t group = c->can & PIPELINING ? GROUP : 1;
	size_t said, heard = 0;

	if (group == 1)
		hear(c, o, 2, "MAIL", NULL);
	while (heard < to->n && o->fate == SENT) {
		for (said = heard; said < to->n && said < heard + group;
		    said++)
			client_say(c, "RCPT TO:<%s>", list_get(to, said));
		if (group > 1 && heard == 0)
			hear(c, o, 2, "MAIL", NULL);
		/* without a sender, what is said of these means nothing */
		for (bool mail = o->fate == SENT; heard < said; heard++)
			if (mail)
				hear(c, o, 2, "RCPT", list_get(to, heard));
			else
				client_hear(c, 2, "RCPT");
	}
	if (o->fate == SENT) {
		client_say(c, "DATA");
		hear(c, o, 3, "DATA", NULL);
	}
}

/* Everything up to the server's "go ahead" for the text. */
static enum fate
open_envelope(struct client *c, const struct claim *m, bool utf8)
{
	struct outcome o = { .fate = SENT };

	c->dirty = true;
	say_mail(c, m, utf8);
	if ((c->can & PIPELINING) && m->envelope.remote.n == 1)
		open_at_once(c, m, &o);
	else
		open_in_steps(c, m, &o);
	if (o.fate != SENT) {
		reply_free(&c->reply);
		c->reply = o.reply;
	} else {
		reply_free(&o.reply);
	}
	return o.fate;
}

/* The text and its end. */
static enum fate
pour(struct client *c, const struct claim *m)
{
	struct dot_encoder dot = { .in_line = false };
	struct buf out = { 0 };
	char block[BLOCK];
	off_t at = 0;
	ssize_t n;

	/* one second more for every 1000 octets: who takes them drop by drop
	 * would hold up all the others */
	c->io.until = date_ticks() + (int64_t)m->octets +
	    (int64_t)c->io.seconds * 1000;
	while ((n = pread(m->content, block, sizeof block, at)) > 0 &&
	    c->io.state == IO_OPEN) {
		dot_encode(&dot, block, (size_t)n, &out);
		io_write(&c->io, buf_text(&out), out.n);
		buf_clear(&out);
		at += n;
	}
	if (n < 0) {
		/* No end mark: the server must not take half of it. */
		log_error("cannot read the text of %s: %s", m->id.s,
		    strerror(errno));
		buf_free(&out);
		client_drop(c);
		reply_make(&c->reply, 451, "4.3.0 cannot read the text");
		return LOST;
	}
	/* Whatever it has said by now, it is no answer to the end. */
	if (io_stale(&c->io)) {
		buf_free(&out);
		return client_last_words(c);
	}
	dot_encode_end(&dot, &out);
	io_write(&c->io, buf_text(&out), out.n);
	io_flush(&c->io);
	buf_free(&out);
	if (c->io.state != IO_OPEN)
		return client_last_words(c);
	c->doubtful = true;
	if (client_hear(c, 2, "the end of the text") == LOST)
		return LOST;
	c->doubtful = false;
	c->dirty = false;
	return c->reply.code < 400 ? SENT :
	    c->reply.code < 500 ? LATER : REFUSED;
}

enum fate
transact(struct client *c, const struct claim *m)
{
	bool utf8 = needs_utf8(m);
	enum fate f = fits(c, m, utf8);

	c->doubtful = false;
	if (f == SENT)
		f = open_envelope(c, m, utf8);
	if (f == SENT)
		f = pour(c, m);
	if (f == SENT)
		c->sent++;
	return f;
}
