/* SPDX-License-Identifier: ISC */
/*
 * An SMTP server that throws its mail away, a process for each connection.
 * It prints its port; and when it is told to end (SIGTERM) what there was:
 * `C connections, M messages, O octets`.
 *
 *	sink [--delay-ms N]
 */
#include <errno.h>
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
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "parts/smtp.h"

/* Shared by all the processes. */
static struct counts {
	uint64_t connections, messages, octets;
} *counts;

static volatile sig_atomic_t over;

static void
finish(int sig)
{
	(void)sig;
	over = 1;
}

static void
begin(void)
{
}

static void
text(const char *p, size_t n)
{
	(void)p;
	__atomic_add_fetch(&counts->octets, n, __ATOMIC_RELAXED);
}

static void
end(void)
{
	__atomic_add_fetch(&counts->messages, 1, __ATOMIC_RELAXED);
}

static unsigned
read_delay(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "delay-ms", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 }
	};
	uint64_t delay = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (c != 'd' || !text_number(optarg, 0, 60000, &delay))
			die(EX_USAGE, "usage: sink [--delay-ms N]");
	return (unsigned)delay;
}

static int
listen_somewhere(void)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
	} a = { .v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
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
visit(int fd, unsigned delay)
{
	const struct smtp s = { .in = fd, .out = fd, .delay_ms = delay,
		.begin = begin, .text = text, .end = end };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	smtp_serve(&s);
	_exit(EX_OK);
}

int
main(int argc, char *argv[])
{
	const struct sigaction act = { .sa_handler = finish };
	unsigned delay;
	int door, fd;

	log_open("sink", "sink");
	delay = read_delay(argc, argv);
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		die(EX_OSERR, "no memory: %s", strerror(errno));
	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	door = listen_somewhere();
	while (!over) {
		fd = accept(door, NULL, NULL);
		if (fd < 0)
			continue;
		counts->connections++;
		if (fork() == 0)
			visit(fd, delay);
		close(fd);
	}
	printf("%" PRIu64 " connections, %" PRIu64 " messages, %" PRIu64
	    " octets\n", counts->connections, counts->messages,
	    counts->octets);
	return EX_OK;
}
