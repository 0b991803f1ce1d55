/* SPDX-License-Identifier: ISC */
#include "jobs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/date.h"

enum {
	AGAIN_MS = 60 * 1000,   /* after a connection too many */
	IDLE_MS = 10 * 1000,    /* then a connection is not kept for more work */
	TICK_MS = 1000,
	PAINT_MS = 200
};

struct jobs {
	struct run *r;
	struct manner how;
	struct crew crew;
	struct backlog backlog;
	bool broken;            /* there is nobody left to do it */
	struct worker *last;    /* the server is not there, as this one knows */
	int64_t not_before;     /* do not try for another connection */
	unsigned losses;        /* of connections, in a row */
	unsigned deaths;        /* the same, of workers */
};

bool
jobs_wanted(const struct run *r, size_t messages)
{
	return r->conf->jobs > 1 && messages > 0 && !r->conf->hand_back;
}

/* The next one to be sent. Where there is no server, of those in the spool only
 * such as have waited too long. */
static bool
take(struct jobs *j, struct message_id *id)
{
	while (backlog_take(&j->backlog, id)) {
		if (!j->last || j->how.forced || queue_overdue(j->r, id))
			return true;
		j->r->later++;
	}
	return false;
}

/* May there be a new connection? The first one shows whether there is a server
 * that lets us in, and from there on they double, so that one that takes only
 * so many is not asked for many more. */
static bool
may_hire(const struct jobs *j)
{
	const struct crew *c = &j->crew;

	if (j->broken || !crew_place(c))
		return false;
	if (crew_count(c, worker_is_alive) == 0)
		return true;
	return date_ticks() >= j->not_before &&
	    crew_count(c, worker_is_opening) <
	    crew_count(c, worker_has_session);
}

static struct worker *
find_worker(struct jobs *j)
{
	struct worker *w;

	if (j->last)
		return worker_is_alive(j->last) && !j->last->busy ? j->last :
		    NULL;
	w = crew_idle(&j->crew);
	if (w || !may_hire(j))
		return w;
	w = crew_place(&j->crew);
	if (crew_hire(&j->crew, w, j->r, j->how))
		return w;
	log_error("cannot start a process for another connection: %s",
	    strerror(errno));
	j->broken = crew_count(&j->crew, worker_is_alive) == 0;
	j->not_before = date_ticks() + AGAIN_MS;
	return NULL;
}

static void
hand_out(struct jobs *j)
{
	struct worker *w;

	while (backlog_size(&j->backlog) > 0 &&
	    (w = find_worker(j)) != NULL && take(j, &w->id)) {
		w->busy = true;
		worker_tell(w, ORDER_SEND);
	}
}

/* --- what they say --- */

static void
give_up_on_server(struct jobs *j, struct worker *w)
{
	if (!j->how.streaming)
		j->last = w;
}

/* The server does not let it in. While others are in, that is a limit of the
 * server's, and they do the work. */
static void
answer(struct jobs *j, struct worker *w)
{
	size_t others = crew_others(&j->crew, w);

	w->session = false;
	if (others > 0) {
		log_info("going on with %zu connections", others);
		w->leaving = true;
		j->not_before = date_ticks() + AGAIN_MS;
		worker_tell(w, ORDER_GIVE_BACK);
	} else {
		give_up_on_server(j, w);
		worker_tell(w, ORDER_GO_ON);
	}
}

/* It has lost one connection after the other. If that has happened to nobody
 * else, the server does not like so many. */
static void
consider_losses(struct jobs *j, struct worker *w)
{
	if (crew_others(&j->crew, w) > 0 && j->losses < w->losses) {
		worker_dismiss(w);
		j->not_before = date_ticks() + AGAIN_MS;
	} else {
		give_up_on_server(j, w);
	}
}

static void
note_done(struct jobs *j, struct worker *w, const struct word *said)
{
	struct run *r = j->r;

	w->busy = false;
	w->idle_since = date_ticks();
	w->session = said->session;
	r->sent += said->sent;
	r->later += said->later;
	r->bad += said->bad;
	r->enough |= said->enough;
	j->deaths = 0;
	if (said->losses > w->losses)
		j->losses++;
	else if (said->session)
		j->losses = 0;
	w->losses = said->losses;
	if (said->stop && !j->last)
		consider_losses(j, w);
	progress_move(r, 1);
}

static void
give_back(struct jobs *j, struct worker *w)
{
	if (w->busy)
		backlog_return(&j->backlog, &w->id);
	w->busy = false;
	w->leaving = true;
}

/* Put back what the dead was at. With its sandbox it is two processes, of which
 * the second dies with the first, but not in the same moment. True if it was
 * put back. */
static bool
recover(const struct spool *s, const struct message_id *id)
{
	enum { TRIES = 100, PAUSE_MS = 10 };
	enum state st;

	for (int i = 0; i < TRIES; i++) {
		if (claim_recover(s, id, false))
			return true;
		if (!envelope_find(s, id, &st) || st != STATE_BUSY)
			return false;
		poll(NULL, 0, PAUSE_MS);
	}
	return false;
}

/* What it was at is nobody's then, and is left for another run: somebody may
 * have killed it, and a message may have. Whether the server has it nobody
 * knows. What is neither .busy nor due was filed away before, and reported. */
static void
leave_behind(struct run *r, const struct message_id *id, const char *how)
{
	struct buf text = { 0 };
	struct reply why = { 0 };
	bool open = recover(&r->spool, id);
	enum state st;

	if (envelope_find(&r->spool, id, &st) &&
	    (st == STATE_READY || st == STATE_BUSY)) {
		r->later++;
		open |= message_due(&r->spool, id);
	}
	if (open) {
		buf_printf(&text, "4.3.0 the process that was at it %s", how);
		reply_make(&why, 451, text.s);
		report(r, id, "kept", &why);
	}
	reply_free(&why);
	buf_free(&text);
	progress_move(r, 1);
}

