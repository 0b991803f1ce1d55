/* SPDX-License-Identifier: ISC */
#include "wire/lines.h"

#include <string.h>

/* Octets may be NUL: n tells where the line ends. */
static void
keep(struct lines *l, const char *p, size_t n)
{
	size_t room = LINES_MOST - l->n;

	if (n > room) {
		l->too_long = true;
		n = room;
	}
	memcpy(l->text + l->n, p, n);
	l->n += n;
}

size_t
lines_take(struct lines *l, const char *p, size_t n, bool *line)
{
	const char *lf = memchr(p, '\n', n);
	size_t length = lf ? (size_t)(lf - p) : n;

	if (l->ended)
		*l = (struct lines){ .n = 0 };
	keep(l, p, length);
	*line = l->ended = lf != NULL;
	if (lf && !l->too_long && l->n > 0 && l->text[l->n - 1] == '\r')
		l->n--;
	l->text[l->n] = '\0';
	return lf ? length + 1 : length;
}
