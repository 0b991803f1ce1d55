/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/dot.h"

struct bytes {
	const char *s;
	size_t n;
};
#define B(s) { s, sizeof (s) - 1 }

/* What became of an input. */
struct outcome {
	struct buf out;
	size_t taken;
	bool done, bare, eight_bit;
};

static void
outcome_free(struct outcome *o)
{
	buf_free(&o->out);
	*o = (struct outcome){ .taken = 0 };
}

/* Decode it in pieces that end at `cut`, and then of `step` octets. */
static void
decode(struct outcome *o, enum newline policy, bool dots, const char *p,
    size_t n, size_t cut, size_t step)
{
	struct text_decoder d;
	size_t piece;

	text_decoder_start(&d, policy, dots);
	while (o->taken < n && !d.done) {
		piece = o->taken < cut ? cut - o->taken : step;
		if (piece > n - o->taken)
			piece = n - o->taken;
		o->taken += text_decode(&d, p + o->taken, piece, &o->out);
	}
	o->done = d.done;
	if (!dots && !d.done)
		text_decode_end(&d, &o->out);
	o->bare = d.bare;
	o->eight_bit = d.eight_bit;
}

static void
assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->taken, b->taken);
	assert_int_equal(a->done, b->done);
	assert_int_equal(a->bare, b->bare);
	assert_int_equal(a->eight_bit, b->eight_bit);
	assert_int_equal(a->out.n, b->out.n);
	assert_memory_equal(buf_text(&a->out), buf_text(&b->out), a->out.n);
}

/* In one piece into *whole, and cut everywhere to the same effect. */
static void
decode_all_ways(struct outcome *whole, enum newline policy, bool dots,
    const char *p, size_t n)
{
	struct outcome o = { .taken = 0 };

	decode(whole, policy, dots, p, n, n, 1);
	for (size_t cut = 1; cut < n; cut++) {
		decode(&o, policy, dots, p, n, cut, n);
		assert_same(whole, &o);
		outcome_free(&o);
	}
	decode(&o, policy, dots, p, n, 0, 1);
	assert_same(whole, &o);
	outcome_free(&o);
}

/* --- the end, and what is no end --- */

static void
ends(void **state)
{
	static const struct {
		struct bytes in;
		struct bytes out;       /* with NEWLINE_NORMALIZE */
		size_t taken;           /* 0: no end in there */
	} t[] = {
		{ B(".\r\n"), B(""), 3 },
		{ B(".\r\nQUIT\r\n"), B(""), 3 },
		{ B("a\r\n.\r\nQUIT\r\n"), B("a\r\n"), 6 },
		{ B("\r\n.\r\n"), B("\r\n"), 5 },
		{ B("a\r\n..\r\n.\r\n"), B("a\r\n.\r\n"), 10 },
		{ B("..\r\n.\r\n"), B(".\r\n"), 7 },
		{ B(".a\r\n.\r\n"), B("a\r\n"), 7 },
		{ B("...\r\n.\r\n"), B("..\r\n"), 8 },
		{ B("a.\r\n.b.\r\n.\r\n"), B("a.\r\nb.\r\n"), 12 },
		{ B("\0\r\n.\r\n"), B("\0\r\n"), 6 },
		{ B("a"), B("a"), 0 },
		{ B("a\r\n."), B("a\r\n"), 0 },
		{ B("a\r\n.\r"), B("a\r\n"), 0 },
		{ B("a\r\n..\r\n"), B("a\r\n.\r\n"), 0 },
		{ B("a\r"), B("a"), 0 },
	};
	struct outcome o = { .taken = 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		decode_all_ways(&o, NEWLINE_NORMALIZE, true, t[i].in.s,
		    t[i].in.n);
		assert_row(i, o.done == (t[i].taken > 0));
		assert_row(i, o.taken == (t[i].taken ? t[i].taken :
		    t[i].in.n));
		assert_row(i, o.out.n == t[i].out.n);
		assert_memory_equal(buf_text(&o.out), t[i].out.s, o.out.n);
		assert_row(i, !o.bare);
		outcome_free(&o);
	}
}

