/* SPDX-License-Identifier: ISC */
#include "mail/address.h"

#include <string.h>

#include "base/text.h"

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

static bool
is_high(char c)
{
	return (unsigned char)c >= 0x80;
}

/* RFC 5321 atext but "|", and the dots of a dot-string; dots in odd places
 * ("a..b@") do exist and are harmless. */
static bool
is_local(char c)
{
	return is_alnum(c) || is_high(c) ||
	    (c && strchr(".!#$%&'*+-/=?^_`{}~", c));
}

static bool
is_domain(char c)
{
	return is_alnum(c) || is_high(c) || c == '-' || c == '.' || c == '_';
}

/* Behind a quoted string that starts at s, or NULL. */
static const char *
skip_quoted(const char *s)
{
	for (s++; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		if (!*s || *s == '|' || !text_clean(s, 1))
			return NULL;
	}
	return s + 1;
}

static const char *
skip_local(const char *s)
{
	const char *start = s;

	if (*s == '"')
		return skip_quoted(s);
	while (is_local(*s))
		s++;
	return s == start ? NULL : s;
}

/* [127.0.0.1] or [IPv6:::1]; what is inside is not looked at closely. */
static const char *
skip_literal(const char *s)
{
	const char *start = ++s;

	while (is_alnum(*s) || *s == '.' || *s == ':' || *s == '-')
		s++;
	return *s == ']' && s > start ? s + 1 : NULL;
}

static const char *
skip_domain(const char *s)
{
	const char *start = s;

	if (*s == '[')
		return skip_literal(s);
	while (is_domain(*s)) {
		if (*s == '.' && (s == start || s[1] == '.' ||
		    !is_domain(s[1])))
			return NULL;
		s++;
	}
	return s == start || *start == '-' ? NULL : s;
}

/* @a,@b: -- obsolete, to be ignored: RFC 5321 appendix C. */
static const char *
skip_route(const char *s)
{
	while (*s == '@') {
		s = skip_domain(s + 1);
		if (!s)
			return NULL;
		if (*s == ':')
			return s + 1;
		if (*s != ',')
			return NULL;
		s++;
	}
	return NULL;
}

static const char *
skip_mailbox(const char *s)
{
	s = skip_local(s);
	if (s && *s == '@')
		s = skip_domain(s + 1);
	return s;
}

static enum address_verdict
check(const char *s, size_t n, bool utf8)
{
	if (n > ADDRESS_MOST)
		return ADDRESS_TOO_LONG;
	if (text_ascii(s, n))
		return ADDRESS_OK;
	if (!utf8)
		return ADDRESS_NEEDS_UTF8;
	return text_utf8(s, n) ? ADDRESS_OK : ADDRESS_SYNTAX;
}

enum address_verdict
address_path(const char **s, bool utf8, struct buf *out)
{
	const char *start = *s, *end;

	buf_clear(out);
	start += strspn(start, " \t");
	if (*start != '<' || !strchr(start, '>'))
		return ADDRESS_NO_BRACKETS;
	start++;
	start += strspn(start, " \t");
	if (*start == '@') {
		start = skip_route(start);
		if (!start || *start == '>')
			return ADDRESS_SYNTAX;
	}
	end = *start == '>' ? start : skip_mailbox(start);
	if (!end)
		return ADDRESS_SYNTAX;
	*s = end + strspn(end, " \t");
	if (**s != '>')
		return ADDRESS_SYNTAX;
	++*s;
	buf_add(out, start, (size_t)(end - start));
	return check(start, (size_t)(end - start), utf8);
}

enum address_verdict
address_check(const char *s, bool utf8)
{
	const char *end = skip_mailbox(s);

	if (!end || *end)
		return ADDRESS_SYNTAX;
	return check(s, (size_t)(end - s), utf8);
}

const char *
address_domain(const char *mailbox)
{
	const char *at = strrchr(mailbox, '@');

	/* one within quotes parts nothing */
	return at && !strchr(at, '"') ? at + 1 : NULL;
}

bool
address_is_host(const char *s)
{
	const char *end = skip_domain(s);

	return end && !*end && strlen(s) <= 255 && text_ascii(s, strlen(s));
}
