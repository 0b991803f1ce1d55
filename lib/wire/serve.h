/* SPDX-License-Identifier: ISC */
#ifndef WIRE_SERVE_H
#define WIRE_SERVE_H

/*
 * The command loop of all the servers: read a line, find the command in the
 * table, ask whether it may be said now and with what argument, and hand it
 * over. The table is the protocol; the loop knows none.
 *
 * Every command gets exactly one reply. A handler never sees a control
 * character.
 */
#include <stdbool.h>
#include <stddef.h>

#include "wire/io.h"

/* Each program's own; the loop only passes it on. */
struct session;

enum argument { NO_ARG, MAY_ARG, MUST_ARG };

struct command {
	const char *verb;       /* upper case; the last row has NULL */
	unsigned when;          /* the states, as bits, it may be said in */
	enum argument argument;
	/* arg is trimmed, "" if there is none, and may be cut up */
	void (*answer)(struct session *s, char *arg);
	bool lengthy;           /* may have SERVE_LENGTHY octets */
};

/* What is said to those who do not keep to the table; each a whole reply
 * without its line end. */
struct manners {
	const char *unknown;
	const char *not_now;
	const char *arg_unwanted;
	const char *arg_wanted;
	const char *too_long;
	const char *unclean;    /* control characters in the line */
	const char *timed_out;  /* NULL: nothing */
	const char *enough;     /* too many errors, or commands for nothing */
};

enum {
	SERVE_LINE = 2048,      /* octets in a command line */
	SERVE_LENGTHY = 12288,  /* where AUTH may bring what it has to say */
	SERVE_ERRORS = 8,       /* until we hang up */
	SERVE_IDLING = 1000,    /* commands of no use since the last progress */
	SERVE_PATIENCE = 3600,  /* seconds without progress */
	SERVE_SPEED = 1000,     /* octets of a text, a second */
	SERVE_COMMANDS = 40     /* rows of a table that are counted apart */
};

/* How often a command was said, and not said no to. */
struct serve_count {
	unsigned good, all;
};

struct server {
	struct io *io;
	const struct command *commands;
	const struct manners *manners;
	unsigned state;         /* one bit; 0 ends the loop */
	unsigned errors;
	unsigned idling;
	int64_t until;          /* date_ticks() when it has taken too long */
	const struct command *last;     /* what was said last, if we know it */
	bool refused;           /* for handlers: it was said no to */
	bool tired;             /* we hung up: errors, or commands for nothing */
	struct serve_count counts[SERVE_COMMANDS];      /* [0]: unknown */
};

/* Serve until the state is 0 or the conversation is over. */
void serve(struct server *srv, struct session *s);

/* What the session is for has been done: the counters start again. */
void serve_progress(struct server *srv);

/* The command at hand was a step towards it: it does not count as idling.
 * For those whose number is limited otherwise. */
void serve_step(struct server *srv);

/* When so many octets of a text that has begun to flow then have to be on the
 * other side, besides so many seconds for its moods: date_ticks(). Who drips
 * holds a process for ever otherwise. */
int64_t serve_deadline(int64_t began, unsigned seconds, uint64_t octets);

/* Append what was said in Postfix's words, ` ehlo=1 mail=1 rcpt=1/2
 * commands=3/4`: good ones, and all if there were others. */
void serve_summary(const struct server *srv, struct buf *out);

/* How it has ended, if not by QUIT: `lost connection after DATA`, `timeout
 * after RCPT`, `too many errors after AUTH`; else nothing. */
void serve_fate(const struct server *srv, struct buf *out);

#endif
