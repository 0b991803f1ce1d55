/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "spool/claim.h"

/*
 * The spool's own transitions are the events: renames and removals that the
 * kernel reports, and the counters of connections, whose file is written to
 * when one starts or ends. Nobody who works on the spool has to know that
 * somebody watches.
 */
enum { WAKING = 65536 };        /* octets of events to read at once */

static void
event(struct session *s, const char *what)
{
	if (s->once)
		say(s, "EVENT: %s", what);
	else
		io_print(&s->io, "\r\nEVENT: %s\r\n", what);
}

/* --- connections and rounds --- */

struct counted {
	enum counter which;
	const char *words;
};

static const struct counted starts[] = {
	{ COUNT_POLL_BUSY, "poll: busy: " },
	{ COUNT_POLL_STARTED, "poll: start: " },
	{ COUNT_FORWARD_STARTED, "forward: start: " },
	{ COUNT_IN_STARTED, "network: in: start" },
	{ COUNT_POP_STARTED, "network: in: start" },
	{ COUNT_OUT_STARTED, "network: out: start" },
	{ COUNTERS, NULL }
};
static const struct counted ends[] = {
	{ COUNT_OUT_FINISHED, "network: out: end" },
	{ COUNT_POP_FINISHED, "network: in: end" },
	{ COUNT_RESCANS, "store: update: poll" },
	{ COUNT_IN_FINISHED, "network: in: end" },
	{ COUNT_FORWARD_FINISHED, "forward: end: " },
	{ COUNT_POLL_FINISHED, "poll: end: " },
	{ COUNTERS, NULL }
};

/* One event for each, but not for millions that a broken file may have. */
static void
tell_counted(struct session *s, const struct counted *c,
    const uint64_t n[COUNTERS])
{
	enum { AT_ONCE = 1000 };
	uint64_t more;

	for (; c->words; c++) {
		more = n[c->which] - s->watch.seen[c->which];
		for (; more > 0 && more <= AT_ONCE; more--)
			event(s, c->words);
		s->watch.seen[c->which] = n[c->which];
	}
}

/* --- messages --- */

static void
tell_update(struct session *s)
{
	event(s, "store: update: ");
}

static void
tell_sending(struct session *s, const struct spool_entry *e)
{
	char line[128];

	snprintf(line, sizeof line, "client: sending: %s", e->id.s);
	event(s, line);
}

/* The line of the envelope that says why it was not sent, if it was tried at
 * all. */
static void
tell_failed(struct session *s, const struct spool_entry *e)
{
	struct envelope envelope = { 0 };
	struct buf why = { 0 }, line = { 0 };
	struct stat st;

	if (envelope_load(&s->spool, envelope_name(&e->id, e->state).s,
	    &envelope, &st, &why) && envelope.reason.n) {
		buf_puts(&line, "client: failed: ");
		text_printable(&line, envelope.reason.s, envelope.reason.n);
		event(s, line.s);
	}
	buf_free(&line);
	buf_free(&why);
	envelope_free(&envelope);
}

static void
tell_moved(struct session *s, const struct spool_entry *from,
    const struct spool_entry *to)
{
	bool was_busy = from && from->state == STATE_BUSY;

	if (to->state == STATE_BUSY) {
		tell_sending(s, to);
		return;
	}
	/* what is due at once was let go of, not put off */
	if (was_busy && (to->state == STATE_BAD ||
	    (to->state == STATE_READY && !message_due(&s->spool, &to->id))))
		tell_failed(s, to);
	if (to->state != STATE_NEW && !(was_busy && to->state == STATE_READY))
		tell_update(s);
}

static void
tell_removed(struct session *s, const struct spool_entry *e)
{
	if (e->state == STATE_BUSY)
		event(s, "client: done: ");
	if (e->state != STATE_NEW)
		tell_update(s);
}

static bool
is_envelope(const struct inotify_event *i, struct spool_entry *e)
{
	return i->len > 0 && spool_entry_parse(e, i->name) && !e->content;
}

static void
tell_spool(struct session *s, const struct inotify_event *i)
{
	struct watch *w = &s->watch;
	struct spool_entry e;
	bool pair;

	if (!is_envelope(i, &e))
		return;
	if (i->mask & IN_MOVED_FROM) {
		w->from = e;
		w->left = true;
		w->cookie = i->cookie;
	} else if (i->mask & IN_MOVED_TO) {
		pair = w->left && w->cookie == i->cookie;
		tell_moved(s, pair ? &w->from : NULL, &e);
		w->left = false;
	} else if (i->mask & IN_DELETE) {
		tell_removed(s, &e);
	}
}

/* --- the watch --- */

enum { SPOOL_MASK = IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF };

