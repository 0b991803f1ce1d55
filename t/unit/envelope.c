/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/envelope.h"
#include "mail/journal.h"

#define X "X-MailRelay-"
#define L(name, value) X name ": " value "\r\n"
#define START(format) L("Format", "#2821." format) L("Content", "8bit") \
	L("From", "from@a.test") L("ToCount", "3") \
	L("To-Local", "localbox") L("To-Remote", "ok@b.test") \
	L("To-Remote", "mapped@c.test")
#define WHO L("Authentication", "user+20one") L("Client", "10.0.0.1")
#define END L("End", "1")

/* In memory that ends where the text does, so that a sanitizer sees who
 * reads on. */
static bool
parse(struct envelope *e, const char *text, struct buf *why)
{
	size_t n = strlen(text);
	char *copy = need_memory(n);
	bool ok;

	memcpy(copy, text, n);
	ok = envelope_parse(e, copy, n, why);
	free(copy);
	return ok;
}

static void
every_format(void **state)
{
	static const char *const t[] = {
		START("3") WHO END,
		START("4") WHO L("ClientName", "") L("ClientCertificate", "")
		    END,
		START("5") WHO L("ClientCertificate", "") L("MailFromAuthIn",
		    "in") L("MailFromAuthOut", "out") END,
		START("6") WHO L("ClientCertificate", "") L("MailFromAuthIn",
		    "in") L("MailFromAuthOut", "out") L("ForwardTo", "h:1")
		    L("ForwardToAddress", "1.1.1.1:1") END,
		START("7") WHO L("ClientCertificate", "") L("MailFromAuthIn",
		    "in") L("MailFromAuthOut", "out") L("ForwardTo", "h:1")
		    L("ForwardToAddress", "1.1.1.1:1")
		    L("Utf8MailboxNames", "1") END,
		START("8") WHO L("ClientCertificate", "one\r\n two")
		    L("MailFromAuthIn", "in") L("MailFromAuthOut", "out")
		    L("ForwardTo", "h:1") L("ForwardToAddress", "1.1.1.1:1")
		    L("ClientAccountSelector", "acc")
		    L("Utf8MailboxNames", "0") END,
	};
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, parse(&e, t[i], &why));
		assert_text(&why, "");
		assert_text(&e.from, "from@a.test");
		assert_row(i, e.eight_bit);
		assert_int_equal(e.local.n, 1);
		assert_string_equal(list_get(&e.local, 0), "localbox");
		assert_int_equal(e.remote.n, 2);
		assert_string_equal(list_get(&e.remote, 1), "mapped@c.test");
		assert_text(&e.auth, "user+20one");
		assert_text(&e.client, "10.0.0.1");
		assert_text(&e.auth_in, i >= 2 ? "in" : "");
		assert_text(&e.auth_out, i >= 2 ? "out" : "");
		assert_text(&e.forward_to, i >= 3 ? "h:1" : "");
		assert_text(&e.forward_to_address, i >= 3 ? "1.1.1.1:1" : "");
		assert_text(&e.account, i == 5 ? "acc" : "");
		assert_text(&e.client_certificate, i == 5 ? "onetwo" : "");
		assert_row(i, e.utf8 == (i == 4));
		assert_row(i, e.tries == 0 && e.next_try == 0);
		assert_text(&e.reason, "");
	}
	envelope_free(&e);
	buf_free(&why);
}

#define HEAD L("Format", "#2821.3") L("Content", "7bit")
#define ONE L("ToCount", "1") L("To-Remote", "b@c")
#define FROM L("From", "a@b")

