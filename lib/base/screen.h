/* SPDX-License-Identifier: ISC */
#ifndef BASE_SCREEN_H
#define BASE_SCREEN_H

/*
 * The whole of a terminal, painted over and over, and given back as it was:
 * when we end, are told to by a signal, or are suspended. A process has one.
 *
 * Colours are left out if NO_COLOR is in the environment and not empty.
 */
#include <poll.h>
#include <stdbool.h>

#include "base/buf.h"

enum screen_style {
	SCREEN_PLAIN, SCREEN_BOLD, SCREEN_GOOD, SCREEN_WARN, SCREEN_BAD
};

struct screen {
	bool on;
	int keys;               /* to be waited for, or -1: stdin is not it */
	bool colours;
	unsigned rows;
	unsigned row;           /* where we are, from 0 */
	struct buf text;
};

/* Take the terminal that stdout is. False: it is none, or can do nothing. */
bool screen_open(struct screen *s);
/* Give it back. Does nothing the second time. */
void screen_close(void);

/* poll(2), for so many milliseconds or with -1 for ever: a signal that came
 * before ends it as well. Without a screen, too. */
int screen_poll(struct pollfd *p, nfds_t n, int ms);
/* Was there a signal that ends us? Has the size changed, or the terminal been
 * taken away and given back, since the last call? */
bool screen_interrupted(void);
bool screen_resized(void);
/* Read the keys that were pressed: is q one of them, or has the terminal
 * gone? */
bool screen_wants_out(struct screen *s);

/* Paint: text, and to the next line. What does not fit is cut off. What is
 * printed has to be harmless (text_printable). */
void screen_start(struct screen *s);
void screen_style(struct screen *s, enum screen_style style);
void screen_print(struct screen *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void screen_line(struct screen *s);
unsigned screen_left(const struct screen *s);   /* lines */
void screen_bottom(struct screen *s, const char *text);
/* Show it. */
void screen_end(struct screen *s);

#endif
