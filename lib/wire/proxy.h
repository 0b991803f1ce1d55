/* SPDX-License-Identifier: ISC */
#ifndef WIRE_PROXY_H
#define WIRE_PROXY_H

/*
 * The PROXY protocol, versions 1 and 2, from the receiver's side: what a
 * proxy says of its client before the client says anything. haproxy's
 * proxy-protocol.txt defines it.
 */
#include <stdbool.h>
#include <stddef.h>

#include "wire/io.h"

enum {
	PROXY_LINE = 107,       /* octets of a version 1 header, CR LF too */
	PROXY_BLOCK = 4096,     /* of a version 2 header, TLVs too */
	PROXY_SECONDS = 5       /* for all of it to come in */
};

struct proxy_header {
	bool own;               /* the proxy speaks for itself: a check */
	char ip[64];            /* "" if it does not know its client's */
	char port[8];
};

enum proxy_verdict {
	PROXY_DONE,             /* s[0..n-1] is a header, and no octet more */
	PROXY_MORE,             /* it may become one */
	PROXY_WRONG             /* it is none, whatever follows */
};

/* Look at the n octets that have come. *more, for PROXY_MORE, is how many
 * are missing at least: who reads no more than that never takes an octet
 * that belongs to the client. */
enum proxy_verdict proxy_parse(struct proxy_header *h, const char *s, size_t n,
    size_t *more);

/* Read the header, within PROXY_SECONDS, and nothing behind it. NULL, or
 * what is wrong, and the conversation is over then: "" if the other side has
 * left without a word, as those do who only look whether somebody listens. */
const char *proxy_read(struct proxy_header *h, struct io *io);

#endif