/* Sequences that some server takes for the end of a message. In the middle
 * of a text, at its start, and as the last that came, none of them is. */
static const struct {
	const char *name;
	struct bytes in;
	bool bare;
	struct bytes out;       /* with NEWLINE_NORMALIZE, behind "text" */
} smuggling[] = {
	{ "lf.lf", B("\n.\n"), true, B("\r\n.\r\n") },
	{ "lf.crlf", B("\n.\r\n"), true, B("\r\n.\r\n") },
	{ "crlf.lf", B("\r\n.\n"), true, B("\r\n\r\n") },
	{ "cr.cr", B("\r.\r"), true, B("\r\n.\r\n") },
	{ "cr.crlf", B("\r.\r\n"), true, B("\r\n.\r\n") },
	{ "crlf.cr", B("\r\n.\r"), true, B("\r\n\r\n") },
	{ "cr.lf", B("\r.\n"), true, B("\r\n.\r\n") },
	{ "lf.cr", B("\n.\r"), true, B("\r\n.\r\n") },
	{ "crlf.crcrlf", B("\r\n.\r\r\n"), true, B("\r\n\r\n\r\n") },
	{ "lflf", B("\n\n.\n\n"), true, B("\r\n\r\n.\r\n\r\n") },
	{ "crcr", B("\r\r.\r\r"), true, B("\r\n\r\n.\r\n\r\n") },
	{ "lfcr", B("\n\r.\n\r"), true, B("\r\n\r\n.\r\n\r\n") },
	{ "crcrlf.", B("\r\r\n.\n"), true, B("\r\n\r\n\r\n") },
	{ "two-dots", B("\r\n..\r\n"), false, B("\r\n.\r\n") },
	{ "two-dots-lf", B("\n..\n"), true, B("\r\n..\r\n") },
	{ "nul-before-dot", B("\r\n\0.\r\n"), false, B("\r\n\0.\r\n") },
	{ "nul-after-dot", B("\r\n.\0\r\n"), false, B("\r\n\0\r\n") },
	{ "nul-in-first-crlf", B("\r\0\n.\r\n"), true,
	    B("\r\n\0\r\n.\r\n") },
	{ "nul-in-last-crlf", B("\r\n.\r\0\n"), true,
	    B("\r\n\r\n\0\r\n") },
	{ "space-after-dot", B("\r\n. \r\n"), false, B("\r\n \r\n") },
	{ "tab-after-dot", B("\r\n.\t\r\n"), false, B("\r\n\t\r\n") },
	{ "space-before-dot", B("\r\n .\r\n"), false, B("\r\n .\r\n") },
	{ "vt", B("\x0b.\x0b"), false, B("\x0b.\x0b") },
	{ "ff", B("\x0c.\x0c"), false, B("\x0c.\x0c") },
	{ "fs", B("\x1c.\x1c"), false, B("\x1c.\x1c") },
	{ "nel", B("\x85.\x85"), false, B("\x85.\x85") },
	{ "utf8-nel", B("\xc2\x85.\xc2\x85"), false,
	    B("\xc2\x85.\xc2\x85") },
	{ "utf8-ls", B("\xe2\x80\xa8.\xe2\x80\xa8"), false,
	    B("\xe2\x80\xa8.\xe2\x80\xa8") },
	{ "overlong-crlf", B("\xc0\x8d\xc0\x8a.\xc0\x8d\xc0\x8a"), false,
	    B("\xc0\x8d\xc0\x8a.\xc0\x8d\xc0\x8a") },
	{ "fullwidth-dot", B("\r\n\xef\xbc\x8e\r\n"), false,
	    B("\r\n\xef\xbc\x8e\r\n") },
	{ "ctrl-z", B("\r\n.\x1a\r\n"), false, B("\r\n\x1a\r\n") },
	{ "iac", B("\r\n.\xff\xf4\r\n"), false, B("\r\n\xff\xf4\r\n") },
	{ "bs", B("\r\n.\b\r\n"), false, B("\r\n\b\r\n") },
	{ "del", B("\r\n.\x7f\r\n"), false, B("\r\n\x7f\r\n") },
	{ "ctrl-z-before-dot", B("\r\n\x1a.\r\n"), false,
	    B("\r\n\x1a.\r\n") },
	{ "del-before-dot", B("\r\n\x7f.\r\n"), false, B("\r\n\x7f.\r\n") },
};

