/* SPDX-License-Identifier: ISC */
#include "fuzz.h"

#include <arpa/inet.h>

#include "wire/proxy.h"

static bool
is_address(const char *ip)
{
	unsigned char bits[16];

	return inet_pton(AF_INET, ip, bits) == 1 ||
	    inet_pton(AF_INET6, ip, bits) == 1;
}

/* Read as proxy_read does: what is asked for, and no more. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proxy_header h, again;
	size_t got = 0, more;
	enum proxy_verdict v;
	char *s;

	for (;;) {
		/* a block of its own, so that reading behind it is seen */
		s = need_memory(got + 1);
		memcpy(s, data, got);
		v = proxy_parse(&h, s, got, &more);
		free(s);
		if (v != PROXY_MORE)
			break;
		CLAIM(more > 0 && got + more <= PROXY_BLOCK);
		CLAIM(!*h.ip && !*h.port);
		if (got + more > n)
			return 0;
		got += more;
	}
	if (v == PROXY_WRONG)
		return 0;
	CLAIM(!*h.ip == !*h.port && (!*h.ip || is_address(h.ip)));
	CLAIM(got <= PROXY_LINE || data[0] == '\r');
	/* octet by octet it is the same, and never wrong on the way */
	for (size_t i = 0; i < got; i++)
		CLAIM(proxy_parse(&again, (const char *)data, i, &more) ==
		    PROXY_MORE && i + more <= got);
	return 0;
}
