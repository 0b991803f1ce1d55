/* SPDX-License-Identifier: ISC */
#include "wire/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"

enum { LABEL = 255 };

/* Take an address if it is one; ::ffff:1.2.3.4 is 1.2.3.4. */
static bool
set_ip(struct peer *p, const char *text)
{
	unsigned char bits[sizeof(struct in6_addr)];
	char plain[sizeof p->ip];

	if (!text)
		return false;
	snprintf(plain, sizeof plain, "%.*s", (int)strcspn(text, "%"), text);
	if (text_starts(plain, "::ffff:") && strchr(plain, '.'))
		memmove(plain, plain + 7, strlen(plain + 7) + 1);
	if (inet_pton(AF_INET, plain, bits) != 1 &&
	    inet_pton(AF_INET6, plain, bits) != 1)
		return false;
	memcpy(p->ip, plain, sizeof p->ip);
	return true;
}

static void
set_port(struct peer *p, const char *text)
{
	uint64_t port;

	if (text && text_number(text, 0, 65535, &port))
		snprintf(p->port, sizeof p->port, "%u", (unsigned)port);
}

/* What tcpserver, systemd and their kin tell. */
static bool
from_environment(struct peer *p)
{
	const char *proto = getenv("PROTO");
	char name[64];

	if (proto && strlen(proto) < 32) {
		snprintf(name, sizeof name, "%sREMOTEIP", proto);
		if (set_ip(p, getenv(name))) {
			snprintf(name, sizeof name, "%sREMOTEPORT", proto);
			set_port(p, getenv(name));
			return true;
		}
	}
	if (set_ip(p, getenv("TCPREMOTEIP"))) {
		set_port(p, getenv("TCPREMOTEPORT"));
		return true;
	}
	if (set_ip(p, getenv("REMOTE_ADDR"))) {
		set_port(p, getenv("REMOTE_PORT"));
		return true;
	}
	return false;
}

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* False for what is no network address. */
static bool
address_text(const union any_address *a, char *ip, size_t n, unsigned *port)
{
	const void *bits = a->any.sa_family == AF_INET ?
	    (const void *)&a->v4.sin_addr : (const void *)&a->v6.sin6_addr;

	if (a->any.sa_family != AF_INET && a->any.sa_family != AF_INET6)
		return false;
	*port = ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port :
	    a->v6.sin6_port);
	return inet_ntop(a->any.sa_family, bits, ip, (socklen_t)n) != NULL;
}

static bool
from_socket(struct peer *p, int fd)
{
	union any_address a = { .any.sa_family = AF_UNSPEC };
	socklen_t n = sizeof a;
	char ip[64];
	unsigned port;

	if (getpeername(fd, &a.any, &n) < 0 ||
	    !address_text(&a, ip, sizeof ip, &port) || !set_ip(p, ip))
		return false;
	snprintf(p->port, sizeof p->port, "%u", port);
	return true;
}

/* A pipe, a file, a terminal or a Unix socket; not a TCP connection that
 * was gone before we could ask whose it is. */
static bool
is_local_kind(int fd)
{
	union any_address a = { .any.sa_family = AF_UNSPEC };
	socklen_t n = sizeof a;

	return getsockname(fd, &a.any, &n) < 0 || a.any.sa_family == AF_UNIX;
}

/* Is the client's address also the server's side of this connection? */
static bool
is_own_address(const struct peer *p, int fd)
{
	struct peer own = { .local = false };
	union any_address a = { .any.sa_family = AF_UNSPEC };
	socklen_t n = sizeof a;
	char ip[64];
	unsigned port;

	return getsockname(fd, &a.any, &n) == 0 &&
	    address_text(&a, ip, sizeof ip, &port) && set_ip(&own, ip) &&
	    strcmp(own.ip, p->ip) == 0;
}

static bool
is_loopback(const char *ip)
{
	return text_starts(ip, "127.") || strcmp(ip, "::1") == 0;
}

/* A name that came from the DNS, by way of tcpserver: it can be anything. */
static void
set_host(struct peer *p, const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	if (name && *name && strlen(name) <= LABEL &&
	    strspn(name, good) == strlen(name))
		snprintf(p->host, sizeof p->host, "%s", name);
}

static void
set_name(struct peer *p)
{
	snprintf(p->name, sizeof p->name, "%s[%s]",
	    *p->host ? p->host : "unknown", p->ip);
}

void
peer_find(struct peer *p, int fd)
{
	*p = (struct peer){ .local = false };
	if (from_environment(p) || from_socket(p, fd)) {
		p->local = is_loopback(p->ip) || is_own_address(p, fd);
		set_host(p, getenv("TCPREMOTEHOST"));
	} else if (is_local_kind(fd)) {
		snprintf(p->ip, sizeof p->ip, "127.0.0.1");
		p->local = true;
	} else {
		snprintf(p->ip, sizeof p->ip, "unknown");
	}
	set_name(p);
	p->trusted = getenv("RELAYCLIENT") != NULL;
}

void
peer_become(struct peer *p, const char *ip, const char *port)
{
	bool here = p->local;

	*p = (struct peer){ .ip = "unknown" };
	set_ip(p, ip);
	set_port(p, port);
	set_name(p);
	p->local = here && is_loopback(p->ip);
}

/* --- for people --- */

/* TCP..., or ${PROTO}... */
static const char *
of_protocol(const char *what)
{
	const char *proto = getenv("PROTO"), *value = NULL;
	char name[64];

	if (proto && strlen(proto) < 32) {
		snprintf(name, sizeof name, "%s%s", proto, what);
		value = getenv(name);
	}
	snprintf(name, sizeof name, "TCP%s", what);
	return value ? value : getenv(name);
}

static void
put_end(char end[PEER_END], const char *ip, const char *port)
{
	snprintf(end, PEER_END, strchr(ip, ':') ? "[%s]:%s" : "%s:%s", ip,
	    port);
}

static void
put_socket(char end[PEER_END], const union any_address *a)
{
	struct peer p = { .local = false };
	char ip[64], port[8];
	unsigned n;

	if (!address_text(a, ip, sizeof ip, &n) || !set_ip(&p, ip))
		return;
	snprintf(port, sizeof port, "%u", n);
	put_end(end, p.ip, port);
}

void
peer_sockets(int fd, char local[PEER_END], char remote[PEER_END])
{
	union any_address a = { .any.sa_family = AF_UNSPEC }, b = a;
	socklen_t n = sizeof a;

	*local = *remote = '\0';
	if (getsockname(fd, &a.any, &n) == 0)
		put_socket(local, &a);
	n = sizeof b;
	if (getpeername(fd, &b.any, &n) == 0)
		put_socket(remote, &b);
}

void
peer_ends(const struct peer *p, int fd, char local[PEER_END],
    char remote[PEER_END])
{
	struct peer own = { .local = false };

	*local = *remote = '\0';
	if (!*p->port)
		return;
	set_port(&own, of_protocol("LOCALPORT"));
	if (set_ip(&own, of_protocol("LOCALIP")) && *own.port)
		put_end(local, own.ip, own.port);
	else
		peer_sockets(fd, local, remote);
	put_end(remote, p->ip, p->port);
}
