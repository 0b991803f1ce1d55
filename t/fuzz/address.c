/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/address.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = as_string(data, n);
	struct buf out = { 0 };

	for (int utf8 = 0; utf8 < 2; utf8++) {
		const char *s = text, *domain;

		if (address_path(&s, utf8, &out) != ADDRESS_OK)
			continue;
		CLAIM(s > text && s <= text + strlen(text) && s[-1] == '>');
		CLAIM(strlen(buf_text(&out)) == out.n);
		CLAIM(out.n <= ADDRESS_MOST);
		CLAIM(text_clean(buf_text(&out), out.n));
		CLAIM(!strchr(buf_text(&out), '|'));
		CLAIM(utf8 ? text_utf8(buf_text(&out), out.n) :
		    text_ascii(buf_text(&out), out.n));
		if (out.n == 0)
			continue;
		/* what was taken may be given on */
		CLAIM(address_check(out.s, utf8) == ADDRESS_OK);
		domain = address_domain(out.s);
		CLAIM(!domain || !text_ascii(domain, strlen(domain)) ||
		    strlen(domain) > 255 || address_is_host(domain));
	}
	if (address_check(text, true) == ADDRESS_OK)
		CLAIM(text_clean(text, strlen(text)) && !strchr(text, '|'));
	if (address_is_host(text))
		CLAIM(text_clean(text, strlen(text)) &&
		    !strpbrk(text, " <>|\"@"));
	buf_free(&out);
	free(text);
	return 0;
}
