/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/date.h"

static void
both_forms(void **state)
{
	/* POSIX says east with a minus */
	static const struct {
		const char *zone;
		time_t when;
		const char *mail, *iso;
	} t[] = {
		{ "UTC0", 0, "Thu, 1 Jan 1970 00:00:00 +0000",
		    "1970-01-01T00:00:00+00:00" },
		{ "UTC0", 1795424253, "Mon, 23 Nov 2026 08:57:33 +0000",
		    "2026-11-23T08:57:33+00:00" },
		{ "IST-5:30", 1795424253, "Mon, 23 Nov 2026 14:27:33 +0530",
		    "2026-11-23T14:27:33+05:30" },
		{ "NST3:30", 1795424253, "Mon, 23 Nov 2026 05:27:33 -0330",
		    "2026-11-23T05:27:33-03:30" },
		{ "AAA0:30", 0, "Wed, 31 Dec 1969 23:30:00 -0030",
		    "1969-12-31T23:30:00-00:30" },
		{ "LINT-14", 1709164800, "Thu, 29 Feb 2024 14:00:00 +1400",
		    "2024-02-29T14:00:00+14:00" },
		{ "UTC0", 4102444799, "Thu, 31 Dec 2099 23:59:59 +0000",
		    "2099-12-31T23:59:59+00:00" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		setenv("TZ", t[i].zone, 1);
		tzset();
		buf_clear(&out);
		date_mail(&out, t[i].when);
		assert_text(&out, t[i].mail);
		buf_clear(&out);
		date_iso(&out, t[i].when);
		assert_text(&out, t[i].iso);
	}
	buf_free(&out);
}

static void
ticks_go_forward(void **state)
{
	int64_t last = date_ticks(), now;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		now = date_ticks();
		assert_true(now >= last && now - last < 60000);
		last = now;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(ticks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
