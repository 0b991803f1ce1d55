/* SPDX-License-Identifier: ISC */
#include "base/text.h"

#include <string.h>
#include <strings.h>

char *
text_decimal(char *to, uint64_t n)
{
	uint64_t rest = n;
	char *end = to + 1, *p;

	while (rest > 9) {
		rest /= 10;
		end++;
	}
	for (p = end; p > to; n /= 10)
		*--p = (char)('0' + n % 10);
	return end;
}

bool
text_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s || (*s == '0' && s[1]))
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' ||
		    __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool
text_duration(const char *s, uint64_t *seconds)
{
	static const char units[] = "smhd";
	static const uint64_t worth[] = { 1, 60, 3600, 86400 };
	const uint64_t most = 10ULL * 366 * 86400;
	char digits[16];
	uint64_t unit = 1, v;
	size_t n = strlen(s);
	const char *u;

	if (n == 0 || n >= sizeof digits)
		return false;
	memcpy(digits, s, n + 1);
	u = strchr(units, digits[n - 1]);
	if (u) {
		unit = worth[u - units];
		digits[n - 1] = '\0';
	}
	if (!text_number(digits, 0, most / unit, &v))
		return false;
	*seconds = v * unit;
	return true;
}

static bool
is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

bool
text_clean(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_control((unsigned char)s[i]))
			return false;
	return true;
}

bool
text_ascii(const char *s, size_t n)
{
	unsigned char all = 0;

	for (size_t i = 0; i < n; i++)
		all |= (unsigned char)s[i];
	return all < 0x80;
}

/* The octets of the well-formed character at s (1 to 4), or 0. */
static size_t
utf8_char(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len;
	unsigned long c, least;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, c = p[0] & 0x1f, least = 0x80;
	else if ((p[0] & 0xf0) == 0xe0)
		len = 3, c = p[0] & 0x0f, least = 0x800;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, c = p[0] & 0x07, least = 0x10000;
	else
		return 0;
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
	    c < 0xa0)
		return 0;
	return len;
}

bool
text_utf8(const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = utf8_char(s + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

/* Of a well-formed character of two or three octets; of others, 0. */
static unsigned
code_point(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	if (len == 2)
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	if (len == 3)
		return (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 |
		    (p[2] & 0x3fu);
	return 0;
}

/* Well-formed, and yet no good in a log: what begins a new line on a screen
 * (U+2028, U+2029), or turns the order of what stands around it. */
static bool
is_deceptive(const char *s, size_t len)
{
	unsigned c = code_point(s, len);

	return c == 0x061c || c == 0x200e || c == 0x200f ||
	    (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	    c == 0xfeff;
}

/* The octets at s that may be seen as they are, or 0. */
static size_t
visible(const char *s, size_t n)
{
	size_t len = utf8_char(s, n);

	return is_control((unsigned char)*s) || is_deceptive(s, len) ? 0 : len;
}

/* Most of what there is to print is this. */
static size_t
plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= ' ' && s[i] <= '~')
		i++;
	return i;
}

void
text_printable(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];

		len = plain_run(s + i, n - i);
		if (len == 0)
			len = visible(s + i, n - i);
		if (len > 0) {
			buf_add(out, s + i, len);
			continue;
		}
		len = 1;
		if (c == '\t')
			buf_puts(out, "\\t");
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '\r')
			buf_puts(out, "\\r");
		else
			buf_printf(out, "\\x%02X", c);
	}
}

void
text_json(struct buf *out, const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0, len; i < n; i += len) {
		unsigned char c = (unsigned char)s[i];

		len = utf8_char(s + i, n - i);
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (is_deceptive(s + i, len)) {
			buf_printf(out, "\\u%04x", code_point(s + i, len));
		} else if (len == 0 || is_control(c)) {
			buf_printf(out, "\\u%04x", c);
			len = 1;
		} else
			buf_add(out, s + i, len);
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_space(char c)
{
	return is_blank(c) || c == '\r' || c == '\n';
}

char *
text_trim(char *s)
{
	size_t n;

	while (is_space(*s))
		s++;
	n = strlen(s);
	while (n > 0 && is_space(s[n - 1]))
		s[--n] = '\0';
	return s;
}

char *
text_word(char **rest)
{
	char *word = *rest, *end;

	while (is_blank(*word))
		word++;
	if (!*word)
		return NULL;
	for (end = word; *end && !is_blank(*end); end++)
		continue;
	if (*end)
		*end++ = '\0';
	*rest = end;
	return word;
}

bool
text_starts(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

unsigned
text_distance(const char *a, const char *b)
{
	unsigned row[64], left, above, cost;
	size_t la = strlen(a), lb = strlen(b);

	if (la > 63 || lb > 63)
		return ~0u;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		left = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			above = row[j];
			cost = left + (a[i - 1] != b[j - 1]);
			if (above + 1 < cost)
				cost = above + 1;
			if (row[j - 1] + 1 < cost)
				cost = row[j - 1] + 1;
			left = above;
			row[j] = cost;
		}
	}
	return row[lb];
}