static void
defects(void **state)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "", "format error: Format" },
		{ "\r\n", "format error: Format" },
		{ "Subject: x\r\n", "format error: Format" },
		{ FROM ONE WHO END, "format error: Format" },
		{ L("Format", "#9999.9"),
		    "invalid format field in envelope: #9999.9" },
		{ L("Format", "#2821.2"),
		    "invalid format field in envelope: #2821.2" },
		{ L("Format", "#2821.9"),
		    "invalid format field in envelope: #2821.9" },
		{ L("Format", "#2821.03"),
		    "invalid format field in envelope: #2821.03" },
		{ L("Format", "#2821."),
		    "invalid format field in envelope: #2821." },
		{ L("Format", "#2821.\xff"),
		    "invalid format field in envelope: #2821.\\xFF" },
		{ L("Format", "#2821.3"), "format error: Content" },
		{ HEAD ONE WHO END, "format error: From" },
		{ HEAD FROM WHO END, "format error: ToCount" },
		{ HEAD FROM L("ToCount", "2") L("To-Remote", "b@c") WHO END,
		    "format error: ToCount" },
		{ HEAD FROM L("ToCount", "0") L("To-Remote", "b@c") WHO END,
		    "format error: ToCount" },
		{ HEAD FROM L("ToCount", "x") WHO END,
		    "format error: ToCount" },
		{ HEAD FROM L("ToCount", "-1") WHO END,
		    "format error: ToCount" },
		{ HEAD FROM L("ToCount", "99999999999999999999") WHO END,
		    "format error: ToCount" },
		{ HEAD FROM ONE L("Client", "x") END,
		    "format error: Authentication" },
		{ HEAD FROM ONE L("Authentication", "x") END,
		    "format error: Client" },
		{ HEAD FROM ONE WHO,
		    "invalid envelope file: misplaced end marker" },
		{ HEAD FROM ONE WHO L("Extra", "1") END,
		    "invalid envelope file: misplaced end marker" },
		{ HEAD FROM ONE WHO X "End: 1",
		    "invalid envelope file: misplaced end marker" },
		{ HEAD X "From: a@", "format error: From" },
		{ HEAD X "From: a@\r\n", "format error: From" },
		/* what would break out of a command of ours */
		{ HEAD L("From", "a@b> SIZE=1") ONE WHO END,
		    "format error: From" },
		{ HEAD L("From", "a@b\rRSET") ONE WHO END,
		    "format error: From" },
		{ HEAD L("From", "a\x1b@b") ONE WHO END,
		    "format error: From" },
		{ HEAD L("From", "a b@c") ONE WHO END, "format error: From" },
		{ HEAD FROM L("ToCount", "1") L("To-Remote", "b@c>x") WHO END,
		    "format error: To-Remote" },
		{ HEAD FROM L("ToCount", "1") L("To-Remote", "") WHO END,
		    "format error: To-Remote" },
		{ HEAD FROM L("ToCount", "1") L("To-Remote", "b\r@c") WHO END,
		    "format error: To-Remote" },
		{ HEAD FROM L("ToCount", "1") L("To-Local", "b\tc") WHO END,
		    "format error: To-Local" },
		{ HEAD FROM ONE L("Authentication", "a\x7f") END,
		    "format error: Authentication" },
	};
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, !parse(&e, t[i].text, &why));
		if (strcmp(buf_text(&why), t[i].why) != 0)
			print_error("row %zu\n", i);
		assert_text(&why, t[i].why);
	}
	assert_false(envelope_parse(&e, HEAD "X-MailRelay-From: a\0b\r\n",
	    sizeof HEAD - 1 + 22, &why));
	envelope_free(&e);
	buf_free(&why);
}

/* No text that is cut short is an envelope: only a whole one is. */
static void
cut_anywhere(void **state)
{
	static const char text[] = START("4") WHO L("ClientName", "")
	    L("ClientCertificate", "") END;
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };

	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++)
		assert_row(n, !envelope_parse(&e, text, n, &why) && why.n);
	assert_true(envelope_parse(&e, text, sizeof text - 1, &why));
	envelope_free(&e);
	buf_free(&why);
}

static void
leniency(void **state)
{
	static const struct {
		const char *text, *from;
	} t[] = {
		{ HEAD L("From", "") ONE WHO END, "" },
		{ HEAD X "From:\r\n" ONE WHO END, "" },
		{ HEAD L("From", "Bob B <bob@b>") ONE WHO END, "bob@b" },
		{ HEAD L("From", "gr\xc3\xbc@b") ONE WHO END, "gr\xc3\xbc@b" },
		{ "x-mailrelay-format: #2821.3\n" X "Content: 7bit\n"
		    X "From: a@b\n" X "ToCount: 0\n" X "Authentication: \n"
		    X "Client: \n" X "End: 1\n", "a@b" },
	};
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, parse(&e, t[i].text, &why));
		assert_text(&e.from, t[i].from);
		assert_row(i, !e.eight_bit);
	}
	envelope_free(&e);
	buf_free(&why);
}

#define GOOD HEAD FROM ONE WHO END

