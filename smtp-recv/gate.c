/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cidr.h"
#include "wire/proxy.h"

void
gate_check(struct config *conf)
{
	if (conf->proxies && !cidr_list_valid(conf->proxies))
		die(EX_CONFIG, "--proxy-protocol is no list of addresses and "
		    "ranges: %s", conf->proxies);
	if (conf->max_rate && !crowd_rate_parse(&conf->rate, conf->max_rate))
		die(EX_CONFIG, "--max-rate-per-client is no number/time, "
		    "such as 60/1m: %s", conf->max_rate);
}

/* A proxy has to tell whom it speaks for; nobody else may. */
static bool
introduced(struct session *s)
{
	struct proxy_header h;
	const char *wrong;

	if (!s->conf->proxies || !cidr_list_match(s->conf->proxies, s->peer.ip))
		return true;
	wrong = proxy_read(&h, &s->io);
	if (!wrong && !h.own) {
		log_detail("proxy %s speaks for %s", s->peer.name, h.ip);
		peer_become(&s->peer, h.ip, h.port);
	} else if (wrong && *wrong) {
		log_warning("no PROXY header from %s: %s", s->peer.name,
		    wrong);
	} else if (wrong) {
		log_detail("no PROXY header from %s: it is gone",
		    s->peer.name);
	}
	return !wrong;
}

/* Without --remote-clients only this machine may talk to us, and whom
 * tcprules(1) trusts. */
static bool
may_talk(const struct session *s)
{
	if (s->peer.local || s->peer.trusted || s->conf->remote_clients)
		return true;
	log_warning("configured to reject non-local smtp connection: %s",
	    s->peer.name);
	return false;
}

/* One that cannot be counted is let in: the limits are there to help mail
 * through, not to stop it. */
static bool
has_place(struct session *s)
{
	const struct config *conf = s->conf;

	if ((!conf->max_connections && !conf->rate.count) ||
	    ((s->peer.local || s->peer.trusted) && !conf->limit_trusted))
		return true;
	switch (crowd_enter(&s->spool, s->peer.ip,
	    (unsigned)conf->max_connections, &conf->rate, &s->place)) {
	case CROWD_FINE:
		return true;
	case CROWD_UNKNOWN:
		log_warning("cannot count the connections from %s: "
		    "'%s/.clients': %s", s->peer.name, s->spool.path,
		    strerror(errno));
		return true;
	case CROWD_TOO_MANY:
		log_warning("Connection concurrency limit exceeded: "
		    "%u from %s for service smtp",
		    (unsigned)conf->max_connections + 1, s->peer.name);
		break;
	case CROWD_TOO_FAST:
		log_warning("Connection rate limit exceeded: "
		    "%u from %s for service smtp",
		    (unsigned)conf->rate.count + 1, s->peer.name);
		break;
	}
	/* who expects a handshake would not understand */
	if (s->secure || !conf->server_tls_connection)
		say(s, "421 4.7.0 too many connections from you");
	return false;
}

bool
gate_open(struct session *s)
{
	s->place = -1;
	if (!introduced(s))
		return false;
	log_info("connect from %s", s->peer.name);
	if (may_talk(s) && has_place(s))
		return true;
	gate_close(s);
	return false;
}

void
gate_close(struct session *s)
{
	struct buf text = { 0 };

	serve_fate(&s->server, &text);
	if (text.n)
		log_info("%s from %s", text.s, s->peer.name);
	buf_clear(&text);
	serve_summary(&s->server, &text);
	log_info("disconnect from %s%s", s->peer.name, buf_text(&text));
	buf_free(&text);
	if (s->place >= 0)
		close(s->place);
}
