/* SPDX-License-Identifier: ISC */
#include "judge/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "mail/address.h"

enum { REASON_MOST = 400 };

/* --- the question --- */

static void
add_upper(struct list *fields, const char *s, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_putc(&b, s[i] >= 'a' && s[i] <= 'z' ?
		    (char)(s[i] - 'a' + 'A') : s[i]);
	list_add(fields, buf_text(&b));
	buf_free(&b);
}

static void
put_question(struct list *fields, const struct verify_question *q)
{
	size_t user = strcspn(q->address, "@");
	const char *host = q->address + user + (q->address[user] == '@');

	list_add(fields, q->address);
	add_upper(fields, q->address, user);
	add_upper(fields, host, strlen(host));
	add_upper(fields, q->domain, strlen(q->domain));
	list_add(fields, q->from);
	list_add(fields, q->ip);
	list_add(fields, q->mechanism);
	list_add(fields, q->id);
}

/* --- the answer --- */

static void
fail(struct verify_answer *a, const char *why)
{
	a->verified = VERIFY_FAIL;
	buf_set(&a->text, why);
}

/* Yes, and this is whom the message goes to. */
static void
accept(struct verify_answer *a, int code, const char *address,
    const char *name, bool utf8)
{
	char *copy = need_copy(address), *clean = text_trim(copy);

	if (code == 1 ? address_check(clean, utf8) != ADDRESS_OK :
	    !*clean || strlen(clean) > ADDRESS_MOST ||
	    !text_clean(clean, strlen(clean))) {
		fail(a, "it has answered with what is no address");
	} else {
		a->verified = code == 0 ? VERIFY_LOCAL : VERIFY_REMOTE;
		buf_set(&a->address, clean);
		text_printable(&a->text, name, strlen(name));
	}
	free(copy);
}

static void
refuse(struct verify_answer *a, int code, const char *reason)
{
	a->verified = code == 100 ? VERIFY_ABORT : code == 3 ? VERIFY_LATER :
	    VERIFY_REJECT;
	text_printable(&a->text, reason, strlen(reason));
	if (a->text.n == 0)
		buf_printf(&a->text, "%d", code);
	if (a->text.n > REASON_MOST)
		buf_cut(&a->text, REASON_MOST);
}

static void
answer_clear(struct verify_answer *a)
{
	buf_clear(&a->address);
	buf_clear(&a->text);
}

/* Without CR, and without blanks and line ends at its end. */
static void
tidy(struct buf *out, const struct buf *output)
{
	for (size_t i = 0; i < output->n; i++)
		if (output->s[i] != '\r')
			buf_putc(out, output->s[i]);
	while (out->n > 0 && strchr(" \t\n", out->s[out->n - 1]))
		buf_cut(out, out->n - 1);
}

/* The text is cut up. */
static void
read_lines(struct verify_answer *a, int code, char *text, bool utf8)
{
	char *second = strchr(text, '\n');

	if (code <= 1 && second) {
		*second++ = '\0';
		second[strcspn(second, "\n")] = '\0';
		accept(a, code, second, text, utf8);
		return;
	}
	/* A script that has died from an error of its own says no more, and
	 * so does a shell that has found no program or lost it to a signal. */
	if ((code <= 1 && !*text) || code == 126 || code == 127 ||
	    (code > 127 && !*text)) {
		fail(a, "it has ended without two lines of output");
		return;
	}
	for (char *s = text; *s; s++)
		if (*s == '\n')
			*s = ' ';
	refuse(a, code, text);
}

void
verify_read(struct verify_answer *a, int code, const struct buf *output,
    bool utf8)
{
	struct buf text = { 0 };
	char *copy;

	answer_clear(a);
	tidy(&text, output);
	copy = need_copy(buf_text(&text));
	if (strlen(copy) < text.n)
		fail(a, "there is a NUL in its output");
	else
		read_lines(a, code, copy, utf8);
	free(copy);
	buf_free(&text);
}

void
verify_read_line(struct verify_answer *a, const char *line, bool utf8)
{
	char *fields[3] = { need_copy(line) };
	uint64_t code;

	answer_clear(a);
	for (int i = 1; fields[i - 1] && i < 3; i++) {
		fields[i] = strchr(fields[i - 1], '|');
		if (fields[i])
			*fields[i]++ = '\0';
	}
	if (!text_clean(line, strlen(line)) ||
	    !text_number(fields[0], 0, 255, &code) ||
	    (code <= 1 && !fields[2 - code]) || (!fields[1] && code != 100))
		fail(a, "it has answered with no line CODE|TEXT");
	else if (code <= 1)
		accept(a, (int)code, fields[1], fields[2] ? fields[2] : "",
		    utf8);
	else
		refuse(a, (int)code, fields[1] ? strchr(line, '|') + 1 : "");
	free(fields[0]);
}

/* --- asking --- */

static void
ask_server(struct verifier *v, const struct list *fields, bool utf8,
    struct verify_answer *a)
{
	struct buf why = { 0 };
	const char *line;

	if (hail_ask(&v->judge.hail, fields, v->seconds, &line, &why) ==
	    HAIL_ANSWERED)
		verify_read_line(a, line, utf8);
	else
		fail(a, why.s);
	buf_free(&why);
}

void
verify(struct verifier *v, const struct verify_question *q,
    struct verify_answer *a)
{
	struct helper_result r = { 0 };
	struct list fields = { 0 };

	put_question(&fields, q);
	answer_clear(a);
	a->verified = VERIFY_FAIL;
	if (v->judge.net)
		ask_server(v, &fields, q->utf8, a);
	else if (judge_run(&v->judge, &fields, v->seconds, &r))
		verify_read(a, r.code, &r.output, q->utf8);
	if (a->verified == VERIFY_FAIL && a->text.n)
		log_error("verifier '%s': %s", v->judge.spec, a->text.s);
	buf_free(&r.output);
	list_free(&fields);
}
