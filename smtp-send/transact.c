/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/xtext.h"
#include "mail/header.h"

/* RCPT commands in one go; and octets of text behind them. More, and both
 * sides could wait for one another to read. */
enum { GROUP = 100, AHEAD = 65536 };
enum { BLOCK = 65536, HOPS_MOST = 100, AUTH_MOST = 500 };

/* The beginning of the text, of which as many octets as are there; valid until
 * the next call. On the stack it would be zeroed each time. */
static const char *
beginning(const struct claim *m, size_t *n)
{
	static char block[BLOCK];
	ssize_t k = pread(m->content, block, sizeof block, 0);

	*n = k > 0 ? (size_t)k : 0;
	return block;
}

/* Has it been handed round in a circle? (RFC 5321 section 6.3; the first 64
 * KiB of the header will do.) */
static bool
too_many_hops(const struct claim *m)
{
	size_t n;
	const char *text = beginning(m, &n);

	return header_count(text, n, "Received") > HOPS_MOST;
}

/* Are there octets from 0x80 in the header? (Its first 64 KiB will do.) */
static bool
header_is_ascii(const struct claim *m)
{
	size_t n;
	const char *text = beginning(m, &n);
	const char *end = memmem(text, n, "\r\n\r\n", 4);

	return text_ascii(text, end ? (size_t)(end - text) : n);
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

struct transaction {
	struct client *c;
	struct claim *m;
	struct answers *a;
	bool some;              /* --forward-to-some */
	bool utf8;
	bool chunks;            /* BDAT, not DATA */
	bool ahead;             /* the text, or DATA, was said with the RCPTs */
	size_t *to;             /* places of those it is for */
	size_t n, heard;
	size_t taken;           /* of those heard */
	bool lost;              /* somebody's answer was not heard */
	size_t full;            /* taken when there were too many; 0: never */
	struct outcome whole;   /* what all recipients share */
	struct outcome each;    /* ... and what they do not */
};

static void
choose(struct transaction *t)
{
	const struct envelope *e = &t->m->envelope;

	t->to = need_memory((e->remote.n + 1) * sizeof *t->to);
	for (size_t i = 0; i < e->remote.n; i++)
		if (envelope_recipient(e, i) == RECIPIENT_PENDING &&
		    !t->a->of[i].asked &&
		    (t->c->crowd == 0 || t->n < t->c->crowd))
			t->to[t->n++] = i;
}

static const char *
address(const struct transaction *t, size_t i)
{
	return list_get(&t->m->envelope.remote, t->to[i]);
}

/* RFC 5321 section 4.5.3.1.10: "too many recipients" is 452, and 552 in old
 * servers. Both have other meanings too, which the enhanced code tells, or
 * with 552, which is mostly about a full mailbox, the text. */
static bool
is_crowded(const struct transaction *t, const struct reply *r)
{
	const char *text = r->lines.n ? list_get(&r->lines, 0) : "";
	char enhanced[12];

	if (t->taken == 0 || (r->code != 452 && r->code != 552))
		return false;
	reply_enhanced(r, enhanced);
	if (strncmp(text, enhanced, strlen(enhanced)) == 0)
		return strcmp(enhanced + 1, ".5.3") == 0;
	return r->code == 452 || strcasestr(text, "too many");
}

/* The connection goes away. What it has refused before that weighs more,
 * unless each recipient stands for himself. */
static void
note_end(struct transaction *t, enum fate f)
{
	outcome_note(t->some ? &t->whole : &t->each, f, &t->c->reply, NULL);
}

static void
hear_mail(struct transaction *t)
{
	enum fate f = client_hear(t->c, 2, "MAIL");

	outcome_note(&t->whole, f, &t->c->reply, NULL);
	t->c->mute = f == LOST;
	if (f != SENT && f != LOST)
		t->c->doubtful = false;
}

static void
hear_recipient(struct transaction *t)
{
	struct client *c = t->c;
	size_t i = t->heard++;
	bool open = c->open;
	enum fate f = client_hear(c, 2, "RCPT");
	struct said *a = &t->a->of[t->to[i]];

	t->lost |= f == LOST;
	if (open && c->reply.code == 421)
		c->doubtful = false;    /* it reads no further */
	if (f == SENT) {
		t->taken++;
	} else if (t->whole.fate != SENT) {
		return;         /* without a sender this means nothing */
	} else if (!c->open) {
		note_end(t, f);
		return;
	} else if (is_crowded(t, &c->reply)) {
		t->full = t->full ? t->full : t->taken;
		return;
	} else {
		outcome_note(&t->each, f, &c->reply, address(t, i));
		reply_copy(&a->reply, &c->reply);
	}
	a->asked = true;
	a->fate = f;
}

/* May the text be said before it is known who is taken? Yes if it goes to
 * those who are, or if there is only one. With DATA there is a way back if
 * nobody is, and with BDAT none is needed. */
static bool
may_go_ahead(const struct transaction *t, size_t said)
{
	if (said < t->n || !(t->c->can & PIPELINING) ||
	    (t->n > 1 && !t->some))
		return false;
	return (!t->chunks || t->m->octets <= AHEAD) &&
	    (envelope_recipients(&t->m->envelope, RECIPIENT_PENDING) == 1 ||
	    claim_can_note(t->m));
}

static void
go_ahead(struct transaction *t)
{
	t->ahead = true;
	if (!t->chunks)
		client_say(t->c, "DATA");
	else if (!content_ahead(t->c, t->m))
		note_end(t, LOST);
}

static bool
worth_asking(const struct transaction *t)
{
	return t->c->open && t->heard < t->n && !t->full &&
	    t->whole.fate == SENT && (t->some || t->each.fate == SENT);
}

/* MAIL and RCPT, up to GROUP of them in one go, or one by one. */
static void
open_envelope(struct transaction *t)
{
	struct client *c = t->c;
	size_t group = c->can & PIPELINING ? GROUP : 1, said;

	if (group == 1)
		hear_mail(t);
	while (worth_asking(t)) {
		for (said = t->heard; said < t->n && said < t->heard + group;
		    said++)
			client_say(c, "RCPT TO:<%s>", address(t, said));
		if (t->heard == 0 && may_go_ahead(t, said))
			go_ahead(t);
		if (t->heard == 0 && group > 1)
			hear_mail(t);
		while (t->heard < said)
			hear_recipient(t);
	}
	if (t->full && t->full == t->taken)
		c->crowd = t->taken;
	if (t->heard == t->n && t->taken == 0 && !t->lost)
		c->doubtful = false;
}

/* BDAT was offered, and is no command: what we have said then was taken for
 * commands, and the replies to these may be taken for ones to ours. */
static bool
is_no_command(const struct reply *r)
{
	return r->code == 500 || r->code == 502;
}

/* The text is not to go, though it was said that it comes, or all of it was
 * said. */
static void
take_back(struct transaction *t)
{
	struct client *c = t->c;

	if (!t->ahead || !c->open)
		return;
	if (t->chunks) {
		client_hear(c, 2, "BDAT");      /* of no recipients */
		if (is_no_command(&c->reply))
			client_drop(c);
	} else if (client_hear(c, 3, "DATA") == SENT) {
		if (t->taken > 0) {
			client_drop(c); /* it would get an empty message */
			return;
		}
		/* RFC 2920 section 3.1 */
		client_say(c, ".");
		client_hear(c, 2, "an empty message");
	}
	if (c->open)
		c->doubtful = false;
}

/* Not with this server, and not over this connection. */
static void
see_chunks(struct transaction *t, enum fate f)
{
	struct client *c = t->c;

	if (f == REFUSED && is_no_command(&c->reply)) {
		log_warning("%s offers CHUNKING and knows no BDAT", c->relay);
		c->no_chunks = true;
		client_drop(c);
	}
}

static enum fate
say_text(struct transaction *t)
{
	struct client *c = t->c;
	enum fate f;

	if (t->chunks) {
		f = t->ahead ? content_verdict(c) : content_chunks(c, t->m);
		see_chunks(t, f);
		return f;
	}
	if (!t->ahead)
		client_say(c, "DATA");
	f = client_hear(c, 3, "DATA");
	return f == SENT ? content_lines(c, t->m) : f;
}

/* Is there room to write down who has got it, if others have not? */
static bool
can_note(struct transaction *t)
{
	if (t->ahead || t->taken ==
	    envelope_recipients(&t->m->envelope, RECIPIENT_PENDING) ||
	    claim_can_note(t->m))
		return true;
	log_error("cannot note who gets it: no room in the spool");
	reply_make(&t->c->reply, 452, "4.3.1 no room in the spool");
	return false;
}

/* What the recipients have come to decides; the reply is of that then. */
static enum fate
converse(struct transaction *t)
{
	struct outcome *o;

	t->c->dirty = true;
	say_mail(t->c, t->m, t->utf8);
	open_envelope(t);
	o = t->whole.fate != SENT ? &t->whole : &t->each;
	if (o->fate == SENT || (o == &t->each && t->some && t->taken > 0))
		return can_note(t) ? say_text(t) : LATER;
	t->a->nobody = o == &t->each && t->some;
	take_back(t);
	reply_free(&t->c->reply);
	t->c->reply = o->reply;
	o->reply = (struct reply){ 0 };
	return o->fate;
}

enum fate
transact(struct client *c, struct claim *m, struct answers *a)
{
	struct transaction t = { .c = c, .m = m, .a = a,
		.some = c->conf->to_some, .utf8 = needs_utf8(m),
		.chunks = (c->can & CHUNKING) && !c->no_chunks };
	enum fate f = fits(c, m, t.utf8);

	c->doubtful = c->mute = a->nobody = false;
	if (f == SENT) {
		choose(&t);
		f = converse(&t);
	}
	if (f == SENT)
		c->sent++;
	reply_free(&t.whole.reply);
	reply_free(&t.each.reply);
	free(t.to);
	return f;
}
