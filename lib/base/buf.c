/* SPDX-License-Identifier: ISC */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"

static void *
checked(void *p)
{
	if (!p)
		die(EX_TEMPFAIL, "out of memory");
	return p;
}

void *
need_memory(size_t n)
{
	return checked(malloc(n ? n : 1));
}

char *
need_copy(const char *s)
{
	return checked(strdup(s));
}

const char *
buf_text(const struct buf *b)
{
	return b->n ? b->s : "";
}

char *
buf_reserve(struct buf *b, size_t extra)
{
	size_t want, cap;

	if (__builtin_add_overflow(b->n, extra, &want) ||
	    __builtin_add_overflow(want, (size_t)1, &want))
		die(EX_TEMPFAIL, "out of memory");
	if (want > b->cap) {
		cap = b->cap + b->cap / 2;
		if (cap < want)
			cap = want < 64 ? 64 : want;
		b->s = checked(realloc(b->s, cap));
		b->cap = cap;
	}
	return b->s + b->n;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->n += n;
	b->s[b->n] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_set(struct buf *b, const char *s)
{
	buf_clear(b);
	buf_puts(b, s);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	enum { USUAL = 127 };   /* most need no more, and no second look */
	va_list again;
	size_t room;
	int n;

	va_copy(again, ap);
	buf_reserve(b, USUAL);
	room = b->cap - b->n;
	n = vsnprintf(b->s + b->n, room, fmt, ap);
	if (n > 0 && (size_t)n >= room) {
		buf_reserve(b, (size_t)n);
		vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	b->n += n > 0 ? (size_t)n : 0;
	b->s[b->n] = '\0';
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_cut(struct buf *b, size_t n)
{
	if (n < b->n) {
		b->n = n;
		b->s[n] = '\0';
	}
}

void
buf_shift(struct buf *b, size_t n)
{
	if (n >= b->n) {
		buf_clear(b);
		return;
	}
	memmove(b->s, b->s + n, b->n - n + 1);
	b->n -= n;
}

void
buf_clear(struct buf *b)
{
	buf_cut(b, 0);
}

void
buf_free(struct buf *b)
{
	free(b->s);
	*b = (struct buf){ 0 };
}

void
buf_wipe(struct buf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->cap);
	buf_free(b);
}
