/* SPDX-License-Identifier: ISC */
#ifndef WIRE_PEER_H
#define WIRE_PEER_H

/*
 * Who is calling: what the super-server has put into the environment, or
 * what the socket itself says. DESIGN.md section 3 has the order.
 */
#include <stdbool.h>

struct peer {
	char ip[64];            /* "127.0.0.1", "2001:db8::1", "unknown" */
	char port[8];           /* "" if unknown */
	char host[256];         /* TCPREMOTEHOST if given and sane, else "" */
	char name[324];         /* `host[ip]` or `unknown[ip]`, as Postfix has it */
	bool local;             /* this machine: loopback, pipe, own address */
	bool trusted;           /* RELAYCLIENT is in the environment */
};

/* Find out about the client on descriptor fd. */
void peer_find(struct peer *p, int fd);

/* A proxy says whom it speaks for: all that was known of itself is void. Its
 * own loopback is this machine only if it runs here. */
void peer_become(struct peer *p, const char *ip, const char *port);

/* The two ends of a TCP connection, for people: "127.0.0.1:25", "[::1]:25"; ""
 * for what is none. The second is for one that came: what the super-server
 * or the proxy has said of it counts more than its socket. */
enum { PEER_END = 64 };
void peer_sockets(int fd, char local[PEER_END], char remote[PEER_END]);
void peer_ends(const struct peer *p, int fd, char local[PEER_END],
    char remote[PEER_END]);

#endif
