/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/dot.h"

/* Decode in pieces of at most `step` octets. */
static size_t
decode(struct text_decoder *d, const char *p, size_t n, size_t step,
    struct buf *out)
{
	size_t at = 0;

	while (at < n && !d->done)
		at += text_decode(d, p + at, n - at < step ? n - at : step,
		    out);
	return at;
}

static bool
has_bare(const struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((b->s[i] == '\n' && (i == 0 || b->s[i - 1] != '\r')) ||
		    (b->s[i] == '\r' && b->s[i + 1] != '\n'))
			return true;
	return false;
}

/* Where CR LF . CR LF ends, looking at nothing else; or 0. */
static size_t
find_end(const char *p, size_t n)
{
	const char *end;

	if (n >= 3 && memcmp(p, ".\r\n", 3) == 0)
		return 3;
	end = memmem(p, n, "\r\n.\r\n", 5);
	return end ? (size_t)(end - p) + 5 : 0;
}

/* The first octet says how, the second how large the pieces are. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct text_decoder whole, pieces;
	struct buf a = { 0 }, b = { 0 };
	const char *p = (const char *)data + 2;
	enum newline policy;
	size_t end, taken;
	bool dots;

	if (n < 2)
		return 0;
	n -= 2;
	policy = (enum newline)(data[0] % 3);
	dots = data[0] & 0x80;
	text_decoder_start(&whole, policy, dots);
	taken = decode(&whole, p, n, n, &a);
	text_decoder_start(&pieces, policy, dots);
	CLAIM(decode(&pieces, p, n, data[1] % 16 + 1, &b) == taken);
	CLAIM(same(&a, &b) && whole.done == pieces.done &&
	    whole.bare == pieces.bare &&
	    whole.eight_bit == pieces.eight_bit);
	end = dots ? find_end(p, n) : 0;
	CLAIM(whole.done == (end > 0));
	CLAIM(taken == (end ? end : n));
	if (!whole.done)
		text_decode_end(&whole, &a);
	CLAIM(whole.eight_bit == !text_ascii(p, taken));
	if (policy != NEWLINE_KEEP)
		CLAIM(!has_bare(&a));
	if (!dots && !whole.bare)
		CLAIM(a.n == n && memcmp(buf_text(&a), p, n) == 0);
	if (end && !whole.bare)
		CLAIM(a.n <= taken - 3);
	buf_free(&a);
	buf_free(&b);
	return 0;
}
