/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "base/xtext.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct buf a = { 0 }, b = { 0 };

	xtext_encode(&a, p, n);
	CLAIM(a.n >= n && text_clean(buf_text(&a), a.n) &&
	    text_ascii(buf_text(&a), a.n) && !strpbrk(buf_text(&a), " ="));
	CLAIM(xtext_decode(&b, buf_text(&a), a.n));
	CLAIM(b.n == n && memcmp(buf_text(&b), p, n) == 0);

	buf_set(&a, "kept");
	if (xtext_decode(&a, p, n))
		CLAIM(a.n - 4 <= n);
	else
		CLAIM(strcmp(a.s, "kept") == 0);
	buf_free(&a);
	buf_free(&b);
	return 0;
}
