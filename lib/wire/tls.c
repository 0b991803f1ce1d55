/* SPDX-License-Identifier: ISC */
#include "wire/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/date.h"
#include "base/environment.h"
#include "base/system.h"
#include "base/text.h"

/* What sslserver, s6-tlsd, tls-io and others call it. */
static const struct {
	const char *name;
	size_t at;              /* a struct buf in struct tls_facts */
} names[] = {
	{ "SSL_PROTOCOL", offsetof(struct tls_facts, protocol) },
	{ "SSL_CIPHER", offsetof(struct tls_facts, cipher) },
	{ "SSL_PEER_CERT_SUBJECT", offsetof(struct tls_facts, subject) },
	{ "SSL_CLIENT_S_DN", offsetof(struct tls_facts, subject) },
	{ "SSL_PEER_CERT_NAMES", offsetof(struct tls_facts, names) },
	{ "SSL_PEER_CERT_END", offsetof(struct tls_facts, end) },
	{ "SSL_PEER_CERT_PEM", offsetof(struct tls_facts, certificate) },
	{ "SSL_CLIENT_CERT", offsetof(struct tls_facts, certificate) },
	{ "SSL_PEER_VERIFY", offsetof(struct tls_facts, verified) },
	{ "SSL_TLS_SNI_SERVERNAME", offsetof(struct tls_facts, server_name) },
};
enum { NAMES = sizeof names / sizeof names[0] };

/* A certificate may come in many lines: the value is one. */
static void
set_fact(struct tls_facts *facts, size_t i, const char *value)
{
	struct buf *b = (struct buf *)(void *)((char *)facts + names[i].at);

	buf_clear(b);
	for (; *value; value++)
		if (*value != '\n' && *value != '\r')
			buf_putc(b, *value);
	if (!text_clean(buf_text(b), b->n))
		buf_clear(b);
}

void
tls_note(struct tls_facts *facts, const char *fact)
{
	size_t n = strcspn(fact, "=");

	for (size_t i = 0; i < NAMES; i++)
		if (fact[n] && strlen(names[i].name) == n &&
		    strncmp(fact, names[i].name, n) == 0)
			set_fact(facts, i, fact + n + 1);
}

void
tls_forget(struct tls_facts *facts)
{
	for (size_t i = 0; i < NAMES; i++)
		set_fact(facts, i, "");
	buf_clear(&facts->why);
}

bool
tls_inherited(struct tls_facts *facts)
{
	const char *value;

	for (size_t i = 0; i < NAMES; i++) {
		value = getenv(names[i].name);
		if (value)
			set_fact(facts, i, value);
	}
	return facts->protocol.n > 0;
}

/* --- starting tls-io --- */

static void
option(struct list *args, const char *name, const char *value)
{
	struct buf arg = { 0 };

	if (value) {
		buf_printf(&arg, "--%s=%s", name, value);
		list_add(args, arg.s);
	}
	buf_free(&arg);
}

static void
arguments(struct list *args, const struct tls_config *conf)
{
	list_add(args, conf->program);
	list_add(args, "--relay");
	option(args, "tls-config", conf->settings);
	if (conf->client) {
		list_add(args, "--client-tls-connection");
		option(args, "client-tls-certificate", conf->certificate);
		option(args, "client-tls-verify", conf->trusted);
		option(args, "client-tls-server-name", conf->server_name);
	} else {
		option(args, "server-tls", conf->certificate);
		option(args, "tls-key", conf->key);
		option(args, "server-tls-verify", conf->trusted);
		option(args, "alpn", conf->alpn);
	}
}

