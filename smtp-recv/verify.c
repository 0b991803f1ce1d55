/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>
#include <sysexits.h>

#include "mail/address.h"

void
verifier_open(struct session *s)
{
	struct verifier *v = &s->verifier;
	struct buf why = { 0 };

	if (!s->conf->verifier)
		return;
	if (!judge_open(&v->judge, s->conf->verifier, &why))
		die(EX_CONFIG, "--verifier: %s", why.s);
	judge_check(&v->judge);
	v->seconds = (unsigned)s->conf->filter_timeout;
}

bool
verifier_shuns(const struct session *s, const char *address)
{
	const char *at = strchr(address, '@');

	/* The part behind the first "@", be it a quoted one, is an argument
	 * of its own. */
	return s->conf->verifier &&
	    (*address == '-' || (at && at[1] == '-'));
}

static void
ask(struct session *s, const char *address, bool vrfy, struct verify_answer *a)
{
	const struct verify_question q = {
		.address = address,
		.domain = buf_text(&s->domain),
		.from = vrfy ? "" : buf_text(&s->envelope.from),
		.ip = s->peer.ip,
		.mechanism = auth_mechanism(s),
		.id = buf_text(&s->login),
		.utf8 = s->parameters.utf8
	};

	io_flush(&s->io);
	*a = (struct verify_answer){ .verified = VERIFY_FAIL };
	outside_verify(&s->monitor, &s->verifier, &q, a);
}

static void
answer_free(struct verify_answer *a)
{
	buf_free(&a->address);
	buf_free(&a->text);
}

/* Without another word: it is for those who do not deserve one. */
static void
drop(struct session *s)
{
	log_warning("the verifier has asked to hang up on %s", s->peer.name);
	s->server.state = 0;
}

static void
refuse(struct session *s, const char *start, const char *reason)
{
	struct buf reply = { 0 };

	buf_printf(&reply, "%s mailbox unavailable: %s", start, reason);
	reject(s, "RCPT", reply.s);
	buf_free(&reply);
}

bool
verified(struct session *s, const char *to)
{
	struct verify_answer a;
	bool yes = false;

	ask(s, to, false, &a);
	switch (a.verified) {
	case VERIFY_LOCAL:
		list_add(&s->envelope.local, a.address.s);
		yes = true;
		break;
	case VERIFY_REMOTE:
		list_add(&s->envelope.remote, a.address.s);
		yes = true;
		break;
	case VERIFY_REJECT:
		refuse(s, "550 5.1.1", a.text.s);
		break;
	case VERIFY_LATER:
		refuse(s, "450 4.2.1", a.text.s);
		break;
	case VERIFY_FAIL:
		refuse(s, "450 4.3.0", "cannot verify it now");
		break;
	case VERIFY_ABORT:
		drop(s);
		break;
	}
	answer_free(&a);
	return yes;
}

static void
answer_vrfy(struct session *s, const char *arg, const char *address)
{
	struct verify_answer a;

	ask(s, address, true, &a);
	switch (a.verified) {
	case VERIFY_LOCAL:
		say(s, "250 2.1.5 %s", buf_text(&a.text));
		break;
	case VERIFY_REMOTE:
		say(s, "252 2.0.0 cannot verify but will accept: %s", arg);
		break;
	case VERIFY_REJECT:
		say(s, "550 5.1.1 no such mailbox: %s", arg);
		break;
	case VERIFY_LATER:
		say(s, "450 4.2.1 no such mailbox: %s", arg);
		break;
	case VERIFY_FAIL:
		say(s, "450 4.3.0 cannot verify it now: %s", arg);
		break;
	case VERIFY_ABORT:
		drop(s);
		break;
	}
	answer_free(&a);
}

/* A verifier gets what RCPT would give it, and nothing else. */
static void
vrfy_verified(struct session *s, const char *arg)
{
	struct buf address = { 0 };
	const char *p = arg;
	bool ok;

	if (*arg == '<') {
		ok = address_path(&p, false, &address) == ADDRESS_OK && !*p;
	} else {
		ok = address_check(arg, false) == ADDRESS_OK;
		buf_puts(&address, arg);
	}
	if (ok && address.n > 0 && !verifier_shuns(s, address.s))
		answer_vrfy(s, arg, address.s);
	else
		say(s, "550 5.1.3 no such mailbox: %s", arg);
	buf_free(&address);
}

void
do_vrfy(struct session *s, char *arg)
{
	if (s->conf->anonymous)
		say(s, "502 5.5.1 command not implemented");
	else if (starttls_objection(s))
		say(s, "%s", starttls_objection(s));
	else if (!*arg)
		say(s, "550 5.1.1 no such mailbox: ");
	else if (s->conf->verifier)
		vrfy_verified(s, arg);
	else
		say(s, "252 2.0.0 cannot verify but will accept: %s", arg);
}
