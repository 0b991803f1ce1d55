/* SPDX-License-Identifier: ISC */
#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "mail/address.h"
#include "mail/journal.h"

#define PREFIX "X-MailRelay-"
enum { PREFIX_LEN = sizeof PREFIX - 1 };

enum { OLDEST = 3, NEWEST = 8, WRITTEN = 4 };

/* The lines behind the recipients, in order, and the formats that have
 * them. */
static const struct {
	const char *name;
	int since, until;
	size_t at;              /* a struct buf in struct envelope */
} fields[] = {
	{ "Authentication", 3, 8, offsetof(struct envelope, auth) },
	{ "Client", 3, 8, offsetof(struct envelope, client) },
	{ "ClientName", 4, 4, offsetof(struct envelope, client_name) },
	{ "ClientCertificate", 4, 8,
	    offsetof(struct envelope, client_certificate) },
	{ "MailFromAuthIn", 5, 8, offsetof(struct envelope, auth_in) },
	{ "MailFromAuthOut", 5, 8, offsetof(struct envelope, auth_out) },
	{ "ForwardTo", 6, 8, offsetof(struct envelope, forward_to) },
	{ "ForwardToAddress", 6, 8,
	    offsetof(struct envelope, forward_to_address) },
	{ "ClientAccountSelector", 8, 8, offsetof(struct envelope, account) },
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

/* --- the recipients --- */

struct settled {
	enum recipient how;
	size_t reply;           /* place in replies, from 1; 0: none */
};

enum recipient
envelope_recipient(const struct envelope *e, size_t i)
{
	return e->settled ? e->settled[i].how : RECIPIENT_PENDING;
}

size_t
envelope_recipients(const struct envelope *e, enum recipient state)
{
	return state == RECIPIENT_DONE ? e->done :
	    state == RECIPIENT_REFUSED ? e->refused :
	    e->remote.n - e->done - e->refused;
}

const char *
envelope_refusal(const struct envelope *e, size_t i)
{
	return e->settled && e->settled[i].reply ?
	    list_get(&e->replies, e->settled[i].reply - 1) : "";
}

/* Those of earlier attempts, so that a file that tells of many does not make
 * more and more of them. */
static void
forget_replies(struct envelope *e)
{
	for (size_t i = 0; i < e->remote.n; i++)
		e->settled[i].reply = 0;
	list_clear(&e->replies);
}

void
envelope_settle(struct envelope *e, size_t i, enum recipient how,
    const char *reply)
{
	struct settled *s;

	if (!e->settled) {
		e->settled = need_memory(e->remote.n * sizeof *s);
		memset(e->settled, 0, e->remote.n * sizeof *s);
	}
	s = &e->settled[i];
	if (s->how == RECIPIENT_DONE || s->how == how)
		return;
	e->refused -= s->how == RECIPIENT_REFUSED;
	e->refused += how == RECIPIENT_REFUSED;
	e->done += how == RECIPIENT_DONE;
	s->how = how;
	if (how == RECIPIENT_REFUSED) {
		if (e->refused == 1 && e->replies.n > 2 * e->remote.n)
			forget_replies(e);
		list_add(&e->replies, reply);
		buf_add(&e->whom, &i, sizeof i);
		s->reply = e->replies.n;
	}
}

void
envelope_reopen(struct envelope *e)
{
	if (e->refused == 0 || e->done + e->refused < e->remote.n)
		return;
	/* not all recipients are looked at: a file can ask for this often */
	for (size_t at = 0, i; at < e->whom.n; at += sizeof i) {
		memcpy(&i, e->whom.s + at, sizeof i);
		if (e->settled[i].how == RECIPIENT_REFUSED)
			e->settled[i].how = RECIPIENT_PENDING;
	}
	e->refused = 0;
	buf_clear(&e->whom);
}

static void
forget_recipients(struct envelope *e)
{
	free(e->settled);
	e->settled = NULL;
	e->done = e->refused = 0;
	list_clear(&e->replies);
	buf_clear(&e->whom);
}

void
envelope_clear(struct envelope *e)
{
	buf_clear(&e->from);
	list_clear(&e->local);
	list_clear(&e->remote);
	for (size_t i = 0; i < FIELDS; i++)
		buf_clear((struct buf *)(void *)((char *)e + fields[i].at));
	buf_clear(&e->reason);
	buf_clear(&e->bounced);
	e->eight_bit = e->utf8 = false;
	e->tries = e->next_try = 0;
	forget_recipients(e);
}

void
envelope_free(struct envelope *e)
{
	buf_free(&e->from);
	list_free(&e->local);
	list_free(&e->remote);
	for (size_t i = 0; i < FIELDS; i++)
		buf_free((struct buf *)(void *)((char *)e + fields[i].at));
	buf_free(&e->reason);
	buf_free(&e->bounced);
	forget_recipients(e);
	list_free(&e->replies);
	buf_free(&e->whom);
	*e = (struct envelope){ 0 };
}

/* --- reading --- */

struct cursor {
	const char *p;          /* the rest of the text */
	size_t n;
	struct buf line;        /* the line at hand, without its line end */
	bool any;               /* there is a line at hand */
	struct buf *why;
};

/* Go to the next line. A last one without a line end does not count. */
static void
advance(struct cursor *c)
{
	const char *lf = c->n ? memchr(c->p, '\n', c->n) : NULL;
	size_t n;

	buf_clear(&c->line);
	c->any = lf != NULL;
	if (!lf)
		return;
	n = (size_t)(lf - c->p);
	buf_add(&c->line, c->p, n > 0 && lf[-1] == '\r' ? n - 1 : n);
	c->p += n + 1;
	c->n -= n + 1;
}

static bool
bad_field(struct cursor *c, const char *name)
{
	buf_printf(c->why, "format error: %s", name);
	return false;
}

/* The value, if the line at hand is `X-MailRelay-NAME: value`. */
static const char *
value_of(const struct cursor *c, const char *name)
{
	const char *s = buf_text(&c->line);
	size_t n = strlen(name);

	if (!c->any || strncasecmp(s, PREFIX, PREFIX_LEN) != 0 ||
	    strncasecmp(s + PREFIX_LEN, name, n) != 0 ||
	    s[PREFIX_LEN + n] != ':')
		return NULL;
	s += PREFIX_LEN + n + 1;
	return *s == ' ' ? s + 1 : s;
}

/* Take a line that has to be this one; its value must be clean. */
static bool
take(struct cursor *c, const char *name, struct buf *out)
{
	const char *value = value_of(c, name);

	if (!value || !text_clean(c->line.s, c->line.n))
		return bad_field(c, name);
	buf_set(out, value);
	advance(c);
	/* #2821.8 folds a certificate over lines that begin with a blank */
	while (c->any && c->line.n && c->line.s[0] == ' ') {
		if (!text_clean(c->line.s, c->line.n))
			return bad_field(c, name);
		buf_add(out, c->line.s + 1, c->line.n - 1);
		advance(c);
	}
	return true;
}

static bool
read_format(struct cursor *c, int *format)
{
	struct buf value = { 0 };
	uint64_t v = 0;
	bool ok = take(c, "Format", &value);

	if (ok && (strncmp(buf_text(&value), "#2821.", 6) != 0 ||
	    !text_number(value.s + 6, OLDEST, NEWEST, &v))) {
		buf_puts(c->why, "invalid format field in envelope: ");
		text_printable(c->why, buf_text(&value), value.n);
		ok = false;
	}
	*format = (int)v;
	buf_free(&value);
	return ok;
}

/* E-MailRelay's submit tool has stored whole From: header lines. */
static void
strip_display_name(struct buf *from)
{
	char *open = from->n ? strrchr(from->s, '<') : NULL;

	if (open && from->s[from->n - 1] == '>') {
		buf_cut(from, from->n - 1);
		buf_shift(from, (size_t)(open + 1 - from->s));
	}
}

static bool
read_sender(struct cursor *c, struct envelope *e)
{
	struct buf content = { 0 };
	bool ok;

	ok = take(c, "Content", &content) && take(c, "From", &e->from);
	e->eight_bit = strcmp(buf_text(&content), "7bit") != 0;
	buf_free(&content);
	if (!ok)
		return false;
	strip_display_name(&e->from);
	if (e->from.n && address_check(e->from.s, true) != ADDRESS_OK)
		return bad_field(c, "From");
	return true;
}

static bool
read_list(struct cursor *c, const char *name, bool addresses, struct list *l)
{
	const char *value;

	while ((value = value_of(c, name)) != NULL) {
		if (!text_clean(c->line.s, c->line.n) ||
		    l->n == ENVELOPE_RECIPIENTS ||
		    (addresses && address_check(value, true) != ADDRESS_OK))
			return bad_field(c, name);
		list_add(l, value);
		advance(c);
	}
	return true;
}

static bool
read_recipients(struct cursor *c, struct envelope *e)
{
	struct buf text = { 0 };
	uint64_t count;
	bool ok;

	ok = take(c, "ToCount", &text) &&
	    (text_number(buf_text(&text), 0, 2 * ENVELOPE_RECIPIENTS, &count) ||
	    bad_field(c, "ToCount"));
	buf_free(&text);
	if (!ok || !read_list(c, "To-Local", false, &e->local) ||
	    !read_list(c, "To-Remote", true, &e->remote))
		return false;
	if (count == e->local.n + e->remote.n)
		return true;
	return bad_field(c, "ToCount");
}

static bool
read_fields(struct cursor *c, struct envelope *e, int format)
{
	struct buf flag = { 0 };
	bool ok = true;

	for (size_t i = 0; ok && i < FIELDS; i++)
		if (fields[i].since <= format && format <= fields[i].until)
			ok = take(c, fields[i].name, (struct buf *)(void *)
			    ((char *)e + fields[i].at));
	if (ok && format >= 7) {
		ok = take(c, "Utf8MailboxNames", &flag);
		e->utf8 = ok && strcmp(buf_text(&flag), "1") == 0;
	}
	if (ok && !value_of(c, "End")) {
		buf_puts(c->why,
		    "invalid envelope file: misplaced end marker");
		ok = false;
	}
	buf_free(&flag);
	return ok;
}

bool
envelope_parse(struct envelope *e, const char *p, size_t n, struct buf *why)
{
	struct cursor c = { .p = p, .n = n, .why = why };
	int format;
	bool ok;

	envelope_clear(e);
	buf_clear(why);
	advance(&c);
	ok = read_format(&c, &format) && read_sender(&c, e) &&
	    read_recipients(&c, e) && read_fields(&c, e, format);
	if (ok)
		journal_read(e, c.p, c.n);
	buf_free(&c.line);
	return ok;
}

/* --- writing --- */

static bool
put(struct buf *out, const char *name, const char *value)
{
	if (!text_clean(value, strlen(value)))
		return false;
	buf_printf(out, PREFIX "%s: %s\r\n", name, value);
	return true;
}

static bool
put_list(struct buf *out, const char *name, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!put(out, name, list_get(l, i)))
			return false;
	return true;
}

static bool
put_fields(struct buf *out, const struct envelope *e)
{
	const struct buf *value;

	for (size_t i = 0; i < FIELDS; i++) {
		value = (const struct buf *)(const void *)
		    ((const char *)e + fields[i].at);
		if (fields[i].since <= WRITTEN && WRITTEN <= fields[i].until &&
		    !put(out, fields[i].name, buf_text(value)))
			return false;
	}
	return true;
}

bool
envelope_format(const struct envelope *e, struct buf *out)
{
	size_t start = out->n;
	bool ok;

	buf_printf(out, PREFIX "Format: #2821.%d\r\n", WRITTEN);
	ok = put(out, "Content", e->eight_bit ? "8bit" : "7bit") &&
	    put(out, "From", buf_text(&e->from));
	buf_printf(out, PREFIX "ToCount: %zu\r\n",
	    e->local.n + e->remote.n);
	ok = ok && put_list(out, "To-Local", &e->local) &&
	    put_list(out, "To-Remote", &e->remote) && put_fields(out, e) &&
	    put(out, "End", "1");
	if (ok && e->utf8)
		buf_puts(out, "X-Sluice-Utf8: 1\r\n");
	if (!ok)
		buf_cut(out, start);
	return ok;
}
