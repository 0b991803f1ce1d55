/* SPDX-License-Identifier: ISC */
/*
 * A POP3 client that reads what there is, one command at a time, and gives up
 * at the first reply that is not what it has to be. It prints the seconds of
 * each phase: `S STAT`, from before the connection until the answer to STAT;
 * `S LIST`, of LIST and UIDL; `S RETR`, of all the texts.
 *
 *	popload --port P --user NAME --messages N [--list]
 *	    [--retr K --size OCTETS]
 *
 * The password is "secret", and N messages there have to be. --retr: the first
 * K of them, each of so many octets or more.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "wire/io.h"

enum { PATIENCE = 300, LINE = 2048 };

struct plan {
	uint64_t port, messages, retr, size;
	const char *user;
	int list;               /* set by getopt_long */
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
visit(struct io *io, uint64_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
	} a = { .v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, &a.any, sizeof a.v4) < 0)
		die(EX_UNAVAILABLE, "cannot connect: %s", strerror(errno));
	io_open(io, fd, fd, PATIENCE);
}

static char *
line(struct io *io, size_t *n)
{
	char *s;

	if (io_line(io, LINE, &s, n) != IO_LINE)
		die(EX_IOERR, "no reply: %s", io_why(io));
	return s;
}

/*
 * The reply; to is NULL for the greeting. Who sends it in several small writes
 * (popa3d) has to wait for our acknowledgement, which the kernel likes to give
 * 40 ms later; not here, since that would be all that is measured.
 */
static const char *
ask(struct io *io, const char *to)
{
	const int on = 1;
	const char *reply;
	size_t n;

	if (to) {
		io_print(io, "%s\r\n", to);
		io_flush(io);
	}
	setsockopt(io->in, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	reply = line(io, &n);
	if (!text_starts(reply, "+OK"))
		die(EX_PROTOCOL, "the reply to %s was: %s",
		    to ? to : "the connection", reply);
	return reply;
}

/* What follows a reply, to its end. */
struct extent {
	uint64_t lines, octets;
};

static struct extent
rest(struct io *io)
{
	struct extent e = { .lines = 0 };
	const char *s;
	size_t n;

	while (s = line(io, &n), n != 1 || *s != '.') {
		e.lines++;
		e.octets += n + 2;
	}
	return e;
}

static void
log_in(struct io *io, const struct plan *plan)
{
	char command[LINE];

	ask(io, NULL);
	snprintf(command, sizeof command, "USER %s", plan->user);
	ask(io, command);
	ask(io, "PASS secret");
}

static void
count(struct io *io, const struct plan *plan)
{
	const char *reply = ask(io, "STAT");
	uint64_t n;

	if (sscanf(reply, "+OK %" SCNu64, &n) != 1 || n != plan->messages)
		die(EX_PROTOCOL, "not %" PRIu64 " messages: %s",
		    plan->messages, reply);
}

static void
list(struct io *io, const struct plan *plan)
{
	static const char *const commands[] = { "LIST", "UIDL" };
	struct extent e;

	for (size_t i = 0; i < 2; i++) {
		ask(io, commands[i]);
		e = rest(io);
		if (e.lines != plan->messages)
			die(EX_PROTOCOL, "%s names %" PRIu64 " messages",
			    commands[i], e.lines);
	}
}

static void
retrieve(struct io *io, const struct plan *plan)
{
	char command[64];
	struct extent e;

	for (uint64_t i = 1; i <= plan->retr; i++) {
		snprintf(command, sizeof command, "RETR %" PRIu64, i);
		ask(io, command);
		e = rest(io);
		if (e.octets < plan->size)
			die(EX_PROTOCOL, "message %" PRIu64 " has only %"
			    PRIu64 " octets", i, e.octets);
	}
}

static void
read_all(const struct plan *plan)
{
	double from = now(), to;
	struct io io;

	visit(&io, plan->port);
	log_in(&io, plan);
	count(&io, plan);
	to = now();
	printf("%.6f STAT\n", to - from);
	from = to;
	if (plan->list) {
		list(&io, plan);
		to = now();
		printf("%.6f LIST\n", to - from);
		from = to;
	}
	if (plan->retr) {
		retrieve(&io, plan);
		printf("%.6f RETR\n", now() - from);
	}
	ask(&io, "QUIT");
	io_close(&io);
}

static bool
set(struct plan *plan, int which, const char *text)
{
	switch (which) {
	case 'p':
		return text_number(text, 1, 65535, &plan->port);
	case 'm':
		return text_number(text, 0, UINT32_MAX, &plan->messages);
	case 'r':
		return text_number(text, 0, UINT32_MAX, &plan->retr);
	case 's':
		return text_number(text, 0, UINT32_MAX, &plan->size);
	case 'u':
		plan->user = text;
		return true;
	default:
		return which == 0;
	}
}

int
main(int argc, char *argv[])
{
	struct plan plan = { .port = 0 };
	const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "messages", required_argument, NULL, 'm' },
		{ "user", required_argument, NULL, 'u' },
		{ "list", no_argument, &plan.list, 1 },
		{ "retr", required_argument, NULL, 'r' },
		{ "size", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 }
	};
	bool ok = true;
	int c;

	log_open("popload", "popload");
	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		ok &= set(&plan, c, optarg);
	if (!ok || optind < argc || !plan.port || !plan.user)
		die(EX_USAGE, "usage: popload --port P --user NAME "
		    "--messages N [--list] [--retr K --size OCTETS]");
	read_all(&plan);
	return EX_OK;
}
