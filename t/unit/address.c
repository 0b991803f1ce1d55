/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/address.h"

enum { OK = ADDRESS_OK, BRACKETS = ADDRESS_NO_BRACKETS,
	SYNTAX = ADDRESS_SYNTAX, LONG = ADDRESS_TOO_LONG,
	UTF8 = ADDRESS_NEEDS_UTF8 };

static void
paths(void **state)
{
	static const struct {
		const char *s;
		bool utf8;
		int verdict;
		const char *mailbox, *rest;
	} t[] = {
		{ "<>", false, OK, "", "" },
		{ "< >", false, OK, "", "" },
		{ "<a@b>", false, OK, "a@b", "" },
		{ "  \t<a@b> SIZE=1", false, OK, "a@b", " SIZE=1" },
		{ "< a@b >X", false, OK, "a@b", "X" },
		{ "<postmaster>", false, OK, "postmaster", "" },
		{ "<a.b+c=d@e-f.g_h.example>", false, OK,
		    "a.b+c=d@e-f.g_h.example", "" },
		{ "<A..B@x>", false, OK, "A..B@x", "" },
		{ "<a@[127.0.0.1]>", false, OK, "a@[127.0.0.1]", "" },
		{ "<a@[IPv6:::1]>", false, OK, "a@[IPv6:::1]", "" },
		{ "<\"a b\"@c>", false, OK, "\"a b\"@c", "" },
		{ "<\"a>b\"@c>", false, OK, "\"a>b\"@c", "" },
		{ "<\"a\\\"b\"@c>", false, OK, "\"a\\\"b\"@c", "" },
		{ "<\"\"@c>", false, OK, "\"\"@c", "" },
		{ "<@x:a@b>", false, OK, "a@b", "" },
		{ "<@x,@y.z:a@b>", false, OK, "a@b", "" },
		{ "<gr\xc3\xbc@x>", true, OK, "gr\xc3\xbc@x", "" },
		{ "<a@gr\xc3\xbc>", true, OK, "a@gr\xc3\xbc", "" },
		{ "<gr\xc3\xbc@x>", false, UTF8, NULL, NULL },
		{ "<gr\xfc@x>", true, SYNTAX, NULL, NULL },
		{ "<\xc2\x85@x>", true, SYNTAX, NULL, NULL },
		{ "", false, BRACKETS, NULL, NULL },
		{ "a@b", false, BRACKETS, NULL, NULL },
		{ "<a@b", false, BRACKETS, NULL, NULL },
		{ "a <a@b>", false, BRACKETS, NULL, NULL },
		{ "<<a@b>>", false, SYNTAX, NULL, NULL },
		{ "<a@>", false, SYNTAX, NULL, NULL },
		{ "<@b>", false, SYNTAX, NULL, NULL },
		{ "<@x:>", false, SYNTAX, NULL, NULL },
		{ "<@x,:a@b>", false, SYNTAX, NULL, NULL },
		{ "<@x,y:a@b>", false, SYNTAX, NULL, NULL },
		{ "<a@b@c>", false, SYNTAX, NULL, NULL },
		{ "<a b@c>", false, SYNTAX, NULL, NULL },
		{ "<a@b c>", false, SYNTAX, NULL, NULL },
		{ "<a@b,c@d>", false, SYNTAX, NULL, NULL },
		{ "<a|b@c>", false, SYNTAX, NULL, NULL },
		{ "<\"a|b\"@c>", false, SYNTAX, NULL, NULL },
		{ "<a\nb@c>", false, SYNTAX, NULL, NULL },
		{ "<a@b\r\nRSET>", false, SYNTAX, NULL, NULL },
		{ "<\"a\tb\"@c>", false, SYNTAX, NULL, NULL },
		{ "<\"a\\\x01\"@c>", false, SYNTAX, NULL, NULL },
		{ "<a\x7f@c>", false, SYNTAX, NULL, NULL },
		{ "<\"a@c>", false, SYNTAX, NULL, NULL },
		{ "<\"a\\>", false, SYNTAX, NULL, NULL },
		{ "<\"a\"b@c>", false, SYNTAX, NULL, NULL },
		{ "<a@.b>", false, SYNTAX, NULL, NULL },
		{ "<a@b.>", false, SYNTAX, NULL, NULL },
		{ "<a@b..c>", false, SYNTAX, NULL, NULL },
		{ "<a@-b>", false, SYNTAX, NULL, NULL },
		{ "<a@[]>", false, SYNTAX, NULL, NULL },
		{ "<a@[1.2.3.4>", false, SYNTAX, NULL, NULL },
		{ "<a@[1.2.3.4]x>", false, SYNTAX, NULL, NULL },
		{ "<a@[1\n2]>", false, SYNTAX, NULL, NULL },
		{ "<a(comment)@b>", false, SYNTAX, NULL, NULL },
		{ "<a;b@c>", false, SYNTAX, NULL, NULL },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		const char *s = t[i].s;

		buf_set(&out, "left over");
		assert_row(i, (int)address_path(&s, t[i].utf8, &out) ==
		    t[i].verdict);
		if (t[i].verdict != OK)
			continue;
		assert_text(&out, t[i].mailbox);
		assert_string_equal(s, t[i].rest);
		if (out.n)
			assert_row(i, (int)address_check(out.s, t[i].utf8) ==
			    OK);
	}
	buf_free(&out);
}

