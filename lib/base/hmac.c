/* SPDX-License-Identifier: ISC */
#include "base/hmac.h"

#include <md5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/text.h"

enum { WORDS = 8, KEY_OCTETS = 4 * WORDS };

/* The chaining value behind one block: the password with each octet xored. */
static void
absorb(uint32_t state[4], const unsigned char block[MD5_BLOCK_LENGTH],
    unsigned char mask)
{
	unsigned char masked[MD5_BLOCK_LENGTH];
	MD5_CTX md5;

	for (size_t i = 0; i < sizeof masked; i++)
		masked[i] = block[i] ^ mask;
	MD5Init(&md5);
	MD5Update(&md5, masked, sizeof masked);
	memcpy(state, md5.state, sizeof md5.state);
	explicit_bzero(&md5, sizeof md5);
	explicit_bzero(masked, sizeof masked);
}

void
hmac_key(struct hmac_key *k, const void *password, size_t n)
{
	unsigned char block[MD5_BLOCK_LENGTH] = { 0 };
	MD5_CTX md5;

	if (n > sizeof block) {
		MD5Init(&md5);
		MD5Update(&md5, password, n);
		MD5Final(block, &md5);
		explicit_bzero(&md5, sizeof md5);
	} else if (n > 0) {
		memcpy(block, password, n);
	}
	absorb(k->inner, block, 0x36);
	absorb(k->outer, block, 0x5c);
	explicit_bzero(block, sizeof block);
}

static uint32_t *
word(struct hmac_key *k, unsigned i)
{
	return i < 4 ? &k->inner[i] : &k->outer[i - 4];
}

static bool
parse_dotted(struct hmac_key *k, const char *text)
{
	char number[16];
	uint64_t v;
	size_t n;

	for (unsigned i = 0; i < WORDS; i++) {
		n = strcspn(text, ".");
		if (n >= sizeof number || text[n] != (i < WORDS - 1 ? '.' : 0))
			return false;
		memcpy(number, text, n);
		number[n] = '\0';
		if (!text_number(number, 0, UINT32_MAX, &v))
			return false;
		*word(k, i) = (uint32_t)v;
		text += n + 1;
	}
	return true;
}

static bool
parse_base64(struct hmac_key *k, const char *text)
{
	struct buf octets = { 0 };
	const unsigned char *p;
	bool ok;

	ok = base64_decode(&octets, text, strlen(text)) &&
	    octets.n == KEY_OCTETS;
	for (unsigned i = 0; ok && i < WORDS; i++) {
		p = (const unsigned char *)octets.s + 4 * i;
		*word(k, i) = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	}
	buf_wipe(&octets);
	return ok;
}

bool
hmac_key_parse(struct hmac_key *k, const char *text)
{
	struct hmac_key read;
	bool ok = parse_dotted(&read, text) || parse_base64(&read, text);

	if (ok)
		*k = read;
	explicit_bzero(&read, sizeof read);
	return ok;
}

void
hmac_key_dotted(const struct hmac_key *k, struct buf *out)
{
	struct hmac_key copy = *k;

	for (unsigned i = 0; i < WORDS; i++)
		buf_printf(out, "%s%lu", i ? "." : "",
		    (unsigned long)*word(&copy, i));
}

void
hmac_key_base64(const struct hmac_key *k, struct buf *out)
{
	struct hmac_key copy = *k;
	unsigned char octets[KEY_OCTETS];

	for (unsigned i = 0; i < KEY_OCTETS; i++)
		octets[i] = (unsigned char)(*word(&copy, i / 4) >> i % 4 * 8);
	base64_encode(out, octets, sizeof octets);
}

/* MD5 taken up again behind the first block. */
static void
resume(MD5_CTX *md5, const uint32_t state[4])
{
	MD5Init(md5);
	memcpy(md5->state, state, sizeof md5->state);
	md5->count = MD5_BLOCK_LENGTH * 8;
}

void
hmac_digest(const struct hmac_key *k, const void *p, size_t n,
    unsigned char digest[HMAC_OCTETS])
{
	MD5_CTX md5;

	resume(&md5, k->inner);
	MD5Update(&md5, p, n);
	MD5Final(digest, &md5);
	resume(&md5, k->outer);
	MD5Update(&md5, digest, HMAC_OCTETS);
	MD5Final(digest, &md5);
	explicit_bzero(&md5, sizeof md5);
}

void
apop_digest(const void *challenge, size_t n, const void *secret,
    size_t secret_n, unsigned char digest[HMAC_OCTETS])
{
	MD5_CTX md5;

	MD5Init(&md5);
	MD5Update(&md5, challenge, n);
	MD5Update(&md5, secret, secret_n);
	MD5Final(digest, &md5);
	explicit_bzero(&md5, sizeof md5);
}

bool
hmac_equal(const unsigned char a[HMAC_OCTETS],
    const unsigned char b[HMAC_OCTETS])
{
	volatile unsigned char different = 0;

	for (size_t i = 0; i < HMAC_OCTETS; i++)
		different |= a[i] ^ b[i];
	return different == 0;
}

bool
hmac_same_text(const void *a, size_t an, const void *b, size_t bn)
{
	unsigned char random[HMAC_OCTETS], x[HMAC_OCTETS], y[HMAC_OCTETS];
	struct hmac_key k;

	if (getrandom(random, sizeof random, 0) != sizeof random)
		die(EX_OSERR, "no random numbers");
	hmac_key(&k, random, sizeof random);
	hmac_digest(&k, a, an, x);
	hmac_digest(&k, b, bn, y);
	return hmac_equal(x, y);
}
