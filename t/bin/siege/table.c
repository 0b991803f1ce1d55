/* SPDX-License-Identifier: ISC */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/text.h"

/* What the lines so far have said about those to come. */
struct reader {
	struct table *table;
	const char *path;
	unsigned line;
	struct list names, texts;       /* let */
	struct buf group, form;
	struct list want;
	struct list options, environment;
	int limit;
	rlim_t most;
	enum ending ending;
	size_t piece;
	bool cut;
};

static void read_file(struct reader *r, const char *path);

static void __attribute__((noreturn))
wrong(const struct reader *r, const char *what)
{
	die(EX_DATAERR, "%s:%u: %s", r->path, r->line, what);
}

/* --- fields --- */

/* The text up to a tab; *rest goes behind all the tabs there are. */
static char *
field(char **rest)
{
	char *start = *rest, *end;

	if (!start || !*start)
		return NULL;
	end = start + strcspn(start, "\t");
	*rest = end + strspn(end, "\t");
	*end = '\0';
	return start;
}

static void
fields(struct list *l, char *rest)
{
	char *f;

	list_clear(l);
	while ((f = field(&rest)))
		list_add(l, f);
}

static void
words(struct list *l, char *rest)
{
	char *w;

	list_clear(l);
	while ((w = text_word(&rest)))
		list_add(l, w);
}

static void
copy_list(struct list *to, const struct list *from)
{
	for (size_t i = 0; i < from->n; i++)
		list_add(to, list_get(from, i));
}

/* --- {NAME} --- */

static const char *
lookup(const struct reader *r, const char *name, size_t n)
{
	for (size_t i = r->names.n; i-- > 0;)
		if (strlen(list_get(&r->names, i)) == n &&
		    memcmp(list_get(&r->names, i), name, n) == 0)
			return list_get(&r->texts, i);
	return NULL;
}

static void
put_names(const struct reader *r, struct buf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text + 1, "}{");
		const char *known = NULL;

		if (*text == '\\' && text[1])
			buf_putc(out, *text++);
		else if (*text == '{' && text[1 + n] == '}')
			known = lookup(r, text + 1, n);
		if (known) {
			put_names(r, out, known);
			text += n + 2;
		} else {
			buf_putc(out, *text++);
		}
	}
}

static char *
with_names(const struct reader *r, const char *text)
{
	struct buf b = { 0 };

	put_names(r, &b, text);
	return b.n ? b.s : need_copy("");
}

/* --- lines --- */

static enum ending
ending(const struct reader *r, const char *word)
{
	static const char *const words[] = {
		"fin", "close", "reset", "hold", "deaf"
	};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return (enum ending)i;
	wrong(r, "no way to end");
}

static void
limit(struct reader *r, char *rest)
{
	static const struct { const char *name; int limit; } limits[] = {
		{ "files", RLIMIT_NOFILE },
		{ "file-size", RLIMIT_FSIZE },
		{ "memory", RLIMIT_AS },
	};
	const char *name = text_word(&rest);

	r->limit = -1;
	for (size_t i = 0; name && i < sizeof limits / sizeof *limits; i++)
		if (strcmp(limits[i].name, name) == 0)
			r->limit = limits[i].limit;
	if (name && r->limit < 0)
		wrong(r, "no such limit");
	r->most = strtoul(rest, NULL, 10);
}

static void
let(struct reader *r, char *rest)
{
	char *name = text_word(&rest);

	if (!name || !rest)
		wrong(r, "let NAME TEXT");
	rest += strspn(rest, " \t");
	list_add(&r->names, name);
	list_add(&r->texts, rest);
}

static void
include(struct reader *r, const char *name)
{
	const char *slash = strrchr(r->path, '/'), *path = r->path;
	unsigned line = r->line;
	struct buf b = { 0 };

	if (slash && *name != '/')
		buf_add(&b, r->path, (size_t)(slash - r->path + 1));
	buf_puts(&b, name);
	read_file(r, buf_text(&b));
	r->path = path;
	r->line = line;
}

