/* SPDX-License-Identifier: ISC */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

/*
 * A server's reply, RFC 5321 section 4.2: the one place that sees its raw
 * lines. What comes out has a code from 200 to 599 and text of printable
 * lines, or nothing comes out.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

enum { REPLY_LINES = 200, REPLY_OCTETS = 65536, REPLY_LINE = 4096 };

struct reply {
	int code;               /* 0: none yet */
	struct list lines;      /* each without its code, printable */
	size_t octets;
};

enum reply_state {
	REPLY_MORE,             /* another line has to come */
	REPLY_DONE,
	REPLY_BAD               /* this is not SMTP, or has no end */
};

void reply_clear(struct reply *r);
void reply_free(struct reply *r);

/* Take one line, without its line end. */
enum reply_state reply_line(struct reply *r, const char *line, size_t n);

/* `550 5.1.1 no such user`: for logs and reasons, lines joined by blanks,
 * at most 500 octets. Appends. */
void reply_text(const struct reply *r, struct buf *out);

/* The way back, from one that was kept. What has no code is a 550. */
void reply_read(struct reply *r, const char *text);

/* The enhanced code (RFC 2034) that the text begins with, or one that says
 * no more than the code does: "5.0.0". At most 11 octets. */
void reply_enhanced(const struct reply *r, char out[12]);

/* Have *to say the same. */
void reply_copy(struct reply *to, const struct reply *from);

/* Put one together: for outcomes that no server told us. */
void reply_make(struct reply *r, int code, const char *text);

#endif
