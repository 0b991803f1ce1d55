/* SPDX-License-Identifier: ISC */
#include "mail/excerpt.h"

#include <string.h>

/* A line has ended. */
static void
line_end(struct excerpt *e)
{
	bool blank = e->octets == 2;

	e->octets = 0;
	if (e->body)
		e->lines--;
	else if (blank)
		e->body = true;
	e->done = e->body && e->lines == 0;
}

size_t
excerpt_take(struct excerpt *e, const char *p, size_t n)
{
	const char *lf;
	size_t at = 0;

	while (at < n && !e->done) {
		lf = memchr(p + at, '\n', n - at);
		if (!lf) {
			e->octets += n - at;
			return n;
		}
		e->octets += (size_t)(lf + 1 - p) - at;
		at = (size_t)(lf + 1 - p);
		line_end(e);
	}
	return at;
}
