/* SPDX-License-Identifier: ISC */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/*
 * What can be said of a piece of text without knowing what it is for.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"

/* A decimal number from min to max: digits only, no sign, no blanks, no
 * leading zero but for "0" itself. False leaves *out alone. */
bool text_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* The other way: n at `to`, where there is room for 20 digits. Returns their
 * end; there is no NUL. */
char *text_decimal(char *to, uint64_t n);

/* A length of time: "90", "90s", "15m", "36h", "5d", in seconds, at most
 * ten years. */
bool text_duration(const char *s, uint64_t *seconds);

/* Is this a single clean line: no control character, no DEL? Octets from
 * 0x80 are let pass. */
bool text_clean(const char *s, size_t n);

/* Well-formed UTF-8 (RFC 3629), without C1 control characters? */
bool text_utf8(const char *s, size_t n);
bool text_ascii(const char *s, size_t n);

/* Append s in a form that may stand in a log line or in a reply: a control
 * character, a character that only turns the direction of the text or parts
 * its lines (U+202E, U+2028, ...), and whatever is not UTF-8 become
 * \t \n \r \xNN. What is printable stays as it is, so nothing changes when
 * it is done twice. This is
 * the one way for foreign text into logs and replies. */
void text_printable(struct buf *out, const char *s, size_t n);

/* Append s as the inside of a JSON string. */
void text_json(struct buf *out, const char *s);

/* Cut blanks and tabs (and CR, LF) off both ends, in place. */
char *text_trim(char *s);

/* Cut the next word off *rest: words are parted by runs of blanks and tabs.
 * NULL when there is none left. */
char *text_word(char **rest);

/* Does s begin with prefix, whatever the case? */
bool text_starts(const char *s, const char *prefix);

/* How many single-letter edits turn a into b (Levenshtein), for "did you
 * mean"; words over 63 letters are infinitely far from each other. */
unsigned text_distance(const char *a, const char *b);

#endif
