/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/reply.h"

static void
check(const struct reply *r)
{
	struct buf text = { 0 };
	char code[12];

	CLAIM(r->code >= 200 && r->code <= 599);
	CLAIM(r->lines.n >= 1 && r->lines.n <= REPLY_LINES);
	CLAIM(r->octets <= REPLY_OCTETS);
	for (size_t i = 0; i < r->lines.n; i++) {
		const char *line = list_get(&r->lines, i);

		CLAIM(text_clean(line, strlen(line)));
		CLAIM(text_utf8(line, strlen(line)));
	}
	reply_text(r, &text);
	CLAIM(text.n <= 500 && strlen(text.s) == text.n);
	CLAIM(text_clean(text.s, text.n) && text_utf8(text.s, text.n));
	reply_enhanced(r, code);
	CLAIM(strlen(code) <= 11 && code[0] - '0' == r->code / 100);
	buf_free(&text);
}

/* The input is cut into lines at each LF. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct reply r = { .code = 0 };
	const char *p = (const char *)data, *end = p + n, *lf;
	enum reply_state state = REPLY_MORE;

	while (p < end && state != REPLY_BAD) {
		lf = memchr(p, '\n', (size_t)(end - p));
		lf = lf ? lf : end;
		if (state == REPLY_DONE)
			reply_clear(&r);
		state = reply_line(&r, p, (size_t)(lf - p));
		if (state != REPLY_BAD)
			check(&r);
		p = lf + 1;
	}
	reply_free(&r);
	return 0;
}