static void
lengths(void **state)
{
	char text[400] = "<";
	struct buf out = { 0 };
	const char *s;

	(void)state;
	for (size_t n = ADDRESS_MOST - 1; n <= ADDRESS_MOST + 1; n++) {
		memset(text + 1, 'a', n);
		text[n - 1] = '@';
		text[n + 1] = '>';
		text[n + 2] = '\0';
		s = text;
		assert_row(n, (int)address_path(&s, false, &out) ==
		    (n <= ADDRESS_MOST ? OK : LONG));
		text[n + 1] = '\0';
		assert_row(n, (int)address_check(text + 1, false) ==
		    (n <= ADDRESS_MOST ? OK : LONG));
	}
	buf_free(&out);
}

static void
alone(void **state)
{
	static const struct {
		const char *s;
		int verdict;
	} t[] = {
		{ "a@b", OK }, { "a", OK }, { "", SYNTAX },
		{ "<a@b>", SYNTAX }, { "a@b ", SYNTAX }, { " a@b", SYNTAX },
		{ "@x:a@b", SYNTAX }, { "a@b\r", SYNTAX },
		{ "a@b> SIZE=1", SYNTAX }, { "\xc3\xbc@b", UTF8 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_row(i, (int)address_check(t[i].s, false) ==
		    t[i].verdict);
}

static void
domains(void **state)
{
	static const char *const t[][2] = {
		{ "a@b", "b" }, { "\"x@y\"@z", "z" }, { "a@", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_string_equal(address_domain(t[i][0]), t[i][1]);
	assert_null(address_domain("\"x@y\""));
	assert_null(address_domain("a"));
	assert_null(address_domain(""));
}

static void
hosts(void **state)
{
	static const char *const good[] = {
		"localhost", "mail.example.org", "a-b_c.x1", "1.2.3.4",
		"[1.2.3.4]", "[IPv6:fe80::1]",
	};
	static const char *const bad[] = {
		"", "-x", ".x", "x.", "a..b", "a b", "a\tb", "[", "[]", "x]",
		"a/b", "a:b", "a\x01", "<a>", "a,b",
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_row(i, address_is_host(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(i, !address_is_host(bad[i]));
	memset(longest, 'a', sizeof longest);
	longest[256] = '\0';
	assert_false(address_is_host(longest));
	assert_true(address_is_host(longest + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(lengths),
		cmocka_unit_test(alone),
		cmocka_unit_test(domains),
		cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
