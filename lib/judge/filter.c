/* SPDX-License-Identifier: ISC */
#include "judge/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

static const char no_reason[] = "pre-processing failed";

bool
filter_open(struct filter *f, const struct list *specs, enum filter_side side,
    unsigned seconds, struct buf *why)
{
	*f = (struct filter){ .side = side, .seconds = seconds };
	f->judges = need_memory((specs->n + 1) * sizeof *f->judges);
	while (f->n < specs->n) {
		if (!judge_open(&f->judges[f->n], list_get(specs, f->n), why))
			return false;
		judge_check(&f->judges[f->n++]);
	}
	return true;
}

void
filter_close(struct filter *f)
{
	for (size_t i = 0; i < f->n; i++)
		judge_close(&f->judges[i]);
	free(f->judges);
	*f = (struct filter){ .n = 0 };
}

/* --- reasons --- */

/* `550 text`: the filter has chosen the reply's code. */
static int
take_code(const char **text)
{
	char digits[4] = "";
	uint64_t code;

	strncat(digits, *text, 3);
	if (strlen(*text) < 5 || (*text)[3] != ' ' ||
	    !text_number(digits, 400, 599, &code))
		return 0;
	*text += 4;
	return (int)code;
}

static void
refuse(struct verdict *v, enum judgement how, const char *text, size_t n)
{
	struct buf safe = { 0 };
	const char *rest;

	text_printable(&safe, text, n);
	rest = buf_text(&safe);
	v->judgement = how;
	v->code = take_code(&rest);
	buf_set(&v->reason, *rest ? rest : no_reason);
	buf_free(&safe);
}

/* `<<text>>` or `[[text]]` at the start of a line. */
static bool
is_reason(const char *line, size_t n, const char **text, size_t *length)
{
	const char *close = NULL, *end;

	if (n >= 4 && memcmp(line, "<<", 2) == 0)
		close = ">>";
	else if (n >= 4 && memcmp(line, "[[", 2) == 0)
		close = "]]";
	end = close ? memmem(line + 2, n - 2, close, 2) : NULL;
	*text = line + 2;
	*length = end ? (size_t)(end - *text) : 0;
	return end != NULL;
}

static void
read_reason(struct verdict *v, const struct buf *output)
{
	const char *p = buf_text(output), *end = p + output->n, *text = p;
	size_t n, length = 0;
	bool found = false;

	for (; !found && p < end; p += n + 1) {
		for (n = 0; p + n < end && p[n] != '\n' && p[n] != '\r'; n++)
			continue;
		found = is_reason(p, n, &text, &length);
	}
	refuse(v, FILTER_REJECT, text, length);
}

void
verdict_read(struct verdict *v, enum filter_side side, int code,
    const struct buf *output)
{
	const int bits = code - 100;

	if (code == 0)
		return;
	if (code < 100 || code > 107) {
		read_reason(v, output);
		return;
	}
	/* 1.9 reads these as two bits; a client filter that stops the run
	 * has its message sent all the same. */
	if (side == FILTER_SERVER) {
		v->rescan |= (bits & 2) != 0;
		if (!(bits & 1))
			v->judgement = FILTER_ABANDON;
	} else {
		v->stop |= (bits & 3) == 2;
		if ((bits & 3) == 0)
			v->judgement = FILTER_ABANDON;
	}
}

/* --- asking --- */

static void
fail(struct verdict *v, bool timed_out)
{
	const char *why = timed_out ? "message processing timed out" :
	    no_reason;

	refuse(v, FILTER_FAIL, why, strlen(why));
}

static void
ask_program(const struct filter *f, const struct judge *j, struct list *content,
    struct verdict *v)
{
	struct helper_result r = { 0 };

	if (judge_run(j, content, f->seconds, &r)) {
		verdict_read(v, f->side, r.code, &r.output);
		log_detail("filter '%s': exit code %d", j->spec, r.code);
	} else {
		fail(v, r.timed_out);
	}
	buf_free(&r.output);
}

/* "okay" and an empty line have always been good enough. E-MailRelay 2 has
 * a text for the log behind a tab. */
static void
ask_server(const struct filter *f, struct judge *j, struct list *content,
    struct verdict *v)
{
	struct buf why = { 0 };
	const char *answer;
	enum hail_result result;

	result = hail_ask(&j->hail, content, f->seconds, &answer, &why);
	if (result != HAIL_ANSWERED) {
		log_error("filter '%s': %s", j->spec, why.s);
		fail(v, result == HAIL_TIMEOUT);
	} else if (*answer && strncmp(answer, "ok", 2) != 0) {
		log_detail("filter '%s': %s", j->spec, answer);
		refuse(v, FILTER_REJECT, answer, strcspn(answer, "\t"));
	}
	buf_free(&why);
}

void
filter_run(struct filter *f, const char *content, struct verdict *v)
{
	struct list argument = { 0 };

	v->judgement = FILTER_ACCEPT;
	v->rescan = v->stop = false;
	v->code = 0;
	buf_clear(&v->reason);
	list_add(&argument, content);
	for (size_t i = 0; i < f->n && v->judgement == FILTER_ACCEPT; i++) {
		if (f->judges[i].net)
			ask_server(f, &f->judges[i], &argument, v);
		else
			ask_program(f, &f->judges[i], &argument, v);
	}
	list_free(&argument);
}
