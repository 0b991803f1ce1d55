/* SPDX-License-Identifier: ISC */
#include "spool/present.h"

#include <inttypes.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"

/* --- the table --- */

void
present_row_head(struct buf *out)
{
	buf_printf(out, "%-36s %-5s %9s %4s %5s  %s\n", "ID", "STATE", "SIZE",
	    "AGE", "TRIES", "FROM  TO");
}

static void
add_age(struct buf *out, uint64_t age)
{
	if (age < 120)
		buf_printf(out, "%" PRIu64 "s", age);
	else if (age < 7200)
		buf_printf(out, "%" PRIu64 "m", age / 60);
	else if (age < 2 * 86400)
		buf_printf(out, "%" PRIu64 "h", age / 3600);
	else
		buf_printf(out, "%" PRIu64 "d", age / 86400);
}

static void
add_address(struct buf *out, const char *address)
{
	if (*address)
		text_printable(out, address, strlen(address));
	else
		buf_puts(out, "<>");
}

static void
add_parties(struct buf *out, const struct inspected *m)
{
	size_t n = m->to.n;

	if (m->damaged) {
		buf_puts(out, "(damaged: ");
		text_printable(out, m->why.s, m->why.n);
		buf_putc(out, ')');
		return;
	}
	add_address(out, buf_text(&m->envelope.from));
	buf_puts(out, "  ");
	if (n > 0)
		add_address(out, list_get(&m->to, 0));
	if (n > 1)
		buf_printf(out, " and %zu more", n - 1);
}

void
present_row(struct buf *out, const struct inspected *m)
{
	struct buf size = { 0 }, age = { 0 };

	if (m->has_text) {
		buf_printf(&size, "%" PRIu64, m->octets);
		add_age(&age, m->age);
	}
	buf_printf(out, "%-36s %-5s %9s %4s %5" PRIu64 "  ", m->id.s,
	    state_words[m->state], size.n ? size.s : "-",
	    age.n ? age.s : "-", m->envelope.tries);
	add_parties(out, m);
	buf_putc(out, '\n');
	buf_free(&size);
	buf_free(&age);
}

/* --- JSON --- */

static void
add_json_text(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, ",\"%s\":", key);
	if (!value) {
		buf_puts(out, "null");
		return;
	}
	buf_putc(out, '"');
	text_json(out, value);
	buf_putc(out, '"');
}

static void
add_json_time(struct buf *out, const char *key, bool known, time_t when)
{
	struct buf text = { 0 };

	if (known)
		date_iso(&text, when);
	add_json_text(out, key, known ? text.s : NULL);
	buf_free(&text);
}

void
present_json_members(struct buf *out, const struct inspected *m)
{
	const struct envelope *e = &m->envelope;
	const struct buf *reason = m->damaged ? &m->why : &e->reason;

	buf_printf(out, "\"id\":\"%s\",\"state\":\"%s\"", m->id.s,
	    state_words[m->state]);
	if (m->has_text)
		buf_printf(out, ",\"size\":%" PRIu64 ",\"age\":%" PRIu64,
		    m->octets, m->age);
	else
		buf_puts(out, ",\"size\":null,\"age\":null");
	add_json_time(out, "time", m->has_text, m->time);
	add_json_text(out, "from", m->damaged ? NULL : buf_text(&e->from));
	buf_puts(out, ",\"to\":[");
	for (size_t i = 0; !m->damaged && i < m->to.n; i++) {
		buf_puts(out, i ? ",\"" : "\"");
		text_json(out, list_get(&m->to, i));
		buf_putc(out, '"');
	}
	buf_printf(out, "],\"tries\":%" PRIu64, e->tries);
	add_json_time(out, "next_try", e->next_try > 0, (time_t)e->next_try);
	add_json_text(out, "reason", reason->n ? reason->s : NULL);
	buf_printf(out, ",\"damaged\":%s", m->damaged ? "true" : "false");
}

void
present_json(struct buf *out, const struct inspected *m)
{
	buf_putc(out, '{');
	present_json_members(out, m);
	buf_puts(out, "}\n");
}

/* --- as Postfix prints its queue --- */

enum { MAILQ_INDENT = 70 };

void
present_mailq_head(struct buf *out)
{
	buf_printf(out, "%-37s %10s %-19s %s\n", "-Queue ID-", "--Size--",
	    "---Arrival Time----", "-Sender/Recipient-------");
}

static void
add_arrival(struct buf *out, const struct inspected *m)
{
	struct buf date = { 0 };
	struct tm tm;

	/* `Mon Nov 23 08:57:33`, made of `Mon, 23 Nov 2026 08:57:33 +0000` */
	if (m->has_text && localtime_r(&m->time, &tm)) {
		date_mail(&date, m->time);
		buf_printf(out, "%.3s %.3s %2d %02d:%02d:%02d", date.s,
		    strpbrk(date.s + 5, "JFMASOND"), tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
	} else {
		buf_printf(out, "%19s", "-");
	}
	buf_free(&date);
}

void
present_mailq(struct buf *out, const struct inspected *m)
{
	const struct envelope *e = &m->envelope;
	const struct buf *reason = m->damaged ? &m->why : &e->reason;
	char mark = m->state == STATE_BUSY ? '*' :
	    m->state == STATE_HOLD ? '!' : ' ';

	buf_printf(out, "%s%c%*s %10" PRIu64 " ", m->id.s, mark,
	    (int)(strlen(m->id.s) < 36 ? 36 - strlen(m->id.s) : 0), "",
	    m->octets);
	add_arrival(out, m);
	buf_putc(out, ' ');
	add_address(out, m->damaged ? "-" : e->from.n ? e->from.s :
	    "MAILER-DAEMON");
	buf_putc(out, '\n');
	if (reason->n) {
		buf_putc(out, '(');
		text_printable(out, reason->s, reason->n);
		buf_puts(out, ")\n");
	}
	for (size_t i = 0; !m->damaged && i < m->to.n; i++) {
		buf_printf(out, "%*s", MAILQ_INDENT, "");
		add_address(out, list_get(&m->to, i));
		buf_putc(out, '\n');
	}
}