/* In the child: only async-signal-safe calls. */
static void
become(char **argv, char **env, int fds[TLS_FDS])
{
	fds[STDERR_FILENO] = open("/dev/null", O_WRONLY);
	/* first out of each other's way */
	for (int i = 0; i < TLS_FDS; i++)
		if (fds[i] >= 0)
			fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, TLS_FDS);
	for (int i = 0; i < TLS_FDS; i++)
		if (fds[i] < 0)
			close(i);
		else if (dup2(fds[i], i) < 0)
			_exit(EX_OSERR);
	close_range(TLS_FDS, ~0U, 0);
	execve(argv[0], argv, env);
	_exit(EX_OSERR);
}

struct relay {
	pid_t pid;
	int plain;
	struct io report;
};

static pid_t
run(const struct tls_config *conf, const struct io *io, int plain, int report)
{
	int fds[TLS_FDS] = { io->in, io->out, -1,
		[TLS_PLAIN_FD] = plain,
		[TLS_REPORT_FD] = report,
		[TLS_CERTIFICATE_FD] = conf->certificate_fd,
		[TLS_KEY_FD] = conf->key_fd };
	struct list args = { 0 };
	/* it gets all it needs to know as arguments, and no secret of ours */
	char **argv, **env = environment_others();
	pid_t pid;

	arguments(&args, conf);
	argv = list_argv(&args);
	pid = fork();
	if (pid == 0)
		become(argv, env, fds);
	free(argv);
	free(env);
	list_free(&args);
	return pid;
}

static bool
start(struct relay *r, const struct tls_config *conf, const struct io *io)
{
	unsigned seconds = io->seconds < TLS_SECONDS ? io->seconds :
	    TLS_SECONDS;
	int plain[2], report[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, plain) < 0)
		return false;
	if (pipe2(report, O_CLOEXEC) < 0) {
		close(plain[0]);
		close(plain[1]);
		return false;
	}
	r->pid = run(conf, io, plain[1], report[1]);
	close(plain[1]);
	close(report[1]);
	r->plain = plain[0];
	io_open(&r->report, report[0], report[0], seconds);
	r->report.lf = true;
	r->report.until = date_ticks() + (int64_t)seconds * 1000;
	return r->pid > 0;
}

/* --- the handshake --- */

/* Hear tls-io out up to that line. False if it comes to another end. */
static bool
hear(struct io *report, const char *last, struct tls_facts *facts)
{
	enum io_line got;
	char *line;
	size_t n;

	while ((got = io_line(report, IO_BUFFER / 2, &line, &n)) != IO_NONE) {
		if (got == IO_LONG)
			continue;       /* a certificate out of proportion */
		if (strcmp(line, last) == 0)
			return true;
		if (text_starts(line, "failed ")) {
			buf_set(&facts->why, line + 7);
			return false;
		}
		tls_note(facts, line);
	}
	buf_set(&facts->why, report->state == IO_TIMEOUT ? "timed out" :
	    "tls-io has ended");
	return false;
}

/* A client that was asked to wait for the go-ahead has said something. */
static bool
overheard(struct io *io, const char *go_ahead, struct tls_facts *facts)
{
	bool any = go_ahead ? io_stale(io) : io_buffered(io) > 0;

	if (any)
		buf_set(&facts->why, "clear text behind the request");
	return any;
}

static enum tls_outcome
negotiate(struct io *io, struct io *report, const char *go_ahead,
    struct tls_facts *facts)
{
	if (!hear(report, "ready", facts))
		return TLS_UNAVAILABLE;
	if (overheard(io, go_ahead, facts))
		return TLS_BROKEN;
	if (go_ahead)
		io_print(io, "%s", go_ahead);
	io_flush(io);
	return hear(report, "secure", facts) ? TLS_SECURE : TLS_BROKEN;
}

/* They have done their work, and what follows is a stranger's input. */
static void
close_files(const struct tls_config *conf)
{
	close(conf->certificate_fd);
	if (conf->key_fd >= 0)
		close(conf->key_fd);
}

static void
hang_up(struct io *io)
{
	buf_clear(&io->pending);
	io->start = io->end = 0;
	io->state = IO_ERROR;
	io->error = EPROTO;
}

