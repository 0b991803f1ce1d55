/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include "mail/header.h"

/* The fields are the header, one behind the other, and lie within it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data, *at = text;
	struct header_walk w = { text, n };
	struct header_field f;
	unsigned received = 0;

	while (header_next(&w, &f)) {
		CLAIM(f.start == at && f.n > 0);
		at += f.n;
		CLAIM(at <= text + n && w.p == at);
		if (f.name_n == 0)
			continue;
		CLAIM(f.value >= f.start + f.name_n &&
		    f.value + f.value_n <= at);
		received += header_is(&f, "Received");
	}
	CLAIM(w.p == at && w.p + w.n == text + n);
	CLAIM(w.n == 0 || w.p[0] == '\r' || w.p[0] == '\n');
	CLAIM(header_count(text, n, "received") == received);
	return 0;
}
