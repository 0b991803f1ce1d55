/* SPDX-License-Identifier: ISC */
/*
 * SMTP load: sessions at once that send messages, wait for every reply, and
 * give up at the first one that is not what it has to be. The last line is
 * `M messages in S s, R messages/s`.
 *
 *	load --port P [--sessions N] [--messages M] [--per-connection K]
 *	    [--size OCTETS] [--bdat] [--pipeline] [--line-by-line]
 *	    [--hasty] [--greet | --raw]
 *
 * --line-by-line: a write for each line of the text, without TCP_NODELAY.
 * --hasty: hang up with QUIT, and do not wait for its reply.
 * --greet: only connect, and hang up after the greeting. --raw: no protocol
 * but the text, the end of it, and a reply.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "spool/spool.h"

enum { PATIENCE = 60 };         /* seconds for one reply */

struct plan {
	uint64_t port, sessions, messages, per_connection, size;
	/* set by getopt_long */
	int bdat, pipeline, line_by_line, hasty, greet, raw;
	struct buf text;        /* a message as it goes over the wire */
};

struct visit {
	const struct plan *plan;
	int fd;
	FILE *in;
};

/* --- what is said --- */

static void
put(const struct visit *v, const char *p, size_t n)
{
	if (write_all(v->fd, p, n) < 0)
		die(EX_IOERR, "cannot send: %s", strerror(errno));
}

static void
expect(const struct visit *v, const char *code, const char *to)
{
	char line[1024];
	size_t n;

	do {
		errno = 0;
		if (!fgets(line, sizeof line, v->in))
			die(EX_IOERR, "no reply to %s: %s", to,
			    errno ? strerror(errno) : "connection closed");
		n = strlen(line);
		if (strncmp(line, code, 3) != 0 || n < 5 ||
		    strcmp(line + n - 2, "\r\n") != 0)
			die(EX_PROTOCOL, "the reply to %s was: %s", to, line);
	} while (line[3] == '-');
}

struct step {
	const char *line, *code;
};

/* All of them at once, or each when the one before has been answered. */
static void
say(const struct visit *v, const struct step *steps, size_t n)
{
	struct buf all = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (v->plan->pipeline) {
			buf_puts(&all, steps[i].line);
			continue;
		}
		put(v, steps[i].line, strlen(steps[i].line));
		expect(v, steps[i].code, steps[i].line);
	}
	if (!v->plan->pipeline)
		return;
	put(v, all.s, all.n);
	for (size_t i = 0; i < n; i++)
		expect(v, steps[i].code, steps[i].line);
	buf_free(&all);
}

static void
put_text(const struct visit *v)
{
	const char *p = v->plan->text.s, *end = p + v->plan->text.n, *next;

	for (; v->plan->line_by_line && p < end; p = next) {
		next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
		put(v, p, (size_t)(next - p));
	}
	put(v, p, (size_t)(end - p));
}

static void
send_message(const struct visit *v)
{
	static const struct step steps[] = {
		{ "MAIL FROM:<sender@example.com>\r\n", "250" },
		{ "RCPT TO:<recipient@example.com>\r\n", "250" },
		{ "DATA\r\n", "354" },
	};

	say(v, steps, v->plan->bdat ? 2 : 3);
	put_text(v);
	expect(v, "250", "the text");
}

/* --- connections --- */

