/* SPDX-License-Identifier: ISC */
/*
 * What STARTTLS costs at least if a server lives long: it has made OpenSSL
 * ready, and forks for each connection, in which it does nothing else. It
 * prints its port. Each handshake is a full one.
 *
 *	tlsfloor CERTIFICATE KEY
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

struct visit {
	int fd;
	SSL *ssl;               /* from the handshake on */
};

static SSL_CTX *
context(const char *certificate, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		errx(EX_CONFIG, "no certificate, or no key");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
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
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, &a.any, n) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, &a.any, &n) < 0)
		err(EX_OSERR, "cannot listen");
	printf("%u\n", (unsigned)ntohs(a.v4.sin_port));
	fflush(stdout);
	return fd;
}

static void
reply(const struct visit *v, const char *text)
{
	int n = (int)strlen(text);

	if ((v->ssl ? SSL_write(v->ssl, text, n) :
	    (int)write(v->fd, text, (size_t)n)) != n)
		_exit(EX_IOERR);
}

/* The client says one command, and waits. */
static void
command(const struct visit *v, char *line, size_t room)
{
	ssize_t n = v->ssl ? SSL_read(v->ssl, line, (int)room - 1) :
	    read(v->fd, line, room - 1);

	if (n <= 0)
		_exit(EX_IOERR);
	line[n] = '\0';
}

static void
serve(struct visit *v, SSL *ssl)
{
	char line[1024];

	reply(v, "220 bench ESMTP\r\n");
	for (;;) {
		command(v, line, sizeof line);
		if (strncasecmp(line, "QUIT", 4) == 0)
			break;
		if (strncasecmp(line, "STARTTLS", 8) != 0) {
			reply(v, "250-bench\r\n250 STARTTLS\r\n");
			continue;
		}
		reply(v, "220 go ahead\r\n");
		if (!ssl || !SSL_set_fd(ssl, v->fd) || SSL_accept(ssl) != 1)
			_exit(EX_PROTOCOL);
		v->ssl = ssl;
	}
	reply(v, "221 bye\r\n");
	if (ssl)
		SSL_shutdown(ssl);
}

int
main(int argc, char *argv[])
{
	struct visit v = { 0 };
	const int on = 1;
	SSL_CTX *ctx;
	int door;

	if (argc != 3)
		errx(EX_USAGE, "usage: tlsfloor CERTIFICATE KEY");
	ctx = context(argv[1], argv[2]);
	signal(SIGCHLD, SIG_IGN);
	door = listen_somewhere();
	for (;;) {
		v.fd = accept(door, NULL, NULL);
		if (v.fd >= 0 && fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			setsockopt(v.fd, IPPROTO_TCP, TCP_NODELAY, &on,
			    sizeof on);
			serve(&v, SSL_new(ctx));
			_exit(EX_OK);
		}
		close(v.fd);
	}
}
