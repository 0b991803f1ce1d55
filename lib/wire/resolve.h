/* SPDX-License-Identifier: ISC */
#ifndef WIRE_RESOLVE_H
#define WIRE_RESOLVE_H

/*
 * From the name of a host to its addresses, within a time: the C library may
 * take as long for that as it likes, and cannot be told to stop.
 */
#include <sys/socket.h>

#include "base/buf.h"
#include "wire/net.h"

enum { RESOLVE_MOST = 16 };     /* addresses; more are not looked at */

struct address {
	struct sockaddr_storage a;
	socklen_t n;
};

/* The addresses of a host and port, in the resolver's order, and how many
 * there are; 0 and in why what is wrong: `dns error: a.test:25: ...`. */
size_t resolve(const struct net_target *t, unsigned seconds,
    struct address out[RESOLVE_MOST], struct buf *why);

#endif
