/* SPDX-License-Identifier: ISC */
#include "spool/inspect.h"

#include <errno.h>
#include <string.h>

#include "mail/header.h"

void
inspect_start(struct inspected *m, const struct spool_entry *e)
{
	m->id = e->id;
	m->state = e->state;
	m->has_text = m->damaged = false;
	m->octets = m->age = 0;
	m->time = 0;
	envelope_clear(&m->envelope);
	list_clear(&m->to);
	buf_clear(&m->why);
}

void
inspect_free(struct inspected *m)
{
	envelope_free(&m->envelope);
	list_free(&m->to);
	buf_free(&m->why);
}

void
inspect_text(struct inspected *m, const struct spool *s, time_t now)
{
	struct stat st;

	m->has_text = content_stat(s, &m->id, m->state, &st) == 0;
	if (!m->has_text)
		return;
	m->octets = (uint64_t)st.st_size;
	m->time = st.st_mtime;
	m->age = m->time < now ? (uint64_t)(now - m->time) : 0;
}

/* Who has not got it yet. */
static void
list_recipients(struct inspected *m)
{
	const struct envelope *e = &m->envelope;

	list_clear(&m->to);
	for (size_t i = 0; i < e->local.n; i++)
		list_add(&m->to, list_get(&e->local, i));
	for (size_t i = 0; i < e->remote.n; i++)
		if (envelope_recipient(e, i) != RECIPIENT_DONE)
			list_add(&m->to, list_get(&e->remote, i));
}

bool
inspect_envelope(struct inspected *m, const struct spool *s)
{
	struct stat st;
	bool gone = false;

	/* It may be renamed before we have it open, but not that often. */
	for (int tries = 0; tries < 5; tries++) {
		m->damaged = !envelope_load(s,
		    envelope_name(&m->id, m->state).s, &m->envelope, &st,
		    &m->why);
		gone = m->damaged && !m->why.n && errno == ENOENT;
		if (!gone)
			break;
		if (m->state == STATE_LOCAL ||
		    !envelope_find(s, &m->id, &m->state))
			return false;
	}
	if (m->damaged && !m->why.n)
		buf_puts(&m->why, strerror(errno));
	if (!m->damaged)
		list_recipients(m);
	return !gone;
}

bool
inspect_header(const struct inspected *m, const struct spool *s, size_t most,
    struct buf *out)
{
	struct header_walk w;
	struct header_field f;

	if (!(m->state == STATE_LOCAL &&
	    spool_read_start(s, local_content_name(&m->id).s, most, out)) &&
	    !spool_read_start(s, content_name(&m->id).s, most, out))
		return false;
	w = (struct header_walk){ .p = buf_text(out), .n = out->n };
	while (header_next(&w, &f))
		continue;
	buf_cut(out, (size_t)(w.p - buf_text(out)));
	return true;
}