static void
visit_open(struct visit *v)
{
	const struct timeval limit = { .tv_sec = PATIENCE };
	const int on = 1;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
	} a = { .v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)v->plan->port) } };

	v->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (v->fd < 0 || connect(v->fd, &a.any, sizeof a.v4) < 0)
		die(EX_UNAVAILABLE, "cannot connect: %s", strerror(errno));
	setsockopt(v->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (!v->plan->line_by_line)
		setsockopt(v->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	v->in = fdopen(v->fd, "r");
	if (!v->in)
		die(EX_OSERR, "no memory");
}

static void
converse(const struct visit *v, uint64_t messages)
{
	static const struct step hello = { "EHLO load.example.com\r\n", "250" };
	static const struct step goodbye = { "QUIT\r\n", "221" };

	if (v->plan->raw) {
		put(v, v->plan->text.s, v->plan->text.n);
		shutdown(v->fd, SHUT_WR);
		expect(v, "250", "the text");
		return;
	}
	expect(v, "220", "the connection");
	if (v->plan->greet)
		return;
	say(v, &hello, 1);
	while (messages-- > 0)
		send_message(v);
	if (v->plan->hasty)
		put(v, goodbye.line, strlen(goodbye.line));
	else
		say(v, &goodbye, 1);
}

static void
session(const struct plan *plan, uint64_t messages)
{
	struct visit v = { .plan = plan };
	uint64_t n;

	for (; messages > 0; messages -= n) {
		n = messages < plan->per_connection ? messages :
		    plan->per_connection;
		visit_open(&v);
		converse(&v, n);
		fclose(v.in);
	}
}

/* --- all of it --- */

static void
make_text(struct plan *plan)
{
	static const char line[] = "The quick brown fox jumps over the lazy "
	    "dog, and the dog does not mind it.\r\n";
	const size_t most = sizeof line - 1;
	struct buf *b = &plan->text;
	size_t until;

	if (plan->bdat)
		buf_printf(b, "BDAT %" PRIu64 " LAST\r\n", plan->size);
	until = b->n + (size_t)plan->size;
	buf_reserve(b, (size_t)plan->size + most);
	buf_puts(b, "Subject: load\r\n\r\n");
	while (b->n + most + 2 < until)
		buf_add(b, line, most);
	while (b->n + 2 < until)
		buf_putc(b, 'x');
	buf_puts(b, "\r\n");
	if (!plan->bdat && !plan->raw)
		buf_puts(b, ".\r\n");
}

static bool
set_number(struct plan *plan, int which, const char *text)
{
	switch (which) {
	case 'p':
		return text_number(text, 1, 65535, &plan->port);
	case 'n':
		return text_number(text, 1, 1000, &plan->sessions);
	case 'm':
		return text_number(text, 1, UINT32_MAX, &plan->messages);
	case 'k':
		return text_number(text, 1, UINT32_MAX, &plan->per_connection);
	case 's':
		return text_number(text, 64, 1u << 30, &plan->size);
	default:
		return which == 0;
	}
}

static void
read_plan(struct plan *plan, int argc, char *argv[])
{
	const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "sessions", required_argument, NULL, 'n' },
		{ "messages", required_argument, NULL, 'm' },
		{ "per-connection", required_argument, NULL, 'k' },
		{ "size", required_argument, NULL, 's' },
		{ "bdat", no_argument, &plan->bdat, 1 },
		{ "pipeline", no_argument, &plan->pipeline, 1 },
		{ "line-by-line", no_argument, &plan->line_by_line, 1 },
		{ "hasty", no_argument, &plan->hasty, 1 },
		{ "greet", no_argument, &plan->greet, 1 },
		{ "raw", no_argument, &plan->raw, 1 },
		{ NULL, 0, NULL, 0 }
	};
	bool ok = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		ok &= set_number(plan, c, optarg);
	if (!ok || optind < argc || !plan->port)
		die(EX_USAGE, "usage: load --port P [--sessions N] "
		    "[--messages M] [--per-connection K] [--size OCTETS] "
		    "[--bdat] [--pipeline] [--line-by-line] "
		    "[--hasty] [--greet | --raw]");
	if (plan->greet || plan->raw)
		plan->per_connection = 1;
}

/* Processes that wait until the other end of the pipe is closed. */
static void
start_sessions(const struct plan *plan, const int gate[2])
{
	uint64_t n = plan->sessions, messages;
	char c;

	for (uint64_t i = 0; i < n; i++) {
		messages = plan->messages / n + (i < plan->messages % n);
		switch (fork()) {
		case -1:
			die(EX_OSERR, "cannot fork: %s", strerror(errno));
		case 0:
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(gate[1]);
			if (read(gate[0], &c, 1) == 0)
				session(plan, messages);
			_exit(EX_OK);
		}
	}
}

static bool
wait_for_all(void)
{
	bool ok = true;
	int status;

	while (wait(&status) > 0)
		ok &= status == 0;
	return ok;
}

int
main(int argc, char *argv[])
{
	struct plan plan = { .sessions = 1, .messages = 1,
		.per_connection = 1, .size = 4096 };
	struct timespec from, to;
	double seconds;
	int gate[2];

	log_open("load", "load");
	signal(SIGPIPE, SIG_IGN);
	read_plan(&plan, argc, argv);
	make_text(&plan);
	if (pipe(gate) < 0)
		die(EX_OSERR, "cannot make a pipe: %s", strerror(errno));
	start_sessions(&plan, gate);
	clock_gettime(CLOCK_MONOTONIC, &from);
	close(gate[1]);
	if (!wait_for_all())
		return EX_UNAVAILABLE;
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) +
	    (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%" PRIu64 " messages in %.6f s, %.1f messages/s\n",
	    plan.messages, seconds, (double)plan.messages / seconds);
	return EX_OK;
}
