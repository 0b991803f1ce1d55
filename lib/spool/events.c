/* SPDX-License-Identifier: ISC */
#include "spool/events.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"

enum { WAKING = 65536 };        /* octets of events to read at once */

/* --- connections and rounds --- */

static const enum counter starts[] = {
	COUNT_POLL_BUSY, COUNT_POLL_STARTED, COUNT_FORWARD_STARTED,
	COUNT_IN_STARTED, COUNT_POP_STARTED, COUNT_OUT_STARTED, COUNTERS
};
static const enum counter ends[] = {
	COUNT_OUT_FINISHED, COUNT_POP_FINISHED, COUNT_RESCANS,
	COUNT_IN_FINISHED, COUNT_FORWARD_FINISHED, COUNT_POLL_FINISHED, COUNTERS
};

/* One event for each, but not for millions that a broken file may have. */
static bool
tell_counted(struct events *v, const enum counter *which,
    const uint64_t n[COUNTERS])
{
	enum { AT_ONCE = 1000 };
	struct event e = { .kind = EVENT_COUNTED };
	bool more = true;
	uint64_t new;

	for (; *which != COUNTERS; which++) {
		e.counter = *which;
		new = n[*which] - v->seen[*which];
		for (; more && new > 0 && new <= AT_ONCE; new--)
			more = v->tell(v->audience, &e);
		v->seen[*which] = n[*which];
	}
	return more;
}

/* --- connections to servers --- */

static struct connection outward[PRESENCE_PLACES];

/* What there is already is no event. */
static void
note_connections(struct events *v)
{
	if (presence_read(v->spool, COUNT_OUT_STARTED, outward))
		for (int i = 0; i < PRESENCE_PLACES; i++)
			v->told[i] = outward[i].since;
}

/* The next one that is new, in the order of their times, or -1. */
static int
next_connection(const struct events *v)
{
	int found = -1;

	for (int i = 0; i < PRESENCE_PLACES; i++)
		if (outward[i].since != v->told[i] && (found < 0 ||
		    outward[i].since < outward[found].since))
			found = i;
	return found;
}

/* Has been told that it is tried? That had a record of its own. */
static bool
was_tried(const struct events *v, const struct connection *c)
{
	for (int i = 0; i < PRESENCE_PLACES; i++)
		if (v->told[i] == c->tried)
			return true;
	return false;
}

/* If it was a matter of microseconds both come at once. */
static bool
tell_connection(struct events *v, const struct connection *c)
{
	struct event e = { .kind = EVENT_CONNECTING, .ends = &c->ends };
	struct ends to = { .local = "" };
	const char *port = strrchr(c->ends.remote, ':');
	bool more = true;

	if (!c->place)
		return v->tell(v->audience, &e);
	if (!was_tried(v, c)) {
		snprintf(to.name, sizeof to.name, "%s%s", c->ends.name,
		    port ? port : "");
		e.ends = &to;
		more = v->tell(v->audience, &e);
	}
	e.kind = EVENT_CONNECTED;
	e.ends = &c->ends;
	return more && v->tell(v->audience, &e);
}

static bool
tell_connections(struct events *v)
{
	bool more = true;
	int i;

	if (!presence_read(v->spool, COUNT_OUT_STARTED, outward))
		return true;
	while (more && (i = next_connection(v)) >= 0) {
		more = tell_connection(v, &outward[i]);
		v->told[i] = outward[i].since;
	}
	return more;
}

/* --- messages --- */

static bool
is_envelope(const struct inotify_event *i, struct spool_entry *e)
{
	return i->len > 0 && spool_entry_parse(e, i->name) && !e->content;
}

/* It has left, and is not to be seen under another name here. */
static bool
tell_left(struct events *v)
{
	const struct event e = { .kind = EVENT_REMOVED, .entry = v->was };

	v->left = false;
	return v->tell(v->audience, &e);
}

/* Both halves of a rename come one behind the other, but the second may not
 * be there yet: the rename itself has been done. */
static bool
tell_strayed(struct events *v)
{
	enum state st;

	return !v->left || envelope_find(v->spool, &v->was.id, &st) ||
	    tell_left(v);
}

static bool
tell_message(struct events *v, const struct inotify_event *i)
{
	struct event e = { .kind = EVENT_REMOVED };
	bool ours = is_envelope(i, &e.entry);

	if (v->left && !(ours && i->mask & IN_MOVED_TO &&
	    i->cookie == v->cookie) && !tell_left(v))
		return false;
	if (!ours)
		return true;
	if (i->mask & IN_MOVED_FROM) {
		v->was = e.entry;
		v->left = true;
		v->cookie = i->cookie;
		return true;
	}
	if (i->mask & IN_MOVED_TO) {
		e.kind = EVENT_MOVED;
		e.from = v->left ? &v->was : NULL;
		v->left = false;
	} else if (!(i->mask & IN_DELETE)) {
		return true;
	}
	return v->tell(v->audience, &e);
}

