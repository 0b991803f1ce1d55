/* SPDX-License-Identifier: ISC */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

/*
 * The header of a message: fields, folded over lines that begin with a blank
 * (RFC 5322 section 2.2). Lines may end in CR LF or in LF. Nothing is
 * copied; a field points into the text it was found in.
 */
#include <stdbool.h>
#include <stddef.h>

struct header_field {
	const char *start;      /* all of it, with its line ends */
	size_t n;
	size_t name_n;          /* 0: this is no field, whatever it is */
	const char *value;      /* behind the colon, folds and all, */
	size_t value_n;         /* without the last line end */
};

/* Where in the text we are; set p and n to the text to begin with. */
struct header_walk {
	const char *p;
	size_t n;
};

/* The next field, or line that is none. False at the blank line that ends
 * the header, where p then points, or at the end of the text. */
bool header_next(struct header_walk *w, struct header_field *f);

bool header_is(const struct header_field *f, const char *name);

/* Does this line begin a field or go on with one? */
bool header_has_line(const char *line, size_t n);

/* How many fields of this name are there? Received ones count the hops. */
unsigned header_count(const char *text, size_t n, const char *name);

#endif
