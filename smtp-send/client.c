/* SPDX-License-Identifier: ISC */
#include "send.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/date.h"
#include "base/text.h"
#include "wire/peer.h"

enum { GOODBYE_SECONDS = 5 };

/* The conversation is over; the reply says why. */
static enum fate
lost(struct client *c, const char *why, const char *when, const char *to)
{
	struct buf text = { 0 };

	buf_printf(&text, "4.4.2 %s %s %s", why, when, to);
	reply_make(&c->reply, 451, text.s);
	buf_free(&text);
	client_drop(c);
	return LOST;
}

/* Before a command that will be logged like this. To go on would be to take
 * what the server has said already, whatever that was about, for the reply
 * to it. */
static void
announce(struct client *c, const char *shown)
{
	if (c->asked == 0 && io_buffered(&c->io) > 0)
		lost(c, "reply out of turn", "before", shown);
	log_detail("tx>>: \"%s\"", shown);
	c->asked++;
}

void
client_say(struct client *c, const char *fmt, ...)
{
	struct buf line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	announce(c, line.s);
	io_print(&c->io, "%s\r\n", line.s);
	buf_free(&line);
}

void
client_say_secret(struct client *c, const char *line, const char *shown)
{
	size_t n = strlen(line);

	announce(c, shown);
	buf_reserve(&c->io.pending, n + 2);
	io_write(&c->io, line, n);
	io_write(&c->io, "\r\n", 2);
	io_flush(&c->io);
	buf_wipe(&c->io.pending);
}

static bool
is_wanted(int code, int want)
{
	return want == CLIENT_AUTH ? code == 235 || code == 334 :
	    code / 100 == want;
}

static enum fate
fate_of(struct client *c, int want, const char *to)
{
	struct buf why = { 0 };
	int class = c->reply.code / 100;

	if (is_wanted(c->reply.code, want))
		return SENT;
	if (c->reply.code == 421)
		client_drop(c);
	if (class == 4)
		return LATER;
	if (class == 5)
		return REFUSED;
	buf_puts(&why, "unexpected reply ");
	reply_text(&c->reply, &why);
	lost(c, why.s, "to", to);
	buf_free(&why);
	return LOST;
}

/* A whole reply, within the time for one. NULL, or what is wrong. */
static const char *
read_reply(struct client *c)
{
	enum reply_state st = REPLY_MORE;
	size_t n;
	char *line;

	reply_clear(&c->reply);
	c->io.until = date_ticks() + (int64_t)c->io.seconds * 1000;
	while (st == REPLY_MORE) {
		switch (io_line(&c->io, REPLY_LINE, &line, &n)) {
		case IO_NONE:
			return io_why(&c->io);
		case IO_LONG:
			return "endless line";
		case IO_LINE:
			break;
		}
		log_detail("rx<<: \"%s\"", line);
		st = reply_line(&c->reply, line, n);
	}
	c->io.until = 0;
	return st == REPLY_BAD ? "invalid reply" : NULL;
}

enum fate
client_hear(struct client *c, int want, const char *to)
{
	const char *wrong;

	if (!c->open)
		return LOST;    /* the reply tells why already */
	wrong = read_reply(c);
	if (wrong)
		return lost(c, wrong, "while waiting for the reply to", to);
	if (c->asked > 0)
		c->asked--;
	return fate_of(c, want, to);
}

enum fate
client_last_words(struct client *c)
{
	enum fate f;

	if (!c->open)
		return LOST;
	/* If our writing has failed, what the server wrote before it went
	 * may still be there, and tells more than a broken pipe. */
	c->io.state = IO_OPEN;
	c->io.seconds = 1;
	f = client_hear(c, 2, "the text");
	client_drop(c);
	if (f == SENT)
		reply_make(&c->reply, 451,
		    "4.5.0 the server has answered half of the text");
	return f == SENT ? LOST : f;
}

/* --- what the server offers --- */

static void
note_offer(struct client *c, const char *line)
{
	static const struct {
		const char *word;
		unsigned can;
	} offers[] = {
		{ "PIPELINING", PIPELINING }, { "SIZE", SIZE },
		{ "8BITMIME", EIGHT_BIT }, { "SMTPUTF8", UTF8 },
		{ "STARTTLS", STARTTLS }, { "CHUNKING", CHUNKING },
	};
	size_t n = strcspn(line, " ");

	login_offer(c, line);
	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		if (strlen(offers[i].word) == n &&
		    strncasecmp(offers[i].word, line, n) == 0)
			c->can |= offers[i].can;
	}
	if (strncasecmp(line, "SIZE ", 5) == 0)
		text_number(line + 5, 0, UINT64_MAX, &c->size_limit);
}

static enum fate
hello(struct client *c)
{
	enum fate f;

	client_say(c, "EHLO %s", c->domain);
	f = client_hear(c, 2, "EHLO");
	/* It may have been slow to greet us: then that was the greeting. */
	if (f == SENT && c->reply.code == 220)
		f = client_hear(c, 2, "EHLO");
	if (f == REFUSED && c->reply.code <= 504) {
		client_say(c, "HELO %s", c->domain);
		return client_hear(c, 2, "HELO");
	}
	for (size_t i = 1; f == SENT && i < c->reply.lines.n; i++)
		note_offer(c, list_get(&c->reply.lines, i));
	return f;
}

