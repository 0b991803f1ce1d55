/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/header.h"
#include "mail/mailboxes.h"

/* The mailboxes of a list, parted by blanks; "!" and what was bad. */
static void
read_list(const char *text, size_t n, struct buf *out)
{
	struct list l = { 0 };
	struct buf bad = { 0 };
	bool ok = mailboxes_read(text, n, &l, &bad);

	buf_clear(out);
	for (size_t i = 0; i < l.n; i++)
		buf_printf(out, "%s%s", i ? " " : "", list_get(&l, i));
	if (!ok)
		buf_printf(out, "!%s", buf_text(&bad));
	list_free(&l);
	buf_free(&bad);
}

static void
lists(void **state)
{
	static const struct {
		const char *text, *out;
	} t[] = {
		{ "", "" }, { " , ;,", "" }, { "<>", "" },
		{ "a@b.c", "a@b.c" }, { "a", "a" },
		{ "a@b.c,d@e.f", "a@b.c d@e.f" },
		{ "a@b.c; d@e.f", "a@b.c d@e.f" },
		{ "A B <a@b.c>", "a@b.c" }, { "<a@b.c> (x)", "a@b.c" },
		{ "\"A, B\" <a@b.c>", "a@b.c" },
		{ "\"A \\\"B\\\", <x@y>\" <a@b.c>", "a@b.c" },
		{ "A. B. <a@b.c>", "a@b.c" },
		{ "a@b.c <d@e.f>", "d@e.f" },
		{ "(a, (b) \\) c@d) a@b.c (e)", "a@b.c" },
		{ "a (x) @ (y) b.c", "a@b.c" },
		{ "a . b @ c . d", "a.b@c.d" },
		{ "x:a@b.c,d@e.f;,g@h.i", "a@b.c d@e.f g@h.i" },
		{ "x y: ; , a@b.c", "a@b.c" },
		{ "\"x\": A <a@b.c>;", "a@b.c" },
		{ "<@r.s,@t.u:a@b.c>", "a@b.c" },
		{ "\"a b\"@c.d", "\"a b\"@c.d" },
		{ "a@[127.0.0.1]", "a@[127.0.0.1]" },
		{ "a@[IPv6:::1], b@c.d", "a@[IPv6:::1] b@c.d" },
		{ "a@b.c,\r\n\td@e.f\n g@h.i", "a@b.c!d@e.f g@h.i" },
		{ "a@b.c,\r\n d@e.f", "a@b.c d@e.f" },
		{ "a b", "!a b" }, { "a b@c.d", "!a b@c.d" },
		{ "a@", "!a@" }, { "@b.c", "!@b.c" }, { "a@b..c", "!a@b..c" },
		{ "\"a@b.c", "!\"a@b.c" }, { "(a@b.c", "" },
		{ "a@b.c\\", "!a@b.c\\" }, { "\"\\", "!\"\\" },
		{ "<a@b.c", "a@b.c" }, { "<a@b.c> <d@e.f>", "a@b.c" },
		{ "a\x01@b.c", "!a\x01@b.c" }, { "a|b@c.d", "!a|b@c.d" },
		{ "<a@b.c\nX: y>", "!a@b.c X: y" },
		{ "\xc3\xbc@b.c", "\xc3\xbc@b.c" }, { "\xc3@b.c", "!\xc3@b.c" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		read_list(t[i].text, strlen(t[i].text), &out);
		if (strcmp(buf_text(&out), t[i].out) != 0)
			print_message("%s -> %s\n", t[i].text, buf_text(&out));
		assert_row(i, strcmp(buf_text(&out), t[i].out) == 0);
	}
	read_list("a\0b@c.d", 7, &out);
	assert_row(0, out.n && out.s[0] == '!');
	buf_free(&out);
}

static void
display_names(void **state)
{
	static const struct {
		const char *name, *out;
	} t[] = {
		{ "", "" }, { "Me", "Me" }, { "Me Too", "Me Too" },
		{ "M. E.", "\"M. E.\"" }, { "a\\\"b", "\"a\\\\\\\"b\"" },
		{ "\xc3\xbc b", "=?UTF-8?Q?=C3=BC=20b?=" },
		{ "a\nb", "" }, { "a\xff", "" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		mailbox_display_name(&out, t[i].name);
		assert_row(i, strcmp(buf_text(&out), t[i].out) == 0);
	}
	buf_clear(&out);
	for (int i = 0; i < 40; i++)
		buf_puts(&out, "\xe2\x82\xac");
	char *name = need_copy(out.s);
	buf_clear(&out);
	mailbox_display_name(&out, name);
	for (char *word = strtok(out.s, " "); word; word = strtok(NULL, " ")) {
		assert_in_range(strlen(word), 12, 75);
		assert_int_equal((strlen(word) - 12) % 9, 0);
	}
	free(name);
	buf_free(&out);
}

static void
fields(void **state)
{
	static const char text[] = "Received: a\r\n\tb\r\nX: 1\nreceived : c\n"
	    "no field\n: none\nEmpty:\r\n\r\nReceived: body\r\n";
	struct header_walk w = { text, sizeof text - 1 };
	struct header_field f;

	(void)state;
	assert_int_equal(header_count(text, sizeof text - 1, "Received"), 2);
	assert_true(header_next(&w, &f));
	assert_true(header_is(&f, "RECEIVED"));
	assert_int_equal(f.n, 17);
	assert_memory_equal(f.value, " a\r\n\tb", 6);
	assert_int_equal(f.value_n, 6);
	assert_true(header_next(&w, &f) && header_is(&f, "X"));
	assert_true(header_next(&w, &f) && header_is(&f, "Received"));
	assert_true(header_next(&w, &f) && f.name_n == 0);
	assert_true(header_next(&w, &f) && f.name_n == 0);
	assert_true(header_next(&w, &f) && header_is(&f, "Empty"));
	assert_int_equal(f.value_n, 0);
	assert_false(header_next(&w, &f));
	assert_memory_equal(w.p, "\r\nReceived: body", 16);
}

static void
lines(void **state)
{
	static const struct {
		const char *line;
		bool ok;
	} t[] = {
		{ "A: b\r\n", true }, { "A:", true }, { " x\n", true },
		{ "\tx", true }, { "A : b", true }, { "", false },
		{ "\r\n", false }, { "A b: c", false }, { "hello", false },
		{ ": x", false }, { "\xc3\xbc: x", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_row(i, header_has_line(t[i].line, strlen(t[i].line)) ==
		    t[i].ok);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(display_names),
		cmocka_unit_test(fields),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests_name("mailboxes", tests, NULL, NULL);
}