static void
no_smuggling(void **state)
{
	static const char after[] = "MAIL FROM:<evil>\r\n.\r\n";
	struct buf in = { 0 }, want = { 0 };
	struct outcome o = { .taken = 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(smuggling); i++) {
		buf_set(&in, "text");
		buf_add(&in, smuggling[i].in.s, smuggling[i].in.n);
		buf_puts(&in, after);
		buf_set(&want, "text");
		buf_add(&want, smuggling[i].out.s, smuggling[i].out.n);
		buf_add(&want, after, sizeof after - 4);
		decode_all_ways(&o, NEWLINE_NORMALIZE, true, in.s, in.n);
		assert_row(i, o.done && o.taken == in.n);
		assert_row(i, o.bare == smuggling[i].bare);
		assert_row(i, o.out.n == want.n);
		assert_memory_equal(o.out.s, want.s, want.n);
		outcome_free(&o);
		decode_all_ways(&o, NEWLINE_REJECT, true, in.s, in.n);
		assert_row(i, o.done && o.taken == in.n);
		assert_row(i, o.bare == smuggling[i].bare);
		outcome_free(&o);
	}
	buf_free(&in);
	buf_free(&want);
}

static void
no_end_at_the_start_or_so_far(void **state)
{
	struct outcome o = { .taken = 0 };
	struct buf in = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(smuggling); i++)
		for (int text = 0; text < 2; text++)
			for (int policy = 0; policy <= NEWLINE_KEEP;
			    policy++) {
				buf_set(&in, text ? "text" : "");
				buf_add(&in, smuggling[i].in.s,
				    smuggling[i].in.n);
				decode_all_ways(&o, (enum newline)policy,
				    true, in.s, in.n);
				assert_row(i, !o.done && o.taken == in.n);
				outcome_free(&o);
			}
	buf_free(&in);
}

static void
kept_as_it_came(void **state)
{
	static const struct {
		struct bytes in, out;
	} t[] = {
		{ B("a\nb\rc\r\n.\r\n"), B("a\nb\rc\r\n") },
		{ B("a\n.\nb\r\n.\r\n"), B("a\n.\nb\r\n") },
		{ B("a\r\n.\nb\r\n.\r\n"), B("a\r\n\nb\r\n") },
		{ B("a\r\n.\rb\r\n.\r\n"), B("a\r\n\rb\r\n") },
		{ B("a\r\r\n.\r\n"), B("a\r\r\n") },
	};
	struct outcome o = { .taken = 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		decode_all_ways(&o, NEWLINE_KEEP, true, t[i].in.s, t[i].in.n);
		assert_row(i, o.done && o.bare && o.taken == t[i].in.n);
		assert_row(i, o.out.n == t[i].out.n);
		assert_memory_equal(o.out.s, t[i].out.s, o.out.n);
		outcome_free(&o);
	}
}

static void
chunks(void **state)
{
	static const struct {
		struct bytes in, out;
		bool bare;
	} t[] = {
		{ B(""), B(""), false },
		{ B(".\r\n"), B(".\r\n"), false },
		{ B("a\r\n.\r\nb"), B("a\r\n.\r\nb"), false },
		{ B("..a\r\n"), B("..a\r\n"), false },
		{ B("a\nb"), B("a\r\nb"), true },
		{ B("a\r"), B("a\r\n"), true },
		{ B("a\r\n.\r"), B("a\r\n.\r\n"), true },
		{ B("\r\r"), B("\r\n\r\n"), true },
		{ B("\0\xff"), B("\0\xff"), false },
	};
	struct outcome o = { .taken = 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		decode_all_ways(&o, NEWLINE_NORMALIZE, false, t[i].in.s,
		    t[i].in.n);
		assert_row(i, !o.done && o.taken == t[i].in.n);
		assert_row(i, o.bare == t[i].bare);
		assert_row(i, o.out.n == t[i].out.n);
		assert_memory_equal(buf_text(&o.out), t[i].out.s, o.out.n);
		outcome_free(&o);
	}
}

