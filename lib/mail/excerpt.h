/* SPDX-License-Identifier: ISC */
#ifndef MAIL_EXCERPT_H
#define MAIL_EXCERPT_H

/*
 * The header of a message, the blank line, and so many lines of its body:
 * what POP3's TOP asks for. All lines end in CR LF, as dot_encode makes them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct excerpt {
	uint64_t lines;         /* of the body; set it to begin with */
	bool body;              /* we are in it */
	bool done;              /* that was all */
	size_t octets;          /* in the line at hand */
};

/* Of the next n octets of the message, how many are part of it? All, unless
 * it is done. */
size_t excerpt_take(struct excerpt *e, const char *p, size_t n);

#endif
