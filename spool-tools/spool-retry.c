/* SPDX-License-Identifier: ISC */
#include "base/options.h"
#include "base/program.h"
#include "spool/chore.h"

struct config {
	struct options_common common;
	bool all;
};

static const struct option_row rows[] = {
	{ "all", OPTION_FLAG, offsetof(struct config, all) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-retry",
	.purpose = "Has messages tried again that were refused or put off.",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

static const struct chore retry = {
	.states = 1u << STATE_READY | 1u << STATE_BAD,
	.act = claim_retry,
	.done = "to be tried again",
};

int
main(int argc, char *argv[])
{
	struct config conf = { .common.spool_dir = SPOOLDIR };
	int first;

	program_start(false);
	log_open("spool-retry", NULL);
	first = options_read(&options, &conf.common, argc, argv);
	return chore_run(&retry, &conf.common, argv + first,
	    conf.all, retry.states);
}
