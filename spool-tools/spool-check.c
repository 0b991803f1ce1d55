/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/meter.h"
#include "base/options.h"
#include "base/program.h"
#include "spool/inspect.h"
#include "spool/litter.h"
#include "spool/select.h"
#include "spool/subdir.h"

struct config {
	struct options_common common;
	uint64_t age;
	bool dry_run;
};

/* The least --age: nothing that has just been made can be litter, even if
 * its writer has not come to lock it. */
enum { YOUNGEST = 60, TEN_YEARS = 10 * 366 * 86400 };

static const struct option_row rows[] = {
	{ "age", OPTION_SECONDS, offsetof(struct config, age), .min = YOUNGEST,
	    .max = TEN_YEARS },
	{ "dry-run", OPTION_FLAG, offsetof(struct config, dry_run) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-check",
	.purpose = "Finds what crashes have left in the spool, and mends it.",
	.usage = "",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

struct check {
	struct config conf;
	struct spool spool;
	time_t now;
	struct sweeper sweeper;
	struct inspected message;
	struct meter meter;
	bool person;            /* something is left for somebody to see to */
};

static void
found(struct check *c, const struct message_id *id, const char *what, const char *done)
{
	meter_pause(&c->meter);
	printf("%s %s: %s\n", id->s, what, done);
}

static void
left(struct check *c, const struct message_id *id, const char *what)
{
	found(c, id, what, "left for you to see to");
	c->person = true;
}

/* --- litter --- */

static void
sweep(struct check *c, const struct spool_entry *e, const char *what)
{
	struct buf done = { 0 };

	switch (sweep_litter(&c->sweeper, e, c->now - (time_t)c->conf.age,
	    c->conf.dry_run)) {
	case LITTER_NONE:
		return;
	case LITTER_GONE:
		buf_puts(&done, c->conf.dry_run ? "would be removed" :
		    "removed");
		break;
	case LITTER_ERROR:
		buf_printf(&done, "cannot be removed: %s", strerror(errno));
		c->person = true;
		break;
	}
	found(c, &e->id, what, done.s);
	buf_free(&done);
}

/* --- envelopes --- */

static bool
is_there(const struct check *c, const struct inspected *m)
{
	struct stat st;

	return fstatat(c->spool.fd, envelope_name(&m->id, m->state).s, &st,
	    AT_SYMLINK_NOFOLLOW) == 0;
}

static void
look_at(struct check *c, const struct spool_entry *e)
{
	struct inspected *m = &c->message;
	struct buf what = { 0 };

	inspect_start(m, e);
	if (!inspect_envelope(m, &c->spool))
		return;
	inspect_text(m, &c->spool, c->now);
	if (m->damaged) {
		buf_printf(&what, "%s envelope is damaged (%s)",
		    state_words[m->state], m->why.s);
		left(c, &m->id, what.s);
	} else if (!m->has_text && is_there(c, m)) {
		/* Who removes a message removes the envelope first: this one
		 * is not on its way out. */
		buf_printf(&what, "%s envelope without a text",
		    state_words[m->state]);
		left(c, &m->id, what.s);
	}
	buf_free(&what);
}

static void
recover(struct check *c, const struct spool_entry *e)
{
	struct buf why = { 0 };

	if (claim_recover(&c->spool, &e->id, c->conf.dry_run)) {
		found(c, &e->id, "busy, but nobody is at work on it",
		    c->conf.dry_run ? "would become ready" : "ready again");
	} else if (errno) {
		buf_printf(&why, "cannot be looked into: %s", strerror(errno));
		found(c, &e->id, "busy", why.s);
		c->person = true;
	}
	buf_free(&why);
	look_at(c, e);
}

static void
check(struct check *c, const struct spool_entry *e)
{
	if (e->content) {
		sweep(c, e, "text without an envelope");
		return;
	}
	switch (e->state) {
	case STATE_NEW:
		sweep(c, e, "never finished, and its writer is gone");
		break;
	case STATE_BUSY:
		recover(c, e);
		break;
	case STATE_READY:
	case STATE_BAD:
	case STATE_HOLD:
	case STATE_LOCAL:
		look_at(c, e);
		break;
	case STATES:
		break;
	}
}

/* --- sub-directories --- */

static bool
has_text(const struct check *c, const struct spool *box,
    const struct message_id *id)
{
	struct stat st;

	return content_stat(box, id, STATE_READY, &st) == 0 ||
	    content_stat(&c->spool, id, STATE_READY, &st) == 0;
}

/* What a filter or a POP3 session that was killed has left there. The
 * envelopes of somebody's forwarder are its own business. */
static void
check_box(struct check *c, const struct spool *box)
{
	struct file_name name;
	struct spool_walk walk;
	struct spool_entry e;
	struct stat st;

	if (!spool_walk_start(&walk, box))
		return;
	sweep_start(&c->sweeper, box);
	while (spool_walk_next(&walk, &e)) {
		name = envelope_name(&e.id, e.state);
		if (e.content)
			sweep(c, &e, "text without an envelope");
		else if (e.state == STATE_NEW)
			sweep(c, &e, "never finished, and its writer is gone");
		else if (e.state == STATE_READY && !has_text(c, box, &e.id) &&
		    fstatat(box->fd, name.s, &st, AT_SYMLINK_NOFOLLOW) == 0)
			left(c, &e.id, "ready envelope without a text");
	}
	sweep_end(&c->sweeper);
	spool_walk_end(&walk);
}

static void
check_boxes(struct check *c)
{
	struct list names = { 0 };
	struct buf path = { 0 };
	struct spool box;

	if (!subdir_list(&c->spool, &names))
		die(EX_OSERR, "cannot read spool '%s': %s", c->spool.path,
		    strerror(errno));
	for (size_t i = 0; i < names.n; i++) {
		if (subdir_open(&box, &c->spool, list_get(&names, i), &path))
			check_box(c, &box);
		spool_close(&box);
	}
	list_free(&names);
	buf_free(&path);
}

static void
check_all(struct check *c)
{
	struct spool_walk walk;
	struct spool_entry e;

	if (!spool_walk_start(&walk, &c->spool))
		die(EX_OSERR, "cannot read spool '%s': %s", c->spool.path,
		    strerror(errno));
	while (spool_walk_next(&walk, &e)) {
		check(c, &e);
		meter_count(&c->meter, "files");
	}
	spool_walk_end(&walk);
}

int
main(int argc, char *argv[])
{
	struct check c = { .conf = { .common.spool_dir = SPOOLDIR,
		.age = 86400 } };

	program_start(false);
	log_open("spool-check", NULL);
	if (options_read(&options, &c.conf.common, argc, argv) < argc)
		die(EX_USAGE, "takes no arguments; "
		    "try \"spool-check --help\"");
	select_spool(&c.spool, c.conf.common.spool_dir, EX_NOINPUT);
	select_confine(&c.spool, &c.conf.common);
	c.now = time(NULL);
	sweep_start(&c.sweeper, &c.spool);
	meter_begin(&c.meter, meter_usable());
	check_all(&c);
	meter_end(&c.meter, NULL);
	sweep_end(&c.sweeper);
	check_boxes(&c);
	inspect_free(&c.message);
	spool_close(&c.spool);
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	return c.person ? EX_DATAERR : EX_OK;
}
