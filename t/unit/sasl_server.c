/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "auth/guard.h"
#include "auth/login.h"

static const char challenge[] = "<1896.697170952@postoffice.reston.mci.net>";

struct row {
	enum sasl_mechanism mechanism;
	const char *answer[3];          /* with \1 for NUL */
	const char *id, *password;      /* NULL: NO */
};

static const struct row rows[] = {
	{ SASL_PLAIN, { "\1bob\1secret" }, "bob", "secret" },
	{ SASL_PLAIN, { "x\1bob\1secret" }, "bob", "secret" },
	{ SASL_PLAIN, { "\1us er\1se cret" }, "us er", "se cret" },
	{ SASL_PLAIN, { "" }, NULL, NULL },
	{ SASL_PLAIN, { "bob" }, NULL, NULL },
	{ SASL_PLAIN, { "bob\1secret" }, NULL, NULL },
	{ SASL_PLAIN, { "\1\1secret" }, NULL, NULL },
	{ SASL_PLAIN, { "\1bob\1" }, NULL, NULL },
	{ SASL_PLAIN, { "\1bob\1secret\1" }, NULL, NULL },
	{ SASL_PLAIN, { "\1bob\nx\1secret" }, NULL, NULL },
	{ SASL_LOGIN, { "bob", "secret" }, "bob", "secret" },
	{ SASL_LOGIN, { "us er", "se cret" }, "us er", "se cret" },
	{ SASL_LOGIN, { "", "secret" }, NULL, NULL },
	{ SASL_LOGIN, { "bob", "" }, NULL, NULL },
	{ SASL_LOGIN, { "b\1b", "secret" }, NULL, NULL },
	{ SASL_LOGIN, { "bob\r", "secret" }, NULL, NULL },
	{ SASL_LOGIN, { "bob", "se\1cret" }, NULL, NULL },
	{ SASL_CRAM_MD5, { "tim b913a602c7eda7a495b4e6e7334d3890" }, "tim",
	    "" },
	{ SASL_CRAM_MD5, { "tim B913A602C7EDA7A495B4E6E7334D3890" }, "tim",
	    "" },
	{ SASL_CRAM_MD5, { "t im b913a602c7eda7a495b4e6e7334d3890" }, "t im",
	    "" },
	{ SASL_CRAM_MD5, { "" }, NULL, NULL },
	{ SASL_CRAM_MD5, { "tim" }, NULL, NULL },
	{ SASL_CRAM_MD5, { "tim b913a602c7eda7a495b4e6e7334d389" }, NULL,
	    NULL },
	{ SASL_CRAM_MD5, { "tim b913a602c7eda7a495b4e6e7334d389g" }, NULL,
	    NULL },
	{ SASL_CRAM_MD5, { "tim \x11" "913a602c7eda7a495b4e6e7334d3890" },
	    NULL, NULL },
	{ SASL_CRAM_MD5, { " b913a602c7eda7a495b4e6e7334d3890" }, NULL,
	    NULL },
	{ SASL_CRAM_MD5, { "tim b913a602c7eda7a495b4e6e7334d3890 " }, NULL,
	    NULL },
};

static enum sasl_verdict
step(struct sasl *s, const char *answer)
{
	char *copy = need_copy(answer);
	size_t n = strlen(copy);
	enum sasl_verdict v;

	for (size_t i = 0; i < n; i++)
		if (copy[i] == '\1')
			copy[i] = '\0';
	v = sasl_step(s, copy, n);
	free(copy);
	return v;
}

static void
steps(void **state)
{
	enum sasl_verdict v;
	struct sasl s;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		sasl_start(&s, rows[i].mechanism, challenge);
		v = SASL_MORE;
		for (int k = 0; k < 3 && rows[i].answer[k]; k++) {
			assert_row(i, v == SASL_MORE);
			v = step(&s, rows[i].answer[k]);
		}
		assert_row(i, v == (rows[i].id ? SASL_DONE : SASL_NO));
		if (rows[i].id) {
			assert_text(&s.id, rows[i].id);
			assert_text(&s.password, rows[i].password);
		}
		sasl_wipe(&s);
		assert_int_equal(s.password.n, 0);
	}
}

static void
questions(void **state)
{
	struct sasl s;

	(void)state;
	sasl_start(&s, SASL_LOGIN, challenge);
	assert_text(&s.question, "Username:");
	assert_int_equal(step(&s, "bob"), SASL_MORE);
	assert_text(&s.question, "Password:");
	sasl_wipe(&s);
	sasl_start(&s, SASL_PLAIN, challenge);
	assert_text(&s.question, "");
	sasl_wipe(&s);
	sasl_start(&s, SASL_CRAM_MD5, challenge);
	assert_text(&s.question, challenge);
	sasl_wipe(&s);
}

