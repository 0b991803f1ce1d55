/* SPDX-License-Identifier: ISC */
#include "session.h"

#include <string.h>

#include "base/date.h"
#include "base/text.h"

enum { PATIENCE = 300 };        /* seconds, and then there is a least speed */

static bool
too_big(const struct session *s)
{
	return s->conf->size && s->octets > s->conf->size;
}

/* Far beyond the limit it is not worth the while to read to the end. */
static bool
hopeless(const struct session *s)
{
	return s->conf->size && s->octets / 2 > s->conf->size;
}

static void
take(struct session *s, const char *p, size_t n)
{
	s->octets += n;
	if (!too_big(s))
		draft_write(&s->draft, p, n);
}

/* What is plain goes to the disk from where it is; `odd` is a buffer for the
 * rest. How many octets were used. */
static size_t
decode(struct session *s, const char *p, size_t n, struct buf *odd)
{
	size_t plain = text_plain(&s->text, p, n), rest;

	take(s, p, plain);
	buf_clear(odd);
	rest = text_decode(&s->text, p + plain, n - plain, odd);
	take(s, buf_text(odd), odd->n);
	return plain + rest;
}

/* Read the text up to its end mark, or up to `count` octets of it if it has
 * none. False: the connection is gone, or has to go. */
static bool
pour(struct session *s, uint64_t count)
{
	struct buf odd = { 0 };
	int64_t began = date_ticks();
	uint64_t before = s->octets;
	const char *p;
	size_t n;

	while (!s->text.done && count > 0 && !hopeless(s)) {
		s->io.until = serve_deadline(began, PATIENCE, s->octets - before);
		n = io_peek(&s->io, &p);
		if (n == 0)
			break;
		n = decode(s, p, n < count ? n : (size_t)count, &odd);
		io_skip(&s->io, n);
		count -= n;
	}
	s->io.until = 0;
	buf_free(&odd);
	if (s->io.state == IO_OPEN && hopeless(s)) {
		reject(s, "DATA",
		    "552 5.3.4 message too big, closing connection");
		end_session(s);
	}
	return s->io.state == IO_OPEN && s->server.state != 0;
}

static bool
open_text(struct session *s, bool dots)
{
	if (!keep_open(s))
		return false;
	text_decoder_start(&s->text, s->conf->bare_newline, dots);
	return true;
}

void
do_data(struct session *s, char *arg)
{
	(void)arg;
	if (s->server.state == MAIL) {
		say(s, "554 5.5.1 no valid recipients");
		tx_forget(s);
		return;
	}
	if (!open_text(s, true)) {
		tx_forget(s);
		return;
	}
	say(s, "354 start mail input -- end with <CRLF>.<CRLF>");
	if (pour(s, UINT64_MAX))
		keep(s);
	tx_forget(s);
}

/* --- BDAT, RFC 3030 --- */

/* `SIZE [LAST]`: nothing else tells where the next command begins. */
static bool
parse_chunk(char *arg, uint64_t *size, bool *last)
{
	char *rest = arg, *number = text_word(&rest), *word = text_word(&rest);

	*last = word && text_starts(word, "LAST") && !word[4];
	while (number && number[0] == '0' && number[1])
		number++;
	return number && (!word || *last) && !text_word(&rest) &&
	    text_number(number, 0, INT64_MAX, size);
}

static bool
swallow(struct session *s, uint64_t count)
{
	int64_t began = date_ticks();
	uint64_t taken = 0;
	const char *p;
	size_t n;

	while (count > 0) {
		s->io.until = serve_deadline(began, PATIENCE, taken);
		n = io_peek(&s->io, &p);
		if (n == 0)
			break;
		if (n > count)
			n = (size_t)count;
		io_skip(&s->io, n);
		count -= n;
		taken += n;
	}
	s->io.until = 0;
	return count == 0;
}

/* Read the chunk for nothing, then say no. */
static void
turn_away(struct session *s, uint64_t count, const char *reply)
{
	if (s->conf->size && count / 2 > s->conf->size) {
		say(s, "552 5.3.4 message too big, closing connection");
		end_session(s);
	} else if (swallow(s, count)) {
		say(s, "%s", reply);
		s->server.errors++;
	}
}

/* A chunk has failed. If it was the last one the transaction is over. */
static void
spoil(struct session *s, bool last)
{
	tx_forget(s);
	if (!last && s->server.state != 0)
		s->server.state = SPOILT;
}

static void
take_chunk(struct session *s, uint64_t size, bool last)
{
	struct buf rest = { 0 };

	if (!pour(s, size)) {
		tx_forget(s);
		return;
	}
	if (last) {
		text_decode_end(&s->text, &rest);
		take(s, buf_text(&rest), rest.n);
		buf_free(&rest);
		keep(s);
		tx_forget(s);
	} else if (too_big(s)) {
		say(s, "552 5.3.4 message too big");
		spoil(s, false);
	} else if (s->draft.error) {
		keep_failed(s);
		spoil(s, false);
	} else {
		s->server.state = CHUNK;
		if (size > 0)
			serve_step(&s->server);
		say(s, "250 2.0.0 %llu octets received",
		    (unsigned long long)size);
	}
}

void
do_bdat(struct session *s, char *arg)
{
	uint64_t size;
	bool last;

	if (!parse_chunk(arg, &size, &last)) {
		say(s, "501 5.5.4 syntax: BDAT size [LAST], "
		    "closing connection");
		end_session(s);
		return;
	}
	if (s->server.state == MAIL) {
		turn_away(s, size, "554 5.5.1 no valid recipients");
		spoil(s, last);
	} else if (s->server.state != RCPT && s->server.state != CHUNK) {
		turn_away(s, size, manners.not_now);
	} else if (s->server.state == RCPT && !open_text(s, false)) {
		swallow(s, size);
		spoil(s, last);
	} else {
		take_chunk(s, size, last);
	}
}
