/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/parameter.h"

enum { OK = PARAMETER_OK, SYNTAX = PARAMETER_SYNTAX,
	UNKNOWN = PARAMETER_UNKNOWN };

static void
of_mail(void **state)
{
	static const struct {
		const char *s;
		int verdict;
		struct mail_parameters p;
	} t[] = {
		{ "", OK, { .size = 0 } },
		{ "  ", OK, { .size = 0 } },
		{ " SIZE=0", OK, { .has_size = true } },
		{ " size=12345", OK, { .has_size = true, .size = 12345 } },
		{ "\tSIZE=007", OK, { .has_size = true, .size = 7 } },
		{ " SIZE=18446744073709551615", OK,
		    { .has_size = true, .size = UINT64_MAX } },
		{ " SIZE=18446744073709551616", OK,
		    { .has_size = true, .size = UINT64_MAX } },
		{ " SIZE=99999999999999999999", OK,
		    { .has_size = true, .size = UINT64_MAX } },
		{ " SIZE=999999999999999999999", SYNTAX, { .size = 0 } },
		{ " SIZE", SYNTAX, { .size = 0 } },
		{ " SIZE=", SYNTAX, { .size = 0 } },
		{ " SIZE=-1", SYNTAX, { .size = 0 } },
		{ " SIZE=+1", SYNTAX, { .size = 0 } },
		{ " SIZE=1k", SYNTAX, { .size = 0 } },
		{ " SIZE=0x10", SYNTAX, { .size = 0 } },
		{ " SIZE=1 SIZE=2", SYNTAX, { .size = 0 } },
		{ " BODY=7BIT", OK, { .size = 0 } },
		{ " BODY=8bitmime", OK, { .eight_bit = true } },
		{ " BODY=BINARYMIME", SYNTAX, { .size = 0 } },
		{ " BODY", SYNTAX, { .size = 0 } },
		{ " SMTPUTF8", OK, { .utf8 = true } },
		{ " SMTPUTF8=yes", SYNTAX, { .size = 0 } },
		{ " AUTH=<>", OK, { .size = 0 } },
		{ " AUTH=bob+20x@y", OK, { .size = 0 } },
		{ " AUTH=a+0D+0Ab", OK, { .size = 0 } },
		{ " AUTH=+G", SYNTAX, { .size = 0 } },
		{ " AUTH", SYNTAX, { .size = 0 } },
		{ " SIZE=5 BODY=8BITMIME  SMTPUTF8", OK,
		    { .has_size = true, .size = 5, .eight_bit = true,
		    .utf8 = true } },
		{ " FOO=1", UNKNOWN, { .size = 0 } },
		{ " FOO", UNKNOWN, { .size = 0 } },
		{ " =", UNKNOWN, { .size = 0 } },
		{ " RET=HDRS", UNKNOWN, { .size = 0 } },
		{ "x", SYNTAX, { .size = 0 } },
		{ "SIZE=1", SYNTAX, { .size = 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct mail_parameters p = { .size = 0 };
		char rest[80];

		snprintf(rest, sizeof rest, "%s", t[i].s);
		assert_row(i, (int)parameter_mail(rest, &p) == t[i].verdict);
		if (t[i].verdict != OK)
			continue;
		assert_row(i, p.has_size == t[i].p.has_size);
		assert_row(i, p.size == t[i].p.size);
		assert_row(i, p.eight_bit == t[i].p.eight_bit);
		assert_row(i, p.utf8 == t[i].p.utf8);
	}
}

static void
of_rcpt(void **state)
{
	char none[] = "", blank[] = "  ", some[] = " FOO=1", glued[] = "x";

	(void)state;
	assert_int_equal(parameter_rcpt(none), OK);
	assert_int_equal(parameter_rcpt(blank), OK);
	assert_int_equal(parameter_rcpt(some), UNKNOWN);
	assert_int_equal(parameter_rcpt(glued), SYNTAX);
}

static void
utf8_before_the_path_is_read(void **state)
{
	static const struct {
		const char *s;
		bool yes;
	} t[] = {
		{ "<a@b> SMTPUTF8", true }, { "<a@b> smtputf8", true },
		{ "<a@b> SIZE=1 SMTPUTF8 BODY=7BIT", true },
		{ "<a@b>\tSMTPUTF8", true },
		{ "<a@b>", false }, { "<a@b> SMTPUTF8X", false },
		{ "<a@b> XSMTPUTF8", false }, { "<SMTPUTF8@b>", false },
		{ "<\"> SMTPUTF8 \"@b>", false }, { "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_row(i, parameter_has_utf8(t[i].s) == t[i].yes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_mail),
		cmocka_unit_test(of_rcpt),
		cmocka_unit_test(utf8_before_the_path_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
