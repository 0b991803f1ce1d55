/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/date.h"

enum { PAUSE_MS = 200, WIDTH = 80 };

/* A line that is written over is for people who watch a run of their own: not
 * where lines of the log or of --report run through anyway, and not for what
 * smtp-recv has started, which may well have somebody's terminal. */
static bool
is_watched(const struct config *conf)
{
	const struct log_config *log = &conf->common.log;
	const char *kind = getenv("TERM");

	return isatty(STDERR_FILENO) && kind && *kind &&
	    strcmp(kind, "dumb") != 0 && !log->events && !log_verbose() &&
	    !conf->forward_on_disconnect && !conf->hand_back &&
	    !(conf->report && isatty(STDOUT_FILENO));
}

/* In the background nobody wants to be disturbed. */
static void
show(const char *text, size_t n)
{
	ssize_t k = 0;

	if (tcgetpgrp(STDERR_FILENO) == getpgrp())
		k = write(STDERR_FILENO, text, n);
	(void)k;        /* it is not important */
}

static size_t
width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_col < 2)
		return WIDTH;
	return w.ws_col;
}

/* The speed, and how long the rest takes if it stays like that. */
static void
put_speed(const struct progress *p, int64_t ms, struct buf *line)
{
	int64_t left;

	if (p->done == 0 || ms <= 0)
		return;
	buf_printf(line, ", %.1f/s", (double)p->done * 1000 / (double)ms);
	if (p->total == PROGRESS_UNKNOWN || p->total <= p->done)
		return;
	left = (int64_t)((double)(p->total - p->done) * (double)ms /
	    (double)p->done / 1000) + 1;
	if (left >= 3600)
		buf_printf(line, ", %" PRId64 ":%02d:%02d left", left / 3600,
		    (int)(left / 60 % 60), (int)(left % 60));
	else
		buf_printf(line, ", %d:%02d left", (int)(left / 60),
		    (int)(left % 60));
}

static void
paint(const struct run *r)
{
	const struct progress *p = &r->progress;
	struct buf line = { 0 };
	size_t most = width() - 1 + 4;  /* four to wipe it, which take no room */

	buf_printf(&line, "\r\033[Ksent %u", r->sent);
	if (p->total != PROGRESS_UNKNOWN)
		buf_printf(&line, " of %zu", p->total);
	if (r->later > p->later)
		buf_printf(&line, ", later %u", r->later - p->later);
	if (r->bad)
		buf_printf(&line, ", failed %u", r->bad);
	put_speed(p, date_ticks() - p->began, &line);
	if (line.n > most)
		buf_cut(&line, most);
	show(line.s, line.n);
	buf_free(&line);
}

void
progress_begin(struct run *r, size_t total)
{
	struct progress *p = &r->progress;

	*p = (struct progress){ .on = is_watched(r->conf), .total = total,
		.later = r->later, .began = date_ticks() };
	if (!p->on || (total == 0 && r->later == 0)) {
		p->on = false;
		return;
	}
	log_wiping(true);
	p->painted = p->began;
	paint(r);
}

void
progress_move(struct run *r, size_t done)
{
	struct progress *p = &r->progress;
	int64_t now;

	p->done += done;
	if (!p->on)
		return;
	now = date_ticks();
	if (now - p->painted < PAUSE_MS)
		return;
	p->painted = now;
	paint(r);
}

void
progress_end(struct run *r)
{
	struct progress *p = &r->progress;
	struct buf line = { 0 };
	int64_t ms = date_ticks() - p->began;

	if (!p->on)
		return;
	log_wiping(false);
	buf_printf(&line, "\r\033[Ksent %u, later %u, failed %u: %.1f s",
	    r->sent, r->later, r->bad, (double)ms / 1000);
	if (r->sent && ms > 0)
		buf_printf(&line, ", %.1f/s",
		    (double)r->sent * 1000 / (double)ms);
	buf_putc(&line, '\n');
	show(line.s, line.n);
	buf_free(&line);
	p->on = false;
}
