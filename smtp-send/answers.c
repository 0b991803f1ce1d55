/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

enum { REASON_MOST = 1000 };

/* `5.1.1 one or more recipients rejected: <a@b>: no such user`, the words of
 * E-MailRelay, which scripts look for. */
static void
put_blame(struct buf *text, const struct reply *r, const char *about)
{
	char enhanced[12];
	const char *line;

	reply_enhanced(r, enhanced);
	if (about)
		buf_printf(text, "%s one or more recipients rejected: <%s>:",
		    enhanced, about);
	for (size_t i = 0; i < r->lines.n; i++) {
		line = list_get(&r->lines, i);
		/* it begins the whole already */
		if (i == 0 && text->n && text_starts(line, enhanced))
			line += strlen(enhanced);
		buf_printf(text, text->n && *line != ' ' ? " %s" : "%s", line);
	}
}

void
outcome_note(struct outcome *o, enum fate f, const struct reply *r,
    const char *about)
{
	struct buf text = { 0 };

	if (f == LOST ? o->fate != SENT : f <= o->fate)
		return;
	o->fate = f;
	put_blame(&text, r, f == LOST || r->code == 421 ? NULL : about);
	reply_make(&o->reply, r->code, buf_text(&text));
	buf_free(&text);
}

void
answers_open(struct answers *a, const struct claim *m)
{
	size_t octets = m->envelope.remote.n * sizeof *a->of;

	a->n = m->envelope.remote.n;
	a->of = need_memory(octets);
	memset(a->of, 0, octets);
}

void
answers_free(struct answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		reply_free(&a->of[i].reply);
	free(a->of);
	*a = (struct answers){ .n = 0 };
}

void
answers_again(struct answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		a->of[i].asked &= a->of[i].fate != SENT;
}

bool
answers_missing(const struct answers *a, const struct claim *m)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->of[i].asked && envelope_recipient(&m->envelope, i) ==
		    RECIPIENT_PENDING)
			return true;
	return false;
}

/* --- the log --- */

const char *
fate_word(enum fate f)
{
	return f == SENT ? "sent" : f == REFUSED ? "bounced" : "deferred";
}

static void
log_fate(const struct run *r, const struct claim *m, size_t i, enum fate f,
    const struct reply *reply)
{
	struct buf text = { 0 };
	char enhanced[12], delay[24];

	reply_text(reply, &text);
	reply_enhanced(reply, enhanced);
	snprintf(delay, sizeof delay, "%" PRId64,
	    (int64_t)(time(NULL) - m->received));
	log_event("deliver", "to", list_get(&m->envelope.remote, i),
	    "relay", r->client.relay, "delay", delay, "dsn", enhanced,
	    "status", fate_word(f), "reply", buf_text(&text), NULL);
	buf_free(&text);
}

/* --- one recipient --- */

static void
settle_one(struct run *r, struct claim *m, size_t i, enum fate f,
    const struct reply *reply)
{
	struct buf text = { 0 };

	log_fate(r, m, i, f, reply);
	reply_text(reply, &text);
	claim_settle(m, i, f == SENT ? RECIPIENT_DONE : RECIPIENT_REFUSED,
	    text.s);
	buf_free(&text);
}

void
warn_of_doubt(const struct client *c)
{
	if (c->doubtful)
		log_warning("the reply to the whole message was lost: "
		    "it may arrive twice");
}

void
answers_settle(struct run *r, struct claim *m, const struct answers *a,
    enum fate f)
{
	const struct reply *said = &r->client.reply;
	bool some = r->conf->to_some;

	for (size_t i = 0; i < a->n; i++) {
		if (envelope_recipient(&m->envelope, i) != RECIPIENT_PENDING)
			continue;
		if (a->of[i].asked && a->of[i].fate != SENT) {
			if (some && a->of[i].fate == REFUSED)
				settle_one(r, m, i, REFUSED, &a->of[i].reply);
		} else if (a->of[i].asked && f == SENT) {
			settle_one(r, m, i, SENT, said);
		} else if (some && f == REFUSED && !a->nobody) {
			settle_one(r, m, i, REFUSED, said);
		}
	}
	warn_of_doubt(&r->client);
}