static void
lengths(void **state)
{
	struct buf answer = { 0 };
	struct sasl s;

	(void)state;
	for (size_t n = SASL_ID; n <= SASL_ID + 1; n++) {
		buf_set(&answer, "\1");
		while (answer.n <= n)
			buf_putc(&answer, 'n');
		buf_puts(&answer, "\1pw");
		sasl_start(&s, SASL_PLAIN, challenge);
		assert_int_equal(step(&s, answer.s),
		    n == SASL_ID ? SASL_DONE : SASL_NO);
		sasl_wipe(&s);
	}
	for (size_t n = SASL_PASSWORD; n <= SASL_PASSWORD + 1; n++) {
		buf_set(&answer, "\1u\1");
		while (answer.n < n + 3)
			buf_putc(&answer, 'p');
		sasl_start(&s, SASL_PLAIN, challenge);
		assert_int_equal(step(&s, answer.s),
		    n == SASL_PASSWORD ? SASL_DONE : SASL_NO);
		sasl_wipe(&s);
	}
	buf_free(&answer);
}

static void
words(void **state)
{
	enum sasl_mechanism m;

	(void)state;
	assert_true(sasl_find("cram-md5", &m) && m == SASL_CRAM_MD5);
	assert_true(sasl_find("Login", &m) && m == SASL_LOGIN);
	assert_false(sasl_find("", &m) || sasl_find("APOP", &m) ||
	    sasl_find("PLAINX", &m) || sasl_find("DIGEST-MD5", &m));
}

static void
challenges_are_fresh(void **state)
{
	struct buf a = { 0 }, b = { 0 };
	size_t n;

	(void)state;
	sasl_challenge(&a, "mx.test");
	sasl_challenge(&b, "mx.test");
	assert_string_not_equal(a.s, b.s);
	assert_true(a.s[0] == '<');
	n = strspn(a.s + 1, "0123456789.abcdef");
	assert_string_equal(a.s + 1 + n, "@mx.test>");
	assert_true(n > 32);
	buf_free(&a);
	buf_free(&b);
}

/* What is asked, and how it ends. */
static enum login_verdict
converse(const char *sent, size_t n, char *initial, struct buf *asked)
{
	enum login_verdict v;
	struct sasl s;
	struct io io;
	char piece[512];
	ssize_t k;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(write(pair[1], sent, n) == (ssize_t)n);
	shutdown(pair[1], SHUT_WR);
	io_open(&io, pair[0], pair[0], 5);
	sasl_start(&s, SASL_LOGIN, challenge);
	v = login_converse(&io, "+ ", &s, initial);
	if (v == LOGIN_DONE) {
		assert_text(&s.id, "bob");
		assert_text(&s.password, "secret");
	}
	assert_null(memmem(io.buffer, IO_BUFFER, "c2VjcmV0", 8));
	sasl_wipe(&s);
	io_close(&io);
	buf_clear(asked);
	while ((k = read(pair[1], piece, sizeof piece)) > 0)
		buf_add(asked, piece, (size_t)k);
	close(pair[1]);
	return v;
}

static void
on_the_wire(void **state)
{
	static const struct {
		const char *sent, *initial;
		enum login_verdict v;
	} t[] = {
		{ "Ym9i\r\nc2VjcmV0\r\n", NULL, LOGIN_DONE },
		{ "c2VjcmV0\r\n", "Ym9i", LOGIN_DONE },
		{ "Ym9i\r\n*\r\n", NULL, LOGIN_CANCELLED },
		{ "*\r\n", NULL, LOGIN_CANCELLED },
		{ "**\r\n", NULL, LOGIN_GARBLED },
		{ "bob\r\n", NULL, LOGIN_GARBLED },
		{ "Ym9i \r\n", NULL, LOGIN_GARBLED },
		{ "Ym9i\r\n\r\n", NULL, LOGIN_WRONG },
		{ "\r\nc2VjcmV0\r\n", NULL, LOGIN_WRONG },
		{ "Ym9i\r\n", NULL, LOGIN_GONE },
		{ "Ym9i\n", NULL, LOGIN_GONE },
		{ "", "!", LOGIN_GARBLED },
	};
	struct buf asked = { 0 };
	char *initial;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		initial = t[i].initial ? need_copy(t[i].initial) : NULL;
		assert_row(i, converse(t[i].sent, strlen(t[i].sent), initial,
		    &asked) == t[i].v);
		if (i < 2)
			assert_text(&asked, i == 0 ?
			    "+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n" :
			    "+ UGFzc3dvcmQ6\r\n");
		free(initial);
	}
	buf_free(&asked);
}

