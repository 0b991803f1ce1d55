/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "wire/serve.h"

enum { IDLE = 1, BUSY = 2, ANY = IDLE | BUSY };

struct session {
	struct server server;
	struct io io;
};

static void
do_start(struct session *s, char *arg)
{
	io_print(&s->io, "200 start [%s]\r\n", arg);
	s->server.state = BUSY;
}

static void
do_stop(struct session *s, char *arg)
{
	io_print(&s->io, "201 stop%s\r\n", arg);
	s->server.state = IDLE;
	serve_progress(&s->server);
}

static void
do_echo(struct session *s, char *arg)
{
	io_print(&s->io, "202 [%s]\r\n", arg);
	memset(arg, 'x', strlen(arg));
}

static void
do_quit(struct session *s, char *arg)
{
	io_print(&s->io, "203 bye%s\r\n", arg);
	s->server.state = 0;
}

static const struct command commands[] = {
	{ "START", IDLE, MUST_ARG, do_start },
	{ "STOP", BUSY, NO_ARG, do_stop },
	{ "ECHO", ANY, MAY_ARG, do_echo },
	{ "QUIT", ANY, NO_ARG, do_quit },
	{ NULL, 0, MAY_ARG, NULL }
};

static const struct manners manners = {
	.unknown = "500 unknown", .not_now = "503 not now",
	.arg_unwanted = "501 unwanted", .arg_wanted = "501 wanted",
	.too_long = "500 long", .unclean = "500 unclean",
	.timed_out = "421 time", .enough = "421 enough",
};

/* What is said in return to all of text; seconds of patience, and the
 * client stays if it is to stay. */
static void
converse(const char *text, size_t n, unsigned seconds, bool stays,
    struct buf *out)
{
	struct session s = { .server.state = IDLE };
	int pair[2];
	char piece[4096];
	ssize_t k;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(write(pair[1], text, n) == (ssize_t)n);
	if (!stays)
		shutdown(pair[1], SHUT_WR);
	io_open(&s.io, pair[0], pair[0], seconds);
	s.server.io = &s.io;
	s.server.commands = commands;
	s.server.manners = &manners;
	serve(&s.server, &s);
	io_close(&s.io);
	buf_clear(out);
	while ((k = read(pair[1], piece, sizeof piece)) > 0)
		buf_add(out, piece, (size_t)k);
	close(pair[1]);
}

