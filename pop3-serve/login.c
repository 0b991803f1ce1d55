/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "auth/login.h"
#include "base/text.h"
#include "base/xtext.h"

void
login_open(struct session *s)
{
	const char *spec = s->conf->pop_auth;

	if (guard_is_pam(spec) && !s->tls.on && !secure_offered(&s->tls))
		die(EX_CONFIG, "--pop-auth using pam requires --server-tls");
	guard_open(&s->guard, spec);
}

/* Is nobody to log in before there is TLS? */
static bool
needs_tls(const struct session *s)
{
	return !s->tls.on &&
	    (s->guard.kind == GUARD_PAM || s->tls.required);
}

static bool
takes_passwords(const struct session *s)
{
	return guard_offers(&s->guard, SASL_PLAIN);
}

void
greet(struct session *s)
{
	sasl_challenge(&s->challenge, s->domain.n ? s->domain.s : "localhost");
	say(s, "+OK POP3 server ready %s", s->challenge.s);
}

/* --- CAPA, RFC 2449 --- */

static void
add_mechanisms(const struct session *s, struct buf *line, const char *part)
{
	for (unsigned m = 0; m < SASL_MECHANISMS; m++)
		if (guard_offers(&s->guard, (enum sasl_mechanism)m))
			buf_printf(line, "%s%s", part,
			    sasl_name((enum sasl_mechanism)m));
}

/* EXPIRE is left out: how long a message stays is for the forwarder to say. */
void
do_capa(struct session *s, char *arg)
{
	struct buf sasl = { 0 };

	(void)arg;
	add_mechanisms(s, &sasl, " ");
	say(s, "+OK capability list follows");
	if (takes_passwords(s) && !needs_tls(s))
		say(s, "USER");
	say(s, "CAPA");
	say(s, "TOP");
	say(s, "UIDL");
	if (secure_offered(&s->tls) && s->server.state == AUTHORIZATION)
		say(s, "STLS");
	if (sasl.n && !needs_tls(s))
		say(s, "SASL%s", sasl.s);
	say(s, "RESP-CODES");
	say(s, "AUTH-RESP-CODE");
	say(s, "PIPELINING");
	say(s, "IMPLEMENTATION Sluice-%s", VERSION);
	say(s, ".");
	buf_free(&sasl);
}

/* --- a log-in --- */

/* Not a failure to log in, but one of the commands in vain. */
static void
decline(struct session *s, const char *reply)
{
	say(s, "%s", reply);
	s->server.errors++;
}

static void
fail(struct session *s)
{
	if (!guard_tired(&s->guard)) {
		say(s, "-ERR [AUTH] authentication failed");
		return;
	}
	say(s, "-ERR [AUTH] too many failed log-ins, closing connection");
	end_session(s);
}

/* Nobody's name leads anywhere but into a sub-directory of the spool. */
static void
refuse_maildrop(struct session *s)
{
	struct buf name = { 0 };

	xtext_encode(&name, s->login.s, s->login.n);
	log_error("cannot open the maildrop of sasl_username=%s in '%s': %s",
	    name.s, s->conf->common.spool_dir, errno == EINVAL ?
	    "the name can be no directory" : strerror(errno));
	buf_free(&name);
	decline(s, errno == EINVAL || errno == ELOOP || errno == ENOTDIR ?
	    "-ERR [SYS/PERM] no maildrop for that name" :
	    "-ERR [SYS/TEMP] maildrop not available");
	maildrop_close(&s->maildrop);
}

static void
enter(struct session *s, const struct sasl *sasl)
{
	struct buf name = { 0 };

	buf_set(&s->login, sasl->id.s);
	if (!maildrop_open(&s->maildrop, &s->spool,
	    s->conf->by_name ? s->login.s : NULL)) {
		refuse_maildrop(s);
		return;
	}
	xtext_encode(&name, s->login.s, s->login.n);
	log_info("client=%s, sasl_method=%s, sasl_username=%s, messages=%zu, "
	    "octets=%" PRIu64, s->peer.name, sasl_name(sasl->mechanism),
	    name.s, s->maildrop.n, s->maildrop.octets);
	buf_free(&name);
	guard_close(&s->guard);
	serve_progress(&s->server);
	s->server.state = TRANSACTION;
	say(s, "+OK");
}

static void
judge(struct session *s, const struct sasl *sasl)
{
	switch (guard_admit(&s->guard, s->peer.name, s->peer.ip, sasl)) {
	case GUARD_YES:
		enter(s, sasl);
		break;
	case GUARD_NO:
		fail(s);
		break;
	case GUARD_LATER:
		decline(s, "-ERR [SYS/TEMP] cannot check passwords now");
		break;
	}
}

/* What could be nobody's credentials. */
static void
repel(struct session *s, const struct sasl *sasl)
{
	guard_repel(&s->guard, s->peer.name, sasl);
	fail(s);
}

static void
try(struct session *s, enum sasl_mechanism m, const struct buf *credentials)
{
	struct sasl sasl;

	sasl_start(&sasl, m, s->challenge.s);
	if (sasl_step(&sasl, credentials->s, credentials->n) == SASL_DONE)
		judge(s, &sasl);
	else
		repel(s, &sasl);
	sasl_wipe(&sasl);
}

