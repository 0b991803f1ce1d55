/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>
#include <sysexits.h>

void
starttls_open(struct session *s, struct config *conf)
{
	s->secure = tls_inherited(&s->tls);
	if (conf->tls.certificate && !s->secure)
		tls_open(&conf->tls);
	else if (conf->server_tls_connection && !s->secure)
		die(EX_CONFIG, "--server-tls-connection requires "
		    "--server-tls");
	if (conf->server_tls_required && !s->secure && !starttls_offered(s))
		die(EX_CONFIG, "--server-tls-required requires --server-tls");
}

bool
starttls_offered(const struct session *s)
{
	return !s->secure && (s->conf->tls.certificate || tls_delegable());
}

const char *
starttls_objection(const struct session *s)
{
	return s->conf->server_tls_required && !s->secure ?
	    "530 5.7.0 must issue STARTTLS first" : NULL;
}

/* In the words of Postfix, which also has a name for each degree of trust in
 * the client's certificate. */
static void
log_established(const struct session *s)
{
	const struct tls_facts *f = &s->tls;
	const char *trust = f->subject.n == 0 ? "Anonymous" :
	    strcmp(buf_text(&f->verified), "SUCCESS") == 0 ? "Trusted" :
	    "Untrusted";

	log_info("%s TLS connection established from %s: %s with cipher %s%s%s",
	    trust, s->peer.name, buf_text(&f->protocol),
	    buf_text(&f->cipher), f->subject.n ? ", subject=" : "",
	    buf_text(&f->subject));
}

static void
log_broken(const struct session *s)
{
	log_info("SSL_accept error from %s: %s", s->peer.name,
	    buf_text(&s->tls.why));
}

static void
log_unavailable(const struct session *s)
{
	log_error("cannot start TLS: %s", buf_text(&s->tls.why));
}

/* RFC 3207 section 4.2: as if nothing had been said. */
static void
forget_all(struct session *s)
{
	tx_forget(s);
	buf_clear(&s->helo);
	s->authenticated = false;
	buf_clear(&s->login);
	s->server.state = START;
}

void
do_starttls(struct session *s, char *arg)
{
	static const char go_ahead[] = "220 2.0.0 ready to start tls\r\n";
	enum tls_outcome outcome;

	(void)arg;
	if (!starttls_offered(s)) {
		say(s, "%s", manners.not_now);
		s->server.errors++;
		return;
	}
	outcome = s->conf->tls.certificate ?
	    tls_accept(&s->conf->tls, &s->io, go_ahead, &s->tls) :
	    tls_delegate(&s->io, go_ahead, &s->tls);
	switch (outcome) {
	case TLS_SECURE:
		s->secure = true;
		log_established(s);
		forget_all(s);
		break;
	case TLS_UNAVAILABLE:
		log_unavailable(s);
		say(s, "454 4.7.0 TLS not available");
		break;
	case TLS_BROKEN:
		log_broken(s);
		break;
	}
}

bool
starttls_begin(struct session *s)
{
	if (s->secure) {
		log_established(s);
		return true;
	}
	if (!s->conf->server_tls_connection)
		return true;
	switch (tls_accept(&s->conf->tls, &s->io, NULL, &s->tls)) {
	case TLS_SECURE:
		s->secure = true;
		log_established(s);
		break;
	case TLS_UNAVAILABLE:
		log_unavailable(s);
		break;
	case TLS_BROKEN:
		log_broken(s);
		break;
	}
	return s->secure;
}

/* What the super-server says of it may be anything. */
static void
put_word(struct buf *out, const char *word)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";

	for (; *word; word++)
		if (strchr(good, *word))
			buf_putc(out, *word);
}

void
starttls_received(const struct session *s, struct buf *out)
{
	if (!s->secure || s->tls.protocol.n == 0)
		return;
	buf_puts(out, " (");
	put_word(out, buf_text(&s->tls.protocol));
	buf_putc(out, ' ');
	put_word(out, buf_text(&s->tls.cipher));
	buf_putc(out, ')');
}
