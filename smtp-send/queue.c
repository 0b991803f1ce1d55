/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t interrupted;

static void
interrupt(int sig)
{
	if (sig != SIGHUP)
		interrupted = 1;
}

bool
queue_interrupted(void)
{
	return interrupted;
}

void
queue_catch_signals(void)
{
	struct sigaction act = { .sa_handler = interrupt };

	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

int
queue_poll(struct pollfd *p, nfds_t n, int64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };
	sigset_t all, usual;
	int got = 0;

	/* no gap between the look and the wait */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &usual);
	if (!interrupted)
		got = ppoll(p, n, ms < 0 ? NULL : &t, &usual);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	return got;
}

void
queue_pause(uint64_t seconds)
{
	queue_poll(NULL, 0, (int64_t)seconds * 1000);
}

bool
queue_recover(struct run *r, const struct message_id *id)
{
	if (claim_recover(&r->spool, id, false)) {
		log_warning("%s: left behind by a forwarder that died", id->s);
		return true;
	}
	if (errno) {
		log_error("%s: busy, and cannot be taken up again: %s", id->s,
		    strerror(errno));
		r->later++;
	}
	return false;
}

static void
look_at(struct run *r, const struct spool_entry *e, struct list *ids)
{
	if (e->content)
		return;
	if (e->state != STATE_READY && (e->state != STATE_BUSY ||
	    !queue_recover(r, &e->id)))
		return;
	if (message_due(&r->spool, &e->id))
		list_add(ids, e->id.s);
	else
		r->later++;
}

/* The ids of what is due, and of what a dead forwarder has left behind. */
static void
look(struct run *r, struct list *ids)
{
	struct spool_walk walk;
	struct spool_entry e;

	if (spool_walk_start(&walk, &r->spool)) {
		while (spool_walk_next(&walk, &e))
			look_at(r, &e, ids);
		if (errno == 0) {
			spool_walk_end(&walk);
			return;
		}
	}
	/* Go on with what there is; with --poll the next round may be luckier. */
	log_error("cannot read the spool '%s': %s", r->spool.path,
	    strerror(errno));
	spool_walk_end(&walk);
	r->later++;
}

bool
queue_overdue(const struct run *r, const struct message_id *id)
{
	struct stat st;

	return r->conf->retry_for &&
	    content_stat(&r->spool, id, STATE_READY, &st) == 0 &&
	    too_old(r, st.st_mtime);
}

/* The server is not there. Whatever has waited for it too long is given up
 * all the same; the rest is not touched. */
static void
give_up_old(struct run *r, const struct list *ids, size_t from)
{
	struct message_id id;

	for (size_t i = from; i < ids->n && !interrupted; i++) {
		if (!message_id_parse(&id, list_get(ids, i)))
			continue;
		if (queue_overdue(r, &id))
			deliver(r, &id, false);
		else
			r->later++;
	}
}

static void
deliver_all(struct run *r, const struct list *ids)
{
	struct message_id id;
	size_t i;

	for (i = 0; i < ids->n && !r->stop && !r->enough && !interrupted; i++) {
		if (message_id_parse(&id, list_get(ids, i)))
			deliver(r, &id, false);
		progress_move(r, 1);
	}
	if (interrupted || r->enough)
		r->later += (unsigned)(ids->n - i);
	else
		give_up_old(r, ids, i);
}

static bool
is_poll(const struct config *conf)
{
	return conf->forward_on_disconnect || conf->poll != UINT64_MAX;
}

void
queue_run(struct run *r)
{
	struct list ids = { 0 };
	enum counter started = is_poll(r->conf) ? COUNT_POLL_STARTED :
	    COUNT_FORWARD_STARTED;
	struct presence round = { .place = 0 };

	presence_start(&round, &r->client.counters, started, NULL);
	r->sent = r->later = r->bad = r->losses = 0;
	r->stop = r->enough = false;
	look(r, &ids);
	list_sort(&ids, message_id_order);
	progress_begin(r, ids.n);
	if (jobs_wanted(r, ids.n))
		jobs_run(r, &ids, false);
	else
		deliver_all(r, &ids);
	client_close(&r->client);
	progress_end(r);
	presence_end(&round, &r->client.counters);
	list_free(&ids);
}
