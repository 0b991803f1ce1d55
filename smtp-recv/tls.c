/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>

void
starttls_open(struct session *s, struct config *conf)
{
	secure_open(&s->tls, &conf->tls, conf->server_tls_connection,
	    conf->server_tls_required);
}

const char *
starttls_objection(const struct session *s)
{
	return s->tls.required && !s->tls.on ?
	    "530 5.7.0 must issue STARTTLS first" : NULL;
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

	(void)arg;
	if (!secure_offered(&s->tls)) {
		say(s, "%s", manners.not_now);
		s->server.errors++;
		return;
	}
	switch (secure_start(&s->tls, &s->io, go_ahead, s->peer.name)) {
	case TLS_SECURE:
		forget_all(s);
		if (!secure_knows(&s->tls, s->peer.name))
			end_session(s);
		break;
	case TLS_UNAVAILABLE:
		say(s, "454 4.7.0 TLS not available");
		s->server.errors++;
		break;
	case TLS_BROKEN:
		break;
	}
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
	const struct tls_facts *f = &s->tls.facts;

	if (!s->tls.on || f->protocol.n == 0)
		return;
	buf_puts(out, " (");
	put_word(out, buf_text(&f->protocol));
	buf_putc(out, ' ');
	put_word(out, buf_text(&f->cipher));
	if (f->subject.n) {
		buf_putc(out, ' ');
		put_word(out, buf_text(&f->subject));
	}
	buf_putc(out, ')');
}