/* --- the watch --- */

enum { MASK = IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_MOVE_SELF };

/* The same directory, with another mask from now on. */
static int
add_directory(const struct events *v, uint32_t mask)
{
	char path[64];

	/* by way of the descriptor: the path may mean another one by now */
	snprintf(path, sizeof path, "/proc/self/fd/%d/.", v->spool->fd);
	return inotify_add_watch(v->fd, path, mask | IN_ONLYDIR);
}

static bool
add_counters(struct events *v)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", v->spool->fd,
	    counters_name);
	v->counters = inotify_add_watch(v->fd, path,
	    IN_MODIFY | IN_CLOSE_WRITE | IN_DONT_FOLLOW);
	return v->counters >= 0;
}

/* Whoever counts first makes the file: until then we wait for its name. It
 * is not for us to make one in a spool that is being removed. */
static void
watch_counters(struct events *v)
{
	if (!add_counters(v) && errno == ENOENT) {
		add_directory(v, MASK | IN_CREATE);
		/* or has it come just now? */
		add_counters(v);
	}
	if (v->counters >= 0)
		add_directory(v, MASK);
	else if (errno != ENOENT)
		log_warning("no events of connections: '%s/%s': %s",
		    v->spool->path, counters_name, strerror(errno));
}

/* Another file has the name by now, or none. Who has the old one open keeps
 * it, and us with it, if we let him. */
static void
watch_other_counters(struct events *v)
{
	if (v->counters >= 0)
		inotify_rm_watch(v->fd, v->counters);
	watch_counters(v);
}

bool
events_start(struct events *v, const struct spool *s,
    bool (*tell)(struct audience *, const struct event *), struct audience *a)
{
	char path[64];
	int saved;

	*v = (struct events){ .spool = s, .tell = tell, .audience = a };
	v->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (v->fd < 0)
		return false;
	v->directory = add_directory(v, MASK);
	if (v->directory < 0) {
		saved = errno;
		events_end(v);
		errno = saved;
		return false;
	}
	/* of its own end a directory that somebody has open tells nothing */
	snprintf(path, sizeof path, "/proc/self/fd/%d/..", s->fd);
	v->above = inotify_add_watch(v->fd, path, IN_DELETE | IN_ONLYDIR);
	watch_counters(v);
	counters_read(s, v->seen);
	note_connections(v);
	return true;
}

void
events_end(struct events *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

static void
look_above(struct events *v)
{
	struct stat st;

	v->gone |= fstat(v->spool->fd, &st) < 0 || st.st_nlink == 0;
}

static bool
lose(struct events *v)
{
	static const struct event lost = { .kind = EVENT_LOST };

	v->left = false;
	watch_other_counters(v);
	look_above(v);
	return v->tell(v->audience, &lost);
}

/* Returns whether the audience wants more. *counted: it was about the
 * counters. */
static bool
tell(struct events *v, const struct inotify_event *i, bool *counted)
{
	bool here = i->wd == v->directory;

	if (i->mask & IN_Q_OVERFLOW) {
		*counted = true;
		return lose(v);
	}
	if (i->wd == v->counters) {
		*counted = true;
	} else if (here && i->len > 0 && strcmp(i->name, counters_name) == 0) {
		*counted = true;
		watch_other_counters(v);
	} else if (i->wd == v->above) {
		look_above(v);
	} else if (here && i->mask & IN_MOVE_SELF) {
		v->gone = true;
	} else if (here) {
		return tell_message(v, i);
	}
	return true;
}

/* What there is by now. *again: the counters are to be looked at again. */
static bool
drain(struct events *v, bool *again)
{
	static union {
		char text[WAKING];
		struct inotify_event first;
	} in;
	const struct inotify_event *i;
	ssize_t n = read(v->fd, in.text, sizeof in.text), at = 0;
	bool more = true;

	*again = n >= WAKING / 2;       /* there may be more */
	while (at < n && more && !v->gone) {
		i = (const void *)(in.text + at);
		more = tell(v, i, again);
		at += (ssize_t)(sizeof *i + i->len);
	}
	return more && (*again || tell_strayed(v));
}

bool
events_hear(struct events *v)
{
	uint64_t n[COUNTERS];
	bool known, more, again = false;

	/* the numbers of a moment */
	known = counters_read(v->spool, n);
	more = !known || tell_counted(v, starts, n);
	more = more && tell_connections(v);
	more = more && drain(v, &again);
	if (known && more)
		more = tell_counted(v, ends, n);
	return more && again && !v->gone;
}
