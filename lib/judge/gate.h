/* SPDX-License-Identifier: ISC */
#ifndef JUDGE_GATE_H
#define JUDGE_GATE_H

/*
 * Who may talk to a server at all: this machine or anybody, by way of which
 * proxies, and how often. And by what name the server goes itself.
 */
#include "base/options.h"
#include "spool/crowd.h"
#include "wire/peer.h"
#include "wire/serve.h"

struct gate_config {
	const char *domain;             /* --domain, or NULL */
	bool remote_clients;
	const char *proxies;            /* --proxy-protocol */
	uint64_t max_connections;       /* of a client; 0: no limit */
	const char *max_rate;           /* as it was given, */
	struct crowd_rate rate;         /* and as gate_check understood it */
	bool limit_trusted;
};

/* The rows for it, for a config whose member `gate` it is. */
#define OPTIONS_GATE(config)                                                 \
	{ "domain", OPTION_TEXT, offsetof(config, gate.domain),              \
	    .down = true },                                                  \
	{ "remote-clients", OPTION_FLAG,                                     \
	    offsetof(config, gate.remote_clients) },                         \
	{ "max-connections-per-client", OPTION_NUMBER,                       \
	    offsetof(config, gate.max_connections), 0, CROWD_PLACES },       \
	{ "max-rate-per-client", OPTION_TEXT,                                \
	    offsetof(config, gate.max_rate) },                               \
	{ "limit-trusted", OPTION_FLAG,                                      \
	    offsetof(config, gate.limit_trusted) },                          \
	{ "proxy-protocol", OPTION_TEXT, offsetof(config, gate.proxies) }

struct gate {
	const struct gate_config *conf;
	const char *service;            /* "smtp", for the log */
	int place;                      /* of max_connections; -1: none */
};

enum gate_verdict {
	GATE_OPEN,
	GATE_SHUT,              /* hang up without a word */
	GATE_CROWDED            /* he may be told so: too many connections */
};

/* Dies with EX_CONFIG if the options make no sense. */
void gate_check(struct gate_config *conf);

/* Our name, as we were told, or as the super-server or the machine has it. */
void gate_domain(const struct gate_config *conf, struct buf *name);

/* A client has come: who it is may be for a proxy to say. Unless the gate is
 * shut gate_leave has to be called. */
enum gate_verdict gate_enter(struct gate *g, const struct spool *s,
    const struct server *srv, struct peer *p);

/* It goes, or is sent away: log what it has said to srv. */
void gate_leave(struct gate *g, const struct server *srv,
    const struct peer *p);
/* It is another process, our child, that will leave. */
void gate_abandon(struct gate *g);

#endif
