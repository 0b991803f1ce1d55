/* SPDX-License-Identifier: ISC */
#include "wire/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

void
io_open(struct io *io, int in, int out, unsigned seconds)
{
	const int on = 1;

	*io = (struct io){ .in = in, .out = out, .seconds = seconds,
		.buffer = need_memory(IO_BUFFER) };
	io->socket_in = is_socket(in);
	io->socket_out = out == in ? io->socket_in : is_socket(out);
	/* What is written is complete: the end of a long answer must not wait
	 * until the rest of it has been acknowledged, 40 ms later. */
	if (io->socket_out)
		setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* What is not one of the standard descriptors is no business of a program that
 * we start. */
static void
take_place(int fd, int of)
{
	dup3(fd, of, of > STDERR_FILENO ? O_CLOEXEC : 0);
}

void
io_replace(struct io *io, int in, int out)
{
	take_place(in, io->in);
	take_place(out, io->out);
	close(in);
	if (out != in)
		close(out);
	io->socket_in = is_socket(io->in);
	io->socket_out = is_socket(io->out);
	io->start = io->end = 0;
	buf_clear(&io->pending);
}

static void
fail(struct io *io, enum io_state state)
{
	if (io->state == IO_OPEN) {
		io->state = state;
		io->error = errno;
	}
	buf_clear(&io->pending);
}

/* When a wait that begins now has to be over. */
static int64_t
limit(const struct io *io)
{
	int64_t by = date_ticks() + (int64_t)io->seconds * 1000;

	return io->until && io->until < by ? io->until : by;
}

/* Wait for it; false after the time or with an error. */
static bool
await(struct io *io, int fd, short what, int64_t by)
{
	struct pollfd p = { .fd = fd, .events = what };
	int64_t left;
	int n;

	for (;;) {
		left = by - date_ticks();
		n = left <= 0 ? 0 :
		    poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n > 0)
			return true;
		if (n == 0) {
			fail(io, IO_TIMEOUT);
			return false;
		}
		if (errno != EINTR) {
			fail(io, IO_ERROR);
			return false;
		}
	}
}

/* A write that does not block, whatever the descriptor is: a pipe that poll
 * calls writable takes PIPE_BUF octets. */
