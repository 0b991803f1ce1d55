/* SPDX-License-Identifier: ISC */
#ifndef BASE_HMAC_H
#define BASE_HMAC_H

/*
 * HMAC-MD5 (RFC 2104), as CRAM-MD5 wants it.
 *
 * A key is kept as the two chaining values of MD5 after the first block,
 * with which a response can be checked and from which the password cannot be
 * told. That is what stands in a secrets file.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { HMAC_OCTETS = 16 };

struct hmac_key {
	uint32_t inner[4];
	uint32_t outer[4];
};

/* The key of a password. */
void hmac_key(struct hmac_key *k, const void *password, size_t n);

/* Eight decimal numbers with dots between, or the same 32 octets (low ones
 * first) in base64. False, with *k left alone, if it is neither. */
bool hmac_key_parse(struct hmac_key *k, const char *text);

/* Append the two forms. */
void hmac_key_dotted(const struct hmac_key *k, struct buf *out);
void hmac_key_base64(const struct hmac_key *k, struct buf *out);

void hmac_digest(const struct hmac_key *k, const void *p, size_t n,
    unsigned char digest[HMAC_OCTETS]);

/* The digest of POP3's APOP: MD5 of the challenge and the secret behind it. */
void apop_digest(const void *challenge, size_t n, const void *secret,
    size_t secret_n, unsigned char digest[HMAC_OCTETS]);

/* Are they equal? Takes the same time wherever they differ. */
bool hmac_equal(const unsigned char a[HMAC_OCTETS],
    const unsigned char b[HMAC_OCTETS]);

/* Are two passwords equal? How long it takes does not tell how much of them
 * is, nor how long the right one is up to 55 octets. */
bool hmac_same_text(const void *a, size_t an, const void *b, size_t bn);

#endif
