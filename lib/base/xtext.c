/* SPDX-License-Identifier: ISC */
#include "base/xtext.h"

static bool
stands_for_itself(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '+' && c != '=';
}

void
xtext_encode(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (stands_for_itself(c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "+%02X", c);
	}
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
xtext_decode(struct buf *out, const char *s, size_t n)
{
	size_t start = out->n;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '+' && stands_for_itself((unsigned char)s[i])) {
			buf_putc(out, s[i]);
		} else if (s[i] == '+' && n - i > 2 &&
		    hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
			buf_putc(out, (char)(hex(s[i + 1]) << 4 | hex(s[i + 2])));
			i += 2;
		} else {
			buf_cut(out, start);
			return false;
		}
	}
	return true;
}