static void
one_reply_for_each(void **state)
{
	static const char *const t[][2] = {
		{ "", "" },
		{ "ECHO\r\n", "202 []\r\n" },
		{ "echo  a b \t\r\n", "202 [a b]\r\n" },
		{ "  ECHO\ta\tb\r\n", "202 [a b]\r\n" },
		{ "ECHO", "" },
		{ "ECHO x\nQUIT\r\n", "500 unclean\r\n" },
		{ "ECHO x\rQUIT\r\n", "500 unclean\r\n" },
		{ "ECHO \x1b\r\n", "500 unclean\r\n" },
		{ "ECHO \x7f\r\n", "500 unclean\r\n" },
		{ "ECHO gr\xc3\xbc\r\n", "202 [gr\xc3\xbc]\r\n" },
		{ "\r\n", "500 unknown\r\n" },
		{ "   \r\n", "500 unknown\r\n" },
		{ "ECH\r\n", "500 unknown\r\n" },
		{ "ECHOO\r\n", "500 unknown\r\n" },
		{ "GET / HTTP/1.1\r\n", "500 unknown\r\n" },
		{ "START\r\n", "501 wanted\r\n" },
		{ "START \t\r\n", "501 wanted\r\n" },
		{ "STOP\r\n", "503 not now\r\n" },
		{ "STOP x\r\n", "503 not now\r\n" },
		{ "START a\r\nSTART b\r\nSTOP x\r\nSTOP\r\nSTOP\r\n",
		    "200 start [a]\r\n503 not now\r\n501 unwanted\r\n"
		    "201 stop\r\n503 not now\r\n" },
		{ "QUIT\r\nECHO\r\n", "203 bye\r\n" },
		{ "QUIT now\r\nECHO\r\n", "501 unwanted\r\n202 []\r\n" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		converse(t[i][0], strlen(t[i][0]), 5, false, &out);
		assert_text(&out, t[i][1]);
	}
	converse("ECHO \0\r\n", 8, 5, false, &out);
	assert_text(&out, "500 unclean\r\n");
	buf_free(&out);
}

static void
long_lines(void **state)
{
	struct buf in = { 0 }, out = { 0 };

	(void)state;
	buf_puts(&in, "ECHO ");
	while (in.n < SERVE_LINE)
		buf_putc(&in, 'x');
	buf_puts(&in, "\r\nQUIT\r\n");
	converse(in.s, in.n, 5, false, &out);
	assert_memory_equal(out.s, "202 [xxx", 8);
	assert_string_equal(out.s + out.n - 9, "203 bye\r\n");
	buf_shift(&in, 1);
	buf_cut(&in, SERVE_LINE - 1);
	/* what follows behind the limit is not a command either */
	buf_puts(&in, "xxx QUIT\r\nECHO\r\n");
	converse(in.s, in.n, 5, false, &out);
	assert_text(&out, "500 long\r\n202 []\r\n");
	buf_free(&in);
	buf_free(&out);
}

static size_t
count(const struct buf *b, const char *what)
{
	size_t n = 0;

	for (const char *p = buf_text(b); (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void
patience_ends(void **state)
{
	struct buf in = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < SERVE_ERRORS + 5; i++)
		buf_puts(&in, "FOO\r\n");
	converse(in.s, in.n, 5, false, &out);
	assert_int_equal(count(&out, "500 unknown"), SERVE_ERRORS);
	assert_int_equal(count(&out, "421 enough"), 1);
	buf_clear(&in);
	for (int i = 0; i < SERVE_IDLING + 5; i++)
		buf_puts(&in, "ECHO\r\n");
	converse(in.s, in.n, 5, false, &out);
	assert_int_equal(count(&out, "202 []"), SERVE_IDLING);
	assert_int_equal(count(&out, "421 enough"), 1);
	buf_free(&in);
	buf_free(&out);
}

static void
progress_starts_again(void **state)
{
	struct buf in = { 0 }, out = { 0 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < SERVE_ERRORS - 1; j++)
			buf_puts(&in, "FOO\r\n");
		buf_puts(&in, "START x\r\nSTOP\r\n");
	}
	buf_puts(&in, "QUIT\r\n");
	converse(in.s, in.n, 5, false, &out);
	assert_int_equal(count(&out, "201 stop"), 10);
	assert_int_equal(count(&out, "421"), 0);
	assert_int_equal(count(&out, "203 bye"), 1);
	buf_free(&in);
	buf_free(&out);
}

static void
silence_is_answered_once(void **state)
{
	struct buf out = { 0 };

	(void)state;
	converse("ECHO\r\nECH", 9, 1, true, &out);
	assert_text(&out, "202 []\r\n421 time\r\n");
	buf_free(&out);
}

/* What serve_summary and serve_fate say behind a session; the client ends
 * it, or else stays. */
static void
account(const char *text, bool stays, struct buf *summary, struct buf *fate)
{
	struct session s = { .server = { .io = &s.io, .commands = commands,
		.manners = &manners, .state = IDLE } };
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(write(pair[1], text, strlen(text)) >= 0);
	if (!stays)
		shutdown(pair[1], SHUT_WR);
	io_open(&s.io, pair[0], pair[0], 1);
	serve(&s.server, &s);
	buf_clear(summary);
	buf_clear(fate);
	serve_summary(&s.server, summary);
	serve_fate(&s.server, fate);
	io_close(&s.io);
	close(pair[1]);
}

static void
accounts(void **state)
{
	static const struct {
		const char *said, *summary, *fate;
		bool stays;
	} t[] = {
		{ "", " commands=0/0", "lost connection after CONNECT" },
		{ "", " commands=0/0", "timeout after CONNECT", true },
		{ "QUIT\r\n", " quit=1 commands=1", "" },
		{ "ECHO\r\nECHO\r\n", " echo=2 commands=2",
		    "lost connection after ECHO" },
		{ "STOP\r\nSTART a\r\nSTART b\r\nFOO\r\nquit\r\n",
		    " start=1/2 stop=0/1 quit=1 unknown=0/1 commands=2/5", "" },
		{ "ECHO\r\n\x01\r\n", " echo=1 unknown=0/1 commands=1/2",
		    "lost connection after UNKNOWN" },
		{ "NO\r\nECHO\r\n", " echo=1 unknown=0/1 commands=1/2",
		    "timeout after ECHO", true },
		{ "STOP\r\nSTOP\r\nSTOP\r\nSTOP\r\nSTOP\r\nSTOP\r\n"
		    "STOP\r\nSTOP\r\n", " stop=0/8 commands=0/8",
		    "too many errors after STOP" },
	};
	struct buf summary = { 0 }, fate = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		account(t[i].said, t[i].stays, &summary, &fate);
		assert_text(&summary, t[i].summary);
		assert_text(&fate, t[i].fate);
	}
	buf_free(&summary);
	buf_free(&fate);
}

static void
slow_texts(void **state)
{
	static const struct {
		unsigned seconds;
		uint64_t octets;
		int64_t until;
	} t[] = {
		{ 300, 0, 307000 },
		{ 600, 999, 607000 },
		{ 600, 1000, 608000 },
		{ 1, 1 << 30, 7000 + 1000 + 1073741000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_int_equal(serve_deadline(7000, t[i].seconds,
		    t[i].octets), t[i].until);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_reply_for_each),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(progress_starts_again),
		cmocka_unit_test(silence_is_answered_once),
		cmocka_unit_test(accounts),
		cmocka_unit_test(slow_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
