/* SPDX-License-Identifier: ISC */
#ifndef BENCH_PARTS_SMTP_H
#define BENCH_PARTS_SMTP_H

/*
 * The server side of SMTP with as little work as can be: everything is
 * agreed to. No part of the library, so that it can be linked with any libc.
 */
#include <stdbool.h>
#include <stddef.h>

struct smtp {
	int in, out;
	unsigned delay_ms;      /* before each reply */
	unsigned away_ms;       /* before each lot of replies: a round trip */
	bool chunking;          /* offered */
	void (*begin)(void);    /* DATA, or the first BDAT */
	/* The text as it comes; after DATA with its dots and the end mark. */
	void (*text)(const char *p, size_t n);
	void (*end)(void);      /* returns when it may be acknowledged */
	void (*turn)(void);     /* if not NULL: a lot of replies goes out */
};

/* Serve until QUIT or the end. */
void smtp_serve(const struct smtp *s);

#endif
