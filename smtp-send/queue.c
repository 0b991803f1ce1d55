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

void
queue_pause(uint64_t seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };
	sigset_t all, usual;

	/* no gap between the look and the wait */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &usual);
	if (!interrupted)
		ppoll(NULL, 0, &t, &usual);
	sigprocmask(SIG_SETMASK, &usual, NULL);
}

static void
look_at(struct run *r, const struct spool_entry *e, struct list *ids)
{
	if (e->content)
		return;
	if (e->state == STATE_BUSY && claim_recover(&r->spool, &e->id, false))
		log_warning("%s: left behind by a forwarder that died",
		    e->id.s);
	else if (e->state != STATE_READY)
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

/* The server is not there. Whatever has waited for it too long is given up
 * all the same; the rest is not touched. */
static void
give_up_old(struct run *r, const struct list *ids, size_t from)
{
	struct message_id id;
	struct stat st;

	for (size_t i = from; i < ids->n && !interrupted; i++) {
		if (!message_id_parse(&id, list_get(ids, i)))
			continue;
		if (r->conf->retry_for &&
		    content_stat(&r->spool, &id, STATE_READY, &st) == 0 &&
		    too_old(r, st.st_mtime))
			deliver(r, &id, false);
		else
			r->later++;
	}
}

void
queue_run(struct run *r)
{
	struct list ids = { 0 };
	struct message_id id;
	size_t i;

	r->later = r->bad = r->losses = 0;
	r->stop = r->enough = false;
	look(r, &ids);
	list_sort(&ids, message_id_order);
	for (i = 0; i < ids.n && !r->stop && !r->enough && !interrupted; i++)
		if (message_id_parse(&id, list_get(&ids, i)))
			deliver(r, &id, false);
	if (interrupted || r->enough)
		r->later += (unsigned)(ids.n - i);
	else
		give_up_old(r, &ids, i);
	client_close(&r->client);
	list_free(&ids);
}
