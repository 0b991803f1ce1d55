/* SPDX-License-Identifier: ISC */
#include "auth/scram.h"

#include <sha2.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/text.h"

/* --- HMAC-SHA-256 --- */

/* A key that has been taken in already: for thousands of rounds. */
struct key {
	SHA2_CTX inner, outer;
};

static void
absorb(SHA2_CTX *sha, const uint8_t block[SHA256_BLOCK_LENGTH], uint8_t mask)
{
	uint8_t masked[SHA256_BLOCK_LENGTH];

	for (size_t i = 0; i < sizeof masked; i++)
		masked[i] = block[i] ^ mask;
	SHA256Init(sha);
	SHA256Update(sha, masked, sizeof masked);
	explicit_bzero(masked, sizeof masked);
}

static void
set_key(struct key *k, const void *p, size_t n)
{
	uint8_t block[SHA256_BLOCK_LENGTH] = { 0 };
	SHA2_CTX sha;

	if (n > sizeof block) {
		SHA256Init(&sha);
		SHA256Update(&sha, p, n);
		SHA256Final(block, &sha);
		explicit_bzero(&sha, sizeof sha);
	} else {
		memcpy(block, p, n);
	}
	absorb(&k->inner, block, 0x36);
	absorb(&k->outer, block, 0x5c);
	explicit_bzero(block, sizeof block);
}

static void
digest(const struct key *k, const void *p, size_t n,
    unsigned char out[SCRAM_OCTETS])
{
	SHA2_CTX sha = k->inner;

	SHA256Update(&sha, p, n);
	SHA256Final(out, &sha);
	sha = k->outer;
	SHA256Update(&sha, out, SCRAM_OCTETS);
	SHA256Final(out, &sha);
	explicit_bzero(&sha, sizeof sha);
}

static void
hmac(const unsigned char key[SCRAM_OCTETS], const void *p, size_t n,
    unsigned char out[SCRAM_OCTETS])
{
	struct key k;

	set_key(&k, key, SCRAM_OCTETS);
	digest(&k, p, n, out);
	explicit_bzero(&k, sizeof k);
}

static void
xor(unsigned char a[SCRAM_OCTETS], const unsigned char b[SCRAM_OCTETS])
{
	for (size_t i = 0; i < SCRAM_OCTETS; i++)
		a[i] ^= b[i];
}

/* Hi() of RFC 5802, the first block of PBKDF2. */
static void
salt_password(const char *password, size_t n, struct buf *salt,
    uint64_t rounds, unsigned char out[SCRAM_OCTETS])
{
	unsigned char u[SCRAM_OCTETS];
	struct key k;

	set_key(&k, password, n);
	buf_add(salt, "\0\0\0\1", 4);
	digest(&k, salt->s, salt->n, u);
	memcpy(out, u, sizeof u);
	for (uint64_t i = 1; i < rounds; i++) {
		digest(&k, u, sizeof u, u);
		xor(out, u);
	}
	explicit_bzero(&k, sizeof k);
	explicit_bzero(u, sizeof u);
}

/* --- the messages --- */

static void
put_nonce(struct buf *out, const char *nonce)
{
	unsigned char random[18];

	if (nonce) {
		buf_puts(out, nonce);
		return;
	}
	if (getrandom(random, sizeof random, 0) != sizeof random)
		die(EX_OSERR, "no random numbers");
	base64_encode(out, random, sizeof random);
}

void
scram_begin(struct scram *s, const char *id, size_t n, const char *nonce,
    struct buf *out)
{
	*s = (struct scram){ .proven = false };
	buf_puts(&s->first, "n=");
	for (size_t i = 0; i < n; i++) {
		if (id[i] == ',' || id[i] == '=')
			buf_puts(&s->first, id[i] == ',' ? "=2C" : "=3D");
		else
			buf_putc(&s->first, id[i]);
	}
	buf_puts(&s->first, ",r=");
	s->nonce = s->first.n;
	put_nonce(&s->first, nonce);
	buf_printf(out, "n,,%s", s->first.s);
}

