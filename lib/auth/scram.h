/* SPDX-License-Identifier: ISC */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

/*
 * The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel
 * binding: three messages in, three out. It shows the server that we know
 * the password, and lets it show us that it does, and neither is told it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum {
	SCRAM_OCTETS = 32,
	SCRAM_ROUNDS_LEAST = 4096,      /* fewer are an invitation to guess */
	SCRAM_ROUNDS_MOST = 1000000     /* more keep us from all else */
};

struct scram {
	struct buf first;       /* our first message, without its "n,," */
	size_t nonce;           /* where our nonce is in it */
	unsigned char server[SCRAM_OCTETS];     /* what it has to show */
	bool proven;            /* it has */
};

/* Append the first message. The nonce is for tests; NULL: a fresh one. */
void scram_begin(struct scram *s, const char *id, size_t n, const char *nonce,
    struct buf *out);

/* Append the answer to the server's first message. False if that is wrong. */
bool scram_answer(struct scram *s, const char *question, size_t n,
    const char *password, size_t password_n, struct buf *out);

/* Is this the server's last message, and does it know the password? */
bool scram_check(struct scram *s, const char *question, size_t n);

void scram_wipe(struct scram *s);

#endif
