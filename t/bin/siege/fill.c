/* SPDX-License-Identifier: ISC */
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/base64.h"
#include "base/log.h"

static const char *escape(struct buf *out, const char *p);
static const char *braces(struct buf *out, const char *p, unsigned long time);

/* Up to the end, or to the brace that closes it, which is returned. */
static const char *
expand(struct buf *out, const char *p, unsigned long time)
{
	while (*p && *p != '}')
		if (*p == '\\')
			p = escape(out, p + 1);
		else if (*p == '{')
			p = braces(out, p + 1, time);
		else
			buf_putc(out, *p++);
	return p;
}

static const char *
escape(struct buf *out, const char *p)
{
	static const char from[] = "rnt0", to[] = "\r\n\t";
	const char *known = *p ? strchr(from, *p) : NULL;
	char hex[3] = { 0 };

	if (*p == 'x' && strspn(p + 1, "0123456789abcdefABCDEF") >= 2) {
		memcpy(hex, p + 1, 2);
		buf_putc(out, (char)strtoul(hex, NULL, 16));
		return p + 3;
	}
	if (!*p)
		die(EX_DATAERR, "a backslash at the end");
	buf_putc(out, known ? to[known - from] : *p);
	return p + 1;
}

static const char *
closed(const char *p)
{
	if (*p != '}')
		die(EX_DATAERR, "a brace is not closed");
	return p + 1;
}

static const char *
chunk(struct buf *out, const char *p, const char *last, unsigned long time)
{
	struct buf part = { 0 };

	p = expand(&part, p, time);
	buf_printf(out, "BDAT %zu%s\r\n", part.n, last);
	buf_add(out, buf_text(&part), part.n);
	buf_free(&part);
	return closed(p);
}

/* Millions of times, if need be. */
static void
repeat(struct buf *out, const struct buf *part, size_t n)
{
	char *to = buf_reserve(out, part->n * n);

	if (part->n == 1)
		memset(to, part->s[0], n);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(to + i * part->n, part->s, part->n);
	out->n += part->n * n;
	out->s[out->n] = '\0';
}

/* Behind an opening brace: returns what is behind the closing one. */
static const char *
braces(struct buf *out, const char *p, unsigned long time)
{
	struct buf part = { 0 };
	unsigned long n;
	char *end;

	if (strncmp(p, "#}", 2) == 0) {
		buf_printf(out, "%lu", time);
		return p + 2;
	}
	if (strncmp(p, "chunk:", 6) == 0)
		return chunk(out, p + 6, "", time);
	if (strncmp(p, "last:", 5) == 0)
		return chunk(out, p + 5, " LAST", time);
	n = strtoul(p, &end, 10);
	if (end == p || (*end != '*' && *end != ':'))
		die(EX_DATAERR, "not known: {%.20s", p);
	if (*end == ':') {
		p = expand(&part, end + 1, time);
		base64_encode(out, buf_text(&part), part.n);
	} else {
		p = expand(&part, end + 1, 1);
		if (memmem(end, (size_t)(p - end), "{#}", 3))
			for (unsigned long i = 1; i <= n; i++)
				expand(out, end + 1, i);
		else
			repeat(out, &part, n);
	}
	buf_free(&part);
	return closed(p);
}

void
fill(struct buf *out, const char *text)
{
	while (*(text = expand(out, text, 0)))
		buf_putc(out, *text++);
}
