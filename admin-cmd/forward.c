/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/environment.h"
#include "base/program.h"
#include "base/text.h"
#include "spool/claim.h"

/* What the machine or the container has set for smtp-send may tell it to go
 * on for ever: here it is one round. */
static void
forget_poll(void)
{
	static const char *const names[] = {
		"POLL", "POLL_FILE", "FORWARD_ON_DISCONNECT",
		"FORWARD_ON_DISCONNECT_FILE"
	};
	struct buf name = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		buf_clear(&name);
		buf_printf(&name, "%s%s", ENVIRONMENT_PREFIX, names[i]);
		unsetenv(name.s);
	}
	buf_free(&name);
}

/* Who is not waited for has to be buried, in a conversation that may last. */
static void
reap(struct session *s)
{
	int status;
	pid_t pid;

	while ((pid = monitor_reap(&s->monitor, &status)) > 0) {
		if (pid == s->run.pid) {
			s->run.buried = true;
			s->run.status = status;
		}
	}
}

int
forward_start(struct session *s, bool report)
{
	struct list args = { 0 };
	pid_t pid;
	int fd;

	reap(s);
	options_hand_down(&args, &s->conf->common);
	forget_poll();
	list_add(&args, report ? "--report" : "--forward-on-disconnect");
	fd = program_converse_with("smtp-send", &args, true, &pid);
	list_free(&args);
	if (report) {
		s->run.pid = pid;
		s->run.buried = false;
	}
	return fd;
}

int
forward_status(struct session *s)
{
	struct run *r = &s->run;

	while (!r->buried && waitpid(r->pid, &r->status, 0) < 0 &&
	    errno == EINTR)
		continue;
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : EX_OSERR;
}

static bool
may_forward(struct session *s)
{
	if (s->conf->forward_to)
		return true;
	say_error(s, EX_USAGE,
	    "no remote server configured: use --forward-to");
	return false;
}

/* Who says flush does not want to wait for the next try's time. False: there
 * is nothing to be sent. */
static bool
make_due(struct session *s)
{
	struct selection sel;
	struct spool_entry e;
	bool changed, any = false;

	if (!look(s, &sel, 1u << STATE_READY | 1u << STATE_BUSY))
		return false;
	while (select_next(&sel, &e)) {
		any = true;
		if (e.state == STATE_READY && !message_due(&s->spool, &e.id))
			claim_retry(&s->spool, &e.id, e.state, &changed);
	}
	select_end(&sel);
	if (!any)
		say_error(s, EX_OK, "no messages to send");
	return any;
}

void
do_flush(struct session *s, char *arg)
{
	(void)arg;
	if (s->run.fd >= 0) {
		say_error(s, EX_TEMPFAIL, "still working");
		return;
	}
	if (may_forward(s) && make_due(s)) {
		s->run = (struct run){ .fd = -1, .status = -1 };
		s->run.fd = outside_start(s, true);
		if (s->run.fd >= 0)
			return;
		say_error(s, EX_OSERR, "cannot start smtp-send: %s",
		    strerror(errno));
	}
	prompt(s);
}

/* Politely: what is due, behind a round that others have asked for. */
void
do_forward(struct session *s, char *arg)
{
	int fd;

	(void)arg;
	if (!may_forward(s))
		return;
	fd = outside_start(s, false);
	if (fd < 0) {
		say_error(s, EX_OSERR, "cannot start smtp-send: %s",
		    strerror(errno));
		return;
	}
	close(fd);
	say(s, "OK");
}

/* --- what became of it --- */

/* `ID STATUS CODE ENHANCED TEXT` */
static void
note(struct run *r, char *line)
{
	char *rest = line, *status;

	text_word(&rest);
	status = text_word(&rest);
	if (!status)
		return;
	if (strcmp(status, "sent") == 0) {
		r->sent++;
		return;
	}
	if (strcmp(status, "bounced") == 0)
		r->refused++;
	else if (strcmp(status, "deferred") == 0 || strcmp(status, "kept") == 0)
		r->put_off++;
	else
		r->others++;    /* in other hands: no news */
	r->ours = strcmp(status, "kept") == 0;
	text_word(&rest);
	text_word(&rest);
	buf_set(&r->why, text_trim(rest));
}

/* Nothing has come of it: why, in E-MailRelay's words. */
static void
say_why(struct session *s, const char *why)
{
	if (s->run.ours || text_starts(why, "cannot connect to ") ||
	    text_starts(why, "dns error: ") || text_starts(why, "socks error: "))
		say_error(s, EX_TEMPFAIL, "%s", why);
	else if (text_starts(why, "connection closed") ||
	    text_starts(why, "Connection reset"))
		say_error(s, EX_TEMPFAIL, "read error: disconnected: %s", why);
	else if (text_starts(why, "timed out"))
		say_error(s, EX_TEMPFAIL, "response timeout: %s", why);
	else
		say_error(s, EX_TEMPFAIL,
		    "protocol error: unexpected response: %s", why);
}

static void
say_outcome(struct session *s, int status)
{
	const struct run *r = &s->run;

	if (r->sent + r->refused + r->put_off == 0) {
		if (status == EX_OK || status == EX_TEMPFAIL)
			say_error(s, EX_OK, "no messages to send");
		else
			say_error(s, status, "smtp-send has failed with "
			    "status %d: see the log", status);
	} else if (r->sent + r->refused == 0) {
		say_why(s, buf_text(&r->why));
	} else if (r->refused + r->put_off == 0) {
		say(s, "OK");
	} else {
		say(s, "OK: %u sent, %u refused, %u put off: %s", r->sent,
		    r->refused, r->put_off, buf_text(&r->why));
		if (s->once)
			s->status = r->refused ? EX_UNAVAILABLE : EX_TEMPFAIL;
	}
}

void
run_end(struct session *s)
{
	struct run *r = &s->run;

	close(r->fd);
	r->fd = -1;
	r->ended = false;
	say_outcome(s, outside_status(s));
	buf_free(&r->why);
	prompt(s);
}

void
run_hear(struct session *s)
{
	char text[4096];
	ssize_t n = read(s->run.fd, text, sizeof text), used = 0;
	bool line;

	if (n < 0 && errno == EINTR)
		return;
	while (used < n) {
		used += (ssize_t)lines_take(&s->run.line, text + used,
		    (size_t)(n - used), &line);
		if (line)
			note(&s->run, s->run.line.text);
	}
	s->run.ended = n <= 0;
}
