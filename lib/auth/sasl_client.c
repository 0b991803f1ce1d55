/* SPDX-License-Identifier: ISC */
#include "auth/sasl_client.h"

#include <string.h>
#include <strings.h>

#include "base/hmac.h"
#include "base/text.h"

static const char *const names[WAYS] = {
	[WAY_OAUTHBEARER] = "OAUTHBEARER",
	[WAY_XOAUTH2] = "XOAUTH2",
	[WAY_CRAM_MD5] = "CRAM-MD5",
	[WAY_PLAIN] = "PLAIN",
	[WAY_LOGIN] = "LOGIN",
	[WAY_SCRAM_SHA_256] = "SCRAM-SHA-256",
};

const char *
way_name(enum way w)
{
	return names[w];
}

bool
way_find(const char *word, size_t n, enum way *w)
{
	for (unsigned i = 0; i < WAYS; i++) {
		if (strlen(names[i]) == n &&
		    strncasecmp(names[i], word, n) == 0) {
			*w = (enum way)i;
			return true;
		}
	}
	return false;
}

bool
way_speaks_first(enum way w)
{
	return w != WAY_LOGIN && w != WAY_CRAM_MD5;
}

/* Copies of a secret must not stay behind when the answer grows. */
static void
make_room(struct sasl_client *s)
{
	buf_wipe(&s->answer);
	buf_reserve(&s->answer, 3 * s->id_n + s->secret_n + 600);
}

static enum answer
step_plain(struct sasl_client *s)
{
	if (s->steps > 0)
		return ANSWER_NONE;
	buf_putc(&s->answer, '\0');
	buf_add(&s->answer, s->id, s->id_n);
	buf_putc(&s->answer, '\0');
	buf_add(&s->answer, s->secret, s->secret_n);
	return ANSWER_READY;
}

/* "User Name", "Username:", "Password:", or nothing. The password is not the
 * answer to whatever else a server may ask. */
static enum answer
step_login(struct sasl_client *s, const char *question, size_t n)
{
	if (s->steps > 1 ||
	    (n > 0 && !text_starts(question, s->steps ? "pass" : "user")))
		return ANSWER_NONE;
	if (s->steps == 0)
		buf_add(&s->answer, s->id, s->id_n);
	else
		buf_add(&s->answer, s->secret, s->secret_n);
	return ANSWER_READY;
}

static enum answer
step_cram(struct sasl_client *s, const char *question, size_t n)
{
	unsigned char digest[HMAC_OCTETS];
	struct hmac_key key = { { 0 }, { 0 } };

	if (s->steps > 0 || n == 0)
		return ANSWER_NONE;
	if (!s->key)
		hmac_key(&key, s->secret, s->secret_n);
	else if (!hmac_key_parse(&key, s->secret))
		return ANSWER_NONE;
	hmac_digest(&key, question, n, digest);
	explicit_bzero(&key, sizeof key);
	buf_add(&s->answer, s->id, s->id_n);
	buf_putc(&s->answer, ' ');
	for (size_t i = 0; i < HMAC_OCTETS; i++)
		buf_printf(&s->answer, "%02x", digest[i]);
	return ANSWER_READY;
}

/* The name of RFC 5801: without what would end it. */
static void
put_saslname(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] == ',')
			buf_puts(out, "=2C");
		else if (s[i] == '=')
			buf_puts(out, "=3D");
		else
			buf_putc(out, s[i]);
	}
}

/* The second question is what the server has against the token. It wants an
 * answer before it says no. */
static enum answer
step_oauthbearer(struct sasl_client *s)
{
	if (s->steps > 0) {
		buf_putc(&s->answer, '\1');
		return s->steps == 1 ? ANSWER_READY : ANSWER_NONE;
	}
	buf_puts(&s->answer, "n,a=");
	put_saslname(&s->answer, s->id, s->id_n);
	buf_printf(&s->answer, ",\1host=%s\1port=%s\1auth=Bearer ", s->host,
	    s->port);
	buf_add(&s->answer, s->secret, s->secret_n);
	buf_puts(&s->answer, "\1\1");
	return ANSWER_READY;
}

static enum answer
step_xoauth2(struct sasl_client *s)
{
	if (s->steps > 0)
		return s->steps == 1 ? ANSWER_READY : ANSWER_NONE;
	buf_puts(&s->answer, "user=");
	buf_add(&s->answer, s->id, s->id_n);
	buf_puts(&s->answer, "\1auth=Bearer ");
	buf_add(&s->answer, s->secret, s->secret_n);
	buf_puts(&s->answer, "\1\1");
	return ANSWER_READY;
}

static enum answer
step_scram(struct sasl_client *s, const char *question, size_t n)
{
	bool ok = false;

	if (s->steps == 0) {
		scram_begin(&s->scram, s->id, s->id_n, s->nonce, &s->answer);
		ok = n == 0;
	} else if (s->steps == 1) {
		ok = scram_answer(&s->scram, question, n, s->secret,
		    s->secret_n, &s->answer);
	} else if (s->steps == 2) {
		ok = scram_check(&s->scram, question, n);
		/* e=: it says no, in the way of RFC 5802 */
		if (!ok && !text_starts(question, "e="))
			return ANSWER_IMPOSTOR;
	}
	return ok ? ANSWER_READY : ANSWER_NONE;
}

static enum answer
step(struct sasl_client *s, const char *question, size_t n)
{
	switch (s->way) {
	case WAY_OAUTHBEARER:
		return step_oauthbearer(s);
	case WAY_XOAUTH2:
		return step_xoauth2(s);
	case WAY_CRAM_MD5:
		return step_cram(s, question, n);
	case WAY_PLAIN:
		return step_plain(s);
	case WAY_LOGIN:
		return step_login(s, question, n);
	case WAY_SCRAM_SHA_256:
		return step_scram(s, question, n);
	case WAYS:
		break;
	}
	return ANSWER_NONE;
}

enum answer
sasl_client_step(struct sasl_client *s, const char *question, size_t n)
{
	enum answer a;

	make_room(s);
	a = step(s, question, n);
	s->steps++;
	return a;
}

bool
sasl_client_believes(const struct sasl_client *s)
{
	return s->way != WAY_SCRAM_SHA_256 || s->scram.proven;
}

void
sasl_client_reset(struct sasl_client *s)
{
	buf_wipe(&s->answer);
	scram_wipe(&s->scram);
	s->steps = 0;
}
