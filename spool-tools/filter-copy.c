/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/options.h"
#include "base/program.h"
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
	.program = "filter-copy",
	.purpose = "A filter that copies the envelope of a message into the "
	    "spool's sub-directories.",
	.usage = "[name ...] content-file",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* All sub-directories that can be somebody's. */
static void
find_all(struct handout *h, struct list *names)
{
	struct list all = { 0 };

	if (!subdir_list(&h->spool, &all))
		handout_refuse(h, "cannot read the spool: %s",
		    strerror(errno));
	for (size_t i = 0; i < all.n; i++)
		if (subdir_is_name(list_get(&all, i)))
			list_add(names, list_get(&all, i));
	list_free(&all);
}

/* Either all of them get it, or nobody. */
static void
copy(struct handout *h, const struct list *names)
{
	const char *first = NULL, *name;
	size_t failed = 0;
	int error = 0;

	for (size_t i = 0; i < names->n; i++) {
		name = list_get(names, i);
		if (handout_give(h, name, &h->envelope))
			continue;
		if (failed++ == 0) {
			first = name;
			error = errno;
		}
	}
	if (failed == 1)
		handout_refuse(h, "failed to copy envelope file %s into the "
		    "\"%s\" sub-directory: %s",
		    envelope_name(&h->id, h->state).s, first, strerror(error));
	if (failed)
		handout_refuse(h, "failed to copy envelope file %s into %zu "
		    "sub-directories, including \"%s\": %s",
		    envelope_name(&h->id, h->state).s, failed, first,
		    strerror(error));
}

int
main(int argc, char *argv[])
{
	static struct config conf;
	static struct list names;
	static struct handout h;
	int at;

	program_start(false);
	log_open("filter-copy", NULL);
	at = options_read(&options, &conf.common, argc, argv);
	if (at >= argc)
		die(EX_USAGE, "wants the path of a content file; "
		    "try \"filter-copy --help\"");
	handout_open(&h, argv[argc - 1]);
	select_confine(&h.spool, &conf.common);
	h.create = conf.create;
	for (; at < argc - 1; at++)
		list_add(&names, argv[at]);
	if (names.n == 0)
		find_all(&h, &names);
	if (names.n == 0)
		handout_refuse(&h, "no sub-directories to copy into: "
		    "check permissions");
	copy(&h, &names);
	handout_finish(&h);
	return DEALT_WITH;
}
