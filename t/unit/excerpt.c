/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/excerpt.h"

static void
cuts(void **state)
{
	static const struct {
		const char *text;
		uint64_t lines;
		const char *want;
		bool done;
	} t[] = {
		{ "A: b\r\n\r\nx\r\ny\r\n", 0, "A: b\r\n\r\n", true },
		{ "A: b\r\n\r\nx\r\ny\r\n", 1, "A: b\r\n\r\nx\r\n", true },
		{ "A: b\r\n\r\nx\r\ny\r\n", 2, "A: b\r\n\r\nx\r\ny\r\n", true },
		{ "A: b\r\n\r\nx\r\ny\r\n", 3, "A: b\r\n\r\nx\r\ny\r\n", false },
		{ "A: b\r\n\r\n\r\n\r\nz", UINT64_MAX, "A: b\r\n\r\n\r\n\r\nz", false },
		{ "\r\nx\r\n", 0, "\r\n", true },
		{ "A: b\r\nc", 0, "A: b\r\nc", false },
		{ "xx\r\n.\r\n\r\ny", 0, "xx\r\n.\r\n\r\n", true },
		{ "", 7, "", false },
	};
	struct buf got = { 0 };
	struct excerpt e;
	size_t n, k;

	(void)state;
	/* in pieces of every size */
	for (size_t i = 0; i < COUNT(t); i++) {
		n = strlen(t[i].text);
		for (size_t step = 1; step <= n + 1; step++) {
			e = (struct excerpt){ .lines = t[i].lines };
			buf_clear(&got);
			for (size_t at = 0; at < n; at += step) {
				k = n - at < step ? n - at : step;
				buf_add(&got, t[i].text + at,
				    excerpt_take(&e, t[i].text + at, k));
			}
			assert_row(i, strcmp(buf_text(&got), t[i].want) == 0);
			assert_row(i, e.done == t[i].done);
		}
	}
	buf_free(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
