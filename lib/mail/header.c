/* SPDX-License-Identifier: ISC */
#include "mail/header.h"

#include <string.h>
#include <strings.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The octets of the line at p, with its line end. */
static size_t
line_length(const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);

	return lf ? (size_t)(lf - p) + 1 : n;
}

static size_t
without_line_end(const char *p, size_t n)
{
	if (n > 0 && p[n - 1] == '\n')
		n--;
	if (n > 0 && p[n - 1] == '\r')
		n--;
	return n;
}

/* The octets of the name in front of the colon, or 0. Blanks before the
 * colon are obsolete, but they are around. */
static size_t
name_length(const char *line, size_t n, size_t *colon)
{
	size_t i = 0;

	while (i < n && line[i] > ' ' && line[i] < 0x7f && line[i] != ':')
		i++;
	*colon = i;
	while (*colon < n && is_blank(line[*colon]))
		++*colon;
	return *colon < n && line[*colon] == ':' ? i : 0;
}

bool
header_next(struct header_walk *w, struct header_field *f)
{
	size_t n, colon;

	if (w->n == 0)
		return false;
	n = line_length(w->p, w->n);
	if (without_line_end(w->p, n) == 0)
		return false;
	*f = (struct header_field){ .start = w->p };
	f->name_n = name_length(w->p, n, &colon);
	while (n < w->n && is_blank(w->p[n]))
		n += line_length(w->p + n, w->n - n);
	f->n = n;
	if (f->name_n) {
		f->value = w->p + colon + 1;
		f->value_n = without_line_end(w->p, n) - colon - 1;
	}
	w->p += n;
	w->n -= n;
	return true;
}

bool
header_is(const struct header_field *f, const char *name)
{
	return f->name_n == strlen(name) &&
	    strncasecmp(f->start, name, f->name_n) == 0;
}

bool
header_has_line(const char *line, size_t n)
{
	size_t colon;

	n = without_line_end(line, n);
	return n > 0 &&
	    (is_blank(line[0]) || name_length(line, n, &colon) > 0);
}

unsigned
header_count(const char *text, size_t n, const char *name)
{
	struct header_walk w = { text, n };
	struct header_field f;
	unsigned count = 0;

	while (header_next(&w, &f))
		count += header_is(&f, name);
	return count;
}
