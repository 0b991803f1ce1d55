/* SPDX-License-Identifier: ISC */
#ifndef ADMIN_CMD_SESSION_H
#define ADMIN_CMD_SESSION_H

/*
 * One conversation with an administrator: what its parts know of each other.
 *
 *	converse.c	hearing the client, and whatever else happens
 *	cmd.c		the table of commands
 *	report.c	those that look: list, info, status, ...
 *	health.c	... and health
 *	forward.c	those that have mail sent
 *	notify.c	events, as they happen
 *	outside.c	the sandbox, and what happens outside of it
 *	terminate.c	whom we work for, and how to end it
 *
 * A command is answered at once, but for two: flush has its answer when
 * smtp-send is done, and notify goes on until the end. Meanwhile more
 * commands may come.
 */
#include "base/monitor.h"
#include "base/options.h"
#include "spool/events.h"
#include "spool/select.h"
#include "wire/io.h"
#include "wire/lines.h"
#include "wire/peer.h"

struct config {
	struct options_common common;
	const char *forward_to;
	const char *pid_file;
	bool admin_terminate;
	bool remote_clients;
	uint64_t idle_timeout;          /* seconds */
	const char *handed_text;        /* for smtp-send: only checked here */
	uint64_t handed_number;
	bool handed_flag;
	struct list handed_list;
};

extern const struct option_set options;
extern const struct config defaults;

/* smtp-send at work for us, and what it has reported so far. */
struct run {
	int fd;                         /* -1: it is not */
	bool ended;                     /* it says no more */
	pid_t pid;
	bool buried;                    /* and then, of waitpid: */
	int status;
	struct lines line;
	unsigned sent, refused, put_off, others;
	struct buf why;                 /* the last one was not sent, */
	bool ours;                      /* which is not of the server's doing */
};

struct session {
	const struct config *conf;
	struct io io;
	struct peer peer;
	struct spool spool;
	bool once;                      /* one command, from our arguments */
	int status;                     /* to exit with */
	struct lines line;
	bool over;                      /* the client wants no more, */
	bool gone;                      /* or is not there any more */
	unsigned errors;
	unsigned commands;              /* since date_ticks() was: */
	int64_t period;
	struct run run;
	struct monitor monitor;         /* who does what we cannot */
	struct events watch;            /* what notify tells of */
};

/* One line; its end is added. Foreign text is made harmless. */
void say(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same with LF alone, as some commands have always done. */
void say_lf(struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* `error: ...`; the status counts for a single command. */
void say_error(struct session *s, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void prompt(struct session *s);
/* What was said goes to the client. Until he takes it smtp-send is heard, which
 * otherwise would wait for him, too; but nobody else. */
void send_out(struct session *s);

/* converse.c: to the end, his or ours. */
void converse(struct session *s);

/* cmd.c: do what the line says. */
void obey(struct session *s, char *line, size_t n, bool too_long);

/* report.c */
void do_list(struct session *s, char *arg);
void do_failures(struct session *s, char *arg);
void do_unfail_all(struct session *s, char *arg);
void do_info(struct session *s, char *arg);
void do_status(struct session *s, char *arg);
/* Start on the messages in these states; false: the client has been told. */
bool look(struct session *s, struct selection *sel, unsigned states);
void say_about(struct session *s, const char *topic);

/* health.c */
void do_health(struct session *s, char *arg);

/* forward.c */
void do_flush(struct session *s, char *arg);
void do_forward(struct session *s, char *arg);
/* It has something to tell, or has ended; once it has, flush is answered. */
void run_hear(struct session *s);
void run_end(struct session *s);

/* notify.c */
void do_notify(struct session *s, char *arg);
/* Something has happened. */
void watch_hear(struct session *s);

/* Start smtp-send for one round, which reports to the descriptor or says
 * nothing there: -1 and errno. And the exit status of the one that reported,
 * whose end is waited for. */
int forward_start(struct session *s, bool report);
int forward_status(struct session *s);

/* outside.c: a client is there. From here on we are in the sandbox, and the
 * monitor outside. A single command of somebody's on this machine needs none. */
void outside_begin(struct session *s);
/* By the monitor, if there is one: the functions above, and those of
 * terminate.c. */
int outside_start(struct session *s, bool report);
int outside_status(struct session *s);
long outside_pid(struct session *s);
bool outside_stop(struct session *s, struct buf *wrong);

/* terminate.c: whom we work for, or else ourselves; and have him end: NULL, or
 * what is wrong. */
long terminate_whom(const struct session *s);
const char *terminate_now(const struct session *s);
void do_pid(struct session *s, char *arg);
void do_terminate(struct session *s, char *arg);

#endif
