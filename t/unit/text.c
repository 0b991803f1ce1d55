/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <inttypes.h>

#include "base/text.h"

static void
numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t min, max;
		bool ok;
		uint64_t v;
	} t[] = {
		{ "0", 0, 9, true, 0 },
		{ "9", 0, 9, true, 9 },
		{ "10", 0, 9, false, 0 },
		{ "1", 2, 9, false, 0 },
		{ "2", 2, 9, true, 2 },
		{ "18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, false, 0 },
		{ "99999999999999999999999", 0, UINT64_MAX, false, 0 },
		{ "", 0, 9, false, 0 },
		{ "00", 0, 9, false, 0 },
		{ "01", 0, 9, false, 0 },
		{ "+1", 0, 9, false, 0 },
		{ "-1", 0, 9, false, 0 },
		{ " 1", 0, 9, false, 0 },
		{ "1 ", 0, 9, false, 0 },
		{ "0x1", 0, 9, false, 0 },
		{ "1e1", 0, 99, false, 0 },
		{ "\xb2", 0, 9, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		uint64_t v = 77;

		assert_row(i, text_number(t[i].s, t[i].min, t[i].max, &v) ==
		    t[i].ok);
		assert_row(i, v == (t[i].ok ? t[i].v : 77));
	}
}

static void
durations(void **state)
{
	static const struct {
		const char *s;
		bool ok;
		uint64_t v;
	} t[] = {
		{ "0", true, 0 },
		{ "90", true, 90 },
		{ "90s", true, 90 },
		{ "15m", true, 900 },
		{ "36h", true, 129600 },
		{ "5d", true, 432000 },
		{ "3660d", true, 316224000 },
		{ "3661d", false, 0 },
		{ "316224001", false, 0 },
		{ "18446744073709551615", false, 0 },
		{ "", false, 0 },
		{ "s", false, 0 },
		{ "1w", false, 0 },
		{ "1S", false, 0 },
		{ "-1s", false, 0 },
		{ "1ms", false, 0 },
		{ "1h30m", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		uint64_t v = 77;

		assert_row(i, text_duration(t[i].s, &v) == t[i].ok);
		assert_row(i, v == (t[i].ok ? t[i].v : 77));
	}
}

static void
kinds_of_text(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		bool clean, ascii, utf8;
	} t[] = {
		{ "", 0, true, true, true },
		{ "plain ~", 7, true, true, true },
		{ "a\tb", 3, false, true, true },
		{ "a\nb", 3, false, true, true },
		{ "a\rb", 3, false, true, true },
		{ "a\0b", 3, false, true, true },
		{ "\x1b[2J", 4, false, true, true },
		{ "\x7f", 1, false, true, true },
		{ "gr\xc3\xbc\xc3\x9f", 6, true, false, true },
		{ "\xc2\xa0", 2, true, false, true },
		{ "\xe2\x82\xac", 3, true, false, true },
		{ "\xf0\x9f\x93\xa7", 4, true, false, true },
		{ "\xf4\x8f\xbf\xbf", 4, true, false, true },
		{ "\xf4\x90\x80\x80", 4, true, false, false },
		{ "\xc2\x85", 2, true, false, false },         /* C1: NEL */
		{ "\x85", 1, true, false, false },
		{ "\xc0\xae", 2, true, false, false },         /* overlong */
		{ "\xe0\x80\xae", 3, true, false, false },
		{ "\xf0\x80\x80\xae", 4, true, false, false },
		{ "\xed\xa0\x80", 3, true, false, false },     /* surrogate */
		{ "\xc3", 1, true, false, false },             /* cut short */
		{ "\xe2\x82", 2, true, false, false },
		{ "\xc3\x28", 2, true, false, false },
		{ "\xff", 1, true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, text_clean(t[i].s, t[i].n) == t[i].clean);
		assert_row(i, text_ascii(t[i].s, t[i].n) == t[i].ascii);
		assert_row(i, text_utf8(t[i].s, t[i].n) == t[i].utf8);
	}
}

static void
printable(void **state)
{
	static const struct {
		const char *s;
		size_t n;
		const char *want;
	} t[] = {
		{ "", 0, "" },
		{ "a b", 3, "a b" },
		{ "a\r\nb\tc", 6, "a\\r\\nb\\tc" },
		{ "\\r", 2, "\\r" },
		{ "\0", 1, "\\x00" },
		{ "\x1b]0;x\x07", 6, "\\x1B]0;x\\x07" },
		{ "\x7f", 1, "\\x7F" },
		{ "\xc3\xbc", 2, "\xc3\xbc" },
		{ "\xc3", 1, "\\xC3" },
		{ "\xc2\x9b", 2, "\\xC2\\x9B" },       /* C1: CSI */
		{ "\xe2\x82", 2, "\\xE2\\x82" },
		{ "\xff" "a", 2, "\\xFFa" },
		/* a line of its own: U+2028, U+2029 */
		{ "\xe2\x80\xa8x", 4, "\\xE2\\x80\\xA8x" },
		{ "\xe2\x80\xa9", 3, "\\xE2\\x80\\xA9" },
		/* the other way round: U+061C, U+200F, U+202E, U+2066 */
		{ "\xd8\x9c", 2, "\\xD8\\x9C" },
		{ "\xe2\x80\x8f", 3, "\\xE2\\x80\\x8F" },
		{ "a\xe2\x80\xae" "b", 5, "a\\xE2\\x80\\xAEb" },
		{ "\xe2\x81\xa6", 3, "\\xE2\\x81\\xA6" },
		{ "\xef\xbb\xbf", 3, "\\xEF\\xBB\\xBF" },
		/* their neighbours */
		{ "\xe2\x80\xa7", 3, "\xe2\x80\xa7" },
		{ "\xe2\x80\xaf", 3, "\xe2\x80\xaf" },
		{ "\xe2\x80\x8d", 3, "\xe2\x80\x8d" },
		{ "\xe2\x81\xaa", 3, "\xe2\x81\xaa" },
		{ "\xd8\x9b", 2, "\xd8\x9b" },
		{ "\xf0\x9f\x98\x80", 4, "\xf0\x9f\x98\x80" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_set(&out, ">");
		text_printable(&out, t[i].s, t[i].n);
		assert_string_equal(out.s + 1, t[i].want);
		assert_row(i, text_clean(out.s, out.n) &&
		    text_utf8(out.s, out.n));
		/* again: no change */
		buf_clear(&out);
		text_printable(&out, t[i].want, strlen(t[i].want));
		assert_text(&out, t[i].want);
	}
	buf_free(&out);
}

static void
json(void **state)
{
	static const char *const t[][2] = {
		{ "", "" },
		{ "a\"b\\c", "a\\\"b\\\\c" },
		{ "\n\x1f\x7f", "\\u000a\\u001f\\u007f" },
		{ "\xc3\xbc", "\xc3\xbc" },
		{ "\xfc", "\\u00fc" },
		{ "</script>", "</script>" },
		{ "\xe2\x80\xa8|\xe2\x80\xae", "\\u2028|\\u202e" },
		{ "\xd8\x9c\xe2\x82\xac", "\\u061c\xe2\x82\xac" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		text_json(&out, t[i][0]);
		assert_text(&out, t[i][1]);
	}
	buf_free(&out);
}

static void
trimmed(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { " \t\r\n", "" }, { "a", "a" },
		{ "  a b\t", "a b" }, { "a\r\n", "a" }, { "\na", "a" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		snprintf(text, sizeof text, "%s", t[i][0]);
		assert_string_equal(text_trim(text), t[i][1]);
	}
}

static void
words(void **state)
{
	char text[] = "  one\ttwo \t three", none[] = " \t ";
	char *rest = text;

	(void)state;
	assert_string_equal(text_word(&rest), "one");
	assert_string_equal(text_word(&rest), "two");
	assert_string_equal(text_word(&rest), "three");
	assert_null(text_word(&rest));
	assert_null(text_word(&rest));
	rest = none;
	assert_null(text_word(&rest));
}

static void
starts_whatever_the_case(void **state)
{
	(void)state;
	assert_true(text_starts("FROM:<a>", "from:"));
	assert_true(text_starts("x", ""));
	assert_false(text_starts("FRO", "from:"));
	assert_false(text_starts("", "f"));
}

static void
distances(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned d;
	} t[] = {
		{ "", "", 0 }, { "abc", "abc", 0 }, { "", "abc", 3 },
		{ "kitten", "sitting", 3 }, { "spool-dir", "spol-dir", 1 },
		{ "log", "gol", 2 }, { "verbose", "verbos", 1 },
	};
	char longest[65];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, text_distance(t[i].a, t[i].b) == t[i].d);
		assert_row(i, text_distance(t[i].b, t[i].a) == t[i].d);
	}
	memset(longest, 'a', 64);
	longest[64] = '\0';
	assert_int_equal(text_distance(longest, "a"), ~0u);
	assert_int_equal(text_distance(longest + 1, ""), 63);
}

static void
decimals(void **state)
{
	static const uint64_t t[] = {
		0, 1, 9, 10, 99, 100, 1009, 4294967296, 9999999999999999999u,
		UINT64_MAX
	};
	char text[21], want[32];

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		*text_decimal(text, t[i]) = '\0';
		snprintf(want, sizeof want, "%" PRIu64, t[i]);
		assert_string_equal(text, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(decimals),
		cmocka_unit_test(durations),
		cmocka_unit_test(kinds_of_text),
		cmocka_unit_test(printable),
		cmocka_unit_test(json),
		cmocka_unit_test(trimmed),
		cmocka_unit_test(words),
		cmocka_unit_test(starts_whatever_the_case),
		cmocka_unit_test(distances),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
