/* SPDX-License-Identifier: ISC */
#include "auth/guard.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/helper.h"
#include "base/log.h"
#include "base/program.h"
#include "base/text.h"
#include "base/xtext.h"

static const char checkpassword[] = "checkpassword:";

bool
guard_is_pam(const char *spec)
{
	return strcmp(spec, "/pam") == 0 || strcmp(spec, "pam:") == 0;
}

static void
open_file(struct guard *g, const char *path)
{
	const struct secrets *s = &g->secrets;
	struct buf why = { 0 };

	if (!secrets_read(&g->secrets, path, &why))
		die(EX_CONFIG, "%s", why.s);
	g->kind = GUARD_FILE;
	if (secrets_has(s, SECRET_LOGIN) || secrets_has(s, SECRET_ANY))
		g->offers |= 1u << SASL_LOGIN | 1u << SASL_PLAIN;
	if (secrets_has(s, SECRET_PLAIN))
		g->offers |= 1u << SASL_PLAIN;
	if (secrets_has(s, SECRET_CRAM_MD5) || secrets_has(s, SECRET_ANY))
		g->offers |= 1u << SASL_CRAM_MD5;
	if (secrets_has(s, SECRET_APOP) || secrets_has(s, SECRET_ANY))
		g->offers |= 1u << SASL_APOP;
}

static void
start(struct guard *g, const struct list *words)
{
	if (!keeper_start(&g->keeper, words))
		die(EX_OSERR, "cannot have passwords checked: %s",
		    strerror(errno));
}

static void
open_pam(struct guard *g)
{
	struct buf path = { 0 };
	struct list words = { 0 };

	program_find(&path, "pam-check");
	list_add(&words, path.s);
	start(g, &words);
	g->kind = GUARD_PAM;
	g->offers = 1u << SASL_PLAIN;
	list_free(&words);
	buf_free(&path);
}

static void
open_program(struct guard *g, const char *command)
{
	struct list words = { 0 };

	if (!helper_parse(&words, command))
		die(EX_CONFIG, "not the absolute path of a program: '%s'",
		    command);
	if (access(list_get(&words, 0), X_OK) < 0)
		die(EX_CONFIG, "cannot run '%s': %s", list_get(&words, 0),
		    strerror(errno));
	start(g, &words);
	g->kind = GUARD_PROGRAM;
	g->offers = 1u << SASL_LOGIN | 1u << SASL_PLAIN;
	list_free(&words);
}

void
guard_open(struct guard *g, const char *spec)
{
	if (guard_is_pam(spec))
		open_pam(g);
	else if (text_starts(spec, checkpassword))
		open_program(g, spec + strlen(checkpassword));
	else
		open_file(g, spec);
}

bool
guard_offers(const struct guard *g, enum sasl_mechanism m)
{
	return g->offers & 1u << m;
}

bool
guard_accepts(const struct guard *g, enum sasl_mechanism m)
{
	return g->kind == GUARD_FILE || guard_offers(g, m);
}

/* The first of these entries for that name, or NULL. */
static const struct secret *
find_entry(const struct guard *g, const struct buf *id,
    const enum secret_kind kinds[], size_t n)
{
	const struct secret *found = NULL, *e;

	for (size_t i = 0; i < n; i++) {
		e = secrets_find(&g->secrets, kinds[i], id->s, id->n);
		if (!found)
			found = e;
	}
	return found;
}

/* Who is not there has a password, too, so that it takes the same time. */
static bool
check_password(const struct guard *g, const struct sasl *s)
{
	static const enum secret_kind login[] = {
		SECRET_LOGIN, SECRET_ANY
	}, plain[] = {
		SECRET_PLAIN, SECRET_LOGIN, SECRET_ANY
	};
	const struct secret *e = s->mechanism == SASL_LOGIN ?
	    find_entry(g, &s->id, login, sizeof login / sizeof login[0]) :
	    find_entry(g, &s->id, plain, sizeof plain / sizeof plain[0]);
	const char *right = e ? secrets_value(&g->secrets, e) : "nobody";
	size_t n = e ? e->value_n : strlen(right);
	bool same = hmac_same_text(right, n, s->password.s, s->password.n);

	return same && e && n > 0;
}

