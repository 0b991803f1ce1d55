/* SPDX-License-Identifier: ISC */
/*
 * An SMTP server that throws its mail away, a process for each connection.
 * It prints its port; and when it is told to end (SIGTERM) what there was:
 * `C connections, M messages, O octets, T turns, S seconds`. A turn: the
 * client has waited for replies, but for those to its last QUIT. The seconds go
 * from the first connection to the end of the last text.
 *
 *	--address IP    to listen at, in place of 127.0.0.1
 *	--delay-ms N    before each reply
 *	--away-ms N     before each lot of replies that the client waits for:
 *	                the round trip to a server that is far away
 *	--chunking      offer it
 *	--until N       end when so many messages have come
 *	--log FILE      the first line of each text that has come to its end
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "parts/smtp.h"

/* Shared by all the processes. */
static struct counts {
	uint64_t connections, messages, octets, turns;
	uint64_t from, to;      /* in ns */
} *counts;

static volatile sig_atomic_t over;
static int list = -1;
static uint64_t until;

static void
finish(int sig)
{
	(void)sig;
	over = 1;
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The first line of the text at hand. */
static struct {
	char s[128];
	size_t n;
	bool whole;
} first;

static void
begin(void)
{
	first.n = 0;
	first.whole = false;
}

static void
text(const char *p, size_t n)
{
	__atomic_add_fetch(&counts->octets, n, __ATOMIC_RELAXED);
	for (; n > 0 && !first.whole; p++, n--) {
		if (*p != '\r' && first.n < sizeof first.s)
			first.s[first.n++] = *p;
		first.whole = *p == '\n' || first.n == sizeof first.s;
	}
}

static void
turn(void)
{
	__atomic_add_fetch(&counts->turns, 1, __ATOMIC_RELAXED);
}

/* In one write: several connections use the file. */
static void
end(void)
{
	uint64_t n = __atomic_add_fetch(&counts->messages, 1, __ATOMIC_RELAXED);

	__atomic_store_n(&counts->to, now(), __ATOMIC_RELAXED);
	if (list >= 0 && write(list, first.s, first.n) != (ssize_t)first.n)
		die(EX_IOERR, "cannot write the log: %s", strerror(errno));
	if (n == until)
		kill(getppid(), SIGTERM);
}

static const char usage[] = "usage: sink [--address IP] [--delay-ms N] "
	"[--away-ms N] [--chunking] [--until N] [--log FILE]";

static unsigned
milliseconds(const char *text)
{
	uint64_t n;

	if (!text_number(text, 0, 60000, &n))
		die(EX_USAGE, "%s", usage);
	return (unsigned)n;
}

static int
open_list(const char *name)
{
	int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		die(EX_CANTCREAT, "cannot open %s: %s", name, strerror(errno));
	return fd;
}

static void
read_options(int argc, char *argv[], struct smtp *s, struct in_addr *address)
{
	static const struct option options[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "delay-ms", required_argument, NULL, 'd' },
		{ "away-ms", required_argument, NULL, 'w' },
		{ "chunking", no_argument, NULL, 'c' },
		{ "until", required_argument, NULL, 'n' },
		{ "log", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (c == 'd')
			s->delay_ms = milliseconds(optarg);
		else if (c == 'w')
			s->away_ms = milliseconds(optarg);
		else if (c == 'c')
			s->chunking = true;
		else if (c == 'n' && text_number(optarg, 1, UINT32_MAX, &until))
			continue;
		else if (c == 'l')
			list = open_list(optarg);
		else if (c != 'a' || inet_pton(AF_INET, optarg, address) != 1)
			die(EX_USAGE, "%s", usage);
}

static int
listen_somewhere(struct in_addr address)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
	} a = { .v4 = { .sin_family = AF_INET,
		.sin_addr = address } };
	socklen_t n = sizeof a.v4;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &a.any, n) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, &a.any, &n) < 0)
		die(EX_OSERR, "cannot listen: %s", strerror(errno));
	printf("%u\n", (unsigned)ntohs(a.v4.sin_port));
	fflush(stdout);
	return fd;
}

static void
visit(struct smtp *s, int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s->in = s->out = fd;
	smtp_serve(s);
	_exit(EX_OK);
}

int
main(int argc, char *argv[])
{
	const struct sigaction act = { .sa_handler = finish };
	struct smtp s = { .begin = begin, .text = text, .end = end,
		.turn = turn };
	struct in_addr address = { htonl(INADDR_LOOPBACK) };
	int door, fd;

	log_open("sink", "sink");
	read_options(argc, argv, &s, &address);
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die(EX_OSERR, "no memory: %s", strerror(errno));
	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	door = listen_somewhere(address);
	while (!over) {
		fd = accept(door, NULL, NULL);
		if (fd < 0)
			continue;
		if (counts->connections++ == 0)
			counts->from = counts->to = now();
		if (fork() == 0)
			visit(&s, fd);
		close(fd);
	}
	printf("%" PRIu64 " connections, %" PRIu64 " messages, %" PRIu64
	    " octets, %" PRIu64 " turns, %.6f seconds\n", counts->connections,
	    counts->messages, counts->octets, counts->turns,
	    (double)(counts->to - counts->from) / 1e9);
	return EX_OK;
}
