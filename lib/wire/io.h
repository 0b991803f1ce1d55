/* SPDX-License-Identifier: ISC */
#ifndef WIRE_IO_H
#define WIRE_IO_H

/*
 * A conversation: bytes in, bytes out, on one socket or two pipes.
 *
 * Output is collected and goes out when we are about to wait for input, so
 * a handler cannot forget to flush and a pipelined batch is answered in one
 * write; what is large goes at once, behind what was collected. The first
 * failure sticks: after it everything reads as empty and writes go nowhere, so
 * callers look at `state` once a turn. Every wait has a deadline; descriptors
 * are never made non-blocking, since they are shared with whoever gave them to
 * us.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum io_state {
	IO_OPEN,
	IO_EOF,                 /* the other side has finished */
	IO_TIMEOUT,
	IO_ERROR                /* errno of it in `error` */
};

enum io_line {
	IO_LINE,                /* a line */
	IO_LONG,                /* one that was too long; it has been skipped */
	IO_NONE                 /* none comes any more: see state */
};

enum { IO_BUFFER = 131072 };

struct io {
	int in, out;
	enum io_state state;
	int error;
	unsigned seconds;       /* the limit of each wait */
	int64_t until;          /* if not 0: date_ticks() when all must be over */
	size_t most;            /* if not 0: octets to read at once */
	bool lf;                /* LF alone ends a line, too */
	bool strict;            /* a line that is too long ends it all */
	bool linger;            /* at the end hear the other side out */
	pid_t relay;            /* if not 0: a child of ours on the way to it */
	bool socket_in, socket_out;
	size_t start, end;      /* what is in `buffer` */
	char *buffer;
	struct buf pending;     /* output */
};

/* Both descriptors may be the same one. seconds: 1 to a million. */
void io_open(struct io *io, int in, int out, unsigned seconds);

/* From now on go by way of these, which become the io's descriptors; what was
 * buffered is forgotten. */
void io_replace(struct io *io, int in, int out);

/* Flush, and close the descriptors, and wait for the relay to end; with `linger` set, which it should be
 * when we hang up on somebody who is still talking, only after he has ended
 * or two seconds have gone. */
void io_close(struct io *io);

/* The next line, without its CR LF, with a NUL behind it; valid until the
 * next read. A line of more than `most` octets (below IO_BUFFER) is read to
 * its end and dropped, or with `strict` no further. The whole line has to
 * come within the time limit. */
enum io_line io_line(struct io *io, size_t most, char **line, size_t *n);

/* What has come and was not read yet, at least one octet: 0 at the end.
 * io_skip tells how much of it was used. */
size_t io_peek(struct io *io, const char **p);
void io_skip(struct io *io, size_t n);

/* Does anything come, or the end, within so many seconds? Not an error if
 * not; a signal ends the wait, too. */
bool io_peek_within(struct io *io, unsigned seconds);

/* Octets that are here already, without waiting. */
size_t io_buffered(const struct io *io);

/* Has the other side said or ended anything unasked? */
bool io_stale(struct io *io);

void io_write(struct io *io, const char *p, size_t n);
void io_print(struct io *io, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void io_flush(struct io *io);
/* As much of it as goes without waiting; true: nothing is left. */
bool io_push(struct io *io);

/* Does anybody hear us? Nobody where the output is /dev/null, as when it is
 * tried out whether we start. */
bool io_is_heard(const struct io *io);

/* "timed out", "connection closed", ...: why the state is not IO_OPEN. */
const char *io_why(const struct io *io);

#endif