static enum tls_outcome
interpose(const struct tls_config *conf, struct io *io, const char *go_ahead,
    struct tls_facts *facts)
{
	enum tls_outcome outcome = TLS_UNAVAILABLE;
	struct relay r = { .pid = -1, .plain = -1,
		.report = { .in = -1, .out = -1, .state = IO_EOF } };

	if (start(&r, conf, io))
		outcome = negotiate(io, &r.report, go_ahead, facts);
	else
		buf_set(&facts->why, strerror(errno));
	io_close(&r.report);
	if (outcome == TLS_SECURE) {
		io_replace(io, r.plain, r.plain);
		io->relay = r.pid;
		return outcome;
	}
	close(r.plain);
	if (r.pid > 0) {
		kill(r.pid, SIGKILL);
		waitpid(r.pid, NULL, 0);
	}
	if (outcome == TLS_BROKEN)
		hang_up(io);
	return outcome;
}

enum tls_outcome
tls_accept(const struct tls_config *conf, struct io *io, const char *go_ahead,
    struct tls_facts *facts)
{
	enum tls_outcome outcome = interpose(conf, io, go_ahead, facts);

	if (outcome == TLS_SECURE)
		close_files(conf);
	return outcome;
}

enum tls_outcome
tls_connect(const struct tls_config *conf, struct io *io,
    struct tls_facts *facts)
{
	enum tls_outcome outcome;

	tls_forget(facts);
	if (io_buffered(io) > 0) {
		buf_set(&facts->why, "clear text before the handshake");
		outcome = TLS_BROKEN;
	} else {
		outcome = interpose(conf, io, NULL, facts);
	}
	if (outcome == TLS_SECURE)
		return outcome;
	/* the server does not listen to clear text any more */
	hang_up(io);
	return TLS_BROKEN;
}

/* --- UCSPI-TLS --- */

static int
number(const char *name)
{
	const char *value = getenv(name);
	uint64_t n;

	return value && text_number(value, 3, 65535, &n) ? (int)n : -1;
}

bool
tls_delegable(void)
{
	const char *offer = getenv("UCSPITLS");

	return offer && strcmp(offer, "-") != 0 && number("SSLCTLFD") > 0 &&
	    number("SSLREADFD") > 0 && number("SSLWRITEFD") > 0;
}

/* Strings, each with a NUL behind it, up to an empty one. */
static bool
read_facts(struct io *control, struct tls_facts *facts)
{
	struct buf fact = { 0 };
	const char *p;
	bool done = false;
	size_t n;

	while (!done && fact.n < IO_BUFFER && io_peek(control, &p) > 0) {
		if (*p) {
			n = strnlen(p, io_buffered(control));
			buf_add(&fact, p, n);
		} else {
			n = 1;
			done = fact.n == 0;
			tls_note(facts, buf_text(&fact));
			buf_clear(&fact);
		}
		io_skip(control, n);
	}
	buf_free(&fact);
	if (!done)
		buf_set(&facts->why, io_why(control));
	return done;
}

enum tls_outcome
tls_delegate(struct io *io, const char *go_ahead, struct tls_facts *facts)
{
	unsigned seconds = io->seconds < TLS_SECONDS ? io->seconds :
	    TLS_SECONDS;
	int fd = number("SSLCTLFD");
	struct io control;
	bool secure = false;

	io_open(&control, fd, fd, seconds);
	if (!overheard(io, go_ahead, facts)) {
		io_print(io, "%s", go_ahead);
		io_flush(io);
		/* Y: start, and tell of it */
		io_write(&control, "Y", 1);
		secure = read_facts(&control, facts);
	}
	io_close(&control);
	if (secure)
		io_replace(io, number("SSLREADFD"), number("SSLWRITEFD"));
	else
		hang_up(io);
	return secure ? TLS_SECURE : TLS_BROKEN;
}
