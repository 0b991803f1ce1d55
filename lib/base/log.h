/* SPDX-License-Identifier: ISC */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * The log, and leaving with a reason.
 *
 * Lines go to stderr, unless that is the client's socket as it is under
 * inetd, and to syslog (LOG_MAIL). Errors and warnings are always worth a
 * line; events only with --log; protocol details with --verbose. Whatever
 * is logged passes text_printable first, so no escape sequence and no second
 * line gets into a log.
 *
 * This is the only module with state of its own: a process has one log.
 */
#include <stdbool.h>

#include "base/buf.h"

/* "text", "json", NULL */
extern const char *const log_formats[];

struct log_config {
	bool events;            /* --log */
	bool verbose;           /* --verbose */
	bool debug;             /* --debug */
	bool time;              /* --log-time */
	bool syslog;            /* --syslog: even with --no-syslog */
	bool no_syslog;         /* --no-syslog */
	unsigned format;        /* --log-format: index into log_formats */
};

/* The name for people ("smtp-recv") and for the log ("sluice/smtpd": the
 * words that log analysers know), or NULL for a program that people run by
 * hand: it says `spool-list: ...` and no more. Both have to stay. */
void log_open(const char *program, const char *ident);
void log_configure(const struct log_config *conf);
const char *log_program(void);

/* What we fork from here on is still us: its lines bear our number. */
void log_unite(void);
/* No socket can be opened from here on: connect to syslog now, if it is to
 * hear of us. */
void log_connect(void);

/* Will details (--verbose) be logged? To spare the work of making them. */
bool log_verbose(void);

/* There is, or is no more, something on the terminal that stderr is that has
 * no line end and that each line of the log is to wipe away. */
void log_wiping(bool wipe);

/* Which message the lines are about from now on; NULL or "" for none. */
void log_subject(const char *id);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An event with its facts: pairs of key and value, then NULL. In text it
 * reads `ID: key=value, key=value`; the keys from, to and helo put their value in <>,
 * reply puts it in parentheses behind the rest. A pair whose value is NULL is
 * left out. */
void log_event(const char *event, ...) __attribute__((sentinel));

/* Append value in <>, with nothing in it that could pass for the end of it
 * or for another field. */
void log_quote(struct buf *out, const char *value);

/* What the peer on descriptor 1 is told when die() ends the process. */
void die_saying(const char *farewell);

/* The one status of every die() from now on: for a program whose contract
 * knows no other failure. */
void die_always(int status);

/* Log an error and exit with a status of sysexits(3). */
_Noreturn void die(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
