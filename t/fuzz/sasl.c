/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "auth/sasl_server.h"

/* The first octet says the mechanism; lines are answers. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum sasl_verdict v = SASL_MORE;
	const char *p = (const char *)data + 1, *end, *lf;
	struct sasl s;

	if (n < 1)
		return 0;
	end = (const char *)data + n;
	sasl_start(&s, (enum sasl_mechanism)(data[0] % SASL_MECHANISMS),
	    "<1.2.3@host>");
	while (v == SASL_MORE && p <= end) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			lf = end;
		v = sasl_step(&s, p, (size_t)(lf - p));
		p = lf + 1;
	}
	if (v == SASL_DONE) {
		CLAIM(s.id.n > 0 && s.id.n <= SASL_ID);
		CLAIM(text_clean(s.id.s, s.id.n));
		CLAIM(s.mechanism == SASL_CRAM_MD5 ||
		    (s.password.n > 0 && strlen(s.password.s) == s.password.n));
	}
	sasl_wipe(&s);
	return 0;
}