/* Nothing may stand in the buffer that would be taken for the reply to what
 * we say next. */
static enum fate
in_turn(struct client *c, enum fate f, const char *to)
{
	if (f == SENT && io_buffered(&c->io) > 0)
		return lost(c, "reply out of turn", "behind the one to", to);
	return f;
}

static enum fate
introduce(struct client *c)
{
	enum fate f;

	c->can = 0;
	c->size_limit = 0;
	c->offers_auth = c->authenticated = false;
	c->ways = 0;
	f = hello(c);
	c->asked = 0;           /* even if there was no greeting */
	return in_turn(c, f, "EHLO");
}

/* Is there a word from it before the time is up, or the end? */
static bool
is_greeted(struct client *c)
{
	int64_t by = date_ticks() + (int64_t)c->conf->prompt_timeout * 1000;
	int64_t left;

	/* a signal ends a wait, but not this one */
	while ((left = by - date_ticks()) > 0)
		if (io_peek_within(&c->io, (unsigned)((left + 999) / 1000)))
			return true;
	return false;
}

/* Wait for the greeting; after --prompt-timeout go on without. */
static enum fate
greeting(struct client *c)
{
	enum fate f;

	if (is_greeted(c)) {
		f = client_hear(c, 2, "the connection");
		if (f == SENT && c->reply.code != 220)
			return lost(c, "no greeting", "after", "the connection");
		return f;
	}
	log_warning("no greeting from %s, going on without", c->relay);
	return SENT;
}

/* Tell those who watch whom we are going to talk to, */
static void
tell_try(struct client *c)
{
	struct ends to = { .local = "" };

	snprintf(to.name, sizeof to.name, "%.71s:%.31s", c->target.host,
	    c->target.port);
	presence_try(&c->presence, &c->counters, COUNT_OUT_STARTED, &to);
}

/* ... and that we do. */
static void
tell_connected(struct client *c)
{
	struct ends ends = { .local = "" };

	peer_sockets(c->io.out, ends.local, ends.remote);
	snprintf(ends.name, sizeof ends.name, "%.103s", c->target.host);
	presence_start(&c->presence, &c->counters, COUNT_OUT_STARTED, &ends);
}

static bool
connect_to(struct client *c)
{
	struct buf why = { 0 }, text = { 0 };
	char ip[64];
	int fd;

	tell_try(c);
	fd = outside_connect(c, ip, &why);
	if (fd < 0) {
		log_warning("%s", why.s);
		buf_printf(&text, "4.4.1 %s", why.s);
		reply_make(&c->reply, 451, text.s);
		snprintf(c->relay, sizeof c->relay, "none");
		buf_free(&text);
		buf_free(&why);
		return false;
	}
	snprintf(c->relay, sizeof c->relay, "%s[%s]:%s", c->target.host, ip,
	    c->target.port);
	io_open(&c->io, fd, fd, (unsigned)c->conf->response_timeout);
	c->io.lf = c->io.strict = true;
	c->open = true;
	tell_connected(c);
	c->asked = 1;           /* the greeting */
	buf_free(&why);
	return true;
}

/* Up to where mail may be sent. NULL, or what is wrong; the reply has more.
 * "" has been logged already. */
static const char *
begin(struct client *c)
{
	static const char unwelcome[] = "does not want to talk";
	static const char insecure[] = "is not secure enough";
	bool clear;

	check_say(c, "server", c->relay);
	if (!starttls_begin(c))
		return insecure;
	if (greeting(c) != SENT)
		return unwelcome;
	check_reply(c, "greeting");
	if (introduce(c) != SENT)
		return unwelcome;
	clear = !c->secure;
	if (!starttls_now(c))
		return insecure;
	if (clear && c->secure && introduce(c) != SENT)
		return unwelcome;
	check_offers(c);
	if (!login(c))
		return "";
	return in_turn(c, SENT, "AUTH") == SENT ? NULL : unwelcome;
}

bool
client_open(struct client *c)
{
	struct buf why = { 0 };
	const char *wrong;

	c->secure = false;
	c->sent = 0;
	c->crowd = 0;
	c->dirty = c->doubtful = false;
	if (!connect_to(c))
		return false;
	wrong = begin(c);
	if (!wrong)
		return true;
	reply_text(&c->reply, &why);
	if (*wrong)
		log_warning("%s %s: %s", c->relay, wrong, why.s);
	buf_free(&why);
	client_close(c);
	return false;
}

bool
client_ready(struct client *c)
{
	return c->open && !io_stale(&c->io);
}

bool
client_reset(struct client *c)
{
	if (!c->dirty)
		return true;
	client_say(c, "RSET");
	c->dirty = client_hear(c, 2, "RSET") != SENT;
	if (c->dirty)
		client_drop(c);
	return !c->dirty;
}

void
client_drop(struct client *c)
{
	if (!c->open)
		return;
	c->open = false;
	/* what was not sent yet had better not be */
	c->io.state = IO_ERROR;
	io_close(&c->io);
	presence_end(&c->presence, &c->counters);
}

void
client_close(struct client *c)
{
	char *line;
	size_t n;

	if (client_ready(c)) {
		c->io.seconds = GOODBYE_SECONDS;
		client_say(c, "QUIT");
		io_line(&c->io, REPLY_LINE, &line, &n);
	}
	client_drop(c);
}
