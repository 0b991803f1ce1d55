/* SPDX-License-Identifier: ISC */
#include "wire/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/date.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/resolve.h"

/* A number from 1 to 65535, or what may be the name of a service. */
static bool
is_port(const char *s)
{
	uint64_t n;

	if (s[strspn(s, "0123456789")] == '\0')
		return text_number(s, 1, 65535, &n);
	return s[0] != '-' && s[0] != '+';
}

bool
net_parse(struct net_target *t, const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!colon || !is_port(colon + 1) || strlen(colon + 1) >= sizeof t->port ||
	    strpbrk(text, "@/ \t") || !text_clean(text, strlen(text)))
		return false;
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	} else if (memchr(host, ':', n)) {
		return false;   /* an IPv6 address wants brackets */
	}
	if (n == 0 || n >= sizeof t->host || memchr(host, '[', n) ||
	    memchr(host, ']', n))
		return false;
	snprintf(t->host, sizeof t->host, "%.*s", (int)n, host);
	snprintf(t->port, sizeof t->port, "%s", colon + 1);
	return true;
}

/* Wait until the connection is there. 0, or -1 and errno. */
static int
await_connection(int fd, int64_t by)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof errno;
	int64_t left;
	int n, error = 0;

	do {
		left = by - date_ticks();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n == 0)
		error = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -1;
	errno = error;
	return error ? -1 : 0;
}

static int
connect_one(const struct address *to, int64_t by)
{
	const struct sockaddr *a = (const struct sockaddr *)(const void *)&to->a;
	int fd, saved;

	fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd < 0)
		return -1;
	if ((connect(fd, a, to->n) < 0 &&
	    (errno != EINPROGRESS || await_connection(fd, by) < 0)) ||
	    fcntl(fd, F_SETFL, 0) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static void
put_ip(const struct address *of, char ip[64])
{
	const struct sockaddr *a = (const struct sockaddr *)(const void *)&of->a;

	if (getnameinfo(a, of->n, ip, 64, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(ip, 64, "unknown");
}

int
net_connect(const struct net_target *t, unsigned seconds, char ip[64],
    struct buf *why)
{
	int64_t by = date_ticks() + (int64_t)seconds * 1000, now;
	struct address all[RESOLVE_MOST];
	size_t n = resolve(t, seconds, all, why);
	int fd = -1;

	for (size_t i = 0; i < n && fd < 0; i++) {
		put_ip(&all[i], ip);
		/* the others are to have their chance, too */
		now = date_ticks();
		fd = connect_one(&all[i], now + (by - now) / (int64_t)(n - i));
		if (fd >= 0)
			break;
		buf_clear(why);
		buf_printf(why, "cannot connect to %s:%s: %s", ip, t->port,
		    strerror(errno));
		log_detail("%s", why->s);
	}
	if (fd >= 0)
		buf_clear(why);
	return fd;
}
