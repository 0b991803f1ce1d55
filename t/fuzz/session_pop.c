/* SPDX-License-Identifier: ISC */
/*
 * A whole session of pop3-serve, with the input as the client, by way of the
 * wire (parts/wire.h), on a spool with a few messages in it. The first octet
 * is the options, the second one says how much is heard at a time.
 *
 * Every reply has to be whole and to end where it ends, and texts have to be
 * those of the messages. What was marked goes with a QUIT that was said yes to
 * and stays whatever else happens, as does all that was not marked.
 */
#include "parts/box.h"
#include "parts/server.h"
#include "parts/wire.h"

#include "pop3-serve/session.h"

enum {          /* of the first octet */
	WITH_TLS = 1, WITH_TLS_REQUIRED = 2, NO_DELETE = 4, BY_NAME = 8,
	NO_HANDSHAKE = 16, WITH_PROXY = 64
};
enum { MESSAGES = 3 };

static const char *const texts[MESSAGES] = {
	"A: b\r\n\r\n.x\r\n..\r\n.\r\ny\r\n", "", "c: d\r\n\r\n\xc3\xa4\r\n"
};

static struct config conf;
static struct session session;

/* What is known from the replies: may it be there, has it to be? */
static struct {
	bool opened;
	bool marked[MESSAGES + 1];
	bool removed;           /* those are gone now */
} drop;

/* --- the spool --- */

static struct file_name
file(unsigned i, const char *what)
{
	struct file_name f;

	snprintf(f.s, sizeof f.s, "emailrelay.1.1.%u.%s", i + 1, what);
	return f;
}

static void
fill(void)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		if (!box_has(file(i, "content").s))
			box_put(file(i, "content").s, texts[i],
			    strlen(texts[i]));
		if (!box_has(file(i, "envelope").s))
			box_put(file(i, "envelope").s, "x", 1);
	}
}

static void
check_spool(void)
{
	size_t left = 0;
	bool gone;

	for (unsigned i = 0; i < MESSAGES; i++) {
		gone = drop.removed && drop.marked[i + 1];
		CLAIM(box_has(file(i, "content").s) == !gone);
		CLAIM(box_has(file(i, "envelope").s) == !gone);
		left += !gone;
	}
	CLAIM(box_count() == 2 * left);
	if (left < MESSAGES)
		fill();
}

/* --- replies --- */

static const char *
said(size_t *n)
{
	static struct buf all;

	buf_clear(&all);
	buf_add(&all, wire.sent.s, wire.sent.n);
	buf_add(&all, session.io.pending.s, session.io.pending.n);
	*n = all.n;
	return buf_text(&all);
}

/* Behind the line that is at p. */
static const char *
line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	CLAIM(lf && lf > p && lf[-1] == '\r' && lf + 1 - p <= 512);
	CLAIM(text_clean(p, (size_t)(lf - 1 - p)));
	return lf + 1;
}

static bool
is_dot(const char *p, const char *next)
{
	return next - p == 3 && *p == '.';
}

/* Behind the reply at p. */
static const char *
reply_end(const char *p, const char *end, bool lines)
{
	const char *next = line_end(p, end);

	CLAIM(strncmp(p, "+OK", 3) == 0 || strncmp(p, "-ERR", 4) == 0);
	if (*p == '-' || !lines)
		return next;
	do {
		p = next;
		next = line_end(p, end);
	} while (!is_dot(p, next));
	return next;
}

/* The lines of a reply, as they were before dots were added. */
static void
lines_of(const char *p, const char *end, struct buf *out)
{
	const char *next;

	for (p = line_end(p, end); p < end; p = next) {
		next = line_end(p, end);
		if (!is_dot(p, next))
			buf_add(out, p + (*p == '.'),
			    (size_t)(next - p) - (*p == '.'));
	}
}

/* All of a text, or how it begins. */
static void
check_text(const char *p, const char *end, const char *arg, bool whole)
{
	struct buf lines = { 0 };
	unsigned long i = strtoul(arg, NULL, 10);

	CLAIM(i >= 1 && i <= MESSAGES && !drop.marked[i]);
	lines_of(p, end, &lines);
	CLAIM(strncmp(texts[i - 1], buf_text(&lines), lines.n) == 0);
	CLAIM(!whole || lines.n == strlen(texts[i - 1]));
	buf_free(&lines);
}

/* --- commands: each by way of this one --- */

static struct command watched[SERVE_COMMANDS];

