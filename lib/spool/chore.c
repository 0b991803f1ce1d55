/* SPDX-License-Identifier: ISC */
#include "spool/chore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "spool/select.h"

static int
refuse(const struct spool_entry *e, const char *why, int status)
{
	log_error("%s: %s", e->id.s, why);
	return status;
}

/* A message that was named: say why, if it cannot be done. */
static int
cannot(const struct chore *c, const struct spool_entry *e)
{
	if (c->states & 1u << e->state)
		return refuse(e, "is in somebody else's hands right now",
		    EX_TEMPFAIL);
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
	case STATE_BAD:
		return refuse(e, "was given up", EX_UNAVAILABLE);
	case STATE_READY:
	case STATES:
		break;
	}
	return refuse(e, "is ready to be sent", EX_UNAVAILABLE);
}

/* Returns a status. With `all` what needs nothing, or is in somebody's
 * hands, is passed over. */
static int
one(const struct chore *c, const struct spool *s, const struct spool_entry *e,
    bool all, bool *any)
{
	enum claim_verdict v = CLAIM_TAKEN;
	bool did = false;

	if (c->states & 1u << e->state)
		v = c->act(s, &e->id, e->state, &did);
	*any |= did;
	switch (v) {
	case CLAIM_OURS:
		if (did || !all)
			puts(e->id.s);
		if (did)
			log_info("%s: %s", e->id.s, c->done);
		return EX_OK;
	case CLAIM_TAKEN:
		return all ? EX_OK : cannot(c, e);
	case CLAIM_DAMAGED:
		return all ? EX_OK :
		    refuse(e, buf_text(c->why), EX_UNAVAILABLE);
	case CLAIM_ERROR:
		break;
	}
	return refuse(e, strerror(errno), select_status(errno, EX_NOINPUT));
}

int
chore_run(const struct chore *c, const struct options_common *conf,
    char **args, bool all, unsigned states_of_all)
{
	int status = EX_OK, got;
	struct selection sel;
	struct spool_entry e;
	struct spool spool;
	bool any = false;

	if (!all)
		args = select_arguments(args);
	if (all == (*args != NULL))
		die(EX_USAGE, "either --all or message ids; "
		    "try \"%s --help\"", log_program());
	select_spool(&spool, conf->spool_dir, EX_NOINPUT);
	select_confine(&spool, conf);
	select_start(&sel, &spool, args, all);
	if (all)
		sel.states = states_of_all;
	while (select_next(&sel, &e)) {
		got = one(c, &spool, &e, all, &any);
		if (status == EX_OK)
			status = got;
	}
	if (any && spool_sync(&spool) < 0)
		die(EX_OSERR, "cannot sync spool '%s': %s", conf->spool_dir,
		    strerror(errno));
	if (fflush(stdout) != 0)
		die(EX_IOERR, "cannot write: %s", strerror(errno));
	select_end(&sel);
	spool_close(&spool);
	return status != EX_OK ? status : sel.status;
}
