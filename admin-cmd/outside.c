/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/sandbox.h"

/* What the monitor is asked for. */
enum { ASK_START = 1, ASK_STATUS, ASK_PID, ASK_STOP };

enum { MEMORY = 1 << 30 };

/* --- the monitor --- */

static void
attend_start(struct session *s, struct petition *p)
{
	bool report = petition_number(p, 0, 1, 0);
	int fd;

	petition_clear(p);
	if (!s->conf->forward_to)
		return;
	fd = forward_start(s, report);
	p->what = fd < 0 ? (unsigned)errno : 0;
	if (fd >= 0)
		p->fds[p->n++] = fd;
}

/* Whatever else it may be made to ask for it does not get. */
static void
attend(struct session *s, struct petition *p)
{
	const char *wrong;

	switch (p->what) {
	case ASK_START:
		attend_start(s, p);
		break;
	case ASK_STATUS:
		petition_clear(p);
		petition_put(p, forward_status(s));
		break;
	case ASK_PID:
		petition_clear(p);
		petition_put(p, terminate_whom(s));
		break;
	case ASK_STOP:
		petition_clear(p);
		wrong = s->conf->admin_terminate ? terminate_now(s) :
		    "it is not to be done";
		list_add(&p->words, wrong ? wrong : "");
		break;
	default:
		petition_clear(p);
	}
}

static _Noreturn void
monitor(struct session *s)
{
	struct petition p = { .n = 0 };

	while (monitor_hear(&s->monitor, &p)) {
		attend(s, &p);
		monitor_answer(&s->monitor, &p);
	}
	petition_free(&p);
	monitor_follow(monitor_end(&s->monitor));
}

void
outside_begin(struct session *s)
{
	if (s->conf->common.no_sandbox)
		return;
	if (!monitor_split(&s->monitor))
		monitor(s);
	sandbox_within(s->spool.fd, MEMORY);
}

/* --- in the sandbox --- */

int
outside_start(struct session *s, bool report)
{
	struct petition p = { .what = ASK_START };
	int fd = -1, error;

	if (!s->monitor.split)
		return forward_start(s, report);
	petition_put(&p, report);
	if (monitor_ask(&s->monitor, &p) && p.n == 1) {
		fd = p.fds[0];
		p.n = 0;
	}
	error = p.what ? (int)p.what : EPIPE;
	petition_free(&p);
	errno = error;
	return fd;
}

int
outside_status(struct session *s)
{
	struct petition p = { .what = ASK_STATUS };
	long n;

	if (!s->monitor.split)
		return forward_status(s);
	n = monitor_ask(&s->monitor, &p) ? petition_number(&p, 0,
	    INT32_MAX, -1) : -1;
	petition_free(&p);
	return n < 0 ? EX_OSERR : (int)n;
}

long
outside_pid(struct session *s)
{
	struct petition p = { .what = ASK_PID };
	long n;

	if (!s->monitor.split)
		return terminate_whom(s);
	n = monitor_ask(&s->monitor, &p) ? petition_number(&p, 0,
	    INT32_MAX, -1) : -1;
	petition_free(&p);
	return n;
}

bool
outside_stop(struct session *s, struct buf *wrong)
{
	struct petition p = { .what = ASK_STOP };
	const char *text;

	if (!s->monitor.split) {
		text = terminate_now(s);
		buf_puts(wrong, text ? text : "");
	} else if (monitor_ask(&s->monitor, &p) && p.words.n == 1) {
		buf_puts(wrong, list_get(&p.words, 0));
	} else {
		buf_puts(wrong, "nobody is there to do it");
	}
	petition_free(&p);
	return wrong->n == 0;
}
