/* SPDX-License-Identifier: ISC */
#include "smtp.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 65536 };

static struct {
	char in[ROOM], out[ROOM];
	size_t start, end;      /* what is in `in` */
	size_t pending;         /* what is in `out` */
} the;

static void
pause_for(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000L };

	if (ms)
		nanosleep(&t, NULL);
}

static bool
flush(const struct smtp *s)
{
	bool ok = the.pending == 0 ||
	    write(s->out, the.out, the.pending) == (ssize_t)the.pending;

	the.pending = 0;
	return ok;
}

static void
reply(const struct smtp *s, const char *text)
{
	size_t n = strlen(text);

	pause_for(s->delay_ms);
	if (the.pending + n > ROOM)
		flush(s);
	memcpy(the.out + the.pending, text, n);
	the.pending += n;
}

static bool
fill(const struct smtp *s)
{
	ssize_t n;

	memmove(the.in, the.in + the.start, the.end - the.start);
	the.end -= the.start;
	the.start = 0;
	if (the.pending && s->turn)
		s->turn();
	if (the.pending)
		pause_for(s->away_ms);
	if (!flush(s) || the.end == ROOM)
		return false;
	n = read(s->in, the.in + the.end, ROOM - the.end);
	if (n > 0)
		the.end += (size_t)n;
	return n > 0;
}

/* The next line, or NULL. */
static const char *
next_line(const struct smtp *s)
{
	char *line, *lf;

	do {
		line = the.in + the.start;
		lf = memchr(line, '\n', the.end - the.start);
		if (lf) {
			the.start = (size_t)(lf + 1 - the.in);
			*lf = '\0';
			return line;
		}
	} while (fill(s));
	return NULL;
}

/* Look for the end mark, of which `at` octets have been seen. Returns how
 * many of the n octets belong to the text. */
static size_t
find_end(const char *p, size_t n, size_t *at)
{
	static const char mark[] = "\r\n.\r\n";
	const char *cr;
	size_t i = 0;

	while (i < n && *at < sizeof mark - 1) {
		if (*at == 0) {
			cr = memchr(p + i, '\r', n - i);
			if (!cr)
				return n;
			i = (size_t)(cr - p);
		}
		*at = p[i] == mark[*at] ? *at + 1 : p[i] == '\r';
		i++;
	}
	return i;
}

static bool
take_text(const struct smtp *s)
{
	size_t at = 2;          /* the line end of DATA counts */
	size_t n;

	s->begin();
	while (at < 5) {
		if (the.start == the.end && !fill(s))
			return false;
		n = find_end(the.in + the.start, the.end - the.start, &at);
		s->text(the.in + the.start, n);
		the.start += n;
	}
	s->end();
	return true;
}

static bool
is(const char *line, const char *verb)
{
	return strncasecmp(line, verb, 4) == 0;
}

/* BDAT SIZE [LAST]; `open` is whether it goes on with a message. */
static bool
take_chunk(const struct smtp *s, const char *line, bool *open)
{
	bool last = strcasestr(line, " LAST") != NULL;
	size_t left = strtoul(line + 4, NULL, 10), n;

	if (!*open)
		s->begin();
	*open = !last;
	while (left > 0) {
		if (the.start == the.end && !fill(s))
			return false;
		n = the.end - the.start < left ? the.end - the.start : left;
		s->text(the.in + the.start, n);
		the.start += n;
		left -= n;
	}
	if (last)
		s->end();
	return true;
}

/* False: it has broken off. */
static bool
take_message(const struct smtp *s, const char *line, bool *open)
{
	if (is(line, "BDAT"))
		return take_chunk(s, line, open);
	if (!is(line, "DATA"))
		return true;
	reply(s, "354 go ahead\r\n");
	return take_text(s);
}

void
smtp_serve(const struct smtp *s)
{
	bool open = false;
	const char *line;

	reply(s, "220 bench ESMTP\r\n");
	while ((line = next_line(s)) != NULL && !is(line, "QUIT")) {
		if (is(line, "EHLO"))
			reply(s, s->chunking ?
			    "250-bench\r\n250-CHUNKING\r\n250 PIPELINING\r\n" :
			    "250-bench\r\n250 PIPELINING\r\n");
		else if (take_message(s, line, &open))
			reply(s, "250 OK\r\n");
		else
			return;
	}
	if (line)
		reply(s, "221 bye\r\n");
	flush(s);
}
