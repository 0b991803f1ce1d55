/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/cidr.h"

static void
ranges(void **state)
{
	static const struct {
		const char *pattern, *ip;
		bool in;
	} t[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.77/24", "192.0.2.1", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/31", "192.0.2.1", true },
		{ "192.0.2.0/31", "192.0.2.2", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "192.0.2.*", "192.0.2.200", true },
		{ "192.0.2.*", "192.0.20.1", false },
		{ "192.*", "192.168.1.1", false },
		{ "192.*.*.*", "192.168.1.1", true },
		{ "*.*.*.*", "10.0.0.1", true },
		{ "*", "10.0.0.1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "::1", "::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "20010db8000000000000000000000000/32", "2001:db8::1", true },
		{ "192.0.2.1", "unknown", false },
		{ "nonsense", "192.0.2.1", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_row(i, cidr_match(t[i].pattern, t[i].ip) == t[i].in);
}

static void
nonsense(void **state)
{
	static const char *const t[] = {
		"", " ", "/24", "192.0.2", "192.0.2.1/33", "192.0.2.1/",
		"192.0.2.1/-1", "192.0.2.1/08", "192.0.2.1/255.255.255.0",
		"192.0.2.1 ", "192.*.2.1", "1.2.3.4.*", "256.*", "::1/129",
		"[::1]", "mx.test", "fe80::1%lo",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, !cidr_valid(t[i]));
		assert_row(i, !cidr_list_valid(t[i]));
	}
}

static void
lists(void **state)
{
	static const char list[] = "192.0.2.1,10.0.0.0/8,2001:db8::/32";
	static const char *const bad[] = {
		",", "192.0.2.1,", ",192.0.2.1", "192.0.2.1,,192.0.2.2",
		"192.0.2.1, 192.0.2.2", "192.0.2.1 192.0.2.2",
		"192.0.2.1,mx.test",
		("0000000000000000000000000000000000000000000000000000000192.0"
		".2.1"),
	};

	(void)state;
	assert_true(cidr_list_valid(list));
	assert_true(cidr_list_match(list, "192.0.2.1"));
	assert_true(cidr_list_match(list, "10.9.8.7"));
	assert_true(cidr_list_match(list, "2001:db8::1"));
	assert_false(cidr_list_match(list, "192.0.2.2"));
	assert_false(cidr_list_match(list, "unknown"));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(i, !cidr_list_valid(bad[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
