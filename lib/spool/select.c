/* SPDX-License-Identifier: ISC */
#include "spool/select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sandbox.h"
#include "base/text.h"

int
select_status(int error, int missing)
{
	switch (error) {
	case EACCES:
	case EPERM:
	case EROFS:
		return EX_NOPERM;
	case ENOENT:
	case ENOTDIR:
		return missing;
	case EBADMSG:
		return EX_DATAERR;
	default:
		return EX_TEMPFAIL;
	}
}

void
select_spool(struct spool *s, const char *path, int missing)
{
	if (!spool_open(s, path))
		die(select_status(errno, missing), "cannot open spool '%s': %s",
		    path, strerror(errno));
}

void
select_confine(const struct spool *s, const struct options_common *conf)
{
	if (!conf->no_sandbox)
		sandbox_within(s->fd, 0);
}

char **
select_arguments(char **args)
{
	static char dash[] = "-", *only[] = { dash, NULL };
	struct stat st;

	if (*args || fstat(STDIN_FILENO, &st) < 0 || !(S_ISFIFO(st.st_mode) ||
	    S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode)))
		return args;
	return only;
}

void
select_start(struct selection *sel, const struct spool *s, char **args,
    bool all)
{
	*sel = (struct selection){ .spool = s, .states = ~0u, .args = args,
		.whole = all && !*args };
	if (!sel->whole)
		return;
	if (!spool_walk_start(&sel->walk, s))
		die(EX_OSERR, "cannot read spool '%s': %s", s->path,
		    strerror(errno));
	sel->window = need_memory(SELECT_WINDOW * sizeof *sel->window);
}

void
select_end(struct selection *sel)
{
	if (sel->whole)
		spool_walk_end(&sel->walk);
	free(sel->window);
	sel->window = NULL;
}

/* --- the whole spool --- */

static int
by_arrival(const void *a, const void *b)
{
	const struct spool_entry *x = a, *y = b;

	return message_id_order(x->id.s, y->id.s);
}

static bool
is_wanted(const struct selection *sel, const struct spool_entry *e)
{
	return !e->content && (sel->states & 1u << e->state);
}

static bool
is_twin(const struct spool_entry *a, const struct spool_entry *b)
{
	return strcmp(a->id.s, b->id.s) == 0 &&
	    (a->state == STATE_LOCAL) == (b->state == STATE_LOCAL);
}

static void
progress(struct selection *sel)
{
	if (sel->meter)
		meter_count(sel->meter, "messages");
}

static void
fill_window(struct selection *sel)
{
	sel->n = sel->at = 0;
	while (sel->n < SELECT_WINDOW &&
	    spool_walk_next(&sel->walk, &sel->window[sel->n])) {
		if (is_wanted(sel, &sel->window[sel->n]))
			sel->n++;
		else if (!sel->window[sel->n].content)
			progress(sel);
	}
	qsort(sel->window, sel->n, sizeof *sel->window, by_arrival);
}

static bool
next_of_window(struct selection *sel, struct spool_entry *e)
{
	do {
		if (sel->at == sel->n)
			fill_window(sel);
		if (sel->n == 0)
			return false;
		*e = sel->window[sel->at++];
		/* renamed while we read the directory, it is there twice */
	} while (sel->at > 1 && is_twin(e, &sel->window[sel->at - 2]));
	progress(sel);
	return true;
}

/* --- ids --- */

static void
complain(struct selection *sel, int status, const char *what, const char *id)
{
	log_error("%s: %s", what, id);
	sel->status = status;
}

/* An id from the outside. False: go on with the next. */
static bool
take(struct selection *sel, char *text, bool lenient, struct spool_entry *e)
{
	if (!message_id_parse(&e->id, text)) {
		complain(sel, EX_DATAERR, "not a message id", text);
		return false;
	}
	e->content = false;
	if (envelope_find(sel->spool, &e->id, &e->state))
		return is_wanted(sel, e);
	if (!lenient)
		complain(sel, EX_NOINPUT, "no such message", e->id.s);
	return false;
}

static void
skip_line(void)
{
	int c;

	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

/* The id is the first word of a line, so that what spool-list shows can be
 * picked from with grep(1); its head is passed over. */
static bool
next_of_stdin(struct selection *sel, struct spool_entry *e)
{
	char line[512], *rest, *id;

	while (fgets(line, sizeof line, stdin)) {
		if (!strchr(line, '\n'))
			skip_line();
		rest = text_trim(line);
		id = text_word(&rest);
		if (id && strcmp(id, "ID") != 0 &&
		    take(sel, id, sel->lenient, e))
			return true;
	}
	sel->reading = false;
	return false;
}

bool
select_next(struct selection *sel, struct spool_entry *e)
{
	if (sel->whole)
		return next_of_window(sel, e);
	for (;;) {
		if (sel->reading && next_of_stdin(sel, e))
			return true;
		if (!*sel->args)
			return false;
		if (strcmp(*sel->args++, "-") == 0)
			sel->reading = true;
		else if (take(sel, sel->args[-1], false, e))
			return true;
	}
}
