/* SPDX-License-Identifier: ISC */
#include "wire/serve.h"

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

static void
refuse(struct server *srv, const char *reply)
{
	log_detail("refused: %s", reply);
	io_print(srv->io, "%s\r\n", reply);
	srv->errors++;
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
		refuse(srv, srv->manners->unclean);
		return;
	}
	verb = text_word(&rest);
	rest = text_trim(rest);
	c = find(srv, verb ? verb : "");
	no = objection(srv, c, rest);
	if (no)
		refuse(srv, no);
	else
		c->answer(s, rest);
}

static void
goodbye(struct server *srv)
{
	if (srv->io->state == IO_TIMEOUT) {
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

void
serve(struct server *srv, struct session *s)
{
	enum io_line got;
	size_t n;
	char *line;

	serve_progress(srv);
	while (srv->state != 0) {
		srv->io->until = srv->until;
		got = io_line(srv->io, SERVE_LINE, &line, &n);
		if (got == IO_NONE)
			break;
		srv->idling++;
		if (got == IO_LONG)
			refuse(srv, srv->manners->too_long);
		else
			obey(srv, s, line, n);
		if (srv->state != 0 && (srv->errors >= SERVE_ERRORS ||
		    srv->idling >= SERVE_IDLING)) {
			io_print(srv->io, "%s\r\n", srv->manners->enough);
			srv->io->linger = true;
			srv->state = 0;
		}
	}
	goodbye(srv);
}
