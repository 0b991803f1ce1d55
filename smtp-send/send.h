/* SPDX-License-Identifier: ISC */
#ifndef SMTP_SEND_SEND_H
#define SMTP_SEND_SEND_H

/*
 * Forwarding: what the parts of smtp-send know of each other.
 *
 *	queue.c		which messages, in what order
 *	deliver.c	one message: claim it, send it, decide its fate
 *	transact.c	MAIL to the final dot
 *	client.c	the session with the server
 */
#include "base/options.h"
#include "mail/reply.h"
#include "spool/claim.h"
#include "wire/io.h"
#include "wire/net.h"

struct config {
	struct options_common common;
	const char *forward_to;
	const char *domain;
	uint64_t connection_timeout;    /* seconds, like all of these */
	uint64_t prompt_timeout;
	uint64_t response_timeout;
	uint64_t poll;                  /* UINT64_MAX: run once */
	uint64_t retry_for;
	bool forward_on_disconnect;     /* run in turn with others */
	bool hand_back;                 /* for smtp-recv, see deliver.c */
	bool report;
};

extern const struct option_set options;
extern const struct config defaults;

enum fate {
	SENT,           /* so far, or for good: the server agrees */
	LATER,          /* it said no for now */
	REFUSED,        /* it said no for good */
	LOST            /* it said nothing that makes sense, or is gone */
};

/* What the server offers. */
enum { PIPELINING = 1, SIZE = 2, EIGHT_BIT = 4, UTF8 = 8 };

struct client {
	const struct config *conf;
	struct net_target target;
	char domain[256];
	struct io io;
	bool open;
	bool dirty;             /* a transaction has to be reset first */
	bool doubtful;          /* lost between the final dot and its reply */
	unsigned asked;         /* replies that are still to come */
	unsigned can;
	uint64_t size_limit;    /* SIZE; 0: none */
	unsigned sent;          /* messages over this connection */
	char relay[384];        /* host[ip]:port, for the log */
	struct reply reply;     /* the last one, or one made up for a loss */
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
/* Read one reply; LOST also for a code that is not of the class `want` (2 or
 * 3) nor 4xx or 5xx. `to` says what was asked, for the reason. */
enum fate client_hear(struct client *c, int want, const char *to);
/* Read what the server has said in the middle of our text, and hang up. */
enum fate client_last_words(struct client *c);

/* Send a claimed message. reply says how it went. */
enum fate transact(struct client *c, const struct claim *m);

/* A run over messages. */
struct run {
	const struct config *conf;
	struct spool spool;
	struct client client;
	struct io ids;          /* stdin, if ids come from there */
	unsigned later;         /* messages to be tried again */
	unsigned bad;           /* given up */
	unsigned losses;        /* in a row: of connections */
	bool stop;              /* the server is not there, do not go on */
};

/* Try one message; forced: even if it is not due. */
void deliver(struct run *r, const struct message_id *id, bool forced);

/* Has a message waited so long that it is given up? */
bool too_old(const struct run *r, time_t received);

/* Everything in the spool that is due. */
void queue_run(struct run *r);

/* Set by SIGTERM and SIGINT: end between two messages. */
bool queue_interrupted(void);
void queue_catch_signals(void);
/* Wait for that long, or for a signal. */
void queue_pause(uint64_t seconds);

#endif
