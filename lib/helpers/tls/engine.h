/* SPDX-License-Identifier: ISC */
#ifndef HELPERS_TLS_ENGINE_H
#define HELPERS_TLS_ENGINE_H

/*
 * The parts of tls-io: what is offered, the handshake, and the relaying.
 */
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>

#include "wire/tls.h"

struct engine {
	SSL *ssl;
	int in, out;            /* the network, not blocking */
	int plain;              /* a socket to the program */
	struct buf faults;      /* of the other side's certificate, if they
				 * are no reason to refuse it */
};

/* context.c: all that is the same for each connection of a server, or of a
 * client; conf has to stay. NULL: why says what is wrong with the files. */
SSL_CTX *context_open(struct tls_config *conf, struct buf *why);
/* A client's connection to the server of that name or address: it is told whom
 * we want, and the certificate has to be for it. */
void context_expect(SSL *ssl, const char *name);
/* Append the directories that will be read in a handshake, if any, and where
 * the links in them lead to; at most REACH_MOST. */
enum { REACH_MOST = 16 };
void context_places(const struct tls_config *conf, struct list *paths);
/* reach.c: the same for this file or directory. */
void context_reach(const char *path, struct list *paths);
/* Append why OpenSSL has just failed. */
void context_explain(struct buf *why);

/* handshake.c: false with a reason if it fails, takes longer than
 * TLS_SECONDS, or if the program goes away meanwhile. */
bool handshake(struct engine *e, struct buf *why);
/* Append the lines NAME=value for what came of it. */
void handshake_facts(const struct engine *e, struct buf *out);

/* relay.c: carry octets both ways until both sides are done, or one of them
 * is gone. */
void relay(struct engine *e);

#endif
