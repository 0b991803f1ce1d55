/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>
#include <sysexits.h>

#include "auth/login.h"
#include "base/text.h"
#include "base/xtext.h"

void
auth_open(struct session *s)
{
	const char *spec = s->conf->server_auth;

	if (!spec)
		return;
	if (guard_is_pam(spec) && !s->tls.on && !secure_offered(&s->tls))
		die(EX_CONFIG, "--server-auth using pam requires "
		    "--server-tls");
	guard_open(&s->guard, spec);
}

/* Is anything that could be said in AUTH to be said under TLS only? */
static bool
needs_tls(const struct session *s)
{
	return !s->tls.on && (s->guard.kind == GUARD_PAM || s->tls.required);
}

void
auth_advertise(struct session *s)
{
	struct buf line = { 0 };

	if (needs_tls(s))
		return;
	for (unsigned m = 0; m < SASL_MECHANISMS; m++)
		if (guard_offers(&s->guard, (enum sasl_mechanism)m))
			buf_printf(&line, " %s",
			    sasl_name((enum sasl_mechanism)m));
	if (line.n)
		say(s, "250-AUTH%s", line.s);
	buf_free(&line);
}

const char *
auth_mechanism(const struct session *s)
{
	return s->guard.kind == GUARD_NONE ? "" :
	    s->authenticated ? s->mechanism : "NONE";
}

/* The super-server's word and the secrets file are as good as a password. */
static bool
is_trusted(struct session *s)
{
	const char *keyword = guard_trusts(&s->guard, s->peer.ip);

	if (!keyword)
		return s->peer.trusted;
	buf_set(&s->login, keyword);
	return true;
}

const char *
auth_objection(struct session *s)
{
	if (s->guard.kind == GUARD_NONE || s->authenticated || is_trusted(s))
		return NULL;
	return needs_tls(s) ?
	    "530 5.7.0 authentication required: use starttls" :
	    "530 5.7.0 authentication required";
}

void
auth_fill(const struct session *s, struct buf *envelope)
{
	buf_clear(envelope);
	xtext_encode(envelope, buf_text(&s->login), s->login.n);
}

/* Not a failure to log in, but one of the commands in vain. */
static void
decline(struct session *s, const char *reply)
{
	say(s, "%s", reply);
	s->server.errors++;
}

/* The answer comes late, and not often. */
static void
fail(struct session *s)
{
	say(s, "535 5.7.8 Authentication failed");
	if (!guard_tired(&s->guard))
		return;
	say(s, "421 4.7.0 too many failed log-ins, closing connection");
	end_session(s);
}

static void
succeed(struct session *s, const struct sasl *sasl)
{
	s->authenticated = true;
	s->mechanism = sasl_name(sasl->mechanism);
	buf_set(&s->login, sasl->id.s);
	/* STARTTLS would make us forget, and ask again */
	if (!secure_offered(&s->tls))
		guard_close(&s->guard);
	say(s, "235 2.7.0 Authentication successful");
}

static void
judge(struct session *s, const struct sasl *sasl)
{
	switch (guard_admit(&s->guard, s->peer.name, s->peer.ip, sasl)) {
	case GUARD_YES:
		succeed(s, sasl);
		break;
	case GUARD_NO:
		fail(s);
		break;
	case GUARD_LATER:
		decline(s, "454 4.7.0 Temporary authentication failure");
		break;
	}
}

static void
converse(struct session *s, enum sasl_mechanism m, char *initial)
{
	struct buf challenge = { 0 };
	struct sasl sasl;

	sasl_challenge(&challenge, s->domain.n && !s->conf->anonymous ?
	    s->domain.s : "localhost");
	sasl_start(&sasl, m, challenge.s);
	switch (login_converse(&s->io, "334 ", &sasl, initial)) {
	case LOGIN_DONE:
		judge(s, &sasl);
		break;
	case LOGIN_WRONG:
		guard_repel(&s->guard, s->peer.name, &sasl);
		fail(s);
		break;
	case LOGIN_CANCELLED:
		decline(s, "501 5.7.0 authentication cancelled");
		break;
	case LOGIN_GARBLED:
		decline(s, "501 5.5.2 Invalid argument");
		break;
	case LOGIN_TOO_LONG:
		decline(s, "500 5.5.6 line too long");
		break;
	case LOGIN_GONE:
		break;
	}
	sasl_wipe(&sasl);
	buf_free(&challenge);
}

/* `=` is an initial response that is empty, which none of ours can be. */
static const char *
objection(const struct session *s, const char *name, const char *initial,
    const char *more, enum sasl_mechanism *m)
{
	if (s->guard.kind == GUARD_NONE)
		return manners.unknown;
	if (s->authenticated)
		return manners.not_now;
	if (starttls_objection(s))
		return starttls_objection(s);
	if (needs_tls(s) || !sasl_find(name ? name : "", m) ||
	    !guard_accepts(&s->guard, *m))
		return "504 5.5.4 Unsupported authentication mechanism";
	if (more || (initial && (!sasl_client_first(*m) ||
	    strcmp(initial, "=") == 0)))
		return "501 5.5.2 Invalid argument";
	return NULL;
}

void
do_auth(struct session *s, char *arg)
{
	size_t n = strlen(arg);
	char *rest = arg, *name = text_word(&rest);
	char *initial = text_word(&rest), *more = text_word(&rest);
	enum sasl_mechanism m = SASL_PLAIN;
	const char *no = objection(s, name, initial, more, &m);

	if (no) {
		explicit_bzero(arg, n);
		decline(s, no);
	} else {
		converse(s, m, initial);
	}
}
