/* SPDX-License-Identifier: ISC */
#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * A growable string of bytes.
 *
 * A zeroed struct buf is an empty one. While n > 0, s[0..n-1] are the bytes
 * and s[n] is NUL. Adding cannot fail: a process without memory leaves with
 * EX_TEMPFAIL, which for a one-connection program is the only honest move.
 * Whoever reads from outside therefore has to have a limit of its own.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *s;
	size_t n;
	size_t cap;
};

/* The text, never NULL; valid until the next change of b. */
const char *buf_text(const struct buf *b);

/* Make room for `extra` more bytes and a NUL; returns where they go. */
char *buf_reserve(struct buf *b, size_t extra);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_set(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Drop all but the first n bytes; drop the first n bytes. */
void buf_cut(struct buf *b, size_t n);
void buf_shift(struct buf *b, size_t n);

/* Empty it and keep the memory; empty it and give the memory back. */
void buf_clear(struct buf *b);
void buf_free(struct buf *b);

/* For secrets: overwrite it, and give the memory back. A buf that grows
 * leaves copies behind, so reserve the room for a secret first. */
void buf_wipe(struct buf *b);

/* malloc and strdup that do not return without memory. */
void *need_memory(size_t n);
char *need_copy(const char *s);

#endif
