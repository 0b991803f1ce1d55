/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/options.h"
#include "base/program.h"
#include "mail/address.h"
#include "mail/bounce.h"
#include "mail/journal.h"
#include "spool/chore.h"
#include "spool/counters.h"
#include "spool/draft.h"
#include "spool/inspect.h"

struct config {
	struct options_common common;
	const char *domain;
	bool all;
	bool dry_run;
};

static const struct option_row rows[] = {
	{ "domain", OPTION_TEXT, offsetof(struct config, domain) },
	{ "all", OPTION_FLAG, offsetof(struct config, all) },
	{ "dry-run", OPTION_FLAG, offsetof(struct config, dry_run) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-bounce",
	.purpose = "Tells the senders of messages that they were given up.",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* A chore has no more to go by than the message. */
static struct {
	struct config conf;
	char host[256];
	struct buf why;
} own = { .conf.common = { .spool_dir = SPOOLDIR, .user = "daemon" } };

/* --- the report --- */

static void
make_boundary(char text[40])
{
	uint64_t r[2];

	if (getrandom(r, sizeof r, 0) != sizeof r)
		die(EX_OSERR, "no random numbers: %s", strerror(errno));
	snprintf(text, 40, "=_%016" PRIx64 "%016" PRIx64, r[0], r[1]);
}

/* Into the spool with it, as with any other message: false with errno. */
static bool
submit(const struct spool *s, const struct bounce *b, struct message_id *id)
{
	struct bounce whole = *b;
	struct envelope e = { 0 };
	struct buf text = { 0 };
	struct draft d;
	char boundary[40];
	bool ok;

	/* which ends the program without a number to be had */
	make_boundary(boundary);
	ok = draft_open(&d, s);
	whole.boundary = boundary;
	whole.unique = d.id.s;
	bounce_make(&whole, &e, &text);
	draft_write(&d, text.s, text.n);
	ok = ok && draft_seal(&d, &e) && draft_commit(&d);
	if (!ok)
		draft_abandon(&d);
	envelope_free(&e);
	buf_free(&text);
	*id = d.id;
	errno = d.error;
	return ok;
}

static void
tell(const struct spool *s, const struct bounce *b,
    const struct message_id *report)
{
	counters_once(s, COUNT_SUBMITTED);
	log_subject(report->s);
	log_event("queued", "from", "", "to", b->envelope->from.s, "for",
	    b->id, NULL);
	log_subject(NULL);
}

/* --- the message --- */

/* First the report and then the mark: whoever is killed between the two has
 * the sender told twice, by the next one, and never not at all. */
static bool
tell_and_mark(const struct spool *s, const struct bounce *b, int fd)
{
	struct buf mark = { 0 };
	struct message_id report;
	int error;
	bool ok;

	/* no report without the room for the mark: it would come again */
	if (!envelope_file_reserve(fd, sizeof report + 64) ||
	    !submit(s, b, &report))
		return false;
	journal_bounced(&mark, report.s);
	ok = envelope_file_append(fd, &mark);
	buf_free(&mark);
	error = errno;
	tell(s, b, &report);
	errno = error;
	return ok;
}

/* A text that is gone is no reason to leave the sender without news. */
static bool
read_header(const struct inspected *m, const struct spool *s, struct buf *out)
{
	buf_clear(out);
	return !m->has_text || inspect_header(m, s, 2 * BOUNCE_HEADER, out);
}

static enum claim_verdict
tell_sender(const struct spool *s, struct inspected *m, int fd, bool *did)
{
	struct buf header = { 0 };
	struct bounce b = { .id = m->id.s, .domain = own.conf.domain,
		.now = time(NULL), .envelope = &m->envelope };
	const char *objection;
	bool ok;

	inspect_text(m, s, b.now);
	b.arrived = m->time;
	ok = read_header(m, s, &header);
	b.header = buf_text(&header);
	b.n = header.n;
	objection = ok ? bounce_objection(&b) : NULL;
	if (objection)
		buf_set(&own.why, objection);
	else if (ok)
		ok = *did = own.conf.dry_run || tell_and_mark(s, &b, fd);
	buf_free(&header);
	return objection ? CLAIM_DAMAGED : ok ? CLAIM_OURS : CLAIM_ERROR;
}

/* The envelope is locked, so that there is one report and no more, and that
 * nobody sends or removes the message now. */
static enum claim_verdict
bounce_locked(const struct spool *s, struct inspected *m, int fd, bool *did)
{
	if (!spool_is_named(s, fd, envelope_name(&m->id, STATE_BAD).s) ||
	    !inspect_envelope(m, s))
		return CLAIM_TAKEN;
	if (m->damaged) {
		errno = EBADMSG;
		return CLAIM_ERROR;
	}
	if (m->envelope.bounced.n > 0)
		return CLAIM_OURS;
	return tell_sender(s, m, fd, did);
}

static enum claim_verdict
bounce(const struct spool *s, const struct message_id *id, enum state st,
    bool *did)
{
	static struct inspected m;
	const struct spool_entry e = { .id = *id, .state = st };
	enum claim_verdict v;
	int fd, saved;

	*did = false;
	fd = envelope_file_lock(s, envelope_name(id, st).s, NULL);
	if (fd < 0)
		return errno == ENOENT || errno == EWOULDBLOCK ?
		    CLAIM_TAKEN : CLAIM_ERROR;
	inspect_start(&m, &e);
	v = bounce_locked(s, &m, fd, did);
	saved = errno;
	close(fd);
	errno = saved;
	return v;
}

int
main(int argc, char *argv[])
{
	struct chore chore = { .states = 1u << STATE_BAD, .act = bounce,
		.why = &own.why, .done = "bounced" };
	int first;

	program_start(false);
	log_open("spool-bounce", "sluice/bounce");
	first = options_read(&options, &own.conf.common, argc, argv);
	program_hostname(own.host);
	if (own.conf.domain && !address_is_host(own.conf.domain))
		die(EX_USAGE, "--domain is no domain: %s", own.conf.domain);
	if (!own.conf.domain)
		own.conf.domain = address_is_host(own.host) ? own.host :
		    "localhost";
	if (own.conf.dry_run)
		chore.done = "would be bounced";
	program_become(own.conf.common.user);
	return chore_run(&chore, &own.conf.common, argv + first,
	    own.conf.all, chore.states);
}