static void
eight_bits_are_noticed(void **state)
{
	struct outcome o = { .taken = 0 };

	(void)state;
	decode_all_ways(&o, NEWLINE_NORMALIZE, true, "a\x7f\r\n.\r\n\xff", 8);
	assert_false(o.eight_bit);
	outcome_free(&o);
	decode_all_ways(&o, NEWLINE_NORMALIZE, true, "a\x80\r\n.\r\n", 7);
	assert_true(o.eight_bit);
	outcome_free(&o);
}

/* --- the way out --- */

static void
encode(struct buf *out, const char *p, size_t n, size_t cut, size_t step)
{
	struct dot_encoder e = { .cr = false };
	size_t piece;

	for (size_t at = 0; at < n; at += piece) {
		piece = at < cut ? cut - at : step;
		if (piece > n - at)
			piece = n - at;
		dot_encode(&e, p + at, piece, out);
	}
	dot_encode_end(&e, out);
}

static void
encode_all_ways(struct buf *whole, const char *p, size_t n)
{
	struct buf out = { 0 };

	encode(whole, p, n, n, 1);
	for (size_t cut = 0; cut < n; cut++) {
		buf_clear(&out);
		encode(&out, p, n, cut, cut ? n : 1);
		assert_int_equal(out.n, whole->n);
		assert_memory_equal(out.s, whole->s, out.n);
	}
	buf_free(&out);
}

/* For BDAT: line ends made right, and nothing else, however it is cut. */
static void
encodes_chunks(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "" }, { "a", "a" }, { ".", "." }, { "a\r\n", "a\r\n" },
		{ ".\r\n..\r\n.a", ".\r\n..\r\n.a" },
		{ "a\n.\nb\r.\rc", "a\r\n.\r\nb\r\n.\r\nc" },
		{ "\r", "\r\n" }, { "\n", "\r\n" }, { "\r\r\n\n",
		    "\r\n\r\n\r\n" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		for (size_t cut = 0; cut <= strlen(t[i].in); cut++) {
			struct dot_encoder e = { .chunks = true };

			buf_clear(&out);
			dot_encode(&e, t[i].in, cut, &out);
			dot_encode(&e, t[i].in + cut, strlen(t[i].in) - cut,
			    &out);
			dot_encode_end(&e, &out);
			assert_text(&out, t[i].out);
		}
	}
	buf_free(&out);
}

static void
encodes(void **state)
{
	static const struct {
		struct bytes in, out;
	} t[] = {
		{ B(""), B(".\r\n") },
		{ B("a"), B("a\r\n.\r\n") },
		{ B("a\r\n"), B("a\r\n.\r\n") },
		{ B("a\n"), B("a\r\n.\r\n") },
		{ B("a\r"), B("a\r\n.\r\n") },
		{ B("\r\n"), B("\r\n.\r\n") },
		{ B("\r\n\r\n"), B("\r\n\r\n.\r\n") },
		{ B("."), B("..\r\n.\r\n") },
		{ B(".\r\n"), B("..\r\n.\r\n") },
		{ B("..a"), B("...a\r\n.\r\n") },
		{ B("a.\r\n.b"), B("a.\r\n..b\r\n.\r\n") },
		{ B("a\n.\n"), B("a\r\n..\r\n.\r\n") },
		{ B("a\n.\r\n"), B("a\r\n..\r\n.\r\n") },
		{ B("a\r.\r"), B("a\r\n..\r\n.\r\n") },
		{ B("a\r.\r\n"), B("a\r\n..\r\n.\r\n") },
		{ B("a\r\n.\n"), B("a\r\n..\r\n.\r\n") },
		{ B("a\r\n.\r"), B("a\r\n..\r\n.\r\n") },
		{ B("a\r\n."), B("a\r\n..\r\n.\r\n") },
		{ B("a\r\r\nb"), B("a\r\n\r\nb\r\n.\r\n") },
		{ B("a\n\r.b"), B("a\r\n\r\n..b\r\n.\r\n") },
		{ B("\0.\0\r\n.\0"), B("\0.\0\r\n..\0\r\n.\r\n") },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		buf_clear(&out);
		encode_all_ways(&out, t[i].in.s, t[i].in.n);
		assert_row(i, out.n == t[i].out.n);
		assert_memory_equal(out.s, t[i].out.s, out.n);
	}
	buf_free(&out);
}

