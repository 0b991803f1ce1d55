/* SPDX-License-Identifier: ISC */
#include "judge.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/* A line of text, with its end cut off: false behind the last one. */
struct line {
	const char *s;
	size_t n;
	bool whole;             /* it ended in CR LF */
};

static bool
next_line(const char **p, const char *end, struct line *l)
{
	const char *lf;

	if (*p == end)
		return false;
	lf = memchr(*p, '\n', (size_t)(end - *p));
	l->s = *p;
	l->whole = lf && lf > *p && lf[-1] == '\r';
	l->n = (size_t)((lf ? lf : end) - *p) - l->whole;
	*p = lf ? lf + 1 : end;
	return true;
}

static bool
printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

static bool
matches(const char *regex, const char *text)
{
	regex_t re;
	bool yes;

	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB | REG_NEWLINE))
		die(EX_DATAERR, "not a regular expression: %s", regex);
	yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

/* --- replies --- */

static bool
smtp_reply(const struct line *l, char code[4])
{
	bool first = code[3] != '-';
	bool good = l->n >= 4 && l->s[0] >= '2' && l->s[0] <= '5' &&
	    isdigit(l->s[1]) && isdigit(l->s[2]) &&
	    (l->s[3] == ' ' || l->s[3] == '-') &&
	    (first || memcmp(code, l->s, 3) == 0);

	memcpy(code, l->s, l->n < 4 ? l->n : 4);
	return good;
}

/* Its codes; in POP3 the signs. What is wrong with the replies is said. */
static void
read_replies(const struct siege *s, const struct buf *said, struct buf *codes,
    struct buf *wrong)
{
	const char *p = buf_text(said), *end = p + said->n;
	char code[4] = "    ";
	struct line l;

	while (next_line(&p, end, &l)) {
		bool text = s->pop && (l.n == 0 || !strchr("+-", l.s[0]));

		if (!l.whole || (!text && (l.n > 510 || !printable(l.s, l.n))) ||
		    (!s->pop && !smtp_reply(&l, code)))
			buf_printf(wrong, "not a reply: %.*s\n", (int)l.n, l.s);
		if (s->pop && !text)
			buf_printf(codes, "%.*s ", l.s[1] == ' ' ? 2 : 1, l.s);
		else if (!s->pop && code[3] == ' ')
			buf_printf(codes, "%.3s ", code);
	}
	if (codes->n > 0)
		buf_cut(codes, codes->n - 1);
}

/* --- envelopes --- */

struct mail {
	struct buf from, to;    /* of the last one */
	struct buf text;        /* of all */
	unsigned stored, texts; /* how many */
};

static void
read_file(int dir, const char *name, struct buf *b)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n;

	buf_clear(b);
	while (fd >= 0 && (n = read(fd, buf_reserve(b, 65536), 65536)) > 0) {
		b->n += (size_t)n;
		b->s[b->n] = '\0';
	}
	if (fd >= 0)
		close(fd);
}

/* The value, if the line is this one. */
static const char *
value(const struct line *l, const char *name)
{
	size_t n = strlen(name);

	return l->n >= n + 2 && memcmp(l->s, name, n) == 0 &&
	    memcmp(l->s + n, ": ", 2) == 0 ? l->s + n + 2 : NULL;
}

/* Behind the end there is only what E-MailRelay does not know. */
static bool
envelope_line(const struct line *l, bool after)
{
	return l->whole && memmem(l->s, l->n, ": ", 2) &&
	    l->n >= 12 && memcmp(l->s, after ? "X-Sluice-Utf" :
	    "X-MailRelay-", 12) == 0 && text_utf8(l->s, l->n) && !memchr(l->s, '\0', l->n) &&
	    text_clean(l->s, l->n);
}

