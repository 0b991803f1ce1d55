/* SPDX-License-Identifier: ISC */
#include "mail/words.h"

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/base64.h"

/* RFC 2047 allows 75 octets for a word; mail is not always so modest. */
enum { WORD_MOST = 1000, CHARSET_MOST = 40 };

struct word {
	char charset[CHARSET_MOST + 1];
	char encoding;          /* 'q' or 'b' */
	const char *text;
	size_t text_n;
	size_t n;               /* from =? to ?= */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What iconv_open is asked for comes from outside. */
static bool
is_charset(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_.:+")] == '\0';
}

/* What stands before the next question mark: NULL if it is not of min to max
 * printable octets. */
static const char *
part(const char **at, const char *end, size_t min, size_t max, size_t *n)
{
	const char *start = *at, *p = start;

	while (p < end && *p != '?' && *p > ' ' && *p < 127)
		p++;
	*n = (size_t)(p - start);
	if (p == end || *p != '?' || *n < min || *n > max)
		return NULL;
	*at = p + 1;
	return start;
}

static bool
parse(struct word *w, const char *p, const char *end)
{
	const char *at = p + 2, *charset, *encoding, *star;
	size_t n, one;

	if (end - p < 8 || p[0] != '=' || p[1] != '?')
		return false;
	charset = part(&at, end, 1, CHARSET_MOST, &n);
	encoding = charset ? part(&at, end, 1, 1, &one) : NULL;
	w->text = encoding ? part(&at, end, 0, WORD_MOST, &w->text_n) : NULL;
	if (!w->text || at == end || *at != '=')
		return false;
	/* a language may follow the charset (RFC 2231 section 5) */
	star = memchr(charset, '*', n);
	if (star)
		n = (size_t)(star - charset);
	memcpy(w->charset, charset, n);
	w->charset[n] = '\0';
	w->encoding = (char)(*encoding | 0x20);
	w->n = (size_t)(at + 1 - p);
	return (w->encoding == 'q' || w->encoding == 'b') &&
	    is_charset(w->charset);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The Q encoding (RFC 2047 section 4.2). */
static bool
q_decode(struct buf *out, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '_') {
			buf_putc(out, ' ');
		} else if (p[i] != '=') {
			buf_putc(out, p[i]);
		} else {
			if (n - i < 3 || hex(p[i + 1]) < 0 || hex(p[i + 2]) < 0)
				return false;
			buf_putc(out, (char)(hex(p[i + 1]) << 4 |
			    hex(p[i + 2])));
			i += 2;
		}
	}
	return true;
}

/* What is open stays loaded, and is never closed. */
void
words_prepare(void)
{
	static const char *const charsets[] = {
		"ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4",
		"ISO-8859-5", "ISO-8859-6", "ISO-8859-7", "ISO-8859-8",
		"ISO-8859-9", "ISO-8859-10", "ISO-8859-13", "ISO-8859-14",
		"ISO-8859-15", "ISO-8859-16", "WINDOWS-1250", "WINDOWS-1251",
		"WINDOWS-1252", "WINDOWS-1253", "WINDOWS-1254",
		"WINDOWS-1255", "WINDOWS-1256", "WINDOWS-1257",
		"WINDOWS-1258", "KOI8-R", "KOI8-U", "TIS-620", "UTF-16",
		"UTF-7", "ISO-2022-JP", "EUC-JP", "SHIFT_JIS", "CP932",
		"EUC-KR", "CP949", "GB2312", "GBK", "GB18030", "BIG5",
		"BIG5-HKSCS", "MACINTOSH", "IBM437", "IBM850"
	};

	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
		(void)iconv_open("UTF-8", charsets[i]);
}

static bool
to_utf8(struct buf *out, const char *charset, struct buf *in)
{
	iconv_t how = iconv_open("UTF-8", charset);
	char *from = in->s, *to;
	size_t left = in->n, room = 4 * in->n + 16, start = out->n, before;
	bool ok;

	/* iconv_open fails by returning -1, cast */
	if ((intptr_t)how == -1)
		return false;
	to = buf_reserve(out, room);
	before = room;
	ok = left == 0 || iconv(how, &from, &left, &to, &room) != (size_t)-1;
	iconv_close(how);
	out->n = ok ? start + before - room : start;
	out->s[out->n] = '\0';
	return ok;
}

static bool
decode(struct buf *out, const struct word *w)
{
	struct buf octets = { 0 };
	bool ok;

	if (w->encoding == 'q')
		ok = q_decode(&octets, w->text, w->text_n);
	else
		ok = base64_decode(&octets, w->text, w->text_n);
	ok = ok && to_utf8(out, w->charset, &octets);
	buf_free(&octets);
	return ok;
}

/* Blanks between words, without the line ends of a fold. */
static void
unfold(struct buf *out, const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p != '\r' && *p != '\n')
			buf_putc(out, *p);
}

/* What is no encoded word, up to where one could begin: behind blanks, or
 * in a comment. Returns where that is. */
static const char *
plain(struct buf *out, const char *p, const char *end)
{
	do
		buf_putc(out, *p++);
	while (p < end && !is_blank(*p) && p[-1] != '(');
	return p;
}

void
words_decode(struct buf *out, const char *value, size_t n)
{
	const char *p = value, *end = value + n, *gap;
	bool decoded = false;   /* what stands before the gap */
	struct word w;

	while (end > p && is_blank(end[-1]))
		end--;
	while (p < end && is_blank(*p))
		p++;
	while (p < end) {
		for (gap = p; is_blank(*p); p++)
			continue;
		if (!parse(&w, p, end)) {
			unfold(out, gap, p);
			p = plain(out, p, end);
			decoded = false;
			continue;
		}
		/* between two words blanks mean nothing */
		if (!decoded)
			unfold(out, gap, p);
		decoded = decode(out, &w);
		if (!decoded)
			buf_add(out, p, w.n);
		p += w.n;
	}
}
