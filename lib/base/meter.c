/* SPDX-License-Identifier: ISC */
#include "base/meter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/log.h"

enum { PAUSE_MS = 200, PATIENCE_MS = 1000, WIDTH = 80 };

bool
meter_usable(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDERR_FILENO) && kind && *kind &&
	    strcmp(kind, "dumb") != 0;
}

static bool
is_apart(void)
{
	struct stat out, err;

	return !isatty(STDOUT_FILENO) || fstat(STDOUT_FILENO, &out) < 0 ||
	    fstat(STDERR_FILENO, &err) < 0 || out.st_rdev != err.st_rdev;
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

void
meter_begin(struct meter *m, bool wanted)
{
	*m = (struct meter){ .on = wanted, .apart = wanted && is_apart(),
		.began = date_ticks() };
	m->painted = m->silent = m->began;
}

bool
meter_due(struct meter *m)
{
	int64_t now;

	if (!m->on)
		return false;
	now = date_ticks();
	if (now - m->painted < PAUSE_MS)
		return false;
	m->painted = now;
	return true;
}

static void
write_over(const char *text, size_t n, const char *end)
{
	struct buf line = { 0 };

	buf_puts(&line, "\r\033[K");
	buf_add(&line, text, n);
	buf_puts(&line, end);
	show(line.s, line.n);
	buf_free(&line);
}

void
meter_paint(struct meter *m, const struct buf *line)
{
	size_t most = width() - 1;

	if (!m->on)
		return;
	if (!m->shown)
		log_wiping(true);
	m->shown = true;
	/* What another program of the pipe prints begins where it should. */
	write_over(buf_text(line), line->n < most ? line->n : most, "\r");
}

void
meter_pause(struct meter *m)
{
	if (!m->on || m->apart)
		return;
	m->spoke = true;
	if (!m->shown)
		return;
	log_wiping(false);
	write_over("", 0, "");
	m->shown = false;
}

void
meter_count(struct meter *m, const char *what)
{
	enum { OFTEN = 256 };   /* the clock costs more than an entry */
	struct buf line = { 0 };
	int64_t ms;

	if (!m->on || ++m->n % OFTEN != 0 || !meter_due(m))
		return;
	if (m->spoke)
		m->silent = m->painted;
	m->spoke = false;
	if (m->painted - m->silent < PATIENCE_MS)
		return;
	ms = m->painted - m->began;
	buf_printf(&line, "%" PRIu64 " %s, %" PRIu64 "/s", m->n, what,
	    m->n * 1000 / (uint64_t)ms);
	meter_paint(m, &line);
	buf_free(&line);
}

void
meter_end(struct meter *m, const struct buf *last)
{
	if (m->shown)
		log_wiping(false);
	if (m->on && last)
		write_over(buf_text(last), last->n, "\n");
	else if (m->shown)
		write_over("", 0, "");
	m->on = m->shown = false;
}
