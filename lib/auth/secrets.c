/* SPDX-License-Identifier: ISC */
#include "auth/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cidr.h"
#include "base/hmac.h"
#include "base/log.h"
#include "base/text.h"
#include "base/xtext.h"

enum encoding { XTEXT, BASE64, AS_IT_IS };

/* How a mechanism is written, and what its fields look like. */
struct word {
	const char *name;
	enum secret_kind kind;
	enum encoding id, value;
	bool exactly;           /* no other case */
};

/* "PLAIN" is E-MailRelay 1.9's and serves PLAIN; "plain" is 2's and serves
 * all. A key in base64 has a "+" in it, which is no xtext. */
static const struct word words[] = {
	{ "LOGIN", SECRET_LOGIN, XTEXT, XTEXT, false },
	{ "plain", SECRET_ANY, XTEXT, XTEXT, true },
	{ "PLAIN", SECRET_PLAIN, XTEXT, XTEXT, false },
	{ "plain:b", SECRET_ANY, BASE64, BASE64, false },
	{ "CRAM-MD5", SECRET_CRAM_MD5, XTEXT, AS_IT_IS, false },
	{ "md5", SECRET_CRAM_MD5, XTEXT, AS_IT_IS, false },
	{ "APOP", SECRET_APOP, XTEXT, XTEXT, false },
	{ "oauth", SECRET_OAUTH, XTEXT, XTEXT, false },
	{ "NONE", SECRET_NONE, AS_IT_IS, XTEXT, false },
};

enum { SIDE, MECHANISM, ID, VALUE, SELECTOR, FIELDS };

struct line {
	char *field[FIELDS];    /* NULL: not there */
	bool extra;             /* there were more */
	size_t number;
};

/* NULL: the line is of use but for what is too much of it. */
static void
warn(struct secrets *s, size_t line, const char *why)
{
	if (s->warnings++ >= SECRETS_WARNINGS)
		return;
	if (why)
		log_warning("%s: ignoring line %zu of secrets file: %s",
		    s->path, line, why);
	else
		log_warning("%s: ignoring extra fields on line %zu of "
		    "secrets file", s->path, line);
}

static const struct word *
find_word(const char *name)
{
	const struct word *w;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		w = &words[i];
		if (w->exactly ? strcmp(w->name, name) == 0 :
		    strcasecmp(w->name, name) == 0)
			return w;
	}
	return NULL;
}

/* Append what a field stands for, with a NUL behind it. The store has room
 * for it: nothing that is encoded gets longer when it is decoded. */
static bool
put(struct secrets *s, const char *field, enum encoding e, size_t *at,
    size_t *n)
{
	size_t length = strlen(field);
	bool ok = true;

	*at = s->store.n;
	switch (e) {
	case XTEXT:
		ok = xtext_decode(&s->store, field, length);
		break;
	case BASE64:
		/* E-MailRelay 2 writes "=" for nothing */
		ok = strcmp(field, "=") == 0 ||
		    base64_decode(&s->store, field, length);
		break;
	case AS_IT_IS:
		buf_add(&s->store, field, length);
		break;
	}
	*n = s->store.n - *at;
	buf_putc(&s->store, '\0');
	return ok;
}

/* What is wrong with it, or NULL. */
static const char *
fault(const struct secrets *s, const struct secret *e)
{
	struct hmac_key k;
	bool fine;

	if (!text_clean(secrets_id(s, e), e->id_n))
		return "control characters in the userid";
	if (!e->client && e->id_n == 0)
		return "no userid";
	if (!e->client && e->kind == SECRET_OAUTH)
		return "tokens are for client lines";
	if (e->kind == SECRET_NONE && !cidr_valid(secrets_id(s, e)))
		return "not a range of addresses";
	if (e->kind == SECRET_NONE &&
	    !text_clean(secrets_value(s, e), e->value_n))
		return "control characters in the keyword";
	if (e->kind != SECRET_CRAM_MD5)
		return NULL;
	fine = hmac_key_parse(&k, secrets_value(s, e));
	explicit_bzero(&k, sizeof k);
	return fine ? NULL : "not a CRAM-MD5 key";
}

static void
keep(struct secrets *s, const struct secret *e)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->entries = reallocarray(s->entries, s->cap,
		    sizeof *s->entries);
		if (!s->entries)
			die(EX_TEMPFAIL, "out of memory");
	}
	s->entries[s->n++] = *e;
}

static void
read_entry(struct secrets *s, const struct line *l, const struct word *w)
{
	struct secret e = { .kind = w->kind,
		.client = strcasecmp(l->field[SIDE], "client") == 0 };
	const char *wrong;
	size_t start = s->store.n, n;

	if (!put(s, l->field[ID], w->id, &e.id, &e.id_n) ||
	    !put(s, l->field[VALUE], w->value, &e.value, &e.value_n) ||
	    !put(s, l->field[SELECTOR] ? l->field[SELECTOR] : "", AS_IT_IS,
	    &e.selector, &n))
		wrong = "badly encoded";
	else
		wrong = fault(s, &e);
	if (wrong) {
		warn(s, l->number, wrong);
		buf_cut(&s->store, start);
	} else {
		keep(s, &e);
	}
}

static bool
is_side(const char *word)
{
	return strcasecmp(word, "client") == 0 ||
	    strcasecmp(word, "server") == 0;
}

/* Take the line apart; the first two fields may come the other way round. */
static void
split(struct line *l, char *text)
{
	char *swap;

	for (int i = 0; i < FIELDS; i++)
		l->field[i] = text_word(&text);
	l->extra = text_word(&text) != NULL;
	if (l->field[MECHANISM] && !is_side(l->field[SIDE]) &&
	    is_side(l->field[MECHANISM])) {
		swap = l->field[SIDE];
		l->field[SIDE] = l->field[MECHANISM];
		l->field[MECHANISM] = swap;
	}
}