static bool
check_digest(const struct guard *g, const struct sasl *s)
{
	static const enum secret_kind kinds[] = {
		SECRET_CRAM_MD5, SECRET_ANY
	};
	const struct secret *e = find_entry(g, &s->id, kinds,
	    sizeof kinds / sizeof kinds[0]);
	const char *text = e ? secrets_value(&g->secrets, e) : "nobody";
	unsigned char digest[HMAC_OCTETS];
	struct hmac_key key;
	bool same;

	hmac_key(&key, text, e ? e->value_n : strlen(text));
	if (e && e->kind == SECRET_CRAM_MD5)
		hmac_key_parse(&key, text);
	hmac_digest(&key, s->question.s, s->question.n, digest);
	explicit_bzero(&key, sizeof key);
	same = hmac_equal(digest, s->digest);
	return same && e && e->value_n > 0;
}

static bool
check_apop(const struct guard *g, const struct sasl *s)
{
	static const enum secret_kind kinds[] = { SECRET_APOP, SECRET_ANY };
	const struct secret *e = find_entry(g, &s->id, kinds,
	    sizeof kinds / sizeof kinds[0]);
	const char *text = e ? secrets_value(&g->secrets, e) : "nobody";
	unsigned char digest[HMAC_OCTETS];
	bool same;

	apop_digest(s->question.s, s->question.n, text,
	    e ? e->value_n : strlen(text), digest);
	same = hmac_equal(digest, s->digest);
	return same && e && e->value_n > 0;
}

static bool
check_file(const struct guard *g, const struct sasl *s)
{
	switch (s->mechanism) {
	case SASL_LOGIN:
	case SASL_PLAIN:
		return check_password(g, s);
	case SASL_CRAM_MD5:
		return check_digest(g, s);
	case SASL_APOP:
		return check_apop(g, s);
	case SASL_MECHANISMS:
		break;
	}
	return false;
}

static enum guard_verdict
ask_keeper(struct guard *g, const char *from, const struct sasl *s)
{
	switch (keeper_ask(&g->keeper, from, s->id.s, s->password.s)) {
	case KEEPER_YES:
		return GUARD_YES;
	case KEEPER_NO:
		return GUARD_NO;
	case KEEPER_LATER:
		break;
	}
	return GUARD_LATER;
}

enum guard_verdict
guard_check(struct guard *g, const char *from, const struct sasl *s)
{
	bool right = false;

	switch (g->kind) {
	case GUARD_NONE:
		break;
	case GUARD_FILE:
		right = check_file(g, s);
		break;
	case GUARD_PAM:
	case GUARD_PROGRAM:
		return ask_keeper(g, from, s);
	}
	return right ? GUARD_YES : GUARD_NO;
}

static void
pause_for(time_t seconds)
{
	struct timespec left = { .tv_sec = seconds };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

/* In xtext nothing that was given for a name can be taken for another part
 * of the line. */
static void
log_failure(const char *client, const struct sasl *s, const char *reason)
{
	struct buf id = { 0 };

	xtext_encode(&id, buf_text(&s->id), s->id.n);
	log_warning("%s: SASL %s authentication failed: %s, "
	    "sasl_username=%s", client, sasl_name(s->mechanism), reason,
	    buf_text(&id));
	buf_free(&id);
}

void
guard_repel(struct guard *g, const char *client, const struct sasl *s)
{
	log_failure(client, s, "authentication failure");
	g->failures++;
	pause_for(GUARD_PENALTY);
}

enum guard_verdict
guard_admit(struct guard *g, const char *client, const char *from,
    const struct sasl *s)
{
	enum guard_verdict v = guard_check(g, from, s);

	switch (v) {
	case GUARD_YES:
		break;
	case GUARD_NO:
		guard_repel(g, client, s);
		break;
	case GUARD_LATER:
		log_failure(client, s, "temporary failure");
		pause_for(GUARD_PENALTY);
		break;
	}
	return v;
}

bool
guard_tired(const struct guard *g)
{
	return g->failures >= GUARD_FAILURES;
}

const char *
guard_trusts(const struct guard *g, const char *ip)
{
	return secrets_trust(&g->secrets, ip);
}

void
guard_leave(struct guard *g)
{
	secrets_wipe(&g->secrets);
	if (g->keeper.pid != 0)
		close(g->keeper.fd);
	g->keeper = (struct keeper){ .pid = 0 };
}

void
guard_close(struct guard *g)
{
	secrets_wipe(&g->secrets);
	keeper_end(&g->keeper);
}
