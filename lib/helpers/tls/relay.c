/* SPDX-License-Identifier: ISC */
#include "helpers/tls/engine.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/date.h"

enum {
	ROOM = 65536,           /* octets on their way in one direction */
	FLUSH_SECONDS = 30,     /* for the program's last words */
	LINGER_SECONDS = 2,
	LINGER_MOST = 16 << 20
};

struct way {
	size_t start, end;
	bool over;              /* nothing more comes into it */
	char octets[ROOM];
};

struct relaying {
	struct engine *e;
	struct way inward, outward;
	short read_waits, write_waits;  /* POLLIN or POLLOUT: for the network */
	bool net_broken;        /* OpenSSL is not to be asked again */
	bool plain_hung_up;     /* the program neither writes nor reads */
	bool moved;             /* something has gone out since the last look */
	bool told_plain;        /* that the network is over */
	bool told_net;          /* that the program is over */
};

static bool
is_empty(const struct way *w)
{
	return w->start == w->end;
}

static size_t
room(struct way *w)
{
	if (w->start > 0) {
		memmove(w->octets, w->octets + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	return ROOM - w->end;
}

/* What OpenSSL says of a call that did not work. A connection that is cut,
 * without a close_notify, is an error, too. */
static void
note(struct relaying *r, int n, short *waits)
{
	int error = SSL_get_error(r->e->ssl, n);

	if (error == SSL_ERROR_WANT_READ) {
		*waits = POLLIN;
	} else if (error == SSL_ERROR_WANT_WRITE) {
		*waits = POLLOUT;
	} else {
		r->inward.over = true;
		r->net_broken = error != SSL_ERROR_ZERO_RETURN;
	}
}

/* OpenSSL may have more that poll knows nothing of: this goes on until it says
 * what it waits for. */
static bool
may_take_net(struct relaying *r)
{
	return !r->inward.over && !r->plain_hung_up && !r->read_waits &&
	    room(&r->inward) > 0;
}

static void
take_net(struct relaying *r)
{
	struct way *w = &r->inward;
	int n;

	while (may_take_net(r)) {
		ERR_clear_error();
		n = SSL_read(r->e->ssl, w->octets + w->end, (int)room(w));
		if (n > 0)
			w->end += (size_t)n;
		else
			note(r, n, &r->read_waits);
	}
}

static void
say_goodbye(struct relaying *r)
{
	int n;

	ERR_clear_error();
	n = SSL_shutdown(r->e->ssl);
	if (n < 0 && SSL_get_error(r->e->ssl, n) == SSL_ERROR_WANT_WRITE) {
		r->write_waits = POLLOUT;
		return;
	}
	shutdown(r->e->out, SHUT_WR);
	r->told_net = true;
}

static void
give_net(struct relaying *r)
{
	struct way *w = &r->outward;
	int n;

	while (!is_empty(w) && !r->net_broken && !r->write_waits) {
		ERR_clear_error();
		n = SSL_write(r->e->ssl, w->octets + w->start,
		    (int)(w->end - w->start));
		if (n > 0) {
			w->start += (size_t)n;
			r->moved = true;
		} else {
			note(r, n, &r->write_waits);
		}
	}
	if (w->over && is_empty(w) && !r->told_net && !r->net_broken &&
	    !r->write_waits)
		say_goodbye(r);
}

static bool
would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void
take_plain(struct relaying *r)
{
	struct way *w = &r->outward;
	ssize_t n = 1;

	while (!w->over && room(w) > 0 && n > 0) {
		n = recv(r->e->plain, w->octets + w->end, room(w),
		    MSG_DONTWAIT);
		if (n > 0)
			w->end += (size_t)n;
		else if (!would_block(n))
			w->over = true;
	}
}

static void
give_plain(struct relaying *r)
{
	struct way *w = &r->inward;
	ssize_t n;

	while (!is_empty(w)) {
		n = send(r->e->plain, w->octets + w->start, w->end - w->start,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			w->start += (size_t)n;
		else if (would_block(n))
			return;
		else
			w->start = w->end;      /* nobody wants it any more */
	}
	if (w->over && !r->told_plain) {
		shutdown(r->e->plain, SHUT_WR);
		r->told_plain = true;
	}
}

/* What the network has to be ready for before anything moves there. */
static short
net_waits(struct relaying *r)
{
	short waits = 0;

	if (!r->inward.over && !r->plain_hung_up && room(&r->inward) > 0)
		waits |= r->read_waits;
	if ((!is_empty(&r->outward) || r->outward.over) && !r->net_broken)
		waits |= r->write_waits;
	return waits;
}

static short
plain_waits(struct relaying *r)
{
	short waits = 0;

	if (!r->outward.over && room(&r->outward) > 0)
		waits |= POLLIN;
	if (!is_empty(&r->inward))
		waits |= POLLOUT;
	return waits;
}

static void
net_is_ready(struct relaying *r, short what)
{
	r->read_waits = (short)(r->read_waits & ~what);
	r->write_waits = (short)(r->write_waits & ~what);
}

/* A program that has hung up may have left more than there was room for. It
 * is not polled any more, and reading it does not wait. */
static bool
may_take_plain(struct relaying *r)
{
	return r->plain_hung_up && !r->outward.over && room(&r->outward) > 0;
}

/* Wait for what would bring us on. A descriptor that nothing is wanted of is
 * left out, since its end would be reported again and again. */
static bool
await(struct relaying *r, int64_t by)
{
	short net = net_waits(r);
	struct pollfd p[3] = {
		{ .fd = net & POLLIN ? r->e->in : -1, .events = POLLIN },
		{ .fd = net & POLLOUT ? r->e->out : -1, .events = POLLOUT },
		{ .fd = r->plain_hung_up ? -1 : r->e->plain,
		    .events = plain_waits(r) }
	};
	bool at_once = may_take_net(r) || may_take_plain(r);
	int64_t left = by - date_ticks();
	int n = poll(p, 3, at_once || (by && left <= 0) ? 0 :
	    by ? (int)left : -1);

	if (n <= 0)
		return at_once || (n < 0 && errno == EINTR);
	if (p[0].revents)
		net_is_ready(r, POLLIN);
	if (p[1].revents)
		net_is_ready(r, POLLOUT);
	if (p[2].revents & (POLLHUP | POLLERR | POLLNVAL))
		r->plain_hung_up = true;
	return true;
}

static bool
done(const struct relaying *r)
{
	if (r->net_broken)
		return is_empty(&r->inward);
	if (r->plain_hung_up)
		return r->told_net;
	return r->told_net && r->told_plain;
}

/* Closing a socket with input unread resets the connection, and the last
 * reply may be lost with it. */
static void
linger(const struct engine *e)
{
	int64_t by = date_ticks() + LINGER_SECONDS * 1000, left;
	struct pollfd p = { .fd = e->in, .events = POLLIN };
	char block[8192];
	size_t taken = 0;
	ssize_t n = 1;

	while (n > 0 && taken < LINGER_MOST &&
	    (left = by - date_ticks()) > 0 && poll(&p, 1, (int)left) > 0) {
		n = read(e->in, block, sizeof block);
		if (n > 0)
			taken += (size_t)n;
	}
}

void
relay(struct engine *e)
{
	struct relaying r = { .e = e };
	bool lingered = false;
	int64_t by = 0;

	do {
		if (r.plain_hung_up && !by) {
			lingered = r.told_net;
			r.inward.start = r.inward.end;
		}
		/* as long as they go out there is time for more of them */
		if (r.plain_hung_up && (r.moved || !by))
			by = date_ticks() + FLUSH_SECONDS * 1000;
		r.moved = false;
		take_net(&r);
		give_plain(&r);
		take_plain(&r);
		give_net(&r);
	} while (!done(&r) && await(&r, by));
	if (r.told_net && !r.inward.over && !lingered && SSL_is_server(e->ssl))
		linger(e);
	close(e->plain);
}
