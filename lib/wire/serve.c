/* SPDX-License-Identifier: ISC */
#include "wire/serve.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "base/log.h"
#include "base/text.h"

void
serve_progress(struct server *srv)
{
	srv->errors = 0;
	srv->idling = 0;
	srv->until = date_ticks() + SERVE_PATIENCE * 1000;
}

void
serve_step(struct server *srv)
{
	if (srv->idling > 0)
		srv->idling--;
}

int64_t
serve_deadline(int64_t began, unsigned seconds, uint64_t octets)
{
	return began + (int64_t)seconds * 1000 +
	    (int64_t)(octets / SERVE_SPEED) * 1000;
}

static void
refuse(struct server *srv, const char *reply)
{
	log_detail("refused: %s", reply);
	io_print(srv->io, "%s\r\n", reply);
	srv->errors++;
	srv->refused = true;
}

static const struct command *
find(const struct server *srv, const char *verb)
{
	const struct command *c;

	for (c = srv->commands; c->verb; c++)
		if (strcasecmp(c->verb, verb) == 0)
			return c;
	return NULL;
}

/* What there is to be said against it, or NULL. */
static const char *
objection(const struct server *srv, const struct command *c, const char *arg)
{
	const struct manners *m = srv->manners;

	if (!c)
		return m->unknown;
	if (!(c->when & srv->state))
		return m->not_now;
	if (c->argument == NO_ARG && *arg)
		return m->arg_unwanted;
	if (c->argument == MUST_ARG && !*arg)
		return m->arg_wanted;
	return NULL;
}

static void
count(struct server *srv, const struct command *c)
{
	size_t row = c ? (size_t)(c - srv->commands) + 1 : 0;

	if (row >= SERVE_COMMANDS)
		row = 0;
	srv->counts[row].all++;
	if (!srv->refused)
		srv->counts[row].good++;
}

/* It is no line that could hold a command. */
static void
misfit(struct server *srv, const char *reply)
{
	srv->last = NULL;
	refuse(srv, reply);
	count(srv, NULL);
}

static void
obey(struct server *srv, struct session *s, char *line, size_t n)
{
	const struct command *c;
	const char *no;
	char *rest = line, *verb;

	/* blanks and tabs part words; no other control character is text */
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\t')
			line[i] = ' ';
	if (!text_clean(line, n)) {
		misfit(srv, srv->manners->unclean);
		return;
	}
	verb = text_word(&rest);
	rest = text_trim(rest);
	c = find(srv, verb ? verb : "");
	srv->last = c;
	no = objection(srv, c, rest);
	if (no)
		refuse(srv, no);
	else
		c->answer(s, rest);
	count(srv, c);
}

static void
put_count(struct buf *out, const char *verb, const struct serve_count *n)
{
	if (n->all == 0)
		return;
	buf_putc(out, ' ');
	for (; *verb; verb++)
		buf_putc(out, (char)tolower((unsigned char)*verb));
	buf_printf(out, "=%u", n->good);
	if (n->good < n->all)
		buf_printf(out, "/%u", n->all);
}

void
serve_summary(const struct server *srv, struct buf *out)
{
	struct serve_count sum = srv->counts[0];
	const struct command *c = srv->commands;

	for (size_t i = 1; i < SERVE_COMMANDS && c->verb; i++, c++) {
		put_count(out, c->verb, &srv->counts[i]);
		sum.good += srv->counts[i].good;
		sum.all += srv->counts[i].all;
	}
	put_count(out, "unknown", &srv->counts[0]);
	if (sum.all)
		put_count(out, "commands", &sum);
	else
		buf_puts(out, " commands=0/0");
}

void
serve_fate(const struct server *srv, struct buf *out)
{
	const char *last = srv->counts[0].all ? "UNKNOWN" : "CONNECT";

	if (srv->last)
		last = srv->last->verb;
	if (srv->tired)
		buf_printf(out, "too many errors after %s", last);
	else if (srv->state != 0 && srv->io->state == IO_TIMEOUT)
		buf_printf(out, "timeout after %s", last);
	else if (srv->state != 0 && srv->io->state != IO_OPEN)
		buf_printf(out, "lost connection after %s", last);
}

static void
goodbye(struct server *srv)
{
	if (srv->io->state == IO_TIMEOUT && srv->manners->timed_out) {
		/* The other direction may still work: say why, once. */
		srv->io->state = IO_OPEN;
		srv->io->until = 0;
		srv->io->seconds = 1;
		io_print(srv->io, "%s\r\n", srv->manners->timed_out);
		io_flush(srv->io);
		srv->io->state = IO_TIMEOUT;
	}
	io_flush(srv->io);
}

static bool
is_too_long(const struct server *srv, const char *line, size_t n)
{
	const struct command *c;

	for (c = srv->commands; n > SERVE_LINE && c->verb; c++)
		if (c->lengthy && text_starts(line, c->verb))
			return false;
	return n > SERVE_LINE;
}

void
serve(struct server *srv, struct session *s)
{
	enum io_line got;
	size_t n;
	char *line;

	serve_progress(srv);
	/* Whoever does not get our replies any more is not obeyed, whatever he
	 * has said before. */
	while (srv->state != 0 && srv->io->state == IO_OPEN) {
		srv->io->until = srv->until;
		got = io_line(srv->io, SERVE_LENGTHY, &line, &n);
		if (got == IO_NONE)
			break;
		srv->idling++;
		srv->refused = false;
		if (got == IO_LONG || is_too_long(srv, line, n))
			misfit(srv, srv->manners->too_long);
		else
			obey(srv, s, line, n);
		if (srv->state != 0 && (srv->errors >= SERVE_ERRORS ||
		    srv->idling >= SERVE_IDLING)) {
			io_print(srv->io, "%s\r\n", srv->manners->enough);
			srv->io->linger = true;
			srv->tired = true;
			srv->state = 0;
		}
	}
	goodbye(srv);
}
