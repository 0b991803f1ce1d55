/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"
#include "base/text.h"
#include "mail/address.h"
#include "spool/trigger.h"

static void
prepare(struct run *r, struct config *conf, bool from_stdin, unsigned given)
{
	struct client *c = &r->client;

	/* who keeps running takes no turn: the others would wait for ever */
	conf->forward_on_disconnect = conf->poll == 0 ||
	    (conf->forward_on_disconnect && conf->poll == UINT64_MAX);
	if (!conf->forward_to)
		die(EX_USAGE, "where to? --forward-to is missing");
	if (conf->to_all && conf->to_some)
		die(EX_USAGE, "the --forward-to-all and --forward-to-some "
		    "options cannot be used together");
	if (!socks_parse(&c->target, &c->proxy, conf->forward_to))
		die(EX_USAGE, "invalid host:service format: %s",
		    conf->forward_to);
	if (conf->domain && *conf->domain && !address_is_host(conf->domain))
		die(EX_USAGE, "--domain is no host name: %s", conf->domain);
	if (conf->domain && *conf->domain)
		snprintf(c->domain, sizeof c->domain, "%s", conf->domain);
	else
		program_hostname(c->domain);
	if (!address_is_host(c->domain))
		snprintf(c->domain, sizeof c->domain, "localhost");
	r->conf = c->conf = conf;
	r->turn = -1;
	if (conf->hand_back && !from_stdin)
		die(EX_USAGE, "--hand-back wants ids on stdin");
	conf->tls.monitor = &r->monitor;
	conf->tls.no_sandbox = conf->common.no_sandbox;
	login_prepare(c, conf);
	program_close(given);
	starttls_open(conf);
	if (!conf->check && !spool_open(&r->spool, conf->common.spool_dir))
		die(EX_NOINPUT, "cannot open spool '%s': %s",
		    conf->common.spool_dir, strerror(errno));
	c->token.dir = conf->check ? -1 : r->spool.fd;
	if (!conf->check)
		counters_start(&c->counters, &r->spool);
	program_become(conf->common.user);
	filters_open(r);
}

static void
parse_id(struct message_id *id, const char *name)
{
	if (!message_id_parse(id, name))
		die(EX_USAGE, "not a message id: %s", name);
}

/* What is behind the last line end, as a line. */
static bool
last_line(struct io *in, struct buf *rest)
{
	const char *p;
	size_t n = io_buffered(in) ? io_peek(in, &p) : 0;

	if (n > 0)
		buf_add(rest, p, n);
	return n > 0;
}

/* Ids from stdin, each dealt with as it comes. */
static void
deliver_stdin(struct run *r)
{
	struct io *in = &r->ids;
	enum io_line got = IO_LINE;
	struct message_id id;
	struct buf rest = { 0 };
	char *line;
	size_t n;

	while (got != IO_NONE && !queue_interrupted() &&
	    (!r->enough || r->conf->hand_back)) {
		if (!io_peek_within(in, 3600))
			continue;       /* or a signal */
		got = io_line(in, sizeof(struct message_id), &line, &n);
		if (got == IO_LONG)
			die(EX_USAGE, "not a message id: it is too long");
		if (got == IO_NONE && !last_line(in, &rest))
			break;
		line = text_trim(got == IO_NONE ? rest.s : line);
		r->stop = false;        /* time has passed since the last one */
		if (*line) {
			parse_id(&id, line);
			deliver_named(r, &id);
			progress_move(r, 1);
		}
	}
}

static void
read_stdin(struct run *r)
{
	io_open(&r->ids, STDIN_FILENO, STDIN_FILENO, 7 * 86400);
	r->ids.lf = true;
	progress_begin(r, PROGRESS_UNKNOWN);
	if (jobs_wanted(r, SIZE_MAX))
		jobs_run(r, NULL, true);
	else
		deliver_stdin(r);
	progress_end(r);
}

static void
deliver_in_turn(struct run *r, const struct list *names)
{
	struct message_id id;
	size_t i;

	for (i = 0; i < names->n && !r->enough && !queue_interrupted(); i++) {
		parse_id(&id, list_get(names, i));
		deliver_named(r, &id);
		progress_move(r, 1);
	}
	r->later += (unsigned)(names->n - i);
}

/* The ids in argv. */
static void
deliver_given(struct run *r, char *argv[])
{
	struct list names = { 0 };
	struct message_id id;

	while (*argv)
		list_add(&names, *argv++);
	progress_begin(r, names.n);
	if (jobs_wanted(r, names.n)) {
		for (size_t i = 0; i < names.n; i++)
			parse_id(&id, list_get(&names, i));
		jobs_run(r, &names, true);
	} else {
		deliver_in_turn(r, &names);
	}
	progress_end(r);
	list_free(&names);
}

static void
poll_spool(struct run *r)
{
	queue_run(r);
	while (r->conf->poll != UINT64_MAX && r->conf->poll != 0 &&
	    !queue_interrupted()) {
		queue_pause(r->conf->poll);
		if (!queue_interrupted())
			queue_run(r);
	}
}

/* Who has workers talk to the server needs no sandbox: they have. */
static void
confine(struct run *r)
{
	if (r->conf->check || !jobs_wanted(r, 1))
		outside_begin(r);
}

/* With --poll=0 there may be somebody who does it for us. */
static bool
my_turn(struct run *r)
{
	if (!r->conf->forward_on_disconnect ||
	    trigger_wait(&r->spool, &r->turn, queue_interrupted))
		return true;
	if (!queue_interrupted())
		counters_once(&r->spool, COUNT_POLL_BUSY);
	return false;
}

/* What sendmail's queue runners and cron jobs need to know. */
static int
status(const struct run *r)
{
	return r->bad ? EX_UNAVAILABLE : r->later ? EX_TEMPFAIL : EX_OK;
}

int
main(int argc, char *argv[])
{
	static struct run r;
	struct config conf = defaults;
	bool from_stdin;
	unsigned given;
	int first;

	given = program_start_given();
	log_open("smtp-send", "sluice/smtp");
	first = options_read(&options, &conf.common, argc, argv);
	from_stdin = first < argc && strcmp(argv[first], "-") == 0;
	prepare(&r, &conf, from_stdin, given);
	queue_catch_signals();
	if (conf.check && first < argc)
		die(EX_USAGE, "--check takes no message ids");
	if (!from_stdin && first == argc && !conf.check && !my_turn(&r))
		return EX_OK;
	confine(&r);
	if (conf.check)
		return check_server(&r.client);
	if (from_stdin)
		read_stdin(&r);
	else if (first < argc)
		deliver_given(&r, argv + first);
	else
		poll_spool(&r);
	client_close(&r.client);
	account_wipe(&r.client.account);
	return status(&r);
}
