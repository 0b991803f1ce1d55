/* SPDX-License-Identifier: ISC */
#include "mail/submission.h"

#include <string.h>

#include "base/text.h"
#include "mail/address.h"
#include "mail/header.h"
#include "mail/mailboxes.h"

struct making {
	const struct submission *s;
	const char *header;
	size_t n;
	struct envelope *e;
	struct buf *why;
};

static bool
has(const struct making *m, const char *name)
{
	return header_count(m->header, m->n, name) > 0;
}

static bool
bad_address(struct making *m, const struct buf *bad)
{
	buf_puts(m->why, "bad address: ");
	text_printable(m->why, buf_text(bad), bad->n);
	return false;
}

/* The mailbox, with a domain if it lacks one. */
static void
qualify(struct making *m, const char *mailbox, struct buf *out)
{
	buf_set(out, mailbox);
	if (m->s->domain && mailbox[0] && !address_domain(mailbox))
		buf_printf(out, "@%s", m->s->domain);
	m->e->utf8 |= !text_ascii(buf_text(out), out->n);
}

static bool
add_recipients(struct making *m, const char *text, size_t n)
{
	struct list found = { 0 };
	struct buf address = { 0 }, bad = { 0 };
	bool ok = mailboxes_read(text, n, &found, &bad);

	if (!ok)
		bad_address(m, &bad);
	for (size_t i = 0; ok && i < found.n; i++) {
		qualify(m, list_get(&found, i), &address);
		list_add(&m->e->remote, address.s);
	}
	buf_free(&address);
	buf_free(&bad);
	list_free(&found);
	return ok;
}

static bool
is_recipient_field(const struct header_field *f, bool resent)
{
	static const char *const names[2][3] = {
		{ "To", "Cc", "Bcc" },
		{ "Resent-To", "Resent-Cc", "Resent-Bcc" },
	};

	for (size_t i = 0; i < 3; i++)
		if (header_is(f, names[resent][i]))
			return true;
	return false;
}

static bool
add_from_header(struct making *m)
{
	struct header_walk w = { m->header, m->n };
	struct header_field f;
	bool resent = has(m, "Resent-To") || has(m, "Resent-Cc") ||
	    has(m, "Resent-Bcc");

	while (header_next(&w, &f))
		if (is_recipient_field(&f, resent) &&
		    !add_recipients(m, f.value, f.value_n))
			return false;
	return true;
}

static void
drop_twins(struct list *l)
{
	struct list once = { 0 };

	list_sort(l, strcmp);
	for (size_t i = 0; i < l->n; i++)
		if (i == 0 || strcmp(list_get(l, i - 1), list_get(l, i)) != 0)
			list_add(&once, list_get(l, i));
	list_free(l);
	*l = once;
}

static bool
find_recipients(struct making *m, const struct list *to)
{
	const char *s;

	for (size_t i = 0; i < to->n; i++) {
		s = list_get(to, i);
		/* "\bob": once meant that no alias is to be looked up */
		s += *s == '\\';
		if (!add_recipients(m, s, strlen(s)))
			return false;
	}
	if (m->s->from_header && !add_from_header(m))
		return false;
	if (m->s->complete)
		drop_twins(&m->e->remote);
	if (m->e->remote.n > 0 && m->e->remote.n <= ENVELOPE_RECIPIENTS)
		return true;
	buf_puts(m->why, m->e->remote.n ? "too many recipients" :
	    "no recipients");
	return false;
}

/* The first address of the last From field. */
static bool
sender_of_header(struct making *m, struct buf *out)
{
	struct header_walk w = { m->header, m->n };
	struct header_field f;
	struct list found = { 0 };
	struct buf ignored = { 0 };

	buf_clear(out);
	while (header_next(&w, &f)) {
		if (!header_is(&f, "From"))
			continue;
		list_clear(&found);
		mailboxes_read(f.value, f.value_n, &found, &ignored);
		if (found.n)
			buf_set(out, list_get(&found, 0));
	}
	list_free(&found);
	buf_free(&ignored);
	return out->n > 0;
}

static bool
find_sender(struct making *m)
{
	const struct submission *s = m->s;
	struct list one = { 0 };
	struct buf address = { 0 };
	bool ok = true;

	if (s->sender) {
		ok = mailboxes_read(s->sender, strlen(s->sender), &one,
		    &address) && one.n < 2;
		if (!ok) {
			buf_set(&address, s->sender);
			bad_address(m, &address);
		}
		buf_set(&address, ok && one.n ? list_get(&one, 0) : "");
	} else if (s->complete || !sender_of_header(m, &address)) {
		buf_set(&address, s->login);
	}
	if (ok)
		qualify(m, buf_text(&address), &m->e->from);
	buf_free(&address);
	list_free(&one);
	return ok;
}

static bool
is_to_be_removed(const struct header_field *f)
{
	return header_is(f, "Bcc") || header_is(f, "Resent-Bcc");
}

static void
copy_fields(const struct making *m, struct buf *out)
{
	struct header_walk w = { m->header, m->n };
	struct header_field f;

	while (header_next(&w, &f))
		if (!m->s->complete || !is_to_be_removed(&f))
			buf_add(out, f.start, f.n);
}

/* From: the sender, or if that is <> whoever calls. */
static void
add_from(struct making *m, struct buf *out)
{
	const struct submission *s = m->s;
	struct buf name = { 0 }, address = { 0 };

	qualify(m, m->e->from.n ? m->e->from.s : s->login, &address);
	if (s->full_name)
		mailbox_display_name(&name, s->full_name);
	if (name.n)
		buf_printf(out, "From: %s <%s>\r\n", name.s, address.s);
	else
		buf_printf(out, "From: %s\r\n", address.s);
	buf_free(&name);
	buf_free(&address);
}

static void
add_fields(struct making *m, struct buf *out)
{
	const struct submission *s = m->s;

	if (!has(m, "From") && (s->complete || (s->sender && m->e->from.n)))
		add_from(m, out);
	if (!s->complete)
		return;
	if (!has(m, "Date"))
		buf_printf(out, "Date: %s\r\n", s->date);
	if (!has(m, "Message-ID"))
		buf_printf(out, "Message-ID: <%s@%s>\r\n", s->unique,
		    s->domain ? s->domain : "localhost");
}

bool
submission_make(const struct submission *s, const struct list *to,
    const char *header, size_t n, struct envelope *e, struct buf *out,
    struct buf *why)
{
	struct making m = { s, header, n, e, why };

	if (!find_recipients(&m, to) || !find_sender(&m))
		return false;
	copy_fields(&m, out);
	add_fields(&m, out);
	buf_puts(out, "\r\n");
	return true;
}
