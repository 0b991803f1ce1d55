/* SPDX-License-Identifier: ISC */
/*
 * A message of a local program: the first octet is how it is handed over, a
 * line is who is to get it, the rest is the message.
 */
#include "fuzz.h"

#include "mail/address.h"
#include "mail/header.h"
#include "mail/input.h"
#include "mail/submission.h"

enum { COMPLETE = 1, FROM_HEADER = 2, SENDER = 4, DOTS = 8, PIECES = 16 };

/* As it comes out of the input: the header up to the blank line. */
static void
read_header(const uint8_t *p, size_t n, unsigned how, struct buf *header)
{
	struct input in;
	const char *line;
	size_t k, step = how & PIECES ? 7 : n + 1;

	input_start(&in, how & DOTS);
	while (n > 0) {
		k = n < step ? n : step;
		input_add(&in, (const char *)p, k);
		p += k;
		n -= k;
	}
	input_finish(&in);
	while (input_piece(&in, &line, &k) && k != 2) {
		CLAIM(k >= 2 && line[k - 2] == '\r' && line[k - 1] == '\n');
		CLAIM(!memchr(line, '\n', k - 1));
		buf_add(header, line, k);
	}
	input_free(&in);
}

static void
check_header(const struct submission *s, const struct buf *out)
{
	CLAIM(out->n >= 2 && memcmp(out->s + out->n - 2, "\r\n", 2) == 0);
	if (!s->complete)
		return;
	CLAIM(header_count(out->s, out->n, "Bcc") == 0);
	CLAIM(header_count(out->s, out->n, "Resent-Bcc") == 0);
	CLAIM(header_count(out->s, out->n, "From") > 0);
	CLAIM(header_count(out->s, out->n, "Date") > 0);
	CLAIM(header_count(out->s, out->n, "Message-ID") > 0);
}

/* What is made of it is an envelope that can be read. */
static void
check_envelope(const struct envelope *e)
{
	struct envelope again = { .tries = 0 };
	struct buf text = { 0 }, why = { 0 };

	CLAIM(e->remote.n > 0);
	for (size_t i = 0; i < e->remote.n; i++)
		CLAIM(address_check(list_get(&e->remote, i), e->utf8) ==
		    ADDRESS_OK);
	CLAIM(envelope_format(e, &text));
	CLAIM(envelope_parse(&again, text.s, text.n, &why));
	CLAIM(again.remote.n == e->remote.n && same(&again.from, &e->from));
	envelope_free(&again);
	buf_free(&text);
	buf_free(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct submission s = { .login = "ann", .full_name = "Ann \"O\"",
		.domain = "a.test", .date = "now", .unique = "1.2" };
	struct envelope e = { .tries = 0 };
	struct buf header = { 0 }, out = { 0 }, why = { 0 }, line = { 0 };
	struct list to = { .n = 0 };
	const uint8_t *end;

	if (n < 1 || !(end = memchr(data, '\n', n)))
		return 0;
	s.complete = data[0] & COMPLETE;
	s.from_header = data[0] & FROM_HEADER;
	buf_add(&line, data + 1, end > data ? (size_t)(end - data) - 1 : 0);
	if (data[0] & SENDER)
		s.sender = buf_text(&line);
	if (line.n > 0)
		list_add(&to, line.s);
	end++;
	read_header(end, n - (size_t)(end - data), data[0], &header);
	if (submission_make(&s, &to, buf_text(&header), header.n, &e, &out,
	    &why)) {
		check_header(&s, &out);
		check_envelope(&e);
	} else {
		CLAIM(why.n > 0 && text_clean(why.s, why.n));
	}
	envelope_free(&e);
	buf_free(&header);
	buf_free(&out);
	buf_free(&why);
	buf_free(&line);
	list_free(&to);
	return 0;
}
