/* SPDX-License-Identifier: ISC */
#ifndef SMTP_RECV_SESSION_H
#define SMTP_RECV_SESSION_H

/*
 * One SMTP session, RFC 5321: what the handlers share.
 */
#include "base/options.h"
#include "mail/dot.h"
#include "mail/envelope.h"
#include "mail/parameter.h"
#include "spool/draft.h"
#include "wire/peer.h"
#include "wire/serve.h"

struct config {
	struct options_common common;
	const char *domain;
	const char *forward_to;
	bool anonymous;
	bool remote_clients;
	bool immediate;
	bool forward_on_disconnect;
	unsigned bare_newline;          /* enum newline */
	uint64_t size;                  /* octets; 0: no limit */
	uint64_t idle_timeout;          /* seconds */
	uint64_t max_recipients;
	uint64_t poll;                  /* only 0 concerns us */
	uint64_t handed_down;           /* checked here, used by smtp-send */
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
	struct spool spool;
	struct buf domain;
	struct buf helo;
	const char *protocol;           /* "SMTP", "ESMTP" */

	/* the transaction; tx_forget ends it */
	struct envelope envelope;
	struct mail_parameters parameters;
	struct draft draft;
	struct text_decoder text;
	uint64_t octets;                /* of text, without our Received line */

	unsigned kept;                  /* messages stored so far */
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

/* mail.c */
void do_mail(struct session *s, char *arg);
void do_rcpt(struct session *s, char *arg);

/* data.c */
void do_data(struct session *s, char *arg);
void do_bdat(struct session *s, char *arg);

/* keep.c: the start of a message's file, and what becomes of the message:
 * both say no to the client by themselves. */
bool keep_open(struct session *s);
void keep(struct session *s);
/* Refuse for a local reason, which is logged. */
void keep_failed(struct session *s);

/* onward.c */
void onward(struct session *s);         /* when the client has gone */
/* Forward it now: false means that it was not taken and is not in the spool
 * any more, and reply says what to tell the client, "451 4.4.1 ...". */
bool onward_now(struct session *s, const struct message_id *id,
    struct buf *reply);
void onward_end(struct session *s);

#endif
