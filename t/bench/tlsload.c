/* SPDX-License-Identifier: ISC */
/*
 * STARTTLS sessions: EHLO, STARTTLS, a full handshake, EHLO, QUIT; one after
 * another from several clients at once. The last line is
 * `N sessions in S s, R sessions/s`. No part of the library, so that it can be
 * linked with the libc that OpenSSL has.
 *
 *	tlsload PORT CLIENTS SESSIONS
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
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

enum { PATIENCE = 60 };         /* seconds for one reply */

struct visit {
	int fd;
	SSL *ssl;               /* from the handshake on */
};

/* --- what is said --- */

static size_t
get(const struct visit *v, char *p, size_t room)
{
	ssize_t n = v->ssl ? SSL_read(v->ssl, p, (int)room) :
	    read(v->fd, p, room);

	if (n <= 0)
		errx(EX_IOERR, "no reply");
	return (size_t)n;
}

/* The last line of a reply, which is all that comes until we speak. */
static void
expect(const struct visit *v, const char *code)
{
	char s[4096], *line = s;
	size_t n = 0;

	do {
		if (n == sizeof s - 1)
			errx(EX_PROTOCOL, "a reply without an end");
		n += get(v, s + n, sizeof s - 1 - n);
		s[n] = '\0';
		if (s[n - 1] != '\n')
			continue;
		s[n - 1] = '\0';
		line = strrchr(s, '\n');
		line = line ? line + 1 : s;
		s[n - 1] = '\n';
	} while (s[n - 1] != '\n' || strlen(line) < 4 || line[3] == '-');
	if (strncmp(line, code, 3) != 0)
		errx(EX_PROTOCOL, "a reply was: %s", line);
}

static void
say(const struct visit *v, const char *line, const char *code)
{
	int n = (int)strlen(line);

	if ((v->ssl ? SSL_write(v->ssl, line, n) :
	    (int)write(v->fd, line, (size_t)n)) != n)
		errx(EX_IOERR, "cannot send");
	expect(v, code);
}

/* --- sessions --- */

static int
connection(const char *port)
{
	const struct timeval limit = { .tv_sec = PATIENCE };
	const int on = 1;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
	} a = { .v4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(port)) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, &a.any, sizeof a.v4) < 0)
		err(EX_UNAVAILABLE, "cannot connect");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static void
session(SSL_CTX *ctx, const char *port)
{
	struct visit v = { .fd = connection(port) };
	SSL *ssl = SSL_new(ctx);

	expect(&v, "220");
	say(&v, "EHLO load.example.com\r\n", "250");
	say(&v, "STARTTLS\r\n", "220");
	if (!ssl || !SSL_set_fd(ssl, v.fd) || SSL_connect(ssl) != 1)
		errx(EX_PROTOCOL, "no handshake");
	v.ssl = ssl;
	say(&v, "EHLO load.example.com\r\n", "250");
	say(&v, "QUIT\r\n", "221");
	if (SSL_session_reused(ssl))
		errx(EX_PROTOCOL, "not a full handshake");
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(v.fd);
}

/* It waits until the other end of the pipe is closed. */
static void
client(SSL_CTX *ctx, const char *port, int sessions, const int gate[2])
{
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(gate[1]);
	if (read(gate[0], &c, 1) == 0)
		while (sessions-- > 0)
			session(ctx, port);
	_exit(EX_OK);
}

static SSL_CTX *
context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx)
		errx(EX_SOFTWARE, "OpenSSL does not work");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char *argv[])
{
	SSL_CTX *ctx = context();
	int gate[2], clients, n, status;
	double from;

	if (argc != 4)
		errx(EX_USAGE, "usage: tlsload PORT CLIENTS SESSIONS");
	signal(SIGPIPE, SIG_IGN);
	clients = atoi(argv[2]);
	n = atoi(argv[3]);
	if (pipe(gate) < 0)
		err(EX_OSERR, "no pipe");
	for (int i = 0; i < clients; i++)
		if (fork() == 0)
			client(ctx, argv[1], n / clients + (i < n % clients),
			    gate);
	from = seconds();
	close(gate[1]);
	while (wait(&status) > 0)
		if (status != 0)
			return EX_UNAVAILABLE;
	from = seconds() - from;
	printf("%d sessions in %.6f s, %.1f sessions/s\n", n, from, n / from);
	return EX_OK;
}
