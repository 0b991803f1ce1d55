/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include <time.h>

#include "mail/journal.h"

#define X "X-MailRelay-"
#define HEAD(count) X "Format: #2821.4\r\n" X "Content: 7bit\r\n"             \
	X "From: me@a\r\n" X "ToCount: " count "\r\n"
#define TO(address) X "To-Remote: " address "\r\n"
#define REST X "Authentication: \r\n" X "Client: \r\n" X "ClientName: \r\n"   \
	X "ClientCertificate: \r\n" X "End: 1\r\n"
#define THREE HEAD("3") TO("a@b") TO("c@d") TO("e@f") REST
#define DONE(address) "X-Sluice-Done: <" address "> 250 ok\r\n"
#define REFUSED(address) "X-Sluice-Refused: <" address "> 550 no\r\n"

static struct envelope e;
static struct buf why;

/* In memory that ends where the text does. */
static bool
parse(const char *text, size_t n)
{
	char *copy = need_memory(n);
	bool ok;

	memcpy(copy, text, n);
	ok = envelope_parse(&e, copy, n, &why);
	free(copy);
	return ok;
}

/* "pdr": pending, done, refused. */
static const char *
states(void)
{
	static char text[32];

	for (size_t i = 0; i < e.remote.n; i++)
		text[i] = "pdr"[envelope_recipient(&e, i)];
	text[e.remote.n] = '\0';
	return text;
}

static void
lines(void **state)
{
	static const struct {
		const char *journal, *states;
	} t[] = {
		{ "", "ppp" },
		{ DONE("c@d"), "pdp" },
		{ DONE("c@d") DONE("c@d"), "pdp" },
		{ DONE("c@d") REFUSED("a@b"), "rdp" },
		/* done is for ever */
		{ DONE("c@d") REFUSED("c@d"), "pdp" },
		{ REFUSED("c@d") DONE("c@d"), "pdp" },
		{ DONE("a@b") DONE("c@d") DONE("e@f"), "ddd" },
		/* nobody else is left: those refused are pending */
		{ DONE("a@b") REFUSED("c@d") REFUSED("e@f"), "dpp" },
		{ REFUSED("a@b") REFUSED("c@d") REFUSED("e@f"), "ppp" },
		/* ... and what comes then is of another attempt */
		{ DONE("a@b") REFUSED("c@d") REFUSED("e@f") REFUSED("e@f"),
		    "dpr" },
		{ DONE("a@b") REFUSED("c@d") REFUSED("e@f") DONE("c@d"),
		    "ddp" },
		{ DONE("a@b") REFUSED("c@d") REFUSED("e@f") DONE("c@d")
		    DONE("e@f"), "ddd" },
		/* no line of ours */
		{ "X-Sluice-Done: <x@y> 250 ok\r\n", "ppp" },
		{ "X-Sluice-Done: c@d 250 ok\r\n", "ppp" },
		{ "X-Sluice-Done: <c@d>\r\n", "ppp" },
		{ "X-Sluice-Done: <c@d>250 ok\r\n", "ppp" },
		{ "X-Sluice-Done: <c@d\r\n", "ppp" },
		{ "X-Sluice-Done: <>  250 ok\r\n", "ppp" },
		{ "X-Sluice-Done: <c@d> 250 \x1b\r\n", "ppp" },
		{ "X-Sluice-Done: \r\n", "ppp" },
		{ "X-Sluice-Done:\r\n", "ppp" },
		{ "X-Sluice-Pending: <c@d> 250 ok\r\n", "ppp" },
		{ "X-Sluice-Done: 1-3 250 ok\r\n", "ppp" },
		{ "X-Sluice-Done: <c@d> \r\n", "pdp" },
		{ "X-Sluice-Done: <c@d> > <e@f> 250\n", "pdp" },
		{ "x-sluice-done: <c@d> 250 ok\r\n", "pdp" },
		/* torn, and ended by whoever came next */
		{ "X-Sluice-Done: <c@d", "ppp" },
		{ "X-Sluice-Done: <c@d> 250", "ppp" },
		{ "X-Sluice-Done: <c@\r\n" DONE("a@b"), "dpp" },
		{ "X-Sluice-Done: <c@d> 2\r\n" DONE("a@b"), "ddp" },
		{ "X-Sluice-Done: <c@dX-Sluice-Done: <a@b> 250\r\n", "ppp" },
	};
	struct buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_set(&text, THREE);
		buf_puts(&text, t[i].journal);
		assert_row(i, parse(text.s, text.n));
		assert_row(i, strcmp(states(), t[i].states) == 0);
		assert_row(i, e.done + e.refused + envelope_recipients(&e,
		    RECIPIENT_PENDING) == 3);
	}
	buf_free(&text);
}

/* Whatever is cut off, nobody is done who was not. */
static void
torn_anywhere(void **state)
{
	static const char one[] = HEAD("2") TO("a@b.com") TO("a@b.co") REST;
	static const char all[] = HEAD("2") TO("a@b.com") TO("a@b.co") REST
	    "X-Sluice-Done: <a@b.com> 250 ok\r\n";
	struct buf text = { 0 };

	(void)state;
	for (size_t n = sizeof one - 1; n < sizeof all; n++) {
		buf_clear(&text);
		buf_add(&text, all, n);
		assert_row(n, parse(text.s, n));
		assert_row(n, strcmp(states(), n == sizeof all - 1 ? "dp" :
		    "pp") == 0);
		buf_puts(&text, "\r\n");
		assert_row(n, parse(text.s, text.n));
		assert_row(n, strcmp(states(), "dp") == 0 ||
		    strcmp(states(), "pp") == 0);
	}
	buf_free(&text);
}

