/* SPDX-License-Identifier: ISC */
#include "door.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/log.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Fill the backlog, so that nobody else gets through any more. */
static void
stop_ears(const union address *a, socklen_t n)
{
	struct pollfd p = { .events = POLLOUT };

	do {
		p.fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC |
		    SOCK_NONBLOCK, 0);
		if (p.fd < 0 || (connect(p.fd, &a->any, n) < 0 &&
		    errno != EINPROGRESS))
			die(EX_OSERR, "cannot connect: %s", strerror(errno));
	} while (poll(&p, 1, 300) > 0);
}

int
door_open(const struct script *s)
{
	union address a = { .v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a.v4;
	int fd;

	if (s->ipv6) {
		a = (union address){ .v6 = { .sin6_family = AF_INET6,
			.sin6_addr = in6addr_loopback } };
		n = sizeof a.v6;
	}
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, &a.any, n) < 0 ||
	    listen(fd, s->deaf ? 0 : 128) < 0 ||
	    getsockname(fd, &a.any, &n) < 0)
		die(EX_OSERR, "cannot listen: %s", strerror(errno));
	if (s->deaf)
		stop_ears(&a, n);
	printf("%u\n", (unsigned)ntohs(s->ipv6 ? a.v6.sin6_port :
	    a.v4.sin_port));
	fflush(stdout);
	return fd;
}