struct demand {
	const char *nonce;
	size_t nonce_n;
	struct buf salt;
	uint64_t rounds;
};

/* The value of the next attribute, which has to have this letter. */
static bool
next(const char **p, char letter, const char **value, size_t *n)
{
	if ((*p)[0] != letter || (*p)[1] != '=')
		return false;
	*value = *p + 2;
	*n = strcspn(*value, ",");
	*p = *value + *n;
	*p += **p == ',';
	return *n > 0;
}

/* r=NONCE,s=SALT,i=ROUNDS; the nonce goes on from ours. */
static bool
parse(const struct scram *s, const char *p, struct demand *d)
{
	const char *ours = s->first.s + s->nonce, *value;
	char rounds[16];
	size_t n;

	if (!next(&p, 'r', &d->nonce, &d->nonce_n) ||
	    d->nonce_n <= strlen(ours) ||
	    memcmp(d->nonce, ours, strlen(ours)) != 0)
		return false;
	if (!next(&p, 's', &value, &n) || !base64_decode(&d->salt, value, n))
		return false;
	if (!next(&p, 'i', &value, &n) || n >= sizeof rounds)
		return false;
	memcpy(rounds, value, n);
	rounds[n] = '\0';
	return text_number(rounds, SCRAM_ROUNDS_LEAST, SCRAM_ROUNDS_MOST,
	    &d->rounds);
}

/* Our proof, and the server's, which stays here. */
static void
prove(struct scram *s, unsigned char salted[SCRAM_OCTETS],
    const struct buf *message, unsigned char proof[SCRAM_OCTETS])
{
	unsigned char stored[SCRAM_OCTETS], signature[SCRAM_OCTETS];
	SHA2_CTX sha;

	hmac(salted, "Server Key", 10, stored);
	hmac(stored, message->s, message->n, s->server);
	hmac(salted, "Client Key", 10, proof);
	SHA256Init(&sha);
	SHA256Update(&sha, proof, SCRAM_OCTETS);
	SHA256Final(stored, &sha);
	hmac(stored, message->s, message->n, signature);
	xor(proof, signature);
	explicit_bzero(salted, SCRAM_OCTETS);
	explicit_bzero(stored, sizeof stored);
	explicit_bzero(&sha, sizeof sha);
}

bool
scram_answer(struct scram *s, const char *question, size_t n,
    const char *password, size_t password_n, struct buf *out)
{
	unsigned char salted[SCRAM_OCTETS], proof[SCRAM_OCTETS];
	struct buf message = { 0 }, final = { 0 };
	struct demand d = { .nonce = NULL };
	bool ok = strlen(question) == n && parse(s, question, &d);

	if (ok) {
		buf_printf(&final, "c=biws,r=%.*s", (int)d.nonce_n, d.nonce);
		buf_printf(&message, "%s,%s,%s", s->first.s, question,
		    final.s);
		salt_password(password, password_n, &d.salt, d.rounds,
		    salted);
		prove(s, salted, &message, proof);
		buf_printf(out, "%s,p=", final.s);
		base64_encode(out, proof, sizeof proof);
	}
	buf_free(&d.salt);
	buf_free(&message);
	buf_free(&final);
	return ok;
}

bool
scram_check(struct scram *s, const char *question, size_t n)
{
	struct buf expected = { 0 };

	/* nobody learns from the time how much of it is right: it is sent
	 * to us, once */
	buf_puts(&expected, "v=");
	base64_encode(&expected, s->server, sizeof s->server);
	s->proven = expected.n <= n &&
	    memcmp(expected.s, question, expected.n) == 0 &&
	    (n == expected.n || question[expected.n] == ',');
	buf_wipe(&expected);
	return s->proven;
}

void
scram_wipe(struct scram *s)
{
	buf_wipe(&s->first);
	explicit_bzero(s, sizeof *s);
}
