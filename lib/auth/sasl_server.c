/* SPDX-License-Identifier: ISC */
#include "auth/sasl_server.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

static const char *const names[] = {
	[SASL_LOGIN] = "LOGIN",
	[SASL_PLAIN] = "PLAIN",
	[SASL_CRAM_MD5] = "CRAM-MD5",
	[SASL_APOP] = "APOP",
};

const char *
sasl_name(enum sasl_mechanism m)
{
	return names[m];
}

bool
sasl_find(const char *word, enum sasl_mechanism *m)
{
	for (unsigned i = 0; i < SASL_MECHANISMS; i++) {
		if (strcasecmp(names[i], word) == 0) {
			*m = (enum sasl_mechanism)i;
			return true;
		}
	}
	return false;
}

bool
sasl_client_first(enum sasl_mechanism m)
{
	return m == SASL_LOGIN || m == SASL_PLAIN;
}

void
sasl_start(struct sasl *s, enum sasl_mechanism m, const char *challenge)
{
	*s = (struct sasl){ .mechanism = m };
	switch (m) {
	case SASL_LOGIN:
		buf_set(&s->question, "Username:");
		break;
	case SASL_PLAIN:
		break;
	case SASL_CRAM_MD5:
	case SASL_APOP:
		buf_set(&s->question, challenge);
		break;
	case SASL_MECHANISMS:
		break;
	}
}

static bool
set_id(struct sasl *s, const char *p, size_t n)
{
	buf_clear(&s->id);
	if (n == 0 || n > SASL_ID || !text_clean(p, n))
		return false;
	buf_add(&s->id, p, n);
	return true;
}

static bool
set_password(struct sasl *s, const char *p, size_t n)
{
	if (n == 0 || n > SASL_PASSWORD || memchr(p, '\0', n))
		return false;
	buf_reserve(&s->password, n);
	buf_add(&s->password, p, n);
	return true;
}

/* Whoever gives an impossible name is asked for the password all the same. */
static enum sasl_verdict
step_login(struct sasl *s, const char *answer, size_t n)
{
	if (!s->named) {
		s->named = true;
		set_id(s, answer, n);
		buf_set(&s->question, "Password:");
		return SASL_MORE;
	}
	return set_password(s, answer, n) && s->id.n > 0 ? SASL_DONE : SASL_NO;
}

/* [authorization id] NUL name NUL password; whom they would like to act as
 * is not looked at. */
static enum sasl_verdict
step_plain(struct sasl *s, const char *answer, size_t n)
{
	const char *end = answer + n, *id, *password;

	id = memchr(answer, '\0', n);
	if (!id)
		return SASL_NO;
	id++;
	password = memchr(id, '\0', (size_t)(end - id));
	if (!password)
		return SASL_NO;
	password++;
	return set_id(s, id, (size_t)(password - 1 - id)) &&
	    set_password(s, password, (size_t)(end - password)) ?
	    SASL_DONE : SASL_NO;
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;
	int value = at ? (int)(at - digits) : -1;

	return value < 16 ? value : value - 6;
}

/* name, blank, 32 hex digits */
static enum sasl_verdict
step_digest(struct sasl *s, const char *answer, size_t n)
{
	const char *blank = memrchr(answer, ' ', n), *p;
	int high, low;

	if (!blank || answer + n - blank != 1 + 2 * HMAC_OCTETS ||
	    !set_id(s, answer, (size_t)(blank - answer)))
		return SASL_NO;
	for (size_t i = 0; i < HMAC_OCTETS; i++) {
		p = blank + 1 + 2 * i;
		high = hex(p[0]);
		low = hex(p[1]);
		if (high < 0 || low < 0)
			return SASL_NO;
		s->digest[i] = (unsigned char)(high << 4 | low);
	}
	return SASL_DONE;
}

enum sasl_verdict
sasl_step(struct sasl *s, const char *answer, size_t n)
{
	switch (s->mechanism) {
	case SASL_LOGIN:
		return step_login(s, answer, n);
	case SASL_PLAIN:
		return step_plain(s, answer, n);
	case SASL_CRAM_MD5:
	case SASL_APOP:
		return step_digest(s, answer, n);
	case SASL_MECHANISMS:
		break;
	}
	return SASL_NO;
}

void
sasl_challenge(struct buf *out, const char *host)
{
	unsigned char random[16];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		die(EX_OSERR, "no random numbers");
	buf_printf(out, "<%ld.%lld.", (long)getpid(), (long long)time(NULL));
	for (size_t i = 0; i < sizeof random; i++)
		buf_printf(out, "%02x", random[i]);
	buf_printf(out, "@%s>", host);
}

void
sasl_wipe(struct sasl *s)
{
	buf_wipe(&s->question);
	buf_wipe(&s->id);
	buf_wipe(&s->password);
	explicit_bzero(s, sizeof *s);
}