/* A line that is about those to come? */
static bool
directive(struct reader *r, const char *verb, char *rest)
{
	if (strcmp(verb, "include") == 0)
		include(r, rest);
	else if (strcmp(verb, "let") == 0)
		let(r, rest);
	else if (strcmp(verb, "group") == 0)
		buf_set(&r->group, rest);
	else if (strcmp(verb, "form") == 0)
		buf_set(&r->form, rest);
	else if (strcmp(verb, "want") == 0)
		fields(&r->want, rest);
	else if (strcmp(verb, "with") == 0)
		words(&r->options, rest);
	else if (strcmp(verb, "environment") == 0)
		fields(&r->environment, rest);
	else if (strcmp(verb, "end") == 0)
		r->ending = ending(r, rest);
	else if (strcmp(verb, "limit") == 0)
		limit(r, rest);
	else if (strcmp(verb, "piece") == 0)
		r->piece = strtoul(rest, NULL, 10);
	else if (strcmp(verb, "cut") == 0)
		r->cut = strcmp(rest, "yes") == 0;
	else
		return false;
	return true;
}

/* The form, with the octets in its hole. */
static char *
formed(const struct reader *r, const char *form, const char *octets)
{
	const char *hole = strstr(form, "{}");
	struct buf b = { 0 };
	char *all;

	buf_add(&b, form, hole ? (size_t)(hole - form) : strlen(form));
	if (hole) {
		buf_puts(&b, octets);
		buf_puts(&b, hole + 2);
	}
	all = with_names(r, buf_text(&b));
	buf_free(&b);
	return all;
}

static void
add_check(const struct reader *r, struct row *row, const char *check)
{
	char *c = with_names(r, check);

	list_add(&row->checks, c);
	free(c);
}

static void
row(struct reader *r, const char *name, char *rest)
{
	const char *octets = field(&rest), *codes = field(&rest);
	const char *group = buf_text(&r->group);
	struct buf b = { 0 };
	struct row row = {
		.limit = r->limit, .most = r->most, .ending = r->ending,
		.piece = r->piece, .cut = r->cut,
	};

	if (!codes || strcmp(codes, "=") == 0) {
		if (r->want.n == 0)
			wrong(r, "nothing is wanted");
		codes = list_get(&r->want, 0);
		for (size_t i = 1; i < r->want.n; i++)
			add_check(r, &row, list_get(&r->want, i));
	}
	for (char *f; (f = field(&rest));)
		add_check(r, &row, f);
	octets = octets ? octets : "";
	row.input = formed(r, r->form.n ? r->form.s : "{}", octets);
	row.codes = need_copy(codes);
	copy_list(&row.options, &r->options);
	for (size_t i = 0; i < r->environment.n; i++) {
		char *e = formed(r, list_get(&r->environment, i), octets);

		list_add(&row.environment, e);
		free(e);
	}
	buf_printf(&b, "%s:%u", r->path, r->line);
	row.where = need_copy(b.s);
	buf_clear(&b);
	buf_printf(&b, "%s%s%s", group, *group ? "/" : "", name);
	row.name = b.s;
	if (r->table->n == r->table->cap) {
		r->table->cap = r->table->cap * 2 + 64;
		r->table->rows = reallocarray(r->table->rows, r->table->cap,
		    sizeof row);
		if (!r->table->rows)
			die(EX_OSERR, "no memory");
	}
	r->table->rows[r->table->n++] = row;
}

static void
read_line(struct reader *r, char *line)
{
	char *rest = line;
	size_t n = strcspn(line, " \t");
	bool tab = line[n] == '\t';

	if (line[0] == '#' || line[0] == '\0')
		return;
	line[n] = '\0';
	rest += n + 1;
	rest += strspn(rest, tab ? "\t" : " ");
	if (!directive(r, line, rest))
		row(r, line, rest);
}

static void
read_file(struct reader *r, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (!f)
		die(EX_NOINPUT, "%s: %s", path, strerror(errno));
	r->path = path;
	r->line = 0;
	while ((n = getline(&line, &cap, f)) > 0) {
		r->line++;
		if (line[n - 1] == '\n')
			line[--n] = '\0';
		/* so that what follows the verb is a string, too */
		line = realloc(line, cap = (size_t)n + 2);
		if (!line)
			die(EX_OSERR, "no memory");
		line[n + 1] = '\0';
		read_line(r, line);
	}
	free(line);
	fclose(f);
}

void
table_read(struct table *t, const char *path)
{
	struct reader r = { .table = t, .limit = -1 };

	read_file(&r, path);
}
