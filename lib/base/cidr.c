/* SPDX-License-Identifier: ISC */
#include "base/cidr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct range {
	int family;
	unsigned char bits[16];
	unsigned length;        /* how many of them count */
};

static bool
parse_address(struct range *r, const char *text)
{
	r->family = AF_INET;
	r->length = 32;
	if (inet_pton(AF_INET, text, r->bits) == 1)
		return true;
	r->family = AF_INET6;
	r->length = 128;
	return inet_pton(AF_INET6, text, r->bits) == 1;
}

/* 32 hex digits, as the manual wants IPv6 addresses. */
static bool
parse_digits(struct range *r, const char *text)
{
	char colons[40];
	size_t n = 0;

	if (strlen(text) != 32 ||
	    strspn(text, "0123456789abcdefABCDEF") != 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		if (i > 0 && i % 4 == 0)
			colons[n++] = ':';
		colons[n++] = text[i];
	}
	colons[n] = '\0';
	return parse_address(r, colons);
}

/* `10.*`, `192.168.*.*`, `*` */
static bool
parse_wildcard(struct range *r, const char *text)
{
	char *rest, *part, copy[64];
	unsigned given = 0, seen = 0;
	uint64_t octet;

	if (!strchr(text, '*') || strlen(text) >= sizeof copy)
		return false;
	*r = (struct range){ .family = AF_INET };
	snprintf(copy, sizeof copy, "%s", text);
	for (rest = copy; (part = strsep(&rest, ".")) != NULL; seen++) {
		if (strcmp(part, "*") == 0)
			continue;
		if (given != seen || seen > 3 ||
		    !text_number(part, 0, 255, &octet))
			return false;
		r->bits[given++] = (unsigned char)octet;
	}
	r->length = given * 8;
	return seen == 4;
}

static bool
parse(struct range *r, const char *pattern)
{
	char text[64];
	char *slash;
	uint64_t length;

	if (parse_wildcard(r, pattern))
		return true;
	if (strlen(pattern) >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%s", pattern);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = '\0';
	if (!parse_address(r, text) && !parse_digits(r, text))
		return false;
	if (slash) {
		if (!text_number(slash, 0, r->length, &length))
			return false;
		r->length = (unsigned)length;
	}
	return true;
}

/* Cut the next pattern off; one that is too long for a pattern is cut short
 * to one that makes no sense. */
static void
next_pattern(const char **list, char pattern[64])
{
	size_t n = strcspn(*list, ",");

	snprintf(pattern, 64, "%.*s", n < 64 ? (int)n : 0, *list);
	*list = (*list)[n] ? *list + n + 1 : NULL;
}

bool
cidr_list_valid(const char *list)
{
	char pattern[64];

	while (list) {
		next_pattern(&list, pattern);
		if (!cidr_valid(pattern))
			return false;
	}
	return true;
}

bool
cidr_list_match(const char *list, const char *ip)
{
	char pattern[64];

	while (list) {
		next_pattern(&list, pattern);
		if (cidr_match(pattern, ip))
			return true;
	}
	return false;
}

bool
cidr_valid(const char *pattern)
{
	struct range r;

	return parse(&r, pattern);
}

bool
cidr_match(const char *pattern, const char *ip)
{
	struct range r, one;
	unsigned whole, rest, mask;

	if (!parse(&r, pattern) || !parse_address(&one, ip) ||
	    r.family != one.family)
		return false;
	whole = r.length / 8;
	rest = r.length % 8;
	if (memcmp(r.bits, one.bits, whole) != 0)
		return false;
	mask = rest ? 0xffu << (8 - rest) & 0xffu : 0;
	return mask == 0 || ((r.bits[whole] ^ one.bits[whole]) & mask) == 0;
}
