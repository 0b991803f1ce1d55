/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/date.h"

/* A line that is written over is for people who watch a run of their own: not
 * where lines of the log or of --report run through anyway, and not for what
 * smtp-recv has started, which may well have somebody's terminal. */
static bool
is_watched(const struct config *conf)
{
	return meter_usable() && !conf->common.log.events && !log_verbose() &&
	    !conf->forward_on_disconnect && !conf->hand_back &&
	    !(conf->report && isatty(STDOUT_FILENO));
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
paint(struct run *r)
{
	struct progress *p = &r->progress;
	struct buf line = { 0 };

	buf_printf(&line, "sent %u", r->sent);
	if (p->total != PROGRESS_UNKNOWN)
		buf_printf(&line, " of %zu", p->total);
	if (r->later > p->later)
		buf_printf(&line, ", later %u", r->later - p->later);
	if (r->bad)
		buf_printf(&line, ", failed %u", r->bad);
	put_speed(p, date_ticks() - p->meter.began, &line);
	meter_paint(&p->meter, &line);
	buf_free(&line);
}

void
progress_begin(struct run *r, size_t total)
{
	struct progress *p = &r->progress;

	*p = (struct progress){ .total = total, .later = r->later };
	meter_begin(&p->meter, (total > 0 || r->later > 0) &&
	    is_watched(r->conf));
	if (p->meter.on)
		paint(r);
}

void
progress_move(struct run *r, size_t done)
{
	r->progress.done += done;
	if (meter_due(&r->progress.meter))
		paint(r);
}

void
progress_end(struct run *r)
{
	struct progress *p = &r->progress;
	struct buf line = { 0 };
	int64_t ms = date_ticks() - p->meter.began;

	if (!p->meter.on)
		return;
	buf_printf(&line, "sent %u, later %u, failed %u: %.1f s", r->sent,
	    r->later, r->bad, (double)ms / 1000);
	if (r->sent && ms > 0)
		buf_printf(&line, ", %.1f/s",
		    (double)r->sent * 1000 / (double)ms);
	meter_end(&p->meter, &line);
	buf_free(&line);
}
