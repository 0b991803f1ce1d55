/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/base64.h"

/* RFC 4648 section 10, and what has all letters. */
static void
both_ways(void **state)
{
	static const char *const t[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "Username:", "VXNlcm5hbWU6" },
		{ "\xfb\xef\xbe\xff", "++++/w==" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		base64_encode(&out, t[i][0], strlen(t[i][0]));
		assert_text(&out, t[i][1]);
		buf_clear(&out);
		assert_row(i, base64_decode(&out, t[i][1], strlen(t[i][1])));
		assert_text(&out, t[i][0]);
	}
	buf_free(&out);
}

static void
every_octet_comes_back(void **state)
{
	struct buf out = { 0 }, back = { 0 };
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (size_t n = 0; n <= sizeof all; n++) {
		buf_clear(&out);
		buf_clear(&back);
		base64_encode(&out, all, n);
		assert_int_equal(out.n, (n + 2) / 3 * 4);
		assert_row(n, base64_decode(&back, buf_text(&out), out.n));
		assert_int_equal(back.n, n);
		assert_memory_equal(buf_text(&back), all, n);
	}
	buf_free(&out);
	buf_free(&back);
}

static void
decodes_strictly(void **state)
{
	static const char *const bad[] = {
		"A", "AA", "AAA", "A===", "====", "=", "==", "AA=A", "A=AA",
		"AA==AAAA", "AAA=AAAA", "!!!!", "AA A", " AAA", "AAA ",
		"AAA\n", "AAAA\n", "AA-_", "\xc3\xa9zz", "*",
		/* bits that stand for nothing */
		"Zh==", "Zm9=",
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		buf_set(&out, "kept");
		assert_row(i, !base64_decode(&out, bad[i], strlen(bad[i])));
		assert_text(&out, "kept");
	}
	assert_false(base64_decode(&out, "AA\0A", 4));
	/* what lies behind the end does not count */
	assert_false(base64_decode(&out, "Zm9v", 3));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(every_octet_comes_back),
		cmocka_unit_test(decodes_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
