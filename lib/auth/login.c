/* SPDX-License-Identifier: ISC */
#include "auth/login.h"

#include <string.h>

#include "base/base64.h"

static void
ask(struct io *io, const char *prefix, const struct buf *question)
{
	struct buf text = { 0 };

	base64_encode(&text, question->s, question->n);
	io_print(io, "%s%s\r\n", prefix, buf_text(&text));
	buf_free(&text);
}

/* One answer: what it means, and nothing of it left in the line. */
static enum login_verdict
take(struct sasl *s, char *line, size_t n, enum sasl_verdict *v)
{
	struct buf answer = { 0 };
	bool ok;

	buf_reserve(&answer, n);
	ok = base64_decode(&answer, line, n);
	explicit_bzero(line, n);
	if (ok)
		*v = sasl_step(s, buf_text(&answer), answer.n);
	buf_wipe(&answer);
	return !ok ? LOGIN_GARBLED : *v == SASL_NO ? LOGIN_WRONG : LOGIN_DONE;
}

static enum login_verdict
hear(struct io *io, struct sasl *s, enum sasl_verdict *v)
{
	char *line;
	size_t n;

	switch (io_line(io, LOGIN_LINE, &line, &n)) {
	case IO_LINE:
		if (n == 1 && *line == '*')
			return LOGIN_CANCELLED;
		return take(s, line, n, v);
	case IO_LONG:
		return LOGIN_TOO_LONG;
	case IO_NONE:
		break;
	}
	return LOGIN_GONE;
}

enum login_verdict
login_converse(struct io *io, const char *prefix, struct sasl *s,
    char *initial)
{
	enum sasl_verdict v = SASL_MORE;
	enum login_verdict result = LOGIN_DONE;

	if (initial)
		result = take(s, initial, strlen(initial), &v);
	while (result == LOGIN_DONE && v == SASL_MORE) {
		ask(io, prefix, &s->question);
		result = hear(io, s, &v);
	}
	return result;
}
