/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <sysexits.h>

static void
empty_is_a_string(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_text(&b, "");
	buf_add(&b, "x", 0);
	buf_shift(&b, 3);
	buf_cut(&b, 0);
	buf_clear(&b);
	assert_null(b.s);
	buf_free(&b);
}

static void
grows_and_stays_a_string(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		buf_putc(&b, (char)('a' + i % 26));
		assert_int_equal(b.n, i + 1);
		assert_int_equal(b.s[b.n], '\0');
		assert_true(b.cap > b.n);
	}
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(b.s[i], 'a' + i % 26);
	buf_free(&b);
	assert_int_equal(b.cap, 0);
}

static void
nul_is_a_byte(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_puts(&b, "c");
	assert_int_equal(b.n, 4);
	assert_memory_equal(b.s, "a\0bc", 5);
	buf_free(&b);
}

static void
cut_and_shift(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_set(&b, "hello world");
	buf_cut(&b, 99);
	assert_text(&b, "hello world");
	buf_shift(&b, 6);
	assert_text(&b, "world");
	buf_cut(&b, 2);
	assert_text(&b, "wo");
	buf_shift(&b, 2);
	assert_text(&b, "");
	buf_set(&b, "again");
	assert_text(&b, "again");
	buf_set(&b, "");
	assert_text(&b, "");
	buf_free(&b);
}

static void
print_appends(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%d,%s;", i, "x");
	assert_int_equal(b.n, 10 * 4 + 90 * 5);
	assert_memory_equal(b.s + b.n - 10, "98,x;99,x;", 11);
	buf_printf(&b, "%s", "");
	assert_int_equal(b.n, 490);
	buf_free(&b);
}

static void
reserve_too_much(void *arg)
{
	struct buf b = { 0 };

	buf_set(&b, "x");
	buf_reserve(&b, *(size_t *)arg);
}

static void
without_memory_we_leave(void **state)
{
	size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 2 };
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_int_equal(in_child(reserve_too_much, &sizes[i], &out),
		    EX_TEMPFAIL);
		assert_says(&out, "out of memory");
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_a_string),
		cmocka_unit_test(grows_and_stays_a_string),
		cmocka_unit_test(nul_is_a_byte),
		cmocka_unit_test(cut_and_shift),
		cmocka_unit_test(print_appends),
		cmocka_unit_test(without_memory_we_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
