/* SPDX-License-Identifier: ISC */
#ifndef FUZZ_H
#define FUZZ_H

/*
 * What the fuzz targets share. A target's invariants are claims: one that
 * does not hold ends the run like a crash.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
/* Before the first input; a target need not have it. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

#define CLAIM(it) do {                                                  \
	if (!(it)) {                                                    \
		fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,      \
		    __LINE__, #it);                                     \
		abort();                                                \
	}                                                               \
} while (0)

/* The input as a string; what is behind a NUL does not count. */
static inline char *
as_string(const uint8_t *data, size_t n)
{
	char *s = need_memory(n + 1);

	memcpy(s, data, n);
	s[n] = '\0';
	return s;
}

static inline bool
same(const struct buf *a, const struct buf *b)
{
	return a->n == b->n && memcmp(buf_text(a), buf_text(b), a->n) == 0;
}

#endif
