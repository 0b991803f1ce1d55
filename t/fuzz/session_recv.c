/* SPDX-License-Identifier: ISC */
/*
 * A whole session of smtp-recv, with the input as the client, by way of the
 * wire (parts/wire.h). The first octet is the options, the second one more of
 * them, the third says which of the calls that write to the spool fails.
 *
 * The spool is in memory. What was promised to be in it has to be there, whole,
 * and nothing else. Filter and verifier are functions of ours: what they think
 * is in the addresses.
 */
#include "parts/box.h"
#include "parts/fault.h"
#include "parts/server.h"
#include "parts/wire.h"

#include <ctype.h>

#include "mail/address.h"
#include "smtp-recv/session.h"

enum {          /* of the first octet */
	WITH_AUTH = 1, WITH_TLS = 2, WITH_TLS_REQUIRED = 4, WITH_FILTER = 8,
	WITH_VERIFIER = 16, WITH_PROXY = 32, ANONYMOUS = 64, WITH_SIZE = 128
};
enum {          /* and of the second, besides enum newline */
	NEWLINES = 3, PIECES = 0x1c, NO_HANDSHAKE = 0x80
};

static struct config conf;
static struct session session;

/* --- in place of others --- */

void __wrap_message_id_make(struct message_id *id);
void __wrap_filter_run(struct filter *f, const char *content,
    struct verdict *v);
void __wrap_verify(struct verifier *v, const struct verify_question *q,
    struct verify_answer *a);

void
__wrap_message_id_make(struct message_id *id)
{
	static unsigned n;

	snprintf(id->s, sizeof id->s, "emailrelay.1.1.%06u", ++n % 1000000);
}

static unsigned abandoned;

/* x100.why@some.where: exit code 100, and why. */
void
__wrap_filter_run(struct filter *f, const char *content, struct verdict *v)
{
	const char *from = buf_text(&session.envelope.from);
	struct buf output = { 0 };
	int code = 0;

	(void)f;
	(void)content;
	if (*from == 'x')
		code = atoi(from + 1) & 0xff;
	buf_printf(&output, "<<%s>>\n", from);
	verdict_read(v, FILTER_SERVER, code, &output);
	abandoned += v->judgement == FILTER_ABANDON;
	buf_free(&output);
}

void
__wrap_verify(struct verifier *v, const struct verify_question *q,
    struct verify_answer *a)
{
	struct buf line = { 0 };

	(void)v;
	switch (*q->address) {
	case 'l':
		buf_printf(&line, "0|%s|Full Name", q->address);
		break;
	case 'n':
		buf_printf(&line, "2|no %s", q->address);
		break;
	case 't':
		buf_printf(&line, "3|later %s", q->address);
		break;
	case 'q':
		buf_puts(&line, "100");
		break;
	default:
		buf_printf(&line, "1|%s|%s", q->address, q->from);
	}
	verify_read_line(a, line.s, q->utf8);
	buf_free(&line);
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

static void
check_line(const char *p, size_t n)
{
	CLAIM(n >= 4 && n <= 510);
	CLAIM(p[0] >= '2' && p[0] <= '5' && isdigit((unsigned char)p[1]) &&
	    isdigit((unsigned char)p[2]));
	CLAIM(p[3] == ' ' || p[3] == '-');
	CLAIM(text_clean(p, n) && text_utf8(p, n));
}

/* Those that end something: not "go ahead". */
static size_t
count_replies(const char *p, const char *end)
{
	size_t n = 0;
	const char *lf, *code = NULL;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		CLAIM(lf && lf > p && lf[-1] == '\r');
		check_line(p, (size_t)(lf - 1 - p));
		CLAIM(!code || strncmp(code, p, 3) == 0);
		code = p[3] == '-' ? p : NULL;
		n += p[3] == ' ' && strncmp(p, "334", 3) != 0 &&
		    strncmp(p, "354", 3) != 0;
	}
	CLAIM(!code);
	return n;
}

/* --- messages --- */

static struct {
	struct buf from;
	size_t recipients;      /* that were said yes to, */
	size_t local;           /* and these of them are ours */
	struct buf raw;         /* the text as it came */
} mail;

