/* SPDX-License-Identifier: ISC */
#ifndef WIRE_SECURE_H
#define WIRE_SECURE_H

/*
 * TLS as a server has it: on demand (STARTTLS, STLS), from the start, or done
 * already by whoever has started us; and what the log has to say of it.
 */
#include "wire/tls.h"

struct secure {
	struct tls_config *conf;
	bool at_once;           /* --server-tls-connection */
	bool required;          /* --server-tls-required */
	bool on;                /* the conversation is encrypted */
	bool failed;            /* it could not be, and would not be next time */
	struct tls_facts facts; /* how it is encrypted */
};

/* Before root is given up. conf stays the caller's. Dies with EX_CONFIG. */
void secure_open(struct secure *t, struct tls_config *conf, bool at_once,
    bool required);

/* Can the client ask for it? */
bool secure_offered(const struct secure *t);

/* TLS from the start, if that is wanted; false: hang up. `who` is the
 * client's name for the log. */
bool secure_begin(struct secure *t, struct io *io, const char *who);

/* The client has asked for it: as tls_accept, and logged. TLS_UNAVAILABLE:
 * say so; it is not offered any more. */
enum tls_outcome secure_start(struct secure *t, struct io *io,
    const char *go_ahead, const char *who);

/* Has the client shown the certificate that it has to have? tls-io sees to
 * that; but whoever else has done our TLS may have let anybody in. */
bool secure_knows(const struct secure *t, const char *who);

#endif