/* The same directory, with another mask from now on. */
static int
add_spool(const struct session *s, uint32_t mask)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d/.", s->spool.fd);
	return inotify_add_watch(s->watch.fd, path, mask | IN_ONLYDIR);
}

static bool
add_counters(struct session *s)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", s->spool.fd,
	    counters_name);
	s->watch.counters = inotify_add_watch(s->watch.fd, path,
	    IN_MODIFY | IN_CLOSE_WRITE | IN_DONT_FOLLOW);
	return s->watch.counters >= 0;
}

/* Whoever counts first makes the file: until then we wait for its name. It
 * is not for us to make one in a spool that is being removed. */
static void
watch_counters(struct session *s)
{
	if (!add_counters(s) && errno == ENOENT) {
		add_spool(s, SPOOL_MASK | IN_CREATE);
		/* or has it come just now? */
		add_counters(s);
	}
	if (s->watch.counters >= 0)
		add_spool(s, SPOOL_MASK);
	else if (errno != ENOENT)
		log_warning("no events of connections: '%s/%s': %s",
		    s->spool.path, counters_name, strerror(errno));
}

/* Another file has the name by now, or none. Who has the old one open keeps
 * it, and us with it, if we let him. */
static void
watch_other_counters(struct session *s)
{
	if (s->watch.counters >= 0)
		inotify_rm_watch(s->watch.fd, s->watch.counters);
	watch_counters(s);
}

static bool
watch_spool(struct session *s)
{
	struct watch *w = &s->watch;
	char path[64];

	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		return false;
	w->spool = add_spool(s, SPOOL_MASK);
	if (w->spool < 0) {
		close(w->fd);
		w->fd = -1;
		return false;
	}
	/* of its own end a directory that somebody has open tells nothing */
	snprintf(path, sizeof path, "/proc/self/fd/%d/..", s->spool.fd);
	w->above = inotify_add_watch(w->fd, path, IN_DELETE | IN_ONLYDIR);
	return true;
}

void
do_notify(struct session *s, char *arg)
{
	const int on = 1;

	(void)arg;
	if (s->watch.fd >= 0)
		return;
	if (!watch_spool(s)) {
		say_error(s, EX_OSERR, "cannot watch the spool: %s",
		    strerror(errno));
		return;
	}
	watch_counters(s);
	counters_read(&s->spool, s->watch.seen);
	/* who is silent for days may have gone without a word */
	setsockopt(s->io.in, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static void
spool_has_gone(struct session *s)
{
	log_warning("the spool '%s' is not there any more", s->spool.path);
	if (s->once)
		s->status = EX_NOINPUT;
	s->gone = true;
}

static void
look_above(struct session *s)
{
	struct stat st;

	if (fstat(s->spool.fd, &st) < 0 || st.st_nlink == 0)
		spool_has_gone(s);
}

/* Returns whether it is about the counters. */
static bool
tell(struct session *s, const struct inotify_event *i)
{
	struct watch *w = &s->watch;

	if (i->mask & IN_Q_OVERFLOW) {
		w->left = false;
		event(s, "notify: lost: too many events at once");
		watch_other_counters(s);
		look_above(s);
		return true;
	}
	if (i->wd == w->counters)
		return true;
	if (i->wd == w->spool && i->len > 0 &&
	    strcmp(i->name, counters_name) == 0) {
		watch_other_counters(s);
		return true;
	}
	if (i->wd == w->above)
		look_above(s);
	else if (i->wd == w->spool && i->mask & IN_MOVE_SELF)
		spool_has_gone(s);
	else if (i->wd == w->spool)
		tell_spool(s, i);
	return false;
}

/* What there is by now. Returns whether the counters are to be looked at
 * again. */
static bool
drain(struct session *s)
{
	static union {
		char text[WAKING];
		struct inotify_event first;
	} in;
	const struct inotify_event *i;
	ssize_t n = read(s->watch.fd, in.text, sizeof in.text), at = 0;
	bool counted = n >= WAKING / 2;         /* there may be more */

	while (at < n && s->io.state == IO_OPEN && !s->gone) {
		i = (const void *)(in.text + at);
		counted |= tell(s, i);
		at += (ssize_t)(sizeof *i + i->len);
	}
	return counted;
}

/* The numbers of a moment: what had been started by then is told first, then
 * the messages, and what had ended by then comes last. So a run has begun
 * before its messages go, and ends behind them. */
void
watch_hear(struct session *s)
{
	uint64_t n[COUNTERS];
	bool known, again;

	do {
		known = counters_read(&s->spool, n);
		if (known)
			tell_counted(s, starts, n);
		again = drain(s);
		if (known)
			tell_counted(s, ends, n);
		io_flush(&s->io);
	} while (again && s->io.state == IO_OPEN && !s->gone);
}
