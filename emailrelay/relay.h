/* SPDX-License-Identifier: ISC */
#ifndef RELAY_H
#define RELAY_H

/*
 * emailrelay: the manual's command line on top of the suite.
 *
 * The options become a plan: which program is to listen where, with which
 * options, and which forwarder runs beside. The plan is then carried out
 * (supervise) or written down for another super-server (print). Nothing
 * here ever sees a message or a byte of a client.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/list.h"
#include "base/options.h"

/* --- what was asked for (config.c, check.c) --- */

enum print {
	PRINT_INETD, PRINT_TCPSERVER, PRINT_SYSTEMD, PRINT_XINETD,
	PRINT_RUNIT, PRINT_CRON, PRINT_NOTHING
};

struct config {
	struct options_common common;   /* `down`: every option, but these */
	uint64_t port, pop_port, admin; /* admin 0: none */
	uint64_t poll;                  /* seconds; 0, UINT64_MAX: no loop */
	bool as_server, close_stderr, dont_serve, forward, no_daemon, no_smtp;
	bool pop, admin_terminate, immediate, on_disconnect;
	const char *as_client, *as_proxy, *forward_to;
	const char *interface, *pid_file, *listener;
	const char *server_auth, *pop_auth, *client_auth;
	unsigned print;                 /* enum print */
	unsigned given;                 /* descriptors: program_start_given */
	/* for the others: only that they are given counts */
	bool flag;
	const char *text;
	uint64_t number;
	struct list list;
};

extern const struct config defaults;

/* Which programs take an option, as bits. */
enum { TO_RECV = 1, TO_SEND = 2, TO_POP = 4, TO_ADMIN = 8 };

/* All of argv and the file, with --help if it is anywhere: may exit. */
void config_read(struct config *conf, int argc, char *argv[]);
/* Is this word, "--name=value", that option? */
bool option_is(const char *word, const char *name);
/* The bits of an option by its name, 0 for what is ours alone. */
unsigned config_takers(const char *name);

/* Was this option given, by whatever way? */
bool given(const struct config *conf, const char *name);

/* The equivalences of --as-*, then the contradictions: dies with the
 * manual's words. Relative paths become absolute. */
void check(struct config *conf);

/* --- what is to be done (plan.c, interface.c) --- */

enum kind { SMTP, POP3, ADMIN, SENDER };

struct place {
	char address[INET6_ADDRSTRLEN]; /* "0.0.0.0", "::1" */
	unsigned port;
};

struct service {
	enum kind kind;
	const char *program;            /* "smtp-recv" */
	struct buf path;
	struct list options;            /* each one word */
	struct list brief;              /* the same with the help of --config */
	struct place at;                /* not for a sender */
	bool as_root;                   /* reads what only root may */
	bool once;                      /* a sender that is not to go on */

	/* while it runs */
	pid_t pid;
	time_t started, due;            /* monotonic */
	unsigned pause;
};

enum { PLAN_MOST = 64 };

struct plan {
	struct service services[PLAN_MOST];
	size_t n;
};

void plan_make(struct plan *p, const struct config *conf);
/* The one option that may be a password and must not become an argument: the
 * value of a --client-auth that stands in the file, or NULL. */
const char *plan_secret(const struct config *conf);
#define SECRET_VARIABLE "SLUICE_CLIENT_AUTH"
bool place_is_v6(const struct place *at);
/* "[::1]:25" */
void place_text(struct buf *out, const struct place *at);

/* --interface: the addresses for this kind of port, at least one. */
void interface_list(struct list *addresses, const char *interface,
    enum kind kind);

/* Let the programs say what is wrong with their options: each is run once
 * with nothing to do. Dies with what the first one has complained about. */
void plan_try(const struct plan *p, const struct config *conf);

/* --- listening (listen.c) --- */

/* Why nobody can listen there: 0, or an errno such as EADDRINUSE. */
int listen_probe(const struct place *at);

/* The command line of a tcpserver, or another one of its trade, for it. */
void listen_command(struct list *words, const struct service *s,
    const struct config *conf);
/* The same without the program: just the listener's own words. */
void listen_words(struct list *words, const struct service *s,
    const struct config *conf);
/* Is root to be given up before it is run? */
bool listen_drops_root(const struct service *s, const struct config *conf);

/* --- carrying it out (supervise.c, guard.c, daemon.c) --- */

/* Start everything; returns when told to stop, with the exit status. */
int supervise(struct plan *p, const struct config *conf);

/* The process group of everything that is started, and a process in it that
 * does nothing but end the others when we are gone, by whatever way. */
pid_t guard_start(pid_t group);
void guard_dismiss(void);

/* Fork into the background. What is said on stderr from now on is still the
 * caller's to see, and he waits for daemon_ready or our end. */
void daemon_detach(void);
void daemon_ready(bool close_stderr);

void pid_file_write(const struct config *conf);
void pid_file_remove(const struct config *conf);

/* Start a service in the process group. -1: errno. */
pid_t service_start(const struct service *s, const struct config *conf,
    pid_t group);

/* --- or writing it down (print.c, quote.c) --- */

void print_plan(const struct plan *p, const struct config *conf);

/* Append a word as that reader wants it; false if it cannot be said there. */
enum quoting { QUOTE_SHELL, QUOTE_CRON, QUOTE_SYSTEMD, QUOTE_NONE };
bool quote(struct buf *out, const char *word, enum quoting how);

#endif
