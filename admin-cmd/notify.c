/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>

#include "base/text.h"
#include "spool/claim.h"

/* The events of lib/spool/events.h in the words of the manual. */

struct audience {
	struct session *session;
};

static void
event(struct session *s, const char *what)
{
	if (s->once)
		say(s, "EVENT: %s", what);
	else
		io_print(&s->io, "\r\nEVENT: %s\r\n", what);
	if (s->io.pending.n >= IO_BUFFER)
		send_out(s);
}

/* connections and rounds */
static const char *const counted_words[COUNTERS] = {
	[COUNT_POLL_BUSY] = "poll: busy: ",
	[COUNT_POLL_STARTED] = "poll: start: ",
	[COUNT_FORWARD_STARTED] = "forward: start: ",
	[COUNT_IN_STARTED] = "network: in: start",
	[COUNT_POP_STARTED] = "network: in: start",
	[COUNT_OUT_STARTED] = "network: out: start",
	[COUNT_OUT_FINISHED] = "network: out: end",
	[COUNT_POP_FINISHED] = "network: in: end",
	[COUNT_RESCANS] = "store: update: poll",
	[COUNT_IN_FINISHED] = "network: in: end",
	[COUNT_FORWARD_FINISHED] = "forward: end: ",
	[COUNT_POLL_FINISHED] = "poll: end: ",
};

static void
tell_server(struct session *s, const char *what, const char *whom,
    const char *name)
{
	struct buf line = { 0 };

	buf_printf(&line, "client: %s: ", what);
	text_printable(&line, whom, strlen(whom));
	if (*name)
		buf_putc(&line, ' ');
	text_printable(&line, name, strlen(name));
	event(s, line.s);
	buf_free(&line);
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
tell(struct audience *a, const struct event *e)
{
	struct session *s = a->session;

	switch (e->kind) {
	case EVENT_COUNTED:
		event(s, counted_words[e->counter]);
		break;
	case EVENT_CONNECTING:
		tell_server(s, "connecting", e->ends->name, "");
		break;
	case EVENT_CONNECTED:
		tell_server(s, "connected", e->ends->remote, e->ends->name);
		break;
	case EVENT_MOVED:
		tell_moved(s, e->from, &e->entry);
		break;
	case EVENT_REMOVED:
		tell_removed(s, &e->entry);
		break;
	case EVENT_LOST:
		event(s, "notify: lost: too many events at once");
		break;
	}
	return s->io.state == IO_OPEN;
}

void
do_notify(struct session *s, char *arg)
{
	static struct audience we;
	const int on = 1;

	(void)arg;
	if (s->watch.fd >= 0)
		return;
	we.session = s;
	if (!events_start(&s->watch, &s->spool, tell, &we)) {
		say_error(s, EX_OSERR, "cannot watch the spool: %s",
		    strerror(errno));
		return;
	}
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

void
watch_hear(struct session *s)
{
	bool more;

	do {
		more = events_hear(&s->watch);
		send_out(s);
	} while (more && s->io.state == IO_OPEN);
	if (s->watch.gone)
		spool_has_gone(s);
}
