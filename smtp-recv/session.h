/* SPDX-License-Identifier: ISC */
#ifndef SMTP_RECV_SESSION_H
#define SMTP_RECV_SESSION_H

/*
 * One SMTP session, RFC 5321: what the handlers share.
 */
#include "auth/guard.h"
#include "base/options.h"
#include "judge/gate.h"
#include "judge/outside.h"
#include "mail/dot.h"
#include "mail/envelope.h"
#include "mail/parameter.h"
#include "spool/draft.h"
#include "spool/presence.h"
#include "wire/peer.h"
#include "wire/secure.h"
#include "wire/serve.h"

struct config {
	struct options_common common;
	struct gate_config gate;
	const char *forward_to;
	const char *server_auth;
	struct tls_config tls;          /* --server-tls and its kin */
	bool server_tls_connection;
	bool server_tls_required;
	bool anonymous;
	bool immediate;
	bool forward_on_disconnect;
	unsigned bare_newline;          /* enum newline */
	uint64_t size;                  /* octets; 0: no limit */
	uint64_t idle_timeout;          /* seconds */
	uint64_t max_recipients;
	uint64_t poll;                  /* only 0 concerns us */
	uint64_t handed_down;           /* checked here, used by smtp-send, */
	const char *handed_text;        /* as are these */
	bool to_all, to_some;           /* ... and these */
	bool client_tls, client_tls_connection, client_tls_required;
	struct list filters;            /* --filter */
	struct list client_filters;     /* for smtp-send */
	const char *verifier;
	uint64_t filter_timeout;        /* seconds, for each of them */
};

extern const struct option_set options;
extern const struct config defaults;

/* When a command may be said. */
enum {
	START = 1,              /* before HELO and EHLO */
	IDLE = 2,
	MAIL = 4,               /* a sender, no recipient yet */
	RCPT = 8,
	CHUNK = 16,             /* between two BDATs */
	SPOILT = 32,            /* a BDAT has failed: only RSET helps */
	ANY = 63
};

struct session {
	const struct config *conf;
	struct io io;
	struct server server;
	struct peer peer;
	struct gate gate;
	struct spool spool;
	struct buf domain;
	struct buf helo;
	const char *protocol;           /* "SMTP", "ESMTP" */

	struct secure tls;
	struct monitor monitor;         /* who does what we cannot */
	bool onward;                    /* in the monitor: that is to be done */

	/* who the client is */
	struct guard guard;             /* --server-auth */
	bool authenticated;             /* by `mechanism`, as `login` */
	const char *mechanism;
	struct buf login;               /* or the keyword of its address */

	/* the transaction; tx_forget ends it */
	struct envelope envelope;
	const char *recipient;          /* of the RCPT at hand, or NULL */
	struct mail_parameters parameters;
	struct draft draft;
	struct text_decoder text;
	uint64_t octets;                /* of text, without our Received line */

	struct filter filter;
	struct verifier verifier;
	bool rescan;                    /* the filter wants mail forwarded */
	unsigned kept;                  /* messages stored so far */
	unsigned refused;               /* and messages, recipients that were not */
	struct counters counters;
	struct presence presence;
	struct io forwarder;            /* --immediate */
	bool has_forwarder;
};

/* cmd.c */
extern const struct command commands[];
extern const struct manners manners;
void greet(struct session *s);
void tx_forget(struct session *s);
/* Hang up behind the reply that was just said. */
void end_session(struct session *s);
/* One reply, its line end added; printable and at most 512 octets. */
void say(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* gate.c: who may talk at all. False: he has been told, or not, and there is
 * nothing more to say. */
bool gate_open(struct session *s);

/* auth.c */
void auth_open(struct session *s);      /* while we may be root */
void auth_advertise(struct session *s); /* its line of EHLO, if any */
void do_auth(struct session *s, char *arg);
/* The reply to a MAIL that wants somebody to log in first, or NULL. */
const char *auth_objection(struct session *s);
/* How the client has logged in: "LOGIN", ...; "NONE" if it has not, and ""
 * if nobody has to. */
const char *auth_mechanism(const struct session *s);
/* What the envelope says of it. */
void auth_fill(const struct session *s, struct buf *envelope);

/* tls.c */
/* Before root is given up. */
void starttls_open(struct session *s, struct config *conf);
/* The reply to a command that is not for clear text, or NULL. */
const char *starttls_objection(const struct session *s);
/* A comment for the Received line, with a blank before it. */
void starttls_received(const struct session *s, struct buf *out);
void do_starttls(struct session *s, char *arg);

/* mail.c */
void do_mail(struct session *s, char *arg);
void do_rcpt(struct session *s, char *arg);
/* Refuse, and leave a line that log analysers count. */
void reject(struct session *s, const char *verb, const char *reply);

/* data.c */
void do_data(struct session *s, char *arg);
void do_bdat(struct session *s, char *arg);

/* keep.c: the start of a message's file, and what becomes of the message:
 * both say no to the client by themselves. */
bool keep_open(struct session *s);
void keep(struct session *s);
/* Refuse for a local reason, which is logged. */
void keep_failed(struct session *s);

/* filter.c: has the filter nothing against the message that was sealed?
 * False: it is not to be kept, and the client has been told. */
void filters_open(struct session *s);
bool filtered(struct session *s);

/* verify.c: does the verifier know the recipient? Then he is in the
 * envelope. False: the client has been told, or is hung up on. */
void verifier_open(struct session *s);
bool verified(struct session *s, const char *to);
/* Is this an address that a program would take for an option? */
bool verifier_shuns(const struct session *s, const char *address);
void do_vrfy(struct session *s, char *arg);

/* count.c: for those who watch the spool, once the greeting is out */
void count_start(struct session *s);
void count_end(struct session *s);

/* onward.c */
void onward(struct session *s);         /* when the client has gone */
/* Forward it now: false means that it was not taken and is not in the spool
 * any more, and reply says what to tell the client, "451 4.4.1 ...". */
bool onward_now(struct session *s, const struct message_id *id,
    struct buf *reply);
void onward_end(struct session *s);
/* Outside of the sandbox: become the forwarder, unless there is one that has
 * not begun yet; and start one to converse with, -1 and errno. */
void onward_exec(struct session *s);
int onward_forwarder(const struct session *s);

/* outside.c: the greeting is out, and nothing of what the client says has been
 * looked at. From here on we are in the sandbox, and the monitor outside. */
void outside_begin(struct session *s);
/* The two from above, wherever we are. */
int outside_forwarder(struct session *s);
void outside_onward(struct session *s);

#endif
