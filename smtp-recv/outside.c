/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <unistd.h>

#include "base/sandbox.h"

/* What the monitor is asked for besides. */
enum { ASK_FORWARDER = 1, ASK_ONWARD };

/* A thousand recipients are a fraction of it. */
enum { MEMORY = 256 << 20 };

/* Is there anything that cannot be done in the sandbox? */
static bool
wanted(const struct session *s)
{
	const struct config *conf = s->conf;

	return s->filter.n > 0 || conf->verifier || conf->immediate ||
	    conf->forward_on_disconnect ||
	    (conf->tls.certificate && secure_offered(&s->tls));
}

/* --- the monitor --- */

/* Nothing of the conversation is to end only with this process. */
static void
forget_conversation(struct session *s)
{
	if (s->io.in > STDERR_FILENO) {
		close(s->io.in);
		close(s->io.out);
	}
	s->io.in = s->io.out = -1;
	s->io.state = IO_EOF;
	guard_leave(&s->guard);
	gate_abandon(&s->gate);
	counters_abandon(&s->counters);
}

/* One for all messages. */
static void
start_forwarder(struct session *s, struct petition *p)
{
	int fd;

	petition_clear(p);
	if (!s->conf->immediate || s->has_forwarder)
		return;
	fd = onward_forwarder(s);
	s->has_forwarder = fd >= 0;
	p->what = fd < 0 ? (unsigned)errno : 0;
	if (fd >= 0)
		p->fds[p->n++] = fd;
}

/* Whatever else it may be made to ask for it does not get. */
static void
attend(struct session *s, struct petition *p)
{
	const struct config *conf = s->conf;

	if (tls_attend(&conf->tls, p, &s->io.relay))
		return;
	switch (p->what) {
	case OUTSIDE_FILTER:
		outside_filter_attend(&s->filter, &s->spool, p);
		return;
	case OUTSIDE_VERIFY:
		if (!conf->verifier)
			break;
		outside_verify_attend(&s->verifier, buf_text(&s->domain),
		    s->peer.ip, p);
		return;
	case ASK_FORWARDER:
		start_forwarder(s, p);
		return;
	case ASK_ONWARD:
		s->onward = conf->forward_to != NULL;
		break;
	default:
		break;
	}
	petition_clear(p);
}

static _Noreturn void
monitor(struct session *s)
{
	struct petition p = { .n = 0 };
	int status;

	forget_conversation(s);
	while (monitor_hear(&s->monitor, &p)) {
		attend(s, &p);
		monitor_answer(&s->monitor, &p);
	}
	status = monitor_end(&s->monitor);
	petition_free(&p);
	io_close(&s->io);       /* that is, wait for tls-io */
	if (s->onward)
		onward_exec(s);
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
		s->io.relay = 0;
	}
	sandbox_within(s->spool.fd, MEMORY);
}

/* --- in the sandbox --- */

int
outside_forwarder(struct session *s)
{
	struct petition p = { .what = ASK_FORWARDER };
	int fd = -1;

	if (!s->monitor.split)
		return onward_forwarder(s);
	if (monitor_ask(&s->monitor, &p) && p.n == 1) {
		fd = p.fds[0];
		p.n = 0;
	}
	petition_free(&p);
	return fd;
}

void
outside_onward(struct session *s)
{
	struct petition p = { .what = ASK_ONWARD };

	if (!s->monitor.split)
		onward_exec(s);
	monitor_ask(&s->monitor, &p);
	petition_free(&p);
}
