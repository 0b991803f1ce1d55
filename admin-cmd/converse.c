/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sysexits.h>

#include "base/date.h"

/* Does something happen before the client takes more? False: his time is up,
 * or he has gone. */
static bool
await_room(struct session *s, int64_t by)
{
	struct pollfd p[] = {
		{ .fd = s->io.out, .events = POLLOUT },
		{ .fd = s->run.ended ? -1 : s->run.fd, .events = POLLIN },
	};
	int64_t left = by - date_ticks();
	int n = left > 0 ? poll(p, 2, (int)left) : 0;

	if (n > 0 && p[1].revents)
		run_hear(s);
	return n > 0 || (n < 0 && errno == EINTR);
}

void
send_out(struct session *s)
{
	int64_t by = date_ticks() + (int64_t)s->conf->idle_timeout * 1000;

	while (!io_push(&s->io)) {
		if (!await_room(s, by)) {
			log_info("timeout from %s", s->peer.name);
			s->io.state = IO_TIMEOUT;
			return;
		}
	}
}

/* Take what has come; it is known that something has. */
static void
hear_client(struct session *s)
{
	const char *p;
	size_t n = io_peek(&s->io, &p), used;
	bool line;

	if (n == 0) {
		s->over = true;
		s->gone = s->io.state != IO_EOF;
		/* who only ends his side may still hear the answer */
		s->io.state = IO_OPEN;
	}
	while (n > 0 && !s->over) {
		used = lines_take(&s->line, p, n, &line);
		io_skip(&s->io, used);
		p += used;
		n -= used;
		if (line || s->line.too_long)
			obey(s, s->line.text, s->line.n, s->line.too_long);
	}
}

/* While mail is sent for him, or events are awaited, he need not talk. */
static int
patience(const struct session *s)
{
	if (s->once || s->run.fd >= 0 || s->watch.fd >= 0)
		return -1;
	return (int)s->conf->idle_timeout * 1000;
}

/* Events for a client end with him; those for a single command with us. */
static bool
is_watching(const struct session *s)
{
	return s->watch.fd >= 0 && (s->once || !s->over || s->run.fd >= 0);
}

static bool
is_finished(const struct session *s)
{
	return s->gone || s->io.state != IO_OPEN ||
	    (s->over && s->run.fd < 0 && !is_watching(s));
}

/* One turn: wait for whatever comes first, and deal with it. */
static void
turn(struct session *s)
{
	struct pollfd p[] = {
		{ .fd = s->over ? -1 : s->io.in, .events = POLLIN },
		{ .fd = s->run.fd, .events = POLLIN },
		{ .fd = is_watching(s) ? s->watch.fd : -1, .events = POLLIN },
		{ .fd = s->io.out },
	};
	int n;

	if (io_buffered(&s->io) > 0 && !s->over) {
		hear_client(s);
		return;
	}
	n = poll(p, sizeof p / sizeof p[0], patience(s));
	if (n < 0 && errno != EINTR)
		die(EX_OSERR, "cannot wait: %s", strerror(errno));
	if (n == 0)
		log_info("timeout from %s", s->peer.name);
	s->gone = n == 0 || (n > 0 && p[3].revents & (POLLERR | POLLHUP) &&
	    !(p[0].revents & POLLIN));
	if (n <= 0 || s->gone)
		return;
	if (p[1].revents)
		run_hear(s);
	if (p[2].revents)
		watch_hear(s);
	if (p[0].revents)
		hear_client(s);
}

void
converse(struct session *s)
{
	while (!is_finished(s)) {
		turn(s);
		if (s->run.ended)
			run_end(s);
		send_out(s);
	}
}