static void
read_envelope(const struct buf *b, struct mail *m, struct buf *wrong)
{
	const char *p = buf_text(b), *end = p + b->n, *v;
	unsigned long told = 0, to = 0, ends = 0;
	struct line l = { 0 };

	buf_clear(&m->from);
	buf_clear(&m->to);
	while (next_line(&p, end, &l)) {
		if (!envelope_line(&l, ends > 0))
			buf_printf(wrong, "in the envelope: %.*s\n", (int)l.n,
			    l.s);
		if ((v = value(&l, "X-MailRelay-From")))
			buf_add(&m->from, v, (size_t)(l.s + l.n - v));
		if ((v = value(&l, "X-MailRelay-ToCount")))
			told = strtoul(v, NULL, 10);
		if ((v = value(&l, "X-MailRelay-To-Remote")) && to++ > 0)
			buf_putc(&m->to, ' ');
		if (v)
			buf_add(&m->to, v, (size_t)(l.s + l.n - v));
		ends += value(&l, "X-MailRelay-End") != NULL;
	}
	if (ends != 1 || to != told)
		buf_puts(wrong, "the envelope is damaged\n");
}

/* Without the line that is ours. */
static void
read_text(int dir, const char *id, size_t n, struct mail *m, struct buf *wrong)
{
	struct buf b = { 0 };
	char name[256];
	const char *end;

	snprintf(name, sizeof name, "%.*s.content", (int)n, id);
	read_file(dir, name, &b);
	end = memmem(buf_text(&b), b.n, "\r\n", 2);
	if (!end || !text_starts(b.s, "Received: from ") ||
	    end - b.s > 998 || !printable(b.s, (size_t)(end - b.s)))
		buf_puts(wrong, "no Received line that is one\n");
	else
		buf_add(&m->text, end + 2, b.n - (size_t)(end + 2 - b.s));
	buf_free(&b);
}

/* One of the spool's files. */
static void
look_at(const struct siege *s, int dir, const char *name, struct mail *m,
    struct buf *wrong)
{
	const char *kind = strrchr(name, '.');
	struct buf b = { 0 };

	if (name[0] == '.')
		return;
	if (kind && strcmp(kind, ".content") == 0) {
		m->texts++;
	} else if (!kind || strcmp(kind, ".envelope") != 0) {
		buf_printf(wrong, "left behind: %s\n", name);
	} else {
		m->stored++;
		if (s->pop)
			return;
		read_file(dir, name, &b);
		read_envelope(&b, m, wrong);
		read_text(dir, name, (size_t)(kind - name), m, wrong);
		buf_free(&b);
	}
}

/* The messages, in order, and whether anything else lies about. */
static void
read_spool(const struct siege *s, const char *path, struct mail *m,
    struct buf *wrong)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names;
	int n = scandir(path, &names, NULL, versionsort);

	for (int i = 0; i < n; i++) {
		look_at(s, dir, names[i]->d_name, m, wrong);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (dir >= 0)
		close(dir);
	if (m->texts != m->stored)
		buf_printf(wrong, "%u texts, %u envelopes\n", m->texts,
		    m->stored);
}

static unsigned
in_model(const char *path)
{
	DIR *d = path ? opendir(path) : NULL;
	unsigned n = 0;
	struct dirent *e;

	while (d && (e = readdir(d)))
		n += strstr(e->d_name, ".envelope") != NULL;
	if (d)
		closedir(d);
	return n;
}

/* --- what the row asks for --- */

static void
compare(const char *what, const struct buf *got, const char *want,
    struct buf *wrong)
{
	struct buf b = { 0 };

	fill(&b, want);
	if (b.n != got->n || memcmp(buf_text(&b), buf_text(got), b.n) != 0) {
		buf_printf(wrong, "the %s: ", what);
		text_printable(wrong, buf_text(got), got->n < 300 ? got->n : 300);
		buf_printf(wrong, "\n not: %s\n", want);
	}
	buf_free(&b);
}

/* KEY=VALUE: the value, if it is this key. */
static const char *
is(const char *check, const char *key)
{
	size_t n = strlen(key);

	return strncmp(check, key, n) == 0 && check[n] == '=' ?
	    check + n + 1 : NULL;
}

