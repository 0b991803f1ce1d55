/* SPDX-License-Identifier: ISC */
#include "session.h"

void
count_start(struct session *s)
{
	/* nobody waits for his greeting because of us */
	io_flush(&s->io);
	counters_start(&s->counters, &s->spool);
	presence_start(&s->presence, &s->counters, COUNT_IN_STARTED);
}

void
count_end(struct session *s)
{
	if (!s->counters.spool)
		return;
	counters_note(&s->counters, COUNT_RECEIVED, s->kept);
	counters_note(&s->counters, COUNT_REFUSED, s->refused);
	presence_end(&s->presence, &s->counters);
	counters_end(&s->counters);
}
