/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { LOSSES_MOST = 2 };

/* A session that can take the next message: the one at hand, or a new one. */
static bool
have_session(struct run *r)
{
	struct client *c = &r->client;

	if (client_ready(c) && client_reset(c))
		return true;
	client_drop(c);
	return !r->stop && worker_connect(r);
}

/* No session: nothing has happened to the message, unless it is too old.
 * The server's absence is no failure of the message: with --retry-for=0 it
 * stays, too. */
static void
no_session(struct run *r, struct claim *m, const struct answers *a)
{
	if (worker_gives_back(r, m))
		return;
	r->stop = true;
	if (r->conf->hand_back) {
		dispose(r, m, a, LATER);
	} else if (r->conf->retry_for && too_old(r, m->received)) {
		give_up_refused(r, m, a);
		report(r, &m->id, fate_word(REFUSED), &r->client.reply);
	} else {
		r->later++;
		claim_release(m);
		report(r, &m->id, fate_word(LATER), &r->client.reply);
	}
}

/* Was the session ended by the server after it has served us well? Many
 * take so many messages and no more over a connection. One that has not even
 * answered MAIL has hardly taken a text that was sent along with it. */
static bool
worn_out(const struct client *c, unsigned sent_before, enum fate f)
{
	return sent_before > 0 && !c->open && (!c->doubtful || c->mute) &&
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
		cannot(m, "claim");
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
	report(r, &m->id, fate_word(REFUSED), &why);
	reply_free(&why);
	if (r->conf->hand_back && wanted_back(r))
		remove_files(r, m);
	else
		give_up(r, m, m->why.s, 0);
}

/* All have got it, and whoever knew that has died before he could remove it. */
static void
handle_done(struct run *r, struct claim *m)
{
	struct reply why = { 0 };

	log_info("all recipients have got it before");
	remove_files(r, m);
	reply_make(&why, 250, "2.0.0 sent before");
	report(r, &m->id, fate_word(SENT), &why);
	reply_free(&why);
}

static void
handle_empty(struct run *r, struct claim *m)
{
	buf_set(&m->why, "no remote recipients");
	handle_damaged(r, m);
}

/* Is there somebody to send it to? Otherwise it has been seen to. */
static bool
has_recipients(struct run *r, struct claim *m)
{
	if (envelope_recipients(&m->envelope, RECIPIENT_PENDING) > 0)
		return true;
	if (m->envelope.remote.n > 0)
		handle_done(r, m);
	else
		handle_empty(r, m);
	return false;
}

/* The filter's reply is that to all. */
static void
refuse(struct run *r, struct claim *m)
{
	struct answers a = { .n = 0 };

	dispose(r, m, &a, r->client.reply.code < 500 ? LATER : REFUSED);
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
		refuse(r, m);
	else
		return has_recipients(r, m);
	return false;
}

/* A transaction, and another one if it has got nowhere for a reason that is
 * gone by now. False: there is no session any more. */
static bool
transact_surely(struct run *r, struct claim *m, struct answers *a,
    enum fate *f)
{
	struct client *c = &r->client;
	bool no_chunks;
	unsigned sent;

	for (;;) {
		if (!have_session(r))
			return false;
		sent = c->sent;
		no_chunks = c->no_chunks;
		*f = transact(c, m, a);
		if (!worn_out(c, sent, *f) && c->no_chunks == no_chunks)
			return true;
		warn_of_doubt(c);
		answers_again(a);
	}
}

/* As many transactions as the server wants recipients at once. What has become
 * of some is on disk before the next ones are asked. */
static void
send_to_all(struct run *r, struct claim *m, struct answers *a)
{
	struct client *c = &r->client;
	enum fate f;

	for (;;) {
		if (!transact_surely(r, m, a, &f)) {
			no_session(r, m, a);
			return;
		}
		answers_settle(r, m, a, f);
		if ((f != SENT && !a->nobody) || !answers_missing(a, m))
			break;
		if (!claim_note(m)) {
			cannot(m, "note who has got");
			reply_make(&c->reply, 451, "4.3.0 local error");
			f = LATER;
			break;
		}
	}
	if (c->open)
		r->losses = 0;
	else if (f != SENT && ++r->losses >= LOSSES_MOST)
		r->stop = true;
	dispose(r, m, a, f);
}

/* The filter comes behind the connection: without one it would run again at
 * each try, and change again what it has changed. */
static void
send_claimed(struct run *r, struct claim *m)
{
	struct answers a = { .n = 0 };

	if (!have_session(r)) {
		no_session(r, m, &a);
		return;
	}
	if (!filtered(r, m))
		return;
	answers_open(&a, m);
	send_to_all(r, m, &a);
	answers_free(&a);
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
	} else if (has_recipients(r, m)) {
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

void
deliver_named(struct run *r, const struct message_id *id)
{
	queue_recover(r, id);
	deliver(r, id, true);
}
