/* SPDX-License-Identifier: ISC */
#include "spool/history.h"

#include <string.h>

#include "base/date.h"
#include "base/log.h"
#include "base/text.h"
#include "spool/claim.h"
#include "spool/envelope_file.h"

static const char *const words[] = {
	[HAPPENED_RECEIVED] = "received",
	[HAPPENED_SENDING] = "sending",
	[HAPPENED_SENT] = "sent",
	[HAPPENED_DEFERRED] = "deferred",
	[HAPPENED_RELEASED] = "waiting",
	[HAPPENED_FAILED] = "failed",
	[HAPPENED_HELD] = "held",
	[HAPPENED_READY] = "ready",
	[HAPPENED_REMOVED] = "removed",
	[HAPPENED_LOST] = "lost",
};

/* --- what it means --- */

/* Is it worth telling, and as what? */
static bool
read_move(const struct spool *s, const struct event *e, enum happened *what)
{
	bool was_busy = e->from && e->from->state == STATE_BUSY;

	switch (e->entry.state) {
	case STATE_NEW:
	case STATES:
		return false;
	case STATE_BUSY:
		*what = HAPPENED_SENDING;
		break;
	case STATE_BAD:
		*what = HAPPENED_FAILED;
		break;
	case STATE_HOLD:
		*what = HAPPENED_HELD;
		break;
	case STATE_LOCAL:
		*what = HAPPENED_RECEIVED;
		break;
	case STATE_READY:
		/* what is due at once was let go of, not put off */
		*what = was_busy ? message_due(s, &e->entry.id) ?
		    HAPPENED_RELEASED : HAPPENED_DEFERRED :
		    !e->from || e->from->state == STATE_NEW ?
		    HAPPENED_RECEIVED : HAPPENED_READY;
		break;
	}
	return true;
}

static bool
read_event(const struct spool *s, const struct event *e, enum happened *what)
{
	switch (e->kind) {
	case EVENT_COUNTED:
	case EVENT_CONNECTING:
	case EVENT_CONNECTED:
		break;
	case EVENT_MOVED:
		return read_move(s, e, what);
	case EVENT_REMOVED:
		*what = e->entry.state == STATE_BUSY ? HAPPENED_SENT :
		    HAPPENED_REMOVED;
		return e->entry.state != STATE_NEW;
	case EVENT_LOST:
		*what = HAPPENED_LOST;
		return true;
	}
	return false;
}

/* --- whose it is --- */

static void
copy(struct happening *h, const struct envelope *e)
{
	const struct list *to = e->remote.n ? &e->remote : &e->local;

	h->known = true;
	buf_set(&h->from, buf_text(&e->from));
	h->recipients = e->remote.n + e->local.n;
	if (to->n)
		buf_set(&h->to, list_get(to, 0));
	if (h->what == HAPPENED_FAILED || h->what == HAPPENED_DEFERRED)
		buf_set(&h->reason, buf_text(&e->reason));
}

/* It may have moved on by now. */
static bool
read_envelope(struct happening *h, const struct spool *s,
    const struct spool_entry *e)
{
	struct envelope envelope = { 0 };
	struct buf why = { 0 };
	enum state st = e->state;
	struct stat ignored;
	bool ok;

	ok = envelope_load(s, envelope_name(&e->id, st).s, &envelope,
	    &ignored, &why) || (envelope_find(s, &e->id, &st) &&
	    envelope_load(s, envelope_name(&e->id, st).s, &envelope, &ignored,
	    &why));
	if (ok)
		copy(h, &envelope);
	envelope_free(&envelope);
	buf_free(&why);
	return ok;
}

/* It is gone: what did we know of it before? */
static void
remember(struct happening *new, const struct history *h)
{
	const struct happening *old;

	for (size_t i = 0; (old = history_newest(h, i)) != NULL; i++) {
		if (!old->known || strcmp(old->id.s, new->id.s) != 0)
			continue;
		new->known = true;
		buf_set(&new->from, buf_text(&old->from));
		buf_set(&new->to, buf_text(&old->to));
		new->recipients = old->recipients;
		return;
	}
}

static void
start(struct happening *h, enum happened what, const struct event *e)
{
	h->when = time(NULL);
	h->what = what;
	h->id.s[0] = '\0';
	if (e->kind != EVENT_LOST)
		h->id = e->entry.id;
	h->known = false;
	h->recipients = 0;
	buf_clear(&h->from);
	buf_clear(&h->to);
	buf_clear(&h->reason);
}

const struct happening *
history_add(struct history *h, const struct spool *s, const struct event *e)
{
	struct happening *new = &h->ring[h->n % HISTORY_SIZE];
	enum happened what;

	if (!read_event(s, e, &what))
		return NULL;
	start(new, what, e);
	if (e->kind == EVENT_REMOVED ||
	    (e->kind == EVENT_MOVED && !read_envelope(new, s, &e->entry)))
		remember(new, h);
	h->n++;
	return new;
}

const struct happening *
history_newest(const struct history *h, size_t i)
{
	/* the place of the oldest is that of the next: it is not counted */
	if (i >= h->n || i >= HISTORY_SIZE - 1)
		return NULL;
	return &h->ring[(h->n - 1 - i) % HISTORY_SIZE];
}

void
history_free(struct history *h)
{
	for (size_t i = 0; i < HISTORY_SIZE; i++) {
		buf_free(&h->ring[i].from);
		buf_free(&h->ring[i].to);
		buf_free(&h->ring[i].reason);
	}
	h->n = 0;
}

/* --- in words --- */

static void
put_parties(struct buf *out, const struct happening *h)
{
	if (!h->known)
		return;
	buf_puts(out, " from=");
	log_quote(out, buf_text(&h->from));
	buf_puts(out, " to=");
	log_quote(out, buf_text(&h->to));
	if (h->recipients > 1)
		buf_printf(out, " nrcpt=%zu", h->recipients);
	if (h->reason.n > 0) {
		buf_puts(out, " (");
		text_printable(out, h->reason.s, h->reason.n);
		buf_putc(out, ')');
	}
}

static const char *
id_or_dash(const struct happening *h)
{
	return h->id.s[0] ? h->id.s : "-";
}

void
history_line(struct buf *out, const struct happening *h)
{
	date_iso(out, h->when);
	buf_printf(out, " %s %s", id_or_dash(h), words[h->what]);
	put_parties(out, h);
	buf_putc(out, '\n');
}

void
history_row(struct buf *out, const struct happening *h)
{
	struct tm tm;

	if (localtime_r(&h->when, &tm))
		buf_printf(out, "%02d:%02d:%02d ", tm.tm_hour, tm.tm_min,
		    tm.tm_sec);
	buf_printf(out, "%-8s %-36s", words[h->what], id_or_dash(h));
	put_parties(out, h);
}

static void
put_json(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, ",\"%s\":", key);
	if (!value) {
		buf_puts(out, "null");
		return;
	}
	buf_putc(out, '"');
	text_json(out, value);
	buf_putc(out, '"');
}

void
history_json(struct buf *out, const struct happening *h)
{
	buf_puts(out, "{\"time\":\"");
	date_iso(out, h->when);
	buf_putc(out, '"');
	put_json(out, "id", h->id.s[0] ? h->id.s : NULL);
	put_json(out, "event", words[h->what]);
	put_json(out, "from", h->known ? buf_text(&h->from) : NULL);
	put_json(out, "to", h->known ? buf_text(&h->to) : NULL);
	buf_printf(out, ",\"recipients\":%zu", h->recipients);
	put_json(out, "reason", h->reason.n ? h->reason.s : NULL);
	buf_puts(out, "}\n");
}
