/* SPDX-License-Identifier: ISC */
#ifndef WIRE_SOCKS_H
#define WIRE_SOCKS_H

/*
 * Going out by way of a SOCKS 4a proxy: it is told the host's name, and looks
 * it up and connects to it for us.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/net.h"

enum { SOCKS_REPLY = 8 };       /* octets of the answer */

/* `host:port`, or `host:port@proxyhost:port`; without a proxy its host is
 * empty. */
bool socks_parse(struct net_target *to, struct net_target *proxy,
    const char *text);

/* As net_connect, directly or by way of the proxy, which then has as many
 * seconds again for its part. ip is the address we know: without a proxy the
 * host's, with one "unknown". */
int socks_connect(const struct net_target *to, const struct net_target *proxy,
    unsigned seconds, char ip[64], struct buf *why);

/* Have the proxy at the other end of fd connect. Its answer is read and not
 * an octet more: what follows is the host's. False: why. */
bool socks_ask(int fd, const struct net_target *to, unsigned seconds,
    struct buf *why);

/* Append the question. */
void socks_request(struct buf *out, const char *host, uint16_t port);
/* What is wrong with the answer? NULL: nothing. */
const char *socks_refusal(const unsigned char reply[SOCKS_REPLY]);

#endif
