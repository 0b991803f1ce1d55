/* SPDX-License-Identifier: ISC */
#include "mail/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { TEXT_MOST = 500 };

void
reply_clear(struct reply *r)
{
	r->code = 0;
	r->octets = 0;
	list_clear(&r->lines);
}

void
reply_free(struct reply *r)
{
	list_free(&r->lines);
	*r = (struct reply){ 0 };
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The code at the start of a line, or 0. */
static int
code_of(const char *line, size_t n)
{
	if (n < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return 0;
	if (n > 3 && line[3] != ' ' && line[3] != '-' && line[3] != '\t')
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
}

enum reply_state
reply_line(struct reply *r, const char *line, size_t n)
{
	struct buf text = { 0 };
	int code = code_of(line, n);

	if (code == 0 || (r->code && r->code != code))
		return REPLY_BAD;
	r->octets += n;
	if (r->octets > REPLY_OCTETS || r->lines.n == REPLY_LINES)
		return REPLY_BAD;
	r->code = code;
	if (n > 4)
		text_printable(&text, line + 4, n - 4);
	list_add(&r->lines, buf_text(&text));
	buf_free(&text);
	return n > 3 && line[3] == '-' ? REPLY_MORE : REPLY_DONE;
}

void
reply_text(const struct reply *r, struct buf *out)
{
	size_t start = out->n;

	buf_printf(out, "%d", r->code);
	for (size_t i = 0; i < r->lines.n; i++)
		buf_printf(out, " %s", list_get(&r->lines, i));
	if (out->n - start > TEXT_MOST) {
		buf_cut(out, start + TEXT_MOST);
		/* not in the middle of a character */
		for (int i = 0; i < 3 &&
		    !text_utf8(out->s + start, out->n - start); i++)
			buf_cut(out, out->n - 1);
	}
}

/* Behind one to three digits, or NULL. */
static const char *
skip_digits(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n >= 1 && n <= 3 ? s + n : NULL;
}

void
reply_enhanced(const struct reply *r, char out[12])
{
	const char *s = r->lines.n ? list_get(&r->lines, 0) : "";
	const char *end;

	if (s[0] - '0' == r->code / 100 && s[1] == '.' &&
	    (end = skip_digits(s + 2)) && *end == '.' &&
	    (end = skip_digits(end + 1)) && (*end == ' ' || !*end))
		snprintf(out, 12, "%.*s", (int)(end - s), s);
	else
		snprintf(out, 12, "%u.0.0", (unsigned)r->code / 100 % 10);
}

void
reply_make(struct reply *r, int code, const char *text)
{
	reply_clear(r);
	r->code = code;
	list_add(&r->lines, text);
}

void
reply_copy(struct reply *to, const struct reply *from)
{
	reply_clear(to);
	to->code = from->code;
	to->octets = from->octets;
	for (size_t i = 0; i < from->lines.n; i++)
		list_add(&to->lines, list_get(&from->lines, i));
}

void
reply_read(struct reply *r, const char *text)
{
	reply_clear(r);
	if (reply_line(r, text, strlen(text)) == REPLY_BAD)
		reply_make(r, 550, text);
}