/* --- USER and PASS --- */

static const char *
password_objection(const struct session *s)
{
	if (needs_tls(s))
		return "-ERR must use STLS before authentication";
	if (!takes_passwords(s))
		return "-ERR no SASL PLAIN mechanism to do USER/PASS "
		    "authentication";
	return NULL;
}

void
do_user(struct session *s, char *arg)
{
	const char *no = password_objection(s), *name = text_word(&arg);

	buf_clear(&s->user);
	if (no) {
		decline(s, no);
		return;
	}
	buf_puts(&s->user, name ? name : "");
	say(s, "+OK user: %s", buf_text(&s->user));
}

/* A password may have blanks in it. That of a user without a name, or of
 * nobody, is wrong. */
void
do_pass(struct session *s, char *arg)
{
	const char *no = password_objection(s);
	struct buf both = { 0 };
	size_t n = strlen(arg);

	if (no) {
		decline(s, no);
	} else {
		buf_reserve(&both, s->user.n + n + 2);
		buf_putc(&both, '\0');
		buf_add(&both, buf_text(&s->user), s->user.n + 1);
		buf_add(&both, arg, n);
		try(s, SASL_PLAIN, &both);
	}
	explicit_bzero(arg, n);
	buf_clear(&s->user);
	buf_wipe(&both);
}

/* --- APOP --- */

void
do_apop(struct session *s, char *arg)
{
	const char *name = text_word(&arg), *digest = text_word(&arg);
	struct buf both = { 0 };

	if (needs_tls(s)) {
		decline(s, "-ERR must use STLS before authentication");
	} else if (!guard_accepts(&s->guard, SASL_APOP)) {
		decline(s, "-ERR invalid mechanism");
	} else if (!digest) {
		decline(s, "-ERR a name and a digest are required");
	} else {
		buf_printf(&both, "%s %s", name, digest);
		try(s, SASL_APOP, &both);
	}
	buf_free(&both);
}

/* --- AUTH, RFC 5034 --- */

static void
list_mechanisms(struct session *s)
{
	struct buf lines = { 0 };

	add_mechanisms(s, &lines, "\r\n");
	io_print(&s->io, "+OK%s\r\n.\r\n", buf_text(&lines));
	buf_free(&lines);
}

static void
converse(struct session *s, enum sasl_mechanism m, char *initial)
{
	struct buf challenge = { 0 };
	struct sasl sasl;

	sasl_challenge(&challenge, s->domain.n ? s->domain.s : "localhost");
	sasl_start(&sasl, m, challenge.s);
	switch (login_converse(&s->io, "+ ", &sasl, initial)) {
	case LOGIN_DONE:
		judge(s, &sasl);
		break;
	case LOGIN_WRONG:
		repel(s, &sasl);
		break;
	case LOGIN_CANCELLED:
		decline(s, "-ERR authentication cancelled");
		break;
	case LOGIN_GARBLED:
		decline(s, "-ERR invalid base64");
		break;
	case LOGIN_TOO_LONG:
		decline(s, "-ERR line too long");
		break;
	case LOGIN_GONE:
		break;
	}
	sasl_wipe(&sasl);
	buf_free(&challenge);
}

static const char *
objection(const struct session *s, const char *name, const char *initial,
    const char *more, enum sasl_mechanism *m)
{
	if (!sasl_find(name, m) || !guard_accepts(&s->guard, *m))
		return "-ERR invalid mechanism";
	if (more || (initial && !sasl_client_first(*m)))
		return "-ERR invalid initial response";
	return NULL;
}

/* `=` stands for an initial response that is empty. */
void
do_auth(struct session *s, char *arg)
{
	size_t n = strlen(arg);
	char *said = arg, *name = text_word(&arg);
	char *initial = text_word(&arg), *more = text_word(&arg);
	enum sasl_mechanism m = SASL_PLAIN;
	const char *no = NULL;

	if (initial && strcmp(initial, "=") == 0)
		initial = NULL;
	if (needs_tls(s))
		no = "-ERR must use STLS before authentication";
	else if (name)
		no = objection(s, name, initial, more, &m);
	if (no) {
		explicit_bzero(said, n);
		decline(s, no);
	} else if (name) {
		converse(s, m, initial);
	} else {
		list_mechanisms(s);
	}
}

/* --- STLS, RFC 2595 --- */

void
do_stls(struct session *s, char *arg)
{
	static const char go_ahead[] = "+OK begin TLS negotiation\r\n";

	(void)arg;
	if (!secure_offered(&s->tls)) {
		decline(s, "-ERR STLS is not available");
		return;
	}
	switch (secure_start(&s->tls, &s->io, go_ahead, s->peer.name)) {
	case TLS_SECURE:
		buf_clear(&s->user);
		if (!secure_knows(&s->tls, s->peer.name))
			end_session(s);
		break;
	case TLS_UNAVAILABLE:
		decline(s, "-ERR [SYS/TEMP] TLS is not available");
		break;
	case TLS_BROKEN:
		break;
	}
}