static void
the_journal(void **state)
{
	static const struct {
		const char *text;
		uint64_t tries, next;
		const char *reason;
		bool utf8;
	} t[] = {
		{ GOOD, 0, 0, "", false },
		{ GOOD L("Reason", "no") L("ReasonCode", "550"), 0, 0, "no",
		    false },
		{ GOOD L("Reason", "a") L("Reason", "b"), 0, 0, "b", false },
		{ GOOD "X-Sluice-Deferred: 2 1700000000 450 busy\r\n", 2,
		    1700000000, "450 busy", false },
		{ GOOD "X-Sluice-Deferred: 1 5 a\r\n"
		    "X-Sluice-Deferred: 2 9 b\r\n", 2, 9, "b", false },
		{ GOOD "X-Sluice-Deferred: 1 5 a\r\n"
		    "X-Sluice-Deferred: 2 9 b", 1, 5, "a", false },
		{ GOOD "X-Sluice-Deferred: 1 5 a\r\nX-Slui\r\n"
		    "X-Sluice-Deferred: 2 9 b\r\n", 2, 9, "b", false },
		{ GOOD "X-Sluice-Deferred: x 5 a\r\n", 0, 0, "", false },
		{ GOOD "X-Sluice-Deferred: 1\r\n", 0, 0, "", false },
		{ GOOD "X-Sluice-Deferred: 1 5\r\n", 1, 5, "", false },
		{ GOOD "X-Sluice-Deferred: 1 5 a\x1b\r\n", 0, 0, "", false },
		{ GOOD "X-Sluice-Utf8: 1\r\n", 0, 0, "", true },
		{ GOOD "garbage\r\n\r\n\x80\r\n", 0, 0, "", false },
		{ GOOD L("To-Remote", "evil@x"), 0, 0, "", false },
	};
	struct envelope e = { .tries = 0 };
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		assert_row(i, parse(&e, t[i].text, &why));
		assert_row(i, e.tries == t[i].tries);
		assert_row(i, e.next_try == t[i].next);
		assert_text(&e.reason, t[i].reason);
		assert_row(i, e.utf8 == t[i].utf8);
		assert_row(i, e.remote.n == 1);
	}
	envelope_free(&e);
	buf_free(&why);
}

static void
notes(void **state)
{
	struct envelope e = { .tries = 0 };
	struct buf text = { 0 }, why = { 0 };

	(void)state;
	buf_set(&text, GOOD);
	journal_deferred(&text, 3, 1700000000, "a\r\nX-x: y\x1b");
	assert_true(parse(&e, text.s, &why));
	assert_true(e.tries == 3 && e.next_try == 1700000000);
	assert_text(&e.reason, "a\\r\\nX-x: y\\x1B");
	journal_due(&text, &e);
	assert_true(parse(&e, text.s, &why));
	assert_true(e.tries == 3 && e.next_try == 0);
	assert_text(&e.reason, "a\\r\\nX-x: y\\x1B");
	journal_failed(&text, "smtp client failure: no\n", 554);
	assert_true(parse(&e, text.s, &why));
	assert_text(&e.reason, "smtp client failure: no\\n");
	assert_says(&text, L("Reason", "smtp client failure: no\\n")
	    L("ReasonCode", "554"));
	buf_clear(&text);
	journal_failed(&text, "x", 0);
	assert_text(&text, L("Reason", "x") X "ReasonCode:\r\n");
	envelope_free(&e);
	buf_free(&text);
	buf_free(&why);
}

static void
written_to_the_byte(void **state)
{
	struct envelope e = { .eight_bit = true };
	struct buf text = { 0 };

	(void)state;
	buf_set(&e.from, "from@a.test");
	list_add(&e.local, "localbox");
	list_add(&e.remote, "ok@b.test");
	list_add(&e.remote, "mapped@c.test");
	buf_set(&e.auth, "user+20one");
	buf_set(&e.client, "10.0.0.1");
	assert_true(envelope_format(&e, &text));
	assert_text(&text, START("4") WHO X "ClientName: \r\n"
	    X "ClientCertificate: \r\n" END);
	e.utf8 = true;
	buf_clear(&text);
	assert_true(envelope_format(&e, &text));
	assert_string_equal(text.s + text.n - 18, "X-Sluice-Utf8: 1\r\n");
	envelope_clear(&e);
	buf_clear(&text);
	assert_true(envelope_format(&e, &text));
	assert_memory_equal(text.s + 54, "\r\n" X "From: \r\n", 22);
	envelope_free(&e);
	buf_free(&text);
}

static void
controls_are_refused(void **state)
{
	static const char *const bad[] = { "a\rb", "a\nb", "a\r\nX: y",
		"a\x1b", "a\tb", "\x7f" };
	struct envelope e = { .tries = 0 };
	struct buf *const values[] = { &e.from, &e.auth, &e.client,
		&e.client_name, &e.client_certificate };
	struct list *const lists[] = { &e.local, &e.remote };
	struct buf text = { 0 };

	(void)state;
	buf_set(&text, "kept");
	for (size_t i = 0; i < COUNT(bad); i++) {
		for (size_t j = 0; j < COUNT(values); j++) {
			buf_set(values[j], bad[i]);
			assert_row(i, !envelope_format(&e, &text));
			assert_text(&text, "kept");
			buf_clear(values[j]);
		}
		for (size_t j = 0; j < COUNT(lists); j++) {
			list_add(lists[j], bad[i]);
			assert_row(i, !envelope_format(&e, &text));
			assert_text(&text, "kept");
			list_clear(lists[j]);
		}
	}
	envelope_free(&e);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format),
		cmocka_unit_test(defects),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(leniency),
		cmocka_unit_test(the_journal),
		cmocka_unit_test(notes),
		cmocka_unit_test(written_to_the_byte),
		cmocka_unit_test(controls_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
