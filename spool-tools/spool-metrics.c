/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/meter.h"
#include "base/options.h"
#include "base/program.h"
#include "base/sandbox.h"
#include "spool/presence.h"
#include "spool/select.h"

struct config {
	struct options_common common;
	const char *output;
};

static const struct option_row rows[] = {
	{ "output", OPTION_TEXT, offsetof(struct config, output) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-metrics",
	.purpose = "Prints numbers about the spool, for Prometheus.",
	.usage = "",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

struct census {
	uint64_t messages[STATES], octets[STATES];
	time_t oldest;          /* of those that wait to be sent; 0: none */
};

/* --- looking --- */

static void
look_at(struct census *c, const struct spool *s, const struct spool_entry *e)
{
	struct stat st;

	c->messages[e->state]++;
	if (content_stat(s, &e->id, e->state, &st) < 0)
		return;
	c->octets[e->state] += (uint64_t)st.st_size;
	if ((e->state == STATE_READY || e->state == STATE_BUSY) &&
	    (c->oldest == 0 || st.st_mtime < c->oldest))
		c->oldest = st.st_mtime;
}

static void
look(struct census *c, const struct spool *s)
{
	struct spool_walk walk;
	struct spool_entry e;
	struct meter meter;
	int error;

	if (!spool_walk_start(&walk, s))
		die(EX_OSERR, "cannot read spool '%s': %s", s->path,
		    strerror(errno));
	meter_begin(&meter, meter_usable());
	while (spool_walk_next(&walk, &e)) {
		if (e.content)
			continue;
		look_at(c, s, &e);
		meter_count(&meter, "messages");
	}
	error = errno;
	meter_end(&meter, NULL);
	spool_walk_end(&walk);
	/* half a census must not pass for a spool that has grown empty */
	if (error)
		die(EX_OSERR, "cannot read spool '%s': %s", s->path,
		    strerror(error));
}

/* --- the text --- */

static void
put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP sluice_%s %s\n# TYPE sluice_%s %s\n", name, help,
	    name, type);
}

static void
put(struct buf *out, const char *name, uint64_t value)
{
	buf_printf(out, "sluice_%s %" PRIu64 "\n", name, value);
}

static void
put_labelled(struct buf *out, const char *name, const char *label,
    const char *is, uint64_t value)
{
	buf_printf(out, "sluice_%s{%s=\"%s\"} %" PRIu64 "\n", name, label, is,
	    value);
}

static void
put_states(struct buf *out, const char *name, const char *help,
    const uint64_t n[STATES])
{
	put_head(out, name, "gauge", help);
	for (int st = 0; st < STATES; st++)
		put_labelled(out, name, "state", state_words[st], n[st]);
}

static void
put_census(struct buf *out, const struct census *c)
{
	time_t now = time(NULL);

	put_states(out, "spool_messages", "Messages in the spool.",
	    c->messages);
	put_states(out, "spool_bytes", "Size of the texts of these messages.",
	    c->octets);
	put_head(out, "spool_oldest_message_age_seconds", "gauge",
	    "How long the oldest message has been waiting to be sent; 0 if "
	    "none is.");
	put(out, "spool_oldest_message_age_seconds",
	    c->oldest && c->oldest < now ? (uint64_t)(now - c->oldest) : 0);
}

struct total {
	enum counter which;
	const char *is;
};

static void
put_totals(struct buf *out, const char *name, const char *label,
    const char *help, const struct total *t, const uint64_t n[COUNTERS])
{
	put_head(out, name, "counter", help);
	for (; t->is; t++)
		put_labelled(out, name, label, t->is, n[t->which]);
}

static const struct total services[] = {
	{ COUNT_IN_STARTED, "smtp" },
	{ COUNT_OUT_STARTED, "client" },
	{ COUNT_POP_STARTED, "pop3" },
	{ COUNTERS, NULL }
};

static void
put_connections(struct buf *out, const struct spool *s,
    const uint64_t n[COUNTERS])
{
	const char *name = "connections";

	put_totals(out, "connections_total", "service",
	    "Connections, by who serves them; client: those to servers.",
	    services, n);
	put_head(out, name, "gauge", "Connections that are open now.");
	for (const struct total *t = services; t->is; t++)
		put_labelled(out, name, "service", t->is,
		    presence_count(s, t->which));
}

