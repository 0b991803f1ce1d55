/* SPDX-License-Identifier: ISC */
#ifndef SMTP_SEND_SEND_H
#define SMTP_SEND_SEND_H

/*
 * Forwarding: what the parts of smtp-send know of each other.
 *
 *	queue.c		which messages, in what order
 *	jobs.c		--jobs: who sends which of them
 *	backlog.c	... those that wait
 *	crew.c		... the processes that send them
 *	worker.c	... and one of these
 *	progress.c	how far we are, for people
 *	deliver.c	one message: claim it, send it
 *	dispose.c	... and decide its fate
 *	filter.c	--client-filter
 *	answers.c	what the server says of each recipient, and what follows
 *	transact.c	a transaction, MAIL to the final reply
 *	content.c	the text in it, by DATA or by BDAT
 *	client.c	the session with the server
 *	login.c		its authentication
 *	token.c		... by what another program gives us
 *	tls.c		its encryption
 *	outside.c	the sandbox, and what happens outside of it
 *	check.c		--check: a session, and what it was like
 */
#include <limits.h>
#include <poll.h>

#include "auth/account.h"
#include "base/meter.h"
#include "base/monitor.h"
#include "base/options.h"
#include "judge/filter.h"
#include "mail/reply.h"
#include "spool/claim.h"
#include "spool/presence.h"
#include "wire/io.h"
#include "wire/socks.h"
#include "wire/tls.h"

struct config {
	struct options_common common;
	const char *forward_to;
	const char *domain;
	const char *client_auth;
	const char *oauth_exec;
	const char *oauth_user;
	struct tls_config tls;          /* --client-tls-... */
	bool client_tls;
	bool client_tls_connection;
	bool client_tls_required;
	uint64_t connection_timeout;    /* seconds, like all of these */
	uint64_t prompt_timeout;
	uint64_t response_timeout;
	uint64_t jobs;                  /* connections at a time */
	uint64_t poll;                  /* UINT64_MAX: run once */
	uint64_t retry_for;
	struct list client_filters;
	uint64_t filter_timeout;        /* for each of them */
	bool to_all;                    /* --forward-to-all */
	bool to_some;                   /* --forward-to-some */
	bool forward_on_disconnect;     /* run in turn with others */
	bool hand_back;                 /* for smtp-recv, see deliver.c */
	bool report;
	bool check;
	bool json;                      /* with check */
};

extern const struct option_set options;
extern const struct config defaults;

enum fate {
	SENT,           /* so far, or for good: the server agrees */
	LATER,          /* it said no for now */
	REFUSED,        /* it said no for good */
	LOST            /* it said nothing that makes sense, or is gone */
};

/* "sent", "deferred" or "bounced" */
const char *fate_word(enum fate f);

/* What the server offers. */
enum { PIPELINING = 1, SIZE = 2, EIGHT_BIT = 4, UTF8 = 8, STARTTLS = 16,
	CHUNKING = 32 };

/* What stands in for a password for an hour or so. Between two log-ins it is
 * only in the cache, a file in the spool. */
struct token {
	struct list program;    /* that prints one; empty: none */
	int dir;                /* the spool, or -1 */
	struct buf text;
	bool fresh;             /* from the program, not from the cache */
};

struct client {
	const struct config *conf;
	struct net_target target;
	struct net_target proxy;        /* SOCKS; its host is empty: none */
	char domain[256];
	struct io io;
	bool open;
	bool dirty;             /* a transaction has to be reset first */
	bool doubtful;          /* lost between the text's end and its reply */
	bool mute;              /* lost before it has said anything to MAIL */
	unsigned asked;         /* replies that are still to come */
	bool credentials;       /* it is to hear a password of ours */
	bool secure;            /* the conversation is encrypted, */
	struct tls_facts tls;   /* in this way */
	unsigned can;
	uint64_t size_limit;    /* SIZE; 0: none */
	bool no_chunks;         /* it offers CHUNKING, and has no BDAT */
	size_t crowd;           /* recipients it takes at once; 0: many */
	bool offers_auth;
	unsigned ways;          /* to log in that it offers: 1u << enum way */
	bool authenticated;
	struct account account;
	struct token token;
	unsigned sent;          /* messages over this connection */
	char relay[384];        /* host[ip]:port, for the log */
	struct reply reply;     /* the last one, or one made up for a loss */
	struct counters counters;
	struct presence presence;
};

/* Connect, and say hello. False: reply says why, and it is closed. */
bool client_open(struct client *c);
/* Say goodbye if it is still open. */
void client_close(struct client *c);
/* Hang up. */
void client_drop(struct client *c);
/* Is it open, with the server waiting for us? */
bool client_ready(struct client *c);
/* Have what was left of an earlier transaction forgotten. False: it did not
 * work, and it is closed. */
