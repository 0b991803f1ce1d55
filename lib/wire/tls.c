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

#include "base/text.h"
#include "wire/relay.h"

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

void
tls_close_files(struct tls_config *conf)
{
	if (!conf->program)
		return;         /* there are none */
	close(conf->certificate_fd);
	if (conf->key_fd >= 0)
		close(conf->key_fd);
	conf->certificate_fd = conf->key_fd = -1;
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

	if (relay_start(&r, conf, io))
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
	relay_stop(&r, conf);
	if (outcome == TLS_BROKEN)
		hang_up(io);
	return outcome;
}

enum tls_outcome
tls_accept(struct tls_config *conf, struct io *io, const char *go_ahead,
    struct tls_facts *facts)
{
	enum tls_outcome outcome = interpose(conf, io, go_ahead, facts);

	if (outcome == TLS_SECURE)
		tls_close_files(conf);
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
