/* SPDX-License-Identifier: ISC */
#include "spool/inspect.h"

#include <errno.h>
#include <string.h>

void
inspect_start(struct inspected *m, const struct spool_entry *e)
{
	m->id = e->id;
	m->state = e->state;
	m->has_text = m->damaged = false;
	m->octets = m->age = 0;
	m->time = 0;
	envelope_clear(&m->envelope);
	buf_clear(&m->why);
}

void
inspect_free(struct inspected *m)
{
	envelope_free(&m->envelope);
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
	return !gone;
}
