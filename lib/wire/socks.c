/* SPDX-License-Identifier: ISC */
#include "wire/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/date.h"
#include "base/text.h"

enum { VERSION_4 = 4, CONNECT = 1, GRANTED = 90 };

bool
socks_parse(struct net_target *to, struct net_target *proxy, const char *text)
{
	const char *at = strchr(text, '@');
	struct buf host = { 0 };
	bool ok;

	*proxy = (struct net_target){ .host = "" };
	if (!at)
		return net_parse(to, text);
	buf_add(&host, text, (size_t)(at - text));
	ok = net_parse(to, buf_text(&host)) && net_parse(proxy, at + 1);
	buf_free(&host);
	return ok;
}

void
socks_request(struct buf *out, const char *host, uint16_t port)
{
	/* 0.0.0.1 is no address, but says that a name follows; before it
	 * there is the name of a user, which is empty */
	static const char name_follows[] = { 0, 0, 0, 1, 0 };

	buf_putc(out, VERSION_4);
	buf_putc(out, CONNECT);
	buf_putc(out, (char)(port >> 8));
	buf_putc(out, (char)(port & 0xff));
	buf_add(out, name_follows, sizeof name_follows);
	buf_add(out, host, strlen(host) + 1);
}

const char *
socks_refusal(const unsigned char reply[SOCKS_REPLY])
{
	if (reply[0] != 0)
		return "invalid response";
	return reply[1] == GRANTED ? NULL : "request rejected";
}

/* Is there something to read by then? False: errno. */
static bool
await_answer(int fd, int64_t by)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left;
	int n;

	do {
		left = by - date_ticks();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* NULL, or what went wrong. */
static const char *
read_answer(int fd, int64_t by, unsigned char reply[SOCKS_REPLY])
{
	size_t got = 0;
	ssize_t n;

	while (got < SOCKS_REPLY) {
		if (!await_answer(fd, by))
			return strerror(errno);
		n = recv(fd, reply + got, SOCKS_REPLY - got, 0);
		if (n == 0)
			return got ? "incomplete response" : "hung up";
		if (n < 0 && errno != EINTR)
			return strerror(errno);
		got += n > 0 ? (size_t)n : 0;
	}
	return socks_refusal(reply);
}

/* The proxy wants a number. */
static bool
port_number(const char *port, uint16_t *number)
{
	const struct servent *service;
	uint64_t n;

	if (text_number(port, 1, UINT16_MAX, &n)) {
		*number = (uint16_t)n;
		return true;
	}
	service = getservbyname(port, "tcp");
	if (service)
		*number = ntohs((uint16_t)service->s_port);
	return service != NULL;
}

bool
socks_ask(int fd, const struct net_target *to, unsigned seconds,
    struct buf *why)
{
	int64_t by = date_ticks() + (int64_t)seconds * 1000;
	unsigned char reply[SOCKS_REPLY];
	struct buf request = { 0 };
	const char *wrong;
	uint16_t port;
	ssize_t n;

	buf_clear(why);
	if (!port_number(to->port, &port)) {
		buf_printf(why, "dns error: %s:%s: invalid service name",
		    to->host, to->port);
		return false;
	}
	socks_request(&request, to->host, port);
	n = send(fd, request.s, request.n, MSG_NOSIGNAL);
	wrong = n == (ssize_t)request.n ? read_answer(fd, by, reply) :
	    strerror(errno);
	buf_free(&request);
	if (wrong)
		buf_printf(why, "socks error: %s:%s: %s", to->host, to->port,
		    wrong);
	return !wrong;
}

int
socks_connect(const struct net_target *to, const struct net_target *proxy,
    unsigned seconds, char ip[64], struct buf *why)
{
	int fd;

	if (!proxy->host[0])
		return net_connect(to, seconds, ip, why);
	fd = net_connect(proxy, seconds, ip, why);
	if (fd >= 0 && !socks_ask(fd, to, seconds, why)) {
		close(fd);
		return -1;
	}
	snprintf(ip, 64, "unknown");
	return fd;
}
