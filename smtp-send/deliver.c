/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A message is tried again after one minute, then two, then four, ... */
enum { FIRST_PAUSE = 60, LONGEST_PAUSE = 3600, LOSSES_MOST = 2 };

static time_t
next_try(uint64_t tries, time_t now)
{
	uint64_t pause = LONGEST_PAUSE;

	if (tries < 6)
		pause = (uint64_t)FIRST_PAUSE << tries;
	return now + (time_t)(pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE);
}

static const char *
word_for(enum fate f)
{
	return f == SENT ? "sent" : f == REFUSED ? "bounced" : "deferred";
}

/* A line on stdout: `ID STATUS CODE ENHANCED TEXT`. */
static void
report(const struct run *r, const struct message_id *id, const char *status,
    const struct reply *reply)
{
	struct buf text = { 0 };
	int code = reply->code;
	char enhanced[12];
	const char *rest;

	if (!r->conf->report && !r->conf->hand_back)
		return;
	reply_text(reply, &text);
	reply_enhanced(reply, enhanced);
	rest = text.n > 4 ? text.s + 4 : "";
	if (strncmp(rest, enhanced, strlen(enhanced)) == 0)
		rest += strlen(enhanced);
	rest += strspn(rest, " ");
	if (code >= 500 && strcmp(status, "deferred") == 0) {
		/* the server is unwell, but the message is not to blame */
		code = 451;
		enhanced[0] = '4';
	}
	printf("%s %s %d %s %s\n", id->s, status, code, enhanced, rest);
	fflush(stdout);
	buf_free(&text);
}

static void
log_fate(const struct run *r, const struct claim *m, enum fate f)
{
	const struct client *c = &r->client;
	struct buf text = { 0 };
	char enhanced[12], delay[24];

	reply_text(&c->reply, &text);
	reply_enhanced(&c->reply, enhanced);
	snprintf(delay, sizeof delay, "%" PRId64,
	    (int64_t)(time(NULL) - m->received));
	for (size_t i = 0; i < m->envelope.remote.n; i++)
		log_event("deliver", "to", list_get(&m->envelope.remote, i),
		    "relay", c->relay, "delay", delay, "dsn", enhanced,
		    "status", word_for(f), "reply", buf_text(&text), NULL);
	if (c->doubtful)
		log_warning("the reply to the whole message was lost: "
		    "it may arrive twice");
	buf_free(&text);
}

static void
complain(const struct claim *m, const char *what)
{
	log_error("cannot %s '%s/%s': %s", what, m->spool->path,
	    envelope_name(&m->id, STATE_BUSY).s, strerror(errno));
}

static void
give_up(struct run *r, struct claim *m, const char *reason, int code)
{
	log_warning("failing file: %s", reason);
	if (claim_fail(m, reason, code)) {
		r->bad++;
	} else {
		complain(m, "mark as failed");
		r->later++;
	}
}

bool
too_old(const struct run *r, time_t received)
{
	time_t now = time(NULL);
	uint64_t age = now > received ? (uint64_t)(now - received) : 0;

	return age >= r->conf->retry_for;
}

/* What a filter has against it, or what the server has said. */
static void
put_why(const struct run *r, const struct claim *m, struct buf *out)
{
	if (m->why.n)
		buf_puts(out, m->why.s);
	else
		reply_text(&r->client.reply, out);
}

/* In the words of E-MailRelay, which scripts look for. */
static void
give_up_refused(struct run *r, struct claim *m)
{
	struct buf reason = { 0 };

	buf_puts(&reason, "smtp client failure: ");
	put_why(r, m, &reason);
	give_up(r, m, reason.s, r->client.reply.code);
	buf_free(&reason);
}

static void
put_off(struct run *r, struct claim *m)
{
	struct buf reason = { 0 };

	put_why(r, m, &reason);
	r->later++;
	if (!claim_defer(m, next_try(m->envelope.tries, time(NULL)),
	    reason.s))
		complain(m, "defer");
	buf_free(&reason);
}

static void
remove_files(struct run *r, struct claim *m)
{
	if (!claim_gone(m)) {
		complain(m, "remove");
		r->later++;
	}
}

/* Behind smtp-recv --immediate a client waits for its reply. What was not
 * sent can be refused there, and then it is not ours any more; but only once
 * smtp-recv says so: should it be gone, the message stays. */
static bool
wanted_back(struct run *r)
{
	char *line;
	size_t n;

	return io_line(&r->ids, sizeof(struct message_id), &line, &n) ==
	    IO_LINE && strcmp(line, "drop") == 0;
}

static void
file_away(struct run *r, struct claim *m, enum fate f)
{
	if (f == REFUSED || too_old(r, m->received))
		give_up_refused(r, m);
	else
		put_off(r, m);
}

static void
dispose(struct run *r, struct claim *m, enum fate f)
{
	const struct reply *reply = &r->client.reply;

	log_fate(r, m, f);
	if (r->conf->hand_back && f != SENT) {
		report(r, &m->id, word_for(f), reply);
		if (wanted_back(r))
			remove_files(r, m);
		else
			file_away(r, m, f);
		return;
	}
	if (f == SENT)
		remove_files(r, m);
	else
		file_away(r, m, f);
	report(r, &m->id, word_for(f), reply);
}

/* A session that can take the next message: the one at hand, or a new one. */
static bool
have_session(struct run *r)
{
	struct client *c = &r->client;

	if (client_ready(c) && client_reset(c))
		return true;
	client_drop(c);
	return !r->stop && client_open(c);
}

