/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/words.h"

static void
decodes(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { " plain text\r\n", "plain text" },
		{ "folded\r\n\there", "folded\there" },
		{ "=?iso-8859-1?Q?Gr=FC=dfe_an?= alle", "Gr\303\274\303\237e an alle" },
		{ "=?UTF-8?b?R3LDvMOfZQ==?=", "Gr\303\274\303\237e" },
		{ "=?utf-8*de?q?a?=", "a" },
		{ "=?utf-8?q?" "?=x", "x" },
		/* blanks between two of them, and folds, are not there */
		{ "=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c" },
		{ "x =?utf-8?q?a?= y", "x a y" },
		{ "(=?utf-8?q?a?=)", "(a)" },
		{ "=?utf-8?q?=0A=1B?=", "\n\033" },
		{ "=?windows-1252?Q?=80?=", "\342\202\254" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		words_decode(&out, t[i][0], strlen(t[i][0]));
		assert_text(&out, t[i][1]);
	}
	buf_free(&out);
}

static void
leaves_what_is_wrong(void **state)
{
	static const char *const t[] = {
		"=?", "=?utf-8?", "=?utf-8?q?a?", "=?utf-8?q?a", "=?utf-8?x?a?=",
		"=?no-such-charset?q?a?=", "=?utf-8?q?=4?=", "=?utf-8?q?=4G?=",
		"=?utf-8?b?R3L?=", "=?utf-8?q?=FF?=", "=?utf-8?q?a b?=",
		"=??q?a?=", "a=?utf-8?q?a?=", "=?../../x?q?a?=",
		"=?utf-8//IGNORE?q?=FF?=", "= =?= ?=",
		"=?aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee?q?a?=",
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		words_decode(&out, t[i], strlen(t[i]));
		assert_text(&out, t[i]);
	}
	/* what lies behind the end does not count */
	buf_clear(&out);
	words_decode(&out, "=?utf-8?q?a?=", 12);
	assert_text(&out, "=?utf-8?q?a?");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(leaves_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
