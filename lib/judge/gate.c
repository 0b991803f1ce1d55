/* SPDX-License-Identifier: ISC */
#include "judge/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/program.h"
#include "mail/address.h"
#include "wire/proxy.h"

void
gate_check(struct gate_config *conf)
{
	if (conf->proxies && !cidr_list_valid(conf->proxies))
		die(EX_CONFIG, "--proxy-protocol is no list of addresses and "
		    "ranges: %s", conf->proxies);
	if (conf->max_rate && !crowd_rate_parse(&conf->rate, conf->max_rate))
		die(EX_CONFIG, "--max-rate-per-client is no number/time, "
		    "such as 60/1m: %s", conf->max_rate);
}

void
gate_domain(const struct gate_config *conf, struct buf *name)
{
	const char *local = getenv("TCPLOCALHOST");
	char host[256];

	if (conf->domain) {
		if (*conf->domain && !address_is_host(conf->domain))
			die(EX_CONFIG, "--domain is no host name: %s",
			    conf->domain);
		buf_puts(name, conf->domain);
	} else if (local && strchr(local, '.') && address_is_host(local)) {
		buf_puts(name, local);
	} else {
		program_hostname(host);
		buf_puts(name, address_is_host(host) ? host : "localhost");
	}
}

/* A proxy has to tell whom it speaks for; nobody else may. */
static bool
introduced(const struct gate_config *conf, struct io *io, struct peer *p)
{
	struct proxy_header h;
	const char *wrong;

	if (!conf->proxies || !cidr_list_match(conf->proxies, p->ip))
		return true;
	wrong = proxy_read(&h, io);
	if (!wrong && !h.own) {
		log_detail("proxy %s speaks for %s", p->name, h.ip);
		peer_become(p, h.ip, h.port);
	} else if (wrong && *wrong) {
		log_warning("no PROXY header from %s: %s", p->name, wrong);
	} else if (wrong) {
		log_detail("no PROXY header from %s: it is gone", p->name);
	}
	return !wrong;
}

/* Without --remote-clients only this machine may talk to us, and whom
 * tcprules(1) trusts. */
static bool
may_talk(const struct gate *g, const struct peer *p)
{
	if (p->local || p->trusted || g->conf->remote_clients)
		return true;
	log_warning("configured to reject non-local %s connection: %s",
	    g->service, p->name);
	return false;
}

/* One that cannot be counted is let in: the limits are there to help mail
 * through, not to stop it. */
static bool
has_place(struct gate *g, const struct spool *s, const struct peer *p)
{
	const struct gate_config *conf = g->conf;

	if ((!conf->max_connections && !conf->rate.count) ||
	    ((p->local || p->trusted) && !conf->limit_trusted))
		return true;
	switch (crowd_enter(s, p->ip, (unsigned)conf->max_connections,
	    &conf->rate, &g->place)) {
	case CROWD_FINE:
		return true;
	case CROWD_UNKNOWN:
		log_warning("cannot count the connections from %s: "
		    "'%s/.clients': %s", p->name, s->path, strerror(errno));
		return true;
	case CROWD_TOO_MANY:
		log_warning("Connection concurrency limit exceeded: "
		    "%u from %s for service %s",
		    (unsigned)conf->max_connections + 1, p->name, g->service);
		break;
	case CROWD_TOO_FAST:
		log_warning("Connection rate limit exceeded: "
		    "%u from %s for service %s",
		    (unsigned)conf->rate.count + 1, p->name, g->service);
		break;
	}
	return false;
}

enum gate_verdict
gate_enter(struct gate *g, const struct spool *s, const struct server *srv,
    struct peer *p)
{
	g->place = -1;
	if (!introduced(g->conf, srv->io, p))
		return GATE_SHUT;
	log_info("connect from %s", p->name);
	if (!may_talk(g, p)) {
		gate_leave(g, srv, p);
		return GATE_SHUT;
	}
	return has_place(g, s, p) ? GATE_OPEN : GATE_CROWDED;
}

void
gate_abandon(struct gate *g)
{
	if (g->place >= 0)
		close(g->place);
	g->place = -1;
}

void
gate_leave(struct gate *g, const struct server *srv, const struct peer *p)
{
	struct buf text = { 0 };

	serve_fate(srv, &text);
	if (text.n)
		log_info("%s from %s", text.s, p->name);
	buf_clear(&text);
	serve_summary(srv, &text);
	log_info("disconnect from %s%s", p->name, buf_text(&text));
	buf_free(&text);
	if (g->place >= 0)
		close(g->place);
}
