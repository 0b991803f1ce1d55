/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/bounce.h"

/* The report about a message to r@b with this reason. */
static void
make(const char *reason, struct envelope *report, struct buf *out)
{
	static struct envelope e;
	const struct bounce b = { .id = "emailrelay.1.2.3", .domain = "mx.test",
		.unique = "u", .boundary = "=_b", .envelope = &e, .header = "" };

	envelope_free(&e);
	envelope_free(report);
	buf_set(&e.from, "a@b");
	list_add(&e.remote, "r@b");
	buf_set(&e.reason, reason);
	buf_clear(out);
	bounce_make(&b, report, out);
	envelope_free(&e);
}

static void
statuses(void **state)
{
	static const struct {
		const char *reason, *status, *diagnostic;
	} t[] = {
		{ "smtp client failure: 550 5.1.1 no", "5.1.1", "smtp; 550 5.1.1 no" },
		{ "550 no", "5.0.0", "smtp; 550 no" },
		{ "452 4.2.2 full", "4.2.2", "smtp; 452 4.2.2 full" },
		{ "451", "4.0.0", "smtp; 451" },
		/* a code of another class is none of this reply */
		{ "550 4.2.2 no", "5.0.0", "smtp; 550 4.2.2 no" },
		{ "550 5.1.1x no", "5.0.0", "smtp; 550 5.1.1x no" },
		{ "250 2.0.0 ok", "5.0.0", "smtp; 250 2.0.0 ok" },
		{ "no connection", "5.0.0", "X-Sluice; no connection" },
		{ "5 routers down", "5.0.0", "X-Sluice; 5 routers down" },
		{ "", "5.0.0", "X-Sluice; it was given up" },
	};
	struct envelope report = { .tries = 0 };
	struct buf out = { 0 }, want = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		make(t[i].reason, &report, &out);
		buf_clear(&want);
		buf_printf(&want, "\r\nFinal-Recipient: rfc822; r@b\r\n"
		    "Action: failed\r\nStatus: %s\r\nDiagnostic-Code: %s\r\n",
		    t[i].status, t[i].diagnostic);
		assert_row(i, strstr(out.s, want.s) != NULL);
		assert_row(i, !report.eight_bit && report.from.n == 0);
		assert_row(i, report.remote.n == 1 &&
		    strcmp(list_get(&report.remote, 0), "a@b") == 0);
	}
	envelope_free(&report);
	buf_free(&out);
	buf_free(&want);
}

/* What is too long is cut, and never within a letter. */
static void
cut(void **state)
{
	static const char *const letters[] = { "x", "\u00fc", "\u20ac",
		"\U0001f4ef" };
	struct envelope report = { .tries = 0 };
	struct buf out = { 0 }, reason = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(letters); i++) {
		for (size_t shift = 0; shift < 4; shift++) {
			buf_set(&reason, "550 ");
			for (size_t k = 0; k < shift; k++)
				buf_putc(&reason, '-');
			while (reason.n < 2000)
				buf_puts(&reason, letters[i]);
			make(reason.s, &report, &out);
			for (char *p = out.s; *p; p++)
				if (*p == '\r' || *p == '\n')
					*p = ' ';
			assert_row(i, text_utf8(out.s, out.n));
			assert_row(i, report.eight_bit == (i > 0));
			assert_row(i, out.n < 2500);
		}
	}
	envelope_free(&report);
	buf_free(&out);
	buf_free(&reason);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
