/* SPDX-License-Identifier: ISC */
#include <sysexits.h>

#include "base/options.h"
#include "base/program.h"
#include "spool/chore.h"
#include "spool/control.h"
#include "spool/select.h"

struct config {
	struct options_common common;
};

static const struct option_row rows[] = {
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-remove",
	.purpose = "Removes messages from the spool, for good.",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

/* One sweeper does for all of them: it has to know the sub-directories. */
static enum claim_verdict
remove_one(const struct spool *s, const struct message_id *id, enum state st,
    bool *did)
{
	static struct sweeper w;

	if (!w.spool)
		sweep_start(&w, s);
	return message_remove(&w, id, st, did);
}

static const struct chore removal = {
	.states = 1u << STATE_READY | 1u << STATE_BAD | 1u << STATE_HOLD |
	    1u << STATE_LOCAL,
	.act = remove_one,
	.done = "removed",
};

int
main(int argc, char *argv[])
{
	struct config conf = { .common.spool_dir = SPOOLDIR };
	int first;

	program_start(false);
	log_open("spool-remove", NULL);
	first = options_read(&options, &conf.common, argc, argv);
	if (!*select_arguments(argv + first))
		die(EX_USAGE, "of which messages? "
		    "try \"spool-remove --help\"");
	return chore_run(&removal, &conf.common, argv + first,
	    false, 0);
}
