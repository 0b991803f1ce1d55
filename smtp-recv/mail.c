/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "mail/address.h"

void
reject(struct session *s, const char *verb, const char *reply)
{
	struct buf facts = { 0 };

	s->refused++;
	buf_puts(&facts, "from=");
	log_quote(&facts, buf_text(&s->envelope.from));
	if (s->recipient) {
		buf_puts(&facts, " to=");
		log_quote(&facts, s->recipient);
	}
	buf_printf(&facts, " proto=%s helo=", s->protocol);
	log_quote(&facts, buf_text(&s->helo));
	log_info("NOQUEUE: reject: %s from %s: %s; %s", verb, s->peer.name,
	    reply, facts.s);
	buf_free(&facts);
	say(s, "%s", reply);
}

/* For the log, what was given as an address and is none. */
static void
put_raw(struct buf *out, const char *p)
{
	p += strspn(p, " <");
	buf_clear(out);
	buf_add(out, p, strcspn(p, " >"));
}

/* Behind "FROM:" or "TO:", or NULL. */
static char *
skip_keyword(char *arg, const char *keyword)
{
	return text_starts(arg, keyword) ? arg + strlen(keyword) : NULL;
}

static const char *
fault(enum address_verdict v)
{
	switch (v) {
	case ADDRESS_OK:
		break;
	case ADDRESS_NO_BRACKETS:
		return "missing or invalid angle brackets in mailbox name";
	case ADDRESS_SYNTAX:
		return "invalid mailbox name";
	case ADDRESS_TOO_LONG:
		return "mailbox name too long";
	case ADDRESS_NEEDS_UTF8:
		return "non-ASCII mailbox name without SMTPUTF8";
	}
	return "";
}

static void
reject_address(struct session *s, const char *verb, const char *start,
    enum address_verdict v)
{
	struct buf reply = { 0 };

	buf_printf(&reply, "%s: %s", start, fault(v));
	reject(s, verb, reply.s);
	buf_free(&reply);
}

static bool
parameters_ok(struct session *s, const char *verb, enum parameter_verdict v)
{
	if (v == PARAMETER_SYNTAX)
		reject(s, verb, "501 5.5.4 syntax error in parameters");
	if (v == PARAMETER_UNKNOWN)
		reject(s, verb, "555 5.5.4 parameter not recognized");
	return v == PARAMETER_OK;
}

/* Is there room for a message of the announced size? */
static bool
has_room(const struct session *s, uint64_t size)
{
	struct statvfs fs;

	return fstatvfs(s->spool.fd, &fs) < 0 || fs.f_blocks == 0 ||
	    size / (fs.f_frsize ? fs.f_frsize : 1) < fs.f_bavail;
}

static bool
size_ok(struct session *s, const struct mail_parameters *p)
{
	if (!p->has_size)
		return true;
	if (s->conf->size && p->size > s->conf->size)
		reject(s, "MAIL", "552 5.3.4 message size exceeds fixed "
		    "maximum message size");
	else if (!has_room(s, p->size))
		reject(s, "MAIL", "452 4.3.1 insufficient system storage");
	else
		return true;
	return false;
}

/* The spool may have been missing when we started. */
static bool
spool_ok(struct session *s)
{
	if (s->spool.fd >= 0 || spool_open(&s->spool, s->spool.path))
		return true;
	log_error("cannot open spool '%s': %s", s->spool.path,
	    strerror(errno));
	say(s, "451 4.3.0 message processing failed: local error");
	return false;
}

void
do_mail(struct session *s, char *arg)
{
	const char *p = skip_keyword(arg, "FROM:");
	struct mail_parameters *param = &s->parameters;
	const char *no = starttls_objection(s);
	enum address_verdict v;

	tx_forget(s);
	if (!no)
		no = auth_objection(s);
	if (no) {
		reject(s, "MAIL", no);
		return;
	}
	if (!p) {
		reject(s, "MAIL", "501 5.5.4 syntax: MAIL FROM:<address>");
		return;
	}
	param->utf8 = parameter_has_utf8(arg);
	v = address_path(&p, param->utf8, &s->envelope.from);
	if (v == ADDRESS_OK && verifier_shuns(s, buf_text(&s->envelope.from)))
		v = ADDRESS_SYNTAX;
	if (v != ADDRESS_OK) {
		put_raw(&s->envelope.from, arg + strlen("FROM:"));
		reject_address(s, "MAIL", "553 5.1.7 mailbox name not allowed",
		    v);
		buf_clear(&s->envelope.from);
		return;
	}
	if (!parameters_ok(s, "MAIL", parameter_mail(arg + (p - arg), param)) ||
	    !spool_ok(s) || !size_ok(s, param))
		return;
	s->envelope.utf8 = param->utf8;
	buf_set(&s->envelope.client, s->peer.ip);
	buf_set(&s->envelope.client_certificate,
	    buf_text(&s->tls.facts.certificate));
	auth_fill(s, &s->envelope.auth);
	s->server.state = MAIL;
	say(s, "250 2.1.0 OK");
}

static void
accept_recipient(struct session *s, const char *to)
{
	if (s->envelope.local.n + s->envelope.remote.n >=
	    s->conf->max_recipients) {
		/* Who has more than we take sends the rest another time. */
		serve_step(&s->server);
		reject(s, "RCPT", "452 4.5.3 too many recipients");
		return;
	}
	if (!s->conf->verifier)
		list_add(&s->envelope.remote, to);
	else if (!verified(s, to))
		return;
	serve_step(&s->server);
	s->server.state = RCPT;
	say(s, "250 2.1.5 OK");
}

void
do_rcpt(struct session *s, char *arg)
{
	static const char unavailable[] = "550 5.1.3 mailbox unavailable";
	const char *p = skip_keyword(arg, "TO:");
	struct buf to = { 0 };
	enum address_verdict v;

	if (!p) {
		reject(s, "RCPT", "501 5.5.4 syntax: RCPT TO:<address>");
		return;
	}
	v = address_path(&p, s->parameters.utf8, &to);
	if (v == ADDRESS_OK && (to.n == 0 || verifier_shuns(s, to.s)))
		v = ADDRESS_SYNTAX;
	if (v != ADDRESS_OK)
		put_raw(&to, arg + strlen("TO:"));
	s->recipient = buf_text(&to);
	if (v != ADDRESS_OK)
		reject_address(s, "RCPT", unavailable, v);
	else if (parameters_ok(s, "RCPT", parameter_rcpt(arg + (p - arg))))
		accept_recipient(s, to.s);
	s->recipient = NULL;
	buf_free(&to);
}
