/* SPDX-License-Identifier: ISC */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, const void *p, size_t n)
{
	const unsigned char *s = p;
	char quad[4];
	uint32_t v;

	for (size_t i = 0; i < n; i += 3) {
		v = (uint32_t)s[i] << 16;
		if (i + 1 < n)
			v |= (uint32_t)s[i + 1] << 8;
		if (i + 2 < n)
			v |= s[i + 2];
		for (int k = 0; k < 4; k++)
			quad[k] = alphabet[v >> (18 - 6 * k) & 63];
		if (i + 2 >= n)
			quad[3] = '=';
		if (i + 1 >= n)
			quad[2] = '=';
		buf_add(out, quad, 4);
	}
}

/* The value of a letter, or -1. */
static int
value(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Four letters, the last `pad` of them "=". */
static bool
decode_quad(struct buf *out, const char *s, int pad)
{
	uint32_t v = 0;
	char three[3];
	int k;

	for (int i = 0; i < 4; i++) {
		k = i < 4 - pad ? value(s[i]) : s[i] == '=' ? 0 : -1;
		if (k < 0)
			return false;
		v = v << 6 | (uint32_t)k;
	}
	if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff)))
		return false;
	three[0] = (char)(v >> 16);
	three[1] = (char)(v >> 8);
	three[2] = (char)v;
	buf_add(out, three, (size_t)(3 - pad));
	return true;
}

bool
base64_decode(struct buf *out, const char *s, size_t n)
{
	size_t start = out->n;
	bool ok = n % 4 == 0;
	int pad;

	for (size_t i = 0; ok && i < n; i += 4) {
		pad = 0;
		if (i + 4 == n)
			pad = s[i + 3] != '=' ? 0 : s[i + 2] != '=' ? 1 : 2;
		ok = decode_quad(out, s + i, pad);
	}
	if (!ok)
		buf_cut(out, start);
	return ok;
}
