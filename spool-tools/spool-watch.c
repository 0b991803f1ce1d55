/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"
#include "base/options.h"
#include "base/program.h"
#include "base/screen.h"
#include "base/text.h"
#include "spool/history.h"
#include "spool/select.h"

struct config {
	struct options_common common;
	bool json;
};

static const struct option_row rows[] = {
	{ "json", OPTION_FLAG, offsetof(struct config, json) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-watch",
	.purpose = "Shows what comes into the spool and what leaves it, live.",
	.usage = "",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* The screen is painted at most so often, and the spool counted again when
 * that has taken at most a twentieth of the time. */
enum { PAUSE_MS = 200, COUNT_SHARE = 20, IDLE_MS = 1000 };

/* So many names are counted before somebody looks at the keys again. */
enum { COUNT_AT_ONCE = 10000 };

struct watcher {
	struct config conf;
	struct spool spool;
	struct events events;
	struct history history;
	struct screen screen;
	uint64_t n[STATES];
	bool known;             /* what n is; and then, as far as we are: */
	bool counting;
	struct spool_walk walk;
	uint64_t next[STATES];
	int64_t count_began, counted, painted;  /* date_ticks() */
	bool stirred;           /* since count_began, */
	bool changed;           /* and since it was painted */
};

struct audience {
	struct watcher *watcher;
};

/* --- lines --- */

static void
write_line(const struct watcher *w, const struct happening *h)
{
	struct buf line = { 0 };

	if (w->conf.json)
		history_json(&line, h);
	else
		history_line(&line, h);
	if (write_all(STDOUT_FILENO, line.s, line.n) < 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	buf_free(&line);
}

/* --- the screen --- */

static void
count_start(struct watcher *w)
{
	memset(w->next, 0, sizeof w->next);
	w->count_began = date_ticks();
	w->counting = spool_walk_start(&w->walk, &w->spool);
	w->stirred = false;
}

/* What happens meanwhile may be counted twice or not at all: then it is
 * counted again. */
static void
count_end(struct watcher *w)
{
	spool_walk_end(&w->walk);
	memcpy(w->n, w->next, sizeof w->n);
	w->counting = false;
	w->known = w->changed = true;
	w->counted = date_ticks();
}

static void
count_some(struct watcher *w)
{
	struct spool_entry e;

	for (int i = 0; w->counting && i < COUNT_AT_ONCE; i++) {
		if (spool_walk_next(&w->walk, &e))
			w->next[e.state] += !e.content;
		else
			count_end(w);
	}
	w->changed |= !w->known;
}

static bool
count_is_due(const struct watcher *w)
{
	return w->stirred && !w->counting && date_ticks() - w->counted >=
	    COUNT_SHARE * (w->counted - w->count_began);
}

static void
paint_counts(struct watcher *w)
{
	const uint64_t *n = w->known ? w->n : w->next;
	struct screen *s = &w->screen;

	for (int st = 0; st < STATES; st++) {
		screen_style(s, st == STATE_BAD && n[st] ? SCREEN_BAD :
		    SCREEN_PLAIN);
		screen_print(s, "%s %" PRIu64, state_words[st], n[st]);
		screen_style(s, SCREEN_PLAIN);
		screen_print(s, "%s", st + 1 < STATES ? "   " : "");
	}
	screen_print(s, "%s", w->known ? "" : "   (counting)");
	screen_line(s);
}

static void
paint_head(struct watcher *w)
{
	struct screen *s = &w->screen;
	struct buf path = { 0 };
	uint64_t n[COUNTERS];

	text_printable(&path, w->spool.path, strlen(w->spool.path));
	screen_style(s, SCREEN_BOLD);
	screen_print(s, "%s", path.s);
	buf_free(&path);
	screen_style(s, SCREEN_PLAIN);
	screen_line(s);
	paint_counts(w);
	if (counters_read(&w->spool, n))
		screen_print(s, "received %" PRIu64 "   sent %" PRIu64
		    "   put off %" PRIu64 "   failed %" PRIu64
		    "   connections: %u in, %u out",
		    n[COUNT_RECEIVED] + n[COUNT_SUBMITTED], n[COUNT_SENT],
		    n[COUNT_DEFERRED], n[COUNT_FAILED],
		    presence_count(&w->spool, COUNT_IN_STARTED),
		    presence_count(&w->spool, COUNT_OUT_STARTED));
	screen_line(s);
	screen_line(s);
}

static enum screen_style
style_of(const struct happening *h)
{
	switch (h->what) {
	case HAPPENED_FAILED:
	case HAPPENED_LOST:
		return SCREEN_BAD;
	case HAPPENED_SENT:
		return SCREEN_GOOD;
	case HAPPENED_DEFERRED:
		return SCREEN_WARN;
	default:
		return SCREEN_PLAIN;
	}
}

static void
paint_events(struct watcher *w)
{
	struct screen *s = &w->screen;
	const struct happening *h;
	struct buf line = { 0 };

	for (size_t i = 0; screen_left(s) > 1 &&
	    (h = history_newest(&w->history, i)) != NULL; i++) {
		buf_clear(&line);
		history_row(&line, h);
		screen_style(s, style_of(h));
		screen_print(s, "%s", line.s);
		screen_style(s, SCREEN_PLAIN);
		screen_line(s);
	}
	buf_free(&line);
}

static void
paint(struct watcher *w)
{
	if (count_is_due(w)) {
		count_start(w);
		count_some(w);
	}
	screen_start(&w->screen);
	paint_head(w);
	paint_events(w);
	screen_bottom(&w->screen, "q: quit");
	screen_end(&w->screen);
	w->painted = date_ticks();
	w->changed = false;
}

/* How long until the screen is to be painted? Counts move on. */
static int
pause_left(const struct watcher *w)
{
	int64_t left = w->painted + (w->changed ? PAUSE_MS : IDLE_MS) -
	    date_ticks();

	return left > 0 ? (int)left : 0;
}

/* How long may we wait for the next event? */
static int
patience(const struct watcher *w)
{
	return !w->screen.on ? -1 : w->counting ? 0 : pause_left(w);
}

/* --- both --- */

static void
follow(struct watcher *w, const struct event *e)
{
	if (e->kind == EVENT_MOVED && e->from && w->n[e->from->state] > 0)
		w->n[e->from->state]--;
	if (e->kind == EVENT_MOVED)
		w->n[e->entry.state]++;
	if (e->kind == EVENT_REMOVED && w->n[e->entry.state] > 0)
		w->n[e->entry.state]--;
	w->stirred |= e->kind != EVENT_COUNTED;
	w->changed = true;
}

static bool
tell(struct audience *a, const struct event *e)
{
	struct watcher *w = a->watcher;
	const struct happening *h = history_add(&w->history, &w->spool, e);

	follow(w, e);
	if (h && !w->screen.on)
		write_line(w, h);
	return true;
}

/* One turn: returns false when it is over. */
static bool
turn(struct watcher *w)
{
	struct pollfd p[] = {
		{ .fd = w->events.fd, .events = POLLIN },
		{ .fd = w->screen.on ? w->screen.keys : -1, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	int n = screen_poll(p, sizeof p / sizeof p[0], patience(w));

	if (n < 0 && errno != EINTR)
		die(EX_OSERR, "cannot wait: %s", strerror(errno));
	if (screen_interrupted() || (n > 0 && p[2].revents))
		return false;
	if (n > 0 && p[0].revents)
		events_hear(&w->events);        /* numbers can wait */
	if (n > 0 && p[1].revents && ((p[1].revents & (POLLHUP | POLLERR)) ||
	    screen_wants_out(&w->screen)))
		return false;
	count_some(w);
	if (w->screen.on && (screen_resized() || pause_left(w) == 0))
		paint(w);
	return !w->events.gone;
}

static void
watch(struct watcher *w)
{
	if (!w->conf.json && screen_open(&w->screen)) {
		count_start(w);
		count_some(w);
		paint(w);
	}
	while (turn(w))
		continue;
	screen_close();
	if (w->events.gone)
		die(EX_NOINPUT, "the spool '%s' is not there any more", w->spool.path);
}

int
main(int argc, char *argv[])
{
	static struct watcher w = { .conf.common.spool_dir = SPOOLDIR };
	struct audience we = { .watcher = &w };

	program_start(false);
	signal(SIGPIPE, SIG_DFL);       /* "spool-watch | head" */
	log_open("spool-watch", NULL);
	if (options_read(&options, &w.conf.common, argc, argv) < argc)
		die(EX_USAGE, "takes no arguments; "
		    "try \"spool-watch --help\"");
	select_spool(&w.spool, w.conf.common.spool_dir, EX_NOINPUT);
	select_confine(&w.spool, &w.conf.common);
	if (!events_start(&w.events, &w.spool, tell, &we))
		die(EX_OSERR, "cannot watch spool '%s': %s", w.spool.path,
		    strerror(errno));
	watch(&w);
	events_end(&w.events);
	history_free(&w.history);
	spool_close(&w.spool);
	return EX_OK;
}
