/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Does the configuration want a certificate that is trusted? */
static bool
wants_trust(const struct tls_config *conf)
{
	struct tls_settings set;

	return conf->trusted || (conf->settings &&
	    tls_settings_parse(&set, conf->settings) && set.verify);
}

void
starttls_open(struct session *s, struct config *conf)
{
	s->secure = tls_inherited(&s->tls);
	if (conf->tls.certificate && !s->secure)
		tls_open(&conf->tls);
	else if (conf->server_tls_connection && !s->secure)
		die(EX_CONFIG, "--server-tls-connection requires "
		    "--server-tls");
	if ((conf->server_tls_required || wants_trust(&conf->tls)) &&
	    !s->secure && !starttls_offered(s))
		die(EX_CONFIG, "--server-tls-required and --server-tls-verify "
		    "require --server-tls");
}

bool
starttls_offered(const struct session *s)
{
	return !s->secure && !s->no_tls && (s->conf->tls.certificate || tls_delegable());
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

/* tls-io sees to that; but whoever else has done our TLS may have let
 * anybody in. */
static bool
well_known(const struct session *s)
{
	if (!wants_trust(&s->conf->tls) ||
	    strcmp(buf_text(&s->tls.verified), "SUCCESS") == 0)
		return true;
	log_warning("%s has no certificate that is trusted", s->peer.name);
	return false;
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
		if (!well_known(s))
			end_session(s);
		break;
	case TLS_UNAVAILABLE:
		log_unavailable(s);
		say(s, "454 4.7.0 TLS not available");
		s->server.errors++;
		s->no_tls = true;       /* it would be so the next time */
		break;
	case TLS_BROKEN:
		log_broken(s);
		break;
	}
}

bool
starttls_begin(struct session *s)
{
	if (s->conf->tls.trusted && access(s->conf->tls.trusted, R_OK) < 0)
		die(EX_CONFIG, "cannot read '%s': %s", s->conf->tls.trusted,
		    strerror(errno));
	if (s->secure) {
		log_established(s);
		return well_known(s);
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

enum { WORD_MOST = 200 };       /* octets of it in the header */

/* What the super-server, or a certificate, says of it may be anything. */
static void
put_word(struct buf *out, const char *word)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:=,@";
	size_t start = out->n;

	for (; *word && out->n - start < WORD_MOST; word++)
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
	if (s->tls.subject.n) {
		buf_putc(out, ' ');
		put_word(out, buf_text(&s->tls.subject));
	}
	buf_putc(out, ')');
}