static void
put_counters(struct buf *out, const struct spool *s,
    const uint64_t n[COUNTERS])
{
	static const struct total received[] = {
		{ COUNT_RECEIVED, "received" },
		{ COUNT_REFUSED, "refused" },
		{ COUNT_SUBMITTED, "submitted" },
		{ COUNTERS, NULL }
	}, delivered[] = {
		{ COUNT_SENT, "sent" },
		{ COUNT_DEFERRED, "deferred" },
		{ COUNT_FAILED, "failed" },
		{ COUNTERS, NULL }
	};

	put_totals(out, "receive_total", "result",
	    "Messages received by SMTP or submitted by programs, and messages "
	    "and recipients refused.", received, n);
	put_totals(out, "delivery_total", "result",
	    "Messages sent, put off, and given up.", delivered, n);
	put_head(out, "pop3_fetched_total", "counter",
	    "Messages fetched over POP3.");
	put(out, "pop3_fetched_total", n[COUNT_FETCHED]);
	put_connections(out, s, n);
	if (n[COUNT_LAST_SENT] == 0)
		return;
	put_head(out, "last_success_timestamp_seconds", "gauge",
	    "When a message was sent for the last time.");
	put(out, "last_success_timestamp_seconds", n[COUNT_LAST_SENT]);
}

static void
put_all(struct buf *out, const struct spool *s, const struct census *c)
{
	uint64_t n[COUNTERS];

	put_head(out, "build_info", "gauge", "The version of Sluice.");
	put_labelled(out, "build_info", "version", VERSION, 1);
	put_census(out, c);
	/* zeros would look as if the counters had been reset */
	if (counters_read(s, n))
		put_counters(out, s, n);
	else
		log_warning("cannot read '%s/%s': %s", s->path, counters_name,
		    strerror(errno));
}

/* --- where it goes --- */

/* Have FILE.tmp for us alone. A killed one leaves it behind, so that it may be
 * there already; the lock tells whether somebody is at it. */
static int
open_new(const char *tmp)
{
	int fd = open(tmp, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK, 0644);
	struct stat open_one, named;

	if (fd < 0)
		die(EX_CANTCREAT, "cannot write '%s': %s", tmp,
		    strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &open_one) < 0 ||
	    lstat(tmp, &named) < 0 || open_one.st_ino != named.st_ino ||
	    open_one.st_dev != named.st_dev)
		die(EX_TEMPFAIL, "another process is writing '%s'", tmp);
	return fd;
}

/* Who reads it, every few seconds, never sees a part, and it may be another
 * user. */
static void
write_file(const char *path, const struct buf *text)
{
	struct buf tmp = { 0 };
	int fd;

	buf_printf(&tmp, "%s.tmp", path);
	fd = open_new(tmp.s);
	if (ftruncate(fd, 0) < 0 || fchmod(fd, 0644) < 0 ||
	    write_all(fd, text->s, text->n) < 0 || rename(tmp.s, path) < 0)
		die(EX_IOERR, "cannot write '%s': %s", path, strerror(errno));
	close(fd);
	buf_free(&tmp);
}

/* The file is written beside where it is to be. */
static void
confine(const struct config *conf, const struct spool *spool)
{
	const char *slash = conf->output ? strrchr(conf->output, '/') : NULL;
	struct buf dir = { 0 };
	struct sandbox_place places[2] = { { .fd = spool->fd },
		{ .fd = -1, .change = true } };

	if (conf->output) {
		buf_add(&dir, slash ? conf->output : "./",
		    slash ? (size_t)(slash - conf->output) + 1 : 2);
		places[1].path = dir.s;
	}
	if (!conf->common.no_sandbox)
		sandbox_enter(places, 2, 0);
	buf_free(&dir);
}

int
main(int argc, char *argv[])
{
	struct config conf = { .common.spool_dir = SPOOLDIR };
	struct census census = { .oldest = 0 };
	struct buf text = { 0 };
	struct spool spool;

	program_start(false);
	log_open("spool-metrics", NULL);
	if (options_read(&options, &conf.common, argc, argv) < argc)
		die(EX_USAGE, "takes no arguments; "
		    "try \"spool-metrics --help\"");
	select_spool(&spool, conf.common.spool_dir, EX_NOINPUT);
	confine(&conf, &spool);
	look(&census, &spool);
	put_all(&text, &spool, &census);
	if (conf.output)
		write_file(conf.output, &text);
	else if (write_all(STDOUT_FILENO, text.s, text.n) < 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	buf_free(&text);
	spool_close(&spool);
	return EX_OK;
}