struct wanted {
	unsigned stored;
	bool fewer;             /* will do, too */
	int status;
};

static void
check(const char *c, const struct outcome *o, const struct mail *m,
    struct wanted *want, struct buf *wrong)
{
	const char *v;

	if ((v = is(c, "stored")))
		want->stored = (unsigned)strtoul(v, NULL, 10);
	else if ((v = is(c, "most"))) {
		want->stored = (unsigned)strtoul(v, NULL, 10);
		want->fewer = true;
	} else if ((v = is(c, "exit")))
		want->status = atoi(v);
	else if ((v = is(c, "text")))
		compare("text", &m->text, v, wrong);
	else if ((v = is(c, "from")))
		compare("sender", &m->from, v, wrong);
	else if ((v = is(c, "to")))
		compare("recipients", &m->to, v, wrong);
	else if ((v = is(c, "says"))) {
		if (!matches(v, buf_text(&o->said)))
			buf_printf(wrong, "not said: %s\n", v);
	} else if ((v = is(c, "log"))) {
		if (!matches(v, buf_text(&o->log)))
			buf_printf(wrong, "not in the log: %s\n", v);
	} else
		die(EX_DATAERR, "no check: %s", c);
	if (want->stored == 0 && (is(c, "text") || is(c, "from") || is(c, "to")))
		want->stored = 1;
}

/* Each line is one of ours, and shows what others have said. */
static void
judge_log(const struct buf *log, struct buf *wrong)
{
	const char *p = buf_text(log), *end = p + log->n;
	struct line l;

	while (next_line(&p, end, &l))
		if (!text_starts(l.s, "sluice") || !text_clean(l.s, l.n) ||
		    !text_utf8(l.s, l.n))
			buf_printf(wrong, "in the log: %.*s\n", (int)l.n, l.s);
}

static void
judge_end(const struct siege *s, const struct outcome *o, int status,
    struct buf *wrong)
{
	if (o->hung)
		buf_puts(wrong, "it does not end\n");
	else if (WIFSIGNALED(o->status))
		buf_printf(wrong, "signal %d\n", WTERMSIG(o->status));
	else if (WEXITSTATUS(o->status) != status)
		buf_printf(wrong, "exit status %d\n", WEXITSTATUS(o->status));
	if (o->orphans)
		buf_puts(wrong, "a process is left\n");
	if (s->memory && o->memory > s->memory)
		buf_printf(wrong, "%ld KiB of memory\n", o->memory);
	judge_log(&o->log, wrong);
}

void
judge(const struct siege *s, const struct row *row, const struct outcome *o,
    bool half, struct buf *wrong)
{
	unsigned before = in_model(s->model);
	struct wanted want = { .stored = before };
	struct buf codes = { 0 }, ignored = { 0 };
	struct mail m = { 0 };

	read_replies(s, &o->said, &codes, wrong);
	read_spool(s, buf_text(&o->spool), &m, wrong);
	for (size_t i = 0; i < row->checks.n; i++)
		check(list_get(&row->checks, i), o, &m, &want,
		    half ? &ignored : wrong);
	if (half && s->model)
		/* without the end of the last command nothing is removed */
		want = (struct wanted){ .stored = before };
	else if (half)
		want.fewer = true;
	judge_end(s, o, half ? WEXITSTATUS(o->status) : want.status, wrong);
	if (want.fewer ? m.stored > want.stored : m.stored != want.stored)
		buf_printf(wrong, "%u messages, not %u\n", m.stored,
		    want.stored);
	if (!half) {
		struct buf whole = { 0 };

		buf_printf(&whole, "^(%s)$", row->codes);
		if (!matches(whole.s, buf_text(&codes)))
			buf_printf(wrong, "replies: %s\n    not: %s\n",
			    buf_text(&codes), row->codes);
		buf_free(&whole);
	}
	buf_free(&codes);
	buf_free(&ignored);
	buf_free(&m.from);
	buf_free(&m.to);
	buf_free(&m.text);
}
