/* SPDX-License-Identifier: ISC */
#ifndef WIRE_NET_H
#define WIRE_NET_H

/*
 * Going out: "host:port" becomes a connected socket.
 */
#include <stdbool.h>

#include "base/buf.h"

struct net_target {
	char host[256];
	char port[32];          /* a number or a service name */
};

/* `host:port`, `host:service`, `[v6]:port`; the last colon parts the two. */
bool net_parse(struct net_target *t, const char *text);

/* Connect, to every address of the host in turn, in the resolver's order,
 * within `seconds` in all: for the look-up of its name, and then in equal shares
 * for the addresses that are left. Returns a socket (close-on-exec), and the
 * address it is connected to in ip; or -1 and in why what went wrong with the
 * last one: `cannot connect to 127.0.0.1:25: ...`. */
int net_connect(const struct net_target *t, unsigned seconds, char ip[64],
    struct buf *why);

#endif
