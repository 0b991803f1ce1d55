/* SPDX-License-Identifier: ISC */
#ifndef AUTH_SASL_CLIENT_H
#define AUTH_SASL_CLIENT_H

/*
 * The client's side of PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195),
 * SCRAM-SHA-256 (auth/scram.h), OAUTHBEARER (RFC 7628) and Google's and
 * Microsoft's XOAUTH2, as steps: a question goes in, an answer comes out.
 * Nothing here knows how that goes over the wire.
 */
#include <stdbool.h>
#include <stddef.h>

#include "auth/scram.h"
#include "base/buf.h"

enum way {              /* to log in */
	WAY_OAUTHBEARER,
	WAY_XOAUTH2,
	WAY_CRAM_MD5,
	WAY_PLAIN,
	WAY_LOGIN,
	WAY_SCRAM_SHA_256,
	WAYS
};

enum answer {
	ANSWER_READY,   /* it is in `answer`; it may be empty */
	ANSWER_NONE,    /* that is no question we would answer: cancel */
	ANSWER_IMPOSTOR /* nor would anybody who knows the password ask it:
			 * have no more to do with it */
};

struct sasl_client {
	enum way way;
	const char *id;         /* whom we are */
	size_t id_n;
	const char *secret;     /* password, key or token */
	size_t secret_n;
	bool key;               /* CRAM-MD5: the secret is a key, base/hmac.h */
	const char *host, *port;        /* OAUTHBEARER: whom we talk to */
	const char *nonce;      /* SCRAM: for tests; NULL: a fresh one */
	struct scram scram;
	unsigned steps;
	struct buf answer;
};

/* "PLAIN", ...; and from a word of whatever case and length. */
const char *way_name(enum way w);
bool way_find(const char *word, size_t n, enum way *w);

/* Do we speak first, so that we may do so in the command? */
bool way_speaks_first(enum way w);

/* Answer a question; for a way that speaks first the first one is empty. */
enum answer sasl_client_step(struct sasl_client *s, const char *question,
    size_t n);

/* The server says that we are in: is it the one that we want? Only SCRAM can
 * tell, the others believe it. */
bool sasl_client_believes(const struct sasl_client *s);

/* Wipe the answer and begin again. */
void sasl_client_reset(struct sasl_client *s);

#endif
