/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/text.h"

enum { REPLY_MOST = 510 };      /* RFC 1939 section 3 */

void
say(struct session *s, const char *fmt, ...)
{
	struct buf text = { 0 }, safe = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	text_printable(&safe, buf_text(&text), text.n);
	if (safe.n > REPLY_MOST)
		buf_cut(&safe, REPLY_MOST);
	for (size_t i = 0; i < safe.n; i++)
		if ((unsigned char)safe.s[i] >= 0x80)
			safe.s[i] = '?';
	io_print(&s->io, "%s\r\n", buf_text(&safe));
	if (text_starts(buf_text(&safe), "-ERR")) {
		s->server.refused = true;
		log_detail("said: %s", safe.s);
	}
	buf_free(&safe);
	buf_free(&text);
}

void
end_session(struct session *s)
{
	s->server.state = 0;
	s->io.linger = true;
}

static void
do_noop(struct session *s, char *arg)
{
	(void)arg;
	say(s, "+OK");
}

/* What was marked is removed only here, and the client learns whether it
 * was. */
static void
do_quit(struct session *s, char *arg)
{
	size_t marked = s->maildrop.n - s->maildrop.left, failed = 0;

	(void)arg;
	/* he has to have got what he removes */
	if (marked && !s->conf->no_delete)
		io_flush(&s->io);
	if (s->io.state != IO_OPEN)
		return;
	if (!s->conf->no_delete)
		failed = maildrop_commit(&s->maildrop);
	if (failed)
		say(s, "-ERR [SYS/TEMP] %zu of %zu deleted messages could not "
		    "be removed", failed, marked);
	else
		say(s, "+OK signing off");
	s->server.state = 0;
}

/* A web browser, or what makes one send our protocol to us. */
static void
hang_up(struct session *s, char *arg)
{
	(void)arg;
	log_warning("non-POP3 command from %s", s->peer.name);
	say(s, "-ERR this is not a web server");
	end_session(s);
}

/* What stands behind the arguments of a command is not looked at, as ever. */
const struct command commands[] = {
	/* said       when           argument  answered by */
	{ "CAPA",     ANY,           MAY_ARG,  do_capa },
	{ "USER",     AUTHORIZATION, MAY_ARG,  do_user },
	{ "PASS",     AUTHORIZATION, MAY_ARG,  do_pass },
	{ "APOP",     AUTHORIZATION, MAY_ARG,  do_apop },
	{ "AUTH",     AUTHORIZATION, MAY_ARG,  do_auth, .lengthy = true },
	{ "STLS",     AUTHORIZATION, MAY_ARG,  do_stls },
	{ "STAT",     TRANSACTION,   MAY_ARG,  do_stat },
	{ "LIST",     TRANSACTION,   MAY_ARG,  do_list },
	{ "UIDL",     TRANSACTION,   MAY_ARG,  do_uidl },
	{ "RETR",     TRANSACTION,   MAY_ARG,  do_retr },
	{ "TOP",      TRANSACTION,   MAY_ARG,  do_top },
	{ "DELE",     TRANSACTION,   MAY_ARG,  do_dele },
	{ "RSET",     TRANSACTION,   MAY_ARG,  do_rset },
	{ "NOOP",     TRANSACTION,   MAY_ARG,  do_noop },
	{ "QUIT",     ANY,           MAY_ARG,  do_quit },
	{ "GET",      ANY,           MAY_ARG,  hang_up },
	{ "POST",     ANY,           MAY_ARG,  hang_up },
	{ "PUT",      ANY,           MAY_ARG,  hang_up },
	{ "HEAD",     ANY,           MAY_ARG,  hang_up },
	{ "DELETE",   ANY,           MAY_ARG,  hang_up },
	{ "OPTIONS",  ANY,           MAY_ARG,  hang_up },
	{ "CONNECT",  ANY,           MAY_ARG,  hang_up },
	{ "TRACE",    ANY,           MAY_ARG,  hang_up },
	{ "PATCH",    ANY,           MAY_ARG,  hang_up },
	{ "PRI",      ANY,           MAY_ARG,  hang_up },
	{ NULL, 0, MAY_ARG, NULL }
};

/* RFC 1939 section 3: the silent are left without a word. */
const struct manners manners = {
	.unknown = "-ERR unknown command",
	.not_now = "-ERR not now",
	.arg_unwanted = "-ERR no argument allowed",
	.arg_wanted = "-ERR argument required",
	.too_long = "-ERR line too long",
	.unclean = "-ERR control character in command",
	.timed_out = NULL,
	.enough = "-ERR too many commands in vain, closing connection",
};
