/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/dot.h"

static void
encode(const char *p, size_t n, size_t step, bool chunks, struct buf *out)
{
	struct dot_encoder e = { .chunks = chunks };

	for (size_t at = 0; at < n; at += step)
		dot_encode(&e, p + at, n - at < step ? n - at : step, out);
	dot_encode_end(&e, out);
}

/* The first octet says how large the pieces are. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf wire = { 0 }, cut = { 0 }, want = { 0 }, back = { 0 };
	struct text_decoder d;
	const char *p = (const char *)data + 1;

	if (n < 1)
		return 0;
	n--;
	encode(p, n, n ? n : 1, false, &wire);
	encode(p, n, data[0] % 16 + 1, false, &cut);
	CLAIM(same(&wire, &cut));

	/* the receiver sees one text, ours, and it ends where we said */
	text_decoder_start(&d, NEWLINE_REJECT, true);
	CLAIM(text_decode(&d, wire.s, wire.n, &back) == wire.n);
	CLAIM(d.done && !d.bare);
	text_decoder_start(&d, NEWLINE_NORMALIZE, false);
	text_decode(&d, p, n, &want);
	text_decode_end(&d, &want);
	buf_clear(&cut);
	encode(p, n, data[0] % 16 + 1, true, &cut);
	CLAIM(same(&cut, &want));
	if (want.n && (want.n < 2 ||
	    memcmp(want.s + want.n - 2, "\r\n", 2) != 0))
		buf_puts(&want, "\r\n");
	CLAIM(same(&back, &want));
	buf_free(&wire);
	buf_free(&cut);
	buf_free(&want);
	buf_free(&back);
	return 0;
}