static void
unusual_addresses(void **state)
{
	static const char *const t[] = { "\"a> b\"@c", "\">\"@c", "local",
		"\"<x@y> \"@c", "a@[1.2.3.4]", "\xc3\xa4@c" };
	struct buf text = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&text);
		buf_printf(&text, HEAD("2") TO("%s") TO("x@y") REST, t[i]);
		assert_row(i, parse(text.s, text.n));
		journal_settled(&text, t[i], RECIPIENT_DONE, "250 > <x@y> ok");
		assert_row(i, parse(text.s, text.n));
		assert_row(i, strcmp(states(), "dp") == 0);
	}
	buf_free(&text);
}

static void
the_same_twice(void **state)
{
	static const char text[] = HEAD("4") TO("a@b") TO("c@d") TO("a@b")
	    TO("a@b") REST DONE("a@b");

	(void)state;
	assert_true(parse(text, sizeof text - 1));
	assert_string_equal(states(), "dpdd");
}

static void
nobody_at_all(void **state)
{
	static const char text[] = HEAD("1") X "To-Local: box\r\n" REST
	    DONE("box") REFUSED("a@b");

	(void)state;
	assert_true(parse(text, sizeof text - 1));
	assert_int_equal(envelope_recipients(&e, RECIPIENT_PENDING), 0);
	assert_null(e.settled);
}

static void
refusals(void **state)
{
	struct buf text = { 0 }, reply = { 0 };

	(void)state;
	buf_set(&text, THREE);
	journal_settled(&text, "a@b", RECIPIENT_REFUSED, "550 5.1.1 no\r\nX: y");
	while (reply.n < 1000)
		buf_puts(&reply, "\x1b");
	journal_settled(&text, "e@f", RECIPIENT_REFUSED, reply.s);
	assert_true(parse(text.s, text.n));
	assert_string_equal(states(), "rpr");
	assert_string_equal(envelope_refusal(&e, 0), "550 5.1.1 no\\r\\nX: y");
	assert_string_equal(envelope_refusal(&e, 1), "");
	assert_int_equal(strlen(envelope_refusal(&e, 2)), JOURNAL_REPLY);
	envelope_settle(&e, 1, RECIPIENT_REFUSED, "551 x");
	assert_int_equal(e.refused, 3);
	envelope_reopen(&e);
	assert_string_equal(states(), "ppp");
	/* whoever writes to the sender has to say why */
	assert_string_equal(envelope_refusal(&e, 1), "551 x");
	envelope_settle(&e, 1, RECIPIENT_REFUSED, "552 y");
	assert_string_equal(envelope_refusal(&e, 1), "552 y");
	/* nothing is left over for another message */
	assert_true(parse(THREE, sizeof THREE - 1));
	assert_string_equal(states(), "ppp");
	buf_free(&text);
	buf_free(&reply);
}

/* What was said in each of many attempts is not all kept, but the last is. */
static void
attempts(void **state)
{
	struct buf text = { 0 };

	(void)state;
	buf_set(&text, THREE);
	for (int i = 0; i < 1000; i++)
		for (int who = 0; who < 3; who++)
			buf_printf(&text, "X-Sluice-Refused: <%s> 550 %d.%d\r\n",
			    (const char *[]){ "a@b", "c@d", "e@f" }[who], i, who);
	buf_puts(&text, "X-Sluice-Bounced: x\r\nX-Sluice-Bounced: to");
	assert_true(parse(text.s, text.n));
	assert_string_equal(states(), "ppp");
	assert_string_equal(envelope_refusal(&e, 0), "550 999.0");
	assert_string_equal(envelope_refusal(&e, 2), "550 999.2");
	assert_in_range(e.replies.n, 3, 20);
	assert_string_equal(buf_text(&e.bounced), "x");
	assert_true(parse(THREE, sizeof THREE - 1));
	assert_string_equal(buf_text(&e.bounced), "");
	buf_free(&text);
}

/* The time that a file takes must not grow with its square. */
static void
huge(void **state)
{
	enum { MANY = 50000 };
	struct buf text = { 0 };
	clock_t start = clock();

	(void)state;
	buf_printf(&text, HEAD("%d"), MANY);
	for (int i = 0; i < MANY; i++)
		buf_printf(&text, TO("r%d@b"), i);
	buf_puts(&text, REST);
	for (int i = 1; i < MANY; i++)
		buf_printf(&text, DONE("r%d@b"), i);
	/* refused, and nobody else is left, again and again */
	for (int i = 0; i < MANY; i++)
		buf_puts(&text, REFUSED("r0@b"));
	for (int i = 0; i < MANY * 10; i++)
		buf_puts(&text, ">");
	buf_puts(&text, "\r\nX-Sluice-Done: <");
	for (int i = 0; i < MANY * 10; i++)
		buf_puts(&text, "> ");
	buf_puts(&text, "\r\n");
	assert_true(parse(text.s, text.n));
	assert_int_equal(e.done, MANY - 1);
	assert_int_equal(envelope_recipients(&e, RECIPIENT_PENDING), 1);
	assert_true((clock() - start) / CLOCKS_PER_SEC < 5);
	buf_free(&text);
}

static int
end(void **state)
{
	(void)state;
	envelope_free(&e);
	buf_free(&why);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(torn_anywhere),
		cmocka_unit_test(unusual_addresses),
		cmocka_unit_test(the_same_twice),
		cmocka_unit_test(nobody_at_all),
		cmocka_unit_test(refusals),
		cmocka_unit_test(attempts),
		cmocka_unit_test(huge),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
