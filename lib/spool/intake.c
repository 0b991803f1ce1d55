/* SPDX-License-Identifier: ISC */
#include "spool/intake.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/text.h"
#include "mail/header.h"

enum { CHUNK = 65536 };

void
intake_start(struct intake *t, int fd, bool dot_ends)
{
	sigset_t set;

	*t = (struct intake){ .fd = fd, .status = EX_OK };
	input_start(&t->in, dot_ends);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* who cannot be told of them is ended by them */
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->signals >= 0)
		sigprocmask(SIG_BLOCK, &set, NULL);
}

void
intake_free(struct intake *t)
{
	input_free(&t->in);
	buf_free(&t->header);
	buf_free(&t->body);
	if (t->signals >= 0)
		close(t->signals);
	t->signals = -1;
}

static bool
failed(struct intake *t, int status, const char *why)
{
	t->status = status;
	t->why = why;
	return false;
}

static bool
read_more(struct intake *t)
{
	struct pollfd p[2] = { { .fd = t->fd, .events = POLLIN },
		{ .fd = t->signals, .events = POLLIN } };
	char chunk[CHUNK];
	ssize_t n;

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		continue;
	if (p[1].revents)
		return failed(t, EX_TEMPFAIL, "interrupted");
	n = read(t->fd, chunk, sizeof chunk);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0)
		return failed(t, errno == EISDIR ? EX_NOINPUT : EX_IOERR,
		    "cannot read the message from standard input");
	input_add(&t->in, chunk, (size_t)n);
	t->eof = n == 0;
	if (t->eof)
		input_finish(&t->in);
	return true;
}

static bool
next_piece(struct intake *t, const char **p, size_t *n)
{
	while (!input_piece(&t->in, p, n))
		if (t->status != EX_OK || t->eof || t->in.ended ||
		    !read_more(t))
			return false;
	return true;
}

bool
intake_header(struct intake *t, bool loose)
{
	bool first = true, in_line = false;
	const char *p;
	size_t n;

	for (; next_piece(t, &p, &n); first = false) {
		if (first && loose && n >= 5 && memcmp(p, "From ", 5) == 0)
			continue;
		if (!in_line && n == 2)
			break;
		if (!in_line && loose && !header_has_line(p, n)) {
			buf_add(&t->body, p, n);
			break;
		}
		if (t->header.n + n > INTAKE_HEADER)
			return failed(t, EX_DATAERR, "the header is too long");
		buf_add(&t->header, p, n);
		in_line = t->in.in_line;
	}
	return t->status == EX_OK;
}

static void
flush(struct intake *t, struct draft *d)
{
	t->eight_bit |= !text_ascii(buf_text(&t->body), t->body.n);
	draft_write(d, t->body.s, t->body.n);
	buf_clear(&t->body);
}

bool
intake_body(struct intake *t, struct draft *d)
{
	const char *p;
	size_t n;

	while (!d->error && next_piece(t, &p, &n)) {
		buf_add(&t->body, p, n);
		if (t->body.n >= CHUNK)
			flush(t, d);
	}
	if (t->status == EX_OK)
		flush(t, d);
	return t->status == EX_OK;
}