/* What goes out is taken in as it was, with its line ends made CR LF, and in
 * one piece, whatever it was. */
static void
there_and_back(const char *p, size_t n)
{
	struct buf wire = { 0 };
	struct outcome normal = { .taken = 0 }, back = { .taken = 0 };

	decode(&normal, NEWLINE_NORMALIZE, false, p, n, n, 1);
	if (normal.out.n && (normal.out.n < 2 ||
	    memcmp(normal.out.s + normal.out.n - 2, "\r\n", 2) != 0))
		buf_puts(&normal.out, "\r\n");
	encode_all_ways(&wire, p, n);
	buf_puts(&wire, "QUIT");
	decode(&back, NEWLINE_REJECT, true, wire.s, wire.n, wire.n, 1);
	assert_true(back.done && !back.bare);
	assert_int_equal(back.taken, wire.n - 4);
	assert_int_equal(back.out.n, normal.out.n);
	assert_memory_equal(buf_text(&back.out), buf_text(&normal.out),
	    back.out.n);
	outcome_free(&normal);
	outcome_free(&back);
	buf_free(&wire);
}

static void
round_trips(void **state)
{
	/* every text of up to seven octets of these */
	static const char octets[] = { '\r', '\n', '.', 'a' };
	char text[7];

	(void)state;
	for (size_t i = 0; i < COUNT(smuggling); i++)
		there_and_back(smuggling[i].in.s, smuggling[i].in.n);
	for (size_t n = 0; n <= sizeof text; n++)
		for (unsigned v = 0; v < 1u << 2 * n; v++) {
			for (size_t i = 0; i < n; i++)
				text[i] = octets[v >> 2 * i & 3];
			there_and_back(text, n);
		}
}

/* Lines longer than any block that is looked at at once: none is parted, and
 * what ends them is seen. */
static void
long_runs(void **state)
{
	static const size_t blocks[] = { 512, 1024, 2048, 4096, 65536 };
	static const char *const ends[] = { "\r\n", "\n", "\r", "\r\n.",
		"\n..", "\r.\r\n", "." };
	struct outcome o = { .taken = 0 };
	struct buf in = { 0 }, wire = { 0 }, want = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(blocks) * 7 * COUNT(ends); i++) {
		size_t n = blocks[i % COUNT(blocks)] - 3 +
		    i / COUNT(blocks) % 7;
		const char *end = ends[i / COUNT(blocks) / 7];

		buf_clear(&in);
		buf_clear(&wire);
		buf_clear(&want);
		memset(buf_reserve(&in, n), 'a', n);
		in.n = n;
		buf_add(&in, end, strlen(end));
		decode(&o, NEWLINE_NORMALIZE, false, in.s, in.n, in.n, 1);
		buf_add(&want, o.out.s, o.out.n);
		if (want.s[want.n - 1] != '\n')
			buf_puts(&want, "\r\n");
		assert_row(i, strspn(want.s, "a") == n);
		assert_row(i, want.n <= n + 6);
		outcome_free(&o);
		encode(&wire, in.s, in.n, in.n, 1);
		decode(&o, NEWLINE_REJECT, true, wire.s, wire.n, n, 1);
		assert_row(i, o.done && !o.bare && o.taken == wire.n);
		assert_row(i, o.out.n == want.n);
		assert_memory_equal(o.out.s, want.s, want.n);
		outcome_free(&o);
	}
	buf_free(&in);
	buf_free(&wire);
	buf_free(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(no_smuggling),
		cmocka_unit_test(no_end_at_the_start_or_so_far),
		cmocka_unit_test(kept_as_it_came),
		cmocka_unit_test(chunks),
		cmocka_unit_test(eight_bits_are_noticed),
		cmocka_unit_test(encodes),
		cmocka_unit_test(encodes_chunks),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(long_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
