/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "judge/outside.h"

/* What the monitor is asked for besides TLS and the filter. */
enum { ASK_CONNECT = 1, ASK_TOKEN };

static int
connect_here(struct client *c, char ip[64], struct buf *why)
{
	return socks_connect(&c->target, &c->proxy,
	    (unsigned)c->conf->connection_timeout, ip, why);
}

/* --- the monitor --- */

static void
attend_connect(struct client *c, struct petition *p)
{
	struct buf why = { 0 };
	char ip[64] = "";
	int fd;

	petition_clear(p);
	fd = connect_here(c, ip, &why);
	list_add(&p->words, ip);
	list_add(&p->words, buf_text(&why));
	if (fd >= 0)
		p->fds[p->n++] = fd;
	buf_free(&why);
}

static void
attend_token(struct token *t, struct petition *p)
{
	petition_clear(p);
	if (t->program.n > 0 && token_fetch(t))
		list_add(&p->words, t->text.s);
	buf_wipe(&t->text);
}

/* Those that have ended since. */
static void
reap(struct run *r)
{
	int status;
	pid_t pid;

	while ((pid = monitor_reap(&r->monitor, &status)) > 0)
		if (pid == r->relay)
			r->relay = 0;
}

/* Whatever else it may be made to ask for it does not get. */
static void
attend(struct run *r, struct petition *p)
{
	struct client *c = &r->client;

	reap(r);
	if (tls_attend(&r->conf->tls, p, &r->relay))
		return;
	switch (p->what) {
	case ASK_CONNECT:
		attend_connect(c, p);
		return;
	case ASK_TOKEN:
		attend_token(&c->token, p);
		return;
	case OUTSIDE_FILTER:
		outside_filter_attend(&r->filter, &r->spool, p);
		return;
	default:
		petition_clear(p);
	}
}

static _Noreturn void
monitor(struct run *r)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct petition p = { .n = 0 };
	int status;

	monitor_pass_on(&r->monitor, signals, 3);
	if (queue_interrupted())        /* since the child is there */
		kill(r->monitor.child, SIGTERM);
	if (r->turn > STDIN_FILENO)
		close(r->turn);
	if (r->hired)
		close(r->boss);
	account_wipe(&r->client.account);
	while (monitor_hear(&r->monitor, &p)) {
		attend(r, &p);
		monitor_answer(&r->monitor, &p);
	}
	status = monitor_end(&r->monitor);
	petition_free(&p);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
	monitor_follow(status);
}

void
outside_begin(struct run *r)
{
	if (r->conf->common.no_sandbox)
		return;
	if (!monitor_split(&r->monitor))
		monitor(r);
	sandbox_within(r->conf->check ? -1 : r->spool.fd, 0);
}

/* --- in the sandbox --- */

static struct monitor *
monitor_of(const struct client *c)
{
	static struct monitor none;

	return c->conf->tls.monitor ? c->conf->tls.monitor : &none;
}

int
outside_connect(struct client *c, char ip[64], struct buf *why)
{
	struct petition p = { .what = ASK_CONNECT };
	int fd = -1;

	if (!monitor_of(c)->split)
		return connect_here(c, ip, why);
	if (!monitor_ask(monitor_of(c), &p) || p.words.n != 2) {
		buf_set(why, "cannot connect: nobody is there to do it");
	} else {
		snprintf(ip, 64, "%s", list_get(&p.words, 0));
		buf_set(why, list_get(&p.words, 1));
		if (p.n == 1) {
			fd = p.fds[0];
			p.n = 0;
		}
	}
	petition_free(&p);
	return fd;
}

bool
outside_token(struct client *c)
{
	struct petition p = { .what = ASK_TOKEN };
	struct token *t = &c->token;
	bool ok;

	if (!monitor_of(c)->split)
		return token_fetch(t);
	ok = monitor_ask(monitor_of(c), &p) && p.words.n == 1;
	t->fresh = ok && token_set(t, list_get(&p.words, 0));
	petition_free(&p);
	return t->fresh;
}
