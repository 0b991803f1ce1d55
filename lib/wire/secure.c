/* SPDX-License-Identifier: ISC */
#include "wire/secure.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"

/* Does the configuration want a certificate that is trusted? */
static bool
wants_trust(const struct tls_config *conf)
{
	struct tls_settings set;

	return conf->trusted || (conf->settings &&
	    tls_settings_parse(&set, conf->settings) && set.verify);
}

void
secure_open(struct secure *t, struct tls_config *conf, bool at_once,
    bool required)
{
	t->conf = conf;
	t->at_once = at_once;
	t->required = required;
	t->on = tls_inherited(&t->facts);
	if (conf->certificate && !t->on)
		tls_open(conf);
	else if (at_once && !t->on)
		die(EX_CONFIG, "--server-tls-connection requires "
		    "--server-tls");
	if ((required || wants_trust(conf)) && !t->on && !secure_offered(t))
		die(EX_CONFIG, "--server-tls-required and --server-tls-verify "
		    "require --server-tls");
}

bool
secure_offered(const struct secure *t)
{
	return !t->on && !t->failed && (t->conf->certificate ||
	    tls_delegable());
}

/* In the words of Postfix, which also has a name for each degree of trust in
 * the client's certificate. */
static void
log_established(const struct secure *t, const char *who)
{
	const struct tls_facts *f = &t->facts;
	const char *trust = f->subject.n == 0 ? "Anonymous" :
	    strcmp(buf_text(&f->verified), "SUCCESS") == 0 ? "Trusted" :
	    "Untrusted";

	log_info("%s TLS connection established from %s: %s with cipher %s%s%s",
	    trust, who, buf_text(&f->protocol), buf_text(&f->cipher),
	    f->subject.n ? ", subject=" : "", buf_text(&f->subject));
}

bool
secure_knows(const struct secure *t, const char *who)
{
	if (!wants_trust(t->conf) ||
	    strcmp(buf_text(&t->facts.verified), "SUCCESS") == 0)
		return true;
	log_warning("%s has no certificate that is trusted", who);
	return false;
}

static enum tls_outcome
conclude(struct secure *t, enum tls_outcome outcome, const char *who)
{
	switch (outcome) {
	case TLS_SECURE:
		t->on = true;
		log_established(t, who);
		break;
	case TLS_UNAVAILABLE:
		log_error("cannot start TLS: %s", buf_text(&t->facts.why));
		t->failed = true;
		break;
	case TLS_BROKEN:
		log_info("SSL_accept error from %s: %s", who,
		    buf_text(&t->facts.why));
		break;
	}
	return outcome;
}

enum tls_outcome
secure_start(struct secure *t, struct io *io, const char *go_ahead,
    const char *who)
{
	return conclude(t, t->conf->certificate ?
	    tls_accept(t->conf, io, go_ahead, &t->facts) :
	    tls_delegate(io, go_ahead, &t->facts), who);
}

bool
secure_begin(struct secure *t, struct io *io, const char *who)
{
	const char *trusted = t->conf->trusted;

	if (trusted && access(trusted, R_OK) < 0)
		die(EX_CONFIG, "cannot read '%s': %s", trusted,
		    strerror(errno));
	if (t->on) {
		log_established(t, who);
		return secure_knows(t, who);
	}
	return !t->at_once || conclude(t, tls_accept(t->conf, io, NULL,
	    &t->facts), who) == TLS_SECURE;
}