/* It is dead. */
static void
mourn(struct jobs *j, const struct worker *w, int status)
{
	char how[64];

	if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "was killed by signal %d",
		    WTERMSIG(status));
	else
		snprintf(how, sizeof how, "has ended with status %d",
		    WEXITSTATUS(status));
	if (w->busy)
		log_subject(w->id.s);
	log_error("the process %ld of this run %s", (long)w->pid, how);
	if (w->busy)
		leave_behind(j->r, &w->id, how);
	log_subject(NULL);
	if (++j->deaths > j->crew.places)
		j->broken = true;
}

static void
bury(struct jobs *j, struct worker *w)
{
	int status = worker_bury(w);

	if (w == j->last) {
		j->last = NULL;
		j->broken = true;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_OK)
		give_back(j, w);        /* it has had a signal, between two */
	else
		mourn(j, w, status);
}

static void
hear(struct jobs *j, struct worker *w)
{
	struct word said;

	switch (worker_hear(w, &said)) {
	case HEARD_NOTHING:
		return;
	case HEARD_END:
		bury(j, w);
		return;
	case HEARD_WORD:
		break;
	}
	switch (said.kind) {
	case WORD_SESSION:
		w->session = true;
		break;
	case WORD_NO_SESSION:
		answer(j, w);
		break;
	case WORD_RETURNED:
		give_back(j, w);
		break;
	case WORD_DONE:
		note_done(j, w, &said);
		break;
	}
}

/* --- the run --- */

static bool
is_closing(const struct jobs *j)
{
	return j->r->enough || j->broken || queue_interrupted();
}

static bool
is_all_given_out(const struct jobs *j)
{
	return is_closing(j) ||
	    (j->backlog.ended && backlog_size(&j->backlog) == 0);
}

static bool
is_over(const struct jobs *j)
{
	return is_all_given_out(j) && crew_count(&j->crew, worker_is_busy) == 0;
}

/* Those who are not needed any more may go. But while somebody is still trying
 * for a session, one who has one stays for what may be given back; only one,
 * since the server may be waiting for the others to go. And one stays, for a
 * while the others as well, if more may come. */
static void
thin_out(struct jobs *j)
{
	struct crew *c = &j->crew;
	bool all = is_all_given_out(j);
	bool over = is_closing(j) ||
	    (all && crew_count(c, worker_is_opening) == 0);
	int64_t long_ago = date_ticks() - IDLE_MS;
	size_t idle = crew_count(c, worker_is_idle), keep = over ? 0 : 1;
	struct worker *w;

	for (size_t i = 0; i < c->places && idle > keep; i++) {
		w = &c->workers[i];
		if (worker_is_idle(w) && (all || w->idle_since <= long_ago)) {
			worker_dismiss(w);
			idle--;
		}
	}
}

static int
patience(const struct jobs *j)
{
	if (j->r->progress.meter.on)
		return PAINT_MS;
	return crew_count(&j->crew, worker_is_alive) > 1 ||
	    backlog_size(&j->backlog) > 0 ? TICK_MS : -1;
}

static void
listen_to_all(struct jobs *j)
{
	struct pollfd p[JOBS_MOST + 1];
	struct crew *c = &j->crew;
	struct pollfd *in = &p[c->places];
	bool more = !j->backlog.ended && backlog_size(&j->backlog) == 0 &&
	    !is_closing(j);
	int n;

	for (size_t i = 0; i < c->places; i++)
		p[i] = (struct pollfd){ .fd = c->workers[i].fd,
			.events = POLLIN };
	*in = (struct pollfd){ .fd = more ? j->r->ids.in : -1,
		.events = POLLIN };
	/* after a signal, too, those who are at work have to be waited for */
	if (queue_interrupted())
		n = poll(p, c->places + 1, patience(j));
	else
		n = queue_poll(p, c->places + 1, patience(j));
	progress_move(j->r, 0);
	for (size_t i = 0; n > 0 && i < c->places; i++)
		if (p[i].revents)
			hear(j, &c->workers[i]);
	if (n > 0 && in->revents)
		backlog_read(&j->backlog, &j->r->ids);
}

/* All at once: each says goodbye to its server. */
static void
end(struct jobs *j)
{
	struct crew *c = &j->crew;

	for (size_t i = 0; i < c->places; i++)
		if (c->workers[i].fd >= 0)
			worker_dismiss(&c->workers[i]);
	for (size_t i = 0; i < c->places; i++)
		if (c->workers[i].fd >= 0)
			bury(j, &c->workers[i]);
	j->r->later += (unsigned)backlog_size(&j->backlog);
	backlog_free(&j->backlog);
	crew_free(c);
}

void
jobs_run(struct run *r, struct list *ids, bool forced)
{
	struct jobs j = { .r = r, .how = { forced, !ids },
		.backlog = { .ids = ids, .ended = ids } };
	size_t places = (size_t)r->conf->jobs;

	if (!ids)
		j.backlog.ids = &j.backlog.own;
	crew_open(&j.crew, ids && ids->n < places ? ids->n : places);
	while (!is_over(&j)) {
		if (!is_closing(&j))
			hand_out(&j);
		thin_out(&j);
		if (!is_over(&j))
			listen_to_all(&j);
	}
	end(&j);
	if (j.backlog.wrong)
		die(EX_USAGE, "not a message id: %s", j.backlog.wrong);
}