bool client_reset(struct client *c);

/* Queue a command; the line end is added. A server that has talked out of
 * turn is hung up on instead: client_hear will tell. */
void client_say(struct client *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for a line that has a secret in it, and what the log says. */
void client_say_secret(struct client *c, const char *line, const char *shown);
/* Read one reply; LOST also for a code that is not of the class `want` (2 or
 * 3, or CLIENT_AUTH for 235 and 334) nor 4xx or 5xx. `to` says what was asked, for the reason. */
enum { CLIENT_AUTH = 0 };
enum fate client_hear(struct client *c, int want, const char *to);
/* Read what the server has said in the middle of our text, and hang up. */
enum fate client_last_words(struct client *c);

/* Before root is given up: die if the options for TLS are wrong. */
void starttls_open(struct config *conf);
/* With --client-tls-connection, before the greeting; and with STARTTLS, if it
 * is wanted and offered, after which the server has to be greeted anew. False:
 * there is to be no conversation, and reply says why. */
bool starttls_begin(struct client *c);
bool starttls_now(struct client *c);

/* --check: what a session shows goes to stdout, line by line; without that
 * option nothing does. */
void check_say(const struct client *c, const char *what, const char *value);
void check_reply(const struct client *c, const char *what);
void check_offers(const struct client *c);
/* How the log-in by that way went. */
void check_login(const struct client *c, const char *way, bool accepted);
/* Begin a session, and end it. Returns the exit status. */
int check_server(struct client *c);

/* Before root is given up: read what we log in with; dies if it is wrong. */
void login_prepare(struct client *c, const struct config *conf);
/* Take note of a line of the reply to EHLO, if it is about AUTH. */
void login_offer(struct client *c, const char *line);
/* Log in, if we are to. False: it did not work, reply says why, and it has
 * been logged. */
bool login(struct client *c);

/* Have a token for that user in c->token, a new one if that at hand is of no
 * use. False: there is none, which is logged. */
bool token_get(struct client *c, const char *id, bool again);
/* Run the program, and take what it has printed. */
bool token_fetch(struct token *t);
/* Is this a token? Then it is ours. */
bool token_set(struct token *t, const char *text);
/* The log-in is over; a token that was refused goes for good. */
void token_forget(struct client *c, bool refused);

/* By the monitor, if there is one: socks_connect, and token_fetch. */
int outside_connect(struct client *c, char ip[64], struct buf *why);
bool outside_token(struct client *c);

/* The text, when the server waits for it; and its answer to all of it. */
enum fate content_lines(struct client *c, const struct claim *m);
enum fate content_chunks(struct client *c, const struct claim *m);
/* A text of one chunk, said before the answers to what was said before have
 * been heard; content_verdict hears the one to it. False: it was not said,
 * and the connection is closed. */
bool content_ahead(struct client *c, const struct claim *m);
enum fate content_verdict(struct client *c);

/* The weightiest one of several answers: a refusal for good weighs more than
 * one for now, any refusal more than the loss of the connection behind it,
 * and the first of a kind is kept with its text. */
struct outcome {
	enum fate fate;
	struct reply reply;
};
/* about: the recipient it is for, or NULL. */
void outcome_note(struct outcome *o, enum fate f, const struct reply *r,
    const char *about);

/* What the server has said of each recipient, in this run. */
struct said {
	bool asked;
	enum fate fate;         /* SENT: it would take it */
	struct reply reply;     /* why not */
};
struct answers {
	struct said *of;       /* one for each of the envelope's remote */
	size_t n;
	bool nobody;            /* all was well but for the recipients */
};
void answers_open(struct answers *a, const struct claim *m);
void answers_free(struct answers *a);
/* Forget who would have been taken: they are asked anew. */
void answers_again(struct answers *a);
/* Is there anybody who was not asked yet? */
bool answers_missing(const struct answers *a, const struct claim *m);

/* Send a claimed message to those who are pending and were not asked yet, or
 * to as many of them as the server takes at once. The client's reply says how
 * it went, the answers what was said of whom. */
enum fate transact(struct client *c, struct claim *m, struct answers *a);

/* How far a run is, on a terminal. */
struct progress {
	struct meter meter;
	size_t total;           /* messages */
	size_t done;
	unsigned later;         /* those that were not due in the first place */
};

/* A run over messages. */
struct run {
	const struct config *conf;
	struct spool spool;
	struct monitor monitor; /* who does what we cannot; as a monitor, */
	pid_t relay;            /* tls-io */
	struct sweeper sweeper; /* for the texts that POP users share */
	int turn;               /* --forward-on-disconnect, or -1 */
	struct client client;
	struct io ids;          /* stdin, if ids come from there */
	unsigned sent;          /* messages the server has taken */
	unsigned later;         /* messages to be tried again */
	unsigned bad;           /* given up */
	unsigned losses;        /* in a row: of connections */
	bool stop;              /* the server is not there, do not go on */
	struct filter filter;
	bool enough;            /* the filter wants no more messages sent */
	struct progress progress;
	bool hired;             /* we are a worker, */
	int boss;               /* and this is our line to who hands out work */
	bool leaving;           /* we have no session, but others have */
};

/* From here on we are in a sandbox, and a monitor is outside; no message is in
 * our hands yet, and no connection. */
void outside_begin(struct run *r);

/* Ask the filters about a claimed message: what they have made of it is the
 * message then, and the reply says why not. */
void filters_open(struct run *r);
enum claim_verdict filters_ask(struct run *r, struct claim *m,
    enum judgement *how);

/* After a transaction: who is done with now, in the claim and in the log. */
void answers_settle(struct run *r, struct claim *m, const struct answers *a,
    enum fate f);
/* If that is so: the server may have the message, and it will be sent again. */
void warn_of_doubt(const struct client *c);
/* After the last one: what becomes of the message as a whole. The client's
 * reply is about that then, and those who are left are in the log. */
enum fate answers_sum(struct run *r, struct claim *m, const struct answers *a,
    enum fate f);
/* It is given up: append why, that is who was refused, and how, or else the
 * reply. Who was pending to the last is refused with the others, if there are
 * any: the next attempt is for all of them. Returns the reply code. */
int answers_reason(const struct run *r, struct claim *m,
    const struct answers *a, struct buf *out);

/* File a claimed message away, and report it. f: how the last transaction went. */
void dispose(struct run *r, struct claim *m, const struct answers *a,
    enum fate f);
/* It becomes .bad, for this reason; or in the words of E-MailRelay, which
 * scripts look for, for what was said of it. */
void give_up(struct run *r, struct claim *m, const char *reason, int code);
void give_up_refused(struct run *r, struct claim *m,
    const struct answers *a);
void remove_files(struct run *r, struct claim *m);
/* Behind smtp-recv --immediate a client waits for its reply. What was not
 * sent can be refused there, and then it is not ours any more; but only once
 * smtp-recv says so: should it be gone, the message stays. */
bool wanted_back(struct run *r);
/* A line on stdout: `ID STATUS CODE ENHANCED TEXT`. */
void report(const struct run *r, const struct message_id *id,
    const char *status, const struct reply *reply);
/* Something cannot be done to its files: errno. */
void cannot(const struct claim *m, const char *what);

/* Try one message; forced: even if it is not due. */
void deliver(struct run *r, const struct message_id *id, bool forced);
/* The same for one that somebody has named. */
void deliver_named(struct run *r, const struct message_id *id);

/* Has a message waited so long that it is given up? */
bool too_old(const struct run *r, time_t received);

/* Has a message in the spool waited so long? The server's absence has no other
 * consequence for it. */
bool queue_overdue(const struct run *r, const struct message_id *id);

/* Take up a .busy that a dead forwarder has left behind: true if it was one.
 * One of which that cannot be told is still to be sent. */
bool queue_recover(struct run *r, const struct message_id *id);

/* Everything in the spool that is due. */
void queue_run(struct run *r);

/* Is so much work shared out among several connections? */
bool jobs_wanted(const struct run *r, size_t messages);
/* Have workers send these, ids in the order they are to go, or with NULL what
 * stdin names. forced: even if they are not due. Counts like deliver, and what was
 * not tried as to be tried later. */
void jobs_run(struct run *r, struct list *ids, bool forced);

/* client_open, and those who share the work get to know. */
bool worker_connect(struct run *r);
/* There is no session for a claimed message: leave it to those who have one?
 * Then it is nobody's again, as it was, and we have nothing more to do. */
bool worker_gives_back(struct run *r, struct claim *m);

/* Show on a terminal how far the work is that begins now. Nothing happens
 * where nobody looks. */
enum { PROGRESS_UNKNOWN = INT_MAX };
void progress_begin(struct run *r, size_t total);
/* So many more are done with. May be called at any time. */
void progress_move(struct run *r, size_t done);
void progress_end(struct run *r);

/* Set by SIGTERM and SIGINT: end between two messages. */
bool queue_interrupted(void);
void queue_catch_signals(void);
/* Wait for that long, or for a signal. */
void queue_pause(uint64_t seconds);
/* poll(2), for so many milliseconds, or with -1 for ever: a signal that has
 * come before ends it as well. */
int queue_poll(struct pollfd *p, nfds_t n, int64_t ms);

#endif
