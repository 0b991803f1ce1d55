/* SPDX-License-Identifier: ISC */
#include "relay.h"

#include <stdlib.h>
#include <sysexits.h>

#include "base/program.h"
#include "spool/spool.h"

/* Is there anything for the forwarder of --as-client? */
static bool
has_mail(const struct config *conf)
{
	struct spool spool;
	struct spool_walk walk;
	struct spool_entry e;
	bool any = false;

	if (!spool_open(&spool, conf->common.spool_dir))
		return true;    /* it will say what is wrong */
	if (spool_walk_start(&walk, &spool))
		while (!any && spool_walk_next(&walk, &e))
			any = e.state == STATE_READY || e.state == STATE_BUSY;
	spool_walk_end(&walk);
	spool_close(&spool);
	return any;
}

/* The manual's own: 0, or 1 if something went wrong. That a server has
 * refused a message is its fate, and nothing wrong. */
static int
status_of(int forwarder)
{
	return forwarder == EX_OK || forwarder == EX_UNAVAILABLE ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	static struct plan plan;
	struct config conf;
	unsigned given_fds = program_start_given();

	log_open("emailrelay", NULL);
	die_always(1);
	config_read(&conf, argc, argv);
	conf.given = given_fds;
	check(&conf);
	plan_make(&plan, &conf);
	if (conf.print != PRINT_NOTHING) {
		print_plan(&plan, &conf);
		return EX_OK;
	}
	if (plan.n == 0) {
		log_warning("nothing to do");
		return EX_OK;
	}
	plan_try(&plan, &conf);
	if (conf.dont_serve && !has_mail(&conf)) {
		log_error("no messages to send");
		return EX_OK;
	}
	if (!conf.no_daemon)
		daemon_detach();
	return status_of(supervise(&plan, &conf));
}
