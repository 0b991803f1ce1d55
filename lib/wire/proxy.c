/* SPDX-License-Identifier: ISC */
#include "wire/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"

static const char first[] = "PROXY ";
static const char second[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	FIRST = sizeof first - 1,
	SHORTEST = sizeof "PROXY UNKNOWN\r\n" - 1,
	SECOND = sizeof second - 1,
	FIXED = SECOND + 4      /* version and command, family, length */
};

/* Do both begin alike, as far as they go? */
static bool
alike(const char *s, size_t n, const char *whole, size_t length)
{
	return memcmp(s, whole, n < length ? n : length) == 0;
}

/* --- version 1: `PROXY TCP4 192.0.2.1 192.0.2.2 4711 25` --- */

static bool
is_address(int family, const char *text)
{
	unsigned char bits[16];

	return text && inet_pton(family, text, bits) == 1;
}

static bool
is_port(const char *text)
{
	uint64_t port;

	return text && text_number(text, 0, 65535, &port);
}

static enum proxy_verdict
take_words(struct proxy_header *h, char *line)
{
	char *rest = line, *protocol, *from, *to, *from_port, *to_port;
	int family;

	strsep(&rest, " ");
	protocol = strsep(&rest, " ");
	if (strcmp(protocol, "UNKNOWN") == 0)
		return PROXY_DONE;
	from = strsep(&rest, " ");
	to = strsep(&rest, " ");
	from_port = strsep(&rest, " ");
	to_port = strsep(&rest, " ");
	family = strcmp(protocol, "TCP4") == 0 ? AF_INET :
	    strcmp(protocol, "TCP6") == 0 ? AF_INET6 : AF_UNSPEC;
	if (family == AF_UNSPEC || rest || !is_address(family, from) ||
	    !is_address(family, to) || !is_port(from_port) ||
	    !is_port(to_port))
		return PROXY_WRONG;
	snprintf(h->ip, sizeof h->ip, "%s", from);
	snprintf(h->port, sizeof h->port, "%s", from_port);
	return PROXY_DONE;
}

static enum proxy_verdict
parse_line(struct proxy_header *h, const char *s, size_t n, size_t *more)
{
	const char *cr = memchr(s, '\r', n);
	size_t text = cr ? (size_t)(cr - s) : n;
	char line[PROXY_LINE + 1];

	if (memchr(s, '\0', n) || text + 2 > PROXY_LINE)
		return PROXY_WRONG;
	if (n < text + 2) {
		*more = n < SHORTEST && !cr ? SHORTEST - n : text + 2 - n;
		return PROXY_MORE;
	}
	if (n > text + 2 || s[text + 1] != '\n')
		return PROXY_WRONG;
	snprintf(line, sizeof line, "%.*s", (int)text, s);
	return take_words(h, line);
}

/* --- version 2: binary --- */

static bool
take_address(struct proxy_header *h, int family, const char *bits,
    const char *port)
{
	if (!inet_ntop(family, bits, h->ip, sizeof h->ip))
		return false;
	snprintf(h->port, sizeof h->port, "%u",
	    (unsigned char)port[0] * 256u + (unsigned char)port[1]);
	return true;
}

/* What the addresses are: the high half of the octet is the family, the low
 * one the transport. */
enum { UNSPEC = 0x00, TCP4 = 0x11, TCP6 = 0x21, UNIX = 0x31 };
enum { LOCAL = 0x20, PROXY = 0x21 };

static enum proxy_verdict
take_block(struct proxy_header *h, unsigned char kind, const char *p, size_t n)
{
	bool ok;

	if (kind == TCP4)
		ok = n >= 12 && take_address(h, AF_INET, p, p + 8);
	else if (kind == TCP6)
		ok = n >= 36 && take_address(h, AF_INET6, p, p + 32);
	else
		ok = kind == UNSPEC || (kind == UNIX && n >= 216);
	return ok ? PROXY_DONE : PROXY_WRONG;
}

static enum proxy_verdict
parse_block(struct proxy_header *h, const char *s, size_t n, size_t *more)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t whole = FIXED;

	if (n > SECOND && u[SECOND] != LOCAL && u[SECOND] != PROXY)
		return PROXY_WRONG;
	if (n >= FIXED)
		whole += u[FIXED - 2] * 256u + u[FIXED - 1];
	if (whole > PROXY_BLOCK || n > whole)
		return PROXY_WRONG;
	if (n < whole) {
		*more = whole - n;
		return PROXY_MORE;
	}
	/* whatever it says of the addresses of a check of its own */
	h->own = u[SECOND] == LOCAL;
	if (h->own)
		return PROXY_DONE;
	return take_block(h, u[SECOND + 1], s + FIXED, n - FIXED);
}

enum proxy_verdict
proxy_parse(struct proxy_header *h, const char *s, size_t n, size_t *more)
{
	*h = (struct proxy_header){ .own = false };
	*more = SECOND;
	if (n == 0)
		return PROXY_MORE;
	if (alike(s, n, first, FIRST))
		return parse_line(h, s, n, more);
	if (alike(s, n, second, SECOND))
		return parse_block(h, s, n, more);
	return PROXY_WRONG;
}

/* --- reading --- */

static const char *
read_all(struct proxy_header *h, struct io *io, struct buf *got)
{
	enum proxy_verdict v;
	const char *p;
	size_t n;

	while ((v = proxy_parse(h, buf_text(got), got->n, &io->most)) ==
	    PROXY_MORE) {
		n = io_peek(io, &p);
		if (n == 0)
			return got->n || io->state != IO_EOF ? io_why(io) :
			    "";
		buf_add(got, p, n);
		io_skip(io, n);
	}
	return v == PROXY_DONE ? NULL : "that is none";
}

const char *
proxy_read(struct proxy_header *h, struct io *io)
{
	struct buf got = { 0 };
	const char *wrong;

	io->until = date_ticks() + PROXY_SECONDS * 1000;
	wrong = read_all(h, io, &got);
	io->until = 0;
	io->most = 0;
	buf_free(&got);
	return wrong;
}
