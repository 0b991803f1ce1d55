/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/options.h"
#include "base/program.h"
#include "spool/claim.h"
#include "spool/select.h"

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

static int
refuse(const struct spool_entry *e, const char *why, int status)
{
	log_error("%s: %s", e->id.s, why);
	return status;
}

/* A message that was named: say why, if it cannot be done. */
static int
cannot(const struct spool_entry *e)
{
	switch (e->state) {
	case STATE_BUSY:
		return refuse(e, "is being forwarded right now", EX_TEMPFAIL);
	case STATE_NEW:
		return refuse(e, "has not been received yet", EX_TEMPFAIL);
	case STATE_HOLD:
		return refuse(e, "is on hold", EX_UNAVAILABLE);
	case STATE_LOCAL:
		return refuse(e, "is a copy for local recipients",
		    EX_UNAVAILABLE);
	case STATE_READY:
	case STATE_BAD:
	case STATES:
		break;
	}
	return refuse(e, "is in somebody else's hands right now", EX_TEMPFAIL);
}

/* Returns a status. With --all what needs nothing, or is in somebody's
 * hands, is passed over. */
static int
retry(const struct spool *s, const struct spool_entry *e, bool all)
{
	enum claim_verdict v = CLAIM_TAKEN;
	bool changed = false;

	if (e->state == STATE_READY || e->state == STATE_BAD)
		v = claim_retry(s, &e->id, e->state, &changed);
	switch (v) {
	case CLAIM_OURS:
		if (changed || !all)
			puts(e->id.s);
		if (changed)
			log_info("%s: to be tried again", e->id.s);
		return EX_OK;
	case CLAIM_TAKEN:
		return all ? EX_OK : cannot(e);
	case CLAIM_DAMAGED:
	case CLAIM_ERROR:
		break;
	}
	return refuse(e, strerror(errno), select_status(errno, EX_NOINPUT));
}

int
main(int argc, char *argv[])
{
	struct config conf = { .common.spool_dir = SPOOLDIR };
	struct spool spool;
	struct selection sel;
	struct spool_entry e;
	int first, status = EX_OK, one;

	program_start(false);
	log_open("spool-retry", NULL);
	first = options_read(&options, &conf.common, argc, argv);
	if (conf.all == (first < argc))
		die(EX_USAGE, "either --all or message ids; "
		    "try \"spool-retry --help\"");
	select_spool(&spool, conf.common.spool_dir, EX_NOINPUT);
	select_start(&sel, &spool, argv + first, conf.all);
	if (conf.all)
		sel.states = 1u << STATE_READY | 1u << STATE_BAD;
	while (select_next(&sel, &e)) {
		one = retry(&spool, &e, conf.all);
		if (status == EX_OK)
			status = one;
	}
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	select_end(&sel);
	spool_close(&spool);
	return status != EX_OK ? status : sel.status;
}
