/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"

enum { REPLY_MOST = 510 };      /* RFC 5321 section 4.5.3.1.5 */

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
	/* a client that has not heard of SMTPUTF8 gets no octet from 0x80 */
	for (size_t i = 0; i < safe.n; i++)
		if ((unsigned char)safe.s[i] >= 0x80 && !s->parameters.utf8)
			safe.s[i] = '?';
	io_print(&s->io, "%s\r\n", safe.s);
	if (*safe.s >= '4') {
		s->server.refused = true;
		log_detail("said: %s", safe.s);
	}
	buf_free(&safe);
	buf_free(&text);
}

void
greet(struct session *s)
{
	if (s->conf->anonymous)
		say(s, "220 ready");
	else
		say(s, "220 %s ESMTP Sluice -- Service ready",
		    buf_text(&s->domain));
}

void
tx_forget(struct session *s)
{
	draft_abandon(&s->draft);
	envelope_clear(&s->envelope);
	s->parameters = (struct mail_parameters){ .utf8 = false };
	s->octets = 0;
	if (s->server.state != START && s->server.state != 0)
		s->server.state = IDLE;
}

static bool
introduce(struct session *s, const char *name, const char *protocol)
{
	if (strlen(name) > 255) {
		say(s, "501 5.5.4 that is no host name");
		return false;
	}
	if (s->server.state == START)
		s->server.state = IDLE;
	tx_forget(s);
	buf_set(&s->helo, name);
	s->protocol = protocol;
	return true;
}

static void
do_helo(struct session *s, char *arg)
{
	if (introduce(s, arg, "SMTP"))
		say(s, "250 OK");
}

static void
do_ehlo(struct session *s, char *arg)
{
	const struct config *conf = s->conf;

	if (!introduce(s, arg, "ESMTP"))
		return;
	if (conf->anonymous)
		say(s, "250-hello");
	else
		say(s, "250-%s says hello", buf_text(&s->domain));
	auth_advertise(s);
	if (secure_offered(&s->tls))
		say(s, "250-STARTTLS");
	say(s, "250-PIPELINING");
	if (conf->size)
		say(s, "250-SIZE %" PRIu64, conf->size);
	else
		say(s, "250-SIZE");
	if (!conf->anonymous)
		say(s, "250-VRFY");
	say(s, "250-CHUNKING");
	say(s, "250-ENHANCEDSTATUSCODES");
	say(s, "250-SMTPUTF8");
	say(s, "250 8BITMIME");
}

static void
do_rset(struct session *s, char *arg)
{
	(void)arg;
	tx_forget(s);
	say(s, s->server.state == START ? "250 2.0.0 OK" :
	    "250 2.0.0 state reset");
}

static void
do_noop(struct session *s, char *arg)
{
	(void)arg;
	say(s, "250 2.0.0 OK");
}

static void
not_implemented(struct session *s, char *arg)
{
	(void)arg;
	say(s, "502 5.5.1 command not implemented");
}

void
end_session(struct session *s)
{
	s->server.state = 0;
	s->io.linger = true;
}

static void
do_quit(struct session *s, char *arg)
{
	(void)arg;
	say(s, "221 2.0.0 closing connection");
	s->server.state = 0;
}

/* A web browser, or what makes one send our protocol to us. */
static void
hang_up(struct session *s, char *arg)
{
	(void)arg;
	log_warning("non-SMTP command from %s", s->peer.name);
	say(s, "221 2.7.0 this is not a web server");
	end_session(s);
}

const struct command commands[] = {
	/* said       when                    argument  answered by */
	{ "EHLO",     ANY,                    MUST_ARG, do_ehlo },
	{ "HELO",     ANY,                    MUST_ARG, do_helo },
	{ "STARTTLS", IDLE,                   NO_ARG,   do_starttls },
	{ "AUTH",     IDLE,                   MAY_ARG,  do_auth,
	    .lengthy = true },
	{ "MAIL",     IDLE,                   MUST_ARG, do_mail },
	{ "RCPT",     MAIL | RCPT,            MUST_ARG, do_rcpt },
	{ "DATA",     MAIL | RCPT,            NO_ARG,   do_data },
	/* brings its octets along, so it is never turned away here */
	{ "BDAT",     ANY,                    MAY_ARG,  do_bdat },
	{ "RSET",     ANY,                    NO_ARG,   do_rset },
	{ "NOOP",     ANY,                    MAY_ARG,  do_noop },
	{ "VRFY",     ANY & ~CHUNK & ~SPOILT, MAY_ARG,  do_vrfy },
	{ "EXPN",     ANY & ~CHUNK & ~SPOILT, MAY_ARG,  not_implemented },
	{ "HELP",     ANY,                    MAY_ARG,  not_implemented },
	{ "QUIT",     ANY,                    NO_ARG,   do_quit },
	{ "GET",      ANY,                    MAY_ARG,  hang_up },
	{ "POST",     ANY,                    MAY_ARG,  hang_up },
	{ "PUT",      ANY,                    MAY_ARG,  hang_up },
	{ "HEAD",     ANY,                    MAY_ARG,  hang_up },
	{ "DELETE",   ANY,                    MAY_ARG,  hang_up },
	{ "OPTIONS",  ANY,                    MAY_ARG,  hang_up },
	{ "CONNECT",  ANY,                    MAY_ARG,  hang_up },
	{ "TRACE",    ANY,                    MAY_ARG,  hang_up },
	{ "PATCH",    ANY,                    MAY_ARG,  hang_up },
	{ "PRI",      ANY,                    MAY_ARG,  hang_up },
	{ NULL, 0, MAY_ARG, NULL }
};

const struct manners manners = {
	.unknown = "500 5.5.1 command unrecognized",
	.not_now = "503 5.5.1 command out of sequence "
	    "-- use RSET to resynchronise",
	.arg_unwanted = "501 5.5.4 no parameter allowed",
	.arg_wanted = "501 5.5.4 parameter required",
	.too_long = "500 5.5.2 line too long",
	.unclean = "500 5.5.2 control character in command",
	.timed_out = "421 4.4.2 timed out, closing connection",
	.enough = "421 4.7.0 too many commands in vain, closing connection",
};
