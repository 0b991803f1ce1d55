/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/options.h"
#include "base/program.h"
#include "base/text.h"
#include "spool/present.h"
#include "spool/select.h"

struct config {
	struct options_common common;
	const char *state;
	const char *sender;
	const char *recipient;
	uint64_t older_than;
	uint64_t newer_than;
	bool quiet;
	bool json;
	bool mailq;
};

static const struct option_row rows[] = {
	{ "state", OPTION_TEXT, offsetof(struct config, state) },
	{ "sender", OPTION_TEXT, offsetof(struct config, sender) },
	{ "recipient", OPTION_TEXT, offsetof(struct config, recipient) },
	{ "older-than", OPTION_SECONDS, offsetof(struct config, older_than) },
	{ "newer-than", OPTION_SECONDS, offsetof(struct config, newer_than) },
	{ "quiet", OPTION_FLAG, offsetof(struct config, quiet) },
	{ "json", OPTION_FLAG, offsetof(struct config, json) },
	{ "mailq", OPTION_FLAG, offsetof(struct config, mailq) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-list",
	.purpose = "Lists the messages in the spool.",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

struct listing {
	struct config conf;
	struct spool spool;
	time_t now;
	uint64_t messages, octets;
	struct buf line;
	struct meter meter;
};

/* --- which ones --- */

static unsigned
read_states(const char *text)
{
	char *copy = need_copy(text), *rest = copy, *word;
	unsigned states = 0, st;

	for (char *c = copy; *c; c++)
		if (*c == ',')
			*c = ' ';
	while ((word = text_word(&rest)) != NULL) {
		for (st = 0; st < STATES; st++)
			if (strcmp(word, state_words[st]) == 0)
				break;
		if (st == STATES)
			die(EX_USAGE, "--state does not take \"%s\": one or "
			    "more of ready,busy,bad,hold,new,local", word);
		states |= 1u << st;
	}
	free(copy);
	return states;
}

static bool
looks_like(const char *pattern, const char *address)
{
	if (strcmp(pattern, "<>") == 0)
		pattern = "";
	return fnmatch(pattern, address, FNM_CASEFOLD) == 0;
}

static bool
any_looks_like(const char *pattern, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (looks_like(pattern, list_get(l, i)))
			return true;
	return false;
}

static bool
matches(const struct config *conf, const struct inspected *m)
{
	const struct envelope *e = &m->envelope;

	if (!conf->sender && !conf->recipient)
		return true;
	if (m->damaged || (conf->sender &&
	    !looks_like(conf->sender, buf_text(&e->from))))
		return false;
	return !conf->recipient ||
	    any_looks_like(conf->recipient, &m->to);
}

/* Look at no more of it than has to be known: names cost nothing, a stat
 * little, an envelope has to be opened. */
static bool
inspect(const struct listing *l, struct inspected *m)
{
	const struct config *conf = &l->conf;
	bool aged = conf->older_than > 0 || conf->newer_than < UINT64_MAX;

	if (aged || !conf->quiet)
		inspect_text(m, &l->spool, l->now);
	if (aged && (!m->has_text || m->age < conf->older_than ||
	    m->age >= conf->newer_than))
		return false;
	if (conf->quiet && !conf->sender && !conf->recipient)
		return true;
	return inspect_envelope(m, &l->spool) && matches(conf, m);
}

/* --- what is printed --- */

static void
present(struct listing *l, const struct inspected *m)
{
	struct buf *out = &l->line;

	if (l->conf.quiet)
		buf_printf(out, "%s\n", m->id.s);
	else if (l->conf.json)
		present_json(out, m);
	else if (!l->conf.mailq)
		present_row(out, m);
	else {
		if (l->messages == 0)
			present_mailq_head(out);
		else
			buf_putc(out, '\n');
		present_mailq(out, m);
	}
	l->messages++;
	l->octets += m->octets;
}

static void
flush(struct listing *l)
{
	if (l->line.n > 0)
		meter_pause(&l->meter);
	fwrite(buf_text(&l->line), 1, l->line.n, stdout);
	buf_clear(&l->line);
}

static void
present_end(struct listing *l)
{
	if (!l->conf.mailq)
		return;
	if (l->messages == 0)
		puts("Mail queue is empty");
	else
		printf("\n-- %" PRIu64 " Kbytes in %" PRIu64 " Request%s.\n",
		    (l->octets + 1023) / 1024, l->messages,
		    l->messages == 1 ? "" : "s");
}

static void
read_options(struct config *conf, int argc, char *argv[], int *first)
{
	conf->common.spool_dir = SPOOLDIR;
	conf->newer_than = UINT64_MAX;
	*first = options_read(&options, &conf->common, argc, argv);
	if (conf->quiet + conf->json + conf->mailq > 1)
		die(EX_USAGE, "only one of --quiet, --json and --mailq");
}

int
main(int argc, char *argv[])
{
	struct listing l = { .now = time(NULL) };
	struct selection sel;
	struct inspected m = { 0 };
	struct spool_entry e;
	int first;

	program_start(false);
	/* "spool-list | head" is to end when head does */
	signal(SIGPIPE, SIG_DFL);
	log_open("spool-list", NULL);
	read_options(&l.conf, argc, argv, &first);
	select_spool(&l.spool, l.conf.common.spool_dir, EX_NOINPUT);
	select_confine(&l.spool, &l.conf.common);
	select_start(&sel, &l.spool, argv + first, true);
	sel.lenient = true;
	meter_begin(&l.meter, meter_usable());
	sel.meter = &l.meter;
	if (l.conf.state)
		sel.states = read_states(l.conf.state);
	if (!l.conf.quiet && !l.conf.json && !l.conf.mailq)
		present_row_head(&l.line);
	while (select_next(&sel, &e)) {
		inspect_start(&m, &e);
		if (inspect(&l, &m))
			present(&l, &m);
		flush(&l);
	}
	meter_end(&l.meter, NULL);
	flush(&l);
	present_end(&l);
	if (fflush(stdout) != 0 || ferror(stdout))
		die(EX_IOERR, "cannot write the list: %s", strerror(errno));
	select_end(&sel);
	inspect_free(&m);
	buf_free(&l.line);
	spool_close(&l.spool);
	return sel.status;
}