/* --- all of them --- */

/* Those who are pending: each has his own answer, or the one to all. */
static void
sum_pending(const struct run *r, const struct claim *m,
    const struct answers *a, enum fate f, struct outcome *o)
{
	const struct envelope *e = &m->envelope;
	bool some = r->conf->to_some;

	for (size_t i = 0; i < e->remote.n; i++) {
		if (envelope_recipient(e, i) != RECIPIENT_PENDING)
			continue;
		if (some && i < a->n && a->of[i].asked &&
		    a->of[i].fate == LATER) {
			log_fate(r, m, i, LATER, &a->of[i].reply);
			outcome_note(o, LATER, &a->of[i].reply,
			    list_get(&e->remote, i));
		} else {
			log_fate(r, m, i, f, &r->client.reply);
			outcome_note(o, f, &r->client.reply, NULL);
		}
	}
}

/* What was said to the first of those refused, and who that is. */
static size_t
first_refused(const struct envelope *e, struct reply *reply)
{
	size_t i = 0;

	while (envelope_recipient(e, i) != RECIPIENT_REFUSED)
		i++;
	reply_read(reply, envelope_refusal(e, i));
	return i;
}

static void
sum_refused(const struct claim *m, struct outcome *o)
{
	struct reply reply = { 0 };
	size_t i = first_refused(&m->envelope, &reply);

	outcome_note(o, REFUSED, &reply, list_get(&m->envelope.remote, i));
	reply_free(&reply);
}

enum fate
answers_sum(struct run *r, struct claim *m, const struct answers *a,
    enum fate f)
{
	struct outcome o = { .fate = SENT };

	if (envelope_recipients(&m->envelope, RECIPIENT_PENDING) > 0)
		sum_pending(r, m, a, f, &o);
	else if (m->envelope.refused > 0)
		sum_refused(m, &o);
	else
		return SENT;
	reply_free(&r->client.reply);
	r->client.reply = o.reply;
	return o.fate == REFUSED ? REFUSED : LATER;
}

/* --- given up --- */

static void
close_ranks(const struct run *r, struct claim *m, const struct answers *a)
{
	const struct reply *reply;
	struct buf text = { 0 };

	for (size_t i = 0; i < m->envelope.remote.n; i++) {
		if (envelope_recipient(&m->envelope, i) != RECIPIENT_PENDING)
			continue;
		reply = i < a->n && a->of[i].reply.code ? &a->of[i].reply :
		    &r->client.reply;
		buf_clear(&text);
		reply_text(reply, &text);
		claim_settle(m, i, RECIPIENT_REFUSED, buf_text(&text));
	}
	buf_free(&text);
}

static int
list_refused(const struct envelope *e, struct buf *out)
{
	size_t start = out->n, left = e->refused - 1, i;
	struct reply reply = { 0 };
	int code;

	i = first_refused(e, &reply);
	code = reply.code;
	buf_printf(out, "%d ", code);
	put_blame(out, &reply, list_get(&e->remote, i));
	reply_free(&reply);
	while (left > 0 && out->n - start < REASON_MOST) {
		if (envelope_recipient(e, ++i) != RECIPIENT_REFUSED)
			continue;
		buf_printf(out, "; <%s>: %s", list_get(&e->remote, i),
		    envelope_refusal(e, i));
		left--;
	}
	if (left > 0)
		buf_printf(out, "; and %zu more", left);
	return code;
}

int
answers_reason(const struct run *r, struct claim *m, const struct answers *a,
    struct buf *out)
{
	if (m->envelope.refused > 0) {
		close_ranks(r, m, a);
		return list_refused(&m->envelope, out);
	}
	if (m->why.n)
		buf_puts(out, m->why.s);
	else
		reply_text(&r->client.reply, out);
	return r->client.reply.code;
}
