/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <unistd.h>

void
count_start(struct session *s)
{
	struct ends ends = { .local = "" };

	/* nobody waits for his greeting because of us */
	io_flush(&s->io);
	if (!io_is_heard(&s->io))
		return;
	counters_start(&s->counters, &s->spool);
	peer_ends(&s->peer, STDIN_FILENO, ends.local, ends.remote);
	presence_start(&s->presence, &s->counters, COUNT_IN_STARTED,
	    *ends.remote ? &ends : NULL);
}

void
count_end(struct session *s)
{
	if (!s->counters.spool)
		return;
	counters_note(&s->counters, COUNT_RECEIVED, s->kept);
	counters_note(&s->counters, COUNT_REFUSED, s->refused);
	counters_note(&s->counters, COUNT_RESCANS, s->rescan);
	counters_note(&s->counters, COUNT_IN_FINISHED, 1);
	/* which is the end of our presence, too */
	counters_end(&s->counters);
}
