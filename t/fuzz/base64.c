/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "base/base64.h"

/* What is encoded comes back; what is decoded was the one way to write it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data;
	struct buf a = { 0 }, b = { 0 };

	base64_encode(&a, p, n);
	CLAIM(a.n == (n + 2) / 3 * 4 && text_clean(buf_text(&a), a.n));
	CLAIM(base64_decode(&b, buf_text(&a), a.n));
	CLAIM(b.n == n && memcmp(buf_text(&b), p, n) == 0);

	buf_set(&b, "kept");
	if (base64_decode(&b, p, n)) {
		buf_clear(&a);
		base64_encode(&a, b.s + 4, b.n - 4);
		CLAIM(a.n == n && memcmp(buf_text(&a), p, n) == 0);
	} else {
		CLAIM(strcmp(b.s, "kept") == 0);
	}
	buf_free(&a);
	buf_free(&b);
	return 0;
}