/* No session: nothing has happened to the message, unless it is too old.
 * The server's absence is no failure of the message: with --retry-for=0 it
 * stays, too. */
static void
no_session(struct run *r, struct claim *m)
{
	r->stop = true;
	if (r->conf->hand_back) {
		dispose(r, m, LATER);
	} else if (r->conf->retry_for && too_old(r, m->received)) {
		give_up_refused(r, m);
		report(r, &m->id, word_for(REFUSED), &r->client.reply);
	} else {
		r->later++;
		claim_release(m);
		report(r, &m->id, word_for(LATER), &r->client.reply);
	}
}

/* Was the session ended by the server after it has served us well? Many
 * take so many messages and no more over a connection. */
static bool
worn_out(const struct client *c, unsigned sent_before, enum fate f)
{
	return sent_before > 0 && !c->open && !c->doubtful &&
	    (f == LOST || (f == LATER && c->reply.code == 421));
}

/* It could not even be looked at: it stays where it is. */
static void
keep(struct run *r, const struct claim *m)
{
	struct reply why = { 0 };

	r->later++;
	if (m->why.n)
		log_error("%s: %s", m->why.s, strerror(errno));
	else
		complain(m, "claim");
	reply_make(&why, 451, "4.3.0 local error");
	report(r, &m->id, "kept", &why);
	reply_free(&why);
}

static void
leave_alone(struct run *r, struct claim *m)
{
	struct reply why = { 0 };

	log_info("left alone: the filter has said so");
	r->later++;
	claim_release(m);
	reply_make(&why, 250, "2.0.0 left alone by the filter");
	report(r, &m->id, "kept", &why);
	reply_free(&why);
}

static void
note_gone(struct run *r, const struct claim *m, enum judgement how)
{
	struct reply why = { 0 };

	if (how == FILTER_ABANDON)
		log_info("discard: the filter has dealt with it");
	else
		log_warning("the filter has removed the message");
	reply_make(&why, 250, "2.0.0 the filter has dealt with it");
	report(r, &m->id, "taken", &why);
	reply_free(&why);
}

static void
handle_damaged(struct run *r, struct claim *m)
{
	struct reply why = { 0 };

	reply_make(&why, 554, m->why.s);
	report(r, &m->id, word_for(REFUSED), &why);
	reply_free(&why);
	if (r->conf->hand_back && wanted_back(r))
		remove_files(r, m);
	else
		give_up(r, m, m->why.s, 0);
}

static void
handle_empty(struct run *r, struct claim *m)
{
	buf_set(&m->why, "no remote recipients");
	handle_damaged(r, m);
}

/* May it go? Otherwise it has been seen to. */
static bool
filtered(struct run *r, struct claim *m)
{
	enum judgement how = FILTER_ACCEPT;
	enum claim_verdict verdict = CLAIM_OURS;

	if (r->filter.n > 0)
		verdict = filters_ask(r, m, &how);
	if (verdict == CLAIM_ERROR)
		keep(r, m);
	else if (verdict == CLAIM_TAKEN)
		note_gone(r, m, how);
	else if (how == FILTER_ABANDON)
		leave_alone(r, m);
	else if (verdict == CLAIM_DAMAGED)
		handle_damaged(r, m);
	else if (how != FILTER_ACCEPT)
		dispose(r, m, r->client.reply.code < 500 ? LATER : REFUSED);
	else if (m->envelope.remote.n > 0)
		return true;
	else
		handle_empty(r, m);
	return false;
}

/* The filter comes behind the connection: without one it would run again at
 * each try, and change again what it has changed. */
static void
send_claimed(struct run *r, struct claim *m)
{
	struct client *c = &r->client;
	unsigned sent;
	enum fate f;

	if (!have_session(r)) {
		no_session(r, m);
		return;
	}
	if (!filtered(r, m))
		return;
	do {
		if (!have_session(r)) {
			no_session(r, m);
			return;
		}
		sent = c->sent;
		f = transact(c, m);
	} while (worn_out(c, sent, f));
	if (c->open)
		r->losses = 0;
	else if (f != SENT && ++r->losses >= LOSSES_MOST)
		r->stop = true;
	dispose(r, m, f);
}


static void
handle_taken(struct run *r, const struct message_id *id, bool forced)
{
	struct reply why = { 0 };
	enum state st;

	if (forced && !envelope_find(&r->spool, id, &st))
		log_warning("no such message");
	else
		log_detail("cannot lock file: %s", id->s);
	reply_make(&why, 250, "2.0.0 in other hands");
	report(r, id, "taken", &why);
	reply_free(&why);
}


static void
send_one(struct run *r, struct claim *m, bool forced)
{
	if (!forced && m->due > time(NULL)) {
		r->later++;
		claim_release(m);
	} else if (m->envelope.remote.n == 0) {
		handle_empty(r, m);
	} else {
		send_claimed(r, m);
	}
}

void
deliver(struct run *r, const struct message_id *id, bool forced)
{
	struct claim m = { .fd = -1 };

	log_subject(id->s);
	switch (claim_take(&m, &r->spool, id)) {
	case CLAIM_OURS:
		send_one(r, &m, forced);
		break;
	case CLAIM_TAKEN:
		handle_taken(r, id, forced);
		break;
	case CLAIM_DAMAGED:
		handle_damaged(r, &m);
		break;
	case CLAIM_ERROR:
		keep(r, &m);
		break;
	}
	claim_free(&m);
	log_subject(NULL);
}
