/* SPDX-License-Identifier: ISC */
/* Lines out of octets, however these are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/lines.h"

/* Feed in pieces of `piece` octets; each line in brackets, `+` behind one
 * that was too long. */
static void
feed(struct buf *out, const char *p, size_t n, size_t piece)
{
	struct lines l = { .n = 0 };
	size_t used, part;
	bool line;

	buf_clear(out);
	while (n > 0) {
		part = piece < n ? piece : n;
		used = lines_take(&l, p, part, &line);
		assert_in_range(used, 1, part);
		assert_int_equal(l.text[l.n], 0);
		if (line) {
			buf_putc(out, '[');
			buf_add(out, l.text, l.n);
			buf_puts(out, l.too_long ? "+]" : "]");
		}
		p += used;
		n -= used;
	}
}

static void
cut_anywhere(void **state)
{
	static const struct {
		const char *said, *lines;
	} rows[] = {
		{ "", "" },
		{ "no end", "" },
		{ "help\r\n", "[help]" },
		{ "help\n", "[help]" },
		{ "\r\n\n\r\n", "[][][]" },
		{ "a\rb\r\r\nc\n", "[a\rb\r][c]" },
		{ "one\r\ntwo\nthree\r\nrest", "[one][two][three]" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = strlen(rows[i].said);

		for (size_t piece = 1; piece <= n + 1; piece++) {
			feed(&out, rows[i].said, n, piece);
			assert_string_equal(buf_text(&out), rows[i].lines);
		}
	}
	buf_free(&out);
}

static void
length(size_t n, bool too_long)
{
	struct buf in = { 0 }, out = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_putc(&in, 'x');
	buf_puts(&in, "\nnext\n");
	for (size_t piece = 1; piece < 3000; piece += 499) {
		feed(&out, in.s, in.n, piece);
		assert_int_equal(strstr(out.s, "+]") != NULL, too_long);
		assert_non_null(strstr(out.s, "[next]"));
		assert_int_equal(strcspn(out.s, "+]"),
		    1 + (too_long ? LINES_MOST : n));
	}
	buf_free(&in);
	buf_free(&out);
}

static void
limits(void **state)
{
	(void)state;
	length(LINES_MOST - 1, false);
	length(LINES_MOST, false);
	length(LINES_MOST + 1, true);
	length(100000, true);
}

static void
null_octets(void **state)
{
	struct buf out = { 0 };

	(void)state;
	feed(&out, "a\0b\n", 4, 2);
	assert_int_equal(out.n, 5);
	assert_memory_equal(out.s, "[a\0b]", 5);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere), cmocka_unit_test(limits),
		cmocka_unit_test(null_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
