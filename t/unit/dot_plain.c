/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/dot.h"

/*
 * Octets are looked at in bulk. Something odd is not overlooked wherever it is,
 * and changes nothing before and behind it: what comes out is the same as if
 * they came one by one.
 */
static const char *const odd[] = {
	"\r", "\n", "\n.", "\r\n.", "\r\n..", "\r\n.\r\n", "\r\r\n", "\n\r",
	"\x80", "."
};

/* 600 octets of lines, with that somewhere. */
static void
make_text(struct buf *text, const char *what, size_t at)
{
	buf_clear(text);
	while (text->n < 600)
		buf_puts(text, "line of text\r\n");
	memcpy(text->s + at, what, strlen(what));
}

static void
assert_same(const struct buf *a, const struct buf *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(buf_text(a), buf_text(b), a->n);
}

/* Near the borders of what is looked at together it is everywhere. */
static size_t
next_place(size_t at)
{
	return at + (at % 256 < 9 || at % 256 > 250 ? 1 : 31);
}

static void
decode(struct text_decoder *d, const struct buf *text, size_t step,
    bool dots, struct buf *out)
{
	buf_clear(out);
	text_decoder_start(d, NEWLINE_NORMALIZE, dots);
	for (size_t at = 0; at < text->n && !d->done; at += step)
		text_decode(d, text->s + at, step, out);
	text_decode_end(d, out);
}

static void
coming_in(void **state)
{
	struct buf text = { 0 }, bulk = { 0 }, single = { 0 };
	struct text_decoder a, b;

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		for (size_t at = 0; at < 590; at = next_place(at)) {
			make_text(&text, odd[i], at);
			for (int dots = 0; dots < 2; dots++) {
				decode(&a, &text, text.n, dots, &bulk);
				decode(&b, &text, 1, dots, &single);
				assert_same(&bulk, &single);
				assert_int_equal(a.bare, b.bare);
				assert_int_equal(a.eight_bit, b.eight_bit);
			}
		}
	}
	buf_free(&text);
	buf_free(&bulk);
	buf_free(&single);
}

static void
encode(const struct buf *text, size_t step, bool chunks, struct buf *out)
{
	struct dot_encoder e = { .chunks = chunks };

	buf_clear(out);
	for (size_t at = 0; at < text->n; at += step)
		dot_encode(&e, text->s + at, step, out);
	dot_encode_end(&e, out);
}

static void
going_out(void **state)
{
	struct buf text = { 0 }, bulk = { 0 }, single = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		for (size_t at = 0; at < 590; at = next_place(at)) {
			make_text(&text, odd[i], at);
			for (int chunks = 0; chunks < 2; chunks++) {
				encode(&text, text.n, chunks, &bulk);
				encode(&text, 1, chunks, &single);
				assert_same(&bulk, &single);
			}
		}
	}
	buf_free(&text);
	buf_free(&bulk);
	buf_free(&single);
}

/* How far it goes: what is plain is all of the text but for its end. */
static void
as_far_as_it_is_plain(void **state)
{
	static const struct {
		const char *text;
		bool dots;
		size_t plain;
	} t[] = {
		{ "", true, 0 }, { "a", true, 1 }, { "a\r\n", true, 3 },
		{ "a\r", true, 1 }, { "\r", true, 0 }, { "\n", true, 0 },
		{ "a\r\n.\r\n", true, 3 }, { "a\r\n.\r\n", false, 6 },
		{ ".\r\n", true, 0 }, { ".\r\n", false, 3 },
		{ "a.b\r\nc.\r\n", true, 9 }, { "a\rb", true, 1 },
		{ "a\nb", true, 1 }, { "\r\n\r\n", true, 4 },
		{ "\r\n\n", true, 2 }, { "\r\r\n", true, 0 },
	};
	struct text_decoder d;
	struct dot_encoder e;

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		text_decoder_start(&d, NEWLINE_NORMALIZE, t[i].dots);
		assert_row(i, text_plain(&d, t[i].text, strlen(t[i].text)) ==
		    t[i].plain);
		e = (struct dot_encoder){ .chunks = !t[i].dots };
		assert_row(i, dot_plain(&e, t[i].text, strlen(t[i].text)) ==
		    t[i].plain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(coming_in),
		cmocka_unit_test(going_out),
		cmocka_unit_test(as_far_as_it_is_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
