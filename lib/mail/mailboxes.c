/* SPDX-License-Identifier: ISC */
#include "mail/mailboxes.h"

#include <string.h>

#include "base/text.h"
#include "mail/address.h"

struct reading {
	const char *p, *end;
	struct buf text;        /* the address at hand */
	bool gap;               /* a blank came, behind what is in text */
	bool words;             /* text is several words: a display name */
	bool angle;             /* the address was in <>: text is final */
};

/* Behind a quoted string, a comment or a domain literal that begins at p;
 * the end of the text if it is not closed. */
static const char *
skip_enclosed(const char *p, const char *end, char close)
{
	char open = *p++;
	int depth = 1;

	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == close && --depth == 0)
			return p + 1;
		else if (*p == open && open == '(')
			depth++;
	}
	return end;
}

/* Add octets to the address, unless it has been found already. */
static void
add(struct reading *r, const char *p, size_t n)
{
	char last = r->text.n ? r->text.s[r->text.n - 1] : '@';

	if (r->angle)
		return;
	/* "bob . smith @ example" is one address, "bob smith" is not */
	if (r->gap && !strchr("@.", last) && *p != '@' && *p != '.') {
		r->words = true;
		buf_putc(&r->text, ' ');
	}
	r->gap = false;
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && p[i] != '\n')
			buf_putc(&r->text, p[i]);
}

/* What is between < and >, where r->p is; goes behind the >. */
static void
read_angle(struct reading *r)
{
	const char *next;
	bool first = !r->angle;

	if (first) {
		buf_clear(&r->text);
		r->gap = r->words = false;
	}
	for (r->p++; r->p < r->end && *r->p != '>'; r->p = next) {
		next = r->p + 1;
		if (*r->p == '(')
			next = skip_enclosed(r->p, r->end, ')');
		else if (*r->p == '"') {
			next = skip_enclosed(r->p, r->end, '"');
			add(r, r->p, (size_t)(next - r->p));
		} else if (*r->p == ' ' || strchr("\t\r\n", *r->p))
			r->gap = true;
		else
			add(r, r->p, 1);
	}
	if (r->p < r->end)
		r->p++;
	r->angle = true;
}

/* The address is complete: have it checked, and begin anew. */
static bool
finish(struct reading *r, struct list *out, struct buf *bad)
{
	struct buf path = { 0 }, mailbox = { 0 };
	const char *s;
	bool ok = true;

	if (r->text.n > 0) {
		buf_putc(&path, '<');
		buf_add(&path, r->text.s, r->text.n);
		buf_putc(&path, '>');
		s = path.s;
		ok = !r->words && strlen(path.s) == path.n &&
		    address_path(&s, true, &mailbox) == ADDRESS_OK && !*s;
		if (ok && mailbox.n)
			list_add(out, mailbox.s);
		else if (!ok)
			buf_add(bad, r->text.s, r->text.n);
	}
	buf_free(&path);
	buf_free(&mailbox);
	buf_clear(&r->text);
	r->gap = r->words = r->angle = false;
	return ok;
}

static void
read_item(struct reading *r)
{
	const char *start = r->p;

	switch (*start) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		r->gap = true;
		r->p++;
		break;
	case '(':
		r->p = skip_enclosed(start, r->end, ')');
		r->gap = true;
		break;
	case '<':
		read_angle(r);
		break;
	case '"':
	case '[':
		r->p = skip_enclosed(start, r->end, *start == '"' ? '"' : ']');
		add(r, start, (size_t)(r->p - start));
		break;
	case ':':
		/* what came was the name of a group */
		buf_clear(&r->text);
		r->gap = r->words = false;
		r->p++;
		break;
	default:
		add(r, start, 1);
		r->p++;
	}
}

bool
mailboxes_read(const char *text, size_t n, struct list *out,
    struct buf *bad)
{
	struct reading r = { .p = text, .end = text + n };
	bool ok = true;

	while (ok && r.p < r.end) {
		if (*r.p == ',' || *r.p == ';') {
			ok = finish(&r, out, bad);
			r.p++;
		} else {
			read_item(&r);
		}
	}
	ok = ok && finish(&r, out, bad);
	buf_free(&r.text);
	return ok;
}

/* --- display names --- */

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

static void
encode_words(struct buf *out, const char *name)
{
	/* an encoded word has at most 75 octets, and no character is cut */
	static const char open[] = "=?UTF-8?Q?";
	const size_t most = 60;
	size_t start = out->n;

	buf_puts(out, open);
	for (; *name; name++) {
		if (out->n - start > most && (*name & 0xc0) != 0x80) {
			buf_puts(out, "?= ");
			start = out->n;
			buf_puts(out, open);
		}
		if (is_plain(*name))
			buf_putc(out, *name);
		else
			buf_printf(out, "=%02X", (unsigned char)*name);
	}
	buf_puts(out, "?=");
}

void
mailbox_display_name(struct buf *out, const char *name)
{
	size_t n = strlen(name);
	bool plain = true;

	for (size_t i = 0; i < n; i++)
		plain = plain && (is_plain(name[i]) || name[i] == ' ');
	if (!text_clean(name, n) || !text_utf8(name, n))
		return;
	if (plain) {
		buf_puts(out, name);
		return;
	}
	if (!text_ascii(name, n)) {
		encode_words(out, name);
		return;
	}
	buf_putc(out, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *name);
	}
	buf_putc(out, '"');
}