static bool
has_lines(const char *verb, const char *arg)
{
	static const char *const always[] = { "CAPA", "RETR", "TOP", NULL };
	static const char *const alone[] = { "LIST", "UIDL", "AUTH", NULL };
	const char *const *words = *arg ? always : alone;

	for (; *words; words++)
		if (strcmp(*words, verb) == 0)
			return true;
	return strcmp(verb, "CAPA") == 0;
}

static void
note(const char *verb, const char *arg)
{
	if (strcmp(verb, "DELE") == 0)
		drop.marked[strtoul(arg, NULL, 10)] = true;
	if (strcmp(verb, "RSET") == 0)
		memset(drop.marked, 0, sizeof drop.marked);
	if (strcmp(verb, "QUIT") == 0)
		drop.removed = !conf.no_delete && drop.opened;
}

static void
check_state(const struct session *s)
{
	if (s->server.state != TRANSACTION || drop.opened)
		return;
	CLAIM(!conf.server_tls_required || s->tls.on);
	CLAIM(strcmp(s->login.s, "ann") == 0 || strcmp(s->login.s, "bob") == 0 ||
	    strcmp(s->login.s, "eve") == 0);
	drop.opened = true;
}

static void
watch(struct session *s, char *arg)
{
	size_t row = (size_t)(s->server.last - watched), before, after;
	const char *verb = watched[row].verb, *text, *end;
	char *copy = need_copy(arg);

	said(&before);
	commands[row].answer(s, arg);
	text = said(&after);
	end = text + after;
	if (s->io.state == IO_OPEN) {
		text += before;
		/* questions of AUTH, one of which is never answered */
		while (strcmp(verb, "AUTH") == 0 && text < end && *text == '+' &&
		    text[1] == ' ')
			text = line_end(text, end);
		CLAIM(reply_end(text, end, has_lines(verb, copy)) == end);
		check_state(s);
		if (*text == '+' && strcmp(verb, "RETR") == 0)
			check_text(text, end, copy, true);
		if (*text == '+' && strcmp(verb, "TOP") == 0)
			check_text(text, end, copy, false);
		if (*text == '+')
			note(verb, copy);
	}
	free(copy);
}

/* --- the session --- */

static void
prepare(void)
{
	wire_be_silent();
	box_open();
	fill();
	for (size_t i = 0; commands[i].verb; i++) {
		watched[i] = commands[i];
		watched[i].answer = watch;
	}
}

static void
configure(unsigned how)
{
	conf = defaults;
	conf.pop_auth = "/secrets";
	conf.tls.certificate = how & WITH_TLS ? "/certificate" : NULL;
	conf.server_tls_required = how & WITH_TLS && how & WITH_TLS_REQUIRED;
	conf.no_delete = how & NO_DELETE;
	conf.by_name = how & BY_NAME;
	conf.gate.proxies = how & WITH_PROXY ? "192.0.2.1" : NULL;
	conf.gate.remote_clients = true;
	server_no_handshake = how & NO_HANDSHAKE;
}

static void
begin(struct session *s)
{
	int fd = wire_open();

	*s = (struct session){ .conf = &conf, .spool = *box_open(),
		.peer = { .ip = "192.0.2.1", .name = "unknown[192.0.2.1]" },
		.gate = { .conf = &conf.gate, .service = "pop" } };
	secure_open(&s->tls, &conf.tls, false, conf.server_tls_required);
	login_open(s);
	io_open(&s->io, fd, fd, (unsigned)conf.idle_timeout);
	s->server = (struct server){ .io = &s->io, .commands = watched,
		.manners = &manners, .state = AUTHORIZATION };
	memset(&drop, 0, sizeof drop);
}

static void
end(struct session *s)
{
	guard_close(&s->guard);
	io_close(&s->io);
	maildrop_close(&s->maildrop);
	buf_free(&s->challenge);
	buf_free(&s->user);
	buf_free(&s->login);
	buf_free(&s->tls.facts.protocol);
	buf_free(&s->tls.facts.cipher);
	buf_free(&s->tls.facts.why);
	/* by name nobody has anything here */
	if (conf.by_name)
		drop.removed = false;
	check_spool();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct session *s = &session;

	if (n < 2)
		return 0;
	if (!watched[0].verb)
		prepare();
	wire_start(data + 2, n - 2);
	wire.most = data[1] % 16;
	configure(data[0]);
	begin(s);
	if (gate_enter(&s->gate, &s->spool, &s->server, &s->peer) ==
	    GATE_OPEN) {
		greet(s);
		serve(&s->server, s);
		gate_leave(&s->gate, &s->server, &s->peer);
		reply_end(buf_text(&wire.sent), buf_text(&wire.sent) +
		    wire.sent.n, false);
	}
	end(s);
	return 0;
}
