/* SPDX-License-Identifier: ISC */
#ifndef WIRE_LINES_H
#define WIRE_LINES_H

/*
 * Lines out of octets as they come, for those who have more to wait for than
 * the next line. CR LF and LF end one.
 */
#include <stdbool.h>
#include <stddef.h>

enum { LINES_MOST = 1000 };     /* octets of a line that are kept */

/* A zeroed one is where a line starts. */
struct lines {
	char text[LINES_MOST + 1];      /* of the line, with a NUL behind it */
	size_t n;
	bool too_long;          /* there was more; it is lost */
	bool ended;             /* private */
};

/* Take octets up to the next line end. Returns how many; *line tells whether
 * it has come, and then text, n and too_long are about that line until the
 * next call. */
size_t lines_take(struct lines *l, const char *p, size_t n, bool *line);

#endif
