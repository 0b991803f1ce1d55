/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "mail/address.h"

static bool
is_word(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

/* --client-tls-verify as a file or directory, or NULL for none. E-MailRelay 2
 * writes the system's own in angle brackets. */
static const char *
authorities(const char *verify)
{
	if (is_word(verify, "default") || is_word(verify, "<default>"))
		return TLS_SYSTEM;
	return is_word(verify, "none") ? NULL : verify;
}

static bool
wanted(const struct config *conf)
{
	return conf->client_tls || conf->client_tls_connection ||
	    conf->client_tls_required;
}

static void
check(const struct config *conf)
{
	const char *trusted = authorities(conf->tls.trusted);

	if (conf->client_tls && conf->client_tls_connection)
		die(EX_USAGE, "the --client-tls and --client-tls-connection "
		    "options cannot be used together");
	if (!wanted(conf) && (conf->tls.certificate ||
	    conf->tls.trusted || conf->tls.server_name))
		die(EX_USAGE, "--client-tls-certificate, -verify and "
		    "-server-name require --client-tls or "
		    "--client-tls-connection");
	if (conf->tls.server_name && !address_is_host(conf->tls.server_name))
		die(EX_USAGE, "--client-tls-server-name is no host name: %s",
		    conf->tls.server_name);
	if (trusted && access(trusted, R_OK) < 0)
		die(EX_CONFIG, "cannot read '%s': %s", trusted,
		    strerror(errno));
}

void
starttls_open(struct config *conf)
{
	conf->tls.client = true;
	check(conf);
	if (wanted(conf))
		tls_open(&conf->tls);
}

/* Whom we believe that a server is the one it says: nobody in particular, if
 * nothing is at stake but what would else go in clear. */
static const char *
trusted(const struct client *c)
{
	const char *verify = c->conf->tls.trusted;
	struct tls_settings set;

	tls_settings_parse(&set, c->conf->tls.settings);
	if (!verify && (c->credentials || set.verify))
		verify = TLS_SYSTEM;
	return authorities(verify);
}

/* What leaves out STARTTLS may be a man in the middle, from whom the server's
 * certificate was to protect us. */
static bool
required(const struct client *c)
{
	return c->conf->client_tls_required || trusted(c);
}

static void
set_name(struct buf *name, const struct client *c)
{
	const char *set = c->conf->tls.server_name;

	buf_puts(name, set ? set : c->target.host);
	/* the root may be named in DNS, but in no certificate */
	if (name->n > 1 && name->s[name->n - 1] == '.')
		name->s[--name->n] = '\0';
}

static void
tell(const struct client *c)
{
	const struct tls_facts *f = &c->tls;
	bool good = is_word(buf_text(&f->verified), "SUCCESS");

	check_say(c, "tls", buf_text(&f->protocol));
	check_say(c, "cipher", buf_text(&f->cipher));
	check_say(c, "certificate", buf_text(&f->subject));
	check_say(c, "names", f->names.n ? f->names.s : "none");
	check_say(c, "expires", buf_text(&f->end));
	check_say(c, "verified", good ? "yes" : buf_text(&f->verified));
	log_info("%s TLS connection established to %s: %s with cipher %s%s%s",
	    good ? "Verified" : "Untrusted", c->relay,
	    buf_text(&f->protocol), buf_text(&f->cipher),
	    good ? "" : ": ", good ? "" : buf_text(&f->verified));
}

static bool
handshake(struct client *c)
{
	struct tls_config conf = c->conf->tls;
	struct buf name = { 0 }, why = { 0 };

	set_name(&name, c);
	conf.server_name = name.s;
	conf.trusted = trusted(c);
	c->secure = tls_connect(&conf, &c->io, &c->tls) == TLS_SECURE;
	buf_free(&name);
	if (c->secure) {
		tell(c);
		return true;
	}
	buf_printf(&why, "4.7.5 %s", buf_text(&c->tls.why));
	reply_make(&c->reply, 451, why.s);
	buf_free(&why);
	client_drop(c);
	return false;
}

bool
starttls_begin(struct client *c)
{
	return !c->conf->client_tls_connection || handshake(c);
}

bool
starttls_now(struct client *c)
{
	if (c->secure || !wanted(c->conf))
		return true;
	if (!(c->can & STARTTLS) && !required(c))
		return true;
	if (!(c->can & STARTTLS)) {
		reply_make(&c->reply, 451,
		    "4.7.4 the server does not offer STARTTLS");
		return false;
	}
	client_say(c, "STARTTLS");
	if (client_hear(c, 2, "STARTTLS") != SENT)
		return false;
	return handshake(c);
}
