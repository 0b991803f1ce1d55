/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/dot.h"
#include "mail/excerpt.h"

/* What TOP sends of a text, in pieces of that size. */
static void
take(const char *p, size_t n, size_t step, uint64_t lines, struct buf *out)
{
	struct dot_encoder dot = { .in_line = false };
	struct excerpt e = { .lines = lines };
	struct buf piece = { 0 };
	size_t k;

	for (size_t at = 0; at < n && !e.done; at += step) {
		buf_clear(&piece);
		dot_encode(&dot, p + at, n - at < step ? n - at : step, &piece);
		k = excerpt_take(&e, buf_text(&piece), piece.n);
		CLAIM(k == piece.n || (e.done && k < piece.n));
		buf_add(out, buf_text(&piece), k);
	}
	if (e.done)
		CLAIM(out->n >= 2 && out->s[out->n - 1] == '\n');
	buf_free(&piece);
}

/* The first octet says how large the pieces are, the second how many lines
 * there are to be. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = { 0 }, cut = { 0 }, all = { 0 };
	const char *p = (const char *)data + 2;

	if (n < 2)
		return 0;
	n -= 2;
	take(p, n, n ? n : 1, data[1], &whole);
	take(p, n, data[0] % 16 + 1, data[1], &cut);
	CLAIM(same(&whole, &cut));
	/* it is how the whole text begins, and no line of it ends it */
	take(p, n, n ? n : 1, UINT64_MAX, &all);
	CLAIM(whole.n <= all.n &&
	    memcmp(buf_text(&whole), buf_text(&all), whole.n) == 0);
	CLAIM(!all.n || !strstr(all.s, "\r\n.\r\n"));
	buf_free(&whole);
	buf_free(&cut);
	buf_free(&all);
	return 0;
}
