/* SPDX-License-Identifier: ISC */
#ifndef POP3_SERVE_SESSION_H
#define POP3_SERVE_SESSION_H

/*
 * One POP3 session, RFC 1939: what the handlers share.
 */
#include "auth/guard.h"
#include "base/options.h"
#include "judge/gate.h"
#include "spool/maildrop.h"
#include "spool/presence.h"
#include "wire/secure.h"

struct config {
	struct options_common common;
	struct gate_config gate;
	const char *pop_auth;
	bool by_name;                   /* --pop-by-name */
	bool no_delete;                 /* --pop-no-delete */
	struct tls_config tls;          /* --server-tls and its kin */
	bool server_tls_connection;
	bool server_tls_required;
	bool client_tls;                /* the manual lets it enable STLS, */
	const char *client_certificate; /* which needs one */
	uint64_t idle_timeout;          /* seconds */
};

extern const struct option_set options;
extern const struct config defaults;

/* When a command may be said. The third state of the RFC, UPDATE, is the
 * inside of QUIT. */
enum {
	AUTHORIZATION = 1,
	TRANSACTION = 2,
	ANY = 3
};

struct session {
	const struct config *conf;
	struct io io;
	struct server server;
	struct peer peer;
	struct gate gate;
	struct secure tls;
	struct monitor monitor;         /* who does what we cannot */
	struct spool spool;
	struct buf domain;

	struct guard guard;             /* --pop-auth */
	struct buf challenge;           /* of the greeting, for APOP */
	struct buf user;                /* what USER has said, till PASS */
	struct buf login;               /* who it is */
	struct maildrop maildrop;
	struct counters counters;
	struct presence presence;
};

/* cmd.c */
extern const struct command commands[];
extern const struct manners manners;
/* One line of a reply, its line end added; printable and at most 512
 * octets. */
void say(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Hang up behind the reply that was just said. */
void end_session(struct session *s);

/* outside.c: the greeting is out, and nothing of what the client says has been
 * looked at. From here on we are in the sandbox, and the monitor, if there is
 * need of one, outside. */
void outside_begin(struct session *s);

/* login.c: the commands of AUTHORIZATION */
void login_open(struct session *s);     /* while we may be root */
void greet(struct session *s);
void do_capa(struct session *s, char *arg);
void do_user(struct session *s, char *arg);
void do_pass(struct session *s, char *arg);
void do_apop(struct session *s, char *arg);
void do_auth(struct session *s, char *arg);
void do_stls(struct session *s, char *arg);

/* read.c: those of TRANSACTION */
void do_stat(struct session *s, char *arg);
void do_list(struct session *s, char *arg);
void do_uidl(struct session *s, char *arg);
void do_retr(struct session *s, char *arg);
void do_top(struct session *s, char *arg);
void do_dele(struct session *s, char *arg);
void do_rset(struct session *s, char *arg);

#endif
