/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <sysexits.h>
#include <unistd.h>

#include "base/program.h"

/* The manual has --client-tls enable STLS, too; it is then the certificate
 * for servers that is ours. */
static void
choose_certificate(struct config *conf)
{
	if (!conf->client_tls || conf->tls.certificate)
		return;
	conf->tls.certificate = conf->client_certificate;
	if (!conf->tls.certificate)
		log_detail("--client-tls enables STLS only with "
		    "--server-tls or --client-tls-certificate");
}

static bool
come_in(struct session *s)
{
	switch (gate_enter(&s->gate, &s->spool, &s->server, &s->peer)) {
	case GATE_OPEN:
		return true;
	case GATE_SHUT:
		return false;
	case GATE_CROWDED:
		break;
	}
	/* who expects a handshake would not understand */
	if (s->tls.on || !s->tls.at_once)
		say(s, "-ERR [SYS/TEMP] too many connections from you");
	gate_leave(&s->gate, &s->server, &s->peer);
	return false;
}

static void
count_start(struct session *s)
{
	struct ends ends = { .local = "" };

	/* nobody waits for the greeting because of this */
	io_flush(&s->io);
	if (!io_is_heard(&s->io))
		return;
	counters_start(&s->counters, &s->spool);
	peer_ends(&s->peer, STDIN_FILENO, ends.local, ends.remote);
	presence_start(&s->presence, &s->counters, COUNT_POP_STARTED,
	    *ends.remote ? &ends : NULL);
}

static void
count_end(struct session *s)
{
	if (!s->counters.spool)
		return;
	presence_end(&s->presence, &s->counters);
	counters_end(&s->counters);
}

int
main(int argc, char *argv[])
{
	static struct session s;
	struct config conf = defaults;

	program_start(!tls_delegable());
	log_open("pop3-serve", "sluice/pop3d");
	if (!isatty(STDIN_FILENO))
		die_saying("-ERR [SYS/TEMP] service not available\r\n");
	s.conf = &conf;
	if (options_read(&options, &conf.common, argc, argv) != argc)
		die(EX_USAGE, "too many non-switch arguments");
	gate_check(&conf.gate);
	gate_domain(&conf.gate, &s.domain);
	choose_certificate(&conf);
	spool_open(&s.spool, conf.common.spool_dir);
	conf.tls.monitor = &s.monitor;
	conf.tls.no_sandbox = conf.common.no_sandbox;
	secure_open(&s.tls, &conf.tls, conf.server_tls_connection,
	    conf.server_tls_required);
	login_open(&s);
	program_become(conf.common.user);
	peer_find(&s.peer, STDIN_FILENO);
	io_open(&s.io, STDIN_FILENO, STDOUT_FILENO,
	    (unsigned)conf.idle_timeout);
	s.gate = (struct gate){ .conf = &conf.gate, .service = "pop" };
	s.server = (struct server){ &s.io, commands, &manners,
		AUTHORIZATION, 0, 0 };

	if (come_in(&s)) {
		if (secure_begin(&s.tls, &s.io, s.peer.name)) {
			greet(&s);
			count_start(&s);
			outside_begin(&s);
			serve(&s.server, &s);
			count_end(&s);
		}
		gate_leave(&s.gate, &s.server, &s.peer);
	}
	guard_close(&s.guard);
	io_close(&s.io);
	return EX_OK;
}
