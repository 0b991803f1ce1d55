/* SPDX-License-Identifier: ISC */
#include "wire/hail.h"

#include <errno.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"

static bool
put_question(struct buf *line, const struct list *fields)
{
	const char *field;

	for (size_t i = 0; i < fields->n; i++) {
		field = list_get(fields, i);
		if (!text_clean(field, strlen(field)) ||
		    (fields->n > 1 && strchr(field, '|')))
			return false;
		if (i > 0)
			buf_putc(line, '|');
		buf_puts(line, field);
	}
	buf_putc(line, '\n');
	return true;
}

void
hail_close(struct hail *h)
{
	if (h->open)
		io_close(&h->io);
	h->open = false;
}

static bool
call(struct hail *h, unsigned seconds, struct buf *why)
{
	char ip[64];
	int fd = net_connect(&h->target, seconds, ip, why);

	if (fd < 0)
		return false;
	io_open(&h->io, fd, fd, seconds);
	h->io.lf = h->io.strict = true;
	h->open = true;
	return true;
}

/* Say the line and hear the answer. */
static enum hail_result
converse(struct hail *h, const struct buf *line, int64_t by,
    const char **answer, struct buf *why)
{
	enum io_line got;
	char *text;
	size_t n;

	h->io.until = by;
	io_write(&h->io, line->s, line->n);
	got = io_line(&h->io, HAIL_ANSWER, &text, &n);
	if (got == IO_LINE && !memchr(text, '\0', n)) {
		*answer = text;
		return HAIL_ANSWERED;
	}
	buf_clear(why);
	if (got == IO_NONE)
		buf_printf(why, "no answer from %s:%s: %s", h->target.host,
		    h->target.port, io_why(&h->io));
	else
		buf_printf(why, "no sane answer from %s:%s", h->target.host,
		    h->target.port);
	return h->io.state == IO_TIMEOUT ? HAIL_TIMEOUT : HAIL_FAILED;
}

/* Has a connection that was kept turned out to be none any more? */
static bool
was_gone(const struct io *io)
{
	return io->state == IO_EOF || (io->state == IO_ERROR &&
	    (io->error == ECONNRESET || io->error == EPIPE));
}

/* One at least, though that may be more than is left. */
static unsigned
seconds_until(int64_t by)
{
	int64_t left = by - date_ticks();

	return left > 1000 ? (unsigned)(left / 1000) : 1;
}

static enum hail_result
ask(struct hail *h, const struct buf *line, unsigned seconds,
    const char **answer, struct buf *why)
{
	int64_t by = date_ticks() + (int64_t)seconds * 1000;
	enum hail_result result;
	bool kept, again;

	/* What comes unasked would be taken for the answer to the next
	 * question: such a connection is not used again. */
	if (h->open && io_stale(&h->io))
		hail_close(h);
	do {
		kept = h->open;
		if (!kept && !call(h, seconds_until(by), why))
			return date_ticks() >= by ? HAIL_TIMEOUT : HAIL_FAILED;
		result = converse(h, line, by, answer, why);
		again = kept && was_gone(&h->io);
		if (result != HAIL_ANSWERED)
			hail_close(h);
	} while (again);
	return result;
}

enum hail_result
hail_ask(struct hail *h, const struct list *fields, unsigned seconds,
    const char **answer, struct buf *why)
{
	enum hail_result result = HAIL_FAILED;
	struct buf line = { 0 };

	buf_clear(why);
	if (put_question(&line, fields))
		result = ask(h, &line, seconds, answer, why);
	else
		buf_puts(why, "not asked: '|' or a control character "
		    "in the question");
	buf_free(&line);
	return result;
}
