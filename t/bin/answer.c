/* SPDX-License-Identifier: ISC */
/*
 * An SMTP server that follows a script: the other side of smtp-send's tests.
 * It prints its port, then serves connections, all at once, until it is
 * killed. answer --help has the options.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "parts/door.h"
#include "parts/save.h"
#include "parts/script.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/io.h"

struct visit {
	struct script *script;
	struct io io;
	bool over;
	bool mail;
	unsigned recipients;
	struct buf envelope;    /* MAIL and RCPT lines */
	struct buf wire;        /* the text as it comes */
	struct buf content;
};

/* --- what is written down --- */

/* In one write: several connections use the file. */
static void
note(struct visit *v, const char *what, const char *text, size_t n)
{
	struct buf line = { 0 };

	if (v->script->log < 0)
		return;
	buf_puts(&line, what);
	text_printable(&line, text, n);
	buf_putc(&line, '\n');
	if (write(v->script->log, line.s, line.n) < 0)
		v->over = true;
	buf_free(&line);
}

static void
save(struct visit *v)
{
	if (has_bare(&v->wire))
		note(v, "BARE", "", 0);
	if (v->script->save >= 0)
		save_message(v->script->save, &v->envelope, &v->wire,
		    &v->content);
}

/* --- one reply --- */

static void
check_early(struct visit *v, enum verb verb)
{
	char c;

	if (v->script->pipelining && !verbs[verb].last)
		return;
	if (io_buffered(&v->io) > 0 ||
	    recv(v->io.in, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		note(v, "EARLY ", verbs[verb].word, strlen(verbs[verb].word));
}

static void
wait_for_goodbye(struct visit *v)
{
	const char *p;
	size_t n;

	while ((n = io_peek(&v->io, &p)) > 0)
		io_skip(&v->io, n);
	v->over = true;
}

static void
say_for_ever(struct visit *v, const char *text)
{
	while (v->io.state == IO_OPEN) {
		io_write(&v->io, text, strlen(text));
		if (v->script->delay) {
			io_flush(&v->io);
			poll(NULL, 0, (int)v->script->delay);
		}
	}
	v->over = true;
}

static void
perform(struct visit *v, const struct rule *r)
{
	switch (r->act) {
	case REPLY:
	case CLOSE_AFTER:
		io_write(&v->io, r->text.s, r->text.n);
		break;
	case CLOSE:
		v->over = true;
		break;
	case SILENT:
		wait_for_goodbye(v);
		break;
	case GARBAGE:
		io_write(&v->io, "\x16\x03\x01\0\x02 go away\xff\r\n", 16);
		break;
	case ENDLESS:
		say_for_ever(v, "250-and another thing\r\n");
		break;
	case ENDLESS_LINE:
		io_write(&v->io, "250 ", 4);
		say_for_ever(v, "and so on ");
		break;
	case FLOOD:
		say_for_ever(v, "250 and another one\r\n");
		break;
	}
}

static unsigned
load(const unsigned *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}

/* What is to be said goes out octet by octet. */
static void
drip(struct visit *v)
{
	struct buf text = v->io.pending;

	v->io.pending = (struct buf){ 0 };
	for (size_t i = 0; i < text.n && v->io.state == IO_OPEN; i++) {
		io_write(&v->io, text.s + i, 1);
		io_flush(&v->io);
		poll(NULL, 0, (int)v->script->drip);
	}
	buf_free(&text);
}

/* Reply to it by the script, or with fallback; the code that was said. */
static int
answer(struct visit *v, enum verb verb, const char *fallback)
{
	struct script *s = v->script;
	unsigned nth = __atomic_add_fetch(&s->counts[verb], 1,
	    __ATOMIC_SEQ_CST);
	const struct rule *r = script_rule(s, verb, nth, false);
	size_t before;
	int code;

	if (s->delay) {
		io_flush(&v->io);
		poll(NULL, 0, (int)s->delay);
	}
	while (verb == EOD && load(&s->counts[GREETING]) < s->gather)
		poll(NULL, 0, 5);
	check_early(v, verb);
	before = v->io.pending.n;
	if (r)
		perform(v, r);
	else
		io_print(&v->io, "%s\r\n", fallback);
	if (v->over)
		return 0;
	code = v->io.pending.n > before ?
	    (int)strtol(v->io.pending.s + before, NULL, 10) : 0;
	if (s->drip)
		drip(v);
	v->over = script_rule(s, verb, nth, true) != NULL;
	return code;
}

/* --- the commands --- */

static void
forget(struct visit *v)
{
	v->mail = false;
	v->recipients = 0;
	buf_clear(&v->envelope);
	buf_clear(&v->wire);
	buf_clear(&v->content);
}

static void
do_ehlo(struct visit *v)
{
	struct buf reply = { 0 };
	const struct list *c = &v->script->capabilities;

	buf_printf(&reply, "250%sanswer", c->n ? "-" : " ");
	for (size_t i = 0; i < c->n; i++)
		buf_printf(&reply, "\r\n250%s%s", i + 1 < c->n ? "-" : " ",
		    list_get(c, i));
	forget(v);
	answer(v, EHLO, reply.s);
	buf_free(&reply);
}

static void
do_mail(struct visit *v, const char *line)
{
	forget(v);
	buf_printf(&v->envelope, "%s\n", line);
	v->mail = answer(v, MAIL, verbs[MAIL].reply) / 100 == 2;
}

/* What is said to this recipient, without its line end. */
static void
reply_to(const struct visit *v, const char *line, struct buf *reply)
{
	const struct list *whom = &v->script->whom;
	char address[512];

	buf_set(reply, v->mail ? verbs[RCPT].reply : "503 5.5.1 MAIL first");
	if (!v->mail)
		return;
	for (size_t i = 0; i < whom->n; i += 2) {
		snprintf(address, sizeof address, "RCPT TO:<%s>",
		    list_get(whom, i));
		if (strcasecmp(address, line) == 0) {
			buf_set(reply, list_get(whom, i + 1));
			buf_cut(reply, reply->n - 2);
		}
	}
	if (v->script->crowd && v->recipients >= v->script->crowd)
		buf_set(reply, "452 4.5.3 too many recipients");
}

static void
do_rcpt(struct visit *v, const char *line)
{
	struct buf reply = { 0 };
	int code;

	reply_to(v, line, &reply);
	code = answer(v, RCPT, reply.s);
	buf_free(&reply);
	if (code / 100 != 2)
		return;
	v->recipients++;
	buf_printf(&v->envelope, "%s\n", line);
}

/* False if the client, or the script, broke off. */
static bool
receive_text(struct visit *v)
{
	uint64_t most = v->script->close_data;
	size_t n, before, end = 0;
	const char *p;

	buf_clear(&v->wire);
	while (end == 0 && (n = io_peek(&v->io, &p)) > 0) {
		before = v->wire.n;
		buf_add(&v->wire, p, n);
		end = end_of_text(&v->wire, before);
		io_skip(&v->io, end ? end - before : n);
		if (most && v->wire.n >= most)
			break;
	}
	if (end == 0) {
		note(v, "LOST in text", "", 0);
		v->over = true;
		return false;
	}
	buf_cut(&v->wire, end);
	unstuff(&v->wire, &v->content);
	return true;
}

static void
end_of_message(struct visit *v)
{
	save(v);
	answer(v, EOD, verbs[EOD].reply);
	forget(v);
}

static void
do_data(struct visit *v)
{
	if (answer(v, DATA, v->recipients ? verbs[DATA].reply :
	    "554 5.5.1 no valid recipients") == 354 && receive_text(v))
		end_of_message(v);
}

static void
do_bdat(struct visit *v, const char *line)
{
	unsigned long left = strtoul(line + 4, NULL, 10);
	bool last = strcasestr(line, " LAST") != NULL;
	uint64_t most = v->script->close_data;
	const char *p;
	size_t n;

	while (left > 0 && (!most || v->wire.n < most) &&
	    (n = io_peek(&v->io, &p)) > 0) {
		n = n < left ? n : left;
		buf_add(&v->wire, p, n);
		io_skip(&v->io, n);
		left -= n;
	}
	if (left > 0) {
		note(v, "LOST in chunk", "", 0);
		v->over = true;
	} else if (!v->recipients) {
		answer(v, BDAT, "503 5.5.1 no valid recipients");
		buf_clear(&v->wire);
	} else if (last) {
		buf_add(&v->content, buf_text(&v->wire), v->wire.n);
		end_of_message(v);
	} else {
		answer(v, BDAT, verbs[BDAT].reply);
	}
}

static void
do_auth(struct visit *v)
{
	int code = answer(v, AUTH, verbs[AUTH].reply);
	size_t n;
	char *line;

	while (code == 334 && !v->over &&
	    io_line(&v->io, 16384, &line, &n) == IO_LINE) {
		note(v, "AUTH+ ", line, n);
		code = answer(v, AUTH_MORE, verbs[AUTH_MORE].reply);
	}
}

static void
obey(struct visit *v, const char *line)
{
	char word[16];
	enum verb verb;

	snprintf(word, sizeof word, "%.*s", (int)strcspn(line, " "), line);
	verb = verb_of(word);
	switch (verb) {
	case EHLO:
		do_ehlo(v);
		break;
	case MAIL:
		do_mail(v, line);
		break;
	case RCPT:
		do_rcpt(v, line);
		break;
	case DATA:
		do_data(v);
		break;
	case BDAT:
		do_bdat(v, line);
		break;
	case AUTH:
		do_auth(v);
		break;
	case HELO:
	case RSET:
		forget(v);
		answer(v, verb, verbs[verb].reply);
		break;
	case QUIT:
		answer(v, verb, verbs[verb].reply);
		v->over = true;
		break;
	case GREETING:
	case EOD:
	case AUTH_MORE:
	case NOOP:
	case VRFY:
	case STARTTLS:
	case OTHER:
	case VERBS:
		answer(v, verb, verbs[verb].reply);
		break;
	}
}

/* --- the connections --- */

/* To close a socket that has something unread is a reset, which may overtake our
 * last reply: let the client close first, unless a reset is asked for. */
static void
hang_up(struct visit *v)
{
	const struct linger at_once = { 1, 0 };

	io_flush(&v->io);
	if (v->script->reset) {
		setsockopt(v->io.in, SOL_SOCKET, SO_LINGER, &at_once,
		    sizeof at_once);
	} else {
		shutdown(v->io.in, SHUT_WR);
		wait_for_goodbye(v);
	}
	io_close(&v->io);
}

static void
converse(struct script *s, int fd)
{
	struct visit v = { .script = s };
	bool crowded;
	const int on = 1;
	char *line;
	size_t n;

	io_open(&v.io, fd, fd, 3600);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	note(&v, "CONNECT", "", 0);
	crowded = __atomic_add_fetch(s->present, 1, __ATOMIC_SEQ_CST) >
	    s->most && s->most;
	answer(&v, GREETING, crowded ? "421 4.7.0 too many connections" :
	    verbs[GREETING].reply);
	v.over |= crowded;
	while (!v.over) {
		if (io_line(&v.io, 16384, &line, &n) != IO_LINE) {
			note(&v, "LOST", "", 0);
			break;
		}
		note(&v, "", line, n);
		obey(&v, line);
	}
	hang_up(&v);
	__atomic_sub_fetch(s->present, 1, __ATOMIC_SEQ_CST);
}

static void
die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EX_OK);
}

int
main(int argc, char *argv[])
{
	struct script s = { .save = -1, .log = -1 };
	pid_t self = getpid();
	int door, fd;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	script_read(&s, argc, argv);
	s.counts = mmap(NULL, (VERBS + 1) * sizeof *s.counts,
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.counts == MAP_FAILED)
		die(EX_OSERR, "no memory: %s", strerror(errno));
	s.present = s.counts + VERBS;
	door = door_open(&s);
	while (s.deaf)
		pause();
	for (uint64_t i = 0; s.connections == 0 || i < s.connections; i++) {
		fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		if (fork() == 0) {
			die_with_parent(self);
			close(door);
			converse(&s, fd);
			_exit(EX_OK);
		}
		close(fd);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	close(door);
	while (wait(NULL) > 0)
		continue;
	return EX_OK;
}
