/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include "base/options.h"
#include "base/program.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "spool/handout.h"
#include "spool/select.h"
#include "spool/subdir.h"

enum { DEALT_WITH = 100 };      /* filters(7) */

struct config {
	struct options_common common;
	bool create;
};

static const struct option_row rows[] = {
	{ "create", OPTION_FLAG, offsetof(struct config, create) },
	OPTIONS_LOG(struct config),
};

static const struct option_set options = {
	.program = "filter-deliver",
	.purpose = "A filter that gives a message to those of its recipients "
	    "who have a sub-directory of the spool.",
	.usage = "[domain ...] content-file",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

struct delivery {
	struct handout h;
	struct envelope envelope;
	char **domains;         /* those that are ours, */
	int n_domains;          /* or 0: all */
	struct list boxes;      /* the sub-directories that are to get it */
	struct envelope *parts; /* with their recipients, one for each box */
	struct envelope rest;   /* who has none */
};

static bool
is_ours(const struct delivery *d, const char *domain)
{
	for (int i = 0; domain && i < d->n_domains; i++)
		if (strcasecmp(domain, d->domains[i]) == 0)
			return true;
	return d->n_domains == 0;
}

static bool
exists(const struct spool *s, const char *name)
{
	struct buf path = { 0 };
	struct spool box;
	bool found = subdir_open(&box, s, name, &path);

	spool_close(&box);
	buf_free(&path);
	return found;
}

/* What the directory of an address is called: as the local part is written
 * if that is there, else in small letters. */
static bool
find_box(const struct delivery *d, const char *address, struct buf *name)
{
	size_t n = strcspn(address, "@");

	buf_clear(name);
	buf_add(name, address, n);
	if (!subdir_is_name(buf_text(name)) || strpbrk(name->s, "\"\\"))
		return false;
	if (exists(&d->h.spool, name->s))
		return true;
	for (char *c = name->s; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return exists(&d->h.spool, name->s) || d->h.create;
}

/* The envelope for that box, a new one if it has none yet; valid until the
 * next call. */
static struct envelope *
part_for(struct delivery *d, const char *name)
{
	size_t i = 0;

	while (i < d->boxes.n && strcmp(list_get(&d->boxes, i), name) != 0)
		i++;
	if (i < d->boxes.n)
		return &d->parts[i];
	list_add(&d->boxes, name);
	d->parts = realloc(d->parts, d->boxes.n * sizeof *d->parts);
	if (!d->parts)
		die(EX_TEMPFAIL, "no memory");
	/* the other fields are those of the message, and stay its own */
	d->parts[i] = d->envelope;
	d->parts[i].local = d->parts[i].remote = (struct list){ .n = 0 };
	return &d->parts[i];
}

static void
share_out(struct delivery *d)
{
	const struct list *local = &d->envelope.local;
	const struct list *remote = &d->envelope.remote;
	struct buf name = { 0 };
	struct envelope *to;
	const char *address;
	bool is_local;

	d->rest = d->envelope;
	d->rest.local = d->rest.remote = (struct list){ .n = 0 };
	for (size_t i = 0; i < local->n + remote->n; i++) {
		is_local = i < local->n;
		address = is_local ? list_get(local, i) :
		    list_get(remote, i - local->n);
		to = &d->rest;
		if ((is_local || is_ours(d, address_domain(address))) &&
		    find_box(d, address, &name))
			to = part_for(d, name.s);
		list_add(is_local ? &to->local : &to->remote, address);
	}
	buf_free(&name);
}

static void
deliver(struct delivery *d)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < d->boxes.n; i++) {
		buf_clear(&text);
		errno = EINVAL;
		if (!envelope_format(&d->parts[i], &text) ||
		    !handout_give(&d->h, list_get(&d->boxes, i), &text))
			handout_refuse(&d->h, "cannot deliver to \"%s\": %s",
			    list_get(&d->boxes, i), strerror(errno));
	}
	buf_free(&text);
}

/* The exit code. */
static int
run(struct delivery *d)
{
	static struct buf why, text;

	if (d->h.state != STATE_NEW)
		handout_refuse(&d->h, "the message is not new");
	if (!envelope_parse(&d->envelope, d->h.envelope.s, d->h.envelope.n,
	    &why))
		handout_refuse(&d->h, "%s", why.s);
	share_out(d);
	if (d->boxes.n == 0)
		return EX_OK;
	d->h.text = d->rest.local.n + d->rest.remote.n > 0 ?
	    HANDOUT_COPIED : HANDOUT_LINKED;
	deliver(d);
	if (d->h.text == HANDOUT_LINKED) {
		handout_finish(&d->h);
		return DEALT_WITH;
	}
	if (!envelope_format(&d->rest, &text))
		handout_refuse(&d->h, "cannot write the envelope");
	handout_rewrite(&d->h, &text);
	return EX_OK;
}

int
main(int argc, char *argv[])
{
	static struct config conf;
	static struct delivery d;
	int at;

	program_start(false);
	log_open("filter-deliver", NULL);
	at = options_read(&options, &conf.common, argc, argv);
	if (at >= argc)
		die(EX_USAGE, "wants the path of a content file; "
		    "try \"filter-deliver --help\"");
	handout_open(&d.h, argv[argc - 1]);
	select_confine(&d.h.spool, &conf.common);
	d.h.create = conf.create;
	d.domains = argv + at;
	d.n_domains = argc - 1 - at;
	return run(&d);
}