static ssize_t
put(const struct io *io, const char *p, size_t n)
{
	if (io->socket_out)
		return send(io->out, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(io->out, p, n < PIPE_BUF ? n : PIPE_BUF);
}

static bool
is_writable(const struct io *io)
{
	struct pollfd p = { .fd = io->out, .events = POLLOUT };

	return io->socket_out || poll(&p, 1, 0) > 0;
}

/* Write what can be written without waiting: how many octets that was. */
static size_t
push(struct io *io, const char *p, size_t n)
{
	size_t done = 0;
	ssize_t k;

	while (io->state == IO_OPEN && done < n && is_writable(io)) {
		k = put(io, p + done, n - done);
		if (k > 0)
			done += (size_t)k;
		else if (k < 0 && errno == EAGAIN)
			break;
		else if (k < 0 && errno != EINTR)
			fail(io, IO_ERROR);
	}
	return done;
}

bool
io_push(struct io *io)
{
	size_t done = push(io, io->pending.s, io->pending.n);

	if (io->state != IO_OPEN)
		buf_clear(&io->pending);
	else
		buf_shift(&io->pending, done);
	return io->pending.n == 0;
}

void
io_flush(struct io *io)
{
	int64_t by = 0;

	while (!io_push(io)) {
		if (!by)
			by = limit(io);
		if (!await(io, io->out, POLLOUT, by))
			return;
	}
}

/* Read into the buffer. Only behind poll for what is no socket: that would
 * block. */
static ssize_t
get(const struct io *io)
{
	char *p = io->buffer + io->end;
	size_t n = IO_BUFFER - io->end;

	if (io->most && io->most < n)
		n = io->most;
	return io->socket_in ? recv(io->in, p, n, MSG_DONTWAIT) :
	    read(io->in, p, n);
}

/* Read more into the buffer, which has room. False: nothing came. */
static bool
fill(struct io *io, int64_t by)
{
	bool answered = io->pending.n > 0;
	ssize_t k = -1;

	io_flush(io);
	if (io->start == io->end)
		io->start = io->end = 0;
	if (io->end == IO_BUFFER) {
		memmove(io->buffer, io->buffer + io->start,
		    io->end - io->start);
		io->end -= io->start;
		io->start = 0;
	}
	/* Whoever was just answered has to think first: wait, then read.
	 * In the middle of a stream there is probably more at once. */
	errno = EAGAIN;
	while (io->state == IO_OPEN) {
		if (io->socket_in && !answered)
			k = get(io);
		if (k < 0 && errno == EAGAIN) {
			if (!await(io, io->in, POLLIN, by))
				break;
			k = get(io);
		}
		if (k > 0) {
			io->end += (size_t)k;
			return true;
		}
		if (k == 0)
			fail(io, IO_EOF);
		else if (errno == EINTR)
			errno = EAGAIN;
		else if (errno != EAGAIN)
			fail(io, IO_ERROR);
	}
	return false;
}

/* Behind the end of the line that starts at io->start, looking from `from`
 * on; NULL if it is not here yet. */
static char *
find_end(const struct io *io, size_t from)
{
	char *p = io->buffer + from, *lf;

	while (p < io->buffer + io->end) {
		lf = memchr(p, '\n', (size_t)(io->buffer + io->end - p));
		if (!lf)
			return NULL;
		if (io->lf || (lf > io->buffer + io->start && lf[-1] == '\r'))
			return lf + 1;
		p = lf + 1;
	}
	return NULL;
}

enum io_line
io_line(struct io *io, size_t most, char **line, size_t *n)
{
	int64_t by = 0;
	size_t seen = 0;        /* octets of the line that were looked at */
	bool too_long = false;
	char *end;

	while ((end = find_end(io, io->start + seen)) == NULL) {
		seen = io->end - io->start;
		if (seen > most + 2) {
			if (io->strict) {
				errno = EMSGSIZE;
				fail(io, IO_ERROR);
				return IO_LONG;
			}
			/* the last octet may be the CR of its end */
			too_long = true;
			io->start = io->end - 1;
			seen = 1;
		}
		if (!by)
			by = limit(io);
		if (!fill(io, by))
			return IO_NONE;
	}
	*line = io->buffer + io->start;
	*n = (size_t)(end - *line) - 1;
	if (*n > 0 && end[-2] == '\r')
		--*n;
	(*line)[*n] = '\0';
	io->start = (size_t)(end - io->buffer);
	return too_long || *n > most ? IO_LONG : IO_LINE;
}

size_t
io_peek(struct io *io, const char **p)
{
	if (io->start == io->end && !fill(io, limit(io)))
		return 0;
	*p = io->buffer + io->start;
	return io->end - io->start;
}

bool
io_peek_within(struct io *io, unsigned seconds)
{
	struct pollfd p = { .fd = io->in, .events = POLLIN };

	io_flush(io);
	return io->start < io->end || io->state != IO_OPEN ||
	    poll(&p, 1, (int)seconds * 1000) > 0;
}

void
io_skip(struct io *io, size_t n)
{
	io->start += n;
}

size_t
io_buffered(const struct io *io)
{
	return io->end - io->start;
}

bool
io_stale(struct io *io)
{
	struct pollfd p = { .fd = io->in, .events = POLLIN };

	return io->state != IO_OPEN || io_buffered(io) > 0 ||
	    poll(&p, 1, 0) != 0;
}

/* Without a copy of it, behind what is pending. */
static void
write_through(struct io *io, const char *p, size_t n)
{
	int64_t by = 0;
	size_t k;

	io_flush(io);
	while (n > 0 && io->state == IO_OPEN) {
		k = push(io, p, n);
		p += k;
		n -= k;
		if (!by)
			by = limit(io);
		if (n > 0 && io->state == IO_OPEN)
			await(io, io->out, POLLOUT, by);
	}
}

void
io_write(struct io *io, const char *p, size_t n)
{
	if (io->state != IO_OPEN)
		return;
	if (n >= IO_BUFFER / 2) {
		write_through(io, p, n);
		return;
	}
	buf_add(&io->pending, p, n);
	if (io->pending.n >= IO_BUFFER)
		io_flush(io);
}

void
io_print(struct io *io, const char *fmt, ...)
{
	va_list ap;

	if (io->state != IO_OPEN)
		return;
	va_start(ap, fmt);
	buf_vprintf(&io->pending, fmt, ap);
	va_end(ap);
}

/* Closing a socket with input unread resets the connection, and our last
 * words may be lost with it: let the other side finish, for a while. */
static void
linger(struct io *io)
{
	enum { SECONDS = 2, MOST = 16 << 20 };
	int64_t by = date_ticks() + SECONDS * 1000;
	size_t taken = 0;

	if (!io->socket_out || io->state != IO_OPEN)
		return;
	shutdown(io->out, SHUT_WR);
	io->start = io->end = 0;
	while (taken < MOST && fill(io, by)) {
		taken += io->end;
		io->start = io->end = 0;
	}
}

void
io_close(struct io *io)
{
	io_flush(io);
	if (io->linger)
		linger(io);
	close(io->in);
	if (io->out != io->in)
		close(io->out);
	/* Whoever started us may end all that we have started with us. */
	while (io->relay > 0 && waitpid(io->relay, NULL, 0) < 0 &&
	    errno == EINTR)
		continue;
	free(io->buffer);
	buf_free(&io->pending);
	*io = (struct io){ .in = -1, .out = -1, .state = IO_EOF };
}

bool
io_is_heard(const struct io *io)
{
	struct stat st;

	return io->socket_out || fstat(io->out, &st) < 0 ||
	    !S_ISCHR(st.st_mode) || isatty(io->out);
}

const char *
io_why(const struct io *io)
{
	switch (io->state) {
	case IO_OPEN:
		return "open";
	case IO_EOF:
		return "connection closed";
	case IO_TIMEOUT:
		return "timed out";
	case IO_ERROR:
		break;
	}
	return strerror(io->error);
}
