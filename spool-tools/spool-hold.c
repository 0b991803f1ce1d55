/* SPDX-License-Identifier: ISC */
#include "base/options.h"
#include "base/program.h"
#include "spool/chore.h"
#include "spool/control.h"

struct config {
	struct options_common common;
	bool all;
	bool release;
};

static const struct option_row rows[] = {
	{ "release", OPTION_FLAG, offsetof(struct config, release) },
	{ "all", OPTION_FLAG, offsetof(struct config, all) },
	OPTIONS_LOG(struct config),
	OPTIONS_SPOOL(struct config)
};

static const struct option_set options = {
	.program = "spool-hold",
	.purpose = "Keeps messages from being sent, or lets them go again.",
	.usage = "[id ... | -]",
	.rows = rows,
	.n = sizeof rows / sizeof rows[0],
};

enum { READY = 1u << STATE_READY, HELD = 1u << STATE_HOLD };

static const struct chore hold = {
	.states = READY | HELD,
	.act = message_hold,
	.done = "on hold",
};

static const struct chore release = {
	.states = READY | HELD,
	.act = message_release,
	.done = "released",
};

int
main(int argc, char *argv[])
{
	struct config conf = { .common.spool_dir = SPOOLDIR };
	int first;

	program_start(false);
	log_open("spool-hold", NULL);
	first = options_read(&options, &conf.common, argc, argv);
	return chore_run(conf.release ? &release : &hold,
	    &conf.common, argv + first, conf.all,
	    conf.release ? HELD : READY);
}
