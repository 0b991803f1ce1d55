/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/reply.h"

static enum reply_state
say(struct reply *r, const char *line)
{
	return reply_line(r, line, strlen(line));
}

static void
single_lines(void **state)
{
	static const struct {
		const char *line;
		int code;               /* 0: no reply */
		const char *text;
	} t[] = {
		{ "250 ok", 250, "ok" }, { "250", 250, "" },
		{ "250 ", 250, "" }, { "599 x", 599, "x" },
		{ "354\tgo", 354, "go" }, { "250  two", 250, " two" },
		{ "220 a\x1b[2J", 220, "a\\x1B[2J" },
		{ "550 gr\xc3\xbc\xff", 550, "gr\xc3\xbc\\xFF" },
		{ "550 a\nb\rc", 550, "a\\nb\\rc" },
		{ "199 x", 0, NULL }, { "600 x", 0, NULL }, { "", 0, NULL },
		{ "2", 0, NULL }, { "25", 0, NULL }, { "2x0 x", 0, NULL },
		{ "25a", 0, NULL }, { "250ok", 0, NULL }, { "2500 x", 0, NULL },
		{ " 250 x", 0, NULL }, { "-50 x", 0, NULL },
		{ "+OK", 0, NULL }, { "HTTP/1.1 200 OK", 0, NULL },
		{ "25\xb2 x", 0, NULL },
	};
	struct reply r = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		reply_clear(&r);
		assert_row(i, say(&r, t[i].line) ==
		    (t[i].code ? REPLY_DONE : REPLY_BAD));
		if (t[i].code) {
			assert_int_equal(r.code, t[i].code);
			assert_string_equal(list_get(&r.lines, 0), t[i].text);
		}
	}
	reply_free(&r);
}

static void
a_nul_is_made_visible(void **state)
{
	struct reply r = { 0 };

	(void)state;
	assert_int_equal(reply_line(&r, "250 a\0b", 7), REPLY_DONE);
	assert_string_equal(list_get(&r.lines, 0), "a\\x00b");
	reply_free(&r);
}

static void
several_lines(void **state)
{
	struct reply r = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(say(&r, "250-one"), REPLY_MORE);
	assert_int_equal(say(&r, "250-"), REPLY_MORE);
	assert_int_equal(say(&r, "250 three"), REPLY_DONE);
	assert_int_equal(r.lines.n, 3);
	reply_text(&r, &out);
	assert_text(&out, "250 one  three");
	reply_clear(&r);
	assert_int_equal(r.code, 0);
	assert_int_equal(say(&r, "550-no"), REPLY_MORE);
	assert_int_equal(say(&r, "250 yes"), REPLY_BAD);
	buf_free(&out);
	reply_free(&r);
}

static void
limits(void **state)
{
	struct reply r = { 0 };
	struct buf line = { 0 }, out = { 0 };
	size_t n = 0;

	(void)state;
	while (say(&r, "250-x") == REPLY_MORE)
		n++;
	assert_int_equal(n, REPLY_LINES);

	reply_clear(&r);
	buf_puts(&line, "250-");
	while (line.n < REPLY_LINE)
		buf_putc(&line, 'x');
	for (n = 0; say(&r, line.s) == REPLY_MORE; n++)
		continue;
	assert_int_equal(n, REPLY_OCTETS / REPLY_LINE);

	reply_clear(&r);
	buf_set(&line, "550 ");
	while (line.n < 1000)
		buf_puts(&line, "\xe2\x82\xac");
	assert_int_equal(say(&r, line.s), REPLY_DONE);
	reply_text(&r, &out);
	assert_true(out.n <= 500 && out.n > 490);
	assert_true(text_utf8(out.s, out.n));
	buf_free(&line);
	buf_free(&out);
	reply_free(&r);
}

static void
enhanced_codes(void **state)
{
	static const char *const t[][2] = {
		{ "550 5.1.1 no", "5.1.1" }, { "250 2.0.0", "2.0.0" },
		{ "550 5.123.456 x", "5.123.456" }, { "550 no", "5.0.0" },
		{ "550 4.1.1 no", "5.0.0" }, { "450 4.7.1 later", "4.7.1" },
		{ "550 5.1 no", "5.0.0" }, { "550 5.1234.1 x", "5.0.0" },
		{ "550 5.1.1no", "5.0.0" }, { "550 5.1.1.1 x", "5.0.0" },
		{ "421", "4.0.0" }, { "550 5..1 x", "5.0.0" },
	};
	struct reply r = { 0 };
	char code[12];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		reply_clear(&r);
		assert_row(i, say(&r, t[i][0]) == REPLY_DONE);
		reply_enhanced(&r, code);
		assert_string_equal(code, t[i][1]);
	}
	reply_free(&r);
}

static void
made_by_us(void **state)
{
	struct reply r = { 0 };
	struct buf out = { 0 };

	(void)state;
	say(&r, "250 old");
	reply_make(&r, 451, "4.4.2 connection lost");
	reply_text(&r, &out);
	assert_text(&out, "451 4.4.2 connection lost");
	buf_free(&out);
	reply_free(&r);
}

static void
kept_and_read(void **state)
{
	static const struct {
		const char *kept;
		int code;
		const char *text;
	} t[] = {
		{ "550 5.1.1 no such user", 550, "550 5.1.1 no such user" },
		{ "421", 421, "421 " },
		{ "what is this", 550, "550 what is this" },
		{ "", 550, "550 " },
		{ "999 x", 550, "550 999 x" },
		{ "550-a", 550, "550 a" },
	};
	struct reply r = { 0 }, copy = { 0 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		reply_read(&r, t[i].kept);
		reply_copy(&copy, &r);
		buf_clear(&out);
		reply_text(&copy, &out);
		assert_row(i, r.code == t[i].code && copy.code == r.code);
		assert_text(&out, t[i].text);
	}
	buf_free(&out);
	reply_free(&r);
	reply_free(&copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_lines),
		cmocka_unit_test(a_nul_is_made_visible),
		cmocka_unit_test(several_lines),
		cmocka_unit_test(limits),
		cmocka_unit_test(enhanced_codes),
		cmocka_unit_test(made_by_us),
		cmocka_unit_test(kept_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