static void
read_line(struct secrets *s, char *text, size_t number)
{
	struct line l = { .number = number };
	const struct word *w;

	split(&l, text);
	if (!l.field[VALUE]) {
		warn(s, number, "too few fields");
		return;
	}
	if (!is_side(l.field[SIDE]))
		return;
	if (l.extra || (l.field[SELECTOR] &&
	    strcasecmp(l.field[SIDE], "server") == 0))
		warn(s, number, NULL);
	w = find_word(l.field[MECHANISM]);
	if (w)
		read_entry(s, &l, w);
	else if (strcasecmp(l.field[SIDE], "server") == 0)
		warn(s, number, "unknown mechanism");
}

/* A line of the file as it is, n octets with a NUL behind them. */
static void
take_line(struct secrets *s, char *line, size_t n, size_t number)
{
	char *text;

	for (size_t i = 0; i < n; i++)
		if (line[i] == '\t' || line[i] == '\r')
			line[i] = ' ';
	if (n > SECRETS_LINE) {
		warn(s, number, "too long");
		return;
	}
	if (!text_clean(line, n)) {
		warn(s, number, "control characters");
		return;
	}
	text = text_trim(line);
	if (*text && *text != '#')
		read_line(s, text, number);
}

void
secrets_parse(struct secrets *s, const char *path, char *text, size_t n)
{
	char *end = text + n, *lf;
	size_t number = 0;

	*s = (struct secrets){ .path = path };
	/* enough: what a line has in the store is shorter than the line */
	buf_reserve(&s->store, n + 1);
	for (; text < end; text = lf + 1) {
		lf = memchr(text, '\n', (size_t)(end - text));
		if (!lf)
			lf = end;
		*lf = '\0';
		take_line(s, text, (size_t)(lf - text), ++number);
	}
}

/* What is wrong with the file, or NULL. */
static const char *
objection(int fd, off_t *size)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return strerror(errno);
	*size = st.st_size;
	if (!S_ISREG(st.st_mode))
		return "not a regular file";
	if (st.st_mode & S_IRWXO)
		return "others may use it: chmod o= is wanted";
	if (st.st_size > SECRETS_OCTETS)
		return "too large";
	return NULL;
}

/* Up to so many octets; more may have been written meanwhile. */
static bool
read_all(int fd, struct buf *text, size_t most)
{
	ssize_t n;

	buf_reserve(text, most);
	while (text->n < most) {
		n = read(fd, text->s + text->n, most - text->n);
		if (n == 0)
			break;
		if (n > 0)
			text->n += (size_t)n;
		else if (errno != EINTR)
			return false;
	}
	text->s[text->n] = '\0';
	return true;
}

static bool
read_and_parse(struct secrets *s, int fd, size_t most, const char *path,
    struct buf *why)
{
	struct buf text = { 0 };
	bool ok = read_all(fd, &text, most);

	if (ok)
		secrets_parse(s, path, text.s, text.n);
	else
		buf_printf(why, "cannot read secrets file '%s': %s", path,
		    strerror(errno));
	buf_wipe(&text);
	return ok;
}

bool
secrets_read(struct secrets *s, const char *path, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	off_t size = 0;
	const char *no;
	bool ok = false;

	*s = (struct secrets){ .path = path };
	no = fd < 0 ? strerror(errno) : objection(fd, &size);
	if (no)
		buf_printf(why, "cannot read secrets file '%s': %s", path, no);
	else
		ok = read_and_parse(s, fd, (size_t)size, path, why);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
secrets_read_fd(struct secrets *s, int fd, const char *name, struct buf *why)
{
	*s = (struct secrets){ .path = name };
	return read_and_parse(s, fd, SECRETS_OCTETS, name, why);
}

bool
secrets_has(const struct secrets *s, enum secret_kind kind)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->entries[i].client && s->entries[i].kind == kind)
			return true;
	return false;
}

static bool
is_entry(const struct secrets *s, const struct secret *e,
    enum secret_kind kind, const char *id, size_t n)
{
	return !e->client && e->kind == kind && e->id_n == n &&
	    memcmp(secrets_id(s, e), id, n) == 0;
}

const struct secret *
secrets_find(const struct secrets *s, enum secret_kind kind, const char *id,
    size_t n)
{
	const struct secret *found = NULL;

	for (size_t i = s->n; i-- > 0;)
		if (is_entry(s, &s->entries[i], kind, id, n))
			found = &s->entries[i];
	return found;
}

const struct secret *
secrets_own(const struct secrets *s, enum secret_kind kind)
{
	const struct secret *e;

	for (size_t i = 0; i < s->n; i++) {
		e = &s->entries[i];
		if (e->client && e->kind == kind && e->id_n > 0 &&
		    *secrets_selector(s, e) == '\0')
			return e;
	}
	return NULL;
}

const char *
secrets_trust(const struct secrets *s, const char *ip)
{
	const struct secret *e;

	for (size_t i = 0; i < s->n; i++) {
		e = &s->entries[i];
		if (!e->client && e->kind == SECRET_NONE &&
		    cidr_match(secrets_id(s, e), ip))
			return secrets_value(s, e);
	}
	return NULL;
}

const char *
secrets_id(const struct secrets *s, const struct secret *e)
{
	return s->store.s + e->id;
}

const char *
secrets_value(const struct secrets *s, const struct secret *e)
{
	return s->store.s + e->value;
}

const char *
secrets_selector(const struct secrets *s, const struct secret *e)
{
	return s->store.s + e->selector;
}

void
secrets_wipe(struct secrets *s)
{
	buf_wipe(&s->store);
	free(s->entries);
	*s = (struct secrets){ .path = s->path };
}
