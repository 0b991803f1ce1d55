/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/xtext.h"

static void
encodes(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { "a@b.test", "a@b.test" },
		{ "user one=", "user+20one+3D" }, { "+", "+2B" },
		{ "\r\n", "+0D+0A" }, { "\x7f\xff", "+7F+FF" },
		{ "!~", "!~" },
	};
	struct buf out = { 0 }, back = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		buf_clear(&back);
		xtext_encode(&out, t[i][0], strlen(t[i][0]));
		assert_text(&out, t[i][1]);
		assert_row(i, xtext_decode(&back, buf_text(&out), out.n));
		assert_text(&back, t[i][0]);
	}
	buf_free(&out);
	buf_free(&back);
}

static void
every_octet_comes_back(void **state)
{
	struct buf out = { 0 }, back = { 0 };
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	xtext_encode(&out, all, sizeof all);
	for (size_t i = 0; i < out.n; i++)
		assert_row(i, out.s[i] > ' ' && out.s[i] < 0x7f);
	assert_true(xtext_decode(&back, out.s, out.n));
	assert_int_equal(back.n, 256);
	assert_memory_equal(back.s, all, 256);
	buf_free(&out);
	buf_free(&back);
}

static void
decodes_strictly(void **state)
{
	static const char *const bad[] = {
		"+", "+4", "a+", "+4G", "+G4", "a b", "a=b", "\x80", "\t",
		"++", "+0x41", "ok+2", "\x7f",
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		buf_set(&out, "kept");
		assert_row(i, !xtext_decode(&out, bad[i], strlen(bad[i])));
		assert_text(&out, "kept");
	}
	buf_clear(&out);
	assert_true(xtext_decode(&out, "+4a+4B", 6));
	assert_text(&out, "JK");
	/* what lies behind the end does not count */
	assert_false(xtext_decode(&out, "+41", 2));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),
		cmocka_unit_test(every_octet_comes_back),
		cmocka_unit_test(decodes_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
