/* SPDX-License-Identifier: ISC */
#ifndef AUTH_SASL_SERVER_H
#define AUTH_SASL_SERVER_H

/*
 * The server's side of PLAIN (RFC 4616), LOGIN and CRAM-MD5 (RFC 2195), and
 * of POP3's APOP (RFC 1939), which is no SASL but much like CRAM-MD5, as
 * steps: an answer goes in, a question or the credentials come out. Nothing
 * here knows of base64, of a protocol, or who may log in.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/hmac.h"

enum sasl_mechanism {   /* in the order they are advertised in */
	SASL_LOGIN,
	SASL_PLAIN,
	SASL_CRAM_MD5,
	SASL_MECHANISMS,
	SASL_APOP               /* a command of its own, never to be found */
};

enum { SASL_ID = 255, SASL_PASSWORD = 4000 };   /* octets, at most */

enum sasl_verdict {
	SASL_MORE,      /* ask what `question` says and step again */
	SASL_DONE,      /* name and password, or name and digest, are there */
	SASL_NO         /* this cannot be anybody */
};

struct sasl {
	enum sasl_mechanism mechanism;
	bool named;             /* LOGIN: the name has been given */
	struct buf question;
	struct buf id;          /* one clean line, not empty */
	struct buf password;    /* LOGIN and PLAIN; not empty, without NUL */
	unsigned char digest[HMAC_OCTETS];      /* CRAM-MD5, APOP: of the
						 * question */
};

/* "LOGIN", ...; and from a word of whatever case. */
const char *sasl_name(enum sasl_mechanism m);
bool sasl_find(const char *word, enum sasl_mechanism *m);

/* Does the client speak first, so that it may do so in its command? */
bool sasl_client_first(enum sasl_mechanism m);

/* Begin; `question` is what to ask if the client has not said anything. The
 * challenge is for CRAM-MD5, and for APOP, whose question the greeting was. */
void sasl_start(struct sasl *s, enum sasl_mechanism m, const char *challenge);

enum sasl_verdict sasl_step(struct sasl *s, const char *answer, size_t n);

/* Append a challenge that nobody can foretell, `<pid.time.random@host>`. */
void sasl_challenge(struct buf *out, const char *host);

void sasl_wipe(struct sasl *s);

#endif
