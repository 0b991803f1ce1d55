/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/list.h"

static void
keeps_order_and_strings(void **state)
{
	struct list l = { 0 };
	char text[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "%d", i);
		list_add(&l, text);
	}
	list_add(&l, "");
	assert_int_equal(l.n, 1001);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "%d", i);
		assert_string_equal(list_get(&l, (size_t)i), text);
	}
	assert_string_equal(list_get(&l, 1000), "");
	list_clear(&l);
	assert_int_equal(l.n, 0);
	list_add(&l, "new");
	assert_string_equal(list_get(&l, 0), "new");
	list_free(&l);
	assert_int_equal(l.n, 0);
}

static void
gives_an_argv(void **state)
{
	struct list l = { 0 };
	char **argv;

	(void)state;
	argv = list_argv(&l);
	assert_null(argv[0]);
	free(argv);
	list_add(&l, "ls");
	list_add(&l, "-l");
	argv = list_argv(&l);
	assert_string_equal(argv[0], "ls");
	assert_string_equal(argv[1], "-l");
	assert_null(argv[2]);
	free(argv);
	list_free(&l);
}

static void
sorts(void **state)
{
	static const char *const words[] = { "pear", "", "fig", "apple", "fig" };
	static const char *const sorted[] = { "", "apple", "fig", "fig",
		"pear" };
	struct list l = { 0 };

	(void)state;
	list_sort(&l, strcmp);
	for (size_t i = 0; i < COUNT(words); i++)
		list_add(&l, words[i]);
	list_sort(&l, strcmp);
	for (size_t i = 0; i < COUNT(sorted); i++)
		assert_string_equal(list_get(&l, i), sorted[i]);
	list_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_and_strings),
		cmocka_unit_test(gives_an_argv),
		cmocka_unit_test(sorts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
