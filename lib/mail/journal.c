/* SPDX-License-Identifier: ISC */
#include "mail/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mail/address.h"

static const char utf8[] = "X-Sluice-Utf8: 1";
static const char bounced[] = "X-Sluice-Bounced: ";
static const char deferred[] = "X-Sluice-Deferred: ";
static const char reason[] = "X-MailRelay-Reason:";
static const char *const settled[RECIPIENT_STATES] = {
	[RECIPIENT_DONE] = "X-Sluice-Done: ",
	[RECIPIENT_REFUSED] = "X-Sluice-Refused: "
};

/* Where an address stands in the list of recipients. */
struct place {
	const char *address;
	size_t i;
};

/* They are sorted by address when the first one is looked for. */
struct reader {
	struct envelope *e;
	struct place *places;
};

static int
by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return strcmp(x->address, y->address);
}

static void
sort_places(struct reader *r)
{
	const struct list *remote = &r->e->remote;

	r->places = need_memory(remote->n * sizeof *r->places);
	for (size_t i = 0; i < remote->n; i++)
		r->places[i] = (struct place){ list_get(remote, i), i };
	qsort(r->places, remote->n, sizeof *r->places, by_address);
}

/* The one who is named, as often as he is in the list. */
static void
settle(struct reader *r, const char *address, enum recipient how,
    const char *reply)
{
	const struct place key = { .address = address }, *at, *end;

	if (r->e->remote.n == 0)
		return;
	if (!r->places)
		sort_places(r);
	at = bsearch(&key, r->places, r->e->remote.n, sizeof key, by_address);
	if (!at)
		return;
	end = r->places + r->e->remote.n;
	while (at > r->places && strcmp(at[-1].address, address) == 0)
		at--;
	for (; at < end && strcmp(at->address, address) == 0; at++)
		envelope_settle(r->e, at->i, how, reply);
}

/* Cut `<ADDRESS> REPLY` in two. An address may have a bracket in quotes: the
 * right one is that before which stands an address. */
static bool
cut_address(char *value, char **address, char **reply)
{
	char *end = value;

	if (*value != '<')
		return false;
	*address = value + 1;
	while ((end = strchr(end + 1, '>')) != NULL &&
	    end - value <= ADDRESS_MOST + 1) {
		*end = '\0';
		if (end[1] == ' ' && address_check(*address, true) == ADDRESS_OK) {
			*reply = end + 2;
			return true;
		}
		*end = '>';
	}
	return false;
}

static void
read_settled(struct reader *r, char *value, enum recipient how)
{
	char *address, *reply;

	if (!cut_address(value, &address, &reply))
		return;
	/* a new attempt, after the message was given up */
	envelope_reopen(r->e);
	settle(r, address, how, reply);
}

static void
read_deferred(struct envelope *e, char *value)
{
	char *rest = value, *tries, *next;
	uint64_t n, t;

	tries = text_word(&rest);
	next = text_word(&rest);
	if (tries && next && text_number(tries, 0, UINT32_MAX, &n) &&
	    text_number(next, 0, INT64_MAX, &t)) {
		e->tries = n;
		e->next_try = t;
		buf_set(&e->reason, text_trim(rest));
	}
}

static void
read_line(struct reader *r, char *line)
{
	struct envelope *e = r->e;

	if (text_starts(line, reason)) {
		line += sizeof reason - 1;
		buf_set(&e->reason, *line == ' ' ? line + 1 : line);
	} else if (text_starts(line, deferred)) {
		read_deferred(e, line + sizeof deferred - 1);
	} else if (text_starts(line, bounced)) {
		buf_set(&e->bounced, line + sizeof bounced - 1);
	} else if (text_starts(line, utf8)) {
		e->utf8 = true;
	} else {
		for (int how = RECIPIENT_DONE; how < RECIPIENT_STATES; how++)
			if (text_starts(line, settled[how]))
				read_settled(r, line + strlen(settled[how]),
				    (enum recipient)how);
	}
}

void
journal_read(struct envelope *e, const char *p, size_t n)
{
	struct reader r = { .e = e };
	struct buf line = { 0 };
	const char *lf;
	size_t k;

	for (; n > 0 && (lf = memchr(p, '\n', n)) != NULL; p += k, n -= k) {
		k = (size_t)(lf + 1 - p);
		buf_clear(&line);
		buf_add(&line, p, k > 1 && lf[-1] == '\r' ? k - 2 : k - 1);
		if (line.n && text_clean(line.s, line.n))
			read_line(&r, line.s);
	}
	envelope_reopen(e);
	free(r.places);
	buf_free(&line);
}

/* --- writing --- */

void
journal_deferred(struct buf *out, uint64_t tries, uint64_t next_try,
    const char *why)
{
	buf_printf(out, "%s%" PRIu64 " %" PRIu64 " ", deferred, tries,
	    next_try);
	text_printable(out, why, strlen(why));
	buf_puts(out, "\r\n");
}

void
journal_due(struct buf *out, const struct envelope *e)
{
	/* the reason was made printable when it was written first */
	buf_printf(out, "%s%" PRIu64 " 0 %s\r\n", deferred, e->tries,
	    buf_text(&e->reason));
}

void
journal_failed(struct buf *out, const char *why, int code)
{
	buf_printf(out, "%s ", reason);
	text_printable(out, why, strlen(why));
	buf_puts(out, "\r\nX-MailRelay-ReasonCode:");
	if (code)
		buf_printf(out, " %d", code);
	buf_puts(out, "\r\n");
}

void
journal_bounced(struct buf *out, const char *report)
{
	buf_printf(out, "%s%s\r\n", bounced, report);
}

void
journal_settled(struct buf *out, const char *address, enum recipient how,
    const char *reply)
{
	struct buf text = { 0 };

	text_printable(&text, reply, strnlen(reply, JOURNAL_REPLY));
	if (text.n > JOURNAL_REPLY)
		buf_cut(&text, JOURNAL_REPLY);
	buf_printf(out, "%s<%s> %s\r\n", settled[how], address,
	    buf_text(&text));
	buf_free(&text);
}
