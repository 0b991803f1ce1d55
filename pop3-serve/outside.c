/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <unistd.h>

#include "base/sandbox.h"

/* A million messages have their place in it. */
enum { MEMORY = 1 << 30 };

/* All that cannot be done in the sandbox is STLS. */
static bool
wanted(const struct session *s)
{
	return s->conf->tls.certificate && secure_offered(&s->tls);
}

static _Noreturn void
monitor(struct session *s)
{
	struct petition p = { .n = 0 };
	int status;

	guard_leave(&s->guard);
	gate_abandon(&s->gate);
	counters_abandon(&s->counters);
	s->io.in = s->io.out = -1;
	while (monitor_hear(&s->monitor, &p)) {
		if (!tls_attend(&s->conf->tls, &p, &s->io.relay))
			petition_clear(&p);
		monitor_answer(&s->monitor, &p);
	}
	status = monitor_end(&s->monitor);
	petition_free(&p);
	io_close(&s->io);       /* that is, wait for tls-io */
	monitor_follow(status);
}

void
outside_begin(struct session *s)
{
	/* a spool that is not there may be later: it is looked for again */
	if (s->conf->common.no_sandbox || s->spool.fd < 0)
		return;
	if (wanted(s)) {
		if (!monitor_split(&s->monitor))
			monitor(s);
		/* the key is out of reach from here on */
		tls_close_files(s->tls.conf);
	}
	sandbox_within(s->spool.fd, MEMORY);
}
