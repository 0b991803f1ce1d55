/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/input.h"

/* Feed text in pieces of `step` octets and join what comes out. */
static void
feed(const char *text, size_t n, size_t step, bool dot_ends, struct buf *out)
{
	struct input in;
	const char *p;
	size_t k;

	buf_clear(out);
	input_start(&in, dot_ends);
	for (size_t i = 0; i < n && !in.ended; i += step) {
		input_add(&in, text + i, n - i < step ? n - i : step);
		while (input_piece(&in, &p, &k))
			buf_add(out, p, k);
	}
	if (!in.ended)
		input_finish(&in);
	while (input_piece(&in, &p, &k))
		buf_add(out, p, k);
	input_free(&in);
}

static void
every_cut_gives_the_same(void **state)
{
	static const struct {
		const char *text, *out, *out_dot;
	} t[] = {
		{ "", "", "" }, { "a", "a\r\n", "a\r\n" },
		{ "a\nb\r\nc\rd", "a\r\nb\r\nc\r\nd\r\n",
		    "a\r\nb\r\nc\r\nd\r\n" },
		{ "a\r", "a\r\n", "a\r\n" }, { "\n\n", "\r\n\r\n", "\r\n\r\n" },
		{ "a\n.\nb\n", "a\r\n.\r\nb\r\n", "a\r\n" },
		{ "a\r\n.\r\nb\n", "a\r\n.\r\nb\r\n", "a\r\n" },
		{ ".", ".\r\n", "" }, { "a.\n..\n.b", "a.\r\n..\r\n.b\r\n",
		    "a.\r\n..\r\n.b\r\n" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		for (size_t step = 1; step < 12; step++) {
			feed(t[i].text, strlen(t[i].text), step, false, &out);
			assert_row(i, strcmp(buf_text(&out), t[i].out) == 0);
			feed(t[i].text, strlen(t[i].text), step, true, &out);
			assert_row(i, strcmp(buf_text(&out),
			    t[i].out_dot) == 0);
		}
	}
	buf_free(&out);
}

static void
long_lines_come_in_parts(void **state)
{
	size_t n = 3 * INPUT_PIECE + 17;
	char *text = malloc(n);
	struct buf out = { 0 };

	(void)state;
	memset(text, '.', n);
	feed(text, n, 5000, true, &out);
	assert_int_equal(out.n, n + 2);
	assert_memory_equal(out.s, text, n);
	assert_string_equal(out.s + n, "\r\n");
	/* an end of line right where a part ends, and a dot behind it */
	text[INPUT_PIECE] = '\n';
	text[INPUT_PIECE + 2] = '\n';
	feed(text, n, INPUT_PIECE, true, &out);
	assert_int_equal(out.n, INPUT_PIECE + 2);
	free(text);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(long_lines_come_in_parts),
	};

	return cmocka_run_group_tests_name("input", tests, NULL, NULL);
}