static void
lines_of_12288_octets(void **state)
{
	struct buf line = { 0 }, asked = { 0 };

	(void)state;
	while (line.n < LOGIN_LINE)
		buf_puts(&line, "QUFB");
	buf_puts(&line, "\r\nc2VjcmV0\r\n");
	assert_int_equal(converse(line.s, line.n, NULL, &asked), LOGIN_WRONG);
	buf_clear(&line);
	while (line.n <= LOGIN_LINE)
		buf_puts(&line, "QUFB");
	buf_puts(&line, "\r\n*\r\n");
	assert_int_equal(converse(line.s, line.n, NULL, &asked),
	    LOGIN_TOO_LONG);
	buf_free(&line);
	buf_free(&asked);
}

/* Who may log in with what: the file's side of it. */
static void
what_an_entry_serves(void **state)
{
	static const struct {
		const char *entry;
		unsigned offers;
		bool plain, login, cram;
	} t[] = {
		{ "server LOGIN tim tanstaaftanstaaf",
		    1 << SASL_LOGIN | 1 << SASL_PLAIN, true, true, false },
		{ "server PLAIN tim tanstaaftanstaaf", 1 << SASL_PLAIN, true,
		    false, false },
		{ "server plain tim tanstaaftanstaaf",
		    1 << SASL_LOGIN | 1 << SASL_PLAIN | 1 << SASL_CRAM_MD5 |
		    1 << SASL_APOP, true, true, true },
		{ "server CRAM-MD5 tim 1376891476.79044465.1577270986."
		    "1796281712.458124752.2764766246.18396848.2738889491",
		    1 << SASL_CRAM_MD5, false, false, true },
		{ "server LOGIN Tim tanstaaftanstaaf",
		    1 << SASL_LOGIN | 1 << SASL_PLAIN, false, false, false },
		{ "server APOP tim tanstaaftanstaaf", 1 << SASL_APOP, false,
		    false, false },
		{ "client LOGIN tim tanstaaftanstaaf", 0, false, false,
		    false },
	};
	char dir[64], path[96];
	struct guard g;
	struct sasl s;
	FILE *f;

	(void)state;
	scratch_make(dir);
	snprintf(path, sizeof path, "%s/secrets", dir);
	for (size_t i = 0; i < COUNT(t); i++) {
		umask(077);
		f = fopen(path, "w");
		fprintf(f, "%s\n", t[i].entry);
		fclose(f);
		g = (struct guard){ .kind = GUARD_NONE };
		guard_open(&g, path);
		assert_row(i, g.offers == t[i].offers);
		sasl_start(&s, SASL_PLAIN, challenge);
		step(&s, "\1tim\1tanstaaftanstaaf");
		assert_row(i, (guard_check(&g, "192.0.2.1", &s) == GUARD_YES) ==
		    t[i].plain);
		sasl_wipe(&s);
		sasl_start(&s, SASL_LOGIN, challenge);
		step(&s, "tim");
		step(&s, "tanstaaftanstaaf");
		assert_row(i, (guard_check(&g, "192.0.2.1", &s) == GUARD_YES) ==
		    t[i].login);
		sasl_wipe(&s);
		sasl_start(&s, SASL_APOP, challenge);
		step(&s, "tim d16ff9ac2a65d209022d7eb541ecf24d");
		assert_row(i, (guard_check(&g, "192.0.2.1", &s) == GUARD_YES) ==
		    (t[i].offers >> SASL_APOP & 1));
		sasl_wipe(&s);
		sasl_start(&s, SASL_CRAM_MD5, challenge);
		step(&s, "tim b913a602c7eda7a495b4e6e7334d3890");
		assert_row(i, (guard_check(&g, "192.0.2.1", &s) == GUARD_YES) ==
		    t[i].cram);
		s.digest[15] ^= 1;
		assert_row(i, guard_check(&g, "192.0.2.1", &s) == GUARD_NO);
		guard_close(&g);
		assert_row(i, guard_check(&g, "192.0.2.1", &s) == GUARD_NO);
		sasl_wipe(&s);
	}
	scratch_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(questions),
		cmocka_unit_test(lengths),
		cmocka_unit_test(words),
		cmocka_unit_test(challenges_are_fresh),
		cmocka_unit_test(on_the_wire),
		cmocka_unit_test(lines_of_12288_octets),
		cmocka_unit_test(what_an_entry_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
