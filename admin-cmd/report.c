/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "spool/claim.h"
#include "spool/inspect.h"
#include "spool/presence.h"
#include "spool/shutter.h"

bool
look(struct session *s, struct selection *sel, unsigned states)
{
	static char *none[] = { NULL };
	struct spool_walk walk;

	/* select_start would end us */
	if (!spool_walk_start(&walk, &s->spool)) {
		say_error(s, EX_OSERR, "cannot read the spool: %s",
		    strerror(errno));
		return false;
	}
	spool_walk_end(&walk);
	select_start(sel, &s->spool, none, true);
	sel->states = states;
	return true;
}

/* Can it be read? If not it is passed over, and the log says why. */
static bool
is_readable(struct session *s, struct inspected *m,
    const struct spool_entry *e)
{
	inspect_start(m, e);
	if (!inspect_envelope(m, &s->spool) || m->state != e->state)
		return false;
	if (m->damaged)
		log_warning("ignoring \"%s/%s\": %s", s->spool.path,
		    envelope_name(&e->id, e->state).s, m->why.s);
	return !m->damaged;
}

static void
list(struct session *s, enum state state)
{
	struct inspected m = { 0 };
	struct selection sel;
	struct spool_entry e;
	uint64_t n = 0;

	if (!look(s, &sel, 1u << state))
		return;
	while (s->io.state == IO_OPEN && select_next(&sel, &e)) {
		if (is_readable(s, &m, &e)) {
			say_lf(s, "%s", e.id.s);
			n++;
		}
	}
	if (n == 0)
		say(s, "<none>");
	select_end(&sel);
	inspect_free(&m);
}

void
do_list(struct session *s, char *arg)
{
	(void)arg;
	list(s, STATE_READY);
}

void
do_failures(struct session *s, char *arg)
{
	(void)arg;
	list(s, STATE_BAD);
}

void
do_unfail_all(struct session *s, char *arg)
{
	struct inspected m = { 0 };
	struct selection sel;
	struct spool_entry e;
	bool changed;

	(void)arg;
	if (!look(s, &sel, 1u << STATE_BAD))
		return;
	while (select_next(&sel, &e)) {
		if (!is_readable(s, &m, &e))
			continue;
		if (claim_retry(&s->spool, &e.id, e.state, &changed) ==
		    CLAIM_ERROR)
			say_error(s, select_status(errno, EX_NOINPUT),
			    "%s: %s", e.id.s, strerror(errno));
		else if (changed)
			log_info("%s: to be tried again", e.id.s);
	}
	select_end(&sel);
	inspect_free(&m);
}

/* --- numbers --- */

/* Between whom: those there are records of. */
static void
say_ends(struct session *s, const char *way, enum counter which)
{
	static struct connection all[PRESENCE_PLACES];
	const char *arrow = which == COUNT_OUT_STARTED ? "->" : "<-";
	const struct ends *e;

	if (!presence_look(&s->spool, which, all))
		return;
	for (size_t i = 0; i < PRESENCE_PLACES; i++) {
		e = &all[i].ends;
		if (all[i].place && *e->remote)
			say_lf(s, "%s: %s %s %s", way,
			    *e->local ? e->local : "unknown", arrow, e->remote);
	}
}

/* Connections of one kind: those that are there now have been started, and
 * the others have finished, by themselves or not. */
static void
say_connections(struct session *s, const char *way, enum counter which,
    const uint64_t n[COUNTERS])
{
	uint64_t now = presence_count(&s->spool, which), all = n[which];

	if (now > all)
		all = now;
	say_lf(s, "%s started: %" PRIu64, way, all);
	say_lf(s, "%s finished: %" PRIu64, way, all - now);
	say_lf(s, "%s now: %" PRIu64, way, now);
	say_ends(s, way, which);
}

static void
say_numbers(struct session *s)
{
	uint64_t n[COUNTERS];

	if (!counters_read(&s->spool, n)) {
		say_error(s, errno == EINVAL ? EX_DATAERR :
		    select_status(errno, EX_NOINPUT), "cannot read '%s/%s': %s",
		    s->spool.path, counters_name, strerror(errno));
		return;
	}
	say_connections(s, "OUT", COUNT_OUT_STARTED, n);
	say_lf(s, "OUT sent: %" PRIu64, n[COUNT_SENT]);
	say_lf(s, "OUT deferred: %" PRIu64, n[COUNT_DEFERRED]);
	say_lf(s, "OUT failed: %" PRIu64, n[COUNT_FAILED]);
	say_connections(s, "IN", COUNT_IN_STARTED, n);
	say_lf(s, "IN received: %" PRIu64, n[COUNT_RECEIVED]);
	say_lf(s, "IN refused: %" PRIu64, n[COUNT_REFUSED]);
	say_lf(s, "IN submitted: %" PRIu64, n[COUNT_SUBMITTED]);
	if (n[COUNT_POP_STARTED])
		say_connections(s, "POP", COUNT_POP_STARTED, n);
}

void
say_about(struct session *s, const char *topic)
{
	if (strcasecmp(topic, "copyright") == 0) {
		say(s, "Sluice %s, the administration interface of "
		    "E-MailRelay.", VERSION);
		say(s, "You may use, copy, change and pass it on under the "
		    "terms of the ISC licence.");
	} else if (strcasecmp(topic, "warranty") == 0) {
		say(s, "This software is provided as it is, without warranty "
		    "of any kind.");
	} else if (strcasecmp(topic, "version") == 0) {
		say(s, "%s", VERSION);
	}
}

/* Later versions of E-MailRelay have `info version` and so on as well. */
void
do_info(struct session *s, char *arg)
{
	static const char *const topics[] = {
		"copyright", "credit", "version", "warranty"
	};

	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
		if (strcasecmp(arg, topics[i]) == 0) {
			say_about(s, arg);
			return;
		}
	}
	say_numbers(s);
}

void
do_status(struct session *s, char *arg)
{
	struct spool_walk walk;
	struct spool_entry e;
	uint64_t n[STATES] = { 0 };

	(void)arg;
	say_numbers(s);         /* or that they cannot be read: then the rest */
	if (!spool_walk_start(&walk, &s->spool)) {
		say_error(s, EX_OSERR, "cannot read the spool: %s",
		    strerror(errno));
		return;
	}
	while (spool_walk_next(&walk, &e))
		n[e.state] += !e.content;
	spool_walk_end(&walk);
	for (int st = 0; st < STATES; st++)
		say_lf(s, "SPOOL %s: %" PRIu64, state_words[st], n[st]);
	say_lf(s, "SMTP: %s", shutter_is_down(&s->spool) ? "disabled" :
	    "enabled");
}
