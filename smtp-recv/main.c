/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"
#include "base/text.h"
#include "wire/socks.h"

static void
check(struct config *conf)
{
	struct buf forwarder = { 0 };
	struct net_target to, proxy;

	conf->forward_on_disconnect |= conf->poll == 0;
	if (conf->forward_to && !socks_parse(&to, &proxy, conf->forward_to))
		die(EX_CONFIG, "invalid host:service format: %s",
		    conf->forward_to);
	if (conf->client_tls && conf->client_tls_connection)
		die(EX_CONFIG, "the --client-tls and --client-tls-connection "
		    "options cannot be used together");
	if (conf->to_all && conf->to_some)
		die(EX_CONFIG, "the --forward-to-all and --forward-to-some "
		    "options cannot be used together");
	if ((conf->immediate || conf->forward_on_disconnect) &&
	    !conf->forward_to)
		die(EX_CONFIG, "the --forward, --immediate and --poll options "
		    "require --forward-to");
	if (conf->immediate || conf->forward_on_disconnect)
		program_find(&forwarder, "smtp-send");
	buf_free(&forwarder);
	gate_check(&conf->gate);
}

/* tcprules(1) may set a limit for this client. */
static void
limit_size(struct config *conf)
{
	const char *databytes = getenv("DATABYTES");
	uint64_t n;

	if (!databytes)
		return;
	if (!text_number(databytes, 0, UINT64_MAX / 4, &n))
		die(EX_CONFIG, "DATABYTES is no number: %s", databytes);
	conf->size = n;
}

int
main(int argc, char *argv[])
{
	static struct session s;
	struct config conf = defaults;

	program_start(!tls_delegable());
	log_open("smtp-recv", "sluice/smtpd");
	if (!isatty(STDIN_FILENO))
		die_saying("421 4.3.0 service not available\r\n");
	s.conf = &conf;
	if (options_read(&options, &conf.common, argc, argv) != argc)
		die(EX_USAGE, "too many non-switch arguments");
	check(&conf);
	limit_size(&conf);
	gate_domain(&conf.gate, &s.domain);
	spool_open(&s.spool, conf.common.spool_dir);
	conf.tls.monitor = &s.monitor;
	conf.tls.no_sandbox = conf.common.no_sandbox;
	starttls_open(&s, &conf);
	auth_open(&s);
	program_become(conf.common.user);
	filters_open(&s);
	verifier_open(&s);
	peer_find(&s.peer, STDIN_FILENO);
	io_open(&s.io, STDIN_FILENO, STDOUT_FILENO,
	    (unsigned)conf.idle_timeout);
	s.gate = (struct gate){ .conf = &conf.gate, .service = "smtp" };
	s.server = (struct server){ &s.io, commands, &manners, START, 0, 0 };

	if (gate_open(&s)) {
		if (secure_begin(&s.tls, &s.io, s.peer.name)) {
			greet(&s);
			count_start(&s);
			outside_begin(&s);
			serve(&s.server, &s);
			tx_forget(&s);
		}
		gate_leave(&s.gate, &s.server, &s.peer);
	}
	guard_close(&s.guard);
	onward_end(&s);
	count_end(&s);
	onward(&s);
	return EX_OK;
}
