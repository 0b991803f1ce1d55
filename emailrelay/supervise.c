/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	FIRST_PAUSE = 1,        /* seconds before what has died starts again */
	LONGEST_PAUSE = 64,
	STEADY = 60,            /* who ran for so long is not in trouble */
	READY = 20,             /* a listener has to listen by then */
	MERCY = 10              /* between asking to end and killing */
};

struct supervisor {
	struct plan *plan;
	const struct config *conf;
	pid_t self, guard, group;
	bool stop;
	int status;
};

static time_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void
name(struct buf *out, const struct service *s)
{
	buf_puts(out, s->program);
	if (s->kind != SENDER) {
		buf_puts(out, " on ");
		place_text(out, &s->at);
	}
}

static void
start(struct supervisor *v, struct service *s)
{
	struct buf what = { 0 };

	s->started = now();
	s->pid = service_start(s, v->conf, v->group);
	if (s->pid < 0) {
		name(&what, s);
		log_error("cannot start %s: %s", what.s, strerror(errno));
		s->pid = 0;
		s->pause = s->pause ? s->pause : FIRST_PAUSE;
		s->due = now() + s->pause;
	}
	buf_free(&what);
}

/* --- the beginning --- */

static void
cannot_bind(const struct service *s, int e)
{
	struct buf where = { 0 };

	place_text(&where, &s->at);
	die(EX_UNAVAILABLE, "exception: cannot bind the listening port: "
	    "%s: %s", where.s, e ? strerror(e) : "the listener did not start");
}

static bool
has_ended(struct service *s)
{
	int status;

	return waitpid(s->pid, &status, WNOHANG) == s->pid;
}

/* As soon as nobody else could listen there, it does. */
static bool
await_listener(struct service *s)
{
	const struct timespec moment = { 0, 5000000 };
	time_t by = now() + READY;

	while (listen_probe(&s->at) != EADDRINUSE) {
		if (has_ended(s)) {
			s->pid = 0;
			return false;
		}
		if (now() > by)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

/* Everybody out, and wait for them: also for those whose own parent has
 * gone, which are ours then. */
static void
end_all(struct supervisor *v)
{
	const struct timespec moment = { 0, 20000000 };
	time_t by = now() + MERCY;
	bool killed = false;
	pid_t pid;

	kill(-v->group, SIGTERM);
	guard_dismiss();
	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 || errno == EINTR) {
		if (pid > 0)
			continue;
		if (now() > by && !killed) {
			kill(-v->group, SIGKILL);
			killed = true;
		}
		nanosleep(&moment, NULL);
	}
}

static struct supervisor *beginning;

/* However the start fails: die() leaves by exit(3), and so may a child. */
static void
abandon(void)
{
	if (beginning && beginning->self == getpid())
		end_all(beginning);
}

static void
listen_all(struct supervisor *v)
{
	struct service *s;
	int e;

	for (size_t i = 0; i < v->plan->n; i++) {
		s = &v->plan->services[i];
		if (s->kind == SENDER)
			continue;
		e = listen_probe(&s->at);
		if (e)
			cannot_bind(s, e);
	}
	for (size_t i = 0; i < v->plan->n; i++)
		if (v->plan->services[i].kind != SENDER)
			start(v, &v->plan->services[i]);
	for (size_t i = 0; i < v->plan->n; i++) {
		s = &v->plan->services[i];
		if (s->kind != SENDER && (s->pid == 0 || !await_listener(s)))
			cannot_bind(s, listen_probe(&s->at));
	}
}

/* --- what goes on --- */

static void
died(struct supervisor *v, struct service *s, int status)
{
	struct buf what = { 0 };
	time_t t = now();

	s->pid = 0;
	/* The administrator has told the listener of his port to end, which
	 * has done so: that is meant for us all. */
	if (s->kind == ADMIN && v->conf->admin_terminate &&
	    ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))) {
		v->stop = true;
		return;
	}
	if (s->once) {
		s->due = -1;
		v->status = WIFEXITED(status) ? WEXITSTATUS(status) :
		    EX_SOFTWARE;
		v->stop |= v->conf->dont_serve;
		return;
	}
	name(&what, s);
	if (t - s->started >= STEADY || !s->pause)
		s->pause = FIRST_PAUSE;
	else if (s->pause < LONGEST_PAUSE)
		s->pause *= 2;
	s->due = t + s->pause;
	if (WIFSIGNALED(status))
		log_error("%s was ended by signal %d, again in %u s", what.s,
		    WTERMSIG(status), s->pause);
	else
		log_error("%s ended with status %d, again in %u s", what.s,
		    WEXITSTATUS(status), s->pause);
	buf_free(&what);
}

/* Of the same group, or if nobody is left in that of a new one. */
static void
guard_again(struct supervisor *v)
{
	pid_t group;

	v->guard = guard_start(v->group);
	group = getpgid(v->guard);
	if (group > 1)
		v->group = group;
}

static void
reap(struct supervisor *v)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == v->guard)
			guard_again(v);
		for (size_t i = 0; i < v->plan->n; i++)
			if (v->plan->services[i].pid == pid)
				died(v, &v->plan->services[i], status);
	}
}

/* Start what is due; returns the seconds until something else is. */
static time_t
start_due(struct supervisor *v)
{
	time_t t = now(), next = 3600;
	struct service *s;

	for (size_t i = 0; i < v->plan->n; i++) {
		s = &v->plan->services[i];
		if (s->pid || s->due < 0)
			continue;
		if (s->due <= t)
			start(v, s);
		if (!s->pid && s->due - t < next)
			next = s->due - t;
	}
	return next > 0 ? next : 1;
}

static void
signalled(struct supervisor *v, int sig)
{
	switch (sig) {
	case SIGTERM:
	case SIGINT:
	case SIGQUIT:
		v->stop = true;
		break;
	case SIGHUP:            /* ends a pause of smtp-send --poll */
		for (size_t i = 0; i < v->plan->n; i++)
			if (v->plan->services[i].kind == SENDER &&
			    v->plan->services[i].pid)
				kill(v->plan->services[i].pid, SIGHUP);
		break;
	default:
		break;
	}
}

static void
run(struct supervisor *v, const sigset_t *signals)
{
	struct timespec wait = { 0, 0 };

	while (!v->stop) {
		wait.tv_sec = start_due(v);
		signalled(v, sigtimedwait(signals, NULL, &wait));
		reap(v);
	}
}

int
supervise(struct plan *p, const struct config *conf)
{
	static struct supervisor v;
	sigset_t signals;

	v = (struct supervisor){ .plan = p, .conf = conf, .self = getpid() };
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	v.guard = guard_start(0);
	v.group = v.guard;
	beginning = &v;
	atexit(abandon);
	listen_all(&v);
	pid_file_write(conf);
	daemon_ready(conf->close_stderr && !conf->dont_serve);
	log_open("emailrelay", NULL);   /* stderr may be none any more */
	log_configure(&conf->common.log);
	log_info("started");
	run(&v, &signals);
	log_info("stopped");
	end_all(&v);
	beginning = NULL;
	pid_file_remove(conf);
	return v.status;
}