/* What the text is to be, said in another way than mail/dot.c does. */
static void
decode(const struct buf *raw, bool dots, struct buf *out)
{
	size_t n = dots ? raw->n - 3 : raw->n;  /* without the dot line */
	bool start = true;

	for (size_t i = 0; i < n; i++) {
		if (dots && start && raw->s[i] == '.')
			i++;
		start = i + 1 < n && memcmp(raw->s + i, "\r\n", 2) == 0;
		if (start)
			i++;
		if (start || (conf.bare_newline != NEWLINE_KEEP &&
		    (raw->s[i] == '\r' || raw->s[i] == '\n')))
			buf_puts(out, "\r\n");
		else
			buf_putc(out, raw->s[i]);
	}
}

static void
check_text(const char *name, bool dots)
{
	struct buf text = { 0 }, right = { 0 };
	size_t ours;

	CLAIM(box_get(name, &text));
	decode(&mail.raw, dots, &right);
	ours = text.n - right.n;
	CLAIM(text.n > right.n &&
	    memcmp(text.s + ours, buf_text(&right), right.n) == 0);
	/* what we have put before it is one line */
	CLAIM(memmem(text.s, ours, "\r\n", 2) == text.s + ours - 2);
	CLAIM(strncmp(text.s, "Received: from ", 15) == 0);
	CLAIM(text_clean(text.s, ours - 2));
	buf_free(&right);
	buf_free(&text);
}

static void
check_envelope(const char *name)
{
	struct envelope e = { .tries = 0 };
	struct buf text = { 0 }, why = { 0 };

	CLAIM(box_get(name, &text));
	CLAIM(envelope_parse(&e, buf_text(&text), text.n, &why));
	CLAIM(e.local.n == mail.local);
	CLAIM(e.remote.n == mail.recipients - mail.local);
	CLAIM(same(&e.from, &mail.from) && e.tries == 0);
	envelope_free(&e);
	buf_free(&text);
	buf_free(&why);
}

/* We have said yes: it is there, and then goes from here. */
static void
check_kept(bool dots)
{
	const struct message_id *id = &session.draft.id;
	struct file_name name;

	CLAIM(mail.recipients > 0 && mail.recipients <= conf.max_recipients);
	if (mail.recipients > mail.local) {
		check_text(content_name(id).s, dots);
		name = envelope_name(id, STATE_READY);
		check_envelope(name.s);
		box_remove(name.s);
		box_remove(content_name(id).s);
	}
	if (mail.local > 0) {
		check_text(local_content_name(id).s, dots);
		name = envelope_name(id, STATE_LOCAL);
		check_envelope(name.s);
		box_remove(name.s);
		box_remove(local_content_name(id).s);
	}
}

/* --- commands: each by way of this one --- */

static struct command watched[SERVE_COMMANDS];
static size_t calls, answers;

/* What is our own knowledge of what may be. */
static void
check_mail(const struct session *s)
{
	CLAIM(!conf.server_tls_required || s->tls.on);
	CLAIM(!conf.server_auth || s->authenticated ||
	    strcmp(s->peer.ip, "192.0.2.7") == 0);
	CLAIM(s->helo.n > 0);
	mail.recipients = mail.local = 0;
	buf_set(&mail.from, buf_text(&s->envelope.from));
}

static void
check_reply(const struct session *s, const char *verb, const char *reply,
    unsigned kept)
{
	bool yes = strncmp(reply, "250 ", 4) == 0;

	if (strcmp(verb, "MAIL") == 0 && yes)
		check_mail(s);
	if (strcmp(verb, "RCPT") == 0 && yes) {
		mail.recipients++;
		mail.local = s->envelope.local.n;
	}
	CLAIM(s->kept == kept || yes || strstr(reply, "\r\n250 2.0.0 OK"));
	if (strcmp(verb, "DATA") == 0 && s->kept == kept && !abandoned)
		CLAIM(!yes && !strstr(reply, "\r\n250 "));
	if (strcmp(verb, "AUTH") == 0)
		CLAIM((strstr(reply, "235 ") != NULL) == s->authenticated ||
		    s->server.refused);
}

