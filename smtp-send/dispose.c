/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A message is tried again after one minute, then two, then four, ... */
enum { FIRST_PAUSE = 60, LONGEST_PAUSE = 3600 };

static time_t
next_try(uint64_t tries, time_t now)
{
	uint64_t pause = LONGEST_PAUSE;

	if (tries < 6)
		pause = (uint64_t)FIRST_PAUSE << tries;
	return now + (time_t)(pause < LONGEST_PAUSE ? pause : LONGEST_PAUSE);
}

/* In one write: others may write theirs at the same time. */
static void
put_line(const char *id, const char *status, int code, const char *enhanced,
    const char *rest)
{
	struct buf line = { 0 };

	buf_printf(&line, "%s %s %d %s %s\n", id, status, code, enhanced,
	    rest);
	/* who has not heard it must not be waited for: nor may he wait */
	if (write_all(STDOUT_FILENO, line.s, line.n) < 0)
		shutdown(STDOUT_FILENO, SHUT_RDWR);
	buf_free(&line);
}

void
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
	put_line(id->s, status, code, enhanced, rest);
	buf_free(&text);
}

void
cannot(const struct claim *m, const char *what)
{
	log_error("cannot %s '%s/%s': %s", what, m->spool->path,
	    envelope_name(&m->id, STATE_BUSY).s, strerror(errno));
}

void
give_up(struct run *r, struct claim *m, const char *reason, int code)
{
	log_warning("failing file: %s", reason);
	if (claim_fail(m, reason, code)) {
		r->bad++;
		counters_add(&r->client.counters, COUNT_FAILED);
	} else {
		cannot(m, "mark as failed");
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

void
give_up_refused(struct run *r, struct claim *m, const struct answers *a)
{
	struct buf reason = { 0 };
	int code;

	buf_puts(&reason, "smtp client failure: ");
	code = answers_reason(r, m, a, &reason);
	give_up(r, m, reason.s, code);
	buf_free(&reason);
}

static void
put_off(struct run *r, struct claim *m)
{
	struct buf reason = { 0 };

	if (m->why.n)
		buf_puts(&reason, m->why.s);
	else
		reply_text(&r->client.reply, &reason);
	r->later++;
	counters_add(&r->client.counters, COUNT_DEFERRED);
	if (!claim_defer(m, next_try(m->envelope.tries, time(NULL)),
	    reason.s))
		cannot(m, "defer");
	buf_free(&reason);
}

void
remove_files(struct run *r, struct claim *m)
{
	if (!claim_gone(m, &r->sweeper)) {
		cannot(m, "remove");
		r->later++;
	}
}

bool
wanted_back(struct run *r)
{
	char *line;
	size_t n;

	return io_line(&r->ids, sizeof(struct message_id), &line, &n) ==
	    IO_LINE && strcmp(line, "drop") == 0;
}

/* Returns what has become of it: LATER or REFUSED. */
static enum fate
file_away(struct run *r, struct claim *m, const struct answers *a,
    enum fate f)
{
	if (f == REFUSED || too_old(r, m->received)) {
		give_up_refused(r, m, a);
		return REFUSED;
	}
	put_off(r, m);
	return LATER;
}

/* Some have got it, so it cannot be handed back: the rest of it is ours. */
static bool
sent_in_part(struct run *r, struct claim *m, const struct answers *a,
    enum fate f)
{
	const struct envelope *e = &m->envelope;
	size_t all = e->remote.n, done = e->done;
	struct reply why = { 0 };
	struct buf text = { 0 };

	if (!r->conf->hand_back || done == 0)
		return false;
	file_away(r, m, a, f);
	buf_printf(&text, "2.0.0 sent to %zu of %zu recipients", done, all);
	reply_make(&why, 250, text.s);
	report(r, &m->id, "partly", &why);
	reply_free(&why);
	buf_free(&text);
	return true;
}

void
dispose(struct run *r, struct claim *m, const struct answers *a, enum fate f)
{
	const struct reply *reply = &r->client.reply;

	f = answers_sum(r, m, a, f);
	if (f == SENT) {
		r->sent++;
		counters_add(&r->client.counters, COUNT_SENT);
	}
	if (f == SENT) {
		remove_files(r, m);
		report(r, &m->id, fate_word(f), reply);
	} else if (sent_in_part(r, m, a, f)) {
		return;
	} else if (r->conf->hand_back) {
		report(r, &m->id, fate_word(f), reply);
		if (wanted_back(r))
			remove_files(r, m);
		else
			file_away(r, m, a, f);
	} else {
		f = file_away(r, m, a, f);
		report(r, &m->id, fate_word(f), reply);
	}
}
