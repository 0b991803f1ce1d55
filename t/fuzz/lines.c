/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "wire/lines.h"

/* What comes out, whole or in pieces, is the same. */
static void
feed(struct buf *out, const char *p, size_t n, size_t piece)
{
	struct lines l = { .n = 0 };
	size_t part, used;
	bool line;

	while (n > 0) {
		part = piece < n ? piece : n;
		used = lines_take(&l, p, part, &line);
		CLAIM(used >= 1 && used <= part);
		CLAIM(l.n <= LINES_MOST && l.text[l.n] == '\0');
		CLAIM(line ? p[used - 1] == '\n' : used == part);
		CLAIM(!memchr(l.text, '\n', l.n));
		if (line)
			buf_printf(out, "%zu%c%s;", l.n,
			    l.too_long ? '+' : ' ', l.text);
		p += used;
		n -= used;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = { 0 }, pieces = { 0 };

	if (n < 1)
		return 0;
	feed(&whole, (const char *)data + 1, n - 1, n);
	feed(&pieces, (const char *)data + 1, n - 1, 1 + data[0] % 64u);
	CLAIM(strcmp(buf_text(&whole), buf_text(&pieces)) == 0);
	buf_free(&whole);
	buf_free(&pieces);
	return 0;
}