static void
watch(struct session *s, char *arg)
{
	size_t row = (size_t)(s->server.last - watched), before, after, n;
	size_t read = wire.heard.n - io_buffered(&s->io);
	const char *verb = watched[row].verb, *text;
	bool first = s->server.state == RCPT;
	unsigned kept = s->kept;
	int faults;

	calls++;
	said(&before);
	abandoned = 0;
	commands[row].answer(s, arg);
	if (first)
		buf_clear(&mail.raw);
	if (s->io.state != IO_OPEN) {
		CLAIM(s->kept == kept);
		return;
	}
	text = said(&after);
	n = count_replies(text + before, text + after);
	answers += n;
	/* hung up on without a word, or with one more */
	CLAIM(n == 1 || (s->server.state == 0 && n <= 2));
	buf_add(&mail.raw, wire.heard.s + read,
	    wire.heard.n - io_buffered(&s->io) - read);
	check_reply(s, verb, text + before, kept);
	if (s->kept == kept)
		return;
	CLAIM(s->kept == kept + 1);
	/* what we look at is none of the calls */
	faults = fault_in;
	fault_in = 0;
	check_kept(strcmp(verb, "DATA") == 0);
	fault_in = faults;
}

/* --- the session --- */

static void
prepare(void)
{
	wire_be_silent();
	box_open();
	for (size_t i = 0; commands[i].verb; i++) {
		watched[i] = commands[i];
		watched[i].answer = watch;
	}
	buf_set(&session.domain, "mx.test");
}

static void
configure(unsigned how, unsigned more)
{
	conf = defaults;
	conf.server_auth = how & WITH_AUTH ? "/secrets" : NULL;
	conf.tls.certificate = how & WITH_TLS ? "/certificate" : NULL;
	conf.server_tls_required = how & WITH_TLS && how & WITH_TLS_REQUIRED;
	conf.verifier = how & WITH_VERIFIER ? "/verifier" : NULL;
	conf.gate.proxies = how & WITH_PROXY ? "192.0.2.1" : NULL;
	conf.gate.remote_clients = true;
	conf.anonymous = how & ANONYMOUS;
	conf.size = how & WITH_SIZE ? 60 : 0;
	conf.max_recipients = 4;
	conf.bare_newline = more % 4 % NEWLINES;
	wire.most = (more & PIECES) >> 2;
	server_no_handshake = more & NO_HANDSHAKE;
}

static void
begin(struct session *s, unsigned how)
{
	struct buf domain = s->domain;
	int fd = wire_open();

	*s = (struct session){ .conf = &conf, .spool = *box_open(),
		.domain = domain, .filter.n = how & WITH_FILTER ? 1 : 0,
		.peer = { .ip = "192.0.2.1", .name = "unknown[192.0.2.1]" },
		.gate = { .conf = &conf.gate, .service = "smtp" } };
	starttls_open(s, &conf);
	auth_open(s);
	io_open(&s->io, fd, fd, (unsigned)conf.idle_timeout);
	s->server = (struct server){ .io = &s->io, .commands = watched,
		.manners = &manners, .state = START };
	calls = answers = 0;
}

/* The replies to commands that no handler was asked about are the loop's. */
static void
check_all(struct session *s, size_t greetings)
{
	size_t all = 0, n;

	for (size_t i = 0; i < SERVE_COMMANDS; i++)
		all += s->server.counts[i].all;
	n = count_replies(buf_text(&wire.sent),
	    buf_text(&wire.sent) + wire.sent.n);
	if (s->io.state == IO_ERROR)
		return;
	CLAIM(n == greetings + answers + all - calls + s->server.tired +
	    (greetings && s->io.state == IO_TIMEOUT));
}

static void
end(struct session *s)
{
	guard_close(&s->guard);
	io_close(&s->io);
	envelope_free(&s->envelope);
	buf_free(&s->helo);
	buf_free(&s->login);
	buf_free(&s->tls.facts.protocol);
	buf_free(&s->tls.facts.cipher);
	buf_free(&s->tls.facts.why);
	/* neither a message nor a part of one */
	CLAIM(box_count() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct session *s = &session;
	bool open;

	if (n < 3)
		return 0;
	if (!watched[0].verb)
		prepare();
	wire_start(data + 3, n - 3);
	configure(data[0], data[1]);
	begin(s, data[0]);
	open = gate_open(s);
	if (open) {
		fault_in = data[2];
		greet(s);
		serve(&s->server, s);
		tx_forget(s);
		fault_in = 0;
		gate_leave(&s->gate, &s->server, &s->peer);
	}
	check_all(s, open);
	end(s);
	return 0;
}
